/*
 * describe.c - what ecml_describe knows of a column
 *
 * Numbers come in blocks, for loops that vectorise: moments in double-double (num/moments.h), skewness by the pairwise
 * formulas of Chan, Golub, LeVeque and Pébay (2008), quantiles and different values by sketches that are exact for
 * few (num/quantile.h, num/tally.h).
 *
 * Cost: about 35 ns a number, most of it for the quantiles and the different values; 10 to 30 ns a short text.
 */
#include "describe.h"

#include <math.h>
#include <string.h>

#include "num/hash.h"

#define CHUNK 512

void
describe_init(DescribeColumn *column, uint64_t seed)
{
	memset(column, 0, sizeof(*column));
	column->min = INFINITY;
	column->max = -INFINITY;
	ecml_tally_init(&column->tally);
	ecml_quantiles_init(&column->quantiles, seed);
}

typedef struct Summary
{
	double		min;
	double		max;
	int64_t		zeros;
	double		mean;
	double		square;
	double		cube;
} Summary;

ECML_CLONES static void
hash_keys(const uint64_t *restrict keys, uint64_t *restrict hashes, int n)
{
	for (int i = 0; i < n; i++)
		hashes[i] = ecml_hash_mix(keys[i] + UINT64_C(0x9E3779B97F4A7C15));
}

ECML_CLONES static int
count_finite(const double *x, int n)
{
	int			finite = 0;

#pragma omp simd reduction(+:finite)
	for (int i = 0; i < n; i++)
		finite += fabs(x[i]) <= 0x1.fffffffffffffp+1023;
	return finite;
}

ECML_CLONES static void
summarise(const double *x, int n, Summary *summary)
{
	double		min = x[0];
	double		max = x[0];
	double		sum = 0;
	double		square = 0;
	double		cube = 0;
	double		mean;
	int			zeros = 0;

#pragma omp simd reduction(+:sum, zeros) reduction(min:min) reduction(max:max)
	for (int i = 0; i < n; i++)
	{
		double		v = x[i];

		min = v < min ? v : min;
		max = v > max ? v : max;
		zeros += v == 0;
		sum += v;
	}
	mean = sum / n;
#pragma omp simd reduction(+:square, cube)
	for (int i = 0; i < n; i++)
	{
		double		d = x[i] - mean;

		square += d * d;
		cube += d * d * d;
	}
	*summary = (Summary) {.min = min,.max = max,.zeros = zeros,.mean = mean,.square = square,.cube = cube};
}

/* Sums about a mean, of na values and of nb others, to those about the mean of all. */
static void
merge_centred(double na, double *mean, double *square, double *cube, double nb, double other_mean, double other_square,
			  double other_cube)
{
	double		n = na + nb;
	double		delta = other_mean - *mean;

	if (na == 0)
	{
		*mean = other_mean;
		*square = other_square;
		*cube = other_cube;
		return;
	}
	*cube += other_cube + delta * delta * delta * na * nb * (na - nb) / (n * n) +
		3 * delta * (na * other_square - nb * *square) / n;
	*square += other_square + delta * delta * na * nb / n;
	*mean += delta * nb / n;
}

static void
finite_numbers(EcmlCtx *ctx, DescribeColumn *column, const double *x, int n)
{
	Summary		summary;

	if (n == 0)
		return;
	summarise(x, n, &summary);
	column->min = fmin(column->min, summary.min);
	column->max = fmax(column->max, summary.max);
	column->zeros += summary.zeros;
	merge_centred(column->moments.n, &column->centre, &column->square, &column->cube, n, summary.mean, summary.square,
				  summary.cube);
	ecml_moments_add_block(&column->moments, x, n);
	ecml_quantiles_add(ctx, &column->quantiles, x, n);
}

