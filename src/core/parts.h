/*
 * parts.h - the columns of a source that play a part, read into arrays: keys, days and numbers
 *
 * Keys are of any type, and get numbers in the order in which they come (keys.h).  Days are those of dates and timestamps, with a
 * time zone those of UTC.  Numbers are all that is one double: numbers, booleans, times in seconds.
 *
 * Columns of all rows of a plain heap table are read by threads from the pages where they lie; keys of other types than integers and
 * texts are not.  All other sources (queries that do more, foreign and partitioned tables, row security, temporary and tiny tables,
 * serialisable transactions) are run, and read row by row.  Rows, their order and every bit are the same either way, at any number
 * of threads.  The caller's rights are checked before a page is looked at, as they are when a source is run.
 *
 * Arrays come from ctx, counted against its budget; it is polled every few thousand rows.  A row is odd that has a NULL in a part
 * that is not needed, a number that is NaN or too large, or a moment that is not finite: the caller's function says what becomes of it.
 */
#ifndef ECML_PARTS_H
#define ECML_PARTS_H

#include "core/bind.h"
#include "core/keys.h"
#include "core/source.h"
#include "num/ctx.h"

typedef enum EcmlPartKind
{
	ECML_PART_KEY,
	ECML_PART_DAY,
	ECML_PART_NUMBER
} EcmlPartKind;

typedef struct EcmlPart
{
	/* given */
	int			number;			/* of the source's column; -1: it has none, and nothing is read */
	EcmlPartKind kind;
	EcmlKeys   *keys;			/* KEY; parts may share them */
	bool		needed;			/* rows where it is NULL are left out */
	bool		known;			/* KEY: others than are there already get -1 */
	bool		single;			/* NUMBER: kept in single precision */
	double		most;			/* NUMBER: what is NaN or of a greater magnitude is odd */

	/* what is read: arrays [rows] */
	int		   *codes;			/* KEY: its number, -1 for NULL; DAY: days from 2000-01-01 on */
	double	   *numbers;		/* NUMBER; NaN for NULL */
	float	   *singles;		/* the same, if single */

	/* of the present row, for the function of odd rows */
	bool		isnull;
	double		value;			/* NUMBER; DAY: infinite, or finite */

	/* the reader's own */
	EcmlInput	input;
	EcmlKeyColumn key;
	int			place;			/* among the columns that are read: of the source's, or of the table's */
} EcmlPart;

/* Is an odd row kept?  row: how many were kept before it.  It may raise an error. */
typedef bool (*EcmlOddFunction) (void *arg, size_t row);

/*
 * Read the parts of a source that has been opened: the number of rows kept; *skipped: of all others, left out or not kept.  SPI must
 * be connected.  A part's column must be fit for its kind: ecml_role_check.
 */
extern size_t ecml_parts_read(EcmlCtx *ctx, EcmlSource *source, EcmlPart *parts, int nparts, EcmlOddFunction odd, void *arg,
							  size_t *skipped);

/* Would threads read them? */
extern bool ecml_parts_by_threads(EcmlSource *source, EcmlPart *parts, int nparts);

/* The day of a date or timestamp, as a part has it; infinite where that is. */
extern double ecml_part_day(const EcmlInput *input, Datum value);

#endif							/* ECML_PARTS_H */
