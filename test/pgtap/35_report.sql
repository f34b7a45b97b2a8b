-- The report of an experiment, and the tests that came with it: against SciPy and NumPy (test/data/make_report.py), against each
-- other, and by simulation.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(54);

CREATE TABLE found (name text, value float8);
CREATE TABLE expected (name text, value float8);
\copy expected FROM '../data/report.tsv'
CREATE TABLE trial AS
SELECT i, (i * 37 % 101) + 3 * (i % 4) + (i * i % 17) / 4.0::float8 AS v, i % 4 AS g, (ARRAY['old', 'new'])[1 + i % 2] AS variant,
	i % 3 AS stratum, CASE WHEN i % 10 <> 0 THEN i * 53 % 89 END AS x, i / 5 AS unit,
	(i * 37 % 101) + 3 * (i % 4) + (i * i % 17) / 4.0::float8 + 0.5 * (i * 53 % 89) AS y
FROM generate_series(1, 120) i;

CREATE FUNCTION pg_temp.agrees(prefix text, tolerance float8) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN count(*) = 0 THEN is(0, 1, prefix || ': nothing to compare')
		ELSE is(string_agg(e.name || ': ' || coalesce(f.value::text, 'none') || ', not ' || e.value, '; ')
			FILTER (WHERE pg_temp.close(f.value, e.value, tolerance) IS NOT TRUE), NULL, prefix || ' as SciPy and NumPy have it') END
	FROM expected e LEFT JOIN found f USING (name) WHERE e.name LIKE prefix || '%' $$;

INSERT INTO found
SELECT t.kind || '.' || (p).group_a || '.' || (p).group_b || s.suffix, s.value
FROM (SELECT 'tukey' AS kind, unnest(ecml_tukey(v, g)) AS p FROM trial
	UNION ALL SELECT 'games_howell', unnest(ecml_games_howell(v, g)) FROM trial) t,
	LATERAL (VALUES ('.p', (p).p_value), ('.low', (p).ci_low), ('.high', (p).ci_high)) s(suffix, value);
INSERT INTO found
SELECT 'shapiro.' || n || s.suffix, s.value
FROM (SELECT n, (SELECT ecml_shapiro(v) FROM trial WHERE i <= n) AS r FROM unnest(ARRAY[3, 4, 5, 6, 10, 11, 12, 40, 120]) n) q,
	LATERAL (VALUES ('.w', (r).statistic), ('.p', (r).p_value)) s(suffix, value);
INSERT INTO found
SELECT 'quantile.' || p || s.suffix, s.value
FROM (SELECT 0.1 AS p, ecml_quantile_test(v, i % 2, '{"quantile": 0.1}') AS r FROM trial
	UNION ALL SELECT 0.5, ecml_quantile_test(v, i % 2) FROM trial
	UNION ALL SELECT 0.9, ecml_quantile_test(v, i % 2, '{"quantile": 0.9}') FROM trial) q,
	LATERAL (VALUES ('.difference', (r).difference), ('.error', (r).std_error), ('.p', (r).p_value)) s(suffix, value);
INSERT INTO found
SELECT kind || s.suffix, s.value
FROM (SELECT 'plain' AS kind, r.* FROM ecml_ab_report('trial', '{"metrics": ["y"], "control": "old"}') r
	UNION ALL SELECT 'strata', r.* FROM ecml_ab_report('trial', '{"metrics": ["y"], "control": "old", "strata": ["stratum"]}') r
	UNION ALL SELECT 'cuped', r.* FROM ecml_ab_report('trial', '{"metrics": {"y": {"covariate": "x"}}, "control": "old"}') r
	UNION ALL SELECT 'clustered', r.* FROM ecml_ab_report('trial', '{"metrics": ["y"], "control": "old", "unit": "unit"}') r
	UNION ALL SELECT 'sum', r.* FROM ecml_ab_report('trial', '{"metrics": {"y": "sum"}, "control": "old", "unit": "unit"}') r
	UNION ALL SELECT 'ratiocuped', r.* FROM ecml_ab_report('trial', '{"metrics": {"y": {"covariate": "x"}}, "control": "old", "unit": "unit"}') r
	UNION ALL SELECT 'rowcuped', r.* FROM ecml_ab_report('trial', '{"metrics": {"y": {"denominator": "i", "covariate": "x"}}, "control": "old"}') r
	UNION ALL SELECT 'unitstrata', r.* FROM ecml_ab_report('trial', '{"metrics": {"y": "sum"}, "control": "old", "unit": "unit", "strata": ["stratum"]}') r
	) q, LATERAL (VALUES ('.effect', effect), ('.p', p_value), ('.reduction', cuped_reduction), ('.n', n_variant)) s(suffix, value);
