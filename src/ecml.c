/*
 * ecml.c - module magic and initialisation
 */
#include "core/compat.h"

#include "core/guc.h"
#include "core/share.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	ecml_guc_define();
	ecml_share_init();
}

PG_FUNCTION_INFO_V1(ecml_version);

/* ecml_version(): text */
Datum
ecml_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(ECML_VERSION));
}
