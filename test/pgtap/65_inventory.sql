-- Stock levels: EOQ, newsvendor, policies on given demand, plans, classes; the parts of a series.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(48);

-- EOQ
SELECT ok(pg_temp.close((ecml_eoq(1000, 50, 2)).quantity, sqrt(2 * 50 * 1000 / 2.0), 1e-12), 'the root formula');
SELECT ok(pg_temp.close((e).cost, sqrt(2.0 * 50 * 1000 * 2), 1e-12) AND pg_temp.close((e).orders * (e).cycle, 1, 1e-12),
	'its cost, orders and cycle') FROM (SELECT ecml_eoq(1000, 50, 2) AS e) s;
SELECT is((ecml_eoq(1000, 50, 2, '{"pack_size": 60}')).quantity, 240::float8, 'rounded up to packs');
SELECT is((ecml_eoq(1000, 50, 2, '{"moq": 300}')).quantity, 300::float8, 'not below the least order');
SELECT is((ecml_eoq(100, 50, 2, '{"shelf_life": 0.5}')).quantity, 50::float8, 'nor more than sells within its life');
SELECT is((SELECT ((e).quantity, (e).unit_cost)::text FROM (SELECT ecml_eoq(1000, 50, NULL,
	'{"unit_cost": 10, "holding_rate": 0.2, "price_breaks": {"500": 9, "5000": 8.99}}') AS e) s), '(500,9)',
	'a price break that pays is taken, one that does not is left');
SELECT throws_ok($$ SELECT ecml_eoq(-1, 50, 2) $$, '22023', NULL, 'demand below 0');
SELECT throws_ok($$ SELECT ecml_eoq(100, 50, NULL) $$, '22023', NULL, 'no holding cost');
SELECT throws_ok($$ SELECT ecml_eoq(100, 50, 2, '{"price_breaks": {"many": 9}}') $$, '22023', NULL, 'a break without a quantity');

-- newsvendor: against sums over the Poisson distribution, and the normal's derivative
SELECT ok(abs((n).critical_ratio - 4.0 / 9) < 1e-12 AND (n).quantity < 100 AND (n).expected_sales < 100, 'less than the mean at a low ratio')
FROM (SELECT ecml_newsvendor(100, 20, 10, 6, 1) AS n) s;
SELECT ok((SELECT bool_and((n).expected_profit >= p - 1e-9) FROM (SELECT ecml_newsvendor(8, 0, 10, 6, 1, 'poisson') AS n) s,
	LATERAL (SELECT sum(w * (10 * least(k, q) + 1 * greatest(q - k, 0) - 6 * q)) AS p FROM generate_series(0, 30) q,
		LATERAL (SELECT k, exp(-8 + k * ln(8.0) - ln(factorial(k)::float8))::float8 AS w FROM generate_series(0, 60) k) d GROUP BY q) a),
	'Poisson: no other quantity pays more');
SELECT ok(abs((n).expected_sales - s) < 1e-9, 'and the sales are the sum''s') FROM (SELECT ecml_newsvendor(8, 0, 10, 6, 1, 'poisson') AS n) x,
	LATERAL (SELECT sum(least(k, (n).quantity) * exp(-8 + k * ln(8.0) - ln(factorial(k)::float8))::float8) AS s FROM generate_series(0, 60) k) d;
SELECT throws_ok($$ SELECT ecml_newsvendor(100, 20, 5, 6) $$, '22023', NULL, 'a price below the cost');
SELECT throws_ok($$ SELECT ecml_newsvendor(100, 20, 10, 6, 1, 'cauchy') $$, '22023', NULL, 'an unknown distribution');

-- policies
CREATE TABLE days AS SELECT * FROM ecml_simulate_inventory(
	'{"reorder_point": 8, "order_quantity": 10, "lead_time": 2, "initial": 12}', ARRAY[5,3,4,6,2,0,9,1]::float8[]);
SELECT is((SELECT array_agg(on_hand ORDER BY period) FROM days), ARRAY[7,4,0,4,2,2,3,2]::float8[], 'stock by hand');
SELECT is((SELECT array_agg(ordered ORDER BY period) FROM days), ARRAY[0,10,0,0,10,0,0,10]::float8[], 'orders by hand');
SELECT is((SELECT array_agg(arrived ORDER BY period) FROM days), ARRAY[0,0,0,10,0,0,10,0]::float8[], 'arrivals two periods later');
SELECT is((SELECT sum(missed) FROM ecml_simulate_inventory('{"order_up_to": 5, "lead_time": 3, "initial": 5, "backorder": false}',
	ARRAY[5,5,5,5]::float8[])), 15::float8, 'what is missed is lost');
