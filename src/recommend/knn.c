/*
 * knn.c - neighbours by sparse accumulation: exact, and without ever making a distance that is not there
 *
 * Two rows are similar through the columns they share.  For a row i the products with all others are summed at once: for each
 * column u of i, and each row j that has u, sum[j] += w_iu w_ju.  Sums are of double precision and in the order of the columns,
 * so that they are those of the plain definition, and similarity (i, j) is bit by bit that of (j, i).  Cost: the sum over columns
 * of the squares of their lengths, about a nanosecond each; memory beside the result: 8 bytes a row and thread.
 *
 *   cosine     sum / (|i| |j|)
 *   jaccard    common / (n_i + n_j - common)
 *   bm25       sum of the products of BM25 weights (see interactions.c)
 *   tfidf      cosine of TF-IDF weights
 *   adjusted   values about their column's mean; cosine over the columns that both rows have (Sarwar et al. 2001)
 *
 * Shrinkage multiplies by common / (common + shrinkage) (Bell and Koren 2007): few shared columns say little.
 */
#include <math.h>
#include <string.h>

#include "recommend.h"

#define CHUNK 8					/* rows of a task */
#define JOINED 65536			/* entries of a task */
#define AHEAD 8					/* columns that are fetched before they are needed */
#define LINES 8					/* of each, at most: what follows the processor foresees */
#define SAMPLE 64				/* rows that the first guess at what is similar enough rests on */

typedef struct Best
{
	double		similarity;
	int32_t		other;
} Best;

typedef struct Scratch
{
	double	   *sum;			/* [rows] 0 between rows */
	int32_t    *common;			/* [rows] or NULL */
	double	   *mine;			/* [rows] adjusted: squares over the shared columns */
	double	   *theirs;
	int32_t    *touched;		/* [rows] */
	Best	   *best;			/* [k] a heap: the worst on top */
} Scratch;

/* An entry of the transpose: what belongs together lies together. */
typedef struct Entry
{
	int32_t		row;
	float		value;
} Entry;

typedef struct Job
{
	const RecMatrix *m;
	const RecMatrix *t;			/* its transpose */
	const Entry *entries;		/* of the transpose, in its order */
	const double *scale;		/* [rows] 1 / norm, or NULL */
	int			similarity;
	double		shrinkage;
	bool		counted;
	bool		adjusted;
	int			k;
	int32_t    *other;			/* [rows][k] */
	float	   *value;			/* [rows][k] */
	int32_t    *found;			/* [rows] */
	Scratch    *scratch;		/* [workers] */
} Job;

static inline bool
worse(const Best *a, const Best *b)
{
	return a->similarity < b->similarity || (a->similarity == b->similarity && a->other > b->other);
}

