/*
 * optimal_sql.h - what the two ways to the best price share: by demand curves, and by a trained model
 */
#ifndef ECML_PRICING_OPTIMAL_SQL_H
#define ECML_PRICING_OPTIMAL_SQL_H

#include "core/compat.h"
#include "core/options.h"
#include "core/result.h"
#include "pricing/demand_sql.h"
#include "pricing/price.h"

typedef enum TargetScale
{
	TARGET_AUTO,				/* log when the target's name begins with ln_ or log_ */
	TARGET_LEVEL,
	TARGET_LOG
} TargetScale;

typedef struct OptimalOptions
{
	DemandOptions demand;
	char	   *model;
	char	   *price_feature;
	int			target_scale;
	int			goal;
	EcmlColumnOrNumber cost;
	EcmlColumnOrNumber stock;
	EcmlColumnOrNumber min_price;
	EcmlColumnOrNumber max_price;
	double		min_margin;		/* share of the price */
	double		max_change;		/* share of the present price */
	double		competitor_ratio;
	double		periods;
	EcmlNumberList ends_with;
	Jsonb	   *prices;
	Jsonb	   *at;
	int			draws;
} OptimalOptions;

/* Its allowed prices, listed once. */
typedef struct OptimalLadder
{
	double	   *prices;			/* ascending; NULL: none are listed */
	int			n;
} OptimalLadder;

/* What is known of a product beside its demand; NaN: nothing. */
typedef struct OptimalFacts
{
	double		current;
	double		low;			/* prices seen */
	double		high;
	double		cost;
	double		competitor;
	double		min_price;
	double		max_price;
} OptimalFacts;

/* The range, and which limits its ends are. */
typedef struct OptimalLimits
{
	PriceRange	range;
	const char *low;
	const char *high;
	const char *problem;		/* no price is allowed; NULL: some are */
} OptimalLimits;

typedef struct OptimalResult
{
	const char *product;		/* NULL: none */
	double		current;
	double		price;			/* NaN: none */
	double		low;
	double		high;
	double		current_units;
	double		units;
	double		cost;
	double		elasticity;
	const char *binding;
	const char *note;
} OptimalResult;

extern OptimalLadder optimal_ladder(const OptimalOptions *options);
extern OptimalLimits optimal_limits(const OptimalOptions *options, const OptimalLadder *ladder, const OptimalFacts *facts);

/* Which limit the price lies at; NULL: none. */
extern const char *optimal_binding(const OptimalLimits *limits, double price, bool stock);
extern void optimal_emit(EcmlRows *rows, const OptimalResult *result);

/* The error for a profit without costs. */
extern void optimal_need_cost(void);

/* By a model: rows as they stand in the source. */
extern void optimal_by_model(EcmlRows *rows, const char *source, const OptimalOptions *options);

#endif							/* ECML_PRICING_OPTIMAL_SQL_H */
