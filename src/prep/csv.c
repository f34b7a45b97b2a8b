/*
 * csv.c - a CSV reader
 *
 * Bytes are looked at 64 at a time: a mask tells where delimiters, quotes and newlines stand (compared in vectors where the
 * processor has them), and the reader goes from one to the next.  Fields are pointers into the buffer; only fields with
 * escaped quotes are copied.  A record that the buffer does not hold to its end is moved to the buffer's beginning and read
 * again once there is more; the buffer doubles when that is not enough, so that this costs no more than reading twice.
 *
 * After a fault reading goes on at the next line.  This stays linear: a quoted field under way ends at the next odd run of
 * quotes, and none of the lines before that begins another one, so that no byte is read more than a few times.
 *
 * Cost: O(bytes).  Memory: one record, at least 256 kB.
 */
#include "csv.h"

#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define PIECE ((size_t) 256 * 1024)
#define SNIFF_RECORDS 1000

CsvReader *
csv_open(EcmlCtx *ctx, CsvRead read, void *arg, int max_fields, size_t max_record)
{
	CsvReader  *reader = ECML_NEW0(ctx, CsvReader, 1);

	reader->ctx = ctx;
	reader->read = read;
	reader->arg = arg;
	reader->max_fields = max_fields;
	reader->max_record = max_record;
	reader->dialect = (CsvDialect) CSV_DIALECT;
	reader->kept = ECML_NEW(ctx, CsvField, max_fields);
	reader->fields = reader->kept;
	reader->line = 1;
	reader->capacity = PIECE;
	reader->buffer = ECML_NEW(ctx, char, reader->capacity + CSV_BLOCK);
	return reader;
}

void
csv_set_dialect(CsvReader *reader, const CsvDialect *dialect)
{
	reader->dialect = *dialect;
	reader->block = NULL;
}

/* Read more: what is not yet handed out moves to the buffer's beginning; it doubles when it is full. */
static void
refill(CsvReader *s)
{
	size_t		held = s->end - s->begin;

	if (held == s->capacity)
	{
		char	   *larger = ECML_NEW(s->ctx, char, 2 * s->capacity + CSV_BLOCK);

		memcpy(larger, s->buffer + s->begin, held);
		ecml_free(s->ctx, s->buffer);
		s->buffer = larger;
		s->capacity *= 2;
	}
	else if (s->begin > 0)
		memmove(s->buffer, s->buffer + s->begin, held);
	s->begin = 0;
	s->end = held;
	s->block = NULL;
	while (s->end < s->capacity && !s->complete)
	{
		size_t		got = s->read(s->arg, s->buffer + s->end, s->capacity - s->end);

		if (got == 0)
			s->complete = true;
		s->end += got;
	}
	ecml_poll(s->ctx, 0, 0);
}

const char *
csv_peek(CsvReader *reader, size_t *length, bool *complete)
{
	if (reader->end == reader->begin && !reader->complete)
		refill(reader);
	*length = reader->end - reader->begin;
	*complete = reader->complete;
	return reader->buffer + reader->begin;
}

void
csv_skip(CsvReader *reader, size_t bytes)
{
	reader->begin += bytes;
	reader->block = NULL;
}

/* ------------------------------------------------------------------------------------------------ special bytes */

/* Where the bytes of a block are one of the four.  What lies beyond the end of the bytes read is masked by the caller. */
static inline uint64_t
find_specials(const char *block, const CsvDialect *d)
{
	uint64_t	mask = 0;

#if defined(__SSE2__)
	__m128i		delimiter = _mm_set1_epi8(d->delimiter);
	__m128i		quote = _mm_set1_epi8(d->quote);
	__m128i		escape = _mm_set1_epi8(d->escape);
	__m128i		newline = _mm_set1_epi8(d->newline);

	for (int i = 0; i < 4; i++)
	{
		__m128i		v = _mm_loadu_si128((const __m128i *) (block + 16 * i));
		__m128i		one = _mm_or_si128(_mm_cmpeq_epi8(v, delimiter), _mm_cmpeq_epi8(v, newline));
		__m128i		two = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, escape));

		mask |= (uint64_t) (uint32_t) _mm_movemask_epi8(_mm_or_si128(one, two)) << (16 * i);
	}
