-- ---- route: vehicle routing

CREATE FUNCTION ecml_vrp(deliveries text, options jsonb DEFAULT '{}',
	OUT vehicle int, OUT stop int, OUT delivery_id text, OUT arrival float8, OUT departure float8, OUT wait float8, OUT load float8,
	OUT distance float8, OUT vehicle_id text, OUT note text) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000 ROWS 1000;
COMMENT ON FUNCTION ecml_vrp(text, jsonb) IS
'The day''s tours: which vehicle brings which delivery, in which order and when; a row a stop, from leaving the depot (stop 0) to coming back. Distances in the units of the coordinates (metres for longitude and latitude), times in those of the windows; distance is that from the stop before, load that on leaving. Deliveries that no vehicle serves come last, without vehicle, and with the reason as note. Takes time_limit seconds (default 5), or so many iterations; options: doc/route.md. Errors: undefined_object (table, column), invalid_parameter_value (options, types), data_exception (no depot, duplicate ids, NULL or negative demand, a window that closes before it opens, coordinates outside the earth), program_limit_exceeded (memory, too many deliveries).';

CREATE FUNCTION ecml_vrp_summary(deliveries text, options jsonb DEFAULT '{}',
	OUT cost float8, OUT distance float8, OUT duration float8, OUT vehicles int, OUT served int, OUT unassigned int, OUT feasible boolean,
	OUT lost_prizes float8, OUT bound float8, OUT gap float8, OUT iterations bigint, OUT seconds float8, OUT seconds_to_best float8)
	RETURNS record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION ecml_vrp_summary(text, jsonb) IS
'What the plan of ecml_vrp with the same arguments costs: cost, distance, duration, vehicles used, deliveries served and not, whether all that must be served is, a lower bound of the cost of any plan and the gap to it (share of the bound), iterations and seconds. Errors: as ecml_vrp.';

CREATE FUNCTION ecml_plot_routes(deliveries text, options jsonb DEFAULT '{}') RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION ecml_plot_routes(text, jsonb) IS
'A map of the tours as SVG text: depots, stops, one colour a vehicle, arrows for the direction, and a list of the tours. Arguments and options are those of ecml_vrp; options beside them: plan (a source with vehicle, stop and delivery_id: then nothing is planned), title, labels. Errors: those of ecml_vrp, and undefined_object where the deliveries have no coordinates.';
