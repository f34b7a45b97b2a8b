/*
 * arima_filter.c - innovations and exact likelihood of a stationary ARMA process
 *
 * The Kalman filter of Harvey's state space form, its gains by the Chandrasekhar recursions (Morf, Sidhu and Kailath 1974; for
 * ARMA processes Pearlman 1980), which follow the change of the covariance, of rank one, in place of the covariance: some r
 * products a step, not r^2.  When that change has died away the gain is phi + theta, and a step costs as many products as there
 * are coefficients that are not 0.  The state moves through memory, so that its shift costs nothing.
 *
 * Regressors, the constant, and a pulse for each missing value (with the likelihood's correction for it: Gomez, Maravall and
 * Pena 1999) go through the same filter as y does, and generalised least squares takes them out: the likelihood is that of the
 * polynomials alone.
 */
#include "arima.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define SETTLED 1e-13			/* what a change of the covariance may still bring */

/* gain becomes that of the next step, change that of the step after; both [r].  change moves: to is one further. */
ECML_CLONES static void
step_gain(double *restrict gain, double *restrict change, const double *phi, int r, double f, double m, double *next_f)
{
	double		w = change[0];
	double		after = f + m * w * w;
	double		keep = f / after;
	double		add = m * w / after;

	/* change[r] is 0: the state's last element has none below */
	for (int i = 0; i < r; i++)
	{
		double		moved = change[i + 1] + phi[i] * w;

		gain[i] = gain[i] * keep + moved * add;
		change[i + 1] = moved - gain[i] * w;
	}
	*next_f = after;
}

ECML_CLONES static void
add_gain(double *restrict state, const double *gain, int r, double v)
{
	for (int i = 0; i < r; i++)
		state[i] += gain[i] * v;
}

/*
 * Innovations, divided by the root of their variance, of columns use [nuse], from w->columns to w->innovation; w->scale those
 * roots.  Gives the sum of log F; NaN: not stationary.
 */
double
arima_filter(ArimaWork *w, int rows, const int *use, int nuse)
{
	const ArimaPoly *poly = &w->poly;
	int			r = poly->r;
	double	   *gain = w->gain;
	double	   *change = w->change;
	double		f;
	double		m;
	double		logs = 0;
	bool		settled = false;
	int			lags[2][(ARIMA_MAX_ORDER + 1) * (ARIMA_MAX_SEASONAL + 1)];
	int			nlags[2] = {0, 0};

	for (int i = 0; i < poly->p; i++)
		if (poly->phi[i] != 0)
			lags[0][nlags[0]++] = i;
	for (int i = 0; i < poly->q; i++)
		if (poly->theta[i] != 0)
			lags[1][nlags[1]++] = i;
	for (int c = 0; c < nuse; c++)
		memset(w->state + (size_t) use[c] * (w->n + w->max_r + 1), 0, (rows + r + 1) * sizeof(double));
	if (nlags[0] + nlags[1] == 0)
	{
		settled = true;
		f = 1;
		m = 0;
	}
	else
	{
		/* gain: as yet the covariance of the state with the value, then moved one step */
		if (!arima_start_covariance(w, gain))
			return NAN;
		f = gain[0];
		for (int i = 0; i < r; i++)
		{
			change[i] = (i + 1 < r ? gain[i + 1] : 0) + poly->phi[i] * f;
		}
		memset(change + r, 0, (rows + 1) * sizeof(double));
		for (int i = 0; i < r; i++)
			gain[i] = change[i] / f;
		m = -1 / f;
	}
	for (int t = 0; t < rows; t++)
	{
		double		root = sqrt(f);

		if (f != 1)
			logs += log(f);
		w->scale[t] = root;
		for (int c = 0; c < nuse; c++)
		{
			double	   *state = w->state + (size_t) use[c] * (w->n + w->max_r + 1) + t;
			double		value = w->columns[(size_t) use[c] * w->n + t];
			double		expected = state[0];
			double		v = value - expected;

			w->innovation[(size_t) use[c] * w->n + t] = v / root;
			if (settled)
			{
				/* gain = phi + theta: phi times the value, theta times the innovation */
				for (int i = 0; i < nlags[0]; i++)
					state[1 + lags[0][i]] += poly->phi[lags[0][i]] * value;
				for (int i = 0; i < nlags[1]; i++)
					state[1 + lags[1][i]] += poly->theta[lags[1][i]] * v;
			}
			else
			{
				if (expected != 0)
					for (int i = 0; i < nlags[0]; i++)
						state[1 + lags[0][i]] += poly->phi[lags[0][i]] * expected;
				if (v != 0)
					add_gain(state + 1, gain, r, v);
			}
		}
		if (!settled)
		{
			double		w1 = change[0];
			double		next;

			step_gain(gain, change, poly->phi, r, f, m, &next);
			m += m * m * w1 * w1 / f;
			f = next;
			change++;
			if (!(f >= 1))
			{
				/* rounding below the variance of the innovations, where it ends */
				if (!(f > 0.999))
					return NAN;
				settled = true;
				f = 1;
			}
			else if (t % 4 == 3)
			{
				double		most = 0;

				for (int i = 0; i < r; i++)
					most = fmax(most, fabs(change[i]));
				settled = -m * most * most < SETTLED && f - 1 < SETTLED;
				if (settled)
					f = 1;
			}
		}
	}
	return logs;
}

