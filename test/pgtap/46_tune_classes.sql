-- Folds of classifiers: stratified, whatever the type of the classes; the search for options of a logistic regression, and of
-- a survival model.
BEGIN;
\i ../lib/pgtap.sql
SELECT EXISTS (SELECT FROM pg_proc WHERE proname = 'ecml_logreg') AS classifier,
	EXISTS (SELECT FROM pg_proc WHERE proname = 'ecml_cox') AS survival \gset
SELECT plan(CASE WHEN :'classifier' THEN 29 ELSE 1 END + CASE WHEN :'survival' THEN 5 ELSE 1 END);
\if :classifier

CREATE TABLE people AS SELECT i, (ARRAY['no', 'yes', 'no', 'no'])[1 + i % 4] AS buys, CASE WHEN i % 101 = 0 THEN 'rare'
	WHEN i % 3 = 0 THEN 'mid' ELSE 'often' END AS visits, 10 - i % 4 AS size, i % 2 = 0 AS flag, i % 50 AS family,
	date '2024-01-01' + i / 10 AS day, (i % 4 = 1)::int * 1.5 + sin(i * 1.3) AS x, cos(i * 0.7) + i % 3 AS z
	FROM generate_series(1, 1013) i;
CREATE FUNCTION pg_temp.predicted(target text, options jsonb) RETURNS TABLE (i int, fold int, prediction float8, class text)
LANGUAGE sql AS $$ SELECT key::int, fold, prediction, class
	FROM ecml_cross_predict('logreg', 'people', target, '{x,z}', 'i', options) $$;

-- ---- stratified

SELECT ok(max(most - least) <= 1, 'classes of ' || target || ' differ by a row at most over ' || folds || ' folds')
FROM (VALUES ('buys'), ('visits'), ('size'), ('flag')) t (target), (VALUES (2), (5), (9)) f (folds),
	LATERAL (SELECT max(n) AS most, min(n) AS least FROM (SELECT to_jsonb(p) ->> target AS c, q.fold, count(*) AS n
		FROM pg_temp.predicted(target, jsonb_build_object('folds', folds)) q JOIN people p USING (i) GROUP BY 1, 2) n GROUP BY c
		UNION ALL SELECT max(n), min(n) FROM (SELECT count(*) AS n FROM pg_temp.predicted(target,
		jsonb_build_object('folds', folds)) GROUP BY fold) n) spread GROUP BY target, folds ORDER BY target, folds;
SELECT is((SELECT array_agg(DISTINCT fold ORDER BY fold) FROM pg_temp.predicted('visits', '{"folds": 10}') JOIN people USING (i)
	WHERE visits = 'rare'), (SELECT array_agg(i) FROM generate_series(1, 10) i), 'ten rows of a rare class are in ten folds');
SELECT is(ecml_cross_validate('logreg', 'people', 'buys', '{x}') ->> 'split', 'stratified', 'it is the default');
SELECT ok((SELECT max(n) - min(n) FROM (SELECT count(*) AS n FROM pg_temp.predicted('buys', '{"split": "random"}') JOIN people USING (i)
	WHERE buys = 'yes' GROUP BY fold) f) > 1, 'a random split is not stratified');

-- ---- predictions and metrics

SELECT ok(bool_and(class = CASE WHEN prediction >= 0.5 THEN 'yes' ELSE 'no' END) AND count(*) = 1013,
	'of two classes the probability of the second, and the class') FROM pg_temp.predicted('buys', '{}');
SELECT ok(bool_and(class IN ('rare', 'mid', 'often') AND prediction > 1 / 3.0) AND count(*) = 1013,
	'of three classes the probability of the class') FROM pg_temp.predicted('visits', '{}');
SELECT ok(bool_and(class IN ('true', 'false')), 'booleans') FROM pg_temp.predicted('flag', '{}');
SELECT ok(bool_and(class::int BETWEEN 7 AND 10), 'numbers') FROM pg_temp.predicted('size', '{}');
CREATE TEMP TABLE by_hand AS SELECT fold, ecml_metrics(buys, prediction) AS m FROM pg_temp.predicted('buys', '{}') JOIN people USING (i)
	GROUP BY fold;
