/*
 * tune.c - ecml_tune: which options of an algorithm are the best, by cross validation
 *
 * Trials are combinations of a grid's lists, or draws from lists and ranges (Bergstra and Bengio 2012).  All options
 * are checked before any work.  The rows are read once; a fold's rows are prepared once for all trials (validate.c).
 * Successive halving (Jamieson and Talwalkar 2016): all trials on a share of the rows, the best third on three times as
 * many, and so on, until the last ones have all rows.  A row keeps its fold in all rounds, and is in every larger sample.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "core/catalog.h"
#include "core/error.h"
#include "core/guc.h"
#include "core/result.h"
#include "core/train.h"
#include "core/validate.h"

#define MAX_TRIALS 10000
#define REDRAWS 100				/* of a draw that was drawn before */

typedef enum Method
{
	METHOD_GRID,
	METHOD_RANDOM,
	METHOD_HALVING
} Method;

static const char *const method_choices[] = {"grid", "random", "halving", NULL};

typedef struct TuneOptions
{
	EcmlFoldOptions folds;		/* must be first: its list of options is used */
	int			method;			/* -1: a grid where there are lists only, else random */
	int			trials;			/* random */
	int			factor;			/* halving */
	int64		min_rows;		/* halving: in the first round; 0: by the folds and classes */
	char	   *metric;
	char	   *save;
	Jsonb	   *base;
	int64		seed;			/* -1: that of the base, or the setting */
	bool		progress;
} TuneOptions;

static const EcmlOption tune_options[] = {
	ECML_OPT_ENUM(TuneOptions, method, "method", method_choices),
	ECML_OPT_INT(TuneOptions, trials, "trials", 1, MAX_TRIALS),
	ECML_OPT_INT(TuneOptions, factor, "factor", 2, 100),
	ECML_OPT_INT64(TuneOptions, min_rows, "min_rows", 1, 9007199254740992.0),
	ECML_OPT_TEXT(TuneOptions, metric, "metric"),
	ECML_OPT_TEXT(TuneOptions, save, "save"),
	ECML_OPT_OBJECT(TuneOptions, base, "base"),
	ECML_OPT_INT64(TuneOptions, seed, "seed", 0, 9007199254740992.0),
	ECML_OPT_BOOL(TuneOptions, progress, "progress"),
	ECML_OPT_END
};

/* ---- metrics: which way is better */

typedef enum Better
{
	MORE,
	LESS,
	NEARER_TO_ZERO
} Better;

typedef struct Metric
{
	EcmlModelTask task;
	const char *name;
	Better		better;
} Metric;

static const Metric metrics[] = {
	/* the first of a task is its default; of more than two classes log_loss is */
	{ECML_REGRESSION, "rmse", LESS},
	{ECML_REGRESSION, "mae", LESS},
	{ECML_REGRESSION, "median_absolute_error", LESS},
	{ECML_REGRESSION, "bias", NEARER_TO_ZERO},
	{ECML_REGRESSION, "mape", LESS},
	{ECML_REGRESSION, "smape", LESS},
	{ECML_REGRESSION, "r2", MORE},
	{ECML_REGRESSION, "explained_variance", MORE},
	{ECML_REGRESSION, "max_error", LESS},
	{ECML_CLASSIFICATION, "roc_auc", MORE},
	{ECML_CLASSIFICATION, "pr_auc", MORE},
	{ECML_CLASSIFICATION, "gini", MORE},
	{ECML_CLASSIFICATION, "ks", MORE},
	{ECML_CLASSIFICATION, "log_loss", LESS},
	{ECML_CLASSIFICATION, "brier", LESS},
	{ECML_CLASSIFICATION, "ece", LESS},
	{ECML_CLASSIFICATION, "accuracy", MORE},
	{ECML_CLASSIFICATION, "balanced_accuracy", MORE},
	{ECML_CLASSIFICATION, "precision", MORE},
	{ECML_CLASSIFICATION, "recall", MORE},
	{ECML_CLASSIFICATION, "specificity", MORE},
	{ECML_CLASSIFICATION, "f1", MORE},
	{ECML_CLASSIFICATION, "best_f1", MORE},
	{ECML_CLASSIFICATION, "mcc", MORE},
	{ECML_CLASSIFICATION, "precision_macro", MORE},
	{ECML_CLASSIFICATION, "recall_macro", MORE},
	{ECML_CLASSIFICATION, "f1_macro", MORE},
	{ECML_CLASSIFICATION, "precision_weighted", MORE},
	{ECML_CLASSIFICATION, "recall_weighted", MORE},
	{ECML_CLASSIFICATION, "f1_weighted", MORE},
	{ECML_CLASSIFICATION, "top2_accuracy", MORE},
	{ECML_CLASSIFICATION, "roc_auc_ovr", MORE},
	{ECML_CLUSTERING, "silhouette", MORE},
	{ECML_CLUSTERING, "davies_bouldin", LESS},
	{ECML_CLUSTERING, "calinski_harabasz", MORE},
	{ECML_CLUSTERING, "inertia", LESS},
	{ECML_SURVIVAL, "concordance", MORE},
	{ECML_ANOMALY, "roc_auc", MORE},
};

