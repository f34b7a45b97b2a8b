/*
 * prophet_internal.h - what the parts of prophet share
 */
#ifndef ECML_PROPHET_INTERNAL_H
#define ECML_PROPHET_INTERNAL_H

#include "forecast/prophet.h"

/*
 * The design.  Rows 0 .. rows-1 are the observations that are there (by rising time), rows .. rows+horizon-1 the future; an
 * observation without value is only predicted, and stands after those.  Trend in scaled time, t = (time - start) / scale:
 *     z(t) = k t + c + sum_j delta_j max(0, t - s_j)
 * is the trend itself, or what the logistic function is taken of: with Prophet's offsets gamma its exponent is the same
 * continuous line, c = -k m.
 * Unknowns: smooth ones 0 k, 1 c, 2 + f feature f (a normal prior each), then the changes delta (a Laplace prior).
 */
typedef struct ProphetDesign
{
	const ProphetParams *params;
	const ProphetInput *in;
	int			rows;
	int			total;			/* rows + missing + future */
	int			features;		/* columns of x */
	int			changes;
	int			smooth;			/* 2 + features */
	int			orders[3 + PROPHET_MAX_SEASONS];
	int			first_column;	/* of x, that belongs to in->columns[0] */
	int		   *order;			/* [total] row of the input */
	double		start;
	double		scale;
	double		y_scale;
	double		y_min;			/* minmax scaling of values without a floor */
	bool		any_multiplicative;
	double	   *mean;			/* [n_columns] of regressors that are standardised, else 0 */
	double	   *unit;			/* [n_columns] their standard deviation, else 1 */
	double	   *t;				/* [total] scaled */
	double	   *y;				/* [rows] scaled */
	double	   *cap;			/* [total] scaled, or NULL */
	double	   *x;				/* [features][total] */
	double	   *prior;			/* [features] scales */
	bool	   *multiplicative; /* [features] */
	int		  **sparse;			/* [features] rows not 0 among the observations; NULL: all may be */
	int		   *sparse_rows;	/* [features] how many */
	int		   *sparse_space;	/* [n_columns][n / PROPHET_SPARSE + 1] */
	double	   *s;				/* [changes] times of changepoints, scaled */
	int		   *segment;		/* [changes + 2] 0, the first row at or after each changepoint, rows */

	/* unknowns and what they make */
	double	   *theta;			/* [smooth + changes] */
	double		variance;		/* of the noise, scaled */
	double	   *z;				/* [total] */
	double	   *trend;			/* [total] scaled */
	double	   *factor;			/* [total] 1 + multiplicative effects */
	double	   *added;			/* [total] additive effects */

	bool		cancelled;		/* the fit is to end */

	/* space of the fit */
	int			p;				/* smooth + changes */
	double	   *gram;			/* [p][p] */
	double	   *right;			/* [p] */
	double	   *h;				/* [p][p] */
	double	   *rhs;			/* [p] */
	double	   *next;			/* [p] */
	double	   *schur;			/* [changes][changes] */
	double	   *active;			/* [changes][changes] */
	double	   *lasso;			/* [3][changes] */
	double	   *weight;			/* [rows] slope of the fit in z */
	double	   *weight_t;		/* [rows] the same times t */
	double	   *residual;		/* [rows] */
	double	   *scaled;			/* [features][rows] columns as the fit sees them; x itself when nothing multiplies */
	int		   *set;			/* [changes] active ones */
	int		   *sign;			/* [changes] */

	/* space of intervals: of logistic growth alone */
	int			half;			/* paths drawn, a multiple of 8 */
	double	   *paths;			/* [PROPHET_KNOTS][half] departures from the trend, each to be mirrored */
	double	   *drawn;			/* [2 half] values of the trend at one time */
} ProphetDesign;

/* Is the fit to end?  Once it is, it stays so. */
static inline bool
prophet_cancelled(ProphetDesign *d)
{
	return d->cancelled = d->cancelled || (d->in->cancel && d->in->cancel(d->in->cancel_arg));
}

#define PROPHET_KNOTS 24		/* times that bands are computed at; between them they are interpolated */
#define PROPHET_SPARSE 8		/* a column with at most 1 / this of its rows not 0 is kept as a list of them too */

/*
 * The law of changes of a linear trend up to a time, and noise: sums of sines, weight [n] of the odd multiples of step / 2.
 */
#define PROPHET_LAW_NODES 1024

typedef struct ProphetLaw
{
	int			n;
	double		step;
	double		reach;			/* beyond it there is next to nothing */
	double		lump;			/* probability of no change */
	double		sigma;
	double		weight[PROPHET_LAW_NODES];
} ProphetLaw;

/*
 * rate: changes a unit of time; size: their mean size; time: until then; sigma > 0 of the noise; tail: the least probability
 * beyond a quantile that is to be asked for.
 */
extern void prophet_law(ProphetLaw *law, double rate, double size, double time, double sigma, double tail);

/* p > 0.5; guess: where to start, or NaN */
extern double prophet_law_quantile(const ProphetLaw *law, double p, double guess);

extern void prophet_layout(ProphetDesign *d, Work *work, const ProphetParams *params, int n, int horizon, int n_columns);
extern ProphetStatus prophet_design(ProphetDesign *d, const ProphetParams *params, const ProphetInput *in);
extern int	prophet_write_state(const ProphetDesign *d, double *state);
extern void prophet_fit(ProphetDesign *d, ProphetOutput *out);
extern void prophet_curve(ProphetDesign *d, const double *theta, int first, int last);
extern void prophet_predict(ProphetDesign *d, ProphetOutput *out);
extern void prophet_intervals(ProphetDesign *d, ProphetOutput *out);

#endif							/* ECML_PROPHET_INTERNAL_H */
