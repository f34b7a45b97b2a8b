-- Certified problems of NIST's Statistical Reference Datasets: correct digits of each coefficient and standard error, by
-- ecml_train and by the aggregate; of mean and standard deviation by the t-test.  Filip's tenth powers and the decimals of Mavro, Michelso and NumAcc3
-- are rounded before ecml sees them, which costs digits that nothing can give back.
BEGIN;
\if :{?data}
\i ../lib/pgtap.sql
SELECT plan(40);

CREATE TABLE problem (i int, y float8, x float8[]);

-- The certified values in a file: number of the parameter, value, standard deviation.
CREATE FUNCTION pg_temp.certified(file text) RETURNS TABLE (estimate float8, deviation float8, i bigint) LANGUAGE sql AS $$
	SELECT m[2]::float8, m[3]::float8, row_number() OVER (ORDER BY substr(m[1], 2)::int)
	FROM regexp_split_to_table(file, E'\r?\n') AS line, regexp_match(line, '^\s+(B\d+)\s+(\S+)\s+(\S+)\s*$') m
		WHERE m IS NOT NULL $$;

-- The fewest correct digits among estimates and standard errors.
CREATE FUNCTION pg_temp.digits(file text, model ecml_model) RETURNS float8 LANGUAGE sql AS $$
	SELECT min(least(pg_temp.lre(n.estimate, c.estimate), pg_temp.lre(n.deviation, c.std_error)))
	FROM pg_temp.certified(file) n
	FULL JOIN ecml_coefficients(model) WITH ORDINALITY AS c (term, estimate, std_error, statistic, p_value, conf_low,
		conf_high, odds_ratio, class, i) USING (i) $$;

-- The aggregate with an argument an element.
CREATE FUNCTION pg_temp.aggregated(options jsonb, columns int) RETURNS ecml_model LANGUAGE plpgsql AS $$
DECLARE
	m ecml_model;
BEGIN
	EXECUTE format('SELECT ecml_linreg(%L, y, %s) FROM problem', options, (SELECT string_agg(format('x[%s]', k), ', '
		ORDER BY k) FROM generate_series(1, columns) k)) INTO m;
	RETURN m;
END $$;

-- degree: powers of x; 0: the columns as they are.
CREATE FUNCTION pg_temp.regression(name text, file text, rows int, degree int, options jsonb,
	wanted float8) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	found float8;
BEGIN
	TRUNCATE problem;
	INSERT INTO problem SELECT i, v[1], CASE degree WHEN 0 THEN v[2:] ELSE ARRAY(SELECT v[2] ^ k FROM generate_series(1,
		degree) k) END
	FROM (SELECT i, regexp_split_to_array(trim(line), '\s+')::float8[] AS v FROM regexp_split_to_table(file,
		E'\r?\n') WITH ORDINALITY AS l (line, i)
		WHERE i > 60 AND trim(line) <> '' ORDER BY i) s;
	RETURN NEXT is((SELECT count(*) FROM problem)::int, rows, name || ' was read');
	PERFORM ecml_train('nist', 'linreg', 'SELECT x, y FROM problem', 'y', NULL, options);
	found := pg_temp.digits(file, ecml_load('nist'));
	RETURN NEXT ok(found >= wanted, format('%s by ecml_train: %s correct digits', name, trunc(found::numeric, 1)));
	found := pg_temp.digits(file, pg_temp.aggregated(options, (SELECT array_length(x, 1) FROM problem WHERE i = 61)));
	RETURN NEXT ok(found >= wanted, format('%s by the aggregate: %s correct digits', name, trunc(found::numeric, 1)));
	-- the rows the other way round, in two states
	found := pg_temp.digits(file, (SELECT ecml_linreg_merge(s) FROM (SELECT ecml_linreg_partial(options, y, x) AS s
		FROM (SELECT * FROM problem ORDER BY i DESC) p GROUP BY i % 2) t));
	RETURN NEXT ok(found >= wanted, format('%s in two states: %s correct digits', name, trunc(found::numeric, 1)));
END $$;

\set file `cat :data/nist/linear/Norris.dat`
SELECT pg_temp.regression('Norris', :'file', 36, 0, '{}', 12);
\set file `cat :data/nist/linear/Longley.dat`
SELECT pg_temp.regression('Longley', :'file', 16, 0, '{}', 12);
\set file `cat :data/nist/linear/NoInt1.dat`
SELECT pg_temp.regression('NoInt1', :'file', 11, 0, '{"intercept": false}', 12);
\set file `cat :data/nist/linear/Wampler1.dat`
SELECT pg_temp.regression('Wampler1', :'file', 21, 5, '{}', 12);
\set file `cat :data/nist/linear/Wampler2.dat`
SELECT pg_temp.regression('Wampler2', :'file', 21, 5, '{}', 12);
\set file `cat :data/nist/linear/Filip.dat`
SELECT pg_temp.regression('Filip', :'file', 82, 10, '{}', 7);

