-- Sentiment on labelled sentences: a fit or a reading that loses some points shows.  sst2_dev (films) takes part in no fit, the sentences
-- about cell phones in that of the shipped weights; left out of it they come to 90.1 % (tools/sentiment/train.py --evaluate).
BEGIN;
\if :{?data}
SELECT plan(3);
CREATE TABLE judged (name text, body text, good boolean);
\set file `zcat :data/sentiment/uci_amazon_cells.tsv.gz`
INSERT INTO judged SELECT 'cells', m[1], m[2] = '1' FROM regexp_split_to_table(:'file', E'\r?\n') line, regexp_match(line, E'^"?(.*?)"?\t([01])$') m WHERE m IS NOT NULL;
\set file `zcat :data/sentiment/sst2_dev.tsv.gz`
INSERT INTO judged SELECT 'sst2', m[1], m[2] = '1' FROM regexp_split_to_table(:'file', E'\r?\n') line, regexp_match(line, E'^"?(.*?)"?\t([01])$') m WHERE m IS NOT NULL;
CREATE TABLE share AS SELECT name, count(*) AS n, avg(((ecml_sentiment(body) > 0) = good)::int) AS "right" FROM judged GROUP BY name;
SELECT cmp_ok(sum(n), '>', 1800::numeric, 'sentences') FROM share;
SELECT cmp_ok("right", '>', 0.97, 'about cell phones') FROM share WHERE name = 'cells';
SELECT cmp_ok("right", '>', 0.715, 'about films') FROM share WHERE name = 'sst2';
SELECT * FROM finish();
\else
\echo 1..0 # SKIP no folder of real data
\endif
ROLLBACK;
