-- Data: no rows, too few, NULL, NaN, infinity, constants, duplicates, arrays of different length.
\pset format unaligned
\pset tuples_only on
CREATE TABLE data_t AS SELECT i::float8 AS a, (i % 7)::float8 AS b, 3 * i + i % 5 AS y, 'g' || i % 2 AS g
	FROM generate_series(1, 40) i;

-- no rows, rows without a value
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT a, y FROM data_t WHERE false', 'y') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT a, b FROM data_t WHERE false') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT NULL::float8 AS a, y FROM data_t', 'y') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT a, NULL::float8 AS y FROM data_t', 'y') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT a, y, NULL::float8 AS w FROM data_t', 'y', NULL,
	'{"sample_weight": "w"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT a, y, 0 AS w FROM data_t', 'y', NULL,
	'{"sample_weight": "w"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT NULL::float8 AS a, b FROM data_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT NULL::float8[] AS v FROM data_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT a, y, NULL::float8[] AS v FROM data_t', 'y', NULL,
	'{"missing": "impute"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT a, y FROM data_t WHERE false', 'y', NULL, '{"strategy": "step"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT a, NULL::float8 AS b, y FROM data_t', 'y', NULL, '{"strategy": "step"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'logreg', 'SELECT a, NULL::boolean AS y FROM data_t', 'y', NULL, '{"strategy": "step"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT nullif(a, 1) AS a, CASE WHEN a = 1 THEN b END AS b FROM data_t', NULL, NULL,
	'{"strategy": "step"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT ''Infinity''::float8 AS a, y FROM data_t', 'y', NULL, '{"strategy": "step"}') $$);
SELECT failure($$ SELECT ecml_kmeans_scan('SELECT a, b FROM data_t WHERE false') $$);
SELECT failure($$ SELECT ecml_cross_validate('linreg', 'SELECT a, y FROM data_t WHERE false', 'y') $$);
SELECT failure($$ SELECT ecml_cross_validate('linreg', 'SELECT a, y FROM data_t LIMIT 4', 'y') $$);
SELECT failure($$ SELECT ecml_evaluate(ecml_linreg('{}', y, a), 'SELECT a AS x1, y FROM data_t WHERE false') FROM data_t $$);
SELECT failure($$ SELECT ecml_evaluate(ecml_linreg('{}', y, a), 'SELECT NULL::float8 AS x1, y FROM data_t') FROM data_t $$);
-- an aggregate gives NULL, as other aggregates do
SELECT ecml_linreg('{}', y, a) IS NULL, ecml_kmeans('{}', a, b) IS NULL, ecml_ttest(a, g) IS NULL, ecml_ttest_paired(a,
	b) IS NULL,
	ecml_ttest_1samp(a, 0) IS NULL, ecml_linreg(y, ARRAY[a]) IS NULL FROM data_t WHERE false;
SELECT ecml_linreg('{}', NULL, a) IS NULL, ecml_linreg('{}', y, NULL::float8) IS NULL, ecml_kmeans('{}', NULL::float8,
	b) IS NULL,
	(ecml_ttest(NULL, g)).n_a, (ecml_ttest(a, NULL::text)).p_value IS NULL, ecml_linreg(y, NULL) IS NULL FROM data_t;
SELECT count(*) FROM ecml_rfm('SELECT g AS customer, now() AS time, a AS amount FROM data_t WHERE false');
SELECT count(*) FROM ecml_rfm('SELECT NULL::text AS customer, now() AS time, a AS amount FROM data_t');
-- an option that is wrong is an error without rows, too, where training sees it
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT a, y FROM data_t WHERE false', 'y', NULL, '{"alpha": -1}') $$);

-- too few rows
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT a, b FROM data_t LIMIT 1') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT a, b FROM data_t LIMIT 7', NULL, NULL, '{"k": 8}') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT b FROM data_t', NULL, NULL, '{"k": 8}') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT 1.5 AS a FROM data_t', NULL, NULL, '{"k": 2}') $$);
SELECT failure($$ SELECT ecml_kmeans('{"k": 8}', b) FROM data_t $$);
SELECT failure($$ SELECT ecml_kmeans_scan('SELECT b FROM data_t', NULL, 6, 8) $$);
SELECT failure($$ SELECT ecml_cross_validate('kmeans', 'SELECT b FROM data_t', NULL, NULL, '{"k": 8}') $$);
-- as many as there are is enough
SELECT (ecml_train('seven', 'kmeans', 'SELECT b FROM data_t', NULL, NULL,
	'{"k": 7, "standardize": false}')).metrics ->> 'inertia';
SELECT ecml_drop_model('seven');
-- one row: the regression is its value, and nothing is known of its error
SELECT term, estimate, std_error, p_value FROM ecml_coefficients((SELECT ecml_linreg('{}', y, a) FROM data_t WHERE a = 1));
SELECT statistic, df, p_value, mean_a, mean_b, n_a, n_b, group_a, group_b
FROM (SELECT (ecml_ttest(a, g)).* FROM data_t WHERE a <= 2) t;
SELECT statistic, p_value, mean_a, mean_b, n_a, n_b, group_a, group_b FROM (SELECT (ecml_ttest(a, g)).* FROM data_t
	WHERE g = 'g1') t;

