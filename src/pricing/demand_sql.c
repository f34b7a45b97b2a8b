/*
 * demand_sql.c - a source of sales read as products with demand curves
 *
 * Columns are found by options or by their usual names and become numbers in a query of our own around the source.  Rows are kept
 * within ecml.work_mem, put in the order of products and times, and made into terms: own price, competitors' prices, prices of the
 * category, controls (texts as dummies), season, trend.
 */
#include "pricing/demand_sql.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/bind.h"
#include "core/dict.h"
#include "core/guc.h"
#include "core/roles.h"
#include "core/source.h"
#include "num/sort.h"

static const char *const forms[] = {"log_log", "semi_log", "linear", "poisson", NULL};	/* as DemandForm */
static const char *const errors[] = {"classical", "robust", NULL};	/* as DemandErrors */
static const char *const seasons[] = {"none", "yearly", "month", "quarter", "week", "weekday", NULL};	/* as DemandSeason */
static const char *const crosses[] = {"none", "index", "pairs", NULL};	/* as DemandCross */

const EcmlOption demand_options[] = {
	ECML_OPT_TEXT(DemandOptions, product, "product"),
	ECML_OPT_TEXT(DemandOptions, price, "price"),
	ECML_OPT_TEXT(DemandOptions, units, "units"),
	ECML_OPT_ALIAS_TEXT(DemandOptions, units, "quantity"),
	ECML_OPT_TEXT(DemandOptions, time, "time"),
	ECML_OPT_TEXT(DemandOptions, category, "category"),
	ECML_OPT_TEXT(DemandOptions, competitor, "competitor_price"),
	ECML_OPT_LIST(DemandOptions, competitors, "competitor_prices"),
	ECML_OPT_LIST(DemandOptions, controls, "controls"),
	ECML_OPT_LIST(DemandOptions, instruments, "instruments"),
	ECML_OPT_ENUM(DemandOptions, form, "form", forms),
	ECML_OPT_ENUM(DemandOptions, errors, "errors", errors),
	ECML_OPT_ENUM(DemandOptions, season, "season", seasons),
	ECML_OPT_ENUM(DemandOptions, cross, "cross", crosses),
	ECML_OPT_BOOL(DemandOptions, trend, "trend"),
	ECML_OPT_BOOL(DemandOptions, pooling, "pooling"),
	ECML_OPT_FLOAT(DemandOptions, level, "level", 0.01, 0.9999),
	ECML_OPT_INT64(DemandOptions, seed, "seed", 0, 9007199254740992.0),
	ECML_OPT_END
};

static const char *const product_names[] = {"product_id", "product", "sku", "item", "item_id", "article", "series", "stock_code", NULL};
static const char *const price_names[] = {"price", "unit_price", "sales_price", NULL};
static const char *const units_names[] = {"units", "quantity", "qty", "units_sold", "demand", "sales", "sold", NULL};
static const char *const time_names[] = {"week", "date", "ds", "day", "month", "time", "period", "sold_at", "ordered_at", NULL};
static const char *const category_names[] = {"category", "product_category", "category_id", NULL};
static const char *const competitor_names[] = {"competitor_price", "competitor", "rival_price", NULL};
static const char *const control_names[] = {"promo", "promotion", "on_promo", "is_promo", "season"};
const char *const demand_cost_names[] = {"cost", "unit_cost", NULL};
const char *const demand_stock_names[] = {"stock", "on_hand", "inventory", NULL};

/* How a column of the source is used. */
typedef enum Use
{
	USE_PRODUCT,
	USE_CATEGORY,
	USE_TIME,
	USE_BUCKET,
	USE_PRICE,
	USE_UNITS,
	USE_COMPETITOR,
	USE_CONTROL,
	USE_INSTRUMENT,
	USE_EXTRA
} Use;

typedef struct Column
{
	Use			use;
	const char *name;
	bool		label;			/* a text, by its code */
	EcmlDict   *labels;
} Column;

typedef struct Reading
{
	DemandTable *table;
	const DemandOptions *options;
	Column	   *columns;
	int			ncolumns;
	int			room;
	double	   *cells;			/* [rows][ncolumns] */
	size_t		rows;
	size_t		capacity;
} Reading;

