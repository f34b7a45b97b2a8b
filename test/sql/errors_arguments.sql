-- Names of models, algorithms, columns; number and type of features.
\pset format unaligned
\pset tuples_only on
CREATE TABLE arguments_t AS SELECT i::float8 AS price, (i % 7)::int AS stock, 'k' || i % 3 AS kind, 3 * i + i % 5 AS sales,
	i % 2 = 0 AS promo, date '2024-01-01' + i * i AS day FROM generate_series(1, 40) i;
SELECT (ecml_train('sales', 'linreg', 'arguments_t', 'sales', '{price,stock}')).version;
SELECT (ecml_train('kinds', 'linreg', 'arguments_t', 'sales', '{price,kind}')).version;
SELECT (ecml_train('times', 'linreg', 'arguments_t', 'sales', '{price,day}')).version;
SELECT (ecml_train('vector', 'linreg', 'SELECT sales, ARRAY[price, stock] AS v FROM arguments_t', 'sales')).version;
SELECT (ecml_train('segments', 'kmeans', 'arguments_t', NULL, '{price,stock}', '{"k": 3}')).version;

-- a model's name
SELECT failure($$ SELECT ecml_train('', 'linreg', 'arguments_t', 'sales') $$);
SELECT failure($$ SELECT ecml_train(repeat('m', 1000), 'linreg', 'arguments_t', 'sales') $$);
SELECT failure($$ SELECT ecml_train(repeat('m', 64), 'linreg', 'arguments_t', 'sales') $$);
SELECT failure($$ SELECT ecml_train(repeat('é', 40), 'linreg', 'arguments_t', 'sales') $$);
SELECT failure($$ SELECT ecml_train(NULL, 'linreg', 'arguments_t', 'sales') $$);
SELECT failure($$ SELECT ecml_save('', ecml_load('sales')) $$);
SELECT failure($$ SELECT ecml_save(repeat('m', 1000), ecml_load('sales')) $$);
SELECT failure($$ SELECT ecml_rename_model('sales', '') $$);
SELECT failure($$ SELECT ecml_rename_model('sales', repeat('m', 1000)) $$);
SELECT failure($$ SELECT ecml_rename_model('sales', 'kinds') $$);
SELECT failure($$ SELECT ecml_rename_model('sales', 'sales') $$);
-- a name may hold what it likes within 63 bytes
SELECT (ecml_train(repeat('m', 63), 'linreg', 'arguments_t', 'sales', '{price}')).version;
SELECT (ecml_train(E'it''s "a" $1 %s \n model;--', 'linreg', 'arguments_t', 'sales', '{price}')).version;
SELECT ecml_predict(repeat('m', 63), 1::float8) IS NOT NULL, ecml_predict(E'it''s "a" $1 %s \n model;--',
	1::float8) IS NOT NULL;
SELECT ecml_drop_model(repeat('m', 63));
SELECT ecml_drop_model(E'it''s "a" $1 %s \n model;--');

-- a model that is not there, at each function
SELECT failure($$ SELECT ecml_predict('sale', 1::float8, 2::float8) $$);
SELECT failure($$ SELECT ecml_predict('', 1::float8, 2::float8) $$);
SELECT failure($$ SELECT ecml_predict(repeat('m', 1000), 1::float8, 2::float8) $$);
SELECT failure($$ SELECT ecml_classify('segmentz', 1::float8, 2::float8) $$);
SELECT failure($$ SELECT ecml_predict_interval('nothing like it', 0.9, 1::float8) $$);
SELECT failure($$ SELECT ecml_evaluate('nothing like it', 'arguments_t') $$);
SELECT failure($$ SELECT ecml_coefficients('nothing like it') $$);
SELECT failure($$ SELECT ecml_centroids('nothing like it') $$);
SELECT failure($$ SELECT ecml_model_info('nothing like it') $$);
SELECT failure($$ SELECT ecml_load('nothing like it') $$);
SELECT failure($$ SELECT ecml_retrain('nothing like it') $$);
SELECT failure($$ SELECT ecml_drop_model('nothing like it') $$);
SELECT failure($$ SELECT ecml_rename_model('nothing like it', 'other') $$);
SELECT failure($$ SELECT ecml_activate('nothing like it', 1) $$);
SELECT failure($$ SELECT ecml_grant('nothing like it', 'public') $$);
SELECT failure($$ SELECT ecml_revoke('nothing like it', 'public') $$);
SELECT failure($$ SELECT ecml_activate('sales', 7) $$);
SELECT failure($$ SELECT ecml_activate('sales', 0) $$);
SELECT failure($$ SELECT ecml_drop_model('sales', 7) $$);
SELECT failure($$ SELECT ecml_drop_model('sales', 0) $$);
SELECT failure($$ SELECT ecml_grant('sales', 'no such role') $$);

