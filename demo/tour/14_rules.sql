\echo ======================================================================
\echo 14. Who leaves? A tree that can be read, and a forest
\echo ======================================================================
\echo
\echo A decision tree, and its leaves as conditions:
SELECT model, rows, metrics ->> 'leaves' AS leaves FROM ecml_train('who leaves', 'decision_tree', 'customers', 'churned',
	'{country,channel,tenure,monthly_spend,complaints,orders}', '{"max_depth": 3, "min_samples_leaf": 200}');
SELECT condition, round(prediction::numeric, 2) AS leaves, round(share::numeric, 3) AS share
FROM ecml_tree_rules('who leaves') ORDER BY prediction DESC;

\echo Each condition stands in a WHERE as it is. The segment most at risk:
SELECT 'SELECT count(*) AS customers, round(avg(churned::int), 2) AS left_us FROM customers WHERE ' || condition
FROM ecml_tree_rules('who leaves') ORDER BY prediction DESC LIMIT 1 \gexec

\echo A forest predicts better, and knows how well without a test set: rows are judged by trees that have not seen them.
SELECT model, rows, round((metrics #>> '{oob,roc_auc}')::numeric, 3) AS oob_roc_auc, round((metrics #>> '{oob,accuracy}')::numeric, 3) AS oob_accuracy
FROM ecml_train('leaving forest', 'random_forest', 'customers', 'churned', '{country,channel,tenure,monthly_spend,complaints,orders}');

\echo One customer explained, exactly:
SELECT e.feature, left(e.value, 8) AS value, round(e.contribution::numeric, 3) AS contribution, round(e.prediction::numeric, 3) AS prediction
FROM (SELECT * FROM customers WHERE customer_id = 7) c, LATERAL ecml_explain('leaving forest', c) e ORDER BY abs(e.contribution) DESC;
