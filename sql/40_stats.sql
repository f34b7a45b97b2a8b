-- ---- stats: t-tests

CREATE TYPE ecml_ttest_state;
CREATE FUNCTION ecml_ttest_state_in(cstring) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_ttest_state_in(cstring) IS 'Reads the text form of a state of ecml_ttest. Errors: data_corrupted.';
CREATE FUNCTION ecml_ttest_state_out(ecml_ttest_state) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_ttest_state_out(ecml_ttest_state) IS 'Text form of a state of ecml_ttest.';
CREATE FUNCTION ecml_ttest_state_recv(internal) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_ttest_state_recv(internal) IS 'Reads the binary form of a state of ecml_ttest. Errors: data_corrupted.';
CREATE FUNCTION ecml_ttest_state_send(ecml_ttest_state) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_ttest_state_send(ecml_ttest_state) IS 'Binary form of a state of ecml_ttest.';
CREATE TYPE ecml_ttest_state (
	INPUT = ecml_ttest_state_in, OUTPUT = ecml_ttest_state_out,
	RECEIVE = ecml_ttest_state_recv, SEND = ecml_ttest_state_send, STORAGE = extended);
COMMENT ON TYPE ecml_ttest_state IS 'What the t-tests keep of rows: counts, sums and sums of squares a group, mergeable.';

CREATE TYPE ecml_ttest_result AS (
	statistic float8, df float8, p_value float8, mean_a float8, mean_b float8, difference float8,
	ci_low float8, ci_high float8, effect_size float8, n_a bigint, n_b bigint, group_a text, group_b text, method text);
COMMENT ON TYPE ecml_ttest_result IS
'Result of a t-test: group_a is the first group in the order of the texts, difference is mean_a - mean_b, effect_size is Cohen''s d.';

CREATE FUNCTION ecml_ttest_transition(ecml_ttest_state, float8, "any") RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_transition(ecml_ttest_state, float8, "any") IS 'Adds a row to the state of ecml_ttest.';
CREATE FUNCTION ecml_ttest_transition(ecml_ttest_state, float8, "any", jsonb) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_transition(ecml_ttest_state, float8, "any", jsonb) IS 'Adds a row to the state of ecml_ttest.';
CREATE FUNCTION ecml_ttest_transition(ecml_ttest_state, float8, text) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_transition(ecml_ttest_state, float8, text) IS 'Adds a row to the state of ecml_ttest.';
CREATE FUNCTION ecml_ttest_paired_transition(ecml_ttest_state, float8, float8) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_paired_transition(ecml_ttest_state, float8, float8) IS 'Adds a row to the state of ecml_ttest_paired.';
CREATE FUNCTION ecml_ttest_paired_transition(ecml_ttest_state, float8, float8, jsonb) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_paired_transition(ecml_ttest_state, float8, float8, jsonb) IS 'Adds a row to the state of ecml_ttest_paired.';
CREATE FUNCTION ecml_ttest_1samp_transition(ecml_ttest_state, float8, float8) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_1samp_transition(ecml_ttest_state, float8, float8) IS 'Adds a row to the state of ecml_ttest_1samp.';
CREATE FUNCTION ecml_ttest_1samp_transition(ecml_ttest_state, float8, float8, jsonb) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_1samp_transition(ecml_ttest_state, float8, float8, jsonb) IS 'Adds a row to the state of ecml_ttest_1samp.';
CREATE FUNCTION ecml_ttest_transition(ecml_ttest_state, numeric, "any") RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME', 'ecml_ttest_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_transition(ecml_ttest_state, numeric, "any") IS 'Adds a row to the state of ecml_ttest.';
CREATE FUNCTION ecml_ttest_transition(ecml_ttest_state, numeric, "any", jsonb) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME', 'ecml_ttest_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_transition(ecml_ttest_state, numeric, "any", jsonb) IS 'Adds a row to the state of ecml_ttest.';
CREATE FUNCTION ecml_ttest_transition(ecml_ttest_state, numeric, text) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME', 'ecml_ttest_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_transition(ecml_ttest_state, numeric, text) IS 'Adds a row to the state of ecml_ttest.';
CREATE FUNCTION ecml_ttest_paired_transition(ecml_ttest_state, numeric, numeric) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME', 'ecml_ttest_paired_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_paired_transition(ecml_ttest_state, numeric, numeric) IS 'Adds a row to the state of ecml_ttest_paired.';
CREATE FUNCTION ecml_ttest_paired_transition(ecml_ttest_state, numeric, numeric, jsonb) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME', 'ecml_ttest_paired_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_paired_transition(ecml_ttest_state, numeric, numeric, jsonb) IS 'Adds a row to the state of ecml_ttest_paired.';
CREATE FUNCTION ecml_ttest_1samp_transition(ecml_ttest_state, numeric, float8) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME', 'ecml_ttest_1samp_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_1samp_transition(ecml_ttest_state, numeric, float8) IS 'Adds a row to the state of ecml_ttest_1samp.';
CREATE FUNCTION ecml_ttest_1samp_transition(ecml_ttest_state, numeric, float8, jsonb) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME', 'ecml_ttest_1samp_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_1samp_transition(ecml_ttest_state, numeric, float8, jsonb) IS 'Adds a row to the state of ecml_ttest_1samp.';
CREATE FUNCTION ecml_ttest_combine(ecml_ttest_state, ecml_ttest_state) RETURNS ecml_ttest_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ttest_combine(ecml_ttest_state, ecml_ttest_state) IS 'Merges two states of t-tests.';
CREATE FUNCTION ecml_ttest_final(ecml_ttest_state) RETURNS ecml_ttest_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_ttest_final(ecml_ttest_state) IS 'The test of a state; NULL without a state.';

