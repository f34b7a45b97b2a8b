/*
 * forecast_plot.h - a series, its forecast and the intervals as a panel of a chart
 */
#ifndef ECML_FORECAST_PLOT_H
#define ECML_FORECAST_PLOT_H

#include "num/svg.h"

#define FORECAST_PLOT_WIDTH 720
#define FORECAST_PLOT_PANEL 260	/* height of a panel */
#define FORECAST_PLOT_TICKS 8	/* at most */

typedef struct ForecastPlot
{
	const char *name;			/* NULL: none */
	const char *note;			/* below the name: method, or why there is no forecast; NULL: none */
	int			n;				/* 0: a panel with its name only */
	const double *y;			/* [n] NaN: missing */
	int			horizon;
	const double *mean;			/* [horizon] NULL: no forecast */
	int			nlevels;		/* ascending */
	const double *lower;		/* [nlevels][horizon] */
	const double *upper;
	int			nticks;
	int			tick_at[FORECAST_PLOT_TICKS];	/* periods, 0 .. n + horizon - 1 */
	const char *tick_text[FORECAST_PLOT_TICKS];
} ForecastPlot;

/* Periods whose moments are written below, at most FORECAST_PLOT_TICKS, ascending; gives their number. */
extern int	forecast_plot_ticks(int total, int *at);

/* A panel, from top on. */
extern void forecast_plot_panel(EcmlSvg *svg, int top, const ForecastPlot *plot);

#endif							/* ECML_FORECAST_PLOT_H */
