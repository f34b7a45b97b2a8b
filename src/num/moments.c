/*
 * moments.c - count, mean and variance of one column in one pass, mergeable
 *
 * Sums of x and x * x as unevaluated pairs hi + lo: TwoSum (Knuth) keeps what an addition rounds away, fma what a product
 * does (Ogita, Rump, Oishi, "Accurate sum and dot product", 2005).  Each addition's rounding is some 1e-32 of the sum.
 *
 * To be compiled with -ffp-contract=off (the Makefile sets it): fusing x * x into the addition after it would lose the
 * product whose error is being taken.  No -ffast-math, as everywhere.
 *
 * Cost: about 10 ns a value, a chain of eight additions.
 * Limits: where |x| is above 1.3e154 its square overflows, and the variance is infinity, never NaN; below 1e-146 the low
 * part of the square underflows, and digits are lost.  A sum beyond 1.8e308 stays infinite.
 */
#include "moments.h"

#include "ctx.h"

#include <math.h>

#define always_inline static inline __attribute__((always_inline))

/* s + e = a + b exactly */
always_inline double
two_sum(double a, double b, double *e)
{
	double		s = a + b;
	double		t = s - a;

	*e = (a - (s - t)) + (b - t);
	return s;
}

/* Make lo small against hi again. */
always_inline void
renormalise(double *hi, double *lo)
{
	double		s = *hi + *lo;

	*lo = *lo - (s - *hi);
	*hi = s;
}

/* An overflow is final: infinity, with a low part of zero. */
static void
settle(double *hi, double *lo)
{
	if (isfinite(*hi) && isfinite(*lo))
		return;
	*lo = 0;
	if (isnan(*hi))
		*hi = INFINITY;
}

/* The sums after one of them overflowed in ecml_moments_add. */
static __attribute__((noinline, cold)) void
add_overflow(EcmlMoments *m, double x)
{
	double		e;
	double		s;

	if (isfinite(m->sum_hi))
	{
		s = two_sum(m->sum_hi, x, &e);
		m->sum_hi = s;
		m->sum_lo += e;
		settle(&m->sum_hi, &m->sum_lo);
	}
	if (isfinite(m->square_hi))
	{
		double		square = x * x;

		s = two_sum(m->square_hi, square, &e);
		m->square_hi = s;
		m->square_lo += e + (isfinite(square) ? fma(x, x, -square) : 0);
		settle(&m->square_hi, &m->square_lo);
	}
}

ECML_CLONES void
ecml_moments_add(EcmlMoments *m, double x)
{
	double		square = x * x;
	double		sum_error;
	double		square_error;
	double		sum = two_sum(m->sum_hi, x, &sum_error);
	double		squares = two_sum(m->square_hi, square, &square_error);

	m->n++;
	/* a sum of x beyond the range means that the squares are beyond it too; an infinity stays in squares */
	if (__builtin_expect(!(squares <= 1.7e308), 0))
	{
		add_overflow(m, x);
		return;
	}
	sum_error += m->sum_lo;
	square_error += m->square_lo + fma(x, x, -square);
	renormalise(&sum, &sum_error);
	renormalise(&squares, &square_error);
	m->sum_hi = sum;
	m->sum_lo = sum_error;
	m->square_hi = squares;
	m->square_lo = square_error;
}

static void
merge_pair(double *hi, double *lo, double other_hi, double other_lo)
{
	double		e;

	if (!isfinite(*hi))
		return;
	*hi = two_sum(*hi, other_hi, &e);
	*lo += other_lo + e;
	if (isfinite(*hi))
		renormalise(hi, lo);
	settle(hi, lo);
}

void
ecml_moments_merge(EcmlMoments *m, const EcmlMoments *other)
{
	m->n += other->n;
	merge_pair(&m->sum_hi, &m->sum_lo, other->sum_hi, other->sum_lo);
	merge_pair(&m->square_hi, &m->square_lo, other->square_hi, other->square_lo);
}

#define LANES 8

