
-- ---- stats: experiments

CREATE TYPE ecml_prop_result AS (statistic float8, p_value float8, rate_a float8, rate_b float8, difference float8, ci_low float8,
	ci_high float8, std_error float8, lift float8, lift_low float8, lift_high float8, n_a bigint, n_b bigint, method text);
COMMENT ON TYPE ecml_prop_result IS
'Result of a test of proportions: z, p, both rates, difference a - b with its interval, the error that z rests on, and the lift of b over a (rate_b / rate_a - 1) with its interval.';
CREATE FUNCTION ecml_prop_test(successes_a bigint, trials_a bigint, successes_b bigint, trials_b bigint,
	options jsonb DEFAULT '{}') RETURNS ecml_prop_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_prop_test(bigint, bigint, bigint, bigint, jsonb) IS
'Z-test of two proportions from their counts, with intervals of the difference and of the lift. Options: alternative (two-sided, less, greater), level (0.95), pooled (true), interval (newcombe, wald, agresti-caffo). Errors: invalid_parameter_value (counts, options).';
CREATE FUNCTION ecml_prop_test_1samp(successes bigint, trials bigint, rate float8, options jsonb DEFAULT '{}')
RETURNS ecml_prop_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_prop_test_1samp(bigint, bigint, float8, jsonb) IS
'Test of one proportion against a rate: score test, or exact binomial test. Options: alternative, level, exact (false), interval (wilson, wald, agresti-coull, exact). Errors: invalid_parameter_value (counts, rate, options).';

CREATE TYPE ecml_fisher_result AS (odds_ratio float8, p_value float8, conditional_odds_ratio float8, ci_low float8, ci_high float8);
COMMENT ON TYPE ecml_fisher_result IS
'Result of Fisher''s exact test: odds ratio of the table, p, conditional maximum likelihood odds ratio with its exact interval.';
CREATE FUNCTION ecml_fisher(a bigint, b bigint, c bigint, d bigint, options jsonb DEFAULT '{}') RETURNS ecml_fisher_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION ecml_fisher(bigint, bigint, bigint, bigint, jsonb) IS
'Fisher''s exact test of a table of two rows, (a, b) and (c, d). Options: alternative (two-sided, less, greater), level (0.95). Errors: invalid_parameter_value (counts, options).';

CREATE FUNCTION ecml_power(effect float8, n float8, options jsonb DEFAULT '{}') RETURNS float8
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION ecml_power(float8, float8, jsonb) IS
'Probability that an experiment with n units in the control finds this effect (treatment less control). Options: metric (mean, proportion, ratio), sd (1), baseline, relative (false), ratio (1), alpha (0.05), alternative (two-sided, less, greater); of a ratio numerator_sd, denominator_mean, denominator_sd, correlation of the units. Errors: invalid_parameter_value.';
CREATE FUNCTION ecml_sample_size(effect float8, options jsonb DEFAULT '{}', OUT n float8, OUT n_control bigint,
	OUT n_treatment bigint, OUT total bigint, OUT power float8, OUT days float8) RETURNS record
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_sample_size(float8, jsonb) IS
'Units that an experiment needs to find this effect with the power wanted: n of the control as a real number, both groups rounded up, the power they have, and the days by option traffic (units a day). Options: as ecml_power, and power (0.8), traffic. NULLs where no number of units is enough. Errors: invalid_parameter_value.';
CREATE FUNCTION ecml_mde(n float8, options jsonb DEFAULT '{}') RETURNS float8
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION ecml_mde(float8, jsonb) IS
'The least effect that an experiment with n units in the control finds with the power wanted; relative to the baseline with option relative. Options: as ecml_sample_size. NULL where none is. Errors: invalid_parameter_value.';

