/*
 * kmeans_seed.c - the first centroids: greedy k-means++ (Arthur and Vassilvitskii 2007) on a sample of the rows
 *
 * Each centroid after the first is a row drawn with probability proportional to weight times squared distance to the
 * nearest centroid so far; of 2 + floor(log k) rows drawn, the one that leaves the least sum of such distances is taken.
 * A few steps of local search follow, for k up to 256.
 *
 * Seeding works on a sample (each of equal strata of the row numbers gives one row), so that its cost, k * log k * sample
 * rows * columns, does not grow with the data, and data in a file are read once.  A sample with fewer distinct rows than
 * clusters is completed from all the data, which also tells whether there are enough.
 */
#include "kmeans_internal.h"

#include <math.h>
#include <string.h>

/* rows that local search looks at, and its steps for k clusters */
#define SEARCH_ROWS 8192		/* two blocks */
#define TRIALS(k) (2 + (int) log(k))	/* candidates for each centroid */
/* with few rows a cluster, the search would see chance only */
#define SEARCHED(params) ((params)->init == KMEANS_INIT_PLUSPLUS && (params)->k > 1 && (size_t) (params)->k * 32 <= SEARCH_ROWS)
#define SEARCH_STEPS(k) ((k) < 24 ? 2 * (k) + 16 : 64)
#define SEARCH_FIRST 10			/* iterations before the search, at most */
#define SEARCH_FORESIGHT 3		/* iterations after a swap, before it is judged */

/* ---------------------------------------------------------------- the sample */

typedef struct Sample
{
	EcmlData	data;			/* must be first */
	EcmlBlock  *blocks;			/* [nblocks] */
	float	   *x;				/* [nblocks][columns][ECML_BLOCK_ROWS] */
	double	   *w;				/* [rows] or NULL */
} Sample;

typedef struct Gather
{
	Sample	   *sample;
	const size_t *row;			/* [sample rows] which rows of the data, ascending */
	const size_t *start;		/* [data blocks + 1] the first sample row from each block */
	const KmeansPass *pass;
} Gather;

static size_t
sample_fetch(EcmlCtx *ctx, EcmlData *data, size_t first_block, EcmlBlock *blocks, size_t max)
{
	Sample	   *sample = (Sample *) data;
	size_t		left = data->nblocks - first_block;
	size_t		n = left < max ? left : max;

	ecml_poll(ctx, 0, 0);
	memcpy(blocks, sample->blocks + first_block, n * sizeof(EcmlBlock));
	return n;
}

/* task: the sample's rows from one block of the data */
static void
gather_task(void *arg, size_t i, int worker)
{
	Gather	   *gather = arg;
	Sample	   *sample = gather->sample;
	const EcmlBlock *block = &gather->pass->batch[i];
	size_t		b = gather->pass->first + i;
	size_t		from = gather->start[b];
	size_t		to = gather->start[b + 1];
	int			columns = sample->data.columns;

	(void) worker;
	while (from < to)
	{
		/* as far as one block of the sample goes */
		size_t		out = from / ECML_BLOCK_ROWS;
		size_t		end = (out + 1) * ECML_BLOCK_ROWS < to ? (out + 1) * ECML_BLOCK_ROWS : to;

		for (int j = 0; j < columns; j++)
		{
			const float *column = ECML_BLOCK_F4(block, j);
			float	   *x = sample->x + (out * columns + j) * ECML_BLOCK_ROWS;

			for (size_t r = from; r < end; r++)
				x[r % ECML_BLOCK_ROWS] = column[gather->row[r] - block->first];
		}
		if (sample->w)
			for (size_t r = from; r < end; r++)
				sample->w[r] = block->w ? block->w[gather->row[r] - block->first] : 1.0;
		from = end;
	}
}

static void
gather_batch(EcmlCtx *ctx, KmeansPass *pass, void *arg)
{
	((Gather *) arg)->pass = pass;
	ecml_parallel_for(ctx, pass->got, gather_task, arg);
}

