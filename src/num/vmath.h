/*
 * vmath.h - exp, log, log1p, sine and cosine without branches, so that a loop over them is one vector loop in an ECML_CLONES function
 *
 * exp: n = x / ln 2 rounded, r = x - n ln 2 in two parts (Cody and Waite, 1980), the Taylor polynomial of e^r for
 * |r| <= 0.35 to degree 13, and 2^n in two factors, so that results down to the least subnormal and overflow to infinity
 * come out right.  Within 1 ulp of the exact value for normal results.
 * log: x = 2^k m with m in [sqrt(1/2), sqrt(2)), log m by the series of atanh; log1p, for 0 <= x <= 1, puts back what the
 * addition 1 + x rounded away.  Within 2 ulp.
 * sine and cosine of parts of a turn: to the nearest quarter, which is exact, and Taylor's polynomials to the degrees 15 and 16
 * for an eighth of a turn either way.  Within 2e-16.
 *
 * All keep their accuracy with and without fused multiply-add; the bits may differ.
 */
#ifndef ECML_VMATH_H
#define ECML_VMATH_H

#include <stdint.h>
#include <string.h>

#define ECML_VMATH_INLINE static inline __attribute__((always_inline, unused))

ECML_VMATH_INLINE int64_t
vmath_bits(double x)
{
	int64_t		bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

ECML_VMATH_INLINE double
vmath_from_bits(int64_t bits)
{
	double		x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* e^x for any x; NaN for NaN */
ECML_VMATH_INLINE double
ecml_vexp(double x)
{
	const double magic = 0x1.8p52;	/* adding it rounds to an integer, in the low bits */
	double		shifted;
	double		n;
	double		r;
	double		p;
	int64_t		k;
	int64_t		half;

	/* past these the result is infinite or 0 anyway; NaN stays */
	x = x > 1000 ? 1000 : x;
	x = x < -1000 ? -1000 : x;
	shifted = x * 0x1.71547652b82fep+0 + magic;
	n = shifted - magic;
	r = x - n * 0x1.62e42fee00000p-1;
	r = r - n * 0x1.a39ef35793c76p-33;
	p = 1.0 / 6227020800;
	p = p * r + 1.0 / 479001600;
	p = p * r + 1.0 / 39916800;
	p = p * r + 1.0 / 3628800;
	p = p * r + 1.0 / 362880;
	p = p * r + 1.0 / 40320;
	p = p * r + 1.0 / 5040;
	p = p * r + 1.0 / 720;
	p = p * r + 1.0 / 120;
	p = p * r + 1.0 / 24;
	p = p * r + 1.0 / 6;
	p = p * r + 0.5;
	p = p * r * r + r + 1;
	/* the unsigned shift spares the arithmetic one of 64 bits, which AVX2 has not: k + 2048 > 0 */
	k = vmath_bits(shifted) - vmath_bits(magic) + 2048;
	half = (int64_t) ((uint64_t) k >> 1);
	return p * vmath_from_bits((half - 1024 + 1023) << 52) * vmath_from_bits((k - half - 1024 + 1023) << 52);
}

/* 2 atanh(s) = 2 s + s times this, z = s^2 <= 0.0295 */
ECML_VMATH_INLINE double
vmath_atanh_tail(double z)
{
	double		p = 2.0 / 23;

	p = p * z + 2.0 / 21;
	p = p * z + 2.0 / 19;
	p = p * z + 2.0 / 17;
	p = p * z + 2.0 / 15;
	p = p * z + 2.0 / 13;
	p = p * z + 2.0 / 11;
	p = p * z + 2.0 / 9;
	p = p * z + 2.0 / 7;
	p = p * z + 2.0 / 5;
	p = p * z + 2.0 / 3;
	return p * z;
}

/* log(1 + x) for 0 <= x <= 1 */
ECML_VMATH_INLINE double
ecml_vlog1p(double x)
{
	double		u = 1 + x;
	double		lost = x - (u - 1);
	double		big = u > 0x1.6a09e667f3bcdp+0 ? 1 : 0;
	double		f = u > 0x1.6a09e667f3bcdp+0 ? 0.5 * u - 1 : u - 1;	/* exact */
	double		s = f / (2 + f);

	/* log(1 + f) = 2 s + s tail, and 2 s = f - s f, so that the leading term is exact */
	return big * 0x1.62e42fefa3800p-1 +
		(f - (s * (f - vmath_atanh_tail(s * s)) - (lost / u + big * 0x1.ef35793c76730p-45)));
}

/* log x for a normal x > 0 */
ECML_VMATH_INLINE double
ecml_vlog(double x)
{
	const int64_t half = 0x3FE6A09E667F3BCD;	/* sqrt(1/2) */
	const double magic = 0x1.8p52;
	int64_t		k = (int64_t) ((uint64_t) (vmath_bits(x) - half + ((int64_t) 1024 << 52)) >> 52) - 1024;
	double		n = vmath_from_bits(vmath_bits(magic) + k) - magic;
	double		f = vmath_from_bits(vmath_bits(x) - (int64_t) ((uint64_t) k << 52)) - 1;
	double		s = f / (2 + f);

	return n * 0x1.62e42fefa3800p-1 + (f - (s * (f - vmath_atanh_tail(s * s)) - n * 0x1.ef35793c76730p-45));
}

/* sine and cosine of 2 pi turns, |turns| < 2^40 */
ECML_VMATH_INLINE void
ecml_vsincos_turns(double turns, double *sine, double *cosine)
{
	const double magic = 0x1.8p52;
	double		shifted = 4 * turns + magic;
	double		f = (4 * turns - (shifted - magic)) * 0x1.921fb54442d18p+0;
	double		z = f * f;
	double		s = -1.0 / 1307674368000;
	double		c = 1.0 / 20922789888000;
	int64_t		quarter = vmath_bits(shifted);
	uint64_t	swap;
	uint64_t	both;

	s = s * z + 1.0 / 6227020800;
	s = s * z - 1.0 / 39916800;
	s = s * z + 1.0 / 362880;
	s = s * z - 1.0 / 5040;
	s = s * z + 1.0 / 120;
	s = s * z - 1.0 / 6;
	s = f + f * z * s;
	c = c * z - 1.0 / 87178291200;
	c = c * z + 1.0 / 479001600;
	c = c * z - 1.0 / 3628800;
	c = c * z + 1.0 / 40320;
	c = c * z - 1.0 / 720;
	c = c * z + 1.0 / 24;
	c = 1 - (0.5 * z - z * z * c);
	/* an odd quarter changes them, the second and third turn the sine's sign, the first and second the cosine's */
	swap = (uint64_t) 0 - ((uint64_t) quarter & 1);
	both = ((uint64_t) vmath_bits(s) ^ (uint64_t) vmath_bits(c)) & swap;
	*sine = vmath_from_bits(vmath_bits(s) ^ (int64_t) both ^ (int64_t) (((uint64_t) quarter & 2) << 62));
	*cosine = vmath_from_bits(vmath_bits(c) ^ (int64_t) both ^ (int64_t) (((uint64_t) (quarter + 1) & 2) << 62));
}

#endif							/* ECML_VMATH_H */
