/*
 * rng.h - the seeded generator: xoshiro256++ (Blackman and Vigna, 2019), seeded through splitmix64
 *
 * Period 2^256-1, 0.8 ns a number.  ecml_rng_stream gives independent generators for tasks: the stream's number enters
 * the seed, so that the numbers a task draws depend on the task, not on the thread.
 */
#ifndef ECML_RNG_H
#define ECML_RNG_H

#include <stdint.h>

typedef struct EcmlRng
{
	uint64_t	s[4];
	uint64_t	seed;			/* what it was seeded with, for ecml_rng_stream */
} EcmlRng;

static inline uint64_t
ecml_splitmix64(uint64_t *state)
{
	uint64_t	z = (*state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static inline void
ecml_rng_seed(EcmlRng *rng, uint64_t seed)
{
	uint64_t	state = seed;

	rng->seed = seed;
	for (int i = 0; i < 4; i++)
		rng->s[i] = ecml_splitmix64(&state);
}

/* An independent generator, number stream of the given one's seed. */
static inline EcmlRng
ecml_rng_stream(const EcmlRng *rng, uint64_t stream)
{
	uint64_t	state = rng->seed ^ UINT64_C(0xD1B54A32D192ED03);
	uint64_t	mixed = ecml_splitmix64(&state) + stream;
	EcmlRng		result;

	ecml_rng_seed(&result, ecml_splitmix64(&mixed));
	return result;
}

static inline uint64_t
ecml_rng_next(EcmlRng *rng)
{
	uint64_t   *s = rng->s;
	uint64_t	sum = s[0] + s[3];
	uint64_t	result = ((sum << 23) | (sum >> 41)) + s[0];
	uint64_t	t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return result;
}

/* uniform in [0, 1), 53 bits */
static inline double
ecml_rng_double(EcmlRng *rng)
{
	return (double) (ecml_rng_next(rng) >> 11) * 0x1.0p-53;
}

/* uniform in 0 .. bound-1, without bias (Lemire 2019); bound >= 1 */
static inline uint64_t
ecml_rng_below(EcmlRng *rng, uint64_t bound)
{
	unsigned __int128 product = (unsigned __int128) ecml_rng_next(rng) * bound;

	if ((uint64_t) product < bound)
	{
		uint64_t	threshold = -bound % bound;

		while ((uint64_t) product < threshold)
			product = (unsigned __int128) ecml_rng_next(rng) * bound;
	}
	return (uint64_t) (product >> 64);
}

extern double ecml_rng_normal(EcmlRng *rng);	/* standard normal, polar method */

#endif							/* ECML_RNG_H */
