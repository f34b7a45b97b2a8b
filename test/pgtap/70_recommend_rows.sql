-- Recommenders: how rows are read (threads or one by one, kinds of ids, returns, memory), what is bought again, reasons by users.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(48);

CREATE FUNCTION pg_temp.list(model text, who text, n int DEFAULT 5, options jsonb DEFAULT '{}') RETURNS text[] LANGUAGE sql AS $$
	SELECT array_agg(item_id ORDER BY rank) FROM ecml_recommend(who, n, model, options) $$;

-- ---- a plain table is read by threads: the same as row by row


CREATE TABLE plain AS SELECT (u * 7919 + 13) % 100003 - 50 AS customer_id, CASE WHEN (u + i) % 997 <> 5 THEN (i * 31) % 400 END::bigint AS product_id,
	CASE WHEN u % 300 <> 7 THEN 1 + (u * i) % 5 - 3 * (u % 50 = i % 50)::int END::real AS quantity, timestamp '2026-01-01' + make_interval(hours => (u * 31 + i * 17) % 4000) AS at,
	(u % 3)::smallint AS region
FROM generate_series(1, 2000) u, generate_series(1, 20) i;
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.same(a text, b text) RETURNS boolean LANGUAGE sql AS $$
	SELECT count(*) > 0 AND bool_and(x IS NOT DISTINCT FROM y) FROM (SELECT item_id, users, popularity, row_number() OVER () FROM ecml_item_factors(a)) x
	FULL JOIN (SELECT item_id, users, popularity, row_number() OVER () FROM ecml_item_factors(b)) y USING (item_id) $$;
SELECT is((ecml_train('by threads', 'item_knn', 'plain', options => '{"half_life": "50 days"}')).rows, (SELECT count(*) FROM plain WHERE product_id IS NOT NULL AND quantity IS NOT NULL), 'rows of a table');
SELECT is((ecml_train('one by one', 'item_knn', 'SELECT * FROM plain OFFSET 0', options => '{"half_life": "50 days"}')).rows, (SELECT count(*) FROM plain WHERE product_id IS NOT NULL AND quantity IS NOT NULL), 'and of a query');
SELECT ok(pg_temp.same('by threads', 'one by one'), 'the same items, users and popularity, in the same order');
SELECT is(pg_temp.list('by threads', (SELECT min(customer_id)::text FROM plain), 50), pg_temp.list('one by one', (SELECT min(customer_id)::text FROM plain), 50), 'the same lists');
SELECT is(skipped, (SELECT count(*) FROM plain WHERE product_id IS NULL OR quantity IS NULL), 'rows left out') FROM ecml.models WHERE name = 'by threads';
SELECT is((ecml_train('mixed up', 'item_knn', 'SELECT at, quantity, product_id, customer_id FROM plain', options => '{"half_life": "50 days"}')).rows, (SELECT count(*) FROM plain WHERE product_id IS NOT NULL AND quantity IS NOT NULL), 'columns in another order');
SELECT ok(pg_temp.same('by threads', 'mixed up'), 'are found by their names');
SELECT lives_ok($$ SELECT ecml_train('groups', 'popular', 'plain', options => '{"group": "region"}'); SELECT ecml_train('groups 2', 'popular', 'SELECT * FROM plain OFFSET 0', options => '{"group": "region"}') $$, 'groups');
SELECT is(pg_temp.list('groups', NULL, 9, '{"group": "2"}'), pg_temp.list('groups 2', NULL, 9, '{"group": "2"}'), 'of a table as of a query');
DELETE FROM plain WHERE product_id IS NULL OR quantity IS NULL OR customer_id % 3 = 0;
UPDATE plain SET quantity = 2 WHERE customer_id % 3 = 1;
SELECT lives_ok($$ SELECT ecml_train('by threads', 'item_knn', 'plain'); SELECT ecml_train('one by one', 'item_knn', 'SELECT * FROM plain OFFSET 0') $$, 'deleted and changed rows');
SELECT ok(pg_temp.same('by threads', 'one by one'), 'are those of the snapshot');
INSERT INTO plain VALUES (1, 1, 'infinity', '2026-01-01', 1);
SELECT throws_ok($$ SELECT ecml_train('x', 'popular', 'plain') $$, '22000', 'column "quantity" holds a value that cannot be used', 'a value that is not finite');
DELETE FROM plain WHERE quantity = 'infinity';
SELECT is((ecml_train('client', 'popular', 'SELECT product_id, customer_id AS client_no FROM plain')).rows, (SELECT count(*) FROM plain), 'a column whose name is not known');
SELECT is(metrics ->> 'users', (SELECT count(DISTINCT customer_id)::text FROM plain), 'is the user where the item''s is') FROM ecml.models WHERE name = 'client';

