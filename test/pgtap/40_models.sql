-- A model's life: versions, activating, renaming, dropping, retraining, saving and loading, as text and as bytes; the view; info.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(62);

CREATE TABLE sales AS SELECT i::float8 AS price, (i * 31 % 17)::float8 AS stock, 'k' || i % 3 AS kind,
	10 - 2 * i + 3 * (i * 31 % 17) AS sold FROM generate_series(1, 100) i;
CREATE FUNCTION pg_temp.slope(model text) RETURNS numeric LANGUAGE sql AS $$ SELECT round(estimate::numeric, 6)
	FROM ecml_coefficients(model) WHERE term = 'price' $$;

-- ---- versions

SELECT row_eq($$ SELECT model, version, algorithm, rows, skipped, seconds >= 0, (metrics ->> 'r2')::float8 > 0.999
	FROM ecml_train('m', 'linreg', 'sales', 'sold') $$,
	ROW('m'::text, 1, 'linreg'::text, 100::bigint, 0::bigint, true, true), 'training tells what it did');
SELECT is((ecml_train('m', 'linreg', 'SELECT price, 3 * price AS sold FROM sales', 'sold')).version, 2,
	'the same name again is the next version');
SELECT is(pg_temp.slope('m'), 3.000000, 'which predicts at once');
SELECT is((SELECT array_agg((version, active) ORDER BY version)::text FROM ecml.models WHERE name = 'm'),
	'{"(1,f)","(2,t)"}', 'one version is active');
SELECT lives_ok($$ SELECT ecml_activate('m', 1) $$, 'activate the first');
SELECT is(pg_temp.slope('m'), -2.000000, 'it predicts again');
SELECT is((SELECT array_agg((version, active) ORDER BY version)::text FROM ecml.models WHERE name = 'm'),
	'{"(1,t)","(2,f)"}', 'and is the only one');
SELECT lives_ok($$ SELECT ecml_activate('m', 1) $$, 'activating what is active changes nothing');
SELECT is((ecml_model_info('m') ->> 'version')::int, 1, 'info tells the version');
SELECT is((ecml_train('m', 'kmeans', 'sales', NULL, '{price,stock}', '{"k": 2}')).version, 3,
	'a version may be of another algorithm');
SELECT is((SELECT algorithm || ' ' || task FROM ecml.models WHERE name = 'm' AND active), 'kmeans clustering',
	'which is active now');
SELECT lives_ok($$ SELECT ecml_drop_model('m', 3) $$, 'drop the active version');
SELECT is((SELECT array_agg((version, active) ORDER BY version)::text FROM ecml.models WHERE name = 'm'),
	'{"(1,f)","(2,t)"}', 'the newest that is left serves');
SELECT lives_ok($$ SELECT ecml_drop_model('m', 1) $$, 'drop another version');
SELECT is(pg_temp.slope('m'), 3.000000, 'the active one stays');
SELECT is((ecml_train('m', 'linreg', 'sales', 'sold')).version, 3, 'numbers go on from the highest that is left');
SELECT lives_ok($$ SELECT ecml_drop_model('m', 2), ecml_drop_model('m', 3) $$, 'drop one by one');
SELECT throws_ok($$ SELECT ecml_predict('m', 1, 2, 'k') $$, '42704', 'model "m" does not exist',
	'without versions there is no model');

-- ---- retraining

SELECT (ecml_train('r', 'linreg', 'SELECT * FROM sales WHERE price <= 50', 'sold', '{kind,price}',
	'{"alpha": 0.5, "missing": "impute", "seed": 7}')).version;
CREATE TABLE before AS SELECT ecml_load('r') AS body, pg_temp.slope('r') AS slope;
SELECT is((SELECT (model, version, algorithm, rows)::text FROM ecml_retrain('r')), '(r,2,linreg,50)',
	'retrain makes the next version');
SELECT is(ecml_load('r')::text, (SELECT body::text FROM before), 'from the same rows the same model, bit by bit');
INSERT INTO sales SELECT 20, 1, 'k9', 500 FROM generate_series(1, 5);
SELECT is((ecml_retrain('r')).rows, 55::bigint, 'it reads the source anew');
SELECT isnt(pg_temp.slope('r'), (SELECT slope FROM before), 'and learns from new rows');
SELECT is((SELECT array_agg(DISTINCT (m.options, m.seed, m.source, m.target)::text) FROM ecml.models m WHERE name = 'r'),
	ARRAY[(SELECT (m.options, m.seed, m.source, m.target)::text FROM ecml.models m WHERE name = 'r' AND version = 1)],
		'with the same source, target, options and seed');
