/*
 * tablescan.h - a plain table read by several processes at once, into a trainer
 */
#ifndef ECML_TABLESCAN_H
#define ECML_TABLESCAN_H

#include "core/collect.h"

/*
 * The rows of a source in a trainer, as ecml_source_run would give them: the same bits, in less time.  NULL: not this source,
 * or not these columns; nothing has happened then.  plain: the source is a whole table, be it read here or not.
 */
extern EcmlTrainer *ecml_tablescan(MemoryContext context, const EcmlTraining *training, EcmlSource *source,
								   EcmlColumns *columns, const char *target, bool *plain);

#endif							/* ECML_TABLESCAN_H */
