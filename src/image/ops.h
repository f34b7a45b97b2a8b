/*
 * ops.h - the layers without products of matrices, forward and backward, on several pictures; for tasks
 *
 * Arrays are [images][height][width][channels].  Where a gradient has an add flag, it is added to what is there, else it
 * replaces it.
 */
#ifndef ECML_IMAGE_OPS_H
#define ECML_IMAGE_OPS_H

#include "image/network.h"

/* can the slope be told from what comes out? */
extern bool op_slope_by_output(NetActivation activation);

/* y [rows][channels] in place */
extern void op_activate(NetActivation activation, float a, float b, float *y, size_t rows, size_t channels);

/* dy becomes the gradient of what went in: x is that, or NULL where y, what came out, tells enough; x and dx may not overlap y */
extern void op_activate_backward(NetActivation activation, float a, float b, const float *x, const float *y, float *dy,
								 size_t rows, size_t channels);

extern void op_pool(const NetNode *node, const NetNode *in, const float *x, float *y, size_t images);
extern void op_pool_backward(const NetNode *node, const NetNode *in, const float *x, const float *y, const float *dy, float *dx,
							 size_t images, bool add);
extern void op_global_pool(const NetNode *node, const NetNode *in, const float *x, float *y, size_t images);
extern void op_global_pool_backward(const NetNode *node, const NetNode *in, const float *x, const float *y, const float *dy,
									float *dx, size_t images, bool add);

/* add, multiply: in[i] of shape shapes[i] */
extern void op_combine(const NetNode *node, const NetNode *const *shapes, const float *const *in, float *y, size_t images);
extern void op_combine_backward(const NetNode *node, const NetNode *const *shapes, const float *const *in, int which,
								const float *dy, float *dx, size_t images, bool add);

extern void op_concatenate(const NetNode *node, const NetNode *const *shapes, const float *const *in, float *y, size_t images);
extern void op_concatenate_backward(const NetNode *node, const NetNode *const *shapes, int which, const float *dy, float *dx,
									size_t images, bool add);

/* y = x scale + shift by channel */
extern void op_scale(const float *x, const float *scale, const float *shift, float *y, size_t rows, size_t channels);

/* sums of x and of (x - centre)^2 by channel, added to; backward: of dy, and of dy (x - centre) */
extern void op_moments(const float *x, const float *centre, size_t rows, size_t channels, double *sum, double *square);
extern void op_slopes(const float *x, const float *dy, const float *centre, size_t rows, size_t channels, double *sum,
					  double *product);

/* dx (+)= dy p + x q + r by channel */
extern void op_spread(const float *x, const float *dy, const float *p, const float *q, const float *r, float *dx, size_t rows,
					  size_t channels, bool add);

/* y = x or 0, scaled; the same of the same rng */
extern void op_drop(const float *x, float rate, EcmlRng *rng, float *y, size_t n, bool add);

extern void op_add(const float *x, float *y, size_t n);

#endif							/* ECML_IMAGE_OPS_H */
