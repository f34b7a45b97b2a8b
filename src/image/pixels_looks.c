/*
 * pixels_looks.c - what a picture looks like in few numbers: a perceptual hash, and its main colours
 *
 * Hash: the 8 x 8 lowest frequencies of the cosine transform of the picture in 32 x 32 grey pixels; a bit for each, set when
 * it is above the median of all (Zauner 2010, pHash).  Sizes, formats and qualities change few bits; of unrelated pictures
 * half of them differ.  Bits from the most significant one on: by rows of vertical frequency, as Python's imagehash has them.
 *
 * Colours: a histogram of 32 x 32 x 32 bins that know the mean of their pixels; boxes of bins are cut where the squared error
 * shrinks most (Wu 1991 does so along each axis), then a few rounds of k-means over the bins.
 */
#include "image/pixels.h"

#include <math.h>
#include <string.h>

#define HASH_SIDE 32
#define HASH_BITS 8				/* a side */

uint64_t
pixels_hash(EcmlCtx *ctx, const EcmlPixels *pixels)
{
	EcmlPixels *small;
	double		basis[HASH_BITS][HASH_SIDE];
	double		rows[HASH_SIDE][HASH_BITS];
	double		low[HASH_BITS * HASH_BITS];
	double		sorted[HASH_BITS * HASH_BITS];
	double		median;
	uint64_t	hash = 0;
	int			n = HASH_BITS * HASH_BITS;
	EcmlPixels	grey = *pixels;

	if (pixels->channels == 3)
	{
		size_t		count = (size_t) pixels->width * pixels->height;

		grey.channels = 1;
		grey.data = ECML_NEW(ctx, uint8_t, count);
		for (size_t i = 0; i < count; i++)
			grey.data[i] = (uint8_t) ((pixels->data[3 * i] * 19595 + pixels->data[3 * i + 1] * 38470 +
									   pixels->data[3 * i + 2] * 7471 + 0x8000) >> 16);
	}
	small = pixels_resize(ctx, &grey, NULL, HASH_SIDE, HASH_SIDE, PIXELS_LANCZOS);
	for (int k = 0; k < HASH_BITS; k++)
		for (int x = 0; x < HASH_SIDE; x++)
			basis[k][x] = cos(M_PI * k * (2 * x + 1) / (2.0 * HASH_SIDE));
	for (int y = 0; y < HASH_SIDE; y++)
		for (int k = 0; k < HASH_BITS; k++)
		{
			double		sum = 0;

			for (int x = 0; x < HASH_SIDE; x++)
				sum += basis[k][x] * small->data[y * HASH_SIDE + x];
			rows[y][k] = sum;
		}
	for (int j = 0; j < HASH_BITS; j++)
		for (int k = 0; k < HASH_BITS; k++)
		{
			double		sum = 0;
			int			at = j * HASH_BITS + k;
			int			i = at;

			for (int y = 0; y < HASH_SIDE; y++)
				sum += basis[j][y] * rows[y][k];
			/* what only rounding left of a frequency that is not there is 0 */
			low[at] = fabs(sum) < 1e-6 ? 0 : sum;
			for (; i > 0 && sorted[i - 1] > low[at]; i--)
				sorted[i] = sorted[i - 1];
			sorted[i] = low[at];
		}
	median = 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
	for (int i = 0; i < n; i++)
		hash = hash << 1 | (low[i] > median);
	ecml_free(ctx, small->data);
	ecml_free(ctx, small);
	if (grey.data != pixels->data)
		ecml_free(ctx, grey.data);
	return hash;
}

/* ---- colours */

#define BINS (1 << 15)
#define SAMPLE_SIDE 256
#define ROUNDS 8

typedef struct Bin
{
	double		n;
	double		mean[3];
} Bin;

typedef struct Box
{
	int			first;			/* of bins */
	int			n;
	double		gain;			/* of squared error, by its best cut */
	int			axis;
	double		cut;			/* means up to it go to the first part */
} Box;

static int
collect_bins(const EcmlPixels *pixels, Bin *all)
{
	size_t		count = (size_t) pixels->width * pixels->height;
	int			n = 0;

	memset(all, 0, BINS * sizeof(Bin));
	for (size_t i = 0; i < count; i++)
	{
		const uint8_t *p = pixels->data + i * pixels->channels;
		int			c[3] = {p[0], pixels->channels == 3 ? p[1] : p[0], pixels->channels == 3 ? p[2] : p[0]};
		Bin		   *bin = &all[c[0] >> 3 << 10 | c[1] >> 3 << 5 | c[2] >> 3];

		bin->n++;
		for (int k = 0; k < 3; k++)
			bin->mean[k] += c[k];
	}
	for (int i = 0; i < BINS; i++)
		if (all[i].n > 0)
		{
			Bin			bin = all[i];

			for (int k = 0; k < 3; k++)
				bin.mean[k] /= bin.n;
			all[n++] = bin;
		}
	return n;
}

