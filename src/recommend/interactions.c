/*
 * interactions.c - rows of what users did with items, as a sparse matrix
 *
 * Rows are put in place by user, by counting, whatever their order: first into ranges of users, chunk by chunk, then within each
 * range, where all of it is near, so that threads do either.  Then each user's are put in order of items, and equal pairs are summed.
 * Where some user has very many rows they are counted in place by item first, and by user then.  A pass takes 20 bytes a row.
 *
 * Weights: log2(1 + v), which leaves 1 as it is; BM25 (Robertson and Walker 1994) with items as documents and users as terms, as is usual in collaborative
 * filtering: v (k1 + 1) / (k1 (1 - b + b L_i / mean L) + v) * idf_u, where L_i is the sum of the item's values and
 * idf_u = ln(items) - ln(1 + items of u); TF-IDF: sqrt(v) idf_u.
 */
#include <math.h>
#include <string.h>

#include "recommend.h"

#define RANGES 128				/* of rows, at most */
#define CHUNK 32768				/* entries of a task */
#define POLL_ROWS 65536
#define LONG_ROW 16384			/* entries: too many for a task to sort */
#define MERGED_ROWS 64			/* of a task */
#define WEIGHED_ROWS 1024
#define RUN 16					/* keys that are sorted by insertion */

void
rec_rows_init(EcmlCtx *ctx, RecRows *rows, bool timed, bool grouped)
{
	memset(rows, 0, sizeof(*rows));
	rows->capacity = 1024;
	rows->user = ECML_NEW(ctx, int32_t, rows->capacity);
	rows->item = ECML_NEW(ctx, int32_t, rows->capacity);
	rows->value = ECML_NEW(ctx, float, rows->capacity);
	if (timed)
		rows->time = ECML_NEW(ctx, double, rows->capacity);
	if (grouped)
		rows->group = ECML_NEW(ctx, int32_t, rows->capacity);
}

void
rec_rows_room(EcmlCtx *ctx, RecRows *rows, size_t more)
{
	if (rows->n + more > rows->capacity)
	{
		size_t		larger = rows->n + more > rows->capacity * 2 ? rows->n + more : rows->capacity * 2;

		rows->user = ecml_resize_array(ctx, rows->user, larger, sizeof(int32_t));
		rows->item = ecml_resize_array(ctx, rows->item, larger, sizeof(int32_t));
		rows->value = ecml_resize_array(ctx, rows->value, larger, sizeof(float));
		if (rows->time)
			rows->time = ecml_resize_array(ctx, rows->time, larger, sizeof(double));
		if (rows->group)
			rows->group = ecml_resize_array(ctx, rows->group, larger, sizeof(int32_t));
		rows->capacity = larger;
	}
}

void
rec_rows_add(EcmlCtx *ctx, RecRows *rows, int user, int item, double value, double time, int group)
{
	rec_rows_room(ctx, rows, 1);
	rows->user[rows->n] = user;
	rows->item[rows->n] = item;
	rows->value[rows->n] = (float) value;
	if (rows->time)
		rows->time[rows->n] = time;
	if (rows->group)
		rows->group[rows->n] = group;
	rows->n++;
}

void
rec_rows_take(EcmlCtx *ctx, RecRows *rows, size_t n, int32_t *user, int32_t *item, float *value, double *time, int32_t *group)
{
	*rows = (RecRows) {.n = n,.capacity = n,.user = user,.item = item,.value = value,.time = time,.group = group};
	if (value)
		return;
	rows->value = ECML_NEW(ctx, float, n + 1);
	for (size_t i = 0; i < n; i++)
		rows->value[i] = 1;
}

void
rec_rows_free(EcmlCtx *ctx, RecRows *rows)
{
	ecml_free(ctx, rows->user);
	ecml_free(ctx, rows->item);
	ecml_free(ctx, rows->value);
	ecml_free(ctx, rows->time);
	ecml_free(ctx, rows->group);
}

static double
latest(const RecRows *rows)
{
	double		last = -INFINITY;

	for (size_t i = 0; rows->time && i < rows->n; i++)
		last = rows->time[i] > last ? rows->time[i] : last;
	return last;
}

static double
decay(const RecRows *rows, size_t i, double last, double half_life)
{
	return rows->time && half_life > 0 ? exp2((rows->time[i] - last) / half_life) : 1;
}

static RecMatrix *
matrix_create(EcmlCtx *ctx, int rows, int columns, size_t n)
{
	RecMatrix  *m = ECML_NEW0(ctx, RecMatrix, 1);

	m->rows = rows;
	m->columns = columns;
	m->start = ECML_NEW0(ctx, size_t, (size_t) rows + 2);
	m->column = ECML_NEW(ctx, int32_t, n + 1);
	m->value = ECML_NEW(ctx, float, n + 1);
	return m;
}

