-- ecml_evaluate and ecml_cross_validate, against plain SQL over predictions.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(36);

CREATE TABLE sales AS SELECT i, (i * 31 % 17)::float8 AS price, (ARRAY['a', 'b', 'c'])[1 + i * 7 % 5 % 3] AS kind, CASE
	WHEN i % 12 <> 0 THEN i % 7 END AS stock,
	CASE WHEN i % 25 = 0 THEN 0 ELSE 40 - 2 * (i * 31 % 17) + sin(i) * 5 END AS sold, i % 4 AS w FROM generate_series(1,
		120) i;
INSERT INTO sales VALUES (121, 3, 'a', 1, NULL, 1), (122, 3, 'never met', 1, 40, 1);

-- ---- evaluate

SELECT (ecml_train('m', 'linreg', 'SELECT price, kind, stock, sold FROM sales WHERE i <= 60', 'sold')).rows;
CREATE TABLE predicted AS SELECT sold, ecml_predict('m', price, kind, stock) AS p FROM sales WHERE i > 60;
CREATE FUNCTION pg_temp.metric(j jsonb, name text) RETURNS float8 LANGUAGE sql AS $$ SELECT (j ->> name)::float8 $$;
CREATE TABLE expected AS SELECT sqrt(avg((p - sold) ^ 2)) AS rmse, avg(abs(p - sold)) AS mae, percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(p - sold)) AS median_absolute_error, avg(p - sold) AS bias,
	avg(abs((p - sold) / nullif(sold, 0))) AS mape,
	avg(2 * abs(p - sold) / (abs(p) + abs(sold))) AS smape, max(abs(p - sold)) AS max_error,
	1 - var_pop(p - sold) / var_pop(sold) AS explained_variance,
	1 - sum((p - sold) ^ 2) / (count(*) * var_pop(sold)) AS r2, count(*) AS rows, (SELECT count(*) FROM predicted
		WHERE p IS NULL OR sold IS NULL) AS skipped FROM predicted WHERE p IS NOT NULL AND sold IS NOT NULL;
SELECT ok(pg_temp.close(pg_temp.metric(e, name), value::float8, 1e-12), name || ' is that of plain SQL')
FROM ecml_evaluate('m', 'SELECT * FROM sales WHERE i > 60') e, expected x, jsonb_each_text(to_jsonb(x)) j (name, value)
	ORDER BY name;
SELECT is((SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(ecml_evaluate('m', 'sales')) k), ARRAY['bias',
	'explained_variance', 'mae', 'mape', 'max_error', 'median_absolute_error', 'r2', 'rmse', 'rows', 'skipped', 'smape'], 'metrics of a regression');
SELECT is(ecml_evaluate(ecml_load('m'), 'SELECT * FROM sales WHERE i > 60'), ecml_evaluate('m',
	'SELECT * FROM sales WHERE i > 60'), 'a value is evaluated as a name is');
SELECT is(ecml_evaluate('m', 'SELECT price, stock, kind, sold AS "Sold!" FROM sales WHERE i > 60',
	'{"target": "Sold!"}'), ecml_evaluate('m', 'SELECT * FROM sales WHERE i > 60'),
	'the target may have another name, columns another order');
