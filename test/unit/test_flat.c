/*
 * test_flat.c - a struct with arrays and strings in one block: measured, written, opened elsewhere; odd and damaged blocks
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flat_block.h"
#include "host.h"

typedef struct Inner
{
	int			rows;
	size_t	   *start;			/* [rows + 1] */
	float	   *value;			/* [start[rows]] */
} Inner;

typedef struct Outer
{
	int			n;
	double	   *numbers;		/* [n] */
	char	   *name;
	char	   *none;			/* NULL */
	uint8_t	   *bytes;			/* [n], or NULL */
	Inner	   *inner;			/* or NULL */
} Outer;

static Outer *
walk(EcmlFlat *flat, Outer *given)
{
	Outer	   *o = ecml_flat_struct(flat, given, sizeof(*given));

	ECML_FLAT(flat, o->numbers, o->n);
	o->name = ecml_flat_string(flat, o->name);
	o->none = ecml_flat_string(flat, o->none);
	if (o->bytes)
		ECML_FLAT(flat, o->bytes, o->n);
	if (o->inner)
	{
		Inner	   *i = o->inner = ecml_flat_struct(flat, o->inner, sizeof(Inner));

		ECML_FLAT(flat, i->start, i->rows < 0 ? SIZE_MAX : (size_t) i->rows + 1);
		ECML_FLAT(flat, i->value, i->start ? i->start[i->rows] : 0);
	}
	return o;
}

static double numbers[300000];
static uint8_t bytes[300000];
static size_t start[4] = {0, 2, 2, 5};
static float values[5] = {1, 2, 3, 4, 5};

/* A block of malloc, exactly as long as it has to be. */
static char *
flatten(Outer *outer, size_t *size, uint64_t *check)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlFlat	flat;
	FlatBlock	block;

	ecml_flat_measure(&flat, ctx);
	ok(walk(&flat, outer) == outer && ecml_flat_end(&flat) && flat.at % ECML_ALIGN == 0, "measured: %zu bytes", flat.at);
	*size = flat.at;
	*check = flat.check;
	block = flat_block(*size);
	ecml_flat_write(&flat, ctx, into_block, &block);
	ok(walk(&flat, outer) == outer && ecml_flat_end(&flat) && flat.at == *size && block.filled == *size && flat.check == *check,
	   "written: as long as measured, with the same check");
	ok(block.most <= 1 << 20 && test_host(ctx)->polls >= (long) (*size >> 20), "in pieces, with polls between");
	test_ctx_free(ctx);
	return block.start;
}

static bool
same(const Outer *a, const Outer *b)
{
	if (a->n != b->n || memcmp(a->numbers, b->numbers, a->n * sizeof(double)) != 0 || strcmp(a->name, b->name) != 0 || b->none)
		return false;
	if ((a->bytes == NULL) != (b->bytes == NULL) || (a->bytes && memcmp(a->bytes, b->bytes, a->n) != 0))
		return false;
	if ((a->inner == NULL) != (b->inner == NULL))
		return false;
	return a->inner == NULL || (a->inner->rows == b->inner->rows && memcmp(a->inner->start, b->inner->start, sizeof(start)) == 0 &&
								memcmp(a->inner->value, b->inner->value, sizeof(values)) == 0);
}

static void
test_whole(int n, bool parts)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	Inner		inner = {3, start, values};
	Outer		outer = {n, numbers, "a name", NULL, parts ? bytes : NULL, parts ? &inner : NULL};
	size_t		size;
	uint64_t	check;
	char	   *block = flatten(&outer, &size, &check);
	EcmlFlat	flat;
	Outer	   *opened;

	ecml_flat_open(&flat, ctx, block, size);
	opened = walk(&flat, NULL);
	ok(ecml_flat_end(&flat) && flat.check == check && same(&outer, opened), "opened: %d numbers, %s", n, parts ? "all parts" : "no parts");
	ok((char *) opened->numbers >= block && (char *) opened->numbers < block + size && (uintptr_t) opened->numbers % ECML_ALIGN == 0 &&
	   opened->name > block && opened->name < block + size, "its arrays are in the block, aligned");
	free(block);
	test_ctx_free(ctx);
}

