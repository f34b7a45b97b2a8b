/*
 * model.c - the type ecml_model
 *
 * Hostile bytes: the envelope's lengths and checksum are checked first, then every count inside against what is left, by
 * the reader of num/bytes.h; methods check the ranges of their own payload in their _read.
 */
#include "core/compat.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "utils/memutils.h"

#include "core/algorithm.h"
#include "core/model.h"
#include "core/trainer.h"

#define MAGIC 0x4C4D4345		/* "ECML" */
#define VALUES_AT_ONCE (1 << 17)	/* of rows that are predicted together */
#define FORMAT 2
#define HEADER 16				/* bytes before what the checksum covers */
#define MODEL_ROOM (8 << 20)	/* what may be derived from a small model, as it is read */

EcmlModel *
ecml_model_begin(MemoryContext context, const EcmlTraining *training)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	EcmlModel  *model = palloc0(sizeof(EcmlModel));

	model->algorithm = training->algorithm;
	model->task = training->algorithm->task;
	model->context = context;
	model->seed = training->common.seed;
	ecml_host_init(&model->ctx, &model->host, context, 0, 0);
	model->schema = palloc0(sizeof(EcmlSchema));
	model->schema->target = pstrdup("");
	model->schema->event = pstrdup("");
	ecml_schema_layout(model->schema);
	model->options = ecml_training_options(training);
	MemoryContextSwitchTo(old);
	return model;
}

void
ecml_model_check_features(const EcmlModel *model)
{
	if (model->algorithm->own && model->algorithm->own->texts)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the model predicts from texts"),
				 errdetail("Its algorithm is %s.", model->algorithm->name),
				 errhint("Use ecml_classify, ecml_probabilities, ecml_explain, or %s.", model->algorithm->own->use)));
	if (model->algorithm->own)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the model does not predict from features"),
				 errdetail("Its algorithm is %s, its task %s.", model->algorithm->name, ecml_task_name(model->algorithm->task)),
				 errhint("Use %s.", model->algorithm->own->use)));
}

static void
write_section(EcmlWriter *w, const EcmlWriter *section)
{
	ecml_write_u32(w, (uint32) section->size);
	ecml_write_bytes(w, section->data, section->size);
}

struct varlena *
ecml_model_write(EcmlModel *model)
{
	EcmlCtx    *ctx = &model->ctx;
	EcmlWriter	body;
	EcmlWriter	section;
	struct varlena *result;
	char	   *bytes;
	uint32		word;
	uint16		half;

	ecml_writer_init(&body, ctx);
	ecml_write_u64(&body, model->rows);
	ecml_write_u64(&body, model->skipped);
	ecml_write_u64(&body, model->seed);
	ecml_write_string(&body, model->options);
	ecml_write_string(&body, model->metrics);
	ecml_writer_init(&section, ctx);
	ecml_schema_write(&section, model->schema);
	write_section(&body, &section);
	section.size = 0;
	model->algorithm->write(&section, model->fitted);
	write_section(&body, &section);
	section.size = 0;
	if (model->calibrator)
		ecml_calibrator_write(&section, model->calibrator);
	write_section(&body, &section);
	section.size = 0;
	if (model->importance)
		ecml_write_f8s(&section, model->importance, model->schema->nfeatures);
	write_section(&body, &section);
	section.size = 0;
	if (model->profile)
		ecml_profile_write_all(&section, model->profile);
	write_section(&body, &section);

	if (body.size > MaxAllocSize - HEADER - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the model is too large for one value"),
				 errdetail("It takes %zu bytes; the limit is 1 GB.", body.size),
				 errhint("Give fewer features or categories, or smaller model options.")));
	result = palloc(VARHDRSZ + HEADER + body.size);
	SET_VARSIZE(result, VARHDRSZ + HEADER + body.size);
	bytes = VARDATA(result);
	word = MAGIC;
	memcpy(bytes, &word, 4);
	half = FORMAT;
	memcpy(bytes + 4, &half, 2);
	half = model->algorithm->id;
	memcpy(bytes + 6, &half, 2);
	word = 0;
	memcpy(bytes + 8, &word, 4);
	word = ecml_crc32c(body.data, body.size);
	memcpy(bytes + 12, &word, 4);
	memcpy(bytes + HEADER, body.data, body.size);
	ecml_free(ctx, body.data);
	ecml_free(ctx, section.data);
	return result;
}

