-- Who may do what: the owner, a role that was granted, a member of the owning role, a stranger.  Sources are read as the
-- caller; models, other than through the functions, cannot be changed by anybody but the superuser.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(98);

-- roles are of the whole cluster: gone with the transaction
CREATE ROLE ecml_test_owner;
CREATE ROLE ecml_test_member IN ROLE ecml_test_owner;
CREATE ROLE ecml_test_granted;
CREATE ROLE ecml_test_heir IN ROLE ecml_test_granted;
CREATE ROLE ecml_test_stranger;
CREATE ROLE ecml_test_noinherit NOINHERIT IN ROLE ecml_test_owner;
-- pgTAP keeps its notes in temporary tables of the superuser: the checks are asked by it, and run as someone else
CREATE FUNCTION pg_temp.as_role(role text, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	BEGIN
		EXECUTE command INTO result;
	EXCEPTION WHEN OTHERS THEN
		RESET ROLE;
		RETURN sqlstate || ' ' || sqlerrm;
	END;
	RESET ROLE;
	RETURN result;
END $$;

CREATE TABLE public.sales AS SELECT i::float8 AS x, 2.0 * i AS y FROM generate_series(1, 50) i;
CREATE TABLE public.secret AS SELECT * FROM public.sales;
GRANT SELECT ON public.sales TO public;
SELECT is(pg_temp.as_role('ecml_test_owner', $$ SELECT (ecml_train('m', 'linreg', 'public.sales', 'y')).version $$),
	'1', 'anybody may train');
SELECT is((SELECT owner::text FROM ecml.models WHERE name = 'm'), 'ecml_test_owner', 'and owns what was trained');
SELECT is(pg_temp.as_role('ecml_test_owner', $$ SELECT ecml_grant('m', 'ecml_test_granted') $$), '', 'the owner grants');

-- ---- using

SELECT is(left(pg_temp.as_role(role, command), length(expected)), expected, format('%s: %s', role, command))
FROM (VALUES ('ecml_test_owner', '20'), ('ecml_test_member', '20'), ('ecml_test_granted', '20'), ('ecml_test_heir',
	'20'), ('ecml_test_stranger', '42501'), ('ecml_test_noinherit', '42501')) r (role, expected),
	(VALUES (1, $$SELECT round(ecml_predict('m', 10::float8)::numeric)$$), (2,
		$$SELECT round(ecml_predict(ecml_load('m'), 10::float8)::numeric)$$),
		(3, $$SELECT round((ecml_predict_interval('m', 0.5, 10::float8)).lower::numeric)$$), (4,
			$$SELECT round(10 * estimate::numeric) FROM ecml_coefficients('m') WHERE term = 'x'$$),
		(5, $$SELECT 20 WHERE ecml_model_info('m') IS NOT NULL$$), (6, $$SELECT 20 WHERE ecml_evaluate('m',
			'public.sales') IS NOT NULL$$)) c (i, command)
ORDER BY role, i;
SELECT is(pg_temp.as_role(role, 'SELECT count(*) FROM ecml.models'), n, role || ' sees in the view what it may use')
FROM (VALUES ('ecml_test_owner', '1'), ('ecml_test_member', '1'), ('ecml_test_granted', '1'), ('ecml_test_heir', '1'),
	('ecml_test_stranger', '0'), ('ecml_test_noinherit', '0')) r (role, n);
SELECT is(pg_temp.as_role('ecml_test_stranger', $$ SELECT ecml_predict('m', 1::float8) $$),
	'42501 permission denied for model "m"', 'a refusal says so');
SELECT is(pg_temp.as_role('ecml_test_stranger', $$ SELECT ecml_predict('n', 1::float8) $$),
	'42704 model "n" does not exist', 'and does not tell names of models that may not be used');
SELECT matches(pg_temp.as_role('ecml_test_stranger', $$ SELECT ecml_predict(ecml_linreg('{}', y, x), 10::float8)
	FROM public.sales $$), '^(20|19\.99999)', 'a value of one''s own needs no permission');

-- ---- changing

SELECT is(left(pg_temp.as_role(role, command), 5), '42501', format('%s may not: %s', role, command))
FROM (VALUES ('ecml_test_granted'), ('ecml_test_stranger')) r (role),
	(VALUES (1, $$SELECT ecml_train('m', 'linreg', 'public.sales', 'y')$$), (2, $$SELECT ecml_retrain('m')$$), (3,
		$$SELECT ecml_drop_model('m')$$), (4, $$SELECT ecml_drop_model('m', 1)$$),
		(5, $$SELECT ecml_rename_model('m', 'mine')$$), (6, $$SELECT ecml_activate('m', 1)$$), (7,
			$$SELECT ecml_grant('m', 'ecml_test_stranger')$$), (8, $$SELECT ecml_revoke('m', 'ecml_test_granted')$$),
		(9, $$SELECT ecml_save('m', ecml_linreg('{}', y, x)) FROM public.sales$$)) c (i, command)
ORDER BY role, i;
SELECT is(pg_temp.as_role('ecml_test_member', $$ SELECT (ecml_train('m', 'linreg', 'public.sales', 'y')).version $$),
	'2', 'a member of the owning role trains the next version');
SELECT is((SELECT array_agg(owner::text) FROM ecml.models WHERE name = 'm'), ARRAY['ecml_test_owner',
	'ecml_test_owner'], 'which belongs to the same owner');
SELECT is(pg_temp.as_role('ecml_test_member', $$ SELECT ecml_drop_model('m', 1) $$), '', 'and drops one');
SELECT is(pg_temp.as_role('ecml_test_owner', $$ SELECT ecml_revoke('m', 'ecml_test_granted') $$), '', 'the owner revokes');
SELECT is(left(pg_temp.as_role('ecml_test_granted', $$ SELECT ecml_predict('m', 1::float8) $$), 5), '42501',
	'which holds at once');
SELECT is(pg_temp.as_role('ecml_test_owner', $$ SELECT ecml_grant('m', 'public') $$), '', 'public is everybody');
SELECT is(pg_temp.as_role('ecml_test_stranger', $$ SELECT round(ecml_predict('m', 10::float8)::numeric) $$), '20',
	'a stranger, too');
SELECT is(pg_temp.as_role('ecml_test_owner', $$ SELECT ecml_revoke('m', 'public') $$), '', 'and back');
SELECT is(left(pg_temp.as_role('ecml_test_stranger', $$ SELECT ecml_predict('m', 1::float8) $$), 5), '42501',
	'again denied');

-- ---- the same expression under another role: what it keeps from call to call is not kept across roles

CREATE FUNCTION public.asks() RETURNS float8 LANGUAGE plpgsql AS $$ DECLARE v float8; BEGIN v := round(ecml_predict('m',
	10::float8)); RETURN v; END $$;
SELECT is(pg_temp.as_role('ecml_test_owner', 'SELECT public.asks()'), '20',
	'an expression in a function predicts for the owner');
SELECT is(left(pg_temp.as_role('ecml_test_stranger', 'SELECT public.asks()'), 5), '42501',
	'but not for a stranger in the same transaction');
CREATE FUNCTION public.for_all(x float8) RETURNS float8 LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog,
	public AS $$ BEGIN RETURN round(public.ecml_predict('m', x)); END $$;
ALTER FUNCTION public.for_all OWNER TO ecml_test_owner;
SELECT is(pg_temp.as_role('ecml_test_stranger', 'SELECT public.for_all(10)'), '20',
	'a function that runs as its owner predicts with the owner''s model');

-- ---- tables of the catalog

SELECT is(left(pg_temp.as_role('ecml_test_owner', command), 5), '42501', 'ordinary users may not: ' || command)
FROM unnest(ARRAY['SELECT count(*) FROM ecml.model', 'INSERT INTO ecml.model_grant VALUES (''m'', 0)',
	'UPDATE ecml.model SET active = false', 'DELETE FROM ecml.model', 'TRUNCATE ecml.model',
	'SELECT nextval(''ecml.model_model_id_seq'')', 'DELETE FROM ecml.model_grant', 'CREATE TABLE ecml.mine (a int)',
		'UPDATE ecml.models SET owner = 10']) command;

-- ---- sources are read as the caller

SELECT is(left(pg_temp.as_role('ecml_test_owner', $$ SELECT ecml_train('s', 'linreg', 'public.secret', 'y') $$), 5),
	'42501', 'a table that may not be read cannot be learnt from');
SELECT is(left(pg_temp.as_role('ecml_test_owner', $$ SELECT ecml_evaluate('m', 'public.secret') $$), 5), '42501',
	'or evaluated on');
SELECT is(left(pg_temp.as_role('ecml_test_owner', $$ SELECT ecml_cross_validate('linreg', 'public.secret', 'y') $$), 5),
	'42501', 'or validated on');
SELECT is(left(pg_temp.as_role('ecml_test_owner', $$ SELECT count(*) FROM ecml_kmeans_scan('public.secret', k_max
	=> 3) $$), 5), '42501', 'or scanned');
SELECT is(left(pg_temp.as_role('ecml_test_owner', $$ SELECT count(*)
	FROM ecml_rfm('SELECT x AS customer, now() AS time, y AS amount FROM public.secret') $$), 5), '42501', 'or segmented');
GRANT SELECT (x) ON public.secret TO ecml_test_owner;
SELECT is(pg_temp.as_role('ecml_test_owner', $$ SELECT (ecml_train('s', 'kmeans', 'SELECT x FROM public.secret', NULL,
	NULL, '{"k": 2}')).rows $$), '50', 'a column that may be read can');
-- row security
CREATE TABLE public.rows AS SELECT i::float8 AS x, CASE WHEN i <= 20 THEN 3.0 * i ELSE -5.0 * i END AS y, CASE WHEN i
	<= 20 THEN 'ecml_test_owner' ELSE 'ecml_test_granted' END AS who FROM generate_series(1, 60) i;
GRANT SELECT ON public.rows TO public;
ALTER TABLE public.rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.rows USING (who = current_user);
SELECT is(pg_temp.as_role(role, format($$ SELECT (ecml_train(%L, 'linreg', 'SELECT x, y FROM public.rows',
	'y')).rows $$, role)), rows, role || ' learns from its own rows')
FROM (VALUES ('ecml_test_owner', '20'), ('ecml_test_granted', '40')) r (role, rows);
SELECT is(pg_temp.as_role('ecml_test_owner', $$ SELECT round(ecml_predict('ecml_test_owner', 1::float8)) $$) || ' '
	|| pg_temp.as_role('ecml_test_granted', $$ SELECT round(ecml_predict('ecml_test_granted', 1::float8)) $$),
	'3 -5', 'and from nothing else');
SELECT is(left(pg_temp.as_role('ecml_test_stranger', $$ SELECT ecml_train('none', 'linreg',
	'SELECT x, y FROM public.rows', 'y') $$), 5), '22000', 'who sees no rows has none to learn from');
-- a view reads as its owner, as views do
CREATE VIEW public.window_to AS SELECT * FROM public.secret;
GRANT SELECT ON public.window_to TO ecml_test_stranger;
SELECT is(pg_temp.as_role('ecml_test_stranger', $$ SELECT (ecml_train('v', 'linreg', 'public.window_to', 'y')).rows $$),
	'50', 'a view reads as its owner');

SELECT * FROM finish();
ROLLBACK;
