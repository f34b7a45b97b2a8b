-- Logistic regression: the kernel's numbers through SQL, options, weights, offset, odd data, quality on real data.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(74);

CREATE TABLE binary_rows (y int, w float8, x1 float8, x2 float8, x3 float8, x4 float8);
CREATE TABLE multi_rows (y int, w float8, x1 float8, x2 float8, x3 float8);
\copy binary_rows FROM '../data/logreg/binary.tsv'
\copy multi_rows FROM '../data/logreg/multi.tsv'
CREATE TABLE lines (line text);
\copy lines FROM '../data/logreg/cases.tsv' WITH (DELIMITER E'\x01')
CREATE TABLE cases AS SELECT a[1] AS name, a[2] || '_rows' AS source, a[3]::int AS penalty, a[4]::float8 AS c, a[5]::float8 AS ratio,
	a[6] = '1' AS intercept, a[7] = '1' AS balanced, a[8] = '1' AS robust, a[9] = '1' AS weighted, a[10]::int AS off,
	a[13]::float8 AS digits, a[15:14 + a[14]::int]::float8[] AS estimates, a[15 + a[14]::int:]::float8[] AS errors
	FROM (SELECT string_to_array(line, E'\t') AS a FROM lines) l;

-- ---- statsmodels and scikit-learn

CREATE TABLE fits AS SELECT c.name, t.metrics FROM cases c, LATERAL ecml_train(c.name, 'logreg', c.source, 'y',
	CASE WHEN c.source = 'multi_rows' THEN '{x1,x2,x3}'::text[] ELSE '{x1,x2,x3,x4}' END,
	jsonb_build_object('penalty', (ARRAY['none', 'l2', 'l1', 'elasticnet'])[c.penalty + 1], 'C', c.c, 'l1_ratio', c.ratio,
		'intercept', c.intercept, 'class_weight', CASE WHEN c.balanced THEN 'balanced' ELSE 'none' END,
		'robust', CASE WHEN c.robust THEN 'hc0' ELSE 'none' END)
	|| CASE WHEN c.weighted THEN '{"sample_weight": "w"}' ELSE '{}'::jsonb END
	|| CASE WHEN c.off >= 0 THEN '{"offset": "x1"}' ELSE '{}'::jsonb END) t;
SELECT ok(bool_and(CASE WHEN f.term = 'x1' AND c.off = 0 THEN f.estimate = 1 AND f.std_error IS NULL
		ELSE abs(f.estimate - c.estimates[f.place]) <= 10 ^ -c.digits * abs(c.estimates[f.place]) END)
	AND bool_and(coalesce(abs(f.std_error - c.errors[f.place]) <= 1e-9 * c.errors[f.place], true)), c.name)
FROM cases c, LATERAL (SELECT k.*, row_number() OVER () + CASE WHEN c.intercept THEN 0 ELSE 1 END AS place
	FROM ecml_coefficients(c.name) k) f GROUP BY c.name ORDER BY c.name;
SELECT ok(bool_and((metrics ->> 'converged')::boolean), 'all converge') FROM fits;
SELECT is((SELECT array_agg(DISTINCT class ORDER BY class) FROM ecml_coefficients('MNLogit')), '{1,2}',
	'the first of three classes is the reference');
SELECT is((SELECT array_agg(DISTINCT class ORDER BY class) FROM ecml_coefficients('l2, three classes')), '{0,1,2}',
	'with a penalty all have coefficients');
SELECT ok(bool_and(pg_temp.close(odds_ratio, exp(estimate), 1e-14) AND pg_temp.close(statistic, estimate / std_error, 1e-14)
	AND pg_temp.close(conf_high - conf_low, 2 * 1.959963984540054 * std_error, 1e-12)
	AND (p_value < 0.05) = (abs(statistic) > 1.96) AND p_value > 0), 'odds ratio, z, p and interval') FROM ecml_coefficients('Logit');
