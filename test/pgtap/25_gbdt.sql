-- Gradient boosting through SQL: targets, NULLs, categories, options and their aliases, validation, constraints, ranking, every verb.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(66);

SELECT setseed(0.5);
CREATE TABLE shop AS
SELECT i AS id, round(x::numeric, 3)::float8 AS price, CASE WHEN i % 7 = 0 THEN NULL ELSE (i * 31 % 50) END AS age,
	(ARRAY['DE', 'FR', 'GB', 'ES', 'IT'])[1 + i * 17 % 5] AS country, i % 3 = 0 AS again, timestamptz '2026-01-01' + i * interval '1 hour' AS at,
	2 * x + CASE WHEN i * 17 % 5 = 1 THEN 3 ELSE 0 END + CASE WHEN i % 7 = 0 THEN 4 ELSE (i * 31 % 50) / 20.0 END + noise AS y
FROM (SELECT i, random() * 3 AS x, random() - 0.5 AS noise FROM generate_series(1, 4000) i) r;
ALTER TABLE shop ADD bought boolean, ADD class text, ADD number int, ADD test boolean, ADD w float8;
UPDATE shop SET bought = y > 5, class = CASE WHEN y < 4 THEN 'low' WHEN y < 6.5 THEN 'mid' ELSE 'top' END, number = (y > 5)::int, test = id % 4 = 0,
	w = 1 + id % 2;

-- ---- what is learnt is chosen by the target

SELECT is((metrics ->> 'objective', rows, skipped)::text, '(squared_error,4000,0)', 'a number: squared error; no row is left out')
FROM ecml_train('number', 'gbdt', 'shop', 'y', '{price,age,country,again,at}');
SELECT is(metrics ->> 'objective', 'logistic', 'a boolean: logistic')
FROM ecml_train('boolean', 'gbdt', 'shop', 'bought', '{price,age,country,again}');
SELECT is(metrics ->> 'objective', 'softmax', 'three texts: softmax')
FROM ecml_train('text', 'gbdt', 'shop', 'class', '{price,age,country}', '{"n_trees": 30}');
SELECT is(metrics ->> 'objective', 'logistic', 'a number of two values: logistic')
FROM ecml_train('two', 'gbdt', 'shop', 'number', '{price,age,country}', '{"n_trees": 30}');
SELECT is(metrics ->> 'objective', 'poisson', 'or as told')
FROM ecml_train('counts', 'gbdt', 'shop', 'number', '{price,age,country}', '{"objective": "poisson", "n_trees": 30}');
SELECT is(array_agg((name, task)::text ORDER BY name), ARRAY['(boolean,classification)', '(counts,regression)', '(number,regression)',
	'(text,classification)', '(two,classification)'], 'tasks in the catalog') FROM ecml.models;

-- ---- predictions

SELECT ok(sqrt(avg((ecml_predict('number', price, age, country, again, at) - y) ^ 2)) < 0.35, 'numbers are close') FROM shop;
SELECT ok((ecml_evaluate('boolean', 'shop') ->> 'roc_auc')::float8 > 0.98, 'classes are told apart');
SELECT ok(bool_and(ecml_predict('number', s) = ecml_predict('number', price, age, country, again, at)), 'by name and by place')
FROM shop s WHERE id < 200;
SELECT ok(bool_and(ecml_predict('number', price, age, country, again, at) IS NOT NULL), 'NULL is a value like others')
FROM (SELECT price, NULL::int AS age, NULL::text AS country, NULL::boolean AS again, at FROM shop WHERE id < 100) r;
SELECT ok(ecml_predict('number', 1.5, 20, 'nowhere', true, NULL::timestamptz) BETWEEN 2 AND 9, 'a country not seen in training is no error');
SELECT ok(ecml_predict('number', 1.5, NULL::int, 'DE', true, timestamptz '2026-02-01') > ecml_predict('number', 1.5, 5, 'DE', true, timestamptz '2026-02-01') + 2,
	'what is missing tells something');
