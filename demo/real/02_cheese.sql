\echo ======================================================================
\echo Real data: sliced cheese, 5,555 weeks at 88 retailers
\echo ======================================================================
\echo
CREATE TABLE cheese (retailer text, volume float8, display float8, price float8);
\copy cheese FROM PROGRAM 'gzip -dc "$ECML_DATA"/pricing/cheese_sales.csv.gz' WITH (FORMAT csv, HEADER)

\echo One price line for all retailers: the retailer's name is a feature, and becomes dummies.
SELECT model, rows, round((metrics ->> 'r2')::numeric, 3) AS r2
FROM ecml_train('cheese', 'linreg', 'SELECT ln(volume) AS ln_volume, ln(price) AS ln_price, display, retailer FROM cheese',
	'ln_volume');
SELECT term, round(estimate::numeric, 3) AS estimate, round(conf_low::numeric, 3) AS low, round(conf_high::numeric, 3) AS high
FROM ecml_coefficients('cheese') WHERE term NOT LIKE 'retailer=%';

\echo A line for each retailer: elasticities differ widely.
SELECT retailer, weeks, round(c.estimate::numeric, 2) AS elasticity, round(c.conf_low::numeric, 2) AS low,
	round(c.conf_high::numeric, 2) AS high
FROM (
	SELECT retailer, count(*) AS weeks, ecml_linreg('{}', ln(volume), ln(price), display) AS line
	FROM cheese GROUP BY retailer) m,
	LATERAL ecml_coefficients(line) c
WHERE c.term = 'x1'
ORDER BY c.estimate
LIMIT 8;
