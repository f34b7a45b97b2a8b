/*
 * tally.c - how many different values, and which is the most frequent
 *
 * A hash table counts every value as long as there are at most 4,096 different ones: both answers are exact then (two
 * values of one 64-bit hash would be one: once in 2^40 such columns).  Beyond:
 *
 * Different values: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007) with 2^14 registers over 64-bit hashes, and
 * the estimator of Ertl ("New cardinality estimation algorithms for HyperLogLog sketches", 2017), which needs no
 * tables of corrections.  Standard error 1.04 / 2^7 = 0.81 %.
 *
 * The most frequent: the table goes on as a Misra-Gries summary (1982) with 1,024 to 2,048 counters, in the mergeable
 * form with the amortised purge of Anderson, Bevin, Lang, Liberty, Rhodes, Thaler (2017): when it is full, the median
 * count is taken off every count, and what falls to 0 leaves.  Counts are too low by at most n / 1,024 in total.
 *
 * Cost: 3 to 20 ns a value; 128 KB or less and 16 KB of registers, and labels.  Independent of the order of values as
 * long as it is exact, and the number of different values also beyond.
 */
#include "tally.h"

#include <math.h>
#include <string.h>

#define EXACT ECML_TALLY_EXACT
#define KEPT ECML_TALLY_KEPT
#define FULL (2 * KEPT)			/* counters when a purge is due */
#define BITS 14
#define REGISTERS (1 << BITS)
#define MAX_RANK (64 - BITS + 1)

void
ecml_tally_init(EcmlTally *t)
{
	memset(t, 0, sizeof(*t));
	t->exact = true;
}

static inline void
observe(uint8_t *registers, uint64_t hash)
{
	uint64_t	rest = hash << BITS;
	uint8_t		rank = (uint8_t) (rest ? __builtin_clzll(rest) + 1 : MAX_RANK);
	uint8_t    *place = &registers[hash >> (64 - BITS)];

	if (rank > *place)
		*place = rank;
}

static inline EcmlTallyEntry *
find(EcmlTallyEntry *entries, int slots, uint64_t hash)
{
	uint64_t	mask = (uint64_t) slots - 1;
	uint64_t	i = hash & mask;

	while (entries[i].count != 0 && entries[i].hash != hash)
		i = (i + 1) & mask;
	return &entries[i];
}

/* A table of slots that has the entries with a count above cut, less cut. */
static void
rebuild(EcmlCtx *ctx, EcmlTally *t, int slots, int64_t cut)
{
	EcmlTallyEntry *entries = ECML_NEW0(ctx, EcmlTallyEntry, slots);
	char	   *labels = NULL;
	size_t		used = 0;
	int			kept = 0;

	/* labels move only when some go */
	if (cut > 0 && t->labels_used > 0)
		labels = ecml_alloc(ctx, t->labels_size);
	for (int i = 0; i < t->slots; i++)
	{
		const EcmlTallyEntry *from = &t->entries[i];
		EcmlTallyEntry *to;

		if (from->count <= cut)
			continue;
		to = find(entries, slots, from->hash);
		*to = *from;
		to->count -= cut;
		kept++;
		if (labels && from->labelled)
		{
			size_t		size = (uint8_t) t->labels[from->value] + (size_t) 1;

			memcpy(labels + used, t->labels + from->value, size);
			to->value = used;
			used += size;
		}
	}
	if (labels)
	{
		ecml_free(ctx, t->labels);
		t->labels = labels;
		t->labels_used = used;
	}
	ecml_free(ctx, t->entries);
	t->entries = entries;
	t->slots = slots;
	t->used = kept;
}

/* The count number n / 2 of the n in the table, by a histogram of its bits from the top. */
static int64_t
median_count(const EcmlTally *t)
{
	int64_t		prefix = 0;
	int			rank = t->used / 2;

	for (int shift = 56; shift >= 0; shift -= 8)
	{
		int			counts[256] = {0};
		int			digit = 0;

		for (int i = 0; i < t->slots; i++)
			if (t->entries[i].count != 0 && (shift == 56 || t->entries[i].count >> (shift + 8) == prefix))
				counts[t->entries[i].count >> shift & 255]++;
		while (rank >= counts[digit])
			rank -= counts[digit++];
		prefix = prefix << 8 | digit;
	}
	return prefix;
}

/* Every value is one of a few, or nothing: leave what stands out. */
static void
purge(EcmlCtx *ctx, EcmlTally *t)
{
	int64_t		cut = 1;
	bool		all_one = true;

	for (int i = 0; i < t->slots && all_one; i++)
		all_one = t->entries[i].count <= 1;
	if (!all_one)
		cut = median_count(t);
	t->error += cut;
	if (all_one && t->slots == 2 * FULL)
	{
		memset(t->entries, 0, (size_t) t->slots * sizeof(EcmlTallyEntry));
		t->used = 0;
		t->labels_used = 0;
	}
	else
		rebuild(ctx, t, 2 * FULL, cut);
}

