/*
 * text.h - a text as kernels get it: its bytes and how many
 */
#ifndef ECML_TEXT_H
#define ECML_TEXT_H

typedef struct EcmlText
{
	const char *bytes;			/* no zero behind them */
	int			length;			/* -1: NULL */
} EcmlText;

#endif							/* ECML_TEXT_H */
