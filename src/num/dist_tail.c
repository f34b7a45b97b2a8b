/*
 * dist_tail.c - tails of the gamma and beta distributions
 *
 * The density comes from the saddle-point form of C. Loader, "Fast and accurate computation of binomial probabilities"
 * (2000): deviances from the mean, which vanish there, and Stirling corrections; no difference of large logarithms.
 * The ratio of the tail to the density at its inner end comes from, in turn,
 *     - the power series with positive terms (gamma: x below a + 1; beta: x small against its mean);
 *     - continued fractions: Legendre's for gamma; for beta the one of DiDonato and Morris, "Algorithm 708" (ACM TOMS
 *       18, 1992), whose terms hold the distance from the mean as a factor instead of cancelling to it;
 *     - where all parameters are above QUADRATURE_FROM, the integral of the density itself by one Gauss-Legendre
 *       rule of 32 points: in the coordinate w (dist_tail.h) it is an entire, concave, nearly quadratic exponent.
 * The last costs the same at any size, where series and fractions take some ten times the square root of the parameter.
 * It stands in for Temme's uniform expansion: as accurate as long double is, and without tables.
 *
 * Cost: 1 to 5 microseconds.  Limits: parameters up to about 1e15; iterations are bounded whatever comes.
 */
#include "dist_tail.h"

#include <float.h>
#include <math.h>

#define QUADRATURE_FROM 120.0L
#define MAX_TERMS 100000
#define EPSILON (LDBL_EPSILON > 1e-19L ? LDBL_EPSILON / 4 : 1e-20L)	/* no need of what quadruple precision has */
#define LOG_SQRT_2PI 0.918938533204672741780330L

/* (1/2) ln(v / (2 pi)) */
static long double
log_sqrt_over_2pi(long double v)
{
	return 0.5L * logl(v) - LOG_SQRT_2PI;
}

long double
dist_stirling(long double z)
{
	/* B(2k) / (2k (2k - 1)): the terms left out are below 1e-22 at z >= 16 */
	static const long double coefficient[] = {
		1.0L / 12, -1.0L / 360, 1.0L / 1260, -1.0L / 1680, 1.0L / 1188, -691.0L / 360360, 1.0L / 156,
		-3617.0L / 122400, 43867.0L / 244188, -174611.0L / 125400
	};
	long double shift = 0;
	long double inverse;
	long double square;
	long double sum = 0;

	for (; z < 16; z += 1)
		shift += (z + 0.5L) * log1pl(1 / z) - 1;
	inverse = 1 / z;
	square = inverse * inverse;
	for (int k = (int) (sizeof(coefficient) / sizeof(coefficient[0])) - 1; k >= 0; k--)
		sum = sum * square + coefficient[k];
	return sum * inverse + shift;
}

/* u - ln(1 + u) >= 0, given also r = 1 + u, which may be known better than u when that is near -1 */
static long double
excess(long double u, long double r)
{
	long double v;
	long double v2;
	long double power;
	long double sum = 0;

	if (fabsl(u) > 0.25L)
		return u - logl(r);
	/* ln(1 + u) = 2 artanh(v), v = u / (2 + u); and u - 2v = u v */
	v = u / (2 + u);
	v2 = v * v;
	power = v * v2;
	for (int k = 3; k < 40; k += 2)
	{
		long double term = power / k;

		sum += term;
		if (fabsl(term) <= EPSILON * fabsl(sum))
			break;
		power *= v2;
	}
	return u * v - 2 * sum;
}

long double
dist_log_gamma_density(long double a, long double x)
{
	return log_sqrt_over_2pi(a) - dist_stirling(a) - a * excess((x - a) / a, x / a);
}

long double
dist_log_beta_density(long double a, long double b, long double x, long double y)
{
	long double n = a + b;
	long double d = b * x - a * y;

	return log_sqrt_over_2pi(a / n * b) + dist_stirling(n) - dist_stirling(a) - dist_stirling(b)
		- a * excess(d / a, x / a * n) - b * excess(-d / b, y / b * n);
}

