/*
 * algorithm.h - what the core knows of an algorithm: a struct of functions, made by its <method>_sql.c
 *
 * An algorithm learns in one of two ways: fit, from rows that were collected; or one_pass, from each block of rows as it
 * comes, in a state that can be merged with others.
 */
#ifndef ECML_ALGORITHM_H
#define ECML_ALGORITHM_H

#include "postgres.h"
#include "fmgr.h"

#include "core/json.h"
#include "core/options.h"
#include "core/schema.h"
#include "num/blocks.h"
#include "num/bytes.h"
#include "num/flat.h"
#include "num/text.h"

typedef enum EcmlModelTask
{
	ECML_REGRESSION,
	ECML_CLASSIFICATION,
	ECML_CLUSTERING,
	ECML_ANOMALY,
	ECML_SURVIVAL,
	ECML_RECOMMENDATION,
	ECML_FORECASTING,
	ECML_TOPICS,
	ECML_GENERATION,
	ECML_SEARCH
} EcmlModelTask;

typedef enum EcmlTargetUse
{
	ECML_TARGET_NONE,			/* a target is an error */
	ECML_TARGET_NUMBER,			/* needed, a number */
	ECML_TARGET_CLASS,			/* needed: y is the class's number in the schema */
	ECML_TARGET_SURVIVAL,		/* needed: y is a duration; its sign bit (of 0 as well) is set for a censored row */
	ECML_TARGET_AUTO			/* needed: a class, if it is a text, an enum, a boolean, or a number of two values; else a number */
} EcmlTargetUse;

/*
 * A column beside features, target and weight that an option names: not needed in prediction, not in the schema.  Those that are
 * named come as columns behind the terms, in the order of the list (ecml_extra_column).  A row where one is NULL is left out.
 */
typedef enum EcmlExtraKind
{
	ECML_EXTRA_FLAG,			/* a boolean, or 0 and 1 */
	ECML_EXTRA_GROUP			/* a number below 2^24 that rows of a group have in common; it says nothing else */
} EcmlExtraKind;

#define ECML_MAX_EXTRAS 4

typedef struct EcmlExtra
{
	const char *option;			/* NULL ends the list */
	size_t		offset;			/* in the parameters: char *, the column's name or NULL */
	EcmlExtraKind kind;
} EcmlExtra;

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

struct EcmlModel;
struct EcmlServing;
struct EcmlTraining;
struct TreeForest;

/* What ecml_train was asked for. */
typedef struct EcmlRequest
{
	const char *model;			/* its name */
	const char *source;
	const char *target;			/* NULL: none given */
	const char *const *features;	/* [nfeatures] names */
	int			nfeatures;		/* -1: none given */
} EcmlRequest;

/* Takes what a part of a prediction's inputs adds to a class's score: the feature it is of, what it is, how much. */
typedef void (*EcmlPartFunction) (void *arg, int feature, const char *part, int length, double contribution);

/* Classifiers that learn from texts row by row, and predict from one text a feature (core/texts.h). */
typedef struct EcmlTextClassifier
{
	/* classes are numbered as they come; finish: recode [given] from these numbers to those of the schema, -1: not used */
	void	   *(*begin) (EcmlCtx *ctx, const void *params);
	void		(*row) (EcmlCtx *ctx, void *fit, const EcmlText *texts, int n, int class, double weight);
	void	   *(*finish) (EcmlCtx *ctx, void *fit, int classes, const int *recode, int given);

	/* a call's scratch, in the ctx's memory, and the probabilities p [classes] of a row of n texts */
	void	   *(*open) (EcmlCtx *ctx, const void *fitted);
	void		(*probabilities) (void *call, const EcmlText *texts, int n, double *p);
	/* what each term of the texts adds to the score of a class, on the model's own scale; gives the rest of that score */
	double		(*explain) (void *call, const EcmlText *texts, int n, int class, EcmlPartFunction part, void *arg);
} EcmlTextClassifier;

/*
 * A training of its own, for a source of another shape than features and target: interactions of users with items, series.
 * The verbs (ecml_train, ecml_retrain, ecml_evaluate, and all that manages models) are the same; those that predict from
 * features, or validate over folds of rows, refuse the model.
 */
typedef struct EcmlOwnTraining
{
	/*
	 * From the source to a model made by ecml_model_begin in context, with rows, skipped, fitted and metrics.  SPI is
	 * connected; the source is to be run by core/source.h, so that it only reads, with the caller's rights.  parts: handed to
	 * store, of the caller's memory.
	 */
	struct EcmlModel *(*train) (MemoryContext context, const struct EcmlTraining *training, const EcmlRequest *request,
								void **parts);
	/*
	 * What stands beside the model in tables of the extension, once the catalog has it under model_id; NULL: nothing does.
	 * They refer to ecml.model with ON DELETE CASCADE.
	 */
	void		(*store) (const struct EcmlModel *model, void *parts, int64 model_id);
	/* ecml_evaluate: metrics on a source, into json of the caller's memory; model_id 0: a model given as a value */
	void		(*evaluate) (const struct EcmlModel *model, int64 model_id, const char *source, Jsonb *options, EcmlJson *json);
	const char *use;			/* what to call instead of ecml_predict, for a hint: "ecml_recommend" */
	/*
	 * ecml_predict, ecml_classify, ecml_probabilities from the arguments from first on, which are no features (a picture): out
	 * [ecml_model_outputs]; false: NULL.  NULL: it does not predict so.
	 */
	bool		(*predict) (struct EcmlServing *serving, FunctionCallInfo fcinfo, int first, double *out);
	void		(*describe) (const struct EcmlModel *model, EcmlJson *json);	/* more for ecml_model_info; NULL: nothing */
	/* what a prediction costs, in about 25 nanoseconds (as COST of CREATE FUNCTION); NULL: as it is declared */
	double		(*cost) (const struct EcmlModel *model);
	/* more lists of options that fill the parameters: sets [ECML_OWN_SETS], gives their number; NULL: none */
	int			(*sets) (void *params, EcmlOptionSet *sets);
	const EcmlTextClassifier *texts;	/* it learns classes from texts, by core/texts.h; NULL: it does not */
} EcmlOwnTraining;

