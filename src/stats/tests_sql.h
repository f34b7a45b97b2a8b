/*
 * tests_sql.h - the state that tests as aggregates share
 *
 * It keeps, by the test: values (8 bytes a row, or 16, counted against ecml.work_mem), sums in double-double, a table of counts,
 * or the sums of bootstrap replicates.  States merge, and the result does not depend on the order of the rows.
 */
#ifndef ECML_TESTS_SQL_H
#define ECML_TESTS_SQL_H

#include "postgres.h"

#include "core/bind.h"
#include "core/dict.h"
#include "core/options.h"
#include "core/state.h"
#include "stats/bootstrap.h"
#include "stats/groups.h"
#include "stats/rank.h"

#define KNOWN 8					/* groups of by-value types that are told by their datum */

typedef enum TestKind			/* in the state's bytes: append only */
{
	MANN_WHITNEY,
	KOLMOGOROV_SMIRNOV,
	ANOVA,
	LEVENE,
	CUPED,
	RATIO,
	WILCOXON,
	PEARSON,
	SPEARMAN,
	KENDALL,
	CHI2,
	PAIR_SUMS,					/* for ecml_ab_report, which reads the state itself */
	TUKEY,
	GAMES_HOWELL,
	SHAPIRO,
	QUANTILE,
	BOOTSTRAP,
	QINI,
	TEST_KINDS
} TestKind;

typedef enum Keeps
{
	VALUES,						/* of each group, one by one */
	PAIRS,						/* of values, one by one */
	SUMS,						/* of each group: pairs (covariate or denominator, value); x is 0 where there is none */
	COUNTS,						/* of pairs of categories */
	REPLICATES					/* of each group: weighted sums */
} Keeps;

typedef struct TestParams
{
	RankParams	rank;
	double		level;
	bool		welch;			/* ANOVA */
	bool		correction;		/* CHI2 */
	int			statistic;		/* CHI2: 1: likelihood ratio */
	int			center;			/* LEVENE */
	double		quantile;		/* QUANTILE */
	BootstrapParams bootstrap;
} TestParams;

typedef struct TestInfo
{
	const char *name;
	Keeps		keeps;
	int			groups;			/* the most */
	const EcmlOption *options;
} TestInfo;

/* What a group's rows leave behind. */
typedef struct TestGroup
{
	Bivariate	sums;
	double	   *values;			/* [n]; of PAIRS [2 n]: x and y in turn */
	size_t		n;
	size_t		capacity;
	BootstrapSums replicates;
} TestGroup;

/* The groups' labels, and how their values look in this call (not kept). */
typedef struct Labels
{
	EcmlDict   *dict;
	EcmlInput	input;
	bool		by_value;
	int			nknown;
	Datum		known[KNOWN];
	int			codes[KNOWN];
} Labels;

typedef struct Test
{
	TestKind	kind;
	TestParams	params;
	Labels		labels[2];		/* groups; of COUNTS rows and columns */
	TestGroup  *groups;			/* [ngroups] by code; of PAIRS and PEARSON one */
	int			ngroups;
	double	   *counts;			/* COUNTS: [rows capacity][columns capacity] */
	int			capacity[2];
} Test;

extern const TestInfo test_infos[TEST_KINDS];
extern const EcmlStateType test_state_type;

/* An error unless the state is of the right test. */
extern void test_check_kind(const Test *test, bool right);

#endif							/* ECML_TESTS_SQL_H */
