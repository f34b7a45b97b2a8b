/*
 * test_prophet.c - prophet against Prophet's own estimates and a naive objective; intervals against drawn paths; stored states,
 * damaged ones; holidays by rules; what cannot be fitted
 */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/holidays.h"
#include "forecast/prophet_internal.h"
#include "forecast/prophet_method.h"
#include "num/calendar.h"
#include "num/dist.h"

#define MOST 1200

typedef struct Case
{
	char		name[32];
	int			n;
	int			horizon;
	double		t[MOST];
	double		y[MOST];
	double		x[MOST];
	double		yhat[MOST];
	double		trend[MOST];
	double		objective;
} Case;

static Case cases[8];
static int	ncases;

static void
load(void)
{
	const char *folder = getenv("ECML_TEST_DATA");
	char		path[1024];
	char		line[512];
	FILE	   *file;
	int			row = 0;

	snprintf(path, sizeof(path), "%s/forecast/prophet.tsv", folder ? folder : "test/data");
	file = fopen(path, "r");
	ok(file != NULL, "%s is there", path);
	if (file == NULL)
		exit(done());
	while (fgets(line, sizeof(line), file))
	{
		Case	   *c = &cases[ncases > 0 ? ncases - 1 : 0];

		if (sscanf(line, "case\t%31s\t%d\t%d", cases[ncases].name, &cases[ncases].n, &cases[ncases].horizon) == 3)
		{
			ncases++;
			row = 0;
		}
		else if (strncmp(line, "row", 3) == 0 && row < MOST)
		{
			char	   *at = line + 3;

			c->t[row] = strtod(at, &at);
			c->y[row] = strtod(at, &at);
			c->x[row] = strtod(at, &at);
			c->yhat[row] = strtod(at, &at);
			c->trend[row++] = strtod(at, &at);
		}
		else
			sscanf(line, "objective\t%lf", &c->objective);
	}
	fclose(file);
}

static double
correlation(const double *a, const double *b, int n)
{
	double		ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;

	for (int i = 0; i < n; i++)
	{
		ma += a[i] / n;
		mb += b[i] / n;
	}
	for (int i = 0; i < n; i++)
	{
		aa += (a[i] - ma) * (a[i] - ma);
		bb += (b[i] - mb) * (b[i] - mb);
		ab += (a[i] - ma) * (b[i] - mb);
	}
	return ab / sqrt(aa * bb);
}

/* ---- one run with all that it gives */

typedef struct Run
{
	double		yhat[MOST], trend[MOST], seasons[4 * MOST], holidays[MOST], regressors[MOST];
	double		lower[2 * MOST], upper[2 * MOST], sd[MOST], delta[600], times[600], state[2000];
	ProphetOutput out;
	void	   *memory;
	size_t		size;
} Run;

static void
prepare_run(Run *r, const ProphetParams *params, const ProphetInput *in)
{
	r->size = prophet_work(params, in->n, in->horizon, in->n_columns);
	r->memory = aligned_alloc(64, (r->size + 63) / 64 * 64);
	r->out = (ProphetOutput) {
		.yhat = r->yhat,.trend = r->trend,.seasons = r->seasons,.holidays = r->holidays,.regressors = r->regressors,
		.lower = r->lower,.upper = r->upper,.sd = r->sd,.delta = r->delta,.changepoint_times = r->times,.state = r->state
	};
}

static double day_0[MOST], day_1[MOST];	/* of the holiday of case daily */

