/*
 * quantile.c - quantiles of a column in one pass, mergeable
 *
 * The random mergeable summary of Agarwal, Cormode, Huang, Phillips, Wei, Yi ("Mergeable summaries", PODS 2012) with
 * the sampling that Karnin, Lang and Liberty put under theirs (FOCS 2016).  Values fill a buffer of 4,096; a full one
 * is sorted, and every second item, the first or the second of each pair by a coin, becomes a run of level 1.  Two
 * runs of one level are merged and halved in the same way to a run of the next one, as a binary counter carries.
 * From 2^20 values on, the buffer takes one at random of each 2, 4, 8, ... values in turn, so that what is sorted
 * stays below 2^20 items.
 *
 * Error: a halving moves a rank by at most the weight of an item, and up or down by a coin.  Summed over all levels
 * that is a standard deviation of 0.04 % of the number of values; the sampling adds at most 0.07 %.
 * ECML_QUANTILE_ERROR, 0.3 %, is beyond three of both together.  Up to 4,096 values everything is exact.
 *
 * Cost: 10 to 15 ns a value of a random order (a radix sort of the buffer), 2 ns of an ascending one; 32 KB and 16 KB
 * for each doubling from 4,096 values on.
 * Which values are chosen depends on the seed and the order of the values alone; merged parts choose otherwise than
 * the whole.
 */
#include "quantile.h"

#include <math.h>
#include <string.h>

#include "rng.h"

#define EXACT ECML_QUANTILE_EXACT
#define RUN ECML_QUANTILE_RUN
#define LEVELS ECML_QUANTILE_LEVELS
#define MAX_ITEMS_LOG2 20		/* of those that are not sampled away */
#define MAX_SHIFT (LEVELS - 4)

#define DIGIT_BITS 11
#define DIGITS 6
#define BUCKETS (1 << DIGIT_BITS)

static uint64_t
draw(EcmlQuantiles *q)
{
	return ecml_splitmix64(&q->state);
}

/* ------------------------------------------------------------------------------------------------ sorting */

/* Bits whose order as an unsigned integer is that of the doubles. */
static inline uint64_t
key_of(double x)
{
	uint64_t	bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits ^ ((uint64_t) ((int64_t) bits >> 63) | UINT64_C(0x8000000000000000));
}

static inline double
value_of(uint64_t key)
{
	double		x;

	key ^= (key >> 63) ? UINT64_C(0x8000000000000000) : ~UINT64_C(0);
	memcpy(&x, &key, sizeof(x));
	return x;
}

/* At most EXACT values: least significant digits first, digits that all have in common left out. */
static void
sort_values(double *x, int n)
{
	uint64_t	one[EXACT];
	uint64_t	two[EXACT];
	uint16_t	counts[DIGITS][BUCKETS];
	uint64_t   *from = one;
	uint64_t   *to = two;
	bool		sorted = true;

	for (int i = 1; i < n; i++)
		sorted &= x[i - 1] <= x[i];
	if (sorted)
		return;
	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < n; i++)
	{
		uint64_t	key = key_of(x[i]);

		one[i] = key;
		for (int d = 0; d < DIGITS; d++)
			counts[d][(key >> (d * DIGIT_BITS)) & (BUCKETS - 1)]++;
	}
	for (int d = 0; d < DIGITS; d++)
	{
		uint16_t   *count = counts[d];
		unsigned	sum = 0;
		uint64_t   *swap = from;

		if (count[(from[0] >> (d * DIGIT_BITS)) & (BUCKETS - 1)] == n)
			continue;
		for (int b = 0; b < BUCKETS; b++)
		{
			unsigned	c = count[b];

			count[b] = (uint16_t) sum;
			sum += c;
		}
		for (int i = 0; i < n; i++)
			to[count[(from[i] >> (d * DIGIT_BITS)) & (BUCKETS - 1)]++] = from[i];
		from = to;
		to = swap;
	}
	for (int i = 0; i < n; i++)
		x[i] = value_of(from[i]);
}

/* ------------------------------------------------------------------------------------------------ the summary */

void
ecml_quantiles_init(EcmlQuantiles *q, uint64_t seed)
{
	memset(q, 0, sizeof(*q));
	q->state = seed;
}

