/*
 * test_search.c - the inverted index against BM25F written down as its formula; spelling against edit distances of all words; bytes
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "text/search.h"
#include "text/search_internal.h"

#define DOCUMENTS 1500
#define WORDS 400
#define FIELDS 2

static char titles[DOCUMENTS][400];
static char bodies[DOCUMENTS][1200];
static int	title_words[DOCUMENTS][64];
static int	body_words[DOCUMENTS][200];
static int	ntitle[DOCUMENTS];
static int	nbody[DOCUMENTS];

static uint8_t *pages[4096];
static size_t sizes[4096];
static uint32_t npages;

static bool
attempt(EcmlCtx *ctx, void (*function) (EcmlCtx *ctx, void *arg), void *arg)
{
	if (!TRY(ctx))
		return false;
	function(ctx, arg);
	return true;
}

/* Word number i of the tests: distinct, of 3 to 9 letters. */
static void
spell(int i, char *out)
{
	sprintf(out, "%c%c%c", 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i * 7 % 26);
	for (int k = 0; k < i % 6; k++)
		sprintf(out + strlen(out), "%c", 'a' + (i * (k + 3) + k) % 26);
}

/* Common words are much more common. */
static int
draw(EcmlRng *rng)
{
	double		u = ecml_rng_double(rng);

	return (int) (WORDS * u * u * u);
}

static void
make_documents(void)
{
	EcmlRng		rng;

	ecml_rng_seed(&rng, 5);
	for (int d = 0; d < DOCUMENTS; d++)
	{
		char		word[16];

		titles[d][0] = bodies[d][0] = '\0';
		ntitle[d] = (int) ecml_rng_below(&rng, 8);
		nbody[d] = (int) ecml_rng_below(&rng, 60);
		for (int i = 0; i < ntitle[d]; i++)
		{
			spell(title_words[d][i] = draw(&rng), word);
			strcat(strcat(titles[d], i ? " " : ""), word);
		}
		for (int i = 0; i < nbody[d]; i++)
		{
			spell(body_words[d][i] = draw(&rng), word);
			strcat(strcat(bodies[d], i ? ", " : ""), word);
		}
	}
}

static void
keep_page(void *arg, uint32_t page, const void *data, size_t size)
{
	free(pages[page]);
	pages[page] = calloc(1, size + SEARCH_PADDING);
	memcpy(pages[page], data, size);
	sizes[page] = size;
	npages = page + 1;
}

static SearchIndex *
build(EcmlCtx *ctx, int documents)
{
	SearchParams params = {.fields = FIELDS,.weight = {3, 1},.b = {0.5, 0.75},.k1 = 1.2};
	SearchBuilder *builder = search_begin(ctx, &params, NULL, NULL);

	npages = 0;
	for (int d = 0; d < documents; d++)
	{
		EcmlText	fields[FIELDS] = {{titles[d], (int) strlen(titles[d])}, {bodies[d], d % 50 == 7 ? -1 : (int) strlen(bodies[d])}};
		EcmlText	category = {d % 3 ? "one" : "two", d % 10 == 9 ? -1 : 3};

		search_document(ctx, builder, fields, &category);
	}
	search_synonym(ctx, builder, "sofa", 4, "couch", 5);
	return search_finish(ctx, builder, keep_page, NULL);
}

/* BM25F as its formula says. */
static double
naive_score(const int *query, int n, int d)
{
	double		mean[FIELDS] = {0};
	double		score = 0;

	for (int i = 0; i < DOCUMENTS; i++)
	{
		mean[0] += ntitle[i];
		mean[1] += i % 50 == 7 ? 0 : nbody[i];
	}
	mean[0] /= DOCUMENTS;
	mean[1] /= DOCUMENTS;
	for (int q = 0; q < n; q++)
	{
		double		tf[FIELDS] = {0};
		double		df = 0;
		double		x;

		for (int i = 0; i < DOCUMENTS; i++)
		{
			bool		has = false;

			for (int j = 0; j < ntitle[i]; j++)
				has |= title_words[i][j] == query[q];
			for (int j = 0; i % 50 != 7 && j < nbody[i]; j++)
				has |= body_words[i][j] == query[q];
			df += has;
		}
		for (int j = 0; j < ntitle[d]; j++)
			tf[0] += title_words[d][j] == query[q];
		for (int j = 0; d % 50 != 7 && j < nbody[d]; j++)
			tf[1] += body_words[d][j] == query[q];
		x = 3 * tf[0] / (1 - 0.5 + 0.5 * ntitle[d] / mean[0]) + tf[1] / (1 - 0.75 + 0.75 * nbody[d] / mean[1]);
		score += log(1 + (DOCUMENTS - df + 0.5) / (df + 0.5)) * x * (1.2 + 1) / (1.2 + x);
	}
	return score;
}

