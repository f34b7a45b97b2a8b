/*
 * recommend.h - recommenders: what users did with items, what is learnt from it, and how items are scored
 *
 * All methods give one kind of model, RecModel: items with their popularity, and beside it whichever parts the method learns:
 * factors (als), neighbours of items by interactions (item_knn) or by content, each with a weight in the mixed score (hybrid has
 * several).  Users are not in it, for there may be millions: a user is a RecUser, read from a table when asked for.
 *
 *   interactions.c  rows (user, item, value, time) to a sparse matrix; weights
 *   als.c, dense.h  factors by alternating least squares, and the small dense systems of it
 *   knn.c           neighbours by sparse accumulation
 *   content.c       item vectors of words, categories and numbers
 *   score.c         a user's scores and the best items; reasons; diversity
 *   judge.c         recall, NDCG and others of lists; weights of a mix
 *   recommender.c   fit of the whole
 *   loaded.c        bytes, what is derived for serving, the flat form
 */
#ifndef RECOMMEND_H
#define RECOMMEND_H

#include "num/bytes.h"
#include "num/ctx.h"
#include "num/flat.h"

typedef enum RecWeighting		/* on disk: append only */
{
	REC_RAW,
	REC_BINARY,
	REC_LOG,					/* log2(1 + value) */
	REC_BM25,
	REC_TFIDF
} RecWeighting;

typedef enum RecSimilarity		/* on disk: append only */
{
	REC_COSINE,
	REC_JACCARD,
	REC_DOT_BM25,				/* inner product of BM25 weights */
	REC_COSINE_TFIDF,			/* cosine of TF-IDF weights */
	REC_ADJUSTED				/* cosine about the users' means, over the users that both items have */
} RecSimilarity;

typedef enum RecSolver
{
	REC_CG,
	REC_CHOLESKY
} RecSolver;

typedef struct RecParams
{
	bool		feedback_explicit;	/* ratings: values are to be predicted, not confidences */
	int			weighting;		/* RecWeighting, of als; of knn only where similarity is cosine */
	double		half_life;		/* seconds until a row counts half; 0: no decay */

	int			factors;
	double		regularization; /* negative: by the data */
	double		alpha;			/* confidence is alpha * value, and 1 for what was not taken */
	int			iterations;
	int			solver;			/* RecSolver */
	int			cg_steps;

	int			neighbors;
	int			similarity;		/* RecSimilarity */
	double		shrinkage;		/* similarity * common / (common + shrinkage) */
	double		k1;				/* of BM25 */
	double		b;
} RecParams;

#define REC_DEFAULTS { \
	.weighting = REC_LOG, .factors = 64, .regularization = -1, .alpha = 1, .iterations = 15, .solver = REC_CG, .cg_steps = 3, \
	.neighbors = 50, .similarity = REC_COSINE, .k1 = 1.2, .b = 0.75 }

#define REC_MAX_FACTORS 512
/* Texts in one piece: text i begins at text + at[i], and ends with a zero byte. */
typedef struct RecTexts
{
	char	   *text;			/* [size] */
	uint32_t   *at;				/* [n] */
	size_t		size;
} RecTexts;

/* A copy of n strings. */
extern RecTexts rec_texts(EcmlCtx *ctx, char *const *strings, size_t n);

static inline const char *
rec_text(const RecTexts *texts, int i)
{
	return texts->text + texts->at[i];
}

#define REC_LANES 16			/* factors in memory are padded with zeros to a multiple of it */

static inline int
rec_stride(int factors)
{
	return (factors + REC_LANES - 1) / REC_LANES * REC_LANES;
}

/* Items in whole groups of lanes. */
static inline size_t
rec_places(int items)
{
	return ((size_t) items + REC_LANES - 1) / REC_LANES * REC_LANES;
}

/* Words of the coarse copy of an item: each has four factors, a byte each, the first one lowest. */
static inline int
rec_coarse_words(int dimension)
{
	return (dimension + 3) / 4;
}

/* Rows as they come. */
typedef struct RecRows
{
	size_t		n;
	size_t		capacity;
	int32_t    *user;			/* [n] numbers of users and items, in the order they were met */
	int32_t    *item;
	float	   *value;			/* [n] */
	double	   *time;			/* [n] seconds, or NULL */
	int32_t    *group;			/* [n] or NULL */
} RecRows;

extern void rec_rows_init(EcmlCtx *ctx, RecRows *rows, bool timed, bool grouped);
extern void rec_rows_room(EcmlCtx *ctx, RecRows *rows, size_t more);	/* so many more fit */
extern void rec_rows_add(EcmlCtx *ctx, RecRows *rows, int user, int item, double value, double time, int group);

