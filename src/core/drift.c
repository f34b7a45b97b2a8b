/*
 * drift.c - ecml_drift: how far the rows of a source are from those that a model was trained on
 *
 * One pass; memory for counts in the cells of the model's profile (num/profile.h), whatever the source's size.
 */
#include "core/compat.h"

#include <math.h>

#include "utils/memutils.h"

#include "core/bind.h"
#include "core/inspect.h"
#include "core/result.h"
#include "core/serve.h"
#include "core/source.h"

typedef struct DriftOptions
{
	double		psi;
	double		p_value;
} DriftOptions;

static const EcmlOption drift_options[] = {
	ECML_OPT_FLOAT(DriftOptions, psi, "psi", 0, INFINITY),
	ECML_OPT_FLOAT(DriftOptions, p_value, "p_value", 0, 1),
	ECML_OPT_END
};

typedef struct Counting
{
	const EcmlModel *model;
	EcmlBinder *binder;
	double	  **cells;			/* [ncolumns] rows in each cell; only rows that training would use */
	double	   *nulls;			/* [ncolumns] rows without the value */
	double		rows;
	double		used;
	double	   *x;				/* scratch */
	double	   *p;
} Counting;

static void
count(Counting *counting, int column, double value)
{
	if (isnan(value))
		counting->nulls[column]++;
	else
		counting->cells[column][ecml_profile_cell(&counting->model->profile->columns[column], value)]++;
}

static void
count_row(void *arg, TupleTableSlot *slot)
{
	Counting   *counting = arg;
	const EcmlModel *model = counting->model;
	int			n = model->schema->nfeatures;
	const double *values = counting->binder->values;
	bool		incomplete;

	if (!ecml_bind_row(counting->binder, slot->tts_values, slot->tts_isnull))
		return;
	counting->rows++;
	incomplete = counting->binder->missing >= 0 && !ecml_missing_used(model->schema->missing);
	for (int j = 0; j < n; j++)
		if (!incomplete || isnan(values[j]))
			count(counting, j, values[j]);
	count(counting, n, incomplete ? NAN : ecml_model_score(model, values, counting->x, counting->p));
	counting->used += !incomplete;
}

static void
no_profile(const EcmlModel *model)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the model does not know the distribution of its training data"),
			 errdetail(model->schema->nfeatures > 1000 ?
					   "It has too many features, or was made by an aggregate, which keeps none." :
					   "It was made by an aggregate, which keeps none."),
			 errhint("Train it with ecml_train.")));
}

/* Count the rows of the source. */
static void
count_source(Counting *counting, MemoryContext context, const EcmlModel *model, const char *source_text)
{
	const EcmlProfile *profile = model->profile;
	EcmlSource	source;

	counting->model = model;
	counting->cells = palloc(profile->ncolumns * sizeof(double *));
	counting->nulls = palloc0(profile->ncolumns * sizeof(double));
	for (int j = 0; j < profile->ncolumns; j++)
		counting->cells[j] = palloc0(ecml_profile_cells(&profile->columns[j]) * sizeof(double));
	counting->x = MemoryContextAllocHuge(context, (model->schema->nterms + 1) * sizeof(double));
	counting->p = palloc((model->schema->nclasses + 1) * sizeof(double));
	SPI_connect();
	ecml_source_open(&source, source_text);
	counting->binder = ecml_binder_for_columns(context, model->schema, source.desc);
	ecml_source_run(&source, count_row, counting);
	SPI_finish();
	if (counting->rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no rows to compare"),
				 errdetail("The source gave none."),
				 errhint("Look at what the source gives.")));
}

/* ecml_drift(model, source text, options jsonb): rows feature, psi, statistic, p_value, drifted */
ECML_MODEL_FUNCTION(ecml_drift)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlModel  *model = ecml_serving_model(fcinfo, by_name);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	DriftOptions options = {.psi = 0.1,.p_value = 0.01};
	EcmlOptionSet set = {drift_options, &options};
	Counting	counting = {0};

	if (model == NULL || PG_ARGISNULL(1))
		return (Datum) 0;
	context = AllocSetContextCreate(caller, "ecml drift", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	ecml_options_parse("ecml_drift", PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), &set, 1);
	if (model->profile == NULL)
		no_profile(model);
	count_source(&counting, context, model, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	MemoryContextSwitchTo(context);
	for (int j = 0; j < model->profile->ncolumns; j++)
	{
		const EcmlProfileColumn *column = &model->profile->columns[j];
		int			ncells = ecml_profile_cells(column);
		EcmlDrift	drift = {NAN, NAN, NAN};
		Datum		values[5];
		bool		nulls[5] = {false};

		/* rows left out for a NULL elsewhere count as those that are complete */
		for (int i = 0; i < ncells && counting.used > 0 && j < model->schema->nfeatures; i++)
			if (!ecml_missing_used(model->schema->missing))
				counting.cells[j][i] *= (counting.rows - counting.nulls[j]) / counting.used;
		if (counting.used > 0 || counting.nulls[j] > 0)
			drift = ecml_profile_drift(column, model->profile->effective, counting.cells[j], counting.nulls[j]);
		values[0] = CStringGetTextDatum(j < model->schema->nfeatures ? model->schema->features[j].name : "(prediction)");
		ecml_set_number(values, nulls, 1, drift.psi);
		ecml_set_number(values, nulls, 2, drift.statistic);
		ecml_set_number(values, nulls, 3, drift.p_value);
		values[4] = BoolGetDatum(drift.psi > options.psi && drift.p_value < options.p_value);
		ecml_rows_add(rows, values, nulls);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
