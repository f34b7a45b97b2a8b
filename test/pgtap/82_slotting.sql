-- Slotting and maps of tours: optima by hand, summaries that add up, errors; SVG that is well-formed XML and shows each stop.
BEGIN;
\i ../lib/pgtap.sql
SELECT no_plan();

-- ---- slotting
CREATE TABLE items AS SELECT 'i' || i AS item, (i * 37 % 23) AS picks, CASE WHEN i % 4 = 0 THEN 'f' || i % 3 END AS family, 1 + i % 3 AS size FROM generate_series(1, 20) i;
CREATE TABLE slots AS SELECT 's' || j AS slot, (j * 17 % 29)::float8 AS distance, 1 + j % 4 AS capacity, j % 5 AS x, j / 5 AS y FROM generate_series(1, 25) j;
SELECT is(sum(cost), (SELECT sum(p * d) FROM (SELECT picks AS p, row_number() OVER (ORDER BY picks DESC) AS n FROM items) i
	JOIN (SELECT distance AS d, row_number() OVER (ORDER BY distance) AS n FROM slots) s USING (n)), 'the fastest nearest')
FROM ecml_slotting('SELECT item, picks FROM items', 'SELECT slot, distance FROM slots');
SELECT is(sum(s.cost), (SELECT sum(cost) FROM ecml_assign('SELECT item AS origin, slot AS destination, picks * distance AS cost FROM items, slots WHERE size <= capacity')),
	'with sizes it is an assignment') FROM ecml_slotting('SELECT item, picks, size FROM items', 'SELECT slot, distance, capacity FROM slots') s;
SELECT ok(bool_and(i.size <= s.capacity) AND count(DISTINCT p.slot) = 20, 'each item in a slot of its own that it fits')
FROM ecml_slotting('SELECT item, picks, size FROM items', 'SELECT slot, distance, capacity FROM slots') p JOIN items i USING (item) JOIN slots s USING (slot);
SELECT ok((e ->> 'exact')::boolean AND (e ->> 'cost')::float8 = (e ->> 'bound')::float8 AND (e ->> 'gap')::float8 = 0 AND (e ->> 'unplaced')::int = 0, 'and exact')
FROM ecml_slotting_summary('SELECT item, picks, size FROM items', 'SELECT slot, distance, capacity FROM slots') e;
SELECT ok(pg_temp.close(sum(cost), (e ->> 'cost')::float8) AND pg_temp.close((e ->> 'cost')::float8, (e ->> 'travel')::float8 + (e ->> 'apart')::float8)
	AND (e ->> 'bound')::float8 <= (e ->> 'cost')::float8, 'rows add up to the summary, families counted')
FROM ecml_slotting('items', 'SELECT slot, x, y FROM slots'), ecml_slotting_summary('items', 'SELECT slot, x, y FROM slots') e GROUP BY e;
SELECT ok((SELECT (ecml_slotting_summary('items', 'SELECT slot, x, y FROM slots') ->> 'apart')::float8) <
	(SELECT sum(0.5 * (a.picks + b.picks) / (n - 1) * (abs(sa.x - sb.x) + abs(sa.y - sb.y)))
		FROM ecml_slotting('SELECT item, picks FROM items', 'SELECT slot, x, y FROM slots') pa JOIN items a USING (item) JOIN slots sa ON sa.slot = pa.slot,
			ecml_slotting('SELECT item, picks FROM items', 'SELECT slot, x, y FROM slots') pb JOIN items b USING (item) JOIN slots sb ON sb.slot = pb.slot,
			LATERAL (SELECT count(*) AS n FROM items WHERE family = a.family) f
		WHERE a.family = b.family AND a.item < b.item), 'families lie nearer to each other than without them');
SELECT results_eq($$ SELECT * FROM ecml_slotting('items', 'SELECT slot, x, y FROM slots', '{"seed": 5}') $$,
	$$ SELECT * FROM ecml_slotting('items', 'SELECT slot, x, y FROM slots', '{"seed": 5}') $$, 'the same seed, the same plan');
