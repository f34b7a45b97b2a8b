/*
 * measure_sql.c - the state of the aggregates of metrics: from rows of SQL values to numbers, scores or classes
 *
 * What is measured follows from the types (doc/evaluation.md has the table): a predicted number beside a boolean, a text or
 * an enum is a score; a predicted text or boolean is a class; numbers beside numbers are a regression, unless the option
 * "task" says "classification".  Labels are often written as 0 and 1: as long as all actual numbers are, and all predicted
 * ones lie in [0, 1], their scores are kept beside the sums of the regression, and the result has both.
 *
 * Scores take 8 bytes a row, counted against ecml.work_mem; numbers and classes take a fixed size.  States merge, and the
 * result does not depend on the order of the rows.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "utils/memutils.h"

#include "core/algorithm.h"
#include "core/guc.h"
#include "core/options.h"
#include "report/measure_sql.h"

#define MAX_CLASSES 1000
#define MAX_BINS 10000

static const char *const tasks[] = {"auto", "regression", "classification", NULL};

static const EcmlOption options[] = {
	ECML_OPT_ENUM(MeasureOptions, task, "task", tasks),
	ECML_OPT_FLOAT(MeasureOptions, threshold, "threshold", -1e300, 1e300),
	ECML_OPT_TEXT(MeasureOptions, positive, "positive"),
	ECML_OPT_END
};

/* ---------------------------------------------------------------- bytes */

static void
write_measure(EcmlWriter *w, void *content)
{
	const Measure *m = content;

	ecml_write_u8(w, m->kind);
	ecml_write_u8(w, m->numeric);
	ecml_write_u8(w, m->options.task);
	ecml_write_f8(w, m->options.threshold);
	ecml_write_u8(w, m->options.positive != NULL);
	if (m->options.positive)
		ecml_write_string(w, m->options.positive);
	ecml_write_u32(w, m->bins);
	ecml_write_u8(w, m->binning);
	ecml_write_f8(w, m->costs[0]);
	ecml_write_f8(w, m->costs[1]);
	ecml_write_u64(w, m->rows);
	ecml_write_u64(w, m->skipped);
	if (m->kind == MEASURE_NUMBERS)
	{
		ecml_numbers_write(w, &m->numbers);
		ecml_write_u8(w, m->binary);
		if (m->binary)
			ecml_scores_write(w, &m->scores);
		return;
	}
	ecml_write_u32(w, m->labels->n);
	for (int c = 0; c < m->labels->n; c++)
		ecml_write_string(w, m->labels->entries[c].key);
	if (m->kind == MEASURE_SCORES)
		ecml_scores_write(w, &m->scores);
	else
		for (int c = 0; c < m->labels->n; c++)
			ecml_write_f8s(w, m->confusion + (size_t) c * m->capacity, m->labels->n);
}

static void
read_labels(EcmlReader *r, Measure *m, MemoryContext context)
{
	uint32		n = ecml_read_u32_in(r, 0, m->kind == MEASURE_SCORES ? 2 : MAX_CLASSES);

	m->labels = ecml_dict_create(context);
	for (uint32 c = 0; c < n; c++)
	{
		char	   *label = ecml_host_read_text(r);

		if (ecml_dict_add(m->labels, label, strlen(label)) != (int) c)
			ecml_read_corrupted(r, "a class stands twice");
	}
}

/* Rows of every class's line of the confusion matrix sum up to all rows. */
static void
read_confusion(EcmlReader *r, Measure *m)
{
	size_t		n = m->labels->n;
	double		total = 0;

	m->capacity = n;
	if (n * n > ecml_read_left(r) / sizeof(double))
		ecml_read_corrupted(r, "there are fewer counts than classes need");
	m->confusion = ecml_read_finite_f8s(r, n * n);
	for (size_t i = 0; i < n * n; i++)
	{
		if (m->confusion[i] < 0 || m->confusion[i] != floor(m->confusion[i]))
			ecml_read_corrupted(r, "a count is no count");
		total += m->confusion[i];
	}
	if (total != (double) m->rows)
		ecml_read_corrupted(r, "its counts do not sum up to its rows");
}