/* The case's model: as make_prophet.py has it. */
static void
setup(const Case *c, ProphetParams *params, ProphetInput *in, ProphetColumn *columns, double *cap, double *floors)
{
	static const double levels[2] = {0.8, 0.95};

	*params = (ProphetParams) PROPHET_DEFAULTS;
	*in = (ProphetInput) {.n = c->n,.horizon = c->horizon,.t = c->t,.y = c->y,.levels = levels,.n_levels = 2};
	ecml_rng_seed(&in->rng, 1);
	if (strcmp(c->name, "monthly") == 0)
		params->multiplicative = true;
	if (strcmp(c->name, "flat") == 0)
		params->growth = PROPHET_FLAT;
	if (strcmp(c->name, "logistic") == 0)
	{
		params->growth = PROPHET_LOGISTIC;
		for (int i = 0; i < c->n + c->horizon; i++)
		{
			cap[i] = 110;
			floors[i] = 10;
		}
		in->cap = cap;
		in->floor = floors;
	}
	if (strcmp(c->name, "daily") == 0)
	{
		static const int dates[3][3] = {{2019, 11, 29}, {2020, 11, 27}, {2021, 11, 26}};

		for (int i = 0; i < c->n + c->horizon; i++)
		{
			day_0[i] = day_1[i] = 0;
			for (int k = 0; k < 3; k++)
			{
				double		day = (double) ecml_calendar_day(dates[k][0], dates[k][1], dates[k][2]) + 10957;

				day_0[i] += c->t[i] == day;
				day_1[i] += c->t[i] == day + 1;
			}
		}
		columns[0] = (ProphetColumn) {.values = c->x,.prior_scale = 10,.standardize = true};
		columns[1] = (ProphetColumn) {.values = day_0,.prior_scale = 10,.holiday = true};
		columns[2] = (ProphetColumn) {.values = day_1,.prior_scale = 10,.holiday = true};
		in->columns = columns;
		in->n_columns = 3;
	}
}

/* Minus the log posterior, as the banner of prophet_fit.c has it, from what a run gives: everything but beta's prior is seen */
static double
naive_objective(const Case *c, const ProphetParams *params, const Run *r, double *sse_out)
{
	double		scale = 0;
	double		sse = 0;
	double		sum = 0;
	double		floor = params->growth == PROPHET_LOGISTIC ? 10 : 0;
	double		sigma;
	int			n = 0;

	for (int i = 0; i < c->n; i++)
		if (!isnan(c->y[i]))
			scale = fmax(scale, fabs(c->y[i] - floor));
	for (int i = 0; i < c->n; i++)
		if (!isnan(c->y[i]))
		{
			double		e = (c->y[i] - r->yhat[i]) / scale;

			sse += e * e;
			n++;
		}
	sigma = r->out.sigma / scale;
	for (int j = 0; j < r->out.n_changepoints; j++)
		sum += fabs(r->delta[j]) / params->changepoint_prior_scale;
	*sse_out = sse;
	return n * log(sigma) + sse / (2 * sigma * sigma) + 2 * sigma * sigma +
		(r->out.k * r->out.k + r->out.m * r->out.m) / 50 + sum;
}

