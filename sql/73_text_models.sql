-- ---- text models: classes (naive_bayes, text_logreg), topics (lda)

CREATE FUNCTION ecml_text_logreg_transition(internal, jsonb, "any", VARIADIC "any") RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION ecml_text_logreg_transition(internal, jsonb, "any", "any") IS 'Adds a row to the state of ecml_text_logreg.';
CREATE FUNCTION ecml_text_logreg_final(internal) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION ecml_text_logreg_final(internal) IS 'The model of the rows in the state of ecml_text_logreg; NULL without rows.';
CREATE AGGREGATE ecml_text_logreg(options jsonb, target "any", VARIADIC texts "any") (
	SFUNC = ecml_text_logreg_transition, STYPE = internal, FINALFUNC = ecml_text_logreg_final, FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL = RESTRICTED);
COMMENT ON AGGREGATE ecml_text_logreg(jsonb, "any", "any") IS
'Logistic regression of a class on the words of texts, which are named x1, x2, ...; options as in ecml_train. Errors: invalid_parameter_value (options), data_exception (one class, no words), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_naive_bayes_transition(internal, jsonb, "any", VARIADIC "any") RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION ecml_naive_bayes_transition(internal, jsonb, "any", "any") IS 'Adds a row to the state of ecml_naive_bayes.';
CREATE FUNCTION ecml_naive_bayes_final(internal) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION ecml_naive_bayes_final(internal) IS 'The model of the rows in the state of ecml_naive_bayes; NULL without rows.';
CREATE AGGREGATE ecml_naive_bayes(options jsonb, target "any", VARIADIC texts "any") (
	SFUNC = ecml_naive_bayes_transition, STYPE = internal, FINALFUNC = ecml_naive_bayes_final, FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL = RESTRICTED);
COMMENT ON AGGREGATE ecml_naive_bayes(jsonb, "any", "any") IS
'Naive Bayes of a class on the words of texts, which are named x1, x2, ...; options as in ecml_train. Errors: invalid_parameter_value (options), data_exception (one class, no words), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_lda_transition(internal, jsonb, VARIADIC "any") RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION ecml_lda_transition(internal, jsonb, "any") IS 'Adds a row to the state of ecml_lda.';
CREATE FUNCTION ecml_lda_final(internal) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION ecml_lda_final(internal) IS 'The model of the rows in the state of ecml_lda; NULL without rows.';
CREATE AGGREGATE ecml_lda(options jsonb, VARIADIC texts "any") (
	SFUNC = ecml_lda_transition, STYPE = internal, FINALFUNC = ecml_lda_final, FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL = RESTRICTED);
COMMENT ON AGGREGATE ecml_lda(jsonb, "any") IS
'Topics of texts, which are named x1, x2, ...; options as in ecml_train. Errors: invalid_parameter_value (options), data_exception (fewer than two texts, no words), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_top_words(model text, n int DEFAULT 10, OUT class text, OUT rank int, OUT term text, OUT weight float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_top_words_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 100;
COMMENT ON FUNCTION ecml_top_words(text, int) IS
'The n terms that speak most for each class of a model of texts: of text_logreg by their coefficients (of as many as its option vocabulary keeps), of naive_bayes by their lead in log probability over the mean of the classes, times their count. Errors: undefined_object, invalid_parameter_value (not a classifier of texts, n), insufficient_privilege.';
CREATE FUNCTION ecml_top_words(model ecml_model, n int DEFAULT 10, OUT class text, OUT rank int, OUT term text, OUT weight float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_top_words_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000 ROWS 100;
COMMENT ON FUNCTION ecml_top_words(ecml_model, int) IS
'The terms that speak most for each class of a model given as a value, as in ecml_top_words(text, int). Errors: invalid_parameter_value (not a classifier of texts, n), data_corrupted.';

CREATE FUNCTION ecml_topics(model text, n int DEFAULT 10, OUT topic int, OUT rank int, OUT word text, OUT weight float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_topics_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 200;
COMMENT ON FUNCTION ecml_topics(text, int) IS
'The n most probable words of each topic of a model by lda, with their probabilities in the topic; topics are numbered from 1, as the elements of ecml_topic_mix. Errors: undefined_object, invalid_parameter_value (not a model of topics, n), insufficient_privilege.';
CREATE FUNCTION ecml_topics(model ecml_model, n int DEFAULT 10, OUT topic int, OUT rank int, OUT word text, OUT weight float8)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_topics_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 200;
COMMENT ON FUNCTION ecml_topics(ecml_model, int) IS
'The n most probable words of each topic of a model given as a value, as in ecml_topics(text, int). Errors: invalid_parameter_value (not a model of topics, n), data_corrupted.';

CREATE FUNCTION ecml_topic_mix(model text, text text) RETURNS float8[]
AS 'MODULE_PATHNAME', 'ecml_topic_mix_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_topic_mix(text, text) IS
'The share of each topic in a text, by a model of lda: element i is that of topic i, their sum 1; of a text without a known word the shares that are expected of any text. Errors: undefined_object, invalid_parameter_value (not a model of topics), insufficient_privilege.';
CREATE FUNCTION ecml_topic_mix(model ecml_model, text text) RETURNS float8[]
AS 'MODULE_PATHNAME', 'ecml_topic_mix_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_topic_mix(ecml_model, text) IS
'The share of each topic in a text, by a model given as a value, as in ecml_topic_mix(text, text). Errors: invalid_parameter_value (not a model of topics), data_corrupted.';