static void *
read_measure(EcmlReader *r, MemoryContext context, const void *arg)
{
	Measure    *m = MemoryContextAllocZero(context, sizeof(Measure));

	m->kind = ecml_read_u8(r);
	m->numeric = ecml_read_bool(r);
	m->options.task = ecml_read_u8(r);
	m->options.threshold = ecml_read_finite(r);
	if (ecml_read_bool(r))
		m->options.positive = ecml_host_read_text(r);
	m->bins = ecml_read_u32_in(r, 1, MAX_BINS);
	m->binning = ecml_read_u8(r);
	m->costs[0] = ecml_read_finite(r);
	m->costs[1] = ecml_read_finite(r);
	m->rows = ecml_read_u64(r);
	m->skipped = ecml_read_u64(r);
	if (m->kind > MEASURE_LABELS || m->options.task > 2 || m->binning > ECML_BINS_QUANTILE || m->costs[0] < 0 ||
		m->costs[1] < 0)
		ecml_read_corrupted(r, "what it measures is not known");
	if (m->rows < 0 || m->skipped < 0)
		ecml_read_corrupted(r, "a count of rows is out of range");
	if (m->kind == MEASURE_NUMBERS)
	{
		ecml_numbers_read(r, &m->numbers);
		if (m->numbers.rows != m->rows)
			ecml_read_corrupted(r, "its sums are of other rows");
		m->labels = ecml_dict_create(context);
		ecml_scores_init(&m->scores, false);
		m->binary = ecml_read_bool(r);
		if (m->binary)
			ecml_scores_read(r, &m->scores);
		if (m->binary && (m->scores.weighted || !m->scores.probabilities || m->options.task != 0 || !m->numeric ||
						  m->rows != (int64) (m->scores.of[0].n + m->scores.of[1].n)))
			ecml_read_corrupted(r, "its scores are of other rows");
		return m;
	}
	read_labels(r, m, context);
	if (m->kind == MEASURE_LABELS)
	{
		read_confusion(r, m);
		return m;
	}
	ecml_scores_read(r, &m->scores);
	if (m->scores.weighted || m->rows != (int64) (m->scores.of[0].n + m->scores.of[1].n) ||
		(m->scores.of[0].n > 0 && m->labels->n < 1) || (m->scores.of[1].n > 0 && m->labels->n < 2))
		ecml_read_corrupted(r, "its scores are of other rows");
	return m;
}

const EcmlStateType measure_state_type = {.name = "metrics",.write = write_measure,.read = read_measure};

ECML_STATE_FUNCTIONS(ecml_metrics_state, &measure_state_type)

/* ---------------------------------------------------------------- types */

static void
plan_side(FunctionCallInfo fcinfo, Measure *m, int side)
{
	static const char *const names[] = {"actual", "predicted"};
	EcmlInput  *input = &m->sides[side].input;
	Oid			element;
	EcmlConvert convert;

	input->name = (char *) names[side];
	input->type = get_fn_expr_argtype(fcinfo->flinfo, side + 1);
	if (!OidIsValid(input->type))
		elog(ERROR, "the types of the arguments are not known");
	if (!ecml_bind_plan(input->type, &input->convert, &input->kind, &element, &convert) || input->convert == ECML_FROM_ARRAY ||
		(input->kind != ECML_NUMBER && input->kind != ECML_BOOLEAN && input->kind != ECML_CATEGORY))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the %s values cannot be measured", names[side]),
				 errdetail("Their type is %s.", format_type_be(input->type)),
				 errhint("Give numbers, booleans, texts or enums.")));
}

static bool
is_integer(const EcmlInput *input)
{
	return input->convert == ECML_FROM_INT2 || input->convert == ECML_FROM_INT4 || input->convert == ECML_FROM_INT8;
}

static void
wrong_types(const Measure *m, const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", message),
			 errdetail("Actual values are of type %s, predicted ones of type %s.", format_type_be(m->sides[0].input.type),
					   format_type_be(m->sides[1].input.type)),
			 errhint("%s", hint)));
}

