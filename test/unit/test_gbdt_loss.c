/*
 * test_gbdt_loss.c - the objectives of boosting: against derivatives, against sorted numbers; what they are minimal for; ranking
 */
#include "gbdt_cases.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- objectives */

static void
test_derivatives(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);

	for (int objective = GBDT_SQUARED_ERROR; objective <= GBDT_SOFTMAX; objective++)
	{
		GbdtParams	params = defaults;
		double		score[6];
		double		y[2] = {objective == GBDT_SOFTMAX ? 2 : 1, 0};
		double		norm[2];
		GbdtLoss	loss = {.params = &params,.objective = objective,.rows = 2,.y = y,.score = score,.norm = norm,.max_w = 1,.delta = 0.7};
		double		worst = 0;
		double		worst_h = 0;

		loss.outputs = loss.classes = objective == GBDT_SOFTMAX ? 3 : 1;
		if (objective == GBDT_GAMMA)
			y[1] = 0.2;
		if (objective != GBDT_SOFTMAX)
			loss.norm = NULL;
		for (int trial = 0; trial < 40; trial++)
			for (int row = 0; row < 2; row++)
				for (int k = 0; k < loss.outputs; k++)
				{
					double		step = 1e-5;
					double		g[2];
					double		h[2];
					double		values[2];
					double		up;
					double		middle;
					double		down;
					/* deviances are twice, squared error is not halved */
					double		half = objective == GBDT_SQUARED_ERROR || objective == GBDT_POISSON || objective == GBDT_GAMMA ||
						objective == GBDT_TWEEDIE ? 0.5 : 1;
					double		keep;

					for (int i = 0; i < 6; i++)
						score[i] = 0.13 + 0.21 * ((trial * 7 + i * 5) % 19 - 9);
					if (objective == GBDT_SOFTMAX)
						gbdt_loss_norms(&loss, 0, 2);
					gbdt_loss_gradients(&loss, k, 0, NULL, 2, g, h);
					keep = score[k * 2 + row];
					gbdt_loss_values(&loss, GBDT_METRIC_LOSS, 0, 2, values);
					middle = values[row];
					score[k * 2 + row] = keep + step;
					gbdt_loss_values(&loss, GBDT_METRIC_LOSS, 0, 2, values);
					up = values[row];
					score[k * 2 + row] = keep - step;
					gbdt_loss_values(&loss, GBDT_METRIC_LOSS, 0, 2, values);
					down = values[row];
					worst = fmax(worst, fabs(half * (up - down) / (2 * step) - g[row]));
					if (objective == GBDT_POISSON)
						worst_h = fmax(worst_h, fabs(h[row] / (g[row] + y[row]) - exp(0.7)));
					else if (objective == GBDT_SOFTMAX)
						worst_h = fmax(worst_h, fabs((up - 2 * middle + down) / (step * step) - h[row] * 2 / 3));
					else if (objective == GBDT_GAMMA || objective == GBDT_TWEEDIE || objective == GBDT_LOGISTIC)
						worst_h = fmax(worst_h, fabs(half * (up - 2 * middle + down) / (step * step) - h[row]));
				}
		ok(worst < 1e-6 && worst_h < 1e-3, "%s: gradients are the loss's derivatives (%.2g, %.2g)", gbdt_objective_name(objective), worst,
		   worst_h);
	}
	test_ctx_free(ctx);
}

static void
test_quantiles(void)
{
	EcmlRng		rng;
	double		worst = 0;
	double		worst_weighted = 0;

	ecml_rng_seed(&rng, 2);
	for (int trial = 0; trial < 2000; trial++)
	{
		size_t		n = 1 + ecml_rng_below(&rng, 40);
		double		v[80];
		double		sorted[40];
		double		level = trial % 7 == 0 ? 0.5 : ecml_rng_double(&rng);
		double		at = level * (n - 1);
		double		want;
		double		got;
		double		total = 0;
		double		sum = 0;
		int			k = 0;

		for (size_t i = 0; i < n; i++)
			v[i] = sorted[i] = trial % 3 ? (double) ecml_rng_below(&rng, 9) : ecml_rng_double(&rng);
		qsort(sorted, n, sizeof(double), compare_numbers);
		want = sorted[(int) at] + (at > floor(at) ? (at - floor(at)) * (sorted[(int) at + 1] - sorted[(int) at]) : 0);
		got = gbdt_quantile(v, n, false, level);
		worst = fmax(worst, fabs(got - want));
		/* weighted: the first value at which the weights before and of it exceed their share */
		for (size_t i = 0; i < n; i++)
		{
			v[2 * i] = sorted[n - 1 - i];
			v[2 * i + 1] = 1 + (n - 1 - i) % 4;
			total += v[2 * i + 1];
		}
		while (sum + 1 + k % 4 <= level * total && k < (int) n - 1)
			sum += 1 + k++ % 4;
		worst_weighted = fmax(worst_weighted, fabs(gbdt_quantile(v, n, true, level) - sorted[k]));
	}
	ok(worst < 1e-12 && worst_weighted == 0, "quantiles are those of sorted numbers (%.2g, weighted %.2g)", worst, worst_weighted);
}