/* A run of level; it is owned by q from here on. */
static void
carry(EcmlCtx *ctx, EcmlQuantiles *q, double *run, int level)
{
	while (q->runs[level] != NULL)
	{
		const double *other = q->runs[level];
		double		merged[2 * RUN];
		int			coin = (int) (draw(q) >> 63);

		for (int i = 0, j = 0; i + j < 2 * RUN;)
		{
			bool		take = j == RUN || (i < RUN && run[i] <= other[j]);

			merged[i + j] = take ? run[i] : other[j];
			i += take;
			j += !take;
		}
		for (int i = 0; i < RUN; i++)
			run[i] = merged[2 * i + coin];
		ecml_free(ctx, q->runs[level]);
		q->runs[level] = NULL;
		/* 2^47 runs of 2,048 values are more than a count of rows holds */
		if (++level >= LEVELS)
			ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "too many values for a sketch of quantiles");
	}
	q->runs[level] = run;
}

/* Empty the full buffer. */
static void
compact(EcmlCtx *ctx, EcmlQuantiles *q)
{
	double	   *run = ECML_NEW(ctx, double, RUN);
	int			coin = (int) (draw(q) >> 63);

	sort_values(q->buffer, EXACT);
	for (int i = 0; i < RUN; i++)
		run[i] = q->buffer[2 * i + coin];
	q->count = 0;
	carry(ctx, q, run, q->shift + 1);
}

/* Make room for a value, and for up to more others if that is cheap. */
static void
ready_buffer(EcmlCtx *ctx, EcmlQuantiles *q, size_t more)
{
	if (q->count == q->capacity && q->capacity < EXACT)
	{
		int			capacity = q->capacity < 32 ? 64 : 2 * q->capacity;

		while (capacity < EXACT && (size_t) capacity < q->count + more)
			capacity *= 2;
		q->capacity = capacity < EXACT ? capacity : EXACT;
		q->buffer = ecml_resize_array(ctx, q->buffer, q->capacity, sizeof(double));
	}
	if (q->count == EXACT)
	{
		compact(ctx, q);
		/* between two groups of values, or the weights in the buffer would differ */
		while (q->seen == 0 && (q->n >> q->shift) >> MAX_ITEMS_LOG2 != 0 && q->shift < MAX_SHIFT)
			q->shift++;
	}
}

static void
push(EcmlCtx *ctx, EcmlQuantiles *q, double x)
{
	ready_buffer(ctx, q, 1);
	q->buffer[q->count++] = x;
}

void
ecml_quantiles_add(EcmlCtx *ctx, EcmlQuantiles *q, const double *x, size_t n)
{
	while (n > 0)
	{
		size_t		take;

		ready_buffer(ctx, q, n);
		if (q->shift == 0)
		{
			take = q->capacity - q->count;
			take = n < take ? n : take;
			memcpy(q->buffer + q->count, x, take * sizeof(double));
			q->count += (int) take;
		}
		else
		{
			int64_t		group = INT64_C(1) << q->shift;

			if (q->seen == 0)
				q->chosen = (int64_t) (draw(q) >> (64 - q->shift));
			take = (size_t) (group - q->seen);
			take = n < take ? n : take;
			if (q->chosen >= q->seen && q->chosen < q->seen + (int64_t) take)
				q->choice = x[q->chosen - q->seen];
			q->seen += (int64_t) take;
			if (q->seen == group)
			{
				q->seen = 0;
				q->buffer[q->count++] = q->choice;
			}
		}
		x += take;
		n -= take;
		q->n += (int64_t) take;
	}
}

/* Of items in groups of 2^by one each; of a last group that is not full one with the probability of its part. */
static int
thin(EcmlQuantiles *q, double *x, int n, int by)
{
	int64_t		group = INT64_C(1) << by;
	int			kept = 0;

	for (int64_t i = 0; by > 0 && i < n; i += group)
	{
		int64_t		chosen = i + (int64_t) (draw(q) >> (64 - by));

		if (chosen < n)
			x[kept++] = x[chosen];
	}
	return by > 0 ? kept : n;
}

