-- Aggregates of metrics: against scikit-learn's numbers (test/data/metrics/make_sql.py makes the same rows), against plain SQL,
-- and whatever the order or the place of the rows.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(92);

CREATE TEMP TABLE lines (line text);
\copy lines FROM '../data/metrics/sql.tsv' WITH (DELIMITER '|')
CREATE TEMP TABLE reference AS
SELECT split_part(line, E'\t', 1) AS about, split_part(line, E'\t', 2) AS quantity, split_part(line, E'\t', 3)::float8 AS value
FROM lines WHERE line NOT LIKE '#%';

CREATE TABLE rows AS
SELECT i, score, y, CASE WHEN y THEN 'stays' ELSE 'leaves' END AS word, i * i % 7 % 4 AS a, CASE WHEN i % 3 > 0
	THEN i * i % 7 % 4 ELSE i * 31 % 4 END AS b, (i % 50 - 10)::float8 AS t, i % 50 - 10 + (i * 7919 % 101) / 25.0::float8 - 1.7 AS p
FROM (SELECT i, (i * 7919 % 101) / 100.0::float8 AS score, (i * 104729::bigint % 103) / 103.0::float8 <
	(i * 7919 % 101) / 100.0::float8 * 0.7 + 0.1 AS y FROM generate_series(1, 2000) i) s;

CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query; END $$;

-- ---- scikit-learn's numbers

CREATE TEMP TABLE got AS
SELECT 'scores' AS about, ecml_metrics(y, score) AS m FROM rows
UNION ALL SELECT 'labels', ecml_metrics(a, b, '{"task": "classification"}') FROM rows
UNION ALL SELECT 'numbers', ecml_metrics(t, p) FROM rows;
SELECT ok(pg_temp.close((m ->> quantity)::float8, value, 1e-12), about || ': ' || quantity)
FROM reference JOIN got USING (about) WHERE quantity NOT LIKE '% points' ORDER BY about, quantity;
SELECT is(array_length(ecml_roc(y, score), 1), (SELECT value::int FROM reference WHERE quantity = 'roc points'),
	'as many corners of the ROC curve') FROM rows;
SELECT is(array_length(ecml_pr_curve(y, score), 1), (SELECT value::int FROM reference WHERE quantity = 'pr points'),
	'as many points of the precision-recall curve') FROM rows;
SELECT results_eq($$ SELECT key FROM got, jsonb_object_keys(m) key WHERE about = 'scores' ORDER BY key COLLATE "C" $$,
	$$ SELECT unnest(ARRAY['accuracy', 'balanced_accuracy', 'best_f1', 'best_f1_threshold', 'brier', 'calibration', 'classes',
		'confusion_matrix', 'ece', 'f1', 'gini', 'ks', 'ks_threshold', 'log_loss', 'mcc', 'positive_class', 'pr_auc', 'precision',
		'prevalence', 'recall', 'roc_auc', 'rows', 'skipped', 'specificity', 'task', 'threshold']) $$, 'metrics of scores');

-- ---- curves and bins as rows

SELECT ok(pg_temp.close(sum((fpr - before_fpr) * (tpr + before_tpr) / 2), (SELECT (m ->> 'roc_auc')::float8 FROM got
	WHERE about = 'scores'), 1e-12), 'the area under the points is roc_auc')
FROM (SELECT (r).*, lag((r).fpr) OVER w AS before_fpr, lag((r).tpr) OVER w AS before_tpr
	FROM (SELECT unnest(ecml_roc(y, score)) AS r FROM rows) s WINDOW w AS (ORDER BY (r).threshold DESC, (r).tpr)) p;
SELECT is((ecml_roc(y, score))[1]::text, '(Infinity,0,0)', 'a ROC curve begins at 0, 0') FROM rows;
SELECT is((ecml_pr_curve(y, score))[1]::text, '(Infinity,0,1)', 'a precision-recall curve begins at recall 0, precision 1') FROM rows;
SELECT is_empty($$ SELECT * FROM (SELECT (r).* FROM (SELECT unnest(ecml_roc(y, score)) AS r FROM rows) s) p
	WHERE threshold < 'Infinity' AND (abs(tpr - (SELECT avg((score >= threshold)::int) FROM rows WHERE y)) > 1e-12
		OR abs(fpr - (SELECT avg((score >= threshold)::int) FROM rows WHERE NOT y)) > 1e-12) $$, 'each point is what SQL counts');
