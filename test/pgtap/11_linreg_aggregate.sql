-- The aggregate: the same as training, parallel and merged as whole, by group, in windows; the state as text and as bytes.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(36);
SET LOCAL client_min_messages = error;

CREATE TABLE sales AS SELECT i, i % 3 AS store, (i * 7919 % 1009)::float8 AS price, sin(i) AS season, (ARRAY['a', 'b',
	'c', 'd'])[1 + i * 31 % 37 % 4] AS kind,
	CASE WHEN i % 50 <> 0 THEN (i * 104729 % 97)::float8 END AS stock, i % 5 AS w,
		2 * (i * 7919 % 1009) + 30 * sin(i) + i % 11 AS y FROM generate_series(1, 20000) i;
ANALYZE sales;

-- ---- aggregate and training

SELECT (ecml_train('whole', 'linreg', 'SELECT price, season, kind, stock, y FROM sales', 'y')).version;
SELECT is_empty($$ SELECT pg_temp.different(ecml_load('whole'), ecml_linreg('{}', y, price, season, kind, stock), 1e-12)
	FROM sales $$, 'aggregate and training agree');
SELECT is_empty($$ SELECT key FROM jsonb_each(ecml_model_info('whole') -> 'metrics') t (key, a)
	JOIN (SELECT ecml_model_info(ecml_linreg('{}', y, price, season, kind, stock)) -> 'metrics' AS m FROM sales) s ON true
	WHERE NOT pg_temp.close(a::text::float8, (m ->> key)::float8, 1e-12) $$, 'in their metrics, too');
SELECT is((SELECT ecml_model_info(ecml_linreg('{}', y, price, season, kind, stock)) - 'features' - 'target' - 'metrics'
	FROM sales),
	ecml_model_info('whole') - 'features' - 'target' - 'metrics' - 'name' - 'version', 'and in counts and options');
SELECT is((SELECT array_agg(pg_temp.close(a.estimate, b.estimate, 1e-12) AND pg_temp.close(a.std_error, b.std_error,
	1e-12) AND b.term = c.term)
	FROM ecml_coefficients((SELECT ecml_linreg('{}', y, price, season, stock) FROM sales)) WITH ORDINALITY AS a (term,
		estimate, std_error, s, p, l, h, o, class, i)
	JOIN ecml_coefficients((SELECT ecml_linreg('{}', y, ARRAY[price, season, stock]) FROM sales)) WITH
		ORDINALITY AS b (term, estimate, std_error, s, p, l, h, o, class, i) USING (i)
	JOIN unnest(ARRAY['(intercept)', 'x[1]', 'x[2]', 'x[3]']) WITH ORDINALITY c (term, i) USING (i)), array_fill(true,
		ARRAY[4]), 'the form with an array gives the same');
SELECT is_empty($$ SELECT pg_temp.different(ecml_linreg(y, ARRAY[price, season]), (SELECT ecml_linreg('{}', y,
	ARRAY[price, season]) FROM sales), 0) FROM sales $$, 'the form without options is the one with {}');
SELECT is_empty($$ SELECT pg_temp.different(ecml_linreg(NULL, y, price, season), (SELECT ecml_linreg('{}', y, price,
	season) FROM sales), 0) FROM sales $$, 'options NULL are {}');
SELECT is_empty($$ SELECT pg_temp.different(ecml_linreg('{}', y, price, season) FILTER (WHERE store = 1),
	(SELECT ecml_linreg('{}', y, price, season) FROM sales WHERE store = 1), 0) FROM sales $$,
	'FILTER leaves rows out');
SELECT is_empty($$ SELECT term FROM ecml_coefficients((SELECT ecml_linreg('{}', y, price) FROM sales WHERE false)) $$,
	'a model of no rows is NULL, and has no coefficients');

-- ---- groups and windows

SELECT is((SELECT count(*) FROM (SELECT store, ecml_linreg('{}', y, price, season, kind) AS m FROM sales GROUP BY store) g
	JOIN (VALUES (0), (1), (2)) s (store) USING (store)
	WHERE NOT EXISTS (SELECT pg_temp.different(m, (SELECT ecml_linreg('{}', y, price, season, kind) FROM sales
		WHERE sales.store = g.store), 1e-13))), 3::bigint,
	'GROUP BY: a model a group');
CREATE TABLE groups AS SELECT g, ecml_linreg('{}', 3 * x + g, x) AS m FROM generate_series(1, 5000) g,
	generate_series(1, 4) x GROUP BY g;
SELECT is((SELECT count(*) FROM groups WHERE pg_temp.close(ecml_predict(m, 10), 30 + g, 1e-12)), 5000::bigint,
	'five thousand groups in one statement');
SELECT is((SELECT count(*) FROM (SELECT g, ecml_linreg('{}', 3 * x + g, x) AS m FROM generate_series(1, 5000) g,
	generate_series(1, 4) x GROUP BY g ORDER BY g) s
	JOIN groups USING (g) WHERE s.m::text = groups.m::text), 5000::bigint, 'sorted or hashed, the same bytes');
