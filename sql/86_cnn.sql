-- ---- convolutional networks for pictures

CREATE FUNCTION ecml_image_classify(model text, picture bytea, n int DEFAULT 5, OUT label text, OUT probability float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_image_classify_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 5;
COMMENT ON FUNCTION ecml_image_classify(text, bytea, int) IS
'The n most probable classes of a picture by a network, the most probable first. Errors: undefined_object (no such model), insufficient_privilege, invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_classify(model text, picture float4[], n int DEFAULT 5, OUT label text, OUT probability float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_image_classify_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 5;
COMMENT ON FUNCTION ecml_image_classify(text, float4[], int) IS
'The n most probable classes of a picture by a network, the most probable first. The picture is raw: height times width times channels numbers, channels innermost. Errors: undefined_object (no such model), insufficient_privilege, invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_classify(model text, picture float8[], n int DEFAULT 5, OUT label text, OUT probability float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_image_classify_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 5;
COMMENT ON FUNCTION ecml_image_classify(text, float8[], int) IS
'The n most probable classes of a picture by a network, the most probable first. The picture is raw: height times width times channels numbers, channels innermost. Errors: undefined_object (no such model), insufficient_privilege, invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_classify(model ecml_model, picture bytea, n int DEFAULT 5, OUT label text, OUT probability float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_image_classify_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000 ROWS 5;
COMMENT ON FUNCTION ecml_image_classify(ecml_model, bytea, int) IS
'The n most probable classes of a picture by a network, the most probable first. The model is given as a value. Errors: data_corrupted (damaged model), invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_classify(model ecml_model, picture float4[], n int DEFAULT 5, OUT label text, OUT probability float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_image_classify_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000 ROWS 5;
COMMENT ON FUNCTION ecml_image_classify(ecml_model, float4[], int) IS
'The n most probable classes of a picture by a network, the most probable first. The model is given as a value. The picture is raw: height times width times channels numbers, channels innermost. Errors: data_corrupted (damaged model), invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_classify(model ecml_model, picture float8[], n int DEFAULT 5, OUT label text, OUT probability float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_image_classify_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000 ROWS 5;
COMMENT ON FUNCTION ecml_image_classify(ecml_model, float8[], int) IS
'The n most probable classes of a picture by a network, the most probable first. The model is given as a value. The picture is raw: height times width times channels numbers, channels innermost. Errors: data_corrupted (damaged model), invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_embedding(model text, picture bytea) RETURNS float4[]
AS 'MODULE_PATHNAME', 'ecml_image_embedding_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_image_embedding(text, bytea) IS
'What a network sees in a picture, as an array of length 1 (the sum of its squares): pictures that look alike have a small angle between them, so that the sum of products is their similarity, up to 1. Errors: undefined_object (no such model), insufficient_privilege, invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_embedding(model text, picture float4[]) RETURNS float4[]
AS 'MODULE_PATHNAME', 'ecml_image_embedding_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_image_embedding(text, float4[]) IS
'What a network sees in a picture, as an array of length 1 (the sum of its squares): pictures that look alike have a small angle between them, so that the sum of products is their similarity, up to 1. The picture is raw: height times width times channels numbers, channels innermost. Errors: undefined_object (no such model), insufficient_privilege, invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_embedding(model text, picture float8[]) RETURNS float4[]
AS 'MODULE_PATHNAME', 'ecml_image_embedding_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_image_embedding(text, float8[]) IS
'What a network sees in a picture, as an array of length 1 (the sum of its squares): pictures that look alike have a small angle between them, so that the sum of products is their similarity, up to 1. The picture is raw: height times width times channels numbers, channels innermost. Errors: undefined_object (no such model), insufficient_privilege, invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_embedding(model ecml_model, picture bytea) RETURNS float4[]
AS 'MODULE_PATHNAME', 'ecml_image_embedding_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_image_embedding(ecml_model, bytea) IS
'What a network sees in a picture, as an array of length 1 (the sum of its squares): pictures that look alike have a small angle between them, so that the sum of products is their similarity, up to 1. The model is given as a value. Errors: data_corrupted (damaged model), invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_embedding(model ecml_model, picture float4[]) RETURNS float4[]
AS 'MODULE_PATHNAME', 'ecml_image_embedding_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_image_embedding(ecml_model, float4[]) IS
'What a network sees in a picture, as an array of length 1 (the sum of its squares): pictures that look alike have a small angle between them, so that the sum of products is their similarity, up to 1. The model is given as a value. The picture is raw: height times width times channels numbers, channels innermost. Errors: data_corrupted (damaged model), invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_embedding(model ecml_model, picture float8[]) RETURNS float4[]
AS 'MODULE_PATHNAME', 'ecml_image_embedding_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_image_embedding(ecml_model, float8[]) IS
'What a network sees in a picture, as an array of length 1 (the sum of its squares): pictures that look alike have a small angle between them, so that the sum of products is their similarity, up to 1. The model is given as a value. The picture is raw: height times width times channels numbers, channels innermost. Errors: data_corrupted (damaged model), invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_explain(model text, picture bytea, class text DEFAULT NULL) RETURNS bytea
AS 'MODULE_PATHNAME', 'ecml_image_explain_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION ecml_image_explain(text, bytea, text) IS
'Where a network looked when it gave a picture its class (NULL: the most probable one): a heat map over the picture, by Grad-CAM, as PNG. Errors: undefined_object (no such model), insufficient_privilege, invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_explain(model text, picture float4[], class text DEFAULT NULL) RETURNS bytea
AS 'MODULE_PATHNAME', 'ecml_image_explain_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION ecml_image_explain(text, float4[], text) IS
'Where a network looked when it gave a picture its class (NULL: the most probable one): a heat map over the picture, by Grad-CAM, as PNG. The picture is raw: height times width times channels numbers, channels innermost. Errors: undefined_object (no such model), insufficient_privilege, invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_explain(model text, picture float8[], class text DEFAULT NULL) RETURNS bytea
AS 'MODULE_PATHNAME', 'ecml_image_explain_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION ecml_image_explain(text, float8[], text) IS
'Where a network looked when it gave a picture its class (NULL: the most probable one): a heat map over the picture, by Grad-CAM, as PNG. The picture is raw: height times width times channels numbers, channels innermost. Errors: undefined_object (no such model), insufficient_privilege, invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_explain(model ecml_model, picture bytea, class text DEFAULT NULL) RETURNS bytea
AS 'MODULE_PATHNAME', 'ecml_image_explain_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION ecml_image_explain(ecml_model, bytea, text) IS
'Where a network looked when it gave a picture its class (NULL: the most probable one): a heat map over the picture, by Grad-CAM, as PNG. The model is given as a value. Errors: data_corrupted (damaged model), invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_explain(model ecml_model, picture float4[], class text DEFAULT NULL) RETURNS bytea
AS 'MODULE_PATHNAME', 'ecml_image_explain_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION ecml_image_explain(ecml_model, float4[], text) IS
'Where a network looked when it gave a picture its class (NULL: the most probable one): a heat map over the picture, by Grad-CAM, as PNG. The model is given as a value. The picture is raw: height times width times channels numbers, channels innermost. Errors: data_corrupted (damaged model), invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_explain(model ecml_model, picture float8[], class text DEFAULT NULL) RETURNS bytea
AS 'MODULE_PATHNAME', 'ecml_image_explain_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50000;
COMMENT ON FUNCTION ecml_image_explain(ecml_model, float8[], text) IS
'Where a network looked when it gave a picture its class (NULL: the most probable one): a heat map over the picture, by Grad-CAM, as PNG. The model is given as a value. The picture is raw: height times width times channels numbers, channels innermost. Errors: data_corrupted (damaged model), invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_image_classify_all(model text, source text, key_column text, OUT key text, OUT label text, OUT probability float8)
	RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_image_classify_all_by_name' LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 1000;
COMMENT ON FUNCTION ecml_image_classify_all(text, text, text) IS
'The class of each picture of a source (a table or query) with its probability, by a network, many at once and on several threads; key: the text of the column key_column. Of a regression the label is NULL, and probability the value. Rows without a picture are left out. Errors: undefined_object (model, source, column), insufficient_privilege, invalid_parameter_value (the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';
CREATE FUNCTION ecml_image_classify_all(model ecml_model, source text, key_column text, OUT key text, OUT label text,
	OUT probability float8) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_image_classify_all_by_value' LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 1000;
COMMENT ON FUNCTION ecml_image_classify_all(ecml_model, text, text) IS
'The class of each picture of a source, as in ecml_image_classify_all(text, ...), by a network given as a value. Errors: data_corrupted (damaged model), undefined_object (source, column), invalid_parameter_value, data_exception (a damaged picture), program_limit_exceeded (memory).';

-- ---- pictures like one: embeddings kept beside a model's version

CREATE TABLE ecml.image_index (
	model_id bigint NOT NULL CONSTRAINT image_index_pkey PRIMARY KEY
		CONSTRAINT image_index_model_fkey REFERENCES ecml.model ON DELETE CASCADE,
	source text NOT NULL,
	key text NOT NULL,
	picture text NOT NULL,
	damaged boolean NOT NULL,
	pictures bigint NOT NULL,
	skipped bigint NOT NULL,
	dimensions int NOT NULL CHECK (dimensions > 0),
	seconds float8 NOT NULL);
COMMENT ON TABLE ecml.image_index IS 'Which pictures a network''s version has indexed: source, its columns, whether damaged ones are left out; changed by the ecml_* functions only.';

CREATE TABLE ecml.embedding (
	model_id bigint NOT NULL CONSTRAINT embedding_model_fkey REFERENCES ecml.model ON DELETE CASCADE,
	block int NOT NULL,
	ids text[] NOT NULL,
	vectors float4[] NOT NULL,
	CONSTRAINT embedding_pkey PRIMARY KEY (model_id, block));
ALTER TABLE ecml.embedding ALTER vectors SET STORAGE external;
COMMENT ON TABLE ecml.embedding IS 'Embeddings of indexed pictures, vectors of length 1, many to a block; changed by the ecml_* functions only.';

SELECT pg_catalog.pg_extension_config_dump('ecml.image_index', '');
SELECT pg_catalog.pg_extension_config_dump('ecml.embedding', '');

CREATE FUNCTION ecml_image_index(model text, source text, options jsonb DEFAULT '{}') RETURNS ecml_training
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION ecml_image_index(text, text, jsonb) IS
'Keeps the embeddings of all pictures of a source (a key and a picture) beside the active version of a network, in place of those that were there, for ecml_similar_images; the next training of the name indexes the source again. Source NULL: drops them. Returns pictures kept (rows), rows left out, seconds, metrics (dimensions). Options: id and image (columns; default the first, and the training''s or the only one of pictures), damaged (error, skip). Errors: undefined_object (model, source, column), insufficient_privilege, invalid_parameter_value (options, the model is no network of pictures, another kind of picture), data_exception (a damaged picture), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_similar_images(model text, picture bytea, n int DEFAULT 10, OUT rank int, OUT id text, OUT similarity float8)
	RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 20000 ROWS 10;
COMMENT ON FUNCTION ecml_similar_images(text, bytea, int) IS
'The n pictures that ecml_image_index has kept most like a picture, as a network sees them: their keys, and the cosine of the embeddings, up to 1. Errors: undefined_object (no such model), insufficient_privilege, object_not_in_prerequisite_state (no index), invalid_parameter_value (n; the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), data_corrupted, program_limit_exceeded (memory).';

CREATE FUNCTION ecml_similar_images(model text, picture float4[], n int DEFAULT 10, OUT rank int, OUT id text, OUT similarity float8)
	RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 20000 ROWS 10;
COMMENT ON FUNCTION ecml_similar_images(text, float4[], int) IS
'The n pictures that ecml_image_index has kept most like a picture, as a network sees them: their keys, and the cosine of the embeddings, up to 1. The picture is raw: height times width times channels numbers, channels innermost. Errors: undefined_object (no such model), insufficient_privilege, object_not_in_prerequisite_state (no index), invalid_parameter_value (n; the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), data_corrupted, program_limit_exceeded (memory).';

CREATE FUNCTION ecml_similar_images(model text, picture float8[], n int DEFAULT 10, OUT rank int, OUT id text, OUT similarity float8)
	RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 20000 ROWS 10;
COMMENT ON FUNCTION ecml_similar_images(text, float8[], int) IS
'The n pictures that ecml_image_index has kept most like a picture, as a network sees them: their keys, and the cosine of the embeddings, up to 1. The picture is raw: height times width times channels numbers, channels innermost. Errors: undefined_object (no such model), insufficient_privilege, object_not_in_prerequisite_state (no index), invalid_parameter_value (n; the model is no network of pictures, or wants another kind of picture), data_exception (a damaged picture), data_corrupted, program_limit_exceeded (memory).';
