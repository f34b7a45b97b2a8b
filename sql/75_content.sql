-- ---- content: texts that are made, summaries, keywords

CREATE FUNCTION ecml_ngram_lm_transition(internal, jsonb, VARIADIC "any") RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION ecml_ngram_lm_transition(internal, jsonb, "any") IS 'Adds a row to the state of ecml_ngram_lm.';
CREATE FUNCTION ecml_ngram_lm_final(internal) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION ecml_ngram_lm_final(internal) IS 'The model of the rows in the state of ecml_ngram_lm; NULL without rows.';
CREATE AGGREGATE ecml_ngram_lm(options jsonb, VARIADIC texts "any") (
	SFUNC = ecml_ngram_lm_transition, STYPE = internal, FINALFUNC = ecml_ngram_lm_final, FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL = RESTRICTED);
COMMENT ON AGGREGATE ecml_ngram_lm(jsonb, "any") IS
'A language model of texts, which are named x1, x2, ...; options as in ecml_train. Errors: invalid_parameter_value (options), data_exception (no words), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_generate(model text, prompt text DEFAULT '', n int DEFAULT 50, options jsonb DEFAULT '{}') RETURNS text
AS 'MODULE_PATHNAME', 'ecml_generate_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_generate(text, text, int, jsonb) IS
'Goes on after a prompt with at most n words, by a language model (ngram_lm), and returns both; the same seed gives the same text. Options: temperature (default 0.8), top_k (default 40, 0: all), sentences (stop at the end of a sentence, default true), seed. Errors: undefined_object, invalid_parameter_value (not a language model, n, options), insufficient_privilege.';
CREATE FUNCTION ecml_generate(model ecml_model, prompt text DEFAULT '', n int DEFAULT 50, options jsonb DEFAULT '{}') RETURNS text
AS 'MODULE_PATHNAME', 'ecml_generate_by_value' LANGUAGE C STABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_generate(ecml_model, text, int, jsonb) IS
'Goes on after a prompt by a language model given as a value, as in ecml_generate(text, ...). Errors: invalid_parameter_value (not a language model, n, options), data_corrupted.';

CREATE FUNCTION ecml_summarize(text text, n int DEFAULT 3, language text DEFAULT 'english') RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION ecml_summarize(text, int, text) IS
'The n sentences that stand for a text best (TextRank), in their order; a text of no more sentences as it is. language: whose stop words do not count, or none. Errors: invalid_parameter_value (n, language).';

CREATE FUNCTION ecml_text_keywords(text text, n int DEFAULT 10, language text DEFAULT 'english',
	OUT keyword text, OUT score float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION ecml_text_keywords(text, int, text) IS
'The n key phrases of one text, the best first (RAKE). language: whose stop words part phrases, or none. Errors: invalid_parameter_value (n, language).';

CREATE FUNCTION ecml_keywords(source text, options jsonb DEFAULT '{}', OUT doc text, OUT keyword text, OUT score float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_keywords(text, jsonb) IS
'The keywords of each row of a source, whose first column is a key and whose other texts are searched: by TF-IDF (weights of a row of length 1), or phrases by RAKE; the best first. Options: method (tfidf, rake), n (default 10), stopwords (a language, default english, or none), ngrams, min_length, min_df, max_df. Errors: undefined_object (table), invalid_parameter_value (options), program_limit_exceeded (memory).';

CREATE FUNCTION ecml.describe_product(model text, attributes jsonb) RETURNS text
AS 'MODULE_PATHNAME', 'ecml_describe_product' LANGUAGE C STABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION ecml.describe_product(text, jsonb) IS 'What ecml_describe_product does. Errors: as there.';
CREATE FUNCTION ecml_describe_product(attributes jsonb, model text DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE COST 1000
BEGIN ATOMIC
	SELECT ecml.describe_product(model, attributes);
END;
COMMENT ON FUNCTION ecml_describe_product(jsonb, text) IS
'Sentences about a product that say what its attributes say, and nothing else; with a language model (ngram_lm) in the form most like the texts that it has learnt. Errors: invalid_parameter_value (not an object, not a language model), undefined_object (model), insufficient_privilege.';