/* Share of rows below the prediction, or the metric of a fit. */
static void
test_objectives(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	size_t		rows = 6000;
	double	   *y = ECML_NEW(ctx, double, rows);
	double	   *w = ECML_NEW(ctx, double, rows);
	double	   *x = make_rows(ctx, rows, y, 0, 5);
	EcmlData   *data = ecml_data_from_rows(ctx, ECML_F4, rows, WIDTH, x, y, NULL);
	GbdtParams	params = defaults;
	GbdtTask	task = task_of(&params, WIDTH, 0);
	GbdtModel  *model;
	double		below = 0;
	double		squared;

	task.categories = kinds;
	model = gbdt_fit(ctx, data, &task);
	squared = model->train_metric;
	ok(squared < 0.5 && model->objective == GBDT_SQUARED_ERROR, "squared error: RMSE %.3f", squared);
	params.objective = GBDT_QUANTILE;
	params.alpha = 0.8;
	model = gbdt_fit(ctx, data, &task);
	for (size_t i = 0; i < rows; i++)
		below += y[i] < gbdt_predict(model, x + i * WIDTH);
	ok(fabs(below / rows - 0.8) < 0.02, "quantile 0.8: %.3f of the rows are below", below / rows);
	params.objective = GBDT_ABSOLUTE_ERROR;
	model = gbdt_fit(ctx, data, &task);
	ok(model->train_metric < 0.42, "absolute error: MAE %.3f", model->train_metric);

	/* one target in a hundred is nonsense */
	for (size_t i = 0; i < rows; i++)
		w[i] = i % 100 == 0 ? y[i] + 1e4 : y[i];
	data = ecml_data_from_rows(ctx, ECML_F4, rows, WIDTH, x, w, NULL);
	for (int objective = GBDT_ABSOLUTE_ERROR; objective <= GBDT_HUBER; objective++)
	{
		double		sum = 0;

		params.objective = objective;
		params.alpha = 0.9;
		model = gbdt_fit(ctx, data, &task);
		for (size_t i = 0; i < rows; i++)
			sum += pow(gbdt_predict(model, x + i * WIDTH) - y[i], 2);
		ok(sqrt(sum / rows) < 0.9, "%s does not care for outliers: RMSE %.3f of the others", gbdt_objective_name(objective),
		   sqrt(sum / rows));
	}
	test_ctx_free(ctx);
}

static void
test_ranking(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	size_t		rows = 6000;
	double	   *x = ECML_NEW(ctx, double, rows * 4);
	double	   *y = ECML_NEW(ctx, double, rows);
	GbdtParams	params = defaults;
	GbdtTask	task = task_of(&params, 3, 0);
	GbdtModel  *model;
	EcmlData   *data;
	EcmlRng		rng;

	ecml_rng_seed(&rng, 5);
	for (size_t i = 0; i < rows; i++)
	{
		double		v;

		for (int j = 0; j < 3; j++)
			x[i * 4 + j] = ecml_rng_normal(&rng);
		x[i * 4 + 3] = (double) (i * 7919 % 300);	/* groups are scattered */
		/* the level of a group says nothing */
		v = x[i * 4] + 0.5 * fabs(x[i * 4 + 1]) + 0.5 * ecml_rng_normal(&rng);
		y[i] = v < 0.3 ? 0 : v < 1.2 ? 1 : v < 2 ? 2 : 3;
	}
	data = ecml_data_from_rows(ctx, ECML_F4, rows, 4, x, y, NULL);
	params.objective = GBDT_LAMBDARANK;
	params.n_trees = 60;
	params.validation_fraction = 0.25;
	task.group = 3;
	model = gbdt_fit(ctx, data, &task);
	ok(model->validation_rows == 1500, "whole groups validate (%g rows)", model->validation_rows);
	ok(model->curve_validation[0] > 0.6 && model->validation_metric > 0.85, "NDCG of other groups: %.3f after one tree, %.3f after %d",
	   model->curve_validation[0], model->validation_metric, model->rounds);
	test_ctx_free(ctx);
}

int
main(void)
{
	test_derivatives();
	test_quantiles();
	test_objectives();
	test_ranking();
	return done();
}
