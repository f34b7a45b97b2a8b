/*
 * policy_sql.c - ecml_price_policy: the price for each stock and time left
 *
 * method dp: demand is given (a row a price: price and mean units a period, maybe by period), or estimated from a log of prices and
 * units by Poisson regression; then dynamic programming, exact for that demand.  method q_learning: values and choices are learnt
 * from a log of periods (stock, time left, price, units or reward) without a model of demand.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/host.h"
#include "core/result.h"
#include "core/source.h"
#include "pricing/arrivals.h"
#include "pricing/dynamic.h"
#include "pricing/facts_sql.h"

#define MOST_STOCK 5000
#define MOST_STATES 5000000.0	/* rows of the result */
#define MOST_LISTED 50			/* prices of a log that are candidates themselves */

typedef enum PolicyMethod
{
	POLICY_DP,
	POLICY_Q
} PolicyMethod;

typedef enum PolicyForm
{
	POLICY_AUTO,				/* the likelier of the next two */
	POLICY_LOG_LOG,
	POLICY_SEMI_LOG,
	POLICY_EMPIRICAL			/* the mean at each price */
} PolicyForm;

typedef struct PolicyOptions
{
	int			method;
	int			form;
	char	   *price;
	char	   *units;
	char	   *rate;
	char	   *period;
	char	   *stock_column;
	char	   *time_left;
	char	   *reward;
	char	   *next_stock;
	EcmlColumnOrNumber stock;
	int			periods;
	Jsonb	   *prices;
	double		cost;
	double		salvage;
	double		holding;
	double		dispersion;		/* NaN: estimated, of given demand Poisson; 0: Poisson */
	bool		only_fall;
	int			bins;
	int			least;
} PolicyOptions;

static const char *const methods[] = {"dp", "q_learning", NULL};
static const char *const forms[] = {"auto", "log_log", "semi_log", "empirical", NULL};

static const EcmlOption policy_options[] = {
	ECML_OPT_ENUM(PolicyOptions, method, "method", methods),
	ECML_OPT_ENUM(PolicyOptions, form, "form", forms),
	ECML_OPT_TEXT(PolicyOptions, price, "price"),
	ECML_OPT_TEXT(PolicyOptions, units, "units"),
	ECML_OPT_TEXT(PolicyOptions, rate, "rate"),
	ECML_OPT_TEXT(PolicyOptions, period, "period"),
	ECML_OPT_COLUMN(PolicyOptions, stock, "stock", 1, MOST_STOCK),
	ECML_OPT_TEXT(PolicyOptions, time_left, "time_left"),
	ECML_OPT_TEXT(PolicyOptions, reward, "reward"),
	ECML_OPT_TEXT(PolicyOptions, next_stock, "next_stock"),
	ECML_OPT_INT(PolicyOptions, periods, "periods", 1, DYNAMIC_MAX_PERIODS),
	ECML_OPT_ALIAS_INT(PolicyOptions, periods, "horizon", 1, DYNAMIC_MAX_PERIODS),
	ECML_OPT_JSON(PolicyOptions, prices, "prices"),
	ECML_OPT_FLOAT(PolicyOptions, cost, "cost", 0, INFINITY),
	ECML_OPT_FLOAT(PolicyOptions, salvage, "salvage", 0, INFINITY),
	ECML_OPT_FLOAT(PolicyOptions, holding, "holding_cost", 0, INFINITY),
	ECML_OPT_FLOAT(PolicyOptions, dispersion, "dispersion", 0, 1e6),
	ECML_OPT_BOOL(PolicyOptions, only_fall, "only_fall"),
	ECML_OPT_INT(PolicyOptions, bins, "stock_bins", 1, MOST_STOCK),
	ECML_OPT_INT(PolicyOptions, least, "min_visits", 1, 1000000),
	ECML_OPT_END
};

static const char *const units_names[] = {"units", "quantity", "qty", "units_sold", "sold", "sales", "demand", NULL};
static const char *const rate_names[] = {"rate", "mean", "mean_units", "mean_demand", "arrival_rate", "lambda", "expected_units", NULL};
static const char *const period_names[] = {"period", "week", NULL};
static const char *const stock_names[] = {"stock", "on_hand", "inventory", NULL};
static const char *const left_names[] = {"time_left", "periods_left", "weeks_left", "days_left", NULL};
static const char *const reward_names[] = {"reward", "revenue", "profit", NULL};
static const char *const next_names[] = {"next_stock", NULL};
static const char *const none[] = {NULL};

static void
need(const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a price policy needs %s", what),
			 errdetail("It is not given."),
			 errhint("%s", hint)));
}

static void
no_rows(size_t n)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("there are no rows to learn a price policy from"),
			 errdetail("Rows of the source: %zu.", n),
			 errhint("Prices must be above 0, units at least 0; rows with NULLs are left out.")));
}

