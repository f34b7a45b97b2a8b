/*
 * cnn_many_sql.c - many pictures at once: by the batch, in tasks; evaluation, and the classes of a whole source
 */
#include "image/cnn_sql.h"

#include <math.h>

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/metrics.h"
#include "core/result.h"
#include "core/serve.h"
#include "image/cnn_serve_sql.h"

/* ---- by the batch, in tasks */

#define AT_ONCE 256				/* pictures at least, by all tasks */

typedef struct Many
{
	const CnnModel *fitted;
	int			nclasses;
	size_t		outputs;
	const uint8_t *bytes;		/* [n][row_bytes] */
	size_t		n;
	size_t		chunk;
	size_t		row_bytes;
	float	   *memory;			/* [workers][per_worker]: input, then the runner's */
	size_t		per_worker;
	double	   *answers;		/* [n][outputs]; NULL: embeddings are wanted */
	float	   *embeddings;		/* [n][outputs] */
} Many;

static void
many_task(void *arg, size_t i, int worker)
{
	const Many *m = arg;
	const CnnModel *fitted = m->fitted;
	size_t		from = i * m->chunk;
	size_t		n = m->n - from < m->chunk ? m->n - from : m->chunk;
	size_t		values = fitted->net->nodes[0].values;
	float	   *x = m->memory + worker * m->per_worker;
	const float *y;

	for (size_t k = 0; k < n; k++)
		cnn_floats(fitted, m->bytes + (from + k) * m->row_bytes, x + k * values);
	y = runner_run(fitted->runner, x, n, x + m->chunk * values + NET_SLACK);
	if (m->answers)
	{
		for (size_t k = 0; k < n; k++)
			cnn_answer(fitted, m->nclasses, y + k * net_outputs(fitted->net), m->answers + (from + k) * m->outputs);
		return;
	}
	y = runner_kept(fitted->runner, n, x + m->chunk * values + NET_SLACK, x);
	for (size_t k = 0; k < n; k++)
		cnn_embedding(fitted, y + k * fitted->served->nodes[fitted->served->embedding].values,
					  m->embeddings + (from + k) * m->outputs);
}

/* The answers for all rows of a store, told one by one. */
void
cnn_many(EcmlCtx *ctx, const CnnModel *fitted, int nclasses, CnnStore *store, bool embedding, CnnManyRow row, void *arg)
{
	Many		m = {fitted, nclasses, embedding ? cnn_embedding_size(fitted) : (size_t) cnn_outputs(fitted, nclasses)};
	size_t		total = cnn_store_rows(store);
	size_t		values = fitted->net->nodes[0].values;
	uint32_t   *order;
	size_t		at_once;
	uint8_t    *bytes;

	m.row_bytes = cnn_row_bytes(fitted);
	m.chunk = runner_batch(fitted->runner);
	at_once = m.chunk * ecml_workers(ctx, SIZE_MAX);
	at_once = (Max(at_once, AT_ONCE) + m.chunk - 1) / m.chunk * m.chunk;
	order = ECML_NEW(ctx, uint32_t, at_once);
	m.per_worker = (m.chunk * values + 2 * NET_SLACK + runner_floats(fitted->runner, m.chunk) + 15) / 16 * 16;
	m.memory = ECML_NEW0(ctx, float, m.per_worker * ecml_workers(ctx, at_once / m.chunk));
	if (embedding)
		m.embeddings = ECML_NEW(ctx, float, at_once * m.outputs);
	else
		m.answers = ECML_NEW(ctx, double, at_once * m.outputs);
	m.bytes = bytes = ecml_alloc_array(ctx, at_once, m.row_bytes);
	for (size_t at = 0; at < total; at += at_once)
	{
		m.n = Min(at_once, total - at);
		for (size_t i = 0; i < m.n; i++)
			order[i] = (uint32_t) (at + i);
		cnn_store_fetch(store, order, m.n, bytes);
		ecml_parallel_for(ctx, (m.n + m.chunk - 1) / m.chunk, many_task, &m);
		for (size_t i = 0; i < m.n; i++)
			row(arg, at + i, embedding ? (void *) (m.embeddings + i * m.outputs) : (void *) (m.answers + i * m.outputs));
	}
}

