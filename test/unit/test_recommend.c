/*
 * test_recommend.c - recommenders: sparse matrices, neighbours, factors, lists
 *
 * Each against a plain definition written here, dense and in double precision.
 */
#include "recommend_cases.h"

/* The dense matrix of the rows: sums, those not above 0 as 0. */
static void
dense(const RecRows *rows, double *m, double half_life)
{
	double		last = rows->time ? rows->time[rows->n - 1] : 0;

	memset(m, 0, USERS * ITEMS * sizeof(double));
	for (size_t i = 0; i < rows->n; i++)
		m[rows->user[i] * ITEMS + rows->item[i]] += (float) (rows->value[i] *
															 (half_life > 0 ? exp2((rows->time[i] - last) / half_life) : 1));
	for (int i = 0; i < USERS * ITEMS; i++)
		m[i] = m[i] > 0 ? m[i] : 0;
}

static void
test_matrix(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	RecRows		rows;
	double	   *m = malloc(USERS * ITEMS * sizeof(double));

	make_rows(ctx, &rows, USERS, ITEMS, 1500, true);
	for (int decayed = 0; decayed < 2; decayed++)
	{
		RecParams	params = params_of();
		RecMatrix  *sparse;
		RecMatrix  *t;
		double		worst = 0;
		bool		ordered = true;
		size_t		n = 0;

		params.half_life = decayed ? 1e5 : 0;
		dense(&rows, m, params.half_life);
		sparse = rec_matrix(ctx, &rows, USERS, ITEMS, &params);
		t = rec_transpose(ctx, sparse);
		for (int u = 0; u < USERS; u++)
			for (size_t e = sparse->start[u]; e < sparse->start[u + 1]; e++)
			{
				worst = fmax(worst, fabs(sparse->value[e] - m[u * ITEMS + sparse->column[e]]));
				ordered &= e == sparse->start[u] || sparse->column[e - 1] < sparse->column[e];
			}
		for (int i = 0; i < USERS * ITEMS; i++)
			n += m[i] > 0;
		ok(worst < 1e-5 && ordered && n == sparse->start[USERS], "sums by user and item%s: %zu entries, off by %g",
		   decayed ? ", with decay" : "", n, worst);
		worst = 0;
		for (int i = 0; i < ITEMS; i++)
			for (size_t e = t->start[i]; e < t->start[i + 1]; e++)
				worst = fmax(worst, fabs(t->value[e] - m[t->column[e] * ITEMS + i]));
		ok(worst < 1e-5 && t->start[ITEMS] == n, "the transpose has the same entries");
	}
	free(m);
	test_ctx_free(ctx);
}

