/*
 * pixels_gif.c - GIF by giflib: the first frame
 *
 * Blocks are walked here up to the first frame, for its size and place; the canvas is that of the screen, or as large as the
 * frame when that reaches beyond.  Where the frame does not cover it, or is transparent, the background shows.  The library
 * reports by its results.
 */
#include "image/pixels_internal.h"

#include <string.h>

#include <gif_lib.h>

#define POLL_ROWS 64

typedef struct Frame
{
	int			left;
	int			top;
	int			width;
	int			height;
	int			transparent;	/* index; -1: none */
} Frame;

/* ---- headers */

/* Pass over sub-blocks; 0: they do not end. */
static size_t
after_blocks(const uint8_t *bytes, size_t n, size_t at)
{
	while (at < n && bytes[at] != 0)
	{
		if (bytes[at] >= n - at)
			return 0;
		at += 1 + (size_t) bytes[at];
	}
	return at < n ? at + 1 : 0;
}

/* The first frame, as blocks tell; false: there is none. */
static bool
walk(const uint8_t *bytes, size_t n, Frame *frame)
{
	size_t		at = 13;

	frame->transparent = -1;
	if (n < 13)
		return false;
	if (bytes[10] & 0x80)
		at += (size_t) 3 << ((bytes[10] & 7) + 1);
	while (at < n && n - at >= 2)
	{
		if (bytes[at] == 0x2c)
		{
			if (n - at < 10)
				return false;
			frame->left = (int) pixels_le16(bytes + at + 1);
			frame->top = (int) pixels_le16(bytes + at + 3);
			frame->width = (int) pixels_le16(bytes + at + 5);
			frame->height = (int) pixels_le16(bytes + at + 7);
			return frame->width > 0 && frame->height > 0;
		}
		if (bytes[at] != 0x21)
			return false;
		if (bytes[at + 1] == 0xf9 && n - at >= 8 && bytes[at + 2] >= 4)
			frame->transparent = bytes[at + 3] & 1 ? bytes[at + 6] : -1;
		at = after_blocks(bytes, n, at + 2);
		if (at == 0)
			return false;
	}
	return false;
}

static bool
probe(const uint8_t *bytes, size_t n, PixelsInfo *info, PixelsError *error)
{
	Frame		frame;

	if (!walk(bytes, n, &frame))
		return pixels_error(error, ECML_DATA_EXCEPTION, "the GIF file is damaged", "No frame is in its %zu bytes.", n);
	info->width = (int) pixels_le16(bytes + 6);
	info->height = (int) pixels_le16(bytes + 8);
	if (frame.left + frame.width > info->width)
		info->width = frame.left + frame.width;
	if (frame.top + frame.height > info->height)
		info->height = frame.top + frame.height;
	info->alpha = frame.transparent >= 0 || frame.width < info->width || frame.height < info->height;
	info->channels = info->alpha ? 4 : 3;
	info->depth = 8;
	info->palette = true;
	info->lossless = true;
	return true;
}

static void
plan(const uint8_t *bytes, size_t n, PixelsPlan *p)
{
	p->work = (size_t) p->info.width + 4 * 256;
	p->library = (256 << 10) + 2 * n;
}

/* ---- decoding */

typedef struct Source
{
	const uint8_t *bytes;
	size_t		n;
	size_t		at;
	bool		ended;
} Source;

static int
read_bytes(GifFileType *gif, GifByteType *into, int count)
{
	Source	   *source = gif->UserData;
	size_t		left = source->n - source->at;
	size_t		take = (size_t) count < left ? (size_t) count : left;

	if (take < (size_t) count)
		source->ended = true;
	memcpy(into, source->bytes + source->at, take);
	source->at += take;
	return (int) take;
}

static PixelsResult
failed(PixelsJob *job, const Source *source, int code)
{
	if (code == D_GIF_ERR_NOT_ENOUGH_MEM)
		pixels_error(job->error, ECML_OUT_OF_MEMORY, "out of memory", "A GIF file is decoded.");
	else if (source->ended)
		pixels_error(job->error, ECML_DATA_EXCEPTION, "the GIF file ends too early", "It has %zu bytes, of %d x %d pixels.",
					 job->n, job->plan->info.width, job->plan->info.height);
	else
		pixels_error(job->error, ECML_DATA_EXCEPTION, "the GIF file is damaged", "The decoder says: %.150s.",
					 code && GifErrorString(code) ? GifErrorString(code) : "no frame");
	return PIXELS_FAILED;
}

