-- tokens, sentences, n-grams, stems, lemmas, near-duplicates
BEGIN;
SELECT plan(24);
SELECT is(ecml_tokenize('Hello, "world"! Don''t pay $5.99.'), ARRAY['Hello', ',', '``', 'world', '''''', '!', 'Do', 'n''t', 'pay', '$', '5.99', '.'], 'tokens');
SELECT is(ecml_tokenize(''), '{}', 'none in nothing');
SELECT is(ecml_tokenize(NULL), NULL, 'NULL');
SELECT is(ecml_tokenize('Visit https://a.b/c. 😀👍🏽 $5.99 10x20cm #New',
	'{"urls": true, "emoji": true, "prices": true, "sizes": true, "hashtags": true, "lowercase": true}'),
	ARRAY['visit', 'https://a.b/c', '.', '😀', '👍🏽', '$5.99', '10x20cm', '#new'], 'kept whole');
SELECT throws_ok($$ SELECT ecml_tokenize('x', '{"url": true}') $$, '22023', NULL, 'unknown option');
SELECT is(cardinality(ecml_tokenize(repeat('😀', 100000), '{"emoji": true}')), 100000, '100,000 emoji');
SELECT is(ecml_tokenize(repeat('a.', 500000)), ARRAY[repeat('a.', 499999) || 'a', '.'], 'a word of a million characters');
SELECT is(ecml_sentences('Mr. Smith came at 5 p.m. today. He left! Fine.'), ARRAY['Mr. Smith came at 5 p.m. today.', 'He left!', 'Fine.'], 'sentences');
SELECT is(ecml_ngrams('The quick fox. End', 2, '{"lowercase": true, "separator": "_"}'), ARRAY['the_quick', 'quick_fox', 'fox_.'], 'pairs within a sentence');
SELECT throws_ok($$ SELECT ecml_ngrams('x', 0) $$, '22023', NULL, 'no 0-grams');
SELECT is(ecml_stem('Running shoes'), 'run shoe', 'stems');
SELECT is(ecml_stem('laufende Schuhe', 'german'), 'laufend schuh', 'of another language');
SELECT throws_ok($$ SELECT ecml_stem('x', 'klingon') $$, '42704', NULL, 'of none');
SELECT ok('the' = ANY (ecml_stopwords()) AND 'und' = ANY (ecml_stopwords('german')), 'stop words');
SELECT is(ARRAY[ecml_lemma('shoes'), ecml_lemma('running', 'v'), ecml_lemma('better', 'a'), ecml_lemma('was', 'v'), ecml_lemma('us'), ecml_lemma('men'),
	ecml_lemma('went', '?'), ecml_lemma('Dogs'), ecml_lemma('zzzs')], ARRAY['shoe', 'run', 'good', 'be', 'u', 'men', 'go', 'Dogs', 'zzzs'], 'lemmas');
SELECT throws_ok($$ SELECT ecml_lemma('x', 'z') $$, '22023', NULL, 'unknown part of speech');
SELECT is(ecml_lemmatize('The dogs were running to their houses.'), ARRAY['the', 'dog', 'be', 'run', 'to', 'their', 'house', '.'], 'of a text');
SELECT is(ecml_text_similarity('Red running shoes, size 10', 'red running-shoes size 10!'), 1::float8, 'alike but for punctuation');
SELECT is(ecml_text_similarity('abc', 'xyz'), 0::float8, 'not alike');
SELECT is(ecml_text_similarity('abcde', 'abcdf'), 1 / 3::float8, 'one of three runs');
SELECT is(cardinality(ecml_minhash('x', '{"size": 64}')), 64, 'a signature');
SELECT cmp_ok(abs(ecml_minhash_similarity(ecml_minhash(a, '{"size": 4096}'), ecml_minhash(b, '{"size": 4096}')) - ecml_text_similarity(a, b)), '<', 0.04::float8,
	'signatures estimate the index')
FROM (VALUES ('Red running shoes size 10 for men', 'Red running shoes size 11 for women')) v (a, b);
SELECT throws_ok($$ SELECT ecml_minhash_similarity('{1}', '{1,2}') $$, '22023', NULL, 'signatures of two sizes');
SELECT is(ecml_minhash(''), ecml_minhash(' !'), 'nothing is like nothing');
SELECT finish();
ROLLBACK;