SELECT is((SELECT min(on_hand) FROM ecml_simulate_inventory('{"order_up_to": 5, "lead_time": 3, "initial": 5}',
	ARRAY[5,5,5,5]::float8[])), -15::float8, 'or waits');
SELECT is((SELECT sum(expired) FROM ecml_simulate_inventory('{"order_up_to": 10, "lead_time": 1, "initial": 10, "shelf_life": 2}',
	ARRAY[1,1,1,1]::float8[])), 8::float8, 'goods expire, the oldest first');
SELECT is((SELECT bool_and(missed = 0) FROM ecml_simulate_inventory('{"order_up_to": 7, "lead_time": 0, "initial": 0}',
	ARRAY[7,3,5,6,2]::float8[])), true, 'without lead time an order comes before the demand');
SELECT ok((SELECT abs(12 + sum(arrived) - sum(sold) - (SELECT on_hand FROM days WHERE period = 8)) < 1e-9 FROM days), 'units add up');
SELECT throws_ok($$ SELECT ecml_simulate_inventory('{}', ARRAY[1]::float8[]) $$, '22023', NULL, 'no policy');
SELECT throws_ok($$ SELECT ecml_simulate_inventory('{"reorder_point": 1}', ARRAY[1]::float8[]) $$, '22023', NULL, 'no quantity');
SELECT throws_ok($$ SELECT ecml_simulate_inventory('{"order_up_to": 5}', ARRAY[1, NULL]::float8[]) $$, '22000', NULL, 'demand NULL');
SELECT throws_like($$ SELECT ecml_simulate_inventory('{"oder_up_to": 5}', ARRAY[1]::float8[]) $$, '%unknown option%', 'a wrong option');

-- plans
CREATE TABLE demand AS SELECT 'p' || i AS sku, date '2023-01-02' + 7 * w AS week,
	(5 * i + (i * 7919 + w * 104729) % (3 + 2 * i))::float8 AS units FROM generate_series(1, 12) i, generate_series(0, 77) w;
INSERT INTO demand VALUES ('new', '2024-06-24', 3);
CREATE TABLE plans AS SELECT * FROM ecml_inventory_plan('demand',
	'{"series": "sku", "ds": "week", "y": "units", "lead_time": 2, "service_level": 0.97, "method": "naive"}');
SELECT is((SELECT count(*) FROM plans), 13::bigint, 'a row a series');
SELECT ok((SELECT bool_and(abs(fill_rate - 0.97) < 0.01) FROM plans WHERE series <> 'new'), 'fill rates are as asked');
SELECT ok((SELECT bool_and(abs(reorder_point - demand - safety_stock) < 1e-9 AND order_now IS NULL) FROM plans WHERE note IS NULL),
	'reorder point is demand and safety stock; without stock nothing is ordered');
CREATE TABLE better AS SELECT * FROM ecml_inventory_plan('SELECT * FROM demand WHERE sku IN (''p3'', ''p4'')',
	'{"series": "sku", "ds": "week", "y": "units", "method": "naive", "items": "SELECT ''p3'' AS sku, 2 AS lead_time, 10 AS on_hand, 6 AS pack_size, 0 AS on_order"}');
SELECT ok((SELECT order_now > 0 AND order_now::int % 6 = 0 AND cover < 2 FROM better WHERE series = 'p3'), 'an item with little stock orders packs');
SELECT ok((SELECT order_now IS NULL FROM better WHERE series = 'p4'), 'one without a row is planned by the options');
SELECT throws_ok($$ SELECT ecml_inventory_plan('demand', '{"series": "sku", "items": "SELECT ''p3'' AS sku, -2 AS lead_time"}') $$, '22000', NULL,
	'a lead time below 0');
SELECT throws_ok($$ SELECT ecml_inventory_plan('demand', '{"series": "sku", "method": "oracle"}') $$, '22023', NULL, 'an unknown method');
SELECT throws_ok($$ SELECT ecml_inventory_plan('demand', '{"target": "cost"}') $$, '22023', NULL, 'cost without costs');

SELECT is((SELECT array_agg(coalesce(note, 'planned') ORDER BY series) FROM ecml_inventory_plan('SELECT * FROM demand WHERE sku IN (''p3'', ''p4'')',
	'{"series": "sku", "ds": "week", "y": "units", "method": "naive", "target": "cost", "items": "SELECT ''p3'' AS sku, 9 AS short_cost, 1 AS over_cost"}')),
	ARRAY['planned', 'target "cost" needs short_cost or over_cost above 0'], 'an item without costs has a note');
