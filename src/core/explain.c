/*
 * explain.c - ecml_explain: what each feature adds to one prediction
 *
 * Of a model whose scale is a sum over its terms (EcmlAlgorithm.contributions): the contributions of a category's terms add up
 * to that of its feature, and all contributions to the prediction less the base.
 */
#include "core/compat.h"

#include <math.h>

#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/inspect.h"
#include "core/result.h"
#include "core/serve.h"
#include "core/texts.h"

static bool
contributes(const EcmlAlgorithm *algorithm)
{
	return algorithm->contributions != NULL;
}

/* How the inputs are shown. */
typedef struct Output
{
	Oid			type;			/* of the input that function was looked up for */
	FmgrInfo	function;
} Output;

typedef struct Explanation
{
	double	   *c;				/* [nterms] */
	Output	   *outputs;		/* [nfeatures] by input */
	Datum	   *names;			/* [nfeatures] */
} Explanation;

static Explanation *
begin(EcmlServing *serving)
{
	const EcmlSchema *schema = serving->model->schema;
	MemoryContext old = MemoryContextSwitchTo(serving->model_context);
	Explanation *explanation = palloc(sizeof(Explanation));

	explanation->c = MemoryContextAllocHuge(serving->model_context, (schema->nterms + 1) * sizeof(double));
	explanation->outputs = palloc0((schema->nfeatures + 1) * sizeof(Output));
	explanation->names = palloc((schema->nfeatures + 1) * sizeof(Datum));
	for (int j = 0; j < schema->nfeatures; j++)
		explanation->names[j] = CStringGetTextDatum(schema->features[j].name);
	MemoryContextSwitchTo(old);
	return serving->extra = explanation;
}

/* The text of an input's value; of an array that of its element number i. */
static Datum
show(const EcmlServing *serving, Explanation *explanation, int number, Datum value, int i)
{
	const EcmlBinder *binder = serving->binder;
	const EcmlInput *input = &binder->inputs[number];
	Output	   *output = &explanation->outputs[number];

	if (input->convert == ECML_FROM_ARRAY)
		return DirectFunctionCall1(float8out, Float8GetDatum(binder->values[input->first + i]));
	if (input->convert == ECML_FROM_CSTRING)
		return value;
	if (output->type != input->type)
	{
		Oid			function;
		bool		varlena;

		getTypeOutputInfo(input->type, &function, &varlena);
		fmgr_info_cxt(function, &output->function, serving->model_context);
		output->type = input->type;
	}
	return CStringGetDatum(OutputFunctionCall(&output->function, value));
}

/* ecml_explain(model, VARIADIC "any"): rows feature, value, contribution, base, prediction, class */
ECML_MODEL_FUNCTION(ecml_explain)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlServing *serving = ecml_serving(fcinfo, by_name);
	Explanation *explanation;
	const EcmlSchema *schema;
	const EcmlBinder *binder;
	Datum		values[6];
	bool		nulls[6] = {false};
	double		base;
	double		prediction;
	int			class = 1;

	if (serving == NULL)
		return (Datum) 0;
	if (ecml_texts_model(serving->model))
	{
		if (ecml_serving_bind(serving, fcinfo, 1))
			ecml_texts_explain(serving, rows);
		return (Datum) 0;
	}
	if (serving->model->algorithm->own)
		ecml_model_check_features(serving->model);
	if (serving->model->algorithm->contributions == NULL)
		ecml_inspect_refuse(serving->model, "ecml_explain", "model that tells what each feature adds", contributes,
							" Of any model ecml_importance(model, source) and ecml_partial_dependence tell.");
	if (!ecml_serving_bind(serving, fcinfo, 1))
		return (Datum) 0;
	explanation = serving->extra ? serving->extra : begin(serving);
	schema = serving->model->schema;
	binder = serving->binder;
	if (schema->nclasses > 2)
		class = ecml_model_class(serving->model, ecml_serving_probabilities(serving));
	serving->model->algorithm->contributions(serving->model->fitted, schema, ecml_serving_terms(serving), class, &base,
											 explanation->c);
	prediction = base;
	for (int t = 0; t < schema->nterms; t++)
		prediction += explanation->c[t];
	ecml_set_number(values, nulls, 3, base);
	ecml_set_number(values, nulls, 4, prediction);
	nulls[5] = schema->nclasses < 2;
	values[5] = nulls[5] ? (Datum) 0 : CStringGetTextDatum(schema->classes[class]);
	for (int k = 0; k < binder->ninputs; k++)
	{
		const EcmlInput *input = &binder->inputs[k];
		Datum		value = binder->whole_row ? binder->row_values[input->number] : PG_GETARG_DATUM(1 + input->number);
		bool		isnull = binder->whole_row ? binder->row_nulls[input->number] : PG_ARGISNULL(1 + input->number);

		for (int j = input->first; j < input->first + input->count; j++)
		{
			double		sum = 0;

			for (int i = 0; i < schema->features[j].terms; i++)
				sum += explanation->c[schema->features[j].first_term + i];
			values[0] = explanation->names[j];
			nulls[1] = isnull || (input->convert == ECML_FROM_ARRAY && isnan(binder->values[j]));
			values[1] = nulls[1] ? (Datum) 0 :
				CStringGetTextDatum(DatumGetCString(show(serving, explanation, k, value, j - input->first)));
			ecml_set_number(values, nulls, 2, sum);
			ecml_rows_add(rows, values, nulls);
		}
	}
	return (Datum) 0;
}
