/*
 * recommender.c - fit of a whole recommender, and its bytes
 *
 * A hybrid finds the weights of its parts by what users did last: each user's last item (by time; without times, of the last
 * row) is held out, with all its rows or, where items are taken again, that last one alone; the parts learn from the rest, and of the
 * weights on a grid of tenths the ones with the best NDCG@10 on a sample of users win.  Then the parts that have a weight learn from
 * all rows.  It must be held out of all users, not of the sample alone: what comes late in all of them would else be known.
 *
 * Cold items, which only the item table knows, get the mean of the factors of the items most like them by content.
 */
#include "dense.h"

#include <float.h>
#include <limits.h>

#include "num/hash.h"
#include "num/sort.h"

#define TUNED_USERS 2000
#define TUNED_LIST 100			/* items of each part that a mix is judged on */
#define GRID 10
#define AHEAD 8					/* rows that are asked of memory before their turn */

#define MAX_ITEMS 50000000
#define MIN_ID_BYTES 4
#define SMALLEST_ROW 1e-20f	/* greatest of a row, by which it is divided */

/* ---- what is derived */

typedef int8_t LaneBytes __attribute__((vector_size(REC_LANES)));

/* The greatest of each factor, and the length of each row. */
static ECML_CLONES void
measure_items(RecFactors *f, double *lengths)
{
	for (int j = 0; j < f->stride; j += REC_LANES)
	{
		LaneNumbers most = {0};		/* sizes as their bits, which are in the same order */

		for (int i = 0; i < f->items; i++)
		{
			LaneNumbers size = (LaneNumbers) LANES(f->item + (size_t) i * f->stride + j) & INT_MAX;
			LaneNumbers more = size > most;

			most = (size & more) | (most & ~more);
		}
		LANES_OUT(f->size + j) = (Lanes) most;
	}
	for (int k = 0; k < f->dimension; k++)
		/* never so small that it has no inverse */
		f->size[k] = f->size[k] > 2 * FLT_MIN ? f->size[k] : 2 * FLT_MIN;
	for (int i = 0; i < f->items; i++)
	{
		const float *row = f->item + (size_t) i * f->stride;

		/* pairs to be sorted: the longest first */
		lengths[2 * (size_t) i] = -sqrt((double) dense_dot(row, row, f->stride));
		lengths[2 * (size_t) i + 1] = i;
	}
}

/*
 * Each row by the greatest of each factor, then in steps of a 127th of its own greatest: rows differ in size by orders of magnitude, and
 * of a small one the copy must be off by little, too.
 */
static ECML_CLONES void
pack_items(RecFactors *f)
{
	int			words = rec_coarse_words(f->dimension);
	float		inverse[REC_MAX_FACTORS + 2 * REC_LANES] __attribute__((aligned(ECML_ALIGN))) = {0};
	float		farthest = 0;

	for (int k = 0; k < f->dimension; k++)
		inverse[k] = 1 / f->size[k];
	for (int i = 0; i < f->items; i++)
	{
		const float *row = f->item + (size_t) f->order[i] * f->stride;
		uint32_t   *to = f->coarse + (size_t) (i / REC_LANES) * words * REC_LANES + i % REC_LANES;
		LaneNumbers most = {0};
		Lanes		square = {0};
		float		greatest = SMALLEST_ROW;
		float		per_step;

		for (int j = 0; i + AHEAD < f->items && j < f->stride; j += REC_LANES)
			__builtin_prefetch(f->item + (size_t) f->order[i + AHEAD] * f->stride + j);
		for (int j = 0; j < f->stride; j += REC_LANES)
		{
			LaneNumbers size = (LaneNumbers) (LANES(row + j) * LANES(inverse + j)) & INT_MAX;
			LaneNumbers more = size > most;

			most = (size & more) | (most & ~more);
		}
		for (int k = 0; k < REC_LANES; k++)
			greatest = ((Lanes) most)[k] > greatest ? ((Lanes) most)[k] : greatest;
		f->step[i] = greatest / 127;
		per_step = 127 / greatest;
		for (int j = 0; j < f->stride; j += REC_LANES)
		{
			Lanes		v = LANES(row + j) * LANES(inverse + j) * per_step;
			Lanes		half = (Lanes) (((LaneNumbers) v & INT_MIN) | (LaneNumbers) ((Lanes) {0} + 0.5f));
			LaneNumbers steps = __builtin_convertvector(v + half, LaneNumbers);
			LaneBytes	bytes = __builtin_convertvector(steps, LaneBytes);
			uint32_t	four[REC_LANES / 4];

			v -= __builtin_convertvector(steps, Lanes);
			square += v * v;
			memcpy(four, &bytes, sizeof(four));
			for (int w = 0; w < REC_LANES / 4 && j / 4 + w < words; w++)
				to[(j / 4 + w) * REC_LANES] = four[w];
		}
		LANES_SUM(square);
		farthest = square[0] > farthest ? square[0] : farthest;
	}
	f->distance = sqrtf(farthest);
}