/* Similarity of two items by the plain definition. */
static double
plain_similarity(const double *m, int a, int b, const RecParams *p)
{
	double		ab = 0;
	double		aa = 0;
	double		bb = 0;
	double		shared_aa = 0;
	double		shared_bb = 0;
	int			common = 0;
	int			na = 0;
	int			nb = 0;
	double		all = 0;
	double		la = 0;
	double		lb = 0;
	double		result;

	for (int i = 0; i < USERS * ITEMS; i++)
		all += m[i];
	for (int u = 0; u < USERS; u++)
	{
		la += m[u * ITEMS + a];
		lb += m[u * ITEMS + b];
	}
	for (int u = 0; u < USERS; u++)
	{
		double		x = m[u * ITEMS + a];
		double		y = m[u * ITEMS + b];
		bool		has_x = x > 0;
		bool		has_y = y > 0;
		double		sum = 0;
		int			n = 0;
		double		idf;

		for (int i = 0; i < ITEMS; i++)
		{
			sum += m[u * ITEMS + i];
			n += m[u * ITEMS + i] > 0;
		}
		idf = log(ITEMS) - log1p(n);
		if (p->similarity == REC_JACCARD)
			x = has_x, y = has_y;
		if (p->similarity == REC_DOT_BM25)
		{
			x = has_x ? x * (p->k1 + 1) / (p->k1 * (1 - p->b + p->b * la * ITEMS / all) + x) * idf : 0;
			y = has_y ? y * (p->k1 + 1) / (p->k1 * (1 - p->b + p->b * lb * ITEMS / all) + y) * idf : 0;
		}
		if (p->similarity == REC_COSINE_TFIDF)
		{
			x = has_x ? sqrt(x) * idf : 0;
			y = has_y ? sqrt(y) * idf : 0;
		}
		if (p->similarity == REC_ADJUSTED)
		{
			x = has_x ? x - sum / n : 0;
			y = has_y ? y - sum / n : 0;
		}
		na += has_x;
		nb += has_y;
		common += has_x && has_y;
		ab += x * y;
		aa += x * x;
		bb += y * y;
		if (has_x && has_y)
		{
			shared_aa += x * x;
			shared_bb += y * y;
		}
	}
	switch (p->similarity)
	{
		case REC_JACCARD:
			result = common / (double) (na + nb - common);
			break;
		case REC_DOT_BM25:
			result = ab;
			break;
		case REC_ADJUSTED:
			result = shared_aa > 0 && shared_bb > 0 ? ab / sqrt(shared_aa * shared_bb) : 0;
			break;
		default:
			result = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
	}
	return p->shrinkage > 0 ? result * common / (common + p->shrinkage) : result;
}

static void
test_knn(void)
{
	static const char *const names[] = {"cosine", "jaccard", "bm25", "tfidf", "adjusted cosine"};
	EcmlCtx    *ctx = test_ctx(1, 1);
	EcmlCtx    *four = test_ctx(4, 1);
	RecRows		rows;
	double	   *m = malloc(USERS * ITEMS * sizeof(double));
	RecParams	params = params_of();
	RecMatrix  *t;

	make_rows(ctx, &rows, USERS, ITEMS, 900, false);
	dense(&rows, m, 0);
	t = rec_matrix(ctx, &rows, USERS, ITEMS, &params);
	for (int similarity = 0; similarity <= REC_ADJUSTED; similarity++)
		for (int shrunk = 0; shrunk < 2; shrunk++)
		{
			RecNeighbors *n;
			RecNeighbors *same;
			double		worst = 0;
			bool		complete = true;
			bool		descending = true;

			params.similarity = similarity;
			params.shrinkage = shrunk ? 5 : 0;
			params.neighbors = 7;
			n = rec_knn(ctx, t, &params, 0, 1);
			same = rec_knn(four, t, &params, 0, 1);
			for (int i = 0; i < ITEMS; i++)
			{
				int			count = (int) (n->start[i + 1] - n->start[i]);
				float		last = count > 0 ? n->similarity[n->start[i + 1] - 1] : 0;
				int			better = 0;

				for (size_t e = n->start[i]; e < n->start[i + 1]; e++)
				{
					double		want = plain_similarity(m, i, n->other[e], &params);

					worst = fmax(worst, fabs(n->similarity[e] - want) / fmax(fabs(want), 1e-3));
					descending &= e == n->start[i] || n->similarity[e - 1] >= n->similarity[e];
				}
				/* no other item is more similar than the last of the list */
				for (int j = 0; j < ITEMS; j++)
					better += j != i && plain_similarity(m, i, j, &params) > last * (1 + 1e-5) + 1e-7;
				complete &= count == 7 ? better <= 7 : better <= count;
			}
			ok(worst < 2e-6 && complete && descending, "%s%s: the 7 most similar, off by %g", names[similarity],
			   shrunk ? " with shrinkage" : "", worst);
			ok(n->start[ITEMS] == same->start[ITEMS] &&
			   memcmp(n->other, same->other, n->start[ITEMS] * sizeof(int32_t)) == 0 &&
			   memcmp(n->similarity, same->similarity, n->start[ITEMS] * sizeof(float)) == 0, "the same bits on 4 threads");
		}
	/* of many items the first few are those of a long list, which is made without a guess at what is similar enough */
	{
		RecNeighbors *few;
		RecNeighbors *many;
		int			wrong = 0;

		make_rows(ctx, &rows, 1000, 400, 20000, false);
		t = rec_matrix(ctx, &rows, 1000, 400, &params);
		for (int similarity = REC_COSINE; similarity <= REC_DOT_BM25; similarity += 2)
		{
			params.similarity = similarity;
			params.shrinkage = 0;
			params.neighbors = 3;
			few = rec_knn(ctx, t, &params, 0, 1);
			params.neighbors = 390;
			many = rec_knn(ctx, t, &params, 0, 1);
			for (int i = 0; i < 400; i++)
				wrong += few->start[i + 1] - few->start[i] != 3 ||
					memcmp(few->other + few->start[i], many->other + many->start[i], 3 * sizeof(int32_t)) != 0;
		}
		ok(wrong == 0, "short lists are the beginnings of long ones: %d wrong", wrong);
	}
	free(m);
	test_ctx_free(ctx);
	test_ctx_free(four);
}

