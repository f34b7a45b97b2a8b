/*
 * demand_pool.c - partial pooling: what the other products tell of a product whose own rows tell little
 *
 * Coefficients (the constant left out) of product i are b_i = mu + u_i, u_i normal with a variance for each term; its rows tell of
 * b_i with precision S_i = X'X / s_i^2 and moment r_i = X'y / s_i^2.  Given the variances D, C_i = (S_i + D^-1)^-1 and
 *
 *     mu ~ normal(m, M),  M^-1 = sum S_i - S_i C_i S_i,  m = M sum r_i - S_i C_i r_i
 *     u_i ~ normal(C_i (r_i - S_i m), C_i + C_i S_i M S_i C_i)
 *
 * D is found by EM on the restricted likelihood (Laird and Ware 1982); the variance of the own price is then integrated over, with
 * a flat prior of the standard deviation (Gelman 2006), so that intervals know that it is an estimate.  Residual variances are
 * moderated the same way: s_i^2 becomes (d0 s0^2 + df_i s_i^2) / (d0 + df_i) (Smyth 2004).
 *
 * A product whose price never moved, or that has fewer rows than terms, gets what the pool and its rows tell.  Cost: about a hundred
 * passes over the products, terms^3 each.
 */
#include <math.h>
#include <string.h>

#include "num/special.h"
#include "pricing/demand.h"

#define CHUNK 128				/* products a task */
#define ITERATIONS 100
#define TOLERANCE 1e-4			/* of the standard deviations, relative */
#define GRID 17					/* values of the standard deviation of the own price */

typedef struct Product
{
	double	   *s;				/* [k][k] */
	double	   *r;				/* [k] */
	double	   *c;				/* [k][k] C */
	double	   *mean;			/* [k] sums over the grid, weighted; and of squares */
	double	   *square;			/* [k][k] */
} Product;

typedef struct Part
{
	double	   *precision;		/* [k][k] */
	double	   *moment;			/* [k] */
	double	   *spread;			/* [k] sum of E u^2 */
	double		value;			/* of the logarithm of the likelihood */
} Part;

typedef struct Pooling
{
	int			k;
	int			products;
	Product    *of;
	Part	   *parts;
	double	   *d;				/* [k] variances */
	double	   *dd;				/* [k][k] roots of their products */
	double	   *m;				/* [k] */
	double	   *mm;				/* [k][k] M */
	double		weight;			/* of the present variances in the sums; 0: EM */
	double	   *scratch;		/* [workers][4 k k + 4 k] */
	size_t		each;
} Pooling;

static double
trigamma(double x)
{
	double		sum = 0;
	double		y;

	for (; x < 12; x++)
		sum += 1 / (x * x);
	y = 1 / (x * x);
	return sum + 1 / x + y / 2 + y / x * (1.0 / 6 - y * (1.0 / 30 - y * (1.0 / 42 - y * (1.0 / 30 - y * 5.0 / 66))));
}

/* x with trigamma(x) = y > 0, by Newton's method on 1 / trigamma, which is nearly straight. */
static double
trigamma_inverse(double y)
{
	double		x = y > 1e7 ? 1 / sqrt(y) : y < 1e-6 ? 1 / y : 0.5 + 1 / y;

	if (y > 1e7 || y < 1e-6)
		return x;
	for (int i = 0; i < 50; i++)
	{
		double		h = 1e-5 * x;
		double		t = trigamma(x);
		double		slope = (trigamma(x + h) - trigamma(x - h)) / (2 * h);
		double		step = t * (1 - t / y) / slope;

		x += step;
		if (fabs(step) < 1e-10 * x)
			break;
	}
	return x;
}

