/*
 * price.c - the best price
 *
 * One product: a grid over the allowed prices, then the golden section between the neighbours of its best point; a ladder's prices
 * are tried themselves (of a long one every so many, and then those between).  That finds the best of a goal with one hump between
 * neighbours of the grid, which demand curves with limits have.
 *
 * A category: prices enter the demand of the others; each product in turn takes the price that is best for all of them together,
 * until nothing moves (coordinate ascent), from the present prices and from those that would be best alone; the better end counts.
 *
 * Intervals: coefficients of the own price are drawn from their t distribution about the estimate, and the level with the
 * error of its mean; each draw's best price, the others' prices as they are; quantiles of these.
 *
 * Small groups are tasks; large ones are the leader's, who can be cancelled between any two looks.  Cost: items * (grid + 60)
 * evaluations, of groups times sweeps and items (a look at a category's goal costs its items: their mean price is kept as a sum);
 * of intervals times draws.
 */
#include "pricing/price.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/dist.h"

#define GOLDEN 0.6180339887498949
#define SWEEPS 60
#define DRAW_GRID 41
#define FINE 1e-12				/* of a price, relative */
#define COARSE 1e-7
#define SMALL 16				/* items of a group that is a task, */
#define FEW 20000				/* and their draws */
#define DOMINANT 1e-6			/* share of the weight of all others: below, it is not taken as a difference */

double
price_goal(PriceGoal goal, double units, double price, double cost)
{
	switch (goal)
	{
		case PRICE_PROFIT:
			return units * (price - cost);
		case PRICE_REVENUE:
			return units * price;
		default:
			return units;
	}
}

static double
golden(PriceValue function, void *arg, double a, double b, double tolerance, double *value)
{
	double		x = b - GOLDEN * (b - a);
	double		y = a + GOLDEN * (b - a);
	double		fx = function(arg, x);
	double		fy = function(arg, y);

	for (int i = 0; i < 90 && b - a > tolerance * fabs(b); i++)
		if (fx >= fy)
		{
			b = y;
			y = x;
			fy = fx;
			x = b - GOLDEN * (b - a);
			fx = function(arg, x);
		}
		else
		{
			a = x;
			x = y;
			fx = fy;
			y = a + GOLDEN * (b - a);
			fy = function(arg, y);
		}
	*value = fmax(fx, fy);
	return fx >= fy ? x : y;
}

static double
best_of(PriceValue function, void *arg, const PriceRange *range, int grid, double tolerance, double *value)
{
	int			n = range->ladder ? range->nladder : grid;
	int			step = n > 2 * grid ? n / grid : 1;
	int			best = 0;
	double		price;
	double		better;

	*value = -INFINITY;
	if (!range->ladder && !(range->high > range->low))
		n = 1;
#define AT(i) (range->ladder ? range->ladder[i] : n == 1 ? range->low : range->low + (range->high - range->low) * (i) / (n - 1))
	for (int i = 0; i < n; i += step)
	{
		double		v = function(arg, AT(i));

		if (v > *value)
		{
			*value = v;
			best = i;
		}
	}
	price = AT(best);
	if (range->ladder)
	{
		int			centre = best;

		for (int i = centre - step + 1; i < centre + step && step > 1; i++)
			if (i >= 0 && i < n)
			{
				double		v = function(arg, AT(i));

				if (v > *value)
				{
					*value = v;
					price = AT(i);
				}
			}
		return price;
	}
	if (n > 1)
	{
		double		at = golden(function, arg, AT(best > 0 ? best - 1 : 0), AT(best < n - 1 ? best + 1 : n - 1), tolerance,
									&better);

		/* the ends are prices, too: what rounding puts above them is not */
		if (better > *value + 1e-13 * fabs(*value))
		{
			*value = better;
			price = at;
		}
	}
	return price;
#undef AT
}

double
price_best(PriceValue function, void *arg, const PriceRange *range, double *value)
{
	return best_of(function, arg, range, PRICE_GRID, FINE, value);
}

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

