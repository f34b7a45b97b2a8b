/*
 * clv.h - customer value without a contract: how often customers will buy, whether they still do, what a purchase is worth
 *
 * A customer is seen from the first purchase on, for age units of time; frequency counts the further purchases, recency is
 * the age at the last one (0 without any).  Parameters and their names as in the papers:
 *     BG/NBD      r, alpha (rate of buying: gamma), a, b (chance to leave after a purchase: beta)
 *     Pareto/NBD  r, alpha (rate of buying: gamma), s, beta (rate of leaving: gamma)
 *     gamma-gamma p, q, gamma (mean value of a purchase)
 */
#ifndef ECML_CLV_H
#define ECML_CLV_H

#include "num/ctx.h"

#define CLV_NODES 32

typedef struct ClvQuadrature	/* on [0, 1] */
{
	double		nodes[CLV_NODES];
	double		weights[CLV_NODES];
} ClvQuadrature;

typedef enum ClvKind
{
	CLV_BG_NBD,
	CLV_PARETO_NBD
} ClvKind;

typedef struct ClvCustomer
{
	double		frequency;		/* whole, >= 0 */
	double		recency;		/* 0 .. age */
	double		age;			/* > 0, or 0 for one who came on the last day */
	double		value;			/* mean amount of the further purchases; NaN without any */
} ClvCustomer;

/* Rows of purchases, in any order. */
typedef struct ClvPurchases
{
	size_t		n;
	int		   *customers;		/* [n] 0 .. ncustomers - 1 */
	int		   *days;			/* [n] since any day; INT32_MIN, INT32_MAX: not finite */
	double	   *amounts;		/* [n] or NULL: not known */
	double	   *rests;			/* [n] or NULL: of sums, what amounts leave of them */
	double	   *sizes;			/* [n] or NULL: of sums, that of the amounts' magnitudes */
	int			ncustomers;
} ClvPurchases;

typedef struct ClvModel
{
	ClvKind		kind;
	double		r;
	double		alpha;			/* in units of time */
	double		third;			/* a, or s */
	double		fourth;			/* b, or beta (in units of time) */
	double		log_likelihood;
	int			iterations;
	bool		converged;
	bool		determined;		/* false: a parameter ran away; the data hardly say what it is */
	ClvQuadrature quadrature;	/* Pareto/NBD */
} ClvModel;

typedef struct ClvValue
{
	double		p;
	double		q;
	double		gamma;			/* in units of money */
	double		log_likelihood;
	double		correlation;	/* of frequency and value, which the model takes for independent */
	int64_t		customers;		/* with a further purchase; below 2 nothing is fitted, and the parameters are NaN */
	int			iterations;
	bool		converged;
	bool		determined;
} ClvValue;

/* One row a customer and day, with the sum of the amounts, in this order; to be freed. */
extern ClvPurchases clv_add_up(EcmlCtx *ctx, const ClvPurchases *purchases);
extern void clv_purchases_free(EcmlCtx *ctx, ClvPurchases *purchases);

/*
 * The customers of purchases until a day (INT32_MAX: the last purchase), with times in units of so many days; in the given order
 * [ncustomers] of their numbers, without those who have no day that counts: how many.  customers, numbers [ncustomers].
 * SIZE_MAX: numbers[0] has a moment or an amount that is not finite.
 */
extern size_t clv_summarise(EcmlCtx *ctx, const ClvPurchases *purchases, const int *order, int until, double unit,
							ClvCustomer *customers, int *numbers);

/*
 * Maximum likelihood; penalizer times the sum of the squared parameters is added to the mean negative log-likelihood, with
 * time in tenths of the greatest age and money in units of the mean value.  No customer with a further purchase, or none of
 * an age above 0: ECML_DATA_EXCEPTION.
 */
extern ClvModel clv_fit(EcmlCtx *ctx, const ClvCustomer *customers, size_t n, ClvKind kind, double penalizer);
extern ClvValue clv_fit_value(EcmlCtx *ctx, const ClvCustomer *customers, size_t n, double penalizer);

/* Is the customer still there? */
extern double clv_alive(const ClvModel *model, const ClvCustomer *customer);

/* Purchases to expect within horizon units of time from now. */
extern double clv_expected(const ClvModel *model, const ClvCustomer *customer, double horizon);

/* The same, each unit's purchases discounted to now at its end: rate is that of a unit. */
extern double clv_discounted(const ClvModel *model, const ClvCustomer *customer, double horizon, double rate);

/* Mean value of the customer's purchases to come; NaN when it is not defined. */
extern double clv_expected_value(const ClvValue *value, const ClvCustomer *customer);

/* ---- between the files of clv */

typedef struct ClvTables		/* by frequency k = 0 .. most: sums over i < k */
{
	size_t		most;
	double	   *r_log;			/* ln(r + i) */
	double	   *r_slope;		/* 1 / (r + i) */
	double	   *b_log;			/* ln(b + i) - ln(a + b + i) */
	double	   *b_slope;		/* 1 / (b + i) */
	double	   *ab_slope;		/* 1 / (a + b + i) */
	ClvQuadrature quadrature;
} ClvTables;

/* Log-likelihood of a customer; gradient [4] by the parameters [4]. */
extern double clv_bgnbd_row(const double *parameters, const ClvTables *tables, const ClvCustomer *row, double *gradient);
extern double clv_pareto_row(const double *parameters, const ClvTables *tables, const ClvCustomer *row, double *gradient);

extern double clv_bgnbd_alive(const ClvModel *model, const ClvCustomer *customer);
extern double clv_pareto_alive(const ClvModel *model, const ClvCustomer *customer);

/* Purchases to expect of a customer who is still there. */
extern double clv_bgnbd_expected(const ClvModel *model, const ClvCustomer *customer, double horizon);
extern double clv_pareto_expected(const ClvModel *model, const ClvCustomer *customer, double horizon);

#endif							/* ECML_CLV_H */
