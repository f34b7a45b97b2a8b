\echo ======================================================================
\echo Real data: sliced cheese, 5,555 weeks at 88 retailers
\echo ======================================================================
\echo
CREATE TABLE cheese (retailer text, volume float8, display float8, price float8);
\copy cheese FROM PROGRAM 'gzip -dc "$ECML_DATA"/pricing/cheese_sales.csv.gz' WITH (FORMAT csv, HEADER)

\echo
\echo 'One price line for all retailers. The name of the retailer is a feature: text becomes a 0/1 term for each value but one.'
SELECT model, rows, (metrics ->> 'r2')::float8 AS r2
FROM ecml_train('cheese', 'linreg', 'SELECT ln(volume) AS ln_volume, ln(price) AS ln_price, display, retailer FROM cheese',
	'ln_volume');
SELECT term, estimate, conf_low, conf_high FROM ecml_coefficients('cheese') WHERE term NOT LIKE 'retailer=%';

\echo A line for each retailer. Of those that are known well enough, the five steepest:
SELECT retailer, weeks, c.estimate AS elasticity, c.conf_low, c.conf_high
FROM (
	SELECT retailer, count(*) AS weeks, ecml_linreg('{}', ln(volume), ln(price), display) AS line
	FROM cheese GROUP BY retailer) m,
	LATERAL ecml_coefficients(line) c
WHERE c.term = 'x1' AND c.conf_high - c.conf_low < 2
ORDER BY c.estimate
LIMIT 5;
