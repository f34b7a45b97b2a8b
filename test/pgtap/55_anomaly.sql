-- Mahalanobis distances and anomalies of time series: against scikit-learn, by every verb, on edge cases, on real data.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(58);

-- ---- Mahalanobis against scikit-learn's MinCovDet (from this seed the search ends in the same rows; others find a smaller
-- determinant, which 20,000 starts find from any)

CREATE TABLE lines (n serial, line text);
\copy lines (line) FROM '../data/mahalanobis/reference.tsv' WITH (DELIMITER '|')
CREATE TABLE reference AS
SELECT n, v[1]::float8 AS a, v[2]::float8 AS b, v[3]::float8 AS c, v[4]::float8 AS distance
FROM (SELECT n, string_to_array(line, E'\t') AS v FROM lines
	WHERE n > (SELECT n FROM lines WHERE line LIKE E'case\trobust\t%')
		AND n < (SELECT n FROM lines WHERE line LIKE E'case\trobust, 0.75\t%')) t;
SELECT is(rows, 150::bigint, 'the case has 150 rows') FROM ecml_train('robust', 'mahalanobis', 'reference',
	features => '{a,b,c}', options => '{"seed": 1}');
SELECT ok(bool_and(pg_temp.close(ecml_predict('robust', a, b, c), distance, 1e-9)), 'squared distances are scikit-learn''s')
	FROM reference;
SELECT ok(bool_and(ecml_predict('robust', r) = ecml_predict('robust', a, b, c)), 'a row binds by name') FROM reference r;
SELECT results_eq($$ SELECT ecml_classify('robust', a, b, c), count(*) FROM reference GROUP BY 1 ORDER BY 1 $$,
	$$ VALUES ('anomaly', 35::bigint), ('normal', 115) $$, 'beyond the 0.975 quantile of chi-square it is an anomaly');
SELECT ok(pg_temp.close((metrics ->> 'threshold')::float8, 9.348403604496148) AND (metrics ->> 'df')::int = 3
	AND (metrics ->> 'anomalies')::int = 35 AND (metrics ->> 'robust')::boolean, 'metrics tell the threshold')
	FROM ecml.models WHERE name = 'robust';
SELECT ok(bool_and(pg_temp.close(s.sum, ecml_predict('robust', a, b, c), 1e-12) AND s.least >= 0 AND s.base = 0),
	'contributions are not negative and add up to the squared distance')
FROM reference, LATERAL (SELECT sum(contribution) AS sum, min(contribution) AS least, max(base) AS base
	FROM ecml_explain('robust', a, b, c)) s;
SELECT is((SELECT count(*) FROM ecml_importance('robust') WHERE importance > 0), 3::bigint, 'every feature has an importance');
SELECT is(ecml_predict('robust', 1, NULL::float8, 2), NULL, 'NULL for a NULL');
SELECT ok(m ->> 'anomalies' = '35' AND m ? 'score_quantiles', 'ecml_evaluate counts anomalies')
	FROM ecml_evaluate('robust', 'reference') m;
SELECT ok((m ->> 'roc_auc')::float8 > 0.99, 'and with a label tells the ROC AUC')
	FROM ecml_evaluate('robust', 'SELECT a, b, c, distance > 50 AS bad FROM reference', '{"label": "bad"}') m;
SELECT ok(bool_and(pg_temp.close(ecml_predict(m, a, b, c), distance, 1e-9)), 'the aggregate gives the same model')
	FROM reference, (SELECT ecml_mahalanobis('{"seed": 1}', a, b, c) AS m FROM reference) t;
SELECT ok(bool_and(ecml_predict(m::text::ecml_model, a, b, c) = ecml_predict(m, a, b, c)), 'its text form round-trips')
	FROM reference, (SELECT ecml_mahalanobis('{"seed": 1}', a, b, c) AS m FROM reference) t;
SELECT ok((SELECT ecml_mahalanobis('{}', a) FROM reference WHERE false) IS NULL, 'no rows: no model');
SELECT ok(ecml_predict(m, 0) > ecml_predict(m, 50), 'one feature will do')
	FROM (SELECT ecml_mahalanobis('{}', i::float8) AS m FROM generate_series(1, 100) i) t;

