/*
 * fpgrowth.c - all sets of items that many baskets hold, by FP-growth
 *
 * Baskets, with their frequent items in the order of frequency, are the paths of a tree in which common beginnings stand once
 * (Han, Pei and Yin 2000).  For an item, the paths above its nodes are the baskets that hold it, in which the same is done again
 * for the items there: sets grow from their least frequent item.  A tree is arrays of nodes; the children of a node are found by
 * hash; nodes of an item are linked.  Memory: a node takes 20 bytes, and the trees of a path from the first to the last item
 * of a set exist at once.
 *
 * Sets can explode in number: beyond a limit it is an error that says what to do.
 */
#include <string.h>

#include "num/hash.h"
#include "recommend.h"

#define POLL_NODES 4096

typedef struct Node
{
	int32_t		item;			/* rank in the tree's list of items */
	int32_t		parent;			/* 0: the root */
	int32_t		next;			/* of the same item; 0: none */
	int32_t		count;
} Node;

typedef struct Tree
{
	int			items;
	int32_t    *item;			/* [items] the most frequent first: numbers of the caller */
	int32_t    *count;			/* [items] */
	int32_t    *head;			/* [items] its first node, 0: none */
	int			nodes;
	int			capacity;
	Node	   *node;			/* [capacity]; node 0 is the root */
	uint32_t   *slots;			/* hash of (parent, item) to node */
	uint32_t	nslots;
} Tree;

typedef struct Growth
{
	EcmlCtx    *ctx;
	int			min_count;
	int			max_length;
	size_t		limit;
	RecPatterns *patterns;
	int32_t    *prefix;			/* [max_length] */
	int32_t    *rank;			/* [items] scratch: rank of an item in the tree under way, or -1 */
	int32_t    *path;			/* [items] */
	size_t		steps;
} Growth;

static RecPatterns *
patterns_create(EcmlCtx *ctx)
{
	RecPatterns *p = ECML_NEW0(ctx, RecPatterns, 1);

	p->capacity = 256;
	p->room = 1024;
	p->start = ECML_NEW0(ctx, size_t, p->capacity + 1);
	p->count = ECML_NEW(ctx, int32_t, p->capacity);
	p->item = ECML_NEW(ctx, int32_t, p->room);
	return p;
}

static void
emit(EcmlCtx *ctx, RecPatterns *p, const int32_t *items, int n, int count, size_t limit, bool sorted)
{
	if (p->n >= limit)
	{
		ecml_detail(ctx, "There are more than %zu sets of items that are frequent enough.", limit);
		ecml_hint(ctx, "Raise \"min_support\", lower \"max_length\", or raise \"limit\".");
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "too many frequent sets of items");
	}
	if (p->n == p->capacity)
	{
		p->capacity *= 2;
		p->start = ecml_resize_array(ctx, p->start, p->capacity + 1, sizeof(size_t));
		p->count = ecml_resize_array(ctx, p->count, p->capacity, sizeof(int32_t));
	}
	if (p->used + n > p->room)
	{
		p->room = 2 * p->room + n;
		p->item = ecml_resize_array(ctx, p->item, p->room, sizeof(int32_t));
	}
	for (int i = 0; i < n; i++)
	{
		int			at = i;

		/* of a set, ascending */
		for (; sorted && at > 0 && p->item[p->used + at - 1] > items[i]; at--)
			p->item[p->used + at] = p->item[p->used + at - 1];
		p->item[p->used + at] = items[i];
	}
	p->used += n;
	p->count[p->n++] = count;
	p->start[p->n] = p->used;
}

static void
tree_free(EcmlCtx *ctx, Tree *tree)
{
	ecml_free(ctx, tree->item);
	ecml_free(ctx, tree->count);
	ecml_free(ctx, tree->head);
	ecml_free(ctx, tree->node);
	ecml_free(ctx, tree->slots);
}