#else
	for (int i = 0; i < CSV_BLOCK; i++)
		mask |= (uint64_t) ((block[i] == d->delimiter) | (block[i] == d->newline) | (block[i] == d->quote) |
							(block[i] == d->escape)) << i;
#endif
	return mask;
}

static inline void
enter_block(CsvReader *s, const char *block)
{
	size_t		left = s->buffer + s->end - block;

	s->block = block;
	s->specials = find_specials(block, &s->dialect);
	if (left < CSV_BLOCK)
		s->specials &= ((uint64_t) 1 << left) - 1;
}

/* The next special byte, which is passed; NULL: none is in the buffer. */
static inline const char *
next_special(CsvReader *s)
{
	const char *found;

	while (s->specials == 0)
	{
		if (s->block + CSV_BLOCK >= s->buffer + s->end)
			return NULL;
		enter_block(s, s->block + CSV_BLOCK);
	}
	found = s->block + __builtin_ctzll(s->specials);
	s->specials &= s->specials - 1;
	return found;
}

/* ------------------------------------------------------------------------------------------------ records */

typedef enum Outcome
{
	DONE,
	MORE,						/* the buffer ends before the record does */
	FAULT						/* s->fault says which */
} Outcome;

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline void
add_field(CsvReader *s, const char *text, size_t length, bool quoted, bool escaped)
{
	if (s->nfields < s->max_fields)
		s->kept[s->nfields] = (CsvField) {text, length, quoted, escaped};
	s->nfields++;
}

/*
 * What follows the opening quote at p, up to the delimiter or newline after the field, which *last gets (the end of the
 * bytes when these end there).
 */
static Outcome
scan_quoted(CsvReader *s, const char *p, const char **last)
{
	const CsvDialect *d = &s->dialect;
	const char *end = s->buffer + s->end;
	const char *q;
	const char *r;
	bool		escaped = false;

	for (;;)
	{
		q = next_special(s);
		if (q == NULL)
		{
			s->fault = CSV_OPEN_QUOTE;
			return s->complete ? FAULT : MORE;
		}
		if (*q == d->escape && d->escape != '\0')
		{
			if (q + 1 == end && !s->complete)
				return MORE;
			if (q + 1 < end && (q[1] == d->quote || q[1] == d->escape))
			{
				escaped = true;
				(void) next_special(s);
				continue;
			}
		}
		if (*q == d->quote)
			break;
		s->nlines += *q == d->newline;
	}
	for (r = q + 1; r < end && is_blank(*r) && *r != d->delimiter; r++)
		;
	/* a carriage return before the newline, or at the very end, belongs to it */
	if (r < end && *r == '\r' && d->newline == '\n')
	{
		if (r + 1 == end || r[1] == '\n')
			r++;
	}
	if (r == end && !s->complete)
		return MORE;
	if (r < end && *r != d->delimiter && *r != d->newline)
	{
		s->fault = CSV_BAD_QUOTE;
		return FAULT;
	}
	if (r < end)
		(void) next_special(s);
	add_field(s, p + 1, q - p - 1, true, escaped);
	*last = r;
	return DONE;
}

/* The record that begins at p; its end, after the newline, in *after. */
static Outcome
scan_record(CsvReader *s, const char *p, const char **after)
{
	const CsvDialect d = s->dialect;
	const char *end = s->buffer + s->end;
	const char *begin = p;

	s->nfields = 0;
	s->nlines = 1;
	s->fault = CSV_SOUND;
	for (;;)
	{
		const char *last;

		if (d.trim)
			while (p < end && is_blank(*p) && *p != d.delimiter)
				p++;
		if (p == end && !s->complete)
			return MORE;
		if (p < end && *p == d.quote && d.quote != '\0')
		{
			Outcome		outcome;

			(void) next_special(s);
			outcome = scan_quoted(s, p, &last);
			if (outcome != DONE)
				return outcome;
		}
		else
		{
			const char *stop;

			do
				last = next_special(s);
			while (last && *last != d.delimiter && *last != d.newline);
			if (last == NULL)
			{
				if (!s->complete)
					return MORE;
				last = end;
			}
			stop = last;
			if ((last == end || *last == d.newline) && d.newline == '\n' && stop > p && stop[-1] == '\r')
				stop--;
			if (d.trim)
				while (stop > p && is_blank(stop[-1]))
					stop--;
			add_field(s, p, stop - p, false, false);
		}
		if (last == end || *last == d.newline)
		{
			*after = last == end ? end : last + 1;
			s->text = begin;
			s->length = last - begin;
			if (d.newline == '\n' && s->length > 0 && last[-1] == '\r')
				s->length--;
			return DONE;
		}
		p = last + 1;
	}
}

