-- ---- anomaly: Mahalanobis distances

CREATE FUNCTION ecml_mahalanobis_transition(internal, jsonb, VARIADIC "any") RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION ecml_mahalanobis_transition(internal, jsonb, "any") IS 'Adds a row to the state of ecml_mahalanobis.';
CREATE FUNCTION ecml_mahalanobis_final(internal) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION ecml_mahalanobis_final(internal) IS 'The model of the rows in the state of ecml_mahalanobis; NULL without rows.';
CREATE AGGREGATE ecml_mahalanobis(options jsonb, VARIADIC features "any") (
	SFUNC = ecml_mahalanobis_transition, STYPE = internal, FINALFUNC = ecml_mahalanobis_final, FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL = RESTRICTED);
COMMENT ON AGGREGATE ecml_mahalanobis(jsonb, "any") IS
'Anomaly detection by robust Mahalanobis distance from the features, named x1, x2 and so on: a model a group; its prediction is the squared distance. Options: robust, support_fraction, level, contamination, ridge, n_starts, missing, sample_weight, seed. NULL without usable rows. Errors: data_exception (NaN, infinity, fewer than two rows, a singular covariance with ridge 0), program_limit_exceeded (memory, more than 2048 terms).';
