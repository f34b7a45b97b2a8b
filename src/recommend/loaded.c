/*
 * loaded.c - a recommender as it is served: from bytes, what is derived from them, and its flat form
 *
 * Reading checks every length and range: the bytes may come from anywhere.  What is derived (the coarse copy of the factors, the order
 * of the items, the hash of ids) costs most of loading, which is why sessions share it: the flat form is all of it in one block.
 */
#include "dense.h"

#include <float.h>
#include <limits.h>

#include "num/hash.h"
#include "num/sort.h"

#define AHEAD 8					/* rows that are asked of memory before their turn */
#define MAX_ITEMS 50000000
#define MIN_ID_BYTES 4
#define SMALLEST_ROW 1e-20f	/* greatest of a row, by which it is divided */

RecTexts
rec_texts(EcmlCtx *ctx, char *const *strings, size_t n)
{
	RecTexts	texts = {NULL, ECML_NEW(ctx, uint32_t, n + 1), 0};

	for (size_t i = 0; i < n; i++)
		texts.size += strlen(strings[i]) + 1;
	if (texts.size > UINT32_MAX)
	{
		ecml_detail(ctx, "They take %zu bytes.", texts.size);
		ecml_fail(ctx, ECML_LIMIT_EXCEEDED, "ids of items take more than 4 GB");
	}
	texts.text = ECML_NEW(ctx, char, texts.size + 1);
	for (size_t i = 0, place = 0; i < n; i++)
	{
		size_t		length = strlen(strings[i]) + 1;

		texts.at[i] = (uint32_t) place;
		memcpy(texts.text + place, strings[i], length);
		place += length;
	}
	return texts;
}

/* ---- what is derived */

typedef int8_t LaneBytes __attribute__((vector_size(REC_LANES)));

/* The greatest of each factor, and the length of each row. */
static ECML_CLONES void
measure_items(RecFactors *f, double *lengths)
{
	for (int j = 0; j < f->stride; j += REC_LANES)
	{
		LaneNumbers most = {0};		/* sizes as their bits, which are in the same order */

		for (int i = 0; i < f->items; i++)
		{
			LaneNumbers size = (LaneNumbers) LANES(f->item + (size_t) i * f->stride + j) & INT_MAX;
			LaneNumbers more = size > most;

			most = (size & more) | (most & ~more);
		}
		LANES_OUT(f->size + j) = (Lanes) most;
	}
	for (int k = 0; k < f->dimension; k++)
		/* never so small that it has no inverse */
		f->size[k] = f->size[k] > 2 * FLT_MIN ? f->size[k] : 2 * FLT_MIN;
	for (int i = 0; i < f->items; i++)
	{
		const float *row = f->item + (size_t) i * f->stride;

		/* pairs to be sorted: the longest first */
		lengths[2 * (size_t) i] = -sqrt((double) dense_dot(row, row, f->stride));
		lengths[2 * (size_t) i + 1] = i;
	}
}

/*
 * Each row by the greatest of each factor, then in steps of a 127th of its own greatest: rows differ in size by orders of magnitude, and
 * of a small one the copy must be off by little, too.
 */