CREATE AGGREGATE ecml_ttest(value float8, grp "any") (
	SFUNC = ecml_ttest_transition, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final,
	COMBINEFUNC = ecml_ttest_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ttest(float8, "any") IS
'Welch''s t-test of the means of two groups, two-sided, with a 95 % interval of mean_a - mean_b; rows with NULL are left out. Errors: data_exception (more than two groups, NaN, infinity).';
CREATE AGGREGATE ecml_ttest(value float8, grp "any", options jsonb) (
	SFUNC = ecml_ttest_transition, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final,
	COMBINEFUNC = ecml_ttest_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ttest(float8, "any", jsonb) IS
'T-test of the means of two groups. Options: equal_var (default false: Welch), alternative (two-sided, less, greater), level (default 0.95). Errors: data_exception (more than two groups, NaN, infinity), invalid_parameter_value (options).';
CREATE AGGREGATE ecml_ttest(value float8, grp text) (
	SFUNC = ecml_ttest_transition, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final,
	COMBINEFUNC = ecml_ttest_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ttest(float8, text) IS
'Welch''s t-test of the means of two groups with plain argument types, for distributed engines; as ecml_ttest(float8, "any").';
CREATE AGGREGATE ecml_ttest_paired(a float8, b float8) (
	SFUNC = ecml_ttest_paired_transition, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final,
	COMBINEFUNC = ecml_ttest_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ttest_paired(float8, float8) IS
'Paired t-test of a against b, two-sided, with a 95 % interval of the mean difference a - b; rows with NULL are left out. Errors: data_exception (NaN, infinity).';
CREATE AGGREGATE ecml_ttest_paired(a float8, b float8, options jsonb) (
	SFUNC = ecml_ttest_paired_transition, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final,
	COMBINEFUNC = ecml_ttest_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ttest_paired(float8, float8, jsonb) IS
'Paired t-test of a against b. Options: alternative (two-sided, less, greater), level (default 0.95). Errors: data_exception (NaN, infinity), invalid_parameter_value (options).';
CREATE AGGREGATE ecml_ttest_1samp(x float8, mu float8) (
	SFUNC = ecml_ttest_1samp_transition, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final,
	COMBINEFUNC = ecml_ttest_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ttest_1samp(float8, float8) IS
'T-test of the mean of x against mu, two-sided, with a 95 % interval of the mean; rows with NULL are left out. Errors: data_exception (NaN, infinity), invalid_parameter_value (mu differs between rows).';
CREATE AGGREGATE ecml_ttest_1samp(x float8, mu float8, options jsonb) (
	SFUNC = ecml_ttest_1samp_transition, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final,
	COMBINEFUNC = ecml_ttest_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ttest_1samp(float8, float8, jsonb) IS
'T-test of the mean of x against mu. Options: alternative (two-sided, less, greater), level (default 0.95). Errors: data_exception (NaN, infinity), invalid_parameter_value (options, mu differs between rows).';

-- the same for numeric, with all its digits: not rounded to a double first
CREATE AGGREGATE ecml_ttest(value numeric, grp "any") (
	SFUNC = ecml_ttest_transition, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final,
	COMBINEFUNC = ecml_ttest_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ttest(numeric, "any") IS
'As ecml_ttest(float8, "any"), on numeric values with all their digits.';
CREATE AGGREGATE ecml_ttest(value numeric, grp "any", options jsonb) (
	SFUNC = ecml_ttest_transition, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final,
	COMBINEFUNC = ecml_ttest_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ttest(numeric, "any", jsonb) IS
'As ecml_ttest(float8, "any", jsonb), on numeric values with all their digits.';
CREATE AGGREGATE ecml_ttest(value numeric, grp text) (
	SFUNC = ecml_ttest_transition, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final,
	COMBINEFUNC = ecml_ttest_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ttest(numeric, text) IS
'As ecml_ttest(float8, text), on numeric values with all their digits.';
CREATE AGGREGATE ecml_ttest_paired(a numeric, b numeric) (
	SFUNC = ecml_ttest_paired_transition, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final,
	COMBINEFUNC = ecml_ttest_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ttest_paired(numeric, numeric) IS
'As ecml_ttest_paired(float8, float8), on numeric values with all their digits.';
CREATE AGGREGATE ecml_ttest_paired(a numeric, b numeric, options jsonb) (
	SFUNC = ecml_ttest_paired_transition, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final,
	COMBINEFUNC = ecml_ttest_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ttest_paired(numeric, numeric, jsonb) IS
'As ecml_ttest_paired(float8, float8, jsonb), on numeric values with all their digits.';
CREATE AGGREGATE ecml_ttest_1samp(x numeric, mu float8) (
	SFUNC = ecml_ttest_1samp_transition, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final,
	COMBINEFUNC = ecml_ttest_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ttest_1samp(numeric, float8) IS
'As ecml_ttest_1samp(float8, float8), on numeric values with all their digits.';
CREATE AGGREGATE ecml_ttest_1samp(x numeric, mu float8, options jsonb) (
	SFUNC = ecml_ttest_1samp_transition, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final,
	COMBINEFUNC = ecml_ttest_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ttest_1samp(numeric, float8, jsonb) IS
'As ecml_ttest_1samp(float8, float8, jsonb), on numeric values with all their digits.';
