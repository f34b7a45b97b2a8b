/*
 * bytes.h - bounded writer and reader of model payloads
 *
 * Little-endian, unaligned, no padding.  The reader never reads past its end and never trusts a count: a length is checked
 * against the bytes that are left before anything is allocated for it, so no byte sequence makes it allocate more than a
 * small multiple of its own size.  Every violation fails with ECML_CORRUPTED.
 */
#ifndef ECML_BYTES_H
#define ECML_BYTES_H

#include "ctx.h"

typedef struct EcmlWriter
{
	EcmlCtx    *ctx;
	uint8_t    *data;			/* [size], owned by ctx */
	size_t		size;
	size_t		capacity;
} EcmlWriter;

typedef struct EcmlReader
{
	EcmlCtx    *ctx;			/* fails and allocates here */
	const uint8_t *data;
	size_t		size;
	size_t		at;
} EcmlReader;

extern void ecml_writer_init(EcmlWriter *w, EcmlCtx *ctx);
extern void ecml_write_u8(EcmlWriter *w, uint8_t v);
extern void ecml_write_u32(EcmlWriter *w, uint32_t v);
extern void ecml_write_u64(EcmlWriter *w, uint64_t v);
extern void ecml_write_i32(EcmlWriter *w, int32_t v);
extern void ecml_write_f8(EcmlWriter *w, double v);
extern void ecml_write_bytes(EcmlWriter *w, const void *data, size_t size);	/* no length is written */
extern void ecml_write_f8s(EcmlWriter *w, const double *v, size_t n);	/* no length is written */
extern void ecml_write_f4s(EcmlWriter *w, const float *v, size_t n);
extern void ecml_write_string(EcmlWriter *w, const char *s);	/* u32 length, bytes; NULL is written as "" */

extern void ecml_reader_init(EcmlReader *r, EcmlCtx *ctx, const void *data, size_t size);
extern uint8_t ecml_read_u8(EcmlReader *r);
extern uint32_t ecml_read_u32(EcmlReader *r);
extern uint64_t ecml_read_u64(EcmlReader *r);
extern int32_t ecml_read_i32(EcmlReader *r);
extern double ecml_read_f8(EcmlReader *r);
extern bool ecml_read_bool(EcmlReader *r);	/* a byte, 0 or 1 */
extern double ecml_read_finite(EcmlReader *r);	/* NaN and infinity: corrupted */
extern uint32_t ecml_read_u32_in(EcmlReader *r, uint32_t low, uint32_t high);	/* out of range: corrupted */
extern const uint8_t *ecml_read_bytes(EcmlReader *r, size_t size);	/* points into the data */
extern double *ecml_read_f8s(EcmlReader *r, size_t n);	/* a copy, owned by ctx */
extern double *ecml_read_finite_f8s(EcmlReader *r, size_t n);
extern float *ecml_read_finite_f4s(EcmlReader *r, size_t n);
extern char *ecml_read_string(EcmlReader *r);	/* a copy, zero-terminated; an embedded zero: corrupted */
extern char **ecml_read_strings(EcmlReader *r, uint32_t n);	/* n strings, in one piece of memory */
extern char *ecml_read_texts(EcmlReader *r, uint32_t n, uint32_t *at, size_t *size);	/* n strings in size bytes; at [n]: where */
extern uint32_t ecml_read_count(EcmlReader *r, size_t element_size);	/* u32, and that many elements are left */
extern size_t ecml_read_left(const EcmlReader *r);
extern void ecml_read_end(EcmlReader *r);	/* bytes left over: corrupted */
extern void ecml_read_corrupted(EcmlReader *r, const char *what) ECML_NORETURN;

extern uint32_t ecml_crc32c(const void *data, size_t size);

#endif							/* ECML_BYTES_H */
