/*
 * profile.h - the distributions of the rows that a model was trained on, and of its predictions for them
 *
 * ecml_train keeps a bounded sample of the rows on their way (num/rowsample.h), and each feature's NULLs; at the end the
 * distribution of each feature, and of the prediction, is kept with the model (num/profile.h): up to 2 KB a feature.
 * Rows count once, whatever their weights.  Values are those of rows that the training could use; the share of NULLs is that
 * of all rows.
 */
#ifndef ECML_CORE_PROFILE_H
#define ECML_CORE_PROFILE_H

#include "postgres.h"

#include "num/profile.h"

struct EcmlTrainer;
struct EcmlModel;

typedef struct EcmlProfile
{
	double		effective;		/* rows that its shares stand on */
	int			ncolumns;		/* the features, then the prediction */
	EcmlProfileColumn *columns;
} EcmlProfile;

/* Of a trainer: at the first usable row; rows pending are to be absorbed; a row that holds NULLs; other rows' sample. */
extern void ecml_profile_begin(struct EcmlTrainer *trainer);
extern void ecml_profile_pending(struct EcmlTrainer *trainer);
extern void ecml_profile_nulls(struct EcmlTrainer *trainer, const double *values);
extern void ecml_profile_collected(struct EcmlTrainer *trainer);	/* all rows are there */
extern void ecml_profile_merge(struct EcmlTrainer *trainer, const struct EcmlTrainer *other);

/* The NULLs of collected rows, from one process to another. */
extern void ecml_profile_write_nulls(EcmlWriter *w, const struct EcmlTrainer *trainer);
extern void ecml_profile_add_nulls(EcmlReader *r, struct EcmlTrainer *trainer);

/* As a part of a state: nothing where there is none. */
extern void ecml_profile_write_sample(EcmlWriter *w, struct EcmlTrainer *trainer);
extern void ecml_profile_read_sample(EcmlReader *r, struct EcmlTrainer *trainer);

/* Of a model that is otherwise complete; recode[j]: from a category's code to the schema's (NULL: the same). */
extern EcmlProfile *ecml_profile_make(struct EcmlTrainer *trainer, struct EcmlModel *model, int *const *recode);

extern void ecml_profile_write_all(EcmlWriter *w, const EcmlProfile *profile);
extern EcmlProfile *ecml_profile_read_all(EcmlReader *r, int nfeatures);

#endif							/* ECML_CORE_PROFILE_H */