SELECT ok(abs(a.x - b.x) + abs(a.y - b.y) = 1, 'a pair lies side by side')
FROM ecml_slotting('SELECT item, 1 AS picks FROM items', 'SELECT slot, x, y FROM slots', '{"pairs": "SELECT ''i3'' AS item_a, ''i9'' AS item_b, 100 AS weight"}') p
	JOIN slots a ON a.slot = p.slot, ecml_slotting('SELECT item, 1 AS picks FROM items', 'SELECT slot, x, y FROM slots',
	'{"pairs": "SELECT ''i3'' AS item_a, ''i9'' AS item_b, 100 AS weight"}') q JOIN slots b ON b.slot = q.slot WHERE p.item = 'i3' AND q.item = 'i9';
SELECT is(count(*) FILTER (WHERE slot IS NULL), 15::bigint, 'five slots for twenty') FROM ecml_slotting('SELECT item, picks FROM items', 'SELECT * FROM slots LIMIT 5');
SELECT is(count(DISTINCT slot), 10::bigint, 'two to a slot') FROM ecml_slotting('SELECT item, picks FROM items', 'SELECT slot, distance, 2 AS places FROM slots ORDER BY distance LIMIT 10');
CREATE VIEW there AS SELECT item, picks, 's' || row_number() OVER (ORDER BY item) AS present_slot, item = 'i7' AS locked FROM items;
SELECT ok((e #>> '{present,items}')::int = 20 AND (e #>> '{present,travel_after}')::float8 = (e ->> 'travel')::float8 AND (e #>> '{present,saved}')::float8 BETWEEN 0.1 AND 1
	AND (e #>> '{present,travel_before}')::float8 = (SELECT sum(picks * distance) FROM there JOIN slots ON slot = present_slot), 'before and after')
FROM ecml_slotting_summary('there', 'SELECT slot, distance FROM slots') e;
SELECT is(slot, present_slot, 'a locked item stays') FROM ecml_slotting('there', 'SELECT slot, distance FROM slots') WHERE item = 'i7';
SELECT is(count(*) FILTER (WHERE slot <> present_slot), 0::bigint, 'where moves cost more than they save, none is made')
FROM ecml_slotting('there', 'SELECT slot, distance FROM slots', '{"move_cost": 1000}');
SELECT ok(sum(cost) > 0, 'aisles') FROM ecml_slotting('items', 'SELECT slot, x AS aisle, y AS position FROM slots', '{"aisle_distance": 3, "aisle_length": 6}');
SELECT is(count(*), 0::bigint, 'no items') FROM ecml_slotting('SELECT * FROM items WHERE false', 'slots');
SELECT is(count(slot), 0::bigint, 'no slots') FROM ecml_slotting('items', 'SELECT * FROM slots WHERE false');
SELECT throws_ok($$ SELECT * FROM ecml_slotting('SELECT item, -picks AS picks FROM items', 'slots') $$, '22000', NULL, 'negative demand');
SELECT throws_ok($$ SELECT * FROM ecml_slotting('SELECT ''a'' AS item, picks FROM items', 'slots') $$, '22000', NULL, 'an item twice');
SELECT throws_ok($$ SELECT * FROM ecml_slotting('items', 'SELECT slot, NULL::float8 AS distance FROM slots') $$, '22000', NULL, 'a distance that is NULL');
SELECT throws_ok($$ SELECT * FROM ecml_slotting('items', 'SELECT slot FROM slots') $$, '42704', 'there is nothing to tell from how far the slots are');
SELECT throws_ok($$ SELECT * FROM ecml_slotting('SELECT item FROM items', 'slots') $$, '42704', NULL, 'no demand');
SELECT throws_ok($$ SELECT * FROM ecml_slotting('SELECT item, picks, true AS locked FROM items', 'slots') $$, '42704', NULL, 'locked, but where?');
SELECT throws_ok($$ SELECT * FROM ecml_slotting('SELECT item, picks, ''s1'' AS present_slot, true AS locked FROM items', 'slots') $$, '22000', NULL, 'all locked in one');
SELECT throws_like($$ SELECT * FROM ecml_slotting('items', 'slots', '{"familly_weight": 1}') $$, '%unknown option "familly_weight" for ecml_slotting%', 'a wrong option');
SELECT throws_ok($$ SELECT * FROM ecml_slotting(NULL, 'slots') $$, '22004', NULL, 'no items source');

-- ---- maps
CREATE TABLE place AS SELECT 'p<' || i AS id, (i * 7919 % 101)::float8 AS x, (i * 104729 % 97)::float8 AS y, CASE WHEN i > 0 THEN 3 ELSE 0 END AS demand FROM generate_series(0, 30) i;
CREATE FUNCTION pg_temp.n(svg text, what text) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM regexp_matches(svg, what, 'g') $$;
CREATE TABLE map AS SELECT ecml_plot_routes('place', '{"capacity": 30, "iterations": 20, "title": "a & b"}') AS svg;
SELECT ok(svg LIKE '<svg xmlns="http://www.w3.org/2000/svg"%</svg>_', 'a picture') FROM map;
SELECT pg_temp.ok_xml(svg, 'well-formed') FROM map;
SELECT is(pg_temp.n(svg, '<circle'), 30::bigint, 'a circle a stop') FROM map;
SELECT ok(pg_temp.n(svg, '<title>p&lt;7</title>') = 1 AND svg LIKE '%a &amp; b%', 'names and title, quoted') FROM map;
SELECT is(pg_temp.n(svg, ': 10 stops, '), 3::bigint, 'a row a tour') FROM map;
CREATE TABLE todays AS SELECT * FROM ecml_vrp('place', '{"capacity": 30, "iterations": 20}');
SELECT is(ecml_plot_routes('place', '{"capacity": 30, "iterations": 20}'), ecml_plot_routes('place', '{"plan": "todays"}'), 'planned now, or before: the same map');
SELECT ok(pg_temp.n(ecml_plot_routes('place', '{"plan": "SELECT * FROM todays WHERE vehicle = 1"}'), 'fill="#fff" stroke="#888"') = 21, 'what is in no tour is hollow');
SELECT ok(pg_temp.n(ecml_plot_routes('place', '{"plan": "SELECT * FROM todays", "labels": true}'), '<text') > 31, 'labels');
SELECT ok(ecml_plot_routes($$ SELECT id, y / 10 AS lat, x / 10 AS lon FROM place $$, '{"iterations": 5}') LIKE '% km%', 'degrees: a scale in km');
SELECT ok(ecml_plot_routes($$ SELECT * FROM (VALUES (1, 10.0, 179.5), (2, 10.2, -179.7), (3, 10.1, -179.9)) t(id, lat, lon) $$, '{"iterations": 5}') LIKE '%<svg%', 'across the date line');
SELECT ok(ecml_plot_routes('SELECT * FROM place LIMIT 1') LIKE '%<svg%', 'a depot alone');
SELECT throws_ok($$ SELECT ecml_plot_routes('SELECT id FROM place', '{"distance": "SELECT ''a'' AS origin, ''b'' AS destination, 1 AS distance"}') $$, '42704', 'the deliveries have no coordinates');
SELECT throws_ok($$ SELECT ecml_plot_routes('place', '{"plan": "SELECT 1 AS vehicle, 1 AS stop, ''q'' AS delivery_id"}') $$, '22000', NULL, 'a stop that is no delivery');
SELECT throws_ok($$ SELECT ecml_plot_routes('place', '{"plan": "SELECT 1 AS vehicle"}') $$, '42704', NULL, 'a plan without stops');
SELECT throws_ok($$ SELECT ecml_plot_routes(NULL) $$, '22004', NULL, 'nothing to draw');
SELECT throws_like($$ SELECT ecml_plot_routes('place', '{"titel": "x"}') $$, '%unknown option "titel" for ecml_plot_routes%', 'a wrong option');

SELECT * FROM finish();
ROLLBACK;