/* a [n][n], positive definite, becomes its inverse; the logarithm of its determinant.  l: scratch [n][n]. */
static double
invert(double *a, int n, double *l)
{
	double		logdet = 0;

	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
		{
			double		sum = a[i * n + j];

			for (int t = 0; t < j; t++)
				sum -= l[i * n + t] * l[j * n + t];
			if (i == j)
			{
				/* what rounding made of a combination of others: as if nothing were known of it */
				sum = fmax(sum, 1e-13 * fmax(a[i * n + i], 1e-290));
				l[i * n + i] = sqrt(sum);
				logdet += log(sum);
			}
			else
				l[i * n + j] = sum / l[j * n + j];
		}
	for (int c = 0; c < n; c++)
	{
		/* column c of the inverse of L, below its diagonal, then of the product */
		for (int i = 0; i < n; i++)
		{
			double		sum = i == c;

			if (i < c)
			{
				a[i * n + c] = 0;
				continue;
			}
			for (int t = c; t < i; t++)
				sum -= l[i * n + t] * a[t * n + c];
			a[i * n + c] = sum / l[i * n + i];
		}
	}
	memcpy(l, a, (size_t) n * n * sizeof(double));
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
		{
			double		sum = 0;

			for (int t = i; t < n; t++)
				sum += l[t * n + i] * l[t * n + j];
			a[i * n + j] = a[j * n + i] = sum;
		}
	return logdet;
}

/* C of each product, and what they tell of mu together. */
static void
sum_task(void *arg, size_t i, int worker)
{
	Pooling    *p = arg;
	Part	   *part = &p->parts[i];
	int			k = p->k;
	double	   *l = p->scratch + p->each * worker;
	double	   *cr = l + k * k;
	double	   *sc = cr + k;
	int			last = (int) (i + 1) * CHUNK < p->products ? (int) (i + 1) * CHUNK : p->products;

	memset(part->precision, 0, (size_t) k * k * sizeof(double));
	memset(part->moment, 0, k * sizeof(double));
	part->value = 0;
	for (int q = (int) i * CHUNK; q < last; q++)
	{
		Product    *of = &p->of[q];

		for (int a = 0; a < k; a++)
			for (int b = 0; b < k; b++)
				of->c[a * k + b] = (a == b) + p->dd[a * k + b] * of->s[a * k + b];
		part->value -= invert(of->c, k, l);
		for (int a = 0; a < k; a++)
			for (int b = 0; b < k; b++)
				of->c[a * k + b] *= p->dd[a * k + b];
		for (int a = 0; a < k; a++)
		{
			cr[a] = 0;
			for (int b = 0; b < k; b++)
				cr[a] += of->c[a * k + b] * of->r[b];
			part->value += cr[a] * of->r[a];
		}
		for (int a = 0; a < k; a++)
		{
			double		sum = of->r[a];

			for (int b = 0; b < k; b++)
				sum -= of->s[a * k + b] * cr[b];
			part->moment[a] += sum;
			for (int b = 0; b < k; b++)
			{
				sc[b] = 0;
				for (int t = 0; t < k; t++)
					sc[b] += of->s[a * k + t] * of->c[t * k + b];
			}
			for (int b = 0; b < k; b++)
			{
				sum = of->s[a * k + b];
				for (int t = 0; t < k; t++)
					sum -= sc[t] * of->s[t * k + b];
				part->precision[a * k + b] += sum;
			}
		}
	}
}

