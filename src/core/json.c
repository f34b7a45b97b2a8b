/*
 * json.c - making jsonb objects a key at a time
 *
 * The objects are written as JSON text and parsed at the end: the text interface is the same in all versions of
 * PostgreSQL, and no object made here is large or made per row.
 */
#include "core/compat.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"

#include "core/json.h"

struct EcmlJson
{
	StringInfoData text;
	bool		first;			/* nothing stands in the innermost object or array yet */
};

EcmlJson *
ecml_json_object(void)
{
	EcmlJson   *json = palloc(sizeof(EcmlJson));

	initStringInfo(&json->text);
	appendStringInfoChar(&json->text, '{');
	json->first = true;
	return json;
}

static void
begin(EcmlJson *json, const char *key)
{
	if (!json->first)
		appendStringInfoChar(&json->text, ',');
	json->first = false;
	if (key)
	{
		escape_json(&json->text, key);
		appendStringInfoChar(&json->text, ':');
	}
}

static void
append_number(EcmlJson *json, double value)
{
	char		buffer[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (!isfinite(value))
	{
		appendStringInfoString(&json->text, "null");
		return;
	}
	double_to_shortest_decimal_buf(value, buffer);
	appendStringInfoString(&json->text, buffer);
}

void
ecml_json_int(EcmlJson *json, const char *key, int64 value)
{
	begin(json, key);
	appendStringInfo(&json->text, INT64_FORMAT, value);
}

void
ecml_json_number(EcmlJson *json, const char *key, double value)
{
	begin(json, key);
	append_number(json, value);
}

void
ecml_json_bool(EcmlJson *json, const char *key, bool value)
{
	begin(json, key);
	appendStringInfoString(&json->text, value ? "true" : "false");
}

void
ecml_json_string(EcmlJson *json, const char *key, const char *value)
{
	begin(json, key);
	if (value)
		escape_json(&json->text, value);
	else
		appendStringInfoString(&json->text, "null");
}

void
ecml_json_numbers(EcmlJson *json, const char *key, const double *values, int n)
{
	ecml_json_open_array(json, key);
	for (int i = 0; i < n; i++)
		ecml_json_number(json, NULL, values[i]);
	ecml_json_close_array(json);
}

void
ecml_json_strings(EcmlJson *json, const char *key, const char *const *values, int n)
{
	ecml_json_open_array(json, key);
	for (int i = 0; i < n; i++)
		ecml_json_string(json, NULL, values[i]);
	ecml_json_close_array(json);
}

void
ecml_json_jsonb(EcmlJson *json, const char *key, Jsonb *value)
{
	begin(json, key);
	appendStringInfoString(&json->text, ecml_json_text(value));
}

void
ecml_json_open_object(EcmlJson *json, const char *key)
{
	begin(json, key);
	appendStringInfoChar(&json->text, '{');
	json->first = true;
}

void
ecml_json_open_array(EcmlJson *json, const char *key)
{
	begin(json, key);
	appendStringInfoChar(&json->text, '[');
	json->first = true;
}

void
ecml_json_close_object(EcmlJson *json)
{
	appendStringInfoChar(&json->text, '}');
	json->first = false;
}

void
ecml_json_close_array(EcmlJson *json)
{
	appendStringInfoChar(&json->text, ']');
	json->first = false;
}

Jsonb *
ecml_json_finish(EcmlJson *json)
{
	Jsonb	   *result;

	appendStringInfoChar(&json->text, '}');
	result = ecml_json_parse(json->text.data);
	pfree(json->text.data);
	pfree(json);
	return result;
}

char *
ecml_json_finish_text(EcmlJson *json)
{
	char	   *text;

	appendStringInfoChar(&json->text, '}');
	text = json->text.data;
	pfree(json);
	return text;
}

char *
ecml_json_value_text(JsonbValue *value)
{
	Jsonb	   *jsonb = JsonbValueToJsonb(value);
	char	   *text;

	if (value->type == jbvBinary)
		text = JsonbToCString(NULL, value->val.binary.data, value->val.binary.len);
	else
	{
		/* a scalar is kept as an array of one, which JsonbToCString prints without brackets */
		text = JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
	}
	if (strlen(text) > 100)
	{
		int			length = pg_mbcliplen(text, strlen(text), 97);

		strcpy(text + length, "...");
	}
	return text;
}

Jsonb *
ecml_json_parse(const char *text)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
}

char *
ecml_json_text(Jsonb *jsonb)
{
	return JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
}

char **
ecml_json_list(Jsonb *list, int *n)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	  **strings;

	*n = 0;
	if (list == NULL)
		return NULL;
	strings = palloc((JB_ROOT_COUNT(list) + 1) * sizeof(char *));
	iterator = JsonbIteratorInit(&list->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM && value.type == jbvString)
			strings[(*n)++] = pnstrdup(value.val.string.val, value.val.string.len);
	return strings;
}