/*
 * What a tail's integrand falls by at distance v outwards: h(v) = ln density(w) - ln density(w -+ v), convex, h(0) = 0.
 * Lower tails: h(v) = a v + x (e^-v - 1) for gamma; for beta a v + n ln(1 + x (e^-v - 1)), n = a + b, which is also
 * -b v + n ln(1 + y (e^v - 1)): the form with the smaller of x and y cancels less.  Gamma's upper tail is
 * -a v + x (e^v - 1), beta's a lower one with its parameters exchanged.
 */
typedef struct Fall
{
	long double linear;			/* a or -b: the factor of v */
	long double n;				/* 0: gamma */
	long double edge;			/* x or y: the factor of e^-+v - 1 */
	long double sign;			/* of v in that exponent */
} Fall;

static long double
fall(const Fall *f, long double v)
{
	long double e = f->edge * expm1l(f->sign * v);

	return f->linear * v + (f->n > 0 ? f->n * log1pl(e) : e);
}

static long double
fall_slope(const Fall *f, long double v)
{
	long double e = f->edge * expl(f->sign * v);

	return f->linear + f->sign * (f->n > 0 ? f->n * e / (1 + f->edge * expm1l(f->sign * v)) : e);
}

/* The integral of exp(-h(v)) over v > 0; slope = h'(0) >= 0, curvature = h''(0) > 0. */
static long double
integrate(const Fall *f, long double slope, long double curvature)
{
	/* the positive nodes of the rule of 32 points on [-1, 1], and their weights */
	static const long double rule[16][2] = {
		{0.0483076656877383162348126L, 0.0965400885147278005667648L},
		{0.144471961582796493485186L, 0.095638720079274859419082L},
		{0.239287362252137074544603L, 0.0938443990808045656391802L},
		{0.331868602282127649779917L, 0.0911738786957638847128686L},
		{0.421351276130635345364119L, 0.0876520930044038111427715L},
		{0.506899908932229390023747L, 0.0833119242269467552221991L},
		{0.587715757240762329040745L, 0.0781938957870703064717409L},
		{0.663044266930215200975115L, 0.0723457941088485062253994L},
		{0.732182118740289680387427L, 0.0658222227763618468376501L},
		{0.794483795967942406963097L, 0.0586840934785355471452836L},
		{0.849367613732569970133693L, 0.0509980592623761761961632L},
		{0.896321155766052123965307L, 0.0428358980222266806568786L},
		{0.934906075937739689170919L, 0.0342738629130214331026877L},
		{0.964762255587506430773812L, 0.0253920653092620594557526L},
		{0.985611511545268335400175L, 0.0162743947309056706051706L},
		{0.997263861849481563544981L, 0.00701861000947009660040706L}
	};
	const long double enough = 46;	/* e^-46 = 1e-20 */
	long double range = 2 * enough / (slope + sqrtl(slope * slope + 2 * enough * curvature));
	long double half;
	long double sum = 0;

	/* Newton's steps towards h(range) = enough; h is convex, so that after one step range errs to the long side */
	for (int i = 0; i < 2; i++)
		range += (enough - fall(f, range)) / fall_slope(f, range);
	half = range / 2;
	for (int i = 0; i < 16; i++)
		sum += rule[i][1] * (expl(-fall(f, half * (1 - rule[i][0]))) + expl(-fall(f, half * (1 + rule[i][0]))));
	return sum * half;
}

/* sum over k >= 0 of x^k / (a (a+1) ... (a+k)) */
static long double
gamma_series(long double a, long double x)
{
	long double term = 1 / a;
	long double sum = term;

	for (int k = 1; k < MAX_TERMS; k++)
	{
		term *= x / (a + k);
		sum += term;
		if (term <= EPSILON * sum)
			break;
	}
	return sum;
}

