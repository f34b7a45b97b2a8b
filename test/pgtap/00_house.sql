-- The rules of the house that only a server can check: what each function of the extension says about itself.
-- A file here runs in a fresh database that has the extensions ecml and pgtap; the psql variable data names the folder of real
-- data, and is not set where there is none.
BEGIN;
SELECT plan(7);

CREATE TEMP VIEW functions AS
SELECT p.*, p.oid::regprocedure::text AS signature, obj_description(p.oid, 'pg_proc') AS comment
FROM pg_proc p
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'ecml';

SELECT isnt_empty('SELECT 1 FROM functions', 'the extension has functions');
SELECT is_empty($$ SELECT signature FROM functions WHERE comment IS NULL $$, 'every function has a comment');
SELECT is_empty($$ SELECT signature, left(comment, 60) FROM functions WHERE comment !~ '^[^a-z].*[.]$' $$,
	'every comment is made of sentences');
SELECT is_empty($$ SELECT signature FROM functions WHERE proname !~ '^ecml_' AND pronamespace <> 'ecml'::regnamespace $$,
	'every function outside the schema ecml has a name that begins with ecml_');
SELECT is_empty($$ SELECT signature FROM functions
		WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'sql') AND prosqlbody IS NULL $$,
	'functions in SQL have a body that the parser has bound to its objects');
SELECT is_empty($$ SELECT signature FROM functions WHERE prosecdef AND proconfig IS NULL $$,
	'no function runs as its owner under the caller''s search path');
SELECT is_empty($$ SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace, pg_extension e
		WHERE nspname = 'ecml' AND extname = 'ecml' AND relkind IN ('r', 'S') AND c.oid <> ALL (coalesce(extconfig, '{}')) $$,
	'pg_dump keeps the rows of every table');

SELECT * FROM finish();
ROLLBACK;
