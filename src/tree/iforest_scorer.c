/*
 * iforest_scorer.c - the path lengths of a row in many shallow trees at once
 *
 * For forests of numbers whose trees have at most 8 levels of splits, which samples of 256 rows give, on processors with AVX-512; for
 * all else there is no such scorer, and the forest's own serves.
 *
 * Each tree is made complete: a leaf before the last level goes on to the left.  A split is 16 bits, a cut and below it a slot: a
 * number's rank is how many of the forest's thresholds for its column are below it, and the row goes right when the rank in the slot
 * is above the cut.  A column has two slots, which differ where it is missing: one always goes left, the other right.  Ranks stand as
 * far up as cuts do, so that a rank is compared with a split as it is; and where few bits make a slot, the ranks are repeated, so
 * that a split as it is finds its rank in a register.
 *
 * The four upper levels of 32 trees stand split by split, and are chosen from by blending.  Each of the 16 subtrees below has its 15
 * splits and its 16 leaves in one line of the cache, and all splits of two of them are compared at once; which of the results count
 * is found for 32 trees at once.  A leaf is the number of its path length among those that there are.
 *
 * Each of these steps is taken for all trees before the next one begins: what one tree waits for is done beside the other trees'.
 * Sums are taken as tree_forest_predict takes them: the same bits.
 *
 * Cost of a row and 100 trees: some 700 cycles.  Memory: a kilobyte a tree.
 */
#include "iforest_internal.h"

#include "tree/tree_internal.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(ECML_NO_CLONES)
#include <immintrin.h>
#define HAVE_VECTORS 1
#else
#define HAVE_VECTORS 0
#endif

#define GROUP 32				/* trees: numbers of 16 bits in a vector */
#define HALF 4					/* levels of a top, and of a subtree below it */
#define SPLITS 15				/* of either */
#define BELOW 16				/* subtrees below a top */
#define LINE 32					/* numbers of 16 bits in a line of the cache */
#define LINE_BYTES 64
#define TREE_BYTES (BELOW * LINE_BYTES)
#define COLUMNS 4				/* ranked side by side */
#define FAN 16					/* cuts that a search looks at at once */
#define TOP_BLOCKS 3			/* of so many cuts that it begins with, at most: one after the other is sooner done than a level more */
#define MOST_LEVELS 4			/* FAN ^ 4 is all that 16 bits can tell */
#define MAX_TREES 10000
#define MOST_VALUES 4096		/* different path lengths */
#define MISSING_RIGHT UINT16_MAX	/* a rank above every cut */

/* The cuts of all columns for the search: [columns][blocks of FAN]; level 0 has all, each other the last one of each block below. */
typedef struct SearchLevel
{
	double	   *cuts;
	size_t		stride;			/* doubles of a column */
} SearchLevel;

struct IforestScorer
{
	int			ntrees;
	int			ngroups;
	int			ncolumns;
	int		   *columns;		/* [ncolumns to a multiple of COLUMNS] that are split on; then from the first one again */
	int			nlevels;
	int			top_blocks;
	SearchLevel level[MOST_LEVELS];
	int			slot_bits;
	uint16_t   *tops;			/* [ngroups][SPLITS][GROUP] cut << slot_bits | slot */
	uint16_t   *below;			/* [ntrees, even][BELOW][LINE] */
	int			nvalues;
	double	   *values;			/* [nvalues] path lengths of leaves, ascending */
	uint32_t   *scratch;
};

/* Numbers of 16 bits that the ranks take. */
static inline size_t
rank_room(const IforestScorer *scorer)
{
	return scorer->slot_bits <= 6 ? 64 : (size_t) 1 << scorer->slot_bits;
}

/* in numbers of 32 bits; the last ones are for where lines of the cache begin */
size_t
iforest_scorer_scratch(const IforestScorer *scorer)
{
	return rank_room(scorer) / 2 + (size_t) scorer->ngroups * GROUP + 16;
}

/* The next place where a line of the cache begins. */
static void *
whole_line(void *memory)
{
	return (void *) (((uintptr_t) memory + LINE_BYTES - 1) & ~(uintptr_t) (LINE_BYTES - 1));
}

