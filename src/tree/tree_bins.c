/*
 * tree_bins.c - from rows of floats to a byte a value
 *
 * The first pass over the rows finds each column's range and missing values, and takes the sample: one row of each of so many
 * strata, drawn by the seed.  Columns are then cut one by one (a task each), and the second pass bins block by block.
 *
 * Cuts follow the greedy equal-frequency rule that is usual for histograms of trees (Ke et al. 2017, LightGBM): a value that
 * alone fills a bin stands alone, and the others share the bins that are left evenly.  A cut lies about halfway between the two values
 * that it parts.  The extremes of all rows count as sampled, so that a column which varies is never taken for constant.
 */
#include "tree_bins.h"

#include <math.h>
#include <string.h>

/* values sampled over all columns, at most: of wide rows fewer are taken */
#define MAX_SAMPLED ((size_t) 16 << 20)

typedef struct Range
{
	float		low;			/* of what is not NaN; low > high: nothing is */
	float		high;
	bool		missing;
} Range;

typedef struct Build
{
	EcmlCtx    *ctx;
	EcmlData   *data;
	const TreeBinsParams *params;
	TreeBins   *bins;
	EcmlBlock	blocks[ECML_FETCH];
	size_t		first_block;	/* number of blocks[0] */

	/* the sample */
	size_t		nsample;
	size_t	   *at;				/* [nsample] ascending: the row's number */
	size_t	   *at_block;		/* [blocks of the data + 1] where a block's rows begin in at */
	float	   *sample;			/* [features][nsample] */
	float	   *sample_weight;	/* [nsample] or NULL */
	Range	   *ranges;			/* [ECML_FETCH][features] of the blocks at hand */
	Range	   *range;			/* [features] of all rows */

	/* of each worker */
	uint64_t  **pairs;			/* [workers] [2][nsample + 2] */
	double	  **counts;			/* [workers] [nsample + 2] */
	uint8_t   **tiles;			/* [workers] [8][ECML_BLOCK_ROWS] */

	/* by feature, until the columns that are kept are known */
	TreeBinColumn *column;			/* [features] */
	double	  **upper;			/* [features] room for the cuts, or NULL */
	float	  **cuts;			/* [features] [256] the same as floats about the origin, then infinity */
	uint8_t   **bin_of;			/* [features] or NULL */
} Build;

/* ---------------------------------------------------------------- the first pass */

ECML_CLONES static void
find_range(const float *restrict x, int n, Range *range)
{
	float		low = INFINITY;
	float		high = -INFINITY;
	int			missing = 0;

#pragma omp simd reduction(min:low) reduction(max:high) reduction(+:missing)
	for (int i = 0; i < n; i++)
	{
		low = x[i] < low ? x[i] : low;
		high = x[i] > high ? x[i] : high;
		missing += x[i] != x[i];
	}
	range->low = low;
	range->high = high;
	range->missing = missing > 0;
}

static void
look_task(void *arg, size_t i, int worker)
{
	Build	   *build = arg;
	const EcmlBlock *block = &build->blocks[i];
	int			features = build->params->features;
	size_t		from = build->at_block[build->first_block + i];
	size_t		to = build->at_block[build->first_block + i + 1];

	for (int j = 0; j < features; j++)
	{
		const float *x = ECML_BLOCK_F4(block, j);
		float	   *sample = build->sample + j * build->nsample;

		find_range(x, block->rows, &build->ranges[i * features + j]);
		for (size_t s = from; s < to; s++)
			sample[s] = x[build->at[s] - block->first];
	}
	if (build->sample_weight)
		for (size_t s = from; s < to; s++)
			build->sample_weight[s] = (float) block->w[build->at[s] - block->first];
}