static void
against_prophet(const Case *c)
{
	ProphetParams params;
	ProphetInput in;
	ProphetColumn columns[3];
	static double cap[MOST], floors[MOST];
	static Run	r;
	int			total = c->n + c->horizon;
	double		sse;
	double		partial;
	double		square = 0;
	double		most = 0;

	setup(c, &params, &in, columns, cap, floors);
	prepare_run(&r, &params, &in);
	ok(prophet_run(&params, &in, r.memory, r.size, &r.out) == PROPHET_OK, "%s: fitted", c->name);
	for (int i = 0; i < total; i++)
	{
		square += (r.yhat[i] - c->yhat[i]) * (r.yhat[i] - c->yhat[i]) / total;
		most = fmax(most, fabs(c->yhat[i]));
	}
	ok(r.out.objective <= c->objective + 1e-6, "%s: posterior %.4f not below Prophet's %.4f", c->name, -r.out.objective, -c->objective);
	ok(r.out.objective > c->objective - 0.02 * fabs(c->objective) - 5, "%s: nor far above it", c->name);
	ok(sqrt(square) < 0.01 * most, "%s: yhat within 1 %% of the scale of Prophet's (%.3g of %.3g)", c->name, sqrt(square), most);
	ok(correlation(r.yhat, c->yhat, total) > 0.998, "%s: yhat correlates", c->name);
	if (params.growth != PROPHET_FLAT)
		ok(correlation(r.trend, c->trend, total) > 0.998, "%s: trend correlates", c->name);
	/* the betas' prior is what is left of the objective: small and not negative */
	partial = naive_objective(c, &params, &r, &sse);
	ok(r.out.objective - partial >= -1e-6 && r.out.objective - partial < 1, "%s: objective is the naive one and the prior of beta",
	   c->name);
	/* parts add up */
	for (int i = 0; i < total; i++)
	{
		double		sum = r.trend[i] + r.holidays[i] + r.regressors[i];

		for (int s = 0; s < 3; s++)
			sum += r.seasons[s * total + i];
		if (fabs(sum - r.yhat[i]) > 1e-9 * most)
			ok(false, "%s: parts of row %d add up", c->name, i);
	}
	for (int h = 0; h < c->horizon; h++)
		if (!(r.lower[c->horizon + h] <= r.lower[h] && r.lower[h] < r.yhat[c->n + h] && r.yhat[c->n + h] < r.upper[h] &&
			  r.upper[h] <= r.upper[c->horizon + h]))
			ok(false, "%s: intervals nest at %d", c->name, h);

	/* the same bits again, from a stored state, and from a state damaged the same or an error */
	{
		static Run	again;
		ProphetInput stored = in;
		uint64_t	seed = 7;

		prepare_run(&again, &params, &in);
		prophet_run(&params, &in, again.memory, again.size, &again.out);
		ok(memcmp(again.yhat, r.yhat, total * sizeof(double)) == 0 && memcmp(again.lower, r.lower, 2 * c->horizon * sizeof(double)) == 0,
		   "%s: the same bits again", c->name);
		stored.state = r.state;
		stored.n_state = r.out.n_state;
		ok(r.out.n_state > 0 && r.out.n_state <= prophet_state_size(&params, in.n_columns), "%s: size of the state", c->name);
		again.out.state = NULL;
		ok(prophet_run(&params, &stored, again.memory, again.size, &again.out) == PROPHET_OK &&
		   memcmp(again.yhat, r.yhat, total * sizeof(double)) == 0 && memcmp(again.upper, r.upper, 2 * c->horizon * sizeof(double)) == 0,
		   "%s: the same from a stored state", c->name);
		params.samples = 16;
		for (int i = 0; i < 500; i++)
		{
			static double bad[2000];
			static const double values[] = {0, -1, 1e308, -1e308, NAN, INFINITY, 3.5, 1e-300, 100};

			memcpy(bad, r.state, r.out.n_state * sizeof(double));
			bad[ecml_splitmix64(&seed) % r.out.n_state] = values[ecml_splitmix64(&seed) % 9];
			stored.state = bad;
			stored.n_state = i % 5 == 0 ? (int) (ecml_splitmix64(&seed) % (r.out.n_state + 1)) : r.out.n_state;
			prophet_run(&params, &stored, again.memory, again.size, &again.out);
		}
		ok(true, "%s: 500 damaged states end", c->name);
		params.samples = 1000;
		ok(prophet_run(&params, &in, again.memory, again.size / 2, &again.out) == PROPHET_NO_MEMORY, "%s: half the memory is refused", c->name);
		free(again.memory);
	}
	free(r.memory);
}

/* No step along any unknown lowers the naive objective: the mode, kinks included.  Seen through a model without features. */
static void
mode(void)
{
	enum
	{
		N = 200
	};
	static double t[N], y[N];
	ProphetParams params = PROPHET_DEFAULTS;
	ProphetInput in = {.n = N,.t = t,.y = y};
	static Run	r;
	EcmlRng		rng;
	double		theta[27];
	double		best = NAN;
	int			lower = 0;
	int			zeros = 0;

	ecml_rng_seed(&rng, 3);
	for (int i = 0; i < N; i++)
	{
		t[i] = i;
		y[i] = 10 + 0.1 * i - 0.15 * fmax(0, i - 90) + 0.5 * ecml_rng_normal(&rng);
	}
	params.yearly = params.weekly = params.daily = 0;
	prepare_run(&r, &params, &in);
	prophet_run(&params, &in, r.memory, r.size, &r.out);
	theta[0] = r.out.k;
	theta[1] = r.out.m;
	memcpy(theta + 2, r.delta, 25 * sizeof(double));
	for (int j = 0; j < 25; j++)
		zeros += r.delta[j] == 0;
	for (int i = -1; i < 27; i++)
		for (int side = -1; side <= 1; side += 2)
			for (double size = 1e-6; size < 2e-2; size *= 10)
			{
				double		changed[27];
				double		scale = 0;
				double		sse = 0;
				double		sum = 0;
				double		v;
				double		f;

				memcpy(changed, theta, sizeof(theta));
				if (i >= 0)
					changed[i] += side * size;
				for (int k = 0; k < N; k++)
					scale = fmax(scale, fabs(y[k]));
				for (int k = 0; k < N; k++)
				{
					double		time = t[k] / (N - 1);
					double		z = changed[0] * time + changed[1];

					for (int j = 0; j < 25; j++)
						z += changed[2 + j] * fmax(0, time - r.times[j] / (N - 1));
					sse += (y[k] / scale - z) * (y[k] / scale - z);
				}
				for (int j = 0; j < 25; j++)
					sum += fabs(changed[2 + j]) / 0.05;
				v = (-N + sqrt((double) N * N + 16 * sse)) / 8;
				f = 0.5 * N * log(v) + sse / (2 * v) + 2 * v + (changed[0] * changed[0] + changed[1] * changed[1]) / 50 + sum;
				if (i < 0)
					best = f;
				else if (f < best - 1e-7)
					lower++;
			}
	close_to(r.out.objective, best, 1e-9, "the objective is the naive one");
	ok(lower == 0, "no step along an unknown lowers it");
	ok(zeros >= 15, "most changes are exactly 0 (%d of 25)", zeros);
	free(r.memory);
}

