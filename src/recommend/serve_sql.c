/*
 * serve_sql.c - ecml_recommend and its like: a user or a basket at hand, and a list
 *
 * What a call costs: the model's row in the catalog, the user's row (one index scan each), the scores, and the rows of the result.
 * The model's items are kept in the session's cache of models.  Everything is read under the query's snapshot, and users stand
 * under the number of the version, so that an answer is of one version whatever is trained meanwhile.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "core/catalog.h"
#include "core/error.h"
#include "core/guc.h"
#include "core/host.h"
#include "core/result.h"
#include "recommend/recommend_sql.h"

#define MAX_LIST 1000000
#define ASKED_SINGLY 1000		/* items that are asked for by their keys, before the filter is asked of all */
#define ALL_BLOCK 512			/* users that ecml_recommend_all scores at once */

typedef struct Options
{
	bool		exclude_seen;
	bool		reasons;
	bool		fresh;
	double		diversity;
	int			candidates;		/* 0: as many as seem enough */
	char	   *filter;
	char	   *boost;
	char	   *items;
	char	   *item_key;
	char	   *group;
	Jsonb	   *exclude;		/* ids */
	Jsonb	   *basket;			/* ids that count as the user's, beside those known */
} Options;

static const EcmlOption serve_options[] = {
	ECML_OPT_BOOL(Options, exclude_seen, "exclude_seen"),
	ECML_OPT_BOOL(Options, reasons, "reasons"),
	ECML_OPT_BOOL(Options, fresh, "fresh"),
	ECML_OPT_FLOAT(Options, diversity, "diversity", 0, 1),
	ECML_OPT_INT(Options, candidates, "candidates", 1, MAX_LIST),
	ECML_OPT_TEXT(Options, filter, "filter"),
	ECML_OPT_TEXT(Options, boost, "boost"),
	ECML_OPT_TEXT(Options, items, "items"),
	ECML_OPT_TEXT(Options, item_key, "item_key"),
	ECML_OPT_TEXT(Options, group, "group"),
	ECML_OPT_LIST(Options, exclude, "exclude"),
	ECML_OPT_LIST(Options, basket, "basket"),
	ECML_OPT_END
};

/* ---- the model */

void
rec_served_release(void *arg)
{
	RecServed	   *served = arg;

	if (served->cached)
		ecml_cache_release(served->cached);
	served->cached = NULL;
}

/* The recommender of a name, or with NULL the newest one that the user may use. */
RecServed *
rec_serve(const text *name)
{
	RecServed	   *served = palloc0(sizeof(RecServed));

	if (name)
	{
		if (VARSIZE_ANY_EXHDR(name) > ECML_NAME_LIMIT)
			ecml_catalog_check_name(text_to_cstring(name));
		text_to_cstring_buffer(name, served->name, sizeof(served->name));
		ecml_catalog_get(served->name, &served->entry);
	}
	else if (!ecml_catalog_newest("model_recommender_key", &served->entry, served->name))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no recommender"),
				 errdetail("No model of a recommender is in the catalog that you may use."),
				 errhint("Train one, as in SELECT ecml_train('recs', 'als', 'SELECT customer_id, product_id, quantity FROM order_lines').")));
	served->cached = ecml_cache_get(&served->entry);
	served->callback.func = rec_served_release;
	served->callback.arg = served;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &served->callback);
	served->holder = ecml_cached_model(served->cached);
	if (served->holder->algorithm->own != &rec_own_training)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" does not recommend", served->name),
				 errdetail("Its algorithm is %s, its task %s.", served->holder->algorithm->name,
						   ecml_task_name(served->holder->algorithm->task)),
				 errhint("Recommenders are als, item_knn, user_knn, content, popular, repeat and hybrid.")));
	served->model = served->holder->fitted;
	return served;
}

int
rec_check_count(int n)
{
	if (n < 1 || n > MAX_LIST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid length of a list"),
				 errdetail("n is %d.", n),
				 errhint("Give 1 <= n <= %d.", MAX_LIST)));
	return n;
}

/* ---- lists of ids */

static int
compare_numbers(const void *a, const void *b)
{
	int32_t		x = *(const int32_t *) a;
	int32_t		y = *(const int32_t *) b;

	return (x > y) - (x < y);
}

static int
sort_distinct(int32_t *v, int n)
{
	int			kept = 0;

	if (n > 1)
		qsort(v, n, sizeof(int32_t), compare_numbers);
	for (int i = 0; i < n; i++)
		if (kept == 0 || v[kept - 1] != v[i])
			v[kept++] = v[i];
	return kept;
}

