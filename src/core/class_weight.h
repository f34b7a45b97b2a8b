/*
 * class_weight.h - weights of classes: none, balanced, or by name
 */
#ifndef ECML_CLASS_WEIGHT_H
#define ECML_CLASS_WEIGHT_H

#include "core/options.h"
#include "core/schema.h"

extern const char *const ecml_class_weight_words[]; /* for ECML_OPT_CHOICE */
extern bool ecml_class_weight_balanced(const EcmlChoice *choice);

/* From {"label": weight}: [schema->nclasses], palloc'd; classes that are not named weigh 1.  NULL: no object is given.  An error
 * where weights are asked for and the target is a number. */
extern double *ecml_class_weights(const EcmlChoice *choice, const EcmlSchema *schema);

#endif							/* ECML_CLASS_WEIGHT_H */
