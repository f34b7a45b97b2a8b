-- Networks of pictures: training on drawn shapes, every way to serve, evaluation, warm start and transfer, versions, errors.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(84);

-- Bars that lie, stand, or run from corner to corner, in 12 x 12 grey, with noise: as arrays, raw bytes.
CREATE FUNCTION pg_temp.pixel(kind int, i int, y int, x int) RETURNS int LANGUAGE sql IMMUTABLE AS $$
	SELECT 20 + (hashint4(i * 1009 + y * 31 + x) & 63) + CASE WHEN CASE kind WHEN 0 THEN abs(y - 2 - i % 8) < 2 WHEN 1 THEN abs(x - 2 - i % 8) < 2
		ELSE abs(x - y + i % 3 - 1) < 2 END THEN 150 ELSE 0 END $$;
CREATE TABLE shapes AS SELECT i AS id, (ARRAY['flat', 'tall', 'diagonal'])[i % 3 + 1] AS kind, i % 3 = 1 AS is_tall, (i % 8)::float8 AS place,
	(SELECT array_agg(pg_temp.pixel(i % 3, i, p / 12, p % 12) ORDER BY p) FROM generate_series(0, 143) p)::float4[] AS v
FROM generate_series(1, 240) i;
ALTER TABLE shapes ADD raw bytea;
UPDATE shapes SET raw = (SELECT string_agg(set_byte('\x00'::bytea, 0, e::int), '' ORDER BY n) FROM unnest(v) WITH ORDINALITY u(e, n));
INSERT INTO shapes(id, kind, is_tall) VALUES (1000, 'flat', false);
INSERT INTO shapes(id, v, raw) SELECT 1001, v, raw FROM shapes WHERE id = 1;
CREATE VIEW seen AS SELECT id, v, raw, kind, is_tall, place FROM shapes WHERE id % 5 > 0;
CREATE VIEW unseen AS SELECT id, v, raw, kind, is_tall, place FROM shapes WHERE id % 5 = 0;

-- ---- training
\set layers '[{"conv2d": {"filters": 8, "kernel": 3, "activation": "relu"}}, {"max_pooling2d": 2}, "flatten", {"dense": {"units": 3, "activation": "softmax"}}]'
CREATE TABLE trained AS SELECT * FROM ecml_train('bars', 'cnn', 'SELECT v, kind FROM seen', target => 'kind',
	options => jsonb_build_object('layers', :'layers'::jsonb, 'epochs', 12, 'learning_rate', 0.005, 'seed', 3));
SELECT is(version, 1, 'a version') FROM trained;
SELECT is(rows, 192::bigint, 'rows with picture and label') FROM trained;
SELECT is(skipped, 1::bigint, 'the one without a label is skipped') FROM trained;
SELECT ok((metrics ->> 'accuracy')::float8 > 0.9, 'it learns: ' || (metrics ->> 'accuracy')) FROM trained;
SELECT is(jsonb_array_length(metrics -> 'history'), 12, 'an entry for each epoch') FROM trained;
SELECT is(metrics ->> 'parameters', (9 * 8 + 8 + 5 * 5 * 8 * 3 + 3)::text, 'parameters') FROM trained;
SELECT is(task, 'classification', 'its task') FROM ecml.models WHERE name = 'bars';

-- ---- serving
SELECT ok(avg((ecml_classify('bars', v) = kind)::int) > 0.9, 'classes of pictures that it has not seen') FROM unseen WHERE v IS NOT NULL;
SELECT is_empty($$ SELECT 1 FROM unseen WHERE v IS NOT NULL AND abs(1 - (SELECT sum(value::text::float8) FROM jsonb_each(ecml_probabilities('bars', v)))) > 1e-6 $$,
	'probabilities add up to 1');
SELECT is_empty($$ SELECT 1 FROM unseen WHERE v IS NOT NULL AND ecml_classify('bars', v) <> (SELECT label FROM ecml_image_classify('bars', v, 1)) $$,
	'the first of ecml_image_classify is that of ecml_classify');
SELECT results_eq($$ SELECT label, round(probability::numeric, 6) FROM ecml_image_classify('bars', (SELECT v FROM shapes WHERE id = 8)) $$,
	$$ SELECT key, round(value::text::numeric, 6) FROM jsonb_each(ecml_probabilities('bars', (SELECT v FROM shapes WHERE id = 8))) ORDER BY value::text::float8 DESC $$,
	'its rows are the probabilities, the greatest first');