-- algorithm, target, features
SELECT failure($$ SELECT ecml_train('m', 'linregr', 'arguments_t', 'sales') $$);
SELECT failure($$ SELECT ecml_train('m', '', 'arguments_t', 'sales') $$);
SELECT failure($$ SELECT ecml_train('m', NULL, 'arguments_t', 'sales') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', NULL, 'sales') $$);
SELECT failure($$ SELECT ecml_cross_validate('linregr', 'arguments_t', 'sales') $$);
SELECT failure($$ SELECT ecml_cross_validate(NULL, 'arguments_t', 'sales') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'arguments_t', NULL) $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'arguments_t', 'sale') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'arguments_t', 'Sales') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'arguments_t', 'kind') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'arguments_t', 'day') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'arguments_t', 'sales') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'arguments_t', 'sales', '{price,stocks}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'arguments_t', 'sales', '{}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'arguments_t', 'sales', '{NULL}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'arguments_t', 'sales', '{price,price}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'arguments_t', 'sales', '{price,sales}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'SELECT sales FROM arguments_t', 'sales') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT FROM arguments_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'arguments_t', 'sales', '{price}', '{"sample_weight": "weight"}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'arguments_t', 'sales', '{price}', '{"sample_weight": "kind"}') $$);
SELECT failure($$ SELECT ecml_linreg('{"sample_weight": "x3"}', sales, price, stock) FROM arguments_t $$);
SELECT failure($$ SELECT ecml_linreg('{"sample_weight": "x2"}', sales, price, kind) FROM arguments_t $$);
SELECT failure($$ SELECT ecml_kmeans('{"sample_weight": "x1"}', price) FROM arguments_t $$);
SELECT failure($$ SELECT ecml_evaluate('sales', 'arguments_t', '{"target": "turnover"}') $$);
SELECT failure($$ SELECT ecml_evaluate('sales', 'arguments_t', '{"target": "kind"}') $$);
SELECT failure($$ SELECT ecml_evaluate('sales', 'SELECT price, sales FROM arguments_t') $$);
SELECT failure($$ SELECT ecml_kmeans_scan('arguments_t', '{price,stok}') $$);
SELECT failure($$ SELECT ecml_kmeans_scan(NULL) $$);
SELECT failure($$ SELECT ecml_rfm('arguments_t') $$);
SELECT failure($$ SELECT ecml_rfm('arguments_t', '{"customer": "kind", "time": "dya", "amount": "price"}') $$);
SELECT failure($$ SELECT ecml_rfm('arguments_t', '{"customer": "kind", "time": "price", "amount": "price"}') $$);
SELECT failure($$ SELECT ecml_rfm('arguments_t', '{"customer": "kind", "time": "day", "amount": "kind"}') $$);
SELECT failure($$ SELECT ecml_rfm(NULL) $$);

-- types that cannot be features
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT 1 AS a, ''{}''::jsonb AS payload') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT point(1, 2) AS place') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT ARRAY[''a''] AS tags') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT ''\x00''::bytea AS image') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT t AS whole FROM arguments_t t') $$);
SELECT failure($$ SELECT ecml_linreg('{}', sales, price, to_jsonb(stock)) FROM arguments_t $$);
SELECT failure($$ SELECT ecml_linreg('{}', sales, t) FROM arguments_t t $$);
SELECT failure($$ SELECT ecml_kmeans('{"k": 2}', price, int4range(1, 2)) FROM arguments_t $$);
SELECT failure($$ SELECT ecml_predict('sales', 1::float8, point(1, 2)) $$);

