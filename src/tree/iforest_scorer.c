/*
 * iforest_scorer.c - the path lengths of a row in many shallow trees at once
 *
 * For forests of numbers whose trees have at most 8 levels of splits, which samples of 256 rows give, on processors with AVX-512; for
 * all else there is no such scorer, and the forest's own serves.
 *
 * Each tree is made complete: a leaf before the last level goes on to the left.  A split is 16 bits, a slot and a cut: a number's
 * rank is how many of the forest's thresholds for its column are below it, and the row goes right when the rank in the slot is above
 * the cut.  A column has two slots, which differ where it is missing: one always goes left, the other right.  The four upper levels
 * of 16 trees stand split by split, and are chosen from by blending.  Each of the 16 subtrees below has its 15 splits and its 16
 * leaves in one line of the cache; a leaf is the number of its path length among those that there are.
 *
 * Sums are taken as tree_forest_predict takes them: the same bits.
 */
#include "iforest_internal.h"

#include "tree/tree_internal.h"

#include <stdlib.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(ECML_NO_CLONES)
#include <immintrin.h>
#define HAVE_VECTORS 1
#else
#define HAVE_VECTORS 0
#endif

#define GROUP 16				/* trees */
#define HALF 4					/* levels of a top, and of a subtree below it */
#define SPLITS 15				/* of either */
#define BELOW 16				/* subtrees below a top */
#define LINE 32					/* numbers of 16 bits in a line of the cache */
#define COLUMNS 4				/* ranked side by side */
#define SLOTS_AT_HAND 64		/* they fit four registers */
#define MAX_TREES 10000
#define MISSING_RIGHT 65535		/* a rank above every cut */

struct IforestScorer
{
	int			ngroups;
	int			ncolumns;
	int		   *columns;		/* [ncolumns to a multiple of COLUMNS] that are split on; the last one again */
	int			search;			/* steps of a search among cuts */
	double	   *cuts;			/* [ncolumns to a multiple of COLUMNS][2 ^ search] ascending, then infinity */
	int			cut_bits;
	uint16_t   *tops;			/* [ngroups][SPLITS][GROUP] slot << cut_bits | cut */
	uint16_t   *below;			/* [ngroups][GROUP][BELOW][LINE] */
	int			nvalues;
	double	   *values;			/* [nvalues] path lengths of leaves, ascending */
	uint32_t   *ranks;			/* scratch */
};

/* ---------------------------------------------------------------- walking */

#if HAVE_VECTORS

/* what vectors and numbers exchange goes by memory: taking vectors apart is slower */
#define BY_MEMORY __asm__ volatile ("" ::: "memory")

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define AVX512_INLINE AVX512 static inline __attribute__((always_inline))

/* How many cuts are below each column's value: searches side by side, without branches. */
static inline void
rank_row(const IforestScorer *scorer, const double *x, uint32_t *ranks)
{
	for (int u = 0; u < scorer->ncolumns; u += COLUMNS)
	{
		const double *cuts[COLUMNS];
		double		value[COLUMNS];
		uint32_t	below[COLUMNS] = {0};

		for (int k = 0; k < COLUMNS; k++)
		{
			cuts[k] = scorer->cuts + ((size_t) (u + k) << scorer->search);
			value[k] = x[scorer->columns[u + k]];
		}
		for (int bit = scorer->search - 1; bit >= 0; bit--)
		{
			uint32_t	step = UINT32_C(1) << bit;

#pragma GCC unroll 4
			for (int k = 0; k < COLUMNS; k++)
				below[k] += (uint32_t) (cuts[k][below[k] + step - 1] < value[k]) << bit;
		}
		for (int k = 0; k < COLUMNS && u + k < scorer->ncolumns; k++)
		{
			bool		missing = isnan(value[k]);

			ranks[2 * (u + k)] = missing ? MISSING_RIGHT : below[k];
			ranks[2 * (u + k) + 1] = missing ? 0 : below[k];
		}
	}
}

typedef struct Row
{
	__m512i		hand[4];		/* ranks, when they are at hand */
	const uint32_t *ranks;
	__m512i		low;			/* mask of the cut */
	__m128i		bits;			/* how far the slot is shifted */
} Row;