static MeasureKind
kind_of(const Measure *m)
{
	const EcmlInput *actual = &m->sides[0].input;
	const EcmlInput *predicted = &m->sides[1].input;
	bool		regression = m->options.task == ECML_REGRESSION + 1;
	bool		numbers = actual->kind == ECML_NUMBER && predicted->kind == ECML_NUMBER;

	if (regression && !numbers)
		wrong_types(m, "a regression is measured between numbers", "Leave \"task\" out, or cast both to numbers.");
	if (predicted->kind != ECML_NUMBER)
		return MEASURE_LABELS;
	if (actual->kind != ECML_NUMBER)
		return MEASURE_SCORES;
	if (m->options.task != ECML_CLASSIFICATION + 1)
		return MEASURE_NUMBERS;
	return is_integer(predicted) ? MEASURE_LABELS : MEASURE_SCORES;
}

/* ---------------------------------------------------------------- classes */

static int
add_label(Measure *m, const char *label, int length)
{
	int			code = ecml_dict_find(m->labels, label, length);

	if (code >= 0)
		return code;
	if (m->kind == MEASURE_SCORES && m->labels->n == 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("scores are measured for two classes, and there are more"),
				 errdetail("Classes are \"%s\", \"%s\" and \"%s\".", m->labels->entries[0].key, m->labels->entries[1].key,
						   pnstrdup(label, length)),
				 errhint("Give a boolean, such as actual = '%s'.", m->labels->entries[0].key)));
	if (m->labels->n == MAX_CLASSES)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are too many classes"),
				 errdetail("There are more than %d different values.", MAX_CLASSES),
				 errhint("For numbers to predict, leave the \"task\" out, or say \"regression\".")));
	return ecml_dict_add(m->labels, label, length);
}

/* The class of a value. */
static int
class_of(Measure *m, MeasureSide *side, Datum value)
{
	const EcmlInput *input = &side->input;
	const char *label;
	char	   *text = NULL;
	double		number = 0;
	int			length;

	if (input->kind == ECML_CATEGORY && input->convert != ECML_FROM_ENUM)
	{
		label = ecml_bind_label(input, value, &length);
		return add_label(m, label, length);
	}
	number = input->kind == ECML_CATEGORY ? DatumGetObjectId(value) : ecml_bind_number(input, value);
	if (side->seen && side->value == number)
		return side->code;
	if (input->kind == ECML_CATEGORY)
		label = ecml_bind_label(input, value, &length);
	else if (input->kind == ECML_BOOLEAN)
		label = number != 0 ? "true" : "false";
	else
	{
		if (!isfinite(number))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("a value that stands for a class is not finite"),
					 errdetail("A row has %s.", isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity"),
					 errhint("Filter such rows out, or turn the values into NULL.")));
		label = text = double_to_shortest_decimal(number == 0 ? 0 : number);
	}
	side->code = add_label(m, label, strlen(label));
	side->value = number;
	side->seen = true;
	if (text)
		pfree(text);
	return side->code;
}

/* Is the row positive (class number 1)? */
static int
score_class(Measure *m, Datum value)
{
	MeasureSide *side = &m->sides[0];
	double		number;

	if (side->input.kind == ECML_CATEGORY)
		return class_of(m, side, value);
	number = ecml_bind_number(&side->input, value);
	if (number != 0 && number != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("an actual value is neither 0 nor 1"),
				 errdetail("A row has %g.", number),
				 errhint("Scores are measured for two classes: give a boolean, such as actual = %g.", number)));
	return number == 1;
}

static void
count_pair(EcmlState *state, int actual, int predicted, double rows)
{
	Measure    *m = state->content;

	if (m->labels->n > m->capacity)
	{
		int			capacity = Max(m->labels->n, m->capacity * 2);
		double	   *larger = ECML_NEW0(&state->ctx, double, (size_t) capacity * capacity);

		for (int c = 0; c < m->capacity; c++)
			memcpy(larger + (size_t) c * capacity, m->confusion + (size_t) c * m->capacity, m->capacity * sizeof(double));
		ecml_free(&state->ctx, m->confusion);
		m->confusion = larger;
		m->capacity = capacity;
	}
	m->confusion[(size_t) actual * m->capacity + predicted] += rows;
}

