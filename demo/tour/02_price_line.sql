\echo ======================================================================
\echo 2. A price line: what does a higher price cost us?
\echo ======================================================================
\echo
\echo Log units against log price: the slope is the price elasticity.  One pass over the rows of one product:
SELECT model, version, algorithm, rows, skipped
FROM ecml_train('price line', 'linreg',
	'SELECT ln(units) AS ln_units, ln(price) AS ln_price, promo, season FROM sales WHERE product_id = 7', 'ln_units');
SELECT term, round(estimate::numeric, 3) AS estimate, round(std_error::numeric, 3) AS std_error,
	round(statistic::numeric, 1) AS t, to_char(p_value, '9.9EEEE') AS p,
	round(conf_low::numeric, 3) AS low, round(conf_high::numeric, 3) AS high
FROM ecml_coefficients('price line');

\echo The generator put in:
SELECT value AS elasticity FROM truth WHERE what = 'elasticity' AND key = 7;

\echo What we would sell at other prices, with 90 % intervals, and what that earns:
SELECT round(q.price::numeric, 2) AS price, round(exp(f.ln_units)::numeric) AS units,
	round(exp(i.lower)::numeric) AS lower, round(exp(i.upper)::numeric) AS upper,
	round(((q.price - p.cost) * exp(f.ln_units))::numeric) AS profit
FROM products p
CROSS JOIN generate_series(0.8, 1.4, 0.1) AS factor
CROSS JOIN LATERAL (SELECT (p.price * factor)::float8 AS price) q
CROSS JOIN LATERAL (SELECT ecml_predict('price line', ln(q.price), false, 0::float8) AS ln_units) f
CROSS JOIN LATERAL ecml_predict_interval('price line', 0.9, ln(q.price), false, 0::float8) i
WHERE p.product_id = 7
ORDER BY q.price;

\echo A model for every product in one statement: the algorithm is an aggregate too.
CREATE TABLE price_lines AS
SELECT product_id, ecml_linreg('{}', ln(units), ln(price), promo, season) AS line
FROM sales GROUP BY product_id;
SELECT count(*) AS products, round(avg(abs(c.estimate - t.value))::numeric, 3) AS mean_error,
	round(avg((t.value BETWEEN c.conf_low AND c.conf_high)::int)::numeric, 3) AS within_95_pct_interval
FROM price_lines p, LATERAL ecml_coefficients(p.line) c, truth t
WHERE c.term = 'x1' AND t.what = 'elasticity' AND t.key = p.product_id;
