-- Text models: naive Bayes and logistic regression of texts through all verbs, topics; NULLs, whole rows, privileges, errors.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(87);

-- Titles of three kinds; some words belong to one kind, some to all.
CREATE TABLE offers AS SELECT i AS id,
	(ARRAY['red', 'blue', 'new', 'great', 'the'])[1 + i * 7 % 5] || ' ' ||
	(ARRAY[ARRAY['running shoe', 'leather boot', 'shoe laces'], ARRAY['phone screen', 'phone charger', 'smart phone'],
		ARRAY['crime novel', 'cook book', 'story book']])[1 + i % 3][1 + i / 3 % 3] || ' ' ||
	(ARRAY['size 42', '64GB', 'paperback', 'Größe 38', ''])[1 + i * 11 % 5] AS title,
	CASE WHEN i % 4 = 0 THEN NULL ELSE (ARRAY['light sole', 'long battery', 'many pages'])[1 + i % 3] END AS description,
	(ARRAY['shoes', 'phones', 'books'])[1 + i % 3] AS category, 1.0 + i % 2 AS weight
FROM generate_series(1, 240) i;
CREATE TABLE two AS SELECT * FROM offers WHERE category <> 'books';

-- ---- training
SELECT is((t).rows, 240::bigint, 'text_logreg trains on all rows') FROM ecml_train('log', 'text_logreg', 'offers', 'category', '{title}') t;
SELECT is((t).version, 1, 'naive_bayes too') FROM ecml_train('nb', 'naive_bayes', 'offers', 'category', '{title}') t;
SELECT lives_ok($$ SELECT ecml_train('cnb', 'naive_bayes', 'offers', 'category', '{title}', '{"variant": "complement", "ngrams": [1, 2]}') $$, 'complement, two words');
SELECT is(ecml_model_info('log') ->> 'target', 'category', 'the target is known');
SELECT is(ecml_model_info('log') #>> '{features,0,name}', 'title', 'the features are');
SELECT is(task, 'classification', 'its task') FROM ecml.models WHERE name = 'log';
SELECT lives_ok($$ SELECT ecml_train('all', 'text_logreg', 'SELECT title, description, category FROM offers', 'category') $$, 'all texts when none is named');
SELECT is(jsonb_array_length(ecml_model_info('all') -> 'features'), 2, 'title and description');

-- ---- prediction
SELECT is(ecml_classify('log', 'a leather boot'), 'shoes', 'ecml_classify');
SELECT is(ecml_classify('nb', 'a leather boot'), 'shoes', 'by naive Bayes');
SELECT is(ecml_classify('cnb', 'crime story'), 'books', 'by its complement');
SELECT is(ecml_classify('log', 'a leather boot'::varchar), 'shoes', 'of varchar');
SELECT is(ecml_classify(ecml_load('log'), 'a leather boot'::text), 'shoes', 'a model given as a value');
SELECT is(ecml_classify('all', 'phone', NULL), 'phones', 'a NULL is an empty text');
SELECT is(ecml_classify('all', NULL, NULL), NULL, 'all NULL: NULL');
SELECT is(ecml_classify('log', NULL), NULL, 'NULL');
SELECT is(ecml_classify('log', ''), (SELECT key FROM jsonb_each_text(ecml_probabilities('log', '')) ORDER BY value::float8 DESC LIMIT 1), 'an empty text has the most probable class');
SELECT is(count(*) FILTER (WHERE ecml_classify('all', o) = category), 240::bigint, 'a whole row binds by name') FROM offers o;
SELECT ok(pg_temp.close((SELECT sum(value::float8) FROM jsonb_each_text(ecml_probabilities('nb', 'new shoe'))), 1), 'probabilities add up to 1');
SELECT throws_ok($$ SELECT ecml_predict('log', 'x') $$, '22023', 'ecml_predict gives one probability, but the model has 3 classes', 'ecml_predict needs two classes');
SELECT throws_ok($$ SELECT ecml_classify('all', 'x') $$, '22023', 'the model needs 2 texts, not 1', 'too few texts');
SELECT throws_ok($$ SELECT ecml_classify('log', o) FROM two o, LATERAL (SELECT 1 AS a) s WHERE false; SELECT ecml_classify('log', ROW(1, 2)) $$, '42703', 'the row has no column "title"', 'a row without the column');
SELECT lives_ok($$ SELECT ecml_train('two', 'text_logreg', 'two', 'category', '{title}') $$, 'two classes');
SELECT cmp_ok(ecml_predict('two', 'leather boot'), '>', 0.9::float8, 'ecml_predict is the probability of the second');
SELECT ok(pg_temp.close(ecml_predict('two', 'leather boot'), (ecml_probabilities('two', 'leather boot') ->> 'shoes')::float8), 'as ecml_probabilities says');
SELECT is(array_agg(ecml_classify('log', title) ORDER BY id), array_agg(ecml_classify('log', upper(title)) ORDER BY id), 'large letters are as small ones') FROM offers;

-- ---- which words
SELECT is(value, 'leather boot', 'the word pair is what speaks for it') FROM ecml_explain('log', 'a leather boot') WHERE value LIKE '% %' LIMIT 1;
SELECT ok(pg_temp.close(min(base) + sum(contribution), min(prediction)), 'contributions add up') FROM ecml_explain('log', 'a leather boot, red');
SELECT ok(pg_temp.close(min(base) + sum(contribution), min(prediction)), 'of naive Bayes') FROM ecml_explain('nb', 'a leather boot, red');
SELECT ok(pg_temp.close(1 / (1 + exp(-min(prediction))), ecml_predict('two', 'red boot boot')), 'of two classes they are log odds') FROM ecml_explain('two', 'red boot boot');
SELECT is(array_agg(DISTINCT feature ORDER BY feature), '{description,title}', 'each word is told with its column') FROM ecml_explain('all', 'leather boot', 'light sole');
SELECT is(array_agg(DISTINCT class), '{phones}', 'and its class') FROM ecml_explain('log', 'smart phone');

SELECT is((SELECT count(*) FROM ecml_top_words('log', 4)), 12::bigint, 'ecml_top_words');
SELECT cmp_ok(count(*), '=', 0::bigint, 'the first words of a class stand in its titles') FROM ecml_top_words('log', 2) w
	WHERE NOT EXISTS (SELECT FROM offers o WHERE o.category = w.class AND o.title LIKE '%' || w.term || '%');
SELECT cmp_ok(count(*), '=', 0::bigint, 'by naive Bayes too') FROM ecml_top_words('nb', 2) w
	WHERE NOT EXISTS (SELECT FROM offers o WHERE o.category = w.class AND o.title LIKE '%' || w.term || '%');
SELECT is((SELECT array_agg(DISTINCT class) FROM ecml_top_words('two', 3)), '{phones,shoes}', 'of two classes both have some');

-- ---- evaluation and folds
SELECT is((ecml_evaluate('log', 'offers') ->> 'accuracy')::float8, 1::float8, 'ecml_evaluate');
SELECT is((ecml_evaluate('two', 'two') ->> 'roc_auc')::float8, 1::float8, 'of two classes');
SELECT is((ecml_evaluate('log', 'SELECT title, category AS kind FROM offers', '{"target": "kind"}') ->> 'rows')::int, 240, 'another name of the target');
SELECT is((ecml_evaluate('log', 'offers', '{"sample_weight": "weight"}') ->> 'accuracy')::float8, 1::float8, 'with weights');
SELECT is((ecml_evaluate('log', $$SELECT title, 'toys' AS category FROM offers LIMIT 5$$) ->> 'unknown_class')::int, 5, 'classes that the model does not know');
SELECT cmp_ok((ecml_cross_validate('text_logreg', 'offers', 'category', '{title}') #>> '{accuracy,mean}')::float8, '>', 0.95::float8, 'ecml_cross_validate');
SELECT is(ecml_cross_validate('naive_bayes', 'offers', 'category', '{title}', '{"folds": 3, "repeats": 2}') ->> 'repeats', '2', 'repeats');
SELECT is(ecml_cross_validate('naive_bayes', 'offers', 'category', '{title}', '{"group": "id", "folds": 4}') ->> 'split', 'group', 'groups');
SELECT is(ecml_cross_validate('naive_bayes', 'offers', 'category', '{title}', '{"time": "id", "folds": 4}') ->> 'split', 'time', 'time');
SELECT is(jsonb_array_length(ecml_cross_validate('naive_bayes', 'offers', 'category', '{title}', '{"details": true}') -> 'details'), 5, 'details');
SELECT is(count(*), 240::bigint, 'ecml_cross_predict predicts each row once') FROM ecml_cross_predict('text_logreg', 'offers', 'category', '{title}', 'id');
SELECT cmp_ok(count(*), '>', 230::bigint, 'mostly well') FROM ecml_cross_predict('text_logreg', 'offers', 'category', '{title}', 'id') c JOIN offers o ON o.id::text = c.key WHERE class = category;

CREATE TABLE tuned AS SELECT * FROM ecml_tune('text_logreg', 'offers', 'category', '{title}', '{"c": [0.0001, 1, 10], "chars": [0, 3]}', '{"save": "best", "folds": 3}');
SELECT is(count(*), 6::bigint, 'ecml_tune tries each combination') FROM tuned;
SELECT cmp_ok((SELECT metric FROM tuned WHERE rank = 1), '<', (SELECT max(metric) FROM tuned), 'and the best comes first: log_loss');
SELECT is(ecml_model_info('best') #>> '{options,c}', (SELECT options ->> 'c' FROM tuned WHERE rank = 1), 'which is saved');
SELECT is(count(DISTINCT rows), 2::bigint, 'by halving, on more and more rows') FROM ecml_tune('naive_bayes', 'offers', 'category', '{title}', '{"alpha": [0.01, 0.1, 1, 10]}', '{"method": "halving", "folds": 2, "min_rows": 40, "factor": 4}');
SELECT is(count(*) FILTER (WHERE error IS NOT NULL), 1::bigint, 'a trial that fails stops alone') FROM ecml_tune('naive_bayes', 'offers', 'category', '{title}', '{"min_df": [1, 1000]}');

-- ---- determinism, bytes, versions
SELECT lives_ok($$ SELECT ecml_train('again', 'text_logreg', 'offers', 'category', '{title}') $$, 'the same again');
SELECT is(ecml_load('again')::text, ecml_load('log')::text, 'gives the same bytes');
SELECT is(ecml_classify(ecml_load('nb')::text::ecml_model, 'a leather boot'), 'shoes', 'bytes come back');
SELECT is((ecml_retrain('log')).version, 2, 'ecml_retrain');
SELECT is((ecml_retrain('all')).rows, 240::bigint, 'of all texts');
SELECT is(ecml_save('copy', ecml_load('nb')), 1, 'ecml_save');
SELECT lives_ok($$ SELECT ecml_drop_model('copy') $$, 'ecml_drop_model');

SELECT is(ecml_classify((SELECT ecml_text_logreg('{}', category, title) FROM offers), 'a leather boot'), 'shoes', 'an aggregate');
SELECT is(count(m), 2::bigint, 'a model a group') FROM (SELECT ecml_naive_bayes('{"alpha": 0.5}', category, title, description) AS m FROM offers GROUP BY weight) s;
SELECT ok((SELECT ecml_naive_bayes('{}', category, title) FROM offers WHERE false) IS NULL, 'no rows: NULL');

-- ---- errors
SELECT throws_ok($$ SELECT ecml_train('x', 'text_logreg', 'offers', 'category', '{nothing}') $$, '42704', NULL, 'a column that is not there');
SELECT throws_ok($$ SELECT ecml_train('x', 'text_logreg', 'offers', 'category', '{title,category}') $$, '22023', 'column "category" is both target and feature', 'the target among the features');
SELECT throws_ok($$ SELECT ecml_train('x', 'text_logreg', 'offers') $$, '22023', 'text_logreg needs a target', 'no target');
SELECT throws_ok($$ SELECT ecml_train('x', 'naive_bayes', 'SELECT id, category FROM offers', 'category') $$, '22023', 'there are no texts to learn from', 'no texts');
SELECT throws_ok($$ SELECT ecml_train('x', 'naive_bayes', 'SELECT title, category FROM offers WHERE false', 'category') $$, '22000', 'there are no rows to train on', 'no rows');
SELECT throws_ok($$ SELECT ecml_train('x', 'text_logreg', 'SELECT title, ''a'' AS category FROM offers', 'category') $$, '22000', 'the target has only one class', 'one class');
SELECT throws_ok($$ SELECT ecml_train('x', 'text_logreg', 'SELECT ''!'' AS title, category FROM offers', 'category') $$, '22000', 'the texts have no terms to learn from', 'no words');
SELECT throws_ok($$ SELECT ecml_train('x', 'text_logreg', 'offers', 'category', NULL, '{"ngrams": [2, 1]}') $$, '22023', NULL, 'a range the wrong way round');
SELECT throws_ok($$ SELECT ecml_train('x', 'naive_bayes', 'offers', 'category', NULL, '{"alfa": 1}') $$, '22023', 'unknown option "alfa" for naive_bayes', 'an unknown option');
SET LOCAL ecml.work_mem = '1MB';
SELECT throws_ok($$ SELECT ecml_train('x', 'text_logreg', 'SELECT title || i AS title, category FROM offers, generate_series(1, 500) i', 'category') $$, '54000', NULL, 'too little memory');
RESET ecml.work_mem;

-- ---- topics
SELECT is((t).rows, 240::bigint, 'lda trains') FROM ecml_train('topics', 'lda', 'SELECT title FROM offers', options => '{"topics": 3, "iterations": 60, "max_df": 1}') t;
SELECT is(count(*), 15::bigint, 'ecml_topics') FROM ecml_topics('topics', 5);
SELECT is(array_agg(DISTINCT topic ORDER BY topic), '{1,2,3}', 'topics count from 1') FROM ecml_topics('topics', 5);
SELECT ok(pg_temp.close((SELECT sum(s) FROM unnest(ecml_topic_mix('topics', 'leather shoe boot')) s), 1, 1e-6), 'a mix adds up to 1');
SELECT cmp_ok((ecml_evaluate('topics', 'offers') ->> 'perplexity')::float8, '>', 1::float8, 'ecml_evaluate tells its perplexity');
SELECT is((t).rows, 4::bigint, 'a handful of texts has topics, too') FROM ecml_train('few', 'lda', $$VALUES ('apple pear'), ('apple pear plum'), ('engine wheel'), ('wheel brake')$$, options => '{"topics": 2}') t;
-- as an aggregate, of the same rows the same model
SELECT is((t).rows, 240::bigint, 'lda in the order of the rows') FROM ecml_train('ordered', 'lda', 'SELECT title FROM offers ORDER BY id', options => '{"topics": 3, "iterations": 60, "max_df": 1}') t;
SELECT is((SELECT array_agg(t::text ORDER BY t.topic, t.rank) FROM ecml_topics((SELECT ecml_lda('{"topics": 3, "iterations": 60, "max_df": 1}', title ORDER BY id) FROM offers), 5) t),
	(SELECT array_agg(t::text ORDER BY t.topic, t.rank) FROM ecml_topics('ordered', 5) t),
	'ecml_lda finds the topics that ecml_train finds');
SELECT is((SELECT count(m) FROM (SELECT ecml_lda('{"topics": 2, "iterations": 10, "max_df": 1}', title, description) AS m FROM offers GROUP BY category) s), 3::bigint, 'topics a group');
SELECT ok(ecml_lda('{}', NULL::text) IS NULL, 'NULL without texts') FROM offers;
SELECT throws_ok($$ SELECT ecml_lda('{"topics": 1}', title) FROM offers $$, '22023', NULL, 'its options are checked');
SELECT throws_ok($$ SELECT ecml_lda('{}', 'one text') $$, '22000', 'there are too few texts to find topics in', 'one text has no topics');
SELECT throws_ok($$ SELECT * FROM ecml_topics('log') $$, '22023', 'ecml_topics needs a model of topics', 'not a model of topics');
SELECT throws_ok($$ SELECT ecml_predict('topics', 'x') $$, '22023', 'the model does not predict from features', 'topics do not predict');

SELECT * FROM finish();
ROLLBACK;