/* ---------------------------------------------------------------- walking */

#if HAVE_VECTORS

/* what vectors and numbers exchange goes by memory: taking vectors apart is slower */
#define BY_MEMORY __asm__ volatile ("" ::: "memory")

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,popcnt")))
#define AVX512_INLINE AVX512 static inline __attribute__((always_inline))

/* How many of FAN cuts are below x; none are below NaN. */
AVX512_INLINE uint32_t
count_below(const double *cuts, __m512d x)
{
	__mmask8	low = _mm512_cmp_pd_mask(_mm512_loadu_pd(cuts), x, _CMP_LT_OQ);
	__mmask8	high = _mm512_cmp_pd_mask(_mm512_loadu_pd(cuts + FAN / 2), x, _CMP_LT_OQ);

	return (uint32_t) __builtin_popcount(low) + (uint32_t) __builtin_popcount(high);
}

/* How many cuts of column number u are below x. */
AVX512 static uint32_t
search(const IforestScorer *scorer, int u, double x)
{
	const SearchLevel *level = &scorer->level[scorer->nlevels - 1];
	__m512d		value = _mm512_set1_pd(x);
	uint32_t	rank = 0;

	for (int b = 0; b < scorer->top_blocks; b++)
		rank += count_below(level->cuts + u * level->stride + b * FAN, value);
	while (level-- > scorer->level)
		rank = FAN * rank + count_below(level->cuts + u * level->stride + FAN * (size_t) rank, value);
	return rank;
}

/* The ranks of a row, in the slots of their columns: searches side by side, without branches. */
AVX512_INLINE void
rank_row(const IforestScorer *scorer, const double *x, uint16_t *ranks)
{
	const int	ncolumns = scorer->ncolumns;
	const int	nlevels = scorer->nlevels;
	const int	top_blocks = scorer->top_blocks;
	const int	slot_bits = scorer->slot_bits;

	for (int u = 0; u < ncolumns; u += COLUMNS)
	{
		const SearchLevel *level = &scorer->level[nlevels - 1];
		const double *cuts = level->cuts + u * level->stride;
		__m512d		value[COLUMNS];
		uint32_t	rank[COLUMNS];
		uint32_t	both[COLUMNS];	/* to the right, and above it to the left */

#pragma GCC unroll 4
		for (int k = 0; k < COLUMNS; k++)
		{
			value[k] = _mm512_set1_pd(x[scorer->columns[u + k]]);
			rank[k] = count_below(cuts + k * level->stride, value[k]);
		}
		for (int b = 1; b < top_blocks; b++)
		{
#pragma GCC unroll 4
			for (int k = 0; k < COLUMNS; k++)
				rank[k] += count_below(cuts + k * level->stride + b * FAN, value[k]);
		}
		for (int l = nlevels - 2; l >= 0; l--)
		{
			level = &scorer->level[l];
			cuts = level->cuts + u * level->stride;
#pragma GCC unroll 4
			for (int k = 0; k < COLUMNS; k++)
				rank[k] = FAN * rank[k] + count_below(cuts + k * level->stride + FAN * (size_t) rank[k], value[k]);
		}
#pragma GCC unroll 4
		for (int k = 0; k < COLUMNS; k++)
		{
			double		number = _mm512_cvtsd_f64(value[k]);

			rank[k] <<= slot_bits;
			both[k] = number == number ? rank[k] | rank[k] << 16 : MISSING_RIGHT;
		}
		/* at once: what is read as a whole soon after should be written so */
		_mm_store_si128((__m128i *) (ranks + 2 * u), _mm_setr_epi32((int) both[0], (int) both[1], (int) both[2], (int) both[3]));
	}
}

