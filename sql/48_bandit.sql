-- ---- bandits: what to try next

CREATE TABLE ecml.bandit (
	bandit_id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT bandit_pkey PRIMARY KEY,
	name text NOT NULL CONSTRAINT bandit_name_key UNIQUE,
	owner regrole NOT NULL,
	arms text[] NOT NULL,
	options jsonb NOT NULL,
	created_at timestamptz NOT NULL);
COMMENT ON TABLE ecml.bandit IS 'Bandits: arms and options; changed by the ecml_bandit_* functions only, seen through ecml.bandits.';

CREATE TABLE ecml.bandit_grant (
	bandit_id bigint NOT NULL,
	role regrole NOT NULL,
	CONSTRAINT bandit_grant_pkey PRIMARY KEY (bandit_id, role));
COMMENT ON TABLE ecml.bandit_grant IS 'Who may use which bandit beside its owner; role 0 is everybody.';

CREATE TABLE ecml.bandit_state (
	bandit_id bigint NOT NULL,
	arm int NOT NULL,
	choices bigint NOT NULL,
	rewards bigint NOT NULL,
	total float8 NOT NULL,
	tries float8 NOT NULL,
	n float8 NOT NULL,
	sum float8 NOT NULL,
	squares float8 NOT NULL,
	clock float8 NOT NULL,
	gram float8[],
	moment float8[],
	CONSTRAINT bandit_state_pkey PRIMARY KEY (bandit_id, arm)) WITH (fillfactor = 50);
COMMENT ON TABLE ecml.bandit_state IS 'What the events of an arm say that were folded: counts and sums, those after total with decay; changed by the ecml_bandit_* functions only.';

CREATE TABLE ecml.bandit_event (
	bandit_id bigint NOT NULL,
	event_id bigint GENERATED ALWAYS AS IDENTITY,
	arm int NOT NULL,
	reward float8,
	context float8[],
	happened_at timestamptz NOT NULL,
	CONSTRAINT bandit_event_pkey PRIMARY KEY (bandit_id, event_id));
COMMENT ON TABLE ecml.bandit_event IS 'Choices (reward NULL) and rewards that wait to be folded into ecml.bandit_state; changed by the ecml_bandit_* functions only.';