/* One row of each of nsample strata. */
static void
choose_sample(Build *build)
{
	EcmlCtx    *ctx = build->ctx;
	size_t		rows = build->data->rows;
	size_t		n = build->params->sample;
	EcmlRng		rng = ecml_rng_stream(&ctx->rng, 101);
	size_t		b = 0;

	if (n > MAX_SAMPLED / build->params->features)
		n = MAX_SAMPLED / build->params->features;
	if (n > rows)
		n = rows;
	build->nsample = n;
	build->at = ECML_NEW(ctx, size_t, n);
	build->at_block = ECML_NEW0(ctx, size_t, build->data->nblocks + 1);
	for (size_t s = 0; s < n; s++)
	{
		size_t		low = (size_t) ((unsigned __int128) s * rows / n);
		size_t		high = (size_t) ((unsigned __int128) (s + 1) * rows / n);

		build->at[s] = low + (high - low > 1 ? ecml_rng_below(&rng, high - low) : 0);
		for (; b < build->at[s] / ECML_BLOCK_ROWS; b++)
			build->at_block[b + 1] = s;
	}
	for (; b < build->data->nblocks; b++)
		build->at_block[b + 1] = n;
}

static void
look(Build *build)
{
	EcmlCtx    *ctx = build->ctx;
	EcmlData   *data = build->data;
	int			features = build->params->features;
	size_t		got;

	build->sample = ecml_alloc_array(ctx, features, build->nsample * sizeof(float));
	build->sample_weight = data->has_w ? ECML_NEW(ctx, float, build->nsample) : NULL;
	build->range = ECML_NEW(ctx, Range, features);
	build->ranges = ecml_alloc_array(ctx, ECML_FETCH, features * sizeof(Range));
	for (int j = 0; j < features; j++)
		build->range[j] = (Range) {.low = INFINITY,.high = -INFINITY};
	for (size_t b = 0; b < data->nblocks; b += got)
	{
		got = ecml_data_fetch(ctx, data, b, build->blocks, ECML_FETCH);
		build->first_block = b;
		ecml_parallel_for(ctx, got, look_task, build);
		for (size_t i = 0; i < got; i++)
			for (int j = 0; j < features; j++)
			{
				const Range *range = &build->ranges[i * features + j];

				build->range[j].low = fminf(build->range[j].low, range->low);
				build->range[j].high = fmaxf(build->range[j].high, range->high);
				build->range[j].missing |= range->missing;
			}
	}
	ecml_free(ctx, build->ranges);
}

/* ---------------------------------------------------------------- cuts */

/* A float's bits, so that they sort as the floats do; and back. */
static inline uint32_t
sort_key(float x)
{
	uint32_t	bits;

	x += 0.0f;					/* -0 is 0 */
	memcpy(&bits, &x, sizeof(bits));
	return bits & UINT32_C(0x80000000) ? ~bits : bits | UINT32_C(0x80000000);
}

static inline float
from_key(uint32_t key)
{
	float		x;

	key = key & UINT32_C(0x80000000) ? key & UINT32_C(0x7fffffff) : ~key;
	memcpy(&x, &key, sizeof(x));
	return x;
}

/* Sort by the upper halves, eleven bits at a time; the result is in one of the two halves of pairs [2][room]. */
static uint64_t *
sort_pairs(uint64_t *pairs, uint64_t *other, size_t n)
{
	size_t		count[3][2048];

	memset(count, 0, sizeof(count));
	for (size_t i = 0; i < n; i++)
		for (int pass = 0; pass < 3; pass++)
			count[pass][pairs[i] >> (32 + 11 * pass) & 2047]++;
	for (int pass = 0; pass < 3; pass++)
	{
		size_t		sum = 0;
		uint64_t   *swap = pairs;

		if (count[pass][pairs[0] >> (32 + 11 * pass) & 2047] == n)
			continue;
		for (int k = 0; k < 2048; k++)
		{
			size_t		here = count[pass][k];

			count[pass][k] = sum;
			sum += here;
		}
		for (size_t i = 0; i < n; i++)
			other[count[pass][pairs[i] >> (32 + 11 * pass) & 2047]++] = pairs[i];
		pairs = other;
		other = swap;
	}
	return pairs;
}

