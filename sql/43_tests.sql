
-- ---- stats: tests as aggregates

CREATE TYPE ecml_test_state;
CREATE FUNCTION ecml_test_state_in(cstring) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_test_state_in(cstring) IS 'Reads the text form of a state of a test. Errors: data_corrupted.';
CREATE FUNCTION ecml_test_state_out(ecml_test_state) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_test_state_out(ecml_test_state) IS 'Text form of a state of a test.';
CREATE FUNCTION ecml_test_state_recv(internal) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_test_state_recv(internal) IS 'Reads the binary form of a state of a test. Errors: data_corrupted.';
CREATE FUNCTION ecml_test_state_send(ecml_test_state) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_test_state_send(ecml_test_state) IS 'Binary form of a state of a test.';
CREATE TYPE ecml_test_state (
	INPUT = ecml_test_state_in, OUTPUT = ecml_test_state_out,
	RECEIVE = ecml_test_state_recv, SEND = ecml_test_state_send, STORAGE = extended);
COMMENT ON TYPE ecml_test_state IS 'What a test keeps of rows: values, sums or counts by group, mergeable.';
CREATE FUNCTION ecml_test_combine(ecml_test_state, ecml_test_state) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_test_combine(ecml_test_state, ecml_test_state) IS 'Merges two states of a test. Errors: data_exception for states of different tests.';

CREATE TYPE ecml_mannwhitney_result AS (statistic float8, p_value float8, effect_size float8, median_a float8, median_b float8, n_a bigint, n_b bigint,
	group_a text, group_b text, method text);
COMMENT ON TYPE ecml_mannwhitney_result IS
'Result of a Mann-Whitney test: U of group a, p, share of pairs in which a is larger (ties count half), medians, counts, groups.';
CREATE FUNCTION ecml_mannwhitney_final(ecml_test_state) RETURNS ecml_mannwhitney_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_mannwhitney_final(ecml_test_state) IS 'The result of a state of a test; NULL without a state.';
CREATE TYPE ecml_ks_result AS (statistic float8, p_value float8, location float8, sign int, n_a bigint, n_b bigint, group_a text, group_b text,
	method text);
COMMENT ON TYPE ecml_ks_result IS
'Result of a two-sample Kolmogorov-Smirnov test: greatest distance of the distribution functions, p, the value where it is, and 1 where that of group a is above there (-1: below).';
CREATE FUNCTION ecml_ks_final(ecml_test_state) RETURNS ecml_ks_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_ks_final(ecml_test_state) IS 'The result of a state of a test; NULL without a state.';
CREATE TYPE ecml_anova_result AS (statistic float8, df_between float8, df_within float8, p_value float8, ss_between float8, ss_within float8,
	eta_squared float8, omega_squared float8, groups text[], n bigint[], means float8[], sds float8[], method text);
COMMENT ON TYPE ecml_anova_result IS
'Result of an analysis of variance: F, its degrees of freedom, p, sums of squares, effect sizes, and what each group has.';
CREATE FUNCTION ecml_anova_final(ecml_test_state) RETURNS ecml_anova_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_anova_final(ecml_test_state) IS 'The result of a state of a test; NULL without a state.';
CREATE TYPE ecml_cuped_result AS (statistic float8, df float8, p_value float8, mean_a float8, mean_b float8, difference float8, ci_low float8,
	ci_high float8, std_error float8, theta float8, correlation float8, variance_reduction float8, raw_difference float8,
	raw_p_value float8, n_a bigint, n_b bigint, group_a text, group_b text, method text);
COMMENT ON TYPE ecml_cuped_result IS
'Result of a t-test of means that are adjusted by a covariate: adjusted means and their difference a - b, theta, what share of the variance the covariate removed, and the test without it.';
CREATE FUNCTION ecml_cuped_final(ecml_test_state) RETURNS ecml_cuped_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_cuped_final(ecml_test_state) IS 'The result of a state of a test; NULL without a state.';
CREATE TYPE ecml_ratio_result AS (statistic float8, df float8, p_value float8, ratio_a float8, ratio_b float8, difference float8, ci_low float8,
	ci_high float8, std_error float8, n_a bigint, n_b bigint, group_a text, group_b text, method text);
