/*
 * recommend_sql.h - what the bindings of recommenders share
 */
#ifndef RECOMMEND_SQL_H
#define RECOMMEND_SQL_H

#include "postgres.h"

#include "core/algorithm.h"
#include "core/cache.h"
#include "core/keys.h"
#include "core/model.h"
#include "core/source.h"
#include "core/trainer.h"
#include "recommend/recommend.h"

typedef struct RecommendOptions
{
	RecParams	kernel;
	char	   *user;			/* columns of the source */
	char	   *item;
	char	   *value;
	char	   *time;
	char	   *group;
	char	   *items;			/* the item table, or a query */
	char	   *item_key;		/* its key; by default the column called as the item's column of the source */
	Jsonb	   *item_columns;	/* what content is learnt from; by default all others */
	Jsonb	   *parts;			/* of a hybrid */
} RecommendOptions;

/* ---- interactions_sql.c: a source as rows of numbers */

typedef struct RecInput
{
	RecRows		rows;
	EcmlKeys   *users;
	EcmlKeys   *items;
	EcmlKeys   *groups;			/* NULL: none */
	int64		skipped;		/* user, item, value or time is NULL */
	bool		has_group;
	char	   *user_column;	/* names; NULL: none */
	char	   *item_column;
	char	   *value_column;
	char	   *time_column;
} RecInput;

/* All rows of a source.  SPI is connected.  ctx: where the rows lie. */
extern RecInput *rec_input_read(EcmlCtx *ctx, MemoryContext context, const char *source, const RecommendOptions *options);

/* Rows of baskets: users are the baskets or, of sequences, the customers; a sequence needs times. */
extern RecInput *rec_baskets_read(EcmlCtx *ctx, MemoryContext context, const char *source, const RecommendOptions *options,
								  bool sequential);

/* The item table's columns as terms, its items added to those of the input; NULL: no table is given. */
extern RecMatrix *rec_input_content(EcmlCtx *ctx, MemoryContext context, RecInput *input, const RecommendOptions *options,
									char **key_column);

/* ---- train_sql.c */
extern RecFit *rec_train(EcmlCtx *ctx, MemoryContext context, const EcmlAlgorithm *algorithm, const RecommendOptions *options,
						 RecInput *input, const RecRows *rows);
extern const EcmlOwnTraining rec_own_training;
extern void rec_evaluate(const EcmlModel *model, int64 model_id, const char *source, Jsonb *options, EcmlJson *json);

/* ---- users_sql.c: ecml.factor and ecml.neighbor */

typedef struct RecUserRow
{
	bool		found;
	int			number;
	int			n;
	int32_t    *items;			/* palloc'd */
	float	   *values;
	float	   *factors;		/* [stride], aligned; NULL: none */
} RecUserRow;

extern void rec_users_store(EcmlCtx *ctx, const RecModel *model, const RecFit *fit, char *const *ids, int64 model_id);
extern void rec_user_find(const RecModel *model, int64 model_id, const char *user_id, RecUserRow *row);

/* user_knn: what the user's neighbours have, summed by similarity, into user's candidates; palloc'd. */
extern void rec_user_neighbors(const RecModel *model, int64 model_id, int number, RecUser *user);

/* Rows of ecml.factor of a model, in the order of user ids. */
typedef struct RecUserScan RecUserScan;

extern RecUserScan *rec_users_begin(const RecModel *model, int64 model_id);
extern bool rec_users_next(RecUserScan *scan, char **user_id, RecUserRow *row);	/* palloc'd */
extern void rec_users_end(RecUserScan *scan);
extern int	rec_users_similar(int64 model_id, int number, char ***user_ids, float **similarities);

/* A palloc'd block at a place that vectors can be read from. */
extern void *rec_aligned(size_t size);

/* ---- items_sql.c: the item table at query time */

typedef struct RecItemQuery
{
	const RecModel *model;
	const char *items;			/* table or query */
	const char *key;
	const char *filter;			/* NULL: all */
	const char *boost;			/* NULL: 1 */
} RecItemQuery;

/*
 * What the item table says of items wanted [n] (NULL: of all): allowed [items] is set to 1 for those that the filter lets
 * through, boost [items] (where asked for) to the value there.  SPI is connected; run with the caller's rights, read-only.
 */
extern void rec_items_ask(const RecItemQuery *query, const RecBest *wanted, int n, uint8_t *allowed, float *boost);

/* What part of the items that were asked for singly the filter has let through of late, in this session; 1: not known. */
extern double rec_items_passing(const RecItemQuery *query);

/* A user's present rows of the training's source, summed and weighed as the training did. */
extern void rec_items_present(const RecModel *model, int64 model_id, const char *model_name, const char *user_id,
							  RecUserRow *row);

/* ---- serve_sql.c: what functions that ask a recommender share */

typedef struct RecServed
{
	MemoryContextCallback callback;
	EcmlCached *cached;
	EcmlModel  *holder;
	const RecModel *model;
	EcmlCatalogEntry entry;
	char		name[ECML_NAME_LIMIT + 1];
} RecServed;

/* The recommender of a name, or with NULL the newest one that the user may use; held until it is released, or the context ends. */
extern RecServed *rec_serve(const text *name);
extern void rec_served_release(void *served);

/* n, if a list may be so long. */
extern int	rec_check_count(int n);

/* The text form of argument 0, a bigint. */
extern const char *rec_bigint_id(FunctionCallInfo fcinfo);

/* Argument i; NULL: it is not given. */
extern text *rec_optional_text(FunctionCallInfo fcinfo, int i);

#endif							/* RECOMMEND_SQL_H */
