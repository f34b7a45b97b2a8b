-- Linear regression: every type of column, categories, NULLs, weights, rank, penalties, intervals.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(75);
SET LOCAL client_min_messages = error;

-- ---- types of columns

CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
CREATE DOMAIN price AS numeric(10, 2) CHECK (VALUE >= 0);
CREATE TABLE typed AS
SELECT i, (i * 7919 % 101)::int2 AS i2, i * 104729 % 103 AS i4, (i * 1299709 % 107)::int8 AS i8,
	(i * 31 % 109 / 8.0)::numeric AS n,
	(i * 37 % 113 / 4.0)::float4 AS f4, sin(i)::float8 AS f8, i * 41 % 3 = 0 AS b, date '2024-02-01' + i * 43 % 127 AS d,
	timestamp '2024-02-01' + i * 47 % 131 * interval '90 min' AS ts,
		timestamptz '2024-02-01 00:00+02' + i * 53 % 137 * interval '1 hour' AS tstz,
	time '00:00' + i * 59 % 139 * interval '7 min' AS tm,
		i * 61 % 149 * interval '1 day 2 hours' + i * 67 % 5 * interval '1 month' AS iv,
	('10.0.' || i * 71 % 151 || '.' || i * 73 % 7)::inet AS ip, (i * 79 % 157)::price AS p, ARRAY[cos(i),
		(i * 83 % 163)::float8] AS v,
	ARRAY[i * 89 % 11, i * 97 % 13] AS v4,
	(ARRAY['red', 'green', 'blue'])[1 + i * 101 % 3]::colour AS e, (ARRAY['a', 'b', 'ü', ''])[1 + i * 103 % 17 % 4] AS tx,
	(ARRAY['k', 'l', 'm'])[1 + i * 107 % 19 % 3]::varchar(5) AS vc, (ARRAY['x', 'y',
		'zz'])[1 + i * 109 % 23 % 3]::char(4) AS ch,
	(ARRAY['one', 'two'])[1 + i * 113 % 29 % 2]::name AS nm, 5 * sin(i * 1.7) + i % 13 AS y
FROM generate_series(1, 400) i;
-- the same by hand
CREATE TABLE plain AS
SELECT i, i2::float8, i4::float8, i8::float8, n::float8, f4::float8, f8, b::int::float8 AS b,
	(d - date '2000-01-01') * 86400.0::float8 AS d,
	extract(epoch FROM ts - timestamp '2000-01-01')::float8 AS ts, extract(epoch
		FROM tstz - timestamptz '2000-01-01 00:00+00')::float8 AS tstz,
	extract(epoch FROM tm)::float8 AS tm, extract(epoch FROM iv)::float8 AS iv,
	(10 * 16777216 + split_part(host(ip), '.', 3)::int * 256 + split_part(host(ip), '.', 4)::int)::float8 AS ip, p::float8,
	v[1] AS va, v[2] AS vb, v4[1]::float8 AS v4a, v4[2]::float8 AS v4b,
	-- the first in the order of bytes is left out: blue, '', k, x, one
	(e = 'green')::int AS e_green, (e = 'red')::int AS e_red, (tx = 'a')::int AS tx_a, (tx = 'b')::int AS tx_b, (tx
		= 'ü')::int AS tx_ue,
	(vc = 'l')::int AS vc_l, (vc = 'm')::int AS vc_m, (ch = 'y')::int AS ch_y, (ch = 'zz')::int AS ch_zz, (nm
		= 'two')::int AS nm_two, y
FROM typed;
SELECT lives_ok($$ SELECT ecml_train('typed', 'linreg',
	'SELECT i2,i4,i8,n,f4,f8,b,d,ts,tstz,tm,iv,ip,p,v,v4,e,tx,vc,ch,nm,y FROM typed', 'y') $$,
	'every type of feature is learnt from');
SELECT lives_ok($$ SELECT ecml_train('plain', 'linreg', 'SELECT * FROM plain', 'y',
	ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = 'plain'::regclass AND attnum > 1 AND attname <> 'y'
		ORDER BY attnum)) $$, 'and so is what they mean');
SELECT is_empty($$ SELECT pg_temp.different(ecml_load('typed'), ecml_load('plain')) $$,
	'a column is what it means: coefficients of typed and plain columns agree');
