/*
 * sentiment_sql.c - ecml_sentiment, ecml_subjectivity, ecml_sentiment_detail, ecml_aspects
 */
#include "core/compat.h"

#include "access/htup_details.h"

#include "core/result.h"
#include "text/aspects.h"
#include "text/sentiment.h"
#include "text/text_sql.h"

#define NEUTRAL 0.05			/* polarities nearer to 0 than this are called neutral */
#define PHRASES 20

PG_FUNCTION_INFO_V1(ecml_sentiment);

/* ecml_sentiment(text): float8 */
Datum
ecml_sentiment(PG_FUNCTION_ARGS)
{
	TextInput	input = text_input(PG_GETARG_DATUM(0));
	EcmlCtx		ctx;
	EcmlServerHost host;

	text_ctx(&ctx, &host);
	PG_RETURN_FLOAT8(sentiment_of(&ctx, input.s, input.n).polarity);
}

PG_FUNCTION_INFO_V1(ecml_subjectivity);

/* ecml_subjectivity(text): float8 */
Datum
ecml_subjectivity(PG_FUNCTION_ARGS)
{
	TextInput	input = text_input(PG_GETARG_DATUM(0));
	EcmlCtx		ctx;
	EcmlServerHost host;

	text_ctx(&ctx, &host);
	PG_RETURN_FLOAT8(sentiment_of(&ctx, input.s, input.n).subjectivity);
}

PG_FUNCTION_INFO_V1(ecml_sentiment_detail);

/* ecml_sentiment_detail(text): polarity, subjectivity, label, positive text[], negative text[] */
Datum
ecml_sentiment_detail(PG_FUNCTION_ARGS)
{
	TextInput	input = text_input(PG_GETARG_DATUM(0));
	EcmlCtx		ctx;
	EcmlServerHost host;
	Sentiment	sentiment;
	SentimentPhrase *phrases;
	size_t		n;
	TextArray	positive;
	TextArray	negative;
	Datum		values[5];
	bool		nulls[5] = {false};

	text_ctx(&ctx, &host);
	sentiment = sentiment_of(&ctx, input.s, input.n);
	phrases = sentiment_phrases(&ctx, input.s, input.n, PHRASES, &n);
	text_array_begin(&positive, 256, input.converted);
	text_array_begin(&negative, 256, input.converted);
	for (size_t i = 0; i < n; i++)
		text_array_add(phrases[i].weight > 0 ? &positive : &negative, input.s + phrases[i].begin, phrases[i].end - phrases[i].begin);
	values[0] = Float8GetDatum(sentiment.polarity);
	values[1] = Float8GetDatum(sentiment.subjectivity);
	values[2] = CStringGetTextDatum(sentiment.polarity >= NEUTRAL ? "positive" : sentiment.polarity <= -NEUTRAL ? "negative" : "neutral");
	values[3] = PointerGetDatum(text_array_end(&positive));
	values[4] = PointerGetDatum(text_array_end(&negative));
	PG_RETURN_DATUM(ecml_composite(ecml_composite_desc(fcinfo), values, nulls));
}

PG_FUNCTION_INFO_V1(ecml_aspects);

/* ecml_aspects(text): rows aspect, polarity, phrase */
Datum
ecml_aspects(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	TextInput	input = text_input(PG_GETARG_DATUM(0));
	EcmlCtx		ctx;
	EcmlServerHost host;
	SentimentAspect *aspects;
	size_t		n;

	text_ctx(&ctx, &host);
	aspects = sentiment_aspects(&ctx, input.s, input.n, &n);
	for (size_t i = 0; i < n; i++)
	{
		const SentimentAspect *a = &aspects[i];
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = PointerGetDatum(text_output(input.s + a->begin, a->end - a->begin, input.converted));
		values[1] = Float8GetDatum(a->polarity);
		values[2] = PointerGetDatum(text_output(input.s + a->phrase_begin, a->phrase_end - a->phrase_begin, input.converted));
		ecml_rows_add(rows, values, nulls);
	}
	return (Datum) 0;
}
