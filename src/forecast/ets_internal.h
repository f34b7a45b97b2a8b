/*
 * ets_internal.h - the recursions of exponential smoothing, and the problem that a fit solves
 */
#ifndef ECML_FORECAST_ETS_INTERNAL_H
#define ECML_FORECAST_ETS_INTERNAL_H

#include "forecast/ets.h"

#define ETS_LANES 8				/* rows of derivatives are padded to a multiple */

/*
 * Variables of a fit, in this order, those that the form has: alpha; beta / alpha; gamma / (1 - alpha); phi; level; slope;
 * m - 1 seasons (the last one makes their sum 0, or m).  Values are scaled so that their mean absolute value is 1.
 */
typedef struct EtsProblem
{
	EtsForm		form;
	int			n;
	int			m;
	const double *y;			/* [n] scaled; NaN: missing */
	int			nvalues;		/* not missing */
	int			nvars;
	int			width;			/* nvars padded */
	int			beta;			/* places of the variables; -1: the form has none.  alpha is 0 */
	int			gamma;
	int			phi;
	int			level;
	int			slope;
	int			seasons;

	/* scratch */
	double	   *season;			/* [m] states, by t mod m */
	double	   *dlevel;			/* [width] derivatives by the variables */
	double	   *dslope;
	double	   *dq;
	double	   *df;
	double	   *dseason;		/* [m][width] */

	/* of the last pass with derivatives */
	double	   *hessian;		/* [nvars][width] Gauss-Newton's: sum of products of derivatives of residuals; upper part */
	double	   *gradient;		/* [width] */
	double	   *dlog;			/* [width] */
	double		squares;		/* sum of squared residuals (relative ones with multiplicative errors) */
	double		mean_log;		/* mean of log f; 0 with additive errors */
} EtsProblem;

/*
 * Run through the values.  Gives log of the objective, log(squares) + 2 mean_log, to be made least; INFINITY outside of the
 * form's domain.  derivs: gradient and hessian of squares * exp(2 mean_log) / 2, divided by exp(2 mean_log).
 */
extern double ets_pass(EtsProblem *problem, const double *vars, bool derivs);

/* States of a series that is run through with given parameters. */
typedef struct EtsState
{
	double		level;
	double		slope;
	double	   *season;			/* [m] by t mod m */
} EtsState;

extern ForecastStatus ets_forecast(const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena,
								   ForecastResult *result);

#endif							/* ECML_FORECAST_ETS_INTERNAL_H */