static uint64_t
make_pair(float x, float weight)
{
	uint32_t	bits;

	memcpy(&bits, &weight, sizeof(bits));
	return (uint64_t) sort_key(x) << 32 | bits;
}

static float
pair_weight(uint64_t pair)
{
	uint32_t	bits = (uint32_t) pair;
	float		weight;

	memcpy(&weight, &bits, sizeof(weight));
	return weight;
}

/*
 * Which of the n values end a bin: last[0 .. result-1], without the last value itself.  count [n] weights, of sum total; rows:
 * what counts for min_in_bin is total / rows a row.
 */
static int
choose_cuts(const double *count, size_t n, double total, double least, int max_bins, size_t *last)
{
	double		mean = total / max_bins;
	double		big = mean;		/* fills a bin alone */
	double		rest = total;
	double		here = 0;
	int			left = max_bins;	/* bins that are not of big values */
	int			ncuts = 0;

	for (size_t i = 0; i < n; i++)
		if (count[i] >= big)
		{
			rest -= count[i];
			left--;
		}
	mean = left > 0 ? rest / left : rest;
	for (size_t i = 0; i + 1 < n && ncuts < max_bins - 1; i++)
	{
		bool		alone = count[i] >= big;

		here += count[i];
		if (!alone)
			rest -= count[i];
		if (alone || (here >= mean && here >= least) || (count[i + 1] >= big && here >= fmax(least, mean / 2)))
		{
			last[ncuts++] = i;
			here = 0;
			if (!alone)
			{
				left--;
				mean = left > 0 ? rest / left : rest;
			}
		}
	}
	return ncuts;
}

/* The shortest decimal within the middle half of the range from a to b: people read thresholds. */
static double
short_middle(double a, double b)
{
	double		low = a + (b - a) / 4;
	double		high = b - (b - a) / 4;
	double		middle = a + (b - a) / 2;

	/* the first step finds none, the third one always does */
	for (int digits = -(int) floor(log10(b - a)) - 1; high > low && digits < 300 && digits > -300; digits++)
	{
		double		step = pow(10, fabs((double) digits));
		double		value = digits < 0 ? rint(middle / step) * step : rint(middle * step) / step;

		if (value >= low && value <= high)
			return value;
		if (!isfinite(value) || digits > -(int) floor(log10(b - a)) + 2)
			break;
	}
	return middle;
}

/* Between two floats about an origin: as a number of the column's units, and as the greatest float that is left of it. */
static void
place_cut(float a, float b, double origin, double *upper, float *cut)
{
	double		value = short_middle(origin + a, origin + b);
	double		middle;

	if (!(value < origin + b))
		value = origin + a;
	*upper = value;
	middle = value - origin;
	if (!(middle >= a && middle < b))
		middle = a;
	*cut = (float) middle;
	if (*cut > middle)
		*cut = nextafterf(*cut, -INFINITY);
}