SELECT ok(bool_and(abs((p ->> 'low')::float8 + (p ->> 'mid')::float8 + (p ->> 'top')::float8 - 1) < 1e-12
	AND p ->> c >= ALL (ARRAY[p ->> 'low', p ->> 'mid', p ->> 'top'])), 'probabilities add up, the class is the likeliest')
FROM (SELECT ecml_probabilities('text', price, age, country) AS p, ecml_classify('text', price, age, country) AS c FROM shop WHERE id < 300) r;
SELECT is(ecml_classify('boolean', 2.9, 40, 'FR', true), 'true', 'a class is a text');
SELECT throws_ok($$ SELECT ecml_predict('text', 1, 2, 'DE') $$, NULL, NULL, 'one probability of three is no answer');
SELECT ok(bool_and(ecml_predict('counts', price, age, country) > 0), 'a mean is positive') FROM shop;

-- two classes may have a score each, as softmax gives them
SELECT is((metrics ->> 'objective', metrics ->> 'trees')::text, '(softmax,60)', 'softmax of two classes, when told so')
FROM ecml_train('two scores', 'gbdt', 'shop', 'bought', '{price,age,country,again}', '{"objective": "softmax", "n_trees": 30}');
SELECT ok(max(abs(ecml_predict('two scores', s) - (ecml_probabilities('two scores', s) ->> 'true')::float8)) = 0 AND count(DISTINCT ecml_predict('two scores', s)) > 50
	AND corr(ecml_predict('two scores', s), ecml_predict('boolean', price, age, country, again)) > 0.95, 'the probability of the second') FROM shop s WHERE id < 300;
SELECT ok((ecml_evaluate('two scores', 'shop') ->> 'roc_auc')::float8 > 0.98, 'it tells them apart');
SELECT ok((SELECT max(prediction) FROM ecml_explain('two scores', (SELECT s FROM shop s WHERE id = 7))) IS NOT NULL, 'and is explained');

-- ---- explanations

SELECT ok(max(abs(total - prediction)) < 1e-9, 'contributions and base make the value')
FROM (SELECT ecml_predict('number', s) AS prediction, (SELECT sum(contribution) + max(base) FROM ecml_explain('number', s)) AS total
	FROM shop s WHERE id <= 50) r;
SELECT ok(max(abs(total - ln(p / (1 - p)))) < 1e-9, 'or the log odds')
FROM (SELECT ecml_predict('boolean', s) AS p, (SELECT sum(contribution) + max(base) FROM ecml_explain('boolean', s)) AS total
	FROM shop s WHERE id <= 50) r;
