-- Vehicle routing: plans checked stop by stop in SQL, the variants, options, errors.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(61);

CREATE TABLE d AS SELECT i AS id, i = 0 AS is_depot, (i * 7919 % 101)::float8 AS x, (i * 104729 % 97)::float8 AS y,
	CASE WHEN i = 0 THEN 0 ELSE 1 + i % 9 END AS demand,
	CASE WHEN i = 0 THEN 0 ELSE 100 * (i % 4) END AS ready, CASE WHEN i = 0 THEN 1000 ELSE 100 * (i % 4) + 300 END AS due,
	CASE WHEN i = 0 THEN 0 ELSE 5 END AS service
FROM generate_series(0, 50) i;

-- what a plan is, from the stops alone: each delivery once, times and loads that add up
CREATE FUNCTION pg_temp.flaws(p text, capacity float8, timed boolean DEFAULT true) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	flaws text := '';
	bad bigint;
BEGIN
	EXECUTE format('CREATE TEMP TABLE p ON COMMIT DROP AS %s', p);
	SELECT count(*) INTO bad FROM (SELECT FROM d LEFT JOIN p ON p.delivery_id = d.id::text AND p.vehicle IS NOT NULL WHERE NOT d.is_depot
		GROUP BY d.id HAVING count(p.delivery_id) <> 1) s;
	IF bad > 0 THEN flaws := flaws || ' twice or never'; END IF;
	SELECT count(*) INTO bad FROM (
		SELECT p.*, d.x, d.y, d.demand, d.ready, d.due, d.service,
			lag(d.x) OVER w AS px, lag(d.y) OVER w AS py, lag(p.departure) OVER w AS left_at, lag(p.load) OVER w AS had
		FROM p JOIN d ON p.delivery_id = d.id::text WHERE vehicle IS NOT NULL WINDOW w AS (PARTITION BY vehicle ORDER BY stop)) s
	WHERE (stop > 0 AND (abs(distance - sqrt((x - px) ^ 2 + (y - py) ^ 2)) > 1e-6
			OR timed AND abs(arrival - left_at - distance) > 1e-6
			OR timed AND (arrival + wait < ready - 1e-9 OR arrival + wait > due + 1e-9 OR wait < 0)
			OR timed AND abs(departure - arrival - wait - service) > 1e-6
			OR abs(had - load - demand) > 1e-9))
		OR load > capacity + 1e-9;
	IF bad > 0 THEN flaws := flaws || ' times or loads at ' || bad; END IF;
	SELECT count(*) INTO bad FROM (SELECT vehicle, min(delivery_id) FILTER (WHERE stop = 0) AS a,
		(array_agg(delivery_id ORDER BY stop DESC))[1] AS z FROM p WHERE vehicle IS NOT NULL GROUP BY 1) s
	WHERE a IS DISTINCT FROM '0' OR z IS DISTINCT FROM '0';
	IF bad > 0 THEN flaws := flaws || ' does not return'; END IF;
	DROP TABLE p;
	RETURN flaws;
END $$;

SELECT is(pg_temp.flaws($$ SELECT * FROM ecml_vrp('SELECT id, x, y, demand FROM d', '{"capacity": 60, "iterations": 200}') $$, 60, false), '',
	'a capacity problem');
SELECT is(pg_temp.flaws($$ SELECT * FROM ecml_vrp('d', '{"capacity": 60, "iterations": 200}') $$, 60), '', 'with time windows');
SELECT is(pg_temp.flaws($$ SELECT * FROM ecml_vrp('d', '{"capacity": 60, "iterations": 20, "objective": "duration"}') $$, 60), '',
	'the shortest time');
SELECT is(pg_temp.flaws($$ SELECT * FROM ecml_vrp('d', '{"capacity": 60, "iterations": 20, "objective": "vehicles"}') $$, 60), '',
	'the fewest vehicles');
SELECT ok((SELECT vehicles FROM ecml_vrp_summary('d', '{"capacity": 60, "iterations": 50, "objective": "vehicles"}')) <=
	(SELECT vehicles FROM ecml_vrp_summary('d', '{"capacity": 60, "iterations": 50}')), 'are no more than with the shortest distance');
