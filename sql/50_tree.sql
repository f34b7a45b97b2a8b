-- ---- tree: gradient boosting

CREATE FUNCTION ecml_gbdt_transition(internal, jsonb, "any", VARIADIC "any") RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION ecml_gbdt_transition(internal, jsonb, "any", "any") IS 'Adds a row to the state of ecml_gbdt.';
CREATE FUNCTION ecml_gbdt_final(internal) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 100000;
COMMENT ON FUNCTION ecml_gbdt_final(internal) IS 'The model of the rows in the state of ecml_gbdt; NULL without rows.';
CREATE AGGREGATE ecml_gbdt(options jsonb, y "any", VARIADIC features "any") (
	SFUNC = ecml_gbdt_transition, STYPE = internal, FINALFUNC = ecml_gbdt_final, FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL = RESTRICTED);
COMMENT ON AGGREGATE ecml_gbdt(jsonb, "any", "any") IS
'Gradient boosted trees of the target y (a class or a number) on the features, named x1, x2 and so on, NULLs and categories as they are: a model a group. Options: objective, n_trees, learning_rate, max_leaves, max_depth, min_child_samples, min_child_weight, l1, l2, min_gain, max_delta_step, max_bins, subsample, subsample_freq, colsample_bytree, colsample_bynode, cat_smooth, cat_l2, max_cat_threshold, max_cat_to_onehot, min_data_per_group, monotone, alpha, huber_delta, variance_power, scale_pos_weight, class_weight, validation, validation_fraction, early_stopping_rounds, metric, group, ndcg_at, truncation, missing, sample_weight, seed. NULL without usable rows. Errors: data_exception (one class only, a target that the objective does not take, NaN, infinity), invalid_parameter_value (options), program_limit_exceeded (memory, more than 1000 classes).';

