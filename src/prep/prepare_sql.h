/*
 * prepare_sql.h - a preparation: what is asked for each column, what was learnt, and the expression that it became
 */
#ifndef ECML_PREPARE_SQL_H
#define ECML_PREPARE_SQL_H

#include "postgres.h"
#include "utils/jsonb.h"

#include "core/json.h"
#include "core/source.h"

typedef enum PrepClass
{
	PREP_NUMBER,
	PREP_BOOLEAN,
	PREP_TEXT,
	PREP_TIME,					/* date, timestamp, with time zone */
	PREP_OTHER
} PrepClass;

/* What can be asked for a column, in the order in which it is done. */
typedef enum PrepStep
{
	STEP_DROP,
	STEP_KEEP,
	STEP_DROPNA,
	STEP_IMPUTE,
	STEP_CLIP,
	STEP_LOG1P,
	STEP_BIN,
	STEP_SCALE,
	STEP_DATE_PARTS,
	STEP_ONE_HOT,
	STEP_ORDINAL,
	STEP_TARGET_ENCODE,
	STEPS
} PrepStep;

extern const char *const prep_step_names[STEPS + 1];

typedef enum PrepImpute
{
	IMPUTE_MEAN, IMPUTE_MEDIAN, IMPUTE_MOST_FREQUENT, IMPUTE_CONSTANT
} PrepImpute;

typedef enum PrepScale
{
	SCALE_STANDARD, SCALE_MINMAX, SCALE_ROBUST
} PrepScale;

#define PREP_DATE_PARTS 8
extern const char *const prep_date_parts[PREP_DATE_PARTS + 1];

typedef struct PrepColumn
{
	const char *name;
	Oid			type;
	PrepClass	class;
	uint32		steps;			/* bit of each step that is to be done */
	uint32		given;			/* of those, the ones that name this column */

	PrepImpute	impute;
	char	   *constant;		/* as text */
	bool		was_missing;	/* wants the additional column */
	bool		was_missing_given;
	int64		missing;		/* NULLs, of those to impute */
	bool		clip_iqr;
	double		clip_low;		/* quantiles 0 to 1; NaN: no bound */
	double		clip_high;
	double		lowest;			/* bound of what is clipped; NaN: none */
	char	   *before_clip;	/* the expression then; NULL: not clipped */
	char	   *clipped;		/* the clipped one, wrong for NULL */
	int			bins;
	bool		uniform;
	PrepScale	scale;
	uint32		parts;			/* of a date, a bit each */
	char	  **categories;		/* in the order of their codes; before learning those of the option */
	int			ncategories;
	bool		categories_given;

	double	   *means;			/* of the target: [ncategories + 1][1 + folds], the last row of all */

	char	   *expression;		/* SQL over the source s, as far as steps are done */
	Oid			expression_type;
	EcmlJson   *learnt;	/* NULL: nothing */
} PrepColumn;

typedef struct Prep
{
	EcmlSource *source;
	char	   *source_text;
	char	   *from;			/* the source as it stands in FROM, with its alias s */
	char	   *where;			/* " WHERE ..." or "" */
	char	   *schema;			/* of the extension, quoted */
	int			n;
	PrepColumn *columns;
	PrepColumn *current;		/* whose option is being read */

	int		   *one_hot;		/* [none_hot] columns in the order given */
	int			none_hot;
	bool		drop_first;
	int			top_k;			/* 0: all */
	char	   *time_zone;
	bool		materialize;
	bool		replace;

	int			target;			/* of the target encoding; -1: none */
	int			key;
	int			folds;
	double		smoothing;
	int			fold_seed;
} Prep;

extern void prep_parse_options(Prep *prep, Jsonb *options);

/* Do all steps: learn what they need, and write the expressions. */
extern void prep_learn(Prep *prep);

/* The literal of a type, of a double; the operator of equality of a type. */
extern char *prep_literal(const char *text, Oid type);
extern char *prep_number(double value);
extern char *prep_equal(Oid type);

extern bool prep_has(const PrepColumn *column, PrepStep step);

#endif							/* ECML_PREPARE_SQL_H */
