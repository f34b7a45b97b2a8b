/*
 * state.h - states of aggregates as types of their own: in memory an expanded object changed in place, elsewhere flat bytes
 *
 * Flat form: version (u8), CRC-32C of the rest (u32), then what the type's write wrote.  Text: hexadecimal.  Its bytes can
 * come from a client, so read must check all of them.
 */
#ifndef ECML_STATE_H
#define ECML_STATE_H

#include "postgres.h"
#include "fmgr.h"
#include "utils/expandeddatum.h"

#include "core/host.h"
#include "num/bytes.h"

typedef struct EcmlStateType
{
	const char *name;			/* for messages: "linreg" */
	void		(*write) (EcmlWriter *w, void *content);
	void	   *(*read) (EcmlReader *r, MemoryContext context, const void *arg);
	const void *arg;
} EcmlStateType;

typedef struct EcmlState
{
	ExpandedObjectHeader header;	/* must be first */
	const EcmlStateType *type;
	void	   *content;		/* lives in header.eoh_context */
	EcmlCtx		ctx;
	EcmlServerHost host;
	EcmlWriter	flat;			/* between get_flat_size and flatten_into */
} EcmlState;

/* The memory that aggregate states belong in; an error outside an aggregate. */
extern MemoryContext ecml_aggregate_context(FunctionCallInfo fcinfo);

/* An empty state under parent: the caller makes its content. */
extern EcmlState *ecml_state_create(const EcmlStateType *type, MemoryContext parent);

/* The state in an argument: as it is when it is expanded, else read into parent; NULL when it is NULL. */
extern EcmlState *ecml_state_argument(FunctionCallInfo fcinfo, int argument, const EcmlStateType *type,
									  MemoryContext parent);

/* A copy under parent of the state in a datum. */
extern EcmlState *ecml_state_from_datum(Datum value, const EcmlStateType *type, MemoryContext parent);

/* The same when it may be changed in place; NULL: it may not, or there is none. */
static inline EcmlState *
ecml_state_in_place(FunctionCallInfo fcinfo, int argument)
{
	if (!PG_ARGISNULL(argument) && VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(PG_GETARG_DATUM(argument))))
		return (EcmlState *) DatumGetEOHP(PG_GETARG_DATUM(argument));
	return NULL;
}

/* combine(state, state) of an aggregate, for a merge of contents. */
extern Datum ecml_state_combine(FunctionCallInfo fcinfo, const EcmlStateType *type,
								void (*merge) (EcmlState *state, EcmlState *other));

extern Datum ecml_state_in(FunctionCallInfo fcinfo, const EcmlStateType *type);
extern Datum ecml_state_out(FunctionCallInfo fcinfo, const EcmlStateType *type);
extern Datum ecml_state_recv(FunctionCallInfo fcinfo, const EcmlStateType *type);
extern Datum ecml_state_send(FunctionCallInfo fcinfo, const EcmlStateType *type);

/* The four functions of a state's type: prefix_in, prefix_out, prefix_recv, prefix_send. */
#define ECML_STATE_FUNCTIONS(prefix, type) \
	PG_FUNCTION_INFO_V1(prefix##_in); \
	PG_FUNCTION_INFO_V1(prefix##_out); \
	PG_FUNCTION_INFO_V1(prefix##_recv); \
	PG_FUNCTION_INFO_V1(prefix##_send); \
	Datum prefix##_in(PG_FUNCTION_ARGS) { return ecml_state_in(fcinfo, type); } \
	Datum prefix##_out(PG_FUNCTION_ARGS) { return ecml_state_out(fcinfo, type); } \
	Datum prefix##_recv(PG_FUNCTION_ARGS) { return ecml_state_recv(fcinfo, type); } \
	Datum prefix##_send(PG_FUNCTION_ARGS) { return ecml_state_send(fcinfo, type); }

#endif							/* ECML_STATE_H */
