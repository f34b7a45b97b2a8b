/*
 * similar_sql.c - ecml_similar_items, ecml_similar_users, ecml_item_factors: what a recommender knows of its items and users
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "core/result.h"
#include "recommend/recommend_sql.h"

PG_FUNCTION_INFO_V1(ecml_similar_items_text);
PG_FUNCTION_INFO_V1(ecml_similar_items_bigint);
PG_FUNCTION_INFO_V1(ecml_similar_users_text);
PG_FUNCTION_INFO_V1(ecml_similar_users_bigint);
PG_FUNCTION_INFO_V1(ecml_item_factors);

static void
put_similar(EcmlRows *rows, int rank, const char *id, double score)
{
	Datum		values[3];
	bool		nulls[3] = {false};

	values[0] = Int32GetDatum(rank);
	values[1] = CStringGetTextDatum(id);
	values[2] = Float8GetDatum(score);
	ecml_rows_add(rows, values, nulls);
}

static Datum
similar_items(FunctionCallInfo fcinfo, const char *id)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	int			n = PG_ARGISNULL(1) ? 10 : rec_check_count(PG_GETARG_INT32(1));
	RecServed	   *served = rec_serve(rec_optional_text(fcinfo, 2));
	const RecModel *model = served->model;
	RecScorer	scorer = {model};
	RecBest    *best;
	int			item = rec_model_find(model, id, strlen(id));

	if (item < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("item \"%s\" is not known to model \"%s\"", id, served->name),
				 errdetail("Nobody took it before the training, and it was not in an item table."),
				 errhint("Train the model again; with the option \"items\" it knows all items of a table.")));
	n = Min(n, model->items);
	best = MemoryContextAllocHuge(CurrentMemoryContext, ((size_t) n + 1) * sizeof(RecBest));
	n = rec_similar(&scorer, item, n, best);
	for (int i = 0; i < n; i++)
		put_similar(rows, i + 1, rec_text(&model->ids, best[i].item), best[i].score);
	rec_served_release(served);
	return (Datum) 0;
}

/* ecml_similar_items(item_id text, n int4, model text): rows rank, item_id, score */
Datum
ecml_similar_items_text(PG_FUNCTION_ARGS)
{
	return PG_ARGISNULL(0) ? (ecml_rows_begin(fcinfo), (Datum) 0) :
		similar_items(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(0)));
}

/* ecml_similar_items(item_id bigint, ...) */
Datum
ecml_similar_items_bigint(PG_FUNCTION_ARGS)
{
	return PG_ARGISNULL(0) ? (ecml_rows_begin(fcinfo), (Datum) 0) : similar_items(fcinfo, rec_bigint_id(fcinfo));
}

typedef struct SimilarUser
{
	double		score;
	char	   *id;
} SimilarUser;

static int
compare_users(const void *a, const void *b)
{
	const SimilarUser *x = a;
	const SimilarUser *y = b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	return strcmp(x->id, y->id);
}

