/*
 * inventory.h - stock levels: from demand and a forecast of it to reorder points, quantities and what to order today
 */
#ifndef ECML_INVENTORY_H
#define ECML_INVENTORY_H

#include <stdbool.h>

#define INVENTORY_MAX_BREAKS 16

typedef enum InventoryTarget
{
	INVENTORY_FILL_RATE,		/* share of demand served from stock */
	INVENTORY_CYCLE_SERVICE,	/* share of order cycles without a stock-out */
	INVENTORY_COST				/* cycle service by the costs of a unit short and a unit left over */
} InventoryTarget;

typedef struct InventoryBreak
{
	double		quantity;		/* from this on */
	double		price;
} InventoryBreak;

/* What an item is like; times in periods of its demand. */
typedef struct InventoryItem
{
	double		lead_time;		/* >= 0 */
	double		review;			/* >= 1: orders are placed every so many periods */
	double		service;		/* the target: 0 .. 1 */
	InventoryTarget target;
	double		short_cost;		/* INVENTORY_COST: of a unit short, of one left over */
	double		over_cost;
	double		order_cost;		/* of an order; 0: as often as reviewed */
	double		holding_cost;	/* of a unit in a period; NaN: holding_rate of the price */
	double		holding_rate;	/* a period's share of the price */
	double		price;			/* of a unit, bought; NaN: not known */
	InventoryBreak breaks[INVENTORY_MAX_BREAKS];	/* ascending */
	int			nbreaks;
	double		pack;			/* orders are multiples of it; 0: none */
	double		least;			/* smallest order */
	double		shelf_life;		/* periods until a unit is worth nothing; 0: it keeps */
	double		on_hand;		/* NaN: not known */
	double		on_order;
} InventoryItem;

typedef struct InventoryPlan
{
	double		demand;			/* forecast over lead time and review */
	double		sd;				/* of its error */
	double		safety_stock;
	double		reorder_point;
	double		order_quantity;
	double		order_up_to;
	double		fill_rate;		/* expected: by the item's own past */
	double		stockout_risk;	/* of demand over lead time and review above the reorder point */
	double		overstock_risk; /* of stock after the next arrival beyond what a further cycle of demand takes */
	double		cover;			/* periods that stock on hand lasts */
	double		order_now;
} InventoryPlan;

/*
 * demand [n] and forecasts of each period made one before it, fitted [n] (NaN: none); ahead [horizon] the forecast from now on,
 * horizon >= lead time + review.  scratch [2 n].
 */
extern void inventory_plan(const InventoryItem *item, const double *demand, const double *fitted, int n, const double *ahead,
						   int horizon, double *scratch, InventoryPlan *plan);

/* Economic order quantity; gives the cost of a period, and the price that goes with it.  rate: demand a period. */
extern double inventory_eoq(const InventoryItem *item, double rate, double *cost, double *price);

/* Smallest allowed order of at least this. */
extern double inventory_round(const InventoryItem *item, double quantity);

/* ---- one policy on given demand */

typedef struct InventoryPolicy
{
	double		reorder_point;	/* order when what is there and what is coming is at most this */
	double		order_quantity; /* as many of it as lift the position above the reorder point; 0: up to order_up_to */
	double		order_up_to;
	int			lead_time;
	int			review;
	double		initial;
	bool		lost;			/* demand not met is lost; else it waits */
	int			shelf_life;		/* 0: units keep */
	double		pack;
	double		least;
} InventoryPolicy;

typedef struct InventoryDay
{
	double		arrived;
	double		sold;			/* from stock, in the period of the demand */
	double		missed;
	double		expired;
	double		on_hand;		/* at the end; negative: waiting */
	double		on_order;
	double		ordered;
} InventoryDay;

/* batches [n + 1] of scratch: units by age */
extern void inventory_simulate(const InventoryPolicy *policy, const double *demand, int n, InventoryDay *days, double *batches);

/* Expected shortfall of a normal variable below a level: E max(0, X - level). */
extern double inventory_loss(double level, double mean, double sd);

#endif							/* ECML_INVENTORY_H */
