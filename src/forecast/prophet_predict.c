/*
 * prophet_predict.c - forecasts, their parts, and intervals from changes of the trend to come
 *
 * The future of the trend (Taylor and Letham 2018, 3.1.4): as many changes a time as in the history, of the mean size seen
 * there, Laplace distributed.  Prophet draws paths and noise and takes quantiles of the sums.  Of a linear trend the sum's law is
 * known, and its quantile is solved for (prophet_law.c): the limit of ever more draws.  It is solved for at PROPHET_KNOTS times
 * at most, between which the band, smooth in time, is interpolated.  Of a logistic trend paths are drawn, each standing for its
 * mirror image too, as the departures are symmetric; the noise is added as the distribution that it is, so the quantile is that
 * of the mixture of normals around the paths.
 */
#include "prophet_internal.h"

#include <math.h>
#include <string.h>

#include "num/dist.h"
#include "num/vmath.h"

#define MAX_EVENTS 1000.0		/* changes of a drawn path, expected: more are drawn as fewer, larger ones of the same variance */
#define LANES 8
#define TOLERANCE 1e-4			/* of Newton's last step, which leaves the square of it: far below the scatter of paths */
#define NODES 3					/* ratios of noise to factor that bands of multiplicative models are solved for */

/*
 * The mean over the values [n], n a multiple of LANES, of the normal cdf and density around each: at x.  The tail by Abramowitz
 * and Stegun 26.2.17, within 7.5e-8.
 */
ECML_CLONES static void
mixture(const double *values, int n, double x, double sigma, double *cdf, double *density)
{
	double		inverse = 1 / sigma;
	double		below = 0;
	double		at = 0;
	double		p[LANES] = {0};
	double		f[LANES] = {0};

	for (int i = 0; i < n; i += LANES)
		for (int l = 0; l < LANES; l++)
		{
			double		a = (x - values[i + l]) * inverse;
			double		u = fabs(a);
			double		phi = 0.39894228040143268 * ecml_vexp(-0.5 * u * u);
			double		t = 1 / (1 + 0.2316419 * u);
			double		tail = phi * t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));

			p[l] += a >= 0 ? 1 - tail : tail;
			f[l] += phi;
		}
	for (int l = 0; l < LANES; l++)
	{
		below += p[l];
		at += f[l];
	}
	*cdf = below / n;
	*density = at * inverse / n;
}

/* The quantile of the mixture: Newton's steps between bounds. */
static double
mixture_quantile(const double *values, int n, double sigma, double p)
{
	double		low = INFINITY;
	double		high = -INFINITY;
	double		z = ecml_normal_quantile(p);
	double		x;

	for (int i = 0; i < n; i++)
	{
		low = values[i] < low ? values[i] : low;
		high = values[i] > high ? values[i] : high;
	}
	low += z * sigma;
	high += z * sigma;
	x = 0.5 * (low + high);
	for (int i = 0; i < 60 && high - low > 1e-9 * (fabs(low) + fabs(high) + sigma); i++)
	{
		double		cdf;
		double		density;
		double		next;

		mixture(values, n, x, sigma, &cdf, &density);
		if (cdf < p)
			low = x;
		else
			high = x;
		next = x - (cdf - p) / density;
		if (!(next > low && next < high))
			next = 0.5 * (low + high);
		else if (fabs(next - x) <= TOLERANCE * (sigma + fabs(x)))
			return next;
		x = next;
	}
	return x;
}

/* Departures of paths from the trend, at scaled times knots [n]: into d->paths [n][half] */
static void
draw_paths(ProphetDesign *d, const double *knots, int n, int half, double size)
{
	EcmlRng		rng = d->in->rng;
	double		rate = d->changes;
	double		length = knots[n - 1] - 1;

	if (rate * length > MAX_EVENTS)
	{
		size *= sqrt(rate * length / MAX_EVENTS);
		rate = MAX_EVENTS / length;
	}
	for (int path = 0; path < half; path++)
	{
		double		time = 1 - log(1 - ecml_rng_double(&rng)) / rate;
		double		slope = 0;
		double		offset = 0;

		for (int k = 0; k < n; k++)
		{
			while (time < knots[k])
			{
				double		u = ecml_rng_double(&rng);
				double		change = size * (u < 0.5 ? log(1 - 2 * u) : -log(2 - 2 * u));

				slope += change;
				offset -= change * time;
				time -= log(1 - ecml_rng_double(&rng)) / rate;
			}
			d->paths[(size_t) k * half + path] = slope * knots[k] + offset;
		}
	}
}