-- classical
SELECT ok(pg_temp.close((SELECT (covar_pop(a, a) * 0 + var_pop(a)) FROM reference),
	(SELECT power(100 - avg(a), 2) / ecml_predict(ecml_mahalanobis('{"robust": false}', a), 100) FROM reference), 1e-9),
	'classical: of one column the distance is by its variance');
SELECT ok(pg_temp.close(sum(ecml_predict(m, a, b, c)), 450, 1e-9), 'classical: distances add up to rows times columns')
	FROM reference, (SELECT ecml_mahalanobis('{"robust": false}', a, b, c) AS m FROM reference) t;
SELECT is((t.metrics ->> 'anomalies')::int, 15, 'contamination 0.1: a tenth')
	FROM ecml_train('share', 'mahalanobis', 'reference', NULL, '{a,b,c}', '{"contamination": 0.1}') t;

-- weights are so many rows
CREATE TABLE weighted AS SELECT a, b, 1 + n % 3 AS w FROM reference;
SELECT lives_ok($$ SELECT ecml_train('w', 'mahalanobis', 'weighted', NULL, '{a,b}', '{"robust": false, "sample_weight": "w"}'),
	ecml_train('r', 'mahalanobis', 'SELECT a, b FROM weighted, generate_series(1, w)', NULL, NULL, '{"robust": false}') $$,
	'rows have weights');
SELECT ok(bool_and(pg_temp.close(ecml_predict('w', a, b), ecml_predict('r', a, b), 1e-9)), 'classical: weights are repetitions')
	FROM weighted;

-- the same bits at any number of threads, from memory or a file
CREATE TABLE cloud AS SELECT i, sin(i) AS a, cos(i * 1.7) + sin(i) AS b, (i % 17)::float8 AS c FROM generate_series(1, 60000) i;
SET ecml.threads = 1;
SELECT is(rows, 60000::bigint, 'trained by one thread') FROM ecml_train('one', 'mahalanobis', 'cloud', features => '{a,b,c}');
SET ecml.threads = 4;
SELECT is(rows, 60000::bigint, 'trained by four') FROM ecml_train('four', 'mahalanobis', 'cloud', features => '{a,b,c}');
RESET ecml.threads;
SELECT ok(ecml_load('one')::text = ecml_load('four')::text, 'threads do not show');

-- ---- awkward columns

CREATE TABLE shop AS SELECT i, (i * 7919 % 1000) / 10.0 AS price, (i * 104729 % 997) / 7.0 AS weight, 1 AS one,
	CASE WHEN i % 50 = 0 THEN 'rare' WHEN i % 2 = 0 THEN 'b' ELSE 'a' END AS kind, i % 11 = 0 AS flag,
	inet '10.0.0.0' + i * 7919 % 65536 AS address
FROM generate_series(1, 3000) i;
SELECT lives_ok($$ SELECT ecml_train('mixed', 'mahalanobis', 'shop', NULL, '{price,weight,kind,flag,address}') $$,
	'numbers, categories, booleans and addresses are taken as they are');
SELECT ok(ecml_predict('mixed', 50, 70, 'rare', false, inet '10.0.10.1') > ecml_predict('mixed', 50, 70, 'a', false,
	inet '10.0.10.1') + 30, 'a rare category is farther away');
SELECT ok(ecml_predict('mixed', 50, 70, 'never seen', false, inet '10.0.10.1') > 1000,
	'one that was never seen is very far away');
SELECT is((SELECT metrics -> 'constant' FROM ecml_train('constant', 'mahalanobis', 'shop', NULL, '{price,one,weight}')),
	'["one"]', 'a constant column is left out, and told');
SELECT is((SELECT metrics -> 'dependent' FROM ecml_train('tangled', 'mahalanobis',
	'SELECT price, weight, price + weight AS total FROM shop')), '["price", "weight", "total"]', 'dependent columns are told');
SELECT ok(ecml_predict('tangled', 10, 20, 30) < 20 AND ecml_predict('tangled', 10, 20, 31) > 100,
	'a total that is not the sum of its parts is far away');
