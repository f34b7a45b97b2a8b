/*
 * inspect.c - what a model has learnt, in SQL: coefficients
 */
#include "core/compat.h"

#include <math.h>

#include "core/result.h"
#include "core/serve.h"
#include "core/trainer.h"

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
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ecml_coefficients needs a linear model"),
				 errdetail("The model's algorithm is %s.", model->algorithm->name),
				 errhint("Train one with ecml_train(model, 'linreg', ...).")));
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
