-- Search: BM25F against its formula in SQL, spelling, synonyms, suggestions, categories, live indexes, privileges, versions.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(66);

CREATE TABLE goods (id int PRIMARY KEY, title text, description text, shelf text);
INSERT INTO goods SELECT i, (ARRAY['red', 'blue', 'green', 'old', 'fine'])[1 + i % 5] || ' ' || (ARRAY['running shoe', 'walking boot', 'table lamp', 'desk', 'lamp shade', 'running shoe laces'])[1 + i * 7 % 6],
	CASE WHEN i % 6 <> 0 THEN (ARRAY['made for long runs', 'a lamp for the desk', 'red and warm light', 'shoe of leather'])[1 + i * 3 % 4] || ' number' || i END,
	(ARRAY['shoes', 'shoes', 'lamps', 'desks', 'lamps', 'shoes'])[1 + i * 7 % 6]
FROM generate_series(1, 300) i;
SELECT is((t).rows, 300::bigint, 'an index of 300 documents')
FROM ecml_search_index('goods', 'SELECT id, title, description FROM goods', '{"weights": {"title": 3}, "field_b": {"title": 0.4}}') t;
SELECT is(task, 'search', 'its task') FROM ecml.models WHERE name = 'goods';

-- ---- the formula
CREATE VIEW words AS SELECT id, f, w[1] AS word FROM goods,
	LATERAL (VALUES ('t', title), ('d', description)) v (f, t), LATERAL regexp_matches(lower(t), '\w+', 'g') w;
CREATE FUNCTION pg_temp.bm25(query text) RETURNS TABLE (id int, score float8) LANGUAGE sql AS $$
	WITH len AS (SELECT id, count(*) FILTER (WHERE f = 't') AS t, count(*) FILTER (WHERE f = 'd') AS d FROM words GROUP BY id),
	mean AS (SELECT sum(t)::float8 / 300 AS t, sum(d)::float8 / 300 AS d FROM len),
	tf AS (SELECT q.word, q.place, w.id, count(*) FILTER (WHERE f = 't') AS t, count(*) FILTER (WHERE f = 'd') AS d
		FROM regexp_split_to_table(query, ' ') WITH ORDINALITY AS q (word, place) JOIN words w USING (word) GROUP BY 1, 2, 3),
	df AS (SELECT word, count(DISTINCT id)::float8 AS n FROM words GROUP BY 1)
	SELECT tf.id, sum(ln(1 + (300 - df.n + 0.5) / (df.n + 0.5)) * x * 2.2 / (1.2 + x))
	FROM tf JOIN df USING (word) JOIN len USING (id) CROSS JOIN mean,
		LATERAL (SELECT 3 * tf.t / (1 - 0.4 + 0.4 * len.t / mean.t) + tf.d / (1 - 0.75 + 0.75 * len.d / mean.d) AS x) s
	GROUP BY 1 $$;
CREATE FUNCTION pg_temp.differ(query text, n int) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY score DESC, id) AS r, * FROM pg_temp.bm25(query)) a
	FULL JOIN (SELECT row_number() OVER (ORDER BY score DESC, id::int) AS r, * FROM ecml_search('goods', query, n)) b USING (r)
	WHERE (b.id IS NOT NULL OR r <= n) AND (a.score IS NULL OR b.score IS NULL OR abs(a.score - b.score) > 1e-9) $$;
SELECT is(pg_temp.differ(q, n), 0::bigint, 'ranking of "' || q || '" is that of the formula') FROM (VALUES ('shoe', 1000), ('running shoe', 10),
	('red running shoe laces', 25), ('lamp', 7), ('the for a and', 1000), ('number17', 5), ('desk desk lamp', 12)) v (q, n);

