/*
 * dist_range.c - the studentized range: the widest difference among k means by their standard error (Tukey 1949)
 *
 * Of k standard normals, P(range > w) = k times the integral over z of phi(z) (Phi(z)^(k-1) - (Phi(z) - Phi(z - w))^(k-1)),
 * so the upper tail needs no 1 - P.  The standard error's deviation s has a chi density with df degrees of freedom, which a
 * second integral averages over.  Both integrands are analytic and die out on the whole line (the second in log s), where the
 * trapezoidal rule converges exponentially: halving its step changes 1e-13 of the result at most.
 *
 * What depends on z and k alone is tabulated for a call.
 *
 * Time: about 1 ms, the inverse 10 ms; infinite df some microseconds.
 */
#include "num/dist.h"

#include <math.h>

#define POINTS 1600				/* of each sign, at most */
#define LOG_SQRT_2PI 0.91893853320467274178

typedef struct Inner
{
	double		k;
	double		step;			/* the more means, the narrower is where all of them lie together */
	int			points;			/* of each sign: point i is z = (i - points) * step, to 40, beyond which there is nothing */
	double		cdf[2 * POINTS + 1];	/* Phi(z) */
	double		weight[2 * POINTS + 1]; /* phi(z) Phi(z)^(k-1) */
} Inner;

static void
tabulate(Inner *inner, double k)
{
	inner->k = k;
	inner->step = k <= 10 ? 0.2 : k <= 50 ? 0.1 : k <= 1000 ? 0.05 : 0.025;
	inner->points = (int) (40 / inner->step + 0.5);
	for (int i = 0; i <= 2 * inner->points; i++)
	{
		double		z = (i - inner->points) * inner->step;

		inner->cdf[i] = ecml_normal_cdf(z);
		inner->weight[i] = inner->cdf[i] > 0 ? exp(-0.5 * z * z - LOG_SQRT_2PI + (k - 1) * log(inner->cdf[i])) : 0;
	}
}

/* The point at z, or the end of the table. */
static int
point(const Inner *inner, double z)
{
	return (int) fmin(fmax(floor(z / inner->step) + inner->points, 0), 2 * inner->points);
}

/* P(range of k standard normals > w), w > 0 */
static double
normal_range_sf(double w, const Inner *inner)
{
	int			last = point(inner, fmax(8.5 + sqrt(2 * log(inner->k)), 0.5 * w + 10));
	double		sum = 0;

	for (int i = point(inner, fmin(-8.5, 0.5 * w - 10)); i <= last; i++)
	{
		double		b = ecml_normal_cdf((i - inner->points) * inner->step - w);

		if (b > 0 && inner->weight[i] > 0)
			sum -= inner->weight[i] * expm1((inner->k - 1) * log1p(-b / inner->cdf[i]));
	}
	return fmin(1, inner->k * inner->step * sum);
}

/* P(range <= w): for the lower tail */
static double
normal_range_cdf(double w, const Inner *inner)
{
	double		low = -8.5;
	double		high = 8.5 + w;
	double		sum = 0;

	for (double z = low; z <= high; z += inner->step)
	{
		double		inside = z > 0.5 * w ? ecml_normal_sf(z - w) - ecml_normal_sf(z) : ecml_normal_cdf(z) - ecml_normal_cdf(z - w);

		if (inside > 0)
			sum += exp(-0.5 * z * z - LOG_SQRT_2PI + (inner->k - 1) * log(inside));
	}
	return fmin(1, inner->k * inner->step * sum);
}

typedef struct Range
{
	double		q;
	double		df;
	double		log_scale;		/* of the chi density */
	const Inner *inner;
	double		(*tail) (double w, const Inner *inner);
} Range;

/* Log of the integrand at t = log s; -inf where it underflows. */
static double
log_integrand(const Range *r, double t)
{
	double		s = exp(t);

	return r->log_scale + r->df * (t - 0.5 * (s * s - 1)) + log(r->tail(r->q * s, r->inner));
}

