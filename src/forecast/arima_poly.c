/*
 * arima_poly.c - polynomials of ARIMA models: kept stationary and invertible, multiplied out, their autocovariances
 *
 * Coefficients come from partial autocorrelations, tanh of free numbers (Barndorff-Nielsen and Schou 1973; Monahan 1984), for
 * each of the four polynomials by itself.  Autocovariances of an ARMA process: those of its AR part by Durbin's recursion
 * taken backwards and forwards, smoothed by the MA part's.  Cost r^2 of the degree.
 */
#include "arima.h"

#include <math.h>
#include <string.h>

#define MOST 8.0				/* of free numbers: tanh within 2e-7 of 1 */

/* coefficients [n] of a stationary AR polynomial from free numbers; times sign */
static void
durbin_up(const double *u, int n, double *coefficients, double sign)
{
	double		old[ARIMA_MAX_ORDER];

	for (int m = 0; m < n; m++)
	{
		double		kappa = tanh(fmin(fmax(u[m], -MOST), MOST));

		memcpy(old, coefficients, m * sizeof(double));
		for (int i = 0; i < m; i++)
			coefficients[i] = old[i] - kappa * old[m - 1 - i];
		coefficients[m] = kappa;
	}
	for (int i = 0; i < n; i++)
		coefficients[i] *= sign;
}

void
arima_to_coefficients(const ArimaOrder *order, const double *u, double *coefficients)
{
	int			at = 0;

	durbin_up(u, order->p, coefficients, 1);
	at += order->p;
	durbin_up(u + at, order->q, coefficients + at, -1);
	at += order->q;
	durbin_up(u + at, order->P, coefficients + at, 1);
	at += order->P;
	durbin_up(u + at, order->Q, coefficients + at, -1);
}

void
arima_expand(const ArimaOrder *order, const double *coefficients, ArimaPoly *poly)
{
	const double *phi = coefficients;
	const double *theta = phi + order->p;
	const double *Phi = theta + order->q;
	const double *Theta = Phi + order->P;

	poly->p = order->p + order->s * order->P;
	poly->q = order->q + order->s * order->Q;
	poly->r = poly->p > poly->q + 1 ? poly->p : poly->q + 1;
	memset(poly->phi, 0, (poly->r + 1) * sizeof(double));
	memset(poly->theta, 0, (poly->r + 1) * sizeof(double));
	/* 1 - sum phi B^i times 1 - sum Phi B^(s j); the element of lag k is at k - 1 */
	for (int j = 0; j <= order->P; j++)
		for (int i = 0; i <= order->p; i++)
			if (i + order->s * j > 0)
				poly->phi[i + order->s * j - 1] += i == 0 ? Phi[j - 1] : j == 0 ? phi[i - 1] : -phi[i - 1] * Phi[j - 1];
	for (int j = 0; j <= order->Q; j++)
		for (int i = 0; i <= order->q; i++)
			if (i + order->s * j > 0)
				poly->theta[i + order->s * j - 1] += i == 0 ? Theta[j - 1] : j == 0 ? theta[i - 1] : theta[i - 1] * Theta[j - 1];
}

/*
 * Covariance of the state with the value, where the process is stationary with innovations of variance 1: first [r].  The
 * state is Harvey's: element i holds what is known of the value i steps on.  false: not stationary.
 */
bool
arima_start_covariance(ArimaWork *w, double *first)
{
	const ArimaPoly *poly = &w->poly;
	int			p = poly->p;
	int			q = poly->q;
	int			r = poly->r;
	int			lags = r + q + 1;
	double	   *gx = w->gamma_x;
	double	   *g = w->gamma;
	double	   *psi = w->psi;
	double		variance = 1;

	while (p > 0 && poly->phi[p - 1] == 0)
		p--;
	/* down: the coefficients of every lower order; row m - 1 has those of order m */
	if (p > 0)
		memcpy(w->steps + (size_t) (p - 1) * w->max_r, poly->phi, p * sizeof(double));
	for (int m = p - 1; m >= 0; m--)
	{
		const double *a = w->steps + (size_t) m * w->max_r;
		double		kappa = a[m];
		double		left = 1 - kappa * kappa;

		if (!(left > 0))
			return false;
		variance /= left;
		if (m > 0)
		{
			double	   *b = w->steps + (size_t) (m - 1) * w->max_r;

			for (int i = 0; i < m; i++)
				b[i] = (a[i] + kappa * a[m - 1 - i]) / left;
		}
	}
	if (!isfinite(variance))
		return false;
	/* up: autocovariances of the AR part */
	gx[0] = variance;
	for (int k = 1; k <= lags; k++)
	{
		int			m = k < p ? k : p;
		const double *a = w->steps + (size_t) (m > 0 ? m - 1 : 0) * w->max_r;
		double		sum = 0;

		/* order k's own equation holds at lag k: with fewer terms than p, those of that order */
		for (int i = 0; i < m; i++)
			sum += a[i] * gx[k - 1 - i];
		gx[k] = sum;
	}
	/* of order m < p, a's equation at lag m holds exactly; above p the process' own.  Then the MA part */
	for (int k = 0; k <= r; k++)
	{
		double		sum = 0;

		for (int l = -q; l <= q; l++)
		{
			int			lag = l < 0 ? -l : l;
			double		c = lag == 0 ? 1 : poly->theta[lag - 1];

			if (k == 0)
			{
				for (int i = 0; i + lag < q; i++)
					c += poly->theta[i] * poly->theta[i + lag];
				psi[lag] = c;	/* kept for the other lags */
			}
			else
				c = psi[lag];
			sum += c * gx[k + l < 0 ? -(k + l) : k + l];
		}
		g[k] = sum;
	}
	psi[0] = 1;
	for (int k = 1; k < r; k++)
	{
		double		sum = k <= q ? poly->theta[k - 1] : 0;

		for (int i = 0; i < p && i < k; i++)
			sum += poly->phi[i] * psi[k - 1 - i];
		psi[k] = sum;
	}
	for (int i = 0; i < r; i++)
	{
		double		sum = 0;

		if (i == 0)
		{
			first[0] = g[0];
			continue;
		}
		for (int j = i; j < p; j++)
			sum += poly->phi[j] * g[j - i + 1];
		for (int j = i; j <= q; j++)
			sum += poly->theta[j - 1] * psi[j - i];
		first[i] = sum;
	}
	return first[0] > 0 && isfinite(first[0]);
}

/* Do all roots of both polynomials lie beyond the radius?  space [2 r] */
bool
arima_roots_clear(const ArimaPoly *poly, double radius, double *space)
{
	for (int side = 0; side < 2; side++)
	{
		int			n = side ? poly->q : poly->p;
		double		power = radius;
		double	   *a = space;
		double	   *b = space + poly->r;

		for (int i = 0; i < n; i++, power *= radius)
			a[i] = (side ? -poly->theta[i] : poly->phi[i]) * power;
		while (n > 0 && fabs(a[n - 1]) <= 1e-8)
			n--;
		for (int m = n - 1; m >= 0; m--)
		{
			double		kappa = a[m];
			double		left = 1 - kappa * kappa;
			double	   *swap = a;

			if (!(left > 0))
				return false;
			for (int i = 0; i < m; i++)
				b[i] = (a[i] + kappa * a[m - 1 - i]) / left;
			a = b;
			b = swap;
		}
	}
	return true;
}
