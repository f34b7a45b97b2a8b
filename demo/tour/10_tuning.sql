\echo ======================================================================
\echo 10. How good will it be, and with which options?
\echo ======================================================================
\echo
\echo Weeks of twenty products. A model is judged on rows that it has not seen. Which rows those are is a question of its own:
\echo rows like these (random), products that are new (whole groups are left out), the coming weeks (trained on the past only).
CREATE VIEW weeks AS
SELECT product_id, week, ln(units) AS ln_units, ln(price) AS ln_price, promo, season, ln(competitor_price) AS ln_competitor
FROM sales WHERE product_id <= 20;
SELECT question, (v #>> '{rmse,mean}')::float8 AS rmse, (v #>> '{rmse,sd}')::float8 AS sd, (v #>> '{r2,mean}')::float8 AS r2
FROM (VALUES ('rows like these', '{}'::jsonb), ('new products', '{"group": "product_id"}'),
	('coming weeks', '{"time": "week", "gap": "7 days"}')) q (question, options),
	LATERAL ecml_cross_validate('linreg', 'weeks', 'ln_units', '{ln_price,promo,season}', options) v;

\echo
\echo The predictions themselves, each by a model trained without its fold. Where is it worst?
SELECT product_id, sqrt(avg((prediction - ln_units) ^ 2)) AS rmse, count(*) AS weeks
FROM (SELECT product_id || '/' || week AS key, * FROM weeks) w
JOIN ecml_cross_predict('linreg', 'SELECT product_id || ''/'' || week AS key, * FROM weeks', 'ln_units',
	'{ln_price,promo,season}', 'key') p USING (key)
GROUP BY product_id ORDER BY rmse DESC LIMIT 3;

\echo How much penalty? A grid over new products; the best is trained on all rows and stored:
SELECT rank, options, metric AS rmse, sd
FROM ecml_tune('linreg', 'weeks', 'ln_units', '{ln_price,promo,season,ln_competitor}',
	'{"alpha": [0, 0.1, 1, 10, 100], "l1_ratio": [0, 0.5]}',
	'{"base": {"missing": "impute"}, "group": "product_id", "save": "new product"}')
ORDER BY rank LIMIT 4;
SELECT name, options, rows FROM ecml.models WHERE name = 'new product';

\echo How many segments? Successive halving: all on a ninth of the customers, the best of them on a third, the last one on all.
SELECT rank, options ->> 'k' AS k, rows, metric AS silhouette
FROM ecml_tune('kmeans', 'SELECT tenure, monthly_spend, complaints, orders FROM customers', NULL, NULL,
	'{"k": [2, 3, 4, 5, 6, 8, 10, 12, 15]}', '{"method": "halving", "folds": 3}')
ORDER BY rank;
