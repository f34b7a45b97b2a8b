/*
 * calendar.h - periods of time: which one a moment lies in, how to step on, which one a series is kept by, which seasons it has
 *
 * A moment is microseconds since 2000-01-01 00:00, as PostgreSQL counts them, on a local clock without zones: a day is a day,
 * whatever the clock did in it.  A series without a clock has whole numbers as its moments.
 */
#ifndef ECML_CALENDAR_H
#define ECML_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#define ECML_SECOND_US INT64_C(1000000)
#define ECML_DAY_US (86400 * ECML_SECOND_US)

typedef enum EcmlPeriodUnit
{
	ECML_PERIOD_NONE,
	ECML_PERIOD_NUMBER,			/* count: a whole number */
	ECML_PERIOD_TIME,			/* count: microseconds */
	ECML_PERIOD_DAY,			/* count: days; a week is 7 */
	ECML_PERIOD_BUSINESS,		/* count: 1; Monday to Friday, the weekend belongs to Friday */
	ECML_PERIOD_MONTH			/* count: months; a year is 12 */
} EcmlPeriodUnit;

typedef struct EcmlPeriod
{
	EcmlPeriodUnit unit;
	int64_t		count;			/* of units in a period; >= 1 */
	int64_t		origin;			/* where period 0 begins: a number, moment, day or month since 2000-01 */
	int			month_day;		/* MONTH: day that stands for the month, 1 to 31 (the last one where it has fewer) */
	int64_t		day_time;		/* DAY, BUSINESS, MONTH: time of day that stands for the period, microseconds */
} EcmlPeriod;

/* Days since 2000-01-01 of a date (month 1 .. 12, proleptic Gregorian calendar), and back. */
extern int64_t ecml_calendar_day(int64_t year, int month, int day);
extern void ecml_calendar_date(int64_t day, int64_t *year, int *month, int *month_day);
extern int	ecml_calendar_month_days(int64_t year, int month);

/* Day of the week of a day: 0 Monday .. 6 Sunday. */
extern int	ecml_calendar_weekday(int64_t day);

/* The period that a moment lies in, and the moment that stands for a period. */
extern int64_t ecml_period_number(const EcmlPeriod *period, int64_t at);
extern int64_t ecml_period_time(const EcmlPeriod *period, int64_t number);

/* Microseconds of a period on average; of whole numbers: the count. */
extern double ecml_period_length(const EcmlPeriod *period);

/* "day", "2 weeks", "month", "quarter", "15 minutes", "5" ... into text [size]. */
extern void ecml_period_name(const EcmlPeriod *period, char *text, int size);

/* From such a name, or a short form of it ("D", "B", "W", "M", "Q", "Y", "H", "min", "s"); false: it is none. */
extern bool ecml_period_parse(const char *text, EcmlPeriod *period);

/*
 * Lengths of the seasons that such periods usually have, ascending, in periods: exact [4].  Gives their number; the first
 * one is the main one unless it is too short to tell.
 */
extern int	ecml_period_seasons(const EcmlPeriod *period, double *exact);

/*
 * What the moments of a series tell about its period, gathered as they come, ascending; equal ones count once.
 */
#define ECML_GAPS 8

typedef struct EcmlTimesMoment
{
	int64_t		day;
	int64_t		month;			/* year * 12 + month */
	int64_t		business;		/* number of the business day */
	int			month_day;
	bool		month_end;
} EcmlTimesMoment;

typedef struct EcmlTimes
{
	bool		numbers;		/* moments are whole numbers */
	int64_t		n;				/* moments */
	int64_t		rows;			/* equal ones counted */
	int64_t		first;
	int64_t		last;
	bool		restarted;
	int64_t		ngaps;
	int64_t		gcd;			/* of the gaps */
	double		sum;			/* of the gaps; and of their squares */
	double		squares;
	struct
	{
		int64_t		length;
		int64_t		count;		/* at least; of frequent ones nearly all (Misra and Gries 1982) */
	}			gaps[ECML_GAPS];
	int64_t		first_day_time;
	int			first_month_day;
	bool		same_day_time;
	bool		same_month_day;
	bool		month_ends;		/* all are the last day of a month */
	unsigned	weekdays;		/* bit 0: Monday */
	int64_t		month_gcd;
	int64_t		month_min;		/* the shortest gap in months, and how many gaps are that long */
	int64_t		month_min_gaps;
	int64_t		business_gaps;	/* gaps of one business day */
	EcmlTimesMoment before;		/* of last */
} EcmlTimes;

extern void ecml_times_init(EcmlTimes *times, bool numbers);
extern void ecml_times_add(EcmlTimes *times, EcmlTimes *other, int64_t at);	/* other: another one of the same kind, or NULL */

/* The next moment is another series': no gap leads to it. */
extern void ecml_times_restart(EcmlTimes *times);

/*
 * The period that fits: unit ECML_PERIOD_NONE with fewer than two moments.  regular: at least three quarters of the gaps are
 * one period.
 */
extern EcmlPeriod ecml_times_period(const EcmlTimes *times, bool *regular);

/* Set origin, month_day, day_time of a period so that they suit the moments. */
extern void ecml_times_anchor(const EcmlTimes *times, EcmlPeriod *period);

/*
 * Seasons that the values show: lags where the autocorrelation of the detrended values has a peak beyond chance, up to
 * max_lag; at most max of them, ascending.  NaN: missing.  scratch [3 * n].  Cost n * max_lag.
 */
extern int	ecml_season_detect(const double *y, int n, int max_lag, int *periods, int max, double *scratch);

/* Autocorrelation of the values at lag, in scratch's detrended copy: see ecml_season_detect.  NaN where not defined. */
extern double ecml_season_strength(const double *y, int n, int lag, double *scratch);

#endif							/* ECML_CALENDAR_H */
