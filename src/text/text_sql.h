/*
 * text_sql.h - texts between PostgreSQL and the kernels: encoding, options that stay, arrays of text
 *
 * Kernels read UTF-8.  In a database of another encoding a text is converted before, and what comes of it back.  SQL_ASCII has
 * bytes of no known meaning: they are read as UTF-8 where they are well formed, and as signs of their own where not.
 */
#ifndef ECML_TEXT_SQL_H
#define ECML_TEXT_SQL_H

#include "postgres.h"
#include "fmgr.h"
#include "utils/array.h"

#include "core/host.h"
#include "core/options.h"

/* What a call's text is for the kernels. */
typedef struct TextInput
{
	const char *s;				/* [n] */
	size_t		n;
	bool		converted;		/* s is no part of the datum */
} TextInput;

extern TextInput text_input(Datum value);

/* A text of the database's encoding from UTF-8. */
extern text *text_output(const char *s, size_t n, bool converted);

/* An array of texts under construction; elements are written where they stay. */
typedef struct TextArray
{
	char	   *data;			/* the ArrayType */
	size_t		size;			/* bytes in use */
	size_t		capacity;
	int			n;
	bool		converted;		/* elements come as UTF-8 and must be converted */
} TextArray;

extern void text_array_begin(TextArray *array, size_t expected, bool converted);
extern void text_array_add(TextArray *array, const char *s, size_t n);
/* Room for an element of at most n bytes, and how many of them it has become; not for converted arrays. */
extern char *text_array_room(TextArray *array, size_t n);
extern void text_array_done(TextArray *array, size_t n);
extern ArrayType *text_array_end(TextArray *array);

/*
 * Options of a call, parsed when they change: params [size] hold them, with defaults before.  The result lives as long as the
 * call's fn_extra, which this takes for itself; extra: bytes of the call's own behind the params, zero at first.
 */
extern void *text_options(FunctionCallInfo fcinfo, int argument, const char *what, const EcmlOption *options,
						  const void *defaults, size_t size, size_t extra);

/* A ctx for a kernel of a short call: memory of the current context, no budget. */
extern void text_ctx(EcmlCtx *ctx, EcmlServerHost *host);

#endif							/* ECML_TEXT_SQL_H */