SELECT is_empty($$ SELECT * FROM (SELECT (r).* FROM (SELECT unnest(ecml_pr_curve(y, score)) AS r FROM rows) s) p
	WHERE threshold < 'Infinity' AND (abs("precision" - (SELECT avg(y::int) FROM rows WHERE score >= threshold)) > 1e-12
		OR abs(recall - (SELECT avg((score >= threshold)::int) FROM rows WHERE y)) > 1e-12) $$,
	'and so is each point of precision and recall');
SELECT results_eq($$ SELECT (r).bin, (r).rows, (r).positives, (r).min_score, (r).max_score
		FROM (SELECT unnest(ecml_lift(y, score + i * 1e-7, 7)) AS r FROM rows) s $$,
	$$ SELECT n, count(*), sum(y::int)::float8, min(s), max(s) FROM (SELECT y, score + i * 1e-7 AS s,
		ntile(7) OVER (ORDER BY score + i * 1e-7 DESC) AS n FROM rows) q GROUP BY n ORDER BY n $$, 'bins of lift are those of ntile');
SELECT ok(count(*) = 10 AND sum((r).rows) = 2000 AND pg_temp.close(sum((r).positives), (SELECT count(*) FROM rows WHERE y), 1e-12)
	AND pg_temp.close(max((r).gain), 1) AND pg_temp.close(min((r).cumulative_lift), 1), 'deciles with ties sum up to all')
FROM (SELECT unnest(ecml_lift(y, score)) AS r FROM rows) s;
SELECT ok(bool_and(pg_temp.close((r).lift, (r).rate / 0.456, 1e-12)), 'lift is the rate by the rate of all')
FROM (SELECT unnest(ecml_lift(y, score, 5)) AS r FROM rows) s;
SELECT is(array_length(ecml_lift(y, score, 10000), 1), 2000, 'no more bins than rows') FROM rows;
SELECT results_eq($$ SELECT (r).bin, (r).rows, round((r).mean_score::numeric, 12), round((r).rate::numeric, 12)
		FROM (SELECT unnest(ecml_calibration(y, score)) AS r FROM rows) s $$,
	$$ SELECT n, count(*), round(avg(score)::numeric, 12), round(avg(y::int), 12) FROM (SELECT y, score,
		greatest(1, ceil(round(score::numeric * 10, 6)))::int AS n FROM rows) q
		GROUP BY n ORDER BY n $$, 'bins of calibration are tenths');
SELECT ok(max((r).rows) <= 540 AND count(*) = 4 AND sum((r).rows) = 2000 AND min((r).low) = 0 AND max((r).high) = 1,
	'quantile bins are of about as many rows')
FROM (SELECT unnest(ecml_calibration(y, score, 4, 'quantile')) AS r FROM rows) s;
SELECT results_eq($$ SELECT (b).threshold, (b).cost, (b).tp, (b).fp, (b).tn, (b).fn
		FROM (SELECT ecml_best_threshold(y, score, 1, 3) AS b FROM rows) s $$,
	$$ SELECT cut, (fp + 3 * fn)::float8, tp, fp, tn, fn FROM (SELECT cut, count(*) FILTER (WHERE y AND score >= cut) AS tp,
			count(*) FILTER (WHERE NOT y AND score >= cut) AS fp, count(*) FILTER (WHERE NOT y AND score < cut) AS tn,
			count(*) FILTER (WHERE y AND score < cut) AS fn FROM rows, (SELECT DISTINCT score AS cut FROM rows) c GROUP BY cut) q
		ORDER BY fp + 3 * fn, cut DESC LIMIT 1 $$, 'the best threshold is what a search through all finds');
SELECT is((ecml_best_threshold(y, score, 1, 0)).threshold, 'Infinity'::float8, 'where misses are free, predict nothing') FROM rows;
SELECT results_eq($$ SELECT (r).* FROM (SELECT unnest(ecml_confusion(word, CASE WHEN score > 0.5 THEN 'stays' ELSE 'leaves' END)) AS r
		FROM rows) s $$, $$ SELECT w, v, (SELECT count(*) FROM rows WHERE word = w AND (score > 0.5) = (v = 'stays'))
		FROM unnest(ARRAY['leaves', 'stays']) w, unnest(ARRAY['leaves', 'stays']) v ORDER BY w, v $$, 'a confusion matrix is that of GROUP BY');

