/*
 * folds.h - which rows a fold trains on, and which it tests
 *
 * Rows come in one order, always the same.  A cursor tells each row's part in a fold from the row's target and its
 * extra value (the code of its group, or its time), in memory that does not grow with the rows.
 */
#ifndef ECML_FOLDS_H
#define ECML_FOLDS_H

#include "core/bind.h"
#include "core/dataset.h"
#include "core/options.h"
#include "core/source.h"
#include "core/target.h"

typedef enum EcmlSplit
{
	ECML_SPLIT_RANDOM,			/* each run of k rows has one of each fold */
	ECML_SPLIT_STRATIFIED,		/* the same among the rows of each class */
	ECML_SPLIT_GROUP,			/* rows of a group stay together */
	ECML_SPLIT_TIME				/* train on what is earlier, test on the next stretch */
} EcmlSplit;

typedef struct EcmlFoldOptions
{
	int			folds;
	int			repeats;
	int			split;			/* EcmlSplit; -1: by the other options and the algorithm */
	char	   *group;			/* name of a column, or NULL */
	char	   *time;
	double		gap;			/* TIME: how long before a test training ends, in seconds or the column's units */
} EcmlFoldOptions;

#define ECML_FOLD_DEFAULTS {.folds = 5, .repeats = 1, .split = -1}
#define ECML_MAX_FOLDS 1000

extern const EcmlOption ecml_fold_options[];

typedef enum EcmlPart
{
	ECML_PART_NONE,
	ECML_PART_TRAIN,
	ECML_PART_TEST
} EcmlPart;

typedef struct EcmlFolds
{
	EcmlFoldOptions options;	/* split decided */
	bool		undecided;		/* stratified if the target turns out to have classes, else random */
	EcmlCtx    *ctx;
	MemoryContext context;
	uint64		seed;
	EcmlInput	column;			/* of groups, or times */
	FmgrInfo	output;			/* of groups that are neither numbers nor texts: their text */
	int64		rows;
	int			classes;		/* of the target that rows have; 1 without classes */

	int			nclasses;		/* of rows as they are dealt; RANDOM: 1 */
	int64	   *class_rows;		/* [nclasses] */
	int		   *class_offset;	/* [nclasses] where the deal of rows begins that are left over after full runs */

	EcmlDict   *groups;			/* GROUP: by code */
	int64	   *group_rows;		/* [groups->n] */
	int			group_capacity;
	uint16	   *group_fold;		/* [groups->n] in the present repeat */

	double	   *bounds;			/* TIME [folds]: the first time of each test stretch */
} EcmlFolds;

/* Decide how to split the rows of a source; errors for options that do not go together. */
extern EcmlFolds *ecml_folds_create(EcmlCtx *ctx, MemoryContext context, const EcmlFoldOptions *options,
									const EcmlAlgorithm *algorithm, EcmlTargetUse use, const EcmlSource *source, uint64 seed);

/*
 * A target AUTO has turned out to be of n classes, with so many rows (0: a number), which until then were counted as of class 0.
 */
extern void ecml_folds_classes(EcmlFolds *folds, const EcmlAlgorithm *algorithm, const int64 *class_rows, int n);

/* Do rows have an extra value? */
static inline bool
ecml_folds_extra(const EcmlFolds *folds)
{
	return folds->options.split >= ECML_SPLIT_GROUP;
}

/* The number of the column that is no feature unless it is named; -1: none. */
static inline int
ecml_folds_column(const EcmlFolds *folds)
{
	return ecml_folds_extra(folds) ? folds->column.number : -1;
}

/* Read a row's extra value; false: it is NULL, so that the row has no place. */
extern bool ecml_folds_read(EcmlFolds *folds, TupleTableSlot *slot, double *extra);

/* A row will be used.  label: the code of a classifier's target, else 0. */
extern void ecml_folds_count(EcmlFolds *folds, int label, double extra);

/* All rows are there; extra: its column in the dataset.  Errors for too few rows, groups or times. */
extern void ecml_folds_complete(EcmlFolds *folds, EcmlData *data, int extra);

/* Deal for repeat number 0, 1, ... */
extern void ecml_folds_deal(EcmlFolds *folds, int repeat);

typedef struct EcmlFoldCursor
{
	const EcmlFolds *folds;
	int			fold;
	uint64		sample;			/* rows whose hash is not below it have no part; 0: all have one */
	uint64		row;
	EcmlRng		rng;			/* of the repeat */
	int64	   *dealt;			/* [nclasses] rows of the class so far */
	int		   *order;			/* [nclasses][folds] the folds of the present run */
} EcmlFoldCursor;

/* A cursor before the first row; share: of all rows that take part, by a hash of their number. */
extern void ecml_fold_cursor_init(EcmlFoldCursor *cursor, const EcmlFolds *folds, int repeat, int fold, double share);

/* The part of the next row. */
extern EcmlPart ecml_fold_cursor_next(EcmlFoldCursor *cursor, int label, double extra);

#endif							/* ECML_FOLDS_H */
