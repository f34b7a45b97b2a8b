/*
 * pixels.h - pictures: from encoded bytes to pixels, their size and shape, and from pixels to the input of a network
 *
 * Pure C on libjpeg-turbo, libpng, libwebp and giflib.  Bytes are hostile until decoded: headers are read first, width times
 * height is checked against a limit and the memory that decoding takes against the budget, before anything is allocated.
 *
 * Each job exists twice.  The form with an EcmlCtx allocates, polls and fails.  The other form takes all its memory from the
 * caller, fails by its result, and may be called in tasks: plan, then work on plan.work bytes.
 */
#ifndef ECML_IMAGE_PIXELS_H
#define ECML_IMAGE_PIXELS_H

#include "num/bytes.h"
#include "num/ctx.h"
#include "num/rng.h"

#define PIXELS_MAX_SIDE 65535			/* of any format here */
#define PIXELS_MAX_PIXELS (INT64_C(1) << 27)	/* by default: 134 million, 400 MB of colour */
#define PIXELS_MAX_CHANNELS 4

typedef struct EcmlPixels
{
	int			width;
	int			height;
	int			channels;		/* 1: grey, 3: red, green, blue */
	uint8_t    *data;			/* [height][width][channels], owned by the ctx that made it */
} EcmlPixels;

typedef enum PixelsFormat
{
	PIXELS_UNKNOWN,
	PIXELS_JPEG,
	PIXELS_PNG,
	PIXELS_WEBP,
	PIXELS_GIF
} PixelsFormat;

extern const char *pixels_format_name(PixelsFormat format);	/* "jpeg", ...; "unknown" */

/* What a file says of itself, by its headers. */
typedef struct PixelsInfo
{
	PixelsFormat format;
	int			width;			/* as stored, before orientation */
	int			height;
	int			channels;		/* of the file: 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha, or CMYK; a palette is colour */
	int			depth;			/* bits a channel */
	int			orientation;	/* EXIF: 1 .. 8, 1 when it says nothing */
	bool		alpha;
	bool		palette;
	bool		cmyk;
	bool		animated;
	bool		progressive;	/* or interlaced: comes in several passes */
	bool		lossless;
} PixelsInfo;

typedef struct PixelsError
{
	EcmlStatus	status;			/* ECML_DATA_EXCEPTION: no picture, or a damaged one; ECML_LIMIT_EXCEEDED */
	char		message[200];	/* lower case, as for ecml_fail */
	char		detail[200];	/* or empty */
} PixelsError;

/* ---- decoding */

typedef struct PixelsWant
{
	int			channels;		/* 1 or 3; 0: 1 for grey files, else 3 */
	int			width;			/* it will be shrunk to this size: JPEG may come at any size not below it, which is faster; 0: full */
	int			height;
	bool		cover;			/* that size is to be covered (crop), not to be fitted within (letterbox, thumbnail) */
	bool		orient;			/* turn upright by EXIF */
	uint8_t		background[3];	/* what shows where the picture is transparent */
	int64_t		max_pixels;		/* width times height as stored; more is an error */
} PixelsWant;

#define PIXELS_WANT_DEFAULTS {.orient = true, .background = {255, 255, 255}, .max_pixels = PIXELS_MAX_PIXELS}

typedef struct PixelsPlan
{
	PixelsWant	want;
	PixelsInfo	info;
	int			width;			/* of the result */
	int			height;
	int			channels;
	int			shrink;			/* JPEG: decoded at shrink eighths */
	size_t		size;			/* bytes of the result: width * height * channels */
	size_t		work;			/* bytes of scratch memory */
	size_t		library;		/* bytes that the format's library takes by itself at most, of the system, while it decodes */
} PixelsPlan;

/* Headers only; no memory.  False: error tells why. */
extern bool pixels_probe(const void *bytes, size_t n, PixelsInfo *info, PixelsError *error);
extern bool pixels_plan(const void *bytes, size_t n, const PixelsWant *want, PixelsPlan *plan, PixelsError *error);

typedef enum PixelsResult
{
	PIXELS_OK,
	PIXELS_FAILED,				/* error tells why */
	PIXELS_STOPPED				/* stop said so */
} PixelsResult;

/*
 * Decode to out [plan->size] with work [plan->work], for tasks.  stop(arg): asked every few milliseconds; NULL: never.
 * A file that ends too early is an error.
 */
extern PixelsResult pixels_decode_into(const void *bytes, size_t n, const PixelsPlan *plan, uint8_t *out, void *work,
									   bool (*stop) (void *arg), void *arg, PixelsError *error);

/* Both for a ctx: polls, and fails with the error. */
extern EcmlPixels *pixels_decode(EcmlCtx *ctx, const void *bytes, size_t n, const PixelsWant *want);
extern void pixels_fail(EcmlCtx *ctx, const PixelsError *error) ECML_NORETURN;

/* ---- encoding: bytes owned by ctx */

extern uint8_t *pixels_encode(EcmlCtx *ctx, const EcmlPixels *pixels, PixelsFormat format, int quality, size_t *size);

/* ---- size */

typedef enum PixelsFilter
{
	PIXELS_AREA,				/* mean of the area that a pixel covers, exact at its rim */
	PIXELS_BILINEAR,			/* as Pillow has them: the filter grows with the reduction, so that nothing is skipped */
	PIXELS_BICUBIC,
	PIXELS_LANCZOS,
	PIXELS_NEAREST
} PixelsFilter;