void
rec_matrix_free(EcmlCtx *ctx, RecMatrix *m)
{
	ecml_free(ctx, m->start);
	ecml_free(ctx, m->column);
	ecml_free(ctx, m->value);
	ecml_free(ctx, m);
}

RecMatrix *
rec_matrix_copy(EcmlCtx *ctx, const RecMatrix *m)
{
	size_t		n = m->start[m->rows];
	RecMatrix  *copy = matrix_create(ctx, m->rows, m->columns, n);

	memcpy(copy->start, m->start, ((size_t) m->rows + 1) * sizeof(size_t));
	memcpy(copy->column, m->column, n * sizeof(int32_t));
	memcpy(copy->value, m->value, n * sizeof(float));
	return copy;
}

/* ---- entries to their rows */

typedef struct Entry
{
	int32_t		row;
	int32_t		column;
	float		value;
} Entry;

typedef struct Grouping
{
	const RecMatrix *m;			/* transposed: its columns are the rows; or NULL: */
	const int32_t *row;			/* [n] one by one */
	const int32_t *column;
	const float *value;
	size_t		n;
	RecMatrix  *t;
	int			shift;			/* range of a row: row >> shift */
	size_t		ranges;
	size_t	  (*at)[RANGES];	/* [chunks] entries of each range; then where the next one goes */
	size_t		first[RANGES + 1];	/* entries before each range */
	Entry	   *entries;		/* [n] by range, in the order that they came in */
} Grouping;

static inline size_t
chunk_end(const Grouping *job, size_t chunk)
{
	return (chunk + 1) * CHUNK < job->n ? (chunk + 1) * CHUNK : job->n;
}

static void
count_task(void *arg, size_t chunk, int worker)
{
	Grouping   *job = arg;
	const int32_t *rows = job->m ? job->m->column : job->row;

	for (size_t i = chunk * CHUNK; i < chunk_end(job, chunk); i++)
		job->at[chunk][rows[i] >> job->shift]++;
}