/* Half widths, scaled, of a linear trend's band: widths [n_levels] at row, by interpolation over knots and noise ratios. */
typedef struct Band
{
	int			knots;
	int			rows[PROPHET_KNOTS];	/* of the design */
	double		times[PROPHET_KNOTS];
	int			nodes;
	double		ratio[NODES];	/* noise by factor, of the node */
	double		width[PROPHET_KNOTS][NODES][PROPHET_MAX_LEVELS];
	double		square[PROPHET_KNOTS];	/* mean square of the departures */
} Band;

static void
choose_knots(const ProphetDesign *d, Band *band)
{
	int			first = d->in->n;
	int			count = d->total - first;

	band->knots = count < PROPHET_KNOTS ? count : PROPHET_KNOTS;
	for (int k = 0; k < band->knots; k++)
	{
		band->rows[k] = band->knots == 1 ? first : first + (int) ((double) k * (count - 1) / (band->knots - 1) + 0.5);
		band->times[k] = d->t[band->rows[k]];
	}
}

static void
solve_band(ProphetDesign *d, Band *band, double size, double sigma)
{
	double		least = INFINITY;
	double		most = 0;
	double		widest = 0;

	for (int i = d->in->n; i < d->total; i++)
	{
		least = fmin(least, fabs(d->factor[i]));
		most = fmax(most, fabs(d->factor[i]));
	}
	least = fmax(least, 0.02 * most);
	band->nodes = most - least > 1e-9 * most ? NODES : 1;
	for (int a = 0; a < band->nodes; a++)
		band->ratio[a] = sigma / (band->nodes == 1 ? most : most + (least - most) * a / (NODES - 1));
	for (int l = 0; l < d->in->n_levels; l++)
		widest = fmax(widest, d->in->levels[l]);
	for (int k = 0; k < band->knots; k++)
		for (int a = 0; a < band->nodes; a++)
		{
			ProphetLaw	law;

			prophet_law(&law, d->changes, size, band->times[k] - 1, band->ratio[a], 0.5 - 0.5 * widest);
			for (int l = 0; l < d->in->n_levels; l++)
				band->width[k][a][l] = prophet_law_quantile(&law, 0.5 + 0.5 * d->in->levels[l], k > 0 ? band->width[k - 1][a][l] : NAN);
		}
}

/* Of a row with this factor; knot: the one at or before it. */
static double
band_width(const Band *band, int knot, double share, double factor, double sigma, int level)
{
	double		width[NODES];
	double		ratio;

	for (int a = 0; a < band->nodes; a++)
	{
		double		here = band->width[knot][a][level];

		width[a] = share > 0 ? here + share * (band->width[knot + 1][a][level] - here) : here;
	}
	if (band->nodes == 1)
		return width[0] * sigma / band->ratio[0];
	/* the parabola through the three nodes; factor times the quantile of departure + noise / factor */
	ratio = fmin(sigma / fmax(fabs(factor), 1e-12), band->ratio[2]);
	return sigma / ratio * (width[0] * (ratio - band->ratio[1]) * (ratio - band->ratio[2]) /
							((band->ratio[0] - band->ratio[1]) * (band->ratio[0] - band->ratio[2])) +
							width[1] * (ratio - band->ratio[0]) * (ratio - band->ratio[2]) /
							((band->ratio[1] - band->ratio[0]) * (band->ratio[1] - band->ratio[2])) +
							width[2] * (ratio - band->ratio[0]) * (ratio - band->ratio[1]) /
							((band->ratio[2] - band->ratio[0]) * (band->ratio[2] - band->ratio[1])));
}