/* u of each product: for EM its squares, for the posterior b and its covariance. */
static void
spread_task(void *arg, size_t i, int worker)
{
	Pooling    *p = arg;
	Part	   *part = &p->parts[i];
	int			k = p->k;
	double	   *cs = p->scratch + p->each * worker;	/* C S */
	double	   *csm = cs + k * k;
	double	   *u = csm + k * k;
	double	   *rest = u + k;
	int			last = (int) (i + 1) * CHUNK < p->products ? (int) (i + 1) * CHUNK : p->products;

	memset(part->spread, 0, k * sizeof(double));
	for (int q = (int) i * CHUNK; q < last; q++)
	{
		Product    *of = &p->of[q];

		for (int a = 0; a < k; a++)
		{
			rest[a] = of->r[a];
			for (int b = 0; b < k; b++)
				rest[a] -= of->s[a * k + b] * p->m[b];
		}
		for (int a = 0; a < k; a++)
		{
			u[a] = 0;
			for (int b = 0; b < k; b++)
			{
				double		sum = 0;

				u[a] += of->c[a * k + b] * rest[b];
				for (int t = 0; t < k; t++)
					sum += of->c[a * k + t] * of->s[t * k + b];
				/* b = mu + u: mu's part of it is I - C S */
				cs[a * k + b] = p->weight > 0 ? (a == b) - sum : sum;
			}
		}
		for (int a = 0; a < k; a++)
			for (int b = 0; b < k; b++)
			{
				double		sum = 0;

				for (int t = 0; t < k; t++)
					sum += cs[a * k + t] * p->mm[t * k + b];
				csm[a * k + b] = sum;
			}
		for (int a = 0; a < k; a++)
			for (int b = 0; b < k; b++)
			{
				double		sum = of->c[a * k + b];

				if (p->weight == 0 && a != b)
					continue;
				for (int t = 0; t < k; t++)
					sum += csm[a * k + t] * cs[b * k + t];
				if (p->weight == 0)
					part->spread[a] += sum + u[a] * u[a];
				else
					of->square[a * k + b] += p->weight * (sum + (p->m[a] + u[a]) * (p->m[b] + u[b]));
			}
		if (p->weight > 0)
			for (int a = 0; a < k; a++)
				of->mean[a] += p->weight * (p->m[a] + u[a]);
	}
}

/* m and M for the present variances; the logarithm of the restricted likelihood. */
static double
find_mean(EcmlCtx *ctx, Pooling *p)
{
	int			k = p->k;
	int			nparts = (p->products + CHUNK - 1) / CHUNK;
	double		value = 0;
	double	   *moment = p->scratch + k * k;

	for (int a = 0; a < k; a++)
		for (int b = 0; b < k; b++)
			p->dd[a * k + b] = sqrt(p->d[a] * p->d[b]);
	ecml_parallel_for(ctx, nparts, sum_task, p);
	memset(p->mm, 0, (size_t) k * k * sizeof(double));
	memset(moment, 0, k * sizeof(double));
	for (int i = 0; i < nparts; i++)
	{
		for (int a = 0; a < k * k; a++)
			p->mm[a] += p->parts[i].precision[a];
		for (int a = 0; a < k; a++)
			moment[a] += p->parts[i].moment[a];
		value += p->parts[i].value;
	}
	for (int a = 0; a < k; a++)
		if (!(p->mm[a * k + a] > 0))
			p->mm[a * k + a] = 1e-10;	/* nobody tells anything of it */
	value -= invert(p->mm, k, p->scratch);
	for (int a = 0; a < k; a++)
	{
		p->m[a] = 0;
		for (int b = 0; b < k; b++)
			p->m[a] += p->mm[a * k + b] * moment[b];
		value += p->m[a] * moment[a];
	}
	return value / 2;
}

/* Residual variances with what they have in common; d0: degrees of freedom that this is worth. */
static double
moderate(DemandFit *const fits, int products, double *s2, double *d0)
{
	double		sum = 0;
	double		squares = 0;
	double		noise = 0;
	double		target;
	double		s0;
	int			n = 0;

	for (int p = 0; p < products; p++)
		if (fits[p].status == DEMAND_OK && fits[p].s2 > 0)
		{
			double		half = fits[p].df / 2;
			double		e = log(fits[p].s2) - ecml_digamma(half) + log(half);

			sum += e;
			squares += e * e;
			noise += trigamma(half);
			n++;
		}
	*d0 = INFINITY;
	if (n == 0)
		return NAN;
	target = n > 2 ? (squares - sum * sum / n) / (n - 1) - noise / n : 0;
	s0 = exp(sum / n);
	if (target > 1e-8)
	{
		*d0 = 2 * trigamma_inverse(target);
		s0 = exp(sum / n + ecml_digamma(*d0 / 2) - log(*d0 / 2));
	}
	for (int p = 0; p < products; p++)
	{
		const DemandFit *fit = &fits[p];
		double		df = fit->status == DEMAND_OK ? fit->df : 0;

		s2[p] = isinf(*d0) || df == 0 ? s0 : (*d0 * s0 + df * fit->s2) / (*d0 + df);
	}
	return s0;
}