-- ---- types

CREATE TYPE answer AS ENUM ('maybe', 'no');
CREATE TEMP TABLE plain AS SELECT ecml_metrics(y, score) - ARRAY['classes', 'positive_class'] AS m FROM rows;
SELECT is(ecml_metrics(word, score) - ARRAY['classes', 'positive_class'], (SELECT m FROM plain), 'texts are as booleans: the second is positive') FROM rows;
SELECT is(ecml_metrics(CASE WHEN y THEN 'no' ELSE 'maybe' END::answer, score) - ARRAY['classes', 'positive_class'], (SELECT m FROM plain),
	'so are enums, by their texts') FROM rows;
SELECT is(ecml_metrics(y::int, score, '{"task": "classification"}') - ARRAY['classes', 'positive_class'], (SELECT m FROM plain),
	'and 0 and 1, when the task says so') FROM rows;
SELECT is(ecml_metrics(y, score::real) ->> 'accuracy', ecml_metrics(y, score::numeric) ->> 'accuracy', 'scores may be of any number type') FROM rows;
SELECT is(ecml_metrics(y::int, score, '{"task": "regression"}') - 'task' || (SELECT m FROM plain), ecml_metrics(y::int, score) - ARRAY['classes', 'positive_class'],
	'0 and 1 beside scores from 0 to 1 are measured both ways') FROM rows;
SELECT is(ecml_metrics(y::int::numeric, score::real, '{"threshold": 0.3}') ->> 'recall', ecml_metrics(y, score >= 0.3) ->> 'recall',
	'of any types of numbers, with the threshold') FROM rows;
SELECT is(ecml_metrics(y::int, score, '{"positive": "0"}') ->> 'roc_auc', ecml_metrics(word, score, '{"positive": "leaves"}') ->> 'roc_auc', 'and the positive class')
FROM rows;
SELECT results_eq($$ SELECT ecml_metrics(y::int, score + (i = n)::int) ->> 'task', ecml_metrics(y::int + (i = n)::int * 2, score) ? 'roc_auc',
	ecml_metrics(y::int, score - (i = n)::int) ? 'roc_auc' FROM rows, (VALUES (2), (1000), (1999)) v (n) GROUP BY n $$,
	$$ VALUES ('regression', false, false), ('regression', false, false), ('regression', false, false) $$, 'a row that is none makes it a regression');
SELECT is(ecml_metrics(y::int, score, '{"task": "regression"}') ? 'roc_auc', false, 'so does the option') FROM rows;
SELECT is(ecml_metrics(NULL::int, score) ->> 'task', 'regression', 'and so it is without a row') FROM rows;
SELECT is(ecml_metrics(1, score) -> 'roc_auc', 'null', 'one class of 0 and 1: ROC AUC is null') FROM rows;
SELECT is(ecml_metrics(y, (score >= 0.5)::text) - ARRAY['per_class'], ecml_metrics(y, score >= 0.5) - ARRAY['per_class'], 'a class as text is the boolean that it names') FROM rows;
SELECT is(ecml_metrics(a, b::text), ecml_metrics(a, b, '{"task": "classification"}'), 'or the number') FROM rows;
SELECT is(ecml_metrics(10 + a, 10 - b, '{"task": "classification"}') -> 'classes', '["7", "8", "9", "10", "11", "12"]',
	'classes that are numbers are in their order') FROM rows;
SELECT is(ecml_metrics(y, score, '{"positive": "false"}') ->> 'positive_class', 'false', 'another positive class') FROM rows;
SELECT ok(pg_temp.close((ecml_metrics(word, score, '{"positive": "leaves"}') ->> 'roc_auc')::float8, 1 - (SELECT value FROM reference
	WHERE quantity = 'roc_auc'), 1e-12), 'turns the curve over') FROM rows;