/* ---- evaluation */

typedef struct EvaluateOptions
{
	char	   *target;
	double		threshold;
	int			top_k;
} EvaluateOptions;

static const EcmlOption evaluate_options[] = {
	ECML_OPT_TEXT(EvaluateOptions, target, "target"),
	ECML_OPT_FLOAT(EvaluateOptions, threshold, "threshold", 0, 1),
	ECML_OPT_INT(EvaluateOptions, top_k, "top_k", 1, 1000),
	ECML_OPT_END
};

typedef struct Evaluation
{
	const EcmlModel *model;
	EcmlCtx    *ctx;
	const EvaluateOptions *options;
	const double *actual;
	EcmlScores	scores;			/* of two classes */
	EcmlNumbers numbers;		/* REGRESSION */
	double	   *confusion;		/* [nclasses + 1][nclasses + 1] */
	double		log_loss;
	double		top;
	double		known;			/* rows of classes that the model knows */
	double		other[2];		/* of two classes: rows of neither, by what they are taken for */
} Evaluation;

static void
evaluate_row(void *arg, size_t i, const void *result)
{
	Evaluation *e = arg;
	const double *p = result;
	int			nclasses = e->model->schema->nclasses;
	double		y = e->actual[i];
	int			best;
	int			above = 0;

	if (nclasses == 0)
	{
		ecml_numbers_add(e->ctx, &e->numbers, y, p[0], 1);
		return;
	}
	best = nclasses == 2 ? p[1] >= e->options->threshold : ecml_model_class(e->model, p);
	e->confusion[(y < 0 ? nclasses : (int) y) * (nclasses + 1) + best]++;
	if (y < 0)
	{
		if (nclasses == 2)
			e->other[best]++;
		return;
	}
	if (nclasses == 2)
		ecml_scores_add(e->ctx, &e->scores, y == 1, p[1], 1);
	for (int c = 0; c < nclasses; c++)
		above += c != (int) y && p[c] > p[(int) y];
	e->top += above < e->options->top_k;
	e->known++;
	e->log_loss -= log(Max(p[(int) y], 1e-15));
}

void
cnn_evaluate(const EcmlModel *model, int64 model_id, const char *source, Jsonb *given, EcmlJson *json)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecml evaluation", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	EvaluateOptions o = {.threshold = 0.5,.top_k = 5};
	EcmlOptionSet set = {evaluate_options, &o};
	EcmlCtx    *ctx = palloc(sizeof(EcmlCtx));
	EcmlServerHost *host = palloc(sizeof(EcmlServerHost));
	int			nclasses = model->schema->nclasses;
	Evaluation *e = palloc0(sizeof(Evaluation));
	CnnReading *reading;
	size_t		n;

	ecml_options_parse("ecml_evaluate", given, &set, 1);
	ecml_host_init(ctx, host, context, (size_t) ecml_guc_work_mem * 1024, model->seed);
	SPI_connect();
	MemoryContextSwitchTo(context);
	reading = cnn_reading_for(ctx, model->fitted, source, NULL, o.target ? o.target : model->schema->target, CNN_DAMAGED_ERROR);
	reading->target = ecml_target_for_model(context, model->algorithm, model->schema, &reading->source, o.target);
	ecml_source_run(&reading->source, cnn_reading_row, reading);
	cnn_store_finish(reading->store);
	SPI_finish();
	MemoryContextSwitchTo(context);
	n = cnn_store_rows(reading->store);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no rows to evaluate on"),
				 errdetail("Rows left out because of NULLs: " INT64_FORMAT ".", reading->skipped),
				 errhint("Look at what the source gives.")));
	e->model = model;
	e->ctx = ctx;
	e->options = &o;
	e->actual = cnn_store_targets(reading->store);
	ecml_scores_init(&e->scores, false);
	e->confusion = ECML_NEW0(ctx, double, (size_t) (nclasses + 1) * (nclasses + 1));
	cnn_many(ctx, model->fitted, nclasses, reading->store, false, evaluate_row, e);
	MemoryContextSwitchTo(caller);
	ecml_json_int(json, "rows", n);
	ecml_json_int(json, "skipped", reading->skipped);
	if (nclasses == 0)
		ecml_metrics_numbers(json, ctx, &e->numbers);
	else if (nclasses == 2)
		ecml_metrics_scores(json, ctx, &e->scores, o.threshold, (const char *const *) model->schema->classes, e->other);
	else
	{
		bool		others = e->known < n;
		int			k = nclasses + others;
		double	   *matrix = palloc((size_t) k * k * sizeof(double));
		const char **names = palloc(k * sizeof(char *));

		for (int c = 0; c < nclasses; c++)
			names[c] = model->schema->classes[c];
		if (others)
			names[nclasses] = ECML_OTHER_CLASS;
		for (int r = 0; r < k; r++)
			memcpy(matrix + (size_t) r * k, e->confusion + (size_t) r * (nclasses + 1), k * sizeof(double));
		ecml_json_number(json, "log_loss", e->log_loss / e->known);
		ecml_json_int(json, "top_k", o.top_k);
		ecml_json_number(json, "top_k_accuracy", e->top / e->known);
		ecml_metrics_labels(json, matrix, k, names);
	}
	cnn_store_close(reading->store);
	MemoryContextDelete(context);
}

