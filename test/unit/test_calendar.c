/*
 * test_calendar.c - dates against the C library, periods forth and back, names, the period that times show, seasons that values show
 */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "num/calendar.h"
#include "num/rng.h"

#define HOUR (3600 * ECML_SECOND_US)

static int64_t
moment(int64_t year, int month, int day)
{
	return ecml_calendar_day(year, month, day) * ECML_DAY_US;
}

static void
test_dates(void)
{
	int			wrong = 0;

	for (int64_t day = -200000; day < 200000; day += 17)
	{
		time_t		seconds = (time_t) (day + 10957) * 86400;
		struct tm	tm;
		int64_t		year;
		int			month;
		int			month_day;

		gmtime_r(&seconds, &tm);
		ecml_calendar_date(day, &year, &month, &month_day);
		wrong += year != tm.tm_year + 1900 || month != tm.tm_mon + 1 || month_day != tm.tm_mday;
		wrong += ecml_calendar_day(year, month, month_day) != day;
		wrong += ecml_calendar_weekday(day) != (tm.tm_wday + 6) % 7;
	}
	ok(wrong == 0, "dates as the C library has them");
	ok(ecml_calendar_month_days(2000, 2) == 29 && ecml_calendar_month_days(1900, 2) == 28 && ecml_calendar_month_days(2024, 12) == 31,
	   "days of months");
}

static void
test_periods(void)
{
	static const char *const names[] = {"day", "week", "2 weeks", "month", "quarter", "year", "hour", "15 minutes", "business day", "5"};
	int			wrong = 0;

	for (int i = 0; i < 10; i++)
	{
		EcmlPeriod	period;
		EcmlPeriod	again;
		char		text[64];

		ok(ecml_period_parse(names[i], &period), "%s is a frequency", names[i]);
		ecml_period_name(&period, text, sizeof(text));
		ok(strcmp(text, names[i]) == 0 && ecml_period_parse(text, &again) && again.unit == period.unit && again.count == period.count,
		   "%s is called %s", names[i], text);
		period.origin = 3;
		period.month_day = 31;
		for (int64_t n = -500; n < 500; n++)
			wrong += ecml_period_number(&period, ecml_period_time(&period, n)) != n ||
				ecml_period_time(&period, n) >= ecml_period_time(&period, n + 1);
	}
	ok(wrong == 0, "periods forth and back, ascending");
	{
		EcmlPeriod	month = {ECML_PERIOD_MONTH, 1, 0, 31, 0};

		ok(ecml_period_time(&month, 1) == moment(2000, 2, 29) && ecml_period_time(&month, 13) == moment(2001, 2, 28) &&
		   ecml_period_time(&month, 14) == moment(2001, 3, 31), "ends of months stay ends of months");
	}
	{
		EcmlPeriod	business = {ECML_PERIOD_BUSINESS, 1, 0, 1, 0};
		int64_t		friday = ecml_period_number(&business, moment(2026, 7, 10));

		ok(ecml_period_number(&business, moment(2026, 7, 11)) == friday && ecml_period_number(&business, moment(2026, 7, 12)) == friday &&
		   ecml_period_time(&business, friday + 1) == moment(2026, 7, 13), "a weekend belongs to its Friday");
	}
	{
		EcmlPeriod	none;

		ok(!ecml_period_parse("", &none) && !ecml_period_parse("fortnight", &none) && !ecml_period_parse("-3 days", &none) &&
		   !ecml_period_parse("2 business days", &none) && !ecml_period_parse("99999999999 years", &none), "what is no frequency");
	}
}

/* The period of times from a function of i. */
static EcmlPeriod
show(int64_t (*at) (int i), int n, bool numbers, bool *regular)
{
	EcmlTimes	times;
	EcmlPeriod	period;

	ecml_times_init(&times, numbers);
	for (int i = 0; i < n; i++)
		ecml_times_add(&times, at(i));
	period = ecml_times_period(&times, regular);
	ecml_times_anchor(&times, &period);
	return period;
}

static int64_t daily(int i) { return moment(2026, 1, 1) + i * ECML_DAY_US; }
static int64_t noon(int i) { return daily(i) + 12 * HOUR; }
static int64_t workdays(int i) { return moment(2026, 1, 5) + (i / 5 * 7 + i % 5) * ECML_DAY_US; }
static int64_t weekly(int i) { return moment(2026, 1, 7) + i * 7 * ECML_DAY_US; }
static int64_t slipped(int i) { return weekly(i) - (i == 20 ? ECML_DAY_US : 0); }
static int64_t monthly(int i) { return moment(2020 + i / 12, i % 12 + 1, 15); }
static int64_t month_ends(int i) { return moment(2020 + (i + 1) / 12, (i + 1) % 12 + 1, 1) - ECML_DAY_US; }
static int64_t quarterly(int i) { return moment(2010 + i / 4, i % 4 * 3 + 2, 1); }
static int64_t yearly(int i) { return moment(1950 + i, 7, 1); }
static int64_t hourly(int i) { return moment(2026, 3, 1) + i * HOUR; }
static int64_t sparse(int i) { return moment(2026, 3, 1) + (i * 3 + i % 2 * 4 + i % 5) * HOUR; }
static int64_t quarters(int i) { return moment(2026, 3, 1) + i * 15 * 60 * ECML_SECOND_US; }
/* many at once, then none for long */
static int64_t orders(int i) { return moment(2026, 1, 1) + ((int64_t) (i / 10) * 50000 + i % 10 * i % 977 + i % 10 * 37) * ECML_SECOND_US; }
static int64_t numbered(int i) { return 100 + i; }
static int64_t tens(int i) { return 10 * i; }

