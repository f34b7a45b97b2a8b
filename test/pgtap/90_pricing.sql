-- Demand curves against statsmodels, pooling, the best price against grids, models as demand, markdowns against brute force.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(61);

-- ---- elasticities: test/data/pricing/make_elasticity.py
CREATE TABLE log_of_sales (product int, week int, price float8, rival float8, promo float8, units int, shock float8);
\copy log_of_sales FROM '../data/pricing/sales.tsv'
CREATE TABLE reference (kind text, product int, term text, estimate float8, std_error float8);
\copy reference FROM '../data/pricing/elasticity.tsv'
CREATE TABLE found AS
SELECT kind, e.product::int, t.key AS term, (t.value ->> 'estimate')::float8 AS estimate, (t.value ->> 'std_error')::float8 AS std_error
FROM (VALUES ('log_log', '{}'::jsonb), ('robust', '{"errors": "robust"}'), ('semi_log', '{"form": "semi_log"}'),
	('linear', '{"form": "linear"}'), ('iv', '{"instruments": ["shock"]}')) v (kind, options),
	LATERAL ecml_elasticity('log_of_sales', options || '{"competitor_price": "rival", "controls": ["promo"], "pooling": false}') e,
	LATERAL jsonb_each(e.terms) t
UNION ALL
SELECT 'poisson', e.product::int, t.key, (t.value ->> 'estimate')::float8, (t.value ->> 'std_error')::float8
FROM ecml_elasticity('SELECT product, price, rival, promo, floor(units / 60.0) AS units FROM log_of_sales',
	'{"competitor_price": "rival", "controls": ["promo"], "pooling": false, "form": "poisson"}') e, LATERAL jsonb_each(e.terms) t;
SELECT ok(count(*) = 9 AND bool_and(pg_temp.close(f.estimate, r.estimate, 1e-10)), kind || ': coefficients are statsmodels''')
FROM found f FULL JOIN reference r USING (kind, product, term) GROUP BY kind ORDER BY kind;
SELECT ok(count(*) = 9 AND bool_and(pg_temp.close(f.std_error, r.std_error, 1e-10)), kind || ': standard errors are statsmodels''')
FROM found f FULL JOIN reference r USING (kind, product, term) GROUP BY kind ORDER BY kind;
SELECT ok(pg_temp.close(e.elasticity, r.estimate, 1e-10) AND pg_temp.close(e.std_error, r.std_error, 1e-10)
	AND e.conf_low < e.elasticity AND e.shrinkage = 0 AND e.first_stage_f IS NULL, 'the elasticity is the price''s coefficient')
FROM ecml_elasticity('log_of_sales', '{"competitor_price": "rival", "controls": ["promo"], "pooling": false}') e
JOIN reference r ON kind = 'log_log' AND term = 'price' AND r.product = 1 WHERE e.product = '1';
SELECT ok(pg_temp.close(e.elasticity, r.estimate * m.price / m.units, 1e-9), 'of the linear form at the means')
FROM ecml_elasticity('log_of_sales', '{"competitor_price": "rival", "controls": ["promo"], "pooling": false, "form": "linear"}') e
JOIN reference r ON kind = 'linear' AND term = 'price' AND r.product = 2,
	(SELECT avg(price) AS price, avg(units) AS units FROM log_of_sales WHERE product = 2) m WHERE e.product = '2';
SELECT ok(bool_and(first_stage_f > 100), 'strong instruments are told') FROM ecml_elasticity('log_of_sales', '{"instruments": ["shock"]}');

-- ---- partial pooling: 60 products of 12 weeks with known elasticities
SELECT setseed(0.25);
CREATE TABLE thin AS
SELECT p AS product_id, w AS week, price, round(exp(3.5 + e * ln(price / 10) + 0.3 * z) * 100) / 100 AS units, e AS truth
FROM (SELECT p, -1.8 + 0.4 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS e FROM generate_series(1, 60) p OFFSET 0) a,
	generate_series(1, 12) w, LATERAL (SELECT round((10 * exp(0.3 * (random() - 0.5 + 0 * p * w)))::numeric, 2)::float8 AS price,
		sqrt(-2 * ln(1 - random() + 0 * p * w)) * cos(2 * pi() * random()) AS z) x;
