/*
 * report_sql.c - ecml_report: what a model is and what it does on a source, as one HTML page that needs nothing else
 *
 * The page puts together what the other functions give: ecml_model_info, ecml_evaluate, the charts of two classes, permutation
 * importance, coefficients, drift.  They run with the caller's rights; all text of theirs is escaped.
 *
 * Cost: some scans of the source (evaluation, charts, drift), and a permutation of each feature on a sample of rows.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/options.h"
#include "core/source.h"

typedef struct Options
{
	char	   *title;
	int			rows;			/* for importance */
} Options;

static const EcmlOption option_list[] = {
	ECML_OPT_TEXT(Options, title, "title"),
	ECML_OPT_INT(Options, rows, "importance_rows", 10, 10000000),
	ECML_OPT_END
};

typedef struct Report
{
	StringInfoData html;
	const char *model;			/* SQL literals */
	const char *source;
	const char *from;
	const char *schema;			/* of the extension, quoted */
	int			rows;
} Report;

static void
put_escaped(StringInfo html, const char *text)
{
	for (; *text; text++)
		switch (*text)
		{
			case '<':
				appendStringInfoString(html, "&lt;");
				break;
			case '>':
				appendStringInfoString(html, "&gt;");
				break;
			case '&':
				appendStringInfoString(html, "&amp;");
				break;
			case '"':
				appendStringInfoString(html, "&quot;");
				break;
			default:
				appendStringInfoChar(html, *text);
		}
}

static void
run(const char *query)
{
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "a query of ecml_report gave no rows");
}

/* The first column of the first row as text; NULL when it is. */
static char *
one(const char *query)
{
	char	   *value;

	run(query);
	value = SPI_processed > 0 ? SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1) : NULL;
	return value;
}

/* A cell: numbers to the right, with four digits. */
static void
put_cell(Report *page, HeapTuple tuple, TupleDesc desc, int column)
{
	Oid			type = SPI_gettypeid(desc, column);
	char	   *value = SPI_getvalue(tuple, desc, column);

	if (value == NULL)
		appendStringInfoString(&page->html, "<td></td>");
	else if (type == FLOAT8OID)
		appendStringInfo(&page->html, "<td class=\"n\">%.4g</td>", strtod(value, NULL));
	else
	{
		appendStringInfoString(&page->html, type == INT8OID || type == INT4OID ? "<td class=\"n\">" : "<td>");
		put_escaped(&page->html, value);
		appendStringInfoString(&page->html, "</td>");
	}
}

/* The rows of a query under a heading; nothing when there are none.  Column names are the headings of the table. */
static void
put_table(Report *page, const char *heading, const char *note, const char *query)
{
	run(query);
	if (SPI_processed == 0)
		return;
	appendStringInfo(&page->html, "<section><h2>%s</h2>\n", heading);
	if (note)
		appendStringInfo(&page->html, "<p>%s</p>\n", note);
	appendStringInfoString(&page->html, "<table><tr>");
	for (int c = 1; c <= SPI_tuptable->tupdesc->natts; c++)
	{
		appendStringInfoString(&page->html, "<th>");
		put_escaped(&page->html, SPI_fname(SPI_tuptable->tupdesc, c));
		appendStringInfoString(&page->html, "</th>");
	}
	appendStringInfoString(&page->html, "</tr>\n");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		appendStringInfoString(&page->html, "<tr>");
		for (int c = 1; c <= SPI_tuptable->tupdesc->natts; c++)
			put_cell(page, SPI_tuptable->vals[i], SPI_tuptable->tupdesc, c);
		appendStringInfoString(&page->html, "</tr>\n");
	}
	appendStringInfoString(&page->html, "</table></section>\n");
}

