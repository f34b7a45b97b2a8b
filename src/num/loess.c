/*
 * loess.c - local regression of equally spaced values
 *
 * The fit at x is a weighted mean of the values of its window, or the line through them by weighted least squares; weights are
 * the tricube of the distance over the farthest one in the window (farther, where the window is longer than the series),
 * times those given.  Points that are nearer than half a window to an end have their window shifted.  All points farther inside
 * share one table of weights; without weights given that table times the values is the fit.
 *
 * The tricube's rounding at both ends (1 below 0.001, 0 above 0.999 of the bandwidth) and the rule when a window is too narrow
 * for a slope are those of Cleveland, Cleveland, McRae, and Terpenning (1990), whose results are thus met to rounding.
 *
 * Cost n * window / jump.  Several series side by side take vectors across series, one alone takes them along the window.
 */
#include "loess.h"

#include <math.h>

#include "ctx.h"

#define LANES 64				/* series at a time */

/* Tables of one window, [m] each: tricube weight, and times d, times d squared, d the distance from the point. */
typedef struct Kernel
{
	int			m;				/* values in the window */
	int			at;				/* the point's place in it; may lie outside */
	double		range;			/* n - 1 */
	double	   *k;
	double	   *kd;
	double	   *kdd;
	double	   *fit;			/* what each value counts for the fit, without weights given */
} Kernel;

size_t
ecml_loess_scratch(const EcmlLoess *loess, int n)
{
	return 4 * (size_t) (loess->window < n ? loess->window : n);
}

/* What the line's value counts for each unit of distance: a the mean distance of the weights, c their variance. */
static inline double
slope_of(double a, double c, double range)
{
	return c > 0 && sqrt(c) > 0.001 * range ? a / c : 0;
}

/*
 * The line at distance 0, from sums of weights (s0, times d s1, times d squared s2) and of weighted values (t0, times d t1).
 * NaN without weights.  *rough: the variance is the small difference of large numbers, and had better be summed about the mean.
 */
static inline double
from_sums(int degree, double range, double s0, double s1, double s2, double t0, double t1, bool *rough)
{
	double		a;
	double		c;

	*rough = false;
	if (s0 <= 0)
		return NAN;
	if (degree == 0)
		return t0 / s0;
	a = s1 / s0;
	c = s2 / s0 - a * a;
	*rough = c < 1e-3 * a * a;
	return (t0 - slope_of(a, c, range) * (t1 - a * t0)) / s0;
}

/* The same from the values themselves, when weights are far from the point and close to each other. */
static double
about_mean(const Kernel *kernel, const double *y, const double *w, int stride)
{
	double		s0 = 0;
	double		a = 0;
	double		c = 0;
	double		fit = 0;
	double		slope;

	for (int j = 0; j < kernel->m; j++)
	{
		s0 += kernel->k[j] * w[(size_t) j * stride];
		a += kernel->kd[j] * w[(size_t) j * stride];
	}
	a /= s0;
	for (int j = 0; j < kernel->m; j++)
	{
		double		d = j - kernel->at - a;

		c += kernel->k[j] * w[(size_t) j * stride] / s0 * d * d;
	}
	slope = slope_of(a, c, kernel->range);
	for (int j = 0; j < kernel->m; j++)
		fit += kernel->k[j] * w[(size_t) j * stride] / s0 * (1 - slope * (j - kernel->at - a)) * y[(size_t) j * stride];
	return fit;
}

/* Makes the tables for a point at place at in a window of m of n values. */
ECML_CLONES static void
make_kernel(Kernel *kernel, const EcmlLoess *loess, int n, int m, int at)
{
	double		h = at > m - 1 - at ? at : m - 1 - at;
	double		h1;
	double		h9;
	double		s0 = 0;
	double		s1 = 0;
	double		s2 = 0;
	double		a;
	double		slope;

	if (loess->window > n)
		h += (loess->window - n) / 2;
	h1 = 0.001 * h;
	h9 = 0.999 * h;
	kernel->m = m;
	kernel->at = at;
	kernel->range = n - 1.0;
#pragma omp simd reduction(+:s0, s1, s2)
	for (int j = 0; j < m; j++)
	{
		double		d = j - at;
		double		r = fabs(d);
		double		u = r / h;
		double		v = 1 - u * u * u;
		double		k = r <= h1 ? 1 : r <= h9 ? v * v * v : 0;

		kernel->k[j] = k;
		kernel->kd[j] = k * d;
		kernel->kdd[j] = k * d * d;
		s0 += k;
		s1 += k * d;
		s2 += k * d * d;
	}
	a = s1 / s0;
	slope = loess->degree > 0 ? slope_of(a, s2 / s0 - a * a, kernel->range) : 0;
	for (int j = 0; j < m; j++)
		kernel->fit[j] = kernel->k[j] / s0 * (1 - slope * (j - at - a));
}

/* One series: vectors along the window.  y and w at the window's first value; NaN: no weight at all. */
ECML_CLONES static double
fit_one(const Kernel *kernel, int degree, const double *restrict y, const double *restrict w)
{
	const double *restrict k = kernel->k;
	const double *restrict kd = kernel->kd;
	const double *restrict kdd = kernel->kdd;
	double		s0 = 0;
	double		s1 = 0;
	double		s2 = 0;
	double		t0 = 0;
	double		t1 = 0;
	double		line;
	bool		rough;

	if (w == NULL)
	{
		const double *restrict fit = kernel->fit;

#pragma omp simd reduction(+:t0)
		for (int j = 0; j < kernel->m; j++)
			t0 += fit[j] * y[j];
		return t0;
	}
#pragma omp simd reduction(+:s0, s1, s2, t0, t1)
	for (int j = 0; j < kernel->m; j++)
	{
		double		wy = w[j] * y[j];

		s0 += k[j] * w[j];
		s1 += kd[j] * w[j];
		s2 += kdd[j] * w[j];
		t0 += k[j] * wy;
		t1 += kd[j] * wy;
	}
	line = from_sums(degree, kernel->range, s0, s1, s2, t0, t1, &rough);
	return rough ? about_mean(kernel, y, w, 1) : line;
}