/* What scores are found by quickly.  A session does this for each version that it serves. */
static void
pack(EcmlCtx *ctx, RecFactors *f)
{
	size_t		places = ((size_t) f->items + REC_LANES - 1) / REC_LANES * REC_LANES;
	double	   *lengths = ECML_NEW(ctx, double, 2 * (size_t) f->items + 2);

	f->coarse = ECML_NEW(ctx, uint32_t, places * rec_coarse_words(f->dimension) + REC_LANES);
	f->order = ECML_NEW(ctx, int32_t, places + 1);
	f->length = ECML_NEW(ctx, float, places + 1);
	f->step = ECML_NEW0(ctx, float, places + REC_LANES);
	f->size = ECML_NEW0(ctx, float, f->stride);
	measure_items(f, lengths);
	ecml_sort_f8_pairs(ctx, lengths, f->items);
	for (size_t i = 0; i < (size_t) f->items; i++)
	{
		f->order[i] = (int32_t) lengths[2 * i + 1];
		f->length[i] = (float) -lengths[2 * i] + 1e-18f;	/* squares of what is smaller vanish */
	}
	ecml_free(ctx, lengths);
	/* the last block may have places without an item */
	if (places > 0)
		memset(f->coarse + (places - REC_LANES) * rec_coarse_words(f->dimension), 0,
			   (size_t) rec_coarse_words(f->dimension) * REC_LANES * sizeof(uint32_t));
	pack_items(f);
}

static uint32_t
slot_of(const RecModel *model, const char *id, size_t length)
{
	return (uint32_t) (ecml_hash_bytes(id, length, 17) & (model->nslots - 1));
}

int
rec_model_find(const RecModel *model, const char *id, size_t length)
{
	uint32_t	at = slot_of(model, id, length);

	for (; model->slots[at]; at = (at + 1) & (model->nslots - 1))
	{
		const char *other = model->ids[model->slots[at] - 1];

		if (strncmp(other, id, length) == 0 && other[length] == '\0')
			return (int) model->slots[at] - 1;
	}
	return -1;
}

void
rec_model_index(EcmlCtx *ctx, RecModel *model)
{
	size_t		n = model->items;
	double	   *pairs = ECML_NEW(ctx, double, 2 * n + 2);

	model->nslots = 16;
	while (model->nslots < 2 * n)
		model->nslots *= 2;
	model->slots = ECML_NEW0(ctx, uint32_t, model->nslots);
	for (size_t i = 0; i < n; i++)
	{
		uint32_t	at = slot_of(model, model->ids[i], strlen(model->ids[i]));

		while (model->slots[at])
			at = (at + 1) & (model->nslots - 1);
		model->slots[at] = (uint32_t) i + 1;
		pairs[2 * i] = -model->popularity[i];
		pairs[2 * i + 1] = i;
	}
	ecml_sort_f8_pairs(ctx, pairs, n);
	model->by_popularity = ECML_NEW(ctx, int32_t, n + 1);
	for (size_t i = 0; i < n; i++)
		model->by_popularity[i] = (int32_t) pairs[2 * i + 1];
	ecml_free(ctx, pairs);
	model->blank = ECML_NEW0(ctx, uint8_t, n + 1);
	if (model->factors)
	{
		const RecFactors *f = model->factors;

		for (size_t i = 0; i < n; i++)
		{
			bool		blank = true;

			for (int k = 0; k < f->dimension && blank; k++)
				blank = f->item[i * f->stride + k] == 0;
			model->blank[i] = blank;
		}
		pack(ctx, model->factors);
	}
}

/* ---- fit */

void
rec_weigh_user(const RecModel *model, int n, const int32_t *items, float *values)
{
	double		idf = log(model->items) - log1p(n);

	for (int i = 0; i < n; i++)
	{
		double		v = values[i];

		switch (model->weighting)
		{
			case REC_BINARY:
				v = 1;
				break;
			case REC_LOG:
				v = log1p(v > 0 ? v : 0) / M_LN2;
				break;
			case REC_BM25:
				v = v * (model->k1 + 1) / (model->item_length[items[i]] + v) * idf;
				break;
			case REC_TFIDF:
				v = sqrt(v > 0 ? v : 0) * idf;
				break;
			default:
				break;
		}
		values[i] = (float) v;
	}
}

/* BM25's part of an item, for users who come later. */
static float *
item_length(EcmlCtx *ctx, const RecMatrix *m, const RecParams *params)
{
	float	   *length = ECML_NEW(ctx, float, (size_t) m->columns + 1);
	double	   *sum = ECML_NEW0(ctx, double, (size_t) m->columns + 1);
	double		all = 0;

	for (size_t e = 0; e < m->start[m->rows]; e++)
	{
		sum[m->column[e]] += m->value[e];
		all += m->value[e];
	}
	for (int i = 0; i < m->columns; i++)
		length[i] = (float) (params->k1 * (1 - params->b + (all > 0 ? params->b * sum[i] * m->columns / all : 0)));
	ecml_free(ctx, sum);
	return length;
}

