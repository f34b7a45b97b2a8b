/*
 * profile.c - the distributions of the rows that a model was trained on
 *
 * The rows of a one-pass training of numbers may come in parallel, in any order: their sample goes by content, so that the same
 * rows give the same model.  Those with categories come in one order, and are sampled by number.  Collected rows are sampled
 * when all are there: evenly from some of the blocks.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"

#include "core/model.h"
#include "core/profile.h"
#include "core/trainer.h"

#define MAX_FEATURES 4096		/* no profile for more */
#define ALL_POINTS 8192			/* of all features together; but at least LEAST_POINTS for each */
#define LEAST_POINTS 16
#define BESIDE 8				/* columns that are copied together: a cache line of a row */
#define TASK_VALUES 16384		/* of the sample that a task sorts; fewer are not worth a thread */
#define BLOCKS 64				/* that collected rows are sampled from */

/* A sample, unless it takes so much memory that the training might miss it: a profile is not worth a failure. */
static EcmlRowSample *
make_sample(EcmlTrainer *trainer, bool by_content)
{
	EcmlRowSample *sample = ecml_rowsample_create(&trainer->ctx, ecml_trainer_features(trainer), by_content);
	size_t		row = (sample->width + 2) * sizeof(double);

	/* by content twice as many rows, and when an array grows it stands twice */
	return ecml_fits(&trainer->ctx, sample->limit * row * (by_content ? 4 : 2)) ? sample : NULL;
}

void
ecml_profile_begin(EcmlTrainer *trainer)
{
	int			n = ecml_trainer_features(trainer);
	bool		by_content = true;

	if (n == 0 || n > MAX_FEATURES)
		return;
	trainer->nulls = ECML_NEW0(&trainer->ctx, double, n);
	if (trainer->algorithm->one_pass == NULL)
		return;
	for (int j = 0; j < n; j++)
		if (trainer->category[j])
			by_content = false;
	trainer->sample = make_sample(trainer, by_content);
}

typedef struct Drawing
{
	EcmlDataset *dataset;
	EcmlRowSample *sample;
	EcmlBlock	blocks[BLOCKS];
	size_t		first[BLOCKS];	/* number of its first row among those of all blocks */
	size_t		step;			/* rows of them from one that is drawn to the next */
} Drawing;

/* The rows of a block to their places in the sample, some columns after the others. */
static void
draw_block(void *arg, size_t b, int worker)
{
	const Drawing *drawing = arg;
	const EcmlBlock *block = &drawing->blocks[b];
	size_t		number = (drawing->first[b] + drawing->step - 1) / drawing->step;
	size_t		from = number * drawing->step - drawing->first[b];
	size_t		width = drawing->sample->width;

	for (size_t j = 0; j < width; j += BESIDE)
	{
		double	   *to = drawing->sample->rows + number * width + j;
		int			n = Min(width - j, BESIDE);

		for (size_t i = from; i < (size_t) block->rows; i += drawing->step, to += width)
			ecml_dataset_row(drawing->dataset, block, (int) j, n, (int) i, to);
	}
}

void
ecml_profile_collected(EcmlTrainer *trainer)
{
	EcmlCtx    *ctx = &trainer->ctx;
	EcmlDataset *dataset = trainer->dataset;
	size_t		apart = (dataset->data.nblocks + BLOCKS - 1) / BLOCKS;	/* blocks from one that is looked at to the next */
	Drawing    *drawing;
	size_t		rows = 0;
	size_t		n = 0;

	if (trainer->nulls == NULL)
		return;
	trainer->sample = make_sample(trainer, false);
	if (trainer->sample == NULL || dataset->data.rows == 0)
		return;
	drawing = ECML_NEW(ctx, Drawing, 1);
	drawing->dataset = dataset;
	drawing->sample = trainer->sample;
	for (size_t b = 0; b < dataset->data.nblocks; b += apart)
	{
		drawing->first[n++] = rows;
		rows += Min(dataset->data.rows - b * ECML_BLOCK_ROWS, ECML_BLOCK_ROWS);
	}
	drawing->step = (rows + trainer->sample->limit - 1) / trainer->sample->limit;
	(void) ecml_rowsample_room(ctx, trainer->sample, (rows + drawing->step - 1) / drawing->step);
	trainer->sample->seen = rows;
	trainer->sample->step = apart * drawing->step;	/* 1: it has all rows */
	for (size_t i = 0; i < n; i++)
	{
		drawing->blocks[i] = ecml_dataset_kept(dataset, i * apart);
		if (!dataset->data.resident)
		{
			/* the next block takes its place */
			ecml_poll(ctx, 0, 0);
			draw_block(drawing, i, 0);
		}
	}
	if (dataset->data.resident)
		ecml_parallel_for(ctx, n, draw_block, drawing);
	ecml_free(ctx, drawing);
}

