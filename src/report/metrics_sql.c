/*
 * metrics_sql.c - what the aggregates of metrics give: ecml_metrics, ecml_confusion, ecml_roc, ecml_pr_curve, ecml_lift,
 * ecml_calibration, ecml_best_threshold
 *
 * An aggregate cannot return rows: those that have several give an array of a composite type, which unnest makes rows of.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "core/guc.h"
#include "core/json.h"
#include "core/metrics.h"
#include "core/result.h"
#include "report/measure_sql.h"

/* The state of a final function, of the kind it is for; NULL without rows. */
static EcmlState *
final_state(FunctionCallInfo fcinfo, int kind)
{
	EcmlState  *state = ecml_state_argument(fcinfo, 0, &measure_state_type, CurrentMemoryContext);

	if (state == NULL)
		return NULL;
	if (kind >= 0 && ((Measure *) state->content)->kind != kind)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the state is of other metrics"),
				 errdetail("It holds no %s.", kind == MEASURE_SCORES ? "scores" : "classes"),
				 errhint("Make it by the aggregate that this function belongs to.")));
	state->ctx.budget = (size_t) ecml_guc_work_mem * 1024;
	return state;
}

/* Its scores, sorted: of[1] the positive class.  The lists are the state's own. */
static EcmlScores
final_scores(EcmlState *state, const char **classes)
{
	Measure    *m = state->content;
	EcmlScores	scores;
	int			order[2];

	ecml_scores_sort(&state->ctx, &m->scores);
	scores = m->scores;
	measure_classes(m, order);
	if (order[1] == 0 || order[0] == 1)
		ecml_scores_swap(&scores);
	for (int c = 0; c < 2 && classes; c++)
		classes[c] = order[c] < 0 ? NULL : m->labels->entries[order[c]].key;
	return scores;
}

/* ---------------------------------------------------------------- ecml_metrics */

/* Of two classes also what is said of the positive one. */
static void
write_positive(EcmlJson *json, const Measure *m, const double *confusion, const char *const *classes)
{
	int			positive = 1;
	double		tp;
	double		fn;
	double		fp;
	double		tn;

	if (m->options.positive)
	{
		if (strcmp(classes[0], m->options.positive) == 0)
			positive = 0;
		else if (strcmp(classes[1], m->options.positive) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the positive class \"%s\" is not among the classes", m->options.positive),
					 errdetail("Classes are \"%s\" and \"%s\".", classes[0], classes[1]),
					 errhint("Give one of them as \"positive\".")));
	}
	tp = confusion[positive * 2 + positive];
	fn = confusion[positive * 2 + 1 - positive];
	fp = confusion[(1 - positive) * 2 + positive];
	tn = confusion[(1 - positive) * 2 + 1 - positive];
	ecml_json_string(json, "positive_class", classes[positive]);
	ecml_json_number(json, "prevalence", (tp + fn) / (tp + fn + fp + tn));
	ecml_json_number(json, "precision", tp / (tp + fp));
	ecml_json_number(json, "recall", tp / (tp + fn));
	ecml_json_number(json, "specificity", tn / (tn + fp));
	ecml_json_number(json, "f1", 2 * tp / (2 * tp + fp + fn));
}

static void
write_labels(EcmlJson *json, const Measure *m)
{
	int			k = m->labels->n;
	int		   *order = measure_order(m);
	const char **classes = palloc((k + 1) * sizeof(char *));
	double	   *confusion = palloc0(((size_t) k * k + 1) * sizeof(double));

	for (int i = 0; i < k; i++)
	{
		classes[i] = m->labels->entries[order[i]].key;
		for (int j = 0; j < k; j++)
			confusion[(size_t) i * k + j] = m->confusion[(size_t) order[i] * m->capacity + order[j]];
	}
	ecml_metrics_labels(json, confusion, k, classes);
	if (k == 2)
		write_positive(json, m, confusion, classes);
}

PG_FUNCTION_INFO_V1(ecml_metrics_final);
PG_FUNCTION_INFO_V1(ecml_confusion_final);
PG_FUNCTION_INFO_V1(ecml_roc_final);
PG_FUNCTION_INFO_V1(ecml_pr_curve_final);
PG_FUNCTION_INFO_V1(ecml_lift_final);
PG_FUNCTION_INFO_V1(ecml_calibration_final);
PG_FUNCTION_INFO_V1(ecml_best_threshold_final);

