/*
 * prophet_design.c - from observations to scaled columns: seasons chosen, changepoints placed, sines and cosines, regressors
 *
 * The choices are Prophet's (Taylor and Letham, "Forecasting at scale", The American Statistician 72, 2018): changepoints at
 * observations spread evenly over the first changepoint_range of them; a yearly season with two years of data, a weekly one
 * with two weeks of data that are less than a week apart, a daily one with two days of data less than a day apart; values
 * scaled to a greatest size of 1, time to 0 .. 1, regressors to standard deviation 1 unless they are 0 and 1.
 *
 * Sines and cosines of multiples by Chebyshev's recurrence: one sine and cosine a row and season.  Cost: rows times columns.
 */
#include "prophet_internal.h"

#include <math.h>
#include <string.h>

#include "num/vmath.h"

static const double auto_periods[3] = {365.25, 7, 1};
static const int auto_orders[3] = {10, 3, 4};

/* What stands first in a state. */
enum State
{
	STATE_START, STATE_SCALE, STATE_Y_SCALE, STATE_Y_MIN, STATE_VARIANCE, STATE_CHANGES, STATE_ORDERS, STATE_FIXED = STATE_ORDERS + 3
};

static int
season_order(const ProphetParams *params, int season)
{
	int			order = season == 0 ? params->yearly : season == 1 ? params->weekly : params->daily;

	return order == PROPHET_AUTO ? auto_orders[season] : order;
}

/* Sines and cosines, at most. */
static int
season_features(const ProphetParams *params)
{
	int			features = 0;

	for (int i = 0; i < 3; i++)
		features += 2 * season_order(params, i);
	for (int i = 0; i < params->n_seasons; i++)
		features += 2 * params->seasons[i].order;
	return features;
}

int
prophet_state_size(const ProphetParams *params, int n_columns)
{
	return STATE_FIXED + 2 * params->n_changepoints + 2 + season_features(params) + 3 * n_columns;
}

void
prophet_layout(ProphetDesign *d, Work *work, const ProphetParams *params, int n, int horizon, int n_columns)
{
	size_t		total = (size_t) n + horizon;
	size_t		changes = params->growth == PROPHET_FLAT ? 0 : params->n_changepoints;
	size_t		features = n_columns;
	size_t		p;

	features += season_features(params);
	p = 2 + features + changes;
	memset(d, 0, sizeof(*d));
	d->params = params;
	d->half = (params->samples / 2 + 7) / 8 * 8;
	d->order = WORK_TAKE(work, int, total);
	d->t = WORK_TAKE(work, double, total);
	d->y = WORK_TAKE(work, double, n);
	d->cap = params->growth == PROPHET_LOGISTIC ? WORK_TAKE(work, double, total) : NULL;
	d->x = WORK_TAKE(work, double, features * total);
	d->prior = WORK_TAKE(work, double, features);
	d->mean = WORK_TAKE(work, double, n_columns);
	d->unit = WORK_TAKE(work, double, n_columns);
	d->multiplicative = WORK_TAKE(work, bool, features);
	d->sparse = WORK_TAKE(work, int *, features);
	d->sparse_rows = WORK_TAKE(work, int, features);
	d->sparse_space = WORK_TAKE(work, int, (size_t) n_columns * (n / PROPHET_SPARSE + 1));
	d->s = WORK_TAKE(work, double, changes);
	d->segment = WORK_TAKE(work, int, changes + 2);
	d->theta = WORK_TAKE(work, double, p);
	d->z = WORK_TAKE(work, double, total);
	d->trend = WORK_TAKE(work, double, total);
	d->factor = WORK_TAKE(work, double, total);
	d->added = WORK_TAKE(work, double, total);
	d->gram = WORK_TAKE(work, double, p * p);
	d->right = WORK_TAKE(work, double, p);
	d->h = WORK_TAKE(work, double, p * p);
	d->rhs = WORK_TAKE(work, double, p);
	d->next = WORK_TAKE(work, double, p);
	d->schur = WORK_TAKE(work, double, changes * changes);
	d->active = WORK_TAKE(work, double, changes * changes);
	d->lasso = WORK_TAKE(work, double, 3 * changes);
	d->weight = WORK_TAKE(work, double, n);
	d->weight_t = WORK_TAKE(work, double, n);
	d->residual = WORK_TAKE(work, double, n);
	d->scaled = WORK_TAKE(work, double, features * n);
	d->set = WORK_TAKE(work, int, changes);
	d->sign = WORK_TAKE(work, int, changes);
	if (params->growth == PROPHET_LOGISTIC)
	{
		d->paths = WORK_TAKE(work, double, (size_t) d->half * PROPHET_KNOTS);
		d->drawn = WORK_TAKE(work, double, 2 * (size_t) d->half);
	}
}