EcmlData *
kmeans_sample(EcmlCtx *ctx, EcmlData *data, size_t wanted, EcmlRng rng)
{
	size_t		n = data->rows < wanted ? data->rows : wanted;
	Sample	   *sample = ECML_NEW0(ctx, Sample, 1);
	size_t	   *row = ECML_NEW(ctx, size_t, n);
	size_t	   *start = ECML_NEW(ctx, size_t, data->nblocks + 1);
	Gather		gather = {.sample = sample,.row = row,.start = start};
	size_t		b = 0;
	KmeansPass	pass;

	sample->data = *data;
	sample->data.rows = n;
	sample->data.nblocks = (n + ECML_BLOCK_ROWS - 1) / ECML_BLOCK_ROWS;
	sample->data.resident = true;
	sample->data.has_y = false;
	sample->data.fetch = sample_fetch;
	sample->x = ecml_alloc_array(ctx, sample->data.nblocks * ECML_BLOCK_ROWS, data->columns * sizeof(float));
	sample->w = data->has_w ? ECML_NEW(ctx, double, n) : NULL;
	sample->blocks = ECML_NEW0(ctx, EcmlBlock, sample->data.nblocks);
	for (size_t i = 0; i < sample->data.nblocks; i++)
	{
		EcmlBlock  *block = &sample->blocks[i];

		block->first = i * ECML_BLOCK_ROWS;
		block->rows = n - block->first < ECML_BLOCK_ROWS ? (int) (n - block->first) : ECML_BLOCK_ROWS;
		block->stride = ECML_BLOCK_ROWS;
		block->x = sample->x + block->first * data->columns;
		block->w = sample->w ? sample->w + block->first : NULL;
		/* the rest of the last block is read by vectors, so it must not be left uninitialised */
		for (int j = 0; j < data->columns; j++)
			memset(sample->x + (block->first * data->columns + (size_t) j * ECML_BLOCK_ROWS) + block->rows, 0,
				   (ECML_BLOCK_ROWS - block->rows) * sizeof(float));
	}

	start[0] = 0;
	for (size_t i = 0; i < n; i++)
	{
		size_t		low = (size_t) ((unsigned __int128) data->rows * i / n);
		size_t		high = (size_t) ((unsigned __int128) data->rows * (i + 1) / n);

		row[i] = low + ecml_rng_below(&rng, high - low);
		while (row[i] >= (b + 1) * ECML_BLOCK_ROWS)
			start[++b] = i;
	}
	while (b < data->nblocks)
		start[++b] = n;

	kmeans_pass_open(ctx, &pass, data, 1, 0);
	kmeans_pass_run(ctx, &pass, gather_batch, &gather, NULL);
	kmeans_pass_close(ctx, &pass);
	ecml_free(ctx, start);
	ecml_free(ctx, row);
	return &sample->data;
}

void
kmeans_sample_free(EcmlCtx *ctx, EcmlData *data)
{
	Sample	   *sample = (Sample *) data;

	ecml_free(ctx, sample->blocks);
	ecml_free(ctx, sample->w);
	ecml_free(ctx, sample->x);
	ecml_free(ctx, sample);
}

/* ---------------------------------------------------------------- variance, for the tolerance */

typedef struct Variance
{
	const KmeansKernels *kernels;
	const KmeansPass *pass;
	int			columns;
	const float *pivot;			/* [columns] the first row: keeps what is squared small */
} Variance;

/* slot: sums [columns], sums of squares [columns], weight */
static void
variance_task(void *arg, size_t slot, int worker)
{
	Variance   *v = arg;
	double	   *sum = v->pass->slot[slot];
	size_t		from;
	size_t		to;

	(void) worker;
	kmeans_pass_range(v->pass, slot, &from, &to);
	for (size_t b = from; b < to; b++)
	{
		const EcmlBlock *block = &v->pass->batch[b];

		for (int j = 0; j < v->columns; j++)
			v->kernels->moments(ECML_BLOCK_F4(block, j), block->w, block->rows, v->pivot[j], &sum[j], &sum[v->columns + j]);
		if (block->w)
			for (int i = 0; i < block->rows; i++)
				sum[2 * v->columns] += block->w[i];
		else
			sum[2 * v->columns] += block->rows;
	}
}

