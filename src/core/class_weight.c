/*
 * class_weight.c - the option "class_weight" of classifiers: a word, or an object
 */
#include "core/compat.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "core/class_weight.h"
#include "core/error.h"
#include "core/json.h"

const char *const ecml_class_weight_words[] = {"none", "balanced", NULL};

bool
ecml_class_weight_balanced(const EcmlChoice *choice)
{
	return choice->object == NULL && choice->number == 1;
}

double *
ecml_class_weights(const EcmlChoice *choice, const EcmlSchema *schema)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	double	   *weights;

	if (schema->nclasses == 0 && (choice->object || ecml_class_weight_balanced(choice)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"class_weight\" needs a target of classes"),
				 errdetail("The target is a number."),
				 errhint("Weigh rows by a column: \"sample_weight\".")));
	if (choice->object == NULL)
		return NULL;
	weights = palloc(schema->nclasses * sizeof(double));
	for (int k = 0; k < schema->nclasses; k++)
		weights[k] = 1;
	iterator = JsonbIteratorInit(&choice->object->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *label;
		double		weight = NAN;
		int			class = 0;

		if (token != WJB_KEY)
			continue;
		label = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type == jbvNumeric)
			weight = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value.val.numeric)));
		if (!(weight > 0 && isfinite(weight)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the weight of class \"%s\" must be a number above 0", label),
					 errdetail("It is %s.", ecml_json_value_text(&value)),
					 errhint("Give, for example, \"class_weight\": {\"%s\": 2}.", label)));
		while (class < schema->nclasses && strcmp(schema->classes[class], label) != 0)
			class++;
		if (class == schema->nclasses)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"class_weight\" names a class that the target has not"),
					 errdetail("It is \"%s\".", label),
					 errhint("The classes are: %s.", ecml_error_list((const char **) schema->classes, schema->nclasses))));
		weights[class] = weight;
	}
	return weights;
}
