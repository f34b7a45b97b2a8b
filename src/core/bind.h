/*
 * bind.h - from SQL values to rows of doubles
 *
 * Inputs are the arguments of a VARIADIC "any" call, the columns of a query's result, or the fields of one row-typed
 * argument.  How each is converted is planned once, by its type; then a row costs a switch a value, and less where the values
 * stand at known places of a table's tuples: there they are read in runs, and the tuple need not be taken apart.
 *
 * In training the binder learns: names, kinds, the length of arrays, the categories as they come.  In prediction it follows
 * the schema of a model.
 */
#ifndef ECML_BIND_H
#define ECML_BIND_H

#include "postgres.h"
#include "access/tupdesc.h"
#include "executor/tuptable.h"
#include "fmgr.h"

#include "core/algorithm.h"
#include "core/dict.h"
#include "core/schema.h"

#define ECML_MAX_CATEGORIES 65536	/* of a column */
#define ECML_MAX_GROUPS 16777216	/* they are kept in single precision */

typedef enum EcmlConvert
{
	ECML_FROM_FLOAT8,
	ECML_FROM_FLOAT4,
	ECML_FROM_INT2,
	ECML_FROM_INT4,
	ECML_FROM_INT8,
	ECML_FROM_BOOL,
	ECML_FROM_NUMERIC,
	ECML_FROM_DATE,
	ECML_FROM_TIMESTAMP,		/* also with time zone */
	ECML_FROM_TIME,
	ECML_FROM_INTERVAL,
	ECML_FROM_INET,
	ECML_FROM_VARLENA,			/* text, varchar, and all that are stored like them */
	ECML_FROM_BPCHAR,
	ECML_FROM_NAME,
	ECML_FROM_CSTRING,			/* a literal of type unknown */
	ECML_FROM_ENUM,
	ECML_FROM_ARRAY,
	ECML_FROM_OTHER				/* a group of any other type, by its text */
} EcmlConvert;

typedef struct EcmlInput
{
	char	   *name;
	int			number;			/* of the argument or column, 0-based */
	Oid			type;
	EcmlConvert convert;
	EcmlKind	kind;
	int			first;			/* number of its first feature */
	int			count;			/* features it makes: 1; arrays: the length, -1 as long as it is not known */
	Oid			element_type;	/* ARRAY */
	EcmlConvert element_convert;
	EcmlDict   *categories;		/* CATEGORY: the label's code */
	bool		extra;			/* it is no feature (EcmlExtra) */
	bool		group;			/* CATEGORY: of any type, and there may be very many */
	EcmlDict   *enums;			/* ENUM: value's oid to category code, filled as they come */
} EcmlInput;

/* Inputs of one type that stand side by side in a tuple without NULLs. */
typedef struct EcmlRun
{
	EcmlConvert convert;
	int			offset;			/* of the first, in the tuple's data */
	int			first;			/* its feature */
	int			n;
} EcmlRun;

typedef struct EcmlBinder
{
	MemoryContext context;		/* of the binder and all that it learns */
	bool		training;		/* learn new categories; NaN and infinity are errors */
	int			ninputs;
	EcmlInput  *inputs;
	bool		laid_out;		/* lengths of all arrays are known */
	bool		all_float8;		/* every input is a float8 */
	int		   *numbers;		/* [ninputs] then: the inputs' numbers, side by side */
	int			nfeatures;		/* once laid out */
	double	   *values;			/* [nfeatures] the present row; NaN: NULL */
	int			missing;		/* the first feature that is NULL in the present row, or -1 */
	EcmlRun    *runs;			/* [nruns] all inputs, by ecml_binder_place; NULL: some have no known place */
	int			nruns;
	EcmlRun    *run_memory;		/* [ninputs] where runs are kept */

	/* of an argument that is a row, or record */
	bool		whole_row;
	Oid			row_type;		/* type and typmod the inputs' numbers were found for */
	int32		row_typmod;
	TupleDesc	row_desc;
	Datum	   *row_values;
	bool	   *row_nulls;
} EcmlBinder;

