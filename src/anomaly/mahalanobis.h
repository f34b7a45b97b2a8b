/*
 * mahalanobis.h - anomalies by the distance from the centre of the rows, measured by their own covariance
 *
 * Robust: minimum covariance determinant by FastMCD (Rousseeuw and Van Driessen 1999).  The score of a row is its squared
 * distance d'S^-1 d, which for normal rows follows chi-square with as many degrees of freedom as there are terms.
 *
 * The kernel works in the space of the data it is given, which is best of mean 0 and deviation 1 (only ridge and the
 * limits of singularity depend on it).
 */
#ifndef ECML_MAHALANOBIS_H
#define ECML_MAHALANOBIS_H

#include "num/blocks.h"
#include "num/bytes.h"

#define MAHALANOBIS_TERMS 2048	/* the most */

typedef struct MahalanobisParams
{
	bool		robust;			/* false: mean and covariance of all rows */
	double		support_fraction;	/* of the rows that make the determinant, 0.5 .. 1; 0: (n + terms + 1) / 2 of n, the most robust */
	double		level;			/* threshold: this quantile of chi-square */
	double		contamination;	/* threshold: so that this share of the rows of training lies above; 0: by level */
	double		ridge;			/* added to the diagonal of the correlations; < 0: 1e-6, and only if they are singular */
	int			n_starts;		/* random starts; 0: 500, fewer from 30 terms on */
} MahalanobisParams;

#define MAHALANOBIS_DEFAULTS {.robust = true,.level = 0.975,.ridge = -1}

typedef enum MahalanobisState	/* of a term; on disk */
{
	MAHALANOBIS_TERM,
	MAHALANOBIS_CONSTANT,		/* has one value only: left out */
	MAHALANOBIS_MAJORITY,		/* one value, or a relation to others, holds in most rows: no part in the determinant */
	MAHALANOBIS_TANGLED,		/* depends linearly on others */
	MAHALANOBIS_STATES
} MahalanobisState;

typedef struct MahalanobisModel
{
	int			terms;
	double	   *location;		/* [terms] */
	double	   *scale;			/* [terms] deviation; 0: the term is left out */
	double	   *root;			/* [terms][terms] inverse square root of the correlations; symmetric */
	uint8_t    *states;			/* [terms] MahalanobisState */
	double		threshold;		/* of the squared distance */
	int			df;				/* rank of the covariance */
	double		log_det;		/* of the covariance, without what ridge adds; of terms as they came */
	double		ridge;			/* that was added */
	bool		robust;			/* false also when there were too few rows, or no term fit for it */
	double		rows;			/* sum of weights */
	double		support;		/* of the rows that location and covariance are taken from */
	double		determinant;	/* of those that make the determinant; rows when not robust */
	double		anomalies;		/* of the rows of training above the threshold */
	double	   *blame;			/* [terms] what each term adds to the distance of those, on average; of a sample of them */
} MahalanobisModel;

/* NULL, or what is wrong with the parameters. */
extern const char *mahalanobis_check(const MahalanobisParams *params);

/*
 * Fit to data (ECML_F8, no NaN).  No rows, or one: ECML_DATA_EXCEPTION.  tangled terms and ridge 0: the model has df < the terms
 * that are not constant, and distances within the space of the rows alone.  Same seed, rows, order: same bits.
 */
extern MahalanobisModel *mahalanobis_fit(EcmlCtx *ctx, EcmlData *data, const MahalanobisParams *params);

/* The squared distance of x [terms]; infinity is allowed in x. */
extern double mahalanobis_distance(const MahalanobisModel *model, const double *x);

/*
 * What each term adds, c [terms], none below 0, to the squared distance (Garthwaite and Koch 2016): the square of the standardised
 * variable that is uncorrelated with the others, and of all such the most like the term.
 */
extern void mahalanobis_contributions(const MahalanobisModel *model, const double *x, double *c);

extern void mahalanobis_write(EcmlWriter *w, const MahalanobisModel *model);
extern MahalanobisModel *mahalanobis_read(EcmlReader *r, int terms);

#endif							/* ECML_MAHALANOBIS_H */