SELECT is(ecml_metrics(y, score, '{"threshold": 0.3}') ->> 'recall', ecml_metrics(y, score >= 0.3) ->> 'recall', 'another threshold') FROM rows;
SELECT is(ecml_metrics(y, ln(score + 1e-9) * 10) -> 'log_loss', 'null', 'scores that are no probabilities have no log loss') FROM rows;
SELECT ok(pg_temp.close((ecml_metrics(y, ln(score + 1e-9) * 10) ->> 'roc_auc')::float8, (SELECT value FROM reference
	WHERE quantity = 'roc_auc'), 1e-12), 'and the same ROC AUC') FROM rows;

-- ---- rows

SELECT is(ecml_metrics(y, score) FILTER (WHERE false), NULL, 'no rows: NULL') FROM rows;
SELECT is(ecml_roc(y, score) FILTER (WHERE false), NULL, 'no rows: no curve') FROM rows;
SELECT is(ecml_metrics(NULL::boolean, score) - 'x' ->> 'skipped', '2000', 'rows with NULL are counted') FROM rows;
SELECT is(array_length(ecml_lift(NULL::boolean, score), 1), NULL, 'NULLs alone have no bins') FROM rows;
SELECT is(ecml_best_threshold(NULL::boolean, score, 1, 1), NULL, 'nor a threshold') FROM rows;
SELECT is(ecml_metrics(CASE WHEN i > 100 THEN y END, score) - 'skipped', (SELECT ecml_metrics(y, score) - 'skipped' FROM rows WHERE i > 100),
	'rows with NULL change nothing else') FROM rows;
SELECT is(ecml_metrics(y, score) FILTER (WHERE y) -> 'roc_auc', 'null', 'one class: ROC AUC is null') FROM rows;
SELECT is(ecml_metrics(word, score) FILTER (WHERE y) ->> 'rows', (SELECT count(*)::text FROM rows WHERE y), 'one word: no error either') FROM rows;
SELECT is((ecml_metrics(y, CASE WHEN y THEN 1 ELSE 0 END::float8) ->> 'log_loss')::float8 < 1e-15, true, 'right and sure: log loss is 0') FROM rows;
SELECT ok(pg_temp.close((ecml_metrics(y, CASE WHEN y THEN 0 ELSE 1 END::float8) ->> 'log_loss')::float8, 36.04365338911715, 1e-12),
	'wrong and sure: log loss is cut, as scikit-learn''s') FROM rows;
SELECT is(ecml_metrics(t, t) ->> 'r2', '1', 'exact predictions: R2 is 1') FROM rows;
SELECT is(ecml_metrics(5, p) -> 'r2', 'null', 'a constant: R2 is null') FROM rows;

-- ---- orders, parts, workers

SELECT is((SELECT ecml_metrics(y, score) FROM (SELECT * FROM rows ORDER BY i DESC) s), ecml_metrics(y, score), 'the order of the rows does not matter') FROM rows;
CREATE AGGREGATE pg_temp.state_of(actual "any", predicted "any") (SFUNC = ecml_metrics_transition, STYPE = ecml_metrics_state);
CREATE AGGREGATE pg_temp.merged(state ecml_metrics_state) (SFUNC = ecml_metrics_combine, STYPE = ecml_metrics_state, FINALFUNC = ecml_metrics_final);
SELECT is((SELECT pg_temp.merged(s::text::ecml_metrics_state) FROM (SELECT pg_temp.state_of(word, score) AS s FROM rows GROUP BY i % 5 ORDER BY i % 5 DESC) q),
	ecml_metrics(word, score), 'states as text, merged: scores of texts') FROM rows;
SELECT is((SELECT pg_temp.merged(s::text::ecml_metrics_state) FROM (SELECT pg_temp.state_of(a::text, b::text) AS s FROM rows GROUP BY a, i % 5 ORDER BY i % 5 DESC, a DESC) q),
	ecml_metrics(a::text, b::text), 'of classes that each part has met in another order') FROM rows;
