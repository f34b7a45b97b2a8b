/*
 * cross_kernels.h - the loops of cross.c for one instruction set and element; included once for each
 *
 * Expected, and undefined at the end: KERNEL(name), the name's form for them; E, the element; V, a vector of LANES elements;
 * V_LOAD, V_STORE, V_FMA(a, b, c) = a * b + c, V_SUM, a double; TI x TJ, the tile of sums that fits the registers; perhaps
 * V_ADD_SUMS(out, v), out [TJ] += V_SUM of v [TJ], and quicker than one by one.
 *
 * The lanes run along the rows, so nothing is transposed: a step loads ti + TJ vectors for ti TJ products, and only when
 * the chunk ends are lanes added up.
 */

/* one tile; a, b: columns of ECML_CHUNK_ROWS, of which those past na, nb do not matter */
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

/* rows of the result for a [n <= TI] columns, against the first nb of b, which are stride apart */
static void
KERNEL(strip) (const E *const *a, int n, const E *b, size_t stride, int nb, double *out, size_t ldo)
{
	for (int j = 0; j < nb; j += TJ)
	{
		const E *columns[TJ];
		int			m = nb - j < TJ ? nb - j : TJ;

		for (int c = 0; c < TJ; c++)
			columns[c] = b + (size_t) (c < m ? j + c : j) * stride;
		if (n == 1)
			KERNEL(tile_one) (a, columns, out + j, ldo, 1, m);
		else
			KERNEL(tile_full) (a, columns, out + j, ldo, n, m);
	}
}

static __attribute__((unused)) void
KERNEL(dense) (const E *a, int na, const E *b, int nb, double *out, size_t ldo)
{
	for (int i = 0; i < na; i += TI)
	{
		const E *columns[TI];
		int			n = na - i < TI ? na - i : TI;

		for (int c = 0; c < TI; c++)
			columns[c] = a + (size_t) (c < n ? i + c : i) * ECML_CHUNK_STRIDE;
		KERNEL(strip) (columns, n, b, ECML_CHUNK_STRIDE, nb, out + (size_t) i * ldo, ldo);
	}
}

static inline __attribute__((always_inline)) void
KERNEL(scaled) (const E *x, size_t stride, const E *d, E *scratch, int first, int na, int from, int to, double *out, size_t ldo)
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
			const E *column = x + (size_t) (first + i + c) * stride;
			E		   *scaled = scratch + (size_t) c * ECML_CHUNK_STRIDE;

			columns[c] = c < n ? scaled : scratch;
			for (int r = 0; c < n && r < ECML_CHUNK_ROWS; r += LANES)
				V_STORE(scaled + r, V_LOAD(column + r) * V_LOAD(d + r));
		}
		KERNEL(strip) (columns, n, x + (size_t) from * stride, stride, end - from, out + (size_t) i * ldo, ldo);
	}
}

static __attribute__((unused)) void
KERNEL(weighted) (const E *x, const E *d, E *scratch, int first, int na, int from, int to, double *out, size_t ldo)
{
	KERNEL(scaled) (x, ECML_CHUNK_STRIDE, d, scratch, first, na, from, to, out, ldo);
}

static __attribute__((unused)) void
KERNEL(whole) (const E *x, int n, const E *d, E *scratch, double *out, size_t ldo, double *linear)
{
	KERNEL(scaled) (x, ECML_CHUNK_ROWS, d, scratch, 0, n, 0, n, out, ldo);
	KERNEL(strip) (&d, 1, x, ECML_CHUNK_ROWS, n, linear, n);
}

#undef KERNEL
#undef E
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
