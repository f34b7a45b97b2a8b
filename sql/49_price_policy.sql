-- ---- prices by stock and time left

CREATE FUNCTION ecml_price_policy(source text, options jsonb DEFAULT '{}',
	OUT time_left int, OUT stock int, OUT price float8, OUT value float8, OUT expected_sales float8, OUT visits bigint)
	RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_price_policy(text, jsonb) IS
'The price for each stock and number of periods left, with the value expected from there on and the units expected in the period. Method dp: exact for demand that is given (columns price, rate, maybe period) or estimated from a log (columns price, units); options periods, stock (numbers), prices, form (auto, log_log, semi_log, empirical), dispersion, cost, salvage, holding_cost, only_fall. Method q_learning: learnt from a log with columns price, time_left, stock, units (or reward and next_stock); options stock_bins, min_visits (visits tells how often the price was seen there; 0: taken from neighbours). Errors: invalid_parameter_value, undefined_object (columns), data_exception, program_limit_exceeded.';
