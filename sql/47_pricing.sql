-- ---- prices: demand curves, the best price, markdowns

CREATE FUNCTION ecml_elasticity(source text, options jsonb DEFAULT '{}',
	OUT product text, OUT elasticity float8, OUT std_error float8, OUT conf_low float8, OUT conf_high float8, OUT p_value float8,
	OUT own_elasticity float8, OUT own_std_error float8, OUT shrinkage float8,
	OUT cross_elasticity float8, OUT cross_std_error float8, OUT cross_low float8, OUT cross_high float8,
	OUT category_elasticity float8, OUT category_std_error float8, OUT first_stage_f float8,
	OUT r2 float8, OUT rows bigint, OUT skipped bigint, OUT terms jsonb, OUT note text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_elasticity(text, jsonb) IS
'How units sold answer to the price, a row a product: elasticity (per cent of units for one per cent of price) with standard error, interval and p, drawn towards the other products where a product''s own rows tell little (own_elasticity: by its rows alone; shrinkage: weight of the others, 0 to 1); cross elasticity with a competitor''s price, and with the prices of the category; terms: every coefficient as the form has it. Options: product, price, units, time, category (columns), form (log_log, semi_log, linear, poisson), controls, competitor_price, competitor_prices, instruments (two-stage least squares), season (none, yearly, month, quarter, week, weekday), trend, cross (none, index, pairs), pooling, errors (classical, robust), level, seed. Errors: invalid_parameter_value (options, types), undefined_object (columns), data_exception (no rows, values that are not finite), program_limit_exceeded (terms, memory).';

CREATE FUNCTION ecml_optimal_price(source text, options jsonb DEFAULT '{}',
	OUT product text, OUT current_price float8, OUT optimal_price float8, OUT price_low float8, OUT price_high float8,
	OUT current_units float8, OUT expected_units float8, OUT current_revenue float8, OUT expected_revenue float8,
	OUT current_profit float8, OUT expected_profit float8, OUT elasticity float8, OUT binding text, OUT note text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_optimal_price(text, jsonb) IS
'The price of each product that brings most: present and best price, the interval that the best price lies in by what is known of demand, units, revenue and profit a period at both, elasticity there, and which limit binds. Demand is fitted as by ecml_elasticity (all its options), or comes from a trained model (option model; a row of the source is then an article as it stands). Options: objective (profit, revenue, units), cost, stock, min_price, max_price (numbers or columns), min_margin (share of the price), max_change (share of the present price), competitor_ratio, periods (that the stock is for), ends_with, prices, at (terms at values), draws; with cross the prices of a category are found together; with model price_feature and target_scale. Errors: invalid_parameter_value, undefined_object (columns, model), data_exception, program_limit_exceeded, insufficient_privilege.';

CREATE FUNCTION ecml_markdown(source text, options jsonb DEFAULT '{}',
	OUT product text, OUT week int, OUT price float8, OUT discount float8, OUT stock float8, OUT sales float8, OUT revenue float8,
	OUT left_over float8, OUT total float8, OUT fixed_total float8, OUT fixed_price float8, OUT note text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_markdown(text, jsonb) IS
'Prices that fall to the end of a season so that a stock brings most, a row a product and week: the most probable price, its discount (0 to 1), and expected stock at the beginning, sales, revenue and stock left (units; money) when the plan follows what sells; total: revenue and salvage of all weeks, fixed_total: the same by the best single price. Demand is fitted to the source as by ecml_elasticity (all its options; season and trend go on), or given as columns price, units (a week at that price) and elasticity. Options: weeks, stock, salvage, min_price (numbers or columns), discounts or prices, week_effects, dispersion, holding_cost, only_fall. Errors: invalid_parameter_value, undefined_object (columns), data_exception, program_limit_exceeded.';
