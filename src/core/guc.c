/*
 * guc.c - the settings of ecml
 */
#include "core/compat.h"

#include <limits.h>
#include <unistd.h>

#include "access/parallel.h"
#include "optimizer/cost.h"
#include "utils/guc.h"

#include "core/guc.h"

int			ecml_guc_threads = 0;
int			ecml_guc_work_mem = 1048576;
int			ecml_guc_cache_size = 262144;
int			ecml_guc_seed = 0;
bool		ecml_guc_share_models = true;

void
ecml_guc_define(void)
{
	DefineCustomIntVariable("ecml.threads",
							"Threads that a training may use.",
							"0: as many as a parallel query of this session (max_parallel_workers_per_gather + 1), "
							"and no more than the machine's cores.",
							&ecml_guc_threads, 0, 0, 256, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ecml.work_mem",
							"Memory that a training may use; rows beyond it are kept in temporary files.",
							NULL,
							&ecml_guc_work_mem, 1048576, 1024, INT_MAX, PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("ecml.cache_size",
							"Memory that each session may use to keep models ready for prediction.",
							NULL,
							&ecml_guc_cache_size, 262144, 0, INT_MAX, PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("ecml.seed",
							"Seed of random numbers where the option \"seed\" is not given.",
							NULL,
							&ecml_guc_seed, 0, 0, INT_MAX, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ecml.share_models",
							 "Sessions share one copy of a large model, a file of the server's temporary directory.",
							 NULL,
							 &ecml_guc_share_models, true, PGC_USERSET, 0, NULL, NULL, NULL);
	ecml_reserve_guc_prefix("ecml");
}

int
ecml_guc_effective_threads(void)
{
	static int	cores = 0;		/* asking costs a system call, and there may be a training a group */
	int			threads = ecml_guc_threads;

	if (threads > 0)
		return threads;
	if (IsParallelWorker())
		return 1;				/* its leader has others beside it */
	if (cores == 0)
		cores = Max(1, (int) sysconf(_SC_NPROCESSORS_ONLN));
	return Min(max_parallel_workers_per_gather + 1, cores);
}