static void
corrupted(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("model data is corrupted"),
			 errdetail("%s", detail),
			 errhint("Train the model again, or take an undamaged copy.")));
}

/* The envelope: algorithm, and that the rest is what was written. */
static const EcmlAlgorithm *
check_envelope(const char *bytes, size_t size)
{
	const EcmlAlgorithm *algorithm;
	uint32		word;
	uint16		half;

	if (size < HEADER)
		corrupted("It is too short to be a model.");
	memcpy(&word, bytes, 4);
	if (word != MAGIC)
		corrupted("It does not begin as a model does.");
	memcpy(&half, bytes + 4, 2);
	if (half != FORMAT)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model format %u is not supported", half),
				 errdetail("This version of ecml reads format %d.", FORMAT),
				 errhint("Update ecml, or train the model again.")));
	memcpy(&word, bytes + 12, 4);
	if (word != ecml_crc32c(bytes + HEADER, size - HEADER))
		corrupted("Its checksum does not fit.");
	memcpy(&half, bytes + 6, 2);
	algorithm = ecml_algorithm_by_id(half);
	if (algorithm == NULL)
		corrupted("Its algorithm is not known.");
	memcpy(&word, bytes + 8, 4);
	if (word != 0)
		corrupted("It has flags that this version of ecml does not know.");
	return algorithm;
}

static void
open_section(EcmlReader *r, EcmlReader *section)
{
	uint32		size = ecml_read_count(r, 1);

	ecml_reader_init(section, r->ctx, ecml_read_bytes(r, size), size);
}

/* What lies behind the envelope, into context; block: what is fitted, in place of the payload; NULL: it is read. */
static EcmlModel *
read_body(const EcmlAlgorithm *algorithm, const char *bytes, size_t size, EcmlFlat *block, MemoryContext context)
{
	EcmlModel  *model = MemoryContextAllocZero(context, sizeof(EcmlModel));
	EcmlReader	r;
	EcmlReader	section;

	model->algorithm = algorithm;
	model->context = context;
	/* whatever the counts inside say, it may not make more of itself than some tens of times its size */
	ecml_host_init(&model->ctx, &model->host, context, size * 32 + MODEL_ROOM, 0);
	ecml_reader_init(&r, &model->ctx, bytes, size);
	model->rows = ecml_read_u64(&r);
	model->skipped = ecml_read_u64(&r);
	model->seed = ecml_read_u64(&r);
	if (model->rows < 0 || model->skipped < 0)
		ecml_read_corrupted(&r, "a count of rows is out of range");
	model->options = ecml_host_read_text(&r);
	model->metrics = ecml_host_read_text(&r);
	open_section(&r, &section);
	model->schema = ecml_schema_read(&section, algorithm->native);
	ecml_read_end(&section);
	model->task = ecml_model_task(algorithm, model->schema);
	if (model->task == ECML_CLASSIFICATION ? model->schema->nclasses < 2 : model->schema->nclasses > 0)
		ecml_read_corrupted(&r, "it has classes without being a classifier, or a classifier has fewer than two");
	open_section(&r, &section);
	if (block)
	{
		ecml_flat_open(block, &model->ctx, block->base, block->size);
		model->fitted = algorithm->flat(block, NULL);
	}
	else
		model->fitted = algorithm->read(&section, model->schema);
	ecml_read_end(&section);
	open_section(&r, &section);
	if (section.size > 0)
		model->calibrator = ecml_calibrator_read(&section, model->schema->nclasses);
	ecml_read_end(&section);
	open_section(&r, &section);
	if (section.size > 0)
		model->importance = ecml_read_finite_f8s(&section, model->schema->nfeatures);
	ecml_read_end(&section);
	open_section(&r, &section);
	if (section.size > 0)
		model->profile = ecml_profile_read_all(&section, model->schema->nfeatures);
	ecml_read_end(&section);
	ecml_read_end(&r);
	model->memory = MemoryContextMemAllocated(context, true);
	return model;
}