/* Bands against quantiles of drawn paths with drawn noise. */
static void
bands(void)
{
	enum
	{
		N = 300, H = 90, DRAWS = 20000
	};
	static double t[N + H], y[N], drawn[DRAWS];
	static const double levels[1] = {0.9};
	ProphetParams params = PROPHET_DEFAULTS;
	ProphetInput in = {.n = N,.horizon = H,.t = t,.y = y,.levels = levels,.n_levels = 1};
	static Run	r;
	EcmlRng		rng;

	ecml_rng_seed(&rng, 9);
	for (int i = 0; i < N + H; i++)
	{
		t[i] = 1000 + i;
		if (i < N)
			y[i] = 50 + 0.2 * i - 0.5 * fmax(0, i - 100) + 0.7 * fmax(0, i - 180) + ecml_rng_normal(&rng);
	}
	params.samples = 4000;
	in.rng = rng;
	prepare_run(&r, &params, &in);
	prophet_run(&params, &in, r.memory, r.size, &r.out);
	for (int h = 9; h < H; h += 40)
	{
		double		size = 0;
		double		scale = 0;
		double		width;
		double		square = 0;
		int			below = 0;

		for (int i = 0; i < N; i++)
			scale = fmax(scale, fabs(y[i]));
		for (int j = 0; j < r.out.n_changepoints; j++)
			size += fabs(r.delta[j]) / r.out.n_changepoints;
		for (int i = 0; i < DRAWS; i++)
		{
			double		end = (double) (N + h) / (N - 1);
			double		time = 1 - log(1 - ecml_rng_double(&rng)) / r.out.n_changepoints;
			double		z = 0;

			for (; time < end; time -= log(1 - ecml_rng_double(&rng)) / r.out.n_changepoints)
			{
				double		change = -size * log(1 - ecml_rng_double(&rng)) * (ecml_rng_double(&rng) < 0.5 ? -1 : 1);

				z += change * (end - time);
			}
			drawn[i] = scale * z + r.out.sigma * ecml_rng_normal(&rng);
			square += drawn[i] * drawn[i] / DRAWS;
		}
		width = 0.5 * (r.upper[h] - r.lower[h]);
		for (int i = 0; i < DRAWS; i++)
			below += fabs(drawn[i]) < width;
		ok(fabs((double) below / DRAWS - 0.9) < 0.012, "%d steps on the band of 90 %% holds %.1f %% of drawn futures", h + 1,
		   100.0 * below / DRAWS);
		close_to(r.sd[h], sqrt(square), 0.06, "and the standard deviation is theirs");
	}
	free(r.memory);
}

/* Cancelled at each question in turn, and in the end not. */
static bool
cancel_later(void *arg)
{
	int		   *left = arg;

	return --*left < 0;
}

static void
cancelling(void)
{
	enum
	{
		N = 900
	};
	static double t[N], y[N];
	ProphetParams params = PROPHET_DEFAULTS;
	int			left;
	ProphetInput in = {.n = N,.t = t,.y = y,.cancel = cancel_later,.cancel_arg = &left};
	static Run	r;
	int			rounds = 0;
	bool		good = true;

	for (int i = 0; i < N; i++)
	{
		t[i] = i;
		y[i] = 10 + 0.01 * i + sin(2 * M_PI * i / 7) + 0.1 * sin(i * i);
	}
	for (int multiplicative = 0; multiplicative < 2; multiplicative++)
	{
		ProphetStatus status = PROPHET_CANCELLED;

		params.multiplicative = multiplicative;
		prepare_run(&r, &params, &in);
		for (int after = 0; status == PROPHET_CANCELLED && after < 10000; after++, rounds++)
		{
			left = after;
			status = prophet_run(&params, &in, r.memory, r.size, &r.out);
			good &= status == PROPHET_OK || (status == PROPHET_CANCELLED && left < 0);
		}
		good &= status == PROPHET_OK;
		free(r.memory);
	}
	ok(good && rounds > 40, "cancelled at each of %d questions", rounds - 2);
}