/* Is any byte zero, does any have its highest bit? */
static void
look_at_bytes(CsvReader *s)
{
	const char *p = s->text;
	size_t		n = s->length;
	uint64_t	high = 0;
	uint64_t	zero = 0;
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t	word;

	for (; n >= 8; n -= 8, p += 8)
	{
		memcpy(&word, p, 8);
		high |= word;
		/* exact for bytes without the highest bit; a carry from there finds no zero that is not there */
		zero |= (word - ones) & ~word;
	}
	word = ones;
	memcpy(&word, p, n);
	high |= word;
	zero |= (word - ones) & ~word;
	s->ascii = (high & (ones << 7)) == 0;
	s->nul = (zero & (ones << 7)) != 0 && memchr(s->text, '\0', s->length) != NULL;
}

/* Take the escapes out of fields that have some. */
static void
unescape(CsvReader *s)
{
	char	   *to = NULL;
	int			n = s->nfields < s->max_fields ? s->nfields : s->max_fields;

	for (int i = 0; i < n; i++)
	{
		CsvField   *field = &s->kept[i];
		const char *p = field->text;
		const char *end = p + field->length;

		if (!field->escaped)
			continue;
		if (to == NULL)
		{
			if (s->scratch_size < s->length)
			{
				ecml_free(s->ctx, s->scratch);
				s->scratch = NULL;
				s->scratch_size = s->capacity;
				s->scratch = ECML_NEW(s->ctx, char, s->scratch_size);
			}
			to = s->scratch;
		}
		field->text = to;
		while (p < end)
		{
			if (*p == s->dialect.escape && p + 1 < end && (p[1] == s->dialect.quote || p[1] == s->dialect.escape))
				p++;
			*to++ = *p++;
		}
		field->length = to - field->text;
	}
}

/* The physical line at p becomes the record; false: it does not end in the buffer. */
static bool
take_line(CsvReader *s, const char *p, const char **after)
{
	const char *end = s->buffer + s->end;
	const char *newline = memchr(p, s->dialect.newline, end - p);

	if (newline == NULL && !s->complete)
		return false;
	*after = newline ? newline + 1 : end;
	s->text = p;
	s->length = (newline ? newline : end) - p;
	if (s->dialect.newline == '\n' && s->length > 0 && p[s->length - 1] == '\r')
		s->length--;
	s->nfields = 0;
	s->nlines = 1;
	s->block = NULL;
	return true;
}

static void ECML_NORETURN
line_too_long(CsvReader *s)
{
	ecml_detail(s->ctx, "Line %llu has more than %zu bytes.", (unsigned long long) s->line, s->max_record);
	ecml_hint(s->ctx, "Raise the option \"max_record\"; or it is no CSV, or its lines end in another way.");
	ecml_fail(s->ctx, ECML_LIMIT_EXCEEDED, "a line is too long");
}

/* What all ways of handing out a record have in common. */
static void
finish_record(CsvReader *s, const char *after)
{
	s->bytes += after - (s->buffer + s->begin);
	s->begin = after - s->buffer;
	look_at_bytes(s);
	if ((++s->records & 1023) == 0)
		ecml_poll(s->ctx, 0, 0);
}