static ECML_CLONES void
pack_items(RecFactors *f)
{
	int			words = rec_coarse_words(f->dimension);
	float		inverse[REC_MAX_FACTORS + 2 * REC_LANES] __attribute__((aligned(ECML_ALIGN))) = {0};
	float		farthest = 0;

	for (int k = 0; k < f->dimension; k++)
		inverse[k] = 1 / f->size[k];
	for (int i = 0; i < f->items; i++)
	{
		const float *row = f->item + (size_t) f->order[i] * f->stride;
		uint32_t   *to = f->coarse + (size_t) (i / REC_LANES) * words * REC_LANES + i % REC_LANES;
		LaneNumbers most = {0};
		Lanes		square = {0};
		float		greatest = SMALLEST_ROW;
		float		per_step;

		for (int j = 0; i + AHEAD < f->items && j < f->stride; j += REC_LANES)
			__builtin_prefetch(f->item + (size_t) f->order[i + AHEAD] * f->stride + j);
		for (int j = 0; j < f->stride; j += REC_LANES)
		{
			LaneNumbers size = (LaneNumbers) (LANES(row + j) * LANES(inverse + j)) & INT_MAX;
			LaneNumbers more = size > most;

			most = (size & more) | (most & ~more);
		}
		for (int k = 0; k < REC_LANES; k++)
			greatest = ((Lanes) most)[k] > greatest ? ((Lanes) most)[k] : greatest;
		f->step[i] = greatest / 127;
		per_step = 127 / greatest;
		for (int j = 0; j < f->stride; j += REC_LANES)
		{
			Lanes		v = LANES(row + j) * LANES(inverse + j) * per_step;
			Lanes		half = (Lanes) (((LaneNumbers) v & INT_MIN) | (LaneNumbers) ((Lanes) {0} + 0.5f));
			LaneNumbers steps = __builtin_convertvector(v + half, LaneNumbers);
			LaneBytes	bytes = __builtin_convertvector(steps, LaneBytes);
			uint32_t	four[REC_LANES / 4];

			v -= __builtin_convertvector(steps, Lanes);
			square += v * v;
			memcpy(four, &bytes, sizeof(four));
			for (int w = 0; w < REC_LANES / 4 && j / 4 + w < words; w++)
				to[(j / 4 + w) * REC_LANES] = four[w];
		}
		LANES_SUM(square);
		farthest = square[0] > farthest ? square[0] : farthest;
	}
	f->distance = sqrtf(farthest);
}

void
rec_factors_pack(EcmlCtx *ctx, RecFactors *f)
{
	size_t		places = rec_places(f->items);
	double	   *lengths = ECML_NEW(ctx, double, 2 * (size_t) f->items + 2);

	f->coarse = ECML_NEW(ctx, uint32_t, places * rec_coarse_words(f->dimension) + REC_LANES);
	f->order = ECML_NEW(ctx, int32_t, places + 1);
	f->length = ECML_NEW(ctx, float, places + 1);
	f->step = ECML_NEW0(ctx, float, places + REC_LANES);
	f->size = ECML_NEW0(ctx, float, f->stride);
	measure_items(f, lengths);
	ecml_sort_f8_pairs(ctx, lengths, f->items);
	for (size_t i = 0; i < (size_t) f->items; i++)
	{
		f->order[i] = (int32_t) lengths[2 * i + 1];
		f->length[i] = (float) -lengths[2 * i] + 1e-18f;	/* squares of what is smaller vanish */
	}
	ecml_free(ctx, lengths);
	/* the last block may have places without an item */
	if (places > 0)
		memset(f->coarse + (places - REC_LANES) * rec_coarse_words(f->dimension), 0,
			   (size_t) rec_coarse_words(f->dimension) * REC_LANES * sizeof(uint32_t));
	pack_items(f);
}

static uint32_t
slot_of(const RecModel *model, const char *id, size_t length)
{
	return (uint32_t) (ecml_hash_bytes(id, length, 17) & (model->nslots - 1));
}

int
rec_model_find(const RecModel *model, const char *id, size_t length)
{
	uint32_t	at = slot_of(model, id, length);

	for (; model->slots[at]; at = (at + 1) & (model->nslots - 1))
	{
		const char *other = rec_text(&model->ids, model->slots[at] - 1);

		if (strncmp(other, id, length) == 0 && other[length] == '\0')
			return (int) model->slots[at] - 1;
	}
	return -1;
}