/* Cosine of two users: of their factors, or of what they took. */
static double
user_similarity(const RecModel *model, const RecUserRow *a, const RecUserRow *b)
{
	double		ab = 0;
	double		aa = 0;
	double		bb = 0;

	if (a->factors && b->factors)
		for (int k = 0; k < model->factors->factors; k++)
		{
			ab += (double) a->factors[k] * b->factors[k];
			aa += (double) a->factors[k] * a->factors[k];
			bb += (double) b->factors[k] * b->factors[k];
		}
	else
	{
		for (int i = 0, j = 0; i < a->n && j < b->n;)
		{
			if (a->items[i] == b->items[j])
				ab += (double) a->values[i++] * b->values[j++];
			else if (a->items[i] < b->items[j])
				i++;
			else
				j++;
		}
		for (int i = 0; i < a->n; i++)
			aa += (double) a->values[i] * a->values[i];
		for (int j = 0; j < b->n; j++)
			bb += (double) b->values[j] * b->values[j];
	}
	return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

static Datum
similar_users(FunctionCallInfo fcinfo, const char *id)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	int			n = PG_ARGISNULL(1) ? 10 : rec_check_count(PG_GETARG_INT32(1));
	RecServed	   *served = rec_serve(rec_optional_text(fcinfo, 2));
	const RecModel *model = served->model;
	RecUserRow	user;

	rec_user_find(model, served->entry.model_id, id, &user);
	if (!user.found)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("user \"%s\" is not known to model \"%s\"", id, served->name),
				 errdetail("The user was not in the training's rows."),
				 errhint("Train the model again, or recommend to the user from a basket.")));
	if (model->mix[REC_PART_USERS] > 0)
	{
		char	  **ids;
		float	   *similarities;
		int			found = rec_users_similar(served->entry.model_id, user.number, &ids, &similarities);

		for (int i = 0; i < found && i < n; i++)
			put_similar(rows, i + 1, ids[i], similarities[i]);
	}
	else
	{
		MemoryContext caller = CurrentMemoryContext;
		MemoryContext context = AllocSetContextCreate(caller, "ecml similar users", ALLOCSET_DEFAULT_SIZES);
		RecUserScan *scan = rec_users_begin(model, served->entry.model_id);
		size_t		capacity = 2 * (size_t) n + 1000;
		SimilarUser *best = MemoryContextAllocHuge(caller, capacity * sizeof(SimilarUser));
		size_t		found = 0;
		RecUserRow	other;
		char	   *other_id;

		MemoryContextSwitchTo(context);
		while (rec_users_next(scan, &other_id, &other))
		{
			double		score = user_similarity(model, &user, &other);

			CHECK_FOR_INTERRUPTS();
			if (score > 0 && other.number != user.number && (found < (size_t) n || score >= best[n - 1].score))
			{
				best[found].score = score;
				best[found++].id = MemoryContextStrdup(caller, other_id);
				if (found == capacity || found == (size_t) n)
				{
					qsort(best, found, sizeof(SimilarUser), compare_users);
					for (size_t i = n; i < found; i++)
						pfree(best[i].id);
					found = Min(found, (size_t) n);
				}
			}
			MemoryContextReset(context);
		}
		rec_users_end(scan);
		MemoryContextSwitchTo(caller);
		qsort(best, found, sizeof(SimilarUser), compare_users);
		for (size_t i = 0; i < found && i < (size_t) n; i++)
			put_similar(rows, (int) i + 1, best[i].id, best[i].score);
	}
	rec_served_release(served);
	return (Datum) 0;
}

/* ecml_similar_users(user_id text, n int4, model text): rows rank, user_id, score */
Datum
ecml_similar_users_text(PG_FUNCTION_ARGS)
{
	return PG_ARGISNULL(0) ? (ecml_rows_begin(fcinfo), (Datum) 0) :
		similar_users(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(0)));
}

/* ecml_similar_users(user_id bigint, ...) */
Datum
ecml_similar_users_bigint(PG_FUNCTION_ARGS)
{
	return PG_ARGISNULL(0) ? (ecml_rows_begin(fcinfo), (Datum) 0) : similar_users(fcinfo, rec_bigint_id(fcinfo));
}

/* ecml_item_factors(model text): rows item_id, users, popularity, factors */
Datum
ecml_item_factors(PG_FUNCTION_ARGS)
{
	EcmlRows   *rows = ecml_rows_begin(fcinfo);
	RecServed	   *served = rec_serve(rec_optional_text(fcinfo, 0));
	const RecModel *model = served->model;
	const RecFactors *f = model->factors;
	Datum	   *elements = palloc((REC_MAX_FACTORS + 1) * sizeof(Datum));

	for (int i = 0; i < model->items; i++)
	{
		Datum		values[4];
		bool		nulls[4] = {false};

		CHECK_FOR_INTERRUPTS();
		values[0] = CStringGetTextDatum(rec_text(&model->ids, i));
		values[1] = Int64GetDatum(model->counts[i]);
		values[2] = Float8GetDatum(model->popularity[i]);
		nulls[3] = f == NULL;
		for (int k = 0; f && k < f->factors; k++)
			elements[k] = Float4GetDatum(f->item[(size_t) i * f->stride + k]);
		values[3] = f == NULL ? (Datum) 0 :
			PointerGetDatum(construct_array(elements, f->factors, FLOAT4OID, 4, true, TYPALIGN_INT));
		ecml_rows_add(rows, values, nulls);
	}
	rec_served_release(served);
	return (Datum) 0;
}
