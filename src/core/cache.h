/*
 * cache.h - models kept ready for prediction, per session
 */
#ifndef ECML_CACHE_H
#define ECML_CACHE_H

#include "core/catalog.h"
#include "core/model.h"

typedef struct EcmlCached EcmlCached;

/* The model of a catalog entry, pinned until ecml_cache_release: it is not thrown out as long as someone uses it. */
extern EcmlCached *ecml_cache_get(const EcmlCatalogEntry *entry);
extern void ecml_cache_release(EcmlCached *cached);
extern EcmlModel *ecml_cached_model(EcmlCached *cached);

/*
 * Memory for what a call does with the model, ECML_ALIGN aligned.  It is kept with it where the caller has it alone: blocks of such a
 * size would be given back to the system, and be faulted in again, by each call.
 */
extern void *ecml_cache_scratch(EcmlCached *cached, size_t size);

#endif							/* ECML_CACHE_H */
