/*
 * guc.h - the settings of ecml
 */
#ifndef ECML_GUC_H
#define ECML_GUC_H

extern int	ecml_guc_threads;	/* ecml.threads; 0: as a parallel query */
extern int	ecml_guc_work_mem;	/* ecml.work_mem, kB */
extern int	ecml_guc_cache_size;	/* ecml.cache_size, kB */
extern int	ecml_guc_seed;		/* ecml.seed */
extern bool ecml_guc_share_models;	/* ecml.share_models */

extern void ecml_guc_define(void);

/* The number of threads that a training may use now. */
extern int	ecml_guc_effective_threads(void);

#endif							/* ECML_GUC_H */
