-- Logistic regression step by step: the same coefficients as in one place, merged in any way; damaged and odd input.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(15);

CREATE TABLE rows AS SELECT i, (i * 7919 % 1000 < 300 + 40 * (i % 7))::int AS y, (i % 7)::float8 AS a, sin(i) AS b FROM generate_series(1, 20000) i;
CREATE FUNCTION pg_temp.steps(n int) RETURNS ecml_logreg_sums LANGUAGE plpgsql AS $$
DECLARE s ecml_logreg_sums;
BEGIN
	FOR i IN 1 .. n LOOP
		SELECT (t.r).* INTO s FROM (SELECT ecml_logreg_step(s.coefficients, y, ARRAY[a, b]) AS r FROM rows) t;
	END LOOP;
	RETURN s;
END $$;
CREATE TABLE whole AS SELECT (s).* FROM (SELECT pg_temp.steps(7) AS s) t;
CREATE TABLE model AS SELECT row_number() OVER () AS i, c.* FROM ecml_coefficients((SELECT ecml_logreg('{}', y, a, b) FROM rows)) c;
SELECT ok(bool_and(pg_temp.close(estimate, coefficients[i], 1e-9) AND pg_temp.close(std_error, std_errors[i], 1e-7)), 'the steps end where the model is')
FROM model, whole;
SELECT ok(rows = 20000 AND gain < 1e-15 AND abs(gradient[2]) < 1e-7 AND information[1][2] = information[2][1]
	AND array_dims(information) = '[1:3][1:3]', 'sums at the end') FROM whole;
SELECT ok(pg_temp.close((s).log_likelihood, 20000 * ln(0.5), 1e-12), 'NULL is 0') FROM (SELECT pg_temp.steps(1) AS s) t;
CREATE TABLE shards AS SELECT i % 5 AS shard, ecml_logreg_step_partial('{0.1,0.2,0.3}', y, ARRAY[a, b]) AS state FROM rows GROUP BY 1;
CREATE TABLE merged AS SELECT (m).* FROM (SELECT ecml_logreg_step_merge(state) AS m FROM shards) s;
CREATE TABLE once AS SELECT (m).* FROM (SELECT ecml_logreg_step('{0.1,0.2,0.3}', y, ARRAY[a, b]) AS m FROM rows) s;
SELECT ok(pg_temp.close(m.log_likelihood, o.log_likelihood, 1e-12) AND pg_temp.close(m.coefficients[3], o.coefficients[3], 1e-9)
	AND m.rows = o.rows, 'states of shards merge') FROM merged m, once o;
SELECT is((SELECT (ecml_logreg_step_merge(state::text::ecml_logreg_step_state)).log_likelihood FROM shards), (SELECT log_likelihood FROM merged), 'as text too');
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SELECT ok(pg_temp.close((m).log_likelihood, (SELECT log_likelihood FROM once), 1e-12), 'parallel workers')
FROM (SELECT ecml_logreg_step('{0.1,0.2,0.3}', y, ARRAY[a, b]) AS m FROM rows) s;
SELECT is((SELECT ecml_logreg_step(NULL, y, ARRAY[a]) IS NULL FROM rows WHERE false), true, 'NULL without rows');
SELECT is((SELECT (ecml_logreg_step(NULL, v.y, v.x)).rows FROM (VALUES (1, '{1}'::float8[]), (0, '{2}'), (NULL, '{2}'), (1, NULL), (1, '{NULL}')) v (y, x)),
	2::float8, 'rows with a NULL are left out');
SELECT is((SELECT (ecml_logreg_step(NULL, y, ARRAY[a, 2 * a, b])).std_errors[3] FROM rows), NULL, 'a dependent feature has no standard error');
SELECT throws_ok($$ SELECT ecml_logreg_step(NULL, 2, ARRAY[a]) FROM rows $$, '22000', 'the target of a step must be 0 or 1');
SELECT throws_ok($$ SELECT ecml_logreg_step('{1}', y, ARRAY[a]) FROM rows $$, '22023', NULL, 'too few coefficients');
SELECT throws_ok($$ SELECT ecml_logreg_step(NULL, y, CASE WHEN i > 9 THEN ARRAY[a] ELSE ARRAY[a, b] END) FROM rows $$, '22000',
	'rows have different numbers of features');
SELECT throws_ok($$ SELECT ecml_logreg_step(NULL, y, ARRAY['NaN'::float8]) FROM rows $$, '22000', NULL, 'NaN');
SELECT throws_ok($$ SELECT ecml_logreg_step_merge(s) FROM (SELECT state FROM shards UNION ALL
	SELECT ecml_logreg_step_partial('{0,0,0}', y, ARRAY[a, b]) FROM rows) t (s) $$, '22000', 'sums of different steps cannot be merged');
SELECT throws_ok($$ SELECT '01ff'::ecml_logreg_step_state $$, 'XX001', NULL, 'damaged text');

SELECT * FROM finish();
ROLLBACK;