-- a window: each frame is a regression of its own
SELECT is((SELECT count(*) FROM (SELECT i, ecml_linreg('{}', y, price) OVER (ORDER BY i) AS m FROM sales WHERE i <= 60) w
	WHERE i > 2 AND NOT EXISTS (SELECT pg_temp.different(m, (SELECT ecml_linreg('{}', y, price) FROM sales s WHERE s.i
		<= w.i), 1e-12))), 58::bigint, 'in a growing window');
SELECT is((SELECT count(*) FROM (SELECT i, ecml_linreg('{}', y, price) OVER (ORDER BY i ROWS BETWEEN 9 PRECEDING
	AND CURRENT ROW) AS m FROM sales WHERE i <= 60) w
	WHERE i > 9 AND NOT EXISTS (SELECT pg_temp.different(m, (SELECT ecml_linreg('{}', y, price) FROM sales s
		WHERE s.i BETWEEN w.i - 9 AND w.i), 1e-12))), 51::bigint, 'in a moving window');
SELECT is((SELECT count(*) FROM (SELECT i, ecml_linreg('{"missing": "impute"}', y, price, nullif(i % 4,
	0)) OVER (ORDER BY i) AS m FROM sales WHERE i <= 40) w
	WHERE i > 5 AND NOT EXISTS (SELECT pg_temp.different(m, (SELECT ecml_linreg('{"missing": "impute"}', y, price,
		nullif(i % 4, 0)) FROM sales s WHERE s.i <= w.i), 1e-10))), 35::bigint,
	'in a growing window with NULLs imputed: what was filled for one row does not stay for the next');

-- ---- parallel

CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE
	'EXPLAIN (COSTS OFF) ' || query; END $$;
-- statements of their own: a query with a function that is not parallel safe has no parallel plan
CREATE TABLE serial_plain AS SELECT ecml_linreg('{}', y, price, season, kind) AS m FROM sales;
CREATE TABLE serial_impute AS SELECT ecml_linreg('{"missing": "impute"}', y, price, stock, kind) AS m FROM sales;
CREATE TABLE serial_weights AS SELECT ecml_linreg('{"sample_weight": "x2"}', y, price, w, kind) AS m FROM sales;
CREATE TABLE serial_array AS SELECT ecml_linreg('{}', y, ARRAY[price, season]) AS m FROM sales;
CREATE TABLE serial_groups AS SELECT store, ecml_linreg('{}', y, price, kind) AS m FROM sales GROUP BY store;
CREATE TABLE serial_few AS SELECT ecml_linreg('{}', y, price) AS m FROM sales WHERE i <= 3;
CREATE TABLE serial_ttest AS SELECT ecml_ttest(y, store) FILTER (WHERE store < 2) AS t FROM sales;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL max_parallel_workers = 8;
ALTER TABLE sales SET (parallel_workers = 2);
SELECT ok((SELECT count(*) FROM pg_temp.plan_of('SELECT ecml_linreg(''{}'', y, price, season, kind) FROM sales') p
	WHERE p ~ 'Partial Aggregate|Finalize Aggregate|Parallel Seq Scan') = 3,
	'the plan is parallel: partial aggregates, finalized');
CREATE TABLE parallel_plain AS SELECT ecml_linreg('{}', y, price, season, kind) AS m FROM sales;
CREATE TABLE parallel_impute AS SELECT ecml_linreg('{"missing": "impute"}', y, price, stock, kind) AS m FROM sales;
CREATE TABLE parallel_weights AS SELECT ecml_linreg('{"sample_weight": "x2"}', y, price, w, kind) AS m FROM sales;
CREATE TABLE parallel_array AS SELECT ecml_linreg('{}', y, ARRAY[price, season]) AS m FROM sales;
CREATE TABLE parallel_groups AS SELECT store, ecml_linreg('{}', y, price, kind) AS m FROM sales GROUP BY store;
CREATE TABLE parallel_few AS SELECT ecml_linreg('{}', y, price) AS m FROM sales WHERE i <= 3;
CREATE TABLE parallel_ttest AS SELECT ecml_ttest(y, store) FILTER (WHERE store < 2) AS t FROM sales;
SELECT is_empty(format('SELECT pg_temp.different(s.m, p.m, 1e-12) FROM serial_%s s, parallel_%1$s p', kind),
	'parallel is serial: ' || kind)
FROM unnest(ARRAY['plain', 'impute', 'weights', 'array', 'few']) kind;
SELECT ok(pg_temp.close((s.t).statistic, (p.t).statistic, 1e-12) AND (s.t).n_a = (p.t).n_a AND (s.t).group_b
	= (p.t).group_b, 'parallel is serial: t-test')
FROM serial_ttest s, parallel_ttest p;
SELECT ok((SELECT count(*)
	FROM pg_temp.plan_of('SELECT store, ecml_linreg(''{}'', y, price) FROM sales GROUP BY store') p
	WHERE p ~ 'Partial (Hash|Group)Aggregate') = 1, 'by group, too');
