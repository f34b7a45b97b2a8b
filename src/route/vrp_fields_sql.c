/*
 * vrp_fields_sql.c - the columns of routing problems: numbers, times, loads of several dimensions, skills
 *
 * Times may be numbers, intervals, times of day or timestamps (seconds since 2000-01-01 then, as everywhere in ecml).
 */
#include "core/compat.h"

#include <math.h>

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "route/vrp_read_sql.h"

VrpField
vrp_field(const EcmlSource *source, const char *given, const char *what, const char *const *usual, VrpWanted wanted)
{
	VrpField	f = {.number = ecml_role_find(source, given, what, usual),.what = what};
	Form_pg_attribute attribute;
	EcmlKind	kind = ECML_CATEGORY;
	bool		known;
	bool		right = true;

	if (f.number < 0)
		return f;
	attribute = TupleDescAttr(source->desc, f.number);
	f.input.name = pstrdup(NameStr(attribute->attname));
	f.input.type = attribute->atttypid;
	known = ecml_bind_plan(attribute->atttypid, &f.input.convert, &kind, &f.input.element_type, &f.input.element_convert);
	f.input.kind = kind;
	f.array = OidIsValid(get_base_element_type(attribute->atttypid));
	switch (wanted)
	{
		case VRP_WANT_NUMBER:
			right = known && !f.array && kind == ECML_NUMBER;
			break;
		case VRP_WANT_NUMBERS:
			right = known && kind == ECML_NUMBER;
			break;
		case VRP_WANT_TIME:
			right = known && !f.array && (kind == ECML_NUMBER || kind == ECML_TIME || kind == ECML_INTERVAL);
			break;
		case VRP_WANT_FLAG:
			right = known && !f.array && (kind == ECML_NUMBER || kind == ECML_BOOLEAN);
			break;
		case VRP_WANT_TEXT:
			right = !f.array;
			break;
		case VRP_WANT_TEXTS:
			break;
	}
	if (!right)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" cannot be the %s", f.input.name, what),
				 errdetail("Its type is %s.", format_type_be(attribute->atttypid)),
				 errhint(wanted == VRP_WANT_FLAG ? "It must be a boolean." :
						 wanted == VRP_WANT_TEXT ? "It must not be an array." :
						 wanted == VRP_WANT_TIME ? "It must be a number, a time or an interval." :
						 wanted == VRP_WANT_NUMBERS ? "It must be a number, or an array of numbers." : "It must be a number.")));
	return f;
}

/* NaN: NULL or no column. */
double
vrp_number_of(const VrpField *f, const TupleTableSlot *slot)
{
	if (vrp_is_null(f, slot))
		return NAN;
	return ecml_bind_number(&f->input, slot->tts_values[f->number]);
}

char *
vrp_text_of(const VrpField *f, const TupleTableSlot *slot)
{
	Oid			output;
	bool		varlena;

	if (vrp_is_null(f, slot))
		return NULL;
	getTypeOutputInfo(f->input.type, &output, &varlena);
	return OidOutputFunctionCall(output, slot->tts_values[f->number]);
}

/* The elements of an array as Datums of their type, or an error for more than most. */
static int
elements_of(const VrpField *f, const TupleTableSlot *slot, Datum **values, bool **nulls, Oid *type)
{
	ArrayType  *array = DatumGetArrayTypeP(slot->tts_values[f->number]);
	int16		length;
	bool		by_value;
	char		align;
	int			n;

	*type = ARR_ELEMTYPE(array);
	get_typlenbyvalalign(*type, &length, &by_value, &align);
	deconstruct_array(array, *type, length, by_value, align, values, nulls, &n);
	return n;
}

void
vrp_bad_value(const char *which, const char *id, const char *what, const char *value, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("the %s of %s \"%s\" cannot be used", what, which, id),
			 errdetail("It is %s.", value),
			 errhint("%s", hint)));
	pg_unreachable();
}

char *
vrp_in_words(double value)
{
	return isnan(value) ? pstrdup("NULL or NaN") : psprintf("%g", value);
}

/* Loads: a number or an array; least: no value below.  The number of dimensions. */
int
vrp_loads_of(const VrpField *f, const TupleTableSlot *slot, const char *which, const char *id, double *load, bool unbounded)
{
	int			n = 1;

	if (vrp_is_null(f, slot))
		vrp_bad_value(which, id, f->what, "NULL", "Give a number of at least 0.");
	if (!f->array)
		load[0] = vrp_number_of(f, slot);
	else
	{
		EcmlInput	element = f->input;
		Datum	   *values;
		bool	   *nulls;

		n = elements_of(f, slot, &values, &nulls, &element.type);
		element.convert = f->input.element_convert;
		if (n < 1 || n > VRP_MAX_DIMS)
			vrp_bad_value(which, id, f->what, psprintf("an array of %d numbers", n),
					  psprintf("Give 1 to %d numbers.", VRP_MAX_DIMS));
		for (int k = 0; k < n; k++)
			load[k] = nulls[k] ? NAN : ecml_bind_number(&element, values[k]);
	}
	for (int k = 0; k < n; k++)
		if (!(load[k] >= 0) || (!unbounded && isinf(load[k])))
			vrp_bad_value(which, id, f->what, vrp_in_words(load[k]), "Give a number of at least 0.");
	return n;
}

/* A number within bounds, or the default where it is NULL. */
double
vrp_bounded(const VrpField *f, const TupleTableSlot *slot, const char *which, const char *id, double otherwise, double low, bool unbounded)
{
	double		value;

	if (vrp_is_null(f, slot))
		return otherwise;
	value = vrp_number_of(f, slot);
	if (!(value >= low) || (!unbounded && isinf(value)))
		vrp_bad_value(which, id, f->what, vrp_in_words(value), isinf(low) ? "Give a finite number." :
				  psprintf("Give a number of at least %g.", low));
	return value;
}

/* ---------------------------------------------------------------- skills */

/* ---------------------------------------------------------------- skills */

static uint64
skill_bit(VrpSkills *skills, const char *word, int length)
{
	int			code;

	while (length > 0 && isspace((unsigned char) *word))
		word++, length--;
	while (length > 0 && isspace((unsigned char) word[length - 1]))
		length--;
	if (length == 0)
		return 0;
	code = ecml_dict_find(skills->dict, word, length);
	if (code < 0)
	{
		if (skills->dict->n >= VRP_MAX_SKILLS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many different skills"),
					 errdetail("There are more than %d.", VRP_MAX_SKILLS),
					 errhint("Leave out those that every vehicle has.")));
		code = ecml_dict_add(skills->dict, word, length);
	}
	return UINT64CONST(1) << code;
}

/* An array of words, or words with commas. */
uint64
vrp_skills_of(const VrpField *f, const TupleTableSlot *slot, VrpSkills *skills)
{
	uint64		bits = 0;

	if (vrp_is_null(f, slot))
		return 0;
	if (f->array)
	{
		Datum	   *values;
		bool	   *nulls;
		Oid			type;
		Oid			output;
		bool		varlena;
		int			n = elements_of(f, slot, &values, &nulls, &type);

		getTypeOutputInfo(type, &output, &varlena);
		for (int i = 0; i < n; i++)
			if (!nulls[i])
			{
				char	   *word = OidOutputFunctionCall(output, values[i]);

				bits |= skill_bit(skills, word, strlen(word));
			}
	}
	else
		for (char *word = vrp_text_of(f, slot); word;)
		{
			char	   *comma = strchr(word, ',');

			bits |= skill_bit(skills, word, comma ? comma - word : (int) strlen(word));
			word = comma ? comma + 1 : NULL;
		}
	return bits;
}
