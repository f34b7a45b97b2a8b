/*
 * rowsample.c - a bounded sample of rows
 *
 * By content, a row costs its hash (a multiplication a value, 8 rows side by side) and a comparison.  Of n rows about
 * k ln(n / k) are taken; twice the sample's size is held, so that finding the k-th hash is paid for by k rows taken.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rowsample.h"

#define FIRST_ROWS 64
#define VALUES (1 << 19)		/* of a sample, at most: 4 MB; twice that while rows come */
#define LEAST_ROWS 256
#define CHUNK 512				/* rows hashed at once */
#define GROUP 32				/* rows looked at at once */
#define MAX_ROWS 9007199254740992.0

static int
limit_for(int width, bool by_content)
{
	int			rows = VALUES / (width > 0 ? width : 1) / 2 * 2;
	int			most = by_content ? ECML_ROWSAMPLE_DIFFERENT : ECML_ROWSAMPLE_ROWS;

	return rows < LEAST_ROWS ? LEAST_ROWS : rows > most ? most : rows;
}

EcmlRowSample *
ecml_rowsample_create(EcmlCtx *ctx, int width, bool by_content)
{
	EcmlRowSample *sample = ECML_NEW0(ctx, EcmlRowSample, 1);

	sample->width = width;
	sample->limit = limit_for(width, by_content);
	sample->step = 1;
	sample->by_content = by_content;
	sample->bound = UINT64_MAX;
	return sample;
}

static void
reserve(EcmlCtx *ctx, EcmlRowSample *sample, int n)
{
	int			most = sample->by_content ? sample->limit * 2 : sample->limit;
	int			capacity = sample->capacity ? sample->capacity * 2 : FIRST_ROWS;

	if (n <= sample->capacity)
		return;
	while (capacity < n)
		capacity *= 2;
	if (capacity > most)
		capacity = most;
	sample->rows = ecml_resize_array(ctx, sample->rows, (size_t) capacity * sample->width, sizeof(double));
	if (sample->by_content)
	{
		sample->hashes = ecml_resize_array(ctx, sample->hashes, capacity, sizeof(uint64_t));
		sample->counts = ecml_resize_array(ctx, sample->counts, capacity, sizeof(double));
	}
	sample->capacity = capacity;
}

double *
ecml_rowsample_room(EcmlCtx *ctx, EcmlRowSample *sample, int n)
{
	sample->rows = ECML_NEW(ctx, double, (size_t) n * sample->width);
	sample->n = sample->capacity = n;
	return sample->rows;
}

void
ecml_rowsample_take(EcmlCtx *ctx, EcmlRowSample *sample, const double *row)
{
	size_t		size = sample->width * sizeof(double);

	if (sample->n == sample->limit)
	{
		/* rows 0, 2 step, 4 step .. stay; the next, number limit * step, is one of them */
		for (int i = 1; i < sample->limit / 2; i++)
			memcpy(sample->rows + (size_t) i * sample->width, sample->rows + (size_t) 2 * i * sample->width, size);
		sample->n = sample->limit / 2;
		sample->step *= 2;
	}
	reserve(ctx, sample, sample->n + 1);
	memcpy(sample->rows + (size_t) sample->n++ * sample->width, row, size);
	sample->wait = sample->step - 1;
}

/* ---- by content */

