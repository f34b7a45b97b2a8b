/*
 * importance.c - ecml_importance(model, source, options): how much worse a model predicts when one feature is put out of order
 *
 * Permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019): the values of a column are dealt anew among the rows,
 * and the metric is taken again.  Cost: rows * features * repeats predictions; memory: the rows, at most as many as the option
 * says, evenly drawn from the source.
 */
#include "core/compat.h"

#include <math.h>

#include "utils/memutils.h"

#include "core/inspect.h"
#include "core/result.h"
#include "core/serve.h"
#include "num/sort.h"

typedef enum Metric
{
	METRIC_DEFAULT,
	METRIC_RMSE,
	METRIC_MAE,
	METRIC_R2,
	METRIC_LOG_LOSS,
	METRIC_BRIER,
	METRIC_ACCURACY,
	METRIC_ROC_AUC,
	METRIC_CHANGE
} Metric;

static const char *const metrics[] = {"default", "rmse", "mae", "r2", "log_loss", "brier", "accuracy", "roc_auc", "change", NULL};

typedef struct ImportanceOptions
{
	int			metric;
	int			repeats;
	int			rows;
	int64		seed;			/* -1: that of the training */
	char	   *target;
} ImportanceOptions;

static const EcmlOption importance_options[] = {
	ECML_OPT_ENUM(ImportanceOptions, metric, "metric", metrics),
	ECML_OPT_INT(ImportanceOptions, repeats, "repeats", 1, 1000),
	ECML_OPT_INT(ImportanceOptions, rows, "rows", 2, 100000000),
	ECML_OPT_INT64(ImportanceOptions, seed, "seed", 0, 9007199254740992.0),
	ECML_OPT_TEXT(ImportanceOptions, target, "target"),
	ECML_OPT_END
};

typedef struct Judge
{
	const EcmlModel *model;
	Metric		metric;
	EcmlCtx    *ctx;
	int			n;				/* rows */
	int			width;			/* of a row: the features, then the target */
	int			outputs;		/* numbers that a prediction has: of a classifier its probabilities */
	bool		code;			/* the prediction is a cluster's number */
	double	   *rows;
	int			most;			/* rows predicted at once */
	double	   *x;				/* [most][nterms] scratch */
	double	   *p;				/* [most][outputs] scratch */
	double	   *before;			/* CHANGE: [n][outputs] predictions of the rows as they are */
	double	   *scores;			/* ROC_AUC: [n][2] scratch: score and class */
} Judge;

/* The predictions of rows from first on, as many as are made at once: p [][outputs]; their number. */
static int
predict(const Judge *judge, int first, double *p)
{
	int			n = Min(judge->most, judge->n - first);

	ecml_poll(judge->ctx, 0, 0);
	ecml_model_predict_rows(judge->model, judge->ctx, judge->rows + (size_t) first * judge->width, judge->width, n, judge->x,
							p);
	return n;
}

/* How far two predictions are from each other: numbers by their difference, classes by the probability that has moved. */
static double
moved(const Judge *judge, const double *p, const double *before)
{
	double		sum = 0;

	if (judge->outputs == 1)
		return judge->code ? *p != *before : fabs(*p - *before);
	for (int c = 0; c < judge->outputs; c++)
		sum += fabs(p[c] - before[c]) / 2;
	return sum;
}

/* What a row adds to the metric's sum: a loss. */
static double
loss(const Judge *judge, const double *p, double y, int row)
{
	double		sum = 0;

	switch (judge->metric)
	{
		case METRIC_MAE:
			return fabs(*p - y);
		case METRIC_LOG_LOSS:
			return y < 0 ? -log(1e-15) : -log(Max(p[(int) y], 1e-15));
		case METRIC_BRIER:
			/* of two classes that of one of them */
			for (int c = 0; c < judge->outputs; c++)
				sum += (p[c] - (c == y)) * (p[c] - (c == y)) / (judge->outputs == 2 ? 2 : 1);
			return sum;
		case METRIC_ACCURACY:
			return ecml_model_class(judge->model, p) != y;
		case METRIC_CHANGE:
			return moved(judge, p, judge->before + (size_t) row * judge->outputs);
		default:
			return (*p - y) * (*p - y);
	}
}

