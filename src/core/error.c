/*
 * error.c - help for people who mistype
 */
#include "core/compat.h"

#include "lib/stringinfo.h"
#include "utils/varlena.h"

#include "core/error.h"

const char *
ecml_error_nearest(const char *word, const char *const *candidates, int n)
{
	int			length = strlen(word);
	int			best = Min(3, Max(1, length / 2)) + 1;
	const char *nearest = NULL;

	if (length > 255)			/* the limit of varstr_levenshtein */
		return NULL;
	for (int i = 0; i < n; i++)
	{
		int			other = strlen(candidates[i]);
		int			distance;

		if (other > 255)
			continue;
		if (pg_strcasecmp(word, candidates[i]) == 0)
			return candidates[i];
		distance = varstr_levenshtein_less_equal(word, length, candidates[i], other, 1, 1, 1, best, true);
		if (distance < best)
		{
			best = distance;
			nearest = candidates[i];
		}
	}
	return nearest;
}

const char *
ecml_error_perhaps(const char *word)
{
	return word ? psprintf("Perhaps you mean \"%s\". ", word) : "";
}

char *
ecml_error_list(const char *const *words, int n)
{
	StringInfoData buffer;

	initStringInfo(&buffer);
	for (int i = 0; i < n; i++)
		appendStringInfo(&buffer, "%s%s", i > 0 ? ", " : "", words[i]);
	return buffer.data;
}