/* Rows of a name and a number as bars. */
static void
put_bars(Report *page, const char *heading, const char *note, const char *query)
{
	double		most = 0;

	run(query);
	if (SPI_processed == 0)
		return;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *value = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);

		most = Max(most, value ? strtod(value, NULL) : 0);
	}
	appendStringInfo(&page->html, "<section><h2>%s</h2>\n<p>%s</p>\n<table>", heading, note);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		char	   *value = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);
		double		number = value ? strtod(value, NULL) : 0;

		appendStringInfoString(&page->html, "<tr><td>");
		put_escaped(&page->html, name ? name : "");
		appendStringInfo(&page->html, "</td><td class=\"n\">%.4g</td><td class=\"b\"><div style=\"width:%.1f%%\"></div></td></tr>\n",
						 number, most > 0 ? 100 * Max(number, 0) / most : 0.0);
	}
	appendStringInfoString(&page->html, "</table></section>\n");
}

/* ---------------------------------------------------------------- sections */

static void
put_head(Report *page, const char *title)
{
	appendStringInfoString(&page->html,
						   "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
						   "<meta name=\"viewport\" content=\"width=device-width\"><title>");
	put_escaped(&page->html, title);
	appendStringInfoString(&page->html,
						   "</title>\n<style>\n"
						   "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}\n"
						   "h1{font-size:1.6em}h2{font-size:1.15em;border-bottom:1px solid #ddd;margin-top:2em}\n"
						   "table{border-collapse:collapse}th,td{padding:.2em .8em .2em 0;text-align:left;vertical-align:top}\n"
						   "th{font-weight:600;color:#666}td.n{text-align:right;font-variant-numeric:tabular-nums}\n"
						   "td.b{width:20em}td.b div{background:#1f77b4;height:.8em}\n"
						   "figure{display:inline-block;margin:0 1em 1em 0}svg{max-width:100%;height:auto}\n"
						   "</style></head><body>\n<h1>");
	put_escaped(&page->html, title);
	appendStringInfoString(&page->html, "</h1>\n");
}

/* Scalars of a jsonb as rows name, value; numbers to the digits of a float4, where they are one. */
static char *
scalars(const char *jsonb)
{
	return psprintf("SELECT key AS name, CASE WHEN pg_catalog.jsonb_typeof(value) OPERATOR(pg_catalog.=) 'number' "
					"AND pg_catalog.abs(value::pg_catalog.float8) OPERATOR(pg_catalog.<) 1e30 "
					"AND pg_catalog.abs(value::pg_catalog.float8) OPERATOR(pg_catalog.>) 1e-30 "
					"THEN value::pg_catalog.float8::pg_catalog.float4::pg_catalog.text ELSE value OPERATOR(pg_catalog.#>>) '{}' END AS value "
					"FROM pg_catalog.jsonb_each(%s) WHERE pg_catalog.jsonb_typeof(value) OPERATOR(pg_catalog.=) "
					"ANY (ARRAY['number', 'string', 'boolean']) ORDER BY key", jsonb);
}

static void
put_model(Report *page, const char *info)
{
	put_table(page, "Model", NULL, scalars(info));
	put_table(page, "Features", NULL,
			  psprintf("SELECT f OPERATOR(pg_catalog.->>) 'name' AS name, f OPERATOR(pg_catalog.->>) 'kind' AS kind, "
					   "pg_catalog.jsonb_array_length(f OPERATOR(pg_catalog.->) 'categories')::pg_catalog.int4 AS categories "
					   "FROM pg_catalog.jsonb_array_elements(%s OPERATOR(pg_catalog.->) 'features') f", info));
	put_table(page, "Options", NULL, scalars(psprintf("(%s OPERATOR(pg_catalog.->) 'options')", info)));
}

static void
put_evaluation(Report *page, const char *evaluation)
{
	put_table(page, "Evaluation", "On the source given.", scalars(evaluation));
	put_table(page, "Confusion", "Rows by their class (down), and by the class predicted.",
			  psprintf("SELECT c.class, pg_catalog.array_to_string(ARRAY(SELECT pg_catalog.jsonb_array_elements_text(m.line)), ', ') "
					   "AS predicted FROM pg_catalog.jsonb_array_elements_text(%s OPERATOR(pg_catalog.->) 'classes') "
					   "WITH ORDINALITY c(class, i) JOIN pg_catalog.jsonb_array_elements(CASE WHEN pg_catalog.jsonb_typeof("
					   "%s OPERATOR(pg_catalog.->) 'confusion_matrix') OPERATOR(pg_catalog.=) 'array' THEN %s OPERATOR(pg_catalog.->) 'confusion_matrix' "
					   "END) WITH ORDINALITY m(line, j) ON i OPERATOR(pg_catalog.=) j "
					   "WHERE pg_catalog.jsonb_typeof(m.line) OPERATOR(pg_catalog.=) 'array' ORDER BY i", evaluation, evaluation, evaluation));
}

