/*
 * pixels_augment.c - pictures changed at random for training: moved, turned, cut, recoloured, partly erased
 *
 * All moves are one affine map, applied once with bilinear interpolation; all changes of colour one matrix.  Drawing the
 * change and applying it are two steps, so that the change may also be looked at, or repeated.
 */
#include "image/pixels.h"

#include <math.h>
#include <string.h>

const char *
pixels_augment_check(const PixelsAugment *a)
{
	if (!(a->shift >= 0 && a->shift <= 1))
		return "shift is a part of the side, 0 to 1";
	if (!(a->rotate >= 0 && a->rotate <= 180))
		return "rotate is 0 to 180 degrees";
	if (!(a->zoom >= 0 && a->zoom < 1))
		return "zoom is at least 0 and below 1";
	if (!(a->crop >= 0 && a->crop < 1))
		return "crop is at least 0 and below 1";
	if (!(a->brightness >= 0 && a->brightness <= 1 && a->contrast >= 0 && a->contrast <= 1 && a->saturation >= 0 &&
		  a->saturation <= 1))
		return "brightness, contrast and saturation are 0 to 1";
	if (!(a->hue >= 0 && a->hue <= 0.5))
		return "hue is 0 to 0.5";
	if (!(a->erase >= 0 && a->erase <= 1))
		return "erase is a probability";
	return NULL;
}

static double
between(EcmlRng *rng, double low, double high)
{
	return low + (high - low) * ecml_rng_double(rng);
}

/* map = map after by: the place that by gives is where map then looks */
static void
then(double map[6], const double by[6])
{
	double		m[6];

	for (int r = 0; r < 2; r++)
	{
		m[3 * r] = map[3 * r] * by[0] + map[3 * r + 1] * by[3];
		m[3 * r + 1] = map[3 * r] * by[1] + map[3 * r + 1] * by[4];
		m[3 * r + 2] = map[3 * r] * by[2] + map[3 * r + 1] * by[5] + map[3 * r + 2];
	}
	memcpy(map, m, sizeof(m));
}

/* A cut of the area in another shape, enlarged to the whole: as Inception's training had it (Szegedy and others 2015). */
static void
draw_crop(const PixelsAugment *a, int width, int height, EcmlRng *rng, double map[6])
{
	for (int tries = 0; tries < 10; tries++)
	{
		double		area = between(rng, 1 - a->crop, 1);
		double		ratio = exp(between(rng, log(3.0 / 4), log(4.0 / 3)));
		double		w = sqrt(area * ratio);
		double		h = sqrt(area / ratio);

		if (w <= 1 && h <= 1)
		{
			double		left = between(rng, 0, 1 - w) * width;
			double		top = between(rng, 0, 1 - h) * height;
			double		by[6] = {w, 0, left + 0.5 * w - 0.5, 0, h, top + 0.5 * h - 0.5};

			then(map, by);
			return;
		}
	}
}

static void
draw_moves(const PixelsAugment *a, int width, int height, EcmlRng *rng, PixelsChange *change)
{
	double		map[6] = {1, 0, 0, 0, 1, 0};
	double		x = 0.5 * (width - 1);
	double		y = 0.5 * (height - 1);

	if (a->flip && ecml_rng_next(rng) >> 63)
		then(map, (double[6]) {-1, 0, width - 1, 0, 1, 0});
	if (a->flip_vertical && ecml_rng_next(rng) >> 63)
		then(map, (double[6]) {1, 0, 0, 0, -1, height - 1});
	if (a->shift > 0)
	{
		double		right = between(rng, -a->shift, a->shift) * width;
		double		down = between(rng, -a->shift, a->shift) * height;

		then(map, (double[6]) {1, 0, right, 0, 1, down});
	}
	if (a->rotate > 0 || a->zoom > 0)
	{
		double		angle = between(rng, -a->rotate, a->rotate) * M_PI / 180;
		double		zoom = 1 / between(rng, 1 - a->zoom, 1 + a->zoom);
		double		c = cos(angle) * zoom;
		double		s = sin(angle) * zoom;

		then(map, (double[6]) {c, -s, x - c * x + s * y, s, c, y - s * x - c * y});
	}
	if (a->crop > 0)
		draw_crop(a, width, height, rng, map);
	for (int i = 0; i < 6; i++)
	{
		change->affine[i] = (float) map[i];
		change->moves |= change->affine[i] != (i == 0 || i == 4);
	}
}

/* rows of color = by (3 x 3) of them */
static void
recolor(double color[12], const double by[9])
{
	double		m[12];

	for (int r = 0; r < 3; r++)
		for (int c = 0; c < 4; c++)
			m[4 * r + c] = by[3 * r] * color[c] + by[3 * r + 1] * color[4 + c] + by[3 * r + 2] * color[8 + c];
	memcpy(color, m, sizeof(m));
}

