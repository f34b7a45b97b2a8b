\echo ======================================================================
\echo 12. What to show a customer next?
\echo ======================================================================
\echo
\echo 'Learn from what customers bought; the article table tells about articles that nobody has bought yet.'
SELECT model, rows, seconds, metrics FROM ecml_train('recs', 'als',
	'SELECT customer_id, product_id, quantity, ordered_at FROM order_lines JOIN orders USING (order_id) WHERE status = ''paid''',
	options => '{"items": "products"}');

\echo 'A list in a request, with a filter on the article table and with reasons.'
SELECT r.rank, p.title, p.category, p.price, round(r.score::numeric, 3) AS score, r.because
FROM ecml_recommend(42, 5, 'recs', '{"filter": "price < 40", "reasons": true}') r JOIN products p ON p.product_id = r.item_id::int
ORDER BY rank;

\echo 'A visitor without an account has two articles in the basket.'
SELECT r.rank, p.title, p.category FROM ecml_recommend_basket(ARRAY[1, 13], 5, 'recs') r
JOIN products p ON p.product_id = r.item_id::int ORDER BY rank;

\echo 'Is it better than showing to all what sells best? The last article of each customer is left out, and looked for.'
SELECT e -> 'users' AS customers, round((e ->> 'ndcg')::numeric, 4) AS ndcg, round((e ->> 'hit_rate')::numeric, 4) AS hit_rate,
	round((e #>> '{popularity,ndcg}')::numeric, 4) AS ndcg_of_popularity
FROM ecml_evaluate('recs', 'SELECT customer_id, product_id, quantity, ordered_at FROM order_lines JOIN orders USING (order_id)
	WHERE status = ''paid''', '{"split": "leave_last_out"}') e;

\echo 'What is bought together?'
SELECT items, consequent, count, round(confidence::numeric, 3) AS confidence, round(lift::numeric, 2) AS lift
FROM ecml_bought_together('SELECT order_id, product_id FROM order_lines', '{"min_support": 0.001, "top": 5}');
