-- ---- isolation forest, and what all models have in common that look for anomalies

CREATE FUNCTION ecml_iforest_transition(internal, jsonb, VARIADIC "any") RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION ecml_iforest_transition(internal, jsonb, "any") IS 'Adds a row to the state of ecml_iforest.';
CREATE FUNCTION ecml_iforest_final(internal) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION ecml_iforest_final(internal) IS 'The model of the rows in the state of ecml_iforest; NULL without rows.';
CREATE AGGREGATE ecml_iforest(options jsonb, VARIADIC features "any") (
	SFUNC = ecml_iforest_transition, STYPE = internal, FINALFUNC = ecml_iforest_final, FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL = RESTRICTED);
COMMENT ON AGGREGATE ecml_iforest(jsonb, "any") IS
'Isolation forest of the features, named x1, x2 and so on: a model a group. Categories and NULLs are split on as they are. Options: n_trees, sample_size (rows a tree), max_features, contamination ("auto", or the share of anomalies), extension_level, max_depth, missing, sample_weight, seed. NULL without usable rows. Errors: invalid_parameter_value (options), data_exception (NaN, infinity), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_iforest_score(model text, VARIADIC features "any") RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_iforest_score_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION ecml_iforest_score(text, "any") IS
'Anomaly score of a row by an isolation forest, between 0 and 1: about 0.5 for rows like the others, near 1 for those that few random splits set apart. Features and errors as in ecml_predict, which gives the same; invalid_parameter_value for a model that is no isolation forest.';
CREATE FUNCTION ecml_iforest_score(model ecml_model, VARIADIC features "any") RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_iforest_score_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION ecml_iforest_score(ecml_model, "any") IS
'Anomaly score of a row, between 0 and 1, by an isolation forest given as a value. Features and errors as in ecml_predict; invalid_parameter_value for a model that is no isolation forest.';

CREATE FUNCTION ecml_is_anomaly(model text, VARIADIC features "any") RETURNS boolean
AS 'MODULE_PATHNAME', 'ecml_is_anomaly_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION ecml_is_anomaly(text, "any") IS
'Whether the row''s score is above the threshold of a model that looks for anomalies. Features, NULLs and errors as in ecml_predict; invalid_parameter_value for any other model.';
CREATE FUNCTION ecml_is_anomaly(model ecml_model, VARIADIC features "any") RETURNS boolean
AS 'MODULE_PATHNAME', 'ecml_is_anomaly_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION ecml_is_anomaly(ecml_model, "any") IS
'Whether the row''s score is above the threshold of a model, given as a value, that looks for anomalies. Features, NULLs and errors as in ecml_predict; invalid_parameter_value for any other model.';
