/*
 * search_query.c - the best documents of a query
 *
 * BM25F (Robertson, Zaragoza and Taylor, 2004): the score of a document is the sum over the query's terms of
 * idf x (k1 + 1) / (k1 + x), where x = sum over fields of weight tf / (1 - b + b length / mean length), and
 * idf = log(1 + (N - df + 0.5) / (df + 0.5)), which is never negative.
 *
 * Document at a time with bounds of blocks: block-max WAND (Ding and Suel, 2011).  The lists are kept by their present document; the
 * first place where the bounds of whole lists add up to more than the worst of the hits so far is the pivot; the bounds of the
 * blocks there then decide whether the document is looked at, or all documents up to the end of the nearest block are skipped
 * unread.  A single term's blocks are skipped by their bound alone.
 *
 * The sum of a document is taken in the order of the query's terms, so that scores are the same bits whichever way they are found.
 */
#include <math.h>

#include "search_internal.h"

#define END UINT32_MAX			/* behind the last document */
#define POLL_BLOCKS 4096

typedef struct List
{
	const SearchTerm *term;
	int			number;			/* in the query */
	const uint8_t *header;
	const uint8_t *data;
	uint32_t	blocks;
	uint32_t	df;
	double		most;			/* the list's bound: weight times the greatest part */
	uint32_t	block;			/* where the cursor is; decoded when loaded is the same */
	uint32_t	loaded;
	int			n;				/* postings of the loaded block */
	int			at;
	uint32_t	document;		/* the present one; END */
	uint32_t	shallow;		/* the block that bounds were looked up in */
	uint32_t	documents[SEARCH_BLOCK];
	uint32_t	codes[SEARCH_BLOCK];
} List;

double
search_idf(double documents, double df)
{
	return log1p((documents - df + 0.5) / (df + 0.5));
}

static inline uint32_t
block_last(const List *list, uint32_t block)
{
	return search_get_u32(list->header + (size_t) block * SEARCH_HEADER);
}

static inline double
block_bound(const SearchQuery *query, const List *list, uint32_t block)
{
	float		x;

	memcpy(&x, list->header + (size_t) block * SEARCH_HEADER + 8, 4);
	return list->term->weight * search_part(&query->index->params, x);
}