void
describe_numbers(EcmlCtx *ctx, DescribeColumn *column, const double *x, const uint64_t *keys, int n)
{
	uint64_t	hashes[CHUNK];
	double		finite[CHUNK];

	column->count += n;
	for (int m; n > 0; x += m, n -= m)
	{
		m = n < CHUNK ? n : CHUNK;
		if (keys)
		{
			hash_keys(keys, hashes, m);
			ecml_tally_add(ctx, &column->tally, hashes, keys, m);
			keys += m;
		}
		if (count_finite(x, m) == m)
			finite_numbers(ctx, column, x, m);
		else
		{
			int			kept = 0;

			for (int i = 0; i < m; i++)
				if (isfinite(x[i]))
					finite[kept++] = x[i];
				else if (isnan(x[i]))
					column->nan++;
				else
					column->infinite++;
			finite_numbers(ctx, column, finite, kept);
		}
	}
}

/* ------------------------------------------------------------------------------------------------ texts */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* [-+] digits [. digits] [e [-+] digits] */
static bool
looks_like_number(const char *s, const char *end)
{
	int			digits = 0;

	if (s < end && (*s == '-' || *s == '+'))
		s++;
	for (; s < end && is_digit(*s); s++)
		digits++;
	if (s < end && *s == '.')
		for (s++; s < end && is_digit(*s); s++)
			digits++;
	if (digits == 0)
		return false;
	if (s < end && (*s == 'e' || *s == 'E'))
	{
		s++;
		if (s < end && (*s == '-' || *s == '+'))
			s++;
		if (s == end)
			return false;
		while (s < end && is_digit(*s))
			s++;
	}
	return s == end;
}

/* 2026-01-31, 31.01.2026, 1/31/2026 and such, perhaps with a time */
static bool
looks_like_date(const char *s, const char *end)
{
	int			lengths[3] = {0};
	char		separator = 0;

	for (int part = 0; part < 3; part++)
	{
		for (; s < end && is_digit(*s); s++)
			lengths[part]++;
		if (part == 2)
			break;
		if (s == end || (*s != '-' && *s != '.' && *s != '/') || (part == 1 && *s != separator))
			return false;
		separator = *s++;
	}
	if (s < end && *s != ' ' && *s != 'T')
		return false;
	return (lengths[0] == 4 && lengths[1] >= 1 && lengths[1] <= 2 && lengths[2] >= 1 && lengths[2] <= 2) ||
		(lengths[2] == 4 && lengths[0] >= 1 && lengths[0] <= 2 && lengths[1] >= 1 && lengths[1] <= 2);
}

static void
classify(DescribeColumn *column, const char *s, size_t length)
{
	const char *end = s + length;

	while (s < end && is_space(*s))
		s++;
	while (s < end && is_space(end[-1]))
		end--;
	if (s == end)
		column->blank++;
	else if (end - s > 40 || (!is_digit(*s) && *s != '-' && *s != '+' && *s != '.'))
		return;
	else if (looks_like_number(s, end))
		column->like_number++;
	else if (looks_like_date(s, end))
		column->like_date++;
}

void
describe_text(EcmlCtx *ctx, DescribeColumn *column, const char *bytes, size_t length, int64_t characters, size_t label)
{
	EcmlTallyEntry *entry;

	column->count++;
	column->zeros += length == 0;
	column->characters += characters;
	classify(column, bytes, length);
	if (ecml_tally_add_one(ctx, &column->tally, ecml_hash_bytes(bytes, length, 0), &entry))
		ecml_tally_label(ctx, &column->tally, entry, bytes, label);
}

bool
describe_hash(EcmlCtx *ctx, DescribeColumn *column, uint64_t hash, EcmlTallyEntry **entry)
{
	return ecml_tally_add_one(ctx, &column->tally, hash, entry);
}

/* ------------------------------------------------------------------------------------------------ together */

