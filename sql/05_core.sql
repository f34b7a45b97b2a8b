-- ---- core: the model type, the catalog, the verbs that every algorithm shares

CREATE FUNCTION ecml_version() RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_version() IS 'Version of the loaded ecml library.';

CREATE TYPE ecml_model;
CREATE FUNCTION ecml_model_in(cstring) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_model_in(cstring) IS 'Reads the text form of a model (hexadecimal). Errors: data_corrupted for bytes that are no undamaged model.';
CREATE FUNCTION ecml_model_out(ecml_model) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_model_out(ecml_model) IS 'Text form of a model (hexadecimal).';
CREATE FUNCTION ecml_model_recv(internal) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_model_recv(internal) IS 'Reads the binary form of a model. Errors: data_corrupted for bytes that are no undamaged model.';
CREATE FUNCTION ecml_model_send(ecml_model) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION ecml_model_send(ecml_model) IS 'Binary form of a model.';
CREATE TYPE ecml_model (
	INPUT = ecml_model_in, OUTPUT = ecml_model_out, RECEIVE = ecml_model_recv, SEND = ecml_model_send,
	STORAGE = external);
COMMENT ON TYPE ecml_model IS 'A trained model: algorithm, parameters, features, fitted values, with a checksum.';

CREATE SCHEMA ecml;
COMMENT ON SCHEMA ecml IS 'Catalog of ecml: models, their versions and grants.';
GRANT USAGE ON SCHEMA ecml TO PUBLIC;

CREATE TABLE ecml.model (
	model_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT model_pkey PRIMARY KEY,
	name text NOT NULL,
	version int NOT NULL CHECK (version > 0),
	active boolean NOT NULL,
	algorithm text NOT NULL,
	task text NOT NULL,
	owner regrole NOT NULL,
	source text,
	target text,
	features jsonb NOT NULL,
	options jsonb NOT NULL,
	metrics jsonb NOT NULL,
	rows bigint NOT NULL,
	skipped bigint NOT NULL,
	seed bigint NOT NULL,
	seconds float8 NOT NULL,
	created_at timestamptz NOT NULL,
	body ecml_model NOT NULL,
	CONSTRAINT model_name_version_key UNIQUE (name, version));
COMMENT ON TABLE ecml.model IS 'Trained models, one row a version; changed by the ecml_* functions only, seen through ecml.models.';
CREATE UNIQUE INDEX model_active_key ON ecml.model (name) WHERE active;

CREATE TABLE ecml.model_grant (
	name text NOT NULL,
	role regrole NOT NULL,
	CONSTRAINT model_grant_pkey PRIMARY KEY (name, role));
COMMENT ON TABLE ecml.model_grant IS 'Who may use which model beside its owner; role 0 is everybody.';

