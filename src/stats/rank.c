/*
 * rank.c - tests that rest on ranks: see rank.h
 */
#include "stats/rank.h"

#include <math.h>
#include <string.h>

#include "num/dist.h"
#include "num/sort.h"

#define AUTO_SMALL 8			/* as SciPy chooses */
#define AUTO_KS 10000
#define AUTO_WILCOXON 50
#define AUTO_WILCOXON_TIES 13
#define AUTO_KENDALL 33
#define MOST_STEPS 4e9			/* of an exact distribution */
#define POLL_EACH 65536

static void
too_many(EcmlCtx *ctx, double steps)
{
	ecml_detail(ctx, "It would take %.3g steps; at most %.3g are taken.", steps, MOST_STEPS);
	ecml_hint(ctx, "Set \"method\" to \"asymptotic\", which is as good for so many values.");
	ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "there are too many values for an exact p");
}

double
rank_median(const double *sorted, size_t n)
{
	return n == 0 ? NAN : (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

static double
normal_p(double z, int alternative)
{
	if (isnan(z))
		return NAN;
	switch (alternative)
	{
		case RANK_LESS:
			return ecml_normal_cdf(z);
		case RANK_GREATER:
			return ecml_normal_sf(z);
		default:
			return fmin(1, 2 * ecml_normal_sf(fabs(z)));
	}
}

/* ---- Mann and Whitney */

/*
 * The probability that U is at most u, u at most m n / 2, m <= n.  Counts of the ways to reach each U are the coefficients of a
 * Gaussian binomial, prod (1 - q^(n + i)) / (1 - q^i); in extended precision, for the products subtract.
 */
static double
mann_whitney_tail(EcmlCtx *ctx, double u, size_t m, size_t n)
{
	size_t		size = (size_t) u + 1;
	long double *ways = ECML_NEW0(ctx, long double, size);
	long double sum = 0;
	long double all = 1;

	ways[0] = 1;
	for (size_t i = 1; i <= m; i++)
	{
		/* scaled, so that the sum of all is 1 in the end: binom(m + n, m) may be beyond any range */
		long double scale = (long double) i / (n + i);

		ecml_poll(ctx, i, m);
		for (size_t k = size; k-- > n + i;)
			ways[k] -= ways[k - n - i];
		for (size_t k = i; k < size; k++)
			ways[k] += ways[k - i];
		for (size_t k = 0; k < size; k++)
			ways[k] *= scale;
	}
	for (size_t k = 0; k < size; k++)
		sum += ways[k];
	ecml_free(ctx, ways);
	return sum / all;
}

RankResult
rank_mann_whitney(EcmlCtx *ctx, double *a, size_t m, double *b, size_t n, const RankParams *params)
{
	RankResult	r = {.statistic = NAN, .p_value = NAN, .effect = NAN};
	double		twice = 0;		/* twice the sum of the first's ranks */
	double		ties = 0;		/* sum of t^3 - t */
	double		total = (double) m + n;
	double		u;
	double		other;
	size_t		i = 0;
	size_t		j = 0;

	ecml_sort_f8(ctx, a, m);
	ecml_sort_f8(ctx, b, n);
	if (m == 0 || n == 0)
		return r;
	while (i < m || j < n)
	{
		double		v = j >= n || (i < m && a[i] <= b[j]) ? a[i] : b[j];
		size_t		before = i + j;
		size_t		mine = i;
		double		t;

		while (i < m && a[i] == v)
			i++;
		while (j < n && b[j] == v)
			j++;
		t = (double) (i + j - before);
		twice += (i - mine) * (double) (before + 1 + i + j);
		ties += t * t * t - t;
	}
	u = twice / 2 - (double) m * (m + 1) / 2;
	other = (double) m * n - u;
	r.statistic = u;
	r.effect = u / ((double) m * n);
	r.exact = params->method == RANK_EXACT || (params->method == RANK_AUTO && (m <= AUTO_SMALL || n <= AUTO_SMALL) && ties == 0);
	if (r.exact && ties > 0)
	{
		ecml_detail(ctx, "Some values are the same.");
		ecml_hint(ctx, "Leave \"method\" out, or set it to \"asymptotic\".");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "with ties there is no exact p");
	}
	if (r.exact)
	{
		size_t		few = m < n ? m : n;
		double		steps = (double) m * n * few;
		double		large = params->alternative == RANK_GREATER ? u : params->alternative == RANK_LESS ? other : fmax(u, other);
		double		p;

		if (steps > MOST_STEPS)
			too_many(ctx, steps);
		/* P(U >= large) = P(U <= m n - large), from the smaller side */
		if (large >= (double) m * n / 2)
			p = mann_whitney_tail(ctx, (double) m * n - large, few, m < n ? n : m);
		else
			p = large == 0 ? 1 : 1 - mann_whitney_tail(ctx, large - 1, few, m < n ? n : m);
		r.p_value = params->alternative == RANK_TWO_SIDED ? fmin(1, 2 * p) : p;
	}
	else
	{
		double		mean = (double) m * n / 2;
		double		sd = sqrt((double) m * n / 12 * (total + 1 - ties / (total * (total - 1))));
		double		shift = params->continuity ? 0.5 : 0;
		double		large = params->alternative == RANK_GREATER ? u : params->alternative == RANK_LESS ? other : fmax(u, other);
		double		p = ecml_normal_sf((large - mean - shift) / sd);

		r.p_value = params->alternative == RANK_TWO_SIDED ? fmin(1, 2 * p) : p;
	}
	return r;
}

/* ---- Kolmogorov and Smirnov */

/*
 * The probability that a random path from (0, 0) to (m, n) is ever at least as far from the diagonal as the distance h / lcm:
 * |i n/g - j m/g| >= h for the greatest common divisor g.  Backwards a path comes to (i, j) from (i - 1, j) with probability
 * i / (i + j), so that all terms are positive and small probabilities keep their digits.
 */
static double
ks_exact(EcmlCtx *ctx, size_t m, size_t n, double h, int alternative)
{
	double		g;
	size_t		x = m;
	size_t		y = n;
	double	   *q = ECML_NEW(ctx, double, n + 1);
	double		up;
	double		right;
	double		result;

	while (y != 0)
	{
		size_t		rest = x % y;

		x = y;
		y = rest;
	}
	g = (double) x;
	right = n / g;				/* a step of the first sample moves the distance by it */
	up = m / g;
	for (size_t i = 0; i <= m; i++)
	{
		if (i % (POLL_EACH / (n + 1) + 1) == 0)
			ecml_poll(ctx, i, m);
		for (size_t j = 0; j <= n; j++)
		{
			double		distance = i * right - j * up;
			double		far = alternative == RANK_GREATER ? distance : alternative == RANK_LESS ? -distance : fabs(distance);

			if (far >= h)
				q[j] = 1;
			else if (i == 0)
				q[j] = j == 0 ? 0 : q[j - 1];
			else if (j > 0)
				q[j] = (i * q[j] + j * q[j - 1]) / (double) (i + j);
		}
	}
	result = q[n];
	ecml_free(ctx, q);
	return result;
}

RankResult
rank_ks(EcmlCtx *ctx, double *a, size_t m, double *b, size_t n, const RankParams *params)
{
	RankResult	r = {.statistic = NAN, .p_value = NAN, .effect = NAN, .location = NAN};
	double		most = 0;		/* times m n */
	size_t		i = 0;
	size_t		j = 0;

	ecml_sort_f8(ctx, a, m);
	ecml_sort_f8(ctx, b, n);
	if (m == 0 || n == 0)
		return r;
	r.location = fmin(a[0], b[0]);
	while (i < m && j < n)
	{
		double		v = fmin(a[i], b[j]);
		double		distance;
		double		far;

		while (i < m && a[i] == v)
			i++;
		while (j < n && b[j] == v)
			j++;
		distance = (double) i * n - (double) j * m;
		far = params->alternative == RANK_GREATER ? distance : params->alternative == RANK_LESS ? -distance : fabs(distance);
		if (far > most)
		{
			most = far;
			r.location = v;
			r.sign = distance > 0 ? 1 : -1;
		}
	}
	r.statistic = most / ((double) m * n);
	r.exact = params->method == RANK_EXACT || (params->method == RANK_AUTO && m <= AUTO_KS && n <= AUTO_KS);
	if (r.exact)
	{
		double		x = (double) m;
		double		y = (double) n;

		if ((double) m * n > MOST_STEPS)
			too_many(ctx, (double) m * n);
		while (y != 0)
		{
			double		rest = fmod(x, y);

			x = y;
			y = rest;
		}
		r.p_value = most == 0 ? 1 : ks_exact(ctx, m, n, most / x, params->alternative);
	}
	else
	{
		double		size = (double) m * n / ((double) m + n);
		double		z = sqrt(size) * r.statistic;

		if (params->alternative == RANK_TWO_SIDED)
			r.p_value = ecml_kolmogorov_sf(z);
		else
		{
			/* Hodges 1958, equation 5.3, with the larger sample first */
			double		large = (double) (m > n ? m : n);
			double		small = (double) (m > n ? n : m);
			double		shift = 2 * z * (large + 2 * small) / sqrt(large * small * (large + small)) / 3;

			r.p_value = fmin(1, exp(-2 * z * z - shift));
		}
	}
	return r;
}

/* ---- Wilcoxon */

RankResult
rank_wilcoxon(EcmlCtx *ctx, double *d, size_t n, const RankParams *params)
{
	RankResult	r = {.statistic = NAN, .p_value = NAN, .effect = NAN, .location = NAN};
	double	   *pairs;
	size_t		kept = 0;
	double		plus = 0;		/* twice the sum of ranks of positive differences */
	double		ties = 0;
	double		all;
	double		twice;

	ecml_sort_f8(ctx, d, n);
	r.location = rank_median(d, n);
	pairs = ECML_NEW(ctx, double, 2 * n + 2);
	for (size_t i = 0; i < n; i++)
		if (d[i] != 0)
		{
			pairs[2 * kept] = fabs(d[i]);
			pairs[2 * kept++ + 1] = d[i] > 0;
		}
	ecml_sort_f8_pairs(ctx, pairs, kept);
	/* ranks, doubled, take the place of the values */
	for (size_t i = 0; i < kept;)
	{
		size_t		j = i;
		double		v = pairs[2 * i];
		double		t;

		while (j < kept && pairs[2 * j] == v)
			j++;
		t = (double) (j - i);
		ties += t * t * t - t;
		for (size_t k = i; k < j; k++)
		{
			pairs[2 * k] = (double) (i + 1 + j);
			plus += pairs[2 * k + 1] * pairs[2 * k];
		}
		i = j;
	}
	r.n = (double) kept;
	if (kept == 0)
	{
		ecml_free(ctx, pairs);
		return r;
	}
	all = r.n * (r.n + 1);		/* twice the sum of all ranks */
	r.statistic = params->alternative == RANK_TWO_SIDED ? fmin(plus, all - plus) / 2 : plus / 2;
	r.effect = (2 * plus - all) / all;
	r.exact = params->method == RANK_EXACT ||
		(params->method == RANK_AUTO && kept <= (ties == 0 && kept == n ? AUTO_WILCOXON : AUTO_WILCOXON_TIES));
	if (r.exact)
	{
		/* the share of signs that give each sum, up to the smaller of the two sides */
		size_t		size;
		double	   *share;
		double		p = 0;
		double		small;

		if (r.n * all > MOST_STEPS)
			too_many(ctx, r.n * all);
		twice = params->alternative == RANK_GREATER ? all - plus : params->alternative == RANK_LESS ? plus : fmin(plus, all - plus);
		small = fmin(twice, all - twice - 1);
		size = (size_t) (small < 0 ? 0 : small) + 1;
		share = ECML_NEW0(ctx, double, size);
		share[0] = 1;
		for (size_t k = 0; k < kept; k++)
		{
			size_t		rank = (size_t) pairs[2 * k];

			ecml_poll(ctx, k, r.n);
			for (size_t s = size; s-- > 0;)
				share[s] = (share[s] + (s >= rank ? share[s - rank] : 0)) / 2;
		}
		for (size_t s = 0; s < size && small >= 0; s++)
			p += share[s];
		/* P(sum <= twice), by symmetry from the other side where that is shorter */
		if (small < twice)
			p = 1 - p;
		r.p_value = params->alternative == RANK_TWO_SIDED ? fmin(1, 2 * p) : p;
		ecml_free(ctx, share);
	}
	else
	{
		double		mean = all / 4;
		double		sd = sqrt((r.n * (r.n + 1) * (2 * r.n + 1) - ties / 2) / 24);
		double		excess = plus / 2 - mean;

		if (params->continuity)
			excess -= 0.5 * (params->alternative == RANK_GREATER ? 1 : params->alternative == RANK_LESS ? -1 :
							 excess > 0 ? 1 : excess < 0 ? -1 : 0);
		r.p_value = normal_p(excess / sd, params->alternative);
	}
	ecml_free(ctx, pairs);
	return r;
}

/* ---- correlations */

/* Ranks [n] of values, the mean of ties; the sums of t^3 - t, and of what Kendall's variance needs. */
typedef struct Ties
{
	double		cubic;			/* sum of t (t - 1) (t + 1) */
	double		pairs;			/* sum of t (t - 1) / 2 */
	double		triples;		/* sum of t (t - 1) (t - 2) */
	double		variance;		/* sum of t (t - 1) (2 t + 5) */
} Ties;

static void
count_tie(Ties *ties, double t)
{
	ties->cubic += t * (t - 1) * (t + 1);
	ties->pairs += t * (t - 1) / 2;
	ties->triples += t * (t - 1) * (t - 2);
	ties->variance += t * (t - 1) * (2 * t + 5);
}

static double *
ranks_of(EcmlCtx *ctx, const double *v, size_t n, Ties *ties)
{
	double	   *pairs = ECML_NEW(ctx, double, 2 * n + 2);
	double	   *ranks = ECML_NEW(ctx, double, n + 1);

	memset(ties, 0, sizeof(*ties));
	for (size_t i = 0; i < n; i++)
	{
		pairs[2 * i] = v[i];
		pairs[2 * i + 1] = (double) i;
	}
	ecml_sort_f8_pairs(ctx, pairs, n);
	for (size_t i = 0; i < n;)
	{
		size_t		j = i;

		while (j < n && pairs[2 * j] == pairs[2 * i])
			j++;
		count_tie(ties, (double) (j - i));
		for (size_t k = i; k < j; k++)
			ranks[(size_t) pairs[2 * k + 1]] = (double) (i + 1 + j) / 2;
		i = j;
	}
	ecml_free(ctx, pairs);
	return ranks;
}

static double
student_p(double r, double n, int alternative)
{
	double		df = n - 2;
	double		t = r * sqrt(df / ((1 - r) * (1 + r)));

	if (df <= 0 || isnan(r))
		return NAN;
	switch (alternative)
	{
		case RANK_LESS:
			return ecml_t_cdf(t, df);
		case RANK_GREATER:
			return ecml_t_sf(t, df);
		default:
			return 2 * ecml_t_sf(fabs(t), df);
	}
}

RankResult
rank_spearman(EcmlCtx *ctx, const double *x, const double *y, size_t n, const RankParams *params)
{
	RankResult	r = {.statistic = NAN, .p_value = NAN, .effect = NAN, .n = (double) n};
	Ties		tx;
	Ties		ty;
	double	   *rx;
	double	   *ry;
	double		mean = ((double) n + 1) / 2;
	double		xy = 0;
	double		full = (double) n * ((double) n * n - 1);

	if (n < 2)
		return r;
	rx = ranks_of(ctx, x, n, &tx);
	ry = ranks_of(ctx, y, n, &ty);
	for (size_t i = 0; i < n; i++)
		xy += (rx[i] - mean) * (ry[i] - mean);
	/* sums of squares of ranks follow from their ties */
	r.statistic = xy * 12 / sqrt((full - tx.cubic) * (full - ty.cubic));
	r.statistic = fmin(1, fmax(-1, r.statistic));
	if (full == tx.cubic || full == ty.cubic)
		r.statistic = NAN;
	r.p_value = student_p(r.statistic, (double) n, params->alternative);
	ecml_free(ctx, rx);
	ecml_free(ctx, ry);
	return r;
}

/* Pairs of v [n] that stand in falling order; sorts v.  other [n] is scratch. */
static double
count_inversions(EcmlCtx *ctx, double *v, double *other, size_t n)
{
	double		inversions = 0;

	for (size_t width = 1; width < n; width *= 2)
	{
		ecml_poll(ctx, 0, 0);
		for (size_t low = 0; low < n; low += 2 * width)
		{
			size_t		middle = low + width < n ? low + width : n;
			size_t		high = low + 2 * width < n ? low + 2 * width : n;
			size_t		i = low;
			size_t		j = middle;

			for (size_t k = low; k < high; k++)
				if (j >= high || (i < middle && v[i] <= v[j]))
					other[k] = v[i++];
				else
				{
					other[k] = v[j++];
					inversions += (double) (middle - i);
				}
		}
		memcpy(v, other, n * sizeof(double));
	}
	return inversions;
}

/* The probability of at most so many inversions of n values in random order. */
static double
inversions_tail(EcmlCtx *ctx, size_t n, double inversions)
{
	size_t		size = (size_t) inversions + 1;
	double	   *share = ECML_NEW0(ctx, double, size);
	double	   *next = ECML_NEW(ctx, double, size);
	double		p = 0;

	share[0] = 1;
	for (size_t i = 2; i <= n; i++)
	{
		ecml_poll(ctx, (double) i, (double) n);
		/* the i-th value makes 0 .. i - 1 of them */
		for (size_t k = 0; k < size; k++)
		{
			double		sum = 0;

			for (size_t j = 0; j < i && j <= k; j++)
				sum += share[k - j];
			next[k] = sum / (double) i;
		}
		memcpy(share, next, size * sizeof(double));
	}
	for (size_t k = 0; k < size; k++)
		p += share[k];
	ecml_free(ctx, share);
	ecml_free(ctx, next);
	return p;
}

RankResult
rank_kendall(EcmlCtx *ctx, const double *x, const double *y, size_t n, const RankParams *params)
{
	RankResult	r = {.statistic = NAN, .p_value = NAN, .effect = NAN, .n = (double) n};
	Ties		tx = {0};
	Ties		ty = {0};
	double		both = 0;		/* pairs tied in x and y */
	double		total = (double) n * ((double) n - 1) / 2;
	double	   *order;
	double	   *v;
	double	   *other;
	double		discordant;
	double		excess;

	if (n < 2)
		return r;
	/* by x, and within the same x by y: two stable sorts */
	order = ECML_NEW(ctx, double, 2 * n);
	v = ECML_NEW(ctx, double, n);
	other = ECML_NEW(ctx, double, n);
	for (size_t i = 0; i < n; i++)
	{
		order[2 * i] = y[i] + 0.0;	/* -0 becomes 0: the sort may tell them apart */
		order[2 * i + 1] = (double) i;
	}
	ecml_sort_f8_pairs(ctx, order, n);
	for (size_t i = 0; i < n;)
	{
		size_t		j = i;

		while (j < n && order[2 * j] == order[2 * i])
			j++;
		count_tie(&ty, (double) (j - i));
		i = j;
	}
	for (size_t i = 0; i < n; i++)
		order[2 * i] = x[(size_t) order[2 * i + 1]] + 0.0;
	ecml_sort_f8_pairs(ctx, order, n);
	for (size_t i = 0; i < n; i++)
		v[i] = y[(size_t) order[2 * i + 1]];
	for (size_t i = 0; i < n;)
	{
		size_t		j = i;
		size_t		k = i;

		while (j < n && order[2 * j] == order[2 * i])
			j++;
		count_tie(&tx, (double) (j - i));
		while (k < j)
		{
			size_t		l = k;

			while (l < j && v[l] == v[k])
				l++;
			both += (double) (l - k) * ((double) (l - k) - 1) / 2;
			k = l;
		}
		i = j;
	}
	discordant = count_inversions(ctx, v, other, n);
	excess = total - tx.pairs - ty.pairs + both - 2 * discordant;
	r.statistic = excess / sqrt(total - tx.pairs) / sqrt(total - ty.pairs);
	r.statistic = fmin(1, fmax(-1, r.statistic));
	if (tx.pairs == total || ty.pairs == total)
		r.statistic = NAN;
	r.exact = !isnan(r.statistic) && tx.pairs == 0 && ty.pairs == 0 && params->method != RANK_ASYMPTOTIC &&
		(params->method == RANK_EXACT || n <= AUTO_KENDALL || fmin(discordant, total - discordant) <= 1);
	if (params->method == RANK_EXACT && (tx.pairs > 0 || ty.pairs > 0))
	{
		ecml_detail(ctx, "Some values are the same.");
		ecml_hint(ctx, "Leave \"method\" out, or set it to \"asymptotic\".");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "with ties there is no exact p");
	}
	if (r.exact)
	{
		double		low = fmin(discordant, total - discordant);
		double		side = params->alternative == RANK_GREATER ? discordant : params->alternative == RANK_LESS ? total - discordant : low;
		double		steps = r.n * r.n * (fmin(side, total - side) + 1);

		if (steps > MOST_STEPS)
			too_many(ctx, steps);
		if (side <= total - side)
			r.p_value = inversions_tail(ctx, n, side);
		else
			r.p_value = total - side < 1 ? 1 : 1 - inversions_tail(ctx, n, total - side - 1);
		if (params->alternative == RANK_TWO_SIDED)
			r.p_value = fmin(1, 2 * r.p_value);
	}
	else if (!isnan(r.statistic))
	{
		double		m = r.n * (r.n - 1);
		double		variance = (m * (2 * r.n + 5) - tx.variance - ty.variance) / 18 + 2 * tx.pairs * ty.pairs / m +
			(n > 2 ? tx.triples * ty.triples / (9 * m * (r.n - 2)) : 0);

		r.p_value = normal_p(excess / sqrt(variance), params->alternative);
	}
	ecml_free(ctx, order);
	ecml_free(ctx, v);
	ecml_free(ctx, other);
	return r;
}