static void
emit(EcmlRows *rows, int left, int stock, double price, double value, double sales, int visits)
{
	Datum		values[6];
	bool		nulls[6] = {false};

	values[0] = Int32GetDatum(left);
	values[1] = Int32GetDatum(stock);
	ecml_set_number(values, nulls, 2, price);
	ecml_set_number(values, nulls, 3, value);
	ecml_set_number(values, nulls, 4, sales);
	nulls[5] = visits < 0;
	values[5] = Int64GetDatum(visits);
	ecml_rows_add(rows, values, nulls);
}

static void
check_states(double stock, double periods, double layers)
{
	if (stock * periods * layers > MOST_STATES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the price policy has too many states"),
				 errdetail("Stock %g, periods %g: %g states; at most %g are possible.", stock, periods, stock * periods * layers,
						   MOST_STATES),
				 errhint("Count the stock in larger units, or the time in longer periods.")));
}

/* ---- dynamic programming */

/* Mean units [periods][nprices] that are given by rows of price, rate, and maybe period. */
static double *
given_means(EcmlCtx *ctx, const Facts *facts, bool by_period, int periods, double **prices, int *nprices)
{
	double	   *list = ECML_NEW(ctx, double, facts->n + 1);
	double	   *mean;
	int			n = 0;

	for (size_t i = 0; i < facts->n; i++)
		if (facts->values[3 * i] > 0)
			list[n++] = facts->values[3 * i];
	n = facts_distinct(list, n, true);
	if (n == 0)
		no_rows(facts->n);
	if (n > DYNAMIC_MAX_PRICES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are too many prices"),
				 errdetail("There are %d; at most %d are possible.", n, DYNAMIC_MAX_PRICES),
				 errhint("Give the prices that can be charged.")));
	mean = ECML_NEW(ctx, double, (size_t) periods * n);
	for (int i = 0; i < periods * n; i++)
		mean[i] = NAN;
	for (size_t i = 0; i < facts->n; i++)
	{
		const double *v = facts->values + 3 * i;
		int			j = 0;

		if (!(v[0] > 0) || isnan(v[1]) || (by_period && isnan(v[2])))
			continue;
		if (v[1] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("mean demand must be at least 0"),
					 errdetail("At price %g it is %g.", v[0], v[1]),
					 errhint("Give the mean units that sell in a period.")));
		while (list[j] > v[0])
			j++;
		for (int t = 0; t < periods; t++)
			if (!by_period || v[2] == t + 1)
			{
				if (!isnan(mean[t * n + j]))
					ereport(ERROR,
							(errcode(ERRCODE_DATA_EXCEPTION),
							 errmsg("mean demand is given twice for a price"),
							 errdetail("The price is %g.", v[0]),
							 errhint("Give a row a price, or with a column \"period\" a row a price and period (1, 2, ...).")));
				mean[t * n + j] = fmin(v[1], 1e9);
			}
	}
	/* a price without demand in a period sells nothing then */
	for (int i = 0; i < periods * n; i++)
		if (isnan(mean[i]))
			mean[i] = 0;
	*prices = list;
	*nprices = n;
	return mean;
}

/* Mean units that a log of prices and units tells. */
static double *
estimated_means(EcmlCtx *ctx, const PolicyOptions *options, const Facts *facts, int periods, double **prices, int *nprices,
				double *size)
{
	double	   *price = ECML_NEW(ctx, double, facts->n + 1);
	double	   *units = ECML_NEW(ctx, double, facts->n + 1);
	double	   *list;
	double	   *mean;
	size_t		rows = 0;
	int			n;
	Arrivals	log_log;
	Arrivals	semi_log;
	Arrivals	best;

	for (size_t i = 0; i < facts->n; i++)
		if (facts->values[3 * i] > 0 && facts->values[3 * i + 1] >= 0)
		{
			price[rows] = facts->values[3 * i];
			units[rows++] = facts->values[3 * i + 1];
		}
	if (rows == 0)
		no_rows(facts->n);
	list = facts_numbers(options->prices, "prices", "ecml_price_policy", 1e-9, INFINITY, &n);
	if (list == NULL)
	{
		list = ECML_NEW(ctx, double, rows);
		memcpy(list, price, rows * sizeof(double));
		n = facts_distinct(list, Min(rows, INT_MAX / 2), true);
		if (n > MOST_LISTED && options->form != POLICY_EMPIRICAL)
		{
			double		high = list[0];
			double		low = list[n - 1];

			/* many: as many steps between the highest and the lowest */
			for (int j = 0; j < MOST_LISTED; j++)
				list[j] = high - (high - low) * j / (MOST_LISTED - 1);
			n = MOST_LISTED;
		}
	}
	n = facts_distinct(list, n, true);
	if (n > DYNAMIC_MAX_PRICES || n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a price policy chooses among 1 to %d prices", DYNAMIC_MAX_PRICES),
				 errdetail("There are %d.", n),
				 errhint("List them with the option \"prices\".")));
	log_log = arrivals_fit(ctx, price, units, rows, true);
	semi_log = arrivals_fit(ctx, price, units, rows, false);
	best = options->form == POLICY_LOG_LOG || (options->form == POLICY_AUTO && log_log.value > semi_log.value) ? log_log : semi_log;
	if (!best.ok)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the source does not tell how demand depends on the price"),
				 errdetail("It has one price only, or nothing was sold."),
				 errhint("Give mean units by price, with columns price and rate.")));
	*size = best.size;
	mean = ECML_NEW(ctx, double, (size_t) periods * n);
	for (int j = 0; j < n; j++)
	{
		double		m = arrivals_mean(&best, list[j]);

		if (options->form == POLICY_EMPIRICAL)
		{
			double		sum = 0;
			size_t		count = 0;

			for (size_t i = 0; i < rows; i++)
				if (price[i] == list[j])
				{
					sum += units[i];
					count++;
				}
			m = count > 0 ? sum / count : m;
		}
		for (int t = 0; t < periods; t++)
			mean[(size_t) t * n + j] = fmin(m, 1e9);
	}
	*prices = list;
	*nprices = n;
	return mean;
}