const char *
demand_note(const DemandFit *fit)
{
	switch (fit->status)
	{
		case DEMAND_OK:
			return NULL;
		case DEMAND_NO_ROWS:
			return "no row has units, price and controls that can be used";
		case DEMAND_CONSTANT_PRICE:
			return "the price never changed";
		case DEMAND_TOO_FEW:
			return "too few rows for so many terms";
		case DEMAND_NOT_IDENTIFIED:
			return "the instruments do not move the price";
		case DEMAND_NOTHING_SOLD:
			return "nothing was sold";
	}
	return NULL;
}

/* ---- columns */

static void
not_fit(const EcmlSource *source, int number, const char *what, const char *hint)
{
	Form_pg_attribute attribute = TupleDescAttr(source->desc, number);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" cannot be the %s", NameStr(attribute->attname), what),
			 errdetail("Its type is %s.", format_type_be(attribute->atttypid)),
			 errhint("%s", hint)));
}

static EcmlKind
kind_of(const EcmlSource *source, int number, const char *what)
{
	EcmlConvert convert;
	EcmlConvert element_convert;
	EcmlKind	kind;
	Oid			element;

	if (!ecml_bind_plan(TupleDescAttr(source->desc, number)->atttypid, &convert, &kind, &element, &element_convert) ||
		convert == ECML_FROM_ARRAY)
		not_fit(source, number, what, "It must be a number, a boolean or a text.");
	return kind;
}

static const char *const bucket_fields[] = {NULL, "doy", "month", "quarter", "week", "isodow"};	/* as DemandSeason */

/* The column is used: its expression goes to the query, its values to the rows. */
static Column *
use_column(Reading *reading, StringInfo query, const EcmlSource *source, int number, Use use, const char *what)
{
	const char *sql = ecml_role_sql(source, number);
	Column	   *column;

	if (reading->ncolumns == reading->room)
	{
		reading->room = reading->room ? 2 * reading->room : 32;
		reading->columns = reading->columns ? repalloc(reading->columns, reading->room * sizeof(Column)) :
			palloc(reading->room * sizeof(Column));
	}
	column = &reading->columns[reading->ncolumns++];
	*column = (Column) {.use = use,.name = pstrdup(NameStr(TupleDescAttr(source->desc, number)->attname))};
	appendStringInfoString(query, reading->ncolumns > 1 ? ", " : "SELECT ");
	if (use == USE_PRODUCT || use == USE_CATEGORY)
	{
		column->label = true;
		appendStringInfo(query, "%s::pg_catalog.text", sql);
	}
	else if (use == USE_BUCKET)
		appendStringInfo(query, "pg_catalog.date_part('%s', %s::pg_catalog.timestamp)", bucket_fields[reading->options->season], sql);
	else if (use == USE_TIME)
	{
		EcmlKind	kind = kind_of(source, number, what);

		if (kind == ECML_TIME)
			appendStringInfo(query, "pg_catalog.date_part('epoch', %s::pg_catalog.timestamp)", sql);
		else if (kind == ECML_NUMBER)
			appendStringInfo(query, "%s::pg_catalog.float8", sql);
		else
			not_fit(source, number, what, "It must be a date, a timestamp or a number.");
		reading->table->has_time = true;
		reading->table->has_clock = kind == ECML_TIME;
	}
	else
	{
		EcmlKind	kind = kind_of(source, number, what);

		if (kind == ECML_NUMBER)
			appendStringInfo(query, "%s::pg_catalog.float8", sql);
		else if (kind == ECML_BOOLEAN && (use == USE_CONTROL || use == USE_INSTRUMENT))
			appendStringInfo(query, "%s::pg_catalog.int4::pg_catalog.float8", sql);
		else if (kind == ECML_CATEGORY && use == USE_CONTROL)
		{
			column->label = true;
			appendStringInfo(query, "%s::pg_catalog.text", sql);
		}
		else
			not_fit(source, number, what, use == USE_CONTROL ? "A control is a number, a boolean or a text." : "It must be a number.");
	}
	if (column->label)
		column->labels = ecml_dict_create(CurrentMemoryContext);
	return column;
}

static bool
is_used(const Reading *reading, const char *name)
{
	for (int c = 0; c < reading->ncolumns; c++)
		if (strcmp(reading->columns[c].name, name) == 0)
			return true;
	return false;
}

static void
use_list(Reading *reading, StringInfo query, const EcmlSource *source, Jsonb *list, Use use, const char *what)
{
	int			n;
	int		   *columns = ecml_source_columns(source, list, what, &n);

	for (int i = 0; i < n; i++)
		(void) use_column(reading, query, source, columns[i], use, what);
}

