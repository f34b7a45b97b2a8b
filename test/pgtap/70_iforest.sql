-- isolation forest in SQL, and what it is the first to need of the core: native features, samples, anomalies in every verb
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(55);

CREATE TABLE pay AS
SELECT i AS id, round((20 + 60 * ecml_split(i::text, 0.5, 1)::int + i % 37)::numeric, 2) AS amount,
	timestamptz '2024-01-01 09:00+00' + i * interval '7 minutes' AS paid_at,
	('10.1.' || i % 200 || '.' || i % 250)::inet AS ip_address,
	(ARRAY['DE', 'FR', 'AT', 'NL'])[1 + i % 4] AS country,
	CASE WHEN i % 10 = 3 THEN NULL ELSE (i % 17)::int END AS items, false AS fraud
FROM generate_series(1, 3000) i;
UPDATE pay SET amount = 5000 + id, ip_address = '203.0.113.7', country = 'XX', items = 90, fraud = true WHERE id % 300 = 7;
ANALYZE pay;

SELECT is((SELECT rows::int FROM ecml_train('pay', 'iforest', 'pay', NULL, '{amount,paid_at,ip_address}', '{"seed": 1}')), 3000,
	'amount, time and inet as they are');
SELECT is((SELECT algorithm || ' ' || task FROM ecml.models WHERE name = 'pay'), 'iforest anomaly detection', 'the task in the catalog');
SELECT ok((SELECT min(ecml_iforest_score('pay', amount, paid_at, ip_address)) > 0 AND max(ecml_iforest_score('pay', amount, paid_at, ip_address)) < 1
	FROM pay), 'scores lie between 0 and 1');
SELECT is((SELECT count(*)::int FROM pay WHERE ecml_iforest_score('pay', amount, paid_at, ip_address) IS DISTINCT FROM
	ecml_predict('pay', amount, paid_at, ip_address)), 0, 'ecml_predict gives the score');
SELECT ok((SELECT avg(ecml_iforest_score('pay', amount, paid_at, ip_address)) FILTER (WHERE fraud) >
	max(ecml_iforest_score('pay', amount, paid_at, ip_address)) FILTER (WHERE NOT fraud) FROM pay), 'frauds score higher');
SELECT is((SELECT count(*)::int FROM pay WHERE (ecml_classify('pay', amount, paid_at, ip_address) = 'anomaly') IS DISTINCT FROM
	ecml_is_anomaly('pay', amount, paid_at, ip_address)), 0, 'ecml_classify says anomaly where ecml_is_anomaly does');
SELECT is((SELECT count(*)::int FROM pay WHERE ecml_is_anomaly('pay', amount, paid_at, ip_address) IS DISTINCT FROM
	(ecml_predict('pay', amount, paid_at, ip_address) > 0.5)), 0, 'without contamination the threshold is 0.5');

-- categories and NULLs
SELECT is((SELECT skipped::int FROM ecml_train('pay2', 'iforest', 'pay', NULL, '{amount,country,items}', '{"seed": 1, "contamination": 0.0034}')), 0,
	'rows with NULLs are used');
SELECT is(ecml_model_info('pay2') -> 'options' ->> 'missing', 'native', 'missing is native by default');
SELECT ok(ecml_predict('pay2', 50, 'DE', NULL) BETWEEN 0.3 AND 0.6, 'a NULL has a score');
SELECT ok(ecml_predict('pay2', NULL::numeric, NULL::text, NULL::int) > 0, 'so has a row of NULLs');
SELECT ok(ecml_predict('pay2', 50, 'ZZ', 3) > 0, 'and a category that training has not seen');
SELECT ok(ecml_predict('pay2', 50, 'XX', 3) > ecml_predict('pay2', 50, 'DE', 3), 'a rare category scores higher');
SELECT is((SELECT count(*)::int FROM pay WHERE ecml_is_anomaly('pay2', amount, country, items)), 10, 'contamination is the share above the threshold');
SELECT is((SELECT count(*)::int FROM pay p WHERE ecml_predict('pay2', amount, country, items) IS DISTINCT FROM ecml_predict('pay2', p)), 0,
	'a whole row gives the same');
SELECT is((SELECT count(*)::int FROM pay p WHERE ecml_predict('pay2', amount, country, items) IS DISTINCT FROM
	ecml_predict('pay2', amount::float8, country::varchar, items::float8)), 0, 'other types of the same values give the same');
