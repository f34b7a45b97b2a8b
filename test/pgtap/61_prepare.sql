-- ecml_prepare: each step against plain SQL, names, rows that come later, what is left out, what may be replaced, rights.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(63);

CREATE SCHEMA shop;
CREATE TABLE shop.raw (id int PRIMARY KEY, age int, income numeric(10,2), score float8, city text, size varchar(5), member bool, joined timestamptz,
	born date, y bool);
INSERT INTO shop.raw SELECT i, CASE WHEN i % 7 > 0 THEN i % 50 END, CASE WHEN i % 11 > 0 THEN i * 1.5 END, i % 13,
	(ARRAY['Rom', 'Köln', 'O''Hara', 'back\slash', NULL])[1 + i % 5], (ARRAY['S', 'M', 'L'])[1 + i % 3], i % 2 = 0,
	timestamptz '2024-01-01 12:00+00' + i * interval '5h', date '2000-02-27' + i, CASE WHEN i % 10 < 9 THEN i % 3 = 0 END FROM generate_series(1, 200) i;

-- what it returns; nothing asked for
SELECT results_eq($$ SELECT * FROM ecml_prepare('shop.raw', 'plain') $$, $$ VALUES ('public.plain', 'view', 200::bigint, 0::bigint, 10, '{}'::jsonb) $$, 'nothing asked for');
SELECT results_eq('SELECT * FROM plain ORDER BY id', 'SELECT * FROM shop.raw ORDER BY id', 'is the source itself');
SELECT matches(obj_description('plain'::regclass), '^Made by ecml_prepare from shop.raw with {}$', 'the comment tells where it is from');

-- the steps alone; each makes the view p anew
CREATE FUNCTION pg_temp.prepare(options jsonb, source text DEFAULT 'shop.raw') RETURNS jsonb LANGUAGE sql
	AS $$ SELECT learnt FROM ecml_prepare(source, 'p', '{"replace": true}' || options) $$;
CREATE FUNCTION pg_temp.columns(relation text DEFAULT 'p') RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(attname || ' ' || atttypid::regtype, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = relation::regclass AND attnum > 0 $$;
CREATE VIEW q AS SELECT * FROM shop.raw;

SELECT pg_temp.prepare('{"dropna": true}') \g /dev/null
SELECT results_eq('SELECT * FROM p ORDER BY id', 'SELECT * FROM shop.raw r WHERE num_nulls(age, income, city, y) = 0 ORDER BY id', 'dropna: true');
SELECT is((SELECT (rows, dropped) FROM ecml_prepare('shop.raw', 'p', '{"dropna": ["age", "city"], "replace": true}')), (
	SELECT (count(*) FILTER (WHERE num_nulls(age, city) = 0), count(*) FILTER (WHERE num_nulls(age, city) > 0)) FROM shop.raw), 'dropna of two columns, counted');
SELECT pg_temp.prepare('{"dropna": true, "drop": ["y"], "impute": {"age": "median"}}') \g /dev/null
SELECT is((SELECT count(*) FROM p), (SELECT count(*) FROM shop.raw WHERE num_nulls(income, city) = 0), 'dropna: true leaves out what is imputed or dropped');

SELECT is(pg_temp.prepare('{"impute": "mean"}') - 'id' - 'score', jsonb_build_object('age', jsonb_build_object('impute', avg(age)::float8),
	'income', jsonb_build_object('impute', avg(income)::float8)), 'impute: mean') FROM shop.raw;
SELECT results_eq('SELECT age, income, city FROM p ORDER BY id', 'SELECT coalesce(age, (SELECT avg(age)::float8 FROM shop.raw)), coalesce(income,
	(SELECT avg(income)::float8 FROM shop.raw)), city FROM shop.raw ORDER BY id', 'its values; texts stay');
SELECT pg_temp.prepare('{"impute": {"age": "median", "city": "most_frequent", "income": {"constant": -1}, "y": {"constant": false},
	"member": {"constant": true}}, "was_missing": ["age", "member"]}') \g /dev/null
