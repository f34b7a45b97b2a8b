/*
 * recommender.c - fit of a whole recommender
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
		rec_factors_pack(ctx, fit->model->factors);
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
	fit->model->ids = rec_texts(ctx, ids, items);
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
		fit->model->group_names = rec_texts(ctx, group_names, groups);
		fit->model->group_popularity = rec_matrix(ctx, &by_group, groups, items, &plain);
		ecml_free(ctx, ones);
	}
	return fit;
}
