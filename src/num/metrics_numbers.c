/*
 * metrics_numbers.c - how far predicted numbers are from the actual ones, in one pass
 *
 * All sums are double-double: about 25 ns a row, and a variance that survives a mean ten million times as large.  The median of
 * the errors is that of a sketch, some 15 ns more.
 */
#include "metrics.h"

static void
refuse(EcmlCtx *ctx, double actual, double predicted, double weight)
{
	double		wrong = isfinite(actual) ? predicted : actual;

	if (!isfinite(wrong))
	{
		ecml_detail(ctx, "A row has %s.", isnan(wrong) ? "NaN" : wrong > 0 ? "Infinity" : "-Infinity");
		ecml_hint(ctx, "Filter such rows out, or turn the values into NULL.");
		ecml_fail(ctx, ECML_DATA_EXCEPTION, "%s value is not finite", isfinite(actual) ? "a predicted" : "an actual");
	}
	ecml_detail(ctx, "A row has %g.", weight);
	ecml_hint(ctx, "Give weights of 0 or more.");
	ecml_fail(ctx, ECML_DATA_EXCEPTION, "a weight is negative or not finite");
}

static inline void
add(EcmlDd *sum, EcmlDd term)
{
	*sum = dd_add(*sum, term);
}

ECML_CLONES void
ecml_numbers_add(EcmlCtx *ctx, EcmlNumbers *s, double actual, double predicted, double weight)
{
	EcmlDd		error = dd_two_sum(predicted, -actual);
	double		absolute = fabs(error.hi);
	double		size = fabs(actual) + fabs(predicted);

	if (!isfinite(actual) || !isfinite(predicted) || !(weight >= 0 && weight <= 1.7e308))
		refuse(ctx, actual, predicted, weight);
	if (weight == 0)
		return;
	s->rows++;
	add(&s->weight, dd_from(weight));
	add(&s->error, dd_mul_d(error, weight));
	add(&s->absolute, dd_two_prod(absolute, weight));
	add(&s->squared, dd_mul_d(dd_mul(error, error), weight));
	if (actual != 0)
	{
		add(&s->percentage, dd_two_prod(fabs(error.hi / actual), weight));
		add(&s->percentage_weight, dd_from(weight));
	}
	if (size > 0)
		add(&s->symmetric, dd_two_prod(2 * (absolute / size), weight));
	add(&s->actual, dd_two_prod(actual, weight));
	add(&s->actual_squared, dd_mul_d(dd_two_prod(actual, actual), weight));
	s->max_error = fmax(s->max_error, absolute);
	s->weighted |= weight != 1;
	if (!s->weighted)
		ecml_quantiles_add(ctx, &s->sizes, &absolute, 1);
}

void
ecml_numbers_merge(EcmlCtx *ctx, EcmlNumbers *s, const EcmlNumbers *other)
{
	s->rows += other->rows;
	add(&s->weight, other->weight);
	add(&s->error, other->error);
	add(&s->absolute, other->absolute);
	add(&s->squared, other->squared);
	add(&s->percentage, other->percentage);
	add(&s->percentage_weight, other->percentage_weight);
	add(&s->symmetric, other->symmetric);
	add(&s->actual, other->actual);
	add(&s->actual_squared, other->actual_squared);
	s->max_error = fmax(s->max_error, other->max_error);
	s->weighted |= other->weighted;
	if (!s->weighted)
		ecml_quantiles_merge(ctx, &s->sizes, &other->sizes);
}

/* squares - sum^2 / weight; what rounding leaves of nothing is nothing */
static double
deviations(EcmlDd squares, EcmlDd sum, EcmlDd weight)
{
	double		rest = dd_sub(squares, dd_div(dd_mul(sum, sum), weight)).hi;

	return rest <= squares.hi * 0x1p-95 ? 0 : rest;
}

EcmlNumberMetrics
ecml_numbers_metrics(EcmlCtx *ctx, const EcmlNumbers *s)
{
	double		half = 0.5;
	double		median = NAN;
	double		weight = s->weight.hi;
	double		total = deviations(s->actual_squared, s->actual, s->weight);

	if (!s->weighted)
		ecml_quantiles_get(ctx, &s->sizes, &half, &median, 1);
	return (EcmlNumberMetrics) {
		.rmse = sqrt(s->squared.hi / weight),
		.mae = s->absolute.hi / weight,
		.median_absolute_error = median,
		.bias = s->error.hi / weight,
		.mape = s->percentage_weight.hi > 0 ? s->percentage.hi / s->percentage_weight.hi : NAN,
		.smape = s->symmetric.hi / weight,
		.r2 = total > 0 ? 1 - s->squared.hi / total : NAN,
		.explained_variance = total > 0 ? 1 - deviations(s->squared, s->error, s->weight) / total : NAN,
		.max_error = s->rows > 0 ? s->max_error : NAN
	};
}

static void
write_dd(EcmlWriter *w, EcmlDd v)
{
	ecml_write_f8(w, v.hi);
	ecml_write_f8(w, v.lo);
}

static EcmlDd
read_dd(EcmlReader *r)
{
	EcmlDd		v;

	v.hi = ecml_read_f8(r);
	v.lo = ecml_read_f8(r);
	return v;
}

void
ecml_numbers_write(EcmlWriter *w, const EcmlNumbers *s)
{
	ecml_write_u64(w, s->rows);
	write_dd(w, s->weight);
	write_dd(w, s->error);
	write_dd(w, s->absolute);
	write_dd(w, s->squared);
	write_dd(w, s->percentage);
	write_dd(w, s->percentage_weight);
	write_dd(w, s->symmetric);
	write_dd(w, s->actual);
	write_dd(w, s->actual_squared);
	ecml_write_f8(w, s->max_error);
	ecml_write_u8(w, s->weighted);
	ecml_quantiles_write(w, &s->sizes);
}

void
ecml_numbers_read(EcmlReader *r, EcmlNumbers *s)
{
	s->rows = ecml_read_u64(r);
	s->weight = read_dd(r);
	s->error = read_dd(r);
	s->absolute = read_dd(r);
	s->squared = read_dd(r);
	s->percentage = read_dd(r);
	s->percentage_weight = read_dd(r);
	s->symmetric = read_dd(r);
	s->actual = read_dd(r);
	s->actual_squared = read_dd(r);
	s->max_error = ecml_read_f8(r);
	s->weighted = ecml_read_u8(r) != 0;
	ecml_quantiles_read(r, &s->sizes);
	if (s->rows < 0 || (!s->weighted && s->sizes.n != s->rows) || (s->rows > 0) != (s->weight.hi > 0))
		ecml_read_corrupted(r, "its rows and their weight do not fit");
}