/* Numbers of the items that a list names; those not known are left out. */
static int
known_items(const RecModel *model, Jsonb *list, int32_t **items)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	int			n = 0;

	*items = NULL;
	if (list == NULL)
		return 0;
	*items = palloc((JB_ROOT_COUNT(list) + 1) * sizeof(int32_t));
	iterator = JsonbIteratorInit(&list->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM)
		{
			int			item = rec_model_find(model, value.val.string.val, value.val.string.len);

			if (item >= 0)
				(*items)[n++] = item;
		}
	return sort_distinct(*items, n);
}

static int
merge_items(const int32_t *a, int na, const int32_t *b, int nb, int32_t **both)
{
	*both = palloc((na + nb + 1) * sizeof(int32_t));
	if (na > 0)
		memcpy(*both, a, na * sizeof(int32_t));
	if (nb > 0)
		memcpy(*both + na, b, nb * sizeof(int32_t));
	return sort_distinct(*both, na + nb);
}

/* ---- a list for a user */

typedef struct Call
{
	RecServed	   *served;
	const RecModel *model;
	const Options *options;
	EcmlCtx		ctx;
	EcmlServerHost host;
	RecScorer	scorer;
	RecItemQuery query;
	int32_t    *exclude;
	int			nexclude;
} Call;

static void
ask(const RecItemQuery *query, const RecBest *wanted, int n, uint8_t *allowed, float *boost)
{
	SPI_connect();
	rec_items_ask(query, wanted, n, allowed, boost);
	SPI_finish();
}

static int
compare_best(const void *a, const void *b)
{
	const RecBest *x = a;
	const RecBest *y = b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	return (x->item > y->item) - (x->item < y->item);
}

/* Keep what is allowed, multiply by the boost, order anew. */
static int
apply(const Call *call, RecBest *best, int n, const uint8_t *allowed, const float *boost)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		RecBest		entry = best[i];

		if (!allowed[entry.item] || (boost && boost[entry.item] == 0))
			continue;
		if (boost)
			entry.score = entry.score >= 0 ? entry.score * boost[entry.item] : entry.score / boost[entry.item];
		best[kept++] = entry;
	}
	if (boost)
		qsort(best, kept, sizeof(RecBest), compare_best);
	return kept;
}

static uint8_t *
per_item(const RecModel *model, size_t size)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, ((size_t) model->items + 1) * size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* So many of the best should be enough for wanted ones to pass, at this rate: the mean, and some of what it varies by. */
static double
enough(double wanted, double rate)
{
	rate = fmin(fmax(rate, 1e-9), 1);
	return (wanted + 0.8 * sqrt(wanted * (1 - rate))) / rate + 2;
}

/*
 * Those of the best that pass the filter, until there are enough: they are asked for by their keys, in batches as long as what has
 * passed so far says.  found is how many there are, of most that were wanted: fewer means that these are all.  The first known ones
 * have been asked for.  Returns how many pass, which stand in front, in order; *more is how many of the best will be needed, 0: no
 * more.
 */
static int
filter_best(Call *call, RecBest *best, int found, int most, int known, int wanted, uint8_t *allowed, double *more)
{
	double		rate = rec_items_passing(&call->query);
	int			passed = 0;
	int			asked = 0;

	while (asked < found && passed < wanted)
	{
		/* before it is seen how many pass, what others had counts as much as ten */
		double		next = enough(wanted - passed, (passed + 10 * rate) / (asked + 10));
		int			batch = asked < known ? known - asked : next < found - asked ? (int) next : found - asked;

		if (asked >= known)
			ask(&call->query, best + asked, batch, allowed, NULL);
		for (int i = asked; i < asked + batch; i++)
			if (allowed[best[i].item])
				best[passed++] = best[i];
		asked += batch;
	}
	*more = passed >= wanted || found < most ? 0 : enough(wanted, (passed + 0.5) / asked);
	return passed;
}

/* So many of the best are scored at first, of which wanted are to be left. */
static int
how_many(Call *call, int wanted)
{
	const Options *options = call->options;
	int			most = wanted;

	if (options->candidates > 0)
		most = Max(options->candidates, wanted);
	else if (options->boost || options->diversity > 0)
		most = 10 * wanted + 50;
	else if (options->filter)
	{
		/* more than should be enough, by what the filter let through before; few where all will have to be asked for */
		double		more = enough(wanted, rec_items_passing(&call->query));

		most = more > ASKED_SINGLY ? 5 * wanted + 10 : (int) (1.2 * more);
	}
	return Min(most, call->model->items);
}

