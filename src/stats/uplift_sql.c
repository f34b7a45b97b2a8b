/*
 * uplift_sql.c - ecml_uplift: whom does a treatment move? Predicted out of fold, and judged by what happened
 *
 * Each fold's rows are predicted by models that did not see it, made by the aggregates of the algorithm: two_model takes the
 * difference of a model of the treated and one of the controls; transformed fits one model to y t / e - y (1 - t) / (1 - e),
 * whose expectation is the effect where the treatment was drawn with probability e (Jaskowski & Jaroszewicz 2012; Athey & Imbens
 * 2015).
 *
 * Cost: folds trainings on the rest of the rows (two_model: of two models), one prediction of each row; 24 bytes a row.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/error.h"
#include "core/guc.h"
#include "core/host.h"
#include "core/json.h"
#include "core/options.h"
#include "core/result.h"
#include "core/roles.h"
#include "core/source.h"
#include "num/dist.h"
#include "stats/experiment_sql.h"
#include "stats/uplift.h"

#define MAX_BINS 1000

typedef struct Options
{
	char	   *outcome;
	char	   *treatment;
	char	   *control;
	char	   *key;
	Jsonb	   *features;
	Jsonb	   *model_options;
	int			method;
	int			algorithm;
	int			folds;
	int			bins;
	int			seed;
	double		level;
} Options;

typedef enum UpliftMethod
{
	TWO_MODEL,
	TRANSFORMED
} UpliftMethod;

static const char *const methods[] = {"two_model", "transformed", NULL};
static const char *const algorithms[] = {"gbdt", "random_forest", "linreg", NULL};

static const EcmlOption option_list[] = {
	ECML_OPT_TEXT(Options, outcome, "outcome"),
	ECML_OPT_TEXT(Options, treatment, "treatment"),
	ECML_OPT_TEXT(Options, control, "control"),
	ECML_OPT_TEXT(Options, key, "key"),
	ECML_OPT_LIST(Options, features, "features"),
	ECML_OPT_ENUM(Options, method, "method", methods),
	ECML_OPT_ENUM(Options, algorithm, "algorithm", algorithms),
	ECML_OPT_OBJECT(Options, model_options, "params"),
	ECML_OPT_INT(Options, folds, "folds", 2, 100),
	ECML_OPT_INT(Options, bins, "bins", 1, MAX_BINS),
	ECML_OPT_INT(Options, seed, "seed", 0, INT_MAX),
	ECML_OPT_FLOAT(Options, level, "level", 0, 1),
	ECML_OPT_END
};

/* effects are small beside the outcome's noise: shallow trees, many rows in a leaf */
static const char *const default_params[] = {
	"{\"objective\": \"squared_error\", \"n_trees\": 60, \"learning_rate\": 0.05, \"max_leaves\": 8, \"min_child_samples\": 100}",
	"{\"criterion\": \"squared_error\", \"min_samples_leaf\": 100}",
	"{}"
};

static const char *const outcome_names[] = {"outcome", "converted", "conversion", "purchased", "visit", "y", "revenue", "spend", NULL};
static const char *const treatment_names[] = {"treatment", "treated", "variant", "variation", "grp", "group", NULL};
static const char *const key_names[] = {"id", "user_id", "customer_id", "customer", "visitor_id", "visitor", "session_id", "unit_id", "unit", NULL};

typedef struct Uplift
{
	Options		options;
	EcmlSource	source;
	const char *from;
	const char *schema;
	const char *outcome;		/* SQL, float8 */
	const char *treated;		/* SQL, boolean */
	const char *key;			/* SQL */
	const char *features;		/* SQL, a list */
	const char *params;			/* SQL literal of the algorithm's options */
	EcmlCtx		ctx;
	EcmlServerHost host;
	UpliftRow  *rows;
	size_t		n;
	size_t		capacity;
} Uplift;

/* ---------------------------------------------------------------- columns */