static void
count_users(const RecMatrix *m, uint32_t *counts)
{
	for (size_t e = 0; e < m->start[m->rows]; e++)
		counts[m->column[e]]++;
}

static void
warm_up(RecModel *model)
{
	RecFactors *f = model->factors;

	for (int i = 0; f && model->content && i < model->items; i++)
	{
		float	   *to = f->item + (size_t) i * f->stride;
		float		sum = 0;

		if (model->counts[i] > 0 || i >= model->content->rows)
			continue;
		memset(to, 0, f->stride * sizeof(float));
		for (size_t e = model->content->start[i]; e < model->content->start[i + 1]; e++)
			if (model->counts[model->content->other[e]] > 0)
			{
				float		s = model->content->similarity[e];

				for (int k = 0; k < f->dimension; k++)
					to[k] += s * f->item[(size_t) model->content->other[e] * f->stride + k];
				sum += s;
			}
		for (int k = 0; k < f->dimension && sum > 0; k++)
			to[k] /= sum;
	}
}

/* The parts of a model from a matrix that is merged, not yet weighed. */
static RecFit *
fit_parts(EcmlCtx *ctx, RecMatrix *m, const float *popularity, const RecParams *params, const float *mix,
		  RecNeighbors *content, double low, double high)
{
	RecFit	   *fit = ECML_NEW0(ctx, RecFit, 1);
	RecModel   *model = ECML_NEW0(ctx, RecModel, 1);
	double		middle = low + (high - low) * (mix[REC_PART_FACTORS] > 0 ? 0.7 : 0);

	fit->model = model;
	model->items = m->columns;
	model->users = m->rows;
	model->interactions = (int64_t) m->start[m->rows];
	model->ratings = params->feedback_explicit;
	model->weighting = params->weighting;
	model->k1 = params->k1;
	model->half_life = params->half_life;
	model->popularity = (float *) popularity;
	model->counts = ECML_NEW0(ctx, uint32_t, (size_t) m->columns + 1);
	memcpy(model->mix, mix, sizeof(model->mix));
	count_users(m, model->counts);
	model->content = content;
	if (params->weighting == REC_BM25)
		model->item_length = item_length(ctx, m, params);
	/* raw weights are the sums themselves */
	fit->history = params->weighting == REC_RAW ? m : rec_matrix_copy(ctx, m);
	rec_weigh(ctx, fit->history, params->weighting, params->k1, params->b);
	if (mix[REC_PART_FACTORS] > 0)
		model->factors = rec_als(ctx, fit->history, params, &fit->user, low, middle);
	if (mix[REC_PART_ITEMS] > 0)
		/* similarities weigh by themselves; cosine takes what als takes */
		model->neighbors = rec_knn(ctx, params->similarity == REC_COSINE ? fit->history : m, params, middle, high);
	if (mix[REC_PART_USERS] > 0)
	{
		RecMatrix  *t = rec_transpose(ctx, params->similarity == REC_COSINE ? fit->history : m);

		fit->users = rec_knn(ctx, t, params, middle, high);
		rec_matrix_free(ctx, t);
	}
	warm_up(model);
	return fit;
}

void
rec_fit_candidates(EcmlCtx *ctx, const RecFit *fit, int u, RecUser *user)
{
	const RecNeighbors *neighbors = fit->users;
	const RecMatrix *h = fit->history;
	size_t		n = 0;
	size_t		first = neighbors->start[u];
	int		   *ends;
	int32_t    *items;
	float	   *scores;

	for (size_t e = neighbors->start[u]; e < neighbors->start[u + 1]; e++)
		n += h->start[neighbors->other[e] + 1] - h->start[neighbors->other[e]];
	items = ECML_NEW(ctx, int32_t, n + 1);
	scores = ECML_NEW(ctx, float, n + 1);
	ends = ECML_NEW(ctx, int, neighbors->start[u + 1] - first + 1);
	user->ncandidates = 0;
	for (size_t e = first; e < neighbors->start[u + 1]; e++)
	{
		for (size_t i = h->start[neighbors->other[e]]; i < h->start[neighbors->other[e] + 1]; i++)
		{
			items[user->ncandidates] = h->column[i];
			scores[user->ncandidates++] = neighbors->similarity[e] * h->value[i];
		}
		ends[e - first] = user->ncandidates;
	}
	user->nneighbors = (int) (neighbors->start[u + 1] - first);
	user->neighbor_end = ends;
	user->candidates = items;
	user->candidate_scores = scores;
}