/* Logistic growth: the paths go through the curve at each row, whose mean stays the forecast (as in Prophet). */
static void
logistic_row(ProphetDesign *d, int row, int half, int knot, double share, double sigma, double *low, double *high)
{
	double		mean = 0;
	const double *here = d->paths + (size_t) knot * half;
	int			n = 2 * half;

	for (int i = 0; i < half; i++)
	{
		double		departure = share > 0 ? here[i] + share * (here[half + i] - here[i]) : here[i];

		for (int side = 0; side < 2; side++)
		{
			double		value = d->factor[row] * d->cap[row] / (1 + exp(-(d->z[row] + (side ? -departure : departure))));

			d->drawn[2 * i + side] = value;
			mean += value;
		}
	}
	mean /= n;
	for (int i = 0; i < n; i++)
		d->drawn[i] -= mean;
	for (int l = 0; l < d->in->n_levels; l++)
	{
		low[l] = mixture_quantile(d->drawn, n, sigma, 0.5 - 0.5 * d->in->levels[l]);
		high[l] = mixture_quantile(d->drawn, n, sigma, 0.5 + 0.5 * d->in->levels[l]);
	}
}

void
prophet_intervals(ProphetDesign *d, ProphetOutput *out)
{
	const ProphetInput *in = d->in;
	int			half = d->half;
	double		sigma = sqrt(d->variance);
	double		size = 0;
	Band		band;
	bool		paths;
	int			knot = 0;

	for (int j = 0; j < d->changes; j++)
		size += fabs(d->theta[d->smooth + j]) / d->changes;
	paths = half > 0 && size > 0 && sigma > 0 && in->horizon > 0;
	if (paths)
	{
		choose_knots(d, &band);
		if (d->cap)
			draw_paths(d, band.times, band.knots, half, size);
		else
			solve_band(d, &band, size, sigma);
		for (int k = 0; k < band.knots; k++)
		{
			double		time = fmax(band.times[k] - 1, 0);

			/* of Poisson's many changes, each a Laplace's square times that of its time to grow */
			band.square[k] = d->changes * 2 * size * size * time * time * time / 3;
		}
	}
	for (int h = 0; h < in->horizon; h++)
	{
		int			row = in->n + h;
		double		yhat = d->trend[row] * d->factor[row] + d->added[row];
		double		floor = d->cap && in->floor ? in->floor[row] : d->y_min;
		double		low[PROPHET_MAX_LEVELS];
		double		high[PROPHET_MAX_LEVELS];
		double		share = 0;

		if (paths)
		{
			while (knot + 1 < band.knots && band.rows[knot + 1] <= row)
				knot++;
			if (knot + 1 < band.knots)
				share = (double) (row - band.rows[knot]) / (band.rows[knot + 1] - band.rows[knot]);
		}
		if (paths && d->cap)
			logistic_row(d, row, half, knot, share, sigma, low, high);
		else
			for (int l = 0; l < in->n_levels; l++)
			{
				high[l] = paths ? band_width(&band, knot, share, d->factor[row], sigma, l) :
					sigma * ecml_normal_quantile(0.5 + 0.5 * in->levels[l]);
				low[l] = -high[l];
			}
		if (out->sd)
		{
			double		slope = d->factor[row] * (d->cap ? d->trend[row] * (1 - d->trend[row] / d->cap[row]) : 1);
			double		square = paths ? band.square[knot] : 0;

			if (share > 0)
				square += share * (band.square[knot + 1] - square);
			out->sd[h] = sqrt(d->variance + slope * slope * square) * d->y_scale;
		}
		for (int l = 0; l < in->n_levels; l++)
		{
			if (out->lower)
				out->lower[(size_t) l * in->horizon + h] = (yhat + low[l]) * d->y_scale + floor;
			if (out->upper)
				out->upper[(size_t) l * in->horizon + h] = (yhat + high[l]) * d->y_scale + floor;
		}
	}
}