/* Which of 16 splits send the row right?  at_hand: registers that hold the ranks, 2 or 4; 0: they are fetched. */
AVX512_INLINE __mmask16
goes_right(const Row *row, __m512i word, const int at_hand)
{
	__m512i		slot = _mm512_srl_epi32(word, row->bits);
	__m512i		rank = at_hand == 0 ? _mm512_i32gather_epi32(slot, row->ranks, 4) :
		_mm512_permutex2var_epi32(row->hand[0], slot, row->hand[1]);

	if (at_hand == 4)
		rank = _mm512_mask_blend_epi32(_mm512_test_epi32_mask(slot, _mm512_set1_epi32(32)), rank,
									   _mm512_permutex2var_epi32(row->hand[2], slot, row->hand[3]));

	return _mm512_cmpgt_epu32_mask(rank, _mm512_and_si512(word, row->low));
}

/* Split number i of a top, of 16 trees. */
AVX512_INLINE __m512i
top_split(const uint16_t *top, int i)
{
	return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *) (top + i * GROUP)));
}

AVX512_INLINE double
sum_paths(const IforestScorer *scorer, const uint32_t *ranks, const int at_hand)
{
	/* of 16 trees, where the subtrees of each begin, in numbers of 16 bits */
	const __m512i begin = _mm512_setr_epi32(0, 512, 1024, 1536, 2048, 2560, 3072, 3584, 4096, 4608, 5120, 5632, 6144, 6656, 7168, 7680);
	const __m512i one = _mm512_set1_epi32(1);
	double		lane[TREE_LANES] = {0};
	Row			row;

	row.ranks = ranks;
	for (int i = 0; i < at_hand; i++)
		row.hand[i] = _mm512_loadu_si512(ranks + 16 * i);
	row.low = _mm512_set1_epi32((1 << scorer->cut_bits) - 1);
	row.bits = _mm_cvtsi32_si128(scorer->cut_bits);
	for (int g = 0; g < scorer->ngroups; g++)
	{
		const uint16_t *top = scorer->tops + (size_t) g * SPLITS * GROUP;
		const uint16_t *below = scorer->below + (size_t) g * GROUP * BELOW * LINE;
		__mmask16	m0 = goes_right(&row, top_split(top, 0), at_hand);
		__mmask16	m1 = goes_right(&row, _mm512_mask_blend_epi32(m0, top_split(top, 1), top_split(top, 2)), at_hand);
		__m512i		left = _mm512_mask_blend_epi32(m1, top_split(top, 3), top_split(top, 4));
		__m512i		right = _mm512_mask_blend_epi32(m1, top_split(top, 5), top_split(top, 6));
		__mmask16	m2 = goes_right(&row, _mm512_mask_blend_epi32(m0, left, right), at_hand);
		__m512i		ll = _mm512_mask_blend_epi32(m2, top_split(top, 7), top_split(top, 8));
		__m512i		lr = _mm512_mask_blend_epi32(m2, top_split(top, 9), top_split(top, 10));
		__m512i		rl = _mm512_mask_blend_epi32(m2, top_split(top, 11), top_split(top, 12));
		__m512i		rr = _mm512_mask_blend_epi32(m2, top_split(top, 13), top_split(top, 14));
		__mmask16	m3;
		__m512i		at;
		__m512i		rights;
		uint16_t	right_of[GROUP];
		uint32_t	line_of[GROUP];
		uint32_t	leaf_of[GROUP];

		left = _mm512_mask_blend_epi32(m1, ll, lr);
		right = _mm512_mask_blend_epi32(m1, rl, rr);
		m3 = goes_right(&row, _mm512_mask_blend_epi32(m0, left, right), at_hand);
		at = _mm512_mask_add_epi32(begin, m0, begin, _mm512_set1_epi32(8 * LINE));
		at = _mm512_mask_add_epi32(at, m1, at, _mm512_set1_epi32(4 * LINE));
		at = _mm512_mask_add_epi32(at, m2, at, _mm512_set1_epi32(2 * LINE));
		at = _mm512_mask_add_epi32(at, m3, at, _mm512_set1_epi32(LINE));
		_mm512_storeu_si512(line_of, at);
		BY_MEMORY;
		/* all splits of the subtree that each tree goes on with; a line is read at once, which is quicker than 16 gathers */
#pragma GCC unroll 16
		for (int k = 0; k < GROUP; k++)
			_store_mask16((__mmask16 *) &right_of[k], goes_right(&row, top_split(below + line_of[k], 0), at_hand));
		BY_MEMORY;
		rights = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *) right_of));
		at = _mm512_setzero_si512();
		for (int level = 0; level < HALF; level++)
			at = _mm512_add_epi32(_mm512_add_epi32(_mm512_add_epi32(at, at), one),
								  _mm512_and_si512(_mm512_srlv_epi32(rights, at), one));
		_mm512_storeu_si512(leaf_of, at);
		BY_MEMORY;
		/* leaves stand behind the splits */