size_t
price_ladder(const double *ends, int nends, double low, double high, double *prices, size_t room)
{
	size_t		n = 0;
	size_t		kept = 0;
	double		tolerance = 1e-9 * fmax(fabs(high), 1);

	for (int e = 0; e < nends; e++)
	{
		double		step = ends[e] < 1 ? 1 : ends[e] < 10 ? 10 : 100;

		if ((high - low) / step > (double) room)
			return (size_t) PRICE_MAX_LADDER + 1;
		for (double whole = floor((low - ends[e]) / step); whole * step <= high; whole++)
		{
			/* to the thousandth: 3 + 0.99 is meant as 3.99 */
			double		price = rint((whole * step + ends[e]) * 1000) / 1000;

			if (price < low - tolerance || price > high + tolerance || !(price > 0))
				continue;
			if (n == room)
				return (size_t) PRICE_MAX_LADDER + 1;
			prices[n++] = price;
		}
	}
	qsort(prices, n, sizeof(double), compare);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || prices[i] > prices[kept - 1])
			prices[kept++] = prices[i];
	return kept;
}

int
price_within(const double *prices, int n, double low, double high, int *count)
{
	double		tolerance = 1e-9 * fmax(fabs(high), 1);
	int			first = 0;

	while (first < n && prices[first] < low - tolerance)
		first++;
	*count = 0;
	while (first + *count < n && prices[first + *count] <= high + tolerance)
		(*count)++;
	return first;
}

/* ---- products with demand curves */

/* What a price counts for in the mean price of a category. */
static double
index_value(const PriceProblem *problem, double price)
{
	return demand_logs_price(problem->form) ? log(price) : price;
}

static double
index_price(const PriceProblem *problem, double sum, double weight)
{
	if (!(weight > 0))
		return NAN;
	return demand_logs_price(problem->form) ? exp(sum / weight) : sum / weight;
}

/* The mean price of the others. */
static double
others_price(const PriceProblem *problem, const PriceItem *group, int n, int i, const double *prices)
{
	double		sum = 0;
	double		weight = 0;

	for (int j = 0; j < n; j++)
		if (j != i)
		{
			sum += group[j].weight * index_value(problem, prices[j]);
			weight += group[j].weight;
		}
	return index_price(problem, sum, weight);
}

/* Units of an item whose term for the others' mean price is set. */
static double
units_of(const PriceProblem *problem, const PriceItem *item, const double *prices, double price)
{
	if (problem->ncross > 0 && item->others)
		for (int o = 0; o < problem->ncross; o++)
			item->x[problem->first_cross + o] = item->others[o] >= 0 ? prices[item->others[o]] : NAN;
	return fmin(demand_units(item->fit, problem->form, problem->nterms, problem->nprices, item->fit->b, 0, item->x, price),
				item->stock / problem->periods);
}

double
price_units(const PriceProblem *problem, const PriceItem *group, int n, int i, const double *prices)
{
	if (problem->ncross > 0 && !group[i].others)
		group[i].x[problem->first_cross] = others_price(problem, group, n, i, prices);
	return units_of(problem, &group[i], prices, prices[i]);
}

typedef struct Look
{
	EcmlCtx    *ctx;			/* to be polled; NULL in a task */
	const PriceProblem *problem;
	PriceItem  *group;
	int			n;
	int			i;
	double	   *prices;			/* [n] */
	double	   *index;			/* [n] what they count for in the mean price of the category */
	double		weight;			/* of all items */
	double		others;			/* sum of weight times index of all but item i, while its price is looked for */
	const double *b;			/* of a draw */
	double		level;
	const double *effect;		/* [PRICE_GRID] what the own price does to the others' goal, over the range; NULL: nothing */
} Look;

static bool
has_index(const Look *look)
{
	const PriceProblem *p = look->problem;

	return p->ncross > 0 && look->n > 1 && !look->group[0].others;
}

/* The others' prices stay while item i looks for its own. */
static void
hold_others(Look *look)
{
	if (!has_index(look))
		return;
	look->weight = look->others = 0;
	for (int j = 0; j < look->n; j++)
	{
		look->index[j] = index_value(look->problem, look->prices[j]);
		look->weight += look->group[j].weight;
		if (j != look->i)
			look->others += look->group[j].weight * look->index[j];
	}
}

/* Units of item j; sum: weight times index of all. */
static double
units_by_index(const Look *look, int j, double sum)
{
	PriceItem  *item = &look->group[j];
	double		weight = look->weight - item->weight;

	if (weight < DOMINANT * look->weight)
		item->x[look->problem->first_cross] = others_price(look->problem, look->group, look->n, j, look->prices);
	else
		item->x[look->problem->first_cross] = index_price(look->problem, j == look->i ? look->others :
														 sum - item->weight * look->index[j], weight);
	return units_of(look->problem, item, look->prices, look->prices[j]);
}