SELECT results_eq('SELECT age, age_was_missing, income, city, member, member_was_missing, y FROM p ORDER BY id',
	$$ SELECT coalesce(age, (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY age) FROM shop.raw)), (age IS NULL)::int, coalesce(income, -1),
		coalesce(city, 'Köln'), member, 0, coalesce(y, false) FROM shop.raw ORDER BY id $$, 'impute: by column; was_missing: as listed');
SELECT is(pg_temp.columns(), 'id integer, age double precision, age_was_missing integer, income numeric, score double precision, city text, size character varying, member boolean, member_was_missing integer, joined timestamp with time zone, born date, y boolean',
	'types stay where they can; the new column stands beside its own');
SELECT is(pg_temp.prepare('{"impute": {"age": {"constant": 0.5}}}') -> 'age', '{"impute": "0.5"}', 'a constant that is no integer');
SELECT is((SELECT age FROM p WHERE id = 7), 0.5::float8, 'makes the column a double');
SELECT pg_temp.prepare('{"impute": "most_frequent", "was_missing": true}') \g /dev/null
SELECT is(pg_temp.columns(), 'id integer, age integer, age_was_missing integer, income numeric, income_was_missing integer, score double precision, city text, city_was_missing integer, size character varying, member boolean, joined timestamp with time zone, born date, y boolean, y_was_missing integer',
	'was_missing: true where something is missing');
SELECT is((SELECT (city, y) FROM p WHERE id = 39), ('Köln'::text, false), 'most_frequent: of equals the first');
SELECT throws_ok($$ SELECT pg_temp.prepare('{"impute": {"age": "median"}, "was_missing": ["member"]}') $$, '22023', NULL, 'was_missing of what is not imputed');

CREATE FUNCTION pg_temp.quantiles(fractions float8[], what text) RETURNS float8[] LANGUAGE plpgsql AS $$ DECLARE r float8[]; BEGIN
	EXECUTE format('SELECT percentile_cont(%L::float8[]) WITHIN GROUP (ORDER BY (%s)::float8) FROM shop.raw', fractions, what) INTO r; RETURN r; END $$;
SELECT pg_temp.prepare('{"clip": {"lower": 0.1, "upper": 0.8}, "keep": ["id"]}') \g /dev/null
SELECT results_eq('SELECT id, age, income FROM p ORDER BY id', 'SELECT id, CASE WHEN age IS NOT NULL THEN least(greatest(age, a[1]), a[2]) END, CASE WHEN income IS NOT NULL
	THEN least(greatest(income::float8, i[1]), i[2]) END FROM shop.raw, pg_temp.quantiles(''{0.1,0.8}'', ''age'') a, pg_temp.quantiles(''{0.1,0.8}'', ''income'') i ORDER BY id',
	'clip: all numbers at quantiles, NULL stays NULL, keep keeps');
