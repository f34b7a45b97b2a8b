-- ---- sentiment

CREATE FUNCTION ecml_sentiment(text text) RETURNS float8
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION ecml_sentiment(text) IS
'How positive an English text is, -1 to 1, without any training: learnt weights of words and pairs of words, with negation, intensifiers, contrast, emoticons and emoji; 0 when it has nothing that counts. Errors: none.';

CREATE FUNCTION ecml_subjectivity(text text) RETURNS float8
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION ecml_subjectivity(text) IS
'How much of an English text is opinion, 0 (none) to 1. Errors: none.';

CREATE FUNCTION ecml_sentiment_detail(text text, OUT polarity float8, OUT subjectivity float8, OUT label text, OUT positive text[],
	OUT negative text[]) RETURNS record
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_sentiment_detail(text) IS
'Polarity and subjectivity of an English text, a label (positive, negative, or neutral nearer than 0.05 to 0), and the phrases that led to it, strongest first, 20 at most. Errors: none.';

CREATE FUNCTION ecml_aspects(text text, OUT aspect text, OUT polarity float8, OUT phrase text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200 ROWS 3;
COMMENT ON FUNCTION ecml_aspects(text) IS
'What an English text praises or blames: a row for each aspect (a noun or two) with the polarity of the clause about it, -1 to 1. Errors: none.';

CREATE FUNCTION ecml.mean_class(probabilities jsonb) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 100
BEGIN ATOMIC
	SELECT CASE WHEN max(k.value) > min(k.value) THEN 2 * (sum(k.p * k.value) - min(k.value)) / (max(k.value) - min(k.value)) - 1 END
	FROM (SELECT e.value::float8 AS p, CASE WHEN bool_and(e.key ~ '^-?[0-9]{1,9}([.][0-9]{1,9})?$') OVER () THEN
			CASE WHEN e.key ~ '^-?[0-9]{1,9}([.][0-9]{1,9})?$' THEN e.key::float8 END
			ELSE (row_number() OVER (ORDER BY e.key COLLATE "C"))::float8 END AS value
		FROM jsonb_each_text(probabilities) e) k;
END;
COMMENT ON FUNCTION ecml.mean_class(jsonb) IS
'The expected class of probabilities by class, from -1 (the lowest) to 1 (the highest); classes that are no numbers in the order of their names. Errors: none.';
CREATE FUNCTION ecml_sentiment(text text, model text) RETURNS float8 LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 500
BEGIN ATOMIC
	SELECT ecml.mean_class(ecml_probabilities(model, text));
END;
COMMENT ON FUNCTION ecml_sentiment(text, text) IS
'How positive a text is, -1 to 1, by a classifier of texts trained on reviews (text_logreg, naive_bayes): the expected class, from the lowest (-1) to the highest (1); classes that are no numbers in the order of their names, as negative, positive. Errors: undefined_object (model), invalid_parameter_value (not a classifier of one text).';
CREATE FUNCTION ecml_sentiment(text text, model ecml_model) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 500
BEGIN ATOMIC
	SELECT ecml.mean_class(ecml_probabilities(model, text));
END;
COMMENT ON FUNCTION ecml_sentiment(text, ecml_model) IS
'How positive a text is, by a classifier of texts given as a value, as in ecml_sentiment(text, text). Errors: invalid_parameter_value (not a classifier of one text), data_corrupted.';