/* The precision of a fit with robust errors: the inverse of its covariance. */
static void
from_covariance(const DemandFit *fit, int k, Product *of, double *scratch)
{
	int			list[DEMAND_MAX_TERMS];
	int			n = 0;

	for (int j = 0; j < k; j++)
		if (!isnan(fit->b[j]))
			list[n++] = j;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			scratch[i * n + j] = fit->v[list[i] * k + list[j]];
	(void) invert(scratch, n, scratch + k * k);
	memset(of->s, 0, (size_t) k * k * sizeof(double));
	memset(of->r, 0, k * sizeof(double));
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
		{
			of->s[list[i] * k + list[j]] = scratch[i * n + j];
			of->r[list[i]] += scratch[i * n + j] * fit->b[list[j]];
		}
}

static void
finish(const DemandData *data, DemandFit *fits, const Pooling *p, double d0)
{
	int			k = p->k;

	for (int q = 0; q < p->products; q++)
	{
		DemandFit  *fit = &fits[q];
		const Product *of = &p->of[q];

		fit->interval_df = isinf(d0) ? INFINITY : d0 + (fit->status == DEMAND_OK ? fit->df : 0);
		fit->shrinkage = p->d[0] > 0 ? fmin(of->c[0] / p->d[0], 1) : 1;
		for (int a = 0; a < k; a++)
		{
			bool		told = a == 0 || of->s[a * k + a] > 0;

			fit->b[a] = told ? of->mean[a] : NAN;
			for (int b = 0; b < k; b++)
				fit->v[a * k + b] = told && (b == 0 || of->s[b * k + b] > 0) ?
					of->square[a * k + b] - of->mean[a] * of->mean[b] : NAN;
		}
	}
}

