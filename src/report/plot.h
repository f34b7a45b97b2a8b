/*
 * plot.h - small charts as SVG text: self-contained, without scripts or fonts of their own, the same bytes for the same numbers
 */
#ifndef ECML_PLOT_H
#define ECML_PLOT_H

#include "num/ctx.h"

typedef struct PlotPoint
{
	double		x;
	double		y;
	double		rows;			/* calibration: that the point stands for */
} PlotPoint;

/* title: UTF-8 or any encoding of which the markup characters are ASCII; NULL: none.  The text is zero-terminated, owned by ctx. */

/* points [n] of a ROC curve, x and y in 0 .. 1, by rising x and y; the area under them is written beside it */
extern char *plot_roc(EcmlCtx *ctx, const char *title, const PlotPoint *points, size_t n);

/* points [n]: predicted against observed frequency, with the number of rows of each as bars below */
extern char *plot_calibration(EcmlCtx *ctx, const char *title, const PlotPoint *points, size_t n);

/* points [n]: x share of all positives up to the bin, y lift of the bin */
extern char *plot_lift(EcmlCtx *ctx, const char *title, const PlotPoint *points, size_t n);

#endif							/* ECML_PLOT_H */
