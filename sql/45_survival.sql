-- ---- survival: Kaplan-Meier, log-rank, proportional hazards, customer value

CREATE TYPE ecml_survival_state;
CREATE FUNCTION ecml_survival_state_in(cstring) RETURNS ecml_survival_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_survival_state_in(cstring) IS 'Reads the text form of a state of ecml_kaplan_meier and ecml_logrank. Errors: data_corrupted.';
CREATE FUNCTION ecml_survival_state_out(ecml_survival_state) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_survival_state_out(ecml_survival_state) IS 'Text form of a state of ecml_kaplan_meier and ecml_logrank.';
CREATE FUNCTION ecml_survival_state_recv(internal) RETURNS ecml_survival_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_survival_state_recv(internal) IS 'Reads the binary form of a state of ecml_kaplan_meier and ecml_logrank. Errors: data_corrupted.';
CREATE FUNCTION ecml_survival_state_send(ecml_survival_state) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_survival_state_send(ecml_survival_state) IS 'Binary form of a state of ecml_kaplan_meier and ecml_logrank.';
CREATE TYPE ecml_survival_state (
	INPUT = ecml_survival_state_in, OUTPUT = ecml_survival_state_out,
	RECEIVE = ecml_survival_state_recv, SEND = ecml_survival_state_send, STORAGE = extended);
COMMENT ON TYPE ecml_survival_state IS 'What ecml_kaplan_meier and ecml_logrank keep of rows: events and censored rows by duration and group, mergeable.';

CREATE TYPE ecml_survival_point AS (
	time float8, at_risk bigint, events bigint, censored bigint, survival float8, std_error float8, conf_low float8,
	conf_high float8);
COMMENT ON TYPE ecml_survival_point IS
'A point of a survival curve: rows at risk at that time, events and censored rows of it, the survival from it on with Greenwood''s standard error and a log-log confidence interval.';
CREATE TYPE ecml_logrank_result AS (
	chi_square float8, df int, p_value float8, groups text[], n bigint[], observed bigint[], expected float8[]);