static void
find_features(Uplift *uplift, const int *taken, int ntaken)
{
	const EcmlSource *source = &uplift->source;
	StringInfoData sql;
	int			n = 0;

	initStringInfo(&sql);
	if (uplift->options.features)
	{
		int		   *columns = ecml_source_columns(source, uplift->options.features, "feature", &n);

		for (int i = 0; i < n; i++)
			appendStringInfo(&sql, ", %s", ecml_role_sql(source, columns[i]));
	}
	else
		for (int i = 0; i < source->desc->natts; i++)
		{
			bool		used = TupleDescAttr(source->desc, i)->attisdropped;

			for (int t = 0; t < ntaken; t++)
				used |= taken[t] == i;
			if (!used)
			{
				appendStringInfo(&sql, ", %s", ecml_role_sql(source, i));
				n++;
			}
		}
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no features to tell rows apart"),
				 errdetail("All columns of the source have other parts to play."),
				 errhint("Name columns with the option \"features\".")));
	uplift->features = sql.data;
}

/* Is a row treated? A boolean or number column by itself, another by the name of its control. */
static const char *
treated_sql(const Uplift *uplift, int column)
{
	Form_pg_attribute attribute = TupleDescAttr(uplift->source.desc, column);
	const char *name = ecml_role_sql(&uplift->source, column);
	Oid			type = getBaseType(attribute->atttypid);

	if (uplift->options.control)
		return psprintf("(%s::pg_catalog.text OPERATOR(pg_catalog.<>) %s)", name, quote_literal_cstr(uplift->options.control));
	if (type == BOOLOID)
		return name;
	if (type == INT2OID || type == INT4OID || type == INT8OID)
		return psprintf("(%s OPERATOR(pg_catalog.<>) 0)", name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("it is not known which rows are the controls"),
			 errdetail("Column \"%s\" has type %s.", NameStr(attribute->attname), format_type_be(attribute->atttypid)),
			 errhint("Name the value of the controls with the option \"control\", such as {\"control\": \"none\"}.")));
}

static void
find_columns(Uplift *uplift)
{
	const EcmlSource *source = &uplift->source;
	const Options *given = &uplift->options;
	int			outcome = ecml_role_need(source, given->outcome, "outcome", outcome_names);
	int			treatment = ecml_role_need(source, given->treatment, "treatment", treatment_names);
	int			key = ecml_role_need(source, given->key, "key", key_names);
	int			taken[] = {outcome, treatment, key};
	Oid			type = getBaseType(TupleDescAttr(source->desc, outcome)->atttypid);

	if (type != BOOLOID)
		ecml_role_check(source, outcome, "outcome", ECML_NUMBER);
	uplift->outcome = psprintf("%s%s::pg_catalog.float8", ecml_role_sql(source, outcome),
							   type == BOOLOID ? "::pg_catalog.int4" : "");
	uplift->treated = treated_sql(uplift, treatment);
	uplift->key = ecml_role_sql(source, key);
	find_features(uplift, taken, lengthof(taken));
	uplift->params = psprintf("%s::pg_catalog.jsonb",
							  quote_literal_cstr(given->model_options ? ecml_json_text(given->model_options) :
												 default_params[given->algorithm]));
}

/* ---------------------------------------------------------------- folds */

static char *
fold_sql(const Uplift *uplift)
{
	return psprintf("%s.ecml_fold(%s, %d, %d)", uplift->schema, uplift->key, uplift->options.folds, uplift->options.seed);
}

