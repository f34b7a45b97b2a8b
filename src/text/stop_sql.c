/*
 * stop_sql.c - stop words: the files tsearch_data/<language>.stop that PostgreSQL brings
 */
#include "core/compat.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tsearch/ts_public.h"

#include <unistd.h>

#include "text/stop_sql.h"

void
text_stop_words(const char *language, void (*word) (void *arg, const char *word, int length), void *arg)
{
	StopList	list = {0};
	char		share[MAXPGPATH];
	const char *path;

	if (language == NULL || strcmp(language, "none") == 0)
		return;
	get_share_path(my_exec_path, share);
	path = psprintf("%s/tsearch_data/%s.stop", share, language);
	/* it becomes part of a file's name */
	if (strspn(language, "abcdefghijklmnopqrstuvwxyz_") != strlen(language) || access(path, R_OK) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no stop words are known for \"%s\"", language),
				 errdetail("There is no list of that name in the server's tsearch_data."),
				 errhint("Give a language such as \"english\" or \"german\", or \"none\".")));
	readstoplist(language, &list, NULL);
	for (int i = 0; i < list.len; i++)
	{
		Words		words;

		/* as words are cut from texts: of "don't" both parts */
		words_begin(&words, list.stop[i], strlen(list.stop[i]), 1);
		while (words_next(&words))
			word(arg, words.word, words.length);
	}
}

void
text_check_vocab(EcmlReader *r, const Vocab *vocab)
{
	for (uint32_t i = 0; i < vocab->n; i++)
	{
		int			length;
		const char *word = vocab_word(vocab, i, &length);

		if (!pg_verify_mbstr(GetDatabaseEncoding(), word, length, true))
			ecml_read_corrupted(r, "a term is no text");
	}
}