void
ecml_profile_pending(EcmlTrainer *trainer)
{
	const EcmlBlock *block = &trainer->pending;
	int			n = ecml_trainer_features(trainer);
	const double **columns = palloc(n * sizeof(double *));
	const double **marks = palloc0(n * sizeof(double *));

	for (int j = 0; j < n; j++)
	{
		columns[j] = ECML_BLOCK_F8(block, trainer->term_of[j][0]);
		if (trainer->null_term[j] >= 0 && trainer->null_term[j] < trainer->pending_terms)
			marks[j] = ECML_BLOCK_F8(block, trainer->null_term[j]);
	}
	ecml_rowsample_block(&trainer->ctx, trainer->sample, columns, marks, block->rows);
	pfree(columns);
	pfree(marks);
}

void
ecml_profile_nulls(EcmlTrainer *trainer, const double *values)
{
	for (int j = 0; j < ecml_trainer_features(trainer); j++)
		trainer->nulls[j] += isnan(values[j]);
}

void
ecml_profile_merge(EcmlTrainer *trainer, const EcmlTrainer *other)
{
	if (trainer->sample == NULL || other->sample == NULL)
		return;
	ecml_rowsample_merge(&trainer->ctx, trainer->sample, other->sample);
	for (int j = 0; j < trainer->sample->width; j++)
		trainer->nulls[j] += other->nulls[j];
	trainer->incomplete += other->incomplete;
}

void
ecml_profile_write_nulls(EcmlWriter *w, const EcmlTrainer *trainer)
{
	ecml_write_u64(w, trainer->incomplete);
	for (int j = 0; trainer->nulls && j < ecml_trainer_features(trainer); j++)
		ecml_write_f8(w, trainer->nulls[j]);
}

void
ecml_profile_add_nulls(EcmlReader *r, EcmlTrainer *trainer)
{
	trainer->incomplete += ecml_read_u64(r);
	for (int j = 0; trainer->nulls && j < ecml_trainer_features(trainer); j++)
		trainer->nulls[j] += ecml_read_f8(r);
}

void
ecml_profile_write_sample(EcmlWriter *w, EcmlTrainer *trainer)
{
	if (trainer->sample == NULL || !trainer->sample->by_content)
		return;
	ecml_write_u64(w, trainer->incomplete);
	ecml_write_f8s(w, trainer->nulls, trainer->sample->width);
	ecml_rowsample_write(w, trainer->sample);
}

void
ecml_profile_read_sample(EcmlReader *r, EcmlTrainer *trainer)
{
	int			n = ecml_trainer_features(trainer);

	for (int j = 0; j < n; j++)
		if (trainer->category[j])
			ecml_read_corrupted(r, "a sample of categories is not known");
	if (n > MAX_FEATURES)
		ecml_read_corrupted(r, "a sample has too many columns");
	trainer->profiled = true;
	trainer->incomplete = ecml_read_u64(r);
	trainer->nulls = ecml_read_finite_f8s(r, n);
	for (int j = 0; j < n; j++)
		if (trainer->nulls[j] < 0)
			ecml_read_corrupted(r, "a count of rows is out of range");
	if (trainer->incomplete < 0)
		ecml_read_corrupted(r, "a count of rows is out of range");
	trainer->sample = ecml_rowsample_read(r, n);
}

/* The values of a column of the sample that are not NULL, with their counts (NULL: the sample has none); the number of them. */
static int
column_values(const EcmlRowSample *sample, const double *column, size_t stride, const int *recode, double *values, double *counts)
{
	int			n = 0;

	for (int i = 0; i < sample->n; i++)
	{
		double		value = column[i * stride];

		if (isnan(value))
			continue;
		if (counts)
			counts[n] = sample->counts[i];
		values[n++] = recode ? recode[(int) value] : value;
	}
	return n;
}

/* What the model makes of the rows of the sample. */
static int
scores(const EcmlTrainer *trainer, const EcmlModel *model, int *const *recode, double *values, double *counts)
{
	const EcmlRowSample *sample = trainer->sample;
	double	   *row = palloc(sample->width * sizeof(double));
	double	   *x = MemoryContextAllocHuge(CurrentMemoryContext, (model->schema->nterms + 1) * sizeof(double));
	double	   *p = palloc((model->schema->nclasses + 1) * sizeof(double));
	int			n = 0;

	for (int i = 0; i < sample->n; i++)
	{
		for (int j = 0; j < sample->width; j++)
		{
			row[j] = sample->rows[(size_t) i * sample->width + j];
			if (!isnan(row[j]) && recode[j])
				row[j] = recode[j][(int) row[j]];
		}
		values[n] = ecml_model_score(model, row, x, p);
		if (counts)
			counts[n] = sample->counts[i];
		n += isfinite(values[n]);
		if (i % 64 == 63)
			CHECK_FOR_INTERRUPTS();
	}
	return n;
}

typedef struct Making
{
	const EcmlTrainer *trainer;
	EcmlProfile *profile;
	int			most;			/* points of a column */
	size_t		tasks;
	double	  **beside;			/* [workers][BESIDE][rows of the sample] */
	double	  **values;			/* [workers][rows of the sample] */
	double	  **counts;			/* [workers]; NULL where it has none */
	void	  **scratch;		/* [workers] */
} Making;

