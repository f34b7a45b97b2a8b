-- One test for each bug that was found by reading.
BEGIN;
SELECT plan(26);

CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query; END $$;

-- categories that stand only in rows that are left out
SELECT lives_ok($$ SELECT ecml_linreg('{"missing":"impute"}', y, t, x)
	FROM (VALUES (NULL::float8, 'a'::text, 1.0::float8), (1, NULL, 2), (2, NULL, 5), (3, NULL, 6)) AS v (y, t, x) $$,
	'a column of which no category is learnt from can be imputed');
SELECT is(array_agg(term ORDER BY term), '{(intercept),x1=c,x2}', 'a category of left-out rows is no reference')
FROM (SELECT ecml_linreg('{}', y, g, x) AS m
	FROM (VALUES (1::float8, 'b'::text, 1::float8), (2, 'b', 2.5), (4, 'c', 3), (7, 'c', 5), (9, 'c', 6), (NULL, 'a', 1)) AS v (y, g, x)) s,
	LATERAL ecml_coefficients(m)
WHERE estimate IS NOT NULL;
SELECT is(jsonb_array_length(ecml_model_info(ecml_kmeans('{"k": 1}', g, x)) -> 'features' -> 0 -> 'categories'), 2,
	'collected rows: categories of left-out rows are not kept')
FROM (VALUES ('a'::text, NULL::float8), ('b', 1), ('c', 2)) AS v (g, x);

-- states of different trainings
CREATE TEMP TABLE shards AS
SELECT i % 2 + 1 AS g, i::float8 AS y, ARRAY[1 + i % 3, i % 7, i % 5]::float8[] AS x FROM generate_series(1, 40) AS i;
SELECT throws_ok($$ SELECT ecml_linreg_merge(s) FROM (SELECT ecml_linreg_partial(
	('{"sample_weight":"x[' || g || ']"}')::jsonb, y, x) AS s FROM shards GROUP BY g) t $$, '22000', NULL,
	'states with other weights do not merge');
SELECT throws_ok($$ SELECT ecml_linreg_merge(s) FROM (SELECT ecml_linreg_partial(
	('{"alpha":' || g || '}')::jsonb, y, x) AS s FROM shards GROUP BY g) t $$, '22000', NULL,
	'states with other options do not merge');
SELECT is((SELECT count(*)::int FROM (SELECT ecml_linreg_merge(s::text::ecml_linreg_state) AS m FROM (SELECT ecml_linreg_partial(
	'{"sample_weight":"x[1]"}', CASE WHEN g = 2 THEN y END, x) AS s FROM shards GROUP BY g) t) u, LATERAL ecml_coefficients(m)), 3,
	'a state without usable rows merges');
SELECT throws_ok($$ SELECT ecml_ttest_1samp(x, g) FROM (VALUES (1, 0), (2, 5)) AS v (x, g) $$, '22023', NULL,
	'one hypothetical mean for all rows');

