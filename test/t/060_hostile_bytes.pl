# Bytes of models and of aggregate states that were tampered with, their checksums put right, go through the types' input
# functions and, where these accept them, through every function that takes them: each ends with a result or an error that has
# a user's SQLSTATE; never a crash, never an internal error, memory within bounds.
#
# ECML_FUZZ_CASES (default 4000) and ECML_FUZZ_SEED choose another run.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Ecml;

my $cases = $ENV{ECML_FUZZ_CASES} // 4000;
my $seed = $ENV{ECML_FUZZ_SEED} // 20;
srand($seed);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_wal_size = 2GB\nlog_min_messages = fatal\nlog_min_error_statement = fatal\n");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION ecml;
	CREATE TYPE size AS ENUM ('small', 'large');
	CREATE TABLE shop AS
	SELECT i AS id, CASE WHEN i % 9 > 0 THEN i % 7 + i / 100.0 END::float8 AS price,
		(ARRAY['red', 'green', 'Größe "M"', NULL, 'it''s'])[i % 5 + 1] AS colour, (ARRAY['small', 'large'])[i % 2 + 1]::size AS size,
		i % 3 = 0 AS promo, ARRAY[i % 4, sin(i)]::float8[] AS more, date '2026-01-01' + i AS day, 3 * i + 20 * (i % 4) AS sold
	FROM generate_series(1, 300) AS i;
	CREATE TABLE wide AS
	SELECT i % 17 AS y, ARRAY(SELECT sin(i * k) FROM generate_series(1, 70) AS k) AS x FROM generate_series(1, 90) AS i;

	-- aggregates that end with the state itself, or begin with one
	CREATE AGGREGATE linreg_state(options jsonb, y float8, VARIADIC x "any") (
		SFUNC = ecml_linreg_transition, STYPE = ecml_linreg_state);
	CREATE AGGREGATE ttest_state(value float8, grp "any") (SFUNC = ecml_ttest_transition, STYPE = ecml_ttest_state);
	CREATE AGGREGATE ttest_paired_state(a float8, b float8) (SFUNC = ecml_ttest_paired_transition, STYPE = ecml_ttest_state);
	CREATE AGGREGATE ttest_1samp_state(x float8, mu float8) (SFUNC = ecml_ttest_1samp_transition, STYPE = ecml_ttest_state);
	CREATE AGGREGATE ttest_merge(state ecml_ttest_state) (
		SFUNC = ecml_ttest_combine, STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final);
	CREATE AGGREGATE mannwhitney_state(value float8, grp "any") (SFUNC = ecml_mannwhitney_transition, STYPE = ecml_test_state);
	CREATE AGGREGATE anova_state(value float8, grp "any") (SFUNC = ecml_anova_transition, STYPE = ecml_test_state);
	CREATE AGGREGATE cuped_state(value float8, x float8, grp "any") (SFUNC = ecml_cuped_transition, STYPE = ecml_test_state);
	CREATE AGGREGATE kendall_state(x float8, y float8) (SFUNC = ecml_kendall_transition, STYPE = ecml_test_state);
	CREATE AGGREGATE chi2_state(a "any", b "any") (SFUNC = ecml_chi2_transition, STYPE = ecml_test_state);
	CREATE AGGREGATE test_merge(state ecml_test_state) (SFUNC = ecml_test_combine, STYPE = ecml_test_state);
	CREATE AGGREGATE describe_merge(state ecml_describe_state) (SFUNC = ecml.describe_combine, STYPE = ecml_describe_state);
	CREATE AGGREGATE metrics_state(actual "any", predicted "any") (SFUNC = ecml_metrics_transition, STYPE = ecml_metrics_state);
	CREATE AGGREGATE metrics_merge(state ecml_metrics_state) (
		SFUNC = ecml_metrics_combine, STYPE = ecml_metrics_state, FINALFUNC = ecml_metrics_final);

	SELECT ecml_train('impute', 'linreg', 'shop', 'sold', ARRAY['price', 'colour', 'size', 'promo', 'more', 'day'], '{"missing": "impute"}');
	SELECT ecml_train('skip', 'linreg', 'shop', 'sold', ARRAY['price', 'promo']);
	SELECT ecml_train('origin', 'linreg', 'shop', 'sold', ARRAY['price', 'colour'], '{"intercept": false}');
	SELECT ecml_train('lasso', 'linreg', 'shop', 'sold', ARRAY['price', 'colour'], '{"alpha": 1, "l1_ratio": 0.5}');
	SELECT ecml_train('groups', 'kmeans', 'shop', NULL, ARRAY['price', 'colour', 'sold'], '{"missing": "impute", "k": 5}');
	SELECT ecml_train('plain', 'kmeans', 'shop', NULL, ARRAY['price', 'sold', 'more'], '{"standardize": false, "k": 3}');
	SELECT ecml_train('hazard', 'cox', 'SELECT id + 1 AS t, promo, price, colour FROM shop', 't', NULL, '{"event": "promo"}');
	SELECT ecml_train('strata', 'cox', 'SELECT id % 50 AS t, promo, price, colour FROM shop', 't', NULL, '{"event": "promo", "strata": "colour"}');
	CREATE AGGREGATE survival_state(duration float8, event boolean) (SFUNC = ecml_kaplan_meier_transition, STYPE = ecml_survival_state);
	CREATE AGGREGATE logrank_state(duration float8, event boolean, grp "any") (SFUNC = ecml_logrank_transition, STYPE = ecml_survival_state);
	CREATE AGGREGATE survival_merge(state ecml_survival_state) (
		SFUNC = ecml_survival_combine, STYPE = ecml_survival_state, FINALFUNC = ecml_kaplan_meier_final);
	CREATE AGGREGATE logrank_merge(state ecml_survival_state) (
		SFUNC = ecml_survival_combine, STYPE = ecml_survival_state, FINALFUNC = ecml_logrank_final);
	SELECT ecml_train('calibrated', 'logreg', 'shop', 'promo', ARRAY['price', 'colour', 'sold'], '{"missing": "impute", "calibration": "isotonic"}');
	SELECT ecml_train('words', 'text_logreg', 'SELECT colour || '' number '' || id % 9 AS t, size FROM shop', 'size', NULL, '{"bits": 8}');
	SELECT ecml_train('counts', 'naive_bayes', 'SELECT colour, size FROM shop', 'size', NULL, '{"variant": "complement"}');
	SELECT ecml_train('topics', 'lda', 'SELECT colour || '' number'' || id % 9 AS t FROM shop', NULL, NULL, '{"topics": 3, "iterations": 5, "max_df": 1}');
	SELECT ecml_train('voice', 'ngram_lm', 'SELECT colour || '' is number '' || id % 9 AS t FROM shop WHERE id < 40', NULL, NULL, '{"order": 3}');
	SELECT ecml_search_index('found', 'SELECT id, colour, size::text AS size FROM shop', '{"category": "size"}');
	CREATE TABLE sold AS SELECT id % 30 AS customer_id, id % 13 AS product_id, id % 4 + 1 AS quantity, day, promo FROM shop;
	CREATE TABLE goods AS SELECT DISTINCT ON (id % 17) id % 17 AS product_id, colour, price, size FROM shop ORDER BY id % 17, id;
	SELECT ecml_train('recs', 'als', 'sold', options => '{"factors": 3, "items": "goods"}');
	SELECT ecml_train('stars', 'als', 'sold', options => '{"factors": 2, "feedback": "explicit", "items": "goods"}');
	SELECT ecml_train('near', 'item_knn', 'sold', options => '{"weighting": "bm25", "group": "promo"}');
	SELECT ecml_train('likes', 'user_knn', 'sold', options => '{"similarity": "jaccard"}');
	SELECT ecml_train('again', 'hybrid', 'sold', options => '{"parts": ["als", "item_knn", "content", "popular", "repeat"], "factors": 3, "items": "goods"}');
	SELECT ecml_train('boosted', 'gbdt', 'shop', 'promo', ARRAY['price', 'colour', 'more'], '{"n_trees": 4, "max_leaves": 4, "min_child_samples": 5}');
	SELECT ecml_train('boosted classes', 'gbdt', 'shop', 'size', ARRAY['price', 'colour', 'sold'], '{"n_trees": 2, "max_leaves": 3, "objective": "softmax"}');
	SELECT ecml_train('tree', 'decision_tree', 'shop', 'sold', ARRAY['price', 'colour', 'size', 'promo', 'more', 'day'], '{"max_depth": 3}');
	SELECT ecml_train('forest', 'random_forest', 'SELECT * FROM shop WHERE colour IS NOT NULL', 'colour', ARRAY['price', 'size', 'sold'],
		'{"n_trees": 3, "max_depth": 3}');
	SELECT ecml_train('isolated', 'iforest', 'shop', NULL, ARRAY['price', 'sold', 'more'], '{"n_trees": 3, "sample_size": 16}');
	SELECT ecml_train('isolated kinds', 'iforest', 'shop', NULL, ARRAY['price', 'colour'], '{"n_trees": 3, "sample_size": 16}');
	SELECT ecml_train('planes', 'iforest', 'shop', NULL, ARRAY['price', 'colour', 'sold'], '{"n_trees": 2, "sample_size": 8, "extension_level": 2}');
	SELECT ecml_train('distance', 'mahalanobis', 'shop', NULL, ARRAY['price', 'colour', 'sold'], '{"missing": "impute"}');
	CREATE TABLE days AS SELECT date '2026-01-01' + i AS day, 10 + i % 7 + i / 9.0 AS qty FROM generate_series(1, 60) AS i;
	SELECT ecml_train('next days', 'holt_winters', 'days', 'qty');
	SELECT ecml_train('next theta', 'theta', 'days', 'qty');
	CREATE TABLE origin (name text, kind text, value text, share int);
	INSERT INTO origin SELECT name, 'model', ecml_load(name)::text, 3 FROM ecml.models;
	INSERT INTO origin
	SELECT 'gram', 'linreg', linreg_state('{}', sold, price, promo)::text, 3 FROM shop
	UNION ALL SELECT 'categories', 'linreg', linreg_state('{"missing": "impute"}', sold, price, colour, size)::text, 3 FROM shop
	UNION ALL SELECT 'weights', 'linreg', linreg_state('{"sample_weight": "x2"}', sold, price, id, more)::text, 3 FROM shop
	UNION ALL SELECT 'no row', 'linreg', linreg_state('{}', NULL::float8, price, colour)::text, 1 FROM shop
	UNION ALL SELECT 'profile', 'linreg', ecml.linreg_rows(ARRAY['sold', 'price', 'id'], '{}', sold, price, id)::text, 2 FROM shop WHERE id <= 40
	UNION ALL SELECT 'triangle', 'linreg', ecml_linreg_partial('{}', y, x)::text, 1 FROM wide
	UNION ALL SELECT 'ttest', 'ttest', ttest_state(sold, promo)::text, 2 FROM shop
	UNION ALL SELECT 'colours', 'ttest', ttest_state(sold, colour)::text, 1 FROM shop WHERE colour IN ('red', 'Größe "M"')
	UNION ALL SELECT 'paired', 'ttest', ttest_paired_state(sold, price)::text, 1 FROM shop
	UNION ALL SELECT 'described', 'describe', ecml.describe_rows(0, 5, sold, price, colour, size, id::text || sold)::text, 2 FROM shop
	UNION ALL SELECT 'many described', 'describe', ecml.describe_rows(0, 2, i % 4999, 'v' || i)::text, 1 FROM generate_series(1, 9000) AS i
	UNION ALL SELECT 'one sample', 'ttest', ttest_1samp_state(sold, 5)::text, 1 FROM shop
	UNION ALL SELECT 'ranks', 'test', mannwhitney_state(sold, promo)::text, 1 FROM shop WHERE id < 60
	UNION ALL SELECT 'means', 'test', anova_state(sold, colour)::text, 1 FROM shop
	UNION ALL SELECT 'adjusted', 'test', cuped_state(sold, price, size)::text, 1 FROM shop
	UNION ALL SELECT 'concordance', 'test', kendall_state(sold, price)::text, 1 FROM shop WHERE id < 50
	UNION ALL SELECT 'counts', 'test', chi2_state(colour, size)::text, 1 FROM shop
	UNION ALL SELECT 'scores', 'metrics', metrics_state(promo, sin(id))::text, 1 FROM shop
	UNION ALL SELECT 'words', 'metrics', metrics_state(size, abs(sin(id)))::text, 1 FROM shop WHERE id < 30
	UNION ALL SELECT 'zeros and ones', 'metrics', metrics_state(id % 2, abs(sin(id)))::text, 1 FROM shop WHERE id < 30
	UNION ALL SELECT 'labels', 'metrics', metrics_state(colour, size)::text, 1 FROM shop
	UNION ALL SELECT 'numbers', 'metrics', metrics_state(sold, price)::text, 1 FROM shop
	UNION ALL SELECT 'curve', 'survival', survival_state(id % 40, promo)::text, 1 FROM shop
	UNION ALL SELECT 'logrank', 'survival', logrank_state(id % 9, promo, colour)::text, 2 FROM shop;

	CREATE TABLE hostile (id int PRIMARY KEY, kind text, value text);
	CREATE TABLE outcome (id int, step text, state text, message text, ms float8);

	-- One case: the input function, then all that takes the value.
	CREATE FUNCTION probe(case_id int, kind text, bytes text) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		began timestamptz := clock_timestamp();
		step text;
		steps text[];
		m ecml_model;
		l ecml_linreg_state;
		t ecml_ttest_state;
		d ecml_describe_state;
		q ecml_metrics_state;
		k ecml_survival_state;
		h ecml_test_state;
	BEGIN
		BEGIN
			CASE kind WHEN 'model' THEN m := bytes::ecml_model;
				WHEN 'linreg' THEN l := bytes::ecml_linreg_state;
				WHEN 'describe' THEN d := bytes::ecml_describe_state;
				WHEN 'metrics' THEN q := bytes::ecml_metrics_state;
				WHEN 'survival' THEN k := bytes::ecml_survival_state;
				WHEN 'test' THEN h := bytes::ecml_test_state;
				ELSE t := bytes::ecml_ttest_state; END CASE;
		EXCEPTION WHEN OTHERS THEN
			INSERT INTO outcome VALUES (case_id, 'input', SQLSTATE, SQLERRM, 1000 * extract(epoch FROM clock_timestamp() - began));
			RETURN;
		END;
		INSERT INTO outcome VALUES (case_id, 'input', '00000', NULL, 0);
		steps := CASE kind WHEN 'model' THEN ARRAY[
			'SELECT count(ecml_predict($1, s)) FROM (SELECT * FROM shop LIMIT 10) AS s',
			'SELECT count(ecml_survival($1, ARRAY[0, 5, 1e9], s)) FROM (SELECT * FROM shop LIMIT 10) AS s',
			'SELECT count(ecml_predict($1, price, promo)) FROM (SELECT * FROM shop LIMIT 10) AS s',
			'SELECT count(ecml_predict($1, price, colour)) FROM (SELECT * FROM shop LIMIT 10) AS s',
			'SELECT count(ecml_predict($1, price, colour, size, promo, more, day)) FROM (SELECT * FROM shop LIMIT 10) AS s',
			'SELECT count(ecml_predict($1, price, sold, more)) FROM (SELECT * FROM shop LIMIT 10) AS s',
			'SELECT count(ecml_classify($1, s)) FROM (SELECT * FROM shop LIMIT 10) AS s',
			'SELECT count((ecml_predict_interval($1, 0.9, s)).lower) FROM (SELECT * FROM shop LIMIT 10) AS s',
			'SELECT count(c::text) FROM ecml_coefficients($1) AS c', 'SELECT count(c::text) FROM ecml_centroids($1) AS c',
			'SELECT count(e::text) FROM shop AS s, ecml_explain($1, s) AS e', 'SELECT count(i::text) FROM ecml_importance($1) AS i',
			'SELECT count(i::text) FROM ecml_importance($1, ''shop'', ''{"repeats": 1, "rows": 50}'') AS i',
			'SELECT count(p::text) FROM ecml_partial_dependence($1, ''shop'', ''price'', ''{"rows": 50}'') AS p',
			'SELECT count(d::text) FROM ecml_drift($1, ''shop'') AS d', 'SELECT ecml_model_info($1)::text', 'SELECT ecml_evaluate($1, ''shop'')', 'SELECT ($1::text)::ecml_model::text',
			'SELECT ecml_save(''hostile'', $1)', 'SELECT ecml_predict(''hostile'', s) FROM (SELECT * FROM shop LIMIT 10) AS s',
			'SELECT to_jsonb(m) FROM ecml.models AS m WHERE name = ''hostile''',
			'SELECT ecml_classify($1, ''red number 3''), ecml_probabilities($1, ''green'')', 'SELECT count(w::text) FROM ecml_top_words($1, 5) AS w',
			'SELECT count(t::text), ecml_topic_mix($1, ''red number3'') FROM ecml_topics($1, 5) AS t', 'SELECT ecml_generate($1, ''red'', 9)',
			'SELECT count(s::text) FROM ecml_search(''hostile'', ''rad M'', 5) AS s', 'SELECT count(s::text) FROM ecml_suggest(''hostile'', ''r'', 5) AS s',
			'SELECT count(r::text) FROM ecml_recommend(1, 5, ''hostile'') AS r', 'SELECT count(r::text) FROM ecml_recommend(1, 20, ''hostile'', ''{"basket": ["2", "3", "5"], "reasons": true, "diversity": 0.3}'') AS r',
			'SELECT count(r::text) FROM ecml_recommend_basket(ARRAY[1, 4, 16], 20, ''hostile'', ''{"items": "goods", "item_key": "product_id", "filter": "price > 1", "boost": "price"}'') AS r',
			'SELECT count(s::text) FROM ecml_similar_items(2, 5, ''hostile'') AS s', 'SELECT count(f::text) FROM ecml_item_factors(''hostile'') AS f',
			'SELECT count(r::text) FROM ecml_recommend_all(''hostile'', 3) AS r', 'SELECT ecml_evaluate(''hostile'', ''sold'', ''{"split": "leave_last_out"}'')', 'SELECT ecml_evaluate(''hostile'', ''sold'')',
			'SELECT count(r::text) FROM ecml_tree_rules($1) AS r', 'SELECT count(r::text) FROM ecml_tree_rules($1, 2) AS r',
			'SELECT count(ecml_iforest_score($1, s)), count(ecml_is_anomaly($1, s)), count(ecml_probabilities($1, s)) FROM (SELECT * FROM shop LIMIT 10) AS s',
			'SELECT count(ecml_predict($1, price, sold, more)), count(ecml_is_anomaly($1, price, sold, more)) FROM shop',
			'SELECT count(f::text) FROM ecml_forecast(horizon => 3, model => ''hostile'') AS f',
			'SELECT ecml_retrain(''hostile'')', 'SELECT ecml_drop_model(''hostile'')']
		WHEN 'survival' THEN ARRAY[
			'SELECT count(ecml_kaplan_meier_final($1))', 'SELECT ecml_logrank_final($1)::text', 'SELECT ecml_median_survival_final($1)',
			'SELECT count(survival_merge(s)) FROM (VALUES ($1), ($1)) AS v (s)', 'SELECT logrank_merge(s)::text FROM (VALUES ($1), ($1)) AS v (s)',
			'SELECT logrank_merge(s)::text FROM (SELECT $1 UNION ALL SELECT value::ecml_survival_state FROM origin WHERE name = ''logrank'') AS v (s)',
			'SELECT survival_merge(s)::text FROM (SELECT value::ecml_survival_state FROM origin WHERE name = ''curve'' UNION ALL SELECT $1) AS v (s)',
			'SELECT ($1::text)::ecml_survival_state::text']
		WHEN 'test' THEN ARRAY[
			'SELECT ecml_mannwhitney_final($1)::text', 'SELECT ecml_ks_final($1)::text', 'SELECT ecml_anova_final($1)::text',
			'SELECT ecml_cuped_final($1)::text', 'SELECT ecml_ratio_test_final($1)::text', 'SELECT ecml_wilcoxon_final($1)::text',
			'SELECT ecml_correlation_final($1)::text', 'SELECT ecml_chi2_final($1)::text',
			'SELECT test_merge(s)::text FROM (VALUES ($1), ($1)) AS v (s)',
			'SELECT test_merge(s)::text FROM (SELECT $1 UNION ALL SELECT value::ecml_test_state FROM origin WHERE name = ''ranks'') AS v (s)',
			'SELECT test_merge(s)::text FROM (SELECT value::ecml_test_state FROM origin WHERE name = ''counts'' UNION ALL SELECT $1) AS v (s)',
			'SELECT test_merge(s)::text FROM (SELECT value::ecml_test_state FROM origin WHERE name = ''means'' UNION ALL SELECT $1) AS v (s)',
			'SELECT ($1::text)::ecml_test_state::text']
		WHEN 'linreg' THEN ARRAY[
			'SELECT ecml_model_info(ecml_linreg_merge($1))::text', 'SELECT count(c::text) FROM ecml_coefficients(ecml_linreg_final($1)) AS c',
			'SELECT ecml_linreg_merge(s) IS NULL FROM (VALUES ($1), ($1)) AS v (s)',
			'SELECT ecml_linreg_merge(s) IS NULL FROM (SELECT $1 UNION ALL SELECT value::ecml_linreg_state FROM origin WHERE name = ''gram'') AS v (s)',
			'SELECT ecml_linreg_merge(s) IS NULL FROM (SELECT value::ecml_linreg_state FROM origin WHERE name = ''categories'' UNION ALL SELECT $1) AS v (s)',
			'SELECT ecml_linreg_merge(s) IS NULL FROM (SELECT value::ecml_linreg_state FROM origin WHERE name = ''triangle'' UNION ALL SELECT $1) AS v (s)',
			'SELECT ($1::text)::ecml_linreg_state::text']
		WHEN 'describe' THEN ARRAY[
			'SELECT describe_merge(s) IS NULL FROM (VALUES ($1), ($1)) AS v (s)',
			'SELECT describe_merge(s) IS NULL FROM (SELECT $1 UNION ALL SELECT value::ecml_describe_state FROM origin WHERE name = ''described'') AS v (s)',
			'SELECT describe_merge(s) IS NULL FROM (SELECT value::ecml_describe_state FROM origin WHERE name = ''many described'' UNION ALL SELECT $1) AS v (s)',
			'SELECT ($1::text)::ecml_describe_state::text']
		WHEN 'metrics' THEN ARRAY[
			'SELECT metrics_merge($1)::text', 'SELECT ecml_metrics_final($1)::text', 'SELECT ecml_confusion_final($1)::text',
			'SELECT ecml_roc_final($1)::text', 'SELECT ecml_pr_curve_final($1)::text', 'SELECT ecml_lift_final($1)::text',
			'SELECT ecml_calibration_final($1)::text', 'SELECT ecml_best_threshold_final($1)::text',
			'SELECT metrics_merge(s)::text FROM (VALUES ($1), ($1)) AS v (s)',
			'SELECT metrics_merge(s)::text FROM (SELECT $1 UNION ALL SELECT value::ecml_metrics_state FROM origin WHERE name = ''words'') AS v (s)',
			'SELECT metrics_merge(s)::text FROM (SELECT value::ecml_metrics_state FROM origin WHERE name = ''labels'' UNION ALL SELECT $1) AS v (s)',
			'SELECT ($1::text)::ecml_metrics_state::text']
		ELSE ARRAY[
			'SELECT ttest_merge($1)::text', 'SELECT ecml_ttest_final($1)::text',
			'SELECT ttest_merge(s)::text FROM (VALUES ($1), ($1)) AS v (s)',
			'SELECT ttest_merge(s)::text FROM (SELECT $1 UNION ALL SELECT value::ecml_ttest_state FROM origin WHERE name = ''ttest'') AS v (s)',
			'SELECT ttest_merge(s)::text FROM (SELECT value::ecml_ttest_state FROM origin WHERE name = ''paired'' UNION ALL SELECT $1) AS v (s)',
			'SELECT ($1::text)::ecml_ttest_state::text'] END;
		-- rows on top of a state
		IF kind = 'linreg' AND case_id % 10 = 0 THEN
			steps := steps || format('CREATE AGGREGATE grown(options jsonb, y float8, VARIADIC x "any") (SFUNC = ecml_linreg_transition, '
				'STYPE = ecml_linreg_state, FINALFUNC = ecml_linreg_final, INITCOND = %L)', bytes)
				|| 'SELECT $1 IS NULL, grown(''{}'', sold, price, promo) FROM shop'::text
				|| 'SELECT $1 IS NULL, grown(''{}'', sold, price, colour, size) FROM shop'::text
				|| 'SELECT $1 IS NULL, grown(''{}'', sold, price, id, more) FROM shop'::text
				|| 'DROP AGGREGATE IF EXISTS grown(jsonb, float8, VARIADIC "any")'::text;
		ELSIF kind = 'describe' AND case_id % 10 = 0 THEN
			steps := steps || format('CREATE AGGREGATE grown(seed bigint, total int, VARIADIC x "any") (SFUNC = ecml.describe_transition, '
				'STYPE = ecml_describe_state, INITCOND = %L)', bytes)
				|| 'SELECT $1 IS NULL, grown(0, 5, sold, price, colour, size, id::text || sold) IS NULL FROM shop'::text
				|| 'SELECT $1 IS NULL, grown(0, 2, i % 4999, ''v'' || i) IS NULL FROM generate_series(1, 9000) AS i'::text
				|| 'DROP AGGREGATE IF EXISTS grown(bigint, int, VARIADIC "any")'::text;
		ELSIF kind = 'ttest' AND case_id % 10 = 0 THEN
			steps := steps || format('CREATE AGGREGATE grown(value float8, grp "any") (SFUNC = ecml_ttest_transition, '
				'STYPE = ecml_ttest_state, FINALFUNC = ecml_ttest_final, INITCOND = %L)', bytes)
				|| 'SELECT $1 IS NULL, grown(sold, promo)::text FROM shop'::text || 'SELECT $1 IS NULL, grown(sold, colour)::text FROM shop'::text
				|| 'DROP AGGREGATE IF EXISTS grown(float8, "any")'::text;
		ELSIF kind = 'test' AND case_id % 5 = 0 THEN
			steps := steps || format('CREATE AGGREGATE grown(value float8, grp "any") (SFUNC = ecml_mannwhitney_transition, '
				'STYPE = ecml_test_state, FINALFUNC = ecml_mannwhitney_final, INITCOND = %L)', bytes)
				|| 'SELECT $1 IS NULL, grown(sold, promo)::text FROM shop'::text || 'DROP AGGREGATE IF EXISTS grown(float8, "any")'::text
				|| format('CREATE AGGREGATE grown(float8, "any") (SFUNC = ecml_anova_transition, '
				'STYPE = ecml_test_state, FINALFUNC = ecml_anova_final, INITCOND = %L)', bytes)
				|| 'SELECT $1 IS NULL, grown(sold, colour)::text FROM shop'::text || 'DROP AGGREGATE IF EXISTS grown(float8, "any")'::text
				|| format('CREATE AGGREGATE grown("any", "any") (SFUNC = ecml_chi2_transition, '
				'STYPE = ecml_test_state, FINALFUNC = ecml_chi2_final, INITCOND = %L)', bytes)
				|| 'SELECT $1 IS NULL, grown(colour, size)::text FROM shop'::text || 'DROP AGGREGATE IF EXISTS grown("any", "any")'::text;
		ELSIF kind = 'metrics' AND case_id % 5 = 0 THEN
			steps := steps || format('CREATE AGGREGATE grown("any", "any") (SFUNC = ecml_metrics_transition, '
				'STYPE = ecml_metrics_state, FINALFUNC = ecml_metrics_final, INITCOND = %L)', bytes)
				|| 'SELECT $1 IS NULL, grown(promo, price)::text FROM shop'::text || 'SELECT $1 IS NULL, grown(size, price)::text FROM shop'::text
				|| 'SELECT $1 IS NULL, grown(colour, size)::text FROM shop'::text || 'SELECT $1 IS NULL, grown(sold, price)::text FROM shop'::text
				|| 'DROP AGGREGATE IF EXISTS grown("any", "any")'::text;
		END IF;
		FOREACH step IN ARRAY steps LOOP
			began := clock_timestamp();
			BEGIN
				IF step ~ '^(CREATE|DROP)' THEN
					EXECUTE step;
				ELSIF kind = 'model' THEN
					EXECUTE step USING m;
				ELSIF kind = 'survival' THEN
					EXECUTE step USING k;
				ELSIF kind = 'test' THEN
					EXECUTE step USING h;
				ELSIF kind = 'linreg' THEN
					EXECUTE step USING l;
				ELSIF kind = 'describe' THEN
					EXECUTE step USING d;
				ELSIF kind = 'metrics' THEN
					EXECUTE step USING q;
				ELSE
					EXECUTE step USING t;
				END IF;
				INSERT INTO outcome VALUES (case_id, step, '00000', NULL, 1000 * extract(epoch FROM clock_timestamp() - began));
			EXCEPTION WHEN OTHERS THEN
				INSERT INTO outcome VALUES (case_id, step, SQLSTATE, SQLERRM, 1000 * extract(epoch FROM clock_timestamp() - began));
			END;
		END LOOP;
	END $$;));

