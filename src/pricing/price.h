/*
 * price.h - the best price: of one product by any demand, of a category together
 */
#ifndef ECML_PRICING_PRICE_H
#define ECML_PRICING_PRICE_H

#include "num/ctx.h"
#include "pricing/demand.h"

#define PRICE_GRID 201			/* prices tried before the best ones are looked at closely */
#define PRICE_MAX_LADDER 100000

typedef enum PriceGoal
{
	PRICE_PROFIT,
	PRICE_REVENUE,
	PRICE_UNITS
} PriceGoal;

/* Prices that are allowed: from low to high, and of a ladder only those. */
typedef struct PriceRange
{
	double		low;
	double		high;
	const double *ladder;		/* [nladder] ascending, between low and high; NULL: every price */
	int			nladder;
} PriceRange;

typedef double (*PriceValue) (void *arg, double price);

/* The price of greatest value; *value: it.  Of equal ones the lowest. */
extern double price_best(PriceValue function, void *arg, const PriceRange *range, double *value);

/*
 * Prices from low to high that end in one of ends [nends]: below 1 in these cents (0.99), below 10 in this unit (9), else in these
 * tens (90).  Ascending into prices [room]; how many, or more than PRICE_MAX_LADDER: too many.
 */
extern size_t price_ladder(const double *ends, int nends, double low, double high, double *prices, size_t room);

/* Those of prices [n], ascending, that lie in low .. high: the first, and how many. */
extern int	price_within(const double *prices, int n, double low, double high, int *count);

/* A product to be priced by its demand curve. */
typedef struct PriceItem
{
	const DemandFit *fit;
	double	   *x;				/* [nterms] terms it is priced at, NaN: the mean; those of the category's prices are set here */
	const int  *others;			/* [ncross] of pairs: numbers of items, -1: none; NULL */
	double		weight;			/* in the mean price of its category */
	double		current;
	double		cost;
	double		stock;			/* units that can be sold over the periods; INFINITY: any number */
	PriceRange	range;

	/* results */
	double		price;
	double		interval_low;
	double		interval_high;
} PriceItem;

typedef struct PriceProblem
{
	DemandForm	form;
	int			nterms;
	int			nprices;
	int			first_cross;
	int			ncross;			/* 0: products sell independently; others NULL: one mean price */
	PriceGoal	goal;
	double		periods;		/* that the stock must last */
	int			draws;			/* for the interval; 0: none */
	double		level;
	PriceItem  *items;
	int			nitems;
	const int  *start;			/* [ngroups + 1] items of a category stand side by side */
	int			ngroups;
	uint64_t	seed;
} PriceProblem;

/* Set price and interval of every item. */
extern void price_optimise(EcmlCtx *ctx, PriceProblem *problem);

/* Units sold a period of an item (its stock looked at), all at the prices given: prices [nitems of the group], by items of the group. */
extern double price_units(const PriceProblem *problem, const PriceItem *group, int n, int i, const double *prices);

extern double price_goal(PriceGoal goal, double units, double price, double cost);

#endif							/* ECML_PRICING_PRICE_H */
