/*
 * pixels_webp.c - WebP by libwebp
 *
 * Chunks are walked here for orientation and for the first frame of an animation, which is drawn on its canvas.  The library
 * reports by its result and holds memory of its own only between calls of decode(); it is fed in pieces, so that a cancel is
 * seen between them.
 */
#include "image/pixels_internal.h"

#include <string.h>

#include <webp/decode.h>
#include <webp/encode.h>

#define PIECE ((size_t) 32 << 10)

/* ---- headers */

/* What to decode: the file, or the first frame of an animation and where it belongs. */
typedef struct Frame
{
	const uint8_t *bytes;
	size_t		n;
	int			left;
	int			top;
	int			width;			/* of an animation's; 0: the file */
	int			height;
} Frame;

static void
walk(const uint8_t *bytes, size_t n, Frame *frame, PixelsInfo *info)
{
	size_t		at = 12;

	*frame = (Frame) {.bytes = bytes,.n = n};
	while (n - at >= 8)
	{
		uint32_t	length = pixels_le32(bytes + at + 4);
		const uint8_t *body = bytes + at + 8;
		size_t		left = n - at - 8;
		size_t		have = length < left ? length : left;

		if (memcmp(bytes + at, "ANMF", 4) == 0 && have >= 16 && frame->width == 0)
			*frame = (Frame)
			{
				.bytes = body + 16,.n = have - 16,
				.left = (int) (2 * pixels_le24(body)),.top = (int) (2 * pixels_le24(body + 3)),
				.width = (int) pixels_le24(body + 6) + 1,.height = (int) pixels_le24(body + 9) + 1
			};
		else if (memcmp(bytes + at, "EXIF", 4) == 0 && info)
		{
			/* some writers put the header of JPEG's segment before it */
			if (have >= 6 && memcmp(body, "Exif\0\0", 6) == 0)
				info->orientation = pixels_exif_orientation(body + 6, have - 6);
			else
				info->orientation = pixels_exif_orientation(body, have);
		}
		if (length > left || left - length < (length & 1))
			break;
		at += 8 + (size_t) length + (length & 1);
	}
}

static bool
probe(const uint8_t *bytes, size_t n, PixelsInfo *info, PixelsError *error)
{
	WebPBitstreamFeatures features;
	VP8StatusCode code = WebPGetFeatures(bytes, n, &features);
	Frame		frame;

	if (code != VP8_STATUS_OK)
		return pixels_error(error, ECML_DATA_EXCEPTION, code == VP8_STATUS_NOT_ENOUGH_DATA ? "the WebP file ends too early"
							: "the WebP file is damaged", "Its %zu bytes have no whole header.", n);
	info->width = features.width;
	info->height = features.height;
	info->alpha = features.has_alpha != 0;
	info->channels = info->alpha ? 4 : 3;
	info->depth = 8;
	info->animated = features.has_animation != 0;
	info->lossless = features.format == 2;
	walk(bytes, n, &frame, info);
	if (info->animated)
	{
		if (frame.width == 0)
			return pixels_error(error, ECML_DATA_EXCEPTION, "the WebP file is damaged", "Its animation has no whole frame.");
		code = WebPGetFeatures(frame.bytes, frame.n, &features);
		if (code != VP8_STATUS_OK || features.width != frame.width || features.height != frame.height ||
			frame.width > info->width - frame.left || frame.height > info->height - frame.top)
			return pixels_error(error, ECML_DATA_EXCEPTION, "the WebP file is damaged",
								"The first frame of its animation does not fit the canvas.");
		info->lossless = features.format == 2;
		info->alpha = true;
		info->channels = 4;
	}
	return true;
}

static void
plan(const uint8_t *bytes, size_t n, PixelsPlan *p)
{
	size_t		width = (size_t) p->info.width;
	size_t		height = (size_t) p->info.height;

	p->work = width * height * (p->info.alpha ? 4 : 3);
	/* lossy: rows on their way, and a plane of alpha, itself lossless; the bytes so far, copied while they come in pieces */
	p->library = width * 512 + (1 << 20) + 2 * n;
	if (p->info.lossless)
		p->library += (width * height + width * 17) * 4;
	else if (p->info.alpha)
		p->library += width * height * 2 + width * 17;
}

/* ---- decoding */

static PixelsResult
failed(PixelsJob *job, VP8StatusCode code)
{
	if (code == VP8_STATUS_OUT_OF_MEMORY)
		pixels_error(job->error, ECML_OUT_OF_MEMORY, "out of memory", "A WebP file is decoded.");
	else if (code == VP8_STATUS_SUSPENDED || code == VP8_STATUS_NOT_ENOUGH_DATA)
		pixels_error(job->error, ECML_DATA_EXCEPTION, "the WebP file ends too early", "It has %zu bytes, of %d x %d pixels.",
					 job->n, job->plan->info.width, job->plan->info.height);
	else
		pixels_error(job->error, ECML_DATA_EXCEPTION, "the WebP file is damaged", "The decoder's code is %d.", (int) code);
	return PIXELS_FAILED;
}

