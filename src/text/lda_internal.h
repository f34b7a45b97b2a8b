/*
 * lda_internal.h - what the files of lda share
 */
#ifndef TEXT_LDA_INTERNAL_H
#define TEXT_LDA_INTERNAL_H

#include "text/lda.h"

#define LDA_LANES 8

struct LdaCorpus
{
	int			least;
	Vocab		vocab;
	Vocab		stop;
	uint32_t   *df;				/* [ndf] documents that have the word */
	uint32_t   *last;			/* [ndf] 1 + the last one */
	size_t		ndf;
	size_t		documents;
	size_t	   *start;			/* [documents + 1] */
	uint32_t   *word;			/* [start[documents]] */
	size_t		document_capacity;
	size_t		capacity;
};

extern void lda_derive(EcmlCtx *ctx, Lda *model);

/* UMass and NPMI, means over the topics of the pairs of their first words. */
extern void lda_coherence(EcmlCtx *ctx, Lda *model, const LdaCorpus *corpus, int words);

#endif							/* TEXT_LDA_INTERNAL_H */
