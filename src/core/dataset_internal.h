/*
 * dataset_internal.h - what the files of the dataset share
 */
#ifndef ECML_DATASET_INTERNAL_H
#define ECML_DATASET_INTERNAL_H

#include "core/dataset.h"

#define PADDED_ROWS (ECML_BLOCK_ROWS + 16)	/* stride of a full block */

/* Bytes of a value as it is kept. */
extern size_t ecml_dataset_element(const EcmlDataset *dataset);

/* Bytes of a block of so many columns. */
extern size_t ecml_dataset_bytes(const EcmlDataset *dataset, int columns, int stride);

/* Set a block's pointers into memory. */
extern void ecml_dataset_place(const EcmlDataset *dataset, EcmlBlock *block, char *memory, int columns, int stride);

/* Make the open block hold so many rows. */
extern void ecml_dataset_enlarge(EcmlDataset *dataset, int rows);

/* The rows of the tile go to blocks. */
extern void ecml_dataset_empty_tile(EcmlDataset *dataset);

/* The moments of a column in a block, n 0 when all are NaN; for tasks, too. */
extern void ecml_dataset_moments(const EcmlDataset *dataset, const EcmlBlock *block, int column, EcmlColumnStats *moments);

/* The stats count these blocks, too, which come after those that they count already. */
extern void ecml_dataset_measure(EcmlDataset *dataset, const EcmlBlock *blocks, size_t n);

/* The open block joins the others; it has been measured, or it will be: all at once, when they are complete or have to go. */
extern void ecml_dataset_keep(EcmlDataset *dataset, bool measured);

/* Move all complete blocks to a file. */
extern void ecml_dataset_spill(EcmlDataset *dataset);

/* dataset_terms.c: EcmlData.fetch */
extern size_t ecml_dataset_fetch(EcmlCtx *ctx, EcmlData *data, size_t first_block, EcmlBlock *blocks, size_t max);

/* dataset_room.c: memory of a full block where many are wanted; give also takes what was allocated otherwise. */
extern char *ecml_dataset_take(EcmlDataset *dataset);
extern void ecml_dataset_give(EcmlDataset *dataset, const void *block);

/* Give back what was not filled in. */
extern void ecml_dataset_free_room(EcmlDataset *dataset);

#endif							/* ECML_DATASET_INTERNAL_H */
