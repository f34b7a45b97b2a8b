-- Transport, assignment, flows; facilities, pick routes, boxes: optima that are known, or found by trying everything.
BEGIN;
\i ../lib/pgtap.sql
SELECT no_plan();

-- ---- transport: a textbook case, least cost 1510 + its shadow prices
CREATE TABLE costs (origin text, destination text, cost float8);
INSERT INTO costs SELECT o, d, c FROM (VALUES ('A', 1, 8), ('A', 2, 6), ('A', 3, 10), ('A', 4, 9), ('B', 1, 9), ('B', 2, 12), ('B', 3, 13), ('B', 4, 7),
	('C', 1, 14), ('C', 2, 9), ('C', 3, 16), ('C', 4, 5)) v(o, d, c);
CREATE TABLE supply (origin text, supply int);
INSERT INTO supply VALUES ('A', 35), ('B', 50), ('C', 40);
CREATE TABLE demand (destination int, demand numeric);
INSERT INTO demand VALUES (1, 45), (2, 20), (3, 30), (4, 30);
SELECT is(sum(cost), 1020::float8, 'the least cost of a known case') FROM ecml_transport('costs', 'supply', 'demand');
SELECT bag_eq($$ SELECT origin, sum(quantity)::int FROM ecml_transport('costs', 'supply', 'demand') GROUP BY 1 $$, 'SELECT * FROM supply', 'all supply is sent');
SELECT bag_eq($$ SELECT destination::int, sum(quantity)::numeric FROM ecml_transport('costs', 'supply', 'demand') GROUP BY 1 $$, 'SELECT * FROM demand', 'all demand is met');
SELECT is(sum(used * price * CASE side WHEN 'origin' THEN -1 ELSE 1 END), 1020::float8, 'prices are worth the cost') FROM ecml_transport_prices('costs', 'supply', 'demand');
SELECT is(count(*), 0::bigint, 'and no pair pays more') FROM costs c
	JOIN ecml_transport_prices('costs', 'supply', 'demand') o ON o.side = 'origin' AND o.id = c.origin
	JOIN ecml_transport_prices('costs', 'supply', 'demand') d ON d.side = 'destination' AND d.id = c.destination WHERE d.price - o.price > c.cost + 1e-9;
SELECT is(sum(quantity), 125::float8, 'more supply than demand: it is left') FROM ecml_transport('costs', 'SELECT origin, supply * 2 AS supply FROM supply', 'demand');
SELECT is(sum(quantity), 125::float8, 'less: demand is') FROM ecml_transport('costs', 'supply', 'SELECT destination, demand * 2 AS demand FROM demand');
SELECT is(sum(cost), 1020::float8, 'columns by other names') FROM ecml_transport('SELECT origin AS a, destination AS b, cost AS c FROM costs',
	'SELECT origin AS a, supply AS n FROM supply', 'SELECT destination AS b, demand AS k FROM demand', '{"origin": "a", "destination": "b", "cost": "c", "supply": "n", "demand": "k"}');
SELECT ok(bool_and(quantity <= 15) AND sum(quantity) = 125, 'capacities') FROM ecml_transport('SELECT *, 15 AS capacity FROM costs', 'supply', 'demand');
SELECT ok(sum(cost) > 1020 AND bool_or(origin = 'C' AND destination = '3' AND quantity >= 7), 'least quantities')
FROM ecml_transport($$ SELECT *, CASE WHEN origin = 'C' AND destination = '3' THEN 7 END AS minimum FROM costs $$, 'supply', 'demand');
SELECT throws_ok($$ SELECT * FROM ecml_transport('costs', 'supply', 'SELECT destination, -demand AS demand FROM demand') $$, '22000', NULL, 'negative demand');
SELECT throws_ok($$ SELECT * FROM ecml_transport('costs', 'SELECT origin, NULL::int AS supply FROM supply', 'demand') $$, '22000', NULL, 'no supply given');
SELECT throws_ok($$ SELECT * FROM ecml_transport('SELECT * FROM costs UNION ALL SELECT * FROM costs', 'supply', 'demand') $$, '22000', NULL, 'a pair twice');
SELECT throws_ok($$ SELECT * FROM ecml_transport('costs', 'SELECT * FROM supply UNION ALL SELECT * FROM supply', 'demand') $$, '22000', NULL, 'an origin twice');
SELECT throws_like($$ SELECT * FROM ecml_transport($q$ SELECT * FROM costs WHERE destination <> '3' $q$, 'supply', 'demand') $$, '%"3" cannot be met', 'a destination that none reaches');
SELECT is(sum(quantity), 95::float8, 'unless demand may go unmet')
FROM ecml_transport($q$ SELECT * FROM costs WHERE destination <> '3' $q$, 'supply', 'demand', '{"unmet": "allow"}');
SELECT throws_ok($$ SELECT * FROM ecml_transport('costs', 'supply', 'demand', '{"unmett": "allow"}') $$, '22023', NULL, 'an unknown option');
SELECT throws_ok($$ SELECT * FROM ecml_transport('SELECT origin FROM costs', 'supply', 'demand') $$, '42704', NULL, 'no costs');
SELECT is(count(*), 0::bigint, 'nothing to send') FROM ecml_transport('costs', 'SELECT * FROM supply WHERE false', 'SELECT * FROM demand WHERE false');

