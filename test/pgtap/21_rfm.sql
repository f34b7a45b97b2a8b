-- Recency, frequency, monetary value, against plain SQL; scores, segments, names of columns, moments to count from.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(22);

CREATE TABLE orders AS SELECT i AS order_id, 'c' || i * 7919 % 211 % 97 AS customer_id,
	timestamptz '2024-01-01 00:00+00' + i * 104729 % 8000 * interval '1 hour' AS order_date,
	round((i * 31 % 500 / 7.0)::numeric, 2) AS total, i / 3 AS basket FROM generate_series(1, 2000) i;
INSERT INTO orders VALUES (2001, NULL, now(), 1, 1), (2002, 'c1', NULL, 1, 1), (2003, 'only', '2024-06-01', NULL, 1);

CREATE TABLE found AS SELECT * FROM ecml_rfm('orders');
CREATE TABLE expected AS SELECT customer_id AS customer, extract(epoch
	FROM max(max(order_date)) OVER () - max(order_date))::float8 / 86400 AS recency, count(*) AS frequency,
	coalesce(sum(total), 0)::float8 AS monetary, count(DISTINCT basket) AS baskets, max(order_date) AS last FROM orders
		WHERE customer_id IS NOT NULL AND order_date IS NOT NULL GROUP BY customer_id;
SELECT is((SELECT count(*) FROM found), (SELECT count(*) FROM expected), 'a row for each customer that has a time');
SELECT is_empty($$ SELECT customer FROM found f FULL JOIN expected e USING (customer) WHERE f.recency IS DISTINCT
	FROM e.recency OR f.frequency IS DISTINCT FROM e.frequency
	OR NOT pg_temp.close(f.monetary, e.monetary, 1e-12) $$,
		'recency in days, frequency and monetary value are what SQL says');
SELECT is((SELECT (frequency, monetary) FROM found WHERE customer = 'only'), (1::bigint, 0::float8),
	'an amount that is NULL counts as a purchase of nothing');
SELECT is_empty($$ SELECT customer FROM found f JOIN (SELECT customer,
	1 + 5 * (rank() OVER (ORDER BY recency DESC) - 1) / count(*) OVER () AS r,
		1 + 5 * (rank() OVER (ORDER BY frequency) - 1) / count(*) OVER () AS f,
			1 + 5 * (rank() OVER (ORDER BY monetary) - 1) / count(*) OVER () AS m FROM expected) e USING (customer)
	WHERE (f.r, f.f, f.m) IS DISTINCT FROM (e.r, e.f, e.m) $$, 'scores are fifths of the ranks');
SELECT is((SELECT (min(r), max(r), min(f), min(m), max(m)) FROM found), (1, 5, 1, 1, 5), 'from 1 to 5, 5 the best');
SELECT is((SELECT bool_and(r = 5) FROM found WHERE recency = 0), true, 'who bought last has the best recency');
SELECT is_empty($$ SELECT 1 FROM found a JOIN found b ON a.frequency = b.frequency WHERE a.f <> b.f $$,
	'equal customers have equal scores');
SELECT is_empty($$ SELECT r, f FROM found GROUP BY r, f HAVING count(DISTINCT segment) <> 1 OR max(segment) = '' $$,
	'a segment follows from recency and frequency');
SELECT ok((SELECT count(DISTINCT segment) FROM found) >= 5, 'there are several');
SELECT is((SELECT array_agg(customer) FROM found), (SELECT array_agg(customer ORDER BY customer) FROM expected),
	'rows come in the order of customers');
-- every score has a segment, at any number of bins
SELECT is_empty($$ SELECT bins FROM unnest(ARRAY[2, 3, 4, 7, 10, 100]) bins, LATERAL ecml_rfm('orders',
	jsonb_build_object('bins', bins)) GROUP BY bins
	HAVING min(r) <> 1 OR max(r) NOT BETWEEN bins - bins / 50 - 1 AND bins OR min(least(f, m)) < 1 OR max(greatest(f,
		m)) > bins OR bool_or(segment IS NULL OR segment = '') $$, 'bins from 2 to 100');
