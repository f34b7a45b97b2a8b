/*
 * kmeans_kernels.h - the inner loops of k-means for one instruction set; kmeans_kernels.c includes it once for each
 *
 * Expected: KERNEL(name), the name's form for the set; LANES; VF and VI, vectors of LANES floats and int32; V_LOAD, V_STORE,
 * VI_STORE, V_SET1, V_FMA(a, b, c) = a * b + c, V_MIN, V_MAX, V_CLOSER(d, number, best, index): where d < best, index =
 * number and best = d.
 *
 * The squared distance of a row to a point is summed over the columns in their order, in float, one column after the
 * other, wherever it is computed: which tile a row falls into does not change a bit.
 */

/*
 * Squared distances of two vectors of rows to four points (c0 .. c3): eight chains of additions hide the latency of one.
 * Declares a0 .. a3 for the first vector and b0 .. b3 for the second.
 */
#define DISTANCES_4(x, far, stride, columns, c) \
	VF			a0 = V_SET1(0.0f), a1 = a0, a2 = a0, a3 = a0; \
	VF			b0 = a0, b1 = a0, b2 = a0, b3 = a0; \
	{ \
		const float *c0 = (c); \
		const float *c1 = c0 + (columns); \
		const float *c2 = c1 + (columns); \
		const float *c3 = c2 + (columns); \
		const float *column = (x); \
		for (int j = 0; j < (columns); j++, column += (stride)) \
		{ \
			VF			x0 = V_LOAD(column); \
			VF			x1 = V_LOAD(column + (far)); \
			VF			p, t, u; \
			p = V_SET1(c0[j]); t = x0 - p; u = x1 - p; a0 = V_FMA(t, t, a0); b0 = V_FMA(u, u, b0); \
			p = V_SET1(c1[j]); t = x0 - p; u = x1 - p; a1 = V_FMA(t, t, a1); b1 = V_FMA(u, u, b1); \
			p = V_SET1(c2[j]); t = x0 - p; u = x1 - p; a2 = V_FMA(t, t, a2); b2 = V_FMA(u, u, b2); \
			p = V_SET1(c3[j]); t = x0 - p; u = x1 - p; a3 = V_FMA(t, t, a3); b3 = V_FMA(u, u, b3); \
		} \
	}

#define DISTANCES_1(x, far, stride, columns, c) \
	VF			a0 = V_SET1(0.0f); \
	VF			b0 = a0; \
	{ \
		const float *column = (x); \
		for (int j = 0; j < (columns); j++, column += (stride)) \
		{ \
			VF			p = V_SET1((c)[j]); \
			VF			t = V_LOAD(column) - p; \
			VF			u = V_LOAD(column + (far)) - p; \
			a0 = V_FMA(t, t, a0); \
			b0 = V_FMA(u, u, b0); \
		} \
	}

/* Copy two vectors of rows of each column side by side: columns of a block lie 16 kB apart, on the same cache lines. */
static inline __attribute__((always_inline)) void
KERNEL(pack_tile) (const float *x, size_t far, size_t stride, int columns, float *tile)
{
	for (int j = 0; j < columns; j++, x += stride, tile += 2 * LANES)
	{
		V_STORE(tile, V_LOAD(x));
		V_STORE(tile + LANES, V_LOAD(x + far));
	}
}

static inline __attribute__((always_inline)) void
KERNEL(nearest_rows) (const float *x, size_t stride, int rows, int columns, const float *centroids, int k, float *tile,
					  int32_t *label, float *best, float *second, bool want_second)
{
	bool		pack = columns > PACK_COLUMNS && k > 4;

	for (int i = 0; i < rows; i += 2 * LANES)
	{
		/* a last single vector is worked on twice */
		size_t		far = i + LANES < rows ? LANES : 0;
		const float *at = x + i;
		size_t		at_far = far;
		size_t		at_stride = stride;
		VF			best0 = V_SET1(INFINITY);
		VF			best1 = best0;
		VF			second0 = best0;
		VF			second1 = best0;
		VI			index0 = VI_SET1(0);
		VI			index1 = index0;
		int			c = 0;

		if (pack)
		{
			KERNEL(pack_tile) (at, far, stride, columns, tile);
			at = tile;
			at_far = LANES;
			at_stride = 2 * LANES;
		}
#define MEET(a, b, number) \
		do { \
			if (want_second) \
			{ \
				second0 = V_MIN(second0, V_MAX(best0, a)); \
				second1 = V_MIN(second1, V_MAX(best1, b)); \
			} \
			V_CLOSER(a, number, best0, index0); \
			V_CLOSER(b, number, best1, index1); \
		} while (0)
		for (; c + 4 <= k; c += 4)
		{
			DISTANCES_4(at, at_far, at_stride, columns, centroids + (size_t) c * columns);
			MEET(a0, b0, c);
			MEET(a1, b1, c + 1);
			MEET(a2, b2, c + 2);
			MEET(a3, b3, c + 3);
		}
		for (; c < k; c++)
		{
			DISTANCES_1(at, at_far, at_stride, columns, centroids + (size_t) c * columns);
			MEET(a0, b0, c);
		}
#undef MEET
		VI_STORE(label + i, index0);
		V_STORE(best + i, best0);
		if (want_second)
			V_STORE(second + i, second0);
		if (far)
		{
			VI_STORE(label + i + LANES, index1);
			V_STORE(best + i + LANES, best1);
			if (want_second)
				V_STORE(second + i + LANES, second1);
		}
	}
}