void
rec_model_index(EcmlCtx *ctx, RecModel *model)
{
	size_t		n = model->items;
	double	   *pairs = ECML_NEW(ctx, double, 2 * n + 2);

	model->nslots = 16;
	while (model->nslots < 2 * n)
		model->nslots *= 2;
	model->slots = ECML_NEW0(ctx, uint32_t, model->nslots);
	for (size_t i = 0; i < n; i++)
	{
		const char *id = rec_text(&model->ids, i);
		uint32_t	at = slot_of(model, id, strlen(id));

		while (model->slots[at])
			at = (at + 1) & (model->nslots - 1);
		model->slots[at] = (uint32_t) i + 1;
		pairs[2 * i] = -model->popularity[i];
		pairs[2 * i + 1] = i;
	}
	ecml_sort_f8_pairs(ctx, pairs, n);
	model->by_popularity = ECML_NEW(ctx, int32_t, n + 1);
	for (size_t i = 0; i < n; i++)
		model->by_popularity[i] = (int32_t) pairs[2 * i + 1];
	ecml_free(ctx, pairs);
	model->blank = ECML_NEW0(ctx, uint8_t, n + 1);
	if (model->factors)
	{
		const RecFactors *f = model->factors;

		for (size_t i = 0; i < n; i++)
		{
			bool		blank = true;

			for (int k = 0; k < f->dimension && blank; k++)
				blank = f->item[i * f->stride + k] == 0;
			model->blank[i] = blank;
		}
		rec_factors_pack(ctx, model->factors);
	}
}

/* ---- bytes */

static void
write_neighbors(EcmlWriter *w, const RecNeighbors *neighbors)
{
	ecml_write_u8(w, neighbors != NULL);
	if (neighbors == NULL)
		return;
	ecml_write_u32(w, neighbors->rows);
	for (int i = 0; i < neighbors->rows; i++)
		ecml_write_u32(w, (uint32_t) (neighbors->start[i + 1] - neighbors->start[i]));
	ecml_write_bytes(w, neighbors->other, neighbors->start[neighbors->rows] * sizeof(int32_t));
	ecml_write_f4s(w, neighbors->similarity, neighbors->start[neighbors->rows]);
}

static RecTexts
read_texts(EcmlReader *r, uint32_t n)
{
	RecTexts	texts;

	texts.at = ECML_NEW(r->ctx, uint32_t, (size_t) n + 1);
	texts.text = ecml_read_texts(r, n, texts.at, &texts.size);
	return texts;
}

/* Lengths of rows, and the numbers of columns below limit, in ascending order within a row where asked. */
static size_t *
read_starts(EcmlReader *r, uint32_t rows, size_t element)
{
	size_t	   *start;

	if ((size_t) rows * 4 > ecml_read_left(r))
		ecml_read_corrupted(r, "there are more rows than bytes");
	start = ECML_NEW(r->ctx, size_t, (size_t) rows + 1);
	start[0] = 0;
	for (uint32_t i = 0; i < rows; i++)
		start[i + 1] = start[i] + ecml_read_u32(r);
	if (start[rows] > ecml_read_left(r) / element)
		ecml_read_corrupted(r, "there are more entries than bytes");
	return start;
}

static int32_t *
read_numbers(EcmlReader *r, size_t n, uint32_t limit)
{
	const uint8_t *bytes = ecml_read_bytes(r, n * 4);
	int32_t    *numbers = ECML_NEW(r->ctx, int32_t, n + 1);

	memcpy(numbers, bytes, n * 4);
	for (size_t i = 0; i < n; i++)
		if (numbers[i] < 0 || (uint32_t) numbers[i] >= limit)
			ecml_read_corrupted(r, "the number of an item is out of range");
	return numbers;
}

static RecNeighbors *
read_neighbors(EcmlReader *r, int items)
{
	RecNeighbors *neighbors;

	if (!ecml_read_bool(r))
		return NULL;
	neighbors = ECML_NEW0(r->ctx, RecNeighbors, 1);
	neighbors->rows = (int) ecml_read_u32_in(r, 0, items);
	neighbors->start = read_starts(r, neighbors->rows, 8);
	neighbors->other = read_numbers(r, neighbors->start[neighbors->rows], items);
	neighbors->similarity = ecml_read_finite_f4s(r, neighbors->start[neighbors->rows]);
	return neighbors;
}

