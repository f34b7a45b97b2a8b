/*
 * stl.h - a series as trend + seasons + remainder, by local regression (STL; MSTL of several seasons)
 *
 * Nothing is allocated, polled or failed: memory is given, so that tasks of ecml_parallel_for may call all of it.  A poll is
 * due between calls; one call costs about outer * inner * n * (seasonal + low_pass + trend windows), over their jumps.
 */
#ifndef ECML_STL_H
#define ECML_STL_H

#include <stdbool.h>
#include <stddef.h>

#define ECML_MSTL_PERIODS 8

/* Windows are odd numbers of values; 0: chosen from the period, as statsmodels does. */
typedef struct EcmlStl
{
	int			period;			/* values in a season, >= 2; a series needs two seasons */
	int			seasonal;		/* window of each phase's values, in seasons; -1: the season is the same throughout */
	int			trend;			/* > period; 0: the next odd number from 1.5 period / (1 - 1.5 / seasonal) on */
	int			low_pass;		/* > period; 0: the next odd number above the period */
	int			seasonal_degree;	/* 0: locally constant, 1: locally straight */
	int			trend_degree;
	int			low_pass_degree;
	int			seasonal_jump;	/* >= 1: each jump-th point is fitted; 0: a tenth of the window, as R does */
	int			trend_jump;
	int			low_pass_jump;
	int			inner;			/* passes for each set of weights */
	int			outer;			/* times that weights are taken from the remainder; 0: not robust */
	bool		(*stop) (const void *arg);	/* asked before each pass; true: end, the result does not matter any more; NULL: never */
	const void *stop_arg;
	double		tolerance;		/* outer ends when trend and season change by less than this share of their range; 0: never */
} EcmlStl;

/* statsmodels' STL(..., robust=False) and robust=True */
#define ECML_STL_DEFAULTS {.seasonal = 7,.seasonal_degree = 1,.trend_degree = 1,.low_pass_degree = 1, \
	.seasonal_jump = 1,.trend_jump = 1,.low_pass_jump = 1,.inner = 5}
#define ECML_STL_ROBUST {.seasonal = 7,.seasonal_degree = 1,.trend_degree = 1,.low_pass_degree = 1, \
	.seasonal_jump = 1,.trend_jump = 1,.low_pass_jump = 1,.inner = 2,.outer = 15}

/* NULL, or what is wrong with the parameters for n values (a static text). */
extern const char *ecml_stl_check(const EcmlStl *stl, size_t n);

/* Doubles of scratch memory. */
extern size_t ecml_stl_scratch(const EcmlStl *stl, size_t n);

/*
 * y [n], NaN: missing (no weight; trend and season go on through the gap).  Gives trend [n], season [n] and, unless NULL,
 * weights [n] (of robustness, 0 to 1; 1 throughout when outer is 0; 0 where missing).  y may be none of them.
 */
extern void ecml_stl(const EcmlStl *stl, const double *y, size_t n, double *season, double *trend, double *weights,
					 double *scratch);

/*
 * Several seasons (Bandara, Hyndman, Bergmeir 2021): each in turn by STL on the series less the others, from the shortest on.
 * nperiods 0: a trend alone, by local regression with window stl.trend (0: the next odd number from n / 10 on, at least 7).
 */
typedef struct EcmlMstl
{
	int			nperiods;
	int			periods[ECML_MSTL_PERIODS]; /* ascending; the longest at most n / 2 */
	int			windows[ECML_MSTL_PERIODS]; /* of each one's seasonal regression; 0: 11, 15, 19 ... as statsmodels has */
	int			iterate;		/* rounds; 0: 2 (one season: 1) */
	EcmlStl		stl;			/* all but period and seasonal */
} EcmlMstl;

extern const char *ecml_mstl_check(const EcmlMstl *mstl, size_t n);
extern size_t ecml_mstl_scratch(const EcmlMstl *mstl, size_t n);

/* seasons [nperiods][n]; the rest as ecml_stl. */
extern void ecml_mstl(const EcmlMstl *mstl, const double *y, size_t n, double *seasons, double *trend, double *weights,
					  double *scratch);

#endif							/* ECML_STL_H */