SELECT is((SELECT count(*)::int FROM pay p WHERE ecml_predict('pay2', amount, country, items) IS DISTINCT FROM
	ecml_predict(ecml_load('pay2'), amount, country, items)), 0, 'a model as a value gives the same');
SELECT is((SELECT skipped::int FROM ecml_train('pay3', 'iforest', 'pay', NULL, '{amount,items}', '{"missing": "skip"}')), 300, '"skip" leaves rows out');
SELECT is((SELECT count(*)::int FROM pay WHERE ecml_classify('pay3', amount::float8, items::float8) IS DISTINCT FROM
	CASE WHEN items IS NULL THEN NULL WHEN ecml_predict('pay3', amount, items) > 0.5 THEN 'anomaly' ELSE 'normal' END), 0,
	'rows with a NULL between others have no class');
SELECT is((SELECT count(*)::int FROM pay p WHERE ecml_classify('pay2', amount, country, items) IS DISTINCT FROM
	ecml_classify(ecml_load('pay2'), amount, country, items)), 0, 'ecml_classify by name and by value');
SELECT ecml_save('groups', ecml_kmeans('{"k": 3, "seed": 1}', amount::float8, id::float8)) FROM pay;
SELECT is((SELECT count(*)::int FROM pay WHERE ecml_classify('groups', amount::float8, id::float8) IS DISTINCT FROM
	ecml_predict('groups', amount::float8, id::float8)::int::text), 0, 'ecml_classify gives a cluster''s number');
SELECT is(ecml_predict('pay3', 5, NULL::int), NULL, 'and predicts NULL for them');
SELECT is((SELECT skipped::int FROM ecml_train('pay3', 'iforest', 'pay', NULL, '{amount,country,items}', '{"missing": "impute"}')), 0, '"impute" fills');
SELECT is(ecml_predict('pay3', NULL::numeric, 'DE', 3), ecml_predict('pay3', (SELECT avg(amount) FROM pay), 'DE', 3), 'with the mean');
SELECT is(ecml_predict('pay3', 50, NULL::text, 3), ecml_predict('pay3', 50, (SELECT mode() WITHIN GROUP (ORDER BY country) FROM pay), 3),
	'or the most frequent category');
SELECT throws_ok($$SELECT ecml_train('pay3', 'iforest', 'pay', NULL, '{amount,items}', '{"missing": "error"}')$$, '22004', 'column "items" holds NULL',
	'"error" is one');
SELECT throws_ok($$SELECT ecml_train('pay3', 'kmeans', 'pay', NULL, '{amount,items}', '{"missing": "native"}')$$, '22023', NULL,
	'no other algorithm takes NULLs as they are');

-- explanation
SELECT ok((SELECT abs(max(base) + sum(contribution) - max(prediction)) < 1e-9 AND abs(2 ^ max(prediction) - ecml_predict('pay2', 5000, 'XX', 90)) < 1e-12
	FROM ecml_explain('pay2', 5000, 'XX', 90)), 'contributions add up to log2 of the score');
SELECT is((SELECT count(*)::int FROM ecml_explain('pay2', 50, 'DE', NULL)), 3, 'a NULL is explained, too');
SELECT is((SELECT feature FROM ecml_explain('pay2', 5000, 'DE', 3) ORDER BY contribution DESC LIMIT 1), 'amount', 'what is unusual comes first');
SELECT ok((SELECT abs(sum(importance) - 1) < 1e-6 AND count(*) = 3 FROM ecml_importance('pay2')), 'importance of each feature');
SELECT is((SELECT count(*)::int FROM ecml_importance('pay2', 'pay')), 3, 'by permutation');
SELECT ok((SELECT count(*) = 5 AND bool_and(prediction BETWEEN 0 AND 1) FROM ecml_partial_dependence('pay2', 'pay', 'country')), 'partial dependence on a category');
SELECT is((SELECT string_agg(feature, ',' ORDER BY feature) FROM ecml_drift('pay2', 'pay') WHERE drifted), NULL, 'no drift of the rows themselves');
SELECT ok((SELECT bool_or(drifted) FROM ecml_drift('pay2', 'SELECT amount * 3 AS amount, country, NULL::int AS items FROM pay') WHERE feature IN ('amount', 'items')),
	'drift of other rows, of NULLs too');

