/*
 * lifetable.c - counts of events by time; Kaplan and Meier's curve, the log-rank test
 *
 * Rows wait until there are as many of them as the table has lines (1,024 at least); then they are sorted and merged into the
 * lines, so a row costs the same however many there are.
 *
 * Kaplan, Meier: Nonparametric estimation from incomplete observations (1958), with Greenwood's variance (1926) and intervals
 * of log(-log(survival)) (Kalbfleisch, Prentice 1980), which stay within 0 and 1: R's conf.type = "log-log", and lifelines'.
 * Mantel: Evaluation of survival data and two new rank order statistics arising in its consideration (1966), for k groups.
 *
 * Cost: n rows of m distinct times: n log-free (radix sort), 24 bytes a distinct time and group, and as many rows waiting at
 * 16 bytes; the log-rank test m k, and m k^2 for up to 30 groups.
 */
#include "lifetable.h"

#include <math.h>
#include <string.h>

#include "num/chol.h"
#include "num/dist.h"
#include "num/sort.h"
#include "num/spd.h"

#define LEAST_PENDING 1024
#define POLL_LINES 4096
#define FEW_GROUPS 30			/* up to so many the variance is summed up pair by pair, which keeps a digit more */

void
lifetable_add(EcmlCtx *ctx, Lifetable *table, double time, bool event)
{
	if (table->npending == table->capacity)
	{
		if (table->capacity >= LEAST_PENDING && table->capacity >= table->n)
			lifetable_settle(ctx, table);
		else
		{
			size_t		capacity = table->capacity == 0 ? 16 : table->capacity * 4;

			table->pending = ecml_resize_array(ctx, table->pending, capacity, 2 * sizeof(double));
			table->capacity = capacity;
		}
	}
	table->pending[2 * table->npending] = time + 0.0;	/* no -0 */
	table->pending[2 * table->npending + 1] = event;
	table->npending++;
}

/* table's lines and the others (ascending, distinct) become one list. */
static void
merge_lines(EcmlCtx *ctx, Lifetable *table, const LifetableLine *other, size_t n)
{
	const LifetableLine *own = table->lines;
	LifetableLine *merged;
	size_t		i = 0;
	size_t		j = 0;
	size_t		k = 0;

	if (n == 0)
		return;
	merged = ECML_NEW(ctx, LifetableLine, table->n + n);
	while (i < table->n || j < n)
	{
		if (j == n || (i < table->n && own[i].time < other[j].time))
			merged[k++] = own[i++];
		else if (i == table->n || other[j].time < own[i].time)
			merged[k++] = other[j++];
		else
		{
			merged[k] = own[i++];
			merged[k].events += other[j].events;
			merged[k++].censored += other[j++].censored;
		}
		if (k % POLL_LINES == 0)
			ecml_poll(ctx, 0, 0);
	}
	ecml_free(ctx, table->lines);
	table->lines = ecml_resize_array(ctx, merged, k, sizeof(LifetableLine));
	table->n = k;
}

void
lifetable_settle(EcmlCtx *ctx, Lifetable *table)
{
	LifetableLine *lines;
	size_t		n = 0;

	if (table->npending == 0)
		return;
	ecml_sort_f8_pairs(ctx, table->pending, table->npending);
	lines = ECML_NEW(ctx, LifetableLine, table->npending);
	for (size_t i = 0; i < table->npending; i++)
	{
		const double *row = table->pending + 2 * i;

		if (n == 0 || lines[n - 1].time != row[0])
			lines[n++] = (LifetableLine) {.time = row[0]};
		if (row[1] != 0)
			lines[n - 1].events++;
		else
			lines[n - 1].censored++;
	}
	merge_lines(ctx, table, lines, n);
	ecml_free(ctx, lines);
	table->npending = 0;
}

void
lifetable_merge(EcmlCtx *ctx, Lifetable *table, const Lifetable *other)
{
	lifetable_settle(ctx, table);
	merge_lines(ctx, table, other->lines, other->n);
}

int64_t
lifetable_rows(const Lifetable *table)
{
	int64_t		rows = 0;

	for (size_t i = 0; i < table->n; i++)
		rows += table->lines[i].events + table->lines[i].censored;
	return rows;
}

void
lifetable_write(EcmlWriter *w, const Lifetable *table)
{
	ecml_write_u64(w, table->n);
	for (size_t i = 0; i < table->n; i++)
	{
		ecml_write_f8(w, table->lines[i].time);
		ecml_write_u64(w, table->lines[i].events);
		ecml_write_u64(w, table->lines[i].censored);
	}
}