static PixelsResult
decode(PixelsJob *job)
{
	const PixelsPlan *p = job->plan;
	int			channels = p->info.alpha ? 4 : 3;
	Frame		frame;
	WebPDecoderConfig config;
	WebPIDecoder *decoder;
	VP8StatusCode code = VP8_STATUS_SUSPENDED;
	PixelsResult result = PIXELS_OK;
	int			width;
	int			height;

	walk(job->bytes, job->n, &frame, NULL);
	/* frames of a file that does not call itself an animation were not looked at */
	if (!p->info.animated)
		frame = (Frame) {.bytes = job->bytes,.n = job->n};
	width = frame.width ? frame.width : job->width;
	height = frame.width ? frame.height : job->height;
	if (!WebPInitDecoderConfig(&config))
		return failed(job, VP8_STATUS_INVALID_PARAM);
	config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
	config.output.is_external_memory = 1;
	config.output.u.RGBA.rgba = job->work;
	config.output.u.RGBA.stride = width * channels;
	config.output.u.RGBA.size = (size_t) width * height * channels;
	decoder = WebPIDecode(NULL, 0, &config);
	if (decoder == NULL)
		return failed(job, VP8_STATUS_OUT_OF_MEMORY);
	for (size_t have = 0; have < frame.n && code == VP8_STATUS_SUSPENDED && result == PIXELS_OK;)
	{
		have = frame.n - have > PIECE ? have + PIECE : frame.n;
		code = WebPIUpdate(decoder, frame.bytes, have);
		if (code == VP8_STATUS_SUSPENDED && job->stop && job->stop(job->arg))
			result = PIXELS_STOPPED;
	}
	WebPIDelete(decoder);
	WebPFreeDecBuffer(&config.output);
	if (result != PIXELS_OK)
		return result;
	if (code != VP8_STATUS_OK)
		return failed(job, code);
	for (int y = 0; y < job->height; y++)
	{
		uint8_t    *row = pixels_row(job, y);

		if (frame.width == 0)
			pixels_convert_row(job->work + (size_t) y * width * channels, channels, width, p->channels, p->want.background, row);
		else
		{
			/* the canvas, and the frame on it */
			static const uint8_t clear[4] = {0, 0, 0, 0};

			for (int x = 0; x < job->width; x++)
				pixels_convert_row(clear, 4, 1, p->channels, p->want.background, row + (size_t) x * p->channels);
			if (y >= frame.top && y < frame.top + height)
				pixels_convert_row(job->work + (size_t) (y - frame.top) * width * channels, channels, width, p->channels,
								   p->want.background, row + (size_t) frame.left * p->channels);
		}
		pixels_row_done(job, y);
	}
	return PIXELS_OK;
}

const PixelsReader pixels_webp = {PIXELS_WEBP, probe, plan, decode};

/* ---- encoding */

typedef struct Room
{
	uint8_t    *out;
	size_t		capacity;
	size_t		size;
	PixelsStop	stop;
	void	   *arg;
} Room;

size_t
pixels_webp_bound(const EcmlPixels *pixels)
{
	return (size_t) pixels->width * pixels->height * 4 + 65536;
}

static int
write_bytes(const uint8_t *data, size_t size, const WebPPicture *picture)
{
	Room	   *room = picture->custom_ptr;

	if (size > room->capacity - room->size)
		return 0;
	memcpy(room->out + room->size, data, size);
	room->size += size;
	return 1;
}

static int
on_progress(int percent, const WebPPicture *picture)
{
	Room	   *room = picture->custom_ptr;

	return !(room->stop && room->stop(room->arg));
}

size_t
pixels_webp_encode(const EcmlPixels *pixels, int quality, uint8_t *out, size_t capacity, PixelsStop stop, void *arg)
{
	Room		room = {.out = out,.capacity = capacity,.stop = stop,.arg = arg};
	WebPConfig	config;
	WebPPicture picture;
	bool		whole = false;

	if (!WebPConfigPreset(&config, WEBP_PRESET_PHOTO, (float) quality) || !WebPPictureInit(&picture))
		return 0;
	/* quality 100: without loss */
	config.lossless = quality >= 100;
	picture.use_argb = 1;
	picture.width = pixels->width;
	picture.height = pixels->height;
	picture.writer = write_bytes;
	picture.custom_ptr = &room;
	picture.progress_hook = on_progress;
	if (pixels->width <= WEBP_MAX_DIMENSION && pixels->height <= WEBP_MAX_DIMENSION && WebPPictureAlloc(&picture))
	{
		for (int y = 0; y < pixels->height; y++)
		{
			const uint8_t *row = pixels->data + (size_t) y * pixels->width * pixels->channels;
			uint32_t   *argb = picture.argb + (size_t) y * picture.argb_stride;

			for (int x = 0; x < pixels->width; x++)
				argb[x] = pixels->channels == 1 ? 0xff000000u | row[x] * 0x010101u
					: 0xff000000u | (uint32_t) row[3 * x] << 16 | (uint32_t) row[3 * x + 1] << 8 | row[3 * x + 2];
		}
		whole = WebPEncode(&config, &picture) != 0;
	}
	WebPPictureFree(&picture);
	return whole ? room.size : 0;
}