size_t
prophet_work(const ProphetParams *params, int n, int horizon, int n_columns)
{
	ProphetDesign d;
	Work		count = {0};

	prophet_layout(&d, &count, params, n, horizon, n_columns);
	return count.used;
}

/* Rows in their order: observations, missing ones, the future.  Counts and checks them. */
static ProphetStatus
order_rows(ProphetDesign *d)
{
	const ProphetInput *in = d->in;
	int			total = in->n + in->horizon;
	int			at = 0;

	for (int i = 0; i < in->n; i++)
	{
		if (isinf(in->y[i]))
			return PROPHET_NOT_FINITE;
		if (!isnan(in->y[i]))
			d->order[at++] = i;
	}
	d->rows = at;
	for (int i = 0; i < in->n; i++)
		if (isnan(in->y[i]))
			d->order[at++] = i;
	for (int i = in->n; i < total; i++)
		d->order[at++] = i;
	d->total = total;
	for (int i = 0; i < total; i++)
		if (!isfinite(in->t[i]))
			return PROPHET_NOT_FINITE;
	return d->rows < 2 && !in->state ? PROPHET_TOO_FEW : PROPHET_OK;
}

/* What values and times are measured by. */
static ProphetStatus
measure(ProphetDesign *d)
{
	const ProphetInput *in = d->in;
	bool		logistic = d->params->growth == PROPHET_LOGISTIC;
	double		low = INFINITY;
	double		high = -INFINITY;
	double		largest = 0;

	d->start = in->t[d->order[0]];
	d->scale = in->t[d->order[d->rows - 1]] - d->start;
	if (!(d->scale > 0))
		return PROPHET_TOO_FEW;
	for (int i = 0; i < d->rows; i++)
	{
		int			row = d->order[i];
		double		y = in->y[row] - (logistic && in->floor ? in->floor[row] : 0);

		largest = fmax(largest, fabs(y));
		low = fmin(low, y);
		high = fmax(high, y);
	}
	d->y_min = d->params->minmax && !logistic ? low : 0;
	d->y_scale = d->params->minmax && !logistic ? high - low : largest;
	if (!(d->y_scale > 0))
		d->y_scale = 1;
	return isfinite(d->y_scale) ? PROPHET_OK : PROPHET_NOT_FINITE;
}

static ProphetStatus
scale(ProphetDesign *d)
{
	const ProphetInput *in = d->in;
	bool		logistic = d->params->growth == PROPHET_LOGISTIC;

	for (int i = 0; i < d->total; i++)
	{
		int			row = d->order[i];
		double		floor = logistic && in->floor ? in->floor[row] : d->y_min;

		d->t[i] = (in->t[row] - d->start) / d->scale;
		/* only a damaged scale takes times that far */
		if (!(fabs(d->t[i]) < 1e9))
			return PROPHET_DAMAGED;
		if (i < d->rows)
			d->y[i] = (in->y[row] - floor) / d->y_scale;
		if (logistic)
		{
			d->cap[i] = in->cap ? (in->cap[row] - floor) / d->y_scale : NAN;
			if (!(d->cap[i] > 0) || isinf(d->cap[i]))
				return PROPHET_NO_CAP;
		}
	}
	return PROPHET_OK;
}

