/*
 * test_tokenize.c - sentences and tokens against NLTK's, stored in test/data/text; hostile bytes; time that stays linear
 */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/tokenize.h"
#include "text/utf8.h"

/* The tokens of a text, each on a line. */
static char *
tokens_of(EcmlCtx *ctx, const char *text, size_t n, TokenOptions options)
{
	TokenScan	scan;
	Token		token;
	size_t		size = 0;
	char	   *out = malloc(4 * n + 16);
	size_t		last = 0;

	tokens_begin(&scan, ctx, text, n, &options);
	while (tokens_next(&scan, &token))
	{
		size_t		length;
		const char *spelling = token_spelling(text, &token, &length);

		if (token.length == 0 || token.begin < last || token.begin + token.length > n)
		{
			ok(false, "a token of %zu bytes at %zu of %zu, after %zu", token.length, token.begin, n, last);
			break;
		}
		last = token.begin + token.length;
		memcpy(out + size, spelling, length);
		size += length;
		out[size++] = '\n';
	}
	out[size] = '\0';
	return out;
}

static void
check(EcmlCtx *ctx, const char *text, TokenOptions options, const char *want)
{
	char	   *got = tokens_of(ctx, text, strlen(text), options);

	for (char *c = got; *c; c++)
		if (*c == '\n')
			*c = c[1] ? '|' : '\0';
	ok(strcmp(got, want) == 0, "%s: %s%s%s", text, want, strcmp(got, want) ? ", not " : "", strcmp(got, want) ? got : "");
	free(got);
}

/* Lines of test/data/text/tokens.txt: a text, and its tokens on the next line parted by tabs; \n in it stands for a line's end. */
static void
stored(EcmlCtx *ctx)
{
	FILE	   *file = fopen("test/data/text/tokens.txt", "r");
	char	   *text = NULL;
	char	   *want = NULL;
	size_t		room[2] = {0, 0};
	int			same = 0;
	int			all = 0;

	if (file == NULL)
	{
		ok(false, "test/data/text/tokens.txt is there");
		return;
	}
	while (getline(&text, &room[0], file) > 0 && getline(&want, &room[1], file) > 0)
	{
		char	   *got;
		char	   *to = text;

		text[strcspn(text, "\n")] = '\0';
		want[strcspn(want, "\n")] = '\0';
		for (char *c = text; *c; c++)
			*to++ = *c == '\\' && c[1] == 'n' ? (c++, '\n') : *c;
		*to = '\0';
		got = tokens_of(ctx, text, strlen(text), (TokenOptions) TOKEN_DEFAULTS);
		for (char *c = got; *c; c++)
			if (*c == '\n')
				*c = c[1] ? '\t' : '\0';
		same += strcmp(got, want) == 0;
		if (strcmp(got, want) != 0)
			printf("# %s\n# want %s\n# got  %s\n", text, want, got);
		all++;
		free(got);
	}
	ok(all > 100 && same == all, "%d of %d texts have the tokens of nltk.word_tokenize", same, all);
	free(text);
	free(want);
	fclose(file);
}

/* Every text is gone through, and its tokens are pieces of it in order (checked in tokens_of); in all options. */
static void
hostile(EcmlCtx *ctx)
{
	static const char *const parts[] = {
		"'", "\"", "`", "``", "''", ".", "..", "...", ",", ":", "!", "?", " ", "\n", "\t", "-", "--", "n't", "'s", "'re", "'tis", "a", "cannot",
		"wanna", "5", "$5", "10x20cm", "http://a", "a@b.c", "#x", "@", "(", ")", "[", "]", "{", "<", "\xE2\x80\x9C", "\xE2\x80\x9D",
		"\xE2\x80\x99", "\xC2\xAB", "\xC2\xA0", "\xE2\x80\x94", "\xF0\x9F\x98\x80", "\xE2\x80\x8D", "\xEF\xB8\x8F", "\xF0\x9F\x87\xA9",
		"\xFF", "\xC0\xAF", "\xED\xA0\x80", "\xE2\x80", "\xF0\x9F", "\x80", "\x01", "Mr.", "J.", "e.g."
	};
	EcmlRng		rng;
	char		text[2048];
	size_t		tokens = 0;

	ecml_rng_seed(&rng, 7);
	for (int round = 0; round < 4000; round++)
	{
		size_t		n = 0;
		int			count = 1 + (int) (ecml_rng_next(&rng) % 30);
		unsigned	bits = (unsigned) (ecml_rng_next(&rng) % 64);
		TokenOptions options = {bits & 1, bits & 2, bits & 4, bits & 8, bits & 16, bits & 32};
		char	   *exact;
		char	   *got;

		for (int i = 0; i < count; i++)
		{
			const char *part = parts[ecml_rng_next(&rng) % (sizeof(parts) / sizeof(parts[0]))];

			memcpy(text + n, part, strlen(part));
			n += strlen(part);
		}
		/* in memory of its own size, so that reading past it shows */
		exact = malloc(n);
		memcpy(exact, text, n);
		got = tokens_of(ctx, exact, n, options);
		tokens += strlen(got);
		free(got);
		free(exact);
	}
	ok(tokens > 0, "texts of odd parts and broken bytes, in all options");
}

