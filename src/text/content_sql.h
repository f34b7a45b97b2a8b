/*
 * content_sql.h - what the bindings of content share
 */
#ifndef TEXT_CONTENT_SQL_H
#define TEXT_CONTENT_SQL_H

#include "postgres.h"

#include "core/algorithm.h"
#include "core/model.h"
#include "text/ngram_lm.h"

extern const EcmlAlgorithm ecml_algorithm_ngram_lm;

/* An error for a model of another kind. */
extern void content_check_model(const EcmlModel *model, const char *function);

#endif							/* TEXT_CONTENT_SQL_H */
