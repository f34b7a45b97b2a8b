/*
 * mahalanobis_pass.c - moments, distances and selection over all rows of a cloud
 *
 * Moments: rows kept are packed into chunks, whose products num/cross.h sums. Blocks go to slots by their number, each slot sums
 * its own in order, and slots are added in order: the same bits at any thread count, however many blocks come at once.  Of many
 * columns the matrix is cut into panels, so that a task stays short.
 *
 * Distances: |W (x - mean)|^2 for tiles of rows, vectors across rows.
 *
 * Cost, rows times columns squared: half a multiplication each for moments and triangular distances.
 */
#include "anomaly/mahalanobis_internal.h"

#include <math.h>
#include <string.h>

#include "num/cross.h"
#include "num/select.h"
#include "num/sort.h"

#define PANEL 64				/* rows of the matrix a task sums, of wide ones */
#define SLOT_BYTES ((size_t) 64 << 20)
#define SLOTS 16
#define TILE 128				/* rows */
#define TILE_WIDE 32			/* of more columns than WIDE */
#define WIDE 256

typedef struct MdWorker
{
	double	   *chunk;			/* [p + 1][ECML_CHUNK_STRIDE], the constant first */
	double	   *d;				/* [ECML_CHUNK_STRIDE] weights */
	double	   *scratch;
	double	   *tile;			/* [p][tile rows] */
} MdWorker;

typedef struct MdScratch
{
	int			workers;
	MdWorker   *worker;
	int			slots;
	double	   *slot;			/* [slots][p + 1][p + 1] */
	const EcmlCross *cross;
	EcmlBlock  *blocks;			/* [ECML_FETCH] */
} MdScratch;

typedef struct Pass
{
	MdCloud    *cloud;
	size_t		got;			/* blocks at hand, */
	size_t		first;			/* from this number on */
	bool		all;			/* keep is not looked at */
	const double *mean;
	const double *inverse;
	bool		triangular;
	int			panels;
} Pass;

static int
tile_rows(int p)
{
	return p > WIDE ? TILE_WIDE : TILE;
}

MdCloud *
md_cloud_create(EcmlCtx *ctx, EcmlData *data, int p, const int *columns, const double *center, const double *unit)
{
	MdCloud    *cloud = ECML_NEW0(ctx, MdCloud, 1);
	MdScratch  *scratch = ECML_NEW0(ctx, MdScratch, 1);
	size_t		size = ((size_t) p + 1) * (p + 1);

	cloud->ctx = ctx;
	cloud->data = data;
	cloud->p = p;
	cloud->columns = columns;
	cloud->center = center;
	cloud->unit = unit;
	cloud->n = data->rows;
	cloud->distance = ECML_NEW(ctx, double, cloud->n);
	cloud->spare = ECML_NEW(ctx, double, cloud->n * (data->has_w ? 2 : 1));
	cloud->keep = ECML_NEW(ctx, uint8_t, cloud->n);
	cloud->w = data->has_w ? ECML_NEW(ctx, double, cloud->n) : NULL;
	cloud->total = (double) cloud->n;
	cloud->scratch = scratch;
	scratch->slots = (int) (SLOT_BYTES / (size * sizeof(double)));
	scratch->slots = scratch->slots > SLOTS ? SLOTS : scratch->slots < 1 ? 1 : scratch->slots;
	scratch->slot = ECML_NEW(ctx, double, scratch->slots * size);
	scratch->cross = ecml_cross();
	scratch->blocks = ECML_NEW(ctx, EcmlBlock, ECML_FETCH);
	scratch->workers = ecml_workers(ctx, SIZE_MAX);
	scratch->worker = ECML_NEW0(ctx, MdWorker, scratch->workers);
	for (int i = 0; i < scratch->workers; i++)
	{
		MdWorker   *worker = &scratch->worker[i];

		worker->chunk = ECML_NEW0(ctx, double, ((size_t) p + 1) * ECML_CHUNK_STRIDE);
		worker->d = ECML_NEW0(ctx, double, ECML_CHUNK_STRIDE);
		worker->scratch = ECML_NEW0(ctx, double, ECML_CROSS_SCRATCH);
		worker->tile = ECML_NEW0(ctx, double, (size_t) p * TILE);
	}
	if (cloud->w)
	{
		cloud->total = 0;
		for (size_t b = 0, got; b < data->nblocks; b += got)
		{
			got = ecml_data_fetch(ctx, data, b, scratch->blocks, ECML_FETCH);
			for (size_t k = 0; k < got; k++)
			{
				const EcmlBlock *block = &scratch->blocks[k];

				for (int i = 0; i < block->rows; i++)
				{
					cloud->w[block->first + i] = block->w[i];
					cloud->total += block->w[i];
				}
			}
		}
	}
	return cloud;
}

