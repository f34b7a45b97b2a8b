/*
 * baskets_sql.c - ecml_bought_together: what is bought together, and what is bought next
 *
 * Rules have one item on the right: with a the baskets that hold the items on the left, c those that hold the item on the right,
 * both those that hold all, and n all baskets: support = both / n, confidence = both / a, lift = confidence / (c / n),
 * leverage = both / n - (a / n) (c / n), conviction = (1 - c / n) / (1 - confidence), NULL where no basket breaks the rule.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "core/guc.h"
#include "core/host.h"
#include "core/result.h"
#include "num/sort.h"
#include "recommend/recommend_sql.h"

typedef struct Options
{
	char	   *basket;
	char	   *item;
	char	   *customer;
	char	   *time;
	bool		sequential;
	double		min_support;	/* part of the baskets; from 1 on: their number */
	double		min_confidence;
	double		min_lift;
	int			max_length;
	int64		limit;
	int			top;
} Options;

static const EcmlOption options_list[] = {
	ECML_OPT_TEXT(Options, basket, "basket"),
	ECML_OPT_TEXT(Options, item, "item"),
	ECML_OPT_TEXT(Options, customer, "customer"),
	ECML_OPT_TEXT(Options, time, "time"),
	ECML_OPT_BOOL(Options, sequential, "sequential"),
	ECML_OPT_FLOAT(Options, min_support, "min_support", 0, 1e9),
	ECML_OPT_FLOAT(Options, min_confidence, "min_confidence", 0, 1),
	ECML_OPT_FLOAT(Options, min_lift, "min_lift", 0, INFINITY),
	ECML_OPT_INT(Options, max_length, "max_length", 2, 20),
	ECML_OPT_INT64(Options, limit, "limit", 1, 100000000),
	ECML_OPT_INT(Options, top, "top", 1, 100000000),
	ECML_OPT_END
};

