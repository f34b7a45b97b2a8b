-- Recommenders: neighbours and rules against definitions in SQL, lists, options of serving, versions, privileges, evaluation.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(99);

-- Four kinds of taste: user u likes items of its kind, some more than others; two items nobody has bought.
CREATE TABLE goods AS SELECT i AS product_id, (ARRAY['red shoe', 'blue hat', 'green sock', 'old lamp'])[i % 4 + 1] AS title,
	(i % 4 * 10 + i * 0.01)::numeric AS price, i % 3 AS stock, (ARRAY['a', 'b', 'c', 'd'])[i % 4 + 1] AS shelf
FROM generate_series(1, 42) i;
ALTER TABLE goods ADD PRIMARY KEY (product_id);
CREATE TABLE bought AS SELECT u AS customer_id, i AS product_id, 1 + (u * 7 + i * 13) % 3 AS quantity,
	timestamp '2026-01-01' + make_interval(hours => (u * 31 + i * 17) % 1000) AS at, CASE WHEN u % 2 = 0 THEN 'north' ELSE 'south' END AS region
FROM generate_series(1, 80) u, generate_series(1, 40) i
WHERE (i % 4 = u % 4 AND (u / 4 + i / 4) % 4 < 3) OR (u * 11 + i * 29) % 23 = 0;
CREATE FUNCTION pg_temp.list(model text, who bigint, n int DEFAULT 5, options jsonb DEFAULT '{}') RETURNS text[] LANGUAGE sql AS $$
	SELECT array_agg(item_id ORDER BY rank) FROM ecml_recommend(who, n, model, options) $$;

-- ---- training
CREATE TABLE trained AS SELECT a AS algorithm, t.rows, t.skipped, t.metrics FROM unnest('{als,item_knn,user_knn,popular,hybrid,content}'::text[]) a,
	LATERAL ecml_train('r ' || a, a, 'SELECT customer_id, product_id, quantity, at FROM bought',
		options => CASE a WHEN 'content' THEN '{"items": "goods"}' WHEN 'als' THEN '{"items": "goods", "factors": 8}' ELSE '{}' END::jsonb) t;
SELECT is(count(*), 6::bigint, 'six recommenders are trained') FROM trained;
SELECT is(min(rows), (SELECT count(*) FROM bought), 'from all rows') FROM trained;
SELECT is(metrics ->> 'users', '80', algorithm || ' knows all users') FROM trained;
SELECT is((metrics ->> 'items')::int, CASE WHEN algorithm IN ('als', 'content') THEN 42 ELSE 40 END, algorithm || ' knows the items') FROM trained;
SELECT is(task, 'recommendation', 'its task') FROM ecml.models WHERE name = 'r als';
SELECT is(ecml_model_info('r als') ->> 'algorithm', 'als', 'ecml_model_info');

-- ---- neighbours, by definition
CREATE VIEW pair AS SELECT customer_id AS u, product_id AS i, sum(quantity)::float8 AS v, log(2, 1 + sum(quantity))::float8 AS w FROM bought GROUP BY 1, 2;
CREATE VIEW cosine AS SELECT a.i, b.i AS j, sum(a.w * b.w) / sqrt((SELECT sum(w * w) FROM pair WHERE i = a.i)) / sqrt((SELECT sum(w * w) FROM pair WHERE i = b.i)) AS s
FROM pair a JOIN pair b ON a.u = b.u AND a.i <> b.i GROUP BY 1, 2;
SELECT is_empty($$ SELECT g.i, n.item_id, n.score, c.s FROM generate_series(1, 40) g(i) CROSS JOIN LATERAL ecml_similar_items(g.i, 10, 'r item_knn') n
	LEFT JOIN cosine c ON c.i = g.i AND c.j = n.item_id::int WHERE c.s IS NULL OR abs(c.s - n.score) > 1e-6 $$, 'similar items have the cosine of their definition');
SELECT is_empty($$ SELECT g.i FROM generate_series(1, 40) g(i) WHERE (SELECT min(score) FROM ecml_similar_items(g.i, 10, 'r item_knn')) <
	(SELECT max(s) - 1e-6 FROM cosine c WHERE c.i = g.i AND c.j NOT IN (SELECT item_id::int FROM ecml_similar_items(g.i, 10, 'r item_knn'))) $$, 'and none is left out that is more similar');
