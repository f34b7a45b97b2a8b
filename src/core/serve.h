/*
 * serve.h - a model at hand for a call: found once per query, then kept with the call
 */
#ifndef ECML_SERVE_H
#define ECML_SERVE_H

#include "postgres.h"
#include "fmgr.h"

#include "core/bind.h"
#include "core/cache.h"
#include "core/model.h"

typedef enum EcmlQuick
{
	ECML_QUICK_NOT,
	ECML_QUICK_FLOAT8,			/* a constant name, a plain schema, arguments that are all float8 */
	ECML_QUICK_ANY				/* the same with arguments of any scalar type */
} EcmlQuick;

typedef struct EcmlServing
{
	EcmlModel  *model;
	EcmlBinder *binder;			/* of the arguments after the model, once ecml_serving_predict was called */
	double	   *terms;			/* scratch [nterms] */
	double	   *p;				/* scratch [nclasses] */
	void	   *extra;			/* the call's own, in model_context; NULL for a new model */
	struct TextCall *texts;		/* of a model that predicts from texts: its arguments (texts.h); NULL: none yet */
	MemoryContext call_context;	/* as long as the call's fn_extra */
	MemoryContext model_context;	/* binder and, for a model given as a value, the model */

	EcmlQuick	quick;			/* see ecml_predict */

	/* a model by name */
	char		name[64];
	int			name_length;
	uint64		seen[3];		/* the snapshot and role it was looked up with */
	int64		model_id;
	EcmlCached *cached;

	/* a model as a value */
	struct varlena *value;		/* the datum as it was given: to know it again */
	size_t		value_size;
} EcmlServing;

/* The model that argument 0 names (by_name) or is; kept in fn_extra.  NULL when the argument is NULL. */
extern EcmlServing *ecml_serving(FunctionCallInfo fcinfo, bool by_name);

/* The same, for a call that needs the model once; one that does not predict from features is an error. */
extern EcmlModel *ecml_serving_model(FunctionCallInfo fcinfo, bool by_name);

/* Predict for the arguments from first on; false: NULL. */
extern bool ecml_serving_bind(EcmlServing *serving, FunctionCallInfo fcinfo, int first);
extern bool ecml_serving_predict(EcmlServing *serving, FunctionCallInfo fcinfo, int first, double *result);

/*
 * The common case with nothing to decide per row: as ecml_serving_predict, for a model and arguments that were found fit for it
 * at an earlier row, which ecml_serving_remember was told.  False: not this row (a NULL, another snapshot), or not this call.
 */
extern bool ecml_serving_quick(FunctionCallInfo fcinfo, const EcmlAlgorithm *algorithm, double *result);
extern void ecml_serving_remember(EcmlServing *serving, FunctionCallInfo fcinfo, bool by_name);

/* The probabilities of the classes of the row that was bound: [nclasses], scratch. */
extern const double *ecml_serving_probabilities(EcmlServing *serving);

/* The terms of the row that was bound. */
extern const double *ecml_serving_terms(EcmlServing *serving);

/* Each function on a model exists twice: for a model's name, and for a model as a value. */
#define ECML_MODEL_FUNCTION(name) \
	static Datum name(FunctionCallInfo fcinfo, bool by_name); \
	PG_FUNCTION_INFO_V1(name##_by_name); \
	PG_FUNCTION_INFO_V1(name##_by_value); \
	Datum name##_by_name(PG_FUNCTION_ARGS) { return name(fcinfo, true); } \
	Datum name##_by_value(PG_FUNCTION_ARGS) { return name(fcinfo, false); } \
	static Datum name(FunctionCallInfo fcinfo, bool by_name)

#endif							/* ECML_SERVE_H */