static void
variance_batch(EcmlCtx *ctx, KmeansPass *pass, void *arg)
{
	((Variance *) arg)->pass = pass;
	ecml_parallel_for(ctx, kmeans_pass_slots(pass), variance_task, arg);
}

double
kmeans_mean_variance(EcmlCtx *ctx, EcmlData *data)
{
	int			columns = data->columns;
	float	   *pivot = ECML_NEW(ctx, float, columns);
	double	   *total = ECML_NEW(ctx, double, 2 * (size_t) columns + 1);
	Variance	v = {.kernels = kmeans_kernels(),.columns = columns,.pivot = pivot};
	double		sum = 0;
	EcmlBlock	first;
	KmeansPass	pass;

	ecml_data_fetch(ctx, data, 0, &first, 1);
	for (int j = 0; j < columns; j++)
		pivot[j] = ECML_BLOCK_F4(&first, j)[0];
	kmeans_pass_open(ctx, &pass, data, 4, 2 * (size_t) columns + 1);
	kmeans_pass_run(ctx, &pass, variance_batch, &v, total);
	kmeans_pass_close(ctx, &pass);
	for (int j = 0; j < columns; j++)
	{
		double		mean = total[j] / total[2 * columns];
		double		variance = total[columns + j] / total[2 * columns] - mean * mean;

		sum += variance > 0 ? variance : 0;
	}
	ecml_free(ctx, total);
	ecml_free(ctx, pivot);
	return sum / columns;
}

/* ---------------------------------------------------------------- distinct rows */

/* A set of at most k distinct rows, by hashing: slots of an open table point into x. */
typedef struct Distinct
{
	int			columns;
	int			n;
	float	   *x;				/* [k][columns] */
	size_t		mask;
	int32_t    *table;			/* [mask + 1] number of a row, or -1 */
} Distinct;

static void
distinct_open(EcmlCtx *ctx, Distinct *d, int columns, int k)
{
	d->columns = columns;
	d->n = 0;
	d->x = ecml_alloc_array(ctx, k, columns * sizeof(float));
	for (d->mask = 15; d->mask < 4 * (size_t) k;)
		d->mask = 2 * d->mask + 1;
	d->table = ECML_NEW(ctx, int32_t, d->mask + 1);
	memset(d->table, 0xFF, (d->mask + 1) * sizeof(int32_t));
}

static void
distinct_close(EcmlCtx *ctx, Distinct *d)
{
	ecml_free(ctx, d->table);
	ecml_free(ctx, d->x);
}

/* Add row i of a block, unless it is there; was it new? */
static bool
distinct_add(Distinct *d, const EcmlBlock *block, int i)
{
	const float *x = ECML_BLOCK_F4(block, 0) + i;
	uint64_t	hash = 0;
	float	   *new;

	for (int j = 0; j < d->columns; j++)
	{
		float		value = x[(size_t) j * block->stride] + 0.0f;	/* -0 equals 0 */
		uint32_t	bits;

		memcpy(&bits, &value, sizeof(bits));
		hash = (hash ^ bits) * UINT64_C(0x9E3779B97F4A7C15);
		hash ^= hash >> 29;
	}
	for (size_t at = hash & d->mask;; at = (at + 1) & d->mask)
	{
		const float *known;
		int			j = 0;

		if (d->table[at] < 0)
		{
			d->table[at] = d->n;
			break;
		}
		known = d->x + (size_t) d->table[at] * d->columns;
		while (j < d->columns && known[j] == x[(size_t) j * block->stride])
			j++;
		if (j == d->columns)
			return false;
	}
	new = d->x + (size_t) d->n++ * d->columns;
	for (int j = 0; j < d->columns; j++)
		new[j] = x[(size_t) j * block->stride];
	return true;
}

