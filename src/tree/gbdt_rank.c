/*
 * gbdt_rank.c - LambdaRank (Burges et al. 2006; Burges 2010): gradients that push up what raises NDCG
 *
 * Rows of a group are ordered by score.  Each pair of different grades, one of them among the first `truncation` places, gets
 * lambda = |change of NDCG when they swap| / (1 + e^(difference of scores)), the better row's gradient falls by it, the other's
 * rises.  Within a group changes are divided by 0.01 + |difference of scores|, and lambdas scaled by log2(1 + sum) / sum, as in
 * LightGBM, so that no group outweighs the others.
 *
 * NDCG at k: the sum of (2^grade - 1) / log2(1 + place) over the first k places, over its greatest possible value; a group without
 * a grade above 0 counts 1.
 *
 * Cost: a sort and truncation x rows pairs a group.
 */
#include "gbdt_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/sort.h"

/* groups done by one task */
#define GROUPS 16

typedef struct Place
{
	double		score;
	size_t		row;
	int			grade;
	double		g;
	double		h;
} Place;

struct GbdtRank
{
	size_t		ngroups;
	size_t	   *first;			/* [ngroups + 1] */
	size_t	   *row;			/* [rows] group by group, in their order */
	double	   *scale;			/* [ngroups] 1 / greatest DCG of the truncation; 0: no grade above 0 */
	size_t		most;			/* rows of the largest group */
	int			workers;
	Place	  **places;			/* [workers] [most] */
	const GbdtLoss *loss;
	double	   *ndcg;			/* [ngroups] */
};

static double
gain(int grade)
{
	return ldexp(1, grade) - 1;
}

static double
discount(size_t place)
{
	return 1 / log2(2.0 + place);
}

/* By falling grade. */
static int
compare_grades(const void *a, const void *b)
{
	int			x = ((const Place *) a)->grade;
	int			y = ((const Place *) b)->grade;

	return (x < y) - (x > y);
}

/* The greatest DCG of n rows at k: from counts of grades. */
static double
best_dcg(const GbdtRank *rank, size_t group, size_t k)
{
	size_t		count[32] = {0};
	size_t		place = 0;
	double		sum = 0;

	for (size_t i = rank->first[group]; i < rank->first[group + 1]; i++)
		count[(int) rank->loss->y[rank->row[i]]]++;
	for (int grade = 30; grade > 0; grade--)
		for (size_t i = 0; i < count[grade] && place < k; i++)
			sum += gain(grade) * discount(place++);
	return sum;
}

GbdtRank *
gbdt_rank_create(EcmlCtx *ctx, const GbdtLoss *loss, const uint32_t *group, size_t rows)
{
	GbdtRank   *rank = ECML_NEW0(ctx, GbdtRank, 1);
	double	   *pairs = ecml_alloc_array(ctx, rows, 2 * sizeof(double));

	rank->loss = loss;
	for (size_t i = 0; i < rows; i++)
	{
		pairs[2 * i] = group[i];
		pairs[2 * i + 1] = (double) i;
	}
	ecml_sort_f8_pairs(ctx, pairs, rows);
	rank->row = ECML_NEW(ctx, size_t, rows);
	for (size_t i = 0; i < rows; i++)
	{
		rank->row[i] = (size_t) pairs[2 * i + 1];
		rank->ngroups += i == 0 || pairs[2 * i] != pairs[2 * i - 2];
	}
	rank->first = ECML_NEW(ctx, size_t, rank->ngroups + 1);
	rank->ngroups = 0;
	for (size_t i = 0; i < rows; i++)
		if (i == 0 || pairs[2 * i] != pairs[2 * i - 2])
			rank->first[rank->ngroups++] = i;
	rank->first[rank->ngroups] = rows;
	ecml_free(ctx, pairs);
	rank->scale = ECML_NEW(ctx, double, rank->ngroups);
	rank->ndcg = ECML_NEW(ctx, double, rank->ngroups);
	for (size_t q = 0; q < rank->ngroups; q++)
	{
		double		best = best_dcg(rank, q, loss->params->truncation);

		rank->scale[q] = best > 0 ? 1 / best : 0;
		if (rank->first[q + 1] - rank->first[q] > rank->most)
			rank->most = rank->first[q + 1] - rank->first[q];
		if (q % 1024 == 1023)
			ecml_poll(ctx, 0, 0);
	}
	rank->workers = ecml_workers(ctx, rank->ngroups);
	rank->places = ECML_NEW(ctx, Place *, rank->workers);
	for (int t = 0; t < rank->workers; t++)
		rank->places[t] = ECML_NEW(ctx, Place, rank->most);
	return rank;
}

void
gbdt_rank_free(EcmlCtx *ctx, GbdtRank *rank)
{
	for (int t = 0; t < rank->workers; t++)
		ecml_free(ctx, rank->places[t]);
	ecml_free(ctx, rank->places);
	ecml_free(ctx, rank->row);
	ecml_free(ctx, rank->first);
	ecml_free(ctx, rank->scale);
	ecml_free(ctx, rank->ndcg);
	ecml_free(ctx, rank);
}

void
gbdt_rank_draw(EcmlCtx *ctx, const GbdtRank *rank, double share, EcmlRng *rng, uint8_t *flags)
{
	size_t		wanted = (size_t) (share * rank->ngroups + 0.5);

	for (size_t q = 0; q < rank->ngroups; q++)
	{
		if (ecml_rng_below(rng, rank->ngroups - q) >= wanted)
			continue;
		wanted--;
		for (size_t i = rank->first[q]; i < rank->first[q + 1]; i++)
			flags[rank->row[i]] = 1;
		if (q % 4096 == 4095)
			ecml_poll(ctx, 0, 0);
	}
}