SELECT is((SELECT vehicles FROM ecml_vrp_summary('SELECT id, x, y, demand FROM d', '{"capacity": 60, "iterations": 20, "objective": "vehicles"}')),
	(SELECT ceil(sum(demand) / 60.0)::int FROM d), 'and without windows as few as loads need');
SELECT is((SELECT (array_agg(v.*))::text FROM ecml_vrp('d', '{"capacity": 60, "iterations": 30, "seed": 3}') v),
	(SELECT (array_agg(v.*))::text FROM ecml_vrp('d', '{"capacity": 60, "iterations": 30, "seed": 3}') v), 'the same seed, the same plan');
SET ecml.threads = 1;
CREATE TABLE one AS SELECT * FROM ecml_vrp('d', '{"capacity": 60, "iterations": 30, "seed": 3}');
SET ecml.threads = 4;
SELECT set_eq('SELECT * FROM one', $$ SELECT * FROM ecml_vrp('d', '{"capacity": 60, "iterations": 30, "seed": 3}') $$, 'at any number of threads');
RESET ecml.threads;
SELECT ok((SELECT s.cost - sum(p.distance) BETWEEN -1e-6 AND 1e-6 FROM ecml_vrp_summary('d', '{"capacity": 60, "iterations": 30, "seed": 3}') s,
	one p GROUP BY s.cost), 'the summary''s cost is the sum of the distances');
SELECT ok((SELECT seconds BETWEEN 0.9 AND 30 AND iterations > 0 AND feasible AND unassigned = 0 AND served = 50
	FROM ecml_vrp_summary('d', '{"capacity": 60, "time_limit": 1}')), 'a limit of time');
SELECT ok((SELECT cost FROM ecml_vrp_summary('d', '{"capacity": 60, "iterations": 100}')) <=
	(SELECT cost FROM ecml_vrp_summary('d', '{"capacity": 60, "iterations": 0}')), 'iterations make it no worse');

SELECT ok((SELECT bool_and(bound > 0 AND bound <= cost AND abs(gap - (cost - bound) / bound) < 1e-9) FROM (VALUES
	('{"capacity": 60, "iterations": 30}'::jsonb), ('{"capacity": 9, "iterations": 30}'), ('{"iterations": 30, "round": "up"}'),
	('{"capacity": 60, "iterations": 30, "fixed_cost": 50}')) o (options), ecml_vrp_summary('d', o.options)), 'a bound below');

-- small ones that can be solved by hand
CREATE TABLE square (id text, x float8, y float8);
INSERT INTO square VALUES ('depot', 0, 0), ('a', 0, 3), ('b', 4, 3), ('c', 4, 0);
SELECT is((SELECT cost FROM ecml_vrp_summary('square', '{"iterations": 1}')), 14::float8, 'a rectangle is gone round');
SELECT is((SELECT count(*) FROM ecml_vrp('square', '{"iterations": 1}')), 5::bigint, 'a row a stop, leaving and return with them');
SELECT is((SELECT array_agg(stop ORDER BY stop) FROM ecml_vrp('square', '{"iterations": 1}')), ARRAY[0,1,2,3,4], 'numbered from 0');
SELECT is((SELECT cost FROM ecml_vrp_summary('square', '{"iterations": 1, "open": true}')), 10::float8, 'an open route ends at its last stop');
SELECT is((SELECT max(stop) FROM ecml_vrp('square', '{"iterations": 1, "open": true, "vehicles": 1}')), 3, 'and has no row for a return');
SELECT is((SELECT cost FROM ecml_vrp_summary('SELECT *, CASE id WHEN ''b'' THEN 3.0 ELSE 100 END AS prize FROM square', '{"iterations": 1, "vehicles": 1}')), 14::float8,
	'a prize that pays for the way is taken');