/* Rows of n that stand in arrays of ctx already, which it may resize: value NULL: 1 each; time and group may be NULL. */
extern void rec_rows_take(EcmlCtx *ctx, RecRows *rows, size_t n, int32_t *user, int32_t *item, float *value, double *time,
						  int32_t *group);
extern void rec_rows_free(EcmlCtx *ctx, RecRows *rows);

/*
 * What users took last: out [rows->n] is 1 for the rows that are left out, item [users] which item that is, -1: none, for nothing
 * would be left.  Without repeats all rows of the item are; with repeats those of the last moment, so that it may be foreseen
 * from those before.
 */
extern void rec_leave_last_out(EcmlCtx *ctx, const RecRows *rows, int users, bool repeats, uint8_t *out, int32_t *item);

/* A sparse matrix by rows. */
typedef struct RecMatrix
{
	int			rows;
	int			columns;
	size_t	   *start;			/* [rows + 1] */
	int32_t    *column;			/* [start[rows]] ascending within a row */
	float	   *value;			/* [start[rows]] */
} RecMatrix;

/*
 * One entry a user and item: the sum of the values, with time decay; of ratings their mean.  Sums that are not above 0 (all was
 * returned) are left out, unless ratings are explicit.
 */
extern RecMatrix *rec_matrix(EcmlCtx *ctx, const RecRows *rows, int users, int items, const RecParams *params);
extern RecMatrix *rec_transpose(EcmlCtx *ctx, const RecMatrix *m);
extern RecMatrix *rec_matrix_copy(EcmlCtx *ctx, const RecMatrix *m);
extern void rec_matrix_free(EcmlCtx *ctx, RecMatrix *m);

/* Reweigh a matrix of users by items in place. */
extern void rec_weigh(EcmlCtx *ctx, RecMatrix *m, int weighting, double k1, double b);

/* Rows by item, with time decay, without those of returns: popularity [items]. */
extern void rec_popularity(EcmlCtx *ctx, const RecRows *rows, int items, const RecParams *params, float *popularity);

/* ---- neighbours: of row i, at most k others, the most similar first; ties by number */
typedef struct RecNeighbors
{
	int			rows;
	size_t	   *start;			/* [rows + 1] */
	int32_t    *other;			/* [start[rows]] */
	float	   *similarity;		/* [start[rows]], not 0 */
} RecNeighbors;

/* The columns of t are compared, by the rows that they share.  similarity, shrinkage, neighbors, k1, b of params count. */
extern RecNeighbors *rec_knn(EcmlCtx *ctx, const RecMatrix *t, const RecParams *params, double low, double high);

/* ---- factors */
typedef struct RecFactors
{
	int			factors;		/* without the bias */
	int			dimension;		/* factors, of ratings one more: the bias is the last */
	int			stride;			/* rec_stride(dimension) */
	bool		ratings;
	double		mean;			/* of ratings: of all of them */
	double		regularization;
	double		alpha;
	int			items;
	float	   *item;			/* [items][stride] */
	float	   *gram;			/* [stride][stride] item'item, of implicit feedback; else NULL */
	/* derived, items in the order of the length of their rows, the longest first */
	uint32_t   *coarse;			/* [items / REC_LANES, rounded up][rec_coarse_words][REC_LANES] item in steps */
	int32_t    *order;			/* [items] which item it is */
	float	   *length;			/* [items] */
	float	   *step;			/* [items, rounded up] of each item, by size */
	float	   *size;			/* [stride] greatest of each factor */
	float		distance;		/* the greatest one of an item from its coarse copy, in steps */
	double		loss;			/* of training: the sum that was minimised, by entry */
} RecFactors;

/* m: users by items; users' factors go to user [m->rows][stride] of ctx. */
extern RecFactors *rec_als(EcmlCtx *ctx, const RecMatrix *m, const RecParams *params, float **user, double low, double high);

/* Factors x [stride] of a user with these items and values, exactly; scratch of rec_fold_in_scratch bytes. */
extern size_t rec_fold_in_scratch(const RecFactors *f);
extern void rec_fold_in(const RecFactors *f, int n, const int32_t *items, const float *values, float *x, float *scratch);

/* z becomes A^-1 z, A the system of the fold-in that left it in scratch. */
extern void rec_fold_in_solve(const RecFactors *f, float *z, const float *scratch);

/* gram [stride][stride] = rows'rows of rows [n][stride] */
extern void rec_gram(EcmlCtx *ctx, const float *rows, size_t n, int dimension, int stride, float *gram);

/* ---- content: item vectors from columns of a table */
typedef struct RecTerms RecTerms;

