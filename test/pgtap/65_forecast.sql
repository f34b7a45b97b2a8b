-- ecml_forecast: simple and intermittent methods against statsforecast, what exponential smoothing and Theta must find, the reading
-- of sources, intervals, and errors.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(73);

CREATE TABLE lines (line text);
\copy lines FROM '../data/forecast/intermittent.tsv' WITH (DELIMITER '|')
CREATE TABLE reference AS
SELECT row_number() OVER () AS id, v[1] AS name, string_to_array(v[2], ',')::float8[] AS y, v[3] AS method, v[4]::jsonb AS options,
	v[5]::float8 AS value
FROM (SELECT string_to_array(line, E'\t') AS v FROM lines WHERE line NOT LIKE '#%') s;
CREATE TABLE found AS
SELECT r.id, r.method, r.name, r.options, r.value, f.yhat
FROM reference r, LATERAL ecml_forecast(format('SELECT t, y FROM unnest(%L::float8[]) WITH ORDINALITY AS u (y, t)', r.y), 1, 't', 'y',
	options => r.options || jsonb_build_object('method', r.method)) f;
SELECT is(count(*), 40::bigint, 'references were read') FROM found;
SELECT is(array_agg(name || ' ' || options || ': ' || yhat || ', not ' || value) FILTER (WHERE NOT pg_temp.close(yhat, value, CASE WHEN options ? 'optimise' THEN 1e-6 ELSE 1e-8 END)),
	NULL, method || ' as in statsforecast') FROM found GROUP BY method ORDER BY method;

-- ---- a series that is known

CREATE TABLE sales_by_month AS
SELECT p AS sku, date '2022-01-01' + (interval '1 month') * m AS day, 50 * p + (p - 1) * m + 20 * sin(2 * pi() * m / 12)
	+ sin(m * m * 1.7 * p) AS qty
FROM generate_series(1, 4) p, generate_series(0, 59) m;
CREATE FUNCTION pg_temp.truth(p int, h int) RETURNS float8 LANGUAGE sql AS $$
	SELECT 50 * p + (p - 1) * (59 + h) + 20 * sin(2 * pi() * (59 + h) / 12) $$;
SELECT is(max(abs(yhat - pg_temp.truth(series::int, step))) < 2.5, true, m || ': trend and season are carried on')
FROM unnest(ARRAY['auto', 'ets', 'holt_winters', 'arima', 'mstl', 'prophet']) m,
	LATERAL ecml_forecast('sales_by_month', 12, series => 'sku', options => jsonb_build_object('method', m)) f
GROUP BY m ORDER BY m;
CREATE TABLE whole AS SELECT * FROM ecml_forecast('sales_by_month', 12, series => 'sku', options => '{"level": [80, 95]}');
SELECT ok(count(*) = 48 AND bool_and(yhat_lower < yhat AND yhat < yhat_upper), 'each step of each series has an interval') FROM whole;
SELECT is(array_agg(ds ORDER BY ds), (SELECT array_agg(timestamp '2027-01-01' + h * interval '1 month') FROM generate_series(0, 2) h),
	'months go on by the calendar') FROM whole WHERE series = '1' AND step <= 3;
SELECT ok(bool_and((intervals -> '95' ->> 0)::float8 < (intervals -> '80' ->> 0)::float8
	AND (intervals -> '80' ->> 1)::float8 < (intervals -> '95' ->> 1)::float8
	AND pg_temp.close((intervals -> '80' ->> 0)::float8, yhat_lower)), 'several levels, the first one in the columns') FROM whole;
SELECT is(array_agg(w.yhat ORDER BY w.series, w.step), array_agg(f.yhat ORDER BY w.series, w.step), 'the same with one thread')
FROM whole w JOIN (SELECT set_config('ecml.threads', '1', true), * FROM ecml_forecast('sales_by_month', 12, series => 'sku')) f
	USING (series, step);
RESET ecml.threads;
SELECT ok(bool_and(pg_temp.close(f.yhat, w.yhat)), 'a series by itself gets what it gets among others')
FROM ecml_forecast('SELECT day, qty FROM sales_by_month WHERE sku = 3', 12) f JOIN whole w ON w.series = '3' AND w.step = f.step;
SELECT ok(bool_and(yhat >= 0 AND yhat_lower >= 0), 'a floor')
FROM ecml_forecast('SELECT day, qty - 60 AS qty FROM sales_by_month WHERE sku = 1', 12, options => '{"floor": 0}');

