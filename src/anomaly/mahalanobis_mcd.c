/*
 * mahalanobis_mcd.c - the minimum covariance determinant by FastMCD (Rousseeuw and Van Driessen 1999, Technometrics 41)
 *
 * Wanted are the h rows of n whose covariance has the least determinant.  A C-step takes mean and covariance of h rows and
 * keeps the h rows nearest to them: the determinant never grows.  From many random starts of p + 1 rows two C-steps are made;
 * the best ten go on until nothing changes.
 *
 * Up to 600 rows starts are made from all of them.  Of more, up to 1,500 are drawn and cut into groups of about 300, each with its
 * share of the starts; the ten best of each group make two steps on all rows drawn, the ten best of these go on until nothing
 * changes; what differs among them goes, through a sample of 20,000, on to all rows.  There it ends when the determinant
 * falls by less than 1e-5 of itself: the reweighting that follows makes more of the difference than that.
 *
 * When more than half of the rows lie in a plane (a column of few values, say), the least determinant is 0 and tells nothing:
 * the columns that make it so are taken out, and the search begins again with the rest.
 */
#include "anomaly/mahalanobis_internal.h"

#include <math.h>
#include <string.h>

#define GROUP 300				/* rows; of many columns three times as many as these */
#define MIDDLE 20000
#define KEPT 10
#define STEPS 100				/* until nothing changes: a dozen is usual */
#define SAME 1e-9				/* difference of two log determinants */

typedef struct Candidates
{
	int			n;
	int			limit;
	MdEstimate **list;			/* [limit] by log_det, the least first */
} Candidates;

static Candidates
candidates_create(EcmlCtx *ctx, int limit, int p)
{
	Candidates	c = {.limit = limit};

	c.list = ECML_NEW(ctx, MdEstimate *, limit);
	for (int i = 0; i < limit; i++)
		c.list[i] = md_estimate_create(ctx, p);
	return c;
}

static void
candidates_free(EcmlCtx *ctx, Candidates *c)
{
	for (int i = 0; i < c->limit; i++)
		md_estimate_free(ctx, c->list[i]);
	ecml_free(ctx, c->list);
}

/* Takes a copy when it is among the best and no other is the same. */
static void
offer(Candidates *c, const MdEstimate *e, int p)
{
	int			at = 0;
	MdEstimate *place;

	while (at < c->n && c->list[at]->log_det < e->log_det - SAME)
		at++;
	if (at == c->limit || (at < c->n && fabs(c->list[at]->log_det - e->log_det) <= SAME))
		return;
	place = c->list[c->n < c->limit ? c->n : c->limit - 1];
	for (int i = c->n < c->limit ? c->n : c->limit - 1; i > at; i--)
		c->list[i] = c->list[i - 1];
	c->list[at] = place;
	md_estimate_copy(place, e, p);
	if (c->n < c->limit)
		c->n++;
}

/* Distances from an estimate, and the estimate of the nearest h.  false: their covariance is singular. */
static bool
c_step(MdCloud *cloud, double h, MdEstimate *e)
{
	md_distances(cloud, e->mean, e->inverse, true);
	md_keep_nearest(cloud, h);
	md_moments(cloud, false, e);
	return md_factor(cloud->ctx, e, cloud->p, NULL);
}

/* C-steps until the determinant falls no further, or by less than tolerance.  false: it becomes 0. */
static bool
converge(MdCloud *cloud, double h, double tolerance, MdEstimate *e)
{
	double		before = INFINITY;

	for (int step = 0; step < STEPS; step++)
	{
		if (!c_step(cloud, h, e))
			return false;
		if (!(e->log_det < before - tolerance))
			break;
		before = e->log_det;
	}
	return true;
}

/* Mean and covariance of rows order[0 .. m-1] of the cloud. */
static bool
start_from(MdCloud *cloud, const size_t *order, size_t m, MdEstimate *e)
{
	memset(cloud->keep, 0, cloud->n);
	for (size_t i = 0; i < m; i++)
		cloud->keep[order[i]] = 1;
	md_moments(cloud, false, e);
	return md_factor(cloud->ctx, e, cloud->p, NULL);
}

/*
 * Random starts of p + 1 rows, more while these lie in a plane, and two C-steps each.  false: h rows lie in a plane, and e has
 * their covariance.
 */
static bool
make_starts(MdCloud *cloud, double h, int n_starts, MdEstimate *e, Candidates *best)
{
	EcmlCtx    *ctx = cloud->ctx;
	size_t	   *order = ECML_NEW(ctx, size_t, cloud->n);
	bool		good = true;

	for (size_t i = 0; i < cloud->n; i++)
		order[i] = i;
	for (int s = 0; s < n_starts && good; s++)
	{
		size_t		m = 0;
		size_t		want = (size_t) cloud->p + 1;

		do
		{
			want = want < cloud->n ? want : cloud->n;
			for (; m < want; m++)
			{
				size_t		other = m + ecml_rng_below(&ctx->rng, cloud->n - m);
				size_t		t = order[m];

				order[m] = order[other];
				order[other] = t;
			}
			want += 1 + cloud->p / 4;
			good = start_from(cloud, order, m, e);
		} while (!good && m < cloud->n);
		for (int step = 0; step < 2 && good; step++)
			good = c_step(cloud, h, e);
		if (good)
			offer(best, e, cloud->p);
	}
	ecml_free(ctx, order);
	return good;
}

