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

-- a step at a time: where rows cannot come to one place
CREATE TYPE ecml_kmeans_step_state;
CREATE FUNCTION ecml_kmeans_step_state_in(cstring) RETURNS ecml_kmeans_step_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_kmeans_step_state_in(cstring) IS 'Reads the text form of a state of ecml_kmeans_step. Errors: data_corrupted.';
CREATE FUNCTION ecml_kmeans_step_state_out(ecml_kmeans_step_state) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_kmeans_step_state_out(ecml_kmeans_step_state) IS 'Text form of a state of ecml_kmeans_step.';
CREATE FUNCTION ecml_kmeans_step_state_recv(internal) RETURNS ecml_kmeans_step_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_kmeans_step_state_recv(internal) IS 'Reads the binary form of a state of ecml_kmeans_step. Errors: data_corrupted.';
CREATE FUNCTION ecml_kmeans_step_state_send(ecml_kmeans_step_state) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_kmeans_step_state_send(ecml_kmeans_step_state) IS 'Binary form of a state of ecml_kmeans_step.';
CREATE TYPE ecml_kmeans_step_state (
	INPUT = ecml_kmeans_step_state_in, OUTPUT = ecml_kmeans_step_state_out,
	RECEIVE = ecml_kmeans_step_state_recv, SEND = ecml_kmeans_step_state_send, STORAGE = extended);
COMMENT ON TYPE ecml_kmeans_step_state IS 'What ecml_kmeans_step keeps of rows: sums at given centroids, mergeable.';

CREATE TYPE ecml_kmeans_sums AS (rows float8, inertia float8, shift float8, centroids float8[], sizes float8[]);
COMMENT ON TYPE ecml_kmeans_sums IS
'A step of k-means: rows, and inertia at the centroids that were given; from them the next centroids, the squared shift to them, and the rows of each.';

CREATE FUNCTION ecml_kmeans_step_transition(ecml_kmeans_step_state, float8[], float8[]) RETURNS ecml_kmeans_step_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_kmeans_step_transition(ecml_kmeans_step_state, float8[], float8[]) IS 'Adds a row to the state of ecml_kmeans_step.';
CREATE FUNCTION ecml_kmeans_step_combine(ecml_kmeans_step_state, ecml_kmeans_step_state) RETURNS ecml_kmeans_step_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_kmeans_step_combine(ecml_kmeans_step_state, ecml_kmeans_step_state) IS 'Merges two states of ecml_kmeans_step. Errors: data_exception for states of different centroids.';
CREATE FUNCTION ecml_kmeans_step_final(ecml_kmeans_step_state) RETURNS ecml_kmeans_sums
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION ecml_kmeans_step_final(ecml_kmeans_step_state) IS 'The sums and the next centroids of a state of ecml_kmeans_step; NULL without rows.';
CREATE AGGREGATE ecml_kmeans_step(centroids float8[], x float8[]) (
	SFUNC = ecml_kmeans_step_transition, STYPE = ecml_kmeans_step_state, FINALFUNC = ecml_kmeans_step_final,
	COMBINEFUNC = ecml_kmeans_step_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_kmeans_step(float8[], float8[]) IS
'A step of Lloyd''s method of k-means from these centroids (an array of arrays): rows and inertia there, and the next centroids, the means of the rows nearest to each. Rows with a NULL are left out; NULL without rows. Errors: data_exception (values that are not finite, rows of different lengths), invalid_parameter_value (shape of the centroids).';
CREATE AGGREGATE ecml_kmeans_step_partial(centroids float8[], x float8[]) (
	SFUNC = ecml_kmeans_step_transition, STYPE = ecml_kmeans_step_state, COMBINEFUNC = ecml_kmeans_step_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_kmeans_step_partial(float8[], float8[]) IS
'State of a step of k-means, to be merged elsewhere by ecml_kmeans_step_merge: a state a shard.';
CREATE AGGREGATE ecml_kmeans_step_merge(state ecml_kmeans_step_state) (
	SFUNC = ecml_kmeans_step_combine, STYPE = ecml_kmeans_step_state, FINALFUNC = ecml_kmeans_step_final,
	COMBINEFUNC = ecml_kmeans_step_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_kmeans_step_merge(ecml_kmeans_step_state) IS
'The step of the rows of all states together, as ecml_kmeans_step gives it. Errors: data_exception for states of different centroids.';
-- what "strategy": "step" asks shards for: in the schema that each of them has
CREATE AGGREGATE ecml.kmeans_step(centroids float8[], x float8[]) (
	SFUNC = ecml_kmeans_step_transition, STYPE = ecml_kmeans_step_state, COMBINEFUNC = ecml_kmeans_step_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml.kmeans_step(float8[], float8[]) IS
'State of a step of k-means, of a shard; used by ecml_train with "strategy": "step". Errors: data_exception (values that are not finite).';

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