INSERT INTO found
SELECT 'srm.p', srm_p FROM ecml_ab_report('trial', '{"metrics": ["y"], "control": "old", "weights": {"old": 0.4, "new": 0.6}}');
INSERT INTO found VALUES ('range.3.5.3.10', ecml_studentized_range_sf(3.5, 3, 10)), ('range.2.2.5', ecml_studentized_range_sf(2, 2, 5)),
	('range.4.50.100', ecml_studentized_range_sf(4, 50, 100)), ('range.0.5.3.30', ecml_studentized_range_sf(0.5, 3, 30)),
	('range.3.314.3.inf', ecml_studentized_range_sf(3.314, 3, 'infinity'));
SELECT pg_temp.agrees('tukey', 1e-8);
SELECT pg_temp.agrees('games_howell', 1e-8);
-- SciPy's normal quantile has 9 digits
SELECT pg_temp.agrees('shapiro', 1e-7);
SELECT pg_temp.agrees('quantile', 1e-9);
SELECT pg_temp.agrees('plain', 1e-10);
SELECT pg_temp.agrees('strata', 1e-10);
SELECT pg_temp.agrees('cuped', 1e-10);
SELECT pg_temp.agrees('clustered', 1e-10);
SELECT pg_temp.agrees('sum', 1e-10);
SELECT pg_temp.agrees('ratiocuped', 1e-9);
SELECT pg_temp.agrees('rowcuped', 1e-9);
SELECT pg_temp.agrees('unitstrata', 1e-10);
SELECT pg_temp.agrees('srm', 1e-10);
SELECT pg_temp.agrees('range', 1e-10);
SELECT ok(pg_temp.close(ecml_studentized_range_isf(ecml_studentized_range_sf(4.2, 5, 12), 5, 12), 4.2, 1e-12)
	AND pg_temp.close(ecml_studentized_range_quantile(ecml_studentized_range_cdf(2.1, 5, 12), 5, 12), 2.1, 1e-12), 'the range and back');

-- ---- the report against the aggregates

SELECT ok(pg_temp.close(-t.difference, r.effect, 1e-12) AND pg_temp.close(t.p_value, r.p_value, 1e-10)
	AND pg_temp.close(-t.ci_high, r.ci_low, 1e-10), 'a ratio is that of ecml_ratio_test')
FROM (SELECT (ecml_ratio_test(y, i, variant = 'new')).* FROM trial) t,
	ecml_ab_report('trial', '{"metrics": {"per": {"column": "y", "denominator": "i"}}, "control": "old"}') r;
SELECT ok(pg_temp.close(m.p_value, r.p_always_valid, 1e-10) AND pg_temp.close(m.ci_low, r.always_low, 1e-10), 'always-valid as ecml_msprt')
FROM ecml_ab_report('trial', '{"metrics": ["y"], "control": "old"}') r,
	(SELECT count(*) AS n, avg(y) AS mean, stddev(y) AS sd FROM trial WHERE variant = 'new') a,
	(SELECT count(*) AS n, avg(y) AS mean, stddev(y) AS sd FROM trial WHERE variant = 'old') b,
	ecml_msprt(a.n, a.mean, a.sd, b.n, b.mean, b.sd) m;
