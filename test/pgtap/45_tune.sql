-- ecml_tune: each trial is what ecml_cross_validate gives, the best one what ecml_train gives.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(57);

CREATE TABLE shop AS SELECT i, (i * 7919 % 1000) / 100.0 AS price, sin(i) AS wave, (ARRAY['x', 'y', 'z'])[1 + i % 3] AS kind,
	'c' || i * i % 37 AS customer, date '2024-01-01' + i / 3 AS day, i % 3 AS w, CASE WHEN i % 9 > 0 THEN cos(i) END AS gaps,
	3 * ((i * 7919 % 1000) / 100.0) - sin(i) * 5 + cos(i * 3.7) * 4 + i % 3 AS y FROM generate_series(1, 1000) i;

-- ---- a grid is the loop by hand

CREATE TEMP TABLE grid AS SELECT row_number() OVER () AS n, t.* FROM ecml_tune('linreg', 'shop', 'y', '{price,wave,kind}',
	'{"alpha": [0, 1, 100], "l1_ratio": [0, 0.5]}') t;
SELECT is(metrics, ecml_cross_validate('linreg', 'shop', 'y', '{price,wave,kind}', options),
	'trial ' || trial || ' is the cross validation of its options') FROM grid ORDER BY trial;
SELECT is((SELECT array_agg(options ORDER BY trial) FROM grid), ARRAY['{"alpha": 0, "l1_ratio": 0}', '{"alpha": 0, "l1_ratio": 0.5}',
	'{"alpha": 1, "l1_ratio": 0}', '{"alpha": 1, "l1_ratio": 0.5}', '{"alpha": 100, "l1_ratio": 0}',
	'{"alpha": 100, "l1_ratio": 0.5}']::jsonb[], 'the last list varies fastest');