/* 32 ranks, from those of number first on; fewer of them: again and again. */
AVX512_INLINE __m512i
ranks_at_hand(const uint16_t *ranks, int slot_bits, int first)
{
	const __m128i *chunks = (const __m128i *) (ranks + first);

	if (slot_bits <= 3)
		return _mm512_broadcast_i32x4(_mm_load_si128(chunks));
	if (slot_bits == 4)
		return _mm512_broadcast_i64x4(_mm256_inserti128_si256(_mm256_castsi128_si256(_mm_load_si128(chunks)),
															  _mm_load_si128(chunks + 1), 1));
	return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_inserti128_si256(_mm256_castsi128_si256(_mm_load_si128(chunks)),
																			 _mm_load_si128(chunks + 1), 1)),
							  _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_load_si128(chunks + 2)),
													  _mm_load_si128(chunks + 3), 1), 1);
}

typedef struct Row
{
	__m512i		hand[2];		/* ranks, when they are at hand */
	const uint16_t *ranks;
	__m512i		slots;			/* mask of the slot */
} Row;

/* Which of 16 splits send the row right?  Their ranks are fetched. */
AVX512_INLINE __mmask16
fetch_right(const Row *row, __m256i words)
{
	__m512i		word = _mm512_cvtepu16_epi32(words);
	__m512i		rank = _mm512_i32gather_epi32(_mm512_and_si512(word, row->slots), row->ranks, 2);

	return _mm512_cmpgt_epu32_mask(_mm512_and_si512(rank, _mm512_set1_epi32(UINT16_MAX)), word);
}

/* Which of 32 splits?  at_hand: registers that hold the ranks, 1 or 2; 0: they are fetched. */
AVX512_INLINE __mmask32
goes_right(const Row *row, __m512i words, const int at_hand)
{
	if (at_hand == 0)
		return fetch_right(row, _mm512_castsi512_si256(words)) |
			(__mmask32) fetch_right(row, _mm512_extracti64x4_epi64(words, 1)) << 16;
	return _mm512_cmpgt_epu16_mask(at_hand == 1 ? _mm512_permutexvar_epi16(words, row->hand[0]) :
								   _mm512_permutex2var_epi16(row->hand[0], words, row->hand[1]), words);
}

/* Split number i of a top, of 32 trees. */
#define TOP(i) _mm512_load_si512(top + (i) * GROUP)
#define CHOOSE(mask, left, right) _mm512_mask_blend_epi16(mask, left, right)

/* Through the tops: where in its tree the subtree begins that it goes on with, in bytes. */
AVX512_INLINE void
walk_tops(const IforestScorer *scorer, const Row *row, uint16_t *place, const int at_hand)
{
	const uint16_t *top = scorer->tops;
	const uint16_t *end = place + scorer->ngroups * GROUP;

	for (; place < end; place += GROUP, top += SPLITS * GROUP)
	{
		__mmask32	m0 = goes_right(row, TOP(0), at_hand);
		__mmask32	m1 = goes_right(row, CHOOSE(m0, TOP(1), TOP(2)), at_hand);
		__mmask32	m2 = goes_right(row, CHOOSE(m0, CHOOSE(m1, TOP(3), TOP(4)), CHOOSE(m1, TOP(5), TOP(6))), at_hand);
		__m512i		left = CHOOSE(m1, CHOOSE(m2, TOP(7), TOP(8)), CHOOSE(m2, TOP(9), TOP(10)));
		__m512i		right = CHOOSE(m1, CHOOSE(m2, TOP(11), TOP(12)), CHOOSE(m2, TOP(13), TOP(14)));
		__mmask32	m3 = goes_right(row, CHOOSE(m0, left, right), at_hand);
		__m512i		at = _mm512_maskz_set1_epi16(m0, 8 * LINE_BYTES);

		at = _mm512_mask_add_epi16(at, m1, at, _mm512_set1_epi16(4 * LINE_BYTES));
		at = _mm512_mask_add_epi16(at, m2, at, _mm512_set1_epi16(2 * LINE_BYTES));
		at = _mm512_mask_add_epi16(at, m3, at, _mm512_set1_epi16(LINE_BYTES));
		_mm512_store_si512(place, at);
	}
}

/* Which splits of the subtrees of two trees send the row right? */
AVX512_INLINE __mmask32
two_subtrees(const char *trees, const uint16_t *place, const Row *row, const int at_hand)
{
	__m256i		a = _mm256_load_si256((const __m256i *) (trees + place[0]));
	__m256i		b = _mm256_load_si256((const __m256i *) (trees + TREE_BYTES + place[1]));

	return goes_right(row, _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1), at_hand);
}