typedef enum PixelsFit
{
	PIXELS_STRETCH,				/* to the size, whatever its shape */
	PIXELS_CROP,				/* cover the size, and cut what sticks out on both sides */
	PIXELS_LETTERBOX			/* fit within, and fill the rest with the background */
} PixelsFit;

/* A part of a picture, in pixels, fractions too. */
typedef struct PixelsBox
{
	double		left;
	double		top;
	double		right;
	double		bottom;
} PixelsBox;

/* Resize the box of in (NULL: all of it) to out (width, height, channels as in, data are set by the caller); work for tasks. */
extern size_t pixels_resize_work(int width, int height, int channels, const PixelsBox *box, int out_width, int out_height,
								 PixelsFilter filter);
extern void pixels_resize_into(const EcmlPixels *in, const PixelsBox *box, PixelsFilter filter, EcmlPixels *out, void *work);
extern EcmlPixels *pixels_resize(EcmlCtx *ctx, const EcmlPixels *in, const PixelsBox *box, int width, int height,
								 PixelsFilter filter);

/* ---- the input of a network: kept with the model */

typedef struct PixelsInput
{
	int			width;
	int			height;
	int			channels;		/* 1 or 3 */
	PixelsFit	fit;
	PixelsFilter filter;
	float		crop;			/* PIXELS_CROP: the part of the short side that is kept, 1: all of it (0.875: 224 of 256) */
	uint8_t		background[3];	/* of letterboxes and of what is transparent */
	bool		bgr;			/* channels in the order blue, green, red */
	float		scale;			/* x = (pixel * scale - mean[c]) / std[c] */
	float		mean[3];		/* in the order of the channels as they are put out */
	float		std[3];
} PixelsInput;

#define PIXELS_INPUT_DEFAULTS {.width = 64, .height = 64, .channels = 3, .fit = PIXELS_CROP, .filter = PIXELS_BILINEAR, .crop = 1, \
	.background = {255, 255, 255}, .scale = 1.0f / 255, .std = {1, 1, 1}}

/* NULL, or what is wrong. */
extern const char *pixels_input_check(const PixelsInput *input);
extern void pixels_input_write(EcmlWriter *w, const PixelsInput *input);
extern void pixels_input_read(EcmlReader *r, PixelsInput *input);	/* checks everything */

/* What to ask decoding for, so that the result is good enough for this input. */
extern void pixels_input_want(const PixelsInput *input, PixelsWant *want);

/* Decoded pixels (channels as input's) to out [height][width][channels] of the input's size; work for tasks. */
extern size_t pixels_input_work(const PixelsInput *input, int width, int height);
extern void pixels_input_fit(const PixelsInput *input, const EcmlPixels *in, uint8_t *out, void *work);

/* Encoded bytes to out [input->height][input->width][input->channels]. */
extern void pixels_input_decode(EcmlCtx *ctx, const PixelsInput *input, const void *bytes, size_t n, uint8_t *out);

/* Those to floats: NHWC, or planes (NCHW) of the input's size.  For tasks. */
extern void pixels_input_floats(const PixelsInput *input, const uint8_t *in, bool planes, float *out);

/* ---- augmentation: a picture of the input's size, changed at random.  For tasks. */

typedef struct PixelsAugment
{
	bool		flip;			/* left to right, half of the time */
	bool		flip_vertical;
	double		shift;			/* at most this part of width and height */
	double		rotate;			/* at most so many degrees */
	double		zoom;			/* by a factor of 1 - zoom .. 1 + zoom */
	double		crop;			/* a part of at least 1 - crop of the area, in a shape of 3:4 to 4:3, enlarged; 0: none */
	double		brightness;		/* factors of 1 - x .. 1 + x */
	double		contrast;
	double		saturation;
	double		hue;			/* at most this part of the circle, up to 0.5 */
	double		erase;			/* probability that a rectangle of 2 to 20 % of the area is greyed out */
} PixelsAugment;

typedef struct PixelsChange
{
	bool		moves;			/* else affine is identity */
	float		affine[6];		/* where pixel (x, y) of the result comes from: (a0 x + a1 y + a2, a3 x + a4 y + a5) */
	bool		colors;
	float		color[12];		/* [3][4]: of result's channel c: color[c] . (r, g, b, 255); grey: v * color[0] + 255 * color[3] */
	int			erase[4];		/* left, top, right, bottom; empty: none */
} PixelsChange;

extern const char *pixels_augment_check(const PixelsAugment *augment);
extern void pixels_augment_draw(const PixelsAugment *augment, int width, int height, int channels, EcmlRng *rng,
								PixelsChange *change);

/* in and out: [height][width][channels], not the same; beyond the edge the edge goes on. */
extern void pixels_change(const PixelsChange *change, int width, int height, int channels, const uint8_t *in, uint8_t *out);

/* ---- looks */

/* 64 bits of the signs of the low frequencies of brightness (DCT): alike for the same picture in other sizes and qualities. */
extern uint64_t pixels_hash(EcmlCtx *ctx, const EcmlPixels *pixels);

typedef struct PixelsColor
{
	uint8_t		rgb[3];
	double		share;			/* of the picture's area */
} PixelsColor;

/* The palette: at most n colours (256), the largest share first; gives how many. */
extern int	pixels_colors(EcmlCtx *ctx, const EcmlPixels *pixels, int n, PixelsColor *colors);

#endif							/* ECML_IMAGE_PIXELS_H */