/* The group that a value is being chosen from ends early: its value is kept with the probability of its part. */
static void
end_group(EcmlCtx *ctx, EcmlQuantiles *q)
{
	bool		keep = q->seen > 0 && q->chosen < q->seen;

	q->seen = 0;
	if (keep)
		push(ctx, q, q->choice);
}

void
ecml_quantiles_merge(EcmlCtx *ctx, EcmlQuantiles *q, const EcmlQuantiles *other)
{
	double		items[EXACT + 1];
	int			count = other->count;

	if (other->n == 0)
		return;
	end_group(ctx, q);
	if (count > 0)
		memcpy(items, other->buffer, count * sizeof(double));
	if (other->seen > 0 && other->chosen < other->seen)
		items[count++] = other->choice;
	if (other->shift > q->shift)
	{
		q->count = thin(q, q->buffer, q->count, other->shift - q->shift);
		q->shift = other->shift;
	}
	else
		count = thin(q, items, count, q->shift - other->shift);
	q->n += other->n;
	for (int i = 0; i < count;)
	{
		int			shift = q->shift;

		ready_buffer(ctx, q, count - i);
		/* the buffer may have gone over to heavier items: so must those that are left */
		if (q->shift > shift)
			count = i + thin(q, items + i, count - i, q->shift - shift);
		else
			q->buffer[q->count++] = items[i++];
	}
	for (int level = 0; level < LEVELS; level++)
		if (other->runs[level])
		{
			double	   *run = ECML_NEW(ctx, double, RUN);

			memcpy(run, other->runs[level], RUN * sizeof(double));
			carry(ctx, q, run, level);
		}
}

/* ------------------------------------------------------------------------------------------------ results */

typedef struct Item
{
	double		value;
	double		weight;
} Item;

/* Runs side by side in from[0 .. n-1], of which bounds tell the ends: merged by pairs until one is left; the result's place. */
static Item *
merge_runs(Item *from, Item *to, int *bounds, int nruns)
{
	while (nruns > 1)
	{
		Item	   *swap = from;
		int			merged = 0;
		int			start = 0;

		for (int r = 0; r < nruns; r += 2)
		{
			int			middle = bounds[r];
			int			end = r + 1 < nruns ? bounds[r + 1] : middle;
			int			i = start;
			int			j = middle;

			for (int k = start; k < end; k++)
				to[k] = j == end || (i < middle && from[i].value <= from[j].value) ? from[i++] : from[j++];
			start = bounds[merged++] = end;
		}
		nruns = merged;
		from = to;
		to = swap;
	}
	return from;
}

static double
interpolate(const double *x, int n, double level)
{
	double		rank = level * (n - 1);
	int			below = (int) floor(rank);
	int			above = (int) ceil(rank);

	if (below == above || x[below] == x[above])
		return x[below];
	/* a difference beyond the largest double */
	if (isinf(x[above] - x[below]))
		return (above - rank) * x[below] + (rank - below) * x[above];
	return x[below] + (rank - below) * (x[above] - x[below]);
}

void
ecml_quantiles_get(EcmlCtx *ctx, const EcmlQuantiles *q, const double *levels, double *results, int n)
{
	double		buffer[EXACT];
	int			bounds[LEVELS + 1];
	int			nruns = 0;
	int			total = 0;
	size_t		room = q->count;
	double		weight = 0;
	Item	   *items;
	Item	   *sorted;

	if (q->count > 0)
	{
		memcpy(buffer, q->buffer, q->count * sizeof(double));
		sort_values(buffer, q->count);
	}
	if (q->n == q->count && q->shift == 0)
	{
		for (int i = 0; i < n; i++)
			results[i] = q->n > 0 ? interpolate(buffer, q->count, levels[i]) : NAN;
		return;
	}

	for (int level = 0; level < LEVELS; level++)
		room += q->runs[level] ? RUN : 0;
	items = ECML_NEW(ctx, Item, 2 * room);
	for (int i = 0; i < q->count; i++)
		items[total++] = (Item) {buffer[i], ldexp(1, q->shift)};
	bounds[nruns++] = total;
	for (int level = 0; level < LEVELS; level++)
		if (q->runs[level])
		{
			for (int i = 0; i < RUN; i++)
				items[total++] = (Item) {q->runs[level][i], ldexp(1, level)};
			bounds[nruns++] = total;
		}
	sorted = merge_runs(items, items + room, bounds, nruns);
	for (int i = 0; i < total; i++)
		weight += sorted[i].weight;
	for (int k = 0; k < n; k++)
	{
		double		rank = levels[k] * weight;
		double		sum = 0;
		int			i = 0;

		while (i < total - 1 && (sum += sorted[i].weight) < rank)
			i++;
		results[k] = total > 0 ? sorted[i].value : NAN;
	}
	ecml_free(ctx, items);
}