/* Solve a x = b by Gaussian elimination with pivots. */
static void
plain_solve(double *a, double *b, int n)
{
	for (int k = 0; k < n; k++)
	{
		int			p = k;

		for (int i = k + 1; i < n; i++)
			if (fabs(a[i * n + k]) > fabs(a[p * n + k]))
				p = i;
		for (int j = 0; j < n; j++)
		{
			double		s = a[k * n + j];

			a[k * n + j] = a[p * n + j];
			a[p * n + j] = s;
		}
		{
			double		s = b[k];

			b[k] = b[p];
			b[p] = s;
		}
		for (int i = k + 1; i < n; i++)
		{
			double		f = a[i * n + k] / a[k * n + k];

			for (int j = k; j < n; j++)
				a[i * n + j] -= f * a[k * n + j];
			b[i] -= f * b[k];
		}
	}
	for (int k = n - 1; k >= 0; k--)
	{
		for (int j = k + 1; j < n; j++)
			b[k] -= a[k * n + j] * b[j];
		b[k] /= a[k * n + k];
	}
}

/* A user's factors by the normal equations, in double precision. */
static void
plain_user(const RecFactors *f, int n, const int32_t *items, const float *values, double *x)
{
	int			d = f->dimension;
	double	   *a = calloc(d * d, sizeof(double));
	double	   *y = calloc(d, sizeof(double));

	memset(x, 0, d * sizeof(double));
	if (!f->ratings)
		for (int i = 0; i < f->items; i++)
			for (int p = 0; p < d; p++)
				for (int q = 0; q < d; q++)
					a[p * d + q] += (double) f->item[i * f->stride + p] * f->item[i * f->stride + q];
	for (int e = 0; e < n; e++)
	{
		double		c = f->ratings ? 1 : f->alpha * values[e] - 1;
		double		target = f->ratings ? values[e] - f->mean - f->item[items[e] * f->stride + d - 1] : f->alpha * values[e];

		for (int p = 0; p < d; p++)
			y[p] = f->ratings && p == d - 1 ? 1 : f->item[items[e] * f->stride + p];
		for (int p = 0; p < d; p++)
		{
			for (int q = 0; q < d; q++)
				a[p * d + q] += c * y[p] * y[q];
			x[p] += target * y[p];
		}
	}
	for (int p = 0; p < d; p++)
		a[p * d + p] += f->ratings ? f->regularization * n : f->regularization;
	plain_solve(a, x, d);
	free(a);
	free(y);
}