/*
 * The filter and the boost over the best found for a user, of most that were wanted: what is left, in order.  When too few of them
 * pass, more are scored, and *best grows.
 */
static int
ask_for_best(Call *call, const RecUser *user, int wanted, int most, int found, RecBest **best)
{
	const RecModel *model = call->model;
	const Options *options = call->options;
	bool		reorders = options->boost || options->diversity > 0;
	uint8_t    *allowed = per_item(model, 1);
	float	   *boost = options->boost ? (float *) per_item(model, sizeof(float)) : NULL;
	int			known = 0;		/* of the best, from the first on, asked for already */

	for (;;)
	{
		int			asked = found;
		double		more;

		if (reorders)
		{
			/* among all of these the list is put in order */
			ask(&call->query, *best + known, asked - known, allowed, boost);
			found = apply(call, *best, asked, allowed, boost);
			more = found >= wanted || asked < most ? 0 : enough(wanted, (found + 0.5) / asked);
		}
		else
			found = filter_best(call, *best, asked, most, known, wanted, allowed, &more);
		known = asked;
		if (more == 0)
			return found;
		if (more > ASKED_SINGLY || more > model->items)
		{
			/* all items are asked for once, and those that pass are scored */
			memset(allowed, 0, model->items);
			ask(&call->query, NULL, 0, allowed, boost);
			found = rec_best(&call->scorer, user, most, allowed, call->exclude, call->nexclude, *best);
			return apply(call, *best, found, allowed, boost);
		}
		most = Min(Max((int) (1.2 * more), 2 * most), model->items);
		*best = repalloc_huge(*best, ((size_t) most + 1) * sizeof(RecBest));
		found = rec_best(&call->scorer, user, most, NULL, call->exclude, call->nexclude, *best);
	}
}

/* The best n for a user, by all that the options say; best is palloc'd. */
static int
recommend(Call *call, const RecUser *user, int n, RecBest **result)
{
	const RecModel *model = call->model;
	const Options *options = call->options;
	int			wanted = Min(n, model->items);
	int			most = how_many(call, wanted);
	RecBest    *best = MemoryContextAllocHuge(CurrentMemoryContext, ((size_t) most + 1) * sizeof(RecBest));
	int			found = rec_best(&call->scorer, user, most, NULL, call->exclude, call->nexclude, best);

	if ((options->filter || options->boost) && found > 0)
		found = ask_for_best(call, user, wanted, most, found, &best);
	if (options->diversity > 0)
		found = rec_diversify(&call->ctx, model, best, found, wanted, options->diversity, palloc((found + 1) * sizeof(float)));
	*result = best;
	return Min(found, wanted);
}

/* Factors of a user from items and values, where the model has any. */
static void
fold_in(const RecModel *model, RecUser *user)
{
	float	   *x;

	if (model->factors == NULL || user->n == 0)
		return;
	x = rec_aligned(model->factors->stride * sizeof(float));
	rec_fold_in(model->factors, user->n, user->items, user->values, x, rec_aligned(rec_fold_in_scratch(model->factors)));
	user->factors = x;
}

/* Add items of a basket to what is known of the user, each as taken once. */
static void
add_basket(const RecModel *model, RecUser *user, const int32_t *items, int n)
{
	int32_t    *both;
	float	   *values;
	float	   *ones = palloc((n + 1) * sizeof(float));
	int			count = merge_items(user->items, user->n, items, n, &both);

	for (int i = 0; i < n; i++)
		ones[i] = model->ratings && model->factors ? (float) model->factors->mean + 1 : 1;
	rec_weigh_user(model, n, items, ones);
	values = palloc0((count + 1) * sizeof(float));
	for (int i = 0, u = 0, b = 0; i < count; i++)
	{
		if (u < user->n && user->items[u] == both[i])
			values[i] += user->values[u++];
		if (b < n && items[b] == both[i])
			values[i] += ones[b++];
	}
	user->n = count;
	user->items = both;
	user->values = values;
	fold_in(model, user);
}

static int
find_group(const RecModel *model, const char *group)
{
	if (group == NULL)
		return -1;
	for (int g = 0; g < model->groups; g++)
		if (strcmp(rec_text(&model->group_names, g), group) == 0)
			return g;
	if (model->groups == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the model knows no groups"),
				 errdetail("It was trained without the option \"group\"."),
				 errhint("Train it with the option \"group\", the column of the source that tells them apart.")));
	return -1;					/* nothing was bought in it: all groups together */
}

