-- The tests on every type of argument: double precision, integer, numeric (with all its digits); groups as text, varchar, integer,
-- boolean; in parallel; and p-values far out, against mpmath (test/data/make_tails.py).
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(123);

CREATE TABLE trial AS
SELECT i, (i * 37 % 101) + 3 * (i % 4) AS v, (i * 53 % 89) + (i * 37 % 101) / 2 AS w, (ARRAY['false', 'true'])[1 + i % 2] AS g, i / 3 AS unit
FROM generate_series(1, 90) i;
CREATE TABLE aggregates (name text, arguments text, field text);
INSERT INTO aggregates VALUES
	('ecml_ttest', '$v, $g', 'p_value'), ('ecml_mannwhitney', '$v, $g', 'p_value'), ('ecml_ks', '$v, $g', 'p_value'),
	('ecml_anova', '$v, $g', 'p_value'), ('ecml_levene', '$v, $g', 'p_value'), ('ecml_quantile_test', '$v, $g', 'p_value'),
	('ecml_tukey', '$v, $g', '[1].p_value'), ('ecml_games_howell', '$v, $g', '[1].p_value'),
	('ecml_cuped', '$v, $w, $g', 'p_value'), ('ecml_ratio_test', '$v, $w, $g', 'p_value'), ('ecml_chi2', '$u, $g', 'p_value'),
	('ecml_bootstrap', '$v, $g, unit', 'p_value'), ('ecml_bootstrap_ratio', '$v, $w, $g, unit', 'p_value'),
	('ecml_ttest_paired', '$v, $w', 'p_value'), ('ecml_wilcoxon', '$v, $w', 'p_value'), ('ecml_pearson', '$v, $w', 'p_value'),
	('ecml_spearman', '$v, $w', 'p_value'), ('ecml_kendall', '$v, $w', 'p_value'), ('ecml_shapiro', '$v', 'p_value'),
	('ecml_ttest_1samp', '$v, 50', 'p_value');
CREATE FUNCTION pg_temp.run(a aggregates, type text, groups text, options text DEFAULT '') RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	result float8;
BEGIN
	EXECUTE format('SELECT (%s(%s%s))%s FROM trial', a.name,
		replace(replace(replace(replace(a.arguments, '$v', 'v::' || type), '$w', 'w::' || type), '$g', groups), '$u', '(v % 3)::text'), options,
		CASE WHEN a.field LIKE '[%' THEN a.field ELSE '.' || a.field END) INTO result;
	RETURN result;
END $$;
SELECT ok(pg_temp.close(pg_temp.run(a, f.type, f.groups), pg_temp.run(a, 'float8', 'g'), 1e-12), format('%s, values %s, groups %s', a.name, f.type, f.groups))
FROM aggregates a, (VALUES ('int', 'g'), ('bigint', 'g::varchar'), ('numeric', 'g'), ('numeric', '(i % 2 = 1)'), ('real', 'i % 2')) f (type, groups)
WHERE a.arguments LIKE '%$g%' OR f.groups = 'g' ORDER BY a.name, f.type, f.groups;
SELECT ok(pg_temp.close(pg_temp.run(a, type, 'g', ', ''{"alternative": "less"}'''), pg_temp.run(a, 'float8', 'g', ', ''{"alternative": "less"}'''), 1e-12)
	AND abs(pg_temp.run(a, type, 'g', ', ''{"alternative": "less"}''') - pg_temp.run(a, type, 'g')) > 1e-6,
	format('%s with options, %s', a.name, type))
FROM aggregates a, unnest('{int,numeric}'::text[]) type
WHERE name IN ('ecml_mannwhitney', 'ecml_ks', 'ecml_quantile_test', 'ecml_cuped', 'ecml_ratio_test', 'ecml_wilcoxon', 'ecml_pearson', 'ecml_spearman',
	'ecml_kendall');

