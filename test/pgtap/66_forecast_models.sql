-- Stored forecasting models, new rows, backtests, forecasts that add up along paths.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(39);

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

-- ---- a model and its columns, new rows as a test, series that grow

SELECT is(rows, 205::bigint, 'trained again') FROM ecml_train('demand', 'theta', 'SELECT day, qty, sku FROM s WHERE day < ''2026-06-01''', target => 'qty',
	options => '{"series": "sku", "ds": "day"}');
SELECT is(array_agg(series ORDER BY series), ARRAY['2', '4'], 'only some series') FROM ecml_forecast('demand', 1, options => '{"only": ["4", "2", "none"]}');
SELECT is(count(*), 5::bigint, 'its own columns may be named') FROM ecml_forecast(model => 'demand', horizon => 1, ds => 'day', y => 'qty', series => 'sku');
SELECT throws_ok($$SELECT * FROM ecml_forecast(model => 'demand', horizon => 1, series => 'region')$$, '22023',
	'argument "series" is not that of the model', 'others may not');
SELECT throws_like($$SELECT * FROM ecml_forecast('demand', 1, options => '{"season": 7}')$$, '%unknown option "season"%', 'options of the training stay');
CREATE TABLE judged AS SELECT ecml_evaluate('demand', 'SELECT day, qty, sku FROM s') AS e;
SELECT ok(pg_temp.close((e ->> 'mae')::float8, mae) AND pg_temp.close((e ->> 'bias')::float8, bias) AND pg_temp.close((e ->> 'rmse')::float8, rmse)
	AND pg_temp.close((e ->> 'smape')::float8, smape) AND pg_temp.close((e ->> 'coverage')::float8, coverage) AND (e ->> 'forecasts')::int = 35,
	'an evaluation is what the forecasts miss')
FROM judged, (SELECT avg(abs(yhat - qty)) AS mae, avg(yhat - qty) AS bias, sqrt(avg((yhat - qty) ^ 2)) AS rmse,
	avg(200 * abs(yhat - qty) / (abs(yhat) + abs(qty))) AS smape, avg((qty BETWEEN yhat_lower AND yhat_upper)::int) AS coverage
	FROM ecml_forecast('demand', 7) f JOIN s ON s.sku::text = f.series AND s.day = f.ds) d;
SELECT throws_ok($$SELECT ecml_evaluate('demand', 'SELECT day, qty, sku FROM s WHERE day < ''2026-06-01''')$$, '22000',
	'the source has no rows after those of the model', 'known rows are no test');
SELECT is((ecml_retrain('demand')).version, (SELECT max(version) + 1 FROM ecml.models WHERE name = 'demand'), 'trained from its own source');
SELECT is((metrics ->> 'failed')::int, 1, 'one value is not enough')
FROM ecml_train('slow', 'ets', 'SELECT date ''2026-01-01'' AS ds, 1.0 AS y', target => 'y');
SELECT is((ecml_update('slow', 'SELECT date ''2026-01-02'' AS ds, 3.0 AS y')).new_series, 1::bigint, 'with the next one it is');
SELECT is(array_agg(ds), ARRAY[timestamp '2026-01-03'], 'and goes on from there') FROM ecml_forecast('slow', 1) WHERE yhat BETWEEN 1 AND 3;
SELECT lives_ok($$SELECT ecml_drop_model('demand'), ecml_drop_model('slow')$$, 'dropped');

-- ---- holidays and regressors of a stored model: what it was trained with, whoever asks

CREATE TABLE holiday AS SELECT date '2025-12-25' + 365 * k AS ds, 'feast' AS holiday FROM generate_series(-1, 1) k;
CREATE TABLE shop AS SELECT date '2024-06-01' + i AS day, CASE WHEN i < 600 THEN 100 + 20 * (i % 3 = 0)::int + 50 * ((date '2024-06-01' + i) IN (SELECT ds FROM holiday))::int
	+ sin(i * i) END AS qty, i % 3 = 0 AS promo FROM generate_series(0, 619) i;
SELECT is(rows, 620::bigint, 'a model with holidays and regressors') FROM ecml_train('shop', 'prophet', 'shop', target => 'qty',
	options => '{"ds": "day", "yearly": 0, "holiday_table": "holiday", "regressors": ["promo"]}');
CREATE TABLE ahead AS SELECT * FROM ecml_forecast('SELECT * FROM shop', 20, y => 'qty', options => '{"method": "prophet", "yearly": 0, "holiday_table": "holiday", "regressors": ["promo"]}');
SELECT ok(count(*) = 20 AND bool_and(pg_temp.close(m.yhat, a.yhat)) AND max(m.yhat) > 115 AND min(m.yhat) < 105, 'regressors of the future are in the model')
FROM ecml_forecast(model => 'shop', horizon => 20) m JOIN ahead a USING (step);
SELECT ok(bool_and(yhat IS NULL AND note LIKE 'a regressor is missing%'), 'beyond them: a note') FROM ecml_forecast(model => 'shop', horizon => 21);
INSERT INTO holiday VALUES ('2026-01-26', 'another');
SELECT ok(bool_and(pg_temp.close(m.yhat, a.yhat)), 'a changed table changes nothing') FROM ecml_forecast(model => 'shop', horizon => 20) m JOIN ahead a USING (step);
DROP TABLE holiday;
SELECT ok(bool_and(pg_temp.close(m.yhat, a.yhat)), 'nor one that is gone') FROM ecml_forecast(model => 'shop', horizon => 20) m JOIN ahead a USING (step);
SELECT is((ecml_load('shop')::text)::ecml_model::text, ecml_load('shop')::text, 'its text form is read again');
SELECT is((ecml_update('shop', 'SELECT date ''2024-06-01'' + i AS day, CASE WHEN i < 605 THEN 100 + 20 * (i % 3 = 0)::int END AS qty, i % 3 = 0 AS promo
	FROM generate_series(600, 639) i')).series, 1::bigint, 'an update brings values and later regressors');
SELECT ok(count(yhat) = 35 AND min(ds) = '2026-01-27' AND bool_and(abs(yhat - (100 + 20 * ((ds::date - date '2024-06-01') % 3 = 0)::int)) < 3),
	'which forecasts use') FROM ecml_forecast(model => 'shop', horizon => 35);
CREATE ROLE forecast_reader;
CREATE TABLE trap (ds date, holiday text);
CREATE FUNCTION sprung() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'run by %', current_user; END $$;
INSERT INTO trap VALUES ('2025-12-25', 'feast');
CREATE VIEW trapped AS SELECT ds, CASE WHEN current_user = 'forecast_reader' THEN sprung() ELSE holiday END AS holiday FROM trap;
SELECT lives_ok($$SELECT ecml_train('trap', 'prophet', 'SELECT day, qty FROM shop', target => 'qty', options => '{"ds": "day", "holiday_table": "SELECT * FROM trapped"}')$$, 'a model whose holidays come from a query');
SELECT lives_ok($$SELECT ecml_grant('trap', 'forecast_reader')$$, 'is granted');
SET LOCAL ROLE forecast_reader;
SELECT is((SELECT count(yhat) FROM ecml_forecast(model => 'trap', horizon => 3)), 3::bigint, 'and forecasts run none of its owner''s queries');
RESET ROLE;
SELECT throws_ok($$SELECT ecml_train('no', 'ets', 'shop', target => 'qty', options => '{"ds": "day", "regressors": ["promo"]}')$$, '22023',
	'method "ets" takes no regressors', 'a method without regressors says so');

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
