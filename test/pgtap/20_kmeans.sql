-- k-means: quality against scikit-learn, standardisation, weights, NULLs, seeds, threads, memory, the scan over k, the aggregate.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(63);

CREATE TABLE reference (kind text, k int, quantity text, value float8);
CREATE TABLE lines (line text);
\copy lines FROM '../data/kmeans/sql.tsv' WITH (DELIMITER '|')
INSERT INTO reference SELECT v[1], v[2]::int, v[3], v[4]::float8 FROM (SELECT string_to_array(line, E'\t') AS v
	FROM lines WHERE line NOT LIKE '#%') s;
CREATE FUNCTION pg_temp.known(kind text, k int, quantity text) RETURNS float8 LANGUAGE sql AS
$$ SELECT value FROM reference r WHERE r.kind = known.kind AND r.k = known.k AND r.quantity = known.quantity $$;
CREATE FUNCTION pg_temp.metric(model text,
	name text) RETURNS float8 LANGUAGE sql AS $$ SELECT (ecml_model_info(model) #>> ARRAY['metrics', name])::float8 $$;

-- ---- the same data as make_sql.py makes

CREATE TABLE ring AS SELECT i, ((i % 7) * (i % 7)) % 5 * 3 + (i::bigint * 7919 % 101) / 50.0::float8 AS a,
	(i % 7) * 2 + (i::bigint * 104729 % 103) / 30.0::float8 AS b,
	(i::bigint * 1299709 % 107) / 40.0::float8 AS c FROM generate_series(1, 3000) i;
SELECT ok(pg_temp.close(avg(a), pg_temp.known('ring', 0, 'column mean'), 1e-12) AND pg_temp.close(avg(b),
	pg_temp.known('ring', 1, 'column mean'), 1e-12)
	AND pg_temp.close(avg(c), pg_temp.known('ring', 2, 'column mean'), 1e-12), 'SQL and Python have made the same rows')
		FROM ring;
SELECT ok(avg((t.metrics ->> 'inertia')::float8) <= max(pg_temp.known('ring', k, 'mean')) * 1.001
	AND min((t.metrics ->> 'inertia')::float8) >= max(pg_temp.known('ring', k, 'best')) * 0.999,
	format('k = %s: mean inertia over ten seeds is within 0.1 %% of scikit-learn''s, and none is far below its best', k))
FROM unnest(ARRAY[2, 3, 5, 8]) k, generate_series(0, 9) seed,
	LATERAL ecml_train('ring', 'kmeans', 'SELECT a, b, c FROM ring', NULL, NULL, jsonb_build_object('k', k,
		'standardize', false, 'n_init', 10, 'seed', seed)) t
GROUP BY k ORDER BY k;

-- ---- what a model says of itself

SELECT (ecml_train('five', 'kmeans', 'SELECT a, b, c FROM ring', NULL, NULL,
	'{"k": 5, "standardize": false, "n_init": 10}')).rows;
SELECT results_eq('SELECT cluster, size::bigint FROM ecml_centroids(''five'') ORDER BY cluster',
	'SELECT ecml_predict(''five'', a, b, c)::int AS cluster, count(*) FROM ring GROUP BY 1 ORDER BY 1',
		'clusters count from 0, the largest first, and have the sizes that predict gives');
SELECT ok(bool_and(size >= next), 'the largest first') FROM (SELECT size, lead(size) OVER (ORDER BY cluster) AS next
	FROM ecml_centroids('five')) s;
SELECT is_empty($$ SELECT cluster FROM ecml_centroids('five') c JOIN (SELECT ecml_predict('five', a, b,
	c)::int AS cluster, ARRAY[avg(a), avg(b), avg(c)] AS mean FROM ring GROUP BY 1) m USING (cluster)
	WHERE NOT (pg_temp.close(centroid[1], mean[1], 1e-4) AND pg_temp.close(centroid[2], mean[2], 1e-4)
		AND pg_temp.close(centroid[3], mean[3], 1e-4)) $$, 'a centroid is the mean of its rows');
SELECT is((SELECT array_agg((features ->> 'b')::float8 = centroid[2] AND features ?& ARRAY['a', 'b', 'c'])
	FROM ecml_centroids('five')), array_fill(true, ARRAY[5]), 'centroids by name are those by number');
SELECT ok(pg_temp.close(pg_temp.metric('five', 'inertia'), sum((a - m[1]) ^ 2 + (b - m[2]) ^ 2 + (c - m[3]) ^ 2), 1e-5),
	'inertia is the sum of squared distances to the centroids')
FROM ring JOIN (SELECT cluster, centroid AS m FROM ecml_centroids('five')) t ON cluster = ecml_predict('five', a, b, c);
SELECT is((SELECT count(*) FROM ring r WHERE ecml_predict('five', a, b, c) =
	(SELECT cluster FROM ecml_centroids('five')
		ORDER BY (a - centroid[1]) ^ 2 + (b - centroid[2]) ^ 2 + (c - centroid[3]) ^ 2 LIMIT 1)), 3000::bigint,
		'predict gives the nearest centroid');
SELECT is((SELECT count(*) FROM ring WHERE ecml_classify('five', a, b, c) = ecml_predict('five', a, b, c)::text
	AND ecml_predict('five', ring) = ecml_predict('five', a, b, c)), 3000::bigint,
	'classify gives its number as text; a row binds by name');
SELECT is(ecml_predict('five', 1, NULL::float8, 2), NULL, 'NULL for a NULL');
SELECT is(ecml_classify('five', 1, NULL::float8, 2), NULL, 'no class for a NULL');
SELECT is(ecml_predict('five', 1, 'NaN'::float8, 2), NULL, 'nor for NaN');
SELECT is(ecml_model_info('five') - 'metrics' - 'options',
	'{"name": "five", "version": 1, "algorithm": "kmeans", "task": "clustering", "target": null, "rows": 3000, "skipped": 0, "seed": 0,
	"features": [{"name": "a", "kind": "number"}, {"name": "b", "kind": "number"}, {"name": "c", "kind": "number"}]}'::jsonb, 'info') WHERE (ecml_model_info('five') #>> '{metrics,converged}')::boolean;
SELECT ok((e ->> 'rows')::int = 3000 AND pg_temp.close((e ->> 'inertia')::float8, pg_temp.metric('five', 'inertia'),
	1e-6) AND e -> 'sizes' = ecml_model_info('five') #> '{metrics,sizes}',
	'evaluate on the rows of training gives the metrics of training') FROM ecml_evaluate('five', 'ring') e;
SELECT ok(abs((e ->> 'silhouette')::float8 - pg_temp.known('ring', 5, 'silhouette')) < 0.03,
	'silhouette of a sample is near that of all rows') FROM ecml_evaluate('five', 'ring') e;

-- ---- standardisation, in the columns' own units

SELECT (ecml_train('scaled', 'kmeans', 'SELECT a, b * 1000 AS b, 1e6 + c AS c FROM ring', NULL, NULL,
	'{"k": 5, "n_init": 10}')).rows;
SELECT (ecml_train('unscaled', 'kmeans',
	'SELECT (a - avg(a) OVER ()) / stddev_pop(a) OVER () AS a, (b - avg(b) OVER ()) / stddev_pop(b) OVER () AS b,
	(c - avg(c) OVER ()) / stddev_pop(c) OVER () AS c FROM ring', NULL, NULL,
		'{"k": 5, "n_init": 10, "standardize": false}')).rows;
SELECT ok(pg_temp.close(pg_temp.metric('scaled', 'inertia'), pg_temp.metric('unscaled', 'inertia'), 1e-4),
	'standardize: as on columns that were standardised by hand');
SELECT is((SELECT count(*) FROM (SELECT cluster FROM ecml_centroids('scaled') s WHERE EXISTS (SELECT
	FROM ecml_centroids('unscaled') u, (SELECT avg(a) AS ma, stddev_pop(a) AS sa,
	avg(b) AS mb, stddev_pop(b) AS sb FROM ring) m WHERE pg_temp.close(s.centroid[1], u.centroid[1] * sa + ma, 1e-3)
		AND pg_temp.close(s.centroid[2], (u.centroid[2] * sb + mb) * 1000, 1e-3))) t),
	5::bigint, 'centroids are given in the units of the columns');
SELECT ok(bool_and(centroid[3] BETWEEN 1e6 AND 1e6 + 3), 'an offset costs no digits') FROM ecml_centroids('scaled');

-- ---- text and NULLs

CREATE TABLE mixed AS SELECT (ARRAY['x', 'y', 'z'])[1 + i % 3] AS g, CASE WHEN i % 10
	<> 0 THEN i % 3 * 5 + sin(i) END AS v FROM generate_series(1, 300) i;
SELECT (ecml_train('mixed', 'kmeans', 'mixed', NULL, NULL, '{"k": 3, "n_init": 10}')).rows;
SELECT is((SELECT (rows, skipped) FROM ecml.models WHERE name = 'mixed'), (270::bigint, 30::bigint),
	'rows with NULL are left out, and counted');
SELECT is((SELECT count(DISTINCT (g, ecml_predict('mixed', g, v))) FROM mixed WHERE v IS NOT NULL), 3::bigint,
	'a text column is one-hot encoded: each category its cluster');
SELECT is((SELECT features ?& ARRAY['g=x', 'g=y', 'g=z', 'v'] FROM ecml_centroids('mixed') LIMIT 1), true,
	'terms are named column=category; none is left out');
SELECT (ecml_train('mixed', 'kmeans', 'mixed', NULL, NULL, '{"k": 3, "n_init": 10, "missing": "impute"}')).rows;
SELECT (ecml_train('filled', 'kmeans', 'SELECT g, coalesce(v, avg(v) OVER ()) AS v FROM mixed', NULL, NULL,
	'{"k": 3, "n_init": 10}')).rows;
SELECT ok(pg_temp.close(pg_temp.metric('mixed', 'inertia'), pg_temp.metric('filled', 'inertia'), 1e-5),
	'impute: as with the mean in place of NULL');
SELECT is(ecml_predict('mixed', 'x', NULL::float8), ecml_predict('mixed', 'x', (SELECT avg(v) FROM mixed)),
	'also at predict');

-- ---- weights

SELECT (ecml_train('weighted', 'kmeans', 'SELECT a, b, c, i % 4 AS w FROM ring', NULL, NULL,
	'{"k": 5, "n_init": 10, "standardize": false, "sample_weight": "w"}')).rows;
SELECT (ecml_train('repeated', 'kmeans', 'SELECT a, b, c FROM ring, generate_series(1, i % 4)', NULL, NULL,
	'{"k": 5, "n_init": 10, "standardize": false}')).rows;
SELECT ok(pg_temp.close(pg_temp.metric('weighted', 'inertia'), pg_temp.metric('repeated', 'inertia'), 1e-3),
	'weights are as many equal rows: inertia');
SELECT is((SELECT sum(size) FROM ecml_centroids('weighted')), (SELECT sum(i % 4)::float8 FROM ring),
	'sizes are sums of weights');
SELECT is((SELECT (rows, skipped) FROM ecml.models WHERE name = 'weighted'), (2250::bigint, 750::bigint),
	'rows of weight 0 are left out');
SELECT (ecml_train('weighted', 'kmeans', 'SELECT a, b, c, i % 7 / 3 AS w FROM ring', NULL, NULL,
	'{"k": 5, "n_init": 10, "sample_weight": "w"}')).rows;
SELECT (ecml_train('repeated', 'kmeans', 'SELECT a, b, c FROM ring, generate_series(1, i % 7 / 3)', NULL, NULL,
	'{"k": 5, "n_init": 10}')).rows;
SELECT ok(pg_temp.close(pg_temp.metric('weighted', 'inertia'), pg_temp.metric('repeated', 'inertia'), 1e-3),
	'standardised by weighted means and deviations, too');
SELECT (ecml_train('weighted', 'kmeans', 'SELECT g, v, CASE WHEN g = ''x'' THEN 3 ELSE 1 END AS w FROM mixed', NULL,
	NULL, '{"k": 3, "n_init": 10, "missing": "impute", "sample_weight": "w"}')).rows;
SELECT (ecml_train('repeated', 'kmeans',
	'SELECT g, v FROM mixed, generate_series(1, CASE WHEN g = ''x'' THEN 3 ELSE 1 END)', NULL, NULL,
	'{"k": 3, "n_init": 10, "missing": "impute"}')).rows;
SELECT ok(pg_temp.close(pg_temp.metric('weighted', 'inertia'), pg_temp.metric('repeated', 'inertia'), 1e-3),
	'and imputed by them');

-- ---- seeds and threads: the same bytes

CREATE TABLE trained (name text, body text);
CREATE FUNCTION pg_temp.train(name text, options jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM ecml_train('bits', 'kmeans', 'SELECT a, b, c FROM ring', NULL, NULL, '{"k": 8}'::jsonb || options);
	INSERT INTO trained VALUES (name, ecml_load('bits')::text);
END $$;
SET LOCAL ecml.threads = 1;
SELECT pg_temp.train('seed 1, one thread', '{"seed": 1, "n_init": 1}');
SET LOCAL ecml.threads = 2;
SELECT pg_temp.train('seed 1, two threads', '{"seed": 1, "n_init": 1}');
SET LOCAL ecml.threads = 4;
SELECT pg_temp.train('seed 1, four threads', '{"seed": 1, "n_init": 1}');
SELECT pg_temp.train('seed 2', '{"seed": 2, "n_init": 1}');
SELECT pg_temp.train('no seed', '{"n_init": 1}');
SELECT pg_temp.train('seed 0', '{"seed": 0, "n_init": 1}');
SET LOCAL ecml.seed = 2;
SELECT pg_temp.train('the setting''s seed', '{"n_init": 1}');
RESET ecml.seed;
RESET ecml.threads;
SELECT is((SELECT count(DISTINCT body) FROM trained WHERE name LIKE 'seed 1%'), 1::bigint,
	'the same seed gives the same bytes, whatever the number of threads');
SELECT is((SELECT count(DISTINCT body) FROM trained WHERE name IN ('seed 1, one thread', 'seed 2')), 2::bigint,
	'another seed is recorded in the model');
SELECT is((SELECT array_agg((ecml_model_info(body::ecml_model) ->> 'seed')::int ORDER BY name) FROM trained
	WHERE name IN ('no seed', 'the setting''s seed')), ARRAY[0, 2], 'without the option ecml.seed is the seed');
SELECT ok(ecml_model_info((SELECT body FROM trained WHERE name = 'the setting''s seed')::ecml_model) -> 'metrics'
	= ecml_model_info((SELECT body FROM trained WHERE name = 'seed 2')::ecml_model) -> 'metrics',
	'with the same result as the option');

-- ---- the aggregate

SELECT is((SELECT count(*) FROM ecml_centroids((SELECT ecml_kmeans('{"k": 5, "standardize": false, "n_init": 10}', a, b,
	c) FROM ring)) x JOIN ecml_centroids('five') y USING (cluster)
	WHERE x.centroid = y.centroid AND x.size = y.size), 5::bigint, 'the aggregate gives what training gives, bit by bit');
SELECT is((SELECT count(*) FROM ecml_centroids((SELECT ecml_kmeans('{"k": 5, "standardize": false, "n_init": 10}',
	ARRAY[a, b, c]) FROM ring)) x JOIN ecml_centroids('five') y USING (cluster)
	WHERE x.centroid = y.centroid), 5::bigint, 'from an array, too');
SELECT is((SELECT count(*) FROM (SELECT i % 30 AS g, ecml_kmeans('{"k": 2, "n_init": 1}', a, b) AS m FROM ring
	GROUP BY 1) s WHERE ecml_predict(m, 1, 2) IN (0, 1)), 30::bigint, 'a model a group');
SELECT is((SELECT ecml_model_info(ecml_kmeans('{"k": 2}', ring)) #> '{features,0,name}' FROM ring), '"i"'::jsonb,
	'a whole row gives its columns'' names');
SELECT is(ecml_model_info(ecml_kmeans('{"k": 2, "sample_weight": "x2"}', a, i, b)) #> '{features}',
	'[{"kind": "number", "name": "x1"}, {"kind": "number", "name": "x3"}]'::jsonb, 'a weight among the arguments') FROM ring;

-- ---- the scan over k

CREATE TABLE scan AS SELECT * FROM ecml_kmeans_scan('ring', '{a,b,c}', 1, 8, '{"standardize": false, "n_init": 10}');
SELECT results_eq('SELECT k FROM scan', 'SELECT generate_series(1, 8)', 'a row for each k');
SELECT ok(pg_temp.close(inertia, (SELECT 3000 * (var_pop(a) + var_pop(b) + var_pop(c)) FROM ring), 1e-6)
	AND silhouette IS NULL, 'one cluster: the variance of all, and no silhouette') FROM scan WHERE k = 1;
SELECT ok(bool_and(inertia > next), 'inertia falls with k') FROM (SELECT inertia,
	lead(inertia) OVER (ORDER BY k) AS next FROM scan) s;
SELECT ok(abs(silhouette - pg_temp.known('ring', k, 'silhouette')) < 0.03 AND inertia <= pg_temp.known('ring', k,
	'best') * 1.002, format('k = %s: inertia and silhouette are near scikit-learn''s', k))
FROM scan WHERE k IN (2, 3, 5, 8) ORDER BY k;
SELECT is((SELECT k FROM scan ORDER BY silhouette DESC NULLS LAST LIMIT 1), 3,
	'the silhouette finds the number of groups that there are');
SELECT results_eq($$ SELECT k FROM ecml_kmeans_scan('SELECT a, b FROM ring', k_min => 2, k_max => 3) $$,
	'VALUES (2), (3)', 'features are all columns by default, and k has names');

-- ---- memory: spilled rows give the same bytes

CREATE TABLE big AS SELECT (i::bigint * 7919 % 10007)::float4 AS a, sin(i) AS b, (i % 13 * 5)::float8 AS c,
	(i::bigint * 104729 % 1009)::int AS d, cos(i * 3) AS e, (i % 29)::int2 AS f,
	(i % 7 * i % 11)::float4 AS g, sqrt(i) AS h FROM generate_series(1, 300000) i;
CREATE FUNCTION pg_temp.spilled(algorithm text, target text, options jsonb, memory text) RETURNS TABLE (inside text,
	outside text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM ecml_train('spill', algorithm, 'big', target, NULL, options);
	inside := ecml_load('spill')::text;
	PERFORM set_config('ecml.work_mem', memory, true);
	PERFORM ecml_train('spill', algorithm, 'big', target, NULL, options);
	outside := ecml_load('spill')::text;
	RESET ecml.work_mem;
	RETURN NEXT;
END $$;
SELECT ok(inside = outside, 'k-means of 300,000 x 8 within 8 MB, less than its rows, is the one in memory, bit by bit')
FROM pg_temp.spilled('kmeans', NULL, '{"k": 6, "n_init": 1, "max_iter": 20}', '8MB');
SELECT ok(inside = outside, 'linear regression within 1 MB, too') FROM pg_temp.spilled('linreg', 'h', '{}', '1MB');
-- categories make more columns than the file has; filling them reads it once more
ALTER TABLE big ADD kind text, ADD w int;
UPDATE big SET kind = 'k' || f % 3, w = 1 + f % 2, a = CASE WHEN f <> 3 THEN a END;
SELECT ok(inside = outside, 'with categories, weights and NULLs imputed') FROM pg_temp.spilled('kmeans', NULL,
	'{"k": 4, "n_init": 1, "max_iter": 10, "missing": "impute", "sample_weight": "w"}', '14MB');
SET LOCAL ecml.work_mem = '1MB';
SELECT lives_ok($$ SELECT ecml_train('spill', 'kmeans', 'big', NULL, '{b,c,d}', '{"k": 2, "n_init": 1}') $$,
	'1 MB is enough for some clusters of any number of rows');
-- where rows just stay in memory, where the sample is all of them, and on both sides of it
SET LOCAL ecml.threads = 4;
SELECT is_empty($$ SELECT n, f FROM unnest('{5000,12000,20000,30000,60000,80000}'::int[]) n, unnest('{"{b,c}","{b,c,d,e}"}'::text[]) f
	WHERE (ecml_train('spill', 'kmeans', format('SELECT * FROM big LIMIT %s', n), NULL, f::text[], '{"k": 2, "n_init": 1, "max_iter": 5}')).rows <> n $$,
	'also of rows that nearly fit it, with more threads');
RESET ecml.threads;
SELECT throws_ok($$ SELECT ecml_train('spill', 'kmeans', 'big', NULL, '{b,c,d}', '{"k": 20000, "n_init": 1}') $$, '54000',
	'not enough working memory', 'what does not fit at all says so');
SET LOCAL ecml.work_mem = '8MB';
SET LOCAL temp_file_limit = '1MB';
SELECT throws_ok($$ SELECT ecml_train('spill', 'kmeans', 'big', NULL, '{b,c,d,e,f,g,h}', '{"k": 2, "n_init": 1}') $$,
	'53400', NULL, 'temp_file_limit holds');
RESET temp_file_limit;
RESET ecml.work_mem;

-- ---- real customers

\if :{?data}
CREATE TABLE wholesale (channel int, region int, fresh float8, milk float8, grocery float8, frozen float8,
	detergents float8, delicassen float8);
\set file `tail -n +2 :data/segmentation/wholesale_customers.csv`
INSERT INTO wholesale SELECT v[1]::int, v[2]::int, v[3], v[4], v[5], v[6], v[7], v[8] FROM (SELECT string_to_array(line,
	',')::float8[] AS v FROM regexp_split_to_table(:'file', E'\r?\n') line WHERE line <> '') s;
SELECT is((SELECT count(*) FROM wholesale), 440::bigint, 'wholesale customers were read');
SELECT ok(avg((t.metrics ->> 'inertia')::float8) <= max(pg_temp.known(kind, k, 'mean')) * 1.001
	AND min((t.metrics ->> 'inertia')::float8) >= max(pg_temp.known(kind, k, 'best')) * 0.999,
	format('%s, k = %s: mean inertia over ten seeds is within 0.1 %% of scikit-learn''s, and none is far below its best', kind, k))
FROM unnest(ARRAY['wholesale', 'wholesale_standardized']) kind, unnest(ARRAY[3, 5, 8]) k, generate_series(0, 9) seed,
	LATERAL ecml_train('wholesale', 'kmeans', 'wholesale', NULL, '{fresh,milk,grocery,frozen,detergents,delicassen}',
		jsonb_build_object('k', k, 'standardize', kind LIKE '%standardized', 'n_init', 10, 'seed', seed)) t
GROUP BY kind, k ORDER BY kind, k;
\else
SELECT skip('no folder of real data', 7);
\endif

SELECT * FROM finish();
ROLLBACK;