/* n numbers of so many bits from in on, which has SEARCH_PADDING bytes behind it. */
static const uint8_t *
unpack(const uint8_t *in, uint32_t *v, int n, int bits)
{
	uint32_t	mask = bits == 32 ? UINT32_MAX : ((uint32_t) 1 << bits) - 1;
	size_t		bit = 0;

	if (bits == 0)
	{
		memset(v, 0, n * sizeof(uint32_t));
		return in;
	}
	for (int i = 0; i < n; i++, bit += bits)
	{
		uint64_t	word;

		memcpy(&word, in + (bit >> 3), 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		word = __builtin_bswap64(word);
#endif
		v[i] = (uint32_t) (word >> (bit & 7)) & mask;
	}
	return in + (((size_t) n * bits + 7) >> 3);
}

static void
load(List *list, uint32_t block)
{
	const uint8_t *in = list->data + (block > 0 ? search_get_u32(list->header + (size_t) (block - 1) * SEARCH_HEADER + 4) : 0);
	uint32_t	last = block > 0 ? block_last(list, block - 1) : UINT32_MAX;
	uint32_t	left = list->df - block * SEARCH_BLOCK;
	int			bits = in[0];
	int			code_bits = in[1];

	list->n = left < SEARCH_BLOCK ? (int) left : SEARCH_BLOCK;
	in = unpack(in + 2, list->documents, list->n, bits);
	(void) unpack(in, list->codes, list->n, code_bits);
	for (int i = 0; i < list->n; i++)
		last = list->documents[i] += last + 1;
	list->loaded = list->block = block;
	list->at = 0;
}

/* The block that holds the first document from target on, from the given one on; blocks: there is none. */
static inline uint32_t
seek_block(const List *list, uint32_t block, uint32_t target)
{
	uint32_t	step = 1;
	uint32_t	low;

	if (block >= list->blocks || block_last(list, block) >= target)
		return block;
	/* growing steps, then halves */
	while (block + step < list->blocks && block_last(list, block + step) < target)
	{
		block += step;
		step *= 2;
	}
	low = block + 1;
	for (uint32_t high = block + step < list->blocks ? block + step : list->blocks; low < high;)
	{
		uint32_t	mid = low + (high - low) / 2;

		if (block_last(list, mid) < target)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* To the first document from target on. */
static void
advance(List *list, uint32_t target)
{
	uint32_t	block;

	if (list->document >= target)
		return;
	block = seek_block(list, list->block, target);
	if (block >= list->blocks)
	{
		list->document = END;
		return;
	}
	if (block != list->loaded)
		load(list, block);
	while (list->documents[list->at] < target)
		list->at++;
	list->document = list->documents[list->at];
}

static void
begin(const SearchQuery *query, List *list, const SearchTerm *term, int number)
{
	list->term = term;
	list->number = number;
	list->df = query->index->df[term->term];
	list->blocks = (list->df + SEARCH_BLOCK - 1) / SEARCH_BLOCK;
	list->header = term->postings;
	list->data = term->postings + (size_t) list->blocks * SEARCH_HEADER;
	list->most = 0;
	list->shallow = 0;
	for (uint32_t b = 0; b < list->blocks; b++)
		list->most = fmax(list->most, block_bound(query, list, b));
	if (list->blocks == 0)
	{
		list->document = END;
		return;
	}
	load(list, 0);
	list->document = list->documents[0];
}

/* ---- hits: a heap whose top is the worst */

typedef struct Hits
{
	SearchHit  *hits;
	int			n;
	int			most;
} Hits;

static inline bool
worse(const SearchHit *a, const SearchHit *b)
{
	return a->score < b->score || (a->score == b->score && a->document > b->document);
}

static void
sift(SearchHit *hits, int n, int i)
{
	for (;;)
	{
		int			child = 2 * i + 1;
		SearchHit	t;

		if (child >= n)
			return;
		if (child + 1 < n && worse(&hits[child + 1], &hits[child]))
			child++;
		if (!worse(&hits[child], &hits[i]))
			return;
		t = hits[i];
		hits[i] = hits[child];
		hits[child] = t;
		i = child;
	}
}

static void
offer(Hits *hits, uint32_t document, double score)
{
	SearchHit	hit = {document, score};

	if (hits->n < hits->most)
	{
		int			i = hits->n++;

		hits->hits[i] = hit;
		while (i > 0 && worse(&hits->hits[i], &hits->hits[(i - 1) / 2]))
		{
			SearchHit	t = hits->hits[i];

			hits->hits[i] = hits->hits[(i - 1) / 2];
			hits->hits[(i - 1) / 2] = t;
			i = (i - 1) / 2;
		}
	}
	else if (worse(&hits->hits[0], &hit))
	{
		hits->hits[0] = hit;
		sift(hits->hits, hits->n, 0);
	}
}

/* The best first. */
static int
sort_hits(Hits *hits)
{
	for (int n = hits->n - 1; n > 0; n--)
	{
		SearchHit	t = hits->hits[0];

		hits->hits[0] = hits->hits[n];
		hits->hits[n] = t;
		sift(hits->hits, n, 0);
	}
	return hits->n;
}

/* What a document must score more than. */
static inline double
threshold(const Hits *hits)
{
	return hits->n < hits->most ? -1 : hits->hits[0].score;
}

/* May the document be a hit at all? */
static bool
allowed(const SearchQuery *query, uint32_t document)
{
	size_t		low = 0;
	size_t		high = query->ndeleted;

	if (query->category && (query->index->category == NULL || query->index->category[document] != query->category))
		return false;
	while (low < high)
	{
		size_t		mid = (low + high) / 2;

		if (query->deleted[mid] < document)
			low = mid + 1;
		else
			high = mid;
	}
	return low >= query->ndeleted || query->deleted[low] != document;
}

/* ---- one term */

static void
run_single(EcmlCtx *ctx, const SearchQuery *query, List *list, Hits *hits)
{
	for (uint32_t b = 0; b < list->blocks; b++)
	{
		if ((b & (POLL_BLOCKS - 1)) == 0)
			ecml_poll(ctx, 0, 0);
		if (block_bound(query, list, b) <= threshold(hits))
			continue;
		load(list, b);
		for (int i = 0; i < list->n; i++)
		{
			double		score = 0 + list->term->weight * query->index->part[list->codes[i]];

			if (score > threshold(hits) && allowed(query, list->documents[i]))
				offer(hits, list->documents[i], score);
		}
	}
}

/* ---- several */

/* The score of a document that some lists stand at: in the order of the query's terms. */
static double
score_of(const SearchQuery *query, List *const *by_number, uint32_t document, bool *complete)
{
	double		score = 0;
	int			groups = 0;
	int			group = -1;

	for (int i = 0; i < query->n; i++)
	{
		const List *list = by_number[i];

		if (list->document != document)
			continue;
		score += list->term->weight * query->index->part[list->codes[list->at]];
		groups += list->term->group != group;
		group = list->term->group;
	}
	*complete = !query->all || groups == query->groups;
	return score;
}

/* Put list i where its document belongs: those before it are in order. */
static void
reorder(List **lists, int n)
{
	for (int i = 1; i < n; i++)
	{
		List	   *list = lists[i];
		int			j = i;

		while (j > 0 && lists[j - 1]->document > list->document)
		{
			lists[j] = lists[j - 1];
			j--;
		}
		lists[j] = list;
	}
}

static void
run_several(EcmlCtx *ctx, const SearchQuery *query, List **lists, List *const *by_number, Hits *hits)
{
	int			n = query->n;
	uint64_t	steps = 0;

	for (;;)
	{
		double		theta = threshold(hits);
		double		sum = 0;
		double		bound = 0;
		int			pivot = -1;
		uint32_t	document;
		uint32_t	next = END;

		if ((++steps & 1023) == 0)
			ecml_poll(ctx, 0, 0);
		reorder(lists, n);
		for (int i = 0; i < n && lists[i]->document != END; i++)
		{
			sum += lists[i]->most;
			/* sums of bounds round in another order than scores do */
			if (sum * (1 + 1e-12) > theta)
			{
				pivot = i;
				break;
			}
		}
		if (pivot < 0)
			return;
		document = lists[pivot]->document;
		while (pivot + 1 < n && lists[pivot + 1]->document == document)
			pivot++;
		for (int i = 0; i <= pivot; i++)
		{
			List	   *list = lists[i];
			uint32_t	last;

			if (list->shallow < list->block)
				list->shallow = list->block;
			list->shallow = seek_block(list, list->shallow, document);
			if (list->shallow >= list->blocks)
				continue;
			bound += block_bound(query, list, list->shallow);
			last = block_last(list, list->shallow);
			next = last < next ? last : next;
		}
		if (bound * (1 + 1e-12) > theta)
		{
			/* lists that lag behind the pivot come up to it, and then it is looked at */
			if (lists[0]->document == document)
			{
				bool		complete;
				double		score = score_of(query, by_number, document, &complete);

				if (score > theta && complete && allowed(query, document))
					offer(hits, document, score);
				for (int i = 0; i <= pivot; i++)
					advance(lists[i], document + 1);
			}
			else
				for (int i = 0; i <= pivot && lists[i]->document < document; i++)
					advance(lists[i], document);
		}
		else
		{
			/* nothing in these blocks is good enough: behind the nearest end of one, but not past the list after the pivot */
			uint32_t	target = next == END ? END : next + 1;

			if (pivot + 1 < n && lists[pivot + 1]->document < target)
				target = lists[pivot + 1]->document;
			if (target <= document)
				target = document + 1;
			for (int i = 0; i <= pivot; i++)
				advance(lists[i], target);
		}
	}
}

int
search_run(EcmlCtx *ctx, const SearchQuery *query, int n, SearchHit *hits)
{
	Hits		found = {hits, 0, n};
	List	   *lists;
	List	  **order;
	List	  **by_number;

	if (query->n == 0 || n == 0)
		return 0;
	lists = ECML_NEW(ctx, List, query->n);
	order = ECML_NEW(ctx, List *, query->n);
	by_number = ECML_NEW(ctx, List *, query->n);
	for (int i = 0; i < query->n; i++)
	{
		begin(query, &lists[i], &query->terms[i], i);
		order[i] = by_number[i] = &lists[i];
	}
	if (query->n == 1 && !(query->all && query->groups > 1))
		run_single(ctx, query, lists, &found);
	else
		run_several(ctx, query, order, by_number, &found);
	ecml_free(ctx, lists);
	ecml_free(ctx, order);
	ecml_free(ctx, by_number);
	return sort_hits(&found);
}

int
search_run_plainly(EcmlCtx *ctx, const SearchQuery *query, int n, SearchHit *hits)
{
	Hits		found = {hits, 0, n};
	List	   *lists = ECML_NEW(ctx, List, query->n);
	List	  **by_number = ECML_NEW(ctx, List *, query->n);

	for (int i = 0; i < query->n; i++)
	{
		begin(query, &lists[i], &query->terms[i], i);
		by_number[i] = &lists[i];
	}
	for (;;)
	{
		uint32_t	document = END;
		bool		complete;
		double		score;

		for (int i = 0; i < query->n; i++)
			document = lists[i].document < document ? lists[i].document : document;
		if (document == END)
			break;
		score = score_of(query, by_number, document, &complete);
		if (complete && allowed(query, document))
			offer(&found, document, score);
		for (int i = 0; i < query->n; i++)
			advance(&lists[i], document + 1);
	}
	ecml_free(ctx, lists);
	ecml_free(ctx, by_number);
	return sort_hits(&found);
}

/* ---- pages from anywhere */

static bool
check_list(const SearchIndex *index, uint32_t term, const uint8_t *bytes)
{
	List		list = {.df = index->df[term],.header = bytes};
	size_t		size = index->size[term];
	uint32_t	last = UINT32_MAX;
	uint32_t	end = 0;

	list.blocks = (list.df + SEARCH_BLOCK - 1) / SEARCH_BLOCK;
	list.data = bytes + (size_t) list.blocks * SEARCH_HEADER;
	size -= (size_t) list.blocks * SEARCH_HEADER;
	for (uint32_t b = 0; b < list.blocks; b++)
	{
		uint32_t	left = list.df - b * SEARCH_BLOCK;
		uint32_t	n = left < SEARCH_BLOCK ? left : SEARCH_BLOCK;
		uint32_t	from = end;
		float		x;
		float		greatest = 0;

		end = search_get_u32(bytes + (size_t) b * SEARCH_HEADER + 4);
		memcpy(&x, bytes + (size_t) b * SEARCH_HEADER + 8, 4);
		if (end > size || end < from || end - from < 2 || list.data[from] > 32 || list.data[from + 1] > 32 ||
			end - from != 2 + ((n * list.data[from] + 7) >> 3) + ((n * list.data[from + 1] + 7) >> 3))
			return false;
		load(&list, b);
		for (uint32_t i = 0; i < n; i++)
		{
			if ((last != UINT32_MAX && list.documents[i] <= last) || list.documents[i] >= index->documents ||
				list.codes[i] >= index->signatures)
				return false;
			last = list.documents[i];
			greatest = fmaxf(greatest, (float) index->x[list.codes[i]]);
		}
		if (last != block_last(&list, b) || !(x >= greatest) || isinf(x))
			return false;
	}
	return end == size;
}

bool
search_check_page(const SearchIndex *index, uint32_t page, const void *data, size_t size)
{
	uint32_t	low = 0;
	uint32_t	high = index->nterms;
	size_t		expected = 0;

	/* the first list of the page */
	while (low < high)
	{
		uint32_t	mid = low + (high - low) / 2;

		if (index->page[mid] < page)
			low = mid + 1;
		else
			high = mid;
	}
	for (uint32_t t = low; t < index->nterms && index->page[t] == page; t++)
	{
		expected = (size_t) index->offset[t] + index->size[t];
		if (expected > size || !check_list(index, t, (const uint8_t *) data + index->offset[t]))
			return false;
	}
	return expected == size;
}