static void
write_factors(EcmlWriter *w, const RecFactors *f)
{
	ecml_write_u8(w, f != NULL);
	if (f == NULL)
		return;
	ecml_write_u32(w, f->factors);
	ecml_write_u8(w, f->ratings);
	ecml_write_f8(w, f->mean);
	ecml_write_f8(w, f->regularization);
	ecml_write_f8(w, f->alpha);
	ecml_write_f8(w, f->loss);
	for (int i = 0; i < f->items; i++)
		ecml_write_f4s(w, f->item + (size_t) i * f->stride, f->dimension);
	for (int k = 0; f->gram && k < f->dimension; k++)
		ecml_write_f4s(w, f->gram + (size_t) k * f->stride, f->dimension);
}

/* Are all finite?  The rows' padding may be anything that is. */
static ECML_CLONES bool
all_finite(const float *v, size_t n)
{
	LaneNumbers wrong = {0};
	bool		any = false;

	for (size_t i = 0; i < n; i += REC_LANES)
		wrong |= ((LaneNumbers) LANES(v + i) & 0x7f800000) == 0x7f800000;
	for (int i = 0; i < REC_LANES; i++)
		any |= wrong[i] != 0;
	return !any;
}

static void
read_rows(EcmlReader *r, float *to, int rows, int dimension, int stride)
{
	const uint8_t *bytes = ecml_read_bytes(r, (size_t) rows * dimension * sizeof(float));

	if (dimension == stride)
		memcpy(to, bytes, (size_t) rows * dimension * sizeof(float));
	else
		for (int i = 0; i < rows; i++)
		{
			float	   *row = to + (size_t) i * stride;

			memcpy(row, bytes + (size_t) i * dimension * sizeof(float), dimension * sizeof(float));
			memset(row + dimension, 0, (stride - dimension) * sizeof(float));
		}
	if (!all_finite(to, (size_t) rows * stride))
		ecml_read_corrupted(r, "a factor is not finite");
}

static RecFactors *
read_factors(EcmlReader *r, int items)
{
	RecFactors *f;

	if (!ecml_read_bool(r))
		return NULL;
	f = ECML_NEW0(r->ctx, RecFactors, 1);
	f->items = items;
	f->factors = (int) ecml_read_u32_in(r, 1, REC_MAX_FACTORS);
	f->ratings = ecml_read_bool(r);
	f->dimension = f->factors + f->ratings;
	f->stride = rec_stride(f->dimension);
	f->mean = ecml_read_finite(r);
	f->regularization = ecml_read_finite(r);
	f->alpha = ecml_read_finite(r);
	f->loss = ecml_read_f8(r);
	if (f->regularization < 0 || f->alpha < 0)
		ecml_read_corrupted(r, "a parameter is negative");
	if ((size_t) items * f->dimension > ecml_read_left(r) / sizeof(float))
		ecml_read_corrupted(r, "there are more factors than bytes");
	f->item = ECML_NEW(r->ctx, float, (size_t) items * f->stride + REC_LANES);
	read_rows(r, f->item, items, f->dimension, f->stride);
	if (!f->ratings)
	{
		if ((size_t) f->dimension * f->dimension > ecml_read_left(r) / sizeof(float))
			ecml_read_corrupted(r, "there are more factors than bytes");
		f->gram = ECML_NEW0(r->ctx, float, (size_t) f->stride * f->stride);
		read_rows(r, f->gram, f->dimension, f->dimension, f->stride);
	}
	return f;
}

