/*
 * test_plot.c - charts are well-formed, finite and the same each time
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "forecast/forecast_plot.h"
#include "report/plot.h"

/* Are tags closed in the order in which they are opened, and is nothing in them that is no number? */
static bool
well_formed(const char *svg)
{
	char		open[16][32];
	int			depth = 0;

	for (const char *c = strchr(svg, '<'); c; c = strchr(c + 1, '<'))
	{
		const char *end = strchr(c, '>');
		char		name[32] = "";
		const char *first = c + (c[1] == '/' ? 2 : 1);
		size_t		length = strspn(first, "abcdefghijklmnopqrstuvwxyz");

		if (end == NULL || length == 0 || length >= sizeof(name))
			return false;
		memcpy(name, first, length);
		if (c[1] == '/')
		{
			if (depth == 0 || strcmp(open[--depth], name) != 0)
				return false;
		}
		else if (end[-1] != '/')
		{
			if (depth == 16)
				return false;
			strcpy(open[depth++], name);
		}
	}
	return depth == 0 && !strstr(svg, "nan") && !strstr(svg, "inf") && strncmp(svg, "<svg ", 5) == 0;
}

typedef char *(*Draw) (EcmlCtx *ctx, const char *title, const PlotPoint *points, size_t n);

static int
until(Draw draw, const PlotPoint *points, size_t n, long k)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	volatile int result = 1;

	test_host(ctx)->fail_after = k;
	if (TRY(ctx))
		(void) draw(ctx, "title", points, n);
	else
		result = test_host(ctx)->status == ECML_OUT_OF_MEMORY ? 0 : 2;
	test_ctx_free(ctx);
	return result;
}

static char *
draw_forecast(EcmlCtx *ctx, const ForecastPlot *plots, int n)
{
	EcmlSvg		svg;

	ecml_svg_open(&svg, ctx, FORECAST_PLOT_WIDTH, FORECAST_PLOT_PANEL * n, "forecast");
	for (int i = 0; i < n; i++)
		forecast_plot_panel(&svg, i * FORECAST_PLOT_PANEL, &plots[i]);
	return ecml_svg_close(&svg);
}

static void
test_forecast(void)
{
	static double values[100000];
	static double mean[50];
	static double bands[2][2][50];
	EcmlCtx    *ctx = test_ctx(1, 1);
	ForecastPlot plot = {
		.name = "shoes & <boots>",.note = "ETS(A,N,A)",.n = 60,.y = values,.horizon = 10,.mean = mean,.nlevels = 2,.lower = bands[0][0],
		.upper = bands[1][0],.nticks = 2,.tick_at = {0, 69},.tick_text = {"2026-01-01", "2026-03-10"}
	};
	ForecastPlot empty = {.name = "none",.note = "it has fewer than two values"};
	int			ticks[FORECAST_PLOT_TICKS];
	const char *svg;
	volatile long k = 0;

	for (int t = 0; t < 100000; t++)
		values[t] = t % 7 == 3 ? NAN : 100 + sin(t);
	for (int h = 0; h < 50; h++)
	{
		mean[h] = 101;
		for (int l = 0; l < 2; l++)
		{
			bands[0][l][h] = 101 - h * (l + 1);
			bands[1][l][h] = 101 + h * (l + 1);
		}
	}
	svg = draw_forecast(ctx, &plot, 1);
	ok(well_formed(svg) && strstr(svg, "shoes &amp; &lt;boots&gt;") && strstr(svg, "2026-03-10"), "a forecast");
	ok(strstr(svg, "stroke-dasharray") != NULL, "the end of what is known");
	ok(well_formed(draw_forecast(ctx, &empty, 1)), "a panel without values");
	plot.n = 100000;
	plot.nticks = 0;
	svg = draw_forecast(ctx, &plot, 1);
	ok(well_formed(svg) && strlen(svg) < 60000, "100,000 values in %zu bytes", strlen(svg));
	plot.n = 1;
	plot.horizon = 1;
	ok(well_formed(draw_forecast(ctx, &plot, 1)), "one value");
	plot.mean = NULL;
	ok(well_formed(draw_forecast(ctx, &plot, 1)), "one value without a forecast");
	plot.mean = mean;
	plot.n = 60;
	plot.horizon = 10;
	for (int t = 0; t < 60; t++)
		values[t] = t % 2 ? 1.7e308 : -1.7e308;
	ok(well_formed(draw_forecast(ctx, &plot, 1)), "the ends of the numbers");
	for (int t = 0; t < 60; t++)
		values[t] = 0;
	ok(well_formed(draw_forecast(ctx, &plot, 1)), "zeros");
	for (int total = 1; total < 3000; total++)
	{
		int			n = forecast_plot_ticks(total, ticks);

		if (n < 1 || n > FORECAST_PLOT_TICKS || ticks[0] != 0 || ticks[n - 1] >= total || (n > 1 && ticks[n - 1] < total / 2))
			ok(false, "ticks of %d", total);
	}
	test_ctx_free(ctx);
	for (bool finished = false; !finished && k < 100; k++)
	{
		ctx = test_ctx(1, 1);
		test_host(ctx)->fail_after = k;
		if (TRY(ctx))
		{
			(void) draw_forecast(ctx, &plot, 1);
			finished = true;
		}
		else if (test_host(ctx)->status != ECML_OUT_OF_MEMORY)
			ok(false, "it failed otherwise");
		test_ctx_free(ctx);
	}
	ok(k > 1 && k < 100, "each of %ld allocations may fail", k);
}

