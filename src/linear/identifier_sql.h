/*
 * identifier_sql.h - text columns that tell rows apart and nothing else
 */
#ifndef ECML_IDENTIFIER_SQL_H
#define ECML_IDENTIFIER_SQL_H

#include "core/schema.h"

/* Warn of category features with a value of its own in most of the rows: a coefficient for each of them learns that row by heart. */
extern void ecml_warn_of_identifiers(const EcmlSchema *schema, double rows);

#endif							/* ECML_IDENTIFIER_SQL_H */
