-- Price policies: exact programming against brute force, estimated demand, Q-learning from a log.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(19);

-- what a policy is worth by known demand: Poisson of mean 4 exp(-0.15 price), cost 0, by recursion
CREATE FUNCTION pg_temp.pmf(d int, m float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT exp(-m + d * ln(m) - ln(factorial(d)::float8)) $$;
CREATE FUNCTION pg_temp.worth(policy text, stock int, periods int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	before float8[] := array_fill(0::float8, ARRAY[stock + 1]); now float8[]; price float8; m float8; v float8; rest float8; p float8;
BEGIN
	FOR t IN 1..periods LOOP
		now := ARRAY[0]::float8[];
		FOR s IN 1..stock LOOP
			EXECUTE format('SELECT price FROM %I WHERE time_left = $1 AND stock = $2', policy) INTO price USING t, s;
			m := 4 * exp(-0.15 * price); v := 0; rest := 1;
			FOR d IN 0..s LOOP
				p := CASE WHEN d = s THEN rest ELSE pg_temp.pmf(d, m) END;
				v := v + p * (price * d + before[s - d + 1]);
				rest := rest - p;
			END LOOP;
			now := now || v;
		END LOOP;
		before := now;
	END LOOP;
	RETURN before[stock + 1];
END $$;
CREATE TABLE rates AS SELECT p::float8 AS price, 4 * exp(-0.15 * p) AS rate FROM generate_series(4, 20, 2) p;
CREATE TABLE dp AS SELECT * FROM ecml_price_policy('rates', '{"stock": 8, "periods": 5}');
SELECT is((SELECT count(*) FROM dp), 40::bigint, 'a row a stock and time');
SELECT ok(abs(value - pg_temp.worth('dp', 8, 5)) < 1e-9, 'the value is what following it brings') FROM dp WHERE time_left = 5 AND stock = 8;

-- brute force: no price in any state is better
CREATE TABLE checked AS
SELECT a.time_left, a.stock, a.value, max(r.price * e.sold + e.next) AS best
FROM dp a, rates r, LATERAL (SELECT sum(w * least(d, a.stock)) AS sold, sum(w * coalesce(b.value, 0)) AS next
	FROM (SELECT d, CASE WHEN d = a.stock THEN 1 - coalesce(sum(pg_temp.pmf(d, rate)) OVER (ORDER BY d ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) ELSE pg_temp.pmf(d, rate) END AS w
		FROM generate_series(0, a.stock) d) g
	LEFT JOIN dp b ON b.time_left = a.time_left - 1 AND b.stock = a.stock - d) e
GROUP BY 1, 2, 3;
SELECT ok(bool_and(abs(value - best) < 1e-9) AND count(*) = 40, 'no price is better in any state') FROM checked;
SELECT ok(bool_and(b.price <= a.price), 'more stock, lower price') FROM dp a JOIN dp b ON a.time_left = b.time_left AND b.stock = a.stock + 1;
SELECT ok(abs(expected_sales - least(1, 1 - exp(-(SELECT rate FROM rates r WHERE r.price = dp.price)))) < 1e-9, 'expected sales of one unit') FROM dp WHERE stock = 1 AND time_left = 1;
SELECT ok(abs(value - (SELECT max(price * (1 - exp(-rate))) FROM rates)) < 1e-9, 'one unit, one period') FROM dp WHERE stock = 1 AND time_left = 1;
SELECT ok((SELECT max(value) FROM ecml_price_policy('rates', '{"stock": 8, "periods": 5, "only_fall": true}')) BETWEEN 0.95 * max(value) AND max(value), 'prices that only fall bring no more') FROM dp;
SELECT ok((SELECT max(value) FROM ecml_price_policy('rates', '{"stock": 8, "periods": 5, "salvage": 3}')) > max(value), 'salvage adds') FROM dp;
SELECT ok((SELECT max(value) FROM ecml_price_policy('rates', '{"stock": 8, "periods": 5, "dispersion": 0.5}')) < max(value), 'wilder demand brings less') FROM dp;
SELECT ok(abs(value - (20 * (1 - exp(-3)) + exp(-3) * 4 * (1 - exp(-3)))) < 1e-9 AND price = 20, 'demand by period')
FROM ecml_price_policy('SELECT price, period, CASE WHEN period = 2 AND price = 20 THEN 0.0 ELSE 3 END AS rate FROM (VALUES (4.0), (20.0)) v (price), generate_series(1, 2) period',
	'{"stock": 1, "periods": 2}') WHERE time_left = 2;

-- estimated demand: a log of 400 periods
SELECT setseed(0.125);
CREATE FUNCTION pg_temp.draw(m float8) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	k int := 0; p float8 := random();
BEGIN
	WHILE p > exp(-m) LOOP p := p * random(); k := k + 1; END LOOP;
	RETURN k;
END $$;
CREATE TABLE tries AS SELECT price, pg_temp.draw(4 * exp(-0.15 * price)) AS units FROM (SELECT 4 + 2 * (i % 9) AS price FROM generate_series(1, 400) i) p;
CREATE TABLE estimated AS SELECT * FROM ecml_price_policy('tries', '{"stock": 8, "periods": 5}');
SELECT cmp_ok(pg_temp.worth('estimated', 8, 5), '>', 0.995 * (SELECT max(value) FROM dp), 'estimated demand: 99.5 % of the best');
SELECT isnt_empty($$ SELECT * FROM ecml_price_policy('tries', '{"stock": 8, "periods": 5, "form": "empirical"}') $$, 'means as they are');

-- Q-learning: 6,000 seasons with prices at random
CREATE TABLE seasons (season int, time_left int, stock int, price float8, units int);
DO $$
DECLARE
	s int; price float8; sold int;
BEGIN
	FOR i IN 1..6000 LOOP
		s := 8;
		FOR t IN REVERSE 5..1 LOOP
			EXIT WHEN s = 0;
			price := 6 + 4 * floor(random() * 4);
			sold := least(s, pg_temp.draw(4 * exp(-0.15 * price)));
			INSERT INTO seasons VALUES (i, t, s, price, sold);
			s := s - sold;
		END LOOP;
	END LOOP;
END $$;
CREATE TABLE learnt AS SELECT * FROM ecml_price_policy('seasons', '{"method": "q_learning"}');
CREATE TABLE four AS SELECT * FROM ecml_price_policy('SELECT * FROM (VALUES (6.0), (10.0), (14.0), (18.0)) v (price), LATERAL (SELECT 4 * exp(-0.15 * price) AS rate) r', '{"stock": 8, "periods": 5}');
SELECT cmp_ok(pg_temp.worth('learnt', 8, 5), '>', 0.97 * (SELECT max(value) FROM four), 'learnt from a log: 97 % of the best');
SELECT ok(abs(l.value / f.value - 1) < 0.05 AND l.visits > 100, 'and it knows what it is worth') FROM learnt l JOIN four f USING (time_left, stock) WHERE time_left = 5 AND stock = 8;
SELECT isnt_empty($$ SELECT * FROM ecml_price_policy('seasons', '{"method": "q_learning", "stock_bins": 4}') $$, 'stock in bins');

SELECT throws_ok($$ SELECT ecml_price_policy('rates', '{"stock": 8}') $$, '22023', NULL, 'no periods');
SELECT throws_ok($$ SELECT ecml_price_policy('SELECT 5 AS price, -1 AS rate', '{"stock": 8, "periods": 2}') $$, '22000', NULL, 'a rate below 0');
SELECT throws_ok($$ SELECT ecml_price_policy('SELECT 5 AS price, 1 AS units', '{"stock": 8, "periods": 2}') $$, '22000', NULL, 'one price tells nothing');
SELECT throws_ok($$ SELECT ecml_price_policy('rates', '{"stock": 5000, "periods": 9999}') $$, '54000', NULL, 'too many states');

SELECT * FROM finish();
ROLLBACK;