/* The row of m that has entry i. */
static int
row_of(const RecMatrix *m, size_t i)
{
	int			low = 0;
	int			high = m->rows - 1;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (m->start[middle + 1] <= i)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
divide_task(void *arg, size_t chunk, int worker)
{
	Grouping   *job = arg;
	const RecMatrix *m = job->m;
	size_t	   *at = job->at[chunk];
	int			r = m ? row_of(m, chunk * CHUNK) : 0;

	for (size_t i = chunk * CHUNK; i < chunk_end(job, chunk); i++)
		if (m)
		{
			while (m->start[r + 1] <= i)
				r++;
			job->entries[at[m->column[i] >> job->shift]++] = (Entry) {m->column[i], r, m->value[i]};
		}
		else
			job->entries[at[job->row[i] >> job->shift]++] = (Entry) {job->row[i], job->column[i], job->value[i]};
}

static void
place_task(void *arg, size_t range, int worker)
{
	const Grouping *job = arg;
	RecMatrix  *t = job->t;
	int			low = (int) (range << job->shift);
	int			high = t->rows - low > 1 << job->shift ? low + (1 << job->shift) : t->rows;
	size_t		place = job->first[range];

	for (size_t i = job->first[range]; i < job->first[range + 1]; i++)
		t->start[job->entries[i].row]++;
	for (int r = low; r < high; r++)
	{
		size_t		count = t->start[r];

		t->start[r] = place;
		place += count;
	}
	for (size_t i = job->first[range]; i < job->first[range + 1]; i++)
	{
		const Entry *entry = &job->entries[i];

		place = t->start[entry->row]++;
		t->column[place] = entry->column;
		t->value[place] = entry->value;
	}
	/* each start has gone to the end of its row, which is where the next one begins */
	for (int r = high - 1; r > low; r--)
		t->start[r] = t->start[r - 1];
	if (high > low)
		t->start[low] = job->first[range];
}

static void
group(EcmlCtx *ctx, Grouping *job)
{
	size_t		chunks = (job->n + CHUNK - 1) / CHUNK;
	size_t		place = 0;

	while (((size_t) job->t->rows >> job->shift) >= RANGES)
		job->shift++;
	job->ranges = ((size_t) job->t->rows >> job->shift) + 1;
	job->at = ecml_alloc_array(ctx, chunks + 1, sizeof(*job->at));
	memset(job->at, 0, (chunks + 1) * sizeof(*job->at));
	job->entries = ECML_NEW(ctx, Entry, job->n + 1);
	ecml_parallel_for(ctx, chunks, count_task, job);
	for (size_t range = 0; range < job->ranges; range++)
	{
		job->first[range] = place;
		for (size_t chunk = 0; chunk < chunks; chunk++)
		{
			size_t		count = job->at[chunk][range];

			job->at[chunk][range] = place;
			place += count;
		}
	}
	job->first[job->ranges] = place;
	ecml_parallel_for(ctx, chunks, divide_task, job);
	ecml_parallel_for(ctx, job->ranges, place_task, job);
	job->t->start[job->t->rows] = place;
	ecml_free(ctx, job->entries);
	ecml_free(ctx, job->at);
}

RecMatrix *
rec_transpose(EcmlCtx *ctx, const RecMatrix *m)
{
	size_t		n = m->start[m->rows];
	Grouping	job = {.m = m,.n = n,.t = matrix_create(ctx, m->columns, m->rows, n)};

	group(ctx, &job);
	return job.t;
}

/* ---- entries of the same row and column */

typedef struct Merging
{
	RecMatrix  *m;
	bool		ratings;		/* the mean counts, whatever it is; else the sum, where it is positive */
	bool		ordered;		/* columns ascend */
	size_t	   *left;			/* [rows] entries that are left */
	uint64_t   *keys;			/* [workers][2][longest] */
	float	   *values;			/* [workers][longest] */
	size_t		longest;
} Merging;

/* Ascending; keys differ.  scratch [n] */
static void
sort_keys(uint64_t *v, size_t n, uint64_t *scratch)
{
	uint64_t   *from = v;
	uint64_t   *to = scratch;

	for (size_t first = 0; first < n; first += RUN)
		for (size_t i = first + 1; i < n && i < first + RUN; i++)
		{
			uint64_t	key = v[i];
			size_t		at = i;

			for (; at > first && v[at - 1] > key; at--)
				v[at] = v[at - 1];
			v[at] = key;
		}
	for (size_t width = RUN; width < n; width *= 2)
	{
		uint64_t   *swap = from;

		for (size_t low = 0; low < n; low += 2 * width)
		{
			size_t		middle = low + width < n ? low + width : n;
			size_t		high = low + 2 * width < n ? low + 2 * width : n;
			size_t		a = low;
			size_t		b = middle;

			for (size_t i = low; i < high; i++)
				to[i] = a < middle && (b == high || from[a] < from[b]) ? from[a++] : from[b++];
		}
		from = to;
		to = swap;
	}
	if (from != v)
		memcpy(v, from, n * sizeof(uint64_t));
}

static void
merge_row(const Merging *job, int r, uint64_t *keys, float *values)
{
	size_t		start = job->m->start[r];
	size_t		n = job->m->start[r + 1] - start;
	int32_t    *columns = job->m->column + start;
	float	   *row = job->m->value + start;
	size_t		to = 0;

	if (!job->ordered)
	{
		for (size_t i = 0; i < n; i++)
			keys[i] = (uint64_t) (uint32_t) columns[i] << 32 | i;
		sort_keys(keys, n, keys + job->longest);
		memcpy(values, row, n * sizeof(float));
		for (size_t i = 0; i < n; i++)
		{
			columns[i] = (int32_t) (keys[i] >> 32);
			row[i] = values[(uint32_t) keys[i]];
		}
	}
	for (size_t from = 0; from < n;)
	{
		int32_t		column = columns[from];
		double		sum = 0;
		int			count = 0;

		for (; from < n && columns[from] == column; from++, count++)
			sum += row[from];
		if (job->ratings)
			sum /= count;
		else if (!(sum > 0))
			continue;
		columns[to] = column;
		row[to++] = (float) sum;
	}
	job->left[r] = to;
}

static void
merge_task(void *arg, size_t task, int worker)
{
	const Merging *job = arg;
	size_t		end = (task + 1) * MERGED_ROWS < (size_t) job->m->rows ? (task + 1) * MERGED_ROWS : (size_t) job->m->rows;

	for (size_t r = task * MERGED_ROWS; r < end; r++)
		merge_row(job, (int) r, job->keys + 2 * worker * job->longest, job->values + worker * job->longest);
}

static size_t
longest_row(const RecMatrix *m)
{
	size_t		longest = 0;

	for (int r = 0; r < m->rows; r++)
		longest = m->start[r + 1] - m->start[r] > longest ? m->start[r + 1] - m->start[r] : longest;
	return longest;
}

static void
merge(EcmlCtx *ctx, RecMatrix *m, bool ratings, bool ordered)
{
	size_t		tasks = ((size_t) m->rows + MERGED_ROWS - 1) / MERGED_ROWS;
	size_t		workers = ecml_workers(ctx, tasks);
	Merging		job = {m, ratings, ordered, ECML_NEW(ctx, size_t, (size_t) m->rows + 1)};
	size_t		to = 0;

	job.longest = ordered ? 0 : longest_row(m);
	job.keys = ECML_NEW(ctx, uint64_t, 2 * workers * job.longest + 1);
	job.values = ECML_NEW(ctx, float, workers * job.longest + 1);
	ecml_parallel_for(ctx, tasks, merge_task, &job);
	for (int r = 0; r < m->rows; r++)
	{
		size_t		from = m->start[r];

		if (from != to)
		{
			memmove(m->column + to, m->column + from, job.left[r] * sizeof(int32_t));
			memmove(m->value + to, m->value + from, job.left[r] * sizeof(float));
		}
		m->start[r] = to;
		to += job.left[r];
	}
	m->start[m->rows] = to;
	ecml_free(ctx, job.left);
	ecml_free(ctx, job.keys);
	ecml_free(ctx, job.values);
}

RecMatrix *
rec_matrix(EcmlCtx *ctx, const RecRows *rows, int users, int items, const RecParams *params)
{
	Grouping	job = {.row = rows->user,.column = rows->item,.n = rows->n,.t = matrix_create(ctx, users, items, rows->n)};
	RecMatrix  *m = job.t;
	bool		decays = rows->time && params->half_life > 0 && !params->feedback_explicit;
	float	   *value = decays ? ECML_NEW(ctx, float, rows->n + 1) : NULL;
	double		last = latest(rows);
	bool		ordered = false;

	for (size_t i = 0; decays && i < rows->n; i++)
	{
		if (i % POLL_ROWS == 0)
			ecml_poll(ctx, i, rows->n);
		value[i] = (float) (rows->value[i] * decay(rows, i, last, params->half_life));
	}
	job.value = decays ? value : rows->value;
	group(ctx, &job);
	ecml_free(ctx, value);
	if (longest_row(m) > LONG_ROW)
	{
		/* twice over: by item, and by user again, which leaves a user's in the order of items */
		RecMatrix  *by_item = rec_transpose(ctx, m);

		rec_matrix_free(ctx, m);
		m = rec_transpose(ctx, by_item);
		rec_matrix_free(ctx, by_item);
		ordered = true;
	}
	merge(ctx, m, params->feedback_explicit, ordered);
	return m;
}

void
rec_popularity(EcmlCtx *ctx, const RecRows *rows, int items, const RecParams *params, float *popularity)
{
	double	   *sum = ECML_NEW0(ctx, double, (size_t) items + 1);
	double		last = latest(rows);

	for (size_t i = 0; i < rows->n; i++)
	{
		if (i % POLL_ROWS == 0)
			ecml_poll(ctx, i, rows->n);
		/* what was returned was not liked */
		if (params->feedback_explicit || rows->value[i] > 0)
			sum[rows->item[i]] += decay(rows, i, last, params->half_life);
	}
	for (int i = 0; i < items; i++)
		popularity[i] = (float) sum[i];
	ecml_free(ctx, sum);
}

/* Weighing, some rows a task. */
typedef struct Weighing
{
	RecMatrix  *m;
	int			weighting;
	double		k1;
	double		b;
	const double *length;		/* [columns] of BM25: sums of values */
	double		mean;			/* of them */
} Weighing;

static void
weigh_task(void *arg, size_t task, int worker)
{
	const Weighing *job = arg;
	RecMatrix  *m = job->m;
	double		k1 = job->k1;
	double		b = job->b;
	size_t		end = (task + 1) * WEIGHED_ROWS < (size_t) m->rows ? (task + 1) * WEIGHED_ROWS : (size_t) m->rows;

	for (size_t r = task * WEIGHED_ROWS; r < end; r++)
	{
		double		idf = log(m->columns) - log1p((double) (m->start[r + 1] - m->start[r]));

		for (size_t i = m->start[r]; i < m->start[r + 1]; i++)
		{
			double		v = m->value[i];

			switch (job->weighting)
			{
				case REC_BINARY:
					v = 1;
					break;
				case REC_LOG:
					v = log1p(v) / M_LN2;
					break;
				case REC_BM25:
					v = v * (k1 + 1) / (k1 * (1 - b + b * job->length[m->column[i]] / job->mean) + v) * idf;
					break;
				case REC_TFIDF:
					v = sqrt(v) * idf;
					break;
			}
			m->value[i] = (float) v;
		}
	}
}

void
rec_weigh(EcmlCtx *ctx, RecMatrix *m, int weighting, double k1, double b)
{
	Weighing	job = {m, weighting, k1, b};
	double	   *length = NULL;

	if (weighting == REC_RAW)
		return;
	if (weighting == REC_BM25)
	{
		length = ECML_NEW0(ctx, double, (size_t) m->columns + 1);
		for (size_t i = 0; i < m->start[m->rows]; i++)
		{
			length[m->column[i]] += m->value[i];
			job.mean += m->value[i];
		}
		job.mean /= m->columns > 0 ? m->columns : 1;
		job.length = length;
	}
	ecml_parallel_for(ctx, ((size_t) m->rows + WEIGHED_ROWS - 1) / WEIGHED_ROWS, weigh_task, &job);
	ecml_free(ctx, length);
}
