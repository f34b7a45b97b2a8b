/*
 * demand_fit.c - the demand curve of each product by itself: least squares, two stages with instruments, or a Poisson regression
 *
 * Columns are centred at the product's means, which leaves the constant out; their cross products are summed in double-double, and
 * factorised by a Cholesky factorisation that drops columns which the ones before them explain.  With instruments the own price is
 * replaced by its projection on instruments and other terms (Theil 1953, Basmann 1957); the residuals are those of the price
 * itself.
 *
 * Products are tasks of their own.  Cost: rows * columns^2 products of 3 ns.  Memory: scratch of the longest product for each thread.
 */
#include <math.h>
#include <string.h>

#include "num/chol.h"
#include "num/dd.h"
#include "pricing/demand.h"

#define COLLINEAR 1e-11			/* a column keeps less of its sum of squares: it is one of those before */
#define MOST (DEMAND_MAX_TERMS + DEMAND_MAX_INSTRUMENTS + 1)

#define LONG 1000000			/* products of a product's rows and columns: above, its fit is the leader's, who can be cancelled */

typedef struct Scratch
{
	EcmlCtx    *ctx;			/* of the leader; NULL in a task */
	double	   *c;				/* [most rows][columns] centred: terms, instruments, y */
	EcmlDd	   *gram;			/* [columns][columns] */
	EcmlDd	   *a;				/* [columns][columns] */
	EcmlDd	   *inverse;
	EcmlDd	   *v;				/* [columns] */
	double	   *meat;			/* [nterms][nterms] */
	double	   *h;				/* [nterms] */
	double	   *poisson;
} Scratch;

typedef struct Work
{
	const DemandData *data;
	DemandFit  *fits;
	Scratch    *scratch;
	int			columns;
} Work;

/* Which terms have values at all; the rows that have all of these, transformed; false: there are none. */
static int
gather(EcmlCtx *ctx, const DemandData *data, DemandFit *fit, size_t first, size_t last, double *c, int columns)
{
	bool		seen[DEMAND_MAX_TERMS] = {false};
	int			k = data->nterms;
	int			m = data->ninstruments;
	bool		logs = data->form != DEMAND_LINEAR;
	double		sums[DEMAND_MAX_TERMS] = {0};
	double		units = 0;
	int			n = 0;

	fit->low_price = INFINITY;
	fit->high_price = -INFINITY;
	for (size_t i = first; i < last; i++)
	{
		demand_attend(ctx, i);
		for (int j = 0; j < k; j++)
			seen[j] |= !isnan(data->x[i * k + j]);
	}
	seen[0] = true;
	for (size_t i = first; i < last; i++)
	{
		const double *x = data->x + i * k;
		double	   *to = c + (size_t) n * columns;
		double		y = data->units[i];
		bool		good = isfinite(y) && (!logs || y > 0 || (y == 0 && data->form == DEMAND_POISSON));

		demand_attend(ctx, i);
		for (int j = 0; j < k && good; j++)
		{
			good = !seen[j] || isfinite(x[j]);
			if (j < data->nprices && seen[j] && !(x[j] > 0))
				good = false;
			to[j] = seen[j] ? x[j] : 0;
		}
		for (int j = 0; j < m && good; j++)
		{
			good = isfinite(data->z[i * m + j]);
			to[k + j] = data->z[i * m + j];
		}
		if (!good)
			continue;
		for (int j = 0; j < k; j++)
			sums[j] += to[j];
		units += y;
		fit->low_price = fmin(fit->low_price, to[0]);
		fit->high_price = fmax(fit->high_price, to[0]);
		to[k + m] = y;
		n++;
	}
	fit->n = n;
	fit->skipped = (int) (last - first) - n;
	if (n == 0)
		return 0;
	fit->mean_units = units / n;
	fit->mean_price = sums[0] / n;
	fit->y_scale = logs || fit->mean_units == 0 ? 1 : fit->mean_units;
	for (int j = 0; j < k; j++)
		fit->x_scale[j] = j < data->nprices && !demand_logs_price(data->form) && seen[j] ? sums[j] / n : 1;
	for (int i = 0; i < n; i++)
	{
		double	   *to = c + (size_t) i * columns;

		demand_attend(ctx, i);
		for (int j = 0; j < data->nprices; j++)
			if (seen[j])
				to[j] = demand_logs_price(data->form) ? log(to[j]) : to[j] / fit->x_scale[j];
		if (data->form != DEMAND_POISSON)
			to[k + m] = logs ? log(to[k + m]) : to[k + m] / fit->y_scale;
	}
	for (int j = 0; j < k; j++)
		fit->b[j] = seen[j] ? 0 : NAN;
	return n;
}