/* 1 - area under the curve, by ranks; NaN where one class is missing. */
static double
one_less_auc(const Judge *judge)
{
	double		positive = 0;
	double		rank_sum = 0;
	double		negative;

	ecml_sort_f8_pairs(judge->ctx, judge->scores, judge->n);
	for (int i = 0; i < judge->n;)
	{
		int			end = i;
		double		ones = 0;

		for (; end < judge->n && judge->scores[2 * end] == judge->scores[2 * i]; end++)
			ones += judge->scores[2 * end + 1];
		rank_sum += ones * (i + end + 1) / 2.0;
		positive += ones;
		i = end;
	}
	negative = judge->n - positive;
	return 1 - (rank_sum - positive * (positive + 1) / 2) / (positive * negative);
}

/* The loss over all rows, as they are now: the less the better. */
static double
measure(const Judge *judge)
{
	double		sum = 0;

	int			n;

	for (int first = 0; first < judge->n; first += n)
	{
		n = predict(judge, first, judge->p);
		for (int i = first; i < first + n; i++)
		{
			const double *p = judge->p + (size_t) (i - first) * judge->outputs;
			double		y = judge->rows[(size_t) i * judge->width + judge->width - 1];

			if (judge->metric == METRIC_ROC_AUC)
			{
				judge->scores[2 * i] = p[1];
				judge->scores[2 * i + 1] = y == 1;
			}
			else
				sum += loss(judge, p, y, i);
		}
	}
	if (judge->metric == METRIC_ROC_AUC)
		return one_less_auc(judge);
	return judge->metric == METRIC_RMSE ? sqrt(sum / judge->n) : sum / judge->n;
}

static Metric
choose(const EcmlModel *model, Metric metric)
{
	EcmlModelTask task = model->task;
	bool		fits = metric == METRIC_CHANGE;

	if (metric == METRIC_DEFAULT)
		return task == ECML_REGRESSION ? METRIC_RMSE : task == ECML_CLASSIFICATION ? METRIC_LOG_LOSS : METRIC_CHANGE;
	if (task == ECML_REGRESSION)
		fits |= metric == METRIC_RMSE || metric == METRIC_MAE || metric == METRIC_R2;
	if (task == ECML_CLASSIFICATION)
		fits |= metric == METRIC_LOG_LOSS || metric == METRIC_BRIER || metric == METRIC_ACCURACY ||
			(metric == METRIC_ROC_AUC && model->schema->nclasses == 2);
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metric \"%s\" does not fit the model", metrics[metric]),
				 errdetail("Its task is %s%s.", ecml_task_name(task), task == ECML_CLASSIFICATION ?
						   psprintf(" with %d classes", model->schema->nclasses) : ""),
				 errhint("Metrics are: of a regression \"rmse\", \"mae\", \"r2\"; of a classification \"log_loss\", \"brier\", "
						 "\"accuracy\" and, with two classes, \"roc_auc\"; of any model \"change\".")));
	return metric;
}

static void
begin(Judge *judge, const EcmlModel *model, EcmlSourceRows *rows)
{
	bool		classifier = model->task == ECML_CLASSIFICATION;

	judge->model = model;
	judge->ctx = &rows->ctx;
	judge->n = rows->sample->n;
	judge->width = rows->sample->width;
	judge->rows = rows->sample->rows;
	judge->outputs = classifier ? model->schema->nclasses : 1;
	judge->code = model->task == ECML_CLUSTERING;
	judge->most = ecml_model_rows_at_once(model);
	judge->x = ECML_NEW(judge->ctx, double, (size_t) judge->most * (model->schema->nterms + 1));
	judge->p = ECML_NEW(judge->ctx, double, (size_t) judge->most * judge->outputs);
	if (judge->metric == METRIC_ROC_AUC)
		judge->scores = ECML_NEW(judge->ctx, double, (size_t) judge->n * 2);
	if (judge->metric == METRIC_CHANGE)
	{
		judge->before = ECML_NEW(judge->ctx, double, (size_t) judge->n * judge->outputs);
		for (int first = 0; first < judge->n; first += judge->most)
			(void) predict(judge, first, judge->before + (size_t) first * judge->outputs);
	}
}

/* The variance of the target, for R2. */
static double
target_variance(const Judge *judge)
{
	double		mean = 0;
	double		m2 = 0;

	for (int i = 0; i < judge->n; i++)
	{
		double		y = judge->rows[(size_t) i * judge->width + judge->width - 1];
		double		delta = y - mean;

		mean += delta / (i + 1);
		m2 += delta * (y - mean);
	}
	return m2 / judge->n;
}

