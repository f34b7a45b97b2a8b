/*
 * holidays.c - days on which shops sell otherwise: fixed dates, n-th weekdays of a month, and what moves with Easter
 *
 * Easter by the Gregorian computus in the form of Meeus, Jones and Butcher (Nature, 1876); the Orthodox one by Meeus' Julian
 * rule, with the distance of the calendars added.  Dates by Hinnant's arithmetic of days.  Holidays of calendars that follow
 * the moon (Eid, Diwali, the Chinese New Year) have no such rule: they come from a table of the user.
 */
#include "holidays.h"

#include <stddef.h>
#include <string.h>

enum Rule
{
	FIXED,						/* month, day */
	NTH,						/* month, which (1 .. 5; -1: the last), weekday, and days after it */
	EASTER,						/* days after Easter Sunday */
	ORTHODOX,					/* days after the Orthodox one */
	ADVENT						/* the last Saturday before Christmas */
};

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
	{{"mothers_day", "second Sunday of May", -2, 0, true}, NTH, 5, 2, 0},
	{{"mothering_sunday", "fourth Sunday of Lent (Britain, Ireland)", -2, 0, false}, EASTER, 0, -21},
	{{"ascension", "Thursday, 39 days after Easter", 0, 0, false}, EASTER, 0, 39},
	{{"whit_monday", "50 days after Easter", 0, 0, false}, EASTER, 0, 50},
	{{"memorial_day", "last Monday of May (USA)", 0, 0, false}, NTH, 5, -1, 1},
	{{"fathers_day", "third Sunday of June", -2, 0, true}, NTH, 6, 3, 0},
	{{"independence_day", "4 July (USA)", 0, 0, false}, FIXED, 7, 4},
	{{"labor_day", "first Monday of September (USA)", 0, 0, false}, NTH, 9, 1, 1},
	{{"canadian_thanksgiving", "second Monday of October", 0, 0, false}, NTH, 10, 2, 1},
	{{"halloween", "31 October", -1, 0, true}, FIXED, 10, 31},
	{{"singles_day", "11 November", 0, 0, true}, FIXED, 11, 11},
	{{"thanksgiving", "fourth Thursday of November (USA)", 0, 0, true}, NTH, 11, 4, 4},
	{{"black_friday", "the day after Thanksgiving", -1, 1, true}, NTH, 11, 4, 4, 1},
	{{"cyber_monday", "the Monday after Thanksgiving", 0, 0, true}, NTH, 11, 4, 4, 4},
	{{"st_nicholas_day", "6 December", 0, 0, false}, FIXED, 12, 6},
	{{"double_twelve", "12 December", 0, 0, false}, FIXED, 12, 12},
	{{"super_saturday", "the last Saturday before Christmas", 0, 0, true}, ADVENT},
	{{"christmas_eve", "24 December", 0, 0, true}, FIXED, 12, 24},
	{{"christmas", "25 December", 0, 0, true}, FIXED, 12, 25},
	{{"boxing_day", "26 December", 0, 0, true}, FIXED, 12, 26},
	{{"new_years_eve", "31 December", 0, 0, true}, FIXED, 12, 31},
};

int64_t
holidays_from_civil(int year, int month, int day)
{
	int64_t		y = (int64_t) year - (month <= 2);
	int64_t		era = (y >= 0 ? y : y - 399) / 400;
	int64_t		yoe = y - era * 400;
	int64_t		doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void
holidays_to_civil(int64_t days, int *year, int *month, int *day)
{
	int64_t		z = days + 719468;
	int64_t		era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t		doe = z - era * 146097;
	int64_t		yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t		doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t		mp = (5 * doy + 2) / 153;

	*day = (int) (doy - (153 * mp + 2) / 5 + 1);
	*month = (int) (mp < 10 ? mp + 3 : mp - 9);
	*year = (int) (yoe + era * 400 + (*month <= 2));
}

int
holidays_weekday(int64_t days)
{
	int64_t		r = (days + 4) % 7;

	return (int) (r < 0 ? r + 7 : r);
}

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

	return holidays_from_civil(year, n / 31, n % 31 + 1);
}

static int64_t
orthodox_easter(int year)
{
	int			d = (19 * (year % 19) + 15) % 30;
	int			e = (2 * (year % 4) + 4 * (year % 7) - d + 34) % 7;
	int			n = d + e + 114;

	return holidays_from_civil(year, n / 31, n % 31 + 1) + year / 100 - year / 400 - 2;
}

static int64_t
nth_weekday(int year, int month, int which, int weekday)
{
	int64_t		first = holidays_from_civil(year, month, 1);
	int64_t		day = first + (weekday - holidays_weekday(first) + 7) % 7;

	if (which > 0)
		return day + 7 * (which - 1);
	while (day + 7 < holidays_from_civil(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1))
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
			return holidays_from_civil(year, e->month, e->which);
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
		int64_t		eve = holidays_from_civil(year, 12, 24);

		return eve - (holidays_weekday(eve) + 1) % 7;
	}
}