static void
edges(void)
{
	static double t[100], y[100];
	static const double levels[1] = {0.95};
	ProphetParams params = PROPHET_DEFAULTS;
	ProphetInput in = {.n = 10,.horizon = 5,.t = t,.y = y,.levels = levels,.n_levels = 1};
	static Run	r;
	double		outside[1] = {500};
	ProphetStatus status;

	for (int i = 0; i < 100; i++)
	{
		t[i] = i;
		y[i] = 5;
	}
	prepare_run(&r, &params, &in);
	ok(prophet_run(&params, &in, r.memory, r.size, &r.out) == PROPHET_OK && r.yhat[12] == 5 && r.lower[0] == 5 && r.upper[4] == 5,
	   "a constant goes on");
	for (int i = 0; i < 10; i++)
		y[i] = 0;
	ok(prophet_run(&params, &in, r.memory, r.size, &r.out) == PROPHET_OK && r.yhat[12] == 0, "so do zeros");
	for (int i = 0; i < 10; i++)
		y[i] = 3 * i;
	status = prophet_run(&params, &in, r.memory, r.size, &r.out);
	ok(status == PROPHET_OK && fabs(r.yhat[14] - 42) < 0.1 && isfinite(r.upper[4]), "a straight line goes on (%.4f)", r.yhat[14]);
	for (int i = 0; i < 10; i++)
		y[i] = NAN;
	ok(prophet_run(&params, &in, r.memory, r.size, &r.out) == PROPHET_TOO_FEW, "nothing: too few");
	y[3] = 1;
	ok(prophet_run(&params, &in, r.memory, r.size, &r.out) == PROPHET_TOO_FEW, "one value: too few");
	y[7] = 2;
	ok(prophet_run(&params, &in, r.memory, r.size, &r.out) == PROPHET_OK && isfinite(r.yhat[14]), "two values");
	y[4] = INFINITY;
	ok(prophet_run(&params, &in, r.memory, r.size, &r.out) == PROPHET_NOT_FINITE, "infinity is refused");
	y[4] = 1e300;
	status = prophet_run(&params, &in, r.memory, r.size, &r.out);
	ok(status != PROPHET_OK || isfinite(r.yhat[10]), "1e300 does no harm");
	for (int i = 0; i < 10; i++)
		y[i] = i % 3;
	params.changepoints = outside;
	params.n_changepoints = 1;
	ok(prophet_run(&params, &in, r.memory, r.size, &r.out) == PROPHET_BAD_CHANGEPOINT, "a changepoint outside is refused");
	outside[0] = 4.5;
	ok(prophet_run(&params, &in, r.memory, r.size, &r.out) == PROPHET_OK && r.out.n_changepoints == 1, "one inside is not");
	params.changepoints = NULL;
	params.growth = PROPHET_LOGISTIC;
	free(r.memory);
	prepare_run(&r, &params, &in);
	ok(prophet_run(&params, &in, r.memory, r.size, &r.out) == PROPHET_NO_CAP, "logistic growth without cap is refused");
	free(r.memory);
	params = (ProphetParams) PROPHET_DEFAULTS;
	ok(prophet_check(&params) == NULL, "the defaults are right");
	params.changepoint_range = 1.5;
	ok(prophet_check(&params) != NULL, "a range above 1 is not");
	params = (ProphetParams) PROPHET_DEFAULTS;
	params.changepoint_prior_scale = NAN;
	ok(prophet_check(&params) != NULL, "nor is NaN");
}

