/*
 * share.h - one copy of a loaded model for all sessions of the server
 */
#ifndef ECML_SHARE_H
#define ECML_SHARE_H

#include "core/catalog.h"
#include "core/model.h"

/* When the library is loaded. */
extern void ecml_share_init(void);

/*
 * The model of an entry from the copy that sessions share, which is made where there is none yet.  NULL: this one is not shared, or
 * cannot be now; whoever asks reads it himself.
 */
extern EcmlModel *ecml_share_load(const EcmlCatalogEntry *entry, MemoryContext parent);

/* Make the copy of a model that this transaction has stored, so that no one who serves it has to. */
extern void ecml_share_prepare(const char *name);

/* Remove the copies that nobody will ask for. */
extern void ecml_share_sweep(void);

/* Does it lie in a copy that was removed? */
extern bool ecml_share_gone(const EcmlModel *model);

#endif							/* ECML_SHARE_H */
