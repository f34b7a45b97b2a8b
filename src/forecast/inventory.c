/*
 * inventory.c - stock levels from forecasts and their own errors
 *
 * Demand over the protection time (lead time and review) has the forecast as its mean; its standard deviation is that of the errors that
 * the same forecast made over windows of that length in the past.  Order quantity: Harris' EOQ (1913), with all-units price
 * breaks, rounded to packs, not below the least order, not more than sells within the shelf life.  Safety stock: the
 * textbook's for normal errors gives a start (Silver, Pyke and Thomas 2017, chapter 6); for a fill rate it is then moved until the
 * policy, run over the item's own past with the forecasts of that time, serves just the share asked for: what lumps, trends
 * and lead times do to a formula is then in the number.  Such a safety stock may be negative where large orders serve more than is
 * asked.
 *
 * Cost: 40 runs over n periods.
 */
#include "inventory.h"

#include <math.h>
#include <string.h>

#include "num/dist.h"

#define HALVINGS 40

double
inventory_loss(double level, double mean, double sd)
{
	double		z;

	if (!(sd > 0))
		return fmax(0, mean - level);
	z = (level - mean) / sd;
	return sd * (ecml_normal_pdf(z) - z * ecml_normal_sf(z));
}

double
inventory_round(const InventoryItem *item, double quantity)
{
	if (!(quantity > 0))
		return 0;
	quantity = fmax(quantity, item->least);
	/* a hair above a whole number of packs is that number */
	return item->pack > 0 ? ceil(quantity / item->pack - 1e-9) * item->pack : quantity;
}

static double
holding(const InventoryItem *item, double price)
{
	double		cost = isnan(item->holding_cost) ? item->holding_rate * price : item->holding_cost;

	return cost > 0 ? cost : 0;
}

double
inventory_eoq(const InventoryItem *item, double rate, double *cost, double *price)
{
	double		best = NAN;
	double		best_cost = INFINITY;
	double		best_price = item->price;

	for (int i = -1; i < item->nbreaks; i++)
	{
		double		p = i < 0 ? item->price : item->breaks[i].price;
		double		from = i < 0 ? 0 : item->breaks[i].quantity;
		double		h = holding(item, isnan(p) ? 0 : p);
		double		q = item->order_cost > 0 && h > 0 ? sqrt(2 * item->order_cost * rate / h) : rate * item->review;
		double		total;

		q = inventory_round(item, fmax(q, from));
		/* a pack less may cost less: the cost is flat above the root and steep below */
		if (item->pack > 0 && item->order_cost > 0 && h > 0 && q - item->pack >= fmax(fmax(from, item->least), item->pack) &&
			item->order_cost * rate / (q - item->pack) + h * (q - item->pack) / 2 < item->order_cost * rate / q + h * q / 2)
			q -= item->pack;
		if (item->shelf_life > 0 && q > rate * item->shelf_life && rate * item->shelf_life > 0)
			q = fmax(fmax(item->pack > 0 ? floor(rate * item->shelf_life / item->pack) * item->pack : rate * item->shelf_life,
						  item->pack), item->least);
		/* too short a life for this price */
		if (q < from || !(q > 0))
			continue;
		total = rate * (isnan(p) ? 0 : p) + item->order_cost * rate / q + h * q / 2;
		if (total < best_cost)
		{
			best = q;
			best_cost = total;
			best_price = p;
		}
	}
	if (cost)
		*cost = best_cost;
	if (price)
		*price = best_price;
	return best;
}