SELECT throws_ok($$ SELECT ecml_inventory_plan('demand', '{"series": "sku", "items": "SELECT ''p3'' AS sku, 1 AS lead_time UNION ALL SELECT ''p3'', 2"}') $$, '22000',
	'an item has several rows', 'an item twice');
SELECT ok((SELECT bool_and(method ~ '^ETS.*A,N.$') FROM ecml_inventory_plan('SELECT * FROM demand WHERE sku = ''p3''',
	'{"series": "sku", "ds": "week", "y": "units", "method": "holt"}')), 'methods and their options are those of forecasts');
SELECT throws_ok($$ SELECT ecml_inventory_plan('demand', '{"series": "sku", "reconcile": "mint"}') $$, '22023', 'a stock plan is not reconciled', 'no sums of plans');

-- classes
SELECT is((SELECT string_agg(abc, '' ORDER BY value DESC) FROM ecml_abc_xyz(
	'SELECT * FROM (VALUES (1, date ''2024-01-01'', 70.0), (2, ''2024-01-08'', 20), (3, ''2024-01-01'', 8), (4, ''2024-01-08'', 2)) v(sku, week, units)')),
	'AABC', 'classes by the share of the value');
SELECT is((SELECT string_agg(xyz, '' ORDER BY item) FROM ecml_abc_xyz('SELECT sku, week, CASE sku WHEN 1 THEN 10 WHEN 2 THEN 1 + 9 * (week % 2) ELSE (week = 5)::int * 9 END AS units,
	date ''2024-01-01'' + 7 * week AS ds FROM generate_series(1, 3) sku, generate_series(0, 9) week', '{"time": "ds"}')), 'XYZ', 'and by steadiness');

-- parts
CREATE TABLE daily AS SELECT date '2022-01-01' + t AS ds, 50 + 0.02 * t + 3 * sin(2 * pi() * t / 7) + 5 * (extract(month FROM date '2022-01-01' + t) = 12
	AND extract(day FROM date '2022-01-01' + t) = 25)::int AS y FROM generate_series(0, 799) t;
CREATE TABLE parts AS SELECT * FROM ecml_components('daily', options => '{"holidays": ["christmas"]}');
SELECT ok((SELECT count(*) = 800 AND bool_and(abs(trend + season + holidays - yhat) < 1e-6 AND abs(y - yhat - remainder) < 1e-9) FROM parts),
	'parts add up');
SELECT ok((SELECT corr(weekly, 3 * sin(2 * pi() * (ds::date - date '2022-01-01') / 7)) > 0.99 AND max(holidays) > 3 FROM parts), 'the week and Christmas are found');
SELECT ok(count(*) = 30 AND bool_and(y IS NULL AND remainder IS NULL AND abs(trend + season + coalesce(holidays, 0) - yhat) < 1e-6 * abs(yhat)),
	'parts of the future: ' || m)
FROM unnest(ARRAY['prophet', 'mstl']) m, LATERAL ecml_components('daily', options => jsonb_build_object('method', m, 'horizon', 30)) c
WHERE ds > (SELECT max(ds) FROM daily) GROUP BY m ORDER BY m;
SELECT ok((SELECT bool_and(abs(trend + season + holidays + regressors - yhat) < 1e-6) AND max(regressors) - min(regressors) BETWEEN 3.9 AND 4.1 FROM ecml_components(
	'SELECT ds, y + 4 * (extract(day FROM ds) = 3)::int AS y, extract(day FROM ds) = 3 AS promo FROM daily', y => 'y', options => '{"regressors": ["promo"], "holidays": ["christmas"]}')),
	'regressors are a part');
SELECT ok((SELECT bool_and(abs(yearly + weekly + daily + (seasons ->> 'month')::float8 - season) < 1e-6) FROM ecml_components('daily', options => '{"seasons": {"month": [30.5, 2]}}')),
	'seasons by name add up');
SELECT ok((SELECT bool_and(abs((seasons ->> '7')::float8 - season) < 1e-6) FROM ecml_components('SELECT t, y FROM (SELECT row_number() OVER (ORDER BY ds) AS t, y FROM daily) d', 't', 'y',
	options => jsonb_build_object('season', 7, 'method', m))), 'or by their period: ' || m) FROM unnest(ARRAY['mstl']) m;
SELECT throws_like($$ SELECT ecml_components('daily', options => '{"holidays": ["xmas"]}') $$, '%unknown holiday%', 'an unknown holiday');

SELECT * FROM finish();
ROLLBACK;
