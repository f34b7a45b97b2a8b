/*
 * fit.c - epochs: order of the rows, learning rate, validation, early stopping
 *
 * Schedules: half a cosine (Loshchilov and Hutter, 2017), one cycle (Smith, 2018), steps.  Mixup: Zhang et al. (2018); the other
 * picture of each is one at a drawn distance in the same batch.
 */
#include "fit_internal.h"

#include <math.h>
#include <string.h>

#define PI 3.14159265358979323846
#define CYCLE_UP 0.3
#define CYCLE_FROM 25.0
#define CYCLE_TO 1e4

enum							/* streams of the seed */
{
	STREAM_SPLIT = 1, STREAM_ORDER, STREAM_CHANGES, STREAM_DROPS, STREAM_MIX
};

const char *
cnn_params_check(const CnnParams *p)
{
	if (p->validation > 0 && p->validation > 0.9)
		return "\"validation\" may be 0.9 at most: something must be left to train on.";
	if (p->mixup > 0 && p->mixup < 0.01)
		return "\"mixup\" is the alpha of a beta distribution: 0.1 to 0.4 are usual.";
	return pixels_augment_check(&p->augment);
}

const char *
cnn_head_problem(const Network *net, int nclasses)
{
	const NetNode *last = &net->nodes[net->n - 1];

	if (nclasses == 0)
		return last->values == 1 && last->activation != NET_SOFTMAX ? NULL : "it must give one number, such as dense of 1 unit";
	if (nclasses == 2 && last->values == 1 && last->activation == NET_SIGMOID)
		return NULL;
	if (last->values != (size_t) nclasses)
		return "it must give as many numbers as there are classes";
	if (last->activation != NET_SOFTMAX || last->channels != nclasses)
		return "its activation must be softmax";
	return NULL;
}

static double
default_rate(const CnnParams *p)
{
	return p->learning_rate > 0 ? p->learning_rate : p->optimizer == CNN_SGD ? 0.01 : 0.001;
}

/* The rate of step t of total, in steps of per_epoch. */
static double
rate_at(const CnnParams *p, int64_t t, int64_t total, int64_t per_epoch)
{
	double		rate = default_rate(p);
	double		warm = p->warmup * per_epoch;
	double		done = (double) t / (total > 1 ? total : 1);

	if (t + 1 < warm)
		return rate * (t + 1) / warm;
	switch (p->schedule)
	{
		case CNN_CONSTANT:
			break;
		case CNN_COSINE:
			done = total > warm ? (t - warm) / (total - warm) : 1;
			rate *= 0.5 * (1 + cos(PI * (done < 0 ? 0 : done)));
			break;
		case CNN_STEP:
			rate *= pow(p->step_factor, (double) (t / per_epoch / p->step_epochs));
			break;
		case CNN_ONE_CYCLE:
			if (done < CYCLE_UP)
				rate *= 1 / CYCLE_FROM + (1 - 1 / CYCLE_FROM) * 0.5 * (1 - cos(PI * done / CYCLE_UP));
			else
				rate *= 1 / CYCLE_TO + (1 - 1 / CYCLE_TO) * 0.5 * (1 + cos(PI * (done - CYCLE_UP) / (1 - CYCLE_UP)));
			break;
	}
	return rate;
}

static void
shuffle(uint32_t *v, size_t n, EcmlRng *rng)
{
	for (size_t i = n; i > 1; i--)
	{
		size_t		k = ecml_rng_below(rng, i);
		uint32_t	t = v[i - 1];

		v[i - 1] = v[k];
		v[k] = t;
	}
}

/* Beta(alpha, alpha) by Joehnk's method, which is quick for alpha below 1; above by rejection as well */
static double
beta(double alpha, EcmlRng *rng)
{
	for (int tries = 0; tries < 1000; tries++)
	{
		double		u = pow(ecml_rng_double(rng), 1 / alpha);
		double		v = pow(ecml_rng_double(rng), 1 / alpha);

		if (u + v <= 1 && u + v > 0)
			return u / (u + v);
	}
	return 0.5;
}

/* Prepare what is random in a step. */
static void
draw(Fit *fit, EcmlRng *seed, size_t images)
{
	EcmlRng		changes = ecml_rng_stream(seed, STREAM_CHANGES);
	EcmlRng		drops = ecml_rng_stream(seed, STREAM_DROPS);

	fit->changes = ecml_rng_stream(&changes, (uint64_t) fit->step);
	fit->drops = ecml_rng_stream(&drops, (uint64_t) fit->step);
	fit->lambda = 1;
	fit->partner = 0;
	if (fit->params->mixup > 0 && images > 1)
	{
		EcmlRng		mixes = ecml_rng_stream(seed, STREAM_MIX);
		EcmlRng		mix = ecml_rng_stream(&mixes, (uint64_t) fit->step);

		fit->lambda = beta(fit->params->mixup, &mix);
		fit->partner = 1 + ecml_rng_below(&mix, images - 1);
		if (fit->lambda < 0.5)
			fit->lambda = 1 - fit->lambda;
	}
}

/* Loss and accuracy of rows as in prediction. */
static void
validate(Fit *fit, const uint32_t *rows, size_t n, double *loss, double *accuracy)
{
	double		sum = 0;
	double		right = 0;

	for (size_t at = 0; at < n; at += fit->batch)
	{
		size_t		images = n - at < fit->batch ? n - at : fit->batch;

		memcpy(fit->order, rows + at, images * sizeof(uint32_t));
		fit_run(fit, images, false);
		for (size_t i = 0; i < images; i++)
		{
			sum += fit->loss[i];
			right += fit->right[i];
		}
	}
	*loss = sum / n;
	*accuracy = fit->rows->nclasses > 0 ? right / n : NAN;
}