/* Does the source give mean units?  A column of such a name, and none of units is named. */
static bool
is_given(const char *source, const PolicyOptions *options)
{
	return options->rate != NULL || (options->units == NULL && facts_has(source, NULL, "rate", rate_names));
}

static void
policy_dp(EcmlRows *rows, EcmlCtx *ctx, const char *source, const PolicyOptions *options)
{
	bool		given = is_given(source, options);
	Fact		columns[3] = {
		{"price", options->price, facts_price_names, true},
		{given ? "rate" : "units", given ? options->rate : options->units, given ? rate_names : units_names, true},
		{"period", options->period, given ? period_names : none}
	};
	Facts		facts;
	DynamicProblem problem = {
		.cost = options->cost,.salvage = options->salvage,.holding = options->holding,.lot = 1,.only_fall = options->only_fall,
		.size = INFINITY
	};
	DynamicSolution solution;
	double	   *prices;
	double	   *mean;
	double	   *sales;
	double	   *p;
	double		size = INFINITY;
	int			n;
	int			stock = isnan(options->stock.number) ? -1 : (int) options->stock.number;

	if (options->periods < 0)
		need("the number of periods", "As in {\"periods\": 10, \"stock\": 50}.");
	if (stock < 0)
		need("the stock as a number", "As in {\"periods\": 10, \"stock\": 50}.");
	facts = facts_read(source, NULL, columns, 3);
	mean = given ? given_means(ctx, &facts, columns[2].number >= 0, options->periods, &prices, &n) :
		estimated_means(ctx, options, &facts, options->periods, &prices, &n, &size);
	check_states(stock, options->periods, options->only_fall ? n : 1);
	problem.periods = options->periods;
	problem.stock = stock;
	problem.nprices = n;
	problem.price = prices;
	problem.mean = mean;
	problem.size = !isnan(options->dispersion) ? (options->dispersion > 0 ? options->dispersion : INFINITY) : size;
	dynamic_solve(ctx, &problem, &solution);
	sales = ECML_NEW(ctx, double, (size_t) n * (stock + 1));
	p = ECML_NEW(ctx, double, stock + 2);
	for (int t = problem.periods - 1; t >= 0; t--)
	{
		for (int j = 0; j < n; j++)
		{
			double		beyond = 1;
			double		expected = 0;

			/* E min(demand, s) = sum of P(demand >= i) for i = 1 .. s */
			dynamic_demand(mean[(size_t) t * n + j], problem.size, 1, stock + 1, p);
			sales[(size_t) j * (stock + 1)] = 0;
			for (int s = 1; s <= stock; s++)
			{
				beyond -= p[s - 1];
				expected += fmax(beyond, 0);
				sales[(size_t) j * (stock + 1) + s] = expected;
			}
		}
		for (int s = 1; s <= stock; s++)
		{
			/* with only_fall: from the highest price on */
			size_t		at = DYNAMIC_AT(&problem, &solution, t, s, 0);
			int			j = solution.choice[at];

			emit(rows, problem.periods - t, s, prices[j], solution.value[at], sales[(size_t) j * (stock + 1) + s], -1);
		}
		CHECK_FOR_INTERRUPTS();
	}
}

/* ---- Q-learning */