/* Subtract the means, and sum the products. */
static void
centre(EcmlCtx *ctx, double *c, int n, int columns, double *mean, EcmlDd *gram)
{
	EcmlDd		sum[MOST] = {{0, 0}};

	for (int i = 0; i < n; i++)
	{
		demand_attend(ctx, i);
		for (int j = 0; j < columns; j++)
			sum[j] = dd_add(sum[j], dd_from(c[(size_t) i * columns + j]));
	}
	for (int j = 0; j < columns; j++)
	{
		sum[j] = dd_div(sum[j], dd_from(n));
		mean[j] = sum[j].hi;
	}
	memset(gram, 0, (size_t) columns * columns * sizeof(EcmlDd));
	for (int i = 0; i < n; i++)
	{
		double	   *row = c + (size_t) i * columns;

		demand_attend(ctx, i);
		for (int j = 0; j < columns; j++)
			row[j] = (row[j] - sum[j].hi) - sum[j].lo;
		for (int j = 0; j < columns; j++)
			for (int l = 0; l <= j; l++)
			{
				EcmlDd	   *g = &gram[(size_t) j * columns + l];
				EcmlDd		p = dd_two_prod(row[j], row[l]);
				EcmlDd		s = dd_two_sum(g->hi, p.hi);

				*g = dd_fast_two_sum(s.hi, s.lo + g->lo + p.lo);
			}
	}
	for (int j = 0; j < columns; j++)
		for (int l = 0; l < j; l++)
			gram[(size_t) l * columns + j] = gram[(size_t) j * columns + l];
}

/*
 * The factor of the rows and columns of gram that list names: a [n][n]; floor relative to each one's own sum of squares, and to what
 * rounding leaves of a constant column.
 */
static int
factor(const EcmlDd *gram, int columns, const int *list, int n, const double *mean, int rows, EcmlDd *a, bool *drop)
{
	double		floor[MOST];

	for (int i = 0; i < n; i++)
	{
		double		whole = mean[list[i]] * mean[list[i]] * rows;

		for (int j = 0; j < n; j++)
			a[(size_t) i * n + j] = gram[(size_t) list[i] * columns + list[j]];
		floor[i] = fmax(a[(size_t) i * n + i].hi * COLLINEAR, whole * 1e-28);
	}
	return ecml_chol_factor(a, n, floor, drop);
}

/*
 * The first stage: the projection of the price on instruments and the other terms.  Replaces the price's entries of a copy of gram
 * (what is orthogonal is left out); false: the instruments do not move it.
 */
static bool
first_stage(const DemandData *data, DemandFit *fit, const EcmlDd *gram, int columns, const double *mean, Scratch *scratch,
			EcmlDd *second, double *fitted)
{
	int			k = data->nterms;
	int			m = data->ninstruments;
	int			list[MOST] = {0};
	bool		drop[MOST];
	int			nexogenous = 0;
	int			n;
	int			kept;
	int			exogenous;
	EcmlDd		whole;
	EcmlDd		restricted = {0, 0};
	double		rest;
	double		df;

	for (int j = 1; j < k; j++)
		if (!isnan(fit->b[j]))
			list[nexogenous++] = j;
	n = nexogenous;
	for (int j = 0; j < m; j++)
		list[n++] = k + j;
	kept = factor(gram, columns, list, n, mean, fit->n, scratch->a, drop);
	exogenous = 0;
	for (int i = 0; i < nexogenous; i++)
		exogenous += !drop[i];
	if (kept == exogenous)
		return false;
	/* pi = (Z'Z)^-1 Z'p; the half way there sums up what is explained */
	for (int i = 0; i < n; i++)
		scratch->v[i] = drop[i] ? dd_from(0) : gram[(size_t) list[i] * columns];
	ecml_chol_forward(scratch->a, n, drop, scratch->v);
	for (int i = 0; i < nexogenous; i++)
		restricted = dd_add(restricted, dd_mul(scratch->v[i], scratch->v[i]));
	whole = ecml_dd_dot(scratch->v, scratch->v, n);
	ecml_chol_backward(scratch->a, n, drop, scratch->v);
	rest = fmax(dd_sub(gram[0], whole).hi, 0);
	df = fit->n - kept - 1;
	fit->first_stage = df > 0 ? dd_sub(whole, restricted).hi / (kept - exogenous) / (rest / df) : NAN;
	memcpy(second, gram, (size_t) columns * columns * sizeof(EcmlDd));
	second[0] = whole;
	for (int j = 1; j < columns; j++)
	{
		EcmlDd		sum = {0, 0};

		for (int i = 0; i < n; i++)
			sum = dd_add(sum, dd_mul(scratch->v[i], gram[(size_t) list[i] * columns + j]));
		second[j] = second[(size_t) j * columns] = sum;
	}
	memset(fitted, 0, columns * sizeof(double));
	for (int i = 0; i < n; i++)
		fitted[list[i]] = scratch->v[i].hi;
	return dd_sub(whole, restricted).hi > gram[0].hi * COLLINEAR;
}