void
rec_model_write(EcmlWriter *w, const RecModel *model)
{
	ecml_write_u32(w, model->items);
	for (int i = 0; i < model->items; i++)
		ecml_write_string(w, rec_text(&model->ids, i));
	ecml_write_u64(w, model->users);
	ecml_write_u64(w, model->interactions);
	ecml_write_u8(w, model->ratings);
	ecml_write_u8(w, model->repeats);
	ecml_write_u8(w, (uint8_t) model->weighting);
	ecml_write_f8(w, model->k1);
	ecml_write_f8(w, model->half_life);
	ecml_write_f8(w, model->last);
	ecml_write_f4s(w, model->mix, REC_PARTS);
	ecml_write_f4s(w, model->popularity, model->items);
	ecml_write_bytes(w, model->counts, model->items * sizeof(uint32_t));
	ecml_write_u8(w, model->item_length != NULL);
	if (model->item_length)
		ecml_write_f4s(w, model->item_length, model->items);
	ecml_write_string(w, model->user_column);
	ecml_write_string(w, model->item_column);
	ecml_write_string(w, model->value_column);
	ecml_write_string(w, model->time_column);
	ecml_write_string(w, model->item_table);
	ecml_write_string(w, model->item_key);
	ecml_write_u32(w, model->groups);
	for (int g = 0; g < model->groups; g++)
		ecml_write_string(w, rec_text(&model->group_names, g));
	for (int g = 0; g < model->groups; g++)
		ecml_write_u32(w, (uint32_t) (model->group_popularity->start[g + 1] - model->group_popularity->start[g]));
	if (model->groups > 0)
	{
		size_t		n = model->group_popularity->start[model->groups];

		ecml_write_bytes(w, model->group_popularity->column, n * sizeof(int32_t));
		ecml_write_f4s(w, model->group_popularity->value, n);
	}
	write_factors(w, model->factors);
	write_neighbors(w, model->neighbors);
	write_neighbors(w, model->content);
}

RecModel *
rec_model_read(EcmlReader *r)
{
	RecModel   *model = ECML_NEW0(r->ctx, RecModel, 1);
	uint32_t	items = ecml_read_count(r, MIN_ID_BYTES);
	float	   *mix;
	float		sum = 0;

	if (items == 0 || items > MAX_ITEMS)
		ecml_read_corrupted(r, "the number of items is out of range");
	model->items = (int) items;
	model->ids = read_texts(r, items);
	model->users = (int64_t) ecml_read_u64(r);
	model->interactions = (int64_t) ecml_read_u64(r);
	if (model->users < 0 || model->interactions < 0)
		ecml_read_corrupted(r, "a count is out of range");
	model->ratings = ecml_read_bool(r);
	model->repeats = ecml_read_bool(r);
	model->weighting = ecml_read_u8(r);
	if (model->weighting > REC_TFIDF)
		ecml_read_corrupted(r, "the weighting is not known");
	model->k1 = ecml_read_finite(r);
	model->half_life = ecml_read_finite(r);
	model->last = ecml_read_finite(r);
	mix = ecml_read_finite_f4s(r, REC_PARTS);
	memcpy(model->mix, mix, sizeof(model->mix));
	for (int p = 0; p < REC_PARTS; p++)
	{
		if (mix[p] < 0 || mix[p] > 1e6f)
			ecml_read_corrupted(r, "the weight of a part is out of range");
		sum += mix[p];
	}
	if (sum <= 0)
		ecml_read_corrupted(r, "no part has a weight");
	model->popularity = ecml_read_finite_f4s(r, items);
	model->counts = ECML_NEW(r->ctx, uint32_t, (size_t) items + 1);
	memcpy(model->counts, ecml_read_bytes(r, (size_t) items * 4), (size_t) items * 4);
	if (ecml_read_bool(r))
		model->item_length = ecml_read_finite_f4s(r, items);
	if (model->weighting == REC_BM25 && model->item_length == NULL)
		ecml_read_corrupted(r, "the lengths of items are missing");
	model->user_column = ecml_read_string(r);
	model->item_column = ecml_read_string(r);
	model->value_column = ecml_read_string(r);
	model->time_column = ecml_read_string(r);
	model->item_table = ecml_read_string(r);
	model->item_key = ecml_read_string(r);
	model->groups = (int) ecml_read_count(r, MIN_ID_BYTES);
	if (model->groups > 0)
	{
		RecMatrix  *m = ECML_NEW0(r->ctx, RecMatrix, 1);

		model->group_names = read_texts(r, model->groups);
		m->rows = model->groups;
		m->columns = model->items;
		m->start = read_starts(r, model->groups, 8);
		m->column = read_numbers(r, m->start[m->rows], items);
		m->value = ecml_read_finite_f4s(r, m->start[m->rows]);
		model->group_popularity = m;
	}
	model->factors = read_factors(r, model->items);
	model->neighbors = read_neighbors(r, model->items);
	model->content = read_neighbors(r, model->items);
	if ((model->mix[REC_PART_FACTORS] > 0 && model->factors == NULL) ||
		(model->mix[REC_PART_ITEMS] > 0 && model->neighbors == NULL) ||
		(model->mix[REC_PART_CONTENT] > 0 && model->content == NULL))
		ecml_read_corrupted(r, "a part that has a weight is missing");
	rec_model_index(r->ctx, model);
	return model;
}