static inline uint64_t
bits_of(double v)
{
	uint64_t	bits;

	v += 0.0;					/* -0 is 0 */
	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

#define FACTOR UINT64_C(0x9FB21C651E98DF25)

static inline uint64_t
mix(uint64_t h, double v)
{
	h = (h ^ bits_of(v)) * FACTOR;
	return h ^ (h >> 32);
}

static ECML_CLONES void
mix_column(uint64_t *h, const double *v, int rows)
{
	for (int i = 0; i < rows; i++)
		h[i] = mix(h[i], v[i]);
}

/* The same for four of them, one after the other. */
static ECML_CLONES void
mix_columns(uint64_t *h, const double *a, const double *b, const double *c, const double *d, int rows)
{
	for (int i = 0; i < rows; i++)
		h[i] = mix(mix(mix(mix(h[i], a[i]), b[i]), c[i]), d[i]);
}

/* Marks come after all columns; a row without one keeps its hash: whether there is a column of marks must not matter. */
static ECML_CLONES void
mix_marks(uint64_t *h, const double *mark, uint64_t key, int rows)
{
	for (int i = 0; i < rows; i++)
		h[i] += mark[i] != 0 ? key : 0;
}

static ECML_CLONES void
mix_end(uint64_t *h, int rows)
{
	for (int i = 0; i < rows; i++)
	{
		uint64_t	x = (h[i] ^ (h[i] >> 29)) * UINT64_C(0xBF58476D1CE4E5B9);

		h[i] = x ^ (x >> 32);
	}
}

static ECML_CLONES bool
any_below(const uint64_t *h, uint64_t bound, int rows)
{
	uint64_t	any = 0;

	for (int i = 0; i < rows; i++)
		any |= h[i] <= bound;
	return any != 0;
}

/* The row of this hash, or the slot that waits for it. */
static int
find(const EcmlRowSample *sample, uint64_t hash, int *slot)
{
	int			s = (int) (hash & (uint64_t) (sample->nslots - 1));

	while (sample->slots[s] != 0)
	{
		if (sample->hashes[sample->slots[s] - 1] == hash)
			return sample->slots[s] - 1;
		s = (s + 1) & (sample->nslots - 1);
	}
	*slot = s;
	return -1;
}

static void
build_slots(EcmlCtx *ctx, EcmlRowSample *sample)
{
	if (sample->slots == NULL)
	{
		for (sample->nslots = 64; sample->nslots < sample->limit * 4;)
			sample->nslots *= 2;
		sample->slots = ECML_NEW0(ctx, int, sample->nslots);
	}
	else
		memset(sample->slots, 0, sample->nslots * sizeof(int));
	for (int i = 0; i < sample->n; i++)
	{
		int			slot = 0;

		if (find(sample, sample->hashes[i], &slot) < 0)
			sample->slots[slot] = i + 1;
	}
}

/* The k-th least (from 0) of v [n], which is put out of order (Hoare's selection). */
static uint64_t
select_hash(uint64_t *v, int n, int k)
{
	int			low = 0;
	int			high = n - 1;

	while (low < high)
	{
		uint64_t	pivot = v[low + (high - low) / 2];
		int			i = low - 1;
		int			j = high + 1;

		for (;;)
		{
			uint64_t	t;

			while (v[++i] < pivot)
				;
			while (v[--j] > pivot)
				;
			if (i >= j)
				break;
			t = v[i];
			v[i] = v[j];
			v[j] = t;
		}
		if (k <= j)
			high = j;
		else
			low = j + 1;
	}
	return v[k];
}

/* Leave the rows of the least hashes, no more than the limit. */
static void
cut(EcmlCtx *ctx, EcmlRowSample *sample)
{
	uint64_t   *copy;
	int			n = 0;

	if (sample->n <= sample->limit)
		return;
	copy = ECML_NEW(ctx, uint64_t, sample->n);
	memcpy(copy, sample->hashes, sample->n * sizeof(uint64_t));
	sample->bound = select_hash(copy, sample->n, sample->limit - 1);
	ecml_free(ctx, copy);
	for (int i = 0; i < sample->n; i++)
	{
		if (sample->hashes[i] > sample->bound)
			continue;
		if (i > n)
		{
			sample->hashes[n] = sample->hashes[i];
			sample->counts[n] = sample->counts[i];
			memcpy(sample->rows + (size_t) n * sample->width, sample->rows + (size_t) i * sample->width,
				   sample->width * sizeof(double));
		}
		n++;
	}
	sample->n = n;
	build_slots(ctx, sample);
}

/* Count rows of this hash; when they are the first, a place for their values, else NULL. */
static double *
count_rows(EcmlCtx *ctx, EcmlRowSample *sample, uint64_t hash, double count)
{
	int			slot = 0;
	int			row;

	if (sample->slots == NULL)
		build_slots(ctx, sample);
	row = find(sample, hash, &slot);
	if (row >= 0)
	{
		sample->counts[row] += count;
		return NULL;
	}
	if (sample->n == 2 * sample->limit)
	{
		cut(ctx, sample);
		if (hash > sample->bound)
			return NULL;
		(void) find(sample, hash, &slot);
	}
	reserve(ctx, sample, sample->n + 1);
	row = sample->n++;
	sample->slots[slot] = row + 1;
	sample->hashes[row] = hash;
	sample->counts[row] = count;
	return sample->rows + (size_t) row * sample->width;
}

static void
hash_rows(const EcmlRowSample *sample, const double *const *columns, const double *const *marks, int first, int n, uint64_t *h)
{
	int			j = 0;

	for (int i = 0; i < n; i++)
		h[i] = FACTOR;
	for (; j + 4 <= sample->width; j += 4)
		mix_columns(h, columns[j] + first, columns[j + 1] + first, columns[j + 2] + first, columns[j + 3] + first, n);
	for (; j < sample->width; j++)
		mix_column(h, columns[j] + first, n);
	for (j = 0; marks && j < sample->width; j++)
		if (marks[j])
		{
			uint64_t	key = (uint64_t) j;

			mix_marks(h, marks[j] + first, ecml_splitmix64(&key), n);
		}
	mix_end(h, n);
}

void
ecml_rowsample_block(EcmlCtx *ctx, EcmlRowSample *sample, const double *const *columns, const double *const *marks, int rows)
{
	uint64_t	h[CHUNK];

	sample->seen += rows;
	for (int first = 0; first < rows; first += CHUNK)
	{
		int			n = rows - first < CHUNK ? rows - first : CHUNK;

		for (int i = 0; i < n; i++)
			h[i] = FACTOR;
		hash_rows(sample, columns, marks, first, n, h);
		for (int i = 0; i < n; i++)
		{
			double	   *row;

			if (i % GROUP == 0 && !any_below(h + i, sample->bound, n - i < GROUP ? n - i : GROUP))
			{
				i += GROUP - 1;
				continue;
			}
			if (h[i] > sample->bound || (row = count_rows(ctx, sample, h[i], 1)) == NULL)
				continue;
			for (int j = 0; j < sample->width; j++)
				row[j] = marks && marks[j] && marks[j][first + i] != 0 ? NAN : columns[j][first + i];
		}
	}
}

void
ecml_rowsample_merge(EcmlCtx *ctx, EcmlRowSample *sample, const EcmlRowSample *other)
{
	/* what the other has left out has as many rows of lesser hashes there: it is in neither sample in the end */
	sample->seen += other->seen;
	for (int i = 0; i < other->n; i++)
	{
		double	   *row;

		if (other->hashes[i] <= sample->bound &&
			(row = count_rows(ctx, sample, other->hashes[i], other->counts[i])) != NULL)
			memcpy(row, other->rows + (size_t) i * other->width, other->width * sizeof(double));
	}
}

typedef struct Place
{
	uint64_t	hash;
	int			row;
} Place;

static int
compare_places(const void *a, const void *b)
{
	uint64_t	x = ((const Place *) a)->hash;
	uint64_t	y = ((const Place *) b)->hash;

	return x < y ? -1 : x > y;
}

void
ecml_rowsample_finish(EcmlCtx *ctx, EcmlRowSample *sample)
{
	Place	   *order;
	double	   *rows;
	double	   *counts;

	if (!sample->by_content || sample->n == 0)
		return;
	cut(ctx, sample);
	order = ECML_NEW(ctx, Place, sample->n);
	for (int i = 0; i < sample->n; i++)
		order[i] = (Place) {sample->hashes[i], i};
	qsort(order, sample->n, sizeof(Place), compare_places);
	rows = ECML_NEW(ctx, double, (size_t) sample->capacity * sample->width);
	counts = ECML_NEW(ctx, double, sample->capacity);
	for (int i = 0; i < sample->n; i++)
	{
		sample->hashes[i] = order[i].hash;
		counts[i] = sample->counts[order[i].row];
		memcpy(rows + (size_t) i * sample->width, sample->rows + (size_t) order[i].row * sample->width,
			   sample->width * sizeof(double));
	}
	ecml_free(ctx, sample->rows);
	ecml_free(ctx, sample->counts);
	ecml_free(ctx, order);
	sample->rows = rows;
	sample->counts = counts;
	build_slots(ctx, sample);
}

double
ecml_rowsample_effective(const EcmlRowSample *sample)
{
	double		sum = 0;
	double		squares = 0;

	if (sample->by_content ? sample->bound == UINT64_MAX : sample->step == 1)
		return sample->seen;
	for (int i = 0; i < sample->n; i++)
	{
		double		count = sample->counts ? sample->counts[i] : 1;

		sum += count;
		squares += count * count;
	}
	return sum * sum / squares;
}

void
ecml_rowsample_write(EcmlWriter *w, EcmlRowSample *sample)
{
	cut(w->ctx, sample);
	ecml_write_u32(w, (uint32_t) sample->n);
	ecml_write_f8(w, sample->seen);
	ecml_write_u64(w, sample->bound);
	ecml_write_bytes(w, sample->hashes, sample->n * sizeof(uint64_t));
	ecml_write_f8s(w, sample->counts, sample->n);
	ecml_write_f8s(w, sample->rows, (size_t) sample->n * sample->width);
}

EcmlRowSample *
ecml_rowsample_read(EcmlReader *r, int width)
{
	EcmlRowSample *sample = ecml_rowsample_create(r->ctx, width, true);
	uint32_t	n = ecml_read_count(r, 16 + (size_t) width * sizeof(double));
	const uint8_t *hashes;
	double	   *counts;
	double	   *rows;

	if (n > (uint32_t) sample->limit)
		ecml_read_corrupted(r, "a sample has too many rows");
	sample->seen = ecml_read_finite(r);
	if (sample->seen < n || sample->seen > MAX_ROWS)
		ecml_read_corrupted(r, "a count of rows is out of range");
	sample->bound = ecml_read_u64(r);
	hashes = ecml_read_bytes(r, n * sizeof(uint64_t));
	counts = ecml_read_finite_f8s(r, n);
	rows = ecml_read_f8s(r, (size_t) n * width);
	for (uint32_t i = 0; i < n; i++)
	{
		uint64_t	hash;
		double	   *row;

		memcpy(&hash, hashes + i * sizeof(hash), sizeof(hash));
		if (hash > sample->bound || counts[i] < 1 || counts[i] > MAX_ROWS)
			ecml_read_corrupted(r, "a row of a sample is out of range");
		row = count_rows(r->ctx, sample, hash, counts[i]);
		if (row == NULL)
			ecml_read_corrupted(r, "a row of a sample stands twice");
		for (int j = 0; j < width; j++)
		{
			row[j] = rows[(size_t) i * width + j];
			if (isinf(row[j]))
				ecml_read_corrupted(r, "a number is not finite");
		}
	}
	ecml_free(r->ctx, counts);
	ecml_free(r->ctx, rows);
	return sample;
}