static void
begin_call(Call *call, RecServed *served, const Options *options)
{
	memset(call, 0, sizeof(*call));
	call->served = served;
	call->model = served->model;
	call->options = options;
	ecml_host_init(&call->ctx, &call->host, CurrentMemoryContext, 0, 0);
	rec_scorer_place(&call->scorer, call->model, ecml_cache_scratch(served->cached, rec_scorer_size(call->model)));
	if (options->filter || options->boost)
	{
		call->query = (RecItemQuery) {call->model, options->items ? options->items : call->model->item_table,
			options->item_key ? options->item_key : call->model->item_key, options->filter, options->boost};
		if (call->query.key[0] == '\0')
			call->query.key = call->model->item_column;
		if (call->query.items[0] == '\0')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a filter or boost needs the item table"),
					 errdetail("The model was trained without the option \"items\", and it is not given."),
					 errhint("Name the table, as in '{\"items\": \"products\", \"filter\": \"stock > 0\"}'.")));
	}
}

/* Ids of the three items that add most to a score. */
static Datum
because(const Call *call, const RecUser *user, int item, float *scratch, float *reasons, bool *isnull)
{
	Datum		ids[3];
	int			n = 0;

	rec_reasons(call->model, user, item, scratch, reasons);
	for (; n < 3; n++)
	{
		int			most = -1;

		for (int u = 0; u < user->n; u++)
			if (reasons[u] > 0 && (most < 0 || reasons[u] > reasons[most]))
				most = u;
		if (most < 0)
			break;
		ids[n] = CStringGetTextDatum(rec_text(&call->model->ids, user->items[most]));
		reasons[most] = 0;
	}
	*isnull = n == 0;
	return n == 0 ? (Datum) 0 : PointerGetDatum(construct_array(ids, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
put_list(EcmlRows *rows, const Call *call, const RecUser *user, const RecBest *best, int n)
{
	bool		explain = call->options->reasons && user->n > 0;
	float	   *scratch = NULL;
	float	   *reasons = NULL;

	if (explain)
	{
		scratch = rec_aligned(rec_reasons_scratch(call->model));
		reasons = palloc((user->n + 1) * sizeof(float));
		rec_reasons_begin(call->model, user, scratch);
	}
	for (int i = 0; i < n; i++)
	{
		Datum		values[4];
		bool		nulls[4] = {false, false, false, true};

		values[0] = Int32GetDatum(i + 1);
		values[1] = CStringGetTextDatum(rec_text(&call->model->ids, best[i].item));
		values[2] = Float8GetDatum(best[i].score);
		values[3] = (Datum) 0;
		if (explain)
			values[3] = because(call, user, best[i].item, scratch, reasons, &nulls[3]);
		ecml_rows_add(rows, values, nulls);
	}
}

static void
parse_options(Options *options, const char *what, bool exclude_seen, Jsonb *given)
{
	EcmlOptionSet set = {serve_options, options};

	memset(options, 0, sizeof(*options));
	options->exclude_seen = exclude_seen;
	if (given && !(JB_ROOT_IS_OBJECT(given) && JB_ROOT_COUNT(given) == 0))
		ecml_options_parse(what, given, &set, 1);
}

text *
rec_optional_text(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? NULL : PG_GETARG_TEXT_PP(i);
}

/* user_id NULL: nobody that is known */
static Datum
recommend_user(FunctionCallInfo fcinfo, const char *user_id)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	int			n = PG_ARGISNULL(1) ? 10 : rec_check_count(PG_GETARG_INT32(1));
	RecServed	   *served = rec_serve(rec_optional_text(fcinfo, 2));
	const RecModel *model = served->model;
	Options		options;
	RecUserRow	row = {0};
	RecUser		user = {.group = -1};
	RecBest    *best;
	Call		call;
	int32_t    *items;
	int			nitems;

	parse_options(&options, "ecml_recommend", !model->repeats, PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3));
	begin_call(&call, served, &options);
	if (user_id)
		rec_user_find(model, served->entry.model_id, user_id, &row);
	if (options.fresh && user_id)
	{
		int			number = row.number;
		MemoryContext caller = CurrentMemoryContext;
		RecUserRow	present;

		SPI_connect();
		rec_items_present(model, served->entry.model_id, served->name, user_id, &present);
		row.items = MemoryContextAlloc(caller, (present.n + 1) * sizeof(int32_t));
		row.values = MemoryContextAlloc(caller, (present.n + 1) * sizeof(float));
		memcpy(row.items, present.items, present.n * sizeof(int32_t));
		memcpy(row.values, present.values, present.n * sizeof(float));
		row.n = present.n;
		row.factors = NULL;
		row.number = number;
		SPI_finish();
	}
	user.group = find_group(model, options.group);
	user.n = row.n;
	user.items = row.items;
	user.values = row.values;
	user.factors = row.factors;
	if (options.fresh && user_id)
		fold_in(model, &user);
	if (model->mix[REC_PART_USERS] > 0 && row.found)
		rec_user_neighbors(model, served->entry.model_id, row.number, &user);
	if (options.exclude_seen)
	{
		call.exclude = (int32_t *) user.items;
		call.nexclude = user.n;
	}
	nitems = known_items(model, options.basket, &items);
	if (nitems > 0)
	{
		add_basket(model, &user, items, nitems);
		call.nexclude = merge_items(call.exclude, call.nexclude, items, nitems, &call.exclude);
	}
	nitems = known_items(model, options.exclude, &items);
	if (nitems > 0)
		call.nexclude = merge_items(call.exclude, call.nexclude, items, nitems, &call.exclude);
	n = recommend(&call, &user, n, &best);
	put_list(rows, &call, &user, best, n);
	rec_served_release(served);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(ecml_recommend_bigint);
PG_FUNCTION_INFO_V1(ecml_recommend_text);
PG_FUNCTION_INFO_V1(ecml_recommend_basket_text);
PG_FUNCTION_INFO_V1(ecml_recommend_basket_bigint);
PG_FUNCTION_INFO_V1(ecml_recommend_all);

/* The text form of argument 0, a bigint. */
const char *
rec_bigint_id(FunctionCallInfo fcinfo)
{
	char	   *id = palloc(32);

	pg_lltoa(PG_GETARG_INT64(0), id);
	return id;
}

/* ecml_recommend(user_id bigint, n int4, model text, options jsonb): rows rank, item_id, score, because */
Datum
ecml_recommend_bigint(PG_FUNCTION_ARGS)
{
	return recommend_user(fcinfo, PG_ARGISNULL(0) ? NULL : rec_bigint_id(fcinfo));
}

/* ecml_recommend(user_id text, ...) */
Datum
ecml_recommend_text(PG_FUNCTION_ARGS)
{
	return recommend_user(fcinfo, PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0)));
}

