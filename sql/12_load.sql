-- ---- loading: CSV

CREATE FUNCTION ecml_load_csv(path_or_text text, destination text, options jsonb DEFAULT '{}', OUT table_name text,
	OUT rows_loaded bigint, OUT rows_rejected bigint, OUT lines bigint, OUT columns jsonb, OUT format jsonb, OUT rejects jsonb)
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION ecml_load_csv(text, text, jsonb) IS
'Loads a CSV (a file on the server by its absolute path, also gzip; or the text itself, if it has a line''s end) into a new table, whose column types it finds by looking at every value. Lines that cannot be loaded are rejected, with number, reason and text: the first 1000 in rejects, all of them in the table that the option rejects names. Options: delimiter, quote, escape, encoding, header, trim, fill, skip, columns, clean_names, nulls, types, decimals, decimal, thousands, currency, dayfirst, sample_rows, append, temporary, unlogged, rejects, max_record (bytes). Errors: insufficient_privilege (no member of pg_read_server_files), undefined_file, duplicate_table, data_exception (no CSV, nothing in it), invalid_parameter_value (options), program_limit_exceeded (a line of more than max_record bytes), object_in_use (the file changed meanwhile).';