/* How a type is converted; false when it is not supported. */
extern bool ecml_bind_plan(Oid type, EcmlConvert *convert, EcmlKind *kind, Oid *element_type, EcmlConvert *element_convert);

extern EcmlBinder *ecml_binder_create(MemoryContext context, bool training);

/* Add an input (training); number: 0-based place in the arrays given to ecml_bind_row.  Unsupported types are errors. */
extern EcmlInput *ecml_binder_add(EcmlBinder *binder, const char *name, int number, Oid type);

/*
 * Make an input an extra column: what is not fit for it is an error.  The other function adds one.  what: the option that names
 * it.  Twice: nothing.
 */
extern void ecml_binder_make_extra(EcmlBinder *binder, EcmlInput *input, EcmlExtraKind kind, const char *what);
extern void ecml_binder_add_extra(EcmlBinder *binder, const char *name, int number, Oid type, EcmlExtraKind kind,
								  const char *what);

/* Number the features, once the lengths of all arrays are known. */
extern void ecml_binder_lay_out(EcmlBinder *binder);

/*
 * The inputs of fcinfo's arguments from first on (training), named x1, x2, ... or, for a single argument of a row type,
 * after its columns.
 */
extern EcmlBinder *ecml_binder_from_arguments(MemoryContext context, FunctionCallInfo fcinfo, int first);

/* The error for such a row where there is a target: it would be a feature, too. */
extern void ecml_binder_refuse_row(const char *algorithm);

/* The inputs of a model: from arguments of fcinfo from first on, or from the columns of desc by name. */
extern EcmlBinder *ecml_binder_for_model(MemoryContext context, const EcmlSchema *schema, FunctionCallInfo fcinfo, int first);
extern EcmlBinder *ecml_binder_for_columns(MemoryContext context, const EcmlSchema *schema, TupleDesc desc);

/*
 * Read a row into binder->values.  False: an array's length is not known yet (it is NULL), so the row cannot be used.
 * schema: of the model, in prediction.
 */
extern bool ecml_bind_row(EcmlBinder *binder, const Datum *values, const bool *nulls);
extern bool ecml_bind_arguments(EcmlBinder *binder, const EcmlSchema *schema, FunctionCallInfo fcinfo, int first);

/*
 * Where the columns of a tuple stand that has no NULLs: offsets [natts], palloc'd; -1 from the first column on whose place
 * depends on the row.
 */
extern int *ecml_bind_offsets(TupleDesc desc);

/* Can values of this kind be read from a tuple's data? */
extern bool ecml_bind_is_fixed(EcmlConvert convert);

/* Plan to read all inputs from such tuples (training). */
extern void ecml_binder_place(EcmlBinder *binder, const int *offsets);

/* The data of a slot's tuple, if it has natts columns and no NULLs; NULL: it has not, or is no tuple. */
extern const char *ecml_bind_tuple(TupleTableSlot *slot, int natts);

/* Read a row from it into binder->values.  False: ecml_bind_row must look whether all are finite. */
extern bool ecml_bind_data(EcmlBinder *binder, const char *data);

/* The same into values [nfeatures], for threads. */
extern bool ecml_bind_runs(const EcmlBinder *binder, const char *data, double *values);

/* Where in such data the values themselves lie, if they do so side by side as doubles; else -1. */
extern int	ecml_bind_in_place(const EcmlBinder *binder);

/* One value. */
extern double ecml_bind_fixed(EcmlConvert convert, const char *data);

/* One value by itself, not an array, not a category. */
extern double ecml_bind_number(const EcmlInput *input, Datum value);

/* The bytes of a category value. */
extern const char *ecml_bind_label(const EcmlInput *input, Datum value, int *length);

/* The code of a category, added when it is new; an error for one too many. */
extern int	ecml_bind_add_category(EcmlInput *input, const char *label, int length);

/* The name of a feature (of an element: "name[i]"); palloc'd. */
extern char *ecml_binder_feature_name(const EcmlBinder *binder, int feature);

/* The input that a feature comes from. */
extern EcmlInput *ecml_binder_input(const EcmlBinder *binder, int feature);

#endif							/* ECML_BIND_H */