static void
cut_number(Build *build, int j, int worker)
{
	const float *sample = build->sample + j * build->nsample;
	const Range *range = &build->range[j];
	const TreeBinsParams *params = build->params;
	uint64_t   *pairs = build->pairs[worker];
	uint64_t   *other = pairs + build->nsample + 2;
	double	   *count = build->counts[worker];
	double		origin = build->data->origin ? build->data->origin[j] : 0;
	TreeBinColumn *column = &build->column[j];
	size_t		last[TREE_MAX_BINS];
	size_t		n = 0;
	size_t		distinct = 0;
	double		total = 0;
	int			ncuts = 0;

	for (size_t s = 0; s < build->nsample; s++)
		if (sample[s] == sample[s])
			pairs[n++] = make_pair(sample[s], build->sample_weight ? build->sample_weight[s] : 1);
	if (range->low <= range->high)
	{
		pairs[n++] = make_pair(range->low, 0);
		pairs[n++] = make_pair(range->high, 0);
	}
	if (n > 0)
		pairs = sort_pairs(pairs, other, n);
	/* equal values together: the value stays in pairs, its weight goes to count */
	for (size_t i = 0; i < n; i++)
	{
		double		weight = pair_weight(pairs[i]);

		total += weight;
		if (distinct > 0 && pairs[distinct - 1] >> 32 == pairs[i] >> 32)
			count[distinct - 1] += weight;
		else
		{
			pairs[distinct] = pairs[i];
			count[distinct++] = weight;
		}
	}
	if (distinct <= (size_t) params->max_bins)
	{
		for (size_t i = 0; i + 1 < distinct; i++)
			last[ncuts++] = i;
	}
	else
		ncuts = choose_cuts(count, distinct, total, params->min_in_bin * total / build->nsample, params->max_bins, last);
	for (int c = 0; c < ncuts; c++)
		place_cut(from_key((uint32_t) (pairs[last[c]] >> 32)), from_key((uint32_t) (pairs[last[c] + 1] >> 32)), origin,
				  &build->upper[j][c], &build->cuts[j][c]);
	for (int c = ncuts; c < 256; c++)
		build->cuts[j][c] = INFINITY;
	column->values = ncuts + 1;
	column->upper = build->upper[j];
}

/* Categories by falling weight in the sample; when there are too many, the rarest share the last bin. */
static void
cut_category(Build *build, int j, int worker)
{
	const float *sample = build->sample + j * build->nsample;
	TreeBinColumn *column = &build->column[j];
	int			categories = build->params->categories[j];
	int			max_bins = build->params->max_bins;
	uint8_t    *bin_of = build->bin_of[j];
	double	   *count = build->counts[worker];
	int			order[TREE_MAX_BINS];
	int			values = categories < max_bins ? categories : max_bins;
	int			singles = categories <= max_bins ? values : values - 1;

	memset(count, 0, categories * sizeof(double));
	for (size_t s = 0; s < build->nsample; s++)
		if (sample[s] >= 0 && sample[s] < categories)
			count[(int) sample[s]] += build->sample_weight ? build->sample_weight[s] : 1;
	/* the singles greatest counts by insertion, ties in the order of the codes */
	for (int c = 0, n = 0; c < categories; c++)
	{
		int			k = n < singles ? n++ : n;

		if (k == singles && (singles == 0 || count[c] <= count[order[k - 1]]))
			continue;
		if (k == singles)
			k--;
		for (; k > 0 && count[order[k - 1]] < count[c]; k--)
			order[k] = order[k - 1];
		order[k] = c;
	}
	memset(bin_of, values - 1, categories);
	for (int k = 0; k < singles; k++)
		bin_of[order[k]] = (uint8_t) k;
	column->values = values;
	column->categories = categories;
	column->bin_of = bin_of;
	column->grouped = categories > max_bins;
}

static void
cut_task(void *arg, size_t j, int worker)
{
	Build	   *build = arg;

	if (build->bin_of[j])
		cut_category(build, (int) j, worker);
	else
		cut_number(build, (int) j, worker);
}