/* An empty tree of the items whose count is at least min_count; rank [all] is filled. */
static void
tree_begin(Growth *g, Tree *tree, const int32_t *items, const int32_t *counts, int n, int room)
{
	EcmlCtx    *ctx = g->ctx;

	memset(tree, 0, sizeof(*tree));
	tree->item = ECML_NEW(ctx, int32_t, n + 1);
	tree->count = ECML_NEW(ctx, int32_t, n + 1);
	tree->head = ECML_NEW0(ctx, int32_t, n + 1);
	for (int i = 0; i < n; i++)
		if (counts[i] >= g->min_count)
		{
			tree->item[tree->items] = items[i];
			tree->count[tree->items++] = counts[i];
		}
	tree->capacity = room + 1;
	tree->node = ECML_NEW(ctx, Node, tree->capacity);
	tree->node[0] = (Node) {-1, 0, 0, 0};
	tree->nodes = 1;
	tree->nslots = 16;
	while (tree->nslots < 2 * (uint32_t) tree->capacity)
		tree->nslots *= 2;
	tree->slots = ECML_NEW0(ctx, uint32_t, tree->nslots);
}

/* Add a basket of ranks, ascending, count times. */
static void
tree_add(Tree *tree, const int32_t *ranks, int n, int count)
{
	int32_t		at = 0;

	for (int i = 0; i < n; i++)
	{
		uint32_t	slot = (uint32_t) ecml_hash_mix(((uint64_t) at << 32) | (uint32_t) ranks[i]) & (tree->nslots - 1);
		uint32_t	node;

		while ((node = tree->slots[slot]) != 0 && (tree->node[node].parent != at || tree->node[node].item != ranks[i]))
			slot = (slot + 1) & (tree->nslots - 1);
		if (node == 0)
		{
			node = (uint32_t) tree->nodes++;
			tree->slots[slot] = node;
			tree->node[node] = (Node) {ranks[i], at, tree->head[ranks[i]], 0};
			tree->head[ranks[i]] = (int32_t) node;
		}
		tree->node[node].count += count;
		at = (int32_t) node;
	}
}

/* Sets that end (from their most frequent item) in prefix [depth]; the tree has the baskets that hold the prefix. */
static void
grow(Growth *g, const Tree *tree, int depth)
{
	EcmlCtx    *ctx = g->ctx;

	for (int r = tree->items - 1; r >= 0; r--)
	{
		Tree		next;
		int32_t    *counts;
		int32_t    *rank;
		size_t		room = 0;
		int			above = r;
		int			frequent = 0;

		g->prefix[depth] = tree->item[r];
		emit(ctx, g->patterns, g->prefix, depth + 1, tree->count[r], g->limit, true);
		if (++g->steps % 64 == 0)
			ecml_poll(ctx, 0, 0);
		if (depth + 1 >= g->max_length || r == 0)
			continue;
		counts = ECML_NEW0(ctx, int32_t, above + 1);
		for (int32_t node = tree->head[r]; node; node = tree->node[node].next)
		{
			if (++g->steps % POLL_NODES == 0)
				ecml_poll(ctx, 0, 0);
			for (int32_t up = tree->node[node].parent; up; up = tree->node[up].parent)
			{
				counts[tree->node[up].item] += tree->node[node].count;
				room++;
			}
		}
		for (int i = 0; i < above; i++)
			frequent += counts[i] >= g->min_count;
		/* sets that cannot grow any more need no tree: their counts are known */
		if (frequent <= 1 || depth + 2 >= g->max_length)
		{
			for (int i = above - 1; i >= 0 && frequent > 0; i--)
				if (counts[i] >= g->min_count)
				{
					g->prefix[depth + 1] = tree->item[i];
					emit(ctx, g->patterns, g->prefix, depth + 2, counts[i], g->limit, true);
				}
			ecml_free(ctx, counts);
			continue;
		}
		/* items keep their order: what is more frequent in all stands higher */
		rank = ECML_NEW(ctx, int32_t, above + 1);
		for (int i = 0, n = 0; i < above; i++)
			rank[i] = counts[i] >= g->min_count ? n++ : -1;
		tree_begin(g, &next, tree->item, counts, above, room < (size_t) tree->nodes ? (int) room : tree->nodes);
		for (int32_t node = tree->head[r]; node; node = tree->node[node].next)
		{
			int			n = 0;

			if (++g->steps % POLL_NODES == 0)
				ecml_poll(ctx, 0, 0);
			for (int32_t up = tree->node[node].parent; up; up = tree->node[up].parent)
				if (rank[tree->node[up].item] >= 0)
					g->path[n++] = rank[tree->node[up].item];
			/* upwards is from the least frequent on */
			for (int i = 0; i < n / 2; i++)
			{
				int32_t		swap = g->path[i];

				g->path[i] = g->path[n - 1 - i];
				g->path[n - 1 - i] = swap;
			}
			tree_add(&next, g->path, n, tree->node[node].count);
		}
		ecml_free(ctx, counts);
		ecml_free(ctx, rank);
		grow(g, &next, depth + 1);
		tree_free(ctx, &next);
	}
}

