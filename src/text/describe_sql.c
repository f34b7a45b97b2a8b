/*
 * describe_sql.c - ecml_describe_product: sentences that say what the attributes of a product say, and nothing else
 *
 * Each sentence has several forms.  Which is taken depends on the attributes, so that products read differently and one product
 * always the same; with a language model it is the form that is most like the shop's own texts, by the mean log probability of its
 * words.
 */
#include "core/compat.h"

#include <ctype.h>
#include <math.h>

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "core/serve.h"
#include "core/textrows.h"
#include "text/content_sql.h"

#define MOST_ATTRIBUTES 200
#define MOST_FORMS 4

typedef enum Kind
{
	KIND_TEXT,
	KIND_NUMBER,
	KIND_TRUE,
	KIND_FALSE,
	KIND_LIST
} Kind;

typedef struct Attribute
{
	char	   *key;			/* in small letters, blanks for underscores */
	char	   *value;			/* a list's elements: "a, b and c" */
	Kind		kind;
	bool		told;
} Attribute;

typedef struct Product
{
	Attribute	attributes[MOST_ATTRIBUTES];
	int			n;
	uint32		hash;
	const NgramModel *model;	/* NULL: none */
	StringInfoData out;
	int			sentences;
} Product;

static char *
clean_key(const char *bytes, int length, const char *before)
{
	StringInfoData key;

	initStringInfo(&key);
	if (before)
		appendStringInfo(&key, "%s ", before);
	for (int i = 0; i < length; i++)
	{
		/* "batteryLife", "battery_life" */
		if (i > 0 && isupper((unsigned char) bytes[i]) && islower((unsigned char) bytes[i - 1]))
			appendStringInfoChar(&key, ' ');
		appendStringInfoChar(&key, bytes[i] == '_' || bytes[i] == '-' ? ' ' : pg_tolower((unsigned char) bytes[i]));
	}
	return key.data;
}

static char *
scalar_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "yes" : "no");
		default:
			return NULL;
	}
}

/* "a", "a and b", "a, b and c" */
static char *
list_text(JsonbContainer *container)
{
	JsonbIterator *iterator = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *items[MOST_ATTRIBUTES];
	int			n = 0;
	StringInfoData out;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM && n < MOST_ATTRIBUTES && scalar_text(&value))
			items[n++] = scalar_text(&value);
	initStringInfo(&out);
	for (int i = 0; i < n; i++)
		appendStringInfo(&out, "%s%s", i == 0 ? "" : i == n - 1 ? " and " : ", ", items[i]);
	return out.data;
}

static void
collect(Product *product, JsonbContainer *container, const char *before, int depth)
{
	JsonbIterator *iterator = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *key = NULL;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		Attribute  *attribute = &product->attributes[product->n];

		if (token == WJB_KEY)
			key = clean_key(value.val.string.val, value.val.string.len, before);
		if (token != WJB_VALUE || product->n == MOST_ATTRIBUTES)
			continue;
		if (value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data))
		{
			if (depth < 8)
				collect(product, value.val.binary.data, key, depth + 1);
			continue;
		}
		attribute->key = key;
		attribute->told = false;
		if (value.type == jbvBinary)
		{
			attribute->kind = KIND_LIST;
			attribute->value = list_text(value.val.binary.data);
		}
		else
		{
			attribute->kind = value.type == jbvNumeric ? KIND_NUMBER : value.type != jbvBool ? KIND_TEXT :
				value.val.boolean ? KIND_TRUE : KIND_FALSE;
			attribute->value = scalar_text(&value);
		}
		/* null, and texts of nothing but blanks, say nothing */
		if (attribute->value && attribute->value[strspn(attribute->value, " \t\r\n")] != '\0')
			product->n++;
	}
}

/* The attribute of one of the names, which from then on is told; NULL: none. */
static const char *
take(Product *product, const char *const *names)
{
	for (; *names; names++)
		for (int i = 0; i < product->n; i++)
		{
			Attribute  *attribute = &product->attributes[i];

			if (!attribute->told && strcmp(attribute->key, *names) == 0 &&
				(attribute->kind == KIND_TEXT || attribute->kind == KIND_NUMBER || attribute->kind == KIND_LIST))
			{
				attribute->told = true;
				return attribute->value;
			}
		}
	return NULL;
}

