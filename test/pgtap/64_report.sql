-- ecml_report: one page for models of each kind; text is escaped.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(15);

CREATE TABLE shop AS
SELECT i, (i * 7919 % 1000) / 10.0 AS spend, (ARRAY['web', 'app', '<b>&"shop'])[1 + i % 3] AS "ch<annel", i * 104729 % 50 AS age,
	(i * 7919 % 1000) + 100 * (i % 3) + i * 31 % 300 > 700 AS stays
FROM generate_series(1, 2000) i;
SELECT count(*) FROM ecml_train('<churn>', 'logreg', 'shop', 'stays', ARRAY['spend', 'ch<annel', 'age']);
SELECT count(*) FROM ecml_train('price', 'linreg', 'shop', 'spend', ARRAY['age', 'stays']);
SELECT count(*) FROM ecml_train('kinds', 'gbdt', 'shop', 'ch<annel', ARRAY['age', 'spend', 'stays'], '{"n_trees": 5}');
SELECT count(*) FROM ecml_train('segments', 'kmeans', 'shop', NULL, ARRAY['age', 'spend'], '{"k": 3}');
SELECT count(*) FROM ecml_train('odd', 'iforest', 'shop', NULL, ARRAY['age', 'spend']);
CREATE TABLE page AS SELECT m AS model, ecml_report(m, 'shop') AS html FROM unnest(ARRAY['<churn>', 'price', 'kinds', 'segments', 'odd']) m;

SELECT ok(bool_and(html LIKE '<!DOCTYPE html>%' AND html LIKE '%</html>' || E'\n'), 'a page of each kind') FROM page;
SELECT ok(bool_and(html ~ '<h2>Evaluation</h2>' AND html ~ '<h2>Model</h2>' AND html ~ '<h2>Features</h2>'), 'evaluation, model, features') FROM page;
SELECT ok(html ~ 'ROC curve' AND html ~ 'Calibration' AND html ~ '<svg' AND html ~ '<h2>Coefficients</h2>', 'charts and coefficients of two classes')
FROM page WHERE model = '<churn>';
SELECT ok(html ~ 'Predicted and actual' AND html !~ '<svg', 'tenths of a regression') FROM page WHERE model = 'price';
SELECT ok(html ~ '<h2>Confusion</h2>' AND html !~ '<svg', 'a table of three classes') FROM page WHERE model = 'kinds';
SELECT ok(html ~ '<h2>Importance</h2>' AND html ~ '<h2>Drift</h2>', 'importance and drift') FROM page WHERE model = 'kinds';
SELECT ok(html ~ 'silhouette', 'clusters') FROM page WHERE model = 'segments';
SELECT is(html ~ '<churn>|<b>|ch<annel', false, 'names and values are escaped') FROM page WHERE model = '<churn>';
SELECT ok(html ~ '&lt;churn&gt;' AND html ~ 'ch&lt;annel', 'and still there') FROM page WHERE model = '<churn>';
SELECT is((SELECT count(*) FROM regexp_matches(html, '<section>', 'g')), (SELECT count(*) FROM regexp_matches(html, '</section>', 'g')),
	'sections end') FROM page WHERE model = 'kinds';
SELECT pg_temp.ok_xml(regexp_replace(regexp_replace(html, '<!DOCTYPE html>', ''), '<meta [^>]*>', '', 'g'), 'tags match: ' || model)
FROM page WHERE model IN ('<churn>', 'price');
SELECT ok(ecml_report('price', 'SELECT * FROM shop WHERE i <= 500', '{"title": "Prices & more"}') ~ '<h1>Prices &amp; more</h1>', 'a query, a title');
SELECT throws_ok($$SELECT ecml_report('none', 'shop')$$, '42704', 'model "none" does not exist');
SELECT throws_ok($$SELECT ecml_report('price', 'shop', '{"titel": "x"}')$$, '22023', 'unknown option "titel" for ecml_report');
SELECT * FROM finish();
ROLLBACK;
