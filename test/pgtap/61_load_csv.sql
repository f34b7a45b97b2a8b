-- ecml_load_csv: what COPY writes comes back, every line is accounted for, real files have the types they should have, and
-- an error leaves nothing.
SELECT no_plan();
SET timezone = 'UTC';

CREATE FUNCTION server_file(name text) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
	SELECT current_setting('data_directory') || '/' || current_database() || '_' || name $$;
CREATE FUNCTION column_types(r jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg((c->>'name') || ' ' || (c->>'type'), ', ' ORDER BY o) FROM jsonb_array_elements(r) WITH ORDINALITY a (c, o) $$;
-- lines of a load that are accounted for
CREATE FUNCTION counted(rows_loaded bigint, rows_rejected bigint, format jsonb) RETURNS bigint LANGUAGE sql AS $$
	SELECT rows_loaded + rows_rejected + (format->>'header_lines')::bigint + (format->>'blank_lines')::bigint
		+ (format->>'continuation_lines')::bigint $$;

-- ---- round trip of all types that are found by looking
CREATE TABLE original AS
SELECT i AS i4, i::bigint * 3000000000 AS i8, (i * 0.37)::numeric AS n, round((i * 1.5)::numeric, 2) AS money,
	sin(i) * 10.0 ^ (i % 60 - 30) AS f8, i % 3 = 0 AS b, date '1999-12-01' + i AS d,
	timestamp '2024-01-01 00:00' + i * interval '1.000001 hour' AS ts,
	timestamptz '2024-01-01 00:00+00' - i * interval '7 minutes' AS tz, time '00:00' + i * interval '7.000001 minutes' AS ti,
	md5(i::text)::uuid AS u, lpad(i::text, 6, '0') AS code,
	CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'a "quoted" word' WHEN 3 THEN E'two\nlines, and\r\na third'
		WHEN 4 THEN ' blanks ' WHEN 5 THEN 'größer; 5" | 7''' ELSE repeat('long ', i) END AS t
FROM generate_series(1, 3000) i;
UPDATE original SET i4 = NULL, n = NULL, f8 = NULL, b = NULL, d = NULL, ts = NULL, tz = NULL WHERE i4 % 11 = 0;
UPDATE original SET f8 = 'NaN' WHERE i4 = 5;
UPDATE original SET f8 = '-Infinity' WHERE i4 = 6;
UPDATE original SET d = 'infinity', ts = '-infinity', tz = 'infinity' WHERE i4 = 7;

SELECT format('COPY original TO %L (FORMAT csv, HEADER)', server_file('a.csv')) \gexec
SELECT format('COPY original TO %L (FORMAT csv, DELIMITER ''|'', QUOTE '''''''', FORCE_QUOTE *, NULL ''NA'')', server_file('b.csv')) \gexec
CREATE TABLE loads AS SELECT 'a' AS load, r.* FROM ecml_load_csv(server_file('a.csv'), 'copy_a') r;
SELECT is(column_types(columns), 'i4 integer, i8 bigint, n numeric, money numeric, f8 double precision, b boolean, d date, '
	|| 'ts timestamp without time zone, tz timestamp with time zone, ti time without time zone, u uuid, code text, t text', 'types of what COPY writes') FROM loads;
SELECT bag_eq('SELECT * FROM copy_a', 'SELECT * FROM original', 'and its values');
SELECT results_eq('SELECT n::text, money::text, f8::text FROM copy_a ORDER BY i8', 'SELECT n::text, money::text, f8::text FROM original ORDER BY i8',
	'to the last digit');
SELECT is(counted(rows_loaded, rows_rejected, format), lines, 'all lines are counted')
	FROM loads;
INSERT INTO loads SELECT 'b', r.* FROM ecml_load_csv(server_file('b.csv'), 'copy_b',
	'{"quote": "''", "nulls": ["NA"], "columns": ["i4", "i8", "n", "money", "f8", "b", "d", "ts", "tz", "ti", "u", "code", "t"]}') r;
SELECT bag_eq('SELECT * FROM copy_b', 'SELECT * FROM original', 'the same with another delimiter, another quote, and all quoted');
SELECT ok(format->>'delimiter' = '|' AND format->>'header' = 'false' AND counted(rows_loaded, rows_rejected, format) = lines,
	'whose dialect is found') FROM loads WHERE load = 'b';

-- declared types, and appending, take what PostgreSQL takes
CREATE TABLE every_type (bo boolean, i2 smallint, i4 int, i8 bigint, n numeric(12, 3), f4 real, f8 float8, t text, v varchar(9),
	c char(4), d date, ti time, ts timestamp(0), tz timestamptz, iv interval, u uuid, j jsonb, a int[], ta text[], r int4range,
	ip inet, by bytea, m money, bi bit(3), na name, p point);
INSERT INTO every_type VALUES (true, -3, 4, 5, 6.125, 7.1, 0.1, 'x,y', 'v', 'c', '2024-02-29', '10:11:12.5', '2024-02-29 10:00',
	'2024-02-29 10:00+05', '1 day 2 hours', '9a3ab3a3-7b5e-4f3c-8b0a-111111111111', '{"k": [1, "q\"z"]}', '{1,NULL,3}',
	'{"a b","c,d",NULL}', '[1,5)', '10.0.0.1/8', '\xdeadbeef', 12.34, B'101', 'na me', '(1.5,2)');
INSERT INTO every_type DEFAULT VALUES;
INSERT INTO every_type (t, v, na) VALUES ('', '', '');
CREATE TABLE every_copy (LIKE every_type);
SELECT format('COPY every_type TO %L (FORMAT csv, HEADER)', server_file('c.csv')) \gexec
SELECT is((SELECT rows_loaded FROM ecml_load_csv(server_file('c.csv'), 'every_copy', '{"append": true}')), 3::bigint, 'rows of every type');
SELECT bag_eq('SELECT every_copy::text FROM every_copy', 'SELECT every_type::text FROM every_type', 'are appended as COPY wrote them');

-- ---- what hangs on a table holds when rows are appended
CREATE TABLE item (id int PRIMARY KEY, price numeric CHECK (price > 0), label text DEFAULT 'none', doubled numeric GENERATED ALWAYS AS (2 * price) STORED);
CREATE TABLE audit (id int, statement bool);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF TG_LEVEL = 'ROW' THEN INSERT INTO audit VALUES (NEW.id, false); ELSE INSERT INTO audit VALUES (NULL, true); END IF;
	RETURN NEW; END $$;
CREATE TRIGGER each_row BEFORE INSERT ON item FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER each_statement AFTER INSERT ON item FOR EACH STATEMENT EXECUTE FUNCTION note();
SELECT is((SELECT rows_loaded FROM ecml_load_csv(E'price,id\n2.5,1\n3,2\n', 'item', '{"append": true}')), 2::bigint, 'columns in another order');
SELECT results_eq('SELECT id, price, label, doubled FROM item ORDER BY id', $$VALUES (1, 2.5, 'none', 5.0), (2, 3, 'none', 6)$$, 'go by name');
SELECT results_eq('SELECT count(*) FILTER (WHERE statement), count(*) FILTER (WHERE NOT statement) FROM audit', 'VALUES (1::bigint, 2::bigint)',
	'triggers fire, those for the statement once');
SELECT throws_ok($$SELECT ecml_load_csv(E'id,price\n3,1\n2,1\n', 'item', '{"append": true}')$$, '23505', NULL, 'keys hold');
SELECT is((SELECT count(*) FROM item), 2::bigint, 'and nothing is half loaded');
CREATE TABLE parted (k int, v text) PARTITION BY RANGE (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20);
SELECT '# ' || rows_loaded FROM ecml_load_csv(E'k,v\n1,a\n11,b\n', 'parted', '{"append": true}');
SELECT results_eq('SELECT (SELECT v FROM parted_1), (SELECT v FROM parted_2)', $$VALUES ('a', 'b')$$, 'partitions get their rows');
CREATE ROLE ecml_csv_clerk;
CREATE TABLE secured (owner name, v int);
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secured WITH CHECK (owner = current_user);
GRANT INSERT, SELECT ON secured TO ecml_csv_clerk;
SET ROLE ecml_csv_clerk;
SELECT lives_ok($$SELECT ecml_load_csv(E'owner,v\necml_csv_clerk,1\n', 'secured', '{"append": true}')$$, 'row security lets one''s own rows in');
SELECT throws_ok($$SELECT ecml_load_csv(E'owner,v\nboss,1\n', 'secured', '{"append": true}')$$, '42501', NULL, 'and no others');
RESET ROLE;

-- an event trigger that adds to new tables is honoured
CREATE FUNCTION add_check() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
	IF to_regclass('watched') IS NOT NULL AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'small') THEN
		ALTER TABLE watched ADD CONSTRAINT small CHECK (v < 5);
	END IF; END $$;