SELECT ok(pg_temp.close((metrics ->> 'aic')::float8, 2 * 5 - 2 * (metrics ->> 'log_likelihood')::float8, 1e-14)
	AND pg_temp.close((metrics ->> 'bic')::float8, 5 * ln(200) - 2 * (metrics ->> 'log_likelihood')::float8, 1e-14)
	AND pg_temp.close((metrics ->> 'mcfadden_r2')::float8,
		1 - (metrics ->> 'log_likelihood')::float8 / (metrics ->> 'null_log_likelihood')::float8, 1e-12)
	AND pg_temp.close((metrics ->> 'log_loss')::float8, -(metrics ->> 'log_likelihood')::float8 / 200, 1e-14),
	'AIC, BIC, McFadden, log loss') FROM fits WHERE name = 'Logit';
SELECT ok(pg_temp.close((metrics ->> 'log_likelihood')::float8,
	(SELECT sum(ln(CASE WHEN y = 1 THEN p ELSE 1 - p END)) FROM (SELECT y, ecml_predict('Logit', x1, x2, x3, x4) AS p FROM binary_rows) r),
	1e-12), 'the likelihood is that of the predictions') FROM fits WHERE name = 'Logit';
SELECT is((metrics ->> 'accuracy')::float8, (SELECT avg((ecml_classify(name, x1, x2, x3) = y::text)::int)::float8 FROM multi_rows),
	'so is the accuracy') FROM fits WHERE name = 'MNLogit';
SELECT ok(bool_and(abs((p ->> '0')::float8 + (p ->> '1')::float8 + (p ->> '2')::float8 - 1) < 1e-12
	AND p ->> c >= ALL (ARRAY[p ->> '0', p ->> '1', p ->> '2'])), 'probabilities add up, the class is the likeliest')
FROM (SELECT ecml_probabilities('MNLogit', x1, x2, x3) AS p, ecml_classify('MNLogit', x1, x2, x3) AS c FROM multi_rows) r;
SELECT throws_ok($$ SELECT ecml_predict('MNLogit', 1, 2, 3) $$, NULL, NULL, 'one probability of three is no answer');
SELECT ok(bool_and(abs(total - ln(p / (1 - p))) < 1e-9), 'contributions and base make the log odds')
FROM (SELECT ecml_predict('Logit', x1, x2, x3, x4) AS p, (SELECT sum(contribution) + max(base) FROM ecml_explain('Logit', x1, x2, x3, x4)) AS total
	FROM binary_rows LIMIT 10) r;

-- ---- the aggregate

SELECT ok(bool_and(a.estimate = b.estimate AND a.std_error = b.std_error), 'the aggregate''s model is the same')
FROM ecml_coefficients('Logit') a JOIN ecml_coefficients((SELECT ecml_logreg('{}', y, x1, x2, x3, x4) FROM binary_rows)) b USING (term);
SELECT is(array_agg(ecml_predict(m, 0.5, 100, 1, -3) BETWEEN 0 AND 1 ORDER BY g), '{t,t}', 'a model a group')
FROM (SELECT w > 1 AS g, ecml_logreg('{}', CASE WHEN y = 1 THEN 'yes' ELSE 'no' END, x1, x2, x3, x4) AS m FROM binary_rows GROUP BY 1) r;
SELECT is(ecml_classify(ecml_logreg('{}', y = 1, x1, x2), 5.0, 100.0), 'true', 'of booleans') FROM binary_rows;
SELECT ok((SELECT ecml_logreg('{}', y, x1) FROM binary_rows WHERE false) IS NULL, 'NULL without rows');
SELECT ok((SELECT ecml_logreg('{}', NULL::int, x1) FROM binary_rows) IS NULL, 'and without a target');
SELECT throws_ok($$ SELECT ecml_logreg('{}', 1, x1) FROM binary_rows $$, '22000', NULL, 'one class only');
SELECT ok(m::text::ecml_model::text = m::text, 'text form') FROM (SELECT ecml_logreg('{"penalty": "l1"}', y, x1, x2, x3) AS m FROM multi_rows) r;

-- ---- options

SELECT throws_ok(format($$ SELECT ecml_train('m', 'logreg', 'binary_rows', 'y', options => '%s') $$, o), s, NULL, o)
FROM (VALUES ('{"penalty": "L2"}', '22023'), ('{"C": 0}', '22023'), ('{"C": -1}', '22023'), ('{"l1_ratio": 2}', '22023'),
	('{"penalty": "l1", "solver": "newton"}', '22023'), ('{"penalty": "l1", "robust": "hc0"}', '22023'), ('{"level": 1}', '22023'),
	('{"class_weight": "even"}', '22023'), ('{"class_weight": {"0": 0}}', '22023'), ('{"class_weight": {"2": 1}}', '22023'),
	('{"class_weight": 3}', '22023'), ('{"offset": "x9"}', '42703'), ('{"alpha": 1}', '22023')) t (o, s);