/* ecml_metrics_final(state): jsonb */
Datum
ecml_metrics_final(PG_FUNCTION_ARGS)
{
	EcmlState  *state = final_state(fcinfo, -1);
	Measure    *m = state ? state->content : NULL;
	bool		scores_too;
	EcmlJson   *json;

	if (m == NULL)
		PG_RETURN_NULL();
	scores_too = m->kind == MEASURE_NUMBERS && m->binary && m->rows > 0;
	if (scores_too && m->labels->n == 0)
		measure_fix_labels(m);
	json = ecml_json_object();
	ecml_json_string(json, "task", m->kind == MEASURE_NUMBERS && !scores_too ? "regression" : "classification");
	ecml_json_int(json, "rows", m->rows);
	ecml_json_int(json, "skipped", m->skipped);
	if (m->kind == MEASURE_NUMBERS)
		ecml_metrics_numbers(json, &state->ctx, &m->numbers);
	if (m->kind == MEASURE_LABELS)
		write_labels(json, m);
	if (m->kind == MEASURE_SCORES || scores_too)
	{
		const char *classes[2];
		EcmlScores	scores = final_scores(state, classes);

		ecml_metrics_scores(json, &state->ctx, &scores, m->options.threshold, classes, NULL);
	}
	PG_RETURN_JSONB_P(ecml_json_finish(json));
}

/* ---------------------------------------------------------------- arrays of rows */

typedef struct Rows
{
	TupleDesc	desc;
	Oid			type;			/* of an element */
	Datum	   *rows;			/* [n] */
	size_t		n;
	size_t		bytes;
} Rows;

/* Room for n elements of the array that the function returns. */
static Rows
begin_rows(FunctionCallInfo fcinfo, size_t n)
{
	Rows		rows = {.type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid))};

	rows.desc = lookup_rowtype_tupdesc_copy(rows.type, -1);
	rows.rows = MemoryContextAllocHuge(CurrentMemoryContext, (n + 1) * sizeof(Datum));
	return rows;
}

static void
add_values(Rows *rows, Datum *values, bool *nulls)
{
	HeapTuple	tuple = heap_form_tuple(rows->desc, values, nulls);

	if (rows->n % 1024 == 0)
		CHECK_FOR_INTERRUPTS();
	rows->bytes += MAXALIGN(tuple->t_len);
	if (rows->bytes > MaxAllocSize - 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the result has too many points for an array"),
				 errdetail("After %zu points it takes 1 GB.", rows->n),
				 errhint("Round the scores, for example round(score::numeric, 4)::float8.")));
	rows->rows[rows->n++] = HeapTupleGetDatum(tuple);
}

/* The same for columns that are all numbers. */
static void
add_numbers(Rows *rows, const double *numbers)
{
	Datum		values[16];
	bool		nulls[16];

	for (int i = 0; i < rows->desc->natts; i++)
		ecml_set_number(values, nulls, i, numbers[i]);
	add_values(rows, values, nulls);
}

static Datum
finish_rows(Rows *rows)
{
	if (rows->n == 0)
		return PointerGetDatum(construct_empty_array(rows->type));
	return PointerGetDatum(construct_array(rows->rows, rows->n, rows->type, -1, false, TYPALIGN_DOUBLE));
}

/* ecml_confusion_final(state): ecml_confusion_cell[] */
Datum
ecml_confusion_final(PG_FUNCTION_ARGS)
{
	EcmlState  *state = final_state(fcinfo, MEASURE_LABELS);
	const Measure *m = state ? state->content : NULL;
	int		   *order;
	int			k;
	Rows		rows;

	if (m == NULL)
		PG_RETURN_NULL();
	k = m->labels->n;
	order = measure_order(m);
	rows = begin_rows(fcinfo, (size_t) k * k);
	for (int i = 0; i < k; i++)
		for (int j = 0; j < k; j++)
		{
			Datum		values[3];
			bool		nulls[3] = {false};

			values[0] = CStringGetTextDatum(m->labels->entries[order[i]].key);
			values[1] = CStringGetTextDatum(m->labels->entries[order[j]].key);
			values[2] = Int64GetDatum((int64) m->confusion[(size_t) order[i] * m->capacity + order[j]]);
			add_values(&rows, values, nulls);
		}
	PG_RETURN_DATUM(finish_rows(&rows));
}

static Datum
curve(FunctionCallInfo fcinfo, EcmlCurvePoint *(*make) (EcmlCtx *ctx, const EcmlScores *s, bool drop, size_t *n))
{
	EcmlState  *state = final_state(fcinfo, MEASURE_SCORES);
	EcmlScores	scores;
	EcmlCurvePoint *point;
	size_t		n;
	Rows		rows;

	if (state == NULL)
		PG_RETURN_NULL();
	scores = final_scores(state, NULL);
	point = make(&state->ctx, &scores, true, &n);
	rows = begin_rows(fcinfo, n);
	for (size_t i = 0; i < n; i++)
		add_numbers(&rows, &point[i].threshold);
	ecml_free(&state->ctx, point);
	return finish_rows(&rows);
}