-- ---- reading

SELECT ok(bool_and(pg_temp.close(f.yhat, w.yhat)), 'several rows in a period are summed')
FROM ecml_forecast('SELECT day + h * interval ''1 day'' AS day, qty / 4 AS qty FROM sales_by_month, generate_series(0, 27, 9) h WHERE sku = 3', 12,
	options => '{"frequency": "month"}') f JOIN whole w ON w.series = '3' AND w.step = f.step;
SELECT is(array_agg(ds), ARRAY[timestamp '2026-03-30 02:00', timestamp '2026-03-30 03:00'], 'hours go on')
FROM ecml_forecast('SELECT timestamp ''2026-03-28'' + i * interval ''1 hour'' AS at, i % 24 AS n FROM generate_series(0, 49) i', 2,
	options => '{"method": "naive"}');
SELECT is(array_agg(period), ARRAY[11, 12]::bigint[], 'whole numbers as time')
FROM ecml_forecast('SELECT i AS ds, i * 2 AS y FROM generate_series(1, 10) i', 2, options => '{"method": "drift"}');
SELECT ok(bool_and(pg_temp.close(yhat, 2 * period)), 'drift goes on')
FROM ecml_forecast('SELECT i AS ds, i * 2 AS y FROM generate_series(1, 10) i', 2, options => '{"method": "drift"}');

-- ---- odd series: a note, never the end of the statement

CREATE TABLE odd AS
SELECT 'constant' AS s, i AS t, 7.0 AS v FROM generate_series(1, 30) i
UNION ALL SELECT 'zeros', i, 0 FROM generate_series(1, 30) i
UNION ALL SELECT 'one value', 1, 3
UNION ALL SELECT 'two values', i, i FROM generate_series(1, 2) i
UNION ALL SELECT 'not a number', i, CASE WHEN i = 7 THEN 'NaN'::float8 ELSE i END FROM generate_series(1, 20) i
UNION ALL SELECT 'good', i, 10 + i % 3 FROM generate_series(1, 40) i;
CREATE TABLE answers AS SELECT * FROM ecml_forecast('odd', 3, 't', 'v', 's');
SELECT is(count(*), 18::bigint, 'every series has its rows') FROM answers;
SELECT is(array_agg(DISTINCT round(yhat::numeric, 9)), ARRAY[7]::numeric[], 'a constant stays') FROM answers WHERE series = 'constant';
SELECT is(array_agg(DISTINCT yhat), ARRAY[0]::float8[], 'so do zeros') FROM answers WHERE series = 'zeros';
SELECT ok(bool_and(yhat IS NULL AND note IS NOT NULL), 'one value is none') FROM answers WHERE series = 'one value';
SELECT ok(bool_and(yhat IS NOT NULL), 'two values are a little') FROM answers WHERE series = 'two values';
SELECT ok(bool_and(yhat IS NOT NULL), 'the good one does not suffer') FROM answers WHERE series = 'good';
SELECT is((SELECT count(*) FROM ecml_forecast('SELECT i AS ds, i AS y FROM generate_series(1, 10) i WHERE false', 3)), 0::bigint,
	'no rows: no series');

-- horizons, missing times and values, names that are NULL, frequencies that differ
SELECT throws_ok($$SELECT ecml_forecast('odd', -5, 't', 'v', 's')$$, '22023', 'horizon out of range', 'horizon below 0');
SELECT throws_ok($$SELECT ecml_forecast('odd', NULL, 't', 'v', 's')$$, '22004', 'the horizon must be given', 'horizon NULL');
SELECT is((SELECT ARRAY[count(yhat), count(ds)] FROM ecml_forecast('SELECT date ''2020-01-01'' + i AS ds, i % 7 AS y FROM generate_series(1, 60) i', 100000)),
	ARRAY[100000, 100000]::bigint[], 'as far as it goes');
