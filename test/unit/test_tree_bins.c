/*
 * test_tree_bins.c - binning against the definition: cuts, categories, missing values, layout, memory
 */
#include "host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tree/tree_bins.h"

/* Columns of all kinds, [rows][12]. */
enum
{
	CONTINUOUS, FEW, CONSTANT, ALL_MISSING, SPIKED, RARE, CATEGORY, WIDE_CATEGORY, MISSING_FEW, MISSING_CATEGORY, TWO_INFINITE, TENTHS,
	COLUMNS
};

static const int categories[COLUMNS] = {[CATEGORY] = 5,[WIDE_CATEGORY] = 700,[MISSING_CATEGORY] = 3};

static double *
make_rows(EcmlCtx *ctx, size_t rows)
{
	double	   *x = ECML_NEW(ctx, double, rows * COLUMNS);
	EcmlRng		rng;

	ecml_rng_seed(&rng, 3);
	for (size_t i = 0; i < rows; i++)
	{
		double	   *v = x + i * COLUMNS;
		double		u = ecml_rng_double(&rng);

		v[CONTINUOUS] = (float) ecml_rng_normal(&rng);
		v[FEW] = (double) ecml_rng_below(&rng, 17) - 8;
		v[CONSTANT] = 42;
		v[ALL_MISSING] = NAN;
		v[SPIKED] = u < 0.5 ? 0 : (float) (u * u);
		v[RARE] = i == rows - 2;
		v[CATEGORY] = (double) ecml_rng_below(&rng, 5);
		v[WIDE_CATEGORY] = floor(700 * u * u);
		v[MISSING_FEW] = u < 0.3 ? NAN : (double) ecml_rng_below(&rng, 3);
		v[MISSING_CATEGORY] = u > 0.6 ? NAN : (double) ecml_rng_below(&rng, 3);
		v[TWO_INFINITE] = i % 2 ? 3e38 : -3e38;
		v[TENTHS] = (float) (ecml_rng_below(&rng, 4000) / 10.0);
	}
	return x;
}

typedef struct Discards
{
	EcmlData   *data;
	size_t		next;
	bool		in_order;
} Discards;

static Discards discards;

static void
discard(EcmlCtx *ctx, EcmlData *data, size_t block)
{
	(void) ctx;
	(void) data;
	discards.in_order &= block == discards.next++;
}

static void
count_rows(void *arg, const EcmlBlock *block)
{
	size_t	   *seen = arg;

	if (block->first == *seen)
		*seen += block->rows;
}

static const TreeBinColumn *
column_of(const TreeBins *bins, int feature)
{
	for (int j = 0; j < bins->columns; j++)
		if (bins->column[j].feature == feature)
			return &bins->column[j];
	return NULL;
}

/* The bin that the definition gives a value. */
static int
expected_bin(const TreeBinColumn *column, double x)
{
	int			bin = 0;

	if (column->categories > 0)
		return x >= 0 ? column->bin_of[(int) x] : column->missing;
	if (isnan(x))
		return column->missing;
	while (bin < column->values - 1 && x > column->upper[bin])
		bin++;
	return bin;
}

static void
test_bins(size_t rows, double origin, bool weighted)
{
	EcmlCtx    *ctx = test_ctx(3, 5);
	double	   *x = make_rows(ctx, rows);
	double	   *y = ECML_NEW(ctx, double, rows);
	double	   *w = ECML_NEW(ctx, double, rows);
	double	   *origins = ECML_NEW0(ctx, double, COLUMNS);
	TreeBinsParams params = TREE_BINS_DEFAULTS;
	size_t		before;
	size_t		seen = 0;
	EcmlData   *data;
	TreeBins   *bins;
	size_t		wrong = 0;
	size_t		different = 0;
	const TreeBinColumn *column;
	size_t		least = rows;
	size_t		most = 0;

	for (size_t i = 0; i < rows; i++)
	{
		y[i] = (double) i;
		w[i] = 1 + i % 3;
	}
	origins[CONTINUOUS] = origins[FEW] = origins[TENTHS] = origin;
	data = ecml_data_from_rows(ctx, ECML_F4, rows, COLUMNS, x, y, weighted ? w : NULL);
	data->origin = origins;
	data->discard = discard;
	discards = (Discards) {data, 0, true};
	params.features = COLUMNS;
	params.categories = categories;
	params.visit = count_rows;
	params.arg = &seen;
	params.sample = 20000;
	before = ctx->used;
	bins = tree_bins_make(ctx, data, &params);

	ok(bins->rows == rows && bins->y[rows - 1] == rows - 1 && (weighted ? bins->w[2] == 3 : bins->w == NULL),
	   "%zu rows about %g%s", rows, origin, weighted ? ", weighted" : "");
	ok(seen == rows && discards.next == data->nblocks && discards.in_order, "each block is visited and given back, in order");
	ok(!column_of(bins, CONSTANT) && !column_of(bins, ALL_MISSING) && bins->columns == COLUMNS - 2, "constant columns are dropped");
	for (int j = 0; j < bins->columns; j++)
	{
		column = &bins->column[j];
		for (size_t i = 0; i < rows; i++)
		{
			size_t		b = i / TREE_BLOCK;
			size_t		k = i % TREE_BLOCK;
			uint8_t		bin = bins->row[b][k * bins->columns + j];

			wrong += bin != expected_bin(column, x[i * COLUMNS + column->feature] + origins[column->feature]);
			different += bin != bins->col[b][j * tree_block_stride(bins, b) + k];
		}
	}
	ok(wrong == 0, "bins are those of the definition (%zu are not)", wrong);
	ok(different == 0, "rows and columns agree");

	column = column_of(bins, CONTINUOUS);
	if (rows > 10000)
	{
		size_t		count[256] = {0};
		int			j = (int) (column - bins->column);

		ok(column->values == TREE_MAX_BINS && column->missing == TREE_NO_BIN, "many values: all bins are used");
		for (size_t i = 0; i < rows; i++)
			count[bins->row[i / TREE_BLOCK][i % TREE_BLOCK * bins->columns + j]]++;
		for (int k = 0; k < column->values; k++)
		{
			least = count[k] < least ? count[k] : least;
			most = count[k] > most ? count[k] : most;
		}
		ok(least > rows / 255 / 3 && most < 3 * rows / 255, "and of about equal size (%zu to %zu)", least, most);
		column = column_of(bins, SPIKED);
		ok(column->values > 200 && column->upper[0] > 0 && column->upper[0] < 0.26, "a value of half the rows has a bin of its own");
		column = column_of(bins, WIDE_CATEGORY);
		ok(column->grouped && column->values == TREE_MAX_BINS && column->bin_of[0] < 5 && column->bin_of[600] == TREE_MAX_BINS - 1,
		   "of too many categories the rare ones are together");
	}
	column = column_of(bins, FEW);
	ok(column->values == 17 && column->upper[0] == origin - 7.5 && column->upper[15] == origin + 7.5, "few values: cuts are halfway");
	ok(column_of(bins, RARE)->values == 2, "one row that differs is seen");
	column = column_of(bins, MISSING_FEW);
	ok(column->values == 3 && column->missing == 3 && column->bins == 4, "missing values have a bin");
	column = column_of(bins, MISSING_CATEGORY);
	ok(column->values == 3 && column->missing == 3, "missing categories too");
	column = column_of(bins, TWO_INFINITE);
	ok(column->values == 2 && isfinite(column->upper[0]), "the greatest floats are parted");
	ok(bins->first[bins->columns] == bins->total, "bins are numbered");

	tree_bins_free(ctx, bins);
	ok(ctx->used == before, "all memory is given back");
	test_ctx_free(ctx);
}