-- ---- kinds of ids
CREATE TABLE coded (customer char(6), sku char(8), quantity int);
INSERT INTO coded SELECT 'C' || u, 'S' || i, 1 FROM generate_series(1, 30) u, generate_series(1, 12) i WHERE (u + i) % 3 = 0;
CREATE TABLE articles (sku char(8) PRIMARY KEY, stock int);
INSERT INTO articles SELECT 'S' || i, i % 2 FROM generate_series(1, 12) i;
SELECT is((ecml_train('coded', 'item_knn', 'coded', options => '{"items": "articles"}')).rows, 120::bigint, 'ids of type char(n)');
SELECT ok(cardinality(pg_temp.list('coded', 'C3')) > 0 AND NOT pg_temp.list('coded', 'C3') && (SELECT array_agg(sku::text) FROM coded WHERE customer = 'C3'), 'are known without their blanks');
SELECT is((SELECT count(*) FROM unnest(pg_temp.list('coded', 'C3', 5, '{"filter": "stock = 1"}')) i JOIN articles ON sku = i WHERE stock = 1), cardinality(pg_temp.list('coded', 'C3', 5, '{"filter": "stock = 1"}'))::bigint, 'and to a filter');
CREATE TABLE numbered (product_id int PRIMARY KEY, stock int);
INSERT INTO numbered SELECT i, i % 2 FROM generate_series(1, 12) i;
SELECT is((ecml_train('texts', 'popular', 'SELECT customer::text AS customer_id, CASE sku WHEN ''S3'' THEN ''gift'' ELSE substr(sku, 2) END::text AS product_id FROM coded')).rows, 120::bigint, 'ids that are texts');
SELECT is((SELECT bool_and(i::int % 2 = 1) FROM unnest(pg_temp.list('texts', NULL, 12, '{"items": "numbered", "filter": "stock = 1"}')) i), true, 'and an item table whose key is a number: what is none is not in it');
SELECT throws_ok($$ SELECT ecml_train('x', 'popular', 'SELECT repeat(''x'', 1001) AS customer_id, 1 AS product_id') $$, '54000', 'the id of a user is too long', 'a user with a very long id');
SELECT lives_ok($$ SELECT ecml_train('long', 'popular', 'SELECT repeat(''x'', 1000) AS customer_id, 1 AS product_id') $$, 'one that just fits');
SELECT lives_ok($$ SELECT ecml_train('empty', 'item_knn', 'SELECT CASE u WHEN 1 THEN '''' ELSE ''u'' || u END AS customer_id, i AS product_id FROM generate_series(1, 9) u, generate_series(1, 9) i WHERE (u + i) % 3 > 0') $$, 'an id that is empty');
SELECT is(pg_temp.list('empty', NULL, 3), pg_temp.list('empty', 'nobody', 3), 'is not that of NULL, who is nobody');
SELECT isnt(pg_temp.list('empty', '', 3), pg_temp.list('empty', NULL, 3), 'but has a list of its own');

-- ---- returns
CREATE TABLE returned AS SELECT u AS customer_id, i AS product_id, 2 AS quantity FROM generate_series(1, 30) u, generate_series(1, 10) i WHERE (u * i) % 3 > 0
	UNION ALL SELECT 99, i, q FROM generate_series(1, 10) i, unnest(ARRAY[1, -1]) q UNION ALL SELECT u, 11, q FROM generate_series(1, 40) u, unnest(ARRAY[1, -1, -1]) q;
SELECT lives_ok($$ SELECT ecml_train('r ' || a, a, 'returned', options => CASE a WHEN 'als' THEN '{"factors": 4}' ELSE '{}' END::jsonb) FROM unnest('{als,popular}'::text[]) a $$, 'with returns');
SELECT is(popularity, 40::float8, 'rows of returns do not make an item popular') FROM ecml_item_factors('r popular') WHERE item_id = '11';
SELECT is(pg_temp.list('r als', '99', 3), pg_temp.list('r als', 'nobody', 3), 'who has returned all is as a new customer');

-- ---- memory
SET LOCAL ecml.work_mem = '1MB';
SELECT throws_ok(format($$ SELECT ecml_train('x', '%s', 'SELECT u AS customer_id, (u * i) %% 2000 AS product_id FROM generate_series(1, 20000) u, generate_series(1, 5) i') $$, a), '54000', NULL, a || ': too little memory is an error')
	FROM unnest('{als,item_knn,user_knn,popular,hybrid,repeat}'::text[]) a;
RESET ecml.work_mem;

-- ---- what is bought again: every customer buys two things of one's own every week, and now and then what all buy
CREATE TABLE weekly AS SELECT u AS household_id, CASE WHEN i < 2 THEN 100 + (u * 13 + i * 7) % 80 ELSE (u * w * 7) % 20 END AS product_id,
	timestamp '2026-01-01' + make_interval(weeks => w, hours => (u + 2 * i) % 5) AS at
FROM generate_series(1, 120) u, generate_series(1, 12) w, generate_series(0, 2) i;
CREATE TABLE again AS SELECT t.* FROM unnest('{repeat,hybrid,als}'::text[]) a, LATERAL ecml_train('w ' || a, a, 'weekly', options =>
	CASE a WHEN 'hybrid' THEN '{"parts": ["repeat", "popular", "item_knn"], "half_life": "60 days"}' WHEN 'als' THEN '{"factors": 16}' ELSE '{"half_life": "60 days"}' END::jsonb) t;
SELECT is(pg_temp.list('w repeat', '7', 2) @> ARRAY[(100 + 7 * 13 % 80)::text, (100 + (7 * 13 + 7) % 80)::text], true, 'repeat lists what the customer buys');
SELECT is(score::numeric(6, 2), 1.00, 'scores are parts of the greatest, and popularity behind it') FROM (SELECT score / (SELECT max(score) FROM ecml_recommend('7', 9, 'w repeat')) AS score FROM ecml_recommend('7', 1, 'w repeat')) s;
SELECT ok(NOT pg_temp.list('w repeat', '7', 5, '{"exclude_seen": true}') && (SELECT array_agg(DISTINCT product_id::text) FROM weekly WHERE household_id = 7), 'and leaves it out when asked to');
SELECT is(pg_temp.list('w repeat', 'nobody', 5), (SELECT array_agg(item_id ORDER BY popularity DESC, o) FROM (SELECT *, row_number() OVER () AS o FROM ecml_item_factors('w repeat') ORDER BY popularity DESC, o LIMIT 5) p), 'a new customer gets what is popular');
SELECT cmp_ok((metrics #>> '{mix,repeat}')::float8, '>', 0.2::float8, 'a hybrid learns that habits count: ' || metrics::text) FROM again WHERE algorithm = 'hybrid';
SELECT ok((e ->> 'exclude_seen')::boolean = false AND (e ->> 'ndcg')::float8 > 1.5 * (e #>> '{popularity,ndcg}')::float8, a || ' foresees them: ' || e::text)
	FROM unnest('{repeat,hybrid}'::text[]) a, ecml_evaluate('w ' || a, 'weekly', '{"split": "leave_last_out"}') e;
SELECT is((e ->> 'exclude_seen')::boolean, true, 'als is judged by new items') FROM ecml_evaluate('w als', 'weekly', '{"split": "leave_last_out"}') e;
SELECT is((SELECT e ->> 'rows' FROM ecml_evaluate('w repeat', 'weekly', '{"split": "leave_last_out"}') e), (SELECT count(*)::text FROM weekly w JOIN
	(SELECT DISTINCT ON (household_id) household_id, product_id, at FROM (SELECT *, row_number() OVER () AS o FROM weekly) w ORDER BY household_id, at DESC, o DESC) l USING (household_id, product_id, at)), 'what is left out is the last purchase');
SELECT is((SELECT e ->> 'rows' FROM ecml_evaluate('w repeat', 'weekly', '{"split": "leave_last_out", "exclude_seen": true}') e), (SELECT count(*)::text FROM weekly w JOIN
	(SELECT DISTINCT ON (household_id) household_id, product_id FROM (SELECT *, row_number() OVER () AS o FROM weekly) w ORDER BY household_id, at DESC, o DESC) l USING (household_id, product_id)), 'or all rows of the last item');
SELECT ok(NOT pg_temp.list('w repeat', '7', 5, '{"basket": ["5"]}') @> ARRAY['5'] AND (SELECT count(*) FROM ecml_recommend_basket(ARRAY[5], 5, 'w repeat') WHERE item_id = '5') = 0, 'what is in the basket is not listed');
SELECT is((SELECT because FROM ecml_recommend('7', 1, 'w repeat', '{"reasons": true}')), (pg_temp.list('w repeat', '7', 1)), 'the reason is the item itself');
SELECT throws_ok($$ SELECT * FROM ecml_recommend_basket(ARRAY[5], 5, 'w repeat', '{"fresh": true}') $$, '22023', 'ecml_recommend_basket does not know the options "fresh" and "basket"', 'a basket is not fresh');

-- ---- reasons by users
SELECT lives_ok($$ SELECT ecml_train('u', 'user_knn', 'SELECT household_id, product_id FROM weekly') $$, 'user_knn');
SELECT ok(count(because) > 0 AND bool_and(because <@ (SELECT array_agg(DISTINCT product_id::text) FROM weekly WHERE household_id = 9)), 'reasons of user_knn are what the customer has in common with others')
	FROM ecml_recommend(9, 3, 'u', '{"reasons": true}');

SELECT * FROM finish();
ROLLBACK;