SELECT results_eq($$ SELECT term FROM ecml_coefficients('typed') $$,
	ARRAY['(intercept)', 'i2', 'i4', 'i8', 'n', 'f4', 'f8', 'b', 'd', 'ts', 'tstz', 'tm', 'iv', 'ip', 'p', 'v[1]',
		'v[2]', 'v4[1]', 'v4[2]',
		'e=green', 'e=red', 'tx=a', 'tx=b', 'tx=ü', 'vc=l', 'vc=m', 'ch=y', 'ch=zz', 'nm=two'],
	'terms are named after column, element and category; the first category in the order of bytes has none');
SELECT is((SELECT count(*) FROM typed t WHERE pg_temp.close(ecml_predict('typed', i2, i4, i8, n, f4, f8, b, d, ts, tstz,
	tm, iv, ip, p, v, v4, e, tx, vc, ch, nm),
		(SELECT ecml_predict('plain', q) FROM plain q WHERE q.i = t.i), 1e-8)), 400::bigint,
			'predictions of typed columns and of what they mean agree');
SELECT is((SELECT count(*) FROM typed t WHERE ecml_predict('typed', i2, i4, i8, n, f4, f8, b, d, ts, tstz, tm, iv, ip,
	p, v, v4, e, tx, vc, ch, nm) =
	ecml_predict('typed', t)), 400::bigint, 'a whole row binds by name: the same predictions');
SELECT is((SELECT count(*) FROM (SELECT nm, y, ch, v4, v, p, ip, iv, tm, tstz, ts, d, b, f8, f4, n, i8, i4, i2,
	e::text AS e, vc::text AS vc, tx::varchar AS tx, i FROM typed) r
	WHERE ecml_predict('typed', r) = (SELECT ecml_predict('typed', t) FROM typed t WHERE t.i = r.i)), 400::bigint,
	'in any order of columns, categories as any kind of text');
SELECT is_empty($$ SELECT pg_temp.different(ecml_load('typed'), ecml_linreg('{}', y,
	i2,i4,i8,n,f4,f8,b,d,ts,tstz,tm,iv,ip,p,v,v4,e,tx,vc,ch,nm)) FROM typed t $$,
	'the aggregate gives the same coefficients');
SELECT results_eq($$ SELECT f ->> 'kind' FROM jsonb_array_elements(ecml_model_info('typed') -> 'features') f $$,
	ARRAY['number', 'number', 'number', 'number', 'number', 'number', 'boolean', 'time', 'time', 'time', 'interval',
		'interval', 'inet', 'number',
		'number', 'number', 'number', 'number', 'category', 'category', 'category', 'category', 'category'],
			'kinds of features are kept');
SELECT is(ecml_model_info('typed') #> '{features,18,categories}', '["blue", "green", "red"]'::jsonb,
	'categories are listed in the order of bytes, not of the enum');
SELECT is((SELECT count(*) FROM typed WHERE i2 IS NOT NULL AND ecml_predict(m, i2::float8, b::int) = ecml_predict(m, i2,
	b)), 400::bigint, 'numbers of any type may stand for a number or a boolean')
FROM (SELECT ecml_linreg('{}', y, i2, b) AS m FROM typed) s;
SELECT is(ecml_predict(m, '3', 't'), ecml_predict(m, 3::int2, true),
	'literals without a type are read as the feature''s kind')
FROM (SELECT ecml_linreg('{}', y, i2, b) AS m FROM typed) s;
-- timestamps of other zones are the same moments
SET LOCAL timezone = 'Asia/Tokyo';
SELECT is_empty($$ SELECT pg_temp.different(ecml_linreg('{}', y, tstz), (SELECT ecml_linreg('{}', y, tstz) FROM plain))
	FROM typed $$, 'timestamptz does not depend on the time zone');
RESET timezone;

-- ---- categories

CREATE TABLE shop AS SELECT i, (ARRAY['north', 'south', 'east', 'west'])[1 + i * 7 % 11 % 4] AS region,
	(i * 13 % 17)::float8 AS price, sin(i) * 3 + i % 5 AS sales FROM generate_series(1, 120) i;
SELECT is_empty($$ SELECT pg_temp.different(ecml_linreg('{"intercept": false}', sales, price, region),
	ecml_linreg('{"intercept": false}', sales, price, (region = 'east')::int, (region = 'north')::int, (region
		= 'south')::int, (region = 'west')::int)) FROM shop $$,
	'without an intercept every category has a term');
SELECT is_empty($$ SELECT pg_temp.different(a, b) FROM (SELECT ecml_linreg('{}', sales, price, region) AS a
	FROM (SELECT * FROM shop ORDER BY i DESC) s) a,
	(SELECT ecml_linreg('{}', sales, price, region) AS b FROM (SELECT * FROM shop ORDER BY i) s) b $$,
		'the order in which categories are met does not matter');
