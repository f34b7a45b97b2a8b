/*
 * tokenize.h - the tokens of a text, one at a time
 *
 *     TokenScan scan;
 *     Token token;
 *     tokens_begin(&scan, ctx, text, n, &options);
 *     while (tokens_next(&scan, &token))
 *         use(text + token.begin, token.length)
 *
 * Tokens are pieces of the text, in its order; nothing is allocated for a token.  The ctx is asked for memory only when a piece
 * without space is longer than TOKENS_LOCAL bytes (a byte for each of its bytes), so it may be NULL where that cannot be.
 */
#ifndef ECML_TEXT_TOKENIZE_H
#define ECML_TEXT_TOKENIZE_H

#include "num/ctx.h"
#include "text/sentences.h"

typedef enum TokenKind
{
	TOKEN_WORD,					/* has a letter */
	TOKEN_NUMBER,				/* has a digit and no letter */
	TOKEN_PUNCT,				/* neither */
	TOKEN_OPEN_QUOTE,			/* a double quote that opens: `` in Penn Treebank's spelling */
	TOKEN_CLOSE_QUOTE,			/* one that closes: '' */
	/* by option */
	TOKEN_URL,					/* web and mail addresses */
	TOKEN_EMOJI,				/* with what modifies it */
	TOKEN_PRICE,				/* currency and amount */
	TOKEN_SIZE,					/* 10x20cm, 5.5mm, 128GB */
	TOKEN_HASHTAG				/* #tag, @name */
} TokenKind;

typedef struct Token
{
	size_t		begin;
	size_t		length;
	TokenKind	kind;
	size_t		sentence;		/* number of its sentence, from 0 */
} Token;

typedef struct TokenOptions
{
	bool		sentences;		/* split into sentences first; false: the text is one sentence */
	bool		urls;			/* keep these whole: */
	bool		emoji;
	bool		prices;
	bool		sizes;
	bool		hashtags;
} TokenOptions;

#define TOKEN_DEFAULTS {true, false, false, false, false, false}

#define TOKENS_LOCAL 256

typedef struct TokenScan
{
	EcmlCtx    *ctx;
	const char *text;
	TokenOptions options;
	bool		entities;		/* are any kept whole? */
	SentenceScan sentences;
	size_t		sentence;		/* number of the next one */
	size_t		begin;			/* of the sentence */
	size_t		end;
	size_t		stop;			/* the period that ends it; SIZE_MAX: none */
	size_t		at;				/* where the next piece without space is looked for */
	size_t		run_end;		/* where the piece found last ends */
	unsigned	run_classes;	/* of its bytes */
	size_t		piece;			/* the piece that is being given: its next token */
	size_t		piece_begin;
	size_t		piece_end;		/* ... and its end; piece == piece_end: none */
	size_t		entity_end;		/* a token kept whole stands behind the piece; 0: none */
	TokenKind	entity;
	bool		simple;			/* the rest of the piece is one token */
	uint8_t    *flags;			/* [piece_end - piece_begin + 1] of the piece */
	size_t		room;
	uint8_t		local[TOKENS_LOCAL];
} TokenScan;

extern void tokens_begin(TokenScan *scan, EcmlCtx *ctx, const char *text, size_t n, const TokenOptions *options);
extern bool tokens_next(TokenScan *scan, Token *token);

/* The spelling of a token: "``" and "''" for double quotes, else the text itself. */
static inline const char *
token_spelling(const char *text, const Token *token, size_t *n)
{
	*n = token->length;
	if (token->kind != TOKEN_OPEN_QUOTE && token->kind != TOKEN_CLOSE_QUOTE)
		return text + token->begin;
	*n = 2;
	return token->kind == TOKEN_OPEN_QUOTE ? "``" : "''";
}

/*
 * What of text [at .. end) is kept whole from at on, by the options; 0: nothing.  before: the character before it (0: none or
 * space).
 */
extern size_t token_entity(const char *text, size_t at, size_t end, uint32_t before, const TokenOptions *options,
						   TokenKind *kind);

#endif							/* ECML_TEXT_TOKENIZE_H */
