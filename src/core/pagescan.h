/*
 * pagescan.h - a plain table of columns of fixed width, read by threads
 */
#ifndef ECML_PAGESCAN_H
#define ECML_PAGESCAN_H

#include "utils/rel.h"

#include "core/collect.h"

/*
 * All rows of a heap table in a trainer that is ready to finish: the same as by one process, row by row.  NULL: these columns
 * are not read so, or too many rows have to be looked at one by one.
 */
extern EcmlTrainer *ecml_pagescan(MemoryContext context, const EcmlTraining *training, EcmlColumns *columns,
								  Relation relation, BlockNumber pages);

#endif							/* ECML_PAGESCAN_H */