static void
cut(Build *build)
{
	EcmlCtx    *ctx = build->ctx;
	TreeBins   *bins = build->bins;
	int			features = build->params->features;
	int			workers = ecml_workers(ctx, features);
	size_t		room = build->nsample + 2;

	build->column = ECML_NEW0(ctx, TreeBinColumn, features);
	build->upper = ECML_NEW0(ctx, double *, features);
	build->cuts = ECML_NEW0(ctx, float *, features);
	build->bin_of = ECML_NEW0(ctx, uint8_t *, features);
	for (int j = 0; j < features; j++)
	{
		int			categories = build->params->categories ? build->params->categories[j] : 0;

		if (categories > 0)
		{
			build->bin_of[j] = ECML_NEW(ctx, uint8_t, categories);
			if ((size_t) categories > room)
				room = categories;
		}
		else
		{
			build->upper[j] = ECML_NEW(ctx, double, TREE_MAX_BINS);
			build->cuts[j] = ECML_NEW(ctx, float, 256);
		}
	}
	build->pairs = ECML_NEW0(ctx, uint64_t *, workers);
	build->counts = ECML_NEW0(ctx, double *, workers);
	for (int t = 0; t < workers; t++)
	{
		build->pairs[t] = ecml_alloc_array(ctx, 2 * (build->nsample + 2), sizeof(uint64_t));
		build->counts[t] = ECML_NEW(ctx, double, room);
	}
	ecml_parallel_for(ctx, features, cut_task, build);
	for (int t = 0; t < workers; t++)
	{
		ecml_free(ctx, build->pairs[t]);
		ecml_free(ctx, build->counts[t]);
	}
	ecml_free(ctx, build->pairs);
	ecml_free(ctx, build->counts);
	ecml_free(ctx, build->sample);
	ecml_free(ctx, build->sample_weight);

	/* keep what varies */
	bins->column = ECML_NEW0(ctx, TreeBinColumn, features);
	bins->first = ECML_NEW(ctx, int, features + 1);
	for (int j = 0; j < features; j++)
	{
		TreeBinColumn *column = &build->column[j];
		bool		missing = build->range[j].missing || (column->categories > 0 && build->range[j].low < 0);

		column->feature = j;
		column->missing = missing ? column->values : TREE_NO_BIN;
		column->bins = column->values + missing;
		if (column->bins >= 2 &&
			(build->range[j].low < build->range[j].high || (missing && build->range[j].low <= build->range[j].high)))
		{
			bins->first[bins->columns] = bins->total;
			bins->total += column->bins;
			bins->column[bins->columns++] = *column;
		}
		else
		{
			ecml_free(ctx, build->upper[j]);
			ecml_free(ctx, build->bin_of[j]);
		}
	}
	bins->first[bins->columns] = bins->total;
}

/* ---------------------------------------------------------------- the second pass */

/*
 * Bins of n numbers: how many of the cuts (2^levels - 1, the last ones infinite) lie below; NaN: missing.  Eight searches go on
 * side by side.  Not in clones: processors that are patched against gather data sampling gather slowly.
 */
static inline __attribute__((always_inline)) void
bin_levels(const float *restrict x, int n, const float *restrict cuts, int missing, uint8_t *restrict out, const int levels)
{
	int			i = 0;

	for (; i + 8 <= n; i += 8)
	{
		uint32_t	at[8] = {0};

#pragma GCC unroll 8
		for (int level = levels - 1; level >= 0; level--)
#pragma GCC unroll 8
			for (int k = 0; k < 8; k++)
				at[k] += (uint32_t) (cuts[at[k] + (1 << level) - 1] < x[i + k]) << level;
#pragma GCC unroll 8
		for (int k = 0; k < 8; k++)
			out[i + k] = (uint8_t) (x[i + k] != x[i + k] ? missing : (int) at[k]);
	}
	for (; i < n; i++)
	{
		uint32_t	at = 0;

		for (int level = levels - 1; level >= 0; level--)
			at += (uint32_t) (cuts[at + (1 << level) - 1] < x[i]) << level;
		out[i] = (uint8_t) (x[i] != x[i] ? missing : (int) at);
	}
}

static void
bin_numbers(const float *x, int n, const float *cuts, int values, int missing, uint8_t *out)
{
	if (values <= 2)
		bin_levels(x, n, cuts, missing, out, 1);
	else if (values <= 4)
		bin_levels(x, n, cuts, missing, out, 2);
	else if (values <= 16)
		bin_levels(x, n, cuts, missing, out, 4);
	else if (values <= 64)
		bin_levels(x, n, cuts, missing, out, 6);
	else
		bin_levels(x, n, cuts, missing, out, 8);
}

