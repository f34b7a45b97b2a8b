-- Options: misspelt, of the wrong type, out of range, not an object; at each entry point that takes them.
\pset format unaligned
\pset tuples_only on
CREATE TABLE options_t AS SELECT i::float8 AS a, (i % 7)::float8 AS b, 3 * i + i % 5 AS y, 'x' || i % 2 AS g,
	'c' || i % 3 AS customer, timestamptz '2024-01-01' + i * interval '1 day' AS time, i AS amount
		FROM generate_series(1, 40) i;

-- misspelt
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"aplha": 1}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"folds": 3}') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'options_t', NULL, '{a,b}', '{"K": 3}') $$);
SELECT failure($$ SELECT ecml_linreg('{"intercep": false}', y, a, b) FROM options_t $$);
SELECT failure($$ SELECT ecml_linreg('{"intercep": false}', y, ARRAY[a, b]) FROM options_t $$);
SELECT failure($$ SELECT ecml_linreg_partial('{"intercep": false}', y, ARRAY[a, b]) FROM options_t $$);
SELECT failure($$ SELECT ecml_kmeans('{"clusters": 2}', a, b) FROM options_t $$);
SELECT failure($$ SELECT ecml_kmeans_scan('options_t', '{a,b}', 2, 3, '{"ninit": 2}') $$);
SELECT failure($$ SELECT ecml_rfm('options_t', '{"bin": 3}') $$);
SELECT failure($$ SELECT ecml_ttest(a, g, '{"equal_variance": true}') FROM options_t $$);
SELECT failure($$ SELECT ecml_ttest_paired(a, b, '{"levle": 0.9}') FROM options_t $$);
SELECT failure($$ SELECT ecml_ttest_paired(a, b, '{"equal_var": true}') FROM options_t $$);
SELECT failure($$ SELECT ecml_ttest_1samp(a, 0, '{"alternativ": "less"}') FROM options_t $$);
SELECT failure($$ SELECT ecml_cross_validate('linreg', 'options_t', 'y', '{a,b}', '{"fold": 3}') $$);
SELECT failure($$ SELECT ecml_evaluate(ecml_linreg('{}', y, a, b), 'options_t', '{"tagret": "y"}') FROM options_t $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"": 1}') $$);

-- of the wrong type
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"alpha": "much"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"alpha": null}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"intercept": 1}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"max_iter": 1.5}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"missing": "ignore"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"missing": ["skip"]}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"sample_weight": 3}') $$);
SELECT failure($$ SELECT ecml_linreg('{"seed": {"a": 1}}', y, a, b) FROM options_t $$);
SELECT failure($$ SELECT ecml_kmeans('{"k": true}', a, b) FROM options_t $$);
SELECT failure($$ SELECT ecml_kmeans('{"init": "kmeans++"}', a, b) FROM options_t $$);
SELECT failure($$ SELECT ecml_kmeans_scan('options_t', '{a,b}', 2, 3, '{"standardize": "yes"}') $$);
SELECT failure($$ SELECT ecml_rfm('options_t', '{"bins": "five"}') $$);
SELECT failure($$ SELECT ecml_rfm('options_t', '{"customer": 3}') $$);
SELECT failure($$ SELECT ecml_ttest(a, g, '{"equal_var": "no"}') FROM options_t $$);
SELECT failure($$ SELECT ecml_ttest(a, g, '{"alternative": "bigger"}') FROM options_t $$);
SELECT failure($$ SELECT ecml_cross_validate('linreg', 'options_t', 'y', '{a,b}', '{"folds": "three"}') $$);
SELECT failure($$ SELECT ecml_evaluate(ecml_linreg('{}', y, a, b), 'options_t', '{"target": 1}') FROM options_t $$);

-- out of range
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"alpha": -1}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"alpha": 1e999}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"l1_ratio": 1.01}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"level": 1}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"seed": -1}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '{"seed": 9007199254740994}') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'options_t', NULL, '{a,b}', '{"k": 0}') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'options_t', NULL, '{a,b}', '{"k": 100000}') $$);
SELECT failure($$ SELECT ecml_kmeans('{"tolerance": -0.1}', a, b) FROM options_t $$);
SELECT failure($$ SELECT ecml_kmeans('{"n_init": 0}', a, b) FROM options_t $$);
SELECT failure($$ SELECT ecml_kmeans_scan('options_t', '{a,b}', 3, 2) $$);
SELECT failure($$ SELECT ecml_kmeans_scan('options_t', '{a,b}', 0, 2) $$);
SELECT failure($$ SELECT ecml_kmeans_scan('options_t', '{a,b}', 2, 65537) $$);
SELECT failure($$ SELECT ecml_rfm('options_t', '{"bins": 1}') $$);
SELECT failure($$ SELECT ecml_rfm('options_t', '{"as_of": "yesteryear"}') $$);
SELECT failure($$ SELECT ecml_ttest(a, g, '{"level": 0}') FROM options_t $$);
SELECT failure($$ SELECT ecml_ttest_1samp(a, 0, '{"level": 1}') FROM options_t $$);
SELECT failure($$ SELECT ecml_ttest(a, g, '{"level": 95}') FROM options_t $$);
SELECT failure($$ SELECT ecml_cross_validate('linreg', 'options_t', 'y', '{a,b}', '{"folds": 1}') $$);
SELECT failure($$ SELECT ecml_cross_validate('linreg', 'options_t', 'y', '{a,b}', '{"folds": 1001}') $$);
SELECT failure($$ SELECT ecml_predict_interval(ecml_linreg('{}', y, a, b), 1, 2::float8, 3::float8) FROM options_t $$);
SELECT failure($$ SELECT ecml_predict_interval(ecml_linreg('{}', y, a, b), 'NaN', 2::float8, 3::float8) FROM options_t $$);

-- not an object
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', '[]') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'options_t', NULL, '{a,b}', '"k"') $$);
SELECT failure($$ SELECT ecml_linreg('3', y, a, b) FROM options_t $$);
SELECT failure($$ SELECT ecml_kmeans('null', a, b) FROM options_t $$);
SELECT failure($$ SELECT ecml_kmeans_scan('options_t', '{a,b}', 2, 3, '[{"k": 1}]') $$);
SELECT failure($$ SELECT ecml_rfm('options_t', 'true') $$);
SELECT failure($$ SELECT ecml_ttest(a, g, '[]') FROM options_t $$);
SELECT failure($$ SELECT ecml_cross_validate('linreg', 'options_t', 'y', '{a,b}', '1') $$);
SELECT failure($$ SELECT ecml_evaluate(ecml_linreg('{}', y, a, b), 'options_t', '[]') FROM options_t $$);
-- not JSON: refused before ecml sees it
SELECT left(failure($$ SELECT ecml_train('m', 'linreg', 'options_t', 'y', '{a,b}', 'alpha=1') $$), 5);
-- NULL is no option
SELECT failure($$ SELECT ecml_train('options', 'linreg', 'options_t', 'y', '{a,b}', NULL) $$);

-- settings
SELECT left(failure('SET ecml.threads = -1'), 5), left(failure('SET ecml.threads = 1000'), 5),
	left(failure($$ SET ecml.work_mem = '1kB' $$), 5), left(failure('SET ecml.seed = -1'), 5);

-- nothing was stored by what failed
SELECT count(*) FROM ecml.models WHERE name = 'm';
SELECT ecml_drop_model('options');
DROP TABLE options_t;