static void
fit_one(const DemandData *data, DemandFit *fit, size_t first, size_t last, Scratch *scratch, int columns)
{
	int			k = data->nterms;
	int			m = data->ninstruments;
	int			y = k + m;
	double		mean[MOST];
	double		fitted[MOST];	/* of the price, by columns */
	int			list[MOST];
	bool		drop[MOST];
	int			n = 0;
	EcmlDd	   *gram = scratch->gram;
	EcmlDd		rss;
	double		sum = 0;

	for (int j = 0; j < k * k; j++)
		fit->v[j] = NAN;
	for (int j = 0; j < k; j++)
		fit->b[j] = fit->own_b[j] = fit->own_se[j] = NAN;
	fit->s2 = fit->r2 = fit->first_stage = fit->level_sd = NAN;
	fit->smear = 1;
	fit->interval_df = INFINITY;
	fit->mean_units = fit->mean_price = fit->low_price = fit->high_price = fit->mean_y = NAN;
	if (gather(scratch->ctx, data, fit, first, last, scratch->c, columns) == 0)
	{
		fit->low_price = fit->high_price = NAN;
		fit->status = DEMAND_NO_ROWS;
		return;
	}
	centre(scratch->ctx, scratch->c, fit->n, columns, mean, gram);
	fit->mean_y = mean[y];
	memcpy(fit->mean_x, mean, k * sizeof(double));
	if (!(gram[0].hi > mean[0] * mean[0] * fit->n * 1e-28))
		fit->status = DEMAND_CONSTANT_PRICE;
	if (m > 0 && fit->status == DEMAND_OK)
	{
		if (!first_stage(data, fit, gram, columns, mean, scratch, scratch->inverse, fitted))
			fit->status = DEMAND_NOT_IDENTIFIED;
		memcpy(scratch->gram + (size_t) columns * columns, scratch->inverse, (size_t) columns * columns * sizeof(EcmlDd));
		gram = scratch->gram + (size_t) columns * columns;
	}
	/* for pooling: what these rows tell of all terms, also where they do not tell enough */
	for (int i = 0; i < k; i++)
	{
		bool		active = !isnan(fit->b[i]) && fit->status != DEMAND_NOT_IDENTIFIED;

		fit->moment[i] = active ? gram[(size_t) i * columns + y].hi : 0;
		for (int j = 0; j < k; j++)
			fit->precision[i * k + j] = active && !isnan(fit->b[j]) ? gram[(size_t) i * columns + j].hi : 0;
	}
	for (int j = 0; j < k; j++)
		if (!isnan(fit->b[j]))
			list[n++] = j;
	for (int j = 0; j < k; j++)
		fit->b[j] = NAN;
	if (fit->status != DEMAND_OK)
		return;
	fit->kept = factor(gram, columns, list, n, mean, fit->n, scratch->a, drop);
	if (data->form == DEMAND_POISSON)
	{
		int			kept = 0;

		for (int i = 0; i < n; i++)
			if (!drop[i])
				list[kept++] = list[i];
		demand_poisson(scratch->ctx, data, fit, scratch->c, columns, mean[y], list, kept, scratch->poisson);
		return;
	}
	for (int i = 0; i < n; i++)
		scratch->v[i] = drop[i] ? dd_from(0) : gram[(size_t) list[i] * columns + y];
	ecml_chol_forward(scratch->a, n, drop, scratch->v);
	ecml_chol_backward(scratch->a, n, drop, scratch->v);
	for (int i = 0; i < n; i++)
		if (!drop[i])
			fit->b[list[i]] = scratch->v[i].hi;
	ecml_chol_invert(scratch->a, n, drop, scratch->inverse);

	/* residuals of the terms themselves: y'y - 2 b'X'y + b'X'X b, which at least squares is y'y - b'X'y */
	gram = scratch->gram;
	rss = gram[(size_t) y * columns + y];
	for (int i = 0; i < n; i++)
	{
		EcmlDd		xb = {0, 0};

		for (int j = 0; j < n; j++)
			xb = dd_add(xb, dd_mul(scratch->v[j], gram[(size_t) list[i] * columns + list[j]]));
		xb = dd_sub(xb, dd_scale(gram[(size_t) list[i] * columns + y], 2));
		rss = dd_add(rss, dd_mul(scratch->v[i], xb));
	}
	fit->df = fit->n - fit->kept - 1;
	/* an exact fit leaves rounding only */
	if (rss.hi < 1e-26 * gram[(size_t) y * columns + y].hi)
		rss = dd_from(0);
	fit->r2 = gram[(size_t) y * columns + y].hi > 0 ? 1 - rss.hi / gram[(size_t) y * columns + y].hi : NAN;
	if (data->errors == DEMAND_ROBUST && fit->df > 0)
		memset(scratch->meat, 0, (size_t) k * k * sizeof(double));
	for (int i = 0; i < fit->n; i++)
	{
		const double *row = scratch->c + (size_t) i * columns;
		double		e = row[y];

		demand_attend(scratch->ctx, i);
		for (int j = 0; j < n; j++)
			if (!drop[j])
				e -= fit->b[list[j]] * row[list[j]];
		sum += data->form == DEMAND_LINEAR ? 1 : exp(e);
		if (data->errors != DEMAND_ROBUST || !(fit->df > 0))
			continue;
		for (int j = 0; j < n; j++)
			scratch->h[j] = row[list[j]];
		if (m > 0)
		{
			double		p = 0;

			for (int j = 1; j < columns - 1; j++)
				p += fitted[j] * row[j];
			scratch->h[0] = p;
		}
		for (int j = 0; j < n; j++)
			for (int l = 0; l < n; l++)
				scratch->meat[j * n + l] += e * e * scratch->h[j] * scratch->h[l];
	}
	fit->smear = sum / fit->n;
	if (!(fit->df > 0))
	{
		fit->status = DEMAND_TOO_FEW;
		memcpy(fit->own_b, fit->b, k * sizeof(double));
		return;
	}
	fit->s2 = rss.hi / fit->df;
	fit->level_sd = sqrt(fit->s2 / fit->n);
	fit->interval_df = fit->df;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
		{
			double		v = 0;

			if (drop[i] || drop[j])
				continue;
			if (data->errors == DEMAND_CLASSICAL)
				v = fit->s2 * scratch->inverse[(size_t) i * n + j].hi;
			else
			{
				for (int a = 0; a < n; a++)
					for (int b = 0; b < n; b++)
						v += scratch->inverse[(size_t) i * n + a].hi * scratch->meat[a * n + b] *
							scratch->inverse[(size_t) b * n + j].hi;
				v *= fit->n / fit->df;
			}
			fit->v[list[i] * k + list[j]] = v;
		}
	for (int j = 0; j < k; j++)
	{
		fit->own_b[j] = fit->b[j];
		fit->own_se[j] = isnan(fit->b[j]) ? NAN : sqrt(fit->v[j * k + j]);
	}
}

