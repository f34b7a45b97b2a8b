/*
 * lemma.h - dictionary forms of English words, after WordNet's morphy
 */
#ifndef ECML_TEXT_LEMMA_H
#define ECML_TEXT_LEMMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEMMA_NOUN 1
#define LEMMA_VERB 2
#define LEMMA_ADJECTIVE 4
#define LEMMA_ADVERB 8

#define LEMMA_LONGEST 255		/* bytes; longer words are their own lemmas */

/* The lemma of a word as one part of speech into out [LEMMA_LONGEST + 1]: its length; 0: WordNet has none, the word is its own. */
extern size_t lemma_of(const char *word, size_t n, unsigned part, char *out);

/*
 * The part of speech that a word most likely has: of those in which WordNet knows it, the most frequent one, or what the word
 * before it (small letters; NULL: none) asks for.  0: no word of WordNet's.
 */
extern unsigned lemma_guess(const char *word, size_t n, const char *before, size_t before_n);

#endif							/* ECML_TEXT_LEMMA_H */