SELECT ok(pg_temp.close((ecml_evaluate('m', 'SELECT * FROM sales WHERE i <= 60') ->> 'r2')::float8,
	(ecml_model_info('m') #>> '{metrics,r2}')::float8, 1e-10), 'R2 on the rows of training is that of training');
SELECT is(ecml_evaluate('m',
	'SELECT 3 AS price, ''a'' AS kind, 1 AS stock, 7 AS sold FROM generate_series(1, 3)') -> 'r2', 'null'::jsonb,
	'of a constant target R2 is not defined');
SELECT is(ecml_evaluate('m', 'SELECT 3 AS price, ''a'' AS kind, 1 AS stock, 0 AS sold') -> 'mape', 'null'::jsonb,
	'of a target of 0 no percentage is');
SELECT (ecml_train('filled', 'linreg', 'SELECT price, kind, stock, sold FROM sales', 'sold', NULL,
	'{"missing": "impute"}')).rows;
SELECT is((ecml_evaluate('filled', 'sales') ->> 'skipped')::int, 1,
	'a model that imputes is evaluated on rows with NULL, but not without a target');
SELECT (ecml_train('k', 'kmeans', 'SELECT price, stock FROM sales', NULL, NULL, '{"k": 3, "n_init": 5}')).rows;
-- standardised as the model does it: by all rows of its training
CREATE TABLE units AS SELECT ecml_predict('k', price, stock) AS p, price / m.sp AS u, stock / m.ss AS v FROM sales,
	(SELECT stddev_pop(price) AS sp, stddev_pop(stock) AS ss FROM sales WHERE stock IS NOT NULL) m WHERE i > 60 AND stock IS NOT NULL;
SELECT ok((e ->> 'rows')::int = (SELECT count(*) FROM sales WHERE stock IS NOT NULL AND i > 60)
	AND (e ->> 'silhouette')::float8 BETWEEN 0.2 AND 1
	AND (SELECT sum(s::int) FROM jsonb_array_elements_text(e -> 'sizes') s) = (e ->> 'rows')::int,
		'a clustering on rows that it has not seen') FROM ecml_evaluate('k', 'SELECT * FROM sales WHERE i > 60') e;
SELECT is((SELECT array_agg(s::int) FROM jsonb_array_elements_text(ecml_evaluate('k',
	'SELECT * FROM sales WHERE i > 60') -> 'sizes') s),
	(SELECT array_agg(n ORDER BY c) FROM (SELECT c, count(p)::int AS n FROM generate_series(0, 2) c LEFT
		JOIN (SELECT ecml_predict('k', price, stock) AS p FROM sales WHERE i > 60) s ON p = c GROUP BY c) t),
	'has the sizes that predict gives');

SELECT ok(pg_temp.close((e ->> 'calinski_harabasz')::float8, (SELECT (between_ / 2) / (within_ / (n - 3)) FROM (SELECT sum(count * ((a - m.x) ^ 2 + (b - m.y) ^ 2)) AS between_,
		sum(spread) AS within_, sum(count) AS n FROM (SELECT p, count(*), avg(u) AS a, avg(v) AS b, var_pop(u) * count(*) + var_pop(v) * count(*) AS spread FROM units GROUP BY p) c,
		(SELECT avg(u) AS x, avg(v) AS y FROM units) m) s), 1e-5) AND (e ->> 'davies_bouldin')::float8 BETWEEN 0.2 AND 2, 'and the dispersion of plain SQL')
FROM ecml_evaluate('k', 'SELECT * FROM sales WHERE i > 60') e;

-- ---- cross validation

-- as many folds as rows: each row is predicted by the model of all others
CREATE TABLE few AS SELECT i, price, kind, sold FROM sales WHERE i <= 30 AND sold > 0;
CREATE TABLE left_out AS SELECT f.i, ecml_predict((SELECT ecml_linreg('{}', o.sold, o.price, o.kind) FROM few o
	WHERE o.i <> f.i), f.price, f.kind) - f.sold AS error FROM few f;
CREATE TABLE validated AS SELECT ecml_cross_validate('linreg', 'SELECT price, kind, sold FROM few', 'sold', NULL,
	jsonb_build_object('folds', (SELECT count(*) FROM few))) AS v;
SELECT ok(pg_temp.close((v #>> '{rmse,mean}')::float8, (SELECT avg(abs(error)) FROM left_out), 1e-10),
	'leave-one-out by hand: mean error') FROM validated;
SELECT ok(pg_temp.close((v #>> '{rmse,sd}')::float8, (SELECT stddev_samp(abs(error)) FROM left_out), 1e-10),
	'its deviation over the folds') FROM validated;
SELECT ok(pg_temp.close((v #>> '{bias,mean}')::float8, (SELECT avg(error) FROM left_out), 1e-9), 'bias') FROM validated;
SELECT is((v ->> 'folds')::int, (v ->> 'rows')::int, 'folds and rows are told') FROM validated;
SELECT is(v -> 'r2', NULL, 'what no fold has is left out') FROM validated;
SELECT is((SELECT jsonb_object_agg(key, value) FROM jsonb_each(ecml_cross_validate('linreg', 'sales', 'sold',
	'{price,kind}')) WHERE key IN ('folds', 'rows', 'skipped')),
	'{"folds": 5, "rows": 121, "skipped": 1}'::jsonb, 'five folds by default, and counts');
SELECT is(ecml_cross_validate('linreg', 'sales', 'sold', '{price}', '{"seed": 3}'), ecml_cross_validate('linreg',
	'sales', 'sold', '{price}', '{"seed": 3}'), 'the same seed, the same folds');
SELECT isnt(ecml_cross_validate('linreg', 'sales', 'sold', '{price}', '{"seed": 3}'), ecml_cross_validate('linreg',
	'sales', 'sold', '{price}', '{"seed": 4}'), 'another seed, other folds');
SELECT ok(abs((ecml_cross_validate('linreg', 'sales', 'sold', '{price}',
	'{"folds": 10}') #>> '{rmse,mean}')::float8 - (ecml_evaluate(m,
	'SELECT price AS x1, sold AS y FROM sales') ->> 'rmse')::float8) < 2,
	'its error is near that of training') FROM (SELECT ecml_linreg('{}', sold, price) AS m FROM sales) s;
SELECT is((SELECT count(*) FROM ecml.models), 3::bigint, 'nothing is stored');
SELECT ok((v #>> '{rmse,mean}')::float8 BETWEEN 1 AND 15, 'NULLs are imputed fold by fold')
	FROM ecml_cross_validate('linreg', 'sales', 'sold', '{price,kind,stock}', '{"missing": "impute"}') v;
SELECT is((ecml_cross_validate('linreg', 'sales', 'sold', '{price,stock}',
	'{"sample_weight": "w"}') ->> 'skipped')::bigint, (SELECT count(*) FROM sales WHERE w = 0 OR sold IS NULL
	OR stock IS NULL), 'rows of no weight are left out');
SELECT is((ecml_cross_validate('linreg', 'sales', 'sold',
	'{price,stock}') ->> 'rows')::int + (ecml_cross_validate('linreg', 'sales', 'sold',
	'{price,stock}') ->> 'skipped')::int, 122, 'every row is used or counted');
-- a clustering has its own metrics; categories that a fold meets first elsewhere keep their place
SELECT ok((v #>> '{silhouette,mean}')::float8 BETWEEN 0 AND 1 AND (v #>> '{inertia,mean}')::float8 > 0,
	'a clustering is validated by silhouette and inertia') FROM ecml_cross_validate('kmeans', 'sales', NULL,
	'{price,kind}', '{"k": 3}') v;
CREATE TABLE separate AS SELECT (ARRAY['x', 'y', 'z'])[1 + i % 3] AS g, (ARRAY['p', 'q', 'r'])[1 + i % 3] AS h,
	i % 3 * 100 + sin(i) AS v FROM generate_series(1, 300) i;
SELECT ok((v #>> '{silhouette,mean}')::float8 > 0.95, 'groups that text columns tell apart are found in every fold')
	FROM ecml_cross_validate('kmeans', 'separate', NULL, NULL, '{"k": 3, "n_init": 5, "missing": "impute"}') v;

SELECT * FROM finish();
ROLLBACK;