SELECT ok(bool_and(metric = (metrics #>> '{rmse,mean}')::float8 AND sd = (metrics #>> '{rmse,sd}')::float8),
	'the metric is the rmse by default') FROM grid;
SELECT ok(bool_and(rank = n AND n = place), 'best first') FROM (SELECT *, row_number() OVER (ORDER BY metric, trial) AS place
	FROM grid) g;
SELECT is((SELECT array_agg(DISTINCT (folds, rows, error IS NULL)::text) FROM grid), '{"(5,1000,t)"}', 'folds and rows are told');
SELECT ok(bool_and(seconds > 0 AND seconds < 10), 'and the time of each') FROM grid;
SELECT is((SELECT trial FROM ecml_tune('linreg', 'shop', 'y', '{price}', '{"alpha": [2, 1, 0.5]}', '{"metric": "r2"}') WHERE rank = 1),
	(SELECT trial FROM ecml_tune('linreg', 'shop', 'y', '{price}', '{"alpha": [2, 1, 0.5]}') ORDER BY (metrics #>> '{r2,mean}')::float8
	DESC LIMIT 1), 'of r2 more is better');
SELECT is((SELECT trial FROM ecml_tune('linreg', 'shop', 'y', '{price}', '{"alpha": [0, 5, 300]}', '{"metric": "bias"}') WHERE rank = 1),
	(SELECT trial FROM ecml_tune('linreg', 'shop', 'y', '{price}', '{"alpha": [0, 5, 300]}') ORDER BY
	abs((metrics #>> '{bias,mean}')::float8) LIMIT 1), 'of bias what is nearest to 0');
SELECT is((SELECT array_agg(trial ORDER BY rank) FROM ecml_tune('linreg', 'shop', 'y', '{price}',
	'{"alpha": [0], "l1_ratio": [0.3, 0.1, 0.2]}')), '{1,2,3}'::int[], 'of equal ones the first is the better');

-- ---- with the options of folds, and of the base

SELECT is(t.metrics, ecml_cross_validate('linreg', 'shop', 'y', '{price,wave}', t.options || o), 'trial ' || trial || ' with ' || o::text)
FROM (VALUES ('{"folds": 3, "repeats": 2}'::jsonb), ('{"group": "customer"}'), ('{"time": "day", "gap": "3 days", "folds": 4}')) v (o),
	LATERAL ecml_tune('linreg', 'shop', 'y', '{price,wave}', '{"alpha": [0, 10]}', o) t ORDER BY o::text, trial;
SELECT is(metrics, ecml_cross_validate('linreg', 'shop', 'y', '{price,gaps}', options), 'options of the base: trial ' || trial)
FROM ecml_tune('linreg', 'shop', 'y', '{price,gaps}', '{"alpha": [0, 10]}',
	'{"base": {"missing": "impute", "sample_weight": "w", "seed": 5}}') ORDER BY trial;
SELECT is(metrics, ecml_cross_validate('linreg', 'shop', 'y', '{price}', options), 'a seed is the folds'' and the algorithm''s')
FROM ecml_tune('linreg', 'shop', 'y', '{price}', '{"alpha": [1]}', '{"seed": 9}');
SELECT is((SELECT array_agg((trial, metrics ->> 'rows', metrics ->> 'skipped', rows)::text ORDER BY trial) FROM ecml_tune('linreg',
	'shop', 'y', '{price,gaps}', '{"missing": ["skip", "impute"]}')), '{"(1,1000,0,1000)","(2,1000,0,1000)"}'::text[],
	'trials that treat NULL differently share their folds');
SELECT is(t.metrics, ecml_cross_validate('linreg', 'shop', 'y', '{price,gaps}', '{"missing": "impute"}'), 'as one that keeps all rows')
FROM ecml_tune('linreg', 'shop', 'y', '{price,gaps}', '{"missing": ["skip", "impute"]}') t WHERE trial = 2;

-- ---- k-means: metrics of its own, preparations that differ, trials that fail

SELECT is(metrics, ecml_cross_validate('kmeans', 'shop', NULL, '{price,wave,kind}', options || '{"folds": 2}'), 'k-means, trial ' || trial)
FROM ecml_tune('kmeans', 'shop', NULL, '{price,wave,kind}', '{"k": [2, 4], "standardize": [true, false]}',
	'{"folds": 2, "base": {"n_init": 2}}') ORDER BY trial;
CREATE TEMP TABLE failing AS SELECT * FROM ecml_tune('kmeans', 'SELECT * FROM shop LIMIT 60', NULL, '{price,wave}', '{"k": [2, 55, 3]}',
	'{"save": "few"}');
SELECT is((SELECT array_agg((trial, rank, metric IS NULL, metrics IS NULL, error)::text ORDER BY trial) FROM failing WHERE trial = 2),
	'{"(2,,t,t,\"fewer distinct rows than clusters\")"}'::text[], 'a trial that fails stops alone, and says why');
SELECT is((SELECT count(*) FROM failing WHERE rank IN (1, 2) AND error IS NULL), 2::bigint, 'the others are ranked');
SELECT is((SELECT options FROM ecml.models WHERE name = 'few'), (SELECT options FROM failing WHERE rank = 1), 'and one is saved');
SELECT throws_ok($$SELECT * FROM ecml_tune('kmeans', 'SELECT * FROM shop LIMIT 60', NULL, '{price}', '{"k": [55, 56]}',
	'{"save": "none"}')$$, '22000', 'fewer distinct rows than clusters', 'when all fail, the first error is the error');
SELECT is((SELECT count(*) FROM ecml.models WHERE name = 'none'), 0::bigint, 'and nothing is saved');

CREATE FUNCTION pg_temp.inside() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	t record;
	told text := '';
BEGIN
	FOR t IN SELECT * FROM ecml_tune('kmeans', 'SELECT * FROM shop LIMIT 60', NULL, '{price,wave}', '{"k": [55, 2]}') LOOP
		told := told || t.trial || coalesce(t.error, ' fits. ');
	END LOOP;
	PERFORM * FROM ecml_tune('kmeans', 'SELECT * FROM shop LIMIT 60', NULL, '{price,wave}', '{"k": [55]}');
EXCEPTION WHEN data_exception THEN
	RETURN told || ' ' || sqlerrm;
END $$;
SELECT is(pg_temp.inside(), '2 fits. 1fewer distinct rows than clusters fewer distinct rows than clusters', 'inside a function that catches errors');

-- ---- random search

CREATE TEMP TABLE random AS SELECT * FROM ecml_tune('kmeans', 'SELECT price, wave FROM shop LIMIT 300', NULL, NULL,
	'{"k": {"low": 2, "high": 6, "int": true}, "tolerance": {"low": 1e-6, "high": 1e-2, "log": true}, "standardize": [true, false]}',
	'{"trials": 12, "folds": 2, "seed": 3}');
SELECT is((SELECT count(*) FROM random), 12::bigint, 'as many trials as asked for');
SELECT ok(bool_and((options ->> 'k')::int BETWEEN 2 AND 6 AND (options ->> 'tolerance')::float8 BETWEEN 1e-6 AND 1e-2
	AND options ? 'standardize'), 'draws lie in their ranges') FROM random;
SELECT ok(count(DISTINCT options ->> 'k') >= 3 AND count(DISTINCT options ->> 'standardize') = 2
	AND count(*) FILTER (WHERE (options ->> 'tolerance')::float8 < 1e-4) BETWEEN 2 AND 10, 'and all over them') FROM random;
SELECT is((SELECT array_agg(options ORDER BY trial) FROM ecml_tune('kmeans', 'SELECT price, wave FROM shop LIMIT 300', NULL, NULL,
	'{"k": {"low": 2, "high": 6, "int": true}, "tolerance": {"low": 1e-6, "high": 1e-2, "log": true}, "standardize": [true, false]}',
	'{"trials": 4, "folds": 2, "seed": 3}')), (SELECT array_agg(options ORDER BY trial) FROM random WHERE trial <= 4),
	'more trials begin with the same ones');
SELECT is((SELECT count(DISTINCT options) FROM ecml_tune('linreg', 'shop', 'y', '{price}', '{"alpha": [1, 2, 3, 4, 5], "l1_ratio": [0, 1]}',
	'{"method": "random", "trials": 9}')), 9::bigint, 'draws from lists are all different');
SELECT is((SELECT count(*) FROM ecml_tune('linreg', 'shop', 'y', '{price}', '{"alpha": [1, 2, 3], "l1_ratio": [0, 1]}',
	'{"method": "random", "trials": 50}')), 6::bigint, 'no more of them than there are');
SELECT is((SELECT array_agg(DISTINCT options ->> 'max_iter' ORDER BY options ->> 'max_iter') FROM ecml_tune('linreg', 'shop', 'y',
	'{price}', '{"max_iter": {"low": 7, "high": 8.9}}', '{"trials": 30}')), '{7,8}', 'integers reach both ends');

-- ---- successive halving

CREATE TEMP TABLE halving AS SELECT * FROM ecml_tune('linreg', 'shop', 'y', '{price,wave,kind}',
	'{"alpha": [0.001, 0.01, 0.1, 1, 10, 100, 1000, 10000, 100000]}', '{"method": "halving", "min_rows": 100}');
SELECT is((SELECT array_agg(n ORDER BY least) FROM (SELECT count(*)::int AS n, min(rows) AS least FROM halving GROUP BY rows) r),
	'{6,2,1}'::int[], 'a third of the trials goes on each time');
SELECT ok(bool_and(rows = 1000) AND count(*) = 1, 'the last has all rows') FROM halving WHERE rank = 1;
SELECT ok((SELECT array_agg(rows ORDER BY rank) FROM halving) = (SELECT array_agg(rows ORDER BY rows DESC) FROM halving)
	AND (SELECT count(*) FROM halving WHERE rows BETWEEN 80 AND 145) = 6 AND (SELECT count(*) FROM halving
	WHERE rows BETWEEN 270 AND 400) = 2, 'the others a ninth and a third');
SELECT is(h.metrics, ecml_cross_validate('linreg', 'shop', 'y', '{price,wave,kind}', h.options), 'the winner''s metrics are those of all rows')
FROM halving h WHERE rank = 1;
SELECT ok(h.metric < 1.05 * (SELECT min(metric) FROM ecml_tune('linreg', 'shop', 'y', '{price,wave,kind}',
	'{"alpha": [0.001, 0.01, 0.1, 1, 10, 100, 1000, 10000, 100000]}')), 'and near the best of the grid') FROM halving h WHERE rank = 1;
SELECT is((SELECT count(DISTINCT rows) FROM ecml_tune('linreg', 'SELECT * FROM shop LIMIT 150', 'y', '{price}',
	'{"alpha": [1, 2, 3, 4]}', '{"method": "halving"}')), 1::bigint, 'few rows are not divided');
SELECT is((SELECT count(*) FROM ecml_tune('linreg', 'shop', 'y', '{price}', '{"alpha": {"low": 1, "high": 2}}',
	'{"method": "halving", "trials": 8, "factor": 2, "time": "day"}')), 8::bigint, 'halving of random draws, by time');

-- ---- saving

CREATE TEMP TABLE saving AS SELECT * FROM ecml_tune('linreg', 'shop', 'y', NULL, '{"alpha": [0.5, 50]}',
	'{"save": "best", "seed": 4, "base": {"missing": "impute"}, "group": "customer"}');
SELECT is((SELECT rows FROM ecml_train('by hand', 'linreg', 'shop', 'y', '{i,price,wave,kind,day,w,gaps}',
	(SELECT options FROM saving WHERE rank = 1))), 1000::bigint, 'the best options, by hand');
SELECT is(ecml_load('best')::text, ecml_load('by hand')::text, 'the saved model is that model, bit for bit');
SELECT is((SELECT (version, active, source, target, options, rows)::text FROM ecml.models WHERE name = 'best'), (SELECT (version, active,
	source, target, options, rows)::text FROM ecml.models WHERE name = 'by hand'), 'so is what is known of it');
SELECT is((SELECT count(*) FROM ecml_tune('linreg', 'shop', 'y', '{price}', '{"alpha": [1, 2]}', '{"save": "best"}')), 2::bigint,
	'again');
SELECT is((SELECT array_agg((version, active)::text ORDER BY version) FROM ecml.models WHERE name = 'best'), '{"(1,f)","(2,t)"}'::text[],
	'the next version');
CREATE ROLE ecml_other;
GRANT SELECT ON shop TO ecml_other;
SET LOCAL ROLE ecml_other;
SELECT throws_ok($$SELECT * FROM ecml_tune('linreg', 'SELECT 1 / 0 AS a, 2 AS y', 'y', NULL, '{"alpha": [1, 2]}', '{"save": "best"}')$$,
	'42501', 'must be owner of model "best"', 'another role''s model is refused before the work');
SELECT is((SELECT count(*) FROM ecml_tune('linreg', 'shop', 'y', '{price}', '{"alpha": [1, 2]}')), 2::bigint, 'without saving it may');
RESET ROLE;

-- ---- the same out of temporary files

CREATE TABLE large AS SELECT i, sin(i) AS a, cos(i * 1.7) AS b, sin(i * 0.3) + cos(i) AS y FROM generate_series(1, 60000) i;
CREATE TEMP TABLE roomy AS SELECT * FROM ecml_tune('linreg', 'large', 'y', '{a,b}', '{"alpha": [1, 2, 3, 4]}', '{"method": "halving"}');
SET LOCAL ecml.work_mem = '1MB';
SELECT is((SELECT array_agg((trial, options, metric, sd, rank, metrics, rows)::text) FROM ecml_tune('linreg', 'large', 'y', '{a,b}',
	'{"alpha": [1, 2, 3, 4]}', '{"method": "halving"}')), (SELECT array_agg((trial, options, metric, sd, rank, metrics, rows)::text)
	FROM roomy), 'the same out of temporary files');

SELECT * FROM finish();
ROLLBACK;
