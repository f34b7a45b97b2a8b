-- Sources of every kind: names that need quotes, schemas, views, partitions, foreign tables, queries with comments and
-- semicolons, and a search path with hostile functions in front of pg_catalog, which ecml must not call.
\pset format unaligned
\pset tuples_only on
CREATE SCHEMA "My Shop";
CREATE TABLE "My Shop"."Order ""Lines""" ("Unit Price" float8, "select" int, "größe" numeric, "a.b" float8,
	"x[1]" float8, "Sales" float8);
INSERT INTO "My Shop"."Order ""Lines"""
SELECT i, i % 7, i % 5, i % 11, i % 3, 2 * i + 3 * (i % 7) - (i % 5) + 0.5 * (i % 11) + 4 * (i % 3) + 1
	FROM generate_series(1, 60) i;

-- the coefficients are known, so that each column must have found its place
CREATE FUNCTION known(model text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT term || ' ' || CASE WHEN abs(estimate - round(estimate::numeric, 1)::float8)
		< 1e-9 THEN round(estimate::numeric, 1)::text
		ELSE 'is not what it should be' END FROM ecml_coefficients(model) $$;
SELECT (ecml_train('names', 'linreg', '"My Shop"."Order ""Lines"""', 'Sales')).rows;
SELECT * FROM known('names');
SELECT max(abs(ecml_predict('names', l) - "Sales")) < 1e-9 FROM "My Shop"."Order ""Lines""" l;
SELECT max(abs(ecml_predict('names', "Unit Price", "select", "größe", "a.b", "x[1]") - "Sales")) < 1e-9
	FROM "My Shop"."Order ""Lines""";
SELECT (ecml_evaluate('names', '"My Shop"."Order ""Lines"""') ->> 'rmse')::float8 < 1e-9;
-- retraining goes by the same names
SELECT (ecml_retrain('names')).version;
SELECT count(*) FROM known('names') k WHERE k LIKE 'x[1] 4.0';
SELECT (ecml_train('names', 'linreg', '"My Shop"."Order ""Lines"""', 'Sales', ARRAY['select', 'Unit Price', 'größe',
	'a.b', 'x[1]'])).version;
SELECT * FROM known('names');
SELECT * FROM jsonb_array_elements(ecml_model_info('names') -> 'features') f (feature);
-- an array and a scalar that is called like its element
SELECT (ecml_train('names', 'linreg',
	'SELECT ARRAY["select", "größe"] AS x, "Unit Price" AS "x[1]", 2 * "Unit Price" + "select" - "größe" AS y
	FROM "My Shop"."Order ""Lines"""', 'y')).rows;
SELECT * FROM known('names');
SELECT (ecml_retrain('names')).rows;
SELECT * FROM known('names');
SELECT ecml_drop_model('names');

-- a plain name follows the search path, a quoted one its case
SET search_path = "My Shop", public;
SELECT (ecml_train('path', 'linreg', ' "Order ""Lines""" ', 'Sales', '{select}')).rows;
RESET search_path;
SELECT left(failure($$ SELECT ecml_retrain('path') $$), 5);
SELECT ecml_drop_model('path');

CREATE TABLE sources_t AS SELECT i AS id, (i % 10)::float8 AS a, (i * i % 17)::float8 AS b FROM generate_series(1, 200) i;
-- tables called like the words that begin a query
CREATE TABLE "select" AS TABLE sources_t;
CREATE TABLE values_2024 AS TABLE sources_t;
CREATE VIEW sources_view AS SELECT a, b, 3 * a - b AS y FROM sources_t WHERE id <= 150;
CREATE MATERIALIZED VIEW sources_materialized AS TABLE sources_view;
CREATE TABLE sources_parted (id int, a float8, b float8) PARTITION BY RANGE (id);
CREATE TABLE sources_low PARTITION OF sources_parted FOR VALUES FROM (0) TO (100);
-- a partition whose columns stand in another order
CREATE TABLE sources_high (b float8, dropped text, id int, a float8);
ALTER TABLE sources_high DROP COLUMN dropped;
ALTER TABLE sources_parted ATTACH PARTITION sources_high FOR VALUES FROM (100) TO (1000);
INSERT INTO sources_parted SELECT id, a, b FROM sources_t;
ALTER TABLE sources_t ADD COLUMN scratch text;
ALTER TABLE sources_t DROP COLUMN scratch;
CREATE TEMP TABLE sources_temp AS TABLE sources_t;
SELECT source, rows, metrics ->> 'rank' AS rank
FROM (VALUES ('sources_t'), ('public.sources_t'), (' sources_t '), ('"select"'), ('values_2024'),
	('public.values_2024'), ('sources_parted'),
	('sources_high'), ('sources_temp'), ('pg_temp.sources_temp'),
	('SELECT a, b, id FROM sources_t'), ('select a, b, id from sources_t;'), ('SELECT a, b, id FROM sources_t; ; '),
	('SELECT a, b, id FROM sources_t -- the end'), ('SELECT a, b, id FROM sources_t; -- the end'),
		(E'/* a; b */ -- c\n SELECT a, b, id FROM sources_t /* d */'),
	('TABLE sources_t'), ('(SELECT a, b, id FROM sources_t)'), ('WITH s AS MATERIALIZED (TABLE sources_t) SELECT * FROM s'),
	('VALUES (1, 2, 3), (2, 1, 5), (3, 4, 8), (4, 0, 2)'), (E'SELECT\n*\tFROM sources_t'),
		('SELECT * FROM sources_t ORDER BY id DESC'),
	('SELECT * FROM (SELECT a, b, id FROM sources_t LIMIT 50) s UNION ALL SELECT 1, 2, 3')) s (source),
	LATERAL ecml_train('kinds', 'linreg', source, CASE WHEN source LIKE 'VALUES%' THEN 'column3' ELSE 'id' END) t;
SELECT source, rows FROM (VALUES ('sources_view'), ('sources_materialized')) s (source), LATERAL ecml_train('views',
	'linreg', source, 'y') t;
SELECT * FROM known('views');
-- what else reads a source takes the same ones
SELECT source, (SELECT count(*) FROM ecml_kmeans_scan(source, '{a,b}', 2, 3)),
	(ecml_evaluate('views', replace(source, 'SELECT *', 'SELECT *, 3 * a - b AS y')) ->> 'rmse')::float8 < 1e-9 AS evaluated,
	(ecml_cross_validate('kmeans', source, NULL, '{a,b}', '{"k": 2}') ->> 'rows')::int AS rows
FROM (VALUES ('SELECT * FROM sources_t -- the end'), ('SELECT * FROM sources_t; -- the end'),
	(E'-- begin\nSELECT * FROM sources_t;')) s (source);
SELECT source, (SELECT count(*) FROM ecml_rfm(source, '{"customer": "a", "time": "at", "amount": "b"}'))
FROM (VALUES ('SELECT *, date ''2024-01-01'' + id AS at FROM sources_t -- the end'),
	('SELECT *, date ''2024-01-01'' + id AS at FROM sources_t; -- the end'),
	(E'-- begin\nSELECT *, date ''2024-01-01'' + id AS at FROM sources_t;'),
		('WITH s AS (SELECT *, date ''2024-01-01'' + id AS at FROM sources_t) TABLE s ; ')) s (source);
SELECT ecml_drop_model('kinds'), ecml_drop_model('views');

-- foreign tables
SET client_min_messages = warning;
CREATE EXTENSION file_fdw;
CREATE EXTENSION postgres_fdw;
RESET client_min_messages;
CREATE SERVER sources_files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE sources_file (a float8,
	y float8) SERVER sources_files OPTIONS (program 'seq 1 50 | sed "s/.*/&,2&/"', format 'csv');
SELECT rows FROM ecml_train('file', 'linreg', 'sources_file', 'y');
DO $$ BEGIN
	EXECUTE format('CREATE SERVER sources_loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L)',
		split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database());
END $$;
CREATE USER MAPPING FOR CURRENT_USER SERVER sources_loop;
CREATE FOREIGN TABLE sources_far (id int, a float8, b float8) SERVER sources_loop OPTIONS (table_name 'sources_t');
SELECT rows FROM ecml_train('far', 'linreg', 'sources_far', 'id');
SELECT rows FROM ecml_train('near', 'linreg', 'sources_t', 'id');
SELECT count(*), count(*) FILTER (WHERE f.estimate = n.estimate AND f.std_error = n.std_error)
FROM ecml_coefficients('far') f JOIN ecml_coefficients('near') n USING (term);
-- functions of ecml on the far side, states merged on this one
CREATE VIEW sources_state AS SELECT ecml_linreg_partial('{}', id, ARRAY[a, b]) AS state FROM sources_t WHERE id <= 80
	UNION ALL SELECT ecml_linreg_partial('{}', id, ARRAY[a, b]) FROM sources_t WHERE id > 80;
CREATE FOREIGN TABLE sources_far_state (state ecml_linreg_state) SERVER sources_loop OPTIONS (table_name 'sources_state');
SELECT count(*), count(*) FILTER (WHERE abs(f.estimate / n.estimate - 1) < 1e-13 AND abs(f.std_error / n.std_error - 1)
	< 1e-13)
FROM ecml_coefficients((SELECT ecml_linreg_merge(state) FROM sources_far_state)) f JOIN ecml_coefficients('near') n
	ON n.term = CASE f.term WHEN 'x[1]' THEN 'a' WHEN 'x[2]' THEN 'b' ELSE f.term END;
SELECT ecml_drop_model('file'), ecml_drop_model('far'), ecml_drop_model('near');
SET client_min_messages = warning;
DROP EXTENSION file_fdw, postgres_fdw CASCADE;
RESET client_min_messages;

-- hostile functions and operators in front of pg_catalog: each raises an error when it is called, each operator, too
CREATE SCHEMA hostile;
DO $$
DECLARE
	f text;
	t text;
	o text;
	body text := $body$ LANGUAGE plpgsql AS 'BEGIN RAISE ''a hostile function was called''; END'$body$;
BEGIN
	FOREACH f IN ARRAY ARRAY['count(anyelement)', 'sum(float8)', 'sum(numeric)', 'max(timestamptz)', 'max(date)',
		'max(int)', 'min(bigint)',
		'date_part(text, interval)', 'jsonb_array_elements(jsonb)', 'clock_timestamp()', 'pg_has_role(regrole, text)',
			'pg_has_role(oid, text)',
		'pg_table_is_visible(oid)', 'regexp_replace(text, text, text)', 'text(float8)', 'timestamptz(date)',
			'float8(numeric)', 'int4(bigint)']
	LOOP
		EXECUTE 'CREATE FUNCTION hostile.' || f || ' RETURNS boolean' || body;
	END LOOP;
	FOREACH t IN ARRAY ARRAY['text', 'int', 'bigint', 'float8', 'numeric', 'oid', 'boolean', '"char"', 'timestamptz',
		'regrole', 'regnamespace']
	LOOP
		EXECUTE format('CREATE FUNCTION hostile.compare(%s, %1$s) RETURNS boolean', t) || body;
		FOREACH o IN ARRAY ARRAY['=', '<>', '<', '>', '<=', '>=', '+', '-', '*', '/']
		LOOP
			EXECUTE format('CREATE OPERATOR hostile.%s (LEFTARG = %s, RIGHTARG = %2$s, FUNCTION = hostile.compare)', o, t);
		END LOOP;
	END LOOP;
END $$;
CREATE FUNCTION hostile.field(jsonb,
	text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'a hostile function was called'; END $$;
CREATE OPERATOR hostile.->> (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = hostile.field);
CREATE TABLE hostile.model (name text);
CREATE TABLE hostile.pg_class (relname text);
CREATE TYPE hostile.ecml_model AS (a int);
CREATE TYPE hostile.regrole AS (a int);
CREATE TYPE hostile.int4 AS (a int);
CREATE TYPE hostile.text AS (a int);
CREATE TYPE hostile.float8 AS (a int);
CREATE TYPE hostile.int8 AS (a int);
CREATE TYPE hostile.timestamptz AS (a int);
CREATE TABLE sources_orders AS SELECT 'c' || id % 20 AS customer, date '2024-01-01' + id AS time, a AS amount,
	id AS "order" FROM sources_t;
SET search_path = hostile, pg_catalog, public;
-- they are hostile indeed
SELECT public.failure('SELECT 1 = 1');
SELECT public.failure('SELECT max(1)');
SELECT (ecml_train('guarded', 'linreg', 'public.sources_t', 'id')).version;
SELECT (ecml_train('guarded', 'linreg', 'public.sources_t', 'id', '{b,a}')).version;
SELECT (ecml_retrain('guarded')).version;
SELECT (ecml_train('guarded_k', 'kmeans', 'public.sources_t', NULL, '{a,b}')).version;
SELECT ecml_predict('guarded', 1, 2) IS NOT NULL, ecml_classify('guarded_k', 1, 2) IS NOT NULL,
	ecml_load('guarded') IS NOT NULL,
	ecml_model_info('guarded') IS NOT NULL, ecml_evaluate('guarded', 'public.sources_t') IS NOT NULL,
	ecml_cross_validate('linreg', 'public.sources_t', 'id') IS NOT NULL;
SELECT 'rows' FROM ecml_coefficients('guarded');
SELECT 'rows' FROM ecml_centroids('guarded_k') LIMIT 1;
SELECT 'rows' FROM ecml_kmeans_scan('public.sources_t', '{a,b}', 2, 2);
SELECT 'rows' FROM ecml_rfm('public.sources_orders', '{"order": "order"}') LIMIT 1;
SELECT 'rows' FROM ecml_rfm('SELECT * FROM public.sources_orders', '{"as_of": "2025-01-01"}') LIMIT 1;
SELECT 'rows' FROM ecml.models LIMIT 1;
SELECT ecml_linreg('{}', a, b) IS NOT NULL, ecml_kmeans('{"k": 2}', a, b) IS NOT NULL, ecml_ttest(a, b, '{}') IS NULL
	FROM public.sources_t WHERE b OPERATOR(pg_catalog.<) 2;
SELECT public.failure($$ SELECT ecml_predict('guardet', 1, 2) $$);
SELECT public.failure($$ SELECT ecml_train('m', 'kmeans', 'public.sources_s') $$);
SELECT public.failure($$ SELECT ecml_train('m', 'kmeans', 'sources_s') $$);
SELECT ecml_activate('guarded', 1);
SELECT ecml_rename_model('guarded', 'guarded_2');
SELECT ecml_grant('guarded_2', 'public');
SELECT ecml_revoke('guarded_2', 'public');
SELECT ecml_save('guarded_2', ecml_load('guarded_2'));
SELECT ecml_drop_model('guarded_2', 1);
SELECT ecml_drop_model('guarded_2');
SELECT ecml_drop_model('guarded_k');
RESET search_path;
SELECT count(*) FROM ecml.models;
SET client_min_messages = warning;
DROP SCHEMA hostile, "My Shop" CASCADE;
DROP TABLE sources_t, "select", values_2024, sources_parted, sources_orders CASCADE;
DROP FUNCTION known;

RESET client_min_messages;
-- a relation that has the name of a model: its rows are forecast, and it is told; a classifier's name is no matter
CREATE TABLE twice AS SELECT i AS ds, i::float8 AS y FROM generate_series(1, 20) i;
SELECT (ecml_train('twice', 'naive', 'SELECT i AS ds, 7.0 AS y FROM generate_series(1, 20) i', 'y')).rows;
SELECT round(yhat::numeric) FROM ecml_forecast('twice', 1, options => '{"method": "naive"}');
SELECT round(yhat::numeric) FROM ecml_forecast('public.twice', 1, options => '{"method": "naive"}');
SELECT round(yhat::numeric) FROM ecml_forecast(model => 'twice', horizon => 1);
DROP TABLE twice;
SELECT round(yhat::numeric) FROM ecml_forecast('twice', 1);
CREATE TABLE names AS SELECT i AS ds, i::float8 AS y FROM generate_series(1, 20) i;
SELECT (ecml_train('names', 'linreg', 'names', 'y')).rows;
SELECT round(yhat::numeric) FROM ecml_forecast('names', 1, options => '{"method": "naive"}');
DROP TABLE names;
SELECT ecml_drop_model('names');
SELECT ecml_drop_model('twice');