/* ---- the flat form */

static void
flat_texts(EcmlFlat *flat, RecTexts *texts, size_t n)
{
	ECML_FLAT(flat, texts->text, texts->size);
	ECML_FLAT(flat, texts->at, n);
}

/* Where rows start, and with that how many entries there are. */
static size_t
flat_starts(EcmlFlat *flat, size_t **start, int rows)
{
	ECML_FLAT(flat, *start, rows < 0 ? SIZE_MAX : (size_t) rows + 1);
	return *start ? (*start)[rows] : 0;
}

static RecNeighbors *
flat_neighbors(EcmlFlat *flat, RecNeighbors *given)
{
	RecNeighbors *neighbors = ecml_flat_struct(flat, given, sizeof(*given));
	size_t		entries = flat_starts(flat, &neighbors->start, neighbors->rows);

	ECML_FLAT(flat, neighbors->other, entries);
	ECML_FLAT(flat, neighbors->similarity, entries);
	return neighbors;
}

static RecMatrix *
flat_matrix(EcmlFlat *flat, RecMatrix *given)
{
	RecMatrix  *m = ecml_flat_struct(flat, given, sizeof(*given));
	size_t		entries = flat_starts(flat, &m->start, m->rows);

	ECML_FLAT(flat, m->column, entries);
	ECML_FLAT(flat, m->value, entries);
	return m;
}

static RecFactors *
flat_factors(EcmlFlat *flat, RecFactors *given)
{
	RecFactors *f = ecml_flat_struct(flat, given, sizeof(*given));
	size_t		places = rec_places(f->items);

	ECML_FLAT(flat, f->coarse, places * rec_coarse_words(f->dimension));
	ECML_FLAT(flat, f->order, f->items);
	ECML_FLAT(flat, f->length, f->items);
	ECML_FLAT(flat, f->step, places);
	ECML_FLAT(flat, f->size, f->stride);
	ECML_FLAT(flat, f->item, (size_t) f->items * f->stride);
	if (f->gram)
		ECML_FLAT(flat, f->gram, (size_t) f->stride * f->stride);
	return f;
}

/* Parts that there are not stay NULL; a struct that is opened has the writer's pointers until its arrays are. */
RecModel *
rec_model_flat(EcmlFlat *flat, RecModel *given)
{
	RecModel   *model = ecml_flat_struct(flat, given, sizeof(*given));
	char	  **names[] = {&model->user_column, &model->item_column, &model->value_column, &model->time_column, &model->item_table,
		&model->item_key};

	flat_texts(flat, &model->ids, model->items);
	ECML_FLAT(flat, model->slots, model->nslots);
	ECML_FLAT(flat, model->popularity, model->items);
	ECML_FLAT(flat, model->counts, model->items);
	ECML_FLAT(flat, model->blank, model->items);
	ECML_FLAT(flat, model->by_popularity, model->items);
	if (model->item_length)
		ECML_FLAT(flat, model->item_length, model->items);
	if (model->groups > 0)
	{
		flat_texts(flat, &model->group_names, model->groups);
		model->group_popularity = flat_matrix(flat, model->group_popularity);
	}
	for (int i = 0; i < (int) (sizeof(names) / sizeof(*names)); i++)
		*names[i] = ecml_flat_string(flat, *names[i]);
	if (model->factors)
		model->factors = flat_factors(flat, model->factors);
	if (model->neighbors)
		model->neighbors = flat_neighbors(flat, model->neighbors);
	if (model->content)
		model->content = flat_neighbors(flat, model->content);
	return model;
}
