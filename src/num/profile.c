/*
 * profile.c - the distribution of a column, kept small, and how far other rows are from it
 *
 * PSI = sum (a - b) ln(a / b) over bins, a, b the shares of both sides; a bin that is empty on one side counts half a row there.
 * The bins of a number are cut at the deciles; where there are at most ten different values, each is a bin, and all others are
 * one together.
 *
 * D is the greatest difference of the distribution functions, at the points and just below them: exactly Smirnov's statistic
 * when the points are all values, else at most 1 / points less.  Its p value is the limit distribution at
 * (sqrt(e) + 0.12 + 0.11 / sqrt(e)) D with e = n m / (n + m) (Stephens 1970).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dist.h"
#include "profile.h"

#define BINS 10

typedef struct Entry
{
	double		value;
	double		count;
} Entry;

static int
compare_values(const void *a, const void *b)
{
	double		x = ((const Entry *) a)->value;
	double		y = ((const Entry *) b)->value;

	return x < y ? -1 : x > y;
}

/* More rows first; of as many, the lesser code. */
static int
compare_counts(const void *a, const void *b)
{
	double		x = ((const Entry *) a)->count;
	double		y = ((const Entry *) b)->count;

	return x > y ? -1 : x < y ? 1 : compare_values(a, b);
}