void
demand_pool(EcmlCtx *ctx, const DemandData *data, DemandFit *fits, DemandPool *pool)
{
	int			k = data->nterms;
	int			n = data->products;
	int			nparts = (n + CHUNK - 1) / CHUNK;
	int			told = 0;
	int			workers = ecml_workers(ctx, nparts);
	Pooling		p = {.k = k,.products = n};
	double	   *s2 = ECML_NEW(ctx, double, n + 1);
	double	   *memory;
	double	   *variances;
	double		weights[GRID];
	double		taus[GRID];
	double		d0;
	double		best = -INFINITY;
	double		total = 0;
	double		scale = 0;
	double		off;
	double		tau;

	*pool = (DemandPool) {.mean = NAN,.mean_se = NAN,.sd = NAN};
	for (int q = 0; q < n; q++)
		told += fits[q].status == DEMAND_OK && fits[q].s2 > 0;
	if (told < 3 || isnan(moderate(fits, n, s2, &d0)))
		return;
	pool->used = true;
	memory = ECML_NEW0(ctx, double, (size_t) n * (3 * (size_t) k * k + 2 * k));
	p.of = ECML_NEW(ctx, Product, n);
	p.parts = ECML_NEW(ctx, Part, nparts);
	p.d = ECML_NEW0(ctx, double, k);
	p.dd = ECML_NEW(ctx, double, (size_t) k * k);
	p.m = ECML_NEW0(ctx, double, k);
	p.mm = ECML_NEW(ctx, double, (size_t) k * k);
	p.each = 4 * (size_t) k * k + 4 * k;
	p.scratch = ECML_NEW(ctx, double, p.each * (workers + 1));
	variances = ECML_NEW0(ctx, double, k);
	for (int i = 0; i < nparts; i++)
	{
		p.parts[i].precision = ECML_NEW(ctx, double, (size_t) k * k);
		p.parts[i].moment = ECML_NEW(ctx, double, k);
		p.parts[i].spread = ECML_NEW(ctx, double, k);
	}
	for (int q = 0; q < n; q++)
	{
		Product    *of = &p.of[q];

		of->s = memory + (size_t) q * (3 * (size_t) k * k + 2 * k);
		of->c = of->s + k * k;
		of->square = of->c + k * k;
		of->r = of->square + k * k;
		of->mean = of->r + k;
		if (data->errors == DEMAND_ROBUST && fits[q].status == DEMAND_OK)
			from_covariance(&fits[q], k, of, p.scratch);
		else if (fits[q].status != DEMAND_NO_ROWS)
			for (int a = 0; a < k; a++)
			{
				of->r[a] = fits[q].moment[a] / s2[q];
				for (int b = 0; b < k; b++)
					of->s[a * k + b] = fits[q].precision[a * k + b] / s2[q];
			}
	}

	/* start: the spread of the products' own estimates, which is too large, so that no variance begins at nothing */
	for (int a = 0; a < k; a++)
	{
		double		sum = 0;
		double		squares = 0;
		int			count = 0;

		for (int q = 0; q < n; q++)
			if (fits[q].status == DEMAND_OK && !isnan(fits[q].own_b[a]) && isfinite(fits[q].own_se[a]))
			{
				sum += fits[q].own_b[a];
				squares += fits[q].own_b[a] * fits[q].own_b[a];
				count++;
			}
		p.d[a] = count > 1 ? fmax((squares - sum * sum / count) / (count - 1), 1e-12) : 1e-4;
	}
	for (int iteration = 0; iteration < ITERATIONS; iteration++)
	{
		double		change = 0;

		(void) find_mean(ctx, &p);
		ecml_parallel_for(ctx, nparts, spread_task, &p);
		for (int a = 0; a < k; a++)
		{
			double		sum = 0;

			for (int i = 0; i < nparts; i++)
				sum += p.parts[i].spread[a];
			sum = fmax(sum / n, 1e-14);
			change = fmax(change, fabs(sqrt(sum) - sqrt(p.d[a])) / (sqrt(sum) + 1e-4));
			p.d[a] = sum;
		}
		if (change < TOLERANCE)
			break;
	}
	memcpy(variances, p.d, k * sizeof(double));

	/* the standard deviation of the own price: about its estimate, as far as it may be off */
	for (int q = 0; q < n; q++)
		scale += p.of[q].s[0];
	tau = sqrt(p.d[0]);
	off = sqrt(2.0 / told) * (p.d[0] + told / fmax(scale, 1e-290));
	off = p.d[0] > 2 * off ? off / (2 * tau) : sqrt(off);
	for (int g = 0; g < GRID; g++)
	{
		double		from = fmax(tau - 4 * off, 0);

		taus[g] = from + (tau + 6 * off - from) * g / (GRID - 1);
		p.d[0] = fmax(taus[g] * taus[g], 1e-14);
		weights[g] = find_mean(ctx, &p);
		best = fmax(best, weights[g]);
	}
	for (int g = 0; g < GRID; g++)
	{
		double		width = (g == 0 ? taus[1] - taus[0] : g == GRID - 1 ? taus[g] - taus[g - 1] : taus[g + 1] - taus[g - 1]) / 2;

		weights[g] = width * exp(weights[g] - best);
		total += weights[g];
	}
	pool->mean = pool->sd = pool->mean_se = 0;
	for (int g = 0; g < GRID; g++)
	{
		p.weight = weights[g] / total;
		if (p.weight < 1e-9)
			continue;
		p.d[0] = fmax(taus[g] * taus[g], 1e-14);
		(void) find_mean(ctx, &p);
		ecml_parallel_for(ctx, nparts, spread_task, &p);
		pool->mean += p.weight * p.m[0];
		pool->mean_se += p.weight * (p.mm[0] + p.m[0] * p.m[0]);
		pool->sd += p.weight * taus[g];
	}
	pool->mean_se = sqrt(fmax(pool->mean_se - pool->mean * pool->mean, 0));
	/* C as the mean deviation has it, for the weight of the pool */
	memcpy(p.d, variances, k * sizeof(double));
	p.d[0] = fmax(pool->sd * pool->sd, 1e-14);
	(void) find_mean(ctx, &p);
	finish(data, fits, &p, d0);
	ecml_free(ctx, memory);
}
