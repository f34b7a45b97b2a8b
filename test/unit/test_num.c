/*
 * test_num.c - the kernels' ground: memory, failure, threads, random numbers, bytes, blocks
 */
#include "host.h"

#include <dirent.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "num/blocks.h"
#include "num/bytes.h"

/* ------------------------------------------------------------------------------------------------ ctx */

static void
memory(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	TestHost   *host = test_host(ctx);
	double	   *a;
	double	   *b;
	bool		aligned = true;
	volatile int failed;

	for (size_t size = 0; size < 300; size++)
	{
		char	   *p = ecml_alloc(ctx, size);

		memset(p, 0x5a, size);
		aligned = aligned && (uintptr_t) p % ECML_ALIGN == 0;
		if (size % 2)
			ecml_free(ctx, p);
	}
	ok(aligned, "every block is aligned, of size 0 too");
	ok(ctx->used == 149 * 150 + 150 * ECML_OVERHEAD, "bytes in use are counted (%zu)", ctx->used);
	ecml_free(ctx, NULL);
	test_ctx_free(ctx);

	ctx = test_ctx(1, 1);
	host = test_host(ctx);
	a = ECML_NEW0(ctx, double, 100);
	for (int i = 0; i < 100; i++)
		aligned = aligned && a[i] == 0;
	for (int i = 0; i < 100; i++)
		a[i] = i;
	b = ecml_resize_array(ctx, a, 200, sizeof(double));
	ok(aligned && b[0] == 0 && b[99] == 99, "zeroed arrays are zero; a larger one keeps its values");
	b = ecml_resize_array(ctx, b, 10, sizeof(double));
	ok(b[9] == 9 && ctx->used == 10 * sizeof(double) + ECML_OVERHEAD &&
	   ctx->peak == 300 * sizeof(double) + 2 * ECML_OVERHEAD, "a smaller one too; peak is kept");
	a = ecml_resize_array(ctx, NULL, 5, sizeof(double));
	ok(a != NULL && ctx->used == 15 * sizeof(double) + 2 * ECML_OVERHEAD, "NULL is resized to a new array");

	ctx->budget = 1000 + 2 * ECML_OVERHEAD;
	ok(ecml_fits(ctx, 880) && !ecml_fits(ctx, 881) && !ecml_fits(ctx, SIZE_MAX), "what fits the budget");
	failed = 0;
	if (TRY(ctx))
		ecml_alloc(ctx, 881 - ECML_OVERHEAD);
	else
		failed = 1;
	ok(failed && host->status == ECML_LIMIT_EXCEEDED && ctx->used == 120 + 2 * ECML_OVERHEAD && ctx->detail[0], "over the budget: fails with a detail");
	if (TRY(ctx))
	{
		ecml_alloc(ctx, 880 - ECML_OVERHEAD);
		failed = 2;
	}
	ok(failed == 2 && ctx->used == ctx->budget, "the budget can be used up");
	ctx->budget = 0;
	ok(ecml_fits(ctx, SIZE_MAX), "no budget, no bound");

	for (volatile int i = 0; i < 3; i++)
	{
		failed = 0;
		if (TRY(ctx))
		{
			if (i == 0)
				ecml_alloc_array(ctx, SIZE_MAX / 4, 8);
			else if (i == 1)
				ecml_zalloc_array(ctx, (SIZE_MAX >> 32) + 2, (SIZE_MAX >> 32) + 2);
			else
				ecml_resize_array(ctx, a, SIZE_MAX / 8 + 1, 16);
		}
		else
			failed = 1;
		ok(failed && host->status == ECML_OUT_OF_MEMORY && ctx->used == 1000 + 2 * ECML_OVERHEAD, "a product that overflows is out of memory (%d)", i);
	}

	host->fail_after = 1;
	failed = 0;
	if (TRY(ctx))
	{
		ecml_alloc(ctx, 10);
		ecml_alloc(ctx, 10);
	}
	else
		failed = 1;
	ok(failed && host->status == ECML_OUT_OF_MEMORY && ctx->used == 1010 + 3 * ECML_OVERHEAD, "a system without memory: fails, and counts nothing");
	test_ctx_free(ctx);
}

