-- Hostile texts: every function that reads a text, on long runs of what scanners stumble over. A rule that looks back or ahead without
-- bound would take hours on some of them: the timeout is there so that such a test ends.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(22);
SET LOCAL statement_timeout = '60s';

CREATE TABLE hostile AS SELECT kind, repeat(part, (20000 / length(part))::int) AS t FROM (VALUES
	('emoji', '😀'), ('family', '👩‍👩‍👧'), ('joiners', U&'\200D'), ('variation selectors', U&'\FE0F'), ('marks', U&'e\0301\0302'), ('flags', '🇩🇪'),
	('control', chr(1)), ('escape', chr(27) || '['), ('spaces', ' '), ('wide spaces', U&'\3000'), ('lines', E'\n'), ('long word', 'a'),
	('long word, not ASCII', 'ä'), ('words', 'a '), ('periods', '.'), ('periods and spaces', '. '), ('a.', 'a.'), ('ellipses', '... '), ('apostrophes', ''''),
	('quotes', '"'), ('backticks', '`'), ('opening', '('), ('closing', ')'), ('closing behind a period', '.) '), ('commas', ','), ('colons', ':'),
	('hyphens', '-'), ('dashes', '- '), ('not', 'not '), ('but', 'but '), ('very good', 'very good '), ('marks of joy', '!?'), ('smileys', ':-)'),
	('prices', '$1,'), ('numbers', '1'), ('sizes', '1x'), ('addresses', 'http://'), ('www', 'www.'), ('mail', 'a@'), ('mail names', 'a+'), ('tags', '#a'),
	('n''t', 'n''t'), ('don''t', 'don''t '), ('clitics', 'a''s'), ('U.S.', 'U.S. '), ('tags of HTML', '<b>'), ('zero width', U&'\200B'),
	('right to left', U&'\202E'), ('CJK', '好'), ('private use', U&'\E000'), ('not a character', U&'\FFFE'), ('capitals', 'İ')) v (kind, part);
-- of each a mixture with words, too
INSERT INTO hostile SELECT kind || ' and words', repeat('good ' || left(t, 7) || ' bad', 1000) FROM hostile;

CREATE FUNCTION pg_temp.all_of(call text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE n int;
BEGIN
	EXECUTE format('SELECT count(x) FROM hostile CROSS JOIN LATERAL (SELECT %s AS x) s', call) INTO n;
	RETURN n;
END $$;

SELECT is(pg_temp.all_of('ecml_tokenize(t)'), 104, 'ecml_tokenize(t)');
SELECT is(pg_temp.all_of('ecml_tokenize(t, ''{"urls": true, "emoji": true, "prices": true, "sizes": true, "hashtags": true, "lowercase": true}'')'), 104, 'ecml_tokenize(t, {"urls": true, "emoji');
SELECT is(pg_temp.all_of('ecml_sentences(t)'), 104, 'ecml_sentences(t)');
SELECT is(pg_temp.all_of('ecml_ngrams(t, 2)'), 104, 'ecml_ngrams(t, 2)');
SELECT is(pg_temp.all_of('ecml_stem(t)'), 104, 'ecml_stem(t)');
SELECT is(pg_temp.all_of('ecml_lemma(t)'), 104, 'ecml_lemma(t)');
SELECT is(pg_temp.all_of('ecml_lemmatize(t)'), 104, 'ecml_lemmatize(t)');
SELECT is(pg_temp.all_of('ecml_minhash(t, ''{"size": 16}'')'), 104, 'ecml_minhash(t, {"size": 16})');
SELECT is(pg_temp.all_of('ecml_text_similarity(t, left(t, 1000))'), 104, 'ecml_text_similarity(t, left(t, 1000))');
SELECT is(pg_temp.all_of('ecml_sentiment(t)'), 104, 'ecml_sentiment(t)');
SELECT is(pg_temp.all_of('ecml_subjectivity(t)'), 104, 'ecml_subjectivity(t)');
SELECT is(pg_temp.all_of('ecml_sentiment_detail(t)'), 104, 'ecml_sentiment_detail(t)');
SELECT is(pg_temp.all_of('(SELECT count(*) FROM ecml_aspects(t))'), 104, '(SELECT count(*) FROM ecml_aspects(t))');
SELECT is(pg_temp.all_of('ecml_summarize(t, 2)'), 104, 'ecml_summarize(t, 2)');
SELECT is(pg_temp.all_of('(SELECT count(*) FROM ecml_text_keywords(t, 3))'), 104, '(SELECT count(*) FROM ecml_text_keywords');

-- models of such texts
SELECT lives_ok($$ SELECT ecml_train('hostile classes', 'text_logreg', 'SELECT left(t, 5000) AS t, kind LIKE ''% and words'' AS mixed FROM hostile', 'mixed',
	ARRAY['t'], '{"chars": [2, 3], "max_iter": 3}') $$, 'a classifier');
SELECT lives_ok($$ SELECT ecml_train('hostile topics', 'lda', 'SELECT left(t, 5000) AS t FROM hostile', options => '{"topics": 2, "iterations": 3}') $$, 'topics');
SELECT lives_ok($$ SELECT ecml_train('hostile voice', 'ngram_lm', 'SELECT left(t, 5000) AS t FROM hostile', options => '{"order": 2}') $$, 'a language model');
SELECT is(pg_temp.all_of('ecml_classify(''hostile classes'', t)'), 104, 'classes of them');
SELECT is(pg_temp.all_of('ecml_topic_mix(''hostile topics'', t)'), 104, 'their topics');
SELECT lives_ok($$ SELECT ecml_search_index('hostile', 'SELECT kind, left(t, 5000) AS t FROM hostile') $$, 'an index');
SELECT is(pg_temp.all_of('(SELECT count(*) FROM ecml_search(''hostile'', t, 3))'), 104, 'and searches for them');

SELECT * FROM finish();
ROLLBACK;
