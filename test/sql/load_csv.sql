-- ecml_load_csv: what is loaded, what is rejected and why, and how it fails.
\pset format unaligned
\pset tuples_only on
\pset null (null)
SET datestyle = 'ISO';
SET timezone = 'UTC';
-- a file in the server's own folder; its path differs from run to run
CREATE FUNCTION file_of(bytes bytea, name text DEFAULT 'ecml_load.csv') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('data_directory') || '/' || name;
	object oid := lo_from_bytea(0, bytes);
BEGIN
	PERFORM lo_export(object, path);
	PERFORM lo_unlink(object);
	RETURN path;
END $$;
CREATE FUNCTION file_of(content text) RETURNS text LANGUAGE sql AS $$ SELECT file_of(convert_to(content, 'UTF8')) $$;
-- what a load says: counts, columns, rejects; then the table goes
CREATE FUNCTION shown(source text, options jsonb DEFAULT '{}') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	SELECT * INTO r FROM ecml_load_csv(source, 'shown_t', options);
	RETURN NEXT format('%s loaded, %s rejected, %s lines; %s', r.rows_loaded, r.rows_rejected, r.lines, r.format);
	IF r.lines <> r.rows_loaded + r.rows_rejected + (r.format->>'header_lines')::int + (r.format->>'blank_lines')::int
		+ (r.format->>'continuation_lines')::int THEN
		RETURN NEXT 'LINES ARE LOST';
	END IF;
	RETURN NEXT (SELECT string_agg((c->>'name') || ' ' || (c->>'type'), ', ') FROM jsonb_array_elements(r.columns) c);
	RETURN QUERY SELECT '  ' || (x->>'line') || ': ' || (x->>'reason') || ': ' || (x->>'text') FROM jsonb_array_elements(r.rejects) x;
	RETURN QUERY EXECUTE 'SELECT replace(shown_t::text, chr(10), ''~'') FROM shown_t';
	DROP TABLE shown_t;
END $$;

-- types
SELECT shown(E'id,big,price,e,d,ts,tz,ok,code,note\n1,5000000000,2.50,1e3,2024-01-05,2024-01-05 10:00,2024-01-05T10:00Z,yes,007,a\n2,1,3,2,2024-02-29,2024-02-29,2024-01-05 12:00+01:30,no,8,"b, ""c"""\n');
SELECT shown(E'a\n\n');
SELECT shown(E'x;y\n1,5;2\n2,5;3\n', '{"decimal": ","}');
SELECT shown(E'x,y\n"$1,234.50",$3\n$2,-$4\n', '{"thousands": ",", "currency": "$"}');
SELECT shown(E'open,key,score\n09:30,9A3AB3A3-7b5e-4f3c-8b0a-111111111111,1:30\n8:26 AM,,2:0\n17:45:00.5,9a3ab3a3-7b5e-4f3c-8b0a-111111111112,0:3\n');
SELECT shown(E'open,key\n09:30,9a3ab3a3-7b5e-4f3c-8b0a-111111111111\n24:00,x\n', '{"sample_rows": 1}');
SELECT shown(E'd,e\n03/04/2024,13/04/2024\n', '{}');
SELECT shown(E'd,e\n03/04/2024,13/04/2024\n', '{"dayfirst": true}');
SELECT shown(E'd,e\n03/04/2024,13/04/2024\n', '{"dayfirst": false}');
-- NULLs and blanks
SELECT shown(E'n,t\n1,\n,""\n\\N,\\N\nNA,"NA"\n', '{"nulls": ["", "NA", "\\N"]}');
SELECT shown(E'n,t\n , \n"",x\n2,y\n');
SELECT shown(E'n,t\n1 , a\n 2," b"\n 3 , "c, d" \n', '{"trim": true}');
-- dialects
SELECT shown(E'a\tb\n1\t2\n');
SELECT shown(E'a|b\r1|2\r3|4');
SELECT shown(E'a,b\r\n1,2\r\n\r\n"3\r\n",4\r\n');
SELECT shown(E'sep=;\r\na;b\r\n1;2\r\n');
SELECT shown(E'a,b\n''x,y'',2\n', '{"quote": "''"}');
SELECT shown(E'a,b\n"x \\"y\\" \\z",2\n', '{"escape": "\\"}');
SELECT shown(E'a,b\n5" screen,"6"" screen"\n', '{"header": true}');
SELECT shown(E'Report of May\n\na#b\n1#2\n', '{"skip": 2, "delimiter": "#"}');
-- headers
SELECT shown(E'1,a\n2,b\n');
SELECT shown(E'x,y\nz,w\n');
SELECT shown(E'x,y\nz,y\n');
SELECT shown(E'n,y\n1,yes\n');
SELECT shown(E'n,y\ny,no\n');
SELECT shown(E'x,y\nz,w\n', '{"header": false}');
SELECT shown(E'2019,2020\n1,2\n', '{"header": true}');
SELECT shown(E'a,A,a,,ctid, b c \n1,2,3,4,5,6\n');
SELECT shown(E'Order ID,order-id,Größe (cm),%,1st\n1,2,3,4,5\n', '{"clean_names": true}');
SELECT shown(E'1,a\n2,b\n', '{"columns": ["k", "v"]}');
SELECT shown(E'a,b\n');
SELECT shown('a' || repeat('x', 80) || E',a' || repeat('x', 80) || E'\n1,2\n');
-- lines that do not fit
SELECT shown(E'a,b,c\n1,2\n1,2,3,4\n1,2,3,,\n1,2,3\n1,"2" x,3\n1,"2,3\n4,5,6\n');
SELECT shown(E'a,b,c\n1,2\n3\n', '{"fill": true}');
SELECT shown(E'a,b\n1,x\n2,y\noops,z\n4,w\n', '{"sample_rows": 2}');
SELECT shown(E'a,b\n1,x\n2,y\noops,z\n', '{"types": {"a": "smallint", "b": "varchar(1)"}}');
SELECT shown(E'a,b,c,d,e\n1.005,00123,x,Jan 5 2024,"{1,2}"\n1000,+5,xyz,2024-01-06,{3}\n1,99999999999,y,03/04/2024,\n',
	'{"types": {"a": "numeric(5,2)", "b": "integer", "c": "char(2)", "d": "date", "e": "int[]"}}');
