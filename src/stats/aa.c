/*
 * aa.c - the A/A check: see aa.h
 *
 * Values are centred first, so that plain sums keep their digits; the second group's sums are those of all less the first one's.
 * A task is a split of a range of units; ranges are added up in their order.
 */
#include "stats/aa.h"

#include <math.h>
#include <string.h>

#include "num/dist.h"
#include "num/hash.h"
#include "num/moments.h"
#include "num/sort.h"

#define RANGE 131072			/* units a task */
#define BLOCK 1024

/* Sums over units of a group, y and x centred. */
typedef struct Sums
{
	double		n;
	double		x;
	double		y;
	double		xx;
	double		xy;
	double		yy;
	double		squares;		/* of rows, about the mean of all rows */
} Sums;

/* A metric as the tasks read it. */
typedef struct Column
{
	double	   *has;			/* [units] 1, or 0 for a unit that is left out */
	double	   *y;				/* centred, 0 where left out */
	double	   *x;				/* centred; NULL: none */
	double	   *squares;		/* NULL: none */
	double		mean_y;
	double		mean_x;			/* 1: none */
	Sums		all;
} Column;

typedef struct Work
{
	const uint64_t *hash;
	size_t		units;
	const Column *columns;
	int			ncolumns;
	size_t		ranges;
	uint64_t	seed;
	Sums	   *sums;			/* [splits][ranges][ncolumns] of the first group */
} Work;

static void
add_block(const Column *c, size_t first, int n, const double *in, Sums *sums)
{
	Sums		s = *sums;

	for (int i = 0; i < n; i++)
	{
		double		w = in[i];
		double		y = c->y[first + i];

		s.n += w * c->has[first + i];
		s.y += w * y;
		s.yy += w * y * y;
		if (c->x)
		{
			double		x = c->x[first + i];

			s.x += w * x;
			s.xx += w * x * x;
			s.xy += w * x * y;
		}
		if (c->squares)
			s.squares += w * c->squares[first + i];
	}
	*sums = s;
}

static void
split_task(void *arg, size_t task, int worker)
{
	Work	   *work = arg;
	size_t		split = task / work->ranges;
	size_t		first = task % work->ranges * RANGE;
	size_t		end = first + RANGE < work->units ? first + RANGE : work->units;
	uint64_t	key = ecml_hash_seed(work->seed + split);
	Sums	   *sums = work->sums + task * work->ncolumns;
	double		in[BLOCK];

	memset(sums, 0, work->ncolumns * sizeof(Sums));
	for (size_t at = first; at < end; at += BLOCK)
	{
		int			n = (int) (end - at < BLOCK ? end - at : BLOCK);

		for (int i = 0; i < n; i++)
			in[i] = (double) (ecml_hash_mix(work->hash[at + i] ^ key) >> 63);
		for (int c = 0; c < work->ncolumns; c++)
			add_block(&work->columns[c], at, n, in, &sums[c]);
	}
}

/* ---- a split's p-values */

static double
p_value(double difference, double va, double na, double vb, double nb)
{
	double		v = va + vb;

	if (!(na >= 2 && nb >= 2) || !(v > 0))
		return NAN;
	return 2 * ecml_t_sf(fabs(difference) / sqrt(v), v * v / (va * va / (na - 1) + vb * vb / (nb - 1)));
}

/* Mean or ratio of a group; *variance: of it. */
static double
unit_estimate(const Column *c, const Sums *s, double *variance)
{
	double		mean_y = c->mean_y + s->y / s->n;
	double		yy = s->yy - s->y * s->y / s->n;
	double		mean_x = c->mean_x + s->x / s->n;
	double		ratio = mean_y / mean_x;

	if (c->x)
		yy += ratio * (ratio * (s->xx - s->x * s->x / s->n) - 2 * (s->xy - s->x * s->y / s->n));
	*variance = fmax(yy, 0) / (s->n - 1) / s->n / (mean_x * mean_x);
	return ratio;
}

/* The same of rows: s->x rows more than the mean's. */
static double
row_estimate(const Column *c, const Sums *s, double *n, double *variance)
{
	double		overall = c->mean_y / c->mean_x;
	double		sum;

	*n = s->x + s->n * c->mean_x;
	/* of the rows about the mean of all rows */
	sum = s->y - overall * s->x;
	*variance = fmax(s->squares - sum * sum / *n, 0) / (*n - 1) / *n;
	return sum / *n;
}

static void
split_p_values(const Column *c, const Sums *a, double *units, double *rows)
{
	Sums		b = {
		c->all.n - a->n, c->all.x - a->x, c->all.y - a->y, c->all.xx - a->xx, c->all.xy - a->xy, c->all.yy - a->yy,
		c->all.squares - a->squares
	};
	double		va;
	double		vb;
	double		ea = unit_estimate(c, a, &va);
	double		eb = unit_estimate(c, &b, &vb);
	double		na = a->n;
	double		nb = b.n;

	*units = p_value(ea - eb, va, na, vb, nb);
	*rows = NAN;
	if (c->squares)
	{
		ea = row_estimate(c, a, &na, &va);
		eb = row_estimate(c, &b, &nb, &vb);
		*rows = p_value(ea - eb, va, na, vb, nb);
	}
}

/* ---- all splits */

