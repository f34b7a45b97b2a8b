-- Networks from ONNX files: probabilities of onnxruntime, models like any other, errors that name the operator.
BEGIN;
SELECT plan(27);

CREATE TABLE files (name text, height int, width int, channels int, file text, numbers text, probabilities text);
\copy files FROM '../data/image/networks.tsv' WITH (FORMAT csv, DELIMITER E'\t', HEADER)
CREATE TABLE networks AS SELECT name, height, width, channels, decode(file, 'hex') AS file,
	CASE WHEN probabilities <> 'error' THEN string_to_array(probabilities, ' ')::float8[] END AS probabilities,
	(SELECT ecml_image_from_pixels(decode(string_agg(lpad(to_hex(7919 * i % 256), 2, '0'), '' ORDER BY i), 'hex'), width, height, channels)
	FROM generate_series(0, height * width * channels - 1) i) AS picture FROM files;
SELECT is((SELECT count(*) FROM networks), 10::bigint, 'there are networks');

-- every network gives what onnxruntime gives
CREATE TABLE imports AS SELECT n.name, i.* FROM networks n, ecml_import_onnx(n.name, n.file) i WHERE probabilities IS NOT NULL;
SELECT results_eq('SELECT count(*), bool_and(version = 1 AND model = name) FROM imports', 'VALUES (8::bigint, true)', 'eight are imported');
SELECT is_empty($$
	SELECT n.name, p.key, p.value::float8, n.probabilities[p.key::int + 1]
	FROM networks n, jsonb_each_text(ecml_probabilities(n.name, n.picture)) p
	WHERE n.probabilities IS NOT NULL AND abs(p.value::float8 - n.probabilities[p.key::int + 1]) > 1e-5 $$, 'probabilities of onnxruntime');
SELECT is_empty($$
	SELECT * FROM networks n WHERE n.probabilities IS NOT NULL AND ecml_classify(n.name, n.picture)::int + 1 <>
		(SELECT ordinality FROM unnest(n.probabilities) WITH ORDINALITY u (p) ORDER BY p DESC LIMIT 1) $$, 'and classes');
SELECT results_eq('SELECT width, height, channels, classes FROM imports WHERE name = ''mobile''', 'VALUES (17, 15, 3, 4)', 'what was imported');

-- a model like any other
SELECT is((SELECT count(*) FROM ecml.models WHERE algorithm = 'cnn' AND task = 'classification'), 8::bigint, 'they stand among the models');
SELECT is((SELECT count(*) FROM networks n, ecml_image_classify('residual', n.picture, 3) WHERE n.name = 'residual'), 3::bigint, 'the three best classes');
SELECT is((SELECT array_length(ecml_image_embedding('residual', picture), 1) FROM networks WHERE name = 'residual'), 16, 'an embedding');
SELECT is((SELECT ecml_probabilities(ecml_load('mobile'), picture) = ecml_probabilities('mobile', picture) FROM networks WHERE name = 'mobile'), true,
	'as a value');
SELECT is((SELECT ecml_load('mobile')::text::ecml_model::text = ecml_load('mobile')::text), true, 'its text is read again');
SELECT is((SELECT (ecml_import_onnx('mobile', file, '{"labels": ["shoe", "shirt", "bag", "hat"], "fit": "stretch"}')).version FROM networks
	WHERE name = 'mobile'), 2, 'the next version');
SELECT is((SELECT ecml_classify('mobile', picture) IN ('shoe', 'shirt', 'bag', 'hat') FROM networks WHERE name = 'mobile'), true, 'labels');
SELECT ok((SELECT abs(p.probability - x.probability) < 1e-5 FROM networks n,
	(SELECT max(value::float8) AS probability FROM networks, jsonb_each_text(ecml_probabilities('mobile', picture)) WHERE name = 'mobile') x,
	ecml_image_classify('mobile', n.picture, 1) p WHERE n.name = 'mobile'), 'whose order is that of the outputs');
SELECT lives_ok($$ SELECT ecml_model_info('mobile') $$, 'it can be looked at');

-- preprocessing: the same pixels, otherwise given
CREATE FUNCTION pg_temp.top(options jsonb) RETURNS jsonb LANGUAGE sql AS $$
	SELECT ecml_import_onnx('tried', file, options) FROM networks WHERE name = 'plain';
	SELECT ecml_probabilities('tried', picture) FROM networks WHERE name = 'plain' $$;
SELECT is(pg_temp.top('{"preprocess": "none", "scale": 0.00392156862745098}'), pg_temp.top('{"preprocess": "unit"}'), 'a scale');
SELECT isnt(pg_temp.top('{"preprocess": "imagenet"}'), pg_temp.top('{"preprocess": "unit"}'), 'means and deviations');
SELECT isnt(pg_temp.top('{"channel_order": "bgr"}'), pg_temp.top('{"channel_order": "rgb"}'), 'the order of channels');
SELECT is(pg_temp.top('{"mean": [0.5, 0.5, 0.5], "std": 0.5}'), pg_temp.top('{"preprocess": "tensorflow"}'), 'from -1 to 1');

-- errors
CREATE FUNCTION pg_temp.import(name text, options jsonb DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
	SELECT ecml_import_onnx('failed', file, options) FROM networks n WHERE n.name = import.name $$;
SELECT throws_ok($$ SELECT pg_temp.import('unknown') $$, '0A000', 'operator LRN of the ONNX file cannot be imported', 'an unknown operator is named');
SELECT throws_ok($$ SELECT pg_temp.import('dynamic') $$, '0A000', 'operator Conv of the ONNX file cannot be imported', 'a kernel that is not constant');
SELECT throws_ok($$ SELECT pg_temp.import('plain', '{"labels": ["a", "b"]}') $$, '22023', 'invalid value for option "labels" of ecml_import_onnx',
	'too few labels');
SELECT throws_ok($$ SELECT pg_temp.import('mobile', '{"labels": ["a", "b", "c", "a"]}') $$, '22023',
	'invalid value for option "labels" of ecml_import_onnx', 'a label twice');
SELECT throws_ok($$ SELECT pg_temp.import('plain', '{"width": 99}') $$, '22023', 'the input of the ONNX file has another width', 'another width');
SELECT throws_ok($$ SELECT pg_temp.import('plain', '{"task": "regression"}') $$, '22023', 'the network''s output does not fit its task',
	'several outputs are no regression');
SELECT throws_ok($$ SELECT ecml_import_onnx('failed', '\x00010203') $$, '22000', 'the ONNX file is damaged', 'other bytes');
SELECT throws_ok($$ SELECT ecml_import_onnx('', file) FROM networks $$, '22023', NULL, 'no name');
SELECT is((SELECT count(*) FROM ecml.models WHERE name = 'failed'), 0::bigint, 'what failed left nothing');

SELECT * FROM finish();
ROLLBACK;
