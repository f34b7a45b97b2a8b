/*
 * lemma.c - lemmas by rules, exceptions and a dictionary
 *
 * Method: morphy of WordNet (G. A. Miller, "WordNet: a lexical database for English", 1995), with its choices as NLTK's
 * WordNetLemmatizer makes them: candidates are the word itself, and either what the list of exceptions has for it or what the
 * rules for endings give; of those that are lemmas of that part of speech, the shortest.  Capitals are no lemmas.
 *
 * Tables: lemma_tables.h, made at build time from the files of WordNet 3.0 by tools/text/tables.pl.  A hash table leads to
 * entries of a blob: length, parts of speech (and, in the upper half, those that have exceptions), how often each part was met in
 * WordNet's tagged texts (logarithms, four bits each), number of exceptions, the word; then for each exception its part,
 * length and bytes.  A look-up is one hash and mostly one comparison.
 */
#include "text/lemma.h"

#include <string.h>

#include "text/lemma_tables.h"

#define LENGTH 0
#define PARTS 1
#define COUNTS 2
#define EXCEPTIONS 4
#define WORD 5

static const unsigned char *
find(const char *word, size_t n)
{
	uint32_t	h = 2166136261u;
	uint32_t	slot;

	if (n == 0 || n > LEMMA_LONGEST)
		return NULL;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char) word[i]) * 16777619u;
	for (slot = (h * 0x9E3779B1u) >> (32 - LEMMA_BITS); lemma_slots[slot] != 0; slot = (slot + 1) & ((1u << LEMMA_BITS) - 1))
	{
		const unsigned char *entry = lemma_blob + lemma_slots[slot] - 1;

		if (entry[LENGTH] == n && memcmp(entry + WORD, word, n) == 0)
			return entry;
	}
	return NULL;
}

static inline bool
is_lemma(const unsigned char *entry, unsigned part)
{
	return entry != NULL && (entry[PARTS] & part) != 0;
}

static int
count_of(const unsigned char *entry, unsigned part)
{
	switch (part)
	{
		case LEMMA_NOUN:
			return entry[COUNTS] & 15;
		case LEMMA_VERB:
			return entry[COUNTS] >> 4;
		case LEMMA_ADJECTIVE:
			return entry[COUNTS + 1] & 15;
		default:
			return entry[COUNTS + 1] >> 4;
	}
}

typedef struct Ending
{
	unsigned	part;
	const char *old;
	const char *new;
} Ending;

static const Ending endings[] = {
	{LEMMA_NOUN, "s", ""}, {LEMMA_NOUN, "ses", "s"}, {LEMMA_NOUN, "ves", "f"}, {LEMMA_NOUN, "xes", "x"}, {LEMMA_NOUN, "zes", "z"},
	{LEMMA_NOUN, "ches", "ch"}, {LEMMA_NOUN, "shes", "sh"}, {LEMMA_NOUN, "men", "man"}, {LEMMA_NOUN, "ies", "y"},
	{LEMMA_VERB, "s", ""}, {LEMMA_VERB, "ies", "y"}, {LEMMA_VERB, "es", "e"}, {LEMMA_VERB, "es", ""}, {LEMMA_VERB, "ed", "e"},
	{LEMMA_VERB, "ed", ""}, {LEMMA_VERB, "ing", "e"}, {LEMMA_VERB, "ing", ""},
	{LEMMA_ADJECTIVE, "er", ""}, {LEMMA_ADJECTIVE, "est", ""}, {LEMMA_ADJECTIVE, "er", "e"}, {LEMMA_ADJECTIVE, "est", "e"}
};

size_t
lemma_of(const char *word, size_t n, unsigned part, char *out)
{
	const unsigned char *entry = find(word, n);
	char		candidate[LEMMA_LONGEST + 2];
	size_t		best = 0;

	if (n == 0 || n > LEMMA_LONGEST)
		return 0;
	if (is_lemma(entry, part))
	{
		memcpy(out, word, n);
		best = n;
	}
	if (entry != NULL && (entry[PARTS] >> 4 & part))
	{
		const unsigned char *at = entry + WORD + n;

		for (int i = 0; i < entry[EXCEPTIONS]; i++, at += 2 + at[1])
			if ((at[0] & part) && is_lemma(find((const char *) at + 2, at[1]), part) && (best == 0 || at[1] < best))
			{
				best = at[1];
				memcpy(out, at + 2, best);
			}
		return best;
	}
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
	{
		size_t		old = strlen(endings[i].old);
		size_t		new = strlen(endings[i].new);

		if (endings[i].part != part || n < old || memcmp(word + n - old, endings[i].old, old) != 0)
			continue;
		memcpy(candidate, word, n - old);
		memcpy(candidate + n - old, endings[i].new, new);
		if ((best == 0 || n - old + new < best) && is_lemma(find(candidate, n - old + new), part))
		{
			best = n - old + new;
			memcpy(out, candidate, best);
		}
	}
	return best;
}

/* lists of words parted by spaces */
static bool
among(const char *word, size_t n, const char *list)
{
	for (const char *at = list; *at;)
	{
		size_t		length = strcspn(at, " ");

		if (length == n && memcmp(at, word, n) == 0)
			return true;
		at += length + (at[length] == ' ');
	}
	return false;
}

unsigned
lemma_guess(const char *word, size_t n, const char *before, size_t before_n)
{
	unsigned	best = 0;
	int			best_count = -1;
	unsigned	asked = 0;
	char		out[LEMMA_LONGEST + 1];

	/* words of grammar, which WordNet knows as something else if at all */
	if (among(word, n, "as us its his this less thus has is was does am are were be been being had have having do did done"))
		return among(word, n, "has is was does am are were be been being had have having do did done") ? LEMMA_VERB : 0;
	if (before != NULL)
	{
		if (among(before, before_n, "to will would can could should must may might i you we they he she it who not n't don't doesn't didn't"))
			asked = LEMMA_VERB;
		else if (among(before, before_n, "the a an my your his her its our their this that these those of for in with no"))
			asked = LEMMA_NOUN;
	}
	for (unsigned part = LEMMA_NOUN; part <= LEMMA_ADVERB; part <<= 1)
	{
		size_t		length = lemma_of(word, n, part, out);
		int			count;

		if (length == 0)
			continue;
		count = count_of(find(out, length), part) * 2;
		if (part == asked)
			count += 5;
		if (count > best_count)
		{
			best_count = count;
			best = part;
		}
	}
	return best;
}
