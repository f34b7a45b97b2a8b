/*
 * work.h - scratch memory of a task: one piece, allocated beforehand, handed out from its beginning
 *
 * A method asks for the same things in the same order twice: with base NULL, which only counts (before the tasks start), and
 * with the memory.  What is handed out is never given back but as a whole.
 */
#ifndef ECML_FORECAST_WORK_H
#define ECML_FORECAST_WORK_H

#include <stddef.h>

#include "num/ctx.h"

typedef struct Work
{
	char	   *base;			/* NULL: count */
	size_t		used;			/* bytes, those that did not fit too */
	size_t		size;
} Work;

static inline void *
work_take(Work *w, size_t count, size_t size)
{
	size_t		bytes = (count * size + ECML_ALIGN - 1) / ECML_ALIGN * ECML_ALIGN;
	size_t		at = w->used;

	w->used += bytes;
	return w->base && w->used <= w->size ? w->base + at : NULL;
}

#define WORK_TAKE(w, type, count) ((type *) work_take((w), (count), sizeof(type)))

/* Everything asked for was there. */
static inline bool
work_fits(const Work *w)
{
	return w->base && w->used <= w->size;
}

#endif							/* ECML_FORECAST_WORK_H */