/* Many sparse columns, several changepoints at one time, a horizon far beyond the series. */
static void
wide(void)
{
	enum
	{
		N = 500, H = 3000, C = 90
	};
	double	   *t = malloc((N + H) * sizeof(double));
	double	   *y = malloc(N * sizeof(double));
	double	   *x = calloc((size_t) C * (N + H), sizeof(double));
	double	   *yhat = malloc((N + H) * sizeof(double));
	double	   *lower = malloc(H * sizeof(double));
	double	   *upper = malloc(H * sizeof(double));
	double		effect[C];
	static const double levels[1] = {0.8};
	double		same[3] = {100, 100, 100};
	ProphetColumn columns[C];
	ProphetParams params = PROPHET_DEFAULTS;
	ProphetInput in = {.n = N,.horizon = H,.t = t,.y = y,.levels = levels,.n_levels = 1,.columns = columns,.n_columns = C};
	ProphetOutput out = {.yhat = yhat,.lower = lower,.upper = upper,.columns = effect};
	size_t		size;
	void	   *memory;
	bool		finite = true;
	EcmlRng		rng;

	ecml_rng_seed(&rng, 4);
	in.rng = rng;
	for (int i = 0; i < N + H; i++)
		t[i] = i;
	for (int i = 0; i < N; i++)
		y[i] = 100 + ecml_rng_normal(&rng);
	for (int c = 0; c < C; c++)
	{
		columns[c] = (ProphetColumn) {.values = x + (size_t) c * (N + H),.prior_scale = 10,.holiday = true};
		for (int i = c; i < N + H; i += 97)
		{
			x[(size_t) c * (N + H) + i] = 1;
			if (i < N && c == 7)
				y[i] += 20;
		}
	}
	params.changepoints = same;
	params.n_changepoints = 3;
	size = prophet_work(&params, N, H, C);
	memory = aligned_alloc(64, (size + 63) / 64 * 64);
	ok(prophet_run(&params, &in, memory, size, &out) == PROPHET_OK, "90 holidays, equal changepoints, 3,000 steps");
	for (int h = 0; h < H; h++)
		finite = finite && isfinite(lower[h]) && upper[h] > lower[h];
	ok(finite, "its intervals are finite");
	ok(fabs(effect[7] - 20) < 1.5 && fabs(effect[8]) < 2, "the effect of a day is found (%.2f)", effect[7]);
	free(memory);
	free(t);
	free(y);
	free(x);
	free(yhat);
	free(lower);
	free(upper);
}

static void
holidays(void)
{
	static const struct
	{
		const char *name;
		int			year, month, day;
	}			known[] = {
		{"easter", 2024, 3, 31}, {"easter", 2025, 4, 20}, {"easter", 2038, 4, 25}, {"easter", 1818, 3, 22},
		{"orthodox_easter", 2024, 5, 5}, {"orthodox_easter", 2023, 4, 16}, {"good_friday", 2023, 4, 7},
		{"black_friday", 2023, 11, 24}, {"black_friday", 2024, 11, 29}, {"cyber_monday", 2024, 12, 2},
		{"thanksgiving", 2023, 11, 23}, {"mothers_day", 2024, 5, 12}, {"mothering_sunday", 2024, 3, 10},
		{"fathers_day", 2024, 6, 16}, {"memorial_day", 2024, 5, 27}, {"labor_day", 2024, 9, 2},
		{"canadian_thanksgiving", 2024, 10, 14}, {"super_saturday", 2023, 12, 23}, {"super_saturday", 2022, 12, 24},
		{"singles_day", 2024, 11, 11}, {"boxing_day", 2020, 12, 26}, {"whit_monday", 2024, 5, 20}
	};

	for (int i = 0; i < (int) (sizeof(known) / sizeof(known[0])); i++)
	{
		int			number = holidays_find(known[i].name);

		ok(number >= 0 && holidays_day(number, known[i].year) == ecml_calendar_day(known[i].year, known[i].month, known[i].day),
		   "%s of %d", known[i].name, known[i].year);
	}
	ok(holidays_find("sunday") == -1, "no such holiday");
}