SELECT is((SELECT count(*) FROM serial_groups s JOIN parallel_groups p USING (store)
	WHERE NOT EXISTS (SELECT pg_temp.different(s.m, p.m, 1e-12))), 3::bigint, 'with equal models');
SET LOCAL max_parallel_workers_per_gather = 0;

-- ---- states by hand: as text, as bytes, merged

CREATE TABLE states AS SELECT i % 7 AS part, ecml_linreg_partial('{}', y, ARRAY[price, season, stock]) AS state
	FROM sales GROUP BY 1;
SELECT is_empty($$ SELECT pg_temp.different(ecml_linreg_merge(state), (SELECT ecml_linreg('{}', y, ARRAY[price, season,
	stock]) FROM sales), 1e-12) FROM states $$, 'merged states are the whole');
SELECT is_empty($$ SELECT pg_temp.different(ecml_linreg_merge(state::text::ecml_linreg_state),
	(SELECT ecml_linreg_merge(state) FROM states), 0) FROM states $$, 'a state survives as text');
SELECT is((SELECT count(*) FROM states WHERE state::text::ecml_linreg_state::text = state::text), 7::bigint,
	'and its text is the same again');
SELECT is_empty($$ SELECT pg_temp.different(ecml_linreg_merge(state), (SELECT ecml_linreg_merge(state) FROM states),
	1e-12) FROM (SELECT * FROM states ORDER BY part DESC) s $$, 'the order of merging does not matter');
SELECT is_empty($$ SELECT pg_temp.different(ecml_linreg_merge(s), (SELECT ecml_linreg_merge(state) FROM states), 1e-12)
	FROM (SELECT state AS s FROM states UNION ALL SELECT ecml_linreg_partial('{}', NULL, ARRAY[1, 2, 3])
		UNION ALL SELECT NULL) t $$, 'an empty state and NULL change nothing');
SELECT ok((SELECT ecml_linreg_merge(s) FROM (SELECT ecml_linreg_partial('{}', NULL, ARRAY[1, 2, 3]) AS s) t) IS NULL,
	'no rows at all: NULL');
SELECT ok((SELECT ecml_linreg_partial('{}', y, ARRAY[price]) FROM sales WHERE false) IS NULL, 'no input at all: NULL');
CREATE AGGREGATE pg_temp.resume(ecml_linreg_state) (SFUNC = ecml_linreg_combine, STYPE = ecml_linreg_state);
SELECT throws_like($$ SELECT ecml_linreg_combine(a.state, b.state) FROM states a, states b $$, '%outside an aggregate%',
	'outside an aggregate states are not changed');
SELECT is_empty($$ SELECT pg_temp.different(ecml_linreg_final(pg_temp.resume(state)), (SELECT ecml_linreg_merge(state)
	FROM states), 1e-12) FROM states $$, 'an aggregate of one''s own over states');
SELECT is((SELECT array_agg(round(estimate::numeric, 6)) FROM ecml_coefficients((SELECT ecml_linreg_merge(s)
	FROM unnest(ARRAY[
		(SELECT ecml_linreg_partial('{"alpha": 2}', y, ARRAY[price]) FROM sales WHERE i % 2 = 0),
			(SELECT ecml_linreg_partial('{"alpha": 2}', y, ARRAY[price]) FROM sales WHERE i % 2 = 1)]) s))),
	(SELECT array_agg(round(estimate::numeric, 6)) FROM ecml_coefficients((SELECT ecml_linreg('{"alpha": 2}', y,
		ARRAY[price]) FROM sales))), 'options travel in the state');
SELECT throws_ok($$ SELECT ecml_linreg_merge(s) FROM (SELECT ecml_linreg_partial('{}', 1, ARRAY[1]) AS s
	UNION ALL SELECT ecml_linreg_partial('{}', 1, ARRAY[1, 2])) t $$, '22000', NULL,
	'states of different columns do not merge');
-- bytes lost or changed: an error, or a state, never a crash
CREATE FUNCTION pg_temp.code(state text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM ecml_linreg_final(state::ecml_linreg_state);
	RETURN '00000';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate;
END $$;
SELECT is((SELECT array_agg(DISTINCT pg_temp.code(left(text, (length(text) * k / 41) / 2 * 2))) FROM (SELECT state::text
	FROM states WHERE part = 1) s (text), generate_series(1, 40) k),
	ARRAY['XX001'], 'a state that was cut is refused');
SELECT is((SELECT count(*) FROM (SELECT state::text FROM states WHERE part = 1) s (text), generate_series(1,
	length(text), 3) k
	WHERE pg_temp.code(overlay(text PLACING 'f' FROM k FOR 1)) !~ '^(00000|XX001|22.*|54000)$'), 0::bigint,
		'one that was changed is refused, or read as another');
SELECT * FROM finish();
ROLLBACK;
