-- Tables read by threads, row by row where a batch has odd rows; and small things that once were wrong.
\i ../lib/pgtap.sql
SELECT plan(21);
SET ecml.threads = 3;

CREATE TABLE plain AS
SELECT i, (i * 7919 % 1000 < 300 + 40 * (i % 7))::int AS y, i % 7 + sin(i) AS a, cos(i)::float4 AS b, (i % 5)::int2 AS c, i % 3 = 0 AS f,
	1 + i % 4 AS w, NULL::float8 AS gap FROM generate_series(1, 60000) i;
-- rows that are not there any more, or not there yet
DELETE FROM plain WHERE i % 11 = 0;
UPDATE plain SET a = a + 1 WHERE i % 13 = 0;

-- does a training give the same model row by row and by threads, and does it say how it read?
CREATE FUNCTION same(algorithm text, source text, target text, features text[], options jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('max_parallel_workers_per_gather', '0', false);
	PERFORM ecml_train('serial', algorithm, source, target, features, options);
	PERFORM set_config('max_parallel_workers_per_gather', '2', false);
	PERFORM ecml_train('threads', algorithm, source, target, features, options);
	RETURN ecml_load('serial')::text = ecml_load('threads')::text;
END $$;
SELECT ok(same('logreg', 'plain', 'y', '{a,b,c,f}', '{}'), 'columns of several types');
SELECT is((SELECT rows FROM ecml.models WHERE name = 'threads' AND active), (SELECT count(*) FROM plain), 'all rows that are visible');
SELECT ok(same('logreg', 'plain', 'f', '{a,b}', '{"sample_weight": "w"}'), 'weights, classes that are booleans');
SELECT ok(same('kmeans', 'plain', NULL, '{a,b}', '{"k": 3, "seed": 1}'), 'floats relative to an origin');
SELECT ok(same('cox', 'plain', 'i', '{a,b}', '{"event": "f"}'), 'durations and events');
UPDATE plain SET y = 2 WHERE i BETWEEN 30000 AND 30010;
SELECT ok(same('logreg', 'plain', 'y', '{a,b}', '{}'), 'a class that comes late');
UPDATE plain SET a = NULL WHERE i IN (17, 40000, 40001);
SELECT ok(same('logreg', 'plain', 'f', '{a,b}', '{}'), 'a few NULLs');
SELECT is((SELECT skipped FROM ecml.models WHERE name = 'threads' AND active), 3::bigint, 'are left out and counted');
SELECT ok(same('logreg', 'plain', 'f', '{gap,b}', '{"missing": "impute", "penalty": "l2"}'), 'NULLs everywhere: read in another way');
UPDATE plain SET a = 'Infinity' WHERE i = 50000;
SELECT throws_ok($$ SELECT ecml_train('m', 'logreg', 'plain', 'f', '{a,b}') $$, '22000', 'column "a" holds a value that is not finite', 'as any other way');
UPDATE plain SET a = 0 WHERE i = 50000;
SET ecml.work_mem = '3MB';
SELECT ok(same('logreg', 'plain', 'f', '{a,b,c,w}', '{}'), 'rows that go to a file');
SELECT ecml_train('small', 'logreg', 'plain', 'f', '{a,b,c,w}') \g /dev/null
RESET ecml.work_mem;
SELECT ecml_train('large', 'logreg', 'plain', 'f', '{a,b,c,w}') \g /dev/null
SELECT ok(ecml_load('small')::text = ecml_load('large')::text, 'have the same model');

-- Matthews' coefficient of perfect predictions was 0.9999999999999999
SELECT ok(bool_and((m ->> 'mcc')::float8 = 1), 'perfect predictions, two classes')
FROM (SELECT n, ecml_metrics(i <= n, i <= n) AS m FROM generate_series(1, 100) i, generate_series(1, 99) n GROUP BY n) s;
SELECT ok(bool_and((m ->> 'mcc')::float8 = 1), 'and more')
FROM (SELECT n, ecml_metrics((i % n)::text, (i % n)::text) AS m FROM generate_series(1, 100) i, generate_series(3, 30) n GROUP BY n) s;

-- a model that refuses NULLs left them out in evaluation
SELECT ecml_train('strict', 'logreg', 'SELECT f, b, c FROM plain', 'f', NULL, '{"missing": "error"}') \g /dev/null
SELECT throws_ok($$ SELECT ecml_evaluate('strict', 'SELECT f, CASE WHEN i <> 9 THEN b END AS b, c FROM plain') $$, '22004', 'column "b" holds NULL');

-- the side of a range followed the session's TimeZone
CREATE TABLE sides AS SELECT tstzrange(t, t + '1 day') AS r, tsrange(t::timestamp, NULL) AS s
FROM generate_series('2024-01-01 00:00+00'::timestamptz, '2024-03-01', '1 day') t;
SET TimeZone = 'UTC';
CREATE TABLE utc AS SELECT r, s, ecml_split(r, 0.5) AS a, ecml_split(s, 0.5) AS b FROM sides;
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'German';
SELECT ok(bool_and(ecml_split(r, 0.5) = a AND ecml_split(s, 0.5) = b), 'ranges keep their side') FROM utc;
SELECT is(current_setting('TimeZone') || current_setting('DateStyle'), 'Asia/TokyoGerman, DMY', 'and settings stay');
RESET TimeZone;
RESET DateStyle;

-- texts of categories were not counted
SET ecml.work_mem = '2MB';
SELECT throws_ok($$ SELECT ecml_train('m', 'kmeans', 'SELECT repeat(''x'', 1000) || i AS t, i AS n FROM generate_series(1, 10000) i', NULL, NULL, '{"k": 2}') $$,
	'54000', 'not enough memory for the categories of a text column');
SELECT throws_ok($$ SELECT ecml_train('m', 'cox', 'SELECT i AS t, sin(i) AS x FROM generate_series(1, 100000) i', 't') $$, '54000', NULL, 'the sorted copy of cox is');
RESET ecml.work_mem;

-- the log-rank test of many groups took the square of their number at each time
SELECT ok(pg_temp.close((r).chi_square, 999, 0.3) AND (r).df = 999 AND (r).p_value BETWEEN 1e-6 AND 1 - 1e-6, 'a thousand groups')
FROM (SELECT ecml_logrank((hashint4(i) & 1048575) / 7.0, true, hashint4(i + 1000000) & 1023) AS r FROM generate_series(1, 60000) i
	WHERE (hashint4(i + 1000000) & 1023) < 1000) s;
SELECT ok(pg_temp.close((many).observed[1], (few).observed[1], 1e-12) AND pg_temp.close((many).expected[1], (few).expected[1], 1e-9), 'observed and expected')
FROM (SELECT ecml_logrank(i % 1000, i % 3 > 0, i % 40) AS many, ecml_logrank(i % 1000, i % 3 > 0, least(i % 40, 1)) AS few FROM generate_series(1, 20000) i) s;

SELECT finish();