-- ---- parallel, and by states that are text in between, as distributed engines carry them

SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
ALTER TABLE trial SET (parallel_workers = 2);
SET LOCAL max_parallel_workers_per_gather = 2;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; result text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE) ' || query LOOP result := result || line || E'\n'; END LOOP;
	RETURN result;
END $$;
SELECT matches(pg_temp.plan_of('SELECT ecml_mannwhitney(v::numeric, g), ecml_anova(v::numeric, g), ecml_pearson(v::numeric, w::numeric) FROM trial'),
	'Partial Aggregate', 'numeric values run in parallel');
SELECT doesnt_match(pg_temp.plan_of('SELECT ecml_anova(v::numeric, g), ecml_pearson(v::numeric, w::numeric), ecml_bootstrap(v::numeric, g, unit) FROM trial'),
	'numeric\)::double precision', 'without a cast');
CREATE AGGREGATE pg_temp.part(float8, text) (SFUNC = ecml_levene_transition, STYPE = ecml_test_state);
CREATE AGGREGATE pg_temp.whole(ecml_test_state) (SFUNC = ecml_test_combine, STYPE = ecml_test_state, FINALFUNC = ecml_anova_final);
SELECT ok(pg_temp.close((pg_temp.whole(s::text::ecml_test_state)).p_value, (SELECT (ecml_levene(v, g)).p_value FROM trial), 1e-12), 'states as text')
FROM (SELECT pg_temp.part(v, g) AS s FROM trial GROUP BY i % 4) q;

-- ---- the digits of numeric

CREATE TABLE exact AS SELECT i, 10000000.1 + (i * 7 % 10) / 10.0 + i % 3 / 10.0 AS v, i % 3 AS g, 10000000.3 + (i * 3 % 11) / 10.0 AS w FROM generate_series(1, 300) i;
SELECT ok(pg_temp.close((a).statistic, (b).statistic, 1e-12) AND NOT pg_temp.close((c).statistic, (b).statistic, 1e-12), 'ecml_anova far from 0')
FROM (SELECT ecml_anova(v, g) AS a, ecml_anova((v - 10000000.0)::float8, g) AS b, ecml_anova(v::float8, g) AS c FROM exact) q;
SELECT ok(pg_temp.close((a).statistic, (b).statistic, 1e-12), 'ecml_pearson far from 0')
FROM (SELECT ecml_pearson(v, w) AS a, ecml_pearson((v - 10000000.0)::float8, (w - 10000000.0)::float8) AS b FROM exact) q;
SELECT is((ecml_wilcoxon(a, b)).method, 'Wilcoxon signed rank, exact', 'differences of decimals are decimals: 0.3 - 0.1 ties with 0.2 - 0')
FROM (VALUES (0.3, 0.1), (0.2, 0.0), (1.7, 1.6), (0.5, 0.9), (3.1, 2.0)) t (a, b);
SELECT is((ecml_wilcoxon(a, b)).statistic, 4::float8, 'and share their ranks')
FROM (VALUES (0.3, 0.1), (0.2, 0.0), (1.7, 1.6), (0.5, 0.9), (3.1, 2.0)) t (a, b);

-- ---- p-values from 0.7 to 1e-299, by mpmath

CREATE TABLE tails (name text, value float8);
\copy tails FROM '../data/tails.tsv'
CREATE TABLE far AS
SELECT shift, i, (i * 37 % 101) / 8.0::float8 + shift * (i % 2) AS v, i * 53 % 89 + 20 AS w, i % 2 AS g,
	(i * 37 % 101) / 8.0::float8 + shift * (i % 3) AS u, i % 3 AS g3