static int
compare_numbers(const void *a, const void *b, void *arg)
{
	const EcmlDict *labels = arg;
	double		x = strtod(labels->entries[*(const int *) a].key, NULL);
	double		y = strtod(labels->entries[*(const int *) b].key, NULL);

	return x < y ? -1 : x > y;
}

int *
measure_order(const Measure *m)
{
	int		   *order = ecml_dict_order(m->labels);
	bool		numbers = m->numeric;

	/* predicted classes may be texts of anything */
	for (int c = 0; c < m->labels->n && numbers; c++)
	{
		char	   *end;

		(void) strtod(m->labels->entries[c].key, &end);
		numbers = *end == '\0' && end != m->labels->entries[c].key;
	}
	if (numbers)
		qsort_arg(order, m->labels->n, sizeof(int), compare_numbers, m->labels);
	return order;
}

void
measure_classes(const Measure *m, int *order)
{
	int		   *sorted = ecml_dict_order(m->labels);
	const char *positive = m->options.positive;
	int			code;

	order[0] = m->labels->n > 0 ? sorted[0] : -1;
	order[1] = m->labels->n > 1 ? sorted[1] : -1;
	pfree(sorted);
	if (positive == NULL)
		return;
	code = ecml_dict_find(m->labels, positive, strlen(positive));
	if (code < 0 && m->labels->n == 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the positive class \"%s\" is not among the actual ones", positive),
				 errdetail("Classes are \"%s\" and \"%s\".", m->labels->entries[order[0]].key,
						   m->labels->entries[order[1]].key),
				 errhint("Give one of them as \"positive\".")));
	if (code >= 0 && code == order[0])
	{
		order[0] = order[1];
		order[1] = code;
	}
}

/* ---------------------------------------------------------------- rows */

/* A state for the first row; scores: whatever the options say. */
static EcmlState *
begin(FunctionCallInfo fcinfo, int options_argument)
{
	EcmlState  *state = ecml_state_create(&measure_state_type, ecml_aggregate_context(fcinfo));
	MemoryContext context = state->header.eoh_context;
	MemoryContext old = MemoryContextSwitchTo(context);
	Measure    *m = palloc0(sizeof(Measure));
	EcmlOptionSet set = {options, &m->options};

	m->options.threshold = 0.5;
	m->bins = 10;
	m->labels = ecml_dict_create(context);
	if (options_argument > 0 && !PG_ARGISNULL(options_argument))
		ecml_options_parse("ecml_metrics", PG_GETARG_JSONB_P(options_argument), &set, 1);
	ecml_scores_init(&m->scores, false);
	state->content = m;
	MemoryContextSwitchTo(old);
	return state;
}

/* The classes of scores that are told by a boolean, or by 0 and 1. */
void
measure_fix_labels(Measure *m)
{
	static const char *const labels[2][2] = {{"false", "true"}, {"0", "1"}};

	for (int c = 0; c < 2; c++)
		if (add_label(m, labels[m->numeric][c], strlen(labels[m->numeric][c])) != c)
			wrong_types(m, "rows of other types cannot be added to a state", "Make a state of its own for them.");
}

/* The state to change, ready for this call's types; made when it is the first (*first).  kind: -1, what the types say. */
static EcmlState *
get_state(FunctionCallInfo fcinfo, int options_argument, int kind, bool *first)
{
	EcmlState  *state = ecml_state_in_place(fcinfo, 0);
	Measure    *m;

	*first = false;
	if (state == NULL)
	{
		state = ecml_state_argument(fcinfo, 0, &measure_state_type, ecml_aggregate_context(fcinfo));
		*first = state == NULL;
		if (state == NULL)
			state = begin(fcinfo, options_argument);
		state->ctx.budget = (size_t) ecml_guc_work_mem * 1024;
	}
	m = state->content;
	if (OidIsValid(m->sides[0].input.type))
		return state;
	plan_side(fcinfo, m, 0);
	plan_side(fcinfo, m, 1);
	if (kind < 0)
		kind = kind_of(m);
	if (*first)
	{
		m->kind = kind;
		m->numeric = m->sides[0].input.kind == ECML_NUMBER;
		m->binary = kind == MEASURE_NUMBERS && m->options.task == 0;
	}
	else if (m->kind != kind || m->numeric != (m->sides[0].input.kind == ECML_NUMBER))
		wrong_types(m, "rows of other types cannot be added to a state", "Make a state of its own for them.");
	if (m->kind == MEASURE_SCORES && m->sides[0].input.kind != ECML_CATEGORY)
		measure_fix_labels(m);
	return state;
}

