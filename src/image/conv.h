/*
 * conv.h - convolutions of several pictures, forward and backward, for tasks
 *
 * x [images][h][w][c], y [images][oh][ow][filters], weights [kh][kw][c / groups][filters]; all arrays with GEMM_SLACK behind
 * them, which is read, not written.  Packed weights are made once and shared by all tasks.
 */
#ifndef ECML_IMAGE_CONV_H
#define ECML_IMAGE_CONV_H

#include "image/gemm.h"
#include "image/network.h"

typedef struct ConvShape
{
	int			h;				/* of x */
	int			w;
	int			c;
	int			oh;				/* of y */
	int			ow;
	int			filters;
	int			kh;
	int			kw;
	int			sh;				/* stride */
	int			sw;
	int			dh;				/* dilation */
	int			dw;
	int			top;			/* padding; may be negative */
	int			left;
	int			groups;
} ConvShape;

/* in: the node that it reads; a dense layer on [h][w][c] is a convolution of kernel 1 */
extern ConvShape conv_shape(const NetNode *node, const NetNode *in);

/* as many groups as channels and filters: its own loops, and no packed weights */
extern bool conv_is_depthwise(const ConvShape *s);

/* floats of the packed weights (0: none needed) and of the scratch memory of a task */
extern size_t conv_forward_packed(const ConvShape *s, const GemmKernel *g);
extern size_t conv_backward_packed(const ConvShape *s, const GemmKernel *g);
extern size_t conv_scratch(const ConvShape *s, const GemmKernel *g);

extern void conv_pack_forward(const ConvShape *s, const GemmKernel *g, const float *weights, float *packed);
extern void conv_pack_backward(const ConvShape *s, const GemmKernel *g, const float *weights, float *packed);

/*
 * Output pixels from .. to of all images' (images * oh * ow of them), whole rows.  after: what to do with rows of y as long as they are in
 * cache; NULL: nothing.
 */
typedef void (*ConvAfter) (void *arg, float *y, size_t n);

extern void conv_forward(const ConvShape *s, const GemmKernel *g, const float *x, const float *weights, const float *packed,
						 const float *bias, float *y, size_t from, size_t to, float *scratch, ConvAfter after, void *arg);

/* dx = (or +=) what dy says; x is not needed */
extern void conv_backward_data(const ConvShape *s, const GemmKernel *g, const float *dy, const float *weights,
							   const float *packed, float *dx, size_t images, bool add, float *scratch);

/* dweights += , dbias += (NULL: none) */
extern void conv_backward_weights(const ConvShape *s, const GemmKernel *g, const float *x, const float *dy, float *dweights,
								  float *dbias, size_t images, float *scratch);

#endif							/* ECML_IMAGE_CONV_H */