static void
test_als(void)
{
	static const int factors[] = {1, 5, 16, 17, 40, 70};

	for (int k = 0; k < 6; k++)
		for (int ratings = 0; ratings < 2; ratings++)
		{
			EcmlCtx    *ctx = test_ctx(1, 3);
			EcmlCtx    *four = test_ctx(4, 3);
			RecRows		rows;
			RecParams	params = params_of();
			RecMatrix  *m;
			RecFactors *f;
			RecFactors *same;
			float	   *user;
			float	   *other;
			double		worst = 0;
			double		folded = 0;
			float	   *scratch;
			float	   *x;

			make_rows(ctx, &rows, USERS, ITEMS, 1200, false);
			params.feedback_explicit = ratings;
			params.factors = factors[k];
			params.regularization = ratings ? 0.1 : 1;
			params.solver = REC_CHOLESKY;
			params.iterations = 8;
			m = rec_matrix(ctx, &rows, USERS, ITEMS, &params);
			f = rec_als(ctx, m, &params, &user, 0, 1);
			same = rec_als(four, m, &params, &other, 0, 1);
			scratch = ecml_alloc(ctx, rec_fold_in_scratch(f));
			x = ECML_NEW(ctx, float, f->stride);
			for (int u = 0; u < USERS; u++)
			{
				double		want[80];
				int			n = (int) (m->start[u + 1] - m->start[u]);

				plain_user(f, n, m->column + m->start[u], m->value + m->start[u], want);
				rec_fold_in(f, n, m->column + m->start[u], m->value + m->start[u], x, scratch);
				for (int j = 0; j < f->dimension; j++)
				{
					worst = fmax(worst, fabs(user[u * f->stride + j] - want[j]));
					folded = fmax(folded, fabs(x[j] - user[u * f->stride + j]));
				}
			}
			ok(worst < 2e-3, "als of %d factors%s: users solve the normal equations, off by %g", factors[k],
			   ratings ? " of ratings" : "", worst);
			ok(folded < 1e-4, "a fold-in gives the user of the training, off by %g", folded);
			ok(memcmp(f->item, same->item, (size_t) ITEMS * f->stride * sizeof(float)) == 0 &&
			   memcmp(user, other, (size_t) USERS * f->stride * sizeof(float)) == 0, "the same bits on 4 threads");
			if (!ratings)
			{
				RecFactors *cg;
				float	   *cg_user;

				params.solver = REC_CG;
				params.iterations = 30;
				cg = rec_als(ctx, m, &params, &cg_user, 0, 1);
				params.solver = REC_CHOLESKY;
				f = rec_als(ctx, m, &params, &user, 0, 1);
				ok(fabs(cg->loss / f->loss - 1) < 0.05, "conjugate gradients reach the loss of Cholesky: %g, %g", cg->loss, f->loss);
			}
			test_ctx_free(ctx);
			test_ctx_free(four);
		}
}

