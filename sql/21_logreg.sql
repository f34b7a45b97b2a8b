
-- ---- linear: logistic regression

CREATE FUNCTION ecml_logreg_transition(internal, jsonb, "any", VARIADIC "any") RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION ecml_logreg_transition(internal, jsonb, "any", "any") IS 'Adds a row to the state of ecml_logreg.';
CREATE FUNCTION ecml_logreg_final(internal) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION ecml_logreg_final(internal) IS 'The model of the rows in the state of ecml_logreg; NULL without rows.';
CREATE AGGREGATE ecml_logreg(options jsonb, y "any", VARIADIC features "any") (
	SFUNC = ecml_logreg_transition, STYPE = internal, FINALFUNC = ecml_logreg_final, FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL = RESTRICTED);
COMMENT ON AGGREGATE ecml_logreg(jsonb, "any", "any") IS
'Logistic regression of the class y on the features, named x1, x2 and so on: a model a group. Options: penalty, C, l1_ratio, standardize, intercept, class_weight, offset, robust, solver, max_iter, tolerance, level, missing, sample_weight. NULL without usable rows. Errors: data_exception (one class only, NaN, infinity), program_limit_exceeded (memory, more than 4000 terms, more than 1000 classes).';

-- a step at a time: where rows cannot come to one place
CREATE TYPE ecml_logreg_step_state;
CREATE FUNCTION ecml_logreg_step_state_in(cstring) RETURNS ecml_logreg_step_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_logreg_step_state_in(cstring) IS 'Reads the text form of a state of ecml_logreg_step. Errors: data_corrupted.';
CREATE FUNCTION ecml_logreg_step_state_out(ecml_logreg_step_state) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_logreg_step_state_out(ecml_logreg_step_state) IS 'Text form of a state of ecml_logreg_step.';
CREATE FUNCTION ecml_logreg_step_state_recv(internal) RETURNS ecml_logreg_step_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_logreg_step_state_recv(internal) IS 'Reads the binary form of a state of ecml_logreg_step. Errors: data_corrupted.';
CREATE FUNCTION ecml_logreg_step_state_send(ecml_logreg_step_state) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_logreg_step_state_send(ecml_logreg_step_state) IS 'Binary form of a state of ecml_logreg_step.';
CREATE TYPE ecml_logreg_step_state (
	INPUT = ecml_logreg_step_state_in, OUTPUT = ecml_logreg_step_state_out,
	RECEIVE = ecml_logreg_step_state_recv, SEND = ecml_logreg_step_state_send, STORAGE = extended);
COMMENT ON TYPE ecml_logreg_step_state IS 'What ecml_logreg_step keeps of rows: sums at given coefficients, mergeable.';

CREATE TYPE ecml_logreg_sums AS (rows float8, log_likelihood float8, gain float8, coefficients float8[], std_errors float8[],
	gradient float8[], information float8[]);
COMMENT ON TYPE ecml_logreg_sums IS
'A step of logistic regression: rows, log likelihood, gradient and information (minus its Hessian) at the coefficients that were given; from them the next coefficients (the constant first), standard errors, and what the step gains in log likelihood.';

CREATE FUNCTION ecml_logreg_step_transition(ecml_logreg_step_state, float8[], float8, float8[]) RETURNS ecml_logreg_step_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_logreg_step_transition(ecml_logreg_step_state, float8[], float8, float8[]) IS 'Adds a row to the state of ecml_logreg_step.';
CREATE FUNCTION ecml_logreg_step_combine(ecml_logreg_step_state, ecml_logreg_step_state) RETURNS ecml_logreg_step_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_logreg_step_combine(ecml_logreg_step_state, ecml_logreg_step_state) IS 'Merges two states of ecml_logreg_step. Errors: data_exception for states of different coefficients.';
CREATE FUNCTION ecml_logreg_step_final(ecml_logreg_step_state) RETURNS ecml_logreg_sums
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION ecml_logreg_step_final(ecml_logreg_step_state) IS 'The sums and the next coefficients of a state of ecml_logreg_step; NULL without rows.';

CREATE AGGREGATE ecml_logreg_step(coefficients float8[], y float8, x float8[]) (
	SFUNC = ecml_logreg_step_transition, STYPE = ecml_logreg_step_state, FINALFUNC = ecml_logreg_step_final,
	COMBINEFUNC = ecml_logreg_step_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_logreg_step(float8[], float8, float8[]) IS
'A step of Newton''s method for logistic regression of y (0 or 1) on x, from these coefficients (the constant first; NULL: all 0): log likelihood, gradient and information there, and the next coefficients. Rows with a NULL are left out; NULL without rows. Errors: data_exception (a target that is not 0 or 1, values that are not finite), invalid_parameter_value (number of coefficients).';
CREATE AGGREGATE ecml_logreg_step_partial(coefficients float8[], y float8, x float8[]) (
	SFUNC = ecml_logreg_step_transition, STYPE = ecml_logreg_step_state, COMBINEFUNC = ecml_logreg_step_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_logreg_step_partial(float8[], float8, float8[]) IS
'State of a step of logistic regression, to be merged elsewhere by ecml_logreg_step_merge: a state a shard.';
CREATE AGGREGATE ecml_logreg_step_merge(state ecml_logreg_step_state) (
	SFUNC = ecml_logreg_step_combine, STYPE = ecml_logreg_step_state, FINALFUNC = ecml_logreg_step_final,
	COMBINEFUNC = ecml_logreg_step_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_logreg_step_merge(ecml_logreg_step_state) IS
'The step of the rows of all states together, as ecml_logreg_step gives it. Errors: data_exception for states of different coefficients.';

-- what "strategy": "step" asks shards for: in the schema that each of them has
CREATE AGGREGATE ecml.logreg_step(coefficients float8[], y float8, x float8[]) (
	SFUNC = ecml_logreg_step_transition, STYPE = ecml_logreg_step_state, COMBINEFUNC = ecml_logreg_step_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml.logreg_step(float8[], float8, float8[]) IS
'State of a step of logistic regression, of a shard; used by ecml_train with "strategy": "step". Errors: data_exception (values that are not finite).';