/* The model's prediction of a row of the source, which is called s. */
static char *
prediction_sql(Report *page, const char *info)
{
	char	   *features = one(psprintf("SELECT pg_catalog.string_agg(pg_catalog.format('s.%%I', f OPERATOR(pg_catalog.->>) 'name'), ', ' "
										"ORDER BY i) FROM pg_catalog.jsonb_array_elements(%s OPERATOR(pg_catalog.->) 'features') "
										"WITH ORDINALITY f(f, i)", info));

	return features ? psprintf("%s.ecml_predict(%s, %s)", page->schema, page->model, features) : NULL;
}

/* The charts of two classes. */
static void
put_charts(Report *page, const char *info, const char *evaluation)
{
	char	   *predicted = prediction_sql(page, info);
	char	   *target = one(psprintf("SELECT pg_catalog.quote_ident(%s OPERATOR(pg_catalog.->>) 'target')", info));
	char	   *positive = one(psprintf("SELECT CASE WHEN pg_catalog.jsonb_array_length(%s OPERATOR(pg_catalog.->) 'classes') "
										"OPERATOR(pg_catalog.=) 2 THEN pg_catalog.quote_literal(%s OPERATOR(pg_catalog.->) 'classes' "
										"OPERATOR(pg_catalog.->>) 1) END", evaluation, evaluation));

	if (predicted == NULL || target == NULL || positive == NULL)
		return;
	run(psprintf("SELECT %s.ecml_plot_roc(%s.ecml_roc(t, p), 'ROC curve'), %s.ecml_plot_lift(%s.ecml_lift(t, p), 'Lift'), "
				 "%s.ecml_plot_calibration(%s.ecml_calibration(t, p), 'Calibration') "
				 "FROM (SELECT s.%s::pg_catalog.text OPERATOR(pg_catalog.=) %s AS t, %s AS p FROM %s AS s "
				 "WHERE s.%s IS NOT NULL) r", page->schema, page->schema, page->schema, page->schema, page->schema, page->schema,
				 target, positive, predicted, page->from, target));
	appendStringInfoString(&page->html, "<section><h2>Charts</h2>\n");
	for (int c = 1; c <= 3 && SPI_processed > 0; c++)
	{
		char	   *svg = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, c);

		if (svg)
			appendStringInfo(&page->html, "<figure>%s</figure>\n", svg);
	}
	appendStringInfoString(&page->html, "</section>\n");
}

/* A regression: tenths of the rows by prediction. */
static void
put_tenths(Report *page, const char *info)
{
	char	   *predicted = prediction_sql(page, info);
	char	   *target = one(psprintf("SELECT pg_catalog.quote_ident(%s OPERATOR(pg_catalog.->>) 'target')", info));

	if (predicted == NULL || target == NULL)
		return;
	put_table(page, "Predicted and actual", "Tenths of the rows, by what is predicted.",
			  /* avg would sum squares of what it averages, which overflow first */
			  psprintf("SELECT tenth, pg_catalog.count(*) AS rows, pg_catalog.sum(p) OPERATOR(pg_catalog./) pg_catalog.count(*) AS predicted, "
					   "pg_catalog.sum(a) OPERATOR(pg_catalog./) pg_catalog.count(*) AS actual, "
					   "pg_catalog.sqrt(pg_catalog.sum((p OPERATOR(pg_catalog.-) a) OPERATOR(pg_catalog.*) "
					   "(p OPERATOR(pg_catalog.-) a)) OPERATOR(pg_catalog./) pg_catalog.count(*)) AS rmse FROM (SELECT pg_catalog.ntile(10) OVER (ORDER BY p) AS tenth, p, a "
					   "FROM (SELECT %s AS p, s.%s::pg_catalog.float8 AS a FROM %s AS s) r "
					   "WHERE p IS NOT NULL AND a IS NOT NULL) t GROUP BY tenth ORDER BY tenth", predicted, target, page->from));
}