/* Several series, at most LANES: vectors across them. */
ECML_CLONES static void
fit_lanes(const Kernel *kernel, int degree, const double *y, const double *w, int lanes, int stride, double *restrict out)
{
	double		s0[LANES];
	double		s1[LANES];
	double		s2[LANES];
	double		t0[LANES];
	double		t1[LANES];

	if (w == NULL)
	{
		for (int l = 0; l < lanes; l++)
			out[l] = 0;
		for (int j = 0; j < kernel->m; j++)
		{
			const double *restrict yj = y + (size_t) j * stride;
			double		fit = kernel->fit[j];

#pragma omp simd
			for (int l = 0; l < lanes; l++)
				out[l] += fit * yj[l];
		}
		return;
	}
	for (int l = 0; l < lanes; l++)
		s0[l] = s1[l] = s2[l] = t0[l] = t1[l] = 0;
	for (int j = 0; j < kernel->m; j++)
	{
		const double *restrict yj = y + (size_t) j * stride;
		const double *restrict wj = w + (size_t) j * stride;
		double		k = kernel->k[j];
		double		kd = kernel->kd[j];
		double		kdd = kernel->kdd[j];

#pragma omp simd
		for (int l = 0; l < lanes; l++)
		{
			double		wy = wj[l] * yj[l];

			s0[l] += k * wj[l];
			s1[l] += kd * wj[l];
			s2[l] += kdd * wj[l];
			t0[l] += k * wy;
			t1[l] += kd * wy;
		}
	}
	for (int l = 0; l < lanes; l++)
	{
		bool		rough;

		out[l] = from_sums(degree, kernel->range, s0[l], s1[l], s2[l], t0[l], t1[l], &rough);
		if (rough)
			out[l] = about_mean(kernel, y + l, w + l, stride);
	}
}

/* The fit at point i (from -1 to n) of all lanes, from the window that begins at left; values of else_row where it has none. */
static void
fit_point(const EcmlLoess *loess, Kernel *kernel, const double *y, const double *w, int n, int lanes, int stride, int i, int left,
		  double *out, const double *else_row)
{
	int			m = loess->window < n ? loess->window : n;

	if (kernel->m != m || kernel->at != i - left)
		make_kernel(kernel, loess, n, m, i - left);
	y += (size_t) left * stride;
	if (w)
		w += (size_t) left * stride;
	if (lanes == 1 && stride == 1)
		out[0] = fit_one(kernel, loess->degree, y, w);
	else
		for (int l = 0; l < lanes; l += LANES)
			fit_lanes(kernel, loess->degree, y + l, w ? w + l : NULL, lanes - l < LANES ? lanes - l : LANES, stride, out + l);
	if (w)
		for (int l = 0; l < lanes; l++)
			if (isnan(out[l]))
				out[l] = else_row[l];
}

/* Points between two that were fitted, on straight lines. */
static void
interpolate(double *out, int from, int to, int lanes, int stride)
{
	for (int i = from + 1; i < to; i++)
		for (int l = 0; l < lanes; l++)
		{
			double		low = out[(size_t) from * stride + l];
			double		high = out[(size_t) to * stride + l];

			out[(size_t) i * stride + l] = low + (high - low) / (to - from) * (i - from);
		}
}

void
ecml_loess(const EcmlLoess *loess, const double *y, const double *w, int n, int lanes, int stride, bool beyond, double *out,
		   double *scratch)
{
	size_t		size = loess->window < n ? loess->window : n;
	Kernel		kernel = {.k = scratch,.kd = scratch + size,.kdd = scratch + 2 * size,.fit = scratch + 3 * size};
	int			half = (loess->window - 1) / 2;
	int			last_left = loess->window < n ? n - loess->window : 0;
	int			jump = loess->jump < n - 1 ? loess->jump : n - 1;
	double	   *inner = beyond ? out + stride : out;
	int			left = 0;
	int			done = 0;

	if (n < 2)
		for (int l = 0; l < lanes; l++)
			inner[l] = y[l];
	else
	{
		for (int i = 0; i < n; i += jump)
		{
			left = i - half < 0 ? 0 : i - half < last_left ? i - half : last_left;
			fit_point(loess, &kernel, y, w, n, lanes, stride, i, left, inner + (size_t) i * stride, y + (size_t) i * stride);
			interpolate(inner, done, i, lanes, stride);
			done = i;
		}
		if (done != n - 1)
		{
			/* the last point is fitted from the window of the one before */
			fit_point(loess, &kernel, y, w, n, lanes, stride, n - 1, left, inner + (size_t) (n - 1) * stride,
					  y + (size_t) (n - 1) * stride);
			interpolate(inner, done, n - 1, lanes, stride);
		}
	}
	if (beyond)
	{
		fit_point(loess, &kernel, y, w, n, lanes, stride, -1, 0, out, inner);
		fit_point(loess, &kernel, y, w, n, lanes, stride, n, last_left, inner + (size_t) n * stride,
				  inner + (size_t) (n - 1) * stride);
	}
}
