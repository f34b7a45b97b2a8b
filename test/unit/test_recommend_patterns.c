/*
 * test_recommend_patterns.c - frequent sets and sequences, against trying all there are
 */
#include "recommend_cases.h"

static bool
holds_set(const RecBaskets *b, int basket, const int32_t *items, int n)
{
	for (int i = 0; i < n; i++)
	{
		bool		found = false;

		for (size_t e = b->start[basket]; e < b->start[basket + 1]; e++)
			found |= b->item[e] == items[i];
		if (!found)
			return false;
	}
	return true;
}

static bool
holds_sequence(const RecBaskets *b, int sequence, const int32_t *items, int n)
{
	int			step = -1;

	for (int i = 0; i < n; i++)
	{
		int			next = -1;

		for (size_t e = b->start[sequence]; e < b->start[sequence + 1] && next < 0; e++)
			if (b->item[e] == items[i] && b->step[e] > step)
				next = b->step[e];
		if (next < 0)
			return false;
		step = next;
	}
	return true;
}

static void
few_sets(EcmlCtx *ctx, const void *baskets)
{
	(void) rec_fpgrowth(ctx, baskets, 12, 3, 3);
}

static void
few_sequences(EcmlCtx *ctx, const void *sequences)
{
	(void) rec_prefixspan(ctx, sequences, 12, 3, 3);
}

static void
test_patterns(void)
{
	for (int sequences = 0; sequences < 2; sequences++)
		for (int length = 1; length <= 4; length++)
		{
			EcmlCtx    *ctx = test_ctx(1, 1);
			RecBaskets *b = make_baskets(ctx, sequences);
			int			min_count = 12;
			RecPatterns *p = sequences ? rec_prefixspan(ctx, b, min_count, length, 100000) :
				rec_fpgrowth(ctx, b, min_count, length, 100000);
			size_t		expected = 0;
			size_t		wrong = 0;

			rec_patterns_index(ctx, p);
			/* all sets or sequences of up to length items, one by one */
			for (int n = 1; n <= length; n++)
			{
				long		all = 1;

				for (int i = 0; i < n; i++)
					all *= GOODS;
				for (long code = 0; code < all; code++)
				{
					int32_t		items[4];
					long		rest = code;
					bool		ascending = true;
					int			count = 0;

					for (int i = 0; i < n; i++, rest /= GOODS)
						items[i] = rest % GOODS;
					for (int i = 1; i < n; i++)
						ascending &= items[i] > items[i - 1];
					if (!sequences && !ascending)
						continue;
					for (int i = 0; i < b->n; i++)
						count += sequences ? holds_sequence(b, i, items, n) : holds_set(b, i, items, n);
					if (count >= min_count)
					{
						size_t		at = rec_patterns_find(p, items, n);

						expected++;
						wrong += at == p->n || p->count[at] != count;
					}
				}
			}
			ok(expected == p->n && wrong == 0, "%s of up to %d items: %zu as by trying all, %zu wrong", sequences ? "sequences" : "sets",
			   length, p->n, wrong);
			if (attempt(ctx, sequences ? few_sequences : few_sets, b))
				ok(false, "a limit is an error");
			else
				ok(test_host(ctx)->status == ECML_LIMIT_EXCEEDED && strstr(ctx->hint, "min_support"), "a limit is an error with a hint");
			test_ctx_free(ctx);
		}
}

int
main(void)
{
	test_patterns();
	return done();
}