void
md_cloud_free(MdCloud *cloud)
{
	EcmlCtx    *ctx = cloud->ctx;
	MdScratch  *scratch = cloud->scratch;

	for (int i = 0; i < scratch->workers; i++)
	{
		ecml_free(ctx, scratch->worker[i].chunk);
		ecml_free(ctx, scratch->worker[i].d);
		ecml_free(ctx, scratch->worker[i].scratch);
		ecml_free(ctx, scratch->worker[i].tile);
	}
	ecml_free(ctx, scratch->worker);
	ecml_free(ctx, scratch->slot);
	ecml_free(ctx, scratch->blocks);
	ecml_free(ctx, scratch);
	ecml_free(ctx, cloud->distance);
	ecml_free(ctx, cloud->spare);
	ecml_free(ctx, cloud->keep);
	ecml_free(ctx, cloud->w);
	ecml_free(ctx, cloud);
}

MdEstimate *
md_estimate_create(EcmlCtx *ctx, int p)
{
	MdEstimate *e = ECML_NEW0(ctx, MdEstimate, 1);

	e->mean = ECML_NEW0(ctx, double, p);
	e->s = ECML_NEW0(ctx, double, (size_t) p * p);
	e->inverse = ECML_NEW0(ctx, double, (size_t) p * p);
	return e;
}

void
md_estimate_free(EcmlCtx *ctx, MdEstimate *e)
{
	ecml_free(ctx, e->mean);
	ecml_free(ctx, e->s);
	ecml_free(ctx, e->inverse);
	ecml_free(ctx, e);
}

void
md_estimate_copy(MdEstimate *to, const MdEstimate *from, int p)
{
	memcpy(to->mean, from->mean, p * sizeof(double));
	memcpy(to->s, from->s, (size_t) p * p * sizeof(double));
	memcpy(to->inverse, from->inverse, (size_t) p * p * sizeof(double));
	to->log_det = from->log_det;
}

/* ---- moments ---- */

/* From row `from` of the block on, up to a chunk of rows that are kept, of the first columns; gives the row to go on from. */
static int
pack(const Pass *pass, const EcmlBlock *block, int from, int columns, MdWorker *worker)
{
	const MdCloud *cloud = pass->cloud;
	const uint8_t *keep = cloud->keep + block->first;
	int			rows[ECML_CHUNK_ROWS];
	int			n = 0;

	for (; from < block->rows && n < ECML_CHUNK_ROWS; from++)
	{
		rows[n] = from;
		n += pass->all || keep[from];
	}
	for (int i = 0; i < n; i++)
	{
		worker->chunk[i] = 1;
		worker->d[i] = block->w ? block->w[rows[i]] : 1;
	}
	for (int j = 0; j < columns; j++)
	{
		int			c = cloud->columns[j];
		const double *x = ECML_BLOCK_F8(block, c);
		double	   *column = worker->chunk + (size_t) (j + 1) * ECML_CHUNK_STRIDE;
		double		center = cloud->center[c];
		double		unit = cloud->unit[c];

		for (int i = 0; i < n; i++)
			column[i] = (x[rows[i]] - center) * unit;
		memset(column + n, 0, (ECML_CHUNK_ROWS - n) * sizeof(double));
	}
	memset(worker->chunk + n, 0, (ECML_CHUNK_ROWS - n) * sizeof(double));
	memset(worker->d + n, 0, (ECML_CHUNK_ROWS - n) * sizeof(double));
	return from;
}

/* task: a panel of a slot, over the slot's blocks among those at hand */
static void
moments_task(void *arg, size_t number, int worker_number)
{
	const Pass *pass = arg;
	MdScratch  *scratch = pass->cloud->scratch;
	MdWorker   *worker = &scratch->worker[worker_number];
	int			size = pass->cloud->p + 1;
	int			slot = (int) (number / pass->panels);
	int			panel = (int) (number % pass->panels);
	int			first = pass->panels == 1 ? 0 : panel * PANEL;
	int			end = pass->panels == 1 || first + PANEL > size ? size : first + PANEL;
	double	   *out = scratch->slot + (size_t) slot * size * size + (size_t) first * size;

	for (size_t k = 0; k < pass->got; k++)
	{
		const EcmlBlock *block = &scratch->blocks[k];

		if ((int) ((pass->first + k) % scratch->slots) != slot)
			continue;
		for (int from = 0; from < block->rows;)
		{
			from = pack(pass, block, from, end - 1, worker);
			scratch->cross->weighted(worker->chunk, worker->d, worker->scratch, first, end - first, 0, size, out, size);
		}
	}
}

