-- Content: language models, summaries, keywords, descriptions of products.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(33);

CREATE TABLE texts AS SELECT i AS id, 'The ' || (ARRAY['red', 'blue', 'old'])[1 + i % 3] || ' ' || (ARRAY['shoe', 'boot', 'lamp', 'desk'])[1 + i % 4] ||
	' is ' || (ARRAY['light', 'warm', 'strong', 'fine', 'new'])[1 + i % 5] || '. It costs ' || i || ' euros!' AS body
FROM generate_series(1, 60) i;

-- ---- language models
SELECT is((t).rows, 60::bigint, 'ngram_lm trains') FROM ecml_train('lm', 'ngram_lm', 'SELECT body FROM texts') t;
SELECT is(task, 'text generation', 'its task') FROM ecml.models WHERE name = 'lm';
SELECT is(ecml_generate('lm', 'The red', 30, '{"seed": 3}'), ecml_generate('lm', 'The red', 30, '{"seed": 3}'), 'the same seed, the same text');
SELECT isnt(ecml_generate('lm', 'The red', 60, '{"seed": 3}'), ecml_generate('lm', 'The red', 60, '{"seed": 4}'), 'another seed, another text');
SELECT matches(ecml_generate('lm', 'The red', 30), '^The red (shoe|boot|lamp|desk) is ', 'it goes on as the texts do');
SELECT matches(ecml_generate('lm', 'It costs', 20), '[.!]$', 'it ends with a sentence');
SELECT cmp_ok(array_length(regexp_split_to_array(ecml_generate('lm', '', 5, '{"sentences": false}'), '\s+'), 1), '<=', 5, 'or after n words');
SELECT is(ecml_generate(m, 'The red', 30, '{"seed": 3}'), ecml_generate('lm', 'The red', 30, '{"seed": 3}'), 'the aggregate learns the same')
FROM (SELECT ecml_ngram_lm('{}', body) AS m FROM texts) s;
SELECT is((SELECT count(m) FROM (SELECT ecml_ngram_lm('{"order": 2}', body) AS m FROM texts GROUP BY id % 5) s), 5::bigint, 'a model a group');
SELECT ok(ecml_ngram_lm('{}', body) IS NULL, 'NULL without rows') FROM texts WHERE false;
SELECT ok(ecml_generate(ecml_load('lm'), 'The') IS NOT NULL, 'a model as a value');
SELECT cmp_ok((ecml_evaluate('lm', 'texts') ->> 'perplexity')::float8, '<', (ecml_evaluate('lm', $$SELECT 'shoe The costs red is' AS body$$) ->> 'perplexity')::float8, 'its own texts surprise it less');
SELECT throws_ok($$ SELECT ecml_generate('lm', 'The', 0) $$, '22023', 'n must be between 1 and 100000', 'n');
SELECT throws_ok($$ SELECT ecml_train('x', 'ngram_lm', 'SELECT id FROM texts') $$, '22023', 'there are no texts', 'no texts');
SELECT is((ecml_retrain('lm')).version, 2, 'ecml_retrain');

-- ---- summaries
CREATE TABLE long_text AS SELECT 'The tent is light. The tent is light and dry, the poles of the tent are strong. Bananas were yellow. Strong poles keep the tent dry. My neighbour came.' AS t;
SELECT is(ecml_summarize(t, 2), 'The tent is light and dry, the poles of the tent are strong. Strong poles keep the tent dry.', 'two sentences') FROM long_text;
SELECT is(ecml_summarize(t, 9), t, 'all of them') FROM long_text;
SELECT is(ecml_summarize('', 2), '', 'nothing');
SELECT is(ecml_summarize(NULL, 2), NULL, 'NULL');
SELECT cmp_ok(length(ecml_summarize(repeat('Word after word. ', 20000) || repeat(U&'\+01F600', 1000), 2)), '<', 100, 'a long text');
SELECT throws_ok($$ SELECT ecml_summarize('x', 0) $$, '22023', 'n must be at least 1', 'n');
SELECT throws_ok($$ SELECT ecml_summarize('x', 1, '../english') $$, '22023', NULL, 'a language is a name');

-- ---- keywords
SELECT is((array_agg(keyword))[1], 'compact washing machine', 'a key phrase') FROM ecml_text_keywords('The compact washing machine is quiet, and it washes well.', 3);
SELECT is(count(*), 6::bigint, 'two a row') FROM ecml_keywords('SELECT id, body FROM texts LIMIT 3', '{"n": 2}');
SELECT is(array_agg(DISTINCT doc ORDER BY doc), '{1,2,3}', 'by key') FROM ecml_keywords('SELECT id, body FROM texts ORDER BY id LIMIT 3');
SELECT ok(bool_and(pg_temp.close(s, 1)), 'weights of a row have length 1') FROM (SELECT sum(score ^ 2) AS s FROM ecml_keywords('SELECT id, body FROM texts', '{"n": 1000}') GROUP BY doc) x;
SELECT cmp_ok(count(*), '>', 0::bigint, 'by rake') FROM ecml_keywords('texts', '{"method": "rake"}');
SELECT is(count(*) FILTER (WHERE keyword IN ('the', 'is')), 0::bigint, 'no stop words') FROM ecml_keywords('texts', '{"n": 1000}');

-- ---- products
SELECT matches(ecml_describe_product('{"name": "Trail 2", "brand": "Acme", "category": "running shoe", "color": "blue", "waterproof": true}'),
	'Trail 2 (by|from) Acme is a blue running shoe. It is waterproof.$', 'sentences of a product');
SELECT is(ecml_describe_product('{}'), '', 'nothing is known');
SELECT is(ecml_describe_product('{"a": null, "b": ""}'), '', 'NULL says nothing');
SELECT ok(ecml_describe_product('{"name": "Trail 2", "weight": "250 g"}', 'lm') ~ 'Trail 2' AND ecml_describe_product('{"name": "Trail 2", "weight": "250 g"}', 'lm') ~ '250 g', 'with a model');
SELECT throws_ok($$ SELECT ecml_describe_product('[1]') $$, '22023', 'the attributes of a product must be an object', 'an array');

SELECT * FROM finish();
ROLLBACK;
