\echo ======================================================================
\echo 1. Segments: who are our customers?
\echo ======================================================================
\echo
\echo Days since the last order, number of orders and money spent, of every customer, scored in fifths; the name of the
\echo segment follows from the scores. (Numbers are cut to five digits: SET extra_float_digits = -10.)
CREATE TABLE rfm AS
SELECT * FROM ecml_rfm($$SELECT customer_id, ordered_at, total FROM orders WHERE status = 'paid'$$);
SELECT segment, count(*) AS customers, avg(recency)::int AS days_since, round(avg(frequency), 1) AS orders,
	avg(monetary)::int AS spent
FROM rfm GROUP BY segment ORDER BY spent DESC;

\echo Those names come from fixed rules; k-means finds the groups that are there. How many? Inertia falls with every cluster
\echo more, the silhouette (1: far apart, 0: touching) need not. On logarithms, for a few customers spend far more than most:
CREATE VIEW rfm_log AS
SELECT customer, ln(1 + recency) AS recency, ln(frequency) AS frequency, ln(1 + monetary) AS monetary FROM rfm;
SELECT * FROM ecml_kmeans_scan('rfm_log', '{recency,frequency,monetary}', 2, 7);

\echo Train a model; it is stored in the database under its name, with its version, options and metrics:
SELECT model, version, rows, (metrics ->> 'inertia')::float8 AS inertia, metrics -> 'sizes' AS sizes
FROM ecml_train('segments', 'kmeans', 'rfm_log', features => '{recency,frequency,monetary}', options => '{"k": 5}');

\echo The centre of each cluster, back from the logarithms:
SELECT cluster, size, exp(centroid[1]) - 1 AS days_since, exp(centroid[2]) AS orders, exp(centroid[3]) - 1 AS spent
FROM ecml_centroids('segments');

\echo The cluster of each customer, and what the clusters bring in:
SELECT ecml_classify('segments', l.recency, l.frequency, l.monetary) AS cluster, count(*) AS customers,
	sum(r.monetary)::int AS revenue, (100 * sum(r.monetary) / sum(sum(r.monetary)) OVER ())::int AS percent
FROM rfm r JOIN rfm_log l USING (customer)
GROUP BY cluster ORDER BY revenue DESC;

\echo The same with a whole row: its columns are found by name.
SELECT customer, ecml_classify('segments', l) AS cluster FROM rfm_log l ORDER BY customer LIMIT 3;
