/*
 * svg.h - SVG text: opened with a title, written piece by piece, closed
 */
#ifndef ECML_SVG_H
#define ECML_SVG_H

#include "num/bytes.h"

typedef struct EcmlSvg
{
	EcmlWriter	w;
} EcmlSvg;

/* The element, its title for screen readers (NULL: none), a white ground. */
extern void ecml_svg_open(EcmlSvg *svg, EcmlCtx *ctx, int width, int height, const char *title);

/* At most 500 bytes at a time. */
extern void ecml_svg_put(EcmlSvg *svg, const char *fmt,...) ECML_PRINTF(2, 3);

/* Any text, as character data. */
extern void ecml_svg_text(EcmlSvg *svg, const char *text);

/* The whole, zero-terminated, owned by ctx. */
extern char *ecml_svg_close(EcmlSvg *svg);

/* A step that divides a range in about five: 1, 2 or 5 times a power of ten. */
extern double ecml_svg_step(double range);

#endif							/* ECML_SVG_H */
