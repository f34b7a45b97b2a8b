/*
 * bandit_sql.h - bandits in tables of the extension
 */
#ifndef ECML_PRICING_BANDIT_SQL_H
#define ECML_PRICING_BANDIT_SQL_H

#include "core/compat.h"
#include "storage/itemptr.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "core/options.h"
#include "pricing/bandit.h"

typedef struct BanditOptions
{
	BanditParams params;
	int			policy;			/* as BanditPolicy */
	double		decay;			/* factor for each reward */
	double		half_life;		/* seconds */
	int			unrewarded;		/* 1: zero */
	Jsonb	   *features;
	int			dimension;
	bool		record_choices;
	int64		seed;			/* -1: none */
} BanditOptions;

typedef struct Bandit
{
	int64		bandit_id;
	char	   *name;
	Oid			owner;
	ItemPointerData tid;
	int			narms;
	char	  **names;			/* [narms] */
	BanditOptions options;
	int			nfeatures;
	char	  **features;		/* NULL: contexts are arrays */
	int			d;				/* features and the constant; 0: not known yet */

	/* as a snapshot has it, events that wait included */
	BanditArm  *arms;			/* [narms] */
	bool	   *stored;			/* [narms] there is a row of state, at */
	ItemPointerData *places;	/* [narms] */
	bool	   *touched;		/* [narms] events that wait change it */
	int			events;			/* that wait */
	ItemPointerData *event_places;	/* [events] */
	double		clock;			/* now */
} Bandit;

/* Options as they are given, checked. */
extern void bandit_options_parse(Jsonb *jsonb, BanditOptions *options);

/* The bandit of this name by the active snapshot; an error when there is none or the user may not use it (owner: own it). */
extern Bandit *bandit_find(const char *name, bool owner);

/* Create, drop; the name's rights are checked. */
extern void bandit_create(const char *name, Datum arms, Jsonb *options);
extern void bandit_drop(const char *name);
extern void bandit_add_arm(const char *name, const char *arm);
extern void bandit_grant(const char *name, const char *role, bool grant);

/* Events and state by the active snapshot, into the bandit's arms, aged to now. */
extern void bandit_load(Bandit *bandit);

/*
 * Fold the events that wait into the state, unless somebody else does, or the transaction cannot; then the bandit is loaded anew.
 * Never waits.
 */
extern bool bandit_fold(Bandit *bandit);

/* Append; reward NAN: a choice.  x [n] without the constant.  Gives the event's number. */
extern int64 bandit_append(const Bandit *bandit, int arm, double reward, const double *x, int n);

#endif							/* ECML_PRICING_BANDIT_SQL_H */
