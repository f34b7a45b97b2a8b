/*
 * distance_sql.c - distances between rows: straight lines, city blocks, great circles (radius of the earth 6371.0088 km)
 */
#include "core/compat.h"

#include <math.h>

#include "route/distance_sql.h"

#define EARTH_KM 6371.0088

const char *const route_distances[] = {"auto", "euclidean", "haversine", "manhattan", NULL};
const char *const route_x_names[] = {"x", "x_m", "easting", NULL};
const char *const route_y_names[] = {"y", "y_m", "northing", NULL};
const char *const route_lat_names[] = {"lat", "latitude", NULL};
const char *const route_lon_names[] = {"lon", "lng", "long", "longitude", NULL};

static bool
is_flat(const RouteColumn *points)
{
	return points[0].numbers && points[1].numbers;
}

static bool
is_on_earth(const RouteColumn *points)
{
	return points[2].numbers && points[3].numbers;
}

bool
route_has_points(const RouteColumn *points)
{
	return is_flat(points) || is_on_earth(points);
}

void
route_check_points(const char *argument, RouteColumn *columns, int first, int n, const RouteColumn *key)
{
	RouteColumn *points = columns + first;

	if (is_flat(points))
		for (int k = 0; k < 2; k++)
			route_check_numbers(argument, &points[k], n, -INFINITY, true, NAN, key);
	if (!is_on_earth(points))
		return;
	for (int i = 0; i < n; i++)
		for (int k = 2; k < 4; k++)
			if (!(fabs(points[k].numbers[i]) <= (k == 2 ? 90 : 180)))
				route_bad_number(argument, points[k].what, ecml_keys_name(key->keys, key->codes[i]), points[k].numbers[i],
								 k == 2 ? "between -90 and 90 degrees" : "between -180 and 180 degrees");
}

static double
great_circle(double lat1, double lon1, double lat2, double lon2)
{
	double		rad = M_PI / 180;
	double		a = sin((lat2 - lat1) * rad / 2);
	double		b = sin((lon2 - lon1) * rad / 2);
	double		h = a * a + cos(lat1 * rad) * cos(lat2 * rad) * b * b;

	return 2 * EARTH_KM * asin(sqrt(fmin(1, h)));
}

double
route_distance(const RouteColumn *a, int i, const RouteColumn *b, int j, RouteDistance how)
{
	bool		earth = is_on_earth(a) && is_on_earth(b);

	if (how == ROUTE_HAVERSINE || (how == ROUTE_AUTO_DISTANCE && earth && !(is_flat(a) && is_flat(b))))
	{
		if (!earth)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("there are no columns lat and lon"),
					 errdetail("Distance \"haversine\" is along great circles."),
					 errhint("Give lat and lon in degrees in both sources, or another \"distance\".")));
		return great_circle(a[2].numbers[i], a[3].numbers[i], b[2].numbers[j], b[3].numbers[j]);
	}
	if (!is_flat(a) || !is_flat(b))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there are no columns x and y"),
				 errdetail("Distances along straight lines need them in both sources."),
				 errhint("Give x and y, or lat and lon, in both sources.")));
	if (how == ROUTE_MANHATTAN)
		return fabs(a[0].numbers[i] - b[0].numbers[j]) + fabs(a[1].numbers[i] - b[1].numbers[j]);
	return hypot(a[0].numbers[i] - b[0].numbers[j], a[1].numbers[i] - b[1].numbers[j]);
}
