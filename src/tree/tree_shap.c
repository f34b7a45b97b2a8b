/*
 * tree_shap.c - path-dependent TreeSHAP (Lundberg, Erion and Lee 2018), exact, linear in the nodes
 *
 * What a tree says when only the features in a set S are known: at a split on another feature both children count, by their share
 * of the cover.  A leaf of value v then counts v times a product over the features f of its path: o_f, 1 if the row satisfies all
 * splits on f on that path, for f in S, and r_f, the product of the shares, for f outside.  Shapley values of such a product are
 *     phi_f = v (o_f - r_f) times the integral over t in [0, 1] of the product over g <> f of ((1 - t) r_g + t o_g),
 * because the Shapley weights of sets of one size are moments of that integral (Owen 1972).  The integrand is a polynomial of a
 * degree below the number of features on the path, so Gauss and Legendre's rule gives the integral exactly with half as many
 * points; nothing cancels, as all factors are positive.  The products are carried down the tree, one number a point, and what the leaves
 * below a split have in common is summed on the way up (as Yu et al. 2022, Linear TreeSHAP, do with polynomials): points times
 * nodes is all it costs.  Where a feature comes again further down, its factor is replaced, and what the split above will count
 * for these leaves is taken off.
 */
#include "tree/tree_internal.h"

#include <string.h>

#define POINTS 8				/* their number is a multiple of it: a vector */
#define MOST_POINTS 96			/* of trees deeper than twice as much the rest is below rounding */
#define LEAST_SHARE 1e-250

/* A node of the present path, and the split that leads to it. */
typedef struct Level
{
	const TreeNode *node;
	int			entered;		/* of its children */
	int			feature;		/* of that split */
	int			above;			/* level of the nearest split on the same feature further up; 0: none */
	double		r;				/* shares, and whether the row goes this way, of all splits on that feature down to here */
	double		o;
	double		share;			/* of all splits down to here */
} Level;

struct TreeShap
{
	int			points;
	const double *t;			/* [points] in (0, 1) */
	const double *weight;		/* [points] of sum 1 */
	Level	   *levels;			/* [depth + 1] */
	double	   *product;		/* [depth + 1][points] of the factors */
	double	   *inverse;		/* [depth + 1][points] of the factor of the level's feature */
	double	   *sum;			/* [depth + 1][points] over the leaves below, of value times product */
	int		   *last;			/* [features] lowest level whose feature it is; 0: none */
};

/* Gauss and Legendre's rule with n points for [0, 1]: roots of Legendre's polynomial, by Newton. */
static void
gauss_legendre(int n, double *t, double *weight)
{
	for (int i = 0; i < n; i++)
	{
		double		x = cos(M_PI * (i + 0.75) / (n + 0.5));
		double		slope = 1;

		for (int round = 0; round < 20; round++)
		{
			double		p = 1;
			double		before = 0;
			double		step;

			for (int k = 1; k <= n; k++)
			{
				double		next = ((2 * k - 1) * x * p - (k - 1) * before) / k;

				before = p;
				p = next;
			}
			slope = n * (x * p - before) / (x * x - 1);
			step = p / slope;
			x -= step;
			if (fabs(step) < 1e-15)
				break;
		}
		t[i] = (1 + x) / 2;
		weight[i] = 1 / ((1 - x * x) * slope * slope);
	}
}

TreeShap *
tree_shap_create(EcmlCtx *ctx, const TreeForest *forest)
{
	TreeShap   *shap = ECML_NEW0(ctx, TreeShap, 1);
	int			depth = 0;
	int			distinct;
	size_t		room;
	double	   *t;

	for (int i = 0; i < forest->ntrees; i++)
	{
		int			d = tree_depth(forest, i);

		depth = d > depth ? d : depth;
	}
	distinct = depth < forest->features ? depth : forest->features;
	shap->points = ((distinct + 1) / 2 + POINTS) / POINTS * POINTS;
	if (shap->points > MOST_POINTS)
		shap->points = MOST_POINTS;
	t = ECML_NEW(ctx, double, 2 * shap->points);
	gauss_legendre(shap->points, t, t + shap->points);
	shap->t = t;
	shap->weight = t + shap->points;
	room = (size_t) (depth + 1) * shap->points;
	shap->levels = ECML_NEW0(ctx, Level, depth + 1);
	shap->product = ECML_NEW(ctx, double, 3 * room);
	shap->inverse = shap->product + room;
	shap->sum = shap->inverse + room;
	shap->last = ECML_NEW0(ctx, int, forest->features + 1);
	return shap;
}

