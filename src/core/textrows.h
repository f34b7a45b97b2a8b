/*
 * textrows.h - the texts of a source, row by row, for trainings of their own without a target
 */
#ifndef ECML_TEXTROWS_H
#define ECML_TEXTROWS_H

#include "core/algorithm.h"
#include "core/json.h"
#include "core/model.h"
#include "core/source.h"

/* ---- from a value to its text */

typedef struct EcmlTextInput
{
	char	   *name;
	int			number;			/* of the column, or argument */
	Oid			type;
	bool		text;			/* it is a text as it stands */
	bool		cstring;
	FmgrInfo	output;
} EcmlTextInput;

/* text, varchar, char(n) */
extern bool ecml_text_is_text(Oid type);

extern void ecml_text_input_plan(EcmlTextInput *input, MemoryContext context, int number, Oid type);
extern EcmlText ecml_text_input_read(EcmlTextInput *input, Datum value, bool isnull);

/* The texts of a row: columns of a source, or arguments of a call. */
typedef struct EcmlTextInputs
{
	int			n;
	EcmlTextInput *inputs;		/* [n] */
	EcmlText   *texts;			/* [n] of the present row */
	MemoryContext row;			/* of texts that had to be made */
} EcmlTextInputs;

/* None yet, with room for n. */
extern void ecml_text_inputs_init(EcmlTextInputs *inputs, MemoryContext context, int n);

/* Add a column of a source; what it is there, for messages, and why it may not be there twice. */
extern void ecml_text_inputs_add(EcmlTextInputs *inputs, MemoryContext context, const EcmlSource *source, int number, const char *what,
								 const char *why);

/* All arguments of an aggregate from the given one on, which are named x1, x2, ... */
extern void ecml_text_inputs_arguments(EcmlTextInputs *inputs, MemoryContext context, FunctionCallInfo fcinfo, int first);

/* Read a row, from the values of its columns or from the arguments; false: all texts are NULL. */
extern bool ecml_text_inputs_read(EcmlTextInputs *inputs, const Datum *values, const bool *nulls);
extern bool ecml_text_inputs_read_arguments(EcmlTextInputs *inputs, FunctionCallInfo fcinfo, int first);

/* The features of a model that was trained on them. */
extern void ecml_text_inputs_features(const EcmlTextInputs *inputs, EcmlSchema *schema);

/* An error in a database whose texts are not UTF-8; what: who needs it. */
extern void ecml_text_check_encoding(const char *what);

/* ---- the rows of a source */

typedef struct EcmlTextSource EcmlTextSource;

/* A row: its texts [n]; key: the text of the key column, NULL when it is NULL or there is none. */
typedef void (*EcmlTextRow) (void *arg, const EcmlText *texts, int n, const char *key);

/*
 * The columns that are named, or all of type text; with key the first column is a key, whatever its type.  SPI is connected.  what:
 * who learns from them, for messages.
 */
extern EcmlTextSource *ecml_text_source_open(MemoryContext context, const char *what, const char *source, const char *const *names,
											 int n, bool key);
extern int	ecml_text_source_columns(const EcmlTextSource *source);
extern const char *ecml_text_source_column(const EcmlTextSource *source, int i);
extern const char *ecml_text_source_key(const EcmlTextSource *source);

/* Run it; gives the number of rows whose texts are all NULL, which are left out. */
extern int64 ecml_text_source_run(EcmlTextSource *source, EcmlTextRow row, void *arg);

/*
 * ecml_evaluate of a model that learns from texts without a target: run the columns it was trained on, in a memory context of its own, and
 * tell rows, skipped, words and perplexity.  open, when not NULL, is called with that context's ctx before the rows come.
 */
typedef struct EcmlTextScore
{
	const void *fitted;
	void	   *call;			/* of open */
	int64		rows;
	double		sum;			/* of the words' log probabilities */
	size_t		words;
} EcmlTextScore;

extern void ecml_text_perplexity(const EcmlModel *model, const char *source, Jsonb *options, const char *what,
								 void *(*open) (EcmlCtx *ctx, const void *fitted), EcmlTextRow row, EcmlJson *json);

/* ---- trainings: from a source, and from the arguments of an aggregate */

typedef struct EcmlTextLearner
{
	void	   *(*begin) (EcmlCtx *ctx, const struct EcmlTraining *given);
	EcmlTextRow row;			/* its arg: what begin gave */
	/* the fitted model and its metrics, or an error; rows: that had a text, skipped: that had none */
	void	   *(*finish) (EcmlCtx *ctx, void *learning, const struct EcmlTraining *given, int64 rows, int64 skipped, EcmlJson *metrics);
} EcmlTextLearner;

/* For the train of EcmlOwnTraining. */
extern EcmlModel *ecml_text_rows_train(MemoryContext context, const struct EcmlTraining *given, const EcmlRequest *request,
									   const EcmlTextLearner *learner);

/* Aggregates (options, VARIADIC texts), which are named x1, x2, ...; NULL without rows. */
extern Datum ecml_text_rows_transition(FunctionCallInfo fcinfo, const EcmlAlgorithm *algorithm, const EcmlTextLearner *learner);
extern Datum ecml_text_rows_final(FunctionCallInfo fcinfo);

#endif							/* ECML_TEXTROWS_H */
