/*
 * vrp_read_sql.h - what the readers of a routing problem share: columns by the part they play, the deliveries
 */
#ifndef ECML_ROUTE_VRP_READ_SQL_H
#define ECML_ROUTE_VRP_READ_SQL_H

#include "route/vrp_sql.h"

#include "executor/tuptable.h"

#include "core/bind.h"
#include "core/dict.h"
#include "core/roles.h"
#include "core/source.h"

/* A column that is read: of numbers, times, or text. */
typedef struct VrpField
{
	int			number;			/* of the column; -1: there is none */
	const char *what;
	EcmlInput	input;			/* scalars */
	bool		array;
} VrpField;

typedef enum VrpWanted
{
	VRP_WANT_NUMBER,			/* also an array of them, where allowed */
	VRP_WANT_NUMBERS,
	VRP_WANT_TIME,
	VRP_WANT_FLAG,
	VRP_WANT_TEXT,
	VRP_WANT_TEXTS				/* also an array of them */
} VrpWanted;

typedef struct VrpSkills
{
	EcmlDict   *dict;
} VrpSkills;

typedef struct VrpDeliveries
{
	VrpInput   *input;
	MemoryContext context;
	VrpSite    *sites;
	int			room;
	EcmlDict   *ids;			/* code: number of the site */
	EcmlDict   *groups;
	VrpSkills	skills;
	char	  **pickup_from;	/* [n] ids, or NULL */
	char	  **only_vehicle;
	bool		any_depot;
	VrpField	id;
	VrpField	x;
	VrpField	y;
	VrpField	demand;
	VrpField	ready;
	VrpField	due;
	VrpField	service;
	VrpField	release;
	VrpField	prize;
	VrpField	pickup;
	VrpField	group;
	VrpField	from;
	VrpField	depot;
	VrpField	skill;
	VrpField	only;
	VrpField	backhaul;
} VrpDeliveries;

#define VRP_NAMES(...) ((const char *const[]) {__VA_ARGS__, NULL})

/* vrp_fields_sql.c.  which and id: whose value it is, for messages (delivery "7") */
extern VrpField vrp_field(const EcmlSource *source, const char *given, const char *what, const char *const *usual, VrpWanted wanted);
extern double vrp_number_of(const VrpField *f, const TupleTableSlot *slot);
extern char *vrp_text_of(const VrpField *f, const TupleTableSlot *slot);
extern char *vrp_in_words(double value);
extern void vrp_bad_value(const char *which, const char *id, const char *what, const char *value, const char *hint) ECML_NORETURN;
extern int	vrp_loads_of(const VrpField *f, const TupleTableSlot *slot, const char *which, const char *id, double *load, bool unbounded);
extern double vrp_bounded(const VrpField *f, const TupleTableSlot *slot, const char *which, const char *id, double otherwise, double low,
						  bool unbounded);
extern uint64 vrp_skills_of(const VrpField *f, const TupleTableSlot *slot, VrpSkills *skills);

static inline bool
vrp_is_null(const VrpField *f, const TupleTableSlot *slot)
{
	return f->number < 0 || slot->tts_isnull[f->number];
}

/* vrp_deliveries_sql.c */
extern void vrp_read_deliveries(VrpDeliveries *d, const char *text);
extern int	vrp_find_site(const VrpDeliveries *d, const char *id);	/* -1: there is none */
extern void vrp_unknown_site(const char *where, const char *id);

/* vrp_vehicles_sql.c */
extern void vrp_read_vehicles(VrpDeliveries *d);
extern int	vrp_need_vehicle(const VrpInput *input, const char *name, const char *where);

/* vrp_ways_sql.c */
extern void vrp_read_matrix(VrpDeliveries *d, const char *text);
extern void vrp_read_initial(VrpDeliveries *d, const char *text);

#endif							/* ECML_ROUTE_VRP_READ_SQL_H */
