-- Filters of many items: whatever share of them passes, in however many batches they are asked, the list is that of all items in
-- order without those that do not pass.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(34);

SELECT setseed(0.5);
CREATE TABLE shelf AS SELECT i AS product_id, (i * 7919) % 1000 AS price, i % 4 AS stock, CASE WHEN i % 3 > 0 THEN 'c' || i % 5 END AS category
	FROM generate_series(0, 2999) i;
ALTER TABLE shelf ADD PRIMARY KEY (product_id);
CREATE TABLE taken AS SELECT (random() * 300)::int AS customer_id, (3000 * random() ^ 2.2)::int AS product_id FROM generate_series(1, 20000);
DELETE FROM taken WHERE product_id > 2999;
ANALYZE shelf, taken;
SELECT lives_ok($$ SELECT ecml_train('f', 'als', 'taken', options => '{"factors": 8, "iterations": 4, "items": "shelf", "item_columns": ["category"]}') $$, 'a model of 3,000 items');

CREATE FUNCTION pg_temp.list(customer int, n int, filter text) RETURNS text[] LANGUAGE sql AS
	$$ SELECT array_agg(item_id ORDER BY rank) FROM ecml_recommend(customer, n, 'f', jsonb_build_object('filter', filter)) $$;

-- Customers whose list of n with the filter is not the one of all items, checked after.
CREATE FUNCTION pg_temp.wrong(filter text, n int, customers int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM generate_series(1, $2) c WHERE pg_temp.list(c, $1, %L) IS DISTINCT FROM
		(SELECT (array_agg(item_id ORDER BY rank))[1:$1] FROM ecml_recommend(c, 3000, ''f'') JOIN shelf ON product_id = item_id::int
			WHERE %s)', filter, filter) INTO result USING n, customers;
	RETURN result;
END
$$;

SELECT is(pg_temp.wrong(filter, n, 6), 0::bigint, format('lists of %s where %s', n, filter))
	FROM (VALUES ('price < 990'), ('price < 500'), ('price < 100 AND stock > 0'), ('price < 20'), ('price < 2'), ('price = 5000'),
		('category = ''c1'''), ('NULL'), ('product_id > 2700')) f(filter), (VALUES (1), (10), (200)) l(n);

-- what passed before says how many are asked first, and nothing else
SELECT is((SELECT sum(pg_temp.wrong(filter, 10, 3)) FROM (VALUES ('product_id > 200'), ('product_id > 2000')) f(filter), generate_series(1, 4)), 0::numeric, 'the same filter again and again');

-- the present rows count
SELECT pg_temp.list(7, 5, 'stock > 0') AS before \gset
UPDATE shelf SET stock = 0 WHERE product_id = ((:'before')::text[])[1]::int;
SELECT ok(pg_temp.list(7, 5, 'stock > 0') @> (:'before'::text[])[2:5] AND (pg_temp.list(7, 5, 'stock > 0'))[1] = (:'before'::text[])[2], 'what is sold out meanwhile goes from the list');

-- filters that are not the same for each row, look elsewhere, or are asked of several rows a key
SELECT is((SELECT count(DISTINCT item_id) FROM ecml_recommend(7, 10, 'f', '{"filter": "random() < 0.3"}')), 10::bigint, 'a volatile filter');
SELECT is(pg_temp.list(7, 10, 'EXISTS (SELECT FROM taken t WHERE t.product_id = i.product_id AND t.customer_id < 20)'),
	(SELECT (array_agg(item_id ORDER BY rank))[1:10] FROM ecml_recommend(7, 3000, 'f') r WHERE EXISTS (SELECT FROM taken t WHERE t.product_id = r.item_id::int AND t.customer_id < 20)),
	'a filter that looks at another table');
CREATE TABLE offers AS SELECT product_id, shop, (product_id + shop) % 10 = 0 AS here FROM shelf, generate_series(1, 3) shop;
SELECT is((SELECT array_agg(item_id ORDER BY rank) FROM ecml_recommend(7, 10, 'f', '{"items": "offers", "filter": "here"}')),
	(SELECT (array_agg(item_id ORDER BY rank))[1:10] FROM ecml_recommend(7, 3000, 'f') WHERE EXISTS (SELECT FROM offers WHERE product_id = item_id::int AND here)),
	'several rows a key: one that passes is enough');
-- row security is the caller's
CREATE ROLE shopkeeper;
GRANT SELECT ON shelf TO shopkeeper;
SELECT ecml_grant('f', 'shopkeeper');
ALTER TABLE shelf ENABLE ROW LEVEL SECURITY;
CREATE POLICY cheap ON shelf TO shopkeeper USING (price < 300);
SELECT array_agg(item_id ORDER BY rank) AS expected FROM (SELECT item_id, rank FROM ecml_recommend(7, 3000, 'f') JOIN shelf ON product_id = item_id::int WHERE price < 300 AND stock > 0 ORDER BY rank LIMIT 10) l \gset
SET ROLE shopkeeper;
SELECT is((SELECT array_agg(item_id ORDER BY rank) FROM ecml_recommend(7, 10, 'f', '{"filter": "stock > 0"}')), :'expected'::text[], 'row security holds within a filter');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
