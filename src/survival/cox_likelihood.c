/*
 * cox_likelihood.c - Cox's partial likelihood with its gradient and information
 *
 * Rows stand by stratum and falling time, so that a risk set is all rows of the stratum so far.  With r = w e^eta, S0, S1 the
 * sums of r and r x over the risk set, D0, D1 those over the d events of a time, Efron's likelihood takes for the l-th of
 * them, l = 0 .. d - 1, with f = l / d (Breslow's: f = 0) and W the events' mean weight
 *
 *     - W ln(S0 - f D0),    gradient  - W (S1 - f D1) / (S0 - f D0)
 *
 * Summed the other way round, a row's part in the gradient is x (w event - r C), where C is the cumulative hazard of its
 * time, less what Efron takes off for the events themselves; and the information is X' diag(r C) X less the sum over times
 * of squares in S1 and D1, at most two rows a time: both are products of matrices, n p^2 / 2 each.
 *
 * The sums over rows run in ranges on threads; S1 at the start of a range comes from the totals of those before it.
 */
#include "cox_internal.h"

#include <math.h>
#include <string.h>

#define PANEL 128				/* rows at once */
#define TASK_FLOPS 2e7
#define POLL_ROWS 65536

void
cox_likelihood_init(EcmlCtx *ctx, CoxLikelihood *l, CoxRows *rows, CoxTies ties)
{
	size_t		p = rows->p;
	double		most = TASK_FLOPS / ((double) p * p + 16);

	memset(l, 0, sizeof(*l));
	l->ctx = ctx;
	l->rows = rows;
	l->ties = ties;
	l->range = (rows->n + COX_SLOTS - 1) / COX_SLOTS;
	if (l->range > most)
		l->range = most;
	if (l->range < 512)
		l->range = 512;
	l->nranges = (rows->n + l->range - 1) / l->range;
	l->eta = ECML_NEW0(ctx, double, rows->n);
	l->hazard = ECML_NEW(ctx, double, rows->n);
	l->peaks = ECML_NEW(ctx, double, l->nranges);
	l->gradient = ECML_NEW(ctx, double, p + 1);
	if (p == 0)
		return;
	l->carries = ecml_alloc_array(ctx, l->nranges, 2 * p * sizeof(double));
	l->gradients = ECML_NEW(ctx, double, COX_SLOTS * p);
	l->matrices = ecml_alloc_array(ctx, COX_SLOTS * p, p * sizeof(double));
	l->information = ecml_alloc_array(ctx, p, p * sizeof(double));
	/* of whole cache lines: what BLAS computes to the last bit may depend on how its arguments lie */
	l->scratch_size = (2 * p + 2 * PANEL * p + 7) / 8 * 8;
	l->scratch = ecml_alloc_array(ctx, ecml_workers(ctx, COX_SLOTS), l->scratch_size * sizeof(double));
}

/* All ranges, in rounds of COX_SLOTS tasks. */
static void
for_ranges(CoxLikelihood *l, EcmlTask task)
{
	for (l->base = 0; l->base < l->nranges; l->base += COX_SLOTS)
		ecml_parallel_for(l->ctx, l->nranges - l->base < COX_SLOTS ? l->nranges - l->base : COX_SLOTS, task, l);
}

static inline size_t
range_end(const CoxLikelihood *l, size_t range)
{
	return (range + 1) * l->range < l->rows->n ? (range + 1) * l->range : l->rows->n;
}

static void
eta_task(void *arg, size_t slot, int worker)
{
	CoxLikelihood *l = arg;
	const CoxRows *rows = l->rows;
	size_t		range = l->base + slot;
	size_t		first = range * l->range;
	size_t		end = range_end(l, range);
	double		peak = -INFINITY;

	for (size_t i = first; i < end; i++)
	{
		const double *x = rows->x + i * rows->p;
		double		sum = 0;

		for (int j = 0; j < rows->p; j++)
			sum += x[j] * l->beta[j];
		l->eta[i] = sum;
		peak = fmax(peak, sum);
	}
	l->peaks[range] = peak;
}

static void
hazard_task(void *arg, size_t slot, int worker)
{
	CoxLikelihood *l = arg;
	size_t		range = l->base + slot;
	size_t		end = range_end(l, range);

	for (size_t i = range * l->range; i < end; i++)
		l->hazard[i] = l->rows->w[i] * exp(l->eta[i] - l->shift);
}