static void
test_lists(void)
{
	EcmlCtx    *ctx = test_ctx(1, 5);
	float		mix[REC_PARTS] = {0};
	RecScorer	scorer;
	RecBest		best[ITEMS + 2];
	RecFit	   *fit;
	bool		right = true;
	bool		tasteful = true;
	int			own = 0;

	mix[REC_PART_FACTORS] = 1;
	fit = fit_all(ctx, mix, false);
	rec_scorer_init(ctx, &scorer, fit->model);
	for (int u = 0; u < USERS; u++)
	{
		RecUser		user = user_of(fit, u);
		const RecFactors *f = fit->model->factors;
		int			n = rec_best(&scorer, &user, 5, NULL, user.items, user.n, best);

		for (int i = 0; i < n; i++)
		{
			double		s = 0;
			int			better = 0;

			for (int other = 0; other < ITEMS + 2; other++)
			{
				double		o = 0;
				bool		has = false;

				for (int k = 0; k < f->factors; k++)
					o += (double) user.factors[k] * f->item[other * f->stride + k];
				for (int e = 0; e < user.n; e++)
					has |= user.items[e] == other;
				if (other == best[i].item)
				{
					s = o;
					right &= !has;
				}
				else if (!has && o > best[i].score + 1e-5)
					better++;
			}
			right &= fabs(s - best[i].score) < 1e-5 && better == i;
			own += best[i].item % 4 == u % 4;
		}
	}
	ok(right, "lists by factors are the best items, without those that the user has");
	ok(own > USERS * 5 / 2, "most are of the user's taste: %d of %d", own, USERS * 5);
	ok(fit->model->counts[ITEMS] == 0 && !fit->model->blank[ITEMS], "an item that nobody took has factors by its content");
	ok(rec_similar(&scorer, ITEMS, 3, best) == 3 && best[0].item % 4 == 0 && best[1].item % 4 == 0,
	   "and is similar to those of its content");
	{
		RecUser		user = user_of(fit, 3);
		float	   *scratch = ecml_alloc(ctx, rec_reasons_scratch(fit->model));
		float	   *reasons = ECML_NEW(ctx, float, user.n + 1);
		double		worst = 0;
		int			n = rec_best(&scorer, &user, 5, NULL, NULL, 0, best);

		rec_reasons_begin(fit->model, &user, scratch);
		for (int i = 0; i < n; i++)
		{
			double		sum = 0;

			rec_reasons(fit->model, &user, best[i].item, scratch, reasons);
			for (int e = 0; e < user.n; e++)
				sum += reasons[e];
			worst = fmax(worst, fabs(sum - best[i].score));
		}
		ok(worst < 0.01, "reasons add up to the score, off by %g", worst);
	}
	{
		RecUser		user = user_of(fit, 3);
		float		nearest[ITEMS + 2];
		RecBest		plain[ITEMS + 2];
		int			n = rec_best(&scorer, &user, 20, NULL, NULL, 0, best);

		memcpy(plain, best, sizeof(best));
		ok(rec_diversify(ctx, fit->model, best, n, 5, 0, nearest) == 5 && memcmp(plain, best, 5 * sizeof(RecBest)) == 0,
		   "diversity 0 leaves the order");
		rec_diversify(ctx, fit->model, best, n, 5, 0.9, nearest);
		for (int i = 0; i < 5; i++)
			for (int j = 0; j < i; j++)
				tasteful &= best[i].item != best[j].item;
		ok(tasteful && best[0].item == plain[0].item && memcmp(plain, best, 5 * sizeof(RecBest)) != 0,
		   "diversity changes what follows the first");
	}
	{
		RecUser		nobody = {.group = -1};
		int			n = rec_best(&scorer, &nobody, 3, NULL, NULL, 0, best);

		ok(n == 3 && best[0].item == fit->model->by_popularity[0] && best[1].item == fit->model->by_popularity[1],
		   "a user who is not known gets what is popular");
	}
	test_ctx_free(ctx);
}

static void
test_parts(void)
{
	EcmlCtx    *ctx = test_ctx(2, 5);
	float		mix[REC_PARTS] = {1, 1, 1, 1, 1, 1};
	RecFit	   *fit = fit_all(ctx, mix, true);
	double		sum = 0;

	for (int p = 0; p < REC_PARTS; p++)
		sum += fit->model->mix[p];
	ok(fabs(sum - 1) < 1e-6, "weights of a hybrid add up to 1: %g", sum);
	ok((fit->model->mix[REC_PART_USERS] > 0) == (fit->users != NULL) &&
	   (fit->model->mix[REC_PART_FACTORS] > 0) == (fit->model->factors != NULL) &&
	   (fit->model->mix[REC_PART_ITEMS] > 0) == (fit->model->neighbors != NULL), "the parts that have a weight were learnt");
	test_ctx_free(ctx);
}

