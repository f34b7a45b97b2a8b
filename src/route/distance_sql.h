/*
 * distance_sql.h - distances between rows of sources that have coordinates
 */
#ifndef ECML_ROUTE_DISTANCE_SQL_H
#define ECML_ROUTE_DISTANCE_SQL_H

#include "route/columns_sql.h"

typedef enum RouteDistance
{
	ROUTE_AUTO_DISTANCE,		/* great circles where there are lat and lon, else straight lines */
	ROUTE_EUCLIDEAN,
	ROUTE_HAVERSINE,			/* km */
	ROUTE_MANHATTAN
} RouteDistance;

extern const char *const route_distances[];
extern const char *const route_x_names[];
extern const char *const route_y_names[];
extern const char *const route_lat_names[];
extern const char *const route_lon_names[];

/* Four columns, of which two must be there, side by side. */
#define ROUTE_POINT_COLUMNS \
	{.what = "x",.usual = route_x_names,.kind = ROUTE_NUMBER}, \
	{.what = "y",.usual = route_y_names,.kind = ROUTE_NUMBER}, \
	{.what = "lat",.usual = route_lat_names,.kind = ROUTE_NUMBER}, \
	{.what = "lon",.usual = route_lon_names,.kind = ROUTE_NUMBER}

/* points: the first of the four. */
extern bool route_has_points(const RouteColumn *points);

/* first: where the four columns begin.  Errors for coordinates that are NULL, infinite or outside the earth. */
extern void route_check_points(const char *argument, RouteColumn *columns, int first, int n, const RouteColumn *key);

extern double route_distance(const RouteColumn *a, int i, const RouteColumn *b, int j, RouteDistance how);

#endif							/* ECML_ROUTE_DISTANCE_SQL_H */
