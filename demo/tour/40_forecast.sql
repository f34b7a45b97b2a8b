\echo ======================================================================
\echo 40. Forecasts: the next four weeks of every product, in one statement
\echo ======================================================================
\echo
SELECT series AS product, step, ds::date AS week, round(yhat::numeric, 1) AS units, round(yhat_lower::numeric, 1) AS low,
	round(yhat_upper::numeric, 1) AS high, method
FROM ecml_forecast('SELECT week, units, product_id FROM sales WHERE product_id <= 10', 4, series => 'product_id',
	options => '{"floor": 0}')
WHERE step IN (1, 4) AND series IN ('1', '5', '10')
ORDER BY series::int, step;

\echo All orders by day, a week ahead, at two levels.
SELECT ds::date AS day, round(yhat::numeric) AS orders, intervals
FROM ecml_forecast('SELECT ordered_at::date AS day, count(*) AS orders FROM orders GROUP BY 1', 7,
	options => '{"level": [80, 95], "floor": 0}');

\echo How good would it have been? Four weeks ahead, from three earlier ends, beside the last value.
SELECT method, forecasts, round(mase::numeric, 3) AS mase, round(smape::numeric, 1) AS smape, round(coverage::numeric, 3) AS coverage
FROM ecml_backtest('SELECT week, units, product_id FROM sales WHERE product_id <= 10', 4, series => 'product_id',
	options => '{"methods": ["auto", "naive"], "by": "method"}');

\echo The parts of a product's sales: trend, season, Christmas.
SELECT ds::date AS week, y, round(trend::numeric, 1) AS trend, round(season::numeric, 1) AS season, round(holidays::numeric, 1) AS holidays,
	round(remainder::numeric, 1) AS rest
FROM ecml_components('SELECT week, units FROM sales WHERE product_id = 1', 'week', 'units', options => '{"holidays": ["christmas"]}')
ORDER BY ds DESC LIMIT 4;

\echo A stored model, a new week compared with it and taken in, and the forecast that goes on from there.
SELECT rows, metrics FROM ecml_train('weekly_sales', 'auto', 'SELECT week, units, product_id FROM sales WHERE product_id <= 10',
	target => 'units', options => '{"series": "product_id", "ds": "week"}');
SELECT round((e ->> 'mae')::numeric, 2) AS mae, e ->> 'coverage' AS coverage
FROM ecml_evaluate('weekly_sales', 'SELECT max(week) + 7 AS week, 80 AS units, 1 AS product_id FROM sales') e;
SELECT * FROM ecml_update('weekly_sales', 'SELECT max(week) + 7 AS week, 80 AS units, 1 AS product_id FROM sales');
SELECT series AS product, ds::date AS week, round(yhat::numeric, 1) AS units FROM ecml_forecast('weekly_sales', 1, options => '{"only": ["1", "2"]}');
SELECT ecml_drop_model('weekly_sales');

\echo Products, categories and the whole: forecasts that add up.
SELECT series, step, round(yhat::numeric, 1) AS units
FROM ecml_forecast('SELECT category, s.product_id, week, units FROM sales s JOIN products USING (product_id) WHERE product_id <= 6', 1,
	series => 'category,product_id', options => '{"method": "theta", "reconcile": "mint"}');
