/*
 * vrp_near.c - the neighbours of each customer, nearest first
 *
 * By distance, and the waiting and lateness that a leg between two windows brings with it (Vidal et al. 2013, with the weights of Wouda
 * et al. 2024).
 *
 * Cost: n^2 legs, in parallel by rows.
 */
#include "route/vrp_internal.h"

#define WAIT_WEIGHT 0.2
#define LATE_WEIGHT 1.0
#define ROWS_A_TASK 16

typedef struct Near
{
	const VrpInstance *in;
	bool		both;			/* there and back may differ */
	double	   *key;			/* [workers][nnear] */
} Near;

static inline double
leg_after(const VrpInstance *in, int i, int j)
{
	double		d = vrp_leg(in, i, j);

	if (in->timed)
	{
		double		t = in->time == in->dist ? d * in->inverse_speed : in->time[(size_t) i * in->nloc + j];
		double		wait = in->own[j].early - t - in->own[i].dur - in->own[i].late;
		double		late = in->own[i].early + in->own[i].dur + t - in->own[j].late;

		if (wait > 0)
			d += WAIT_WEIGHT * wait;
		if (late > 0)
			d += LATE_WEIGHT * late;
	}
	return d;
}

/* The nearest of each row, in order, through a heap with the farthest on top. */
static void
find_near(void *arg, size_t task, int worker)
{
	Near	   *near = arg;
	const VrpInstance *in = near->in;
	double	   *key = near->key + (size_t) worker * (in->nnear + 1);
	int			first = (int) task * ROWS_A_TASK;
	int			last = first + ROWS_A_TASK < in->n ? first + ROWS_A_TASK : in->n;

	for (int i = first; i < last; i++)
	{
		int		   *list = in->near + (size_t) i * in->nnear;
		int			n = 0;

		for (int j = 0; j < in->n; j++)
		{
			double		a;
			double		b;

			if (j == i)
				continue;
			a = leg_after(in, i, j);
			b = near->both ? leg_after(in, j, i) : a;
			if (!(b >= a))
				a = b;
			if (n == in->nnear && !(a < key[n - 1]))
				continue;
			/* kept sorted: after the first rows of a heap's worth few get in */
			{
				int			at = n < in->nnear ? n++ : n - 1;

				while (at > 0 && key[at - 1] > a)
				{
					key[at] = key[at - 1];
					list[at] = list[at - 1];
					at--;
				}
				key[at] = a;
				list[at] = j;
			}
		}
	}
}

void
vrp_set_neighbours(EcmlCtx *ctx, VrpInstance *in)
{
	Near		near = {.in = in,.both = in->timed || in->metric == VRP_MATRIX};
	size_t		tasks = (in->n + ROWS_A_TASK - 1) / ROWS_A_TASK;
	double		sum = 0;
	int			count = 0;

	in->nnear = in->n - 1 < VRP_NEAR ? in->n - 1 : VRP_NEAR;
	if (in->nnear < 0)
		in->nnear = 0;
	in->ninsert = in->nnear < VRP_NEAR_INSERT ? in->nnear : VRP_NEAR_INSERT;
	in->near = ECML_NEW(ctx, int, (size_t) in->n * in->nnear + 1);
	near.key = ECML_NEW(ctx, double, (size_t) ecml_workers(ctx, tasks) * (in->nnear + 1));
	if (in->nnear > 0)
		ecml_parallel_for(ctx, tasks, find_near, &near);
	for (int i = 0; i < in->n; i++)
		for (int k = 0; k < in->nnear && k < 5; k++)
		{
			double		d = vrp_leg(in, i, in->near[(size_t) i * in->nnear + k]);

			if (isfinite(d))
			{
				sum += d;
				count++;
			}
		}
	in->near_edge = count > 0 && sum > 0 ? sum / count : 1;
}

/* The common case has a way of its own through the search (vrp_insert.c). */
void
vrp_set_plain(EcmlCtx *ctx, VrpInstance *in)
{
	const VrpType *type = &in->types[0];

	in->plain = in->ntypes == 1 && in->ndims <= 1 && in->dist != NULL && in->dist_to == in->dist && type->start == type->end &&
		type->v.per_distance > 0 && !in->timed && !in->clocked && !in->far_bound && !in->ordered && !in->picky && !in->hard &&
		in->simple_load;
	if (!in->plain)
		return;
	in->near_leg = ECML_NEW(ctx, double, (size_t) in->n * in->ninsert + 1);
	for (int i = 0; i < in->n; i++)
		for (int k = 0; k < in->ninsert; k++)
			in->near_leg[(size_t) i * in->ninsert + k] = vrp_leg(in, i, in->near[(size_t) i * in->nnear + k]);
}