double
md_moments(MdCloud *cloud, bool all, MdEstimate *e)
{
	EcmlCtx    *ctx = cloud->ctx;
	MdScratch  *scratch = cloud->scratch;
	int			p = cloud->p;
	int			size = p + 1;
	Pass		pass = {.cloud = cloud,.all = all,.panels = size > 2 * PANEL ? (size + PANEL - 1) / PANEL : 1};
	double		total;

	memset(scratch->slot, 0, (size_t) scratch->slots * size * size * sizeof(double));
	for (size_t b = 0; b < cloud->data->nblocks; b += pass.got)
	{
		size_t		slots;

		pass.first = b;
		pass.got = ecml_data_fetch(ctx, cloud->data, b, scratch->blocks, ECML_FETCH);
		slots = cloud->data->nblocks < (size_t) scratch->slots ? cloud->data->nblocks : (size_t) scratch->slots;
		ecml_parallel_for(ctx, slots * pass.panels, moments_task, &pass);
	}
	for (int slot = 1; slot < scratch->slots; slot++)
		for (size_t i = 0; i < (size_t) size * size; i++)
			scratch->slot[i] += scratch->slot[(size_t) slot * size * size + i];
	total = scratch->slot[0];
	/* row i of the sums has columns 0 .. i; column 0 is the constant */
	for (int i = 0; i < p; i++)
		e->mean[i] = scratch->slot[(size_t) (i + 1) * size] / total;
	for (int i = 0; i < p; i++)
		for (int j = 0; j <= i; j++)
			e->s[(size_t) i * p + j] = e->s[(size_t) j * p + i] =
				scratch->slot[(size_t) (i + 1) * size + j + 1] / total - e->mean[i] * e->mean[j];
	return total;
}

bool
md_factor(EcmlCtx *ctx, MdEstimate *e, int p, bool *bad)
{
	double	   *l = e->inverse;
	bool		regular = true;

	/* L, row by row; then its inverse in place, from the last column on */
	e->log_det = 0;
	for (int i = 0; i < p; i++)
	{
		double	   *row = l + (size_t) i * p;
		double		pivot = e->s[(size_t) i * p + i];

		if (i % 32 == 31)
			ecml_poll(ctx, 0, 0);
		for (int j = 0; j < i; j++)
		{
			const double *other = l + (size_t) j * p;
			double		sum = e->s[(size_t) i * p + j];

#pragma omp simd reduction(-:sum)
			for (int k = 0; k < j; k++)
				sum -= row[k] * other[k];
			row[j] = other[j] > 0 ? sum / other[j] : 0;
			pivot -= row[j] * row[j];
		}
		if (bad)
			bad[i] = !(pivot > MD_SINGULAR);
		if (!(pivot > MD_SINGULAR))
		{
			regular = false;
			row[i] = 0;
			if (bad == NULL)
				return false;
			continue;
		}
		row[i] = sqrt(pivot);
		e->log_det += log(pivot);
	}
	if (!regular)
		return false;
	for (int i = 0; i < p; i++)
	{
		double	   *row = l + (size_t) i * p;
		double		diagonal = row[i];

		if (i % 32 == 31)
			ecml_poll(ctx, 0, 0);
		/* row i of L^-1 is -(1 / l_ii) times the sum over k < i of l_ik times row k, which is there already */
		for (int k = 0; k < i; k++)
		{
			const double *other = l + (size_t) k * p;
			double		f = -row[k] / diagonal;

			row[k] = 0;
#pragma omp simd
			for (int j = 0; j <= k; j++)
				row[j] += f * other[j];
		}
		row[i] = 1 / diagonal;
	}
	return true;
}

/* ---- distances ---- */

/* d [m] = |W z|^2 of the tile z [p][tile]. */
ECML_CLONES static void
tile_distances(const double *restrict z, int tile, int m, int p, const double *restrict w, bool triangular,
			   double *restrict d)
{
	double		sum[TILE];

	for (int i = 0; i < m; i++)
		d[i] = 0;
	for (int r = 0; r < p; r++)
	{
		const double *row = w + (size_t) r * p;
		int			end = triangular ? r + 1 : p;
		int			j = 0;

		for (int i = 0; i < m; i++)
			sum[i] = 0;
		for (; j + 4 <= end; j += 4)
		{
			const double *restrict a = z + (size_t) j * tile;
			double		w0 = row[j];
			double		w1 = row[j + 1];
			double		w2 = row[j + 2];
			double		w3 = row[j + 3];

#pragma omp simd
			for (int i = 0; i < m; i++)
				sum[i] += w0 * a[i] + w1 * a[tile + i] + w2 * a[2 * tile + i] + w3 * a[3 * tile + i];
		}
		for (; j < end; j++)
		{
			const double *restrict a = z + (size_t) j * tile;

#pragma omp simd
			for (int i = 0; i < m; i++)
				sum[i] += row[j] * a[i];
		}
#pragma omp simd
		for (int i = 0; i < m; i++)
			d[i] += sum[i] * sum[i];
	}
}

