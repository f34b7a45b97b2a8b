-- The rows of ecml_clv and of the route functions: a plain table by threads, a query by parallel workers or one by one give the same
-- bits; NULLs, wide and compressed values, columns added later, odd numbers, rights, row security.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(41);
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL client_min_messages = error;

-- columns of varying width and NULLs before those that count; customers as text and number; amounts of few digits and of many
CREATE TABLE bought AS SELECT CASE WHEN i % 5 > 0 THEN repeat('note ', i % 40) END AS note,
	CASE WHEN i % 17 > 0 THEN 'c' || i * 7919 % 1501 END AS customer, (i * 7919 % 1501)::int AS customer_number,
	CASE WHEN i % 1000 > 0 THEN timestamp '2024-01-01 00:30' + make_interval(mins => i * 37 % 1000000) END AS at,
	CASE WHEN i % 991 = 0 THEN 1e-20 * i WHEN i % 97 = 0 THEN -((i % 5000) / 100.0) ELSE (i * 31 % 9973) / 100.0 END::numeric AS amount
FROM generate_series(1, 18000) i;
ALTER TABLE bought ADD late date DEFAULT '2025-01-01';
ANALYZE bought;
CREATE FUNCTION pg_temp.nothing(text) RETURNS text LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN $1; END';

-- every way to read a source, with the options: by threads, by one thread, by workers, row by row
CREATE FUNCTION pg_temp.ways(source text, options jsonb DEFAULT '{}') RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	one text;
	other text;
	what text;
BEGIN
	PERFORM set_config('ecml.threads', '4', true), set_config('max_parallel_workers_per_gather', '2', true);
	SELECT string_agg(v::text, ';') INTO one FROM ecml_clv(source, options) v;
	FOREACH what IN ARRAY ARRAY['ecml.threads=1', 'source=WHERE tableoid::text <> ''''', 'source=OFFSET 0', 'max_parallel_workers_per_gather=0', 'source=WHERE pg_temp.nothing(''x'') = ''x''',
		'source=ORDER BY random()'] LOOP
		IF what LIKE 'source=%' THEN
			SELECT string_agg(v::text, ';') INTO other FROM ecml_clv('SELECT * FROM ' || source || ' ' || substr(what, 8), options) v;
		ELSE
			PERFORM set_config(split_part(what, '=', 1), split_part(what, '=', 2), true);
			SELECT string_agg(v::text, ';') INTO other FROM ecml_clv(CASE WHEN what LIKE 'max%' THEN 'SELECT * FROM ' || source || ' OFFSET 0'
				ELSE source END, options) v;
		END IF;
		IF other IS DISTINCT FROM one THEN
			RAISE EXCEPTION 'differs: %', what;
			RETURN false;
		END IF;
	END LOOP;
	RETURN one IS NOT NULL;
END $$;

SELECT ok(pg_temp.ways('bought'), 'text customers, timestamps, numeric amounts: the same bits on all ways');
SELECT ok(pg_temp.ways('bought', '{"customer": "customer_number", "as_of": "2025-03-01", "unit": "day"}'), 'integers, until a day');
SELECT is((SELECT count(*) FROM ecml_clv('bought')), (SELECT count(*) FROM (SELECT customer FROM (SELECT customer, at::date, sum(amount) AS s
	FROM bought WHERE customer IS NOT NULL AND at IS NOT NULL GROUP BY 1, 2) d WHERE s >= 0 GROUP BY 1) c), 'the customers that SQL counts');
SELECT is_empty($$ SELECT * FROM ecml_clv('bought') v FULL JOIN (SELECT customer, count(*) - 1 AS f, max(d) - min(d) AS r,
		(sum(s) - (min(ARRAY[(d - date '2000-01-01')::numeric, s]))[2]) / nullif(count(*) - 1, 0) AS m
	FROM (SELECT customer, at::date AS d, sum(amount) AS s FROM bought WHERE customer IS NOT NULL AND at IS NOT NULL GROUP BY 1, 2) x
	WHERE s >= 0 GROUP BY 1) e USING (customer) WHERE frequency IS DISTINCT FROM f OR NOT pg_temp.close(recency, r / 7.0::float8, 1e-12)
	OR NOT pg_temp.close(monetary, m::float8, 1e-12) OR (monetary IS NULL) <> (m IS NULL) $$, 'and their numbers');
SELECT ok((SELECT bool_and(customer > before) FROM (SELECT customer COLLATE "C", lag(customer COLLATE "C") OVER (ORDER BY n) AS before
	FROM ecml_clv('bought') WITH ORDINALITY v (customer, f, r, a, m, p, e, x, n)) s WHERE before IS NOT NULL), 'texts stand in order');
SELECT ok((SELECT bool_and(customer::int > before) FROM (SELECT customer, lag(customer::int) OVER (ORDER BY n) AS before
	FROM ecml_clv('bought', '{"customer": "customer_number"}') WITH ORDINALITY v (customer, f, r, a, m, p, e, x, n)) s WHERE before IS NOT NULL),
	'integers by value');