COMMENT ON TYPE ecml_logrank_result IS
'Result of a log-rank test: for each group (in the order of their texts) its rows, the events seen, and those to expect if all groups had one curve.';
CREATE FUNCTION ecml_kaplan_meier_transition(ecml_survival_state, float8, boolean) RETURNS ecml_survival_state
AS 'MODULE_PATHNAME', 'ecml_kaplan_meier_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_kaplan_meier_transition(ecml_survival_state, float8, boolean) IS 'Adds a row to the state of ecml_kaplan_meier.';
CREATE FUNCTION ecml_kaplan_meier_transition(ecml_survival_state, float8, boolean, float8) RETURNS ecml_survival_state
AS 'MODULE_PATHNAME', 'ecml_kaplan_meier_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_kaplan_meier_transition(ecml_survival_state, float8, boolean, float8) IS 'Adds a row to the state of ecml_kaplan_meier.';
CREATE FUNCTION ecml_kaplan_meier_transition(ecml_survival_state, float8, bigint) RETURNS ecml_survival_state
AS 'MODULE_PATHNAME', 'ecml_kaplan_meier_transition_integer' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_kaplan_meier_transition(ecml_survival_state, float8, bigint) IS 'Adds a row to the state of ecml_kaplan_meier.';
CREATE FUNCTION ecml_kaplan_meier_transition(ecml_survival_state, float8, bigint, float8) RETURNS ecml_survival_state
AS 'MODULE_PATHNAME', 'ecml_kaplan_meier_transition_integer' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_kaplan_meier_transition(ecml_survival_state, float8, bigint, float8) IS 'Adds a row to the state of ecml_kaplan_meier.';
CREATE FUNCTION ecml_logrank_transition(ecml_survival_state, float8, boolean, "any") RETURNS ecml_survival_state
AS 'MODULE_PATHNAME', 'ecml_logrank_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_logrank_transition(ecml_survival_state, float8, boolean, "any") IS 'Adds a row to the state of ecml_logrank.';
CREATE FUNCTION ecml_logrank_transition(ecml_survival_state, float8, boolean, text) RETURNS ecml_survival_state
AS 'MODULE_PATHNAME', 'ecml_logrank_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_logrank_transition(ecml_survival_state, float8, boolean, text) IS 'Adds a row to the state of ecml_logrank.';
CREATE FUNCTION ecml_logrank_transition(ecml_survival_state, float8, bigint, "any") RETURNS ecml_survival_state
AS 'MODULE_PATHNAME', 'ecml_logrank_transition_integer' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_logrank_transition(ecml_survival_state, float8, bigint, "any") IS 'Adds a row to the state of ecml_logrank.';
CREATE FUNCTION ecml_logrank_transition(ecml_survival_state, float8, bigint, text) RETURNS ecml_survival_state
AS 'MODULE_PATHNAME', 'ecml_logrank_transition_integer' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_logrank_transition(ecml_survival_state, float8, bigint, text) IS 'Adds a row to the state of ecml_logrank.';
CREATE FUNCTION ecml_survival_combine(ecml_survival_state, ecml_survival_state) RETURNS ecml_survival_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_survival_combine(ecml_survival_state, ecml_survival_state) IS 'Merges two states of ecml_kaplan_meier or ecml_logrank. Errors: data_exception for states of different statistics.';
CREATE FUNCTION ecml_kaplan_meier_final(ecml_survival_state) RETURNS ecml_survival_point[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION ecml_kaplan_meier_final(ecml_survival_state) IS 'The survival curve of a state; NULL without rows.';
CREATE FUNCTION ecml_median_survival_final(ecml_survival_state) RETURNS float8
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_median_survival_final(ecml_survival_state) IS 'The median survival time of a state; NULL when it is not reached.';
CREATE FUNCTION ecml_logrank_final(ecml_survival_state) RETURNS ecml_logrank_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION ecml_logrank_final(ecml_survival_state) IS 'The log-rank test of a state; NULL without rows.';
CREATE AGGREGATE ecml_kaplan_meier(duration float8, event boolean) (
	SFUNC = ecml_kaplan_meier_transition, STYPE = ecml_survival_state, FINALFUNC = ecml_kaplan_meier_final,
	COMBINEFUNC = ecml_survival_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_kaplan_meier(float8, boolean) IS
'Kaplan and Meier''s survival curve: an array with a point for each distinct duration, to be unnested; 95 % log-log intervals, Greenwood''s standard errors. event: true when it came at the end of the duration, false when the row was watched no longer. Rows with NULL are left out; NULL without rows. Errors: data_exception (a duration that is negative or not finite), program_limit_exceeded (some 8 million distinct durations).';
CREATE AGGREGATE ecml_kaplan_meier(duration float8, event bigint) (
	SFUNC = ecml_kaplan_meier_transition, STYPE = ecml_survival_state, FINALFUNC = ecml_kaplan_meier_final,
	COMBINEFUNC = ecml_survival_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_kaplan_meier(float8, bigint) IS
'Kaplan and Meier''s survival curve with events given as 1 and 0; as ecml_kaplan_meier(float8, boolean). Errors: also data_exception for other numbers.';
CREATE AGGREGATE ecml_kaplan_meier(duration float8, event boolean, level float8) (
	SFUNC = ecml_kaplan_meier_transition, STYPE = ecml_survival_state, FINALFUNC = ecml_kaplan_meier_final,
	COMBINEFUNC = ecml_survival_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_kaplan_meier(float8, boolean, float8) IS
'Kaplan and Meier''s survival curve with intervals of the given level (above 0 and below 1); as ecml_kaplan_meier(float8, boolean). Errors: also invalid_parameter_value (level).';
CREATE AGGREGATE ecml_kaplan_meier(duration float8, event bigint, level float8) (
	SFUNC = ecml_kaplan_meier_transition, STYPE = ecml_survival_state, FINALFUNC = ecml_kaplan_meier_final,
	COMBINEFUNC = ecml_survival_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_kaplan_meier(float8, bigint, float8) IS
'Kaplan and Meier''s survival curve with events given as 1 and 0 and intervals of the given level; as ecml_kaplan_meier(float8, boolean). Errors: also invalid_parameter_value (level).';
CREATE AGGREGATE ecml_median_survival(duration float8, event boolean) (
	SFUNC = ecml_kaplan_meier_transition, STYPE = ecml_survival_state, FINALFUNC = ecml_median_survival_final,
	COMBINEFUNC = ecml_survival_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_median_survival(float8, boolean) IS
'Median survival time: the first duration at which Kaplan and Meier''s curve is at most a half, in units of duration; NULL when it stays above. event and errors as in ecml_kaplan_meier.';
CREATE AGGREGATE ecml_median_survival(duration float8, event bigint) (
	SFUNC = ecml_kaplan_meier_transition, STYPE = ecml_survival_state, FINALFUNC = ecml_median_survival_final,
	COMBINEFUNC = ecml_survival_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_median_survival(float8, bigint) IS
'Median survival time: the first duration at which Kaplan and Meier''s curve is at most a half, in units of duration; NULL when it stays above. event (1 or 0) and errors as in ecml_kaplan_meier.';
CREATE AGGREGATE ecml_logrank(duration float8, event boolean, grp "any") (
	SFUNC = ecml_logrank_transition, STYPE = ecml_survival_state, FINALFUNC = ecml_logrank_final,
	COMBINEFUNC = ecml_survival_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_logrank(float8, boolean, "any") IS
'Log-rank test: do the groups have one survival curve? Groups of any type are told apart by their text; p_value is NULL for one group. Errors: data_exception (durations, events), program_limit_exceeded (more than 1000 groups).';
CREATE AGGREGATE ecml_logrank(duration float8, event boolean, grp text) (
	SFUNC = ecml_logrank_transition, STYPE = ecml_survival_state, FINALFUNC = ecml_logrank_final,
	COMBINEFUNC = ecml_survival_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_logrank(float8, boolean, text) IS
'Log-rank test: do the groups have one survival curve? With plain argument types, for distributed engines; p_value is NULL for one group. Errors: data_exception (durations, events), program_limit_exceeded (more than 1000 groups).';
CREATE AGGREGATE ecml_logrank(duration float8, event bigint, grp "any") (
	SFUNC = ecml_logrank_transition, STYPE = ecml_survival_state, FINALFUNC = ecml_logrank_final,
	COMBINEFUNC = ecml_survival_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_logrank(float8, bigint, "any") IS
'Log-rank test: do the groups have one survival curve? Groups of any type are told apart by their text; p_value is NULL for one group. Errors: data_exception (durations, events), program_limit_exceeded (more than 1000 groups).';
CREATE AGGREGATE ecml_logrank(duration float8, event bigint, grp text) (
	SFUNC = ecml_logrank_transition, STYPE = ecml_survival_state, FINALFUNC = ecml_logrank_final,
	COMBINEFUNC = ecml_survival_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_logrank(float8, bigint, text) IS
'Log-rank test: do the groups have one survival curve? With plain argument types, for distributed engines; p_value is NULL for one group. Errors: data_exception (durations, events), program_limit_exceeded (more than 1000 groups).';
CREATE FUNCTION ecml_cox_transition(internal, jsonb, "any", "any", VARIADIC "any") RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_cox_transition(internal, jsonb, "any", "any", "any") IS 'Adds a row to the state of ecml_cox.';
CREATE FUNCTION ecml_cox_final(internal) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION ecml_cox_final(internal) IS 'The model of a state of ecml_cox; NULL without rows.';
CREATE AGGREGATE ecml_cox(options jsonb, duration "any", event "any", VARIADIC features "any") (
	SFUNC = ecml_cox_transition, STYPE = internal, FINALFUNC = ecml_cox_final);
COMMENT ON AGGREGATE ecml_cox(jsonb, "any", "any", "any") IS
'Proportional hazards (Cox) of an event at the end of durations on the features, named x1, x2 and so on: a model a group. Options: ties (efron, breslow), alpha, l1_ratio, level, max_iter, tolerance, strata, missing. NULL without usable rows. Errors: data_exception (no event, NaN, negative durations), program_limit_exceeded (rows beyond ecml.work_mem).';
CREATE FUNCTION ecml_survival(model text, duration float8, VARIADIC features "any") RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_survival_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION ecml_survival(text, float8, "any") IS
'Probability that the event has not come until a duration, by the active version of a survival model. After the last event of the training the curve stays where it is. NULL for NULL features. Errors: invalid_parameter_value (not a survival model), and those of ecml_predict.';
CREATE FUNCTION ecml_survival(model text, durations float8[], VARIADIC features "any") RETURNS float8[]
AS 'MODULE_PATHNAME', 'ecml_survival_times_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION ecml_survival(text, float8[], "any") IS
'Probabilities that the event has not come until each of the durations, by the active version of a survival model; as ecml_survival(text, float8, "any").';
CREATE FUNCTION ecml_survival(model ecml_model, duration float8, VARIADIC features "any") RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_survival_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION ecml_survival(ecml_model, float8, "any") IS
'Probability that the event has not come until a duration, by a survival model given as a value. After the last event of the training the curve stays where it is. NULL for NULL features. Errors: invalid_parameter_value (not a survival model), and those of ecml_predict.';
CREATE FUNCTION ecml_survival(model ecml_model, durations float8[], VARIADIC features "any") RETURNS float8[]
AS 'MODULE_PATHNAME', 'ecml_survival_times_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION ecml_survival(ecml_model, float8[], "any") IS
'Probabilities that the event has not come until each of the durations, by a survival model given as a value; as ecml_survival(ecml_model, float8, "any").';
-- ---- purchases, as ecml_clv gathers them
CREATE TYPE ecml_purchases_state;
CREATE FUNCTION ecml_purchases_state_in(cstring) RETURNS ecml_purchases_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_purchases_state_in(cstring) IS 'Reads the text form of a state of ecml.purchases. Errors: data_corrupted.';
CREATE FUNCTION ecml_purchases_state_out(ecml_purchases_state) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_purchases_state_out(ecml_purchases_state) IS 'Text form of a state of ecml.purchases.';
CREATE FUNCTION ecml_purchases_state_recv(internal) RETURNS ecml_purchases_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_purchases_state_recv(internal) IS 'Reads the binary form of a state of ecml.purchases. Errors: data_corrupted.';
CREATE FUNCTION ecml_purchases_state_send(ecml_purchases_state) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_purchases_state_send(ecml_purchases_state) IS 'Binary form of a state of ecml.purchases.';
CREATE TYPE ecml_purchases_state (
	INPUT = ecml_purchases_state_in, OUTPUT = ecml_purchases_state_out,
	RECEIVE = ecml_purchases_state_recv, SEND = ecml_purchases_state_send, STORAGE = extended);
COMMENT ON TYPE ecml_purchases_state IS 'Purchases that ecml_clv has gathered: customers, days and amounts, mergeable.';
CREATE FUNCTION ecml.purchases_transition(ecml_purchases_state, "any", "any", "any") RETURNS ecml_purchases_state
AS 'MODULE_PATHNAME', 'ecml_purchases_transition' LANGUAGE C STABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml.purchases_transition(ecml_purchases_state, "any", "any", "any") IS 'Adds a purchase to the state of ecml.purchases.';
CREATE FUNCTION ecml.purchases_combine(ecml_purchases_state, ecml_purchases_state) RETURNS ecml_purchases_state
AS 'MODULE_PATHNAME', 'ecml_purchases_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION ecml.purchases_combine(ecml_purchases_state, ecml_purchases_state) IS 'Puts two states of ecml.purchases one behind the other.';
CREATE AGGREGATE ecml.purchases(customer "any", moment "any", amount "any") (
	SFUNC = ecml.purchases_transition, STYPE = ecml_purchases_state, COMBINEFUNC = ecml.purchases_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml.purchases("any", "any", "any") IS
'Gathers the purchases that ecml_clv learns from, so that parallel workers may read its source; not meant for other use. Rows with NULL are left out. Errors: invalid_parameter_value (types), program_limit_exceeded (rows beyond ecml.work_mem).';
CREATE FUNCTION ecml_clv(source text, options jsonb DEFAULT '{}', OUT customer text, OUT frequency bigint, OUT recency float8,
	OUT age float8, OUT monetary float8, OUT alive_probability float8, OUT expected_purchases float8,
	OUT expected_value float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10000;
COMMENT ON FUNCTION ecml_clv(text, jsonb) IS
'Customer value without a contract: for each customer of a source of purchases the days with further purchases after the first (frequency), the age at the last (recency) and now (age, in units), their mean amount (monetary), the probability to be still there, and purchases and amounts to expect within the horizon. Options: customer, time, amount (columns), as_of (a date: later purchases are left out; default: the last purchase), unit (day, week, month), horizon (units; default a year), discount_rate (a year), model (bg_nbd, pareto_nbd), penalizer, value_penalizer. Errors: undefined_object (table, column), invalid_parameter_value (options), data_exception (no purchases, nobody came back).';
CREATE FUNCTION ecml_clv_model(source text, options jsonb DEFAULT '{}') RETURNS jsonb
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION ecml_clv_model(text, jsonb) IS
'Parameters of the models behind ecml_clv, fitted on the same source with the same options: r, alpha, a, b of BG/NBD, or r, alpha, s, beta of Pareto/NBD, and p, q, gamma of gamma-gamma, times in units. Errors: those of ecml_clv.';