SELECT is((SELECT array_agg(ecml_predict(m, 3, r) = ecml_predict(m, 3, 'east'::text) ORDER BY r)
	FROM unnest(ARRAY['Nowhere', 'east', 'east ', 'north', '']) r),
	ARRAY[true, true, true, true, false], 'a category that was not met has no dummy') FROM (SELECT ecml_linreg('{}',
		sales, price, region) AS m FROM shop) s;
SELECT is(ecml_predict(m, 3, NULL::text), NULL, 'but NULL is no category') FROM (SELECT ecml_linreg('{}', sales, price,
	region) AS m FROM shop) s;

-- ---- NULLs

CREATE TABLE holes AS SELECT i, CASE WHEN i % 6 <> 0 THEN (i * 13 % 17)::float8 END AS a, CASE WHEN i % 7
	<> 0 THEN i * 11 % 23 END AS b,
	CASE WHEN i % 9 <> 0 THEN (ARRAY['u', 'v', 'v', 'w'])[1 + i % 4] END AS c, sin(i) * 3 + i % 5 AS y, i % 4 AS w
		FROM generate_series(1, 200) i;
INSERT INTO holes SELECT 201, 1, 2, 'u', NULL, 1;
CREATE FUNCTION pg_temp.by_hand(weight text) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT coalesce(a, (SELECT sum(%1$s * a) / sum(%1$s) FILTER (WHERE a IS NOT NULL) FROM holes WHERE y IS NOT NULL)) AS a,
		coalesce(b, (SELECT sum(%1$s * b)::float8 / sum(%1$s) FILTER (WHERE b IS NOT NULL) FROM holes WHERE y IS NOT NULL)) AS b,
		coalesce(c, (SELECT c FROM holes WHERE c IS NOT NULL AND y IS NOT NULL GROUP BY c ORDER BY sum(%1$s) DESC, c LIMIT 1)) AS c, w, y FROM holes', weight) $$;
SELECT (ecml_train('skip', 'linreg', 'SELECT a, b, c, y FROM holes', 'y')).version;
SELECT is((SELECT (rows, skipped) FROM ecml.models WHERE name = 'skip'),
	(SELECT (count(*) FILTER (WHERE NOT row_has_null), count(*) FILTER (WHERE row_has_null)) FROM (SELECT NOT ((a, b, c,
		y) IS NOT NULL) AS row_has_null FROM holes) s),
	'rows with a NULL are left out and counted');
SELECT is_empty($$ SELECT pg_temp.different(ecml_load('skip'), ecml_linreg('{}', y, a, b, c)) FROM holes WHERE (a, b, c,
	y) IS NOT NULL $$, 'and make no difference');
SELECT is_empty($$ SELECT pg_temp.different(ecml_load('skip'), ecml_linreg('{}', y, a, b, c)) FROM holes $$,
	'the aggregate leaves them out as well');
SELECT is(ecml_predict('skip', NULL::float8, 1, 'u'::text), NULL, 'and predict gives NULL for one');
SELECT is(ecml_predict('skip', 'NaN'::float8, 1::float8, 'u'), NULL, 'where NaN is as good as NULL');
SELECT (ecml_train('impute', 'linreg', 'SELECT a, b, c, y FROM holes', 'y', NULL, '{"missing": "impute"}')).version;
SELECT (ecml_train('by_hand', 'linreg', pg_temp.by_hand('1'), 'y', '{a,b,c}')).version;
SELECT is_empty($$ SELECT pg_temp.different(ecml_load('impute'), ecml_load('by_hand')) $$,
	'impute: as with means and the most frequent category in their place');
SELECT is((SELECT (rows, skipped) FROM ecml.models WHERE name = 'impute'), (200::bigint, 1::bigint),
	'only the row without a target is left out');
SELECT is_empty($$ SELECT pg_temp.different(ecml_load('by_hand'), ecml_linreg('{"missing": "impute"}', y, a, b, c))
	FROM holes $$, 'the same in the aggregate');
SELECT is_empty($$ SELECT pg_temp.different(ecml_load('by_hand'), ecml_linreg('{"missing": "impute"}', y, a, b, c))
	FROM (SELECT * FROM holes ORDER BY c NULLS FIRST, a NULLS FIRST) s $$,
	'and where the NULLs come first');
