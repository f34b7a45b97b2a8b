/*
 * cnn_sql.h - what the bindings of convolutional networks share
 */
#ifndef ECML_IMAGE_CNN_SQL_H
#define ECML_IMAGE_CNN_SQL_H

#include "core/compat.h"

#include "core/model.h"
#include "core/options.h"
#include "core/source.h"
#include "core/target.h"
#include "image/cnn.h"
#include "image/fit.h"

/* ---- cnn_options_sql.c: what a training may be told */

enum
{
	CNN_TASK_AUTO, CNN_TASK_CLASSES, CNN_TASK_NUMBER
};

enum
{
	CNN_FREEZE_AUTO, CNN_FREEZE_NONE, CNN_FREEZE_BASE
};

typedef struct CnnOptions
{
	CnnParams	fit;
	Jsonb	   *layers;
	int			preset;
	int			task;
	int			width;
	int			height;
	int			channels;
	EcmlNumberList shape;
	int			resize;			/* PixelsFit */
	int			filter;
	EcmlNumberList scale;
	EcmlNumberList mean;
	EcmlNumberList std;
	char	   *background;
	EcmlChoice	class_weight;
	EcmlChoice	augment;
	int			damaged;
	char	   *warm_start;
	char	   *transfer;
	EcmlMixed	freeze;
} CnnOptions;

extern const CnnOptions cnn_options_defaults;
extern const EcmlOption cnn_options_list[];

extern const char *cnn_options_check(const void *params);

/* The column's type decides what the target is, unless the option "task" does. */
extern EcmlTargetUse cnn_options_target(const void *params);

extern void cnn_options_augment(const CnnOptions *o, PixelsAugment *augment);

/* ---- layers_sql.c: from jsonb to a network */

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

/* ---- cnn_rows_sql.c: the pictures of a source, at the size of the network's input, in memory or in a file */

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

/* ---- cnn_reading_sql.c: from a source to a store */

#define CNN_STORE_PART 2		/* of ecml.work_mem for pictures, 1 / so much; the rest is for what is done with them */

typedef struct CnnReading
{
	const CnnOptions *options;
	EcmlCtx    *ctx;
	EcmlSource	source;
	int			column;
	Oid			type;
	CnnSource	kind;
	EcmlTarget *target;
	CnnStore   *store;
	const CnnModel *base;		/* of a warm start or transfer; NULL: none */
	bool		begun;
	PixelsInput input;
	int			height;			/* of the network's input */
	int			width;
	int			channels;
	int64		skipped;
	int64		rows;
} CnnReading;

/* The column that holds the pictures: the one named, or the only one that can, beside the one left out (NULL: none). */
extern void cnn_reading_column(CnnReading *reading, const char *column, const char *left_out, bool shaped);

/* An error when they come in another way than the model takes them. */
extern void cnn_reading_check_kind(const CnnReading *reading, CnnSource kind);

/* A row with its target; arg is a CnnReading. */
extern void cnn_reading_row(void *arg, TupleTableSlot *slot);

/* Arrays of numbers: mean 0, deviation 1 over all of them. */
extern void cnn_reading_standardize(CnnReading *reading, EcmlCtx *ctx);

/*
 * A source's pictures for a network that is there: in the column named, or the one that has the name of its training's, or the only
 * one beside left_out; and what will hold them.  SPI is connected.
 */
extern CnnReading *cnn_reading_for(EcmlCtx *ctx, const CnnModel *fitted, const char *source, const char *column, const char *left_out,
								   CnnDamaged damaged);

/* Pictures with a key each. */
typedef struct CnnKeyed
{
	CnnReading *reading;
	int			key;			/* column */
	FmgrInfo	output;
	bool		needed;			/* rows without a key are left out */
	MemoryContext context;
	char	  **keys;			/* by the targets of the store; NULL: the key is NULL */
	size_t		n;
	size_t		capacity;
} CnnKeyed;

/* reading, by cnn_reading_for, is run; key: name of a column, NULL: the first beside the pictures. */
extern CnnKeyed *cnn_keyed_open(CnnReading *reading, MemoryContext context, const char *key, bool needed);
extern void cnn_keyed_run(CnnKeyed *keyed);
extern const char *cnn_keyed_key(const CnnKeyed *keyed, size_t row);	/* of a row of the store */

/* ---- cnn_many_sql.c: networks on all rows of a store, many at once */

/* result: double [cnn_outputs], or float [cnn_embedding_size] */
typedef void (*CnnManyRow) (void *arg, size_t i, const void *result);

extern void cnn_many(EcmlCtx *ctx, const CnnModel *fitted, int nclasses, CnnStore *store, bool embedding, CnnManyRow row, void *arg);

/* ecml_evaluate */
extern void cnn_evaluate(const EcmlModel *model, int64 model_id, const char *source, Jsonb *given, EcmlJson *json);

/* ---- cnn_similar_sql.c: embeddings kept beside a model */

/* What the active version of a name has indexed, to be indexed again by the next one; NULL: nothing. */
typedef struct CnnIndexed
{
	const char *model;			/* its name */
	char	   *source;
	char	   *key;			/* names of columns */
	char	   *picture;
	CnnDamaged	damaged;
	Oid			owner;
} CnnIndexed;

/* An error unless the source can still be read, and has such pictures; SPI is connected. */
extern CnnIndexed *cnn_index_before(const char *model, CnnSource kind);

extern void cnn_index_again(const EcmlModel *model, void *indexed, int64 model_id);

#endif							/* ECML_IMAGE_CNN_SQL_H */