/* The path length of a tree is added.  As single numbers: a compiler would sooner put eight of them together, which takes longer. */
AVX512_INLINE __m128d
add_path(__m128d sum, const double *values, const char *tree, uint16_t place)
{
	return _mm_add_sd(sum, _mm_load_sd(values + *(const uint16_t *) (tree + place)));
}

AVX512_INLINE double
sum_paths(const IforestScorer *scorer, uint16_t *ranks, uint16_t *place, uint16_t *rights, const int at_hand)
{
	const __m512i one = _mm512_set1_epi16(1);
	const double *values = scorer->values;
	const char *tree = (const char *) scorer->below;
	const uint16_t *end = place + scorer->ntrees;
	uint16_t   *at = place;
	uint16_t   *right = rights;
	__m128d		sum[TREE_LANES];
	double		lane[TREE_LANES];
	Row			row;

	row.ranks = ranks;
	row.slots = _mm512_set1_epi32((1 << scorer->slot_bits) - 1);
	for (int i = 0; i < at_hand; i++)
		row.hand[i] = ranks_at_hand(ranks, scorer->slot_bits, 32 * i);
	walk_tops(scorer, &row, place, at_hand);
	BY_MEMORY;
	for (; at + 8 <= end; at += 8, right += 8, tree += 8 * TREE_BYTES)
	{
#pragma GCC unroll 4
		for (int i = 0; i < 8; i += 2)
			_store_mask32((__mmask32 *) (right + i), two_subtrees(tree + i * TREE_BYTES, at + i, &row, at_hand));
	}
	for (; at < end; at += 2, right += 2, tree += 2 * TREE_BYTES)
		_store_mask32((__mmask32 *) right, two_subtrees(tree, at, &row, at_hand));
	BY_MEMORY;
	/* those that count; leaves stand behind the splits */
	for (at = place, right = rights; at < end; at += GROUP, right += GROUP)
	{
		__m512i		goes = _mm512_load_si512(right);
		__m512i		i = _mm512_setzero_si512();

#pragma GCC unroll 4
		for (int level = 0; level < HALF; level++)
			i = _mm512_add_epi16(_mm512_add_epi16(_mm512_add_epi16(i, i), one),
								 _mm512_and_si512(_mm512_srlv_epi16(goes, i), one));
		_mm512_store_si512(at, _mm512_add_epi16(_mm512_load_si512(at), _mm512_add_epi16(i, i)));
	}
	BY_MEMORY;
	for (int l = 0; l < TREE_LANES; l++)
		sum[l] = _mm_setzero_pd();
	tree = (const char *) scorer->below;
	for (at = place; at + TREE_LANES <= end; at += TREE_LANES, tree += TREE_LANES * TREE_BYTES)
	{
#pragma GCC unroll 2
		for (int l = 0; l < TREE_LANES; l += 4)
		{
			uint64_t	places;

			memcpy(&places, at + l, sizeof(places));
#pragma GCC unroll 4
			for (int k = 0; k < 4; k++)
				sum[l + k] = add_path(sum[l + k], values, tree + (l + k) * TREE_BYTES, places >> 16 * k & UINT16_MAX);
		}
	}
	for (int l = 0; l < TREE_LANES; l++)
		lane[l] = _mm_cvtsd_f64(sum[l]);
	for (int l = 0; at < end; at++, l++, tree += TREE_BYTES)
		lane[l] += values[*(const uint16_t *) (tree + *at)];
	return tree_sum_lanes(lane);
}

AVX512 double
iforest_scorer_sum(const IforestScorer *scorer, const double *x, uint32_t *scratch)
{
	uint16_t   *ranks = whole_line(scratch ? scratch : scorer->scratch);
	uint16_t   *place = ranks + rank_room(scorer);
	uint16_t   *rights = place + scorer->ngroups * GROUP;

	rank_row(scorer, x, ranks);
	if (scorer->slot_bits <= 5)
		return sum_paths(scorer, ranks, place, rights, 1);
	return scorer->slot_bits == 6 ? sum_paths(scorer, ranks, place, rights, 2) : sum_paths(scorer, ranks, place, rights, 0);
}