/* A cloud of rows of a sample. */
static MdCloud *
cloud_of(const MdCloud *all, const MdSample *sample, size_t first, size_t rows)
{
	int			columns = all->data->columns;
	EcmlData   *data = ecml_data_from_rows(all->ctx, ECML_F8, rows, columns, sample->x + first * columns, NULL,
										   sample->w ? sample->w + first : NULL);

	return md_cloud_create(all->ctx, data, all->p, all->columns, all->center, all->unit);
}

/* Each candidate makes two steps on a cloud, the best ones go on to the end. */
static bool
refine(MdCloud *cloud, double h, double tolerance, const Candidates *from, MdEstimate *e, Candidates *best)
{
	Candidates	two = candidates_create(cloud->ctx, best->limit, cloud->p);
	bool		good = true;

	for (int i = 0; i < from->n && good; i++)
	{
		md_estimate_copy(e, from->list[i], cloud->p);
		for (int step = 0; step < 2 && good; step++)
			good = c_step(cloud, h, e);
		if (good)
			offer(&two, e, cloud->p);
	}
	for (int i = 0; i < two.n && good; i++)
	{
		md_estimate_copy(e, two.list[i], cloud->p);
		good = converge(cloud, h, tolerance, e);
		if (good)
			offer(best, e, cloud->p);
	}
	candidates_free(cloud->ctx, &two);
	return good;
}

/* One search with the columns as they are.  false: rows lie in a plane, and e has their covariance. */
static bool
search(MdCloud *all, double share, int n_starts, MdEstimate *e)
{
	EcmlCtx    *ctx = all->ctx;
	int			p = all->p;
	/* matrices of many columns are large: fewer are kept */
	int			kept = p <= 100 ? KEPT : p <= 400 ? 4 : 2;
	size_t		group_rows = 3 * p > GROUP ? 3 * (size_t) p : GROUP;
	size_t		drawn_rows = group_rows * (p <= 100 ? 5 : 2);
	Candidates	best = candidates_create(ctx, kept, p);
	bool		good = true;

	if (all->n <= 2 * group_rows)
	{
		Candidates	starts = candidates_create(ctx, kept, p);

		good = make_starts(all, share * all->total, n_starts, e, &starts) &&
			refine(all, share * all->total, 0, &starts, e, &best);
		candidates_free(ctx, &starts);
	}
	else
	{
		MdSample	sample = md_sample(ctx, all->data, drawn_rows);
		size_t		groups = sample.rows / group_rows;
		Candidates	starts = candidates_create(ctx, kept * (int) groups, p);
		MdCloud    *drawn;

		for (size_t g = 0; g < groups && good; g++)
		{
			size_t		first = sample.rows * g / groups;
			size_t		rows = sample.rows * (g + 1) / groups - first;
			MdCloud    *group = cloud_of(all, &sample, first, rows);
			Candidates	own = candidates_create(ctx, kept, p);

			good = make_starts(group, share * group->total, (n_starts + (int) groups - 1) / (int) groups, e, &own);
			for (int i = 0; i < own.n; i++)
				offer(&starts, own.list[i], p);
			candidates_free(ctx, &own);
			md_cloud_free(group);
		}
		drawn = cloud_of(all, &sample, 0, sample.rows);
		good = good && refine(drawn, share * drawn->total, 0, &starts, e, &best);
		md_cloud_free(drawn);
		candidates_free(ctx, &starts);
		ecml_free(ctx, sample.x);
		ecml_free(ctx, sample.w);
		for (int level = 0; level < 2 && good; level++)
		{
			Candidates	next;

			if (level == 0 && (all->n <= 2 * MIDDLE || p > 100))
				continue;
			best.n = best.n > 3 ? 3 : best.n;
			next = candidates_create(ctx, kept, p);
			if (level == 0)
			{
				MdSample	middle = md_sample(ctx, all->data, MIDDLE);
				MdCloud    *cloud = cloud_of(all, &middle, 0, middle.rows);

				good = refine(cloud, share * cloud->total, 0, &best, e, &next);
				md_cloud_free(cloud);
				next.n = next.n > 2 ? 2 : next.n;
			}
			else
				good = refine(all, share * all->total, all->n > MIDDLE ? 1e-5 : 0, &best, e, &next);
			candidates_free(ctx, &best);
			best = next;
		}
	}
	if (good)
		md_estimate_copy(e, best.list[0], p);
	candidates_free(ctx, &best);
	return good;
}

int
md_fast_mcd(MdCloud *cloud, double share, int n_starts, int *columns, bool *majority, MdEstimate *e)
{
	EcmlCtx    *ctx = cloud->ctx;
	bool	   *bad = ECML_NEW(ctx, bool, cloud->p + 1);
	EcmlRng		rng = ctx->rng;

	while (cloud->p > 0)
	{
		int			left = 0;

		ctx->rng = rng;
		if (search(cloud, share, n_starts, e))
			break;
		md_factor(ctx, e, cloud->p, bad);
		for (int j = 0; j < cloud->p; j++)
		{
			if (bad[j])
				majority[columns[j]] = true;
			else
				columns[left++] = columns[j];
		}
		cloud->p = left;
	}
	ecml_free(ctx, bad);
	return cloud->p;
}
