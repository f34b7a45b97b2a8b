/*
 * json.h - making jsonb objects a key at a time
 *
 * Numbers that are not finite become null: JSON has no other word for them.
 */
#ifndef ECML_JSON_H
#define ECML_JSON_H

#include "postgres.h"
#include "utils/jsonb.h"

typedef struct EcmlJson EcmlJson;

extern EcmlJson *ecml_json_object(void);
extern void ecml_json_int(EcmlJson *json, const char *key, int64 value);
extern void ecml_json_number(EcmlJson *json, const char *key, double value);
extern void ecml_json_bool(EcmlJson *json, const char *key, bool value);
extern void ecml_json_string(EcmlJson *json, const char *key, const char *value);	/* NULL: null */
extern void ecml_json_numbers(EcmlJson *json, const char *key, const double *values, int n);
extern void ecml_json_strings(EcmlJson *json, const char *key, const char *const *values, int n);
extern void ecml_json_jsonb(EcmlJson *json, const char *key, Jsonb *value);

/* Nested: all that follows goes into the object or array under key (NULL key inside an array) until it is closed. */
extern void ecml_json_open_object(EcmlJson *json, const char *key);
extern void ecml_json_open_array(EcmlJson *json, const char *key);
extern void ecml_json_close_object(EcmlJson *json);
extern void ecml_json_close_array(EcmlJson *json);

extern Jsonb *ecml_json_finish(EcmlJson *json);
extern char *ecml_json_finish_text(EcmlJson *json);	/* as text: cheaper where no jsonb is needed */

/* A value as JSON text, for messages; shortened when it is long. */
extern char *ecml_json_value_text(JsonbValue *value);

/* jsonb from JSON text that is known to be well formed, or an error of the JSON parser. */
extern Jsonb *ecml_json_parse(const char *text);
extern char *ecml_json_text(Jsonb *jsonb);

/* The strings of an array (NULL: none), palloc'd; *n: how many. */
extern char **ecml_json_list(Jsonb *list, int *n);

#endif							/* ECML_JSON_H */
