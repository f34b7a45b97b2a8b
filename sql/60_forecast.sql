-- ---- forecast: series of a source, their forecasts, backtests, stored models

CREATE FUNCTION ecml_forecast(source text DEFAULT NULL, horizon int DEFAULT NULL, ds text DEFAULT NULL, y text DEFAULT NULL,
	series text DEFAULT NULL, options jsonb DEFAULT '{}', model text DEFAULT NULL,
	OUT series text, OUT step int, OUT ds timestamp, OUT yhat float8, OUT yhat_lower float8, OUT yhat_upper float8,
	OUT method text, OUT note text, OUT intervals jsonb, OUT period bigint) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10000;