# ---- the bytes

# name => [kind, bytes]
my %origin;
my @draw;
for my $line (split /\n/, $node->safe_psql('postgres', 'SELECT name, kind, share, value FROM origin ORDER BY name'))
{
	my ($name, $kind, $share, $hex) = split /\|/, $line;

	$origin{$name} = [ $kind, pack('H*', $hex) ];
	push @draw, ($name) x $share;
}

# CRC-32C, a byte at a time
my @table = map {
	my $crc = $_;
	$crc = $crc & 1 ? ($crc >> 1) ^ 0x82F63B78 : $crc >> 1 for 1 .. 8;
	$crc;
} 0 .. 255;

sub crc32c
{
	my ($bytes) = @_;
	my $crc = 0xFFFFFFFF;

	$crc = ($crc >> 8) ^ $table[ ($crc ^ $_) & 255 ] for unpack 'C*', $bytes;
	return $crc ^ 0xFFFFFFFF;
}

# The checksum stands before what it covers: of a model in bytes 12 to 15, of a state in bytes 1 to 4.
sub put_checksum
{
	my ($kind, $bytes) = @_;
	my $at = $kind eq 'model' ? 12 : 1;

	return $bytes if length $bytes < $at + 4;
	return substr($bytes, 0, $at) . pack('V', crc32c(substr $bytes, $at + 4)) . substr($bytes, $at + 4);
}

