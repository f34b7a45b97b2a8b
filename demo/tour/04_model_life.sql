\echo ======================================================================
\echo 4. The life of a model
\echo ======================================================================
\echo
\echo Units of a product this week, from those of the same week a year before and what has changed since:
CREATE VIEW demand AS
SELECT s.product_id, s.week, ln(s.units) AS ln_units, ln(b.units) AS ln_units_before,
	ln(s.price / b.price) AS price_change, s.promo, b.promo AS promo_before, ln(s.competitor_price / s.price) AS competitor
FROM sales s JOIN sales b ON b.product_id = s.product_id AND b.week = s.week - 364;
CREATE TABLE demand_known AS SELECT * FROM demand WHERE week < '2026-04-01';

\echo
\echo Where nobody looked at the competitor, its price is NULL; such rows are skipped, and counted.
SELECT model, version, rows, skipped, (metrics ->> 'r2')::float8 AS r2
FROM ecml_train('demand', 'linreg', 'demand_known', 'ln_units',
	'{ln_units_before,price_change,promo,promo_before,competitor}');

\echo With the mean in their place ("missing": "impute") they are kept, and prediction takes NULL too. The next version:
SELECT model, version, rows, skipped, (metrics ->> 'r2')::float8 AS r2
FROM ecml_train('demand', 'linreg', 'demand_known', 'ln_units',
	'{ln_units_before,price_change,promo,promo_before,competitor}', '{"missing": "impute"}');

\echo How good is it on the weeks that it has not seen, and across five folds of those that it has?
SELECT key AS metric, value::float8 FROM jsonb_each(ecml_evaluate('demand', $$SELECT * FROM demand WHERE week >= '2026-04-01'$$));
SELECT key AS metric, (value ->> 'mean')::float8 AS mean, (value ->> 'sd')::float8 AS sd
FROM jsonb_each(ecml_cross_validate('linreg', 'demand_known', 'ln_units',
	'{ln_units_before,price_change,promo,promo_before,competitor}', '{"missing": "impute", "folds": 5}'))
WHERE jsonb_typeof(value) = 'object';

\echo More weeks have come: train again, from the stored source and options. Who reads meanwhile keeps the old version.
INSERT INTO demand_known SELECT * FROM demand WHERE week >= '2026-04-01';
SELECT model, version, rows, (metrics ->> 'r2')::float8 AS r2 FROM ecml_retrain('demand');

\echo Every version is kept until it is dropped, and any may be the active one, which predicts:
SELECT ecml_activate('demand', 2) \g /dev/null
SELECT ecml_drop_model('demand', 1) \g /dev/null
SELECT name, version, active, algorithm, task, rows, bytes FROM ecml.models ORDER BY name, version;

\echo A colleague may use it after ecml_grant. (SET ROLE plays the colleague.)
BEGIN;
CREATE ROLE shop_analyst;
GRANT SELECT ON demand TO shop_analyst;
SELECT ecml_grant('demand', 'shop_analyst') \g /dev/null
SET LOCAL ROLE shop_analyst;
SELECT product_id, exp(ecml_predict('demand', d))::int AS expected, exp(ln_units)::int AS sold
FROM demand d WHERE week = '2026-06-22' ORDER BY product_id LIMIT 3;
ROLLBACK;

\echo
\echo A model is a value too: keep it in a table, copy it, carry it to another database.
SELECT ecml_save('demand of spring', ecml_load('demand')) AS version;
SELECT ecml_drop_model('demand of spring') \g /dev/null
