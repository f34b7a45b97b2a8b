/*
 * iforest_oblique.c - trees that split by random planes: the extended isolation forest (Hariri, Kind and Brunner 2019)
 *
 * A plane: a normal vector with extension_level + 1 entries from the standard normal distribution, in units of the columns'
 * deviations, and a point drawn from the box around the node's rows.  A plane that has all rows on one side is drawn again; after
 * some times it is moved to a random place between the rows.  In each plane a category has a number of its own, drawn at random;
 * a value that is missing is the mean of the node's.
 *
 * Cost of a row: the path in each tree, times the columns of a plane.
 */
#include <stdlib.h>

#include "iforest_internal.h"

#define PLANES 10				/* drawn before one is moved */

IforestOblique *
iforest_oblique_create(EcmlCtx *ctx, const IforestRows *rows, int ntrees, uint64_t seed)
{
	IforestOblique *forest = ECML_NEW0(ctx, IforestOblique, 1);

	forest->columns = rows->columns;
	forest->categories = ECML_NEW0(ctx, int, rows->columns + 1);
	for (int j = 0; j < rows->columns; j++)
		forest->categories[j] = iforest_categories(rows, j);
	forest->seed = seed;
	forest->first = ECML_NEW0(ctx, size_t, ntrees + 1);
	return forest;
}

void
iforest_oblique_append(EcmlCtx *ctx, IforestOblique *forest, const ObliqueNode *nodes, int nnodes, const ObliqueTerm *terms,
					   size_t nterms)
{
	size_t		at = forest->first[forest->ntrees];

	if (at + nnodes > forest->room[0])
	{
		forest->room[0] = (at + nnodes) * 3 / 2;
		forest->nodes = ecml_resize_array(ctx, forest->nodes, forest->room[0], sizeof(ObliqueNode));
	}
	if (forest->nterms + nterms > forest->room[1])
	{
		forest->room[1] = (forest->nterms + nterms) * 3 / 2;
		forest->terms = ecml_resize_array(ctx, forest->terms, forest->room[1], sizeof(ObliqueTerm));
	}
	memcpy(forest->nodes + at, nodes, nnodes * sizeof(ObliqueNode));
	for (int i = 0; i < nnodes; i++)
		forest->nodes[at + i].first += forest->nterms;
	if (nterms > 0)
		memcpy(forest->terms + forest->nterms, terms, nterms * sizeof(ObliqueTerm));
	forest->nterms += nterms;
	forest->first[++forest->ntrees] = at + nnodes;
}

/* Children come after their parents. */
void
iforest_oblique_ready(IforestOblique *forest)
{
	for (int t = 0; t < forest->ntrees; t++)
		for (size_t i = forest->first[t + 1]; i-- > forest->first[t];)
		{
			ObliqueNode *node = &forest->nodes[i];
			const ObliqueNode *left = &forest->nodes[forest->first[t] + node->left];

			if (node->left == 0)
				node->expected = node->offset;
			else
				node->expected = (left[0].cover * left[0].expected + left[1].cover * left[1].expected) /
					((double) left[0].cover + left[1].cover);
		}
}

/* ---- growing */

/* The value of a column in a term; NaN: missing. */
static inline double
value_of(double value, int categories, uint64_t salt, size_t term)
{
	if (categories == 0 || isnan(value))
		return value;
	return value >= 0 && value < categories ? iforest_category_number(salt, term, (int) value) : NAN;
}

/* The columns of a plane, terms [active] from number first of the tree on; how many there are. */
static int
choose_terms(const IforestRows *rows, const IforestShape *shape, EcmlRng *rng, IforestScratch *scratch, IforestOpen *this,
			 uint64_t salt, ObliqueTerm *terms, size_t first, double *low, double *high)
{
	const uint32_t *of = scratch->rows + this->from;
	int			n = this->to - this->from;
	int			nterms = 0;

	/* those that are chosen stand behind the constant ones */
	while (nterms < shape->active && this->constant + nterms < shape->tree_columns)
	{
		int			at = this->constant + nterms;
		int			k = at + (int) ecml_rng_below(rng, shape->tree_columns - at);
		int			column = scratch->columns[k];
		int			categories = iforest_categories(rows, column);
		double		sum = 0;
		int			present = 0;

		low[nterms] = INFINITY;
		high[nterms] = -INFINITY;
		for (int i = 0; i < n; i++)
		{
			double		value = value_of(iforest_value(rows, of[i], column), categories, salt, first + nterms);

			if (isnan(value))
				continue;
			low[nterms] = fmin(low[nterms], value);
			high[nterms] = fmax(high[nterms], value);
			sum += value;
			present++;
		}
		if (present == 0 || low[nterms] == high[nterms])
		{
			scratch->columns[k] = scratch->columns[at];
			scratch->columns[at] = scratch->columns[this->constant];
			scratch->columns[this->constant++] = column;
			continue;
		}
		scratch->columns[k] = scratch->columns[at];
		scratch->columns[at] = column;
		terms[nterms] = (ObliqueTerm) {.column = column,.fill = sum / present};
		nterms++;
	}
	return nterms;
}

