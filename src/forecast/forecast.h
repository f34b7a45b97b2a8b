/*
 * forecast.h - what a forecasting method is: it learns parameters from one series, and forecasts with them
 *
 * Thousands of series are forecast at once, each as a task of ecml_parallel_for.  A method therefore allocates nothing, polls
 * nothing and fails never: its scratch memory is an arena whose size it has said before (memory), what goes wrong is a status,
 * and BLAS is not for it.  It keeps no state of its own, and what it computes depends on its input alone: the same input, the
 * same bits, on whichever thread.
 *
 * Fit and forecast are two steps.  fit looks for parameters: numbers that are stored with a model, checked by whoever reads
 * them.  forecast takes them as they are, runs through the values of the series, which may be more by now than fit has seen,
 * and forecasts from the end.  So a stored series is its values and its parameters; new values need no fit; and a validation
 * by rolling origins may fit once and forecast from many ends.
 *
 * To add a method: a file src/forecast/<method>.c that defines const ForecastMethod forecast_method_<method>, and a line in
 * FORECAST_METHODS below (ids are on disk: append only).  Options of its own: a struct in <method>.h that in->options points
 * to (NULL: defaults), filled by the binding.
 */
#ifndef ECML_FORECAST_H
#define ECML_FORECAST_H

#include "num/ctx.h"

#define FORECAST_MAX_SEASONS 4
#define FORECAST_MAX_LEVELS 16
#define FORECAST_LABEL 96

/*
 * X(id, name): id on disk, name in options and in forecast_method_<name>.  Taken: 1 naive, 2 seasonal_naive, 3 drift, 4 mean,
 * 5 ets, 6 theta, 7 croston, 8 sba, 9 tsb, 10 adida, 11 imapa, 12 auto, 13 prophet, 14 arima, 15 mstl, 16 tbats.
 */
#define FORECAST_METHODS(X) \
	X(1, naive) \
	X(2, seasonal_naive) \
	X(3, drift) \
	X(4, mean) \
	X(5, ets) \
	X(6, theta) \
	X(7, croston) \
	X(8, sba) \
	X(9, tsb) \
	X(10, adida) \
	X(11, imapa) \
	X(12, auto) \
	X(13, prophet) \
	X(14, arima) \
	X(15, mstl)

#define FORECAST_MAX_METHODS 32	/* ids are below */

typedef enum ForecastStatus
{
	FORECAST_OK,
	FORECAST_TOO_SHORT,			/* fewer values than the method needs */
	FORECAST_NOT_SUITED,		/* the method is not made for such values: note says why */
	FORECAST_NOT_FINITE,		/* infinite values, or a forecast that left the range of numbers */
	FORECAST_DAMAGED,			/* parameters that no fit gives */
	FORECAST_NO_MEMORY,			/* the arena is too small: memory() is wrong */
	FORECAST_CANCELLED			/* cancel said so; the series is run again, or never */
} ForecastStatus;

/* What memory() is told; everything that a series brings is at most this. */
typedef struct ForecastShape
{
	int			n;				/* values */
	int			horizon;
	int			nperiods;
	int			period;			/* the longest of the periods; 1: none */
	int			nx;				/* regressors */
	int			nlevels;
	bool		validates;		/* forecasts of parts of the series are asked for, too */
	const void *const *options; /* as in ForecastInput */
} ForecastShape;

typedef struct ForecastInput
{
	const double *y;			/* [n] one for each period of time; NaN: missing.  The first and the last are not missing */
	int			n;
	int			horizon;		/* >= 1 */
	int			nperiods;
	int			periods[FORECAST_MAX_SEASONS];	/* whole periods, ascending, each >= 2; not checked against n */
	double		season[FORECAST_MAX_SEASONS];	/* the same, exact: 365.25 for 365 */
	const int64_t *at;			/* [n + horizon] moments, microseconds from 2000-01-01 (local clock); NULL: whole-number periods */
	double		step;			/* average microseconds of a period; 0 without at */
	int			nx;
	const double *x;			/* [nx][n + horizon] regressors, the future included; NaN: not known.  NULL without */
	int			nlevels;
	double		levels[FORECAST_MAX_LEVELS];	/* of intervals, within (0, 1), ascending */
	bool		nonnegative;	/* below zero makes no sense: where a method can choose, it may use that */
	double		cap;			/* saturation of logistic growth; NaN: none.  (Forecasts are cut by the caller.) */
	double		floor;			/* NaN: none */
	uint64_t	seed;			/* of this series: for simulated intervals */
	const void *const *options; /* [FORECAST_MAX_METHODS] by method's id, entries NULL: defaults; NULL: all defaults */
	bool		(*cancel) (void *arg);	/* asked every few milliseconds of work; true: return FORECAST_CANCELLED.  NULL: never */
	void	   *cancel_arg;
} ForecastInput;

