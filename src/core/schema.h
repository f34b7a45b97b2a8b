/*
 * schema.h - what a model knows of its columns: names, kinds, categories, fills, standardisation
 *
 * A row of values has one double a feature: the number, or the category's code (its place in the sorted list; -1: not
 * seen in training); NaN is NULL.  A row of terms is what the kernel sees: categories one-hot, NULLs filled, standardised.
 */
#ifndef ECML_SCHEMA_H
#define ECML_SCHEMA_H

#include "postgres.h"

#include "num/bytes.h"

typedef enum EcmlKind			/* on disk: append only */
{
	ECML_NUMBER,
	ECML_BOOLEAN,				/* 0 or 1 */
	ECML_TIME,					/* date, timestamp: seconds since 2000-01-01 */
	ECML_INTERVAL,				/* seconds; a month is 30 days */
	ECML_INET,					/* the address as a number; its first 64 bits for IPv6 */
	ECML_CATEGORY				/* text, enum */
} EcmlKind;

typedef enum EcmlMissing		/* on disk: append only */
{
	ECML_MISSING_SKIP,
	ECML_MISSING_IMPUTE,
	ECML_MISSING_ERROR,
	ECML_MISSING_NATIVE			/* NULLs are values like others: native algorithms only */
} EcmlMissing;

typedef struct EcmlFeature
{
	char	   *name;			/* of the column; of an array's element "name[i]" */
	EcmlKind	kind;
	int			element;		/* 0: a column; i: the i-th element of an array column */
	int			ncategories;	/* CATEGORY only */
	char	  **categories;		/* [ncategories], sorted by bytes */
	bool		drop_first;		/* the first category has no term: it is the reference */
	double		fill;			/* value in place of NULL; NaN: none */
	int			first_term;		/* number of its first term; derived */
	int			terms;			/* how many; derived */
} EcmlFeature;

typedef struct EcmlSchema
{
	int			nfeatures;
	EcmlFeature *features;
	int			nterms;
	EcmlMissing missing;
	bool		native;			/* a term a feature: its value, or its category's number (EcmlAlgorithm.native) */
	bool		plain;			/* terms are the values themselves: no dummies, no standardisation, no fill */
	double	   *shift;			/* [nterms], or NULL: term = (value - shift) * scale */
	double	   *scale;
	char	   *target;			/* its column's name; "" without one */
	char	   *event;			/* SURVIVAL: the column that tells whether the event was seen; "" without one */
	int			nclasses;		/* of a classifier */
	char	  **classes;		/* sorted: numbers as numbers, all else by bytes */
} EcmlSchema;

/* Are rows with NULLs used? */
static inline bool
ecml_missing_used(EcmlMissing missing)
{
	return missing == ECML_MISSING_IMPUTE || missing == ECML_MISSING_NATIVE;
}

/* For native kernels: how many categories each feature has, 0 for a number; [nfeatures], palloc'd. */
extern int *ecml_schema_categories(const EcmlSchema *schema);

/* Number the terms. */
extern void ecml_schema_layout(EcmlSchema *schema);

/* The terms x [nterms] of a row of values [nfeatures]. */
extern void ecml_schema_expand(const EcmlSchema *schema, const double *values, double *x);

/* "price", or "colour=red"; palloc'd. */
extern char *ecml_schema_term_name(const EcmlSchema *schema, int term);

/* The number of the feature of that name, or -1. */
extern int	ecml_schema_feature(const EcmlSchema *schema, const char *name);

/* The column that a feature comes from: its name, without "[i]" for an array's element; palloc'd. */
extern char *ecml_feature_column(const EcmlFeature *feature);

extern const char *ecml_kind_name(EcmlKind kind);

extern void ecml_schema_write(EcmlWriter *w, const EcmlSchema *schema);
extern EcmlSchema *ecml_schema_read(EcmlReader *r, bool native);

#endif							/* ECML_SCHEMA_H */
