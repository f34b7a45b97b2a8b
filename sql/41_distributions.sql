
-- ---- stats: probability distributions

CREATE FUNCTION ecml_normal_pdf(x float8, mean float8 DEFAULT 0, sd float8 DEFAULT 1) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_normal_pdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_normal_pdf(float8, float8, float8) IS
'Density at x of the normal distribution. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_normal_cdf(x float8, mean float8 DEFAULT 0, sd float8 DEFAULT 1) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_normal_cdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_normal_cdf(float8, float8, float8) IS
'Probability of at most x in the normal distribution. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_normal_sf(x float8, mean float8 DEFAULT 0, sd float8 DEFAULT 1) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_normal_sf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_normal_sf(float8, float8, float8) IS
'Probability of more than x in the normal distribution; small ones have all their digits. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_normal_quantile(p float8, mean float8 DEFAULT 0, sd float8 DEFAULT 1) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_normal_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 60;
COMMENT ON FUNCTION ecml_normal_quantile(float8, float8, float8) IS
'The value that is not exceeded with this probability in the normal distribution. NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_normal_isf(q float8, mean float8 DEFAULT 0, sd float8 DEFAULT 1) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_normal_isf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 60;
COMMENT ON FUNCTION ecml_normal_isf(float8, float8, float8) IS
'The value that is exceeded with this probability in the normal distribution. NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_t_pdf(x float8, df float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_t_pdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_t_pdf(float8, float8) IS
'Density at x of Student''s t distribution with df degrees of freedom (above 0; infinity: the normal). NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_t_cdf(x float8, df float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_t_cdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_t_cdf(float8, float8) IS
'Probability of at most x in Student''s t distribution with df degrees of freedom (above 0; infinity: the normal). NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_t_sf(x float8, df float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_t_sf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_t_sf(float8, float8) IS
'Probability of more than x in Student''s t distribution with df degrees of freedom (above 0; infinity: the normal); small ones have all their digits. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_t_quantile(p float8, df float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_t_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 60;
COMMENT ON FUNCTION ecml_t_quantile(float8, float8) IS
'The value that is not exceeded with this probability in Student''s t distribution with df degrees of freedom (above 0; infinity: the normal). NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_t_isf(q float8, df float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_t_isf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 60;
COMMENT ON FUNCTION ecml_t_isf(float8, float8) IS
'The value that is exceeded with this probability in Student''s t distribution with df degrees of freedom (above 0; infinity: the normal). NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_chi2_pdf(x float8, df float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_chi2_pdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_chi2_pdf(float8, float8) IS
'Density at x of the chi-square distribution with df degrees of freedom. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_chi2_cdf(x float8, df float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_chi2_cdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_chi2_cdf(float8, float8) IS
'Probability of at most x in the chi-square distribution with df degrees of freedom. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_chi2_sf(x float8, df float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_chi2_sf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_chi2_sf(float8, float8) IS
'Probability of more than x in the chi-square distribution with df degrees of freedom; small ones have all their digits. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_chi2_quantile(p float8, df float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_chi2_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 60;
COMMENT ON FUNCTION ecml_chi2_quantile(float8, float8) IS
'The value that is not exceeded with this probability in the chi-square distribution with df degrees of freedom. NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_chi2_isf(q float8, df float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_chi2_isf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 60;
COMMENT ON FUNCTION ecml_chi2_isf(float8, float8) IS
'The value that is exceeded with this probability in the chi-square distribution with df degrees of freedom. NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_f_pdf(x float8, df1 float8, df2 float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_f_pdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_f_pdf(float8, float8, float8) IS
'Density at x of the F distribution with df1 (numerator) and df2 (denominator) degrees of freedom. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_f_cdf(x float8, df1 float8, df2 float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_f_cdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_f_cdf(float8, float8, float8) IS
'Probability of at most x in the F distribution with df1 (numerator) and df2 (denominator) degrees of freedom. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_f_sf(x float8, df1 float8, df2 float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_f_sf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_f_sf(float8, float8, float8) IS
'Probability of more than x in the F distribution with df1 (numerator) and df2 (denominator) degrees of freedom; small ones have all their digits. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_f_quantile(p float8, df1 float8, df2 float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_f_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 60;
COMMENT ON FUNCTION ecml_f_quantile(float8, float8, float8) IS
'The value that is not exceeded with this probability in the F distribution with df1 (numerator) and df2 (denominator) degrees of freedom. NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_f_isf(q float8, df1 float8, df2 float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_f_isf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 60;
COMMENT ON FUNCTION ecml_f_isf(float8, float8, float8) IS
'The value that is exceeded with this probability in the F distribution with df1 (numerator) and df2 (denominator) degrees of freedom. NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_beta_pdf(x float8, a float8, b float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_beta_pdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_beta_pdf(float8, float8, float8) IS
'Density at x of the beta distribution on 0 to 1. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_beta_cdf(x float8, a float8, b float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_beta_cdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_beta_cdf(float8, float8, float8) IS
'Probability of at most x in the beta distribution on 0 to 1. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_beta_sf(x float8, a float8, b float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_beta_sf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_beta_sf(float8, float8, float8) IS
'Probability of more than x in the beta distribution on 0 to 1; small ones have all their digits. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_beta_quantile(p float8, a float8, b float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_beta_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 60;
COMMENT ON FUNCTION ecml_beta_quantile(float8, float8, float8) IS
'The value that is not exceeded with this probability in the beta distribution on 0 to 1. NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_beta_isf(q float8, a float8, b float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_beta_isf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 60;
COMMENT ON FUNCTION ecml_beta_isf(float8, float8, float8) IS
'The value that is exceeded with this probability in the beta distribution on 0 to 1. NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_gamma_pdf(x float8, shape float8, scale float8 DEFAULT 1) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_gamma_pdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_gamma_pdf(float8, float8, float8) IS
'Density at x of the gamma distribution, of mean shape * scale. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_gamma_cdf(x float8, shape float8, scale float8 DEFAULT 1) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_gamma_cdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_gamma_cdf(float8, float8, float8) IS
'Probability of at most x in the gamma distribution, of mean shape * scale. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_gamma_sf(x float8, shape float8, scale float8 DEFAULT 1) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_gamma_sf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_gamma_sf(float8, float8, float8) IS
'Probability of more than x in the gamma distribution, of mean shape * scale; small ones have all their digits. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_gamma_quantile(p float8, shape float8, scale float8 DEFAULT 1) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_gamma_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 60;
COMMENT ON FUNCTION ecml_gamma_quantile(float8, float8, float8) IS
'The value that is not exceeded with this probability in the gamma distribution, of mean shape * scale. NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_gamma_isf(q float8, shape float8, scale float8 DEFAULT 1) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_gamma_isf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 60;
COMMENT ON FUNCTION ecml_gamma_isf(float8, float8, float8) IS
'The value that is exceeded with this probability in the gamma distribution, of mean shape * scale. NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_binomial_pdf(k float8, n float8, p float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_binomial_pdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_binomial_pdf(float8, float8, float8) IS
'Probability of exactly k in the binomial distribution of n trials of probability p. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_binomial_cdf(k float8, n float8, p float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_binomial_cdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_binomial_cdf(float8, float8, float8) IS
'Probability of at most k in the binomial distribution of n trials of probability p. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_binomial_sf(k float8, n float8, p float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_binomial_sf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_binomial_sf(float8, float8, float8) IS
'Probability of more than k in the binomial distribution of n trials of probability p; small ones have all their digits. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_binomial_quantile(prob float8, n float8, p float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_binomial_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION ecml_binomial_quantile(float8, float8, float8) IS
'The least whole number that is not exceeded with at least this probability in the binomial distribution of n trials of probability p. NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_binomial_isf(q float8, n float8, p float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_binomial_isf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION ecml_binomial_isf(float8, float8, float8) IS
'The least whole number that is exceeded with at most this probability in the binomial distribution of n trials of probability p. NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_poisson_pdf(k float8, mean float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_poisson_pdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_poisson_pdf(float8, float8) IS
'Probability of exactly k in the Poisson distribution. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_poisson_cdf(k float8, mean float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_poisson_cdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_poisson_cdf(float8, float8) IS
'Probability of at most k in the Poisson distribution. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_poisson_sf(k float8, mean float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_poisson_sf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION ecml_poisson_sf(float8, float8) IS
'Probability of more than k in the Poisson distribution; small ones have all their digits. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_poisson_quantile(p float8, mean float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_poisson_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION ecml_poisson_quantile(float8, float8) IS
'The least whole number that is not exceeded with at least this probability in the Poisson distribution. NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_poisson_isf(q float8, mean float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_poisson_isf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 200;
COMMENT ON FUNCTION ecml_poisson_isf(float8, float8) IS
'The least whole number that is exceeded with at most this probability in the Poisson distribution. NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_studentized_range_cdf(q float8, k float8, df float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_range_cdf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000;
COMMENT ON FUNCTION ecml_studentized_range_cdf(float8, float8, float8) IS
'Probability of a range of at most q among k means, in units of their standard error with df degrees of freedom (above 0; infinity: it is known). NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_studentized_range_sf(q float8, k float8, df float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_range_sf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20000;
COMMENT ON FUNCTION ecml_studentized_range_sf(float8, float8, float8) IS
'Probability of a range of more than q among k means, in units of their standard error with df degrees of freedom (above 0; infinity: it is known); small ones have all their digits. NaN for NaN. Errors: invalid_parameter_value (parameter out of range).';
CREATE FUNCTION ecml_studentized_range_quantile(p float8, k float8, df float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_range_quantile' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 600000;
COMMENT ON FUNCTION ecml_studentized_range_quantile(float8, float8, float8) IS
'The range that is not exceeded with this probability among k means, in units of their standard error with df degrees of freedom (above 0; infinity: it is known). NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
CREATE FUNCTION ecml_studentized_range_isf(p float8, k float8, df float8) RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_sql_range_isf' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 600000;
COMMENT ON FUNCTION ecml_studentized_range_isf(float8, float8, float8) IS
'The range that is exceeded with this probability among k means, in units of their standard error with df degrees of freedom (above 0; infinity: it is known). NaN for NaN. Errors: invalid_parameter_value (parameter out of range, probability outside 0 to 1).';
