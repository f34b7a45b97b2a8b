/*
 * pixels_jpeg.c - JPEG by libjpeg-turbo
 *
 * Headers are walked here, without the library: the frame header for size and kind, EXIF for orientation.  A picture that
 * will be shrunk is decoded at a half, a quarter or an eighth, which libjpeg does in the transform itself.
 *
 * libjpeg reports by long jumps and takes memory by malloc.  Every jump lands in run() or write_all() of this file, and
 * whatever happens their callers destroy the library's object.  A file may ask for a great many passes over a large picture
 * (progressive scans): their number is bounded.  Coefficients of a progressive file are held as a whole: their size is known
 * from the header, and told to the library as its limit.
 */
#include "image/pixels_internal.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#define MAX_SCANS 200			/* a usual progressive file has 10 */

/* ---- headers */

/* Call for the segments before the scan: their marker, place and size; false: damaged. */
static bool
probe(const uint8_t *bytes, size_t n, PixelsInfo *info, PixelsError *error)
{
	size_t		at = 2;

	while (n - at >= 4)
	{
		unsigned	marker;
		size_t		length;
		const uint8_t *body;

		if (bytes[at] != 0xff)
		{
			/* bytes between segments are tolerated, as the library does */
			at++;
			continue;
		}
		marker = bytes[at + 1];
		if (marker == 0xff)
		{
			at++;
			continue;
		}
		if (marker == 0x00 || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8))
		{
			at += 2;
			continue;
		}
		if (marker == 0xd9 || marker == 0xda)
			break;
		length = pixels_be16(bytes + at + 2);
		if (length < 2 || length > n - at - 2)
			break;
		body = bytes + at + 4;
		if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc)
		{
			if (length < 8)
				break;
			info->depth = body[0];
			info->height = (int) pixels_be16(body + 1);
			info->width = (int) pixels_be16(body + 3);
			info->channels = body[5];
			info->progressive = marker == 0xc2 || marker == 0xc6 || marker == 0xca || marker == 0xce;
			info->lossless = marker == 0xc3 || marker == 0xc7 || marker == 0xcb || marker == 0xcf;
			info->cmyk = info->channels == 4;
			if (info->height == 0)
				return pixels_error(error, ECML_DATA_EXCEPTION, "the JPEG file does not tell its height",
									"Its frame header says 0 lines.");
			if (info->channels != 1 && info->channels != 3 && info->channels != 4)
				return pixels_error(error, ECML_DATA_EXCEPTION, "the JPEG file has no colours that are known",
									"It has %d channels.", info->channels);
			if (info->depth != 8 || info->lossless)
				return pixels_error(error, ECML_NOT_SUPPORTED, "this kind of JPEG is not read",
									"It has %d bits a channel, %s.", info->depth, info->lossless ? "lossless" : "lossy");
			return true;
		}
		if (marker == 0xe1 && length >= 2 + 6 && memcmp(body, "Exif\0\0", 6) == 0)
			info->orientation = pixels_exif_orientation(body + 6, length - 2 - 6);
		at += 2 + length;
	}
	return pixels_error(error, ECML_DATA_EXCEPTION, "the JPEG file is damaged",
						"No frame header is in its %zu bytes.", n);
}

static void
plan(const uint8_t *bytes, size_t n, PixelsPlan *p)
{
	size_t		width = (size_t) p->info.width + 64;
	size_t		height = (size_t) p->info.height + 64;

	p->work = p->info.cmyk ? width * 4 : 0;
	/* rows of blocks on their way through the library, and tables; for each channel when they are sampled most unevenly */
	p->library = width * p->info.channels * 160 + (256 << 10);
	/* coefficients of two bytes; a baseline file may come in several scans as well */
	p->library += width * height * p->info.channels * sizeof(JCOEF);
}

/* ---- decoding */

typedef struct Reader
{
	struct jpeg_decompress_struct cinfo;
	struct jpeg_error_mgr errors;
	struct jpeg_source_mgr source;
	struct jpeg_progress_mgr progress;
	jmp_buf		jump;
	PixelsJob  *job;
	PixelsResult result;
	bool		ended;			/* the library asked for more than there is */
	bool		created;
	JOCTET		end[2];
} Reader;

static void ECML_NORETURN
leave(Reader *reader, PixelsResult result)
{
	reader->result = result;
	longjmp(reader->jump, 1);
}

static void ECML_NORETURN
leave_truncated(Reader *reader)
{
	pixels_error(reader->job->error, ECML_DATA_EXCEPTION, "the JPEG file ends too early", "It has %zu bytes, of %d x %d pixels.",
				 reader->job->n, reader->job->plan->info.width, reader->job->plan->info.height);
	leave(reader, PIXELS_FAILED);
}

