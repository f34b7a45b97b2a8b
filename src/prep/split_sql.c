/*
 * split_sql.c - ecml_split and ecml_fold: on which side a row is, by a hash of its key (core/hashkey.h)
 */
#include "core/compat.h"

#include "core/hashkey.h"
#include "num/hash.h"

#define SPLIT_STREAM UINT64CONST(0x73706C6974)	/* "split": a split and a fold of one seed are independent */
#define FOLD_STREAM UINT64CONST(0x666F6C64)		/* "fold" */

/* In [0, 1), by the key in argument 0 and the seed in argument 2. */
static double
position(FunctionCallInfo fcinfo, uint64 stream)
{
	return ecml_hash_argument(fcinfo, 0, ecml_hash_u64((uint64) (int64) PG_GETARG_INT32(2), stream));
}

PG_FUNCTION_INFO_V1(ecml_split);
PG_FUNCTION_INFO_V1(ecml_fold);

/* ecml_split(key "any", test_fraction float8, seed int): is the row of this key a test row? */
Datum
ecml_split(PG_FUNCTION_ARGS)
{
	double		fraction = PG_GETARG_FLOAT8(1);

	if (!(fraction >= 0 && fraction <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the fraction of test rows must be from 0 to 1"),
				 errdetail("It is %g.", fraction),
				 errhint("Give, for example, 0.2 for one row in five.")));
	PG_RETURN_BOOL(position(fcinfo, SPLIT_STREAM) < fraction);
}

/* ecml_fold(key "any", folds int, seed int): 0 to folds - 1 */
Datum
ecml_fold(PG_FUNCTION_ARGS)
{
	int32		folds = PG_GETARG_INT32(1);

	if (folds < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of folds must be at least 1"),
				 errdetail("It is %d.", folds),
				 errhint("Give, for example, 5.")));
	PG_RETURN_INT32((int32) (position(fcinfo, FOLD_STREAM) * folds));
}
