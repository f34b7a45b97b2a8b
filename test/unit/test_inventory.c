/*
 * test_inventory.c - stock levels: policies against a simulation unit by unit, order quantities against all others, the loss of a
 * normal variable against its integral, plans that serve what was asked on their own past; odd items
 */
#include "host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/inventory.h"
#include "num/rng.h"

#define PERIODS 80
#define UNITS 20000

/* Every unit by itself: when it came, and whether it is still there. */
static void
naive_simulation(const InventoryPolicy *p, const double *demand, int n, InventoryDay *days)
{
	static int	came[UNITS];
	static bool there[UNITS];
	int			units = 0;
	int			waiting = 0;
	int			on_order = 0;
	int			orders[PERIODS] = {0};

	for (int i = 0; i < (int) p->initial; i++)
	{
		came[units] = -1;
		there[units++] = true;
	}
	for (int t = 0; t < n; t++)
	{
		InventoryDay *day = &days[t];
		int			wanted = demand[t] > 0 ? (int) demand[t] : 0;
		int			stock = 0;
		int			position;

		memset(day, 0, sizeof(*day));
		/* a unit that came in period c is good for shelf_life periods from then on; what was there at the start came before */
		for (int u = 0; u < units && p->shelf_life > 0; u++)
			if (there[u] && t - came[u] > p->shelf_life)
			{
				there[u] = false;
				day->expired++;
			}
		for (int pass = 0; pass < 2; pass++)
		{
			int			arriving = pass == 0 ? (p->lead_time > 0 && t >= p->lead_time ? orders[t - p->lead_time] : 0) :
				p->lead_time == 0 ? orders[t] : 0;

			day->arrived += arriving;
			on_order -= arriving;
			for (; arriving > 0 && waiting > 0; arriving--)
				waiting--;
			for (; arriving > 0; arriving--)
			{
				came[units] = t;
				there[units++] = true;
			}
			if (pass == 1)
				break;
			stock = 0;
			for (int u = 0; u < units; u++)
				stock += there[u];
			position = stock - waiting + on_order;
			if (t % p->review == 0 && position <= p->reorder_point && (p->order_quantity > 0 || position < p->order_up_to))
			{
				int			q = 0;

				if (p->order_quantity > 0)
					do
						q += (int) p->order_quantity;
					while (position + q <= p->reorder_point);
				else
					q = (int) p->order_up_to - position;
				if (q < p->least)
					q = (int) p->least;
				while (p->pack > 0 && q % (int) p->pack != 0)
					q++;
				orders[t] = q;
				on_order += q;
				day->ordered = q;
			}
		}
		for (int i = 0; i < wanted; i++)
		{
			int			oldest = -1;

			for (int u = 0; u < units; u++)
				if (there[u] && (oldest < 0 || came[u] < came[oldest]))
					oldest = u;
			if (oldest >= 0)
			{
				there[oldest] = false;
				day->sold++;
			}
			else
			{
				day->missed++;
				waiting += !p->lost;
			}
		}
		stock = 0;
		for (int u = 0; u < units; u++)
			stock += there[u];
		day->on_hand = stock - waiting;
		day->on_order = on_order;
	}
}

static void
test_simulation(void)
{
	EcmlRng		rng;
	int			wrong = 0;

	ecml_rng_seed(&rng, 4);
	for (int trial = 0; trial < 400; trial++)
	{
		InventoryPolicy p = {
			.reorder_point = (double) ecml_rng_below(&rng, 30),.order_quantity = ecml_rng_below(&rng, 2) ? (double) (1 + ecml_rng_below(&rng, 25)) : 0,
			.order_up_to = (double) ecml_rng_below(&rng, 50),.lead_time = (int) ecml_rng_below(&rng, 5),.review = 1 + (int) ecml_rng_below(&rng, 4),
			.initial = (double) ecml_rng_below(&rng, 40),.lost = ecml_rng_below(&rng, 2),.shelf_life = ecml_rng_below(&rng, 3) ? 0 : 1 + (int) ecml_rng_below(&rng, 6),
			.pack = ecml_rng_below(&rng, 3) ? 0 : (double) (1 + ecml_rng_below(&rng, 6)),.least = ecml_rng_below(&rng, 3) ? 0 : (double) ecml_rng_below(&rng, 15)
		};
		double		demand[PERIODS];
		double		batches[PERIODS + 1];
		InventoryDay days[PERIODS];
		InventoryDay expected[PERIODS];

		for (int t = 0; t < PERIODS; t++)
			demand[t] = ecml_rng_below(&rng, 3) ? (double) ecml_rng_below(&rng, 9) : 0;
		inventory_simulate(&p, demand, PERIODS, days, batches);
		naive_simulation(&p, demand, PERIODS, expected);
		for (int t = 0; t < PERIODS; t++)
			if (memcmp(&days[t], &expected[t], sizeof(InventoryDay)) != 0)
			{
				if (wrong++ == 0)
					ok(false, "trial %d, period %d: ordered %g (%g), arrived %g (%g), sold %g (%g), missed %g (%g), expired %g (%g), there %g (%g), coming %g (%g); lead %d, life %d",
					   trial, t, days[t].ordered, expected[t].ordered, days[t].arrived, expected[t].arrived, days[t].sold, expected[t].sold,
					   days[t].missed, expected[t].missed, days[t].expired, expected[t].expired, days[t].on_hand, expected[t].on_hand,
					   days[t].on_order, expected[t].on_order, p.lead_time, p.shelf_life);
				break;
			}
	}
	ok(wrong == 0, "400 policies as unit by unit (%d differ)", wrong);
}