static void
plan_columns(Reading *reading, StringInfo query, const EcmlSource *source, DemandExtra *extras, int nextras)
{
	const DemandOptions *options = reading->options;
	int			number;

	number = ecml_role_find(source, options->product, "product", product_names);
	if (number >= 0)
		(void) use_column(reading, query, source, number, USE_PRODUCT, "product");
	(void) use_column(reading, query, source, ecml_role_need(source, options->price, "price", price_names), USE_PRICE, "price");
	(void) use_column(reading, query, source, ecml_role_need(source, options->units, "units", units_names), USE_UNITS, "units");
	number = ecml_role_find(source, options->time, "time", time_names);
	if (number >= 0 && !options->time)
	{
		EcmlKind	kind = kind_of(source, number, "time");

		if (kind != ECML_TIME && kind != ECML_NUMBER)
			number = -1;
	}
	if (number >= 0)
		(void) use_column(reading, query, source, number, USE_TIME, "time");
	if (options->season != SEASON_NONE || options->cross != CROSS_NONE || options->trend)
	{
		if (number < 0 || (options->season != SEASON_NONE && !reading->table->has_clock))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("season, trend and cross prices need a time"),
					 number < 0 ? errdetail("No column of the source is known as the time.") :
					 errdetail("Column \"%s\" is a number, and a season needs a date or a timestamp.",
							   NameStr(TupleDescAttr(source->desc, number)->attname)),
					 errhint("Name a column with the option \"time\".")));
		if (options->season != SEASON_NONE)
			(void) use_column(reading, query, source, number, USE_BUCKET, "time");
	}
	number = options->category || options->cross != CROSS_NONE ?
		ecml_role_find(source, options->category, "category", category_names) : -1;
	if (number >= 0)
		(void) use_column(reading, query, source, number, USE_CATEGORY, "category");
	number = ecml_role_find(source, options->competitor, "competitor_price", competitor_names);
	if (number >= 0 && !options->competitors)
		(void) use_column(reading, query, source, number, USE_COMPETITOR, "competitor_price");
	use_list(reading, query, source, options->competitors, USE_COMPETITOR, "competitor_prices");
	if (options->controls)
		use_list(reading, query, source, options->controls, USE_CONTROL, "controls");
	else
		for (int i = 0; i < (int) lengthof(control_names); i++)
		{
			const char *const names[] = {control_names[i], NULL};

			number = ecml_role_find(source, NULL, "controls", names);
			if (number >= 0 && !is_used(reading, NameStr(TupleDescAttr(source->desc, number)->attname)) &&
				!(i == lengthof(control_names) - 1 && options->season != SEASON_NONE))
				(void) use_column(reading, query, source, number, USE_CONTROL, "controls");
		}
	use_list(reading, query, source, options->instruments, USE_INSTRUMENT, "instruments");
	for (int e = 0; e < nextras; e++)
	{
		number = ecml_role_find(source, extras[e].column, extras[e].option, extras[e].usual);
		extras[e].found = number >= 0;
		if (number >= 0)
			(void) use_column(reading, query, source, number, USE_EXTRA, extras[e].option);
	}
}

