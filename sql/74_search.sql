-- ---- search: an index of a shop's texts

CREATE TABLE ecml.search_page (
	model_id bigint NOT NULL CONSTRAINT search_page_model_fkey REFERENCES ecml.model ON DELETE CASCADE,
	page int NOT NULL,
	postings bytea NOT NULL,
	CONSTRAINT search_page_pkey PRIMARY KEY (model_id, page)) WITH (toast_tuple_target = 8160);
ALTER TABLE ecml.search_page ALTER postings SET STORAGE external;
COMMENT ON TABLE ecml.search_page IS 'Postings of search indexes, many short lists to a page; changed by the ecml_* functions only.';

CREATE TABLE ecml.search_document (
	model_id bigint NOT NULL CONSTRAINT search_document_model_fkey REFERENCES ecml.model ON DELETE CASCADE,
	document int NOT NULL,
	id text COLLATE "C" NOT NULL,
	fields text[] NOT NULL,
	CONSTRAINT search_document_pkey PRIMARY KEY (model_id, document));
CREATE INDEX search_document_id ON ecml.search_document (model_id, id);
COMMENT ON TABLE ecml.search_document IS 'Documents of search indexes: id and texts as they were when the index was built; changed by the ecml_* functions only.';

CREATE TABLE ecml.search_live (
	model_id bigint NOT NULL CONSTRAINT search_live_pkey PRIMARY KEY
		CONSTRAINT search_live_model_fkey REFERENCES ecml.model ON DELETE CASCADE,
	relation text NOT NULL,
	key text NOT NULL,
	fields text[] NOT NULL,
	category text,
	path text NOT NULL);
COMMENT ON TABLE ecml.search_live IS 'Which table a search index with the option live follows, and the search_path that its source was given under; changed by the ecml_* functions only.';

CREATE TABLE ecml.search_change (
	model_id bigint NOT NULL CONSTRAINT search_change_model_fkey REFERENCES ecml.model ON DELETE CASCADE,
	change bigint GENERATED ALWAYS AS IDENTITY,
	id text COLLATE "C" NOT NULL,
	fields text[],
	category text,
	CONSTRAINT search_change_pkey PRIMARY KEY (model_id, change));
COMMENT ON TABLE ecml.search_change IS 'Documents that have changed since their search index was built; fields NULL: deleted; changed by a trigger only.';

SELECT pg_catalog.pg_extension_config_dump('ecml.search_page', '');
SELECT pg_catalog.pg_extension_config_dump('ecml.search_document', '');
SELECT pg_catalog.pg_extension_config_dump('ecml.search_live', '');
SELECT pg_catalog.pg_extension_config_dump('ecml.search_change', '');
SELECT pg_catalog.pg_extension_config_dump('ecml.search_change_change_seq', '');

CREATE FUNCTION ecml.search_follow() RETURNS trigger
AS 'MODULE_PATHNAME', 'ecml_search_follow' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION ecml.search_follow() IS
'The trigger of a search index with the option live: writes down what the index''s source gives for a row that has changed, run as the owner of the index. Errors: undefined_column (the key is gone), those of the source.';

CREATE FUNCTION ecml_search_index(name text, source text, options jsonb DEFAULT '{}') RETURNS ecml_training
LANGUAGE sql VOLATILE PARALLEL UNSAFE COST 100000
BEGIN ATOMIC
	SELECT ecml_train(name, 'search', source, NULL, NULL, options);
END;
COMMENT ON FUNCTION ecml_search_index(text, text, jsonb) IS
'Builds a search index of a table, view or query whose first column is the key of a document and whose texts are its fields, as the next version of its name; ecml_retrain, ecml_grant and ecml_drop_model work on it. Options: weights and field_b ({field: number}), k1, b, language (words by their stems), synonyms (a table of two columns), synonym_weight, category (a column), fields, live (a trigger follows the table), live_table. Errors: undefined_object (table), undefined_column, invalid_parameter_value (options), program_limit_exceeded (memory), insufficient_privilege.';

CREATE FUNCTION ecml_search(name text, query text, n int DEFAULT 10, options jsonb DEFAULT '{}',
	OUT id text, OUT score float8, OUT snippet text, OUT corrected text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION ecml_search(text, text, int, jsonb) IS
'The n documents of a search index that fit a query best, by BM25F, the best first: the text of the key, the score, the best stretch of a field with the words found in <b> (other signs of HTML are escaped), and the query with its words corrected when some were. Options: match (any, all), category, correct, synonyms, snippet, snippet_length (bytes). Errors: undefined_object (index), invalid_parameter_value (not an index, n, options), insufficient_privilege.';

CREATE FUNCTION ecml_suggest(name text, prefix text, n int DEFAULT 10, OUT suggestion text, OUT documents bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION ecml_suggest(text, text, int) IS
'The n most frequent ways to go on with what was typed: the words before the last as they are meant, and words of the documents that begin like the last one and stand in a document with the others; documents: how many have that word. Errors: undefined_object (index), invalid_parameter_value (not an index, n), insufficient_privilege.';

CREATE FUNCTION ecml_search_category(name text, query text, OUT category text, OUT share float8, OUT documents bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 5;
COMMENT ON FUNCTION ecml_search_category(text, text) IS
'The categories that a query is about, the likeliest first: of the 100 documents that fit it best, each by its score, the share of each category, and their number. Errors: undefined_object (index), object_not_in_prerequisite_state (built without the option category), invalid_parameter_value (not an index), insufficient_privilege.';