void
rec_fit_candidates_free(EcmlCtx *ctx, RecUser *user)
{
	ecml_free(ctx, (void *) user->neighbor_end);
	ecml_free(ctx, (void *) user->candidates);
	ecml_free(ctx, (void *) user->candidate_scores);
}

void
rec_leave_last_out(EcmlCtx *ctx, const RecRows *rows, int users, bool repeats, uint8_t *out, int32_t *item)
{
	double	   *time = ECML_NEW(ctx, double, (size_t) users + 1);
	uint8_t    *several = ECML_NEW0(ctx, uint8_t, (size_t) users + 1);

	for (int u = 0; u < users; u++)
	{
		item[u] = -1;
		time[u] = -INFINITY;
	}
	for (size_t i = 0; i < rows->n; i++)
	{
		int			u = rows->user[i];
		double		at = rows->time ? rows->time[i] : (double) i;

		if (i % 65536 == 0)
			ecml_poll(ctx, 0, 0);
		if (!(rows->value[i] > 0))
			continue;
		/* something must be left to learn from: another item or, where items are taken again, another row */
		if (item[u] >= 0 && (item[u] != rows->item[i] || (repeats && at != time[u])))
			several[u] = 1;
		if (at >= time[u])
		{
			time[u] = at;
			item[u] = rows->item[i];
		}
	}
	for (size_t i = 0; i < rows->n; i++)
	{
		int			u = rows->user[i];

		if (i % 65536 == 0)
			ecml_poll(ctx, 0, 0);
		out[i] = several[u] && rows->item[i] == item[u] && (!repeats || (rows->time ? rows->time[i] : (double) i) == time[u]);
	}
	for (int u = 0; u < users; u++)
		if (!several[u])
			item[u] = -1;
	ecml_free(ctx, time);
	ecml_free(ctx, several);
}

typedef struct Tuning
{
	const RecModel *model;
	int			parts;
	RecPart		part[REC_PARTS];
	int			combinations;
	float	  (*weights)[REC_PARTS];	/* [combinations] */
	double	   *ndcg;			/* [combinations] */
	int32_t    *list;			/* candidates */
	float	   *scores;			/* [parts][items] */
	float	   *best;			/* [TUNED_LIST] */
	uint8_t    *listed;			/* [items] */
	bool		repeats;		/* what the user has may be listed */
	float		habit;			/* what a score of REC_PART_REPEAT is divided by */
} Tuning;

static int
compositions(Tuning *t, int part, int left, float *weights)
{
	int			n = 0;

	if (part >= REC_PARTS)
		return 0;
	if (part == t->parts - 1)
	{
		weights[t->part[part]] = left / (float) GRID;
		if (t->weights)
			memcpy(t->weights[t->combinations], weights, sizeof(float) * REC_PARTS);
		t->combinations++;
		return 1;
	}
	for (int w = 0; w <= left; w++)
	{
		weights[t->part[part]] = w / (float) GRID;
		n += compositions(t, part + 1, left - w, weights);
	}
	return n;
}

/* Judge all combinations on one user. */
static void
judge_user(Tuning *t, RecScorer *scorer, const RecUser *user, int wanted)
{
	const RecModel *model = t->model;
	int			n = 0;
	size_t		items = model->items;

	for (int p = 0; p < t->parts; p++)
	{
		float	   *scores = t->scores + p * items;
		float		most = 0;
		float		limit = -INFINITY;
		int			kept = 0;

		if (!rec_part_scores(model, user, t->part[p], scores))
			memset(scores, 0, items * sizeof(float));
		for (int u = 0; u < user->n && !t->repeats; u++)
			scores[user->items[u]] = -INFINITY;
		for (size_t i = 0; i < items; i++)
			most = scores[i] > most ? scores[i] : most;
		/* own habits count as much as there are: who took all once has none */
		if (most > 0 && t->part[p] == REC_PART_REPEAT)
			most = t->habit;
		for (size_t i = 0; i < items; i++)
			scores[i] = most > 0 ? scores[i] / most : 0;
		/* the TUNED_LIST best of the part, by a simple threshold list */
		for (size_t i = 0; i < items; i++)
		{
			int			at;

			if (scores[i] <= limit || scores[i] <= 0)
				continue;
			for (at = kept < TUNED_LIST ? kept++ : TUNED_LIST - 1; at > 0 && t->best[at - 1] < scores[i]; at--)
				t->best[at] = t->best[at - 1];
			t->best[at] = scores[i];
			if (kept == TUNED_LIST)
				limit = t->best[TUNED_LIST - 1];
		}
		for (size_t i = 0; i < items; i++)
			if (scores[i] > 0 && scores[i] >= limit && !t->listed[i])
			{
				t->listed[i] = 1;
				t->list[n++] = (int32_t) i;
			}
	}
	if (t->listed[wanted])
		for (int c = 0; c < t->combinations; c++)
		{
			double		mine = 0;
			int			rank = 1;

			for (int p = 0; p < t->parts; p++)
				mine += t->weights[c][t->part[p]] * t->scores[p * items + wanted];
			for (int i = 0; i < n && rank <= 10; i++)
			{
				double		other = 0;

				for (int p = 0; p < t->parts; p++)
					other += t->weights[c][t->part[p]] * t->scores[p * items + t->list[i]];
				rank += other > mine || (other == mine && t->list[i] < wanted);
			}
			if (rank <= 10)
				t->ndcg[c] += 1 / log2(rank + 1);
		}
	for (int i = 0; i < n; i++)
		t->listed[t->list[i]] = 0;
}

