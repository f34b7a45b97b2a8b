/*
 * pixels_png.c - PNG by libpng
 *
 * Chunks before the picture are walked here for size, transparency and orientation; the library is told to pass over all
 * chunks that do not matter, so that compressed texts and profiles are never unpacked.  Its errors jump to run() or
 * write_all() of this file, whose callers destroy the library's object whatever happens.
 *
 * 16 bits a channel are rounded to 8, palettes resolved; samples are taken as sRGB.  An interlaced picture comes in seven
 * passes over all of it, and is held as a whole in the scratch memory.
 */
#include "image/pixels_internal.h"

#include <setjmp.h>
#include <string.h>

#include <png.h>

#define POLL_ROWS 32

/* ---- headers */

static bool
probe(const uint8_t *bytes, size_t n, PixelsInfo *info, PixelsError *error)
{
	static const char channels_of[7] = {1, 0, 3, 3, 2, 0, 4};
	size_t		at = 8;
	uint32_t	width;
	uint32_t	height;
	int			type;

	if (n < 33 || pixels_be32(bytes + 8) != 13 || memcmp(bytes + 12, "IHDR", 4) != 0)
		return pixels_error(error, ECML_DATA_EXCEPTION, "the PNG file is damaged", "It does not begin with its header.");
	width = pixels_be32(bytes + 16);
	height = pixels_be32(bytes + 20);
	type = bytes[25];
	if (width > PIXELS_MAX_SIDE || height > PIXELS_MAX_SIDE)
		return pixels_error(error, ECML_LIMIT_EXCEEDED, "the picture is too large", "It is %u x %u pixels; %d a side is the limit.",
							(unsigned) width, (unsigned) height, PIXELS_MAX_SIDE);
	if (type > 6 || channels_of[type] == 0)
		return pixels_error(error, ECML_DATA_EXCEPTION, "the PNG file is damaged", "Its colour type is %d.", type);
	info->width = (int) width;
	info->height = (int) height;
	info->depth = type == 3 ? 8 : bytes[24];
	info->channels = channels_of[type];
	info->palette = type == 3;
	info->alpha = type == 4 || type == 6;
	info->progressive = bytes[28] != 0;
	info->lossless = true;
	/* what stands before the picture itself */
	while (n - at >= 12)
	{
		uint32_t	length = pixels_be32(bytes + at);
		const uint8_t *name = bytes + at + 4;

		if (length > n - at - 12 || memcmp(name, "IDAT", 4) == 0 || memcmp(name, "IEND", 4) == 0)
			break;
		if (memcmp(name, "tRNS", 4) == 0 && !info->alpha)
		{
			info->alpha = true;
			info->channels++;
		}
		else if (memcmp(name, "eXIf", 4) == 0)
			info->orientation = pixels_exif_orientation(name + 4, length);
		else if (memcmp(name, "acTL", 4) == 0)
			info->animated = true;
		at += 12 + (size_t) length;
	}
	return true;
}

static void
plan(const uint8_t *bytes, size_t n, PixelsPlan *p)
{
	size_t		width = (size_t) p->info.width;

	/* as the library puts them out: up to four bytes a pixel */
	p->work = width * 4 * (p->info.progressive ? (size_t) p->info.height : 1);
	/* its rows of up to eight bytes a pixel, three of them; the window of deflate, and input in pieces */
	p->library = 3 * (width * 8 + 128) + (256 << 10);
}

/* ---- decoding */

typedef struct Reader
{
	png_structp png;
	png_infop	info;
	jmp_buf		jump;
	PixelsJob  *job;
	PixelsResult result;
	size_t		at;
} Reader;

static void ECML_NORETURN
on_error(png_structp png, png_const_charp text)
{
	Reader	   *reader = png_get_error_ptr(png);

	if (strstr(text, "emory"))
		pixels_error(reader->job->error, ECML_OUT_OF_MEMORY, "out of memory", "A PNG file is decoded.");
	else
		pixels_error(reader->job->error, ECML_DATA_EXCEPTION, "the PNG file is damaged", "The decoder says: %.150s.", text);
	reader->result = PIXELS_FAILED;
	longjmp(reader->jump, 1);
}

static void
on_warning(png_structp png, png_const_charp text)
{
}

static void
read_bytes(png_structp png, png_bytep into, size_t count)
{
	Reader	   *reader = png_get_io_ptr(png);

	if (count > reader->job->n - reader->at)
	{
		pixels_error(reader->job->error, ECML_DATA_EXCEPTION, "the PNG file ends too early", "It has %zu bytes, of %d x %d pixels.",
					 reader->job->n, reader->job->plan->info.width, reader->job->plan->info.height);
		reader->result = PIXELS_FAILED;
		longjmp(reader->jump, 1);
	}
	memcpy(into, reader->job->bytes + reader->at, count);
	reader->at += count;
}

static void
stop_if_asked(Reader *reader, int y)
{
	if (y % POLL_ROWS == 0 && reader->job->stop && reader->job->stop(reader->job->arg))
	{
		reader->result = PIXELS_STOPPED;
		longjmp(reader->jump, 1);
	}
}