SELECT is((SELECT cost FROM ecml_vrp_summary('SELECT *, CASE id WHEN ''b'' THEN 1.5 ELSE 100 END AS prize FROM square', '{"iterations": 1, "vehicles": 1}')), 13.5::float8,
	'one that does not is left');
SELECT is((SELECT note FROM ecml_vrp('SELECT *, CASE id WHEN ''b'' THEN 1.5 ELSE 100 END AS prize FROM square', '{"iterations": 1, "vehicles": 1}') WHERE vehicle IS NULL),
	'serving it would cost more than its prize', 'and it is told');
SELECT is((SELECT cost FROM ecml_vrp_summary('SELECT *, CASE WHEN id IN (''a'', ''b'') THEN ''g'' END AS "group" FROM square', '{"iterations": 5}')), 12::float8,
	'of a group one is served');
SELECT is((SELECT note FROM ecml_vrp('SELECT *, CASE WHEN id IN (''a'', ''b'') THEN ''g'' END AS "group" FROM square', '{"iterations": 5}') WHERE vehicle IS NULL),
	'another of its group is served', 'and the other is told of');
SELECT is((SELECT array_agg(delivery_id ORDER BY stop) FROM ecml_vrp('SELECT *, 0 AS demand, CASE id WHEN ''a'' THEN ''c'' END AS pickup_from FROM square',
	'{"iterations": 5, "capacity": 1}')), '{depot,c,b,a,depot}', 'collected before it is delivered');
SELECT is((SELECT array_agg(load ORDER BY stop) FROM ecml_vrp('SELECT *, CASE id WHEN ''a'' THEN 2 ELSE 0 END AS demand, CASE id WHEN ''a'' THEN ''c'' END AS pickup_from FROM square',
	'{"iterations": 5, "capacity": 2}')), '{0,2,2,0,0}'::float8[], 'and carried between');
SELECT is((SELECT array_agg(load ORDER BY stop) FROM ecml_vrp('SELECT *, CASE WHEN id = ''depot'' THEN 0 ELSE 1 END AS demand, CASE WHEN id = ''b'' THEN 2 ELSE 0 END AS pickup FROM square',
	'{"iterations": 5, "capacity": 3}')), '{3,2,3,2,2}'::float8[], 'delivered and collected on one tour');
SELECT is((SELECT max(vehicle) FROM ecml_vrp('SELECT *, CASE WHEN id = ''depot'' THEN 0 ELSE 1 END AS demand, CASE WHEN id IN (''a'', ''c'') THEN 2 ELSE 0 END AS pickup FROM square',
	'{"iterations": 5, "capacity": 3}')), 2, 'which takes two vehicles when it does not fit');
SELECT is((SELECT array_agg(delivery_id ORDER BY stop) FROM ecml_vrp('SELECT *, CASE WHEN id IN (''a'', ''c'') THEN 1 ELSE 0 END AS demand, CASE WHEN id = ''b'' THEN 2 ELSE 0 END AS pickup FROM square',
	'{"iterations": 5, "capacity": 3, "backhauls": true, "vehicles": 1}') WHERE delivery_id = 'b' AND stop = 3), '{b}', 'backhauls come last');
SELECT is((SELECT array_agg(note ORDER BY stop) FILTER (WHERE note IS NOT NULL) FROM ecml_vrp('SELECT *, CASE WHEN id = ''depot'' THEN 0 ELSE 1 END AS demand FROM square',
	'{"iterations": 5, "capacity": 2, "vehicles": 1, "reloads": 1}')), '{reload}', 'one vehicle loads again');
SELECT is((SELECT max(distance) FROM (SELECT vehicle, sum(distance) AS distance FROM ecml_vrp('square', '{"iterations": 5, "max_distance": 10}') GROUP BY 1) s),
	10::float8, 'no tour is longer than allowed');
SELECT is((SELECT departure FROM ecml_vrp('SELECT *, 20 AS release FROM square', '{"iterations": 5}') WHERE stop = 0), 20::float8,
	'nobody leaves before the goods are there');