/* Complete the set from all rows of the data, in their order; fail when there are not k distinct ones. */
static void
distinct_complete(EcmlCtx *ctx, Distinct *d, EcmlData *data, int k)
{
	EcmlBlock	block;

	for (size_t b = 0; b < data->nblocks && d->n < k; b++)
	{
		ecml_data_fetch(ctx, data, b, &block, 1);
		for (int i = 0; i < block.rows && d->n < k; i++)
			distinct_add(d, &block, i);
		ecml_poll(ctx, 0, 0);
	}
	if (d->n < k)
	{
		ecml_detail(ctx, "Distinct rows: %d; clusters: %d.", d->n, k);
		ecml_hint(ctx, "Ask for at most %d clusters, or add features that tell the rows apart.", d->n);
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "fewer distinct rows than clusters");
	}
}

/* ---------------------------------------------------------------- k-means++ */

typedef struct Seeding
{
	const KmeansKernels *kernels;
	Sample	   *sample;
	size_t		rows;			/* of the sample's blocks, nblocks * ECML_BLOCK_ROWS */
	int			points;			/* candidates at hand */
	float	   *point;			/* [points][columns] */
	const float *closest;		/* [rows] squared distance to the nearest centroid so far */
	float	   *candidate;		/* [points][rows] the same, were the candidate a centroid */
	double	   *sum;			/* [points][nblocks] weighted sums of candidate */
	KmeansScratch *scratch;
} Seeding;

/* task: all candidates against one block of the sample */
static void
closer_task(void *arg, size_t b, int worker)
{
	Seeding    *s = arg;
	const EcmlBlock *block = &s->sample->blocks[b];
	float	   *out = s->candidate + b * ECML_BLOCK_ROWS;

	s->kernels->closer(block->x, block->stride, block->rows, s->sample->data.columns, s->point, s->points,
					   s->scratch[worker].tile, s->closest + b * ECML_BLOCK_ROWS, out, s->rows);
	for (int p = 0; p < s->points; p++)
		s->sum[p * s->sample->data.nblocks + b] = s->kernels->sum(out + p * s->rows, block->w, block->rows);
}

/* Draw a row of the sample: weight times closest, or weight alone when that is NULL; sum [nblocks] holds those sums. */
static size_t
draw(const Seeding *s, const double *sum, const float *closest, EcmlRng *rng)
{
	size_t		nblocks = s->sample->data.nblocks;
	double		total = 0;
	double		left;
	size_t		b = 0;
	size_t		result = 0;
	const EcmlBlock *block;

	for (size_t i = 0; i < nblocks; i++)
		total += sum[i];
	left = ecml_rng_double(rng) * total;
	/* rounding may carry past the end: a block without mass is never taken */
	for (size_t i = 0; i < nblocks; i++)
	{
		if (sum[i] <= 0)
			continue;
		b = i;
		if (left < sum[i])
			break;
		left -= sum[i];
	}
	block = &s->sample->blocks[b];
	for (int i = 0; i < block->rows; i++)
	{
		double		mass = (closest ? closest[block->first + i] : 1.0) * (block->w ? block->w[i] : 1.0);

		if (mass <= 0)
			continue;
		result = block->first + i;
		if (left < mass)
			break;
		left -= mass;
	}
	return result;
}

static void
copy_row(const Sample *sample, size_t row, float *x)
{
	const EcmlBlock *block = &sample->blocks[row / ECML_BLOCK_ROWS];

	for (int j = 0; j < sample->data.columns; j++)
		x[j] = ECML_BLOCK_F4(block, j)[row % ECML_BLOCK_ROWS];
}

double
kmeans_sample_bytes(size_t rows, const KmeansParams *params, int columns, size_t scratch)
{
	int			k = params->k;
	double		whole = (double) ((rows + ECML_BLOCK_ROWS - 1) / ECML_BLOCK_ROWS * ECML_BLOCK_ROWS);
	double		part = whole < SEARCH_ROWS ? whole : SEARCH_ROWS;
	double		row = columns * sizeof(float);
	double		iterating = scratch + kmeans_iterate_bytes(k, columns);
	double		most = iterating;

	if (params->init == KMEANS_INIT_PLUSPLUS)
	{
		/* the distances to the nearest centroid and to each candidate */
		double		seeding = whole * (1 + TRIALS(k)) * sizeof(float) + scratch;

		most = seeding > most ? seeding : most;
	}
	if (SEARCHED(params))
	{
		/* what is noted of each row, costs, and a sample for it */
		double		search = part * 5 * sizeof(float) + part / ECML_BLOCK_ROWS * (k + 1) * sizeof(double) +
			(rows > SEARCH_ROWS ? part * row : 0) + scratch + iterating;

		most = search > most ? search : most;
	}
	return whole * row + most;
}

