/*
 * score.c - a user's scores, the best items, and why
 *
 * Factors are scored from a coarse copy first, a byte a factor, sixteen items side by side: each step multiplies one factor of the
 * user with that factor of sixteen items, and no sum goes across a register.  What this costs is reading the copy, so that items stand
 * in it in the order of their lengths, and its end is rarely read.  How far a coarse score can be off is known, so that few items need
 * their exact score.
 *
 * Neighbours (Deshpande and Karypis 2004): the score of an item is the sum, over the user's items j, of value_j similarity(j, i).
 * A mix adds parts that were each divided by their greatest score (but for what is bought again), times their weights.
 */
#include "dense.h"

#define BLOCKS 4				/* of REC_LANES items that are scored at once */
#define AHEAD 8					/* rows that are asked of memory before their turn */

/* ---- the best n: a heap with the worst on top; ties go to the lower number */

static inline bool
worse(RecBest a, RecBest b)
{
	return a.score < b.score || (a.score == b.score && a.item > b.item);
}

static void
sink(RecBest *heap, int n, RecBest entry)
{
	int			at = 0;

	for (;;)
	{
		int			child = 2 * at + 1;

		if (child >= n)
			break;
		if (child + 1 < n && worse(heap[child + 1], heap[child]))
			child++;
		if (!worse(heap[child], entry))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = entry;
}

typedef struct Chosen
{
	RecBest    *heap;			/* [n] */
	int			n;
	int			found;
	const uint8_t *allowed;
	const uint8_t *blank;
	const int32_t *exclude;
	int			nexclude;
} Chosen;

static bool
may_be_listed(const Chosen *chosen, int item)
{
	if ((chosen->allowed && !chosen->allowed[item]) || (chosen->blank && chosen->blank[item]))
		return false;
	if (chosen->nexclude > 0)
	{
		int			low = 0;
		int			high = chosen->nexclude;

		while (low < high)
		{
			int			middle = (low + high) / 2;

			if (chosen->exclude[middle] < item)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < chosen->nexclude && chosen->exclude[low] == item)
			return false;
	}
	return true;
}

static void
choose(Chosen *chosen, int item, float score)
{
	RecBest		entry = {item, score};

	if (chosen->found == chosen->n && !worse(chosen->heap[0], entry))
		return;
	if (!may_be_listed(chosen, item))
		return;
	if (chosen->found < chosen->n)
	{
		int			at = chosen->found++;

		while (at > 0 && worse(entry, chosen->heap[(at - 1) / 2]))
		{
			chosen->heap[at] = chosen->heap[(at - 1) / 2];
			at = (at - 1) / 2;
		}
		chosen->heap[at] = entry;
	}
	else
		sink(chosen->heap, chosen->n, entry);
}

/* The heap becomes a list, the best first. */
static void
order(RecBest *heap, int n)
{
	for (int at = n - 1; at > 0; at--)
	{
		RecBest		last = heap[at];

		heap[at] = heap[0];
		sink(heap, at, last);
	}
}

/* ---- factors */

/* Byte n of the words, with its sign, as floats. */
#define BYTE(words, n) __builtin_convertvector((LaneNumbers) ((words) << (24 - 8 * (n))) >> 24, Lanes)
#define WORDS(p) (*(const LaneWords *) (p))

/* What four factors add to the scores of REC_LANES items; x is by step, with zeros behind the last factor. */
#define ADD_WORDS(s, p, x) \
	do { \
		LaneWords	words = WORDS(p); \
		(s) += BYTE(words, 0) * (x)[0]; \
		(s) += BYTE(words, 1) * (x)[1]; \
		(s) += BYTE(words, 2) * (x)[2]; \
		(s) += BYTE(words, 3) * (x)[3]; \
	} while (0)

typedef int LaneWords __attribute__((vector_size(REC_LANES * sizeof(int)), may_alias));

/* Coarse scores of BLOCKS * REC_LANES items that stand in one piece; step: of each. */
static inline __attribute__((always_inline)) void
coarse_blocks(const uint32_t *coarse, const float *step, const float *x, int words, float *scores)
{
	const uint32_t *b1 = coarse + (size_t) words * REC_LANES;
	const uint32_t *b2 = coarse + (size_t) words * REC_LANES * 2;
	const uint32_t *b3 = coarse + (size_t) words * REC_LANES * 3;
	Lanes		s0 = {0};
	Lanes		s1 = {0};
	Lanes		s2 = {0};
	Lanes		s3 = {0};

	for (int w = 0; w < words; w++)
	{
		/* the next ones: they begin on another page, which the processor does not foresee */
		__builtin_prefetch(coarse + (size_t) (BLOCKS * words + w) * REC_LANES);
		__builtin_prefetch(b1 + (size_t) (BLOCKS * words + w) * REC_LANES);
		__builtin_prefetch(b2 + (size_t) (BLOCKS * words + w) * REC_LANES);
		__builtin_prefetch(b3 + (size_t) (BLOCKS * words + w) * REC_LANES);
		ADD_WORDS(s0, coarse + w * REC_LANES, x + 4 * w);
		ADD_WORDS(s1, b1 + w * REC_LANES, x + 4 * w);
		ADD_WORDS(s2, b2 + w * REC_LANES, x + 4 * w);
		ADD_WORDS(s3, b3 + w * REC_LANES, x + 4 * w);
	}
	LANES_OUT(scores) = s0 * LANES(step);
	LANES_OUT(scores + REC_LANES) = s1 * LANES(step + REC_LANES);
	LANES_OUT(scores + 2 * REC_LANES) = s2 * LANES(step + 2 * REC_LANES);
	LANES_OUT(scores + 3 * REC_LANES) = s3 * LANES(step + 3 * REC_LANES);
}

static inline __attribute__((always_inline)) void
coarse_block(const uint32_t *coarse, const float *step, const float *x, int words, float *scores)
{
	Lanes		s = {0};

	for (int w = 0; w < words; w++)
		ADD_WORDS(s, coarse + w * REC_LANES, x + 4 * w);
	LANES_OUT(scores) = s * LANES(step);
}

/* ---- a threshold: the n-th greatest of scores, without sorting them */

typedef struct Threshold
{
	const float *scores;		/* by place */
	int32_t    *candidates;		/* [capacity] places that could be among the n */
	int			n;
	int			found;
	int			capacity;		/* 2 n or more, or all items */
	float		limit;			/* n of the candidates have as much */
} Threshold;

/* Put the n greatest in front (Hoare's selection): what is left behind is no greater than any of them. */
static void
select_greatest(const float *scores, int32_t *v, int count, int n)
{
	int			low = 0;
	int			high = count - 1;

	while (low < high)
	{
		float		pivot = scores[v[low + (high - low) / 2]];
		int			i = low;
		int			j = high;

		while (i <= j)
		{
			while (scores[v[i]] > pivot)
				i++;
			while (scores[v[j]] < pivot)
				j--;
			if (i <= j)
			{
				int32_t		swap = v[i];

				v[i++] = v[j];
				v[j--] = swap;
			}
		}
		if (n - 1 <= j)
			high = j;
		else if (n - 1 >= i)
			low = i;
		else
			break;
	}
}

/* Of the candidates only the n greatest stay, and what follows must be greater than the least of them. */
static void
shrink(Threshold *threshold)
{
	float		least = INFINITY;

	if (threshold->found < threshold->n)
		return;
	select_greatest(threshold->scores, threshold->candidates, threshold->found, threshold->n);
	threshold->found = threshold->n;
	for (int i = 0; i < threshold->n; i++)
	{
		float		score = threshold->scores[threshold->candidates[i]];

		least = score < least ? score : least;
	}
	threshold->limit = least;
}

/*
 * The best items, exactly, though few are scored.
 *
 * How far a coarse score can be off is known: by no more than an item's step times e, the lesser of two bounds: half the sum of |x_k|,
 * and |x| times the greatest distance of an item from its copy (Cauchy and Schwarz), x by the size of each factor; and what rounding of
 * the sums adds.  So coarse scores give bounds from below.  The n-th best of these is a score that n items reach; whatever cannot
 * reach it need not be scored exactly.  No score exceeds |x| times the length of an item's row: as items stand in the order of their
 * lengths, the search ends where that is not enough (Teflioudi, Gemulla and Mykytiuk 2015).
 *
 * scores [items] and candidates [items] are scratch.
 */
static ECML_CLONES void
best_by_factors(const RecFactors *f, const float *x, float shift, Chosen *chosen, float *scores, int32_t *candidates)
{
	float		sized[REC_MAX_FACTORS + 2 * REC_LANES] = {0};
	int			words = rec_coarse_words(f->dimension);
	float		block[BLOCKS * REC_LANES] __attribute__((aligned(ECML_ALIGN))) = {0};
	int			blocks = (f->items + REC_LANES - 1) / REC_LANES;
	Threshold	threshold = {scores, candidates, chosen->n, 0, f->items, -INFINITY};
	float		length = sqrtf(dense_dot(x, x, f->stride)) * 1.0001f + 1e-18f;	/* no less, however it was rounded */
	float		sum = 0;
	double		square = 0;		/* which would vanish in single precision sooner than the scores do */
	float		error;
	int			scored = f->items;

	if (chosen->n < f->items / 2)
		threshold.capacity = 2 * chosen->n + REC_LANES < f->items ? 2 * chosen->n + REC_LANES : f->items;
	for (int k = 0; k < f->dimension; k++)
	{
		sized[k] = x[k] * f->size[k];
		sum += fabsf(sized[k]);
		square += (double) sized[k] * sized[k];
	}
	error = 1.01f * f->distance * (float) sqrt(square);
	error = 0.02f * sum + (error < 0.5f * sum ? error : 0.5f * sum);
	for (int b = 0; b < blocks; b += BLOCKS)
	{
		const uint32_t *coarse = f->coarse + (size_t) b * words * REC_LANES;
		int			first = b * REC_LANES;
		int			count = f->items - first < BLOCKS * REC_LANES ? f->items - first : BLOCKS * REC_LANES;
		int			any = 0;

		if (f->length[first] * length < threshold.limit - 1e-6f * fabsf(shift))
		{
			scored = first;
			break;
		}
		if (b + BLOCKS <= blocks)
			coarse_blocks(coarse, f->step + first, sized, words, block);
		else
			for (int c = b; c < blocks; c++)
				coarse_block(f->coarse + (size_t) c * words * REC_LANES, f->step + c * REC_LANES, sized, words,
							 block + (c - b) * REC_LANES);
		for (int i = 0; i < count; i++)
		{
			block[i] -= f->step[first + i] * error;
			any |= block[i] > threshold.limit;
		}
		memcpy(scores + first, block, count * sizeof(float));
		for (int i = 0; any && i < count; i++)
			if (block[i] > threshold.limit && may_be_listed(chosen, f->order[first + i]))
			{
				candidates[threshold.found++] = first + i;
				if (threshold.found == threshold.capacity)
					shrink(&threshold);
			}
	}
	shrink(&threshold);
	for (int i = 0; i < threshold.found; i++)
	{
		int			item = f->order[candidates[i]];

		if (i + AHEAD < threshold.found)
			__builtin_prefetch(f->item + (size_t) f->order[candidates[i + AHEAD]] * f->stride);
		choose(chosen, item, dense_dot(f->item + (size_t) item * f->stride, x, f->stride) + shift);
		scores[candidates[i]] = -INFINITY;	/* done */
	}
	/* were there fewer than n, then that is all */
	for (int first = 0; chosen->found == chosen->n && first < scored; first += BLOCKS * REC_LANES)
	{
		int			count = scored - first < BLOCKS * REC_LANES ? scored - first : BLOCKS * REC_LANES;
		float		worst = chosen->heap[0].score;
		float		limit = worst - shift - 1e-6f * (fabsf(worst) + fabsf(shift));
		int			any = 0;

		for (int i = 0; i < count; i++)
			any |= scores[first + i] + 2 * f->step[first + i] * error >= limit;
		for (int i = 0; any && i < count; i++)
			if (scores[first + i] + 2 * f->step[first + i] * error >= limit)
			{
				int			item = f->order[first + i];

				choose(chosen, item, dense_dot(f->item + (size_t) item * f->stride, x, f->stride) + shift);
			}
	}
}

static ECML_CLONES void
scores_by_factors(const RecFactors *f, const float *x, float shift, float *scores)
{
	for (int i = 0; i < f->items; i++)
		scores[i] = dense_dot(f->item + (size_t) i * f->stride, x, f->stride) + shift;
}

/* With ratings: the user's vector as it meets the items' (a 1 for their bias), and what is added. */
static float
prepare_ratings(const RecFactors *f, const float *factors, float *x)
{
	memcpy(x, factors, f->stride * sizeof(float));
	if (!f->ratings)
		return 0;
	x[f->dimension - 1] = 1;
	return (float) f->mean + factors[f->dimension - 1];
}

/* ---- parts */

bool
rec_knows(const RecModel *model, const RecUser *user)
{
	/* factors of a user who has nothing (all was returned) say nothing */
	if (model->mix[REC_PART_FACTORS] > 0 && user->factors && user->n > 0)
		return true;
	if (model->mix[REC_PART_USERS] > 0 && user->ncandidates > 0)
		return true;
	return user->n > 0 && (model->mix[REC_PART_ITEMS] > 0 || model->mix[REC_PART_CONTENT] > 0 || model->mix[REC_PART_REPEAT] > 0);
}

static void
add_neighbors(const RecModel *model, const RecNeighbors *neighbors, const RecUser *user, float *scores)
{
	float		mean = 0;

	if (model->ratings)
	{
		for (int u = 0; u < user->n; u++)
			mean += user->values[u];
		mean /= user->n;
	}
	for (int u = 0; u < user->n; u++)
	{
		int			item = user->items[u];
		float		value = user->values[u] - mean;

		if (item < neighbors->rows)
			for (size_t e = neighbors->start[item]; e < neighbors->start[item + 1]; e++)
				scores[neighbors->other[e]] += value * neighbors->similarity[e];
	}
}

bool
rec_part_scores(const RecModel *model, const RecUser *user, RecPart part, float *scores)
{
	size_t		bytes = (size_t) model->items * sizeof(float);

	switch (part)
	{
		case REC_PART_FACTORS:
			if (model->factors == NULL || user->factors == NULL || user->n == 0)
				return false;
			else
			{
				float		x[REC_MAX_FACTORS + 2 * REC_LANES] __attribute__((aligned(ECML_ALIGN)));
				float		shift = prepare_ratings(model->factors, user->factors, x);

				scores_by_factors(model->factors, x, shift, scores);
			}
			return true;
		case REC_PART_ITEMS:
		case REC_PART_CONTENT:
			{
				const RecNeighbors *neighbors = part == REC_PART_ITEMS ? model->neighbors : model->content;

				if (neighbors == NULL || user->n == 0)
					return false;
				memset(scores, 0, bytes);
				add_neighbors(model, neighbors, user, scores);
				return true;
			}
		case REC_PART_USERS:
			if (user->ncandidates == 0)
				return false;
			memset(scores, 0, bytes);
			for (int c = 0; c < user->ncandidates; c++)
				scores[user->candidates[c]] += user->candidate_scores[c];
			return true;
		case REC_PART_REPEAT:
			if (user->n == 0)
				return false;
			memset(scores, 0, bytes);
			for (int u = 0; u < user->n; u++)
				scores[user->items[u]] = user->values[u];
			return true;
		default:
			if (user->group >= 0 && model->group_popularity)
			{
				const RecMatrix *m = model->group_popularity;

				memset(scores, 0, bytes);
				for (size_t e = m->start[user->group]; e < m->start[user->group + 1]; e++)
					scores[m->column[e]] = m->value[e];
			}
			else
				memcpy(scores, model->popularity, bytes);
			return true;
	}
}

size_t
rec_scorer_size(const RecModel *model)
{
	return 2 * rec_places(model->items) * sizeof(float);
}

void
rec_scorer_init(EcmlCtx *ctx, RecScorer *scorer, const RecModel *model)
{
	rec_scorer_place(scorer, model, ecml_alloc(ctx, rec_scorer_size(model)));
}

void
rec_scorer_place(RecScorer *scorer, const RecModel *model, void *memory)
{
	scorer->model = model;
	scorer->scores = memory;
	scorer->part = scorer->scores + rec_places(model->items);
	scorer->candidates = (int32_t *) scorer->part;	/* factors alone need no part */
}

/* All that counts for the user, mixed; false: nothing. */
static bool
mixed(RecScorer *scorer, const RecUser *user)
{
	const RecModel *model = scorer->model;
	bool		alone = true;
	bool		any = false;

	for (int part = 0, n = 0; part < REC_PARTS; part++)
	{
		n += model->mix[part] > 0;
		alone = n <= 1;
	}
	for (int part = 0; part < REC_PARTS; part++)
	{
		float		most = 0;
		float	   *scores = any ? scorer->part : scorer->scores;

		if (model->mix[part] <= 0 || !rec_part_scores(model, user, part, scores))
			continue;
		if (alone)
			return true;
		for (int i = 0; i < model->items; i++)
			most = scores[i] > most ? scores[i] : most;
		/* habits count as much as there are: their weight is by purchase, not by what the user took most */
		most = part == REC_PART_REPEAT ? model->mix[part] : most > 0 ? model->mix[part] / most : 0;
		for (int i = 0; i < model->items; i++)
			scorer->scores[i] = (any ? scorer->scores[i] : 0) + scores[i] * most;
		any = true;
	}
	return any;
}

static inline bool
has_score(const RecModel *model, float score)
{
	return model->ratings ? score != 0 : score > 0;
}

/* Popular items for the places that are left, which have no score of their own: all that have one are there already. */
static int
fill_up(const RecModel *model, const Chosen *chosen, const float *scores, int n, RecBest *best)
{
	int			found = chosen->found;

	for (int p = 0; p < model->items && found < n; p++)
	{
		int			item = model->by_popularity[p];

		if (model->counts[item] > 0 && !has_score(model, scores[item]) && may_be_listed(chosen, item))
			best[found++] = (RecBest) {item, 0};
	}
	return found;
}

int
rec_best(RecScorer *scorer, const RecUser *user, int n, const uint8_t *allowed, const int32_t *exclude, int nexclude,
		 RecBest *best)
{
	const RecModel *model = scorer->model;
	Chosen		chosen = {best, n, 0, allowed, NULL, exclude, nexclude};
	bool		factors_alone = model->mix[REC_PART_FACTORS] > 0 && user->factors && user->n > 0;
	bool		known = rec_knows(model, user);

	for (int part = 1; part < REC_PARTS; part++)
		factors_alone &= model->mix[part] <= 0;
	if (factors_alone && known)
	{
		float		x[REC_MAX_FACTORS + 2 * REC_LANES] __attribute__((aligned(ECML_ALIGN)));
		float		shift = prepare_ratings(model->factors, user->factors, x);

		chosen.blank = model->blank;
		best_by_factors(model->factors, x, shift, &chosen, scorer->scores, scorer->candidates);
		order(best, chosen.found);
		return chosen.found;
	}
	if (!(known || model->mix[REC_PART_POPULAR] > 0) || !mixed(scorer, user))
	{
		RecUser		nobody = {.group = user->group};

		known = false;
		(void) rec_part_scores(model, &nobody, REC_PART_POPULAR, scorer->scores);
	}
	for (int i = 0; i < model->items; i++)
		if (has_score(model, scorer->scores[i]))
			choose(&chosen, i, scorer->scores[i]);
	order(best, chosen.found);
	return fill_up(model, &chosen, scorer->scores, n, best);
}

typedef struct Many
{
	const RecModel *model;
	RecScorer  *scorers;		/* [workers] */
	const RecUser *users;
	int			n;
	bool		exclude_seen;
	const uint8_t *allowed;
	RecBest    *best;
	int		   *found;
} Many;

static void
best_task(void *arg, size_t i, int worker)
{
	const Many *many = arg;
	const RecUser *user = &many->users[i];

	many->found[i] = rec_best(&many->scorers[worker], user, many->n, many->allowed, user->items, many->exclude_seen ? user->n : 0,
							  many->best + i * many->n);
}

void
rec_best_many(EcmlCtx *ctx, const RecModel *model, const RecUser *users, int nusers, int n, bool exclude_seen,
			  const uint8_t *allowed, RecBest *best, int *found)
{
	int			workers = ecml_workers(ctx, nusers);
	Many		many = {model, ECML_NEW(ctx, RecScorer, workers), users, n, exclude_seen, allowed, best, found};

	for (int worker = 0; worker < workers; worker++)
		rec_scorer_init(ctx, &many.scorers[worker], model);
	ecml_parallel_for(ctx, nusers, best_task, &many);
	for (int worker = 0; worker < workers; worker++)
		ecml_free(ctx, many.scorers[worker].scores);
	ecml_free(ctx, many.scorers);
}

/* ---- similar items */

static double
cosine(const float *a, const float *b, int n)
{
	double		ab = 0;
	double		aa = 0;
	double		bb = 0;

	for (int j = 0; j < n; j++)
	{
		ab += (double) a[j] * b[j];
		aa += (double) a[j] * a[j];
		bb += (double) b[j] * b[j];
	}
	return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static double
listed(const RecNeighbors *neighbors, int a, int b)
{
	if (neighbors && a < neighbors->rows)
		for (size_t e = neighbors->start[a]; e < neighbors->start[a + 1]; e++)
			if (neighbors->other[e] == b)
				return neighbors->similarity[e];
	return 0;
}

double
rec_item_similarity(const RecModel *model, int a, int b)
{
	double		one;
	double		other;

	if (a == b)
		return 1;
	if (model->factors)
		return cosine(model->factors->item + (size_t) a * model->factors->stride,
					  model->factors->item + (size_t) b * model->factors->stride, model->factors->factors);
	one = listed(model->neighbors, a, b);
	one = one > 0 ? one : listed(model->neighbors, b, a);
	other = listed(model->content, a, b);
	other = other > 0 ? other : listed(model->content, b, a);
	return one > other ? one : other;
}

int
rec_similar(RecScorer *scorer, int item, int n, RecBest *best)
{
	const RecModel *model = scorer->model;
	int32_t		self = item;
	Chosen		chosen = {best, n, 0, NULL, NULL, &self, 1};
	const RecNeighbors *lists[2] = {model->neighbors, model->content};

	/* what users did with it; of a cold item, or where nothing else was learnt, its content */
	if (model->factors && !model->blank[item] && model->counts[item] > 0)
	{
		const RecFactors *f = model->factors;

		for (int other = 0; other < model->items; other++)
			if (!model->blank[other])
				choose(&chosen, other, (float) cosine(f->item + (size_t) item * f->stride, f->item + (size_t) other * f->stride,
													  f->factors));
	}
	for (int l = 0; l < 2 && chosen.found == 0; l++)
		if (lists[l] && item < lists[l]->rows)
			for (size_t e = lists[l]->start[item]; e < lists[l]->start[item + 1]; e++)
				choose(&chosen, lists[l]->other[e], lists[l]->similarity[e]);
	order(best, chosen.found);
	return chosen.found;
}

/* Maximal marginal relevance (Carbonell and Goldstein 1998); relevance is the score by the greatest one. */
int
rec_diversify(EcmlCtx *ctx, const RecModel *model, RecBest *best, int n, int wanted, double diversity, float *nearest)
{
	float		most = n > 0 && best[0].score > 0 ? best[0].score : 1;
	int			taken = 0;

	for (int i = 0; i < n; i++)
		nearest[i] = 0;
	while (taken < wanted && taken < n)
	{
		int			next = taken;
		double		value = -INFINITY;
		RecBest		entry;

		for (int i = taken; i < n; i++)
		{
			double		v = (1 - diversity) * best[i].score / most - diversity * nearest[i];

			if (v > value)
			{
				value = v;
				next = i;
			}
		}
		if (taken % 8 == 0)
			ecml_poll(ctx, 0, 0);
		entry = best[next];
		/* the others keep their order */
		for (int i = next; i > taken; i--)
		{
			best[i] = best[i - 1];
			nearest[i] = nearest[i - 1];
		}
		best[taken++] = entry;
		for (int i = taken; i < n; i++)
		{
			float		s = (float) rec_item_similarity(model, entry.item, best[i].item);

			nearest[i] = s > nearest[i] ? s : nearest[i];
		}
	}
	return taken;
}

/* ---- reasons */

size_t
rec_reasons_scratch(const RecModel *model)
{
	return model->factors ? rec_fold_in_scratch(model->factors) + 2 * model->factors->stride * sizeof(float) : sizeof(float);
}

/*
 * Factors: x = A^-1 sum of t_j y_j, so that the score of item i is the sum of t_j y_i'A^-1 y_j (Hu et al. 2008, section 5).  The
 * factorised A is left in scratch by a fold-in.
 */
void
rec_reasons_begin(const RecModel *model, const RecUser *user, float *scratch)
{
	if (model->factors)
		rec_fold_in(model->factors, user->n, user->items, user->values, scratch, scratch + 2 * model->factors->stride);
}

/*
 * A neighbour who has the item is one because of the items that both have: what the neighbour adds to the score is shared out
 * among them by their products of weights.
 */
static void
reasons_by_users(const RecUser *user, int item, float mix, float *reasons)
{
	for (int n = 0, first = 0, end; n < user->nneighbors; n++, first = end)
	{
		double		common = 0;
		float		score = 0;

		end = user->neighbor_end[n];
		for (int c = first; c < end; c++)
			if (user->candidates[c] == item)
				score = user->candidate_scores[c];
		if (score == 0)
			continue;
		for (int pass = 0; pass < 2; pass++)
			for (int u = 0, c = first; u < user->n && c < end;)
			{
				if (user->items[u] == user->candidates[c])
				{
					double		product = (double) user->values[u] * user->candidate_scores[c];

					if (pass == 0)
						common += product;
					else if (common > 0)
						reasons[u] += (float) (mix * score * product / common);
				}
				if (user->items[u] <= user->candidates[c])
					u++;
				else
					c++;
			}
	}
}

void
rec_reasons(const RecModel *model, const RecUser *user, int item, float *scratch, float *reasons)
{
	for (int u = 0; u < user->n; u++)
		reasons[u] = 0;
	if (model->factors && model->mix[REC_PART_FACTORS] > 0)
	{
		const RecFactors *f = model->factors;
		float	   *z = scratch + f->stride;

		memcpy(z, f->item + (size_t) item * f->stride, f->stride * sizeof(float));
		if (f->ratings)
			z[f->dimension - 1] = 0;
		rec_fold_in_solve(f, z, scratch + 2 * f->stride);
		for (int u = 0; u < user->n; u++)
		{
			const float *y = f->item + (size_t) user->items[u] * f->stride;
			double		sum = 0;
			double		value = user->values[u];

			for (int j = 0; j < f->factors; j++)
				sum += (double) z[j] * y[j];
			if (f->ratings)
				value -= f->mean + y[f->dimension - 1];
			else
				value = f->alpha * value;
			reasons[u] += (float) (model->mix[REC_PART_FACTORS] * value * sum);
		}
	}
	for (int u = 0; u < user->n; u++)
	{
		if (model->mix[REC_PART_ITEMS] > 0)
			reasons[u] += model->mix[REC_PART_ITEMS] * user->values[u] * (float) listed(model->neighbors, user->items[u], item);
		if (model->mix[REC_PART_CONTENT] > 0)
			reasons[u] += model->mix[REC_PART_CONTENT] * user->values[u] * (float) listed(model->content, user->items[u], item);
		if (model->mix[REC_PART_REPEAT] > 0 && user->items[u] == item)
			reasons[u] += model->mix[REC_PART_REPEAT] * user->values[u];
	}
	if (model->mix[REC_PART_USERS] > 0)
		reasons_by_users(user, item, model->mix[REC_PART_USERS], reasons);
}