bool
gbdt_rank_agrees(const GbdtRank *rank, const uint8_t *flags)
{
	for (size_t q = 0; q < rank->ngroups; q++)
		for (size_t i = rank->first[q] + 1; i < rank->first[q + 1]; i++)
			if (flags[rank->row[i]] != flags[rank->row[i - 1]])
				return false;
	return true;
}

/* By falling score; equal ones in the order of the rows. */
static int
compare_scores(const void *a, const void *b)
{
	const Place *x = a;
	const Place *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->row < y->row ? -1 : 1;
}

/* Heapsort: libc's sort may allocate, which a task must not. */
static void
sift(Place *v, size_t at, size_t n, int (*compare) (const void *, const void *))
{
	Place		item = v[at];

	for (;;)
	{
		size_t		child = 2 * at + 1;

		if (child >= n)
			break;
		if (child + 1 < n && compare(&v[child], &v[child + 1]) < 0)
			child++;
		if (compare(&item, &v[child]) >= 0)
			break;
		v[at] = v[child];
		at = child;
	}
	v[at] = item;
}

static void
sort_places(Place *v, size_t n, int (*compare) (const void *, const void *))
{
	for (size_t i = n / 2; i-- > 0;)
		sift(v, i, n, compare);
	for (size_t i = n; i-- > 1;)
	{
		Place		last = v[i];

		v[i] = v[0];
		v[0] = last;
		sift(v, 0, i, compare);
	}
}

/* A group's rows by falling score. */
static size_t
order_group(const GbdtRank *rank, size_t group, Place *places)
{
	size_t		n = rank->first[group + 1] - rank->first[group];

	for (size_t i = 0; i < n; i++)
	{
		size_t		row = rank->row[rank->first[group] + i];

		places[i] = (Place) {.score = rank->loss->score[row],.row = row,.grade = (int) rank->loss->y[row]};
	}
	sort_places(places, n, compare_scores);
	return n;
}

static void
group_gradients(const GbdtRank *rank, size_t group, Place *places)
{
	const GbdtLoss *loss = rank->loss;
	size_t		n = order_group(rank, group, places);
	size_t		top = (size_t) loss->params->truncation;
	bool		spread = n > 0 && places[0].score != places[n - 1].score;
	double		sum = 0;
	double		norm = 1;

	for (size_t i = 0; i + 1 < n && i < top && rank->scale[group] > 0; i++)
		for (size_t j = i + 1; j < n; j++)
		{
			Place	   *better = places[i].grade > places[j].grade ? &places[i] : &places[j];
			Place	   *worse = better == &places[i] ? &places[j] : &places[i];
			double		difference = better->score - worse->score;
			double		change;
			double		p;

			if (better->grade == worse->grade)
				continue;
			change = (gain(better->grade) - gain(worse->grade)) * (discount(i) - discount(j)) * rank->scale[group];
			if (spread)
				change /= 0.01 + fabs(difference);
			p = 1 / (1 + exp(difference));
			better->g -= p * change;
			worse->g += p * change;
			better->h += p * (1 - p) * change;
			worse->h += p * (1 - p) * change;
			sum += 2 * p * change;
		}
	if (sum > 0)
		norm = log2(1 + sum) / sum;
	for (size_t i = 0; i < n; i++)
	{
		double		w = loss->w ? loss->w[places[i].row] : 1;

		loss->g[places[i].row] = places[i].g * norm * w;
		loss->h[places[i].row] = places[i].h * norm * w;
	}
}

static void
gradients_task(void *arg, size_t task, int worker)
{
	const GbdtRank *rank = arg;
	size_t		to = (task + 1) * GROUPS < rank->ngroups ? (task + 1) * GROUPS : rank->ngroups;

	for (size_t q = task * GROUPS; q < to; q++)
		group_gradients(rank, q, rank->places[worker]);
}

void
gbdt_rank_gradients(EcmlCtx *ctx, GbdtRank *rank, const GbdtLoss *loss)
{
	rank->loss = loss;
	ecml_parallel_for(ctx, (rank->ngroups + GROUPS - 1) / GROUPS, gradients_task, rank);
}

static void
ndcg_task(void *arg, size_t task, int worker)
{
	GbdtRank   *rank = arg;
	size_t		to = (task + 1) * GROUPS < rank->ngroups ? (task + 1) * GROUPS : rank->ngroups;

	for (size_t q = task * GROUPS; q < to; q++)
	{
		Place	   *places = rank->places[worker];
		size_t		n = order_group(rank, q, places);
		size_t		k = (size_t) rank->loss->params->ndcg_at < n ? (size_t) rank->loss->params->ndcg_at : n;
		double		sum = 0;
		double		best = 0;

		for (size_t i = 0; i < k; i++)
			sum += gain(places[i].grade) * discount(i);
		sort_places(places, n, compare_grades);
		for (size_t i = 0; i < k; i++)
			best += gain(places[i].grade) * discount(i);
		rank->ndcg[q] = best > 0 ? sum / best : 1;
	}
}

double
gbdt_rank_ndcg(EcmlCtx *ctx, GbdtRank *rank, const GbdtLoss *loss, const uint8_t *flags, int flag)
{
	double		sum = 0;
	size_t		n = 0;

	rank->loss = loss;
	ecml_parallel_for(ctx, (rank->ngroups + GROUPS - 1) / GROUPS, ndcg_task, rank);
	for (size_t q = 0; q < rank->ngroups; q++)
		if ((flags ? flags[rank->row[rank->first[q]]] : 0) == flag)
		{
			sum += rank->ndcg[q];
			n++;
		}
	return n > 0 ? sum / n : NAN;
}