/* The metric of that name (NULL: the task's first), or an error. */
static const Metric *
find_metric(const EcmlAlgorithm *algorithm, EcmlModelTask task, const char *name)
{
	const char *names[lengthof(metrics)];
	const char *nearest;
	int			n = 0;

	for (int i = 0; i < (int) lengthof(metrics); i++)
	{
		if (metrics[i].task != task)
			continue;
		if (name == NULL || strcmp(metrics[i].name, name) == 0)
			return &metrics[i];
		names[n++] = metrics[i].name;
	}
	nearest = ecml_error_nearest(name, names, n);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown metric \"%s\" for %s", name, algorithm->name),
			 errdetail("Its task is %s.", ecml_task_name(task)),
			 errhint("%sKnown metrics: %s.", ecml_error_perhaps(nearest), ecml_error_list(names, n))));
	return NULL;
}

/* The smaller the better. */
static double
cost(const Metric *metric, double value)
{
	return metric->better == MORE ? -value : metric->better == LESS ? value : fabs(value);
}

/* ---- the grid */

typedef struct Range
{
	double		low;
	double		high;
	bool		log;
	bool		integer;		/* by default where the algorithm takes integers alone */
} Range;

static const EcmlOption range_options[] = {
	ECML_OPT_FLOAT(Range, low, "low", -INFINITY, INFINITY),
	ECML_OPT_FLOAT(Range, high, "high", -INFINITY, INFINITY),
	ECML_OPT_BOOL(Range, log, "log"),
	ECML_OPT_BOOL(Range, integer, "int"),
	ECML_OPT_END
};

/* An option that varies. */
typedef struct Parameter
{
	char	   *name;
	int			n;				/* values of a list; 0: a range */
	Jsonb	  **values;
	Range		range;
} Parameter;

typedef struct Grid
{
	int			n;
	Parameter  *parameters;
	bool		ranges;			/* some parameter is one */
	double		size;			/* of lists: how many combinations */
} Grid;

static void
wrong_parameter(const char *name, JsonbValue *value)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the grid's values for \"%s\" are neither a list nor a range", name),
			 errdetail("The value is %s.", ecml_json_value_text(value)),
			 errhint("Give a list, as in '{\"%s\": [1, 2]}', or a range, as in '{\"%s\": {\"low\": 1, \"high\": 2}}'. "
					 "What does not vary belongs in the option \"base\".", name, name)));
}

static void
parse_list(Parameter *parameter, JsonbValue *list)
{
	JsonbIterator *iterator = JsonbIteratorInit(list->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue	value;

	parameter->values = palloc((JsonContainerSize(list->val.binary.data) + 1) * sizeof(Jsonb *));
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM)
			parameter->values[parameter->n++] = JsonbValueToJsonb(&value);
	if (parameter->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the grid's list for \"%s\" is empty", parameter->name),
				 errdetail("No trial can be made of it."),
				 errhint("Give at least one value.")));
}

/* Does the algorithm take nothing but integers there? */
static bool
is_integer(const EcmlAlgorithm *algorithm, const char *name)
{
	if (strcmp(name, "seed") == 0)
		return true;
	for (const EcmlOption *option = algorithm->options; option && option->name; option++)
		if (strcmp(option->name, name) == 0)
			return option->type == ECML_OPTION_INT || option->type == ECML_OPTION_INT64;
	return false;
}