static void
add_numbers(EcmlState *state, Measure *m, double actual, double predicted)
{
	ecml_numbers_add(&state->ctx, &m->numbers, actual, predicted, 1);
	if (!m->binary)
		return;
	m->binary = (actual == 0 || actual == 1) && predicted >= 0 && predicted <= 1;
	if (m->binary)
		ecml_scores_add(&state->ctx, &m->scores, actual == 1, predicted, 1);
	else
		ecml_scores_free(&state->ctx, &m->scores);
}

static Datum
add_row(FunctionCallInfo fcinfo, EcmlState *state)
{
	Measure    *m = state->content;
	Datum		actual = PG_GETARG_DATUM(1);
	Datum		predicted = PG_GETARG_DATUM(2);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		m->skipped++;
		PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
	}
	switch (m->kind)
	{
		case MEASURE_NUMBERS:
			add_numbers(state, m, ecml_bind_number(&m->sides[0].input, actual), ecml_bind_number(&m->sides[1].input, predicted));
			break;
		case MEASURE_SCORES:
			ecml_scores_add(&state->ctx, &m->scores, score_class(m, actual),
							ecml_bind_number(&m->sides[1].input, predicted), 1);
			break;
		case MEASURE_LABELS:
			{
				int			class = class_of(m, &m->sides[0], actual);

				count_pair(state, class, class_of(m, &m->sides[1], predicted), 1);
				break;
			}
	}
	m->rows++;
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

PG_FUNCTION_INFO_V1(ecml_metrics_transition);
PG_FUNCTION_INFO_V1(ecml_confusion_transition);
PG_FUNCTION_INFO_V1(ecml_scores_transition);
PG_FUNCTION_INFO_V1(ecml_bins_transition);
PG_FUNCTION_INFO_V1(ecml_costs_transition);
PG_FUNCTION_INFO_V1(ecml_metrics_combine);

/* ecml_metrics_transition(state, actual "any", predicted "any" [, options jsonb]) */
Datum
ecml_metrics_transition(PG_FUNCTION_ARGS)
{
	bool		first;
	EcmlState  *state = get_state(fcinfo, PG_NARGS() > 3 ? 3 : 0, -1, &first);

	return add_row(fcinfo, state);
}

/* ecml_confusion_transition(state, actual "any", predicted "any") */
Datum
ecml_confusion_transition(PG_FUNCTION_ARGS)
{
	bool		first;
	EcmlState  *state = get_state(fcinfo, 0, MEASURE_LABELS, &first);
	const Measure *m = state->content;
	EcmlConvert convert = m->sides[1].input.convert;

	if (first && (convert == ECML_FROM_FLOAT8 || convert == ECML_FROM_FLOAT4) && m->sides[0].input.kind != ECML_NUMBER)
		wrong_types(m, "a confusion matrix compares classes", "Make a class of the score: ecml_confusion(actual, score >= 0.5).");
	return add_row(fcinfo, state);
}

/* ecml_scores_transition(state, actual "any", score float8) */
Datum
ecml_scores_transition(PG_FUNCTION_ARGS)
{
	bool		first;
	EcmlState  *state = get_state(fcinfo, 0, MEASURE_SCORES, &first);

	return add_row(fcinfo, state);
}

static void
must_be_constant(const char *what, double first, double now)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be the same in all rows", what),
			 errdetail("It is %g in one row and %g in another.", first, now),
			 errhint("Give a constant.")));
}