static Column
make_column(EcmlCtx *ctx, const AaMetric *metric, size_t units)
{
	Column		c = {.has = ECML_NEW0(ctx, double, units + 1),.y = ECML_NEW0(ctx, double, units + 1)};
	EcmlMoments y = {0};
	EcmlMoments x = {0};
	double		overall;

	if (metric->x)
		c.x = ECML_NEW0(ctx, double, units + 1);
	if (metric->squares)
		c.squares = ECML_NEW0(ctx, double, units + 1);
	for (size_t i = 0; i < units; i++)
	{
		if (i % RANGE == 0)
			ecml_poll(ctx, 0, 0);
		if (isnan(metric->y[i]) || (metric->x && isnan(metric->x[i])))
			continue;
		ecml_moments_add(&y, metric->y[i]);
		ecml_moments_add(&x, metric->x ? metric->x[i] : 1);
	}
	c.mean_y = y.n > 0 ? ecml_moments_mean(&y) : 0;
	c.mean_x = x.n > 0 ? ecml_moments_mean(&x) : 1;
	overall = c.mean_y / c.mean_x;
	for (size_t i = 0; i < units; i++)
	{
		if (i % RANGE == 0)
			ecml_poll(ctx, 0, 0);
		if (isnan(metric->y[i]) || (metric->x && isnan(metric->x[i])))
			continue;
		c.has[i] = 1;
		c.y[i] = metric->y[i] - c.mean_y;
		if (c.x)
			c.x[i] = metric->x[i] - c.mean_x;
		if (c.squares)
			c.squares[i] = metric->squares[i] - 2 * overall * metric->y[i] + overall * overall * metric->x[i];
	}
	return c;
}

/* Kolmogorov's p of p [n], ascending, against the uniform distribution, with Stephens's correction of 1970. */
static double
uniformity(const double *p, size_t n)
{
	double		most = 0;
	double		root = sqrt((double) n);

	for (size_t i = 0; i < n; i++)
		most = fmax(most, fmax((double) (i + 1) / (double) n - p[i], p[i] - (double) i / (double) n));
	return ecml_kolmogorov_sf(most * (root + 0.12 + 0.11 / root));
}

static void
judge(EcmlCtx *ctx, double *p, size_t n, double alpha, AaResult *r)
{
	size_t		distinct = 0;

	r->splits = (double) n;
	r->rate = r->ks_p = r->low = r->high = NAN;
	r->holds = false;
	if (n == 0)
		return;
	ecml_sort_f8(ctx, p, n);
	r->rate = 0;
	for (size_t i = 0; i < n; i++)
	{
		r->rate += p[i] <= alpha;
		distinct += i == 0 || p[i] > p[i - 1];
	}
	r->rate /= (double) n;
	r->low = ecml_binomial_quantile((1 - AA_LEVEL) / 2, (double) n, alpha) / (double) n;
	r->high = ecml_binomial_quantile((1 + AA_LEVEL) / 2, (double) n, alpha) / (double) n;
	/* few units, or rare conversions: p-values come in steps, and are not uniform */
	if (distinct > n - n / 20)
		r->ks_p = uniformity(p, n);
	r->holds = r->rate >= r->low && r->rate <= r->high && !(r->ks_p < 1 - AA_LEVEL);
}

void
aa_check(EcmlCtx *ctx, const uint64_t *hash, size_t units, const AaMetric *metrics, int nmetrics, int splits, double alpha,
		 uint64_t seed, AaResult *results)
{
	Column	   *columns = ECML_NEW(ctx, Column, nmetrics);
	double	   *p = ECML_NEW(ctx, double, splits);
	Work		work = {
		.hash = hash,.units = units,.columns = columns,.ncolumns = nmetrics,.ranges = (units + RANGE - 1) / RANGE,.seed = seed
	};

	if (work.ranges == 0)
		work.ranges = 1;
	for (int m = 0; m < nmetrics; m++)
	{
		columns[m] = make_column(ctx, &metrics[m], units);
		memset(&columns[m].all, 0, sizeof(Sums));
	}
	work.sums = ECML_NEW(ctx, Sums, work.ranges * splits * nmetrics);
	/* the sums of all: a split that everybody is in */
	for (size_t at = 0; at < units; at += BLOCK)
	{
		double		in[BLOCK];

		for (int i = 0; i < BLOCK; i++)
			in[i] = 1;
		if (at % RANGE == 0)
			ecml_poll(ctx, 0, 0);
		for (int m = 0; m < nmetrics; m++)
			add_block(&columns[m], at, (int) (units - at < BLOCK ? units - at : BLOCK), in, &columns[m].all);
	}
	ecml_parallel_for(ctx, work.ranges * splits, split_task, &work);
	for (int m = 0; m < nmetrics; m++)
	{
		size_t		n = 0;
		size_t		row_n = 0;
		size_t		wrong = 0;

		for (int s = 0; s < splits; s++)
		{
			Sums		a = {0};
			double		unit_p;
			double		row_p;

			if (s % 256 == 0)
				ecml_poll(ctx, 0, 0);
			for (size_t range = 0; range < work.ranges; range++)
			{
				const Sums *part = &work.sums[(s * work.ranges + range) * nmetrics + m];

				a.n += part->n;
				a.x += part->x;
				a.y += part->y;
				a.xx += part->xx;
				a.xy += part->xy;
				a.yy += part->yy;
				a.squares += part->squares;
			}
			split_p_values(&columns[m], &a, &unit_p, &row_p);
			if (!isnan(unit_p))
				p[n++] = unit_p;
			if (!isnan(row_p))
			{
				row_n++;
				wrong += row_p <= alpha;
			}
		}
		results[m] = (AaResult) {.units = columns[m].all.n,.row_rate = row_n > 0 ? (double) wrong / (double) row_n : NAN};
		judge(ctx, p, n, alpha, &results[m]);
	}
}