/* The rows' sums; the least and the greatest of them. */
static void
measure(const IforestRows *rows, const uint32_t *of, int n, const ObliqueTerm *terms, int nterms, uint64_t salt, size_t first,
		double *sums, double *least, double *greatest)
{
	*least = INFINITY;
	*greatest = -INFINITY;
	for (int i = 0; i < n; i++)
	{
		double		sum = 0;

		for (int k = 0; k < nterms; k++)
		{
			double		value = value_of(iforest_value(rows, of[i], terms[k].column), iforest_categories(rows, terms[k].column),
										 salt, first + k);

			sum += terms[k].weight * (isnan(value) ? terms[k].fill : value);
		}
		sums[i] = sum;
		*least = fmin(*least, sum);
		*greatest = fmax(*greatest, sum);
	}
}

int
iforest_oblique_grow(const IforestRows *rows, const IforestShape *shape, EcmlRng *rng, IforestScratch *scratch,
					 uint64_t seed, int tree, ObliqueNode *nodes, ObliqueTerm *terms, size_t *nterms_out)
{
	IforestOpen *open = scratch->open;
	uint64_t	salt = iforest_mix(seed, (uint64_t) tree);
	/* the box of a plane's columns lies behind the sums */
	double	   *low = scratch->sums + shape->sample_size;
	double	   *high = low + shape->active;
	size_t		all = 0;
	int			nopen = 0;
	int			nnodes = 1;

	iforest_draw(rows, shape, rng, scratch);
	open[nopen++] = (IforestOpen) {0, 0, shape->sample_size, 0, 0};
	while (nopen > 0)
	{
		IforestOpen this = open[--nopen];
		ObliqueNode *node = &nodes[this.node];
		ObliqueTerm *plane = terms + all;
		uint32_t   *of = scratch->rows + this.from;
		int			n = this.to - this.from;
		int			nterms = 0;
		int			left = 0;
		double		least = 0;
		double		greatest = 0;

		*node = (ObliqueNode) {.first = all,.cover = (float) n};
		if (n > 1 && this.depth < shape->depth)
			nterms = choose_terms(rows, shape, rng, scratch, &this, salt, plane, all, low, high);
		for (int tries = 0; nterms > 0 && tries < PLANES; tries++)
		{
			node->offset = 0;
			for (int k = 0; k < nterms; k++)
			{
				double		scale = iforest_categories(rows, plane[k].column) > 0 ? 1 : rows->scale[plane[k].column];

				plane[k].weight = ecml_rng_normal(rng) * scale;
				plane[k].center = low[k] + ecml_rng_double(rng) * (high[k] - low[k]);
				node->offset += plane[k].weight * plane[k].center;
			}
			measure(rows, of, n, plane, nterms, salt, all, scratch->sums, &least, &greatest);
			if (least <= node->offset && greatest > node->offset)
				break;
			if (tries == PLANES - 1 && least < greatest)
			{
				double		moved = fmin(least + ecml_rng_double(rng) * (greatest - least), nextafter(greatest, -INFINITY));

				/* along the first column, so that the sum of the centers is the offset */
				plane[0].center += (moved - node->offset) / plane[0].weight;
				node->offset = moved;
			}
		}
		if (nterms == 0 || !(least <= node->offset && greatest > node->offset))
		{
			node->offset = this.depth + iforest_average_path(n);
			continue;
		}
		for (int i = 0; i < n; i++)
			if (scratch->sums[i] <= node->offset)
			{
				double		sum = scratch->sums[i];

				scratch->sums[i] = scratch->sums[left];
				scratch->sums[left] = sum;
				left = iforest_swap(of, left, i);
			}
		node->left = nnodes;
		node->terms = nterms;
		all += nterms;
		open[nopen++] = (IforestOpen) {nnodes + 1, this.from + left, this.to, this.depth + 1, this.constant};
		open[nopen++] = (IforestOpen) {nnodes, this.from, this.from + left, this.depth + 1, this.constant};
		nnodes += 2;
	}
	*nterms_out = all;
	return nnodes;
}

