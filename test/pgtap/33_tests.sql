-- Tests as aggregates: merging, parallel plans, groups of any type, NULLs, groups that are missing, errors.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(30);

CREATE TABLE trial AS
SELECT i, (ARRAY['control', 'treatment'])[1 + i % 2] AS variant, i % 3 AS device, 100 + 10 * sin(i * 1.3) + i % 2 * 2 AS revenue,
	100 + 9 * sin(i * 1.3 + 0.2) AS before, CASE WHEN i % 20 = 0 THEN NULL ELSE i END AS holes, i % 5 = 0 AS converted
FROM generate_series(1, 4000) i;
CREATE TYPE arm AS ENUM ('treatment', 'control');

-- ---- the same in parts, in parallel, in another order

CREATE TABLE whole AS
SELECT ecml_mannwhitney(revenue, variant)::text AS mw, ecml_ks(revenue, variant)::text AS ks, ecml_levene(revenue, device)::text AS levene,
	ecml_wilcoxon(revenue, before)::text AS wilcoxon, ecml_spearman(revenue, before)::text AS spearman,
	ecml_kendall(revenue, before)::text AS kendall, ecml_chi2(variant, device)::text AS chi2, (ecml_anova(revenue, device)).statistic AS f,
	(ecml_cuped(revenue, before, variant)).statistic AS cuped, (ecml_pearson(revenue, before)).statistic AS pearson,
	(ecml_ratio_test(revenue, before, variant)).statistic AS ratio
FROM trial;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; result text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP result := result || line || E'\n'; END LOOP;
	RETURN result;
END $$;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
ALTER TABLE trial SET (parallel_workers = 2);
SELECT matches(pg_temp.plan_of('SELECT ecml_mannwhitney(revenue, variant), ecml_chi2(variant, device), ecml_cuped(revenue, before, variant) FROM trial'),
	'Partial Aggregate', 'the tests run in parallel');
CREATE TABLE parallel AS
SELECT ecml_mannwhitney(revenue, variant)::text AS mw, ecml_ks(revenue, variant)::text AS ks, ecml_levene(revenue, device)::text AS levene,
	ecml_wilcoxon(revenue, before)::text AS wilcoxon, ecml_spearman(revenue, before)::text AS spearman,
	ecml_kendall(revenue, before)::text AS kendall, ecml_chi2(variant, device)::text AS chi2, (ecml_anova(revenue, device)).statistic AS f,
	(ecml_cuped(revenue, before, variant)).statistic AS cuped, (ecml_pearson(revenue, before)).statistic AS pearson,
	(ecml_ratio_test(revenue, before, variant)).statistic AS ratio
FROM trial;
SELECT ok(w.mw = p.mw AND w.ks = p.ks AND w.wilcoxon = p.wilcoxon AND w.spearman = p.spearman AND w.kendall = p.kendall
	AND w.chi2 = p.chi2, 'ranks and counts do not see how rows came') FROM whole w, parallel p;
SELECT ok(pg_temp.close(w.f, p.f, 1e-12) AND pg_temp.close(w.cuped, p.cuped, 1e-12) AND pg_temp.close(w.pearson, p.pearson, 1e-12)
	AND pg_temp.close(w.ratio, p.ratio, 1e-12), 'sums hardly') FROM whole w, parallel p;
RESET max_parallel_workers_per_gather;
SELECT is(ecml_mannwhitney(revenue, variant ORDER BY -revenue)::text, (SELECT mw FROM whole), 'nor in another order') FROM trial;

-- ---- a window: the state stays when a result was taken

SELECT is(last.p, (SELECT (ecml_mannwhitney(revenue, variant)).p_value FROM trial WHERE i <= 60), 'in a window')
FROM (SELECT (ecml_mannwhitney(revenue, variant) OVER (ORDER BY i)).p_value AS p, i FROM trial WHERE i <= 60) last WHERE i = 60;

-- ---- groups