static void
bin_categories(const float *x, int n, const TreeBinColumn *column, uint8_t *out)
{
	for (int i = 0; i < n; i++)
		out[i] = x[i] >= 0 && x[i] < column->categories ? column->bin_of[(int) x[i]] : (uint8_t) column->values;
}

/* Eight rows of eight columns: byte r of in[c] becomes byte c of out[r]. */
static inline __attribute__((always_inline)) void
transpose_8x8(const uint64_t *in, uint64_t *out)
{
	uint64_t	v[8];

	memcpy(v, in, sizeof(v));
#define EXCHANGE(a, b, shift, mask) \
	do { \
		uint64_t	t = ((v[a] >> (shift)) ^ v[b]) & (mask); \
		v[a] ^= t << (shift); \
		v[b] ^= t; \
	} while (0)
	for (int i = 0; i < 4; i++)
		EXCHANGE(i, i + 4, 32, UINT64_C(0x00000000FFFFFFFF));
	for (int i = 0; i < 8; i += 4)
	{
		EXCHANGE(i, i + 2, 16, UINT64_C(0x0000FFFF0000FFFF));
		EXCHANGE(i + 1, i + 3, 16, UINT64_C(0x0000FFFF0000FFFF));
	}
	for (int i = 0; i < 8; i += 2)
		EXCHANGE(i, i + 1, 8, UINT64_C(0x00FF00FF00FF00FF));
#undef EXCHANGE
	memcpy(out, v, sizeof(v));
}

/* Put n columns (at most 8) of rows values each into rows of a width. */
ECML_CLONES static void
put_rows(const uint8_t *const *columns, int n, int rows, uint8_t *out, size_t width)
{
	int			i = 0;

	if (n == 8)
		for (; i + 8 <= rows; i += 8)
		{
			uint64_t	in[8];
			uint64_t	turned[8];

			for (int c = 0; c < 8; c++)
				memcpy(&in[c], columns[c] + i, 8);
			transpose_8x8(in, turned);
			for (int r = 0; r < 8; r++)
				memcpy(out + (size_t) (i + r) * width, &turned[r], 8);
		}
	for (; i < rows; i++)
		for (int c = 0; c < n; c++)
			out[(size_t) i * width + c] = columns[c][i];
}

static void
bin_task(void *arg, size_t i, int worker)
{
	Build	   *build = arg;
	const EcmlBlock *block = &build->blocks[i];
	TreeBins   *bins = build->bins;
	size_t		b = block->first / TREE_BLOCK;
	size_t		at = block->first % TREE_BLOCK;
	size_t		width = bins->columns;
	size_t		stride = tree_block_stride(bins, b);

	for (int from = 0; from < bins->columns; from += 8)
	{
		int			n = bins->columns - from < 8 ? bins->columns - from : 8;
		const uint8_t *columns[8];

		for (int c = 0; c < n; c++)
		{
			const TreeBinColumn *column = &bins->column[from + c];
			const float *x = ECML_BLOCK_F4(block, column->feature);
			uint8_t    *out = bins->col ? bins->col[b] + (from + c) * stride + at : build->tiles[worker] + c * ECML_BLOCK_ROWS;

			if (column->categories > 0)
				bin_categories(x, block->rows, column, out);
			else
				bin_numbers(x, block->rows, build->cuts[column->feature], column->values, column->values, out);
			columns[c] = out;
		}
		put_rows(columns, n, block->rows, bins->row[b] + at * width + from, width);
	}
	if (bins->y)
		memcpy(bins->y + block->first, block->y, block->rows * sizeof(double));
	if (bins->w)
		memcpy(bins->w + block->first, block->w, block->rows * sizeof(double));
}