/* Users with very many rows are put in order in another way: entries are the same. */
static void
test_long_rows(void)
{
	EcmlCtx    *ctx = test_ctx(2, 1);
	RecParams	params = params_of();
	RecRows		rows;
	double	   *sum = calloc(3 * 500, sizeof(double));
	double		worst = 0;
	bool		ordered = true;

	for (int n = 900; n <= 90000; n *= 100)
	{
		EcmlRng		rng;
		RecMatrix  *m;
		size_t		count = 0;

		ecml_rng_seed(&rng, n);
		memset(sum, 0, 3 * 500 * sizeof(double));
		rec_rows_init(ctx, &rows, false, false);
		for (int i = 0; i < n; i++)
		{
			int			u = (int) ecml_rng_below(&rng, 3);
			int			item = (int) ecml_rng_below(&rng, 500);

			sum[u * 500 + item] += 1 + i % 3;
			rec_rows_add(ctx, &rows, u, item, 1 + i % 3, 0, 0);
		}
		m = rec_matrix(ctx, &rows, 3, 500, &params);
		for (int u = 0; u < 3; u++)
			for (size_t e = m->start[u]; e < m->start[u + 1]; e++)
			{
				worst = fmax(worst, fabs(m->value[e] - sum[u * 500 + m->column[e]]));
				ordered &= e == m->start[u] || m->column[e - 1] < m->column[e];
			}
		for (int i = 0; i < 3 * 500; i++)
			count += sum[i] > 0;
		ordered &= count == m->start[3];
	}
	ok(worst == 0 && ordered, "rows of few and of very many entries, off by %g", worst);
	free(sum);
	test_ctx_free(ctx);
}

/* Rows left out, by definition. */
static void
test_last(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	RecRows		rows;
	int			wrong = 0;
	int			left[2] = {0, 0};

	for (int timed = 0; timed < 2; timed++)
		for (int repeats = 0; repeats < 2; repeats++)
		{
			uint8_t    *out;
			int32_t    *item = ECML_NEW(ctx, int32_t, USERS);

			make_rows(ctx, &rows, USERS, 8, 400, timed);
			out = ECML_NEW(ctx, uint8_t, rows.n);
			rec_leave_last_out(ctx, &rows, USERS, repeats, out, item);
			for (int u = 0; u < USERS; u++)
			{
				size_t		last = SIZE_MAX;
				bool		several = false;

				for (size_t i = 0; i < rows.n; i++)
					if (rows.user[i] == u && rows.value[i] > 0)
						last = i;
				for (size_t i = 0; i < rows.n && last < SIZE_MAX; i++)
					several |= rows.user[i] == u && rows.value[i] > 0 && (rows.item[i] != rows.item[last] || (repeats && i != last));
				wrong += item[u] != (several ? rows.item[last] : -1);
				for (size_t i = 0; i < rows.n; i++)
					if (rows.user[i] == u)
					{
						bool		is_out = several && (repeats ? i == last : rows.item[i] == rows.item[last]);

						wrong += out[i] != is_out;
						left[repeats] += is_out;
					}
			}
		}
	ok(wrong == 0 && left[0] > left[1] && left[1] > 0, "what users took last is left out: %d and %d rows, %d wrong", left[0], left[1], wrong);
	test_ctx_free(ctx);
}

static void
test_again(void)
{
	EcmlCtx    *ctx = test_ctx(1, 5);
	float		mix[REC_PARTS] = {0};
	RecScorer	scorer;
	RecBest		best[ITEMS + 2];
	RecFit	   *fit;
	RecUser		user;
	RecUser		nothing = {.group = -1};
	float	   *zeros = ECML_NEW0(ctx, float, 2 * REC_LANES);
	bool		right = true;
	int			n;

	mix[REC_PART_REPEAT] = 1;
	mix[REC_PART_POPULAR] = 0.05f;
	fit = fit_all(ctx, mix, false);
	ok(fit->model->repeats, "a model that knows what is taken again says so");
	rec_scorer_init(ctx, &scorer, fit->model);
	for (int u = 0; u < USERS; u++)
	{
		float		most = 0;

		user = user_of(fit, u);
		n = rec_best(&scorer, &user, 1, NULL, NULL, 0, best);
		for (int e = 0; e < user.n; e++)
			most = fmaxf(most, user.values[e]);
		for (int e = 0; e < user.n; e++)
			right &= n == 1 && (user.items[e] != best[0].item || user.values[e] > 0.9f * most);
	}
	ok(right, "what a user took most comes first");
	user = user_of(fit, 2);
	n = rec_best(&scorer, &user, ITEMS + 2, NULL, NULL, 0, best);
	right = n == ITEMS;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			right &= best[i].item != best[j].item;
	ok(right, "a list of all that anybody took has each item once: %d", n);
	memset(mix, 0, sizeof(mix));
	mix[REC_PART_FACTORS] = 1;
	fit = fit_all(ctx, mix, false);
	rec_scorer_init(ctx, &scorer, fit->model);
	nothing.factors = zeros;
	ok(rec_best(&scorer, &nothing, 2, NULL, NULL, 0, best) == 2 && best[0].item == fit->model->by_popularity[0],
	   "factors of a user who has nothing say nothing");
	test_ctx_free(ctx);
}

