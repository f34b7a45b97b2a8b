-- t-tests against SciPy (test/data/make_ttest.py): each kind, alternative and level; groups of any type; tiny p; merging.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(53);

CREATE TABLE lines (line text);
\copy lines FROM '../data/ttest.tsv' WITH (DELIMITER '|')
CREATE TABLE reference AS
SELECT row_number() OVER () AS id, v[1] AS test, v[2] AS alternative, v[3]::float8 AS level, v[4]::float8 AS mu,
	CASE v[5] WHEN '-' THEN '{}' ELSE string_to_array(v[5], ',')::float8[] END AS a, CASE v[6] WHEN '-' THEN '{}'
		ELSE string_to_array(v[6], ',')::float8[] END AS b,
	nullif(v[7]::float8, 'NaN') AS statistic, nullif(v[8]::float8, 'NaN') AS df, nullif(v[9]::float8, 'NaN') AS p_value,
		nullif(v[10]::float8, 'NaN') AS ci_low, nullif(v[11]::float8, 'NaN') AS ci_high
FROM (SELECT string_to_array(line, E'\t') AS v FROM lines WHERE line NOT LIKE '#%') s;
CREATE FUNCTION pg_temp.run(r reference) RETURNS ecml_ttest_result LANGUAGE sql AS $$
	SELECT CASE r.test WHEN 'rel' THEN (SELECT ecml_ttest_paired(x, y, o) FROM unnest(r.a, r.b) u (x, y))
		WHEN '1samp' THEN (SELECT ecml_ttest_1samp(x, r.mu, o) FROM unnest(r.a) x)
		ELSE (SELECT ecml_ttest(x, g, o || jsonb_build_object('equal_var', r.test = 'student'))
			FROM (SELECT unnest(r.a) AS x, 'a' AS g UNION ALL SELECT unnest(r.b), 'b') s) END
	FROM (SELECT jsonb_build_object('alternative', r.alternative, 'level', r.level) AS o) o $$;
CREATE TABLE found AS SELECT r.id, r.test, (pg_temp.run(r)).* FROM reference r
	-- a group that is empty is unknown to the aggregate, and two empty ones give no row: not SciPy's question
	WHERE cardinality(a) > 0 AND (cardinality(b) > 0 OR test = '1samp');
SELECT ok(count(*) > 100, 'references were read') FROM found;
SELECT is(array_agg(r.id) FILTER (WHERE abs(f.statistic) < 1e300 AND NOT pg_temp.close(f.statistic, r.statistic,
	1e-12)), NULL, r.test || ': statistic to 1e-12')
FROM found f JOIN reference r USING (id) GROUP BY r.test ORDER BY r.test;
SELECT is(array_agg(r.id) FILTER (WHERE f.p_value IS NOT NULL AND NOT pg_temp.close(f.p_value, r.p_value, 1e-10)), NULL,
	r.test || ': p to 1e-10 of itself')
FROM found f JOIN reference r USING (id) GROUP BY r.test ORDER BY r.test;
SELECT is(array_agg(r.id) FILTER (WHERE f.df IS NOT NULL AND NOT pg_temp.close(f.df, r.df, 1e-12)), NULL, r.test
	|| ': degrees of freedom')
FROM found f JOIN reference r USING (id) GROUP BY r.test ORDER BY r.test;
-- (of no variance at all SciPy has no open bound)
SELECT is(array_agg(r.id) FILTER (WHERE f.p_value IS NOT NULL AND NOT ((r.ci_low IS NULL OR pg_temp.close(f.ci_low,
	r.ci_low, 1e-9)) AND (r.ci_high IS NULL OR pg_temp.close(f.ci_high, r.ci_high, 1e-9)))), NULL, r.test || ': interval')
FROM found f JOIN reference r USING (id) GROUP BY r.test ORDER BY r.test;
SELECT is(array_agg(id) FILTER (WHERE (f.p_value IS NULL) IS DISTINCT FROM (r.p_value IS NULL)), NULL,
	'p is undefined where SciPy''s is') FROM found f JOIN reference r USING (id);
SELECT ok(count(*) >= 3, 'p far below 1e-200 is among them') FROM found WHERE p_value BETWEEN 1e-320 AND 1e-200;
SELECT is(array_agg(DISTINCT method ORDER BY method), ARRAY['Student''s t-test', 'Welch''s t-test', 'one-sample t-test',
	'paired t-test'], 'methods are named') FROM found;

-- ---- what the result says beside the test

CREATE TABLE trial AS SELECT i, (ARRAY['control', 'treatment'])[1 + i % 2] AS variant,
	100 + 10 * sin(i * 1.3) + i % 2 * 3 AS revenue, 100 + 9 * sin(i * 1.3 + 0.2) AS before,
	CASE WHEN i % 20 = 0 THEN NULL ELSE i END AS holes FROM generate_series(1, 500) i;