SELECT pg_catalog.pg_extension_config_dump('ecml.model', '');
SELECT pg_catalog.pg_extension_config_dump('ecml.model_model_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('ecml.model_grant', '');

CREATE VIEW ecml.models WITH (security_barrier) AS
SELECT m.name, m.version, m.active, m.algorithm, m.task, m.owner, m.source, m.target, m.features, m.options, m.metrics,
	m.rows, m.skipped, m.seed, m.seconds, m.created_at, pg_catalog.pg_column_size(m.body) AS bytes
FROM ecml.model m
WHERE pg_catalog.pg_has_role(m.owner::pg_catalog.oid, 'USAGE'::pg_catalog.text)
	OR EXISTS (SELECT FROM ecml.model_grant g WHERE g.name OPERATOR(pg_catalog.=) m.name
		AND CASE WHEN g.role::pg_catalog.oid OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN true
			ELSE pg_catalog.pg_has_role(g.role::pg_catalog.oid, 'USAGE'::pg_catalog.text) END);
COMMENT ON VIEW ecml.models IS 'The models that the current role may use, all versions; size in bytes, training time in seconds.';
COMMENT ON COLUMN ecml.models.active IS 'Is it the version that predicts?';
COMMENT ON COLUMN ecml.models.source IS 'Table, view or query that it was trained on; NULL: stored by ecml_save';
COMMENT ON COLUMN ecml.models.features IS 'Columns that it learnt from, in the order of prediction, with their kinds';
COMMENT ON COLUMN ecml.models.rows IS 'Rows that it learnt from';
COMMENT ON COLUMN ecml.models.skipped IS 'Rows that were left out: a feature, the target or the weight is NULL, or the weight 0';
COMMENT ON COLUMN ecml.models.seconds IS 'Time that the training took; 0: stored by ecml_save';
COMMENT ON COLUMN ecml.models.bytes IS 'Size of the model as it is stored, in bytes';
GRANT SELECT ON ecml.models TO PUBLIC;

CREATE TYPE ecml_training AS (
	model text, version int, algorithm text, rows bigint, skipped bigint, seconds float8, metrics jsonb);
COMMENT ON TYPE ecml_training IS 'What a training did: rows used, rows left out, seconds, metrics.';

CREATE FUNCTION ecml_train(model text, algorithm text, source text, target text DEFAULT NULL,
	features text[] DEFAULT NULL, options jsonb DEFAULT '{}') RETURNS ecml_training
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION ecml_train(text, text, text, text, text[], jsonb) IS
'Trains a model on a table, view or query, stores it as the next version of its name and activates it. Features NULL: all columns but the target. Returns rows used, rows skipped, seconds, metrics. Errors: invalid_parameter_value (options, arguments), undefined_object (algorithm, table, column), data_exception (NaN, too few rows), program_limit_exceeded (memory), insufficient_privilege (another role''s model).';

CREATE FUNCTION ecml_retrain(model text) RETURNS ecml_training
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION ecml_retrain(text) IS
'Trains a model again from its stored source, target, features and options, as the next version. Errors: those of ecml_train, and object_not_in_prerequisite_state for a model that was not trained from a source.';

CREATE FUNCTION ecml.prediction_cost(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'ecml_prediction_cost' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml.prediction_cost(internal) IS
'Tells the planner what a prediction costs, where the model is a constant of the query; called by the planner alone.';

CREATE FUNCTION ecml_predict(model text, VARIADIC features "any") RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_predict_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 10 SUPPORT ecml.prediction_cost;
COMMENT ON FUNCTION ecml_predict(text, "any") IS
'Prediction of the active version of a model: value of the target; of a classifier of two classes the probability of the second (sorted), with more classes an error; number of the cluster (0-based); or anomaly score. Features stand in the order of training, or are one row that has columns of their names. NULL when a feature is NULL, unless the model imputes or takes NULLs as they are (trees). Errors: undefined_object (model, column), invalid_parameter_value (number or type of features), insufficient_privilege.';
CREATE FUNCTION ecml_predict(model ecml_model, VARIADIC features "any") RETURNS float8
AS 'MODULE_PATHNAME', 'ecml_predict_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_predict(ecml_model, "any") IS
'Prediction of a model given as a value: value of the target; of a classifier of two classes the probability of the second (sorted), with more classes an error; number of the cluster (0-based); or anomaly score. Features as in ecml_predict(text, ...). Errors: invalid_parameter_value (number or type of features), data_corrupted (damaged model).';

CREATE FUNCTION ecml_classify(model text, VARIADIC features "any") RETURNS text
AS 'MODULE_PATHNAME', 'ecml_classify_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 10 SUPPORT ecml.prediction_cost;
COMMENT ON FUNCTION ecml_classify(text, "any") IS
'Class that the active version of a model gives: the most probable one; of a clustering the cluster''s number as text; of a model that looks for anomalies ''anomaly'' or ''normal''. Features, NULLs and errors as in ecml_predict; a regression model is an error (invalid_parameter_value).';
CREATE FUNCTION ecml_classify(model ecml_model, VARIADIC features "any") RETURNS text
AS 'MODULE_PATHNAME', 'ecml_classify_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION ecml_classify(ecml_model, "any") IS
'Class that a model given as a value gives: the most probable one; of a clustering the cluster''s number as text; of a model that looks for anomalies ''anomaly'' or ''normal''. Features, NULLs and errors as in ecml_predict; a regression model is an error (invalid_parameter_value).';

CREATE FUNCTION ecml_probabilities(model text, VARIADIC features "any") RETURNS jsonb
AS 'MODULE_PATHNAME', 'ecml_probabilities_by_name' LANGUAGE C STABLE PARALLEL SAFE COST 20 SUPPORT ecml.prediction_cost;
COMMENT ON FUNCTION ecml_probabilities(text, "any") IS
'Probability of each class that the active version of a classifier gives: an object {class: probability}, their sum 1. Features, NULLs and errors as in ecml_predict; a model that is no classifier is an error (invalid_parameter_value).';
CREATE FUNCTION ecml_probabilities(model ecml_model, VARIADIC features "any") RETURNS jsonb
AS 'MODULE_PATHNAME', 'ecml_probabilities_by_value' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION ecml_probabilities(ecml_model, "any") IS
'Probability of each class that a classifier given as a value gives: an object {class: probability}, their sum 1. Features, NULLs and errors as in ecml_predict; a model that is no classifier is an error (invalid_parameter_value).';

CREATE FUNCTION ecml_coefficients(model text, OUT term text, OUT estimate float8, OUT std_error float8,
	OUT statistic float8, OUT p_value float8, OUT conf_low float8, OUT conf_high float8, OUT odds_ratio float8, OUT class text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_coefficients_by_name' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 20;
COMMENT ON FUNCTION ecml_coefficients(text) IS
'Coefficients of a linear model with standard errors, test statistics (t; of a logistic or Cox regression z), p and confidence intervals (option level of the training); the constant is (intercept), a category column=value. odds_ratio: exp(estimate), of a logistic regression the ratio of the odds, of a Cox regression of the hazards for one unit more, else NULL; class: the class that it speaks for, NULL where there is one equation only. NULLs for a term that was left out as a combination of others. Errors: undefined_object, invalid_parameter_value (not a linear model).';
CREATE FUNCTION ecml_coefficients(model ecml_model, OUT term text, OUT estimate float8, OUT std_error float8,
	OUT statistic float8, OUT p_value float8, OUT conf_low float8, OUT conf_high float8, OUT odds_ratio float8, OUT class text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_coefficients_by_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 20;
COMMENT ON FUNCTION ecml_coefficients(ecml_model) IS
'Coefficients of a linear model given as a value, as in ecml_coefficients(text). Errors: invalid_parameter_value (not a linear model), data_corrupted.';

CREATE FUNCTION ecml_evaluate(model text, source text, options jsonb DEFAULT '{}') RETURNS jsonb
AS 'MODULE_PATHNAME', 'ecml_evaluate_by_name' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION ecml_evaluate(text, text, jsonb) IS
'Metrics of a model on a source that has columns of its features and its target: regression rmse, mae, bias (in units of the target), mape (fraction), r2 and others; classification roc_auc, log_loss, f1, confusion_matrix and others; clustering inertia, sizes, silhouette, davies_bouldin, calinski_harabasz; anomaly detection anomaly_share, score_quantiles, and with a label roc_auc, pr_auc, precision_at_k and others. Options: target (column), sample_weight (column), threshold (two classes, default 0.5; of anomalies the model''s), label (column that knows anomalies), k. Errors: undefined_object (model, table, column), data_exception (no rows).';
CREATE FUNCTION ecml_evaluate(model ecml_model, source text, options jsonb DEFAULT '{}') RETURNS jsonb
AS 'MODULE_PATHNAME', 'ecml_evaluate_by_value' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000;
COMMENT ON FUNCTION ecml_evaluate(ecml_model, text, jsonb) IS
'Metrics of a model given as a value on a source: regression rmse, mae, bias (in units of the target), mape (fraction), r2 and others; classification roc_auc, log_loss, f1, confusion_matrix and others; clustering inertia, sizes, silhouette, davies_bouldin, calinski_harabasz; anomaly detection anomaly_share, score_quantiles, and with a label roc_auc, pr_auc, precision_at_k and others. Options: target (column), sample_weight (column), threshold (two classes, default 0.5; of anomalies the model''s), label (column that knows anomalies), k. Errors: undefined_object (table, column), data_exception (no rows), data_corrupted (damaged model).';

CREATE FUNCTION ecml_model_info(model text) RETURNS jsonb
AS 'MODULE_PATHNAME', 'ecml_model_info_by_name' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_model_info(text) IS
'All that is known of the active version of a model but its fitted values: algorithm, version, target, features with kinds and categories, rows, seed, options, metrics. Errors: undefined_object, insufficient_privilege.';
CREATE FUNCTION ecml_model_info(model ecml_model) RETURNS jsonb
AS 'MODULE_PATHNAME', 'ecml_model_info_by_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_model_info(ecml_model) IS
'All that is known of a model given as a value but its fitted values: algorithm, target, features with kinds and categories, rows, seed, options, metrics. Errors: data_corrupted.';

CREATE FUNCTION ecml_save(name text, body ecml_model) RETURNS int
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION ecml_save(text, ecml_model) IS
'Stores a model given as a value under a name as its next version, activates it, and returns the version. Errors: invalid_parameter_value (name), insufficient_privilege (another role''s model).';

CREATE FUNCTION ecml_load(name text) RETURNS ecml_model
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION ecml_load(text) IS
'The active version of a model as a value. Errors: undefined_object, insufficient_privilege.';

CREATE FUNCTION ecml_activate(name text, version int) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION ecml_activate(text, int) IS
'Makes a version of a model the one that predicts. Errors: undefined_object (model, version), insufficient_privilege.';

CREATE FUNCTION ecml_drop_model(name text, version int DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION ecml_drop_model(text, int) IS
'Drops a version of a model, or all of them and its grants (version NULL); when the active version goes, the newest one left becomes active. Errors: undefined_object, insufficient_privilege.';

CREATE FUNCTION ecml_rename_model(name text, new_name text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION ecml_rename_model(text, text) IS
'Gives a model, with all versions and grants, another name. Errors: undefined_object, duplicate_object (the new name is taken), insufficient_privilege.';

CREATE FUNCTION ecml_grant(name text, role text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION ecml_grant(text, text) IS
'Lets a role (or public: everybody) use a model: predict, evaluate, look at it. Errors: undefined_object (model, role), insufficient_privilege.';

CREATE FUNCTION ecml_revoke(name text, role text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION ecml_revoke(text, text) IS
'Takes back what ecml_grant gave. Errors: undefined_object (model, role), insufficient_privilege.';

