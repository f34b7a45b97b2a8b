\echo ======================================================================
\echo 5. Preparation: from a raw table to one that a model can use
\echo ======================================================================
\echo
\echo What is in the table of customers? A row for each column; notes say in plain words what is wrong.
SELECT column_name, count, nulls, distinct_count AS different, mean, median, most_frequent, note FROM ecml_describe('customers');

\echo Countries are badly typed, in small letters or with blanks. The query mends that; a view mends NULLs, outliers, scales and
\echo categories:
SELECT destination_name, kind, rows, columns FROM ecml_prepare(
	'SELECT customer_id, upper(trim(country)) AS country, birth_year, channel, newsletter, tenure, complaints, orders, monthly_spend, churned
	 FROM customers', 'churn_input',
	'{"impute": {"birth_year": "median", "country": "most_frequent"}, "was_missing": ["birth_year"],
	  "clip": {"orders": {"upper": 0.99}}, "log1p": ["orders"], "scale": "standard", "one_hot": ["channel", "country"],
	  "drop_first": true, "keep": ["customer_id", "monthly_spend"]}');

\echo It is plain SQL with what was learnt as constants:
\x on
SELECT pg_get_viewdef('churn_input', true) AS churn_input;
\x off

\echo Train on four customers in five, chosen by a hash of their number, so that nobody ever changes sides; test on
\echo the rest.
SELECT rows, (metrics ->> 'r2')::float8 AS r2 FROM ecml_train('monthly spend', 'linreg',
	'SELECT * FROM churn_input WHERE NOT ecml_split(customer_id, 0.2)', 'monthly_spend', '{tenure,complaints,orders,birth_year}');
SELECT (ecml_evaluate('monthly spend', 'SELECT * FROM churn_input WHERE ecml_split(customer_id, 0.2)') ->> 'r2')::float8 AS r2_of_the_rest;

\echo A new customer, without a year of birth, from a country that nobody has come from: the view knows what to do.
BEGIN;
INSERT INTO customers (customer_id, country, channel, newsletter, tenure, complaints, orders, monthly_spend, churned)
VALUES (900000001, 'AT', 'search', true, 2, 0, 3, NULL, false);
SELECT customer_id, birth_year_was_missing, ecml_predict('monthly spend', c) AS expected FROM churn_input c WHERE customer_id = 900000001;
ROLLBACK;
