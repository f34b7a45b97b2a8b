/*
 * stop_sql.h - stop words by PostgreSQL's lists, and what readers of models of words share
 */
#ifndef TEXT_STOP_SQL_H
#define TEXT_STOP_SQL_H

#include "postgres.h"

#include "text/bags.h"

/*
 * Each stop word of a language for which PostgreSQL has a list ("english"), in small letters; "none" and NULL: no word.  A language
 * without a list is an error.
 */
extern void text_stop_words(const char *language, void (*word) (void *arg, const char *word, int length), void *arg);

/* Corrupted when a term is no text of the database's encoding. */
extern void text_check_vocab(EcmlReader *r, const Vocab *vocab);

#endif							/* TEXT_STOP_SQL_H */
