/*
 * holidays.h - days on which shops sell otherwise, by rules
 *
 * Days are counted from 1970-01-01, in the proleptic Gregorian calendar.
 */
#ifndef ECML_HOLIDAYS_H
#define ECML_HOLIDAYS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Holiday
{
	const char *name;
	const char *about;			/* the rule, in words */
	int			lower_window;	/* days before that usually show it too: at most 0 */
	int			upper_window;	/* days after: at least 0 */
	bool		shopping;		/* one of the usual set */
} Holiday;

extern int	holidays_count(void);
extern const Holiday *holidays_get(int number);
extern int	holidays_find(const char *name);	/* its number; -1: no such */

/* The day of a holiday in a year. */
extern int64_t holidays_day(int number, int year);

extern int64_t holidays_from_civil(int year, int month, int day);
extern void holidays_to_civil(int64_t days, int *year, int *month, int *day);
extern int	holidays_weekday(int64_t days);	/* 0: Sunday */

#endif							/* ECML_HOLIDAYS_H */