CREATE EVENT TRIGGER ecml_csv_watch ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION add_check();
SELECT throws_ok($$SELECT ecml_load_csv(E'v\n1\n7\n', 'watched')$$, '23514', NULL, 'constraints that an event trigger adds hold');
SELECT lives_ok($$SELECT ecml_load_csv(E'v\n1\n2\n', 'watched')$$, 'rows that keep them are loaded');
SELECT is((SELECT sum(v) FROM watched), 3::bigint, 'all of them');
DROP EVENT TRIGGER ecml_csv_watch;

-- ---- rejects
SELECT is(r.rows_loaded || ' ' || r.rows_rejected || ' ' || jsonb_array_length(r.rejects) || ' ' || (counted(rows_loaded, rows_rejected, format) = lines),
	'2500 2500 1000 true', 'of 2500 lines that do not fit 1000 are shown')
FROM (SELECT string_agg(CASE i % 2 WHEN 0 THEN i || ',x' ELSE 'only ' || i END, E'\n' ORDER BY i) AS t FROM generate_series(1, 5000) i) s,
	LATERAL ecml_load_csv(E'a,b\n' || t, 'half', '{"rejects": "half_rejects"}') r;
SELECT results_eq('SELECT count(*), min(line), max(line), min(reason), bool_and(content = ''only '' || line - 1) FROM half_rejects',
	$$VALUES (2500::bigint, 2::bigint, 5000::bigint, '1 field instead of 2', true)$$, 'and all are kept in the table for them');