SELECT is(count(*), 2::bigint, 'n rows') FROM ecml_image_classify('bars', (SELECT v FROM shapes WHERE id = 8), 2);
SELECT is(ecml_classify('bars', NULL::float4[]), NULL, 'NULL of NULL');
SELECT is_empty($$ SELECT * FROM ecml_image_classify('bars', NULL::float4[]) $$, 'no rows of NULL');
SELECT is(ecml_classify(ecml_load('bars'), v), ecml_classify('bars', v), 'a model given as a value') FROM shapes WHERE id = 5;
SELECT is(ecml_classify('bars', v::float8[]), ecml_classify('bars', v), 'float8[]') FROM shapes WHERE id = 5;
SELECT is(ecml_classify('bars', v::int[]), ecml_classify('bars', v), 'int[]') FROM shapes WHERE id = 5;
SELECT is(array_length(ecml_image_embedding('bars', v), 1), 200, 'the embedding is what the last dense layer reads') FROM shapes WHERE id = 5;
SELECT ok(abs(1 - (SELECT sum(e * e) FROM unnest(ecml_image_embedding('bars', v)) e)) < 1e-5, 'of length 1') FROM shapes WHERE id = 5;
SELECT is(ecml_image_embedding('bars', NULL::float4[]), NULL, 'no embedding of NULL');
SELECT is(substring(ecml_image_explain('bars', v) FROM 1 FOR 4), '\x89504e47'::bytea, 'a heat map is a PNG') FROM shapes WHERE id = 5;
SELECT isnt(ecml_image_explain('bars', v, 'flat'), ecml_image_explain('bars', v, 'tall'), 'of each class its own') FROM shapes WHERE id = 5;
SELECT throws_ok($$ SELECT ecml_predict('bars', v) FROM shapes WHERE id = 5 $$, '22023', NULL, 'one number is not enough for three classes');

SELECT results_eq($$ SELECT key, label FROM ecml_image_classify_all('bars', 'SELECT id, v FROM unseen', 'id') ORDER BY key::int $$,
	$$ SELECT id::text, ecml_classify('bars', v) FROM unseen u WHERE v IS NOT NULL ORDER BY u.id $$, 'all pictures at once: the same classes');
SELECT results_eq($$ SELECT key FROM ecml_image_classify_all(ecml_load('bars'), 'SELECT kind, v FROM shapes WHERE id IN (5, 1001)', 'kind') $$,
	$$ VALUES ('diagonal'), (NULL) $$, 'keys of any type, and NULL');
SELECT is_empty($$ SELECT * FROM ecml_image_classify_all('bars', 'SELECT id, v FROM unseen WHERE false', 'id') $$, 'of no rows none');
SELECT throws_ok($$ SELECT * FROM ecml_image_classify_all('bars', 'SELECT id, v FROM unseen', 'ids') $$, '42704', NULL, 'a key that is not there');
SELECT throws_ok($$ SELECT * FROM ecml_image_classify_all('bars', 'SELECT id, raw FROM unseen', 'id') $$, '22023', NULL, 'pictures of another kind');

-- ---- evaluation
CREATE TABLE judged AS SELECT ecml_evaluate('bars', 'SELECT v, kind FROM unseen', '{"top_k": 2}') AS e;
SELECT ok(abs((e ->> 'accuracy')::float8 - (SELECT avg((ecml_classify('bars', v) = kind)::int) FROM unseen WHERE v IS NOT NULL)) < 1e-9,
	'accuracy as counted by hand') FROM judged;
SELECT is((SELECT sum(x::text::int) FROM jsonb_array_elements(e -> 'confusion_matrix') r, jsonb_array_elements(r) x), 48::bigint, 'the confusion matrix has all rows') FROM judged;
SELECT ok((e ->> 'top_k_accuracy')::float8 >= (e ->> 'accuracy')::float8, 'top k is no less') FROM judged;
SELECT is(e ->> 'skipped', '1', 'rows without a picture are skipped') FROM judged;
SELECT throws_ok($$ SELECT ecml_evaluate('bars', 'SELECT v, kind FROM seen WHERE false') $$, '22000', NULL, 'no rows');
SELECT throws_ok($$ SELECT ecml_evaluate('bars', 'SELECT raw, kind FROM seen') $$, '22023', NULL, 'another kind of picture');

