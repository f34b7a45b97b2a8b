/*
 * fuzz_pictures.c - mutated pictures and ONNX files, under the address sanitizer (make fuzz)
 *
 *     fuzz_pictures [ROUNDS [SEED]]       100000 rounds by default
 *
 * Seeds are the files of test/data/image.  Mutations: bits, bytes, numbers of extreme value, pieces copied, removed, repeated, exchanged
 * with those of another file, and an end cut off; the check sums of PNG are made good in half of the rounds, so that what is behind them is
 * reached.  Beside crashes it looks for memory: what a format's library allocates is counted by hooks of the sanitizer's malloc,
 * and may not be more than the plan says; what is allocated here may not be more than the budget.
 */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/exec.h"
#include "image/onnx.h"
#include "image/pixels.h"

extern int	__sanitizer_install_malloc_and_free_hooks(void (*malloc_hook) (const volatile void *, size_t),
													  void (*free_hook) (const volatile void *));
extern size_t __sanitizer_get_allocated_size(const volatile void *p);
extern void __sanitizer_set_death_callback(void (*callback) (void));

#define MAX_FILES 64
#define MAX_SIZE 65536
#define MAX_LINE (1 << 20)
#define BUDGET ((size_t) 64 << 20)

typedef struct File
{
	char		name[64];
	uint8_t    *bytes;
	size_t		n;
} File;

static File files[MAX_FILES];
static int	nfiles;
static int	nimages;

static size_t live;
static size_t most_live;
static uint8_t current[MAX_SIZE];
static size_t current_n;

static void
on_malloc(const volatile void *p, size_t size)
{
	live += size;
	if (live > most_live)
		most_live = live;
}

static void
on_free(const volatile void *p)
{
	size_t		size = p ? __sanitizer_get_allocated_size(p) : 0;

	live -= size < live ? size : live;
}

/* What broke it is kept. */
static void
keep(void)
{
	FILE	   *file = fopen("build/fuzz_pictures.crash", "w");

	if (file == NULL)
		return;
	fwrite(current, 1, current_n, file);
	fclose(file);
	fprintf(stderr, "the bytes are in build/fuzz_pictures.crash\n");
}

static void
load(const char *path, int column)
{
	FILE	   *file = fopen(path, "r");
	char	   *line = malloc(MAX_LINE);

	if (file == NULL || fgets(line, MAX_LINE, file) == NULL)
	{
		fprintf(stderr, "%s is not there\n", path);
		exit(2);
	}
	while (nfiles < MAX_FILES && fgets(line, MAX_LINE, file))
	{
		char	   *hex = line;
		File	   *f = &files[nfiles];

		snprintf(f->name, sizeof(f->name), "%.*s", (int) strcspn(line, "\t"), line);
		for (int i = 0; i < column; i++)
			hex = strchr(hex, '\t') + 1;
		f->n = strcspn(hex, "\t\n") / 2;
		if (f->n == 0 || f->n > MAX_SIZE / 2)
			continue;
		f->bytes = malloc(f->n);
		for (size_t i = 0; i < f->n; i++)
		{
			unsigned	v;

			sscanf(hex + 2 * i, "%2x", &v);
			f->bytes[i] = (uint8_t) v;
		}
		nfiles++;
	}
	free(line);
	fclose(file);
}

/* ---- mutation */

static size_t
place(EcmlRng *rng, size_t n)
{
	/* headers matter more than what follows */
	if (n > 100 && ecml_rng_below(rng, 2) == 0)
		return ecml_rng_below(rng, 100);
	return ecml_rng_below(rng, n);
}

static void
mutate(EcmlRng *rng, int first, int count)
{
	static const uint32_t extremes[] = {0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff};
	const File *file = &files[first + (int) ecml_rng_below(rng, (uint64_t) count)];
	int			changes = 1 + (int) ecml_rng_below(rng, 6);

	memcpy(current, file->bytes, file->n);
	current_n = file->n;
	for (int i = 0; i < changes && current_n > 8; i++)
	{
		size_t		at = place(rng, current_n);
		size_t		n = 1 + ecml_rng_below(rng, 64);
		const File *other;
		uint32_t	v;

		switch (ecml_rng_below(rng, 8))
		{
			case 0:
			case 1:
				current[at] ^= (uint8_t) (1 << ecml_rng_below(rng, 8));
				break;
			case 2:
				current[at] = (uint8_t) ecml_rng_next(rng);
				break;
			case 3:
				v = extremes[ecml_rng_below(rng, 13)];
				n = (size_t) 1 << ecml_rng_below(rng, 3);
				if (ecml_rng_below(rng, 2))
					v = __builtin_bswap32(v) >> (32 - 8 * n);
				memcpy(current + at, &v, n < current_n - at ? n : current_n - at);
				break;
			case 4:				/* a piece removed */
				n = n < current_n - at ? n : current_n - at;
				memmove(current + at, current + at + n, current_n - at - n);
				current_n -= n;
				break;
			case 5:				/* a piece repeated */
				n = n < current_n - at ? n : current_n - at;
				if (current_n + n <= MAX_SIZE)
				{
					memmove(current + at + n, current + at, current_n - at);
					current_n += n;
				}
				break;
			case 6:				/* a piece of another file */
				other = &files[first + (int) ecml_rng_below(rng, (uint64_t) count)];
				v = (uint32_t) ecml_rng_below(rng, other->n);
				n = n < other->n - v ? n : other->n - v;
				n = n < current_n - at ? n : current_n - at;
				memcpy(current + at, other->bytes + v, n);
				break;
			case 7:
				if (ecml_rng_below(rng, 4) == 0)
					current_n = at;
				break;
		}
	}
}