/* Up to the first frame's description. */
static bool
find_frame(GifFileType *gif)
{
	GifRecordType type;

	do
	{
		if (DGifGetRecordType(gif, &type) == GIF_ERROR)
			return false;
		if (type == EXTENSION_RECORD_TYPE)
		{
			GifByteType *block;
			int			code;

			if (DGifGetExtension(gif, &code, &block) == GIF_ERROR)
				return false;
			while (block)
				if (DGifGetExtensionNext(gif, &block) == GIF_ERROR)
					return false;
		}
		else if (type != IMAGE_DESC_RECORD_TYPE)
			return false;
	} while (type != IMAGE_DESC_RECORD_TYPE);
	return DGifGetImageDesc(gif) != GIF_ERROR;
}

/* The palette as pixels: [256][4] */
static void
fill_palette(const ColorMapObject *map, int transparent, uint8_t *palette)
{
	for (int i = 0; i < 256; i++, palette += 4)
	{
		bool		known = map && i < map->ColorCount;

		palette[0] = known ? map->Colors[i].Red : 0;
		palette[1] = known ? map->Colors[i].Green : 0;
		palette[2] = known ? map->Colors[i].Blue : 0;
		palette[3] = i == transparent ? 0 : 255;
	}
}

static PixelsResult
draw(PixelsJob *job, GifFileType *gif, const Source *source, const Frame *frame)
{
	static const int first[4] = {0, 4, 2, 1};	/* lines of an interlaced picture come in four passes */
	static const int step[4] = {8, 8, 4, 2};
	const PixelsPlan *p = job->plan;
	uint8_t    *line = job->work;
	uint8_t    *palette = job->work + job->width;
	static const uint8_t clear[4] = {0, 0, 0, 0};
	const ColorMapObject *map = gif->Image.ColorMap ? gif->Image.ColorMap : gif->SColorMap;
	bool		interlaced = gif->Image.Interlace;
	uint8_t		colors[256 * 3];
	uint8_t		background[3];

	fill_palette(map, frame->transparent, palette);
	pixels_convert_row(palette, 4, 256, p->channels, p->want.background, colors);
	pixels_convert_row(clear, 4, 1, p->channels, p->want.background, background);
	/* the canvas */
	for (size_t i = 0; i < p->size; i += p->channels)
		memcpy(job->out + i, background, p->channels);
	for (int pass = 0; pass < (interlaced ? 4 : 1); pass++)
		for (int y = interlaced ? first[pass] : 0; y < frame->height; y += interlaced ? step[pass] : 1)
		{
			ptrdiff_t	to = job->origin + (frame->top + y) * job->down + frame->left * job->across;

			if (y % POLL_ROWS == 0 && job->stop && job->stop(job->arg))
				return PIXELS_STOPPED;
			if (DGifGetLine(gif, line, frame->width) == GIF_ERROR)
				return failed(job, source, gif->Error);
			for (int x = 0; x < frame->width; x++, to += job->across)
				memcpy(job->out + to * p->channels, colors + line[x] * p->channels, p->channels);
		}
	return PIXELS_OK;
}

static PixelsResult
decode(PixelsJob *job)
{
	Source		source = {.bytes = job->bytes,.n = job->n};
	Frame		frame;
	GifFileType *gif;
	PixelsResult result;
	int			code = 0;

	if (!walk(job->bytes, job->n, &frame))
		return failed(job, &source, 0);
	gif = DGifOpen(&source, read_bytes, &code);
	if (gif == NULL)
		return failed(job, &source, code);
	if (!find_frame(gif))
		result = failed(job, &source, gif->Error);
	else if (gif->Image.Left != frame.left || gif->Image.Top != frame.top || gif->Image.Width != frame.width ||
			 gif->Image.Height != frame.height)
		result = failed(job, &source, 0);
	else
		result = draw(job, gif, &source, &frame);
	(void) DGifCloseFile(gif, &code);
	return result;
}

const PixelsReader pixels_gif = {PIXELS_GIF, probe, plan, decode};