SELECT ok(bool_and(pg_temp.close((x.value #>> '{}')::float8, (SELECT (m ->> x.key)::float8 FROM got WHERE about = 'numbers'), 1e-14)), 'of numbers')
FROM (SELECT pg_temp.merged(s::text::ecml_metrics_state) AS m FROM (SELECT pg_temp.state_of(t, p) AS s FROM rows GROUP BY i % 5) q) s,
	jsonb_each(m) x WHERE jsonb_typeof(x.value) = 'number';
SELECT ok(bool_and(pg_temp.close((x.value #>> '{}')::float8, (SELECT (m ->> x.key)::float8 FROM got WHERE about = 'scores'), 1e-14)), 'of 0 and 1')
FROM (SELECT pg_temp.merged(s::text::ecml_metrics_state) AS m FROM (SELECT pg_temp.state_of(y::int, score) AS s FROM rows GROUP BY i % 5) q) s,
	jsonb_each(m) x WHERE jsonb_typeof(x.value) = 'number' AND x.key IN (SELECT jsonb_object_keys(m) FROM got WHERE about = 'scores');
SELECT results_eq($$ SELECT m ->> 'task', m ->> 'rows', pg_temp.close((m ->> 'mae')::float8, a) FROM (SELECT pg_temp.merged(s) AS m,
	(SELECT avg(abs(y::int + 2 * (i % 5 = 3)::int - score)) FROM rows) AS a
	FROM (SELECT pg_temp.state_of(y::int + 2 * (i % 5 = 3)::int, score) AS s FROM rows GROUP BY i % 5) q) t $$, $$ VALUES ('regression', '2000', true) $$,
	'a part that is none makes all of them a regression');
SELECT throws_ok($$ SELECT overlay(s PLACING 'ff' FROM length(s) - 1)::ecml_metrics_state FROM (SELECT pg_temp.state_of(y::int, score)::text AS s FROM rows) q $$,
	'XX001', NULL, 'a score beyond 1 in its bytes');
CREATE TEMP TABLE serial AS SELECT ecml_metrics(y, score) AS m, ecml_roc(word, score) AS roc, ecml_lift(y, score) AS lift, ecml_confusion(a, b) AS c FROM rows;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 3;
ALTER TABLE rows SET (parallel_workers = 3);
SELECT matches((SELECT string_agg(l, ' ') FROM pg_temp.plan_of($$ SELECT ecml_metrics(y, score), ecml_roc(word, score), ecml_lift(y, score), ecml_confusion(a, b) FROM rows $$) l),
	'Partial Aggregate', 'a parallel plan');
SELECT results_eq($$ SELECT ecml_metrics(y, score), ecml_roc(word, score), ecml_lift(y, score), ecml_confusion(a, b) FROM rows $$, $$ SELECT * FROM serial $$,
	'workers give the same bits');
RESET max_parallel_workers_per_gather;
SELECT is((array_agg(m ORDER BY i))[2000], (SELECT s.m FROM serial s), 'as a window aggregate, at the last row')
FROM (SELECT i, ecml_metrics(y, score) OVER (ORDER BY i) AS m FROM rows) q;

-- ---- charts

SELECT matches(ecml_plot_roc(ecml_roc(y, score), 'a < b'), '^<svg .*a &lt; b.*AUC ' || round((SELECT value FROM reference WHERE quantity = 'roc_auc')::numeric, 4)
	|| '</text>.</svg>.$', 'a chart of the curve, with its area') FROM rows;
SELECT matches(ecml_plot_calibration(ecml_calibration(y, score, 5)), '(<circle[^<]*){5}', 'five bins are five points') FROM rows;
SELECT matches(ecml_plot_lift(ecml_lift(y, score)), '>bin 10: lift 0', 'bars for the bins of lift') FROM rows;
SELECT is(ecml_plot_roc(NULL), NULL, 'NULL for NULL');
SELECT matches(ecml_plot_roc(ecml_roc(y, score) FILTER (WHERE y)), '^<svg ', 'a curve that is not defined: axes') FROM rows;

-- ---- limits

SET LOCAL ecml.work_mem = '1MB';
SELECT throws_ok($$ SELECT ecml_roc(i % 2 = 0, i::float8) FROM generate_series(1, 300000) i $$, '54000', NULL, 'scores beyond ecml.work_mem');
SELECT lives_ok($$ SELECT ecml_metrics(i % 7, i % 5, '{"task": "classification"}'), ecml_metrics(i, i + 1) FROM generate_series(1, 300000) i $$,
	'classes and numbers need no memory');
RESET ecml.work_mem;

SELECT * FROM finish();
ROLLBACK;
