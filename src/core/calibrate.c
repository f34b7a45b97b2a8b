/*
 * calibrate.c - probabilities of a classifier that are as often right as they say
 *
 * What is calibrated is the logit of a probability: of a logistic regression its own scale, on which Platt's sigmoid is right.
 * Cost: a training for each fold, on rows that are copied; memory beside the rows: their copy (past the budget in a temporary
 * file), and 8 bytes a row and class.
 */
#include "core/compat.h"

#include <math.h>

#include "utils/memutils.h"

#include "core/calibrate.h"
#include "core/trainer.h"

#define FOLD_STREAM UINT64CONST(0xCA11B8A7E)
#define MAX_LOGIT 36.7			/* of a probability as near to 1 as can be told */
#define LEAST_BUDGET ((size_t) 1024 * 1024)

static double
logit(double p)
{
	double		value = log(p) - log1p(-p);

	return isnan(value) ? value : Min(Max(value, -MAX_LOGIT), MAX_LOGIT);
}

double
ecml_calibrator_apply_one(const EcmlCalibrator *calibrator, double p)
{
	return ecml_calibration_apply(calibrator->of[0], logit(p));
}

void
ecml_calibrator_apply(const EcmlCalibrator *calibrator, double *p)
{
	double		sum = 0;

	if (calibrator->n == 1)
	{
		p[1] = ecml_calibrator_apply_one(calibrator, p[1]);
		p[0] = 1 - p[1];
		return;
	}
	for (int c = 0; c < calibrator->n; c++)
		sum += p[c] = ecml_calibration_apply(calibrator->of[c], logit(p[c]));
	for (int c = 0; c < calibrator->n; c++)
		p[c] = sum > 0 ? p[c] / sum : 1.0 / calibrator->n;
}

/* ---- folds: each run of k rows of a class has one of each fold, in random order */

typedef struct Dealer
{
	EcmlRng		rng;
	int			folds;
	int64	   *dealt;			/* [nclasses] rows of the class so far */
	int		   *order;			/* [nclasses][folds] the folds of the present run */
} Dealer;

static void
begin_deal(EcmlCtx *ctx, Dealer *dealer, int folds, int nclasses, uint64 seed)
{
	EcmlRng		seeded;

	ecml_rng_seed(&seeded, seed);
	dealer->rng = ecml_rng_stream(&seeded, FOLD_STREAM);
	dealer->folds = folds;
	dealer->dealt = ECML_NEW0(ctx, int64, nclasses);
	dealer->order = ECML_NEW0(ctx, int, (size_t) nclasses * folds);
}

static int
deal(Dealer *dealer, int class)
{
	int			folds = dealer->folds;
	int		   *order = dealer->order + (size_t) class * folds;
	int64		number = dealer->dealt[class]++;

	if (number % folds == 0)
	{
		EcmlRng		rng = ecml_rng_stream(&dealer->rng, ((uint64) class << 48) + number / folds);

		for (int i = 0; i < folds; i++)
			order[i] = i;
		for (int i = folds - 1; i > 0; i--)
		{
			int			k = ecml_rng_below(&rng, i + 1);
			int			t = order[i];

			order[i] = order[k];
			order[k] = t;
		}
	}
	return order[number % folds];
}

static inline double
element(const EcmlData *data, const EcmlBlock *block, int column, int row)
{
	return data->element == ECML_F4 ? ECML_BLOCK_F4(block, column)[row] : ECML_BLOCK_F8(block, column)[row];
}

/* Give rows of one part of a fold to a function. */
typedef void (*RowFunction) (void *arg, const double *x, double y, double w);

static void
pass(EcmlCtx *ctx, EcmlData *data, Dealer dealer, int fold, bool test, RowFunction row, void *arg)
{
	double	   *x = ECML_NEW(ctx, double, data->columns + 1);
	EcmlBlock	block;

	for (size_t b = 0; b < data->nblocks; b++)
	{
		(void) ecml_data_fetch(ctx, data, b, &block, 1);
		for (int i = 0; i < block.rows; i++)
		{
			if ((deal(&dealer, (int) block.y[i]) == fold) != test)
				continue;
			for (int j = 0; j < data->columns; j++)
				x[j] = element(data, &block, j, i) + (test && data->origin ? data->origin[j] : 0);
			row(arg, x, block.y[i], block.w ? block.w[i] : 1);
		}
	}
	ecml_free(ctx, x);
}

