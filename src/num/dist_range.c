/*
 * dist_range.c - the studentized range: the widest difference among k means by their standard error (Tukey 1949)
 *
 * Of k standard normals, P(range > w) = k times the integral over z of phi(z) (Phi(z)^(k-1) - (Phi(z) - Phi(z - w))^(k-1)),
 * so the upper tail needs no 1 - P.  The standard error's deviation s has a chi density with df degrees of freedom, which a
 * second integral averages over.  Both integrands are analytic and die out on the whole line (the second in log s), where the
 * trapezoidal rule converges exponentially: halving its step changes 1e-13 of the result at most.
 *
 * Time: about 1 ms; infinite df some microseconds.
 */
#include "num/dist.h"

#include <math.h>

#define INNER_STEP 0.1
#define LOG_SQRT_2PI 0.91893853320467274178

/* P(range of k standard normals > w), w > 0 */
static double
normal_range_sf(double w, double k)
{
	double		low = fmin(-8.5, 0.5 * w - 10);
	double		high = fmax(8.5 + sqrt(2 * log(k)), 0.5 * w + 10);
	double		sum = 0;

	for (double z = low; z <= high; z += INNER_STEP)
	{
		double		a = ecml_normal_cdf(z);
		double		b = ecml_normal_cdf(z - w);

		if (b > 0)
			sum -= exp(-0.5 * z * z - LOG_SQRT_2PI + (k - 1) * log(a)) * expm1((k - 1) * log1p(-b / a));
	}
	return fmin(1, k * INNER_STEP * sum);
}

/* P(range <= w): for the lower tail */
static double
normal_range_cdf(double w, double k)
{
	double		low = -8.5;
	double		high = 8.5 + w;
	double		sum = 0;

	for (double z = low; z <= high; z += INNER_STEP)
	{
		double		inside = z > 0.5 * w ? ecml_normal_sf(z - w) - ecml_normal_sf(z) : ecml_normal_cdf(z) - ecml_normal_cdf(z - w);

		if (inside > 0)
			sum += exp(-0.5 * z * z - LOG_SQRT_2PI + (k - 1) * log(inside));
	}
	return fmin(1, k * INNER_STEP * sum);
}

typedef struct Range
{
	double		q;
	double		k;
	double		df;
	double		log_scale;		/* of the chi density */
	double		(*tail) (double w, double k);
} Range;

/* Log of the integrand at t = log s; -inf where it underflows. */
static double
log_integrand(const Range *r, double t)
{
	double		s = exp(t);

	return r->log_scale + r->df * (t - 0.5 * (s * s - 1)) + log(r->tail(r->q * s, r->k));
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

		step = curvature < 0 ? fmin(0.25 / sqrt(-curvature), 0.2) : 0.5 * width;
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
range_tail(double q, double k, double df, double (*tail) (double, double))
{
	Range		r = {.q = q,.k = k,.df = df,.tail = tail};

	/* beyond, the deviation is 1 to 1e-8 and more: less than the difference shows */
	return df > 1e12 ? tail(q, k) : integrate(&r);
}

static int
range_valid(double k, double df)
{
	return k >= 2 && k <= 1e6 && df > 0;
}

double
ecml_range_sf(double q, double k, double df)
{
	if (isnan(q) || !range_valid(k, df))
		return NAN;
	return q <= 0 ? 1 : isinf(q) ? 0 : range_tail(q, k, df, normal_range_sf);
}

double
ecml_range_cdf(double q, double k, double df)
{
	double		upper;

	if (isnan(q) || !range_valid(k, df))
		return NAN;
	if (q <= 0)
		return 0;
	upper = ecml_range_sf(q, k, df);
	return upper < 0.5 ? 1 - upper : range_tail(q, k, df, normal_range_cdf);
}

/* q with sf(q) = p, by bisection on log q and then the secant rule, kept between the bounds (Illinois). */
double
ecml_range_isf(double p, double k, double df)
{
	double		low = 1e-8;
	double		high = 8;
	double		f_low;
	double		f_high;

	if (!(p >= 0 && p <= 1) || !range_valid(k, df))
		return NAN;
	if (p == 0)
		return INFINITY;
	if (p == 1)
		return 0;
	while (ecml_range_sf(high, k, df) > p)
	{
		low = high;
		high *= 4;
		if (high > 1e300)
			return INFINITY;
	}
	f_low = log(ecml_range_sf(low, k, df) / p);
	f_high = log(ecml_range_sf(high, k, df) / p);
	for (int i = 0; i < 200 && high - low > 1e-14 * high; i++)
	{
		double		middle = i % 3 == 2 || isinf(f_high) ? 0.5 * (low + high) : low + (high - low) * f_low / (f_low - f_high);
		double		f;

		if (!(middle > low && middle < high))
			middle = 0.5 * (low + high);
		f = log(ecml_range_sf(middle, k, df) / p);
		if (f == 0)
			return middle;
		if (f > 0)
		{
			low = middle;
			f_low = f;
			f_high *= 0.5;
		}
		else
		{
			high = middle;
			f_high = f;
			f_low *= 0.5;
		}
	}
	return 0.5 * (low + high);
}

double
ecml_range_quantile(double p, double k, double df)
{
	return p >= 0 && p <= 1 ? ecml_range_isf(1 - p, k, df) : NAN;
}
