-- ecml_explain, ecml_importance and ecml_partial_dependence: contributions add up, known effects are found.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(38);

CREATE TYPE size AS ENUM ('small', 'large');
CREATE TABLE shop AS
SELECT i, (i * 7919 % 1000) / 100.0::float8 AS price, (ARRAY['red', 'green', 'blue'])[1 + i * 31 % 7 % 3] AS colour,
	(ARRAY['small', 'large'])[1 + i * 13 % 11 % 2]::size AS size, i % 5 = 0 AS promo, date '2026-01-01' + i * 17 % 300 AS day,
	ARRAY[sin(i), cos(i * 1.7)] AS v, CASE WHEN i % 10 <> 3 THEN (i * 37 % 101)::float8 END AS stock,
	(i * 104729 % 997)::float8 AS noise, 0::float8 AS y
FROM generate_series(1, 3000) AS i;
UPDATE shop SET y = 3 * price - 2 * (colour = 'red')::int + 5 * promo::int + v[1] + 0.02 * coalesce(stock, 50)
	+ 0.1 * sin(i::float8 * i);

SELECT (ecml_train('m', 'linreg', 'shop', 'y', '{price,colour,size,promo,day,v,stock,noise}')).rows;
SELECT (ecml_train('filled', 'linreg', 'shop', 'y', '{price,colour,size,promo,day,v,stock,noise}',
	'{"missing": "impute"}')).rows;
SELECT (ecml_train('origin', 'linreg', 'shop', 'y', '{price,colour,promo}', '{"intercept": false}')).rows;
SELECT (ecml_train('ridge', 'linreg', 'shop', 'y', '{price,colour,day,noise}', '{"alpha": 100}')).rows;

-- ---- explain

CREATE FUNCTION pg_temp.unexplained(model text) RETURNS float8 LANGUAGE sql AS $$
	SELECT max(abs(p - total) + abs(p - prediction) + (base_max - base_min)) FROM (
		SELECT ecml_predict(model, s) AS p, sum(e.contribution) + min(e.base) AS total, max(e.prediction) AS prediction,
			min(e.base) AS base_min, max(e.base) AS base_max
		FROM shop s, ecml_explain(model, s) e GROUP BY s.*) t $$;
SELECT cmp_ok(pg_temp.unexplained(name), '<', 1e-10::float8, name || ': contributions and base add up to the prediction')
FROM ecml.models ORDER BY name;
SELECT is((SELECT count(*) FROM shop s, ecml_explain('filled', s)), 9 * 3000::bigint, 'a row a feature, elements of arrays apart');
SELECT is((SELECT array_agg(feature) FROM (SELECT * FROM shop LIMIT 1) s, ecml_explain('filled', s)),
	'{price,colour,size,promo,day,v[1],v[2],stock,noise}', 'in the order of training');
SELECT is((SELECT array_agg(value) FROM shop s, ecml_explain('filled', price, colour, size, promo, day, v, stock, noise)
	WHERE i = 3 AND feature NOT LIKE 'v%'), (SELECT ARRAY[price::text, colour, size::text, 'f', day::text, NULL, noise::text]
	FROM shop WHERE i = 3), 'values as they are written');
SELECT is((SELECT array_agg((e.value::float8 = s.v[1])::text) FROM shop s, ecml_explain('filled', s) e
	WHERE i < 4 AND e.feature = 'v[1]'), '{true,true,true}', 'of an array its element');
SELECT ok((SELECT bool_and(abs(contribution) < 1e-12 AND value IS NULL) FROM shop s, ecml_explain('filled', s) e
	WHERE stock IS NULL AND feature = 'stock'), 'what is imputed with the mean adds nothing');
SELECT is((SELECT count(*) FROM shop s, ecml_explain('m', s) WHERE stock IS NULL), 0::bigint,
	'without a prediction there is nothing to explain');
SELECT is((SELECT count(*) FROM shop s, ecml_explain(NULL::text, s)), 0::bigint, 'nor without a model');
SELECT ok((SELECT pg_temp.close(e.contribution, c.estimate * (s.price - a.mean), 1e-8) FROM shop s, ecml_explain('filled', s) e,
	ecml_coefficients('filled') c, (SELECT avg(price) AS mean FROM shop) a WHERE i = 77 AND e.feature = 'price'
	AND c.term = 'price'), 'of a number the coefficient times its distance from the mean');
SELECT ok((SELECT pg_temp.close(min(base), avg(p), 1e-10) FROM (SELECT e.base, ecml_predict('filled', s) AS p
	FROM shop s, ecml_explain('filled', s) e WHERE feature = 'price') t), 'base is the mean prediction in training');
SELECT ok((SELECT pg_temp.close(abs(r.contribution - b.contribution), 2, 0.02) FROM (SELECT * FROM shop WHERE i = 5) s,
	ecml_explain('filled', 1, 'red', 'small', false, day, v, 1, 1) r,
	ecml_explain('filled', 1, 'blue', 'small', false, day, v, 1, 1) b
	WHERE r.feature = 'colour' AND b.feature = 'colour'), 'the terms of a category are one contribution');
SELECT is((SELECT value FROM (SELECT * FROM shop LIMIT 1) s, ecml_explain('m', price, 'mauve', size, promo, day, v, stock, noise)
	WHERE feature = 'colour'), 'mauve', 'a category that training did not meet');
SELECT is((SELECT json_agg(e ORDER BY feature) FROM (SELECT * FROM shop WHERE i = 9) s, ecml_explain(ecml_load('m'), s) e)::text,
	(SELECT json_agg(e ORDER BY feature) FROM (SELECT * FROM shop WHERE i = 9) s, ecml_explain('m', s) e)::text,
	'a model as a value');
