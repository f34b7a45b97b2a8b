-- ecml_describe: against SQL where it is exact, within its stated errors where it is a sketch; every type; parallel workers.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(40);

CREATE TABLE things AS SELECT i AS id, (i * 7919 % 1000)::float8 / 8 AS x, CASE WHEN i % 10 > 0 THEN (i % 100)::numeric / 4 END AS n,
	CASE i % 4 WHEN 0 THEN 'red' WHEN 1 THEN 'Grün' WHEN 2 THEN '' END AS t, i % 3 = 0 AS b,
	date '2024-02-28' + i % 1000 AS d, timestamptz '2024-01-01 00:00+00' + i % 77 * interval '1 hour' AS ts, i * interval '1 hour' AS iv
FROM generate_series(1, 4000) AS i;
CREATE TABLE found AS SELECT * FROM ecml_describe('things') WITH ORDINALITY;

SELECT results_eq('SELECT column_name, type FROM found ORDER BY ordinality', $$ VALUES ('id', 'integer'), ('x', 'double precision'),
	('n', 'numeric'), ('t', 'text'), ('b', 'boolean'), ('d', 'date'), ('ts', 'timestamp with time zone'), ('iv', 'interval') $$,
	'a row for each column, in their order');
SELECT results_eq('SELECT count, nulls, distinct_count FROM found ORDER BY ordinality',
	'SELECT u.* FROM (SELECT count(id) c1, count(*) - count(id) n1, count(DISTINCT id) d1, count(x) c2, count(*) - count(x) n2,
		count(DISTINCT x) d2, count(n) c3, count(*) - count(n) n3, count(DISTINCT n) d3, count(t) c4, count(*) - count(t) n4,
		count(DISTINCT t) d4, count(b) c5, count(*) - count(b) n5, count(DISTINCT b) d5, count(d) c6, count(*) - count(d) n6,
		count(DISTINCT d) d6, count(ts) c7, count(*) - count(ts) n7, count(DISTINCT ts) d7, count(iv) c8, count(*) - count(iv) n8,
		count(DISTINCT iv) d8 FROM things) a,
		LATERAL (VALUES (c1, n1, d1), (c2, n2, d2), (c3, n3, d3), (c4, n4, d4), (c5, n5, d5), (c6, n6, d6), (c7, n7, d7), (c8, n8, d8)) u',
	'counts, NULLs and different values');
CREATE FUNCTION pg_temp.wrong(name text, expression text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE format(
	'SELECT concat_ws('' '', f, s) FROM found f, (SELECT avg(v) AS mean, stddev(v) AS sd, min(v), max(v),
		percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY v) AS q, count(*) FILTER (WHERE v = 0) AS zeros
		FROM (SELECT (%s)::float8 AS v FROM things) t) s
	WHERE column_name = %L AND NOT (pg_temp.close(f.mean, s.mean, 1e-14) AND pg_temp.close(f.sd, s.sd, 1e-12) AND f.min = s.min
		AND f.max = s.max AND ARRAY[f.q25, f.median, f.q75] = s.q AND f.zeros = s.zeros)', expression, name);
END $$;
SELECT is_empty($$ SELECT pg_temp.wrong('id', 'id') $$, 'integers');
SELECT is_empty($$ SELECT pg_temp.wrong('x', 'x') $$, 'doubles');
SELECT is_empty($$ SELECT pg_temp.wrong('n', 'n') $$, 'numeric');
SELECT is_empty($$ SELECT pg_temp.wrong('b', 'b::int') $$, 'booleans are 0 and 1');
SELECT is_empty($$ SELECT pg_temp.wrong('d', 'extract(epoch FROM d)') $$, 'dates are seconds since 1970');
SELECT is_empty($$ SELECT pg_temp.wrong('ts', 'extract(epoch FROM ts)') $$, 'and timestamps');
SELECT is_empty($$ SELECT pg_temp.wrong('iv', 'extract(epoch FROM iv)') $$, 'intervals are seconds');
SELECT results_eq($$ SELECT min_text, max_text FROM found WHERE column_name IN ('d', 'iv') ORDER BY ordinality $$,
	$$ VALUES ('2024-02-28', '2026-11-23'), ('01:00:00', '5 mons 16 days 16:00:00') $$, 'times can be read');
SELECT results_eq($$ SELECT most_frequent, frequency, zeros, round(mean_length::numeric, 4), note FROM found WHERE column_name = 't' $$,
	$$ VALUES ('red', 1000::bigint, 1000::bigint, round(7 / 3.0, 4), '1000 blank') $$, 'texts: length in characters, empty ones');
SELECT ok((SELECT mean IS NULL AND sd IS NULL AND min IS NULL AND median IS NULL AND min_text IS NULL FROM found WHERE column_name = 't'),
	'they have no mean');
