/*
 * algorithm.h - what the core knows of an algorithm: a struct of functions, made by its <method>_sql.c
 *
 * An algorithm learns in one of two ways: fit, from rows that were collected; or one_pass, from each block of rows as it
 * comes, in a state that can be merged with others.
 */
#ifndef ECML_ALGORITHM_H
#define ECML_ALGORITHM_H

#include "postgres.h"

#include "core/json.h"
#include "core/options.h"
#include "core/schema.h"
#include "num/blocks.h"

typedef enum EcmlModelTask
{
	ECML_REGRESSION,
	ECML_CLASSIFICATION,
	ECML_CLUSTERING,
	ECML_ANOMALY,
	ECML_SURVIVAL
} EcmlModelTask;

typedef enum EcmlTargetUse
{
	ECML_TARGET_NONE,			/* a target is an error */
	ECML_TARGET_NUMBER,			/* needed, a number */
	ECML_TARGET_CLASS,			/* needed: y is the class's number in the schema */
	ECML_TARGET_SURVIVAL		/* needed: y is a duration; its sign bit (of 0 as well) is set for a censored row */
} EcmlTargetUse;

struct EcmlStateType;

/* Learning block by block.  Terms are numbered in the order in which they are met; the kernel's state may grow. */
typedef struct EcmlOnePass
{
	void	   *(*create) (EcmlCtx *ctx, int terms);
	void		(*grow) (EcmlCtx *ctx, void *state, int terms);
	void		(*absorb) (EcmlCtx *ctx, void *state, const EcmlBlock *block);
	void		(*merge) (EcmlCtx *ctx, void *state, const void *source, const int *map);
	void	   *(*copy) (EcmlCtx *ctx, const void *state);
	void		(*write) (EcmlWriter *w, const void *state);
	void	   *(*read) (EcmlReader *r);
	int			(*terms) (const void *state);
	/* weighted sum of a term over all rows; of the weights for term -1 */
	double		(*sum) (const void *state, int term);
	/* of a term over all rows, by weight; about its mean */
	double		(*variance) (const void *state, int term);
	/* in every row so far, add factor times one term to another: how NULLs are filled after the fact */
	void		(*add_term) (EcmlCtx *ctx, void *state, int to, int from, double factor);
	/* fit on the terms select[0 .. n-1], in that order */
	void	   *(*fit) (EcmlCtx *ctx, const void *state, const void *params, const int *select, int n);

	/*
	 * Training by a parallel query: the aggregate (names text[], options jsonb, VARIADIC target and features) that gives
	 * a state of this type, and for how many terms at most the order of the rows does not show in the result.
	 */
	const char *aggregate;		/* qualified */
	const struct EcmlStateType *state_type;
	int			parallel_terms;
} EcmlOnePass;

/* A coefficient with its statistics; NaN where not defined. */
typedef struct EcmlCoefficient
{
	int			term;			/* number in the schema; -1: the intercept */
	int			class;			/* that it speaks for; -1: there is one equation only */
	double		estimate;
	double		std_error;
	double		statistic;
	double		p_value;
	double		conf_low;
	double		conf_high;
	double		odds_ratio;		/* exp(estimate), where that is a ratio of odds or hazards */
} EcmlCoefficient;

typedef struct EcmlCoefficients
{
	int			n;
	EcmlCoefficient *rows;		/* [n], palloc'd */
} EcmlCoefficients;

typedef struct EcmlAlgorithm
{
	int			id;				/* in src/algorithms.h; on disk */
	const char *name;
	EcmlModelTask	task;
	EcmlTargetUse target;

	const EcmlOption *options;
	size_t		params_size;
	const void *defaults;		/* [params_size] */
	const char *(*check) (const void *params);	/* NULL, or what is wrong beyond single options */

	/* collected rows; element of the dataset; the most terms, 0: as many as memory holds */
	EcmlElement element;
	int			max_terms;
	/* NULL: terms as they are; else they are shifted to mean 0, which must not matter, and when it says so scaled to 1 */
	bool		(*standardize) (const void *params);
	void	   *(*fit) (EcmlCtx *ctx, EcmlData *data, const EcmlSchema *schema, const void *params);
	/* does the first category of each column stand as reference, without a term?  NULL: no */
	bool		(*drop_first) (const void *params);

	const EcmlOnePass *one_pass;	/* NULL: fit */

	void		(*write) (EcmlWriter *w, const void *fitted);
	void	   *(*read) (EcmlReader *r, const EcmlSchema *schema);	/* checks everything */

	/* x [schema->nterms]; of a classifier of two classes: the probability of the second; not called for more */
	double		(*predict) (const void *fitted, const double *x);
	/* classifiers: p [schema->nclasses] */
	void		(*probabilities) (const void *fitted, const double *x, double *p);
	/* linear models: for ecml_coefficients; params are those of the training.  NULL: it has none */
	void		(*coefficients) (const void *fitted, const EcmlSchema *schema, const void *params, EcmlCoefficients *out);

	/*
	 * What each term adds, c [schema->nterms], to base, on the model's own scale (of a classifier of more than two classes:
	 * for that class).  NULL: it cannot tell.
	 */
	void		(*contributions) (const void *fitted, const EcmlSchema *schema, const double *x, int class, double *base,
								  double *c);
	void		(*metrics) (const void *fitted, const EcmlSchema *schema, EcmlJson *json);	/* of the training */
	void		(*judge) (const void *fitted, const EcmlSchema *schema);	/* of ecml_train: warn, or refuse; NULL: nothing to say */
	/* algorithms without a target: metrics on other rows (of terms) */
	void		(*evaluate) (EcmlCtx *ctx, EcmlData *data, const void *fitted, EcmlJson *json);
} EcmlAlgorithm;

/* By id, or by name; NULL when there is none. */
extern const EcmlAlgorithm *ecml_algorithm_by_id(int id);
extern const EcmlAlgorithm *ecml_algorithm_by_name(const char *name);

/* By name, or an error that names the nearest and lists all. */
extern const EcmlAlgorithm *ecml_algorithm_get(const char *name);

/* Their names: "a, b, c"; palloc'd. */
extern char *ecml_algorithm_list(bool (*which) (const EcmlAlgorithm *algorithm));

extern const char *ecml_task_name(EcmlModelTask task);

#endif							/* ECML_ALGORITHM_H */
