-- Pictures like one: the index of embeddings against the sum of products in SQL, its versions, privileges, errors.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(48);

CREATE FUNCTION pg_temp.pixel(kind int, i int, y int, x int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
	SELECT 20 + (hashint4(i * 1009 + y * 31 + x) & 63) + CASE WHEN CASE kind WHEN 0 THEN abs(y - 2 - i % 8) < 2 WHEN 1 THEN abs(x - 2 - i % 8) < 2
		ELSE abs(x - y + i % 3 - 1) < 2 END THEN 150 ELSE 0 END $$;
CREATE TABLE shapes AS SELECT i AS id, (ARRAY['flat', 'tall', 'diagonal'])[i % 3 + 1] AS kind,
	(SELECT array_agg(pg_temp.pixel(i % 3, i, p / 12, p % 12) ORDER BY p) FROM generate_series(0, 143) p)::float4[] AS v
FROM generate_series(1, 240) i;
CREATE VIEW seen AS SELECT v, kind FROM shapes WHERE id % 5 > 0;
SELECT ecml_train('bars', 'cnn', 'seen', target => 'kind', options => '{"epochs": 6, "learning_rate": 0.005, "seed": 3, "layers":
	[{"conv2d": {"filters": 8, "kernel": 3, "activation": "relu"}}, {"max_pooling2d": 2}, "flatten", {"dense": {"units": 24, "activation": "relu"}}, {"dense": 3}]}');

-- ---- before there is an index
SELECT throws_ok($$ SELECT ecml_similar_images('bars', v, 3) FROM shapes WHERE id = 7 $$, '55000', 'model "bars" has no index of pictures', 'no index');
SELECT throws_ok($$ SELECT * FROM ecml_similar_images('cars', ARRAY[1.0]::float4[], 3) $$, '42704', NULL, 'no model');

-- ---- the index
CREATE TABLE made AS SELECT * FROM ecml_image_index('bars', 'SELECT id, v FROM shapes');
SELECT results_eq('SELECT model, version, algorithm, rows, skipped, (metrics ->> ''dimensions'')::int FROM made',
	$$ VALUES ('bars', 1, 'cnn', 240::bigint, 0::bigint, 24) $$, 'all pictures are indexed');
CREATE TABLE naive AS SELECT a.id, b.id AS other, sum(x::float8 * y) AS similarity
FROM (SELECT id, ecml_image_embedding('bars', v) AS e FROM shapes WHERE id IN (7, 50, 133)) a, (SELECT id, ecml_image_embedding('bars', v) AS e FROM shapes) b,
	unnest(a.e, b.e) u (x, y) GROUP BY 1, 2;
CREATE TABLE found AS SELECT s.id AS picture, f.* FROM shapes s, ecml_similar_images('bars', s.v, 20) f WHERE s.id IN (7, 50, 133);
SELECT is((SELECT count(*) FROM found), 60::bigint, 'n of each');
SELECT is_empty($$ SELECT * FROM found f LEFT JOIN naive n ON n.id = f.picture AND n.other::text = f.id WHERE n.id IS NULL OR abs(n.similarity - f.similarity) > 1e-5 $$,
	'the similarity is the cosine of the embeddings');
SELECT is_empty($$ SELECT * FROM naive n WHERE similarity > (SELECT min(similarity) + 1e-5 FROM found f WHERE f.picture = n.id)
	AND NOT EXISTS (SELECT FROM found f WHERE f.picture = n.id AND f.id = n.other::text) $$, 'and none is better than those that are found');
SELECT is_empty($$ SELECT * FROM (SELECT rank, similarity, lag(rank) OVER w AS before, lag(similarity) OVER w AS more FROM found WINDOW w AS (PARTITION BY picture ORDER BY rank)) f
	WHERE similarity > more OR rank <> coalesce(before, 0) + 1 $$, 'the most similar first');
SELECT results_eq('SELECT id FROM found WHERE rank = 1 ORDER BY picture', $$ VALUES ('7'), ('50'), ('133') $$, 'a picture that is there is like itself most of all');
SELECT ok(bool_and(abs(similarity - 1) < 1e-5), 'by 1') FROM found WHERE rank = 1;
SELECT cmp_ok((SELECT avg((o.kind = s.kind)::int) FROM found f JOIN shapes s ON s.id = f.picture JOIN shapes o ON o.id::text = f.id), '>', 0.8,
	'most of those that are found are of the same kind');
SELECT is(count(*), 10::bigint, 'ten when n is not given') FROM ecml_similar_images('bars', (SELECT v FROM shapes WHERE id = 7));
SELECT is(count(*), 240::bigint, 'all when n is larger') FROM ecml_similar_images('bars', (SELECT v FROM shapes WHERE id = 7), 100000);
SELECT is(count(DISTINCT id), 240::bigint, 'each once') FROM ecml_similar_images('bars', (SELECT v FROM shapes WHERE id = 7), 100000);
SELECT is_empty($$ SELECT * FROM ecml_similar_images('bars', NULL::float4[], 3) $$, 'none of NULL');
SELECT is_empty($$ SELECT * FROM ecml_similar_images(NULL, (SELECT v FROM shapes WHERE id = 7), 3) $$, 'nor of no model');
SELECT results_eq($$ SELECT id FROM ecml_similar_images('bars', (SELECT v::float8[] FROM shapes WHERE id = 7), 3) $$,
	$$ SELECT id FROM found WHERE picture = 7 AND rank <= 3 ORDER BY rank $$, 'float8[]');
-- without room to keep the vectors in the session
SET LOCAL ecml.cache_size = '1MB';
CREATE TABLE wide AS SELECT 1000 * n + id AS id, v FROM shapes, generate_series(0, 49) n;
SELECT is(rows, 12000::bigint, 'more than the session keeps') FROM ecml_image_index('bars', 'SELECT id, v FROM wide');
SELECT results_eq($$ SELECT DISTINCT id::int % 1000 FROM ecml_similar_images('bars', (SELECT v FROM shapes WHERE id = 50), 50) $$, $$ VALUES (50) $$, 'is read each time');
SELECT results_eq($$ SELECT id::int FROM ecml_similar_images('bars', (SELECT v FROM shapes WHERE id = 50), 3) $$, $$ VALUES (50), (1050), (2050) $$,
	'equal ones in the order of the source');
RESET ecml.cache_size;

-- ---- again, and otherwise
SELECT is(rows, 2::bigint, 'another source in its place') FROM ecml_image_index('bars', 'SELECT v, id, kind FROM shapes WHERE id IN (1, 2)', '{"id": "kind", "image": "v"}');
SELECT results_eq($$ SELECT id FROM ecml_similar_images('bars', (SELECT v FROM shapes WHERE id = 1)) $$, $$ VALUES ('tall'), ('diagonal') $$, 'the key of an option');
SELECT is(rows || ' ' || skipped, '2 3', 'rows without a key or a picture are left out') FROM ecml_image_index('bars',
	'SELECT CASE WHEN id <> 3 THEN id END, CASE WHEN id NOT IN (4, 5) THEN v END AS v FROM shapes WHERE id < 6');
SELECT results_eq($$ SELECT id FROM ecml_similar_images('bars', (SELECT v FROM shapes WHERE id = 3)) ORDER BY 1 $$, $$ VALUES ('1'), ('2') $$, 'the rest is found');
SELECT is(rows, 0::bigint, 'no pictures') FROM ecml_image_index('bars', 'SELECT id, v FROM shapes WHERE false');
SELECT is_empty($$ SELECT * FROM ecml_similar_images('bars', (SELECT v FROM shapes WHERE id = 3)) $$, 'none are found');

-- ---- encoded pictures, damaged ones
CREATE TABLE photos AS SELECT id, kind, ecml_image_from_pixels((SELECT string_agg(set_byte('\x00'::bytea, 0, e::int), '' ORDER BY n) FROM unnest(v) WITH ORDINALITY u (e, n)), 12, 12, 1) AS photo
FROM shapes WHERE id <= 60;
SELECT ecml_train('photos', 'cnn', 'SELECT photo, kind FROM photos', 'kind', options => '{"epochs": 2, "damaged": "skip"}');
INSERT INTO photos VALUES (1000, 'flat', 'no picture');
SELECT throws_ok($$ SELECT ecml_image_index('photos', 'photos', '{"id": "id"}') $$, '22000', NULL, 'a damaged picture');
SELECT is(rows || ' ' || skipped, '60 1', 'is left out when that is wanted') FROM ecml_image_index('photos', 'photos', '{"damaged": "skip"}');
SELECT is(id, '31', 'keys stay with their pictures') FROM ecml_similar_images('photos', (SELECT photo FROM photos WHERE id = 31), 1);
SELECT is(id, '31', 'the same picture as JPEG') FROM ecml_similar_images('photos', (SELECT ecml_image_thumbnail(photo, 12, 12, '{"format": "jpeg", "quality": 95}') FROM photos WHERE id = 31), 1);

-- ---- the next version
SELECT is(version, 2, 'trained again') FROM ecml_retrain('photos');
SELECT results_eq($$ SELECT version, i.pictures, i.skipped, i.key, i.picture FROM ecml.image_index i JOIN ecml.model USING (model_id) WHERE name = 'photos' ORDER BY 1 $$,
	$$ VALUES (1, 60::bigint, 1::bigint, 'id', 'photo'), (2, 60, 1, 'id', 'photo') $$, 'the next version has indexed the same pictures');
DELETE FROM photos WHERE id > 40;
SELECT ecml_train('photos', 'cnn', 'SELECT photo, kind FROM photos', 'kind', options => '{"epochs": 1, "preset": "resnet8"}');
SELECT is(count(*), 40::bigint, 'as they are now, with the embeddings of another network') FROM ecml_similar_images('photos', (SELECT photo FROM photos WHERE id = 31), 100);
SELECT ecml_activate('photos', 1);
SELECT is(count(*), 60::bigint, 'an earlier version has its own') FROM ecml_similar_images('photos', (SELECT photo FROM photos WHERE id = 31), 100);
SELECT ecml_activate('photos', 3);
ALTER TABLE photos RENAME photo TO picture;
SELECT throws_ok($$ SELECT ecml_train('photos', 'cnn', 'SELECT picture, kind FROM photos', 'kind') $$, '42704', NULL, 'a source that has changed is told before the training');
SELECT is(metrics ->> 'dropped', 'true', 'the index is dropped') FROM ecml_image_index('photos', NULL);
SELECT throws_ok($$ SELECT ecml_similar_images('photos', picture) FROM photos WHERE id = 31 $$, '55000', NULL, 'nothing is found any more');
SELECT lives_ok($$ SELECT ecml_train('photos', 'cnn', 'SELECT picture, kind FROM photos', 'kind', options => '{"epochs": 1}') $$, 'and a training asks for nothing');
SELECT ecml_drop_model('photos');
SELECT is((SELECT count(*) FROM ecml.image_index i LEFT JOIN ecml.model m USING (model_id) WHERE m.model_id IS NULL) +
	(SELECT count(*) FROM ecml.embedding i LEFT JOIN ecml.model m USING (model_id) WHERE m.model_id IS NULL), 0::bigint, 'embeddings go with the model');

-- ---- privileges
CREATE ROLE looker;
SET LOCAL ROLE looker;
SELECT throws_ok($$ SELECT * FROM ecml_similar_images('bars', ARRAY[1.0]::float4[], 3) $$, '42501', NULL, 'somebody else''s pictures');
SELECT throws_ok($$ SELECT ecml_image_index('bars', 'SELECT 1 AS id, ARRAY[1.0]::float4[] AS v') $$, '42501', NULL, 'nor may they be indexed');
SELECT throws_ok($$ SELECT * FROM ecml.embedding $$, '42501', NULL, 'nor looked at');
RESET ROLE;
SELECT ecml_image_index('bars', 'SELECT id, v FROM shapes');
SELECT ecml_grant('bars', 'looker');
GRANT SELECT ON shapes TO looker;
SET LOCAL ROLE looker;
SELECT is(count(*), 3::bigint, 'who was granted finds') FROM ecml_similar_images('bars', (SELECT v FROM shapes WHERE id = 3), 3);
SELECT throws_ok($$ SELECT ecml_image_index('bars', 'SELECT id, v FROM shapes') $$, '42501', NULL, 'but does not index');
RESET ROLE;

-- ---- mistakes
SELECT throws_ok($$ SELECT * FROM ecml_similar_images('bars', (SELECT v FROM shapes WHERE id = 3), 0) $$, '22023', 'n must be at least 1', 'n');
SELECT throws_ok($$ SELECT * FROM ecml_similar_images('bars', '\x00'::bytea, 3) $$, '22023', NULL, 'another kind of picture');
SELECT throws_ok($$ SELECT ecml_image_index('bars', 'SELECT v FROM shapes') $$, '22023', 'the source has not two columns', 'no key');
SELECT throws_ok($$ SELECT ecml_image_index('bars', 'SELECT id, v FROM shapes', '{"key": "id"}') $$, '22023', NULL, 'an unknown option');
SELECT throws_ok($$ SELECT ecml_image_index('bars', 'SELECT id, v FROM shapes', '{"id": "ids"}') $$, '42704', NULL, 'an unknown column');

SELECT * FROM finish();
ROLLBACK;