static void
keep_row(void *arg, const double *x, double y, double w)
{
	/* terms fit, as they were terms before */
	(void) ecml_dataset_append(arg, x, y, w);
}

typedef struct Scoring
{
	EcmlCtx    *ctx;
	const EcmlAlgorithm *algorithm;
	const void *fitted;
	int			nclasses;
	EcmlScores *scores;			/* [n] */
	int			n;
	double	   *p;				/* [nclasses] scratch */
} Scoring;

static void
score_row(void *arg, const double *x, double y, double w)
{
	Scoring    *scoring = arg;

	scoring->algorithm->probabilities(scoring->fitted, x, scoring->p);
	for (int c = 0; c < scoring->n; c++)
	{
		int			class = scoring->n == 1 ? 1 : c;

		ecml_scores_add(scoring->ctx, &scoring->scores[c], (int) y == class, logit(scoring->p[class]), w);
	}
}

/* Train on the other folds, and score the rows of this one. */
static void
run_fold(EcmlCtx *ctx, const EcmlPrepared *prepared, const EcmlTraining *training, Dealer dealer, int fold, Scoring *scoring)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecml calibration fold", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	size_t		budget = ctx->budget > ctx->used + LEAST_BUDGET ? ctx->budget - ctx->used : LEAST_BUDGET;
	EcmlData   *data = prepared->data;
	EcmlDataset *dataset;
	EcmlServerHost host;
	EcmlCtx		own;
	Dealer		again = dealer;

	ecml_host_init(&own, &host, context, ctx->budget ? budget : 0, training->common.seed);
	dataset = ecml_dataset_create(&own, context, data->element, data->columns, true, data->has_w, false);
	again.dealt = ECML_NEW0(&own, int64, prepared->schema->nclasses);
	pass(&own, data, again, fold, false, keep_row, dataset);
	ecml_dataset_complete(dataset);
	ecml_dataset_transform(dataset, NULL, NULL, NULL);
	dataset->data.origin = data->origin;
	scoring->fitted = training->algorithm->fit(&own, &dataset->data, prepared->schema, training->params);
	ecml_dataset_close(dataset);
	MemoryContextSwitchTo(old);
	memset(dealer.dealt, 0, prepared->schema->nclasses * sizeof(int64));
	pass(ctx, data, dealer, fold, true, score_row, scoring);
	MemoryContextDelete(context);
}

/* Every fold must have rows of each class to learn from. */
static void
check_classes(EcmlCtx *ctx, const EcmlPrepared *prepared, int folds)
{
	const EcmlSchema *schema = prepared->schema;
	int64	   *rows = ECML_NEW0(ctx, int64, schema->nclasses);
	EcmlBlock	block;

	for (size_t b = 0; b < prepared->data->nblocks; b++)
	{
		(void) ecml_data_fetch(ctx, prepared->data, b, &block, 1);
		for (int i = 0; i < block.rows; i++)
			rows[(int) block.y[i]]++;
	}
	for (int c = 0; c < schema->nclasses; c++)
		if (rows[c] < folds)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("class \"%s\" has too few rows for calibration", schema->classes[c]),
					 errdetail("Its rows: " INT64_FORMAT ", folds: %d.", rows[c], folds),
					 errhint("Set \"calibration_folds\" lower, or \"calibration\" to \"none\".")));
	ecml_free(ctx, rows);
}

/* Metrics of one class's scores as they are, and calibrated (NULL: not); added to the calibrator's. */
static void
add_metrics(EcmlCtx *ctx, EcmlCalibrator *calibrator, const EcmlScores *scores, const EcmlCalibration *calibration)
{
	int			after = calibration != NULL;
	EcmlScores	p;
	EcmlBinaryMetrics metrics;

	ecml_scores_init(&p, scores->weighted);
	for (int side = 0; side < 2; side++)
		for (size_t i = 0; i < scores->of[side].n; i++)
		{
			const double *v = scores->of[side].v + (scores->weighted ? 2 * i : i);

			if (i % 4096 == 0)
				ecml_poll(ctx, 0, 0);
			ecml_scores_add(ctx, &p, side == 1, after ? ecml_calibration_apply(calibration, v[0]) : 1 / (1 + exp(-v[0])),
							scores->weighted ? v[1] : 1);
		}
	ecml_scores_sort(ctx, &p);
	ecml_scores_metrics(ctx, &p, 0.5, &metrics);
	calibrator->brier[after] += metrics.brier / calibrator->n;
	calibrator->log_loss[after] += metrics.log_loss / calibrator->n;
	calibrator->ece[after] += metrics.ece / calibrator->n;
	ecml_scores_free(ctx, &p);
}

