-- ecml_vrp: plans checked by SQL that knows nothing of the solver; options, errors, cancel of nothing half-made.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(31);

CREATE TABLE place AS
SELECT 'p' || i AS id, (i * 7919 % 1000) / 10.0 AS x, (i * 104729 % 1000) / 10.0 AS y, CASE WHEN i = 0 THEN 0 ELSE 1 + i % 5 END AS demand,
	i = 0 AS is_depot, CASE WHEN i = 0 THEN 0 ELSE 20 * (i % 7) END AS ready, CASE WHEN i = 0 THEN 1000 ELSE 20 * (i % 7) + 250 END AS due,
	CASE WHEN i = 0 THEN 0 ELSE 4 END AS service
FROM generate_series(0, 40) i;

-- What is wrong with a plan over table place?
CREATE FUNCTION pg_temp.wrong(plan text, capacity float8) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMP TABLE IF NOT EXISTS leg (vehicle int, stop int, delivery_id text, arrival float8, departure float8, wait float8, load float8,
		distance float8, x float8, y float8, demand float8, ready float8, due float8, service float8, is_depot boolean);
	DELETE FROM leg;
	EXECUTE 'INSERT INTO leg SELECT v.vehicle, v.stop, v.delivery_id, v.arrival, v.departure, v.wait, v.load, v.distance, p.x, p.y, p.demand, '
		'p.ready, p.due, p.service, p.is_depot FROM ' || plan || ' v JOIN place p ON p.id = v.delivery_id WHERE v.vehicle IS NOT NULL';
	RETURN QUERY SELECT 'a delivery is missing: ' || id FROM place p WHERE NOT is_depot AND NOT EXISTS (SELECT FROM leg WHERE delivery_id = p.id);
	RETURN QUERY SELECT 'twice: ' || delivery_id FROM leg WHERE NOT is_depot GROUP BY delivery_id HAVING count(*) > 1;
	RETURN QUERY SELECT 'too full: ' || vehicle FROM leg WHERE NOT is_depot GROUP BY vehicle HAVING sum(demand) > capacity;
	RETURN QUERY SELECT 'not from depot to depot: ' || vehicle FROM (SELECT vehicle, bool_and(is_depot) FILTER (WHERE stop IN (0, last)) AS at_both,
		count(*) FILTER (WHERE is_depot) AS n FROM (SELECT *, max(stop) OVER (PARTITION BY vehicle) AS last FROM leg) l GROUP BY vehicle) r
		WHERE NOT at_both OR n <> 2;
	RETURN QUERY SELECT 'distance: ' || l.vehicle || ' ' || l.stop FROM (SELECT *, lag(x) OVER w AS bx, lag(y) OVER w AS by,
		lag(departure) OVER w AS left_at, lag(load) OVER w AS loaded FROM leg WINDOW w AS (PARTITION BY vehicle ORDER BY stop)) l
		WHERE stop > 0 AND (abs(distance - sqrt((x - bx) ^ 2 + (y - by) ^ 2)) > 1e-4 OR arrival < left_at + distance - 1e-4
			OR abs(loaded - demand - load) > 1e-9);
END $$;

-- ---- capacity

CREATE VIEW plain AS SELECT id, x, y, demand, is_depot FROM place;
SELECT is_empty($$SELECT pg_temp.wrong('ecml_vrp(''plain'', ''{"capacity": 30, "iterations": 20}'')', 30)$$, 'a plan holds');
SELECT is_empty($$SELECT pg_temp.wrong('ecml_vrp(''plain'', ''{"capacity": 30, "time_limit": 0.2}'')', 30)$$, 'also with a limit of time');
SELECT ok(seconds < 2 AND cost > 0, 'which is kept') FROM ecml_vrp_summary('plain', '{"capacity": 30, "time_limit": 0.2}');
SELECT is(sum(distance), (SELECT distance FROM ecml_vrp_summary('plain', '{"capacity": 30, "iterations": 20, "seed": 4}')),
	'the summary is that of the plan') FROM ecml_vrp('plain', '{"capacity": 30, "iterations": 20, "seed": 4}');
SELECT results_eq($$SELECT * FROM ecml_vrp('plain', '{"capacity": 30, "iterations": 20, "seed": 4}')$$,
	$$SELECT * FROM ecml_vrp('plain', '{"capacity": 30, "iterations": 20, "seed": 4}')$$, 'the same seed, the same plan');
CREATE FUNCTION pg_temp.cost(options jsonb) RETURNS float8 LANGUAGE sql AS $$
	SELECT cost FROM ecml_vrp_summary('plain', options || '{"iterations": 20, "capacity": 30}') $$;
SET ecml.threads = 1;
CREATE TABLE one AS SELECT pg_temp.cost('{"seed": 4}') AS cost;
SET ecml.threads = 4;
SELECT is(pg_temp.cost('{"seed": 4}'), cost, 'and at any number of threads') FROM one;
RESET ecml.threads;
SELECT ok(count(*) FILTER (WHERE stop = 0) >= ceil((SELECT sum(demand) FROM place) / 30.0), 'as many vehicles as the loads need')
FROM ecml_vrp('plain', '{"capacity": 30, "iterations": 20}');

-- ---- distances

SELECT is((SELECT count(*) FROM ecml_vrp('plain', '{"capacity": 30, "iterations": 20, "round": "nearest"}') WHERE distance <> round(distance)),
	0::bigint, 'rounded distances');
