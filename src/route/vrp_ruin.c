/*
 * vrp_ruin.c - one step: strings of stops taken out of routes that are near each other, and put back one by one
 *
 * Christiaens and Vanden Berghe (2020): about mean_out stops leave, as strings (with probability SPLIT a few in the middle
 * stay) around a seed, no string longer than the mean route; what is absent is put back in an order drawn from a few that
 * make sense, each where it costs least.
 *
 * Cost: of a step, the routes touched and NEAR_INSERT places for each stop taken out.
 */
#include "route/vrp_internal.h"

#define LONGEST 10				/* stops of a string */
#define SPLIT 0.5
#define MOST_OLD 8				/* requests tried a step that were absent before */
#define LONGER_SPLIT 0.01		/* that one more stop is kept in the middle */

static inline int
draw(VrpState *s, double top)
{
	/* floor of uniform [1, top + 1) */
	return (int) (1 + top * ecml_rng_double(&s->rng));
}

/* A reload that its trips can do without, or that has nothing on one side, goes. */
static void
drop_reloads(VrpState *s, int route)
{
	const VrpInstance *in = s->in;
	int			last = vrp_end(in, route);

	for (int p = s->node[vrp_start(in, route)].next; p != last;)
	{
		int			next = s->node[p].next;

		if (vrp_is_reload(in, p))
		{
			int			before = s->node[p].prev;
			bool		drop = before == vrp_start(in, route) || vrp_is_reload(in, before) || next == last;

			if (!drop)
			{
				int			n = 0;
				double		distance;
				double		duration;

				for (int i = s->node[vrp_start(in, route)].next; i != last; i = s->node[i].next)
					if (i != p)
						s->sequence[n++] = vrp_is_reload(in, i) ? -1 : i;
				drop = vrp_try_sequence(in, route, s->sequence, n, &distance, &duration);
			}
			if (drop)
				vrp_unlink(s, p);
		}
		p = next;
	}
}

static void
remove_stop(VrpState *s, int node)
{
	const VrpInstance *in = s->in;
	const VrpRequest *q = &in->requests[in->request[node]];

	if (s->node[node].route < 0)
		return;
	for (int m = 0; m < q->count; m++)
		if (in->locked[in->members[q->first + m]])
			return;
	vrp_remove_request(s, in->request[node]);
}

/* A string of length stops around c leaves its route, but for keep of them in the middle. */
static void
remove_string(VrpState *s, int c, int length, int keep)
{
	const VrpInstance *in = s->in;
	int			whole = length + keep;
	int			before = 0;
	int			behind = 0;
	int			first = c;
	int			low;
	int			high;
	int			skip;
	int			n = 0;
	int			string[2 * LONGEST + 2];

	for (int p = s->node[c].prev; before < whole - 1 && s->node[p].prev >= 0; p = s->node[p].prev)
		before += p < in->n;
	for (int p = s->node[c].next; behind < whole - 1 && s->node[p].next >= 0; p = s->node[p].next)
		behind += p < in->n;
	low = whole - 1 - behind > 0 ? whole - 1 - behind : 0;
	high = before < whole - 1 ? before : whole - 1;
	for (int back = low + (int) ecml_rng_below(&s->rng, high - low + 1); back > 0;)
	{
		first = s->node[first].prev;
		back -= first < in->n;
	}
	skip = keep > 0 ? (int) ecml_rng_below(&s->rng, length + 1) : whole;
	for (int p = first, i = 0; i < whole && s->node[p].next >= 0; p = s->node[p].next)
		if (p < in->n)
		{
			if (i < skip || i >= skip + keep)
				string[n++] = p;
			i++;
		}
	for (int i = 0; i < n; i++)
		remove_stop(s, string[i]);
}

void
vrp_ruin(VrpState *s)
{
	const VrpInstance *in = s->in;
	double		mean = s->nused > 0 ? (double) s->nmine / s->nused : 1;
	double		longest = mean < LONGEST ? mean : LONGEST;
	double		most = 4 * s->mean_out / (1 + longest) - 1;
	int			strings = draw(s, most > 1 ? most : 1);
	int			seed = s->mine[ecml_rng_below(&s->rng, s->nmine)];
	const int  *near = in->near + (size_t) seed * in->nnear;
	int			touched[64];
	int			n = 0;

	if (strings > 60)
		strings = 60;
	s->sight++;
	for (int k = -1; k < in->nnear && n < strings; k++)
	{
		int			c = k < 0 ? seed : near[k];
		int			route = s->node[c].route;
		double		most_of_it;
		int			length;
		int			keep = 0;
		int			count;

		if (route < 0 || s->seen[route] == s->sight)
			continue;
		s->seen[route] = s->sight;
		touched[n++] = route;
		count = s->route[route].count;
		most_of_it = count < longest ? count : longest;
		length = draw(s, most_of_it);
		if (length > LONGEST)
			length = LONGEST;
		if (length > count)
			length = count;
		if (length < count && length > 1 && ecml_rng_double(&s->rng) < SPLIT)
		{
			keep = 1;
			while (length + keep < count && keep < LONGEST && ecml_rng_double(&s->rng) < LONGER_SPLIT)
				keep++;
		}
		remove_string(s, c, length, keep);
	}
	for (int i = 0; i < n; i++)
	{
		if (s->route[touched[i]].reloads > 0)
			drop_reloads(s, touched[i]);
		vrp_refresh(s, touched[i]);
	}
}

