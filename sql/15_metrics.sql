-- ---- report: metrics of predictions

CREATE TYPE ecml_metrics_state;
CREATE FUNCTION ecml_metrics_state_in(cstring) RETURNS ecml_metrics_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_metrics_state_in(cstring) IS 'Reads the text form of a state of metrics. Errors: data_corrupted.';
CREATE FUNCTION ecml_metrics_state_out(ecml_metrics_state) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_metrics_state_out(ecml_metrics_state) IS 'Text form of a state of metrics.';
CREATE FUNCTION ecml_metrics_state_recv(internal) RETURNS ecml_metrics_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_metrics_state_recv(internal) IS 'Reads the binary form of a state of metrics. Errors: data_corrupted.';
CREATE FUNCTION ecml_metrics_state_send(ecml_metrics_state) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_metrics_state_send(ecml_metrics_state) IS 'Binary form of a state of metrics.';
CREATE TYPE ecml_metrics_state (
	INPUT = ecml_metrics_state_in, OUTPUT = ecml_metrics_state_out,
	RECEIVE = ecml_metrics_state_recv, SEND = ecml_metrics_state_send, STORAGE = extended);
COMMENT ON TYPE ecml_metrics_state IS
'What the aggregates of metrics keep of rows: sums, or counts of pairs of classes, or the scores of two classes; mergeable.';

CREATE TYPE ecml_confusion_cell AS (actual text, predicted text, rows bigint);
COMMENT ON TYPE ecml_confusion_cell IS 'Of ecml_confusion: how many rows of one class are predicted as another.';
CREATE TYPE ecml_roc_point AS (threshold float8, fpr float8, tpr float8);
COMMENT ON TYPE ecml_roc_point IS
'Of ecml_roc: share of the negative (fpr) and of the positive rows (tpr) whose score is at least threshold.';
CREATE TYPE ecml_pr_point AS (threshold float8, recall float8, "precision" float8);
COMMENT ON TYPE ecml_pr_point IS 'Of ecml_pr_curve: recall and precision of predicting positive where the score is at least threshold.';
CREATE TYPE ecml_lift_bin AS (
	bin int, rows bigint, positives float8, rate float8, lift float8, gain float8, cumulative_lift float8,
	min_score float8, max_score float8);
COMMENT ON TYPE ecml_lift_bin IS
'Of ecml_lift: the bin-th part of the rows by falling score; rate is positives by rows, lift the rate by the rate of all rows, gain the share of all positives up to here.';
CREATE TYPE ecml_calibration_bin AS (bin int, low float8, high float8, rows bigint, mean_score float8, rate float8);
COMMENT ON TYPE ecml_calibration_bin IS
'Of ecml_calibration: the rows with scores above low up to high; mean_score is what was predicted, rate the share of positives observed.';
CREATE TYPE ecml_threshold AS (
	threshold float8, cost float8, tp bigint, fp bigint, tn bigint, fn bigint, "precision" float8, recall float8);
COMMENT ON TYPE ecml_threshold IS
'Of ecml_best_threshold: predict positive where the score is at least threshold (infinity: nowhere), at that total cost.';

