-- ecml_drift: what has changed since training is found, what has not is not; the profile is the same however rows come.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(32);
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;

CREATE TABLE shop AS
SELECT i, (i * 7919 % 10007) / 100.0::float8 AS price, (ARRAY['red', 'green', 'blue', 'red'])[1 + i * 31 % 7 % 4] AS colour,
	i % 5 = 0 AS promo, CASE WHEN i * 11 % 17 > 3 THEN (i * 37 % 101)::float8 END AS stock,
	(i * 104729 % 997)::float8 AS noise, (i * 7919 % 10007) / 50.0 + sin(i)::float8 AS y
FROM generate_series(1, 20000) AS i;
CREATE TABLE numbers AS SELECT price, stock, noise, y FROM shop;
ANALYZE shop;
ANALYZE numbers;
SELECT (ecml_train('m', 'linreg', 'shop', 'y', '{price,colour,promo,stock,noise}')).rows;
SELECT (ecml_train('filled', 'linreg', 'shop', 'y', '{price,colour,promo,stock,noise}', '{"missing": "impute"}')).rows;
SELECT (ecml_train('groups', 'kmeans', 'shop', NULL, '{price,colour,stock,noise}', '{"k": 4, "missing": "impute"}')).rows;
SELECT (ecml_train('numbers', 'linreg', 'numbers', 'y', NULL, '{"missing": "impute"}')).rows;

-- ---- nothing has changed

SELECT ok((SELECT bool_and(NOT drifted AND psi < 0.02 AND p_value > 0.01) FROM ecml_drift(name, 'shop')),
	name || ': no drift against the rows of training') FROM ecml.models ORDER BY name;
SELECT is((SELECT array_agg(feature) FROM ecml_drift('m', 'shop')), '{price,colour,promo,stock,noise,(prediction)}',
	'a row a feature, and one of the prediction');
SELECT ok((SELECT bool_and(NOT drifted) FROM ecml_drift('m', 'SELECT * FROM shop WHERE i % 41 = 0')), 'nor a part of them');
-- few distinct rows: all of training is kept, so that the same rows differ by rounding alone
CREATE TABLE few AS SELECT (i % 7)::float8 AS a, i % 3 AS b, (i % 7 + i % 3)::float8 AS y FROM generate_series(1, 5000) i;
SELECT (ecml_train('few', 'linreg', 'few', 'y')).rows;
SELECT ok((SELECT max(psi) < 1e-9 AND max(statistic) < 1e-6 FROM ecml_drift('few', 'few')), 'the same rows are the same');
SELECT ok((SELECT pg_temp.close(statistic, 0.1428, 1e-6) FROM ecml_drift('few', 'SELECT * FROM few WHERE a <> 6')
	WHERE feature = 'a'), 'D is Smirnov''s statistic');

-- ---- what has changed

CREATE FUNCTION pg_temp.drifted(model text, source text) RETURNS text[] LANGUAGE sql AS
	$$ SELECT coalesce(array_agg(feature), '{}') FROM ecml_drift(model, source) WHERE drifted $$;
SELECT is(pg_temp.drifted('m', 'SELECT price + 20 AS price, colour, promo, stock, noise FROM shop'), '{price,(prediction)}',
	'a shifted number, and the prediction with it');
SELECT is(pg_temp.drifted('m', 'SELECT price * 0.5 + 25 AS price, colour, promo, stock, noise FROM shop'), '{price,(prediction)}',
	'a number of the same mean and another spread');