/* The mean, over users, of what each took most. */
static float
mean_habit(const RecMatrix *history)
{
	double		sum = 0;
	int			n = 0;

	for (int u = 0; u < history->rows; u++)
	{
		float		most = 0;

		for (size_t e = history->start[u]; e < history->start[u + 1]; e++)
			most = history->value[e] > most ? history->value[e] : most;
		sum += most;
		n += most > 0;
	}
	return n > 0 ? (float) (sum / n) : 1;
}

static void
tune_mix(EcmlCtx *ctx, const RecRows *rows, const RecMatrix *m, const RecParams *params, RecNeighbors *content, float *mix)
{
	bool		repeats = mix[REC_PART_REPEAT] > 0;
	float	   *popularity = ECML_NEW(ctx, float, (size_t) m->columns + 1);
	uint8_t    *out = ECML_NEW0(ctx, uint8_t, rows->n + 1);
	int32_t    *last = ECML_NEW(ctx, int32_t, (size_t) m->rows + 1);
	RecMatrix  *part;
	RecRows		rest;
	int		   *tested = ECML_NEW(ctx, int, TUNED_USERS + 1);
	int		   *wanted = ECML_NEW(ctx, int, TUNED_USERS + 1);
	int			ntested = 0;
	int			eligible = 0;
	RecFit	   *fit;
	Tuning		t = {0};
	RecScorer	scorer;
	float		weights[REC_PARTS] = {0};
	float		sum = 0;
	int			best = 0;

	rec_leave_last_out(ctx, rows, m->rows, repeats, out, last);
	for (int u = 0; u < m->rows; u++)
		eligible += last[u] >= 0;
	for (int u = 0; u < m->rows; u++)
		if (last[u] >= 0 && ntested < TUNED_USERS &&
			ecml_hash_unit(ecml_hash_u64(u, ctx->rng.seed)) * eligible < TUNED_USERS * 1.1)
		{
			tested[ntested] = u;
			wanted[ntested++] = last[u];
		}
	rec_rows_init(ctx, &rest, rows->time != NULL, false);
	rec_rows_room(ctx, &rest, rows->n);
	for (size_t i = 0; i < rows->n; i++)
		if (!out[i])
			rec_rows_add(ctx, &rest, rows->user[i], rows->item[i], rows->value[i], rows->time ? rows->time[i] : 0, 0);
	part = rec_matrix(ctx, &rest, m->rows, m->columns, params);
	rec_popularity(ctx, &rest, m->columns, params, popularity);
	rec_rows_free(ctx, &rest);
	ecml_free(ctx, out);
	fit = fit_parts(ctx, part, popularity, params, mix, content, 0, 0.4);
	if (fit->model->factors)
		pack(ctx, fit->model->factors);
	t.model = fit->model;
	t.repeats = repeats;
	t.habit = mean_habit(fit->history);
	for (int p = 0; p < REC_PARTS; p++)
		if (mix[p] > 0)
			t.part[t.parts++] = p;
	(void) compositions(&t, 0, GRID, weights);
	t.weights = ecml_alloc_array(ctx, t.combinations, sizeof(*t.weights));
	t.ndcg = ECML_NEW0(ctx, double, t.combinations);
	t.combinations = 0;
	memset(weights, 0, sizeof(weights));
	(void) compositions(&t, 0, GRID, weights);
	t.scores = ECML_NEW(ctx, float, (size_t) m->columns * t.parts + 1);
	t.best = ECML_NEW(ctx, float, TUNED_LIST);
	t.list = ECML_NEW(ctx, int32_t, (size_t) m->columns + 1);
	t.listed = ECML_NEW0(ctx, uint8_t, (size_t) m->columns + 1);
	rec_scorer_init(ctx, &scorer, fit->model);
	for (int i = 0; i < ntested; i++)
	{
		RecUser		user = {.group = -1};
		const RecMatrix *h = fit->history;
		int			u = tested[i];

		ecml_poll(ctx, 0.4 + 0.1 * i / ntested, 1);
		user.n = (int) (h->start[u + 1] - h->start[u]);
		user.items = h->column + h->start[u];
		user.values = h->value + h->start[u];
		user.factors = fit->user ? fit->user + (size_t) u * fit->model->factors->stride : NULL;
		if (fit->users)
			rec_fit_candidates(ctx, fit, u, &user);
		judge_user(&t, &scorer, &user, wanted[i]);
		rec_fit_candidates_free(ctx, &user);
	}
	for (int c = 1; c < t.combinations; c++)
		if (t.ndcg[c] > t.ndcg[best])
			best = c;
	if (ntested > 0)
		memcpy(mix, t.weights[best], sizeof(float) * REC_PARTS);
	/* scores of habits are not divided by anything when they are used */
	mix[REC_PART_REPEAT] /= t.habit;
	for (int p = 0; p < REC_PARTS; p++)
		sum += mix[p];
	for (int p = 0; p < REC_PARTS; p++)
		mix[p] /= sum;
}

