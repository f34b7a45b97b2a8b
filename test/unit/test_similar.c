/*
 * test_similar.c - the nearest vectors, against all sums in double precision, sorted
 */
#include "host.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/similar.h"

typedef struct Naive
{
	uint64_t	number;
	double		similarity;
} Naive;

static int
compare(const void *a, const void *b)
{
	const Naive *x = a;
	const Naive *y = b;

	if (x->similarity != y->similarity)
		return x->similarity > y->similarity ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* Vectors of length 1, each third one the same as another; of the last the length is 0. */
static float *
make(EcmlCtx *ctx, size_t n, size_t dims)
{
	float	   *v = ECML_NEW0(ctx, float, n * dims + 16);

	for (size_t i = 0; i + 1 < n; i++)
	{
		double		square = 0;

		for (size_t k = 0; k < dims; k++)
		{
			v[i * dims + k] = i % 3 == 2 ? v[i / 2 * dims + k] : (float) ecml_rng_normal(&ctx->rng);
			square += (double) v[i * dims + k] * v[i * dims + k];
		}
		for (size_t k = 0; k < dims; k++)
			v[i * dims + k] = (float) (v[i * dims + k] / sqrt(square));
	}
	return v;
}

static void
against_naive(size_t vectors, size_t dims, size_t n, size_t block)
{
	EcmlCtx    *ctx = test_ctx(1, vectors + dims);
	float	   *v = make(ctx, vectors, dims);
	float	   *query = ECML_NEW0(ctx, float, dims);
	Naive	   *all = ECML_NEW0(ctx, Naive, vectors);
	Similar		similar;
	Similar		other;
	double		apart = 0;
	bool		ordered = true;
	bool		distinct = true;
	bool		same = true;
	size_t		want = n < vectors ? n : vectors;

	memcpy(query, v + vectors / 2 * dims, dims * sizeof(float));
	for (size_t i = 0; i < vectors; i++)
	{
		all[i].number = i;
		for (size_t k = 0; k < dims; k++)
			all[i].similarity += (double) query[k] * v[i * dims + k];
	}
	qsort(all, vectors, sizeof(Naive), compare);
	similar_begin(ctx, &similar, n, vectors);
	for (size_t at = 0; at < vectors; at += block)
		similar_block(&similar, query, v + at * dims, vectors - at < block ? vectors - at : block, dims, at);
	similar_finish(&similar);
	/* the blocks in the other order */
	similar_begin(ctx, &other, n, vectors);
	for (size_t at = (vectors + block - 1) / block * block; at > 0; at -= block)
		similar_block(&other, query, v + (at - block) * dims, vectors - (at - block) < block ? vectors - (at - block) : block, dims, at - block);
	similar_finish(&other);
	ok(similar.found == want, "%zu of %zu vectors of %zu are found", want, vectors, dims);
	for (size_t i = 0; i < similar.found; i++)
	{
		const SimilarHit *hit = &similar.hits[i];

		apart = fmax(apart, fabs(hit->similarity - all[i].similarity));
		ordered &= i == 0 || hit->similarity < hit[-1].similarity || (hit->similarity == hit[-1].similarity && hit->number > hit[-1].number);
		same &= other.hits[i].number == hit->number && other.hits[i].similarity == hit->similarity;
		for (size_t k = 0; k < i && k < 50; k++)
			distinct &= similar.hits[k].number != hit->number;
	}
	ok(apart < 1e-6, "they are the best ones (%.1e apart)", apart);
	ok(ordered && distinct, "the best first, each once");
	ok(same, "in whatever order the blocks come");
	test_ctx_free(ctx);
}

static void
edges(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	float		v[4] = {NAN, 1, INFINITY, -2};
	float		query = 1;
	Similar		similar;

	similar_begin(ctx, &similar, 3, 0);
	similar_finish(&similar);
	ok(similar.found == 0, "of nothing nothing");
	similar_begin(ctx, &similar, 10, 4);
	similar_block(&similar, &query, v, 4, 1, 100);
	similar_finish(&similar);
	ok(similar.found == 2 && similar.hits[0].number == 101 && similar.hits[1].number == 103, "what is not finite is left out");
	ok(similar.hits[1].similarity == -1, "no similarity is beyond -1");
	test_ctx_free(ctx);

	ctx = test_ctx(1, 1);
	test_host(ctx)->fail_after = 0;
	if (TRY(ctx))
	{
		similar_begin(ctx, &similar, 3, 10);
		ok(false, "an allocation that fails is told");
	}
	else
		ok(test_host(ctx)->status == ECML_OUT_OF_MEMORY, "an allocation that fails is told");
	test_ctx_free(ctx);
}

int
main(void)
{
	against_naive(1000, 64, 10, 128);
	against_naive(777, 33, 777, 100);
	against_naive(130, 5, 1000, 7);
	against_naive(64, 1, 3, 64);
	against_naive(1, 200, 1, 1);
	against_naive(500, 128, 1, 500);
	edges();
	return done();
}
