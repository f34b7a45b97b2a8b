/*
 * pixels_input.c - what a network sees of a picture: size, cut, channels, and the numbers that stand for its pixels
 */
#include "image/pixels.h"

#include <math.h>
#include <string.h>

#define MAX_INPUT_SIDE 8192

const char *
pixels_input_check(const PixelsInput *input)
{
	if (input->width < 1 || input->height < 1 || input->width > MAX_INPUT_SIDE || input->height > MAX_INPUT_SIDE)
		return "width and height of a network's input are 1 to 8192";
	if (input->channels != 1 && input->channels != 3)
		return "channels are 1 or 3";
	if (input->fit > PIXELS_LETTERBOX || input->filter > PIXELS_NEAREST)
		return "fit or filter is unknown";
	if (!(input->crop > 0.01f && input->crop <= 1))
		return "crop is above 0.01 and at most 1";
	if (!isfinite(input->scale) || input->scale == 0)
		return "scale is a number other than 0";
	for (int c = 0; c < input->channels; c++)
		if (!isfinite(input->mean[c]) || !isfinite(input->std[c]) || !(input->std[c] > 0))
			return "mean is finite, std above 0";
	return NULL;
}

void
pixels_input_write(EcmlWriter *w, const PixelsInput *input)
{
	ecml_write_u32(w, (uint32_t) input->width);
	ecml_write_u32(w, (uint32_t) input->height);
	ecml_write_u8(w, (uint8_t) input->channels);
	ecml_write_u8(w, (uint8_t) input->fit);
	ecml_write_u8(w, (uint8_t) input->filter);
	ecml_write_f4s(w, &input->crop, 1);
	ecml_write_bytes(w, input->background, 3);
	ecml_write_u8(w, input->bgr);
	ecml_write_f4s(w, &input->scale, 1);
	ecml_write_f4s(w, input->mean, 3);
	ecml_write_f4s(w, input->std, 3);
}

void
pixels_input_read(EcmlReader *r, PixelsInput *input)
{
	float	   *numbers;

	memset(input, 0, sizeof(*input));
	input->width = (int) ecml_read_u32_in(r, 1, MAX_INPUT_SIDE);
	input->height = (int) ecml_read_u32_in(r, 1, MAX_INPUT_SIDE);
	input->channels = ecml_read_u8(r);
	input->fit = (PixelsFit) ecml_read_u8(r);
	input->filter = (PixelsFilter) ecml_read_u8(r);
	numbers = ecml_read_finite_f4s(r, 1);
	input->crop = numbers[0];
	memcpy(input->background, ecml_read_bytes(r, 3), 3);
	input->bgr = ecml_read_bool(r);
	numbers = ecml_read_finite_f4s(r, 7);
	input->scale = numbers[0];
	memcpy(input->mean, numbers + 1, sizeof(input->mean));
	memcpy(input->std, numbers + 4, sizeof(input->std));
	if (pixels_input_check(input))
		ecml_read_corrupted(r, "the input of a network is impossible");
}

void
pixels_input_want(const PixelsInput *input, PixelsWant *want)
{
	*want = (PixelsWant) PIXELS_WANT_DEFAULTS;
	want->channels = input->channels;
	want->cover = input->fit != PIXELS_LETTERBOX;
	want->width = input->width;
	want->height = input->height;
	if (input->fit == PIXELS_CROP)
	{
		want->width = (int) ceilf(input->width / input->crop);
		want->height = (int) ceilf(input->height / input->crop);
	}
	memcpy(want->background, input->background, 3);
}

/* The part of a picture that is shown, and where in the input (width and height of the place; the rest is background). */
static void
geometry(const PixelsInput *input, int width, int height, PixelsBox *box, int *left, int *top, int *w, int *h)
{
	double		across = (double) width / input->width;	/* picture's pixels in one of the input's */
	double		down = (double) height / input->height;

	*box = (PixelsBox) {0, 0, width, height};
	*left = *top = 0;
	*w = input->width;
	*h = input->height;
	if (input->fit == PIXELS_CROP)
	{
		double		scale = fmin(across, down) * input->crop;

		box->left = 0.5 * (width - scale * input->width);
		box->top = 0.5 * (height - scale * input->height);
		box->right = box->left + scale * input->width;
		box->bottom = box->top + scale * input->height;
	}
	else if (input->fit == PIXELS_LETTERBOX)
	{
		double		scale = fmax(across, down);

		*w = (int) fmin(fmax(round(width / scale), 1), input->width);
		*h = (int) fmin(fmax(round(height / scale), 1), input->height);
		*left = (input->width - *w) / 2;
		*top = (input->height - *h) / 2;
	}
}