-- evaluation
SELECT is((ecml_evaluate('pay2', 'pay') ->> 'anomalies')::float8, 10::float8, 'evaluation without a label');
SELECT is((ecml_evaluate('pay2', 'pay') -> 'roc_auc'), NULL, 'knows no curve');
SELECT ok((SELECT (e ->> 'roc_auc')::float8 > 0.999 AND (e ->> 'precision_at_k')::float8 = 1 AND (e ->> 'k')::int = 10 AND (e ->> 'precision')::float8 = 1
	AND (e ->> 'recall')::float8 = 1 FROM ecml_evaluate('pay2', 'pay', '{"label": "fraud"}') e), 'and with one');
SELECT is((ecml_evaluate('pay2', 'pay', '{"label": "fraud", "k": 20}') ->> 'precision_at_k')::float8, 0.5::float8, 'precision among the first k');
SELECT is((ecml_evaluate('pay2', 'pay', '{"label": "fraud", "threshold": 1}') ->> 'recall')::float8, 0::float8, 'another threshold');
SELECT throws_ok($$SELECT ecml_evaluate('pay2', 'pay', '{"label": "items"}')$$, '22000', NULL, 'a label that is none');
SELECT throws_ok($$SELECT ecml_cross_validate('iforest', 'SELECT amount FROM pay')$$, '22023', 'iforest cannot be cross-validated', 'no cross validation');
SELECT throws_ok($$SELECT ecml_tune('iforest', 'SELECT amount FROM pay', NULL, NULL, '{"n_trees": [10, 20]}')$$, '22023', NULL, 'nor a search');
SELECT is((SELECT count(*)::int FROM ecml_cross_predict('iforest', 'SELECT id, amount FROM pay', NULL, NULL, 'id') WHERE prediction > 0 AND class IN ('anomaly', 'normal')),
	3000, 'out-of-fold scores');
SELECT throws_ok($$SELECT ecml_is_anomaly(ecml_kmeans('{"k": 2}', amount), 1) FROM pay$$, '22023', NULL, 'a clustering knows no anomalies');

-- aggregate
SELECT is((SELECT count(*)::int FROM (SELECT country, ecml_iforest('{"n_trees": 20}', amount, items) AS m FROM pay GROUP BY country) s
	WHERE ecml_predict(m, 50, 3) > 0), 5, 'a model a group');
SELECT ok((SELECT ecml_predict(ecml_iforest('{"sample_weight": "x2", "seed": 3}', amount, 1 + items % 2), 50) > 0 FROM pay), 'an argument is the weight');
SELECT ok((SELECT ecml_iforest('{}', amount) IS NULL FROM pay WHERE false), 'NULL without rows');

-- extended
SELECT lives_ok($$SELECT ecml_train('pay4', 'iforest', 'pay', NULL, '{amount,paid_at,country,items}', '{"extension_level": 3, "seed": 1}')$$, 'planes');
SELECT ok((SELECT (ecml_evaluate('pay4', 'pay', '{"label": "fraud"}') ->> 'roc_auc')::float8 > 0.99), 'find frauds, too');
SELECT ok((SELECT abs(max(base) + sum(contribution) - max(prediction)) < 1e-9 FROM ecml_explain('pay4', 5000, '2024-01-02 10:00+00'::timestamptz, 'XX', 9)),
	'and explain them');

-- the sample: the same whether one process reads the table or several
CREATE TABLE big AS SELECT i, (i * 7919::bigint % 10007)::float8 AS a, (i % 13)::text AS b, CASE WHEN i % 11 > 0 THEN i % 101 END AS c, 1 + i % 3 AS w
FROM generate_series(1, 400000) i;
ANALYZE big;
SET LOCAL min_parallel_table_scan_size = '64kB';
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL ecml.threads = 3;
SELECT is((SELECT rows || ' ' || (metrics ->> 'sampled_rows') FROM ecml_train('big', 'iforest', 'big', NULL, '{a,b,c}', '{"seed": 5}')), '400000 25600', 'a bounded sample of a table');
SELECT ecml_train('bigw', 'iforest', 'big', NULL, '{a,b,c}', '{"seed": 5, "sample_weight": "w"}');
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL ecml.threads = 1;
SELECT ecml_train('big1', 'iforest', 'big', NULL, '{a,b,c}', '{"seed": 5}');
SELECT ecml_train('bigw1', 'iforest', 'big', NULL, '{a,b,c}', '{"seed": 5, "sample_weight": "w"}');
SELECT ok(ecml_load('big')::text = ecml_load('big1')::text, 'is the same, read by one process or several');
SELECT ok(ecml_load('bigw')::text = ecml_load('bigw1')::text, 'with weights, too');
SELECT ok(ecml_load('big')::text <> ecml_load('bigw')::text, 'which matter');

SELECT * FROM finish();
ROLLBACK;