-- ---- assignment: against all permutations; the same read page by page and row by row
CREATE TABLE pairs AS SELECT o AS origin, d AS destination, (hashint8extended(o * 100 + d, 1) & 1023)::float8 / 8 AS cost FROM generate_series(1, 6) o, generate_series(1, 6) d;
CREATE FUNCTION pg_temp.best(sense int) RETURNS float8 LANGUAGE sql AS $$
	WITH RECURSIVE p AS (SELECT 0 AS n, '{}'::int[] AS taken, 0::float8 AS total
		UNION ALL SELECT n + 1, taken || destination, total + sense * cost FROM p JOIN pairs ON origin = n + 1 AND NOT destination = ANY (taken))
	SELECT sense * min(total) FROM p WHERE n = 6 $$;
SELECT is(sum(cost), pg_temp.best(1), 'the best of all permutations') FROM ecml_assign('pairs');
SELECT is(sum(cost), pg_temp.best(-1), 'and the worst') FROM ecml_assign('pairs', '{"maximize": true}');
SELECT ok(count(DISTINCT origin) = 6 AND count(DISTINCT destination) = 6, 'each once') FROM ecml_assign('pairs');
SELECT ok(count(*) = 4 AND count(DISTINCT destination) = 4, 'four rows, six columns') FROM ecml_assign('SELECT * FROM pairs WHERE origin < 5');
SELECT ok(count(*) = 4 AND count(DISTINCT origin) = 4, 'six rows, four columns') FROM ecml_assign('SELECT * FROM pairs WHERE destination < 5');
SELECT throws_ok($$ SELECT * FROM ecml_assign('SELECT * FROM pairs WHERE origin > 2 OR destination = 1') $$, '22000', NULL, 'two that want one');
SELECT is(count(*), 5::bigint, 'one may go without') FROM ecml_assign('SELECT * FROM pairs WHERE origin > 2 OR destination = 1', '{"unassigned": "allow"}');
SELECT is(sum(price), pg_temp.best(1), 'prices add up to the cost') FROM ecml_assign_prices('pairs');
SELECT is(count(*), 0::bigint, 'no rows, no pairs') FROM ecml_assign('SELECT * FROM pairs WHERE false');
CREATE TABLE matrix AS SELECT o AS origin, d AS destination, (hashint8extended(o * 1000 + d, 2) & 65535)::float8 AS cost FROM generate_series(1, 150) o, generate_series(1, 150) d;
SELECT is((SELECT sum(cost) FROM ecml_assign('matrix')), (SELECT sum(cost) FROM ecml_assign('SELECT * FROM matrix ORDER BY destination, origin')), 'a table, and a query of it');
SELECT is((SELECT sum(cost) FROM ecml_assign('matrix')), (SELECT sum(cost) FROM ecml_transport('matrix',
	'SELECT DISTINCT origin, 1 AS supply FROM matrix', 'SELECT DISTINCT destination, 1 AS demand FROM matrix')), 'as a transport');
INSERT INTO matrix VALUES (151, 151, NULL), (151, 1, 3), (1, 151, 4);
SELECT is(count(*), 151::bigint, 'a page with a NULL') FROM ecml_assign('matrix');

