/*
 * manage.c - a model's life in SQL: info, save, load, activate, drop, rename, grant, revoke
 */
#include "core/compat.h"

#include "miscadmin.h"

#include "core/catalog.h"
#include "core/json.h"
#include "core/serve.h"
#include "core/share.h"

/* ecml_model_info(model): jsonb */
ECML_MODEL_FUNCTION(ecml_model_info)
{
	EcmlServing *serving = ecml_serving(fcinfo, by_name);
	EcmlModel  *model = serving ? serving->model : NULL;
	EcmlJson   *json;

	if (model == NULL)
		PG_RETURN_NULL();
	json = ecml_json_object();
	ecml_json_string(json, "algorithm", model->algorithm->name);
	ecml_json_string(json, "task", ecml_task_name(model->task));
	if (by_name)
	{
		EcmlCatalogEntry entry;

		ecml_json_string(json, "name", serving->name);
		ecml_catalog_get(serving->name, &entry);
		ecml_json_int(json, "version", entry.version);
	}
	ecml_json_string(json, "target", model->schema->target[0] ? model->schema->target : NULL);
	ecml_json_open_array(json, "features");
	for (int j = 0; j < model->schema->nfeatures; j++)
	{
		const EcmlFeature *feature = &model->schema->features[j];

		ecml_json_open_object(json, NULL);
		ecml_json_string(json, "name", feature->name);
		ecml_json_string(json, "kind", ecml_kind_name(feature->kind));
		if (feature->kind == ECML_CATEGORY)
			ecml_json_strings(json, "categories", (const char *const *) feature->categories, feature->ncategories);
		ecml_json_close_object(json);
	}
	ecml_json_close_array(json);
	ecml_json_int(json, "rows", model->rows);
	ecml_json_int(json, "skipped", model->skipped);
	ecml_json_int(json, "seed", model->seed);
	ecml_json_jsonb(json, "options", ecml_json_parse(model->options));
	ecml_json_jsonb(json, "metrics", ecml_json_parse(model->metrics));
	if (model->algorithm->own && model->algorithm->own->describe)
		model->algorithm->own->describe(model, json);
	PG_RETURN_JSONB_P(ecml_json_finish(json));
}

PG_FUNCTION_INFO_V1(ecml_save);
PG_FUNCTION_INFO_V1(ecml_load);
PG_FUNCTION_INFO_V1(ecml_activate);
PG_FUNCTION_INFO_V1(ecml_drop_model);
PG_FUNCTION_INFO_V1(ecml_rename_model);
PG_FUNCTION_INFO_V1(ecml_grant);
PG_FUNCTION_INFO_V1(ecml_revoke);

/* ecml_save(name text, body ecml_model): int4, the version */
Datum
ecml_save(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	struct varlena *body = PG_GETARG_ECML_MODEL(1);
	EcmlProvenance provenance = {0};
	EcmlModel  *model;

	PreventCommandIfReadOnly("ecml_save()");
	ecml_catalog_check_name(name);
	ecml_catalog_check_owner(name, true);
	model = ecml_model_read(body, CurrentMemoryContext);
	provenance.options = ecml_json_parse(model->options);
	provenance.target = model->schema->target[0] ? model->schema->target : NULL;
	PG_RETURN_INT32(ecml_catalog_insert(name, model, body, &provenance, NULL));
}

/* ecml_load(name text): ecml_model */
Datum
ecml_load(PG_FUNCTION_ARGS)
{
	EcmlCatalogEntry entry;

	ecml_catalog_get(text_to_cstring(PG_GETARG_TEXT_PP(0)), &entry);
	PG_RETURN_POINTER(ecml_catalog_body(&entry));
}

static void
check_version(int version, const char *hint)
{
	if (version < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid version"),
				 errdetail("The version is %d.", version),
				 errhint("%s", hint)));
}

/* ecml_activate(name text, version int4): void */
Datum
ecml_activate(PG_FUNCTION_ARGS)
{
	check_version(PG_GETARG_INT32(1), "Versions count from 1; ecml.models lists them.");
	PreventCommandIfReadOnly("ecml_activate()");
	ecml_catalog_activate(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_INT32(1));
	PG_RETURN_VOID();
}

/* ecml_drop_model(name text, version int4): void; version NULL: all */
Datum
ecml_drop_model(PG_FUNCTION_ARGS)
{
	int			version = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
		check_version(version, "Versions count from 1; give NULL to drop all of them.");
	PreventCommandIfReadOnly("ecml_drop_model()");
	ecml_catalog_drop(text_to_cstring(PG_GETARG_TEXT_PP(0)), version);
	ecml_share_sweep();
	PG_RETURN_VOID();
}

/* ecml_rename_model(name text, new_name text): void */
Datum
ecml_rename_model(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("ecml_rename_model()");
	ecml_catalog_rename(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_VOID();
}

/* ecml_grant(name text, role text): void */
Datum
ecml_grant(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("ecml_grant()");
	ecml_catalog_grant(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)), true);
	PG_RETURN_VOID();
}

/* ecml_revoke(name text, role text): void */
Datum
ecml_revoke(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("ecml_revoke()");
	ecml_catalog_grant(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)), false);
	PG_RETURN_VOID();
}
