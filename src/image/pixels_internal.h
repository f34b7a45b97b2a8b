/*
 * pixels_internal.h - what the readers of single formats and pixels.c have in common
 */
#ifndef ECML_IMAGE_PIXELS_INTERNAL_H
#define ECML_IMAGE_PIXELS_INTERNAL_H

#include "image/pixels.h"

typedef bool (*PixelsStop) (void *arg);

/* A decoding under way. */
typedef struct PixelsJob
{
	const uint8_t *bytes;
	size_t		n;
	const PixelsPlan *plan;
	uint8_t    *out;			/* [plan->size] */
	uint8_t    *work;			/* [plan->work], aligned */
	uint8_t    *row;			/* in work: a row of out's channels, for what is not upright */
	int			width;			/* as it is stored, after shrinking */
	int			height;
	ptrdiff_t	origin;			/* pixel (x, y) as stored belongs at out[(origin + x * across + y * down) * channels] */
	ptrdiff_t	across;
	ptrdiff_t	down;
	PixelsStop	stop;
	void	   *arg;
	PixelsError *error;
} PixelsJob;

/* A format: each works without memory of its own. */
typedef struct PixelsReader
{
	PixelsFormat format;
	bool		(*probe) (const uint8_t *bytes, size_t n, PixelsInfo *info, PixelsError *error);
	/* set work (beside the row), library, shrink; width, height as stored are set when shrink is 8 */
	void		(*plan) (const uint8_t *bytes, size_t n, PixelsPlan *plan);
	PixelsResult (*decode) (PixelsJob *job);
} PixelsReader;

extern const PixelsReader pixels_jpeg;
extern const PixelsReader pixels_png;
extern const PixelsReader pixels_webp;
extern const PixelsReader pixels_gif;

/* Encoders write to out [capacity]; 0: it did not fit, or the library failed, or stop said so. */
extern size_t pixels_jpeg_bound(const EcmlPixels *pixels);
extern size_t pixels_jpeg_encode(const EcmlPixels *pixels, int quality, uint8_t *out, size_t capacity, PixelsStop stop, void *arg);
extern size_t pixels_png_bound(const EcmlPixels *pixels);
extern size_t pixels_png_encode(const EcmlPixels *pixels, uint8_t *out, size_t capacity, PixelsStop stop, void *arg);
extern size_t pixels_webp_bound(const EcmlPixels *pixels);
extern size_t pixels_webp_encode(const EcmlPixels *pixels, int quality, uint8_t *out, size_t capacity, PixelsStop stop, void *arg);

/* Fill an error; gives false. */
extern bool pixels_error(PixelsError *error, EcmlStatus status, const char *message, const char *detail,...) ECML_PRINTF(4, 5);

/* The orientation that an EXIF block (a TIFF header and what follows) tells: 1 .. 8, 1 when it is damaged. */
extern int	pixels_exif_orientation(const uint8_t *exif, size_t n);

/* Where the pixels of row y may be written; then pixels_row_done(job, y) brings them to where they belong. */
static inline uint8_t *
pixels_row(const PixelsJob *job, int y)
{
	if (job->across == 1)
		return job->out + (job->origin + y * job->down) * job->plan->channels;
	return job->row;
}

extern void pixels_row_done(const PixelsJob *job, int y);

/*
 * Convert n pixels of 1 to 4 channels (grey, grey and alpha, colour, colour and alpha) to 1 or 3, over the background; in may
 * be out, when the channels get no more.
 */
extern void pixels_convert_row(const uint8_t *in, int channels, int n, int out_channels, const uint8_t background[3], uint8_t *out);

/* A colour's brightness, ITU-R 601, in 16 bits of fraction. */
static inline uint8_t
pixels_luma(int red, int green, int blue)
{
	return (uint8_t) ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);
}

static inline unsigned
pixels_be16(const uint8_t *p)
{
	return (unsigned) p[0] << 8 | p[1];
}

static inline uint32_t
pixels_be32(const uint8_t *p)
{
	return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

static inline unsigned
pixels_le16(const uint8_t *p)
{
	return (unsigned) p[1] << 8 | p[0];
}

static inline uint32_t
pixels_le24(const uint8_t *p)
{
	return (uint32_t) p[2] << 16 | (uint32_t) p[1] << 8 | p[0];
}

static inline uint32_t
pixels_le32(const uint8_t *p)
{
	return (uint32_t) p[3] << 24 | pixels_le24(p);
}

#endif							/* ECML_IMAGE_PIXELS_INTERNAL_H */