static ProphetStatus
place_changepoints(ProphetDesign *d)
{
	const ProphetParams *params = d->params;
	int			wanted = params->growth == PROPHET_FLAT ? 0 : params->n_changepoints;

	if (params->changepoints)
	{
		for (int i = 0; i < wanted; i++)
		{
			double		s = (params->changepoints[i] - d->start) / d->scale;
			int			at = i;

			if (!(s >= 0 && s <= 1))
				return PROPHET_BAD_CHANGEPOINT;
			for (; at > 0 && d->s[at - 1] > s; at--)
				d->s[at] = d->s[at - 1];
			d->s[at] = s;
		}
		d->changes = wanted;
	}
	else
	{
		int			history = (int) floor(d->rows * params->changepoint_range);

		d->changes = wanted + 1 > history ? (history > 1 ? history - 1 : 0) : wanted;
		for (int i = 0; i < d->changes; i++)
			d->s[i] = d->t[(int) nearbyint((double) (history - 1) * (i + 1) / d->changes)];
	}
	return PROPHET_OK;
}

/* Which rows lie between which changepoints. */
static void
cut_segments(ProphetDesign *d)
{
	int			row = 0;

	d->segment[0] = 0;
	for (int i = 0; i < d->changes; i++)
	{
		while (row < d->rows && d->t[row] < d->s[i])
			row++;
		d->segment[i + 1] = row;
	}
	d->segment[d->changes + 1] = d->rows;
}

/* Which of the three seasons data of this length and distance show. */
static void
choose_orders(ProphetDesign *d)
{
	const ProphetParams *params = d->params;
	double		least = INFINITY;
	const double length = d->scale;
	int			asked[3] = {params->yearly, params->weekly, params->daily};
	bool		shown[3];

	for (int i = 1; i < d->rows; i++)
	{
		double		step = d->in->t[d->order[i]] - d->in->t[d->order[i - 1]];

		if (step > 0)
			least = fmin(least, step);
	}
	/* times of a day come from seconds: the quotient may be a hair off */
	shown[0] = length >= 730 - 1e-6;
	shown[1] = length >= 14 - 1e-6 && least < 7 - 1e-6;
	shown[2] = length >= 2 - 1e-6 && least < 1 - 1e-6;
	for (int i = 0; i < 3; i++)
		d->orders[i] = asked[i] == PROPHET_AUTO ? (shown[i] ? auto_orders[i] : 0) : asked[i];
	for (int i = 0; i < params->n_seasons; i++)
		d->orders[3 + i] = params->seasons[i].order;
}

/* x of the next 2 order features. */
ECML_CLONES static void
fourier(double *restrict x, const double *t, const int *order, int total, double period, int pairs)
{
	double	   *y = x + total;

	for (int i = 0; i < total; i++)
		x[i] = t[order[i]] / period;
	for (int i = 0; i < total; i++)
		ecml_vsincos_turns(x[i] - floor(x[i]), &x[i], &y[i]);
	for (int k = 1; k < pairs; k++)
	{
		double	   *restrict to = x + (size_t) 2 * k * total;
		const double *last = to - (size_t) 2 * total;

		for (int i = 0; i < total; i++)
		{
			/* of the sums of angles, k and 1: no growth of the error as in the recurrence of three terms */
			to[i] = last[i] * x[total + i] + last[total + i] * x[i];
			to[total + i] = last[total + i] * x[total + i] - last[i] * x[i];
		}
	}
}

