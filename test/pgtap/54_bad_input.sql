-- Bad input on the way from a raw table to a churn score: each is clear, and leaves nothing half made.  Targets, columns, categories,
-- destinations, CSV.
BEGIN;
\i ../lib/pgtap.sql
SELECT no_plan();

CREATE TABLE shop AS SELECT i, i % 7 + i % 11 * 0.1 AS spend, (ARRAY['mail', 'web', 'shop'])[1 + i % 3] AS channel, 'c' || i % 10000 AS many,
	NULL::float8 AS nothing, i % 13 > 5 AS wide, (i * 7919) % 100 < 30 + 4 * (i % 7) AS stays FROM generate_series(1, 20000) i;
-- what a statement answers: code, message, detail and hint
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
CREATE FUNCTION pg_temp.train(source text, target text, options text DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.answer(format('SELECT ecml_train(''m'', ''logreg'', %L, %L, options => %L)', source, target, options)) $$;

-- ---- the target

SELECT matches(pg_temp.train('SELECT spend, ''stays'' AS outcome FROM shop', 'outcome'), '^22000 the target "outcome" has one class only \| .*stays.* \| .+', 'one class');
SELECT matches(pg_temp.train('SELECT spend, many FROM shop', 'many'),
	'^22000 the target "many" has too many classes \| There are more than 1000 different values\. \| Group rare values', '10,000 classes, of texts');
SELECT matches(pg_temp.train('SELECT spend, i FROM shop', 'i'),
	'^22000 the target "i" has too many classes \| There are more than 1000 different values\. \| Is it a number to predict\? Use a regression', 'of numbers');
SELECT matches(pg_temp.answer('SELECT ecml_logreg(''{}'', many, spend) FROM shop'), '^22000 .*too many classes', 'of the aggregate');
SELECT matches(pg_temp.train('SELECT spend, NULL::boolean AS stays FROM shop', 'stays'), '^22000 there are no rows to learn from \| .+ \| .+', 'all targets NULL');
SELECT is((t.rows, t.skipped)::text, '(15000,5000)', 'some targets NULL: those rows are left out and counted')
FROM ecml_train('some', 'logreg', 'SELECT spend, channel, CASE WHEN i % 4 > 0 THEN stays END AS stays FROM shop', 'stays') t;
SELECT matches(pg_temp.train('shop', 'stay'), '^42704 .*"stay".* \| .+ \| .*Perhaps you mean "stays"', 'no such target');

-- ---- columns

SELECT matches(pg_temp.train('SELECT spend, nothing, stays FROM shop', 'stays', o),
	'^22000 .+ \| Column "nothing" is NULL in all rows: 20000\. \| Leave the column out\.', 'a column that is NULL in all rows: ' || o)
FROM unnest(ARRAY['{}', '{"strategy": "step"}']) o;
SET client_min_messages = error;
SELECT is(metrics -> 'aliased', '["nothing"]', 'where NULLs are filled, it is a constant: left out and named')
FROM ecml_train('empty', 'logreg', 'SELECT spend, nothing, stays FROM shop', 'stays', options => '{"missing": "impute"}');
SELECT is(metrics -> 'aliased', '["copy"]', 'a duplicated column is left out and named')
FROM ecml_train('twice', 'logreg', 'SELECT spend, spend AS copy, stays FROM shop', 'stays');
SELECT matches(pg_temp.train('SELECT spend, spend, stays FROM shop', 'stays'), '^22023 feature "spend" is there twice \| .+ \| .+ AS', 'two columns of one name');
SELECT is(metrics -> 'separated', '["told"]', 'a column that tells the answer is named')
FROM ecml_train('leak', 'logreg', 'SELECT spend, stays::int * 2 + i % 2 * 0.5 AS told, stays FROM shop', 'stays');
SELECT ok((metrics ->> 'converged')::boolean AND NOT metrics ? 'separated', 'and the ridge of the hint has an answer')
FROM ecml_train('leak', 'logreg', 'SELECT spend, stays::int * 2 + i % 2 * 0.5 AS told, stays FROM shop', 'stays', options => '{"penalty": "l2"}');
RESET client_min_messages;
SELECT is(ecml_predict('some', 3.1, 'fax'), ecml_predict('some', 3.1, 'mail'), 'a category that only prediction meets is the reference');
SELECT is(sum(p)::numeric(12, 6), count(p)::numeric, 'and has probabilities')
FROM (SELECT (SELECT sum(value::float8) FROM jsonb_each_text(ecml_probabilities('some', spend, c))) AS p FROM shop, unnest(ARRAY['fax', '']) c WHERE i < 50) s;
SELECT is(ecml_predict('some', 3.1, NULL), NULL, 'a NULL feature: NULL');

-- ---- the destination

CREATE VIEW ready AS SELECT 1 AS one;
SELECT matches(pg_temp.answer($$ SELECT ecml_prepare('shop', 'ready', '{"scale": "standard"}') $$),
	'^42P07 relation "ready" already exists \| Nothing was replaced\. \| Choose another name', 'a destination that exists');
SELECT matches(pg_temp.answer($$ SELECT ecml_prepare('shop', 'ready', '{"scale": "standard", "replace": true}') $$),
	'^42809 "ready" was not made by ecml_prepare \| .+ \| Choose another name', 'and is somebody else''s');
SELECT is((SELECT one FROM ready), 1, 'it is still there');
SELECT matches(pg_temp.answer($$ SELECT ecml_prepare('shop', 'unready', '{"scale": {"spend": "standard", "nothing": "standard"}}') $$),
	'^22000 nothing can be learnt from column "nothing" \| All its values are NULL\.', 'a column with nothing to learn from');
SELECT matches(pg_temp.answer($$ SELECT ecml_prepare('shop', 'unready', '{"scale": ["spend"]}') $$),
	'^22023 invalid value for option "scale".* \| The value is \["spend"\]\. \| .*object of these by column', 'a list where an object is right');
SELECT matches(pg_temp.answer($$ SELECT ecml_prepare('shop', 'unready', '{"onehot": ["channel"]}') $$),
	'^22023 unknown option "onehot" for ecml_prepare \| Its value is \["channel"\]\. \| Perhaps you mean "one_hot"', 'a mistyped option');
SELECT is(to_regclass('unready'), NULL, 'nothing is made');

-- ---- CSV: 4 rejected lines of 8, none lost

CREATE TABLE loaded AS SELECT * FROM ecml_load_csv(convert_from('\xefbbbf', 'UTF8')
	|| E'id,name,price\r\n1,"Lamp ""Moon""",5.5\r\n2,Chair\r\n3,Table,7,8\r\n4,"Vase,3\r\n5,Rug "R",2\r\n6,"two\r\nlines",1\r\n7,"x" y,1\r\n8,"Sofa, red",300\r\n',
	'articles');
SELECT is((rows_loaded, rows_rejected, lines)::text, '(4,4,10)', 'ragged lines, quotes and a byte order mark: lines are counted') FROM loaded;
SELECT is((SELECT array_agg(name ORDER BY id) FROM articles), ARRAY['Lamp "Moon"', 'Rug "R"', E'two\r\nlines', 'Sofa, red'], 'values as they were meant');
SELECT is((SELECT array_agg((r ->> 'line') || ': ' || (r ->> 'reason')) FROM jsonb_array_elements(rejects) r),
	ARRAY['3: 2 fields instead of 3', '4: 4 fields instead of 3', '5: text after a closing quote', '9: text after a closing quote'], 'with the reason') FROM loaded;
SELECT matches(pg_temp.answer($$ SELECT ecml_load_csv(E'a,b\n1,2\n', 'articles') $$), '^42P07 .*articles.* \| .+ \| .+', 'a table that exists');
SELECT is((SELECT count(*) FROM articles), 4::bigint, 'and is as it was');

SELECT is((SELECT count(*) FROM ecml.models WHERE name = 'm'), 0::bigint, 'no failed training left a model');
SELECT * FROM finish();
ROLLBACK;
