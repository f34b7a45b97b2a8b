-- The folds of ecml_cross_validate and ecml_cross_predict: who is trained on, who is tested, against plain SQL.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(50);

CREATE TABLE shop AS SELECT i, (i * 7919 % 1000) / 100.0 AS price, sin(i) AS wave, (ARRAY['x', 'y', 'z'])[1 + i % 3] AS kind,
	CASE WHEN i % 50 <> 0 THEN 'c' || i * i % 37 END AS customer, CASE WHEN i % 70 <> 0 THEN i * i % 41 END AS number,
	CASE WHEN i % 90 <> 0 THEN date '2024-01-01' + (i * 7919 % 1001) / 8 END AS day, i % 4 AS w,
	3 * ((i * 7919 % 1000) / 100.0) - sin(i) * 5 + cos(i * 3.7) * 4 + i % 3 AS y FROM generate_series(1, 1000) i;

-- the prediction of each row by hand: fold by fold, a model of the rows that train; their folds are those of the table given
CREATE FUNCTION pg_temp.by_hand(folds regclass, condition text) RETURNS TABLE (i int, fold int, prediction float8)
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('WITH models AS (SELECT f.fold, ecml_linreg(''{}'', o.y, o.price, o.kind) AS m '
		'FROM (SELECT DISTINCT fold FROM %1$s) f CROSS JOIN shop o LEFT JOIN %1$s t ON t.i = o.i WHERE %2$s GROUP BY f.fold) '
		'SELECT s.i, f.fold, ecml_predict(m.m, s.price, s.kind) FROM shop s JOIN %1$s f USING (i) JOIN models m USING (fold)',
		folds, condition);
END $$;
CREATE FUNCTION pg_temp.predicted(options jsonb) RETURNS TABLE (i int, fold int, prediction float8, class text) LANGUAGE sql
AS $$ SELECT key::int, fold, prediction, class FROM ecml_cross_predict('linreg', 'shop', 'y', '{price,kind}', 'i', options) $$;

-- ---- random

CREATE TEMP TABLE random AS SELECT * FROM pg_temp.predicted('{}');
SELECT is((SELECT array_agg(n ORDER BY fold) FROM (SELECT fold, count(*)::int AS n FROM random GROUP BY fold) f),
	'{200,200,200,200,200}'::int[], 'five folds of the same size');
SELECT is((SELECT count(DISTINCT i) FROM random), 1000::bigint, 'each row is predicted once');
SELECT ok(bool_and((fold, i) > before), 'fold by fold, in the order of the source')
FROM (SELECT i, fold, lag((fold, i), 1, (0, 0)) OVER (ORDER BY n) AS before FROM (SELECT i, fold, row_number() OVER () AS n
	FROM random) r) r;
SELECT ok((SELECT max(n) - min(n) FROM (SELECT count(*) AS n FROM pg_temp.predicted('{"folds": 7}') GROUP BY fold) f) = 1,
	'folds that cannot be equal differ by one row');
SELECT ok(bool_and(pg_temp.close(r.prediction, h.prediction, 1e-10)), 'predictions are those of models of the other folds')
FROM random r JOIN pg_temp.by_hand('random', 't.fold <> f.fold') h USING (i);
SELECT ok(bool_and(class IS NULL), 'a regression has no class') FROM random;
CREATE TEMP TABLE details AS SELECT ecml_cross_validate('linreg', 'shop', 'y', '{price,kind}', '{"details": true}') AS v;
CREATE TEMP TABLE metrics AS SELECT fold, sqrt(avg((prediction - y) ^ 2)) AS rmse, avg(abs(prediction - y)) AS mae,
	avg(prediction - y) AS bias, 1 - sum((prediction - y) ^ 2) / (count(*) * var_pop(y)) AS r2
