/*
 * hashkey.h - the hash of an SQL value: by what it means, not how it is stored
 */
#ifndef ECML_HASHKEY_H
#define ECML_HASHKEY_H

#include "postgres.h"
#include "fmgr.h"

extern uint64 ecml_hash_key(Oid type, Datum value, uint64 seed);

/* In [0, 1), by the value of an argument of any type; what it finds out about the type is kept in fn_extra, whose first part is an Oid. */
extern double ecml_hash_argument(FunctionCallInfo fcinfo, int argument, uint64 seed);

#endif							/* ECML_HASHKEY_H */
