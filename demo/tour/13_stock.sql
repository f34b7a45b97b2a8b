\echo ======================================================================
\echo 13. What to order today
\echo ======================================================================
\echo
\echo 'Plans for five products: two weeks of lead time, 95 % of demand from stock.'
SELECT series AS product, round(demand::numeric, 1) AS demand, round(demand_sd::numeric, 1) AS sd,
	round(safety_stock::numeric, 1) AS safety, round(reorder_point::numeric, 1) AS reorder, order_quantity, order_now
FROM ecml_inventory_plan('SELECT product_id, week, units FROM sales WHERE product_id <= 5',
	'{"series": "product_id", "ds": "week", "y": "units", "lead_time": 2, "pack_size": 12, "on_hand": 100}');

\echo 'A policy, run over the demand of a product before it is used.'
SELECT round((1 - sum(missed) / sum(demand))::numeric, 3) AS fill_rate, round(avg(greatest(on_hand, 0))::numeric, 1) AS stock,
	count(*) FILTER (WHERE ordered > 0) AS orders
FROM ecml_simulate_inventory('{"reorder_point": 90, "order_quantity": 120, "lead_time": 2}',
	(SELECT array_agg(units::float8 ORDER BY week) FROM sales WHERE product_id = 20));

\echo 'Which products matter, and how steady they sell.'
SELECT abc, xyz, count(*) AS products, round(sum(share)::numeric, 3) AS share
FROM ecml_abc_xyz('SELECT product_id, week, units, units * price AS revenue FROM sales') GROUP BY abc, xyz ORDER BY abc, xyz;