/* A part a million times over. */
static void
repeated(EcmlCtx *ctx)
{
	static const char *const parts[] = {
		"a.", ". ", "?! ", "!", "'", "\"", "''", "-", ",", "x' ", ".)", ". . ", "\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80\xE2\x80\x8D", "1x", "a@", "a.b@",
		"www.", "$1", "\xC2\xA0.", "Mr. ", "\x80", " ", "(\"", "cannot", "a.\xC2\xA0"
	};
	TokenOptions all = {true, true, true, true, true, true};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
	{
		size_t		length = strlen(parts[i]);
		size_t		n = 200000 / length * length;
		char	   *text = malloc(n);
		char	   *got;

		for (size_t at = 0; at < n; at += length)
			memcpy(text + at, parts[i], length);
		got = tokens_of(ctx, text, n, (TokenOptions) TOKEN_DEFAULTS);
		free(got);
		got = tokens_of(ctx, text, n, all);
		free(got);
		free(text);
	}
	ok(true, "long repetitions come to their end");
}

static void
characters(void)
{
	char		out[64];
	size_t		n = utf8_lower("STRA\xC3\x9F" "E \xC3\x84\xD0\x96\xC8\xBA\xFF", 15, out);
	unsigned	length;

	ok(n == 16 && memcmp(out, "stra\xC3\x9F" "e \xC3\xA4\xD0\xB6\xE2\xB1\xA5\xFF", 16) == 0, "lower case, one of which is longer");
	ok(utf8_decode("\xC0\xAF", 2, &length) == UTF8_INVALID && length == 1, "an overlong form is no character");
	ok(utf8_decode("\xED\xA0\x80", 3, &length) == UTF8_INVALID, "nor is a surrogate");
	ok(utf8_decode("\xF4\x90\x80\x80", 4, &length) == UTF8_INVALID, "nor what is beyond U+10FFFF");
	ok(utf8_decode("\xE2\x82", 2, &length) == UTF8_INVALID, "nor one cut off");
	ok(utf8_is_space(0xA0) && utf8_is_space(0x3000) && utf8_is_space(0x1C) && !utf8_is_space(0x200B), "space");
	ok(utf8_is_word(0x4E00) && utf8_is_word(0x663) && utf8_is_word('_') && !utf8_is_word(0x301) && !utf8_is_word(0x2019), "word characters");
	ok((utf8_class(0x1F600) & UTF8_EMOJI) && (utf8_class(0x2764) & UTF8_EMOJI), "emoji");
	ok((utf8_class(0x416) & UTF8_UPPER) && (utf8_class(0x436) & UTF8_LOWER) && !(utf8_class(0x4E00) & (UTF8_UPPER | UTF8_LOWER)), "cases");
	for (uint32_t c = 0; c < 0x110000; c++)
		if ((c < 0xD800 || c >= 0xE000) && (utf8_decode(out, utf8_encode(c, out), &length) != c || utf8_to_lower(utf8_to_lower(c)) != utf8_to_lower(c)))
		{
			ok(false, "U+%04X", c);
			return;
		}
	ok(true, "every character is read as it is written");
}

int
main(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	TokenOptions plain = {true};
	TokenOptions all = {true, true, true, true, true, true};

	characters();
	check(ctx, "They'll save and invest more.", plain, "They|'ll|save|and|invest|more|.");
	check(ctx, "hi, my name can't hello,", plain, "hi|,|my|name|ca|n't|hello|,");
	check(ctx, "\"Good\" quality, isn't it?", plain, "``|Good|''|quality|,|is|n't|it|?");
	check(ctx, "cannot gonna gimme", plain, "can|not|gon|na|gim|me");
	check(ctx, "Visit https://shop.example/a?b=1. Only $19.99!", all, "Visit|https://shop.example/a?b=1|.|Only|$19.99|!");
	check(ctx, "\xF0\x9F\x98\x80\xF0\x9F\x91\x8D\xF0\x9F\x8F\xBDok 10x20cm #new @shop", all,
		  "\xF0\x9F\x98\x80|\xF0\x9F\x91\x8D\xF0\x9F\x8F\xBD|ok|10x20cm|#new|@shop");
	check(ctx, "mail me@shop.example, please", all, "mail|me@shop.example|,|please");
	stored(ctx);
	hostile(ctx);
	repeated(ctx);
	test_ctx_free(ctx);
	return done();
}