/* No length and no damage of structs leads outside of the block (which the sanitizer watches), and none goes unnoticed. */
static void
test_odd(void)
{
	Inner		inner = {3, start, values};
	Outer		outer = {70, numbers, "a name", NULL, bytes, &inner};
	size_t		size;
	uint64_t	check;
	char	   *block = flatten(&outer, &size, &check);
	size_t		structs[2] = {0, 0};
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlFlat	flat;
	EcmlRng		rng;
	long		unnoticed = 0;

	for (size_t length = 0; length <= size + ECML_ALIGN; length++)
	{
		char	   *piece = aligned_alloc(ECML_ALIGN, (length + ECML_ALIGN) / ECML_ALIGN * ECML_ALIGN);

		memset(piece, 0x41, length);
		memcpy(piece, block, length < size ? length : size);
		ecml_flat_open(&flat, ctx, piece, length);
		(void) walk(&flat, NULL);
		if (ecml_flat_end(&flat) != (length == size))
			unnoticed++;
		free(piece);
	}
	ok(unnoticed == 0, "every other length is noticed");

	/* where the inner struct is: behind all but itself and its arrays */
	structs[1] = size - 3 * ECML_ALIGN;
	ecml_rng_seed(&rng, 3);
	unnoticed = 0;
	for (int round = 0; round < 20000; round++)
	{
		char	   *copy = aligned_alloc(ECML_ALIGN, size);
		size_t		room = round % 2 ? sizeof(Inner) : sizeof(Outer);
		size_t		at = structs[round % 2] + ecml_rng_below(&rng, room);

		memcpy(copy, block, size);
		copy[at] = round % 3 ? (char) ecml_rng_next(&rng) : round % 6 ? 0 : (char) 0xff;
		if (round % 5 == 0)
			memset(copy + (at & ~(size_t) 3), 0xff, 4);
		if (memcmp(copy, block, size) != 0)
		{
			ecml_flat_open(&flat, ctx, copy, size);
			(void) walk(&flat, NULL);
			if (ecml_flat_end(&flat) && flat.check == check)
				unnoticed++;
		}
		free(copy);
	}
	ok(unnoticed == 0, "20,000 damaged structs are noticed");

	/* a string that does not end; a start beyond all entries */
	{
		char	   *copy = aligned_alloc(ECML_ALIGN, size);

		memcpy(copy, block, size);
		memset(copy + ECML_ALIGN + 640, 'x', size - ECML_ALIGN - 640);
		ecml_flat_open(&flat, ctx, copy, size);
		(void) walk(&flat, NULL);
		ok(!ecml_flat_end(&flat), "a string without an end is odd");
		memcpy(copy, block, size);
		memset(copy + size - 2 * ECML_ALIGN + 3 * sizeof(size_t), 0x7f, sizeof(size_t));
		ecml_flat_open(&flat, ctx, copy, size);
		(void) walk(&flat, NULL);
		ok(!ecml_flat_end(&flat), "more entries than bytes are odd");
		free(copy);
	}
	free(block);
	test_ctx_free(ctx);
}

static void
test_failing(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	Outer		outer = {1000, numbers, "", NULL, NULL, NULL};
	EcmlFlat	flat;
	char		room[512];
	FlatBlock	block = {room, sizeof(room), 0, 0};

	ecml_flat_write(&flat, ctx, into_block, &block);
	(void) walk(&flat, &outer);
	ok(!ecml_flat_end(&flat), "a sink without room is told");
	test_host(ctx)->cancel_after = 0;
	if (TRY(ctx))
	{
		block.filled = 0;
		ecml_flat_write(&flat, ctx, into_block, &block);
		(void) walk(&flat, &outer);
		ok(false, "a cancel ends the writing");
	}
	else
		ok(test_host(ctx)->cancelled, "a cancel ends the writing");
	test_ctx_free(ctx);
}

int
main(void)
{
	for (int i = 0; i < 300000; i++)
	{
		numbers[i] = i * 0.5;
		bytes[i] = (uint8_t) (i * 7);
	}
	test_whole(0, false);
	test_whole(1, true);
	test_whole(70, true);
	test_whole(300000, true);
	test_odd();
	test_failing();
	return done();
}
