/*
 * catalog.h - the tables of schema ecml: models, versions, owners, grants
 *
 * Reading goes through indexes by the snapshot of the query, works in parallel workers and on a standby, and needs no
 * privilege on the tables; who may use a model is decided here.  Writing goes through SPI as the tables' owner.
 */
#ifndef ECML_CATALOG_H
#define ECML_CATALOG_H

#include "postgres.h"
#include "access/skey.h"
#include "storage/itemptr.h"
#include "utils/jsonb.h"

#include "core/model.h"

typedef struct EcmlCatalogEntry
{
	int64		model_id;
	int			version;
	Oid			owner;
	TransactionId xmin;			/* with the row's place: which version of the row it is */
	uint32		lineage;		/* hash of the name: what its versions have in common */
	Oid			storage;		/* the table's file: the extension may be made anew in the same transaction, and count from 1 */
	ItemPointerData tid;
} EcmlCatalogEntry;

/* What is kept about a model beside its body. */
typedef struct EcmlProvenance
{
	const char *source;			/* NULL: not trained from a source */
	const char *target;
	const char *const *features;	/* names of columns, as ecml_train takes them; NULL: none were given */
	int			nfeatures;
	Jsonb	   *options;		/* as given; NULL: none */
	double		seconds;
} EcmlProvenance;

#define ECML_NAME_LIMIT 63

/* A valid name for a new model, or an error. */
extern void ecml_catalog_check_name(const char *name);

/* The active version; an error when there is none, or it is not the user's and not granted. */
extern void ecml_catalog_get(const char *name, EcmlCatalogEntry *entry);

/* The active version, whoever may use it; false: there is none.  For what the extension does by itself. */
extern bool ecml_catalog_find(const char *name, EcmlCatalogEntry *entry);

/* Is what the key is of granted to the current role, or one that it is a member of?  A table of the extension, role its second column. */
extern bool ecml_catalog_granted(const char *grants, const char *index, ScanKey key);

/*
 * One statement on the tables of the extension, as their owner; SPI is connected.  Names in it are qualified.  Gives the number of
 * rows; what it returns is in SPI_tuptable.
 */
extern uint64 ecml_catalog_execute(const char *command, int nargs, Oid *types, Datum *values, const char *nulls);

/*
 * The newest active model among those that an index of ecml.model on created_at has, of those the user may use; false: there is
 * none.  name [ECML_NAME_LIMIT + 1].
 */
extern bool ecml_catalog_newest(const char *index, EcmlCatalogEntry *entry, char *name);

/* The oid of a table or index of schema ecml; an error when the extension is not there. */
extern Oid	ecml_catalog_relation(const char *name);

/* The body of an entry as it is stored, perhaps outside of its row: to be detoasted under the same snapshot; palloc'd. */
extern Datum ecml_catalog_stored(const EcmlCatalogEntry *entry);

/* The same whole; palloc'd. */
extern struct varlena *ecml_catalog_body(const EcmlCatalogEntry *entry);

/* Is it now, for whoever begins a statement, the active version of a name, in this very row? */
extern bool ecml_catalog_serves(const EcmlCatalogEntry *entry);

/* An error unless the user owns the model of this name; missing_ok: there may be none yet. */
extern void ecml_catalog_check_owner(const char *name, bool missing_ok);

/* Store a model as the next version of name, and activate it.  Gives the version; model_id: NULL, or gets its key. */
extern int	ecml_catalog_insert(const char *name, EcmlModel *model, struct varlena *body, const EcmlProvenance *provenance,
								int64 *model_id);

/* What ecml_retrain needs; the owner, with whose rights the source is run. */
extern void ecml_catalog_provenance(const char *name, char **algorithm, EcmlProvenance *provenance, Oid *owner);

extern void ecml_catalog_activate(const char *name, int version);
extern void ecml_catalog_drop(const char *name, int version);	/* 0: all versions, and the grants */
extern void ecml_catalog_rename(const char *name, const char *new_name);
extern void ecml_catalog_grant(const char *name, const char *role, bool grant);

#endif							/* ECML_CATALOG_H */
