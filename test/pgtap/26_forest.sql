-- Decision trees, random forests and rules of trees: rules as conditions of SQL, what they predict, options, odd data, quality.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(54);
SET client_min_messages = warning;
SET TimeZone = 'Asia/Tokyo';

-- every kind of column; numbers are multiples of 1/8 and whole seconds, so that a float holds them
CREATE TABLE visits AS
SELECT i, (hashint4extended(i, 1) & 1023) / 8.0::float8 AS amount, (ARRAY['DE', 'FR', 'IT', 'O''Neil'])[1 + (hashint4extended(i, 2) & 3)] AS "Country",
	CASE WHEN hashint4extended(i, 3) & 7 > 0 THEN (hashint4extended(i, 4) & 63)::int END AS age,
	timestamptz '2000-01-01 00:00:00+00' + (hashint4extended(i, 5) & 65535) * interval '1 second' AS at,
	timestamp '2000-01-01 00:00:00' + (hashint4extended(i, 14) & 65535) * interval '1 second' AS local,
	date '2000-01-01' + (hashint4extended(i, 6) & 127)::int AS day,
	(hashint4extended(i, 7) & 4095) * interval '1 second' AS wait, inet '10.0.0.0' + (hashint4extended(i, 8) & 65535) AS ip,
	CASE WHEN hashint4extended(i, 9) & 7 > 0 THEN hashint4extended(i, 10) & 1 = 1 END AS vip,
	(hashint4extended(i, 11) & 255)::numeric / 4 AS score, ARRAY[hashint4extended(i, 12) & 15, hashint4extended(i, 13) & 15]::float8[] AS pair
FROM generate_series(1, 4000) i;
ALTER TABLE visits ADD v float8, ADD y text, ADD k text;
UPDATE visits SET v = amount * CASE WHEN "Country" = 'DE' THEN 2 ELSE 1 END + coalesce(age, 90) + extract(epoch FROM at - '2000-01-01 00:00+00') / 1000
	+ extract(epoch FROM local) / 1e7 + (day - date '2000-01-01') / 2.0 + extract(epoch FROM wait) / 100 + CASE WHEN ip < inet '10.0.100.0' THEN 60 ELSE 0 END
	+ CASE vip WHEN true THEN 40 WHEN false THEN 0 ELSE 60 END + score + pair[2] * 4;
UPDATE visits SET y = CASE WHEN v > 330 THEN 'yes' ELSE 'no' END, k = CASE WHEN v > 380 THEN 'high' WHEN v > 280 THEN 'middle' ELSE 'low' END;
CREATE FUNCTION pg_temp.columns() RETURNS text[] LANGUAGE sql AS
	$$ SELECT '{amount,Country,age,at,local,day,wait,ip,vip,score,pair}'::text[] $$;

-- ---- rules

SELECT lives_ok($$ SELECT ecml_train('tree', 'decision_tree', 'visits', 'y', pg_temp.columns(), '{"max_depth": 8, "min_samples_leaf": 5}') $$, 'a tree of classes');
SELECT lives_ok($$ SELECT ecml_train('tree k', 'decision_tree', 'visits', 'k', pg_temp.columns(), '{"max_depth": 8}') $$, 'of three classes');
SELECT lives_ok($$ SELECT ecml_train('tree v', 'decision_tree', 'visits', 'v', pg_temp.columns(), '{"max_depth": 8}') $$, 'of numbers');
SELECT lives_ok($$ SELECT ecml_train('forest', 'random_forest', 'visits', 'y', pg_temp.columns(), '{"n_trees": 20}') $$, 'a forest of classes');
SELECT lives_ok($$ SELECT ecml_train('forest k', 'random_forest', 'visits', 'k', pg_temp.columns(), '{"n_trees": 20}') $$, 'of three classes');
SELECT lives_ok($$ SELECT ecml_train('forest v', 'random_forest', 'visits', 'v', pg_temp.columns(), '{"n_trees": 20}') $$, 'of numbers');
SELECT lives_ok($$ SELECT ecml_train('boosted', 'gbdt', 'visits', 'y', pg_temp.columns(), '{"n_trees": 4}') $$, 'boosted trees');
SELECT lives_ok($$ SELECT ecml_train('imputed', 'decision_tree', 'visits', 'y', pg_temp.columns(), '{"max_depth": 8, "missing": "impute"}') $$, 'a tree of imputed values');

