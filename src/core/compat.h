/*
 * compat.h - every difference between PostgreSQL 14 to 18 that the code meets, each with its reason
 */
#ifndef ECML_COMPAT_H
#define ECML_COMPAT_H

#include "postgres.h"

#include "fmgr.h"
#include "storage/buffile.h"
#include "storage/shm_mq.h"
#include "utils/builtins.h"
#include "utils/regproc.h"

#if PG_VERSION_NUM < 140000
#error "ecml needs PostgreSQL 14 or later"
#endif

/* 16: stringToQualifiedNameList takes an error context */
#if PG_VERSION_NUM >= 160000
#define ecml_qualified_name_list(s) stringToQualifiedNameList(s, NULL)
#else
#define ecml_qualified_name_list(s) stringToQualifiedNameList(s)
#endif

/* 16: varatt.h split off postgres.h */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 15: reserving a GUC prefix got its own name */
#if PG_VERSION_NUM >= 150000
#define ecml_reserve_guc_prefix(prefix) MarkGUCPrefixReserved(prefix)
#else
#define ecml_reserve_guc_prefix(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* 16: BufFileWrite takes a const pointer, and BufFileReadExact replaced a checked BufFileRead */
static inline void
ecml_buffile_read(BufFile *file, void *data, size_t size)
{
#if PG_VERSION_NUM >= 160000
	BufFileReadExact(file, data, size);
#else
	if (BufFileRead(file, data, size) != size)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not read from temporary file: read too few bytes")));
#endif
}

/* 17: intervals can be infinite; -1, 1, or 0 for finite ones */
#if PG_VERSION_NUM >= 170000
#define ecml_interval_infinite(i) (INTERVAL_IS_NOBEGIN(i) ? -1 : INTERVAL_IS_NOEND(i) ? 1 : 0)
#else
#define ecml_interval_infinite(i) 0
#endif

/* 16: tuplesort_getdatum says whether it copies; float8 passed by reference is not supported anyway */
#if PG_VERSION_NUM >= 160000
#define ecml_tuplesort_getdatum(sort, value, isnull) tuplesort_getdatum(sort, true, false, value, isnull, NULL)
#else
#define ecml_tuplesort_getdatum(sort, value, isnull) tuplesort_getdatum(sort, true, value, isnull, NULL)
#endif

/* 15: shm_mq_sendv may keep what is sent for a while; the last of it is flushed when the queue is left */
#if PG_VERSION_NUM >= 150000
#define ecml_mq_sendv(queue, parts, n) shm_mq_sendv(queue, parts, n, false, true)
#else
#define ecml_mq_sendv(queue, parts, n) shm_mq_sendv(queue, parts, n, false)
#endif

/* 16: rights are checked by a list beside the range table */
#if PG_VERSION_NUM >= 160000
#define ecml_check_rights(statement) ExecCheckPermissions((statement)->rtable, (statement)->permInfos, true)
#else
#define ecml_check_rights(statement) ExecCheckRTPerms((statement)->rtable, true)
#endif

/*
 * 16: a table's counts lost their prefix; many rows at once have no macro of their own.  15: a table's counts begin when they are
 * asked for
 */
#if PG_VERSION_NUM >= 160000
#define ecml_count_returned(relation, n) \
	((void) (pgstat_should_count_relation(relation) && ((relation)->pgstat_info->counts.tuples_returned += (n))))
#elif PG_VERSION_NUM >= 150000
#define ecml_count_returned(relation, n) \
	((void) (pgstat_should_count_relation(relation) && ((relation)->pgstat_info->t_counts.t_tuples_returned += (n))))
#else
#define ecml_count_returned(relation, n) \
	((void) ((relation)->pgstat_info != NULL && ((relation)->pgstat_info->t_counts.t_tuples_returned += (n))))
#endif

/* 17: snapshots do not grow too old any more */
#if PG_VERSION_NUM >= 170000
#define ecml_test_old_snapshot(snapshot, relation, page) ((void) 0)
#else
#define ecml_test_old_snapshot(snapshot, relation, page) TestForOldSnapshot(snapshot, relation, page)
#endif

/* 16: indexes that summarise blocks can be updated alone */
#if PG_VERSION_NUM >= 160000
#define ecml_insert_index_tuples(relation_info, slot, estate) \
	ExecInsertIndexTuples(relation_info, slot, estate, false, false, NULL, NIL, false)
#else
#define ecml_insert_index_tuples(relation_info, slot, estate) \
	ExecInsertIndexTuples(relation_info, slot, estate, false, false, NULL, NIL)
#endif

/* 18: an index of a tuple descriptor's attribute may be compact; TupleDescAttr works in all, attrs[] does not */

#endif							/* ECML_COMPAT_H */
