/*
 * dynamic.c - prices over time: dynamic programming on stock and time (Gallego and van Ryzin 1994, in discrete time), and Q-learning
 * from a log
 *
 * With w wanted and s in stock min(w, s) sell.  From the end back,
 *
 *     V_t(s, k) = max over j (with only_fall j >= k) of  E[(price_j - cost) sold - holding (s - sold) + V_t+1(s - sold, j)]
 *
 * where V after the last period is salvage * s.  Exact for the distribution given, but for tails of 1e-13.
 *
 * Q-learning (Watkins 1989) over a log of a finite horizon: with step sizes 1 / visits, going back in time, its fixed point is
 * reached in one pass, Q(t, s, j) = mean of reward + max Q(t - 1, s', .) over the rows of that state and price.  Stock may be put
 * into bins, between whose middles the value is interpolated; a bin that nobody saw takes the value between its neighbours.
 */
#include "pricing/dynamic.h"

#include <math.h>
#include <string.h>

#include "num/dist.h"

#define TAIL 1e-13
#define CHUNK 16				/* stocks a task, at most */
#define TASK 1000000			/* products of probability and value in a task, about */

/* P(X <= k) */
static double
demand_cdf(double k, double mean, double size)
{
	if (k < 0)
		return 0;
	if (isinf(size))
		return ecml_poisson_cdf(floor(k), mean);
	return ecml_beta_cdf(size / (size + mean), size, floor(k) + 1);
}

void
dynamic_demand(double mean, double size, double lot, int n, double *p)
{
	double		sum = 0;

	memset(p, 0, ((size_t) n + 1) * sizeof(double));
	if (!(mean > 0))
	{
		p[0] = 1;
		return;
	}
	if (lot > 1)
	{
		double		before = 0;

		for (int j = 0; j < n; j++)
		{
			double		cdf = demand_cdf((j + 0.5) * lot, mean, size);

			p[j] = cdf - before;
			before = cdf;
			if (cdf > 1 - TAIL)
				break;
		}
		for (int j = 0; j < n; j++)
			sum += p[j];
		p[n] = fmax(1 - sum, 0);
		return;
	}
	/* from the mode outwards, by the ratio of neighbours; scaled at the end */
	{
		double		ratio = isinf(size) ? 0 : mean / (size + mean);
		int			mode = isinf(size) ? (int) fmin(mean, n) : (int) fmin(fmax((size - 1) * ratio / (1 - ratio), 0), n);
		double		at = isinf(size) ? ecml_poisson_pdf(mode, mean) : 0;
		double		tail;

		if (!isinf(size))
			at = fmax(demand_cdf(mode, mean, size) - demand_cdf(mode - 1, mean, size), 1e-290);
		p[mode] = at;
		for (int j = mode; j > 0; j--)
			p[j - 1] = p[j] * (isinf(size) ? j / mean : j / ((j - 1 + size) * ratio));
		for (int j = mode; j < n; j++)
			p[j + 1] = p[j] * (isinf(size) ? mean / (j + 1) : (j + size) * ratio / (j + 1));
		for (int j = 0; j < n; j++)
			sum += p[j];
		tail = 1 - sum;
		/* p[n] gets all that is beyond */
		p[n] = fmax(tail, 0);
	}
}

typedef struct Solving
{
	const DynamicProblem *problem;
	DynamicSolution *solution;
	int			t;
	double	   *p;				/* [nprices][most + 1] probabilities; what is beyond lies on the last */
	int		   *most;			/* [nprices] demand beyond is improbable */
	int			room;
	int			chunk;			/* stocks a task */
} Solving;

/* Expected value of a price in a period; next: values by stock left, layers apart. */
static inline double
expect(const Solving *solving, int s, int j, const double *next, int layers)
{
	const DynamicProblem *problem = solving->problem;
	const double *p = solving->p + (size_t) j * (solving->room + 1);
	int			most = solving->most[j] < s ? solving->most[j] : s;
	double		margin = (problem->price[j] - problem->cost + problem->holding) * problem->lot;
	double		sum = 0;
	double		sold = 0;
	double		seen = 0;

	for (int d = 0; d < most; d++)
	{
		sum += p[d] * next[(size_t) (s - d) * layers];
		sold += p[d] * d;
		seen += p[d];
	}
	/* as much as there is, or as can be wanted */
	sum += fmax(1 - seen, 0) * next[(size_t) (s - most) * layers];
	sold += fmax(1 - seen, 0) * most;
	return sum + margin * sold - problem->holding * problem->lot * s;
}