SELECT throws_like($$ SELECT ecml_train('x', 'mahalanobis', 'SELECT price, weight, price + weight AS total FROM shop',
	options => '{"ridge": 0}') $$, '%covariance is singular%', 'ridge 0: an error');
SELECT throws_ok($$ SELECT ecml_train('x', 'mahalanobis', 'SELECT price FROM shop LIMIT 1') $$, '22000', NULL,
	'one row is refused');
SELECT throws_ok($$ SELECT ecml_train('x', 'mahalanobis', 'shop', 'price') $$, '22023', NULL, 'a target is refused');
SELECT throws_ok($$ SELECT ecml_train('x', 'mahalanobis', 'shop', options => '{"support_fraction": 0.2}') $$, '22023', NULL,
	'less than half of the rows is refused');
SELECT throws_ok($$ SELECT ecml_train('x', 'mahalanobis', 'SELECT ''NaN''::float8 AS a FROM shop') $$, '22000', NULL,
	'NaN is refused');

-- ---- anomalies of time series

CREATE TABLE hourly AS SELECT timestamp '2026-01-01' + i * interval '1 hour' AS at,
	100 + 20 * sin(2 * pi() * i / 24) + (i::bigint * 7919 % 101) / 25.0 AS load FROM generate_series(0, 1199) i;
UPDATE hourly SET load = load + 40 WHERE at = '2026-01-20 15:00';
UPDATE hourly SET load = load - 40 WHERE at = '2026-02-03 04:00';
DELETE FROM hourly WHERE at = '2026-01-10 10:00';
SELECT results_eq($$ SELECT ds, y > upper FROM ecml_anomalies('hourly') WHERE is_anomaly ORDER BY ds $$,
	$$ VALUES (timestamp '2026-01-20 15:00', true), ('2026-02-03 04:00', false) $$,
	'columns are found by type; two values are anomalies');
SELECT is((SELECT count(*) FROM ecml_anomalies('hourly')), 1199::bigint, 'a row for each value');
SELECT is((SELECT count(*) FROM ecml_anomalies('hourly', options => '{"gaps": true}') WHERE y IS NULL
	AND expected BETWEEN 70 AND 130 AND score IS NULL AND is_anomaly IS NULL), 1::bigint, 'gaps: a row for the missing hour too');
SELECT is((SELECT count(*) FROM ecml_anomalies('hourly', options => '{"only_anomalies": true}')), 2::bigint,
	'only_anomalies: two rows');
SELECT is((SELECT count(*) FROM ecml_anomalies('hourly', options => '{"direction": "above"}') WHERE is_anomaly), 1::bigint,
	'direction above: one');
SELECT ok(bool_and(is_anomaly = (y < lower OR y > upper)) AND bool_and((score > 5) = is_anomaly),
	'an anomaly is what lies outside of its range, with a score above the threshold') FROM ecml_anomalies('hourly');
SELECT is((SELECT count(DISTINCT (series, ds)) FROM ecml_anomalies($$ SELECT s AS store, at, load * s AS load FROM hourly,
	generate_series(1, 40) s $$, 'at', 'load', 'store') WHERE is_anomaly), 80::bigint, '40 series at once');

SET ecml.threads = 1;
CREATE TEMP TABLE by_one AS SELECT * FROM ecml_anomalies('SELECT s, at, load * s AS load FROM hourly, generate_series(1, 9) s',
	'at', 'load', 's');