-- ---- networks
CREATE TABLE arcs (origin text, destination text, cost int, capacity int);
INSERT INTO arcs VALUES ('s', 'a', 1, 3), ('s', 'b', 4, 10), ('a', 'b', 1, 10), ('a', 't', 6, 2), ('b', 't', 1, 10);
SELECT results_eq($$ SELECT origin, destination, quantity::int, cost::int FROM ecml_min_cost_flow('arcs', $q$ VALUES ('s', 5), ('t', -5) $q$, '{"node": "column1", "supply": "column2"}') ORDER BY 1, 2 $$,
	$$ VALUES ('a', 'b', 3, 3), ('b', 't', 5, 5), ('s', 'a', 3, 3), ('s', 'b', 2, 8) $$, 'a flow through nodes that only pass on');
SELECT throws_ok($$ SELECT * FROM ecml_min_cost_flow('arcs', $q$ SELECT 's' AS node, 50 AS supply UNION ALL SELECT 't', -50 $q$) $$, '22000', NULL, 'more than arcs carry');
SELECT throws_ok($$ SELECT * FROM ecml_min_cost_flow($q$ SELECT 'a' AS origin, 'b' AS destination, -1 AS cost UNION ALL SELECT 'b', 'a', 0 $q$, $q$ SELECT 'a' AS node, 0 AS supply $q$) $$, '22000', NULL, 'a cycle that pays');

-- ---- facilities: against all subsets
CREATE TABLE sites AS SELECT i AS facility, (i * 37 % 100)::float8 AS x, (i * 59 % 100)::float8 AS y, 60.0 + i % 5 * 20 AS fixed_cost FROM generate_series(1, 8) i;
CREATE TABLE towns AS SELECT i AS customer, (i * 71 % 100)::float8 AS x, (i * 43 % 100)::float8 AS y, 1 + i % 3 AS demand FROM generate_series(1, 30) i;
CREATE FUNCTION pg_temp.cheapest(low int, high int) RETURNS float8 LANGUAGE sql AS $$
	SELECT min(total) FROM generate_series(1, 255) s, LATERAL (SELECT (SELECT sum(fixed_cost) FROM sites WHERE s >> (facility - 1) & 1 = 1)
		+ sum((SELECT min(sqrt((a.x - t.x) ^ 2 + (a.y - t.y) ^ 2)) FROM sites a WHERE s >> (facility - 1) & 1 = 1) * demand) AS total FROM towns t) c
	WHERE (SELECT count(*) FROM sites WHERE s >> (facility - 1) & 1 = 1) BETWEEN low AND high $$;
SELECT ok(pg_temp.close((e ->> 'cost')::float8, pg_temp.cheapest(1, 8)) AND (e ->> 'proved')::boolean, 'the best of all subsets, and proved') FROM ecml_facility_summary('sites', 'towns') e;
SELECT ok(pg_temp.close((e ->> 'cost')::float8, pg_temp.cheapest(3, 3)) AND (e ->> 'proved')::boolean, 'of three') FROM ecml_facility_summary('sites', 'towns', '{"min_open": 3, "max_open": 3}') e;
SELECT ok(pg_temp.close(sum(cost), (e ->> 'service_cost')::float8) AND sum(quantity) = (SELECT sum(demand) FROM towns), 'rows add up to the summary')
FROM ecml_facility('sites', 'towns'), ecml_facility_summary('sites', 'towns') e GROUP BY e;
SELECT ok(bool_and(q <= 25) AND sum(q) = (SELECT sum(demand) FROM towns), 'capacities hold')
FROM (SELECT sum(quantity) AS q FROM ecml_facility('SELECT *, 25 AS capacity FROM sites', 'towns') GROUP BY facility) s;
SELECT throws_ok($$ SELECT * FROM ecml_facility('SELECT *, 1 AS capacity FROM sites', 'towns') $$, '22000', NULL, 'too little capacity');
SELECT throws_ok($$ SELECT * FROM ecml_facility('SELECT facility, 100 AS lat, 0 AS lon FROM sites', 'SELECT customer, 0 AS lat, 0 AS lon FROM towns') $$, '22000', NULL, 'outside the earth');

-- ---- pick routes: the exact one is never longer than a rule's
CREATE TABLE picks AS SELECT i AS location, i % 25 AS batch, (hashint4(i) & 7) AS aisle, ((hashint4(i * 7) & 15) + 1)::float8 AS position FROM generate_series(1, 250) i;
CREATE FUNCTION pg_temp.walked(method text) RETURNS TABLE (route text, distance float8, stops bigint) LANGUAGE sql AS $$
	SELECT route, max(distance), count(location) FROM ecml_pick_route('picks', jsonb_build_object('method', method, 'aisle_distance', 3, 'aisle_length', 18)) GROUP BY route $$;