RecPatterns *
rec_fpgrowth(EcmlCtx *ctx, const RecBaskets *baskets, int min_count, int max_length, size_t limit)
{
	Growth		g = {ctx, min_count, max_length, limit, patterns_create(ctx)};
	int32_t    *counts = ECML_NEW0(ctx, int32_t, baskets->items + 1);
	int32_t    *order = ECML_NEW(ctx, int32_t, baskets->items + 1);
	int32_t    *sorted = ECML_NEW(ctx, int32_t, baskets->items + 1);
	uint64_t   *keys = ECML_NEW(ctx, uint64_t, baskets->items + 1);
	size_t		room = 0;
	Tree		tree;

	g.prefix = ECML_NEW(ctx, int32_t, max_length + 1);
	g.path = ECML_NEW(ctx, int32_t, baskets->items + 1);
	g.rank = ECML_NEW(ctx, int32_t, baskets->items + 1);
	for (size_t i = 0; i < baskets->start[baskets->n]; i++)
		counts[baskets->item[i]]++;
	/* frequent items by frequency, ties by number: a counting sort would do, a heap sort is short */
	for (int i = 0; i < baskets->items; i++)
		keys[i] = ((uint64_t) (UINT32_MAX - (uint32_t) counts[i]) << 32) | (uint32_t) i;
	for (int n = baskets->items, start = n / 2; n > 1;)
	{
		uint64_t	entry;
		int			at;

		if (start > 0)
			entry = keys[at = --start];
		else
		{
			entry = keys[--n];
			keys[n] = keys[0];
			at = 0;
		}
		for (int child; (child = 2 * at + 1) < n; at = child)
		{
			child += child + 1 < n && keys[child + 1] > keys[child];
			if (keys[child] <= entry)
				break;
			keys[at] = keys[child];
		}
		keys[at] = entry;
		if (n % POLL_NODES == 0)
			ecml_poll(ctx, 0, 0);
	}
	for (int i = 0, n = 0; i < baskets->items; i++)
	{
		order[i] = (int32_t) (uint32_t) keys[i];
		sorted[i] = counts[order[i]];
		g.rank[order[i]] = sorted[i] >= min_count ? n++ : -1;
	}
	for (size_t i = 0; i < baskets->start[baskets->n]; i++)
		room += g.rank[baskets->item[i]] >= 0;
	if (room > INT32_MAX - 16)
	{
		ecml_hint(ctx, "Raise \"min_support\".");
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "there are too many rows for one search for frequent sets");
	}
	tree_begin(&g, &tree, order, sorted, baskets->items, (int) room);
	for (int b = 0; b < baskets->n; b++)
	{
		int			n = 0;

		if (b % POLL_NODES == 0)
			ecml_poll(ctx, b, baskets->n);
		for (size_t i = baskets->start[b]; i < baskets->start[b + 1]; i++)
		{
			int32_t		rank = g.rank[baskets->item[i]];
			int			at;

			if (rank < 0)
				continue;
			for (at = n++; at > 0 && g.path[at - 1] > rank; at--)
				g.path[at] = g.path[at - 1];
			g.path[at] = rank;
		}
		tree_add(&tree, g.path, n, 1);
	}
	grow(&g, &tree, 0);
	tree_free(ctx, &tree);
	ecml_free(ctx, counts);
	ecml_free(ctx, order);
	ecml_free(ctx, sorted);
	ecml_free(ctx, keys);
	return g.patterns;
}

/* ---- sequences */

/* Where a pattern ends for the first time in a sequence: what follows stands in later steps. */
typedef struct Ending
{
	int32_t		sequence;
	int32_t		step;			/* of its last item */
} Ending;

typedef struct Spanning
{
	EcmlCtx    *ctx;
	const RecBaskets *data;
	int			min_count;
	int			max_length;
	size_t		limit;
	RecPatterns *patterns;
	int32_t    *prefix;
	size_t		steps;
} Spanning;

