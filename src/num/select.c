/*
 * select.c - selection by Floyd and Rivest (1975, "Algorithm 489: SELECT")
 *
 * Partitions as quicksort does and goes on in the part that holds the kth.  The pivot of a long range is itself selected from
 * a sample of about n^(2/3), so placed that the kth probably lies close beside it: n + min(k, n - k) comparisons on average.
 * Needs no memory and calls nothing of the ctx, so that tasks may use it.
 */
#include "select.h"

#include <math.h>

#define LONG 600				/* from this length on a sample pays */

static inline void
swap(double *a, double *b)
{
	double		t = *a;

	*a = *b;
	*b = t;
}

/* Places the kth of v[left .. right]. */
static void
place(double *v, ptrdiff_t left, ptrdiff_t right, ptrdiff_t k)
{
	while (right > left)
	{
		double		pivot;
		ptrdiff_t	i = left;
		ptrdiff_t	j = right;

		if (right - left > LONG)
		{
			double		n = (double) (right - left + 1);
			double		at = (double) (k - left + 1);
			double		z = log(n);
			double		s = 0.5 * exp(2 * z / 3);
			double		sd = 0.5 * sqrt(z * s * (n - s) / n) * (at < n / 2 ? -1 : 1);
			ptrdiff_t	low = (ptrdiff_t) ((double) k - at * s / n + sd);
			ptrdiff_t	high = (ptrdiff_t) ((double) k + (n - at) * s / n + sd);

			place(v, low > left ? low : left, high < right ? high : right, k);
		}
		pivot = v[k];
		swap(&v[left], &v[k]);
		if (v[right] > pivot)
			swap(&v[right], &v[left]);
		while (i < j)
		{
			swap(&v[i], &v[j]);
			i++;
			j--;
			while (v[i] < pivot)
				i++;
			while (v[j] > pivot)
				j--;
		}
		if (v[left] == pivot)
			swap(&v[left], &v[j]);
		else
		{
			j++;
			swap(&v[j], &v[right]);
		}
		if (j <= k)
			left = j + 1;
		if (k <= j)
			right = j - 1;
	}
}

double
ecml_select_f8(double *v, size_t n, size_t k)
{
	place(v, 0, (ptrdiff_t) n - 1, (ptrdiff_t) k);
	return v[k];
}

double
ecml_median_f8(double *v, size_t n)
{
	double		high = ecml_select_f8(v, n, n / 2);
	double		low;

	if (n % 2 == 1)
		return high;
	low = v[0];
	for (size_t i = 1; i < n / 2; i++)
		low = v[i] > low ? v[i] : low;
	return low + (high - low) / 2;
}