static void
parse_range(Parameter *parameter, JsonbValue *value, const EcmlAlgorithm *algorithm)
{
	Range	   *range = &parameter->range;
	EcmlOptionSet set = {range_options, range};

	range->low = range->high = NAN;
	range->integer = is_integer(algorithm, parameter->name);
	ecml_options_parse(psprintf("the range of \"%s\"", parameter->name), JsonbValueToJsonb(value), &set, 1);
	if (!(range->low <= range->high) || (range->log && range->low <= 0) ||
		(range->integer && floor(range->high) < ceil(range->low)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the grid's range for \"%s\" is empty", parameter->name),
				 errdetail("The range is %s.", ecml_json_value_text(value)),
				 errhint("Give \"low\" and \"high\", with low <= high%s%s.",
						 range->log ? ", and above 0 with \"log\"" : "",
						 range->integer ? ", and an integer between them" : "")));
}

/* Options that say which rows and columns are used: the same for all trials. */
static void
check_may_vary(const EcmlAlgorithm *algorithm, const char *name)
{
	static const char *const fixed[] = {"sample_weight", "weights", "event", "progress"};
	bool		varies = false;

	for (int i = 0; i < (int) lengthof(fixed); i++)
		varies |= strcmp(name, fixed[i]) == 0;
	for (const EcmlExtra *extra = algorithm->extras; extra && extra->option; extra++)
		varies |= strcmp(name, extra->option) == 0;
	if (varies)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" cannot vary between trials", name),
				 errdetail("Trials are compared on the same rows."),
				 errhint("Put it in the option \"base\".")));
}

static Grid
parse_grid(Jsonb *jsonb, Jsonb *base, const EcmlAlgorithm *algorithm)
{
	Grid		grid = {.size = 1};
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(jsonb) || JB_ROOT_COUNT(jsonb) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the grid must be a JSON object of lists or ranges"),
				 errdetail("The value is %s.", ecml_json_text(jsonb)),
				 errhint("Give it as in '{\"alpha\": [0.1, 1, 10]}'.")));
	grid.parameters = palloc0(JB_ROOT_COUNT(jsonb) * sizeof(Parameter));
	iterator = JsonbIteratorInit(&jsonb->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		Parameter  *parameter = &grid.parameters[grid.n];
		JsonbValue	fixed;

		if (token != WJB_KEY)
			continue;
		grid.n++;
		parameter->name = pnstrdup(value.val.string.val, value.val.string.len);
		check_may_vary(algorithm, parameter->name);
		if (base && getKeyJsonValueFromContainer(&base->root, parameter->name, strlen(parameter->name), &fixed))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" is both in the grid and in \"base\"", parameter->name),
					 errdetail("In \"base\" it is %s.", ecml_json_value_text(&fixed)),
					 errhint("Take it out of one of them.")));
		token = JsonbIteratorNext(&iterator, &value, true);
		if (value.type != jbvBinary)
			wrong_parameter(parameter->name, &value);
		if (JsonContainerIsArray(value.val.binary.data))
		{
			parse_list(parameter, &value);
			grid.size *= parameter->n;
		}
		else
		{
			parse_range(parameter, &value, algorithm);
			grid.ranges = true;
		}
	}
	return grid;
}

/* ---- trials */

typedef struct Search
{
	const EcmlAlgorithm *algorithm;
	EcmlModelTask task;
	TuneOptions options;
	const Metric *metric;
	Grid		grid;
	EcmlTrial **trials;
	Jsonb	  **given;			/* [ntrials] the algorithm's options */
	int			ntrials;
	int		   *round;			/* [ntrials] the last one it was in */
	double	   *score;			/* [ntrials] mean of the metric; NaN: it failed */
	double	   *sd;
	int		   *order;			/* [ntrials] the best first */
} Search;

/* The grid's combination number i; the last parameter varies fastest. */
static Jsonb *
combine(const Grid *grid, uint64 i)
{
	EcmlJson   *json = ecml_json_object();
	int		   *choice = palloc(grid->n * sizeof(int));

	for (int p = grid->n - 1; p >= 0; p--)
	{
		choice[p] = i % grid->parameters[p].n;
		i /= grid->parameters[p].n;
	}
	for (int p = 0; p < grid->n; p++)
		ecml_json_jsonb(json, grid->parameters[p].name, grid->parameters[p].values[choice[p]]);
	return ecml_json_finish(json);
}

static double
draw_range(const Range *range, EcmlRng *rng)
{
	double		u = ecml_rng_double(rng);
	double		low = range->integer ? ceil(range->low) - 0.5 : range->low;
	double		high = range->integer ? floor(range->high) + 0.5 : range->high;
	double		value = range->log ? exp(log(low) + u * (log(high) - log(low))) : low + u * (high - low);

	if (range->integer)
		value = rint(value);
	return Min(Max(value, range->integer ? low + 0.5 : low), range->integer ? high - 0.5 : high);
}