SELECT shown(E'u,j\n9a3ab3a3-7b5e-4f3c-8b0a-111111111111,"{""a"": 1}"\nx,{}\n,{\n', '{"types": {"u": "uuid", "j": "jsonb"}}');
CREATE DOMAIN load_sku AS text NOT NULL CHECK (VALUE ~ '^[A-Z]');
SELECT shown(E'a,b\n1,X\n2,\n3,y\n4\n', '{"types": {"b": "load_sku"}, "fill": true}');
DROP DOMAIN load_sku;
SELECT shown(E'  \nname\n1\n \n\n2\n');
-- encodings, marks, zero bytes
SELECT shown(file_of('\xefbbbf612c620a312cc3a90a'::bytea));
SELECT shown(file_of('\x612c620a312ce90a322cc3a90a33e92c340a'::bytea));
SELECT shown(file_of('\x612c620a312ce90a322c800a'::bytea), '{"encoding": "WIN1252"}');
SELECT shown(file_of('\x612c620a312c810a322c780a'::bytea), '{"encoding": "WIN1252"}');
SELECT shown(file_of('\x612c620a312c83580a322c835c7c780a'::bytea), '{"encoding": "SJIS"}');
SELECT shown(file_of('\x612c620a312c0078790a322c780a'::bytea));
SELECT shown(file_of(E'a,b\n1,2'));

-- gzip: one member, two members, none; cut off, damaged
SELECT shown(file_of('\x1f8b08000000000002034bd449e232d431e232d231e6020047182b390c0000001f8b08000000000002034bd449e232d431e232d231e6020047182b390c000000'::bytea), '{"header": true}');
SELECT shown(file_of('\x1f8b08000000000002034bd449e232d431e232d231e6020047182b390c000000'::bytea));
SELECT replace(failure($$ SELECT ecml_load_csv(file_of('\x1f8b08000000000000034bd449e232d431e232'::bytea), 't') $$),
	current_setting('data_directory'), '');
SELECT replace(failure($$ SELECT ecml_load_csv(file_of('\x1f8b0800000000000203ffffffffffffffffffff'::bytea), 't') $$),
	current_setting('data_directory'), '');
