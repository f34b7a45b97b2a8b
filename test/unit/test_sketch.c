/*
 * test_sketch.c - hashes, quantiles, different and most frequent values, descriptions of columns, against exact ones
 */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num/hash.h"
#include "num/quantile.h"
#include "num/tally.h"
#include "prep/describe.h"

#define MANY 1200000

static double *values;			/* [MANY] */
static double *sorted;			/* [MANY] */

static int
compare(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* ------------------------------------------------------------------------------------------------ hash */

static void
hashes(void)
{
	int			flips[64] = {0};
	int			worst = 0;
	uint64_t	collisions = 0;
	char		bytes[64];
	bool		differ = true;

	/* values of test/data/make_split.py, an implementation of its own */
	ok(ecml_hash_u64(0, 0) == UINT64_C(0x07fdd88ab03a824d), "hash of 0: %016llx", (unsigned long long) ecml_hash_u64(0, 0));
	ok(ecml_hash_u64(UINT64_MAX, 1) == UINT64_C(0x7cf47c60d33e5c0d), "hash of -1, seed 1: %016llx", (unsigned long long) ecml_hash_u64(UINT64_MAX, 1));
	ok(ecml_hash_bytes("", 0, 0) == UINT64_C(0x4e96155e5f0a1c3f), "hash of no bytes: %016llx", (unsigned long long) ecml_hash_bytes("", 0, 0));
	ok(ecml_hash_bytes("customer 17", 11, 7) == UINT64_C(0xa52d1e82bcf41f6b), "hash of a text: %016llx", (unsigned long long) ecml_hash_bytes("customer 17", 11, 7));

	/* each bit of the key changes each bit of the hash half of the time */
	for (uint64_t v = 0; v < 2000; v++)
		for (int bit = 0; bit < 64; bit++)
		{
			uint64_t	change = ecml_hash_u64(v, 3) ^ ecml_hash_u64(v ^ UINT64_C(1) << bit, 3);

			for (int b = 0; b < 64; b++)
				flips[b] += change >> b & 1;
		}
	for (int b = 0; b < 64; b++)
		if (abs(flips[b] - 64000) > worst)
			worst = abs(flips[b] - 64000);
	ok(worst < 1000, "avalanche of integers: %d of 128,000 off a half", worst);

	/* lengths and zeros count */
	memset(bytes, 0, sizeof(bytes));
	for (int n = 0; n < 40; n++)
		for (int m = 0; m < n; m++)
			differ &= ecml_hash_bytes(bytes, n, 0) != ecml_hash_bytes(bytes, m, 0);
	ok(differ, "zeros of different lengths differ");
	for (int n = 1; n < 40; n++)
	{
		uint64_t	h = ecml_hash_bytes(bytes, n, 0);

		for (int i = 0; i < n; i++)
			for (int bit = 0; bit < 8; bit++)
			{
				uint64_t	change;

				bytes[i] ^= (char) (1 << bit);
				change = h ^ ecml_hash_bytes(bytes, n, 0);
				bytes[i] ^= (char) (1 << bit);
				if (__builtin_popcountll(change) < 10 || __builtin_popcountll(change) > 54)
					collisions++;
			}
	}
	ok(collisions == 0, "each bit of a text changes many bits of the hash");
}

/* ------------------------------------------------------------------------------------------------ quantiles */

static const double levels[] = {0, 0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1};

#define LEVELS ((int) (sizeof(levels) / sizeof(levels[0])))

/* The largest distance of a result's rank from its level, relative; sorted [n]. */
static double
rank_error(const double *results, int64_t n)
{
	double		worst = 0;

	for (int k = 0; k < LEVELS; k++)
	{
		int64_t		below = 0;
		int64_t		upto;
		int64_t		low = 0;
		int64_t		high = n;

		while (low < high)
		{
			int64_t		middle = (low + high) / 2;

			if (sorted[middle] < results[k])
				low = middle + 1;
			else
				high = middle;
		}
		below = low;
		high = n;
		while (low < high)
		{
			int64_t		middle = (low + high) / 2;

			if (sorted[middle] <= results[k])
				low = middle + 1;
			else
				high = middle;
		}
		upto = low;
		worst = fmax(worst, fmax((double) below / n - levels[k], levels[k] - (double) upto / n));
	}
	return worst;
}

static void
make(const char *shape, int64_t n)
{
	EcmlRng		rng;

	ecml_rng_seed(&rng, 5);
	for (int64_t i = 0; i < n; i++)
	{
		double		u = ecml_rng_double(&rng);

		if (strcmp(shape, "random") == 0)
			values[i] = ecml_rng_normal(&rng);
		else if (strcmp(shape, "ascending") == 0)
			values[i] = (double) i;
		else if (strcmp(shape, "descending") == 0)
			values[i] = (double) -i;
		else if (strcmp(shape, "equal") == 0)
			values[i] = 42;
		else if (strcmp(shape, "ties") == 0)
			values[i] = floor(5 * u) - 2;
		else if (strcmp(shape, "wide") == 0)
			values[i] = (u < 0.5 ? -1 : 1) * exp(1400 * (u - 0.5));
		else if (strcmp(shape, "in and out") == 0)
			values[i] = i % 2 ? (double) i : (double) (n - i);
		else if (strcmp(shape, "waves") == 0)
			values[i] = (double) (i % 2048) + 1e-9 * i;
		else if (strcmp(shape, "late jump") == 0)
			values[i] = i < n * 9 / 10 ? u : 1000 + u;
	}
	memcpy(sorted, values, n * sizeof(double));
	qsort(sorted, n, sizeof(double), compare);
}

static void
quantiles(void)
{
	static const char *const shapes[] = {"random", "ascending", "descending", "equal", "ties", "wide", "in and out",
	"waves", "late jump"};
	double		results[LEVELS];

	for (int s = 0; s < (int) (sizeof(shapes) / sizeof(shapes[0])); s++)
		for (int step = 0; step < (s % 3 == 0 ? 4 : 3); step++)
		{
			int64_t		n = (int64_t[]) {1, 4096, 200000, MANY}[step];
			EcmlCtx    *ctx = test_ctx(1, 1);
			EcmlQuantiles q;
			EcmlQuantiles parts;
			double		error;

			make(shapes[s], n);
			ecml_quantiles_init(&q, 17);
			for (int64_t i = 0; i < n; i += 500)
				ecml_quantiles_add(ctx, &q, values + i, n - i < 500 ? n - i : 500);
			ecml_quantiles_get(ctx, &q, levels, results, LEVELS);
			if (n <= ECML_QUANTILE_EXACT)
			{
				bool		exact = true;

				for (int k = 0; k < LEVELS; k++)
				{
					double		rank = levels[k] * (n - 1);
					double		low = sorted[(int64_t) floor(rank)];
					double		high = sorted[(int64_t) ceil(rank)];

					exact &= results[k] == (low == high ? low : low + (rank - floor(rank)) * (high - low));
				}
				ok(exact, "%s, %lld values: exact", shapes[s], (long long) n);
			}
			else
			{
				error = rank_error(results, n);
				ok(error <= ECML_QUANTILE_ERROR, "%s, %lld values: ranks within %.4f %%", shapes[s], (long long) n, 100 * error);
			}
			/* the same from 37 parts of different sizes, through bytes */
			ecml_quantiles_init(&parts, 0);
			for (int64_t i = 0, part = 0; i < n; part++)
			{
				int64_t		m = part % 5 == 0 ? n / 3 : part * n / 700 + 1;
				EcmlQuantiles one;
				EcmlQuantiles copy;
				EcmlWriter	w;
				EcmlReader	r;

				m = m < n - i ? m : n - i;
				ecml_quantiles_init(&one, part);
				ecml_quantiles_add(ctx, &one, values + i, m);
				ecml_writer_init(&w, ctx);
				ecml_quantiles_write(&w, &one);
				ecml_reader_init(&r, ctx, w.data, w.size);
				ecml_quantiles_read(&r, &copy);
				ecml_read_end(&r);
				ecml_quantiles_merge(ctx, &parts, &copy);
				i += m;
			}
			ecml_quantiles_get(ctx, &parts, levels, results, LEVELS);
			error = rank_error(results, n);
			ok(parts.n == n && error <= (n <= ECML_QUANTILE_EXACT ? 1.0 / n + 1e-9 : ECML_QUANTILE_ERROR),
			   "%s, %lld values from parts: ranks within %.4f %%", shapes[s], (long long) n, 100 * error);
			test_ctx_free(ctx);
		}
}

static void
quantiles_edges(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlQuantiles q;
	EcmlQuantiles again;
	double		results[3];
	double		other[3];
	static const double quartiles[] = {0.25, 0.5, 0.75};

	ecml_quantiles_init(&q, 0);
	ecml_quantiles_get(ctx, &q, quartiles, results, 3);
	ok(isnan(results[0]) && isnan(results[2]), "quantiles of nothing: NaN");
	ecml_quantiles_add(ctx, &q, (double[]) {-INFINITY, INFINITY, -0.0, 0.0, 5}, 5);
	ecml_quantiles_get(ctx, &q, quartiles, results, 3);
	ok(results[0] == 0 && results[1] == 0 && results[2] == 5, "quantiles with infinities and both zeros");
	ecml_quantiles_init(&again, 0);
	ecml_quantiles_merge(ctx, &q, &again);
	ecml_quantiles_merge(ctx, &again, &q);
	ecml_quantiles_get(ctx, &again, quartiles, other, 3);
	ok(q.n == 5 && memcmp(results, other, sizeof(results)) == 0, "merging with nothing changes nothing");

	/* the same bits whatever the blocks in which values come */
	make("random", MANY);
	ecml_quantiles_init(&q, 3);
	ecml_quantiles_init(&again, 3);
	ecml_quantiles_add(ctx, &q, values, MANY);
	for (int64_t i = 0, m = 1; i < MANY; i += m, m = m % 1000 + 1)
		ecml_quantiles_add(ctx, &again, values + i, m < MANY - i ? m : MANY - i);
	ecml_quantiles_get(ctx, &q, quartiles, results, 3);
	ecml_quantiles_get(ctx, &again, quartiles, other, 3);
	ok(memcmp(results, other, sizeof(results)) == 0, "blocks do not matter");
	test_ctx_free(ctx);
}

/* Damaged bytes are corrupted or harmless; every allocation may fail. */
static void
damage(const char *what, const uint8_t *bytes, size_t size, void (*read) (EcmlReader *r))
{
	volatile int accepted = 0;
	volatile int refused = 0;
	volatile int other = 0;
	EcmlRng		rng;

	ecml_rng_seed(&rng, 9);
	for (volatile int i = 0; i < 600; i++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		uint8_t    *copy = malloc(size);
		volatile size_t length = i % 3 == 0 ? ecml_rng_below(&rng, size) : size;

		memcpy(copy, bytes, size);
		for (int k = 0; k < 1 + i % 3; k++)
			copy[ecml_rng_below(&rng, i % 2 ? size : (size < 200 ? size : 200))] = (uint8_t) ecml_rng_next(&rng);
		ctx->budget = 32 * size + 1048576;
		if (i % 5 == 4)
			test_host(ctx)->fail_after = ecml_rng_below(&rng, 4);
		if (TRY(ctx))
		{
			EcmlReader	r;

			ecml_reader_init(&r, ctx, copy, length);
			read(&r);
			accepted++;
		}
		else if (test_host(ctx)->status == ECML_CORRUPTED || test_host(ctx)->status == ECML_OUT_OF_MEMORY)
			refused++;
		else
			other++;
		free(copy);
		test_ctx_free(ctx);
	}
	ok(other == 0 && refused > 0, "%s: damaged bytes are refused (%d) or harmless (%d), never else (%d)", what, refused, accepted, other);
}

static void
read_and_use_quantiles(EcmlReader *r)
{
	EcmlQuantiles q;
	EcmlQuantiles other;
	double		results[LEVELS];

	ecml_quantiles_read(r, &q);
	r->ctx->budget = 0;
	ecml_quantiles_get(r->ctx, &q, levels, results, LEVELS);
	ecml_quantiles_init(&other, 1);
	ecml_quantiles_add(r->ctx, &other, values, 20000);
	ecml_quantiles_merge(r->ctx, &other, &q);
	ecml_quantiles_merge(r->ctx, &q, &other);
	ecml_quantiles_add(r->ctx, &q, values, 20000);
	ecml_quantiles_get(r->ctx, &q, levels, results, LEVELS);
}

/* ------------------------------------------------------------------------------------------------ tally */

static void
add_integers(EcmlCtx *ctx, EcmlTally *t, uint64_t first, uint64_t n, uint64_t step)
{
	uint64_t	keys[256];
	uint64_t	hashed[256];

	for (uint64_t i = 0; i < n; i += 256)
	{
		uint64_t	m = n - i < 256 ? n - i : 256;

		for (uint64_t k = 0; k < m; k++)
		{
			keys[k] = first + (i + k) * step;
			hashed[k] = ecml_hash_mix(keys[k] + UINT64_C(0x9E3779B97F4A7C15));
		}
		ecml_tally_add(ctx, t, hashed, keys, m);
	}
}

static void
add_texts(EcmlCtx *ctx, EcmlTally *t, int first, int n)
{
	for (int i = first; i < first + n; i++)
	{
		char		text[32];
		int			length = snprintf(text, sizeof(text), "%d", i);
		EcmlTallyEntry *entry;

		if (ecml_tally_add_one(ctx, t, ecml_hash_bytes(text, length, 0), &entry))
			ecml_tally_label(ctx, t, entry, text, length);
	}
}

static void
distinct(void)
{
	static const int64_t sizes[] = {0, 1, 10, 4095, 4096, 4097, 10000, 100000, 400000};
	double		squares = 0;
	double		bias = 0;
	double		worst = 0;
	int			n = 0;
	EcmlCtx    *ctx;

	for (int s = 0; s < (int) (sizeof(sizes) / sizeof(sizes[0])); s++)
	{
		EcmlTally	t;
		EcmlTally	half;
		double		error;

		ctx = test_ctx(1, 1);
		ecml_tally_init(&t);
		add_integers(ctx, &t, 5, sizes[s], 1);
		add_integers(ctx, &t, 5, sizes[s], 1);
		error = sizes[s] ? ecml_tally_distinct(&t) / sizes[s] - 1 : ecml_tally_distinct(&t);
		ok(t.exact == (sizes[s] <= ECML_TALLY_EXACT) && fabs(error) <= (t.exact ? 0 : 3 * ECML_TALLY_ERROR),
		   "%lld different values: %+.2f %%", (long long) sizes[s], 100 * error);
		/* the order and the parts do not matter */
		ecml_tally_init(&half);
		for (int twice = 0; twice < 2; twice++)
			add_integers(ctx, &half, 5 + sizes[s] - 1, sizes[s], (uint64_t) -1);
		ok(ecml_tally_distinct(&half) == ecml_tally_distinct(&t), "the same from the other end");
		ecml_tally_merge(ctx, &half, &t);
		ok(ecml_tally_distinct(&half) == ecml_tally_distinct(&t) && half.n == 4 * sizes[s], "and merged");
		test_ctx_free(ctx);
	}
	/* standard error over many sets, of integers and of texts */
	for (int set = 0; set < 60; set++)
	{
		EcmlTally	t;
		int64_t		size = 5000 + 700 * set;
		double		error;

		ctx = test_ctx(1, 1);
		ecml_tally_init(&t);
		/* twice, for there are never more different values than values */
		for (int twice = 0; twice < 2; twice++)
			if (set % 2)
				add_integers(ctx, &t, (uint64_t) set * 1000003, size, 1 + set % 7);
			else
				add_texts(ctx, &t, set * 1000003, (int) size);
		error = ecml_tally_distinct(&t) / size - 1;
		squares += error * error;
		bias += error;
		worst = fmax(worst, fabs(error));
		n++;
		test_ctx_free(ctx);
	}
	ok(sqrt(squares / n) < 1.15 * ECML_TALLY_ERROR && fabs(bias / n) < 0.002 && worst < 4 * ECML_TALLY_ERROR,
	   "error of 60 sets: standard %.2f %%, mean %+.2f %%, largest %.2f %%", 100 * sqrt(squares / n), 100 * bias / n, 100 * worst);
}

static void
most_frequent(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlTally	t;
	EcmlTally	merged;
	const EcmlTallyEntry *top;
	const char *label;
	int			length;

	ecml_tally_init(&t);
	ok(ecml_tally_top(&t) == NULL, "nothing is most frequent among nothing");
	add_texts(ctx, &t, 0, 4000);
	add_texts(ctx, &t, 1234, 1);
	top = ecml_tally_top(&t);
	label = top ? ecml_tally_label_of(&t, top, &length) : NULL;
	ok(top && top->count == 2 && length == 4 && memcmp(label, "1234", 4) == 0, "one of 4,000 that comes twice");

	/* a value in one row of fifty among a million different ones, spread out, or at the end */
	for (int late = 0; late < 2; late++)
	{
		ecml_tally_init(&merged);
		for (int part = 0; part < 20; part++)
		{
			EcmlTally	one;
			EcmlTally	copy;
			EcmlWriter	w;
			EcmlReader	r;

			ecml_tally_init(&one);
			for (int k = 0; k < 1000; k++)
			{
				add_texts(ctx, &one, 1000000 + part * 50000 + k * 50, 50);
				for (int times = late ? part < 10 ? 0 : 2 : 1; times > 0; times--)
					add_texts(ctx, &one, 77, 1);
			}
			ecml_writer_init(&w, ctx);
			ecml_tally_write(&w, &one);
			ecml_reader_init(&r, ctx, w.data, w.size);
			ecml_tally_read(&r, &copy);
			ecml_read_end(&r);
			ecml_tally_merge(ctx, &merged, &copy);
		}
		top = ecml_tally_top(&merged);
		label = top ? ecml_tally_label_of(&merged, top, &length) : NULL;
		ok(top && length == 2 && memcmp(label, "77", 2) == 0, "a value in a fiftieth of the rows is found%s", late ? ", late" : "");
		ok(top && top->count <= 20000 && top->count + merged.error >= 20000 && merged.error <= merged.n / 1024,
		   "its count is within the error: %lld, %lld too low at most", top ? (long long) top->count : -1, (long long) merged.error);
	}
	ecml_tally_init(&t);
	add_integers(ctx, &t, 0, 1000000, 1);
	ok(ecml_tally_top(&t) == NULL, "among a million different values none stands out");
	test_ctx_free(ctx);
}

static void
read_and_use_tally(EcmlReader *r)
{
	EcmlTally	t;
	EcmlTally	other;
	const EcmlTallyEntry *top;
	int			length;

	ecml_tally_read(r, &t);
	(void) ecml_tally_distinct(&t);
	top = ecml_tally_top(&t);
	if (top)
		(void) ecml_tally_label_of(&t, top, &length);
	r->ctx->budget = 0;
	ecml_tally_init(&other);
	add_texts(r->ctx, &other, 0, 5000);
	ecml_tally_merge(r->ctx, &other, &t);
	add_texts(r->ctx, &t, 0, 5000);
	ecml_tally_merge(r->ctx, &t, &other);
	(void) ecml_tally_distinct(&t);
}

/* ------------------------------------------------------------------------------------------------ columns */

static void
add_all(EcmlCtx *ctx, DescribeColumn *c, const double *x, int64_t n)
{
	static uint64_t keys[1000];

	for (int64_t i = 0; i < n; i += 1000)
	{
		int			m = n - i < 1000 ? (int) (n - i) : 1000;

		memcpy(keys, x + i, m * sizeof(double));
		describe_numbers(ctx, c, x + i, keys, m);
	}
}

static void
columns(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	DescribeColumn c;
	DescribeColumn parts;
	DescribeColumn part;
	long double sum = 0;
	long double square = 0;
	long double cube = 0;
	long double mean;
	int			n = 100003;

	make("random", n);
	for (int i = 0; i < n; i++)
		values[i] = exp(values[i]) + 1000;
	for (int i = 0; i < n; i++)
		sum += values[i];
	mean = sum / n;
	for (int i = 0; i < n; i++)
	{
		square += (values[i] - mean) * (values[i] - mean);
		cube += (values[i] - mean) * (values[i] - mean) * (values[i] - mean);
	}
	describe_init(&c, 1);
	add_all(ctx, &c, values, n);
	close_to(ecml_moments_mean(&c.moments), (double) mean, 1e-15, "mean of 100,003 values");
	close_to(ecml_moments_sd(&c.moments), (double) sqrtl(square / (n - 1)), 1e-14, "their deviation");
	close_to(describe_skewness(&c), (double) (sqrtl((long double) n * (n - 1)) / (n - 2) * (cube / n) / powl(square / n, 1.5L)),
			 1e-9, "their skewness");
	describe_init(&parts, 1);
	for (int i = 0; i < n; i += 1777)
	{
		describe_init(&part, i);
		add_all(ctx, &part, values + i, n - i < 1777 ? n - i : 1777);
		describe_merge(ctx, &parts, &part);
	}
	ok(parts.count == n && parts.min == c.min && parts.max == c.max && parts.zeros == 0, "the same from parts: counts and extremes");
	close_to(ecml_moments_mean(&parts.moments), (double) mean, 1e-15, "mean");
	close_to(describe_skewness(&parts), describe_skewness(&c), 1e-9, "skewness");

	describe_init(&c, 1);
	add_all(ctx, &c, (double[]) {NAN, 1, INFINITY, 0, -INFINITY, NAN, 2, -0.0, NAN}, 9);
	ok(c.nan == 3 && c.infinite == 2 && c.zeros == 2 && c.min == 0 && c.max == 2 && c.moments.n == 4 && c.count == 9,
	   "NaN and infinities are counted, and left out of the rest");
	describe_init(&c, 1);
	add_all(ctx, &c, (double[]) {7, 7, 7, 7}, 4);
	ok(isnan(describe_skewness(&c)) && ecml_moments_sd(&c.moments) == 0, "a constant has no skewness");
	describe_init(&c, 1);
	add_all(ctx, &c, (double[]) {1e300, -1e300, 1e308, 5, 6, 7, 8, 9, 10}, 9);
	ok(!isnan(ecml_moments_mean(&c.moments)) && !isfinite(ecml_moments_sd(&c.moments)), "values whose squares overflow");

	/* texts that are something else */
	{
		static const char *const texts[] = {"12", "-1.5e3", " 7 ", "", "  ", "2024-01-31", "31.12.1999", "1/2/2024 12:30", "1e", "x",
		"1.2.3", ".", "+.5", "12a", "2024-01", "--1"};

		describe_init(&c, 1);
		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
			describe_text(ctx, &c, texts[i], strlen(texts[i]), (int64_t) strlen(texts[i]), strlen(texts[i]));
		ok(c.like_number == 4 && c.like_date == 3 && c.blank == 2 && c.zeros == 1, "texts like numbers %lld, dates %lld, blank %lld",
		   (long long) c.like_number, (long long) c.like_date, (long long) c.blank);
	}
	test_ctx_free(ctx);
}

static void
read_and_use_column(EcmlReader *r)
{
	DescribeColumn c;
	DescribeColumn other;

	describe_read(r, &c);
	describe_init(&other, 1);
	r->ctx->budget = 0;
	describe_merge(r->ctx, &other, &c);
	(void) describe_skewness(&other);
}

static void
bytes(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	DescribeColumn c;
	EcmlTally	t;
	EcmlWriter	w;

	make("random", 20000);
	describe_init(&c, 1);
	add_all(ctx, &c, values, 20000);
	ecml_writer_init(&w, ctx);
	ecml_quantiles_write(&w, &c.quantiles);
	damage("quantiles", w.data, w.size, read_and_use_quantiles);
	ecml_tally_init(&t);
	add_texts(ctx, &t, 0, 300);
	ecml_writer_init(&w, ctx);
	ecml_tally_write(&w, &t);
	damage("tally, exact", w.data, w.size, read_and_use_tally);
	add_texts(ctx, &t, 0, 6000);
	ecml_writer_init(&w, ctx);
	ecml_tally_write(&w, &t);
	damage("tally, a sketch", w.data, w.size, read_and_use_tally);
	ecml_writer_init(&w, ctx);
	describe_write(&w, &c);
	damage("column", w.data, w.size, read_and_use_column);
	test_ctx_free(ctx);
}

/* Every allocation fails in turn: an error, and nothing else. */
static void
failing(void)
{
	volatile int failures = 0;
	volatile bool through = false;

	make("random", 50000);
	for (volatile int after = 0; !through && after < 1000; after++)
	{
		EcmlCtx    *ctx = test_ctx(1, 1);
		DescribeColumn c;
		DescribeColumn d;

		test_host(ctx)->fail_after = after;
		if (TRY(ctx))
		{
			describe_init(&c, 1);
			describe_init(&d, 2);
			add_all(ctx, &c, values, 20000);
			add_all(ctx, &d, values + 20000, 30000);
			describe_merge(ctx, &c, &d);
			through = true;
		}
		else if (test_host(ctx)->status == ECML_OUT_OF_MEMORY)
			failures++;
		test_ctx_free(ctx);
	}
	ok(through && failures > 10, "each of %d allocations may fail", failures);
}

int
main(void)
{
	values = malloc(MANY * sizeof(double));
	sorted = malloc(MANY * sizeof(double));
	hashes();
	quantiles();
	quantiles_edges();
	distinct();
	most_frequent();
	columns();
	bytes();
	failing();
	free(values);
	free(sorted);
	return done();
}
