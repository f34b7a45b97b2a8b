-- what a mistyped source says; ecml_rfm as of a moment
SELECT plan(9);

CREATE TABLE bought (customer int, time timestamptz, amount numeric);
INSERT INTO bought VALUES (1, '2026-01-01 00:00+00', 10), (1, '2026-01-03 00:00+00', 20), (2, '2026-01-02 00:00+00', 5),
	(3, '2026-01-05 00:00+00', 7);

SELECT throws_ok($$SELECT ecml_train('m', 'kmeans', 'bought WHERE amount > 1')$$, '22023',
	'the source is neither a name nor a query', 'a name with a condition is no source');
SELECT throws_ok($$SELECT ecml_train('m', 'kmeans', 'DELETE FROM bought')$$, '22023',
	'the source is neither a name nor a query', 'a statement that changes data is no source');
SELECT is((SELECT count(*) FROM bought), 4::bigint, 'and nothing was deleted');

SELECT results_eq($$SELECT customer, recency, frequency, monetary FROM ecml_rfm('bought')$$,
	$$VALUES ('1', 2::float8, 2::bigint, 30::float8), ('2', 3, 1, 5), ('3', 0, 1, 7)$$,
	'recency counts from the last purchase of all');
SELECT results_eq($$SELECT customer, recency, frequency, monetary FROM ecml_rfm('bought', '{"as_of": "2026-01-06 00:00+00"}')$$,
	$$VALUES ('1', 3::float8, 2::bigint, 30::float8), ('2', 4, 1, 5), ('3', 1, 1, 7)$$, 'or from a given moment');
SELECT results_eq($$SELECT customer, recency, frequency, monetary FROM ecml_rfm('bought', '{"as_of": "2026-01-02 12:00+00"}')$$,
	$$VALUES ('1', 1.5::float8, 1::bigint, 10::float8), ('2', 0.5, 1, 5)$$, 'what was bought after it is left out');
SELECT throws_ok($$SELECT ecml_rfm('bought', '{"as_of": "some day"}')$$, '22007', NULL, 'as_of must be a moment');

-- scores stay in their range, whatever the number of customers
CREATE TABLE many AS SELECT c AS customer, now() - c * interval '1 hour' AS time, c AS amount FROM generate_series(1, 1000) c;
SELECT results_eq($$SELECT min(r), max(r), min(f), max(f), min(m), max(m) FROM ecml_rfm('many')$$,
	'VALUES (1, 5, 1, 1, 1, 5)', 'scores are 1 to 5');
SELECT results_eq($$SELECT min(r), max(r), min(m), max(m) FROM ecml_rfm('many', '{"bins": 10}')$$,
	'VALUES (1, 10, 1, 10)', 'scores are 1 to bins');

SELECT * FROM finish();