SELECT is((SELECT most_frequent FROM found WHERE column_name = 'b'), 'false', 'the most frequent boolean');
SELECT is((SELECT frequency FROM found WHERE column_name = 'b'), 2667::bigint, 'and how often');
SELECT cmp_ok(abs(skewness - (SELECT sqrt(count(*) * (count(*) - 1)) / (count(*) - 2) * avg((x - m) ^ 3) / avg((x - m) ^ 2) ^ 1.5
	FROM things, (SELECT avg(x) AS m FROM things) a)), '<', 1e-9::float8, 'skewness of the sample') FROM found WHERE column_name = 'x';

-- small and empty
SELECT results_eq($$ SELECT count, nulls, distinct_count, mean, sd, median, most_frequent, note FROM ecml_describe('SELECT 1 AS a WHERE false') $$,
	$$ VALUES (0::bigint, 0::bigint, 0::bigint, NULL::float8, NULL::float8, NULL::float8, NULL::text, 'no rows') $$, 'no rows');
SELECT results_eq($$ SELECT count, mean, sd, median, most_frequent, note FROM ecml_describe('SELECT 2.50 AS a') $$,
	$$ VALUES (1::bigint, 2.5::float8, NULL::float8, 2.5::float8, '2.5', 'constant') $$, 'one row');
SELECT results_eq($$ SELECT count, nulls, mean, note FROM ecml_describe('SELECT NULL::int AS a FROM generate_series(1, 3)') $$,
	$$ VALUES (0::bigint, 3::bigint, NULL::float8, 'all NULL') $$, 'all NULL');
SELECT results_eq($$ SELECT column_name, mean FROM ecml_describe('SELECT 1 AS a, 3 AS a') $$, $$ VALUES ('a', 1::float8), ('a', 3) $$,
	'two columns of one name');
SELECT is((SELECT count(*) FROM ecml_describe('SELECT FROM things')), 0::bigint, 'no columns');

