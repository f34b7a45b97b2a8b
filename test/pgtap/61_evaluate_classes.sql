-- ecml_evaluate of classifiers: the same as ecml_metrics of what they predict; weights, thresholds, classes that are not known.
BEGIN;
\i ../lib/pgtap.sql

CREATE TABLE visits AS SELECT i, sin(i) AS a, cos(i * 1.7) AS b, CASE WHEN sin(i) + sin(i * 12.9898) > 0.3 THEN 'yes' ELSE 'no' END AS bought,
	(ARRAY['x', 'y', 'z'])[1 + (i % 5 + (2 * sin(i))::int + 7) % 3] AS kind, i % 3 AS w FROM generate_series(1, 1500) i;
CREATE FUNCTION pg_temp.knows(algorithm text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
	PERFORM ecml_train('two', algorithm, 'visits', 'bought', '{a,b}'), ecml_train('three', algorithm, 'visits', 'kind', '{a,b}');
	RETURN true;
EXCEPTION WHEN undefined_object OR invalid_parameter_value THEN RETURN false; END $$;
SELECT pg_temp.knows('logreg') AS known \gset
\if :known
SELECT plan(20);

CREATE TEMP TABLE two AS SELECT ecml_evaluate('two', 'visits') AS e;
SELECT is(e - ARRAY['unknown_class'], (SELECT ecml_metrics(bought, ecml_predict('two', a, b)) - ARRAY['task'] FROM visits), 'of two classes: ecml_metrics of the probabilities') FROM two;
SELECT is(e ->> 'f1', (SELECT ecml_metrics(bought, ecml_classify('two', a, b)) ->> 'f1' FROM visits), 'its threshold is that of ecml_classify') FROM two;
SELECT is(ecml_evaluate('two', 'visits', '{"threshold": 0.2}') - ARRAY['unknown_class'],
	(SELECT ecml_metrics(bought, ecml_predict('two', a, b), '{"threshold": 0.2}') - ARRAY['task'] FROM visits), 'and another threshold that of ecml_metrics');
SELECT is(ecml_evaluate('two', 'SELECT a, b, upper(bought) = ''YES'' AS bought FROM visits') ->> 'unknown_class', '1500', 'other words for the classes are not known');
SELECT is(e ->> 'accuracy', '0', 'and all wrong') FROM ecml_evaluate('two', 'SELECT a, b, ''?'' AS bought FROM visits') e;
SELECT is(e -> 'roc_auc', 'null', 'with no curve') FROM ecml_evaluate('two', 'SELECT a, b, ''?'' AS bought FROM visits') e;
CREATE TEMP TABLE odd AS SELECT ecml_evaluate('two', $$ SELECT a, b, CASE WHEN i > 1400 THEN 'perhaps' ELSE bought END AS bought FROM visits $$) AS e;
SELECT ok(pg_temp.close((e ->> 'roc_auc')::float8, (SELECT (ecml_metrics(bought, ecml_predict('two', a, b)) ->> 'roc_auc')::float8 FROM visits WHERE i <= 1400)),
	'rows of an unknown class are left out of the curve') FROM odd;
SELECT ok(pg_temp.close((e ->> 'accuracy')::float8, (SELECT (ecml_metrics(CASE WHEN i > 1400 THEN 'perhaps' ELSE bought END, ecml_classify('two', a, b)) ->> 'accuracy')::float8
	FROM visits)), 'and errors of the accuracy') FROM odd;
SELECT is(e -> 'classes', '["no", "yes", "(other)"]', 'and have a line of the confusion matrix') FROM odd;
SELECT ok(pg_temp.close((ecml_evaluate('two', 'visits', '{"sample_weight": "w"}') ->> q)::float8,
		(ecml_evaluate('two', 'SELECT v.* FROM visits v, generate_series(1, w)') ->> q)::float8, 1e-12), 'a weight of 2 is a row twice: ' || q)
FROM unnest(ARRAY['roc_auc', 'pr_auc', 'log_loss', 'brier', 'f1', 'mcc', 'ks', 'ece']) q;
SELECT ok(pg_temp.close((e ->> q)::float8, (SELECT (ecml_metrics(kind, ecml_classify('three', a, b)) ->> q)::float8 FROM visits)), 'of three classes: ' || q)
FROM ecml_evaluate('three', 'visits') e, unnest(ARRAY['f1_macro']) q;
SELECT ok(pg_temp.close((ecml_evaluate('three', 'visits') ->> 'roc_auc_ovr')::float8, (SELECT avg(auc) FROM (
	SELECT (ecml_metrics(kind = k, (ecml_probabilities('three', a, b) ->> k)::float8) ->> 'roc_auc')::float8 AS auc FROM visits, unnest(ARRAY['x', 'y', 'z']) k GROUP BY k) s)),
	'the area of one against the rest is the mean over the classes');
SET LOCAL ecml.work_mem = '3MB';
SELECT is(ecml_evaluate('three', 'SELECT v.* FROM visits v, generate_series(1, 60)') ->> 'rows', '90000', 'probabilities of many rows go to a file');
RESET ecml.work_mem;
\else
SELECT plan(1);
SELECT skip('there is no logistic regression', 1);
\endif
SELECT * FROM finish();
ROLLBACK;