static void
failure(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	TestHost   *host = test_host(ctx);
	static char long_text[2000];
	volatile int failed = 0;

	memset(long_text, 'x', sizeof(long_text) - 1);
	if (TRY(ctx))
	{
		ecml_detail(ctx, "There are %d rows.", 3);
		ecml_hint(ctx, "Give %s.", long_text);
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "too few rows: %s", long_text);
	}
	else
		failed = 1;
	ok(failed && host->status == ECML_DATA_EXCEPTION && strncmp(host->message, "too few rows: xxx", 17) == 0
	   && strcmp(ctx->detail, "There are 3 rows.") == 0, "message, detail and status arrive");
	ok(strlen(ctx->hint) < sizeof(ctx->hint) && strlen(host->message) < sizeof(host->message), "long texts are cut");
	host->cancel_after = 2;
	failed = 0;
	if (TRY(ctx))
	{
		for (;;)
		{
			ecml_poll(ctx, 0, 0);
			failed++;
		}
	}
	ok(host->cancelled && failed == 2, "a poll cancels");
	test_ctx_free(ctx);
}

/* ------------------------------------------------------------------------------------------------ parallel_for */

typedef struct Visits
{
	atomic_int *times;			/* [n] how often each task ran */
	double	   *result;			/* [n] */
	double	   *scratch;		/* [workers] */
	atomic_int	bad_worker;
	int			workers;
	long		work;			/* of a task, in nanoseconds of sleep */
} Visits;

static void
visit(void *arg, size_t i, int worker)
{
	Visits	   *v = arg;
	EcmlRng		base;
	EcmlRng		rng;

	if (worker < 0 || worker >= v->workers)
	{
		atomic_fetch_add(&v->bad_worker, 1);
		return;
	}
	ecml_rng_seed(&base, 5);
	rng = ecml_rng_stream(&base, i);
	v->scratch[worker] = 0;
	for (int k = 0; k < 50; k++)
		v->scratch[worker] += ecml_rng_normal(&rng);
	v->result[i] = v->scratch[worker];
	atomic_fetch_add(&v->times[i], 1);
	if (v->work)
		nanosleep(&(struct timespec) {0, v->work}, NULL);
}

