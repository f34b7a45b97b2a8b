/*
 * route_plot.c - tours on a map: depots, stops, one colour a vehicle, arrows for the direction
 *
 * Degrees are drawn as a plate carree that is true to scale at the middle latitude.  Legs from and to a depot are faint: what a tour
 * is shows between its stops.  Sites that are in no tour are hollow.  Beside the map a list of the tours, at most MOST_ROWS.
 *
 * Cost: linear in sites and stops; some 150 bytes a stop.
 */
#include "route/route_plot.h"

#include <math.h>
#include <stdio.h>

#define MAP 720					/* width of the map, and its greatest height */
#define LEAST_HEIGHT 260
#define LIST 230				/* width of the list */
#define MARGIN 28
#define TITLE 36
#define ROW 18
#define MOST_ROWS 60
#define ARROW 5.0
#define SHORTEST 16.0			/* pixels of a leg that has an arrow */
#define DEGREE 111195.08		/* metres of a degree of latitude */

typedef struct Map
{
	EcmlSvg		svg;
	const RoutePlot *plot;
	double		left;			/* least x and greatest y, in the units of the map */
	double		high;
	double		stretch;		/* of x */
	bool		across;			/* the date line: longitudes below 0 come behind 180 */
	double		scale;			/* pixels a unit */
	double		top;
	double		width;
	double		height;
} Map;

static void
colour_of(int route, char *text, size_t size)
{
	static const char *const first[] = {"#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#e377c2", "#17a2b8", "#a3a30b", "#5b5b5b"};

	if (route < (int) (sizeof(first) / sizeof(first[0])))
		snprintf(text, size, "%s", first[route]);
	else
	{
		/* hues by the golden angle, in turn lighter and darker */
		double		hue = fmod(route * 137.50776, 360) / 60;
		double		light = 0.38 + 0.12 * (route % 3) / 2;
		double		chroma = 0.68 * (1 - fabs(2 * light - 1));
		double		middle = chroma * (1 - fabs(fmod(hue, 2) - 1));
		double		base = light - chroma / 2;
		int			sector = (int) hue;
		double		c[3];

		c[0] = sector == 0 || sector == 5 ? chroma : sector == 1 || sector == 4 ? middle : 0;
		c[1] = sector == 1 || sector == 2 ? chroma : sector == 0 || sector == 3 ? middle : 0;
		c[2] = sector == 3 || sector == 4 ? chroma : sector == 2 || sector == 5 ? middle : 0;
		snprintf(text, size, "#%02x%02x%02x", (int) (255 * (c[0] + base)), (int) (255 * (c[1] + base)), (int) (255 * (c[2] + base)));
	}
}

static double
x_of(const Map *m, int site)
{
	double		x = m->plot->x[site];

	return m->across && x < 0 ? x + 360 : x;
}

static double
at_x(const Map *m, int site)
{
	return MARGIN + (x_of(m, site) - m->left) * m->stretch * m->scale;
}

static double
at_y(const Map *m, int site)
{
	return m->top + MARGIN + (m->high - m->plot->y[site]) * m->scale;
}

/* Where the sites lie, and how large a unit can be drawn. */
static void
fit(Map *m)
{
	const RoutePlot *plot = m->plot;
	double		right = -INFINITY;
	double		low = INFINITY;
	double		wide;
	double		tall;

	for (int turn = 0; turn < 2; turn++)
	{
		m->left = INFINITY;
		m->high = -INFINITY;
		right = -INFINITY;
		for (int i = 0; i < plot->nsites; i++)
		{
			m->left = fmin(m->left, x_of(m, i));
			right = fmax(right, x_of(m, i));
			low = fmin(low, plot->y[i]);
			m->high = fmax(m->high, plot->y[i]);
		}
		if (!plot->spherical || right - m->left <= 180)
			break;
		m->across = true;
	}
	if (!(m->left <= right))
		m->left = right = low = m->high = 0;
	m->stretch = plot->spherical ? fmax(cos((low + m->high) / 2 * M_PI / 180), 0.01) : 1;
	wide = (right - m->left) * m->stretch;
	tall = m->high - low;
	m->width = MAP - 2 * MARGIN;
	m->scale = fmin(wide > 0 ? m->width / wide : INFINITY, tall > 0 ? m->width / tall : INFINITY);
	if (!isfinite(m->scale))
		m->scale = 1;
	m->height = fmax(tall * m->scale + 2 * MARGIN + ROW, LEAST_HEIGHT);
	/* in the middle of what is left */
	m->left -= (m->width / m->scale - wide) / 2 / m->stretch;
	m->high += ((m->height - 2 * MARGIN - ROW) / m->scale - tall) / 2;
}