static SearchTerm
term_of(const SearchIndex *index, int word, int group)
{
	char		spelling[16];
	SearchTerm	term = {.group = group};

	spell(word, spelling);
	term.term = vocab_find(&index->words, spelling, strlen(spelling));
	if (term.term == BAG_NONE)
		return term;
	term.term = index->word_term[term.term];
	term.weight = search_idf(index->documents, index->df[term.term]);
	term.postings = pages[index->page[term.term]] + index->offset[term.term];
	return term;
}

static void
test_ranking(EcmlCtx *ctx, const SearchIndex *index)
{
	EcmlRng		rng;
	int			agree = 0;
	int			exact = 0;
	int			filtered = 0;
	int			runs = 300;

	ecml_rng_seed(&rng, 9);
	for (int r = 0; r < runs; r++)
	{
		int			query[6];
		int			n = 1 + (int) ecml_rng_below(&rng, 5);
		int			most = 1 + (int) ecml_rng_below(&rng, 20);
		SearchTerm	terms[6];
		SearchHit	quick[40];
		SearchHit	plain[40];
		uint32_t	deleted[] = {3, 77, 500, 1200};
		SearchQuery q = {.index = index,.terms = terms,.all = r % 4 == 3,.category = r % 5 == 4 ? 1 + r % 2 : 0,
		.deleted = deleted,.ndeleted = r % 3 == 0 ? 4 : 0};
		int			found;
		int			expected;
		bool		same;

		for (int i = 0; i < n; i++)
		{
			query[q.n] = draw(&rng);
			terms[q.n] = term_of(index, query[q.n], q.n);
			if (terms[q.n].postings)
				q.n++;
		}
		q.groups = q.n;
		found = search_run(ctx, &q, most, quick);
		expected = search_run_plainly(ctx, &q, most, plain);
		same = found == expected;
		for (int i = 0; same && i < found; i++)
			same &= quick[i].document == plain[i].document && quick[i].score == plain[i].score;
		agree += same;
		for (int i = 0; i < found; i++)
		{
			bool		gone = false;

			for (size_t k = 0; k < q.ndeleted; k++)
				gone |= deleted[k] == quick[i].document;
			filtered += gone || (q.category && index->category[quick[i].document] != q.category);
		}
		if (r < 12 && q.n > 0 && !q.all && !q.category && q.ndeleted == 0)
		{
			same = true;
			for (int i = 0; i < found; i++)
				same &= fabs(naive_score(query, q.n, quick[i].document) - quick[i].score) < 1e-9;
			/* and no other document is better than the last */
			for (int d = 0; d < DOCUMENTS && found == most; d += 13)
			{
				bool		among = false;

				for (int i = 0; i < found; i++)
					among |= quick[i].document == (uint32_t) d;
				same &= among || naive_score(query, q.n, d) <= quick[found - 1].score + 1e-9;
			}
			exact += same;
		}
		else if (r < 12)
			exact++;
	}
	ok(agree == runs, "queries with skipping find what queries without it find: %d of %d", agree, runs);
	ok(exact == 12, "scores are those of the formula: %d of 12", exact);
	ok(filtered == 0, "deleted documents and those of other categories are not found");
}

