\echo ======================================================================
\echo 60. The tours of a day
\echo ======================================================================
\echo
\echo 'A hundred parcels, windows to keep, vans of 60 parcels: what the tours are'
CREATE TEMP TABLE tour AS SELECT * FROM ecml_vrp('deliveries', '{"capacity": 60, "iterations": 400}');
SELECT vehicle, count(*) - 2 AS stops, max(load) AS parcels, round(sum(distance)::numeric, 1) AS km,
	round(min(departure)::numeric) AS leaves, round(max(arrival)::numeric) AS returns
FROM tour WHERE vehicle IS NOT NULL GROUP BY vehicle ORDER BY vehicle;

\echo 'The first stops of the first one'
SELECT stop, delivery_id, round(arrival::numeric, 1) AS arrival, round(wait::numeric, 1) AS wait, load
FROM tour WHERE vehicle = (SELECT min(vehicle) FROM tour) ORDER BY stop LIMIT 6;

\echo 'With fewer vans than that: what stays behind, and why'
SELECT count(*), note FROM ecml_vrp('deliveries', '{"capacity": 60, "vehicles": 4, "iterations": 100}') WHERE vehicle IS NULL GROUP BY note;

\echo 'A map of them: SVG, for a page or a file'
SELECT left(svg, 60) AS begins, length(svg) AS bytes FROM ecml_plot_routes('deliveries', '{"plan": "tour", "title": "Today"}') AS svg;
