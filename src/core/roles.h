/*
 * roles.h - columns of a source by the part that they play: the customer, the time, the amount of a purchase
 */
#ifndef ECML_ROLES_H
#define ECML_ROLES_H

#include "core/schema.h"
#include "core/source.h"

/* Number of the column that an option names (given), or of the first of the usual names that the source has; -1: none. */
extern int	ecml_role_find(const EcmlSource *source, const char *given, const char *what, const char *const *usual);

/* The same, or an error that tells what to name. */
extern int	ecml_role_need(const EcmlSource *source, const char *given, const char *what, const char *const *usual);

/* Its kind, where it gives one value a row that binds (bind.h); ECML_CATEGORY else. */
extern EcmlKind ecml_role_kind(const EcmlSource *source, int number);

/* An error unless the column is of that kind (a time or a number), and no array. */
extern void ecml_role_check(const EcmlSource *source, int number, const char *what, EcmlKind kind);

/* The column in a query around the source, which is called s there; quoted, palloc'd. */
extern const char *ecml_role_sql(const EcmlSource *source, int number);

#endif							/* ECML_ROLES_H */
