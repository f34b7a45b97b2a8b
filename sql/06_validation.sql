-- ---- cross validation and the search for options

CREATE FUNCTION ecml_cross_validate(algorithm text, source text, target text DEFAULT NULL, features text[] DEFAULT NULL,
	options jsonb DEFAULT '{}') RETURNS jsonb
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION ecml_cross_validate(text, text, text, text[], jsonb) IS
'Metrics of an algorithm on rows that its models have not seen: mean and sd of each over the folds of a cross validation. Options beside those of the algorithm: "folds" (2 to 1000, default 5), "repeats", "split" (random, stratified, group, time), "group" and "time" (columns), "gap" (seconds, or an interval), "details" (true: the metrics of each fold too). Errors: those of ecml_train, and data_exception for fewer rows, groups or times than folds need.';

CREATE TYPE ecml_fold_prediction AS (key text, fold int, prediction float8, class text);
COMMENT ON TYPE ecml_fold_prediction IS 'A row predicted by a model that was trained without its fold.';

CREATE FUNCTION ecml_cross_predict(algorithm text, source text, target text, features text[], key text,
	options jsonb DEFAULT '{}') RETURNS SETOF ecml_fold_prediction
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_cross_predict(text, text, text, text[], text, jsonb) IS
'Predicts each row of a source by a model that was trained without its fold: the text of its key column, the fold (from 1), the prediction (value; of two classes the probability of the second, of more that of the class named) and the class. Rows that are skipped or never tested are left out. Options as in ecml_cross_validate, without "repeats" and "details". Errors: those of ecml_cross_validate.';

CREATE TYPE ecml_trial AS (
	trial int, options jsonb, metric float8, sd float8, rank int, metrics jsonb, folds int, rows bigint, seconds float8,
	error text);
COMMENT ON TYPE ecml_trial IS 'Options tried by ecml_tune, and how good they are; error: why they cannot be used.';

CREATE FUNCTION ecml_tune(algorithm text, source text, target text, features text[], grid jsonb,
	options jsonb DEFAULT '{}') RETURNS SETOF ecml_trial
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 20;
COMMENT ON FUNCTION ecml_tune(text, text, text, text[], jsonb, jsonb) IS
'Searches options of an algorithm by cross validation: a row for each trial, the best first. grid: an object of lists, {"alpha": [0.1, 1]}, or of ranges for a random search, {"alpha": {"low": 0.01, "high": 10, "log": true}}. Options: those of folds in ecml_cross_validate, "method" (grid, random, halving), "trials", "metric", "base" (fixed options of the algorithm), "factor" and "min_rows" (of halving), "save" (a name: the best one is trained on all rows and stored under it), "seed", "progress". metric, sd: of the metric that is optimised, over the folds; rows: that took part; seconds: of the trial''s own fits. Errors: invalid_parameter_value (grid, options, metric), those of ecml_cross_validate and, with "save", of ecml_train.';
