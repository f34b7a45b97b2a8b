-- ---- cluster: k-means, RFM

CREATE FUNCTION ecml_kmeans_transition(internal, jsonb, VARIADIC "any") RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION ecml_kmeans_transition(internal, jsonb, "any") IS 'Adds a row to the state of ecml_kmeans.';
CREATE FUNCTION ecml_kmeans_final(internal) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION ecml_kmeans_final(internal) IS 'The model of the rows in the state of ecml_kmeans; NULL without rows.';
CREATE AGGREGATE ecml_kmeans(options jsonb, VARIADIC features "any") (
	SFUNC = ecml_kmeans_transition, STYPE = internal, FINALFUNC = ecml_kmeans_final, FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL = RESTRICTED);
COMMENT ON AGGREGATE ecml_kmeans(jsonb, "any") IS
'Clustering by k-means of the features, named x1, x2 and so on: a model a group. Options: k, n_init, max_iter, tolerance, init, standardize, missing, sample_weight, seed. NULL without usable rows. Errors: data_exception (NaN, infinity, fewer distinct rows than k), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_centroids(model text, OUT cluster int, OUT size float8, OUT centroid float8[], OUT features jsonb)
	RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_centroids_by_name' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 8;
COMMENT ON FUNCTION ecml_centroids(text) IS
'Centroids of a k-means model, one row a cluster (0-based, the largest first): sum of weights in training, the centroid in units of the features as an array and by name. Errors: undefined_object, invalid_parameter_value (no clustering).';
CREATE FUNCTION ecml_centroids(model ecml_model, OUT cluster int, OUT size float8, OUT centroid float8[], OUT features jsonb)
	RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_centroids_by_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 8;
COMMENT ON FUNCTION ecml_centroids(ecml_model) IS
'Centroids of a k-means model given as a value, as in ecml_centroids(text). Errors: invalid_parameter_value (no clustering), data_corrupted.';

CREATE FUNCTION ecml_kmeans_scan(source text, features text[] DEFAULT NULL, k_min int DEFAULT 2, k_max int DEFAULT 10,
	options jsonb DEFAULT '{}', OUT k int, OUT inertia float8, OUT silhouette float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 9;
COMMENT ON FUNCTION ecml_kmeans_scan(text, text[], int, int, jsonb) IS
'Inertia and silhouette of k-means for each k from k_min to k_max, on one reading of the source; silhouette -1 to 1, of a sample of 2000 rows, NULL for one cluster. Options as in ecml_kmeans. Errors: those of ecml_train.';

CREATE FUNCTION ecml_rfm(source text, options jsonb DEFAULT '{}', OUT customer text, OUT recency float8, OUT frequency bigint,
	OUT monetary float8, OUT r int, OUT f int, OUT m int, OUT segment text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10000;
COMMENT ON FUNCTION ecml_rfm(text, jsonb) IS
'Recency (days since the last purchase), frequency (purchases) and monetary value (sum of amounts) of each customer, scores 1 to bins for each (the highest is best), and the name of the segment. Options: customer, time, amount, order (columns), as_of (a moment: recency is counted from there, later purchases are left out; default: the last purchase), bins. Errors: undefined_object (table, column), invalid_parameter_value (options).';