my @integers = (0, 1, 2, 17, 255, 256, 3999, 4000, 4001, 65535, 65536, 65537, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF);
my @numbers = (0.0, -0.0, 1.0, -1.0, 0.5, 9e99, 1e300, -1e300, 1.7e308, -1.7e308, 5e-324, 1e-310, 9007199254740993,
	'inf' + 0, -'inf' + 0, 'nan' + 0);

sub random_bytes { return join '', map { chr int rand 256 } 1 .. shift }

# Somewhere past what the first checks look at.
sub place
{
	my ($kind, $bytes, $width) = @_;
	my $from = $kind eq 'model' ? 16 : 5;
	my $room = length($bytes) - $from - $width;

	return $room <= 0 ? 0 : $from + int rand($room + 1);
}

sub tamper
{
	my ($kind, $bytes, $other) = @_;
	my $way = int rand 11;
	my $at;

	if ($way <= 1)
	{
		for (0 .. int rand 4)
		{
			$at = place($kind, $bytes, 1);
			substr($bytes, $at, 1) = chr(ord(substr $bytes, $at, 1) ^ 1 << int rand 8);
		}
	}
	elsif ($way == 2)
	{
		$at = place($kind, $bytes, 1);
		substr($bytes, $at, 1) = random_bytes(1);
	}
	elsif ($way == 3 || $way == 4)
	{
		$at = place($kind, $bytes, 4);
		substr($bytes, $at, 4) = pack 'V', $integers[ rand @integers ];
	}
	elsif ($way == 5 || $way == 6)
	{
		$at = place($kind, $bytes, 8);
		substr($bytes, $at, 8) = pack 'd<', $numbers[ rand @numbers ];
	}
	elsif ($way == 7)
	{
		$bytes = substr $bytes, 0, int rand length $bytes;
	}
	elsif ($way == 8)
	{
		# the beginning of one, the end of another; or a piece twice, or missing
		my $cut = place($kind, $bytes, 0);
		my $again = rand() < 0.5 ? $cut + int rand 64 : place($kind, $other, 0);
		$bytes = substr($bytes, 0, $cut) . substr($other, $again < length $other ? $again : 0);
	}
	elsif ($way == 9)
	{
		$at = place($kind, $bytes, 0);
		substr($bytes, $at, rand() < 0.5 ? 0 : int rand 8) = random_bytes(int rand 16);
	}
	else
	{
		my $from = $kind eq 'model' ? 16 : 5;
		$bytes = substr($bytes, 0, $from) . random_bytes(int rand 400);
	}
	return $bytes;
}

