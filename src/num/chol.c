/*
 * chol.c - Cholesky factorisation, triangular solves and inverse in double-double
 *
 * Row by row (Cholesky-Banachiewicz), so that the inner loop is the product of two contiguous rows.  Backward stable: the
 * factor is that of a matrix within about n 2^-104 of each entry's scale sqrt(a_ii a_jj), which is why normal equations,
 * condition squared, lose nothing here that matters for data of 53 bits.
 *
 * Cost: n^3 / 6 products for the factor, n^3 / 3 for the inverse, some 10 ns each: 1.5 ms for n = 64.  Does not poll.
 */
#include "chol.h"

#include <string.h>

/* *sum -= the product of a and b [n], which lie a_step and b_step elements apart */
ECML_CLONES static void
subtract_product(EcmlDd *sum, const EcmlDd *a, size_t a_step, const EcmlDd *b, size_t b_step, int n)
{
	EcmlDd		even = dd_from(0);
	EcmlDd		odd = dd_from(0);
	int			i = 0;

	/* two chains, because one waits for itself most of the time */
	for (; i + 1 < n; i += 2)
	{
		even = dd_add(even, dd_mul(a[i * a_step], b[i * b_step]));
		odd = dd_add(odd, dd_mul(a[(i + 1) * a_step], b[(i + 1) * b_step]));
	}
	if (i < n)
		even = dd_add(even, dd_mul(a[i * a_step], b[i * b_step]));
	*sum = dd_sub(*sum, dd_add(even, odd));
}

int
ecml_chol_factor(EcmlDd *a, int n, const double *floor, bool *drop)
{
	int			rank = 0;

	for (int i = 0; i < n; i++)
	{
		EcmlDd	   *row = a + (size_t) i * n;

		for (int j = 0; j < i; j++)
		{
			const EcmlDd *other = a + (size_t) j * n;

			if (drop[j])
			{
				row[j] = dd_from(0);
				continue;
			}
			subtract_product(&row[j], row, 1, other, 1, j);
			row[j] = dd_div(row[j], other[j]);
		}
		subtract_product(&row[i], row, 1, row, 1, i);
		/* not "<=": a pivot that is not a number is dropped too */
		drop[i] = !(row[i].hi > floor[i] && row[i].hi > 0);
		if (drop[i])
			row[i] = dd_from(0);
		else
		{
			row[i] = dd_sqrt(row[i]);
			rank++;
		}
	}
	return rank;
}

void
ecml_chol_forward(const EcmlDd *l, int n, const bool *drop, EcmlDd *b)
{
	for (int i = 0; i < n; i++)
	{
		const EcmlDd *row = l + (size_t) i * n;

		if (drop[i])
		{
			b[i] = dd_from(0);
			continue;
		}
		subtract_product(&b[i], row, 1, b, 1, i);
		b[i] = dd_div(b[i], row[i]);
	}
}

void
ecml_chol_backward(const EcmlDd *l, int n, const bool *drop, EcmlDd *b)
{
	for (int i = n - 1; i >= 0; i--)
	{
		const EcmlDd *column = l + (size_t) i * n + i;	/* [n - i], n elements apart */

		if (drop[i])
		{
			b[i] = dd_from(0);
			continue;
		}
		subtract_product(&b[i], column + n, n, b + i + 1, 1, n - i - 1);
		b[i] = dd_div(b[i], column[0]);
	}
}

void
ecml_chol_invert(EcmlDd *l, int n, const bool *drop, EcmlDd *inverse)
{
	const EcmlDd zero = {0, 0};

	/* inverse's row j = column j of M = L^-1, from the diagonal on: so rows of both are contiguous in the products */
	for (int j = 0; j < n; j++)
	{
		EcmlDd	   *column = inverse + (size_t) j * n;

		memset(column, 0, (size_t) n * sizeof(EcmlDd));
		if (drop[j])
			continue;
		column[j] = dd_div(dd_from(1), l[(size_t) j * n + j]);
		for (int i = j + 1; i < n; i++)
		{
			const EcmlDd *row = l + (size_t) i * n;

			if (drop[i])
				continue;
			subtract_product(&column[i], row + j, 1, column + j, 1, i - j);
			column[i] = dd_div(column[i], row[i]);
		}
	}
	/* (L L')^-1 = M' M: the product of columns i and j of M, into l, and then back */
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
		{
			EcmlDd	   *entry = &l[(size_t) i * n + j];

			*entry = zero;
			subtract_product(entry, inverse + (size_t) i * n + i, 1, inverse + (size_t) j * n + i, 1, n - i);
			*entry = dd_neg(*entry);
		}
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
			inverse[(size_t) i * n + j] = inverse[(size_t) j * n + i] = l[(size_t) i * n + j];
}

EcmlDd
ecml_dd_dot(const EcmlDd *a, const EcmlDd *b, int n)
{
	EcmlDd		sum = dd_from(0);

	subtract_product(&sum, a, 1, b, 1, n);
	return dd_neg(sum);
}
