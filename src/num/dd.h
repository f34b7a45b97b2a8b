/*
 * dd.h - double-double arithmetic: a number as the unevaluated sum of two doubles, about 32 decimal digits
 *
 * Error-free transformations: TwoSum (Knuth, 1969), FastTwoSum and the split product (Dekker, 1971), the product by fma;
 * the sums and products of pairs as in Hida, Li and Bailey, "Library for double-double and quad-double arithmetic" (2001).
 * A product is exact as long as its low half does not underflow (|a b| above 1e-290); the split one also needs |a| and |b|
 * below 1e299.  Where both hold, fma and split give the same bits, so the numbers do not depend on the machine.
 *
 * A compiler that fuses a product with a later addition would break them.  ECML_DD_KEEP hides from it that a value is a
 * product, so this header is right also in files compiled without -ffp-contract=off.
 */
#ifndef ECML_DD_H
#define ECML_DD_H

#include <math.h>

#if defined(__GNUC__) && defined(__x86_64__)
#define ECML_DD_KEEP(v) __asm__("" : "+x"(v))
#elif defined(__GNUC__) && defined(__aarch64__)
#define ECML_DD_KEEP(v) __asm__("" : "+w"(v))
#else
#define ECML_DD_KEEP(v) ((void) 0)
#endif

#define ECML_DD_INLINE static inline __attribute__((always_inline, unused))

typedef struct EcmlDd
{
	double		hi;
	double		lo;				/* at most half a unit in the last place of hi */
} EcmlDd;

ECML_DD_INLINE EcmlDd
dd_from(double a)
{
	return (EcmlDd) {a, 0};
}

/* a + b, exactly */
ECML_DD_INLINE EcmlDd
dd_two_sum(double a, double b)
{
	double		s = a + b;
	double		bb = s - a;

	return (EcmlDd) {s, (a - (s - bb)) + (b - bb)};
}

/* a + b, exactly, where |a| >= |b| or a = 0 */
ECML_DD_INLINE EcmlDd
dd_fast_two_sum(double a, double b)
{
	double		s = a + b;

	return (EcmlDd) {s, b - (s - a)};
}

/* a * b, exactly */
ECML_DD_INLINE EcmlDd
dd_two_prod(double a, double b)
{
	double		p = a * b;

	ECML_DD_KEEP(p);
	return (EcmlDd) {p, fma(a, b, -p)};
}

/* a in two halves of 26 bits */
ECML_DD_INLINE EcmlDd
dd_split(double a)
{
	double		t = 134217729.0 * a;	/* 2^27 + 1 */
	double		hi;

	ECML_DD_KEEP(t);
	hi = t - (t - a);
	return (EcmlDd) {hi, a - hi};
}

/* a * b, exactly, for machines without fma */
ECML_DD_INLINE EcmlDd
dd_two_prod_split(double a, double b)
{
	double		p = a * b;
	EcmlDd		sa = dd_split(a);
	EcmlDd		sb = dd_split(b);
	double		hh = sa.hi * sb.hi;
	double		hl = sa.hi * sb.lo;
	double		lh = sa.lo * sb.hi;
	double		ll = sa.lo * sb.lo;

	ECML_DD_KEEP(p);
	ECML_DD_KEEP(hh);
	ECML_DD_KEEP(hl);
	ECML_DD_KEEP(lh);
	ECML_DD_KEEP(ll);
	return (EcmlDd) {p, ((hh - p) + hl + lh) + ll};
}

ECML_DD_INLINE EcmlDd
dd_neg(EcmlDd a)
{
	return (EcmlDd) {-a.hi, -a.lo};
}

ECML_DD_INLINE EcmlDd
dd_add(EcmlDd a, EcmlDd b)
{
	EcmlDd		s = dd_two_sum(a.hi, b.hi);
	EcmlDd		t = dd_two_sum(a.lo, b.lo);

	s = dd_fast_two_sum(s.hi, s.lo + t.hi);
	return dd_fast_two_sum(s.hi, s.lo + t.lo);
}

ECML_DD_INLINE EcmlDd
dd_sub(EcmlDd a, EcmlDd b)
{
	return dd_add(a, dd_neg(b));
}

ECML_DD_INLINE EcmlDd
dd_mul(EcmlDd a, EcmlDd b)
{
	EcmlDd		p = dd_two_prod(a.hi, b.hi);
	double		hl = a.hi * b.lo;
	double		lh = a.lo * b.hi;

	ECML_DD_KEEP(hl);
	ECML_DD_KEEP(lh);
	return dd_fast_two_sum(p.hi, p.lo + (hl + lh));
}

ECML_DD_INLINE EcmlDd
dd_mul_d(EcmlDd a, double b)
{
	EcmlDd		p = dd_two_prod(a.hi, b);
	double		lh = a.lo * b;

	ECML_DD_KEEP(lh);
	return dd_fast_two_sum(p.hi, p.lo + lh);
}

/* a times a power of two, exactly */
ECML_DD_INLINE EcmlDd
dd_scale(EcmlDd a, double power)
{
	return (EcmlDd) {a.hi * power, a.lo * power};
}

ECML_DD_INLINE EcmlDd
dd_div(EcmlDd a, EcmlDd b)
{
	double		q1 = a.hi / b.hi;
	EcmlDd		r = dd_sub(a, dd_mul_d(b, q1));
	double		q2 = r.hi / b.hi;
	double		q3;
	EcmlDd		q;

	r = dd_sub(r, dd_mul_d(b, q2));
	q3 = r.hi / b.hi;
	q = dd_fast_two_sum(q1, q2);
	return dd_add(q, dd_from(q3));
}

/* a >= 0; a negative one gives 0 */
ECML_DD_INLINE EcmlDd
dd_sqrt(EcmlDd a)
{
	double		root;
	EcmlDd		rest;

	if (!(a.hi > 0))
		return dd_from(0);
	root = sqrt(a.hi);
	rest = dd_sub(a, dd_two_prod(root, root));
	return dd_fast_two_sum(root, rest.hi / (2 * root));
}

#endif							/* ECML_DD_H */
