/*
 * tally.h - how many different values, and which is the most frequent, in one pass, mergeable
 *
 * Values are known by their 64-bit hashes (num/hash.h).  Up to ECML_TALLY_EXACT different ones are counted one by
 * one; then a sketch takes over.
 */
#ifndef ECML_TALLY_H
#define ECML_TALLY_H

#include "bytes.h"

#define ECML_TALLY_EXACT 4096	/* up to so many different values everything is exact */
#define ECML_TALLY_KEPT 1024	/* counters beyond */
#define ECML_TALLY_ERROR 0.0082 /* standard error of the number of different values beyond, relative */
#define ECML_TALLY_LABEL 255	/* bytes that are kept of a label */

typedef struct EcmlTallyEntry
{
	uint64_t	hash;
	int64_t		count;			/* 0: the slot is free */
	uint64_t	value;			/* the caller's, to know the value by; or, with a label, its place */
	bool		labelled;
} EcmlTallyEntry;

typedef struct EcmlTally
{
	int64_t		n;
	bool		exact;
	int			slots;			/* a power of two, or 0 */
	int			used;
	EcmlTallyEntry *entries;	/* [slots], open addressing */
	int64_t		error;			/* a count may be so much too low */
	uint8_t    *registers;		/* of HyperLogLog, once it is not exact */
	char	   *labels;			/* a length byte and the bytes of each */
	size_t		labels_used;
	size_t		labels_size;
} EcmlTally;

extern void ecml_tally_init(EcmlTally *t);

/* Count values by hash; values[i] is kept to know the value by. */
extern void ecml_tally_add(EcmlCtx *ctx, EcmlTally *t, const uint64_t *hashes, const uint64_t *values, size_t n);

/* Count one; true: it is new to the table, and *entry wants a label (as long as nothing else is added). */
extern bool ecml_tally_add_one(EcmlCtx *ctx, EcmlTally *t, uint64_t hash, EcmlTallyEntry **entry);
extern void ecml_tally_label(EcmlCtx *ctx, EcmlTally *t, EcmlTallyEntry *entry, const char *label, size_t length);

extern void ecml_tally_merge(EcmlCtx *ctx, EcmlTally *t, const EcmlTally *other);

extern double ecml_tally_distinct(const EcmlTally *t);

/*
 * The most frequent value, or NULL when it does not stand out from what the sketch may have lost; its count is exact,
 * or too low by at most t->error.  Equally frequent ones: the one with the smaller hash.
 */
extern const EcmlTallyEntry *ecml_tally_top(const EcmlTally *t);
extern const char *ecml_tally_label_of(const EcmlTally *t, const EcmlTallyEntry *entry, int *length);	/* NULL: none */

extern void ecml_tally_write(EcmlWriter *w, const EcmlTally *t);
extern void ecml_tally_read(EcmlReader *r, EcmlTally *t);

#endif							/* ECML_TALLY_H */