static void
stop_exact(EcmlCtx *ctx, EcmlTally *t)
{
	t->exact = false;
	t->registers = ECML_NEW0(ctx, uint8_t, REGISTERS);
	for (int i = 0; i < t->slots; i++)
		if (t->entries[i].count != 0)
			observe(t->registers, t->entries[i].hash);
	while (t->used > KEPT)
		purge(ctx, t);
	/* from here on at most FULL of twice as many slots */
	if (t->slots != 2 * FULL)
		rebuild(ctx, t, 2 * FULL, 0);
}

/* Room for one more entry. */
static void
grow(EcmlCtx *ctx, EcmlTally *t)
{
	if (t->exact && t->used >= EXACT)
		stop_exact(ctx, t);
	else if (!t->exact && t->used >= FULL)
		purge(ctx, t);
	else if (2 * (t->used + 1) > t->slots)
		rebuild(ctx, t, t->slots > 0 ? 2 * t->slots : 16, 0);
}

/* The entry of a hash, made if need be; fresh: it was. */
static inline EcmlTallyEntry *
entry_of(EcmlCtx *ctx, EcmlTally *t, uint64_t hash, bool *fresh)
{
	EcmlTallyEntry *entry = t->slots > 0 ? find(t->entries, t->slots, hash) : NULL;

	*fresh = entry == NULL || entry->count == 0;
	if (*fresh)
	{
		/* a new value: one that comes again needs no room */
		if (2 * (t->used + 1) > t->slots || (t->exact ? t->used >= EXACT : t->used >= FULL))
		{
			grow(ctx, t);
			entry = find(t->entries, t->slots, hash);
		}
		*entry = (EcmlTallyEntry) {.hash = hash};
		t->used++;
	}
	return entry;
}

void
ecml_tally_add(EcmlCtx *ctx, EcmlTally *t, const uint64_t *hashes, const uint64_t *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		bool		fresh;
		EcmlTallyEntry *entry = entry_of(ctx, t, hashes[i], &fresh);

		entry->count++;
		if (fresh)
			entry->value = values[i];
	}
	t->n += (int64_t) n;
	/* those before the sketch took over are in it already */
	if (!t->exact)
		for (size_t i = 0; i < n; i++)
			observe(t->registers, hashes[i]);
}

bool
ecml_tally_add_one(EcmlCtx *ctx, EcmlTally *t, uint64_t hash, EcmlTallyEntry **entry)
{
	bool		fresh;

	*entry = entry_of(ctx, t, hash, &fresh);
	(*entry)->count++;
	t->n++;
	if (!t->exact)
		observe(t->registers, hash);
	return fresh;
}

void
ecml_tally_label(EcmlCtx *ctx, EcmlTally *t, EcmlTallyEntry *entry, const char *label, size_t length)
{
	size_t		size;

	if (length > ECML_TALLY_LABEL)
		length = ECML_TALLY_LABEL;
	size = t->labels_used + 1 + length;
	if (size > t->labels_size)
	{
		t->labels_size = 2 * size < 256 ? 256 : 2 * size;
		t->labels = ecml_resize_array(ctx, t->labels, t->labels_size, 1);
	}
	entry->labelled = true;
	entry->value = t->labels_used;
	t->labels[t->labels_used] = (char) length;
	memcpy(t->labels + t->labels_used + 1, label, length);
	t->labels_used = size;
}

const char *
ecml_tally_label_of(const EcmlTally *t, const EcmlTallyEntry *entry, int *length)
{
	if (!entry->labelled)
		return NULL;
	*length = (uint8_t) t->labels[entry->value];
	return t->labels + entry->value + 1;
}

void
ecml_tally_merge(EcmlCtx *ctx, EcmlTally *t, const EcmlTally *other)
{
	if (t->exact && !other->exact)
		stop_exact(ctx, t);
	for (int i = 0; i < other->slots; i++)
	{
		const EcmlTallyEntry *from = &other->entries[i];
		EcmlTallyEntry *to;
		bool		fresh;

		if (from->count == 0)
			continue;
		to = entry_of(ctx, t, from->hash, &fresh);
		to->count += from->count;
		if (fresh && from->labelled)
		{
			int			length;
			const char *label = ecml_tally_label_of(other, from, &length);

			ecml_tally_label(ctx, t, to, label, length);
		}
		else if (fresh)
			to->value = from->value;
	}
	if (!t->exact && other->exact)
	{
		for (int i = 0; i < other->slots; i++)
			if (other->entries[i].count != 0)
				observe(t->registers, other->entries[i].hash);
	}
	else if (!t->exact)
		for (int i = 0; i < REGISTERS; i++)
			if (other->registers[i] > t->registers[i])
				t->registers[i] = other->registers[i];
	t->n += other->n;
	t->error += other->error;
}

