\echo ======================================================================
\echo 30. Experiments: planned, trusted, looked at every day
\echo ======================================================================
\echo
\echo 'How many visitors, and days, to see a conversion of 8 % rise by a point? 4,000 visitors come a day.'
SELECT n_control, n_treatment, round(days::numeric, 1) AS days
FROM ecml_sample_size(0.01, '{"metric": "proportion", "baseline": 0.08, "traffic": 4000}');

\echo Were the visitors shared out half and half?
SELECT counts, mismatch, round(p_value::numeric, 3) AS p
FROM (SELECT array_agg(n ORDER BY variant) AS counts FROM (SELECT variant, count(*)::float8 AS n FROM experiment_visits
	GROUP BY variant) v) c, LATERAL ecml_srm(counts, ARRAY[0.5, 0.5]);

\echo 'Revenue, less what the revenue before explains (CUPED): the same gain, a narrower interval.'
SELECT -(c).raw_difference AS raw_gain, (c).raw_p_value, -(c).difference AS gain, -(c).ci_high AS low, -(c).ci_low AS high,
	(c).p_value, (c).variance_reduction
FROM (SELECT ecml_cuped(revenue, pre_revenue, variant) AS c FROM experiment_visits) r;

\echo Conversion with its lift, from the counts.
SELECT rate_a, rate_b, p_value, lift, lift_low, lift_high
FROM (SELECT count(*) FILTER (WHERE variant = 'control') AS na, count(*) FILTER (WHERE variant = 'control' AND converted) AS xa,
		count(*) FILTER (WHERE variant = 'treatment') AS nb, count(*) FILTER (WHERE variant = 'treatment' AND converted) AS xb
	FROM experiment_visits) c, LATERAL ecml_prop_test(xa, na, xb, nb);

\echo 'May we stop? A p-value that may be looked at every day.'
SELECT day, p_value, ci_low, ci_high, significant
FROM (
	SELECT visited_at::date AS day, sum(count(*) FILTER (WHERE variant = 'treatment')) OVER w AS nt,
		sum(count(*) FILTER (WHERE variant = 'control')) OVER w AS nc,
		sum(count(*) FILTER (WHERE variant = 'treatment' AND converted)) OVER w AS xt,
		sum(count(*) FILTER (WHERE variant = 'control' AND converted)) OVER w AS xc
	FROM experiment_visits GROUP BY 1 WINDOW w AS (ORDER BY visited_at::date)) d,
	LATERAL ecml_msprt(nt, xt / nt, sqrt(xt / nt * (1 - xt / nt)), nc, xc / nc, sqrt(xc / nc * (1 - xc / nc)), '{"tau": 0.01}')
WHERE extract(day FROM day)::int % 4 = 0
ORDER BY day;

\echo All of it in one report: effects, adjusted and always-valid p-values, and a sentence.
SELECT metric, segment, lift, p_adjusted, p_always_valid, conclusion
FROM ecml_ab_report('experiment_visits',
	'{"metrics": {"converted": "mean", "revenue": {"covariate": "pre_revenue"}}, "segments": ["device"]}');

\echo 'And would such a report find differences where nothing was done? Past customers, shared out anew 500 times.'
SELECT metric, units, false_positive_rate, row_rate, conclusion
FROM ecml_aa_check('SELECT customer_id, total, 1 AS orders FROM orders',
	'{"unit": "customer_id", "metrics": {"total": "mean", "orders": "sum"}, "splits": 500}');

\echo 'Whom does it move? Visitors by what they spent before: is that an order worth anything (Qini)?'
SELECT round(ecml_qini(pre_revenue, converted, variant = 'treatment')::numeric, 5) AS heavy_first,
	round(ecml_qini(-pre_revenue, converted, variant = 'treatment')::numeric, 5) AS light_first
FROM experiment_visits;
