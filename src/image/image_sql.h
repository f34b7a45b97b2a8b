/*
 * image_sql.h - what the bindings of this folder share
 */
#ifndef ECML_IMAGE_IMAGE_SQL_H
#define ECML_IMAGE_IMAGE_SQL_H

#include "postgres.h"

#include "core/host.h"
#include "core/options.h"
#include "image/pixels.h"

/* Memory for a call: a context of its own within ecml.work_mem.  begin switches to it, end back. */
typedef struct ImageWork
{
	MemoryContext context;
	MemoryContext outside;		/* where results go */
	EcmlCtx		ctx;
	EcmlServerHost host;
} ImageWork;

extern void image_work_begin(ImageWork *work);
extern void image_work_end(ImageWork *work);

extern const char *const image_filter_names[];	/* in the order of PixelsFilter */
extern const EcmlOption image_augment_options[];	/* of a PixelsAugment */

/* "#rrggbb", or an error. */
extern void image_color(const char *text, uint8_t rgb[3]);

/* The perceptual hash of an encoded picture. */
extern uint64_t image_hash(EcmlCtx *ctx, bytea *image);

#endif							/* ECML_IMAGE_IMAGE_SQL_H */