static uint32_t
crc32(const uint8_t *bytes, size_t n)
{
	uint32_t	crc = 0xffffffff;

	for (size_t i = 0; i < n; i++)
	{
		crc ^= bytes[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void
mend_png(void)
{
	if (current_n < 8 || memcmp(current, "\x89PNG", 4) != 0)
		return;
	for (size_t at = 8; current_n - at >= 12;)
	{
		uint32_t	n = (uint32_t) current[at] << 24 | (uint32_t) current[at + 1] << 16 | (uint32_t) current[at + 2] << 8 | current[at + 3];
		uint32_t	crc;

		if (n > current_n - at - 12)
			break;
		crc = crc32(current + at + 4, n + 4);
		for (int i = 0; i < 4; i++)
			current[at + 8 + n + i] = (uint8_t) (crc >> (24 - 8 * i));
		at += 12 + n;
	}
}

/* ---- what is tried */

static long counts[3];			/* went well, an error, more memory than was said */
static double worst;			/* of library memory to what was planned */

static void
try_picture(EcmlRng *rng)
{
	uint8_t    *copy = malloc(current_n ? current_n : 1);	/* of exactly that size */
	PixelsWant	want = PIXELS_WANT_DEFAULTS;
	PixelsPlan	plan;
	PixelsError error;

	memcpy(copy, current, current_n);
	want.channels = (int) ecml_rng_below(rng, 3);
	want.channels += want.channels == 2;
	if (ecml_rng_below(rng, 2))
		want.width = want.height = 1 + (int) ecml_rng_below(rng, 40);
	want.max_pixels = 1 << 21;
	if (pixels_plan(copy, current_n, &want, &plan, &error) && plan.size + plan.work + plan.library < BUDGET)
	{
		uint8_t    *out = malloc(plan.size);
		void	   *work = malloc(plan.work);
		PixelsResult result;

		live = most_live = 0;
		result = pixels_decode_into(copy, current_n, &plan, out, work, NULL, NULL, &error);
		if ((double) most_live / plan.library > worst)
			worst = (double) most_live / plan.library;
		if (most_live > plan.library)
		{
			counts[2]++;
			fprintf(stderr, "%s: %zu bytes taken, %zu planned (%d x %d)\n", pixels_format_name(plan.info.format), most_live,
					plan.library, plan.info.width, plan.info.height);
			keep();
		}
		counts[result != PIXELS_OK]++;
		free(out);
		free(work);
	}
	else
		counts[1]++;
	free(copy);
}

static void
try_network(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	OnnxOptions options = {0};
	OnnxAbout	about;
	uint8_t    *copy = malloc(current_n ? current_n : 1);

	memcpy(copy, current, current_n);
	ctx->budget = BUDGET;
	if (TRY(ctx))
	{
		Network    *net = onnx_import(ctx, copy, current_n, &options, &about);
		double		work = 0;

		counts[0]++;
		for (int i = 0; i < net->n; i++)
			work += net->nodes[i].work + (double) net->nodes[i].values;
		/* and is run, when that does not take long */
		if (work < 1e6)
		{
			Runner	   *runner = runner_create(ctx, net_fold(ctx, net), -1);
			float	   *x = ECML_NEW0(ctx, float, net->nodes[0].values + NET_SLACK);

			(void) runner_run(runner, x, 1, ECML_NEW(ctx, float, runner_floats(runner, 1)));
		}
	}
	else
		counts[1]++;
	if (ctx->peak > BUDGET)
		counts[2]++;
	test_ctx_free(ctx);
	free(copy);
}

int
main(int argc, char **argv)
{
	long		rounds = argc > 1 ? atol(argv[1]) : 100000;
	uint64_t	seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	EcmlRng		rng;

	load("test/data/image/images.tsv", 8);
	nimages = nfiles;
	load("test/data/image/networks.tsv", 4);
	ecml_rng_seed(&rng, seed);
	__sanitizer_set_death_callback(keep);
	if (!__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free))
		fprintf(stderr, "no hooks: memory of libraries is not counted\n");
	for (long round = 0; round < rounds; round++)
	{
		EcmlRng		own = ecml_rng_stream(&rng, (uint64_t) round);

		if (round % 2 == 0)
		{
			mutate(&own, 0, nimages);
			if (ecml_rng_below(&own, 2))
				mend_png();
			try_picture(&own);
		}
		else
		{
			mutate(&own, nimages, nfiles - nimages);
			try_network();
		}
		if (round % 10000 == 9999)
			fprintf(stderr, "%ld rounds\n", round + 1);
	}
	printf("%ld rounds: %ld went well, %ld errors, %ld with more memory than planned; libraries took at most %.2f of their plan\n",
		   rounds, counts[0], counts[1], counts[2], worst);
	return counts[2] > 0;
}
