-- ---- forecast: the parts of a series

CREATE FUNCTION ecml_components(source text, ds text DEFAULT NULL, y text DEFAULT NULL, series text DEFAULT NULL,
	options jsonb DEFAULT '{}',
	OUT series text, OUT ds timestamp, OUT period bigint, OUT y float8, OUT yhat float8, OUT trend float8, OUT season float8,
	OUT yearly float8, OUT weekly float8, OUT holidays float8, OUT remainder float8, OUT note text, OUT daily float8,
	OUT regressors float8, OUT seasons jsonb) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10000;
COMMENT ON FUNCTION ecml_components(text, text, text, text, jsonb) IS
'The parts of series, in units of their values: trend, all seasons together, the yearly, weekly and daily one, others by name (of option seasons, or by their periods) in seasons, holidays, regressors, and what is left (remainder); by prophet, or by MSTL; with option horizon periods of the future, whose y is NULL. Trend, season, holidays and regressors add up to yhat. A series that cannot be taken apart has one row with a note. Errors: invalid_parameter_value for options, undefined_object (table, column), program_limit_exceeded (memory).';
