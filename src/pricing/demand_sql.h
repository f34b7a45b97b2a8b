/*
 * demand_sql.h - a source of sales read as products with demand curves: what the functions on prices share
 */
#ifndef ECML_PRICING_DEMAND_SQL_H
#define ECML_PRICING_DEMAND_SQL_H

#include "core/compat.h"
#include "core/host.h"
#include "core/options.h"
#include "pricing/demand.h"

typedef enum DemandSeason
{
	SEASON_NONE,
	SEASON_YEARLY,				/* two waves */
	SEASON_MONTH,
	SEASON_QUARTER,
	SEASON_WEEK,
	SEASON_WEEKDAY
} DemandSeason;

typedef enum DemandCross
{
	CROSS_NONE,
	CROSS_INDEX,				/* the mean price of the others of the category, by their sales */
	CROSS_PAIRS					/* the price of each of them */
} DemandCross;

#define DEMAND_MAX_PAIRS 8		/* others of a category */

typedef struct DemandOptions
{
	char	   *product;		/* columns */
	char	   *price;
	char	   *units;
	char	   *time;
	char	   *category;
	char	   *competitor;
	Jsonb	   *competitors;
	Jsonb	   *controls;		/* NULL: those of usual names */
	Jsonb	   *instruments;
	int			form;
	int			errors;
	int			season;
	int			cross;
	bool		trend;
	bool		pooling;
	double		level;			/* of intervals */
	int64		seed;
} DemandOptions;

#define DEMAND_DEFAULTS {.pooling = true, .level = 0.95}

extern const EcmlOption demand_options[];

/* A column beside those of demand (cost, stock ...): of its product the last value counts. */
typedef struct DemandExtra
{
	const char *option;			/* its name in messages */
	const char *column;			/* given; NULL: the first of the usual names, if there is one */
	const char *const *usual;
	bool		found;
} DemandExtra;

#define DEMAND_MAX_EXTRAS 12

typedef struct DemandTable
{
	MemoryContext context;		/* of all of it */
	EcmlCtx		ctx;
	EcmlServerHost host;
	const DemandOptions *options;
	DemandData	data;
	size_t		rows;
	char	  **names;			/* [products] NULL: the source has no products */
	char	  **terms;			/* [nterms] "price", the columns' names, "colour=red", "month=3" */
	int			competitors;	/* terms 1 .. competitors are competitors' prices */
	int			first_cross;	/* the first term of the category's other prices */
	int			ncross;			/* 0, 1, or the most that a category has */
	int			first_season;	/* its dummies or waves */
	int			nseason;
	int		   *bucket;			/* [nseason] of dummies: 1 to 12, ... */
	int			trend;			/* term, or -1 */
	double		trend_unit;		/* of the time in its unit */
	bool		has_time;
	bool		has_clock;		/* the time is one; else a number */
	double	   *time;			/* [rows] seconds, or numbers */
	double	   *extra;			/* [products][extras] NaN: none */
	int			extras;
	double	   *last;			/* [products][nterms] terms of the last row that has a price, NaN where unknown */
	int		   *category;		/* [products] */
	int			categories;
	double	   *weight;			/* [products] mean units, for the category's price */
	int		   *others;			/* [products][ncross] of pairs: the product of each term, or -1 */
	DemandFit  *fits;			/* [products] */
	DemandPool	pool;
} DemandTable;

/*
 * Read the source and fit it; SPI must not be connected.  Errors: no such column, a type that does not fit, values that are not
 * finite, too many terms, no rows.
 */
extern DemandTable *demand_read(const char *source, const DemandOptions *options, DemandExtra *extras, int nextras);

/* The option's number, or the value of product p in the column of extras[e]; NAN: there is none. */
extern double demand_extra_of(const DemandTable *table, const DemandExtra *extras, int e, const EcmlColumnOrNumber *option, int p);

/* Why a product has no answer: a sentence without full stop; NULL: it has one. */
extern const char *demand_note(const DemandFit *fit);

/* The season's terms at a moment (of the table's clock), into x. */
extern void demand_season_at(const DemandTable *table, double time, double *x);

/* The first of these that the source has; nothing but a lookup. */
extern const char *const demand_cost_names[];
extern const char *const demand_stock_names[];

#endif							/* ECML_PRICING_DEMAND_SQL_H */