static bool
is_depot(const Map *m, int site)
{
	return m->plot->depot[site];
}

/* The legs of a tour: between stops, or those that touch a depot. */
static void
put_legs(Map *m, int route, const char *colour, bool outer)
{
	const RoutePlot *plot = m->plot;
	int			before = -1;

	ecml_svg_put(&m->svg, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" stroke-linejoin=\"round\"%s d=\"", colour,
				 outer ? "1" : "1.8", outer ? " stroke-opacity=\"0.45\" stroke-dasharray=\"5 3\"" : "");
	for (int k = plot->begin[route]; k + 1 < plot->begin[route + 1]; k++)
	{
		int			a = plot->site[k];
		int			b = plot->site[k + 1];

		if ((is_depot(m, a) || is_depot(m, b)) != outer)
			continue;
		if (before != k)
			ecml_svg_put(&m->svg, "M%.1f %.1f", at_x(m, a), at_y(m, a));
		ecml_svg_put(&m->svg, "L%.1f %.1f", at_x(m, b), at_y(m, b));
		before = k + 1;
	}
	ecml_svg_put(&m->svg, "\"/>\n");
}

/* A triangle in the middle of each leg that has room for it. */
static void
put_arrows(Map *m, int route, const char *colour)
{
	const RoutePlot *plot = m->plot;

	ecml_svg_put(&m->svg, "<path fill=\"%s\" d=\"", colour);
	for (int k = plot->begin[route]; k + 1 < plot->begin[route + 1]; k++)
	{
		double		x = at_x(m, plot->site[k]);
		double		y = at_y(m, plot->site[k]);
		double		dx = at_x(m, plot->site[k + 1]) - x;
		double		dy = at_y(m, plot->site[k + 1]) - y;
		double		length = sqrt(dx * dx + dy * dy);

		if (length < SHORTEST)
			continue;
		x += 0.55 * dx;
		y += 0.55 * dy;
		dx *= ARROW / length;
		dy *= ARROW / length;
		ecml_svg_put(&m->svg, "M%.1f %.1fL%.1f %.1fL%.1f %.1fz", x + dx, y + dy, x - dx - 0.7 * dy, y - dy + 0.7 * dx,
					 x - dx + 0.7 * dy, y - dy - 0.7 * dx);
		if (k % 256 == 0)
			ecml_poll(m->svg.w.ctx, 0, 0);
	}
	ecml_svg_put(&m->svg, "\"/>\n");
}

static void
put_site(Map *m, int site, const char *colour, double radius)
{
	double		x = at_x(m, site);
	double		y = at_y(m, site);

	if (is_depot(m, site))
		ecml_svg_put(&m->svg, "<rect x=\"%.1f\" y=\"%.1f\" width=\"11\" height=\"11\" fill=\"#111\" stroke=\"#fff\"><title>", x - 5.5, y - 5.5);
	else if (colour)
		ecml_svg_put(&m->svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"><title>", x, y, radius, colour);
	else
		ecml_svg_put(&m->svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"#fff\" stroke=\"#888\" stroke-width=\"1.5\"><title>", x, y, radius);
	ecml_svg_text(&m->svg, m->plot->name[site]);
	ecml_svg_put(&m->svg, is_depot(m, site) ? "</title></rect>\n" : "</title></circle>\n");
	if (!m->plot->labels)
		return;
	ecml_svg_put(&m->svg, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"9\">", x + radius + 2, y + 3);
	ecml_svg_text(&m->svg, m->plot->name[site]);
	ecml_svg_put(&m->svg, "</text>\n");
}

/* A bar that is a round number of units long. */
static void
put_scale(Map *m)
{
	double		units = m->width / m->scale;	/* of the map's width */
	double		metres = m->plot->spherical ? DEGREE : 1;
	double		step = ecml_svg_step(units * metres);
	double		y = m->top + m->height - 10;

	if (m->plot->nsites < 2 || !(step > 0) || !isfinite(step))
		return;
	ecml_svg_put(&m->svg, "<path d=\"M%d %.1fv5h%.1fv-5\" fill=\"none\" stroke=\"#777\"/>", MARGIN, y - 5, step / metres * m->scale);
	ecml_svg_put(&m->svg, "<text x=\"%.1f\" y=\"%.1f\">%g%s</text>\n", MARGIN + step / metres * m->scale + 6, y,
				 m->plot->spherical && step >= 1000 ? step / 1000 : step, !m->plot->spherical ? "" : step >= 1000 ? " km" : " m");
}