/* Rows to their baskets (at: where the next one goes, by user), item by item, so that each basket's ascend. */
static void
place_items(EcmlCtx *ctx, const RecRows *rows, int items, size_t *at, int32_t *item)
{
	size_t	   *first = ECML_NEW0(ctx, size_t, (size_t) items + 1);
	int32_t    *user = ECML_NEW(ctx, int32_t, rows->n + 1);
	size_t		before = 0;

	for (size_t i = 0; i < rows->n; i++)
		first[rows->item[i]]++;
	for (int k = 0; k < items; k++)
	{
		size_t		count = first[k];

		first[k] = before;
		before += count;
	}
	for (size_t i = 0; i < rows->n; i++)
		user[first[rows->item[i]]++] = rows->user[i];
	CHECK_FOR_INTERRUPTS();
	/* first has gone to the end of each item's */
	before = 0;
	for (int k = 0; k < items; k++)
	{
		for (; before < first[k]; before++)
			item[at[user[before]]++] = k;
		if (k % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	ecml_free(ctx, first);
	ecml_free(ctx, user);
}

/* Rows as baskets, or as sequences of the baskets that stand at different times. */
static RecBaskets *
make_baskets(EcmlCtx *ctx, const RecInput *input, bool sequential)
{
	const RecRows *rows = &input->rows;
	RecBaskets *b = ECML_NEW0(ctx, RecBaskets, 1);
	size_t	   *at;
	size_t		to = 0;

	b->n = input->users->n;
	b->items = input->items->n;
	b->start = ECML_NEW0(ctx, size_t, (size_t) b->n + 2);
	b->item = ECML_NEW(ctx, int32_t, rows->n + 1);
	at = b->start + 1;
	for (size_t i = 0; i < rows->n; i++)
		if (rows->user[i] + 1 < b->n)
			at[rows->user[i] + 1]++;
	for (int u = 1; u < b->n; u++)
		at[u] += at[u - 1];
	if (!sequential)
	{
		size_t		from = 0;

		place_items(ctx, rows, b->items, at, b->item);
		/* distinct; start[u + 1] is read before it is set */
		for (int u = 0; u < b->n; u++)
		{
			size_t		end = b->start[u + 1];

			if (u % 1024 == 0)
				CHECK_FOR_INTERRUPTS();
			b->start[u] = to;
			for (size_t i = from; i < end; i++)
				if (to == b->start[u] || b->item[to - 1] != b->item[i])
					b->item[to++] = b->item[i];
			from = end;
		}
		b->start[b->n] = to;
	}
	else
	{
		double	   *time = ECML_NEW(ctx, double, rows->n + 1);

		b->step = ECML_NEW(ctx, int32_t, rows->n + 1);
		for (size_t i = 0; i < rows->n; i++)
		{
			size_t		place = at[rows->user[i]]++;

			b->item[place] = rows->item[i];
			time[place] = rows->time[i];
		}
		for (int u = 0; u < b->n; u++)
		{
			size_t		first = b->start[u];
			size_t		n = b->start[u + 1] - first;
			double	   *pairs = ECML_NEW(ctx, double, 2 * n + 2);
			int			step = -1;

			for (size_t i = 0; i < n; i++)
			{
				pairs[2 * i] = time[first + i];
				pairs[2 * i + 1] = b->item[first + i];
			}
			ecml_sort_f8_pairs(ctx, pairs, n);
			for (size_t i = 0; i < n; i++)
			{
				step += i == 0 || pairs[2 * i] != pairs[2 * i - 2];
				b->item[first + i] = (int32_t) pairs[2 * i + 1];
				b->step[first + i] = step;
			}
			ecml_free(ctx, pairs);
			if (u % 1024 == 0)
				CHECK_FOR_INTERRUPTS();
		}
		ecml_free(ctx, time);
	}
	return b;
}

typedef struct Rule
{
	size_t		pattern;
	int			right;			/* place of the item on the right in the pattern */
	int32_t		left_count;
	int32_t		right_count;
	double		support;
	double		confidence;
	double		lift;
} Rule;

/* The strongest first: by lift, confidence, support. */
static int
compare_rules(const void *a, const void *b)
{
	const Rule *x = a;
	const Rule *y = b;

	if (x->lift != y->lift)
		return x->lift < y->lift ? 1 : -1;
	if (x->confidence != y->confidence)
		return x->confidence < y->confidence ? 1 : -1;
	if (x->support != y->support)
		return x->support < y->support ? 1 : -1;
	if (x->pattern != y->pattern)
		return x->pattern < y->pattern ? -1 : 1;
	return (x->right > y->right) - (x->right < y->right);
}

static void
put_rule(EcmlRows *rows, const RecPatterns *p, const Rule *rule, char *const *ids, double n)
{
	const int32_t *items = p->item + p->start[rule->pattern];
	int			length = (int) (p->start[rule->pattern + 1] - p->start[rule->pattern]);
	double		left = rule->left_count / n;
	double		right = rule->right_count / n;
	Datum		left_ids[20];
	Datum		values[8];
	bool		nulls[8] = {false};
	int			k = 0;

	for (int i = 0; i < length; i++)
		if (i != rule->right)
			left_ids[k++] = CStringGetTextDatum(ids[items[i]]);
	values[0] = PointerGetDatum(construct_array(left_ids, k, TEXTOID, -1, false, TYPALIGN_INT));
	values[1] = CStringGetTextDatum(ids[items[rule->right]]);
	values[2] = Float8GetDatum(rule->support);
	values[3] = Float8GetDatum(rule->confidence);
	values[4] = Float8GetDatum(rule->lift);
	values[5] = Float8GetDatum(rule->support - left * right);
	ecml_set_number(values, nulls, 6, rule->confidence < 1 ? (1 - right) / (1 - rule->confidence) : NAN);
	values[7] = Int64GetDatum(p->count[rule->pattern]);
	ecml_rows_add(rows, values, nulls);
}

PG_FUNCTION_INFO_V1(ecml_bought_together);

/* ecml_bought_together(source text, options jsonb): rows items, consequent, support, confidence, lift, leverage, conviction, count */
Datum
ecml_bought_together(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "ecml baskets", ALLOCSET_DEFAULT_SIZES);
	Options		options = {.min_support = 0.01,.min_confidence = 0.1,.max_length = 4,.limit = 1000000};
	EcmlOptionSet set = {options_list, &options};
	RecommendOptions columns = {0};
	RecInput   *input;
	RecBaskets *baskets;
	RecPatterns *p;
	Rule	   *rules;
	size_t		nrules = 0;
	size_t		capacity = 1024;
	char	  **ids;
	EcmlCtx		ctx;
	EcmlServerHost host;
	double		n;
	int			min_count;

	if (PG_ARGISNULL(0))
		return (Datum) 0;
	MemoryContextSwitchTo(context);
	ecml_options_parse("ecml_bought_together", PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &set, 1);
	columns.user = options.sequential ? options.customer : options.basket;
	columns.item = options.item;
	columns.time = options.time;
	ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, 0);
	SPI_connect();
	MemoryContextSwitchTo(context);
	input = rec_baskets_read(&ctx, context, text_to_cstring(PG_GETARG_TEXT_PP(0)), &columns, options.sequential);
	SPI_finish();
	MemoryContextSwitchTo(context);
	baskets = make_baskets(&ctx, input, options.sequential);
	n = baskets->n;
	min_count = (int) Min(Max(options.min_support >= 1 ? options.min_support : ceil(options.min_support * n - 1e-9), 1), INT_MAX);
	p = options.sequential ? rec_prefixspan(&ctx, baskets, min_count, options.max_length, options.limit) :
		rec_fpgrowth(&ctx, baskets, min_count, options.max_length, options.limit);
	rec_patterns_index(&ctx, p);
	ids = ecml_keys_names(input->items, context);
	rules = MemoryContextAllocHuge(context, capacity * sizeof(Rule));
	for (size_t i = 0; i < p->n; i++)
	{
		const int32_t *items = p->item + p->start[i];
		int			length = (int) (p->start[i + 1] - p->start[i]);

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		for (int right = options.sequential ? length - 1 : 0; length > 1 && right < length; right++)
		{
			int32_t		left[20];
			Rule		rule = {i, right};
			int			k = 0;

			for (int j = 0; j < length; j++)
				if (j != right)
					left[k++] = items[j];
			rule.left_count = p->count[rec_patterns_find(p, left, k)];
			rule.right_count = p->count[rec_patterns_find(p, &items[right], 1)];
			rule.support = p->count[i] / n;
			rule.confidence = (double) p->count[i] / rule.left_count;
			rule.lift = rule.confidence / (rule.right_count / n);
			if (rule.confidence < options.min_confidence || rule.lift < options.min_lift)
				continue;
			if (nrules == capacity)
				rules = repalloc_huge(rules, (capacity *= 2) * sizeof(Rule));
			rules[nrules++] = rule;
		}
	}
	qsort(rules, nrules, sizeof(Rule), compare_rules);
	if (options.top > 0)
		nrules = Min(nrules, (size_t) options.top);
	for (size_t i = 0; i < nrules; i++)
	{
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		put_rule(rows, p, &rules[i], ids, n);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
