/*
 * facts_sql.h - rows of a source as names and numbers by their parts: a price, a stock, a mean demand
 */
#ifndef ECML_PRICING_FACTS_SQL_H
#define ECML_PRICING_FACTS_SQL_H

#include "core/compat.h"
#include "core/options.h"
#include "core/source.h"

typedef struct Fact
{
	const char *what;			/* the option that names the column */
	const char *column;			/* given; NULL: the first of the usual names */
	const char *const *usual;
	bool		needed;
	int			number;			/* of the source's column, -1: there is none; set by facts_read */
} Fact;

typedef struct Facts
{
	size_t		n;
	char	  **names;			/* [n] NULL: none */
	double	   *values;			/* [n][nfacts] NaN: NULL, or no such column */
} Facts;

/* Does the source have a column of one of these names?  SPI must not be connected. */
extern bool facts_has(const char *source, const char *given, const char *what, const char *const *usual);

/* SPI must not be connected; memory of the present context.  Errors: no such column, no number, not finite. */
extern Facts facts_read(const char *source, const char *product, Fact *facts, int nfacts);

/* The numbers of a jsonb array, each within low .. high; palloc'd.  NULL: none is given. */
extern double *facts_numbers(Jsonb *list, const char *option, const char *function, double low, double high, int *n);

/* Sort and leave out what is there twice; how many stay. */
extern int	facts_distinct(double *values, int n, bool descending);

extern const char *const facts_product_names[];
extern const char *const facts_price_names[];

#endif							/* ECML_PRICING_FACTS_SQL_H */
