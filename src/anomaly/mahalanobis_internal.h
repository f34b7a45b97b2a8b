/*
 * mahalanobis_internal.h - passes over rows that the parts of the fit share
 */
#ifndef ECML_MAHALANOBIS_INTERNAL_H
#define ECML_MAHALANOBIS_INTERNAL_H

#include "anomaly/mahalanobis.h"

#define MD_SINGULAR 1e-11		/* of variances near 1: what is left of one is rounding */

/* Rows and what is worked out for each of them. */
typedef struct MdCloud
{
	EcmlCtx    *ctx;
	EcmlData   *data;
	int			p;				/* columns that count */
	const int  *columns;		/* [p] which */
	const double *center;		/* [data columns] they are looked at as (x - center) * unit, of deviation about 1 */
	const double *unit;
	size_t		n;				/* rows */
	double		total;			/* sum of weights */
	double	   *distance;		/* [n] squared */
	double	   *spare;			/* [n], weighted [n][2] */
	uint8_t    *keep;			/* [n] does the row count? */
	double	   *w;				/* [n] weights, or NULL */
	struct MdScratch *scratch;
} MdCloud;

typedef struct MdEstimate
{
	double	   *mean;			/* [p] */
	double	   *s;				/* [p][p] covariance, divided by the sum of weights; symmetric */
	double	   *inverse;		/* [p][p] lower triangle: L^-1, s = L L' */
	double		log_det;
} MdEstimate;

extern MdCloud *md_cloud_create(EcmlCtx *ctx, EcmlData *data, int p, const int *columns, const double *center,
								const double *unit);
extern void md_cloud_free(MdCloud *cloud);

extern MdEstimate *md_estimate_create(EcmlCtx *ctx, int p);
extern void md_estimate_free(EcmlCtx *ctx, MdEstimate *e);
extern void md_estimate_copy(MdEstimate *to, const MdEstimate *from, int p);

/* Mean and covariance of the rows kept (all: keep is not looked at); gives the sum of their weights. */
extern double md_moments(MdCloud *cloud, bool all, MdEstimate *e);

/* Factorise the covariance: inverse, log_det.  false: it is singular; bad [p] (or NULL) tells columns that depend on others. */
extern bool md_factor(EcmlCtx *ctx, MdEstimate *e, int p, bool *bad);

/*
 * Squared distances of all rows into cloud->distance: |inverse (x - mean)|^2; triangular: above the diagonal there is nothing.
 * inverse [p][p].
 */
extern void md_distances(MdCloud *cloud, const double *mean, const double *inverse, bool triangular);

/* Keep the rows of least distance until their weights reach h; equal distances in the order of rows.  Gives the greatest one. */
extern double md_keep_nearest(MdCloud *cloud, double h);

/* Keep the rows of distance below cut. */
extern void md_keep_below(MdCloud *cloud, double cut);

/* The smallest distance that rows of share or more of the weight do not exceed. */
extern double md_quantile(MdCloud *cloud, double share);

/*
 * A random sample of rows, all when there are no more than that: its values [got][columns of the data], in random order;
 * weights too, when the data have them.
 */
typedef struct MdSample
{
	size_t		rows;
	double	   *x;
	double	   *w;				/* [rows], or NULL */
} MdSample;

extern MdSample md_sample(EcmlCtx *ctx, EcmlData *data, size_t rows);

/*
 * FastMCD on columns [p] of the data: mean and covariance, as they are, of the share of the weight that makes the determinant, in
 * e (of p columns).  When most rows lie in a plane, columns that would make the determinant 0 are taken out of columns
 * and marked in majority [data columns].  Gives how many are left; 0: e is not set.
 */
extern int	md_fast_mcd(MdCloud *cloud, double share, int n_starts, int *columns, bool *majority, MdEstimate *e);

#endif							/* ECML_MAHALANOBIS_INTERNAL_H */