/* The goal of one product, the others as they are; hold_others was called. */
static double
alone(void *arg, double price)
{
	Look	   *look = arg;
	PriceItem  *item = &look->group[look->i];
	double		units;

	look->prices[look->i] = price;
	units = has_index(look) ? units_by_index(look, look->i, 0) :
		price_units(look->problem, look->group, look->n, look->i, look->prices);
	return price_goal(look->problem->goal, units, price, item->cost);
}

/* The goal of the category; hold_others was called. */
static double
together(void *arg, double price)
{
	Look	   *look = arg;
	bool		index = has_index(look);
	double		all = 0;
	double		sum = 0;

	if (look->ctx)
		ecml_poll(look->ctx, 0, 0);
	look->prices[look->i] = price;
	if (index)
	{
		look->index[look->i] = index_value(look->problem, price);
		all = look->others + look->group[look->i].weight * look->index[look->i];
	}
	for (int j = 0; j < look->n; j++)
		if (look->group[j].fit)
			sum += price_goal(look->problem->goal, index ? units_by_index(look, j, all) :
							  price_units(look->problem, look->group, look->n, j, look->prices), look->prices[j], look->group[j].cost);
	return sum;
}

/* The goal of one product by a draw of its coefficients. */
static double
drawn(void *arg, double price)
{
	Look	   *look = arg;
	const PriceProblem *p = look->problem;
	const PriceItem *item = &look->group[look->i];
	double		units = demand_units(item->fit, p->form, p->nterms, p->nprices, look->b, look->level, item->x, price);
	double		goal = price_goal(p->goal, fmin(units, item->stock / p->periods), price, item->cost);

	if (look->effect && item->range.high > item->range.low)
	{
		double		at = (price - item->range.low) / (item->range.high - item->range.low) * (PRICE_GRID - 1);
		int			cell = at < 0 ? 0 : at >= PRICE_GRID - 1 ? PRICE_GRID - 2 : (int) at;

		goal += look->effect[cell] + (at - cell) * (look->effect[cell + 1] - look->effect[cell]);
	}
	return goal;
}

/* Coordinate ascent from prices on; the goal reached. */
static double
ascend(Look *look)
{
	double		reached = -INFINITY;

	for (int sweep = 0; sweep < SWEEPS; sweep++)
	{
		double		moved = 0;

		for (look->i = 0; look->i < look->n; look->i++)
		{
			double		before = look->prices[look->i];
			double		price;

			if (look->group[look->i].fit == NULL)
				continue;
			hold_others(look);
			price = best_of(together, look, &look->group[look->i].range, sweep == 0 ? PRICE_GRID : DRAW_GRID, COARSE,
							&reached);
			look->prices[look->i] = price;
			moved = fmax(moved, fabs(price - before) / fmax(before, 1e-300));
		}
		if (moved < 1e-6)
			break;
	}
	return reached;
}

/* The interval of one item, the others' prices being found. */
static void
find_interval(Look *look, double *best, double *effect, EcmlRng rng)
{
	const PriceProblem *p = look->problem;
	PriceItem  *item = &look->group[look->i];
	const DemandFit *fit = item->fit;
	double		b[DEMAND_MAX_TERMS];
	double		se = sqrt(fit->v[0]);
	double		own = look->prices[look->i];
	double		level_sd = isnan(fit->level_sd) ? 0 : fit->level_sd;

	item->interval_low = item->interval_high = NAN;
	if (p->draws < 1 || isnan(se))
		return;
	look->effect = NULL;
	hold_others(look);
	if (p->ncross > 0 && look->n > 1 && !item->range.ladder)
	{
		for (int g = 0; g < PRICE_GRID; g++)
		{
			double		price = item->range.low + (item->range.high - item->range.low) * g / (PRICE_GRID - 1);
			double		all = together(look, price);

			effect[g] = all - alone(look, price);
		}
		look->effect = effect;
	}
	(void) alone(look, own);	/* sets the others' prices as terms, and its own price again */
	memcpy(b, fit->b, p->nterms * sizeof(double));
	look->b = b;
	for (int d = 0; d < p->draws; d++)
	{
		/* a t variate by its quantile, so that one number a draw is enough */
		double		u = (d + ecml_rng_double(&rng)) / p->draws;
		double		value;

		if (look->ctx)
			ecml_poll(look->ctx, 0, 0);
		b[0] = fit->b[0] + se * (isinf(fit->interval_df) ? ecml_normal_quantile(u) : ecml_t_quantile(u, fit->interval_df));
		look->level = level_sd * ecml_rng_normal(&rng);
		best[d] = best_of(drawn, look, &item->range, DRAW_GRID, COARSE, &value);
	}
	qsort(best, p->draws, sizeof(double), compare);
	/* the best price lies in it, whatever the coarser search of the draws says */
	item->interval_low = fmin(best[(int) floor((1 - p->level) / 2 * p->draws)], own);
	item->interval_high = fmax(best[(int) ceil((1 + p->level) / 2 * p->draws) - 1], own);
}

