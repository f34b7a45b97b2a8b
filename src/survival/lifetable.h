/*
 * lifetable.h - what survival statistics keep of rows: counts of events and censored rows by time
 *
 * A table has a line for each distinct time, so rows of whole months or days take little; tables of disjoint rows merge by
 * adding counts, and no result depends on the order of the rows.
 */
#ifndef ECML_LIFETABLE_H
#define ECML_LIFETABLE_H

#include "num/bytes.h"

typedef struct LifetableLine
{
	double		time;			/* finite, at least 0 */
	int64_t		events;
	int64_t		censored;
} LifetableLine;

typedef struct Lifetable
{
	size_t		n;
	LifetableLine *lines;		/* [n], times ascending */
	size_t		npending;
	size_t		capacity;		/* of pending */
	double	   *pending;		/* [npending][2] rows not yet counted: time, 1 for an event or 0 */
} Lifetable;

#define LIFETABLE_MAX_GROUPS 1000

extern void lifetable_add(EcmlCtx *ctx, Lifetable *table, double time, bool event);

/* Count the pending rows. */
extern void lifetable_settle(EcmlCtx *ctx, Lifetable *table);

/* Add the rows of a settled table. */
extern void lifetable_merge(EcmlCtx *ctx, Lifetable *table, const Lifetable *other);

/* All rows; of a settled table. */
extern int64_t lifetable_rows(const Lifetable *table);

extern void lifetable_write(EcmlWriter *w, const Lifetable *table);	/* settled */
extern void lifetable_read(EcmlReader *r, Lifetable *table);

/* A point of Kaplan and Meier's curve. */
typedef struct LifetablePoint
{
	double		time;
	int64_t		at_risk;		/* rows with this time or a later one */
	int64_t		events;
	int64_t		censored;
	double		survival;		/* from this time on */
	double		std_error;		/* Greenwood's; NaN once the survival is 0 */
	double		conf_low;		/* of log(-log(survival)); NaN once the survival is 0 */
	double		conf_high;
} LifetablePoint;

/* points [table->n]; z: the normal quantile of the confidence level */
extern void lifetable_curve(EcmlCtx *ctx, const Lifetable *table, double z, LifetablePoint *points);

/* The first time at which the survival is at most level; NaN when it stays above. */
extern double lifetable_quantile(const Lifetable *table, double level);

typedef struct LogrankResult
{
	double		chi_square;		/* NaN without degrees of freedom */
	int			df;
	double		p_value;
	double	   *expected;		/* [groups] events that the groups would have with one curve for all */
	double	   *observed;		/* [groups] */
} LogrankResult;

/* Do the groups have one survival curve?  tables [groups], settled. */
extern LogrankResult lifetable_logrank(EcmlCtx *ctx, const Lifetable *const *tables, int groups);

#endif							/* ECML_LIFETABLE_H */