SELECT is((SELECT count(*) FROM ecml_forecast('SELECT NULL::date AS ds, 1.0 AS y', 3)), 0::bigint, 'rows without a time are none');
SELECT is((SELECT count(*) FROM ecml_forecast('SELECT ''infinity''::date AS ds, 1.0 AS y', 3)), 0::bigint, 'nor are those at infinity');
SELECT is((SELECT ARRAY[count(*), count(yhat), count(note)] FROM ecml_forecast('SELECT date ''2020-01-01'' + i AS ds, NULL::float8 AS y FROM generate_series(1, 9) i', 3)),
	ARRAY[3, 0, 3]::bigint[], 'times without values: a note');
SELECT is((SELECT ARRAY[count(yhat), count(note)] FROM ecml_forecast('SELECT i AS ds, CASE WHEN i = 5 THEN ''infinity''::float8 ELSE i END AS y FROM generate_series(1, 9) i', 3)),
	ARRAY[0, 3]::bigint[], 'an infinite value: a note');
SELECT is((SELECT (metrics ->> 'failed')::int FROM ecml_train('infinite', 'ets', 'SELECT i AS ds, CASE WHEN i = 5 THEN ''infinity''::float8 ELSE i END AS y FROM generate_series(1, 9) i', target => 'y')),
	1, 'so in a stored model');
