\echo ======================================================================
\echo 9. How long do customers stay, and what are they worth?
\echo ======================================================================
\echo
\echo 'Kaplan and Meier: the share of customers who stay longer than so many months.'
SELECT (k).time AS months, (k).at_risk, (k).events, round((k).survival::numeric, 3) AS survival,
	round((k).conf_low::numeric, 3) AS low, round((k).conf_high::numeric, 3) AS high
FROM (SELECT unnest(ecml_kaplan_meier(tenure, churned)) AS k FROM customers) s WHERE (k).time::int % 4 = 0;

\echo 'Do the channels differ? The log-rank test.'
SELECT (l).chi_square, (l).p_value, (l).groups, (l).observed, (l).expected
FROM (SELECT ecml_logrank(tenure, churned, channel) AS l FROM customers) s;

\echo 'What makes customers leave: proportional hazards.'
SELECT model, rows, metrics -> 'concordance' AS concordance
FROM ecml_train('leaving', 'cox', 'customers', 'tenure', ARRAY['complaints', 'newsletter', 'channel'], '{"event": "churned"}');
SELECT term, estimate, std_error, p_value, odds_ratio AS hazard_ratio FROM ecml_coefficients('leaving');
SELECT customer_id, complaints, channel, ecml_survival('leaving', ARRAY[6, 12, 24], complaints, newsletter, channel) AS survival
FROM customers ORDER BY customer_id LIMIT 3;

\echo 'Who will buy again, and for how much, in the next half year?'
SELECT customer, frequency, round(alive_probability::numeric, 3) AS alive, round(expected_purchases::numeric, 2) AS purchases,
	round(expected_value::numeric, 2) AS value
FROM ecml_clv('SELECT customer_id, ordered_at, total FROM orders WHERE status = ''paid''', '{"horizon": 26}')
ORDER BY expected_value DESC LIMIT 5;
SELECT jsonb_pretty(ecml_clv_model('SELECT customer_id, ordered_at, total FROM orders WHERE status = ''paid'''));