my $file = $node->basedir . '/hostile.txt';
open my $out, '>', $file or die "$file: $!";
my $id = 0;
for my $name (sort keys %origin)
{
	# as they are: all that is fitting works
	printf $out "%d\t%s\t%s\n", --$id, $origin{$name}[0], unpack 'H*', put_checksum(@{ $origin{$name} });
}
$id = 0;
while ($id < $cases)
{
	my $name = $draw[ rand @draw ];
	my ($kind, $bytes) = @{ $origin{$name} };
	my $other = rand() < 0.5 ? $bytes : $origin{ $draw[ rand @draw ] }[1];

	$bytes = tamper($kind, $bytes, $other) for 0 .. (rand() < 0.7 ? 0 : int rand 4);
	$bytes = put_checksum($kind, $bytes) if rand() < 0.98;
	# the algorithm's number, the format, the flags
	substr($bytes, 4 + int rand 8, 1) = random_bytes(1) if $kind eq 'model' && rand() < 0.02 && length $bytes > 16;
	printf $out "%d\t%s\t%s\n", ++$id, $kind, unpack 'H*', $bytes;
}
close $out;
$node->safe_psql('postgres', "COPY hostile FROM '$file'");

# ---- the runs

# MB of a process: 'VmPeak' the most that it ever had mapped (its share of shared memory is all of it, from the start, so that
# only what it allocates adds to it), 'RssAnon' what it has now.
sub memory
{
	my ($pid, $what) = @_;

	return undef unless open my $status, '<', "/proc/$pid/status";
	return (map { /^$what:\s+(\d+) kB/ ? $1 / 1024 : () } <$status>)[0];
}