-- ---- what a search gives
SELECT is((SELECT array_agg(score ORDER BY score DESC) FROM ecml_search('goods', 'lamp', 20)), (SELECT array_agg(score) FROM ecml_search('goods', 'lamp', 20)), 'the best first');
SELECT is(count(*), 10::bigint, 'ten by default') FROM ecml_search('goods', 'shoe');
SELECT is(count(*), 0::bigint, 'nothing fits') FROM ecml_search('goods', 'qqqqqqqq');
SELECT is(count(*), 0::bigint, 'nor an empty query') FROM ecml_search('goods', ' !? ');
SELECT is(bool_and(snippet LIKE '%<b>lamp</b>%'), true, 'words found are in <b>') FROM ecml_search('goods', 'lamp');
SELECT is(count(*) FILTER (WHERE snippet IS NULL), 10::bigint, 'without snippets') FROM ecml_search('goods', 'lamp', 10, '{"snippet": false}');
SELECT is((SELECT count(*) FROM ecml_search('goods', 'running desk', 1000, '{"match": "all"}')), (SELECT count(*) FROM goods WHERE (title || ' ' || coalesce(description, '')) ~ '\mrunning\M' AND (title || ' ' || coalesce(description, '')) ~ '\mdesk\M'), 'all words');
SELECT is(corrected, NULL, 'nothing was corrected') FROM ecml_search('goods', 'lamp', 1);

-- ---- spelling
SELECT is(min(corrected), 'running shoe', 'a letter is missing') FROM ecml_search('goods', 'runing sheo', 5);
SELECT is((SELECT array_agg(id) FROM ecml_search('goods', 'runing shoe', 5)), (SELECT array_agg(id) FROM ecml_search('goods', 'running shoe', 5)), 'what was meant is found');
SELECT is(min(corrected), 'table lamp', 'two words run together') FROM ecml_search('goods', 'tablelamp', 5);
SELECT is(count(*), 0::bigint, 'unless it is not wanted') FROM ecml_search('goods', 'runing', 5, '{"correct": false}');
SELECT is(array_agg(suggestion), '{running,runs}', 'ecml_suggest') FROM ecml_suggest('goods', 'RUN');
SELECT is((array_agg(suggestion))[1], 'red running', 'after another word') FROM ecml_suggest('goods', 'red run');
SELECT is(count(*), 0::bigint, 'what no document has together is not suggested') FROM ecml_suggest('goods', 'boot lac');
SELECT cmp_ok(count(*), '>', 5::bigint, 'nothing typed: the frequent words') FROM ecml_suggest('goods', '');

-- ---- stems, synonyms, categories
CREATE TABLE synonyms (word text, means text);
INSERT INTO synonyms VALUES ('sneaker', 'running shoe'), ('light', 'lamp');
SELECT lives_ok($$ SELECT ecml_search_index('stems', 'goods', '{"language": "english", "category": "shelf", "synonyms": "synonyms"}') $$, 'with stems, categories and synonyms');
SELECT cmp_ok((SELECT count(*) FROM ecml_search('stems', 'lamps', 1000)), '=', (SELECT count(*) FROM goods WHERE title ~ 'lamp' OR description ~ 'lamp'), 'words are found by their stems');
SELECT cmp_ok((SELECT count(*) FROM ecml_search('stems', 'sneaker', 1000)), '>', 0::bigint, 'a word that only synonyms know');
SELECT is((SELECT count(*) FROM ecml_search('stems', 'sneaker', 1000, '{"synonyms": false, "correct": false}')), 0::bigint, 'without them it is not found');
SELECT is((SELECT bool_and(g.shelf = 'lamps') FROM ecml_search('stems', 'red lamp', 100, '{"category": "lamps"}') s JOIN goods g ON g.id::text = s.id), true, 'one category alone');
SELECT is(count(*), 0::bigint, 'a category that is not there') FROM ecml_search('stems', 'lamp', 10, '{"category": "toys"}');
SELECT is((array_agg(category))[1], 'shoes', 'ecml_search_category') FROM ecml_search_category('stems', 'running shoes');
SELECT ok(pg_temp.close(sum(share), 1), 'its shares add up to 1') FROM ecml_search_category('stems', 'red lamp');
SELECT throws_ok($$ SELECT * FROM ecml_search_category('goods', 'lamp') $$, '55000', NULL, 'without categories');

