-- ecml_describe, ecml_prepare, ecml_split: surface and error messages.
\pset format unaligned
\pset tuples_only on
CREATE TABLE prepare_t AS SELECT i AS id, i::float8 AS a, (i % 7)::int AS b, 'x' || i % 2 AS g, timestamptz '2024-01-01 00:00+00' + i * interval '1 day' AS time,
	i % 2 = 0 AS y, point(i, i) AS p, NULL::int AS nothing, CASE i WHEN 3 THEN 'NaN'::float8 ELSE i END AS nan FROM generate_series(1, 40) i;

-- what is made is plain SQL
SELECT destination_name, kind, rows, dropped, columns, learnt -> 'a' -> 'impute', learnt -> 'g' FROM ecml_prepare('prepare_t', 'prepare_v', '{"dropna": ["time"],
	"impute": {"a": "median", "g": "most_frequent"}, "was_missing": ["a"], "clip": {"b": "iqr"}, "log1p": ["b"], "one_hot": ["g"], "ordinal": ["y"], "date_parts": {"time": ["year", "is_weekend"]},
	"time_zone": "UTC", "drop": ["p", "nothing", "nan"]}');
-- (16 names no table where there is but one)
SELECT regexp_replace(pg_get_viewdef('prepare_v', true), '\ms\.', '', 'g');
SELECT obj_description('prepare_v'::regclass);
-- and means the same under any search path
CREATE SCHEMA prepare_evil;
CREATE FUNCTION prepare_evil.ln(float8) RETURNS float8 LANGUAGE sql AS 'SELECT 666::float8';
CREATE FUNCTION prepare_evil.plus(float8, float8) RETURNS float8 LANGUAGE sql AS 'SELECT 666::float8';
CREATE OPERATOR prepare_evil.+ (LEFTARG = float8, RIGHTARG = float8, FUNCTION = prepare_evil.plus);
CREATE OPERATOR prepare_evil.- (LEFTARG = float8, RIGHTARG = float8, FUNCTION = prepare_evil.plus);
SET search_path = prepare_evil, pg_catalog, public;
SELECT columns FROM public.ecml_prepare('public.prepare_t', 'public.prepare_w', '{"log1p": ["b"], "scale": {"a": "standard"}, "bin": {"nothing": 2}, "drop": ["p", "nan"]}');
SELECT columns FROM public.ecml_prepare('public.prepare_t', 'public.prepare_w', '{"log1p": ["b"], "scale": {"a": "standard"}, "drop": ["p", "nan"]}');
RESET search_path;
SELECT max(b) < 3, max(a) < 3 FROM prepare_w;

-- long names
CREATE TABLE prepare_long AS SELECT repeat('é', 30) || i % 3 AS "a column whose name leaves little room", repeat('x', 80) || i AS t FROM generate_series(1, 4) i;
SELECT columns FROM ecml_prepare('prepare_long', 'prepare_long_v', '{"one_hot": true}');
SELECT attname FROM pg_attribute WHERE attrelid = 'prepare_long_v'::regclass ORDER BY attnum;
-- as many columns as a view can have, and one more
SELECT columns FROM ecml_prepare('SELECT i FROM generate_series(1, 1600) i', 'prepare_wide', '{"one_hot": ["i"]}');
SELECT failure($$ SELECT ecml_prepare('SELECT i, 1 AS more FROM generate_series(1, 1600) i', 'prepare_x', '{"one_hot": ["i"]}') $$);
SELECT failure($$ SELECT ecml_prepare('SELECT i FROM generate_series(1, 1601) i', 'prepare_x', '{"one_hot": ["i"]}') $$);
SELECT columns FROM ecml_prepare('SELECT i FROM generate_series(1, 5000) i', 'prepare_top', '{"one_hot": ["i"], "top_k": 3}');

-- names
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_v') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_t', '{"replace": true}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_long', '{"replace": true}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_tt', 'prepare_x') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'a b') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', '') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', NULL) $$);
SELECT failure($$ SELECT ecml_prepare(NULL, 'prepare_x') $$);
SELECT failure($$ SELECT ecml_prepare('DELETE FROM prepare_t', 'prepare_x') $$);
SELECT failure($$ SELECT ecml_prepare('SELECT 1 AS a, 2 AS a', 'prepare_x') $$);
SELECT failure($$ SELECT ecml_prepare('SELECT id, g, 1 AS g_x1 FROM prepare_t', 'prepare_x', '{"one_hot": ["g"]}') $$);
SELECT failure($$ SELECT ecml_prepare('SELECT id FROM prepare_t', 'prepare_x', '{"drop": ["id"]}') $$);