extern RecTerms *rec_terms_create(EcmlCtx *ctx);
extern void rec_terms_begin(EcmlCtx *ctx, RecTerms *terms, int item);	/* what follows is the item's; items ascend */
extern void rec_terms_text(EcmlCtx *ctx, RecTerms *terms, int column, const char *text, size_t length);
extern void rec_terms_category(EcmlCtx *ctx, RecTerms *terms, int column, const char *text, size_t length);
extern void rec_terms_number(EcmlCtx *ctx, RecTerms *terms, int column, double value);
extern RecMatrix *rec_terms_finish(EcmlCtx *ctx, RecTerms *terms, int items);	/* rows of length 1 or 0 */

/* ---- a user at hand */
typedef struct RecUser
{
	int			n;
	const int32_t *items;		/* [n] ascending */
	const float *values;		/* [n] */
	const float *factors;		/* [stride], or NULL */
	int			nneighbors;		/* user_knn */
	const int  *neighbor_end;	/* [nneighbors] where each one's candidates end */
	int			ncandidates;	/* what they have, neighbour by neighbour, ascending within each */
	const int32_t *candidates;
	const float *candidate_scores;	/* similarity times weight */
	int			group;			/* of popularity; -1: all */
} RecUser;

/* ---- the model */
typedef enum RecPart			/* on disk: append only */
{
	REC_PART_FACTORS,
	REC_PART_ITEMS,				/* neighbours by interactions */
	REC_PART_CONTENT,
	REC_PART_USERS,				/* neighbours of the user (user_knn) */
	REC_PART_POPULAR,
	REC_PART_REPEAT,			/* what the user took, again */
	REC_PARTS
} RecPart;

typedef struct RecModel
{
	int			items;
	RecTexts	ids;			/* [items] */
	uint32_t   *slots;			/* hash of ids: number + 1, 0: free; derived */
	uint32_t	nslots;			/* a power of 2 */
	int64_t		users;
	int64_t		interactions;	/* distinct pairs */
	float	   *popularity;		/* [items] rows, with time decay */
	uint32_t   *counts;			/* [items] users; 0: never bought (a cold item) */
	uint8_t	   *blank;			/* [items] no factors: nothing is known that a score could come from; derived */
	int32_t    *by_popularity;	/* [items] the most popular first; derived */
	int			groups;
	RecTexts	group_names;	/* [groups] sorted */
	RecMatrix  *group_popularity;	/* [groups] by items; NULL without groups */
	RecFactors *factors;		/* NULL: none */
	RecNeighbors *neighbors;	/* by interactions; NULL */
	RecNeighbors *content;		/* NULL */
	float		mix[REC_PARTS];	/* weight of each part in the score */
	bool		ratings;
	bool		repeats;		/* it has learnt what users take again: what they have is listed, too */

	/* how the source is read again, and the item table; "" when not known */
	char	   *user_column;
	char	   *item_column;
	char	   *value_column;
	char	   *time_column;
	char	   *item_table;
	char	   *item_key;
	int			weighting;		/* of a user's values */
	double		k1;				/* of BM25 */
	double		half_life;
	double		last;			/* moment of the latest row, from which decay counts; 0 without times */
	float	   *item_length;	/* [items] BM25's k1 (1 - b + b L / mean L); else NULL */
} RecModel;

/* Weigh a user's summed values as the training did. */
extern void rec_weigh_user(const RecModel *model, int n, const int32_t *items, float *values);

/* What rec_fit makes beside the model. */
typedef struct RecFit
{
	RecModel   *model;
	RecMatrix  *history;		/* users by items, weighed */
	float	   *user;			/* [users][stride] or NULL */
	RecNeighbors *users;		/* neighbours of users, or NULL */
} RecFit;

/* user_knn: what the neighbours of user u have, summed by similarity, as the user's candidates; owned by ctx. */
extern void rec_fit_candidates(EcmlCtx *ctx, const RecFit *fit, int u, RecUser *user);
extern void rec_fit_candidates_free(EcmlCtx *ctx, RecUser *user);

/*
 * Learn the parts wanted (mix above 0; of a hybrid with tune, weights are found by what users took last).  ids [items];
 * content: items by terms, or NULL; groups of the rows are numbered as group_names.
 */
extern RecFit *rec_fit(EcmlCtx *ctx, const RecRows *rows, int users, int items, char **ids, const RecParams *params,
					   const float *mix, bool tune, const RecMatrix *content, int groups, char **group_names);

extern void rec_model_write(EcmlWriter *w, const RecModel *model);
extern RecModel *rec_model_read(EcmlReader *r);

/* The walk over all that a model has, indexed, for the flat form (num/flat.h); gives the model, an opened one's is new. */
extern RecModel *rec_model_flat(EcmlFlat *flat, RecModel *model);
extern void rec_model_index(EcmlCtx *ctx, RecModel *model);	/* what is derived */
extern void rec_factors_pack(EcmlCtx *ctx, RecFactors *f);	/* of that, what scores are found by quickly */
extern int	rec_model_find(const RecModel *model, const char *id, size_t length);	/* -1: not known */

