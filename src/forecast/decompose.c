/*
 * decompose.c - classical decomposition, and the test of whether there is a season
 */
#include "forecast/decompose.h"

#include <math.h>

bool
forecast_is_seasonal(const double *y, int n, int m)
{
	double		mean = 0;
	double		variance = 0;
	double		squares = 0;
	double		r = 0;

	if (m < 2 || n < 2 * m || n < 3)
		return false;
	for (int t = 0; t < n; t++)
		mean += y[t] / n;
	for (int t = 0; t < n; t++)
		variance += (y[t] - mean) * (y[t] - mean);
	if (!(variance > 0))
		return false;
	for (int lag = 1; lag <= m; lag++)
	{
		double		sum = 0;

		for (int t = lag; t < n; t++)
			sum += (y[t] - mean) * (y[t - lag] - mean);
		r = sum / variance;
		if (lag < m)
			squares += r * r;
	}
	return fabs(r) > 1.6448536269514722 * sqrt((1 + 2 * squares) / n);
}

bool
forecast_seasonal_indices(const double *y, int n, int m, bool multiplicative, double *indices)
{
	int			half = m / 2;
	double		window = 0;
	double		total = 0;

	if (m < 2 || n < 2 * m)
		return false;
	for (int i = 0; i < m; i++)
		indices[i] = 0;
	/* sum of m values about t; with an even m the outer two of m + 1 count half */
	for (int i = 0; i < 2 * half + 1; i++)
		window += y[i];
	for (int t = half; t + half < n; t++)
	{
		double		trend;

		if (t > half)
			window += y[t + half] - y[t - half - 1];
		trend = (m % 2 == 0 ? window - 0.5 * (y[t - half] + y[t + half]) : window) / m;
		if (multiplicative && !(trend > 0))
			return false;
		indices[t % m] += multiplicative ? y[t] / trend : y[t] - trend;
	}
	for (int i = 0; i < m; i++)
	{
		/* t = i mod m within half .. n - half - 1 */
		int			first = i >= half ? i : i + m * ((half - i + m - 1) / m);
		int			count = first <= n - half - 1 ? (n - half - 1 - first) / m + 1 : 0;

		if (count == 0)
			return false;
		indices[i] /= count;
		total += indices[i];
	}
	for (int i = 0; i < m; i++)
	{
		indices[i] = multiplicative ? indices[i] * m / total : indices[i] - total / m;
		if (multiplicative && !(indices[i] >= 0.01))
			return false;
	}
	return true;
}

int
forecast_interpolate(const double *y, int n, double *filled)
{
	int			before = -1;
	int			count = 0;

	for (int t = 0; t < n; t++)
	{
		filled[t] = y[t];
		if (isnan(y[t]))
			continue;
		count++;
		for (int k = before + 1; k < t; k++)
			filled[k] = before < 0 ? y[t] : y[before] + (y[t] - y[before]) * (k - before) / (t - before);
		before = t;
	}
	for (int k = before + 1; k < n && before >= 0; k++)
		filled[k] = y[before];
	return count;
}
