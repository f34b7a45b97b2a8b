/*
 * vrp_bound.c - what no plan that serves all can cost less than
 *
 * The greater of two simple bounds on the distance.  Half of the shortest ways into and out of each stop that must be served.
 * And, for one kind of vehicle that comes back to where it started and whose loads come from there: a tour is as long as the way to
 * the farthest of its stops and back, hence at least the mean of these ways weighted by loads over the capacity (Haimovich and
 * Rinnooy Kan 1985), where distances keep the triangle inequality.  To it come the fixed costs of the vehicles that the loads need.
 * Both are weak: 20 to 50 % below the best plans.
 *
 * Cost: the square of the stops, up to EXACT_SITES of them; beyond, only the second.
 */
#include "route/vrp_internal.h"

#define EXACT_SITES 2000

static double
shortest_ways(EcmlCtx *ctx, const VrpInstance *in)
{
	double		sum = 0;

	for (int c = 0; c < in->n; c++)
	{
		const VrpRequest *q = &in->requests[in->request[c]];
		double		into = INFINITY;
		double		out = INFINITY;

		if (q->optional || q->kind == VRP_GROUP)
			continue;
		/* depots among the places before and behind; the last location is nowhere */
		for (int o = 0; o < in->nloc - 1; o++)
			if (o != c)
			{
				double		to = vrp_leg(in, o, c);
				double		from = vrp_leg(in, c, o);

				into = to < into ? to : into;
				out = from < out ? from : out;
			}
		sum += 0.5 * (into + out);
		if ((c & 63) == 0)
			ecml_poll(ctx, 0, 0);
	}
	return sum;
}

double
vrp_bound(EcmlCtx *ctx, const VrpInstance *in)
{
	const VrpType *type = &in->types[0];
	double		per_distance = INFINITY;
	double		bound = 0;
	double		fixed = 0;
	bool		open = false;

	for (int t = 0; t < in->ntypes; t++)
	{
		per_distance = fmin(per_distance, in->types[t].v.per_distance);
		open = open || in->types[t].v.end < 0;
	}
	if (in->n == 0 || in->ntypes == 0)
		return 0;
	/* the end of an open route is at no distance: nothing can be said of the ways out */
	if (in->n <= EXACT_SITES && !open)
		bound = per_distance * shortest_ways(ctx, in);
	if (in->ntypes == 1 && in->simple_load && in->ndims > 0 && type->start == type->end && in->metric != VRP_MATRIX &&
		in->round == VRP_ROUND_NONE)
		for (int k = 0; k < in->ndims; k++)
		{
			double		sum = 0;
			double		total = 0;

			for (int c = 0; c < in->n; c++)
			{
				const VrpRequest *q = &in->requests[in->request[c]];
				double		load = in->load[(size_t) c * in->ndims + k].deliver;

				if (q->optional || q->kind == VRP_GROUP)
					continue;
				sum += load * (vrp_leg(in, type->start, c) + vrp_leg(in, c, type->end));
				total += load;
			}
			bound = fmax(bound, type->v.per_distance * sum / type->v.capacity[k]);
			fixed = fmax(fixed, ceil(total / type->v.capacity[k] - 1e-6));
		}
	return bound + (fixed > 0 ? fixed * type->v.fixed : 0);
}