FROM unnest('{1,4,12,40}'::int[]) shift, generate_series(1, 400) i;
CREATE TABLE p_values AS
SELECT kind || '.' || shift AS name, p FROM (
	SELECT shift, (ecml_ttest(v, g)).p_value AS welch, (ecml_ttest(v, g, '{"equal_var": true}')).p_value AS student,
		(ecml_ttest_paired(v + 50, w)).p_value AS paired, (ecml_cuped(v, v / 2 + i * 29 % 31, g)).p_value AS cuped,
		(ecml_ratio_test(v, w, g)).p_value AS ratio, (ecml_anova(u, g3)).p_value AS anova,
		(ecml_anova(u, g3, '{"welch": true}')).p_value AS welch_anova, (ecml_pearson(g * shift + w / 50.0::float8, v)).p_value AS pearson,
		(ecml_mannwhitney(v, g)).p_value AS mannwhitney
	FROM far GROUP BY shift) s,
	LATERAL (VALUES ('welch', welch), ('student', student), ('paired', paired), ('cuped', cuped), ('ratio', ratio), ('anova', anova),
		('welch_anova', welch_anova), ('pearson', pearson), ('mannwhitney', mannwhitney)) t (kind, p)
UNION ALL
SELECT 'chi2.' || k, (SELECT (ecml_chi2(a, b, '{"correction": false}')).p_value FROM (VALUES (0, 0, 100 + 5 * k), (0, 1, 100 - k), (1, 0, 100 - 2 * k), (1, 1, 100 + 3 * k)) t (a, b, n),
	generate_series(1, n)) FROM unnest('{1,3,10,40}'::int[]) k
UNION ALL
SELECT 'fisher.' || k, (ecml_fisher(100 + 5 * k, 100 - k, 100 - 2 * k, 100 + 3 * k)).p_value FROM unnest('{1,3,10,40}'::int[]) k
UNION ALL
SELECT 'prop.' || k, (ecml_prop_test(300 + 3 * k, 1000, 300 - 7 * k, 1000)).p_value FROM unnest('{1,3,10,40}'::int[]) k
UNION ALL
SELECT 'srm.' || k, (ecml_srm(ARRAY[1000 + 20 * k, 1000 - 15 * k, 1000])).p_value FROM unnest('{1,3,10,40}'::int[]) k
UNION ALL
SELECT 'ks.' || n, (SELECT (ecml_ks(i, i > n)).p_value FROM generate_series(1, 2 * n) i) FROM unnest('{3,8,30,300}'::int[]) n
UNION ALL
SELECT 'mannwhitney_exact.' || n, (SELECT (ecml_mannwhitney(i, i > n, '{"method": "exact"}')).p_value FROM generate_series(1, 2 * n) i) FROM unnest('{3,8,20}'::int[]) n
UNION ALL
SELECT 'kendall_exact.' || n, (SELECT (ecml_kendall(i, -i, '{"method": "exact"}')).p_value FROM generate_series(1, n) i) FROM unnest('{5,10,20}'::int[]) n
UNION ALL
SELECT 'wilcoxon_exact.' || n, (SELECT (ecml_wilcoxon(i * i, i)).p_value FROM generate_series(2, n + 1) i) FROM unnest('{5,10,20}'::int[]) n;
SELECT is(string_agg(t.name || ': ' || coalesce(p.p::text, 'none') || ', not ' || t.value, '; ' ORDER BY t.name)
	FILTER (WHERE pg_temp.close(p.p, t.value, 1e-10) IS NOT TRUE), NULL, split_part(t.name, '.', 1) || ': p as mpmath has it')
FROM tails t LEFT JOIN p_values p USING (name) GROUP BY split_part(t.name, '.', 1) ORDER BY 1;

SELECT throws_ok($$SELECT ecml_anova('NaN'::numeric, g) FROM trial$$, '22000', 'a value of ecml_anova is not finite', 'NaN as numeric');
SELECT throws_ok($$SELECT ecml_tukey(i, i) FROM generate_series(1, 101) i$$, '22000', 'there are too many groups for ecml_tukey', 'a hundred groups and one');

SELECT * FROM finish();
ROLLBACK;