/* ---- using */

/* What a term adds to the sum. */
static inline double
term_value(const IforestOblique *forest, const ObliqueTerm *term, uint64_t salt, size_t number, const double *x)
{
	double		value = value_of(x[term->column], forest->categories[term->column], salt, number);

	return term->weight * (isnan(value) ? term->fill : value);
}

double
iforest_oblique_path(const IforestOblique *forest, const double *x)
{
	double		sum = 0;
	bool		plain = true;

	/* without categories and missing values a sum is a product of vectors */
	for (int j = 0; j < forest->columns; j++)
		plain &= forest->categories[j] == 0 && x[j] == x[j];
	for (int t = 0; t < forest->ntrees; t++)
	{
		const ObliqueNode *root = forest->nodes + forest->first[t];
		const ObliqueNode *node = root;
		uint64_t	salt = iforest_mix(forest->seed, (uint64_t) t);

		while (node->left > 0)
		{
			const ObliqueTerm *term = forest->terms + node->first;
			double		value = 0;

			if (plain)
				for (int k = 0; k < node->terms; k++)
					value += term[k].weight * x[term[k].column];
			else
				for (int k = 0; k < node->terms; k++)
					value += term_value(forest, &term[k], salt, node->first - root->first + k, x);
			node = root + node->left + (value > node->offset);
		}
		sum += node->offset;
	}
	return sum / forest->ntrees;
}

void
iforest_oblique_contributions(const IforestOblique *forest, const double *x, double *base, double *c)
{
	memset(c, 0, forest->columns * sizeof(double));
	*base = 0;
	for (int t = 0; t < forest->ntrees; t++)
	{
		const ObliqueNode *root = forest->nodes + forest->first[t];
		const ObliqueNode *node = root;
		uint64_t	salt = iforest_mix(forest->seed, (uint64_t) t);

		*base += root->expected / forest->ntrees;
		while (node->left > 0)
		{
			const ObliqueTerm *term = forest->terms + node->first;
			const ObliqueNode *next;
			double		value = 0;
			double		parts = 0;
			double		change;

			for (int k = 0; k < node->terms; k++)
			{
				double		part = term_value(forest, &term[k], salt, node->first - root->first + k, x);

				value += part;
				parts += fabs(part - term[k].weight * term[k].center);
			}
			next = root + node->left + (value > node->offset);
			change = (next->expected - node->expected) / forest->ntrees;
			for (int k = 0; k < node->terms; k++)
			{
				double		part = term_value(forest, &term[k], salt, node->first - root->first + k, x);

				c[term[k].column] += parts > 0 ? change * fabs(part - term[k].weight * term[k].center) / parts :
					change / node->terms;
			}
			node = next;
		}
	}
}

void
iforest_oblique_importance(const IforestOblique *forest, double *importance)
{
	for (int t = 0; t < forest->ntrees; t++)
		for (size_t i = forest->first[t]; i < forest->first[t + 1]; i++)
		{
			const ObliqueNode *node = &forest->nodes[i];
			const ObliqueNode *left = forest->nodes + forest->first[t] + node->left;

			for (int k = 0; node->left > 0 && k < node->terms; k++)
				importance[forest->terms[node->first + k].column] += iforest_unevenness(left[0].cover, left[1].cover) / node->terms;
		}
}

/* ---- bytes */

