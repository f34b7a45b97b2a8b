/*
 * ets_pass.c - one run of exponential smoothing through a series: the likelihood, and its derivatives
 *
 * Hyndman, Koehler, Ord, Snyder: Forecasting with Exponential Smoothing (2008), chapters 2 and 5.  With f the forecast of one
 * step, the likelihood with the variance put in is, up to a constant, -n/2 log(sum e^2) for additive errors e = y - f, and
 * -n/2 log(sum u^2) - sum log f for multiplicative ones, u = (y - f) / f.  The latter is also a least squares problem: of u
 * times the geometric mean of f.  So both are minimised by Gauss and Newton's method, for which the derivatives of all
 * residuals by all variables are carried along with the states: for a year of months 17 of them, which cost less than the
 * recursion's own divisions.
 *
 * The states move the same with additive and with multiplicative errors (only what the errors are called differs):
 *     q = l + phi b (or l b^phi), f = q + s (or q s, or q), d = p - q with p = y - s (or y / s, or y)
 *     l' = q + alpha d, b' = phi b + beta d (or b^phi + beta d / l), s' = s + gamma (y - q - s) (or s + gamma (y / q - s))
 * A missing value moves nothing: d = 0.  Cost: n * (10 + 2 nvars + nvars^2 / 2) in vectors of 8.
 */
#include "forecast/ets_internal.h"

#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

/* Logs of products of this many forecasts are taken: scaled values are far from the range's ends. */
#define LOG_EVERY 8
#define FAR 1e30				/* a forecast beyond this, or below its inverse, is none */

/* add a row of derivatives to the sums */
INLINE void
accumulate(EtsProblem *p, const double *d, double u)
{
	int			width = p->width;
	int			n = p->nvars;
	double	   *restrict g = p->gradient;

	for (int j = 0; j < width; j++)
		g[j] += u * d[j];
	for (int i = 0; i < n; i++)
	{
		double	   *restrict row = p->hessian + (size_t) i * width;
		double		di = d[i];

		/* from the lane group of the diagonal on */
		for (int j = i & ~(ETS_LANES - 1); j < width; j++)
			row[j] += di * d[j];
	}
}