static Jsonb *
draw(const Grid *grid, EcmlRng *rng)
{
	EcmlJson   *json = ecml_json_object();

	for (int p = 0; p < grid->n; p++)
	{
		const Parameter *parameter = &grid->parameters[p];

		if (parameter->n > 0)
			ecml_json_jsonb(json, parameter->name, parameter->values[ecml_rng_below(rng, parameter->n)]);
		else
			ecml_json_number(json, parameter->name, draw_range(&parameter->range, rng));
	}
	return ecml_json_finish(json);
}

static bool
drawn_before(const Search *search, const Jsonb *options)
{
	for (int i = 0; i < search->ntrials; i++)
		if (VARSIZE(search->given[i]) == VARSIZE(options) &&
			memcmp(search->given[i], options, VARSIZE(options)) == 0)
			return true;
	return false;
}

static Jsonb *
concat(Jsonb *a, Jsonb *b)
{
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(a), JsonbPGetDatum(b)));
}

/* The options of each trial, those of the grid alone. */
static void
make_trials(Search *search, uint64 seed)
{
	const Grid *grid = &search->grid;
	TuneOptions *options = &search->options;
	bool		random = grid->ranges || options->method == METHOD_RANDOM;
	EcmlRng		base;

	if (options->method < 0)
		options->method = grid->ranges ? METHOD_RANDOM : METHOD_GRID;
	if (options->method == METHOD_GRID && grid->ranges)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a range has no values that a grid could go through"),
				 errdetail("\"method\" is \"grid\"."),
				 errhint("Give lists, or set \"method\" to \"random\" or \"halving\".")));
	if (options->trials > 0 && !random)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"trials\" counts random draws"),
				 errdetail("The grid of lists has %.0f combinations, which are all tried.", grid->size),
				 errhint("Leave it out, give a range, or set \"method\" to \"random\".")));
	if (!random && grid->size > MAX_TRIALS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the grid has too many combinations"),
				 errdetail("It has %.0f; at most %d are tried.", grid->size, MAX_TRIALS),
				 errhint("Give fewer values, or set \"method\" to \"random\".")));
	search->ntrials = 0;
	search->given = palloc(MAX_TRIALS * sizeof(Jsonb *));
	if (!random || (!grid->ranges && grid->size <= (options->trials > 0 ? options->trials : 20)))
	{
		/* all there are */
		for (int i = 0; i < (int) grid->size; i++)
			search->given[search->ntrials++] = combine(grid, i);
		return;
	}
	ecml_rng_seed(&base, seed);
	for (int i = 0; i < (options->trials > 0 ? options->trials : 20); i++)
	{
		/* a stream for each trial: more of them begin with the same ones */
		EcmlRng		rng = ecml_rng_stream(&base, i + 1);
		Jsonb	   *drawn = draw(grid, &rng);

		for (int again = 0; again < REDRAWS && drawn_before(search, drawn); again++)
			drawn = draw(grid, &rng);
		if (drawn_before(search, drawn))
			break;
		search->given[search->ntrials++] = drawn;
		CHECK_FOR_INTERRUPTS();
	}
}

static void
tell_trial(void *arg)
{
	errcontext("%s", (const char *) arg);
}

/* All options of each trial, checked. */
static void
check_trials(Search *search)
{
	TuneOptions *options = &search->options;

	search->trials = palloc(search->ntrials * sizeof(EcmlTrial *));
	for (int i = 0; i < search->ntrials; i++)
	{
		EcmlTrial  *trial = palloc0(sizeof(EcmlTrial));
		ErrorContextCallback callback = {.previous = error_context_stack,.callback = tell_trial};
		JsonbValue	seed;

		trial->label = psprintf("trial %d, %s", i + 1, ecml_json_text(search->given[i]));
		callback.arg = (void *) trial->label;
		error_context_stack = &callback;
		if (options->base)
			search->given[i] = concat(options->base, search->given[i]);
		if (options->seed >= 0 && !getKeyJsonValueFromContainer(&search->given[i]->root, "seed", 4, &seed))
			search->given[i] = concat(ecml_json_parse(psprintf("{\"seed\": " INT64_FORMAT "}", options->seed)),
									  search->given[i]);
		trial->training = ecml_training_parse(search->algorithm, search->given[i], NULL);
		error_context_stack = callback.previous;
		search->trials[i] = trial;
	}
}

/* ---- the search */