CnnResult *
cnn_fit(EcmlCtx *ctx, Network *net, const PixelsInput *input, const CnnRows *rows, const CnnParams *params, CnnReport report,
		void *arg)
{
	CnnResult  *result = ECML_NEW0(ctx, CnnResult, 1);
	EcmlRng		seed = ctx->rng;
	EcmlRng		split = ecml_rng_stream(&seed, STREAM_SPLIT);
	uint32_t   *all = ECML_NEW(ctx, uint32_t, rows->n);
	size_t		valid = (size_t) floor(rows->n * params->validation + 0.5);
	size_t		train = rows->n - valid;
	int64_t		per_epoch;
	Fit		   *fit;
	float	   *best = NULL;
	double		best_loss = INFINITY;
	int			since = 0;

	for (size_t i = 0; i < rows->n; i++)
		all[i] = (uint32_t) i;
	if (valid > 0)
		shuffle(all, rows->n, &split);
	if (train < 1 || (params->validation > 0 && valid < 1))
	{
		ecml_detail(ctx, "There are %zu rows.", rows->n);
		ecml_hint(ctx, "Give more pictures, or another part for \"validation\".");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "there are too few pictures");
	}
	fit = fit_create(ctx, net, input, rows, params);
	if (params->patience > 0)
		best = ECML_NEW(ctx, float, net->nweights + 1);
	per_epoch = (int64_t) ((train + fit->batch - 1) / fit->batch);
	result->train = train;
	result->valid = valid;
	result->history = ECML_NEW0(ctx, double, (size_t) 4 * params->epochs);
	for (int epoch = 0; epoch < params->epochs; epoch++)
	{
		EcmlRng		orders = ecml_rng_stream(&seed, STREAM_ORDER);
		EcmlRng		order = ecml_rng_stream(&orders, (uint64_t) epoch);
		CnnEpoch	told = {.epoch = epoch + 1,.epochs = params->epochs,.rows = train,.val_loss = NAN,.val_accuracy = NAN};
		double		loss = 0;
		double		right = 0;
		bool		done = false;

		shuffle(all, train, &order);
		for (size_t at = 0; at < train; at += fit->batch)
		{
			size_t		images = train - at < fit->batch ? train - at : fit->batch;

			fit->rate = rate_at(params, fit->step, per_epoch * params->epochs, per_epoch);
			draw(fit, &seed, images);
			memcpy(fit->order, all + at, images * sizeof(uint32_t));
			fit_run(fit, images, true);
			for (size_t i = 0; i < images; i++)
			{
				loss += fit->loss[i];
				right += fit->right[i];
			}
			fit_update(fit);
			fit->step++;
			ecml_poll(ctx, (double) fit->step, (double) per_epoch * params->epochs);
		}
		told.loss = loss / train;
		told.accuracy = rows->nclasses > 0 ? right / train : NAN;
		told.rate = fit->rate;
		if (!isfinite(told.loss))
		{
			ecml_detail(ctx, "It is in epoch %d, at a learning rate of %g.", epoch + 1, fit->rate);
			ecml_hint(ctx, "Use a smaller \"learning_rate\", or \"clip_norm\": 1.");
			ecml_fail(ctx, ECML_DATA_EXCEPTION, "the loss is not finite any more");
		}
		if (valid > 0)
			validate(fit, all + train, valid, &told.val_loss, &told.val_accuracy);
		result->history[4 * epoch] = told.loss;
		result->history[4 * epoch + 1] = told.accuracy;
		result->history[4 * epoch + 2] = told.val_loss;
		result->history[4 * epoch + 3] = told.val_accuracy;
		result->epochs = epoch + 1;
		if (params->patience > 0)
		{
			double		measure = valid > 0 ? told.val_loss : told.loss;

			if (measure < best_loss - params->min_delta)
			{
				best_loss = measure;
				since = 0;
				told.best = true;
				memcpy(best, fit->net->weights, net->nweights * sizeof(float));
				result->last = told;
			}
			else
				done = ++since >= params->patience;
		}
		else
			result->last = told;
		if (report)
			report(arg, &told);
		if (done)
			break;
	}
	memcpy(net->weights, best && best_loss < INFINITY ? best : fit->net->weights, net->nweights * sizeof(float));
	for (size_t i = 0; i < net->nweights; i++)
		if (!isfinite(net->weights[i]))
		{
			ecml_hint(ctx, "Use a smaller \"learning_rate\", or \"clip_norm\": 1.");
			ecml_fail(ctx, ECML_DATA_EXCEPTION, "a weight is not finite any more");
		}
	return result;
}

double
cnn_gradient(EcmlCtx *ctx, Network *net, const PixelsInput *input, const CnnRows *rows, const CnnParams *params, float *gradient)
{
	EcmlRng		seed = ctx->rng;
	Fit		   *fit = fit_create(ctx, net, input, rows, params);
	double		loss = 0;

	fit->gradient_only = true;
	for (size_t i = 0; i < fit->batch; i++)
		fit->order[i] = (uint32_t) i;
	draw(fit, &seed, fit->batch);
	fit_run(fit, fit->batch, true);
	for (size_t i = 0; i < fit->batch; i++)
		loss += fit->loss[i];
	memset(gradient, 0, net->nweights * sizeof(float));
	fit_sum_gradients(fit, gradient);
	return loss / fit->batch;
}