CREATE TYPE arm AS ENUM ('treatment', 'control');
SELECT ok(pg_temp.close(t.mean_a, avg(revenue) FILTER (WHERE variant = 'control'), 1e-12) AND pg_temp.close(t.mean_b,
	avg(revenue) FILTER (WHERE variant = 'treatment'), 1e-12)
	AND pg_temp.close(t.difference, t.mean_a - t.mean_b, 1e-12) AND t.n_a = 250 AND t.n_b = 250 AND t.group_a
		= 'control' AND t.group_b = 'treatment', 'means, sizes and names of the groups')
FROM trial, (SELECT (ecml_ttest(revenue, variant)).* FROM trial) t
GROUP BY t.mean_a, t.mean_b, t.difference, t.n_a, t.n_b, t.group_a, t.group_b;
SELECT ok(pg_temp.close((t).effect_size, (t).difference / sqrt((249 * v0 + 249 * v1) / 498), 1e-10),
	'the effect size is Cohen''s d')
FROM (SELECT ecml_ttest(revenue, variant) AS t, var_samp(revenue) FILTER (WHERE variant = 'control') AS v0,
	var_samp(revenue) FILTER (WHERE variant = 'treatment') AS v1 FROM trial) s;
SELECT is((ecml_ttest(revenue, variant)).method, 'Welch''s t-test', 'Welch is the default') FROM trial;
SELECT is(ecml_ttest(revenue, variant)::text, ecml_ttest(revenue, variant, '{}')::text, 'options {} are the defaults')
	FROM trial;
SELECT is(ecml_ttest(revenue, variant)::text, ecml_ttest(revenue, variant, NULL)::text, 'and so is NULL') FROM trial;
SELECT ok((ecml_ttest(revenue, variant)).p_value < 0.05 AND (ecml_ttest(revenue, variant)).ci_high < 0,
	'the shift is found') FROM trial;
SELECT is(p.a, p.b, 'the pair of one-sided p adds up to 1')
FROM (SELECT 1.0::numeric AS b, round(((ecml_ttest(revenue, variant,
	'{"alternative": "less"}')).p_value + (ecml_ttest(revenue, variant,
	'{"alternative": "greater"}')).p_value)::numeric, 10) AS a FROM trial) p;
SELECT ok((ecml_ttest(revenue, variant, '{"alternative": "less"}')).ci_low = '-Infinity' AND (ecml_ttest(revenue,
	variant, '{"alternative": "greater"}')).ci_high = 'Infinity',
	'the interval of a one-sided test is open') FROM trial;

-- ---- groups of any type, in any order of rows

CREATE FUNCTION pg_temp.labels(r ecml_ttest_result) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(',', (r).group_a,
	(r).group_b, round((r).statistic::numeric, 9)) $$;
CREATE FUNCTION pg_temp.expect(first text, second text, sign int) RETURNS text LANGUAGE sql AS
$$ SELECT concat_ws(',', first, second, round((sign * (ecml_ttest(revenue, variant)).statistic)::numeric, 9)) FROM trial $$;
SELECT is(pg_temp.labels(ecml_ttest(revenue, variant::varchar)), pg_temp.expect('control', 'treatment', 1),
	'groups as varchar') FROM trial;
SELECT is(pg_temp.labels(ecml_ttest(revenue, variant::char(20))), pg_temp.expect('control', 'treatment', 1),
	'groups as char(n), less the padding') FROM trial;
SELECT is(pg_temp.labels(ecml_ttest(revenue, variant::name)), pg_temp.expect('control', 'treatment', 1),
	'groups as name') FROM trial;
SELECT is(pg_temp.labels(ecml_ttest(revenue, variant::arm)), pg_temp.expect('control', 'treatment', 1),
	'groups as enum, in the order of their names') FROM trial;
SELECT is(pg_temp.labels(ecml_ttest(revenue, i % 2)), pg_temp.expect('0', '1', 1), 'groups as int') FROM trial;
SELECT is(pg_temp.labels(ecml_ttest(revenue, (i % 2)::bigint - 1)), pg_temp.expect('-1', '0', 1), 'groups as bigint')
	FROM trial;
SELECT is(pg_temp.labels(ecml_ttest(revenue, 2 + i % 2 * 8)), pg_temp.expect('10', '2', -1),
	'numbers stand in the order of their texts') FROM trial;
SELECT is(pg_temp.labels(ecml_ttest(revenue, i % 2 = 1)), pg_temp.expect('false', 'true', 1), 'groups as boolean') FROM trial;
SELECT is(pg_temp.labels(ecml_ttest(revenue, date '2024-01-01' + i % 2)), pg_temp.expect('2024-01-01', '2024-01-02', 1),
	'groups as date') FROM trial;
SELECT is(pg_temp.labels(ecml_ttest(revenue, i % 2 / 2.0)), pg_temp.expect('0.00000000000000000000',
	'0.50000000000000000000', 1), 'groups as numeric') FROM trial;
SELECT is(pg_temp.labels(ecml_ttest(revenue, jsonb_build_object('v', i % 2))), pg_temp.expect('{"v": 0}', '{"v": 1}',
	1), 'groups as jsonb') FROM trial;
