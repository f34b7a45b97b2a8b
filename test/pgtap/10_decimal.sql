-- numeric features become the same doubles as PostgreSQL's own cast gives.
BEGIN;
SELECT plan(3);

-- predicts its argument: no intercept, the coefficient is exactly 1
CREATE TEMP TABLE identity AS SELECT ecml_linreg('{"intercept": false}', x, x) AS model FROM (VALUES (0::float8), (1)) AS t (x);
SELECT is(ecml_predict(model, 12345.678::float8), 12345.678::float8, 'the model gives back its argument') FROM identity;

CREATE TEMP TABLE numbers (n numeric);
INSERT INTO numbers VALUES (0), (0.0), (-0.01), (1), (-1), (9999), (10000), (10001), (0.0001), (0.00001), (12.34), (-12.34),
	(9007199254740991), (9007199254740992), (9007199254740993), (9999999999999999), (99999999999999999), (1e22), (1e23),
	(1e300), (-1e300), (1e-300), (1e-22), (3e-20), (123456789012345678901234567890), (0.1), (0.3), (1.005), (2.675),
	(1e15), (1e16), (0.00000000000000000000000000001), (1::numeric(20, 10)), (5e-324), (1.7976931348623157e308);
INSERT INTO numbers
SELECT ((hashint8extended(i, 1) % 100000000000) / 10 ^ (i % 12))::numeric(30, 12) FROM generate_series(1, 20000) AS i;
INSERT INTO numbers
SELECT (hashint8extended(i, 2)::numeric * 10 ^ (i % 40 - 20)) FROM generate_series(1, 5000) AS i;
SELECT is_empty($$ SELECT n FROM numbers, identity WHERE ecml_predict(model, n) IS DISTINCT FROM n::float8 $$,
	'numeric is converted to the nearest double');
SELECT is(ecml_predict(model, 'NaN'::numeric), NULL, 'NaN is as good as NULL') FROM identity;

SELECT * FROM finish();
ROLLBACK;
