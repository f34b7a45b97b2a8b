/*
 * ets.h - exponential smoothing in state space form: errors, trend and season, each additive or multiplicative
 *
 * Options of the method, and what other methods of the family use of it.
 */
#ifndef ECML_FORECAST_ETS_H
#define ECML_FORECAST_ETS_H

#include "forecast/forecast.h"

typedef enum EtsComponent
{
	ETS_AUTO,
	ETS_NONE,
	ETS_ADDITIVE,
	ETS_MULTIPLICATIVE
} EtsComponent;

typedef enum EtsDamping
{
	ETS_DAMPED_AUTO,
	ETS_DAMPED_NO,
	ETS_DAMPED_YES
} EtsDamping;

typedef enum EtsCriterion
{
	ETS_AICC,
	ETS_AIC,
	ETS_BIC
} EtsCriterion;

typedef struct EtsOptions
{
	int			error;			/* EtsComponent but NONE */
	int			trend;
	int			season;
	int			damped;			/* EtsDamping */
	int			criterion;
	bool		multiplicative_trend;	/* may AUTO choose one? */
	bool		quick;			/* from fewer starts: now and then a lower summit of the likelihood */
	bool		unrestricted;	/* may AUTO choose additive errors beside multiplicative season or trend (infinite variance)? */
} EtsOptions;

#define ETS_DEFAULTS {.error = ETS_AUTO}

/* A form: one of 30. */
typedef struct EtsForm
{
	int			error;			/* ETS_ADDITIVE or ETS_MULTIPLICATIVE */
	int			trend;			/* ETS_NONE, ... */
	bool		damped;
	int			season;			/* ETS_NONE, ... */
} EtsForm;

/*
 * Fit one form to y [n] with period m (1 where there is no season).  params: alpha, beta, gamma, phi (those that the form has),
 * level, slope, m seasons at the start, sigma.  Gives -2 log likelihood up to a constant as others do,
 * n log(sum e^2) + 2 sum log |f|; INFINITY where the form cannot be.
 */
extern ForecastStatus ets_fit_form(const ForecastInput *in, const EtsForm *form, int m, ForecastArena *arena, double *params,
								   double *minus_2_log_likelihood);
extern size_t ets_fit_memory(int n, int m);

/* Smoothing parameters and states at the start: numbers that a form is fitted by, sigma among them. */
extern int	ets_count(const EtsForm *form, int m);
extern int	ets_params(const EtsForm *form, int m);	/* length of params */

/* The form's number as in ForecastFit.form, and back (false: there is none of that number). */
extern int	ets_form_number(const EtsForm *form);
extern bool ets_form_of(int number, EtsForm *form);

/* The longest season that is fitted value by value. */
#define ETS_MAX_PERIOD 60

#endif							/* ECML_FORECAST_ETS_H */