/* Ertl's sigma: x + sum of x^(2^k) 2^(k - 1) */
static double
sigma(double x)
{
	double		y = 1;
	double		z = x;
	double		before;

	if (x == 1)
		return INFINITY;
	do
	{
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

/* Ertl's tau: (1 - x - sum of (1 - x^(2^-k))^2 2^-k) / 3 */
static double
tau(double x)
{
	double		y = 1;
	double		z = 1 - x;
	double		before;

	if (x == 0 || x == 1)
		return 0;
	do
	{
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

double
ecml_tally_distinct(const EcmlTally *t)
{
	int			counts[MAX_RANK + 1] = {0};
	double		m = REGISTERS;
	double		z;
	double		estimate;

	if (t->exact)
		return t->used;
	for (int i = 0; i < REGISTERS; i++)
		counts[t->registers[i]]++;
	z = m * tau(1 - counts[MAX_RANK] / m);
	for (int k = MAX_RANK - 1; k >= 1; k--)
		z = 0.5 * (z + counts[k]);
	z += m * sigma(counts[0] / m);
	estimate = rint(m * m / (2 * log(2) * z));
	/* there were more than the table holds, and not more than there are values */
	return fmin(fmax(estimate, EXACT + 1), (double) t->n);
}

const EcmlTallyEntry *
ecml_tally_top(const EcmlTally *t)
{
	const EcmlTallyEntry *top = NULL;

	for (int i = 0; i < t->slots; i++)
	{
		const EcmlTallyEntry *entry = &t->entries[i];

		if (entry->count > 0 && (top == NULL || entry->count > top->count ||
								 (entry->count == top->count && entry->hash < top->hash)))
			top = entry;
	}
	return top && (t->exact || top->count > t->error) ? top : NULL;
}

void
ecml_tally_write(EcmlWriter *w, const EcmlTally *t)
{
	ecml_write_u64(w, (uint64_t) t->n);
	ecml_write_u8(w, t->exact);
	ecml_write_u64(w, (uint64_t) t->error);
	ecml_write_u32(w, (uint32_t) t->used);
	for (int i = 0; i < t->slots; i++)
	{
		const EcmlTallyEntry *entry = &t->entries[i];
		int			length;
		const char *label;

		if (entry->count == 0)
			continue;
		label = ecml_tally_label_of(t, entry, &length);
		ecml_write_u64(w, entry->hash);
		ecml_write_u64(w, (uint64_t) entry->count);
		ecml_write_u8(w, label != NULL);
		if (label)
		{
			ecml_write_u8(w, (uint8_t) length);
			ecml_write_bytes(w, label, length);
		}
		else
			ecml_write_u64(w, entry->value);
	}
	if (!t->exact)
		ecml_write_bytes(w, t->registers, REGISTERS);
}

void
ecml_tally_read(EcmlReader *r, EcmlTally *t)
{
	uint32_t	used;
	int64_t		left;

	ecml_tally_init(t);
	t->n = (int64_t) ecml_read_u64(r);
	t->exact = ecml_read_bool(r);
	t->error = (int64_t) ecml_read_u64(r);
	used = ecml_read_count(r, 18);
	if (t->n < 0 || t->error < 0 || t->error > t->n || used > (t->exact ? EXACT : FULL) || (t->exact && t->error != 0))
		ecml_read_corrupted(r, "a tally contradicts itself");
	left = t->n;
	if (used > 0 || !t->exact)
	{
		int			slots = 16;

		while (slots < 2 * (int) used)
			slots *= 2;
		t->slots = t->exact ? slots : 2 * FULL;
		t->entries = ECML_NEW0(r->ctx, EcmlTallyEntry, t->slots);
	}
	for (uint32_t i = 0; i < used; i++)
	{
		uint64_t	hash = ecml_read_u64(r);
		int64_t		count = (int64_t) ecml_read_u64(r);
		EcmlTallyEntry *entry = find(t->entries, t->slots, hash);

		if (entry->count != 0 || count <= 0 || count > left)
			ecml_read_corrupted(r, "a count of a tally is out of range");
		left -= count;
		entry->hash = hash;
		entry->count = count;
		t->used++;
		if (ecml_read_bool(r))
		{
			uint8_t		length = ecml_read_u8(r);

			ecml_tally_label(r->ctx, t, entry, (const char *) ecml_read_bytes(r, length), length);
		}
		else
			entry->value = ecml_read_u64(r);
	}
	if (t->exact)
	{
		if (left != 0)
			ecml_read_corrupted(r, "counts of a tally do not add up");
		return;
	}
	t->registers = ECML_NEW(r->ctx, uint8_t, REGISTERS);
	memcpy(t->registers, ecml_read_bytes(r, REGISTERS), REGISTERS);
	for (int i = 0; i < REGISTERS; i++)
		if (t->registers[i] > MAX_RANK)
			ecml_read_corrupted(r, "a register of a tally is out of range");
}
