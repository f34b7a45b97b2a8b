/*
 * cache.c - models kept ready for prediction, per session
 *
 * Keyed by model_id and the version of its row, so that nothing has to be told when a model changes: a changed row is
 * another key.  The least recently used models go when they take more than ecml.cache_size together; those in use stay.
 * One that lies in a copy which sessions share counts as if it were this session's own, so that what they hold of copies long gone is
 * bounded as well; and when a new version comes, it goes with its copy.
 */
#include "core/compat.h"

#include "lib/ilist.h"
#include "utils/memutils.h"

#include "core/cache.h"
#include "core/guc.h"
#include "core/share.h"

struct EcmlCached
{
	dlist_node	node;			/* most recently used first */
	EcmlCatalogEntry entry;
	EcmlModel  *model;
	int			pins;
	void	   *scratch;		/* [scratch_size], of the model's memory, or NULL */
	size_t		scratch_size;
};

static MemoryContext context = NULL;
static dlist_head models = DLIST_STATIC_INIT(models);

static bool
same(const EcmlCatalogEntry *a, const EcmlCatalogEntry *b)
{
	return a->model_id == b->model_id && a->xmin == b->xmin && a->storage == b->storage &&
		ItemPointerGetBlockNumberNoCheck(&a->tid) == ItemPointerGetBlockNumberNoCheck(&b->tid) &&
		ItemPointerGetOffsetNumberNoCheck(&a->tid) == ItemPointerGetOffsetNumberNoCheck(&b->tid);
}

static void
discard(EcmlCached *cached)
{
	dlist_delete(&cached->node);
	MemoryContextDelete(cached->model->context);
	pfree(cached);
}

/* Throw out what is over the limit, from the least recently used on. */
static void
trim(void)
{
	size_t		limit = (size_t) ecml_guc_cache_size * 1024;
	size_t		total = 0;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &models)
	{
		EcmlCached *cached = dlist_container(EcmlCached, node, iter.cur);

		total += cached->model->memory;
		if (total > limit && cached->pins == 0)
		{
			total -= cached->model->memory;
			discard(cached);
		}
	}
}

/* Throw out what lies in copies that were removed, for nobody will ask for these versions again. */
static void
discard_gone(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &models)
	{
		EcmlCached *cached = dlist_container(EcmlCached, node, iter.cur);

		if (cached->pins == 0 && ecml_share_gone(cached->model))
			discard(cached);
	}
}

EcmlCached *
ecml_cache_get(const EcmlCatalogEntry *entry)
{
	EcmlCached *cached;
	EcmlModel  *model;
	dlist_iter	iter;

	dlist_foreach(iter, &models)
	{
		cached = dlist_container(EcmlCached, node, iter.cur);
		if (same(&cached->entry, entry))
		{
			cached->pins++;
			dlist_move_head(&models, &cached->node);
			return cached;
		}
	}
	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "ecml model cache", ALLOCSET_SMALL_SIZES);

	/* read under the caller's memory, and adopt it once nothing can fail any more */
	model = ecml_share_load(entry, CurrentMemoryContext);
	if (model == NULL)
		model = ecml_model_read(ecml_catalog_body(entry), CurrentMemoryContext);
	cached = MemoryContextAllocZero(context, sizeof(EcmlCached));
	cached->entry = *entry;
	cached->model = model;
	cached->pins = 1;
	MemoryContextSetParent(model->context, context);
	dlist_push_head(&models, &cached->node);
	if (model->shared)
		discard_gone();
	trim();
	return cached;
}

void
ecml_cache_release(EcmlCached *cached)
{
	Assert(cached->pins > 0);
	cached->pins--;
	trim();
}

EcmlModel *
ecml_cached_model(EcmlCached *cached)
{
	return cached->model;
}

void *
ecml_cache_scratch(EcmlCached *cached, size_t size)
{
	EcmlModel  *model = cached->model;
	bool		keep = cached->pins == 1;	/* whoever pinned it before may be using what is kept */
	void	   *scratch = cached->scratch;

	if (!keep || size > cached->scratch_size)
	{
		scratch = MemoryContextAllocHuge(keep ? model->context : CurrentMemoryContext, size + ECML_ALIGN);
		if (keep)
		{
			if (cached->scratch)
				pfree(cached->scratch);
			model->memory += size - cached->scratch_size;
			cached->scratch = scratch;
			cached->scratch_size = size;
		}
	}
	return (void *) TYPEALIGN(ECML_ALIGN, scratch);
}