SELECT is_empty($$ SELECT pg_temp.different(ecml_load('by_hand'), ecml_linreg('{"missing": "impute"}', y, a, b, c))
	FROM (SELECT * FROM holes ORDER BY c, a, b) s $$, 'and last');
SELECT (ecml_train('impute', 'linreg', 'SELECT a, b, c, w, y FROM holes', 'y', NULL,
	'{"missing": "impute", "sample_weight": "w"}')).version;
SELECT (ecml_train('by_hand', 'linreg', pg_temp.by_hand('w'), 'y', '{a,b,c}', '{"sample_weight": "w"}')).version;
SELECT is_empty($$ SELECT pg_temp.different(ecml_load('impute'), ecml_load('by_hand')) $$,
	'impute with weights: weighted means, the category of most weight');
SELECT is_empty($$ SELECT pg_temp.different(ecml_load('by_hand'),
	ecml_linreg('{"missing": "impute", "sample_weight": "x2"}', y, a, w, b, c)) FROM holes $$, 'the same in the aggregate');
SELECT ok(pg_temp.close(ecml_predict('impute', NULL::float8, 3::float8, 'u'), ecml_predict('impute',
	(SELECT sum(w * a) / sum(w) FILTER (WHERE a IS NOT NULL) FROM holes WHERE y IS NOT NULL), 3::float8, 'u')),
	'predict fills a NULL with the mean of training');
SELECT is(ecml_predict('impute', 'NaN'::float8, 3::float8, 'u'), ecml_predict('impute', NULL::float8, 3::float8, 'u'),
	'NaN is filled as NULL is');
SELECT ok(pg_temp.close(ecml_predict('impute', 1::float8, 3::float8, NULL), ecml_predict('impute', 1::float8, 3::float8,
	'w')), 'and a category with the one of most weight');
SELECT is((SELECT ecml_predict('impute', h) FROM (SELECT NULL::float8 AS a, NULL::float8 AS b,
	NULL::text AS c) h) IS NULL, false, 'all NULL is filled, too');
CREATE TABLE filled AS SELECT coalesce(a, (SELECT avg(a) FROM holes WHERE y IS NOT NULL)) AS a, coalesce(b,
	(SELECT avg(b) FROM holes WHERE y IS NOT NULL))::float8 AS b, y FROM holes;
SELECT is_empty($$ SELECT pg_temp.different(ecml_linreg('{"missing": "impute"}', y, ARRAY[a, b]),
	(SELECT ecml_linreg('{}', y, ARRAY[a, b]) FROM filled)) FROM holes $$,
	'impute within arrays');
SELECT is((SELECT (rows, skipped) FROM (SELECT (ecml_model_info(m) ->> 'rows')::bigint AS rows,
	(ecml_model_info(m) ->> 'skipped')::bigint AS skipped
	FROM (SELECT ecml_linreg('{}', y, ARRAY[a, b]) AS m FROM holes) s) t),
	(SELECT (count(*) FILTER (WHERE (a, b, y) IS NOT NULL), count(*) FILTER (WHERE NOT (a, b, y) IS NOT NULL))
		FROM holes), 'an element that is NULL leaves the row out');

-- ---- weights

CREATE TABLE repeated AS SELECT h.* FROM holes h, generate_series(1, w);
SELECT is((SELECT array_agg(pg_temp.close(a.estimate, b.estimate))
	FROM ecml_coefficients((SELECT ecml_linreg('{"sample_weight": "x4"}', y, a, b, c, w) FROM holes)) a
	JOIN ecml_coefficients((SELECT ecml_linreg('{}', y, a, b, c) FROM repeated)) b USING (term)), array_fill(true,
		ARRAY[4]), 'weights are as many equal rows: coefficients');