void
describe_merge(EcmlCtx *ctx, DescribeColumn *column, const DescribeColumn *other)
{
	column->nulls += other->nulls;
	column->count += other->count;
	column->nan += other->nan;
	column->infinite += other->infinite;
	column->zeros += other->zeros;
	column->min = fmin(column->min, other->min);
	column->max = fmax(column->max, other->max);
	merge_centred(column->moments.n, &column->centre, &column->square, &column->cube,
				  other->moments.n, other->centre, other->square, other->cube);
	ecml_moments_merge(&column->moments, &other->moments);
	ecml_quantiles_merge(ctx, &column->quantiles, &other->quantiles);
	ecml_tally_merge(ctx, &column->tally, &other->tally);
	column->characters += other->characters;
	column->blank += other->blank;
	column->like_number += other->like_number;
	column->like_date += other->like_date;
}

double
describe_skewness(const DescribeColumn *column)
{
	double		n = (double) column->moments.n;
	double		sd;

	/* the exact sums know best whether the column is constant */
	if (n < 3 || !(ecml_moments_variance(&column->moments) > 0) || !(column->square > 0))
		return NAN;
	sd = sqrt(column->square / n);
	return sqrt(n * (n - 1)) / (n - 2) * (column->cube / n / (sd * sd * sd));
}

void
describe_write(EcmlWriter *w, const DescribeColumn *column)
{
	ecml_write_u64(w, (uint64_t) column->nulls);
	ecml_write_u64(w, (uint64_t) column->count);
	ecml_write_u64(w, (uint64_t) column->nan);
	ecml_write_u64(w, (uint64_t) column->infinite);
	ecml_write_u64(w, (uint64_t) column->zeros);
	ecml_write_f8(w, column->min);
	ecml_write_f8(w, column->max);
	ecml_write_u64(w, (uint64_t) column->moments.n);
	ecml_write_f8(w, column->moments.sum_hi);
	ecml_write_f8(w, column->moments.sum_lo);
	ecml_write_f8(w, column->moments.square_hi);
	ecml_write_f8(w, column->moments.square_lo);
	ecml_write_f8(w, column->centre);
	ecml_write_f8(w, column->square);
	ecml_write_f8(w, column->cube);
	ecml_write_u64(w, (uint64_t) column->characters);
	ecml_write_u64(w, (uint64_t) column->blank);
	ecml_write_u64(w, (uint64_t) column->like_number);
	ecml_write_u64(w, (uint64_t) column->like_date);
	ecml_quantiles_write(w, &column->quantiles);
	ecml_tally_write(w, &column->tally);
}

static int64_t
read_count(EcmlReader *r, int64_t most)
{
	int64_t		n = (int64_t) ecml_read_u64(r);

	if (n < 0 || n > most)
		ecml_read_corrupted(r, "a count is out of range");
	return n;
}

void
describe_read(EcmlReader *r, DescribeColumn *column)
{
	const int64_t most = INT64_C(1) << 60;

	memset(column, 0, sizeof(*column));
	column->nulls = read_count(r, most);
	column->count = read_count(r, most);
	column->nan = read_count(r, column->count);
	column->infinite = read_count(r, column->count);
	column->zeros = read_count(r, column->count);
	column->min = ecml_read_f8(r);
	column->max = ecml_read_f8(r);
	if (isnan(column->min) || isnan(column->max))
		ecml_read_corrupted(r, "an extreme is NaN");
	column->moments.n = read_count(r, column->count);
	column->moments.sum_hi = ecml_read_f8(r);
	column->moments.sum_lo = ecml_read_f8(r);
	column->moments.square_hi = ecml_read_f8(r);
	column->moments.square_lo = ecml_read_f8(r);
	column->centre = ecml_read_f8(r);
	column->square = ecml_read_f8(r);
	column->cube = ecml_read_f8(r);
	column->characters = read_count(r, most);
	column->blank = read_count(r, column->count);
	column->like_number = read_count(r, column->count);
	column->like_date = read_count(r, column->count);
	ecml_quantiles_read(r, &column->quantiles);
	ecml_tally_read(r, &column->tally);
	if (column->quantiles.n != column->moments.n || column->tally.n > column->count)
		ecml_read_corrupted(r, "counts of a column contradict each other");
}