static void
test_same(void)
{
	EcmlCtx    *ctx = test_ctx(1, 5);
	EcmlCtx    *other = test_ctx(4, 5);
	size_t		rows = 60000;
	double	   *x = make_rows(ctx, rows);
	EcmlData   *data = ecml_data_from_rows(ctx, ECML_F4, rows, COLUMNS, x, NULL, NULL);
	TreeBinsParams params = TREE_BINS_DEFAULTS;
	TreeBins   *a;
	TreeBins   *b;
	bool		same;

	params.features = COLUMNS;
	params.categories = categories;
	params.sample = 5000;
	a = tree_bins_make(ctx, data, &params);
	other->budget = 2 << 20;
	b = tree_bins_make(other, data, &params);
	ok(a->col != NULL && b->col == NULL, "columns are left out where memory is short");
	same = a->columns == b->columns && a->total == b->total;
	for (size_t k = 0; k < a->nblocks && same; k++)
		same = memcmp(a->row[k], b->row[k], (size_t) tree_block_rows(a, k) * a->columns) == 0;
	ok(same, "the same bins on 1 and 4 threads, in any budget");
	test_ctx_free(other);
	test_ctx_free(ctx);
}

static void
test_words(void)
{
	uint8_t		bin_of[70];
	TreeBinColumn column = {.categories = 70,.bin_of = bin_of,.values = 3};
	bool		goes[256] = {false, true, false};
	uint32_t	words[3] = {0};
	bool		right = true;

	for (int c = 0; c < 70; c++)
		bin_of[c] = c % 3;
	tree_bins_words(&column, goes, words);
	for (int c = 0; c < 70; c++)
		right &= (words[c / 32] >> (c % 32) & 1) == (c % 3 == 1);
	ok(right && words[2] >> 6 == 0, "words of a split on categories");
}

/* Does binning come to its end? */
static bool
makes(EcmlCtx *ctx, EcmlData *data, const TreeBinsParams *params)
{
	if (!TRY(ctx))
		return false;
	tree_bins_make(ctx, data, params);
	return true;
}

static void
test_failures(void)
{
	EcmlCtx    *own = test_ctx(1, 1);
	double	   *x = make_rows(own, 9000);
	EcmlData   *data = ecml_data_from_rows(own, ECML_F4, 9000, COLUMNS, x, NULL, NULL);
	TreeBinsParams params = TREE_BINS_DEFAULTS;
	bool		made = false;
	int			failed = 0;
	int			tries = 0;

	params.features = COLUMNS;
	params.categories = categories;
	for (long after = 0; !made; after++, tries++)
	{
		EcmlCtx    *ctx = test_ctx(2, 1);

		test_host(ctx)->fail_after = after;
		made = makes(ctx, data, &params);
		failed += !made && test_host(ctx)->status == ECML_OUT_OF_MEMORY;
		test_ctx_free(ctx);
	}
	ok(failed == tries - 1 && tries > 20, "out of memory at each of %d places", failed);
	made = false;
	failed = tries = 0;
	for (long after = 0; !made; after++, tries++)
	{
		EcmlCtx    *ctx = test_ctx(2, 1);

		test_host(ctx)->cancel_after = after;
		made = makes(ctx, data, &params);
		failed += !made && test_host(ctx)->cancelled;
		test_ctx_free(ctx);
	}
	ok(failed == tries - 1 && tries > 2, "cancelled at each of %d polls", failed);
	test_ctx_free(own);
}

int
main(void)
{
	test_bins(40000, 0, false);
	test_bins(40000, 1e9, false);
	test_bins(21000, -5, true);
	test_bins(300, 0, false);
	test_same();
	test_words();
	test_failures();
	return done();
}