SELECT '# ' || rows_loaded
FROM (SELECT string_agg(CASE WHEN i % 100 = 0 THEN 'bad' ELSE i::text END || ',1', E'\n') AS t FROM generate_series(1, 30000) i) s,
	LATERAL ecml_load_csv(E'a,b\n' || t, 'mixed', '{"types": {"a": "smallint", "b": "varchar(3)"}, "rejects": "mixed_rejects"}');
SELECT results_eq('SELECT (SELECT count(*) FROM mixed), (SELECT sum(a) FROM mixed), (SELECT count(*) FROM mixed_rejects)',
	'SELECT 29700::bigint, sum(i) FILTER (WHERE i % 100 <> 0), 300::bigint FROM generate_series(1, 30000) i',
	'values that input functions reject do not disturb the others');

-- ---- kinds of tables, transactions
SELECT '# ' || rows_loaded FROM ecml_load_csv(E'a\n1\n', 'temporary_one', '{"temporary": true}');
SELECT '# ' || rows_loaded FROM ecml_load_csv(E'a\n1\n', 'unlogged_one', '{"unlogged": true}');
SELECT results_eq($$SELECT relname, relpersistence FROM pg_class WHERE relname IN ('temporary_one', 'unlogged_one') ORDER BY 1$$,
	$$VALUES ('temporary_one'::name, 't'::"char"), ('unlogged_one', 'u')$$, 'temporary and unlogged tables');
CREATE SCHEMA "Odd Schema";
SELECT is((SELECT table_name FROM ecml_load_csv(E'"a""b"," c;",select\n1,2,3\n', '"Odd Schema"."odd ""Table"""')),
	'"Odd Schema"."odd ""Table"""', 'names are quoted');
SELECT is((SELECT sum("a""b" + "c;" + "select") FROM "Odd Schema"."odd ""Table"""), 6::bigint, 'in tables and columns');
BEGIN;
SELECT '# ' || rows_loaded FROM ecml_load_csv(E'a\n1\n', 'undone');
ROLLBACK;
SELECT hasnt_table('undone', 'a load is undone with its transaction');
SELECT throws_ok($$SELECT ecml_load_csv(E'a,b\n1,2\n' || repeat('x', 3000000), 'undone', '{"max_record": 1000000}')$$, '54000', NULL,
	'an error in the middle');
SELECT hasnt_table('undone', 'leaves no table');
SELECT lives_ok($$SELECT ecml_load_csv(E'a\n1\n', 'undone')$$, 'whose name is free');
BEGIN;
SAVEPOINT s;
SELECT throws_ok($$SELECT ecml_load_csv(E'a\nx\n1\n', 'guarded', '{"types": {"a": "int"}, "nulls": ["1"], "rejects": "undone"}')$$, '42P07', NULL,
	'the name of the rejects may be taken');
