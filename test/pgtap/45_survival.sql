-- Kaplan-Meier, log-rank, proportional hazards and customer value in SQL: against plain SQL, published figures, bad input.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(53);

CREATE TABLE tenure AS SELECT i, ceil(40 * abs(sin(i)) + i % 3)::int AS months, i % 3 = 0 AS churned,
	(ARRAY['a', 'b', 'c'])[i % 3 + 1] AS plan, i % 7 + cos(i) AS spend, i % 2 = 0 AS letter FROM generate_series(1, 600) AS i;

-- ---- Kaplan-Meier

CREATE TABLE curve AS SELECT (k).* FROM (SELECT unnest(ecml_kaplan_meier(months, churned)) AS k FROM tenure) s;
SELECT is_empty($$ SELECT * FROM (SELECT time, at_risk, events, censored FROM curve) c
	FULL JOIN (SELECT months::float8 AS time, sum(count(*)) OVER (ORDER BY months DESC)::bigint AS at_risk,
		count(*) FILTER (WHERE churned) AS events, count(*) FILTER (WHERE NOT churned) AS censored FROM tenure GROUP BY months) e
	USING (time) WHERE (c.at_risk, c.events, c.censored) IS DISTINCT FROM (e.at_risk, e.events, e.censored) $$,
	'at risk, events and censored rows are what SQL counts');
SELECT is_empty($$ SELECT * FROM (SELECT survival, std_error, exp(sum(ln(1 - events::float8 / at_risk)) OVER w) AS s,
		sqrt(sum(events::float8 / (at_risk::float8 * (at_risk - events))) OVER w) AS g
	FROM curve WHERE at_risk > events WINDOW w AS (ORDER BY time)) c
	WHERE NOT pg_temp.close(survival, s, 1e-9) OR NOT pg_temp.close(std_error, s * g, 1e-9) $$,
	'survival is the product, its error Greenwood''s');
SELECT ok((SELECT bool_and(conf_low <= survival AND survival <= conf_high) FROM curve), 'the interval holds the survival');
SELECT ok((SELECT bool_and(n.conf_low >= c.conf_low AND n.conf_high <= c.conf_high) FROM curve c JOIN (SELECT (k).* FROM
	(SELECT unnest(ecml_kaplan_meier(months, churned, 0.5)) AS k FROM tenure) s) n USING (time)), 'a lower level, a narrower one');
SELECT is((SELECT ecml_kaplan_meier(months, churned::int) FROM tenure), (SELECT ecml_kaplan_meier(months, churned) FROM tenure),
	'events may be 0 and 1');
SELECT is((SELECT ecml_median_survival(months, churned) FROM tenure), (SELECT min(time) FROM curve WHERE survival <= 0.5),
	'the median is where the curve comes to a half');
SELECT is((SELECT ecml_kaplan_meier(NULL::float8, true)), NULL, 'NULL without rows');
SELECT is((SELECT ecml_kaplan_meier(m, e) FROM (VALUES (1.0::float8, true), (NULL, true), (2, NULL)) v (m, e)),
	(SELECT ecml_kaplan_meier(1, true)), 'rows with NULL are left out');
SELECT is((SELECT ecml_median_survival(months, false) FROM tenure), NULL, 'all censored: no median');
SELECT is((SELECT (k[1]).survival FROM (SELECT ecml_kaplan_meier(5, true) AS k FROM tenure) s), 0::float8, 'all events at once');
SELECT throws_ok($$ SELECT ecml_kaplan_meier(-1, true) $$, '22000', 'a duration is negative', 'a negative duration');
SELECT throws_ok($$ SELECT ecml_kaplan_meier('NaN', true) $$, '22000', 'a duration is not finite', 'NaN');
SELECT throws_ok($$ SELECT ecml_kaplan_meier(1, 2) $$, '22000', 'an event is neither 0 nor 1', 'an event of 2');
SELECT throws_ok($$ SELECT ecml_kaplan_meier(1, true, 1.5) $$, '22023', 'invalid level of confidence', 'a level of 1.5');
CREATE TABLE big AS SELECT t.* FROM tenure t, generate_series(1, 300);
ANALYZE big;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
CREATE TABLE parallel AS SELECT ecml_kaplan_meier(months, churned) AS k, ecml_logrank(months, churned, plan) AS l FROM big;
SET LOCAL max_parallel_workers_per_gather = 0;
SELECT is((SELECT (k, l)::text FROM parallel), (SELECT (ecml_kaplan_meier(months, churned), ecml_logrank(months, churned, plan))::text
	FROM big), 'parallel workers give the same');
