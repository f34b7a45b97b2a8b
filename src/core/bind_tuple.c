/*
 * bind_tuple.c - values read from a table's tuple as it lies on its page
 *
 * Columns of fixed width before any other one stand at the same place in all tuples without NULLs: they are read in runs, at a
 * fraction of what taking a tuple apart costs.  What works on a tuple's data calls nothing of PostgreSQL, and may run in threads.
 */
#include "core/compat.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "utils/date.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/bind.h"
#include "num/blocks.h"

#define LARGE 1e150			/* beyond it values are looked at one by one */

int *
ecml_bind_offsets(TupleDesc desc)
{
	int		   *offsets = palloc((desc->natts + 1) * sizeof(int));
	int			at = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (at >= 0)
		{
			at = att_align_nominal(at, column->attalign);
			if (column->attlen < 0)
				at = -1;
		}
		offsets[i] = at;
		if (at >= 0)
			at += column->attlen;
	}
	return offsets;
}

bool
ecml_bind_is_fixed(EcmlConvert convert)
{
	switch (convert)
	{
		case ECML_FROM_FLOAT8:
		case ECML_FROM_FLOAT4:
		case ECML_FROM_INT2:
		case ECML_FROM_INT4:
		case ECML_FROM_INT8:
		case ECML_FROM_BOOL:
		case ECML_FROM_DATE:
		case ECML_FROM_TIMESTAMP:
		case ECML_FROM_TIME:
			return true;
		default:
			return false;
	}
}

static int
fixed_width(EcmlConvert convert)
{
	switch (convert)
	{
		case ECML_FROM_BOOL:
			return 1;
		case ECML_FROM_INT2:
			return 2;
		case ECML_FROM_FLOAT4:
		case ECML_FROM_INT4:
		case ECML_FROM_DATE:
			return 4;
		default:
			return 8;
	}
}

void
ecml_binder_place(EcmlBinder *binder, const int *offsets)
{
	EcmlRun    *runs = binder->run_memory;
	EcmlRun    *last = NULL;

	binder->runs = NULL;
	binder->nruns = 0;
	if (!binder->laid_out)
		return;
	/* rows may come from the tables of a partitioned one by turns: planning again must not take memory again */
	if (runs == NULL)
		runs = binder->run_memory = MemoryContextAlloc(binder->context, (binder->ninputs + 1) * sizeof(EcmlRun));
	for (int i = 0; i < binder->ninputs; i++)
	{
		const EcmlInput *input = &binder->inputs[i];
		int			offset = offsets[input->number];

		if (offset < 0 || !ecml_bind_is_fixed(input->convert) || input->kind == ECML_CATEGORY)
			return;
		if (last && last->convert == input->convert && offset == last->offset + last->n * fixed_width(last->convert))
		{
			last->n++;
			continue;
		}
		last = &runs[binder->nruns++];
		last->convert = input->convert;
		last->offset = offset;
		last->first = input->first;
		last->n = 1;
	}
	binder->runs = runs;
}

const char *
ecml_bind_tuple(TupleTableSlot *slot, int natts)
{
	HeapTuple	tuple;

	if (TTS_IS_BUFFERTUPLE(slot) || TTS_IS_HEAPTUPLE(slot))
		tuple = ((HeapTupleTableSlot *) slot)->tuple;
	else if (TTS_IS_MINIMALTUPLE(slot))
		tuple = ((MinimalTupleTableSlot *) slot)->tuple;
	else
		return NULL;
	if (tuple == NULL || HeapTupleHasNulls(tuple) || HeapTupleHeaderGetNatts(tuple->t_data) < natts)
		return NULL;
	return (const char *) tuple->t_data + tuple->t_data->t_hoff;
}

/* Dates and times by their Datum: they have infinities. */
static double
time_value(EcmlConvert convert, Datum value)
{
	EcmlInput	input = {.convert = convert};

	return ecml_bind_number(&input, value);
}

double
ecml_bind_fixed(EcmlConvert convert, const char *data)
{
	switch (convert)
	{
		case ECML_FROM_FLOAT8:
			return *(const float8 *) data;
		case ECML_FROM_FLOAT4:
			return *(const float4 *) data;
		case ECML_FROM_INT2:
			return *(const int16 *) data;
		case ECML_FROM_INT4:
			return *(const int32 *) data;
		case ECML_FROM_INT8:
			return *(const int64 *) data;
		case ECML_FROM_BOOL:
			return *(const bool *) data ? 1 : 0;
		case ECML_FROM_DATE:
			return time_value(convert, DateADTGetDatum(*(const DateADT *) data));
		case ECML_FROM_TIMESTAMP:
			return time_value(convert, TimestampGetDatum(*(const Timestamp *) data));
		case ECML_FROM_TIME:
			return time_value(convert, TimeADTGetDatum(*(const TimeADT *) data));
		default:
			elog(ERROR, "conversion %d is not of a fixed width", (int) convert);
	}
	return 0;
}

#define COPY_RUN(type) \
	do { \
		const type *from_ = (const type *) from; \
		for (int i = 0; i < run->n; i++) \
			to[i] = from_[i]; \
	} while (0)

bool
ecml_bind_runs(const EcmlBinder *binder, const char *data, double *values)
{
	for (int r = 0; r < binder->nruns; r++)
	{
		const EcmlRun *run = &binder->runs[r];
		const char *from = data + run->offset;
		double	   *to = values + run->first;

		switch (run->convert)
		{
			case ECML_FROM_FLOAT8:
				memcpy(to, from, run->n * sizeof(double));
				break;
			case ECML_FROM_FLOAT4:
				COPY_RUN(float4);
				break;
			case ECML_FROM_INT2:
				COPY_RUN(int16);
				break;
			case ECML_FROM_INT4:
				COPY_RUN(int32);
				break;
			case ECML_FROM_INT8:
				COPY_RUN(int64);
				break;
			default:
				for (int i = 0; i < run->n; i++)
					to[i] = ecml_bind_fixed(run->convert, from + i * fixed_width(run->convert));
		}
	}
	return ecml_sum_squares(values, binder->nfeatures) <= LARGE * LARGE;
}

int
ecml_bind_in_place(const EcmlBinder *binder)
{
	const EcmlRun *run = binder->runs;

	return binder->nruns == 1 && run->convert == ECML_FROM_FLOAT8 && run->offset % sizeof(double) == 0 ? run->offset : -1;
}

bool
ecml_bind_data(EcmlBinder *binder, const char *data)
{
	binder->missing = -1;
	return ecml_bind_runs(binder, data, binder->values);
}