-- how many rows a condition has, and what the model says of them
CREATE FUNCTION pg_temp.meets(condition text, model text, OUT n bigint, OUT low float8, OUT high float8) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*), min(ecml_predict(%L, amount, "Country", age, at, local, day, wait, ip, vip, score, pair)), '
		'max(ecml_predict(%1$L, amount, "Country", age, at, local, day, wait, ip, vip, score, pair)) FROM visits WHERE %s', model, condition)
		INTO n, low, high;
END $$;
SELECT ok(bool_and(m.n = r.cover) AND sum(m.n) = 4000 AND count(*) > 20, 'each condition has the rows that the leaf counts')
FROM ecml_tree_rules('tree') r, pg_temp.meets(r.condition, 'tree') m;
SELECT ok(bool_and(m.low = m.high AND m.low = r.prediction), 'and the model predicts for them what the leaf says')
FROM ecml_tree_rules('tree') r, pg_temp.meets(r.condition, 'tree') m;
SELECT ok(bool_and(m.n = r.cover AND m.low = m.high AND m.low = r.prediction), 'so it is for numbers')
FROM ecml_tree_rules('tree v') r, pg_temp.meets(r.condition, 'tree v') m;
SELECT ok(bool_and(m.n = r.cover AND m.low = m.high AND m.low = r.prediction), 'and where NULLs are imputed')
FROM ecml_tree_rules('imputed') r, pg_temp.meets(r.condition, 'imputed') m;
SELECT ok(bool_and(m.n = r.cover), 'and for boosted trees') FROM ecml_tree_rules('boosted') r, pg_temp.meets(r.condition, 'tree') m;
SELECT ok(string_agg(condition, ' ') ~ 'at > ''2000-01-01 [0-9:.]+\+00''' AND string_agg(condition, ' ') ~ '"Country" (NOT )?IN'
	AND string_agg(condition, ' ') ~ 'wait (>|<=) INTERVAL ''[0-9.]+ seconds''' AND string_agg(condition, ' ') ~ 'ip <= ''10\.0\.'
	AND string_agg(condition, ' ') ~ 'vip IS (NOT )?(TRUE|FALSE)' AND string_agg(condition, ' ') ~ 'pair\[2\]'
	AND string_agg(condition, ' ') ~ 'age IS NULL', 'conditions in the terms of the columns') FROM ecml_tree_rules('tree v');
SELECT ok(abs(sum(share) - 1) < 1e-6 AND bool_and(class IN ('no', 'yes') AND (class = 'yes') = (prediction > 0.5)
	AND abs((probabilities ->> 'yes')::float8 - prediction) < 1e-12), 'share, class, probabilities') FROM ecml_tree_rules('tree');
SELECT ok(bool_and(prediction = (SELECT max(value::float8) FROM jsonb_each_text(probabilities)) AND probabilities ->> class = prediction::text),
	'of three classes that of the most probable one') FROM ecml_tree_rules('tree k');
SELECT is((SELECT count(DISTINCT tree) FROM ecml_tree_rules('forest')), 20::bigint, 'all trees of a forest');
SELECT is((SELECT array_agg(DISTINCT tree) FROM ecml_tree_rules('forest', 3)), '{3}', 'or one');
SELECT is((SELECT count(*) FROM ecml_tree_rules(ecml_load('tree'))), (SELECT count(*) FROM ecml_tree_rules('tree')), 'of a model as a value');
SELECT is((SELECT count(*) FROM ecml_tree_rules(NULL::text)), 0::bigint, 'of NULL none');
SELECT throws_ok($$ SELECT * FROM ecml_tree_rules('forest', 21) $$, '22023', 'the model has no tree 21', 'no such tree');
SELECT lives_ok($$ SELECT ecml_train('line', 'linreg', 'visits', 'v', '{amount}') $$, 'a model without trees');
SELECT throws_ok($$ SELECT * FROM ecml_tree_rules('line') $$, '22023', 'ecml_tree_rules needs a model of trees', 'has no rules');

