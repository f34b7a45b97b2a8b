/*
 * cross_kernels.h - the loops of cross.c for one instruction set and element; included once for each
 *
 * Expected, and undefined at the end: KERNEL(name), the name's form for them; E, the element, STRIDE, of its columns; V, a
 * vector of LANES elements; V_LOAD, V_STORE, V_FMA(a, b, c) = a * b + c, V_SUM, a double; TI x TJ, the tile of sums that fits
 * the registers; perhaps V_ADD_SUMS(out, v), out [TJ] += V_SUM of v [TJ], and quicker than one by one.
 *
 * The lanes run along the rows, so nothing is transposed: a step loads ti + TJ vectors for ti TJ products, and only when
 * the chunk ends are lanes added up.
 */

/* one tile; columns past na, nb are those of zeros */
static inline __attribute__((always_inline)) void
KERNEL(tile) (int ti, const E *const *a, const E *const *b, double *out, size_t ldo, int na, int nb)
{
	V			sum[TI][TJ];

#pragma GCC unroll 8
	for (int i = 0; i < ti; i++)
#pragma GCC unroll 8
		for (int j = 0; j < TJ; j++)
			sum[i][j] = V_ZERO;
	for (int r = 0; r < ECML_CHUNK_ROWS; r += LANES)
	{
		V			row[TJ];

#pragma GCC unroll 8
		for (int j = 0; j < TJ; j++)
			row[j] = V_LOAD(b[j] + r);
#pragma GCC unroll 8
		for (int i = 0; i < ti; i++)
		{
			V			left = V_LOAD(a[i] + r);

#pragma GCC unroll 8
			for (int j = 0; j < TJ; j++)
				sum[i][j] = V_FMA(left, row[j], sum[i][j]);
		}
	}
#ifdef V_ADD_SUMS
	if (nb == TJ)
	{
#pragma GCC unroll 8
		for (int i = 0; i < ti; i++)
			if (i < na)
				V_ADD_SUMS(out + (size_t) i * ldo, sum[i]);
		return;
	}
#endif
#pragma GCC unroll 8
	for (int i = 0; i < ti; i++)
#pragma GCC unroll 8
		for (int j = 0; j < TJ; j++)
			if (i < na && j < nb)
				out[(size_t) i * ldo + j] += V_SUM(sum[i][j]);
}

static void
KERNEL(tile_one) (const E *const *a, const E *const *b, double *out, size_t ldo, int na, int nb)
{
	KERNEL(tile) (1, a, b, out, ldo, na, nb);
}

static void
KERNEL(tile_full) (const E *const *a, const E *const *b, double *out, size_t ldo, int na, int nb)
{
	KERNEL(tile) (TI, a, b, out, ldo, na, nb);
}

/* rows of the result for a [n <= TI] columns, against the first nb of b */
static void
KERNEL(strip) (const E *const *a, int n, const E *b, int nb, const E *zero, double *out, size_t ldo)
{
	for (int j = 0; j < nb; j += TJ)
	{
		const E *columns[TJ];
		int			m = nb - j < TJ ? nb - j : TJ;

		for (int c = 0; c < TJ; c++)
			columns[c] = c < m ? b + (size_t) (j + c) * STRIDE : zero;
		if (n == 1)
			KERNEL(tile_one) (a, columns, out + j, ldo, 1, m);
		else
			KERNEL(tile_full) (a, columns, out + j, ldo, n, m);
	}
}

static __attribute__((unused)) void
KERNEL(dense) (const E *a, int na, const E *b, int nb, const E *zero, double *out, size_t ldo)
{
	for (int i = 0; i < na; i += TI)
	{
		const E *columns[TI];
		int			n = na - i < TI ? na - i : TI;

		for (int c = 0; c < TI; c++)
			columns[c] = c < n ? a + (size_t) (i + c) * STRIDE : zero;
		KERNEL(strip) (columns, n, b, nb, zero, out + (size_t) i * ldo, ldo);
	}
}

static void
KERNEL(weighted) (const E *x, const E *d, const E *zero, E *scratch, int first, int na, int from, int to,
				  double *out, size_t ldo)
{
	for (int i = 0; i < na; i += TI)
	{
		const E *columns[TI];
		int			n = na - i < TI ? na - i : TI;
		int			end = first + i + n < to ? first + i + n : to;

		if (end <= from)
			continue;
		for (int c = 0; c < TI; c++)
		{
			const E *column = x + (size_t) (first + i + c) * STRIDE;
			E		   *scaled = scratch + (size_t) c * STRIDE;

			columns[c] = c < n ? scaled : zero;
			if (c < n)
				for (int r = 0; r < ECML_CHUNK_ROWS; r += LANES)
					V_STORE(scaled + r, V_LOAD(column + r) * V_LOAD(d + r));
		}
		KERNEL(strip) (columns, n, x + (size_t) from * STRIDE, end - from, zero, out + (size_t) i * ldo, ldo);
	}
}

#undef KERNEL
#undef E
#undef STRIDE
#undef LANES
#undef TI
#undef TJ
#undef V
#undef V_ZERO
#undef V_LOAD
#undef V_STORE
#undef V_FMA
#undef V_SUM
#undef V_ADD_SUMS
