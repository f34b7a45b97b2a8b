-- Transactions: what a rollback leaves, savepoints, read-only transactions, loops that train and predict in turn, prepared
-- statements, cursors, parallel workers.
\i ../lib/pgtap.sql
SELECT plan(33);
CREATE TABLE points AS SELECT i::float8 AS x, i * 2.0 AS y FROM generate_series(1, 20) i;
CREATE FUNCTION train(slope float8) RETURNS int LANGUAGE sql AS
$$ SELECT version FROM ecml_train('line', 'linreg', format('SELECT x, %s * x AS y FROM points', slope), 'y') $$;
CREATE FUNCTION predicted() RETURNS numeric LANGUAGE sql STABLE AS $$ SELECT round(ecml_predict('line',
	1::float8)::numeric, 6) $$;

-- ---- rollback

BEGIN;
SELECT train(2) AS version \gset
SELECT is(:version, 1, 'a model in a transaction');
ROLLBACK;
SELECT is((SELECT count(*) FROM ecml.models), 0::bigint, 'is gone with it');
SELECT throws_ok($$ SELECT predicted() $$, '42704', 'model "line" does not exist', 'and does not predict');
SELECT is(train(2), 1, 'nor is its number taken');
BEGIN;
SELECT train(5);
SELECT is(predicted(), 5.000000, 'in its transaction the new version predicts');
ROLLBACK;
SELECT is(predicted(), 2.000000, 'after a rollback the one before, though the new one was in the cache');
BEGIN;
SELECT ecml_drop_model('line');
SELECT throws_ok($$ SELECT predicted() $$, '42704', NULL, 'dropped');
ROLLBACK;
SELECT is(predicted(), 2.000000, 'dropped no more');
-- a training that fails leaves nothing
SELECT throws_ok($$ SELECT ecml_train('line', 'linreg',
	'SELECT x, CASE WHEN x = 20 THEN ''NaN'' ELSE y END AS y FROM points', 'y') $$, '22000', NULL, 'a training that fails');
SELECT is((SELECT array_agg(version) FROM ecml.models), ARRAY[1], 'stores nothing');
SELECT throws_ok($$ SELECT ecml_train('line', 'linreg', 'SELECT x, 1 / (x - 20) AS y FROM points', 'y') $$, '22012',
	NULL, 'a source that fails');
SELECT is(predicted(), 2.000000, 'leaves the model as it was');

-- ---- savepoints

BEGIN;
SAVEPOINT a;
SELECT train(7);
SELECT is(predicted(), 7.000000, 'a version after a savepoint');
ROLLBACK TO a;
SELECT is(predicted(), 2.000000, 'is undone by rolling back to it');
SELECT train(9);
RELEASE a;
SELECT is(predicted(), 9.000000, 'another one takes its place');
COMMIT;
SELECT is((SELECT array_agg((version, active)::text ORDER BY version) FROM ecml.models), ARRAY['(1,f)', '(2,t)'],
	'and stays');
CREATE FUNCTION trials() RETURNS numeric[] LANGUAGE plpgsql AS $$
DECLARE
	seen numeric[];
BEGIN
	seen := seen || round(ecml_predict('line', 1::float8)::numeric, 6);
	BEGIN
		PERFORM train(11);
		seen := seen || round(ecml_predict('line', 1::float8)::numeric, 6);
		RAISE 'undo';
	EXCEPTION WHEN raise_exception THEN
		seen := seen || round(ecml_predict('line', 1::float8)::numeric, 6);
	END;
	RETURN seen;
END $$;
SELECT is(trials(), ARRAY[9.000000, 11.000000, 9.000000], 'so does an exception block in a function');

-- ---- a loop that trains and predicts in turn

CREATE FUNCTION turns() RETURNS numeric[] LANGUAGE plpgsql AS $$
DECLARE
	seen numeric[];
BEGIN
	FOR k IN 1..10 LOOP
		PERFORM train(k);
		seen := seen || round(ecml_predict('line', 1::float8)::numeric, 6);
	END LOOP;
	FOR k IN 1..3 LOOP
		PERFORM ecml_activate('line', 2 + k);
		seen := seen || round(ecml_predict('line', 1::float8)::numeric, 6);
	END LOOP;
	RETURN seen;
END $$;
SELECT is(turns(), ARRAY(SELECT k::numeric(10, 6) FROM unnest('{1,2,3,4,5,6,7,8,9,10,1,2,3}'::int[]) WITH
	ORDINALITY u (k, i) ORDER BY i), 'each turn sees its own model');
SELECT is((SELECT array_agg(ecml_predict('line', x)) FROM points, LATERAL (SELECT 1 WHERE x <= 2) s),
	(SELECT array_agg(3 * x) FROM points WHERE x <= 2), 'the last one activated stays');