static void
read_row(void *arg, TupleTableSlot *slot)
{
	Reading    *reading = arg;
	int			width = reading->ncolumns;
	double	   *to;

	if (reading->rows == reading->capacity)
	{
		reading->capacity = reading->capacity ? 2 * reading->capacity : 1024;
		reading->cells = ecml_resize_array(&reading->table->ctx, reading->cells, reading->capacity * width, sizeof(double));
	}
	to = reading->cells + reading->rows++ * width;
	for (int c = 0; c < width; c++)
	{
		Column	   *column = &reading->columns[c];

		if (slot->tts_isnull[c])
			to[c] = NAN;
		else if (column->label)
		{
			text	   *value = DatumGetTextPP(slot->tts_values[c]);

			to[c] = ecml_dict_add(column->labels, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
		}
		else
		{
			to[c] = DatumGetFloat8(slot->tts_values[c]);
			if (!isfinite(to[c]))
				ereport(ERROR,
						(errcode(ERRCODE_DATA_EXCEPTION),
						 errmsg("column \"%s\" holds a value that is not finite", column->name),
						 errdetail("A row has %g there.", to[c]),
						 errhint("Filter such rows out, or make the value NULL.")));
		}
	}
}

/* ---- products in their order: numbers as numbers, else by bytes */

typedef struct Key
{
	const char *name;
	bool		numbers;
	double		number;
	int			code;
} Key;

static int
compare_keys(const void *a, const void *b)
{
	const Key  *x = a;
	const Key  *y = b;

	if (x->numbers && x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* rank [n] of each code */
static int *
rank_labels(const EcmlDict *dict)
{
	Key		   *keys = palloc((dict->n + 1) * sizeof(Key));
	int		   *rank = palloc((dict->n + 1) * sizeof(int));
	bool		numbers = true;

	for (int i = 0; i < dict->n; i++)
	{
		char	   *end;

		keys[i] = (Key) {.name = dict->entries[i].key,.code = i};
		keys[i].number = strtod(keys[i].name, &end);
		numbers &= end != keys[i].name && *end == '\0' && isfinite(keys[i].number);
	}
	for (int i = 0; i < dict->n; i++)
		keys[i].numbers = numbers;
	qsort(keys, dict->n, sizeof(Key), compare_keys);
	for (int i = 0; i < dict->n; i++)
		rank[keys[i].code] = i;
	pfree(keys);
	return rank;
}

typedef struct Place
{
	int			product;
	int			category;
	double		time;
	size_t		row;
} Place;

/*
 * Places [n] in the order of their group (product or category, below ngroups) and of time, else as they came.  Rows without a time
 * come first, so that they are not the last.
 */
static Place *
sort_places(EcmlCtx *ctx, const Place *given, size_t n, bool by_category, int ngroups)
{
	Place	   *places = ECML_NEW(ctx, Place, n + 1);
	Place	   *held = ECML_NEW(ctx, Place, n + 1);
	size_t	   *end = ECML_NEW0(ctx, size_t, ngroups + 1);
	double	   *keys = ECML_NEW(ctx, double, 2 * n + 1);

#define GROUP(place) (by_category ? (place)->category : (place)->product)
	for (size_t i = 0; i < n; i++)
		end[GROUP(&given[i]) + 1]++;
	for (int g = 0; g < ngroups; g++)
		end[g + 1] += end[g];
	for (size_t i = 0; i < n; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		held[end[GROUP(&given[i])]++] = given[i];
	}
#undef GROUP
	/* end[g] is now the end of g */
	for (int g = 0; g < ngroups; g++)
	{
		size_t		first = g > 0 ? end[g - 1] : 0;
		size_t		at = first;
		size_t		m = 0;
		bool		sorted = true;

		for (size_t i = first; i < end[g]; i++)
			if (isnan(held[i].time))
				places[at++] = held[i];
			else
			{
				sorted &= m == 0 || keys[2 * m - 2] <= held[i].time;
				keys[2 * m] = held[i].time;
				keys[2 * m++ + 1] = (double) i;
			}
		if (!sorted)
			ecml_sort_f8_pairs(ctx, keys, m);
		for (size_t i = 0; i < m; i++)
			places[at++] = held[(size_t) keys[2 * i + 1]];
		CHECK_FOR_INTERRUPTS();
	}
	ecml_free(ctx, keys);
	ecml_free(ctx, end);
	ecml_free(ctx, held);
	return places;
}

/* ---- terms */

static void
add_term(DemandTable *table, int *n, char *name)
{
	if (*n >= DEMAND_MAX_TERMS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are too many terms"),
				 errdetail("At most %d are possible, categories of texts and the season counted.", DEMAND_MAX_TERMS),
				 errhint("Leave controls out, or take the season \"yearly\" or \"month\".")));
	table->terms[(*n)++] = name;
}

static int
column_of(const Reading *reading, Use use)
{
	for (int c = 0; c < reading->ncolumns; c++)
		if (reading->columns[c].use == use)
			return c;
	return -1;
}

/* Prices of the others of the category at the same time. */
static void
fill_cross(DemandTable *table, const Reading *reading, Place *given, double *x)
{
	Place	   *places;
	int			k = table->data.nterms;
	int			n = (int) table->rows;
	bool		logs = demand_logs_price(table->data.form);
	int		   *number = palloc0((table->data.products + 1) * sizeof(int));	/* of a product within its category */
	int		   *count = palloc0((table->categories + 1) * sizeof(int));

	for (int p = 0; p < table->data.products; p++)
		number[p] = count[table->category[p]]++;
	if (table->options->cross == CROSS_PAIRS)
		for (int p = 0; p < table->data.products; p++)
		{
			CHECK_FOR_INTERRUPTS();
			for (int q = 0; q < table->data.products; q++)
				if (q != p && table->category[q] == table->category[p])
					table->others[p * table->ncross + (number[q] < number[p] ? number[q] : number[q] - 1)] = q;
		}
	for (int i = 0; i < n; i++)
		given[i].category = table->category[given[i].product];
	places = sort_places(&table->ctx, given, n, true, table->categories);
	for (int from = 0, to; from < n; from = to)
	{
		double		sum = 0;
		double		weight = 0;

		CHECK_FOR_INTERRUPTS();
		for (to = from; to < n && places[to].category == places[from].category && places[to].time == places[from].time; to++)
		{
			double		price = x[places[to].row * k];

			if (!(price > 0))
				continue;
			sum += table->weight[places[to].product] * (logs ? log(price) : price);
			weight += table->weight[places[to].product];
		}
		if (to == from)
		{
			to++;				/* a time that is not known */
			continue;
		}
		for (int i = from; i < to; i++)
		{
			int			p = places[i].product;
			double	   *row = x + places[i].row * k;

			if (table->options->cross == CROSS_INDEX)
			{
				double		own = table->weight[p];
				double		mean;

				if (!(row[0] > 0) || weight - own < 1e-9 * weight)
					continue;
				mean = (sum - own * (logs ? log(row[0]) : row[0])) / (weight - own);
				row[table->first_cross] = logs ? exp(mean) : mean;
				continue;
			}
			for (int j = from; j < to; j++)
				if (places[j].product != p)
				{
					int			q = places[j].product;

					row[table->first_cross + (number[q] < number[p] ? number[q] : number[q] - 1)] = x[places[j].row * k];
				}
		}
	}
	ecml_free(&table->ctx, places);
}

void
demand_season_at(const DemandTable *table, double time, double *x)
{
	static const int month_starts[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	/* seconds since 1970-01-01 */
	double		days = floor(time / 86400);
	double		year = floor(days / 365.2425);
	int			doy = (int) (days - year * 365.2425);
	int			bucket = 0;

	switch (table->options->season)
	{
		case SEASON_YEARLY:
			for (int w = 0; w < 2; w++)
			{
				x[table->first_season + 2 * w] = cos(2 * M_PI * (w + 1) * (doy + 1) / 365.25);
				x[table->first_season + 2 * w + 1] = sin(2 * M_PI * (w + 1) * (doy + 1) / 365.25);
			}
			return;
		case SEASON_MONTH:
		case SEASON_QUARTER:
			for (bucket = 12; bucket > 1 && doy < month_starts[bucket - 1]; bucket--)
				;
			if (table->options->season == SEASON_QUARTER)
				bucket = (bucket + 2) / 3;
			break;
		case SEASON_WEEK:
			bucket = Min(doy / 7 + 1, 52);
			break;
		case SEASON_WEEKDAY:
			bucket = 1 + (int) fmod(days + 3, 7);
			break;
		default:
			return;
	}
	for (int s = 0; s < table->nseason; s++)
		x[table->first_season + s] = table->bucket[s] == bucket;
}

static void
plan_terms(DemandTable *table, const Reading *reading, int **offsets)
{
	const DemandOptions *options = table->options;
	int			bucket = column_of(reading, USE_BUCKET);
	int			n = 0;

	table->terms = palloc0(DEMAND_MAX_TERMS * sizeof(char *));
	add_term(table, &n, pstrdup("price"));
	for (int c = 0; c < reading->ncolumns; c++)
		if (reading->columns[c].use == USE_COMPETITOR)
			add_term(table, &n, pstrdup(reading->columns[c].name));
	table->competitors = n - 1;
	table->first_cross = n;
	if (options->cross == CROSS_INDEX)
		add_term(table, &n, pstrdup("category price"));
	else if (options->cross == CROSS_PAIRS)
	{
		int		   *count = palloc0((table->categories + 1) * sizeof(int));
		int			most = 0;

		for (int p = 0; p < table->data.products; p++)
			most = Max(most, ++count[table->category[p]]);
		if (most > DEMAND_MAX_PAIRS + 1)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("a category has too many products for prices of pairs"),
					 errdetail("It has %d; at most %d are possible.", most, DEMAND_MAX_PAIRS + 1),
					 errhint("Use \"cross\": \"index\", the mean price of the others.")));
		for (int o = 1; o < most; o++)
			add_term(table, &n, psprintf("other %d", o));
	}
	table->ncross = n - table->first_cross;
	table->data.nprices = n;
	*offsets = palloc0((reading->ncolumns + 1) * sizeof(int));
	for (int c = 0; c < reading->ncolumns; c++)
	{
		const Column *column = &reading->columns[c];

		if (column->use != USE_CONTROL)
			continue;
		(*offsets)[c] = n;
		if (!column->label)
			add_term(table, &n, pstrdup(column->name));
		else
		{
			int		   *order = ecml_dict_order(column->labels);

			/* the first one is the reference */
			for (int l = 1; l < column->labels->n; l++)
				add_term(table, &n, psprintf("%s=%s", column->name, column->labels->entries[order[l]].key));
		}
	}
	table->first_season = n;
	if (options->season == SEASON_YEARLY)
	{
		static const char *const waves[] = {"year cos 1", "year sin 1", "year cos 2", "year sin 2"};

		for (int w = 0; w < 4; w++)
			add_term(table, &n, pstrdup(waves[w]));
	}
	else if (options->season != SEASON_NONE)
	{
		bool		there[54] = {false};
		bool		first = true;

		for (size_t i = 0; i < reading->rows; i++)
		{
			double		b = reading->cells[i * reading->ncolumns + bucket];

			if (b >= 1 && b <= 53)
				there[(int) b] = true;
		}
		table->bucket = palloc(54 * sizeof(int));
		for (int b = 1; b <= 53; b++)
			if (there[b])
			{
				if (!first)
				{
					table->bucket[n - table->first_season] = b;
					add_term(table, &n, psprintf("%s=%d", seasons[options->season], b));
				}
				first = false;
			}
	}
	table->nseason = n - table->first_season;
	table->trend = -1;
	if (options->trend)
	{
		table->trend = n;
		table->trend_unit = table->has_clock ? 365.25 * 86400 : 1;
		add_term(table, &n, pstrdup("trend"));
	}
	table->data.nterms = n;
}

/* What turns cells into the arrays of DemandData. */
typedef struct Arranging
{
	DemandTable *table;
	const Reading *reading;
	int			product;		/* columns of these uses, or -1 */
	int			time;
	int			bucket;
	int			price;
	int			units;
	int		   *rank;			/* of a product's label; NULL: there is one product */
	int		   *offsets;		/* [columns] first term of a control */
	int		  **label_rank;		/* [columns][labels] of controls that are texts */
	int			instruments;
	Place	   *places;			/* [rows] in the order of products and times */
} Arranging;

/* Rows that are of a product, in the order of products and times. */
static void
order_rows(Arranging *a)
{
	DemandTable *table = a->table;
	const Reading *reading = a->reading;
	Place	   *unsorted = ECML_NEW(&table->ctx, Place, reading->rows + 1);
	size_t		n = 0;

	for (size_t i = 0; i < reading->rows; i++)
	{
		const double *row = reading->cells + i * reading->ncolumns;

		if (a->product >= 0 && isnan(row[a->product]))
			continue;
		unsorted[n++] = (Place) {.product = a->rank ? a->rank[(int) row[a->product]] : 0,
			.time = a->time >= 0 ? row[a->time] : 0,.row = i};
	}
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no rows to learn demand from"),
				 errdetail("Rows of the source: %zu.", reading->rows),
				 errhint("Look at what the source gives.")));
	table->data.products = a->rank ? reading->columns[a->product].labels->n : 1;
	table->rows = n;
	a->places = sort_places(&table->ctx, unsorted, n, false, table->data.products);
	ecml_free(&table->ctx, unsorted);
}