#pragma GCC unroll 16
		for (int k = 0; k < GROUP; k++)
			lane[k % TREE_LANES] += scorer->values[below[line_of[k] + leaf_of[k]]];
	}
	return tree_sum_lanes(lane);
}

AVX512 static double
score_row(const IforestScorer *scorer, const double *x, uint32_t *ranks)
{
	rank_row(scorer, x, ranks);
	if (2 * scorer->ncolumns <= SLOTS_AT_HAND / 2)
		return sum_paths(scorer, ranks, 2);
	return 2 * scorer->ncolumns <= SLOTS_AT_HAND ? sum_paths(scorer, ranks, 4) : sum_paths(scorer, ranks, 0);
}

bool
iforest_scorer_possible(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
		__builtin_cpu_supports("avx512vl");
}

double
iforest_scorer_sum(const IforestScorer *scorer, const double *x, uint32_t *ranks)
{
	return score_row(scorer, x, ranks ? ranks : scorer->ranks);
}

#else

bool
iforest_scorer_possible(void)
{
	return false;
}

double
iforest_scorer_sum(const IforestScorer *scorer, const double *x, uint32_t *ranks)
{
	return NAN;					/* there is none */
}

#endif							/* HAVE_VECTORS */

size_t
iforest_scorer_scratch(const IforestScorer *scorer)
{
	return 2 * scorer->ncolumns > SLOTS_AT_HAND ? 2 * scorer->ncolumns : SLOTS_AT_HAND;
}

/* ---------------------------------------------------------------- making */

typedef struct Making
{
	IforestScorer *scorer;
	const TreeForest *forest;
	const TreeCuts *cuts;
	const int  *slot_of;		/* [features] */
} Making;

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* Where split number i of a complete tree stands, of 2 HALF levels, or (i beyond its splits) its leaf. */
static uint16_t *
place(const IforestScorer *scorer, int tree, int i)
{
	int			level = 0;
	int			within;
	uint16_t   *line;

	if (i < SPLITS)
		return scorer->tops + ((size_t) (tree / GROUP) * SPLITS + i) * GROUP + tree % GROUP;
	while ((2 << level) - 1 <= i)
		level++;
	/* of the subtree: which one, and where in it */
	within = i - ((1 << level) - 1);
	line = scorer->below + ((size_t) tree * BELOW + (within >> (level - HALF))) * LINE;
	return line + (1 << (level - HALF)) - 1 + (within & ((1 << (level - HALF)) - 1));
}

/* Fill split or leaf number to of a complete tree, and all below it, from a node of the forest's. */
static void
fill(const Making *making, int tree, int from, int to)
{
	const TreeForest *forest = making->forest;
	IforestScorer *scorer = making->scorer;
	const TreeNode *node = tree_root(forest, tree) + from;
	const int	splits = (1 << 2 * HALF) - 1;

	/* of a slot and a cut that are all ones nothing is above the cut, but what is missing: then the leaf must be there as well */
	if (node->feature == TREE_LEAF && to < splits)
	{
		*place(scorer, tree, to) = 0;
		fill(making, tree, from, 2 * to + 1);
		fill(making, tree, from, 2 * to + 2);
		return;
	}
	if (node->feature == TREE_LEAF)
	{
		const double *found = bsearch(&node->threshold, scorer->values, scorer->nvalues, sizeof(double), compare_doubles);

		*place(scorer, tree, to) = (uint16_t) (found - scorer->values);
		return;
	}
	*place(scorer, tree, to) = (uint16_t) ((making->slot_of[node->feature] + node->missing_left) << scorer->cut_bits |
										   tree_cut_number(making->cuts->cuts + making->cuts->first[node->feature],
														   making->cuts->count[node->feature], node->threshold));
	fill(making, tree, node->left, 2 * to + 1);
	fill(making, tree, node->left + 1, 2 * to + 2);
}