-- digits of values far from 0
CREATE TEMP TABLE far AS SELECT 1e9 + i % 100 AS x FROM generate_series(1, 10000) AS i;
SELECT cmp_ok((ecml_model_info(ecml_kmeans('{"k": 3, "standardize": false}', x)) #>> '{metrics,inertia}')::float8, '<', 930000.0::float8,
	'an offset of all values costs no digits (not standardised)') FROM far;
SELECT cmp_ok((ecml_model_info(ecml_kmeans('{"k": 3, "standardize": false}', x)) #>> '{metrics,inertia}')::float8, '>', 920000.0::float8,
	'an offset of all values costs no digits (not 0)') FROM far;
SELECT is(round((SELECT min(centroid[1]) FROM ecml_centroids(m))::numeric), 25::numeric, 'nor does an outlier in the first row')
FROM (SELECT ecml_kmeans('{"k": 3, "standardize": false}', x) AS m
	FROM (SELECT 1e9::float8 AS x UNION ALL SELECT i % 100 FROM generate_series(1, 20000) AS i) t) u;
SELECT lives_ok($$ SELECT ecml_kmeans('{"k": 5, "missing": "impute"}', x)
	FROM (SELECT NULL::float8 AS x UNION ALL SELECT 1e9 + i % 100 FROM generate_series(1, 1000) AS i) t $$,
	'nor a NULL there');

-- values that floats cannot hold
SELECT throws_ok($$ SELECT ecml_train('f', 'kmeans', 'SELECT x FROM (VALUES (0), (2e200), (5e200), (7e200)) v (x)',
	options => '{"k": 2, "standardize": false}') $$, '22000', NULL, 'a value beyond single precision is an error');
SELECT throws_ok($$ SELECT ecml_train('f', 'kmeans', 'SELECT x FROM (VALUES (0), (2e30), (5e30), (7e30)) v (x)',
	options => '{"k": 2, "standardize": false}') $$, '22000', NULL, 'so is one whose square is');
SELECT lives_ok($$ SELECT ecml_train('f', 'kmeans', 'SELECT x FROM (VALUES (0), (2e30), (5e30), (7e30)) v (x)',
	options => '{"k": 2}') $$, 'standardised it can be used');

-- names and counts
SELECT throws_ok($$ SELECT ecml_train('twice', 'linreg', 'SELECT i AS y, i AS x, i * i AS x FROM generate_series(1, 9) AS i', 'y') $$,
	'22023', NULL, 'two columns of one name are an error');
CREATE TEMP TABLE cv AS SELECT i::float8 AS y, CASE WHEN i % 2 = 0 THEN (i * 7 % 11)::float8 END AS x FROM generate_series(1, 100) AS i;
SELECT is(v ->> 'rows' || '/' || (v ->> 'skipped'), '50/50', 'cross validation counts rows as training does')
FROM ecml_cross_validate('linreg', 'cv', 'y') AS v;
SELECT throws_ok($$ SELECT ecml_cross_validate('linreg', 'SELECT y, y * y AS x, -1 AS w FROM cv', 'y', options => '{"weights": "w"}') $$,
	'22000', NULL, 'and refuses the same weights');
SELECT throws_ok($$ SELECT ecml_train('constant', 'linreg', 'SELECT 1 AS y, x FROM cv', 'y') $$, '22000', NULL,
	'a constant target is an error');

-- prediction
SELECT is(ecml_predict(ecml_kmeans('{"k": 1}', x), 'NaN'::float8), NULL, 'NaN has no cluster') FROM far;
SELECT throws_ok($$ SELECT ecml_kmeans('{"k": 1}', i::text) FROM generate_series(1, 70000) AS i $$, '54000', NULL,
	'a column of identifiers is an error that names the limit');

-- a window fits for every row, and keeps nothing
SET LOCAL ecml.work_mem = '1MB';
SELECT is(count(m)::int, 20000, 'a window of 20,000 fits keeps to the memory of one')
FROM (SELECT ecml_linreg('{}', y, x) OVER (ORDER BY i) AS m
	FROM (SELECT i, (i * 7 % 13)::float8 AS y, (i * 5 % 11)::float8 AS x FROM generate_series(1, 20000) AS i) t) u;
RESET ecml.work_mem;

-- spilled rows with a text column that is one-hot encoded
SET LOCAL ecml.work_mem = '20MB';
SELECT is((ecml_model_info(ecml_kmeans('{"k": 3, "n_init": 1}', t, x)) ->> 'rows')::int, 2000000, 'spilled rows are expanded in full')
FROM (SELECT 'c' || i % 19 AS t, (i::bigint * 7919 % 10007)::float8 AS x FROM generate_series(1, 2000000) AS i) s;
RESET ecml.work_mem;

-- linear regression by name reads its source with parallel workers, and gives what one process gives
CREATE TABLE "Wide Rows" AS SELECT (i * 7 % 1000)::numeric / 10 AS "target 'y'", i % 13 AS a, (i * 31 % 97)::float8 AS "b ""c""",
	CASE WHEN i % 50 > 0 THEN (i % 17)::real END AS d, (1 + i % 3)::int2 AS w FROM generate_series(1, 60000) AS i;
ANALYZE "Wide Rows";
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SELECT matches(string_agg(line, E'\n'), 'Partial Aggregate', 'the aggregate that ecml_train uses runs in workers')
FROM pg_temp.plan_of($$ SELECT ecml.linreg_rows('{y,a}', '{}', "target 'y'", a) FROM "Wide Rows" $$) AS line;
SELECT (ecml_train('wide', 'linreg', '"Wide Rows"', $$target 'y'$$, options => '{"missing": "impute", "sample_weight": "w"}')).rows AS parallel_rows \gset
CREATE TEMP TABLE in_parallel AS SELECT * FROM ecml_coefficients('wide');
SET LOCAL max_parallel_workers_per_gather = 0;
SELECT (ecml_train('wide', 'linreg', '"Wide Rows"', $$target 'y'$$, options => '{"missing": "impute", "sample_weight": "w"}')).rows AS serial_rows \gset
SELECT is(:parallel_rows, :serial_rows, 'parallel training uses the same rows');
SELECT is(count(*)::int, 4, 'and gives the same coefficients and errors')
FROM in_parallel p JOIN ecml_coefficients('wide') s USING (term)
WHERE abs(p.estimate - s.estimate) <= 1e-13 * abs(s.estimate) AND abs(p.std_error - s.std_error) <= 1e-13 * s.std_error;
RESET max_parallel_workers_per_gather;

-- retraining runs with the rights of the owner
CREATE ROLE ecml_test_owner;
GRANT CREATE, USAGE ON SCHEMA public TO ecml_test_owner;
CREATE TABLE seen (who text);
GRANT ALL ON seen TO PUBLIC;
SET ROLE ecml_test_owner;
CREATE FUNCTION whoami() RETURNS float8 LANGUAGE plpgsql AS $$ BEGIN
	IF current_user <> 'ecml_test_owner' THEN RAISE EXCEPTION 'runs as %', current_user; END IF; RETURN random(); END $$;
CREATE VIEW trap AS SELECT i::float8 AS y, whoami() AS x FROM generate_series(1, 20) AS i;
SELECT ecml_train('trap', 'linreg', 'public.trap', 'y') IS NOT NULL;
RESET ROLE;
SELECT lives_ok($$ SELECT ecml_retrain('trap') $$, 'retraining another role''s model does not run its code as oneself');

SELECT * FROM finish();
ROLLBACK;