static void
draw_colors(const PixelsAugment *a, int channels, EcmlRng *rng, PixelsChange *change)
{
	static const double luma[3] = {0.299, 0.587, 0.114};
	double		color[12] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0};

	if (a->hue > 0 && channels == 3)
	{
		/* a turn of the plane of equal brightness (YIQ) */
		double		angle = between(rng, -a->hue, a->hue) * 2 * M_PI;
		double		c = cos(angle);
		double		s = sin(angle);

		recolor(color, (double[9]) {
			0.299 + 0.701 * c + 0.168 * s, 0.587 - 0.587 * c + 0.330 * s, 0.114 - 0.114 * c - 0.497 * s,
			0.299 - 0.299 * c - 0.328 * s, 0.587 + 0.413 * c + 0.035 * s, 0.114 - 0.114 * c + 0.292 * s,
			0.299 - 0.300 * c + 1.250 * s, 0.587 - 0.588 * c - 1.050 * s, 0.114 + 0.886 * c - 0.203 * s
		});
	}
	if (a->saturation > 0 && channels == 3)
	{
		double		k = between(rng, 1 - a->saturation, 1 + a->saturation);
		double		by[9];

		for (int i = 0; i < 9; i++)
			by[i] = (1 - k) * luma[i % 3] + (i % 4 == 0 ? k : 0);
		recolor(color, by);
	}
	if (a->contrast > 0)
	{
		double		k = between(rng, 1 - a->contrast, 1 + a->contrast);

		for (int i = 0; i < 12; i++)
			color[i] = k * color[i] + (i % 4 == 3 ? 0.5 * (1 - k) : 0);
	}
	if (a->brightness > 0)
	{
		double		k = between(rng, 1 - a->brightness, 1 + a->brightness);

		for (int i = 0; i < 12; i++)
			color[i] *= k;
	}
	for (int i = 0; i < 12; i++)
	{
		change->color[i] = (float) color[i];
		change->colors |= change->color[i] != (i == 0 || i == 5 || i == 10);
	}
}

void
pixels_augment_draw(const PixelsAugment *a, int width, int height, int channels, EcmlRng *rng, PixelsChange *change)
{
	memset(change, 0, sizeof(*change));
	draw_moves(a, width, height, rng, change);
	draw_colors(a, channels, rng, change);
	if (a->erase > 0 && ecml_rng_double(rng) < a->erase)
	{
		double		area = between(rng, 0.02, 0.2);
		double		ratio = exp(between(rng, log(0.3), log(1 / 0.3)));
		double		w = fmin(sqrt(area * ratio), 1) * width;
		double		h = fmin(sqrt(area / ratio), 1) * height;
		double		left = between(rng, 0, width - w);
		double		top = between(rng, 0, height - h);

		change->erase[0] = (int) left;
		change->erase[1] = (int) top;
		change->erase[2] = (int) ceil(left + w) < width ? (int) ceil(left + w) : width;
		change->erase[3] = (int) ceil(top + h) < height ? (int) ceil(top + h) : height;
	}
}

static inline float
within(float v, float high)
{
	return v < 0 ? 0 : v > high ? high : v;
}

static inline uint8_t
to_byte(float v)
{
	return (uint8_t) (within(v, 255) + 0.5f);
}

static void
move(const float *a, int width, int height, int channels, const uint8_t *in, uint8_t *out)
{
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++, out += channels)
		{
			float		sx = within(a[0] * x + a[1] * y + a[2], (float) (width - 1));
			float		sy = within(a[3] * x + a[4] * y + a[5], (float) (height - 1));
			int			left = (int) sx;
			int			top = (int) sy;
			float		fx = sx - left;
			float		fy = sy - top;
			const uint8_t *p = in + ((size_t) top * width + left) * channels;
			size_t		right = left + 1 < width ? channels : 0;
			size_t		down = top + 1 < height ? (size_t) width * channels : 0;

			for (int c = 0; c < channels; c++, p++)
			{
				float		upper = p[0] + fx * (p[right] - p[0]);
				float		lower = p[down] + fx * (p[down + right] - p[down]);

				out[c] = (uint8_t) (upper + fy * (lower - upper) + 0.5f);
			}
		}
}

/* A mirror image needs no interpolation. */
static bool
is_flip(const float *a, int width)
{
	return a[0] == -1 && a[1] == 0 && a[2] == width - 1 && a[3] == 0 && a[4] == 1 && a[5] == 0;
}

static void
flip(int width, int height, int channels, const uint8_t *in, uint8_t *out)
{
	for (int y = 0; y < height; y++, in += (size_t) width * channels, out += (size_t) width * channels)
		for (int x = 0; x < width; x++)
			for (int c = 0; c < channels; c++)
				out[x * channels + c] = in[(width - 1 - x) * channels + c];
}

void
pixels_change(const PixelsChange *change, int width, int height, int channels, const uint8_t *in, uint8_t *out)
{
	size_t		n = (size_t) width * height;
	const float *m = change->color;

	if (!change->moves)
		memcpy(out, in, n * channels);
	else if (is_flip(change->affine, width))
		flip(width, height, channels, in, out);
	else
		move(change->affine, width, height, channels, in, out);
	if (change->colors && channels == 1)
		for (size_t i = 0; i < n; i++)
			out[i] = to_byte(m[0] * out[i] + m[3] * 255);
	else if (change->colors)
		for (size_t i = 0; i < n; i++)
		{
			float		red = out[3 * i];
			float		green = out[3 * i + 1];
			float		blue = out[3 * i + 2];

			for (int c = 0; c < 3; c++)
				out[3 * i + c] = to_byte(m[4 * c] * red + m[4 * c + 1] * green + m[4 * c + 2] * blue + m[4 * c + 3] * 255);
		}
	for (int y = change->erase[1]; y < change->erase[3]; y++)
		memset(out + ((size_t) y * width + change->erase[0]) * channels, 128,
			   (size_t) (change->erase[2] - change->erase[0]) * channels);
}