/* ecml_bins_transition(state, actual "any", score float8, bins int4 [, strategy text]) */
Datum
ecml_bins_transition(PG_FUNCTION_ARGS)
{
	bool		first;
	EcmlState  *state = get_state(fcinfo, 0, MEASURE_SCORES, &first);
	Measure    *m = state->content;
	int			bins = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3);

	if (bins < 1 || bins > MAX_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid number of bins"),
				 errdetail(PG_ARGISNULL(3) ? "It is NULL." : "It is %d.", bins),
				 errhint("Give 1 to %d.", MAX_BINS)));
	if (!first && m->bins != bins)
		must_be_constant("the number of bins", m->bins, bins);
	m->bins = bins;
	if (first && PG_NARGS() > 4)
	{
		char	   *strategy = PG_ARGISNULL(4) ? "NULL" : text_to_cstring(PG_GETARG_TEXT_PP(4));

		if (strcmp(strategy, "uniform") != 0 && strcmp(strategy, "quantile") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown strategy of bins \"%s\"", strategy),
					 errdetail("Bins are of equal width, or of equally many rows."),
					 errhint("Give 'uniform' or 'quantile'.")));
		m->binning = strategy[0] == 'q' ? ECML_BINS_QUANTILE : ECML_BINS_UNIFORM;
	}
	return add_row(fcinfo, state);
}

/* ecml_costs_transition(state, actual "any", score float8, cost_fp float8, cost_fn float8) */
Datum
ecml_costs_transition(PG_FUNCTION_ARGS)
{
	bool		first;
	EcmlState  *state = get_state(fcinfo, 0, MEASURE_SCORES, &first);
	Measure    *m = state->content;

	for (int i = 0; i < 2; i++)
	{
		double		cost = PG_ARGISNULL(3 + i) ? NAN : PG_GETARG_FLOAT8(3 + i);

		if (!(cost >= 0 && cost <= 1e300))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid cost of a false %s", i == 0 ? "positive" : "negative"),
					 errdetail(PG_ARGISNULL(3 + i) ? "It is NULL." : "It is %g.", cost),
					 errhint("Give 0 or more.")));
		if (!first && m->costs[i] != cost)
			must_be_constant("a cost", m->costs[i], cost);
		m->costs[i] = cost;
	}
	return add_row(fcinfo, state);
}

static void
merge(EcmlState *state, EcmlState *other)
{
	Measure    *m = state->content;
	const Measure *source = other->content;
	const char *positive = m->options.positive ? m->options.positive : "";
	const char *source_positive = source->options.positive ? source->options.positive : "";
	int		   *code;

	state->ctx.budget = (size_t) ecml_guc_work_mem * 1024;
	if (m->kind != source->kind || m->numeric != source->numeric || m->options.task != source->options.task ||
		m->options.threshold != source->options.threshold || strcmp(positive, source_positive) != 0 ||
		m->bins != source->bins || m->binning != source->binning || m->costs[0] != source->costs[0] ||
		m->costs[1] != source->costs[1])
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("states of different metrics cannot be merged"),
				 errdetail("Their kind or options differ."),
				 errhint("Make all states with the same arguments.")));
	m->rows += source->rows;
	m->skipped += source->skipped;
	if (m->kind == MEASURE_NUMBERS)
	{
		ecml_numbers_merge(&state->ctx, &m->numbers, &source->numbers);
		if (m->binary && source->binary)
			ecml_scores_merge(&state->ctx, &m->scores, &source->scores);
		else if (m->binary)
			ecml_scores_free(&state->ctx, &m->scores);
		m->binary &= source->binary;
		return;
	}
	code = palloc((source->labels->n + 1) * sizeof(int));
	for (int c = 0; c < source->labels->n; c++)
		code[c] = add_label(m, source->labels->entries[c].key, source->labels->entries[c].length);
	if (m->kind == MEASURE_SCORES)
	{
		EcmlScores	scores = source->scores;

		if (source->labels->n > 0 && code[0] == 1)
			ecml_scores_swap(&scores);
		ecml_scores_merge(&state->ctx, &m->scores, &scores);
	}
	else
		for (int i = 0; i < source->labels->n; i++)
			for (int j = 0; j < source->labels->n; j++)
				count_pair(state, code[i], code[j], source->confusion[(size_t) i * source->capacity + j]);
	pfree(code);
}

/* ecml_metrics_combine(state, state) */
Datum
ecml_metrics_combine(PG_FUNCTION_ARGS)
{
	return ecml_state_combine(fcinfo, &measure_state_type, merge);
}
