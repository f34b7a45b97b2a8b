/*
 * series_grid.c - from a series' rows to one value a period
 *
 * Rows come back sorted by time.  Those of a period are put together as the option aggregate says; a NULL value beside others
 * counts for nothing, alone it is a missing value.  When clocks are set back an hour comes twice: sums over such a period of
 * an hour or less are halved, since the local clock, which people live by, has one such hour.
 *
 * A period without rows is a gap: missing, zero, or the straight line between its neighbours.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/series_internal.h"

#define COVERED 0.7				/* share of a period from which on it counts as whole */
#define GAPS 0.1				/* share of periods without rows that tells of sales rather than of slips */

/* Where a period begins, whatever moment stands for it. */
static int64
boundary(const EcmlPeriod *period, int64 number)
{
	EcmlPeriod	plain = *period;

	plain.day_time = 0;
	plain.month_day = 1;
	return ecml_period_time(&plain, number);
}

void
ecml_series_settle(EcmlSeriesReader *reader)
{
	const EcmlTimes *all = &reader->all;
	bool		regular;
	EcmlPeriod	natural = ecml_times_period(all, &regular);
	double		length = ecml_period_length(&natural);
	bool		sums = reader->options.aggregate == ECML_SERIES_SUM || reader->options.aggregate == ECML_SERIES_COUNT;

	reader->events = reader->clock && !regular && !all->same_day_time && natural.unit != ECML_PERIOD_NONE;
	reader->fill = reader->options.fill;
	if (reader->fill == ECML_FILL_AUTO)
	{
		bool		gaps = all->ngaps > 0 && length > 0 && 1 - all->ngaps / (all->sum / length) > GAPS;

		reader->fill = ECML_FILL_MISSING;
		if (sums && all->ngaps > 0 && (reader->events || (reader->least > 0 && gaps && (!regular || reader->whole))))
			reader->fill = ECML_FILL_ZERO;
	}
	reader->common_end = reader->options.end == ECML_END_COMMON ||
		(reader->options.end == ECML_END_AUTO && reader->fill == ECML_FILL_ZERO);
}

/* Number of the last period that all rows together cover, and of the first one. */
static void
covered(const EcmlSeriesReader *reader, const EcmlPeriod *period, bool aggregated, int64 *low, int64 *high)
{
	int64		resolution = reader->all.same_day_time ? ECML_DAY_US : 0;
	double		length;

	*low = ecml_period_number(period, reader->earliest);
	*high = ecml_period_number(period, reader->latest);
	if (reader->options.partial == ECML_PARTIAL_DROP)
		--*high;
	if (reader->options.partial != ECML_PARTIAL_AUTO || !reader->clock || !aggregated || *high - *low < 3)
		return;
	length = (double) boundary(period, *high + 1) - (double) boundary(period, *high);
	if ((double) reader->latest + resolution - (double) boundary(period, *high) < COVERED * length)
		--*high;
	length = (double) boundary(period, *low + 1) - (double) boundary(period, *low);
	if ((double) boundary(period, *low + 1) - (double) reader->earliest < COVERED * length)
		++*low;
}

/* The rows of a period, as they are put together. */
typedef struct Cell
{
	int64		rows;
	int64		values;
	double		result;			/* sum, least, greatest or last value so far */
	bool		folds[2];		/* seen: rows of the first, of the second of two equal hours */
} Cell;

static void
cell_add(Cell *cell, EcmlSeriesAggregate aggregate, double y, bool fold)
{
	cell->rows++;
	cell->folds[fold] = true;
	if (isnan(y))
		return;
	if (cell->values++ == 0)
		cell->result = y;
	else if (aggregate == ECML_SERIES_MIN)
		cell->result = fmin(cell->result, y);
	else if (aggregate == ECML_SERIES_MAX)
		cell->result = fmax(cell->result, y);
	else if (aggregate == ECML_SERIES_LAST)
		cell->result = y;
	else
		cell->result += y;
}

static double
cell_value(const Cell *cell, EcmlSeriesAggregate aggregate, bool hour)
{
	if (aggregate == ECML_SERIES_COUNT)
		return hour && cell->folds[0] && cell->folds[1] ? cell->values / 2.0 : (double) cell->values;
	if (cell->values == 0)
		return NAN;
	if (aggregate == ECML_SERIES_MEAN)
		return cell->result / (double) cell->values;
	if (aggregate == ECML_SERIES_SUM && hour && cell->folds[0] && cell->folds[1])
		return cell->result / 2;
	return cell->result;
}