static int
compare_trials(const void *a, const void *b, void *arg)
{
	const Search *search = arg;
	int			i = *(const int *) a;
	int			j = *(const int *) b;
	bool		i_failed = isnan(search->score[i]);
	bool		j_failed = isnan(search->score[j]);
	double		x;
	double		y;

	if (i_failed != j_failed)
		return i_failed ? 1 : -1;
	if (search->round[i] != search->round[j])
		return search->round[i] > search->round[j] ? -1 : 1;
	x = cost(search->metric, search->score[i]);
	y = cost(search->metric, search->score[j]);
	if (!i_failed && x != y)
		return x < y ? -1 : 1;
	return i - j;
}

/* Train and evaluate the first n of the order, and order them anew. */
static void
run_round(Search *search, EcmlValidation *v, int round, int n, double share)
{
	EcmlTrial **trials = palloc(n * sizeof(EcmlTrial *));
	int			nrun = 0;

	for (int i = 0; i < n; i++)
		if (search->trials[search->order[i]]->error == NULL)
			trials[nrun++] = search->trials[search->order[i]];
	ecml_validation_run(v, trials, nrun, share);
	for (int i = 0; i < n; i++)
	{
		int			t = search->order[i];

		search->round[t] = round;
		if (search->trials[t]->error ||
			!ecml_trial_metric(search->trials[t], search->metric->name, &search->score[t], &search->sd[t]))
			search->score[t] = search->sd[t] = NAN;
	}
	qsort_arg(search->order, search->ntrials, sizeof(int), compare_trials, search);
	pfree(trials);
}

/* The task's metrics that a trial has. */
static char *
defined_metrics(const Search *search, const EcmlTrial *trial)
{
	const char *names[lengthof(metrics)];
	int			n = 0;
	double		mean;
	double		sd;

	for (int i = 0; i < (int) lengthof(metrics); i++)
		if (metrics[i].task == search->task && ecml_trial_metric(trial, metrics[i].name, &mean, &sd))
			names[n++] = metrics[i].name;
	return ecml_error_list(names, n);
}

/* Is there no trial left?  Then the error of the first, or of the metric. */
static void
check_any(const Search *search)
{
	const EcmlTrial *first = search->trials[0];

	if (!isnan(search->score[search->order[0]]))
		return;
	if (first->error)
		ReThrowError(first->error);
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("metric \"%s\" is not defined in any fold", search->metric->name),
			 errdetail("Defined are: %s.", defined_metrics(search, first)),
			 errhint("Set \"metric\" to one of these.")));
}

/* Rounds of the search: n trials in the first. */
static int
count_rounds(const Search *search, const EcmlValidation *v)
{
	const TuneOptions *options = &search->options;
	double		least = options->min_rows;
	double		trials = search->ntrials;
	double		rows = v->folds->rows;
	int			rounds = 1;

	if (options->method != METHOD_HALVING)
		return 1;
	if (least == 0)
		least = 20.0 * options->folds.folds * v->folds->classes;
	while (trials > 1 && rows / options->factor >= least)
	{
		rounds++;
		trials /= options->factor;
		rows /= options->factor;
	}
	return rounds;
}

static void
run_search(Search *search, EcmlValidation *v)
{
	int			n = search->ntrials;
	int			factor = search->options.factor;
	int			rounds = count_rounds(search, v);

	search->order = palloc(n * sizeof(int));
	search->round = palloc0(n * sizeof(int));
	search->score = palloc(n * sizeof(double));
	search->sd = palloc(n * sizeof(double));
	for (int i = 0; i < n; i++)
		search->order[i] = i;
	if (search->options.metric == NULL && search->task == ECML_CLASSIFICATION && v->folds->classes > 2)
		search->metric = find_metric(search->algorithm, search->task, "log_loss");
	for (int round = 0, left = n; round < rounds; round++, left = (left + factor - 1) / factor)
		v->total += (double) left * v->folds->options.folds * v->folds->options.repeats;
	for (int round = 0; round < rounds; round++)
	{
		run_round(search, v, round, n, pow(factor, round - rounds + 1));
		check_any(search);
		n = (n + factor - 1) / factor;
	}
}

