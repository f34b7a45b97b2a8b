/*
 * judge.c - how good lists of items are, against what users went on to take
 *
 * With k the length of a list, W the items wanted and a hit an item of the list in W: recall = hits / |W|; precision = hits / k;
 * NDCG = sum of 1 / log2(rank + 1) over hits, by the same for the best list possible (Jarvelin and Kekalainen 2002); MAP = mean
 * over min(k, |W|) of the precision at each hit; MRR = 1 / rank of the first hit; hit rate = part of lists with a hit.
 * Coverage = part of the items that some list shows.  Novelty = mean of -log2 of the part of users that have an item.
 */
#include <math.h>
#include <string.h>

#include "recommend.h"

void
rec_judge_init(EcmlCtx *ctx, RecJudge *judge, int k, int items)
{
	memset(judge, 0, sizeof(*judge));
	judge->k = k;
	judge->seen = ECML_NEW0(ctx, uint8_t, (size_t) items + 1);
}

static bool
is_wanted(const int32_t *wanted, int n, int item)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (wanted[middle] < item)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && wanted[low] == item;
}

void
rec_judge_list(RecJudge *judge, const RecModel *model, const RecBest *best, int n, const int32_t *wanted, int nwanted, int unknown)
{
	int			all = nwanted + unknown;
	int			most = all < judge->k ? all : judge->k;
	int			hits = 0;
	double		gain = 0;
	double		ideal = 0;
	double		precision = 0;

	if (all == 0)
		return;
	for (int i = 0; i < n && i < judge->k; i++)
	{
		double		users = model->counts[best[i].item];

		judge->seen[best[i].item] = 1;
		judge->shown++;
		judge->novelty -= log2((users > 0 ? users : 1) / (model->users > 0 ? (double) model->users : 1));
		if (is_wanted(wanted, nwanted, best[i].item))
		{
			hits++;
			gain += 1 / log2(i + 2);
			precision += (double) hits / (i + 1);
			if (hits == 1)
				judge->mrr += 1.0 / (i + 1);
		}
	}
	for (int i = 0; i < most; i++)
		ideal += 1 / log2(i + 2);
	judge->lists++;
	judge->recall += (double) hits / all;
	judge->precision += (double) hits / judge->k;
	judge->ndcg += gain / ideal;
	judge->map += precision / most;
	judge->hits += hits > 0;
}
