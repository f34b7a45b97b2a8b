/*
 * holidays.h - days on which shops sell otherwise, by rules
 *
 * Days are counted from 2000-01-01, as in num/calendar.h.
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

#endif							/* ECML_HOLIDAYS_H */
