/*
 * target.h - what a model learns: a number, a class, or the time to an event
 *
 * A row's target is one double y: the number; the code of the class, in the order in which classes were met until the fit
 * sorts them; or the duration, its sign bit set when the row is censored.
 */
#ifndef ECML_TARGET_H
#define ECML_TARGET_H

#include "core/algorithm.h"
#include "core/bind.h"
#include "core/source.h"

#define ECML_MAX_CLASSES 1000

/* A number's magnitude: its square, and a sum of many, is finite; and as a float, for what works with those. */
#define ECML_TARGET_MOST 1e150
#define ECML_TARGET_MOST_F4 1e15

typedef struct EcmlTarget
{
	EcmlTargetUse use;
	MemoryContext context;
	char	   *name;			/* of the column, or "y" of an argument */
	EcmlInput	input;			/* how its values are read */
	double		most;			/* the magnitude of a NUMBER */
	bool		has_event;
	EcmlInput	event;			/* SURVIVAL: the column that tells whether the event was seen */

	/* CLASS, and AUTO of a number */
	bool		learning;		/* new labels are added; else they have the code -1 */
	EcmlDict   *labels;			/* by code */
	double	   *numbers;		/* [labels->n] classes that are numbers: their values */
	int			capacity;		/* of numbers */
	int			last;			/* the code met last */
} EcmlTarget;

/* What tells whether a number is a class: the first two values of the rows that are used, by weight. */
typedef struct EcmlTwoValues
{
	int			n;				/* 3: there are more than two */
	double		value[2];
	double		use[2];
} EcmlTwoValues;

static inline void
ecml_two_values_add(EcmlTwoValues *two, double y, double w)
{
	for (int i = 0; i < two->n && i < 2; i++)
		if (two->value[i] == y)
		{
			two->use[i] += w;
			return;
		}
	if (two->n < 2)
	{
		two->value[two->n] = y;
		two->use[two->n] = w;
	}
	if (two->n < 3)
		two->n++;
}

/* The use of a model's target. */
extern EcmlTargetUse ecml_target_use(const EcmlAlgorithm *algorithm, const EcmlSchema *schema);

/*
 * All rows of a target AUTO that is a number were seen: from now on it is CLASS, the classes numbered by value, or NUMBER.  The
 * values of the rows are put in order.
 */
extern void ecml_target_resolve(EcmlTarget *target, EcmlTwoValues *two);

/* The column of that name, fit for the use that options have chosen; event: name of that column, or NULL.  NULL for an algorithm without target. */
extern EcmlTarget *ecml_target_column(MemoryContext context, const EcmlAlgorithm *algorithm, EcmlTargetUse use,
									  const EcmlSource *source, const char *name, const char *event);

/* The same for a model that is there: its classes are known; the target's name may be another (NULL: the same). */
extern EcmlTarget *ecml_target_for_model(MemoryContext context, const EcmlAlgorithm *algorithm, const EcmlSchema *schema,
										 const EcmlSource *source, const char *name);

/* The arguments of an aggregate from number first on: a target, and of SURVIVAL the event after it. */
extern EcmlTarget *ecml_target_arguments(MemoryContext context, EcmlTargetUse use, FunctionCallInfo fcinfo, int first);

/* A number, read by the caller. */
extern EcmlTarget *ecml_target_number(MemoryContext context, const char *name);

/* Read it from a row of values; false: it is NULL.  Values that are not finite and durations below 0 are errors. */
extern bool ecml_target_read(EcmlTarget *target, const Datum *values, const bool *nulls, double *y);

/* The same from numbers, or booleans, that were read already; event: 1 when there is none. */
extern double ecml_target_value(EcmlTarget *target, double value, double event);

/* The code of a class by its label, and of classes that are numbers by that. */
extern int	ecml_target_add_class(EcmlTarget *target, const char *label, double number);

/* How many arguments of an aggregate it takes. */
extern int	ecml_target_count(EcmlTargetUse use);

/*
 * The classes of weight above 0 in uses [nuses], sorted: numbers as numbers, all else by bytes.  recode [labels->n]: from
 * codes to places in that list, -1: not used.
 */
extern char **ecml_target_classes(const EcmlTarget *target, const double *uses, int nuses, int *nclasses, int *recode);

/* An error for a target that is not finite. */
extern void ecml_target_not_finite(const char *what, const char *name, double value);

#endif							/* ECML_TARGET_H */