EcmlModel *
ecml_model_read(struct varlena *value, MemoryContext parent)
{
	const char *bytes = VARDATA_ANY(value);
	size_t		size = VARSIZE_ANY_EXHDR(value);
	const EcmlAlgorithm *algorithm = check_envelope(bytes, size);

	return read_body(algorithm, bytes + HEADER, size - HEADER, NULL, AllocSetContextCreate(parent, "ecml model", ALLOCSET_SMALL_SIZES));
}

const EcmlAlgorithm *
ecml_model_envelope(Datum value, uint32 *check)
{
	struct varlena *envelope = PG_DETOAST_DATUM_SLICE(value, 0, HEADER);
	uint16		id;

	if (VARSIZE_ANY_EXHDR(envelope) < HEADER)
		return NULL;
	memcpy(check, VARDATA_ANY(envelope) + 12, 4);
	memcpy(&id, VARDATA_ANY(envelope) + 6, 2);
	return ecml_algorithm_by_id(id);
}

char *
ecml_model_rest(const EcmlModel *model, const struct varlena *value, size_t *size)
{
	const char *bytes = VARDATA_ANY(value) + HEADER;
	size_t		all = VARSIZE_ANY_EXHDR(value) - HEADER;
	EcmlCtx		ctx = model->ctx;
	EcmlReader	r;
	size_t		payload;
	size_t		behind;
	char	   *rest;

	ecml_reader_init(&r, &ctx, bytes, all);
	(void) ecml_read_bytes(&r, 3 * sizeof(uint64));
	/* options, metrics, schema */
	for (int i = 0; i < 3; i++)
		(void) ecml_read_bytes(&r, ecml_read_count(&r, 1));
	payload = r.at;
	(void) ecml_read_bytes(&r, ecml_read_count(&r, 1));
	behind = all - r.at;
	*size = payload + sizeof(uint32) + behind;
	rest = palloc(*size);
	memcpy(rest, bytes, payload);
	memset(rest + payload, 0, sizeof(uint32));	/* its length now */
	memcpy(rest + payload + sizeof(uint32), bytes + r.at, behind);
	return rest;
}

EcmlModel *
ecml_model_open(const EcmlAlgorithm *algorithm, const char *rest, size_t size, EcmlFlat *block, MemoryContext context)
{
	return read_body(algorithm, rest, size, block, context);
}

void
ecml_model_verify(struct varlena *value)
{
	EcmlModel  *model = ecml_model_read(value, CurrentMemoryContext);

	/* these two are shown as jsonb */
	ecml_json_parse(model->options);
	ecml_json_parse(model->metrics);
	MemoryContextDelete(model->context);
}

/* The terms of a row of values; x is scratch. */
static inline const double *
terms_of(const EcmlModel *model, const double *values, double *x)
{
	if (model->schema->plain)
		return values;
	ecml_schema_expand(model->schema, values, x);
	return x;
}

double
ecml_model_predict(const EcmlModel *model, const double *values, double *x)
{
	double		result = model->algorithm->predict(model->fitted, terms_of(model, values, x));

	return unlikely(model->calibrator) ? ecml_calibrator_apply_one(model->calibrator, result) : result;
}

void
ecml_model_probabilities(const EcmlModel *model, const double *values, double *x, double *p)
{
	model->algorithm->probabilities(model->fitted, terms_of(model, values, x), p);
	if (model->calibrator)
		ecml_calibrator_apply(model->calibrator, p);
}

int
ecml_model_rows_at_once(const EcmlModel *model)
{
	int			width = Max(model->schema->nterms, model->schema->nfeatures) + ecml_model_outputs(model);

	return Max(1, Min(ECML_PREDICT_ROWS, VALUES_AT_ONCE / width));
}