/* The path lengths of all leaves, each once; false: a forest that this is not for. */
static bool
find_values(EcmlCtx *ctx, IforestScorer *scorer, const TreeForest *forest)
{
	size_t		n = forest->first[forest->ntrees];
	size_t		nleaves = 0;

	for (int t = 0; t < forest->ntrees; t++)
		if (tree_depth(forest, t) > 2 * HALF)
			return false;
	scorer->values = ECML_NEW(ctx, double, n + 1);
	for (size_t i = 0; i < n; i++)
	{
		if (forest->nodes[i].words >= 0)
			return false;
		if (forest->nodes[i].feature == TREE_LEAF)
			scorer->values[nleaves++] = forest->nodes[i].threshold;
	}
	qsort(scorer->values, nleaves, sizeof(double), compare_doubles);
	for (size_t i = 0; i < nleaves; i++)
		if (scorer->nvalues == 0 || scorer->values[scorer->nvalues - 1] != scorer->values[i])
			scorer->values[scorer->nvalues++] = scorer->values[i];
	return scorer->nvalues <= UINT16_MAX;
}

/* The columns that are split on, with their thresholds; false: they take more bits than there are. */
static bool
find_columns(EcmlCtx *ctx, IforestScorer *scorer, const TreeForest *forest, const TreeCuts *cuts, int *slot_of)
{
	int			most = 0;
	int			slot_bits = 0;
	int			padded;
	size_t		width;

	scorer->columns = ECML_NEW0(ctx, int, forest->features + COLUMNS);
	for (int j = 0; j < forest->features; j++)
	{
		if (cuts->count[j] == 0)
			continue;
		most = cuts->count[j] > most ? cuts->count[j] : most;
		slot_of[j] = 2 * scorer->ncolumns;
		scorer->columns[scorer->ncolumns++] = j;
	}
	while (1 << slot_bits < 2 * scorer->ncolumns)
		slot_bits++;
	while (1 << scorer->cut_bits <= most)
		scorer->cut_bits++;
	if (slot_bits + scorer->cut_bits > 16 || scorer->ncolumns == 0)
		return false;
	scorer->search = scorer->cut_bits;
	padded = (scorer->ncolumns + COLUMNS - 1) / COLUMNS * COLUMNS;
	width = (size_t) 1 << scorer->search;
	scorer->cuts = ECML_NEW(ctx, double, padded * width);
	for (int u = 0; u < padded; u++)
	{
		int			n;

		if (u >= scorer->ncolumns)
			scorer->columns[u] = scorer->columns[scorer->ncolumns - 1];
		n = cuts->count[scorer->columns[u]];
		memcpy(scorer->cuts + u * width, cuts->cuts + cuts->first[scorer->columns[u]], n * sizeof(double));
		for (size_t i = n; i < width; i++)
			scorer->cuts[u * width + i] = INFINITY;
	}
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
	making.cuts = cuts;
	fits = find_columns(ctx, scorer, forest, cuts, slot_of);
	if (fits)
	{
		scorer->ngroups = (forest->ntrees + GROUP - 1) / GROUP;
		scorer->tops = ECML_NEW0(ctx, uint16_t, (size_t) scorer->ngroups * SPLITS * GROUP);
		scorer->below = ECML_NEW0(ctx, uint16_t, (size_t) scorer->ngroups * GROUP * BELOW * LINE);
		scorer->ranks = ECML_NEW0(ctx, uint32_t, iforest_scorer_scratch(scorer));
		for (int t = 0; t < forest->ntrees; t++)
			fill(&making, t, 0, 0);
		/* trees that only fill a group add nothing */
		if (forest->ntrees % GROUP != 0)
			scorer->values[scorer->nvalues] = 0;
		for (int t = forest->ntrees; t < scorer->ngroups * GROUP; t++)
			for (int i = 0; i < BELOW * BELOW; i++)
				*place(scorer, t, BELOW * BELOW - 1 + i) = (uint16_t) scorer->nvalues;
	}
	tree_cuts_free(ctx, cuts);
	ecml_free(ctx, slot_of);
	return fits ? scorer : NULL;
}