void
inventory_simulate(const InventoryPolicy *policy, const double *demand, int n, InventoryDay *days, double *batches)
{
	double		stock = policy->initial;
	double		on_order = 0;
	double		waiting = 0;
	int			oldest = 0;

	/* batches[0] is what was there, batches[t + 1] what arrived in period t; of a keeping good only the sum counts */
	memset(batches, 0, (n + 1) * sizeof(double));
	batches[0] = stock;
	for (int t = 0; t < n; t++)
	{
		InventoryDay *day = &days[t];
		double		arrived = t >= policy->lead_time && policy->lead_time > 0 ? days[t - policy->lead_time].ordered : 0;
		double		wanted = demand[t] > 0 ? demand[t] : 0;
		double		position;

		memset(day, 0, sizeof(*day));
		for (; policy->shelf_life > 0 && oldest <= t && t - oldest + 1 > policy->shelf_life; oldest++)
		{
			day->expired += batches[oldest];
			stock -= batches[oldest];
			batches[oldest] = 0;
		}
		for (int again = 0; again < 2; again++)
		{
			double		served = fmin(waiting, arrived);

			/* with no lead time what is ordered comes before the period's demand */
			if (again == 1)
			{
				if (policy->lead_time > 0)
					break;
				arrived = day->ordered;
				served = fmin(waiting, arrived);
			}
			day->arrived += arrived;
			on_order -= arrived;
			waiting -= served;
			batches[t + 1] += arrived - served;
			stock += arrived - served;
			if (again == 1)
				break;
			position = stock - waiting + on_order;
			if (t % policy->review == 0 && (policy->order_quantity > 0 ? position <= policy->reorder_point :
											position < policy->order_up_to && position <= policy->reorder_point))
			{
				double		q = policy->order_quantity > 0 ?
					policy->order_quantity * fmax(1, floor((policy->reorder_point - position) / policy->order_quantity) + 1) :
					policy->order_up_to - position;

				q = fmax(q, policy->least);
				day->ordered = policy->pack > 0 ? ceil(q / policy->pack - 1e-9) * policy->pack : q;
				on_order += day->ordered;
			}
		}
		day->sold = fmin(wanted, stock);
		day->missed = wanted - day->sold;
		stock -= day->sold;
		if (!policy->lost)
			waiting += day->missed;
		for (double left = day->sold; left > 0 && oldest <= t + 1;)
		{
			double		taken = fmin(left, batches[oldest]);

			batches[oldest] -= taken;
			left -= taken;
			if (left > 0)
				oldest++;
		}
		day->on_hand = stock - waiting;
		day->on_order = on_order;
	}
}

/*
 * Share of past demand that a safety stock would have served: at each review up to the forecast of that time for the
 * protection time and the safety stock, in orders of quantity.  arrivals [n] of scratch.
 */
static double
past_fill_rate(const InventoryItem *item, const double *demand, const double *fitted, int n, double safety, double quantity,
			   double *arrivals)
{
	int			lead = (int) ceil(item->lead_time);
	int			review = (int) ceil(item->review);
	double		stock = 0;
	double		coming = 0;
	double		total = 0;
	double		missed = 0;
	double		forecast = NAN;
	bool		begun = false;

	memset(arrivals, 0, n * sizeof(double));
	for (int t = 0; t < n; t++)
	{
		double		wanted = demand[t] > 0 ? demand[t] : 0;

		if (!isnan(fitted[t]))
			forecast = fmax(fitted[t], 0);
		if (isnan(forecast))
			continue;
		coming -= arrivals[t];
		stock += arrivals[t];
		{
			double		level = forecast * (item->lead_time + item->review) + safety;

			if (!begun)
			{
				/* somewhere in the middle of a cycle */
				begun = true;
				stock = fmax(level, 0) + quantity / 2;
			}
			else if (t % review == 0 && stock + coming <= level)
			{
				double		q = quantity > 0 ? quantity * (floor((level - stock - coming) / quantity) + 1) : level - stock - coming;

				if (lead == 0)
					stock += q;
				else
				{
					coming += q;
					if (t + lead < n)
						arrivals[t + lead] += q;
				}
			}
		}
		total += wanted;
		missed += fmin(wanted, fmax(0, wanted - fmax(stock, 0)));
		stock -= wanted;
	}
	return total > 0 ? 1 - missed / total : 1;
}

