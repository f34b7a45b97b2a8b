-- data.sql - the tables of the benchmark; psql variables: n (rows), suffix (of the tables' names)
--
-- Deterministic for one major version of PostgreSQL: setseed, and no parallel plan.

\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET synchronize_seqscans = off;

CREATE OR REPLACE FUNCTION normal() RETURNS float8 LANGUAGE sql VOLATILE
RETURN sqrt(-2 * ln(1 - random())) * cos(6.283185307179586 * random());

-- points: twelve overlapping groups of customers in eight columns, to be cut into eight segments
SELECT setseed(0.25) \g /dev/null
CREATE TABLE points:suffix AS
SELECT 4 * sin(c * 1.7 + 1) + 2 * normal() AS x1, 4 * sin(c * 2.9 + 2) + 2 * normal() AS x2,
	4 * sin(c * 4.3 + 3) + 2 * normal() AS x3, 4 * sin(c * 5.1 + 4) + 2 * normal() AS x4,
	4 * sin(c * 6.7 + 5) + 2 * normal() AS x5, 4 * sin(c * 7.9 + 6) + 2 * normal() AS x6,
	4 * sin(c * 8.3 + 7) + 2 * normal() AS x7, 4 * sin(c * 9.1 + 8) + 2 * normal() AS x8
FROM (SELECT floor(12 * random()) AS c FROM generate_series(1, :n) OFFSET 0) g;

-- sales: ten columns of different size, some of them correlated, and a target; a to d are its first four
SELECT setseed(0.5) \g /dev/null
CREATE TABLE sales:suffix AS
SELECT x1, x2, x3, x4, x5, x6, x7, x8, x9, x10,
	12 + 3 * x1 - 0.5 * x2 + 0.01 * x3 + x4 - 2 * x5 + 0.3 * x6 + 7 * x7 - x8 + 0.2 * x9 + 0.05 * x10 + 5 * normal() AS y
FROM (SELECT z + normal() AS x1, 20 + 4 * z + 3 * normal() AS x2, 1000 + 200 * normal() AS x3, random() AS x4,
		2 * random() - 1 AS x5, floor(30 * random()) AS x6, (random() < 0.3)::int::float8 AS x7, z - normal() AS x8,
		exp(normal()) AS x9, 50 * random() AS x10
	FROM (SELECT normal() AS z FROM generate_series(1, :n) OFFSET 0) g OFFSET 0) x;

-- visits: revenue of an experiment of two variants
SELECT setseed(0.75) \g /dev/null
CREATE TABLE visits:suffix AS
SELECT CASE WHEN v < 0.5 THEN 'control' ELSE 'treatment' END AS variant,
	exp(3 + normal() * 0.8) + CASE WHEN v < 0.5 THEN 0 ELSE 0.2 END AS revenue
FROM (SELECT random() AS v FROM generate_series(1, :n) OFFSET 0) g;

-- four: four features of a prediction
SELECT setseed(0.9) \g /dev/null
CREATE TABLE four:suffix AS
SELECT a, b, c, d, 1 + 2 * a - b + 0.5 * c + 3 * d + normal() AS y
FROM (SELECT normal() AS a, normal() AS b, random() AS c, random() AS d FROM generate_series(1, :n) OFFSET 0) g;

-- wide: twenty columns of the kinds that a shop's tables have, to be described
SELECT setseed(0.3) \g /dev/null
CREATE TABLE wide:suffix AS
SELECT i::int AS id, random() AS f1, 1000 * random() AS f2, -ln(1 - random()) AS f3, normal() AS f4, floor(100 * random()) AS f5,
	CASE WHEN random() < 0.9 THEN random() END AS f6, random() * random() AS f7, random()::real AS f8, (1000 * random())::int AS i1,
	(10 * random())::int AS i2, (1e9 * random())::bigint AS i3, (random() < 0.3)::int AS i4,
	round((100 * random())::numeric, 2) AS n1, round((10000 * random())::numeric, 2) AS n2,
	('{red,green,blue,yellow}'::text[])[1 + floor(4 * random())::int] AS colour,
	'customer ' || floor(10000 * random()) AS customer, timestamptz '2024-01-01' + random() * interval '700 days' AS at,
	date '2024-01-01' + (700 * random())::int AS day, random() < 0.5 AS flag
FROM generate_series(1, :n) AS i;

-- scored: outcomes and the probabilities that were predicted for them
SELECT setseed(0.6) \g /dev/null
CREATE TABLE scored:suffix AS
SELECT random() < p AS y, p AS score FROM (SELECT random() AS p FROM generate_series(1, :n) OFFSET 0) g;

-- buyers: a class that depends on ten columns; signals: one that depends on two hundred, in a tenth of the rows
SELECT setseed(0.7) \g /dev/null
CREATE TABLE buyers:suffix AS
SELECT x.*, (random() < 1 / (1 + exp(-(0.8 * x1 - 0.5 * x2 + 0.3 * x3 + x4 - 0.2 * x5 + 0.1 * x6 + 0.7 * x7 - 0.3 * x8 + 0.4 * x9
	- 0.6 * x10 - 0.5))))::int AS y
FROM (SELECT normal() AS x1, normal() AS x2, normal() AS x3, normal() AS x4, normal() AS x5, normal() AS x6, normal() AS x7,
		normal() AS x8, normal() AS x9, normal() AS x10 FROM generate_series(1, :n) OFFSET 0) x;
SELECT setseed(0.8) \g /dev/null
SELECT 'CREATE TABLE signals' || :'suffix' || ' AS SELECT x.*, (random() < 1 / (1 + exp(-('
	|| string_agg(format('%s * (x%s - %s)', round((sin(j) * 0.1)::numeric, 3), j, j % 5), ' + ' ORDER BY j) || '))))::int AS y FROM (SELECT '
	|| string_agg(format('%s + 2 * (random() + random() + random() - 1.5) AS x%s', j % 5, j), ', ' ORDER BY j)
	|| ' FROM generate_series(1, ' || greatest(1000, :n / 10) || ') OFFSET 0) x' AS signals FROM generate_series(1, 200) j \gset
:signals;

VACUUM (FREEZE, ANALYZE) buyers:suffix, signals:suffix;
VACUUM (FREEZE, ANALYZE) wide:suffix, scored:suffix;
VACUUM (FREEZE, ANALYZE) points:suffix, sales:suffix, visits:suffix, four:suffix;
