-- ---- prices: demand curves, the best price, markdowns

CREATE FUNCTION ecml_elasticity(source text, options jsonb DEFAULT '{}',
	OUT product text, OUT elasticity float8, OUT std_error float8, OUT conf_low float8, OUT conf_high float8, OUT p_value float8,
	OUT own_elasticity float8, OUT own_std_error float8, OUT shrinkage float8,
	OUT cross_elasticity float8, OUT cross_std_error float8, OUT cross_low float8, OUT cross_high float8,
	OUT category_elasticity float8, OUT category_std_error float8, OUT first_stage_f float8,
	OUT r2 float8, OUT rows bigint, OUT skipped bigint, OUT terms jsonb, OUT note text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_elasticity(text, jsonb) IS
'How units sold answer to the price, a row a product: elasticity (per cent of units for one per cent of price) with standard error, interval and p, drawn towards the other products where a product''s own rows tell little (own_elasticity: by its rows alone; shrinkage: weight of the others, 0 to 1); cross elasticity with a competitor''s price, and with the prices of the category; terms: every coefficient as the form has it. Options: product, price, units, time, category (columns), form (log_log, semi_log, linear), controls, competitor_price, competitor_prices, instruments (two-stage least squares), season (none, yearly, month, quarter, week, weekday), trend, cross (none, index, pairs), pooling, errors (classical, robust), level, seed. Errors: invalid_parameter_value (options, types), undefined_object (columns), data_exception (no rows, values that are not finite), program_limit_exceeded (terms, memory).';