INSERT INTO thin SELECT 61, w, 10, 30 + w, NULL FROM generate_series(1, 12) w;
CREATE TABLE pooled AS SELECT e.*, t.truth FROM ecml_elasticity('thin') e
JOIN (SELECT product_id, max(truth) AS truth FROM thin GROUP BY 1) t ON t.product_id = e.product::int;
SELECT cmp_ok(sqrt(avg((elasticity - truth) ^ 2)), '<', 0.7 * sqrt(avg((own_elasticity - truth) ^ 2)),
	'drawn together the elasticities are nearer to the truth') FROM pooled;
SELECT ok(avg((truth BETWEEN conf_low AND conf_high)::int) BETWEEN 0.88 AND 1, 'and their intervals hold it') FROM pooled WHERE truth IS NOT NULL;
SELECT ok(bool_and(shrinkage > 0 AND shrinkage < 1), 'the weight of the pool lies between') FROM pooled WHERE truth IS NOT NULL;
SELECT ok(elasticity BETWEEN -2.3 AND -1.3 AND own_elasticity IS NULL AND shrinkage > 0.99 AND note LIKE 'the price never changed%',
	'a price that never moved: the others speak for it') FROM pooled WHERE product = '61';
SELECT results_eq($$ SELECT product, elasticity, std_error FROM ecml_elasticity('thin') $$, $$ SELECT product, elasticity, std_error FROM pooled $$,
	'the same again');
SET LOCAL ecml.threads = 1;
SELECT results_eq($$ SELECT product, elasticity, std_error FROM ecml_elasticity('thin') $$, $$ SELECT product, elasticity, std_error FROM pooled $$,
	'the same bits on one thread');
RESET ecml.threads;
SELECT is((SELECT array_agg(product) FROM (SELECT product FROM ecml_elasticity('thin') LIMIT 3) p), '{1,2,3}', 'products in their order');

-- articles that sell once in a while: logarithms would leave the weeks without a sale out
CREATE TABLE slow AS SELECT product_id, week, price, (units / 60 > random())::int AS units, truth FROM thin WHERE product_id < 61;
SELECT ok((SELECT avg(elasticity) FROM ecml_elasticity('slow', '{"form": "poisson"}')) BETWEEN -3.3 AND -0.5
	AND (SELECT bool_and(rows = 12) FROM ecml_elasticity('slow', '{"form": "poisson"}')), 'weeks without a sale count in the Poisson form');
SELECT throws_ok($$ SELECT ecml_elasticity('slow', '{"form": "poisson", "instruments": ["truth"]}') $$, '22023', NULL, 'which takes no instruments');

-- ---- seasons, texts, NULLs
CREATE TABLE seasonal AS SELECT date '2024-01-01' + 7 * w AS week, price, exp(4 - 1.5 * ln(price) + 0.3 * (extract(month FROM date '2024-01-01' + 7 * w) IN (11, 12))::int
	+ CASE w % 3 WHEN 0 THEN 0.2 ELSE 0 END + 0.01 * w) AS units, CASE w % 3 WHEN 0 THEN 'mail' ELSE 'none' END AS advert
