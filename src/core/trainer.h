/*
 * trainer.h - from rows of values to a model: the one way that ecml_train, the aggregates and cross validation share
 *
 *     trainer = ecml_trainer_create(...); ecml_trainer_row(...) for each row; model = ecml_trainer_finish(trainer);
 */
#ifndef ECML_TRAINER_H
#define ECML_TRAINER_H

#include "postgres.h"

#include "core/algorithm.h"
#include "core/bind.h"
#include "core/dataset.h"
#include "core/host.h"
#include "core/model.h"
#include "core/target.h"
#include "num/reservoir.h"
#include "num/rowsample.h"

/* How ecml_train comes to its rows. */
typedef enum EcmlStrategy
{
	ECML_STRATEGY_COLLECT,		/* they come to this process */
	ECML_STRATEGY_STEP			/* aggregates over the source, again and again: step.h */
} EcmlStrategy;

/* Options of every algorithm. */
typedef struct EcmlCommonOptions
{
	int			missing;		/* EcmlMissing */
	int64		seed;			/* -1: the setting ecml.seed */
	bool		progress;
	char	   *sample_weight;	/* name of the column with the rows' weights, or NULL */
	int			calibration;	/* CLASS: EcmlCalibrationMethod */
	int			calibration_folds;
	int			strategy;		/* EcmlStrategy */
	char	   *event;			/* SURVIVAL: name of the column that tells whether the event was seen, or NULL */
} EcmlCommonOptions;

/* Options given, parsed and checked. */
typedef struct EcmlTraining
{
	const EcmlAlgorithm *algorithm;
	EcmlCommonOptions common;
	void	   *params;			/* the algorithm's */
	EcmlTargetUse target;		/* by these options */
	int			nextras;		/* columns that they name beside the features */
	const EcmlExtra *extras[ECML_MAX_EXTRAS];
	Jsonb	   *given;			/* as they came; NULL: none */
} EcmlTraining;

typedef struct EcmlTrainer
{
	const EcmlTraining *training;
	const EcmlAlgorithm *algorithm;
	MemoryContext context;		/* everything below */
	EcmlCtx		ctx;
	EcmlServerHost host;
	EcmlBinder *binder;			/* what the columns are; its dictionaries grow with the rows */
	EcmlTarget *target;			/* NULL: none */
	bool		has_w;			/* rows come with a weight beside the features */
	int			weight;			/* number of the binder's feature that is the weight, or -1 (arguments only) */
	int			extra[ECML_MAX_EXTRAS]; /* numbers of the binder's inputs that are extra columns */
	int		   *order;			/* [features and extras] where they stand in the binder; NULL: in this order */
	bool		by_value;		/* it has become a class: rows hold the value, not its number */
	EcmlTwoValues two;			/* of a target AUTO: its values in the rows */
	int64		rows;			/* used */
	int64		skipped;
	uint64		seed;

	/* what the model's profile is made of (profile.h); kept when the caller says so before the first row */
	bool		profiled;
	EcmlRowSample *sample;		/* of rows of features; NULL: none */
	double	   *nulls;			/* [nfeatures] rows that are NULL there, those left out for it among them; NULL: no profile */
	int64		incomplete;		/* rows left out because a feature is NULL */

	EcmlDataset *dataset;		/* collected rows, or NULL */
	EcmlReservoir *reservoir;	/* of an algorithm to which a sample is enough: the rows, until all have come; or NULL */
	double	   *features;		/* [features and extras] scratch: values in order; NULL before the first usable row */
	bool	   *category;		/* [nfeatures] is it one? */
	double	  **uses;			/* [nfeatures] collected categories: weight of the rows, by code */
	int		   *nuses;			/* [nfeatures] length of uses */
	double	   *class_uses;		/* the same of the target's classes */
	int			nclass_uses;

	void	   *state;			/* one pass: the kernel's, or NULL as long as there is no row */
	int			nterms;			/* terms met */
	int		  **term_of;		/* [nfeatures] of a number: its term; of a category: by code; -1: none yet */
	int		   *nterm_of;		/* [nfeatures] length of term_of */
	bool		sparse;			/* some column is a category, or holds NULLs */
	int		   *null_term;		/* [nfeatures] the term that marks NULLs; -1: none met */
	EcmlBlock	pending;		/* rows not yet absorbed */
	int			pending_capacity;	/* rows */
	int			pending_terms;	/* columns that pending has room for */
} EcmlTrainer;

/* Parse options; errors for unknown or wrong ones.  more: sets of the caller's own, ended by one without options; or NULL. */
extern EcmlTraining *ecml_training_parse(const EcmlAlgorithm *algorithm, Jsonb *options, const EcmlOptionSet *more);

/* The error for a calibration of a model without classes. */
extern void ecml_training_no_classes(const EcmlTraining *training);

/* All options with their values, as JSON text. */
extern char *ecml_training_options(const EcmlTraining *training);

/*
 * The trainer lives in context; binder and target (NULL: none) tell the columns, and their memory must live as long.
 * has_w: rows come with a weight.
 */