/* Numbers ordered as doubles are when compared as whole numbers. */
static inline uint64_t
key_of(double value)
{
	uint64_t	bits;

	value += 0.0;				/* -0 is 0 */
	memcpy(&bits, &value, sizeof(bits));
	return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static inline double
value_of(uint64_t key)
{
	uint64_t	bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
	double		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* How often each byte of the keys has each value. */
static void
count_bytes(const double *values, int n, int (*counts)[256])
{
	memset(counts, 0, 8 * sizeof(*counts));
	for (int i = 0; i < n; i++)
	{
		uint64_t	key = key_of(values[i]);

		for (int byte = 0; byte < 8; byte++)
			counts[byte][key >> 8 * byte & 255]++;
	}
}

/* Counts become places; false: all have this byte in common. */
static bool
place_bytes(int *counts, int n)
{
	int			at = 0;

	for (int b = 0; b < 256; b++)
	{
		int			count = counts[b];

		if (count == n)
			return false;
		counts[b] = at;
		at += count;
	}
	return true;
}

/* By value: byte by byte, from the last (radix sort); bytes that all have in common cost nothing.  other [n]: scratch. */
static void
sort_values(const double *values, Entry *entries, Entry *other, int n)
{
	Entry	   *from = entries;
	Entry	   *to = other;
	int			places[8][256];

	count_bytes(values, n, places);
	for (int byte = 0; byte < 8; byte++)
	{
		Entry	   *swap = from;

		if (!place_bytes(places[byte], n))
			continue;
		for (int i = 0; i < n; i++)
			to[places[byte][key_of(from[i].value) >> 8 * byte & 255]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != entries)
		memcpy(entries, from, n * sizeof(Entry));
}

#define DIGIT 11				/* bits */
#define DIGITS 3				/* that order numbers but for a few */
#define MOVES 4					/* of each number, for those few */

/* In the order of the bits from shift on: digit by digit.  Which of both [n] they are in then. */
static uint64_t *
sort_digits(uint64_t *from, uint64_t *to, int n, int shift, int digits)
{
	for (int d = 0; d < digits && shift + d * DIGIT < 64; d++)
	{
		int			places[1 << DIGIT] = {0};
		int			by = shift + d * DIGIT;
		int			at = 0;
		uint64_t   *swap = from;

		for (int i = 0; i < n; i++)
			places[from[i] >> by & ((1 << DIGIT) - 1)]++;
		for (int b = 0; b < 1 << DIGIT; b++)
		{
			int			count = places[b];

			places[b] = at;
			at += count;
		}
		for (int i = 0; i < n; i++)
			to[places[from[i] >> by & ((1 << DIGIT) - 1)]++] = from[i];
		from = to;
		to = swap;
	}
	return from;
}

/* Keys that are nearly in order; false: they are not, and stay out of it. */
static bool
sort_rest(uint64_t *keys, int n)
{
	int			left = MOVES * n;

	for (int i = 1; i < n; i++)
	{
		uint64_t	key = keys[i];
		int			j = i;

		for (; j > 0 && keys[j - 1] > key; j--)
			keys[j] = keys[j - 1];
		keys[j] = key;
		left -= i - j;
		if (left < 0)
			return false;
	}
	return true;
}

/* The same of values alone, each a row; the number of those that differ.  other [2 n]. */
static int
sort_ones(const double *values, Entry *entries, uint64_t *other, int n)
{
	uint64_t   *keys = other;
	uint64_t	differ = 0;
	int			bits = 0;
	int			m = 0;

	for (int i = 0; i < n; i++)
	{
		keys[i] = key_of(values[i]);
		differ |= keys[i] ^ keys[0];
	}
	while (bits < 64 && differ >> bits != 0)
		bits++;
	keys = sort_digits(keys, other + n, n, bits > DIGIT * DIGITS ? bits - DIGIT * DIGITS : 0, DIGITS);
	if (!sort_rest(keys, n))
		keys = sort_digits(keys, keys == other ? other + n : other, n, 0, 64 / DIGIT + 1);
	for (int i = 0; i < n; i++)
	{
		if (i > 0 && keys[i] == keys[i - 1])
			entries[m - 1].count++;
		else
			entries[m++] = (Entry) {value_of(keys[i]), 1};
	}
	return m;
}

/* Different values in ascending order, with their rows; their number.  entries [2 n], of which the second half is scratch. */
static int
gather(const double *values, const double *counts, int n, Entry *entries, double *total)
{
	int			m = 0;

	*total = n;
	if (n == 0)
		return 0;
	if (counts == NULL)
		return sort_ones(values, entries, (uint64_t *) (entries + n), n);
	*total = 0;
	for (int i = 0; i < n; i++)
	{
		entries[i] = (Entry) {values[i], counts[i]};
		*total += entries[i].count;
	}
	sort_values(values, entries, entries + n, n);
	for (int i = 0; i < n; i++)
	{
		if (m > 0 && entries[m - 1].value == entries[i].value)
			entries[m - 1].count += entries[i].count;
		else
			entries[m++] = entries[i];
	}
	return m;
}

void
ecml_profile_room(EcmlCtx *ctx, EcmlProfileColumn *column, int n, int most)
{
	column->points = ECML_NEW(ctx, double, n < most ? n : most);
	column->below = ECML_NEW(ctx, float, n < most ? n : most);
	column->upto = ECML_NEW(ctx, float, n < most ? n : most);
}

size_t
ecml_profile_scratch(int n)
{
	return 2 * (size_t) n * sizeof(Entry);
}

void
ecml_profile_fill(EcmlProfileColumn *column, const double *values, const double *counts, int n, int most, void *scratch)
{
	Entry	   *entries = scratch;
	double		total;
	double		sum = 0;
	int			m = gather(values, counts, n, entries, &total);

	column->category = false;
	column->exact = m <= most;
	column->n = 0;
	for (int i = 0; i < m; i++)
	{
		double		below = sum / total;

		sum += entries[i].count;
		/* the first, the last, and the first value past each of most - 2 equal shares */
		if (!column->exact && i > 0 && i < m - 1 &&
			floor(below * (most - 1)) == floor(sum / total * (most - 1)))
			continue;
		if (!column->exact && i < m - 1 && column->n == most - 1)
			continue;
		column->points[column->n] = entries[i].value;
		column->below[column->n] = (float) below;
		column->upto[column->n++] = (float) (i == m - 1 ? 1 : sum / total);
	}
}

void
ecml_profile_number(EcmlCtx *ctx, EcmlProfileColumn *column, const double *values, const double *counts, int n, int most)
{
	void	   *scratch = ecml_alloc(ctx, ecml_profile_scratch(n));

	ecml_profile_room(ctx, column, n, most);
	ecml_profile_fill(column, values, counts, n, most, scratch);
	ecml_free(ctx, scratch);
}

void
ecml_profile_category(EcmlCtx *ctx, EcmlProfileColumn *column, const double *codes, const double *counts, int n)
{
	Entry	   *entries = ECML_NEW(ctx, Entry, 2 * (size_t) n);
	double		total;
	int			m = gather(codes, counts, n, entries, &total);

	qsort(entries, m, sizeof(Entry), compare_counts);
	column->category = true;
	column->exact = m <= ECML_PROFILE_CATEGORIES;
	column->n = m < ECML_PROFILE_CATEGORIES ? m : ECML_PROFILE_CATEGORIES;
	column->points = ECML_NEW(ctx, double, column->n);
	column->upto = ECML_NEW(ctx, float, column->n);
	column->below = NULL;
	qsort(entries, column->n, sizeof(Entry), compare_values);
	for (int i = 0; i < column->n; i++)
	{
		column->points[i] = entries[i].value;
		column->upto[i] = (float) (entries[i].count / total);
	}
	ecml_free(ctx, entries);
}

int
ecml_profile_cells(const EcmlProfileColumn *column)
{
	return column->category ? column->n + 2 : 2 * column->n + 1;
}

int
ecml_profile_cell(const EcmlProfileColumn *column, double value)
{
	int			low = 0;
	int			high = column->n;

	/* points below the value */
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (column->points[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < column->n && column->points[low] == value)
		return column->category ? low : 2 * low + 1;
	if (column->category)
		return value < 0 ? column->n + 1 : column->n;
	return 2 * low;
}

/* A bin's part of the index. */
static double
psi_of(double a, double b, double least_a, double least_b)
{
	if (a <= 0 && b <= 0)
		return 0;
	a = a > least_a ? a : least_a;
	b = b > least_b ? b : least_b;
	return (a - b) * log(a / b);
}

/* Both sides of a comparison. */
typedef struct Sides
{
	double		n;				/* rows */
	double		m;
	double		nulls_a;		/* shares */
	double		nulls_b;
	double		psi;
} Sides;

/* A bin, its shares among all rows; rounding of single precision can leave a little below 0. */
static void
add_bin(Sides *sides, double a, double b)
{
	sides->psi += psi_of(a < 1e-7 ? 0 : a, b, 0.5 / sides->n, 0.5 / sides->m);
}

static EcmlDrift
drift_number(const EcmlProfileColumn *column, Sides *sides, const double *cells)
{
	double		present = 1 - sides->nulls_a;
	double		distance = fabs(sides->nulls_a - sides->nulls_b);
	double		sum = sides->nulls_b;	/* of the other rows up to the cell; NULL is the least value */
	double		cut_a = 0;		/* where the last bin ended */
	double		cut_b = sides->nulls_b;
	double		known = 0;
	bool		single = column->exact && column->n <= BINS;
	int			decile = 1;
	double		e = sides->n * sides->m / (sides->n + sides->m);

	for (int i = 0; i < column->n; i++)
	{
		double		at = cells[2 * i + 1] / sides->m;

		sum += cells[2 * i] / sides->m;
		distance = fmax(distance, fabs(sides->nulls_a + present * column->below[i] - sum));
		sum += at;
		distance = fmax(distance, fabs(sides->nulls_a + present * column->upto[i] - sum));
		if (single)
		{
			add_bin(sides, present * (column->upto[i] - column->below[i]), at);
			known += at;
		}
		else if (i < column->n - 1 && column->upto[i] >= (double) decile / BINS)
		{
			add_bin(sides, present * (column->upto[i] - cut_a), sum - cut_b);
			cut_a = column->upto[i];
			cut_b = sum;
			while (column->upto[i] >= (double) decile / BINS)
				decile++;
		}
	}
	if (single)
		add_bin(sides, 0, 1 - sides->nulls_b - known);
	else
		add_bin(sides, present * (1 - cut_a), 1 - cut_b);
	return (EcmlDrift) {sides->psi, distance, ecml_kolmogorov_sf((sqrt(e) + 0.12 + 0.11 / sqrt(e)) * distance)};
}

/* A cell's part of the chi-square statistic of the table of both sides. */
static double
chi2_of(double a, double b, double n, double m, int *used)
{
	double		share = (a * n + b * m) / (n + m);

	if (!(share > 0))
		return 0;
	(*used)++;
	return n * (a - share) * (a - share) / share + m * (b - share) * (b - share) / share;
}

static EcmlDrift
drift_category(const EcmlProfileColumn *column, Sides *sides, const double *cells)
{
	double		present = 1 - sides->nulls_a;
	double		rest = present;
	double		chi2;
	int			used = 0;

	chi2 = chi2_of(sides->nulls_a, sides->nulls_b, sides->n, sides->m, &used);
	for (int i = 0; i < column->n; i++)
	{
		double		a = present * column->upto[i];
		double		b = cells[i] / sides->m;

		rest -= a;
		add_bin(sides, a, b);
		chi2 += chi2_of(a, b, sides->n, sides->m, &used);
	}
	if (column->exact || rest < 1e-6)
		rest = 0;
	add_bin(sides, rest, cells[column->n] / sides->m);
	chi2 += chi2_of(rest, cells[column->n] / sides->m, sides->n, sides->m, &used);
	add_bin(sides, 0, cells[column->n + 1] / sides->m);
	chi2 += chi2_of(0, cells[column->n + 1] / sides->m, sides->n, sides->m, &used);
	return (EcmlDrift) {sides->psi, chi2, used > 1 ? ecml_chi2_sf(chi2, used - 1) : 1};
}

EcmlDrift
ecml_profile_drift(const EcmlProfileColumn *column, double effective, const double *cells, double nulls)
{
	Sides		sides = {.n = effective,.m = nulls,.nulls_a = column->nulls};
	EcmlDrift	drift;
	double		least;

	for (int i = 0; i < ecml_profile_cells(column); i++)
		sides.m += cells[i];
	sides.nulls_b = nulls / sides.m;
	add_bin(&sides, sides.nulls_a, sides.nulls_b);
	drift = column->category ? drift_category(column, &sides, cells) : drift_number(column, &sides, cells);
	/* limits say too much of very few rows: what no test can prove, as there are so many ways to choose m rows of all */
	least = exp(lgamma(sides.n + 1) + lgamma(sides.m + 1) - lgamma(sides.n + sides.m + 1));
	if (drift.p_value < least)
		drift.p_value = least;
	return drift;
}

void
ecml_profile_write(EcmlWriter *w, const EcmlProfileColumn *column)
{
	ecml_write_u8(w, column->category);
	ecml_write_u8(w, column->exact);
	ecml_write_f4s(w, &column->nulls, 1);
	ecml_write_u32(w, (uint32_t) column->n);
	ecml_write_f8s(w, column->points, column->n);
	if (!column->category)
		ecml_write_f4s(w, column->below, column->n);
	ecml_write_f4s(w, column->upto, column->n);
}

void
ecml_profile_read(EcmlReader *r, EcmlProfileColumn *column)
{
	float	   *nulls;
	float		before = 0;

	column->category = ecml_read_bool(r);
	column->exact = ecml_read_bool(r);
	nulls = ecml_read_finite_f4s(r, 1);
	column->nulls = *nulls;
	ecml_free(r->ctx, nulls);
	column->n = (int) ecml_read_u32_in(r, 0, ECML_PROFILE_POINTS);
	column->points = ecml_read_finite_f8s(r, column->n);
	column->below = column->category ? NULL : ecml_read_finite_f4s(r, column->n);
	column->upto = ecml_read_finite_f4s(r, column->n);
	if (!(column->nulls >= 0 && column->nulls <= 1))
		ecml_read_corrupted(r, "a share is out of range");
	for (int i = 0; i < column->n; i++)
	{
		if (i > 0 && !(column->points[i] > column->points[i - 1]))
			ecml_read_corrupted(r, "the points of a distribution are out of order");
		if (!(column->upto[i] >= 0 && column->upto[i] <= 1) ||
			(column->below && !(column->below[i] >= before && column->below[i] <= column->upto[i])))
			ecml_read_corrupted(r, "a share is out of range");
		before = column->upto[i];
	}
}
