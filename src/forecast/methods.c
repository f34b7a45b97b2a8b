/*
 * methods.c - the methods by id and name, and intervals that they share
 */
#include "forecast/forecast.h"

#include <math.h>
#include <string.h>

#include "num/dist.h"

#define METHOD(id, name) &forecast_method_##name,

static const ForecastMethod *const methods[] = {FORECAST_METHODS(METHOD)};

#define NMETHODS ((int) (sizeof(methods) / sizeof(methods[0])))

const ForecastMethod *
forecast_method_by_id(int id)
{
	for (int i = 0; i < NMETHODS; i++)
		if (methods[i]->id == id)
			return methods[i];
	return NULL;
}

const ForecastMethod *
forecast_method_by_name(const char *name)
{
	for (int i = 0; i < NMETHODS; i++)
		if (strcmp(methods[i]->name, name) == 0)
			return methods[i];
	return NULL;
}

void
forecast_normal_intervals(const ForecastInput *in, const double *mean, const double *sd, ForecastResult *result)
{
	for (int l = 0; l < in->nlevels; l++)
	{
		double		z = ecml_normal_isf(0.5 * (1 - in->levels[l]));

		for (int h = 0; h < in->horizon; h++)
		{
			if (result->lower)
				result->lower[(size_t) l * in->horizon + h] = mean[h] - z * sd[h];
			if (result->upper)
				result->upper[(size_t) l * in->horizon + h] = mean[h] + z * sd[h];
		}
	}
}

/* Shell's sort, gaps by Ciura (2001): no memory, fast enough for some thousand paths. */
static void
sort(double *v, int n)
{
	static const int gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};

	for (int g = 0; g < (int) (sizeof(gaps) / sizeof(gaps[0])); g++)
		for (int i = gaps[g]; i < n; i++)
		{
			double		x = v[i];
			int			j = i;

			for (; j >= gaps[g] && v[j - gaps[g]] > x; j -= gaps[g])
				v[j] = v[j - gaps[g]];
			v[j] = x;
		}
}

static double
quantile(const double *sorted, int n, double p)
{
	double		place = p * (n - 1);
	int			low = (int) place;

	if (low >= n - 1)
		return sorted[n - 1];
	return sorted[low] + (place - low) * (sorted[low + 1] - sorted[low]);
}

void
forecast_path_intervals(const ForecastInput *in, const double *paths, int npaths, double *scratch, ForecastResult *result)
{
	for (int h = 0; h < in->horizon; h++)
	{
		for (int i = 0; i < npaths; i++)
			scratch[i] = paths[(size_t) i * in->horizon + h];
		sort(scratch, npaths);
		for (int l = 0; l < in->nlevels; l++)
		{
			double		tail = 0.5 * (1 - in->levels[l]);

			if (result->lower)
				result->lower[(size_t) l * in->horizon + h] = quantile(scratch, npaths, tail);
			if (result->upper)
				result->upper[(size_t) l * in->horizon + h] = quantile(scratch, npaths, 1 - tail);
		}
	}
}