/* Through the interface of methods: times from moments, holidays by rule, a season without a clock. */
static void
method(void)
{
	enum
	{
		N = 760, H = 60
	};
	static double y[N];
	static int64_t at[N + H];
	ProphetHoliday holiday = {.name = "black_friday",.rule = holidays_find("black_friday"),.lower_window = -1,.upper_window = 1,.prior_scale = 10};
	ProphetOptions options = PROPHET_OPTION_DEFAULTS;
	const void *all[FORECAST_MAX_METHODS] = {NULL};
	ForecastShape shape = {.n = N,.horizon = H,.period = 7,.nperiods = 1,.nlevels = 1,.options = all};
	ForecastInput in = {.y = y,.n = N,.horizon = H,.nperiods = 1,.periods = {7},.season = {7},.at = at,.step = ECML_DAY_US,.nlevels = 1,.levels = {0.95},.cap = NAN,.floor = NAN,.seed = 5,.options = all};
	const ForecastMethod *m = forecast_method_by_name("prophet");
	static double params[1000], mean[H], lower[H], upper[H], fitted[N], sd[H];
	ForecastFit fit = {.params = params};
	ForecastResult result = {mean, lower, upper, fitted, sd, NULL};
	ForecastArena arena = {0};
	int64_t		day = ecml_calendar_day(2022, 10, 1);
	int64_t		friday = holidays_day(holiday.rule, 2024);

	options.holidays = &holiday;
	options.n_holidays = 1;
	all[m->id] = &options;
	ok(prophet_options_check(&options) == NULL, "options are right");
	for (int i = 0; i < N + H; i++)
	{
		at[i] = (day + i) * ECML_DAY_US;
		if (i < N)
			y[i] = 10 + sin(2 * M_PI * i / 7) + 0.1 * sin(i * i);
	}
	y[holidays_day(holiday.rule, 2022) - day] += 8;
	y[holidays_day(holiday.rule, 2023) - day] += 8;
	arena.size = m->memory(&shape);
	arena.base = aligned_alloc(64, (arena.size + 63) / 64 * 64);
	ok(m->max_params(&shape) <= 1000, "room for its parameters");
	ok(m->fit(&in, &arena, &fit) == FORECAST_OK, "fitted: %s", fit.label);
	arena.used = 0;
	ok(m->forecast(&in, &fit, &arena, &result) == FORECAST_OK, "forecast");
	ok(mean[friday - day - N] > mean[friday - day - N - 7] + 6, "the next Black Friday stands out (%.2f, %.2f)",
	   mean[friday - day - N], mean[friday - day - N - 7]);
	/* without the past only the future is made: the same numbers */
	{
		static double mean_2[H], lower_2[H], upper_2[H], sd_2[H];
		ForecastResult ahead = {mean_2, lower_2, upper_2, NULL, sd_2, NULL};

		arena.used = 0;
		ok(m->forecast(&in, &fit, &arena, &ahead) == FORECAST_OK && memcmp(mean, mean_2, sizeof(mean)) == 0 &&
		   memcmp(lower, lower_2, sizeof(lower)) == 0 && memcmp(upper, upper_2, sizeof(upper)) == 0 &&
		   memcmp(sd, sd_2, sizeof(sd)) == 0, "the future alone: the same bits");
	}
	/* so with a regressor, whose rows are as long as past and future */
	{
		static double x[2 * (N + H)], mean_2[H];
		ForecastInput with = in;
		ForecastShape wide = shape;
		ForecastArena more = {0};
		ForecastResult ahead = {mean_2, NULL, NULL, NULL, NULL, NULL};
		double		off = 0;

		for (int i = 0; i < N + H; i++)
		{
			x[i] = i % 5 == 0;
			x[N + H + i] = sin(i);
			if (i < N)
				y[i] += 3 * x[i] - 2 * x[N + H + i];
		}
		with.nx = wide.nx = 2;
		with.x = x;
		more.size = m->memory(&wide);
		more.base = aligned_alloc(64, (more.size + 63) / 64 * 64);
		ok(m->fit(&with, &more, &fit) == FORECAST_OK, "regressors fitted");
		more.used = 0;
		ok(m->forecast(&with, &fit, &more, &result) == FORECAST_OK, "forecast with regressors");
		more.used = 0;
		ok(m->forecast(&with, &fit, &more, &ahead) == FORECAST_OK && memcmp(mean, mean_2, sizeof(mean)) == 0,
		   "the future alone: the same bits");
		for (int h = 0; h < H; h++)
			if (labs((long) (day + N + h - friday)) > 1)
				off = fmax(off, fabs(mean[h] - (10 + sin(2 * M_PI * (N + h) / 7) + 3 * x[N + h] - 2 * x[N + H + N + h])));
		ok(off < 0.2, "regressors have their effects (off by %.3f)", off);
		x[N + 3] = NAN;
		more.used = 0;
		ok(m->forecast(&with, &fit, &more, &ahead) == FORECAST_NOT_SUITED && ahead.note, "one that is missing in the future: a note");
		for (int i = 0; i < N; i++)
			y[i] -= 3 * x[i] - 2 * x[N + H + i];
		free(more.base);
	}
	/* weeks: the holiday's week has it */
	in.nperiods = 0;
	in.step = 7.0 * ECML_DAY_US;
	in.n = 110;
	in.horizon = 10;
	for (int i = 0; i < 120; i++)
	{
		at[i] = (day + 7 * i) * ECML_DAY_US;
		if (i < 110)
			y[i] = 10 + 0.1 * sin(i * i);
	}
	y[(holidays_day(holiday.rule, 2022) - day) / 7] += 5;
	y[(holidays_day(holiday.rule, 2023) - day) / 7] += 5;
	arena.used = 0;
	ok(m->fit(&in, &arena, &fit) == FORECAST_OK, "weeks fitted: %s", fit.label);
	arena.used = 0;
	ok(m->forecast(&in, &fit, &arena, &result) == FORECAST_OK && mean[(friday - day) / 7 - 110] > 13, "the week of Black Friday stands out");
	/* without a clock */
	in.at = NULL;
	in.step = 0;
	in.nperiods = 1;
	in.n = 100;
	for (int i = 0; i < 100; i++)
		y[i] = i % 7;
	arena.used = 0;
	all[m->id] = NULL;
	ok(m->fit(&in, &arena, &fit) == FORECAST_OK, "numbers fitted: %s", fit.label);
	arena.used = 0;
	ok(m->forecast(&in, &fit, &arena, &result) == FORECAST_OK && fabs(mean[0] - 100 % 7) < 0.2 && fabs(mean[3] - 103 % 7) < 0.2,
	   "its season of 7 goes on");
	free(arena.base);
}