static bool
is_long(const Work *work, size_t i)
{
	return (double) (work->data->start[i + 1] - work->data->start[i]) * work->columns * work->columns > LONG;
}

static void
fit_task(void *arg, size_t i, int worker)
{
	Work	   *work = arg;

	if (is_long(work, i))
		return;
	fit_one(work->data, &work->fits[i], work->data->start[i], work->data->start[i + 1], &work->scratch[worker], work->columns);
}

DemandFit *
demand_fit(EcmlCtx *ctx, const DemandData *data)
{
	int			k = data->nterms;
	int			columns = k + data->ninstruments + 1;
	Work		work = {.data = data,.columns = columns};
	size_t		longest = 0;
	int			workers = ecml_workers(ctx, data->products);
	size_t		each = 5 * (size_t) k + 2 * (size_t) k * k + k;
	double	   *memory;

	work.fits = ECML_NEW0(ctx, DemandFit, data->products + 1);
	memory = ECML_NEW0(ctx, double, each * (data->products + 1));
	for (int p = 0; p < data->products; p++)
	{
		DemandFit  *fit = &work.fits[p];

		fit->b = memory + each * p;
		fit->own_b = fit->b + k;
		fit->own_se = fit->own_b + k;
		fit->mean_x = fit->own_se + k;
		fit->x_scale = fit->mean_x + k;
		fit->moment = fit->x_scale + k;
		fit->v = fit->moment + k;
		fit->precision = fit->v + k * k;
		if (data->start[p + 1] - data->start[p] > longest)
			longest = data->start[p + 1] - data->start[p];
	}
	work.scratch = ECML_NEW0(ctx, Scratch, workers);
	for (int w = 0; w < workers; w++)
	{
		Scratch    *s = &work.scratch[w];

		s->c = ECML_NEW(ctx, double, longest * columns + 1);
		s->gram = ECML_NEW(ctx, EcmlDd, 2 * (size_t) columns * columns);
		s->a = ECML_NEW(ctx, EcmlDd, (size_t) columns * columns);
		s->inverse = ECML_NEW(ctx, EcmlDd, (size_t) columns * columns);
		s->v = ECML_NEW(ctx, EcmlDd, columns);
		s->meat = ECML_NEW(ctx, double, (size_t) k * k);
		s->h = ECML_NEW(ctx, double, k);
		s->poisson = ECML_NEW(ctx, double, demand_poisson_scratch(k));
	}
	ecml_parallel_for(ctx, data->products, fit_task, &work);
	work.scratch[0].ctx = ctx;
	for (int p = 0; p < data->products; p++)
		if (is_long(&work, p))
			fit_one(data, &work.fits[p], data->start[p], data->start[p + 1], &work.scratch[0], columns);
	for (int w = 0; w < workers; w++)
	{
		Scratch    *s = &work.scratch[w];

		ecml_free(ctx, s->c);
		ecml_free(ctx, s->gram);
		ecml_free(ctx, s->a);
		ecml_free(ctx, s->inverse);
		ecml_free(ctx, s->v);
		ecml_free(ctx, s->meat);
		ecml_free(ctx, s->h);
		ecml_free(ctx, s->poisson);
	}
	ecml_free(ctx, work.scratch);
	return work.fits;
}