/* 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / (x + 5 - a - ...))), by Lentz's method */
static long double
gamma_fraction(long double a, long double x)
{
	long double b = x + 1 - a;
	long double c = 1 / LDBL_MIN;
	long double d = 1 / b;
	long double value = d;

	for (int k = 1; k < MAX_TERMS; k++)
	{
		long double numerator = -k * (k - a);
		long double factor;

		b += 2;
		d = numerator * d + b;
		if (d == 0)
			d = LDBL_MIN;
		c = b + numerator / c;
		if (c == 0)
			c = LDBL_MIN;
		d = 1 / d;
		factor = c * d;
		value *= factor;
		if (fabsl(factor - 1) <= 4 * EPSILON)
			break;
	}
	return value;
}

DistTail
dist_gamma_tail(long double a, long double x)
{
	DistTail	tail;

	tail.log_density = dist_log_gamma_density(a, x);
	if (a > QUADRATURE_FROM)
	{
		Fall		f = {.linear = x > a ? -a : a,.edge = x,.sign = x > a ? 1 : -1};

		tail.lower = x <= a;
		tail.ratio = integrate(&f, fabsl(x - a), x);
	}
	else
	{
		tail.lower = x < a + 1;
		tail.ratio = tail.lower ? gamma_series(a, x) : gamma_fraction(a, x);
	}
	return tail;
}

/* sum over k >= 0 of (a+b) ... (a+b+k-1) x^k / (a (a+1) ... (a+k)) */
static long double
beta_series(long double a, long double b, long double x)
{
	long double term = 1 / a;
	long double sum = term;

	for (int k = 0; k < MAX_TERMS; k++)
	{
		term *= (a + b + k) / (a + 1 + k) * x;
		sum += term;
		if (term <= EPSILON * sum)
			break;
	}
	return sum;
}

/*
 * 1 / (beta(0) + alpha(1) / (beta(1) + ...)) with the terms of Algorithm 708, by Lentz's method.
 * mean_distance = a - (a + b) x >= 0.
 */
static long double
beta_fraction(long double a, long double b, long double x, long double y, long double mean_distance)
{
	long double partial = a / (a + 1) * (mean_distance + 1);
	long double c = 1 / LDBL_MIN;
	long double d = 1 / partial;
	long double value = d;

	for (int k = 1; k < MAX_TERMS; k++)
	{
		long double m = a + 2 * k - 1;
		long double numerator = (a + k - 1) / m * (a + b + k - 1) / m * k * (b - k) * x * x;
		long double factor;

		partial = k + k * (b - k) * x / m + (a + k) / (m + 2) * (mean_distance + 1 + k * (1 + y));
		d = numerator * d + partial;
		if (d == 0)
			d = LDBL_MIN;
		c = partial + numerator / c;
		if (c == 0)
			c = LDBL_MIN;
		d = 1 / d;
		factor = c * d;
		value *= factor;
		if (fabsl(factor - 1) <= 4 * EPSILON)
			break;
	}
	return value;
}

/* lower tail / density, for x at most the mean */
static long double
beta_ratio(long double a, long double b, long double x, long double y)
{
	long double n = a + b;
	long double mean_distance = a * y - b * x;

	if (a > QUADRATURE_FROM && b > QUADRATURE_FROM)
	{
		Fall		f = {.linear = a,.n = n,.edge = x,.sign = -1};

		if (x > y)
			f = (Fall) {.linear = -b,.n = n,.edge = y,.sign = 1};
		return integrate(&f, mean_distance, n * x * y);
	}
	if (x <= 0.7L && n * x <= 0.7L * (a + 1))
		return beta_series(a, b, x);
	return beta_fraction(a, b, x, y, mean_distance);
}

DistTail
dist_beta_tail(long double a, long double b, long double x, long double y)
{
	DistTail	tail;

	tail.log_density = dist_log_beta_density(a, b, x, y);
	tail.lower = b * x <= a * y;
	tail.ratio = tail.lower ? beta_ratio(a, b, x, y) : beta_ratio(b, a, y, x);
	return tail;
}

long double
dist_tail_value(DistTail tail, bool lower)
{
	long double held = fminl(expl(tail.log_density) * tail.ratio, 1);

	return tail.lower == lower ? held : 1 - held;
}
