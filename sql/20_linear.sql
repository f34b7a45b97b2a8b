-- ---- linear: linear regression

CREATE TYPE ecml_linreg_state;
CREATE FUNCTION ecml_linreg_state_in(cstring) RETURNS ecml_linreg_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_linreg_state_in(cstring) IS 'Reads the text form of a state of ecml_linreg. Errors: data_corrupted.';
CREATE FUNCTION ecml_linreg_state_out(ecml_linreg_state) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_linreg_state_out(ecml_linreg_state) IS 'Text form of a state of ecml_linreg.';
CREATE FUNCTION ecml_linreg_state_recv(internal) RETURNS ecml_linreg_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_linreg_state_recv(internal) IS 'Reads the binary form of a state of ecml_linreg. Errors: data_corrupted.';
CREATE FUNCTION ecml_linreg_state_send(ecml_linreg_state) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_linreg_state_send(ecml_linreg_state) IS 'Binary form of a state of ecml_linreg.';
CREATE TYPE ecml_linreg_state (
	INPUT = ecml_linreg_state_in, OUTPUT = ecml_linreg_state_out,
	RECEIVE = ecml_linreg_state_recv, SEND = ecml_linreg_state_send, STORAGE = extended);
COMMENT ON TYPE ecml_linreg_state IS 'What ecml_linreg keeps of rows: cross products, mergeable.';

CREATE FUNCTION ecml_linreg_transition(ecml_linreg_state, jsonb, float8, VARIADIC "any") RETURNS ecml_linreg_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_linreg_transition(ecml_linreg_state, jsonb, float8, "any") IS 'Adds a row to the state of ecml_linreg.';
CREATE FUNCTION ecml_linreg_transition(ecml_linreg_state, jsonb, float8, float8[]) RETURNS ecml_linreg_state
AS 'MODULE_PATHNAME', 'ecml_linreg_transition_array' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_linreg_transition(ecml_linreg_state, jsonb, float8, float8[]) IS 'Adds a row to the state of ecml_linreg.';
CREATE FUNCTION ecml_linreg_transition(ecml_linreg_state, float8, float8[]) RETURNS ecml_linreg_state
AS 'MODULE_PATHNAME', 'ecml_linreg_transition_plain' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_linreg_transition(ecml_linreg_state, float8, float8[]) IS 'Adds a row to the state of ecml_linreg.';
CREATE FUNCTION ecml_linreg_combine(ecml_linreg_state, ecml_linreg_state) RETURNS ecml_linreg_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_linreg_combine(ecml_linreg_state, ecml_linreg_state) IS 'Merges two states of ecml_linreg. Errors: data_exception for states of different columns.';
CREATE FUNCTION ecml_linreg_final(ecml_linreg_state) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION ecml_linreg_final(ecml_linreg_state) IS 'The model of a state of ecml_linreg; NULL without rows.';

CREATE AGGREGATE ecml_linreg(options jsonb, y float8, VARIADIC features "any") (
	SFUNC = ecml_linreg_transition, STYPE = ecml_linreg_state, FINALFUNC = ecml_linreg_final,
	COMBINEFUNC = ecml_linreg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_linreg(jsonb, float8, "any") IS
'Linear regression of y on the features, named x1, x2 and so on: a model a group. Options: intercept, alpha, l1_ratio, level, max_iter, tolerance, missing, sample_weight. NULL without usable rows. Errors: data_exception (NaN, infinity), program_limit_exceeded (more than 4000 terms).';
CREATE AGGREGATE ecml_linreg(options jsonb, y float8, features float8[]) (
	SFUNC = ecml_linreg_transition, STYPE = ecml_linreg_state, FINALFUNC = ecml_linreg_final,
	COMBINEFUNC = ecml_linreg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_linreg(jsonb, float8, float8[]) IS
'Linear regression of y on the elements of an array, named x[1], x[2] and so on; for callers that pass no argument types, such as distributed engines. Options and errors as in ecml_linreg(jsonb, float8, "any").';
CREATE AGGREGATE ecml_linreg(y float8, features float8[]) (
	SFUNC = ecml_linreg_transition, STYPE = ecml_linreg_state, FINALFUNC = ecml_linreg_final,
	COMBINEFUNC = ecml_linreg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_linreg(float8, float8[]) IS
'Linear regression of y on the elements of an array with default options; for distributed engines. Errors as in ecml_linreg(jsonb, float8, "any").';
CREATE AGGREGATE ecml_linreg_partial(options jsonb, y float8, features float8[]) (
	SFUNC = ecml_linreg_transition, STYPE = ecml_linreg_state, COMBINEFUNC = ecml_linreg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_linreg_partial(jsonb, float8, float8[]) IS
'State of a linear regression on the elements of an array, to be merged elsewhere by ecml_linreg_merge: a state a shard.';
CREATE AGGREGATE ecml_linreg_merge(state ecml_linreg_state) (
	SFUNC = ecml_linreg_combine, STYPE = ecml_linreg_state, FINALFUNC = ecml_linreg_final,
	COMBINEFUNC = ecml_linreg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_linreg_merge(ecml_linreg_state) IS
'Model of the rows of all states together. Errors: data_exception for states of different columns.';

-- what ecml_train reads a large source with
CREATE FUNCTION ecml.linreg_rows_transition(ecml_linreg_state, text[], jsonb, VARIADIC "any") RETURNS ecml_linreg_state
AS 'MODULE_PATHNAME', 'ecml_linreg_rows' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml.linreg_rows_transition(ecml_linreg_state, text[], jsonb, "any") IS 'Adds a row to the state of a training.';
CREATE AGGREGATE ecml.linreg_rows(names text[], options jsonb, VARIADIC columns "any") (
	SFUNC = ecml.linreg_rows_transition, STYPE = ecml_linreg_state, COMBINEFUNC = ecml_linreg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml.linreg_rows(text[], jsonb, "any") IS
'State of a linear regression of the first column on the others, with their names; used by ecml_train, so that large tables are read in parallel.';

-- what "strategy": "step" asks shards for: in the schema that each of them has
CREATE AGGREGATE ecml.linreg_partial(options jsonb, y float8, features float8[]) (
	SFUNC = ecml_linreg_transition, STYPE = ecml_linreg_state, COMBINEFUNC = ecml_linreg_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml.linreg_partial(jsonb, float8, float8[]) IS
'State of a linear regression, of a shard; used by ecml_train with "strategy": "step". Errors: data_exception (values that are not finite).';

CREATE TYPE ecml_interval AS (lower float8, upper float8);
COMMENT ON TYPE ecml_interval IS 'Both ends of an interval, in units of the target.';
CREATE FUNCTION ecml_predict_interval(model text, level float8, VARIADIC features "any") RETURNS ecml_interval
AS 'MODULE_PATHNAME', 'ecml_predict_interval_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION ecml_predict_interval(text, float8, "any") IS
'Interval that holds a new observation with probability level (0 to 1), in units of the target; NULLs where it is not defined. Features and errors as in ecml_predict; invalid_parameter_value for a model that is not linear.';
CREATE FUNCTION ecml_predict_interval(model ecml_model, level float8, VARIADIC features "any") RETURNS ecml_interval
AS 'MODULE_PATHNAME', 'ecml_predict_interval_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION ecml_predict_interval(ecml_model, float8, "any") IS
'Interval that holds a new observation with probability level (0 to 1), for a model given as a value. Features and errors as in ecml_predict; invalid_parameter_value for a model that is not linear.';

