/*
 * cost.c - what a prediction costs, told to the planner
 *
 * ecml_predict, ecml_classify and ecml_probabilities are declared with the cost of a small model.  Of a model that takes much longer,
 * a network of pictures, the planner must know, or it would not share a scan among parallel workers, nor put other conditions before
 * it.  When the model is a constant of the query, its algorithm tells.
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "core/cache.h"
#include "core/catalog.h"

PG_FUNCTION_INFO_V1(ecml_prediction_cost);

/* What a call costs, as COST of CREATE FUNCTION counts; 0: as it is declared. */
static double
cost_of(const char *name)
{
	EcmlCatalogEntry entry;
	EcmlCached *cached;
	const EcmlModel *model;
	double		cost = 0;

	/* whose model it is does not matter here: the call itself will be refused */
	if (strlen(name) > ECML_NAME_LIMIT || !ActiveSnapshotSet() || !ecml_catalog_find(name, &entry))
		return 0;
	cached = ecml_cache_get(&entry);
	model = ecml_cached_model(cached);
	if (model->algorithm->own && model->algorithm->own->cost)
		cost = model->algorithm->own->cost(model);
	ecml_cache_release(cached);
	return cost;
}

/* ecml.prediction_cost(internal): internal; the planner's support function */
Datum
ecml_prediction_cost(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	Node	   *result = NULL;

	if (IsA(request, SupportRequestCost))
	{
		SupportRequestCost *asked = (SupportRequestCost *) request;
		Node	   *model = asked->node && IsA(asked->node, FuncExpr) && ((FuncExpr *) asked->node)->args != NIL ?
			linitial(((FuncExpr *) asked->node)->args) : NULL;

		if (model && IsA(model, Const) && ((Const *) model)->consttype == TEXTOID && !((Const *) model)->constisnull)
		{
			double		cost = cost_of(TextDatumGetCString(((Const *) model)->constvalue));

			if (cost > 0)
			{
				asked->startup = 0;
				asked->per_tuple = cost * cpu_operator_cost;
				result = request;
			}
		}
	}
	PG_RETURN_POINTER(result);
}