-- ---- live
CREATE TABLE live AS SELECT * FROM goods WHERE id <= 20;
ALTER TABLE live ADD PRIMARY KEY (id);
SELECT lives_ok($$ SELECT ecml_search_index('live', 'live', '{"live": true, "category": "shelf"}') $$, 'a live index');
INSERT INTO live VALUES (1000, 'purple umbrella', 'for <rain> & wind', 'rain');
SELECT is(id || ': ' || snippet, '1000: purple <b>umbrella</b>', 'a new row is found') FROM ecml_search('live', 'umbrella');
SELECT is((SELECT snippet FROM ecml_search('live', 'rain')), 'for &lt;<b>rain</b>&gt; &amp; wind', 'signs of HTML are escaped');
SELECT is(array_agg((suggestion, documents)::text), '{"(umbrella,1)"}', 'its words are suggested') FROM ecml_suggest('live', 'umbr');
SELECT is(array_agg((suggestion, documents)::text), '{"(\"purple umbrella\",1)"}', 'behind others, too') FROM ecml_suggest('live', 'purple u');
CREATE TABLE typed AS SELECT * FROM ecml_suggest('live', '', 1000);
INSERT INTO live VALUES (1002, 'purple lamp, purple tassel', 'lamp', 'rain');
SELECT results_eq($$ SELECT t.suggestion, n.documents - t.documents FROM typed t JOIN ecml_suggest('live', '', 1000) n USING (suggestion)
	WHERE t.documents <> n.documents ORDER BY 1 $$, $$ VALUES ('lamp', 1::bigint), ('purple', 1) $$, 'a new document counts, once');
SELECT is((SELECT array_agg(documents) FROM ecml_suggest('live', '', 1000)), (SELECT array_agg(documents ORDER BY documents DESC) FROM ecml_suggest('live', '', 1000)),
	'the most frequent first');
UPDATE live SET title = 'lamp ' || title || ' tasselled' WHERE id = 20;
SELECT is(array_agg((suggestion, documents)::text), '{"(tassel,1)","(tasselled,1)"}', 'so do new words of others') FROM ecml_suggest('live', 'tass');
SELECT is((SELECT documents FROM ecml_suggest('live', 'lamp')), (SELECT documents + 1 FROM typed WHERE suggestion = 'lamp'), 'but not what they may have had before');
DELETE FROM live WHERE id = 1002;
UPDATE live SET title = 'purple parasol', description = NULL WHERE id = 1000;
SELECT is((SELECT count(*) FROM ecml_search('live', 'umbrella', 5, '{"correct": false}')), 0::bigint, 'what it was is not found any more');
SELECT is((SELECT id FROM ecml_search('live', 'parasol', 5, '{"category": "rain"}')), '1000', 'what it is now is');
SELECT is(array_agg(suggestion), '{parasol}', 'and is suggested') FROM ecml_suggest('live', 'para');
UPDATE live SET id = 1001 WHERE id = 1000;
SELECT is((SELECT array_agg(id) FROM ecml_search('live', 'parasol')), '{1001}', 'a changed key');
DELETE FROM live WHERE id < 10;
SELECT is((SELECT count(*) FROM ecml_search('live', 'running walking table desk lamp shoe', 1000)), (SELECT count(*) FROM live WHERE id < 1000), 'deleted rows are gone');
CREATE TABLE before AS SELECT id FROM ecml_search('live', 'shoe lamp', 1000);
SELECT is((ecml_retrain('live')).rows, (SELECT count(*) FROM live), 'built again');
SELECT is((SELECT array_agg(id ORDER BY id) FROM ecml_search('live', 'shoe lamp', 1000)), (SELECT array_agg(id ORDER BY id) FROM before), 'it finds the same');
SELECT is((SELECT count(*) FROM ecml.search_change c JOIN ecml.model m USING (model_id) WHERE m.name = 'live' AND m.active), 0::bigint, 'without changes');
CREATE TABLE mine (id int, title text);
CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION ecml.search_follow('live');
INSERT INTO mine VALUES (11, 'nonsense');
SELECT is((SELECT count(*) FROM ecml_search('live', 'nonsense', 5, '{"correct": false}')), 0::bigint, 'a trigger on another table changes nothing');
SELECT lives_ok($$ SELECT ecml_drop_model('live') $$, 'dropped');
SELECT lives_ok($$ INSERT INTO live VALUES (2000, 'late', NULL, NULL) $$, 'the trigger has nothing to do any more');
SELECT is((SELECT count(*) FROM ecml.search_document d LEFT JOIN ecml.model m USING (model_id) WHERE m.model_id IS NULL), 0::bigint, 'its rows went with it');

