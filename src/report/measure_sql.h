/*
 * measure_sql.h - the state that all aggregates of metrics share
 */
#ifndef ECML_MEASURE_SQL_H
#define ECML_MEASURE_SQL_H

#include "core/bind.h"
#include "core/state.h"
#include "num/metrics.h"

typedef enum MeasureKind		/* in the state's bytes */
{
	MEASURE_NUMBERS,			/* actual and predicted numbers; while they look like it, also scores of 0 and 1 */
	MEASURE_SCORES,				/* two classes, a score a row */
	MEASURE_LABELS				/* actual and predicted classes */
} MeasureKind;

typedef struct MeasureOptions
{
	int			task;			/* 0: by the types; else EcmlModelTask + 1 */
	double		threshold;
	char	   *positive;		/* class, or NULL: the second */
} MeasureOptions;

/* How one side of a row is read; of this call, not kept. */
typedef struct MeasureSide
{
	EcmlInput	input;
	bool		seen;
	double		value;			/* number met last, and its code */
	int			code;
} MeasureSide;

typedef struct Measure
{
	MeasureKind kind;
	bool		numeric;		/* actual classes are numbers */
	MeasureOptions options;
	int			bins;			/* of lift and calibration */
	int			binning;		/* EcmlBinning */
	double		costs[2];		/* of a false positive, of a false negative */
	int64		rows;			/* used */
	int64		skipped;		/* with NULLs */
	EcmlNumbers numbers;
	bool		binary;			/* of numbers: actual ones are 0 and 1 alone, predicted ones in [0, 1]; scores has them too */
	EcmlScores	scores;			/* of[c]: rows of class number c */
	EcmlDict   *labels;			/* classes, by code */
	double	   *confusion;		/* [capacity][capacity] rows, by actual and predicted code */
	int			capacity;
	MeasureSide sides[2];		/* actual, predicted */
} Measure;

extern const EcmlStateType measure_state_type;

/* The classes of scores that are told by a boolean, or by 0 and 1. */
extern void measure_fix_labels(Measure *m);

/*
 * The codes of the classes in their order: of numbers by value, else by bytes; palloc'd.  For scores: which is the positive
 * one; order[0] is the negative, order[1] the positive class, -1 where none was met.
 */
extern int *measure_order(const Measure *measure);
extern void measure_classes(const Measure *measure, int *order);

#endif							/* ECML_MEASURE_SQL_H */
