/*
 * forecast_plot.c - a series, its forecast and the intervals as SVG
 *
 * History dark, forecast blue, intervals as bands that are lighter the wider they are.  Where there are more values than
 * pixels, a column of pixels gets the least and the greatest of its values, so that a panel has some tens of kilobytes at most.
 */
#include "forecast/forecast_plot.h"

#include <math.h>

#define LEFT 64
#define RIGHT 16
#define ABOVE 44
#define BELOW 32
#define SIDE_X (FORECAST_PLOT_WIDTH - LEFT - RIGHT)
#define SIDE_Y (FORECAST_PLOT_PANEL - ABOVE - BELOW)
#define MOST 1e300				/* beyond: no room for margins */

typedef struct Panel
{
	EcmlSvg    *svg;
	int			top;
	int			total;			/* periods */
	double		low;
	double		high;
} Panel;

static double
at_x(const Panel *p, double t)
{
	return LEFT + (p->total > 1 ? SIDE_X * t / (p->total - 1) : SIDE_X / 2);
}

static double
at_y(const Panel *p, double y)
{
	return p->top + ABOVE + SIDE_Y * (1 - (fmin(fmax(y, p->low), p->high) - p->low) / (p->high - p->low));
}

int
forecast_plot_ticks(int total, int *at)
{
	int			step = 1;
	int			n = 0;

	/* 1, 2, 5 times powers of ten are no better for months; even distances are */
	while ((total + step - 1) / step > FORECAST_PLOT_TICKS - 1)
		step++;
	for (int t = 0; t < total; t += step)
		at[n++] = t;
	return n;
}

static void
reach(Panel *p, double v)
{
	if (isfinite(v))
	{
		p->low = fmin(p->low, v);
		p->high = fmax(p->high, v);
	}
}

/* The range of all numbers, a little more, and never empty. */
static void
range(Panel *p, const ForecastPlot *plot)
{
	double		margin;

	p->low = INFINITY;
	p->high = -INFINITY;
	for (int t = 0; t < plot->n; t++)
		reach(p, plot->y[t]);
	for (int h = 0; plot->mean && h < plot->horizon; h++)
	{
		reach(p, plot->mean[h]);
		for (int l = 0; l < plot->nlevels; l++)
		{
			reach(p, plot->lower[(size_t) l * plot->horizon + h]);
			reach(p, plot->upper[(size_t) l * plot->horizon + h]);
		}
	}
	if (!(p->low <= p->high))
		p->low = p->high = 0;
	p->low = fmax(p->low, -MOST);
	p->high = fmin(p->high, MOST);
	margin = 0.04 * (p->high - p->low);
	if (!(margin > 1e-12 * fmax(fabs(p->low), fabs(p->high))))
		margin = fmax(1e-6 * fmax(fabs(p->low), fabs(p->high)), 1);
	/* zero is a natural end */
	p->low = p->low >= 0 && p->low < margin * 8 ? 0 : p->low - margin;
	p->high += margin;
}