SELECT pg_temp.prepare('{"clip": {"income": "iqr", "age": {"upper": 0.5}}}') \g /dev/null
SELECT results_eq('SELECT age, income, score FROM p ORDER BY id', 'SELECT CASE WHEN age IS NOT NULL THEN least(age, a[1]) END, CASE WHEN income IS NOT NULL
	THEN least(greatest(income::float8, i[1] - 1.5 * (i[2] - i[1])), i[2] + 1.5 * (i[2] - i[1])) END, score FROM shop.raw, pg_temp.quantiles(''{0.5}'', ''age'') a,
	pg_temp.quantiles(''{0.25,0.75}'', ''income'') i ORDER BY id', 'clip: by column');
SELECT pg_temp.prepare('{"log1p": ["income", "score"]}') \g /dev/null
SELECT is_empty('SELECT id FROM p JOIN shop.raw r USING (id) WHERE NOT pg_temp.close(p.income, ln(1 + r.income::float8), 1e-15)
	OR NOT pg_temp.close(p.score, ln(1 + r.score), 1e-15)', 'log1p');

SELECT pg_temp.prepare('{"clip": {"income": {"upper": 0.9}, "age": {"lower": 0.1, "upper": 0.9}}, "log1p": ["income", "age", "score"]}') \g /dev/null
INSERT INTO shop.raw (id, income, age, score) VALUES (1000, -1, -1, -1), (1001, -5, -5, -5), (1002, 1e6, 1e6, NULL);
SELECT is_empty('SELECT id, p.*, r.* FROM p JOIN shop.raw r USING (id), pg_temp.quantiles(''{0.1,0.9}'', ''CASE WHEN id < 1000 THEN age END'') a,
	pg_temp.quantiles(''{0.9}'', ''CASE WHEN id < 1000 THEN income END'') i WHERE NOT pg_temp.close(p.income, CASE WHEN r.income > -1 THEN ln(1 + least(r.income::float8, i[1])) END, 1e-15)
	OR NOT pg_temp.close(p.age, CASE WHEN r.age IS NOT NULL THEN ln(1 + least(greatest(r.age, a[1]), a[2])) END, 1e-15) OR p.score IS NOT NULL AND r.score <= -1',
	'log1p of what is clipped; of later values out of its range NULL, and no error');
DELETE FROM shop.raw WHERE id >= 1000;

SELECT pg_temp.prepare('{"scale": {"age": "standard", "income": "minmax", "score": "robust"}}') \g /dev/null
SELECT is_empty('SELECT id, p.*, r.* FROM p JOIN shop.raw r USING (id), (SELECT avg(age) AS m, stddev_pop(age) AS s, min(income) AS low, max(income) AS high FROM shop.raw) a,
	pg_temp.quantiles(''{0.25,0.5,0.75}'', ''score'') q WHERE NOT (pg_temp.close(p.age, (r.age - m) / s, 1e-12) AND pg_temp.close(p.income, (r.income - low) / (high - low), 1e-12)
	AND pg_temp.close(p.score, (r.score - q[2]) / (q[3] - q[1]), 1e-12))', 'scale: standard, minmax, robust');
SELECT pg_temp.prepare('{"scale": "standard"}', 'SELECT id, 7 AS constant, age, city FROM shop.raw') \g /dev/null
SELECT is((SELECT (min(constant), max(constant), round(avg(age)::numeric, 12), round(stddev_pop(age)::numeric, 12)) FROM p), (0::float8, 0::float8, round(0.0, 12), round(1.0, 12)),
	'a constant becomes 0');

SELECT is(pg_temp.prepare('{"bin": {"score": 3, "income": {"bins": 4, "strategy": "uniform"}}}') -> 'score' -> 'edges', '[0, 4, 8, 12]', 'bin: quantiles');
SELECT is_empty('SELECT id FROM p JOIN shop.raw r USING (id), (SELECT min(income) AS low, max(income) AS high FROM shop.raw) a
	WHERE (p.score, p.income) IS DISTINCT FROM (least(r.score::int / 4, 2), CASE WHEN r.income IS NOT NULL THEN least(floor((r.income - low) / ((high - low) / 4)), 3)::int END)', 'and equal widths');
SELECT pg_temp.prepare('{"bin": {"score": {"bins": 3}}, "one_hot": ["score"]}') \g /dev/null
SELECT is((SELECT (sum("score_0"), sum("score_1"), sum("score_2")) FROM p), (SELECT (count(*) FILTER (WHERE score < 4), count(*) FILTER (WHERE score >= 4 AND score < 8),
	count(*) FILTER (WHERE score >= 8)) FROM shop.raw), 'bins one-hot encoded');
SELECT is(pg_temp.prepare('{"bin": {"score": 5}}', 'SELECT id, CASE WHEN id = 1 THEN 5 ELSE 0 END AS score FROM q') -> 'score' -> 'edges', '[0, 5]', 'bins without width are left out');
SELECT results_eq('SELECT DISTINCT score FROM p', 'VALUES (0)', 'which leaves one');
SELECT pg_temp.prepare('{"bin": {"a": {"strategy": "uniform"}, "b": 3}}', 'SELECT id, 7 AS a, 7 AS b FROM q') \g /dev/null
SELECT results_eq('SELECT DISTINCT a, b FROM p', 'VALUES (0, 0)', 'a constant has one bin');

SELECT pg_temp.prepare('{"one_hot": true}') \g /dev/null
SELECT is(pg_temp.columns(), 'id integer, age integer, income numeric, score double precision, member boolean, joined timestamp with time zone, born date, y boolean, city_Köln integer, city_O''Hara integer, city_Rom integer, city_back\slash integer, size_L integer, size_M integer, size_S integer',
	'one_hot: true; the order is that of pandas');
SELECT is_empty($$ SELECT id FROM p JOIN shop.raw r USING (id) WHERE "city_Köln" <> coalesce(city = 'Köln', false)::int OR "city_O'Hara" <> coalesce(city = 'O''Hara', false)::int
	OR "city_back\slash" <> coalesce(city = 'back\slash', false)::int OR "size_M" <> (size = 'M')::int $$, 'NULL is all zeros');
INSERT INTO shop.raw (id, city, size) VALUES (1000, 'Oslo', 'XL');
SELECT is((SELECT ("city_Köln", "city_Rom", "size_S", "size_M") FROM p WHERE id = 1000), (0, 0, 0, 0), 'so is a category that was not there');
DELETE FROM shop.raw WHERE id = 1000;
SELECT pg_temp.prepare('{"one_hot": ["size", "member"], "drop_first": true}') \g /dev/null
SELECT is((SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'p'::regclass AND attnum > 8), '{size_M,size_S,member_True}', 'drop_first; in the order of the list');
SELECT pg_temp.prepare('{"one_hot": ["age"], "top_k": 2}', 'SELECT id, CASE WHEN id > 150 THEN 10 WHEN id > 90 THEN 9 ELSE id END AS age FROM q') \g /dev/null
SELECT is(pg_temp.columns(), 'id integer, age_9 integer, age_10 integer', 'top_k; numbers in their order');
SELECT pg_temp.prepare('{"one_hot": ["f"]}', 'SELECT id, (id % 3)::float8 / 2 AS f FROM q') \g /dev/null
SELECT is(pg_temp.columns(), 'id integer, f_0.0 integer, f_0.5 integer, f_1.0 integer', 'doubles are named as Python writes them');

SELECT pg_temp.prepare('{"ordinal": ["city", "member"]}') \g /dev/null
SELECT is_empty($$ SELECT id FROM p JOIN shop.raw r USING (id) WHERE (p.city, p.member) IS DISTINCT FROM (array_position('{Köln,O''Hara,Rom,"back\\slash"}', r.city) - 1, r.member::int) $$, 'ordinal');
SELECT pg_temp.prepare('{"ordinal": {"size": ["S", "M", "XL", "L"]}}') \g /dev/null
SELECT is_empty($$ SELECT id FROM p JOIN shop.raw r USING (id) WHERE p.size <> CASE r.size WHEN 'S' THEN 0 WHEN 'M' THEN 1 ELSE 3 END $$, 'ordinal in an order of its own');

SELECT pg_temp.prepare('{"target_encode": {"columns": ["city"], "target": "y", "key": "id", "folds": 4, "smoothing": 2, "seed": 3}}') \g /dev/null
CREATE FUNCTION pg_temp.encoded(r shop.raw) RETURNS float8 LANGUAGE sql AS $$
	SELECT CASE WHEN r.city IS NULL THEN (SELECT avg(y::int) FROM shop.raw) ELSE (SELECT (coalesce(sum(y::int) FILTER (WHERE city = r.city), 0) + 2 * avg(y::int)) / (count(y) FILTER (WHERE city = r.city) + 2)
		FROM shop.raw o WHERE y IS NOT NULL AND (r.y IS NULL OR ecml_fold(o.id, 4, 3) <> ecml_fold(r.id, 4, 3))) END::float8 $$;
SELECT is_empty('SELECT id, p.city, pg_temp.encoded(r) FROM p JOIN shop.raw r USING (id) WHERE NOT pg_temp.close(p.city, pg_temp.encoded(r), 1e-12)',
	'target_encode: rows whose target is known do not see their own fold, others see all');
INSERT INTO shop.raw (id, city) VALUES (1000, 'Oslo');
SELECT ok(pg_temp.close((SELECT city FROM p WHERE id = 1000), (SELECT avg(y::int) FROM shop.raw)::float8), 'an unknown category is the mean of all');
DELETE FROM shop.raw WHERE id = 1000;

SELECT pg_temp.prepare('{"date_parts": ["born"]}') \g /dev/null
SELECT is_empty($$ SELECT id FROM p JOIN shop.raw r USING (id) WHERE (born_year, born_quarter, born_month, born_week, born_day, born_dow, born_is_weekend) IS DISTINCT FROM
	(extract(year FROM born)::float8, extract(quarter FROM born)::float8, extract(month FROM born)::float8, extract(week FROM born)::float8, extract(day FROM born)::float8,
	extract(dow FROM born)::float8, (extract(dow FROM born) IN (0, 6))::int) $$, 'date_parts');
SELECT pg_temp.prepare('{"date_parts": {"joined": ["hour", "day"]}, "time_zone": "Asia/Tokyo"}') \g /dev/null
SET LOCAL timezone = 'America/New_York';
SELECT is_empty($$ SELECT id FROM p JOIN shop.raw r USING (id) WHERE (joined_hour, joined_day) IS DISTINCT FROM (extract(hour FROM joined AT TIME ZONE 'Asia/Tokyo')::float8,
	extract(day FROM joined AT TIME ZONE 'Asia/Tokyo')::float8) $$, 'in the zone of the preparation, whatever that of the session');
SELECT unalike(pg_temp.columns(), '%joined timestamp%', 'in place of their column');
RESET timezone;

-- steps upon each other
SELECT pg_temp.prepare('{"impute": {"income": "median"}, "clip": {"income": {"upper": 0.9}}, "log1p": ["income"], "scale": {"income": "standard"}}') \g /dev/null
SELECT is_empty('SELECT id FROM p JOIN (SELECT id, (l - avg(l) OVER ()) / stddev_pop(l) OVER () AS v FROM (SELECT id, ln(1 + least(f, percentile)) AS l FROM (SELECT id, coalesce(income::float8, m[1]) AS f
	FROM shop.raw, pg_temp.quantiles(''{0.5}'', ''income'') m) a, (SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY coalesce(income::float8, m[1])) AS percentile FROM shop.raw,
	pg_temp.quantiles(''{0.5}'', ''income'') m) b) c) d USING (id) WHERE NOT pg_temp.close(p.income, v, 1e-11)', 'impute, clip, log1p, scale, one upon the other');
SELECT is(pg_temp.prepare('{"dropna": ["city"], "scale": {"age": "minmax"}, "one_hot": ["size"]}') -> 'age' ->> 'spread', (SELECT max(age) - min(age) FROM shop.raw WHERE city IS NOT NULL)::text,
	'what is learnt is learnt from the rows that stay');

-- a model on it, trained again as rows come
SELECT pg_temp.prepare('{"impute": "median", "scale": "standard", "one_hot": true, "drop": ["joined", "born"], "keep": ["id", "score"]}') \g /dev/null
SELECT is((ecml_train('prepared', 'linreg', 'p', 'score', '{age,income,"size_S"}')).rows, 200::bigint, 'a model is trained on the view');
INSERT INTO shop.raw (id, score, age) VALUES (1001, 3, NULL);
SELECT is((ecml_retrain('prepared')).rows, 201::bigint, 'and again, with the rows that came');
SELECT isnt((SELECT ecml_predict('prepared', p) FROM p WHERE id = 1001), NULL, 'raw rows that come pass through the view to the model');
DELETE FROM shop.raw WHERE id = 1001;

-- destination
SELECT throws_ok($$ SELECT ecml_prepare('shop.raw', 'p') $$, '42P07', NULL, 'a destination that exists');
SELECT throws_ok($$ SELECT ecml_prepare('shop.raw', 'q', '{"replace": true}') $$, '42809', NULL, 'a view of somebody else is not replaced');
SELECT throws_ok($$ SELECT ecml_prepare('shop.raw', 'shop.raw', '{"replace": true}') $$, '22023', NULL, 'nor the source');
SELECT throws_ok($$ SELECT ecml_prepare('SELECT * FROM p', 'p', '{"replace": true}') $$, '42P17', NULL, 'nor a view upon itself');
SELECT throws_ok($$ SELECT ecml_prepare('shop.raw', 'nowhere.p') $$, '3F000', NULL, 'a schema that does not exist');
SELECT throws_ok($$ SELECT ecml_prepare('shop.raw', '1 2') $$, '22023', NULL, 'no name');
SELECT is((SELECT kind FROM ecml_prepare('shop.raw', 'shop."My table"', '{"materialize": true, "dropna": ["age"]}')), 'table', 'materialize makes a table');
SELECT is((SELECT (count(*), bool_and(relkind = 'r')) FROM shop."My table", pg_class WHERE oid = 'shop."My table"'::regclass), (SELECT (count(*), true) FROM shop.raw WHERE age IS NOT NULL), 'with its rows');
SELECT lives_ok($$ SELECT ecml_prepare('shop.raw', 'shop."My table"', '{"replace": true}') $$, 'which is replaced');
CREATE ROLE ecml_test_reader;
SELECT ecml_prepare('shop.raw', 'shared', '{"impute": "mean"}') \g /dev/null
GRANT SELECT ON shared TO ecml_test_reader;
CREATE VIEW upon AS SELECT age FROM shared;
SELECT lives_ok($$ SELECT ecml_prepare('shop.raw', 'shared', '{"impute": "median", "replace": true}') $$, 'replaced with the same columns');
SELECT ok(has_table_privilege('ecml_test_reader', 'shared', 'SELECT'), 'a view keeps its rights, and views upon it');
SELECT throws_ok($$ SELECT ecml_prepare('shop.raw', 'shared', '{"drop": ["age"], "replace": true}') $$, '2BP01', NULL, 'with others it cannot be while something depends on it');

-- temporary tables
CREATE TEMP TABLE of_session AS SELECT i AS id, i % 3 AS a FROM generate_series(1, 9) i;
SELECT matches((SELECT destination_name FROM ecml_prepare('of_session', 'of_session_p', '{"one_hot": ["a"]}')), '^pg_temp_[0-9]+.of_session_p$', 'a view of a temporary table is temporary');
SELECT lives_ok($$ SELECT ecml_prepare('of_session', 'pg_temp.of_session_p', '{"scale": "minmax", "replace": true}') $$, 'and is replaced');

-- rights: those of the caller
GRANT CREATE ON SCHEMA public TO ecml_test_reader;
SET LOCAL ROLE ecml_test_reader;
SELECT throws_ok($$ SELECT ecml_prepare('shop.raw', 'stolen') $$, '42501', NULL, 'a source that may not be read');
SELECT throws_ok($$ SELECT ecml_prepare('SELECT 1 AS a', 'shop.stolen') $$, '42501', NULL, 'a schema that may not be written');
SELECT lives_ok($$ SELECT ecml_prepare('shared', 'mine') $$, 'what may be');
RESET ROLE;
SET LOCAL transaction_read_only = on;
SELECT throws_ok($$ SELECT ecml_prepare('shop.raw', 'other') $$, '25006', NULL, 'a transaction that only reads');
SELECT * FROM finish();
ROLLBACK;