static void
run(Reader *reader)
{
	/* chunks of text, time, profile and print, which could be large */
	static const png_byte passed_over[] =
		"bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0sTER\0tEXt\0tIME\0zTXt";
	PixelsJob  *job = reader->job;
	const PixelsPlan *p = job->plan;
	png_structp png = reader->png;
	int			channels;
	int			passes;

	if (setjmp(reader->jump))
		return;
	png_set_read_fn(png, reader, read_bytes);
	png_set_user_limits(png, PIXELS_MAX_SIDE, PIXELS_MAX_SIDE);
	png_set_chunk_cache_max(png, 16);
	png_set_chunk_malloc_max(png, 1 << 20);
	png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
	png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, passed_over, sizeof(passed_over) / 5);
	png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_QUIET_USE);
	png_read_info(png, reader->info);
	if ((int) png_get_image_width(png, reader->info) != p->info.width ||
		(int) png_get_image_height(png, reader->info) != p->info.height)
		png_error(png, "several headers");
	png_set_scale_16(png);
	png_set_packing(png);
	png_set_expand(png);
	passes = png_set_interlace_handling(png);
	png_read_update_info(png, reader->info);
	channels = png_get_channels(png, reader->info);
	if (png_get_bit_depth(png, reader->info) != 8 || channels < 1 || channels > 4 ||
		png_get_rowbytes(png, reader->info) > (size_t) job->width * 4 || (passes > 1) != p->info.progressive)
		png_error(png, "the header is not what it was");
	if (passes == 1)
		for (int y = 0; y < job->height; y++)
		{
			uint8_t    *row = pixels_row(job, y);
			uint8_t    *into = channels == p->channels ? row : job->work;

			stop_if_asked(reader, y);
			png_read_row(png, into, NULL);
			pixels_convert_row(into, channels, job->width, p->channels, p->want.background, row);
			pixels_row_done(job, y);
		}
	else
	{
		size_t		line = (size_t) job->width * channels;

		for (int pass = 0; pass < passes; pass++)
			for (int y = 0; y < job->height; y++)
			{
				stop_if_asked(reader, y);
				png_read_row(png, job->work + y * line, NULL);
			}
		for (int y = 0; y < job->height; y++)
		{
			stop_if_asked(reader, y);
			pixels_convert_row(job->work + y * line, channels, job->width, p->channels, p->want.background, pixels_row(job, y));
			pixels_row_done(job, y);
		}
	}
	reader->result = PIXELS_OK;
}

static PixelsResult
decode(PixelsJob *job)
{
	Reader		reader;

	memset(&reader, 0, sizeof(reader));
	reader.job = job;
	reader.result = PIXELS_FAILED;
	pixels_error(job->error, ECML_OUT_OF_MEMORY, "out of memory", "A PNG file is decoded.");
	/* without a jump set, an error while the object is made ends with NULL */
	if (setjmp(reader.jump) == 0)
		reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
	if (reader.png)
		reader.info = png_create_info_struct(reader.png);
	if (reader.info)
		run(&reader);
	png_destroy_read_struct(&reader.png, &reader.info, NULL);
	return reader.result;
}

const PixelsReader pixels_png = {PIXELS_PNG, probe, plan, decode};

/* ---- encoding */

typedef struct Writer
{
	png_structp png;
	png_infop	info;
	jmp_buf		jump;
	uint8_t    *out;
	size_t		capacity;
	size_t		size;
	bool		whole;
} Writer;

size_t
pixels_png_bound(const EcmlPixels *pixels)
{
	size_t		raw = ((size_t) pixels->width * pixels->channels + 1) * pixels->height;

	/* what deflate cannot compress grows by five bytes in 16 kB at most; a chunk of 8 kB has 12 bytes around it */
	return raw + raw / 256 + 4096;
}

static void ECML_NORETURN
on_write_error(png_structp png, png_const_charp text)
{
	Writer	   *writer = png_get_error_ptr(png);

	longjmp(writer->jump, 1);
}

static void
write_bytes(png_structp png, png_bytep from, size_t count)
{
	Writer	   *writer = png_get_io_ptr(png);

	if (count > writer->capacity - writer->size)
		png_error(png, "no room");
	memcpy(writer->out + writer->size, from, count);
	writer->size += count;
}

static void
no_flush(png_structp png)
{
}

static void
write_all(Writer *writer, const EcmlPixels *pixels, PixelsStop stop, void *arg)
{
	png_structp png = writer->png;

	if (setjmp(writer->jump))
		return;
	png_set_write_fn(png, writer, write_bytes, no_flush);
	png_set_user_limits(png, PIXELS_MAX_SIDE, PIXELS_MAX_SIDE);
	png_set_IHDR(png, writer->info, (unsigned) pixels->width, (unsigned) pixels->height, 8,
				 pixels->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
				 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, writer->info);
	for (int y = 0; y < pixels->height; y++)
	{
		if (y % POLL_ROWS == 0 && stop && stop(arg))
			return;
		png_write_row(png, pixels->data + (size_t) y * pixels->width * pixels->channels);
	}
	png_write_end(png, writer->info);
	writer->whole = true;
}

size_t
pixels_png_encode(const EcmlPixels *pixels, uint8_t *out, size_t capacity, PixelsStop stop, void *arg)
{
	Writer		writer;

	memset(&writer, 0, sizeof(writer));
	writer.out = out;
	writer.capacity = capacity;
	if (setjmp(writer.jump) == 0)
		writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer, on_write_error, on_warning);
	if (writer.png)
		writer.info = png_create_info_struct(writer.png);
	if (writer.info)
		write_all(&writer, pixels, stop, arg);
	png_destroy_write_struct(&writer.png, &writer.info);
	return writer.whole ? writer.size : 0;
}
