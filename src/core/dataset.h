/*
 * dataset.h - rows kept for training: column blocks in memory up to a budget, then in temporary files
 *
 * Rows of values (schema.h) are appended; when all are there, ecml_dataset_finish says how terms come from values, and the
 * dataset is an EcmlData for kernels.  Memory: rows * columns * 4 or 8 bytes up to the budget.  Past it the blocks go to a
 * temporary file of PostgreSQL's (temp_file_limit holds; it vanishes with the query), and come back a window at a time.
 */
#ifndef ECML_DATASET_H
#define ECML_DATASET_H

#include "postgres.h"
#include "storage/buffile.h"

#include "core/schema.h"
#include "num/blocks.h"

/* Moments of a column of values, NULLs left out; with weights, of rows that are repeated so often. */
typedef struct EcmlColumnStats
{
	double		n;
	double		mean;
	double		m2;				/* sum of squared deviations */
	double		min;
	double		max;
} EcmlColumnStats;

/* What is done with a block that is full; it may keep the block's memory, and clears the block then. */
typedef void (*EcmlDivert) (void *arg, EcmlBlock *block);

/* Rows from elsewhere; codes of categories and classes may be other than the dataset's. */
typedef struct EcmlPiece
{
	EcmlBlock	block;
	int		  **codes;			/* [nvalues] to the dataset's codes; NULL, or NULL for a column: the same */
	const int  *classes;		/* of y */
} EcmlPiece;

typedef struct EcmlDataset
{
	EcmlData	data;			/* what kernels see; must be first */
	EcmlCtx    *ctx;
	MemoryContext context;
	int			nvalues;		/* columns appended */
	size_t		budget;			/* bytes for blocks in memory */
	double	   *origin;			/* [nvalues] subtracted before a value is kept as float, or NULL */
	bool	   *exact;			/* [nvalues] columns that are not shifted: codes, flags; NULL: none.  The owner's */
	bool		shifted;		/* keep float4 relative to the medians of the first rows: no digits lost to an offset */
	double	   *tile;			/* [ntile][width] rows on their way to the block: values, y, w */
	int			ntile;
	int			width;

	EcmlBlock  *blocks;			/* [nblocks] resident blocks */
	size_t		nblocks;
	size_t		capacity;
	size_t		nmeasured;		/* of the resident blocks, those that the stats count */
	EcmlBlock	open;			/* the block under way */
	int			open_capacity;
	EcmlDivert	divert;			/* NULL: full blocks are kept here */
	void	   *divert_arg;
	int			full;			/* rows of a full block: ECML_BLOCK_ROWS, or fewer of diverted ones */

	EcmlBlock  *room;			/* [nroom] empty blocks for rows that others fill in */
	size_t		nroom;
	size_t		room_capacity;
	struct EcmlSlab *slabs;		/* [nslabs] memory of several blocks each */
	size_t		nslabs;
	size_t		slab_capacity;
	size_t		touched;		/* bytes of all slabs that were made ready */

	BufFile    *file;			/* spilled blocks, all of the same size; NULL: none */
	size_t		nspilled;		/* the first blocks are in the file */
	size_t		block_size;		/* bytes of a spilled block */

	EcmlColumnStats *stats;		/* [nvalues] by weight; of all rows, once finished */
	double		weight;			/* of all rows: their number when they have none */

	/* from finish on */
	const EcmlSchema *schema;	/* how terms are made; NULL: values as they are */
	int		  **recode;			/* [nvalues] for categories: kept code to the schema's code; NULL: the same */
	const int  *recode_y;		/* the same of y; NULL: y is no code */
	const double *class_values; /* [2] y is the value of one of two classes; NULL: it is not */
	EcmlBlock  *window;			/* [nwindow] buffers for blocks that are read back or expanded */
	size_t		nwindow;
	void	   *raw;			/* a block as it was in the file */
	bool		finished;
	bool		baked;			/* resident blocks hold terms already */
} EcmlDataset;

extern EcmlDataset *ecml_dataset_create(EcmlCtx *ctx, MemoryContext context, EcmlElement element, int nvalues,
										bool has_y, bool has_w, bool shifted);

/*
 * Append a row; y, w are left aside when the dataset has none.  Returns -1, or the number of a value that a float4 cannot hold:
 * then the row was not appended.
 */
extern int ecml_dataset_append(EcmlDataset *dataset, const double *values, double y, double w);

/*
 * Rows in pieces, which come from datasets with the same origin.  A dataset diverts its full blocks to a function, and the
 * rest with a flush; another one makes blocks of its own of such pieces, in the order given, and frees them: from then on it
 * is what it would be if the rows had been appended one by one.
 */
extern void ecml_dataset_set_origin(EcmlDataset *dataset, const double *origin);
extern void ecml_dataset_divert(EcmlDataset *dataset, EcmlDivert divert, void *arg);
extern void ecml_dataset_flush(EcmlDataset *dataset);
extern void ecml_dataset_adopt(EcmlDataset *dataset, EcmlPiece *pieces, size_t npieces);

/*
 * Rows that tasks fill in where they belong.  After make_room for so many more rows, row number r of them has its place in
 * ecml_dataset_room: row *at of the block that is returned, of which y, w (where the dataset has them) are written directly and
 * the values with put, best by whole lines of the cache.  Then fill tells how many have been filled in, all from number 0 on.  False: first some rows must be
 * appended one by one.
 */
extern bool ecml_dataset_make_room(EcmlDataset *dataset, size_t rows);
extern EcmlBlock *ecml_dataset_room(EcmlDataset *dataset, size_t row, int *at);
extern void ecml_dataset_put(const EcmlDataset *dataset, EcmlBlock *block, int at, const double *const *rows, int n);
extern void ecml_dataset_fill(EcmlDataset *dataset, size_t rows);

/* The sum of the squares up to which values may be put; beyond it they have to be appended. */
extern double ecml_dataset_plain(const EcmlDataset *dataset);

/* Memory for a block of so many rows; its size. */
extern size_t ecml_dataset_new_block(EcmlDataset *dataset, EcmlBlock *block, int rows);
extern size_t ecml_dataset_block_bytes(const EcmlDataset *dataset, int stride);

/* A value as it was appended, of a block as it is kept. */
extern double ecml_dataset_value(const EcmlDataset *dataset, const EcmlBlock *block, int column, int row);

/* The same of n columns of a row, the first being number column. */
extern void ecml_dataset_row(const EcmlDataset *dataset, const EcmlBlock *block, int column, int n, int row, double *values);

/* Of a complete dataset that was not transformed: block number b as it is kept, valid until the next one. */
extern EcmlBlock ecml_dataset_kept(EcmlDataset *dataset, size_t b);

/* The error for such a value. */
extern void ecml_dataset_overflow(const char *column, double value);

/* No more rows.  The statistics are complete, and ecml_data_fetch yields the values themselves. */
extern void ecml_dataset_complete(EcmlDataset *dataset);

/*
 * From now on it yields terms, by the schema, recode and recode_y (each may be NULL), and columns beyond the schema's features
 * as they are.  Once, and after it no values.
 */
extern void ecml_dataset_transform(EcmlDataset *dataset, const EcmlSchema *schema, int **recode, const int *recode_y);

/* A kernel may discard blocks (num/blocks.h): nobody needs the rows after it. */
extern void ecml_dataset_allow_discard(EcmlDataset *dataset);

/*
 * Nothing is read any more: close the temporary file, if there is one.  After an error the transaction does that; otherwise
 * it would complain of a file that was left open.
 */
extern void ecml_dataset_close(EcmlDataset *dataset);

#endif							/* ECML_DATASET_H */