SELECT is((SELECT array_agg(m ORDER BY plan) FROM (SELECT plan, ecml_median_survival(months, churned) AS m FROM tenure GROUP BY plan) s),
	(SELECT array_agg((SELECT ecml_median_survival(months, churned) FROM tenure WHERE plan = p) ORDER BY p)
		FROM unnest(ARRAY['a', 'b', 'c']) p), 'by group');
SELECT is((SELECT (l).groups FROM (SELECT ecml_logrank(months, churned, plan) AS l FROM tenure) s), ARRAY['a', 'b', 'c'],
	'groups of the log-rank test in the order of their names');
SELECT ok((SELECT pg_temp.close((SELECT sum(e) FROM unnest((l).expected) e), (SELECT sum(o)::float8 FROM unnest((l).observed) o), 1e-9)
	FROM (SELECT ecml_logrank(months, churned, letter) AS l FROM tenure) s), 'as many events expected as observed');
SELECT is((SELECT (l).p_value IS NULL AND (l).df = 0 FROM (SELECT ecml_logrank(months, churned, 'one'::text) AS l FROM tenure) s),
	true, 'one group: no test');

-- ---- cox

CREATE TABLE trained AS SELECT * FROM ecml_train('c', 'cox', 'tenure', 'months', ARRAY['spend', 'letter'], '{"event": "churned"}');
SELECT is((SELECT (rows, (metrics->>'events')::int, (metrics->>'converged')::boolean) FROM trained), (600::bigint, 200, true), 'cox learns');
SELECT is((SELECT array_agg(term) FROM ecml_coefficients('c')), ARRAY['spend', 'letter'], 'a coefficient a term, none for a constant');
SELECT is_empty($$ SELECT * FROM ecml_coefficients('c') WHERE NOT pg_temp.close(odds_ratio, exp(estimate)) $$, 'hazard ratios');
SELECT is((SELECT count(*) FROM ecml_coefficients('c') a JOIN ecml_coefficients((SELECT ecml_cox('{}', months, churned, spend, letter)
	FROM tenure)) b ON a.estimate = b.estimate AND a.std_error = b.std_error), 2::bigint, 'the aggregate gives the same');
SELECT is((ecml_evaluate('c', 'tenure')->>'concordance'), (SELECT metrics->>'concordance' FROM trained), 'evaluated on its rows');
SELECT ok((SELECT bool_and(pg_temp.close(ln(ecml_survival('c', 20, spend, letter)) / ln(ecml_survival('c', 20, avg_spend, avg_letter)),
	ecml_predict('c', spend, letter), 1e-9)) FROM tenure, (SELECT avg(spend) AS avg_spend, avg(letter::int) AS avg_letter
	FROM tenure) a WHERE i < 20), 'ecml_predict is the hazard relative to the average row''s');
SELECT is((SELECT ecml_survival('c', ARRAY[0, 10, NULL, 1000]::float8[], 1, true)), ARRAY[ecml_survival('c', 0, 1, true),
	ecml_survival('c', 10, 1, true), NULL, ecml_survival('c', 1e6, 1, true)], 'survival at several times');