SET ecml.threads = 4;
SELECT results_eq('TABLE by_one', $$ SELECT * FROM ecml_anomalies('SELECT s, at, load * s AS load FROM hourly,
	generate_series(1, 9) s', 'at', 'load', 's') $$, 'threads do not show');
RESET ecml.threads;

-- one bad series does not spoil the others
CREATE TABLE several AS SELECT 'good' AS s, at, load FROM hourly
	UNION ALL SELECT 'short', timestamp '2026-01-01', 5.0
	UNION ALL SELECT 'empty', timestamp '2026-01-01' + i * interval '1 hour', NULL FROM generate_series(1, 50) i
	UNION ALL SELECT 'constant', timestamp '2026-01-01' + i * interval '1 hour', 3 FROM generate_series(1, 50) i;
SELECT results_eq($$ SELECT series, count(*) FILTER (WHERE is_anomaly), bool_or(note IS NOT NULL) FROM ecml_anomalies('several',
	'at', 'load', 's') GROUP BY 1 ORDER BY series COLLATE "C" $$, $$ VALUES ('constant', 0::bigint, false), ('empty', 0, true),
	('good', 2, false), ('short', 0, true) $$, 'series that tell nothing have a note, the others their results');
SELECT is((SELECT count(*) FROM ecml_anomalies('SELECT * FROM hourly WHERE false')), 0::bigint, 'no rows: no rows');

-- periods that are numbers
SELECT results_eq($$ SELECT period, ds FROM ecml_anomalies('SELECT i * 2 AS t, CASE WHEN i = 77 THEN 50 ELSE i % 4 END AS v
	FROM generate_series(1, 200) i', 't', 'v') WHERE is_anomaly $$, $$ VALUES (154::bigint, NULL::timestamp) $$,
	'whole numbers as time: they come back in period');

-- level shifts are told, not for ever
SELECT ok(count(*) FILTER (WHERE is_anomaly AND ds < '2026-01-26') >= 20 AND count(*) FILTER (WHERE is_anomaly
	AND ds >= '2026-01-27') <= 1, 'a new level is an anomaly for a day')
FROM ecml_anomalies($$ SELECT at, load + CASE WHEN at >= '2026-01-25' THEN 80 ELSE 0 END AS load FROM hourly $$);

SELECT throws_like($$ SELECT ecml_anomalies('SELECT at, load, load * 2 AS other FROM hourly') $$, '%several columns%',
	'an ambiguous value: an error');
SELECT throws_ok($$ SELECT ecml_anomalies('hourly', 'nope') $$, '42704', NULL, 'an unknown column');
SELECT throws_ok($$ SELECT ecml_anomalies('nowhere') $$, '42704', NULL, 'an unknown table');
SELECT throws_ok($$ SELECT ecml_anomalies(NULL) $$, '22004', NULL, 'NULL as source');
SELECT throws_ok($$ SELECT ecml_anomalies('hourly', options => '{"threshhold": 3}') $$, '22023', NULL, 'an unknown option');
SELECT throws_ok($$ SELECT ecml_anomalies('hourly', options => '{"trend": 4}') $$, '22023', NULL, 'an even window');
SELECT throws_ok($$ SELECT ecml_anomalies('hourly', options => '{"direction": "sideways"}') $$, '22023', NULL,
	'an unknown direction');

-- ---- payments of the demo shop's kind: outliers that hide each other

CREATE TABLE masked AS SELECT i <= 300 AS bad, sin(i) * 2 + CASE WHEN i <= 300 THEN 12 ELSE 0 END AS a,
	cos(i * 1.3) * 3 + sin(i) + CASE WHEN i <= 300 THEN 12 ELSE 0 END AS b FROM generate_series(1, 1000) i;
SELECT lives_ok($$ SELECT ecml_train('seen', 'mahalanobis', 'masked', NULL, '{a,b}'),
	ecml_train('hidden', 'mahalanobis', 'masked', NULL, '{a,b}', '{"robust": false}') $$, 'a third of the rows are outliers');
SELECT ok((m ->> 'recall')::float8 = 1 AND (m ->> 'roc_auc')::float8 = 1, 'the robust distance sees them all')
	FROM ecml_evaluate('seen', 'masked', '{"label": "bad"}') m;
SELECT ok((m ->> 'recall')::float8 < 0.1, 'the classical one does not')
	FROM ecml_evaluate('hidden', 'masked', '{"label": "bad"}') m;
SELECT throws_ok($$ SELECT ecml_cross_validate('mahalanobis', 'masked') $$, NULL, NULL, 'cross validation needs a target');

SELECT is((SELECT count(*) FROM pg_proc WHERE proname IN ('ecml_anomalies', 'ecml_mahalanobis')
	AND obj_description(oid, 'pg_proc') IS NOT NULL), 2::bigint, 'comments are there');
SELECT is((SELECT provolatile::text || proparallel::text FROM pg_proc WHERE proname = 'ecml_anomalies'), 'vu', 'and what it may do');
SELECT * FROM finish();
ROLLBACK;