static Datum
recommend_basket(FunctionCallInfo fcinfo, bool numbers)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	int			n = PG_ARGISNULL(1) ? 10 : rec_check_count(PG_GETARG_INT32(1));
	RecServed	   *served = rec_serve(rec_optional_text(fcinfo, 2));
	const RecModel *model = served->model;
	Options		options;
	RecUser		user = {.group = -1};
	RecBest    *best;
	Call		call;
	Datum	   *ids;
	bool	   *nulls;
	int			nids = 0;
	int32_t    *items;
	int32_t    *excluded;
	int			nitems = 0;
	int			nexcluded;

	parse_options(&options, "ecml_recommend_basket", true, PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3));
	if (options.fresh || options.basket)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ecml_recommend_basket does not know the options \"fresh\" and \"basket\""),
				 errdetail("One of them is given."),
				 errhint("The basket is the first argument; ecml_recommend adds one to what a customer has.")));
	begin_call(&call, served, &options);
	if (!PG_ARGISNULL(0))
	{
		if (numbers)
			deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &ids, &nulls, &nids);
		else
			deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT, &ids, &nulls, &nids);
	}
	items = palloc((nids + 1) * sizeof(int32_t));
	for (int i = 0; i < nids; i++)
	{
		char		number[32];
		const char *id = number;
		int			item;

		if (nulls[i])
			continue;
		if (numbers)
			pg_lltoa(DatumGetInt64(ids[i]), number);
		else
			id = TextDatumGetCString(ids[i]);
		item = rec_model_find(model, id, strlen(id));
		if (item >= 0)
			items[nitems++] = item;
	}
	nitems = sort_distinct(items, nitems);
	user.group = find_group(model, options.group);
	if (nitems > 0)
		add_basket(model, &user, items, nitems);
	call.exclude = items;
	call.nexclude = options.exclude_seen ? nitems : 0;
	nexcluded = known_items(model, options.exclude, &excluded);
	if (nexcluded > 0)
		call.nexclude = merge_items(call.exclude, call.nexclude, excluded, nexcluded, &call.exclude);
	n = recommend(&call, &user, n, &best);
	put_list(rows, &call, &user, best, n);
	rec_served_release(served);
	return (Datum) 0;
}

