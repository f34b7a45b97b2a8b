/*
 * train.c - ecml_train and ecml_retrain: source to stored model in one statement
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "core/catalog.h"
#include "core/collect.h"
#include "core/result.h"
#include "core/share.h"
#include "core/source.h"
#include "core/step.h"
#include "core/train.h"
#include "core/trainer.h"

/* Names given as features for a training of its own; n -1: none. */
static const char *const *
feature_names(ArrayType *features, int *n)
{
	const char **names;
	Datum	   *values;
	bool	   *nulls;

	*n = -1;
	if (features == NULL)
		return NULL;
	deconstruct_array(features, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, n);
	names = palloc((*n + 1) * sizeof(char *));
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the name of a feature must not be NULL"),
					 errdetail("Element %d of features is NULL.", i + 1),
					 errhint("Name columns of the source.")));
		names[i] = TextDatumGetCString(values[i]);
	}
	return names;
}

void
ecml_train_store(const char *name, const char *algorithm_name, const char *source_text, const char *target,
				 ArrayType *features, Jsonb *options, EcmlTrained *trained)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml training", ALLOCSET_DEFAULT_SIZES);
	const EcmlAlgorithm *algorithm;
	EcmlTraining *training;
	EcmlProvenance provenance = {0};
	const EcmlOwnTraining *own;
	EcmlModel  *model;
	void	   *parts = NULL;
	int64		model_id;
	instr_time	began;
	instr_time	took;
	struct varlena *body;

	INSTR_TIME_SET_CURRENT(began);
	MemoryContextSwitchTo(context);
	ecml_catalog_check_name(name);
	algorithm = ecml_algorithm_get(algorithm_name);
	own = algorithm->own;
	training = ecml_training_parse(algorithm, options, NULL);
	ecml_catalog_check_owner(name, true);

	SPI_connect();
	if (own)
	{
		EcmlRequest request = {name, source_text, target, NULL, -1};

		request.features = feature_names(features, &request.nfeatures);
		provenance.features = request.features;
		provenance.nfeatures = request.nfeatures;
		model = own->train(context, training, &request, &parts);
	}
	else
	{
		EcmlColumns columns;

		if (training->common.strategy == ECML_STRATEGY_STEP)
			model = ecml_step_train(context, training, source_text, target, features, &columns);
		else
			model = ecml_trainer_finish(ecml_collect(context, training, source_text, target, features, &columns));
		provenance.features = columns.features;
		provenance.nfeatures = columns.nfeatures;
	}
	if (algorithm->judge)
		algorithm->judge(model->fitted, model->schema);
	INSTR_TIME_SET_CURRENT(took);
	INSTR_TIME_SUBTRACT(took, began);

	provenance.source = source_text;
	provenance.target = target;
	provenance.options = options;
	provenance.seconds = INSTR_TIME_GET_DOUBLE(took);
	ecml_share_sweep();			/* what it keeps is judged by the catalog as it is before */
	body = ecml_model_write(model);
	ecml_model_verify(body);	/* what cannot be read must not take the place of what can */
	trained->version = ecml_catalog_insert(name, model, body, &provenance, &model_id);
	if (own && own->store)
		own->store(model, parts, model_id);
	SPI_finish();
	if (algorithm->flat)
		ecml_share_prepare(name);

	MemoryContextSwitchTo(caller);
	trained->algorithm = algorithm;
	trained->rows = model->rows;
	trained->skipped = model->skipped;
	trained->seconds = provenance.seconds;
	trained->metrics = ecml_json_parse(model->metrics);
	MemoryContextDelete(context);
}

/* Train, store, and give the row that describes it. */
static Datum
train(FunctionCallInfo fcinfo, const char *name, const char *algorithm, const char *source, const char *target,
	  ArrayType *features, Jsonb *options)
{
	TupleDesc	desc = ecml_composite_desc(fcinfo);
	EcmlTrained trained;
	Datum		values[7];
	bool		nulls[7] = {false};

	ecml_train_store(name, algorithm, source, target, features, options, &trained);
	values[0] = CStringGetTextDatum(name);
	values[1] = Int32GetDatum(trained.version);
	values[2] = CStringGetTextDatum(trained.algorithm->name);
	values[3] = Int64GetDatum(trained.rows);
	values[4] = Int64GetDatum(trained.skipped);
	values[5] = Float8GetDatum(trained.seconds);
	values[6] = JsonbPGetDatum(trained.metrics);
	return ecml_composite(desc, values, nulls);
}

/* An argument that must not be NULL. */
static char *
text_argument(FunctionCallInfo fcinfo, int i, const char *what)
{
	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", what),
				 errdetail("It is NULL."),
				 errhint("Call ecml_train(model, algorithm, source, target, features, options).")));
	return text_to_cstring(PG_GETARG_TEXT_PP(i));
}

PG_FUNCTION_INFO_V1(ecml_train);
PG_FUNCTION_INFO_V1(ecml_retrain);

/* ecml_train(model text, algorithm text, source text, target text, features text[], options jsonb): ecml_training */
Datum
ecml_train(PG_FUNCTION_ARGS)
{
	char	   *name = text_argument(fcinfo, 0, "the model's name");
	char	   *algorithm = text_argument(fcinfo, 1, "the algorithm");
	char	   *source = text_argument(fcinfo, 2, "the source");

	/* on a standby: before the work, not after it */
	PreventCommandIfReadOnly("ecml_train()");
	return train(fcinfo, name, algorithm, source,
				 ecml_text_argument(fcinfo, 3),
				 PG_ARGISNULL(4) ? NULL : PG_GETARG_ARRAYTYPE_P(4),
				 PG_ARGISNULL(5) ? NULL : PG_GETARG_JSONB_P(5));
}

/* ecml_retrain(model text): ecml_training */
Datum
ecml_retrain(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *algorithm;
	EcmlProvenance provenance;
	Datum	   *names;
	ArrayType  *given;
	Oid			owner;
	Oid			user;
	int			security;
	int			nest;
	Datum		result;

	PreventCommandIfReadOnly("ecml_retrain()");
	ecml_catalog_check_owner(name, false);
	ecml_catalog_provenance(name, &algorithm, &provenance, &owner);
	if (provenance.source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" was not trained from a source", name),
				 errdetail("It was stored by ecml_save."),
				 errhint("Train it with ecml_train.")));
	names = palloc((provenance.nfeatures + 1) * sizeof(Datum));
	for (int i = 0; i < provenance.nfeatures; i++)
		names[i] = CStringGetTextDatum(provenance.features[i]);
	/* features are stored as the model's schema has them; a training of its own may have none */
	given = ecml_algorithm_get(algorithm)->own && provenance.nfeatures == 0 ? NULL :
		construct_array(names, provenance.nfeatures, TEXTOID, -1, false, TYPALIGN_INT);
	/*
	 * The source is the owner's, and so must be the rights it runs with: whoever retrains for others, such as a superuser's
	 * nightly job, must not run their code with his own, nor keep what it does to settings.  As REFRESH MATERIALIZED VIEW does.
	 */
	nest = NewGUCNestLevel();
	GetUserIdAndSecContext(&user, &security);
	if (owner != user)
		SetUserIdAndSecContext(owner, security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	result = train(fcinfo, name, algorithm, provenance.source, provenance.target, given, provenance.options);
	AtEOXact_GUC(false, nest);
	SetUserIdAndSecContext(user, security);
	return result;
}
