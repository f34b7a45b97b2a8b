-- Gradient boosting: options that are not known, of the wrong type, that do not go together, or do not fit the target.
\pset format unaligned
\pset tuples_only on
CREATE TABLE gbdt_t AS SELECT i::float8 AS a, i % 7 AS b, 'c' || i % 3 AS c, i % 2 = 0 AS yes, (i % 5)::float8 AS y, 'g' || i % 3 AS g, i % 4 = 0 AS v
	FROM generate_series(1, 60) i;
CREATE FUNCTION gbdt_failure(target text, options text) RETURNS text LANGUAGE sql AS
$$ SELECT failure(format('SELECT ecml_train(''m'', ''gbdt'', ''gbdt_t'', %L, ''{a,b,c}'', %L)', target, options)) $$;

SELECT gbdt_failure('yes', '{"n_tree": 5}');
SELECT gbdt_failure('yes', '{"objective": "hinge"}');
SELECT gbdt_failure('yes', '{"n_trees": 0}');
SELECT gbdt_failure('yes', '{"max_leaves": 1}');
SELECT gbdt_failure('yes', '{"max_bins": 256}');
SELECT gbdt_failure('yes', '{"learning_rate": 0}');
SELECT gbdt_failure('yes', '{"subsample": 0}');
SELECT gbdt_failure('yes', '{"validation_fraction": 1}');
SELECT gbdt_failure('y', '{"objective": "quantile", "alpha": 1}');
SELECT gbdt_failure('y', '{"objective": "tweedie", "variance_power": 2}');

-- what does not go together
SELECT gbdt_failure('yes', '{"validation": "v", "validation_fraction": 0.1}');
SELECT gbdt_failure('yes', '{"validation": "w"}');
SELECT gbdt_failure('yes', '{"validation": "g"}');
SELECT gbdt_failure('y', '{"group": "g"}');
SELECT gbdt_failure('y', '{"objective": "lambdarank"}');
SELECT gbdt_failure('y', '{"class_weight": "balanced"}');
SELECT gbdt_failure('g', '{"scale_pos_weight": 2}');
SELECT gbdt_failure('y', '{"scale_pos_weight": 2}');
SELECT gbdt_failure('g', '{"class_weight": {"g9": 2}}');
SELECT gbdt_failure('y', '{"metric": "roc_auc"}');
SELECT gbdt_failure('yes', '{"metric": "rmse"}');

-- constraints
SELECT gbdt_failure('yes', '{"monotone": 1}');
SELECT gbdt_failure('yes', '{"monotone": [1, 0]}');
SELECT gbdt_failure('yes', '{"monotone": [1, 0, 1]}');
SELECT gbdt_failure('yes', '{"monotone": {"a": 2}}');
SELECT gbdt_failure('yes', '{"monotone": {"x": 1}}');

-- targets
SELECT gbdt_failure('g', '{"objective": "squared_error"}');
SELECT failure($$ SELECT ecml_train('m', 'gbdt', 'SELECT a, y - 1 AS y FROM gbdt_t', 'y', NULL, '{"objective": "poisson"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'gbdt', 'gbdt_t', 'y', '{a}', '{"objective": "gamma"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'gbdt', 'SELECT a, y / 2 AS y, g FROM gbdt_t', 'y', '{a}', '{"objective": "lambdarank", "group": "g"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'gbdt', 'SELECT a, true AS y FROM gbdt_t', 'y') $$);
SELECT failure($$ SELECT ecml_train('m', 'gbdt', 'SELECT a, y FROM gbdt_t WHERE false', 'y') $$);
SELECT failure($$ SELECT ecml_train('m', 'gbdt', 'SELECT CASE WHEN a = 3 THEN ''NaN'' ELSE a END AS a, y FROM gbdt_t', 'y') $$);
SELECT failure($$ SELECT ecml_train('m', 'gbdt', 'gbdt_t', 'y', '{a,b}', '{"objective": "lambdarank", "group": "g", "validation": "v"}') $$);
SELECT failure($$ SELECT ecml_gbdt('{"n_tree": 3}', y, a) FROM gbdt_t $$);
DROP TABLE gbdt_t;