/* ---------------------------------------------------------------- putting back */

/* Ascending by key: few as a rule, all of them at the start. */
void
vrp_sort_requests(int *order, double *key, int n)
{
	int			gap = 1;

	while (gap < n / 3)
		gap = 3 * gap + 1;
	for (; gap > 0; gap /= 3)
		for (int i = gap; i < n; i++)
		{
			double		k = key[i];
			int			o = order[i];
			int			j = i;

			for (; j >= gap && key[j - gap] > k; j -= gap)
			{
				key[j] = key[j - gap];
				order[j] = order[j - gap];
			}
			key[j] = k;
			order[j] = o;
		}
}

static double
sort_key(VrpState *s, int how, const VrpRequest *q)
{
	switch (how)
	{
		case 0:
			return ecml_rng_double(&s->rng);
		case 1:
			return -q->demand;
		case 2:
			return -q->far;
		case 3:
			return q->far;
		case 4:
			return q->width;
		case 5:
			return q->open;
		default:
			return -q->close;
	}
}

/* The absent requests in an order drawn: by chance, the largest, farthest, nearest, narrowest, earliest, latest first. */
static int
order_absent(VrpState *s)
{
	static const int weights[] = {4, 4, 2, 1, 2, 2, 2};
	int			total = s->in->timed ? 17 : 11;
	int			pick = (int) ecml_rng_below(&s->rng, total);
	int			how = 0;
	int			old = s->nwas_absent < s->nabsent ? s->nwas_absent : s->nabsent;
	int			n = 0;

	while (pick >= weights[how])
		pick -= weights[how++];
	/* those just taken out, and some of those that have long been out */
	if (old > MOST_OLD)
	{
		int			from = (int) ecml_rng_below(&s->rng, old);

		for (int i = 0; i < MOST_OLD; i++)
			s->order[n++] = s->absent[(from + i) % old];
	}
	else
		for (int i = 0; i < old; i++)
			s->order[n++] = s->absent[i];
	for (int i = s->nwas_absent; i < s->nabsent; i++)
		s->order[n++] = s->absent[i];
	for (int i = 0; i < n; i++)
		s->key[i] = sort_key(s, how, &s->in->requests[s->order[i]]);
	vrp_sort_requests(s->order, s->key, n);
	return n;
}

void
vrp_recreate(VrpState *s)
{
	int			n = order_absent(s);

	for (int i = 0; i < n; i++)
	{
		const VrpRequest *q = &s->in->requests[s->order[i]];

		(void) vrp_insert_request(s, s->order[i], q->optional ? q->penalty : INFINITY, false);
	}
}

/* ---------------------------------------------------------------- steps */

/* A route's stops to a vehicle of another type that is not in use. */
static void
change_vehicle(VrpState *s)
{
	const VrpInstance *in = s->in;
	int			route = s->used[ecml_rng_below(&s->rng, s->nused)];
	int			t = (int) ecml_rng_below(&s->rng, in->ntypes);
	int			other;
	int			n = 0;
	double		distance;
	double		duration;

	if (t == in->type[route] || s->nspare[t] == 0)
		return;
	other = s->spare[in->types[t].first + s->nspare[t] - 1];
	for (int p = s->node[vrp_start(in, route)].next; p != vrp_end(in, route); p = s->node[p].next)
		s->sequence[n++] = vrp_is_reload(in, p) ? -1 : p;
	if (in->types[t].v.reloads < s->route[route].reloads ||
		!vrp_try_sequence(in, other, s->sequence, n, &distance, &duration))
		return;
	vrp_save(s, route);
	vrp_save(s, other);
	vrp_set_route(s, route, NULL, 0);
	/* the sequence may have been used as scratch meanwhile: take it from the log */
	for (int i = 0; i < s->nlogged; i++)
		if (s->log_route[i] == route)
			vrp_set_route(s, other, s->log + s->log_begin[i], n);
}

/* Steps of ruin and recreate at a temperature; the best plan met is kept. */
void
vrp_anneal_steps(VrpState *s, int steps, double temperature)
{
	if (s->nmine == 0)
		return;
	for (int i = 0; i < steps; i++)
	{
		double		limit;

		vrp_begin_step(s);
		if (s->in->mixed && s->nused > 0 && ecml_rng_below(&s->rng, 16) == 0)
			change_vehicle(s);
		else
			vrp_ruin(s);
		vrp_recreate(s);
		s->steps++;
		limit = s->was_cost - temperature * log(1 - ecml_rng_double(&s->rng));
		if (s->cost < limit)
		{
			if (s->cost < s->best_cost)
				vrp_keep_best(s);
		}
		else
			vrp_undo(s);
	}
}