SELECT is((SELECT count(DISTINCT base) FROM (SELECT promo, ecml_linreg('{}', y, price, colour) AS m FROM shop GROUP BY promo) g,
	ecml_explain(g.m, 3.0, 'red')), 2::bigint, 'models of an aggregate are explained, each for itself');
SELECT (ecml_train('groups', 'kmeans', 'shop', NULL, '{price,stock}', '{"k": 3}')).rows;
SELECT throws_ok($$SELECT ecml_explain('groups', 1, 2)$$, '22023', 'ecml_explain needs a model that tells what each feature adds', 'no explanation of a clustering');

-- ---- importance of a linear model

SELECT is((SELECT array_agg(feature) FROM (SELECT feature FROM ecml_importance('filled') LIMIT 4) t), '{price,promo,colour,v[1]}',
	'the greatest effects first');
SELECT ok((SELECT bool_and(pg_temp.close(importance, sd, 1e-8)) FROM ecml_importance('filled') JOIN (SELECT e.feature,
	stddev_pop(e.contribution) AS sd FROM shop s, ecml_explain('filled', s) e GROUP BY e.feature) t USING (feature)),
	'importance is the deviation of the contributions, of numbers and categories');
SELECT ok((SELECT pg_temp.close(importance, abs(c.estimate) * (SELECT stddev_pop(price) FROM shop), 1e-8)
	FROM ecml_importance('filled'), ecml_coefficients('filled') c WHERE feature = 'price' AND term = 'price'),
	'|coefficient| times the deviation');
SELECT ok((SELECT bool_and(pg_temp.close(i.importance, sd, 1e-8)) FROM ecml_importance('origin') i JOIN (SELECT e.feature,
	stddev_pop(e.contribution) AS sd FROM shop s, ecml_explain('origin', s) e GROUP BY e.feature) t USING (feature)),
	'without an intercept, too');
SELECT is((SELECT count(*) FROM (SELECT ecml_linreg('{}', y, price, colour) AS m FROM shop) g, ecml_importance(g.m)), 2::bigint,
	'of a model of an aggregate');
SELECT throws_ok($$SELECT ecml_importance('groups')$$, '22023', 'ecml_importance(model) needs a model that knows what it owes to each feature',
	'no importance of a clustering by itself');

-- ---- importance by permutation

CREATE TABLE permuted AS SELECT row_number() OVER () AS rank, * FROM ecml_importance('filled', 'shop');
SELECT is((SELECT array_agg(feature ORDER BY rank) FROM permuted WHERE rank <= 5), '{price,promo,colour,v[1],stock}',
	'features in the order of their effects');
SELECT ok((SELECT bool_and(abs(importance) < 0.001) FROM permuted WHERE feature IN ('noise', 'day', 'v[2]')),
	'noise has none');
-- a permuted column has the expected squared error 2 b^2 var(x) above that of the model
SELECT ok((SELECT pg_temp.close(importance, (SELECT sqrt(avg((ecml_predict('filled', s) - y) ^ 2) + 2 * 9 * var_pop(price))
	- sqrt(avg((ecml_predict('filled', s) - y) ^ 2)) FROM shop s), 0.03) FROM permuted WHERE feature = 'price'),
	'of the size that theory says');
SELECT is((SELECT json_agg(p) FROM ecml_importance('filled', 'shop') p)::text, (SELECT json_agg(p)
	FROM ecml_importance('filled', 'shop') p)::text, 'the same seed, the same numbers');
SELECT isnt((SELECT sum(importance) FROM ecml_importance('filled', 'shop', '{"seed": 9}')), (SELECT sum(importance) FROM permuted),
	'another seed, others');
SELECT ok((SELECT importance BETWEEN 1.5 AND 2.2 AND sd IS NULL FROM ecml_importance('filled', 'shop',
	'{"metric": "r2", "repeats": 1}') LIMIT 1), 'R2 that is lost');
SELECT ok((SELECT bool_and(importance BETWEEN 0.2 AND 1) FROM ecml_importance('groups', 'shop')),
	'of a clustering: rows that change their cluster');
SELECT ok((SELECT max(importance) < 20 FROM ecml_importance('filled', 'shop', '{"rows": 100}')), 'of some rows');
SELECT is((SELECT count(*) FROM ecml_importance('filled', 'SELECT price, colour, size, promo, day, v, stock, noise FROM shop',
	'{"metric": "change"}')), 9::bigint, 'metric change needs no target');
SELECT throws_ok($$SELECT ecml_importance('filled', 'shop', '{"metric": "roc_auc"}')$$, '22023',
	'metric "roc_auc" does not fit the model', 'a metric of another task');

-- ---- partial dependence

SELECT ok((SELECT count(*) = 20 AND pg_temp.close(regr_slope(prediction, value), 3, 0.01) AND regr_r2(prediction, value) > 0.9999
	FROM ecml_partial_dependence('filled', 'shop', 'price')), 'a line of the coefficient''s slope');
SELECT ok((SELECT pg_temp.close(p.prediction, (SELECT avg(ecml_predict('filled', price, 'red', size, promo, day, v, stock, noise))
	FROM shop), 1e-10) AND p.value IS NULL FROM ecml_partial_dependence('filled', 'shop', 'colour') p WHERE label = 'red'),
	'of a category: the mean prediction with all rows of it');
SELECT is((SELECT array_agg(label) FROM ecml_partial_dependence('filled', 'shop', 'promo')), '{false,true}', 'booleans have two');
SELECT throws_ok($$SELECT ecml_partial_dependence('filled', 'shop', 'prise')$$, '42704', 'the model has no feature "prise"',
	'no such feature');

SELECT * FROM finish();
ROLLBACK;
