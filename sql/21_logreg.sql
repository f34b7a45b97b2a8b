
-- ---- linear: logistic regression

CREATE FUNCTION ecml_logreg_transition(internal, jsonb, "any", VARIADIC "any") RETURNS internal
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION ecml_logreg_transition(internal, jsonb, "any", "any") IS 'Adds a row to the state of ecml_logreg.';
CREATE FUNCTION ecml_logreg_final(internal) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION ecml_logreg_final(internal) IS 'The model of the rows in the state of ecml_logreg; NULL without rows.';
CREATE AGGREGATE ecml_logreg(options jsonb, y "any", VARIADIC features "any") (
	SFUNC = ecml_logreg_transition, STYPE = internal, FINALFUNC = ecml_logreg_final, FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL = RESTRICTED);
COMMENT ON AGGREGATE ecml_logreg(jsonb, "any", "any") IS
'Logistic regression of the class y on the features, named x1, x2 and so on: a model a group. Options: penalty, C, l1_ratio, standardize, intercept, class_weight, offset, robust, solver, max_iter, tolerance, level, missing, sample_weight. NULL without usable rows. Errors: data_exception (one class only, NaN, infinity), program_limit_exceeded (memory, more than 4000 terms, more than 1000 classes).';
