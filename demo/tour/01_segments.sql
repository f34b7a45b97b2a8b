\echo ======================================================================
\echo 1. Segments: who are our customers?
\echo ======================================================================
\echo
\echo Recency, frequency and monetary value of every customer, in quintiles, with the usual names of segments.
CREATE TABLE rfm AS
SELECT * FROM ecml_rfm('SELECT customer_id, ordered_at, total FROM orders WHERE status = ''paid''',
	'{"customer": "customer_id", "time": "ordered_at", "amount": "total"}');
SELECT segment, count(*) AS customers, round(avg(recency)::numeric) AS days_since, round(avg(frequency)::numeric, 1) AS orders,
	round(avg(monetary)::numeric) AS spent
FROM rfm GROUP BY segment ORDER BY spent DESC;

\echo The names come from fixed rules.  k-means finds the groups that are there; how many, the scan helps to decide:
\echo inertia falls with every cluster more, the silhouette (1: far apart, 0: touching) does not.
CREATE VIEW rfm_log AS
SELECT customer, ln(1 + recency) AS recency, ln(frequency) AS frequency, ln(1 + monetary) AS monetary FROM rfm;
SELECT k, round(inertia::numeric) AS inertia, round(silhouette::numeric, 3) AS silhouette
FROM ecml_kmeans_scan('rfm_log', '{recency,frequency,monetary}', 2, 7);

\echo Train a model by name; it is stored in the database, with its version, options and metrics.
SELECT model, version, algorithm, rows, skipped, metrics ->> 'inertia' IS NOT NULL AS has_inertia
FROM ecml_train('segments', 'kmeans', 'rfm_log', features => '{recency,frequency,monetary}', options => '{"k": 4, "seed": 1}');

\echo Its centroids, on the scale of the data:
SELECT * FROM ecml_centroids('segments');

\echo Every customer in his cluster, and what the clusters are like:
SELECT ecml_predict('segments', l.recency, l.frequency, l.monetary)::int AS cluster, count(*) AS customers,
	round(avg(r.recency)::numeric) AS days_since, round(avg(r.frequency)::numeric, 1) AS orders,
	round(avg(r.monetary)::numeric) AS spent, round(100 * sum(r.monetary)::numeric / sum(sum(r.monetary)::numeric) OVER (), 1) AS pct_of_revenue
FROM rfm r JOIN rfm_log l USING (customer)
GROUP BY cluster ORDER BY spent DESC;

\echo One customer, bound by the names of the columns:
SELECT customer, ecml_classify('segments', l) AS cluster FROM rfm_log l ORDER BY customer LIMIT 5;