SELECT ok(bool_and(pg_temp.close((v #>> ARRAY[name, 'mean'])::float8, (SELECT avg((m ->> name)::float8) FROM by_hand), 1e-9)
	AND pg_temp.close((v #>> ARRAY[name, 'sd'])::float8, (SELECT stddev_samp((m ->> name)::float8) FROM by_hand), 1e-6)),
	'metrics are those of the predictions, fold by fold')
FROM ecml_cross_validate('logreg', 'people', 'buys', '{x,z}') v,
	unnest('{roc_auc,pr_auc,log_loss,brier,accuracy,f1,mcc,ks}'::text[]) name;
SELECT ok(bool_and(abs(p.prediction - ecml_predict(models.m, people.x, people.z)) < 1e-9), 'predictions by hand')
FROM pg_temp.predicted('buys', '{"folds": 3}') p JOIN people USING (i), LATERAL (SELECT f AS fold, ecml_logreg('{}', o.buys, o.x, o.z) AS m
	FROM generate_series(1, 3) f JOIN pg_temp.predicted('buys', '{"folds": 3}') t ON t.fold <> f JOIN people o USING (i)
	WHERE f = p.fold GROUP BY f) models WHERE p.i <= 6;
SELECT is(v #>> '{unknown_class,mean}', '2', 'a class that lies in one group is unknown to one fold''s model')
FROM ecml_cross_validate('logreg', 'SELECT *, CASE WHEN visits = ''rare'' THEN 99 ELSE family END AS family2 FROM people', 'visits',
	'{x,z}', '{"group": "family2"}') v;

-- ---- the search

CREATE TEMP TABLE search AS SELECT * FROM ecml_tune('logreg', 'people', 'buys', '{x,z}', '{"C": [0.001, 0.1, 10]}',
	'{"save": "buyers", "seed": 2, "base": {"penalty": "l2"}}');
SELECT is(metrics, ecml_cross_validate('logreg', 'people', 'buys', '{x,z}', options), 'trial ' || trial || ' is a cross validation')
FROM search ORDER BY trial;
SELECT ok(bool_and(metric = (metrics #>> '{roc_auc,mean}')::float8) AND count(*) = 3, 'of two classes the area under the curve is optimised')
FROM search;
SELECT ok(bool_and(metric = (metrics #>> '{log_loss,mean}')::float8), 'of more, the log loss')
FROM ecml_tune('logreg', 'people', 'visits', '{x,z}', '{"C": [0.01, 1]}', '{"base": {"penalty": "l2"}}');
CREATE TEMP TABLE hand AS SELECT ecml_train('by hand', 'logreg', 'people', 'buys', '{x,z}', (SELECT options FROM search WHERE rank = 1));
SELECT is(ecml_load('buyers')::text, ecml_load('by hand')::text, 'the best is saved, bit for bit');
SELECT throws_ok($$SELECT * FROM ecml_tune('logreg', 'people', 'visits', '{x,z}', '{"C": [0.01, 1]}', '{"metric": "roc_auc", "base": {"penalty": "l2"}}')$$,
	'22000', 'metric "roc_auc" is not defined in any fold', 'of three classes there is no such area');
\else
SELECT skip('no classifier');
\endif

-- ---- time to an event: censored rows stay censored

\if :survival
CREATE TABLE spans AS SELECT i, sin(i * 1.1) AS x, cos(i * 0.3) AS z, i % 30 AS family, CASE WHEN i % 100 = 0 THEN 0 ELSE
	round((-ln((i * 7919 % 1000 + 1) / 1001.0) * exp(-sin(i * 1.1)))::numeric, 2) END AS lasted, i % 4 > 0 AS ended
	FROM generate_series(1, 600) i;
CREATE TEMP TABLE risks AS SELECT fold, key::int AS i, prediction FROM ecml_cross_predict('cox', 'spans', 'lasted', '{x,z}', 'i',
	'{"event": "ended"}');
SELECT ok(bool_and(abs((d #>> '{metrics,concordance}')::float8 - c.c) < 1e-9) AND count(*) = 5, 'concordance of each fold, by hand')
FROM jsonb_array_elements(ecml_cross_validate('cox', 'spans', 'lasted', '{x,z}', '{"event": "ended", "details": true}') -> 'details') d,
	LATERAL (SELECT sum(CASE WHEN a.prediction > b.prediction THEN 1 WHEN a.prediction = b.prediction THEN 0.5 ELSE 0 END)
	/ count(*)::float8 AS c FROM (risks JOIN spans USING (i)) a, (risks JOIN spans USING (i)) b WHERE a.fold = (d ->> 'fold')::int
	AND b.fold = a.fold AND a.ended AND (a.lasted < b.lasted OR (a.lasted = b.lasted AND NOT b.ended))) c;
CREATE TEMP TABLE cox AS SELECT * FROM ecml_tune('cox', 'spans', 'lasted', NULL, '{"alpha": [0, 1, 100]}',
	'{"base": {"event": "ended"}, "group": "family"}');
SELECT is(metrics, ecml_cross_validate('cox', 'spans', 'lasted', NULL, options || '{"group": "family"}'), 'cox, trial ' || trial)
FROM cox ORDER BY trial;
SELECT ok(bool_and(metric = (metrics #>> '{concordance,mean}')::float8) AND min(metric) FILTER (WHERE rank = 1) = max(metric),
	'the concordance is optimised') FROM cox;
\else
SELECT skip('no survival model');
\endif

SELECT * FROM finish();
ROLLBACK;
