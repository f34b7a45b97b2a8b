-- sentiment without training
BEGIN;
SELECT plan(15);
SELECT cmp_ok(ecml_sentiment(t), '>', 0::float8, t) FROM unnest(ARRAY['I love it!', 'great :)', 'excellent quality, fast shipping']) t;
SELECT cmp_ok(ecml_sentiment(t), '<', 0::float8, t) FROM unnest(ARRAY['not good', 'I do not recommend this', 'Good but broke after a week']) t;
SELECT is(ecml_sentiment(''), 0::float8, 'nothing in nothing');
SELECT ok(ecml_subjectivity('I love it, amazing!') > 0.5 AND ecml_subjectivity('It weighs 2 kg.') < 0.2, 'opinion and fact');
SELECT ok(polarity < 0 AND label = 'negative' AND EXISTS (SELECT FROM unnest(negative) p WHERE p LIKE '%very disappointed') AND NOT 'very disappointed' = ANY (positive), 'phrases')
FROM ecml_sentiment_detail('The screen is not good, I am very disappointed.');
SELECT is(array_agg(aspect || sign(polarity) ORDER BY aspect), ARRAY['battery1', 'screen-1'], 'aspects') FROM ecml_aspects('battery great, screen awful');
SELECT ok(abs(ecml_sentiment(repeat('good ', 1000000))) <= 1, 'a long text');
CREATE TABLE told AS SELECT i % 2 AS good, CASE WHEN i % 2 = 1 THEN 'schön prima ' ELSE 'kaputt schlimm ' END || i AS body FROM generate_series(1, 200) i;
SELECT ok(rows = 200, 'a model of the shop''s own') FROM ecml_train('told', 'text_logreg', 'told', 'good');
SELECT ok(ecml_sentiment('prima', 'told') > 0.5 AND ecml_sentiment('kaputt', model => 'told') < -0.5, 'tells sentiment in its words');
SELECT is(ecml_sentiment('prima', ecml_load('told')), ecml_sentiment('prima', 'told'), 'a model as a value');
SELECT throws_ok($$ SELECT ecml_sentiment('x', 'no such model') $$, '42704', NULL, 'no model of that name');
SELECT finish();
ROLLBACK;