bool
iforest_scorer_possible(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
		__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("popcnt");
}

#else

static uint32_t
search(const IforestScorer *scorer, int u, double x)
{
	return 0;					/* there is none */
}

bool
iforest_scorer_possible(void)
{
	return false;
}

double
iforest_scorer_sum(const IforestScorer *scorer, const double *x, uint32_t *scratch)
{
	return NAN;
}

#endif							/* HAVE_VECTORS */

/* ---------------------------------------------------------------- making */

typedef struct Making
{
	IforestScorer *scorer;
	const TreeForest *forest;
	const int  *slot_of;		/* [features] */
} Making;

/* Where split number i of a level of a complete tree stands, or, of the level below the last one with splits, leaf number i. */
static inline uint16_t *
place(const IforestScorer *scorer, int tree, int level, int i)
{
	int			deep = level - HALF;	/* of the subtree */

	if (deep < 0)
		return scorer->tops + ((size_t) (tree / GROUP) * SPLITS + (1 << level) - 1 + i) * GROUP + tree % GROUP;
	return scorer->below + ((size_t) tree * BELOW + (i >> deep)) * LINE + (1 << deep) - 1 + (i & ((1 << deep) - 1));
}

/* A leaf in place of split or leaf number i of a level: at all places below, whichever way a row goes. */
static void
fill_leaf(IforestScorer *scorer, int tree, int level, int i, uint16_t value)
{
	int			n = 1;

	for (; level < 2 * HALF; level++, i *= 2, n *= 2)
		for (int k = 0; k < n; k++)
			*place(scorer, tree, level, i + k) = 0;
	for (int k = 0; k < n; k++)
		*place(scorer, tree, level, i + k) = value;
}

/* Fill split or leaf number i of a level of a complete tree, and all below it, from a node of the forest's. */
static void
fill(const Making *making, int tree, int from, int level, int i)
{
	IforestScorer *scorer = making->scorer;
	const TreeNode *node = tree_root(making->forest, tree) + from;

	if (node->feature == TREE_LEAF)
	{
		fill_leaf(scorer, tree, level, i, (uint16_t) tree_cut_number(scorer->values, scorer->nvalues, node->threshold));
		return;
	}
	*place(scorer, tree, level, i) = (uint16_t) (search(scorer, making->slot_of[node->feature] / 2, node->threshold) <<
												 scorer->slot_bits | (making->slot_of[node->feature] + node->missing_left));
	fill(making, tree, node->left, level + 1, 2 * i);
	fill(making, tree, node->left + 1, level + 1, 2 * i + 1);
}

/* The path lengths of all leaves, each once; false: a forest that this is not for. */
static bool
find_values(EcmlCtx *ctx, IforestScorer *scorer, const TreeForest *forest)
{
	size_t		n = forest->first[forest->ntrees];

	for (int t = 0; t < forest->ntrees; t++)
		if (tree_depth(forest, t) > 2 * HALF)
			return false;
	scorer->values = ECML_NEW(ctx, double, MOST_VALUES);
	for (size_t i = 0; i < n; i++)
	{
		double		value = forest->nodes[i].threshold;
		int			at;

		if (forest->nodes[i].words >= 0)
			return false;
		if (forest->nodes[i].feature != TREE_LEAF)
			continue;
		/* they are few: whole depths, and the last one with what stands for so many rows */
		at = tree_cut_number(scorer->values, scorer->nvalues, value);
		if (at < scorer->nvalues && scorer->values[at] == value)
			continue;
		at += at < scorer->nvalues && scorer->values[at] < value;
		if (scorer->nvalues == MOST_VALUES)
			return false;
		memmove(scorer->values + at + 1, scorer->values + at, (scorer->nvalues - at) * sizeof(double));
		scorer->values[at] = value;
		scorer->nvalues++;
	}
	return true;
}

