\echo ======================================================================
\echo 3. An A/B result: is the new checkout better?
\echo ======================================================================
\echo
SELECT variant, count(*) AS visitors, round(avg(converted::int), 4) AS conversion, round(avg(revenue), 3) AS revenue
FROM experiment_visits GROUP BY variant ORDER BY variant;

\echo Welch's t-test for each metric; the result has named columns.
SELECT metric, (t).group_a, (t).group_b, round((t).mean_a::numeric, 4) AS mean_a, round((t).mean_b::numeric, 4) AS mean_b,
	round((t).difference::numeric, 4) AS difference, round((t).ci_low::numeric, 4) AS low,
	round((t).ci_high::numeric, 4) AS high, round((t).p_value::numeric, 5) AS p
FROM (
	SELECT metric, ecml_ttest(value, variant) AS t
	FROM experiment_visits,
		LATERAL (VALUES ('revenue', revenue::float8), ('conversion', converted::int::float8),
			('revenue before (should not differ)', pre_revenue::float8)) m (metric, value)
	GROUP BY metric) r
ORDER BY metric;

\echo By device, one statement:
SELECT device, ((t).n_a + (t).n_b)::bigint AS visitors, round((t).difference::numeric, 4) AS difference,
	round((t).p_value::numeric, 4) AS p
FROM (SELECT device, ecml_ttest(converted::int, variant) AS t FROM experiment_visits GROUP BY device) r
ORDER BY device;

\echo Did the new checkout sell more?  (One-sided, 99 % level.)
SELECT (t).method, round((t).statistic::numeric, 3) AS t, round((t).p_value::numeric, 5) AS p
FROM (SELECT ecml_ttest(revenue, variant, '{"alternative": "less", "level": 0.99}') AS t FROM experiment_visits) r;
