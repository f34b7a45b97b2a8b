-- ecml_variant: never another variant, shares as the weights say, independent between experiments.
BEGIN;
SELECT plan(17);

-- by the second implementation of the hash (test/data/make_split.py): position below 0.5, below 0.8
SELECT is(string_agg(ecml_variant(e, k, '{0.5, 0.3, 0.2}'), '' ORDER BY e = 'Größe', k)
	FILTER (WHERE e = 'checkout'), 'AABBABCC', 'never another variant, of integers')
FROM unnest(ARRAY['checkout', 'Größe']) e, generate_series(1, 8) k;
SELECT is(ecml_variant('checkout', 'customer 17'::text, ARRAY[5, 3, 2]), 'B', 'of a text');
SELECT is(string_agg(ecml_variant('Größe', k::bigint, '{0.5, 0.3, 0.2}'), '' ORDER BY k), 'AAABABAC', 'of wide integers')
FROM generate_series(1, 8) k;
SELECT is(ecml_variant('Größe', 'customer 17'::varchar, ARRAY[0.5, 0.3, 0.2]), 'A', 'of a varchar, weights as numeric');

CREATE TABLE units AS
SELECT i, ecml_variant('first', i) AS a, ecml_variant('second', i) AS b,
	ecml_variant('third', i, '{"control": 2, "blue": 3, "green": 5}') AS c FROM generate_series(1, 100000) i;
SELECT ok((ecml_srm(array_agg(n ORDER BY c), ARRAY[3, 2, 5])).p_value > 1e-4, 'shares as the weights say')
FROM (SELECT c, count(*)::float8 AS n FROM units GROUP BY c) s;
SELECT ok((ecml_chi2(a, b)).p_value > 1e-4, 'experiments are independent of each other') FROM units;
SELECT ok((ecml_chi2(a, i % 2)).p_value > 1e-4 AND (ecml_chi2(a, ecml_split(i, 0.5))).p_value > 1e-4,
	'and of the keys, and of ecml_split') FROM units;
SELECT ok(max(abs(z)) < 5 AND stddev(z) BETWEEN 0.9 AND 1.1, 'three hundred experiments, as chance has it')
FROM (SELECT e, (count(*) FILTER (WHERE ecml_variant('exp' || e, i) = 'A') - 1000) / sqrt(500) AS z
	FROM generate_series(1, 300) e, generate_series(1, 2000) i GROUP BY e) s;
SELECT is(count(*), 0::bigint, 'who was in a variant stays there when it grows')
FROM units WHERE ecml_variant('first', i, ARRAY[0.1, 0.9]) = 'A' AND ecml_variant('first', i, ARRAY[0.4, 0.6]) <> 'A';
SELECT is(ecml_variant('x', NULL::int, '{1, 1}'), NULL, 'NULL for NULL');
SELECT is(count(*) FILTER (WHERE ecml_variant('x', i, '{"off": 0, "on": 1}') = 'off'), 0::bigint, 'a weight of 0 gets nobody') FROM units;
SELECT is(array_agg(DISTINCT ecml_variant('x', i, w)), ARRAY['A', 'B'], 'weights that change from row to row')
FROM generate_series(1, 50) i, LATERAL (SELECT CASE WHEN i % 2 = 0 THEN ARRAY[1, 0] ELSE ARRAY[0, 1] END AS w) s;
SELECT throws_ok($$SELECT ecml_variant('x', 1, '{"a": "b"}')$$, '22023', 'these are no weights of variants', 'a text as weight');
SELECT throws_ok($$SELECT ecml_variant('x', 1, ARRAY[0, 0])$$, '22023', 'these are no weights of variants', 'only zeros');
SELECT throws_ok($$SELECT ecml_variant('x', 1, ARRAY[1, NULL])$$, '22023', 'these are no weights of variants', 'NULL as weight');
SELECT throws_ok($$SELECT ecml_variant('x', 1, '{0.5, "b')$$, '22P02', NULL, 'neither an array nor JSON');
SELECT throws_ok($$SELECT ecml_variant('x', 1, 0.5)$$, '22023', 'these are no weights of variants', 'a number alone');

SELECT * FROM finish();
ROLLBACK;
