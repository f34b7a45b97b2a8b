/*
 * onepass.c - aggregates of one-pass algorithms: the state is a trainer
 *
 * Its bytes: options (JSON text, "" for none), the columns (name, kind, length of an array, categories), rows, skipped, the
 * numbering of terms, the kernel's state, and in a training by ecml_train what the profile is made of.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "core/onepass.h"
#include "core/profile.h"
#include "core/trainer.h"

#define MAX_STATE_TERMS 4000

void
ecml_onepass_write(EcmlWriter *w, void *content)
{
	EcmlTrainer *trainer = content;
	const EcmlBinder *binder = trainer->binder;
	const EcmlOnePass *one_pass = trainer->algorithm->one_pass;
	bool		started = trainer->features != NULL;
	int			n = ecml_trainer_features(trainer);

	ecml_trainer_flush(trainer);
	ecml_write_string(w, trainer->training->given ? ecml_json_text(trainer->training->given) : "");
	ecml_write_u32(w, binder->ninputs);
	for (int i = 0; i < binder->ninputs; i++)
	{
		const EcmlInput *input = &binder->inputs[i];

		ecml_write_string(w, input->name);
		ecml_write_u8(w, input->kind);
		ecml_write_u8(w, input->convert == ECML_FROM_ARRAY);
		ecml_write_i32(w, input->count);
		if (input->kind == ECML_CATEGORY)
		{
			ecml_write_u32(w, input->categories->n);
			for (int c = 0; c < input->categories->n; c++)
				ecml_write_string(w, input->categories->entries[c].key);
		}
	}
	ecml_write_i32(w, trainer->weight);
	ecml_write_u64(w, trainer->rows);
	ecml_write_u64(w, trainer->skipped);
	ecml_write_u8(w, started);
	if (!started)
		return;
	ecml_write_u32(w, trainer->nterms);
	for (int j = 0; j < n; j++)
	{
		const EcmlInput *input = ecml_binder_input(binder, ecml_trainer_source(trainer, j));
		int			codes = trainer->category[j] ? Min(trainer->nterm_of[j], input->categories->n) : 1;

		ecml_write_i32(w, trainer->null_term[j]);
		ecml_write_u32(w, codes);
		for (int c = 0; c < codes; c++)
			ecml_write_i32(w, trainer->term_of[j][c]);
	}
	ecml_write_u8(w, trainer->state != NULL);
	if (trainer->state)
		one_pass->write(w, trainer->state);
	ecml_profile_write_sample(w, trainer);
}

static void
read_input(EcmlReader *r, EcmlBinder *binder)
{
	char	   *name = ecml_host_read_text(r);
	uint8		kind = ecml_read_u8(r);
	bool		array = ecml_read_bool(r);
	int32		count = ecml_read_i32(r);
	EcmlInput  *input;

	if (kind > ECML_CATEGORY || (array && kind != ECML_NUMBER))
		ecml_read_corrupted(r, "a column is of no known kind");
	if (array ? count < -1 || count > MAX_STATE_TERMS : count != 1)
		ecml_read_corrupted(r, "a column's length is out of range");
	input = ecml_binder_add(binder, name, binder->ninputs, kind == ECML_CATEGORY ? TEXTOID : array ? FLOAT8ARRAYOID : FLOAT8OID);
	input->kind = kind;
	input->count = count;
	if (kind == ECML_CATEGORY)
	{
		uint32		n = ecml_read_count(r, sizeof(uint32));

		for (uint32 c = 0; c < n; c++)
		{
			char	   *label = ecml_host_read_text(r);

			if (ecml_dict_add(input->categories, label, strlen(label)) != (int) c)
				ecml_read_corrupted(r, "a category stands twice");
		}
	}
}

/* A term's number: each may be given once. */
static int
read_term(EcmlReader *r, bool *taken, int nterms)
{
	int32		term = ecml_read_i32(r);

	if (term < -1 || term >= nterms || (term >= 0 && taken[term]))
		ecml_read_corrupted(r, "a term's number is out of range");
	if (term >= 0)
		taken[term] = true;
	return term;
}

