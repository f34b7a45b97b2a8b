-- What recommenders say to mistakes: message, detail, hint, SQLSTATE.
\set VERBOSITY default
\set SHOW_CONTEXT never
CREATE TABLE taken (customer_id int, product_id int, quantity int);
INSERT INTO taken SELECT u, i, 1 FROM generate_series(1, 6) u, generate_series(1, 5) i WHERE (u + i) % 3 > 0;
SELECT * FROM ecml_recommend(1, 5, 'nobody');
SELECT rows, skipped FROM ecml_train('err recs', 'als', 'taken', options => '{"factors": 4}');
SELECT * FROM ecml_recommend(1, 0, 'err recs');
SELECT * FROM ecml_recommend(1, 5, 'err recs', '{"exclude": 1}');
SELECT * FROM ecml_recommend(1, 5, 'err recs', '{"filtre": "true"}');
SELECT * FROM ecml_recommend(1, 5, 'err recs', '{"filter": "true"}');
SELECT count(*) FROM ecml_recommend(1, 5, 'err recs', '{"items": "taken", "filter": "true) IS TRUE OR (true"}');
SELECT count(*) FROM ecml_recommend(1, 5, 'err recs', '{"items": "taken", "filter": "true, 1"}');
SELECT * FROM ecml_recommend(1, 5, 'err recs', '{"items": "taken", "boost": "-1"}');
SELECT * FROM ecml_recommend(1, 5, 'err recs', '{"group": "north"}');
SELECT * FROM ecml_similar_items(99, 5, 'err recs');
SELECT * FROM ecml_similar_users(99, 5, 'err recs');
SELECT * FROM ecml_train('x', 'als', 'SELECT 1 AS only');
SELECT * FROM ecml_train('x', 'als', 'taken', options => '{"user": "nobody"}');
SELECT * FROM ecml_train('x', 'als', 'taken', options => '{"user": "product_id", "item": "product_id"}');
SELECT * FROM ecml_train('x', 'als', 'taken', options => '{"neighbors": 5}');
SELECT * FROM ecml_train('x', 'als', 'taken', options => '{"item_key": "id"}');
SELECT * FROM ecml_train('x', 'als', 'SELECT customer_id, product_id, -1 AS quantity FROM taken');
SELECT * FROM ecml_train('x', 'als', 'SELECT customer_id, product_id, quantity FROM taken WHERE false');
SELECT * FROM ecml_train('x', 'als', 'SELECT customer_id, product_id, ''NaN''::float8 AS quantity FROM taken');
SELECT * FROM ecml_train('x', 'als', 'SELECT customer_id, product_id, ''much''::text AS quantity FROM taken');
SELECT * FROM ecml_train('x', 'hybrid', 'taken', options => '{"parts": ["als", "tarot"]}');
SELECT * FROM ecml_train('x', 'hybrid', 'taken', options => '{"parts": ["content"]}');
SELECT * FROM ecml_train('x', 'als', 'taken', options => '{"feedback": "explicit", "half_life": 5}');
SELECT ecml_evaluate('err recs', 'taken', '{"split": "time"}');
SELECT ecml_evaluate('err recs', 'taken');
SELECT * FROM ecml_bought_together('SELECT customer_id, product_id FROM taken', '{"min_support": 1, "limit": 2}');
SELECT * FROM ecml_bought_together('taken', '{"sequential": true}');
SELECT * FROM ecml_bought_together('taken', '{"basket": "order"}');
SELECT ecml_predict('err recs', 1);
SELECT ecml_drop_model('err recs');
DROP TABLE taken;
