/*
 * hash.h - 64-bit hashes of integers and of bytes, the same on every machine and in every version
 *
 * Integers: the finaliser of splitmix64 (Steele, Lea, Flood 2014), a bijection with full avalanche, before and after
 * the seed enters.  Bytes: eight at a time, little-endian, the last ones padded with zeros; each word is folded in by
 * a 64 x 64 -> 128 bit product whose halves are xored (Wang Yi's mum), the length enters at the end.  About 1 ns an
 * integer, 1 ns for 8 bytes.
 *
 * ecml_split and ecml_fold rest on these bits: they must never change (test/data/make_split.py is a second
 * implementation).
 * Not for enemies: whoever chooses the bytes can make collisions.
 */
#ifndef ECML_HASH_H
#define ECML_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t
ecml_hash_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static inline uint64_t
ecml_hash_seed(uint64_t seed)
{
	return ecml_hash_mix(seed + UINT64_C(0xD1B54A32D192ED03));
}

static inline uint64_t
ecml_hash_u64(uint64_t value, uint64_t seed)
{
	return ecml_hash_mix(ecml_hash_mix(value + UINT64_C(0x9E3779B97F4A7C15)) ^ ecml_hash_seed(seed));
}

static inline uint64_t
ecml_hash_fold(uint64_t h, uint64_t word)
{
	unsigned __int128 product = (unsigned __int128) (h ^ word) * UINT64_C(0x9FB21C651E98DF25);

	return (uint64_t) product ^ (uint64_t) (product >> 64);
}

static inline uint64_t
ecml_hash_bytes(const void *bytes, size_t n, uint64_t seed)
{
	const unsigned char *at = bytes;
	uint64_t	h = ecml_hash_seed(seed);
	size_t		left = n;

	while (left > 0)
	{
		uint64_t	word = 0;

		if (left >= 8)
		{
			memcpy(&word, at, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
			word = __builtin_bswap64(word);
#endif
			at += 8;
			left -= 8;
		}
		else
		{
			for (size_t i = 0; i < left; i++)
				word |= (uint64_t) at[i] << (8 * i);
			left = 0;
		}
		h = ecml_hash_fold(h, word);
	}
	return ecml_hash_mix(h ^ n);
}

/* in [0, 1) from the upper 53 bits */
static inline double
ecml_hash_unit(uint64_t h)
{
	return (double) (h >> 11) * 0x1.0p-53;
}

#endif							/* ECML_HASH_H */
