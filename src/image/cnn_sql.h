/*
 * cnn_sql.h - what the bindings of convolutional networks share
 */
#ifndef ECML_IMAGE_CNN_SQL_H
#define ECML_IMAGE_CNN_SQL_H

#include "core/compat.h"

#include "core/model.h"
#include "core/source.h"
#include "core/target.h"
#include "image/cnn.h"
#include "image/fit.h"

/* ---- layers.c: from jsonb to a network */

typedef enum CnnPreset
{
	CNN_PRESET_SMALL,
	CNN_PRESET_RESNET8,
	CNN_PRESET_MOBILENET_SMALL
} CnnPreset;

extern const char *const cnn_preset_names[];

/* outputs: what a last dense layer without units gets; nclasses 0: regression.  Errors name the layer. */
extern Network *cnn_layers(EcmlCtx *ctx, Jsonb *layers, int height, int width, int channels, int nclasses);
extern Network *cnn_preset(EcmlCtx *ctx, CnnPreset preset, int height, int width, int channels, int nclasses);

/* An error unless it can be trained for that. */
extern void cnn_check_head(const Network *net, int nclasses);

/* ---- pictures as they come from SQL */

/* How a column's type holds pictures; false: not at all. */
extern bool cnn_source_of(Oid type, bool shaped, CnnSource *source);

typedef struct CnnShape
{
	int			height;			/* 0: not given */
	int			width;
	int			channels;
} CnnShape;

/* The shape of an array value, where it tells: two or three dimensions, or a square of grey; 0 where not. */
extern CnnShape cnn_array_shape(Datum value, const CnnShape *given);

/* Numbers of an array [n], or an error; its length must be n, and its values finite. */
extern void cnn_array_floats(Datum value, Oid type, size_t n, float *out);

/* ---- rows.c: the pictures of a source, at the size of the network's input, in memory or in a file */

typedef enum CnnDamaged
{
	CNN_DAMAGED_ERROR,
	CNN_DAMAGED_SKIP
} CnnDamaged;

typedef struct CnnStore CnnStore;

/* budget: bytes in memory before it spills.  input and row_bytes may be set later, before the first row is added. */
extern CnnStore *cnn_store_create(EcmlCtx *ctx, CnnSource source, CnnDamaged damaged, size_t budget);
extern void cnn_store_input(CnnStore *store, const PixelsInput *input, size_t row_bytes);

/* A picture; y goes along.  Encoded ones are decoded some at a time, by threads. */
extern void cnn_store_add(CnnStore *store, Datum value, Oid type, double y);
extern void cnn_store_finish(CnnStore *store);
extern void cnn_store_close(CnnStore *store);

extern size_t cnn_store_rows(const CnnStore *store);
extern int64 cnn_store_damaged(const CnnStore *store);
extern const double *cnn_store_targets(const CnnStore *store);
extern void cnn_store_fetch(void *store, const uint32_t *rows, size_t n, uint8_t *out);

#endif							/* ECML_IMAGE_CNN_SQL_H */