/* The rows of the result, the best trial first. */
static void
add_trials(EcmlRows *rows, const Search *search, const EcmlValidation *v)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecml trial", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	for (int i = 0; i < search->ntrials; i++)
	{
		int			t = search->order[i];
		const EcmlTrial *trial = search->trials[t];
		Datum		values[10];
		bool		nulls[10] = {false};
		bool		failed = isnan(search->score[t]);

		values[0] = Int32GetDatum(t + 1);
		values[1] = JsonbPGetDatum(search->given[t]);
		ecml_set_number(values, nulls, 2, search->score[t]);
		ecml_set_number(values, nulls, 3, search->sd[t]);
		values[4] = Int32GetDatum(i + 1);
		nulls[4] = failed;
		nulls[5] = trial->error != NULL;
		if (trial->error == NULL)
			values[5] = JsonbPGetDatum(ecml_validation_summary(v, trial, false));
		values[6] = Int32GetDatum(v->folds->options.folds * v->folds->options.repeats);
		values[7] = Int64GetDatum(trial->rows);
		values[8] = Float8GetDatum(trial->seconds);
		nulls[9] = !failed;
		if (failed)
			values[9] = CStringGetTextDatum(trial->error ? trial->error->message : "the metric is not defined");
		ecml_rows_add(rows, values, nulls);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

PG_FUNCTION_INFO_V1(ecml_tune);

/*
 * ecml_tune(algorithm text, source text, target text, features text[], grid jsonb, options jsonb): rows of ecml_trial
 */
Datum
ecml_tune(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml tuning", ALLOCSET_DEFAULT_SIZES);
	MemoryContext work;
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	Search		search = {.options = {.folds = ECML_FOLD_DEFAULTS,.method = -1,.factor = 3,.seed = -1}};
	EcmlOptionSet sets[] = {{ecml_fold_options, &search.options}, {tune_options, &search.options}};
	EcmlValidation v;
	char	   *source;
	char	   *target;
	ArrayType  *features;
	bool		skip_missing = true;
	uint64		seed;

	ecml_validation_need(fcinfo, "grid", "ecml_tune(algorithm, source, target, features, grid, options)");
	MemoryContextSwitchTo(context);
	search.algorithm = ecml_validation_algorithm(text_to_cstring(PG_GETARG_TEXT_PP(0)), "ecml_tune");
	source = text_to_cstring(PG_GETARG_TEXT_PP(1));
	target = ecml_text_argument(fcinfo, 2);
	features = PG_ARGISNULL(3) ? NULL : PG_GETARG_ARRAYTYPE_P(3);
	ecml_options_parse("ecml_tune", PG_ARGISNULL(5) ? NULL : PG_GETARG_JSONB_P(5), sets, lengthof(sets));
	ecml_validation_refuse(search.algorithm);
	search.task = search.algorithm->task;
	if (search.algorithm->target_for == NULL)
		search.metric = find_metric(search.algorithm, search.task, search.options.metric);	/* before the work */
	search.grid = parse_grid(PG_GETARG_JSONB_P(4), search.options.base, search.algorithm);
	make_trials(&search, search.options.seed >= 0 ? search.options.seed : ecml_guc_seed);
	check_trials(&search);
	if (search.options.save)
	{
		/* before the work, not after it */
		PreventCommandIfReadOnly("ecml_tune()");
		ecml_catalog_check_name(search.options.save);
		ecml_catalog_check_owner(search.options.save, true);
	}
	seed = search.options.seed >= 0 ? search.options.seed : search.trials[0]->training->common.seed;
	for (int i = 0; i < search.ntrials; i++)
	{
		skip_missing &= search.trials[i]->training->common.missing == ECML_MISSING_SKIP;
		if (search.trials[i]->training->target != search.trials[0]->training->target)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("trials learn different kinds of target"),
					 errdetail("With some options %s learns classes, with others a number.", search.algorithm->name),
					 errhint("Search the ones apart from the others: their metrics cannot be compared.")));
	}

	work = AllocSetContextCreate(context, "ecml tuning's rows", ALLOCSET_DEFAULT_SIZES);
	ecml_validation_open(&v, work, &search.options.folds, search.trials[0]->training, seed, source, target, features,
						 NULL, skip_missing, search.options.progress ? "ecml_tune" : NULL);
	search.task = ecml_training_task(search.trials[0]->training, v.columns.target);
	search.metric = find_metric(search.algorithm, search.task, search.options.metric);
	v.forgiving = true;
	MemoryContextSwitchTo(context);
	run_search(&search, &v);
	add_trials(rows, &search, &v);
	ecml_validation_close(&v);
	if (v.features && features == NULL)
		features = DatumGetArrayTypePCopy(PointerGetDatum(v.features));
	MemoryContextDelete(work);
	if (search.options.save)
	{
		EcmlTrained trained;

		ecml_train_store(search.options.save, search.algorithm->name, source, target, features,
						 search.given[search.order[0]], &trained);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
