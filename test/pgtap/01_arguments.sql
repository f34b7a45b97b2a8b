-- Every function and aggregate of the extension with arguments that make no sense (NULL, empty, beyond all ranges, of odd shapes): none
-- crashes, none fails by an internal error, and each error says what was met and what would be right.
BEGIN;
\i ../lib/pgtap.sql
SELECT no_plan();
SET LOCAL client_min_messages = error;

CREATE TABLE customers AS SELECT i AS id, i % 3 AS a, i / 7.0 AS b, 'x' || i % 2 AS g FROM generate_series(1, 20) i;
-- a value of each type, by kind; NULL where there is none
CREATE TABLE odd (kind text, type text, value text, PRIMARY KEY (kind, type));
INSERT INTO odd VALUES
	('empty', 'text', ''''''), ('empty', 'jsonb', '''[]'''), ('empty', 'text[]', '''{}'''), ('empty', 'double precision[]', '''{}'''),
	('empty', 'real[]', '''{}'''), ('empty', 'integer[]', '''{}'''), ('empty', 'bigint[]', '''{}'''), ('empty', 'bytea', ''''''),
	('empty', 'integer', '0'), ('empty', 'bigint', '0'), ('empty', 'double precision', '''NaN'''), ('empty', 'numeric', '''NaN'''),
	('empty', 'boolean', 'false'), ('empty', 'bit', 'B'''''), ('empty', '"any"', '''''::text'),
	('beyond', 'text', '''SELECT 1 AS x, NULL::text AS y'''), ('beyond', 'jsonb', '''{"seed": -1}'''), ('beyond', 'text[]', '''{NULL,a}'''),
	('beyond', 'double precision[]', '''{NULL,Infinity}'''), ('beyond', 'real[]', '''{{NULL,1},{2,NaN}}'''), ('beyond', 'integer[]', '''{NULL,2147483647}'''),
	('beyond', 'bigint[]', '''{NULL}'''), ('beyond', 'bytea', '''\x00ff'''), ('beyond', 'integer', '2147483647'), ('beyond', 'bigint', '-9223372036854775807'),
	('beyond', 'double precision', '''-Infinity'''), ('beyond', 'numeric', '1e400'), ('beyond', 'boolean', 'true'), ('beyond', 'bit', 'B''1'''),
	('beyond', '"any"', 'ARRAY[NULL::float8]'),
	('small', 'text', '''customers'''), ('small', 'jsonb', '''{}'''), ('small', 'text[]', '''{a,b}'''), ('small', 'double precision[]', '''{1,2,3}'''),
	('small', 'real[]', '''{1,2,3}'''), ('small', 'integer[]', '''{1,2}'''), ('small', 'bigint[]', '''{1,2}'''), ('small', 'bytea', '''\xffd8ffe0'''),
	('small', 'integer', '1'), ('small', 'bigint', '3'), ('small', 'double precision', '0.5'), ('small', 'numeric', '1.5'), ('small', 'boolean', 'true'),
	('small', 'bit', 'B''101'''), ('small', '"any"', '1'),
	('no columns', 'text', '''SELECT FROM customers'''),
	('negative', 'text', 'repeat(''x'', 300)'), ('negative', 'jsonb', '''"x"'''), ('negative', 'text[]', '''{{a,b},{c,d}}'''),
	('negative', 'double precision[]', '''{{-1,2},{3,NaN}}'''), ('negative', 'real[]', '''{-1e38,1e38}'''), ('negative', 'integer[]', '''{-1}'''),
	('negative', 'bigint[]', '''{-1,0}'''), ('negative', 'bytea', 'decode(repeat(''ff'', 100), ''hex'')'), ('negative', 'integer', '-1'), ('negative', 'bigint', '-1'),
	('negative', 'double precision', '-1e308'), ('negative', 'numeric', '-1'), ('negative', 'bit', 'B''0'''), ('negative', '"any"', '''-infinity''::timestamp');
-- all arguments of one kind (place 0), or one of them and the others as they should be
CREATE TABLE calls AS
SELECT DISTINCT format('SELECT %s(%s)%s', p.oid::regproc, (SELECT string_agg(CASE WHEN f.type = '"any"' THEN coalesce(value, 'NULL::text')
		ELSE format('%s::%s', coalesce(value, 'NULL'), f.type) END, ', ' ORDER BY t.place)
	FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY t (argument, place) CROSS JOIN LATERAL format_type(argument, NULL) AS f (type)
		LEFT JOIN odd o ON o.kind = CASE WHEN a.place IN (0, t.place) THEN k.kind ELSE 'small' END AND o.type = f.type),
	CASE prokind WHEN 'a' THEN ' FROM generate_series(1, 3)' END) AS statement
FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid
	AND e.extname = 'ecml', unnest(ARRAY['NULL', 'empty', 'beyond', 'small', 'negative', 'no columns']) k (kind), generate_series(0, p.pronargs) a (place)
WHERE NOT p.proargtypes::oid[] && ARRAY['cstring'::regtype, 'internal'::regtype]::oid[] AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype);
SELECT cmp_ok((SELECT count(*) FROM calls), '>', 5000::bigint, 'there is much to call');

CREATE TABLE answers (statement text, code text, message text, detail text, hint text);
DO $$
DECLARE
	call record;
	a answers;
BEGIN
	FOR call IN SELECT statement FROM calls ORDER BY statement LOOP
		BEGIN
			EXECUTE call.statement;
			-- whatever it did is undone
			RAISE EXCEPTION USING ERRCODE = 'P0099';
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS a.code = RETURNED_SQLSTATE, a.message = MESSAGE_TEXT, a.detail = PG_EXCEPTION_DETAIL, a.hint = PG_EXCEPTION_HINT;
			a.statement := call.statement;
			IF a.code <> 'P0099' THEN
				INSERT INTO answers VALUES (a.*);
			END IF;
		END;
	END LOOP;
END $$;
SELECT is_empty($$ SELECT statement, code, message FROM answers WHERE code LIKE 'XX00_' AND code <> 'XX001' $$, 'no internal error');
SELECT is_empty($$ SELECT statement, code, message FROM answers WHERE code IN ('42601', '42702', '42703', '42804') $$, 'no query of its own is wrong');
-- what the server's own input functions and casts say has neither
SELECT is_empty($$ SELECT statement, code, message FROM answers WHERE (detail = '' OR hint = '') AND code NOT IN ('22P02', '22003', '22008')
	AND statement NOT LIKE 'SELECT ecml.%' $$,
	'each error has a detail and a hint');
SELECT cmp_ok((SELECT count(*) FROM answers), '>', 2000::bigint, 'there was much to refuse');

SELECT * FROM finish();
ROLLBACK;