-- types
CREATE TABLE types AS SELECT note, (customer_number - 700)::smallint AS small, customer_number * 10000000000 AS big, customer::char(9) AS padded,
	customer::varchar AS vary, md5(customer)::uuid AS id, at::date AS day, at AS stamp, at::timestamp AT TIME ZONE 'UTC' AS zoned,
	amount::float8 AS f8, amount::float4 AS f4, (amount * 100)::int AS i4, (amount * 100)::bigint AS i8
FROM bought WHERE amount > 0.001;
ANALYZE types;
SELECT ok(pg_temp.ways('types', jsonb_build_object('customer', c, 'time', t, 'amount', a)), format('%s, %s, %s', c, t, a))
	FROM (VALUES ('small', 'day', 'f8'), ('big', 'stamp', 'f4'), ('padded', 'zoned', 'i4'), ('vary', 'day', 'i8'), ('id', 'zoned', 'f8')) v (c, t, a);
CREATE FUNCTION pg_temp.in_zone(zone text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('timezone', zone, true);
	RETURN (SELECT string_agg(v::text, ';') FROM ecml_clv('types', '{"customer": "small", "time": "zoned", "amount": "i4"}') v);
END $$;
SELECT is(pg_temp.in_zone('Asia/Tokyo'), pg_temp.in_zone('UTC'), 'the session''s time zone does not count');
SELECT is((SELECT string_agg(v::text, ';') FROM ecml_clv('types', '{"customer": "small", "time": "stamp", "amount": "i4"}') v),
	pg_temp.in_zone('UTC'), 'a timestamp''s day is that of UTC');
SELECT is((SELECT string_agg(v::text, ';') FROM ecml_clv('types', '{"customer": "padded", "time": "day", "amount": "f8"}') v),
	(SELECT string_agg(v::text, ';') FROM ecml_clv('types', '{"customer": "vary", "time": "day", "amount": "f8"}') v), 'char(n) without its blanks');

-- values out of line and compressed, columns added after the rows, dropped ones
CREATE TABLE wide AS SELECT * FROM bought WHERE customer_number % 10 = 0;
ALTER TABLE wide ALTER customer SET STORAGE EXTERNAL;
UPDATE wide SET customer = repeat(customer, 1000) WHERE customer_number % 20 = 0;
ALTER TABLE wide ALTER note SET STORAGE EXTERNAL, DROP customer_number;
UPDATE wide SET note = repeat('x', 5000) WHERE amount > 80;
ANALYZE wide;
SELECT ok(pg_temp.ways('wide'), 'long customers, a column that was dropped');
SELECT throws_ok($$ SELECT * FROM ecml_clv('wide', '{"time": "late"}') $$, '22000', 'no customer came back, so there is nothing to learn from',
	'a column that was added after the rows has its default in all of them');

-- sums of a day, returns, what is not finite
CREATE TABLE few (customer text, at timestamp, amount float8);
INSERT INTO few SELECT 'c' || i % 40, timestamp '2025-01-01' + make_interval(days => i * i % 300), 1 + i % 7 FROM generate_series(1, 2000) i;
INSERT INTO few VALUES ('z', '2025-01-01', 5), ('z', '2025-02-01', 0.3), ('z', '2025-02-01 23:59:59.999999', -0.1), ('z', '2025-02-01', -0.2),
	('z', '2025-03-01', 4), ('z', '2025-03-01', -5), ('z', '1999-12-31 23:59', 1), ('none', '2025-01-01', -1);
SELECT ok(pg_temp.ways('few'), 'floats');
SELECT is((SELECT (frequency, monetary) FROM ecml_clv('few') WHERE customer = 'z'), (2::bigint, 2.5::float8),
	'amounts that cancel are a purchase of 0, a day of more returns is none, days before 2000 are days');
SELECT is((SELECT count(*) FROM ecml_clv('few') WHERE customer = 'none'), 0::bigint, 'who only returned is no customer');
SELECT is((SELECT recency FROM ecml_clv('few', '{"unit": "day"}') WHERE customer = 'z'), (date '2025-02-01' - date '1999-12-31')::float8, 'from the day before 2000 on');
INSERT INTO few VALUES ('y', '2025-01-01', 'NaN');
SELECT throws_ok($$ SELECT * FROM ecml_clv('few') $$, '22000', 'a customer has a moment or an amount that is not finite', 'NaN');
SELECT throws_ok($$ SELECT * FROM ecml_clv('SELECT * FROM few OFFSET 0') $$, '22000', 'a customer has a moment or an amount that is not finite', 'of a query');
UPDATE few SET amount = 1, at = 'infinity' WHERE customer = 'y';
SELECT throws_ok($$ SELECT * FROM ecml_clv('few') $$, '22000', 'a customer has a moment or an amount that is not finite', 'a moment without end');
SELECT is((SELECT count(*) FROM ecml_clv('few', '{"as_of": "2025-06-01"}') WHERE customer = 'y'), 0::bigint, 'left out by as_of');
SELECT throws_ok($$ SELECT * FROM ecml_clv('SELECT * FROM bought WHERE false') $$, '22000', 'there are no purchases', 'no rows');
CREATE TABLE empty (LIKE few);
SELECT throws_ok($$ SELECT * FROM ecml_clv('empty') $$, '22000', 'there are no purchases', 'an empty table');
CREATE TABLE alone AS SELECT 1 AS customer, date '2025-01-01' + 7 * i AS at FROM generate_series(0, 2000) i;
SELECT is((SELECT (customer, frequency, recency, age, monetary)::text FROM ecml_clv('alone', '{"penalizer": 0.1}')), '(1,2000,2000,2000,)', 'one customer, no amounts');

-- rights
CREATE ROLE ecml_clv_reader;
GRANT USAGE ON SCHEMA public TO ecml_clv_reader;
SET LOCAL ROLE ecml_clv_reader;
SELECT throws_ok($$ SELECT * FROM ecml_clv('bought') $$, '42501', NULL, 'no right to read');
SELECT throws_ok($$ SELECT * FROM ecml_clv('SELECT * FROM bought OFFSET 0') $$, '42501', NULL, 'nor through a query');
RESET ROLE;
GRANT SELECT (customer, at, amount) ON bought TO ecml_clv_reader;
SET LOCAL ROLE ecml_clv_reader;
SELECT throws_ok($$ SELECT * FROM ecml_clv('bought') $$, '42501', NULL, 'a right to some columns is none to the table');
SELECT is((SELECT count(*) FROM ecml_clv('SELECT customer, at, amount FROM bought')), 1501::bigint, 'but it is to them');
SELECT throws_ok($$ SELECT * FROM ecml_clv('SELECT customer_number, at FROM bought', '{"customer": "customer_number"}') $$, '42501', NULL, 'and to no other');
RESET ROLE;
GRANT SELECT ON bought TO ecml_clv_reader;
ALTER TABLE bought ENABLE ROW LEVEL SECURITY;
CREATE POLICY shown ON bought USING (customer_number < 100);
SET LOCAL ROLE ecml_clv_reader;
SELECT is((SELECT count(*) FROM ecml_clv('bought')), 100::bigint, 'rows that a policy shows');
RESET ROLE;

-- routes: the same reader; labels, numbers of all kinds, keys that are numbered as the rows come
CREATE TABLE arcs AS SELECT 'n' || i AS origin, 'n' || j AS destination, ((i * 7919 + j * 31) % 997 / 10.0)::numeric AS cost, 3 + (i + j) % 4 AS capacity
	FROM generate_series(0, 59) i, generate_series(0, 59) j WHERE i <> j;
CREATE TABLE nodes AS SELECT 'n' || i AS node, CASE WHEN i < 30 THEN 20 ELSE -20 END AS supply FROM generate_series(0, 59) i;
ANALYZE arcs;
SELECT is((SELECT string_agg(f::text, ';') FROM ecml_min_cost_flow('arcs', 'nodes') f),
	(SELECT string_agg(f::text, ';') FROM ecml_min_cost_flow('SELECT * FROM arcs OFFSET 0', 'nodes') f), 'arcs of text and numeric');
CREATE TABLE costs AS SELECT i AS origin, j AS destination, CASE WHEN (i + j) % 7 > 0 THEN (i * 7919 + j * 31) % 997 / 10.0 END::numeric AS cost
	FROM generate_series(1, 80) i, generate_series(1, 80) j WHERE (i + j) % 7 > 0;
SELECT is((SELECT string_agg(a::text, ';') FROM ecml_assign('costs') a), (SELECT string_agg(a::text, ';') FROM ecml_assign('SELECT * FROM costs OFFSET 0') a),
	'a sparse matrix of numeric costs');
UPDATE costs SET cost = 'NaN' WHERE origin = 80 AND destination = 79;
CREATE FUNCTION pg_temp.message(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'none';
EXCEPTION WHEN others THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLERRM || ': ' || detail;
END $$;
SELECT is(pg_temp.message($$ SELECT * FROM ecml_assign('costs') $$), pg_temp.message($$ SELECT * FROM ecml_assign('SELECT * FROM costs OFFSET 0') $$),
	'a NaN is told of with its row');
SELECT matches(pg_temp.message($$ SELECT * FROM ecml_assign('costs') $$), 'is NaN: It is so in row \d+', 'as said');

-- the state of the aggregate behind it
SELECT is((SELECT length(ecml.purchases(customer, at, amount)::text) > 100 FROM bought), true, 'a state has a text');
SELECT is((SELECT ecml.purchases(customer, at, amount)::text::ecml_purchases_state::text FROM few), (SELECT ecml.purchases(customer, at, amount)::text FROM few),
	'which reads as the same state');
SELECT throws_ok($$ SELECT overlay((SELECT ecml.purchases(customer, at, amount)::text FROM few) PLACING 'ff' FROM 21)::ecml_purchases_state $$, 'XX001', NULL, 'a damaged one');
SELECT throws_ok($$ SELECT ecml.purchases(customer, amount, amount) FROM few $$, '22023', NULL, 'a moment that is none');

SELECT * FROM finish();
ROLLBACK;
