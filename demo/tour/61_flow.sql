\echo ======================================================================
\echo 61. From where, by whom, in which box
\echo ======================================================================
\echo
\echo 'Customers by country, served from two warehouses at least cost; what a unit more would cost.'
CREATE TEMP TABLE wanted AS SELECT country AS destination, count(*) AS demand FROM customers WHERE country IS NOT NULL GROUP BY country;
CREATE TEMP TABLE stock AS SELECT w AS origin, (0.6 * (SELECT sum(demand) FROM wanted))::int AS supply FROM unnest('{north,south}'::text[]) AS w;
CREATE TEMP TABLE lanes AS SELECT origin, destination, 2 + abs(hashtext(origin || destination)) % 500 / 100.0 AS cost FROM stock, wanted;
SELECT origin, destination, quantity, round(cost::numeric, 2) AS cost FROM ecml_transport('lanes', 'stock', 'wanted');
SELECT id, remaining, round(price::numeric, 2) AS price FROM ecml_transport_prices('lanes', 'stock', 'wanted');

\echo 'Eight places that could be opened.'
SELECT ecml_facility_summary('SELECT i AS facility, i * 37 % 100 AS x, i * 59 % 100 AS y, 150 AS fixed_cost FROM generate_series(1, 8) AS i',
	'SELECT i AS customer, i * 71 % 100 AS x, i * 43 % 100 AS y, 1 + i % 3 AS demand FROM generate_series(1, 40) AS i');
DROP TABLE wanted, stock, lanes;