/* Put entry in the heap at place 0 and let it sink. */
static void
sink(Best *heap, int n, Best entry)
{
	int			at = 0;

	for (;;)
	{
		int			child = 2 * at + 1;

		if (child >= n)
			break;
		if (child + 1 < n && worse(&heap[child + 1], &heap[child]))
			child++;
		if (!worse(&heap[child], &entry))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = entry;
}

static void
rise(Best *heap, int at)
{
	Best		entry = heap[at];

	while (at > 0 && worse(&entry, &heap[(at - 1) / 2]))
	{
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = entry;
}

static inline void
offer(Best *heap, int *n, int k, Best entry)
{
	if (*n < k)
	{
		heap[*n] = entry;
		rise(heap, (*n)++);
	}
	else if (worse(&heap[0], &entry))
		sink(heap, k, entry);
}

/*
 * Columns come in no order that the processor could foresee: fetch the entries of one of the next, and of one behind that where
 * its entries begin.
 */
static inline void
fetch_ahead(const Job *job, int i, size_t e)
{
	const Entry *next;
	const Entry *end;

	if (e + AHEAD >= job->m->start[i + 1])
		return;
	if (e + 2 * AHEAD < job->m->start[i + 1])
		__builtin_prefetch(job->t->start + job->m->column[e + 2 * AHEAD]);
	next = job->entries + job->t->start[job->m->column[e + AHEAD]];
	end = job->entries + job->t->start[job->m->column[e + AHEAD] + 1];
	for (int lines = 0; next < end && lines < LINES; lines++, next += 64 / sizeof(Entry))
		__builtin_prefetch(next);
}

/* Sums of row i with all others that share a column; returns how many were touched. */
static int
accumulate_counted(const Job *job, int i, Scratch *s)
{
	const RecMatrix *m = job->m;
	int			n = 0;

	for (size_t e = m->start[i]; e < m->start[i + 1]; e++)
	{
		double		w = m->value[e];
		const Entry *entry = job->entries + job->t->start[m->column[e]];
		const Entry *end = job->entries + job->t->start[m->column[e] + 1];

		fetch_ahead(job, i, e);
		for (; entry < end; entry++)
		{
			int			j = entry->row;
			double		value = entry->value;

			if (s->common[j]++ == 0)
			{
				s->touched[n++] = j;
				s->sum[j] = 0;
			}
			s->sum[j] += w * value;
			if (job->adjusted)
			{
				s->mine[j] += w * w;
				s->theirs[j] += value * value;
			}
		}
	}
	return n;
}

/* The same where all weights are positive: a sum of 0 means that the row was not met. */
static int
accumulate(const Job *job, int i, double *restrict sum, int32_t *restrict touched)
{
	const RecMatrix *m = job->m;
	int			n = 0;

	for (size_t e = m->start[i]; e < m->start[i + 1]; e++)
	{
		double		w = m->value[e];
		const Entry *restrict entry = job->entries + job->t->start[m->column[e]];
		size_t		count = job->t->start[m->column[e] + 1] - job->t->start[m->column[e]];

		fetch_ahead(job, i, e);
		for (size_t a = 0; a < count; a++)
		{
			int			j = entry[a].row;
			double		before = sum[j];

			touched[n] = j;
			n += before == 0;
			sum[j] = before + w * entry[a].value;
		}
	}
	return n;
}

static double
similarity(const Job *job, int i, int j, Scratch *s)
{
	double		sum = s->sum[j];
	double		common = s->common[j];
	double		result;

	s->sum[j] = 0;
	s->common[j] = 0;
	if (job->similarity == REC_JACCARD)
	{
		const size_t *start = job->m->start;

		result = common / ((double) (start[i + 1] - start[i]) + (double) (start[j + 1] - start[j]) - common);
	}
	else if (job->adjusted)
	{
		double		norm = sqrt(s->mine[j]) * sqrt(s->theirs[j]);

		s->mine[j] = s->theirs[j] = 0;
		result = norm > 0 ? sum / norm : 0;
	}
	else
		result = job->scale ? sum * (job->scale[i] * job->scale[j]) : sum;
	return job->shrinkage > 0 ? result * common / (common + job->shrinkage) : result;
}

/* Offer all rows that were touched; returns how many neighbours there are. */
static int
choose(const Job *job, int i, int n, Scratch *s)
{
	int			found = 0;

	for (int a = 0; a < n; a++)
	{
		int			j = s->touched[a];
		Best		entry = {similarity(job, i, j, s), j};

		if (j != i && (float) entry.similarity > 0)
			offer(s->best, &found, job->k, entry);
	}
	return found;
}

static inline double
scaled(const Job *job, double sum, double mine, int j)
{
	return job->scale ? sum * (mine * job->scale[j]) : sum;
}

/* A similarity that about 4 k of the n rows touched exceed, by a sample of them; 0 where a sample would not tell. */
static double
first_bar(const Job *job, int n, const double *sum, const int32_t *touched, double mine)
{
	double		sample[SAMPLE];
	int			rank;

	if (n / 8 <= job->k)
		return 0;
	rank = (int) (4.0 * job->k * SAMPLE / n);
	/* of the sample the rank + 1 greatest, the greatest first */
	for (int s = 0, kept = 0; s < SAMPLE; s++)
	{
		int			j = touched[(size_t) n * s / SAMPLE];
		double		value = scaled(job, sum[j], mine, j);
		int			at;

		if (kept > rank && value <= sample[rank])
			continue;
		at = kept <= rank ? kept++ : rank;
		for (; at > 0 && sample[at - 1] < value; at--)
			sample[at] = sample[at - 1];
		sample[at] = value;
	}
	return sample[rank];
}

/*
 * The same for sums, scaled or not.  Most rows are below a bar, and go by quickly: the worst of the best so far, and before there are
 * k of them a guess; where it was too high, all are looked at again.
 */
static int
choose_plain(const Job *job, int i, int n, double *restrict sum, const int32_t *restrict touched, Best *best)
{
	double		mine = job->scale ? job->scale[i] : 1;
	double		guess = first_bar(job, n, sum, touched, mine);
	int			found;

	for (;;)
	{
		double		bar = guess;

		found = 0;
		for (int a = 0; a < n; a++)
		{
			int			j = touched[a];
			double		value = scaled(job, sum[j], mine, j);

			if (value < bar || j == i || !((float) value > 0))
				continue;
			offer(best, &found, job->k, (Best) {value, j});
			if (found == job->k)
				bar = best[0].similarity;
		}
		if (found == job->k || guess == 0)
			break;
		guess = 0;
	}
	for (int a = 0; a < n; a++)
		sum[touched[a]] = 0;
	return found;
}

static void
neighbors_of(const Job *job, int i, Scratch *s)
{
	int			found;

	if (job->counted)
		found = choose(job, i, accumulate_counted(job, i, s), s);
	else
		found = choose_plain(job, i, accumulate(job, i, s->sum, s->touched), s->sum, s->touched, s->best);
	job->found[i] = found;
	for (int at = found - 1; at >= 0; at--)
	{
		Best		last = s->best[at];

		job->other[(size_t) i * job->k + at] = s->best[0].other;
		job->value[(size_t) i * job->k + at] = (float) s->best[0].similarity;
		sink(s->best, at, last);
	}
}

static void
knn_task(void *arg, size_t chunk, int worker)
{
	const Job  *job = arg;
	size_t		end = (chunk + 1) * CHUNK < (size_t) job->m->rows ? (chunk + 1) * CHUNK : (size_t) job->m->rows;

	for (size_t i = chunk * CHUNK; i < end; i++)
		neighbors_of(job, (int) i, &job->scratch[worker]);
}

typedef struct Joining
{
	const RecMatrix *t;
	Entry	   *entries;
} Joining;

static void
join_task(void *arg, size_t task, int worker)
{
	const Joining *job = arg;
	size_t		n = job->t->start[job->t->rows];
	size_t		end = (task + 1) * JOINED < n ? (task + 1) * JOINED : n;

	for (size_t e = task * JOINED; e < end; e++)
		job->entries[e] = (Entry) {job->t->column[e], job->t->value[e]};
}

/* The matrix with the weights that the similarity wants; a copy, unless they are the values. */
static RecMatrix *
weighted(EcmlCtx *ctx, const RecMatrix *t, const RecParams *params)
{
	RecMatrix  *w;

	if (params->similarity == REC_COSINE)
		return (RecMatrix *) t;
	w = rec_matrix_copy(ctx, t);
	switch (params->similarity)
	{
		case REC_JACCARD:
			rec_weigh(ctx, w, REC_BINARY, 0, 0);
			break;
		case REC_DOT_BM25:
		case REC_COSINE_TFIDF:
			rec_weigh(ctx, w, params->similarity == REC_DOT_BM25 ? REC_BM25 : REC_TFIDF, params->k1, params->b);
			break;
		case REC_ADJUSTED:
			for (int u = 0; u < w->rows; u++)
			{
				double		mean = 0;

				for (size_t e = w->start[u]; e < w->start[u + 1]; e++)
					mean += w->value[e];
				mean /= w->start[u + 1] > w->start[u] ? w->start[u + 1] - w->start[u] : 1;
				for (size_t e = w->start[u]; e < w->start[u + 1]; e++)
					w->value[e] = (float) (w->value[e] - mean);
			}
			break;
	}
	return w;
}

static bool
any_not_positive(const RecMatrix *m)
{
	for (size_t e = 0; e < m->start[m->rows]; e++)
		if (!(m->value[e] > 0))
			return true;
	return false;
}

RecNeighbors *
rec_knn(EcmlCtx *ctx, const RecMatrix *given, const RecParams *params, double low, double high)
{
	RecMatrix  *t = weighted(ctx, given, params);
	RecMatrix  *m = rec_transpose(ctx, t);
	RecNeighbors *result = ECML_NEW0(ctx, RecNeighbors, 1);
	Job			job = {m, t};
	size_t		chunks = ((size_t) m->rows + CHUNK - 1) / CHUNK;
	int			workers = ecml_workers(ctx, chunks);
	double	   *scale = NULL;
	Entry	   *entries;
	size_t		rows = m->rows;

	job.similarity = params->similarity;
	job.shrinkage = params->shrinkage;
	job.adjusted = params->similarity == REC_ADJUSTED;
	job.counted = job.adjusted || job.shrinkage > 0 || job.similarity == REC_JACCARD || any_not_positive(m);
	job.k = params->neighbors < m->rows - 1 ? params->neighbors : m->rows - 1;
	if (job.k < 1)
		job.k = 1;
	if (job.similarity == REC_COSINE || job.similarity == REC_COSINE_TFIDF)
	{
		scale = ECML_NEW(ctx, double, rows + 1);
		for (int i = 0; i < m->rows; i++)
		{
			double		square = 0;

			for (size_t e = m->start[i]; e < m->start[i + 1]; e++)
				square += (double) m->value[e] * m->value[e];
			scale[i] = square > 0 ? 1 / sqrt(square) : 0;
		}
	}
	job.scale = scale;
	job.other = ECML_NEW(ctx, int32_t, rows * job.k + 1);
	job.value = ECML_NEW(ctx, float, rows * job.k + 1);
	job.found = ECML_NEW0(ctx, int32_t, rows + 1);
	job.scratch = ECML_NEW0(ctx, Scratch, workers);
	for (int worker = 0; worker < workers; worker++)
	{
		Scratch    *s = &job.scratch[worker];

		s->sum = ECML_NEW0(ctx, double, rows + 1);
		s->touched = ECML_NEW(ctx, int32_t, rows + 1);
		s->common = job.counted ? ECML_NEW0(ctx, int32_t, rows + 1) : NULL;
		s->mine = job.adjusted ? ECML_NEW0(ctx, double, rows + 1) : NULL;
		s->theirs = job.adjusted ? ECML_NEW0(ctx, double, rows + 1) : NULL;
		s->best = ECML_NEW(ctx, Best, job.k + 1);
	}
	job.entries = entries = ECML_NEW(ctx, Entry, t->start[t->rows] + 1);
	ecml_parallel_for(ctx, (t->start[t->rows] + JOINED - 1) / JOINED, join_task, &(Joining) {t, entries});
	ecml_poll(ctx, low, 1);
	ecml_parallel_for(ctx, chunks, knn_task, &job);
	ecml_poll(ctx, high, 1);

	/* rows have found different numbers: move them together */
	result->rows = m->rows;
	result->start = ECML_NEW(ctx, size_t, rows + 1);
	result->start[0] = 0;
	for (size_t i = 0; i < rows; i++)
	{
		memmove(job.other + result->start[i], job.other + i * job.k, job.found[i] * sizeof(int32_t));
		memmove(job.value + result->start[i], job.value + i * job.k, job.found[i] * sizeof(float));
		result->start[i + 1] = result->start[i] + job.found[i];
	}
	result->other = job.other;
	result->similarity = job.value;
	for (int worker = 0; worker < workers; worker++)
	{
		Scratch    *s = &job.scratch[worker];

		ecml_free(ctx, s->sum);
		ecml_free(ctx, s->touched);
		ecml_free(ctx, s->common);
		ecml_free(ctx, s->mine);
		ecml_free(ctx, s->theirs);
		ecml_free(ctx, s->best);
	}
	ecml_free(ctx, job.scratch);
	ecml_free(ctx, entries);
	ecml_free(ctx, job.found);
	ecml_free(ctx, scale);
	rec_matrix_free(ctx, m);
	if (t != given)
		rec_matrix_free(ctx, t);
	return result;
}
