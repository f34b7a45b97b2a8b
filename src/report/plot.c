/*
 * plot.c - ROC curve, calibration and lift as SVG
 *
 * A chart is 480 x 420; coordinates are written to a tenth of a pixel, and of a curve only the points that are at least half a
 * pixel from the one before, so that a chart has some kilobytes, however many rows stand behind it.
 */
#include "plot.h"

#include <math.h>

#include "num/svg.h"

#define WIDTH 480
#define HEIGHT 420
#define LEFT 56
#define TOP 40
#define SIDE_X (WIDTH - LEFT - 16)
#define SIDE_Y (HEIGHT - TOP - 52)
#define STEP 0.5				/* least distance of two points of a curve, in pixels */

#define put(f, ...) ecml_svg_put(&(f)->svg, __VA_ARGS__)

typedef struct Frame
{
	EcmlSvg		svg;
	double		high;			/* value at the top; the bottom is 0 */
} Frame;

static double
at_x(double x)
{
	return LEFT + SIDE_X * x;
}

static double
at_y(const Frame *f, double y)
{
	return TOP + SIDE_Y * (1 - y / f->high);
}

/* Ground, grid, axes and their names; ticks_x: 0 to 1 in fifths. */
static void
open_frame(EcmlCtx *ctx, Frame *f, const char *title, const char *x_name, const char *y_name, double high, bool ticks_x)
{
	double		step = ecml_svg_step(high);

	ecml_svg_open(&f->svg, ctx, WIDTH, HEIGHT, title);
	f->high = high;
	if (title)
	{
		put(f, "<text x=\"%d\" y=\"24\" font-size=\"15\" fill=\"#111\">", LEFT);
		ecml_svg_text(&f->svg, title);
		put(f, "</text>\n");
	}
	for (int i = 0; i * step <= high * (1 + 1e-9); i++)
	{
		double		y = at_y(f, i * step);

		put(f, "<path d=\"M%d %.1fh%d\" stroke=\"#ddd\"/>", LEFT, y, SIDE_X);
		put(f, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", LEFT - 8, y + 4, i * step);
	}
	for (int i = 0; ticks_x && i <= 5; i++)
	{
		put(f, "<path d=\"M%.1f %dv%d\" stroke=\"#ddd\"/>", at_x(i / 5.0), TOP, SIDE_Y);
		put(f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n", at_x(i / 5.0), TOP + SIDE_Y + 18, i / 5.0);
	}
	put(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", LEFT + SIDE_X / 2, HEIGHT - 12, x_name);
	put(f, "<text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n", TOP + SIDE_Y / 2, y_name);
}

static void
put_diagonal(Frame *f)
{
	put(f, "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"#999\" stroke-dasharray=\"4 4\"/>\n", at_x(0), at_y(f, 0), at_x(1), at_y(f, 1));
}

static void
put_curve(Frame *f, const PlotPoint *points, size_t n)
{
	double		x = 0;
	double		y = 0;

	if (n == 0)
		return;
	put(f, "<path fill=\"none\" stroke=\"#1f77b4\" stroke-width=\"2\" stroke-linejoin=\"round\" d=\"");
	for (size_t i = 0; i < n; i++)
	{
		double		to_x = at_x(points[i].x);
		double		to_y = at_y(f, points[i].y);

		if (i > 0 && i + 1 < n && fabs(to_x - x) < STEP && fabs(to_y - y) < STEP)
			continue;
		put(f, "%c%.1f %.1f", i == 0 ? 'M' : 'L', to_x, to_y);
		x = to_x;
		y = to_y;
		if (i % 1024 == 0)
			ecml_poll(f->svg.w.ctx, 0, 0);
	}
	put(f, "\"/>\n");
}

/* In the corner below on the right. */
static void
put_note(Frame *f, const char *what, double value)
{
	if (!isnan(value))
		put(f, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" font-size=\"14\" fill=\"#111\">%s %.4f</text>\n",
			LEFT + SIDE_X - 10, TOP + SIDE_Y - 12, what, value);
}

char *
plot_roc(EcmlCtx *ctx, const char *title, const PlotPoint *points, size_t n)
{
	Frame		f;
	double		area = n > 1 ? 0 : NAN;

	for (size_t i = 1; i < n; i++)
		area += (points[i].x - points[i - 1].x) * (points[i].y + points[i - 1].y) / 2;
	open_frame(ctx, &f, title, "false positive rate", "true positive rate", 1, true);
	put_diagonal(&f);
	put_curve(&f, points, n);
	put_note(&f, "AUC", area);
	return ecml_svg_close(&f.svg);
}

char *
plot_calibration(EcmlCtx *ctx, const char *title, const PlotPoint *points, size_t n)
{
	Frame		f;
	double		most = 0;
	double		rows = 0;
	double		error = 0;

	for (size_t i = 0; i < n; i++)
	{
		most = fmax(most, points[i].rows);
		rows += points[i].rows;
		error += points[i].rows * fabs(points[i].x - points[i].y);
	}
	open_frame(ctx, &f, title, "predicted probability", "observed frequency", 1, true);
	for (size_t i = 0; i < n && most > 0; i++)
		put(&f, "<path d=\"M%.1f %dv%.1f\" stroke=\"#1f77b4\" stroke-width=\"9\" opacity=\"0.25\"/>\n",
			at_x(points[i].x), TOP + SIDE_Y, -points[i].rows / most * SIDE_Y / 5);
	put_diagonal(&f);
	put_curve(&f, points, n);
	for (size_t i = 0; i < n; i++)
		put(&f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"#1f77b4\"/>\n", at_x(points[i].x), at_y(&f, points[i].y));
	put_note(&f, "ECE", rows > 0 ? error / rows : NAN);
	return ecml_svg_close(&f.svg);
}

char *
plot_lift(EcmlCtx *ctx, const char *title, const PlotPoint *points, size_t n)
{
	Frame		f;
	double		high = 1;

	for (size_t i = 0; i < n; i++)
		high = fmax(high, points[i].y);
	open_frame(ctx, &f, title, "bins by falling score", "lift", ceil(high / ecml_svg_step(high)) * ecml_svg_step(high), false);
	for (size_t i = 0; i < n; i++)
	{
		double		left = at_x(i / (double) n);
		double		width = SIDE_X / (double) n;
		double		y = at_y(&f, points[i].y);

		put(&f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"#1f77b4\"><title>bin %zu: lift %.3f, gain %.3f"
			"</title></rect>\n", left + width * 0.1, y, width * 0.8, TOP + SIDE_Y - y, i + 1, points[i].y, points[i].x);
		if (n <= 20)
			put(&f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%zu</text>\n", left + width / 2, TOP + SIDE_Y + 18, i + 1);
		if (i % 1024 == 0)
			ecml_poll(ctx, 0, 0);
	}
	put(&f, "<path d=\"M%d %.1fh%d\" stroke=\"#999\" stroke-dasharray=\"4 4\"/>\n", LEFT, at_y(&f, 1), SIDE_X);
	return ecml_svg_close(&f.svg);
}