/* Names of products, and the category of each: that of its last row that tells one; products without are alone. */
static void
name_products(const Arranging *a)
{
	DemandTable *table = a->table;
	const Reading *reading = a->reading;
	int			products = table->data.products;
	int			category = column_of(reading, USE_CATEGORY);
	int			known;

	table->names = palloc0((products + 1) * sizeof(char *));
	if (a->rank)
		for (int c = 0; c < products; c++)
			table->names[a->rank[c]] = reading->columns[a->product].labels->entries[c].key;
	table->category = palloc0((products + 1) * sizeof(int));
	table->categories = 1;
	if (category < 0)
		return;
	known = reading->columns[category].labels->n;
	for (int p = 0; p < products; p++)
		table->category[p] = -1;
	for (size_t i = 0; i < table->rows; i++)
	{
		double		c = reading->cells[a->places[i].row * reading->ncolumns + category];

		if (!isnan(c))
			table->category[a->places[i].product] = (int) c;
	}
	for (int p = 0; p < products; p++)
		if (table->category[p] < 0)
			table->category[p] = known++;
	table->categories = known;
}

/* Instruments are counted, labels of controls ranked. */
static void
look_at_columns(Arranging *a)
{
	const Reading *reading = a->reading;

	a->label_rank = palloc0((reading->ncolumns + 1) * sizeof(int *));
	for (int c = 0; c < reading->ncolumns; c++)
	{
		const Column *column = &reading->columns[c];

		a->instruments += column->use == USE_INSTRUMENT;
		if (column->use == USE_CONTROL && column->label)
		{
			int		   *order = ecml_dict_order(column->labels);

			a->label_rank[c] = palloc((column->labels->n + 1) * sizeof(int));
			for (int l = 0; l < column->labels->n; l++)
				a->label_rank[c][order[l]] = l;
		}
	}
	if (a->instruments > DEMAND_MAX_INSTRUMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are too many instruments"),
				 errdetail("There are %d; at most %d are possible.", a->instruments, DEMAND_MAX_INSTRUMENTS),
				 errhint("Leave some out.")));
}