SELECT is(ecml_survival('c', 10, NULL::float8, true), NULL, 'NULL for a NULL feature');
SELECT is(ecml_survival('c', NULL::float8, 1, true), NULL, 'NULL for a NULL duration');
SELECT is((SELECT (metrics->>'strata')::int FROM ecml_train('s', 'cox', 'SELECT months, i % 4 = 0 AS churned, spend, plan FROM tenure',
	'months', NULL, '{"event": "churned", "strata": "plan"}')), 3, 'strata have baselines');
SELECT is((SELECT array_agg(term) FROM ecml_coefficients('s')), ARRAY['spend'], 'and no coefficient');
SELECT throws_ok($$ SELECT ecml_train('s', 'cox', 'tenure', 'months', ARRAY['spend'], '{"event": "churned", "strata": "spand"}') $$,
	'42704', 'strata column "spand" is not among the features', 'an unknown stratum');
SELECT throws_ok($$ SELECT ecml_train('n', 'cox', 'SELECT months, false AS churned, spend FROM tenure', 'months', NULL,
	'{"event": "churned"}') $$, '22000', 'there is no event to learn from', 'no events');
SELECT throws_ok($$ SELECT ecml_train('n', 'cox', 'SELECT -months AS months, churned, spend FROM tenure', 'months', NULL,
	'{"event": "churned"}') $$, '22000', NULL, 'negative durations');
SELECT throws_ok($$ SELECT ecml_train('n', 'cox', 'SELECT months, churned, spend FROM tenure LIMIT 0', 'months', NULL,
	'{"event": "churned"}') $$, '22000', NULL, 'no rows');
SELECT throws_ok($$ SELECT ecml_train('n', 'cox', 'tenure', 'months', ARRAY['spend'], '{"event": "churned", "ties": "exact"}') $$,
	'22023', NULL, 'unknown ties');
SELECT throws_ok($$ SELECT ecml_train('n', 'cox', 'tenure', 'months', ARRAY['spend'], '{"event": "churned", "alpha": -1}') $$,
	'22023', NULL, 'a negative penalty');
SELECT throws_ok($$ SELECT ecml_survival((SELECT ecml_linreg('{}', months, spend) FROM tenure), 5, 1.0) $$, '22023',
	'ecml_survival needs a survival model', 'a model of another kind');
SELECT is((SELECT metrics->'aliased' FROM ecml_train('a', 'cox', 'SELECT months, churned, spend, 2 * spend AS twice, 7 AS seven FROM tenure',
	'months', NULL, '{"event": "churned"}')), '["twice", "seven"]', 'dependent columns are left out');
SELECT is((SELECT metrics->'diverging' FROM ecml_train('d', 'cox',
	'SELECT i AS t, i <= 20 AS e, (i <= 20)::int AS early, i % 7 AS x FROM generate_series(1, 40) i', 't', NULL, '{"event": "e"}')),
	'["early"]', 'a column that separates the events is named');
SELECT ok(jsonb_typeof(ecml_cross_validate('cox', 'tenure', 'months', ARRAY['spend'], '{"event": "churned"}')->'concordance') = 'object',
	'cross validation has the concordance');

-- ---- customer value

CREATE TABLE buys AS SELECT 'c' || c AS customer, date '2025-01-01' + (c % 90 + 1 + k * (7 + c % 23)) AS at, 10 + (c * k * 7919) % 40 AS amount
	FROM generate_series(1, 300) c, generate_series(0, 8) k WHERE k <= c * 31 % 9;
CREATE TABLE v AS SELECT * FROM ecml_clv('buys');
SELECT is((SELECT count(*) FROM v), 300::bigint, 'a row a customer');
SELECT is_empty($$ SELECT * FROM v JOIN (SELECT customer, count(DISTINCT at) - 1 AS f, (max(at) - min(at)) / 7.0::float8 AS r,
	((SELECT max(at) FROM buys) - min(at)) / 7.0::float8 AS t FROM buys GROUP BY 1) e USING (customer)
	WHERE (frequency, recency, age) IS DISTINCT FROM (f, r, t) $$, 'frequency, recency and age are what SQL says');
