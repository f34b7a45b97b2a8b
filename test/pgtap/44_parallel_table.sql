-- A plain table is read by several processes: its models have the same bits as from one process, with NULLs, categories,
-- weights, all types of columns, rows that are left out, little memory; and what is not a plain table is read as ever.
\i ../lib/pgtap.sql
SELECT plan(41);
SET min_parallel_table_scan_size = 0;
SET ecml.threads = 3;			-- so that there are two workers, whatever the machine
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');

-- values far from 0, in an order of their own; categories that come one after the other; a third of the rows has a NULL
CREATE TABLE rows AS
SELECT i AS id, 1e6 + sin(i) AS a, (cos(i * 0.7) * 10)::float4 AS b, (i * 7919 % 1000)::int2 AS c, (i * 7919 % 100003)::int AS d,
	i::bigint * 1000003 % 1000000007 AS e, i % 3 = 0 AS f, '2020-01-01'::date + i % 1000 AS g,
	'2020-01-01'::timestamp + i * interval '1 minute' AS h, (i % 977 / 7.0)::numeric(10, 4) AS n,
	'category ' || (i / 1000 * 31 % 57) AS category, (enum_range(NULL::mood))[1 + i / 100 % 3] AS mood,
	CASE WHEN i % 3 > 0 THEN i % 91 END::float8 AS gap, CASE WHEN i % 50 > 0 THEN 'text ' || i / 500 % 11 END AS gap_text,
	(i % 13) / 7.0::float8 AS weight, i % 997 AS g_days, CASE WHEN i % 11 > 0 THEN 3 * sin(i) + i % 17 END::float8 AS y
FROM generate_series(1, 60000) AS i;
CREATE TABLE narrow AS SELECT a, b, d FROM rows;
ANALYZE;