/* The terms of a row that are columns, x [terms], and its instruments z; what extra columns say of its product p. */
static void
take_cells(const Arranging *a, const double *row, int p, double *x, double *z)
{
	DemandTable *table = a->table;
	int			competitor = 1;
	int			instrument = 0;
	int			extra = 0;

	for (int c = 0; c < a->reading->ncolumns; c++)
	{
		const Column *column = &a->reading->columns[c];

		switch (column->use)
		{
			case USE_COMPETITOR:
				x[competitor++] = row[c];
				break;
			case USE_CONTROL:
				if (!column->label)
					x[a->offsets[c]] = row[c];
				else
					for (int l = 1; l < column->labels->n; l++)
						x[a->offsets[c] + l - 1] = isnan(row[c]) ? NAN : a->label_rank[c][(int) row[c]] == l;
				break;
			case USE_INSTRUMENT:
				z[instrument++] = row[c];
				break;
			case USE_EXTRA:
				if (!isnan(row[c]))
					table->extra[(size_t) p * table->extras + extra] = row[c];
				extra++;
				break;
			default:
				break;
		}
	}
}

/* The terms of season and trend; bucket: its day of the year, month, ... */
static void
take_time(const DemandTable *table, double bucket, double time, double *x)
{
	double	   *season = x + table->first_season;

	if (table->options->season == SEASON_YEARLY && !isnan(bucket))
		for (int w = 0; w < 2; w++)
		{
			season[2 * w] = cos(2 * M_PI * (w + 1) * bucket / 365.25);
			season[2 * w + 1] = sin(2 * M_PI * (w + 1) * bucket / 365.25);
		}
	else if (!isnan(bucket))
		for (int s = 0; s < table->nseason; s++)
			season[s] = bucket == table->bucket[s];
	if (table->trend >= 0)
		x[table->trend] = time / table->trend_unit;
}

