/*
 * state.c - states of aggregates as types of their own
 */
#include "core/compat.h"

#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/memutils.h"

#include "core/state.h"

#define FORMAT 1
#define HEADER 5				/* bytes before what the checksum covers */

MemoryContext
ecml_aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function called outside an aggregate"),
				 errdetail("It is a part of an aggregate, with no use of its own."),
				 errhint("Call the aggregate.")));
	return context;
}

static Size
get_flat_size(ExpandedObjectHeader *header)
{
	EcmlState  *state = (EcmlState *) header;
	EcmlWriter *w = &state->flat;
	MemoryContext old = MemoryContextSwitchTo(header->eoh_context);
	uint32		crc;

	if (w->data)
		ecml_free(&state->ctx, w->data);
	ecml_writer_init(w, &state->ctx);
	ecml_write_u8(w, FORMAT);
	ecml_write_u32(w, 0);
	state->type->write(w, state->content);
	crc = ecml_crc32c(w->data + HEADER, w->size - HEADER);
	memcpy(w->data + 1, &crc, sizeof(crc));
	MemoryContextSwitchTo(old);
	if (w->size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the state of %s is too large for one value", state->type->name),
				 errdetail("It takes %zu bytes; the limit is 1 GB.", w->size),
				 errhint("Give fewer rows, features or categories.")));
	return VARHDRSZ + w->size;
}

static void
flatten_into(ExpandedObjectHeader *header, void *result, Size size)
{
	EcmlState  *state = (EcmlState *) header;

	Assert(size == VARHDRSZ + state->flat.size);
	SET_VARSIZE(result, size);
	memcpy(VARDATA(result), state->flat.data, state->flat.size);
	ecml_free(&state->ctx, state->flat.data);
	state->flat.data = NULL;
}

static const ExpandedObjectMethods methods = {get_flat_size, flatten_into};

EcmlState *
ecml_state_create(const EcmlStateType *type, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "ecml aggregate state", ALLOCSET_START_SMALL_SIZES);
	EcmlState  *state = MemoryContextAllocZero(context, sizeof(EcmlState));

	EOH_init_header(&state->header, &methods, context);
	state->type = type;
	ecml_host_init(&state->ctx, &state->host, context, 0, 0);
	return state;
}

static EcmlState *
read_state(struct varlena *flat, const EcmlStateType *type, MemoryContext parent)
{
	EcmlState  *state = ecml_state_create(type, parent);
	MemoryContext context = state->header.eoh_context;
	MemoryContext old = MemoryContextSwitchTo(context);
	size_t		size = VARSIZE_ANY_EXHDR(flat);
	EcmlReader	r;

	/* whatever the counts inside say, it may not make more of itself than some tens of times its size */
	state->ctx.budget = size * 32 + 1048576;
	ecml_reader_init(&r, &state->ctx, VARDATA_ANY(flat), size);
	if (ecml_read_u8(&r) != FORMAT)
		ecml_read_corrupted(&r, "its format is not known");
	if (ecml_read_u32(&r) != ecml_crc32c(r.data + HEADER, r.size - HEADER))
		ecml_read_corrupted(&r, "its checksum does not fit");
	state->content = type->read(&r, context, type->arg);
	ecml_read_end(&r);
	state->ctx.budget = 0;
	MemoryContextSwitchTo(old);
	return state;
}

EcmlState *
ecml_state_argument(FunctionCallInfo fcinfo, int argument, const EcmlStateType *type, MemoryContext parent)
{
	Datum		value;

	if (PG_ARGISNULL(argument))
		return NULL;
	value = PG_GETARG_DATUM(argument);
	if (VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
		return (EcmlState *) DatumGetEOHP(value);
	return read_state(PG_DETOAST_DATUM(value), type, parent);
}

EcmlState *
ecml_state_from_datum(Datum value, const EcmlStateType *type, MemoryContext parent)
{
	return read_state(PG_DETOAST_DATUM(value), type, parent);
}

Datum
ecml_state_combine(FunctionCallInfo fcinfo, const EcmlStateType *type, void (*merge) (EcmlState *state, EcmlState *other))
{
	MemoryContext parent = ecml_aggregate_context(fcinfo);
	EcmlState  *state;

	if (PG_ARGISNULL(0) && PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	if (PG_ARGISNULL(0))
		/* a copy, in the aggregate's memory; flat, because the argument's own memory is not ours */
		state = read_state(PG_DETOAST_DATUM(PG_GETARG_DATUM(1)), type, parent);
	else
	{
		state = ecml_state_in_place(fcinfo, 0);
		if (state == NULL)
			state = read_state(PG_DETOAST_DATUM(PG_GETARG_DATUM(0)), type, parent);
		merge(state, ecml_state_argument(fcinfo, 1, type, CurrentMemoryContext));
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

Datum
ecml_state_in(FunctionCallInfo fcinfo, const EcmlStateType *type)
{
	const char *text = PG_GETARG_CSTRING(0);
	size_t		length = strlen(text);
	struct varlena *value;

	if (length % 2 != 0 || strspn(text, "0123456789abcdefABCDEF") != length)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input for the state of %s", type->name),
				 errdetail("Its text form is an even number of hexadecimal digits."),
				 errhint("Such states are made by the aggregates of %s.", type->name)));
	value = palloc(VARHDRSZ + length / 2);
	SET_VARSIZE(value, VARHDRSZ + hex_decode(text, length, VARDATA(value)));
	MemoryContextDelete(read_state(value, type, CurrentMemoryContext)->header.eoh_context);
	PG_RETURN_POINTER(value);
}

Datum
ecml_state_out(FunctionCallInfo fcinfo, const EcmlStateType *type)
{
	struct varlena *value = PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
	size_t		size = VARSIZE_ANY_EXHDR(value);
	char	   *text;

	if (size > (MaxAllocSize - 1) / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the state of %s is too large for its text form", type->name),
				 errdetail("It takes %zu bytes; a text has at most 1 GB.", size),
				 errhint("Give fewer rows, features or categories, or use the binary form.")));
	text = palloc(size * 2 + 1);
	text[hex_encode(VARDATA_ANY(value), size, text)] = '\0';
	PG_RETURN_CSTRING(text);
}

Datum
ecml_state_recv(FunctionCallInfo fcinfo, const EcmlStateType *type)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	int			size = buffer->len - buffer->cursor;
	struct varlena *value = palloc(VARHDRSZ + size);

	SET_VARSIZE(value, VARHDRSZ + size);
	pq_copymsgbytes(buffer, VARDATA(value), size);
	MemoryContextDelete(read_state(value, type, CurrentMemoryContext)->header.eoh_context);
	PG_RETURN_POINTER(value);
}

Datum
ecml_state_send(FunctionCallInfo fcinfo, const EcmlStateType *type)
{
	struct varlena *value = PG_DETOAST_DATUM(PG_GETARG_DATUM(0));
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendbytes(&buffer, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}