SELECT is((SELECT max(arrival) FROM ecml_vrp('square', '{"iterations": 5, "break_start": 2, "break_end": 8, "break_duration": 5}')), 19::float8,
	'a break takes its time');
SELECT is((SELECT note FROM ecml_vrp('square', '{"iterations": 5, "break_start": 2, "break_end": 8, "break_duration": 5}') WHERE note IS NOT NULL), 'break of 5',
	'and is told');
SELECT is((SELECT max(arrival) FROM ecml_vrp('square', '{"iterations": 5, "break_start": 2, "break_end": 14, "break_duration": 5}')), 14::float8,
	'none is needed by who is back before');

-- a fleet
CREATE TABLE fleet (id text, capacity float8[], unit_cost float8, skills text[]);
INSERT INTO fleet VALUES ('van', '{2}', 1, NULL), ('truck', '{10}', 3, '{cold}');
SELECT is((SELECT array_agg(DISTINCT vehicle_id) FROM ecml_vrp('SELECT *, CASE WHEN id = ''depot'' THEN 0 ELSE 1 END AS demand FROM square WHERE id <> ''a''',
	'{"iterations": 5, "vehicles": "fleet"}')), '{van}', 'the cheap vehicle while it can carry all');
SELECT is((SELECT array_agg(delivery_id) FROM ecml_vrp('SELECT *, CASE WHEN id = ''depot'' THEN 0 ELSE 1 END AS demand, CASE WHEN id = ''b'' THEN ''{cold}''::text[] END AS skills FROM square',
	'{"iterations": 5, "vehicles": "fleet"}') WHERE vehicle_id = 'truck' AND delivery_id = 'b'), '{b}', 'skills choose the vehicle');
SELECT is((SELECT vehicle_id FROM ecml_vrp('SELECT *, CASE WHEN id = ''depot'' THEN 0 ELSE 1 END AS demand, CASE WHEN id = ''b'' THEN ''truck'' END AS only_vehicle FROM square',
	'{"iterations": 5, "vehicles": "fleet"}') WHERE delivery_id = 'b'), 'truck', 'or the delivery itself');
SELECT is((SELECT array_agg(delivery_id ORDER BY stop) FROM ecml_vrp('square',
	'{"iterations": 5, "initial": "VALUES (1, 1, ''b'', true), (1, 2, ''a'', false)"}') WHERE stop = 1), '{b}', 'what is locked stays') WHERE false