-- ---- the same bits
SELECT ecml_train('again', 'cnn', 'SELECT v, kind FROM seen', target => 'kind',
	options => jsonb_build_object('layers', :'layers'::jsonb, 'epochs', 12, 'learning_rate', 0.005, 'seed', 3));
SELECT ok(ecml_load('again')::text = ecml_load('bars')::text OR ecml_probabilities('again', v) = ecml_probabilities('bars', v), 'the same seed, the same network') FROM shapes WHERE id = 5;
SET ecml.threads = 3;
SELECT ecml_train('threads', 'cnn', 'SELECT v, kind FROM seen', target => 'kind',
	options => jsonb_build_object('layers', :'layers'::jsonb, 'epochs', 12, 'learning_rate', 0.005, 'seed', 3));
SELECT is(ecml_probabilities('threads', v), ecml_probabilities('bars', v), 'three threads, the same network') FROM shapes WHERE id = 5;
RESET ecml.threads;
SELECT is(version, 2, 'training again is the next version') FROM ecml_retrain('again');
SELECT is(ecml_probabilities('again', v), ecml_probabilities('bars', v), 'from the same source the same network') FROM shapes WHERE id = 5;

-- ---- raw bytes, two classes, numbers
SELECT is(rows, 192::bigint, 'raw bytes, two classes, one output') FROM ecml_train('tall', 'cnn', 'SELECT raw, is_tall FROM seen', target => 'is_tall',
	options => '{"shape": [12, 12, 1], "layers": [{"Conv2D": {"filters": 6, "kernel_size": 3, "padding": "same"}}, "BatchNormalization", "ReLU", {"MaxPooling2D": {"pool_size": 2}}, "Flatten", {"Dropout": 0.1}, {"Dense": {"units": 1, "activation": "sigmoid"}}], "epochs": 15, "learning_rate": 0.01, "class_weight": "balanced"}');
SELECT ok(avg(((ecml_predict('tall', raw) >= 0.5) = is_tall)::int) > 0.9, 'the probability of the second class') FROM unseen WHERE raw IS NOT NULL;
SELECT ok((ecml_evaluate('tall', 'SELECT raw, is_tall FROM unseen') ->> 'roc_auc')::float8 > 0.95, 'ROC');
SELECT is((SELECT count(DISTINCT ecml_classify('tall', raw)) FROM unseen WHERE raw IS NOT NULL), 2::bigint, 'both classes are found');
SELECT is(ecml_model_info('tall') ->> 'task', 'classification', 'its task');
SELECT is(rows, 64::bigint, 'a number') FROM ecml_train('place', 'cnn', 'SELECT v, place FROM seen WHERE kind = ''flat''', target => 'place',
	options => '{"layers": [{"conv2d": 8}, "relu", {"max_pooling2d": 2}, "flatten", {"dense": {"units": 16, "activation": "relu"}}, "dense"], "epochs": 40, "learning_rate": 0.005, "batch_size": 16}');
SELECT ok((e ->> 'r2')::float8 > 0.8, 'regression: R2 ' || (e ->> 'r2')) FROM ecml_evaluate('place', 'SELECT v, place FROM unseen WHERE kind = ''flat'' AND v IS NOT NULL') e;
SELECT throws_ok($$ SELECT ecml_classify('place', v) FROM shapes WHERE id = 5 $$, '22023', NULL, 'a regression has no classes');
SELECT throws_ok($$ SELECT * FROM ecml_image_classify('place', (SELECT v FROM shapes WHERE id = 5)) $$, '22023', NULL, 'nor a list of them');

-- ---- warm start, transfer
SELECT ok((t.metrics ->> 'accuracy')::float8 > 0.95 AND (t.metrics ->> 'epochs') = '2', 'a warm start goes on') FROM ecml_train('on', 'cnn', 'SELECT v, kind FROM seen', target => 'kind',
	options => '{"warm_start": "bars", "epochs": 2, "learning_rate": 0.001}') t;
SELECT is(t.metrics ->> 'trainable', '402', 'transfer trains the new head alone') FROM ecml_train('moved', 'cnn', 'SELECT v, is_tall FROM seen', target => 'is_tall',
	options => '{"transfer": "bars", "epochs": 20, "learning_rate": 0.01}') t;
