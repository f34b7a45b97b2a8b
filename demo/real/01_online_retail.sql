\echo ======================================================================
\echo Real data: a British gift shop, December 2010 to December 2011
\echo ======================================================================
\echo
\echo From CSV to a table (541,909 order lines):
CREATE TABLE online_retail (
	invoice_no text, stock_code text, description text, quantity int, invoice_date timestamp, unit_price numeric,
	customer_id int, country text);
\copy online_retail FROM PROGRAM 'gzip -dc "$ECML_DATA"/transactions/online_retail_2010_2011.csv.gz' WITH (FORMAT csv, HEADER)
ANALYZE online_retail;

\echo
\echo One row an invoice, without guests and cancellations; recency, frequency and monetary value of every customer:
CREATE VIEW online_invoices AS
SELECT customer_id AS customer, min(invoice_date) AS time, sum(quantity * unit_price) AS amount
FROM online_retail
WHERE customer_id IS NOT NULL AND invoice_no NOT LIKE 'C%' AND quantity > 0 AND unit_price > 0
GROUP BY customer_id, invoice_no;
CREATE TABLE online_rfm AS SELECT * FROM ecml_rfm('online_invoices');
SELECT segment, count(*) AS customers, avg(recency)::int AS days_since, round(avg(frequency), 1) AS orders,
	avg(monetary)::int AS spent
FROM online_rfm GROUP BY segment ORDER BY spent DESC;

\echo k-means on the logarithms, for a few customers spend a hundred times the mean:
CREATE VIEW online_rfm_log AS
SELECT customer, ln(1 + recency) AS recency, ln(frequency) AS frequency, ln(1 + monetary) AS monetary FROM online_rfm;
SELECT * FROM ecml_kmeans_scan('online_rfm_log', '{recency,frequency,monetary}', 2, 8);
SELECT model, version, rows, (metrics ->> 'inertia')::float8 AS inertia
FROM ecml_train('online segments', 'kmeans', 'online_rfm_log', features => '{recency,frequency,monetary}',
	options => '{"k": 4}');
SELECT ecml_classify('online segments', l.recency, l.frequency, l.monetary) AS cluster, count(*) AS customers,
	avg(r.recency)::int AS days_since, round(avg(r.frequency), 1) AS orders, avg(r.monetary)::int AS spent,
	(100 * sum(r.monetary) / sum(sum(r.monetary)) OVER ())::int AS percent_of_revenue
FROM online_rfm r JOIN online_rfm_log l USING (customer)
GROUP BY cluster ORDER BY spent DESC;
