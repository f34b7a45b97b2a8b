/*
 * winograd.h - convolutions of 3 x 3 by fewer products (winograd.c); conv.c chooses where they pay
 */
#ifndef ECML_IMAGE_WINOGRAD_H
#define ECML_IMAGE_WINOGRAD_H

#include "image/conv.h"

/* 3 x 3 without stride and dilation, with enough channels, filters and places that it is quicker. */
extern bool winograd_pays(const ConvShape *s);

/* floats of the packed weights, and of scratch memory */
extern size_t winograd_packed(const ConvShape *s, const GemmKernel *g);
extern size_t winograd_scratch(const ConvShape *s, const GemmKernel *g);

/* The weight of place p, channel c and filter f is weights[p * place + c * channel + f * filter]; turned: place 8 - p. */
extern void winograd_pack(const ConvShape *s, const GemmKernel *g, const float *weights, size_t place, size_t channel, size_t filter,
						  bool turned, float *packed);

/* Rows of output pixels from .. to of all images' rows; add: to what is in y. */
extern void winograd_forward(const ConvShape *s, const GemmKernel *g, const float *x, const float *packed, const float *bias, float *y,
							 size_t from, size_t to, bool add, float *scratch, ConvAfter after, void *arg);

#endif							/* ECML_IMAGE_WINOGRAD_H */
