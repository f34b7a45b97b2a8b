-- ---- prep: describing, preparing and splitting raw tables

CREATE TYPE ecml_describe_state;
CREATE FUNCTION ecml_describe_state_in(cstring) RETURNS ecml_describe_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_describe_state_in(cstring) IS 'Reads the text form of a state of ecml_describe. Errors: data_corrupted.';
CREATE FUNCTION ecml_describe_state_out(ecml_describe_state) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_describe_state_out(ecml_describe_state) IS 'Text form of a state of ecml_describe.';
CREATE FUNCTION ecml_describe_state_recv(internal) RETURNS ecml_describe_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_describe_state_recv(internal) IS 'Reads the binary form of a state of ecml_describe. Errors: data_corrupted.';
CREATE FUNCTION ecml_describe_state_send(ecml_describe_state) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_describe_state_send(ecml_describe_state) IS 'Binary form of a state of ecml_describe.';
CREATE TYPE ecml_describe_state (
	INPUT = ecml_describe_state_in, OUTPUT = ecml_describe_state_out,
	RECEIVE = ecml_describe_state_recv, SEND = ecml_describe_state_send, STORAGE = extended);
COMMENT ON TYPE ecml_describe_state IS 'What ecml_describe keeps of columns: moments and sketches, mergeable.';

-- what ecml_describe and ecml_prepare read a source with
CREATE FUNCTION ecml.describe_transition(ecml_describe_state, bigint, int, VARIADIC "any") RETURNS ecml_describe_state
AS 'MODULE_PATHNAME', 'ecml_describe_transition' LANGUAGE C STABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml.describe_transition(ecml_describe_state, bigint, int, "any") IS 'Adds a row to the state of ecml_describe.';
CREATE FUNCTION ecml.describe_combine(ecml_describe_state, ecml_describe_state) RETURNS ecml_describe_state
AS 'MODULE_PATHNAME', 'ecml_describe_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION ecml.describe_combine(ecml_describe_state, ecml_describe_state) IS 'Merges two states of ecml_describe. Errors: data_exception for states of different columns.';
CREATE AGGREGATE ecml.describe_rows(seed bigint, total int, VARIADIC columns "any") (
	SFUNC = ecml.describe_transition, STYPE = ecml_describe_state, COMBINEFUNC = ecml.describe_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml.describe_rows(bigint, int, "any") IS
'Moments and sketches of columns, of total ones in the query; used by ecml_describe, so that large tables are read in parallel.';

CREATE FUNCTION ecml_describe(source text, options jsonb DEFAULT '{}', OUT column_name text, OUT type text, OUT count bigint,
	OUT nulls bigint, OUT distinct_count bigint, OUT mean float8, OUT sd float8, OUT skewness float8, OUT min float8,
	OUT q25 float8, OUT median float8, OUT q75 float8, OUT max float8, OUT min_text text, OUT max_text text,
	OUT most_frequent text, OUT frequency bigint, OUT zeros bigint, OUT mean_length float8, OUT note text)
	RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION ecml_describe(text, jsonb) IS
'What stands in each column of a source, in one reading: counts, mean, spread, quartiles, the most frequent value, and a note in plain words where something is wrong. Times are in seconds since 1970, intervals in seconds. Up to 4096 (different) values all is exact; beyond, quartiles are within 0.3 % of the rows, distinct_count has a standard error of 0.8 %, frequency is too low by at most a thousandth of the rows. Option: seed. Errors: undefined_object (table), invalid_parameter_value (options).';

CREATE FUNCTION ecml_split(key "any", test_fraction float8, seed int DEFAULT 0) RETURNS boolean
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_split("any", float8, int) IS
'Is the row of this key a test row? By a hash of the key that never changes: the same on every machine, in every version; integers of any width are the same key. Rows that are test rows at one fraction are so at every larger one; seeds are independent. NULL for a NULL key. Errors: invalid_parameter_value (fraction outside 0 to 1).';
CREATE FUNCTION ecml_fold(key "any", folds int, seed int DEFAULT 0) RETURNS int
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_fold("any", int, int) IS
'The fold of a key, from 0 to folds - 1, by a hash as in ecml_split, and independent of it. NULL for a NULL key. Errors: invalid_parameter_value (folds below 1).';

CREATE FUNCTION ecml_prepare(source text, destination text, options jsonb DEFAULT '{}', OUT destination_name text, OUT kind text,
	OUT rows bigint, OUT dropped bigint, OUT columns int, OUT learnt jsonb) RETURNS record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION ecml_prepare(text, text, jsonb) IS
'Makes a view (or table) of a source, ready for a model, with what it learnt from the rows as constants: rows are left out (dropna), columns filled (impute, was_missing), clipped (clip), taken the logarithm of (log1p), cut into bins (bin) or scaled (scale), and categories and dates encoded (one_hot, drop_first, top_k, ordinal, target_encode, date_parts, time_zone). More options: drop, keep, materialize, replace. Errors: duplicate_table (destination exists), undefined_object (table, column), invalid_parameter_value (options), datatype_mismatch, data_exception (nothing to learn from), duplicate_column, too_many_columns, program_limit_exceeded.';
