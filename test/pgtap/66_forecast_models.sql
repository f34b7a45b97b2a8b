-- Stored forecasting models, new rows, backtests, forecasts that add up along paths.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(15);

CREATE TABLE s AS
SELECT p AS sku, CASE WHEN p < 3 THEN 'north' ELSE 'south' END AS region, date '2023-01-01' + (interval '1 month') * m AS day,
	100 + 10 * p + m + 20 * sin(2 * pi() * m / 12) * (p % 3) + 5 * sin(m * m * 1.7 * p) AS qty
FROM generate_series(1, 5) p, generate_series(0, 47) m;
SELECT is(rows, 205::bigint, 'a model of five series')
FROM ecml_train('demand', 'theta', 'SELECT day, qty, sku FROM s WHERE day < ''2026-06-01''', target => 'qty',
	options => '{"series": "sku", "ds": "day"}');
CREATE TABLE direct AS SELECT * FROM ecml_forecast('SELECT day, qty, sku FROM s WHERE day < ''2026-06-01''', 3, series => 'sku',
	options => '{"method": "theta"}');
SELECT ok(count(*) = 15 AND bool_and(pg_temp.close(d.yhat, m.yhat) AND pg_temp.close(d.yhat_lower, m.yhat_lower)),
	'a stored model forecasts as the statement does') FROM direct d JOIN ecml_forecast(model => 'demand', horizon => 3) m USING (series, step);
SELECT is(count(*), 5::bigint, 'a model''s name as the source') FROM ecml_forecast('demand', 1);
SELECT lives_ok($$SELECT ecml_update('demand', 'SELECT day, qty, sku FROM s WHERE day >= ''2026-06-01''')$$, 'new rows');
SELECT is(array_agg(DISTINCT ds), ARRAY[timestamp '2027-01-01'], 'it goes on from there') FROM ecml_forecast('demand', 1);
SELECT is(max(version), 2, 'as the next version') FROM ecml.models WHERE name = 'demand';
SELECT is((ecml_load('demand')::text)::ecml_model::text, ecml_load('demand')::text, 'its text form is read again');
SELECT throws_ok($$SELECT ecml_predict('demand', 1.0)$$, '22023', 'the model does not predict from features', 'no features');
SELECT throws_ok($$SELECT * FROM ecml_forecast('s', 3, series => 'sku', model => 'demand')$$, '22023',
	'give a source or a model, not both', 'a source and a model');
SELECT lives_ok($$SELECT ecml_drop_model('demand')$$, 'dropped');

-- ---- backtests

CREATE TABLE tested AS SELECT * FROM ecml_backtest('s', 3, series => 'sku', options => '{"methods": ["theta", "naive"]}');
SELECT is(array_agg(DISTINCT method ORDER BY method), ARRAY['naive', 'theta'], 'methods beside each other') FROM tested;
SELECT ok((SELECT mae FROM tested WHERE method = 'theta' AND step IS NULL AND series IS NULL)
	< (SELECT mae FROM tested WHERE method = 'naive' AND step IS NULL AND series IS NULL), 'Theta beats the last value');
SELECT ok(bool_and(coverage BETWEEN 0 AND 1 AND rmse >= mae), 'measures are in their ranges') FROM tested;

-- ---- paths

CREATE TABLE sums AS SELECT * FROM ecml_forecast('s', 2, series => 'region,sku', options => '{"method": "theta", "reconcile": "bottom_up"}');
SELECT ok(bool_and(pg_temp.close(t.yhat, b.yhat)), 'the total is the sum of all')
FROM sums t JOIN (SELECT step, sum(yhat) AS yhat FROM sums WHERE series LIKE '%/%' GROUP BY step) b USING (step) WHERE series = 'total';
SELECT ok(bool_and(pg_temp.close(t.yhat, b.yhat)), 'also with least trace')
FROM (SELECT * FROM ecml_forecast('s', 2, series => 'region,sku', options => '{"method": "theta", "reconcile": "mint"}')) t
JOIN (SELECT step, sum(yhat) AS yhat FROM ecml_forecast('s', 2, series => 'region,sku',
	options => '{"method": "theta", "reconcile": "mint"}') WHERE series LIKE '%/%' GROUP BY step) b USING (step) WHERE series = 'total';

SELECT * FROM finish();
ROLLBACK;