SELECT is((SELECT array_agg(feature ORDER BY importance DESC) FROM ecml_importance('boolean')), '{price,age,country,again}', 'gain, the greatest first');
SELECT ok((ecml_model_info('boolean') #>> '{metrics,splits,price}')::float8 > (ecml_model_info('boolean') #>> '{metrics,splits,again}')::float8,
	'splits are counted');
SELECT is((SELECT feature FROM ecml_importance('boolean', 'shop') LIMIT 1), 'price', 'by permutation');

-- ---- options

CREATE FUNCTION pg_temp.same(a jsonb, b jsonb, target text DEFAULT 'bought') RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	p float8;
BEGIN
	PERFORM ecml_train('a', 'gbdt', 'shop', target, '{price,age,country}', '{"n_trees": 10}' || a);
	PERFORM ecml_train('b', 'gbdt', 'shop', target, '{price,age,country}', '{"n_trees": 10}' || b);
	SELECT max(abs(ecml_predict('a', price, age, country) - ecml_predict('b', price, age, country))) INTO p FROM shop;
	RETURN p = 0;
END $$;
SELECT ok(pg_temp.same('{"n_trees": 12, "max_leaves": 9, "min_child_samples": 30, "l1": 1, "l2": 2, "min_gain": 0.1, "max_bins": 63, "learning_rate": 0.2}',
	'{"n_estimators": 12, "num_leaves": 9, "min_data_in_leaf": 30, "reg_alpha": 1, "reg_lambda": 2, "min_split_gain": 0.1, "max_bin": 63, "eta": 0.2}'),
	'aliases');
SELECT ok(pg_temp.same('{"subsample": 0.5, "subsample_freq": 2, "colsample_bytree": 0.7, "colsample_bynode": 0.7}',
	'{"bagging_fraction": 0.5, "bagging_freq": 2, "feature_fraction": 0.7, "feature_fraction_bynode": 0.7}'), 'aliases of sampling');
SELECT ok(NOT pg_temp.same('{"subsample": 0.5, "seed": 1}', '{"subsample": 0.5, "seed": 2}'), 'the seed tells');
SELECT ok(pg_temp.same('{"scale_pos_weight": 3}', '{"class_weight": {"true": 3}}'), 'the weight of the second class');
SELECT ok(NOT pg_temp.same('{"class_weight": "balanced"}', '{}'), 'balanced');
SELECT ok(NOT pg_temp.same('{"sample_weight": "w"}', '{}'), 'weights of rows') FROM (VALUES (1)) v;
SELECT ok(pg_temp.same('{"monotone": {"price": -1}}', '{"monotone_constraints": [-1, 0, 0]}'), 'constraints by name and by place');
SELECT ok(max(p) - min(p) < 1e-12, 'a constraint against the data leaves nothing of the column')
FROM (SELECT ecml_predict('a', x / 10.0, 20, 'DE') AS p FROM generate_series(0, 30) x) r;
SELECT ecml_train('m', 'gbdt', 'shop', 'bought', '{price,age}', '{"monotone": {"price": 1}}') IS NOT NULL AS trained;
SELECT ok(bool_and(p >= before) AND max(p) > 0.9, 'a constraint with the data holds')
FROM (SELECT p, lag(p, 1, 0.0::float8) OVER (ORDER BY x) AS before
	FROM (SELECT x, ecml_predict('m', x / 100.0, 20) AS p FROM generate_series(0, 300) x) q) r;
CREATE FUNCTION pg_temp.learns(options jsonb) RETURNS SETOF float8 LANGUAGE plpgsql AS $$
BEGIN
	PERFORM ecml_train('q', 'gbdt', 'shop', 'y', '{price,age,country}', options);
	RETURN QUERY SELECT ecml_predict('q', price, age, country) - y FROM shop;
END $$;
SELECT ok(abs(avg((e > 0)::int) - 0.9) < 0.03, 'a quantile') FROM pg_temp.learns('{"objective": "quantile", "alpha": 0.9}') e;
SELECT ok(avg(abs(e)) < 0.4, 'absolute_error learns') FROM pg_temp.learns('{"objective": "absolute_error"}') e;
SELECT ok(avg(abs(e)) < 0.4, 'huber learns') FROM pg_temp.learns('{"objective": "huber"}') e;
SELECT ok(avg(abs(e)) < 0.4, 'so does what bins coarsely') FROM pg_temp.learns('{"max_bins": 20}') e;
SELECT ok((metrics ->> 'train')::float8 < 0.3, o || ' learns')
FROM unnest(ARRAY['gamma', 'tweedie']) o, LATERAL ecml_train('g', 'gbdt', 'SELECT price, age, country, y + 1 AS y FROM shop', 'y',
	'{price,age,country}', jsonb_build_object('objective', o));

-- ---- validation

SELECT is(((metrics ->> 'validation_rows')::int, rows)::text, '(1000,4000)', 'rows of a column validate')
FROM ecml_train('v', 'gbdt', 'shop', 'bought', '{price,age,country}', '{"validation": "test", "n_trees": 400, "early_stopping_rounds": 10}');
SELECT ok(i = b + 10 AND t = b AND b < 390 AND abs(v - (ecml_evaluate('v', 'SELECT * FROM shop WHERE test') ->> 'log_loss')::float8) < 1e-9,
	'the best iteration is kept')
FROM (SELECT (m ->> 'iterations')::int AS i, (m ->> 'best_iteration')::int AS b, (m ->> 'trees')::int AS t, (m ->> 'validation')::float8 AS v
	FROM (SELECT ecml_model_info('v') -> 'metrics' AS m) q) r;
SELECT ok(jsonb_array_length(m -> 'curve') > 5 AND m -> 'curve' -> 0 ? 'validation' AND m -> 'curve' -> 0 ? 'train', 'the learning curve')
FROM (SELECT ecml_model_info('v') -> 'metrics' AS m) q;
SELECT is(ecml_model_info('v') -> 'features' @> '["test"]', false, 'the column is no feature');
SELECT is(((metrics ->> 'validation_rows')::int, metrics ->> 'metric')::text, '(800,roc_auc)', 'a fraction, and a metric')
FROM ecml_train('f', 'gbdt', 'shop', 'bought', '{price,age,country}', '{"validation_fraction": 0.2, "metric": "roc_auc"}');

-- ---- ranking

CREATE TABLE ranked AS SELECT q, i, a, b, least(3, greatest(0, round(2 * a + 0.4 * (random() - 0.5))))::int AS grade
FROM (SELECT q, i, random() AS a, random() AS b FROM generate_series(1, 120) q, generate_series(1, 12) i) r;
SELECT ok((metrics ->> 'train')::float8 > 0.9 AND metrics ->> 'metric' = 'ndcg', 'ranking')
FROM ecml_train('rank', 'gbdt', 'ranked', 'grade', '{a,b}', '{"objective": "lambdarank", "group": "q", "n_trees": 30}');
SELECT ok(corr(ecml_predict('rank', a, b), a) > 0.8, 'orders as the grades do') FROM ranked;
SELECT ok((metrics ->> 'train')::float8 > 0.9, 'groups may be named by texts')
FROM ecml_train('rank', 'gbdt', $$ SELECT 'g' || q AS q, a, b, grade FROM ranked $$, 'grade', '{a,b}', '{"objective": "lambdarank", "group": "q", "n_trees": 30}');

-- ---- aggregate, validation over folds, retraining, bytes

SELECT ok(bool_and(ecml_predict(m, price, age, country) = ecml_predict('two', price, age, country)), 'the aggregate''s model is the same')
FROM shop, (SELECT ecml_gbdt('{"n_trees": 30}', number, price, age, country ORDER BY ctid) AS m FROM shop) a WHERE id < 500;	-- the table's order: UPDATE moved rows
SELECT is(array_agg(ecml_predict(m, 1.5, 20) BETWEEN 2 AND 9 ORDER BY country), '{t,t,t,t,t}', 'a model a group')
FROM (SELECT country, ecml_gbdt('{"n_trees": 20}', y, price, age) AS m FROM shop GROUP BY country) g;
SELECT ok((SELECT ecml_gbdt('{}', y, price) FROM shop WHERE false) IS NULL, 'NULL without rows');
SELECT ok(m::text::ecml_model::text = m::text, 'text form') FROM (SELECT ecml_load('text') AS m) r;
SELECT ok((v #>> '{roc_auc,mean}')::float8 > 0.95, 'cross validation')
FROM ecml_cross_validate('gbdt', 'shop', 'bought', '{price,age,country}', '{"folds": 3, "n_trees": 20}') v;
SELECT is((SELECT count(*) FROM ecml_cross_predict('gbdt', 'shop', 'y', '{price,age,country}', 'id', '{"folds": 3, "n_trees": 20}')), 4000::bigint,
	'predictions out of fold');
SELECT is((SELECT count(*) FROM ecml_tune('gbdt', 'shop', 'bought', '{price,age,country}', '{"max_leaves": [4, 15], "n_trees": [20]}', '{"folds": 3}')), 2::bigint, 'tuning');
SELECT is(version, 2, 'retrained') FROM ecml_retrain('v');
SELECT set_config('ecml.threads', '1', true);
SELECT ecml_save('two threads', ecml_load('two')) AS version;
SELECT ecml_train('two', 'gbdt', 'shop', 'number', '{price,age,country}', '{"n_trees": 30}') IS NOT NULL AS trained;
SELECT ok(bool_and(ecml_predict('two', price, age, country) = ecml_predict('two threads', price, age, country)), 'one thread: the same') FROM shop;

-- ---- odd data

SET client_min_messages = error;
SELECT ecml_train('one', 'gbdt', 'SELECT 1 AS a, 3.0::float8 AS y', 'y', NULL, '{"objective": "squared_error"}') IS NOT NULL AS trained;
SELECT is(ecml_predict('one', 7), 3::float8, 'one row');
SELECT ecml_train('none', 'gbdt', 'SELECT NULL::float8 AS a, 1.0 AS b, 1.0 + i % 3 AS y FROM generate_series(0, 8) i', 'y') IS NOT NULL AS trained;
SELECT is(ecml_predict('none', NULL::float8, 1.0), 2::float8, 'columns without information');
SELECT throws_ok($$ SELECT ecml_train('x', 'gbdt', 'SELECT i AS a, true AS y FROM generate_series(1, 50) i', 'y') $$, '22000', NULL, 'one class only');
SELECT throws_ok($$ SELECT ecml_train('x', 'gbdt', 'SELECT i AS a, -i AS y FROM generate_series(1, 50) i', 'y', NULL, '{"objective": "poisson"}') $$,
	'22000', NULL, 'negative counts');
SELECT throws_ok($$ SELECT ecml_train('x', 'gbdt', 'shop', 'y', '{price,country}', '{"monotone": {"country": 1}}') $$, '22023', NULL, 'a category has no order');
SELECT throws_ok($$ SELECT ecml_train('x', 'gbdt', 'shop', 'y', '{price,country}', '{"monotone": {"prize": 1}}') $$, '42703', NULL, 'nor one that is none');
-- ---- real data: LightGBM has 0.837, 0.928 and 2.07

\if :{?data}
CREATE TABLE telco (customer text, gender text, senior int, partner boolean, dependents boolean, tenure int, phone boolean, lines text,
	internet text, security text, backup text, protection text, support text, tv text, movies text, contract text, paperless boolean,
	payment text, monthly float8, total float8, churn text);
\set load '\\copy telco FROM PROGRAM ''gzip -dc ' :data '/classification/telco_churn.csv.gz | sed "s/, *,/,,/g"'' WITH (FORMAT csv, HEADER)'
:load
CREATE TABLE adult (age int, workclass text, fnlwgt int, education text, education_num int, marital_status text, occupation text,
	relationship text, race text, sex text, capital_gain int, capital_loss int, hours_per_week int, native_country text, income text);
\set load '\\copy adult FROM PROGRAM ''gzip -dc ' :data '/classification/adult_train.csv.gz'' WITH (FORMAT csv, HEADER)'
:load
SELECT cmp_ok((v #>> '{roc_auc,mean}')::float8, '>=', 0.833::float8, 'churn of telecom customers: ROC AUC over five folds')
FROM ecml_cross_validate('gbdt', 'telco', 'churn', (SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute
	WHERE attrelid = 'telco'::regclass AND attnum > 1 AND attname <> 'churn'), '{"folds": 5, "seed": 1}') v;
SELECT cmp_ok((v #>> '{roc_auc,mean}')::float8, '>=', 0.926::float8, 'income of adults: ROC AUC over five folds')
FROM ecml_cross_validate('gbdt', 'adult', 'income', options => '{"folds": 5, "seed": 1}') v;
SELECT ok((metrics ->> 'leaves')::int = 3100, 'all leaves are used')
FROM ecml_train('adult', 'gbdt', 'adult', 'income');
\else
SELECT skip('no folder of real data', 3);
\endif
SELECT * FROM finish();
ROLLBACK;
