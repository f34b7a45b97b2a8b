-- Metrics: types that cannot be measured, values that are no scores, more classes than two, bins, costs, options.
\pset format unaligned
\pset tuples_only on
CREATE TABLE metrics_t AS SELECT i, i % 3 = 0 AS y, (ARRAY['a', 'b', 'c'])[1 + i % 3] AS word, i / 20.0::float8 AS p FROM generate_series(1, 20) i;

-- values
SELECT failure($$ SELECT ecml_metrics(y, CASE WHEN i = 7 THEN 'NaN' ELSE p END) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_roc(y, CASE WHEN i = 7 THEN 'Infinity' ELSE p END) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_metrics(p, CASE WHEN i = 7 THEN 'NaN' ELSE p END) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_metrics(CASE WHEN i = 7 THEN '-Infinity' ELSE p END, p) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_metrics(CASE WHEN i = 7 THEN 'NaN' ELSE p END, i, '{"task": "classification"}') FROM metrics_t $$);
SELECT failure($$ SELECT ecml_metrics(word, p) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_lift(i, p) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_metrics(i, p, '{"task": "classification"}') FROM metrics_t $$);
SELECT failure($$ SELECT ecml_calibration(y, 2 * p) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_confusion(i, i) FROM generate_series(1, 2000) i $$);

-- types
SELECT failure($$ SELECT ecml_metrics(ARRAY[y], p) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_metrics(y, date '2026-01-01' + i) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_metrics(y, p, '{"task": "regression"}') FROM metrics_t $$);
SELECT failure($$ SELECT ecml_confusion(y, p) FROM metrics_t $$);

-- arguments
SELECT failure($$ SELECT ecml_lift(y, p, 0) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_lift(y, p, NULL::int) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_lift(y, p, i) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_calibration(y, p, 20000) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_calibration(y, p, 5, 'even') FROM metrics_t $$);
SELECT failure($$ SELECT ecml_best_threshold(y, p, -1, 1) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_best_threshold(y, p, 1, NULL) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_best_threshold(y, p, i, 1) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_metrics(y, p, '{"treshold": 0.3}') FROM metrics_t $$);
SELECT failure($$ SELECT ecml_metrics(y, p, '{"task": "ranking"}') FROM metrics_t $$);
SELECT failure($$ SELECT ecml_metrics(y, p, '{"positive": "yes"}') FROM metrics_t $$);
SELECT failure($$ SELECT ecml_metrics(y, p > 0.5, '{"positive": "yes"}') FROM metrics_t $$);

-- parts called by themselves, states of other metrics
SELECT failure($$ SELECT ecml_metrics_transition(NULL, true, 0.5) $$);
CREATE AGGREGATE metrics_numbers(float8, float8) (SFUNC = ecml_metrics_transition, STYPE = ecml_metrics_state);
CREATE AGGREGATE metrics_scores(boolean, float8) (SFUNC = ecml_metrics_transition, STYPE = ecml_metrics_state);
CREATE AGGREGATE metrics_merge(ecml_metrics_state) (SFUNC = ecml_metrics_combine, STYPE = ecml_metrics_state, FINALFUNC = ecml_metrics_final);
SELECT failure($$ SELECT ecml_roc_final(metrics_numbers(i, p)) FROM metrics_t $$);
SELECT failure($$ SELECT ecml_confusion_final(metrics_scores(y, p)) FROM metrics_t $$);
SELECT failure($$ SELECT metrics_merge(s) FROM (SELECT metrics_numbers(i, p) FROM metrics_t UNION ALL SELECT metrics_scores(y, p) FROM metrics_t) t (s) $$);
SELECT failure($$ SELECT '00'::ecml_metrics_state $$);
SELECT failure($$ SELECT overlay(metrics_scores(y, p)::text PLACING 'ff' FROM 40)::ecml_metrics_state FROM metrics_t $$);

-- ecml_evaluate
SELECT failure($$ SELECT ecml_evaluate(ecml_linreg('{}', i, p), 'SELECT i AS y, p AS x1 FROM metrics_t', '{"threshold": 0.3}') FROM metrics_t $$);
SELECT failure($$ SELECT ecml_evaluate(ecml_linreg('{}', i, p), 'SELECT i AS y, p AS x1 FROM metrics_t', '{"sample_weight": "w"}') FROM metrics_t $$);
SELECT failure($$ SELECT ecml_evaluate(ecml_linreg('{}', i, p), 'SELECT i AS y, p AS x1, 5 - i AS w FROM metrics_t', '{"sample_weight": "w"}') FROM metrics_t $$);