INLINE double
pass(EtsProblem *p, const double *vars, const int trend, const int season, const int error, const bool derivs)
{
	const int	n = p->n;
	const int	m = p->m;
	const int	width = p->width;
	const double alpha = vars[0];
	const double share = trend != ETS_NONE ? vars[p->beta] : 0;
	const double beta = alpha * share;
	const double part = season != ETS_NONE ? vars[p->gamma] : 0;
	const double gamma = (1 - alpha) * part;
	const bool	damped = trend != ETS_NONE && p->phi >= 0;
	const double phi = damped ? vars[p->phi] : 1;
	double		l = vars[p->level];
	double		b = trend != ETS_NONE ? vars[p->slope] : 0;
	double	   *restrict dl = p->dlevel;
	double	   *restrict db = p->dslope;
	double	   *restrict dq = p->dq;
	double	   *restrict df = p->df;
	double		squares = 0;
	double		logs = 0;
	double		product = 1;
	int			factors = 0;
	int			place = 0;

	if (season != ETS_NONE)
	{
		double		sum = 0;

		for (int i = 0; i < m - 1; i++)
		{
			p->season[i] = vars[p->seasons + i];
			sum += p->season[i];
		}
		p->season[m - 1] = season == ETS_ADDITIVE ? -sum : m - sum;
		if (season == ETS_MULTIPLICATIVE)
			for (int i = 0; i < m; i++)
				if (!(p->season[i] > 1e-8))
					return INFINITY;
	}
	if (derivs)
	{
		memset(dl, 0, width * sizeof(double));
		memset(db, 0, width * sizeof(double));
		memset(p->gradient, 0, width * sizeof(double));
		memset(p->dlog, 0, width * sizeof(double));
		memset(p->hessian, 0, (size_t) p->nvars * width * sizeof(double));
		dl[p->level] = 1;
		if (trend != ETS_NONE)
			db[p->slope] = 1;
		if (season != ETS_NONE)
		{
			memset(p->dseason, 0, (size_t) m * width * sizeof(double));
			for (int i = 0; i < m - 1; i++)
			{
				p->dseason[(size_t) i * width + p->seasons + i] = 1;
				p->dseason[(size_t) (m - 1) * width + p->seasons + i] = -1;
			}
		}
	}
	for (int t = 0; t < n; t++)
	{
		const double y = p->y[t];
		const double s = season != ETS_NONE ? p->season[place] : 0;
		double	   *restrict ds = p->dseason + (size_t) place * width;
		const double phib = trend == ETS_NONE ? 0 : trend == ETS_ADDITIVE ? phi * b : damped ? pow(b, phi) : b;
		const double q = trend == ETS_NONE ? l : trend == ETS_ADDITIVE ? l + phib : l * phib;
		const double f = season == ETS_NONE ? q : season == ETS_ADDITIVE ? q + s : q * s;
		const bool	seen = y == y;
		const double inverse_s = season == ETS_MULTIPLICATIVE ? 1 / s : 0;
		const double inverse_q = season == ETS_MULTIPLICATIVE ? 1 / q : 0;
		const double inverse_l = trend == ETS_MULTIPLICATIVE ? 1 / l : 0;
		double		d = 0;
		double		dseason = 0;	/* s' - s by gamma */

		if (season == ETS_MULTIPLICATIVE && !(q > 1 / FAR))
			return INFINITY;
		if (trend == ETS_MULTIPLICATIVE && !(l > 1 / FAR && b > 1e-8))
			return INFINITY;
		if (seen)
		{
			d = (season == ETS_NONE ? y : season == ETS_ADDITIVE ? y - s : y * inverse_s) - q;
			dseason = season == ETS_NONE ? 0 : season == ETS_ADDITIVE ? y - q - s : y * inverse_q - s;
			if (error == ETS_MULTIPLICATIVE)
			{
				const double inverse = 1 / f;
				const double u = y * inverse - 1;

				if (!(f > 1 / FAR && f < FAR))
					return INFINITY;
				squares += u * u;
				product *= f;
				if (++factors == LOG_EVERY)
				{
					logs += log(product);
					product = 1;
					factors = 0;
				}
			}
			else
				squares += (y - f) * (y - f);
		}
		if (derivs)
		{
			/* q, then f */
			if (trend == ETS_NONE)
				memcpy(dq, dl, width * sizeof(double));
			else if (trend == ETS_ADDITIVE)
			{
				for (int j = 0; j < width; j++)
					dq[j] = dl[j] + phi * db[j];
				if (damped)
					dq[p->phi] += b;
			}
			else
			{
				const double by_b = damped ? l * phi * phib / b : l;

				for (int j = 0; j < width; j++)
					dq[j] = phib * dl[j] + by_b * db[j];
				if (damped)
					dq[p->phi] += l * phib * log(b);
			}
			if (seen)
			{
				double	   *restrict row = df;
				const double by_q = season == ETS_MULTIPLICATIVE ? s : 1;
				const double by_s = season == ETS_MULTIPLICATIVE ? q : 1;

				if (season == ETS_NONE)
					memcpy(row, dq, width * sizeof(double));
				else
					for (int j = 0; j < width; j++)
						row[j] = by_q * dq[j] + by_s * ds[j];
				if (error == ETS_MULTIPLICATIVE)
				{
					const double inverse = 1 / f;
					const double u = y * inverse - 1;
					const double by_f = -y * inverse * inverse;

					for (int j = 0; j < width; j++)
					{
						p->dlog[j] += inverse * row[j];
						row[j] *= by_f;
					}
					accumulate(p, row, u);
				}
				else
				{
					for (int j = 0; j < width; j++)
						row[j] = -row[j];
					accumulate(p, row, y - f);
				}
			}

			/* the states: with d = p - q, all that moves them is (dp - dq) and the parameters */
			if (seen)
			{
				const double p_by_s = season == ETS_NONE ? 0 : season == ETS_ADDITIVE ? -1 : -y * inverse_s * inverse_s;
				const double t_by_q = season == ETS_NONE ? 0 : season == ETS_ADDITIVE ? -1 : -y * inverse_q * inverse_q;

				if (trend == ETS_ADDITIVE)
				{
					if (season == ETS_NONE)
						for (int j = 0; j < width; j++)
						{
							db[j] = phi * db[j] - beta * dq[j];
							dl[j] = (1 - alpha) * dq[j];
						}
					else
						for (int j = 0; j < width; j++)
						{
							const double dd = p_by_s * ds[j] - dq[j];

							db[j] = phi * db[j] + beta * dd;
							dl[j] = dq[j] + alpha * dd;
							ds[j] = (1 - gamma) * ds[j] + gamma * t_by_q * dq[j];
						}
					if (damped)
						db[p->phi] += b;
					db[0] += d * share;
					db[p->beta] += d * alpha;
				}
				else if (trend == ETS_NONE)
				{
					if (season == ETS_NONE)
						for (int j = 0; j < width; j++)
							dl[j] = (1 - alpha) * dq[j];
					else
						for (int j = 0; j < width; j++)
						{
							dl[j] = dq[j] + alpha * (p_by_s * ds[j] - dq[j]);
							ds[j] = (1 - gamma) * ds[j] + gamma * t_by_q * dq[j];
						}
				}
				else
				{
					const double by_b = damped ? phi * phib / b : 1;
					const double by_l = -beta * d * inverse_l * inverse_l;

					for (int j = 0; j < width; j++)
					{
						const double sj = season == ETS_NONE ? 0 : ds[j];
						const double dd = p_by_s * sj - dq[j];

						db[j] = by_b * db[j] + beta * inverse_l * dd + by_l * dl[j];
						dl[j] = dq[j] + alpha * dd;
						if (season != ETS_NONE)
							ds[j] = (1 - gamma) * sj + gamma * t_by_q * dq[j];
					}
					if (damped)
						db[p->phi] += phib * log(b);
					db[0] += d * share * inverse_l;
					db[p->beta] += d * alpha * inverse_l;
				}
				dl[0] += d;
				if (season != ETS_NONE)
				{
					ds[0] -= dseason * part;
					ds[p->gamma] += dseason * (1 - alpha);
				}
			}
			else
			{
				memcpy(dl, dq, width * sizeof(double));
				if (trend == ETS_ADDITIVE)
				{
					for (int j = 0; j < width; j++)
						db[j] *= phi;
					if (damped)
						db[p->phi] += b;
				}
				else if (trend == ETS_MULTIPLICATIVE && damped)
				{
					for (int j = 0; j < width; j++)
						db[j] *= phi * phib / b;
					db[p->phi] += phib * log(b);
				}
			}
		}
		if (trend == ETS_ADDITIVE)
			b = phib + beta * d;
		else if (trend == ETS_MULTIPLICATIVE)
			b = phib + beta * d * inverse_l;
		l = q + alpha * d;
		if (season != ETS_NONE)
		{
			p->season[place] = s + gamma * dseason;
			if (season == ETS_MULTIPLICATIVE && !(p->season[place] > 1e-8))
				return INFINITY;
			if (++place == m)
				place = 0;
		}
	}
	logs += log(product);
	p->squares = squares;
	p->mean_log = error == ETS_MULTIPLICATIVE ? logs / p->nvalues : 0;
	if (derivs && error == ETS_MULTIPLICATIVE)
	{
		/* of u exp(mean_log): du + u * mean of df / f */
		for (int j = 0; j < width; j++)
			p->dlog[j] /= p->nvalues;
		for (int i = 0; i < p->nvars; i++)
			for (int j = i; j < p->nvars; j++)
				p->hessian[(size_t) i * width + j] += p->gradient[i] * p->dlog[j] + p->dlog[i] * p->gradient[j] +
					squares * p->dlog[i] * p->dlog[j];
		for (int j = 0; j < p->nvars; j++)
			p->gradient[j] += squares * p->dlog[j];
	}
	/* a perfect fit has no likelihood; let it be a very good one */
	return log(squares + 1e-28 * p->nvalues) + 2 * p->mean_log;
}