static void
read_terms(EcmlReader *r, EcmlTrainer *trainer, int n)
{
	int			nterms = ecml_read_u32_in(r, 0, MAX_STATE_TERMS);
	bool	   *taken = palloc0(nterms + 1);

	trainer->features = ECML_NEW(&trainer->ctx, double, n + 1);
	trainer->nterms = nterms;
	trainer->term_of = ECML_NEW0(&trainer->ctx, int *, n + 1);
	trainer->nterm_of = ECML_NEW0(&trainer->ctx, int, n + 1);
	trainer->null_term = ECML_NEW0(&trainer->ctx, int, n + 1);
	trainer->category = ECML_NEW0(&trainer->ctx, bool, n + 1);
	for (int j = 0; j < n; j++)
	{
		const EcmlInput *input = ecml_binder_input(trainer->binder, ecml_trainer_source(trainer, j));
		bool		category = input->kind == ECML_CATEGORY;
		uint32		count;

		trainer->category[j] = category;
		trainer->null_term[j] = read_term(r, taken, nterms);
		trainer->sparse |= category || trainer->null_term[j] >= 0;
		count = ecml_read_count(r, sizeof(int32));
		if (category ? count > input->categories->n : count != 1)
			ecml_read_corrupted(r, "a number's terms are not one");
		trainer->term_of[j] = ECML_NEW(&trainer->ctx, int, count);
		trainer->nterm_of[j] = count;
		for (uint32 c = 0; c < count; c++)
		{
			trainer->term_of[j][c] = read_term(r, taken, nterms);
			if (trainer->term_of[j][c] < 0 && !category)
				ecml_read_corrupted(r, "a number has no term");
		}
	}
	for (int t = 0; t < nterms; t++)
		if (!taken[t])
			ecml_read_corrupted(r, "a term belongs to no column");
}

void *
ecml_onepass_read(EcmlReader *r, MemoryContext context, const void *arg)
{
	const EcmlAlgorithm *algorithm = arg;
	char	   *options = ecml_host_read_text(r);
	EcmlTraining *training = ecml_training_parse(algorithm, options[0] ? ecml_json_parse(options) : NULL, NULL);
	EcmlBinder *binder = ecml_binder_create(context, true);
	EcmlTrainer *trainer;
	uint32		ninputs = ecml_read_count(r, 10);
	int32		weight;
	int			n;

	if (ninputs > FUNC_MAX_ARGS)
		ecml_read_corrupted(r, "there are more columns than a call can have");
	for (uint32 i = 0; i < ninputs; i++)
		read_input(r, binder);
	ecml_binder_lay_out(binder);
	trainer = ecml_trainer_create(context, training, binder, ecml_target_number(context, "y"), false);
	weight = ecml_read_i32(r);
	if (weight < -1 || weight >= binder->nfeatures ||
		(weight >= 0 && ecml_binder_input(binder, weight)->kind == ECML_CATEGORY))
		ecml_read_corrupted(r, "the weight's number is out of range");
	trainer->weight = weight;
	trainer->rows = ecml_read_u64(r);
	trainer->skipped = ecml_read_u64(r);
	if (trainer->rows < 0 || trainer->skipped < 0)
		ecml_read_corrupted(r, "a count of rows is out of range");
	n = binder->nfeatures - (weight >= 0 ? 1 : 0);
	if (ecml_read_bool(r))
	{
		if (!binder->laid_out)
			ecml_read_corrupted(r, "a column's length is out of range");
		ecml_trainer_order(trainer);
		read_terms(r, trainer, n);
		if (ecml_read_bool(r))
		{
			EcmlReader	state = *r;

			state.ctx = &trainer->ctx;
			trainer->state = algorithm->one_pass->read(&state);
			r->at = state.at;
			if (algorithm->one_pass->terms(trainer->state) > trainer->nterms)
				ecml_read_corrupted(r, "there are more terms than columns have");
			ecml_trainer_settle(trainer);
		}
		if (ecml_read_left(r) > 0)
		{
			EcmlReader	sample = *r;

			sample.ctx = &trainer->ctx;
			ecml_profile_read_sample(&sample, trainer);
			r->at = sample.at;
		}
	}
	if (trainer->rows > 0 && (trainer->state == NULL || !(algorithm->one_pass->sum(trainer->state, -1) > 0)))
		ecml_read_corrupted(r, "the state of the rows is missing");
	return trainer;
}

/* A new state for the arguments from first on. */
static EcmlState *
begin_state(FunctionCallInfo fcinfo, const EcmlStateType *type, MemoryContext parent, Jsonb *options, int first, bool plain)
{
	const EcmlAlgorithm *algorithm = type->arg;
	EcmlState  *state = ecml_state_create(type, parent);
	MemoryContext context = state->header.eoh_context;
	MemoryContext old = MemoryContextSwitchTo(context);
	EcmlTraining *training = ecml_training_parse(algorithm, options, NULL);
	EcmlBinder *binder;

	if (plain)
	{
		binder = ecml_binder_create(context, true);
		ecml_binder_add(binder, "x", 0, FLOAT8ARRAYOID);
	}
	else
		binder = ecml_binder_from_arguments(context, fcinfo, first);
	if (binder->whole_row)
		ecml_binder_refuse_row(algorithm->name);
	state->content = ecml_trainer_create(context, training, binder, ecml_target_number(context, "y"), false);
	MemoryContextSwitchTo(old);
	return state;
}

static void
merge(EcmlState *state, EcmlState *other)
{
	ecml_trainer_merge(state->content, other->content);
}

static void
add_row(EcmlTrainer *trainer, bool usable, bool has_y, double y)
{
	if (has_y && !isfinite(y))
		ecml_target_not_finite("target", trainer->target->name, y);
	ecml_trainer_row(trainer, usable, has_y, y, true, 1);
}