/* The distributions of some columns, of those that are numbers. */
static void
make_numbers(void *arg, size_t task, int worker)
{
	Making	   *making = arg;
	const EcmlRowSample *sample = making->trainer->sample;
	double	   *values = making->values[worker];
	double	   *counts = making->counts[worker];
	double	   *beside = making->beside[worker];

	for (int first = task * BESIDE; first < sample->width; first += making->tasks * BESIDE)
	{
		int			columns = Min(sample->width - first, BESIDE);

		for (int i = 0; i < sample->n; i++)
			for (int j = 0; j < columns; j++)
				beside[(size_t) j * sample->n + i] = sample->rows[(size_t) i * sample->width + first + j];
		for (int j = 0; j < columns; j++)
		{
			int			n;

			if (making->trainer->category[first + j])
				continue;
			n = column_values(sample, beside + (size_t) j * sample->n, 1, NULL, values, counts);
			ecml_profile_fill(&making->profile->columns[first + j], values, counts, n, making->most, making->scratch[worker]);
		}
	}
}

EcmlProfile *
ecml_profile_make(EcmlTrainer *trainer, EcmlModel *model, int *const *recode)
{
	EcmlRowSample *sample = trainer->sample;
	EcmlCtx    *ctx = &model->ctx;	/* without a budget: what the fit has left of it does not matter */
	EcmlProfile *profile;
	Making		making = {.trainer = trainer};
	double		all = trainer->rows + trainer->incomplete;
	double	   *values;
	double	   *counts;
	int			workers;
	int			n;

	if (sample == NULL || sample->n == 0)
		return NULL;
	ecml_rowsample_finish(&trainer->ctx, sample);
	profile = palloc0(sizeof(EcmlProfile));
	profile->effective = ecml_rowsample_effective(sample);
	profile->ncolumns = sample->width + 1;
	profile->columns = palloc0(profile->ncolumns * sizeof(EcmlProfileColumn));
	making.profile = profile;
	making.most = Min(Max(ALL_POINTS / profile->ncolumns, LEAST_POINTS), ECML_PROFILE_POINTS);
	making.tasks = Min((sample->width + BESIDE - 1) / BESIDE, 1 + (size_t) sample->n * sample->width / TASK_VALUES);
	workers = ecml_workers(ctx, making.tasks);
	making.beside = palloc(workers * sizeof(double *));
	making.values = palloc(workers * sizeof(double *));
	making.counts = palloc0(workers * sizeof(double *));
	making.scratch = palloc(workers * sizeof(void *));
	for (int i = 0; i < workers; i++)
	{
		making.beside[i] = ECML_NEW(ctx, double, (size_t) sample->n * BESIDE);
		making.values[i] = ECML_NEW(ctx, double, sample->n);
		if (sample->counts)
			making.counts[i] = ECML_NEW(ctx, double, sample->n);
		making.scratch[i] = ecml_alloc(ctx, ecml_profile_scratch(sample->n));
	}
	values = making.values[0];
	counts = making.counts[0];
	for (int j = 0; j < sample->width; j++)
	{
		if (!trainer->category[j])
			ecml_profile_room(ctx, &profile->columns[j], sample->n, making.most);
		else
		{
			n = column_values(sample, sample->rows + j, sample->width, recode[j], values, counts);
			ecml_profile_category(ctx, &profile->columns[j], values, counts, n);
		}
		profile->columns[j].nulls = trainer->nulls[j] / all;
	}
	ecml_parallel_for(ctx, making.tasks, make_numbers, &making);
	n = scores(trainer, model, recode, values, counts);
	if (ecml_model_score_is_code(model))
		ecml_profile_category(ctx, &profile->columns[sample->width], values, counts, n);
	else
		ecml_profile_number(ctx, &profile->columns[sample->width], values, counts, n, making.most);
	profile->columns[sample->width].nulls = trainer->incomplete / all;
	for (int i = 0; i < workers; i++)
	{
		ecml_free(ctx, making.beside[i]);
		ecml_free(ctx, making.values[i]);
		ecml_free(ctx, making.counts[i]);
		ecml_free(ctx, making.scratch[i]);
	}
	return profile;
}

void
ecml_profile_write_all(EcmlWriter *w, const EcmlProfile *profile)
{
	ecml_write_f8(w, profile->effective);
	for (int j = 0; j < profile->ncolumns; j++)
		ecml_profile_write(w, &profile->columns[j]);
}

EcmlProfile *
ecml_profile_read_all(EcmlReader *r, int nfeatures)
{
	EcmlProfile *profile = ECML_NEW0(r->ctx, EcmlProfile, 1);

	if (nfeatures > MAX_FEATURES)
		ecml_read_corrupted(r, "there are more distributions than there can be");
	profile->effective = ecml_read_finite(r);
	if (!(profile->effective >= 1 && profile->effective <= 9007199254740992.0))
		ecml_read_corrupted(r, "a count of rows is out of range");
	profile->ncolumns = nfeatures + 1;
	profile->columns = ECML_NEW0(r->ctx, EcmlProfileColumn, profile->ncolumns);
	for (int j = 0; j < profile->ncolumns; j++)
		ecml_profile_read(r, &profile->columns[j]);
	return profile;
}
