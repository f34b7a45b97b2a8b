/*
 * elasticity_sql.c - ecml_elasticity: how units answer to prices, a row a product
 */
#include "pricing/demand_sql.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/json.h"
#include "core/result.h"
#include "core/source.h"
#include "num/dist.h"

/* Estimate, error and interval of a term, on the scale of elasticities. */
static void
set_estimate(Datum *values, bool *nulls, int column, const DemandFit *fit, int k, int j, double level)
{
	double		se = sqrt(fit->v[j * k + j]);
	double		t = ecml_t_isf((1 - level) / 2, fit->interval_df);

	ecml_set_number(values, nulls, column, fit->b[j]);
	ecml_set_number(values, nulls, column + 1, se);
	ecml_set_number(values, nulls, column + 2, fit->b[j] - t * se);
	ecml_set_number(values, nulls, column + 3, fit->b[j] + t * se);
}

/* Every term as the form has it, without scaling: {"price": {"estimate": .., "std_error": ..}, ...} */
static Jsonb *
terms_of(const DemandTable *table, int p)
{
	const DemandFit *fit = &table->fits[p];
	int			k = table->data.nterms;
	EcmlJson   *json = ecml_json_object();

	for (int j = 0; j < k; j++)
	{
		const char *name = table->terms[j];
		double		scale = fit->y_scale / fit->x_scale[j];
		int			other = j - table->first_cross;

		if (isnan(fit->b[j]))
			continue;
		if (table->options->cross == CROSS_PAIRS && other >= 0 && other < table->ncross)
		{
			other = table->others[p * table->ncross + other];
			if (other < 0)
				continue;
			name = psprintf("price of %s", table->names[other] ? table->names[other] : "");
		}
		ecml_json_open_object(json, name);
		ecml_json_number(json, "estimate", fit->b[j] * scale);
		ecml_json_number(json, "std_error", sqrt(fit->v[j * k + j]) * fabs(scale));
		if (j < table->data.nprices && !demand_logs_price(table->data.form))
			ecml_json_number(json, "elasticity", fit->b[j]);
		ecml_json_close_object(json);
	}
	return ecml_json_finish(json);
}

PG_FUNCTION_INFO_V1(ecml_elasticity);

/* ecml_elasticity(source, options): a row a product */
Datum
ecml_elasticity(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	DemandOptions options = DEMAND_DEFAULTS;
	EcmlOptionSet set = {demand_options, &options};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	DemandTable *table;
	int			k;

	context = AllocSetContextCreate(caller, "ecml elasticity", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	ecml_options_parse("ecml_elasticity", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	table = demand_read(ecml_source_argument(fcinfo, 0), &options, NULL, 0);
	k = table->data.nterms;
	for (int p = 0; p < table->data.products; p++)
	{
		const DemandFit *fit = &table->fits[p];
		Datum		values[21];
		bool		nulls[21] = {false};
		const char *note = demand_note(fit);
		double		se = sqrt(fit->v[0]);

		CHECK_FOR_INTERRUPTS();
		nulls[0] = table->names[p] == NULL;
		values[0] = nulls[0] ? (Datum) 0 : CStringGetTextDatum(table->names[p]);
		set_estimate(values, nulls, 1, fit, k, 0, options.level);
		ecml_set_number(values, nulls, 5, 2 * ecml_t_sf(fabs(fit->b[0] / se), fit->interval_df));
		ecml_set_number(values, nulls, 6, fit->own_b[0]);
		ecml_set_number(values, nulls, 7, fit->own_se[0]);
		values[8] = Float8GetDatum(fit->shrinkage);
		for (int c = 9; c < 16; c++)
			nulls[c] = true;
		if (table->competitors > 0)
			set_estimate(values, nulls, 9, fit, k, 1, options.level);
		if (options.cross == CROSS_INDEX)
		{
			ecml_set_number(values, nulls, 13, fit->b[table->first_cross]);
			ecml_set_number(values, nulls, 14, sqrt(fit->v[table->first_cross * (k + 1)]));
		}
		ecml_set_number(values, nulls, 15, fit->first_stage);
		ecml_set_number(values, nulls, 16, fit->r2);
		values[17] = Int64GetDatum(fit->n);
		values[18] = Int64GetDatum(fit->skipped);
		values[19] = JsonbPGetDatum(terms_of(table, p));
		if (note == NULL && fit->first_stage < 10)
			note = "the instruments are weak: first stage F below 10";
		if (note && !isnan(fit->b[0]) && fit->status != DEMAND_OK)
			note = psprintf("%s: %s", note, table->pool.used ? "the other products speak for it" : "no interval");
		nulls[20] = note == NULL;
		values[20] = note ? CStringGetTextDatum(note) : (Datum) 0;
		ecml_rows_add(rows, values, nulls);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
