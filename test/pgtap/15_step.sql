-- "strategy": "step": the models of collected rows, from aggregates that go to where the rows are; a loopback server of
-- postgres_fdw stands for other machines.
\i ../lib/pgtap.sql
SELECT plan(45);

CREATE TABLE rows AS
SELECT i, (i * 7919 % 1000 < 300 + 40 * (i % 7))::int AS y, (i % 7)::int AS a, 1e6 + sin(i) AS b, i % 3 = 0 AS f,
	CASE WHEN i % 10 > 0 THEN cos(i * 0.7) END AS gap, 'text ' || i % 4 AS word, (i % 2 = 0)::int + 5 * (i % 7) + sin(i) AS amount,
	10.0 * (i % 4) + sin(i) AS g, -5.0 * (i % 4) + cos(i) AS h
FROM generate_series(1, 20000) i;

-- is each number of two sets of coefficients close?
CREATE FUNCTION apart(a text, b text) RETURNS float8 LANGUAGE sql AS $$
SELECT max(greatest(abs(x.estimate - y.estimate) / (abs(y.std_error) + 1e-300), abs(x.std_error / y.std_error - 1)))
FROM ecml_coefficients(a) x JOIN ecml_coefficients(b) y USING (term) $$;

-- ---- a plain table

SELECT is((t.rows, t.skipped)::text, '(18000,2000)', 'logreg: rows with a NULL are left out')
FROM ecml_train('step', 'logreg', 'rows', 'y', '{a,b,f,gap}', '{"strategy": "step"}') t;
SELECT ecml_train('collect', 'logreg', 'rows', 'y', '{a,b,f,gap}', '{"strategy": "collect"}') \g /dev/null
SELECT is((SELECT count(*) FROM ecml_coefficients('step') x JOIN ecml_coefficients('collect') y USING (term)), 5::bigint, 'the same terms');
SELECT cmp_ok(apart('step', 'collect'), '<', 1e-6::float8, 'and coefficients and errors');
SELECT ok(pg_temp.close((s.metrics ->> key)::float8, (c.metrics ->> key)::float8, 1e-10), 'metrics: ' || key)
FROM ecml.models s, ecml.models c, unnest('{log_likelihood,null_log_likelihood,accuracy,aic,parameters}'::text[]) AS key
WHERE s.name = 'step' AND c.name = 'collect';
SELECT ok(pg_temp.close(ecml_predict('step', r), ecml_predict('collect', r), 1e-9), 'predictions') FROM rows r WHERE i = 17;
SELECT ok(bool_and(pg_temp.close(s.importance, c.importance, 1e-6)), 'importance')
FROM ecml_importance('step') s JOIN ecml_importance('collect') c USING (feature);
SELECT ecml_train('word', 'logreg', 'SELECT CASE y WHEN 1 THEN ''yes'' ELSE ''no'' END AS y, a, b FROM rows', 'y', NULL, '{"strategy": "step"}') \g /dev/null
SELECT ecml_train('word c', 'logreg', 'SELECT CASE y WHEN 1 THEN ''yes'' ELSE ''no'' END AS y, a, b FROM rows', 'y') \g /dev/null
SELECT cmp_ok(apart('word', 'word c'), '<', 1e-6::float8, 'a query, and classes that are texts');
SELECT is(ecml_classify('word', 1, 1e6), ecml_classify('word c', 1, 1e6), 'which the model knows');
SELECT ecml_train('bool', 'logreg', 'rows', 'f', '{a,b}', '{"strategy": "step"}') \g /dev/null
SELECT ecml_train('bool c', 'logreg', 'rows', 'f', '{a,b}') \g /dev/null
SELECT cmp_ok(apart('bool', 'bool c'), '<', 1e-6::float8, 'classes that are booleans');
SELECT ecml_train('alias', 'logreg', 'SELECT y, a, 2 * a AS twice, 1 AS one FROM rows', 'y', NULL, '{"strategy": "step"}') \g /dev/null
SELECT is((SELECT string_agg(term, ' ' ORDER BY term) FROM ecml_coefficients('alias') WHERE estimate IS NULL), 'one twice',
	'constant and dependent columns are left out');
SET client_min_messages = error;
SELECT ok((metrics -> 'separated') ? 'a', 'separation is told')
FROM ecml_train('apart', 'logreg', 'SELECT a > 3 AS y, a FROM rows', 'y', NULL, '{"strategy": "step"}');
RESET client_min_messages;

SELECT ecml_train('line', 'linreg', 'rows', 'amount', '{a,b,f,gap}', '{"strategy": "step", "alpha": 0.5}') \g /dev/null
SELECT ecml_train('line c', 'linreg', 'rows', 'amount', '{a,b,f,gap}', '{"alpha": 0.5}') \g /dev/null
SELECT cmp_ok(max(abs(x.estimate - y.estimate) / abs(y.estimate)), '<', 1e-9::float8, 'linreg with a penalty')
FROM ecml_coefficients('line') x JOIN ecml_coefficients('line c') y USING (term);
SELECT is((SELECT skipped FROM ecml.models WHERE name = 'line'), 2000::bigint, 'rows with a NULL are left out');