RecFit *
rec_fit(EcmlCtx *ctx, const RecRows *rows, int users, int items, char **ids, const RecParams *params, const float *mix,
		bool tune, const RecMatrix *terms, int groups, char **group_names)
{
	RecMatrix  *m = rec_matrix(ctx, rows, users, items, params);
	float	   *popularity = ECML_NEW0(ctx, float, (size_t) items + 1);
	float		weights[REC_PARTS];
	RecNeighbors *content = NULL;
	RecFit	   *fit;

	if (m->start[m->rows] == 0)
	{
		ecml_detail(ctx, "%zu rows were read; what users did with each item adds up to 0 or less.", rows->n);
		ecml_hint(ctx, "The value counts how much a user took to an item; returns are negative.");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "there are no interactions to learn from");
	}
	rec_popularity(ctx, rows, items, params, popularity);
	memcpy(weights, mix, sizeof(weights));
	if (terms)
	{
		RecParams	by_content = *params;
		RecMatrix  *by_term = rec_transpose(ctx, terms);

		by_content.similarity = REC_COSINE;
		by_content.shrinkage = 0;
		content = rec_knn(ctx, by_term, &by_content, 0, 0.1);
		rec_matrix_free(ctx, by_term);
	}
	if (tune)
		tune_mix(ctx, rows, m, params, content, weights);
	fit = fit_parts(ctx, m, popularity, params, weights, content, tune ? 0.5 : 0.1, 0.95);
	fit->model->repeats = mix[REC_PART_REPEAT] > 0;
	if (fit->history != m)
		rec_matrix_free(ctx, m);
	fit->model->ids = ids;
	for (size_t i = 0; rows->time && i < rows->n; i++)
		fit->model->last = i == 0 || rows->time[i] > fit->model->last ? rows->time[i] : fit->model->last;
	if (groups > 0)
	{
		RecParams	plain = {.half_life = params->half_life};
		RecRows		by_group = *rows;
		float	   *ones = ECML_NEW(ctx, float, rows->n + 1);

		for (size_t i = 0; i < rows->n; i++)
			ones[i] = params->feedback_explicit || rows->value[i] > 0;
		by_group.user = rows->group;
		by_group.value = ones;
		fit->model->groups = groups;
		fit->model->group_names = group_names;
		fit->model->group_popularity = rec_matrix(ctx, &by_group, groups, items, &plain);
		ecml_free(ctx, ones);
	}
	return fit;
}

/* ---- bytes */

static void
write_neighbors(EcmlWriter *w, const RecNeighbors *neighbors)
{
	ecml_write_u8(w, neighbors != NULL);
	if (neighbors == NULL)
		return;
	ecml_write_u32(w, neighbors->rows);
	for (int i = 0; i < neighbors->rows; i++)
		ecml_write_u32(w, (uint32_t) (neighbors->start[i + 1] - neighbors->start[i]));
	ecml_write_bytes(w, neighbors->other, neighbors->start[neighbors->rows] * sizeof(int32_t));
	ecml_write_f4s(w, neighbors->similarity, neighbors->start[neighbors->rows]);
}

/* Lengths of rows, and the numbers of columns below limit, in ascending order within a row where asked. */
static size_t *
read_starts(EcmlReader *r, uint32_t rows, size_t element)
{
	size_t	   *start;

	if ((size_t) rows * 4 > ecml_read_left(r))
		ecml_read_corrupted(r, "there are more rows than bytes");
	start = ECML_NEW(r->ctx, size_t, (size_t) rows + 1);
	start[0] = 0;
	for (uint32_t i = 0; i < rows; i++)
		start[i + 1] = start[i] + ecml_read_u32(r);
	if (start[rows] > ecml_read_left(r) / element)
		ecml_read_corrupted(r, "there are more entries than bytes");
	return start;
}

static int32_t *
read_numbers(EcmlReader *r, size_t n, uint32_t limit)
{
	const uint8_t *bytes = ecml_read_bytes(r, n * 4);
	int32_t    *numbers = ECML_NEW(r->ctx, int32_t, n + 1);

	memcpy(numbers, bytes, n * 4);
	for (size_t i = 0; i < n; i++)
		if (numbers[i] < 0 || (uint32_t) numbers[i] >= limit)
			ecml_read_corrupted(r, "the number of an item is out of range");
	return numbers;
}