bool
csv_next(CsvReader *s)
{
	s->line += s->nlines;
	s->nlines = 0;
	for (;;)
	{
		const char *p = s->buffer + s->begin;
		const char *after = p;
		Outcome		outcome = MORE;

		if (s->begin < s->end)
		{
			/* a block that is still under way begins before p, and its passed bytes are gone from the mask */
			if (s->block == NULL)
				enter_block(s, p);
			outcome = scan_record(s, p, &after);
			/* the first line of a quoted field that is open for too long may be at fault */
			if (outcome == MORE && s->end - s->begin > s->max_record)
			{
				if (s->fault != CSV_OPEN_QUOTE)
					s->fault = s->nlines > 1 ? CSV_OPEN_QUOTE : CSV_SOUND;
				outcome = FAULT;
				if (memchr(p, s->dialect.newline, s->end - s->begin) == NULL)
					line_too_long(s);
			}
			if (outcome == FAULT)
			{
				if (take_line(s, p, &after))
				{
					finish_record(s, after);
					s->blank = false;
					return true;
				}
				outcome = MORE;
			}
		}
		else if (s->complete)
		{
			s->nfields = 0;
			return false;
		}
		if (outcome == DONE)
		{
			bool		escapes = false;
			int			n = s->nfields < s->max_fields ? s->nfields : s->max_fields;

			finish_record(s, after);
			for (int i = 0; i < n; i++)
				escapes |= s->kept[i].escaped;
			if (escapes)
				unescape(s);
			s->blank = s->nfields == 1 && !s->kept[0].quoted;
			for (size_t i = 0; s->blank && i < s->length; i++)
				s->blank = is_blank(s->text[i]);
			return true;
		}
		if (s->end - s->begin > s->max_record)
			line_too_long(s);
		s->nlines = 0;
		refill(s);
	}
}

bool
csv_next_line(CsvReader *s)
{
	s->line += s->nlines;
	s->nlines = 0;
	for (;;)
	{
		const char *after;

		if (s->begin == s->end && s->complete)
			return false;
		if (s->begin < s->end && take_line(s, s->buffer + s->begin, &after))
		{
			finish_record(s, after);
			s->fault = CSV_SOUND;
			s->kept[0] = (CsvField) {s->text, s->length, false, false};
			s->nfields = 1;
			s->blank = false;
			return true;
		}
		if (s->end - s->begin > s->max_record)
			line_too_long(s);
		refill(s);
	}
}

/* ------------------------------------------------------------------------------------------------ dialect */

typedef struct Memory
{
	const char *text;
	size_t		left;
} Memory;

static size_t
read_memory(void *arg, char *buffer, size_t size)
{
	Memory	   *memory = arg;
	size_t		n = size < memory->left ? size : memory->left;

	memcpy(buffer, memory->text, n);
	memory->text += n;
	memory->left -= n;
	return n;
}

char
csv_sniff_newline(const char *sample, size_t length)
{
	if (length > 0 && memchr(sample, '\n', length) == NULL && memchr(sample, '\r', length) != NULL)
		return '\r';
	return '\n';
}

void
csv_sniff(EcmlCtx *ctx, const char *sample, size_t length, bool complete, const char *candidates, CsvDialect *dialect)
{
	double		best_share = 0;
	int			best_fields = 1;

	dialect->newline = csv_sniff_newline(sample, length);
	dialect->delimiter = candidates[0];
	for (const char *c = candidates; *c; c++)
	{
		Memory		memory = {sample, length};
		CsvReader  *reader = csv_open(ctx, read_memory, &memory, 1, length + PIECE);
		CsvDialect	tried = *dialect;
		int			fields = 0;
		int			records = 0;
		int			alike = 0;
		double		share;

		tried.delimiter = *c;
		csv_set_dialect(reader, &tried);
		while (records < SNIFF_RECORDS && csv_next(reader))
		{
			/* a sample that was cut off ends in a piece of a record */
			if (!complete && reader->bytes == length)
				break;
			if (reader->blank)
				continue;
			if (fields == 0)
				fields = reader->nfields;
			records++;
			alike += reader->nfields == fields;
		}
		ecml_free(ctx, reader->scratch);
		ecml_free(ctx, reader->buffer);
		ecml_free(ctx, reader->kept);
		ecml_free(ctx, reader);
		share = records > 0 ? (double) alike / records : 0;
		if (fields > 1 && (share > best_share || (share == best_share && fields > best_fields)))
		{
			best_share = share;
			best_fields = fields;
			dialect->delimiter = *c;
		}
	}
}
