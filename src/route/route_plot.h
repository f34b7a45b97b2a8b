/*
 * route_plot.h - a map of tours as SVG
 */
#ifndef ECML_ROUTE_PLOT_H
#define ECML_ROUTE_PLOT_H

#include "num/svg.h"

typedef struct RoutePlot
{
	const char *title;			/* NULL: none */
	int			nsites;
	const double *x;			/* [nsites] or degrees of longitude */
	const double *y;
	bool		spherical;		/* they are degrees */
	const bool *depot;			/* [nsites] */
	const char *const *name;	/* [nsites] */
	int			nroutes;
	const int  *begin;			/* [nroutes + 1] */
	const int  *site;			/* stops route by route, with their depots */
	const char *const *vehicle; /* [nroutes] */
	const double *length;		/* [nroutes] in the units of distance; NaN: not known */
	bool		metres;			/* these are metres */
	bool		labels;			/* names beside the stops */
} RoutePlot;

/* The whole text, owned by ctx. */
extern char *route_plot(EcmlCtx *ctx, const RoutePlot *plot);

#endif							/* ECML_ROUTE_PLOT_H */