static ProphetStatus
add_columns(ProphetDesign *d)
{
	const ProphetInput *in = d->in;
	int			f = d->first_column;

	for (int c = 0; c < in->n_columns; c++, f++)
	{
		const ProphetColumn *column = &in->columns[c];
		double	   *x = d->x + (size_t) f * d->total;
		int		   *list = d->sparse_space + (size_t) c * (in->n / PROPHET_SPARSE + 1);
		double		mean = 0;
		double		square = 0;
		bool		binary = true;
		int			found = 0;

		if (prophet_cancelled(d))
			return PROPHET_CANCELLED;
		for (int i = 0; i < d->total; i++)
		{
			double		v = column->values[d->order[i]];

			/* of a missing observation nothing is asked */
			if (!isfinite(v) && !(i >= d->rows && i < in->n))
				return PROPHET_NOT_FINITE;
			x[i] = isfinite(v) ? v : 0;
			if (i < d->rows)
			{
				mean += v;
				binary = binary && (v == 0 || v == 1);
			}
		}
		if (!in->state)
		{
			mean /= d->rows;
			for (int i = 0; i < d->rows; i++)
				square += (x[i] - mean) * (x[i] - mean);
			d->mean[c] = 0;
			d->unit[c] = 1;
			if (column->standardize && !binary && square > 0)
			{
				d->mean[c] = mean;
				d->unit[c] = sqrt(square / (d->rows - 1));
			}
		}
		for (int i = 0; i < d->total; i++)
			x[i] = (x[i] - d->mean[c]) / d->unit[c];
		d->prior[f] = column->prior_scale;
		d->multiplicative[f] = column->multiplicative;
		d->any_multiplicative |= column->multiplicative;
		for (int i = 0; i < d->rows && found <= in->n / PROPHET_SPARSE; i++)
			if (x[i] != 0)
			{
				if (found < in->n / PROPHET_SPARSE)
					list[found] = i;
				found++;
			}
		d->sparse[f] = found <= in->n / PROPHET_SPARSE ? list : NULL;
		d->sparse_rows[f] = found;
	}
	d->features = f;
	return PROPHET_OK;
}

/*
 * A state: the fixed numbers, times and sizes of changes, k, c and the features' coefficients, means and units of columns.
 */
static ProphetStatus
read_state(ProphetDesign *d)
{
	const double *at = d->in->state;
	const ProphetParams *params = d->params;
	int			columns = d->in->n_columns;
	int			features = columns;
	int			size;

	for (int i = 0; i < d->in->n_state; i++)
		if (!isfinite(at[i]))
			return PROPHET_DAMAGED;
	if (d->in->n_state < STATE_FIXED)
		return PROPHET_DAMAGED;
	d->start = at[STATE_START];
	d->scale = at[STATE_SCALE];
	d->y_scale = at[STATE_Y_SCALE];
	d->y_min = at[STATE_Y_MIN];
	d->variance = at[STATE_VARIANCE];
	if (!(d->scale > 0 && d->y_scale > 0 && d->variance >= 0) ||
		!(at[STATE_CHANGES] >= 0 && at[STATE_CHANGES] <= params->n_changepoints))
		return PROPHET_DAMAGED;
	d->changes = (int) at[STATE_CHANGES];
	for (int i = 0; i < 3 + params->n_seasons; i++)
	{
		int			most = i < 3 ? season_order(params, i) : params->seasons[i - 3].order;

		if (i < 3 && at[STATE_ORDERS + i] != 0 && at[STATE_ORDERS + i] != most)
			return PROPHET_DAMAGED;
		d->orders[i] = i < 3 ? (int) at[STATE_ORDERS + i] : most;
		features += 2 * d->orders[i];
	}
	size = STATE_FIXED + 2 * d->changes + 2 + features + 2 * columns;
	if (d->in->n_state != size)
		return PROPHET_DAMAGED;
	at += STATE_FIXED;
	memcpy(d->s, at, d->changes * sizeof(double));
	for (int j = 0; j < d->changes; j++)
		if (!(d->s[j] >= (j > 0 ? d->s[j - 1] : 0) && d->s[j] <= 1))
			return PROPHET_DAMAGED;
	at += d->changes;
	memcpy(d->theta + 2 + features, at, d->changes * sizeof(double));
	at += d->changes;
	memcpy(d->theta, at, (2 + features) * sizeof(double));
	at += 2 + features;
	memcpy(d->mean, at, columns * sizeof(double));
	memcpy(d->unit, at + columns, columns * sizeof(double));
	for (int c = 0; c < columns; c++)
		if (!(d->unit[c] > 0))
			return PROPHET_DAMAGED;
	return PROPHET_OK;
}