SELECT results_eq($$ SELECT round(score::numeric, 4) FROM ecml_recommend(3, 5, 'r item_knn') ORDER BY rank $$,
	$$ SELECT round(sum(p.w * c.s)::numeric, 4) FROM pair p JOIN cosine c ON c.i = p.i WHERE p.u = 3 AND c.j NOT IN (SELECT i FROM pair WHERE u = 3)
		GROUP BY c.j ORDER BY sum(p.w * c.s) DESC LIMIT 5 $$, 'lists of item_knn are sums of similarities');
SELECT results_eq($$ SELECT item_id::int, score::bigint FROM ecml_recommend(-1, 5, 'r popular') $$,
	$$ SELECT product_id, count(*) FROM bought GROUP BY 1 ORDER BY 2 DESC, min(ctid) LIMIT 5 $$, 'a user who is not known gets what is popular');

-- ---- lists
SELECT is(cardinality(pg_temp.list('r ' || a, 7)), 5, a || ': five items') FROM unnest('{als,item_knn,user_knn,popular,hybrid,content}'::text[]) a;
SELECT is_empty(format($$ SELECT u FROM generate_series(1, 80) u CROSS JOIN LATERAL ecml_recommend(u, 10, 'r %s') r JOIN bought b ON b.customer_id = u AND b.product_id = r.item_id::int $$, a),
	a || ': nothing that the user has') FROM unnest('{als,item_knn,user_knn,hybrid}'::text[]) a;
SELECT cmp_ok(avg((r.item_id::int % 4 = u % 4)::int), '>', CASE a WHEN 'popular' THEN 0.1 ELSE 0.5 END, a || ': items of the user''s taste')
	FROM unnest('{als,item_knn,user_knn,content,hybrid}'::text[]) a, generate_series(1, 80) u, LATERAL ecml_recommend(u, 2, 'r ' || a) r GROUP BY a ORDER BY a;
SELECT is(pg_temp.list('r als', 7), (SELECT array_agg(item_id ORDER BY rank) FROM ecml_recommend('7'::text, 5, 'r als')), 'ids as numbers and as texts');
SELECT ok(bool_and(score >= next), 'scores descend') FROM (SELECT score, lead(score) OVER (ORDER BY rank) AS next FROM ecml_recommend(7, 10, 'r als')) s;
SELECT is((SELECT array_agg(item_id ORDER BY rank) FROM ecml_recommend(7)), pg_temp.list('r content', 7, 10), 'without a name the newest recommender answers');
SELECT is(cardinality(pg_temp.list('r item_knn', 7, 1000)), 40 - (SELECT count(DISTINCT product_id)::int FROM bought WHERE customer_id = 7), 'a list ends with the items');
SELECT ok(pg_temp.list('r als', 7, 20, '{"exclude_seen": false}') && (SELECT array_agg(DISTINCT product_id::text) FROM bought WHERE customer_id = 7), 'exclude_seen: false lists what the user has');
SELECT is(array_length(array(SELECT unnest(pg_temp.list('r als', 7, 10, '{"exclude": ["3", "7", "11", "15", "19", "23", "27"]}')) INTERSECT SELECT unnest('{3,7,11,15,19,23,27}'::text[])), 1), NULL, 'exclude leaves items out');

-- ---- filter, boost, diversity, reasons, basket, fresh
SELECT is_empty($$ SELECT 1 FROM unnest(pg_temp.list('r als', 7, 8, '{"filter": "stock > 0"}')) i JOIN goods ON product_id = i::int WHERE stock = 0 $$, 'a filter on the item table');
SELECT is(pg_temp.list('r als', 7, 8, '{"filter": "stock > 0"}'), (SELECT (array_agg(i ORDER BY o))[1:8] FROM unnest(pg_temp.list('r als', 7, 42)) WITH ORDINALITY AS l(i, o)
	JOIN goods ON product_id = i::int WHERE stock > 0), 'what passes keeps its order');
SELECT is(cardinality(pg_temp.list('r als', 7, 8, '{"filter": "product_id = 40 OR product_id = 41"}')), (SELECT 2 - count(*)::int FROM (SELECT DISTINCT product_id FROM bought WHERE customer_id = 7 AND product_id IN (40, 41)) s), 'a filter that little passes');
SELECT is(pg_temp.list('r als', 7, 8, '{"filter": "false"}'), NULL, 'a filter that nothing passes');
SELECT is(pg_temp.list('r item_knn', 7, 8, '{"items": "goods", "filter": "stock > 0"}'), (SELECT (array_agg(i ORDER BY o))[1:8] FROM unnest(pg_temp.list('r item_knn', 7, 42)) WITH ORDINALITY AS l(i, o)
	JOIN goods ON product_id = i::int WHERE stock > 0), 'an item table given with the call');