/* The search among the cuts of all columns, of which one has most. */
static void
make_search(EcmlCtx *ctx, IforestScorer *scorer, const TreeCuts *cuts, int most)
{
	int			padded = (scorer->ncolumns + COLUMNS - 1) / COLUMNS * COLUMNS;
	int			blocks;

	/* a block more than needed at each level: ranks may be beyond all cuts */
	do
	{
		SearchLevel *level = &scorer->level[scorer->nlevels++];

		blocks = most / FAN + 1;
		level->stride = (size_t) blocks * FAN;
		level->cuts = ECML_NEW(ctx, double, padded * level->stride);
		most = blocks - 1;
	} while (blocks > TOP_BLOCKS);
	scorer->top_blocks = blocks;
	for (int u = 0; u < padded; u++)
	{
		size_t		step = 1;

		for (int l = 0; l < scorer->nlevels; l++, step *= FAN)
		{
			const SearchLevel *level = &scorer->level[l];
			int			j = scorer->columns[u];

			for (size_t i = 0; i < level->stride; i++)
				level->cuts[u * level->stride + i] = (i + 1) * step - 1 < (size_t) cuts->count[j] ?
					cuts->cuts[cuts->first[j] + (i + 1) * step - 1] : INFINITY;
		}
	}
}

/* The columns that are split on, with their thresholds; false: they take more bits than there are. */
static bool
find_columns(EcmlCtx *ctx, IforestScorer *scorer, const TreeForest *forest, const TreeCuts *cuts, int *slot_of)
{
	int			most = 0;
	int			cut_bits = 0;

	scorer->columns = ECML_NEW0(ctx, int, forest->features + COLUMNS);
	for (int j = 0; j < forest->features; j++)
	{
		if (cuts->count[j] == 0)
			continue;
		most = cuts->count[j] > most ? cuts->count[j] : most;
		slot_of[j] = 2 * scorer->ncolumns;
		scorer->columns[scorer->ncolumns++] = j;
	}
	while (1 << scorer->slot_bits < 2 * scorer->ncolumns)
		scorer->slot_bits++;
	while (1 << cut_bits <= most)
		cut_bits++;
	if (scorer->slot_bits + cut_bits > 16 || scorer->ncolumns == 0)
		return false;
	for (int u = scorer->ncolumns; u % COLUMNS != 0; u++)
		scorer->columns[u] = scorer->columns[u - scorer->ncolumns];
	make_search(ctx, scorer, cuts, most);
	return true;
}

IforestScorer *
iforest_scorer_create(EcmlCtx *ctx, const TreeForest *forest)
{
	IforestScorer *scorer = ECML_NEW0(ctx, IforestScorer, 1);
	int		   *slot_of = ECML_NEW0(ctx, int, forest->features + 1);
	Making		making = {.scorer = scorer,.forest = forest,.slot_of = slot_of};
	TreeCuts   *cuts;
	bool		fits;

	if (!iforest_scorer_possible() || forest->ntrees > MAX_TREES || !find_values(ctx, scorer, forest))
		return NULL;
	cuts = tree_cuts_create(ctx, forest);
	fits = find_columns(ctx, scorer, forest, cuts, slot_of);
	if (fits)
	{
		size_t		ntops = (size_t) (forest->ntrees + GROUP - 1) / GROUP * SPLITS * GROUP;
		size_t		nbelow = (size_t) (forest->ntrees + 1) * BELOW * LINE;

		scorer->ntrees = forest->ntrees;
		scorer->ngroups = (forest->ntrees + GROUP - 1) / GROUP;
		scorer->tops = whole_line(ECML_NEW0(ctx, uint16_t, ntops + LINE));
		scorer->below = whole_line(ECML_NEW0(ctx, uint16_t, nbelow + LINE));
		scorer->scratch = ECML_NEW0(ctx, uint32_t, iforest_scorer_scratch(scorer));
		for (int t = 0; t < forest->ntrees; t++)
			fill(&making, t, 0, 0, 0);
	}
	tree_cuts_free(ctx, cuts);
	ecml_free(ctx, slot_of);
	return fits ? scorer : NULL;
}