-- one statement sees one version, as of its beginning
SELECT is((SELECT count(DISTINCT p) FROM (SELECT train(100 + x) AS v, ecml_predict('line', 1::float8) AS p FROM points
	WHERE x <= 3 OFFSET 0) s WHERE v > 0), 1::bigint, 'one statement predicts by one version');
SELECT is(predicted(), 103.000000, 'the next one by the newest');

-- ---- prepared statements and cursors

PREPARE ask(float8) AS SELECT round(ecml_predict('line', $1)::numeric, 6);
CREATE FUNCTION asked(x float8) RETURNS numeric LANGUAGE plpgsql AS $$ DECLARE r numeric; BEGIN EXECUTE
	format('EXECUTE ask(%s)', x) INTO r; RETURN r; END $$;
SELECT is(ARRAY(SELECT asked(1) FROM generate_series(1, 7)), array_fill(103.000000, ARRAY[7]),
	'a prepared statement predicts, planned anew or not');
SELECT train(4);
SELECT is(asked(1), 4.000000, 'and follows the model');
PREPARE any_model(text, float8) AS SELECT round(ecml_predict($1, $2)::numeric, 6);
SELECT ecml_save('other', ecml_linreg('{}', 3 * x, x)) FROM points;
CREATE FUNCTION asked(name text,
	x float8) RETURNS numeric LANGUAGE plpgsql AS $$ DECLARE r numeric; BEGIN EXECUTE
	format('EXECUTE any_model(%L, %s)', name, x) INTO r; RETURN r; END $$;
SET plan_cache_mode = force_generic_plan;
SELECT is(ARRAY[asked('line', 1), asked('other', 1), asked('line', 1)], ARRAY[4.000000, 3.000000, 4.000000],
	'the model may be a parameter');
RESET plan_cache_mode;
BEGIN;
DECLARE c CURSOR FOR SELECT round(ecml_predict('line', x)::numeric) FROM points ORDER BY x;
FETCH 1 FROM c;
SELECT train(50);
FETCH 1 FROM c \gset cursor_
SELECT is(:cursor_round, 8, 'a cursor goes on with the version that it began with');
ROLLBACK;

-- ---- read-only

BEGIN READ ONLY;
SELECT is(predicted(), 4.000000, 'a read-only transaction predicts');
SELECT isnt_empty($$ SELECT * FROM ecml_coefficients('line') $$, 'looks at a model');
SELECT isnt(ecml_evaluate('line', 'points'), NULL, 'and evaluates');
SELECT throws_ok($$ SELECT train(1) $$, '25006', NULL, 'but does not train') ;
SELECT throws_ok($$ SELECT ecml_drop_model('line') $$, '25006', NULL, 'or drop');
SELECT is(ecml_predict(m, 2::float8) > 0, true, 'an aggregate needs no writing') FROM (SELECT ecml_linreg('{}', y,
	x) AS m FROM points) s;
ROLLBACK;

-- ---- parallel workers

CREATE TABLE many AS SELECT i::float8 AS a, (i % 100)::int AS b, 'k' || i % 5 AS c FROM generate_series(1, 100000) i;
ANALYZE many;
SELECT (ecml_train('wide', 'linreg', 'SELECT a, b, c, a + 2 * b + length(c) AS y FROM many', 'y')).rows;
SELECT (ecml_train('parts', 'kmeans', 'SELECT a, b FROM many', NULL, NULL, '{"k": 4, "n_init": 1}')).rows;
SET max_parallel_workers_per_gather = 0;
SELECT sum(ecml_predict('wide', a, b, c)) AS wide, sum(ecml_predict('parts', a, b)) AS parts,
	max(length(ecml_classify('parts', a, b))) AS class FROM many \gset serial_
CREATE TABLE serial AS SELECT sum(ecml_predict(body, a, b, c)) AS wide FROM many, (SELECT ecml_load('wide') AS body) m;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE
	'EXPLAIN (COSTS OFF) ' || query; END $$;
SELECT ok((SELECT count(*) FROM plan_of('SELECT sum(ecml_predict(''wide'', a, b, c)) FROM many') p
	WHERE p ~ 'Partial Aggregate|Parallel Seq Scan') = 2, 'predict is planned for workers');
SELECT sum(ecml_predict('wide', a, b, c)) AS wide, sum(ecml_predict('parts', a, b)) AS parts,
	max(length(ecml_classify('parts', a, b))) AS class FROM many \gset parallel_
RESET max_parallel_workers_per_gather;
SELECT ok(pg_temp.close(:serial_wide, :parallel_wide, 1e-12) AND :serial_parts = :parallel_parts AND :serial_class
	= :parallel_class, 'which give what one process gives');

SELECT * FROM finish();
