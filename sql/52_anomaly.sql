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

CREATE FUNCTION ecml_anomalies(source text, ds text DEFAULT NULL, y text DEFAULT NULL, series text DEFAULT NULL,
	options jsonb DEFAULT '{}', OUT series text, OUT ds timestamp, OUT y float8, OUT expected float8, OUT lower float8,
	OUT upper float8, OUT score float8, OUT is_anomaly boolean, OUT period bigint, OUT note text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_anomalies(text, text, text, text, jsonb) IS
'Anomalies of time series: a row for each period with a value, the value expected by robust trend and seasons, the range that is no anomaly, the score in robust standard deviations. period: the time as a number, or the number of the period in its series; note: why a series has no result. Options: threshold, shift, trend, transform, direction, only_anomalies, gaps, and those of reading series: season, frequency, aggregate, fill, end, partial, time_zone. Errors: undefined_object (table, column), invalid_parameter_value (options, ambiguous columns), program_limit_exceeded (memory).';
