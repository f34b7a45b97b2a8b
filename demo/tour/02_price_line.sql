\echo ======================================================================
\echo 2. A price line: what does a higher price cost us?
\echo ======================================================================
\echo
\echo Log units against log price: the slope is the price elasticity. One product, two years of weeks:
SELECT model, version, rows, (metrics ->> 'r2')::float8 AS r2
FROM ecml_train('price line', 'linreg',
	'SELECT ln(units) AS ln_units, ln(price) AS ln_price, promo, season FROM sales WHERE product_id = 7', 'ln_units');
SELECT * FROM ecml_coefficients('price line');

\echo The shop is made up, so we know what was put in:
SELECT value AS elasticity FROM truth WHERE what = 'elasticity' AND key = 7;

\echo What we would sell at other prices, with 90 % intervals for a single week, and what that earns:
SELECT q.price, exp(f.ln_units)::int AS units, exp(i.lower)::int AS lower, exp(i.upper)::int AS upper,
	((q.price - p.cost) * exp(f.ln_units))::int AS profit
FROM products p,
	generate_series(0.8, 1.4, 0.1) AS factor,
	LATERAL (SELECT p.price * factor::float8 AS price) q,
	LATERAL (SELECT ecml_predict('price line', ln(q.price), false, 0) AS ln_units) f,
	LATERAL ecml_predict_interval('price line', 0.9, ln(q.price), false, 0) i
WHERE p.product_id = 7
ORDER BY q.price;

\echo The algorithm is an aggregate too: 400 products, 400 models, one statement.
CREATE TABLE price_lines AS
SELECT product_id, ecml_linreg('{}', ln(units), ln(price), promo, season) AS line
FROM sales GROUP BY product_id;

\echo
\echo How far are the elasticities from what was put in, and how many of the 95 % intervals hold it?
SELECT count(*) AS products, avg(abs(c.estimate - t.value)) AS mean_error,
	avg((t.value BETWEEN c.conf_low AND c.conf_high)::int::float8) AS share_within
FROM price_lines p, LATERAL ecml_coefficients(p.line) c, truth t
WHERE c.term = 'x1' AND t.what = 'elasticity' AND t.key = p.product_id;
