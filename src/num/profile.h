/*
 * profile.h - the distribution of a column, kept small, and how far other rows are from it
 *
 * Numbers: up to ECML_PROFILE_POINTS values of the column, with the shares of the rows below each and up to each: all values
 * when there are no more, else quantiles, and the values that many rows have.  Categories: the most frequent codes with their
 * shares; the rest together.  Shares are of the rows that are not NULL.
 *
 * Other rows are counted in cells: below the first point, at it, between it and the second, ...; of categories one for each
 * code kept, one for the rest, one for codes that are not known (-1).
 */
#ifndef ECML_PROFILE_H
#define ECML_PROFILE_H

#include "bytes.h"
#include "ctx.h"

#define ECML_PROFILE_POINTS 128
#define ECML_PROFILE_CATEGORIES 64

typedef struct EcmlProfileColumn
{
	bool		category;
	bool		exact;			/* numbers: the points are all values */
	float		nulls;			/* share of NULLs among all rows */
	int			n;
	double	   *points;			/* [n] ascending; of categories their codes */
	float	   *below;			/* [n] share of the rows < points[i]; NULL for categories */
	float	   *upto;			/* [n] share of the rows <= points[i]; of categories that of the code itself */
} EcmlProfileColumn;

/* values [n] without NaN, each of counts [n] rows (NULL: 1); most: points at most. */
extern void ecml_profile_number(EcmlCtx *ctx, EcmlProfileColumn *column, const double *values, const double *counts, int n,
								int most);

/* The same in a task: memory that is made before, for n values at most; scratch: so many bytes. */
extern void ecml_profile_room(EcmlCtx *ctx, EcmlProfileColumn *column, int n, int most);
extern size_t ecml_profile_scratch(int n);
extern void ecml_profile_fill(EcmlProfileColumn *column, const double *values, const double *counts, int n, int most, void *scratch);

extern void ecml_profile_category(EcmlCtx *ctx, EcmlProfileColumn *column, const double *codes, const double *counts, int n);

extern int	ecml_profile_cells(const EcmlProfileColumn *column);

/* The cell of a value, or code (-1: not known). */
extern int	ecml_profile_cell(const EcmlProfileColumn *column, double value);

typedef struct EcmlDrift
{
	double		psi;			/* population stability index over deciles (or values), NULLs a bin of their own */
	double		statistic;		/* numbers: Kolmogorov and Smirnov's D, NULL the least value; categories: chi-square */
	double		p_value;
} EcmlDrift;

/* Rows counted in cells, and NULLs (together more than 0), against the column; effective: rows that its shares stand on. */
extern EcmlDrift ecml_profile_drift(const EcmlProfileColumn *column, double effective, const double *cells, double nulls);

extern void ecml_profile_write(EcmlWriter *w, const EcmlProfileColumn *column);
extern void ecml_profile_read(EcmlReader *r, EcmlProfileColumn *column);

#endif							/* ECML_PROFILE_H */
