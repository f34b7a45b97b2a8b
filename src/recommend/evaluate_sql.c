/*
 * evaluate_sql.c - ecml_evaluate of a recommender: lists for users, judged by what they went on to take
 *
 * Without a split the source has rows that came after the training: for each of its users a list is made as ecml_recommend makes
 * it, and judged by the user's items there, without those that the user had before.  With a split the source has all rows: the
 * method is trained again, with the model's options, on a part of them (all but each user's last item, or all before a moment),
 * and judged by the rest.  The same lists by popularity alone stand beside.
 *
 * With exclude_seen lists are of new items, and new items alone are wanted: of the item that is left out all rows are.  Without it
 * items may be taken again, and only the last rows are left out.
 */
#include "core/compat.h"

#include <math.h>

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/guc.h"
#include "core/host.h"
#include "core/json.h"
#include "num/sort.h"
#include "recommend/recommend_sql.h"

#define BLOCK 1024				/* users whose lists are made at once */

typedef enum Split
{
	SPLIT_NONE,
	SPLIT_LEAVE_LAST_OUT,
	SPLIT_TIME
} Split;

static const char *const splits[] = {"none", "leave_last_out", "time", NULL};

typedef struct Options
{
	int			k;
	int			split;
	double		test_fraction;
	char	   *test_from;
	bool		exclude_seen;	/* by default unless the model has learnt what is taken again */
	char	   *user;
	char	   *item;
	char	   *value;
	char	   *time;
} Options;

static const EcmlOption evaluate_options[] = {
	ECML_OPT_INT(Options, k, "k", 1, 1000),
	ECML_OPT_ENUM(Options, split, "split", splits),
	ECML_OPT_FLOAT(Options, test_fraction, "test_fraction", 0.001, 0.9),
	ECML_OPT_TEXT(Options, test_from, "test_from"),
	ECML_OPT_BOOL(Options, exclude_seen, "exclude_seen"),
	ECML_OPT_TEXT(Options, user, "user"),
	ECML_OPT_TEXT(Options, item, "item"),
	ECML_OPT_TEXT(Options, value, "value"),
	ECML_OPT_TEXT(Options, time, "time"),
	ECML_OPT_END
};

/* A user whose list is judged. */
typedef struct Tested
{
	RecUser		user;
	int			nwanted;		/* ascending; without what the user has, where that is left out */
	int32_t    *wanted;
	int			unknown;		/* wanted items that the model does not know */
} Tested;

typedef struct Judging
{
	EcmlCtx    *ctx;
	const RecModel *model;
	const RecFit *fit;			/* of a split: users' candidates are of ctx; else NULL */
	RecModel	popular;		/* the same, by popularity alone */
	const Options *options;
	RecJudge	judge;
	RecJudge	baseline;
	MemoryContext block;		/* of the users of tested, that stand in tables */
	int			n;
	Tested		tested[BLOCK];
	int64		cold;			/* users that the model does not know */
} Judging;

static void
flush(Judging *judging)
{
	EcmlCtx    *ctx = judging->ctx;
	int			k = Min(judging->options->k, judging->model->items);
	RecUser    *users = ECML_NEW(ctx, RecUser, BLOCK);
	RecBest    *best = ECML_NEW(ctx, RecBest, (size_t) BLOCK * k + 1);
	int		   *found = ECML_NEW(ctx, int, BLOCK);

	for (int i = 0; i < judging->n; i++)
		users[i] = judging->tested[i].user;
	for (int pass = 0; pass < 2; pass++)
	{
		const RecModel *model = pass == 0 ? judging->model : &judging->popular;

		rec_best_many(ctx, model, users, judging->n, k, judging->options->exclude_seen, NULL, best, found);
		for (int i = 0; i < judging->n; i++)
		{
			const Tested *tested = &judging->tested[i];

			rec_judge_list(pass == 0 ? &judging->judge : &judging->baseline, model, best + (size_t) i * k, found[i],
						   tested->wanted, tested->nwanted, tested->unknown);
		}
	}
	ecml_free(ctx, users);
	ecml_free(ctx, best);
	ecml_free(ctx, found);
	for (int i = 0; i < judging->n && judging->fit; i++)
		rec_fit_candidates_free(ctx, &judging->tested[i].user);
	MemoryContextReset(judging->block);
	judging->n = 0;
}

