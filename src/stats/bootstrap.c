/*
 * bootstrap.c - the Poisson bootstrap: see bootstrap.h
 */
#include "stats/bootstrap.h"

#include <math.h>

#include "num/dist.h"
#include "num/sort.h"

void
bootstrap_init(EcmlCtx *ctx, BootstrapSums *b, int replicates)
{
	b->n = 0;
	b->sums = ECML_NEW0(ctx, double, 4 * ((size_t) replicates + 1));
}

/* Two 32-bit halves mixed into another (the finaliser of MurmurHash3, A. Appleby, public domain, with a second word). */
static inline uint32_t
mix(uint32_t a, uint32_t b)
{
	a ^= a >> 16;
	a *= 0x85EBCA6Bu;
	a ^= a >> 13;
	a = (a ^ b) * 0xC2B2AE35u;
	a ^= a >> 16;
	a *= 0x85EBCA6Bu;
	return a ^ (a >> 15);
}

/* P(Poisson(1) <= k) in 32 bits, k = 0 .. 8; more has 1e-7 */
#define T0 1580030167u
#define T1 3160060336u
#define T2 3950075420u
#define T3 4213413782u
#define T4 4279248372u
#define T5 4292415290u
#define T6 4294609776u
#define T7 4294923275u
#define T8 4294962462u

/* hi + lo += value (Knuth's TwoSum) */
static inline void
add_to(double *hi, double *lo, double value)
{
	double		sum = *hi + value;
	double		part = sum - *hi;

	*lo += (*hi - (sum - part)) + (value - part);
	*hi = sum;
}

#define TILE 256

ECML_CLONES void
bootstrap_add(BootstrapSums *b, int replicates, uint64_t unit, double y, double x)
{
	int			stride = replicates + 1;
	double	   *restrict y_hi = b->sums;
	double	   *restrict y_lo = b->sums + stride;
	double	   *restrict x_hi = b->sums + 2 * stride;
	double	   *restrict x_lo = b->sums + 3 * stride;
	uint32_t	low = (uint32_t) unit;
	uint32_t	high = (uint32_t) (unit >> 32);
	int32_t		weights[TILE];

	for (int first = 0; first < replicates; first += TILE)
	{
		int			n = replicates - first < TILE ? replicates - first : TILE;

		for (int r = 0; r < n; r++)
		{
			uint32_t	u = mix(low + (uint32_t) (first + r) * 0x9E3779B9u, high);

			weights[r] = (u > T0) + (u > T1) + (u > T2) + (u > T3) + (u > T4) + (u > T5) + (u > T6) + (u > T7) + (u > T8);
		}
		for (int r = 0; r < n; r++)
		{
			add_to(&y_hi[first + r], &y_lo[first + r], weights[r] * y);
			add_to(&x_hi[first + r], &x_lo[first + r], weights[r] * x);
		}
	}
	add_to(&y_hi[replicates], &y_lo[replicates], y);
	add_to(&x_hi[replicates], &x_lo[replicates], x);
	b->n++;
}

void
bootstrap_merge(BootstrapSums *b, const BootstrapSums *other, int replicates)
{
	int			stride = replicates + 1;

	b->n += other->n;
	for (int part = 0; part < 2; part++)
		for (int r = 0; r < stride; r++)
		{
			double	   *hi = &b->sums[2 * part * stride + r];

			add_to(hi, hi + stride, other->sums[2 * part * stride + r]);
			hi[stride] += other->sums[(2 * part + 1) * stride + r];
		}
}

static double
estimate(const BootstrapSums *b, int stride, int r)
{
	return (b->sums[r] + b->sums[stride + r]) / (b->sums[2 * stride + r] + b->sums[3 * stride + r]);
}

/* Between order statistics, as percentile_cont has it. */
static double
quantile(const double *sorted, size_t n, double p)
{
	double		at = p * (double) (n - 1);
	size_t		below = (size_t) at;

	return below + 1 < n ? sorted[below] + (at - (double) below) * (sorted[below + 1] - sorted[below]) : sorted[n - 1];
}

BootstrapResult
bootstrap_difference(EcmlCtx *ctx, const BootstrapSums *a, const BootstrapSums *b, const BootstrapParams *params)
{
	BootstrapResult result = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
	int			stride = params->replicates + 1;
	double	   *replicates;
	double		mean = 0;
	double		square = 0;
	double		tail = 0.5 * (1 - params->level);
	size_t		below = 0;
	size_t		above = 0;
	size_t		n = 0;

	result.estimate_a = estimate(a, stride, params->replicates);
	if (b)
		result.estimate_b = estimate(b, stride, params->replicates);
	result.difference = result.estimate_a - (b ? result.estimate_b : 0);
	replicates = ECML_NEW(ctx, double, stride);
	for (int r = 0; r < params->replicates; r++)
	{
		double		value = estimate(a, stride, r) - (b ? estimate(b, stride, r) : 0);

		if (!isfinite(value))
			continue;
		replicates[n++] = value;
		mean += value - result.difference;
		below += value <= 0;
		above += value >= 0;
	}
	if (n < 2 || !isfinite(result.difference))
		return result;
	mean = result.difference + mean / (double) n;
	for (size_t r = 0; r < n; r++)
		square += (replicates[r] - mean) * (replicates[r] - mean);
	result.std_error = sqrt(square / (double) (n - 1));
	ecml_sort_f8(ctx, replicates, n);
	result.ci_low = quantile(replicates, n, tail);
	result.ci_high = quantile(replicates, n, 1 - tail);
	if (params->interval == BOOTSTRAP_BASIC)
	{
		double		low = 2 * result.difference - result.ci_high;

		result.ci_high = 2 * result.difference - result.ci_low;
		result.ci_low = low;
	}
	if (params->interval == BOOTSTRAP_NORMAL)
	{
		double		reach = ecml_normal_isf(tail) * result.std_error;

		result.ci_low = result.difference - reach;
		result.ci_high = result.difference + reach;
	}
	/* the observation itself counts as one: never 0 */
	if (b)
		result.p_value = fmin(1, 2 * (double) ((below < above ? below : above) + 1) / (double) (n + 1));
	ecml_free(ctx, replicates);
	return result;
}