FROM generate_series(0, 103) w, LATERAL (SELECT 10 + (w * 7) % 11 AS price) p;
SELECT ok(abs(elasticity + 1.5) < 1e-9 AND abs((terms #>> '{advert=none,estimate}')::float8 + 0.2) < 1e-9
	AND abs((terms #>> '{trend,estimate}')::float8 - 0.01 * 365.25 / 7) < 1e-7 AND product IS NULL, 'months, a text and the trend are told apart')
FROM ecml_elasticity('seasonal', '{"season": "month", "trend": true, "controls": ["advert"]}');
SELECT is((SELECT count(*) FROM ecml_elasticity('seasonal', '{"season": "yearly"}')), 1::bigint, 'waves');
SELECT ok((SELECT rows = 104 AND skipped = 3 FROM ecml_elasticity(
	'SELECT * FROM seasonal UNION ALL SELECT week, price, NULL, advert FROM seasonal WHERE week < ''2024-01-10'' UNION ALL SELECT week, price, 0, advert FROM seasonal WHERE week < ''2024-01-04''')), 'rows with NULL or nothing sold are left out, and counted');
SELECT throws_ok($$ SELECT ecml_elasticity('SELECT 1 AS price') $$, '42704', NULL, 'no units');
SELECT throws_ok($$ SELECT ecml_elasticity('seasonal', '{"elastic": 1}') $$, '22023', NULL, 'an unknown option');
SELECT throws_ok($$ SELECT ecml_elasticity('seasonal', '{"controls": ["adverts"]}') $$, '42704', NULL, 'an unknown column');
SELECT throws_ok($$ SELECT ecml_elasticity('SELECT ''NaN''::float8 AS price, 1 AS units') $$, '22000', NULL, 'NaN');
SELECT throws_ok($$ SELECT ecml_elasticity('SELECT 1 AS price, 1 AS units WHERE false') $$, '22000', NULL, 'no rows');
SELECT ok((SELECT elasticity IS NULL AND note = 'too few rows for so many terms: no interval' OR note IS NOT NULL FROM ecml_elasticity('SELECT 1 AS price, 1 AS units')), 'one row: a note');

-- ---- the best price: exact demand, so that the answers are known
CREATE TABLE exact AS SELECT p AS product, w AS week, price, 500 * (price / 10) ^ e AS units, 6.0 AS cost, e
FROM (VALUES (1, -3.0), (2, -1.5), (3, -0.8)) v (p, e), generate_series(1, 20) w, LATERAL (SELECT 8 + (w * 7) % 9 * 0.5 AS price) x;
CREATE FUNCTION pg_temp.best(options jsonb) RETURNS TABLE (product int, price float8, profit float8, binding text) LANGUAGE sql AS $$
	SELECT product::int, optimal_price, expected_profit, binding FROM ecml_optimal_price('exact', options || '{"pooling": false}') $$;
-- the best on a grid of a tenth of a cent
CREATE FUNCTION pg_temp.grid(e float8, low float8, high float8, stock float8 DEFAULT 1e9) RETURNS float8 LANGUAGE sql AS $$
	SELECT p FROM (SELECT low + (high - low) * i / 20000 AS p FROM generate_series(0, 20000) i) g
	ORDER BY (p - 6) * least(500 * (p / 10) ^ e, stock) DESC LIMIT 1 $$;
SELECT ok((SELECT bool_and(abs(price - pg_temp.grid(e, 4, 24)) < 0.0011) FROM pg_temp.best('{}') JOIN (SELECT DISTINCT product, e FROM exact) x USING (product)),
	'as on a fine grid');
SELECT ok(abs(price - 9) < 1e-6 AND binding IS NULL, 'cost * e / (1 + e)') FROM pg_temp.best('{}') WHERE product = 1;
SELECT ok(abs(price - 24) < 1e-9 AND binding = 'range', 'inelastic demand goes to the end of the range') FROM pg_temp.best('{}') WHERE product = 3;
SELECT is((SELECT array_agg(price ORDER BY product) FROM pg_temp.best('{"min_price": 9.5, "max_price": 14}')), '{9.5,14,14}', 'bounds');
SELECT is((SELECT array_agg(binding ORDER BY product) FROM pg_temp.best('{"min_price": 9.5, "max_price": 14}')), '{min_price,max_price,max_price}', 'which of them bind');
SELECT ok(abs(price - 10) < 1e-9 AND binding = 'margin', 'the margin') FROM pg_temp.best('{"min_margin": 0.4}') WHERE product = 1;
SELECT is((SELECT price FROM pg_temp.best('{"ends_with": 0.99}') WHERE product = 1), 8.99::float8, 'prices that end in .99');
SELECT is((SELECT price FROM pg_temp.best('{"ends_with": [9], "max_price": 100}') WHERE product = 2), 19::float8, 'or in 9');
SELECT is((SELECT price FROM pg_temp.best('{"prices": [7, 11, 9.5]}') WHERE product = 1), 9.5::float8, 'prices of a list');
SELECT ok(abs(price - pg_temp.grid(-3, 4, 24, 300)) < 0.0011 AND binding = 'stock', 'a stock') FROM pg_temp.best('{"stock": 300}') WHERE product = 1;
SELECT ok(abs(price - 4) < 1e-9, 'revenue of elastic demand: low') FROM pg_temp.best('{"objective": "revenue"}') WHERE product = 1;
SELECT ok((SELECT bool_and(price_low <= optimal_price AND optimal_price <= price_high AND price_high > price_low) FROM ecml_optimal_price('thin', '{"cost": 4}') WHERE binding IS NULL),
	'the interval holds the price');
SELECT throws_ok($$ SELECT ecml_optimal_price('SELECT product, price, units FROM exact') $$, '22023', NULL, 'a profit needs a cost');
SELECT ok((SELECT optimal_price IS NULL AND note LIKE 'no price is allowed%' FROM ecml_optimal_price('exact', '{"min_price": 20, "max_price": 10}') LIMIT 1), 'limits that exclude each other');

-- a noisy shop of 40 products over a year: profit by the true demand at the chosen prices, all between half and double the price
CREATE TABLE noisy AS
SELECT p AS product_id, w AS week, price, promo, round(exp(4 + e * ln(price / 10) + 0.3 * promo + 0.15 * z) * 10) / 10 AS units, e AS truth
FROM (SELECT p, -1.6 - 1.2 * random() AS e FROM generate_series(1, 40) p OFFSET 0) a,
	generate_series(1, 52) w, LATERAL (SELECT (random() + 0 * p * w < 0.15)::int AS promo) o,
	LATERAL (SELECT round((10 * exp(0.4 * (random() - 0.5 + 0 * p * w) - 0.1 * promo))::numeric, 2)::float8 AS price,
		sqrt(-2 * ln(1 - random() + 0 * p * w)) * cos(2 * pi() * random()) AS z) x;
SELECT cmp_ok(sum((optimal_price - 6) * optimal_price ^ truth) / sum((best - 6) * best ^ truth), '>', 0.97::float8,
	'97 % of the best profit on noisy data')
FROM ecml_optimal_price('noisy', '{"cost": 6, "min_price": 5, "max_price": 20}') o
JOIN (SELECT product_id, max(truth) AS truth FROM noisy GROUP BY 1) t ON t.product_id = o.product::int,
	LATERAL (SELECT least(6 * truth / (1 + truth), 20) AS best) b;

-- a category together: two substitutes, against a grid of pairs
CREATE TABLE pair AS SELECT * FROM (SELECT w AS week, 8 + (w * 7) % 9 * 0.5 AS a, 8 + (w * 5) % 11 * 0.5 AS b FROM generate_series(1, 40) w) s,
	LATERAL (VALUES ('a', a, 300 * (a / 10) ^ -2.5 * (b / 10) ^ 0.8), ('b', b, 200 * (b / 10) ^ -2 * (a / 10) ^ 0.5)) v (product, price, units);
CREATE TABLE together AS SELECT product, optimal_price AS p, expected_profit FROM ecml_optimal_price('SELECT product, week, price, units, 5 AS cost FROM pair', '{"cross": "pairs", "max_price": 25}');
SELECT ok((SELECT sum(expected_profit) FROM together) >= 0.99999 * max((pa - 5) * 300 * (pa / 10) ^ -2.5 * (pb / 10) ^ 0.8 + (pb - 5) * 200 * (pb / 10) ^ -2 * (pa / 10) ^ 0.5),
	'two substitutes together: as the best of a grid of pairs')
FROM (SELECT 4 + i * 0.07::float8 AS pa FROM generate_series(0, 300) i) x, (SELECT 4 + i * 0.07::float8 AS pb FROM generate_series(0, 300) i) y;
SELECT ok((SELECT p FROM together WHERE product = 'a') > 5 * 2.5 / 1.5 + 0.1, 'a substitute of one''s own makes prices higher');
SELECT ok(abs(category_elasticity - 0.8) < 1e-8, 'the index of one other is its price') FROM ecml_elasticity('pair', '{"cross": "index", "pooling": false}') WHERE product = 'a';
SELECT ok(abs((terms #>> '{price of a,estimate}')::float8 - 0.5) < 1e-8, 'and so is the pair''s') FROM ecml_elasticity('pair', '{"cross": "pairs"}') WHERE product = 'b';

-- a trained model as demand
SELECT isnt_empty($$ SELECT * FROM ecml_train('demand', 'linreg', 'SELECT ln(units) AS ln_units, ln(price) AS ln_price, week FROM exact WHERE product = 1', 'ln_units') $$, 'a model is trained');
SELECT ok(abs(optimal_price - 9) < 0.01 AND abs(expected_units - 500 * 0.9 ^ -3) < 2 AND abs(elasticity + 3) < 1e-6 AND product = '1', 'a model with ln_price and ln_units: the same price')
FROM ecml_optimal_price('SELECT product, 10.0 AS price, 6 AS cost, 1 AS week FROM exact WHERE product = 1 LIMIT 1', '{"model": "demand"}');
SELECT isnt_empty($$ SELECT * FROM ecml_train('steps', 'gbdt', 'SELECT units, price, product::text AS which FROM exact', 'units') $$, 'trees are trained');
SELECT ok((SELECT bool_and(optimal_price::numeric % 1 = 0.99 AND expected_profit >= current_profit) FROM ecml_optimal_price(
	'SELECT DISTINCT ON (product) product::text AS which, product, 10.99 AS price, cost FROM exact', '{"model": "steps", "ends_with": 0.99, "min_price": 8, "max_price": 12}')), 'trees with a ladder');

-- ---- markdowns: against brute force over all falling prices and Poisson demand (two weeks, three prices, four units)
CREATE FUNCTION pg_temp.brute(s int, week int, k int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	best float8 := '-infinity'; v float8; m float8; rest float8; price float8;
BEGIN
	IF week = 3 THEN RETURN 2 * s; END IF;
	FOR j IN k..2 LOOP
		price := 10 * (1 - 0.3 * j); m := 1.5 * (1 - 0.3 * j) ^ -2.2; v := 0; rest := 1;
		FOR d IN 0..s LOOP
			v := v + CASE WHEN d = s THEN rest ELSE exp(-m + d * ln(m) - ln(factorial(d)::float8)) END * (price * d + pg_temp.brute(s - d, week + 1, j));
			rest := rest - exp(-m + d * ln(m) - ln(factorial(d)::float8));
		END LOOP;
		best := greatest(best, v);
	END LOOP;
	RETURN best;
END $$;
CREATE TABLE plan AS SELECT * FROM ecml_markdown('SELECT ''coat'' AS product, 10.0 AS price, 1.5 AS units, -2.2 AS elasticity, 4 AS stock, 2 AS salvage',
	'{"weeks": 2, "discounts": [0, 0.3, 0.6]}');
SELECT ok(abs(total - pg_temp.brute(4, 1, 0)) < 1e-9, 'the total is brute force''s') FROM plan WHERE week = 1;
SELECT ok(abs((SELECT sum(revenue) FROM plan) + 2 * (SELECT left_over FROM plan WHERE week = 2) - (SELECT max(total) FROM plan)) < 1e-9, 'revenues and salvage add up to it');
SELECT ok((SELECT bool_and(total >= fixed_total - 1e-9) FROM plan), 'one price is no better');
CREATE TABLE season AS SELECT * FROM ecml_markdown('thin', '{"weeks": 6, "stock": 400, "salvage": 1}');
SELECT ok((SELECT bool_and(abs(s.sales + s.left_over - s.stock) < 1e-6 AND s.discount >= p.discount - 1e-9) FROM season s JOIN season p ON p.product = s.product AND p.week = s.week - 1),
	'estimated demand: units add up, prices fall');
SELECT throws_ok($$ SELECT ecml_markdown('thin', '{"stock": 10}') $$, '22023', NULL, 'no weeks');

SELECT * FROM finish();
ROLLBACK;