/* ---- all pictures of a source */

typedef struct All
{
	const CnnKeyed *keyed;
	const EcmlModel *model;
	EcmlRows   *rows;
} All;

static void
tell_row(void *arg, size_t i, const void *result)
{
	All		   *all = arg;
	const double *p = result;
	const char *key = cnn_keyed_key(all->keyed, i);
	const EcmlSchema *schema = all->model->schema;
	Datum		values[3];
	bool		nulls[3] = {false};

	nulls[0] = key == NULL;
	values[0] = nulls[0] ? (Datum) 0 : CStringGetTextDatum(key);
	if (schema->nclasses > 0)
	{
		int			best = ecml_model_class(all->model, p);

		values[1] = CStringGetTextDatum(schema->classes[best]);
		values[2] = Float8GetDatum(p[best]);
	}
	else
	{
		nulls[1] = true;
		values[1] = (Datum) 0;
		values[2] = Float8GetDatum(p[0]);
	}
	ecml_rows_add(all->rows, values, nulls);
	for (int k = 0; k < 2; k++)
		if (!nulls[k])
			pfree(DatumGetPointer(values[k]));
}

/* ecml_image_classify_all(model, source text, key text): rows key, label, probability */
ECML_MODEL_FUNCTION(ecml_image_classify_all)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	EcmlServing *serving = ecml_serving(fcinfo, by_name);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecml pictures", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	EcmlCtx    *ctx = palloc(sizeof(EcmlCtx));
	EcmlServerHost *host = palloc(sizeof(EcmlServerHost));
	CnnReading *reading;
	CnnKeyed   *keyed;
	All			all;

	if (serving == NULL || PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		MemoryContextSwitchTo(caller);
		return (Datum) 0;
	}
	(void) cnn_serve_network(serving, "ecml_image_classify_all");
	ecml_host_init(ctx, host, context, (size_t) ecml_guc_work_mem * 1024, 0);
	SPI_connect();
	MemoryContextSwitchTo(context);
	reading = cnn_reading_for(ctx, serving->model->fitted, text_to_cstring(PG_GETARG_TEXT_PP(1)), NULL, NULL, CNN_DAMAGED_ERROR);
	keyed = cnn_keyed_open(reading, context, text_to_cstring(PG_GETARG_TEXT_PP(2)), false);
	cnn_keyed_run(keyed);
	SPI_finish();
	MemoryContextSwitchTo(context);
	all = (All) {keyed, serving->model, rows};
	cnn_many(ctx, serving->model->fitted, serving->model->schema->nclasses, reading->store, false, tell_row, &all);
	cnn_store_close(reading->store);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
