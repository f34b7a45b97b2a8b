/*
 * cnn.c - a trained network as a model: its bytes, and what serves it
 */
#include "cnn.h"

#include <math.h>
#include <string.h>

#include "fit.h"

#define VERSION 1

void
cnn_write(EcmlWriter *w, const CnnModel *model)
{
	ecml_write_u32(w, VERSION);
	ecml_write_string(w, model->column);
	ecml_write_u8(w, model->source);
	pixels_input_write(w, &model->input);
	ecml_write_u8(w, model->regression);
	ecml_write_f8(w, model->shift);
	ecml_write_f8(w, model->scale);
	net_write(w, model->net);
}

CnnModel *
cnn_read(EcmlReader *r, int nclasses)
{
	CnnModel   *model = ECML_NEW0(r->ctx, CnnModel, 1);
	const NetNode *in;

	if (ecml_read_u32(r) != VERSION)
		ecml_read_corrupted(r, "the model is of an unknown version");
	model->column = ecml_read_string(r);
	model->source = ecml_read_u8(r);
	if (model->source > CNN_NUMBERS)
		ecml_read_corrupted(r, "the kind of its pictures is out of range");
	pixels_input_read(r, &model->input);
	model->regression = ecml_read_bool(r);
	model->shift = ecml_read_finite(r);
	model->scale = ecml_read_finite(r);
	model->net = net_read(r);
	in = &model->net->nodes[0];
	if (model->source != CNN_NUMBERS &&
		(in->height != model->input.height || in->width != model->input.width || in->channels != model->input.channels))
		ecml_read_corrupted(r, "the network's input is of another size than its pictures");
	if (model->regression != (nclasses == 0) || cnn_head_problem(model->net, nclasses) != NULL)
		ecml_read_corrupted(r, "the network's output does not fit the classes");
	cnn_prepare(r->ctx, model);
	return model;
}

void
cnn_prepare(EcmlCtx *ctx, CnnModel *model)
{
	model->served = net_fold(ctx, model->net);
	model->runner = runner_create(ctx, model->served, model->served->embedding);
}

void
cnn_floats(const CnnModel *model, const uint8_t *bytes, float *out)
{
	const PixelsInput *input = &model->input;
	const NetNode *in = &model->net->nodes[0];

	if (model->source == CNN_NUMBERS)
		for (size_t i = 0; i < in->values; i++)
		{
			size_t		c = i % in->channels < 3 ? i % in->channels : 2;

			out[i] = (((const float *) bytes)[i] * input->scale - input->mean[c]) / input->std[c];
		}
	else
		pixels_input_floats(input, bytes, false, out);
}

size_t
cnn_row_bytes(const CnnModel *model)
{
	return model->net->nodes[0].values * (model->source == CNN_NUMBERS ? sizeof(float) : 1);
}

int
cnn_outputs(const CnnModel *model, int nclasses)
{
	return model->regression ? 1 : nclasses;
}

void
cnn_answer(const CnnModel *model, int nclasses, const float *y, double *out)
{
	if (model->regression)
		out[0] = model->shift + model->scale * y[0];
	else if (net_outputs(model->net) == 1)
	{
		out[0] = 1 - (double) y[0];
		out[1] = y[0];
	}
	else
		for (int c = 0; c < nclasses; c++)
			out[c] = y[c];
}

size_t
cnn_embedding_size(const CnnModel *model)
{
	return model->served->nodes[model->served->embedding].channels;
}

void
cnn_embedding(const CnnModel *model, const float *kept, float *out)
{
	const NetNode *node = &model->served->nodes[model->served->embedding];
	const size_t channels = node->channels;
	const size_t places = (size_t) node->height * node->width;
	double		square = 0;

	/* of a layer with places their mean, but for its length */
	memcpy(out, kept, channels * sizeof(float));
	for (size_t p = 1; p < places; p++)
		for (size_t c = 0; c < channels; c++)
			out[c] += kept[p * channels + c];
	for (size_t c = 0; c < channels; c++)
		square += (double) out[c] * out[c];
	for (size_t c = 0; square > 0 && c < channels; c++)
		out[c] = (float) (out[c] / sqrt(square));
}