SELECT is(count(*), 16::bigint, 'a row for each metric and segment: 4 metrics in all and in 3 segments')
FROM ecml_ab_report('SELECT variant, stratum, g, v, y, x FROM trial', '{"segments": ["stratum"], "control": "old"}');
SELECT is(array_agg(p_adjusted), ecml_adjust_p(array_agg(p_value), 'bh'), 'p-values adjusted over the report')
FROM ecml_ab_report('trial', '{"metrics": ["v", "y"], "segments": ["stratum"], "control": "old", "adjust": "bh"}');
SELECT is(array_agg(DISTINCT segment ORDER BY segment), ARRAY['all', 'stratum=0', 'stratum=1', 'stratum=2'], 'segments by name and value')
FROM ecml_ab_report('trial', '{"metrics": ["v"], "segments": ["stratum"], "control": "old"}');
SELECT ok(srm AND conclusion LIKE '%do not trust%', 'a split that is not as planned is told first')
FROM ecml_ab_report('SELECT CASE WHEN i % 3 = 0 THEN ''A'' ELSE ''B'' END AS variant, i % 7 AS y FROM generate_series(1, 3000) i');
SELECT is(array_agg(metric ORDER BY metric), ARRAY['unit_price', 'y'], 'keys are no metrics, unless they are named')
FROM ecml_ab_report('SELECT (ARRAY[''B'', ''A''])[1 + i % 2] AS variant, i AS visitor, i AS order_id, i % 7 AS y, i % 5 AS unit_price FROM generate_series(1, 100) i');
SELECT is(variant || control, 'BA', 'A is the control') FROM ecml_ab_report(
	'SELECT (ARRAY[''B'', ''A''])[1 + i % 2] AS variant, i % 7 AS y FROM generate_series(1, 100) i');
SELECT ok(p_value IS NULL AND conclusion LIKE '%too few%', 'one value in a group gives no test')
FROM ecml_ab_report('SELECT * FROM (VALUES (''A'', 1), (''B'', 2)) t(variant, y)');
SELECT ok(effect = 0 AND NOT significant, 'a constant metric shows nothing')
FROM ecml_ab_report('SELECT (ARRAY[''B'', ''A''])[1 + i % 2] AS variant, true AS y FROM generate_series(1, 100) i');

SELECT throws_ok($$SELECT * FROM ecml_ab_report('trial', '{"metrics": ["y"], "control": "old", "weights": {"old": 1, "new": 1, "gnu": 1}}')$$, '22023',
	'option "weights" names variant "gnu", which has no rows', 'a weight of nobody');
SELECT throws_ok($$SELECT * FROM ecml_ab_report('trial', '{"metrics": ["y"], "control": "old", "weights": {"old": 1}}')$$, '22023',
	'option "weights" must hold a number above 0 for each variant', 'a weight that lacks');

-- ---- the A/A check: of rows of heavy users, by units and by rows

CREATE TABLE visits AS
SELECT u AS customer, (abs(hashint4(u)) % 1000) / 100.0 + (abs(hashint4(u * 100 + v)) % 1000) / 500.0 AS spent, 1 AS one, v AS visit
FROM generate_series(1, 3000) u, generate_series(1, 1 + abs(hashint4(u + 7)) % 9) v;
CREATE TABLE aa AS SELECT * FROM ecml_aa_check('visits', '{"unit": "customer", "metrics": {"spent": "mean", "total": {"type": "sum", "column": "spent"},
	"per": {"column": "spent", "denominator": "visit"}, "one": "mean"}, "splits": 2000}');
SELECT ok(count(*) = 3 AND bool_and(holds AND false_positive_rate BETWEEN rate_low AND rate_high AND ks_p > 0.001 AND units = 3000 AND splits = 2000),
	'the tests of the report hold their level') FROM aa WHERE metric <> 'one';