-- options
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"imput": "mean"}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '[]') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"impute": "average"}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"impute": {"aa": "mean"}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"impute": {"g": "mean"}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"impute": {"a": {"value": 1}}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"impute": {"b": {"constant": "many"}}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"was_missing": ["a"]}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"dropna": "a"}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"dropna": ["a", "a"]}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"one_hot": ["gg"]}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"one_hot": [3]}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"one_hot": ["p"]}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"top_k": 0}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"clip": {"lower": 2}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"clip": {"a": {"lower": 0.9, "upper": 0.1}}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"clip": {"g": "iqr"}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"bin": {"a": 1}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"bin": {"a": {"bins": 3, "how": 1}}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"bin": ["a"]}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"scale": {"a": "normal"}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"scale": {"time": "standard"}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"date_parts": {"time": ["years"]}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"date_parts": ["a"]}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"time_zone": "Mars/Olympus"}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"ordinal": {"g": ["x0", "x0"]}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"ordinal": {"b": ["one"]}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"target_encode": {"columns": ["g"], "target": "y"}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"target_encode": {"columns": ["g"], "target": "time", "key": "id"}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"target_encode": {"columns": ["g"], "target": "y", "key": "id", "fold": 3}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"target_encode": {"columns": ["time"], "target": "y", "key": "id"}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"target_encode": {"columns": ["g"], "target": "y", "key": "id"}, "ordinal": ["y"]}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"materialize": "yes"}') $$);

-- steps that exclude each other
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"drop": ["a"], "scale": {"a": "standard"}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"one_hot": ["g"], "ordinal": ["g"]}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"dropna": ["a"], "impute": {"a": "mean"}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"bin": {"a": 3}, "scale": {"a": "minmax"}}') $$);

-- nothing to learn from
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"impute": {"nothing": "mean"}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"impute": {"nothing": "most_frequent"}}') $$);
SELECT failure($$ SELECT ecml_prepare('prepare_t', 'prepare_x', '{"scale": {"nan": "standard"}}') $$);
SELECT failure($$ SELECT ecml_prepare('SELECT a FROM prepare_t WHERE false', 'prepare_x', '{"scale": "standard"}') $$);
SELECT failure($$ SELECT ecml_prepare('SELECT a, -a AS b FROM prepare_t', 'prepare_x', '{"log1p": ["a", "b"]}') $$);
SELECT failure($$ SELECT ecml_prepare('SELECT id, g, NULL::int AS y FROM prepare_t', 'prepare_x', '{"target_encode": {"columns": ["g"], "target": "y", "key": "id"}}') $$);
-- no rows are no error where nothing is learnt
SELECT rows, columns FROM ecml_prepare('SELECT a, g FROM prepare_t WHERE false', 'prepare_none', '{"dropna": true, "impute": {"a": {"constant": 0}}}');
SELECT rows, columns FROM ecml_prepare('SELECT a, g FROM prepare_t WHERE false', 'prepare_none', '{"one_hot": true, "ordinal": ["a"], "replace": true}');
SELECT to_regclass('prepare_x') IS NULL AS nothing_half_made;

-- ecml_describe
SELECT column_name, type, count, nulls, distinct_count, most_frequent, frequency, zeros, note FROM ecml_describe('prepare_t');
SELECT failure($$ SELECT ecml_describe(NULL) $$);
SELECT failure($$ SELECT ecml_describe('prepare_tt') $$);
SELECT failure($$ SELECT ecml_describe('prepare_t', '{"sed": 1}') $$);
SELECT failure($$ SELECT ecml_describe('prepare_t', '{"seed": -1}') $$);
SELECT failure($$ SELECT 'zz'::ecml_describe_state $$);
SELECT failure($$ SELECT '0100000000'::ecml_describe_state $$);
SELECT failure($$ SELECT ecml.describe_transition(NULL, 0, 1, 1) $$);

-- ecml_split, ecml_fold
SELECT string_agg(ecml_split(i, 0.3)::int::text, '' ORDER BY i), string_agg(ecml_fold(i, 10)::text, '' ORDER BY i) FROM generate_series(1, 50) i;
SELECT failure($$ SELECT ecml_split(1, 2) $$);
SELECT failure($$ SELECT ecml_split(1, 'NaN') $$);
SELECT failure($$ SELECT ecml_fold(1, 0) $$);

DROP VIEW prepare_v, prepare_w, prepare_long_v, prepare_wide, prepare_top, prepare_none;
DROP TABLE prepare_t, prepare_long;
DROP SCHEMA prepare_evil CASCADE;