void
inventory_plan(const InventoryItem *item, const double *demand, const double *fitted, int n, const double *ahead, int horizon,
			   double *scratch, InventoryPlan *plan)
{
	double		protect = item->lead_time + item->review;
	int			window = (int) ceil(protect);
	double		part = window > 0 ? protect / window : 1;
	double		square = 0;
	double		rate = 0;
	double		service = item->service;
	double		safety;
	int			windows = 0;

	memset(plan, 0, sizeof(*plan));
	for (int h = 0; h < window && h < horizon; h++)
		plan->demand += fmax(ahead[h], 0) * (h + 1 == window ? protect - (window - 1) : 1);
	for (int h = 0; h < horizon; h++)
		rate += fmax(ahead[h], 0) / horizon;
	/* errors over windows of the protection time */
	for (int t = 0; t + window <= n; t++)
	{
		double		sum = 0;

		if (isnan(fitted[t]))
			continue;
		for (int i = 0; i < window; i++)
			sum += isnan(demand[t + i]) ? fitted[t] : demand[t + i];
		sum = part * sum - protect * fmax(fitted[t], 0);
		square += sum * sum;
		windows++;
	}
	plan->sd = windows > 0 ? sqrt(square / windows) : NAN;
	if (windows < 2)
	{
		/* too short for windows: single errors, as if independent */
		double		one = 0;
		int			count = 0;

		for (int t = 0; t < n; t++)
			if (!isnan(fitted[t]) && !isnan(demand[t]))
			{
				one += (demand[t] - fitted[t]) * (demand[t] - fitted[t]);
				count++;
			}
		plan->sd = count > 0 ? sqrt(one / count * protect) : sqrt(fmax(plan->demand, 0));
	}
	plan->order_quantity = inventory_eoq(item, rate, NULL, NULL);
	if (isnan(plan->order_quantity))
		plan->order_quantity = inventory_round(item, fmax(rate * item->review, 0));
	if (item->target == INVENTORY_COST)
		service = item->short_cost / (item->short_cost + item->over_cost);
	service = fmin(fmax(service, 0), 0.999999);
	if (item->target == INVENTORY_FILL_RATE)
	{
		double		low = -plan->demand;
		double		high = 8 * plan->sd + plan->demand + 1;
		bool		past = windows >= 2;

		/* served from stock over the past; without one, by the normal loss */
		for (int i = 0; i < HALVINGS; i++)
		{
			double		middle = 0.5 * (low + high);
			double		cycle = fmax(plan->order_quantity, 1e-9);
			double		rate_of = past ? past_fill_rate(item, demand, fitted, n, middle, plan->order_quantity, scratch) :
				1 - inventory_loss(plan->demand + middle, plan->demand, plan->sd) / cycle;

			if (rate_of < service)
				low = middle;
			else
				high = middle;
		}
		safety = high;
	}
	else
		safety = plan->sd * ecml_normal_quantile(fmax(service, 1e-9));
	plan->safety_stock = safety;
	plan->reorder_point = fmax(plan->demand + safety, 0);
	plan->order_up_to = plan->reorder_point + plan->order_quantity;
	plan->fill_rate = windows >= 2 ? past_fill_rate(item, demand, fitted, n, safety, plan->order_quantity, scratch) :
		fmin(fmax(1 - inventory_loss(plan->reorder_point, plan->demand, plan->sd) / fmax(plan->order_quantity, 1e-9), 0), 1);
	plan->stockout_risk = plan->sd > 0 ? ecml_normal_sf((plan->reorder_point - plan->demand) / plan->sd) : plan->demand > plan->reorder_point;
	if (isnan(item->on_hand))
	{
		plan->cover = plan->overstock_risk = plan->order_now = NAN;
		return;
	}
	{
		double		position = item->on_hand + item->on_order;
		double		left = fmax(item->on_hand, 0);
		double		life = item->shelf_life > 0 ? fmin(item->shelf_life, horizon) : horizon;
		double		sold = 0;
		int			h = 0;

		if (position <= plan->reorder_point)
		{
			double		q = plan->order_quantity > 0 ?
				plan->order_quantity * fmax(1, floor((plan->reorder_point - position) / plan->order_quantity) + 1) :
				plan->reorder_point - position;

			plan->order_now = inventory_round(item, q);
		}
		for (h = 0; h < horizon && left > fmax(ahead[h], 0); h++)
			left -= fmax(ahead[h], 0);
		plan->cover = h < horizon ? h + (ahead[h] > 0 ? left / ahead[h] : 0) : rate > 0 ? horizon + left / rate : INFINITY;
		/* what is there and ordered does not sell within the horizon (or its life) */
		for (h = 0; h < life && h < horizon; h++)
			sold += fmax(ahead[h], 0);
		plan->overstock_risk = plan->sd > 0 && protect > 0 ?
			ecml_normal_cdf((position + plan->order_now - sold) / (plan->sd * sqrt(fmax(life, 1) / protect))) :
			position + plan->order_now > sold;
	}
}
