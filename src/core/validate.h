/*
 * validate.h - fits and their metrics over the folds of rows that are held once
 *
 *     ecml_validation_open(&v, ...); ecml_validation_run(&v, trials, n, 1);
 *     ... ecml_validation_summary(&v, trials[i], ...); ecml_validation_close(&v);
 */
#ifndef ECML_VALIDATE_H
#define ECML_VALIDATE_H

#include "utils/tuplestore.h"

#include "core/collect.h"
#include "core/folds.h"
#include "core/result.h"

/* Options of a training, and what became of it. */
typedef struct EcmlTrial
{
	const EcmlTraining *training;
	const char *label;			/* what errors call it; NULL: it is the only one */
	Jsonb	  **metrics;		/* [nmetrics] of its folds, those of the first repeat first */
	int			nmetrics;
	int64		rows;			/* that took part in its folds */
	double		seconds;		/* of its fits and their evaluation */
	ErrorData  *error;			/* what stopped it, or NULL */
} EcmlTrial;

typedef struct EcmlTextFolds EcmlTextFolds;

typedef struct EcmlValidation
{
	MemoryContext context;
	EcmlCtx		ctx;
	EcmlServerHost host;
	EcmlFolds  *folds;
	EcmlColumns columns;
	ArrayType  *features;		/* as given, or all columns without another part; NULL: none has one beside the target */
	bool		skip_missing;	/* no trial can use rows with NULLs */
	EcmlTwoValues two;			/* of a target AUTO: its values */
	bool		by_value;		/* the target of the rows is a class's value, not its number */
	EcmlDataset *dataset;		/* all rows: values, then the extra one of the folds */
	int64		skipped;
	bool		forgiving;		/* a trial that fails stops alone */
	double		done;			/* fits so far, for progress */
	double		total;

	EcmlInput	key;			/* cross prediction: a column that is kept beside the rows */
	FmgrInfo	key_output;
	Tuplestorestate *keys;		/* its text, by row; NULL: none */
	TupleDesc	key_desc;
	TupleTableSlot *key_slot;
	EcmlRows   *predictions;	/* where they go; NULL: rows are evaluated instead */

	EcmlTextFolds *texts;		/* the rows, when the algorithm learns from texts; dataset is then of places alone, or NULL */
} EcmlValidation;

/* Read the rows.  context: of everything; key: name of a column, or NULL; progress: what to call the work, or NULL. */
extern void ecml_validation_open(EcmlValidation *v, MemoryContext context, const EcmlFoldOptions *options,
								 const EcmlTraining *training, uint64 seed, const char *source, const char *target,
								 ArrayType *features, const char *key, bool skip_missing, const char *progress);

/* Train and evaluate trials that have no error yet, on all folds; share: of the rows. */
extern void ecml_validation_run(EcmlValidation *v, EcmlTrial **trials, int n, double share);

/* Mean and deviation of the metrics over the folds; details: and those of each fold. */
extern Jsonb *ecml_validation_summary(const EcmlValidation *v, const EcmlTrial *trial, bool details);

/* Mean and deviation of one metric; false: no fold has it. */
extern bool ecml_trial_metric(const EcmlTrial *trial, const char *name, double *mean, double *sd);

/* Close its files. */
extern void ecml_validation_close(EcmlValidation *v);

/* The algorithm of that name, which learns from features or texts, or an error that names the function. */
extern const EcmlAlgorithm *ecml_validation_algorithm(const char *name, const char *function);

/* The error for an algorithm whose fits cannot be compared. */
extern void ecml_validation_refuse(const EcmlAlgorithm *algorithm);

/* An error when the algorithm, the source, or argument 4 (third: what it is; NULL: nothing that is needed) is NULL. */
extern void ecml_validation_need(FunctionCallInfo fcinfo, const char *third, const char *call);

#endif							/* ECML_VALIDATE_H */