ROLLBACK TO s;
SELECT is((SELECT rows_rejected FROM ecml_load_csv(E'a\nx\n1\n', 'guarded', '{"types": {"a": "int"}}')), 1::bigint, 'a load after a savepoint');
COMMIT;
SELECT is((SELECT a FROM guarded), 1, 'is there');
CREATE FUNCTION cancelled(command text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
	EXECUTE command;
	RETURN false;
EXCEPTION WHEN query_canceled THEN
	RETURN true;
END $$;
SET statement_timeout = 300;
SELECT ok(cancelled($$SELECT ecml_load_csv(E'a,b\n' || repeat(E'1,some text\n', 8000000), 'slow')$$), 'a load can be cancelled');
RESET statement_timeout;
SELECT hasnt_table('slow', 'and leaves nothing then');
SELECT is((SELECT rows_loaded FROM ecml_load_csv(E'a,b\n"' || repeat(E'line\n', 500000) || E'",2\n', 'tall')), 1::bigint, 'a value of 2.5 MB');
SELECT is((SELECT length(a) FROM tall), 2500000, 'keeps its length');

-- ---- a file that changes between the two readings: an event trigger writes it when the table is made
CREATE FUNCTION meddle() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
	EXECUTE format('COPY (SELECT * FROM original LIMIT 2999) TO %L (FORMAT csv, HEADER)', server_file('d.csv'));
END $$;
SELECT format('COPY original TO %L (FORMAT csv, HEADER)', server_file('d.csv')) \gexec
CREATE EVENT TRIGGER ecml_csv_meddle ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION meddle();
SELECT throws_ok(format('SELECT ecml_load_csv(%L, %L)', server_file('d.csv'), 'meddled'), '55006', NULL, 'a file that changes meanwhile is seen');
DROP EVENT TRIGGER ecml_csv_meddle;
SELECT hasnt_table('meddled', 'and nothing is loaded');

-- ---- rights
SET ROLE ecml_csv_clerk;
SELECT throws_ok(format('SELECT ecml_load_csv(%L, %L)', server_file('a.csv'), 'clerks'), '42501', 'permission denied to read files of the server',
	'reading a file takes pg_read_server_files');
RESET ROLE;
GRANT pg_read_server_files TO ecml_csv_clerk;
CREATE SCHEMA clerk AUTHORIZATION ecml_csv_clerk;
SET ROLE ecml_csv_clerk;
SELECT is((SELECT rows_loaded FROM ecml_load_csv(server_file('a.csv'), 'clerk.clerks')), 3000::bigint, 'with it, it goes');
RESET ROLE;
SELECT table_owner_is('clerk', 'clerks', 'ecml_csv_clerk', 'the table is the caller''s');

-- ---- real files
\if :{?data}
CREATE TEMP TABLE real_file (name text, path text, rows bigint, types text);
INSERT INTO real_file VALUES
	('telco', 'classification/telco_churn.csv.gz', 7043, 'customerID text, gender text, SeniorCitizen integer, Partner boolean, '
		|| 'Dependents boolean, tenure integer, PhoneService boolean, MultipleLines text, InternetService text, OnlineSecurity text, '
		|| 'OnlineBackup text, DeviceProtection text, TechSupport text, StreamingTV text, StreamingMovies text, Contract text, '
		|| 'PaperlessBilling boolean, PaymentMethod text, MonthlyCharges numeric, TotalCharges numeric, Churn boolean'),
	('adult', 'classification/adult_train.csv.gz', 32561, 'age integer, workclass text, fnlwgt integer, education text, '
		|| 'education_num integer, marital_status text, occupation text, relationship text, race text, sex text, capital_gain integer, '
		|| 'capital_loss integer, hours_per_week integer, native_country text, income text'),
	('retail', 'transactions/online_retail_2010_2011.csv.gz', 541909, 'invoice_no text, stock_code text, description text, '
		|| 'quantity integer, invoice_date timestamp without time zone, unit_price numeric, customer_id integer, country text');
CREATE TEMP TABLE real_load AS
	SELECT f.name, f.rows, f.types, r.* FROM real_file f, LATERAL ecml_load_csv(:'data' || '/' || path, 'real_' || name) r;
SELECT is(column_types(columns), types, name || ': types') FROM real_load;
SELECT ok(rows_loaded = rows AND rows_rejected = 0 AND counted(rows_loaded, 0, format) = lines, name || ': rows') FROM real_load;
SELECT results_eq('SELECT count(*) FILTER (WHERE "TotalCharges" IS NULL), round(avg("Churn"::int), 4), sum("MonthlyCharges") FROM real_telco',
	'VALUES (11::bigint, 0.2654, 456116.60)', 'telco: total charges are blank for 11');
SELECT results_eq($$SELECT count(DISTINCT customer_id), count(DISTINCT invoice_no), min(invoice_date), sum(quantity) FROM real_retail$$,
	$$VALUES (4372::bigint, 25900::bigint, timestamp '2010-12-01 08:26', 5176450::bigint)$$, 'retail: customers, invoices');
CREATE TABLE retail_copy (LIKE real_retail);
SELECT format('COPY retail_copy FROM PROGRAM %L (FORMAT csv, HEADER)', 'gzip -dc ' || :'data' || '/transactions/online_retail_2010_2011.csv.gz') \gexec
SELECT is_empty('SELECT * FROM real_retail EXCEPT ALL SELECT * FROM retail_copy', 'retail: the rows are those that COPY loads');
\else
SELECT skip('no real data', 8);
\endif

DROP OWNED BY ecml_csv_clerk;
DROP ROLE ecml_csv_clerk;
SELECT * FROM finish();