SELECT throws_ok($$ SELECT ecml_train('m', 'logreg', 'multi_rows', 'y', options => '{"offset": "x1"}') $$, '22023',
	'an offset needs a target of two classes');
SELECT throws_ok($$ SELECT ecml_train('m', 'logreg', 'SELECT y, x1, x2::text AS t FROM binary_rows', 'y', options => '{"offset": "t"}') $$,
	'22023', 'the offset "t" must be a number');
CREATE TEMP TABLE trained AS
SELECT * FROM ecml_train('a', 'logreg', 'SELECT y, x1, x2 FROM binary_rows', 'y', options => '{"class_weight": {"1": 3, "0": 0.5}}')
UNION ALL SELECT * FROM ecml_train('b', 'logreg', 'SELECT y, x1, x2, CASE y WHEN 1 THEN 3 ELSE 0.5 END AS v FROM binary_rows', 'y',
	options => '{"sample_weight": "v"}')
UNION ALL SELECT * FROM ecml_train('s1', 'logreg', 'binary_rows', 'y', '{x1,x2}', '{"penalty": "l2", "C": 0.01}')
UNION ALL SELECT * FROM ecml_train('s2', 'logreg', 'binary_rows', 'y', '{x1,x2}', '{"penalty": "l2", "C": 0.01, "standardize": true}');
SELECT ok(bool_and(pg_temp.close(a.estimate, b.estimate, 1e-7)), 'weights of classes are weights of rows')
FROM ecml_coefficients('a') a JOIN ecml_coefficients('b') b USING (term);
SELECT is(options -> 'class_weight', '{"0": 0.5, "1": 3}', 'they are kept') FROM ecml.models WHERE name = 'a';
SELECT lives_ok($$ SELECT ecml_retrain('a') $$, 'and used again');
SELECT isnt((SELECT estimate FROM ecml_coefficients('s1') WHERE term = 'x1'), (SELECT estimate FROM ecml_coefficients('s2') WHERE term = 'x1'),
	'standardize penalises other coefficients');

-- ---- odd data

SET client_min_messages = error;
CREATE TABLE shop AS SELECT i, i % 7 + i % 11 * 0.1 AS spend, (ARRAY['mail', 'web', 'shop'])[1 + i % 3] AS channel,
	CASE WHEN (i * 7919) % 100 < 30 + 4 * (i % 7) THEN 'stays' ELSE 'goes' END AS outcome FROM generate_series(1, 1000) i;
SELECT is(metrics -> 'aliased', '["twice", "one"]', 'duplicates and constants are named')
FROM ecml_train('odd', 'logreg', 'SELECT outcome, spend, 2 * spend + 1 AS twice, 1 AS one FROM shop', 'outcome');
SELECT is((SELECT estimate FROM ecml_coefficients('odd') WHERE term = 'twice'), NULL, 'they have no estimate');
SELECT ok(ecml_predict('odd', 3, 7, 1) BETWEEN 0 AND 1, 'but a model there is');
SELECT is(metrics -> 'separated', '["spend"]', 'a column that decides is named')
FROM ecml_train('sep', 'logreg', 'SELECT spend, spend > 3 AS high FROM shop', 'high');
SELECT ok(ecml_predict('sep', 2.9) < 0.01 AND ecml_predict('sep', 3.2) > 0.99 AND ecml_predict('sep', 1e300) = 1, 'the model is usable');
SELECT is((SELECT std_error FROM ecml_coefficients('sep') WHERE term = 'spend'), NULL, 'without a standard error');
SELECT ok(metrics ? 'ridge' AND (metrics ->> 'converged')::boolean, 'a ridge holds it') FROM ecml_train('sep', 'logreg',
	'SELECT spend, spend > 3 AS high FROM shop', 'high', options => '{"penalty": "auto"}');