SELECT is((SELECT count(note) FROM ecml_forecast('infinite', 2)), 2::bigint, 'which tells of it');
SELECT is((SELECT array_agg(coalesce(series, 'none') || ' ' || round(yhat::numeric) ORDER BY series NULLS LAST) FROM ecml_forecast(
	'SELECT CASE s WHEN 1 THEN ''a'' WHEN 2 THEN '''' END AS s, i AS ds, s * i AS y FROM generate_series(20, 1, -1) i, generate_series(1, 3) s', 1, series => 's',
	options => '{"method": "drift"}')), ARRAY[' 42', 'a 21', 'none 63'], 'NULL is a name, and not that of the empty one; rows in any order');
SELECT is((SELECT array_agg(series || ' ' || ds::date ORDER BY series) FROM ecml_forecast(
	'SELECT ''day'' AS s, date ''2020-01-01'' + i AS ds, i AS y FROM generate_series(0, 59) i UNION ALL
	SELECT ''month'', (date ''2020-01-01'' + i * interval ''1 month'')::date, i FROM generate_series(0, 29) i', 1, series => 's')),
	ARRAY['day 2020-03-01', 'month 2022-07-01'], 'each series has its own frequency');
SELECT is((SELECT array_agg(ds::date) FROM ecml_forecast('SELECT date ''2020-01-01'' + i / 2 AS ds, 3 AS y FROM generate_series(0, 59) i', 1, options => '{"aggregate": "mean"}')
	WHERE yhat = 3), ARRAY[date '2020-01-31'], 'two rows a day');
SELECT ok(bool_and(abs(yhat - (10 + extract(doy FROM ds)::int % 7)) < 1e-6 AND method NOT LIKE '%TSB%'), 'zeros before the first sale are no demand')
FROM ecml_forecast('SELECT date ''2021-01-01'' + i AS ds, CASE WHEN i < 50 THEN 0 ELSE 10 + (i + 1) % 7 END AS y FROM generate_series(0, 119) i', 14);

-- clocks set forth and back: the local day has 24 hours
SET LOCAL timezone = 'Europe/Berlin';
SELECT ok(bool_and(abs(yhat - extract(hour FROM ds)::float8) < 1e-6) AND min(ds) = '2024-04-03', 'hours over a night that lacks one')
FROM ecml_forecast('SELECT t AS ds, extract(hour FROM t)::float8 AS y FROM generate_series(timestamptz ''2024-03-20 00:00'', ''2024-04-02 23:00'', interval ''1 hour'') t', 24);
SELECT ok(bool_and(abs(yhat - extract(hour FROM ds)::float8) < 1e-6) AND min(ds) = '2024-11-03', 'and one that has an hour twice')
FROM ecml_forecast('SELECT t AS ds, extract(hour FROM t)::float8 AS y FROM generate_series(timestamptz ''2024-10-20 00:00'', ''2024-11-02 23:00'', interval ''1 hour'') t', 24);
SELECT is(array_agg(ds::date), ARRAY[date '2024-11-03', date '2024-11-04'], 'days of 25 hours')
FROM ecml_forecast('SELECT t AS ds, 24 AS y FROM generate_series(timestamptz ''2024-10-20 00:00'', ''2024-11-02 00:00'', interval ''1 day'') t', 2) WHERE yhat = 24;
RESET timezone;

-- more rows than memory holds are sorted by the query: the same numbers
CREATE TABLE many AS SELECT 's' || i % 7 AS s, timestamp '2020-01-01' + i / 7 * interval '1 hour' AS ds, (i % 24 + i * 7919 % 13)::float8 AS y,
	timestamptz '2020-01-01' + i / 7 * interval '1 hour' AS tz FROM generate_series(0, 20999) i ORDER BY i * 7919 % 21001;
CREATE TABLE in_memory AS SELECT * FROM ecml_forecast('SELECT s, ds, y FROM many', 3, series => 's', options => '{"method": "ses"}');
SET LOCAL ecml.work_mem = '1MB';
SELECT ok(count(*) = 21 AND bool_and(a.yhat = b.yhat AND a.yhat_lower = b.yhat_lower), 'sorted in memory or by the query: the same bits')
FROM in_memory a JOIN ecml_forecast('SELECT s, ds, y FROM many', 3, series => 's', options => '{"method": "ses"}') b USING (series, step);
RESET ecml.work_mem;

-- regressors are used, or refused
SELECT ok(bool_and(abs(yhat - (i.v + 10 * ((i.v * 7) % 3))) < 0.5), 'auto uses regressors: ' || min(method))
FROM ecml_forecast('SELECT i AS ds, CASE WHEN i <= 60 THEN 10 * (i * 7 % 3) + i + sin(i * i) / 10 END AS y, i * 7 % 3 AS x FROM generate_series(1, 64) i', 4, y => 'y',
	options => '{"regressors": ["x"]}') f, LATERAL (SELECT f.period AS v) i;
SELECT is(array_agg(DISTINCT note), ARRAY['a regressor is missing in the future'], 'one whose future is not known')
FROM ecml_forecast('SELECT i AS ds, CASE WHEN i <= 60 THEN 10 * (i * 7 % 3) + i + sin(i * i) / 10 END AS y, i * 7 % 3 AS x FROM generate_series(1, 63) i', 4, y => 'y',
	options => '{"regressors": ["x"], "method": "arima"}');
SELECT throws_ok(format($$SELECT ecml_forecast('SELECT i AS ds, i AS y, i AS x FROM generate_series(1, 60) i', 4, y => 'y', options => '{"regressors": ["x"], "method": "%s"}')$$, m),
	'22023', format('method "%s" takes no regressors', m), m || ' refuses them') FROM unnest(ARRAY['ets', 'theta', 'mstl', 'croston']) m;
SELECT throws_ok($$SELECT ecml_components('SELECT i AS ds, i AS y, i AS x FROM generate_series(1, 60) i', y => 'y', options => '{"regressors": ["x"], "method": "mstl"}')$$,
	'22023', 'method "mstl" takes no regressors', 'so do its parts');

-- ---- prophet: holidays, regressors, seasons of its own, in a forecast and in a stored model

CREATE TABLE days AS
SELECT d::date AS day, 100 + 10 * (extract(isodow FROM d) = 6)::int + 80 * (to_char(d, 'MMDD') = '1225')::int
	+ 5 * (i % 3 = 0)::int + sin(i * i)::float8 AS qty, (i % 3 = 0)::int AS promo
FROM generate_series(0, 1090) i, LATERAL (SELECT timestamp '2023-01-01' + i * interval '1 day') g (d);
CREATE TABLE holiday AS SELECT 'feast' AS holiday, make_date(y, 12, 25) AS ds FROM generate_series(2023, 2026) y;
CREATE TABLE prophets AS
SELECT o, f.* FROM unnest(ARRAY['{}', '{"holidays": ["christmas"]}', '{"holiday_table": "holiday"}']::jsonb[]) o,
	LATERAL ecml_forecast('SELECT day, qty FROM days WHERE day < date ''2025-12-01''', 30,
		options => o || '{"method": "prophet", "yearly": 0, "n_changepoints": 5}') f;
SELECT ok(yhat < 130, 'without holidays Christmas is a day as others') FROM prophets WHERE o = '{}' AND ds = '2025-12-25';
SELECT ok(abs(yhat - 181) < 6, 'with them it stands out: ' || o::text) FROM prophets WHERE o <> '{}' AND ds = '2025-12-25' ORDER BY o;
SELECT ok(bool_and(abs(yhat - truth) < 2.5), 'a regressor with its future values')
FROM ecml_forecast('SELECT day, CASE WHEN day < date ''2025-11-20'' THEN qty END AS qty, promo FROM days WHERE day < date ''2025-12-20''', 25,
		y => 'qty', options => '{"method": "prophet", "yearly": 0, "regressors": ["promo"]}') f,
	LATERAL (SELECT 100 + 10 * (extract(isodow FROM ds) = 6)::int + 5 * ((ds::date - date '2023-01-01') % 3 = 0)::int) t (truth);
SELECT ok(bool_and(abs(yhat - truth) < 2.5), 'a season of three days')
FROM ecml_forecast('SELECT day, qty FROM days WHERE day < date ''2025-12-01''', 20,
		options => '{"method": "prophet", "yearly": 0, "seasons": {"three": [3, 1]}}') f,
	LATERAL (SELECT 100 + 10 * (extract(isodow FROM ds) = 6)::int + 5 * ((ds::date - date '2023-01-01') % 3 = 0)::int) t (truth);
SELECT is((ecml_train('feasts', 'prophet', 'SELECT day, qty FROM days WHERE day < date ''2025-12-01''', target => 'qty',
	options => '{"ds": "day", "yearly": 0, "n_changepoints": 5, "holidays": ["christmas"]}')).model, 'feasts', 'a stored prophet');
SELECT ok(bool_and(pg_temp.close(f.yhat, p.yhat, 1e-6)), 'forecasts the same with its holidays')
FROM ecml_forecast(model => 'feasts', horizon => 30) f JOIN prophets p USING (step) WHERE p.o = '{"holidays": ["christmas"]}';

-- ---- charts

CREATE TABLE charts AS
SELECT ecml_plot_forecast('sales_by_month', 12, series => 'sku', options => '{"method": "theta", "panels": 3, "title": "a <b>", "level": [80, 95]}') AS svg;
SELECT ok(svg LIKE '<svg %</svg>_' AND svg LIKE '%a &lt;b&gt;%' AND svg LIKE '%>3</text>%' AND svg NOT LIKE '%>4</text>%'
	AND svg LIKE '%and 1 more series%' AND svg LIKE '%>Theta(%' AND svg LIKE '%>2022-01-01</text>%', 'panels of the first series') FROM charts;
SELECT throws_ok($$SELECT ecml_plot_forecast('sales_by_month', NULL)$$, '22004', 'the horizon must be given', 'a chart without horizon');

-- ---- errors

SELECT throws_ok($$SELECT ecml_forecast('odd', 0, 't', 'v', 's')$$, '22023', 'horizon out of range', 'horizon 0');
SELECT throws_ok($$SELECT ecml_forecast('odd', 100001, 't', 'v', 's')$$, '22023', 'horizon out of range', 'horizon too far');
SELECT throws_ok($$SELECT ecml_forecast('odd', 3, 't', 'w', 's')$$, '42704', NULL, 'no such column');
SELECT throws_ok($$SELECT ecml_forecast('sales_by_month', 3)$$, NULL, 'several columns could be the value', 'which column?');
SELECT throws_ok($$SELECT ecml_forecast('odd', 3, 't', 'v', 's', '{"method": "etss"}')$$, '22023', 'unknown forecasting method "etss"',
	'a misspelt method');
SELECT throws_ok($$SELECT ecml_forecast('odd', 3, 't', 'v', 's', '{"methode": "ets"}')$$, '22023',
	'unknown option "methode" for ecml_forecast', 'a misspelt option');
SELECT throws_ok($$SELECT ecml_forecast(NULL, 3)$$, '22004', 'a source or a model must be given', 'no source');

SELECT * FROM finish();
ROLLBACK;
