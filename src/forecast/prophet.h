/*
 * prophet.h - trend with changepoints, Fourier seasons, holidays and regressors (Taylor and Letham 2018), by its MAP estimate
 *
 * One series a call, in scratch memory made beforehand: no allocation, no poll, no failure, so that series run as tasks.
 * Times are days since 1970-01-01 (fractions allowed), rising.
 */
#ifndef ECML_PROPHET_H
#define ECML_PROPHET_H

#include "forecast/work.h"

typedef enum ProphetGrowth
{
	PROPHET_LINEAR,
	PROPHET_LOGISTIC,			/* saturates at cap (and floor) */
	PROPHET_FLAT
} ProphetGrowth;

typedef enum ProphetStatus
{
	PROPHET_OK,
	PROPHET_TOO_FEW,			/* fewer than two observations, or all at one time */
	PROPHET_NO_CAP,				/* logistic growth, and a cap is missing or not above the floor */
	PROPHET_BAD_CHANGEPOINT,	/* outside of the observations */
	PROPHET_DAMAGED,			/* a state that no fit with these parameters gives */
	PROPHET_NOT_FINITE,			/* a value or a column is infinite, or a column is NaN where it is needed */
	PROPHET_NO_MEMORY,			/* the scratch memory is smaller than prophet_work says */
	PROPHET_CANCELLED			/* cancel said so: the output is worth nothing */
} ProphetStatus;

#define PROPHET_MAX_SEASONS 16
#define PROPHET_MAX_LEVELS 16
#define PROPHET_AUTO (-1)

typedef struct ProphetSeason
{
	double		period;			/* days */
	int			order;			/* pairs of sine and cosine; 0: none */
	double		prior_scale;
	bool		multiplicative;
} ProphetSeason;

typedef struct ProphetParams
{
	ProphetGrowth growth;
	int			n_changepoints;
	double		changepoint_range;	/* of the observations, from the first on: where they are placed */
	double		changepoint_prior_scale;
	const double *changepoints; /* [n_changepoints] times given by the user; NULL: placed */
	int			yearly;			/* order, 0: none, PROPHET_AUTO: 10 when there are two years */
	int			weekly;			/* ... 3 when there are two weeks of observations less than a week apart */
	int			daily;			/* ... 4 when there are two days of observations less than a day apart */
	bool		multiplicative; /* the three */
	double		seasonality_prior_scale;	/* of the three */
	const ProphetSeason *seasons;	/* [n_seasons] further ones */
	int			n_seasons;
	int			samples;		/* paths of the trend that intervals rest on; 0: only the noise */
	bool		minmax;			/* values are scaled to their range, not to their greatest size */
} ProphetParams;

#define PROPHET_DEFAULTS { \
	.growth = PROPHET_LINEAR, .n_changepoints = 25, .changepoint_range = 0.8, .changepoint_prior_scale = 0.05, \
	.yearly = PROPHET_AUTO, .weekly = PROPHET_AUTO, .daily = PROPHET_AUTO, .seasonality_prior_scale = 10, .samples = 1000}

/* A regressor, or a day of a holiday. */
typedef struct ProphetColumn
{
	const double *values;		/* [n + horizon] */
	double		prior_scale;
	bool		multiplicative;
	bool		holiday;
	bool		standardize;	/* unless it is constant, or 0 and 1 */
} ProphetColumn;

typedef struct ProphetInput
{
	int			n;				/* observations */
	int			horizon;		/* rows to forecast after them */
	const double *t;			/* [n + horizon] */
	const double *y;			/* [n]; NaN: missing */
	const double *cap;			/* [n + horizon]; NULL without logistic growth */
	const double *floor;		/* [n + horizon]; NULL: 0 */
	const ProphetColumn *columns;	/* [n_columns] */
	int			n_columns;
	const double *levels;		/* [n_levels] of intervals: 0.95 ... */
	int			n_levels;
	EcmlRng		rng;			/* of this series */
	const double *state;		/* [n_state] of an earlier fit, which is not made again; may come from anywhere; NULL: fit */
	int			n_state;
	bool		(*cancel) (void *arg);	/* asked every few milliseconds of a fit; NULL: never */
	void	   *cancel_arg;
} ProphetInput;

/* What the caller wants; each may be NULL. Rows count from the first observation. */
typedef struct ProphetOutput
{
	double	   *yhat;			/* [n + horizon] */
	double	   *trend;			/* [n + horizon] */
	double	   *seasons;		/* [3 + n_seasons][n + horizon]: yearly, weekly, daily, further ones; 0 where there is none */
	double	   *holidays;		/* [n + horizon] */
	double	   *regressors;		/* [n + horizon] */
	double	   *lower;			/* [n_levels][horizon] */
	double	   *upper;
	double	   *sd;				/* [horizon] of the forecast's error */
	double	   *columns;		/* [n_columns] effect of one unit of each column; of a part of the trend when multiplicative */

	/* of the fit */
	ProphetStatus status;
	int			used;			/* observations that are not missing */
	int			orders[3];		/* of yearly, weekly, daily, as they were chosen */
	int			n_changepoints;
	double		sigma;			/* of the noise, in units of y */
	double		objective;		/* -log posterior of scaled values, without constants */
	int			iterations;
	double		k;				/* rate, offset: scaled */
	double		m;
	double	   *delta;			/* [params->n_changepoints] changes of the rate; NULL: not wanted */
	double	   *changepoint_times;	/* [params->n_changepoints] days */
	double	   *state;			/* [prophet_state_size] what a later call can go on with; NULL: not wanted */
	int			n_state;
} ProphetOutput;

/* The message of bad parameters; NULL: all right. */
extern const char *prophet_check(const ProphetParams *params);

/* Bytes of scratch memory for a series of n rows and the horizon. */
extern size_t prophet_work(const ProphetParams *params, int n, int horizon, int n_columns);

/* Numbers of a state, at most. */
extern int	prophet_state_size(const ProphetParams *params, int n_columns);

extern ProphetStatus prophet_run(const ProphetParams *params, const ProphetInput *in, void *memory, size_t size,
								 ProphetOutput *out);

extern const char *prophet_status_text(ProphetStatus status);

#endif							/* ECML_PROPHET_H */