typedef struct Work
{
	PriceProblem *problem;
	double	  **prices;			/* [workers][4 * longest + draws + PRICE_GRID] */
	int			longest;
	const int  *tasks;			/* groups that are tasks */
	EcmlRng		rng;
} Work;

static void
price_group(Work *work, EcmlCtx *ctx, int g, double *scratch)
{
	PriceProblem *p = work->problem;
	int			first = p->start[g];
	int			n = p->start[g + 1] - first;
	double	   *alone_prices = scratch + work->longest;
	double	   *other = alone_prices + work->longest;
	double	   *best = other + work->longest;
	Look		look = {.ctx = ctx,.problem = p,.group = p->items + first,.n = n,.prices = scratch,.index = best + p->draws + PRICE_GRID};
	double		value;

	for (int i = 0; i < n; i++)
		look.prices[i] = look.group[i].current;
	for (look.i = 0; look.i < n; look.i++)
	{
		PriceItem  *item = &look.group[look.i];

		if (ctx)
			ecml_poll(ctx, 0, 0);
		if (item->fit)
			hold_others(&look);
		alone_prices[look.i] = item->fit ? best_of(alone, &look, &item->range, PRICE_GRID, FINE, &value) : item->current;
		look.prices[look.i] = item->current;
	}
	if (p->ncross > 0 && n > 1)
	{
		/* from the present prices, put into their ranges */
		for (int i = 0; i < n; i++)
			if (look.group[i].fit)
				look.prices[i] = fmin(fmax(look.prices[i], look.group[i].range.low), look.group[i].range.high);
		value = ascend(&look);
		memcpy(other, look.prices, n * sizeof(double));
		memcpy(look.prices, alone_prices, n * sizeof(double));
		if (!(ascend(&look) > value * (1 + 1e-12)))
			memcpy(look.prices, other, n * sizeof(double));
	}
	else
		memcpy(look.prices, alone_prices, n * sizeof(double));
	for (int i = 0; i < n; i++)
		look.group[i].price = look.prices[i];
	for (look.i = 0; look.i < n; look.i++)
		if (look.group[look.i].fit)
			find_interval(&look, best, best + p->draws, ecml_rng_stream(&work->rng, first + look.i));
}

static void
group_task(void *arg, size_t task, int worker)
{
	Work	   *work = arg;

	price_group(work, NULL, work->tasks[task], work->prices[worker]);
}

static bool
is_small(const PriceProblem *problem, int g)
{
	int			n = problem->start[g + 1] - problem->start[g];

	return n <= SMALL && (double) n * problem->draws <= FEW;
}

void
price_optimise(EcmlCtx *ctx, PriceProblem *problem)
{
	Work		work = {.problem = problem};
	int		   *tasks = ECML_NEW(ctx, int, problem->ngroups + 1);
	size_t		ntasks = 0;
	int			workers;

	for (int g = 0; g < problem->ngroups; g++)
	{
		if (problem->start[g + 1] - problem->start[g] > work.longest)
			work.longest = problem->start[g + 1] - problem->start[g];
		if (is_small(problem, g))
			tasks[ntasks++] = g;
	}
	ecml_rng_seed(&work.rng, problem->seed);
	work.tasks = tasks;
	workers = ecml_workers(ctx, ntasks);
	work.prices = ECML_NEW(ctx, double *, workers);
	for (int w = 0; w < workers; w++)
		work.prices[w] = ECML_NEW(ctx, double, 4 * (size_t) work.longest + problem->draws + PRICE_GRID);
	ecml_parallel_for(ctx, ntasks, group_task, &work);
	for (int g = 0; g < problem->ngroups; g++)
		if (!is_small(problem, g))
			price_group(&work, ctx, g, work.prices[0]);
}
