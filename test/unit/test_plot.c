/*
 * test_plot.c - charts are well-formed, finite and the same each time
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
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
	return done();
}