FROM random JOIN shop USING (i) GROUP BY fold;
SELECT ok(bool_and(pg_temp.close((d #>> '{metrics,rmse}')::float8, rmse, 1e-9)
	AND pg_temp.close((d #>> '{metrics,mae}')::float8, mae, 1e-9) AND pg_temp.close((d #>> '{metrics,bias}')::float8, bias, 1e-7)
	AND pg_temp.close((d #>> '{metrics,r2}')::float8, r2, 1e-9)) AND count(*) = 5, 'metrics of each fold, by plain SQL')
FROM details, jsonb_array_elements(v -> 'details') d JOIN metrics ON fold = (d ->> 'fold')::int;
SELECT ok(pg_temp.close((v #>> '{rmse,mean}')::float8, (SELECT avg(rmse) FROM metrics), 1e-9)
	AND pg_temp.close((v #>> '{rmse,sd}')::float8, (SELECT stddev_samp(rmse) FROM metrics), 1e-7), 'their mean and deviation')
FROM details;
SELECT is(v - 'details', ecml_cross_validate('linreg', 'shop', 'y', '{price,kind}'), 'details are beside what comes without them')
FROM details;
SELECT is(v ->> 'split', 'random', 'the split is told') FROM details;
SELECT bag_eq('SELECT * FROM pg_temp.predicted(''{"seed": 7}'')', 'SELECT * FROM pg_temp.predicted(''{"seed": 7}'')',
	'the same seed, the same bits');
SELECT ok((SELECT count(*) FROM pg_temp.predicted('{"seed": 7}') p JOIN random USING (i, fold)) BETWEEN 100 AND 300,
	'another seed, other folds');

-- ---- repeats

CREATE TEMP TABLE repeats AS SELECT ecml_cross_validate('linreg', 'shop', 'y', '{price,kind}',
	'{"repeats": 3, "details": true}') AS v;
SELECT is((SELECT array_agg((d ->> 'repeat')::int * 10 + (d ->> 'fold')::int) FROM repeats, jsonb_array_elements(v -> 'details') d),
	'{11,12,13,14,15,21,22,23,24,25,31,32,33,34,35}'::int[], 'folds of all repeats');
SELECT is((SELECT jsonb_agg(d) FROM repeats, jsonb_array_elements(v -> 'details') d WHERE d ->> 'repeat' = '1'),
	(SELECT v -> 'details' FROM details), 'the first repeat is what one gives');
SELECT is((SELECT count(DISTINCT d #> '{metrics,rmse}') FROM repeats, jsonb_array_elements(v -> 'details') d), 15::bigint,
	'no two repeats have the same fold');
SELECT ok(pg_temp.close((v #>> '{mae,mean}')::float8, (SELECT avg((d #>> '{metrics,mae}')::float8)
	FROM jsonb_array_elements(v -> 'details') d), 1e-12), 'means are of all of them') FROM repeats;
SELECT isnt(ecml_cross_validate('linreg', 'shop', 'y', '{price}', '{"group": "customer", "repeats": 2}') #> '{rmse,mean}',
	ecml_cross_validate('linreg', 'shop', 'y', '{price}', '{"group": "customer"}') #> '{rmse,mean}',
	'groups are dealt anew in each repeat');

-- ---- groups

CREATE TEMP TABLE grouped AS SELECT * FROM pg_temp.predicted('{"group": "customer", "folds": 4}');
SELECT is((SELECT max(n) FROM (SELECT count(DISTINCT fold) AS n FROM grouped JOIN shop USING (i) GROUP BY customer) g), 1::bigint,
	'a group stays in one fold');
SELECT is((SELECT count(*) FROM grouped), (SELECT count(customer) FROM shop), 'rows without a group are left out');
SELECT ok((SELECT max(n) - min(n) FROM (SELECT count(*) AS n FROM grouped GROUP BY fold) f) <=
	(SELECT max(n) FROM (SELECT count(*) AS n FROM shop WHERE customer IS NOT NULL GROUP BY customer) g),
	'folds are balanced by rows, to less than a group');
SELECT ok(bool_and(pg_temp.close(r.prediction, h.prediction, 1e-10)), 'predictions of models of the other groups')
FROM grouped r JOIN pg_temp.by_hand('grouped', 't.fold <> f.fold') h USING (i);
CREATE TABLE uneven AS SELECT i, g, sin(i) AS a, cos(i) AS y FROM (VALUES (1, 600), (2, 200), (3, 200), (4, 150), (5, 30), (6, 20)) v (g, n),
	generate_series(1, n) i;
SELECT is((SELECT string_agg(gs, ' ' ORDER BY gs) FROM (SELECT string_agg(DISTINCT g::text, '' ORDER BY g::text) AS gs
	FROM ecml_cross_predict('linreg', 'SELECT g, a, y, g || ''-'' || i AS key FROM uneven', 'y', '{a}', 'key',
	'{"group": "g", "folds": 2}') p JOIN uneven u ON g || '-' || i = key GROUP BY fold) f), '1 23456',
	'the largest group first, the others where there are fewest rows');
SELECT is((SELECT max(n) FROM (SELECT count(DISTINCT fold) AS n FROM pg_temp.predicted(format('{"group": "%s"}', c)::jsonb)
	JOIN shop USING (i) GROUP BY CASE c WHEN 'number' THEN number::text ELSE day::text END) g), 1::bigint,
	'groups of type ' || t) FROM (VALUES ('number', 'integer'), ('day', 'date')) v (c, t);
CREATE TABLE typed AS SELECT i, i % 9 + 9007199254740992 AS big, (i % 9 / 10.0)::numeric(10, 3) AS exact, (i % 2 = 0) AS flag,
	md5((i % 9)::text)::uuid AS id, ARRAY[i % 9, 1] AS list, sin(i) AS a, cos(i) AS y FROM generate_series(1, 200) i;
SELECT is((SELECT count(*) FROM (SELECT DISTINCT fold, CASE c WHEN 'big' THEN big::text WHEN 'exact' THEN exact::text WHEN 'flag'
	THEN flag::text WHEN 'id' THEN id::text ELSE list::text END FROM ecml_cross_predict('linreg', 'typed', 'y', '{a}', 'i',
	format('{"group": "%s", "folds": 2}', c)::jsonb) JOIN typed ON i = key::int) f), n, 'groups of column ' || c)
FROM (VALUES ('big', 9::bigint), ('exact', 9), ('flag', 2), ('id', 9), ('list', 9)) v (c, n);
SELECT is(ecml_cross_validate('linreg', 'SELECT price, customer, y FROM shop', 'y', NULL, '{"group": "customer"}'),
	ecml_cross_validate('linreg', 'SELECT price, customer, y FROM shop', 'y', '{price}', '{"group": "customer"}'),
	'the group is no feature unless it is named');
SELECT ok((ecml_cross_validate('linreg', 'SELECT price, number, y FROM shop', 'y', '{price,number}',
	'{"group": "number"}') #>> '{rmse,mean}')::float8 > 0, 'and one when it is named');

-- ---- time

CREATE TEMP TABLE timed AS SELECT * FROM pg_temp.predicted('{"time": "day", "folds": 4}');
CREATE TEMP TABLE stretches AS SELECT fold, min(day) AS first, max(day) AS last, count(*) AS n FROM timed JOIN shop USING (i)
	GROUP BY fold;
SELECT ok(bool_and(first > before) AND count(*) = 4, 'stretches follow each other; equal times stay together')
FROM (SELECT *, lag(last, 1, '-infinity') OVER (ORDER BY fold) AS before FROM stretches) s;
SELECT ok(bool_and(n BETWEEN 0.15 * total AND 0.25 * total), 'each has about a fifth of the rows')
FROM stretches, (SELECT count(day) AS total FROM shop) t;
SELECT ok((SELECT count(*) FROM shop WHERE day < (SELECT min(first) FROM stretches)) BETWEEN 150 AND 250
	AND NOT EXISTS (SELECT FROM shop s WHERE day >= (SELECT min(first) FROM stretches) AND i NOT IN (SELECT i FROM timed)),
	'all but the first are tested');
SELECT ok(bool_and(pg_temp.close(r.prediction, h.prediction, 1e-10)), 'models of all that is earlier')
FROM timed r JOIN pg_temp.by_hand('timed', 'o.day < (SELECT first FROM stretches b WHERE b.fold = f.fold)') h USING (i);
CREATE TEMP TABLE gapped AS SELECT * FROM pg_temp.predicted('{"time": "day", "folds": 4, "gap": "7 days"}');
SELECT ok(bool_and(pg_temp.close(r.prediction, h.prediction, 1e-10)), 'with a gap, of all that is a week earlier')
FROM gapped r JOIN pg_temp.by_hand('gapped', 'o.day <= (SELECT first FROM stretches b WHERE b.fold = f.fold) - 7') h USING (i);
SELECT bag_eq('SELECT * FROM gapped', $$SELECT * FROM pg_temp.predicted('{"time": "day", "folds": 4, "gap": 604800}')$$,
	'a gap in seconds');
SELECT is((SELECT array_agg(DISTINCT fold ORDER BY fold) FROM ecml_cross_predict('linreg', 'shop', 'y', '{price}', 'i',
	'{"time": "wave", "folds": 3, "gap": 0.1}')), '{1,2,3}'::int[], 'a number is a time, too');
SELECT bag_eq($$SELECT * FROM ecml_cross_predict('linreg', 'SELECT * FROM shop ORDER BY y', 'y', '{price,kind}', 'i',
	'{"time": "day", "folds": 4}')$$, $$SELECT i::text, fold, prediction, class FROM timed$$,
	'the order of the source does not matter')
	WHERE EXISTS (SELECT FROM timed);

-- ---- weights, NULLs, memory

SELECT is((v ->> 'rows')::int, 750, 'rows of no weight are left out')
FROM ecml_cross_validate('linreg', 'shop', 'y', '{price}', '{"sample_weight": "w"}') v;
CREATE TEMP TABLE weighted AS SELECT key::int AS i, fold, prediction FROM ecml_cross_predict('linreg', 'shop', 'y',
	'{price}', 'i', '{"sample_weight": "w"}');
CREATE TEMP TABLE models AS SELECT f AS fold, ecml_linreg('{"sample_weight": "x2"}', y, price, w) AS m
	FROM generate_series(1, 5) f JOIN weighted t ON t.fold <> f JOIN shop USING (i) GROUP BY f;
SELECT ok(bool_and(pg_temp.close(prediction, ecml_predict(m, price), 1e-9)), 'weights count in training')
FROM weighted JOIN shop USING (i) JOIN models USING (fold);
SELECT ok(pg_temp.close((v #>> '{mae,mean}')::float8, (SELECT avg(mae) FROM (SELECT sum(w * abs(prediction - y)) / sum(w) AS mae
	FROM weighted JOIN shop USING (i) GROUP BY fold) f), 1e-9), 'and in metrics')
FROM ecml_cross_validate('linreg', 'shop', 'y', '{price}', '{"sample_weight": "w"}') v;
SELECT is((SELECT count(*) FROM ecml_cross_predict('linreg', 'SELECT i, CASE WHEN i % 10 > 0 THEN price END AS price, y FROM shop',
	'y', '{price}', 'i', format('{"missing": "%s"}', m)::jsonb)), n, 'NULLs with missing = ' || m)
FROM (VALUES ('skip', 900::bigint), ('impute', 1000)) v (m, n);
CREATE TABLE large AS SELECT i, sin(i) AS a, cos(i * 1.7) AS b, sin(i * 0.3) + cos(i) AS y, i % 1000 AS g
	FROM generate_series(1, 60000) i;
CREATE TEMP TABLE roomy AS SELECT o, ecml_cross_validate('linreg', 'large', 'y', '{a,b}', o) AS v
	FROM (VALUES ('{}'::jsonb), ('{"group": "g"}'), ('{"time": "i"}')) t (o);
SET LOCAL ecml.work_mem = '1MB';
SET LOCAL work_mem = '64kB';
SELECT is(ecml_cross_validate('linreg', 'large', 'y', '{a,b}', o), v, 'the same out of temporary files: ' || o::text) FROM roomy;
SELECT throws_ok($$SELECT ecml_cross_validate('linreg', 'large', 'y', '{a}', '{"group": "i"}')$$, '54000', 'not enough working memory',
	'groups are counted against the budget');
SELECT is((SELECT count(DISTINCT key) FROM ecml_cross_predict('linreg', 'large', 'y', '{a}', 'i')), 60000::bigint,
	'predictions of rows in temporary files');
RESET ecml.work_mem;
SELECT is((SELECT count(*) FROM ecml.models), 0::bigint, 'nothing is stored');

SELECT * FROM finish();
ROLLBACK;