SELECT cmp_ok(row_rate, '>', 0.1::float8, 'a test of rows would not') FROM aa WHERE metric = 'spent';
SELECT is(count(row_rate), 0::bigint, 'sums and ratios have no test of rows') FROM aa WHERE metric IN ('total', 'per');
SELECT ok(false_positive_rate IS NULL AND holds IS NULL AND conclusion LIKE '%too few%', 'a constant is not tested') FROM aa WHERE metric = 'one';
SELECT ok(NOT holds AND false_positive_rate < rate_low, 'one order that makes up the sum is found')
FROM ecml_aa_check('SELECT CASE WHEN i = 7 THEN 1e6 ELSE i % 10 END AS spent FROM generate_series(1, 1000) i');
CREATE TABLE aa3 AS SELECT * FROM ecml_aa_check('visits', '{"unit": "customer", "metrics": ["spent"], "splits": 200, "seed": 3}');
SET LOCAL ecml.threads = 1;
SELECT results_eq('SELECT * FROM aa3', $$SELECT * FROM ecml_aa_check('visits', '{"unit": "customer", "metrics": ["spent"], "splits": 200, "seed": 3}')$$,
	'the same seed, the same bits, at any number of threads');
RESET ecml.threads;
SELECT throws_ok($$SELECT * FROM ecml_aa_check('visits', '{"split": 5}')$$, '22023', 'unknown option "split" for ecml_aa_check');
SELECT throws_ok($$SELECT * FROM ecml_aa_check(NULL)$$, '22004', 'the source must not be NULL');

-- ---- bootstrap

SELECT ok(abs((b).std_error / sqrt((SELECT sum(v) FROM (SELECT variance(y) / count(*) AS v FROM trial GROUP BY variant) s)) - 1) < 0.1,
	'bootstrap: the standard error of a difference') FROM (SELECT ecml_bootstrap(y, variant, i, '{"replicates": 4000}') AS b FROM trial) q;
SELECT is(ecml_bootstrap(y, variant, i, '{"seed": 3}')::text, ecml_bootstrap(y, variant, i, '{"seed": 3}' ORDER BY -v)::text,
	'bootstrap: the same in another order') FROM trial;
SELECT isnt((ecml_bootstrap(y, variant, i, '{"seed": 3}')).std_error, (ecml_bootstrap(y, variant, i, '{"seed": 4}')).std_error,
	'bootstrap: another seed') FROM trial;
SELECT ok(abs((c).std_error / (r).std_error - 1) < 0.25 AND (c).std_error <> (p).std_error, 'bootstrap: units are drawn whole')
FROM (SELECT ecml_bootstrap(y, variant, unit, '{"replicates": 4000}') AS c, ecml_bootstrap(y, variant, i, '{"replicates": 4000}') AS p FROM trial) b,
	(SELECT ecml_ratio_test(s, n, variant) AS r FROM (SELECT variant, sum(y) AS s, count(*)::float8 AS n FROM trial GROUP BY variant, unit) u) t;
SELECT ok(abs((b).ci_low - (2 * (p).difference - (p).ci_high)) < 1e-12 AND abs((b).ci_high - (2 * (p).difference - (p).ci_low)) < 1e-12,
	'bootstrap: the basic interval is the percentile''s, turned over')
FROM (SELECT ecml_bootstrap(y, variant, i, '{"interval": "basic"}') AS b, ecml_bootstrap(y, variant, i) AS p FROM trial) q;
SELECT ok((b).estimate_b IS NULL AND (b).ci_low < (b).difference AND (b).difference < (b).ci_high, 'bootstrap: of one group')
FROM (SELECT ecml_bootstrap_ratio(y, i, 'all'::text, unit) AS b FROM trial) q;

-- ---- uplift: half of the people are moved, the others not

CREATE TABLE mailing AS
SELECT i AS id, ecml_variant('mail', i) = 'B' AS treated, i * 7919 % 100 AS age, i * 104729 % 3 AS region,
	(abs(hashint4(i)::bigint) % 1000 < 100 + CASE WHEN ecml_variant('mail', i) = 'B' AND i * 7919 % 100 < 50 THEN 100 ELSE 0 END) AS outcome
FROM generate_series(1, 10000) i;
SELECT ok(min(u.uplift) FILTER (WHERE bin <= 2) > 0.06 AND max(u.uplift) FILTER (WHERE bin >= 4) < 0.04, 'uplift: the two kinds are told apart by ' || m)
FROM unnest(ARRAY['two_model', 'transformed']) m, ecml_uplift('mailing', format('{"method": "%s", "bins": 5, "folds": 2, "params": {"n_trees": 20, "max_leaves": 4}}', m)::jsonb) u GROUP BY m;
SELECT ok(min(u.qini) > 0.008, 'uplift: the order is worth something') FROM ecml_uplift('mailing', '{"algorithm": "linreg", "folds": 3}') u;

