-- Cross validation and ecml_tune: what is wrong with splits, grids, metrics and names.
\pset format unaligned
\pset tuples_only on
CREATE TABLE tuning_t AS SELECT i, i::float8 AS a, (i % 7)::float8 AS b, 3 * i + i % 5 AS y, 'x' || i % 2 AS g,
	date '2024-01-01' + i / 20 AS day, NULL::int AS nothing, point(i, i) AS p FROM generate_series(1, 40) i;
CREATE FUNCTION validate(options jsonb, features text[] DEFAULT '{a,b}') RETURNS text LANGUAGE sql AS $$
	SELECT failure(format('SELECT ecml_cross_validate(''linreg'', ''tuning_t'', ''y'', %L, %L)', features, options)) $$;
CREATE FUNCTION tune(grid jsonb, options jsonb DEFAULT '{}', algorithm text DEFAULT 'linreg') RETURNS text LANGUAGE sql AS $$
	SELECT failure(format('SELECT ecml_tune(%L, ''tuning_t'', %L, ''{a,b}'', %L, %L)', algorithm,
		CASE algorithm WHEN 'linreg' THEN 'y' END, grid, options)) $$;

-- splits
SELECT validate('{"split": "groups"}');
SELECT validate('{"split": "group"}');
SELECT validate('{"split": "random", "group": "g"}');
SELECT validate('{"split": "stratified", "time": "day"}');
SELECT validate('{"split": "stratified"}');
SELECT validate('{"group": "g", "time": "day"}');
SELECT validate('{"gap": 3}');
SELECT validate('{"time": "day", "gap": -1}');
SELECT validate('{"time": "day", "gap": "-1 day"}');
SELECT validate('{"time": "day", "gap": true}');
SELECT left(validate('{"time": "day", "gap": "a while"}'), 5);
SELECT validate('{"time": "day", "repeats": 2}');
SELECT validate('{"repeats": 0}');
SELECT validate('{"details": 1}');
SELECT validate('{"group": "gg"}');
SELECT validate('{"time": "dya"}');
SELECT validate('{"time": "g"}');
SELECT validate('{"time": "p"}');
SELECT validate('{"group": "g", "folds": 3}');
SELECT validate('{"group": "nothing"}');
SELECT validate('{"time": "day", "folds": 3}');
SELECT validate('{"time": "i", "folds": 40}');
SELECT validate('{"time": "i", "folds": 39, "gap": 2}');
SELECT validate('{"folds": 41}');

-- cross prediction
SELECT failure($$ SELECT ecml_cross_predict('linreg', 'tuning_t', 'y', '{a}', NULL) $$);
SELECT failure($$ SELECT ecml_cross_predict('linreg', 'tuning_t', 'y', '{a}', 'key') $$);
SELECT failure($$ SELECT ecml_cross_predict('linreg', 'tuning_t', 'y', '{a}', 'i', '{"repeats": 2}') $$);
SELECT failure($$ SELECT ecml_cross_predict('linreg', 'tuning_t', 'y', '{a}', 'i', '{"details": true}') $$);
SELECT failure($$ SELECT ecml_cross_predict('kmeans', 'tuning_t', NULL, '{a}', 'i') $$);

-- grids
SELECT tune('{}');
SELECT tune('[]');
SELECT tune('{"alpha": 1}');
SELECT tune('{"alpha": "1, 2"}');
SELECT tune('{"alpha": null}');
SELECT tune('{"alpha": []}');
SELECT tune('{"alpha": [1, 2], "alhpa": [3]}');
SELECT tune('{"alpha": [1, -2]}');
SELECT tune('{"alpha": [[1]]}');
SELECT tune('{"alpha": {}}');
SELECT tune('{"alpha": {"low": 1}}');
SELECT tune('{"alpha": {"low": 2, "high": 1}}');
SELECT tune('{"alpha": {"low": 0, "high": 1, "log": true}}');
SELECT tune('{"max_iter": {"low": 1.2, "high": 1.8, "int": true}}');
SELECT tune('{"alpha": {"low": "a", "high": 1}}');
SELECT tune('{"alpha": {"low": 0, "high": 1, "step": 0.1}}');
SELECT tune('{"alpha": {"low": 0, "high": 1}}', '{"method": "grid"}');
SELECT tune('{"alpha": [1, 2]}', '{"trials": 3}');
SELECT tune('{"max_iter": {"low": 1, "high": 9, "int": false}}');
SELECT tune('{"sample_weight": ["a", "b"]}');
SELECT tune('{"alpha": [1]}', '{"base": {"alpha": 2}}');
SELECT failure(format($$ SELECT ecml_tune('linreg', 'tuning_t', 'y', '{a}', jsonb_build_object('alpha', %1$s, 'l1_ratio', %1$s)) $$,
	'(SELECT jsonb_agg(i / 200.0) FROM generate_series(1, 200) i)'));
SELECT failure($$ SELECT ecml_tune('linreg', 'tuning_t', 'y', '{a}', NULL) $$);
-- which trial it is
\set VERBOSITY terse
\set SHOW_CONTEXT always
\set VERBOSITY default
SELECT * FROM ecml_tune('kmeans', 'tuning_t', NULL, '{a}', '{"k": [2, 2.5]}');
SELECT * FROM ecml_tune('kmeans', 'tuning_t', NULL, '{a}', '{"k": [39, 40]}', '{"folds": 2}');
SELECT ecml_cross_validate('kmeans', 'tuning_t', NULL, '{a}', '{"k": 39, "folds": 2}');
\set SHOW_CONTEXT errors

-- options
SELECT tune('{"alpha": [1]}', '{"metrics": "mae"}');
SELECT tune('{"alpha": [1]}', '{"metric": "mea"}');
SELECT tune('{"alpha": [1]}', '{"metric": "roc_auc"}');
SELECT tune('{"k": [2]}', '{"metric": "rmse"}', 'kmeans');
SELECT tune('{"alpha": [1]}', '{"method": "bayes"}');
SELECT tune('{"alpha": [1]}', '{"factor": 1}');
SELECT tune('{"alpha": [1]}', '{"base": [1]}');
SELECT tune('{"alpha": [1]}', '{"base": {"aplha": 1}}');
SELECT tune('{"alpha": [1]}', '{"save": ""}');
SELECT tune('{"alpha": [1]}', '{"folds": 41}');
SELECT tune('{"alpha": [1]}', '{"group": "gg"}');
SELECT tune('{"alpha": [1]}', '[]');
SELECT failure($$ SELECT ecml_tune('liner', 'tuning_t', 'y', '{a}', '{"alpha": [1]}') $$);
SELECT failure($$ SELECT ecml_tune('linreg', 'tuning_tt', 'y', '{a}', '{"alpha": [1]}') $$);
SELECT failure($$ SELECT ecml_tune('linreg', 'tuning_t', NULL, '{a}', '{"alpha": [1]}') $$);
SELECT failure($$ SELECT ecml_tune('linreg', 'SELECT a, 1 AS y FROM tuning_t', 'y', '{a}', '{"alpha": [1]}', '{"metric": "r2"}') $$);

-- nothing was stored
SELECT count(*) FROM ecml.models WHERE name = '' OR source LIKE '%tuning_t%';
DROP FUNCTION validate, tune;
DROP TABLE tuning_t;
