\echo ======================================================================
\echo 4. The life of a model
\echo ======================================================================
\echo
SELECT rows FROM ecml_train('spend', 'linreg', 'customers', 'monthly_spend', '{tenure,complaints,channel,newsletter}');

\echo Every model that you may use:
SELECT name, version, active, algorithm, task, rows, skipped FROM ecml.models WHERE name = 'spend';

\echo Text became dummies; their names tell which:
SELECT term, round(estimate::numeric, 2) AS estimate, round(p_value::numeric, 4) AS p FROM ecml_coefficients('spend');

\echo How good is it, on these rows and across five folds?
SELECT jsonb_pretty(ecml_evaluate('spend', 'customers')) AS evaluation;
SELECT jsonb_pretty(ecml_cross_validate('linreg', 'customers', 'monthly_spend', '{tenure,complaints,channel,newsletter}',
	'{"folds": 5}')) AS cross_validation;

\echo The data have changed: train it again, from the stored source and options.  Readers keep the old version until commit.
DELETE FROM customers WHERE orders = 0;
SELECT model, version, rows FROM ecml_retrain('spend');
SELECT name, version, active, rows FROM ecml.models WHERE name = 'spend' ORDER BY version;

\echo Back to the first one, and on again:
SELECT ecml_activate('spend', 1);
SELECT name, version, active FROM ecml.models WHERE name = 'spend' ORDER BY version;
SELECT ecml_activate('spend', 2);

\echo A colleague may use it.  (SET ROLE plays the colleague.)
BEGIN;
CREATE ROLE shop_analyst;
GRANT SELECT ON customers TO shop_analyst;
SELECT ecml_grant('spend', 'shop_analyst');
SET LOCAL ROLE shop_analyst;
SELECT customer_id, round(ecml_predict('spend', c)::numeric, 2) AS monthly_spend FROM customers c ORDER BY customer_id LIMIT 3;
RESET ROLE;
SELECT ecml_revoke('spend', 'shop_analyst');
ROLLBACK;

\echo A model is a value: into a file, a table, another database.
SELECT ecml_save('spend copy', ecml_load('spend')) AS version;
SELECT jsonb_pretty(ecml_model_info('spend copy') - 'features' - 'metrics') AS info;

\echo Rename it, and drop it.
SELECT ecml_rename_model('spend copy', 'spend archive');
SELECT ecml_drop_model('spend archive');
SELECT name, version, active FROM ecml.models ORDER BY name, version;