/*
 * So many rows cannot tell that something never happens: the ends of an isotonic curve keep a distance from 0 and 1, without
 * which one row that comes otherwise makes the log loss whatever it likes.
 */
static void
keep_distance(EcmlCalibration *calibration, const EcmlScores *scores)
{
	double		least = 1 / (scores->of[0].n + scores->of[1].n + 2.0);

	for (uint32 i = 0; i < calibration->n; i++)
		calibration->y[i] = Min(Max(calibration->y[i], least), 1 - least);
}

EcmlCalibrator *
ecml_calibrator_learn(EcmlCtx *ctx, const EcmlPrepared *prepared, const EcmlTraining *training)
{
	int			nclasses = prepared->schema->nclasses;
	int			folds = training->common.calibration_folds;
	EcmlCalibrator *calibrator = ECML_NEW0(ctx, EcmlCalibrator, 1);
	Scoring		scoring = {.ctx = ctx,.algorithm = training->algorithm,.nclasses = nclasses};
	Dealer		dealer;

	calibrator->n = scoring.n = nclasses == 2 ? 1 : nclasses;
	check_classes(ctx, prepared, folds);
	begin_deal(ctx, &dealer, folds, nclasses, training->common.seed);
	scoring.p = ECML_NEW(ctx, double, nclasses);
	scoring.scores = ECML_NEW0(ctx, EcmlScores, scoring.n);
	for (int c = 0; c < scoring.n; c++)
		ecml_scores_init(&scoring.scores[c], prepared->data->has_w);
	for (int fold = 0; fold < folds; fold++)
	{
		ecml_poll(ctx, fold, folds + 1);
		run_fold(ctx, prepared, training, dealer, fold, &scoring);
	}
	calibrator->of = ECML_NEW0(ctx, EcmlCalibration *, scoring.n);
	for (int c = 0; c < scoring.n; c++)
	{
		ecml_scores_sort(ctx, &scoring.scores[c]);
		calibrator->of[c] = ecml_calibration_fit(ctx, &scoring.scores[c], training->common.calibration);
		keep_distance(calibrator->of[c], &scoring.scores[c]);
		add_metrics(ctx, calibrator, &scoring.scores[c], NULL);
		add_metrics(ctx, calibrator, &scoring.scores[c], calibrator->of[c]);
		ecml_scores_free(ctx, &scoring.scores[c]);
	}
	return calibrator;
}

void
ecml_calibrator_metrics(const EcmlCalibrator *calibrator, EcmlJson *json)
{
	ecml_json_open_object(json, "calibration");
	ecml_json_number(json, "brier_before", calibrator->brier[0]);
	ecml_json_number(json, "brier_after", calibrator->brier[1]);
	ecml_json_number(json, "log_loss_before", calibrator->log_loss[0]);
	ecml_json_number(json, "log_loss_after", calibrator->log_loss[1]);
	ecml_json_number(json, "ece_before", calibrator->ece[0]);
	ecml_json_number(json, "ece_after", calibrator->ece[1]);
	ecml_json_close_object(json);
}

void
ecml_calibrator_write(EcmlWriter *w, const EcmlCalibrator *calibrator)
{
	for (int c = 0; c < calibrator->n; c++)
		ecml_calibration_write(w, calibrator->of[c]);
}

EcmlCalibrator *
ecml_calibrator_read(EcmlReader *r, int nclasses)
{
	EcmlCalibrator *calibrator = ECML_NEW0(r->ctx, EcmlCalibrator, 1);

	if (nclasses < 2)
		ecml_read_corrupted(r, "a model without classes is calibrated");
	calibrator->n = nclasses == 2 ? 1 : nclasses;
	calibrator->of = ECML_NEW0(r->ctx, EcmlCalibration *, calibrator->n);
	for (int c = 0; c < calibrator->n; c++)
		calibrator->of[c] = ecml_calibration_read(r);
	return calibrator;
}