/* On the scale of the fit, less its mean. */
static double
price_term(const DemandFit *fit, DemandForm form, int j, double price)
{
	return (demand_logs_price(form) ? log(price) : price / fit->x_scale[j]) - fit->mean_x[j];
}

double
demand_units(const DemandFit *fit, DemandForm form, int nterms, int nprices, const double *b, double level, const double *x,
			 double price)
{
	double		eta = fit->mean_y + level + b[0] * price_term(fit, form, 0, price);

	for (int j = 1; j < nterms; j++)
		if (!isnan(b[j]) && x && !isnan(x[j]))
			eta += b[j] * (j < nprices ? price_term(fit, form, j, x[j]) : x[j] - fit->mean_x[j]);
	if (form == DEMAND_LINEAR)
		return fmax(eta * fit->y_scale, 0);
	return exp(fmin(eta, 700)) * fit->smear;
}

double
demand_elasticity_at(const DemandFit *fit, DemandForm form, int nterms, int nprices, const double *x, double price)
{
	double		units;

	switch (form)
	{
		case DEMAND_LOG_LOG:
		case DEMAND_POISSON:
			return fit->b[0];
		case DEMAND_SEMI_LOG:
			return fit->b[0] * price / fit->x_scale[0];
		default:
			units = demand_units(fit, form, nterms, nprices, fit->b, 0, x, price);
			return units > 0 ? fit->b[0] * fit->y_scale / fit->x_scale[0] * price / units : NAN;
	}
}
