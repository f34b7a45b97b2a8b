-- sql/90_report.sql: a model and what it does, as one page

CREATE FUNCTION ecml_report(model text, source text, options jsonb DEFAULT '{}') RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION ecml_report(text, text, jsonb) IS
'A model and what it does on a source, as one self-contained HTML page: evaluation, confusion, ROC curve, lift and calibration of two classes, importance of the features, coefficients, drift, options. Options: title, importance_rows (5000). Errors: those of ecml_evaluate.';
