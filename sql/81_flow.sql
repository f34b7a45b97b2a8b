-- ---- flows: transport, assignment, networks

CREATE FUNCTION ecml_transport(costs text, supply text, demand text, options jsonb DEFAULT '{}',
	OUT origin text, OUT destination text, OUT quantity float8, OUT cost float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_transport(text, text, text, jsonb) IS
'The least-cost way to send units from origins to destinations, exact: how many units go from where to where, and what that costs in all (quantity times cost of a unit). costs has columns origin, destination, cost and, where there are bounds, capacity and minimum. Where supply and demand differ, the larger side keeps the rest. Errors: invalid_parameter_value for options, undefined_object for columns, data_exception for negative or missing quantities, pairs that stand twice, demand that cannot be met.';

CREATE FUNCTION ecml_transport_prices(costs text, supply text, demand text, options jsonb DEFAULT '{}',
	OUT side text, OUT id text, OUT quantity float8, OUT used float8, OUT remaining float8, OUT price float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_transport_prices(text, text, text, jsonb) IS
'What ecml_transport says of each origin and destination: units given, used, and remaining (unsent or unmet), and the shadow price: what a unit more of demand would cost, or a unit more of supply would save. Errors: those of ecml_transport.';

CREATE FUNCTION ecml_assign(costs text, options jsonb DEFAULT '{}',
	OUT origin text, OUT destination text, OUT cost float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_assign(text, jsonb) IS
'The least-cost pairs of origins and destinations in which each stands at most once, exact; the smaller side is served in full. A pair that is not in costs, or has no cost there, is forbidden. Errors: invalid_parameter_value for options, undefined_object for columns, data_exception for pairs that stand twice, and when the pairs allowed do not reach.';

CREATE FUNCTION ecml_assign_prices(costs text, options jsonb DEFAULT '{}',
	OUT side text, OUT id text, OUT partner text, OUT price float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_assign_prices(text, jsonb) IS
'Proof of ecml_assign: a price for each origin and destination; the two of a pair never add up to more than its cost, and exactly to it for the pairs chosen. Errors: those of ecml_assign.';

CREATE FUNCTION ecml_min_cost_flow(arcs text, nodes text, options jsonb DEFAULT '{}',
	OUT origin text, OUT destination text, OUT quantity float8, OUT cost float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_min_cost_flow(text, text, jsonb) IS
'The least-cost flow through a network, exact: the arcs in use, their units and what these cost in all. arcs has columns origin, destination, cost and, where there are bounds, capacity and minimum; nodes has node and supply (negative: demand), or a column demand. Errors: invalid_parameter_value for options, undefined_object for columns, data_exception for a network that cannot serve its nodes or has a cycle of negative cost without capacity.';

CREATE FUNCTION ecml_min_cost_flow_prices(arcs text, nodes text, options jsonb DEFAULT '{}',
	OUT node text, OUT supply float8, OUT remaining float8, OUT price float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_min_cost_flow_prices(text, text, jsonb) IS
'What ecml_min_cost_flow says of each node: its supply, units that remain (below 0: missing), and the price of a unit there; along an arc in use the price rises by its cost. Errors: those of ecml_min_cost_flow.';