CREATE TABLE way AS SELECT a.id AS origin, b.id AS destination, 2 * sqrt((a.x - b.x) ^ 2 + (a.y - b.y) ^ 2) AS distance FROM place a, place b;
SELECT ok(abs(m.cost / p.cost - 2) < 0.1, 'a matrix') FROM ecml_vrp_summary('plain', '{"capacity": 30, "iterations": 50, "distance": "way"}') m,
	ecml_vrp_summary('plain', '{"capacity": 30, "iterations": 50}') p;
SELECT ok(abs(distance - 111195) < 200, 'a degree on the sphere is 111 km') FROM ecml_vrp(
	'SELECT * FROM (VALUES (1, 0.0, 0.0), (2, 0.0, 1.0)) t(id, lat, lon)', '{"distance": "haversine", "iterations": 5}') WHERE stop = 1;

-- ---- time windows, fleets

SELECT is_empty($$SELECT pg_temp.wrong('ecml_vrp(''place'', ''{"capacity": 30, "iterations": 20}'')', 30)$$, 'a plan with windows holds');
SELECT is((SELECT count(*) FROM leg WHERE arrival + wait < ready - 1e-6 OR arrival + wait > due + 1e-6 OR
	(NOT is_depot AND departure < arrival + wait + service - 1e-6)), 0::bigint, 'windows are kept');
CREATE TABLE fleet AS SELECT 'van ' || i AS id, 20 AS capacity, 100.0 AS fixed, 1.0 AS per_distance FROM generate_series(1, 6) i
	UNION ALL SELECT 'truck', 80, 150, 1.5;
SELECT ok(bool_or(vehicle_id = 'truck') AND bool_and(load <= CASE WHEN vehicle_id = 'truck' THEN 80 ELSE 20 END), 'a fleet')
FROM ecml_vrp('plain', '{"vehicles": "fleet", "iterations": 100}') WHERE vehicle IS NOT NULL;
SELECT ok(count(*) FILTER (WHERE note = 'no vehicle is left for it') > 0 AND count(*) FILTER (WHERE stop = 0) = 2, 'too few vehicles: the rest is told')
FROM ecml_vrp('plain', '{"capacity": 30, "vehicles": 2, "iterations": 20}');
SELECT is(count(DISTINCT note), 1::bigint, 'too large for every vehicle') FROM ecml_vrp('plain', '{"capacity": 3, "iterations": 20}')
WHERE vehicle IS NULL AND note LIKE '%large%';
SELECT ok(NOT feasible AND unassigned > 0, 'and the summary says so') FROM ecml_vrp_summary('plain', '{"capacity": 3, "iterations": 20}');
SELECT ok(bool_and(note LIKE '%prize%'), 'a prize that is too small') FROM ecml_vrp(
	'SELECT *, CASE WHEN id = ''p7'' THEN 0.01 END AS prize FROM plain', '{"capacity": 30, "iterations": 20}') WHERE vehicle IS NULL;

-- ---- few rows

SELECT is(count(*), 0::bigint, 'a depot alone') FROM ecml_vrp('SELECT * FROM plain WHERE is_depot', '{"iterations": 5}');
SELECT is(count(*), 3::bigint, 'one delivery') FROM ecml_vrp('SELECT * FROM plain LIMIT 2', '{"iterations": 5}');

-- ---- errors

SELECT throws_ok($$SELECT * FROM ecml_vrp('SELECT * FROM plain WHERE false')$$, '22000', 'there are no deliveries');
SELECT throws_ok($$SELECT * FROM ecml_vrp('SELECT id, x, y, false AS is_depot FROM plain')$$, '22000', 'there is no depot');
SELECT throws_ok($$SELECT * FROM ecml_vrp('SELECT 1 AS id, x, y FROM plain')$$, '22000', 'two deliveries have the same id');
SELECT throws_ok($$SELECT * FROM ecml_vrp('SELECT id, x, y, -demand AS demand FROM plain')$$, '22000', 'the demand of delivery "p1" cannot be used');
SELECT throws_ok($$SELECT * FROM ecml_vrp('SELECT id, x, y, NULL::int AS demand FROM plain')$$, '22000', 'the demand of delivery "p1" cannot be used');
SELECT throws_ok($$SELECT * FROM ecml_vrp('SELECT id, x, y, 9 AS ready, 5 AS due FROM plain')$$, '22000', 'the window of delivery "p0" closes before it opens');
SELECT throws_ok($$SELECT * FROM ecml_vrp('SELECT id, 1000 AS lat, 2 AS lon FROM plain', '{"distance": "haversine"}')$$, '22000');
SELECT throws_ok($$SELECT * FROM ecml_vrp('plain', '{"vehicles": 0}')$$, '22023', 'invalid number of vehicles');
SELECT throws_ok($$SELECT * FROM ecml_vrp('plain', '{"capactiy": 3}')$$, '22023', 'unknown option "capactiy" for ecml_vrp');
SELECT throws_ok($$SELECT * FROM ecml_vrp('plain', '{"distance": "nothing"}')$$, '42704');
SELECT throws_ok($$SELECT * FROM ecml_vrp('SELECT id FROM plain')$$, '42704', 'the deliveries have no coordinates');
SELECT throws_ok($$SELECT * FROM ecml_vrp('plain', '{"iterations": -3}')$$, '22023');
SELECT * FROM finish();
ROLLBACK;