SELECT ok(bool_and(o.distance <= r.distance + 1e-9 AND o.stops = 10 AND r.stops = 10), 'no longer than ' || m)
FROM unnest('{s_shape,return,midpoint,largest_gap}'::text[]) m, pg_temp.walked('optimal') o JOIN LATERAL pg_temp.walked(m) r USING (route) GROUP BY m;
SELECT is(max(distance), 2 * (5 + 3.0)::float8, 'one pick: there and back') FROM ecml_pick_route('SELECT 1 AS location, 3 AS aisle, 5 AS position', '{"depot_aisle": 0}');
SELECT throws_ok($$ SELECT * FROM ecml_pick_route('picks', '{"aisle_length": 5}') $$, '22000', NULL, 'a pick behind the end of the aisle');

-- ---- boxes
SELECT is(count(DISTINCT box), 3::bigint, 'one size: as few as can be') FROM ecml_bin_pack('SELECT i AS item, s AS size FROM unnest(ARRAY[6, 5, 5, 4, 4, 3, 2, 1]) WITH ORDINALITY u (s, i)',
	'SELECT 1 AS box, 10 AS capacity, 1 AS cost');
CREATE TABLE parcel AS SELECT i AS item, 2 AS length, 3 AS width, 4 AS height, 1 AS weight FROM generate_series(1, 8) i;
CREATE TABLE cartons AS SELECT * FROM (VALUES ('S', 4, 6, 4, 1.0), ('M', 4, 6, 8, 1.5), ('L', 10, 10, 10, 4.0)) v (box, length, width, height, cost);
CREATE TABLE packed AS SELECT * FROM ecml_bin_pack('parcel', 'cartons');
SELECT is(array_agg(DISTINCT box_type), '{M}'::text[], 'the cheapest box that holds all eight exactly') FROM packed;
SELECT is(count(*), 0::bigint, 'nothing overlaps') FROM packed a JOIN packed b ON a.box = b.box AND a.item < b.item AND a.x < b.x + b.length - 1e-9 AND b.x < a.x + a.length - 1e-9
	AND a.y < b.y + b.width - 1e-9 AND b.y < a.y + a.width - 1e-9 AND a.z < b.z + b.height - 1e-9 AND b.z < a.z + a.height - 1e-9;
SELECT ok(bool_and(x >= 0 AND y >= 0 AND z >= 0 AND x + p.length <= 4 + 1e-9 AND y + p.width <= 6 + 1e-9 AND z + p.height <= 8 + 1e-9), 'and nothing sticks out') FROM packed p;
SELECT throws_like($$ SELECT * FROM ecml_bin_pack('SELECT 9 AS item, 11 AS length, 1 AS width, 1 AS height', 'cartons') $$, '%"9" fits no box', 'an item larger than any box');

-- ---- allocation
CREATE TABLE on_hand AS SELECT * FROM (VALUES ('tea', 'n', 60, 10), ('tea', 's', 30, 0), ('jam', 'n', 5, 0)) v (item, warehouse, quantity, reserve);
CREATE TABLE wishes AS SELECT * FROM (VALUES ('tea', 'DE', 60, 1, 0.5), ('tea', 'FR', 40, 2, 0.5), ('jam', 'FR', 3, 1, 0.5)) v (item, region, demand, priority, service_target);
CREATE TABLE ways AS SELECT * FROM (VALUES ('n', 'DE', 1), ('n', 'FR', 3), ('s', 'DE', 2), ('s', 'FR', 1)) v (warehouse, region, cost);
CREATE TABLE given AS SELECT * FROM ecml_allocate_inventory('on_hand', 'wishes', 'ways');
SELECT results_eq($$ SELECT item, destination, sum(quantity)::int FROM given WHERE origin IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2 $$,
	$$ VALUES ('jam', 'FR', 3), ('tea', 'DE', 60), ('tea', 'FR', 20) $$, 'promises first, then the first priority; the reserve stays');
SELECT results_eq($$ SELECT item, destination, quantity::int FROM given WHERE origin IS NULL $$, $$ VALUES ('tea', 'FR', 20) $$, 'what is missing');
SELECT throws_ok($$ SELECT * FROM ecml_allocate_inventory('on_hand', 'SELECT region, demand FROM wishes', 'ways') $$, '42704', NULL, 'items on one side only');
SELECT * FROM finish();
ROLLBACK;
