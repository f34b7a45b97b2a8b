-- shop.sql - a shop, made up: two years of an online shop that ends on 2026-06-30
--
-- Every number comes from a hash of the row's key, so the same scale gives the same shop on any machine, and a larger shop
-- has the same first customers.  psql variable scale: 1 (the default) is 20,000 customers, about 350,000 orders
-- and 770,000 order lines.  What was put in (kinds of customers, elasticities, the experiment's effect) stands in the table
-- truth, so that what a method finds can be checked.
\set ON_ERROR_STOP on
\if :{?scale}
\else
	\set scale 1
\endif
SET client_min_messages = warning;
SET timezone = 'UTC';
-- estimates of generate_series in LATERAL are far too high, and code would be compiled for them
SET jit = off;

-- uniform in [0, 1), standard normal, and one of an array, from a key and the number of the draw
CREATE FUNCTION pg_temp.u(key bigint, draw int) RETURNS float8
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (hashint8extended(key, draw) & 9007199254740991)::float8 / 9007199254740992;
CREATE FUNCTION pg_temp.z(key bigint, draw int) RETURNS float8
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN sqrt(-2 * ln(1 - pg_temp.u(key, draw))) * cos(2 * pi() * pg_temp.u(key, draw + 1000));
CREATE FUNCTION pg_temp.one(choices text[], key bigint, draw int) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN choices[1 + floor(cardinality(choices) * pg_temp.u(key, draw))::int];

CREATE TABLE truth (what text, key bigint, value float8, PRIMARY KEY (what, key));
COMMENT ON TABLE truth IS 'What the generator put in, to check results against: see the names in column what';

-- products: 400 in 12 categories; product p is of category (p - 1) % 12 and the lower its number, the better it sells
CREATE TABLE products AS
SELECT p::int AS product_id,
	'SKU-' || lpad(p::text, 5, '0') AS sku,
	pg_temp.one('{Classic,Modern,Compact,Deluxe,Eco,Travel,Mini,Pro}', p, 1) || ' ' ||
		pg_temp.one(CASE (p - 1) % 12
			WHEN 0 THEN '{Kettle,Toaster,Blender}' WHEN 1 THEN '{Desk Lamp,Floor Lamp,Night Light}'
			WHEN 2 THEN '{T-Shirt,Hoodie,Cap}' WHEN 3 THEN '{Running Shoe,Sandal,Boot}'
			WHEN 4 THEN '{Puzzle,Board Game,Card Game}' WHEN 5 THEN '{Notebook,Pen Set,Planner}'
			WHEN 6 THEN '{Headphones,Speaker,Charger}' WHEN 7 THEN '{Face Cream,Shampoo,Soap}'
			WHEN 8 THEN '{Tent,Backpack,Bottle}' WHEN 9 THEN '{Dog Bed,Cat Toy,Bird Feeder}'
			WHEN 10 THEN '{Coffee,Tea,Chocolate}' ELSE '{Plant Pot,Watering Can,Seeds}' END::text[], p, 2)
		|| CASE WHEN pg_temp.u(p, 3) < 0.05 THEN '  ' ELSE '' END AS title,
	CASE WHEN pg_temp.u(p, 4) < 0.01 THEN NULL
		WHEN pg_temp.u(p, 4) < 0.04 THEN upper(c.category) ELSE c.category END AS category,
	round(exp(2.7 + 0.7 * pg_temp.z(p, 5))::numeric + 1, 2) AS price,
	round((exp(2.7 + 0.7 * pg_temp.z(p, 5)) * (0.4 + 0.25 * pg_temp.u(p, 6)))::numeric + 0.4, 2) AS cost,
	round((0.1 + 3 * pg_temp.u(p, 7) ^ 2)::numeric, 2) AS weight_kg,
	date '2024-07-01' - (900 * pg_temp.u(p, 8))::int AS launched
FROM generate_series(1, 400) AS p,
	LATERAL (SELECT ('{kitchen,lighting,clothing,shoes,games,stationery,audio,beauty,outdoor,pets,"coffee and tea",garden}'
		::text[])[(p - 1) % 12 + 1] AS category) c;
ALTER TABLE products ADD PRIMARY KEY (product_id);
COMMENT ON TABLE products IS 'Articles; a few categories are missing or in capitals, a few titles have stray blanks';

-- sales: units = exp(level + elasticity ln(price / base) + 0.35 promo + 0.25 season + noise); elasticity -0.8 .. -2.8
INSERT INTO truth SELECT 'elasticity', p, round((-0.8 - 2 * pg_temp.u(p, 11))::numeric, 3) FROM generate_series(1, 400) AS p;
CREATE TABLE sales AS
SELECT p.product_id, (date '2024-07-01' + 7 * week) AS week, w.price, w.promo, w.season,
	CASE WHEN pg_temp.u(w.key, 12) < 0.05 THEN NULL
		ELSE round((p.price * exp(0.12 * pg_temp.z(w.key, 13)))::numeric, 2) END AS competitor_price,
	greatest(round(exp(8 - 0.8 * ln(p.product_id + 5) + t.value * ln(w.price / p.price) + 0.35 * w.promo::int
		+ 0.25 * w.season + 0.12 * pg_temp.z(w.key, 14))), 1)::int AS units
FROM products p
JOIN truth t ON t.what = 'elasticity' AND t.key = p.product_id
CROSS JOIN generate_series(0, 103) AS week
CROSS JOIN LATERAL (SELECT p.product_id * 1000::bigint + week AS key) k
CROSS JOIN LATERAL (
	SELECT k.key, pg_temp.u(k.key, 15) < 0.12 AS promo,
		round(cos(2 * pi() * (week - 24) / 52.0)::numeric, 4)::float8 AS season,
		-- the list price changes every eight weeks, a promotion takes 5 to 20 % off
		round(p.price * (1 + 0.24 * (pg_temp.u(p.product_id * 1000::bigint + week / 8, 16) - 0.5)
			- CASE WHEN pg_temp.u(k.key, 15) < 0.12 THEN 0.05 + 0.15 * pg_temp.u(k.key, 17) ELSE 0 END)::numeric, 2) AS price) w;
ALTER TABLE sales ADD PRIMARY KEY (product_id, week);
COMMENT ON TABLE sales IS 'Units sold by product and week (Monday) over all channels, with the price of that week';
COMMENT ON COLUMN sales.season IS 'Yearly wave, 1 in mid-December, -1 in mid-June';
COMMENT ON COLUMN sales.competitor_price IS 'Seen at a competitor; NULL where nobody looked';

-- customers: kinds 0 loyal, 1 regular, 2 occasional, 3 one order; those who churn stop ordering 100 to 350 days before the end.
-- The log odds of churn: -1.9 - 0.03 tenure (months) + 0.8 complaints - 0.5 newsletter + 0.7 by channel social
CREATE TEMP TABLE customer AS
SELECT c AS id, kind, signup, complaints, channel, newsletter, churned, favourite, start,
	CASE WHEN churned THEN greatest(start + 1, 730 - 100 - floor(250 * pg_temp.u(c, 30))) ELSE 730 END AS stop,
	exp(0.5 * pg_temp.z(c, 31) - 0.125) AS zeal
FROM (
	SELECT *, greatest(signup, 0) AS start,
		pg_temp.u(c, 29) < 1 / (1 + exp(1.9 + 0.03 * floor((730 - signup) / 30.4) - 0.8 * complaints + 0.5 * newsletter::int
			- 0.7 * (channel = 'social')::int)) AS churned
	FROM (
		SELECT c,
			CASE WHEN pg_temp.u(c, 21) < 0.10 THEN 0 WHEN pg_temp.u(c, 21) < 0.36 THEN 1
				WHEN pg_temp.u(c, 21) < 0.80 THEN 2 ELSE 3 END AS kind,
			floor(-400 + 1050 * pg_temp.u(c, 22)) AS signup,
			floor(-ln(1 - pg_temp.u(c, 23)) * 0.9)::int AS complaints,
			pg_temp.one('{search,search,search,social,social,direct,direct,email,affiliate}', c, 24) AS channel,
			pg_temp.u(c, 25) < 0.45 AS newsletter,
			floor(12 * pg_temp.u(c, 26))::int AS favourite
		FROM generate_series(1, greatest((20000 * :scale)::bigint, 100)) AS c) a) b;
INSERT INTO truth SELECT 'kind of customer', id, kind FROM customer;

-- orders: the day is warped so that more fall into December than into June
CREATE TEMP TABLE placed AS
SELECT row_number() OVER (ORDER BY at, customer_id, n) AS order_id, customer_id, at, favourite, kind
FROM (
	SELECT id AS customer_id, n, favourite, kind,
		timestamptz '2024-07-01 00:00+00' + greatest(start, least(stop - 0.001,
			day + 22 * cos(2 * pi() * (day - 75) / 365))) * interval '1 day' AS at
	FROM customer,
		LATERAL generate_series(1, CASE kind WHEN 3 THEN 1
			ELSE floor((CASE kind WHEN 0 THEN 120 WHEN 1 THEN 36 ELSE 9 END) * zeal * (stop - start) / 730
				+ pg_temp.u(id, 33))::int END) AS n,
		LATERAL (SELECT start + (stop - start) * pg_temp.u(id * 1000 + n, 34) AS day) d) o;

CREATE TABLE order_lines AS
SELECT o.order_id, line, p.product_id,
	(CASE WHEN pg_temp.u(key, 43) < 0.002 THEN 12 * (1 + floor(8 * pg_temp.u(key, 44)))
		ELSE 1 + floor(-ln(1 - pg_temp.u(key, 44)) * 0.5) END)::int AS quantity,
	coalesce(s.price, p.price) AS unit_price
FROM placed o
CROSS JOIN LATERAL generate_series(1, 1 + least(floor(-ln(1 - pg_temp.u(o.order_id, 40)) * 1.7)::int, 7)) AS line
CROSS JOIN LATERAL (SELECT o.order_id * 10 + line AS key, o.order_id * 10 + 1 AS first_key) k
	-- most lines come from the customer's favourite category; a second line is often the companion of the first
CROSS JOIN LATERAL (SELECT CASE WHEN line = 2 AND pg_temp.u(k.key, 45) < 0.3 THEN first_key ELSE key END AS pick,
		CASE WHEN line = 2 AND pg_temp.u(k.key, 45) < 0.3 THEN 1 ELSE 0 END AS companion) c
CROSS JOIN LATERAL (SELECT 1 + (floor(33 * pg_temp.u(pick, 41) ^ 2.2)::int * 12
		+ CASE WHEN pg_temp.u(pick, 42) < 0.6 THEN o.favourite ELSE floor(12 * pg_temp.u(pick, 46))::int END
		+ 5 * companion) % 400 AS product) q
JOIN products p ON p.product_id = q.product
LEFT JOIN sales s ON s.product_id = q.product AND s.week = date_trunc('week', o.at)::date;
ALTER TABLE order_lines ADD PRIMARY KEY (order_id, line);
COMMENT ON TABLE order_lines IS 'What was ordered; one line in 500 is a trade order of dozens';

CREATE TABLE orders AS
SELECT o.order_id, o.customer_id, date_trunc('second', o.at) AS ordered_at,
	CASE WHEN pg_temp.u(o.order_id, 50) < 0.03 THEN 'cancelled' WHEN pg_temp.u(o.order_id, 50) < 0.08 THEN 'returned'
		ELSE 'paid' END AS status,
	CASE WHEN pg_temp.u(o.order_id, 51) < 0.02 THEN NULL
		ELSE pg_temp.one('{mobile,mobile,mobile,desktop,desktop,tablet}', o.order_id, 52) END AS device,
	CASE WHEN pg_temp.u(o.order_id, 53) < 0.1 THEN pg_temp.one('{WELCOME10,SUMMER,welcome10,"VIP "}', o.order_id, 54)
		END AS coupon,
	l.total
FROM placed o
JOIN (SELECT order_id, sum(quantity * unit_price) AS total FROM order_lines GROUP BY order_id) l USING (order_id);
ALTER TABLE orders ADD PRIMARY KEY (order_id);
CREATE INDEX ON orders (customer_id, ordered_at);
COMMENT ON TABLE orders IS 'Orders from 2024-07-01 to 2026-06-30; total is the sum of the lines';

CREATE TABLE customers AS
SELECT c.id AS customer_id,
	pg_temp.one('{Ada,Ben,Chloe,David,Emma,Felix,Grace,Hugo,Ines,Jonas,Kira,Luis,Mila,Noah,Olga,Paul}', c.id, 60) || ' ' ||
		pg_temp.one('{Adams,Bauer,Costa,Dubois,Evans,Fischer,Garcia,Hansen,Ivanov,Jansen,Kowalski,Lopez,Moreau}', c.id, 61)
		AS name,
	CASE WHEN pg_temp.u(c.id, 62) < 0.01 THEN NULL
		ELSE pg_temp.one('{DE,DE,DE,FR,FR,GB,GB,ES,IT,NL,PL,de,"FR "}', c.id, 63) END AS country,
	CASE WHEN pg_temp.u(c.id, 64) < 0.08 THEN NULL ELSE 2026 - floor(18 + 55 * pg_temp.u(c.id, 65) ^ 1.3)::int END AS birth_year,
	date '2024-07-01' + c.signup::int AS signed_up,
	c.channel, c.newsletter,
	floor((730 - c.signup) / 30.4)::int AS tenure,
	round(coalesce(o.spent, 0) / greatest(((c.stop - c.start) / 30.4)::numeric, 1), 2) AS monthly_spend,
	c.complaints,
	coalesce(o.orders, 0)::int AS orders,
	c.churned
FROM customer c
LEFT JOIN (SELECT customer_id, count(*) AS orders, sum(total) AS spent FROM orders WHERE status = 'paid' GROUP BY 1) o
	ON o.customer_id = c.id;
ALTER TABLE customers ADD PRIMARY KEY (customer_id);
COMMENT ON TABLE customers IS 'Customers at the end of June 2026; some countries and birth years are missing or badly typed';
COMMENT ON COLUMN customers.tenure IS 'Months since the customer signed up';
COMMENT ON COLUMN customers.monthly_spend IS 'Paid orders, a month of activity';
COMMENT ON COLUMN customers.churned IS 'Closed the account or stopped for good';

-- payments: the last quarter (day 0 is 2026-04-01) of the shop's customers at all merchants that take its wallet.  A customer
-- has usual hours, a level of spending, a card or two and a device that may be replaced; some travel, some split a basket into
-- three.  About one payment in 100 is fraud, of kinds: 1 a stolen card is tested with small amounts and then emptied, 2 an
-- account taken over, mostly at night, 3 a ring that runs many cards from one device, 4 a single payment with a stolen card
-- from an address of its own country, 5 the holder denies a payment that looks like all others
CREATE TEMP TABLE payer AS
SELECT id AS customer_id, kind, zeal, stop - 639 AS days,
	upper(trim(pg_temp.one('{DE,DE,DE,FR,FR,GB,GB,ES,IT,NL,PL,de,"FR "}', id, 63))) AS home,
	CASE WHEN pg_temp.u(id, 100) < 0.04 THEN 26 ELSE 15.5 + 2.5 * pg_temp.z(id, 101) END AS usual_hour,
	0.35 * pg_temp.z(id, 102) AS level,
	CASE WHEN pg_temp.u(id, 103) < 0.35 THEN 91 * pg_temp.u(id, 104) ELSE 91 END AS new_device,
	CASE WHEN pg_temp.u(id, 105) < 0.15 THEN 81 * pg_temp.u(id, 106) ELSE 1000 END AS trip,
	pg_temp.one('{US,BR,TR,SG,CA,ES,IT,GB}', id, 107) AS abroad
FROM customer;

CREATE TEMP TABLE attack AS
WITH victim AS (
	SELECT CASE WHEN pg_temp.u(customer_id, 110) < 0.002 THEN 1 WHEN pg_temp.u(customer_id, 110) < 0.008 THEN 2
			WHEN pg_temp.u(customer_id, 110) < 0.016 THEN 4 WHEN pg_temp.u(customer_id, 110) < 0.018 THEN 5 END AS kind, customer_id
	FROM payer
), step AS (
	SELECT kind, customer_id * 8 + kind AS attack, customer_id, n, steps
	FROM victim, LATERAL (SELECT CASE kind WHEN 1 THEN 5 + floor(8 * pg_temp.u(customer_id, 111))::int
		WHEN 2 THEN 1 + floor(3 * pg_temp.u(customer_id, 111))::int ELSE 1 END AS steps) s, generate_series(1, steps) AS n
	WHERE kind IS NOT NULL
	UNION ALL
	SELECT 3, ring * 8 + 3, (ring - 1) * 2000 + 1 + floor(least(customers, 2000) * pg_temp.u(ring * 100 + n, 112))::bigint, n, 0
	FROM (SELECT count(*) AS customers FROM payer) c, generate_series(1, greatest(customers / 2000, 1)) AS ring,
		generate_series(1, 6 + floor(8 * pg_temp.u(ring, 113))::int) AS n
)
SELECT s.kind, attack, n, n > greatest(steps - 2, 0) AS late, p.customer_id, home, level,
	CASE WHEN s.kind IN (1, 2) OR (s.kind = 3 AND pg_temp.u(attack, 114) < 0.6)
		THEN pg_temp.one('{US,BR,TR,SG,CA,DE,FR,PL}', attack, 115) ELSE home END AS country,
	floor(5 + 85 * pg_temp.u(attack, 116)) + (CASE WHEN s.kind <= 2 AND pg_temp.u(attack, 117) < 0.7 THEN 5.5 * pg_temp.u(attack, 118)
		WHEN s.kind <= 3 THEN 22 * pg_temp.u(attack, 118) ELSE usual_hour + 2 * pg_temp.z(attack, 119) END
		+ (n - 1 + 0.8 * pg_temp.u(attack * 100 + n, 120)) * (CASE s.kind WHEN 1 THEN 0.8 WHEN 2 THEN 20 ELSE 4 END) / 60) / 24 AS day
FROM step s JOIN payer p USING (customer_id);

CREATE TEMP TABLE payment AS
SELECT row_number() OVER (ORDER BY day, customer_id, key) AS payment_id, *
FROM (
	SELECT customer_id, key, CASE WHEN pg_temp.u(customer_id, 121) < 0.25 AND pg_temp.u(key, 122) < 0.4 THEN 2 ELSE 1 END AS card,
		home, customer_id * 4 + CASE WHEN pg_temp.u(key, 123) < 0.12 THEN 2 WHEN day > new_device THEN 1 ELSE 0 END AS device,
		CASE WHEN day BETWEEN trip AND trip + 10 THEN abroad ELSE home END AS country,
		-- at home, on the mobile network that thousands share, or on the way
		CASE WHEN day BETWEEN trip AND trip + 10 THEN 65536 * pg_temp.u(customer_id * 100 + floor(day)::int, 124)
			WHEN pg_temp.u(key, 125) < 0.7 THEN 65536 * pg_temp.u(customer_id, 126) ELSE 512 * pg_temp.u(key, 127) END AS host,
		category, level + 0.55 * pg_temp.z(key, 128) + CASE WHEN pg_temp.u(key, 129) < 0.005 THEN 2 ELSE 0 END AS level,
		day + (part - 1) * (1 + 3 * pg_temp.u(key, 130)) / 1440 AS day, 0 AS fraud
	FROM (
		SELECT *, floor(least(days, 91) * pg_temp.u(key, 131)) + (usual_hour + 3 * pg_temp.z(key, 132)) / 24 AS day,
			pg_temp.one('{grocery,grocery,grocery,fashion,fashion,electronics,home,home,travel,digital,digital,"gift card"}', key, 133)
				AS category
		FROM payer, LATERAL generate_series(1, floor((CASE kind WHEN 0 THEN 14 WHEN 1 THEN 6 WHEN 2 THEN 3 ELSE 1 END) * zeal
				* greatest(days, 0) / 91 + pg_temp.u(customer_id, 134))::int) AS n,
			LATERAL (SELECT customer_id * 1000 + n AS key) k) p,
		generate_series(1, CASE WHEN pg_temp.u(key, 135) < 0.008 THEN 3 ELSE 1 END) AS part
	UNION ALL
	SELECT customer_id, -(attack * 100 + n), 1, home,
		CASE WHEN kind = 5 THEN customer_id * 4 ELSE -attack END, country,
		65536 * pg_temp.u(CASE WHEN kind = 5 THEN customer_id ELSE -attack END, 126),
		CASE WHEN kind = 1 AND NOT late THEN 'digital' WHEN kind <= 2 THEN pg_temp.one('{electronics,electronics,"gift card",travel}',
				attack * 100 + n, 136) ELSE pg_temp.one('{fashion,electronics,home,digital,"gift card"}', attack * 100 + n, 136) END,
		CASE WHEN kind = 1 AND NOT late THEN -1.8 WHEN kind <= 2 THEN 0.9 WHEN kind = 4 THEN level + 0.4 ELSE 0.2 END
			+ 0.5 * pg_temp.z(attack * 100 + n, 137), day, kind
	FROM attack) a
WHERE day BETWEEN 0 AND 90.9999;

CREATE TABLE payments AS
SELECT payment_id, customer_id,
	'card-' || right(to_hex(hashint8extended(customer_id * 4 + card, 140)), 10) AS card, home AS card_country,
	'dev-' || right(to_hex(hashint8extended(device, 141)), 10) AS device, country,
	inet '10.0.0.0' + 65536 * array_position('{DE,FR,GB,ES,IT,NL,PL,US,BR,TR,SG,CA}'::text[], country) + floor(host)::bigint
		AS ip_address,
	category,
	round(exp(CASE category WHEN 'grocery' THEN 3.3 WHEN 'fashion' THEN 3.9 WHEN 'electronics' THEN 4.7 WHEN 'home' THEN 4.0
		WHEN 'travel' THEN 5.2 WHEN 'digital' THEN 2.4 ELSE 3.7 END + level)::numeric, 2) + 0.5 AS amount,
	date_trunc('second', timestamptz '2026-04-01 00:00+00' + day * interval '1 day') AS paid_at,
	fraud > 0 AS is_fraud
FROM payment;
ALTER TABLE payments ADD PRIMARY KEY (payment_id);
INSERT INTO truth SELECT 'kind of fraud', payment_id, fraud FROM payment WHERE fraud > 0;
COMMENT ON TABLE payments IS 'Payments by card from April to June 2026 at all merchants; about one in 100 is fraud';
COMMENT ON COLUMN payments.card_country IS 'Where the card was issued';
COMMENT ON COLUMN payments.country IS 'Of ip_address: 10.n is the nth of DE, FR, GB, ES, IT, NL, PL, US, BR, TR, SG, CA';
COMMENT ON COLUMN payments.is_fraud IS 'As it turned out weeks later: the card''s holder denied the payment';

-- reviews: stars follow the product's quality and the writer's mood, words follow the stars
CREATE TABLE reviews AS
SELECT row_number() OVER (ORDER BY o.order_id) AS review_id, o.order_id, o.customer_id, l.product_id,
	o.ordered_at + (3 + 20 * pg_temp.u(o.order_id, 70)) * interval '1 day' AS written_at,
	r.rating,
	CASE WHEN pg_temp.u(o.order_id, 71) < 0.04 THEN NULL WHEN pg_temp.u(o.order_id, 71) < 0.08 THEN upper(w.body)
		WHEN pg_temp.u(o.order_id, 71) < 0.11 THEN replace(w.body, '. ', '.<br/>')
		WHEN pg_temp.u(o.order_id, 71) < 0.14 THEN w.body || ' ' || pg_temp.one('{":-)",!!!,"\\u2764",...}', o.order_id, 72)
		ELSE w.body END AS body
FROM orders o
JOIN order_lines l ON l.order_id = o.order_id AND l.line = 1
JOIN products p USING (product_id),
	LATERAL (SELECT least(5, greatest(1, round(4 + 0.6 * pg_temp.z(l.product_id, 73) + 1.1 * pg_temp.z(o.order_id, 74))))::int
		AS rating) r,
	LATERAL (SELECT 'The ' || lower(trim(p.title)) || ' ' || CASE
			WHEN r.rating >= 4 THEN pg_temp.one('{"is excellent","works perfectly","is better than I hoped","looks beautiful",
				"is worth every penny","made my day"}', o.order_id, 75)
			WHEN r.rating = 3 THEN pg_temp.one('{"is okay","does its job","is average","is fine for the price"}', o.order_id, 75)
			ELSE pg_temp.one('{"broke after a week","is a disappointment","does not work","looks cheap","arrived damaged",
				"is a waste of money"}', o.order_id, 75) END || '. ' || CASE
			WHEN pg_temp.u(o.order_id, 76) < 0.3 THEN pg_temp.one('{"Delivery was quick.","Delivery took two weeks.",
				"The parcel came on time.","The box was open."}', o.order_id, 77)
			WHEN r.rating >= 4 THEN pg_temp.one('{"I will buy it again.","Highly recommended!","My family loves it.",
				"Great quality and a fair price."}', o.order_id, 77)
			WHEN r.rating = 3 THEN pg_temp.one('{"Nothing special.","I expected a bit more.","Good enough."}', o.order_id, 77)
			ELSE pg_temp.one('{"I want my money back.","Never again.","Customer service did not answer.",
				"Poor quality, too expensive."}', o.order_id, 77) END AS body) w
WHERE o.status <> 'cancelled' AND pg_temp.u(o.order_id, 78) < 0.06;
ALTER TABLE reviews ADD PRIMARY KEY (review_id);
COMMENT ON TABLE reviews IS 'Reviews of 1 to 5 stars; some bodies are missing, shouted, or carry markup';

-- the experiment: treatment adds 1.5 points to a conversion of about 8 %, and nothing to what a converted visitor spends
CREATE TABLE experiment_visits AS
SELECT v AS visitor, CASE WHEN pg_temp.u(v, 80) < 0.5 THEN 'control' ELSE 'treatment' END AS variant,
	timestamptz '2026-05-01 00:00+00' + date_trunc('second', 28 * pg_temp.u(v, 81) * interval '1 day') AS visited_at,
	pg_temp.one('{mobile,mobile,mobile,desktop,desktop,tablet}', v, 82) AS device,
	e.pre_revenue, c.converted,
	CASE WHEN c.converted THEN round(exp(2.5 + 0.5 * ln(1 + e.pre_revenue) + 0.6 * pg_temp.z(v, 85))::numeric, 2)
		ELSE 0 END AS revenue
FROM generate_series(1, greatest((50000 * :scale)::bigint, 1000)) AS v,
	LATERAL (SELECT CASE WHEN pg_temp.u(v, 83) < 0.4 THEN 0 ELSE round(exp(3 + pg_temp.z(v, 84))::numeric, 2) END
		AS pre_revenue) e,
	LATERAL (SELECT pg_temp.u(v, 86) < 0.02 + 0.022 * ln(1 + e.pre_revenue) + CASE WHEN pg_temp.u(v, 80) < 0.5 THEN 0
		ELSE 0.015 END AS converted) c;
ALTER TABLE experiment_visits ADD PRIMARY KEY (visitor);
INSERT INTO truth VALUES ('experiment: gain in conversion', 0, 0.015);
COMMENT ON TABLE experiment_visits IS 'A new checkout, shown to half of the visitors in May 2026';
COMMENT ON COLUMN experiment_visits.pre_revenue IS 'What the visitor spent in the four weeks before; 0 for two in five';

-- deliveries of one day around a depot; times in minutes after 8:00, coordinates in km, demand in parcels
CREATE TABLE deliveries AS
SELECT 'D' || lpad(d::text, 3, '0') AS delivery_id, d = 0 AS is_depot,
	CASE WHEN d = 0 THEN 0 ELSE round((12 * cos(a.angle) + 4 * pg_temp.z(d, 91))::numeric, 2) END::float8 AS x,
	CASE WHEN d = 0 THEN 0 ELSE round((12 * sin(a.angle) + 4 * pg_temp.z(d, 92))::numeric, 2) END::float8 AS y,
	CASE WHEN d = 0 THEN 0 ELSE 1 + floor(-ln(1 - pg_temp.u(d, 93)) * 4)::int END AS demand,
	CASE WHEN d = 0 THEN 0 ELSE b.ready END AS ready,
	CASE WHEN d = 0 THEN 600 ELSE b.ready + 120 + floor(4 * pg_temp.u(d, 95))::int * 60 END AS due,
	CASE WHEN d = 0 THEN 0 ELSE 5 END AS service
FROM generate_series(0, 100) AS d,
	LATERAL (SELECT 2 * pi() * floor(6 * pg_temp.u(d, 90)) / 6 AS angle) a,
	LATERAL (SELECT floor(4 * pg_temp.u(d, 94))::int * 60 AS ready) b;
ALTER TABLE deliveries ADD PRIMARY KEY (delivery_id);
COMMENT ON TABLE deliveries IS 'One day''s parcels and the depot (x, y in km; ready, due and service in minutes after 8:00)';

DROP FUNCTION pg_temp.one(text[], bigint, int), pg_temp.z(bigint, int), pg_temp.u(bigint, int);
DROP TABLE placed, customer, payer, attack, payment;
RESET client_min_messages;
RESET jit;
ANALYZE;