int
main(void)
{
	static const Draw draws[] = {plot_roc, plot_calibration, plot_lift};
	static const char *const names[] = {"ROC", "calibration", "lift"};
	static PlotPoint many[100000];
	EcmlCtx    *ctx = test_ctx(1, 1);
	const char *svg;

	for (int i = 0; i < 100000; i++)
		many[i] = (PlotPoint) {i / 99999.0, sqrt(i / 99999.0), 1 + i % 7};
	for (int d = 0; d < 3; d++)
	{
		int			k = 0;
		int			result;

		ok(well_formed(draws[d](ctx, NULL, NULL, 0)), "%s: no points", names[d]);
		ok(well_formed(draws[d](ctx, "a <b> & \"c\"\001", many + 500, 1)), "%s: one point, a title with markup", names[d]);
		svg = draws[d](ctx, "all", many, d == 2 ? 200 : 100000);
		ok(well_formed(svg) && strcmp(svg, draws[d](ctx, "all", many, d == 2 ? 200 : 100000)) == 0, "%s: the same each time", names[d]);
		while ((result = until(draws[d], many, 100, k)) == 0)
			k++;
		ok(result == 1 && k > 1, "%s: each of %d allocations fails", names[d], k);
	}
	svg = plot_roc(ctx, "a <b> & c", many, 100000);
	ok(strlen(svg) < 20000 && strstr(svg, "AUC 0.6667") && strstr(svg, "a &lt;b&gt; &amp; c"), "ROC: %zu bytes, the area is 2 / 3",
	   strlen(svg));
	many[0] = (PlotPoint) {0.1, 0.3, 10};
	many[1] = (PlotPoint) {0.5, 0.5, 30};
	ok(strstr(plot_calibration(ctx, NULL, many, 2), "ECE 0.0500") != NULL, "calibration: its error");
	many[0] = (PlotPoint) {0.9, 7.3, 0};
	ok(strstr(plot_lift(ctx, NULL, many, 1), ">8</text>") && strstr(plot_lift(ctx, NULL, many, 1), "lift 7.300, gain 0.900"),
	   "lift: the axis goes to a whole step");
	test_ctx_free(ctx);
	test_forecast();
	return done();
}
