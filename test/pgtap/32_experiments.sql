-- Distributions and the functions of experiments against SciPy and statsmodels (test/data/make_experiments.py), what they do at
-- the edges, and whether always-valid tests hold what they promise.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(60);

CREATE TABLE lines (line text);
\copy lines FROM '../data/experiments.tsv' WITH (DELIMITER '|')
CREATE FUNCTION pg_temp.eval(expression text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE result float8;
BEGIN
	EXECUTE 'SELECT ' || expression INTO result;
	RETURN result;
END $$;
CREATE TABLE reference AS
SELECT v[1] AS topic, v[2] AS expression, v[3]::float8 AS value, v[4]::float8 AS tolerance
FROM (SELECT string_to_array(line, E'\t') AS v FROM lines WHERE line NOT LIKE '#%') s;
SELECT ok(count(*) > 1400, 'references were read') FROM reference;
SELECT is(array_agg(expression || ' = ' || found || ', not ' || value) FILTER (WHERE NOT pg_temp.close(found, value, tolerance)
	AND NOT (value = 0 AND abs(found) < tolerance)), NULL, topic || ' as in SciPy and statsmodels')
FROM (SELECT *, pg_temp.eval(expression) AS found FROM reference) r GROUP BY topic ORDER BY topic;

-- ---- edges

SELECT is(ecml_normal_cdf('NaN'), 'NaN', 'NaN for NaN');
SELECT is(ecml_t_quantile(0.5, 'Infinity'), 0::float8, 't with infinite degrees of freedom is the normal');
SELECT is(ecml_binomial_pdf(2.5, 10, 0.5), 0::float8, 'no probability between whole numbers');
SELECT is(ecml_normal_quantile(NULL), NULL, 'NULL for NULL');
SELECT throws_ok($$SELECT ecml_normal_cdf(1, 0, 0)$$, '22023', 'parameter "sd" of the normal distribution is out of range',
	'a deviation of 0');
SELECT throws_ok($$SELECT ecml_binomial_cdf(1, 2.5, 0.5)$$, '22023',
	'parameter "n" of the binomial distribution is out of range', 'half a trial');
SELECT throws_ok($$SELECT ecml_gamma_quantile(1.5, 2)$$, '22023', 'a quantile needs a probability', 'a probability above 1');

SELECT is((ecml_prop_test(0, 10, 0, 10)).p_value, NULL, 'no p where neither group has a success');
SELECT ok((ecml_prop_test(0, 10, 0, 10)).ci_low < 0 AND (ecml_prop_test(0, 10, 0, 10)).ci_high > 0,
	'but Newcombe''s interval is there');
SELECT is((ecml_prop_test(0, 10, 5, 10)).lift, 'Infinity', 'from nothing every lift is infinite');
SELECT throws_ok($$SELECT ecml_prop_test(11, 10, 5, 10)$$, '22023',
	'successes must be from 0 to the number of trials, and trials at least 1', 'more successes than trials');
SELECT throws_ok($$SELECT ecml_prop_test(1, 10, 5, 10, '{"level": 1}')$$, '22023',
	'option "level" must be above 0 and below 1', 'a level of 1');
SELECT is((ecml_prop_test_1samp(0, 10, 0, '{"exact": true}')).p_value, 1::float8, 'nothing where nothing is expected');
SELECT is((ecml_prop_test_1samp(10, 10, 0.5, '{"interval": "exact"}')).ci_high, 1::float8, 'all successes: up to 1');

SELECT is((ecml_fisher(0, 0, 3, 4)).p_value, 1::float8, 'margins that allow one table only');
SELECT ok((ecml_fisher(500000, 499000, 499000, 500000)).p_value BETWEEN 0.04 AND 0.05 IS FALSE
	AND pg_temp.close((ecml_fisher(500000, 499000, 499000, 500000)).p_value,
		(ecml_prop_test(500000, 999000, 499000, 999000)).p_value, 0.01), 'two million: about what the z-test says');
SELECT ok((ecml_fisher(1000, 0, 0, 1000)).p_value BETWEEN 1e-320 AND 1e-290
	OR (ecml_fisher(1000, 0, 0, 1000)).p_value = 0, 'far out: tiny, not negative');
SELECT throws_ok($$SELECT ecml_fisher(-1, 2, 3, 4)$$, '22023', 'the counts of a table must be from 0 to 1e12',
	'a negative count');

SELECT is(n_control, 14751::bigint, 'visitors for a point of conversion')
FROM ecml_sample_size(0.01, '{"metric": "proportion", "baseline": 0.1}');
SELECT ok(total = n_control + n_treatment AND n_treatment BETWEEN 2 * n_control - 1 AND 2 * n_control AND power >= 0.9
	AND pg_temp.close(days, total / 500.0), 'two for one, in days')
FROM ecml_sample_size(0.3, '{"ratio": 2, "power": 0.9, "traffic": 500}');
SELECT ok(pg_temp.close(ecml_power(ecml_mde(300, '{"sd": 7}'), 300, '{"sd": 7}'), 0.8),
	'the least effect has the power asked for');
SELECT ok(pg_temp.close(ecml_mde(300, '{"metric": "proportion", "baseline": 0.2, "relative": true}') * 0.2,
	ecml_mde(300, '{"metric": "proportion", "baseline": 0.2}')), 'relative to the baseline');
SELECT is((ecml_sample_size(1e-7)).n, NULL, 'no number of units is enough for nothing');
SELECT throws_ok($$SELECT ecml_power(0.01, 100, '{"metric": "proportion"}')$$, '22023', 'a proportion needs its baseline',
	'no baseline');
SELECT throws_ok($$SELECT ecml_sample_size(0)$$, '22023', 'the effect must be a number other than 0', 'no effect');
SELECT throws_ok($$SELECT ecml_sample_size(0.5, '{"alternative": "less"}')$$, '22023',
	'the effect lies on the other side of the alternative', 'an effect on the other side');

SELECT is(mismatch, true, 'a mismatch is seen') FROM ecml_srm(ARRAY[52000, 50000]);
SELECT is(expected, ARRAY[250, 750]::float8[], 'what the weights expect') FROM ecml_srm(ARRAY[260, 740], ARRAY[1, 3]);
SELECT throws_ok($$SELECT ecml_srm(ARRAY[1, 2], ARRAY[1])$$, '22023', 'there must be a weight for each group', 'too few weights');
SELECT is(ecml_adjust_p(ARRAY[0.01, NULL, 0.02], 'holm'), ARRAY[0.02, NULL, 0.02]::float8[], 'NULL stays, and does not count');
SELECT is(ecml_adjust_p('{}'), '{}', 'nothing to adjust');
SELECT throws_ok($$SELECT ecml_adjust_p(ARRAY[0.5, 2])$$, '22023', 'p-values must be from 0 to 1', 'a p of 2');

-- ---- looking every day: 2,000 experiments without a difference, 30 looks each (the issue's 10,000 are in test/bench)

CREATE TEMP TABLE peeks AS
SELECT experiment, look, (ecml_msprt(n, a, 1, n, b, 1)).p_value AS always, 2 * ecml_normal_sf(abs(a - b) / sqrt(2 / n)) AS fixed
FROM (SELECT experiment, look, 200.0 * look AS n, sum(x) OVER w / (200 * look) AS a, sum(y) OVER w / (200 * look) AS b
	FROM (SELECT e AS experiment, l AS look,
			ecml_normal_quantile(((ecml_fold(e * 64 + l, 1000000000, 1) + 0.5) / 1e9)) * sqrt(200.0) AS x,
			ecml_normal_quantile(((ecml_fold(e * 64 + l, 1000000000, 2) + 0.5) / 1e9)) * sqrt(200.0) AS y
		FROM generate_series(1, 2000) e, generate_series(1, 30) l) s
	WINDOW w AS (PARTITION BY experiment ORDER BY look)) t;
SELECT ok(count(*) FILTER (WHERE least <= 0.05) <= 2000 * 0.05, 'always-valid p: at most 5 in 100 wrong, at any look')
FROM (SELECT min(always) AS least FROM peeks GROUP BY experiment) e;
SELECT ok(count(*) FILTER (WHERE least <= 0.05) > 2000 * 0.15, 'a fixed test that is looked at 30 times is wrong far more often')
FROM (SELECT min(fixed) AS least FROM peeks GROUP BY experiment) e;

SELECT * FROM finish();
ROLLBACK;