/* Into to [total], by rows of the input: what features first .. last - 1 add, in units of y. */
static void
part(const ProphetDesign *d, int first, int last, bool holidays_wanted, bool all, double *to)
{
	memset(to, 0, d->total * sizeof(double));
	for (int f = first; f < last; f++)
	{
		double		beta = d->theta[2 + f];
		const double *x = d->x + (size_t) f * d->total;

		if (beta == 0 || (!all && d->in->columns[f - d->first_column].holiday != holidays_wanted))
			continue;
		beta *= d->y_scale;
		if (d->multiplicative[f])
			for (int i = 0; i < d->total; i++)
				to[d->order[i]] += beta * x[i] * d->trend[i];
		else
			for (int i = 0; i < d->total; i++)
				to[d->order[i]] += beta * x[i];
	}
}

void
prophet_predict(ProphetDesign *d, ProphetOutput *out)
{
	const ProphetInput *in = d->in;
	int			feature = 0;

	for (int i = 0; i < d->total; i++)
	{
		int			row = d->order[i];
		double		floor = d->cap && in->floor ? in->floor[row] : d->y_min;

		if (out->yhat)
			out->yhat[row] = (d->trend[i] * d->factor[i] + d->added[i]) * d->y_scale + floor;
		if (out->trend)
			out->trend[row] = d->trend[i] * d->y_scale + floor;
	}
	for (int s = 0; s < 3 + d->params->n_seasons; s++)
	{
		if (out->seasons)
			part(d, feature, feature + 2 * d->orders[s], false, true, out->seasons + (size_t) s * d->total);
		feature += 2 * d->orders[s];
	}
	if (out->holidays)
		part(d, d->first_column, d->features, true, false, out->holidays);
	if (out->regressors)
		part(d, d->first_column, d->features, false, false, out->regressors);
	if (out->columns)
		for (int c = 0; c < in->n_columns; c++)
		{
			int			f = d->first_column + c;

			out->columns[c] = d->theta[2 + f] / d->unit[c] * (d->multiplicative[f] ? 1 : d->y_scale);
		}
}

ProphetStatus
prophet_run(const ProphetParams *params, const ProphetInput *in, void *memory, size_t size, ProphetOutput *out)
{
	ProphetDesign d;
	Work		work = {memory, 0, size};

	prophet_layout(&d, &work, params, in->n, in->horizon, in->n_columns);
	if (!work_fits(&work) || in->n_levels > PROPHET_MAX_LEVELS)
		return out->status = PROPHET_NO_MEMORY;
	out->status = prophet_design(&d, params, in);
	out->used = d.rows;
	out->iterations = 0;
	out->objective = NAN;
	if (out->status != PROPHET_OK)
		return out->status;
	if (in->state)
		prophet_curve(&d, d.theta, 0, d.total);
	else
		prophet_fit(&d, out);
	if (d.cancelled)
		return out->status = PROPHET_CANCELLED;
	prophet_predict(&d, out);
	if (out->lower || out->upper || out->sd)
		prophet_intervals(&d, out);
	memcpy(out->orders, d.orders, sizeof(out->orders));
	out->n_changepoints = d.changes;
	out->sigma = sqrt(d.variance) * d.y_scale;
	out->k = d.theta[0];
	out->m = d.cap && d.theta[0] != 0 ? -d.theta[1] / d.theta[0] : d.theta[1];
	if (out->delta)
		memcpy(out->delta, d.theta + d.smooth, d.changes * sizeof(double));
	if (out->changepoint_times)
		for (int j = 0; j < d.changes; j++)
			out->changepoint_times[j] = d.start + d.s[j] * d.scale;
	out->n_state = 0;
	if (out->state)
		out->n_state = prophet_write_state(&d, out->state);
	return PROPHET_OK;
}

const char *
prophet_status_text(ProphetStatus status)
{
	switch (status)
	{
		case PROPHET_OK:
			return "ok";
		case PROPHET_TOO_FEW:
			return "fewer than two observations at different times";
		case PROPHET_NO_CAP:
			return "logistic growth needs a cap above the floor at every time";
		case PROPHET_BAD_CHANGEPOINT:
			return "a changepoint lies outside of the observations";
		case PROPHET_DAMAGED:
			return "the stored state is damaged, or of other options";
		case PROPHET_NOT_FINITE:
			return "a value, a time or a regressor is not finite";
		case PROPHET_NO_MEMORY:
			return "the scratch memory is too small";
		case PROPHET_CANCELLED:
			return "cancelled";
	}
	return "unknown";
}
