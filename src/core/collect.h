/*
 * collect.h - the columns of a source that a training uses: features, target, weight
 */
#ifndef ECML_COLLECT_H
#define ECML_COLLECT_H

#include "utils/array.h"

#include "core/source.h"
#include "core/trainer.h"

typedef struct EcmlColumns
{
	EcmlBinder *binder;			/* features, by number of the source's columns */
	EcmlTarget *target;			/* NULL: none */
	EcmlInput  *weight;
	const char **features;		/* their names */
	int			nfeatures;

	/* for slots that come as tuples, not taken apart */
	int			last;			/* number of the last column that is used, and 1 */
	TupleDesc	placed_for;		/* tuples of this kind have been looked at */
	bool		placed;			/* all columns stand at known places */
	int			target_offset;
	int			event_offset;
	int			weight_offset;
} EcmlColumns;

/* A column that must be a number, beside the features, in context; what: "target", "weight". */
extern EcmlInput *ecml_number_column(MemoryContext context, const EcmlSource *source, const char *name, const char *what);

/* Its value; false: NULL.  One that is not finite is an error. */
extern bool ecml_number_read(const EcmlInput *input, TupleTableSlot *slot, const char *what, double *result);

/* Choose the columns; features NULL: all that are neither target nor weight.  Errors name what is wrong. */
extern void ecml_columns_choose(EcmlColumns *columns, MemoryContext context, const EcmlSource *source,
								const EcmlTraining *training, const char *target, ArrayType *features);

/* A row as read; without a value where there should be one: has_y, has_w false. */
typedef struct EcmlRow
{
	bool		usable;
	bool		has_y;
	bool		has_w;
	double		y;
	double		w;
} EcmlRow;

/* From a slot that may not be taken apart yet (EcmlSource.lazy). */
extern EcmlRow ecml_columns_read(EcmlColumns *columns, TupleTableSlot *slot);

/* Do all columns stand at known places of the tuples that desc describes, unless they hold NULLs? */
extern bool ecml_columns_place(EcmlColumns *columns, TupleDesc desc);

/* One pass: does the order of the rows not show in the result? */
extern bool ecml_columns_any_order(const EcmlColumns *columns, const EcmlOnePass *one_pass);

/*
 * All rows of a source in a trainer, ready to finish.  SPI must be connected.  columns: what was chosen.
 */
extern EcmlTrainer *ecml_collect(MemoryContext context, const EcmlTraining *training, const char *source,
								 const char *target, ArrayType *features, EcmlColumns *columns);

#endif							/* ECML_COLLECT_H */
