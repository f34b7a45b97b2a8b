-- ---- inventory: stock levels from forecasts

CREATE FUNCTION ecml_inventory_plan(source text, options jsonb DEFAULT '{}',
	OUT series text, OUT demand float8, OUT demand_sd float8, OUT safety_stock float8, OUT reorder_point float8,
	OUT order_quantity float8, OUT order_up_to float8, OUT fill_rate float8, OUT stockout_risk float8, OUT overstock_risk float8,
	OUT cover float8, OUT order_now float8, OUT method text, OUT note text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_inventory_plan(text, jsonb) IS
'When and how much to order of each item: forecast demand over lead time and review with the standard deviation of its own errors, safety stock, reorder point, order quantity, expected fill rate (0 to 1), risks (0 to 1), cover in periods of the demand, and what to order now. A series that cannot be planned has NULLs and a note. Options: service_level, target, lead_time, review, costs, pack_size, items and others of doc/inventory.md, and those of ecml_forecast. Errors: invalid_parameter_value for options, undefined_object (table, column), data_exception for items out of range or named twice, program_limit_exceeded (memory).';

CREATE FUNCTION ecml_simulate_inventory(policy jsonb, demand float8[],
	OUT period int, OUT demand float8, OUT arrived float8, OUT sold float8, OUT missed float8, OUT expired float8, OUT on_hand float8,
	OUT on_order float8, OUT ordered float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 ROWS 100;
COMMENT ON FUNCTION ecml_simulate_inventory(jsonb, float8[]) IS
'What a stock policy does with given demand, a row a period: units arrived, sold from stock, missed, expired; stock (below 0: orders that wait) and what is on order at the end; units ordered. Errors: invalid_parameter_value for a policy without reorder point or quantity, data_exception for NULL or infinite demand.';

CREATE TYPE ecml_eoq_result AS (quantity float8, orders float8, cycle float8, cost float8, unit_cost float8);
COMMENT ON TYPE ecml_eoq_result IS
'An economic order quantity: orders a period, periods between orders, cost a period (units, orders, holding), the price of a unit that goes with it.';
CREATE FUNCTION ecml_eoq(demand float8, order_cost float8, holding_cost float8, options jsonb DEFAULT '{}') RETURNS ecml_eoq_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_eoq(float8, float8, float8, jsonb) IS
'The order quantity of least cost: demand units a period, cost of an order, cost of holding a unit for a period (NULL with option holding_rate); with pack size, least order, shelf life and price breaks. Errors: invalid_parameter_value.';

CREATE TYPE ecml_newsvendor_result AS (
	quantity float8, critical_ratio float8, expected_sales float8, expected_left float8, expected_profit float8, fill_rate float8,
	stockout_risk float8);
COMMENT ON TYPE ecml_newsvendor_result IS
'How much to buy once: the quantity, the probability of demand up to it that pays, expected units sold and left over, profit, share of demand served, probability that more is wanted.';
CREATE FUNCTION ecml_newsvendor(mean float8, sd float8, price float8, cost float8, salvage float8 DEFAULT 0,
	distribution text DEFAULT 'normal') RETURNS ecml_newsvendor_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION ecml_newsvendor(float8, float8, float8, float8, float8, text) IS
'The most profitable quantity of goods bought once for demand that is not known: its mean and standard deviation in units, price, cost and salvage value of a unit; distribution normal, gamma or poisson. Errors: invalid_parameter_value.';

CREATE FUNCTION ecml_abc_xyz(source text, options jsonb DEFAULT '{}',
	OUT item text, OUT value float8, OUT share float8, OUT cumulative float8, OUT abc text, OUT mean float8, OUT cv float8,
	OUT xyz text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 10000 ROWS 1000;
COMMENT ON FUNCTION ecml_abc_xyz(text, jsonb) IS
'Items by importance and steadiness: value, its share of the total (0 to 1) and class A, B, C; mean demand a period, its coefficient of variation and class X, Y, Z. Errors: invalid_parameter_value for options, undefined_object (table, column).';