/* ecml_roc_final(state): ecml_roc_point[] */
Datum
ecml_roc_final(PG_FUNCTION_ARGS)
{
	return curve(fcinfo, ecml_scores_roc);
}

/* ecml_pr_curve_final(state): ecml_pr_point[] */
Datum
ecml_pr_curve_final(PG_FUNCTION_ARGS)
{
	return curve(fcinfo, ecml_scores_pr);
}

/* ecml_lift_final(state): ecml_lift_bin[] */
Datum
ecml_lift_final(PG_FUNCTION_ARGS)
{
	EcmlState  *state = final_state(fcinfo, MEASURE_SCORES);
	EcmlScores	scores;
	EcmlLiftBin *bin;
	int			n;
	Rows		rows;

	if (state == NULL)
		PG_RETURN_NULL();
	scores = final_scores(state, NULL);
	bin = ecml_scores_lift(&state->ctx, &scores, ((Measure *) state->content)->bins, &n);
	rows = begin_rows(fcinfo, n);
	for (int i = 0; i < n; i++)
	{
		Datum		values[9];
		bool		nulls[9] = {false};

		values[0] = Int32GetDatum(i + 1);
		values[1] = Int64GetDatum((int64) bin[i].rows);
		ecml_set_number(values, nulls, 2, bin[i].positives);
		ecml_set_number(values, nulls, 3, bin[i].rate);
		ecml_set_number(values, nulls, 4, bin[i].lift);
		ecml_set_number(values, nulls, 5, bin[i].gain);
		ecml_set_number(values, nulls, 6, bin[i].cumulative_lift);
		ecml_set_number(values, nulls, 7, bin[i].min_score);
		ecml_set_number(values, nulls, 8, bin[i].max_score);
		add_values(&rows, values, nulls);
	}
	ecml_free(&state->ctx, bin);
	return finish_rows(&rows);
}

/* ecml_calibration_final(state): ecml_calibration_bin[] */
Datum
ecml_calibration_final(PG_FUNCTION_ARGS)
{
	EcmlState  *state = final_state(fcinfo, MEASURE_SCORES);
	const Measure *m = state ? state->content : NULL;
	EcmlScores	scores;
	EcmlCalibrationBin *bin;
	int			n;
	Rows		rows;

	if (m == NULL)
		PG_RETURN_NULL();
	scores = final_scores(state, NULL);
	bin = ecml_scores_calibration(&state->ctx, &scores, m->bins, m->binning, &n);
	rows = begin_rows(fcinfo, n);
	for (int i = 0; i < n; i++)
	{
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = Int32GetDatum(i + 1);
		ecml_set_number(values, nulls, 1, bin[i].low);
		ecml_set_number(values, nulls, 2, bin[i].high);
		values[3] = Int64GetDatum((int64) bin[i].rows);
		ecml_set_number(values, nulls, 4, bin[i].mean_score);
		ecml_set_number(values, nulls, 5, bin[i].rate);
		add_values(&rows, values, nulls);
	}
	ecml_free(&state->ctx, bin);
	return finish_rows(&rows);
}

/* ecml_best_threshold_final(state): ecml_threshold */
Datum
ecml_best_threshold_final(PG_FUNCTION_ARGS)
{
	EcmlState  *state = final_state(fcinfo, MEASURE_SCORES);
	const Measure *m = state ? state->content : NULL;
	EcmlBestThreshold best;
	EcmlScores	scores;
	Datum		values[8];
	bool		nulls[8] = {false};

	if (m == NULL || m->rows == 0)
		PG_RETURN_NULL();
	scores = final_scores(state, NULL);
	best = ecml_scores_best_threshold(&state->ctx, &scores, m->costs[0], m->costs[1]);
	ecml_set_number(values, nulls, 0, best.threshold);
	ecml_set_number(values, nulls, 1, best.cost);
	values[2] = Int64GetDatum((int64) best.confusion.tp);
	values[3] = Int64GetDatum((int64) best.confusion.fp);
	values[4] = Int64GetDatum((int64) best.confusion.tn);
	values[5] = Int64GetDatum((int64) best.confusion.fn);
	ecml_set_number(values, nulls, 6, best.confusion.tp / (best.confusion.tp + best.confusion.fp));
	ecml_set_number(values, nulls, 7, best.confusion.tp / (best.confusion.tp + best.confusion.fn));
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}
