/*
 * arima.h - seasonal ARIMA with regressors: likelihood, estimation, choice of the orders
 *
 * phi(B) Phi(B^s) (1-B)^d (1-B^s)^D (y_t - c x_t) = theta(B) Theta(B^s) e_t, signs as Box and Jenkins have them for phi, with
 * plus for theta (as R and statsmodels).  The constant is a mean without differences and a drift with one.
 */
#ifndef ECML_ARIMA_H
#define ECML_ARIMA_H

#include "forecast/forecast.h"
#include "forecast/work.h"

#define ARIMA_MAX_ORDER 5		/* p, q */
#define ARIMA_MAX_SEASONAL 2	/* P, Q */
#define ARIMA_MAX_DIFFERENCES 2	/* d; D at most 1 when chosen, 2 when given */
#define ARIMA_MAX_PERIOD 60		/* longer seasons are not for it: see mstl */
#define ARIMA_MAX_GAPS 64		/* missing values estimated beside the parameters; of more, the rest is interpolated */
#define ARIMA_MAX_COEFFICIENTS (2 * ARIMA_MAX_ORDER + 2 * ARIMA_MAX_SEASONAL)

typedef struct ArimaOrder
{
	int			p, d, q;
	int			P, D, Q;
	int			s;				/* period; 1: none */
	bool		constant;
} ArimaOrder;

/* When models are estimated by conditional least squares, not by the exact likelihood. */
typedef enum ArimaApproximate
{
	ARIMA_BY_LENGTH,			/* in the search through orders of long series and long seasons, as R does */
	ARIMA_EXACT,
	ARIMA_SEARCH,				/* in the search */
	ARIMA_ALL					/* the model that is left, too */
} ArimaApproximate;

typedef struct ArimaOptions
{
	bool		fixed;			/* order is given, not looked for */
	ArimaOrder	order;			/* s: 0 for the series' own */
	bool		seasonal;		/* false: P = D = Q = 0 */
	int			max_p, max_q, max_P, max_Q, max_d, max_D;
	bool		box_cox;		/* transform */
	double		lambda;			/* NaN with box_cox: chosen (Guerrero 1993) */
	int			approximate;	/* ArimaApproximate */
} ArimaOptions;

#define ARIMA_DEFAULTS {.seasonal = true, .max_p = 5, .max_q = 5, .max_P = 2, .max_Q = 2, .max_d = 2, .max_D = 1}

/* A model with its polynomials multiplied out. */
typedef struct ArimaPoly
{
	int			p;				/* degrees */
	int			q;
	int			r;				/* max(p, q + 1) */
	double	   *phi;			/* [r + 1] phi[i] of lag i + 1; 0 beyond */
	double	   *theta;			/* [r + 1] */
} ArimaPoly;

/* Scratch memory of one series. */
typedef struct ArimaWork
{
	int			max_r;
	int			max_columns;
	int			n;				/* most values */
	ArimaPoly	poly;
	double	   *steps;			/* [max_r][max_r] of Durbin's recursion */
	double	   *gamma;			/* [2 max_r + 4] autocovariances */
	double	   *gamma_x;
	double	   *psi;
	double	   *gain;			/* [max_r] */
	double	   *change;			/* [max_r + n + 1] W of the recursion, moving */
	double	   *state;			/* [max_columns][n + max_r + 1] */
	double	   *innovation;		/* [max_columns][n] */
	double	   *columns;		/* [max_columns][n] differenced: y first */
	double	   *raw;			/* [max_columns][n] not differenced */
	double	   *scale;			/* [n] sqrt F */
	double	   *gram;			/* [max_columns][max_columns] */
	double	   *beta;			/* [max_columns] of columns 1 .. */
	int		   *gaps;			/* [ARIMA_MAX_GAPS] */
	double	   *space;			/* [n] */
	double	   *css;			/* [6][n] of conditional least squares */
} ArimaWork;

/* A series made ready for one (d, D). */
typedef struct ArimaData
{
	ArimaWork  *w;
	int			n;				/* values */
	int			rows;			/* after differences */
	int			columns;		/* 1 + gaps + regressors + 1: y, pulses at gaps, regressors, the constant (last) */
	int			gaps;
	int			nx;
	ArimaOrder	order;
	const ForecastInput *in;
} ArimaData;

typedef struct ArimaFit
{
	ArimaOrder	order;
	double		u[ARIMA_MAX_COEFFICIENTS];	/* before the transform that keeps roots outside */
	double		coefficients[ARIMA_MAX_COEFFICIENTS];	/* phi, theta, Phi, Theta */
	double		sigma2;
	double		log_likelihood;
	double		aicc;			/* infinite: not to be chosen */
} ArimaFit;

/* The orders that a fit has chosen; false: it is none of ARIMA's. */
extern bool arima_order_of(const ForecastFit *fit, ArimaOrder *order);

extern void arima_layout(ArimaWork *w, Work *work, int n, int period, int nx);

/* arima_poly.c */
extern void arima_to_coefficients(const ArimaOrder *order, const double *u, double *coefficients);
extern void arima_expand(const ArimaOrder *order, const double *coefficients, ArimaPoly *poly);
extern bool arima_start_covariance(ArimaWork *w, double *first);
extern bool arima_roots_clear(const ArimaPoly *poly, double radius, double *space);

/* arima_filter.c */
extern double arima_filter(ArimaWork *w, int rows, const int *use, int nuse);
extern double arima_profile(ArimaData *data, double *sigma2);

/* arima_fit.c */
extern void arima_prepare(ArimaData *data, const double *y, const ArimaOrder *order);
extern bool arima_estimate(ArimaData *data, ArimaFit *fit, const double *start);
extern bool arima_judge(ArimaData *data, ArimaFit *fit);

/* arima_css.c */
extern bool arima_approximate(ArimaData *data, ArimaFit *fit, const double *start);

/* arima_order.c */
extern int	arima_differences(const double *y, int n, int max, double *space);
extern bool arima_search(ArimaData *data, const double *y, const ArimaOptions *options, int d, int D, int s, bool approximate, ArimaFit *best);

#endif							/* ECML_ARIMA_H */