static void
bin(Build *build)
{
	EcmlCtx    *ctx = build->ctx;
	EcmlData   *data = build->data;
	TreeBins   *bins = build->bins;
	int			workers = ecml_workers(ctx, ECML_FETCH);
	size_t		got;

	bins->nblocks = (bins->rows + TREE_BLOCK - 1) / TREE_BLOCK;
	bins->row = ECML_NEW0(ctx, uint8_t *, bins->nblocks);
	if (build->params->columns && ecml_fits(ctx, 4 * bins->rows * bins->columns))
		bins->col = ECML_NEW0(ctx, uint8_t *, bins->nblocks);
	else
	{
		build->tiles = ECML_NEW0(ctx, uint8_t *, workers);
		for (int t = 0; t < workers; t++)
			build->tiles[t] = ECML_NEW(ctx, uint8_t, 8 * ECML_BLOCK_ROWS);
	}
	bins->y = data->has_y ? ECML_NEW(ctx, double, bins->rows) : NULL;
	bins->w = data->has_w ? ECML_NEW(ctx, double, bins->rows) : NULL;
	for (size_t b = 0; b < data->nblocks; b += got)
	{
		got = ecml_data_fetch(ctx, data, b, build->blocks, ECML_FETCH);
		for (size_t i = 0; i < got; i++)
		{
			size_t		k = build->blocks[i].first / TREE_BLOCK;

			if (bins->row[k] == NULL)
				bins->row[k] = ecml_alloc(ctx, (size_t) tree_block_rows(bins, k) * bins->columns + ECML_ALIGN);
			if (bins->col && bins->col[k] == NULL)
				bins->col[k] = ecml_alloc(ctx, tree_block_stride(bins, k) * bins->columns + ECML_ALIGN);
		}
		ecml_parallel_for(ctx, got, bin_task, build);
		for (size_t i = 0; i < got; i++)
		{
			if (build->params->visit)
				build->params->visit(build->params->arg, &build->blocks[i]);
			ecml_data_discard(ctx, data, b + i);
		}
	}
	if (build->tiles)
		for (int t = 0; t < workers; t++)
			ecml_free(ctx, build->tiles[t]);
	ecml_free(ctx, build->tiles);
}

TreeBins *
tree_bins_make(EcmlCtx *ctx, EcmlData *data, const TreeBinsParams *params)
{
	Build	   *build = ECML_NEW0(ctx, Build, 1);
	TreeBins   *bins = ECML_NEW0(ctx, TreeBins, 1);

	build->ctx = ctx;
	build->data = data;
	build->params = params;
	build->bins = bins;
	bins->rows = data->rows;
	bins->features = params->features;
	choose_sample(build);
	look(build);
	cut(build);
	bin(build);
	for (int j = 0; j < params->features; j++)
		ecml_free(ctx, build->cuts[j]);
	ecml_free(ctx, build->cuts);
	ecml_free(ctx, build->upper);
	ecml_free(ctx, build->bin_of);
	ecml_free(ctx, build->column);
	ecml_free(ctx, build->range);
	ecml_free(ctx, build->at);
	ecml_free(ctx, build->at_block);
	ecml_free(ctx, build);
	return bins;
}

void
tree_bins_free(EcmlCtx *ctx, TreeBins *bins)
{
	for (size_t b = 0; b < bins->nblocks; b++)
	{
		ecml_free(ctx, bins->row[b]);
		if (bins->col)
			ecml_free(ctx, bins->col[b]);
	}
	for (int j = 0; j < bins->columns; j++)
	{
		ecml_free(ctx, (void *) bins->column[j].upper);
		ecml_free(ctx, (void *) bins->column[j].bin_of);
	}
	ecml_free(ctx, bins->row);
	ecml_free(ctx, bins->col);
	ecml_free(ctx, bins->column);
	ecml_free(ctx, bins->first);
	ecml_free(ctx, bins->y);
	ecml_free(ctx, bins->w);
	ecml_free(ctx, bins);
}

void
tree_bins_words(const TreeBinColumn *column, const bool *goes, uint32_t *words)
{
	for (int c = 0; c < column->categories; c++)
		if (goes[column->bin_of[c]])
			words[c / 32] |= UINT32_C(1) << (c % 32);
}
