/*
 * dist.h - probability distributions: density, both tails, and the inverses of both tails
 *
 * For each distribution _pdf, _cdf (lower tail), _sf (upper tail, never as 1 - cdf), _quantile (x with cdf(x) = p) and
 * _isf (x with sf(x) = q).  Pure functions of doubles: no state, no errors, safe in threads.  NaN for a parameter
 * or probability out of range, or a NaN argument.
 *
 * Accuracy, relative, against mpmath with 60 to 400 digits (test/data/dist), where long double has 64 bits of mantissa
 * (x86-64) or more (aarch64 Linux, in software and slower):
 *     1e-12 promised for every function, down to probabilities of 1e-300 and below, df 0.5 to 1e8, shapes 0.1 to 1e6;
 *     seen on x86-64: 5e-16 for normal, t, chi-square and gamma; 1.5e-15 for beta with both shapes 1e6; 9e-15 for F with
 *     both df 1e8; inverses 2e-16.
 * Beyond these ranges the same code runs and loses digits slowly (the square root of the shape times 1e-18).
 * Where long double is just double (no such platform is tested): a build with double in its place showed 1e-12 up to
 * shapes of 1e4 and 8e-12 above, and wrong results where t * t or a quantile leaves the range of doubles on the way
 * (|t| above 1e150, quantiles below 1e-150).
 *
 * Two cautions that no code can lift.  A cdf near 1 has 1e-16 of absolute accuracy: ask for sf.  A quantile is as well
 * determined as its argument: isf(q) and quantile(1 - q) differ because 1 - q has been rounded.
 *
 * Time, on average over all sizes: a density 1, a tail 3 to 5, an inverse 4 to 11 microseconds, a discrete inverse 25.
 */
#ifndef ECML_DIST_H
#define ECML_DIST_H

/* standard normal */
extern double ecml_normal_pdf(double x);
extern double ecml_normal_cdf(double x);
extern double ecml_normal_sf(double x);
extern double ecml_normal_quantile(double p);
extern double ecml_normal_isf(double q);

/* Student's t; df > 0, infinity is the normal */
extern double ecml_t_pdf(double t, double df);
extern double ecml_t_cdf(double t, double df);
extern double ecml_t_sf(double t, double df);
extern double ecml_t_quantile(double p, double df);
extern double ecml_t_isf(double q, double df);

/* chi-square; df > 0 */
extern double ecml_chi2_pdf(double x, double df);
extern double ecml_chi2_cdf(double x, double df);
extern double ecml_chi2_sf(double x, double df);
extern double ecml_chi2_quantile(double p, double df);
extern double ecml_chi2_isf(double q, double df);

/* F with df1 (numerator) and df2 (denominator) > 0 */
extern double ecml_f_pdf(double f, double df1, double df2);
extern double ecml_f_cdf(double f, double df1, double df2);
extern double ecml_f_sf(double f, double df1, double df2);
extern double ecml_f_quantile(double p, double df1, double df2);
extern double ecml_f_isf(double q, double df1, double df2);

/* beta on [0, 1]; a, b > 0.  A quantile within 1e-16 of 1 is 1: swap a and b, and ask for its distance from 1. */
extern double ecml_beta_pdf(double x, double a, double b);
extern double ecml_beta_cdf(double x, double a, double b);
extern double ecml_beta_sf(double x, double a, double b);
extern double ecml_beta_quantile(double p, double a, double b);
extern double ecml_beta_isf(double q, double a, double b);

/* gamma; shape, scale > 0, mean shape * scale */
extern double ecml_gamma_pdf(double x, double shape, double scale);
extern double ecml_gamma_cdf(double x, double shape, double scale);
extern double ecml_gamma_sf(double x, double shape, double scale);
extern double ecml_gamma_quantile(double p, double shape, double scale);
extern double ecml_gamma_isf(double q, double shape, double scale);

/*
 * Binomial (n >= 0 trials, a whole number; p in [0, 1]) and Poisson (mean >= 0).  pdf is the probability of exactly k, 0
 * where k is no whole number; sf is P(X > k).  The quantile is the least whole k with cdf(k) >= p, isf the least with
 * sf(k) <= q.
 */
extern double ecml_binomial_pdf(double k, double n, double p);
extern double ecml_binomial_cdf(double k, double n, double p);
extern double ecml_binomial_sf(double k, double n, double p);
extern double ecml_binomial_quantile(double prob, double n, double p);
extern double ecml_binomial_isf(double q, double n, double p);

extern double ecml_poisson_pdf(double k, double mean);
extern double ecml_poisson_cdf(double k, double mean);
extern double ecml_poisson_sf(double k, double mean);
extern double ecml_poisson_quantile(double prob, double mean);
extern double ecml_poisson_isf(double q, double mean);

/*
 * Noncentral t (df > 0, noncentrality delta) and F (df1, df2 > 0, noncentrality lambda >= 0), for the power of tests:
 * 1e-12 of the larger tail, and of the upper one itself for t >= 0 and delta >= 0.
 */
extern double ecml_t_noncentral_cdf(double t, double df, double delta);
extern double ecml_t_noncentral_sf(double t, double df, double delta);
extern double ecml_f_noncentral_sf(double f, double df1, double df2, double lambda);

/*
 * The studentized range of k means (2 <= k <= 1e6) with df > 0 degrees of freedom, whose deviation is shared: 1e-12 of the
 * smaller tail.  About a millisecond each, inverses thirty.
 */
extern double ecml_range_cdf(double q, double k, double df);
extern double ecml_range_sf(double q, double k, double df);
extern double ecml_range_quantile(double p, double k, double df);
extern double ecml_range_isf(double p, double k, double df);

/* The limit, for many values, of sqrt(n) times Kolmogorov's statistic. */
extern double ecml_kolmogorov_cdf(double x);
extern double ecml_kolmogorov_sf(double x);

#endif							/* ECML_DIST_H */