CREATE FUNCTION ecml_metrics_transition(ecml_metrics_state, "any", "any") RETURNS ecml_metrics_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_metrics_transition(ecml_metrics_state, "any", "any") IS
'Adds a row to a state of metrics.';
CREATE FUNCTION ecml_metrics_transition(ecml_metrics_state, "any", "any", jsonb) RETURNS ecml_metrics_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_metrics_transition(ecml_metrics_state, "any", "any", jsonb) IS
'Adds a row to a state of metrics.';
CREATE FUNCTION ecml_confusion_transition(ecml_metrics_state, "any", "any") RETURNS ecml_metrics_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_confusion_transition(ecml_metrics_state, "any", "any") IS
'Adds a row to a state of metrics.';
CREATE FUNCTION ecml_scores_transition(ecml_metrics_state, "any", float8) RETURNS ecml_metrics_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_scores_transition(ecml_metrics_state, "any", float8) IS
'Adds a row to a state of metrics.';
CREATE FUNCTION ecml_bins_transition(ecml_metrics_state, "any", float8, int) RETURNS ecml_metrics_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_bins_transition(ecml_metrics_state, "any", float8, int) IS
'Adds a row to a state of metrics.';
CREATE FUNCTION ecml_bins_transition(ecml_metrics_state, "any", float8, int, text) RETURNS ecml_metrics_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_bins_transition(ecml_metrics_state, "any", float8, int, text) IS
'Adds a row to a state of metrics.';
CREATE FUNCTION ecml_costs_transition(ecml_metrics_state, "any", float8, float8, float8) RETURNS ecml_metrics_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_costs_transition(ecml_metrics_state, "any", float8, float8, float8) IS
'Adds a row to a state of metrics.';
CREATE FUNCTION ecml_metrics_combine(ecml_metrics_state, ecml_metrics_state) RETURNS ecml_metrics_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_metrics_combine(ecml_metrics_state, ecml_metrics_state) IS
'Merges two states of metrics.';
CREATE FUNCTION ecml_metrics_final(ecml_metrics_state) RETURNS jsonb
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_metrics_final(ecml_metrics_state) IS
'The metrics of a state; NULL without a state.';
CREATE FUNCTION ecml_confusion_final(ecml_metrics_state) RETURNS ecml_confusion_cell[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_confusion_final(ecml_metrics_state) IS
'The confusion matrix of a state; NULL without a state.';
CREATE FUNCTION ecml_roc_final(ecml_metrics_state) RETURNS ecml_roc_point[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_roc_final(ecml_metrics_state) IS
'The ROC curve of a state; NULL without a state.';
CREATE FUNCTION ecml_pr_curve_final(ecml_metrics_state) RETURNS ecml_pr_point[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_pr_curve_final(ecml_metrics_state) IS
'The precision-recall curve of a state; NULL without a state.';
CREATE FUNCTION ecml_lift_final(ecml_metrics_state) RETURNS ecml_lift_bin[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_lift_final(ecml_metrics_state) IS
'The lift of a state; NULL without a state.';
CREATE FUNCTION ecml_calibration_final(ecml_metrics_state) RETURNS ecml_calibration_bin[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_calibration_final(ecml_metrics_state) IS
'The calibration of a state; NULL without a state.';
CREATE FUNCTION ecml_best_threshold_final(ecml_metrics_state) RETURNS ecml_threshold
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_best_threshold_final(ecml_metrics_state) IS
'The least costly threshold of a state; NULL without a state.';

CREATE AGGREGATE ecml_metrics(actual "any", predicted "any") (
	SFUNC = ecml_metrics_transition, STYPE = ecml_metrics_state, FINALFUNC = ecml_metrics_final,
	COMBINEFUNC = ecml_metrics_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_metrics("any", "any") IS
'All metrics of predictions as jsonb, by the types: actual boolean, text or enum and a predicted number is a score of the positive (second) class; a predicted text or boolean is a class; two numbers are a regression, and where all actual ones are 0 or 1 and all predicted ones within 0 to 1, also scores. Rows with NULL are skipped and counted. Errors: data_exception (NaN or infinite values, more than two classes where scores are given), invalid_parameter_value (types), program_limit_exceeded (scores beyond ecml.work_mem).';
CREATE AGGREGATE ecml_metrics(actual "any", predicted "any", options jsonb) (
	SFUNC = ecml_metrics_transition, STYPE = ecml_metrics_state, FINALFUNC = ecml_metrics_final,
	COMBINEFUNC = ecml_metrics_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_metrics("any", "any", jsonb) IS
'All metrics of predictions as jsonb. Options: task (auto, regression, classification: of numbers, integers predicted are classes and other numbers scores of actual 0 and 1), threshold (default 0.5), positive (class; default: the second). Errors: data_exception (NaN or infinite values, more than two classes where scores are given), invalid_parameter_value (types), program_limit_exceeded (scores beyond ecml.work_mem).';
CREATE AGGREGATE ecml_confusion(actual "any", predicted "any") (
	SFUNC = ecml_confusion_transition, STYPE = ecml_metrics_state, FINALFUNC = ecml_confusion_final,
	COMBINEFUNC = ecml_metrics_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_confusion("any", "any") IS
'How many rows of each class are predicted as each class, as an array of (actual, predicted, rows) for unnest; rows with NULL are left out. Errors: data_exception (more than 1000 classes), invalid_parameter_value (a score in place of a class).';
CREATE AGGREGATE ecml_roc(actual "any", score float8) (
	SFUNC = ecml_scores_transition, STYPE = ecml_metrics_state, FINALFUNC = ecml_roc_final,
	COMBINEFUNC = ecml_metrics_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_roc("any", float8) IS
'The corners of the ROC curve as (threshold, fpr, tpr) by falling threshold, as an array for unnest; rows with NULL are left out. actual is a boolean, 0 or 1, or one of two texts, the second of which is positive. Errors: data_exception (NaN or infinite scores, more than two classes, numbers other than 0 and 1), program_limit_exceeded (scores beyond ecml.work_mem).';
CREATE AGGREGATE ecml_pr_curve(actual "any", score float8) (
	SFUNC = ecml_scores_transition, STYPE = ecml_metrics_state, FINALFUNC = ecml_pr_curve_final,
	COMBINEFUNC = ecml_metrics_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_pr_curve("any", float8) IS
'The precision-recall curve as (threshold, recall, precision) by falling threshold, as an array for unnest; rows with NULL are left out. Errors: data_exception (NaN or infinite scores, more than two classes, numbers other than 0 and 1), program_limit_exceeded (scores beyond ecml.work_mem).';
CREATE AGGREGATE ecml_lift(actual "any", score float8) (
	SFUNC = ecml_scores_transition, STYPE = ecml_metrics_state, FINALFUNC = ecml_lift_final,
	COMBINEFUNC = ecml_metrics_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_lift("any", float8) IS
'Lift and gain by deciles of falling score, as an array for unnest; rows with NULL are left out. Errors: data_exception (NaN or infinite scores, more than two classes, numbers other than 0 and 1), program_limit_exceeded (scores beyond ecml.work_mem).';
CREATE AGGREGATE ecml_lift(actual "any", score float8, bins int) (
	SFUNC = ecml_bins_transition, STYPE = ecml_metrics_state, FINALFUNC = ecml_lift_final,
	COMBINEFUNC = ecml_metrics_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_lift("any", float8, int) IS
'Lift and gain by bins of equally many rows of falling score, as an array for unnest; rows with NULL are left out; rows with equal scores share their positives evenly. Errors: data_exception (NaN or infinite scores, more than two classes, numbers other than 0 and 1), program_limit_exceeded (scores beyond ecml.work_mem), invalid_parameter_value (bins).';
CREATE AGGREGATE ecml_calibration(actual "any", score float8) (
	SFUNC = ecml_scores_transition, STYPE = ecml_metrics_state, FINALFUNC = ecml_calibration_final,
	COMBINEFUNC = ecml_metrics_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_calibration("any", float8) IS
'Predicted against observed frequency in ten equal bins of the probability, as an array for unnest; rows with NULL are left out. Errors: data_exception (NaN or infinite scores, more than two classes, numbers other than 0 and 1), program_limit_exceeded (scores beyond ecml.work_mem); a score outside 0 to 1.';
CREATE AGGREGATE ecml_calibration(actual "any", score float8, bins int) (
	SFUNC = ecml_bins_transition, STYPE = ecml_metrics_state, FINALFUNC = ecml_calibration_final,
	COMBINEFUNC = ecml_metrics_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_calibration("any", float8, int) IS
'Predicted against observed frequency in equal bins of the probability, as an array for unnest; rows with NULL are left out; bins without rows are left out. Errors: data_exception (NaN or infinite scores, more than two classes, numbers other than 0 and 1), program_limit_exceeded (scores beyond ecml.work_mem), invalid_parameter_value (bins); a score outside 0 to 1.';
CREATE AGGREGATE ecml_calibration(actual "any", score float8, bins int, strategy text) (
	SFUNC = ecml_bins_transition, STYPE = ecml_metrics_state, FINALFUNC = ecml_calibration_final,
	COMBINEFUNC = ecml_metrics_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_calibration("any", float8, int, text) IS
'Predicted against observed frequency in bins of equal width (uniform) or of about equally many rows (quantile), as an array for unnest; rows with NULL are left out. Errors: data_exception (NaN or infinite scores, more than two classes, numbers other than 0 and 1), program_limit_exceeded (scores beyond ecml.work_mem), invalid_parameter_value (bins, strategy); a score outside 0 to 1.';
CREATE AGGREGATE ecml_best_threshold(actual "any", score float8, cost_fp float8, cost_fn float8) (
	SFUNC = ecml_costs_transition, STYPE = ecml_metrics_state, FINALFUNC = ecml_best_threshold_final,
	COMBINEFUNC = ecml_metrics_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_best_threshold("any", float8, float8, float8) IS
'The threshold of the least total cost of false positives and false negatives, the highest of equals; infinity: predict nothing positive. Rows with NULL are left out. Errors: data_exception (NaN or infinite scores, more than two classes, numbers other than 0 and 1), program_limit_exceeded (scores beyond ecml.work_mem), invalid_parameter_value (costs).';

-- ---- report: charts

CREATE FUNCTION ecml_plot_roc(points ecml_roc_point[], title text DEFAULT NULL) RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_plot_roc(ecml_roc_point[], text) IS
'The ROC curve that ecml_roc gives, with the area under it, as SVG text: ecml_plot_roc(ecml_roc(actual, score)). NULL for NULL.';
CREATE FUNCTION ecml_plot_calibration(bins ecml_calibration_bin[], title text DEFAULT NULL) RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_plot_calibration(ecml_calibration_bin[], text) IS
'Predicted against observed frequency of the bins that ecml_calibration gives, the rows of each as bars, as SVG text. NULL for NULL.';
CREATE FUNCTION ecml_plot_lift(bins ecml_lift_bin[], title text DEFAULT NULL) RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_plot_lift(ecml_lift_bin[], text) IS
'The lift of the bins that ecml_lift gives as bars, as SVG text. NULL for NULL.';