CREATE FUNCTION ecml_srm(counts float8[], weights float8[] DEFAULT NULL, alpha float8 DEFAULT 0.001, OUT statistic float8,
	OUT df int, OUT p_value float8, OUT mismatch boolean, OUT expected float8[]) RETURNS record
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION ecml_srm(float8[], float8[], float8) IS
'Sample ratio mismatch: do the sizes of the groups fit the weights (NULL: all the same) they were assigned by? A chi-square test; mismatch is p below alpha. Errors: invalid_parameter_value.';
CREATE FUNCTION ecml_adjust_p(p float8[], method text DEFAULT 'holm') RETURNS float8[]
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION ecml_adjust_p(float8[], text) IS
'P-values of several tests, adjusted for their number: bonferroni, sidak, holm, hochberg (any of them wrong), bh (Benjamini-Hochberg), by (Benjamini-Yekutieli) (share of wrong ones). NULLs stay, and do not count. Errors: invalid_parameter_value.';

CREATE TYPE ecml_msprt_result AS (ratio float8, p_value float8, difference float8, ci_low float8, ci_high float8,
	significant boolean, tau float8);
COMMENT ON TYPE ecml_msprt_result IS
'Result of a mixture sequential probability ratio test: likelihood ratio, always-valid p, difference a - b with an interval that holds at all looks at once, whether p is at most 1 - level, and the mixture''s deviation.';
CREATE FUNCTION ecml_msprt(n_a float8, mean_a float8, sd_a float8, n_b float8, mean_b float8, sd_b float8,
	options jsonb DEFAULT '{}') RETURNS ecml_msprt_result
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION ecml_msprt(float8, float8, float8, float8, float8, float8, jsonb) IS
'Always-valid test of two means from their counts, means and standard deviations: looking every day is allowed. Options: tau (deviation of the differences expected; default a tenth of a unit''s), level (0.95). Errors: invalid_parameter_value.';
CREATE FUNCTION ecml_group_sequential(fractions float8[], options jsonb DEFAULT '{}', OUT look int, OUT fraction float8,
	OUT boundary float8, OUT nominal_p float8, OUT spent float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100000 ROWS 5;
COMMENT ON FUNCTION ecml_group_sequential(float8[], jsonb) IS
'Boundaries for planned looks at an experiment, at these fractions of all its units: it may end at a look whose z is beyond the boundary, or whose p is below nominal_p; spent is the share of alpha used so far. Options: spending (obrien_fleming, pocock, power), alpha (0.05), alternative (two-sided, one-sided), rho (2, of power). Errors: invalid_parameter_value.';

CREATE FUNCTION ecml_bayes_ab(successes float8[], trials float8[], options jsonb DEFAULT '{}', OUT variant int, OUT mean float8,
	OUT ci_low float8, OUT ci_high float8, OUT prob_best float8, OUT expected_loss float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000 ROWS 2;
COMMENT ON FUNCTION ecml_bayes_ab(float8[], float8[], jsonb) IS
'Bayesian comparison of rates (beta-binomial): for each variant the posterior mean with its interval, the probability to be the best, and what is lost on average by choosing it. Options: prior_a (1), prior_b (1), level (0.95). Errors: invalid_parameter_value.';
CREATE FUNCTION ecml_bayes_ab_means(means float8[], sds float8[], counts float8[], options jsonb DEFAULT '{}', OUT variant int,
	OUT mean float8, OUT ci_low float8, OUT ci_high float8, OUT prob_best float8, OUT expected_loss float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100000 ROWS 2;
COMMENT ON FUNCTION ecml_bayes_ab_means(float8[], float8[], float8[], jsonb) IS
'Bayesian comparison of means (normal), from means, standard deviations of a unit and counts; rows as of rates. Options: prior_mean, prior_sd (default: no prior), level (0.95). Errors: invalid_parameter_value.';

CREATE FUNCTION ecml_variant(experiment text, unit_id "any", weights "any") RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION ecml_variant(text, "any", "any") IS
'The variant that a unit gets in an experiment, by a hash of its key that never changes; nothing is stored, and experiments are independent of each other. Weights: an object such as {"control": 0.5, "treatment": 0.5}, or an array for variants A, B, C and so on; they need not sum up to 1. NULL for a NULL key. Errors: invalid_parameter_value (weights).';
CREATE FUNCTION ecml_variant(experiment text, unit_id "any") RETURNS text
AS 'MODULE_PATHNAME', 'ecml_variant_even' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION ecml_variant(text, "any") IS
'The variant that a unit gets in an experiment of two equal groups: A or B. As ecml_variant with weights.';
