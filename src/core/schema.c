/*
 * schema.c - what a model knows of its columns
 */
#include "core/compat.h"

#include <math.h>

#include "core/host.h"
#include "core/schema.h"

const char *
ecml_kind_name(EcmlKind kind)
{
	static const char *const names[] = {"number", "boolean", "time", "interval", "inet", "category"};

	return names[kind];
}

char *
ecml_feature_column(const EcmlFeature *feature)
{
	char	   *name = pstrdup(feature->name);
	char	   *bracket = feature->element > 0 ? strrchr(name, '[') : NULL;

	if (bracket)
		*bracket = '\0';
	return name;
}

void
ecml_schema_layout(EcmlSchema *schema)
{
	int			term = 0;

	schema->plain = schema->shift == NULL;
	for (int j = 0; j < schema->nfeatures; j++)
	{
		EcmlFeature *feature = &schema->features[j];

		feature->first_term = term;
		feature->terms = 1;
		if (feature->kind == ECML_CATEGORY && !schema->native)
			feature->terms = Max(0, feature->ncategories - (feature->drop_first ? 1 : 0));
		if ((feature->kind == ECML_CATEGORY && !schema->native) || !isnan(feature->fill))
			schema->plain = false;
		term += feature->terms;
	}
	schema->nterms = term;
}

void
ecml_schema_expand(const EcmlSchema *schema, const double *values, double *x)
{
	for (int j = 0; j < schema->nfeatures; j++)
	{
		const EcmlFeature *feature = &schema->features[j];
		double		value = values[j];
		double	   *terms = x + feature->first_term;

		if (isnan(value))
			value = feature->fill;
		if (feature->kind != ECML_CATEGORY || schema->native)
			terms[0] = value;
		else
		{
			int			term = isnan(value) ? -1 : (int) value - (feature->drop_first ? 1 : 0);

			memset(terms, 0, feature->terms * sizeof(double));
			if (term >= 0 && term < feature->terms)
				terms[term] = 1;
		}
	}
	if (schema->shift)
		for (int i = 0; i < schema->nterms; i++)
			x[i] = (x[i] - schema->shift[i]) * schema->scale[i];
}

char *
ecml_schema_term_name(const EcmlSchema *schema, int term)
{
	for (int j = 0; j < schema->nfeatures; j++)
	{
		const EcmlFeature *feature = &schema->features[j];
		int			within = term - feature->first_term;

		if (within < 0 || within >= feature->terms)
			continue;
		if (feature->kind != ECML_CATEGORY || schema->native)
			return pstrdup(feature->name);
		return psprintf("%s=%s", feature->name, feature->categories[within + (feature->drop_first ? 1 : 0)]);
	}
	return pstrdup("");
}

int *
ecml_schema_categories(const EcmlSchema *schema)
{
	int		   *categories = palloc0((schema->nfeatures + 1) * sizeof(int));

	for (int j = 0; j < schema->nfeatures; j++)
		if (schema->features[j].kind == ECML_CATEGORY)
			categories[j] = schema->features[j].ncategories;
	return categories;
}

int
ecml_schema_feature(const EcmlSchema *schema, const char *name)
{
	for (int j = 0; j < schema->nfeatures; j++)
		if (strcmp(schema->features[j].name, name) == 0)
			return j;
	return -1;
}

static void
write_strings(EcmlWriter *w, char *const *strings, int n)
{
	ecml_write_u32(w, n);
	for (int i = 0; i < n; i++)
		ecml_write_string(w, strings[i]);
}

static char **
read_strings(EcmlReader *r, int *n)
{
	uint32		count = ecml_read_count(r, sizeof(uint32));
	char	  **strings = ecml_read_strings(r, count);

	for (uint32 i = 0; i < count; i++)
		ecml_host_check_text(r, strings[i]);
	*n = count;
	return strings;
}

void
ecml_schema_write(EcmlWriter *w, const EcmlSchema *schema)
{
	ecml_write_u8(w, schema->missing);
	ecml_write_string(w, schema->target);
	ecml_write_string(w, schema->event);
	write_strings(w, schema->classes, schema->nclasses);
	ecml_write_u32(w, schema->nfeatures);
	for (int j = 0; j < schema->nfeatures; j++)
	{
		const EcmlFeature *feature = &schema->features[j];

		ecml_write_string(w, feature->name);
		ecml_write_u8(w, feature->kind);
		ecml_write_u32(w, feature->element);
		ecml_write_u8(w, feature->drop_first);
		ecml_write_f8(w, feature->fill);
		if (feature->kind == ECML_CATEGORY)
			write_strings(w, feature->categories, feature->ncategories);
	}
	ecml_write_u8(w, schema->shift != NULL);
	if (schema->shift)
	{
		ecml_write_f8s(w, schema->shift, schema->nterms);
		ecml_write_f8s(w, schema->scale, schema->nterms);
	}
}

static void
read_feature(EcmlReader *r, EcmlFeature *feature)
{
	feature->name = ecml_host_read_text(r);
	feature->kind = ecml_read_u8(r);
	if (feature->kind > ECML_CATEGORY)
		ecml_read_corrupted(r, "a column is of no known kind");
	feature->element = ecml_read_u32_in(r, 0, PG_INT32_MAX);
	if (feature->element > 0 && feature->kind != ECML_NUMBER && feature->kind != ECML_BOOLEAN)
		ecml_read_corrupted(r, "an element of an array is no number");
	feature->drop_first = ecml_read_bool(r);
	feature->fill = ecml_read_f8(r);
	if (isinf(feature->fill))
		ecml_read_corrupted(r, "a number is not finite");
	if (feature->kind == ECML_CATEGORY)
	{
		feature->categories = read_strings(r, &feature->ncategories);
		if (!isnan(feature->fill) && (feature->fill < 0 || feature->fill >= Max(1, feature->ncategories)))
			ecml_read_corrupted(r, "a category is out of range");
	}
}

EcmlSchema *
ecml_schema_read(EcmlReader *r, bool native)
{
	EcmlSchema *schema = ECML_NEW0(r->ctx, EcmlSchema, 1);
	uint8		missing = ecml_read_u8(r);

	if (missing > (native ? ECML_MISSING_NATIVE : ECML_MISSING_ERROR))
		ecml_read_corrupted(r, "the treatment of missing values is not known");
	schema->missing = missing;
	schema->native = native;
	schema->target = ecml_host_read_text(r);
	schema->event = ecml_host_read_text(r);
	schema->classes = read_strings(r, &schema->nclasses);
	schema->nfeatures = ecml_read_count(r, 18);	/* the least bytes a feature takes */
	schema->features = ECML_NEW0(r->ctx, EcmlFeature, schema->nfeatures);
	for (int j = 0; j < schema->nfeatures; j++)
		read_feature(r, &schema->features[j]);
	ecml_schema_layout(schema);
	if (ecml_read_bool(r))
	{
		if (native)
			ecml_read_corrupted(r, "native features are not standardised");
		schema->shift = ecml_read_finite_f8s(r, schema->nterms);
		schema->scale = ecml_read_finite_f8s(r, schema->nterms);
		schema->plain = false;
	}
	return schema;
}