static void
solve_task(void *arg, size_t i, int worker)
{
	Solving    *solving = arg;
	const DynamicProblem *problem = solving->problem;
	DynamicSolution *solution = solving->solution;
	int			layers = solution->layers;
	int			first = (int) i * solving->chunk;
	int			last = first + solving->chunk < problem->stock + 1 ? first + solving->chunk : problem->stock + 1;

	for (int s = first; s < last; s++)
	{
		double		best = -INFINITY;
		int			which = 0;

		for (int j = problem->nprices - 1; j >= 0; j--)
		{
			int			layer = layers > 1 ? j : 0;
			double		value = expect(solving, s, j, solution->value + DYNAMIC_AT(problem, solution, solving->t + 1, 0, layer),
									   layers);

			/* of equal ones the higher price */
			if (value >= best)
			{
				best = value;
				which = j;
			}
			if (layers > 1 || j == 0)
			{
				solution->value[DYNAMIC_AT(problem, solution, solving->t, s, layer)] = best;
				solution->choice[DYNAMIC_AT(problem, solution, solving->t, s, layer)] = (uint16_t) which;
			}
		}
	}
}

static void
set_period(Solving *solving, int t)
{
	const DynamicProblem *problem = solving->problem;
	double		work = 1;

	solving->t = t;
	for (int j = 0; j < problem->nprices; j++)
	{
		double	   *p = solving->p + (size_t) j * (solving->room + 1);
		double		sum = 0;
		int			most = 0;

		dynamic_demand(problem->mean[(size_t) t * problem->nprices + j], problem->size, problem->lot, solving->room, p);
		while (most < solving->room && 1 - sum > TAIL)
			sum += p[most++];
		solving->most[j] = most;
		work += most;
	}
	solving->chunk = (int) fmax(1, fmin(CHUNK, TASK / work));
}

static void
begin(EcmlCtx *ctx, Solving *solving, const DynamicProblem *problem)
{
	solving->problem = problem;
	solving->room = problem->stock;
	solving->p = ECML_NEW(ctx, double, (size_t) problem->nprices * (solving->room + 1));
	solving->most = ECML_NEW(ctx, int, problem->nprices);
}

void
dynamic_solve(EcmlCtx *ctx, const DynamicProblem *problem, DynamicSolution *solution)
{
	Solving		solving = {.solution = solution};
	size_t		states;

	solution->layers = problem->only_fall ? problem->nprices : 1;
	states = ((size_t) problem->stock + 1) * solution->layers;
	solution->value = ECML_NEW(ctx, double, states * (problem->periods + 1));
	solution->choice = ECML_NEW(ctx, uint16_t, states * problem->periods);
	begin(ctx, &solving, problem);
	for (int s = 0; s <= problem->stock; s++)
		for (int k = 0; k < solution->layers; k++)
			solution->value[DYNAMIC_AT(problem, solution, problem->periods, s, k)] = problem->salvage * problem->lot * s;
	for (int t = problem->periods - 1; t >= 0; t--)
	{
		ecml_poll(ctx, problem->periods - t, problem->periods);
		set_period(&solving, t);
		ecml_parallel_for(ctx, (problem->stock + solving.chunk) / solving.chunk, solve_task, &solving);
	}
	ecml_free(ctx, solving.p);
	ecml_free(ctx, solving.most);
}

void
dynamic_follow(EcmlCtx *ctx, const DynamicProblem *problem, const DynamicSolution *solution, int from, DynamicStep *steps)
{
	Solving		solving = {0};
	int			layers = solution->layers;
	size_t		states = ((size_t) problem->stock + 1) * layers;
	double	   *now = ECML_NEW0(ctx, double, states);
	double	   *next = ECML_NEW(ctx, double, states);
	double	   *share = ECML_NEW(ctx, double, problem->nprices);

	begin(ctx, &solving, problem);
	now[(size_t) problem->stock * layers + (layers > 1 ? from : 0)] = 1;
	for (int t = 0; t < problem->periods; t++)
	{
		DynamicStep *step = &steps[t];
		double		selling = 0;
		int			modal = 0;

		set_period(&solving, t);
		memset(next, 0, states * sizeof(double));
		memset(share, 0, problem->nprices * sizeof(double));
		*step = (DynamicStep) {0};
		for (int s = 0; s <= problem->stock; s++)
		{
			if (s % 64 == 0)
				ecml_poll(ctx, t, problem->periods);
			for (int k = 0; k < layers; k++)
			{
				double		weight = now[(size_t) s * layers + k];
				int			j = solution->choice[DYNAMIC_AT(problem, solution, t, s, k)];
				const double *p = solving.p + (size_t) j * (solving.room + 1);
				int			most = solving.most[j] < s ? solving.most[j] : s;
				double		seen = 0;

				if (!(weight > 0))
					continue;
				step->stock += weight * s * problem->lot;
				if (s > 0)
				{
					share[j] += weight;
					selling += weight;
				}
				for (int d = 0; d <= most; d++)
				{
					double		pd = d == most ? fmax(1 - seen, 0) : p[d];

					seen += pd;
					next[(size_t) (s - d) * layers + (layers > 1 ? j : 0)] += weight * pd;
					step->sales += weight * pd * d * problem->lot;
					step->revenue += weight * pd * d * problem->lot * problem->price[j];
				}
			}
		}
		for (int j = 0; j < problem->nprices; j++)
		{
			if (share[j] > share[modal])
				modal = j;
			step->mean_price += selling > 0 ? share[j] / selling * problem->price[j] : 0;
		}
		step->price = problem->price[modal];
		if (!(selling > 0))
			step->price = step->mean_price = NAN;
		step->left = step->stock - step->sales;
		memcpy(now, next, states * sizeof(double));
	}
}