static int
compare_numbers(const void *a, const void *b)
{
	int32_t		x = *(const int32_t *) a;
	int32_t		y = *(const int32_t *) b;

	return (x > y) - (x < y);
}

/* Items wanted: distinct, ascending, without those that the user has; -1 for unknown ones, which are counted apart. */
static void
settle(Tested *tested, bool exclude_seen)
{
	int			kept = 0;
	int			seen = 0;

	qsort(tested->wanted, tested->nwanted, sizeof(int32_t), compare_numbers);
	for (int i = 0; i < tested->nwanted; i++)
	{
		int32_t		item = tested->wanted[i];

		if (kept > 0 && tested->wanted[kept - 1] == item)
			continue;
		while (seen < tested->user.n && tested->user.items[seen] < item)
			seen++;
		if (exclude_seen && seen < tested->user.n && tested->user.items[seen] == item)
			continue;
		tested->wanted[kept++] = item;
	}
	tested->nwanted = kept;
}

static void
add(Judging *judging, Tested *tested)
{
	settle(tested, judging->options->exclude_seen);
	if (tested->nwanted + tested->unknown == 0)
	{
		if (judging->fit)
			rec_fit_candidates_free(judging->ctx, &tested->user);
		return;
	}
	judging->tested[judging->n++] = *tested;
	if (judging->n == BLOCK)
		flush(judging);
}

static void
write_metrics(EcmlJson *json, const RecJudge *judge, int items)
{
	double		n = judge->lists;
	int64		seen = 0;

	for (int i = 0; i < items; i++)
		seen += judge->seen[i];
	ecml_json_number(json, "recall", judge->recall / n);
	ecml_json_number(json, "precision", judge->precision / n);
	ecml_json_number(json, "ndcg", judge->ndcg / n);
	ecml_json_number(json, "map", judge->map / n);
	ecml_json_number(json, "mrr", judge->mrr / n);
	ecml_json_number(json, "hit_rate", judge->hits / n);
	ecml_json_number(json, "coverage", (double) seen / items);
	ecml_json_number(json, "novelty", judge->shown > 0 ? judge->novelty / judge->shown : NAN);
}

static Judging *
judging_create(EcmlCtx *ctx, const RecModel *model, const Options *options)
{
	Judging    *judging = palloc0(sizeof(Judging));

	judging->ctx = ctx;
	judging->model = model;
	judging->popular = *model;
	memset(judging->popular.mix, 0, sizeof(judging->popular.mix));
	judging->popular.mix[REC_PART_POPULAR] = 1;
	judging->options = options;
	judging->block = AllocSetContextCreate(CurrentMemoryContext, "ecml evaluated users", ALLOCSET_DEFAULT_SIZES);
	rec_judge_init(ctx, &judging->judge, options->k, model->items);
	rec_judge_init(ctx, &judging->baseline, options->k, model->items);
	return judging;
}

/* Rows by user: first[u] .. first[u + 1] - 1 in order. */
static size_t *
group_by_user(EcmlCtx *ctx, const RecRows *rows, int users, size_t **first)
{
	size_t	   *order = ECML_NEW(ctx, size_t, rows->n + 1);
	size_t	   *at = ECML_NEW0(ctx, size_t, (size_t) users + 2);

	for (size_t i = 0; i < rows->n; i++)
		at[rows->user[i] + 1]++;
	for (int u = 0; u < users; u++)
		at[u + 1] += at[u];
	*first = ECML_NEW(ctx, size_t, (size_t) users + 2);
	memcpy(*first, at, ((size_t) users + 1) * sizeof(size_t));
	for (size_t i = 0; i < rows->n; i++)
		order[at[rows->user[i]]++] = i;
	return order;
}