#define ECML_OWN_SETS 4

struct EcmlStepSource;

/* Training by aggregates over the source, which may be elsewhere ("strategy": "step"; core/step.h). */
typedef struct EcmlStepTraining
{
	/* the name of an option that is given and not possible so; NULL: all is well */
	const char *(*refuse) (const void *params);
	void	   *(*fit) (EcmlCtx *ctx, struct EcmlStepSource *source, const EcmlSchema *schema, const void *params);
} EcmlStepTraining;

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
	EcmlModelTask	task;		/* with target_for that of a model without classes; see ecml_model_task */
	EcmlTargetUse target;		/* with target_for: ECML_TARGET_AUTO */
	EcmlTargetUse (*target_for) (const void *params);	/* NULL: the target is always of that use */
	const EcmlExtra *extras;	/* NULL: none */

	/*
	 * Trees: a term is a feature's value, of a category its number in the schema (-1: not seen in training), NaN for NULL.
	 * Datasets are relative to EcmlData.origin.  "missing" has the choice "native", which is the default.
	 */
	bool		native;

	const EcmlOption *options;
	size_t		params_size;
	const void *defaults;		/* [params_size] */
	const char *(*check) (const void *params);	/* NULL, or what is wrong beyond single options */

	/* collected rows; element of the dataset; the most terms, 0: as many as memory holds */
	EcmlElement element;
	int			max_terms;
	/* how many rows are enough: of more, as many are drawn at random while they come (num/reservoir.h); NULL: all are kept */
	int64		(*sample) (const void *params, int nfeatures);
	/* NULL: terms as they are; else they are shifted to mean 0, which must not matter, and when it says so scaled to 1 */
	bool		(*standardize) (const void *params);
	void	   *(*fit) (EcmlCtx *ctx, EcmlData *data, const EcmlSchema *schema, const void *params);
	/* does the first category of each column stand as reference, without a term?  NULL: no */
	bool		(*drop_first) (const void *params);

	const EcmlOnePass *one_pass;	/* NULL: fit */
	const EcmlStepTraining *step;	/* NULL: it cannot learn step by step */
	const EcmlOwnTraining *own; /* instead of both, and of all that predicts; NULL: it learns from features */

	void		(*write) (EcmlWriter *w, const void *fitted);
	void	   *(*read) (EcmlReader *r, const EcmlSchema *schema);	/* checks everything */
	/* the walk over what is read, so that sessions can share it (num/flat.h, core/share.h); NULL: each reads its own */
	void	   *(*flat) (EcmlFlat *flat, void *fitted);

	/* x [schema->nterms]; of a classifier of two classes: the probability of the second; not called for more */
	double		(*predict) (const void *fitted, const double *x);
	/* classifiers: p [schema->nclasses] */
	void		(*probabilities) (const void *fitted, const double *x, double *p);
	/*
	 * The same for n rows, row i from x + i * stride on: out [n], of classifiers [n][nclasses]; NULL: row by row.  ctx: for threads
	 * and polls; memory of it is given back.
	 */
	void		(*predict_block) (EcmlCtx *ctx, const void *fitted, const double *x, size_t stride, int n, double *out);
	/* anomaly detection: a row is one when its prediction is above it */
	double		(*threshold) (const void *fitted);
	/* linear models: for ecml_coefficients; params are those of the training.  NULL: it has none */
	void		(*coefficients) (const void *fitted, const EcmlSchema *schema, const void *params, EcmlCoefficients *out);

	/*
	 * What each term adds, c [schema->nterms], to base, on the model's own scale (of a classifier of more than two classes:
	 * for that class).  NULL: it cannot tell.
	 */
	void		(*contributions) (const void *fitted, const EcmlSchema *schema, const double *x, int class, double *base,
								  double *c);
	/* of each feature, [schema->nfeatures], for ecml_importance(model); NULL: a linear model's by its contributions, or none */
	void		(*importance) (const void *fitted, const EcmlSchema *schema, double *importance);
	/* the trees of a tree model (src/tree/tree_forest.h), for ecml_tree_rules; NULL, or the result NULL: it has none of that form */
	const struct TreeForest *(*trees) (const void *fitted);
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

/* The same, but an error for one with a training of its own: what wants rows of features cannot use it. */
extern const EcmlAlgorithm *ecml_algorithm_of_features(const char *name, const char *function);

/* Their names: "a, b, c"; palloc'd. */
extern char *ecml_algorithm_list(bool (*which) (const EcmlAlgorithm *algorithm));

extern const char *ecml_task_name(EcmlModelTask task);

/* Of a model: one with classes classifies, one without does what the algorithm says. */
extern EcmlModelTask ecml_model_task(const EcmlAlgorithm *algorithm, const EcmlSchema *schema);

/* The column of the data that an option names, or -1: the option is not given. */
extern int	ecml_extra_column(const EcmlAlgorithm *algorithm, const EcmlSchema *schema, const void *params, const char *option);

#endif							/* ECML_ALGORITHM_H */