/* Choose up to k rows, to be added to the set; fewer when all rows of the sample lie on those chosen. */
static void
plusplus(EcmlCtx *ctx, Sample *sample, int k, EcmlRng *rng, Distinct *chosen)
{
	size_t		nblocks = sample->data.nblocks;
	int			columns = sample->data.columns;
	int			trials = TRIALS(k);
	int			workers = ecml_workers(ctx, SIZE_MAX);
	size_t	   *row = ECML_NEW(ctx, size_t, trials);
	double	   *sum = ECML_NEW(ctx, double, nblocks);
	Seeding		s = {.kernels = kmeans_kernels(),.sample = sample,.rows = nblocks * ECML_BLOCK_ROWS};
	float	   *closest = ECML_NEW(ctx, float, s.rows);

	s.closest = closest;
	s.point = ecml_alloc_array(ctx, trials, columns * sizeof(float));
	s.candidate = ecml_alloc_array(ctx, s.rows, trials * sizeof(float));
	s.sum = ecml_alloc_array(ctx, nblocks, trials * sizeof(double));
	s.scratch = kmeans_scratch(ctx, workers, columns, 0, 0);
	for (size_t i = 0; i < s.rows; i++)
		closest[i] = INFINITY;
	for (size_t b = 0; b < nblocks; b++)
	{
		const EcmlBlock *block = &sample->blocks[b];

		sum[b] = 0;
		for (int i = 0; i < block->rows; i++)
			sum[b] += block->w ? block->w[i] : 1.0;
	}
	for (int c = 0; c < k; c++)
	{
		double		least = INFINITY;
		double		total = 0;
		int			best = 0;

		for (size_t b = 0; b < nblocks; b++)
			total += sum[b];
		if (!(total > 0))
			break;
		s.points = c == 0 ? 1 : trials;
		for (int p = 0; p < s.points; p++)
		{
			row[p] = draw(&s, sum, c == 0 ? NULL : closest, rng);
			copy_row(sample, row[p], s.point + (size_t) p * columns);
		}
		ecml_parallel_for(ctx, nblocks, closer_task, &s);
		for (int p = 0; p < s.points; p++)
		{
			double		potential = 0;

			for (size_t b = 0; b < nblocks; b++)
				potential += s.sum[p * nblocks + b];
			if (potential < least)
			{
				least = potential;
				best = p;
			}
		}
		distinct_add(chosen, &sample->blocks[row[best] / ECML_BLOCK_ROWS], (int) (row[best] % ECML_BLOCK_ROWS));
		memcpy(closest, s.candidate + best * s.rows, s.rows * sizeof(float));
		memcpy(sum, s.sum + best * nblocks, nblocks * sizeof(double));
	}
	kmeans_scratch_free(ctx, s.scratch, workers);
	ecml_free(ctx, s.sum);
	ecml_free(ctx, s.candidate);
	ecml_free(ctx, s.point);
	ecml_free(ctx, closest);
	ecml_free(ctx, sum);
	ecml_free(ctx, row);
}

/* ---------------------------------------------------------------- local search */

typedef struct Search
{
	const KmeansKernels *kernels;
	Sample	   *sample;
	int			k;
	float	   *centroids;		/* [k][columns] */
	const float *point;			/* [columns] the row that might take a centroid's place */
	/* [nblocks][ECML_BLOCK_ROWS] */
	int32_t    *label;			/* nearest centroid */
	float	   *first;			/* squared distance to it */
	float	   *second;			/* to the next one */
	float	   *first_or;		/* to the nearest of it and the point */
	float	   *second_or;
	double	   *sum;			/* [nblocks] weighted sums of first */
	double	   *cost;			/* [nblocks][k + 1] what losing each centroid would add, and the sum with all of them */
	KmeansScratch *scratch;
} Search;