UNION ALL SELECT is((SELECT delivery_id FROM ecml_vrp('square', '{"vehicles": 1, "iterations": 5,
	"initial": "SELECT 1 AS vehicle, 1 AS stop, ''b'' AS delivery_id, true AS locked"}') WHERE stop = 1), 'b', 'what is locked stays');
SELECT is((SELECT cost FROM ecml_vrp_summary('SELECT id, x, y, id IN (''depot'', ''b'') AS is_depot FROM square', '{"iterations": 5}')), 12::float8,
	'of two depots the cheaper is used');

-- distances
SELECT ok((SELECT cost BETWEEN 2 * 343000 AND 2 * 344500 FROM ecml_vrp_summary(
	$$ VALUES ('London', 51.5074, -0.1278), ('Paris', 48.8566, 2.3522) $$, '{"iterations": 1, "id": "column1", "lat": "column2", "lon": "column3"}')),
	'London to Paris and back, in metres');
CREATE TABLE ways AS SELECT a.id AS origin, b.id AS destination, 7.0 AS distance, 2.0 AS duration FROM square a, square b WHERE a.id < b.id;
SELECT is((SELECT (distance, duration)::text FROM ecml_vrp_summary('SELECT id FROM square', '{"iterations": 5, "distance": "ways"}')), '(28,8)', 'a table of distances and durations, each pair once');
DELETE FROM ways WHERE 'c' IN (origin, destination);
SELECT is((SELECT note FROM ecml_vrp('SELECT id FROM square', '{"iterations": 5, "distance": "ways"}') WHERE delivery_id = 'c'), 'there is no way to it and back', 'without a way');
SELECT is((SELECT cost FROM ecml_vrp_summary('SELECT id, x + 0.4 * (x > 0)::int AS x, y FROM square', '{"iterations": 5, "round": "nearest"}')), 14::float8, 'rounded');
SELECT is((SELECT round(cost::numeric, 6) FROM ecml_vrp_summary('SELECT id, x / 3 AS x, y / 3 AS y FROM square', '{"iterations": 5, "round": "trunc1"}')), 4.6, 'cut after a decimal');
SELECT is((SELECT duration FROM ecml_vrp_summary('square', '{"iterations": 5, "speed": 2}')), 7::float8, 'speed');

-- what cannot be served
SELECT is((SELECT note FROM ecml_vrp('SELECT *, CASE id WHEN ''b'' THEN 9 ELSE 1 END AS demand FROM square', '{"iterations": 5, "capacity": 5}') WHERE vehicle IS NULL),
	'its load is larger than any vehicle', 'too large');
SELECT is((SELECT note FROM ecml_vrp('SELECT *, CASE id WHEN ''b'' THEN 4 END AS due FROM square', '{"iterations": 5}') WHERE vehicle IS NULL),
	'no vehicle can be there within its window and back in time', 'too late');
SELECT is((SELECT note FROM ecml_vrp('SELECT *, CASE id WHEN ''b'' THEN ''x'' END AS skills FROM square', '{"iterations": 5}') WHERE vehicle IS NULL),
	'no vehicle has its skills', 'no skill');
SELECT is((SELECT note FROM ecml_vrp('square', '{"iterations": 5, "max_distance": 9}') WHERE vehicle IS NULL),
	'it is beyond the distance or duration of every vehicle', 'too far');
SELECT is((SELECT (feasible, unassigned)::text FROM ecml_vrp_summary('SELECT *, 1 AS demand FROM square', '{"iterations": 5, "capacity": 2, "vehicles": 1}')), '(f,1)',
	'a fleet too small');
SELECT is((SELECT count(*) FROM ecml_vrp('SELECT * FROM square WHERE id = ''depot''')), 0::bigint, 'nothing to deliver');

-- errors
SELECT throws_ok($$ SELECT * FROM ecml_vrp('nowhere') $$, '42704', NULL, 'no such table');
SELECT throws_ok($$ SELECT * FROM ecml_vrp('SELECT * FROM square WHERE false') $$, '22000', NULL, 'no rows');
SELECT throws_ok($$ SELECT * FROM ecml_vrp('SELECT *, false AS is_depot FROM square') $$, '22000', NULL, 'no depot');
SELECT throws_ok($$ SELECT * FROM ecml_vrp('SELECT ''a'' AS id, x, y FROM square') $$, '22000', NULL, 'ids twice');
SELECT throws_ok($$ SELECT * FROM ecml_vrp('SELECT *, NULL::int AS demand FROM square', '{"capacity": 1}') $$, '22000', NULL, 'a demand that is NULL');
SELECT throws_ok($$ SELECT * FROM ecml_vrp('SELECT *, -1 AS demand FROM square', '{"capacity": 1}') $$, '22000', NULL, 'or negative');
SELECT throws_ok($$ SELECT * FROM ecml_vrp('SELECT *, 5 AS ready, 4 AS due FROM square') $$, '22000', NULL, 'a window that closes before it opens');
SELECT throws_ok($$ SELECT * FROM ecml_vrp('SELECT id, 91 AS lat, x AS lon FROM square') $$, '22000', NULL, 'a place outside the earth');
SELECT throws_ok($$ SELECT * FROM ecml_vrp('square', '{"vehicles": 0}') $$, '22023', NULL, 'no vehicles');
SELECT throws_ok($$ SELECT * FROM ecml_vrp('square', '{"vehicles": "SELECT * FROM fleet WHERE false"}') $$, '22000', NULL, 'nor in the table');
SELECT throws_like($$ SELECT * FROM ecml_vrp('square', '{"capacty": 1}') $$, '%unknown option%', 'a wrong option');

SELECT * FROM finish();
ROLLBACK;