static RecNeighbors *
read_neighbors(EcmlReader *r, int items)
{
	RecNeighbors *neighbors;

	if (!ecml_read_bool(r))
		return NULL;
	neighbors = ECML_NEW0(r->ctx, RecNeighbors, 1);
	neighbors->rows = (int) ecml_read_u32_in(r, 0, items);
	neighbors->start = read_starts(r, neighbors->rows, 8);
	neighbors->other = read_numbers(r, neighbors->start[neighbors->rows], items);
	neighbors->similarity = ecml_read_finite_f4s(r, neighbors->start[neighbors->rows]);
	return neighbors;
}

static void
write_factors(EcmlWriter *w, const RecFactors *f)
{
	ecml_write_u8(w, f != NULL);
	if (f == NULL)
		return;
	ecml_write_u32(w, f->factors);
	ecml_write_u8(w, f->ratings);
	ecml_write_f8(w, f->mean);
	ecml_write_f8(w, f->regularization);
	ecml_write_f8(w, f->alpha);
	ecml_write_f8(w, f->loss);
	for (int i = 0; i < f->items; i++)
		ecml_write_f4s(w, f->item + (size_t) i * f->stride, f->dimension);
	for (int k = 0; f->gram && k < f->dimension; k++)
		ecml_write_f4s(w, f->gram + (size_t) k * f->stride, f->dimension);
}

/* Are all finite?  The rows' padding may be anything that is. */
static ECML_CLONES bool
all_finite(const float *v, size_t n)
{
	LaneNumbers wrong = {0};
	bool		any = false;

	for (size_t i = 0; i < n; i += REC_LANES)
		wrong |= ((LaneNumbers) LANES(v + i) & 0x7f800000) == 0x7f800000;
	for (int i = 0; i < REC_LANES; i++)
		any |= wrong[i] != 0;
	return !any;
}

static void
read_rows(EcmlReader *r, float *to, int rows, int dimension, int stride)
{
	const uint8_t *bytes = ecml_read_bytes(r, (size_t) rows * dimension * sizeof(float));

	if (dimension == stride)
		memcpy(to, bytes, (size_t) rows * dimension * sizeof(float));
	else
		for (int i = 0; i < rows; i++)
		{
			float	   *row = to + (size_t) i * stride;

			memcpy(row, bytes + (size_t) i * dimension * sizeof(float), dimension * sizeof(float));
			memset(row + dimension, 0, (stride - dimension) * sizeof(float));
		}
	if (!all_finite(to, (size_t) rows * stride))
		ecml_read_corrupted(r, "a factor is not finite");
}

static RecFactors *
read_factors(EcmlReader *r, int items)
{
	RecFactors *f;

	if (!ecml_read_bool(r))
		return NULL;
	f = ECML_NEW0(r->ctx, RecFactors, 1);
	f->items = items;
	f->factors = (int) ecml_read_u32_in(r, 1, REC_MAX_FACTORS);
	f->ratings = ecml_read_bool(r);
	f->dimension = f->factors + f->ratings;
	f->stride = rec_stride(f->dimension);
	f->mean = ecml_read_finite(r);
	f->regularization = ecml_read_finite(r);
	f->alpha = ecml_read_finite(r);
	f->loss = ecml_read_f8(r);
	if (f->regularization < 0 || f->alpha < 0)
		ecml_read_corrupted(r, "a parameter is negative");
	if ((size_t) items * f->dimension > ecml_read_left(r) / sizeof(float))
		ecml_read_corrupted(r, "there are more factors than bytes");
	f->item = ECML_NEW(r->ctx, float, (size_t) items * f->stride + REC_LANES);
	read_rows(r, f->item, items, f->dimension, f->stride);
	if (!f->ratings)
	{
		if ((size_t) f->dimension * f->dimension > ecml_read_left(r) / sizeof(float))
			ecml_read_corrupted(r, "there are more factors than bytes");
		f->gram = ECML_NEW0(r->ctx, float, (size_t) f->stride * f->stride);
		read_rows(r, f->gram, f->dimension, f->dimension, f->stride);
	}
	return f;
}

