/*
 * identifier_sql.c - text columns that tell rows apart and nothing else: names, numbers of orders, free text
 *
 * In a model with a coefficient for each value they leave nothing for the other columns to explain, and a new row has none of the
 * values.  They often come along unasked, where no features are named.
 */
#include "core/compat.h"

#include "linear/identifier_sql.h"

#define SHARE 0.5				/* values for each row, from which on most values have one row */
#define FEW 20					/* rows: too few to tell */

void
ecml_warn_of_identifiers(const EcmlSchema *schema, double rows)
{
	for (int j = 0; j < schema->nfeatures; j++)
	{
		const EcmlFeature *feature = &schema->features[j];

		if (feature->kind == ECML_CATEGORY && rows >= FEW && feature->ncategories > SHARE * rows)
			ereport(WARNING,
					(errmsg("\"%s\" tells rows apart rather than kinds of them", feature->name),
					 errdetail("It has %d values in %.0f rows, and a coefficient for each.", feature->ncategories, rows),
					 errhint("Name the features without it; or group its values, or take \"gbdt\" or a text model.")));
	}
}