-- number and type of features at predict
SELECT failure($$ SELECT ecml_predict('sales', 1::float8) $$);
SELECT failure($$ SELECT ecml_predict('sales', 1::float8, 2::float8, 3::float8) $$);
SELECT failure($$ SELECT ecml_predict(ecml_load('sales'), 1::float8) $$);
SELECT failure($$ SELECT ecml_predict('sales', 1::float8, 'two'::text) $$);
SELECT failure($$ SELECT ecml_predict('sales', 1::float8, now()) $$);
SELECT failure($$ SELECT ecml_predict('kinds', 1::float8, 2::float8) $$);
SELECT failure($$ SELECT ecml_predict('kinds', 'k1'::text, 1::float8) $$);
SELECT failure($$ SELECT ecml_predict('times', 1::float8, 2::float8) $$);
SELECT failure($$ SELECT ecml_predict('vector', ARRAY[1::float8]) $$);
SELECT failure($$ SELECT ecml_predict('vector', ARRAY[1::float8, 2, 3]) $$);
SELECT failure($$ SELECT ecml_predict('vector', 1::float8, 2::float8, 3::float8) $$);
SELECT failure($$ SELECT ecml_predict('sales', 1::float8, 'two') $$);
SELECT failure($$ SELECT ecml_predict('sales', t) FROM (SELECT price, stock AS stok FROM arguments_t) t $$);
SELECT failure($$ SELECT ecml_predict('sales', t) FROM (SELECT price, kind AS stock FROM arguments_t) t $$);
SELECT failure($$ SELECT ecml_predict('sales', t, 1::float8) FROM arguments_t t $$);
SELECT failure($$ SELECT ecml_classify('segments', 1::float8) $$);
SELECT failure($$ SELECT ecml_predict_interval('sales', 0.9, 1::float8) $$);
-- the model is not of the kind
SELECT failure($$ SELECT ecml_classify('sales', 1::float8, 2::float8) $$);
SELECT failure($$ SELECT ecml_coefficients('segments') $$);
SELECT failure($$ SELECT ecml_centroids('sales') $$);
SELECT failure($$ SELECT ecml_predict_interval('segments', 0.9, 1::float8, 2::float8) $$);
SELECT ecml_save('saved', ecml_load('sales'));
SELECT failure($$ SELECT ecml_retrain('saved') $$);
-- bytes that are no model
SELECT failure($$ SELECT ''::ecml_model $$);
SELECT failure($$ SELECT 'zz'::ecml_model $$);
SELECT failure($$ SELECT '00'::ecml_model $$);
SELECT failure($$ SELECT left(ecml_load('sales')::text, -2)::ecml_model $$);
SELECT failure($$ SELECT (ecml_load('sales')::text || '00')::ecml_model $$);
SELECT failure($$ SELECT overlay(ecml_load('sales')::text PLACING
	CASE substr(ecml_load('sales')::text, 101, 1) WHEN '0' THEN '1' ELSE '0' END FROM 101 FOR 1)::ecml_model $$);
SELECT left(failure($$ SELECT '00'::ecml_linreg_state $$), 5), left(failure($$ SELECT ''::ecml_ttest_state $$), 5);

-- a category that training never met is no error: all of its dummies are 0, which is the first category here
SELECT ecml_predict('kinds', 1::float8, 'never met'::text) = ecml_predict('kinds', 1::float8, 'k0'::text),
	ecml_predict('kinds', 1::float8, 'k1'::text) = ecml_predict('kinds', 1::float8, 'k0'::text);

SELECT ecml_drop_model(name) FROM (VALUES ('sales'), ('kinds'), ('times'), ('vector'), ('segments'), ('saved')) m (name);
-- a dropped model
SELECT failure($$ SELECT ecml_predict('sales', 1::float8, 2::float8) $$);
SELECT failure($$ SELECT ecml_retrain('sales') $$);
SELECT failure($$ SELECT ecml_drop_model('sales') $$);
SELECT count(*) FROM ecml.models;
DROP TABLE arguments_t;