int
prophet_write_state(const ProphetDesign *d, double *state)
{
	double	   *at = state + STATE_FIXED;

	state[STATE_START] = d->start;
	state[STATE_SCALE] = d->scale;
	state[STATE_Y_SCALE] = d->y_scale;
	state[STATE_Y_MIN] = d->y_min;
	state[STATE_VARIANCE] = d->variance;
	state[STATE_CHANGES] = d->changes;
	for (int i = 0; i < 3; i++)
		state[STATE_ORDERS + i] = d->orders[i];
	memcpy(at, d->s, d->changes * sizeof(double));
	at += d->changes;
	memcpy(at, d->theta + d->smooth, d->changes * sizeof(double));
	at += d->changes;
	memcpy(at, d->theta, d->smooth * sizeof(double));
	at += d->smooth;
	memcpy(at, d->mean, d->in->n_columns * sizeof(double));
	at += d->in->n_columns;
	memcpy(at, d->unit, d->in->n_columns * sizeof(double));
	return (int) (at + d->in->n_columns - state);
}

ProphetStatus
prophet_design(ProphetDesign *d, const ProphetParams *params, const ProphetInput *in)
{
	ProphetStatus status;
	int			f = 0;

	d->in = in;
	if ((status = order_rows(d)) != PROPHET_OK || (status = in->state ? read_state(d) : measure(d)) != PROPHET_OK ||
		(status = scale(d)) != PROPHET_OK)
		return status;
	if (!in->state)
	{
		if ((status = place_changepoints(d)) != PROPHET_OK)
			return status;
		choose_orders(d);
	}
	cut_segments(d);
	for (int i = 0; i < 3 + params->n_seasons; i++)
	{
		const ProphetSeason *season = i < 3 ? NULL : &params->seasons[i - 3];

		if (d->orders[i] == 0)
			continue;
		if (prophet_cancelled(d))
			return PROPHET_CANCELLED;
		fourier(d->x + (size_t) f * d->total, in->t, d->order, d->total, season ? season->period : auto_periods[i],
				d->orders[i]);
		for (int k = 0; k < 2 * d->orders[i]; k++, f++)
		{
			d->prior[f] = season ? season->prior_scale : params->seasonality_prior_scale;
			d->multiplicative[f] = season ? season->multiplicative : params->multiplicative;
			d->any_multiplicative |= d->multiplicative[f];
			d->sparse[f] = NULL;
		}
	}
	d->first_column = f;
	if ((status = add_columns(d)) != PROPHET_OK)
		return status;
	d->smooth = 2 + d->features;
	d->p = d->smooth + d->changes;
	return PROPHET_OK;
}

const char *
prophet_check(const ProphetParams *params)
{
	if (params->n_changepoints < 0)
		return "n_changepoints must not be negative";
	if (!(params->changepoint_range > 0 && params->changepoint_range <= 1))
		return "changepoint_range must be above 0 and at most 1";
	if (!(params->changepoint_prior_scale > 0 && isfinite(params->changepoint_prior_scale)))
		return "changepoint_prior_scale must be above 0";
	if (!(params->seasonality_prior_scale > 0 && isfinite(params->seasonality_prior_scale)))
		return "seasonality_prior_scale must be above 0";
	if (params->n_seasons < 0 || params->n_seasons > PROPHET_MAX_SEASONS)
		return "too many seasons";
	if (params->samples < 0)
		return "samples must not be negative";
	for (int i = 0; i < params->n_seasons; i++)
	{
		if (!(params->seasons[i].period > 0 && isfinite(params->seasons[i].period)))
			return "the period of a season must be above 0 days";
		if (params->seasons[i].order < 1)
			return "the order of a season must be at least 1";
		if (!(params->seasons[i].prior_scale > 0 && isfinite(params->seasons[i].prior_scale)))
			return "the prior scale of a season must be above 0";
	}
	return NULL;
}