-- notes
SELECT results_eq($$ SELECT note FROM ecml_describe('SELECT i AS id, md5(i::text)::uuid AS u, i::text AS n, CASE WHEN i > 3 THEN (i % 9)::text
		ELSE '' '' END AS charges, ''2024-01-'' || 10 + i % 9 AS day, CASE i WHEN 7 THEN ''NaN'' WHEN 8 THEN ''-Infinity'' ELSE 1.5 END::float8 AS f,
		CASE WHEN i < 5 THEN i END AS few FROM generate_series(1, 100) AS i') $$,
	$$ VALUES ('every value is different: an identifier?'), ('every value is different: an identifier?'),
	('every value is different: an identifier?; looks like numbers stored as text (100 of 100)'),
	('3 blank; looks like numbers stored as text (97 of 100)'), ('looks like dates stored as text (100 of 100)'),
	('1 NaN; 1 infinite'), ('96 % NULL') $$, 'what is wrong, in plain words');
SELECT results_eq($$ SELECT count, mean, min, max FROM ecml_describe('SELECT unnest(ARRAY[1, ''NaN'', 3, ''Infinity'', ''-Infinity'']::float8[]) AS a') $$,
	$$ VALUES (5::bigint, 2::float8, 1::float8, 3::float8) $$, 'NaN and infinity are left out of the mean');

-- every type
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE types AS SELECT (ARRAY['sad', 'ok']::mood[])[1 + i % 2] AS m, (1 + i % 5)::positive AS p, ROW(i % 3, 'x')::pair AS c,
	ARRAY[i % 2, NULL] AS a, ARRAY['u', 'v'] AS ta, jsonb_build_object('k', i % 4) AS j, '{"a": 1}'::json AS js,
	point(i, 1) AS pt, box(point(0, 0), point(1, i)) AS bx, ('10.0.0.' || i % 7)::inet AS ip, int4range(i % 3, 9) AS r, '\xdead'::bytea AS by,
	i::bit(8) AS bits, 'now'::tsvector AS ts, '12:00'::time AS tm, '12:00+01'::timetz AS tz, 'abc'::char(5) AS ch, 'n'::name AS nm,
	'1.5'::money AS mo, (i % 3)::oid AS o, 'a'::"char" AS qc, '1 0'::int2vector AS iv, 1e30::numeric * i AS big, '08:00:2b:01:02:03'::macaddr AS mac,
	'infinity'::date AS inf, (i % 5 || repeat('ü', 400)) AS long, 'things'::regclass AS rc, ARRAY[ROW(1, 'x')::pair] AS ca, '0/1'::pg_lsn AS lsn
FROM generate_series(1, 50) AS i;
SELECT lives_ok($$ CREATE TABLE described AS SELECT * FROM ecml_describe('types') $$, 'no type is an error');
SELECT is((SELECT count(*) FROM described WHERE count = 50), (SELECT count(*) FROM pg_attribute WHERE attrelid = 'types'::regclass AND attnum > 0),
	'all are counted');
SELECT results_eq($$ SELECT column_name, distinct_count FROM described WHERE column_name IN ('m', 'p', 'c', 'a', 'j', 'ip', 'r', 'big', 'long') $$,
	$$ VALUES ('m', 2::bigint), ('p', 5), ('c', 3), ('a', 2), ('j', 4), ('ip', 7), ('r', 3), ('big', 50), ('long', 5) $$,
	'different values of types that can be compared');
SELECT is((SELECT string_agg(column_name, ',') FROM described WHERE note = 'values of this type cannot be compared'), 'js,pt,bx',
	'others say so');
SELECT results_eq($$ SELECT column_name, most_frequent, frequency FROM described WHERE column_name IN ('a', 'ch', 'by', 'inf') $$,
	$$ VALUES ('a', '{0,NULL}', 25::bigint), ('by', '\xdead', 50), ('ch', 'abc', 50), ('inf', 'infinity', 50) $$, 'the most frequent, as text');
SELECT is((SELECT length(most_frequent) FROM described WHERE column_name = 'long'), 128, 'a long one is cut between characters');
SELECT is((SELECT most_frequent FROM ecml_describe($$ SELECT 12345678901234567890123.10 AS n FROM generate_series(1, 3) $$)), '12345678901234567890123.10',
	'numeric with all its digits');
SELECT is((SELECT distinct_count FROM ecml_describe($$ SELECT 12345678901234567890 + i AS n FROM generate_series(1, 300) AS i $$)), 300::bigint,
	'numbers that doubles cannot tell apart');
SELECT is((SELECT distinct_count FROM ecml_describe($$ SELECT 9007199254740993 + i % 2 AS n FROM generate_series(1, 300) AS i $$)), 2::bigint,
	'nor bigints');

-- many columns
SELECT is((SELECT count(*) FILTER (WHERE mean = substr(column_name, 2)::int) FROM ecml_describe((SELECT 'SELECT ' ||
	string_agg(i || ' AS c' || i, ', ') FROM generate_series(1, 1600) AS i))), 1600::bigint, '1,600 columns');

-- sketches: 300,000 rows, by one process and by workers
CREATE TABLE large AS SELECT i AS id, (i::bigint * 7919 % 300007)::float8 ^ 3 AS x, 'k' || i % 50000 AS k,
	CASE WHEN i % 20 = 0 THEN 'common' ELSE 'rare ' || i END AS t, round((i * 31 % 99991)::numeric / 100, 2) AS n FROM generate_series(1, 300000) AS i;
ANALYZE large;
SET LOCAL max_parallel_workers_per_gather = 0;
CREATE TABLE one AS SELECT * FROM ecml_describe('large');
SELECT is((SELECT count(*) FROM one a JOIN ecml_describe('large') b USING (column_name) WHERE a::text = b::text), 5::bigint,
	'the same bits from one process');
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query; END $$;
SELECT matches(string_agg(line, E'\n'), 'Partial Aggregate', 'the aggregate runs in workers')
FROM pg_temp.plan_of('SELECT ecml.describe_rows(0, 2, id, x) FROM large') AS line;
CREATE TABLE many AS SELECT * FROM ecml_describe('large');
SELECT is_empty($$ SELECT column_name FROM one a JOIN many b USING (column_name) WHERE (a.count, a.distinct_count, a.min, a.max, a.zeros)
	IS DISTINCT FROM (b.count, b.distinct_count, b.min, b.max, b.zeros) OR NOT pg_temp.close(a.mean, b.mean, 1e-14) OR NOT pg_temp.close(a.sd, b.sd, 1e-13) $$,
	'workers count the same');
SELECT is_empty($$ SELECT column_name, distinct_count FROM one JOIN (VALUES ('id', 300000), ('x', 300000), ('k', 50000), ('t', 285001), ('n', 99991))
	v (column_name, n) USING (column_name) WHERE abs(distinct_count / n::float8 - 1) > 3 * 0.0082 $$, 'different values within three standard errors');
SELECT is_empty($$ SELECT 1 FROM (SELECT * FROM one UNION ALL SELECT * FROM many) d, (SELECT x, (row_number() OVER (ORDER BY x) - 1) / 300000.0 AS rank
	FROM large) r WHERE column_name = 'x' AND (x = q25 AND abs(rank - 0.25) > 0.003 OR x = median AND abs(rank - 0.5) > 0.003
	OR x = q75 AND abs(rank - 0.75) > 0.003) $$, 'quartiles within 0.3 % of the rows');
SELECT is_empty($$ SELECT column_name, most_frequent, frequency FROM (SELECT * FROM one UNION ALL SELECT * FROM many) d
	WHERE column_name = 't' AND (most_frequent <> 'common' OR frequency > 15000 OR frequency < 15000 - 300) $$, 'one in twenty is the most frequent');
SELECT is((SELECT string_agg(DISTINCT note, '') FROM (SELECT * FROM one UNION ALL SELECT * FROM many) d WHERE column_name = 'id'),
	'nearly every value is different: an identifier?', 'identifiers are known among many');
SELECT throws_ok($$ SET LOCAL ecml.work_mem = '1MB'; SELECT ecml_describe('SELECT x AS x1, x AS x2, x AS x3, x AS x4, x AS x5, x AS x6, x AS x7 FROM large') $$,
	'54000', NULL, 'the budget holds');

SELECT * FROM finish();
ROLLBACK;
