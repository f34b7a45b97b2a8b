-- One test for each bug that was found by reading: validation, inspection, survival.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(10);

CREATE TABLE buys AS SELECT i, sin(i) AS x, cos(i * 1.7) AS z, sin(i) + cos(i * 12.9) > 0 AS yes,
	CASE WHEN sin(i) + cos(i * 12.9) > 0 THEN 'yes' ELSE 'no' END AS word, 0 AS nothing FROM generate_series(1, 500) i;
SELECT (ecml_train('words', 'logreg', 'buys', 'word', '{x,z}')).rows;

-- classes of another type
SELECT is((ecml_evaluate('words', 'SELECT x, z, 0 AS word FROM buys') ->> 'unknown_class')::int, 500,
	'a number is none of the classes of a text, 0 neither');
SELECT is((ecml_evaluate('words', 'SELECT x, z, word::varchar AS word FROM buys') ->> 'unknown_class')::int, 0, 'a varchar is');
SELECT (ecml_train('digits', 'logreg', 'SELECT x, z, yes::int AS d FROM buys', 'd', '{x,z}')).rows;
SELECT is((ecml_evaluate('digits', 'SELECT x, z, yes::int::numeric AS d FROM buys') ->> 'unknown_class')::int, 0,
	'numbers of another type are the same classes');

-- rows of weight 0
SELECT throws_ok($$ SELECT ecml_evaluate('words', 'buys', '{"weights": "nothing"}') $$, '22000', 'there are no rows to evaluate on',
	'rows of weight 0 are none');
SELECT is(e -> 'rows' || (e -> 'skipped'), '[250, 250]', 'they count as left out')
FROM ecml_evaluate('words', 'SELECT *, i % 2 AS w FROM buys', '{"weights": "w"}') e;

-- bytes: a regression with classes, whose probabilities nobody has
CREATE FUNCTION pg_temp.crc32c(b bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE c bigint := 4294967295;
BEGIN
	FOR i IN 0 .. length(b) - 1 LOOP
		c := c # get_byte(b, i);
		FOR bit IN 1 .. 8 LOOP
			c := (c >> 1) # CASE WHEN c & 1 = 1 THEN 2197175160 ELSE 0 END;
		END LOOP;
	END LOOP;
	RETURN pg_temp.u32(4294967295 - c);
END $$;
CREATE FUNCTION pg_temp.u32(n bigint) RETURNS bytea LANGUAGE sql AS $$
	SELECT reverse_bytes FROM (SELECT decode(string_agg(substr(h, 9 - 2 * k, 2), '' ORDER BY k), 'hex') AS reverse_bytes
		FROM (SELECT lpad(to_hex(n), 8, '0') AS h) t, generate_series(1, 4) k) u $$;
CREATE TEMP TABLE forged AS
WITH model AS (SELECT ecml_model_send(ecml_linreg('{}', x, z)) AS b FROM buys),
	-- the schema: missing, target "y", no event, no classes, one feature
	parts AS (SELECT b, position('\x000100000079000000000000000001000000'::bytea IN b) - 1 AS at FROM model),
	classes AS (SELECT *, '\x030000000100000061010000006201000000'::bytea || '\x63'::bytea AS three FROM parts),
	body AS (SELECT b, substr(b, 17, at - 20) || pg_temp.u32(get_byte(b, at - 4) + 256 * get_byte(b, at - 3) + length(three) - 4)
		|| substr(b, at + 1, 10) || three || substr(b, at + 15) AS body, at FROM classes)
SELECT encode(substr(b, 1, 12) || pg_temp.crc32c(body) || body, 'hex') AS forged, pg_temp.crc32c(substr(b, 17)) = substr(b, 13, 4) AS crc, at > 0 AS found FROM body;
SELECT ok(crc AND found, 'the forgery is one') FROM forged;
SELECT throws_ok(format('SELECT * FROM ecml_explain(%L::ecml_model, 1.0)', forged), 'XX001', NULL, 'a regression has no classes')
FROM forged;

-- what the owner's source does to settings is not for who retrains
CREATE FUNCTION public.sets() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
	PERFORM set_config('search_path', 'elsewhere', false); RETURN 1; END $$;
CREATE ROLE regress_review_owner;
GRANT SELECT ON buys TO regress_review_owner;
GRANT USAGE, CREATE ON SCHEMA public TO regress_review_owner;
CREATE TEMP TABLE path AS SELECT current_setting('search_path') AS p;
SET LOCAL ROLE regress_review_owner;
SELECT (ecml_train('setter', 'linreg', 'SELECT x, z FROM public.buys', 'x')).rows;
RESET ROLE;
UPDATE ecml.model SET source = 'SELECT x, z FROM public.buys WHERE i > 1 OR public.sets() = 1' WHERE name = 'setter';
SELECT (public.ecml_retrain('setter')).rows;
SELECT is(pg_catalog.current_setting('search_path'), (SELECT p FROM pg_temp.path), 'a setting changed by a source that is retrained is undone');

-- many different times: the last event of a baseline is there
CREATE TABLE long AS SELECT i + 0.5 AS duration, i < 139999 AS event, (i % 2)::float8 AS x FROM generate_series(1, 140000) i;
SELECT (ecml_train('long', 'cox', 'long', 'duration', '{x}', '{"event": "event"}')).rows;
SELECT ok(ecml_survival('long', 139998.5, 0.5) < 0.8 * ecml_survival('long', 139997, 0.5) AND
	ecml_survival('long', 139998.5, 0.5) > 0, 'of many events the last one counts');

-- log-rank in a window: what a result takes is not kept
SET LOCAL ecml.work_mem = '2MB';
SELECT lives_ok($$ SELECT count(t.result) FROM (SELECT ecml_logrank(i % 300 * 1.0, true, i % 40) OVER (ORDER BY i) AS result
	FROM generate_series(1, 2000) i) t $$, 'log-rank tests over a window take no more memory with each row');

SELECT * FROM finish();
ROLLBACK;
