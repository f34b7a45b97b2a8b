-- Sources that are not there, that are no query, or that do more than read.
\pset format unaligned
\pset tuples_only on
CREATE TABLE source_t AS SELECT i::float8 AS a, (i % 7)::float8 AS b, 3 * i + i % 5 AS y, 'c' || i % 3 AS customer,
	date '2024-01-01' + i AS time, i AS amount FROM generate_series(1, 40) i;
CREATE SEQUENCE source_sequence;
CREATE VIEW source_locking AS SELECT a, b FROM source_t FOR UPDATE;
CREATE FUNCTION source_writes() RETURNS float8 LANGUAGE sql VOLATILE AS $$ DELETE FROM source_t WHERE a = 40 RETURNING b $$;
CREATE FUNCTION source_writes_quietly() RETURNS float8 LANGUAGE plpgsql STABLE AS $$
BEGIN
	PERFORM set_config('transaction_read_only', 'off', true);
	INSERT INTO source_t (a) VALUES (0);
	RETURN 1;
END $$;

-- names
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'source_s') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'zzzzzzzzzzzzzzzz') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'public.source_s') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'no_schema.source_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'Source_T x') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', '"SOURCE_T"') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', '') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', E' \n\t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'source_sequence') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'source_t; DROP TABLE source_t') $$);
SELECT failure($$ SELECT ecml_evaluate(ecml_kmeans('{"k": 2}', a, b), 'source_s') FROM source_t $$);
SELECT failure($$ SELECT ecml_cross_validate('linreg', 'source_s', 'y') $$);
SELECT failure($$ SELECT ecml_kmeans_scan('source_s') $$);
SELECT failure($$ SELECT ecml_rfm('source_s') $$);

-- queries that do not parse, or name what is not there
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT a FRO source_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT a FROM source_s') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT $1 + a FROM source_t') $$);

-- read-only, each function
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'DELETE FROM source_t RETURNING a, b') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'INSERT INTO source_t (a) VALUES (1)') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'WITH d AS (DELETE FROM source_t RETURNING a, b) SELECT * FROM d') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans',
	'WITH s AS (SELECT 1) INSERT INTO source_t (a) SELECT * FROM s RETURNING a') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT a, b FROM source_t FOR UPDATE') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT a, b FROM source_t FOR KEY SHARE') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT * FROM (SELECT a, b FROM source_t FOR UPDATE) s') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans',
	'SELECT a, (SELECT b FROM source_t LIMIT 1 FOR UPDATE) FROM source_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'source_locking') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT a, b INTO source_copy FROM source_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT 1 AS a; SELECT 2 AS a') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT a, b FROM source_t; DROP TABLE source_t') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT source_writes() AS a') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT source_writes_quietly() AS a') $$);
SELECT failure($$ SELECT ecml_train('m', 'kmeans', 'SELECT nextval(''source_sequence'') AS a') $$);
SELECT failure($$ SELECT ecml_evaluate(ecml_kmeans('{"k": 2}', a, b),
	'WITH d AS (DELETE FROM source_t RETURNING a AS x1, b AS x2) SELECT * FROM d') FROM source_t $$);
SELECT failure($$ SELECT ecml_cross_validate('kmeans', 'SELECT source_writes() AS a FROM source_t') $$);
SELECT failure($$ SELECT ecml_kmeans_scan('SELECT a, b FROM source_t FOR UPDATE') $$);
SELECT failure($$ SELECT ecml_kmeans_scan('SELECT 1 AS a; SELECT 2 AS a') $$);
SELECT failure($$ SELECT ecml_rfm('WITH d AS (DELETE FROM source_t RETURNING *) SELECT * FROM d') $$);
SELECT failure($$ SELECT ecml_rfm('SELECT * FROM source_t; DELETE FROM source_t') $$);
SELECT failure($$ SELECT
	ecml_rfm('SELECT *, source_writes() FROM source_t) s; DELETE FROM source_t; SELECT * FROM (SELECT 1') $$);
SELECT failure($$ SELECT ecml_rfm('SELECT customer, time, source_writes() AS amount FROM source_t') $$);
-- after an error within a source the transaction writes as before
DO $$ BEGIN PERFORM failure('SELECT ecml_train(''m'', ''kmeans'', ''SELECT source_writes() AS a'')'); INSERT INTO
	source_t (a) VALUES (41); END $$;
SELECT count(*), max(a) FROM source_t;
SELECT is_called FROM source_sequence;
SELECT count(*) FROM ecml.models;
SELECT to_regclass('source_copy') IS NULL;
DROP FUNCTION source_writes, source_writes_quietly;
DROP SEQUENCE source_sequence;
DROP VIEW source_locking;
DROP TABLE source_t;
