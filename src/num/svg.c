/*
 * svg.c - SVG text for charts: self-contained, the same bytes for the same numbers
 */
#include "svg.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void
ecml_svg_put(EcmlSvg *svg, const char *fmt,...)
{
	char		text[512];
	va_list		args;
	int			n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ecml_write_bytes(&svg->w, text, n < (int) sizeof(text) ? (size_t) n : sizeof(text) - 1);
}

void
ecml_svg_text(EcmlSvg *svg, const char *text)
{
	for (const char *c = text; *c; c++)
		switch (*c)
		{
			case '&':
				ecml_svg_put(svg, "&amp;");
				break;
			case '<':
				ecml_svg_put(svg, "&lt;");
				break;
			case '>':
				ecml_svg_put(svg, "&gt;");
				break;
			default:
				/* XML has no other control characters */
				ecml_write_u8(&svg->w, (unsigned char) *c < ' ' && *c != '\t' && *c != '\n' ? ' ' : (uint8_t) *c);
		}
}

void
ecml_svg_open(EcmlSvg *svg, EcmlCtx *ctx, int width, int height, const char *title)
{
	ecml_writer_init(&svg->w, ctx);
	ecml_svg_put(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" "
				 "font-family=\"sans-serif\" font-size=\"12\" fill=\"#444\">\n", width, height, width, height);
	if (title)
	{
		ecml_svg_put(svg, "<title>");
		ecml_svg_text(svg, title);
		ecml_svg_put(svg, "</title>\n");
	}
	ecml_svg_put(svg, "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n", width, height);
}

char *
ecml_svg_close(EcmlSvg *svg)
{
	ecml_svg_put(svg, "</svg>\n");
	ecml_write_u8(&svg->w, 0);
	return (char *) svg->w.data;
}

double
ecml_svg_step(double range)
{
	double		power = pow(10, floor(log10(range / 5)));
	double		unit = range / 5 / power;

	return (unit <= 1 ? 1 : unit <= 2 ? 2 : unit <= 5 ? 5 : 10) * power;
}
