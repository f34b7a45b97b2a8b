/*
 * load_csv_input_sql.c - the bytes that ecml_load_csv reads, and their encoding
 *
 * A file is read in pieces, as it is or through zlib when it begins as gzip does, and may be read twice; a checksum of its
 * bytes, its size and its time of change tell whether it was the same file both times.  zlib's memory comes from PostgreSQL,
 * the file descriptor belongs to the transaction: an error leaks nothing.
 */
#include "core/compat.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/memutils.h"

#include "prep/load_csv_sql.h"

#define PIECE (128 * 1024)

struct CsvInput
{
	char	   *path;			/* NULL: a text */
	int			fd;
	struct stat opened;
	const char *text;			/* or all of the text */
	size_t		length;
	size_t		done;			/* of the text */

	bool		gzip;
	bool		in_member;		/* between the beginning and the end of a gzip member */
	z_stream	stream;
	char	   *piece;			/* [PIECE] compressed */

	/* of the file's bytes in this reading, and in the one before if that came to the end */
	uint64		bytes;
	pg_crc32c	checksum;
	bool		ended;
	bool		compare;
	uint64		first_bytes;
	pg_crc32c	first_checksum;
};

static void *
zlib_alloc(void *context, unsigned items, unsigned size)
{
	return MemoryContextAllocExtended(context, (Size) items * size, MCXT_ALLOC_NO_OOM);
}

static void
zlib_free(void *context, void *memory)
{
	pfree(memory);
}

static void
check_right(void)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read files of the server"),
				 errdetail("The role \"%s\" is not a member of pg_read_server_files.", GetUserNameFromId(GetUserId(), false)),
				 errhint("A superuser may GRANT pg_read_server_files to it; or give the CSV text itself; "
						 "or use psql's \\copy, which reads files of the client.")));
}

/* What a file is by its first bytes, when it can be no CSV; *hint says what to do. */
static const char *
unreadable(const unsigned char *p, size_t n, const char **hint)
{
	if (n >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff)))
	{
		*hint = "Convert it first: iconv -f UTF-16 -t UTF-8.";
		return "it is UTF-16 text";
	}
	if (n >= 4 && memcmp(p, "PK\003\004", 4) == 0)
	{
		*hint = "Save a workbook as CSV; take a file out of its archive.";
		return "it is a ZIP archive or an Excel workbook";
	}
	if (n >= 4 && memcmp(p, "\xd0\xcf\x11\xe0", 4) == 0)
	{
		*hint = "Save it as CSV.";
		return "it is an old Excel workbook";
	}
	*hint = "Decompress it, or compress it with gzip.";
	if (n >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0)
		return "it is compressed with zstd";
	if (n >= 6 && memcmp(p, "\xfd" "7zXZ", 6) == 0)
		return "it is compressed with xz";
	if (n >= 4 && memcmp(p, "BZh", 3) == 0 && p[3] >= '1' && p[3] <= '9')
		return "it is compressed with bzip2";
	if (n >= 4 && memcmp(p, "PAR1", 4) == 0)
	{
		*hint = "Export it as CSV.";
		return "it is a Parquet file";
	}
	return NULL;
}

static void
check_beginning(const CsvInput *input, const char *bytes, size_t n)
{
	const char *hint;
	const char *what = unreadable((const unsigned char *) bytes, n, &hint);

	if (what)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("\"%s\" is no CSV", input->path ? input->path : "the text"),
				 errdetail("By its first bytes, %s.", what),
				 errhint("%s", hint)));
}

static CsvInput *
open_file(CsvInput *input)
{
	struct stat status;

	if (!is_absolute_path(input->path))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the first argument is neither an absolute path nor CSV text"),
				 errdetail("It is \"%.*s\", which does not begin with a slash and holds no line's end.",
						   pg_mbcliplen(input->path, strlen(input->path), 100), input->path),
				 errhint("Give the whole path of a file on the server; or CSV text, each line of which ends in a newline.")));
	check_right();
	/* before it is opened: opening a pipe would wait for its other end */
	if (stat(input->path, &status) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\" for reading: %m", input->path),
				 errdetail("It is looked for on the server, by the user that the server runs as."),
				 errhint("For a file of the client, use psql's \\copy, or give its text.")));
	if (!S_ISREG(status.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a regular file", input->path),
				 errdetail("It is a %s.", S_ISDIR(status.st_mode) ? "directory" : "device, pipe or socket"),
				 errhint("Give the path of a file.")));
	input->fd = OpenTransientFile(input->path, O_RDONLY | PG_BINARY);
	if (input->fd < 0 || fstat(input->fd, &input->opened) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\" for reading: %m", input->path),
				 errdetail("It is read by the user that the server runs as."),
				 errhint("Let that user read the file and its folder; or use psql's \\copy, or give its text.")));
	return input;
}

