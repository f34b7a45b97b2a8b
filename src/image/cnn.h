/*
 * cnn.h - a network as a model: its input, its labels' task, its bytes
 *
 * Trained here (train.h) or imported; the classes themselves are in the schema of the ecml_model (schema->classes, in the
 * order of the network's outputs), its nclasses is what the network puts out.  A network of one output with sigmoid is a classifier
 * of two classes (the probability of the second).
 */
#ifndef ECML_IMAGE_CNN_H
#define ECML_IMAGE_CNN_H

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
	CnnSource	source;
	PixelsInput input;			/* of NUMBERS: x = (number * scale - mean) / std */
	Network    *net;			/* as trained; of outputs: probabilities, or the target as (y - shift) / scale */
	bool		regression;
	double		shift;			/* REGRESSION */
	double		scale;
	Network    *served;			/* folded, made when it is read (cnn_read); not in the bytes */
} CnnModel;

extern void cnn_write(EcmlWriter *w, const CnnModel *model);
extern CnnModel *cnn_read(EcmlReader *r, int nclasses);	/* checks everything; nclasses 0: regression */

#endif							/* ECML_IMAGE_CNN_H */