/* ------------------------------------------------------------------------------------------------ bytes */

void
ecml_quantiles_write(EcmlWriter *w, const EcmlQuantiles *q)
{
	uint64_t	present = 0;

	ecml_write_u64(w, (uint64_t) q->n);
	ecml_write_u64(w, q->state);
	ecml_write_u8(w, (uint8_t) q->shift);
	ecml_write_u64(w, (uint64_t) q->seen);
	ecml_write_u64(w, (uint64_t) q->chosen);
	ecml_write_f8(w, q->choice);
	ecml_write_u32(w, (uint32_t) q->count);
	if (q->count > 0)
		ecml_write_f8s(w, q->buffer, q->count);
	for (int level = 0; level < LEVELS; level++)
		if (q->runs[level])
			present |= UINT64_C(1) << level;
	ecml_write_u64(w, present);
	for (int level = 0; level < LEVELS; level++)
		if (q->runs[level])
			ecml_write_f8s(w, q->runs[level], RUN);
}

static void
read_values(EcmlReader *r, double *x, uint32_t n)
{
	const uint8_t *bytes;

	if (n > ecml_read_left(r) / sizeof(double))
		ecml_read_corrupted(r, "values of a sketch are missing");
	bytes = ecml_read_bytes(r, (size_t) n * sizeof(double));
	memcpy(x, bytes, (size_t) n * sizeof(double));
	for (uint32_t i = 0; i < n; i++)
		if (isnan(x[i]))
			ecml_read_corrupted(r, "a value of a sketch is NaN");
}

void
ecml_quantiles_read(EcmlReader *r, EcmlQuantiles *q)
{
	uint64_t	present;

	memset(q, 0, sizeof(*q));
	q->n = (int64_t) ecml_read_u64(r);
	q->state = ecml_read_u64(r);
	q->shift = ecml_read_u8(r);
	q->seen = (int64_t) ecml_read_u64(r);
	q->chosen = (int64_t) ecml_read_u64(r);
	q->choice = ecml_read_f8(r);
	if (q->n < 0 || q->shift > MAX_SHIFT || q->seen < 0 || q->chosen < 0 || q->seen >= INT64_C(1) << q->shift ||
		q->chosen >= INT64_C(1) << q->shift || isnan(q->choice))
		ecml_read_corrupted(r, "a sketch of quantiles contradicts itself");
	q->count = (int) ecml_read_u32_in(r, 0, EXACT);
	if (q->count > 0)
	{
		if ((size_t) q->count > ecml_read_left(r) / sizeof(double))
			ecml_read_corrupted(r, "values of a sketch are missing");
		q->capacity = q->count;
		q->buffer = ECML_NEW(r->ctx, double, q->capacity);
		read_values(r, q->buffer, (uint32_t) q->count);
	}
	present = ecml_read_u64(r);
	if (present >> LEVELS != 0)
		ecml_read_corrupted(r, "a sketch of quantiles has a level too many");
	for (int level = 0; level < LEVELS; level++)
		if (present >> level & 1)
		{
			if (ecml_read_left(r) < RUN * sizeof(double))
				ecml_read_corrupted(r, "values of a sketch are missing");
			q->runs[level] = ECML_NEW(r->ctx, double, RUN);
			read_values(r, q->runs[level], RUN);
			for (int i = 1; i < RUN; i++)
				if (q->runs[level][i - 1] > q->runs[level][i])
					ecml_read_corrupted(r, "a run of a sketch is not ascending");
		}
	/* what is kept without runs and sampling is all there is */
	if (present == 0 && q->shift == 0 && q->n != q->count)
		ecml_read_corrupted(r, "a sketch of quantiles contradicts itself");
}