static void ECML_NORETURN
on_error(j_common_ptr cinfo)
{
	Reader	   *reader = cinfo->client_data;
	char		text[JMSG_LENGTH_MAX];

	cinfo->err->format_message(cinfo, text);
	if (cinfo->err->msg_code == JERR_OUT_OF_MEMORY)
		pixels_error(reader->job->error, ECML_OUT_OF_MEMORY, "out of memory", "A JPEG file is decoded.");
	else if (cinfo->err->msg_code == JERR_NO_BACKING_STORE)
		pixels_error(reader->job->error, ECML_LIMIT_EXCEEDED, "the JPEG file wants more memory than its size explains",
					 "%.1f MB is the limit.", reader->job->plan->library / 1048576.0);
	else
		pixels_error(reader->job->error, ECML_DATA_EXCEPTION, "the JPEG file is damaged", "The decoder says: %.150s.", text);
	leave(reader, PIXELS_FAILED);
}

static void
on_message(j_common_ptr cinfo, int level)
{
	Reader	   *reader = cinfo->client_data;

	if (level >= 0)
		return;
	cinfo->err->num_warnings++;
	/* damage in the middle shows in the picture, as in every viewer; a file that was cut off is an error */
	if (reader->ended && cinfo->err->msg_code == JWRN_HIT_MARKER)
		leave_truncated(reader);
}

static void
no_output(j_common_ptr cinfo)
{
}

static void
no_source(j_decompress_ptr cinfo)
{
}

/* All bytes were there from the start: what is asked beyond them is an end marker. */
static boolean
fill(j_decompress_ptr cinfo)
{
	Reader	   *reader = cinfo->client_data;

	if (reader->job->plan->info.progressive)
		leave_truncated(reader);
	reader->ended = true;
	reader->end[0] = 0xff;
	reader->end[1] = JPEG_EOI;
	cinfo->src->next_input_byte = reader->end;
	cinfo->src->bytes_in_buffer = 2;
	return TRUE;
}

static void
skip(j_decompress_ptr cinfo, long count)
{
	struct jpeg_source_mgr *source = cinfo->src;

	if (count <= 0)
		return;
	if ((size_t) count > source->bytes_in_buffer)
	{
		source->bytes_in_buffer = 0;
		return;
	}
	source->next_input_byte += count;
	source->bytes_in_buffer -= count;
}

static void
on_progress(j_common_ptr cinfo)
{
	Reader	   *reader = cinfo->client_data;

	if (reader->job->stop && reader->job->stop(reader->job->arg))
		leave(reader, PIXELS_STOPPED);
	if (reader->cinfo.input_scan_number > MAX_SCANS)
	{
		pixels_error(reader->job->error, ECML_LIMIT_EXCEEDED, "the JPEG file has too many scans", "%d is the limit.", MAX_SCANS);
		leave(reader, PIXELS_FAILED);
	}
}

/* Ink to light.  Adobe's files have the values inverted: as much light as ink is missing. */
static void
convert_cmyk(const uint8_t *in, bool inverted, int n, int channels, uint8_t *out)
{
	for (int x = 0; x < n; x++, in += 4)
	{
		int			k = inverted ? in[3] : 255 - in[3];
		int			light[3];

		for (int c = 0; c < 3; c++)
			light[c] = ((inverted ? in[c] : 255 - in[c]) * k + 127) / 255;
		if (channels == 1)
			out[x] = pixels_luma(light[0], light[1], light[2]);
		else
			for (int c = 0; c < 3; c++)
				out[3 * x + c] = (uint8_t) light[c];
	}
}