/* The part of a group's events, and what it puts on the rows. */
static double
group_value(CoxGroup *g, CoxTies ties)
{
	double		value = 0;
	double		each = g->weight / g->events;

	g->c1 = g->c2 = g->a = g->b = g->c = 0;
	if (g->events == 0)
		return 0;
	if (ties == COX_BRESLOW)
	{
		g->c1 = g->weight / g->risk;
		g->a = g->c1 / g->risk;
		return -g->weight * log(g->risk);
	}
	for (int64_t k = 0; k < g->events; k++)
	{
		double		f = (double) k / g->events;
		double		sum = g->risk - f * g->tied;
		double		part = each / sum;

		value -= each * log(sum);
		g->c1 += part;
		g->c2 += f * part;
		part /= sum;
		g->a += part;
		g->b += f * part;
		g->c += f * f * part;
	}
	return value;
}

double
cox_likelihood_value(CoxLikelihood *l, const double *beta)
{
	CoxRows    *rows = l->rows;
	double		risk = 0;
	double		cumulative = 0;

	l->beta = beta;
	for_ranges(l, eta_task);
	l->shift = -INFINITY;
	for (size_t i = 0; i < l->nranges; i++)
		l->shift = fmax(l->shift, l->peaks[i]);
	if (!isfinite(l->shift))
		return l->value = NAN;
	for_ranges(l, hazard_task);
	l->value = 0;
	for (size_t i = 0; i < rows->ngroups; i++)
	{
		CoxGroup   *g = &rows->groups[i];

		if (g->new_stratum)
			risk = 0;
		g->tied = 0;
		for (size_t k = g->first; k < g->end; k++)
		{
			risk += l->hazard[k];
			if (rows->event[k])
			{
				g->tied += l->hazard[k];
				l->value += rows->w[k] * (l->eta[k] - l->shift);
			}
			if (k % POLL_ROWS == 0)
				ecml_poll(l->ctx, 0, 0);
		}
		g->risk = risk;
		l->value += group_value(g, l->ties);
	}
	for (size_t i = rows->ngroups; i-- > 0;)
	{
		cumulative += rows->groups[i].c1;
		rows->groups[i].cumulative = cumulative;
		if (rows->groups[i].new_stratum)
			cumulative = 0;
	}
	return l->value;
}

static inline void
add_row(double *sum, double factor, const double *x, int p)
{
	for (int j = 0; j < p; j++)
		sum[j] += factor * x[j];
}

/* The totals of a range since the last stratum, and since the last group, that begin in it. */
ECML_CLONES static void
totals_task(void *arg, size_t slot, int worker)
{
	CoxLikelihood *l = arg;
	const CoxRows *rows = l->rows;
	size_t		range = l->base + slot;
	size_t		end = range_end(l, range);
	size_t		p = rows->p;
	double	   *risk = l->carries + range * 2 * p;
	double	   *tied = risk + p;

	memset(risk, 0, 2 * p * sizeof(double));
	for (size_t i = range * l->range; i < end; i++)
	{
		const CoxGroup *g = &rows->groups[rows->group[i]];

		if (i == g->first)
		{
			memset(tied, 0, p * sizeof(double));
			if (g->new_stratum)
				memset(risk, 0, p * sizeof(double));
		}
		add_row(risk, l->hazard[i], rows->x + i * p, p);
		if (rows->event[i])
			add_row(tied, l->hazard[i], rows->x + i * p, p);
	}
}

/* From totals to sums at the start of each range. */
static void
carry(CoxLikelihood *l)
{
	const CoxRows *rows = l->rows;
	size_t		p = rows->p;
	double	   *sums = ECML_NEW0(l->ctx, double, 2 * p);

	for (size_t range = 0; range < l->nranges; range++)
	{
		size_t		first = range * l->range;
		size_t		last = range_end(l, range) - 1;
		double	   *totals = l->carries + range * 2 * p;
		bool		group_begins = rows->groups[rows->group[last]].first >= first;
		bool		stratum_begins = false;

		for (size_t g = rows->group[last] + 1; g-- > 0 && rows->groups[g].first >= first && !stratum_begins;)
			stratum_begins = rows->groups[g].new_stratum;
		for (size_t j = 0; j < p; j++)
		{
			double		risk = sums[j];
			double		tied = sums[p + j];

			sums[j] = totals[j] + (stratum_begins ? 0 : risk);
			sums[p + j] = totals[p + j] + (group_begins ? 0 : tied);
			totals[j] = risk;
			totals[p + j] = tied;
		}
	}
	ecml_free(l->ctx, sums);
}

/*
 * matrix += factor panel' panel, of n rows in a panel; four rows at once, so that the matrix is read and written a quarter as
 * often.  No BLAS: its serial build shares buffers between threads.
 */