CsvInput *
csv_input_open(text *path_or_text)
{
	CsvInput   *input = palloc0(sizeof(CsvInput));

	input->text = VARDATA_ANY(path_or_text);
	input->length = VARSIZE_ANY_EXHDR(path_or_text);
	if (memchr(input->text, '\n', input->length) || memchr(input->text, '\r', input->length))
		return input;
	input->path = text_to_cstring(path_or_text);
	return open_file(input);
}

bool
csv_input_is_file(const CsvInput *input)
{
	return input->path != NULL;
}

/* Bytes of the file as they are on disk. */
static size_t
read_file(CsvInput *input, char *buffer, size_t size)
{
	ssize_t		got;

	do
	{
		CHECK_FOR_INTERRUPTS();
		got = read(input->fd, buffer, size);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", input->path),
				 errdetail("It failed after %llu bytes.", (unsigned long long) input->bytes),
				 errhint("Look at the disk, and at the server's log.")));
	COMP_CRC32C(input->checksum, buffer, got);
	input->bytes += got;
	input->ended = got == 0;
	return got;
}

static void
begin_gzip(CsvInput *input)
{
	if (input->gzip)
		inflateEnd(&input->stream);
	else
		input->piece = palloc(PIECE);
	input->gzip = true;
	input->in_member = false;
	memset(&input->stream, 0, sizeof(input->stream));
	input->stream.zalloc = zlib_alloc;
	input->stream.zfree = zlib_free;
	input->stream.opaque = GetMemoryChunkContext(input);
	/* 31: the widest window, gzip's header */
	if (inflateInit2(&input->stream, 31) != Z_OK)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("zlib could not be started.")));
}

void
csv_input_rewind(CsvInput *input)
{
	unsigned char magic[2];

	input->done = 0;
	if (input->path == NULL)
		return;
	if (input->bytes > 0 && input->ended)
	{
		input->compare = true;
		input->first_bytes = input->bytes;
		input->first_checksum = input->checksum;
	}
	input->bytes = 0;
	input->ended = false;
	INIT_CRC32C(input->checksum);
	if (lseek(input->fd, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\" from its beginning: %m", input->path)));
	if (pread(input->fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b)
		begin_gzip(input);
}

static void
broken_gzip(CsvInput *input, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("file \"%s\" is damaged", input->path),
			 errdetail("After %llu bytes, gzip says: %s.", (unsigned long long) (input->bytes - input->stream.avail_in), why),
			 errhint("Copy it again; gzip -t tells whether it is whole.")));
}

static size_t
read_gzip(CsvInput *input, char *buffer, size_t size)
{
	z_stream   *stream = &input->stream;

	stream->next_out = (Bytef *) buffer;
	stream->avail_out = size = Min(size, PIECE * 8);
	while (stream->avail_out == size)
	{
		int			result;

		if (stream->avail_in == 0)
		{
			stream->next_in = (Bytef *) input->piece;
			stream->avail_in = read_file(input, input->piece, PIECE);
			if (stream->avail_in == 0)
			{
				if (input->in_member)
					broken_gzip(input, "it ends too early");
				break;
			}
		}
		if (!input->in_member)
		{
			/* after a member there may be another one; zeros fill a tape's block */
			if (*stream->next_in == 0)
			{
				stream->next_in++;
				stream->avail_in--;
				continue;
			}
			inflateReset(stream);
			input->in_member = true;
		}
		result = inflate(stream, Z_NO_FLUSH);
		if (result == Z_STREAM_END)
			input->in_member = false;
		else if (result != Z_OK && result != Z_BUF_ERROR)
			broken_gzip(input, stream->msg ? stream->msg : "it cannot be decompressed");
	}
	return size - stream->avail_out;
}

size_t
csv_input_read(void *arg, char *buffer, size_t size)
{
	CsvInput   *input = arg;
	bool		first = input->done == 0;
	size_t		got;

	if (input->path == NULL)
	{
		got = Min(size, input->length - input->done);
		memcpy(buffer, input->text + input->done, got);
	}
	else if (input->gzip)
		got = read_gzip(input, buffer, size);
	else
		got = read_file(input, buffer, size);
	if (first)
		check_beginning(input, buffer, got);
	input->done += got;
	return got;
}