void
ecml_model_predict_rows(const EcmlModel *model, EcmlCtx *ctx, const double *values, size_t stride, int n, double *x,
						double *out)
{
	const EcmlAlgorithm *algorithm = model->algorithm;
	int			nterms = model->schema->nterms;
	int			outputs = ecml_model_outputs(model);

	if (!model->schema->plain)
	{
		for (int i = 0; i < n; i++)
			ecml_schema_expand(model->schema, values + i * stride, x + (size_t) i * nterms);
		values = x;
		stride = nterms;
	}
	if (algorithm->predict_block)
		algorithm->predict_block(ctx, model->fitted, values, stride, n, out);
	else
		for (int i = 0; i < n; i++)
		{
			if (i % 64 == 0)
				ecml_poll(ctx, 0, 0);
			if (outputs > 1)
				algorithm->probabilities(model->fitted, values + i * stride, out + (size_t) i * outputs);
			else
				out[i] = algorithm->predict(model->fitted, values + i * stride);
		}
	for (int i = 0; model->calibrator && i < n; i++)
		ecml_calibrator_apply(model->calibrator, out + (size_t) i * outputs);
}

bool
ecml_model_score_is_code(const EcmlModel *model)
{
	return model->task == ECML_CLUSTERING ||
		(model->task == ECML_CLASSIFICATION && model->schema->nclasses > 2);
}

double
ecml_model_score(const EcmlModel *model, const double *values, double *x, double *p)
{
	if (model->task != ECML_CLASSIFICATION || model->schema->nclasses == 2)
		return ecml_model_predict(model, values, x);
	ecml_model_probabilities(model, values, x, p);
	return ecml_model_class(model, p);
}

const char *
ecml_model_anomaly(const EcmlModel *model, double score)
{
	return score > model->algorithm->threshold(model->fitted) ? "anomaly" : "normal";
}

int
ecml_model_class(const EcmlModel *model, const double *p)
{
	int			best = 0;

	if (model->schema->nclasses == 2)
		return p[1] >= 0.5;		/* as metrics by a threshold of 0.5 count */
	for (int c = 1; c < model->schema->nclasses; c++)
		if (p[c] > p[best])
			best = c;
	return best;
}

PG_FUNCTION_INFO_V1(ecml_model_in);
PG_FUNCTION_INFO_V1(ecml_model_out);
PG_FUNCTION_INFO_V1(ecml_model_recv);
PG_FUNCTION_INFO_V1(ecml_model_send);

/* ecml_model_in(cstring): hexadecimal digits, as ecml_model_out wrote them */
Datum
ecml_model_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);
	size_t		length = strlen(text);
	struct varlena *value;

	if (length % 2 != 0 || length == 0 || strspn(text, "0123456789abcdefABCDEF") != length)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input for type ecml_model"),
				 errdetail("A model's text form is an even number of hexadecimal digits."),
				 errhint("Models are made by ecml_train, or by an aggregate such as ecml_linreg.")));
	value = palloc(VARHDRSZ + length / 2);
	SET_VARSIZE(value, VARHDRSZ + hex_decode(text, length, VARDATA(value)));
	ecml_model_verify(value);
	PG_RETURN_POINTER(value);
}

/* ecml_model_out(ecml_model): cstring */
Datum
ecml_model_out(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
	size_t		size = VARSIZE_ANY_EXHDR(value);
	char	   *text;

	if (size > (MaxAllocSize - 1) / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the model is too large for its text form"),
				 errdetail("It takes %zu bytes; a text has at most 1 GB.", size),
				 errhint("Use the binary form: COPY ... WITH (FORMAT binary).")));
	text = palloc(size * 2 + 1);
	text[hex_encode(VARDATA_ANY(value), size, text)] = '\0';
	PG_RETURN_CSTRING(text);
}

/* ecml_model_recv(internal): the bytes themselves */
Datum
ecml_model_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	int			size = buffer->len - buffer->cursor;
	struct varlena *value = palloc(VARHDRSZ + size);

	SET_VARSIZE(value, VARHDRSZ + size);
	pq_copymsgbytes(buffer, VARDATA(value), size);
	ecml_model_verify(value);
	PG_RETURN_POINTER(value);
}

/* ecml_model_send(ecml_model): bytea */
Datum
ecml_model_send(PG_FUNCTION_ARGS)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0));
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendbytes(&buffer, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}
