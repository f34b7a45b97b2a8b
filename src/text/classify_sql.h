/*
 * classify_sql.h - options that say what the terms of a text are
 */
#ifndef TEXT_CLASSIFY_SQL_H
#define TEXT_CLASSIFY_SQL_H

#include "postgres.h"

#include "core/options.h"
#include "text/bags.h"

typedef struct TextTermOptions
{
	EcmlNumberList ngrams;		/* words of a term: a number, or least and greatest */
	EcmlNumberList chars;
	int			least;			/* characters of a word */
} TextTermOptions;

#define TEXT_TERM_DEFAULTS {.ngrams = {-1}, .chars = {-1}, .least = 2}

#define TEXT_TERM_OPTIONS(s, f) \
	ECML_OPT_NUMBERS(s, f.ngrams, "ngrams", 0, TERM_MAX_NGRAM), \
	ECML_OPT_NUMBERS(s, f.chars, "chars", 0, TERM_MAX_CHARS), \
	ECML_OPT_INT(s, f.least, "min_length", 1, 100)

/* Least and greatest of a range as it was given; false: it is none. */
extern bool text_range(const EcmlNumberList *given, int *low, int *high);

#endif							/* TEXT_CLASSIFY_SQL_H */