static inline __attribute__((always_inline)) void
add_panel(double *restrict matrix, double factor, double *restrict panel, int n, int p)
{
	/* rows of 0 up to a multiple of four: the panel has room */
	for (; n % 4 != 0; n++)
		memset(panel + (size_t) n * p, 0, p * sizeof(double));
	for (int i = 0; i < n; i += 4)
	{
		const double *a = panel + (size_t) i * p;
		const double *b = a + p;
		const double *c = b + p;
		const double *d = c + p;

		for (int j = 0; j < p; j++)
		{
			double	   *row = matrix + (size_t) j * p;
			double		fa = factor * a[j];
			double		fb = factor * b[j];
			double		fc = factor * c[j];
			double		fd = factor * d[j];

			for (int k = 0; k <= j; k++)
				row[k] += (fa * a[k] + fb * b[k]) + (fc * c[k] + fd * d[k]);
		}
	}
}

ECML_CLONES static void
slopes_task(void *arg, size_t slot, int worker)
{
	CoxLikelihood *l = arg;
	const CoxRows *rows = l->rows;
	size_t		range = l->base + slot;
	size_t		end = range_end(l, range);
	size_t		p = rows->p;
	double	   *matrix = l->matrices + slot * p * p;
	double	   *gradient = l->gradients + slot * p;
	double	   *risk = l->scratch + worker * l->scratch_size;
	double	   *tied = risk + p;
	double	   *plus = tied + p;
	double	   *minus = plus + PANEL * p;
	int			nplus = 0;
	int			nminus = 0;

	memcpy(risk, l->carries + range * 2 * p, 2 * p * sizeof(double));
	for (size_t i = range * l->range; i < end; i++)
	{
		const CoxGroup *g = &rows->groups[rows->group[i]];
		const double *x = rows->x + i * p;
		double		part = l->hazard[i] * (g->cumulative - (rows->event[i] ? g->c2 : 0));

		if (i == g->first)
		{
			memset(tied, 0, p * sizeof(double));
			if (g->new_stratum)
				memset(risk, 0, p * sizeof(double));
		}
		add_row(risk, l->hazard[i], x, p);
		if (rows->event[i])
			add_row(tied, l->hazard[i], x, p);
		add_row(gradient, (rows->event[i] ? rows->w[i] : 0) - part, x, p);
		if (part > 0)
		{
			double		root = sqrt(part);
			double	   *row = plus + p * nplus++;

			for (size_t j = 0; j < p; j++)
				row[j] = root * x[j];
		}
		if (i + 1 == g->end && g->events > 0)
		{
			/* a S1 S1' - b (S1 D1' + D1 S1') + c D1 D1' as a sum of squares */
			double		root = sqrt(g->a);
			double		rest = sqrt(fmax(0, g->c - g->b / g->a * g->b));
			double		tie = g->b / root;
			double	   *row = minus + p * nminus++;

			for (size_t j = 0; j < p; j++)
				row[j] = root * risk[j] - tie * tied[j];
			if (rest > 0)
			{
				row = minus + p * nminus++;
				for (size_t j = 0; j < p; j++)
					row[j] = rest * tied[j];
			}
		}
		if (nplus == PANEL || i + 1 == end)
		{
			add_panel(matrix, 1, plus, nplus, p);
			nplus = 0;
		}
		if (nminus > PANEL - 2 || i + 1 == end)
		{
			add_panel(matrix, -1, minus, nminus, p);
			nminus = 0;
		}
	}
}

void
cox_likelihood_slopes(CoxLikelihood *l)
{
	size_t		p = l->rows->p;

	if (p == 0)
		return;
	for_ranges(l, totals_task);
	carry(l);
	memset(l->gradients, 0, COX_SLOTS * p * sizeof(double));
	memset(l->matrices, 0, COX_SLOTS * p * p * sizeof(double));
	for_ranges(l, slopes_task);
	memset(l->gradient, 0, p * sizeof(double));
	memset(l->information, 0, p * p * sizeof(double));
	for (int s = 0; s < COX_SLOTS; s++)
	{
		for (size_t j = 0; j < p; j++)
			l->gradient[j] += l->gradients[s * p + j];
		for (size_t k = 0; k < p * p; k++)
			l->information[k] += l->matrices[s * p * p + k];
		ecml_poll(l->ctx, 0, 0);
	}
	for (size_t j = 0; j < p; j++)
		for (size_t k = 0; k < j; k++)
			l->information[k * p + j] = l->information[j * p + k];
}
