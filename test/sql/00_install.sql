-- The extension installs; every other file here finds it in the same database.
CREATE EXTENSION ecml;
SELECT e.extversion = a.default_version AS default_version, n.nspname AS schema
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace JOIN pg_available_extensions a ON a.name = e.extname
WHERE e.extname = 'ecml';
-- Loading the library changes nothing for the rest of the backend: denormal numbers are still numbers.
LOAD 'ecml';
SELECT 4.9e-324::float8 > 0 AS denormals_kept;
-- How a statement fails, as four lines that no version or place in a file changes; the other files here use it.
CREATE FUNCTION failure(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE command;
	RETURN 'it does not fail';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN format(E'%s %s\n  %s\n  %s', sqlstate, message, coalesce(nullif(detail, ''), '(no detail)'), coalesce(nullif(hint, ''), '(no hint)'));
END $$;