/*
 * Log likelihood of the polynomials in w->poly, everything else at its best: coefficients of the columns in w->beta, sigma2.
 * NaN: not defined.
 */
double
arima_profile(ArimaData *data, double *sigma2)
{
	ArimaWork  *w = data->w;
	int			use[ARIMA_MAX_GAPS + 2 + 64] = {0};
	int			nuse = 0;
	int			most = (int) (sizeof(use) / sizeof(use[0]));
	int			effective = data->rows - data->gaps;
	double		logs;
	double		sse;
	double		determinant = 0;

	for (int c = 0; c < data->columns && nuse < most; c++)
		if (c + 1 < data->columns || data->order.constant)
			use[nuse++] = c;
	logs = arima_filter(w, data->rows, use, nuse);
	if (isnan(logs))
		return NAN;
	/* normal equations of the columns after y; Cholesky in place: row c has L, the last (y's) has L^-1 X'y */
	for (int a = 1; a <= nuse; a++)
	{
		const double *x = w->innovation + (size_t) use[a < nuse ? a : 0] * w->n;
		double	   *row = w->gram + (size_t) (a - 1) * w->max_columns;

		for (int b = 1; b <= a; b++)
		{
			const double *z = w->innovation + (size_t) use[b < nuse ? b : 0] * w->n;
			const double *other = w->gram + (size_t) (b - 1) * w->max_columns;
			double		sum = 0;
			double		whole;

			for (int t = 0; t < data->rows; t++)
				sum += x[t] * z[t];
			whole = sum;
			for (int k = 0; k < b - 1; k++)
				sum -= row[k] * other[k];
			if (b < a)
				row[b - 1] = other[b - 1] > 0 ? sum / other[b - 1] : 0;
			else if (a == nuse)
				row[b - 1] = fmax(sum, 1e-14 * whole);
			else
			{
				/* a column that the others make up gets no coefficient */
				row[b - 1] = sum > 1e-10 * whole ? sqrt(sum) : 0;
				if (a <= data->gaps)
				{
					if (row[b - 1] == 0)
						return NAN;
					determinant += log(row[b - 1]);
				}
			}
		}
	}
	sse = w->gram[(size_t) (nuse - 1) * w->max_columns + nuse - 1];
	for (int a = nuse - 1; a >= 1; a--)
	{
		double		pivot = w->gram[(size_t) (a - 1) * w->max_columns + a - 1];
		double		sum = w->gram[(size_t) (nuse - 1) * w->max_columns + a - 1];

		for (int b = a + 1; b < nuse; b++)
			sum -= w->gram[(size_t) (b - 1) * w->max_columns + a - 1] * w->beta[use[b] - 1];
		w->beta[use[a] - 1] = pivot > 0 ? sum / pivot : 0;
	}
	if (!data->order.constant)
		w->beta[data->columns - 2] = 0;
	if (effective < 1)
		return NAN;
	*sigma2 = sse / effective;
	if (!(*sigma2 > 0))
		*sigma2 = DBL_MIN;
	return -0.5 * (effective * (log(2 * M_PI * *sigma2) + 1) + logs) - determinant;
}