SELECT is((SELECT array_agg(u::text) FROM ecml_uplift('mailing', '{"algorithm": "linreg", "seed": 4}') u),
	(SELECT array_agg(u::text) FROM ecml_uplift('mailing', '{"algorithm": "linreg", "seed": 4}') u), 'uplift: the same seed, the same folds');
SELECT isnt((SELECT min(qini) FROM ecml_uplift('mailing', '{"algorithm": "linreg", "seed": 4}')),
	(SELECT min(qini) FROM ecml_uplift('mailing', '{"algorithm": "linreg", "seed": 5}')), 'uplift: another seed, others');
SELECT ok(bool_and(pg_temp.close((a.ci_high - a.ci_low) / (b.ci_high - b.ci_low), ecml_normal_quantile(0.995) / ecml_normal_quantile(0.975), 1e-9)
	AND a.uplift = b.uplift), 'uplift: the interval''s level')
FROM ecml_uplift('mailing', '{"algorithm": "linreg", "level": 0.99}') a JOIN ecml_uplift('mailing', '{"algorithm": "linreg"}') b USING (bin);

-- Qini: of an order that is known, by the curve's own sums; of a score that says nothing
CREATE FUNCTION pg_temp.qini(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	r record; n float8[] := '{0,0}'; y float8[] := '{0,0}'; all_rows float8; treated float8; g float8; before float8 := 0; area float8 := 0;
BEGIN
	EXECUTE format('SELECT count(*), count(*) FILTER (WHERE t) FROM (%s) q', query) INTO all_rows, treated;
	FOR r IN EXECUTE format('SELECT count(*) AS n, count(*) FILTER (WHERE t) AS nt, sum(o) FILTER (WHERE t) AS ot, sum(o) FILTER (WHERE NOT t) AS oc
		FROM (%s) q GROUP BY s ORDER BY s DESC', query) LOOP
		n[1] := n[1] + r.n - r.nt; n[2] := n[2] + r.nt; y[1] := y[1] + coalesce(r.oc, 0); y[2] := y[2] + coalesce(r.ot, 0);
		g := (y[2] - CASE WHEN n[1] > 0 THEN y[1] * n[2] / n[1] ELSE 0 END) / treated;
		area := area + (g + before) / 2 * r.n / all_rows;
		before := g;
	END LOOP;
	RETURN area - before / 2;
END $$;
SELECT ok(abs(q - pg_temp.qini('SELECT age / 7 AS s, outcome::int AS o, treated AS t FROM mailing')) < 1e-12 AND q = b AND q < 0,
	'ecml_qini: the area of the curve, with scores that are the same')
FROM (SELECT ecml_qini(age / 7, outcome::int, treated) AS q, ecml_qini(age / 7, outcome, treated) AS b FROM mailing) m;
SELECT ok(abs(ecml_qini(-age, outcome, treated) - pg_temp.qini('SELECT -age AS s, outcome::int AS o, treated AS t FROM mailing')) < 1e-12
	AND ecml_qini(-age, outcome, treated) > 0.01, 'and the order of who is moved') FROM mailing;
SELECT is(ecml_qini(1, outcome, treated), 0::float8, 'one score for all is worth nothing') FROM mailing;
SELECT is(ecml_qini(age, outcome, true), NULL, 'without controls there is none') FROM mailing;

-- ---- errors

SELECT throws_ok($$SELECT * FROM ecml_ab_report('SELECT 1 AS variant, 2 AS y')$$, '22000', 'there are fewer than two variants to compare');
SELECT throws_ok($$SELECT * FROM ecml_ab_report('SELECT i AS variant, i AS y FROM generate_series(1, 9) i')$$, '22023',
	'it is not known which variant is the control');
SELECT throws_ok($$SELECT * FROM ecml_uplift('SELECT id, true AS treated, age, outcome FROM mailing')$$, '22000',
	'there must be treated rows and controls');
SELECT * FROM finish();
ROLLBACK;
