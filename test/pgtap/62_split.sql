-- ecml_split and ecml_fold: never another value, uniform, independent.
BEGIN;
SELECT plan(26);

CREATE TABLE lines (type text, key text, seed int, split int, fold int);
\copy lines FROM '../data/split.tsv'
CREATE FUNCTION pg_temp.wrong(type text, key text, seed int, split int, fold int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE wrong boolean;
BEGIN
	EXECUTE format('SELECT ecml_fold(%1$L::%2$s, 1000000, %3$s) <> %5$s OR ecml_split(%1$L::%2$s, %4$s / 1e6, %3$s)
		OR NOT ecml_split(%1$L::%2$s, (%4$s + 1) / 1e6, %3$s)', key, type, seed, split, fold) INTO wrong;
	RETURN wrong;
END $$;
SELECT is((SELECT count(*) FROM lines), 150::bigint, 'values of a second implementation');
SELECT is_empty('SELECT * FROM lines WHERE pg_temp.wrong(type, key, seed, split, fold)', 'are the same');
SET LOCAL datestyle = 'German';
SET LOCAL intervalstyle = 'iso_8601';
SET LOCAL extra_float_digits = -5;
SET LOCAL timezone = 'Asia/Tokyo';
SELECT is_empty($$ SELECT * FROM lines WHERE type NOT LIKE 'timestamp%' AND type <> 'date' AND pg_temp.wrong(type, key, seed, split, fold) $$,
	'whatever the settings');
RESET datestyle;
SELECT is(ecml_split(date '2000-01-02', 0.5), ecml_split(1, 0.5), 'a date is its number of days');

-- chi-square with 0.999 quantiles: 99 degrees of freedom 148.2, 9: 27.9, 1: 10.8
CREATE FUNCTION pg_temp.chi2(query text, cells int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE chi2 float8;
BEGIN
	EXECUTE format('SELECT sum((coalesce(n, 0) - total / %2$s::float8) ^ 2 / (total / %2$s::float8)) FROM (SELECT sum(n) OVER () AS total, n
		FROM generate_series(0, %2$s - 1) g LEFT JOIN (SELECT c, count(*) AS n FROM (%1$s) q (c) GROUP BY c) r ON c = g) s', query, cells) INTO chi2;
	RETURN chi2;
END $$;
SELECT cmp_ok(pg_temp.chi2('SELECT ecml_fold(i, 100) FROM generate_series(1, 100000) i', 100), '<', 148.2::float8, 'folds of integers are uniform');
SELECT cmp_ok(pg_temp.chi2('SELECT ecml_fold(i * 1024::bigint, 100, 3) FROM generate_series(1, 100000) i', 100), '<', 148.2::float8, 'of spaced ones');
SELECT cmp_ok(pg_temp.chi2('SELECT ecml_fold(''customer '' || i, 100) FROM generate_series(1, 100000) i', 100), '<', 148.2::float8, 'of texts');
SELECT cmp_ok(pg_temp.chi2('SELECT ecml_fold(date ''1900-01-01'' + i, 100) FROM generate_series(1, 100000) i', 100), '<', 148.2::float8, 'of dates');
SELECT cmp_ok(pg_temp.chi2('SELECT ecml_fold((i / 300, i % 300), 100) FROM generate_series(1, 90000) i', 100), '<', 148.2::float8, 'of rows');
SELECT cmp_ok(pg_temp.chi2('SELECT ecml_fold(42, 100, i) FROM generate_series(1, 100000) i', 100), '<', 148.2::float8, 'of one key over seeds');
SELECT cmp_ok(pg_temp.chi2('SELECT ecml_fold(i, 10) * 10 + ecml_fold(i, 10, 1) FROM generate_series(1, 100000) i', 100), '<', 148.2::float8,
	'seeds are independent');
SELECT cmp_ok(pg_temp.chi2('SELECT ecml_fold(i, 10, 4) * 10 + ecml_fold(i + 1, 10, 4) FROM generate_series(1, 100000) i', 100), '<', 148.2::float8,
	'so are neighbours');
SELECT cmp_ok(pg_temp.chi2('SELECT ecml_fold(i, 50) * 2 + ecml_split(i, 0.5)::int FROM generate_series(1, 100000) i', 100), '<', 148.2::float8,
	'folds and splits of one seed, too');

SELECT cmp_ok(abs(count(*) FILTER (WHERE ecml_split(i, 0.2)) - 20000), '<', 500::bigint, 'a fifth of the rows') FROM generate_series(1, 100000) i;
SELECT ok(bool_and(ecml_split(i, 0.3) OR NOT ecml_split(i, 0.2)), 'who is a test row stays one at a larger fraction') FROM generate_series(1, 10000) i;
SELECT ok(bool_and(ecml_split(i, 1) AND NOT ecml_split(i, 0)), 'all, and none') FROM generate_series(1, 10000) i;
SELECT ok(bool_and(ecml_split(i, 0.5) = ecml_split(i::bigint, 0.5) AND ecml_split(i, 0.5) = ecml_split(i::numeric, 0.5)
	AND ecml_split(i, 0.5) = ecml_split(i::float8, 0.5) AND ecml_split(i, 0.5) = ecml_split(i::smallint, 0.5)), 'integers of any type are one key')
FROM generate_series(-10000, 10000) i;
SELECT ok(bool_or(ecml_split(i::text, 0.5) <> ecml_split(i, 0.5)), 'texts are not') FROM generate_series(1, 100) i;
CREATE DOMAIN key_type AS int;
CREATE TYPE mood AS ENUM ('sad', 'ok');
SELECT is(ecml_fold(5::key_type, 1000), ecml_fold(5, 1000), 'a domain is as its type');
SELECT is(ecml_fold('ok'::mood, 1000), ecml_fold('ok', 1000), 'an enum is as its label, a literal as text');
SELECT is(ecml_split(NULL::int, 0.5), NULL, 'NULL has no side');
SELECT is(ecml_fold(1, 1), 0, 'one fold');
SELECT throws_ok('SELECT ecml_split(1, 1.01)', '22023', NULL, 'a fraction above 1');
SELECT throws_ok('SELECT ecml_split(1, -0.1)', '22023', NULL, 'below 0');
SELECT throws_ok($$ SELECT ecml_split(1, 'NaN') $$, '22023', NULL, 'that is none');
SELECT throws_ok('SELECT ecml_fold(1, 0)', '22023', NULL, 'no folds');
SELECT * FROM finish();
ROLLBACK;
