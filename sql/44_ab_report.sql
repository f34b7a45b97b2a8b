-- sql/44_ab_report.sql: the report of an experiment

CREATE FUNCTION ecml_pair_sums_transition(ecml_test_state, float8, float8) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_pair_sums_transition(ecml_test_state, float8, float8) IS 'Adds a row to the state of ecml_pair_sums.';
CREATE AGGREGATE ecml_pair_sums(x float8, y float8) (
	SFUNC = ecml_pair_sums_transition, STYPE = ecml_test_state, COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_pair_sums(float8, float8) IS
'Count, sums, sums of squares and of products of two columns, as a state for ecml_ab_report. Rows with NULL are left out. Errors: data_exception (NaN, infinity).';

CREATE FUNCTION ecml_ab_report(source text, options jsonb DEFAULT '{}', OUT metric text, OUT segment text, OUT control text,
	OUT variant text, OUT n_control bigint, OUT n_variant bigint, OUT mean_control float8, OUT mean_variant float8,
	OUT effect float8, OUT lift float8, OUT ci_low float8, OUT ci_high float8, OUT p_value float8, OUT p_adjusted float8,
	OUT p_always_valid float8, OUT always_low float8, OUT always_high float8, OUT significant boolean,
	OUT cuped_reduction float8, OUT srm_p float8, OUT srm boolean, OUT conclusion text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 10;
COMMENT ON FUNCTION ecml_ab_report(text, jsonb) IS
'Report of an experiment: for each metric, segment and variant the effect against the control with interval, p-value (adjusted for all rows of the report, and always valid), the share of variance that a covariate took, whether the split is as planned, and a sentence. Options: variant, control, unit, metrics (names, or an object with type mean, sum or ratio, denominator, covariate), segments, strata, weights, alternative, adjust (holm), level (0.95), tau, srm_alpha (0.001). Errors: invalid_parameter_value (options), undefined_object (columns), data_exception (one variant, NaN), program_limit_exceeded (too many groups).';

CREATE FUNCTION ecml_uplift(source text, options jsonb DEFAULT '{}', OUT bin int, OUT n_treated bigint, OUT n_control bigint,
	OUT predicted float8, OUT outcome_treated float8, OUT outcome_control float8, OUT uplift float8, OUT ci_low float8,
	OUT ci_high float8, OUT share float8, OUT gain float8, OUT qini float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000000 ROWS 10;
COMMENT ON FUNCTION ecml_uplift(text, jsonb) IS
'Whom does a treatment move? Predicts each row''s uplift by models that did not see its fold, orders rows by it, and shows for each bin (1: the greatest uplift predicted) what happened: outcomes of treated rows and controls, their difference with interval, the gain up to this bin, and the Qini coefficient (the same in all rows; 0 is chance). Options: outcome, treatment, control, key, features, method (two_model, transformed), algorithm (gbdt, random_forest, linreg), params, folds (5), bins (10), level (0.95), seed. Errors: invalid_parameter_value (options), undefined_object (columns), data_exception (no controls, too few rows).';

CREATE FUNCTION ecml_aa_check(source text, options jsonb DEFAULT '{}', OUT metric text, OUT units bigint, OUT splits int,
	OUT false_positive_rate float8, OUT rate_low float8, OUT rate_high float8, OUT ks_p float8, OUT row_rate float8,
	OUT holds boolean, OUT conclusion text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000000 ROWS 5;
COMMENT ON FUNCTION ecml_aa_check(text, jsonb) IS
'A/A check: can p-values be trusted on such data? Shares the units out anew many times, with nothing done, and tests each metric as ecml_ab_report does: the share of splits that differ should be alpha, and lie between rate_low and rate_high; ks_p: are the p-values uniform? row_rate: the share that a test finds which takes the rows of a unit for independent. Options: unit, metrics (as in ecml_ab_report; covariates are not used), splits (1000), alpha (0.05), seed. Errors: invalid_parameter_value (options), undefined_object (columns), data_exception (NaN), program_limit_exceeded (ecml.work_mem).';