/* A model of y over the rows of the other folds that a condition chooses, as a datum in the caller's memory. */
static Datum
train(const Uplift *uplift, int fold, const char *y, const char *condition, Oid *type)
{
	MemoryContext caller = CurrentMemoryContext;
	EcmlSource	query;
	char	   *sql = psprintf("SELECT %s.ecml_%s(%s, %s%s) FROM %s AS s WHERE %s OPERATOR(pg_catalog.<>) %d%s", uplift->schema,
							   algorithms[uplift->options.algorithm], uplift->params, y, uplift->features, uplift->from,
							   fold_sql(uplift), fold, condition);
	bool		null;
	Datum		model;

	ecml_source_open(&query, sql);
	if (SPI_execute_plan(query.plan, NULL, NULL, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "an aggregate without groups gave no row");
	model = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
	*type = SPI_gettypeid(SPI_tuptable->tupdesc, 1);
	if (null)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are too few rows to learn from"),
				 errdetail("Without fold %d there are no %s rows with an outcome.", fold + 1, *condition ? "such" : "usable"),
				 errhint("Give treated rows and controls, or fewer folds.")));
	MemoryContextSwitchTo(caller);
	model = PointerGetDatum(PG_DETOAST_DATUM_COPY(model));
	SPI_freetuptable(SPI_tuptable);
	return model;
}

static void
add_row(Uplift *uplift, HeapTuple tuple, TupleDesc desc)
{
	bool		nulls[3];
	UpliftRow	row;

	row.score = DatumGetFloat8(SPI_getbinval(tuple, desc, 1, &nulls[0]));
	row.outcome = DatumGetFloat8(SPI_getbinval(tuple, desc, 2, &nulls[1]));
	row.treated = DatumGetBool(SPI_getbinval(tuple, desc, 3, &nulls[2]));
	if (nulls[0] || nulls[1] || nulls[2] || !isfinite(row.score))
		return;
	if (uplift->n == uplift->capacity)
	{
		size_t		capacity = uplift->capacity ? uplift->capacity + uplift->capacity / 2 : 4096;

		uplift->rows = ecml_resize_array(&uplift->ctx, uplift->rows, capacity, sizeof(UpliftRow));
		uplift->capacity = capacity;
	}
	uplift->rows[uplift->n++] = row;
}

