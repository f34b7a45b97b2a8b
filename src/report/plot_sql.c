/*
 * plot_sql.c - charts in SQL: ecml_plot_roc, ecml_plot_calibration, ecml_plot_lift, of the arrays that the aggregates give
 */
#include "core/compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "core/guc.h"
#include "core/host.h"
#include "core/result.h"
#include "report/plot.h"

/* A number column of an element; NULL: NaN. */
static double
number_of(TupleDesc desc, const Datum *values, const bool *nulls, int column)
{
	if (column < 0 || nulls[column])
		return column < 0 ? 0 : NAN;
	return TupleDescAttr(desc, column)->atttypid == INT8OID ? (double) DatumGetInt64(values[column]) :
		DatumGetFloat8(values[column]);
}

/* The chart of argument 0, an array of rows of which x, y and rows (-1: none) are columns; its title is argument 1. */
static Datum
plot(FunctionCallInfo fcinfo, int x, int y, int rows, char *(*draw) (EcmlCtx *ctx, const char *title, const PlotPoint *points, size_t n))
{
	MemoryContext context;
	MemoryContext caller;
	EcmlServerHost host;
	EcmlCtx		ctx;
	ArrayType  *array;
	TupleDesc	desc;
	PlotPoint  *points;
	Datum	   *elements;
	bool	   *missing;
	Datum		values[16];
	bool		nulls[16];
	size_t		used = 0;
	text	   *result;
	int			n;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	context = AllocSetContextCreate(CurrentMemoryContext, "ecml plot", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, 0);
	array = PG_GETARG_ARRAYTYPE_P(0);
	desc = lookup_rowtype_tupdesc_copy(ARR_ELEMTYPE(array), -1);
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_DOUBLE, &elements, &missing, &n);
	points = ECML_NEW(&ctx, PlotPoint, n);
	for (int i = 0; i < n; i++)
	{
		HeapTupleHeader header;
		HeapTupleData tuple;
		PlotPoint	point;

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		if (missing[i])
			continue;
		header = DatumGetHeapTupleHeader(elements[i]);
		tuple.t_len = HeapTupleHeaderGetDatumLength(header);
		tuple.t_data = header;
		heap_deform_tuple(&tuple, desc, values, nulls);
		point.x = number_of(desc, values, nulls, x);
		point.y = number_of(desc, values, nulls, y);
		point.rows = number_of(desc, values, nulls, rows);
		/* not defined: a rate of a class without rows */
		if (isfinite(point.x) && isfinite(point.y) && isfinite(point.rows))
			points[used++] = point;
	}
	MemoryContextSwitchTo(caller);
	result = cstring_to_text(draw(&ctx, ecml_text_argument(fcinfo, 1), points, used));
	MemoryContextDelete(context);
	PG_RETURN_TEXT_P(result);
}

PG_FUNCTION_INFO_V1(ecml_plot_roc);
PG_FUNCTION_INFO_V1(ecml_plot_calibration);
PG_FUNCTION_INFO_V1(ecml_plot_lift);

/* ecml_plot_roc(points ecml_roc_point[], title text): text */
Datum
ecml_plot_roc(PG_FUNCTION_ARGS)
{
	return plot(fcinfo, 1, 2, -1, plot_roc);
}

/* ecml_plot_calibration(bins ecml_calibration_bin[], title text): text */
Datum
ecml_plot_calibration(PG_FUNCTION_ARGS)
{
	return plot(fcinfo, 4, 5, 3, plot_calibration);
}

/* ecml_plot_lift(bins ecml_lift_bin[], title text): text */
Datum
ecml_plot_lift(PG_FUNCTION_ARGS)
{
	return plot(fcinfo, 5, 4, -1, plot_lift);
}