/* From level number at to one of its children. */
TREE_INLINE void
descend(TreeShap *shap, int at, const TreeNode *child, double share, bool goes)
{
	const int	n = shap->points;
	Level	   *level = &shap->levels[at + 1];
	int			feature = shap->levels[at].node->feature;
	int			above = shap->last[feature];
	const double *t = shap->t;
	const double *before = shap->product + (size_t) at * n;
	double	   *product = shap->product + (size_t) (at + 1) * n;
	double	   *inverse = shap->inverse + (size_t) (at + 1) * n;
	double		r = above > 0 ? shap->levels[above].r * share : share;
	double		o = above > 0 && shap->levels[above].o == 0 ? 0 : goes;

	r = r > LEAST_SHARE ? r : LEAST_SHARE;
	level->node = child;
	level->entered = 0;
	level->feature = feature;
	level->above = above;
	level->r = r;
	level->o = o;
	level->share = shap->levels[at].share * share;
	shap->last[feature] = at + 1;
	for (int k = 0; k < n; k++)
		inverse[k] = r + t[k] * (o - r);
	if (above > 0)
	{
		const double *replaced = shap->inverse + (size_t) above * n;

		for (int k = 0; k < n; k++)
			product[k] = before[k] * inverse[k] * replaced[k];
	}
	else
		for (int k = 0; k < n; k++)
			product[k] = before[k] * inverse[k];
	for (int k = 0; k < n; k++)
		inverse[k] = 1 / inverse[k];
}

/* From level number at, done with, to the one above it. */
TREE_INLINE void
ascend(TreeShap *shap, int at, double *phi)
{
	const int	n = shap->points;
	const Level *level = &shap->levels[at];
	const Level *above = &shap->levels[level->above];
	const double *weight = shap->weight;
	const double *inverse = shap->inverse + (size_t) at * n;
	const double *replaced = shap->inverse + (size_t) level->above * n;
	const double *sum = shap->sum + (size_t) at * n;
	double	   *total = shap->sum + (size_t) (at - 1) * n;
	double		gain = level->o - level->r;
	double		counted = level->above > 0 ? above->o - above->r : 0;
	double		change = 0;

	if (level->above > 0)
		for (int k = 0; k < n; k++)
			change += weight[k] * sum[k] * (gain * inverse[k] - counted * replaced[k]);
	else
		for (int k = 0; k < n; k++)
			change += weight[k] * sum[k] * (gain * inverse[k]);
	for (int k = 0; k < n; k++)
		total[k] += sum[k];
	phi[level->feature] += change;
	shap->last[level->feature] = level->above;
}

/* Add one tree's part to phi; returns the mean of its leaves by cover. */
ECML_CLONES static double
explain_tree(const TreeForest *forest, TreeShap *shap, int tree, int output, const double *x, double *phi)
{
	const TreeNode *root = tree_root(forest, tree);
	const int	n = shap->points;
	double		mean = 0;
	int			at = 0;

	memset(&shap->levels[0], 0, sizeof(Level));
	shap->levels[0].node = root;
	shap->levels[0].share = 1;
	for (int k = 0; k < n; k++)
		shap->product[k] = 1;
	for (;;)
	{
		Level	   *level = &shap->levels[at];
		const TreeNode *node = level->node;
		double	   *sum = shap->sum + (size_t) at * n;

		if (node->feature == TREE_LEAF)
		{
			const double *product = shap->product + (size_t) at * n;
			double		value = forest->leaf_outputs > 1 ?
				forest->vectors[(size_t) node->left * forest->outputs + output] : node->threshold;

			for (int k = 0; k < n; k++)
				sum[k] = value * product[k];
			mean += value * level->share;
		}
		else if (level->entered < 2)
		{
			const TreeNode *left = root + node->left;
			bool		right = level->entered++ > 0;
			double		cover = (double) left[0].cover + left[1].cover;

			if (!right)
				memset(sum, 0, n * sizeof(double));
			descend(shap, at, left + right, left[right].cover / cover, tree_goes_left(forest, node, x) != right);
			at++;
			continue;
		}
		if (at == 0)
			return mean;
		ascend(shap, at--, phi);
	}
}

void
tree_forest_shap(const TreeForest *forest, const double *x, int output, double *base, double *phi)
{
	int			step = forest->leaf_outputs == 1 ? forest->outputs : 1;
	double		sum = 0;

	memset(phi, 0, sizeof(double) * forest->features);
	for (int t = forest->leaf_outputs == 1 ? output : 0; t < forest->ntrees; t += step)
		sum += explain_tree(forest, forest->shap, t, output, x, phi);
	for (int j = 0; j < forest->features; j++)
		phi[j] *= forest->scale;
	*base = forest->base[output] + forest->scale * sum;
}
