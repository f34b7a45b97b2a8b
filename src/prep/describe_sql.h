/*
 * describe_sql.h - the statistics of ecml_describe for other functions of this family
 */
#ifndef ECML_DESCRIBE_SQL_H
#define ECML_DESCRIBE_SQL_H

#include "postgres.h"

#include "prep/describe.h"

/*
 * What n expressions hold in the rows of "SELECT ... rest" (rest begins with FROM), in one reading by parallel workers.
 * SPI must be connected.  Without rows all are empty.
 */
extern DescribeColumn *ecml_describe_query(const char *const *expressions, int n, const char *rest, int64 seed);

#endif							/* ECML_DESCRIBE_SQL_H */