SELECT is((ecml_mannwhitney(revenue, variant::arm)).group_a, 'control', 'enums stand in the order of their texts') FROM trial;
SELECT ok((a).group_a = 'false' AND (a).group_b = 'true' AND (a).n_a = 3200 AND (a).n_b = 800, 'booleans')
FROM (SELECT ecml_mannwhitney(revenue, converted) AS a FROM trial) s;
SELECT is((ecml_anova(revenue, device)).groups, ARRAY['0', '1', '2'], 'integers') FROM trial;
SELECT is((ecml_anova(revenue, date '2026-01-01' + device)).groups, ARRAY['2026-01-01', '2026-01-02', '2026-01-03'], 'dates')
FROM trial;
SELECT ok(array_length((a).groups, 1) = 100 AND (a).df_between = 99, 'a hundred groups')
FROM (SELECT ecml_anova(revenue, i % 100) AS a FROM trial) s;
SELECT is((m).n_a + (m).n_b, 3800::bigint, 'rows with NULL are left out')
FROM (SELECT ecml_mannwhitney(holes, variant) AS m FROM trial) s;
SELECT ok((m).statistic IS NULL AND (m).group_b IS NULL AND (m).n_a = 2000, 'one group: no test')
FROM (SELECT ecml_mannwhitney(revenue, variant) AS m FROM trial WHERE variant = 'control') s;
SELECT is(ecml_mannwhitney(revenue, variant)::text, NULL, 'no rows: NULL') FROM trial WHERE false;
SELECT ok((m).n_a = 0 AND (m).p_value IS NULL, 'NULLs only: no groups')
FROM (SELECT ecml_ks(NULL::float8, variant) AS m FROM trial) s;
SELECT ok((a).statistic IS NULL AND (a).p_value IS NULL, 'constant values have no F')
FROM (SELECT ecml_anova(1.0, device) AS a FROM trial) s;
SELECT is((ecml_anova(device, device)).p_value, 0::float8, 'groups without variance that differ: p is 0') FROM trial;
SELECT is((ecml_pearson(revenue, 1)).statistic, NULL, 'no correlation with a constant') FROM trial;
SELECT is((ecml_spearman(i, i)).statistic, 1::float8, 'perfect rank correlation') FROM trial;
SELECT is((ecml_kendall(i, -i)).statistic, -1::float8, 'perfect disagreement') FROM trial;
SELECT is((ecml_chi2(variant, 'x'::text)).p_value, NULL, 'one category: no test') FROM trial;
SELECT is((ecml_wilcoxon(i, i)).p_value, NULL, 'no differences: no test') FROM trial;
SELECT ok((c).variance_reduction > 0.5 AND abs((c).difference + 2) < abs((c).raw_difference + 2) + 1 AND (c).ci_high - (c).ci_low
	< 0.7 * (t).ci_high - 0.7 * (t).ci_low, 'CUPED narrows the interval')
FROM (SELECT ecml_cuped(revenue, before, variant) AS c, ecml_ttest(revenue, variant) AS t FROM trial) s;
SELECT ok(pg_temp.close((r).ratio_a, sum_a, 1e-12), 'a ratio of sums')
FROM (SELECT ecml_ratio_test(revenue, before, variant) AS r, sum(revenue) FILTER (WHERE variant = 'control')
	/ sum(before) FILTER (WHERE variant = 'control') AS sum_a FROM trial) s;

-- ---- errors

SELECT throws_ok($$SELECT ecml_mannwhitney(revenue, device) FROM trial$$, '22000',
	'ecml_mannwhitney compares two groups, and there are more', 'three groups');
SELECT throws_ok($$SELECT ecml_anova(revenue, i) FROM trial$$, '22000', 'there are too many groups for ecml_anova', 'a key as group');
SELECT throws_ok($$SELECT ecml_ks('NaN'::float8, variant) FROM trial$$, '22000', 'a value of ecml_ks is not finite', 'NaN');
SELECT throws_ok($$SELECT ecml_ks(revenue, variant, '{"methode": "exact"}') FROM trial$$, '22023',
	'unknown option "methode" for ecml_ks', 'a misspelt option');
SELECT throws_ok($$SELECT ecml_mannwhitney(1.0, variant, '{"method": "exact"}') FROM trial$$, '22000',
	'with ties there is no exact p', 'an exact p with ties');
SELECT throws_ok($$SELECT ecml_kendall(revenue, i, '{"method": "exact"}') FROM trial$$, '54000',
	'there are too many values for an exact p', 'an exact p of too many');
SELECT throws_ok($$SELECT ecml_chi2_final(s) FROM (SELECT ecml_ks_transition(NULL, 1, 'a'::text)) v (s)$$, '0A000', NULL,
	'transition functions serve aggregates alone');

SELECT * FROM finish();
ROLLBACK;