SELECT is((SELECT (r, f, m) FROM ecml_rfm($$ SELECT 'one' AS customer, now() AS time, 5 AS amount $$)), (1, 1, 1),
	'one customer');
SELECT is((SELECT array_agg((r, f, m)::text ORDER BY customer) FROM ecml_rfm($$ VALUES ('a', now(), 5), ('b', now(),
	5) $$, '{"customer": "column1", "time": "column2", "amount": "column3"}')),
	ARRAY['(1,1,1)', '(1,1,1)'], 'customers that are all equal have equal scores');
-- options
SELECT is_empty($$ SELECT customer FROM ecml_rfm('orders', '{"order": "basket"}') f JOIN expected e USING (customer)
	WHERE f.frequency <> baskets $$, 'order: purchases are counted once an order');
SELECT is_empty($$ SELECT customer FROM ecml_rfm('orders', '{"as_of": "2025-06-01 00:00+00"}') f
	JOIN expected e USING (customer)
	WHERE NOT pg_temp.close(f.recency, extract(epoch FROM timestamptz '2025-06-01 00:00+00' - last)::float8 / 86400,
		1e-12) $$, 'as_of: the moment that recency is counted from');
SELECT is_empty($$ SELECT customer
	FROM ecml_rfm('SELECT customer_id AS "Who?", order_date::date AS "On", total AS "select" FROM orders',
	'{"customer": "Who?", "time": "On", "amount": "select"}') f
	JOIN (SELECT customer_id AS customer, count(*) FROM orders WHERE order_date IS NOT NULL
		GROUP BY 1) e USING (customer) WHERE frequency <> count $$, 'names that need quotes, and dates');
SELECT is((SELECT count(*)
	FROM ecml_rfm('SELECT order_id % 10 AS user_id, order_date AS created_at, total::float4 AS revenue FROM orders')),
	10::bigint, 'usual names of columns are known; a customer may be a number');
SET LOCAL timezone = 'America/New_York';
SELECT is_empty($$ SELECT customer FROM ecml_rfm('orders') f JOIN expected e USING (customer) WHERE f.recency
	<> e.recency $$, 'the time zone does not matter');
RESET timezone;

-- ---- segments by k-means on top of it

SELECT (ecml_train('segments', 'kmeans',
	'SELECT recency, frequency, ln(1 + monetary) AS monetary FROM ecml_rfm(''orders'')', NULL, NULL, '{"k": 4}')).rows;
SELECT is((SELECT (rows, skipped) FROM ecml.models WHERE name = 'segments'), (SELECT (count(*), 0::bigint) FROM found),
	'a source may call ecml_rfm');

\if :{?data}
CREATE TABLE retail (invoice_no text, stock_code text, description text, quantity int, invoice_date timestamp,
	unit_price numeric, customer_id text, country text);
\set load '\\copy retail FROM PROGRAM ''gzip -dc ' :data '/transactions/online_retail_2010_2011.csv.gz'' WITH (FORMAT csv, HEADER)'
:load
CREATE TABLE real_rfm AS SELECT * FROM ecml_rfm($$ SELECT customer_id, invoice_date, invoice_no,
	quantity * unit_price AS amount FROM retail WHERE customer_id <> '' $$, '{"order": "invoice_no"}');
SELECT is((SELECT count(*) FROM real_rfm), 4372::bigint, 'Online Retail: 4,372 customers');
SELECT is((SELECT sum(frequency) FROM real_rfm), (SELECT count(DISTINCT invoice_no)::numeric FROM retail
	WHERE customer_id <> ''), 'each invoice is counted once');
SELECT ok((ecml_train('real', 'kmeans', 'SELECT recency, frequency, monetary FROM real_rfm', NULL, NULL,
	'{"k": 5, "n_init": 10}')).rows = 4372, 'and are segmented');
\else
SELECT skip('no folder of real data', 3);
\endif

SELECT * FROM finish();
ROLLBACK;