/* Deal the values of a feature among the rows. */
static void
permute(Judge *judge, int feature, const double *values, EcmlRng rng)
{
	double	   *column = judge->rows + feature;
	size_t		step = judge->width;

	for (int i = 0; i < judge->n; i++)
		column[i * step] = values[i];
	for (int i = judge->n - 1; i > 0; i--)
	{
		size_t		k = ecml_rng_below(&rng, i + 1);
		double		value = column[i * step];

		if (i % 4096 == 0)
			ecml_poll(judge->ctx, 0, 0);
		column[i * step] = column[k * step];
		column[k * step] = value;
	}
}

/* The mean loss added by permuting a feature, and its deviation over the repeats (NaN for one). */
static double
importance(Judge *judge, int feature, double baseline, const ImportanceOptions *options, double *values, double *sd)
{
	double		mean = 0;
	double		m2 = 0;

	for (int i = 0; i < judge->n; i++)
		values[i] = judge->rows[(size_t) i * judge->width + feature];
	for (int r = 0; r < options->repeats; r++)
	{
		double		added;
		double		delta;

		permute(judge, feature, values, ecml_rng_stream(&judge->ctx->rng, (uint64) feature * options->repeats + r));
		added = measure(judge) - baseline;
		delta = added - mean;
		mean += delta / (r + 1);
		m2 += delta * (added - mean);
	}
	for (int i = 0; i < judge->n; i++)
		judge->rows[(size_t) i * judge->width + feature] = values[i];
	*sd = options->repeats > 1 ? sqrt(m2 / (options->repeats - 1)) : NAN;
	return mean;
}

typedef struct FeatureResult
{
	int			feature;
	double		importance;
	double		sd;
} FeatureResult;

static int
compare_results(const void *a, const void *b)
{
	const FeatureResult *x = a;
	const FeatureResult *y = b;

	if (x->importance != y->importance)
		return x->importance > y->importance ? -1 : 1;
	return x->feature - y->feature;
}

/* ecml_importance(model, source text, options jsonb): rows feature, importance, sd; the greatest first */
ECML_MODEL_FUNCTION(ecml_permutation_importance)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlModel  *model = ecml_serving_model(fcinfo, by_name);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	ImportanceOptions options = {.repeats = 5,.rows = 10000,.seed = -1};
	EcmlOptionSet set = {importance_options, &options};
	EcmlSourceRows *read;
	Judge		judge = {0};
	FeatureResult	   *results;
	double		baseline;
	double		unit = 1;
	double	   *values;

	if (model == NULL || PG_ARGISNULL(1))
		return (Datum) 0;
	context = AllocSetContextCreate(caller, "ecml importance", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	ecml_options_parse("ecml_importance", PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), &set, 1);
	judge.metric = choose(model, options.metric);
	SPI_connect();
	read = ecml_inspect_rows(context, model, text_to_cstring(PG_GETARG_TEXT_PP(1)), judge.metric != METRIC_CHANGE,
							 options.target, options.rows);
	SPI_finish();
	MemoryContextSwitchTo(context);
	ecml_rng_seed(&read->ctx.rng, options.seed >= 0 ? options.seed : model->seed);
	begin(&judge, model, read);
	if (judge.metric == METRIC_R2)
		unit = target_variance(&judge);
	baseline = measure(&judge);
	values = ECML_NEW(&read->ctx, double, judge.n);
	results = palloc((model->schema->nfeatures + 1) * sizeof(FeatureResult));
	for (int j = 0; j < model->schema->nfeatures; j++)
	{
		results[j].feature = j;
		results[j].importance = importance(&judge, j, baseline, &options, values, &results[j].sd) / unit;
		results[j].sd /= unit;
	}
	qsort(results, model->schema->nfeatures, sizeof(FeatureResult), compare_results);
	for (int j = 0; j < model->schema->nfeatures; j++)
	{
		Datum		row[3];
		bool		nulls[3] = {false};

		row[0] = CStringGetTextDatum(model->schema->features[results[j].feature].name);
		ecml_set_number(row, nulls, 1, results[j].importance);
		ecml_set_number(row, nulls, 2, results[j].sd);
		ecml_rows_add(rows, row, nulls);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
