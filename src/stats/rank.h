/*
 * rank.h - tests that rest on ranks, or on the order of values: Mann-Whitney, Kolmogorov-Smirnov, Wilcoxon, Spearman, Kendall,
 * Levene
 *
 * Values come as arrays, which the functions sort in place; scratch memory is the ctx's.  Cost: n log n, and for exact
 * distributions what is said at each.  What is not defined is NaN.
 */
#ifndef ECML_RANK_H
#define ECML_RANK_H

#include "num/ctx.h"

typedef enum RankAlternative
{
	RANK_TWO_SIDED,
	RANK_LESS,
	RANK_GREATER
} RankAlternative;

typedef enum RankMethod
{
	RANK_AUTO,
	RANK_EXACT,
	RANK_ASYMPTOTIC
} RankMethod;

typedef struct RankParams
{
	int			alternative;	/* RankAlternative */
	int			method;			/* RankMethod */
	bool		continuity;		/* correction of the normal approximation (Mann-Whitney, Wilcoxon) */
} RankParams;

typedef struct RankResult
{
	double		statistic;
	double		p_value;
	double		effect;			/* see each */
	double		location;		/* KS: where the distance is greatest; Wilcoxon: median of the differences */
	int			sign;			/* KS: 1: the first's distribution function is above there */
	bool		exact;
	double		n;				/* Wilcoxon: differences other than 0; correlations: pairs */
} RankResult;

/*
 * Mann & Whitney 1947.  statistic U of the first; effect: the share of pairs in which the first is larger (ties count half).
 * Exact without ties, m n min(m, n) steps; RANK_AUTO: when the smaller has at most 8 values and there are no ties.
 */
extern RankResult rank_mann_whitney(EcmlCtx *ctx, double *a, size_t m, double *b, size_t n, const RankParams *params);

/*
 * Kolmogorov & Smirnov, two samples.  statistic: the greatest distance (RANK_GREATER: of the first's function above the
 * second's).  Exact: m n steps; RANK_AUTO: with at most 10,000 values in each.
 */
extern RankResult rank_ks(EcmlCtx *ctx, double *a, size_t m, double *b, size_t n, const RankParams *params);

/*
 * Wilcoxon's signed ranks 1945 of differences d, zeros left out.  statistic: the smaller sum of ranks, or for one-sided
 * alternatives the sum of the positive ones; effect: matched-pairs rank-biserial correlation.  Exact (ties allowed), n^3 / 2
 * steps: RANK_AUTO with at most 50 differences, or 13 when there are ties or zeros.
 */
extern RankResult rank_wilcoxon(EcmlCtx *ctx, double *d, size_t n, const RankParams *params);

/* Spearman's correlation of the pairs (x[i], y[i]); p by Student's t. */
extern RankResult rank_spearman(EcmlCtx *ctx, const double *x, const double *y, size_t n, const RankParams *params);

/*
 * Kendall's tau-b, by Knight's sorting 1966.  Exact without ties: RANK_AUTO with at most 33 pairs, or when all pairs but one
 * agree.
 */
extern RankResult rank_kendall(EcmlCtx *ctx, const double *x, const double *y, size_t n, const RankParams *params);

/* The median of sorted values; NaN of none. */
extern double rank_median(const double *sorted, size_t n);

#endif							/* ECML_RANK_H */
