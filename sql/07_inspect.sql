-- ---- inspect: why a model predicts what it does, which features matter, and whether the data have changed since training

CREATE FUNCTION ecml_explain(model text, VARIADIC features "any", OUT feature text, OUT value text, OUT contribution float8,
	OUT base float8, OUT prediction float8, OUT class text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_explain_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 20 ROWS 10;
COMMENT ON FUNCTION ecml_explain(text, "any") IS
'What each feature adds to the prediction of a linear or tree model for one row: a row a feature; the contributions add up to prediction less base (in every row the same two), on the model''s own scale: of a regression the target''s units, of a logistic regression log odds of class, of a Cox regression the log hazard, of an isolation forest log2 of the score. base is the prediction at the means of the training, of trees their mean prediction. Features as in ecml_predict; no rows when that is NULL. Errors: undefined_object, invalid_parameter_value (a model that cannot tell; number or type of features), insufficient_privilege.';
CREATE FUNCTION ecml_explain(model ecml_model, VARIADIC features "any", OUT feature text, OUT value text, OUT contribution float8,
	OUT base float8, OUT prediction float8, OUT class text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_explain_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20 ROWS 10;
COMMENT ON FUNCTION ecml_explain(ecml_model, "any") IS
'What each feature adds to the prediction of a linear or tree model given as a value, as in ecml_explain(text, ...). Errors: invalid_parameter_value (a model that cannot tell; number or type of features), data_corrupted.';

CREATE FUNCTION ecml_importance(model text, OUT feature text, OUT importance float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_importance_by_name' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 20;
COMMENT ON FUNCTION ecml_importance(text) IS
'What a linear or tree model owes to each feature, the greatest first. Linear: the standard deviation, over the rows of training, of what it contributes (of a number |coefficient| times its deviation), on the model''s own scale; an isolation forest: how unevenly its splits part the rows, in all 1. Errors: undefined_object, invalid_parameter_value (a model that cannot tell: ecml_importance(model, source) tells of any).';
CREATE FUNCTION ecml_importance(model ecml_model, OUT feature text, OUT importance float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_importance_by_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 20;
COMMENT ON FUNCTION ecml_importance(ecml_model) IS
'What a linear or tree model given as a value owes to each feature, as in ecml_importance(text). Errors: invalid_parameter_value (a model that cannot tell), data_corrupted.';

CREATE FUNCTION ecml_importance(model text, source text, options jsonb DEFAULT '{}',
	OUT feature text, OUT importance float8, OUT sd float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_permutation_importance_by_name' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION ecml_importance(text, text, jsonb) IS
'How much worse any model predicts a source when the values of one feature are dealt anew among its rows, the greatest first: what is added to the metric (for metrics that are better when greater, what is lost), mean and sd over the repeats. Options metric (rmse, mae, r2; log_loss, brier, accuracy, roc_auc; change), repeats (5), rows (10000, drawn evenly from the source), seed, target. Errors: undefined_object (model, table, column), invalid_parameter_value (options), data_exception (no rows), program_limit_exceeded (memory).';
CREATE FUNCTION ecml_importance(model ecml_model, source text, options jsonb DEFAULT '{}',
	OUT feature text, OUT importance float8, OUT sd float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_permutation_importance_by_value' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION ecml_importance(ecml_model, text, jsonb) IS
'How much worse a model given as a value predicts a source when the values of one feature are dealt anew, as in ecml_importance(text, text, jsonb). Errors: undefined_object (table, column), invalid_parameter_value (options), data_exception (no rows), program_limit_exceeded (memory), data_corrupted.';

CREATE FUNCTION ecml_partial_dependence(model text, source text, feature text, options jsonb DEFAULT '{}',
	OUT value float8, OUT label text, OUT prediction float8, OUT sd float8, OUT class text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_partial_dependence_by_name' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION ecml_partial_dependence(text, text, text, jsonb) IS
'Mean prediction over the rows of a source with one feature set to each value of a grid: quantiles of its values (all of few), or its categories (value NULL, label their name); sd is that of the predictions over the rows. Classifiers: probabilities, of two classes the second, of more a row for each class. Options points (20), rows (10000, drawn evenly from the source), class. Errors: undefined_object (model, table, column, feature), invalid_parameter_value (options, class, a clustering), data_exception (no rows).';
CREATE FUNCTION ecml_partial_dependence(model ecml_model, source text, feature text, options jsonb DEFAULT '{}',
	OUT value float8, OUT label text, OUT prediction float8, OUT sd float8, OUT class text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_partial_dependence_by_value' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION ecml_partial_dependence(ecml_model, text, text, jsonb) IS
'Mean prediction of a model given as a value with one feature set to each value of a grid, as in ecml_partial_dependence(text, text, text, jsonb). Errors: undefined_object (table, column, feature), invalid_parameter_value (options, class, a clustering), data_exception (no rows), data_corrupted.';

CREATE FUNCTION ecml_drift(model text, source text, options jsonb DEFAULT '{}', OUT feature text, OUT psi float8,
	OUT statistic float8, OUT p_value float8, OUT drifted boolean) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_drift_by_name' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION ecml_drift(text, text, jsonb) IS
'How far the rows of a source are from those that a model was trained on: a row a feature, and one for the prediction. psi: population stability index over deciles or categories, NULL a bin; statistic: of numbers Kolmogorov and Smirnov''s distance, of categories chi-square; drifted: psi above the option "psi" (0.1) and p_value below the option "p_value" (0.01). Errors: undefined_object (model, table, column), object_not_in_prerequisite_state (a model that was not trained by ecml_train), data_exception (no rows), insufficient_privilege.';
CREATE FUNCTION ecml_drift(model ecml_model, source text, options jsonb DEFAULT '{}', OUT feature text, OUT psi float8,
	OUT statistic float8, OUT p_value float8, OUT drifted boolean) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_drift_by_value' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 20;
COMMENT ON FUNCTION ecml_drift(ecml_model, text, jsonb) IS
'How far the rows of a source are from those that a model given as a value was trained on, as in ecml_drift(text, text, jsonb). Errors: undefined_object (table, column), object_not_in_prerequisite_state (a model that was not trained by ecml_train), data_exception (no rows), data_corrupted.';
