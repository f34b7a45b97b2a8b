/*
 * class_weight.h - weights of classes by name
 */
#ifndef ECML_CLASS_WEIGHT_H
#define ECML_CLASS_WEIGHT_H

#include "core/options.h"
#include "core/schema.h"

/* From {"label": weight}: [schema->nclasses], palloc'd; classes that are not named weigh 1.  NULL: no object is given. */
extern double *ecml_class_weights(const EcmlChoice *choice, const EcmlSchema *schema);

#endif							/* ECML_CLASS_WEIGHT_H */
