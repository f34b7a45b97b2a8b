/*
 * sequential.h - tests that may be looked at more than once: always-valid inference, and boundaries for planned looks
 */
#ifndef ECML_SEQUENTIAL_H
#define ECML_SEQUENTIAL_H

/* A difference of two means, its standard error, and what a mixture sequential probability ratio test says of it. */
typedef struct AlwaysValid
{
	double		ratio;			/* likelihood ratio of the mixture to no difference */
	double		p_value;		/* min(1, 1 / ratio) at this look; the least of all looks so far is valid, too */
	double		ci_low;			/* of a sequence of intervals that hold the difference at all looks at once */
	double		ci_high;
} AlwaysValid;

/* tau > 0: the deviation of the differences that the mixture expects; level of the interval. */
extern AlwaysValid sequential_always_valid(double difference, double std_error, double tau, double level);

typedef enum SequentialSpending
{
	SPEND_OBRIEN_FLEMING,		/* Lan & DeMets 1983: 2 - 2 Phi(z(alpha / 2) / sqrt(t)); alpha of a side */
	SPEND_POCOCK,				/* alpha ln(1 + (e - 1) t) */
	SPEND_POWER					/* alpha t^rho: Kim & DeMets 1987 */
} SequentialSpending;

typedef struct SequentialParams
{
	int			spending;		/* SequentialSpending */
	int			two_sided;		/* bool */
	double		alpha;
	double		rho;			/* POWER */
} SequentialParams;

#define SEQUENTIAL_DEFAULTS {.spending = SPEND_OBRIEN_FLEMING, .two_sided = 1, .alpha = 0.05, .rho = 2}
#define SEQUENTIAL_MAX_LOOKS 200
#define SEQUENTIAL_GRID 1001		/* points of the density between the boundaries */

typedef struct SequentialLook
{
	double		spent;			/* of alpha, up to this look */
	double		boundary;		/* of z: |z| (two-sided) or z beyond it ends the experiment */
} SequentialLook;

/*
 * The boundaries of looks at the fractions [n] of all information, rising, the last at most 1.  Armitage, McPherson and Rowe
 * 1969: the density of the score between the boundaries, carried from look to look.  scratch [2 * SEQUENTIAL_GRID].
 */
extern void sequential_boundaries(const double *fractions, int n, const SequentialParams *params, SequentialLook *looks,
								  double *scratch);

#endif							/* ECML_SEQUENTIAL_H */
