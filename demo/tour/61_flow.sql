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

\echo 'Which article lies in which slot: fast movers near, families together, and what that saves'
CREATE TEMP TABLE articles AS SELECT i AS item, i * 37 % 23 AS picks, CASE WHEN i % 3 = 0 THEN 'tea' END AS family, i AS present_slot
FROM generate_series(1, 20) AS i;
CREATE TEMP TABLE shelves AS SELECT i AS slot, i % 4 AS aisle, i / 4 AS position FROM generate_series(1, 24) AS i;
SELECT item, slot, round(cost::numeric, 1) AS cost, present_slot FROM ecml_slotting('articles', 'shelves', '{"aisle_distance": 2}') ORDER BY cost DESC LIMIT 5;
SELECT e -> 'present' AS before_and_after FROM ecml_slotting_summary('articles', 'shelves', '{"aisle_distance": 2}') AS e;