SELECT is(pg_temp.labels(ecml_ttest(revenue, variant)), pg_temp.expect('control', 'treatment', 1),
	'rows in another order') FROM (SELECT * FROM trial ORDER BY variant DESC, i DESC) t;
SELECT is((SELECT (ecml_ttest(revenue, variant)).n_a + (ecml_ttest(nullif(revenue, revenue), variant)).n_a FROM trial),
	250::bigint, 'a value that is NULL counts for nothing');
SELECT is((ecml_ttest(holes, variant)).n_a, 225::bigint, 'rows with NULL are left out') FROM trial;
SELECT is((SELECT count(*) FROM (SELECT i % 10 / 2 AS day, (ecml_ttest(revenue, variant)).n_a AS n FROM trial
	GROUP BY 1) s WHERE n = 50), 5::bigint, 'by group');
SELECT is((ecml_ttest_paired(revenue, before)).group_a, NULL, 'a paired test has no groups') FROM trial;
SELECT ok(pg_temp.close((ecml_ttest_paired(revenue, before)).statistic, (ecml_ttest_1samp(revenue - before,
	0)).statistic, 1e-12), 'a paired test is that of the differences') FROM trial;

-- ---- merging: a state of each part, with groups met in another order

CREATE TABLE shards AS SELECT i % 9 AS shard, revenue, variant FROM trial;
CREATE AGGREGATE pg_temp.part(float8, text) (SFUNC = ecml_ttest_transition, STYPE = ecml_ttest_state);
CREATE AGGREGATE pg_temp.whole(ecml_ttest_state) (SFUNC = ecml_ttest_combine, STYPE = ecml_ttest_state, FINALFUNC
	= ecml_ttest_final);
SELECT is(pg_temp.labels(pg_temp.whole(s)), pg_temp.expect('control', 'treatment', 1), 'states of parts, merged')
FROM (SELECT pg_temp.part(revenue, variant ORDER BY CASE WHEN shard % 2 = 0 THEN variant END, variant DESC) AS s
	FROM shards GROUP BY shard) p;
SELECT is(pg_temp.labels(pg_temp.whole(s::text::ecml_ttest_state)), pg_temp.expect('control', 'treatment', 1),
	'by way of text')
FROM (SELECT pg_temp.part(revenue, variant) AS s FROM shards GROUP BY shard) p;
SELECT is(pg_temp.labels(pg_temp.whole(s)), pg_temp.expect('control', 'treatment', 1),
	'parts that have one group only, or none')
FROM (SELECT pg_temp.part(revenue, variant) AS s FROM shards GROUP BY variant UNION ALL SELECT pg_temp.part(NULL, 'x')
	UNION ALL SELECT NULL) p;
SELECT throws_ok($$ SELECT pg_temp.whole(s) FROM (SELECT pg_temp.part(1, 'a') AS s UNION ALL SELECT pg_temp.part(1, 'b')
	UNION ALL SELECT pg_temp.part(1, 'c')) p $$, '22000',
	'a t-test compares two groups, and there are more', 'a third group is found when states meet');

-- numeric values: the form that is chosen by type
CREATE TEMP TABLE money AS SELECT i, (i % 7 + 0.1)::numeric AS a, (i * 3 % 11 + 0.25)::numeric(10, 2) AS b,
	(ARRAY['x', 'y'])[1 + i % 2]::varchar(3) AS grp FROM generate_series(1, 200) i;
SELECT ok(pg_temp.close((ecml_ttest(a, grp)).statistic, (ecml_ttest(a::float8, grp)).statistic, 1e-13)
	AND pg_temp.close((ecml_ttest(a, grp::text)).p_value, (ecml_ttest(a::float8, i % 2)).p_value, 1e-12)
	AND pg_temp.close((ecml_ttest(a, i % 2, '{"equal_var": true}')).df, 198), 'two groups of numeric values') FROM money;
SELECT ok(pg_temp.close((ecml_ttest_paired(a, b)).statistic, (ecml_ttest_paired(a::float8, b::float8)).statistic, 1e-12)
	AND pg_temp.close((ecml_ttest_paired(a, b, '{"level": 0.9}')).ci_low,
		(ecml_ttest_paired(a::float8, b::float8, '{"level": 0.9}')).ci_low, 1e-12), 'pairs of numeric values') FROM money;
SELECT ok(pg_temp.close((ecml_ttest_1samp(a, 3)).statistic, (ecml_ttest_1samp(a::float8, 3)).statistic, 1e-12)
	AND pg_temp.close((ecml_ttest_1samp(i, 3)).mean_a, 100.5)
	AND pg_temp.close((ecml_ttest_1samp(a, 2.5, '{"alternative": "less"}')).p_value,
		(ecml_ttest_1samp(a::float8, 2.5, '{"alternative": "less"}')).p_value, 1e-12), 'one sample of numeric values') FROM money;
SELECT throws_ok($$ SELECT ecml_ttest_1samp(v::numeric, 0) FROM (VALUES ('1'), ('NaN')) n (v) $$, '22000', NULL,
	'NaN as numeric is refused as well');

SELECT * FROM finish();
ROLLBACK;
