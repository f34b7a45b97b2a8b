/*
 * lemma_sql.c - ecml_lemma, ecml_lemmatize
 */
#include "core/compat.h"

#include "text/lemma.h"
#include "text/text_sql.h"
#include "text/tokenize.h"
#include "text/utf8.h"

/* The part of speech of its letter; 0: to be guessed. */
static unsigned
part_of(text *given)
{
	char		c = VARSIZE_ANY_EXHDR(given) == 1 ? VARDATA_ANY(given)[0] : '\0';

	switch (c)
	{
		case 'n':
			return LEMMA_NOUN;
		case 'v':
			return LEMMA_VERB;
		case 'a':
		case 's':
			return LEMMA_ADJECTIVE;
		case 'r':
			return LEMMA_ADVERB;
		case '?':
			return 0;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown part of speech"),
					 errdetail("It is \"%s\".", text_to_cstring(given)),
					 errhint("Give n (noun), v (verb), a or s (adjective), r (adverb), or ? to have it guessed.")));
	}
}

PG_FUNCTION_INFO_V1(ecml_lemma);

/* ecml_lemma(word text, pos text): text */
Datum
ecml_lemma(PG_FUNCTION_ARGS)
{
	TextInput	input = text_input(PG_GETARG_DATUM(0));
	unsigned	part = part_of(PG_GETARG_TEXT_PP(1));
	char		out[LEMMA_LONGEST + 1];
	size_t		n;

	if (part == 0)
		part = lemma_guess(input.s, input.n, NULL, 0);
	n = part == 0 ? 0 : lemma_of(input.s, input.n, part, out);
	if (n == 0)
		PG_RETURN_TEXT_P(text_output(input.s, input.n, input.converted));
	PG_RETURN_TEXT_P(text_output(out, n, input.converted));
}

PG_FUNCTION_INFO_V1(ecml_lemmatize);

/* ecml_lemmatize(text): text[]; tokens in small letters, each by its lemma */
Datum
ecml_lemmatize(PG_FUNCTION_ARGS)
{
	static const TokenOptions options = TOKEN_DEFAULTS;
	TextInput	input = text_input(PG_GETARG_DATUM(0));
	EcmlCtx		ctx;
	EcmlServerHost host;
	TextArray	array;
	TokenScan	scan;
	Token		token;
	char		before[64];
	size_t		before_n = 0;

	text_ctx(&ctx, &host);
	text_array_begin(&array, 3 * input.n, input.converted);
	tokens_begin(&scan, &ctx, input.s, input.n, &options);
	while (tokens_next(&scan, &token))
	{
		size_t		n;
		const char *spelling = token_spelling(input.s, &token, &n);
		char		small[UTF8_LOWER_ROOM(LEMMA_LONGEST)];
		char		out[LEMMA_LONGEST + 1];

		if (token.kind != TOKEN_WORD || n > LEMMA_LONGEST)
		{
			text_array_add(&array, spelling, n);
			before_n = 0;
		}
		else
		{
			size_t		m = utf8_lower(spelling, n, small);
			unsigned	part = lemma_guess(small, m, before_n > 0 ? before : NULL, before_n);
			size_t		length = part == 0 ? 0 : lemma_of(small, m, part, out);

			if (length > 0)
				text_array_add(&array, out, length);
			else
				text_array_add(&array, small, m);
			before_n = m < sizeof(before) ? m : 0;
			memcpy(before, small, before_n);
		}
	}
	PG_RETURN_ARRAYTYPE_P(text_array_end(&array));
}
