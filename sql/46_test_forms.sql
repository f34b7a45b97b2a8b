-- ---- stats: the tests on other types: numeric values, with all their digits and no cast a row; and groups as text, for engines
-- that distribute aggregates and take no argument of any type

CREATE FUNCTION ecml_mannwhitney_transition(ecml_test_state, numeric, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_mannwhitney_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_mannwhitney_transition(ecml_test_state, numeric, "any") IS 'Adds a row to the state of ecml_mannwhitney.';
CREATE AGGREGATE ecml_mannwhitney(value numeric, grp "any") (
	SFUNC = ecml_mannwhitney_transition, STYPE = ecml_test_state, FINALFUNC = ecml_mannwhitney_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_mannwhitney(numeric, "any") IS
'As ecml_mannwhitney(float8, "any"), on numeric values.';
CREATE FUNCTION ecml_mannwhitney_transition(ecml_test_state, numeric, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_mannwhitney_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_mannwhitney_transition(ecml_test_state, numeric, "any", jsonb) IS 'Adds a row to the state of ecml_mannwhitney.';
CREATE AGGREGATE ecml_mannwhitney(value numeric, grp "any", options jsonb) (
	SFUNC = ecml_mannwhitney_transition, STYPE = ecml_test_state, FINALFUNC = ecml_mannwhitney_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_mannwhitney(numeric, "any", jsonb) IS
'As ecml_mannwhitney(float8, "any", jsonb), on numeric values.';
CREATE FUNCTION ecml_mannwhitney_transition(ecml_test_state, float8, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_mannwhitney_transition(ecml_test_state, float8, text) IS 'Adds a row to the state of ecml_mannwhitney.';
CREATE AGGREGATE ecml_mannwhitney(value float8, grp text) (
	SFUNC = ecml_mannwhitney_transition, STYPE = ecml_test_state, FINALFUNC = ecml_mannwhitney_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_mannwhitney(float8, text) IS
'As ecml_mannwhitney(float8, "any"), with plain argument types, for distributed engines.';
CREATE FUNCTION ecml_mannwhitney_transition(ecml_test_state, numeric, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_mannwhitney_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_mannwhitney_transition(ecml_test_state, numeric, text) IS 'Adds a row to the state of ecml_mannwhitney.';
CREATE AGGREGATE ecml_mannwhitney(value numeric, grp text) (
	SFUNC = ecml_mannwhitney_transition, STYPE = ecml_test_state, FINALFUNC = ecml_mannwhitney_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_mannwhitney(numeric, text) IS
'As ecml_mannwhitney(float8, "any"), on numeric values and with plain argument types.';
CREATE FUNCTION ecml_ks_transition(ecml_test_state, numeric, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_ks_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ks_transition(ecml_test_state, numeric, "any") IS 'Adds a row to the state of ecml_ks.';
CREATE AGGREGATE ecml_ks(value numeric, grp "any") (
	SFUNC = ecml_ks_transition, STYPE = ecml_test_state, FINALFUNC = ecml_ks_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ks(numeric, "any") IS
'As ecml_ks(float8, "any"), on numeric values.';
CREATE FUNCTION ecml_ks_transition(ecml_test_state, numeric, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_ks_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ks_transition(ecml_test_state, numeric, "any", jsonb) IS 'Adds a row to the state of ecml_ks.';
CREATE AGGREGATE ecml_ks(value numeric, grp "any", options jsonb) (
	SFUNC = ecml_ks_transition, STYPE = ecml_test_state, FINALFUNC = ecml_ks_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ks(numeric, "any", jsonb) IS
'As ecml_ks(float8, "any", jsonb), on numeric values.';
CREATE FUNCTION ecml_ks_transition(ecml_test_state, float8, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ks_transition(ecml_test_state, float8, text) IS 'Adds a row to the state of ecml_ks.';
CREATE AGGREGATE ecml_ks(value float8, grp text) (
	SFUNC = ecml_ks_transition, STYPE = ecml_test_state, FINALFUNC = ecml_ks_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ks(float8, text) IS
'As ecml_ks(float8, "any"), with plain argument types, for distributed engines.';
CREATE FUNCTION ecml_ks_transition(ecml_test_state, numeric, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_ks_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ks_transition(ecml_test_state, numeric, text) IS 'Adds a row to the state of ecml_ks.';
CREATE AGGREGATE ecml_ks(value numeric, grp text) (
	SFUNC = ecml_ks_transition, STYPE = ecml_test_state, FINALFUNC = ecml_ks_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ks(numeric, text) IS
'As ecml_ks(float8, "any"), on numeric values and with plain argument types.';
CREATE FUNCTION ecml_anova_transition(ecml_test_state, numeric, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_anova_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_anova_transition(ecml_test_state, numeric, "any") IS 'Adds a row to the state of ecml_anova.';
CREATE AGGREGATE ecml_anova(value numeric, grp "any") (
	SFUNC = ecml_anova_transition, STYPE = ecml_test_state, FINALFUNC = ecml_anova_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_anova(numeric, "any") IS
'As ecml_anova(float8, "any"), on numeric values.';
CREATE FUNCTION ecml_anova_transition(ecml_test_state, numeric, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_anova_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_anova_transition(ecml_test_state, numeric, "any", jsonb) IS 'Adds a row to the state of ecml_anova.';
CREATE AGGREGATE ecml_anova(value numeric, grp "any", options jsonb) (
	SFUNC = ecml_anova_transition, STYPE = ecml_test_state, FINALFUNC = ecml_anova_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_anova(numeric, "any", jsonb) IS
'As ecml_anova(float8, "any", jsonb), on numeric values.';
CREATE FUNCTION ecml_anova_transition(ecml_test_state, float8, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_anova_transition(ecml_test_state, float8, text) IS 'Adds a row to the state of ecml_anova.';
CREATE AGGREGATE ecml_anova(value float8, grp text) (
	SFUNC = ecml_anova_transition, STYPE = ecml_test_state, FINALFUNC = ecml_anova_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_anova(float8, text) IS
'As ecml_anova(float8, "any"), with plain argument types, for distributed engines.';
CREATE FUNCTION ecml_anova_transition(ecml_test_state, numeric, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_anova_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_anova_transition(ecml_test_state, numeric, text) IS 'Adds a row to the state of ecml_anova.';
CREATE AGGREGATE ecml_anova(value numeric, grp text) (
	SFUNC = ecml_anova_transition, STYPE = ecml_test_state, FINALFUNC = ecml_anova_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_anova(numeric, text) IS
'As ecml_anova(float8, "any"), on numeric values and with plain argument types.';
CREATE FUNCTION ecml_levene_transition(ecml_test_state, numeric, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_levene_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_levene_transition(ecml_test_state, numeric, "any") IS 'Adds a row to the state of ecml_levene.';
CREATE AGGREGATE ecml_levene(value numeric, grp "any") (
	SFUNC = ecml_levene_transition, STYPE = ecml_test_state, FINALFUNC = ecml_anova_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_levene(numeric, "any") IS
'As ecml_levene(float8, "any"), on numeric values.';
CREATE FUNCTION ecml_levene_transition(ecml_test_state, numeric, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_levene_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_levene_transition(ecml_test_state, numeric, "any", jsonb) IS 'Adds a row to the state of ecml_levene.';
CREATE AGGREGATE ecml_levene(value numeric, grp "any", options jsonb) (
	SFUNC = ecml_levene_transition, STYPE = ecml_test_state, FINALFUNC = ecml_anova_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_levene(numeric, "any", jsonb) IS
'As ecml_levene(float8, "any", jsonb), on numeric values.';
CREATE FUNCTION ecml_levene_transition(ecml_test_state, float8, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_levene_transition(ecml_test_state, float8, text) IS 'Adds a row to the state of ecml_levene.';
CREATE AGGREGATE ecml_levene(value float8, grp text) (
	SFUNC = ecml_levene_transition, STYPE = ecml_test_state, FINALFUNC = ecml_anova_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_levene(float8, text) IS
'As ecml_levene(float8, "any"), with plain argument types, for distributed engines.';
CREATE FUNCTION ecml_levene_transition(ecml_test_state, numeric, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_levene_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_levene_transition(ecml_test_state, numeric, text) IS 'Adds a row to the state of ecml_levene.';
CREATE AGGREGATE ecml_levene(value numeric, grp text) (
	SFUNC = ecml_levene_transition, STYPE = ecml_test_state, FINALFUNC = ecml_anova_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_levene(numeric, text) IS
'As ecml_levene(float8, "any"), on numeric values and with plain argument types.';
CREATE FUNCTION ecml_tukey_transition(ecml_test_state, numeric, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_tukey_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_tukey_transition(ecml_test_state, numeric, "any") IS 'Adds a row to the state of ecml_tukey.';
CREATE AGGREGATE ecml_tukey(value numeric, grp "any") (
	SFUNC = ecml_tukey_transition, STYPE = ecml_test_state, FINALFUNC = ecml_pairs_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_tukey(numeric, "any") IS
'As ecml_tukey(float8, "any"), on numeric values.';
CREATE FUNCTION ecml_tukey_transition(ecml_test_state, numeric, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_tukey_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_tukey_transition(ecml_test_state, numeric, "any", jsonb) IS 'Adds a row to the state of ecml_tukey.';
CREATE AGGREGATE ecml_tukey(value numeric, grp "any", options jsonb) (
	SFUNC = ecml_tukey_transition, STYPE = ecml_test_state, FINALFUNC = ecml_pairs_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_tukey(numeric, "any", jsonb) IS
'As ecml_tukey(float8, "any", jsonb), on numeric values.';
CREATE FUNCTION ecml_tukey_transition(ecml_test_state, float8, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_tukey_transition(ecml_test_state, float8, text) IS 'Adds a row to the state of ecml_tukey.';
CREATE AGGREGATE ecml_tukey(value float8, grp text) (
	SFUNC = ecml_tukey_transition, STYPE = ecml_test_state, FINALFUNC = ecml_pairs_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_tukey(float8, text) IS
'As ecml_tukey(float8, "any"), with plain argument types, for distributed engines.';
CREATE FUNCTION ecml_tukey_transition(ecml_test_state, numeric, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_tukey_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_tukey_transition(ecml_test_state, numeric, text) IS 'Adds a row to the state of ecml_tukey.';
CREATE AGGREGATE ecml_tukey(value numeric, grp text) (
	SFUNC = ecml_tukey_transition, STYPE = ecml_test_state, FINALFUNC = ecml_pairs_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_tukey(numeric, text) IS
'As ecml_tukey(float8, "any"), on numeric values and with plain argument types.';
CREATE FUNCTION ecml_games_howell_transition(ecml_test_state, numeric, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_games_howell_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_games_howell_transition(ecml_test_state, numeric, "any") IS 'Adds a row to the state of ecml_games_howell.';
CREATE AGGREGATE ecml_games_howell(value numeric, grp "any") (
	SFUNC = ecml_games_howell_transition, STYPE = ecml_test_state, FINALFUNC = ecml_pairs_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_games_howell(numeric, "any") IS
'As ecml_games_howell(float8, "any"), on numeric values.';
CREATE FUNCTION ecml_games_howell_transition(ecml_test_state, numeric, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_games_howell_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_games_howell_transition(ecml_test_state, numeric, "any", jsonb) IS 'Adds a row to the state of ecml_games_howell.';
CREATE AGGREGATE ecml_games_howell(value numeric, grp "any", options jsonb) (
	SFUNC = ecml_games_howell_transition, STYPE = ecml_test_state, FINALFUNC = ecml_pairs_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_games_howell(numeric, "any", jsonb) IS
'As ecml_games_howell(float8, "any", jsonb), on numeric values.';
CREATE FUNCTION ecml_games_howell_transition(ecml_test_state, float8, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_games_howell_transition(ecml_test_state, float8, text) IS 'Adds a row to the state of ecml_games_howell.';
CREATE AGGREGATE ecml_games_howell(value float8, grp text) (
	SFUNC = ecml_games_howell_transition, STYPE = ecml_test_state, FINALFUNC = ecml_pairs_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_games_howell(float8, text) IS
'As ecml_games_howell(float8, "any"), with plain argument types, for distributed engines.';
CREATE FUNCTION ecml_games_howell_transition(ecml_test_state, numeric, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_games_howell_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_games_howell_transition(ecml_test_state, numeric, text) IS 'Adds a row to the state of ecml_games_howell.';
CREATE AGGREGATE ecml_games_howell(value numeric, grp text) (
	SFUNC = ecml_games_howell_transition, STYPE = ecml_test_state, FINALFUNC = ecml_pairs_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_games_howell(numeric, text) IS
'As ecml_games_howell(float8, "any"), on numeric values and with plain argument types.';
CREATE FUNCTION ecml_quantile_test_transition(ecml_test_state, numeric, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_quantile_test_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_quantile_test_transition(ecml_test_state, numeric, "any") IS 'Adds a row to the state of ecml_quantile_test.';
CREATE AGGREGATE ecml_quantile_test(value numeric, grp "any") (
	SFUNC = ecml_quantile_test_transition, STYPE = ecml_test_state, FINALFUNC = ecml_quantile_test_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_quantile_test(numeric, "any") IS
'As ecml_quantile_test(float8, "any"), on numeric values.';
CREATE FUNCTION ecml_quantile_test_transition(ecml_test_state, numeric, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_quantile_test_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_quantile_test_transition(ecml_test_state, numeric, "any", jsonb) IS 'Adds a row to the state of ecml_quantile_test.';
CREATE AGGREGATE ecml_quantile_test(value numeric, grp "any", options jsonb) (
	SFUNC = ecml_quantile_test_transition, STYPE = ecml_test_state, FINALFUNC = ecml_quantile_test_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_quantile_test(numeric, "any", jsonb) IS
'As ecml_quantile_test(float8, "any", jsonb), on numeric values.';
CREATE FUNCTION ecml_quantile_test_transition(ecml_test_state, float8, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_quantile_test_transition(ecml_test_state, float8, text) IS 'Adds a row to the state of ecml_quantile_test.';
CREATE AGGREGATE ecml_quantile_test(value float8, grp text) (
	SFUNC = ecml_quantile_test_transition, STYPE = ecml_test_state, FINALFUNC = ecml_quantile_test_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_quantile_test(float8, text) IS
'As ecml_quantile_test(float8, "any"), with plain argument types, for distributed engines.';
CREATE FUNCTION ecml_quantile_test_transition(ecml_test_state, numeric, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_quantile_test_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_quantile_test_transition(ecml_test_state, numeric, text) IS 'Adds a row to the state of ecml_quantile_test.';
CREATE AGGREGATE ecml_quantile_test(value numeric, grp text) (
	SFUNC = ecml_quantile_test_transition, STYPE = ecml_test_state, FINALFUNC = ecml_quantile_test_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_quantile_test(numeric, text) IS
'As ecml_quantile_test(float8, "any"), on numeric values and with plain argument types.';
CREATE FUNCTION ecml_cuped_transition(ecml_test_state, numeric, numeric, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_cuped_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_cuped_transition(ecml_test_state, numeric, numeric, "any") IS 'Adds a row to the state of ecml_cuped.';
CREATE AGGREGATE ecml_cuped(value numeric, covariate numeric, grp "any") (
	SFUNC = ecml_cuped_transition, STYPE = ecml_test_state, FINALFUNC = ecml_cuped_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_cuped(numeric, numeric, "any") IS
'As ecml_cuped(float8, float8, "any"), on numeric values.';
CREATE FUNCTION ecml_cuped_transition(ecml_test_state, numeric, numeric, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_cuped_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_cuped_transition(ecml_test_state, numeric, numeric, "any", jsonb) IS 'Adds a row to the state of ecml_cuped.';
CREATE AGGREGATE ecml_cuped(value numeric, covariate numeric, grp "any", options jsonb) (
	SFUNC = ecml_cuped_transition, STYPE = ecml_test_state, FINALFUNC = ecml_cuped_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_cuped(numeric, numeric, "any", jsonb) IS
'As ecml_cuped(float8, float8, "any", jsonb), on numeric values.';
CREATE FUNCTION ecml_cuped_transition(ecml_test_state, float8, float8, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_cuped_transition(ecml_test_state, float8, float8, text) IS 'Adds a row to the state of ecml_cuped.';
CREATE AGGREGATE ecml_cuped(value float8, covariate float8, grp text) (
	SFUNC = ecml_cuped_transition, STYPE = ecml_test_state, FINALFUNC = ecml_cuped_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_cuped(float8, float8, text) IS
'As ecml_cuped(float8, float8, "any"), with plain argument types, for distributed engines.';
CREATE FUNCTION ecml_cuped_transition(ecml_test_state, numeric, numeric, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_cuped_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_cuped_transition(ecml_test_state, numeric, numeric, text) IS 'Adds a row to the state of ecml_cuped.';
CREATE AGGREGATE ecml_cuped(value numeric, covariate numeric, grp text) (
	SFUNC = ecml_cuped_transition, STYPE = ecml_test_state, FINALFUNC = ecml_cuped_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_cuped(numeric, numeric, text) IS
'As ecml_cuped(float8, float8, "any"), on numeric values and with plain argument types.';
CREATE FUNCTION ecml_ratio_test_transition(ecml_test_state, numeric, numeric, "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_ratio_test_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ratio_test_transition(ecml_test_state, numeric, numeric, "any") IS 'Adds a row to the state of ecml_ratio_test.';
CREATE AGGREGATE ecml_ratio_test(numerator numeric, denominator numeric, grp "any") (
	SFUNC = ecml_ratio_test_transition, STYPE = ecml_test_state, FINALFUNC = ecml_ratio_test_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ratio_test(numeric, numeric, "any") IS
'As ecml_ratio_test(float8, float8, "any"), on numeric values.';
CREATE FUNCTION ecml_ratio_test_transition(ecml_test_state, numeric, numeric, "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_ratio_test_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ratio_test_transition(ecml_test_state, numeric, numeric, "any", jsonb) IS 'Adds a row to the state of ecml_ratio_test.';
CREATE AGGREGATE ecml_ratio_test(numerator numeric, denominator numeric, grp "any", options jsonb) (
	SFUNC = ecml_ratio_test_transition, STYPE = ecml_test_state, FINALFUNC = ecml_ratio_test_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ratio_test(numeric, numeric, "any", jsonb) IS
'As ecml_ratio_test(float8, float8, "any", jsonb), on numeric values.';
CREATE FUNCTION ecml_ratio_test_transition(ecml_test_state, float8, float8, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ratio_test_transition(ecml_test_state, float8, float8, text) IS 'Adds a row to the state of ecml_ratio_test.';
CREATE AGGREGATE ecml_ratio_test(numerator float8, denominator float8, grp text) (
	SFUNC = ecml_ratio_test_transition, STYPE = ecml_test_state, FINALFUNC = ecml_ratio_test_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ratio_test(float8, float8, text) IS
'As ecml_ratio_test(float8, float8, "any"), with plain argument types, for distributed engines.';
CREATE FUNCTION ecml_ratio_test_transition(ecml_test_state, numeric, numeric, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_ratio_test_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_ratio_test_transition(ecml_test_state, numeric, numeric, text) IS 'Adds a row to the state of ecml_ratio_test.';
CREATE AGGREGATE ecml_ratio_test(numerator numeric, denominator numeric, grp text) (
	SFUNC = ecml_ratio_test_transition, STYPE = ecml_test_state, FINALFUNC = ecml_ratio_test_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_ratio_test(numeric, numeric, text) IS
'As ecml_ratio_test(float8, float8, "any"), on numeric values and with plain argument types.';
CREATE FUNCTION ecml_wilcoxon_transition(ecml_test_state, numeric, numeric) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_wilcoxon_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_wilcoxon_transition(ecml_test_state, numeric, numeric) IS 'Adds a row to the state of ecml_wilcoxon.';
CREATE AGGREGATE ecml_wilcoxon(a numeric, b numeric) (
	SFUNC = ecml_wilcoxon_transition, STYPE = ecml_test_state, FINALFUNC = ecml_wilcoxon_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_wilcoxon(numeric, numeric) IS
'As ecml_wilcoxon(float8, float8), on numeric values.';
CREATE FUNCTION ecml_wilcoxon_transition(ecml_test_state, numeric, numeric, jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_wilcoxon_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_wilcoxon_transition(ecml_test_state, numeric, numeric, jsonb) IS 'Adds a row to the state of ecml_wilcoxon.';
CREATE AGGREGATE ecml_wilcoxon(a numeric, b numeric, options jsonb) (
	SFUNC = ecml_wilcoxon_transition, STYPE = ecml_test_state, FINALFUNC = ecml_wilcoxon_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_wilcoxon(numeric, numeric, jsonb) IS
'As ecml_wilcoxon(float8, float8, jsonb), on numeric values.';
CREATE FUNCTION ecml_pearson_transition(ecml_test_state, numeric, numeric) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_pearson_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_pearson_transition(ecml_test_state, numeric, numeric) IS 'Adds a row to the state of ecml_pearson.';
CREATE AGGREGATE ecml_pearson(x numeric, y numeric) (
	SFUNC = ecml_pearson_transition, STYPE = ecml_test_state, FINALFUNC = ecml_correlation_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_pearson(numeric, numeric) IS
'As ecml_pearson(float8, float8), on numeric values.';
CREATE FUNCTION ecml_pearson_transition(ecml_test_state, numeric, numeric, jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_pearson_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_pearson_transition(ecml_test_state, numeric, numeric, jsonb) IS 'Adds a row to the state of ecml_pearson.';
CREATE AGGREGATE ecml_pearson(x numeric, y numeric, options jsonb) (
	SFUNC = ecml_pearson_transition, STYPE = ecml_test_state, FINALFUNC = ecml_correlation_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_pearson(numeric, numeric, jsonb) IS
'As ecml_pearson(float8, float8, jsonb), on numeric values.';
CREATE FUNCTION ecml_spearman_transition(ecml_test_state, numeric, numeric) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_spearman_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_spearman_transition(ecml_test_state, numeric, numeric) IS 'Adds a row to the state of ecml_spearman.';
CREATE AGGREGATE ecml_spearman(x numeric, y numeric) (
	SFUNC = ecml_spearman_transition, STYPE = ecml_test_state, FINALFUNC = ecml_correlation_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_spearman(numeric, numeric) IS
'As ecml_spearman(float8, float8), on numeric values.';
CREATE FUNCTION ecml_spearman_transition(ecml_test_state, numeric, numeric, jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_spearman_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_spearman_transition(ecml_test_state, numeric, numeric, jsonb) IS 'Adds a row to the state of ecml_spearman.';
CREATE AGGREGATE ecml_spearman(x numeric, y numeric, options jsonb) (
	SFUNC = ecml_spearman_transition, STYPE = ecml_test_state, FINALFUNC = ecml_correlation_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_spearman(numeric, numeric, jsonb) IS
'As ecml_spearman(float8, float8, jsonb), on numeric values.';
CREATE FUNCTION ecml_kendall_transition(ecml_test_state, numeric, numeric) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_kendall_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_kendall_transition(ecml_test_state, numeric, numeric) IS 'Adds a row to the state of ecml_kendall.';
CREATE AGGREGATE ecml_kendall(x numeric, y numeric) (
	SFUNC = ecml_kendall_transition, STYPE = ecml_test_state, FINALFUNC = ecml_correlation_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_kendall(numeric, numeric) IS
'As ecml_kendall(float8, float8), on numeric values.';
CREATE FUNCTION ecml_kendall_transition(ecml_test_state, numeric, numeric, jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_kendall_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_kendall_transition(ecml_test_state, numeric, numeric, jsonb) IS 'Adds a row to the state of ecml_kendall.';
CREATE AGGREGATE ecml_kendall(x numeric, y numeric, options jsonb) (
	SFUNC = ecml_kendall_transition, STYPE = ecml_test_state, FINALFUNC = ecml_correlation_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_kendall(numeric, numeric, jsonb) IS
'As ecml_kendall(float8, float8, jsonb), on numeric values.';
CREATE FUNCTION ecml_shapiro_transition(ecml_test_state, numeric) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_shapiro_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_shapiro_transition(ecml_test_state, numeric) IS 'Adds a row to the state of ecml_shapiro.';
CREATE AGGREGATE ecml_shapiro(x numeric) (
	SFUNC = ecml_shapiro_transition, STYPE = ecml_test_state, FINALFUNC = ecml_shapiro_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_shapiro(numeric) IS
'As ecml_shapiro(float8), on numeric values.';
CREATE FUNCTION ecml_bootstrap_transition(ecml_test_state, numeric, "any", "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_bootstrap_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION ecml_bootstrap_transition(ecml_test_state, numeric, "any", "any") IS 'Adds a row to the state of ecml_bootstrap.';
CREATE AGGREGATE ecml_bootstrap(value numeric, grp "any", unit "any") (
	SFUNC = ecml_bootstrap_transition, STYPE = ecml_test_state, FINALFUNC = ecml_bootstrap_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_bootstrap(numeric, "any", "any") IS
'As ecml_bootstrap(float8, "any", "any"), on numeric values.';
CREATE FUNCTION ecml_bootstrap_transition(ecml_test_state, numeric, "any", "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_bootstrap_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION ecml_bootstrap_transition(ecml_test_state, numeric, "any", "any", jsonb) IS 'Adds a row to the state of ecml_bootstrap.';
CREATE AGGREGATE ecml_bootstrap(value numeric, grp "any", unit "any", options jsonb) (
	SFUNC = ecml_bootstrap_transition, STYPE = ecml_test_state, FINALFUNC = ecml_bootstrap_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_bootstrap(numeric, "any", "any", jsonb) IS
'As ecml_bootstrap(float8, "any", "any", jsonb), on numeric values.';
CREATE FUNCTION ecml_bootstrap_transition(ecml_test_state, float8, text, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION ecml_bootstrap_transition(ecml_test_state, float8, text, text) IS 'Adds a row to the state of ecml_bootstrap.';
CREATE AGGREGATE ecml_bootstrap(value float8, grp text, unit text) (
	SFUNC = ecml_bootstrap_transition, STYPE = ecml_test_state, FINALFUNC = ecml_bootstrap_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_bootstrap(float8, text, text) IS
'As ecml_bootstrap(float8, "any", "any"), with plain argument types, for distributed engines.';
CREATE FUNCTION ecml_bootstrap_transition(ecml_test_state, numeric, text, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_bootstrap_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION ecml_bootstrap_transition(ecml_test_state, numeric, text, text) IS 'Adds a row to the state of ecml_bootstrap.';
CREATE AGGREGATE ecml_bootstrap(value numeric, grp text, unit text) (
	SFUNC = ecml_bootstrap_transition, STYPE = ecml_test_state, FINALFUNC = ecml_bootstrap_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_bootstrap(numeric, text, text) IS
'As ecml_bootstrap(float8, "any", "any"), on numeric values and with plain argument types.';
CREATE FUNCTION ecml_bootstrap_ratio_transition(ecml_test_state, numeric, numeric, "any", "any") RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_bootstrap_ratio_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION ecml_bootstrap_ratio_transition(ecml_test_state, numeric, numeric, "any", "any") IS 'Adds a row to the state of ecml_bootstrap_ratio.';
CREATE AGGREGATE ecml_bootstrap_ratio(numerator numeric, denominator numeric, grp "any", unit "any") (
	SFUNC = ecml_bootstrap_ratio_transition, STYPE = ecml_test_state, FINALFUNC = ecml_bootstrap_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_bootstrap_ratio(numeric, numeric, "any", "any") IS
'As ecml_bootstrap_ratio(float8, float8, "any", "any"), on numeric values.';
CREATE FUNCTION ecml_bootstrap_ratio_transition(ecml_test_state, numeric, numeric, "any", "any", jsonb) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_bootstrap_ratio_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION ecml_bootstrap_ratio_transition(ecml_test_state, numeric, numeric, "any", "any", jsonb) IS 'Adds a row to the state of ecml_bootstrap_ratio.';
CREATE AGGREGATE ecml_bootstrap_ratio(numerator numeric, denominator numeric, grp "any", unit "any", options jsonb) (
	SFUNC = ecml_bootstrap_ratio_transition, STYPE = ecml_test_state, FINALFUNC = ecml_bootstrap_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_bootstrap_ratio(numeric, numeric, "any", "any", jsonb) IS
'As ecml_bootstrap_ratio(float8, float8, "any", "any", jsonb), on numeric values.';
CREATE FUNCTION ecml_bootstrap_ratio_transition(ecml_test_state, float8, float8, text, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION ecml_bootstrap_ratio_transition(ecml_test_state, float8, float8, text, text) IS 'Adds a row to the state of ecml_bootstrap_ratio.';
CREATE AGGREGATE ecml_bootstrap_ratio(numerator float8, denominator float8, grp text, unit text) (
	SFUNC = ecml_bootstrap_ratio_transition, STYPE = ecml_test_state, FINALFUNC = ecml_bootstrap_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_bootstrap_ratio(float8, float8, text, text) IS
'As ecml_bootstrap_ratio(float8, float8, "any", "any"), with plain argument types, for distributed engines.';
CREATE FUNCTION ecml_bootstrap_ratio_transition(ecml_test_state, numeric, numeric, text, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME', 'ecml_bootstrap_ratio_transition_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION ecml_bootstrap_ratio_transition(ecml_test_state, numeric, numeric, text, text) IS 'Adds a row to the state of ecml_bootstrap_ratio.';
CREATE AGGREGATE ecml_bootstrap_ratio(numerator numeric, denominator numeric, grp text, unit text) (
	SFUNC = ecml_bootstrap_ratio_transition, STYPE = ecml_test_state, FINALFUNC = ecml_bootstrap_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_bootstrap_ratio(numeric, numeric, text, text) IS
'As ecml_bootstrap_ratio(float8, float8, "any", "any"), on numeric values and with plain argument types.';
CREATE FUNCTION ecml_chi2_transition(ecml_test_state, text, text) RETURNS ecml_test_state
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION ecml_chi2_transition(ecml_test_state, text, text) IS 'Adds a row to the state of ecml_chi2.';
CREATE AGGREGATE ecml_chi2(a text, b text) (
	SFUNC = ecml_chi2_transition, STYPE = ecml_test_state, FINALFUNC = ecml_chi2_final,
	COMBINEFUNC = ecml_test_combine, PARALLEL = SAFE);
COMMENT ON AGGREGATE ecml_chi2(text, text) IS
'As ecml_chi2("any", "any"), with plain argument types, for distributed engines.';