/* What neighbours add to a score is shared out among the items in common. */
static void
test_reasons_by_users(void)
{
	EcmlCtx    *ctx = test_ctx(1, 5);
	float		mix[REC_PARTS] = {0};
	RecScorer	scorer;
	RecBest		best[5];
	RecFit	   *fit;
	double		worst = 0;
	int			lists = 0;

	mix[REC_PART_USERS] = 1;
	fit = fit_all(ctx, mix, false);
	rec_scorer_init(ctx, &scorer, fit->model);
	for (int u = 0; u < USERS; u++)
	{
		RecUser		user = user_of(fit, u);
		float	   *reasons = ECML_NEW(ctx, float, user.n + 1);
		float	   *scratch = ecml_alloc(ctx, rec_reasons_scratch(fit->model));
		int			n;

		rec_fit_candidates(ctx, fit, u, &user);
		n = rec_best(&scorer, &user, 5, NULL, user.items, user.n, best);
		rec_reasons_begin(fit->model, &user, scratch);
		for (int i = 0; i < n; i++, lists++)
		{
			double		sum = 0;

			rec_reasons(fit->model, &user, best[i].item, scratch, reasons);
			for (int e = 0; e < user.n; e++)
				sum += reasons[e];
			worst = fmax(worst, fabs(sum - best[i].score));
		}
		rec_fit_candidates_free(ctx, &user);
	}
	ok(worst < 1e-4 && lists > USERS, "reasons by users add up to the score, off by %g", worst);
	test_ctx_free(ctx);
}

/* ---- failing memory, cancel */

static void
everything(EcmlCtx *ctx, const void *arg)
{
	float		mix[REC_PARTS] = {1, 1, 0, 1, 0, 1};
	RecFit	   *fit = fit_all(ctx, mix, true);
	RecUser		users[3] = {user_of(fit, 0), user_of(fit, 1), user_of(fit, 2)};
	RecBest		best[9];
	int			found[3];
	RecBaskets *b = make_baskets(ctx, false);

	rec_best_many(ctx, fit->model, users, 3, 3, true, NULL, best, found);
	rec_patterns_index(ctx, rec_fpgrowth(ctx, b, 20, 3, 100000));
	b = make_baskets(ctx, true);
	(void) rec_prefixspan(ctx, b, 30, 3, 100000);
}

static void
test_failures(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	long		polls;
	long		failures = 0;
	long		cancels = 0;

	everything(ctx, NULL);
	polls = test_host(ctx)->polls;
	test_ctx_free(ctx);
	for (long after = 0; after < 100000; after += 1 + after / 50)
	{
		bool		complete;

		ctx = test_ctx(1, 1);
		test_host(ctx)->fail_after = after;
		complete = attempt(ctx, everything, NULL);
		if (!complete)
			failures += test_host(ctx)->status == ECML_OUT_OF_MEMORY;
		test_ctx_free(ctx);
		if (complete)
			break;
	}
	ok(failures > 50, "an allocation that fails is told: %ld times", failures);
	for (long after = 0; after < polls; after += 1 + polls / 200)
	{
		ctx = test_ctx(2, 1);
		test_host(ctx)->cancel_after = after;
		if (!attempt(ctx, everything, NULL))
			cancels += test_host(ctx)->cancelled;
		test_ctx_free(ctx);
	}
	ok(cancels > 0, "a cancel is heeded: %ld times of %ld polls", cancels, polls);
}

