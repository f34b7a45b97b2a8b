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

-- ---- warehouses

CREATE FUNCTION ecml_facility(candidates text, customers text, options jsonb DEFAULT '{}',
	OUT facility text, OUT customer text, OUT quantity float8, OUT cost float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 1000;
COMMENT ON FUNCTION ecml_facility(text, text, jsonb) IS
'Which candidate places to open, and from which each customer is served, at least fixed and service cost: units and cost of each pair; with capacities a customer may be served from several. Costs are those of a source of pairs (option costs) or distances (x and y, or lat and lon in degrees: km) times unit_cost, for a unit of demand. Errors: invalid_parameter_value for options, undefined_object for columns, data_exception for numbers out of range and customers that cannot be served.';

CREATE FUNCTION ecml_facility_summary(candidates text, customers text, options jsonb DEFAULT '{}') RETURNS jsonb
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION ecml_facility_summary(text, text, jsonb) IS
'The plan of ecml_facility in brief: places open, cost, fixed_cost, service_cost, bound (no plan costs less), gap (0 to 1), proved, nodes. Errors: those of ecml_facility.';

CREATE FUNCTION ecml_pick_route(picks text, options jsonb DEFAULT '{}',
	OUT route text, OUT stop int, OUT location text, OUT aisle float8, OUT "position" float8, OUT distance float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 10000 ROWS 1000;
COMMENT ON FUNCTION ecml_pick_route(text, jsonb) IS
'The order in which to pick from parallel aisles with a cross aisle at either end, and the distance walked up to each pick; the last row of a route is the way back to the depot. Shortest by default; methods s_shape, return, midpoint and largest_gap are the usual rules. Errors: invalid_parameter_value for options, undefined_object for columns, data_exception for positions out of range.';

CREATE FUNCTION ecml_bin_pack(items text, boxes text, options jsonb DEFAULT '{}',
	OUT order_id text, OUT box int, OUT box_type text, OUT item text, OUT x float8, OUT y float8, OUT z float8,
	OUT length float8, OUT width float8, OUT height float8, OUT cost float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_bin_pack(text, text, jsonb) IS
'Items into boxes at least cost, each order by itself: the box of each unit, its kind and cost and, where items and boxes have length, width and height, where the unit lies and how it is turned. By one size the result is exact for small orders; by three it is a heuristic. Errors: invalid_parameter_value for options, undefined_object for columns, data_exception for sizes out of range, an item that fits no box, too few boxes.';

CREATE FUNCTION ecml_allocate_inventory(stock text, demand text, costs text, options jsonb DEFAULT '{}',
	OUT item text, OUT origin text, OUT destination text, OUT quantity float8, OUT cost float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_allocate_inventory(text, text, text, jsonb) IS
'Stock of warehouses to the demand of regions, item by item: first what service targets promise (service_target, 0 to 1), by priority (1 first), then the rest, at least cost; a row without origin tells units that are missing. stock may keep a reserve. Errors: invalid_parameter_value for options, undefined_object for columns, data_exception for numbers out of range and pairs that stand twice.';

CREATE FUNCTION ecml_slotting(items text, slots text, options jsonb DEFAULT '{}',
	OUT item text, OUT slot text, OUT cost float8, OUT present_slot text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000 ROWS 1000;
COMMENT ON FUNCTION ecml_slotting(text, text, jsonb) IS
'Which item lies in which slot of a warehouse, fast movers near and families together: the slot of each item (NULL: none is left that it fits) and its cost, picks times the distance of the slot, and half of the distances to items that it is picked with. items has item and demand, and may have family, size, present_slot and locked; slots has slot and distance, or x and y, or aisle and position, and may have capacity and places. Exact without families and pairs, else exchanges that begin with that optimum. Errors: invalid_parameter_value for options, undefined_object for columns, data_exception for numbers out of range, keys that stand twice and items locked where there is no place, program_limit_exceeded for too many places.';

CREATE FUNCTION ecml_slotting_summary(items text, slots text, options jsonb DEFAULT '{}') RETURNS jsonb
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION ecml_slotting_summary(text, text, jsonb) IS
'The plan of ecml_slotting in brief: items, places, unplaced, cost, travel, apart (distances of families and pairs), moving, bound (no plan costs less), gap (share of the bound), exact; and, of items with a present slot, travel and distances before and after, the share saved and how many move. Errors: those of ecml_slotting.';
