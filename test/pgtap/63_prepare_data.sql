-- ecml_prepare on adult_train and online_shoppers: what pandas and scikit-learn give (test/data/prepare.tsv, made by
-- make_prepare.py), column by column: names, order, and sums that tell where each value stands.  Cell by cell: make bench, row prepare.
BEGIN;
\i ../lib/pgtap.sql
\if :{?data}
SELECT plan(22);

CREATE TABLE lines (line text);
\copy lines FROM '../data/prepare.tsv' WITH (DELIMITER '|')
CREATE TABLE reference AS SELECT f[1] AS data, f[2] AS what, f[3]::int AS place, f[4] AS name, f[5]::bigint AS count, f[6]::float8 AS sum, f[7]::float8 AS weighted
FROM lines, string_to_array(line, E'\t') AS f WHERE line NOT LIKE '#%';

CREATE TABLE adult_train (ecml_row int GENERATED ALWAYS AS IDENTITY, age int, workclass text, fnlwgt int, education text, education_num int,
	marital_status text, occupation text, relationship text, race text, sex text, capital_gain int, capital_loss int, hours_per_week int,
	native_country text, income text);
\set load '\\copy adult_train (age, workclass, fnlwgt, education, education_num, marital_status, occupation, relationship, race, sex, capital_gain, capital_loss, hours_per_week, native_country, income) FROM PROGRAM ''gzip -dc ' :data '/classification/adult_train.csv.gz'' WITH (FORMAT csv, HEADER, NULL ''?'')'
:load
CREATE TABLE online_shoppers (ecml_row int GENERATED ALWAYS AS IDENTITY, administrative int, administrative_duration float8, informational int,
	informational_duration float8, productrelated int, productrelated_duration float8, bouncerates float8, exitrates float8, pagevalues float8,
	specialday float8, month text, operatingsystems int, browser int, region int, traffictype int, visitortype text, weekend bool, revenue bool);
\set load '\\copy online_shoppers (administrative, administrative_duration, informational, informational_duration, productrelated, productrelated_duration, bouncerates, exitrates, pagevalues, specialday, month, operatingsystems, browser, region, traffictype, visitortype, weekend, revenue) FROM PROGRAM ''gzip -dc ' :data '/classification/online_shoppers.csv.gz'' WITH (FORMAT csv, HEADER)'
:load

-- Where a preparation differs from the reference; of its columns those that the reference has.
CREATE FUNCTION pg_temp.different(data text, what text, options jsonb, all_columns boolean DEFAULT true) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE c record;
	n bigint;
	s float8;
	w float8;
BEGIN
	PERFORM ecml_prepare(data, 'prepared', '{"keep": ["ecml_row"], "replace": true, "materialize": true}' || options);
	FOR c IN SELECT r.*, a.attname, format(CASE a.atttypid WHEN 'text'::regtype THEN 'length(%I)' WHEN 'boolean'::regtype THEN '%I::int' ELSE '%I' END, a.attname) AS e
		FROM (SELECT * FROM reference r WHERE r.data = different.data AND r.what = different.what) r
		FULL JOIN (SELECT attname::text, atttypid, (row_number() OVER (ORDER BY attnum))::int AS place FROM pg_attribute
			WHERE attrelid = 'prepared'::regclass AND attnum > 0 AND attname <> 'ecml_row' AND (all_columns OR attname::text IN
			(SELECT name FROM reference r WHERE r.data = different.data AND r.what = different.what))) a USING (place) LOOP
		IF c.name IS DISTINCT FROM c.attname THEN
			RETURN NEXT format('column %s: %s, not %s', c.place, c.attname, c.name);
			CONTINUE;
		END IF;
		EXECUTE format('SELECT count(%1$s), sum(%1$s)::float8, sum(%1$s * (ecml_row * 7919 %% 10007)::float8) FROM prepared', c.e) INTO n, s, w;
		IF n <> c.count OR abs(s - c.sum) > 1e-9 * (c.count + abs(c.sum)) OR abs(w - c.weighted) > 1e-9 * (5000 * c.count + abs(c.weighted)) THEN
			RETURN NEXT format('%s: %s %s %s, not %s %s %s', c.name, n, s, w, c.count, c.sum, c.weighted);
		END IF;
	END LOOP;