void
iforest_oblique_write(EcmlWriter *w, const IforestOblique *forest)
{
	ecml_write_u64(w, forest->seed);
	ecml_write_u32(w, (uint32_t) forest->ntrees);
	for (int t = 0; t < forest->ntrees; t++)
	{
		ecml_write_u32(w, (uint32_t) (forest->first[t + 1] - forest->first[t]));
		for (size_t i = forest->first[t]; i < forest->first[t + 1]; i++)
		{
			const ObliqueNode *node = &forest->nodes[i];

			ecml_write_f8(w, node->offset);
			ecml_write_u32(w, (uint32_t) node->left);
			ecml_write_u32(w, (uint32_t) node->terms);
			ecml_write_f4s(w, &node->cover, 1);
			for (int k = 0; k < node->terms; k++)
			{
				const ObliqueTerm *term = &forest->terms[node->first + k];

				ecml_write_u32(w, (uint32_t) term->column);
				ecml_write_f8(w, term->weight);
				ecml_write_f8(w, term->fill);
				ecml_write_f8(w, term->center);
			}
		}
	}
}

#define NODE_BYTES 20
#define TERM_BYTES 28

/* A tree's nodes: each but the root has one parent before it. */
static void
read_tree(EcmlReader *r, IforestOblique *forest)
{
	uint32_t	nnodes = ecml_read_count(r, NODE_BYTES);
	ObliqueNode *nodes = ECML_NEW0(r->ctx, ObliqueNode, nnodes + 1);
	uint8_t    *depth = ECML_NEW0(r->ctx, uint8_t, nnodes + 1); /* and 1; 0: no parent yet */
	ObliqueTerm *terms = NULL;
	size_t		room = 0;
	size_t		nterms = 0;

	if (nnodes == 0)
		ecml_read_corrupted(r, "a tree has no node");
	depth[0] = 1;
	for (uint32_t i = 0; i < nnodes; i++)
	{
		ObliqueNode *node = &nodes[i];
		float	   *cover;
		uint32_t	count;

		node->offset = ecml_read_finite(r);
		node->left = (int32_t) ecml_read_u32_in(r, 0, nnodes < 2 ? 0 : nnodes - 2);
		count = ecml_read_u32(r);
		cover = ecml_read_finite_f4s(r, 1);
		node->cover = *cover;
		ecml_free(r->ctx, cover);
		node->first = nterms;
		if (depth[i] == 0 || !(node->cover > 0))
			ecml_read_corrupted(r, "a node of a tree is out of place");
		if (node->left == 0)
		{
			if (count != 0 || !(node->offset >= 0))
				ecml_read_corrupted(r, "a leaf of a tree is out of range");
			continue;
		}
		if ((uint32_t) node->left <= i || depth[node->left] != 0 || depth[node->left + 1] != 0 || depth[i] > IFOREST_MAX_DEPTH)
			ecml_read_corrupted(r, "a node of a tree is out of place");
		depth[node->left] = depth[node->left + 1] = depth[i] + 1;
		if (count == 0 || count > (uint32_t) forest->columns || (size_t) count * TERM_BYTES > ecml_read_left(r))
			ecml_read_corrupted(r, "a plane has a wrong number of columns");
		node->terms = (int32_t) count;
		if (nterms + count > room)
		{
			room = (nterms + count) * 3 / 2;
			terms = ecml_resize_array(r->ctx, terms, room, sizeof(ObliqueTerm));
		}
		for (uint32_t k = 0; k < count; k++)
		{
			ObliqueTerm *term = &terms[nterms++];

			term->column = (int32_t) ecml_read_u32_in(r, 0, (uint32_t) forest->columns - 1);
			term->weight = ecml_read_finite(r);
			term->fill = ecml_read_finite(r);
			term->center = ecml_read_finite(r);
		}
	}
	iforest_oblique_append(r->ctx, forest, nodes, (int) nnodes, terms, nterms);
	ecml_free(r->ctx, nodes);
	ecml_free(r->ctx, depth);
	ecml_free(r->ctx, terms);
}

IforestOblique *
iforest_oblique_read(EcmlReader *r, int columns, const int *categories)
{
	IforestRows rows = {.columns = columns,.categories = categories};
	uint64_t	seed = ecml_read_u64(r);
	uint32_t	ntrees = ecml_read_count(r, NODE_BYTES);
	IforestOblique *forest;

	if (ntrees == 0 || ntrees > IFOREST_MAX_TREES)
		ecml_read_corrupted(r, "the number of trees is out of range");
	forest = iforest_oblique_create(r->ctx, &rows, (int) ntrees, seed);
	for (uint32_t t = 0; t < ntrees; t++)
		read_tree(r, forest);
	iforest_oblique_ready(forest);
	return forest;
}
