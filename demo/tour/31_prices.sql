\echo ======================================================================
\echo 31. Prices: what do they do to sales, and which are best?
\echo ======================================================================
\echo
\echo Elasticities of 400 products, drawn together where the weeks of one tell little; how near they are to what the shop was made with:
SELECT count(*) AS products, round(sqrt(avg((elasticity - value) ^ 2))::numeric, 3) AS error, round(sqrt(avg((own_elasticity - value) ^ 2))::numeric, 3) AS error_alone,
	round(avg((value BETWEEN conf_low AND conf_high)::int), 3) AS in_interval
FROM ecml_elasticity('sales') e JOIN truth t ON t.what = 'elasticity' AND t.key = e.product::bigint;

\echo The best prices within a fifth of the present ones, not far above the competitor, ending in .99:
SELECT product, current_price, optimal_price, round(current_profit::numeric) AS profit, round(expected_profit::numeric) AS then, binding
FROM ecml_optimal_price('SELECT s.*, p.cost FROM sales s JOIN products p USING (product_id)',
	'{"max_change": 0.2, "competitor_ratio": 1.15, "ends_with": 0.99, "min_margin": 0.1}')
ORDER BY expected_profit - current_profit DESC NULLS LAST LIMIT 5;

\echo 900 pieces of product 60 are left, eight weeks to go:
SELECT week, price, round(discount::numeric, 2) AS discount, round(stock::numeric) AS stock, round(sales::numeric) AS sales, round(revenue::numeric) AS revenue
FROM ecml_markdown('SELECT * FROM sales WHERE product_id = 60', '{"weeks": 8, "stock": 900, "salvage": 2}');

\echo A price for each stock and time left, for buyers who come by chance:
SELECT stock, max(price) FILTER (WHERE time_left = 10) AS ten_left, max(price) FILTER (WHERE time_left = 3) AS three_left, max(price) FILTER (WHERE time_left = 1) AS one_left
FROM ecml_price_policy('SELECT price, 6 * exp(-0.05 * price) AS rate FROM generate_series(20, 80, 10) AS price', '{"stock": 30, "periods": 10}')
WHERE stock % 6 = 0 GROUP BY stock ORDER BY stock;

\echo A bandit finds out which banner sells, while it is shown:
SELECT ecml_bandit_create('tour banner', '{sea,forest,city}', '{"seed": 1}');
DO $$
DECLARE
	arm text;
BEGIN
	PERFORM setseed(0.3);
	FOR visitor IN 1..2000 LOOP
		arm := ecml_bandit_choose('tour banner');
		PERFORM ecml_bandit_reward('tour banner', arm, (random() < CASE arm WHEN 'sea' THEN 0.05 WHEN 'forest' THEN 0.11 ELSE 0.07 END)::int);
	END LOOP;
END $$;
SELECT arm, choices, total AS sales, round(mean::numeric, 3) AS rate, round(probability_best::numeric, 3) AS probability_best FROM ecml_bandit_report('tour banner');
SELECT ecml_bandit_drop('tour banner');