/* The cut of a box that takes most from its squared error; along each axis by slots of 8 values. */
static void
find_cut(const Bin *bins, Box *box)
{
	double		total[4] = {0};

	box->gain = 0;
	for (int i = box->first; i < box->first + box->n; i++)
	{
		total[3] += bins[i].n;
		for (int k = 0; k < 3; k++)
			total[k] += bins[i].n * bins[i].mean[k];
	}
	for (int axis = 0; axis < 3; axis++)
	{
		double		slots[32][4];
		double		left[4] = {0};

		memset(slots, 0, sizeof(slots));
		for (int i = box->first; i < box->first + box->n; i++)
		{
			double	   *slot = slots[(int) bins[i].mean[axis] >> 3];

			slot[3] += bins[i].n;
			for (int k = 0; k < 3; k++)
				slot[k] += bins[i].n * bins[i].mean[k];
		}
		for (int s = 0; s < 31; s++)
		{
			double		gain = 0;

			for (int k = 0; k < 4; k++)
				left[k] += slots[s][k];
			if (left[3] == 0 || left[3] == total[3])
				continue;
			for (int k = 0; k < 3; k++)
			{
				double		difference = left[k] / left[3] - (total[k] - left[k]) / (total[3] - left[3]);

				gain += difference * difference;
			}
			gain *= left[3] * (total[3] - left[3]) / total[3];
			if (gain > box->gain)
			{
				box->gain = gain;
				box->axis = axis;
				box->cut = 8 * (s + 1);
			}
		}
	}
}

static int
cut_boxes(EcmlCtx *ctx, Bin *bins, int nbins, int n, Box *boxes)
{
	int			nboxes = 1;

	boxes[0] = (Box) {.first = 0,.n = nbins};
	find_cut(bins, &boxes[0]);
	while (nboxes < n)
	{
		Box		   *box = &boxes[0];
		int			low;
		int			high;

		ecml_poll(ctx, 0, 0);
		for (int i = 1; i < nboxes; i++)
			if (boxes[i].gain > box->gain)
				box = &boxes[i];
		if (box->gain <= 0)
			break;
		low = box->first;
		high = box->first + box->n;
		while (low < high)
		{
			if (bins[low].mean[box->axis] < box->cut)
				low++;
			else
			{
				Bin			swap = bins[low];

				bins[low] = bins[--high];
				bins[high] = swap;
			}
		}
		boxes[nboxes] = (Box) {.first = low,.n = box->first + box->n - low};
		box->n = low - box->first;
		find_cut(bins, box);
		find_cut(bins, &boxes[nboxes++]);
	}
	return nboxes;
}

/* Sums of colour and count for each centre, of the bins nearest to it. */
static void
assign(const Bin *bins, int nbins, const double (*centers)[4], int n, double (*sums)[4])
{
	memset(sums, 0, n * sizeof(*sums));
	for (int i = 0; i < nbins; i++)
	{
		const double *c = bins[i].mean;
		double		least = INFINITY;
		int			nearest = 0;

		for (int k = 0; k < n; k++)
		{
			double		r = c[0] - centers[k][0];
			double		g = c[1] - centers[k][1];
			double		b = c[2] - centers[k][2];
			double		distance = r * r + g * g + b * b;

			if (distance < least)
			{
				least = distance;
				nearest = k;
			}
		}
		for (int k = 0; k < 3; k++)
			sums[nearest][k] += bins[i].n * c[k];
		sums[nearest][3] += bins[i].n;
	}
}

int
pixels_colors(EcmlCtx *ctx, const EcmlPixels *pixels, int n, PixelsColor *colors)
{
	Bin		   *bins = ECML_NEW(ctx, Bin, BINS);
	Box		   *boxes = ECML_NEW(ctx, Box, n);
	double		(*centers)[4] = ecml_alloc_array(ctx, n, sizeof(*centers));
	double		(*sums)[4] = ecml_alloc_array(ctx, n, sizeof(*sums));
	int			nbins;
	int			ncolors;
	int			given = 0;
	double		total = 0;

	/* a sample of its pixels as they are: means of neighbours would make colours that are not there */
	if ((int64_t) pixels->width * pixels->height > SAMPLE_SIDE * SAMPLE_SIDE)
		pixels = pixels_resize(ctx, pixels, NULL, pixels->width < SAMPLE_SIDE ? pixels->width : SAMPLE_SIDE,
							   pixels->height < SAMPLE_SIDE ? pixels->height : SAMPLE_SIDE, PIXELS_NEAREST);
	nbins = collect_bins(pixels, bins);
	ncolors = cut_boxes(ctx, bins, nbins, n, boxes);
	memset(sums, 0, n * sizeof(*sums));
	for (int b = 0; b < ncolors; b++)
		for (int i = boxes[b].first; i < boxes[b].first + boxes[b].n; i++)
		{
			for (int k = 0; k < 3; k++)
				sums[b][k] += bins[i].n * bins[i].mean[k];
			sums[b][3] += bins[i].n;
		}
	for (int round = 0; round <= ROUNDS; round++)
	{
		ecml_poll(ctx, 0, 0);
		for (int b = 0; b < ncolors; b++)
			for (int k = 0; k < 3 && sums[b][3] > 0; k++)
				centers[b][k] = sums[b][k] / sums[b][3];
		if (round < ROUNDS)
			assign(bins, nbins, (const double (*)[4]) centers, ncolors, sums);
	}
	for (int b = 0; b < ncolors; b++)
		total += sums[b][3];
	for (int b = 0; b < ncolors; b++)
	{
		PixelsColor color = {.share = sums[b][3] / total};
		int			at = given;

		if (sums[b][3] == 0)
			continue;
		for (int k = 0; k < 3; k++)
			color.rgb[k] = (uint8_t) lrint(fmin(fmax(centers[b][k], 0), 255));
		for (; at > 0 && colors[at - 1].share < color.share; at--)
			colors[at] = colors[at - 1];
		colors[at] = color;
		given++;
	}
	return given;
}
