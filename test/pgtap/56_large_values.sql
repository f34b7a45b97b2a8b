-- Values whose squares overflow: an error that names the column or the series, before anything is fitted, and nothing stored.
BEGIN;
\i ../lib/pgtap.sql
SELECT no_plan();

CREATE TABLE big AS SELECT i, 1e308 * (1 + 0.5 * sin(i)) AS v, 1e308 * cos(i) AS w, timestamp '2020-01-01' + i * interval '1 day' AS ds, i % 2 = 0 AS even,
	i::float8 AS x, CASE WHEN i = 50 THEN 1e308 ELSE i END AS spike FROM generate_series(1, 100) i;
CREATE FUNCTION pg_temp.answer(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
	code text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, code = RETURNED_SQLSTATE;
	RETURN code || ' ' || message || ' | ' || detail || ' | ' || hint;
END $$;
CREATE FUNCTION pg_temp.train(algorithm text, source text, target text DEFAULT NULL, options text DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.answer(format('SELECT ecml_train(''m'', %L, %L, %L, options => %L)', algorithm, source, target, options)) $$;

-- ---- features kept in double precision

SELECT is(pg_temp.train(a, 'SELECT x, spike' || CASE a WHEN 'mahalanobis' THEN '' ELSE ', even' END || ' FROM big', t, o),
	'22000 column "spike" holds values that are too large | They reach from 1 to 1e+308: squares overflow. | Take logarithms, or other units, in the source.',
	a || ' ' || o)
FROM (VALUES ('mahalanobis', NULL, '{}'), ('mahalanobis', NULL, '{"robust": false}'), ('logreg', 'even', '{}'), ('logreg', 'even', '{"penalty": "l2"}'),
	('cox', 'x', '{"event": "even"}')) c(a, t, o);
SELECT is(pg_temp.answer($$SELECT ecml_mahalanobis('{}', v, w) FROM big$$),
	'22000 column "x1" holds values that are too large | They reach from 5.00005e+307 to 1.49996e+308: squares overflow. | Take logarithms, or other units, in the source.',
	'an aggregate');
SELECT is(pg_temp.train('mahalanobis', 'SELECT x, w * 1e-160 AS w FROM big'), 'no error', '1e148 is no problem');
SELECT ecml_drop_model('m');
-- read by threads as well
CREATE TABLE many AS SELECT i::float8 AS a, CASE WHEN i = 9000 THEN -1e300 ELSE i % 7 END::float8 AS b, i % 3 = 0 AS c, CASE WHEN i = 9000 THEN -1e300 ELSE i % 11 END::float8 AS y
	FROM generate_series(1, 10000) i;
SELECT is(pg_temp.train('logreg', 'SELECT a, b, c FROM many', 'c'), pg_temp.train('logreg', 'many', 'c'), 'the rows of a query and of a table');
SELECT matches(pg_temp.train('logreg', 'many', 'c'), '^22000 column "b" holds values that are too large \| They reach from -1e\+300 to 6', 'which column');

-- ---- targets that are numbers

SELECT is(pg_temp.train(a, 'SELECT x, spike FROM big', 'spike'),
	'22000 target column "spike" holds a value that is too large | A row has 1e+308; values up to 1e+15 are possible here. | Take logarithms, or other units, in the source.', a)
FROM unnest('{decision_tree,random_forest,gbdt}'::text[]) a;
SELECT matches(pg_temp.train('decision_tree', $$SELECT x, 1.7976931348623157e308::float8 * (1 - 2 * (i % 2)) AS y FROM big$$, 'y'),
	'^22000 target column "y" holds a value that is too large', 'the greatest double');
SELECT matches(pg_temp.train('gbdt', 'SELECT a, y FROM many', 'y'), '^22000 target column "y" holds a value that is too large \| A row has -1e\+300', 'read by threads');
SELECT matches(pg_temp.train('linreg', 'SELECT x, spike FROM big', 'spike'), '^22000 values are too large for a linear regression', 'linreg');
SELECT is(pg_temp.train(a, 'SELECT x, x * 1e13 AS y FROM big', 'y'), 'no error', a || ': 1e15 is no problem') FROM unnest('{random_forest,gbdt,decision_tree}'::text[]) a;
SELECT is((SELECT count(*) FROM ecml_tree_rules('m') WHERE prediction BETWEEN 1e13 AND 1e15), (SELECT count(*) FROM ecml_tree_rules('m')), 'its rules are numbers');
SELECT matches(pg_temp.answer($$SELECT ecml_evaluate('m', 'SELECT x, spike AS y FROM big')$$), '^22000 target column "y" holds a value that is too large', 'an evaluation');
SELECT ok(ecml_report('m', 'SELECT x, x * 1e148 AS y FROM big') LIKE '%rmse%', 'a report of numbers beyond single precision');
SELECT ecml_drop_model('m');
SELECT is(pg_temp.answer($$SELECT ecml_gbdt('{}', spike, x) FROM big$$),
	'22000 target column "y" holds a value that is too large | A row has 1e+308; values up to 1e+15 are possible here. | Take logarithms, or other units, in the source.',
	'an aggregate');

-- ---- series

SELECT is(pg_temp.train(a, 'SELECT ds, v FROM big', 'v'),
	'22000 there is no series that could be forecast | The series of "v": it has a value beyond 1e150, whose square overflows: take other units in the source. '
	'| Take logarithms, or other units, in the source.', a)
FROM unnest('{auto,ets,holt_winters,theta,prophet,arima,mstl,croston,naive}'::text[]) a;
SELECT matches(pg_temp.train('auto', 'SELECT ds, x, w FROM big', 'x', '{"method": "prophet", "regressors": ["w"]}'), '^22000 there is no series', 'a regressor');
SELECT is(array_agg(DISTINCT note), ARRAY['it has a value beyond 1e150, whose square overflows: take other units in the source'], 'forecast at once: its note')
FROM ecml_forecast('SELECT ds, spike FROM big', 3) WHERE yhat IS NULL;
SELECT matches(pg_temp.train('ets', 'SELECT ds, CASE WHEN even THEN x ELSE v END AS v, even::text AS s FROM big', 'v', '{"series": "s"}'), 'no error', 'other series are forecast');
SELECT is((SELECT array_agg((series, yhat IS NULL, note IS NULL)::text ORDER BY series) FROM ecml_forecast('m', 1)), '{"(false,t,f)","(true,f,t)"}', 'and the one has its note');
SELECT ecml_drop_model('m');

SELECT is((SELECT count(*) FROM ecml.models), 0::bigint, 'nothing was stored by what failed');
SELECT * FROM finish();
ROLLBACK;
