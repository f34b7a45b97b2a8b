/*
 * columns_sql.h - the columns of a source by the part they play, read as keys and numbers
 */
#ifndef ECML_ROUTE_COLUMNS_SQL_H
#define ECML_ROUTE_COLUMNS_SQL_H

#include "postgres.h"
#include "fmgr.h"

#include "core/parts.h"

typedef enum RouteKind
{
	ROUTE_KEY,					/* of any type; NULL is an error */
	ROUTE_LABEL,				/* the same, but NULL is code -1 */
	ROUTE_NUMBER				/* number or boolean; NULL is NaN, and NaN an error */
} RouteKind;

typedef struct RouteColumn
{
	const char *what;			/* the part: for messages, and the name of the option */
	const char *given;			/* the column that the option names, or NULL */
	const char *const *usual;	/* names it may have */
	RouteKind	kind;
	bool		needed;
	bool		placed;			/* found by no name: the first column left that is fit */
	EcmlKeys   *keys;			/* KEY, LABEL */
	bool		known;			/* only keys that are there; others are code -1 */

	/* what is read */
	int			number;			/* of the column; -1: the source has none */
	char	   *name;			/* of it */
	int		   *codes;			/* [n] KEY, LABEL; NULL: no such column */
	double	   *numbers;		/* [n] NUMBER; the same */
} RouteColumn;

/*
 * Read a source: the number of its rows.  argument: what it is, for messages ("supply").  SPI must be connected.  Arrays come from
 * ctx; codes and numbers of columns that are not there are NULL.
 */
extern int	route_read(EcmlCtx *ctx, const char *text, const char *argument, RouteColumn *columns, int ncolumns);

/* A text argument that must not be NULL. */
extern char *route_argument(FunctionCallInfo fcinfo, int number, const char *what);

/* An error about a row: column what of key is value, and should be wanted ("at least 0 and finite"). */
extern void route_bad_number(const char *argument, const char *what, const char *key, double value, const char *wanted)
			ECML_NORETURN;

/*
 * An error unless all values are at least low, and finite if finite is true; NULL becomes usual, or is an error when that is NaN.
 * keys and codes name the rows.
 */
extern void route_check_numbers(const char *argument, RouteColumn *column, int n, double low, bool finite, double usual,
								const RouteColumn *key);

/* An error when two rows have the same key. */
extern void route_check_unique(EcmlCtx *ctx, const char *argument, const RouteColumn *key, int n);

#endif							/* ECML_ROUTE_COLUMNS_SQL_H */