SELECT is((SELECT m.options FROM ecml.models m WHERE name = 'r' AND version = 3),
	'{"alpha": 0.5, "missing": "impute", "seed": 7}'::jsonb, 'options as they were given');
SELECT is((SELECT array_agg(f ->> 'name') FROM ecml.models, jsonb_array_elements(features) f WHERE name = 'r'
	AND version = 3), ARRAY['kind', 'price'], 'features in their order');
SELECT (ecml_train('arrays', 'linreg', 'SELECT ARRAY[price, stock] AS v, stock * stock AS q, sold FROM sales', 'sold',
	'{q,v}')).version;
SELECT is((ecml_retrain('arrays')).version, 2, 'arrays are retrained');
SELECT is((SELECT array_agg(term) FROM ecml_coefficients('arrays')), ARRAY['(intercept)', 'q', 'v[1]', 'v[2]'],
	'and keep their place');

-- ---- renaming

SELECT lives_ok($$ SELECT ecml_grant('r', 'public'), ecml_rename_model('r', 's') $$, 'rename');
SELECT is((SELECT count(*) FROM ecml.models WHERE name = 's'), 3::bigint, 'all versions go along');
SELECT is((SELECT array_agg(name || role) FROM ecml.model_grant), ARRAY['s-'], 'and the grants');
SELECT throws_ok($$ SELECT ecml_coefficients('r') $$, '42704', NULL, 'the name before is free');
SELECT is((ecml_train('r', 'linreg', 'sales', 'sold', '{price}')).version, 1, 'for a new model');
SELECT throws_ok($$ SELECT ecml_rename_model('r', 's') $$, '42710', 'model "s" already exists',
	'a name that is taken stays with its model');
SELECT lives_ok($$ SELECT ecml_drop_model('s') $$, 'drop all versions');
SELECT is((SELECT count(*) FROM ecml.model_grant), 0::bigint, 'and the grants');

-- ---- a model as a value

CREATE TABLE kept (name text, body ecml_model);
INSERT INTO kept SELECT 'linreg', ecml_linreg('{"missing": "impute"}', sold, price, stock, kind) FROM sales
	UNION ALL SELECT 'kmeans', ecml_kmeans('{"k": 3}', price, stock, kind) FROM sales;
SELECT is(ecml_save('saved_' || name, body), 1, name || ' is saved') FROM kept ORDER BY name;
SELECT is((SELECT count(*) FROM kept WHERE ecml_load('saved_' || name)::text = body::text), 2::bigint,
	'and loaded as it was');
SELECT is((SELECT count(*) FROM kept, sales WHERE ecml_predict('saved_' || name, price, stock, kind)
	= ecml_predict(body, price, stock, kind)
	AND ecml_predict(body::text::ecml_model, price, stock, kind) = ecml_predict(body, price, stock, kind)), 210::bigint,
		'by name, by value and by way of text it predicts the same');
SELECT is((SELECT count(*) FROM kept WHERE body::text::ecml_model::text = body::text), 2::bigint, 'text is what it was');
SELECT is((SELECT (source, target, algorithm, rows, active)::text FROM ecml.models WHERE name = 'saved_linreg'),
	'(,y,linreg,105,t)', 'a saved model has no source');
SELECT throws_ok($$ SELECT ecml_retrain('saved_linreg') $$, '55000',
	'model "saved_linreg" was not trained from a source', 'so that it cannot be trained again');
SELECT is(ecml_save('saved_kmeans', body), 2, 'saving again makes the next version') FROM kept WHERE name = 'linreg';
SELECT is((SELECT count(*) FROM kept k, sales WHERE ecml_predict('saved_kmeans', price, stock, kind)
	= ecml_predict(body, price, stock, kind) AND k.name = 'linreg'), 105::bigint, 'of any algorithm');
SELECT is((SELECT count(DISTINCT pg_column_size(body)) FROM kept WHERE pg_column_size(body) < 4000), 2::bigint,
	'small models are small');