size_t
pixels_input_work(const PixelsInput *input, int width, int height)
{
	PixelsBox	box;
	int			left;
	int			top;
	int			w;
	int			h;
	size_t		bytes;

	geometry(input, width, height, &box, &left, &top, &w, &h);
	bytes = pixels_resize_work(width, height, input->channels, &box, w, h, input->filter);
	bytes = (bytes + ECML_ALIGN - 1) & ~(size_t) (ECML_ALIGN - 1);
	return bytes + (size_t) w * h * input->channels;
}

void
pixels_input_fit(const PixelsInput *input, const EcmlPixels *in, uint8_t *out, void *work)
{
	int			channels = input->channels;
	PixelsBox	box;
	int			left;
	int			top;
	EcmlPixels	part = {.channels = channels};
	size_t		line;

	geometry(input, in->width, in->height, &box, &left, &top, &part.width, &part.height);
	line = (size_t) part.width * channels;
	if (part.width == input->width && part.height == input->height)
	{
		part.data = out;
		if (in->width == part.width && in->height == part.height && (input->fit != PIXELS_CROP || input->crop == 1))
			memcpy(out, in->data, line * part.height);
		else
			pixels_resize_into(in, &box, input->filter, &part, work);
		return;
	}
	for (size_t i = 0; i < (size_t) input->width * input->height; i++)
		for (int c = 0; c < channels; c++)
			out[i * channels + c] = channels == 1
				? (uint8_t) ((input->background[0] * 19595 + input->background[1] * 38470 + input->background[2] * 7471 + 0x8000) >> 16)
				: input->background[c];
	part.data = (uint8_t *) work + ((pixels_resize_work(in->width, in->height, channels, &box, part.width, part.height, input->filter) +
									 ECML_ALIGN - 1) & ~(size_t) (ECML_ALIGN - 1));
	pixels_resize_into(in, &box, input->filter, &part, work);
	for (int y = 0; y < part.height; y++)
		memcpy(out + ((size_t) (top + y) * input->width + left) * channels, part.data + y * line, line);
}

void
pixels_input_decode(EcmlCtx *ctx, const PixelsInput *input, const void *bytes, size_t n, uint8_t *out)
{
	PixelsWant	want;
	EcmlPixels *pixels;
	void	   *work;

	pixels_input_want(input, &want);
	pixels = pixels_decode(ctx, bytes, n, &want);
	work = ecml_alloc(ctx, pixels_input_work(input, pixels->width, pixels->height));
	pixels_input_fit(input, pixels, out, work);
	ecml_free(ctx, work);
	ecml_free(ctx, pixels->data);
	ecml_free(ctx, pixels);
}

/* out[i] = in[i] * factor + shift */
ECML_CLONES static void
scale_bytes(const uint8_t *restrict in, float factor, float shift, size_t n, float *restrict out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = in[i] * factor + shift;
}

ECML_CLONES static void
scale_colors(const uint8_t *restrict in, const float factor[3], const float shift[3], size_t n, float *restrict out)
{
	for (size_t i = 0; i < n; i++, in += 3, out += 3)
	{
		out[0] = in[0] * factor[0] + shift[0];
		out[1] = in[1] * factor[1] + shift[1];
		out[2] = in[2] * factor[2] + shift[2];
	}
}

ECML_CLONES static void
scale_plane(const uint8_t *restrict in, float factor, float shift, size_t n, float *restrict out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = in[3 * i] * factor + shift;
}

void
pixels_input_floats(const PixelsInput *input, const uint8_t *in, bool planes, float *out)
{
	size_t		n = (size_t) input->width * input->height;
	float		factor[3];		/* by the order in the picture */
	float		shift[3];

	for (int c = 0; c < input->channels; c++)
	{
		int			to = input->bgr && input->channels == 3 ? 2 - c : c;

		factor[c] = input->scale / input->std[to];
		shift[c] = -input->mean[to] / input->std[to];
	}
	if (input->channels == 1)
		scale_bytes(in, factor[0], shift[0], n, out);
	else if (planes)
		for (int c = 0; c < 3; c++)
			scale_plane(in + c, factor[c], shift[c], n, out + (input->bgr ? 2 - c : c) * n);
	else if (!input->bgr)
	{
		if (factor[0] == factor[1] && factor[0] == factor[2] && shift[0] == shift[1] && shift[0] == shift[2])
			scale_bytes(in, factor[0], shift[0], 3 * n, out);
		else
			scale_colors(in, factor, shift, n, out);
	}
	else
		for (size_t i = 0; i < n; i++)
			for (int c = 0; c < 3; c++)
				out[3 * i + 2 - c] = in[3 * i + c] * factor[c] + shift[c];
}