static int
stops_of(const Map *m, int route)
{
	int			stops = 0;

	for (int k = m->plot->begin[route]; k < m->plot->begin[route + 1]; k++)
		stops += !is_depot(m, m->plot->site[k]);
	return stops;
}

/* "1,234.5": as many digits as a list needs */
static const char *
shown(double value, bool metres, char *text, size_t size)
{
	double		v = metres ? value / 1000 : value;

	snprintf(text, size, fabs(v) >= 1000 ? "%.0f%s" : fabs(v) >= 10 ? "%.1f%s" : "%.2f%s", v, metres ? " km" : "");
	return text;
}

static void
put_list(Map *m, int unserved)
{
	const RoutePlot *plot = m->plot;
	int			rows = plot->nroutes < MOST_ROWS ? plot->nroutes : MOST_ROWS;
	double		y = m->top + MARGIN;
	double		x = MAP + 8;
	char		colour[16];
	char		number[64];

	for (int r = 0; r < rows; r++, y += ROW)
	{
		int			stops = stops_of(m, r);

		colour_of(r, colour, sizeof(colour));
		ecml_svg_put(&m->svg, "<path d=\"M%.1f %.1fh18\" stroke=\"%s\" stroke-width=\"4\"/><text x=\"%.1f\" y=\"%.1f\" fill=\"#111\">", x, y - 4, colour,
					 x + 26, y);
		ecml_svg_text(&m->svg, plot->vehicle[r]);
		ecml_svg_put(&m->svg, "<tspan fill=\"#666\">: %d stop%s%s%s</tspan></text>\n", stops, stops == 1 ? "" : "s",
					 isnan(plot->length[r]) ? "" : ", ",
					 isnan(plot->length[r]) ? "" : shown(plot->length[r], plot->metres, number, sizeof(number)));
	}
	if (rows < plot->nroutes)
	{
		ecml_svg_put(&m->svg, "<text x=\"%.1f\" y=\"%.1f\">and %d more</text>\n", x, y, plot->nroutes - rows);
		y += ROW;
	}
	if (unserved > 0)
		ecml_svg_put(&m->svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"#fff\" stroke=\"#888\" stroke-width=\"1.5\"/>"
					 "<text x=\"%.1f\" y=\"%.1f\">in no tour: %d</text>\n", x + 9, y - 4, x + 26, y, unserved);
}

char *
route_plot(EcmlCtx *ctx, const RoutePlot *plot)
{
	Map		   *m = ECML_NEW0(ctx, Map, 1);
	int		   *route_of = ECML_NEW(ctx, int, plot->nsites + 1);
	double		radius = plot->nsites <= 300 ? 3.6 : plot->nsites <= 2000 ? 2.4 : 1.5;
	int			unserved = 0;
	int			rows = plot->nroutes < MOST_ROWS ? plot->nroutes : MOST_ROWS + 1;
	char		colour[16];

	m->plot = plot;
	m->top = plot->title ? TITLE : 0;
	for (int i = 0; i < plot->nsites; i++)
		route_of[i] = -1;
	for (int r = 0; r < plot->nroutes; r++)
		for (int k = plot->begin[r]; k < plot->begin[r + 1]; k++)
			route_of[plot->site[k]] = r;
	for (int i = 0; i < plot->nsites; i++)
		unserved += route_of[i] < 0 && !plot->depot[i];
	fit(m);
	m->height = fmax(m->height, (rows + 2) * ROW + 2 * MARGIN);
	ecml_svg_open(&m->svg, ctx, MAP + LIST, (int) ceil(m->top + m->height), plot->title ? plot->title : "tours");
	if (plot->title)
	{
		ecml_svg_put(&m->svg, "<text x=\"16\" y=\"27\" font-size=\"17\" fill=\"#111\">");
		ecml_svg_text(&m->svg, plot->title);
		ecml_svg_put(&m->svg, "</text>\n");
	}
	for (int outer = 1; outer >= 0; outer--)
		for (int r = 0; r < plot->nroutes; r++)
		{
			colour_of(r, colour, sizeof(colour));
			put_legs(m, r, colour, outer);
			if (!outer)
				put_arrows(m, r, colour);
			ecml_poll(ctx, 0, 0);
		}
	for (int depots = 0; depots < 2; depots++)
		for (int i = 0; i < plot->nsites; i++)
		{
			if (is_depot(m, i) != (depots == 1))
				continue;
			if (route_of[i] >= 0)
				colour_of(route_of[i], colour, sizeof(colour));
			put_site(m, i, route_of[i] >= 0 ? colour : NULL, radius);
			if (i % 256 == 0)
				ecml_poll(ctx, 0, 0);
		}
	put_scale(m);
	put_list(m, unserved);
	return ecml_svg_close(&m->svg);
}