static double *
not_known(EcmlCtx *ctx, size_t n)
{
	double	   *values = ECML_NEW(ctx, double, n + 1);

	for (size_t i = 0; i < n; i++)
		values[i] = NAN;
	return values;
}

/* From cells to the arrays of DemandData, in the order of products and times. */
static void
arrange(DemandTable *table, Reading *reading)
{
	EcmlCtx    *ctx = &table->ctx;
	Arranging	a = {
		.table = table,.reading = reading,.product = column_of(reading, USE_PRODUCT),.time = column_of(reading, USE_TIME),
		.bucket = column_of(reading, USE_BUCKET),.price = column_of(reading, USE_PRICE),.units = column_of(reading, USE_UNITS)
	};
	int			products;
	int			k;
	int			m;
	size_t		n;
	size_t	   *start;
	double	   *x;
	double	   *z;
	double	   *y;

	if (a.product >= 0)
		a.rank = rank_labels(reading->columns[a.product].labels);
	order_rows(&a);
	name_products(&a);
	plan_terms(table, reading, &a.offsets);
	look_at_columns(&a);
	products = table->data.products;
	k = table->data.nterms;
	m = a.instruments;
	n = table->rows;
	table->others = palloc((products * table->ncross + 1) * sizeof(int));
	for (int i = 0; i < products * table->ncross; i++)
		table->others[i] = -1;
	start = ECML_NEW0(ctx, size_t, products + 1);
	x = not_known(ctx, n * k);
	z = ECML_NEW(ctx, double, n * m + 1);
	y = ECML_NEW(ctx, double, n);
	table->time = ECML_NEW(ctx, double, n);
	table->extra = not_known(ctx, (size_t) products * table->extras);
	table->last = not_known(ctx, (size_t) products * k);
	table->weight = ECML_NEW0(ctx, double, products);
	for (size_t i = 0; i < n; i++)
	{
		Place	   *place = &a.places[i];
		const double *row = reading->cells + place->row * reading->ncolumns;

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		start[place->product + 1] = i + 1;
		table->time[i] = place->time;
		place->row = i;
		x[i * k] = row[a.price];
		y[i] = row[a.units];
		take_cells(&a, row, place->product, x + i * k, z + i * m);
		take_time(table, a.bucket >= 0 ? row[a.bucket] : NAN, place->time, x + i * k);
		if (isfinite(y[i]))
			table->weight[place->product] += y[i];
	}
	for (int p = 0; p < products; p++)
	{
		start[p + 1] = Max(start[p + 1], start[p]);
		table->weight[p] = fmax(table->weight[p] / Max(start[p + 1] - start[p], 1), 1e-9);
	}
	if (table->ncross > 0)
		fill_cross(table, reading, a.places, x);
	for (int p = 0; p < products; p++)
		for (size_t i = start[p]; i < start[p + 1]; i++)
			for (int j = 0; j < k; j++)
				if (!isnan(x[i * k + j]))
					table->last[(size_t) p * k + j] = x[i * k + j];
	ecml_free(ctx, a.places);
	table->data.start = start;
	table->data.ninstruments = m;
	table->data.x = x;
	table->data.z = z;
	table->data.units = y;
}