SELECT pg_catalog.pg_extension_config_dump('ecml.bandit', '');
SELECT pg_catalog.pg_extension_config_dump('ecml.bandit_bandit_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('ecml.bandit_grant', '');
SELECT pg_catalog.pg_extension_config_dump('ecml.bandit_state', '');
SELECT pg_catalog.pg_extension_config_dump('ecml.bandit_event', '');
SELECT pg_catalog.pg_extension_config_dump('ecml.bandit_event_event_id_seq', '');

CREATE VIEW ecml.bandits WITH (security_barrier) AS
SELECT b.name, b.owner, b.arms, b.options, b.created_at
FROM ecml.bandit b
WHERE pg_catalog.pg_has_role(b.owner::pg_catalog.oid, 'USAGE'::pg_catalog.text)
	OR EXISTS (SELECT FROM ecml.bandit_grant g WHERE g.bandit_id OPERATOR(pg_catalog.=) b.bandit_id
		AND CASE WHEN g.role::pg_catalog.oid OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN true
			ELSE pg_catalog.pg_has_role(g.role::pg_catalog.oid, 'USAGE'::pg_catalog.text) END);
COMMENT ON VIEW ecml.bandits IS 'The bandits that the current role may use.';
GRANT SELECT ON ecml.bandits TO PUBLIC;

CREATE FUNCTION ecml_bandit_create(name text, arms text[], options jsonb DEFAULT '{}') RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION ecml_bandit_create(text, text[], jsonb) IS
'Makes a bandit that learns which of its arms brings most. Options: policy (thompson for rewards from 0 to 1, thompson_gaussian, ucb1, epsilon_greedy, linucb, linear_thompson), decay (factor for each reward) or half_life (time), unrewarded (ignore, or zero: a choice without reward counts as 0), features or dimension of contexts, exploration, scale, epsilon, epsilon_decay, ridge, prior_success, prior_failure, record_choices, seed. Errors: duplicate_object, invalid_parameter_value (arms, options).';

CREATE FUNCTION ecml_bandit_choose(name text, context text DEFAULT NULL) RETURNS text
AS 'MODULE_PATHNAME', 'ecml_bandit_choose_text' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION ecml_bandit_choose(text, text) IS
'The arm to try now, which is recorded as chosen; the context as text is JSON or an array of SQL. Waits for nobody. Errors: undefined_object, insufficient_privilege, invalid_parameter_value (context).';
CREATE FUNCTION ecml_bandit_choose(name text, context jsonb) RETURNS text
AS 'MODULE_PATHNAME', 'ecml_bandit_choose_jsonb' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION ecml_bandit_choose(text, jsonb) IS
'The arm to try now in a context of named features (what is missing is 0), which is recorded as chosen. Waits for nobody. Errors: undefined_object, insufficient_privilege, invalid_parameter_value (context).';
CREATE FUNCTION ecml_bandit_choose(name text, context float8[]) RETURNS text
AS 'MODULE_PATHNAME', 'ecml_bandit_choose_array' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION ecml_bandit_choose(text, float8[]) IS
'The arm to try now in a context of numbers, which is recorded as chosen. Waits for nobody. Errors: undefined_object, insufficient_privilege, invalid_parameter_value (context).';

CREATE FUNCTION ecml_bandit_reward(name text, arm text, reward float8, context text DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'ecml_bandit_reward_text' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION ecml_bandit_reward(text, text, float8, text) IS
'Tells a bandit what a choice of an arm brought, in the context that it was chosen in (as text: JSON or an array of SQL). Waits for nobody. Errors: undefined_object (bandit, arm), insufficient_privilege, invalid_parameter_value (reward, context), null_value_not_allowed.';
CREATE FUNCTION ecml_bandit_reward(name text, arm text, reward float8, context jsonb) RETURNS void
AS 'MODULE_PATHNAME', 'ecml_bandit_reward_jsonb' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION ecml_bandit_reward(text, text, float8, jsonb) IS
'Tells a bandit what a choice of an arm brought, in a context of named features. Waits for nobody. Errors: undefined_object (bandit, arm), insufficient_privilege, invalid_parameter_value (reward, context), null_value_not_allowed.';
CREATE FUNCTION ecml_bandit_reward(name text, arm text, reward float8, context float8[]) RETURNS void
AS 'MODULE_PATHNAME', 'ecml_bandit_reward_array' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION ecml_bandit_reward(text, text, float8, float8[]) IS
'Tells a bandit what a choice of an arm brought, in a context of numbers. Waits for nobody. Errors: undefined_object (bandit, arm), insufficient_privilege, invalid_parameter_value (reward, context), null_value_not_allowed.';

CREATE FUNCTION ecml_bandit_report(name text, OUT arm text, OUT choices bigint, OUT rewards bigint, OUT total float8,
	OUT mean float8, OUT conf_low float8, OUT conf_high float8, OUT probability_best float8, OUT share float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION ecml_bandit_report(text) IS
'What a bandit knows of its arms: choices and rewards (exact counts), total of the rewards, mean (with decay, if any) and its 95 % interval, probability to have the highest mean (0 to 1), share of all choices. Errors: undefined_object, insufficient_privilege.';

CREATE FUNCTION ecml_bandit_add_arm(name text, arm text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION ecml_bandit_add_arm(text, text) IS
'Gives a bandit one more arm, which it knows nothing of yet. Errors: undefined_object, duplicate_object, invalid_parameter_value, insufficient_privilege, program_limit_exceeded.';

CREATE FUNCTION ecml_bandit_drop(name text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION ecml_bandit_drop(text) IS
'Drops a bandit with all that it has learnt. Errors: undefined_object, insufficient_privilege.';

CREATE FUNCTION ecml_bandit_grant(name text, role text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION ecml_bandit_grant(text, text) IS
'Lets a role (or public) choose from and reward a bandit. Errors: undefined_object (bandit, role), insufficient_privilege.';
CREATE FUNCTION ecml_bandit_revoke(name text, role text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION ecml_bandit_revoke(text, text) IS
'Takes back what ecml_bandit_grant gave. Errors: undefined_object (bandit, role), insufficient_privilege.';