static const char *
article(const char *word)
{
	return strchr("aeiouAEIOU", word[0]) && word[0] ? "an" : "a";
}

/* One of the forms; empty ones are none. */
static void
say(Product *product, StringInfoData *forms, int n)
{
	int			chosen = (product->hash >> (product->sentences * 3 % 29)) % n;

	if (product->model)
	{
		double		best = -INFINITY;

		for (int i = 0; i < n; i++)
		{
			size_t		words;
			double		score = ngram_score(product->model, forms[i].data, forms[i].len, &words) / Max(words, 1);

			if (score > best)
			{
				best = score;
				chosen = i;
			}
		}
	}
	if (product->out.len > 0)
		appendStringInfoChar(&product->out, ' ');
	appendStringInfoString(&product->out, forms[chosen].data);
	product->sentences++;
}

static void
begin_forms(StringInfoData *forms, int n)
{
	for (int i = 0; i < n; i++)
		initStringInfo(&forms[i]);
}

static const char *const name_keys[] = {"name", "title", "product", "product name", "model", NULL};
static const char *const brand_keys[] = {"brand", "manufacturer", "maker", "vendor", NULL};
static const char *const category_keys[] = {"category", "type", "product type", "kind", NULL};
static const char *const color_keys[] = {"color", "colour", NULL};
static const char *const material_keys[] = {"material", "fabric", NULL};
static const char *const feature_keys[] = {"features", "includes", "highlights", NULL};
static const char *const use_keys[] = {"use", "uses", "suitable for", "ideal for", NULL};
static const char *const price_keys[] = {"price", NULL};
static const char *const currency_keys[] = {"currency", NULL};

/* What it is. */
static void
say_what(Product *product)
{
	const char *name = take(product, name_keys);
	const char *brand = take(product, brand_keys);
	const char *category = take(product, category_keys);
	const char *color = take(product, color_keys);
	const char *material = take(product, material_keys);
	char	   *kind = category ? psprintf("%s%s%s", color ? color : "", color ? " " : "", category) : NULL;
	StringInfoData forms[3];

	if (!name && !brand && !category && !color && !material)
		return;
	begin_forms(forms, 3);
	for (int i = 0; i < 3; i++)
	{
		StringInfo	out = &forms[i];

		/* the subject */
		if (name && brand && strstr(name, brand) == NULL)
			appendStringInfo(out, i == 0 ? "The %s by %s is" : i == 1 ? "The %s from %s is" : "%s by %s is", name, brand);
		else if (name)
			appendStringInfo(out, i == 2 ? "%s is" : "The %s is", name);
		else
			appendStringInfoString(out, i == 0 ? "This product is" : i == 1 ? "This item is" : "This is");
		/* and what is said of it */
		if (kind)
		{
			appendStringInfo(out, " %s %s", article(kind), kind);
			if (!name && brand)
				appendStringInfo(out, i == 1 ? " from %s" : " by %s", brand);
			if (material)
				appendStringInfo(out, i == 1 ? " in %s" : " made of %s", material);
		}
		else if (color && material)
			appendStringInfo(out, " %s and made of %s", color, material);
		else if (color)
			appendStringInfo(out, " %s", color);
		else if (material)
			appendStringInfo(out, " made of %s", material);
		else if (!name)
			appendStringInfo(out, " by %s", brand);
		else
		{
			/* a name alone */
			resetStringInfo(out);
			appendStringInfo(out, i == 0 ? "This is the %s" : i == 1 ? "This is %s" : "Meet the %s", name);
			if (brand && strstr(name, brand) == NULL)
				appendStringInfo(out, " by %s", brand);
		}
		if (!kind && !name && brand && (color || material))
			appendStringInfo(out, ", by %s", brand);
		appendStringInfoChar(out, '.');
	}
	say(product, forms, 3);
}

static void
say_list(Product *product, const char *const *keys, const char *const *patterns, int n)
{
	const char *value = take(product, keys);
	StringInfoData forms[MOST_FORMS];

	if (value == NULL)
		return;
	begin_forms(forms, n);
	for (int i = 0; i < n; i++)
		appendStringInfo(&forms[i], "%s %s.", patterns[i], value);
	say(product, forms, n);
}