END $$;

SELECT is((SELECT count(*) FROM adult_train), 32561::bigint, 'adult_train');
SELECT is((SELECT count(*) FROM online_shoppers), 12330::bigint, 'online_shoppers');
SELECT cmp_ok((SELECT count(*) FROM reference WHERE reference.data = d AND what = 'get_dummies'), '>', 25::bigint, 'there are values for ' || d)
FROM unnest(ARRAY['adult_train', 'online_shoppers']) AS d;
SELECT is_empty(format('SELECT pg_temp.different(%L, %L, %L, %L)', d, what, options, all_columns), d || ': ' || what)
FROM unnest(ARRAY['adult_train', 'online_shoppers']) AS d, (VALUES
	('dropna', '{"dropna": true}', true),
	('get_dummies', '{"one_hot": true}', true),
	('drop_first', '{"one_hot": true, "drop_first": true}', true),
	('fillna', '{"impute": "most_frequent"}', true),
	('standard', '{"scale": "standard"}', false)) AS v (what, options, all_columns);
SELECT is_empty(format('SELECT pg_temp.different(%L, %L, %L, false)', d, 'bin', (SELECT jsonb_build_object('bin', jsonb_object_agg(name, 5)) FROM reference r
	WHERE r.data = d AND what = 'bin')), d || ': bin')
FROM unnest(ARRAY['adult_train', 'online_shoppers']) AS d;

-- the same by plain SQL
SELECT ecml_prepare('adult_train', 'filled', '{"impute": {"workclass": "most_frequent"}, "scale": {"age": "robust"}, "clip": {"capital_gain": {"upper": 0.99}}}') \g /dev/null
SELECT is_empty('SELECT ecml_row FROM filled f JOIN adult_train a USING (ecml_row), (SELECT percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY age) AS q,
	percentile_cont(0.99) WITHIN GROUP (ORDER BY capital_gain) AS top, mode() WITHIN GROUP (ORDER BY workclass) AS m FROM adult_train) s
	WHERE NOT pg_temp.close(f.age, (a.age - q[2]) / (q[3] - q[1])) OR f.capital_gain <> least(a.capital_gain, top) OR f.workclass <> coalesce(a.workclass, m)',
	'plain SQL agrees');
SELECT is((SELECT count(*) FROM ecml_describe('adult_train') d WHERE d.count + d.nulls <> 32561), 0::bigint, 'ecml_describe counts all rows');
SELECT results_eq($$ SELECT nulls, distinct_count, most_frequent, frequency FROM ecml_describe('adult_train') WHERE column_name = 'workclass' $$,
	'SELECT count(*) - count(workclass), count(DISTINCT workclass), mode() WITHIN GROUP (ORDER BY workclass), count(*) FILTER (WHERE workclass = ''Private'') FROM adult_train',
	'and finds what stands in a column');
SELECT is_empty($$ SELECT 1 FROM ecml_describe('adult_train') d, (SELECT avg(fnlwgt) AS mean, stddev(fnlwgt) AS sd FROM adult_train) s
	WHERE column_name = 'fnlwgt' AND NOT (pg_temp.close(d.mean, s.mean::float8, 1e-14) AND pg_temp.close(d.sd, s.sd::float8, 1e-13)) $$, 'mean and deviation of fnlwgt');

-- target encoding: an identifier tells nothing, a job does
SELECT ecml_prepare('SELECT ecml_row, occupation, (income = ''>50K'')::int AS y, ''r'' || ecml_row AS noise FROM adult_train', 'encoded',
	'{"target_encode": {"columns": ["noise", "occupation"], "target": "y", "key": "ecml_row"}, "materialize": true}') \g /dev/null
SELECT cmp_ok(abs(corr(noise, y)), '<', 0.03::float8, 'an identifier does not leak its target') FROM encoded;
SELECT cmp_ok(corr(occupation, y), '>', 0.2::float8, 'a job tells something of the income') FROM encoded;
\else
SELECT plan(1);
SELECT skip('no folder of real data', 1);
\endif
SELECT * FROM finish();
ROLLBACK;