void
lifetable_read(EcmlReader *r, Lifetable *table)
{
	uint64_t	n = ecml_read_u64(r);
	uint64_t	rows = 0;

	memset(table, 0, sizeof(*table));
	if (n > ecml_read_left(r) / 24)
		ecml_read_corrupted(r, "it has fewer times than it says");
	table->n = n;
	table->lines = n > 0 ? ECML_NEW(r->ctx, LifetableLine, n) : NULL;
	for (size_t i = 0; i < n; i++)
	{
		LifetableLine *line = &table->lines[i];
		uint64_t	events;
		uint64_t	censored;

		line->time = ecml_read_finite(r);
		events = ecml_read_u64(r);
		censored = ecml_read_u64(r);
		if (signbit(line->time) || (i > 0 && line->time <= line[-1].time))
			ecml_read_corrupted(r, "its times are not in order");
		/* counts that no table can have would overflow in sums */
		if (events >> 52 || censored >> 52 || (rows += events + censored) >> 52 || events + censored == 0)
			ecml_read_corrupted(r, "a count of rows is not possible");
		line->events = events;
		line->censored = censored;
	}
}

void
lifetable_curve(EcmlCtx *ctx, const Lifetable *table, double z, LifetablePoint *points)
{
	int64_t		at_risk = lifetable_rows(table);
	double		survival = 1;
	double		greenwood = 0;

	for (size_t i = 0; i < table->n; i++)
	{
		const LifetableLine *line = &table->lines[i];
		LifetablePoint *point = &points[i];
		double		n = at_risk;
		double		d = line->events;

		survival *= (n - d) / n;
		if (line->events > 0)
			greenwood += d / (n * (n - d));	/* infinite when nobody is left */
		*point = (LifetablePoint) {line->time, at_risk, line->events, line->censored, survival};
		if (survival > 0 && survival < 1)
		{
			double		width = z * sqrt(greenwood) / -log(survival);

			point->std_error = survival * sqrt(greenwood);
			point->conf_low = pow(survival, exp(width));
			point->conf_high = pow(survival, exp(-width));
		}
		else
		{
			point->std_error = survival > 0 ? 0 : NAN;
			point->conf_low = point->conf_high = survival > 0 ? 1 : NAN;
		}
		at_risk -= line->events + line->censored;
		if (i % POLL_LINES == 0)
			ecml_poll(ctx, i, table->n);
	}
}

double
lifetable_quantile(const Lifetable *table, double level)
{
	int64_t		at_risk = lifetable_rows(table);
	double		survival = 1;

	for (size_t i = 0; i < table->n; i++)
	{
		const LifetableLine *line = &table->lines[i];

		survival *= (double) (at_risk - line->events) / at_risk;
		/* a survival of exactly the level must not be missed for the rounding of the product */
		if (line->events > 0 && survival <= level * (1 + 1e-12))
			return line->time;
		at_risk -= line->events + line->censored;
	}
	return NAN;
}

/* The lines of all groups, by time. */
typedef struct Sweep
{
	size_t		n;
	double	   *order;			/* [n][2] time, number of the line */
	const LifetableLine **lines;	/* [n] */
	int		   *groups;			/* [n] */
} Sweep;

static Sweep
make_sweep(EcmlCtx *ctx, const Lifetable *const *tables, int groups)
{
	Sweep		sweep = {0};
	size_t		k = 0;

	for (int g = 0; g < groups; g++)
		sweep.n += tables[g]->n;
	sweep.order = ECML_NEW(ctx, double, 2 * sweep.n + 2);
	sweep.lines = ECML_NEW(ctx, const LifetableLine *, sweep.n + 1);
	sweep.groups = ECML_NEW(ctx, int, sweep.n + 1);
	for (int g = 0; g < groups; g++)
		for (size_t i = 0; i < tables[g]->n; i++, k++)
		{
			sweep.order[2 * k] = tables[g]->lines[i].time;
			sweep.order[2 * k + 1] = k;
			sweep.lines[k] = &tables[g]->lines[i];
			sweep.groups[k] = g;
		}
	ecml_sort_f8_pairs(ctx, sweep.order, sweep.n);
	return sweep;
}

/* The same by a factor in double, which stops for a cancel: for many groups. */
static void
large_form(EcmlCtx *ctx, LogrankResult *result, const double *variance, int groups)
{
	int			n = groups - 1;
	double	   *factor = ECML_NEW(ctx, double, (size_t) n * n);
	double	   *u = ECML_NEW(ctx, double, n);
	double	   *floor = ECML_NEW(ctx, double, n);
	bool	   *drop = ECML_NEW(ctx, bool, n);

	for (int i = 0; i < n; i++)
	{
		/* rows of the lower triangle are columns of the upper one */
		memcpy(factor + (size_t) i * n, variance + (size_t) i * groups, (i + 1) * sizeof(double));
		u[i] = result->observed[i] - result->expected[i];
		floor[i] = 1e-11 * variance[(size_t) i * groups + i];
	}
	result->df = ecml_spd_factor(ctx, factor, n, n, floor, drop);
	ecml_spd_forward(factor, n, n, drop, u);
	result->chi_square = 0;
	for (int i = 0; i < n; i++)
		result->chi_square += drop[i] ? 0 : u[i] * u[i];
	result->chi_square = result->df > 0 ? result->chi_square : NAN;
	result->p_value = result->df > 0 ? ecml_chi2_sf(result->chi_square, result->df) : NAN;
}