-- files that are no CSV
SELECT replace(failure($$ SELECT ecml_load_csv(file_of('\xfffe61002c0062000a00'::bytea), 't') $$), current_setting('data_directory'), '');
SELECT replace(failure($$ SELECT ecml_load_csv(file_of('\x504b030414000000'::bytea), 't') $$), current_setting('data_directory'), '');
SELECT failure($$ SELECT ecml_load_csv(file_of(''::bytea), 't') $$);
SELECT failure($$ SELECT ecml_load_csv(E'\n\n \n', 't') $$);
SELECT failure($$ SELECT ecml_load_csv(file_of('\xe92c620a312c320a'::bytea), 't') $$);
SELECT failure($$ SELECT ecml_load_csv(E'"a" b,c\n1,2\n', 't') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a,b\n' || repeat('x', 300000), 't', '{"max_record": 1024}') $$);
SELECT failure($$ SELECT ecml_load_csv(repeat('a,', 1700) || E'\n', 't') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a,b\n1,2\n', 't', '{"columns": ["x"]}') $$);
-- where it is, and where it goes
SELECT failure($$ SELECT ecml_load_csv('/nonexistent/orders.csv', 't') $$);
SELECT failure($$ SELECT ecml_load_csv('orders.csv', 't') $$);
SELECT failure($$ SELECT ecml_load_csv('', 't') $$);
SELECT failure($$ SELECT ecml_load_csv('/', 't') $$);
SELECT failure($$ SELECT ecml_load_csv('/dev/null', 't') $$);
SELECT failure($$ SELECT ecml_load_csv(NULL, 't') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', NULL) $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', '') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 'no_schema.t') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 'x.y.z') $$);
CREATE TABLE load_there (a int CHECK (a < 10), b text DEFAULT 'none', c int GENERATED ALWAYS AS (a * 2) STORED);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 'load_there') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 't', '{"rejects": "load_there"}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 'load_not_there', '{"append": true}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a,d\n1,2\n', 'load_there', '{"append": true}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a,A\n1,2\n', 'load_there', '{"append": true}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'1\n', 'load_there', '{"append": true}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n10\n', 'load_there', '{"append": true}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a,c\n1,1\n', 'load_there', '{"append": true}') $$);
SELECT rows_loaded, rows_rejected, rejects FROM ecml_load_csv(E'A\n1\n2\nx\n', 'load_there', '{"append": true}');
SELECT * FROM load_there;
SELECT to_regclass('t');
-- options
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 't', '{"delimeter": ";"}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 't', '{"delimiter": ";;"}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 't', '{"delimiter": "\""}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 't', '{"encoding": "LATIN1"}') $$);
SELECT failure($$ SELECT ecml_load_csv(file_of(E'a\n'), 't', '{"encoding": "LATIN77"}') $$);
SELECT failure($$ SELECT ecml_load_csv(file_of(E'a\n'), 't', '{"encoding": "SJIS", "delimiter": "|"}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 't', '{"nulls": "NA"}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 't', '{"nulls": [1]}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 't', '{"types": ["int"]}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'price\n', 't', '{"types": {"prise": "int"}}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 't', '{"types": {"a": "no_type"}}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 't', '{"types": {"a": "record"}}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 't', '{"types": {"a": 5}}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 't', '{"decimal": "x"}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 't', '{"decimal": ",", "thousands": ","}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 't', '{"append": true, "temporary": true}') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n', 'load_there', '{"append": true, "types": {"a": "int"}}') $$);
-- rights
CREATE ROLE ecml_load_role;
GRANT CREATE ON SCHEMA public TO ecml_load_role;
SET ROLE ecml_load_role;
SELECT failure($$ SELECT ecml_load_csv('/etc/hostname', 't') $$);
SELECT failure($$ SELECT ecml_load_csv('/nonexistent/orders.csv', 't') $$);
SELECT failure($$ SELECT ecml_load_csv(E'a\n1\n', 'load_there', '{"append": true}') $$);
SELECT shown(E'a\n1\n');
RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM ecml_load_role;
SET ROLE ecml_load_role;
SELECT failure($$ SELECT ecml_load_csv(E'a\n1\n', 't') $$);
RESET ROLE;
DROP ROLE ecml_load_role;
BEGIN READ ONLY;
SELECT failure($$ SELECT ecml_load_csv(E'a\n1\n', 't') $$);
ROLLBACK;
DROP TABLE load_there;