void
csv_input_close(CsvInput *input)
{
	struct stat now;

	if (input->path == NULL)
		return;
	if (fstat(input->fd, &now) != 0 || now.st_size != input->opened.st_size || now.st_mtime != input->opened.st_mtime ||
		(input->compare && (input->bytes != input->first_bytes ||
							!EQ_CRC32C(input->checksum, input->first_checksum))))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("file \"%s\" changed while it was read", input->path),
				 errdetail("It is read twice, for the types of its columns and for the rows; nothing was loaded."),
				 errhint("Load it when nobody writes to it any more, or a copy of it.")));
	if (input->gzip)
		inflateEnd(&input->stream);
	CloseTransientFile(input->fd);
}

/* ------------------------------------------------------------------------------------------------ encoding */

void
csv_encoding_init(CsvEncoding *encoding, const char *name)
{
	int			server = GetDatabaseEncoding();

	memset(encoding, 0, sizeof(*encoding));
	encoding->encoding = name ? pg_char_to_encoding(name) : server;
	if (encoding->encoding < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown encoding \"%s\"", name),
				 errdetail("It is the option \"encoding\"."),
				 errhint("Known ones are UTF8, LATIN1, LATIN9, WIN1252, WIN1250, SJIS, GBK, and the others of PostgreSQL.")));
	/* the two that convert nothing */
	if (server == PG_SQL_ASCII || encoding->encoding == PG_SQL_ASCII)
		encoding->encoding = server;
	if (encoding->encoding == server)
		return;
	encoding->conversion = FindDefaultConversionProc(encoding->encoding, server);
	if (!OidIsValid(encoding->conversion))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("there is no conversion from encoding \"%s\" to \"%s\"", pg_encoding_to_char(encoding->encoding),
						GetDatabaseEncodingName()),
				 errdetail("The latter is the database's."),
				 errhint("Convert the file to the database's encoding first.")));
}

/* The bytes in the encoding of the database, in encoding->buffer; the number of bytes that could be converted. */
static size_t
convert(CsvEncoding *encoding, const char *bytes, size_t length)
{
	size_t		size = length * MAX_CONVERSION_GROWTH + 1;

	if (encoding->buffer_size < size)
	{
		MemoryContext context = encoding->buffer ? GetMemoryChunkContext(encoding->buffer) : CurrentMemoryContext;

		if (encoding->buffer)
			pfree(encoding->buffer);
		encoding->buffer_size = size + size / 2;
		encoding->buffer = MemoryContextAllocHuge(context, encoding->buffer_size);
	}
	return pg_do_encoding_conversion_buf(encoding->conversion, encoding->encoding, GetDatabaseEncoding(),
										 (unsigned char *) bytes, length, (unsigned char *) encoding->buffer, size, true);
}

bool
csv_encoding_check(CsvEncoding *encoding, const char *bytes, size_t length, const char **bad)
{
	size_t		good;

	if (OidIsValid(encoding->conversion))
		good = convert(encoding, bytes, length);
	else
		good = pg_encoding_verifymbstr(encoding->encoding, bytes, length);
	*bad = bytes + good;
	return good == length;
}

char *
csv_encoding_convert(CsvEncoding *encoding, const char *bytes, size_t length, size_t *result_length)
{
	size_t		n = length;
	char	   *result;

	if (OidIsValid(encoding->conversion))
	{
		convert(encoding, bytes, length);
		n = strlen(encoding->buffer);
		bytes = encoding->buffer;
	}
	result = palloc(n + 1);
	memcpy(result, bytes, n);
	result[n] = '\0';
	if (result_length)
		*result_length = n;
	return result;
}

char *
csv_encoding_show(CsvEncoding *encoding, const char *bytes, size_t length)
{
	StringInfoData buffer;
	const char *bad;

	if (memchr(bytes, '\0', length) == NULL && csv_encoding_check(encoding, bytes, length, &bad))
		return csv_encoding_convert(encoding, bytes, length, NULL);
	initStringInfo(&buffer);
	for (size_t i = 0; i < length;)
	{
		size_t		good = 0;

		if (!OidIsValid(encoding->conversion))
			good = pg_encoding_verifymbstr(encoding->encoding, bytes + i, length - i);
		else
			while (i + good < length && bytes[i + good] != '\0' && !IS_HIGHBIT_SET(bytes[i + good]))
				good++;
		appendBinaryStringInfo(&buffer, bytes + i, good);
		i += good;
		if (i < length)
			appendStringInfo(&buffer, "\\x%02x", (unsigned char) bytes[i++]);
	}
	return buffer.data;
}