/* chi-square = u' V^-1 u of the groups but the last, whose rows and columns the others determine. */
static void
quadratic_form(EcmlCtx *ctx, LogrankResult *result, const double *variance, int groups)
{
	int			n = groups - 1;
	EcmlDd	   *factor = ECML_NEW(ctx, EcmlDd, (size_t) n * n + 1);
	EcmlDd	   *u = ECML_NEW(ctx, EcmlDd, n + 1);
	double	   *floor = ECML_NEW(ctx, double, n + 1);
	bool	   *drop = ECML_NEW(ctx, bool, n + 1);

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j <= i; j++)
			factor[(size_t) i * n + j] = dd_from(variance[(size_t) i * groups + j]);
		u[i] = dd_from(result->observed[i] - result->expected[i]);
		floor[i] = 1e-11 * variance[(size_t) i * groups + i];
	}
	result->df = ecml_chol_factor(factor, n, floor, drop);
	ecml_chol_forward(factor, n, drop, u);
	result->chi_square = result->df > 0 ? ecml_dd_dot(u, u, n).hi : NAN;
	result->p_value = result->df > 0 ? ecml_chi2_sf(result->chi_square, result->df) : NAN;
}

ECML_CLONES static void
add_times(double *y, double factor, const double *x, int n)
{
	for (int i = 0; i < n; i++)
		y[i] += factor * x[i];
}

/*
 * Events of many groups.  Their variance is a sum over the times of c r r', r the rows at risk, plus a diagonal.  A row is at
 * risk up to its own time, so with T(u), the sum of c r up to time u, row a of the matrix is the sum of T over the times of the
 * rows of group a: m k operations in place of m k^2.
 */
typedef struct Many
{
	int			groups;
	double	   *weighted;		/* [groups] T */
	double	   *own;			/* [groups] sum of spread r / total */
} Many;

static void
add_events(Many *many, LogrankResult *result, double events, double total, const double *at_risk)
{
	double		spread = total > 1 ? events * (total - events) / (total - 1) : 0;

	add_times(result->expected, events / total, at_risk, many->groups);
	add_times(many->own, spread / total, at_risk, many->groups);
	add_times(many->weighted, spread / total / total, at_risk, many->groups);
}

LogrankResult
lifetable_logrank(EcmlCtx *ctx, const Lifetable *const *tables, int groups)
{
	LogrankResult result = {.chi_square = NAN,.p_value = NAN};
	Sweep		sweep = make_sweep(ctx, tables, groups);
	double	   *at_risk = ECML_NEW0(ctx, double, groups + 1);
	double	   *variance = ECML_NEW0(ctx, double, (size_t) groups * groups + 1);
	double		total = 0;
	size_t		next;
	Many		many = {groups, ECML_NEW0(ctx, double, groups + 1), ECML_NEW0(ctx, double, groups + 1)};
	bool		is_many = groups > FEW_GROUPS;

	result.observed = ECML_NEW0(ctx, double, groups + 1);
	result.expected = ECML_NEW0(ctx, double, groups + 1);
	for (int g = 0; g < groups; g++)
		total += at_risk[g] = lifetable_rows(tables[g]);
	for (size_t i = 0; i < sweep.n; i = next)
	{
		double		events = 0;

		for (next = i; next < sweep.n && sweep.order[2 * next] == sweep.order[2 * i]; next++)
		{
			size_t		k = sweep.order[2 * next + 1];

			events += sweep.lines[k]->events;
			result.observed[sweep.groups[k]] += sweep.lines[k]->events;
		}
		if (events > 0 && is_many)
			add_events(&many, &result, events, total, at_risk);
		else if (events > 0)
		{
			double		spread = total > 1 ? events * (total - events) / (total - 1) : 0;

			for (int a = 0; a < groups; a++)
			{
				double		share = at_risk[a] / total;

				result.expected[a] += events * share;
				for (int b = 0; b < a; b++)
					variance[(size_t) a * groups + b] -= spread * share * (at_risk[b] / total);
				variance[(size_t) a * groups + a] += spread * share * ((total - at_risk[a]) / total);
			}
		}
		if (i % POLL_LINES < 16)
			ecml_poll(ctx, i, sweep.n);
		for (size_t k = i; k < next; k++)
		{
			size_t		line = sweep.order[2 * k + 1];
			double		gone = sweep.lines[line]->events + sweep.lines[line]->censored;

			at_risk[sweep.groups[line]] -= gone;
			if (is_many)
				add_times(variance + (size_t) sweep.groups[line] * groups, -gone, many.weighted, groups);
			total -= gone;
		}
	}
	for (int a = 0; is_many && a < groups; a++)
		variance[(size_t) a * groups + a] += many.own[a];
	if (is_many)
		large_form(ctx, &result, variance, groups);
	else if (groups > 1)
		quadratic_form(ctx, &result, variance, groups);
	return result;
}
