/*
 * times.c - which period a series is kept by, from its moments
 *
 * Moments come ascending, and one pass over their gaps is enough: greatest common divisor, the most frequent lengths
 * (Misra and Gries 1982, with 8 counters), months and weekdays seen, mean and variance.  From these, in this order: the same
 * day of each month, or its last one: months; the same time of each day: days, weeks, business days; else the gap that most
 * are a multiple of; gaps that vary little about a mean: the nearest usual length; and for events at odd times hours, days,
 * weeks or months, so that most periods have some.
 */
#include "calendar.h"

#include <math.h>
#include <string.h>

#define REGULAR 0.75			/* share of the gaps */
#define MOSTLY 0.8				/* share of gaps of the most frequent length, beside a few odd ones */

static int64_t
floor_div(int64_t a, int64_t b)
{
	int64_t		q = a / b;

	return q - (a % b != 0 && (a < 0) != (b < 0));
}

static int64_t
gcd(int64_t a, int64_t b)
{
	while (b != 0)
	{
		int64_t		rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

void
ecml_times_init(EcmlTimes *times, bool numbers)
{
	memset(times, 0, sizeof(*times));
	times->numbers = numbers;
	times->restarted = true;
	times->same_day_time = true;
	times->same_month_day = true;
	times->month_ends = true;
	times->month_min = INT64_MAX;
}

void
ecml_times_restart(EcmlTimes *times)
{
	times->restarted = true;
}

static void
count_gap(EcmlTimes *times, int64_t gap)
{
	int			free = -1;

	for (int i = 0; i < ECML_GAPS; i++)
	{
		if (times->gaps[i].count > 0 && times->gaps[i].length == gap)
		{
			times->gaps[i].count++;
			return;
		}
		if (times->gaps[i].count == 0)
			free = i;
	}
	if (free >= 0)
	{
		times->gaps[free].length = gap;
		times->gaps[free].count = 1;
		return;
	}
	for (int i = 0; i < ECML_GAPS; i++)
		times->gaps[i].count--;
}

/* Years are bounded by the type, so months fit an int64. */
static int64_t
month_of(int64_t day, int *month_day, bool *last)
{
	int64_t		year;
	int			month;

	ecml_calendar_date(day, &year, &month, month_day);
	*last = *month_day == ecml_calendar_month_days(year, month);
	return year * 12 + month;
}

/* What the calendar says of a moment. */
static EcmlTimesMoment
facts_of(int64_t at)
{
	static const EcmlPeriod business = {.unit = ECML_PERIOD_BUSINESS,.count = 1};
	EcmlTimesMoment facts;

	facts.day = floor_div(at, ECML_DAY_US);
	facts.month = month_of(facts.day, &facts.month_day, &facts.month_end);
	facts.business = ecml_period_number(&business, facts.day * ECML_DAY_US);
	return facts;
}

static void
add(EcmlTimes *times, int64_t at, const EcmlTimesMoment *facts)
{
	int64_t		gap;

	times->rows++;
	if (!times->restarted && at == times->last)
		return;
	if (!times->numbers)
	{
		int64_t		day_time = at - facts->day * ECML_DAY_US;

		if (times->n == 0)
		{
			times->first_day_time = day_time;
			times->first_month_day = facts->month_day;
		}
		times->same_day_time &= day_time == times->first_day_time;
		times->same_month_day &= facts->month_day == times->first_month_day ||
			(facts->month_end && facts->month_day < times->first_month_day);
		times->month_ends &= facts->month_end;
		times->weekdays |= 1u << ecml_calendar_weekday(facts->day);
	}
	if (times->n == 0)
		times->first = at;
	times->n++;
	if (!times->restarted && !__builtin_sub_overflow(at, times->last, &gap))
	{
		times->ngaps++;
		times->gcd = gcd(gap, times->gcd);
		times->sum += (double) gap;
		times->squares += (double) gap * (double) gap;
		count_gap(times, gap);
		if (!times->numbers)
		{
			int64_t		months = facts->month - times->before.month;

			times->month_gcd = gcd(months, times->month_gcd);
			if (months < times->month_min)
			{
				times->month_min = months;
				times->month_min_gaps = 0;
			}
			times->month_min_gaps += months == times->month_min;
			times->business_gaps += facts->business - times->before.business == 1;
		}
	}
	times->restarted = false;
	times->last = at;
	if (!times->numbers)
		times->before = *facts;
}

void
ecml_times_add(EcmlTimes *times, EcmlTimes *other, int64_t at)
{
	EcmlTimesMoment facts = {0};

	if (!times->numbers && (times->restarted || at != times->last || (other && (other->restarted || at != other->last))))
		facts = facts_of(at);
	add(times, at, &facts);
	if (other)
		add(other, at, &facts);
}

/* The most frequent gap, and its share. */
static int64_t
frequent(const EcmlTimes *times, double *share)
{
	int			best = 0;

	for (int i = 1; i < ECML_GAPS; i++)
		if (times->gaps[i].count > times->gaps[best].count ||
			(times->gaps[i].count == times->gaps[best].count && times->gaps[i].length < times->gaps[best].length &&
			 times->gaps[i].count > 0))
			best = i;
	*share = times->ngaps > 0 ? (double) times->gaps[best].count / (double) times->ngaps : 0;
	return times->gaps[best].length;
}

/* The usual length nearest to a mean gap, in microseconds, by ratio. */
static EcmlPeriod
usual(double gap)
{
	static const struct
	{
		EcmlPeriodUnit unit;
		int64_t		count;
	}			lengths[] = {
		{ECML_PERIOD_TIME, 1}, {ECML_PERIOD_TIME, 5}, {ECML_PERIOD_TIME, 10}, {ECML_PERIOD_TIME, 15}, {ECML_PERIOD_TIME, 30},
		{ECML_PERIOD_TIME, 60}, {ECML_PERIOD_TIME, 120}, {ECML_PERIOD_TIME, 300}, {ECML_PERIOD_TIME, 600},
		{ECML_PERIOD_TIME, 900}, {ECML_PERIOD_TIME, 1800}, {ECML_PERIOD_TIME, 3600}, {ECML_PERIOD_TIME, 2 * 3600},
		{ECML_PERIOD_TIME, 3 * 3600}, {ECML_PERIOD_TIME, 4 * 3600}, {ECML_PERIOD_TIME, 6 * 3600},
		{ECML_PERIOD_TIME, 12 * 3600}, {ECML_PERIOD_DAY, 1}, {ECML_PERIOD_DAY, 7}, {ECML_PERIOD_DAY, 14},
		{ECML_PERIOD_MONTH, 1}, {ECML_PERIOD_MONTH, 3}, {ECML_PERIOD_MONTH, 6}, {ECML_PERIOD_MONTH, 12}
	};
	EcmlPeriod	best = {0};
	double		distance = INFINITY;

	for (int i = 0; i < (int) (sizeof(lengths) / sizeof(lengths[0])); i++)
	{
		EcmlPeriod	period = {.unit = lengths[i].unit,.count = lengths[i].count,.month_day = 1};
		double		ratio;

		if (period.unit == ECML_PERIOD_TIME)
			period.count *= ECML_SECOND_US;
		ratio = fabs(log(gap / ecml_period_length(&period)));
		if (ratio < distance)
		{
			distance = ratio;
			best = period;
		}
	}
	return best;
}

/* Events at odd times: the finest of hour, day, week and month that has one in three periods or more. */
static EcmlPeriod
of_events(const EcmlTimes *times)
{
	static const EcmlPeriod periods[] = {
		{ECML_PERIOD_TIME, 3600 * ECML_SECOND_US, 0, 1, 0}, {ECML_PERIOD_DAY, 1, 0, 1, 0}, {ECML_PERIOD_DAY, 7, 0, 1, 0}
	};
	EcmlPeriod	month = {ECML_PERIOD_MONTH, 1, 0, 1, 0};
	/* hours are for what lasts some days only: a month of orders is told by days */
	int			first = times->sum <= 14.0 * ECML_DAY_US && times->sum >= 12 * 3600.0 * ECML_SECOND_US ? 0 : 1;

	for (int i = first; i < 3; i++)
		if (3 * (double) times->n * ecml_period_length(&periods[i]) >= times->sum)
			return periods[i];
	return month;
}

static EcmlPeriod
of_numbers(const EcmlTimes *times, bool *regular)
{
	double		share;
	int64_t		mode = frequent(times, &share);
	EcmlPeriod	period = {.unit = ECML_PERIOD_NUMBER,.count = times->gcd};

	/* a step of 10 with one slip of 3 is a step of 10 */
	if (share >= MOSTLY)
		period.count = mode;
	*regular = share >= REGULAR && mode == period.count;
	return period;
}

/* Moments that have the time of day in common, or gaps of whole days at least. */
static EcmlPeriod
of_days(const EcmlTimes *times, bool *regular)
{
	EcmlPeriod	period = {.unit = ECML_PERIOD_DAY,.count = 1,.month_day = 1};
	double		share;
	int64_t		mode = frequent(times, &share) / ECML_DAY_US;

	if ((times->same_month_day || times->month_ends) && times->month_min >= 1 && times->month_min < INT64_MAX)
	{
		period.unit = ECML_PERIOD_MONTH;
		period.count = times->month_gcd;
		*regular = times->month_min_gaps >= REGULAR * times->ngaps && times->month_min == times->month_gcd;
		return period;
	}
	if ((times->weekdays & 0x60) == 0 && times->ngaps >= 9 && mode == 1)
	{
		period.unit = ECML_PERIOD_BUSINESS;
		*regular = times->business_gaps >= REGULAR * times->ngaps;
		return period;
	}
	period.count = share >= MOSTLY ? mode : times->gcd / ECML_DAY_US;
	if (period.count < 1)
		period.count = 1;
	/* gaps of 28 to 31 days, of 90 to 92, of 365: dates a few days off the same day of the month */
	if (period.count < 7 && times->month_min >= 1 && times->month_min_gaps >= REGULAR * times->ngaps && times->ngaps >= 3 &&
		times->sum >= 27.5 * ECML_DAY_US * times->ngaps)
	{
		period.unit = ECML_PERIOD_MONTH;
		period.count = times->month_min;
		*regular = true;
		return period;
	}
	*regular = share >= REGULAR && mode == period.count;
	return period;
}

EcmlPeriod
ecml_times_period(const EcmlTimes *times, bool *regular)
{
	EcmlPeriod	period = {0};
	double		share;
	double		mean;
	double		variance;
	int64_t		mode;

	*regular = false;
	if (times->ngaps == 0)
		return period;
	if (times->numbers)
		return of_numbers(times, regular);
	mode = frequent(times, &share);
	if (times->same_day_time || times->gcd % ECML_DAY_US == 0 || (share >= REGULAR && mode % ECML_DAY_US == 0))
		return of_days(times, regular);
	mean = times->sum / times->ngaps;
	variance = times->squares / times->ngaps - mean * mean;
	period.unit = ECML_PERIOD_TIME;
	period.month_day = 1;
	if (share >= REGULAR && mode >= 1)
	{
		period.count = mode;
		*regular = true;
	}
	else if (times->gcd >= 60 * ECML_SECOND_US && ECML_DAY_US % times->gcd == 0 && mean < 24.0 * times->gcd)
		period.count = times->gcd;
	else if (times->ngaps >= 3 && variance <= 0.1 * mean * mean)
	{
		period = usual(mean);
		*regular = true;
	}
	else
		period = of_events(times);
	return period;
}

void
ecml_times_anchor(const EcmlTimes *times, EcmlPeriod *period)
{
	int64_t		day = times->numbers ? 0 : floor_div(times->first, ECML_DAY_US);
	EcmlPeriod	months = {.unit = ECML_PERIOD_MONTH,.count = 1};

	period->day_time = times->same_day_time && !times->numbers ? times->first_day_time : 0;
	period->month_day = times->month_ends ? 31 : times->same_month_day ? times->first_month_day : 1;
	switch (period->unit)
	{
		case ECML_PERIOD_NUMBER:
			period->origin = times->first;
			break;
		case ECML_PERIOD_TIME:
			/* on the clock where a day holds a whole number of them: quarters of an hour begin on the hour */
			period->origin = ECML_DAY_US % period->count == 0 && times->first % period->count != 0 && times->gcd % period->count != 0 ?
				day * ECML_DAY_US : times->first;
			break;
		case ECML_PERIOD_DAY:
			/* weeks begin on the day that all moments are of, else on Monday */
			period->origin = day;
			if (period->count % 7 == 0 && (times->weekdays & (times->weekdays - 1)) != 0)
				period->origin = day - ecml_calendar_weekday(day);
			break;
		case ECML_PERIOD_MONTH:
			/* quarters and years begin in January unless each period has one moment: then with the first one's month */
			period->origin = ecml_period_number(&months, times->first);
			if (12 % period->count == 0 && !(times->month_min == period->count && times->month_gcd % period->count == 0))
				period->origin = floor_div(period->origin, period->count) * period->count;
			break;
		case ECML_PERIOD_BUSINESS:
		case ECML_PERIOD_NONE:
			period->origin = 0;
			break;
	}
}