SELECT throws_ok($$ SELECT * FROM ecml_recommend(7, 5, 'r als', '{"filter": "true) UNION SELECT (''x'', 1"}') $$, '22023', 'the option "filter" must be one SQL expression', 'a filter is one expression');
SELECT throws_ok($$ SELECT * FROM ecml_recommend(7, 5, 'r als', '{"filter": "true; DELETE FROM goods"}') $$, '42601', NULL, 'and no statement');
CREATE FUNCTION pg_temp.spoil(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN DELETE FROM goods WHERE product_id = $1; RETURN true; END $$;
SELECT throws_ok($$ SELECT * FROM ecml_recommend(7, 5, 'r als', '{"filter": "pg_temp.spoil(product_id)"}') $$, '25006', NULL, 'nor can it write');
SELECT throws_ok($$ SELECT * FROM ecml_recommend(7, 5, 'r item_knn', '{"filter": "stock > 0"}') $$, '22023', 'a filter or boost needs the item table', 'a filter without an item table');
SELECT throws_ok($$ SELECT * FROM ecml_recommend(7, 5, 'r als', '{"filter": "colour = 1"}') $$, '42703', NULL, 'a column that is not there');
SELECT is(pg_temp.list('r als', 7, 3, '{"boost": "CASE WHEN shelf = ''a'' THEN 1000 ELSE 1 END", "candidates": 42}'), (SELECT (array_agg(i ORDER BY shelf <> 'a', o))[1:3]
	FROM unnest(pg_temp.list('r als', 7, 42)) WITH ORDINALITY AS l(i, o) JOIN goods ON product_id = i::int), 'a boost puts items first');
SELECT is((pg_temp.list('r als', 7, 5, '{"diversity": 0.8}'))[1], (pg_temp.list('r als', 7))[1], 'diversity keeps the best');
SELECT cmp_ok((SELECT count(DISTINCT shelf) FROM unnest(pg_temp.list('r als', 7, 4, '{"diversity": 0.8}')) i JOIN goods ON product_id = i::int), '>',
	(SELECT count(DISTINCT shelf) FROM unnest(pg_temp.list('r als', 7, 4)) i JOIN goods ON product_id = i::int), 'and shows more shelves');
SELECT ok(bool_and(because <@ (SELECT array_agg(DISTINCT product_id::text) FROM bought WHERE customer_id = 7)) AND count(because) = 5, m || ': reasons are items of the user')
	FROM unnest('{r als,r item_knn,r content}'::text[]) m, LATERAL ecml_recommend(7, 5, m, '{"reasons": true}') GROUP BY m ORDER BY m;
SELECT is((SELECT count(because) FROM ecml_recommend(7, 5, 'r als')), 0::bigint, 'none where nobody asks');
SELECT ok(bool_and(item_id::int % 4 = 2), 'a basket') FROM ecml_recommend_basket(ARRAY[2, 6, 10], 3, 'r item_knn');
SELECT is((SELECT array_agg(item_id ORDER BY rank) FROM ecml_recommend_basket(ARRAY['2', '6', 'unheard of'], 3, 'r als')), (SELECT array_agg(item_id ORDER BY rank) FROM ecml_recommend_basket(ARRAY[6, 2, 2, NULL], 3, 'r als')), 'baskets of texts and numbers');
SELECT is((SELECT array_agg(item_id ORDER BY rank) FROM ecml_recommend_basket('{}'::text[], 3, 'r als')), (SELECT array_agg(item_id ORDER BY rank) FROM ecml_recommend(-1, 3, 'r als')), 'an empty basket gets what is popular');
INSERT INTO bought SELECT 1000, i, 2, timestamp '2026-03-01', 'north' FROM unnest(ARRAY[1, 5, 9, 13]) i;
SELECT is(pg_temp.list('r als', 1000), pg_temp.list('r als', -1), 'a new user is not known to the model');
SELECT ok(bool_and(i::int % 4 = 1 AND i NOT IN ('1', '5', '9', '13')), 'but with fresh rows is') FROM unnest(pg_temp.list('r als', 1000, 3, '{"fresh": true}')) i;
SELECT cmp_ok(abs(r.score - f.score), '<', 1e-4::float8, 'fresh rows that are the training''s give the same score') FROM ecml_recommend(7, 1, 'r als') r, ecml_recommend(7, 1, 'r als', '{"fresh": true}') f;
DELETE FROM bought WHERE customer_id = 1000;

-- ---- cold items, similar ones
SELECT ok(bool_and(item_id::int % 4 = 1), 'a cold item is like those of its content') FROM ecml_similar_items(41, 3, 'r als');
SELECT throws_ok($$ SELECT * FROM ecml_similar_items(41, 3, 'r item_knn') $$, '42704', 'item "41" is not known to model "r item_knn"', 'an item that is not known');
SELECT ok(bool_and(user_id::int % 4 = 3) AND count(*) = 5, 'similar users: ' || m) FROM unnest('{r als,r user_knn,r item_knn}'::text[]) m, LATERAL ecml_similar_users(7, 5, m) GROUP BY m ORDER BY m;
SELECT is((SELECT count(*) FROM ecml_item_factors('r als') WHERE cardinality(factors) = 8), 42::bigint, 'factors of items');
SELECT is_empty($$ (SELECT user_id, rank, item_id FROM ecml_recommend_all('r als', 3)) EXCEPT
	(SELECT u::text, rank, item_id FROM generate_series(1, 80) u, LATERAL ecml_recommend(u, 3, 'r als')) $$, 'lists for all users are those of each');
SELECT is((SELECT count(*) FROM ecml_recommend_all('r als', 3)), 240::bigint, 'of all users');

-- ---- many users to a row: each is found, and nobody else; one whose items no page holds
CREATE TABLE crowd AS SELECT CASE u WHEN 1 THEN '' WHEN 2 THEN repeat('é', 500) WHEN 3 THEN repeat('é', 499) || 'a' ELSE 'customer ' || u * 7919 % 3000 END AS customer_id,
	i % 3000 AS product_id FROM generate_series(1, 900) u, LATERAL generate_series(u * 3, u * 3 + CASE u WHEN 5 THEN 2999 ELSE 3 + u % 5 END) i;
SELECT is((ecml_train('crowd', 'repeat', 'crowd')).rows, (SELECT count(*) FROM crowd), 'a crowd');
SELECT ok(count(*) BETWEEN 2 AND 50 AND sum(cardinality(users)) = 900 AND bool_and(first_user = users[1]), 'has few rows') FROM ecml.factor JOIN ecml.model USING (model_id) WHERE name = 'crowd';
SELECT is_empty($$ SELECT c FROM (SELECT DISTINCT customer_id AS c FROM crowd) s CROSS JOIN LATERAL ecml_recommend(c, 3, 'crowd') r
	WHERE NOT EXISTS (SELECT FROM crowd WHERE customer_id = c AND product_id::text = item_id) $$, 'each has a list of what it took');
SELECT is((SELECT count(*) FROM ecml_recommend('customer ' || 5 * 7919 % 3000, 3000, 'crowd') WHERE score > 0), 3000::bigint, 'however much that is');
SELECT is_empty($$ SELECT c FROM unnest('{" ",A,customer,customer 1a,customer 29999,z,ü}'::text[]) c CROSS JOIN LATERAL (SELECT array_agg(item_id ORDER BY rank) AS l FROM ecml_recommend(c, 3, 'crowd')) r
	WHERE l <> (SELECT array_agg(item_id ORDER BY rank) FROM ecml_recommend(NULL::text, 3, 'crowd')) $$, 'ids before, between and after theirs are not known');
SELECT is((SELECT array_agg(user_id) FROM ecml_recommend_all('crowd', 1)), (SELECT array_agg(customer_id ORDER BY customer_id COLLATE "C") FROM (SELECT DISTINCT customer_id FROM crowd) s), 'all of them, by their ids');

-- ---- groups, ratings, decay
SELECT is((ecml_train('g', 'popular', 'bought', options => '{"group": "region"}')).rows, (SELECT count(*) FROM bought), 'popularity by group');
SELECT is(pg_temp.list('g', -1, 3, '{"group": "north"}'), (SELECT array_agg(product_id::text ORDER BY n DESC, first) FROM (SELECT product_id, count(*) AS n, min(b.ctid) AS first FROM bought b
	WHERE region = 'north' GROUP BY 1 ORDER BY 2 DESC, 3 LIMIT 3) s), 'what is popular in a group');
SELECT cmp_ok(((ecml_train('stars', 'als', 'SELECT customer_id, product_id, 1 + 4 * (customer_id % 4 = product_id % 4)::int AS rating FROM bought', options => '{"feedback": "explicit", "factors": 4}')).metrics ->> 'rmse')::float8, '<', 0.5::float8, 'ratings are predicted');

-- ---- versions, retraining, dropping
SELECT is((ecml_retrain('r als')).version, 2, 'a second version');
SELECT is((SELECT sum(cardinality(f.users)) FROM ecml.factor f JOIN ecml.model m USING (model_id) WHERE m.name = 'r als'), 160::bigint, 'the users of both versions stand side by side');
SELECT lives_ok($$ SELECT ecml_activate('r als', 1); SELECT ecml_drop_model('r als', 2); SELECT ecml_rename_model('r user_knn', 'people'); $$, 'activate, drop, rename');
SELECT is((SELECT sum(cardinality(f.users)) FROM ecml.factor f JOIN ecml.model m USING (model_id) WHERE m.name = 'r als'), 80::bigint, 'those of a dropped one are gone');
SELECT is(cardinality(pg_temp.list('people', 7)), 5, 'a renamed model serves');
SELECT lives_ok($$ SELECT ecml_save('copy', ecml_load('r item_knn')) $$, 'a recommender as a value');
SELECT is((SELECT array_agg(item_id ORDER BY rank) FROM ecml_recommend_basket(ARRAY[2, 6], 3, 'copy')), (SELECT array_agg(item_id ORDER BY rank) FROM ecml_recommend_basket(ARRAY[2, 6], 3, 'r item_knn')), 'knows the items');

-- ---- privileges
CREATE ROLE rec_guest;
GRANT SELECT ON bought TO rec_guest;
SET ROLE rec_guest;
SELECT throws_ok($$ SELECT * FROM ecml_recommend(7, 5, 'r als') $$, '42501', 'permission denied for model "r als"', 'a model of others');
SELECT throws_ok($$ SELECT * FROM ecml_recommend(7) $$, '42704', 'there is no recommender', 'none of which answers without a name');
SELECT throws_ok($$ SELECT * FROM ecml.factor $$, '42501', NULL, 'the tables are nobody''s');
RESET ROLE;
SELECT ecml_grant('r als', 'rec_guest');
SET ROLE rec_guest;
SELECT is(cardinality((SELECT array_agg(item_id) FROM ecml_recommend(7, 5))), 5, 'a grant lets others use it');
SELECT throws_ok($$ SELECT * FROM ecml_recommend(7, 5, 'r als', '{"filter": "stock > 0"}') $$, '42501', NULL, 'a filter has the caller''s rights');
RESET ROLE;

-- ---- refusals
SELECT throws_ok($$ SELECT ecml_predict('r als', 1) $$, '22023', 'the model does not predict from features', 'ecml_predict');
SELECT throws_ok($$ SELECT ecml_train('x', 'als', 'bought', 'quantity') $$, '22023', 'als takes neither target nor features', 'a target');
SELECT throws_ok($$ SELECT ecml_cross_validate('als', 'bought', 'quantity') $$, '22023', 'cross validation cannot be used with als', 'cross validation');
SELECT throws_ok($$ SELECT ecml_train('x', 'content', 'bought') $$, '22023', 'content needs an item table', 'content without items');

-- ---- evaluation
SELECT ok((e ->> 'ndcg')::float8 > 0.3 AND (e ->> 'ndcg')::float8 > 1.5 * (e #>> '{popularity,ndcg}')::float8 AND (e ->> 'users')::int = 80, 'als finds what was left out: ' || e::text)
	FROM ecml_evaluate('r als', 'SELECT customer_id, product_id, quantity, at FROM bought', '{"split": "leave_last_out"}') e;
SELECT ok((e ->> 'training_rows')::int BETWEEN 0.75 * (SELECT count(*) FROM bought) AND 0.85 * (SELECT count(*) FROM bought) AND (e ->> 'recall')::float8 BETWEEN 0 AND 1, 'a split by time: ' || e::text)
	FROM ecml_evaluate('r item_knn', 'SELECT customer_id, product_id, quantity, at FROM bought', '{"split": "time", "k": 5}') e;

SELECT * FROM finish();
ROLLBACK;