static void
fill_gaps(EcmlSeries *series, const bool *empty, EcmlSeriesFill fill)
{
	int			before = -1;

	for (int t = 0; t < series->n; t++)
	{
		if (!empty[t])
		{
			before = isnan(series->y[t]) ? before : t;
			continue;
		}
		series->gaps++;
		if (fill == ECML_FILL_ZERO)
			series->y[t] = 0;
		if (fill == ECML_FILL_INTERPOLATE && before >= 0)
		{
			int			next = t + 1;

			while (next < series->n && isnan(series->y[next]))
				next++;
			if (next < series->n)
				for (int k = t; k < next; k++)
					if (empty[k])
						series->y[k] = series->y[before] + (series->y[next] - series->y[before]) * (k - before) / (next - before);
		}
	}
}

/* Leave out missing values at the start and at the end. */
static void
trim(EcmlSeries *series, int horizon, int width)
{
	int			low = 0;
	int			high = series->n;

	while (high > 0 && isnan(series->y[high - 1]))
		high--;
	while (low < high && isnan(series->y[low]))
		low++;
	if (low == 0 && high == series->n)
		return;
	memmove(series->y, series->y + low, (high - low) * sizeof(double));
	series->first += low;
	series->n = high - low;
	/* width: of a row of x as it was made */
	for (int k = 0; k < series->nx; k++)
		memmove(series->x + (size_t) k * (series->n + horizon), series->x + (size_t) k * width + low,
				(series->n + horizon) * sizeof(double));
}

static void
find_seasons(const EcmlSeriesReader *reader, EcmlCtx *ctx, EcmlSeries *series)
{
	const EcmlNumberList *given = &reader->options.season;
	double		usual[ECML_MAX_SEASONS];
	int			n = 0;

	series->nseasons = 0;
	if (given->n >= 0)
	{
		for (int i = 0; i < given->n; i++)
			if (given->v[i] >= 1.5 && n < ECML_MAX_SEASONS)
				usual[n++] = given->v[i];
		/* ascending, each once */
		for (int i = 1; i < n; i++)
			for (int k = i; k > 0 && usual[k] < usual[k - 1]; k--)
			{
				double		swap = usual[k];

				usual[k] = usual[k - 1];
				usual[k - 1] = swap;
			}
		for (int i = 0; i < n; i++)
			if (i == 0 || usual[i] > usual[i - 1])
				series->season[series->nseasons++] = usual[i];
	}
	else if (reader->clock)
	{
		n = ecml_period_seasons(&series->period, usual);
		for (int i = 0; i < n; i++)
			if (series->n >= 2 * floor(usual[i]))
				series->season[series->nseasons++] = usual[i];
	}
	else
	{
		int			last = Min(series->n, 20000);
		int			periods[ECML_MAX_SEASONS];
		double	   *scratch = ECML_NEW(ctx, double, 3 * (size_t) last + 1);

		n = ecml_season_detect(series->y + series->n - last, last, Min(last / 3, 400), periods, 2, scratch);
		ecml_free(ctx, scratch);
		for (int i = 0; i < n; i++)
			series->season[series->nseasons++] = periods[i];
	}
}

/* Skip the rows of the next series, which cannot be used. */
static void
skip_rows(EcmlSeriesReader *reader)
{
	while (reader->have)
	{
		bool		isnull;

		if (DatumGetInt64(slot_getattr(reader->slot, 1, &isnull)) != reader->next)
			break;
		reader->have = tuplestore_gettupleslot(reader->store, true, false, reader->slot);
	}
}