COMMENT ON TYPE ecml_ratio_result IS
'Result of a test of two ratios of sums: the ratios, their difference a - b with its interval.';
CREATE FUNCTION ecml_ratio_test_final(ecml_test_state) RETURNS ecml_ratio_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_ratio_test_final(ecml_test_state) IS 'The result of a state of a test; NULL without a state.';
CREATE TYPE ecml_wilcoxon_result AS (statistic float8, p_value float8, effect_size float8, median_difference float8, n bigint, zeros bigint, method text);
COMMENT ON TYPE ecml_wilcoxon_result IS
'Result of a Wilcoxon signed rank test: sum of ranks, p, rank-biserial correlation, median of the differences a - b, pairs, and pairs without difference.';
CREATE FUNCTION ecml_wilcoxon_final(ecml_test_state) RETURNS ecml_wilcoxon_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_wilcoxon_final(ecml_test_state) IS 'The result of a state of a test; NULL without a state.';
CREATE TYPE ecml_correlation_result AS (statistic float8, p_value float8, ci_low float8, ci_high float8, n bigint, method text);
COMMENT ON TYPE ecml_correlation_result IS
'Result of a test of correlation: the coefficient, p, interval (of Pearson''s), pairs.';
CREATE FUNCTION ecml_correlation_final(ecml_test_state) RETURNS ecml_correlation_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_correlation_final(ecml_test_state) IS 'The result of a state of a test; NULL without a state.';
CREATE TYPE ecml_chi2_result AS (statistic float8, df float8, p_value float8, cramers_v float8, n bigint, least_expected float8, method text);
COMMENT ON TYPE ecml_chi2_result IS
'Result of a chi-square test of independence: statistic, degrees of freedom, p, Cramer''s V, rows, least expected count.';
CREATE FUNCTION ecml_chi2_final(ecml_test_state) RETURNS ecml_chi2_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_chi2_final(ecml_test_state) IS 'The result of a state of a test; NULL without a state.';
CREATE FUNCTION ecml_mannwhitney_transition(ecml_test_state, float8, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_mannwhitney_transition(ecml_test_state, float8, "any") IS 'Adds a row to the state of ecml_mannwhitney.';
CREATE FUNCTION ecml_mannwhitney_transition(ecml_test_state, float8, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_mannwhitney_transition(ecml_test_state, float8, "any", jsonb) IS 'Adds a row to the state of ecml_mannwhitney.';
CREATE AGGREGATE ecml_mannwhitney(value float8, grp "any") (
	SFUNC = ecml_mannwhitney_transition, STYPE = ecml_test_state, FINALFUNC = ecml_mannwhitney_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_mannwhitney(float8, "any") IS
'Mann-Whitney test: does one of two groups have larger values? Two-sided, p exact where a group is small and no values are the same, else by the normal approximation with correction for continuity; memory 8 bytes a row. Rows with NULL are left out. Errors: data_exception (more than two groups, NaN, infinity), program_limit_exceeded (memory).';
CREATE AGGREGATE ecml_mannwhitney(value float8, grp "any", options jsonb) (
	SFUNC = ecml_mannwhitney_transition, STYPE = ecml_test_state, FINALFUNC = ecml_mannwhitney_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_mannwhitney(float8, "any", jsonb) IS
'As ecml_mannwhitney(float8, "any"), with options: alternative (two-sided, less, greater), method (auto, exact, asymptotic), continuity (true). Errors: data_exception (more than two groups, NaN, infinity), program_limit_exceeded (memory), invalid_parameter_value (options).';
CREATE FUNCTION ecml_ks_transition(ecml_test_state, float8, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ks_transition(ecml_test_state, float8, "any") IS 'Adds a row to the state of ecml_ks.';
CREATE FUNCTION ecml_ks_transition(ecml_test_state, float8, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ks_transition(ecml_test_state, float8, "any", jsonb) IS 'Adds a row to the state of ecml_ks.';
CREATE AGGREGATE ecml_ks(value float8, grp "any") (
	SFUNC = ecml_ks_transition, STYPE = ecml_test_state, FINALFUNC = ecml_ks_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ks(float8, "any") IS
'Kolmogorov-Smirnov test: do two groups have the same distribution? Two-sided, p exact up to 10,000 values in each; memory 8 bytes a row. Rows with NULL are left out. Errors: data_exception (more than two groups, NaN, infinity), program_limit_exceeded (memory).';
CREATE AGGREGATE ecml_ks(value float8, grp "any", options jsonb) (
	SFUNC = ecml_ks_transition, STYPE = ecml_test_state, FINALFUNC = ecml_ks_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ks(float8, "any", jsonb) IS
'As ecml_ks(float8, "any"), with options: alternative (two-sided, less, greater), method (auto, exact, asymptotic). Errors: data_exception (more than two groups, NaN, infinity), program_limit_exceeded (memory), invalid_parameter_value (options).';
CREATE FUNCTION ecml_anova_transition(ecml_test_state, float8, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_anova_transition(ecml_test_state, float8, "any") IS 'Adds a row to the state of ecml_anova.';
CREATE FUNCTION ecml_anova_transition(ecml_test_state, float8, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_anova_transition(ecml_test_state, float8, "any", jsonb) IS 'Adds a row to the state of ecml_anova.';
CREATE AGGREGATE ecml_anova(value float8, grp "any") (
	SFUNC = ecml_anova_transition, STYPE = ecml_test_state, FINALFUNC = ecml_anova_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_anova(float8, "any") IS
'Analysis of variance: do the means of groups differ? Rows with NULL are left out. Errors: data_exception (more than 1000 groups, NaN, infinity).';
CREATE AGGREGATE ecml_anova(value float8, grp "any", options jsonb) (
	SFUNC = ecml_anova_transition, STYPE = ecml_test_state, FINALFUNC = ecml_anova_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_anova(float8, "any", jsonb) IS
'As ecml_anova(float8, "any"), with options: welch (false): for variances that differ. Errors: data_exception (more than 1000 groups, NaN, infinity), invalid_parameter_value (options).';
CREATE FUNCTION ecml_levene_transition(ecml_test_state, float8, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_levene_transition(ecml_test_state, float8, "any") IS 'Adds a row to the state of ecml_levene.';
CREATE FUNCTION ecml_levene_transition(ecml_test_state, float8, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_levene_transition(ecml_test_state, float8, "any", jsonb) IS 'Adds a row to the state of ecml_levene.';
CREATE AGGREGATE ecml_levene(value float8, grp "any") (
	SFUNC = ecml_levene_transition, STYPE = ecml_test_state, FINALFUNC = ecml_anova_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_levene(float8, "any") IS
'Levene''s test: do the variances of groups differ? An analysis of variance of distances from each group''s median (Brown-Forsythe); memory 8 bytes a row. Rows with NULL are left out. Errors: data_exception (more than 1000 groups, NaN, infinity), program_limit_exceeded (memory).';
CREATE AGGREGATE ecml_levene(value float8, grp "any", options jsonb) (
	SFUNC = ecml_levene_transition, STYPE = ecml_test_state, FINALFUNC = ecml_anova_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_levene(float8, "any", jsonb) IS
'As ecml_levene(float8, "any"), with options: center (median, mean). Errors: data_exception (more than 1000 groups, NaN, infinity), program_limit_exceeded (memory), invalid_parameter_value (options).';
CREATE FUNCTION ecml_cuped_transition(ecml_test_state, float8, float8, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_cuped_transition(ecml_test_state, float8, float8, "any") IS 'Adds a row to the state of ecml_cuped.';
CREATE FUNCTION ecml_cuped_transition(ecml_test_state, float8, float8, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_cuped_transition(ecml_test_state, float8, float8, "any", jsonb) IS 'Adds a row to the state of ecml_cuped.';
CREATE AGGREGATE ecml_cuped(value float8, covariate float8, grp "any") (
	SFUNC = ecml_cuped_transition, STYPE = ecml_test_state, FINALFUNC = ecml_cuped_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_cuped(float8, float8, "any") IS
'T-test of the means of two groups, less what a covariate from before the experiment explains (CUPED). Rows with NULL are left out. Errors: data_exception (more than two groups, NaN, infinity).';
CREATE AGGREGATE ecml_cuped(value float8, covariate float8, grp "any", options jsonb) (
	SFUNC = ecml_cuped_transition, STYPE = ecml_test_state, FINALFUNC = ecml_cuped_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_cuped(float8, float8, "any", jsonb) IS
'As ecml_cuped(float8, float8, "any"), with options: alternative (two-sided, less, greater), level (0.95). Errors: data_exception (more than two groups, NaN, infinity), invalid_parameter_value (options).';
CREATE FUNCTION ecml_ratio_test_transition(ecml_test_state, float8, float8, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ratio_test_transition(ecml_test_state, float8, float8, "any") IS 'Adds a row to the state of ecml_ratio_test.';
CREATE FUNCTION ecml_ratio_test_transition(ecml_test_state, float8, float8, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ratio_test_transition(ecml_test_state, float8, float8, "any", jsonb) IS 'Adds a row to the state of ecml_ratio_test.';
CREATE AGGREGATE ecml_ratio_test(numerator float8, denominator float8, grp "any") (
	SFUNC = ecml_ratio_test_transition, STYPE = ecml_test_state, FINALFUNC = ecml_ratio_test_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ratio_test(float8, float8, "any") IS
'Test of sum(numerator) / sum(denominator) of two groups by the delta method; a row is a unit, such as a user with clicks and views. Rows with NULL are left out. Errors: data_exception (more than two groups, NaN, infinity).';
CREATE AGGREGATE ecml_ratio_test(numerator float8, denominator float8, grp "any", options jsonb) (
	SFUNC = ecml_ratio_test_transition, STYPE = ecml_test_state, FINALFUNC = ecml_ratio_test_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ratio_test(float8, float8, "any", jsonb) IS
'As ecml_ratio_test(float8, float8, "any"), with options: alternative (two-sided, less, greater), level (0.95). Errors: data_exception (more than two groups, NaN, infinity), invalid_parameter_value (options).';
CREATE FUNCTION ecml_wilcoxon_transition(ecml_test_state, float8, float8) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_wilcoxon_transition(ecml_test_state, float8, float8) IS 'Adds a row to the state of ecml_wilcoxon.';
CREATE FUNCTION ecml_wilcoxon_transition(ecml_test_state, float8, float8, jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_wilcoxon_transition(ecml_test_state, float8, float8, jsonb) IS 'Adds a row to the state of ecml_wilcoxon.';
CREATE AGGREGATE ecml_wilcoxon(a float8, b float8) (
	SFUNC = ecml_wilcoxon_transition, STYPE = ecml_test_state, FINALFUNC = ecml_wilcoxon_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_wilcoxon(float8, float8) IS
'Wilcoxon''s signed rank test of pairs: are the differences a - b around 0? Two-sided, pairs without difference left out, p exact for few; memory 16 bytes a row. Rows with NULL are left out. Errors: data_exception (NaN, infinity), program_limit_exceeded (memory).';
CREATE AGGREGATE ecml_wilcoxon(a float8, b float8, options jsonb) (
	SFUNC = ecml_wilcoxon_transition, STYPE = ecml_test_state, FINALFUNC = ecml_wilcoxon_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_wilcoxon(float8, float8, jsonb) IS
'As ecml_wilcoxon(float8, float8), with options: alternative (two-sided, less, greater), method (auto, exact, asymptotic), continuity (false). Errors: data_exception (NaN, infinity), program_limit_exceeded (memory), invalid_parameter_value (options).';
CREATE FUNCTION ecml_pearson_transition(ecml_test_state, float8, float8) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_pearson_transition(ecml_test_state, float8, float8) IS 'Adds a row to the state of ecml_pearson.';
CREATE FUNCTION ecml_pearson_transition(ecml_test_state, float8, float8, jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_pearson_transition(ecml_test_state, float8, float8, jsonb) IS 'Adds a row to the state of ecml_pearson.';
CREATE AGGREGATE ecml_pearson(x float8, y float8) (
	SFUNC = ecml_pearson_transition, STYPE = ecml_test_state, FINALFUNC = ecml_correlation_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_pearson(float8, float8) IS
'Pearson''s correlation with its test and interval. Rows with NULL are left out. Errors: data_exception (NaN, infinity).';
CREATE AGGREGATE ecml_pearson(x float8, y float8, options jsonb) (
	SFUNC = ecml_pearson_transition, STYPE = ecml_test_state, FINALFUNC = ecml_correlation_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_pearson(float8, float8, jsonb) IS
'As ecml_pearson(float8, float8), with options: alternative (two-sided, less, greater), level (0.95). Errors: data_exception (NaN, infinity), invalid_parameter_value (options).';
CREATE FUNCTION ecml_spearman_transition(ecml_test_state, float8, float8) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_spearman_transition(ecml_test_state, float8, float8) IS 'Adds a row to the state of ecml_spearman.';
CREATE FUNCTION ecml_spearman_transition(ecml_test_state, float8, float8, jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_spearman_transition(ecml_test_state, float8, float8, jsonb) IS 'Adds a row to the state of ecml_spearman.';
CREATE AGGREGATE ecml_spearman(x float8, y float8) (
	SFUNC = ecml_spearman_transition, STYPE = ecml_test_state, FINALFUNC = ecml_correlation_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_spearman(float8, float8) IS
'Spearman''s rank correlation with its test; memory 16 bytes a row. Rows with NULL are left out. Errors: data_exception (NaN, infinity), program_limit_exceeded (memory).';
CREATE AGGREGATE ecml_spearman(x float8, y float8, options jsonb) (
	SFUNC = ecml_spearman_transition, STYPE = ecml_test_state, FINALFUNC = ecml_correlation_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_spearman(float8, float8, jsonb) IS
'As ecml_spearman(float8, float8), with options: alternative (two-sided, less, greater). Errors: data_exception (NaN, infinity), program_limit_exceeded (memory), invalid_parameter_value (options).';
CREATE FUNCTION ecml_kendall_transition(ecml_test_state, float8, float8) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_kendall_transition(ecml_test_state, float8, float8) IS 'Adds a row to the state of ecml_kendall.';
CREATE FUNCTION ecml_kendall_transition(ecml_test_state, float8, float8, jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_kendall_transition(ecml_test_state, float8, float8, jsonb) IS 'Adds a row to the state of ecml_kendall.';
CREATE AGGREGATE ecml_kendall(x float8, y float8) (
	SFUNC = ecml_kendall_transition, STYPE = ecml_test_state, FINALFUNC = ecml_correlation_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_kendall(float8, float8) IS
'Kendall''s tau-b with its test, p exact for few pairs without ties; memory 16 bytes a row. Rows with NULL are left out. Errors: data_exception (NaN, infinity), program_limit_exceeded (memory).';
CREATE AGGREGATE ecml_kendall(x float8, y float8, options jsonb) (
	SFUNC = ecml_kendall_transition, STYPE = ecml_test_state, FINALFUNC = ecml_correlation_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_kendall(float8, float8, jsonb) IS
'As ecml_kendall(float8, float8), with options: alternative (two-sided, less, greater), method (auto, exact, asymptotic). Errors: data_exception (NaN, infinity), program_limit_exceeded (memory), invalid_parameter_value (options).';
CREATE FUNCTION ecml_chi2_transition(ecml_test_state, "any", "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_chi2_transition(ecml_test_state, "any", "any") IS 'Adds a row to the state of ecml_chi2.';
CREATE FUNCTION ecml_chi2_transition(ecml_test_state, "any", "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_chi2_transition(ecml_test_state, "any", "any", jsonb) IS 'Adds a row to the state of ecml_chi2.';
CREATE AGGREGATE ecml_chi2(a "any", b "any") (
	SFUNC = ecml_chi2_transition, STYPE = ecml_test_state, FINALFUNC = ecml_chi2_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_chi2("any", "any") IS
'Chi-square test: are two categories independent? With Yates''s correction for two by two. Rows with NULL are left out. Errors: data_exception (more than 1000 categories).';
CREATE AGGREGATE ecml_chi2(a "any", b "any", options jsonb) (
	SFUNC = ecml_chi2_transition, STYPE = ecml_test_state, FINALFUNC = ecml_chi2_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_chi2("any", "any", jsonb) IS
'As ecml_chi2("any", "any"), with options: correction (true), statistic (pearson, log-likelihood). Errors: data_exception (more than 1000 categories), invalid_parameter_value (options).';
CREATE TYPE ecml_pair_result AS (group_a text, group_b text, difference float8, std_error float8, statistic float8, df float8,
	p_value float8, ci_low float8, ci_high float8);
COMMENT ON TYPE ecml_pair_result IS
'A pair of groups after an analysis of variance: difference of the means, standard error and studentized range, degrees of freedom, p and interval corrected for all pairs.';
CREATE FUNCTION ecml_pairs_final(ecml_test_state) RETURNS ecml_pair_result[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_pairs_final(ecml_test_state) IS 'The result of a state of a test; NULL without a state.';
CREATE FUNCTION ecml_tukey_transition(ecml_test_state, float8, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_tukey_transition(ecml_test_state, float8, "any") IS 'Adds a row to the state of ecml_tukey.';
CREATE AGGREGATE ecml_tukey(value float8, grp "any") (
	SFUNC = ecml_tukey_transition, STYPE = ecml_test_state, FINALFUNC = ecml_pairs_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_tukey(float8, "any") IS
'Which groups differ? All pairs by Tukey''s honest significant difference (Tukey and Kramer), with one variance for all groups; read it with unnest(). Rows with NULL are left out. Errors: data_exception (more than 100 groups, NaN).';
CREATE FUNCTION ecml_tukey_transition(ecml_test_state, float8, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_tukey_transition(ecml_test_state, float8, "any", jsonb) IS 'Adds a row to the state of ecml_tukey.';
CREATE AGGREGATE ecml_tukey(value float8, grp "any", options jsonb) (
	SFUNC = ecml_tukey_transition, STYPE = ecml_test_state, FINALFUNC = ecml_pairs_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_tukey(float8, "any", jsonb) IS
'As ecml_tukey(float8, "any"), with options: level (0.95). Errors: data_exception (more than 100 groups, NaN), invalid_parameter_value (options).';
CREATE FUNCTION ecml_games_howell_transition(ecml_test_state, float8, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_games_howell_transition(ecml_test_state, float8, "any") IS 'Adds a row to the state of ecml_games_howell.';
CREATE AGGREGATE ecml_games_howell(value float8, grp "any") (
	SFUNC = ecml_games_howell_transition, STYPE = ecml_test_state, FINALFUNC = ecml_pairs_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_games_howell(float8, "any") IS
'Which groups differ? All pairs by Games and Howell, each group with a variance of its own; read it with unnest(). Rows with NULL are left out. Errors: data_exception (more than 100 groups, NaN).';
CREATE FUNCTION ecml_games_howell_transition(ecml_test_state, float8, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_games_howell_transition(ecml_test_state, float8, "any", jsonb) IS 'Adds a row to the state of ecml_games_howell.';
CREATE AGGREGATE ecml_games_howell(value float8, grp "any", options jsonb) (
	SFUNC = ecml_games_howell_transition, STYPE = ecml_test_state, FINALFUNC = ecml_pairs_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_games_howell(float8, "any", jsonb) IS
'As ecml_games_howell(float8, "any"), with options: level (0.95). Errors: data_exception (more than 100 groups, NaN), invalid_parameter_value (options).';
CREATE TYPE ecml_shapiro_result AS (statistic float8, p_value float8, n bigint);
COMMENT ON TYPE ecml_shapiro_result IS 'Result of a Shapiro-Wilk test: W, p, number of values.';
CREATE FUNCTION ecml_shapiro_final(ecml_test_state) RETURNS ecml_shapiro_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_shapiro_final(ecml_test_state) IS 'The result of a state of a test; NULL without a state.';
CREATE FUNCTION ecml_shapiro_transition(ecml_test_state, float8) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_shapiro_transition(ecml_test_state, float8) IS 'Adds a row to the state of ecml_shapiro.';
CREATE AGGREGATE ecml_shapiro(x float8) (
	SFUNC = ecml_shapiro_transition, STYPE = ecml_test_state, FINALFUNC = ecml_shapiro_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_shapiro(float8) IS
'Shapiro-Wilk test: do the values come from a normal distribution? Made for 3 to 5000 values. NULLs are left out. Errors: data_exception (NaN), program_limit_exceeded (ecml.work_mem).';
CREATE TYPE ecml_quantile_result AS (statistic float8, p_value float8, quantile_a float8, quantile_b float8, difference float8,
	ci_low float8, ci_high float8, std_error float8, n_a bigint, n_b bigint, group_a text, group_b text, method text);
COMMENT ON TYPE ecml_quantile_result IS
'Result of a comparison of quantiles: z, p, quantiles of both groups, their difference with interval and standard error, counts, groups.';
CREATE FUNCTION ecml_quantile_test_final(ecml_test_state) RETURNS ecml_quantile_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_quantile_test_final(ecml_test_state) IS 'The result of a state of a test; NULL without a state.';
CREATE FUNCTION ecml_quantile_test_transition(ecml_test_state, float8, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_quantile_test_transition(ecml_test_state, float8, "any") IS 'Adds a row to the state of ecml_quantile_test.';
CREATE AGGREGATE ecml_quantile_test(value float8, grp "any") (
	SFUNC = ecml_quantile_test_transition, STYPE = ecml_test_state, FINALFUNC = ecml_quantile_test_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_quantile_test(float8, "any") IS
'Do the medians of two groups differ? Standard errors by Maritz and Jarrett. Rows with NULL are left out. Errors: data_exception (more than two groups, NaN), program_limit_exceeded (ecml.work_mem).';
CREATE FUNCTION ecml_quantile_test_transition(ecml_test_state, float8, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_quantile_test_transition(ecml_test_state, float8, "any", jsonb) IS 'Adds a row to the state of ecml_quantile_test.';
CREATE AGGREGATE ecml_quantile_test(value float8, grp "any", options jsonb) (
	SFUNC = ecml_quantile_test_transition, STYPE = ecml_test_state, FINALFUNC = ecml_quantile_test_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_quantile_test(float8, "any", jsonb) IS
'As ecml_quantile_test(float8, "any"), with options: quantile (0.5), alternative, level (0.95). Errors: data_exception (more than two groups, NaN), invalid_parameter_value (options), program_limit_exceeded (ecml.work_mem).';
CREATE TYPE ecml_bootstrap_result AS (estimate_a float8, estimate_b float8, difference float8, std_error float8, ci_low float8,
	ci_high float8, p_value float8, n_a bigint, n_b bigint, group_a text, group_b text, replicates int);
COMMENT ON TYPE ecml_bootstrap_result IS
'Result of a bootstrap: means (or ratios) of both groups, their difference with standard error, interval and two-sided p; of one group its mean with the interval of that.';
CREATE FUNCTION ecml_bootstrap_final(ecml_test_state) RETURNS ecml_bootstrap_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_bootstrap_final(ecml_test_state) IS 'The result of a state of a test; NULL without a state.';
CREATE FUNCTION ecml_bootstrap_transition(ecml_test_state, float8, "any", "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION ecml_bootstrap_transition(ecml_test_state, float8, "any", "any") IS 'Adds a row to the state of ecml_bootstrap.';
CREATE AGGREGATE ecml_bootstrap(value float8, grp "any", unit "any") (
	SFUNC = ecml_bootstrap_transition, STYPE = ecml_test_state, FINALFUNC = ecml_bootstrap_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_bootstrap(float8, "any", "any") IS
'Difference of two means, or with one group the estimate itself, by the Poisson bootstrap: rows of one unit (a customer, a session) are drawn together, so that errors are clustered by units. Rows with NULL are left out. Errors: data_exception (more than two groups, NaN).';
CREATE FUNCTION ecml_bootstrap_transition(ecml_test_state, float8, "any", "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION ecml_bootstrap_transition(ecml_test_state, float8, "any", "any", jsonb) IS 'Adds a row to the state of ecml_bootstrap.';
CREATE AGGREGATE ecml_bootstrap(value float8, grp "any", unit "any", options jsonb) (
	SFUNC = ecml_bootstrap_transition, STYPE = ecml_test_state, FINALFUNC = ecml_bootstrap_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_bootstrap(float8, "any", "any", jsonb) IS
'As ecml_bootstrap(float8, "any", "any"), with options: replicates (1000), seed (0), interval (percentile, basic, normal), level (0.95). Errors: data_exception (more than two groups, NaN), invalid_parameter_value (options).';
CREATE FUNCTION ecml_bootstrap_ratio_transition(ecml_test_state, float8, float8, "any", "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION ecml_bootstrap_ratio_transition(ecml_test_state, float8, float8, "any", "any") IS 'Adds a row to the state of ecml_bootstrap_ratio.';
CREATE AGGREGATE ecml_bootstrap_ratio(numerator float8, denominator float8, grp "any", unit "any") (
	SFUNC = ecml_bootstrap_ratio_transition, STYPE = ecml_test_state, FINALFUNC = ecml_bootstrap_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_bootstrap_ratio(float8, float8, "any", "any") IS
'Difference of two ratios of sums, or with one group the estimate itself, by the Poisson bootstrap: rows of one unit (a customer, a session) are drawn together, so that errors are clustered by units. Rows with NULL are left out. Errors: data_exception (more than two groups, NaN).';
CREATE FUNCTION ecml_bootstrap_ratio_transition(ecml_test_state, float8, float8, "any", "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION ecml_bootstrap_ratio_transition(ecml_test_state, float8, float8, "any", "any", jsonb) IS 'Adds a row to the state of ecml_bootstrap_ratio.';
CREATE AGGREGATE ecml_bootstrap_ratio(numerator float8, denominator float8, grp "any", unit "any", options jsonb) (
	SFUNC = ecml_bootstrap_ratio_transition, STYPE = ecml_test_state, FINALFUNC = ecml_bootstrap_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_bootstrap_ratio(float8, float8, "any", "any", jsonb) IS
'As ecml_bootstrap_ratio(float8, float8, "any", "any"), with options: replicates (1000), seed (0), interval (percentile, basic, normal), level (0.95). Errors: data_exception (more than two groups, NaN), invalid_parameter_value (options).';

CREATE FUNCTION ecml_qini_final(ecml_test_state) RETURNS float8
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_qini_final(ecml_test_state) IS 'The result of a state of a test; NULL without a state.';
CREATE FUNCTION ecml_qini_transition(ecml_test_state, float8, float8, boolean) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_qini_transition(ecml_test_state, float8, float8, boolean) IS 'Adds a row to the state of ecml_qini.';
CREATE AGGREGATE ecml_qini(score float8, outcome float8, treated boolean) (
	SFUNC = ecml_qini_transition, STYPE = ecml_test_state, FINALFUNC = ecml_qini_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_qini(float8, float8, boolean) IS
'Qini coefficient: what is the order of rows by a score (a predicted uplift) worth, when the first ones are treated? The area between the curve of gains and a straight line to its end, in outcome by treated row; 0 is chance, NULL without treated rows or controls; memory 16 bytes a row. Rows with NULL are left out. Errors: data_exception (NaN, infinity), program_limit_exceeded (ecml.work_mem).';
CREATE FUNCTION ecml_qini_transition(ecml_test_state, float8, boolean, boolean) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_qini_transition_boolean' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_qini_transition(ecml_test_state, float8, boolean, boolean) IS 'Adds a row to the state of ecml_qini.';
CREATE AGGREGATE ecml_qini(score float8, outcome boolean, treated boolean) (
	SFUNC = ecml_qini_transition, STYPE = ecml_test_state, FINALFUNC = ecml_qini_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_qini(float8, boolean, boolean) IS
'As ecml_qini(float8, float8, boolean), of an outcome that is true or false.';
