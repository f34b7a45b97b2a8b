-- quality.sql - tables that k-means' quality is measured on; psql variable: n (rows of the mixture)
--
-- The real data are copied in by bench.py (quality.py says from where).

SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;

-- mixture: fifty groups of different size and spread in six columns
SELECT setseed(0.125) \g /dev/null
CREATE TABLE mixture AS
SELECT 10 * sin(c * 12.9898) + s * normal() AS x1, 10 * sin(c * 78.233 + 1) + s * normal() AS x2,
	10 * sin(c * 39.425 + 2) + s * normal() AS x3, 10 * sin(c * 93.989 + 3) + s * normal() AS x4,
	10 * sin(c * 67.345 + 4) + s * normal() AS x5, 10 * sin(c * 24.123 + 5) + s * normal() AS x6
FROM (SELECT c, 0.5 + 2 * abs(sin(c)) AS s
	FROM (SELECT floor(50 * power(random(), 1.5)) AS c FROM generate_series(1, :n) OFFSET 0) g OFFSET 0) s;

-- cloud: no groups at all, where every start ends elsewhere
SELECT setseed(0.375) \g /dev/null
CREATE TABLE cloud AS
SELECT normal() AS x1, normal() AS x2, normal() AS x3, normal() AS x4, normal() AS x5, normal() AS x6
FROM generate_series(1, :n);
ANALYZE mixture, cloud;