/*
 * PrefixSpan (Pei et al. 2001): sequences that hold the prefix are known by where it ends first; items that follow it in enough of
 * them make it longer.
 */
static void
span(Spanning *s, const Ending *endings, int n, int depth)
{
	EcmlCtx    *ctx = s->ctx;
	const RecBaskets *data = s->data;
	int32_t    *count = ECML_NEW0(ctx, int32_t, data->items + 1);
	int32_t    *seen = ECML_NEW(ctx, int32_t, data->items + 1);
	int32_t    *found = ECML_NEW(ctx, int32_t, data->items + 1);
	int			nfound = 0;

	for (int i = 0; i < data->items; i++)
		seen[i] = -1;
	for (int e = 0; e < n; e++)
	{
		int			q = endings[e].sequence;

		for (size_t i = data->start[q + 1]; i-- > data->start[q] && data->step[i] > endings[e].step;)
		{
			int32_t		item = data->item[i];

			if (++s->steps % POLL_NODES == 0)
				ecml_poll(ctx, 0, 0);
			if (seen[item] == e)
				continue;
			seen[item] = e;
			if (count[item]++ == 0)
				found[nfound++] = item;
		}
	}
	/* in the order of numbers, not of how they were met */
	nfound = 0;
	for (int i = 0; i < data->items; i++)
		if (count[i] >= s->min_count)
			found[nfound++] = i;
	ecml_free(ctx, seen);
	for (int f = 0; f < nfound; f++)
	{
		int32_t		item = found[f];
		Ending	   *next;
		int			m = 0;

		s->prefix[depth] = item;
		emit(ctx, s->patterns, s->prefix, depth + 1, count[item], s->limit, false);
		if (depth + 1 >= s->max_length)
			continue;
		next = ECML_NEW(ctx, Ending, count[item] + 1);
		for (int e = 0; e < n; e++)
		{
			int			q = endings[e].sequence;

			for (size_t i = data->start[q]; i < data->start[q + 1]; i++)
			{
				if (++s->steps % POLL_NODES == 0)
					ecml_poll(ctx, 0, 0);
				if (data->step[i] > endings[e].step && data->item[i] == item)
				{
					next[m++] = (Ending) {q, data->step[i]};
					break;
				}
			}
		}
		span(s, next, m, depth + 1);
		ecml_free(ctx, next);
	}
	ecml_free(ctx, count);
	ecml_free(ctx, found);
}

RecPatterns *
rec_prefixspan(EcmlCtx *ctx, const RecBaskets *sequences, int min_count, int max_length, size_t limit)
{
	Spanning	s = {ctx, sequences, min_count, max_length, limit, patterns_create(ctx)};
	Ending	   *all = ECML_NEW(ctx, Ending, sequences->n + 1);

	s.prefix = ECML_NEW(ctx, int32_t, max_length + 1);
	for (int q = 0; q < sequences->n; q++)
		all[q] = (Ending) {q, -1};
	span(&s, all, sequences->n, 0);
	ecml_free(ctx, all);
	return s.patterns;
}

/* ---- patterns by their items */

void
rec_patterns_index(EcmlCtx *ctx, RecPatterns *p)
{
	p->nslots = 16;
	while (p->nslots < 2 * p->n)
		p->nslots *= 2;
	p->slots = ECML_NEW0(ctx, uint32_t, p->nslots);
	for (size_t i = 0; i < p->n; i++)
	{
		size_t		n = p->start[i + 1] - p->start[i];
		size_t		at = ecml_hash_bytes(p->item + p->start[i], n * sizeof(int32_t), n) & (p->nslots - 1);

		while (p->slots[at])
			at = (at + 1) & (p->nslots - 1);
		p->slots[at] = (uint32_t) i + 1;
		if (i % 65536 == 0)
			ecml_poll(ctx, 0, 0);
	}
}

size_t
rec_patterns_find(const RecPatterns *p, const int32_t *items, int n)
{
	size_t		at = ecml_hash_bytes(items, n * sizeof(int32_t), n) & (p->nslots - 1);

	for (; p->slots[at]; at = (at + 1) & (p->nslots - 1))
	{
		size_t		i = p->slots[at] - 1;

		if (p->start[i + 1] - p->start[i] == (size_t) n && memcmp(p->item + p->start[i], items, n * sizeof(int32_t)) == 0)
			return i;
	}
	return p->n;
}