#define CASES(trend, season) \
	if (problem->form.error == ETS_ADDITIVE) \
		return derivs ? pass(problem, vars, trend, season, ETS_ADDITIVE, true) : \
			pass(problem, vars, trend, season, ETS_ADDITIVE, false); \
	return derivs ? pass(problem, vars, trend, season, ETS_MULTIPLICATIVE, true) : \
		pass(problem, vars, trend, season, ETS_MULTIPLICATIVE, false);

ECML_CLONES static double
pass_without_season(EtsProblem *problem, const double *vars, bool derivs)
{
	switch (problem->form.trend)
	{
		case ETS_NONE:
			CASES(ETS_NONE, ETS_NONE)
		case ETS_ADDITIVE:
			CASES(ETS_ADDITIVE, ETS_NONE)
		default:
			CASES(ETS_MULTIPLICATIVE, ETS_NONE)
	}
}

ECML_CLONES static double
pass_additive_season(EtsProblem *problem, const double *vars, bool derivs)
{
	switch (problem->form.trend)
	{
		case ETS_NONE:
			CASES(ETS_NONE, ETS_ADDITIVE)
		case ETS_ADDITIVE:
			CASES(ETS_ADDITIVE, ETS_ADDITIVE)
		default:
			CASES(ETS_MULTIPLICATIVE, ETS_ADDITIVE)
	}
}

ECML_CLONES static double
pass_multiplicative_season(EtsProblem *problem, const double *vars, bool derivs)
{
	switch (problem->form.trend)
	{
		case ETS_NONE:
			CASES(ETS_NONE, ETS_MULTIPLICATIVE)
		case ETS_ADDITIVE:
			CASES(ETS_ADDITIVE, ETS_MULTIPLICATIVE)
		default:
			CASES(ETS_MULTIPLICATIVE, ETS_MULTIPLICATIVE)
	}
}

double
ets_pass(EtsProblem *problem, const double *vars, bool derivs)
{
	double		result;

	switch (problem->form.season)
	{
		case ETS_NONE:
			result = pass_without_season(problem, vars, derivs);
			break;
		case ETS_ADDITIVE:
			result = pass_additive_season(problem, vars, derivs);
			break;
		default:
			result = pass_multiplicative_season(problem, vars, derivs);
			break;
	}
	return result == result ? result : INFINITY;
}
