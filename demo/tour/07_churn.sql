\echo ======================================================================
\echo 7. Churn: who is about to leave, and why?
\echo ======================================================================
\echo
\echo From the raw table to calibrated, explained probabilities. First a look at it: text, numbers, NULLs.
SELECT column_name, type, nulls, distinct_count, mean, note FROM ecml_describe('customers');

\echo Customers who never change sides: eight in ten to learn from, two in ten to test on.
CREATE VIEW known AS SELECT * FROM customers WHERE NOT ecml_split(customer_id, 0.2, 1);
CREATE VIEW held_out AS SELECT * FROM customers WHERE ecml_split(customer_id, 0.2, 1);

\echo One statement trains, calibrates and stores; columns are taken as they are.
SELECT model, version, rows, skipped, metrics -> 'calibration' AS calibration
FROM ecml_train('churn', 'logreg', 'known', target => 'churned',
	features => '{country,channel,tenure,monthly_spend,complaints,orders}',
	options => '{"missing": "impute", "calibration": "platt"}');
SELECT m ->> 'roc_auc' AS roc_auc, m ->> 'log_loss' AS log_loss, m ->> 'ece' AS calibration_error
FROM ecml_evaluate('churn', 'held_out') m;

\echo What moves the odds, by factor:
SELECT term, odds_ratio, p_value FROM ecml_coefficients('churn') WHERE p_value < 0.01 ORDER BY abs(ln(odds_ratio)) DESC;

\echo The customers most at risk, and the two strongest reasons for each:
SELECT r.customer_id, round(r.probability::numeric, 3) AS probability, e.feature, e.value,
	round(e.contribution::numeric, 2) AS log_odds
FROM (SELECT customer_id, ecml_predict('churn', h) AS probability FROM held_out h
	ORDER BY probability DESC, customer_id LIMIT 3) r
JOIN held_out h USING (customer_id),
	LATERAL (SELECT * FROM ecml_explain('churn', h) ORDER BY contribution DESC LIMIT 2) e
ORDER BY r.probability DESC, r.customer_id;

\echo From which probability on is a call worth it? A call costs 5, a lost customer 60.
SELECT (b).threshold, (b).cost, (b).tp AS leavers_called, (b).fp AS others_called, (b).fn AS leavers_missed
FROM (SELECT ecml_best_threshold(churned, ecml_predict('churn', h), 5, 60) AS b FROM held_out h) t;
