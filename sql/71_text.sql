-- ---- text: tokens, stems, lemmas, similarity

CREATE FUNCTION ecml_tokenize(text text, options jsonb DEFAULT '{}') RETURNS text[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_tokenize(text, jsonb) IS
'The words and the punctuation of a text, in its order, by the conventions of the Penn Treebank as NLTK''s word_tokenize follows them: sentences first, then don''t as do and n''t, double quotes as `` and ''''. Options: lowercase; sentences (false: the text is one sentence); urls, emoji, prices, sizes, hashtags keep these whole. Errors: invalid_parameter_value (options), program_limit_exceeded (a result beyond 1 GB).';

CREATE FUNCTION ecml_sentences(text text) RETURNS text[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_sentences(text) IS
'The sentences of an English text, as Punkt finds them: abbreviations, initials and numbers do not end one. Errors: program_limit_exceeded (a result beyond 1 GB).';

CREATE FUNCTION ecml_ngrams(text text, n int DEFAULT 2, options jsonb DEFAULT '{}') RETURNS text[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION ecml_ngrams(text, int, jsonb) IS
'The runs of n tokens of a text, none of which reaches over a sentence''s end. Options: those of ecml_tokenize, and separator (a space by default). Errors: invalid_parameter_value (n outside 1 to 100, options), program_limit_exceeded (a result beyond 1 GB).';

CREATE FUNCTION ecml_stem(text text, language text DEFAULT 'english') RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION ecml_stem(text, text) IS
'The words of a text by their stems, joined by spaces, with the snowball dictionary that PostgreSQL has for the language; stop words stay as they are. Errors: undefined_object (no dictionary for the language).';

CREATE FUNCTION ecml_stopwords(language text DEFAULT 'english') RETURNS text[]
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION ecml_stopwords(text) IS
'The stop words of a language, sorted, from PostgreSQL''s files; empty for a language without such a file. Errors: undefined_object (no dictionary for the language).';

CREATE FUNCTION ecml_lemma(word text, pos text DEFAULT 'n') RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION ecml_lemma(text, text) IS
'The dictionary form of an English word as a part of speech (n, v, a or s, r; ? to have it guessed), as WordNet''s morphy finds it and NLTK''s WordNetLemmatizer chooses; the word itself when WordNet has none. Capitals are kept, and are no lemmas. Errors: invalid_parameter_value (part of speech).';

CREATE FUNCTION ecml_lemmatize(text text) RETURNS text[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION ecml_lemmatize(text) IS
'The tokens of ecml_tokenize in small letters, each word by its dictionary form; its part of speech is guessed from the word before it and from how often WordNet met it as what. Errors: program_limit_exceeded (a result beyond 1 GB).';

CREATE FUNCTION ecml_minhash(text text, options jsonb DEFAULT '{}') RETURNS int[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION ecml_minhash(text, jsonb) IS
'The MinHash signature of a text''s runs of characters: the share of places at which two signatures agree estimates how alike the texts are. Options: size (128 places), width (4 characters). Errors: invalid_parameter_value (options).';

CREATE FUNCTION ecml_minhash_similarity(a int[], b int[]) RETURNS float8
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION ecml_minhash_similarity(int[], int[]) IS
'The share of places at which two signatures of ecml_minhash agree, 0 to 1. Errors: invalid_parameter_value (signatures of different sizes, or none).';

CREATE FUNCTION ecml_text_similarity(a text, b text, options jsonb DEFAULT '{}') RETURNS float8
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION ecml_text_similarity(text, text, jsonb) IS
'How alike two texts are, 0 to 1: the Jaccard index of their sets of runs of characters (letters and digits, small, what parts words as one space). Option: width (4 characters). Errors: invalid_parameter_value (options).';