SELECT ok((ecml_evaluate('moved', 'SELECT v, is_tall FROM unseen') ->> 'accuracy')::float8 > 0.85, 'and learns other classes');
SELECT is(t.metrics ->> 'trainable', (80 + 402)::text, 'unless nothing is frozen') FROM ecml_train('loose', 'cnn', 'SELECT v, is_tall FROM seen', target => 'is_tall',
	options => '{"transfer": "bars", "epochs": 1, "freeze": "none"}') t;
SELECT throws_ok($$ SELECT ecml_train('x', 'cnn', 'SELECT v, is_tall FROM seen', target => 'is_tall', options => '{"warm_start": "bars"}') $$, '22023', NULL,
	'a warm start keeps the classes');

-- ---- all the rest of the training
SELECT lives_ok($$ SELECT ecml_train('all', 'cnn', 'SELECT raw, kind FROM seen', target => 'kind', options => '{"shape": [12, 12], "preset": "resnet8", "epochs": 2, "optimizer": "adamw",
	"weight_decay": 0.01, "schedule": "one_cycle", "validation": 0.2, "patience": 3, "label_smoothing": 0.1, "mixup": 0.2, "clip_norm": 1, "augment": "strong"}') $$, 'resnet8 with everything');
SELECT ok(metrics -> 'history' -> 0 ? 'val_accuracy', 'validation is told') FROM ecml.models WHERE name = 'all';
SELECT lives_ok($$ SELECT ecml_train('mobile', 'cnn', 'SELECT raw, kind FROM seen', target => 'kind', options => '{"shape": [12, 12, 1], "preset": "mobilenet_small", "epochs": 1, "optimizer": "sgd",
	"nesterov": true, "schedule": "step", "step_epochs": 1, "augment": {"flip": true, "shift": 0.1}}') $$, 'mobilenet_small by descent');
SELECT lives_ok($$ SELECT ecml_train('usual', 'cnn', 'SELECT v, kind FROM seen', target => 'kind', options => '{"epochs": 1}') $$, 'nothing but the epochs given');
SELECT ok(ecml_model_info('all') ->> 'summary' LIKE '%conv2d_1%Parameters: %', 'the summary');
SELECT is(jsonb_array_length(ecml_model_info('bars') -> 'layers'), 5, 'the layers');
SELECT is(ecml_model_info('bars') -> 'layers' -> 1 ->> 'output', '[10, 10, 8]', 'the shape of one');
SELECT lives_ok($$ SELECT ecml_train('graph', 'cnn', 'SELECT v, kind FROM seen', target => 'kind', options => '{"epochs": 1, "layers": [{"conv2d": {"filters": 4, "padding": "same", "name": "stem"}},
	{"separable_conv2d": {"filters": 4, "padding": "same", "activation": "swish"}}, {"add": "stem"}, {"residual": [{"conv2d": {"filters": 8, "strides": 2, "padding": "same"}}, "batch_normalization"]},
	{"global_average_pooling2d": {"name": "mean"}}, {"dense": {"units": 8, "activation": "hard_sigmoid"}}, {"multiply": "mean"}, "dense"]}') $$, 'sums, products, residuals');

-- ---- what the planner is told: a network costs more than a line
SELECT ecml_train('line', 'linreg', 'SELECT id, place FROM seen', 'place');
CREATE FUNCTION pg_temp.cost(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE plan json; BEGIN EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan; RETURN plan -> 0 -> 'Plan' ->> 'Total Cost'; END $$;
CREATE TABLE costs AS SELECT pg_temp.cost('SELECT count(id) FROM shapes') AS scan, pg_temp.cost($$ SELECT count(ecml_predict('line', id)) FROM shapes $$) AS line,
	pg_temp.cost($$ SELECT count(ecml_classify('bars', v)) FROM shapes $$) AS network, pg_temp.cost($$ SELECT count(ecml_classify('nobody', v)) FROM shapes $$) AS nobody;
SELECT cmp_ok(network - scan, '>', 1.5 * (line - scan), 'the cost of a network') FROM costs;
SELECT is(nobody, line, 'a model that is not there costs what is declared, until it is called') FROM costs;
SELECT throws_ok($$ SELECT * FROM ecml_explain('bars', ARRAY[1.0]) $$, '22023', 'the model does not predict from features', 'ecml_explain is for features');

-- ---- mistakes
SELECT throws_matching($$ SELECT ecml_train('x', 'cnn', 'SELECT v, kind FROM seen', target => 'kind', options => '{"layers": [{"conv2d": {"filters": 8, "kernel": 15}}, "flatten", "dense"]}') $$,
	'layer 1 \(conv2d\): the kernel is larger', 'the layer that does not fit is named');
SELECT throws_matching($$ SELECT ecml_train('x', 'cnn', 'SELECT v, kind FROM seen', target => 'kind', options => '{"layers": ["flatten", {"dense": 4}]}') $$,
	'the last layer \(dense\) does not fit the target', 'an end that does not fit the classes');
SELECT throws_matching($$ SELECT ecml_train('x', 'cnn', 'SELECT v, kind FROM seen', target => 'kind', options => '{"layers": ["flaten", "dense"]}') $$,
	'layer 1 is of an unknown kind "flaten"', 'an unknown layer');
SELECT throws_matching($$ SELECT ecml_train('x', 'cnn', 'SELECT v, kind FROM seen', target => 'kind', options => '{"layers": [{"conv2d": {"filters": 3, "size": 3}}]}') $$,
	'layer 1 \(conv2d\): unknown argument "size"', 'an unknown argument');
SELECT throws_matching($$ SELECT ecml_train('x', 'cnn', 'SELECT v, kind FROM seen', target => 'kind', options => '{"layers": [{"conv2d": {"filters": 3, "activation": "rellu"}}]}') $$,
	'unknown activation "rellu"', 'an unknown activation');
SELECT throws_ok($$ SELECT ecml_train('x', 'cnn', 'SELECT v, kind FROM seen', target => 'kind', options => '{"layers": [{"add": "stem"}]}') $$, '22023', NULL, 'an unknown name');
SELECT throws_ok($$ SELECT ecml_train('x', 'cnn', 'SELECT v, kind FROM seen', target => 'kind', options => '{"layers": {"dense": 3}}') $$, '22023', NULL, 'layers that are no array');
SELECT throws_ok($$ SELECT ecml_train('x', 'cnn', 'SELECT v, kind FROM seen', target => 'kind', options => '{"epoch": 3}') $$, '22023', NULL, 'an unknown option');
SELECT throws_ok($$ SELECT ecml_train('x', 'cnn', 'SELECT v, kind FROM seen') $$, '22023', NULL, 'no target');
SELECT throws_ok($$ SELECT ecml_train('x', 'cnn', 'SELECT kind, id FROM seen', target => 'kind') $$, '22023', NULL, 'no pictures');
SELECT throws_ok($$ SELECT ecml_train('x', 'cnn', 'seen', target => 'kind') $$, '22023', NULL, 'two columns that could be pictures');
SELECT lives_ok($$ SELECT ecml_train('x', 'cnn', 'seen', 'kind', '{v}', '{"epochs": 1}') $$, 'unless one is named');
SELECT throws_ok($$ SELECT ecml_train('x', 'cnn', 'SELECT raw, kind FROM seen', target => 'kind') $$, '22000', NULL, 'bytes that are no picture');
SELECT throws_ok($$ SELECT ecml_train('x', 'cnn', 'SELECT v, kind FROM seen WHERE kind = ''flat''', target => 'kind') $$, '22000', NULL, 'one class');
SELECT throws_ok($$ SELECT ecml_train('x', 'cnn', 'SELECT v[1:100] AS v, kind FROM seen UNION ALL SELECT v, kind FROM seen', target => 'kind') $$, '22000', NULL, 'arrays of several lengths');
SELECT throws_ok($$ SELECT ecml_classify('bars', v[1:3]) FROM shapes WHERE id = 5 $$, '22000', NULL, 'an array of another length');
SELECT throws_ok($$ SELECT ecml_classify('bars', v, v) FROM shapes WHERE id = 5 $$, '22023', NULL, 'two pictures');
SELECT throws_ok($$ SELECT ecml_classify('bars', 3) $$, '22023', NULL, 'a number');
SELECT throws_ok($$ SELECT * FROM ecml_explain('bars', ARRAY[1.0]) $$, '22023', NULL, 'ecml_explain is for features');
SELECT throws_ok($$ SELECT ecml_image_explain('bars', v, 'round') FROM shapes WHERE id = 5 $$, '22023', NULL, 'a class that it does not know');
SET LOCAL ecml.work_mem = '1MB';
SELECT throws_ok($$ SELECT ecml_train('x', 'cnn', 'SELECT v, kind FROM seen', target => 'kind', options => '{"batch_size": 1000}') $$, '54000', NULL, 'over the budget');

SELECT * FROM finish();
ROLLBACK;
