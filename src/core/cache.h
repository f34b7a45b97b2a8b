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


#endif							/* ECML_CACHE_H */
