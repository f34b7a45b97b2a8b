/*
 * error.h - help for people who mistype: the nearest of the known names
 */
#ifndef ECML_ERROR_H
#define ECML_ERROR_H

#include "postgres.h"

/* The candidate nearest to word by edit distance, or NULL when none is near (half of the word's length, at most 3). */
extern const char *ecml_error_nearest(const char *word, const char *const *candidates, int n);

/* What to begin a hint with: 'Perhaps you mean "word". ', or nothing for NULL. */
extern const char *ecml_error_perhaps(const char *word);

/* "a, b, c" */
extern char *ecml_error_list(const char *const *words, int n);

#endif							/* ECML_ERROR_H */
