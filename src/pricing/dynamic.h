/*
 * dynamic.h - prices over time for a stock that runs out or is left over: dynamic programming, and tables learnt from a log
 */
#ifndef ECML_PRICING_DYNAMIC_H
#define ECML_PRICING_DYNAMIC_H

#include "num/ctx.h"

#define DYNAMIC_MAX_PRICES 1000
#define DYNAMIC_MAX_PERIODS 10000
#define DYNAMIC_MAX_STOCK 1000000

typedef struct DynamicProblem
{
	int			periods;		/* >= 1 */
	int			stock;			/* lots at the beginning, >= 0 */
	int			nprices;		/* >= 1 */
	const double *price;		/* [nprices] of a unit; with only_fall descending */
	const double *mean;			/* [periods][nprices] units wanted in a period, the first period first */
	double		size;			/* of the negative binomial: variance mean + mean^2 / size; INFINITY: Poisson */
	double		cost;			/* of a unit sold */
	double		salvage;		/* of a unit left over */
	double		holding;		/* of a unit left at the end of a period */
	double		lot;			/* units in a lot: 1, more where the stock is large */
	bool		only_fall;		/* no price above the one before */
} DynamicProblem;

typedef struct DynamicSolution
{
	int			layers;			/* 1; with only_fall nprices: the price before */
	double	   *value;			/* [periods + 1][stock + 1][layers] expected from there on */
	uint16_t   *choice;			/* [periods][stock + 1][layers] number of the price */
} DynamicSolution;

#define DYNAMIC_AT(problem, solution, t, s, k) \
	(((size_t) (t) * ((problem)->stock + 1) + (s)) * (solution)->layers + (k))

/* Exact, by going back from the end.  Cost: periods * stock * nprices * (demand that may come, or stock). */
extern void dynamic_solve(EcmlCtx *ctx, const DynamicProblem *problem, DynamicSolution *solution);

/* What following the solution brings: expectations for each period. */
typedef struct DynamicStep
{
	double		price;			/* the most probable one */
	double		mean_price;		/* expected, where there is stock */
	double		stock;			/* units at the beginning */
	double		sales;
	double		revenue;
	double		left;			/* units at the end */
} DynamicStep;

/* steps [periods]; from the price of that number on. */
extern void dynamic_follow(EcmlCtx *ctx, const DynamicProblem *problem, const DynamicSolution *solution, int from, DynamicStep *steps);

/* Probabilities of demand: p [n + 1], the last one of n or more lots. */
extern void dynamic_demand(double mean, double size, double lot, int n, double *p);

/* ---- learning from a log */

typedef struct DynamicLog
{
	size_t		n;
	const int  *left;			/* [n] periods left, 1 .. periods */
	const double *stock;		/* [n] */
	const int  *price;			/* [n] number */
	const double *reward;		/* [n] */
	const double *next;			/* [n] stock afterwards */
	int			periods;
	int			nprices;
	int			bins;			/* of stock */
	double		width;			/* bin b is stock b * width to (b + 1) * width; 1: bin b is stock b */
	double		salvage;
	int			least;			/* visits that a price needs */
} DynamicLog;

typedef struct DynamicTable
{
	double	   *value;			/* [periods + 1][bins] of the best price, by periods left */
	int		   *choice;			/* [periods + 1][bins] -1: nothing was seen */
	int		   *visits;			/* [periods + 1][bins] of that price */
	double	   *sales;			/* [periods + 1][bins] mean fall of the stock */
} DynamicTable;

/* Cost: rows * 1 + periods * bins * nprices. */
extern void dynamic_learn(EcmlCtx *ctx, const DynamicLog *log, DynamicTable *table);

#endif							/* ECML_PRICING_DYNAMIC_H */
