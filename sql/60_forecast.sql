-- ---- forecast: series of a source, their forecasts, backtests, stored models

CREATE FUNCTION ecml_forecast(source text DEFAULT NULL, horizon int DEFAULT NULL, ds text DEFAULT NULL, y text DEFAULT NULL,
	series text DEFAULT NULL, options jsonb DEFAULT '{}', model text DEFAULT NULL,
	OUT series text, OUT step int, OUT ds timestamp, OUT yhat float8, OUT yhat_lower float8, OUT yhat_upper float8,
	OUT method text, OUT note text, OUT intervals jsonb, OUT period bigint) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 10000;
COMMENT ON FUNCTION ecml_forecast(text, int, text, text, text, jsonb, text) IS
'Forecasts of each series of a table, view or query for the next horizon periods, or of a stored model (model, or its name as source: a relation of that name goes first, with a notice); a row a step, 1 to horizon: moment (NULL for whole-number periods, which stand in period), forecast and interval in units of the values, method, what is to be noted, and with several levels all intervals. Columns: ds (default: of that name, else the only date or timestamp), y (of that name, else the only number), series (one, or several with commas). A series that cannot be forecast has NULLs and a note that says why. Options: method (default auto), season, level, floor, cap, fill, aggregate, frequency and others of doc/forecast.md; of a model: level, floor, cap, only (names of series). Errors: undefined_object (table, column, model), invalid_parameter_value (options, horizon, ambiguous columns), program_limit_exceeded (memory).';

CREATE FUNCTION ecml_backtest(source text, horizon int, ds text DEFAULT NULL, y text DEFAULT NULL, series text DEFAULT NULL,
	options jsonb DEFAULT '{}',
	OUT method text, OUT series text, OUT step int, OUT forecasts bigint, OUT failed bigint, OUT mase float8, OUT smape float8,
	OUT rmse float8, OUT mae float8, OUT bias float8, OUT coverage float8, OUT width float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 100;
COMMENT ON FUNCTION ecml_backtest(text, int, text, text, text, jsonb) IS
'Forecasts from rolling origins against what came, for several methods beside each other: a row a method and step, and one with step NULL for all steps; with "by": "series" a row a series. mase: mean absolute error over that of the seasonal naive forecast in the fitted part; smape in percent (0 to 200); rmse, mae, bias (forecast less value), width (of the interval) in units of the values; coverage: share of values within the interval, 0 to 1. Options: methods (names), origins (default 3), step (periods between them), min_train, refit, by, and those of ecml_forecast. Errors: those of ecml_forecast, and data_exception when no series is long enough.';

CREATE TYPE ecml_model_update AS (version int, series bigint, new_series bigint, rows bigint, skipped bigint);
COMMENT ON TYPE ecml_model_update IS 'What an update of a forecasting model did: its new version, series that went on, series that are new, rows read, rows without a time.';
CREATE FUNCTION ecml_update(model text, source text) RETURNS ecml_model_update
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION ecml_update(text, text) IS
'Takes new rows into a forecasting model, as its next version: values of later periods are appended, those of periods that it has already are replaced, parameters stay; series that it does not know are fitted. The source has the columns of the training. Errors: undefined_object (model, table, column), invalid_parameter_value (no forecasting model, another kind of time), insufficient_privilege (another role''s model), program_limit_exceeded.';

CREATE FUNCTION ecml_plot_forecast(source text, horizon int, ds text DEFAULT NULL, y text DEFAULT NULL, series text DEFAULT NULL,
	options jsonb DEFAULT '{}') RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION ecml_plot_forecast(text, int, text, text, text, jsonb) IS
'History, forecast and intervals of the series of a source as SVG text, a panel a series, values in their own units. Arguments and options are those of ecml_forecast, and title (text), panels (at most so many series, default 20), history (periods shown before the forecast, default all). Errors: those of ecml_forecast.';