-- the standard deviation is in the statistic: (mean - mu) / (s / sqrt(n))
CREATE FUNCTION pg_temp.univariate(name text, file text, rows int, mean float8, deviation float8,
	wanted float8) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	t ecml_ttest_result;
	found float8[];
BEGIN
	SELECT (ecml_ttest_1samp(trim(line)::float8, 0)).* INTO t FROM regexp_split_to_table(file, E'\r?\n') WITH
		ORDINALITY AS l (line, i)
	WHERE trim(line) <> '' AND i > (SELECT max(i) FROM regexp_split_to_table(file, E'\r?\n') WITH ORDINALITY AS h (line,
		i) WHERE line ~ '^-+\s*$');
	found := ARRAY[pg_temp.lre(mean, t.mean_a), pg_temp.lre(deviation, t.mean_a / t.statistic * sqrt(t.n_a::float8))];
	RETURN NEXT is(t.n_a::int, rows, name || ' was read');
	RETURN NEXT ok(found[1] >= 14 AND found[2] >= wanted,
		format('%s: %s correct digits of mean, %s of standard deviation', name, trunc(found[1]::numeric, 1),
		trunc(found[2]::numeric, 1)));
END $$;
\set file `cat :data/nist/univariate/Mavro.dat`
SELECT pg_temp.univariate('Mavro', :'file', 50, 2.00185600000000, 0.000429123454003053, 12);
\set file `cat :data/nist/univariate/Michelso.dat`
SELECT pg_temp.univariate('Michelso', :'file', 100, 299.852400000000, 0.0790105478190518, 12);
\set file `cat :data/nist/univariate/NumAcc1.dat`
SELECT pg_temp.univariate('NumAcc1', :'file', 3, 10000002, 1, 14);
\set file `cat :data/nist/univariate/NumAcc3.dat`
SELECT pg_temp.univariate('NumAcc3', :'file', 1001, 1000000.2, 0.1, 9);
\set file `cat :data/nist/univariate/PiDigits.dat`
SELECT pg_temp.univariate('PiDigits', :'file', 5000, 4.53480000000000, 2.86733906028871, 14);


-- as numeric nothing is rounded before it is added: all certified digits
CREATE FUNCTION pg_temp.univariate_numeric(name text, file text, mean float8, deviation float8) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	t ecml_ttest_result;
	found float8[];
BEGIN
	SELECT (ecml_ttest_1samp(trim(line)::numeric, 0)).* INTO t FROM regexp_split_to_table(file, E'\r?\n') WITH
		ORDINALITY AS l (line, i)
	WHERE trim(line) <> '' AND i > (SELECT max(i) FROM regexp_split_to_table(file, E'\r?\n') WITH ORDINALITY AS h (line,
		i) WHERE line ~ '^-+\s*$');
	found := ARRAY[pg_temp.lre(mean, t.mean_a), pg_temp.lre(deviation, t.mean_a / t.statistic * sqrt(t.n_a::float8))];
	RETURN NEXT ok(found[1] >= 14 AND found[2] >= 14,
		format('%s as numeric: %s correct digits of mean, %s of standard deviation', name, trunc(found[1]::numeric, 1),
		trunc(found[2]::numeric, 1)));
END $$;
\set file `cat :data/nist/univariate/Mavro.dat`
SELECT pg_temp.univariate_numeric('Mavro', :'file', 2.00185600000000, 0.000429123454003053);
\set file `cat :data/nist/univariate/Michelso.dat`
SELECT pg_temp.univariate_numeric('Michelso', :'file', 299.852400000000, 0.0790105478190518);
\set file `cat :data/nist/univariate/NumAcc1.dat`
SELECT pg_temp.univariate_numeric('NumAcc1', :'file', 10000002, 1);
\set file `cat :data/nist/univariate/NumAcc3.dat`
SELECT pg_temp.univariate_numeric('NumAcc3', :'file', 1000000.2, 0.1);
\set file `cat :data/nist/univariate/PiDigits.dat`
SELECT pg_temp.univariate_numeric('PiDigits', :'file', 4.53480000000000, 2.86733906028871);
-- NumAcc4 by its definition: 10000000.2, then 500 times 10000000.1 and 10000000.3
SELECT ok((t).n_a = 1001 AND pg_temp.lre(10000000.2, (t).mean_a) >= 14 AND
	pg_temp.lre(0.1, (t).mean_a / (t).statistic * sqrt((t).n_a::float8)) >= 14, 'NumAcc4 as numeric: 14 correct digits')
FROM (SELECT ecml_ttest_1samp(CASE WHEN i = 0 THEN 10000000.2 WHEN i % 2 = 1 THEN 10000000.1 ELSE 10000000.3 END, 0) AS t
	FROM generate_series(0, 1000) i) n;

SELECT * FROM finish();
\else
\echo 1..0 # SKIP no folder of real data
\endif
ROLLBACK;
