-- Errors of the functions that look into a model: models and features that do not fit, options, sources.
\pset format unaligned
\pset tuples_only on
CREATE TABLE inspect_t AS SELECT i::float8 AS a, (i % 7)::float8 AS b, 3 * i + i % 5 AS y, 'x' || i % 2 AS g
FROM generate_series(1, 40) AS i;
SELECT rows FROM ecml_train('line', 'linreg', 'inspect_t', 'y', '{a,g}');
SELECT rows FROM ecml_train('groups', 'kmeans', 'inspect_t', NULL, '{a,b}', '{"k": 2}');

-- models that do not fit
SELECT failure($$ SELECT ecml_explain('lime', 1, 'x1') $$);
SELECT failure($$ SELECT ecml_explain('groups', 1, 2) $$);
SELECT failure($$ SELECT ecml_importance('groups') $$);
SELECT failure($$ SELECT ecml_coefficients('groups') $$);
SELECT failure($$ SELECT ecml_partial_dependence('groups', 'inspect_t', 'a') $$);
SELECT failure($$ SELECT ecml_drift(ecml_linreg('{}', y, a), 'inspect_t') FROM inspect_t $$);
SELECT failure($$ SELECT ecml_drift('lime', 'inspect_t') $$);

-- features
SELECT failure($$ SELECT ecml_explain('line', 1) $$);
SELECT failure($$ SELECT ecml_explain('line', 1, 2) $$);
SELECT failure($$ SELECT ecml_explain('line', t) FROM (SELECT a FROM inspect_t) AS t $$);
SELECT failure($$ SELECT ecml_partial_dependence('line', 'inspect_t', 'gg') $$);
SELECT failure($$ SELECT ecml_partial_dependence('line', 'SELECT a FROM inspect_t', 'a') $$);
SELECT failure($$ SELECT ecml_drift('line', 'SELECT a, y AS g FROM inspect_t') $$);

-- options
SELECT failure($$ SELECT ecml_importance('line', 'inspect_t', '{"repeat": 3}') $$);
SELECT failure($$ SELECT ecml_importance('line', 'inspect_t', '{"metric": "log_loss"}') $$);
SELECT failure($$ SELECT ecml_importance('groups', 'inspect_t', '{"metric": "rmse"}') $$);
SELECT failure($$ SELECT ecml_importance('line', 'inspect_t', '{"metric": "auc"}') $$);
SELECT failure($$ SELECT ecml_importance('line', 'inspect_t', '{"target": "z"}') $$);
SELECT failure($$ SELECT ecml_importance('line', 'inspect_t', '{"rows": 1}') $$);
SELECT failure($$ SELECT ecml_partial_dependence('line', 'inspect_t', 'a', '{"points": 1}') $$);
SELECT failure($$ SELECT ecml_partial_dependence('line', 'inspect_t', 'a', '{"class": "yes"}') $$);
SELECT failure($$ SELECT ecml_drift('line', 'inspect_t', '{"psi": -1}') $$);
SELECT failure($$ SELECT ecml_train('m', 'linreg', 'inspect_t', 'y', '{a}', '{"calibration": "platt"}') $$);

-- sources
SELECT failure($$ SELECT ecml_importance('line', 'SELECT a, g FROM inspect_t') $$);
SELECT failure($$ SELECT ecml_importance('line', 'SELECT a, g, NULL::int AS y FROM inspect_t') $$);
SELECT failure($$ SELECT ecml_partial_dependence('line', 'SELECT * FROM inspect_t WHERE false', 'a') $$);
SELECT failure($$ SELECT ecml_drift('line', 'SELECT * FROM inspect_t WHERE false') $$);
SELECT failure($$ SELECT ecml_drift('line', 'DELETE FROM inspect_t RETURNING *') $$);
SELECT failure($$ SELECT ecml_drift('line', 'nowhere') $$);
SELECT ecml_drop_model('line'), ecml_drop_model('groups');
DROP TABLE inspect_t;
