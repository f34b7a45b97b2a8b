-- ---- forecast: series of a source and their forecasts

CREATE FUNCTION ecml_forecast(source text, horizon int, ds text DEFAULT NULL, y text DEFAULT NULL, series text DEFAULT NULL,
	options jsonb DEFAULT '{}',
	OUT series text, OUT step int, OUT ds timestamp, OUT yhat float8, OUT yhat_lower float8, OUT yhat_upper float8,
	OUT method text, OUT note text, OUT intervals jsonb, OUT period bigint) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10000;
COMMENT ON FUNCTION ecml_forecast(text, int, text, text, text, jsonb) IS
'Forecasts of every series of a source, horizon periods ahead: series, step (1 to horizon), ds (or period, where time is whole numbers), yhat with its interval, the method chosen, and a note where a series could not be forecast (its numbers are NULL then). ds, y: columns of time and value, found by these names or as the only ones of their type; series: column that tells series apart. Options: method (auto, ets, holt_winters, holt, ses, theta, croston, sba, tsb, adida, imapa, prophet, arima, mstl, naive, seasonal_naive, drift, mean), season, level, floor, cap, fill, aggregate, frequency, seed, and those of the methods. Errors: undefined_object (table, column), invalid_parameter_value (options, columns that are not clear, horizon), data_exception (no rows), program_limit_exceeded (memory).';