SELECT is_empty($$ SELECT * FROM v JOIN (SELECT customer, avg(amount)::float8 AS m FROM buys b
	WHERE at > (SELECT min(at) FROM buys WHERE customer = b.customer) GROUP BY 1) e USING (customer) WHERE NOT pg_temp.close(monetary, m) $$,
	'the value is the mean of the purchases after the first');
SELECT ok((SELECT bool_and(alive_probability BETWEEN 0 AND 1 AND expected_purchases >= 0 AND expected_value >= 0) FROM v), 'in range');
SELECT ok((SELECT bool_and(a.expected_purchases < b.expected_purchases AND a.expected_value < b.expected_value)
	FROM ecml_clv('buys', '{"horizon": 4}') a JOIN v b USING (customer)), 'a year brings more than a month');
SELECT ok((SELECT bool_and(a.expected_value < b.expected_value AND a.expected_purchases = b.expected_purchases)
	FROM ecml_clv('buys', '{"discount_rate": 0.1}') a JOIN v b USING (customer)), 'discounted, it is worth less');
SELECT throws_ok($$ SELECT * FROM ecml_clv('SELECT * FROM buys LIMIT 0') $$, '22000', 'there are no purchases', 'no rows');
SELECT throws_ok($$ SELECT * FROM ecml_clv('SELECT DISTINCT ON (customer) * FROM buys') $$, '22000',
	'no customer came back, so there is nothing to learn from', 'nobody came back');
SELECT throws_ok($$ SELECT * FROM ecml_clv('SELECT amount, at FROM buys') $$, '42704',
	'the source has no column that is known as the customer', 'no customer');
SELECT throws_ok($$ SELECT * FROM ecml_clv('buys', '{"unit": "year"}') $$, '22023', NULL, 'an unknown unit');

\if :{?data}
CREATE TABLE cdnow (customer_id text, date date, units int, spend numeric);
\set load '\\copy cdnow FROM PROGRAM ''gzip -dc ' :data '/transactions/cdnow_sample.csv.gz'' WITH (FORMAT csv, HEADER)'
:load
CREATE TABLE bg AS SELECT ecml_clv_model('cdnow', '{"as_of": "1997-09-30"}') AS m;
SELECT ok((SELECT abs((m->>'r')::float8 - 0.243) < 5e-4 AND abs((m->>'alpha')::float8 - 4.414) < 5e-4
	AND abs((m->>'a')::float8 - 0.793) < 5e-4 AND abs((m->>'b')::float8 - 2.426) < 5e-4
	AND abs((m->>'log_likelihood')::float8 + 9582.4) < 0.05 AND (m->>'customers')::int = 2357 FROM bg),
	'CDNOW: the published BG/NBD');
SELECT ok((SELECT abs((m->>'r')::float8 - 0.553) < 5e-4 AND abs((m->>'alpha')::float8 - 10.578) < 5e-3
	AND abs((m->>'s')::float8 - 0.606) < 1e-3 AND abs((m->>'beta')::float8 - 11.669) < 0.02
	AND abs((m->>'log_likelihood')::float8 + 9595.0) < 0.05 FROM ecml_clv_model('cdnow', '{"as_of": "1997-09-30", "model": "pareto_nbd"}') m),
	'CDNOW: the published Pareto/NBD');
SELECT ok((SELECT abs((m->'gamma_gamma'->>'p')::float8 - 6.25) < 5e-3 AND abs((m->'gamma_gamma'->>'q')::float8 - 3.74) < 5e-3
	AND abs((m->'gamma_gamma'->>'gamma')::float8 - 15.44) < 5e-3 FROM bg), 'CDNOW: the published gamma-gamma');
\else
SELECT skip('no folder of real data', 3);
\endif

SELECT * FROM finish();
ROLLBACK;