static void
put_importance(Report *page)
{
	put_bars(page, "Importance", "What the score loses when a feature is shuffled.",
			 psprintf("SELECT feature, importance FROM %s.ecml_importance(%s, %s, '{\"rows\": %d}') "
					  "ORDER BY importance DESC, feature LIMIT 30", page->schema, page->model, page->source, page->rows));
}

static void
put_coefficients(Report *page)
{
	put_table(page, "Coefficients", NULL,
			  psprintf("SELECT term, estimate, std_error, p_value, conf_low, conf_high, class FROM %s.ecml_coefficients(%s) "
					   "LIMIT 200", page->schema, page->model));
}

static void
put_drift(Report *page)
{
	put_bars(page, "Drift", "Population stability index of each feature, of this source against the training: above 0.25 it has changed.",
			 psprintf("SELECT feature, psi FROM %s.ecml_drift(%s, %s) WHERE psi IS NOT NULL ORDER BY psi DESC, feature LIMIT 30",
					  page->schema, page->model, page->source));
}

PG_FUNCTION_INFO_V1(ecml_report);

/* ecml_report(model text, source text, options jsonb): text, HTML */
Datum
ecml_report(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	Options		options = {.rows = 5000};
	EcmlOptionSet set = {option_list, &options};
	Report		page;
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *source = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *info;
	char	   *evaluation;
	char	   *task;
	char	   *algorithm;
	text	   *result;

	ecml_options_parse("ecml_report", PG_GETARG_JSONB_P(2), &set, 1);
	SPI_connect();
	initStringInfo(&page.html);
	page.model = quote_literal_cstr(name);
	page.source = quote_literal_cstr(source);
	page.schema = quote_identifier(get_namespace_name(get_func_namespace(fcinfo->flinfo->fn_oid)));
	page.rows = options.rows;
	/* the results of these are asked for many times: once each, as literals */
	info = psprintf("%s::pg_catalog.jsonb", quote_literal_cstr(one(psprintf("SELECT %s.ecml_model_info(%s)", page.schema, page.model))));
	page.from = ecml_source_from(source);
	evaluation = psprintf("%s::pg_catalog.jsonb", quote_literal_cstr(one(psprintf("SELECT %s.ecml_evaluate(%s, %s)", page.schema,
																				  page.model, page.source))));
	task = one(psprintf("SELECT %s OPERATOR(pg_catalog.->>) 'task'", info));
	algorithm = one(psprintf("SELECT %s OPERATOR(pg_catalog.->>) 'algorithm'", info));
	put_head(&page, options.title ? options.title : psprintf("Model %s", name));
	put_evaluation(&page, evaluation);
	if (strcmp(task, "classification") == 0)
		put_charts(&page, info, evaluation);
	if (strcmp(task, "regression") == 0)
		put_tenths(&page, info);
	if (strcmp(task, "classification") == 0 || strcmp(task, "regression") == 0)
		put_importance(&page);
	if (strcmp(algorithm, "linreg") == 0 || strcmp(algorithm, "logreg") == 0 || strcmp(algorithm, "cox") == 0)
		put_coefficients(&page);
	if (strcmp(task, "classification") == 0 || strcmp(task, "regression") == 0 || strcmp(task, "clustering") == 0)
		put_drift(&page);
	put_model(&page, info);
	appendStringInfo(&page.html, "<footer><p>Made by ecml %s.</p></footer></body></html>\n", ECML_VERSION);
	MemoryContextSwitchTo(caller);
	result = cstring_to_text_with_len(page.html.data, page.html.len);
	SPI_finish();
	PG_RETURN_TEXT_P(result);
}
