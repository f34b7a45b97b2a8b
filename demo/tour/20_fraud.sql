\echo ======================================================================
\echo 20. Fraud: which payments should somebody look at?
\echo ======================================================================
\echo
\echo Features that look back: how often a card, a device, an address was used in the last minutes.
CREATE VIEW payment_velocity AS
SELECT payment_id, paid_at, amount, is_fraud, ln(amount::float8 + 1) AS log_amount,
	(country <> card_country)::int AS abroad,
	(extract(hour FROM paid_at AT TIME ZONE 'UTC') < 6)::int AS night,
	count(*) OVER card_10_minutes AS card_count_10m,
	count(*) OVER device_hour AS device_count_1h,
	count(*) OVER address_hour AS address_count_1h
FROM payments
WINDOW card_10_minutes AS (PARTITION BY card ORDER BY paid_at RANGE BETWEEN interval '10 minutes' PRECEDING AND CURRENT ROW),
	device_hour AS (PARTITION BY device ORDER BY paid_at RANGE BETWEEN interval '1 hour' PRECEDING AND CURRENT ROW),
	address_hour AS (PARTITION BY ip_address ORDER BY paid_at RANGE BETWEEN interval '1 hour' PRECEDING AND CURRENT ROW);
CREATE TABLE payments_spring AS SELECT * FROM payment_velocity WHERE paid_at < '2026-06-01 00:00+00';
CREATE TABLE payments_june AS SELECT * FROM payment_velocity WHERE paid_at >= '2026-06-01 00:00+00';

\echo Without a single label: how far is a payment from the others?
SELECT rows, metrics -> 'anomaly_share' AS anomaly_share
FROM ecml_train('payment_distance', 'mahalanobis', 'payments_spring',
	features => '{log_amount,abroad,night,card_count_10m,device_count_1h,address_count_1h}');
SELECT m -> 'roc_auc' AS roc_auc, m -> 'k' AS frauds, m -> 'precision_at_k' AS precision_at_k
FROM ecml_evaluate('payment_distance', 'payments_june', '{"label": "is_fraud"}') m;

\echo The strangest payment of June, and why:
SELECT f.payment_id, f.is_fraud, e.feature, e.value, round(e.contribution::numeric, 1) AS contribution
FROM (SELECT * FROM payments_june j ORDER BY ecml_predict('payment_distance', j) DESC, payment_id LIMIT 1) f,
	LATERAL ecml_explain('payment_distance', f.log_amount, f.abroad, f.night, f.card_count_10m, f.device_count_1h,
		f.address_count_1h) e
ORDER BY e.contribution DESC LIMIT 3;

\echo Which products sold far more than they should have, in which week? 400 series in one statement.
SELECT series AS product_id, ds::date AS week, y AS units, round(expected::numeric) AS expected, round(score::numeric, 1) AS score
FROM ecml_anomalies('sales', 'week', 'units', 'product_id', '{"only_anomalies": true, "direction": "above"}')
ORDER BY score DESC, product_id LIMIT 5;