SELECT is(pg_temp.drifted('m', 'SELECT price, CASE WHEN i % 3 = 0 THEN ''mauve'' ELSE colour END AS colour, promo, stock,
	noise FROM shop'), '{colour}', 'new categories');
SELECT is(pg_temp.drifted('m', 'SELECT price, ''red'' AS colour, promo, stock, noise FROM shop'), '{colour}', 'one category only');
SELECT is(pg_temp.drifted('m', 'SELECT price, colour, i % 2 = 0 AS promo, stock, noise FROM shop'), '{promo}', 'a boolean');
SELECT is(pg_temp.drifted('filled', 'SELECT price, colour, promo, CASE WHEN i % 2 = 0 THEN stock END AS stock, noise FROM shop'),
	'{stock}', 'more NULLs, where NULLs are filled');
SELECT is(pg_temp.drifted('m', 'SELECT price, colour, promo, CASE WHEN i % 100 < 40 THEN stock END AS stock, noise FROM shop'),
	'{stock,(prediction)}', 'more NULLs, where rows with NULLs are left out: there is no prediction');
SELECT is(pg_temp.drifted('filled', 'SELECT price, colour, promo, coalesce(stock, 50) AS stock, noise FROM shop'), '{stock}',
	'no NULLs any more');
SELECT ok((SELECT bool_and(psi IS NULL AND NOT drifted) FROM ecml_drift('m',
	'SELECT price, colour, promo, NULL::float8 AS stock, noise FROM shop') WHERE feature NOT IN ('stock', '(prediction)')),
	'where no row is complete, only NULLs are compared');
SELECT is(pg_temp.drifted('m', 'SELECT price, colour, promo, NULL::float8 AS stock, noise FROM shop'), '{stock,(prediction)}',
	'and they tell');
SELECT is(pg_temp.drifted('groups', 'SELECT price + 40 AS price, colour, stock, noise FROM shop'), '{price,(prediction)}',
	'clusters, too');
SELECT is(pg_temp.drifted('m', 'SELECT 1e300 AS price, colour, promo, stock, ''-infinity''::float8 AS noise FROM shop LIMIT 500'),
	'{price,noise,(prediction)}', 'values of any size');
SELECT is(pg_temp.drifted('m', 'SELECT price + 20 AS price, colour, promo, stock, noise FROM shop WHERE i IN (5000, 9000, 15000)'), '{}',
	'three rows prove nothing');

-- ---- options and errors

SELECT is((SELECT count(*) FROM ecml_drift('m', 'SELECT * FROM shop WHERE i % 41 = 0', '{"psi": 0, "p_value": 1}') WHERE drifted
	AND psi > 0 AND p_value < 1), (SELECT count(*) FROM ecml_drift('m', 'SELECT * FROM shop WHERE i % 41 = 0') WHERE psi > 0
	AND p_value < 1), 'thresholds are options');
SELECT is((SELECT json_agg(d) FROM ecml_drift(ecml_load('m'), 'shop') d)::text, (SELECT json_agg(d) FROM ecml_drift('m', 'shop') d)::text,
	'a model as a value');
SELECT throws_ok($$SELECT ecml_drift('m', 'shop', '{"ps": 1}')$$, '22023', 'unknown option "ps" for ecml_drift', 'options are checked');
SELECT throws_ok($$SELECT ecml_drift('m', 'SELECT * FROM shop WHERE false')$$, '22000', 'there are no rows to compare', 'no rows');
SELECT throws_ok($$SELECT ecml_drift('m', 'SELECT price FROM shop')$$, '42704',
	'column "colour", a feature of the model, is missing', 'a column is missing');
SELECT throws_ok($$SELECT ecml_drift((SELECT ecml_linreg('{}', y, price) FROM shop), 'shop')$$, '55000',
	'the model does not know the distribution of its training data', 'an aggregate keeps none');

-- ---- the same rows, the same model: in parallel or not, in any order for numbers

CREATE FUNCTION pg_temp.body(algorithm text, source text, target text, options text, workers int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL max_parallel_workers_per_gather = %s', workers);
	PERFORM ecml_train('same', algorithm, source, target, NULL, options::jsonb);
	RETURN md5(ecml_load('same')::text);
END $$;
SELECT is(pg_temp.body('linreg', 'numbers', 'y', '{"missing": "impute"}', 2), pg_temp.body('linreg', 'numbers', 'y',
	'{"missing": "impute"}', 0), 'parallel and serial training of numbers');
SELECT is(pg_temp.body('linreg', 'SELECT * FROM numbers', 'y', '{}', 2), pg_temp.body('linreg', 'SELECT * FROM numbers', 'y', '{}',
	0), 'of a query');
SELECT is((SELECT json_agg(d) FROM ecml_drift('same', 'numbers') d)::text, (SELECT json_agg(d) FROM (SELECT pg_temp.body('linreg',
	'SELECT * FROM numbers ORDER BY noise, price', 'y', '{}', 0)) t, LATERAL ecml_drift('same', 'numbers') d WHERE t IS NOT NULL)::text,
	'of rows in another order');
SELECT is(pg_temp.body('kmeans', 'numbers', NULL, '{"k": 3, "missing": "impute"}', 2), pg_temp.body('kmeans', 'numbers', NULL,
	'{"k": 3, "missing": "impute"}', 0), 'of collected rows');
SELECT cmp_ok((SELECT pg_column_size(ecml_load('m'))), '<', 12000, 'the profile is small');

SELECT * FROM finish();
ROLLBACK;