/* Rows that came after the training. */
static void
judge_rows(Judging *judging, MemoryContext context, RecInput *input, int64 model_id)
{
	EcmlCtx    *ctx = judging->ctx;
	const RecModel *model = judging->model;
	size_t	   *first;
	size_t	   *order = group_by_user(ctx, &input->rows, input->users->n, &first);
	char	  **users = ecml_keys_names(input->users, context);
	char	  **items = ecml_keys_names(input->items, context);
	int32_t    *known = ECML_NEW(ctx, int32_t, input->items->n + 1);
	int			marks = input->items->n;
	int32_t    *mark = ECML_NEW(ctx, int32_t, marks + 1);

	for (int i = 0; i < input->items->n; i++)
	{
		known[i] = rec_model_find(model, items[i], strlen(items[i]));
		mark[i] = -1;
	}
	for (int u = 0; u < input->users->n; u++)
	{
		Tested		tested = {.user = {.group = -1}};
		RecUserRow	row = {0};
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		old = MemoryContextSwitchTo(judging->block);
		if (model_id > 0)
			rec_user_find(model, model_id, users[u], &row);
		judging->cold += !row.found;
		tested.user.n = row.n;
		tested.user.items = row.items;
		tested.user.values = row.values;
		tested.user.factors = row.factors;
		if (row.found && model->mix[REC_PART_USERS] > 0)
			rec_user_neighbors(model, model_id, row.number, &tested.user);
		tested.wanted = palloc((first[u + 1] - first[u] + 1) * sizeof(int32_t));
		for (size_t r = first[u]; r < first[u + 1]; r++)
		{
			int			item = input->rows.item[order[r]];

			if (!(input->rows.value[order[r]] > 0) || mark[item] == u)
				continue;
			mark[item] = u;
			if (known[item] >= 0)
				tested.wanted[tested.nwanted++] = known[item];
			else
				tested.unknown++;
		}
		MemoryContextSwitchTo(old);
		add(judging, &tested);
	}
	flush(judging);
}

/* Moment from which rows are tested. */
static double
test_moment(EcmlCtx *ctx, const RecRows *rows, const Options *options)
{
	double	   *times;
	double		result;

	if (options->test_from)
	{
		Timestamp	at = DatumGetTimestamp(DirectFunctionCall3(timestamp_in, CStringGetDatum(options->test_from),
															  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));

		return at / 1e6;
	}
	times = ECML_NEW(ctx, double, rows->n);
	memcpy(times, rows->time, rows->n * sizeof(double));
	ecml_sort_f8(ctx, times, rows->n);
	result = times[(size_t) ((rows->n - 1) * (1 - options->test_fraction))];
	ecml_free(ctx, times);
	return nextafter(result, INFINITY);
}

/* Which rows are tested: 1 each. */
static uint8_t *
split_rows(EcmlCtx *ctx, const RecInput *input, const Options *options)
{
	const RecRows *rows = &input->rows;
	uint8_t    *test = ECML_NEW0(ctx, uint8_t, rows->n + 1);

	if (options->split == SPLIT_TIME)
	{
		double		from;

		if (rows->time == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a split by time needs times"),
					 errdetail("The source has no column of a date or timestamp that is known as the time."),
					 errhint("Name it with the option \"time\", or use \"split\": \"leave_last_out\".")));
		from = test_moment(ctx, rows, options);
		for (size_t i = 0; i < rows->n; i++)
			test[i] = rows->time[i] >= from;
	}
	else
	{
		int32_t    *last = ECML_NEW(ctx, int32_t, input->users->n + 1);

		rec_leave_last_out(ctx, rows, input->users->n, !options->exclude_seen, test, last);
		ecml_free(ctx, last);
	}
	return test;
}