SELECT lives_ok($$ SELECT ecml_train('odd', 'iforest', 'visits', NULL, '{amount,age,ip,day}', '{"n_trees": 10}') $$, 'isolation trees');
SELECT ok(count(DISTINCT tree) = 10 AND bool_and(prediction > 0 AND class IS NULL AND condition ~ 'amount|age|ip|day'), 'have rules, with lengths of paths')
FROM ecml_tree_rules('odd');
SELECT lives_ok($$ SELECT ecml_train('oblique', 'iforest', 'visits', NULL, '{amount,score}', '{"n_trees": 10, "extension_level": 1}') $$, 'oblique ones');
SELECT throws_ok($$ SELECT * FROM ecml_tree_rules('oblique') $$, '22023', 'ecml_tree_rules needs a model of trees', 'have none');

-- ---- predictions, explanations, importance, metrics

SELECT ok(bool_and(abs(e.sum - e.prediction) < 1e-9 AND abs(e.prediction - ecml_predict('forest v', v.amount, v."Country", v.age, v.at, v.local,
		v.day, v.wait, v.ip, v.vip, v.score, v.pair)) < 1e-9), 'contributions add up to the prediction')
FROM (SELECT * FROM visits LIMIT 50) v, LATERAL (SELECT sum(contribution) + min(base) AS sum, min(prediction) AS prediction FROM
	ecml_explain('forest v', v.amount, v."Country", v.age, v.at, v.local, v.day, v.wait, v.ip, v.vip, v.score, v.pair)) e;
SELECT ok(abs(sum(importance) - 1) < 1e-9 AND bool_and(importance >= 0), 'importances are shares') FROM ecml_importance('forest v');
SELECT ok(bool_and(abs((SELECT sum(value::float8) FROM jsonb_each_text(ecml_probabilities('forest k', amount, "Country", age, at, local, day, wait, ip,
	vip, score, pair))) - 1) < 1e-6), 'probabilities sum to 1') FROM (SELECT * FROM visits LIMIT 50) v;
SELECT ok((metrics -> 'oob' ->> 'roc_auc')::float8 > 0.9 AND (metrics -> 'oob' ->> 'accuracy')::float8 > 0.8
	AND (metrics -> 'oob' ->> 'log_loss')::float8 < 0.5 AND (metrics ->> 'trees')::int = 20, 'out-of-bag metrics of classes')
FROM ecml.models WHERE name = 'forest';
SELECT ok((metrics -> 'oob' ->> 'r2')::float8 BETWEEN 0.6 AND 1 AND (metrics -> 'oob' ->> 'rmse')::float8 > 0, 'and of numbers')
FROM ecml.models WHERE name = 'forest v';
SELECT ok((ecml_evaluate('forest', 'visits') ->> 'roc_auc')::float8 > (SELECT (metrics -> 'oob' ->> 'roc_auc')::float8 FROM ecml.models
	WHERE name = 'forest'), 'rows that were trained on look better');
