-- One test for each bug of preparation, loading, metrics and the reading of rows that was found by reading or by attack.
BEGIN;
SELECT plan(13);

-- rows that come from several tables by turns: memory in use after 50,000 and after 100,000 of them
CREATE TABLE parted (i int, y float8, x float8) PARTITION BY HASH (i);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX ON parted (i);
INSERT INTO parted SELECT i, i % 7, i % 5 FROM generate_series(1, 100000) AS i;
ANALYZE parted;
CREATE FUNCTION pg_temp.watch(i int) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$ BEGIN
	IF i IN (50000, 100000) THEN
		PERFORM set_config('ecml_test.at_' || i, (SELECT sum(used_bytes) FROM pg_backend_memory_contexts)::text, true);
	END IF;
	RETURN true;
END $$;
SET LOCAL enable_sort = off;
SET LOCAL max_parallel_workers_per_gather = 0;
SELECT ecml_train('ecml_test_turns', 'linreg', 'SELECT * FROM parted WHERE pg_temp.watch(i) ORDER BY i', 'y') \g /dev/null
SELECT cmp_ok(current_setting('ecml_test.at_100000')::int8 - current_setting('ecml_test.at_50000')::int8, '<', 200000::int8,
	'rows of a merge of partitions leave no memory behind');

-- ecml_prepare
CREATE TABLE flags (flag boolean, size char(4), n int, same float8);
INSERT INTO flags VALUES (true, 'm', 1, 5), (false, 'xl', 2, 5), (true, 'xl', 10, 5);
SELECT ecml_prepare('flags', 'flags_p', '{"ordinal": {"flag": ["no", "yes"], "size": ["m ", "xl"], "n": ["01", "2", "10"]},
	"bin": {"same": {"bins": 4, "strategy": "uniform"}}}') \g /dev/null
SELECT is((SELECT array_agg(flag ORDER BY n) FROM flags_p), '{1,0,1}', 'ordinal: booleans given by other words for them');
SELECT is((SELECT array_agg(size ORDER BY n) FROM flags_p), '{0,1,1}', 'char(n) with blanks');
SELECT is((SELECT array_agg(n ORDER BY n) FROM flags_p), '{0,1,2}', 'integers with leading zeros');
SELECT is((SELECT array_agg(DISTINCT same) FROM flags_p), '{0}', 'bin uniform: a constant is all in bin 0, as with quantiles and in scikit-learn');
SELECT throws_ok($$ SELECT ecml_prepare('SELECT 1e308::float8 AS x UNION ALL SELECT -1e308', 'wide_p',
	'{"bin": {"x": {"bins": 4, "strategy": "uniform"}}}') $$, '22000', NULL, 'bin of a range that is no number');
DO $$ BEGIN
	CREATE COLLATION without_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
	CREATE TABLE cases (id int, a text COLLATE without_case, b text COLLATE without_case);
EXCEPTION WHEN feature_not_supported THEN
	CREATE TABLE cases (id int, a text, b text);
END $$;
INSERT INTO cases VALUES (1, 'x', 'x'), (2, 'X', 'X'), (3, 'y', 'y');
SELECT ecml_prepare('cases', 'cases_p', '{"ordinal": ["a"], "one_hot": ["b"]}') \g /dev/null
SELECT is((SELECT array_agg(c::text ORDER BY id) FROM cases_p c), '{"(1,1,0,1,0)","(2,0,1,0,0)","(3,2,0,0,1)"}',
	'categories by their bytes, also where the collation takes different ones for equal');
SELECT throws_ok($$ SELECT ecml_prepare('SELECT i, md5(i::text) AS c, i % 2 AS y FROM generate_series(1, 10000) AS i', 'large_p',
	'{"target_encode": {"columns": ["c"], "target": "y", "key": "i", "folds": 100}}') $$, '54000', NULL,
	'a target encoding of more constants than can be parsed in reasonable time');

-- ecml_describe
SELECT is((SELECT distinct_count || ' ' || left(most_frequent, 4) || ' ' || frequency FROM ecml_describe(
	'SELECT * FROM (VALUES (1e400::numeric), (''infinity''), (1e400)) v (x)')), '2 1000 2',
	'numerics beyond doubles are told from each other');
SELECT is((SELECT median FROM ecml_describe('SELECT unnest(ARRAY[-1e308, 1e308]::float8[]) AS x')), 0::float8,
	'a median between values of which the difference is no number');

-- ecml_load_csv
SELECT throws_ok($$ SELECT ecml_load_csv(E'a\n1\n', 'public.loaded', '{"temporary": true}') $$, '42P16', NULL,
	'a temporary table is in no other schema, and not made elsewhere');
SELECT lives_ok($$ SELECT ecml_load_csv(E'a\n1\n', 'pg_temp.loaded', '{"temporary": true}') $$, 'pg_temp is the one it is in');

-- ecml_metrics
SELECT is(ecml_metrics(i::text, i::text) ->> 'mcc', '1', 'no correlation is beyond 1') FROM generate_series(1, 3) AS i;
SELECT * FROM finish();
ROLLBACK;
