/*
 * similarity_sql.c - ecml_minhash, ecml_minhash_similarity, ecml_text_similarity
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "text/similarity.h"
#include "text/text_sql.h"

typedef struct ShingleOptions
{
	int			size;			/* places of a signature */
	int			width;			/* characters of a shingle */
} ShingleOptions;

static const EcmlOption minhash_options[] = {
	ECML_OPT_INT(ShingleOptions, size, "size", 1, 4096),
	ECML_OPT_INT(ShingleOptions, width, "width", 1, 100),
	ECML_OPT_END
};

static const EcmlOption similarity_options[] = {
	ECML_OPT_INT(ShingleOptions, width, "width", 1, 100),
	ECML_OPT_END
};

static const ShingleOptions shingle_defaults = {128, 4};

PG_FUNCTION_INFO_V1(ecml_minhash);

/* ecml_minhash(text, options jsonb): int[] */
Datum
ecml_minhash(PG_FUNCTION_ARGS)
{
	ShingleOptions *options = text_options(fcinfo, 1, "ecml_minhash", minhash_options, &shingle_defaults, sizeof(ShingleOptions), 0);
	TextInput	input = text_input(PG_GETARG_DATUM(0));
	EcmlCtx		ctx;
	EcmlServerHost host;
	size_t		count;
	uint64_t   *set;
	ArrayType  *result;
	Size		bytes = ARR_OVERHEAD_NONULLS(1) + options->size * sizeof(int32);

	text_ctx(&ctx, &host);
	set = shingles_of(&ctx, input.s, input.n, options->width, &count);
	result = palloc0(bytes);
	SET_VARSIZE(result, bytes);
	result->ndim = 1;
	result->elemtype = INT4OID;
	ARR_DIMS(result)[0] = options->size;
	ARR_LBOUND(result)[0] = 1;
	shingles_minhash(&ctx, set, count, options->size, (int32_t *) ARR_DATA_PTR(result));
	PG_RETURN_ARRAYTYPE_P(result);
}

PG_FUNCTION_INFO_V1(ecml_minhash_similarity);

/* ecml_minhash_similarity(int[], int[]): float8 */
Datum
ecml_minhash_similarity(PG_FUNCTION_ARGS)
{
	ArrayType  *a = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *b = PG_GETARG_ARRAYTYPE_P(1);
	int			n = ArrayGetNItems(ARR_NDIM(a), ARR_DIMS(a));
	int			m = ArrayGetNItems(ARR_NDIM(b), ARR_DIMS(b));
	const int32 *x = (const int32 *) ARR_DATA_PTR(a);
	const int32 *y = (const int32 *) ARR_DATA_PTR(b);
	int			same = 0;

	if (n != m || n == 0 || array_contains_nulls(a) || array_contains_nulls(b))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("these are no signatures to compare"),
				 errdetail("They have %d and %d places.", n, m),
				 errhint("Both must come from ecml_minhash with the same options.")));
	for (int i = 0; i < n; i++)
		same += x[i] == y[i];
	PG_RETURN_FLOAT8((double) same / n);
}

PG_FUNCTION_INFO_V1(ecml_text_similarity);

/* ecml_text_similarity(a text, b text, options jsonb): float8 */
Datum
ecml_text_similarity(PG_FUNCTION_ARGS)
{
	ShingleOptions *options = text_options(fcinfo, 2, "ecml_text_similarity", similarity_options, &shingle_defaults,
										   sizeof(ShingleOptions), 0);
	TextInput	a = text_input(PG_GETARG_DATUM(0));
	TextInput	b = text_input(PG_GETARG_DATUM(1));
	EcmlCtx		ctx;
	EcmlServerHost host;
	size_t		na;
	size_t		nb;
	uint64_t   *x;
	uint64_t   *y;

	text_ctx(&ctx, &host);
	x = shingles_of(&ctx, a.s, a.n, options->width, &na);
	y = shingles_of(&ctx, b.s, b.n, options->width, &nb);
	PG_RETURN_FLOAT8(shingles_jaccard(x, na, y, nb));
}