SELECT ok(pg_temp.close((i1 #>> '{metrics,r2}')::float8, (i2 #>> '{metrics,r2}')::float8)
	AND pg_temp.close((i1 #>> '{metrics,rss}')::float8, (i2 #>> '{metrics,rss}')::float8),
	'weights are as many equal rows: R2 and residual sum of squares')
FROM (SELECT ecml_model_info(ecml_linreg('{"sample_weight": "x4"}', y, a, b, c, w)) AS i1 FROM holes) a,
	(SELECT ecml_model_info(ecml_linreg('{}', y, a, b, c)) AS i2 FROM repeated) b;
SELECT (ecml_train('weighted', 'linreg', 'SELECT a, b, c, w, y FROM holes', 'y', NULL, '{"sample_weight": "w"}')).version;
SELECT is_empty($$ SELECT pg_temp.different(ecml_load('weighted'), ecml_linreg('{"sample_weight": "x3"}', y, a, b, w,
	c)) FROM holes $$, 'the weight may stand anywhere, and is no feature');
SELECT is((SELECT count(*) FROM jsonb_array_elements(ecml_model_info('weighted') -> 'features')), 3::bigint,
	'three features');

-- ---- rank

SELECT (ecml_train('rank', 'linreg',
	'SELECT a, b, 7 AS seven, 2 * a - b AS both, c, (c = ''u'')::int AS is_u, y FROM holes', 'y')).version;
SELECT is(ecml_model_info('rank') #> '{metrics,aliased}', '["seven", "both", "is_u"]'::jsonb,
	'columns that follow from others are named');
SELECT is((SELECT array_agg(term) FROM ecml_coefficients('rank') WHERE estimate IS NULL), ARRAY['seven', 'both',
	'is_u'], 'and have no coefficient');
SELECT is((SELECT count(*) FROM holes WHERE pg_temp.close(ecml_predict('rank', a, b, 7, 2 * a - b, c, (c = 'u')::int),
	ecml_predict('skip', a, b, c))), 201::bigint,
	'the rest is the regression without them');
SELECT is_empty($$ SELECT pg_temp.different(ecml_load('rank'), ecml_linreg('{}', y, a, b, 7::float8, 2 * a - b, c, (c
	= 'u')::int)) FROM holes $$, 'the aggregate finds the same');
-- a nearly constant column of great size, and a nearly equal one, are still columns
SELECT is(ecml_model_info(ecml_linreg('{}', y, 1e5 + a, b, a + b + 1e-8 * sin(i))) #> '{metrics,rank}', '4'::jsonb,
	'what differs in the eighth digit is not taken for rank deficient') FROM holes;
SELECT is((SELECT count(*) FROM ecml_coefficients(m) WHERE estimate IS NOT NULL), 3::bigint,
	'more columns than rows: as many terms as rows')
FROM (SELECT ecml_linreg('{}', y, a, b, i::float8, (i * i % 7)::float8, (i * i * i % 11)::float8) AS m FROM holes
	WHERE i IN (1, 2, 3)) s;

-- ---- penalties, intervals: against statsmodels and scikit-learn (test/data/linreg/make_linreg.py)

CREATE TABLE reference (kind text, quantity text, i int, value float8);
\copy reference FROM '../data/linreg/reference.tsv'
CREATE TABLE fitted (w float8, y float8, x1 float8, x2 float8, x3 float8, x4 float8, x5 float8, x6 float8, i serial);
\copy fitted (w, y, x1, x2, x3, x4, x5, x6) FROM '../data/linreg/data.tsv'
CREATE TABLE lines (line text);
\copy lines FROM '../data/linreg/wide.tsv' WITH (DELIMITER '|')
CREATE TABLE wide AS SELECT v[1] AS y, v[2:] AS x FROM (SELECT string_to_array(line, E'\t')::float8[] AS v FROM lines) s;
SELECT is((SELECT count(*) FROM fitted), 60::bigint, 'reference data is there') WHERE (SELECT count(*) FROM wide
	WHERE array_length(x, 1) = 80) = 60;
CREATE TABLE cases (kind text, options jsonb, tolerance float8);
INSERT INTO cases VALUES ('ols', '{}', 1e-9), ('ols_no_intercept', '{"intercept": false}', 1e-9), ('wls',
	'{"sample_weight": "w"}', 1e-9),
	('ridge', '{"alpha": 3}', 1e-9), ('ridge_weighted', '{"alpha": 0.7, "sample_weight": "w"}', 1e-9),
		('ridge_no_intercept', '{"alpha": 10, "intercept": false}', 1e-9),
	('ridge_wide', '{"alpha": 2.5}', 1e-7),
	('lasso', '{"alpha": 0.05, "l1_ratio": 1}', 1e-5), ('lasso_weighted',
		'{"alpha": 0.05, "l1_ratio": 1, "sample_weight": "w"}', 1e-5),
	('lasso_no_intercept', '{"alpha": 0.02, "l1_ratio": 1, "intercept": false}', 1e-5), ('enet',
		'{"alpha": 0.1, "l1_ratio": 0.4}', 1e-5),
	('enet_weighted', '{"alpha": 0.1, "l1_ratio": 0.9, "sample_weight": "w"}', 1e-5), ('lasso_wide',
		'{"alpha": 0.1, "l1_ratio": 1}', 1e-4),
	('enet_wide', '{"alpha": 0.3, "l1_ratio": 0.5}', 1e-4);
SELECT is((SELECT count(*) FROM cases, LATERAL ecml_train(kind, 'linreg', CASE WHEN kind LIKE '%wide' THEN 'wide'
	ELSE 'fitted' END, 'y',
		CASE WHEN kind LIKE '%wide' THEN '{x}' ELSE '{x1,x2,x3,x4,x5,x6}' END::text[], options
			|| '{"tolerance": 1e-14, "max_iter": 1000000, "level": 0.9}') t), 14::bigint, 'trained');
-- of 0 the absolute size counts, in units of the largest coefficient
SELECT is((SELECT array_agg(r.i) FROM reference r JOIN (SELECT *, i - 1 AS place FROM ecml_coefficients(kind)
		WITH ORDINALITY AS c (term, estimate, std_error, statistic, p_value, conf_low, conf_high, odds_ratio, class, i)) c ON place = r.i
	WHERE r.kind = cases.kind AND r.quantity = 'coef' AND abs(c.estimate - r.value) > tolerance * greatest(abs(r.value),
		CASE WHEN tolerance > 1e-9 THEN 0.1 ELSE 0 END)),
	NULL, kind || ': coefficients') FROM cases;
SELECT is((SELECT array_agg(r.i) FROM reference r JOIN (SELECT *, i - 1 AS place FROM ecml_coefficients(kind)
		WITH ORDINALITY AS c (term, estimate, std_error, statistic, p_value, conf_low, conf_high, odds_ratio, class, i)) c ON place = r.i
	WHERE r.kind = cases.kind AND r.quantity = 'se' AND NOT pg_temp.close(c.std_error, r.value, 1e-6)), NULL, kind
		|| ': standard errors')
FROM cases WHERE kind ~ 'ols|wls|ridge';
SELECT is_empty($$ SELECT c.kind, name FROM cases c, jsonb_each_text(ecml_model_info(c.kind) -> 'metrics') m (name, value)
	JOIN (VALUES ('r2', 'r2'), ('adj_r2', 'adj_r2'), ('sigma', 'sigma'), ('rss', 'rss'), ('df', 'df'), ('f_statistic',
		'f'), ('f_p_value', 'f_p'),
		('log_likelihood', 'loglik'), ('aic', 'aic'), ('bic', 'bic')) n (name, quantity) USING (name)
	JOIN reference r USING (quantity) WHERE r.kind = c.kind AND NOT pg_temp.close(m.value::float8, r.value, 1e-8) $$,
		'metrics are those of statsmodels');
SELECT is((SELECT count(*) FROM reference p JOIN reference h USING (kind, i) JOIN fitted f ON f.i = p.i + 1,
	LATERAL ecml_predict_interval(kind, 0.9, x1, x2, x3, x4, x5, x6) b
	WHERE p.quantity = 'predict' AND h.quantity = 'half_obs' AND pg_temp.close(b.lower, p.value - h.value, 1e-8)
		AND pg_temp.close(b.upper, p.value + h.value, 1e-8)),
	15::bigint, 'intervals of prediction are those of statsmodels');
SELECT is((SELECT count(*) FROM (SELECT ecml_predict_interval('ols', 0.5, f) AS b, ecml_predict_interval('ols', 0.99,
	f) AS c, ecml_predict('ols', f) AS p FROM fitted f OFFSET 0) s
	WHERE (b).lower < p AND (b).upper > p AND (b).lower > (c).lower AND (b).upper < (c).upper), 60::bigint,
		'a row binds in an interval, too, and a wider one holds a narrower');
SELECT is(ecml_predict_interval('lasso', 0.9, 1, 2, 3, 4, 5, 6)::text, '(,)',
	'with a penalty on absolute values no interval is defined');
SELECT is(ecml_predict_interval('ols', 0.9, 1, 2, 3, 4, 5, NULL::float8), NULL, 'NULL for NULL');
SELECT is((SELECT array_agg(pg_temp.close((conf_high - conf_low) / 2 / std_error, 1.6741, 1e-3))
	FROM ecml_coefficients('ols')), array_fill(true, ARRAY[7]), 'confidence intervals have the level of the option');
SELECT is((SELECT term FROM ecml_coefficients('lasso_wide') OFFSET 80), 'x[80]',
	'elements of an array are named by their number');

SELECT * FROM finish();
ROLLBACK;