static void
KERNEL(nearest) (const float *x, size_t stride, int rows, int columns, const float *centroids, int k, float *tile,
				 int32_t *label, float *best, float *second)
{
	if (second)
		KERNEL(nearest_rows) (x, stride, rows, columns, centroids, k, tile, label, best, second, true);
	else
		KERNEL(nearest_rows) (x, stride, rows, columns, centroids, k, tile, label, best, second, false);
}

static void
KERNEL(closer) (const float *x, size_t stride, int rows, int columns, const float *point, int points, float *tile,
				const float *closest, float *result, size_t result_stride)
{
	bool		pack = columns > PACK_COLUMNS && points > 4;

	for (int i = 0; i < rows; i += 2 * LANES)
	{
		size_t		far = i + LANES < rows ? LANES : 0;
		const float *at = x + i;
		size_t		at_far = far;
		size_t		at_stride = stride;
		VF			closest0 = V_LOAD(closest + i);
		VF			closest1 = V_LOAD(closest + i + far);
		float	   *out = result + i;
		int			c = 0;

		if (pack)
		{
			KERNEL(pack_tile) (at, far, stride, columns, tile);
			at = tile;
			at_far = LANES;
			at_stride = 2 * LANES;
		}
#define MEET(a, b) \
		do { \
			V_STORE(out, V_MIN(closest0, a)); \
			V_STORE(out + far, V_MIN(closest1, b)); \
			out += result_stride; \
		} while (0)
		for (; c + 4 <= points; c += 4)
		{
			DISTANCES_4(at, at_far, at_stride, columns, point + (size_t) c * columns);
			MEET(a0, b0);
			MEET(a1, b1);
			MEET(a2, b2);
			MEET(a3, b3);
		}
		for (; c < points; c++)
		{
			DISTANCES_1(at, at_far, at_stride, columns, point + (size_t) c * columns);
			MEET(a0, b0);
		}
#undef MEET
	}
}

static double
KERNEL(sum) (const float *v, const double *w, int n)
{
	D4			s0 = {0, 0, 0, 0};
	D4			s1 = s0;
	double		s;
	int			i = 0;

	if (w)
		for (; i + 8 <= n; i += 8)
		{
			s0 += LOAD_D4(w + i) * FLOATS_D4(v + i);
			s1 += LOAD_D4(w + i + 4) * FLOATS_D4(v + i + 4);
		}
	else
		for (; i + 8 <= n; i += 8)
		{
			s0 += FLOATS_D4(v + i);
			s1 += FLOATS_D4(v + i + 4);
		}
	s0 += s1;
	s = (s0[0] + s0[1]) + (s0[2] + s0[3]);
	for (; i < n; i++)
		s += w ? w[i] * v[i] : v[i];
	return s;
}

static void
KERNEL(moments) (const float *v, const double *w, int n, float pivot, double *s1, double *s2)
{
	D4			zero = {0, 0, 0, 0};
	D4			p = zero + (double) pivot;
	D4			a0 = zero;
	D4			a1 = zero;
	D4			b0 = zero;
	D4			b1 = zero;
	int			i = 0;

	for (; i + 8 <= n; i += 8)
	{
		D4			t = FLOATS_D4(v + i) - p;
		D4			u = FLOATS_D4(v + i + 4) - p;
		D4			wt = t;
		D4			wu = u;

		if (w)
		{
			wt *= LOAD_D4(w + i);
			wu *= LOAD_D4(w + i + 4);
		}
		a0 += wt;
		a1 += wu;
		b0 += wt * t;
		b1 += wu * u;
	}
	a0 += a1;
	b0 += b1;
	*s1 += (a0[0] + a0[1]) + (a0[2] + a0[3]);
	*s2 += (b0[0] + b0[1]) + (b0[2] + b0[3]);
	for (; i < n; i++)
	{
		double		t = (double) v[i] - pivot;
		double		wt = w ? w[i] * t : t;

		*s1 += wt;
		*s2 += wt * t;
	}
}

/*
 * Rows of eight columns are added to their centroid as one vector, so eight by eight elements are transposed first.
 * Consecutive rows often have the same label: the copies keep one addition from waiting for the one before.
 */