DemandTable *
demand_read(const char *source, const DemandOptions *options, DemandExtra *extras, int nextras)
{
	MemoryContext context = CurrentMemoryContext;
	DemandTable *table = palloc0(sizeof(DemandTable));
	Reading		reading = {.table = table,.options = options};
	EcmlSource	given;
	EcmlSource	query;
	StringInfoData sql;
	char	   *from;

	table->context = context;
	if (options->form == DEMAND_POISSON && options->instruments)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the Poisson form takes no instruments"),
				 errdetail("Two stages are those of least squares."),
				 errhint("Use \"form\": \"log_log\" with instruments.")));
	table->options = options;
	table->data.form = options->form;
	table->data.errors = options->errors;
	ecml_host_init(&table->ctx, &table->host, context, (size_t) ecml_guc_work_mem * 1024, options->seed);
	SPI_connect();
	ecml_source_open(&given, source);
	from = ecml_source_from(source);
	initStringInfo(&sql);
	MemoryContextSwitchTo(context);
	plan_columns(&reading, &sql, &given, extras, nextras);
	appendStringInfo(&sql, " FROM %s AS s", from);
	for (int e = 0; e < nextras; e++)
		table->extras += extras[e].found;
	ecml_source_open(&query, sql.data);
	ecml_source_run(&query, read_row, &reading);
	SPI_finish();
	MemoryContextSwitchTo(context);
	arrange(table, &reading);
	if (reading.cells)
		ecml_free(&table->ctx, reading.cells);
	table->fits = demand_fit(&table->ctx, &table->data);
	if (options->pooling)
		demand_pool(&table->ctx, &table->data, table->fits, &table->pool);
	return table;
}

double
demand_extra_of(const DemandTable *table, const DemandExtra *extras, int e, const EcmlColumnOrNumber *option, int p)
{
	int			place = 0;

	if (!isnan(option->number))
		return option->number;
	if (!extras[e].found)
		return NAN;
	for (int i = 0; i < e; i++)
		place += extras[i].found;
	return table->extra[(size_t) p * table->extras + place];
}