static void
fit_two(EcmlCtx *ctx, const void *rows)
{
	static char *ids[] = {"a", "b"};
	RecParams	params = params_of();
	float		mix[REC_PARTS] = {1, 1, 0, 1, 0};

	(void) rec_fit(ctx, rows, 1, 1, ids, &params, mix, false, NULL, 0, NULL);
}

static void
fit_raw(EcmlCtx *ctx, const void *rows)
{
	RecParams	params = params_of();
	char	   *ids[] = {"a", "b"};
	float		mix[REC_PARTS] = {1};

	params.weighting = REC_RAW;
	params.regularization = 0;
	(void) rec_fit(ctx, rows, 1, 2, ids, &params, mix, false, NULL, 0, NULL);
}

static void
test_edges(void)
{
	EcmlCtx    *ctx = test_ctx(1, 1);
	RecRows		rows;
	RecParams	params = params_of();
	char	   *ids[] = {"a", "b"};
	float		mix[REC_PARTS] = {1, 1, 0, 1, 0};
	RecFit	   *fit;
	RecScorer	scorer;
	RecBest		best[2];
	RecUser		user;

	rec_rows_init(ctx, &rows, false, false);
	rec_rows_add(ctx, &rows, 0, 0, -1, 0, 0);
	ok(!attempt(ctx, fit_two, &rows), "returns alone cannot be learnt from");
	ok(test_host(ctx)->status == ECML_DATA_EXCEPTION, "returns alone are an error: %s", test_host(ctx)->message);
	{
		RecRows		huge;

		rec_rows_init(ctx, &huge, false, false);
		rec_rows_add(ctx, &huge, 0, 0, 1e38, 0, 0);
		rec_rows_add(ctx, &huge, 0, 1, 1, 0, 0);
		ok(!attempt(ctx, fit_raw, &huge), "weights that single precision cannot hold are no model");
		ok(test_host(ctx)->status == ECML_DATA_EXCEPTION, "but an error: %s", test_host(ctx)->message);
	}
	rec_rows_add(ctx, &rows, 0, 0, 3, 0, 0);
	fit = rec_fit(ctx, &rows, 1, 1, ids, &params, mix, false, NULL, 0, NULL);
	rec_model_index(ctx, fit->model);
	rec_scorer_init(ctx, &scorer, fit->model);
	user = user_of(fit, 0);
	ok(rec_best(&scorer, &user, 1, NULL, user.items, user.n, best) == 0, "of one item that the user has, nothing is left");
	ok(rec_best(&scorer, &user, 1, NULL, NULL, 0, best) == 1 && isfinite(best[0].score), "or that one item");
	rec_rows_add(ctx, &rows, 1, 1, 1, 0, 0);
	fit = rec_fit(ctx, &rows, 2, 2, ids, &params, mix, true, NULL, 0, NULL);
	rec_model_index(ctx, fit->model);
	rec_scorer_init(ctx, &scorer, fit->model);
	user = user_of(fit, 0);
	ok(rec_best(&scorer, &user, 2, NULL, user.items, user.n, best) == 1 && best[0].item == 1,
	   "an item that nothing leads to fills up the list");
	test_ctx_free(ctx);
}

int
main(void)
{
	test_matrix();
	test_long_rows();
	test_knn();
	test_als();
	test_lists();
	test_parts();
	test_last();
	test_again();
	test_reasons_by_users();
	test_failures();
	test_edges();
	return done();
}