/* task: nearest and second centroid for one block */
static void
search_label_task(void *arg, size_t b, int worker)
{
	Search	   *s = arg;
	const EcmlBlock *block = &s->sample->blocks[b];
	size_t		at = b * ECML_BLOCK_ROWS;

	s->kernels->nearest(block->x, block->stride, block->rows, s->sample->data.columns, s->centroids, s->k,
						s->scratch[worker].tile, s->label + at, s->first + at, s->second + at);
	s->sum[b] = s->kernels->sum(s->first + at, block->w, block->rows);
}

/* task: what each swap with the point would cost, over one block */
static void
search_cost_task(void *arg, size_t b, int worker)
{
	Search	   *s = arg;
	const EcmlBlock *block = &s->sample->blocks[b];
	int			columns = s->sample->data.columns;
	size_t		at = b * ECML_BLOCK_ROWS;
	float	   *tile = s->scratch[worker].tile;
	double	   *cost = s->cost + b * (s->k + 1);

	s->kernels->closer(block->x, block->stride, block->rows, columns, s->point, 1, tile, s->first + at,
					   s->first_or + at, s->sample->data.nblocks * ECML_BLOCK_ROWS);
	s->kernels->closer(block->x, block->stride, block->rows, columns, s->point, 1, tile, s->second + at,
					   s->second_or + at, s->sample->data.nblocks * ECML_BLOCK_ROWS);
	memset(cost, 0, (s->k + 1) * sizeof(double));
	for (int i = 0; i < block->rows; i++)
		cost[s->label[at + i]] += (block->w ? block->w[i] : 1.0) * ((double) s->second_or[at + i] - s->first_or[at + i]);
	cost[s->k] = s->kernels->sum(s->first_or + at, block->w, block->rows);
}

/* Iterate a little on the search's rows; labels, distances and their sum, which is returned. */
static double
search_iterate(EcmlCtx *ctx, Search *s, int max_iter, double *centroids)
{
	double		total = 0;
	int			iterations;
	bool		converged;

	kmeans_iterate(ctx, &s->sample->data, s->k, max_iter, 0, centroids, &iterations, &converged);
	kmeans_to_float(centroids, s->k, s->sample->data.columns, s->centroids);
	ecml_parallel_for(ctx, s->sample->data.nblocks, search_label_task, s);
	for (size_t b = 0; b < s->sample->data.nblocks; b++)
		total += s->sum[b];
	return total;
}

/*
 * Local search (Lattanzi and Sohler 2019): draw a row as k-means++ does, and let it take the place of the centroid whose
 * loss costs least, if that lessens the sum of squared distances a few iterations later (Conrads et al. 2024 showed that
 * such foresight pays).  This undoes two centroids in one cluster, which iterations alone cannot.  Works on some rows of
 * the sample; centroids [k][pad], in place.
 */
