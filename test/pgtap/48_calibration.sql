-- Option calibration of classifiers: probabilities come true as often as they say; the model keeps the curve.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(27);

-- y follows a logistic law in x twice as steep beyond 1: a straight logit is wrong there
CREATE TABLE bought AS
SELECT i, x, z, y, CASE WHEN y THEN 'yes' ELSE 'no' END AS answer, CASE WHEN y THEN 'b' WHEN z > 0.5 THEN 'c' ELSE 'a' END AS three
FROM (SELECT i, x, z, sin(i * 7919.0) * 0.5 + 0.5 < 1 / (1 + exp(-(x * abs(x) * abs(x) + 0.5 * z))) AS y
	FROM (SELECT i, ((i * 7919 % 10007) / 10007.0 - 0.5) * 6::float8 AS x, ((i * 104729 % 9973) / 9973.0 - 0.5) * 2::float8 AS z
		FROM generate_series(1, 6000) AS i) v) w;
SELECT (ecml_train(name, 'logreg', 'SELECT x, z, answer FROM bought WHERE i % 2 = 0', 'answer', NULL,
	json_build_object('calibration', name)::jsonb)).rows FROM unnest('{none,platt,isotonic}'::text[]) AS name;
CREATE TABLE judged AS SELECT name, ecml_evaluate(name, 'SELECT x, z, answer FROM bought WHERE i % 2 = 1') AS e
FROM unnest('{none,platt,isotonic}'::text[]) AS name;
CREATE FUNCTION pg_temp.metric(model text, metric text) RETURNS float8 LANGUAGE sql AS
	$$ SELECT (e ->> metric)::float8 FROM judged WHERE name = model $$;
SELECT cmp_ok(pg_temp.metric('isotonic', 'ece'), '<', pg_temp.metric('none', 'ece') * 0.6, 'isotonic: a smaller calibration error');
SELECT cmp_ok(pg_temp.metric('isotonic', 'log_loss'), '<', pg_temp.metric('none', 'log_loss'), 'log loss');
SELECT cmp_ok(pg_temp.metric('isotonic', 'brier'), '<', pg_temp.metric('none', 'brier'), 'and Brier score');
SELECT cmp_ok(pg_temp.metric('platt', 'log_loss'), '<', pg_temp.metric('none', 'log_loss') * 1.01,
	'platt does not harm what is calibrated as a sigmoid is');
SELECT ok(pg_temp.close(pg_temp.metric('platt', 'roc_auc'), pg_temp.metric('none', 'roc_auc'), 1e-12), 'and ranks as before');

-- ---- all functions apply it

SELECT is((SELECT count(*) FROM bought b WHERE NOT pg_temp.close(ecml_predict('isotonic', x, z),
	(ecml_probabilities('isotonic', x, z) ->> 'yes')::float8, 1e-12)), 0::bigint, 'ecml_predict and ecml_probabilities agree');
SELECT is((SELECT count(*) FROM bought WHERE abs((ecml_probabilities('isotonic', x, z) ->> 'no')::float8 +
	(ecml_probabilities('isotonic', x, z) ->> 'yes')::float8 - 1) > 1e-12), 0::bigint, 'probabilities add up');
SELECT is((SELECT count(*) FROM bought WHERE (ecml_classify('isotonic', x, z) = 'yes') <> (ecml_predict('isotonic', x, z) >= 0.5)),
	0::bigint, 'ecml_classify decides by the calibrated probability');
SELECT is((SELECT count(*) FROM bought WHERE ecml_predict('isotonic', x, z) IS DISTINCT FROM ecml_predict(ecml_load('isotonic')::text::ecml_model,
	x, z) AND i < 50), 0::bigint, 'the curve is part of the model');
SELECT isnt((SELECT sum(ecml_predict('isotonic', x, z)) FROM bought WHERE x > 1), (SELECT sum(ecml_predict('none', x, z)) FROM bought
	WHERE x > 1), 'it is applied');
SELECT ok((SELECT bool_and(NOT drifted) FROM ecml_drift('isotonic', 'SELECT x, z FROM bought')), 'the profile is of calibrated predictions');
SELECT ok((SELECT bool_and(pg_temp.close(e.prediction, ln(p / (1 - p)), 1e-8)) FROM bought b, LATERAL (SELECT ecml_predict('none', x,
	z) AS p) t, LATERAL (SELECT DISTINCT prediction FROM ecml_explain('isotonic', x, z)) e WHERE i < 50),
	'explained is the model before calibration');