/* Quantiles of changes and noise against draws of both; without changes the normal's. */
static void
law(void)
{
	enum
	{
		DRAWS = 40000
	};
	static const double cases[][4] = {	/* rate, size, time, sigma */
		{25, 0.02, 0.25, 0.05}, {25, 0.3, 0.3, 0.01}, {3, 1, 1, 0.2}, {0.5, 2, 0.5, 0.01}, {60, 0.01, 3, 0.5}, {25, 0.05, 4, 0.02}
	};
	EcmlRng		rng;
	static ProphetLaw l;

	ecml_rng_seed(&rng, 11);
	for (int c = 0; c < 6; c++)
	{
		double		rate = cases[c][0], size = cases[c][1], time = cases[c][2], sigma = cases[c][3];
		double		p[3] = {0.6, 0.9, 0.975};
		double		q[3];
		int			below[3] = {0};

		prophet_law(&l, rate, size, time, sigma, 0.025);
		for (int k = 0; k < 3; k++)
			q[k] = prophet_law_quantile(&l, p[k], NAN);
		for (int i = 0; i < DRAWS; i++)
		{
			double		sum = sigma * ecml_rng_normal(&rng);

			for (double t = -log(1 - ecml_rng_double(&rng)) / rate; t < time; t -= log(1 - ecml_rng_double(&rng)) / rate)
				sum += size * log(1 - ecml_rng_double(&rng)) * (ecml_rng_double(&rng) < 0.5 ? -1 : 1) * (time - t);
			for (int k = 0; k < 3; k++)
				below[k] += sum < q[k];
		}
		for (int k = 0; k < 3; k++)
			ok(fabs((double) below[k] / DRAWS - p[k]) < 4.5 * sqrt(p[k] * (1 - p[k]) / DRAWS), "law %d: below its quantile %.3f lie %.4f", c, p[k],
			   (double) below[k] / DRAWS);
	}
	for (int k = 1; k <= 6; k++)
	{
		double		tail = pow(10, -k);

		prophet_law(&l, 25, 0.1, 0, 2, tail);
		close_to(prophet_law_quantile(&l, 1 - tail, NAN), 2 * ecml_normal_isf(tail), 1e-5, "without time to come the normal's, tail 1e-%d", k);
	}
}

int
main(void)
{
	load();
	law();
	for (int i = 0; i < ncases; i++)
		against_prophet(&cases[i]);
	ok(ncases == 4, "four cases");
	mode();
	bands();
	cancelling();
	edges();
	wide();
	holidays();
	method();
	return done();
}
