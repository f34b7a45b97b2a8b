/*
 * forecast_plot_sql.c - ecml_plot_forecast: history, forecast and intervals of the series of a source as SVG
 *
 * One series is one panel; several stand below each other, at most as many as option panels says.
 */
#include "core/compat.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/guc.h"
#include "forecast/forecast_plot.h"
#include "forecast/forecast_sql.h"
#include "forecast/setup_sql.h"

#define TITLE 40				/* height of the title */

typedef struct PlotOptions
{
	char	   *title;
	int			panels;
	int			history;		/* periods shown before the forecast; 0: all */
} PlotOptions;

static const EcmlOption plot_options[] = {
	ECML_OPT_TEXT(PlotOptions, title, "title"),
	ECML_OPT_INT(PlotOptions, panels, "panels", 1, 200),
	ECML_OPT_INT(PlotOptions, history, "history", 0, ECML_SERIES_LIMIT),
	ECML_OPT_END
};

/* A moment as it is written below the axis: no time of day where all are at midnight. */
static char *
tick_text(bool clock, int64 at, bool days)
{
	char	   *text;
	char	   *space;

	if (!clock)
		return psprintf(INT64_FORMAT, at);
	if (!IS_VALID_TIMESTAMP(at))
		return pstrdup("");
	text = DatumGetCString(DirectFunctionCall1(timestamp_out, TimestampGetDatum(at)));
	space = strchr(text, ' ');
	if (space && days)
		*space = '\0';
	else if (space && strlen(space) > 6)
		space[6] = '\0';
	return text;
}

static void
panel(EcmlSvg *svg, int top, bool clock, const ForecastSetup *setup, const PlotOptions *given, const EcmlSeries *series,
	  const ForecastTask *task)
{
	bool		good = task->method != NULL && task->status == FORECAST_OK;
	int			skip = given->history > 0 && series->n > given->history ? series->n - given->history : 0;
	ForecastPlot plot = {
		.name = series->name,.n = series->n - skip,.y = series->y + skip,.horizon = setup->horizon,.nlevels = setup->nlevels,
		.note = good ? task->fit.label : task->method ? task->note : series->problem
	};
	bool		days = true;

	if (good)
	{
		plot.mean = task->result.mean;
		plot.lower = task->result.lower;
		plot.upper = task->result.upper;
	}
	if (series->n > 0)
		plot.nticks = forecast_plot_ticks(plot.n + (good ? setup->horizon : 0), plot.tick_at);
	for (int i = 0; i < plot.nticks; i++)
		days &= ecml_series_at(series, skip + plot.tick_at[i]) % USECS_PER_DAY == 0;
	for (int i = 0; i < plot.nticks; i++)
		plot.tick_text[i] = tick_text(clock, ecml_series_at(series, skip + plot.tick_at[i]), days);
	forecast_plot_panel(svg, top, &plot);
}

PG_FUNCTION_INFO_V1(ecml_plot_forecast);

/* ecml_plot_forecast(source text, horizon int, ds text, y text, series text, options jsonb) */
Datum
ecml_plot_forecast(PG_FUNCTION_ARGS)
{
	PlotOptions given = {.panels = 20};
	EcmlOptionSet set = {plot_options, &given};
	ForecastSetup *setup = palloc(sizeof(ForecastSetup));
	ForecastBlock *block = palloc(sizeof(ForecastBlock));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ecml plot", ALLOCSET_DEFAULT_SIZES);
	EcmlServerHost host;
	EcmlCtx		ctx;
	EcmlSvg		svg;
	EcmlSeriesReader *reader;
	ForecastContext c;
	char	   *names[3];
	int64		total;
	int			shown = 0;
	int			top;

	for (int i = 0; i < 2; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the %s must be given", i == 0 ? "source" : "horizon"),
					 errdetail("It is NULL."),
					 errhint("Give a table, view or query, and how many periods to forecast.")));
	forecast_check_horizon(PG_GETARG_INT32(1));
	for (int i = 0; i < 3; i++)
		names[i] = PG_ARGISNULL(2 + i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2 + i));
	forecast_setup(setup, "ecml_plot_forecast", PG_ARGISNULL(5) ? NULL : PG_GETARG_JSONB_P(5), &set);
	setup->horizon = PG_GETARG_INT32(1);
	reader = ecml_series_open(text_to_cstring(PG_GETARG_TEXT_PP(0)), names[0], names[1], names[2], &setup->series, setup->horizon);
	total = ecml_series_count(reader);
	top = given.title ? TITLE : 0;
	ecml_host_init(&ctx, &host, context, (size_t) ecml_guc_work_mem * 1024, 0);
	ecml_svg_open(&svg, &ctx, FORECAST_PLOT_WIDTH,
				  top + FORECAST_PLOT_PANEL * (int) Max(1, Min(total, given.panels)) + (total > given.panels ? TITLE : 0),
				  given.title ? given.title : "forecast");
	if (given.title)
	{
		ecml_svg_put(&svg, "<text x=\"16\" y=\"27\" font-size=\"17\" fill=\"#111\">");
		ecml_svg_text(&svg, given.title);
		ecml_svg_put(&svg, "</text>\n");
	}
	forecast_context_init(&c);
	while (shown < given.panels && forecast_block_read(reader, &c.ctx, setup, block))
	{
		MemoryContext caller = MemoryContextSwitchTo(c.context);

		block->n = Min(block->n, given.panels - shown);
		forecast_block_run(&c.ctx, setup, block);
		for (int i = 0; i < block->n; i++, shown++, top += FORECAST_PLOT_PANEL)
			panel(&svg, top, ecml_series_has_clock(reader), setup, &given, &block->series[i], &block->tasks[i]);
		MemoryContextSwitchTo(caller);
		forecast_context_reset(&c);
	}
	MemoryContextDelete(c.context);
	if (total > given.panels)
		ecml_svg_put(&svg, "<text x=\"16\" y=\"%d\">and " INT64_FORMAT " more series</text>\n", top + 24, total - given.panels);
	ecml_series_close(reader);
	PG_RETURN_TEXT_P(cstring_to_text(ecml_svg_close(&svg)));
}