/* ---- from a log */

static double
value_at(const DynamicLog *log, const double *value, double stock)
{
	double		at;
	int			bin;

	if (!(stock > 0))
		return 0;
	/* bin b stands for its middle; stock 0 is worth nothing */
	at = log->width == 1 ? stock : stock / log->width - 0.5;
	if (at <= 0)
		return value[0] * (log->width == 1 ? 0 : stock / (0.5 * log->width));
	if (at >= log->bins - 1)
		return value[log->bins - 1];
	bin = (int) at;
	return value[bin] + (at - bin) * (value[bin + 1] - value[bin]);
}

/* Bins that nobody saw: between those that somebody did. */
static void
fill_gaps(const DynamicLog *log, double *value, int *choice)
{
	int			before = -1;

	for (int b = 0; b < log->bins; b++)
	{
		if (isnan(value[b]))
			continue;
		for (int g = before + 1; g < b; g++)
		{
			double		part = before >= 0 ? (double) (g - before) / (b - before) : 1;

			/* below the first one: in proportion to the stock */
			value[g] = before >= 0 ? value[before] + part * (value[b] - value[before]) : value[b] * (g + (log->width > 1 ? 0.5 : 0)) /
				(b + (log->width > 1 ? 0.5 : 0));
			choice[g] = before >= 0 && part < 0.5 ? choice[before] : choice[b];
		}
		before = b;
	}
	for (int g = before + 1; g < log->bins; g++)
	{
		value[g] = before >= 0 ? value[before] : 0;
		choice[g] = before >= 0 ? choice[before] : -1;
	}
}

void
dynamic_learn(EcmlCtx *ctx, const DynamicLog *log, DynamicTable *table)
{
	size_t		cells = (size_t) log->bins * log->nprices;
	size_t		states = (size_t) log->bins * (log->periods + 1);
	size_t	   *first = ECML_NEW0(ctx, size_t, log->periods + 2);
	size_t	   *order = ECML_NEW(ctx, size_t, log->n + 1);
	double	   *sum = ECML_NEW(ctx, double, cells);
	double	   *sold = ECML_NEW(ctx, double, cells);
	int		   *count = ECML_NEW(ctx, int, cells);

	table->value = ECML_NEW0(ctx, double, states);
	table->choice = ECML_NEW0(ctx, int, states);
	table->visits = ECML_NEW0(ctx, int, states);
	table->sales = ECML_NEW0(ctx, double, states);
	for (size_t i = 0; i < log->n; i++)
		first[log->left[i] + 1]++;
	for (int t = 0; t <= log->periods; t++)
		first[t + 1] += first[t];
	for (size_t i = 0; i < log->n; i++)
		order[first[log->left[i]]++] = i;
	/* first[t] is now the end of t */
	for (int b = 0; b < log->bins; b++)
		table->value[b] = log->salvage * (log->width == 1 ? b : (b + 0.5) * log->width);
	for (int t = 1; t <= log->periods; t++)
	{
		double	   *value = table->value + (size_t) t * log->bins;
		int		   *choice = table->choice + (size_t) t * log->bins;

		ecml_poll(ctx, t, log->periods);
		memset(sum, 0, cells * sizeof(double));
		memset(sold, 0, cells * sizeof(double));
		memset(count, 0, cells * sizeof(int));
		for (size_t o = first[t - 1]; o < first[t]; o++)
		{
			size_t		i = order[o];
			int			bin = (int) fmin(floor(log->stock[i] / log->width), log->bins - 1);
			size_t		cell = (size_t) bin * log->nprices + log->price[i];

			if (o % 65536 == 0)
				ecml_poll(ctx, t, log->periods);
			sum[cell] += log->reward[i] + value_at(log, value - log->bins, log->next[i]);
			sold[cell] += log->stock[i] - log->next[i];
			count[cell]++;
		}
		for (int b = 0; b < log->bins; b++)
		{
			int			best = -1;

			for (int j = 0; j < log->nprices; j++)
			{
				size_t		cell = (size_t) b * log->nprices + j;

				if (count[cell] >= log->least && (best < 0 || sum[cell] / count[cell] >
												  sum[(size_t) b * log->nprices + best] / count[(size_t) b * log->nprices + best]))
					best = j;
			}
			value[b] = NAN;
			choice[b] = best;
			if (best >= 0)
			{
				size_t		cell = (size_t) b * log->nprices + best;

				value[b] = sum[cell] / count[cell];
				table->visits[(size_t) t * log->bins + b] = count[cell];
				table->sales[(size_t) t * log->bins + b] = sold[cell] / count[cell];
			}
		}
		fill_gaps(log, value, choice);
	}
}