/* Predict the rows of a fold by one model, or the difference of two. */
static void
predict(Uplift *uplift, int fold, Datum *models, Oid *types, int n)
{
	char	   *second = n > 1 ? psprintf(" OPERATOR(pg_catalog.-) %s.ecml_predict($2%s)", uplift->schema, uplift->features) : "";
	char	   *sql = psprintf("SELECT %s.ecml_predict($1%s)%s, %s, %s FROM %s AS s WHERE %s OPERATOR(pg_catalog.=) %d "
							   "AND %s IS NOT NULL AND %s IS NOT NULL", uplift->schema, uplift->features, second, uplift->outcome,
							   uplift->treated, uplift->from, fold_sql(uplift), fold, uplift->outcome, uplift->treated);
	Portal		portal = SPI_cursor_open_with_args(NULL, sql, n, types, models, NULL, true, 0);

	for (;;)
	{
		SPI_cursor_fetch(portal, true, 1000);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
			add_row(uplift, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_cursor_close(portal);
}

/* The share of treated rows, of those with an outcome. */
static double
treated_share(const Uplift *uplift)
{
	EcmlSource	query;
	bool		null;
	double		share;

	ecml_source_open_parallel(&query, psprintf("SELECT pg_catalog.avg(%s::pg_catalog.int4)::pg_catalog.float8 FROM %s AS s "
											   "WHERE %s IS NOT NULL", uplift->treated, uplift->from, uplift->outcome));
	if (SPI_execute_plan(query.plan, NULL, NULL, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "an aggregate without groups gave no row");
	share = DatumGetFloat8(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
	SPI_freetuptable(SPI_tuptable);
	if (null || !(share > 0 && share < 1))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there must be treated rows and controls"),
				 null ? errdetail("There are no rows with an outcome and a treatment.") :
				 errdetail("All rows with an outcome are %s.", share == 0 ? "controls" : "treated"),
				 errhint("Look at the columns and values that the options \"treatment\" and \"control\" name.")));
	return share;
}

static void
cross_predict(Uplift *uplift)
{
	double		share = treated_share(uplift);

	for (int fold = 0; fold < uplift->options.folds; fold++)
	{
		Datum		models[2];
		Oid			types[2];

		if (uplift->options.method == TWO_MODEL)
		{
			models[0] = train(uplift, fold, uplift->outcome, psprintf(" AND %s", uplift->treated), &types[0]);
			models[1] = train(uplift, fold, uplift->outcome, psprintf(" AND NOT %s", uplift->treated), &types[1]);
			predict(uplift, fold, models, types, 2);
			pfree(DatumGetPointer(models[1]));
		}
		else
		{
			char	   *y = psprintf("(CASE WHEN %s THEN %s OPERATOR(pg_catalog./) %.17g::pg_catalog.float8 ELSE "
									 "%s OPERATOR(pg_catalog./) %.17g::pg_catalog.float8 END)", uplift->treated, uplift->outcome,
									 share, uplift->outcome, share - 1);

			models[0] = train(uplift, fold, y, psprintf(" AND %s IS NOT NULL", uplift->treated), &types[0]);
			predict(uplift, fold, models, types, 1);
		}
		pfree(DatumGetPointer(models[0]));
	}
}

/* ---------------------------------------------------------------- rows */

static void
put_bins(const Uplift *uplift, const UpliftBin *bins, double qini, EcmlRows *out)
{
	double		z = ecml_normal_isf(0.5 * (1 - uplift->options.level));

	for (int b = 0; b < uplift->options.bins; b++)
	{
		const UpliftBin *bin = &bins[b];
		Datum		values[12];
		bool		nulls[12] = {false};

		values[0] = Int32GetDatum(b + 1);
		values[1] = Int64GetDatum((int64) bin->n_treated);
		values[2] = Int64GetDatum((int64) bin->n_control);
		ecml_set_number(values, nulls, 3, bin->predicted);
		ecml_set_number(values, nulls, 4, bin->treated);
		ecml_set_number(values, nulls, 5, bin->control);
		ecml_set_number(values, nulls, 6, bin->uplift);
		ecml_set_number(values, nulls, 7, bin->uplift - z * bin->std_error);
		ecml_set_number(values, nulls, 8, bin->uplift + z * bin->std_error);
		ecml_set_number(values, nulls, 9, bin->share);
		ecml_set_number(values, nulls, 10, bin->gain);
		ecml_set_number(values, nulls, 11, qini);
		ecml_rows_add(out, values, nulls);
	}
}

PG_FUNCTION_INFO_V1(ecml_uplift);

/* ecml_uplift(source text, options jsonb): rows, one for each bin of predicted uplift, the greatest first */
Datum
ecml_uplift(PG_FUNCTION_ARGS)
{
	EcmlRows   *out = ecml_rows_begin(fcinfo);
	Uplift		uplift = {.options = {.folds = 5,.bins = 10,.level = 0.95}};
	EcmlOptionSet set = {option_list, &uplift.options};
	UpliftBin  *bins;
	char	   *source;
	double		qini;

	source = ecml_source_argument(fcinfo, 0);
	ecml_options_parse("ecml_uplift", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	experiment_check_level(uplift.options.level);
	uplift.schema = quote_identifier(get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid)));
	ecml_host_init(&uplift.ctx, &uplift.host, CurrentMemoryContext, (size_t) ecml_guc_work_mem * 1024, 0);
	SPI_connect();
	ecml_source_open(&uplift.source, source);
	uplift.from = ecml_source_from(source);
	find_columns(&uplift);
	cross_predict(&uplift);
	bins = ECML_NEW0(&uplift.ctx, UpliftBin, uplift.options.bins);
	qini = uplift_curve(&uplift.ctx, uplift.rows, uplift.n, bins, uplift.options.bins);
	put_bins(&uplift, bins, qini, out);
	SPI_finish();
	return (Datum) 0;
}