TRUNCATE mine;
CREATE TABLE shown (id int PRIMARY KEY, title text);
INSERT INTO shown VALUES (1, 'Parasol');
SELECT lives_ok($$ SELECT ecml_search_index('shown', 'SELECT id, lower(title) AS title FROM shown', '{"live": true, "live_table": "shown"}') $$, 'a source that calls a function');
CREATE ROLE changer;
GRANT INSERT ON shown TO changer;
CREATE SCHEMA own AUTHORIZATION changer;
SET LOCAL ROLE changer;
CREATE FUNCTION own.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'stolen as ' || current_user; END $$;
CREATE TEMPORARY TABLE shown (id int, title text);
GRANT SELECT ON pg_temp.shown TO PUBLIC;
INSERT INTO pg_temp.shown VALUES (2, 'stolen');
SET LOCAL search_path = own, pg_catalog, public;
INSERT INTO public.shown VALUES (2, 'Umbrella');
SET LOCAL search_path = "$user", public;
RESET ROLE;
DROP TABLE pg_temp.shown;
SELECT is((SELECT snippet FROM ecml_search('shown', 'umbrella')), '<b>umbrella</b>', 'names in it mean what they meant to its owner, whoever changes the table');
TRUNCATE shown;
SELECT is(count(*), 0::bigint, 'an emptied table has no documents') FROM ecml_search('shown', 'parasol umbrella', 5, '{"correct": false}');
SELECT is(count(*), 0::bigint, 'a number is not another one') FROM ecml_search('goods', '1234567', 5);

-- ---- privileges and errors
CREATE ROLE searcher;
SET LOCAL ROLE searcher;
SELECT throws_ok($$ SELECT * FROM ecml_search('goods', 'lamp') $$, '42501', NULL, 'somebody else''s index');
SELECT throws_ok($$ SELECT * FROM ecml.search_document $$, '42501', NULL, 'nor its tables');
RESET ROLE;
SELECT ecml_grant('goods', 'searcher');
SET LOCAL ROLE searcher;
SELECT is(count(*), 10::bigint, 'granted') FROM ecml_search('goods', 'lamp');
RESET ROLE;
SELECT throws_ok($$ SELECT * FROM ecml_search('good', 'lamp') $$, '42704', NULL, 'no such index');
SELECT throws_ok($$ SELECT ecml_search_index('x', 'SELECT id, shelf FROM goods', '{"weights": {"titel": 2}}') $$, '42703', NULL, 'a weight of no field');
SELECT throws_ok($$ SELECT ecml_search_index('x', 'goods', '{"language": "klingon"}') $$, '22023', NULL, 'an unknown language');
SELECT throws_ok($$ SELECT ecml_search_index('x', 'SELECT id, title FROM goods', '{"live": true}') $$, '22023', NULL, 'live must know the table');

SELECT * FROM finish();
ROLLBACK;