static void
run(Reader *reader)
{
	PixelsJob  *job = reader->job;
	const PixelsPlan *p = job->plan;
	struct jpeg_decompress_struct *cinfo = &reader->cinfo;

	if (setjmp(reader->jump))
		return;
	cinfo->err = jpeg_std_error(&reader->errors);
	reader->errors.error_exit = on_error;
	reader->errors.emit_message = on_message;
	reader->errors.output_message = no_output;
	cinfo->client_data = reader;
	jpeg_create_decompress(cinfo);
	reader->created = true;
	cinfo->mem->max_memory_to_use = (long) p->library;
	reader->source.next_input_byte = job->bytes;
	reader->source.bytes_in_buffer = job->n;
	reader->source.init_source = no_source;
	reader->source.fill_input_buffer = fill;
	reader->source.skip_input_data = skip;
	reader->source.resync_to_restart = jpeg_resync_to_restart;
	reader->source.term_source = no_source;
	cinfo->src = &reader->source;
	reader->progress.progress_monitor = on_progress;
	cinfo->progress = &reader->progress;

	(void) jpeg_read_header(cinfo, TRUE);
	if ((int) cinfo->image_width != p->info.width || (int) cinfo->image_height != p->info.height ||
		cinfo->num_components != p->info.channels || cinfo->progressive_mode != p->info.progressive)
	{
		pixels_error(job->error, ECML_DATA_EXCEPTION, "the JPEG file is damaged", "It has several frame headers.");
		leave(reader, PIXELS_FAILED);
	}
	if (cinfo->num_components == 4)
		cinfo->out_color_space = JCS_CMYK;
	else if (p->channels == 3)
		cinfo->out_color_space = JCS_RGB;
	else if (cinfo->jpeg_color_space == JCS_YCbCr || cinfo->jpeg_color_space == JCS_GRAYSCALE ||
			 cinfo->jpeg_color_space == JCS_RGB)
		cinfo->out_color_space = JCS_GRAYSCALE;
	cinfo->scale_num = (unsigned) p->shrink;
	cinfo->scale_denom = 8;
	(void) jpeg_start_decompress(cinfo);
	if ((int) cinfo->output_width != job->width || (int) cinfo->output_height != job->height ||
		cinfo->output_components != (cinfo->num_components == 4 ? 4 : p->channels))
	{
		pixels_error(job->error, ECML_NOT_SUPPORTED, "this kind of JPEG is not read", "Its colours are of space %d.",
					 (int) cinfo->jpeg_color_space);
		leave(reader, PIXELS_FAILED);
	}
	while (cinfo->output_scanline < cinfo->output_height)
	{
		int			y = (int) cinfo->output_scanline;
		uint8_t    *row = pixels_row(job, y);
		JSAMPROW	into = cinfo->num_components == 4 ? job->work : row;

		if (jpeg_read_scanlines(cinfo, &into, 1) != 1)
			leave_truncated(reader);
		if (cinfo->num_components == 4)
			convert_cmyk(job->work, cinfo->saw_Adobe_marker, job->width, p->channels, row);
		pixels_row_done(job, y);
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
	run(&reader);
	if (reader.created)
		jpeg_destroy_decompress(&reader.cinfo);
	return reader.result;
}

const PixelsReader pixels_jpeg = {PIXELS_JPEG, probe, plan, decode};

/* ---- encoding */

typedef struct Writer
{
	struct jpeg_compress_struct cinfo;
	struct jpeg_error_mgr errors;
	struct jpeg_destination_mgr destination;
	jmp_buf		jump;
	bool		created;
	bool		whole;
} Writer;

size_t
pixels_jpeg_bound(const EcmlPixels *pixels)
{
	/* blocks of 16, sampled 4:2:0: at worst two bytes a coefficient, and headers */
	return ((size_t) pixels->width + 15) / 16 * 16 * (((size_t) pixels->height + 15) / 16 * 16) * 3 + 4096;
}

static void ECML_NORETURN
on_write_error(j_common_ptr cinfo)
{
	Writer	   *writer = cinfo->client_data;

	longjmp(writer->jump, 1);
}

static void
on_write_message(j_common_ptr cinfo, int level)
{
}

static void
no_destination(j_compress_ptr cinfo)
{
}

static boolean
room_is_full(j_compress_ptr cinfo)
{
	Writer	   *writer = cinfo->client_data;

	longjmp(writer->jump, 1);
}

static void
write_all(Writer *writer, const EcmlPixels *pixels, int quality, uint8_t *out, size_t capacity, PixelsStop stop, void *arg)
{
	struct jpeg_compress_struct *cinfo = &writer->cinfo;

	if (setjmp(writer->jump))
		return;
	cinfo->err = jpeg_std_error(&writer->errors);
	writer->errors.error_exit = on_write_error;
	writer->errors.emit_message = on_write_message;
	writer->errors.output_message = no_output;
	cinfo->client_data = writer;
	jpeg_create_compress(cinfo);
	writer->created = true;
	writer->destination.next_output_byte = out;
	writer->destination.free_in_buffer = capacity;
	writer->destination.init_destination = no_destination;
	writer->destination.empty_output_buffer = room_is_full;
	writer->destination.term_destination = no_destination;
	cinfo->dest = &writer->destination;
	cinfo->image_width = (unsigned) pixels->width;
	cinfo->image_height = (unsigned) pixels->height;
	cinfo->input_components = pixels->channels;
	cinfo->in_color_space = pixels->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_set_defaults(cinfo);
	jpeg_set_quality(cinfo, quality, TRUE);
	cinfo->optimize_coding = TRUE;
	jpeg_start_compress(cinfo, TRUE);
	while (cinfo->next_scanline < cinfo->image_height)
	{
		JSAMPROW	row = pixels->data + (size_t) cinfo->next_scanline * pixels->width * pixels->channels;

		if (cinfo->next_scanline % 64 == 0 && stop && stop(arg))
			return;
		(void) jpeg_write_scanlines(cinfo, &row, 1);
	}
	jpeg_finish_compress(cinfo);
	writer->whole = true;
}

size_t
pixels_jpeg_encode(const EcmlPixels *pixels, int quality, uint8_t *out, size_t capacity, PixelsStop stop, void *arg)
{
	Writer		writer;
	size_t		size;

	memset(&writer, 0, sizeof(writer));
	write_all(&writer, pixels, quality, out, capacity, stop, arg);
	size = writer.whole ? capacity - writer.destination.free_in_buffer : 0;
	if (writer.created)
		jpeg_destroy_compress(&writer.cinfo);
	return size;
}
