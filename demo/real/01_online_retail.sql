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

\echo One row an invoice, guests and cancellations left out; RFM of every customer:
CREATE VIEW online_invoices AS
SELECT customer_id AS customer, min(invoice_date) AS time, sum(quantity * unit_price) AS amount
FROM online_retail
WHERE customer_id IS NOT NULL AND invoice_no NOT LIKE 'C%' AND quantity > 0 AND unit_price > 0
GROUP BY customer_id, invoice_no;
CREATE TABLE online_rfm AS SELECT * FROM ecml_rfm('online_invoices');
SELECT segment, count(*) AS customers, round(avg(recency)::numeric) AS days_since, round(avg(frequency)::numeric, 1) AS orders,
	round(avg(monetary)::numeric) AS spent
FROM online_rfm GROUP BY segment ORDER BY spent DESC;

\echo k-means on the logarithms, for a few customers spend a hundred times the mean:
CREATE VIEW online_rfm_log AS
SELECT customer, ln(1 + recency) AS recency, ln(frequency) AS frequency, ln(1 + monetary) AS monetary FROM online_rfm;
SELECT k, round(inertia::numeric) AS inertia, round(silhouette::numeric, 3) AS silhouette
FROM ecml_kmeans_scan('online_rfm_log', '{recency,frequency,monetary}', 2, 8);
SELECT model, version, rows, skipped
FROM ecml_train('online segments', 'kmeans', 'online_rfm_log', features => '{recency,frequency,monetary}',
	options => '{"k": 4, "seed": 1}');
SELECT ecml_predict('online segments', l.recency, l.frequency, l.monetary)::int AS cluster, count(*) AS customers,
	round(avg(r.recency)::numeric) AS days_since, round(avg(r.frequency)::numeric, 1) AS orders,
	round(avg(r.monetary)::numeric) AS spent, round(100 * sum(r.monetary)::numeric / sum(sum(r.monetary)::numeric) OVER (), 1) AS pct_of_revenue
FROM online_rfm r JOIN online_rfm_log l USING (customer)
GROUP BY cluster ORDER BY spent DESC;