/* Parameters of a series, as they are stored. */
typedef struct ForecastFit
{
	int			form;			/* the method's own: which of its forms (as of ETS), and the like */
	int			nparams;
	double	   *params;			/* [max_params] memory is the caller's; finite, nothing else */
	double		log_likelihood; /* NaN: the method has none */
	double		aicc;			/* NaN: none.  Comparable within a method only */
	char		label[FORECAST_LABEL];	/* what was chosen: "ETS(A,Ad,M)", "ARIMA(1,1,1)(0,1,1)[12]" */
	const char *note;			/* NULL, or a constant text: what to know about it, or why the status is not OK */
} ForecastFit;

/* Memory is the caller's, and enough: NULL for what is not wanted. */
typedef struct ForecastResult
{
	double	   *mean;			/* [horizon] */
	double	   *lower;			/* [nlevels][horizon] */
	double	   *upper;			/* [nlevels][horizon] */
	double	   *fitted;			/* [n] forecasts one step ahead within the series, NaN where there is none */
	double	   *sd;				/* [horizon] standard deviation of the forecast's error; NaN: not known */
	const char *note;
} ForecastResult;

/* Scratch memory: taken from the front, given back by going back to a mark. */
typedef struct ForecastArena
{
	char	   *base;			/* aligned to ECML_ALIGN */
	size_t		size;
	size_t		used;
} ForecastArena;

static inline void *
forecast_take(ForecastArena *arena, size_t count, size_t size)
{
	size_t		bytes = (count * size + ECML_ALIGN - 1) & ~(size_t) (ECML_ALIGN - 1);
	void	   *memory = arena->base + arena->used;

	if (size > 0 && count > (SIZE_MAX / 2) / size)
		return NULL;
	if (bytes > arena->size - arena->used)
		return NULL;
	arena->used += bytes;
	return memory;
}

#define FORECAST_TAKE(arena, type, count) ((type *) forecast_take((arena), (size_t) (count), sizeof(type)))

/* What FORECAST_TAKE of that many takes: for memory(). */
static inline size_t
forecast_bytes(size_t count, size_t size)
{
	return (count * size + ECML_ALIGN - 1) & ~(size_t) (ECML_ALIGN - 1);
}

#define FORECAST_BYTES(type, count) forecast_bytes((size_t) (count), sizeof(type))

static inline bool
forecast_cancelled(const ForecastInput *in)
{
	return in->cancel && in->cancel(in->cancel_arg);
}

typedef struct ForecastMethod
{
	int			id;
	const char *name;
	size_t		(*memory) (const ForecastShape *shape);	/* bytes of arena that fit or forecast take at most */
	int			(*max_params) (const ForecastShape *shape);	/* numbers */
	ForecastStatus (*fit) (const ForecastInput *in, ForecastArena *arena, ForecastFit *fit);
	/* form, nparams, params of fit may come from anywhere: FORECAST_DAMAGED for what is none of this method's */
	ForecastStatus (*forecast) (const ForecastInput *in, const ForecastFit *fit, ForecastArena *arena, ForecastResult *result);
} ForecastMethod;

#define FORECAST_DECLARE(id, name) extern const ForecastMethod forecast_method_##name;
FORECAST_METHODS(FORECAST_DECLARE)

/* By id, or by name; NULL: none. */
extern const ForecastMethod *forecast_method_by_id(int id);
extern const ForecastMethod *forecast_method_by_name(const char *name);

/*
 * Intervals of normal errors: lower and upper [nlevels][horizon] about mean, with sd [horizon].  Normal quantiles as the
 * others have them.
 */
extern void forecast_normal_intervals(const ForecastInput *in, const double *mean, const double *sd, ForecastResult *result);

/*
 * Intervals from simulated paths: paths [npaths][horizon].  Quantiles by linear
 * interpolation.  scratch [npaths].
 */
extern void forecast_path_intervals(const ForecastInput *in, const double *paths, int npaths, double *scratch,
									ForecastResult *result);

#endif							/* ECML_FORECAST_H */