/* task: a block; of wide rows a tile of one */
static void
distances_task(void *arg, size_t number, int worker_number)
{
	const Pass *pass = arg;
	const MdCloud *cloud = pass->cloud;
	const MdScratch *scratch = cloud->scratch;
	double	   *z = scratch->worker[worker_number].tile;
	int			tile = tile_rows(cloud->p);
	int			pieces = pass->panels;
	const EcmlBlock *block = &scratch->blocks[number / pieces];
	int			share = ECML_BLOCK_ROWS / pieces;
	int			from = (int) (number % pieces) * share;
	int			to = from + share < block->rows ? from + share : block->rows;

	for (int first = from; first < to; first += tile)
	{
		int			m = to - first < tile ? to - first : tile;

		for (int j = 0; j < cloud->p; j++)
		{
			int			c = cloud->columns[j];
			const double *x = ECML_BLOCK_F8(block, c) + first;
			double	   *column = z + (size_t) j * tile;
			double		center = cloud->center[c];
			double		unit = cloud->unit[c];
			double		mean = pass->mean[j];

			for (int i = 0; i < m; i++)
				column[i] = (x[i] - center) * unit - mean;
		}
		tile_distances(z, tile, m, cloud->p, pass->inverse, pass->triangular, cloud->distance + block->first + first);
	}
}

void
md_distances(MdCloud *cloud, const double *mean, const double *inverse, bool triangular)
{
	Pass		pass = {.cloud = cloud,.mean = mean,.inverse = inverse,.triangular = triangular};

	/* pieces of a block */
	pass.panels = cloud->p > WIDE ? ECML_BLOCK_ROWS / TILE_WIDE : cloud->p > 32 ? 8 : 1;
	for (size_t b = 0; b < cloud->data->nblocks; b += pass.got)
	{
		pass.first = b;
		pass.got = ecml_data_fetch(cloud->ctx, cloud->data, b, cloud->scratch->blocks, ECML_FETCH);
		ecml_parallel_for(cloud->ctx, pass.got * pass.panels, distances_task, &pass);
	}
}

/* ---- selection ---- */

/* The distance at which weights, from the nearest row on, reach h; spare is used. */
static double
distance_at(MdCloud *cloud, double h)
{
	double		sum = 0;

	if (cloud->w == NULL)
	{
		size_t		k = h < 1 ? 0 : (size_t) ceil(h) - 1;

		memcpy(cloud->spare, cloud->distance, cloud->n * sizeof(double));
		return ecml_select_f8(cloud->spare, cloud->n, k < cloud->n ? k : cloud->n - 1);
	}
	for (size_t i = 0; i < cloud->n; i++)
	{
		cloud->spare[2 * i] = cloud->distance[i];
		cloud->spare[2 * i + 1] = cloud->w[i];
	}
	ecml_sort_f8_pairs(cloud->ctx, cloud->spare, cloud->n);
	for (size_t i = 0; i < cloud->n; i++)
	{
		sum += cloud->spare[2 * i + 1];
		if (sum >= h * (1 - 1e-12))
			return cloud->spare[2 * i];
	}
	return cloud->spare[2 * cloud->n - 2];
}

double
md_keep_nearest(MdCloud *cloud, double h)
{
	double		cut = distance_at(cloud, h);
	double		sum = 0;

	ecml_poll(cloud->ctx, 0, 0);
	for (size_t i = 0; i < cloud->n; i++)
	{
		cloud->keep[i] = cloud->distance[i] < cut;
		if (cloud->keep[i])
			sum += cloud->w ? cloud->w[i] : 1;
	}
	for (size_t i = 0; i < cloud->n && sum < h * (1 - 1e-12); i++)
		if (cloud->distance[i] == cut)
		{
			cloud->keep[i] = 1;
			sum += cloud->w ? cloud->w[i] : 1;
		}
	return cut;
}

void
md_keep_below(MdCloud *cloud, double cut)
{
	for (size_t i = 0; i < cloud->n; i++)
		cloud->keep[i] = cloud->distance[i] < cut;
}

double
md_quantile(MdCloud *cloud, double share)
{
	return distance_at(cloud, share * cloud->total);
}