static Judging *
judge_split(EcmlCtx *ctx, MemoryContext context, const EcmlModel *holder, const RecommendOptions *training, RecInput *input,
			const Options *options, int64 *trained, int64 *tested_rows)
{
	const RecRows *rows = &input->rows;
	uint8_t    *test = split_rows(ctx, input, options);
	RecRows		part;
	RecFit	   *fit;
	Judging    *judging;
	size_t	   *first;
	size_t	   *order;

	rec_rows_init(ctx, &part, rows->time != NULL, rows->group != NULL);
	for (size_t i = 0; i < rows->n; i++)
		if (!test[i])
			rec_rows_add(ctx, &part, rows->user[i], rows->item[i], rows->value[i], rows->time ? rows->time[i] : 0,
						 rows->group ? rows->group[i] : 0);
	*trained = part.n;
	*tested_rows = rows->n - part.n;
	if (part.n == 0 || part.n == rows->n)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the split leaves no rows to train on, or none to test"),
				 errdetail("Of %zu rows %zu are for training.", rows->n, part.n),
				 errhint("Choose another split, or a source with more rows.")));
	fit = rec_train(ctx, context, holder->algorithm, training, input, &part);
	rec_model_index(ctx, fit->model);
	judging = judging_create(ctx, fit->model, options);
	judging->fit = fit;
	order = group_by_user(ctx, rows, input->users->n, &first);
	for (int u = 0; u < input->users->n; u++)
	{
		Tested		tested = {.user = {.group = -1}};
		const RecMatrix *h = fit->history;
		bool		any = false;

		CHECK_FOR_INTERRUPTS();
		for (size_t r = first[u]; r < first[u + 1]; r++)
			any |= test[order[r]];
		if (!any)
			continue;
		if (h->start[u + 1] == h->start[u])
		{
			judging->cold++;
			if (options->split == SPLIT_TIME)
				continue;		/* nothing was known of the user then */
		}
		tested.user.n = (int) (h->start[u + 1] - h->start[u]);
		tested.user.items = h->column + h->start[u];
		tested.user.values = h->value + h->start[u];
		tested.user.factors = fit->user && tested.user.n > 0 ? fit->user + (size_t) u * fit->model->factors->stride : NULL;
		if (fit->users)
			rec_fit_candidates(ctx, fit, u, &tested.user);
		tested.wanted = MemoryContextAlloc(judging->block, (first[u + 1] - first[u] + 1) * sizeof(int32_t));
		for (size_t r = first[u]; r < first[u + 1]; r++)
			if (test[order[r]] && rows->value[order[r]] > 0)
				tested.wanted[tested.nwanted++] = rows->item[order[r]];
		add(judging, &tested);
	}
	flush(judging);
	return judging;
}

void
rec_evaluate(const EcmlModel *model, int64 model_id, const char *source, Jsonb *given, EcmlJson *json)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml evaluation", ALLOCSET_DEFAULT_SIZES);
	Options		options = {.k = 10,.test_fraction = 0.2,.exclude_seen = !((const RecModel *) model->fitted)->repeats};
	EcmlOptionSet set = {evaluate_options, &options};
	EcmlTraining *training;
	RecommendOptions *train_options;
	RecInput   *input;
	Judging    *judging;
	EcmlCtx		ctx;
	EcmlServerHost host;
	int64		trained = 0;
	int64		tested = 0;

	MemoryContextSwitchTo(context);
	ecml_options_parse("ecml_evaluate of a recommender", given, &set, 1);
	training = ecml_training_parse(model->algorithm, ecml_json_parse(model->options), NULL);
	train_options = training->params;
	if (options.user)
		train_options->user = options.user;
	if (options.item)
		train_options->item = options.item;
	if (options.value)
		train_options->value = options.value;
	if (options.time)
		train_options->time = options.time;
	if (options.split == SPLIT_NONE)
		train_options->group = NULL;
	ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, model->seed);
	SPI_connect();
	MemoryContextSwitchTo(context);
	input = rec_input_read(&ctx, context, source, train_options);
	if (options.split == SPLIT_NONE)
	{
		judging = judging_create(&ctx, model->fitted, &options);
		judge_rows(judging, context, input, model_id);
		tested = input->rows.n;
	}
	else
		judging = judge_split(&ctx, context, model, train_options, input, &options, &trained, &tested);
	SPI_finish();
	if (judging->judge.lists == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there is no user to evaluate on"),
				 errdetail("No user of the source took an item that the user did not have before."),
				 errhint("Look at what the source gives; \"exclude_seen\": false counts items taken again.")));
	MemoryContextSwitchTo(caller);
	ecml_json_int(json, "k", options.k);
	ecml_json_int(json, "users", judging->judge.lists);
	ecml_json_int(json, "cold_users", judging->cold);
	ecml_json_int(json, "rows", tested);
	ecml_json_int(json, "skipped", input->skipped);
	ecml_json_string(json, "split", splits[options.split]);
	ecml_json_bool(json, "exclude_seen", options.exclude_seen);
	if (options.split != SPLIT_NONE)
		ecml_json_int(json, "training_rows", trained);
	write_metrics(json, &judging->judge, judging->model->items);
	ecml_json_open_object(json, "popularity");
	write_metrics(json, &judging->baseline, judging->model->items);
	ecml_json_close_object(json);
	MemoryContextDelete(context);
}