typedef struct RecBest
{
	int32_t		item;
	float		score;
} RecBest;

typedef struct RecScorer
{
	const RecModel *model;
	float	   *scores;			/* [items] scratch */
	float	   *part;			/* [items] scratch of a mix */
	int32_t    *candidates;		/* [items] scratch of factors alone, in the place of part */
} RecScorer;

extern void rec_scorer_init(EcmlCtx *ctx, RecScorer *scorer, const RecModel *model);

/* The same in memory of rec_scorer_size bytes. */
extern size_t rec_scorer_size(const RecModel *model);
extern void rec_scorer_place(RecScorer *scorer, const RecModel *model, void *memory);

/*
 * The n best items, the best first, without those of exclude [nexclude] (ascending), and of those alone that allowed [items] has
 * (NULL: all); fewer when there are not so many.  best has room for n.  Popular items fill up what the parts leave open.
 */
extern int	rec_best(RecScorer *scorer, const RecUser *user, int n, const uint8_t *allowed, const int32_t *exclude, int nexclude,
					 RecBest *best);

/* Scores of one part, [items]; false: it says nothing of this user. */
extern bool rec_part_scores(const RecModel *model, const RecUser *user, RecPart part, float *scores);

/* Does a part that learns from users know this one? */
extern bool rec_knows(const RecModel *model, const RecUser *user);

/* The same for many users at once, in parallel: best [nusers][n], found [nusers]. */
extern void rec_best_many(EcmlCtx *ctx, const RecModel *model, const RecUser *users, int nusers, int n, bool exclude_seen,
						  const uint8_t *allowed, RecBest *best, int *found);

/* Items most similar to one, by factors, neighbours or content. */
extern int	rec_similar(RecScorer *scorer, int item, int n, RecBest *best);
extern double rec_item_similarity(const RecModel *model, int a, int b);

/* Reorder: each next item is the one of the greatest (1 - diversity) * relevance - diversity * similarity to those before. */
extern int	rec_diversify(EcmlCtx *ctx, const RecModel *model, RecBest *best, int n, int wanted, double diversity, float *scratch);

/* What each of the user's items adds to the score of an item: reasons [user->n]; scratch as rec_reasons_scratch. */
extern size_t rec_reasons_scratch(const RecModel *model);
extern void rec_reasons_begin(const RecModel *model, const RecUser *user, float *scratch);
extern void rec_reasons(const RecModel *model, const RecUser *user, int item, float *scratch, float *reasons);

/* ---- how good lists are */
typedef struct RecJudge
{
	int			k;
	int64_t		lists;
	double		recall;			/* sums over the lists */
	double		precision;
	double		ndcg;
	double		map;
	double		mrr;
	double		hits;
	double		novelty;		/* of items: -log2 of the part of users that have it */
	int64_t		shown;
	uint8_t    *seen;			/* [items] listed at least once */
} RecJudge;

extern void rec_judge_init(EcmlCtx *ctx, RecJudge *judge, int k, int items);

/* best [n]; wanted [nwanted] ascending: the items that the user went on to take. */
extern void rec_judge_list(RecJudge *judge, const RecModel *model, const RecBest *best, int n, const int32_t *wanted,
						   int nwanted, int unknown);

/* ---- baskets */
typedef struct RecBaskets
{
	int			n;
	int			items;
	size_t	   *start;			/* [n + 1] */
	int32_t    *item;			/* distinct and ascending within a basket; of sequences: step by step */
	int32_t    *step;			/* of sequences: number of the basket within the sequence; NULL: sets */
} RecBaskets;

typedef struct RecPatterns
{
	size_t		n;
	size_t		capacity;
	size_t		used;			/* of items */
	size_t		room;
	size_t	   *start;			/* [n + 1] */
	int32_t    *item;
	int32_t    *count;			/* [n] baskets that hold all of them */
	uint32_t   *slots;			/* hash by items: number + 1; made by rec_patterns_index */
	size_t		nslots;
} RecPatterns;

/* All sets of at most max_length items that at least min_count baskets hold; more than limit of them: an error. */
extern RecPatterns *rec_fpgrowth(EcmlCtx *ctx, const RecBaskets *baskets, int min_count, int max_length, size_t limit);

/* All sequences of items, each in a later basket than the one before, that at least min_count sequences hold. */
extern RecPatterns *rec_prefixspan(EcmlCtx *ctx, const RecBaskets *sequences, int min_count, int max_length, size_t limit);
extern void rec_patterns_index(EcmlCtx *ctx, RecPatterns *patterns);
extern size_t rec_patterns_find(const RecPatterns *patterns, const int32_t *items, int n);	/* patterns->n: not there */

#endif							/* RECOMMEND_H */
