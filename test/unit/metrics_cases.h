/*
 * metrics_cases.h - the cases of test/data/metrics: named lists of numbers
 */
#ifndef ECML_METRICS_CASES_H
#define ECML_METRICS_CASES_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define MAX_LISTS 64

typedef struct List
{
	char		key[32];
	int			n;
	double	   *v;
} List;

typedef struct Case
{
	char		name[64];
	int			nlists;
	List		lists[MAX_LISTS];
} Case;

static inline FILE *
open_cases(const char *name)
{
	const char *data = getenv("ECML_TEST_DATA");
	char		path[1024];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/metrics/%s", data ? data : "test/data", name);
	file = fopen(path, "r");
	ok(file != NULL, "reference values in %s", path);
	return file;
}

/* The next case; its memory is ctx's. */
static inline bool
next_case(EcmlCtx *ctx, FILE *file, Case *c)
{
	static char line[1 << 20];

	c->nlists = 0;
	while (file && fgets(line, sizeof(line), file))
	{
		char	   *tab = strchr(line, '\t');
		List	   *list = &c->lists[c->nlists];

		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#')
			continue;
		if (strcmp(line, "end") == 0)
			return true;
		if (tab == NULL)
			abort();
		*tab = '\0';
		if (strcmp(line, "case") == 0)
		{
			snprintf(c->name, sizeof(c->name), "%.63s", tab + 1);
			continue;
		}
		if (c->nlists++ == MAX_LISTS)
			abort();
		snprintf(list->key, sizeof(list->key), "%.31s", line);
		list->v = ECML_NEW(ctx, double, strlen(tab + 1) / 2 + 2);
		list->n = 0;
		for (char *at = tab + 1, *end;; at = end + 1)
		{
			double		v = strtod(at, &end);

			if (end == at)
				break;
			list->v[list->n++] = v;
			if (*end != ',')
				break;
		}
	}
	return false;
}

static inline const List *
find_list(const Case *c, const char *key)
{
	for (int i = 0; i < c->nlists; i++)
		if (strcmp(c->lists[i].key, key) == 0)
			return &c->lists[i];
	return NULL;
}

static inline bool
near(double got, double want, double tolerance)
{
	if (isnan(want))
		return isnan(got);
	return got == want || fabs(got - want) <= tolerance * fmax(1, fabs(want));
}

/* One value of a case against one computed. */
static inline void
check_value(const Case *c, const char *key, double got, double tolerance)
{
	const List *want = find_list(c, key);

	if (want == NULL || want->n != 1 || !near(got, want->v[0], tolerance))
	{
		ok(false, "%s: %s", c->name, key);
		printf("#   got %.17g, want %.17g\n", got, want && want->n ? want->v[0] : NAN);
	}
}

/* A list of them, stride doubles apart. */
static inline void
check_list(const Case *c, const char *key, const double *got, size_t stride, size_t n, double tolerance)
{
	const List *want = find_list(c, key);
	size_t		bad = 0;

	if (want == NULL)
		abort();
	if ((size_t) want->n == n)
		while (bad < n && near(got[bad * stride], want->v[bad], tolerance))
			bad++;
	if ((size_t) want->n == n && bad == n)
		return;
	ok(false, "%s: %s", c->name, key);
	if ((size_t) want->n != n)
		printf("#   %zu values, and there should be %d\n", n, want->n);
	else
		printf("#   number %zu: got %.17g, want %.17g\n", bad, got[bad * stride], want->v[bad]);
}

#endif							/* ECML_METRICS_CASES_H */
