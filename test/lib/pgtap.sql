-- What the pgTAP files share: comparing numbers with a tolerance, well-formed XML.  To be included after BEGIN.

-- Do two numbers agree to a relative tolerance?  Never when one is NULL, unless both are.
CREATE FUNCTION pg_temp.close(a float8, b float8, tolerance float8 DEFAULT 1e-9) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN a IS NULL OR b IS NULL THEN a IS NULL AND b IS NULL
		WHEN a = b THEN true
		ELSE abs(a - b) <= tolerance * greatest(abs(a), abs(b)) END $$;

-- Correct digits of a number against the certified one, 15 at most (NIST's log relative error).
CREATE FUNCTION pg_temp.lre(certified float8, number float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN number IS NULL THEN 0
		WHEN number = certified THEN 15
		WHEN certified = 0 THEN least(15, -log(abs(number)))
		ELSE least(15, -log(abs((number - certified) / certified))) END $$;

-- Where the coefficients of two linear models differ by more than the tolerance; terms are told apart by their place.
CREATE FUNCTION pg_temp.different(a ecml_model, b ecml_model,
	tolerance float8 DEFAULT 1e-9) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', i, x.term, y.term, x.estimate, y.estimate, x.std_error, y.std_error)
	FROM ecml_coefficients(a) WITH ORDINALITY AS x (term, estimate, std_error, statistic, p_value, conf_low,
		conf_high, odds_ratio, class, i)
	FULL JOIN ecml_coefficients(b) WITH ORDINALITY AS y (term, estimate, std_error, statistic, p_value, conf_low,
		conf_high, odds_ratio, class, i) USING (i)
	WHERE x.term IS NULL OR y.term IS NULL OR NOT pg_temp.close(x.estimate, y.estimate, tolerance)
		OR NOT pg_temp.close(x.std_error, y.std_error, tolerance) OR NOT pg_temp.close(x.p_value, y.p_value,
			tolerance * 1000)
		OR NOT pg_temp.close(x.conf_low, y.conf_low, tolerance * 1000) $$;

-- A test that a text is well-formed XML, or none where the server was built without libxml.
CREATE FUNCTION pg_temp.ok_xml(document text, what text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT ok(xml_is_well_formed_document(document), what);
EXCEPTION WHEN feature_not_supported THEN
	RETURN NEXT skip('this server was built without libxml', 1);
END $$;