-- does a training give the same model with workers and without?
CREATE FUNCTION same(algorithm text, source text, target text, features text[], options jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('max_parallel_workers_per_gather', '0', false);
	PERFORM ecml_train('serial', algorithm, source, target, features, options);
	PERFORM set_config('max_parallel_workers_per_gather', '2', false);
	PERFORM ecml_train('parallel', algorithm, source, target, features, options);
	RETURN ecml_load('serial')::text = ecml_load('parallel')::text;
END $$;
CREATE FUNCTION counts(name text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s %s', rows, skipped) FROM ecml.models WHERE models.name = counts.name AND active $$;

SELECT ok(same('kmeans', 'narrow', NULL, NULL, '{"k": 3}'), 'numbers of fixed width');
SELECT is(counts('parallel'), '60000 0', 'all rows');
SELECT ok(same('kmeans', 'rows', NULL, '{a,b,c,d,e,f,g,h}', '{"k": 3}'), 'all types of fixed width');
SELECT ok(same('kmeans', 'rows', NULL, '{n,a}', '{"k": 3}'), 'numeric');
SELECT ok(same('kmeans', 'rows', NULL, '{category,a}', '{"k": 3}'), 'a text category');
SELECT ok(same('kmeans', 'rows', NULL, '{mood,b,category}', '{"k": 4}'), 'an enum');
SELECT ok(same('kmeans', 'rows', NULL, '{gap,a}', '{"k": 3}'), 'rows with NULL left out');
SELECT is(counts('parallel'), '40000 20000', 'and counted');
SELECT ok(same('kmeans', 'rows', NULL, '{gap,gap_text,a}', '{"k": 3, "missing": "impute"}'), 'NULLs imputed');
SELECT is(counts('parallel'), '60000 0', 'all rows are used');
SELECT ok(same('kmeans', 'rows', NULL, '{a,category}', '{"k": 3, "sample_weight": "weight"}'), 'weights');
SELECT is(counts('parallel'), counts('serial'), 'rows of weight 0 are left out in both');
SELECT ok(same('kmeans', 'rows', NULL, '{gap,gap_text,category,d}',
	'{"k": 3, "missing": "impute", "sample_weight": "weight"}'), 'weights, categories and NULLs');
SELECT ok(same('kmeans', 'rows', NULL, '{a,d}', '{"k": 3, "standardize": false}'), 'without standardisation');
SELECT ok(same('linreg', 'rows', 'y', '{a,b,c,d,f}', '{}'), 'one pass');
SELECT is(counts('parallel'), '54546 5454', 'rows without a target are counted');
SELECT ok(same('linreg', 'rows', 'y', '{a,gap,d}', '{"missing": "impute"}'), 'one pass, imputed');
SELECT ok(same('linreg', 'rows', 'y', '{a,gap,n}', '{"sample_weight": "weight"}'), 'one pass, weights');
SELECT ok(same('linreg', 'rows', 'y', '{a,category}', '{}'), 'one pass, categories');
-- other targets: classes get codes in each process; durations of rows that are censored
SELECT CASE WHEN EXISTS (SELECT FROM pg_proc WHERE proname = 'ecml_logreg')
	THEN ok(same('logreg', 'rows', 'mood', '{b,c,gap}', '{"missing": "impute", "sample_weight": "weight"}'), 'classes')
	ELSE skip('no logreg', 1) END;
SELECT CASE WHEN EXISTS (SELECT FROM pg_proc WHERE proname = 'ecml_cox')
	THEN ok(same('cox', 'rows', 'g_days', '{b,c}', '{"event": "f"}'), 'durations')
	ELSE skip('no cox', 1) END;

-- ---- other numbers of processes

SELECT set_config('max_parallel_workers_per_gather', '8', false);
SET ecml.threads = 6;
SELECT ecml_train('five', 'kmeans', 'rows', NULL, '{gap,gap_text,category,d}',
	'{"k": 3, "missing": "impute", "sample_weight": "weight"}');
SET max_parallel_workers = 0;
SELECT ecml_train('none', 'kmeans', 'rows', NULL, '{gap,gap_text,category,d}',
	'{"k": 3, "missing": "impute", "sample_weight": "weight"}');
RESET max_parallel_workers;
SET max_parallel_workers_per_gather = 0;
SELECT ecml_train('serial', 'kmeans', 'rows', NULL, '{gap,gap_text,category,d}',
	'{"k": 3, "missing": "impute", "sample_weight": "weight"}');
SELECT ok(ecml_load('five')::text = ecml_load('serial')::text, 'five workers');
SELECT ok(ecml_load('none')::text = ecml_load('serial')::text, 'workers that cannot be started');
SET ecml.threads = 3;

-- ---- little memory

CREATE TABLE many AS SELECT a, b, c, d, e, f, g, h FROM rows, generate_series(1, 3);
ANALYZE many;
SET ecml.work_mem = '4MB';
SELECT ok(same('kmeans', 'many', NULL, NULL, '{"k": 2, "n_init": 1}'), 'more rows than memory');
-- the planner believes that there are few rows: found out on the way
BEGIN;
UPDATE pg_class SET reltuples = 10 WHERE oid = 'many'::regclass;
SELECT ok(same('kmeans', 'many', NULL, NULL, '{"k": 2, "n_init": 1}'),
	'the same, of a table whose size is not known');
ROLLBACK;
RESET ecml.work_mem;

-- ---- small tables, empty ones, gaps

CREATE TABLE few AS SELECT a, b FROM rows LIMIT 63;
CREATE TABLE none AS SELECT a, b FROM rows LIMIT 0;
CREATE TABLE gaps AS SELECT a, b, y, lpad('', 300, 'x') AS filler FROM rows LIMIT 20000;
DELETE FROM gaps WHERE ctid < '(300,0)' OR ctid > '(700,0)';
CREATE TABLE dropped AS SELECT a, category, b, y FROM rows;
ALTER TABLE dropped DROP COLUMN category;
ALTER TABLE dropped ADD COLUMN later float8 DEFAULT 1.5;
INSERT INTO dropped SELECT a, b, y, d FROM rows LIMIT 1000;
CREATE TABLE added AS SELECT a, b FROM rows;
ALTER TABLE added ADD COLUMN later float8 DEFAULT 1.5;
INSERT INTO added SELECT a, b, d FROM rows LIMIT 1000;
SELECT ok(same('kmeans', 'few', NULL, NULL, '{"k": 2}'), 'fewer rows than tell what values are kept relative to');
SELECT throws_ok($$ SELECT same('kmeans', 'none', NULL, NULL, '{"k": 2}') $$, '22000', 'there are no rows to learn from', 'no row');
SELECT ok(same('kmeans', 'gaps', NULL, '{a,b}', '{"k": 2}'), 'pages without rows');
SELECT ok(same('linreg', 'gaps', 'y', '{a,b}', '{}'), 'the same in one pass');
SELECT ok(same('kmeans', 'dropped', NULL, '{a,b,later}', '{"k": 2}'), 'a dropped column');
SELECT ok(same('kmeans', 'added', NULL, NULL, '{"k": 2}'), 'a column that older rows do not have');
SELECT is(ecml_model_info('parallel') -> 'rows', '61000', 'of all rows');

-- ---- rows of this transaction, and of other snapshots

BEGIN;
INSERT INTO narrow SELECT a, b, d FROM rows LIMIT 500;
DELETE FROM narrow WHERE d < 100;
SELECT ok(same('kmeans', 'narrow', NULL, NULL, '{"k": 2}'), 'changes of the same transaction are seen');
SELECT is(counts('parallel'), (SELECT format('%s 0', count(*)) FROM narrow), 'by all processes');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT ok(same('kmeans', 'narrow', NULL, NULL, '{"k": 2}'), 'a serializable transaction');
COMMIT;

-- ---- errors

CREATE TABLE broken AS SELECT a, CASE WHEN id = 50000 THEN 'NaN' ELSE a END AS b FROM rows;
SET max_parallel_workers_per_gather = 2;
SELECT throws_ok($$ SELECT ecml_train('m', 'kmeans', 'broken') $$, '22000',
	'column "b" holds a value that is not finite', 'an error, found by whichever process');
SELECT throws_ok($$ SELECT ecml_train('m', 'kmeans', 'rows', NULL, '{gap}', '{"missing": "error"}') $$, '22004',
	'column "gap" holds NULL', 'a NULL that must not be');

-- ---- rights and row security

CREATE ROLE ecml_parallel_reader;
GRANT USAGE ON SCHEMA public TO ecml_parallel_reader;
SET ROLE ecml_parallel_reader;
SELECT throws_ok($$ SELECT ecml_train('m', 'kmeans', 'narrow') $$, '42501', NULL, 'a table that may not be read');
RESET ROLE;
GRANT SELECT ON narrow TO ecml_parallel_reader;
ALTER TABLE narrow ENABLE ROW LEVEL SECURITY;
CREATE POLICY part ON narrow USING (d < 1000);
SET ROLE ecml_parallel_reader;
SELECT ecml_train('secured', 'kmeans', 'narrow', options => '{"k": 2}');
SELECT is(counts('secured'), (SELECT format('%s 0', count(*)) FROM narrow), 'row security applies');
SELECT cmp_ok(split_part(counts('secured'), ' ', 1)::int, '<', 1000, 'to few rows');
RESET ROLE;
DROP POLICY part ON narrow;
ALTER TABLE narrow DISABLE ROW LEVEL SECURITY;
CREATE VIEW seen AS SELECT * FROM narrow;
GRANT SELECT ON seen TO ecml_parallel_reader;
REVOKE SELECT ON narrow FROM ecml_parallel_reader;
SET ROLE ecml_parallel_reader;
SELECT lives_ok($$ SELECT ecml_train('viewed', 'kmeans', 'seen', options => '{"k": 2}') $$, 'a view, with its owner''s rights');
RESET ROLE;

SELECT * FROM finish();
