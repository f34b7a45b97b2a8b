/*
 * score.h - errors of forecasts against what came: sums, and the measures that they make
 */
#ifndef ECML_FORECAST_SCORE_H
#define ECML_FORECAST_SCORE_H

#include <math.h>
#include <stdint.h>

/* Sums over forecasts. */
typedef struct ForecastScore
{
	int64_t		n;
	double		scaled;
	int64_t		nscaled;		/* those with a scale */
	double		smape;
	double		squares;
	double		absolute;
	double		error;
	int64_t		covered;
	double		width;
	int64_t		nbands;			/* those with an interval */
	int64_t		failed;			/* forecasts that the method could not give */
} ForecastScore;

/* Measures; NaN where there is nothing to measure. */
typedef struct ForecastMeasures
{
	double		mase;
	double		smape;			/* 0 .. 200 */
	double		rmse;
	double		mae;
	double		bias;			/* forecast less value */
	double		coverage;		/* 0 .. 1 */
	double		width;
} ForecastMeasures;

static inline void
forecast_score(ForecastScore *s, double f, double y, double low, double high, double scale)
{
	double		error = f - y;

	s->n++;
	if (scale > 0)
	{
		s->scaled += fabs(error) / scale;
		s->nscaled++;
	}
	if (error != 0)
		s->smape += 200 * fabs(error) / (fabs(f) + fabs(y));
	s->squares += error * error;
	s->absolute += fabs(error);
	s->error += error;
	if (!isnan(low) && !isnan(high))
	{
		s->covered += y >= low && y <= high;
		s->width += high - low;
		s->nbands++;
	}
}

static inline void
forecast_score_add(ForecastScore *s, const ForecastScore *other)
{
	s->n += other->n;
	s->scaled += other->scaled;
	s->nscaled += other->nscaled;
	s->smape += other->smape;
	s->squares += other->squares;
	s->absolute += other->absolute;
	s->error += other->error;
	s->covered += other->covered;
	s->width += other->width;
	s->nbands += other->nbands;
	s->failed += other->failed;
}

static inline ForecastMeasures
forecast_measures(const ForecastScore *s)
{
	double		n = s->n > 0 ? (double) s->n : NAN;
	double		bands = s->nbands > 0 ? (double) s->nbands : NAN;

	return (ForecastMeasures) {
		.mase = s->nscaled > 0 ? s->scaled / (double) s->nscaled : NAN,.smape = s->smape / n,.rmse = sqrt(s->squares / n),
		.mae = s->absolute / n,.bias = s->error / n,.coverage = (double) s->covered / bands,.width = s->width / bands
	};
}

/* MASE's scale: the mean absolute difference of one season m within the first n values; 0: there is none. */
static inline double
forecast_scale(const double *y, int n, int m)
{
	double		sum = 0;
	int			count = 0;

	for (int t = m; t < n; t++)
		if (!isnan(y[t]) && !isnan(y[t - m]))
		{
			sum += fabs(y[t] - y[t - m]);
			count++;
		}
	return count > 0 ? sum / count : 0;
}

#endif							/* ECML_FORECAST_SCORE_H */