extern EcmlTrainer *ecml_trainer_create(MemoryContext context, const EcmlTraining *training, EcmlBinder *binder,
										EcmlTarget *target, bool has_w);

/* The task of a training whose target's use is known; target NULL: it has none. */
extern EcmlModelTask ecml_training_task(const EcmlTraining *training, const EcmlTarget *target);

/* The name of the column that one of the training's extras is. */
extern const char *ecml_training_extra(const EcmlTraining *training, int i);

/* Get ready for rows, of which the lengths of arrays are known; otherwise the first usable row does that. */
extern void ecml_trainer_begin(EcmlTrainer *trainer);

/* Where features and extra columns stand in the binder, whose arrays' lengths are known, and the weight too; done by begin. */
extern void ecml_trainer_order(EcmlTrainer *trainer);

/* Count the categories and classes of rows that came to the dataset as a whole. */
extern void ecml_trainer_count_uses(EcmlTrainer *trainer);

/* The same of so many numbers of rows in the dataset's room, before it is told that they are there. */
extern void ecml_trainer_count_room(EcmlTrainer *trainer, size_t rows);

/* All rows have come: those that were drawn from them are the dataset's; the target is a class, or a number. */
extern void ecml_trainer_end(EcmlTrainer *trainer);

/*
 * A row that was read into the binder's values.  usable: what ecml_bind_row said.  A row that must be left out is counted.
 */
extern void ecml_trainer_row(EcmlTrainer *trainer, bool usable, bool has_target, double y, bool has_weight, double w);

/* The error for more terms than the algorithm can have; names the column that makes most of them. */
extern void ecml_trainer_too_wide(const EcmlTrainer *trainer, int limit) ECML_NORETURN;

/* The error for a NULL where the option "missing" is "error"; where: "column \"price\"". */
extern void ecml_missing_error(const char *where) ECML_NORETURN;

/* An error for a weight that is negative or not finite. */
extern void ecml_trainer_check_weight(double w);

/* The same for values given directly (cross validation); missing: the first NULL feature, or -1. */
extern void ecml_trainer_values(EcmlTrainer *trainer, const double *values, int missing, double y, double w);

/* One pass: absorb pending rows, so that the state is complete and knows all terms. */
extern void ecml_trainer_flush(EcmlTrainer *trainer);
extern void ecml_trainer_settle(EcmlTrainer *trainer);

/* Fit (fit.c); the model's memory is the trainer's context. */
extern EcmlModel *ecml_trainer_finish(EcmlTrainer *trainer);

/*
 * The same in steps, for several fits to the same rows: prepare once, fit for each training, close.  What is prepared lives
 * in the trainer's context.  The trainings may differ in all that ecml_training_same_preparation does not look at.
 */
typedef struct EcmlPrepared
{
	EcmlSchema *schema;
	EcmlData   *data;			/* collected rows, as terms; NULL: one pass */
	void	   *state;			/* one pass: the kernel's, NULLs filled */
	int		   *select;			/* [schema->nterms] its terms */
	int		  **recode;			/* [nfeatures] of categories: from the binder's codes to the schema's, -1: not used; else NULL */
	double	   *mean;			/* [schema->nterms] of terms that are numbers, as values: in the rows of training */
	double	   *deviation;
} EcmlPrepared;

extern bool ecml_training_same_preparation(const EcmlTraining *a, const EcmlTraining *b);
extern EcmlPrepared *ecml_trainer_prepare(EcmlTrainer *trainer);

/* ctx: of the fit, its random numbers those of the training's seed; context: of the model. */
extern EcmlModel *ecml_trainer_fit(EcmlTrainer *trainer, const EcmlPrepared *prepared, const EcmlTraining *training,
								   EcmlCtx *ctx, MemoryContext context);

/* The collected rows as terms, for a caller that fits by itself; instead of ecml_trainer_finish. */
extern EcmlData *ecml_trainer_data(EcmlTrainer *trainer);

/* The trainer's rows are not needed any more; ecml_trainer_finish says so by itself.  NULL dataset, or twice: nothing. */
extern void ecml_trainer_close(EcmlTrainer *trainer);

/* Add the rows of another trainer of the same training (one pass). */
extern void ecml_trainer_merge(EcmlTrainer *trainer, EcmlTrainer *other);

static inline bool
ecml_trainer_weighted(const EcmlTrainer *trainer)
{
	return trainer->has_w || trainer->weight >= 0;
}

/* The number of features that are learnt from: neither the weight nor the extra columns are among them. */
static inline int
ecml_trainer_features(const EcmlTrainer *trainer)
{
	return trainer->binder->nfeatures - (trainer->weight >= 0 ? 1 : 0) - trainer->training->nextras;
}

static inline EcmlTargetUse
ecml_trainer_target(const EcmlTrainer *trainer)
{
	return trainer->target ? trainer->target->use : ECML_TARGET_NONE;
}

/* Number in the binder of feature j of the model; the extra columns follow them. */
static inline int
ecml_trainer_source(const EcmlTrainer *trainer, int j)
{
	return trainer->order ? trainer->order[j] : j;
}

#endif							/* ECML_TRAINER_H */
