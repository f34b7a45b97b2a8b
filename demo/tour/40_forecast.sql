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
