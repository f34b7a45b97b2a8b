/*
 * kmeans.h - k-means clustering (Lloyd 1982) with k-means++ seeding (Arthur and Vassilvitskii 2007)
 *
 * The kernel works in the space of the data it is given: whoever wants standardised columns standardises them before,
 * and presents rows to kmeans_assign in the same space.
 */
#ifndef ECML_KMEANS_H
#define ECML_KMEANS_H

#include "num/blocks.h"
#include "num/bytes.h"

typedef enum KmeansInit
{
	KMEANS_INIT_PLUSPLUS,		/* greedy k-means++ with 2 + floor(log k) candidates a step, then a short local search */
	KMEANS_INIT_RANDOM			/* k distinct rows */
} KmeansInit;

typedef struct KmeansParams
{
	int			k;				/* clusters, 1 .. 65536, default 8 */
	int			n_init;			/* starts, the best one is kept; default 3 */
	int			max_iter;		/* iterations a start, default 300 */
	double		tolerance;		/* stop when the centroids' squared shift is at most tolerance times the mean variance of
								 * the columns; default 1e-4; 0: until no row changes its cluster */
	int			init;			/* KmeansInit */
} KmeansParams;

#define KMEANS_DEFAULTS {.k = 8, .n_init = 3, .max_iter = 300, .tolerance = 1e-4, .init = KMEANS_INIT_PLUSPLUS}

typedef struct KmeansModel
{
	int			k;
	int			columns;
	double	   *centroids;		/* [k][columns], sorted by size, the largest first (ties: by first coordinate) */
	double	   *sizes;			/* [k] sum of weights (rows when there are none) */
	double		inertia;		/* weighted sum of squared distances to the nearest centroid */
	int			iterations;		/* over all rows, of the best start */
	bool		converged;		/* stopped by tolerance or because nothing changed, not by max_iter */
} KmeansModel;

/* NULL, or what is wrong with the parameters. */
extern const char *kmeans_check(const KmeansParams *params);

/*
 * Fit to data (ECML_F4, no NaN).  No rows, or fewer distinct rows than k: ECML_DATA_EXCEPTION with the numbers in the
 * detail.  The result is owned by ctx.  Same seed of the ctx, same rows in the same order: same bits, at any thread count,
 * in any memory budget that holds the sample and however much of the data is resident.
 */
extern KmeansModel *kmeans_fit(EcmlCtx *ctx, EcmlData *data, const KmeansParams *params);

/* The nearest centroid of x [columns]; its squared distance in *distance2 unless NULL. Ties: the lowest number. */
extern int	kmeans_assign(const KmeansModel *model, const double *x, double *distance2);

/*
 * How separate the clusters of data are, exactly, about the means of its own rows: Davies and Bouldin (1979), lower is
 * better, and Calinski and Harabasz (1974), higher is better.  NaN where fewer than two clusters have rows, and for Davies and
 * Bouldin with more than KMEANS_PAIRWISE clusters.
 */
#define KMEANS_PAIRWISE 10000

typedef struct KmeansDispersion
{
	double		davies_bouldin;
	double		calinski_harabasz;
} KmeansDispersion;

extern KmeansDispersion kmeans_dispersion(EcmlCtx *ctx, EcmlData *data, const KmeansModel *model);

/* Inertia, and sizes [k], of data under the model. */
extern double kmeans_score(EcmlCtx *ctx, EcmlData *data, const KmeansModel *model, double *sizes);

/*
 * Mean silhouette of a random sample of at most sample rows, each measured against all rows of the sample; weights are not
 * looked at.  In [-1, 1]; NaN when the sample meets fewer than two clusters.
 */
extern double kmeans_silhouette(EcmlCtx *ctx, EcmlData *data, const KmeansModel *model, size_t sample);

extern void kmeans_write(EcmlWriter *w, const KmeansModel *model);
extern KmeansModel *kmeans_read(EcmlReader *r, int columns);	/* checks that it has that many columns */

/* ---------------------------------------------------------------- step by step (kmeans_step.c) */

/* Sums over rows at given centroids; those of disjoint rows add up. */
typedef struct KmeansStep
{
	int			k;
	int			columns;
	double	   *centroids;		/* [k][columns] where the sums are taken */
	double		rows;
	double		inertia;
	double	   *sizes;			/* [k] rows */
	double	   *sums;			/* [k][columns] of the rows less their centroid */
} KmeansStep;

#define KMEANS_STEP_VALUES 16777216 /* k columns, at most */

extern KmeansStep *kmeans_step_new(EcmlCtx *ctx, const double *centroids, int k, int columns);
extern void kmeans_step_add(KmeansStep *step, const double *x);	/* x [columns] */
extern void kmeans_step_merge(KmeansStep *step, const KmeansStep *other);	/* of the same centroids */
extern void kmeans_step_write(EcmlWriter *w, const KmeansStep *step);
extern KmeansStep *kmeans_step_read(EcmlReader *r);

/* Lloyd's step: next [k][columns], the means of the clusters; an empty one stays.  Returns the centroids' squared shift. */
extern double kmeans_step_next(const KmeansStep *step, double *next);

/*
 * A fit by such steps from centroids [k][columns] on.  variance: the mean of the columns', for the tolerance.
 * sums(arg, step): fill step, made at its centroids, from all rows.
 */
extern KmeansModel *kmeans_step_fit(EcmlCtx *ctx, const KmeansParams *params, const double *centroids, int columns,
									double variance, void (*sums) (void *arg, KmeansStep *step), void *arg);

#endif							/* ECML_KMEANS_H */