void
rec_model_write(EcmlWriter *w, const RecModel *model)
{
	ecml_write_u32(w, model->items);
	for (int i = 0; i < model->items; i++)
		ecml_write_string(w, model->ids[i]);
	ecml_write_u64(w, model->users);
	ecml_write_u64(w, model->interactions);
	ecml_write_u8(w, model->ratings);
	ecml_write_u8(w, model->repeats);
	ecml_write_u8(w, (uint8_t) model->weighting);
	ecml_write_f8(w, model->k1);
	ecml_write_f8(w, model->half_life);
	ecml_write_f8(w, model->last);
	ecml_write_f4s(w, model->mix, REC_PARTS);
	ecml_write_f4s(w, model->popularity, model->items);
	ecml_write_bytes(w, model->counts, model->items * sizeof(uint32_t));
	ecml_write_u8(w, model->item_length != NULL);
	if (model->item_length)
		ecml_write_f4s(w, model->item_length, model->items);
	ecml_write_string(w, model->user_column);
	ecml_write_string(w, model->item_column);
	ecml_write_string(w, model->value_column);
	ecml_write_string(w, model->time_column);
	ecml_write_string(w, model->item_table);
	ecml_write_string(w, model->item_key);
	ecml_write_u32(w, model->groups);
	for (int g = 0; g < model->groups; g++)
		ecml_write_string(w, model->group_names[g]);
	for (int g = 0; g < model->groups; g++)
		ecml_write_u32(w, (uint32_t) (model->group_popularity->start[g + 1] - model->group_popularity->start[g]));
	if (model->groups > 0)
	{
		size_t		n = model->group_popularity->start[model->groups];

		ecml_write_bytes(w, model->group_popularity->column, n * sizeof(int32_t));
		ecml_write_f4s(w, model->group_popularity->value, n);
	}
	write_factors(w, model->factors);
	write_neighbors(w, model->neighbors);
	write_neighbors(w, model->content);
}

RecModel *
rec_model_read(EcmlReader *r)
{
	RecModel   *model = ECML_NEW0(r->ctx, RecModel, 1);
	uint32_t	items = ecml_read_count(r, MIN_ID_BYTES);
	float	   *mix;
	float		sum = 0;

	if (items == 0 || items > MAX_ITEMS)
		ecml_read_corrupted(r, "the number of items is out of range");
	model->items = (int) items;
	model->ids = ecml_read_strings(r, items);
	model->users = (int64_t) ecml_read_u64(r);
	model->interactions = (int64_t) ecml_read_u64(r);
	if (model->users < 0 || model->interactions < 0)
		ecml_read_corrupted(r, "a count is out of range");
	model->ratings = ecml_read_bool(r);
	model->repeats = ecml_read_bool(r);
	model->weighting = ecml_read_u8(r);
	if (model->weighting > REC_TFIDF)
		ecml_read_corrupted(r, "the weighting is not known");
	model->k1 = ecml_read_finite(r);
	model->half_life = ecml_read_finite(r);
	model->last = ecml_read_finite(r);
	mix = ecml_read_finite_f4s(r, REC_PARTS);
	memcpy(model->mix, mix, sizeof(model->mix));
	for (int p = 0; p < REC_PARTS; p++)
	{
		if (mix[p] < 0 || mix[p] > 1e6f)
			ecml_read_corrupted(r, "the weight of a part is out of range");
		sum += mix[p];
	}
	if (sum <= 0)
		ecml_read_corrupted(r, "no part has a weight");
	model->popularity = ecml_read_finite_f4s(r, items);
	model->counts = ECML_NEW(r->ctx, uint32_t, (size_t) items + 1);
	memcpy(model->counts, ecml_read_bytes(r, (size_t) items * 4), (size_t) items * 4);
	if (ecml_read_bool(r))
		model->item_length = ecml_read_finite_f4s(r, items);
	if (model->weighting == REC_BM25 && model->item_length == NULL)
		ecml_read_corrupted(r, "the lengths of items are missing");
	model->user_column = ecml_read_string(r);
	model->item_column = ecml_read_string(r);
	model->value_column = ecml_read_string(r);
	model->time_column = ecml_read_string(r);
	model->item_table = ecml_read_string(r);
	model->item_key = ecml_read_string(r);
	model->groups = (int) ecml_read_count(r, MIN_ID_BYTES);
	if (model->groups > 0)
	{
		RecMatrix  *m = ECML_NEW0(r->ctx, RecMatrix, 1);

		model->group_names = ecml_read_strings(r, model->groups);
		m->rows = model->groups;
		m->columns = model->items;
		m->start = read_starts(r, model->groups, 8);
		m->column = read_numbers(r, m->start[m->rows], items);
		m->value = ecml_read_finite_f4s(r, m->start[m->rows]);
		model->group_popularity = m;
	}
	model->factors = read_factors(r, model->items);
	model->neighbors = read_neighbors(r, model->items);
	model->content = read_neighbors(r, model->items);
	if ((model->mix[REC_PART_FACTORS] > 0 && model->factors == NULL) ||
		(model->mix[REC_PART_ITEMS] > 0 && model->neighbors == NULL) ||
		(model->mix[REC_PART_CONTENT] > 0 && model->content == NULL))
		ecml_read_corrupted(r, "a part that has a weight is missing");
	rec_model_index(r->ctx, model);
	return model;
}