static void
policy_q(EcmlRows *rows, EcmlCtx *ctx, const char *source, const PolicyOptions *options)
{
	Fact		columns[6] = {
		{"price", options->price, facts_price_names, true},
		{"time_left", options->time_left, left_names, true},
		{"stock", options->stock.column, stock_names, true},
		{"units", options->units, units_names},
		{"reward", options->reward, reward_names},
		{"next_stock", options->next_stock, next_names}
	};
	Facts		facts = facts_read(source, NULL, columns, 6);
	DynamicLog	log = {.salvage = options->salvage,.least = options->least};
	DynamicTable table;
	double	   *prices;
	double	   *stock;
	double	   *reward;
	double	   *next;
	int		   *left;
	int		   *number;
	double		most = 0;
	int			n = 0;

	if (columns[3].number < 0 && (columns[4].number < 0 || columns[5].number < 0))
		need("units, or both reward and next_stock", "Name columns with these options.");
	prices = ECML_NEW(ctx, double, facts.n + 1);
	stock = ECML_NEW(ctx, double, facts.n + 1);
	reward = ECML_NEW(ctx, double, facts.n + 1);
	next = ECML_NEW(ctx, double, facts.n + 1);
	left = ECML_NEW(ctx, int, facts.n + 1);
	number = ECML_NEW(ctx, int, facts.n + 1);
	for (size_t i = 0; i < facts.n; i++)
		if (facts.values[6 * i] > 0)
			prices[n++] = facts.values[6 * i];
	log.nprices = n = facts_distinct(prices, n, true);
	if (n > DYNAMIC_MAX_PRICES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are too many prices"),
				 errdetail("There are %d; at most %d are possible.", n, DYNAMIC_MAX_PRICES),
				 errhint("Round the prices of the log.")));
	for (size_t i = 0; i < facts.n; i++)
	{
		const double *v = facts.values + 6 * i;
		double		sold = v[3];
		int			j = 0;

		if (!(v[0] > 0) || !(v[1] >= 1 && v[1] <= DYNAMIC_MAX_PERIODS) || !(v[2] > 0 && v[2] <= DYNAMIC_MAX_STOCK))
			continue;
		if (isnan(sold) && !isnan(v[5]))
			sold = v[2] - v[5];
		if (isnan(sold) || (options->periods > 0 && v[1] > options->periods))
			continue;
		sold = fmin(fmax(sold, 0), v[2]);
		while (j < n - 1 && prices[j] > v[0])
			j++;
		left[log.n] = (int) v[1];
		stock[log.n] = v[2];
		number[log.n] = j;
		next[log.n] = isnan(v[5]) ? v[2] - sold : fmax(v[5], 0);
		reward[log.n] = isnan(v[4]) ? sold * (v[0] - options->cost) : v[4];
		reward[log.n] -= options->holding * next[log.n];
		log.periods = Max(log.periods, left[log.n]);
		most = fmax(most, fmax(v[2], next[log.n]));
		log.n++;
	}
	if (log.n == 0)
		no_rows(facts.n);
	log.left = left;
	log.stock = stock;
	log.price = number;
	log.reward = reward;
	log.next = next;
	/* a bin a unit where that is few enough */
	log.width = options->bins > 0 ? ceil((most + 1) / options->bins) : most <= 60 ? 1 : ceil((most + 1) / 30);
	log.bins = (int) ceil((floor(most) + 1) / log.width);
	check_states(Min(most, MOST_STOCK), log.periods, 1);
	dynamic_learn(ctx, &log, &table);
	for (int t = log.periods; t >= 1; t--)
	{
		CHECK_FOR_INTERRUPTS();
		for (int s = 1; s <= Min((int) most, MOST_STOCK); s++)
		{
			int			bin = Min((int) (s / log.width), log.bins - 1);
			size_t		at = (size_t) t * log.bins + bin;

			emit(rows, t, s, table.choice[at] >= 0 ? prices[table.choice[at]] : NAN, table.value[at],
				 table.visits[at] > 0 ? table.sales[at] : NAN, table.visits[at]);
		}
	}
}

PG_FUNCTION_INFO_V1(ecml_price_policy);

/* ecml_price_policy(source, options): time_left, stock, price, value, expected_sales, visits */
Datum
ecml_price_policy(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	PolicyOptions options = {.stock = {NULL, NAN},.periods = -1,.dispersion = NAN,.bins = -1,.least = 3};
	EcmlOptionSet set = {policy_options, &options};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	EcmlServerHost host;
	EcmlCtx		ctx;
	char	   *source;

	context = AllocSetContextCreate(caller, "ecml price policy", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	ecml_options_parse("ecml_price_policy", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, 1);
	source = ecml_source_argument(fcinfo, 0);
	if (options.method == POLICY_DP)
		policy_dp(rows, &ctx, source, &options);
	else
		policy_q(rows, &ctx, source, &options);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