static void
test_quantities(void)
{
	EcmlRng		rng;
	int			wrong = 0;

	ecml_rng_seed(&rng, 9);
	for (int trial = 0; trial < 200; trial++)
	{
		double		rate = 1 + 40 * ecml_rng_double(&rng);
		InventoryItem item = {
			.review = 1,.order_cost = 5 + 60 * ecml_rng_double(&rng),.holding_cost = NAN,.holding_rate = 0.02 + 0.2 * ecml_rng_double(&rng),
			.price = 5 + 5 * ecml_rng_double(&rng),.pack = ecml_rng_below(&rng, 2) ? 0 : (double) (1 + ecml_rng_below(&rng, 12)),
			.least = ecml_rng_below(&rng, 2) ? 0 : (double) ecml_rng_below(&rng, 50),.on_hand = NAN
		};
		double		best = INFINITY;
		double		cost;
		double		price;
		double		q;

		item.nbreaks = (int) ecml_rng_below(&rng, 4);
		for (int i = 0; i < item.nbreaks; i++)
			item.breaks[i] = (InventoryBreak) {30 * (i + 1), item.price * (1 - 0.04 * (i + 1))};
		q = inventory_eoq(&item, rate, &cost, &price);
		/* all quantities */
		for (double at = item.pack > 0 ? item.pack : 0.01; at < 2000; at += item.pack > 0 ? item.pack : 0.01)
		{
			double		p = item.price;

			if (at < item.least - 1e-9)
				continue;
			for (int i = 0; i < item.nbreaks; i++)
				if (at >= item.breaks[i].quantity - 1e-9)
					p = item.breaks[i].price;
			best = fmin(best, rate * p + item.order_cost * rate / at + item.holding_rate * p * at / 2);
		}
		wrong += !(cost <= best * (1 + 1e-6)) || q < item.least || (item.pack > 0 && fmod(q, item.pack) > 1e-9);
	}
	ok(wrong == 0, "order quantities against all others (%d differ)", wrong);
	{
		double		sum = 0;

		for (int i = 0; i < 400000; i++)
		{
			double		z = -10 + 20.0 * (i + 0.5) / 400000;

			sum += fmax(0, 50 + 8 * z - 55) * exp(-z * z / 2) / sqrt(2 * M_PI) * 20 / 400000;
		}
		close_to(inventory_loss(55, 50, 8), sum, 1e-6, "the loss of a normal variable");
		ok(inventory_loss(4, 9, 0) == 5 && inventory_loss(9, 4, 0) == 0, "without spread");
	}
}

static void
test_plans(void)
{
	static const double asked[] = {0.8, 0.9, 0.95, 0.99};
	double		demand[200];
	double		fitted[200];
	double		ahead[30];
	double		scratch[400];
	InventoryPlan plan;
	EcmlRng		rng;

	ecml_rng_seed(&rng, 12);
	for (int t = 0; t < 200; t++)
	{
		demand[t] = fmax(0, 40 + 12 * ecml_rng_normal(&rng));
		fitted[t] = t == 0 ? NAN : 40;
	}
	for (int h = 0; h < 30; h++)
		ahead[h] = 40;
	for (int target = INVENTORY_FILL_RATE; target <= INVENTORY_COST; target++)
		for (int i = 0; i < 4; i++)
		{
			InventoryItem item = {
				.lead_time = 2,.review = 1,.service = asked[i],.target = target,.short_cost = asked[i],.over_cost = 1 - asked[i],
				.holding_cost = NAN,.price = NAN,.on_hand = 30,.on_order = 10
			};

			inventory_plan(&item, demand, fitted, 200, ahead, 30, scratch, &plan);
			ok(fabs(plan.demand - 120) < 1e-9 && fabs(plan.sd / (12 * sqrt(3)) - 1) < 0.25, "demand %g, its spread %g", plan.demand, plan.sd);
			if (target == INVENTORY_FILL_RATE)
				ok(fabs(plan.fill_rate - asked[i]) < 0.005, "serves %.4f of its past, asked %.2f", plan.fill_rate, asked[i]);
			else
				close_to(1 - plan.stockout_risk, asked[i], 1e-6, "cycles without a stock-out");
			ok(plan.order_now > 0 && plan.order_now + 40 > plan.reorder_point, "an order lifts the position above the reorder point");
		}
	/* odd items: numbers, or NaN where there is nothing to say */
	for (int n = 0; n < 5; n++)
		for (int kind = 0; kind < 3; kind++)
		{
			InventoryItem item = {.lead_time = kind,.review = 1,.service = 0.95,.holding_cost = NAN,.price = NAN,.on_hand = 5};

			for (int t = 0; t < n; t++)
			{
				demand[t] = kind == 0 ? 0 : kind == 1 ? NAN : 3;
				fitted[t] = kind == 1 ? NAN : 2;
			}
			for (int h = 0; h < 30; h++)
				ahead[h] = kind == 0 ? 0 : 2;
			inventory_plan(&item, demand, fitted, n, ahead, 30, scratch, &plan);
			if (!(isfinite(plan.reorder_point) && isfinite(plan.safety_stock) && isfinite(plan.order_now) && plan.fill_rate >= 0 && plan.fill_rate <= 1))
				ok(false, "%d values of kind %d: reorder point %g, fill rate %g, order %g", n, kind, plan.reorder_point, plan.fill_rate, plan.order_now);
		}
	ok(true, "items of few values");
	{
		InventoryItem item = {.pack = 6,.least = 10};

		ok(inventory_round(&item, 1) == 12 && inventory_round(&item, 12) == 12 && inventory_round(&item, 12.1) == 18 && inventory_round(&item, 0) == 0,
		   "packs and the least order");
	}
}

int
main(void)
{
	test_simulation();
	test_quantities();
	test_plans();
	return done();
}