-- ---- what the training tells

SELECT ok((SELECT (m ->> 'ece_after')::float8 < (m ->> 'ece_before')::float8 AND (m ->> 'log_loss_after')::float8
	< (m ->> 'log_loss_before')::float8 AND (m ->> 'brier_after')::float8 < (m ->> 'brier_before')::float8
	FROM (SELECT ecml_model_info('isotonic') #> '{metrics,calibration}' AS m) t), 'metrics before and after');
SELECT ok(NOT ecml_model_info('none') -> 'metrics' ? 'calibration', 'none without');
SELECT is(ecml_model_info('isotonic') #>> '{options,calibration}', 'isotonic', 'the option is kept');
SELECT (ecml_train('again', 'logreg', 'SELECT x, z, answer FROM bought WHERE i % 2 = 0', 'answer', NULL,
	'{"calibration": "isotonic"}')).rows;
SELECT is(md5(ecml_load('again')::text), md5(ecml_load('isotonic')::text), 'the same rows and seed, the same curve');

-- ---- more than two classes

SELECT (ecml_train('three', 'logreg', 'SELECT x, z, three FROM bought', 'three', NULL, '{"calibration": "isotonic"}')).rows;
SELECT (ecml_train('three plain', 'logreg', 'SELECT x, z, three FROM bought', 'three')).rows;
SELECT is((SELECT count(*) FROM (SELECT i, sum(p.value::float8) AS total FROM bought, jsonb_each_text(ecml_probabilities('three',
	x, z)) p GROUP BY i) t WHERE abs(total - 1) > 1e-9), 0::bigint, 'probabilities of three classes add up');
SELECT cmp_ok((ecml_evaluate('three', 'bought') ->> 'log_loss')::float8, '<', (ecml_evaluate('three plain', 'bought')
	->> 'log_loss')::float8, 'and are better');

-- ---- explained and inspected

SELECT ok((SELECT bool_and(pg_temp.close(exp(s.score), (p ->> e.class)::float8 / (p ->> 'a')::float8, 1e-8)) FROM bought b,
	LATERAL (SELECT ecml_probabilities('three plain', x, z) AS p, ecml_classify('three plain', x, z) AS class) e,
	LATERAL (SELECT min(base) + sum(contribution) AS score FROM ecml_explain('three plain', x, z)) s
	WHERE i < 300 AND e.class <> 'a'), 'of three classes the most probable one, against the first');
SELECT is((SELECT count(*) FROM bought b, ecml_explain('three plain', x, z) e WHERE i < 100 AND e.class <> ecml_classify('three plain',
	x, z)), 0::bigint, 'is named');
SELECT is((SELECT array_agg(feature) FROM ecml_importance('isotonic')), '{x,z}', 'the feature that matters most');
SELECT is((SELECT feature FROM ecml_importance('isotonic', 'bought', '{"metric": "roc_auc"}') LIMIT 1), 'x', 'by permutation, too');
SELECT ok((SELECT bool_and(later >= prediction - 1e-9) FROM (SELECT prediction, lead(prediction) OVER (ORDER BY value) AS later
	FROM ecml_partial_dependence('isotonic', 'bought', 'x')) t), 'partial dependence of a calibrated probability rises with x');

-- ---- limits

SELECT throws_ok($$SELECT ecml_train('m', 'logreg', 'SELECT x, i = 7 AS y FROM bought', 'y', NULL, '{"calibration": "platt"}')$$,
	'22000', 'class "true" has too few rows for calibration', 'a class with one row');
SELECT throws_ok($$SELECT ecml_train('m', 'logreg', 'bought', 'answer', NULL, '{"calibration": "plat"}')$$, '22023',
	'invalid value for option "calibration" of logreg', 'an unknown method');
SELECT throws_ok($$SELECT ecml_train('m', 'logreg', 'bought', 'answer', NULL, '{"calibration_folds": 1}')$$, '22023',
	'invalid value for option "calibration_folds" of logreg', 'one fold');
SELECT lives_ok($$SELECT ecml_train('m', 'logreg', 'SELECT x, z, i % 3 + 1 AS w, answer FROM bought', 'answer', NULL,
	'{"calibration": "isotonic", "sample_weight": "w"}')$$, 'with weights');
SELECT * FROM finish();
ROLLBACK;