SELECT ok(metrics ? 'separated' AND NOT metrics ? 'ridge' AND NOT (metrics ->> 'converged')::boolean, 'unless none is asked for')
FROM ecml_train('sep', 'logreg', 'SELECT spend, spend > 3 AS high FROM shop', 'high', options => '{"penalty": "none"}');
CREATE TABLE chance AS SELECT i, (i * 7919) % 100 < 50 AS y, (SELECT array_agg(((i * j * 2654435761) % 1000) / 500.0::float8)
	FROM generate_series(1, 40) j) AS x FROM generate_series(1, 230) i;
SELECT ok(metrics ? 'ridge', 'separated by chance') FROM ecml_train('chance', 'logreg', 'SELECT y, x FROM chance WHERE i <= 30', 'y');
SELECT cmp_ok((ecml_evaluate('chance', 'SELECT y, x FROM chance WHERE i > 30') ->> 'log_loss')::float8, '<', 1.2::float8, 'no certainty of other rows');
SELECT ok((metrics ->> 'converged')::boolean, 'with a penalty there is an answer')
FROM ecml_train('sep', 'logreg', 'SELECT spend, spend > 3 AS high FROM shop', 'high', options => '{"penalty": "l2"}');
RESET client_min_messages;
SELECT throws_ok($$ SELECT ecml_train('m', 'logreg', 'SELECT spend, outcome FROM shop LIMIT 1', 'outcome') $$, '22000', NULL, 'one row');
SELECT throws_ok($$ SELECT ecml_train('m', 'logreg', 'SELECT spend, NULL::text AS outcome FROM shop', 'outcome') $$, '22000', NULL,
	'all targets NULL');
SELECT throws_ok($$ SELECT ecml_train('m', 'logreg', 'SELECT NULL::float8 AS spend, outcome FROM shop', 'outcome') $$, '22000', NULL,
	'all features NULL');
CREATE TEMP TABLE channels AS SELECT * FROM ecml_train('c', 'logreg', 'SELECT spend, channel, outcome FROM shop', 'outcome')
UNION ALL SELECT * FROM ecml_train('p', 'logreg', 'SELECT spend, channel, outcome FROM shop', 'outcome', options => '{"penalty": "l2"}');
SELECT is(ecml_predict('c', 3, 'fax'), ecml_predict('c', 3, 'mail'), 'an unseen category is the reference');
SELECT is((SELECT array_agg(term) FROM ecml_coefficients('c')), '{(intercept),spend,channel=shop,channel=web}', 'whose term is dropped');
SELECT is((SELECT array_agg(term) FROM ecml_coefficients('p')), '{(intercept),spend,channel=mail,channel=shop,channel=web}',
	'with a penalty all categories have one');
SELECT ok((metrics ->> 'converged')::boolean, '2000 columns')
FROM ecml_train('wide', 'logreg', 'SELECT i % 2 AS y, (SELECT array_agg(((i * j * 2654435761) % 1000) / 500.0::float8) FROM generate_series(1, 2000) j) AS x
	FROM generate_series(1, 300) i', 'y', options => '{"penalty": "l2"}');

-- ---- real data

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
SET client_min_messages = error;
SELECT cmp_ok((v #>> '{roc_auc,mean}')::float8, '>=', 0.845::float8, 'churn of telecom customers: ROC AUC over five folds')
FROM ecml_cross_validate('logreg', 'telco', 'churn', (SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute
	WHERE attrelid = 'telco'::regclass AND attnum > 1 AND attname <> 'churn'), '{"folds": 5, "seed": 1}') v;
SELECT is(skipped, 11::bigint, 'rows without total charges are left out') FROM ecml_train('telco', 'logreg', 'telco', 'churn',
	(SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = 'telco'::regclass AND attnum > 1 AND attname <> 'churn'));
SELECT cmp_ok((v #>> '{roc_auc,mean}')::float8, '>=', 0.905::float8, 'income of adults: ROC AUC over five folds')
FROM ecml_cross_validate('logreg', 'adult', 'income', options => '{"folds": 5, "seed": 1}') v;
SELECT ok(metrics -> 'separated' ? 'workclass=Never-worked' AND metrics -> 'aliased' ? 'education_num',
	'what cannot be learnt of them is named') FROM ecml_train('adult', 'logreg', 'adult', 'income');
\else
SELECT skip('no folder of real data', 4);
\endif

SELECT * FROM finish();
ROLLBACK;