/* ecml_recommend_basket(items text[], n int4, model text, options jsonb): rows rank, item_id, score, because */
Datum
ecml_recommend_basket_text(PG_FUNCTION_ARGS)
{
	return recommend_basket(fcinfo, false);
}

/* ecml_recommend_basket(items bigint[], ...) */
Datum
ecml_recommend_basket_bigint(PG_FUNCTION_ARGS)
{
	return recommend_basket(fcinfo, true);
}

/* ecml_recommend_all(model text, n int4, options jsonb): rows user_id, rank, item_id, score */
Datum
ecml_recommend_all(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	MemoryContext caller = CurrentMemoryContext;
	RecServed	   *served = rec_serve(rec_optional_text(fcinfo, 0));
	const RecModel *model = served->model;
	int			n = Min(PG_ARGISNULL(1) ? 10 : rec_check_count(PG_GETARG_INT32(1)), model->items);
	Options		options;
	Call		call;
	RecUserScan *scan;
	MemoryContext block = AllocSetContextCreate(caller, "ecml block of users", ALLOCSET_DEFAULT_SIZES);
	uint8_t    *allowed = NULL;
	float	   *boost = NULL;
	int			most;
	bool		more = true;

	parse_options(&options, "ecml_recommend_all", !model->repeats, PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2));
	if (options.fresh || options.reasons || options.basket)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ecml_recommend_all does not know the options \"fresh\", \"reasons\" and \"basket\""),
				 errdetail("One of them is given."),
				 errhint("Train the model again for fresh lists; ecml_recommend explains a list.")));
	begin_call(&call, served, &options);
	if (options.filter || options.boost)
	{
		allowed = per_item(model, 1);
		boost = options.boost ? (float *) per_item(model, sizeof(float)) : NULL;
		ask(&call.query, NULL, 0, allowed, boost);
	}
	if (options.exclude)
	{
		int			count = known_items(model, options.exclude, &call.exclude);

		if (allowed == NULL)
		{
			allowed = per_item(model, 1);
			memset(allowed, 1, model->items);
		}
		for (int i = 0; i < count; i++)
			allowed[call.exclude[i]] = 0;
	}
	most = Min(boost || options.diversity > 0 ? Max(options.candidates, 10 * n + 50) : n, model->items);
	scan = rec_users_begin(model, served->entry.model_id);
	while (more)
	{
		MemoryContext old = MemoryContextSwitchTo(block);
		RecUser    *users = palloc0(ALL_BLOCK * sizeof(RecUser));
		char	  **ids = palloc(ALL_BLOCK * sizeof(char *));
		RecBest    *best = MemoryContextAllocHuge(block, (size_t) ALL_BLOCK * most * sizeof(RecBest));
		int		   *found = palloc(ALL_BLOCK * sizeof(int));
		RecUserRow	row;
		int			nusers = 0;

		while (nusers < ALL_BLOCK && (more = rec_users_next(scan, &ids[nusers], &row)))
		{
			RecUser    *user = &users[nusers++];

			CHECK_FOR_INTERRUPTS();
			user->n = row.n;
			user->items = row.items;
			user->values = row.values;
			user->factors = row.factors;
			user->group = find_group(model, options.group);
			if (model->mix[REC_PART_USERS] > 0)
				rec_user_neighbors(model, served->entry.model_id, row.number, user);
		}
		rec_best_many(&call.ctx, model, users, nusers, most, options.exclude_seen, allowed, best, found);
		for (int u = 0; u < nusers; u++)
		{
			RecBest    *list = best + (size_t) u * most;
			int			count = found[u];

			if (boost)
				count = apply(&call, list, count, allowed, boost);
			if (options.diversity > 0)
				count = rec_diversify(&call.ctx, model, list, count, n, options.diversity, palloc((count + 1) * sizeof(float)));
			for (int i = 0; i < count && i < n; i++)
			{
				Datum		values[4];
				bool		nulls[4] = {false};

				values[0] = CStringGetTextDatum(ids[u]);
				values[1] = Int32GetDatum(i + 1);
				values[2] = CStringGetTextDatum(rec_text(&model->ids, list[i].item));
				values[3] = Float8GetDatum(list[i].score);
				ecml_rows_add(rows, values, nulls);
			}
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(block);
	}
	rec_users_end(scan);
	rec_served_release(served);
	return (Datum) 0;
}
