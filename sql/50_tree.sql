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


-- ---- tree: decision trees and random forests

CREATE FUNCTION ecml_decision_tree_transition(internal, jsonb, "any", VARIADIC "any") RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION ecml_decision_tree_transition(internal, jsonb, "any", "any") IS 'Adds a row to the state of ecml_decision_tree.';
CREATE FUNCTION ecml_decision_tree_final(internal) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 100000;
COMMENT ON FUNCTION ecml_decision_tree_final(internal) IS 'The model of the rows in the state of ecml_decision_tree; NULL without rows.';
CREATE AGGREGATE ecml_decision_tree(options jsonb, y "any", VARIADIC features "any") (
	SFUNC = ecml_decision_tree_transition, STYPE = internal, FINALFUNC = ecml_decision_tree_final, FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL = RESTRICTED);
COMMENT ON AGGREGATE ecml_decision_tree(jsonb, "any", "any") IS
'A decision tree of the target y (a class or a number) on the features, named x1, x2 and so on, NULLs and categories as they are: a model a group. Options: criterion (gini, entropy, squared_error, poisson, absolute_error), max_depth, min_samples_leaf, min_samples_split, max_leaves, min_impurity_decrease, max_features, class_weight, ccp_alpha, max_bins, missing, sample_weight, seed. NULL without usable rows. Errors: data_exception (one class only, a target below 0 with poisson, NaN, infinity), invalid_parameter_value (options), program_limit_exceeded (memory, more than 1000 classes).';

CREATE FUNCTION ecml_random_forest_transition(internal, jsonb, "any", VARIADIC "any") RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION ecml_random_forest_transition(internal, jsonb, "any", "any") IS 'Adds a row to the state of ecml_random_forest.';
CREATE FUNCTION ecml_random_forest_final(internal) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 100000;
COMMENT ON FUNCTION ecml_random_forest_final(internal) IS 'The model of the rows in the state of ecml_random_forest; NULL without rows.';
CREATE AGGREGATE ecml_random_forest(options jsonb, y "any", VARIADIC features "any") (
	SFUNC = ecml_random_forest_transition, STYPE = internal, FINALFUNC = ecml_random_forest_final, FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL = RESTRICTED);
COMMENT ON AGGREGATE ecml_random_forest(jsonb, "any", "any") IS
'A random forest for the target y (a class or a number) on the features, named x1, x2 and so on, NULLs and categories as they are: a model a group. Options: n_trees, criterion (gini, entropy, squared_error, poisson, absolute_error), max_depth, min_samples_leaf, min_samples_split, max_leaves, min_impurity_decrease, max_features, class_weight, ccp_alpha, max_bins, bootstrap, max_samples, oob, missing, sample_weight, seed. NULL without usable rows. Errors: data_exception (one class only, a target below 0 with poisson, NaN, infinity), invalid_parameter_value (options), program_limit_exceeded (memory, more than 1000 classes).';

-- ---- tree: rules

CREATE FUNCTION ecml_tree_rules(model text, tree_number int DEFAULT NULL, OUT tree int, OUT node int, OUT depth int, OUT condition text,
	OUT prediction float8, OUT class text, OUT probabilities jsonb, OUT share float8, OUT cover float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_tree_rules_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 100;
COMMENT ON FUNCTION ecml_tree_rules(text, int) IS
'Leaves of a model of trees (decision_tree, random_forest, gbdt, iforest) as conditions that a WHERE takes: tree (from 1), node, depth, condition, prediction (of a forest the leaf''s value, of two classes the probability of the second, of more that of its class; of gbdt what the leaf adds to the score of the class; of iforest the length of the path), class, probabilities by class, share and weight (cover) of the training rows that came there; of all trees, or of one. Errors: undefined_object (no such model), invalid_parameter_value (no trees, no such tree), insufficient_privilege.';
CREATE FUNCTION ecml_tree_rules(model ecml_model, tree_number int DEFAULT NULL, OUT tree int, OUT node int, OUT depth int, OUT condition text,
	OUT prediction float8, OUT class text, OUT probabilities jsonb, OUT share float8, OUT cover float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_tree_rules_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000 ROWS 100;
COMMENT ON FUNCTION ecml_tree_rules(ecml_model, int) IS
'Leaves of a model of trees given as a value, as in ecml_tree_rules(text, int). Errors: invalid_parameter_value (no trees, no such tree), data_corrupted.';