/* All that has no part of its own: two attributes a sentence. */
static void
say_rest(Product *product)
{
	Attribute  *pending = NULL;
	StringInfoData forms[3];

	for (int i = 0; i <= product->n; i++)
	{
		Attribute  *attribute = i < product->n ? &product->attributes[i] : NULL;

		if (attribute && attribute->told)
			continue;
		if (attribute && (attribute->kind == KIND_TRUE || attribute->kind == KIND_FALSE))
		{
			bool		yes = attribute->kind == KIND_TRUE;

			begin_forms(forms, 1);
			if (strncmp(attribute->key, "has ", 4) == 0)
				appendStringInfo(&forms[0], yes ? "It has %s." : "It has no %s.", attribute->key + 4);
			else
				appendStringInfo(&forms[0], yes ? "It is %s." : "It is not %s.",
								 strncmp(attribute->key, "is ", 3) == 0 ? attribute->key + 3 : attribute->key);
			say(product, forms, 1);
			continue;
		}
		if (attribute && pending == NULL)
		{
			pending = attribute;
			continue;
		}
		if (pending == NULL)
			continue;
		begin_forms(forms, 3);
		if (attribute)
		{
			appendStringInfo(&forms[0], "Its %s is %s and its %s is %s.", pending->key, pending->value, attribute->key, attribute->value);
			appendStringInfo(&forms[1], "The %s is %s, the %s %s.", pending->key, pending->value, attribute->key, attribute->value);
			appendStringInfo(&forms[2], "The %s is %s and the %s is %s.", pending->key, pending->value, attribute->key, attribute->value);
		}
		else
		{
			appendStringInfo(&forms[0], "Its %s is %s.", pending->key, pending->value);
			appendStringInfo(&forms[1], "The %s is %s.", pending->key, pending->value);
			appendStringInfo(&forms[2], "The %s: %s.", pending->key, pending->value);
		}
		say(product, forms, 3);
		pending = NULL;
	}
}

/* ecml_describe_product(attributes jsonb, model text or ecml_model): text */
static Datum
describe(FunctionCallInfo fcinfo, Jsonb *attributes, const NgramModel *model)
{
	static const char *const feature_forms[] = {"It comes with", "It features", "Features include"};
	static const char *const use_forms[] = {"It is made for", "It is suitable for"};
	Product    *product = palloc0(sizeof(Product));
	const char *price;

	if (!JB_ROOT_IS_OBJECT(attributes))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the attributes of a product must be an object"),
				 errdetail("They are %s.", JB_ROOT_IS_SCALAR(attributes) ? "a single value" : "an array"),
				 errhint("For example '{\"name\": \"Trail 2\", \"brand\": \"Acme\", \"category\": \"running shoe\"}'.")));
	product->model = model;
	product->hash = hash_bytes((unsigned char *) VARDATA_ANY(attributes), VARSIZE_ANY_EXHDR(attributes));
	initStringInfo(&product->out);
	collect(product, &attributes->root, NULL, 0);
	price = take(product, price_keys);
	say_what(product);
	say_list(product, feature_keys, feature_forms, 3);
	say_list(product, use_keys, use_forms, 2);
	if (price)
	{
		const char *currency = take(product, currency_keys);
		StringInfoData forms[2];

		begin_forms(forms, 2);
		appendStringInfo(&forms[0], "It costs %s%s%s.", price, currency ? " " : "", currency ? currency : "");
		appendStringInfo(&forms[1], "The price is %s%s%s.", price, currency ? " " : "", currency ? currency : "");
		say_rest(product);
		say(product, forms, 2);
	}
	else
		say_rest(product);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(product->out.data, product->out.len));
}

PG_FUNCTION_INFO_V1(ecml_describe_product);

/* ecml_describe_product(model text, attributes jsonb): the SQL function turns the arguments round */
Datum
ecml_describe_product(PG_FUNCTION_ARGS)
{
	EcmlServing *serving = ecml_serving(fcinfo, true);

	ecml_text_check_encoding("ecml_describe_product");
	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (serving)
		content_check_model(serving->model, "ecml_describe_product");
	return describe(fcinfo, PG_GETARG_JSONB_P(1), serving ? serving->model->fitted : NULL);
}
