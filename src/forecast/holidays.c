/*
 * holidays.c - days on which shops sell otherwise: fixed dates, n-th weekdays of a month, and what moves with Easter
 *
 * Easter by the Gregorian computus in the form of Meeus, Jones and Butcher (Nature, 1876); the Orthodox one by Meeus' Julian
 * rule, with the distance of the calendars added.  Holidays of calendars that follow
 * the moon (Eid, Diwali, the Chinese New Year) have no such rule: they come from a table of the user.
 */
#include "holidays.h"

#include <string.h>

#include "num/calendar.h"

enum Rule
{
	FIXED,						/* month, day */
	NTH,						/* month, which (1 .. 5; -1: the last), weekday, and days after it */
	EASTER,						/* days after Easter Sunday */
	ORTHODOX,					/* days after the Orthodox one */
	ADVENT						/* the last Saturday before Christmas */
};

#define MONDAY 0
#define THURSDAY 3
#define SUNDAY 6

typedef struct Entry
{
	Holiday		holiday;
	enum Rule	rule;
	int			month;
	int			which;			/* FIXED: the day; NTH: which; EASTER: the days */
	int			weekday;
	int			after;
} Entry;

static const Entry entries[] = {
	{{"new_year", "1 January", 0, 0, true}, FIXED, 1, 1},
	{{"valentines_day", "14 February", -2, 0, true}, FIXED, 2, 14},
	{{"womens_day", "8 March", -1, 0, false}, FIXED, 3, 8},
	{{"st_patricks_day", "17 March", 0, 0, false}, FIXED, 3, 17},
	{{"good_friday", "the Friday before Easter", 0, 0, true}, EASTER, 0, -2},
	{{"easter", "Easter Sunday", -2, 0, true}, EASTER, 0, 0},
	{{"easter_monday", "the Monday after Easter", 0, 0, true}, EASTER, 0, 1},
	{{"orthodox_easter", "Orthodox Easter Sunday", -2, 1, false}, ORTHODOX, 0, 0},
	{{"mothers_day", "second Sunday of May", -2, 0, true}, NTH, 5, 2, SUNDAY},
	{{"mothering_sunday", "fourth Sunday of Lent (Britain, Ireland)", -2, 0, false}, EASTER, 0, -21},
	{{"ascension", "Thursday, 39 days after Easter", 0, 0, false}, EASTER, 0, 39},
	{{"whit_monday", "50 days after Easter", 0, 0, false}, EASTER, 0, 50},
	{{"memorial_day", "last Monday of May (USA)", 0, 0, false}, NTH, 5, -1, MONDAY},
	{{"fathers_day", "third Sunday of June", -2, 0, true}, NTH, 6, 3, SUNDAY},
	{{"independence_day", "4 July (USA)", 0, 0, false}, FIXED, 7, 4},
	{{"labor_day", "first Monday of September (USA)", 0, 0, false}, NTH, 9, 1, MONDAY},
	{{"canadian_thanksgiving", "second Monday of October", 0, 0, false}, NTH, 10, 2, MONDAY},
	{{"halloween", "31 October", -1, 0, true}, FIXED, 10, 31},
	{{"singles_day", "11 November", 0, 0, true}, FIXED, 11, 11},
	{{"thanksgiving", "fourth Thursday of November (USA)", 0, 0, true}, NTH, 11, 4, THURSDAY},
	{{"black_friday", "the day after Thanksgiving", -1, 1, true}, NTH, 11, 4, THURSDAY, 1},
	{{"cyber_monday", "the Monday after Thanksgiving", 0, 0, true}, NTH, 11, 4, THURSDAY, 4},
	{{"st_nicholas_day", "6 December", 0, 0, false}, FIXED, 12, 6},
	{{"double_twelve", "12 December", 0, 0, false}, FIXED, 12, 12},
	{{"super_saturday", "the last Saturday before Christmas", 0, 0, true}, ADVENT},
	{{"christmas_eve", "24 December", 0, 0, true}, FIXED, 12, 24},
	{{"christmas", "25 December", 0, 0, true}, FIXED, 12, 25},
	{{"boxing_day", "26 December", 0, 0, true}, FIXED, 12, 26},
	{{"new_years_eve", "31 December", 0, 0, true}, FIXED, 12, 31},
};

static int64_t
easter(int year)
{
	int			a = year % 19;
	int			b = year / 100;
	int			c = year % 100;
	int			d = b / 4;
	int			e = b % 4;
	int			f = (b + 8) / 25;
	int			g = (b - f + 1) / 3;
	int			h = (19 * a + b - d - g + 15) % 30;
	int			i = c / 4;
	int			k = c % 4;
	int			l = (32 + 2 * e + 2 * i - h - k) % 7;
	int			m = (a + 11 * h + 22 * l) / 451;
	int			n = h + l - 7 * m + 114;

	return ecml_calendar_day(year, n / 31, n % 31 + 1);
}

static int64_t
orthodox_easter(int year)
{
	int			d = (19 * (year % 19) + 15) % 30;
	int			e = (2 * (year % 4) + 4 * (year % 7) - d + 34) % 7;
	int			n = d + e + 114;

	return ecml_calendar_day(year, n / 31, n % 31 + 1) + year / 100 - year / 400 - 2;
}

static int64_t
nth_weekday(int year, int month, int which, int weekday)
{
	int64_t		first = ecml_calendar_day(year, month, 1);
	int64_t		day = first + (weekday - ecml_calendar_weekday(first) + 7) % 7;

	if (which > 0)
		return day + 7 * (which - 1);
	while (day + 7 < first + ecml_calendar_month_days(year, month))
		day += 7;
	return day;
}

int
holidays_count(void)
{
	return (int) (sizeof(entries) / sizeof(entries[0]));
}

const Holiday *
holidays_get(int number)
{
	return &entries[number].holiday;
}

int
holidays_find(const char *name)
{
	for (int i = 0; i < holidays_count(); i++)
		if (strcmp(entries[i].holiday.name, name) == 0)
			return i;
	return -1;
}

int64_t
holidays_day(int number, int year)
{
	const Entry *e = &entries[number];

	switch (e->rule)
	{
		case FIXED:
			return ecml_calendar_day(year, e->month, e->which);
		case NTH:
			return nth_weekday(year, e->month, e->which, e->weekday) + e->after;
		case EASTER:
			return easter(year) + e->which;
		case ORTHODOX:
			return orthodox_easter(year) + e->which;
		case ADVENT:
			break;
	}
	{
		int64_t		eve = ecml_calendar_day(year, 12, 24);

		return eve - (ecml_calendar_weekday(eve) + 2) % 7;
	}
}