/* Damerau's distance in which nothing is edited twice, of all pairs of prefixes. */
static int
distance(const char *a, const char *b)
{
	int			d[20][20];
	int			n = (int) strlen(a);
	int			m = (int) strlen(b);

	for (int i = 0; i <= n; i++)
		for (int j = 0; j <= m; j++)
		{
			int			best = i == 0 ? j : j == 0 ? i : d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			if (i > 0 && j > 0)
			{
				best = best < d[i - 1][j] + 1 ? best : d[i - 1][j] + 1;
				best = best < d[i][j - 1] + 1 ? best : d[i][j - 1] + 1;
				if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
					best = d[i - 2][j - 2] + 1;
			}
			d[i][j] = best;
		}
	return d[n][m];
}

static void
test_spelling(EcmlCtx *ctx, const SearchIndex *index)
{
	EcmlRng		rng;
	int			right = 0;
	int			runs = 400;

	ecml_rng_seed(&rng, 3);
	for (int r = 0; r < runs; r++)
	{
		char		word[24];
		int			n;
		uint32_t	got;
		int			limit;
		double		best = -INFINITY;
		double		value = -INFINITY;

		spell(draw(&rng), word);
		for (int edits = r % 3; edits >= 0; edits--)
		{
			n = (int) strlen(word);
			switch (ecml_rng_below(&rng, 4))
			{
				case 0:
					memmove(word + 1, word, n + 1);
					word[0] = 'q';
					break;
				case 1:
					word[ecml_rng_below(&rng, n)] = 'z';
					break;
				case 2:
					if (n > 1)
						word[n - 1] = '\0';
					break;
				default:
					if (n > 1)
					{
						char		t = word[n - 1];

						word[n - 1] = word[n - 2];
						word[n - 2] = t;
					}
			}
		}
		n = (int) strlen(word);
		got = search_correct(ctx, index, word, n);
		/* within one edit if any is, else within two of the longer ones */
		for (limit = 1; limit <= (n >= 6 ? 2 : 1) && best == -INFINITY && n >= 3; limit++)
			for (uint32_t w = 0; w < index->words.n; w++)
			{
				char		other[32];
				int			length;
				const char *bytes = vocab_word(&index->words, w, &length);
				int			d;
				double		v;

				memcpy(other, bytes, length);
				other[length] = '\0';
				d = distance(word, other);
				if (d > limit)
					continue;
				v = log(index->word_df[w]) - d * log(200) - (other[0] == word[0] ? 0 : log(10));
				best = v > best ? v : best;
				if (w == got)
					value = v;
			}
		right += best == -INFINITY ? got == BAG_NONE : value == best;
	}
	ok(right == runs, "corrections are the best by all words' distances: %d of %d", right, runs);
}

static void
test_complete(const SearchIndex *index)
{
	uint32_t	words[5];
	int			n = search_complete(index, "b", 1, 5, words);
	uint32_t	best = 0;
	bool		right = n > 0;

	for (uint32_t w = 0; w < index->words.n; w++)
	{
		int			length;

		if (vocab_word(&index->words, w, &length)[0] == 'b' && index->word_df[w] > best)
			best = index->word_df[w];
	}
	for (int i = 1; i < n; i++)
		right &= index->word_df[words[i - 1]] >= index->word_df[words[i]];
	ok(right && index->word_df[words[0]] == best, "completions begin with the most frequent word");
	ok(search_complete(index, "zzzzzz", 6, 5, words) == 0, "what no word begins with has no completion");
}

/* ---- bytes */

static void
read_back(EcmlCtx *ctx, void *arg)
{
	EcmlWriter *w = arg;
	EcmlReader	r;

	ecml_reader_init(&r, ctx, w->data, w->size);
	(void) search_read(&r, FIELDS);
	ecml_read_end(&r);
}