my $session = Ecml->new($node);
$session->query(q(SET ecml.work_mem = '64MB'; SET ecml.cache_size = '4MB'; SET client_min_messages = error; SET statement_timeout = '50s'));
$session->query(q(SELECT probe(id, kind, value) FROM hostile WHERE id < 0));
is($session->sqlstate, '', 'what is undamaged') or diag $session->messages;
is($session->query(q(SELECT count(*) FILTER (WHERE state = '00000'), count(*) FROM outcome WHERE step = 'input')),
	keys(%origin) . '|' . keys(%origin), 'what is undamaged is accepted');
like($session->query(q(SELECT count(*) FROM outcome WHERE state = '00000' AND step ~ '^SELECT count')), qr/^[1-9]\d+$/, 'and works');
my $before = memory($session->pid, 'VmPeak');
my $resident = memory($session->pid, 'RssAnon');
my $alive = 1;
for (my $first = 1; $first <= $cases && $alive; $first += 200)
{
	$session->query("SELECT probe(id, kind, value) FROM hostile WHERE id BETWEEN $first AND $first + 199 ORDER BY id");
	if ($session->sqlstate ne '' || $session->messages =~ /terminated|closed the connection/)
	{
		$alive = 0;
		diag "cases $first to " . ($first + 199) . " of seed $seed: " . $session->messages;
	}
}
ok($alive, "the server lives on after $cases cases");
SKIP:
{
	skip 'the server is gone', 7 unless $alive;
	is($session->query(q(SELECT count(DISTINCT id) FROM outcome WHERE id > 0)), $cases, 'all cases were tried');
	is($session->query(q(SELECT string_agg(format('%s %s: %s (%s)', id, left(step, 60), state, message), E'\n')
		FROM (SELECT * FROM outcome WHERE state ~ '^(XX000|XX002|53|57|58|F0|P0)' ORDER BY id LIMIT 10) AS o)), '',
		'no internal error, none of the system');
	is($session->query(q(SELECT string_agg(format('%s: %s (%s)', id, state, message), E'\n')
		FROM (SELECT * FROM outcome WHERE step = 'input' AND state NOT IN ('00000', 'XX001', '0A000', '22P02', '22023', '22003',
			'22P05', '54000', '54001', '2200H') ORDER BY id LIMIT 10) AS o)), '', 'input functions say that the bytes are damaged');
	note $session->query(q(SELECT format('of %s cases %s were accepted and %s refused as damaged', count(DISTINCT id),
		count(*) FILTER (WHERE state = '00000'), count(*) FILTER (WHERE state = 'XX001')) FROM outcome WHERE id > 0 AND step = 'input'));
	note $session->query(q(SELECT string_agg(line, E'\n') FROM (SELECT format('%s %s: %s (%s)', state, step = 'input', count(*), min(message)) AS line
		FROM outcome WHERE id > 0 GROUP BY state, step = 'input' ORDER BY count(*) DESC) AS l));
	cmp_ok($session->query(q(SELECT count(*) * 20 FROM outcome WHERE id > 0 AND step = 'input' AND state = '00000')), '>', $cases,
		'enough cases come past the input functions');
	note $session->query(q(SELECT format('the slowest step took %s ms: case %s, %s', round(ms::numeric), id, left(step, 80))
		FROM outcome ORDER BY ms DESC LIMIT 1));
	cmp_ok($session->query(q(SELECT max(ms) FROM outcome)), '<', 20000, 'no step hangs');
	skip 'there is no /proc to look up memory in', 2 unless defined $before;
	my $most = memory($session->pid, 'VmPeak') - $before;
	my $more = memory($session->pid, 'RssAnon') - $resident;
	note sprintf('memory of the backend: at most %.0f MB more than at the start, %.0f MB in the end', $most, $more);
	cmp_ok($most, '<', 256, 'memory is bounded') or note 'ecml.work_mem is 64MB';
	cmp_ok($more, '<', 64, 'and not kept');
}

