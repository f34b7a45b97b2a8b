/*
 * metrics_labels.c - labels of any number of classes: metrics of their confusion matrix, O(k^2)
 */
#include "metrics.h"

void
ecml_label_metrics(const double *confusion, int k, EcmlLabelMetrics *out, EcmlClassMetrics *per_class)
{
	EcmlLabelMetrics m = {0};
	double		hits = 0;
	double		products = 0;	/* sums over the classes of rows * predicted, rows^2, predicted^2 */
	double		rows2 = 0;
	double		predicted2 = 0;
	double		recalls = 0;
	int			met = 0;
	int			with_rows = 0;

	for (int c = 0; c < k; c++)
	{
		EcmlClassMetrics one = {0};
		double		hit = confusion[(size_t) c * k + c];

		for (int i = 0; i < k; i++)
		{
			one.rows += confusion[(size_t) c * k + i];
			one.predicted += confusion[(size_t) i * k + c];
		}
		one.precision = hit / one.predicted;
		one.recall = hit / one.rows;
		one.f1 = 2 * hit / (one.rows + one.predicted);
		hits += hit;
		m.rows += one.rows;
		products += one.rows * one.predicted;
		rows2 += one.rows * one.rows;
		predicted2 += one.predicted * one.predicted;
		if (one.predicted > 0)
		{
			m.macro_precision += one.precision;
			m.weighted_precision += one.precision * one.rows;
		}
		if (one.rows > 0)
		{
			recalls += one.recall;
			with_rows++;
		}
		if (one.rows + one.predicted > 0)
		{
			m.macro_f1 += one.f1;
			m.weighted_f1 += one.f1 * one.rows;
			met++;
		}
		if (per_class)
			per_class[c] = one;
	}
	m.accuracy = hits / m.rows;
	m.balanced_accuracy = recalls / with_rows;
	m.macro_precision /= met;
	m.macro_recall = recalls / met;
	m.macro_f1 /= met;
	m.weighted_precision /= m.rows;
	m.weighted_recall = m.accuracy;
	m.weighted_f1 /= m.rows;
	m.mcc = m.rows > 0 ? ecml_matthews(hits * m.rows - products, m.rows * m.rows - rows2, m.rows * m.rows - predicted2) : NAN;
	*out = m;
}

bool
ecml_in_top2(const double *p, int k, int class)
{
	int			before = 0;

	for (int c = 0; c < k; c++)
		before += p[c] > p[class] || (p[c] == p[class] && c > class);
	return before < 2;
}
