\echo ======================================================================
\echo 3. An A/B result: is the new checkout better?
\echo ======================================================================
\echo
SELECT variant, count(*) AS visitors, round(avg(converted::int), 4) AS conversion, round(avg(revenue), 3) AS revenue
FROM experiment_visits GROUP BY variant ORDER BY variant;

\echo 'Welch''s t-test. Its difference is that of the groups in the order of their names, control - treatment: the gain is its'
\echo 'negative. What the visitors spent before the experiment should not differ.'
SELECT metric, -(t).difference AS gain, -(t).ci_high AS low, -(t).ci_low AS high, (t).p_value
FROM (
	SELECT metric, ecml_ttest(value, variant) AS t
	FROM experiment_visits,
		LATERAL (VALUES ('revenue', revenue), ('conversion', converted::int), ('spent before', pre_revenue)) m (metric, value)
	GROUP BY metric) r
ORDER BY metric;

\echo By device, in one statement:
SELECT device, (t).n_a, (t).n_b, -(t).difference AS gain, (t).p_value
FROM (SELECT device, ecml_ttest(converted::int, variant) AS t FROM experiment_visits GROUP BY device) r
ORDER BY device;

\echo Everything that one test tells: one-sided (control below treatment), at the 99 % level.
\x on
SELECT (ecml_ttest(revenue, variant, '{"alternative": "less", "level": 0.99}')).* FROM experiment_visits;
\x off