# The strings of a model must be texts of the database.
my $model = $origin{impute}[1];
my $broken = $model =~ s/green/gr\xFF\xFEn/r;
my $answer = Ecml->new($node);
$answer->query(sprintf(q(SELECT ecml_model_info('%s'::ecml_model)), unpack 'H*', put_checksum('model', $broken)));
is($answer->sqlstate, 'XX001', 'a category that is no text');
$broken = $model =~ s/colour/colo\xC3\x28/r;
$answer->query(sprintf(q(SELECT ecml_model_info('%s'::ecml_model)), unpack 'H*', put_checksum('model', $broken)));
is($answer->sqlstate, 'XX001', 'a name of a column that is no text');
$broken = $origin{colours}[1] =~ s/red/r\x80d/r;
$answer->query(sprintf(q(SELECT '%s'::ecml_ttest_state), unpack 'H*', put_checksum('ttest', $broken)));
is($answer->sqlstate, 'XX001', 'a group that is no text');
$answer->query(sprintf(q(SELECT '%s'::ecml_model), unpack 'H*', substr $model, 0, -1));
is($answer->sqlstate, 'XX001', 'a model without its last byte');
$answer->query(q(SELECT 'no hexadecimal digits'::ecml_model));
is($answer->sqlstate, '22P02', 'a text that is no model');
$answer->quit;

$session->quit if $alive;
$node->stop;
done_testing();