/* the threads of this process; -1 where the system does not tell */
static int
count_threads(void)
{
	DIR		   *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int			n = 0;

	if (dir == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* Threads that have been joined may take a moment to vanish from /proc. */
static int
settled_threads(int wanted)
{
	int			n = count_threads();

	for (int i = 0; i < 200 && n > wanted; i++)
	{
		nanosleep(&(struct timespec) {0, 1000000}, NULL);
		n = count_threads();
	}
	return n;
}

static void
threads(void)
{
	static const int counts[] = {1, 2, 3, 7, 16, 400};
	static const size_t sizes[] = {0, 1, 2, 5, 1000};
	double		expected[1000];
	int			before = count_threads();
	int			wrong = 0;
	int			differ = 0;

	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		{
			EcmlCtx    *ctx = test_ctx(counts[c], 1);
			size_t		n = sizes[s];
			Visits		v = {.workers = ecml_workers(ctx, n)};

			v.times = ECML_NEW0(ctx, atomic_int, n);
			v.result = ECML_NEW0(ctx, double, n);
			v.scratch = ECML_NEW0(ctx, double, v.workers);
			ecml_parallel_for(ctx, n, visit, &v);
			if (v.workers < 1 || v.workers > counts[c] || (n > 0 && (size_t) v.workers > n) || v.bad_worker > 0)
				wrong++;
			for (size_t i = 0; i < n; i++)
			{
				wrong += v.times[i] != 1;
				if (n == 1000 && counts[c] == 1)
					expected[i] = v.result[i];
				else if (n == 1000)
					differ += v.result[i] != expected[i];
			}
			test_ctx_free(ctx);
		}
	ok(wrong == 0, "every task runs once, whatever the number of threads (%d wrong)", wrong);
	ok(differ == 0, "streams give the same numbers at any number of threads");

	if (before < 0)
	{
		skip("/proc/self/task is not there to count threads");
		return;
	}
	ok(settled_threads(before) == before, "no thread is left (%d)", count_threads());

	/* cancelled in the middle: tasks of half a millisecond, and the host wants attention at once */
	for (int t = 1; t <= 8; t *= 2)
	{
		EcmlCtx    *ctx = test_ctx(t, 1);
		TestHost   *host = test_host(ctx);
		static Visits v;		/* outlives the long jump */
		volatile bool returned = false;
		volatile int ran = 0;
		volatile int later = 0;

		v = (Visits) {.workers = ecml_workers(ctx, 1000),.work = 500000};
		v.times = ECML_NEW0(ctx, atomic_int, 1000);
		v.result = ECML_NEW0(ctx, double, 1000);
		v.scratch = ECML_NEW0(ctx, double, v.workers);
		host->cancel_after = 0;
		if (TRY(ctx))
		{
			ecml_parallel_for(ctx, 1000, visit, &v);
			returned = true;
		}
		for (int i = 0; i < 1000; i++)
			ran += v.times[i];
		ok(!returned && host->cancelled && ran > 0 && ran < 1000, "%d threads: cancelled after %d of 1000 tasks", t, ran);
		ok(settled_threads(before) == before, "%d threads: none is left after the cancel", t);
		nanosleep(&(struct timespec) {0, 3000000}, NULL);
		for (int i = 0; i < 1000; i++)
			later += v.times[i];
		ok(later == ran, "%d threads: no task runs after the cancel", t);
		test_ctx_free(ctx);
	}
}

/* a host that wants attention now and then, and whose poll returns */
static bool
interrupted_often(EcmlCtx *ctx)
{
	return ++*(int *) ctx->host_data % 3 == 0;
}

static void
poll_returns(EcmlCtx *ctx, double done_so_far, double total)
{
	(void) done_so_far;
	(void) total;
	*(int *) ctx->host_data += 1000;
}

static void
pauses(void)
{
	EcmlCtx    *memory_ctx = test_ctx(1, 1);
	int			calls = 0;
	EcmlHost	host = {.interrupted = interrupted_often,.poll = poll_returns};
	EcmlCtx		ctx;
	Visits		v = {.workers = 4};
	int			wrong = 0;

	ecml_ctx_init(&ctx, &host, &calls, 0, 4, 1);
	v.times = ECML_NEW0(memory_ctx, atomic_int, 300);
	v.result = ECML_NEW0(memory_ctx, double, 300);
	v.scratch = ECML_NEW0(memory_ctx, double, 4);
	ecml_parallel_for(&ctx, 300, visit, &v);
	for (int i = 0; i < 300; i++)
		wrong += v.times[i] != 1;
	ok(wrong == 0 && calls >= 1000, "polls in between that return lose no task and repeat none");
	test_ctx_free(memory_ctx);
}

/* ------------------------------------------------------------------------------------------------ rng */

static void
random_numbers(void)
{
	/* splitmix64 from 1234567, and xoshiro256++ from the state 1, 2, 3, 4: values that other implementations publish */
	static const uint64_t split[5] = {
		UINT64_C(6457827717110365317), UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
		UINT64_C(4593380528125082431), UINT64_C(16408922859458223821)
	};
	static const uint64_t xoshiro[10] = {
		UINT64_C(41943041), UINT64_C(58720359), UINT64_C(3588806011781223), UINT64_C(3591011842654386),
		UINT64_C(9228616714210784205), UINT64_C(9973669472204895162), UINT64_C(14011001112246962877),
		UINT64_C(12406186145184390807), UINT64_C(15849039046786891736), UINT64_C(10450023813501588000)
	};
	uint64_t	state = 1234567;
	EcmlRng		rng = {.s = {1, 2, 3, 4}};
	EcmlRng		other;
	EcmlRng		third;
	int			wrong = 0;
	int			bins[100] = {0};
	double		chi2 = 0;
	double		sum = 0;
	double		squares = 0;
	double		fourth = 0;
	int			equal = 0;
	const int	n = 200000;

	for (int i = 0; i < 5; i++)
		wrong += ecml_splitmix64(&state) != split[i];
	ok(wrong == 0, "splitmix64: reference values");
	for (int i = 0; i < 10; i++)
		wrong += ecml_rng_next(&rng) != xoshiro[i];
	ok(wrong == 0, "xoshiro256++: reference values");

	ecml_rng_seed(&rng, 42);
	for (int i = 0; i < n; i++)
	{
		double		u = ecml_rng_double(&rng);

		wrong += !(u >= 0 && u < 1);
		bins[(int) (u * 100)]++;
	}
	for (int i = 0; i < 100; i++)
		chi2 += (bins[i] - n / 100.0) * (bins[i] - n / 100.0) / (n / 100.0);
	/* chi-square with 99 df: 1e-6 of each tail */
	ok(wrong == 0 && chi2 > 45 && chi2 < 180, "doubles are in [0, 1) and uniform (chi-square %.1f of 99)", chi2);

	chi2 = 0;
	memset(bins, 0, sizeof(bins));
	for (int i = 0; i < n; i++)
	{
		uint64_t	k = ecml_rng_below(&rng, 7);

		wrong += k >= 7;
		bins[k < 7 ? k : 0]++;
	}
	for (int i = 0; i < 7; i++)
		chi2 += (bins[i] - n / 7.0) * (bins[i] - n / 7.0) / (n / 7.0);
	ok(wrong == 0 && chi2 < 38, "below 7: in range and uniform (chi-square %.1f of 6)", chi2);
	for (int i = 0; i < 1000; i++)
		wrong += ecml_rng_below(&rng, 1) != 0;
	ok(wrong == 0, "below 1 is 0");
	/* two thirds of 2^64: taking the remainder would put half of the numbers into the lower half of the range twice */
	for (int i = 0; i < 30000; i++)
	{
		uint64_t	bound = UINT64_C(0xAAAAAAAAAAAAAAAA);
		uint64_t	k = ecml_rng_below(&rng, bound);

		wrong += k >= bound;
		sum += k < bound / 2;
	}
	ok(wrong == 0 && fabs(sum - 15000) < 450, "below a huge bound has no bias (%.0f of 30000 in the lower half)", sum);

	sum = 0;
	for (int i = 0; i < n; i++)
	{
		double		z = ecml_rng_normal(&rng);

		sum += z;
		squares += z * z;
		fourth += z * z * z * z;
	}
	ok(fabs(sum / n) < 0.012 && fabs(squares / n - 1) < 0.016 && fabs(fourth / n - 3) < 0.11,
	   "normal: mean %.4f, variance %.4f, fourth moment %.3f", sum / n, squares / n, fourth / n);

	ecml_rng_seed(&rng, 9);
	ecml_rng_seed(&other, 9);
	ecml_rng_next(&other);
	third = ecml_rng_stream(&other, 3);
	other = ecml_rng_stream(&rng, 3);
	ok(memcmp(&third, &other, sizeof(other)) == 0, "a stream depends on the seed, not on what was drawn");
	third = ecml_rng_stream(&rng, 4);
	for (int i = 0; i < 1000; i++)
	{
		uint64_t	a = ecml_rng_next(&rng);
		uint64_t	b = ecml_rng_next(&other);
		uint64_t	c = ecml_rng_next(&third);

		equal += a == b || b == c || a == c;
	}
	ok(equal == 0, "streams differ from each other and from their source");
}

/* ------------------------------------------------------------------------------------------------ bytes */

/* one of everything */
static void
write_all(EcmlWriter *w)
{
	static const double f8[3] = {1.5, -0.0, 1e300};
	static const float f4[2] = {0.5f, -3e38f};

	ecml_write_u8(w, 200);
	ecml_write_u32(w, 4000000000u);
	ecml_write_u64(w, UINT64_C(0x0123456789abcdef));
	ecml_write_i32(w, -7);
	ecml_write_f8(w, -1e-300);
	ecml_write_u8(w, 1);
	ecml_write_f8(w, 2.5);
	ecml_write_u32(w, 12);
	ecml_write_u32(w, 3);
	ecml_write_f8s(w, f8, 3);
	ecml_write_f8s(w, f8, 3);
	ecml_write_f4s(w, f4, 2);
	ecml_write_string(w, "größe");
	ecml_write_string(w, NULL);
	ecml_write_bytes(w, "xyz", 3);
}

static bool
read_all(EcmlCtx *ctx, const uint8_t *data, size_t size)
{
	EcmlReader	r;
	bool		same = true;
	uint32_t	n;
	double	   *f8;
	float	   *f4;

	ecml_reader_init(&r, ctx, data, size);
	same &= ecml_read_u8(&r) == 200;
	same &= ecml_read_u32(&r) == 4000000000u;
	same &= ecml_read_u64(&r) == UINT64_C(0x0123456789abcdef);
	same &= ecml_read_i32(&r) == -7;
	same &= ecml_read_f8(&r) == -1e-300;
	same &= ecml_read_bool(&r);
	same &= ecml_read_finite(&r) == 2.5;
	same &= ecml_read_u32_in(&r, 12, 12) == 12;
	n = ecml_read_count(&r, sizeof(double));
	same &= n == 3;
	f8 = ecml_read_f8s(&r, n);
	same &= f8[0] == 1.5 && f8[1] == 0 && signbit(f8[1]) && f8[2] == 1e300;
	f8 = ecml_read_finite_f8s(&r, n);
	same &= f8[2] == 1e300;
	f4 = ecml_read_finite_f4s(&r, 2);
	same &= f4[0] == 0.5f && f4[1] == -3e38f;
	same &= strcmp(ecml_read_string(&r), "größe") == 0;
	same &= strcmp(ecml_read_string(&r), "") == 0;
	same &= ecml_read_left(&r) == 3;
	same &= memcmp(ecml_read_bytes(&r, 3), "xyz", 3) == 0;
	ecml_read_end(&r);
	return same;
}

typedef enum Damage
{
	DAMAGE_FLAG, DAMAGE_NAN, DAMAGE_NAN_ARRAY, DAMAGE_INFINITE_F4, DAMAGE_RANGE, DAMAGE_COUNT, DAMAGE_STRING_COUNT,
	DAMAGE_STRING_ZERO, DAMAGE_F8S, DAMAGE_F4S, DAMAGE_BYTES, DAMAGE_LEFT_OVER, DAMAGES
} Damage;

/* Each is read from bytes that it must refuse. */
static void
read_damaged(EcmlCtx *ctx, Damage damage)
{
	static const double not_finite[2] = {1, NAN};
	static const float infinite[2] = {1, INFINITY};
	EcmlWriter	w;
	EcmlReader	r;

	ecml_writer_init(&w, ctx);
	if (damage == DAMAGE_FLAG)
		ecml_write_u8(&w, 2);
	else if (damage == DAMAGE_NAN || damage == DAMAGE_NAN_ARRAY)
		ecml_write_f8s(&w, not_finite + (damage == DAMAGE_NAN), damage == DAMAGE_NAN ? 1 : 2);
	else if (damage == DAMAGE_INFINITE_F4)
		ecml_write_f4s(&w, infinite, 2);
	else if (damage == DAMAGE_STRING_ZERO)
	{
		ecml_write_u32(&w, 3);
		ecml_write_bytes(&w, "a\0b", 3);
	}
	else
	{
		ecml_write_u32(&w, 0xFFFFFFFF);
		ecml_write_bytes(&w, "four", 4);
	}
	ecml_reader_init(&r, ctx, w.data, w.size);
	switch (damage)
	{
		case DAMAGE_FLAG:
			ecml_read_bool(&r);
			break;
		case DAMAGE_NAN:
			ecml_read_finite(&r);
			break;
		case DAMAGE_NAN_ARRAY:
			ecml_read_finite_f8s(&r, 2);
			break;
		case DAMAGE_INFINITE_F4:
			ecml_read_finite_f4s(&r, 2);
			break;
		case DAMAGE_RANGE:
			ecml_read_u32_in(&r, 0, 0xFFFFFFFE);
			break;
		case DAMAGE_COUNT:
			ecml_read_count(&r, 8);
			break;
		case DAMAGE_STRING_COUNT:
		case DAMAGE_STRING_ZERO:
			ecml_read_string(&r);
			break;
		case DAMAGE_F8S:
			ecml_read_f8s(&r, SIZE_MAX / 8 + 2);
			break;
		case DAMAGE_F4S:
			ecml_read_finite_f4s(&r, SIZE_MAX / 4 + 2);
			break;
		case DAMAGE_BYTES:
			ecml_read_bytes(&r, SIZE_MAX);
			break;
		default:
			ecml_read_u32(&r);
			ecml_read_end(&r);
	}
}

static void
bytes(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	TestHost   *host = test_host(ctx);
	static EcmlWriter w;
	static uint8_t *copy;
	volatile bool same = false;
	volatile int accepted = 0;
	volatile int other_failure = 0;
	volatile size_t cut;
	volatile int damage;
	size_t		peak_allowed;

	ecml_writer_init(&w, ctx);
	write_all(&w);
	if (TRY(ctx))
		same = read_all(ctx, w.data, w.size);
	ok(same, "what is written is read (%zu bytes)", w.size);

	/* every truncation, in a block of just that size, so that the address sanitizer sees a byte too many */
	for (cut = 0; cut < w.size; cut++)
	{
		copy = ecml_alloc(ctx, cut);
		memcpy(copy, w.data, cut);
		if (TRY(ctx))
		{
			read_all(ctx, copy, cut);
			accepted++;
		}
		else if (host->status != ECML_CORRUPTED || ctx->detail[0] == '\0')
			other_failure++;
		ecml_free(ctx, copy);
	}
	ok(accepted == 0 && other_failure == 0, "every truncation is corrupted");

	peak_allowed = ctx->used + 100000;
	for (damage = 0; damage < DAMAGES; damage++)
	{
		accepted = 0;
		if (TRY(ctx))
		{
			read_damaged(ctx, damage);
			accepted = 1;
		}
		ok(!accepted && host->status == ECML_CORRUPTED, "damage %d is corrupted", damage);
	}
	ok(ctx->peak < peak_allowed, "no damaged count allocates much");

	/* random bytes: they may be accepted or not, and nothing worse */
	for (damage = 0; damage < 2000; damage++)
	{
		copy = ecml_alloc(ctx, w.size);
		memcpy(copy, w.data, w.size);
		for (int k = 0; k < 3; k++)
			copy[ecml_rng_below(&ctx->rng, w.size)] = (uint8_t) ecml_rng_next(&ctx->rng);
		if (TRY(ctx))
			read_all(ctx, copy, w.size);
		else if (host->status != ECML_CORRUPTED)
			other_failure++;
		ecml_free(ctx, copy);
	}
	ok(other_failure == 0, "changed bytes: accepted or corrupted");

	/* a writer grows */
	ecml_writer_init(&w, ctx);
	for (uint32_t i = 0; i < 100000; i++)
		ecml_write_u32(&w, i);
	same = w.size == 400000;
	for (uint32_t i = 0; i < 100000; i++)
		same = same && memcmp(w.data + 4 * (size_t) i, (uint8_t[4]) {i & 255, i >> 8 & 255, i >> 16 & 255, i >> 24}, 4) == 0;
	ok(same, "100,000 numbers are written, little-endian");
	test_ctx_free(ctx);

	ok(ecml_crc32c("123456789", 9) == 0xE3069283, "CRC-32C: its check value");
	ok(ecml_crc32c("", 0) == 0, "CRC-32C of nothing");
	/* RFC 3720, B.4 */
	ok(ecml_crc32c((uint8_t[32]) {0}, 32) == 0x8A9136AA, "CRC-32C of 32 zeros");
}

/* ------------------------------------------------------------------------------------------------ blocks */

static void
blocks(void)
{
	enum
	{
		rows = 2 * ECML_BLOCK_ROWS + 37,
		columns = 3
	};
	EcmlCtx    *ctx = test_ctx(1, 1);
	double	   *x = ECML_NEW(ctx, double, rows * columns);
	double	   *y = ECML_NEW(ctx, double, rows);
	EcmlBlock	got[ECML_FETCH];

	for (int i = 0; i < rows * columns; i++)
		x[i] = i * 0.25;
	for (int i = 0; i < rows; i++)
		y[i] = -i;
	for (int element = ECML_F4; element <= ECML_F8; element++)
	{
		EcmlData   *data = ecml_data_from_rows(ctx, element, rows, columns, x, y, element == ECML_F8 ? y : NULL);
		size_t		seen = 0;
		int			wrong = 0;
		int			misaligned = 0;
		long		polls = test_host(ctx)->polls;

		ok(data->nblocks == 3 && data->rows == rows && data->columns == columns && data->has_y && data->has_w == (element == ECML_F8),
		   "blocks: their number and shape");
		for (size_t b = 0, n; b < data->nblocks; b += n)
		{
			/* two at once, then the last one alone */
			n = ecml_data_fetch(ctx, data, b, got, 2);
			for (size_t k = 0; k < n; k++)
			{
				const EcmlBlock *block = &got[k];

				wrong += block->first != seen || (b + k < 2 && block->rows != ECML_BLOCK_ROWS);
				misaligned += (uintptr_t) block->x % ECML_ALIGN != 0 || block->stride % 16 != 0 || block->stride < block->rows;
				wrong += (block->w != NULL) != data->has_w;
				for (int i = 0; i < block->rows; i++)
				{
					wrong += block->y[i] != y[seen + i];
					for (int j = 0; j < columns; j++)
						wrong += x[(seen + i) * columns + j] !=
							(element == ECML_F4 ? ECML_BLOCK_F4(block, j)[i] : ECML_BLOCK_F8(block, j)[i]);
				}
				seen += block->rows;
			}
		}
		ok(seen == rows && wrong == 0 && misaligned == 0, "blocks: every row, in order, column by column");
		ok(test_host(ctx)->polls > polls, "blocks: fetching polls");
	}
	ok(ecml_data_from_rows(ctx, ECML_F8, ECML_BLOCK_ROWS, 1, x, NULL, NULL)->nblocks == 1
	   && ecml_data_from_rows(ctx, ECML_F8, ECML_BLOCK_ROWS + 1, 1, x, NULL, NULL)->nblocks == 2
	   && ecml_data_from_rows(ctx, ECML_F8, 0, 1, x, NULL, NULL)->nblocks == 0, "blocks: none too many");
	test_ctx_free(ctx);
}

int
main(void)
{
	memory();
	failure();
	threads();
	pauses();
	random_numbers();
	bytes();
	blocks();
	return done();
}
