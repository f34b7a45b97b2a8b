/*
 * inspect.c - what a model has learnt, in SQL: coefficients, importance; and what the functions that look into it share
 */
#include "core/compat.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "core/bind.h"
#include "core/guc.h"
#include "core/inspect.h"
#include "core/result.h"
#include "core/serve.h"
#include "core/source.h"
#include "core/trainer.h"

void
ecml_inspect_refuse(const EcmlModel *model, const char *function, const char *need,
					bool (*which) (const EcmlAlgorithm *algorithm), const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s needs a %s", function, need),
			 errdetail("The model's algorithm is %s.", model->algorithm->name),
			 errhint("Algorithms that make one: %s.%s", ecml_algorithm_list(which), hint)));
}

static bool
has_coefficients(const EcmlAlgorithm *algorithm)
{
	return algorithm->coefficients != NULL;
}

static bool
has_importance(const EcmlAlgorithm *algorithm)
{
	return algorithm->importance != NULL || (algorithm->contributions != NULL && !algorithm->native);
}

/* ecml_coefficients(model): rows term, estimate, std_error, statistic, p_value, conf_low, conf_high, odds_ratio, class */
ECML_MODEL_FUNCTION(ecml_coefficients)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlModel  *model = ecml_serving_model(fcinfo, by_name);
	EcmlTraining *training;
	EcmlCoefficients table;

	if (model == NULL)
		return (Datum) 0;
	if (model->algorithm->coefficients == NULL)
		ecml_inspect_refuse(model, "ecml_coefficients", "linear model", has_coefficients, "");
	training = ecml_training_parse(model->algorithm, ecml_json_parse(model->options), NULL);
	model->algorithm->coefficients(model->fitted, model->schema, training->params, &table);
	for (int i = 0; i < table.n; i++)
	{
		const EcmlCoefficient *row = &table.rows[i];
		Datum		values[9];
		bool		nulls[9] = {false};

		values[0] = CStringGetTextDatum(row->term < 0 ? "(intercept)" : ecml_schema_term_name(model->schema, row->term));
		ecml_set_number(values, nulls, 1, row->estimate);
		ecml_set_number(values, nulls, 2, row->std_error);
		ecml_set_number(values, nulls, 3, row->statistic);
		ecml_set_number(values, nulls, 4, row->p_value);
		ecml_set_number(values, nulls, 5, row->conf_low);
		ecml_set_number(values, nulls, 6, row->conf_high);
		ecml_set_number(values, nulls, 7, row->odds_ratio);
		nulls[8] = row->class < 0;
		values[8] = nulls[8] ? (Datum) 0 : CStringGetTextDatum(model->schema->classes[row->class]);
		ecml_rows_add(rows, values, nulls);
	}
	return (Datum) 0;
}

/* ecml_importance(model): rows feature, importance; the greatest first */
ECML_MODEL_FUNCTION(ecml_importance)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlModel  *model = ecml_serving_model(fcinfo, by_name);
	bool	   *told;

	if (model == NULL)
		return (Datum) 0;
	if (model->importance == NULL)
		ecml_inspect_refuse(model, "ecml_importance(model)", "model that knows what it owes to each feature", has_importance,
							" Of any model ecml_importance(model, source) tells, by permutation of the source's values.");
	told = palloc0(model->schema->nfeatures + 1);
	for (int i = 0; i < model->schema->nfeatures; i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false};
		int			next = -1;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < model->schema->nfeatures; j++)
			if (!told[j] && (next < 0 || model->importance[j] > model->importance[next]))
				next = j;
		told[next] = true;
		values[0] = CStringGetTextDatum(model->schema->features[next].name);
		values[1] = Float8GetDatum(model->importance[next]);
		ecml_rows_add(rows, values, nulls);
	}
	return (Datum) 0;
}

/* ---- rows of a source */

typedef struct Reading
{
	const EcmlModel *model;
	EcmlSourceRows *rows;
	EcmlBinder *binder;
	EcmlTarget *target;			/* NULL: none */
	double	   *row;			/* scratch: the values, then the target */
} Reading;

static void
read_row(void *arg, TupleTableSlot *slot)
{
	Reading    *reading = arg;
	int			n = reading->model->schema->nfeatures;
	double		y = 0;

	if ((reading->target && !ecml_target_read(reading->target, slot->tts_values, slot->tts_isnull, &y)) ||
		!ecml_bind_row(reading->binder, slot->tts_values, slot->tts_isnull) ||
		(reading->binder->missing >= 0 && !ecml_missing_used(reading->model->schema->missing)))
	{
		reading->rows->skipped++;
		return;
	}
	memcpy(reading->row, reading->binder->values, n * sizeof(double));
	reading->row[n] = y;
	ecml_rowsample_offer(&reading->rows->ctx, reading->rows->sample, reading->row);
}

EcmlSourceRows *
ecml_inspect_rows(MemoryContext context, const EcmlModel *model, const char *source_text, bool with_target, const char *target,
				  int limit)
{
	EcmlSourceRows *rows = MemoryContextAllocZero(context, sizeof(EcmlSourceRows));
	int			width = model->schema->nfeatures + 1;
	Reading		reading = {.model = model,.rows = rows};
	EcmlSource	source;

	rows->context = context;
	ecml_host_init(&rows->ctx, &rows->host, context, (size_t) ecml_guc_work_mem * 1024, model->seed);
	rows->sample = ecml_rowsample_create(&rows->ctx, width, false);
	rows->sample->limit = limit + limit % 2;
	reading.row = MemoryContextAllocHuge(context, width * sizeof(double));
	ecml_source_open(&source, source_text);
	if (with_target)
		reading.target = ecml_target_for_model(context, model->algorithm, model->schema, &source, target);
	reading.binder = ecml_binder_for_columns(context, model->schema, source.desc);
	ecml_source_run(&source, read_row, &reading);
	if (rows->sample->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no rows to look at"),
				 errdetail("Rows left out because of NULLs: " INT64_FORMAT ".", rows->skipped),
				 errhint("Look at what the source gives.")));
	return rows;
}

char *
ecml_inspect_label(const EcmlFeature *feature, double value)
{
	if (isnan(value))
		return NULL;
	switch (feature->kind)
	{
		case ECML_CATEGORY:
			return value >= 0 && value < feature->ncategories ? pstrdup(feature->categories[(int) value]) : NULL;
		case ECML_BOOLEAN:
			if (value == 0 || value == 1)
				return pstrdup(value == 1 ? "true" : "false");
			break;
		case ECML_TIME:
			if (fabs(value) < 1e11)
				return DatumGetCString(DirectFunctionCall1(timestamp_out, TimestampGetDatum((Timestamp) rint(value * 1e6))));
			break;
		case ECML_INTERVAL:
			if (fabs(value) < 1e11)
			{
				Interval	interval = {.time = (TimeOffset) rint(value * 1e6)};

				return DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(&interval)));
			}
			break;
		default:
			break;
	}
	return double_to_shortest_decimal(value);
}