SELECT ecml_train('groups', 'kmeans', 'rows', NULL, '{g,h}', '{"strategy": "step", "k": 4, "tolerance": 0}') \g /dev/null
SELECT ecml_train('groups c', 'kmeans', 'rows', NULL, '{g,h}', '{"k": 4, "tolerance": 0}') \g /dev/null
SELECT ok(pg_temp.close((s.metrics ->> 'inertia')::float8, (c.metrics ->> 'inertia')::float8, 1e-6), 'kmeans: inertia')
FROM ecml.models s, ecml.models c WHERE s.name = 'groups' AND c.name = 'groups c';
SELECT is((SELECT count(*) FROM ecml_centroids('groups') x JOIN ecml_centroids('groups c') y
	ON abs(x.centroid[1] - y.centroid[1]) < 1e-4 AND abs(x.centroid[2] - y.centroid[2]) < 1e-4 AND x.size = y.size), 4::bigint, 'and centroids');
SELECT ecml_train('wide groups', 'kmeans', 'rows', NULL, '{g,h}', '{"strategy": "step", "k": 4, "standardize": false}') \g /dev/null
SELECT ok((metrics ->> 'inertia')::float8 BETWEEN 19000 AND 21000, 'without standardisation') FROM ecml.models WHERE name = 'wide groups';

-- the aggregate by hand: steps from bad centroids end at the means, merged in any way
CREATE TABLE shards AS SELECT i % 5 AS shard, ecml_kmeans_step_partial('{{0,0},{35,-20}}', ARRAY[g, h]) AS state FROM rows GROUP BY 1;
SELECT is((SELECT (ecml_kmeans_step_merge(state::text::ecml_kmeans_step_state)).sizes FROM shards),
	(SELECT (ecml_kmeans_step('{{0,0},{35,-20}}', ARRAY[g, h])).sizes FROM rows), 'states merge, as text too');
SELECT ok(pg_temp.close((s).inertia, 8, 1e-12) AND (s).centroids = '{{1,2}}' AND (s).shift = 0 AND (s).rows = 2, 'a step by hand')
FROM (SELECT ecml_kmeans_step('{{1,2}}', v.x) AS s FROM (VALUES ('{1,4}'::float8[]), ('{1,0}'), (NULL), ('{1,NULL}')) v (x)) t;
SELECT throws_ok($$ SELECT ecml_kmeans_step('{{1,2,3}}', ARRAY[g, h]) FROM rows $$, '22023', NULL, 'centroids of another length');
SELECT throws_ok($$ SELECT ecml_kmeans_step(NULL, ARRAY[g, h]) FROM rows $$, '22004', NULL, 'no centroids');
SELECT throws_ok($$ SELECT ecml_kmeans_step_merge(state) FROM (SELECT state FROM shards UNION ALL
	SELECT ecml_kmeans_step_partial('{{1,1},{2,2}}', ARRAY[g, h]) FROM rows) s $$, '22000', 'sums of different steps cannot be merged');
SELECT throws_ok($$ SELECT '\x01'::text::ecml_kmeans_step_state $$, '22P02', NULL, 'damaged bytes');

-- ---- what does not go

SELECT throws_ok($$ SELECT ecml_train('m', 'logreg', 'rows', 'y', '{a,word}', '{"strategy": "step"}') $$, '0A000',
	'column "word" cannot be used step by step');
SELECT throws_ok($$ SELECT ecml_train('m', 'logreg', 'rows', 'a', '{b}', '{"strategy": "step"}') $$, '0A000',
	'the target "a" has more than two classes');
SELECT throws_ok($$ SELECT ecml_train('m', 'logreg', 'SELECT 1 AS y, b FROM rows', 'y', '{b}', '{"strategy": "step"}') $$, '22000',
	'the target "y" has one class only');
SELECT throws_ok($$ SELECT ecml_train('m', 'logreg', 'rows', 'y', '{a}', '{"strategy": "step", "penalty": "l2"}') $$, '0A000',
	'the option "penalty" does not go with the strategy "step"');
SELECT throws_ok($$ SELECT ecml_train('m', 'linreg', 'rows', 'amount', '{gap}', '{"strategy": "step", "missing": "impute"}') $$, '0A000',
	'the option "missing" does not go with the strategy "step"');
SELECT throws_ok($$ SELECT ecml_train('m', 'linreg', 'rows', 'amount', '{gap}', '{"strategy": "step", "missing": "error"}') $$, '22004',
	'rows hold NULL');
SELECT throws_ok($$ SELECT ecml_train('m', 'cox', 'rows', 'a', '{b}', '{"strategy": "step"}') $$, '0A000', 'cox cannot learn step by step');
SELECT throws_ok($$ SELECT ecml_cross_validate('logreg', 'rows', 'y', '{a}', '{"strategy": "step"}') $$, '0A000',
	'the strategy "step" is ecml_train''s alone');
SELECT throws_ok($$ SELECT ecml_train('m', 'kmeans', 'SELECT a FROM rows WHERE false', NULL, NULL, '{"strategy": "step"}') $$, '22000',
	'there are no rows to learn from');