/* Put the rows of the next series into cells of y [n] (numbers low .. low + n - 1) and x. */
static void
read_rows(EcmlSeriesReader *reader, EcmlSeries *series, bool *empty, double *counts, int width)
{
	EcmlSeriesAggregate aggregate = reader->options.aggregate;
	bool		hour = reader->folds && series->period.unit == ECML_PERIOD_TIME && series->period.count <= 3600 * ECML_SECOND_US;
	Cell		cell = {0};
	int64		present = -1;

	while (reader->have)
	{
		bool		isnull;
		struct varlena *chunk;
		const double *row;
		int			n;

		if (DatumGetInt64(slot_getattr(reader->slot, 1, &isnull)) != reader->next)
			break;
		chunk = PG_DETOAST_DATUM_PACKED(slot_getattr(reader->slot, 2, &isnull));
		n = VARSIZE_ANY_EXHDR(chunk) / (reader->stride * sizeof(double));
		row = palloc(Max(1, n) * reader->stride * sizeof(double));	/* aligned */
		memcpy((double *) row, VARDATA_ANY(chunk), n * reader->stride * sizeof(double));
		for (int i = 0; i < n; i++, row += reader->stride)
		{
			int64		at;
			int64		t;

			memcpy(&at, row, sizeof(at));
			t = ecml_period_number(&series->period, at) - series->first;
			if (t < 0 || t >= width)
				continue;
			for (int k = 0; k < series->nx; k++)
				if (!isnan(row[2 + k]))
				{
					series->x[(size_t) k * width + t] += row[2 + k];
					counts[(size_t) k * width + t]++;
				}
			if (t >= series->n)
				continue;
			if (isinf(row[1]))
				series->problem = "it has an infinite value";
			if (t != present)
			{
				if (present >= 0)
					series->y[present] = cell_value(&cell, aggregate, hour);
				memset(&cell, 0, sizeof(cell));
				present = t;
			}
			else
				series->duplicates++;
			empty[t] = false;
			cell_add(&cell, aggregate, row[1], reader->folds && row[2 + reader->nx] != 0);
		}
		pfree((double *) (row - (size_t) n * reader->stride));
		if ((Pointer) chunk != DatumGetPointer(slot_getattr(reader->slot, 2, &isnull)))
			pfree(chunk);
		reader->have = tuplestore_gettupleslot(reader->store, true, false, reader->slot);
	}
	if (present >= 0)
		series->y[present] = cell_value(&cell, aggregate, hour);
}

/* Sums of what is finite may be infinite. */
static bool
is_too_large(const double *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fabs(v[i]) > ECML_SERIES_MOST)
			return true;
	return false;
}

bool
ecml_series_next(EcmlSeriesReader *reader, EcmlCtx *ctx, EcmlSeries *series)
{
	const EcmlSeriesHead *head;
	int64		low;
	int64		high;
	int64		first;
	int64		last;
	bool		aggregated;
	bool	   *empty;
	double	   *counts;
	int			width;

	memset(series, 0, sizeof(*series));
	if (reader->next >= reader->count)
		return false;
	head = &reader->heads[reader->next];
	series->name = head->name;
	series->number = reader->next;
	series->rows = head->rows;
	series->nx = reader->nx;
	series->filled = reader->fill;
	series->period = reader->period;
	if (!reader->frequency_given && head->regular)
		series->period = head->period;
	if (reader->options.period_of && reader->options.period_of(reader->options.period_arg, head->name))
		series->period = *reader->options.period_of(reader->options.period_arg, head->name);
	if (head->moments == 0)
	{
		series->problem = "it has no values";
		skip_rows(reader);
		reader->next++;
		return true;
	}
	aggregated = !head->regular ||
		(reader->frequency_given && ecml_period_length(&series->period) > 1.5 * ecml_period_length(&head->period));
	covered(reader, &series->period, aggregated && (reader->events || reader->frequency_given), &low, &high);
	first = Max(low, ecml_period_number(&series->period, head->first));
	last = Min(high, ecml_period_number(&series->period, head->last));
	if (reader->common_end)
		last = high;
	if (last < first || last - first >= ECML_SERIES_LIMIT)
	{
		series->problem = last < first ? "it has values in an incomplete period only" :
			"its times span too many periods of its frequency";
		skip_rows(reader);
		reader->next++;
		return true;
	}
	series->first = first;
	series->n = (int) (last - first + 1);
	width = series->n + reader->horizon;
	series->y = ECML_NEW(ctx, double, series->n);
	empty = ECML_NEW(ctx, bool, series->n);
	for (int t = 0; t < series->n; t++)
	{
		series->y[t] = NAN;
		empty[t] = true;
	}
	series->x = series->nx > 0 ? ECML_NEW0(ctx, double, (size_t) series->nx * width) : NULL;
	counts = series->nx > 0 ? ECML_NEW0(ctx, double, (size_t) series->nx * width) : NULL;
	read_rows(reader, series, empty, counts, width);
	for (size_t i = 0; i < (size_t) series->nx * width; i++)
		series->x[i] = counts[i] > 0 ? series->x[i] / counts[i] : NAN;
	fill_gaps(series, empty, reader->fill);
	trim(series, reader->horizon, width);
	ecml_free(ctx, counts);
	ecml_free(ctx, empty);
	if (series->problem == NULL &&
		(is_too_large(series->y, series->n) || is_too_large(series->x, (size_t) series->nx * (series->n + reader->horizon))))
		series->problem = ECML_SERIES_TOO_LARGE;
	if (series->n == 0)
		series->problem = "it has no values";
	else if (series->problem == NULL)
		find_seasons(reader, ctx, series);
	reader->next++;
	return true;
}