-- NaN and infinity, each type that has them, name the column
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT ''NaN''::float4 AS weight, b FROM data_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans',
	'SELECT b, CASE WHEN a = 40 THEN ''-Infinity'' ELSE a END AS a FROM data_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT ''NaN''::numeric AS n, b FROM data_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT ''infinity''::timestamp AS at, b FROM data_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT ''-infinity''::timestamptz AS at, b FROM data_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT ''infinity''::date AS at, b FROM data_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT ARRAY[a, ''NaN''] AS v FROM data_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT ARRAY[1, NULL, ''Infinity''::float4] AS v FROM data_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT 1e400::numeric AS n, b FROM data_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT a, ''NaN''::float8 AS y FROM data_t', 'y') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT a, ''Infinity''::float4 AS y FROM data_t', 'y') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT a, y, ''NaN''::float8 AS w FROM data_t', 'y', NULL,
	'{"sample_weight": "w"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT a, y, -a AS w FROM data_t', 'y', NULL,
	'{"sample_weight": "w"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT 1e200 * a AS a, y FROM data_t', 'y', NULL, '{}') $$);
SELECT failure($$ SELECT ecml_linreg('{}', y, a, 'NaN'::float8) FROM data_t $$);
SELECT failure($$ SELECT ecml_linreg('{}', 'Infinity', a) FROM data_t $$);
SELECT failure($$ SELECT ecml_linreg(y, ARRAY[a, 'NaN']) FROM data_t $$);
SELECT failure($$ SELECT ecml_linreg('{"sample_weight": "x2"}', y, a, -b) FROM data_t $$);
SELECT failure($$ SELECT ecml_kmeans('{"k": 2}', a, 'Infinity'::float8) FROM data_t $$);
SELECT failure($$ SELECT ecml_ttest('NaN', g) FROM data_t $$);
SELECT failure($$ SELECT ecml_ttest_paired(a, 'Infinity') FROM data_t $$);
SELECT failure($$ SELECT ecml_ttest_1samp(a, '-Infinity') FROM data_t $$);
SELECT failure($$ SELECT ecml_ttest_1samp(a, b) FROM data_t $$);
SELECT failure($$ SELECT ecml_ttest(a, b) FROM data_t $$);
SELECT failure($$ SELECT ecml_kmeans_scan('SELECT ''NaN''::float8 AS a, b FROM data_t') $$);
SELECT failure($$ SELECT ecml_cross_validate('linreg', 'SELECT ''NaN''::float8 AS a, y FROM data_t', 'y') $$);

-- NULL where the option says that it is an error, in training and at predict
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT nullif(a, 40) AS a, y FROM data_t', 'y', NULL,
	'{"missing": "error"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT b, nullif(a, 40) AS a FROM data_t', NULL, NULL,
	'{"missing": "error"}') $$);
SELECT failure($$ SELECT ecml_linreg('{"missing": "error"}', y, nullif(a, 40)) FROM data_t $$);
SELECT failure($$ SELECT ecml_predict(m, NULL::float8) FROM (SELECT ecml_linreg('{"missing": "error"}', y, a) AS m
	FROM data_t) s $$);

-- arrays of different length
SELECT failure($$ SELECT ecml_train('m', 'kmeans',
	'SELECT CASE WHEN a < 40 THEN ARRAY[a, b] ELSE ARRAY[a] END AS v FROM data_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans',
	'SELECT CASE WHEN a < 40 THEN ARRAY[a, b] ELSE ''{}'' END AS v FROM data_t') $$);
SELECT failure($$ SELECT ecml_linreg('{}', y, CASE WHEN a < 40 THEN ARRAY[a] ELSE ARRAY[a, b] END) FROM data_t $$);
SELECT failure($$ SELECT ecml_linreg_partial('{}', y, CASE WHEN a < 40 THEN ARRAY[a] ELSE ARRAY[a, b] END) FROM data_t $$);
SELECT failure($$ SELECT ecml_linreg_merge(s) FROM (SELECT ecml_linreg_partial('{}', y, CASE g WHEN 'g0' THEN ARRAY[a]
	ELSE ARRAY[a, b] END) AS s
	FROM data_t GROUP BY g) p $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT ''{}''::float8[] AS v FROM data_t') $$);

-- constant columns and target: a warning that names the column, not garbage
SELECT (ecml_train('constant', 'linreg', 'SELECT a, 7 AS seven, 2 * a AS double, y FROM data_t', 'y')).metrics -> 'aliased';
SELECT term, estimate IS NULL AS left_out, std_error IS NULL AS no_error FROM ecml_coefficients('constant');
SELECT (ecml_train('constant', 'linreg', 'SELECT 7 AS seven, y FROM data_t', 'y')).metrics -> 'rank';
SELECT failure($$ SELECT ecml_train('constant', 'linreg', 'SELECT a, 5 AS y FROM data_t', 'y') $$);
SELECT (ecml_train('constant', 'kmeans', 'SELECT a, 7 AS seven FROM data_t', NULL, NULL, '{"k": 2}')).version;
SELECT centroid[2] FROM ecml_centroids('constant');
SELECT (ecml_train('constant', 'kmeans', 'SELECT 7 AS seven FROM data_t', NULL, NULL, '{"k": 1}')).metrics ->> 'inertia';
SELECT ecml_drop_model('constant');
SELECT statistic, p_value, mean_a, mean_b FROM (SELECT (ecml_ttest(5, g)).* FROM data_t) t;

-- a text that tells rows apart, and one that does not
SELECT (ecml_train('names', 'linreg', 'SELECT ''n'' || i AS name, i % 3 || ''k'' AS kind, i % 7 AS y FROM generate_series(1, 30) i', 'y',
	'{kind,name}')).metrics -> 'df';
SELECT ecml_drop_model('names');
SELECT failure($$ SELECT ecml_train('m', 'XGBoost', 'data_t', 'y') $$);

-- too much
SELECT failure($$ SELECT ecml_linreg('{}', i, 'v' || i) FROM generate_series(1, 4100) i $$);
SELECT count(*) FROM ecml.models;
DROP TABLE data_t;