static double
integrate(Range *r)
{
	double		half = 0.5 * r->df;
	double		width = 1 / sqrt(2 * r->df);
	double		peak;
	double		best;
	double		step;
	double		sum;

	/* f(s) s = 2 (df / 2)^(df / 2) / Gamma(df / 2) s^df exp(-df s^2 / 2), written about s = 1 */
	r->log_scale = log(2) + half * (log(half) - 1) - lgamma(half);
	/* climb to the peak: the upper tail, about exp(-(q s)^2 / 4), pulls it to the left */
	peak = r->tail == normal_range_sf ? -0.5 * log1p(0.5 * r->q * r->q / r->df) : 0;
	best = log_integrand(r, peak);
	for (double reach = 4 * width; reach > 0.01 * width; reach *= 0.5)
		for (int side = -1; side <= 1; side += 2)
			for (;;)
			{
				double		next = log_integrand(r, peak + side * reach);

				if (!(next > best) || peak < -300)
					break;
				best = next;
				peak += side * reach;
			}
	if (isinf(best))
		return 0;
	{
		double		h = 0.1 * width;
		double		curvature = (log_integrand(r, peak - h) - 2 * best + log_integrand(r, peak + h)) / (h * h);

		/* the tail changes from 1 to 0 within a part of ln s that is narrow, too, for many means */
		step = curvature < 0 ? fmin((r->df < 3 ? 0.12 : 0.25) / sqrt(-curvature), r->inner->step) :
			fmin(0.5 * width, r->inner->step);
	}
	sum = 1;
	for (int side = -1; side <= 1; side += 2)
		for (int i = 1;; i++)
		{
			double		term = exp(log_integrand(r, peak + side * i * step) - best);

			sum += term;
			if (!(term > 1e-17 * sum))
				break;
		}
	return fmin(1, step * sum * exp(best));
}

static double
range_tail(double q, double df, const Inner *inner, double (*tail) (double, const Inner *))
{
	Range		r = {.q = q,.df = df,.inner = inner,.tail = tail};

	/* beyond, the deviation is 1 to 1e-8 and more: less than the difference shows */
	return df > 1e12 ? tail(q, inner) : integrate(&r);
}

static int
range_valid(double k, double df)
{
	return k >= 2 && k <= 1e6 && df > 0;
}

double
ecml_range_sf(double q, double k, double df)
{
	Inner		inner;

	if (isnan(q) || !range_valid(k, df))
		return NAN;
	if (q <= 0 || isinf(q))
		return q <= 0;
	tabulate(&inner, k);
	return range_tail(q, df, &inner, normal_range_sf);
}

double
ecml_range_cdf(double q, double k, double df)
{
	Inner		inner;
	double		upper;

	if (isnan(q) || !range_valid(k, df))
		return NAN;
	if (q <= 0 || isinf(q))
		return q > 0;
	tabulate(&inner, k);
	upper = range_tail(q, df, &inner, normal_range_sf);
	return upper < 0.5 ? 1 - upper : range_tail(q, df, &inner, normal_range_cdf);
}

/*
 * q with sf(q) = p.  One pair of the k (k - 1) / 2 is wider than q with less probability, all of them by Bonferroni's inequality
 * with more: their t quantiles are bounds.  Between them the secant rule on ln sf, kept between the bounds (Illinois).
 */
double
ecml_range_isf(double p, double k, double df)
{
	Inner		inner;
	double		low;
	double		high;
	double		f_low;
	double		f_high;
	double		before;
	int			side = 0;		/* which bound moved last */

	if (!(p >= 0 && p <= 1) || !range_valid(k, df))
		return NAN;
	if (p == 0)
		return INFINITY;
	if (p == 1)
		return 0;
	tabulate(&inner, k);
	low = sqrt(2) * ecml_t_isf(p / 2, df) * (1 - 1e-9);
	high = sqrt(2) * ecml_t_isf(p / (k * (k - 1)), df) * (1 + 1e-9);
	if (!isfinite(high))
		return high;
	f_low = log(range_tail(low, df, &inner, normal_range_sf) / p);
	f_high = log(range_tail(high, df, &inner, normal_range_sf) / p);
	before = low;
	for (int i = 0; i < 200 && high - low > 1e-15 * high; i++)
	{
		double		middle = i > 30 || isinf(f_high) ? 0.5 * (low + high) : low + (high - low) * f_low / (f_low - f_high);
		double		f;

		if (!(middle > low && middle < high))
			middle = 0.5 * (low + high);
		/* what is left is rounding in sf */
		if (fabs(middle - before) < 3e-14 * middle)
			return middle;
		before = middle;
		f = log(range_tail(middle, df, &inner, normal_range_sf) / p);
		if (f == 0)
			return middle;
		if (f > 0)
		{
			low = middle;
			f_low = f;
			if (side > 0)
				f_high *= 0.5;
			side = 1;
		}
		else
		{
			high = middle;
			f_high = f;
			if (side < 0)
				f_low *= 0.5;
			side = -1;
		}
	}
	return 0.5 * (low + high);
}

double
ecml_range_quantile(double p, double k, double df)
{
	return p >= 0 && p <= 1 ? ecml_range_isf(1 - p, k, df) : NAN;
}
