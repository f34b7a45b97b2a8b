/*
 * calendar.c - dates, periods of time, and their names
 *
 * Days are counted from 2000-01-01, months from January 2000.  The conversion between days and dates counts years from March,
 * so that the leap day comes last and the days before a month follow from one line (153 m + 2) / 5.
 */
#include "calendar.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ERA_DAYS 146097			/* of 400 years */
#define SHIFT 730425			/* days from 0000-03-01 to 2000-01-01 */

static int64_t
floor_div(int64_t a, int64_t b)
{
	int64_t		q = a / b;

	return q - (a % b != 0 && (a < 0) != (b < 0));
}

int64_t
ecml_calendar_day(int64_t year, int month, int day)
{
	int64_t		era;
	int64_t		of_era;

	year -= month <= 2;
	era = floor_div(year, 400);
	of_era = year - era * 400;
	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + (153 * ((month + 9) % 12) + 2) / 5 + day - 1 - SHIFT;
}

void
ecml_calendar_date(int64_t day, int64_t *year, int *month, int *month_day)
{
	int64_t		era = floor_div(day + SHIFT, ERA_DAYS);
	int64_t		of_era = day + SHIFT - era * ERA_DAYS;
	int64_t		year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t		of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int			march = (int) ((5 * of_year + 2) / 153);

	*month = march < 10 ? march + 3 : march - 9;
	*month_day = (int) (of_year - (153 * march + 2) / 5) + 1;
	*year = era * 400 + year_of_era + (*month <= 2);
}

int
ecml_calendar_month_days(int64_t year, int month)
{
	return (int) (month == 12 ? 31 : ecml_calendar_day(year, month + 1, 1) - ecml_calendar_day(year, month, 1));
}

int
ecml_calendar_weekday(int64_t day)
{
	return (int) (day + 5 - floor_div(day + 5, 7) * 7); /* 2000-01-01 was a Saturday */
}

/* Business days since Monday, 1999-12-27, which is number 0 less 5. */
static int64_t
business_number(int64_t day)
{
	int64_t		week = floor_div(day + 5, 7);
	int64_t		weekday = day + 5 - week * 7;

	return week * 5 + (weekday > 4 ? 4 : weekday);
}

static int64_t
month_number(int64_t day)
{
	int64_t		year;
	int			month;
	int			month_day;

	ecml_calendar_date(day, &year, &month, &month_day);
	return (year - 2000) * 12 + month - 1;
}

int64_t
ecml_period_number(const EcmlPeriod *period, int64_t at)
{
	int64_t		day = floor_div(at, ECML_DAY_US);

	switch (period->unit)
	{
		case ECML_PERIOD_NUMBER:
		case ECML_PERIOD_TIME:
			return floor_div(at - period->origin, period->count);
		case ECML_PERIOD_DAY:
			return floor_div(day - period->origin, period->count);
		case ECML_PERIOD_BUSINESS:
			return business_number(day) - period->origin;
		case ECML_PERIOD_MONTH:
			return floor_div(month_number(day) - period->origin, period->count);
		case ECML_PERIOD_NONE:
			break;
	}
	return 0;
}

int64_t
ecml_period_time(const EcmlPeriod *period, int64_t number)
{
	int64_t		step = number * period->count + period->origin;

	switch (period->unit)
	{
		case ECML_PERIOD_DAY:
			return step * ECML_DAY_US + period->day_time;
		case ECML_PERIOD_BUSINESS:
			return (floor_div(step, 5) * 7 - 5 + (step - floor_div(step, 5) * 5)) * ECML_DAY_US + period->day_time;
		case ECML_PERIOD_MONTH:
			{
				int64_t		year = 2000 + floor_div(step, 12);
				int			month = (int) (step - floor_div(step, 12) * 12) + 1;
				int			days = ecml_calendar_month_days(year, month);
				int			month_day = period->month_day < 1 ? 1 : period->month_day;

				return ecml_calendar_day(year, month, month_day < days ? month_day : days) * ECML_DAY_US + period->day_time;
			}
		case ECML_PERIOD_NUMBER:
		case ECML_PERIOD_TIME:
		case ECML_PERIOD_NONE:
			break;
	}
	return step;
}

double
ecml_period_length(const EcmlPeriod *period)
{
	switch (period->unit)
	{
		case ECML_PERIOD_DAY:
			return (double) period->count * ECML_DAY_US;
		case ECML_PERIOD_BUSINESS:
			return 1.4 * ECML_DAY_US;
		case ECML_PERIOD_MONTH:
			return (double) period->count * (365.2425 / 12) * ECML_DAY_US;
		case ECML_PERIOD_NUMBER:
		case ECML_PERIOD_TIME:
		case ECML_PERIOD_NONE:
			break;
	}
	return (double) period->count;
}