/* The same in eight chains side by side, which vectorise; added up at the end. */
ECML_CLONES void
ecml_moments_add_block(EcmlMoments *m, const double *x, int n)
{
	double		sum[LANES] = {0};
	double		sum_lo[LANES] = {0};
	double		square[LANES] = {0};
	double		square_lo[LANES] = {0};
	int			whole = n - n % LANES;
	double		finite = 0;

	for (int i = 0; i < whole; i += LANES)
		for (int j = 0; j < LANES; j++)
		{
			double		v = x[i + j];
			double		product = v * v;
			double		sum_error;
			double		square_error;

			sum[j] = two_sum(sum[j], v, &sum_error);
			square[j] = two_sum(square[j], product, &square_error);
			sum_lo[j] += sum_error;
			square_lo[j] += square_error + fma(v, v, -product);
		}
	for (int j = 0; j < LANES; j++)
		finite += (sum[j] + sum_lo[j] + square[j] + square_lo[j]) * 0;
	if (finite != 0)
		whole = 0;				/* infinite or NaN: beyond the range, value by value */
	for (int j = 0; j < LANES && whole > 0; j++)
	{
		EcmlMoments lane = {.n = whole / LANES,.sum_hi = sum[j],.sum_lo = sum_lo[j],.square_hi = square[j],.square_lo = square_lo[j]};

		ecml_moments_merge(m, &lane);
	}
	for (int i = whole; i < n; i++)
		ecml_moments_add(m, x[i]);
}

void
ecml_moments_add_pair(EcmlMoments *m, double hi, double lo)
{
	double		square = hi * hi;
	double		cross = 2 * hi * lo;

	if (lo == 0 || !isfinite(square))
	{
		ecml_moments_add(m, hi);
		return;
	}
	m->n++;
	merge_pair(&m->sum_hi, &m->sum_lo, hi, lo);
	merge_pair(&m->square_hi, &m->square_lo, square, fma(hi, hi, -square) + (cross + lo * lo));
}

void
ecml_moments_mean_pair(const EcmlMoments *m, double *hi, double *lo)
{
	double		n = (double) m->n;

	*hi = (m->sum_hi + m->sum_lo) / n;
	*lo = 0;
	/* the remainder of the division is exact; the sum's high part may differ from hi * n by the low one */
	if (isfinite(*hi))
	{
		*lo = (fma(-*hi, n, m->sum_hi) + m->sum_lo) / n;
		renormalise(hi, lo);
	}
}

double
ecml_moments_mean(const EcmlMoments *m)
{
	double		hi;
	double		lo;

	ecml_moments_mean_pair(m, &hi, &lo);
	return hi + lo;
}

/* (sum of squares - (sum of x)^2 / n) / (n - 1), the difference in pairs */
double
ecml_moments_variance(const EcmlMoments *m)
{
	double		n = (double) m->n;
	double		sum = m->sum_hi;
	double		sum_lo = m->sum_lo;
	double		square = m->square_hi;
	double		square_lo = m->square_lo;
	double		product;
	double		product_lo;
	double		quotient;
	double		quotient_lo;
	double		error;
	double		difference;

	if (m->n < 2)
		return NAN;
	if (!isfinite(square) || !isfinite(sum))
		return INFINITY;
	renormalise(&sum, &sum_lo);
	renormalise(&square, &square_lo);

	/* (sum / n) * sum rather than sum * sum / n: what is finite in the end stays finite on the way */
	quotient = sum / n;
	quotient_lo = (fma(-quotient, n, sum) + sum_lo) / n;
	product = quotient * sum;
	product_lo = fma(quotient, sum, -product) + (quotient * sum_lo + quotient_lo * sum);
	if (!isfinite(product))
		return INFINITY;
	difference = two_sum(square, -product, &error);
	difference += error + (square_lo - product_lo);
	/* what rounding leaves of a constant column's variance, either way: up to n 2^-109 of the squares, measured */
	if (difference <= square * (0x1p-99 + n * 0x1p-108))
		return 0;
	return difference / (n - 1);
}

double
ecml_moments_sd(const EcmlMoments *m)
{
	return sqrt(ecml_moments_variance(m));
}