SELECT ok((ecml_cross_validate('random_forest', 'visits', 'y', pg_temp.columns(), '{"n_trees": 10}') #>> '{roc_auc,mean}')::float8 > 0.85,
	'cross validation');
SELECT lives_ok($$ SELECT ecml_retrain('forest') $$, 'retrain');
SELECT isnt(ecml_predict('tree', 1, 'XX', NULL::int, NULL::timestamptz, NULL::timestamp, NULL::date, NULL::interval,
	NULL::inet, NULL::boolean, NULL::numeric, NULL::float8[]), NULL,
	'an array that is NULL is as long as the model knows, and all NULL');
SELECT isnt(ecml_predict('tree', NULL::float8, 'XX', NULL::int, NULL::timestamptz, NULL::timestamp, NULL::date, NULL::interval,
	NULL::inet, NULL::boolean, NULL::numeric, '{NULL,NULL}'::float8[]), NULL,
	'NULLs and a category not seen are no hindrance');

-- ---- aggregates

SELECT ok(ecml_predict(m, 10::float8, 'DE') < ecml_predict(m, 120::float8, 'DE'), 'aggregate ecml_random_forest')
FROM (SELECT ecml_random_forest('{"n_trees": 10}', v, amount, "Country") AS m FROM visits) a;
SELECT ok(count(*) = 4 AND bool_and((SELECT count(*) FROM ecml_tree_rules(m)) BETWEEN 2 AND 64), 'a tree for each country')
FROM (SELECT "Country", ecml_decision_tree('{}', y, amount, age) AS m FROM visits GROUP BY "Country") a;
SELECT ok(ecml_tree_rules(m)::text LIKE '%x1 %', 'its columns are called x1, x2')
FROM (SELECT ecml_decision_tree('{"max_depth": 1}', y, amount) AS m FROM visits) a;

-- ---- options

SELECT throws_ok($$ SELECT ecml_train('e', 'random_forest', 'visits', 'v', '{amount}', '{"class_weight": "balanced"}') $$, '22023',
	'"class_weight" needs a target of classes', 'weights of classes need classes');
SELECT throws_ok($$ SELECT ecml_train('e', 'random_forest', 'visits', 'v', '{amount}', '{"class_weight": {"yes": 2}}') $$, '22023',
	'"class_weight" needs a target of classes', 'also by name');
SELECT throws_ok($$ SELECT ecml_train('e', 'random_forest', 'visits', 'v', '{amount}', '{"min_samples_leaf": 1.5}') $$, '22023', NULL,
	'one and a half rows are no number of rows');
SELECT throws_ok($$ SELECT ecml_train('e', 'decision_tree', 'visits', 'v', '{amount}', '{"n_trees": 3}') $$, '22023', NULL,
	'a decision tree is one');
SELECT throws_ok($$ SELECT ecml_train('e', 'decision_tree', $q$SELECT amount - 50 AS z, age FROM visits$q$, 'z', options => '{"criterion": "poisson"}') $$,
	'22000', 'the target is negative', 'a count is not negative');
SELECT is((SELECT (metrics ->> 'max_features')::int FROM ecml_train('e', 'random_forest', 'visits', 'y', pg_temp.columns(),
	'{"n_trees": 1, "max_features": "all"}')), 12, 'max_features by word');
SELECT is((SELECT (metrics ->> 'max_features')::int FROM ecml_train('e', 'random_forest', 'visits', 'y', pg_temp.columns(),
	'{"n_trees": 1, "max_features": 5}')), 5, 'by number');
SELECT is((SELECT (metrics ->> 'max_features')::int FROM ecml_train('e', 'random_forest', 'visits', 'y', pg_temp.columns(),
	'{"n_trees": 1, "max_features": 0.5}')), 6, 'by share');
SELECT is((SELECT (metrics ->> 'leaves')::int FROM ecml_train('e', 'decision_tree', 'visits', 'y', pg_temp.columns(), '{"max_leaves": 9}')), 9,
	'max_leaves');
SELECT is((SELECT (metrics ->> 'leaves')::int FROM ecml_train('e', 'decision_tree', 'visits', 'y', pg_temp.columns(), '{"ccp_alpha": 1}')), 1,
	'ccp_alpha');

-- the median is what an absolute error looks for: a few great values do not move it
SELECT is((metrics ->> 'criterion'), 'absolute_error', 'a tree by the absolute error')
FROM ecml_train('medians', 'decision_tree', 'SELECT i % 2 AS side, CASE WHEN i % 20 < 2 THEN 1e6 ELSE 10 * (i % 2) + i % 3 END AS z FROM generate_series(1, 600) i',
	'z', options => '{"criterion": "absolute_error"}');
SELECT ok(ecml_predict('medians', 0) = 1 AND ecml_predict('medians', 1) = 11, 'leaves are medians');
SELECT ok((metrics -> 'oob' ->> 'r2')::float8 > 0.5, 'and a forest by it')
FROM ecml_train('medians', 'random_forest', 'visits', 'v', pg_temp.columns(), '{"criterion": "absolute_error", "n_trees": 20}');

SELECT * FROM finish();
ROLLBACK;