static void
test_times(void)
{
	static const struct
	{
		const char *name;
		int64_t		(*at) (int i);
		int			n;
		bool		numbers;
		EcmlPeriodUnit unit;
		int64_t		count;
		bool		regular;
	}			cases[] = {
		{"days", daily, 60, false, ECML_PERIOD_DAY, 1, true},
		{"days at noon", noon, 60, false, ECML_PERIOD_DAY, 1, true},
		{"business days", workdays, 60, false, ECML_PERIOD_BUSINESS, 1, true},
		{"weeks", weekly, 30, false, ECML_PERIOD_DAY, 7, true},
		{"weeks with a slip", slipped, 40, false, ECML_PERIOD_DAY, 7, true},
		{"months", monthly, 30, false, ECML_PERIOD_MONTH, 1, true},
		{"ends of months", month_ends, 30, false, ECML_PERIOD_MONTH, 1, true},
		{"quarters", quarterly, 20, false, ECML_PERIOD_MONTH, 3, true},
		{"years", yearly, 20, false, ECML_PERIOD_MONTH, 12, true},
		{"hours", hourly, 100, false, ECML_PERIOD_TIME, HOUR, true},
		{"some hours", sparse, 200, false, ECML_PERIOD_TIME, HOUR, false},
		{"quarters of an hour", quarters, 100, false, ECML_PERIOD_TIME, HOUR / 4, true},
		{"orders", orders, 2000, false, ECML_PERIOD_DAY, 1, false},
		{"whole numbers", numbered, 20, true, ECML_PERIOD_NUMBER, 1, true},
		{"tens", tens, 20, true, ECML_PERIOD_NUMBER, 10, true},
		{"two days", daily, 2, false, ECML_PERIOD_DAY, 1, true},
		{"one day", daily, 1, false, ECML_PERIOD_NONE, 0, false}
	};

	for (int i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++)
	{
		bool		regular;
		EcmlPeriod	period = show(cases[i].at, cases[i].n, cases[i].numbers, &regular);
		char		text[64];
		bool		in_order = true;

		ecml_period_name(&period, text, sizeof(text));
		ok(period.unit == cases[i].unit && period.count == cases[i].count, "%s: %s", cases[i].name, text);
		ok(regular == cases[i].regular, "%s: %s", cases[i].name, regular ? "regular" : "not regular");
		if (period.unit == ECML_PERIOD_NONE || !regular || cases[i].at == slipped)
			continue;
		/* each moment is the one that stands for its period, and one follows the other */
		for (int k = 0; k < cases[i].n; k++)
		{
			int64_t		number = ecml_period_number(&period, cases[i].at(k));

			in_order &= ecml_period_time(&period, number) == cases[i].at(k) &&
				(k == 0 || number == ecml_period_number(&period, cases[i].at(k - 1)) + 1);
		}
		ok(in_order, "%s: the moments themselves", cases[i].name);
	}
}

static void
test_seasons(void)
{
	static double y[2000];
	static double scratch[6001];
	int			periods[4];
	EcmlRng		rng;
	int			n;

	ecml_rng_seed(&rng, 4);
	for (int t = 0; t < 120; t++)
		y[t] = 0.5 * t + 10 * sin(2 * M_PI * t / 12) + 2 * ecml_rng_normal(&rng);
	n = ecml_season_detect(y, 120, 40, periods, 2, scratch);
	ok(n >= 1 && periods[0] == 12, "a season of 12 beside a trend: %d", n > 0 ? periods[0] : 0);
	for (int t = 0; t < 1400; t++)
		y[t] = 10 * sin(2 * M_PI * t / 24) + (t / 24 % 7 >= 5 ? -12 : 0) + ecml_rng_normal(&rng);
	n = ecml_season_detect(y, 1400, 400, periods, 2, scratch);
	ok(n == 2 && periods[0] == 24 && periods[1] == 168, "hours: day and week: %d %d", n > 0 ? periods[0] : 0, n > 1 ? periods[1] : 0);
	for (int t = 0; t < 200; t++)
		y[t] = ecml_rng_normal(&rng);
	n = ecml_season_detect(y, 200, 60, periods, 1, scratch);
	ok(n == 0 || ecml_season_strength(y, 200, periods[0], scratch) < 0.35, "noise has no strong season");
	for (int t = 0; t < 50; t++)
		y[t] = 5;
	ok(ecml_season_detect(y, 50, 16, periods, 2, scratch) == 0, "nor has a constant");
	ok(ecml_season_detect(y, 3, 1, periods, 2, scratch) == 0, "nor have three values");
}

int
main(void)
{
	test_dates();
	test_periods();
	test_times();
	test_seasons();
	return done();
}