static void
local_search(EcmlCtx *ctx, Sample *from, int k, EcmlRng *rng, double *centroids)
{
	int			workers = ecml_workers(ctx, SIZE_MAX);
	int			columns = from->data.columns;
	size_t		pad = KMEANS_PAD(columns);
	bool		own = from->data.rows > SEARCH_ROWS;
	Sample	   *sample = own ? (Sample *) kmeans_sample(ctx, &from->data, SEARCH_ROWS, *rng) : from;
	size_t		nblocks = sample->data.nblocks;
	size_t		rows = nblocks * ECML_BLOCK_ROWS;
	Seeding		seeding = {.sample = sample,.rows = rows};
	float	   *point = ECML_NEW(ctx, float, columns);
	double	   *trial = ecml_alloc_array(ctx, k, pad * sizeof(double));
	Search		s = {.kernels = kmeans_kernels(),.sample = sample,.k = k,.point = point};
	bool		stale = false;	/* the labels and distances are of a trial that failed */
	double		current;

	s.centroids = ecml_alloc_array(ctx, k, columns * sizeof(float));
	s.label = ECML_NEW(ctx, int32_t, rows);
	s.first = ECML_NEW(ctx, float, rows);
	s.second = ECML_NEW(ctx, float, rows);
	s.first_or = ECML_NEW(ctx, float, rows);
	s.second_or = ECML_NEW(ctx, float, rows);
	s.sum = ECML_NEW(ctx, double, nblocks);
	s.cost = ecml_alloc_array(ctx, nblocks, ((size_t) k + 1) * sizeof(double));
	s.scratch = kmeans_scratch(ctx, workers, columns, 0, 0);
	current = search_iterate(ctx, &s, SEARCH_FIRST, centroids);
	for (int step = 0; step < SEARCH_STEPS(k) && current > 0; step++)
	{
		double		least = INFINITY;
		double		reached;
		int			leaves = 0;

		if (stale)
		{
			kmeans_to_float(centroids, k, columns, s.centroids);
			ecml_parallel_for(ctx, nblocks, search_label_task, &s);
			stale = false;
		}
		copy_row(sample, draw(&seeding, s.sum, s.first, rng), point);
		ecml_parallel_for(ctx, nblocks, search_cost_task, &s);
		for (int c = 0; c < k; c++)
		{
			double		sum = 0;

			for (size_t b = 0; b < nblocks; b++)
				sum += s.cost[b * (k + 1) + c] + s.cost[b * (k + 1) + k];
			if (sum < least)
			{
				least = sum;
				leaves = c;
			}
		}
		/* too far off for a few iterations to make good */
		if (!(least < 1.5 * current))
			continue;
		memcpy(trial, centroids, k * pad * sizeof(double));
		for (int j = 0; j < columns; j++)
			trial[leaves * pad + j] = point[j];
		reached = search_iterate(ctx, &s, SEARCH_FORESIGHT, trial);
		if (reached < current)
		{
			current = reached;
			memcpy(centroids, trial, k * pad * sizeof(double));
		}
		else
			stale = true;
	}
	kmeans_scratch_free(ctx, s.scratch, workers);
	ecml_free(ctx, s.cost);
	ecml_free(ctx, s.sum);
	ecml_free(ctx, s.second_or);
	ecml_free(ctx, s.first_or);
	ecml_free(ctx, s.second);
	ecml_free(ctx, s.first);
	ecml_free(ctx, s.label);
	ecml_free(ctx, s.centroids);
	ecml_free(ctx, trial);
	ecml_free(ctx, point);
	if (own)
		kmeans_sample_free(ctx, &sample->data);
}

/* ---------------------------------------------------------------- random rows */

/* Rows in random order, until k distinct ones are found */
static void
random_rows(EcmlCtx *ctx, Sample *sample, int k, EcmlRng *rng, Distinct *chosen)
{
	size_t		n = sample->data.rows;
	uint32_t   *order = ECML_NEW(ctx, uint32_t, n);

	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t) i;
	for (size_t i = 0; i < n && chosen->n < k; i++)
	{
		size_t		other = i + ecml_rng_below(rng, n - i);
		uint32_t	row = order[other];

		order[other] = order[i];
		distinct_add(chosen, &sample->blocks[row / ECML_BLOCK_ROWS], (int) (row % ECML_BLOCK_ROWS));
		if (i % 4096 == 0)
			ecml_poll(ctx, 0, 0);
	}
	ecml_free(ctx, order);
}

void
kmeans_seed(EcmlCtx *ctx, EcmlData *data, EcmlData *sample, const KmeansParams *params, EcmlRng *rng, double *centroids)
{
	size_t		pad = KMEANS_PAD(data->columns);
	Distinct	chosen;

	distinct_open(ctx, &chosen, data->columns, params->k);
	if (params->init == KMEANS_INIT_RANDOM)
		random_rows(ctx, (Sample *) sample, params->k, rng, &chosen);
	else
		plusplus(ctx, (Sample *) sample, params->k, rng, &chosen);
	if (chosen.n < params->k)
		distinct_complete(ctx, &chosen, data, params->k);
	memset(centroids, 0, params->k * pad * sizeof(double));
	for (int c = 0; c < params->k; c++)
		for (int j = 0; j < data->columns; j++)
			centroids[c * pad + j] = chosen.x[(size_t) c * data->columns + j];
	distinct_close(ctx, &chosen);
	if (SEARCHED(params))
		local_search(ctx, (Sample *) sample, params->k, rng, centroids);
}