/* Names that a length has, the longest first; what a plain number counts is seconds. */
static const struct
{
	const char *name;
	const char *plural;
	const char *brief;
	EcmlPeriodUnit unit;
	int64_t		count;
}			names[] = {
	{"year", "years", "Y", ECML_PERIOD_MONTH, 12},
	{"quarter", "quarters", "Q", ECML_PERIOD_MONTH, 3},
	{"month", "months", "M", ECML_PERIOD_MONTH, 1},
	{"week", "weeks", "W", ECML_PERIOD_DAY, 7},
	{"day", "days", "D", ECML_PERIOD_DAY, 1},
	{"business day", "business days", "B", ECML_PERIOD_BUSINESS, 1},
	{"hour", "hours", "H", ECML_PERIOD_TIME, 3600 * ECML_SECOND_US},
	{"minute", "minutes", "min", ECML_PERIOD_TIME, 60 * ECML_SECOND_US},
	{"second", "seconds", "s", ECML_PERIOD_TIME, ECML_SECOND_US},
	{"microsecond", "microseconds", "us", ECML_PERIOD_TIME, 1}
};

#define NNAMES ((int) (sizeof(names) / sizeof(names[0])))

void
ecml_period_name(const EcmlPeriod *period, char *text, int size)
{
	if (period->unit == ECML_PERIOD_NONE)
		snprintf(text, size, "none");
	if (period->unit == ECML_PERIOD_NUMBER)
		snprintf(text, size, "%lld", (long long) period->count);
	for (int i = 0; i < NNAMES; i++)
		if (names[i].unit == period->unit && period->count % names[i].count == 0)
		{
			if (period->count == names[i].count)
				snprintf(text, size, "%s", names[i].name);
			else
				snprintf(text, size, "%lld %s", (long long) (period->count / names[i].count), names[i].plural);
			return;
		}
}

bool
ecml_period_parse(const char *text, EcmlPeriod *period)
{
	long long	count = 1;
	int			used = 0;
	const char *word = text;
	size_t		length;

	memset(period, 0, sizeof(*period));
	period->month_day = 1;
	if (sscanf(text, " %lld%n", &count, &used) == 1)
		word = text + used;
	else
		count = 1;
	if (count < 1 || count > 1000000000)
		return false;
	word += strspn(word, " ");
	length = strlen(word);
	if (length == 0 && used > 0)
	{
		period->unit = ECML_PERIOD_NUMBER;
		period->count = count;
		return true;
	}
	for (int i = 0; i < NNAMES; i++)
	{
		const char *brief = names[i].brief;

		/* "M" is a month and "min" a minute; apart from that, case does not matter */
		if (strcasecmp(word, names[i].name) != 0 && strcasecmp(word, names[i].plural) != 0 && strcasecmp(word, brief) != 0)
			continue;
		if (names[i].unit == ECML_PERIOD_BUSINESS && count != 1)
			return false;
		period->unit = names[i].unit;
		period->count = count * names[i].count;
		return period->count <= 1000000 * ECML_DAY_US;
	}
	if (strcasecmp(word, "h") == 0 || strcasecmp(word, "minutely") == 0 || strcasecmp(word, "hourly") == 0)
		period->unit = ECML_PERIOD_TIME, period->count = count * (strcasecmp(word, "minutely") == 0 ? 60 : 3600) * ECML_SECOND_US;
	else if (strcasecmp(word, "daily") == 0 || strcasecmp(word, "weekly") == 0)
		period->unit = ECML_PERIOD_DAY, period->count = count * (strcasecmp(word, "daily") == 0 ? 1 : 7);
	else if (strcasecmp(word, "monthly") == 0 || strcasecmp(word, "quarterly") == 0 || strcasecmp(word, "yearly") == 0)
		period->unit = ECML_PERIOD_MONTH,
			period->count = count * (strcasecmp(word, "monthly") == 0 ? 1 : strcasecmp(word, "quarterly") == 0 ? 3 : 12);
	return period->unit != ECML_PERIOD_NONE;
}

int
ecml_period_seasons(const EcmlPeriod *period, double *exact)
{
	static const double cycles[] = {60.0 * ECML_SECOND_US, 3600.0 * ECML_SECOND_US, ECML_DAY_US, 7.0 * ECML_DAY_US,
	365.25 * ECML_DAY_US};
	double		step = ecml_period_length(period);
	int			n = 0;

	switch (period->unit)
	{
		case ECML_PERIOD_TIME:
			/* of the cycles longer than a period, the two that matter: the next one that holds several, and the one after */
			for (int i = 0; i < 5 && n < 2; i++)
				if (cycles[i] >= 3.5 * step && (i >= 2 || fmod(cycles[i], step) == 0))
					exact[n++] = cycles[i] / step;
			break;
		case ECML_PERIOD_DAY:
			if (period->count == 1)
				exact[n++] = 7;
			if (period->count <= 91)
				exact[n++] = 365.25 / period->count;
			break;
		case ECML_PERIOD_BUSINESS:
			exact[n++] = 5;
			exact[n++] = 365.25 * 5 / 7;
			break;
		case ECML_PERIOD_MONTH:
			if (12 % period->count == 0 && period->count < 12)
				exact[n++] = 12.0 / period->count;
			break;
		case ECML_PERIOD_NUMBER:
		case ECML_PERIOD_NONE:
			break;
	}
	return n;
}