static void
put_axes(const Panel *p, const ForecastPlot *plot)
{
	double		step = ecml_svg_step(p->high - p->low);

	for (double v = ceil(p->low / step) * step; v <= p->high && step > 0; v += step)
	{
		double		y = at_y(p, v);

		ecml_svg_put(p->svg, "<path d=\"M%d %.1fh%d\" stroke=\"#ddd\"/>", LEFT, y, SIDE_X);
		ecml_svg_put(p->svg, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", LEFT - 8, y + 4, fabs(v) < step / 2 ? 0 : v);
		if (v + step == v)
			break;
	}
	for (int i = 0; i < plot->nticks; i++)
	{
		double		x = at_x(p, plot->tick_at[i]);

		ecml_svg_put(p->svg, "<path d=\"M%.1f %dv4\" stroke=\"#999\"/>", x, p->top + ABOVE + SIDE_Y);
		ecml_svg_put(p->svg, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", x, p->top + ABOVE + SIDE_Y + 18);
		ecml_svg_text(p->svg, plot->tick_text[i]);
		ecml_svg_put(p->svg, "</text>\n");
	}
}

/* Values from period first on, as a line with holes where they are missing. */
static void
put_line(const Panel *p, const double *v, int n, int first, const char *colour)
{
	int			each = p->total / SIDE_X + 1;	/* periods in a column of pixels */
	bool		drawn = false;
	int			alone = -1;		/* a value between two holes is a dot */

	ecml_svg_put(p->svg, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" stroke-linejoin=\"round\" stroke-linecap=\"round\" d=\"",
				 colour);
	for (int t = 0; t < n; t += each)
	{
		double		low = INFINITY;
		double		high = -INFINITY;

		for (int i = t; i < n && i < t + each; i++)
			if (isfinite(v[i]))
			{
				low = fmin(low, v[i]);
				high = fmax(high, v[i]);
			}
		if (t / each % 256 == 0)
			ecml_poll(p->svg->w.ctx, 0, 0);
		if (!(low <= high))
		{
			if (alone >= 0)
				ecml_svg_put(p->svg, "h0.1");
			drawn = false;
			alone = -1;
			continue;
		}
		ecml_svg_put(p->svg, "%c%.1f %.1f", drawn ? 'L' : 'M', at_x(p, first + t), at_y(p, low));
		if (high > low)
			ecml_svg_put(p->svg, "V%.1f", at_y(p, high));
		alone = drawn || high > low ? -1 : t;
		drawn = true;
	}
	if (alone >= 0)
		ecml_svg_put(p->svg, "h0.1");
	ecml_svg_put(p->svg, "\"/>\n");
}

static void
put_band(const Panel *p, const ForecastPlot *plot, int level)
{
	const double *lower = plot->lower + (size_t) level * plot->horizon;
	const double *upper = plot->upper + (size_t) level * plot->horizon;
	int			each = p->total / SIDE_X + 1;
	char		letter = 'M';
	int			last = (plot->horizon - 1) / each * each;

	ecml_svg_put(p->svg, "<path fill=\"#1f77b4\" opacity=\"%.2f\" d=\"", plot->nlevels > 1 ? 0.15 : 0.2);
	for (int h = 0; h < plot->horizon; h += each, letter = 'L')
		ecml_svg_put(p->svg, "%c%.1f %.1f", letter, at_x(p, plot->n + h), at_y(p, upper[h]));
	for (int h = last; h >= 0; h -= each)
		ecml_svg_put(p->svg, "L%.1f %.1f", at_x(p, plot->n + h), at_y(p, lower[h]));
	ecml_svg_put(p->svg, "z\"/>\n");
}

void
forecast_plot_panel(EcmlSvg *svg, int top, const ForecastPlot *plot)
{
	Panel		p = {.svg = svg,.top = top,.total = plot->n + (plot->mean ? plot->horizon : 0)};

	if (plot->name)
	{
		ecml_svg_put(svg, "<text x=\"%d\" y=\"%d\" font-size=\"14\" fill=\"#111\">", LEFT, top + 20);
		ecml_svg_text(svg, plot->name);
		ecml_svg_put(svg, "</text>\n");
	}
	if (plot->note)
	{
		ecml_svg_put(svg, "<text x=\"%d\" y=\"%d\">", LEFT, top + 36);
		ecml_svg_text(svg, plot->note);
		ecml_svg_put(svg, "</text>\n");
	}
	if (p.total == 0)
		return;
	range(&p, plot);
	put_axes(&p, plot);
	for (int l = plot->nlevels - 1; plot->mean && l >= 0; l--)
		put_band(&p, plot, l);
	if (plot->mean && plot->n > 0)
		ecml_svg_put(svg, "<path d=\"M%.1f %dv%d\" stroke=\"#999\" stroke-dasharray=\"4 4\"/>\n", at_x(&p, plot->n - 0.5), top + ABOVE,
					 SIDE_Y);
	put_line(&p, plot->y, plot->n, 0, "#333");
	if (plot->mean)
		put_line(&p, plot->mean, plot->horizon, plot->n, "#1f77b4");
}
