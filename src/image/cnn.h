/*
 * cnn.h - a network as a model: its input, its labels' task, its bytes
 *
 * Trained here (train.h) or imported; the classes themselves are in the schema of the ecml_model (schema->classes, in the
 * order of the network's outputs), its nclasses is what the network puts out.  A network of one output with sigmoid is a classifier
 * of two classes (the probability of the second).
 */
#ifndef ECML_IMAGE_CNN_H
#define ECML_IMAGE_CNN_H

#include "image/exec.h"
#include "image/network.h"
#include "image/pixels.h"

typedef enum CnnSource			/* what the picture comes as; on disk: append only */
{
	CNN_PICTURE,				/* bytea: an encoded picture */
	CNN_BYTES,					/* bytea: height * width * channels bytes, as they are */
	CNN_NUMBERS					/* an array of numbers [height][width][channels] */
} CnnSource;

typedef struct CnnModel
{
	char	   *column;			/* of the training's source; "" of an import */
	CnnSource	source;
	PixelsInput input;			/* of NUMBERS: x = (number * scale - mean) / std */
	Network    *net;			/* as trained; of outputs: probabilities, or the target as (y - shift) / scale */
	bool		regression;
	double		shift;			/* REGRESSION */
	double		scale;
	Network    *served;			/* folded, made by cnn_prepare; not in the bytes */
	Runner	   *runner;			/* of it; keeps the embedding */
} CnnModel;

extern void cnn_write(EcmlWriter *w, const CnnModel *model);
extern CnnModel *cnn_read(EcmlReader *r, int nclasses);	/* checks everything; nclasses 0: regression */

/* Make what serves; cnn_read does. */
extern void cnn_prepare(EcmlCtx *ctx, CnnModel *model);

/* A picture of the input's size, as bytes or (NUMBERS) floats: how many bytes, and to the floats of the network. */
extern size_t cnn_row_bytes(const CnnModel *model);
extern void cnn_floats(const CnnModel *model, const uint8_t *bytes, float *out);

/* From the network's output to what is told: out [nclasses], or the value. */
extern int	cnn_outputs(const CnnModel *model, int nclasses);
extern void cnn_answer(const CnnModel *model, int nclasses, const float *y, double *out);

/* What it sees in a picture, from runner_kept: [cnn_embedding_size], of length 1 (0 where nothing is seen). */
extern size_t cnn_embedding_size(const CnnModel *model);
extern void cnn_embedding(const CnnModel *model, const float *kept, float *out);

/* Where the network looked for a class: [height][width], 0 to 1; x: the input's floats, with NET_SLACK. */
extern float *cnn_heat(EcmlCtx *ctx, const CnnModel *model, const float *x, int class, int *height, int *width);

#endif							/* ECML_IMAGE_CNN_H */
