\echo ======================================================================
\echo 14. Payments unlike all others, before anybody has told which ones are fraud
\echo ======================================================================
\echo
\echo 'An isolation forest of amount, time and address as they are; the hundredth part of the payments is to be looked at'
SELECT model, rows, metrics -> 'sampled_rows' AS sampled, round((metrics ->> 'threshold')::numeric, 3) AS threshold
FROM ecml_train('odd payments', 'iforest', 'payments', features => ARRAY['amount', 'paid_at', 'ip_address', 'category', 'country'],
	options => '{"contamination": 0.01, "seed": 1}');

\echo 'The most unusual ones'
SELECT payment_id, amount, country, category, round(ecml_iforest_score('odd payments', amount, paid_at, ip_address, category, country)::numeric, 3) AS score,
	is_fraud
FROM payments ORDER BY score DESC, payment_id LIMIT 5;

\echo 'Why: what each column adds to log2 of the score'
SELECT feature, value, round(contribution::numeric, 3) AS contribution
FROM payments p, ecml_explain('odd payments', amount, paid_at, ip_address, category, country)
WHERE payment_id = (SELECT payment_id FROM payments
	ORDER BY ecml_predict('odd payments', amount, paid_at, ip_address, category, country) DESC, payment_id LIMIT 1)
ORDER BY 3 DESC;

\echo 'Weeks later the frauds are known: how well did it do without them?'
SELECT round((e ->> 'roc_auc')::numeric, 3) AS roc_auc, round((e ->> 'prevalence')::numeric, 4) AS frauds,
	round((e ->> 'precision_at_k')::numeric, 3) AS precision_of_the_first_100
FROM ecml_evaluate('odd payments', 'payments', '{"label": "is_fraud", "k": 100}') e;