SELECT throws_ok($$ SELECT ecml_train('m', 'linreg', 'SELECT amount, CASE WHEN i = 7 THEN ''NaN'' ELSE b END AS b FROM rows', 'amount', NULL,
	'{"strategy": "step"}') $$, '22000', NULL, 'NaN');

-- ---- elsewhere: a partitioned table of two foreign tables and a local one

CREATE EXTENSION postgres_fdw;
SELECT format('CREATE SERVER away FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L, extensions ''ecml'')',
	split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database()) \gexec
CREATE USER MAPPING FOR CURRENT_USER SERVER away;
CREATE TABLE part0 AS SELECT * FROM rows WHERE i % 3 = 0;
CREATE TABLE part1 AS SELECT * FROM rows WHERE i % 3 = 1;
CREATE TABLE divided (LIKE rows, shard int) PARTITION BY LIST (shard);
ALTER TABLE part0 ADD shard int DEFAULT 0;
ALTER TABLE part1 ADD shard int DEFAULT 1;
CREATE FOREIGN TABLE away0 PARTITION OF divided FOR VALUES IN (0) SERVER away OPTIONS (table_name 'part0');
CREATE FOREIGN TABLE away1 PARTITION OF divided FOR VALUES IN (1) SERVER away OPTIONS (table_name 'part1');
CREATE TABLE here PARTITION OF divided FOR VALUES IN (2);
INSERT INTO divided SELECT *, 2 FROM rows WHERE i % 3 = 2;
SELECT ecml_train('divided', 'logreg', 'divided', 'y', '{a,b,f,gap}', '{"strategy": "step"}') \g /dev/null
SELECT cmp_ok(apart('divided', 'collect'), '<', 1e-6::float8, 'logreg on shards');
SELECT ecml_train('divided line', 'linreg', 'divided', 'amount', '{a,b,f,gap}', '{"strategy": "step"}') \g /dev/null
SELECT ecml_train('one line', 'linreg', 'rows', 'amount', '{a,b,f,gap}') \g /dev/null
SELECT cmp_ok(apart('divided line', 'one line'), '<', 1e-7::float8, 'linreg on shards');
SELECT ecml_train('divided groups', 'kmeans', 'divided', NULL, '{g,h}', '{"strategy": "step", "k": 4, "tolerance": 0}') \g /dev/null
SELECT ok(pg_temp.close((s.metrics ->> 'inertia')::float8, (c.metrics ->> 'inertia')::float8, 1e-6), 'kmeans on shards')
FROM ecml.models s, ecml.models c WHERE s.name = 'divided groups' AND c.name = 'groups c';
SELECT is((SELECT rows FROM ecml.models WHERE name = 'divided groups'), 20000::bigint, 'of all rows');

-- the leaves are read by themselves only where that shows the same rows to the same roles
CREATE ROLE step_reader;
GRANT SELECT ON divided TO step_reader;
GRANT SELECT ON here TO step_reader;
ALTER TABLE divided ENABLE ROW LEVEL SECURITY;
CREATE POLICY part ON divided TO step_reader USING (shard = 2 AND i % 2 = 0);
SET ROLE step_reader;
SELECT is((t.rows, t.skipped)::text, '(3334,0)', 'row security of the partitioned table holds')
FROM ecml_train('mine', 'linreg', 'divided', 'amount', '{a,b}', '{"strategy": "step"}') t;
RESET ROLE;
ALTER TABLE divided DISABLE ROW LEVEL SECURITY;
SET ROLE step_reader;
SELECT throws_ok($$ SELECT ecml_train('mine', 'linreg', 'SELECT * FROM away0', 'amount', '{a,b}', '{"strategy": "step"}') $$, '42501', NULL,
	'nor do leaves open to whom they are closed');
RESET ROLE;

-- what travels: the plan of a step's query sends the aggregate
CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; result text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		result := result || line || E'\n';
	END LOOP;
	RETURN result;
END $$;
SELECT ok(plan ~ 'Foreign Scan' AND plan ~ 'Remote SQL: SELECT ecml\.(logreg_step|kmeans_step|linreg_partial)\(' AND plan !~ 'Aggregate\n.*->  Foreign', 'the aggregate goes there: ' || name)
FROM (VALUES ('logreg', $$ SELECT ecml.logreg_step('{0,0,0}'::float8[], (s.y = '1'::int)::int4::float8, ARRAY[(s.b - '1e6'::float8) * '2'::float8, s.f::int4::float8])
	FROM away0 AS s WHERE s.b IS NOT NULL AND s.f IS NOT NULL $$),
	('kmeans', $$ SELECT ecml.kmeans_step('{{0,0},{1,1}}'::float8[], ARRAY[s.b, s.gap::float8]) FROM away0 AS s WHERE s.b IS NOT NULL $$),
	('linreg', $$ SELECT ecml.linreg_partial('{}'::jsonb, s.amount::float8, ARRAY[s.b, s.a::float8]) FROM away0 AS s WHERE s.b IS NOT NULL $$)) v (name, query),
	LATERAL plan_of(query) AS plan;

SELECT finish();