static inline __attribute__((always_inline)) void
KERNEL(add_columns) (const float *at, size_t stride, int rows, int n, const int32_t *label, const double *w,
					 double *base, size_t pad, size_t copy)
{
	int			i = 0;

#ifdef HAVE_ROWS8
	for (; i + 8 <= rows; i += 8)
	{
		ROW8		row[8];

		ROWS8(at + i, stride, n, row);
#define ADD(r) \
		do { \
			double	   *sum = base + ((r) & 3) * copy + (size_t) label[i + (r)] * pad; \
			ROW8_ADD(sum, row[r], w ? w[i + (r)] : 1.0, w != NULL); \
		} while (0)
		ADD(0);
		ADD(1);
		ADD(2);
		ADD(3);
		ADD(4);
		ADD(5);
		ADD(6);
		ADD(7);
#undef ADD
	}
#endif
	for (; i < rows; i++)
	{
		double	   *sum = base + (i & 3) * copy + (size_t) label[i] * pad;

		for (int j = 0; j < n; j++)
			sum[j] += w ? w[i] * at[(size_t) j * stride + i] : at[(size_t) j * stride + i];
	}
}

static void
KERNEL(add) (const float *x, size_t stride, int rows, int from, int to, const int32_t *label, const double *w,
			 double *sums, size_t pad, size_t copy)
{
	for (int j0 = from; j0 < to; j0 += 8)
	{
		const float *at = x + (size_t) j0 * stride;
		double	   *base = sums + j0;

		/* the common cases without a branch in the loop */
		if (to - j0 >= 8 && w == NULL)
			KERNEL(add_columns) (at, stride, rows, 8, label, NULL, base, pad, copy);
		else if (to - j0 >= 8)
			KERNEL(add_columns) (at, stride, rows, 8, label, w, base, pad, copy);
		else
			KERNEL(add_columns) (at, stride, rows, to - j0, label, w, base, pad, copy);
	}
}

static double
KERNEL(inertia) (const float *x, size_t stride, int rows, int columns, const int32_t *label, const double *w,
				 const double *centroids, size_t pad)
{
	double		total = 0;

	for (int j0 = 0; j0 < columns; j0 += 8)
	{
		const float *at = x + (size_t) j0 * stride;
		int			n = columns - j0 < 8 ? columns - j0 : 8;
		const double *base = centroids + j0;
		int			i = 0;

#ifdef HAVE_ROWS8
		SUM8		s0 = SUM8_ZERO;
		SUM8		s1 = SUM8_ZERO;

		for (; i + 8 <= rows; i += 8)
		{
			ROW8		row[8];

			ROWS8(at + i, stride, n, row);
#define SQUARE(s, r) \
			ROW8_SQUARE(s, row[r], base + (size_t) label[i + (r)] * pad, w ? w[i + (r)] : 1.0, w != NULL)
			SQUARE(s0, 0);
			SQUARE(s1, 1);
			SQUARE(s0, 2);
			SQUARE(s1, 3);
			SQUARE(s0, 4);
			SQUARE(s1, 5);
			SQUARE(s0, 6);
			SQUARE(s1, 7);
#undef SQUARE
		}
		total += SUM8_TOTAL(s0) + SUM8_TOTAL(s1);
#endif
		for (; i < rows; i++)
		{
			const double *c = base + (size_t) label[i] * pad;
			double		s = 0;

			for (int j = 0; j < n; j++)
			{
				double		t = at[(size_t) j * stride + i] - c[j];

				s += t * t;
			}
			total += w ? w[i] * s : s;
		}
	}
	return total;
}

/*
 * Each operation may round by KMEANS_UNIT; the factors carry the bounds past it.  NaN fails the comparison, and so the
 * row is looked at.
 */
static int
KERNEL(filter) (int rows, const int32_t *label, float *upper, float *lower, const float *move, int mover, float most,
				float second, int32_t *list)
{
	int			n = 0;
	int			i = 0;

#ifdef FILTER_16
	for (; i + 16 <= rows; i += 16)
		FILTER_16;
#endif
	for (; i < rows; i++)
	{
		float		u = (upper[i] + move[label[i]]) * (1.0f + 0x1p-22f);
		float		l = (lower[i] - (label[i] == mover ? second : most)) * (1.0f - 0x1p-22f);

		upper[i] = u;
		lower[i] = l;
		list[n] = i;
		n += !(u < l);
	}
	return n;
}

static const KmeansKernels KERNEL(kernels) = {
	.nearest = KERNEL(nearest),
	.closer = KERNEL(closer),
	.add = KERNEL(add),
	.inertia = KERNEL(inertia),
	.sum = KERNEL(sum),
	.moments = KERNEL(moments),
	.filter = KERNEL(filter)
};

#undef DISTANCES_4
#undef DISTANCES_1