Datum
ecml_onepass_transition(FunctionCallInfo fcinfo, const EcmlStateType *type, int options, int target, bool plain)
{
	EcmlState  *state = ecml_state_in_place(fcinfo, 0);
	EcmlTrainer *trainer;
	bool		usable;
	bool		has_y = !PG_ARGISNULL(target);
	double		y = has_y ? PG_GETARG_FLOAT8(target) : 0;

	if (state == NULL)
	{
		EcmlState  *before = ecml_state_argument(fcinfo, 0, type, CurrentMemoryContext);
		Jsonb	   *given = options > 0 && !PG_ARGISNULL(options) ? PG_GETARG_JSONB_P(options) : NULL;

		state = begin_state(fcinfo, type, ecml_aggregate_context(fcinfo), given, target + 1, plain);
		if (before)
			merge(state, before);
	}
	trainer = state->content;
	usable = ecml_bind_arguments(trainer->binder, NULL, fcinfo, target + 1);
	add_row(trainer, usable, has_y, y);
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

static void
wrong_rows(int names, int columns)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("names and columns of a training do not match"),
			 errdetail("There are %d names and %d columns; the first is the target, a number or a boolean.", names, columns),
			 errhint("This aggregate is a part of ecml_train; call that.")));
}

/* A new state of ecml_onepass_rows, that knows the columns' names. */
static EcmlState *
begin_rows(FunctionCallInfo fcinfo, const EcmlStateType *type)
{
	EcmlState  *state;
	EcmlTrainer *trainer;
	EcmlBinder *binder;
	EcmlInput  *target;
	Datum	   *names = NULL;
	bool	   *nulls = NULL;
	int			n = 0;
	bool		fits = PG_NARGS() > 3 && !PG_ARGISNULL(1);

	/* ecml_train writes these calls; but anybody may */
	if (fits)
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &n);
	for (int i = 0; i < n; i++)
		fits &= !nulls[i];
	if (!fits || n != PG_NARGS() - 3)
		wrong_rows(n, PG_NARGS() - 3);
	state = begin_state(fcinfo, type, ecml_aggregate_context(fcinfo), PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2), 4, false);
	trainer = state->content;
	binder = trainer->binder;
	target = &trainer->target->input;
	target->type = get_fn_expr_argtype(fcinfo->flinfo, 3);
	if (n != binder->ninputs + 1 ||
		!ecml_bind_plan(target->type, &target->convert, &target->kind, &target->element_type, &target->element_convert) ||
		target->convert == ECML_FROM_ARRAY || (target->kind != ECML_NUMBER && target->kind != ECML_BOOLEAN))
		wrong_rows(n, binder->ninputs + 1);
	trainer->target->name = MemoryContextStrdup(binder->context, TextDatumGetCString(names[0]));
	trainer->profiled = true;
	for (int i = 0; i < binder->ninputs; i++)
		binder->inputs[i].name = MemoryContextStrdup(binder->context, TextDatumGetCString(names[i + 1]));
	return state;
}

Datum
ecml_onepass_rows(FunctionCallInfo fcinfo, const EcmlStateType *type)
{
	EcmlState  *state = ecml_state_in_place(fcinfo, 0);
	EcmlTrainer *trainer;
	bool		has_y = !PG_ARGISNULL(3);
	bool		usable;

	if (state == NULL)
		state = begin_rows(fcinfo, type);
	trainer = state->content;
	usable = ecml_bind_arguments(trainer->binder, NULL, fcinfo, 4);
	add_row(trainer, usable, has_y, has_y ? ecml_bind_number(&trainer->target->input, PG_GETARG_DATUM(3)) : 0);
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

Datum
ecml_onepass_combine(FunctionCallInfo fcinfo, const EcmlStateType *type)
{
	return ecml_state_combine(fcinfo, type, merge);
}

Datum
ecml_onepass_final(FunctionCallInfo fcinfo, const EcmlStateType *type)
{
	EcmlState  *state = ecml_state_argument(fcinfo, 0, type, CurrentMemoryContext);
	EcmlTrainer *trainer = state ? state->content : NULL;
	MemoryContext kept;
	MemoryContext context;
	size_t		used;
	struct varlena *result;

	if (trainer == NULL || trainer->rows == 0)
		PG_RETURN_NULL();

	/* a window calls this for every row: what the fit takes must not stay with the state */
	ecml_trainer_settle(trainer);
	kept = trainer->context;
	used = trainer->ctx.used;
	context = AllocSetContextCreate(CurrentMemoryContext, "ecml fit", ALLOCSET_DEFAULT_SIZES);
	trainer->context = trainer->host.context = context;
	result = ecml_model_write(ecml_trainer_finish(trainer));
	trainer->context = trainer->host.context = kept;
	trainer->ctx.used = used;
	MemoryContextDelete(context);
	PG_RETURN_POINTER(result);
}