-- through the binary protocol
\set file `mktemp /tmp/ecml_models.XXXXXX`
\set copy_out '\\copy kept TO ' :'file' ' WITH (FORMAT binary)'
\set copy_in '\\copy restored FROM ' :'file' ' WITH (FORMAT binary)'
:copy_out
CREATE TABLE restored (LIKE kept);
:copy_in
\setenv FILE :file
\! rm -f "$FILE"
SELECT is((SELECT count(*) FROM kept JOIN restored USING (name) WHERE kept.body::text = restored.body::text), 2::bigint,
	'COPY in binary brings the same bytes back');
-- bytes that were changed
CREATE FUNCTION pg_temp.code(model text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM model::ecml_model;
	RETURN '00000';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate;
END $$;
SELECT is((SELECT array_agg(DISTINCT pg_temp.code(overlay(t PLACING to_hex(15 - ('x' || substr(t, k, 1))::bit(4)::int)
	FROM k FOR 1))) FROM (SELECT body::text AS t FROM kept) s, generate_series(1, length(t), 5) k),
	-- of the version's digits it may be that the model is of a later format
	ARRAY['0A000', 'XX001'], 'any changed digit is found');

-- ---- what is known of a model

SELECT is(ecml_model_info('saved_linreg') - 'metrics' - 'options', jsonb_build_object('name', 'saved_linreg', 'version',
	1, 'algorithm', 'linreg', 'task', 'regression', 'target', 'y', 'rows', 105,
	'skipped', 0, 'seed', 0, 'features',
		'[{"name": "x1", "kind": "number"}, {"name": "x2", "kind": "number"}, {"name": "x3", "kind": "category", "categories": ["k0", "k1", "k2", "k9"]}]'::jsonb), 'info by name');
SELECT is(ecml_model_info(body) - 'metrics' - 'options',
	ecml_model_info('saved_linreg') - 'metrics' - 'options' - 'name' - 'version', 'info of a value has no name')
	FROM kept WHERE name = 'linreg';
SELECT ok(ecml_model_info('saved_linreg') -> 'options' @>
	'{"alpha": 0, "level": 0.95, "intercept": true, "missing": "impute"}', 'options with their defaults');
SELECT ok(ecml_model_info('saved_linreg') -> 'metrics' ?& ARRAY['r2', 'adj_r2', 'sigma', 'f_statistic', 'aic', 'bic',
	'df', 'rank'], 'metrics of a regression');
SELECT row_eq($$ SELECT task, owner = current_user::regrole, target, rows, skipped, active, bytes > 100, created_at
	> now() - interval '1 hour', seconds >= 0, metrics ? 'r2' FROM ecml.models WHERE name = 'arrays' AND version = 2 $$,
	ROW('regression'::text, true, 'sold'::text, 105::bigint, 0::bigint, true, true, true, true, true),
		'the view shows all but the body');
SELECT hasnt_column('ecml', 'models', 'body', 'indeed');

-- ---- NULL

SELECT is(ecml_predict(NULL, 1, 2), NULL, 'a model that is NULL predicts nothing');
SELECT is(ecml_predict(NULL::ecml_model, 1, 2), NULL, 'as a value, too');
SELECT is(ecml_classify(NULL::text, 1, 2), NULL, 'nor does it classify');
SELECT is(ecml_model_info(NULL::text), NULL, 'or tell');
SELECT is_empty($$ SELECT ecml_coefficients(NULL::text) $$, 'or have coefficients');
SELECT is(ecml_evaluate(NULL::text, 'sales'), NULL, 'or an evaluation');
SELECT is(ecml_predict_interval('saved_linreg', NULL, 1, 2, 'k'), NULL, 'a level that is NULL gives no interval');
SELECT is((SELECT count(ecml_predict(name, price, stock, kind)) FROM sales, (VALUES ('saved_linreg'), (NULL),
	('saved_kmeans')) m (name)), 210::bigint, 'models that change from row to row');
SELECT is((SELECT count(ecml_predict(body, price, stock, kind)) FROM sales, (SELECT body FROM kept
	UNION ALL SELECT NULL) m), 210::bigint, 'as values, too');

SELECT * FROM finish();
ROLLBACK;