static void
test_bytes(EcmlCtx *ctx, const SearchIndex *index)
{
	EcmlWriter	w;
	EcmlReader	r;
	SearchIndex *again;
	bool		same;
	EcmlRng		rng;
	int			crashed = 0;
	int			refused = 0;
	bool		all = true;

	ecml_writer_init(&w, ctx);
	search_write(&w, index);
	ecml_reader_init(&r, ctx, w.data, w.size);
	again = search_read(&r, FIELDS);
	same = again->nterms == index->nterms && again->pages == index->pages &&
		memcmp(again->x, index->x, index->signatures * sizeof(double)) == 0 &&
		memcmp(again->offset, index->offset, index->nterms * sizeof(uint32_t)) == 0;
	ok(same && index->pages == npages, "an index comes back from its bytes");
	for (uint32_t p = 0; p < npages; p++)
		all &= search_check_page(index, p, pages[p], sizes[p]);
	ok(all, "the pages that were written are such");
	ecml_rng_seed(&rng, 1);
	for (int i = 0; i < 300; i++)
	{
		EcmlCtx    *other = test_ctx(1, 1);
		EcmlWriter	damaged = w;
		size_t		at = ecml_rng_below(&rng, w.size);
		uint8_t		before = w.data[at];

		if (i % 5 == 4)
			damaged.size = at;
		else
			w.data[at] ^= (uint8_t) (1 + ecml_rng_below(&rng, 255));
		refused += !attempt(other, read_back, &damaged);
		w.data[at] = before;
		test_ctx_free(other);
	}
	for (int i = 0; i < 2000; i++)
	{
		uint32_t	p = (uint32_t) ecml_rng_below(&rng, npages);
		size_t		at = ecml_rng_below(&rng, sizes[p]);
		uint8_t		before = pages[p][at];

		pages[p][at] ^= (uint8_t) (1 + ecml_rng_below(&rng, 255));
		crashed += search_check_page(index, p, pages[p], sizes[p]);
		pages[p][at] = before;
	}
	ok(refused > 100, "damaged bytes are refused, or harmless: %d of 300", refused);
	ok(crashed < 1000, "damaged pages are refused, or harmless: %d of 2000 pass", crashed);
}

/* ---- failures */

static void
everything(EcmlCtx *ctx, void *arg)
{
	SearchIndex *index = build(ctx, 200);
	SearchTerm	terms[2];
	SearchHit	hits[5];
	SearchQuery q = {.index = index,.n = 2,.terms = terms,.groups = 2};

	terms[0] = term_of(index, 0, 0);
	terms[1] = term_of(index, 1, 1);
	(void) search_run(ctx, &q, 5, hits);
	(void) search_correct(ctx, index, "qabcdef", 7);
}

static void
test_failures(void)
{
	long		failures = 0;
	long		cancels = 0;
	long		polls;
	EcmlCtx    *ctx = test_ctx(1, 1);

	ok(attempt(ctx, everything, NULL), "all of it, without failures");
	polls = test_host(ctx)->polls;
	test_ctx_free(ctx);
	for (long after = 0; after < 100000; after += 1 + after / 20)
	{
		bool		complete;

		ctx = test_ctx(1, 1);
		test_host(ctx)->fail_after = after;
		complete = attempt(ctx, everything, NULL);
		if (!complete)
			failures += test_host(ctx)->status == ECML_OUT_OF_MEMORY;
		test_ctx_free(ctx);
		if (complete)
			break;
	}
	for (long after = 0; after < polls; after++)
	{
		ctx = test_ctx(1, 1);
		test_host(ctx)->cancel_after = after;
		if (!attempt(ctx, everything, NULL))
			cancels += test_host(ctx)->cancelled;
		test_ctx_free(ctx);
	}
	ok(failures > 20, "an allocation that fails is told: %ld times", failures);
	ok(cancels == polls && polls > 0, "a cancel is heeded at each of %ld polls", polls);
}

int
main(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	SearchIndex *index;
	uint32_t	first;
	uint32_t	second;
	char		both[32];
	char		word[16];

	make_documents();
	index = build(ctx, DOCUMENTS);
	test_ranking(ctx, index);
	test_spelling(ctx, index);
	test_complete(index);
	spell(1, both);
	spell(2, word);
	strcat(both, word);
	ok(search_split(index, both, (int) strlen(both), &first, &second), "two words run together are parted");
	test_bytes(ctx, index);
	test_failures();
	test_ctx_free(ctx);
	for (uint32_t p = 0; p < 4096; p++)
		free(pages[p]);
	return done();
}
