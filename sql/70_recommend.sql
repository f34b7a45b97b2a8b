-- ---- recommenders: users and their factors, lists, baskets

CREATE TABLE ecml.factor (
	model_id bigint NOT NULL CONSTRAINT factor_model_fkey REFERENCES ecml.model ON DELETE CASCADE,
	first_user text COLLATE "C" NOT NULL,
	users text[] NOT NULL,
	numbers int[] NOT NULL,
	ends int[] NOT NULL,
	items int[] NOT NULL,
	"values" float4[] NOT NULL,
	factors float4[],
	CONSTRAINT factor_pkey PRIMARY KEY (model_id, first_user)) WITH (toast_tuple_target = 8160);
ALTER TABLE ecml.factor ALTER first_user SET STORAGE plain, ALTER users SET STORAGE external, ALTER numbers SET STORAGE external,
	ALTER ends SET STORAGE external, ALTER items SET STORAGE external, ALTER "values" SET STORAGE external,
	ALTER factors SET STORAGE external;
COMMENT ON TABLE ecml.factor IS 'Users of recommenders, by version: a row has some of them, in the order of their ids (by bytes, from first_user on), with what they took (numbers of items within the model, weights; ends tells where those of each user end) and their factors, user by user; changed by the ecml_* functions only.';

CREATE TABLE ecml.neighbor (
	model_id bigint NOT NULL CONSTRAINT neighbor_model_fkey REFERENCES ecml.model ON DELETE CASCADE,
	number int NOT NULL,
	user_id text COLLATE "C" NOT NULL,
	items int[] NOT NULL,
	"values" float4[] NOT NULL,
	neighbors int[] NOT NULL,
	similarities float4[] NOT NULL,
	CONSTRAINT neighbor_pkey PRIMARY KEY (model_id, number));
ALTER TABLE ecml.neighbor ALTER user_id SET STORAGE plain, ALTER neighbors SET STORAGE external,
	ALTER similarities SET STORAGE external, ALTER items SET STORAGE external, ALTER "values" SET STORAGE external;
COMMENT ON TABLE ecml.neighbor IS 'Neighbours of users, of recommenders by user_knn: numbers of users within the model, the most similar first; changed by the ecml_* functions only.';

SELECT pg_catalog.pg_extension_config_dump('ecml.factor', '');
SELECT pg_catalog.pg_extension_config_dump('ecml.neighbor', '');

CREATE INDEX model_recommender_key ON ecml.model (created_at) WHERE active AND task OPERATOR(pg_catalog.=) 'recommendation'::pg_catalog.text;

CREATE FUNCTION ecml_recommend(user_id bigint, n int DEFAULT 10, model text DEFAULT NULL, options jsonb DEFAULT '{}',
	OUT rank int, OUT item_id text, OUT score float8, OUT because text[]) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_recommend_bigint' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 10;
COMMENT ON FUNCTION ecml_recommend(bigint, int, text, jsonb) IS
'The n items that a recommender thinks best for a user, the best first; model NULL: the newest recommender that the caller may use. A user who is not known gets what is popular. because: with the option reasons, items of the user that led to it. Options: exclude_seen (default true; false of a model that has learnt what is bought again), filter and boost (SQL expressions on the item table, run with the caller''s rights), items, item_key, diversity (0 to 1), reasons, fresh (read the user''s present rows), basket, exclude (ids), group, candidates. Errors: undefined_object (model, column), invalid_parameter_value (options, n), insufficient_privilege.';
CREATE FUNCTION ecml_recommend(user_id text, n int DEFAULT 10, model text DEFAULT NULL, options jsonb DEFAULT '{}',
	OUT rank int, OUT item_id text, OUT score float8, OUT because text[]) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_recommend_text' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 10;
COMMENT ON FUNCTION ecml_recommend(text, int, text, jsonb) IS
'The n items that a recommender thinks best for a user whose id is a text (or the text form of any other type), as in ecml_recommend(bigint, ...). Errors: undefined_object (model, column), invalid_parameter_value (options, n), insufficient_privilege.';

CREATE FUNCTION ecml_recommend_basket(items text[], n int DEFAULT 10, model text DEFAULT NULL, options jsonb DEFAULT '{}',
	OUT rank int, OUT item_id text, OUT score float8, OUT because text[]) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_recommend_basket_text' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 10;
COMMENT ON FUNCTION ecml_recommend_basket(text[], int, text, jsonb) IS
'The n items that go best with those of a basket; items that are not known are left out, and an empty basket gets what is popular. Options as in ecml_recommend, without fresh and basket. Errors: undefined_object (model), invalid_parameter_value (options, n), insufficient_privilege.';
CREATE FUNCTION ecml_recommend_basket(items bigint[], n int DEFAULT 10, model text DEFAULT NULL, options jsonb DEFAULT '{}',
	OUT rank int, OUT item_id text, OUT score float8, OUT because text[]) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ecml_recommend_basket_bigint' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 10;
COMMENT ON FUNCTION ecml_recommend_basket(bigint[], int, text, jsonb) IS
'The n items that go best with those of a basket whose ids are numbers, as in ecml_recommend_basket(text[], ...). Errors: undefined_object (model), invalid_parameter_value (options, n), insufficient_privilege.';

CREATE FUNCTION ecml_recommend_all(model text DEFAULT NULL, n int DEFAULT 10, options jsonb DEFAULT '{}',
	OUT user_id text, OUT rank int, OUT item_id text, OUT score float8) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 100000;
COMMENT ON FUNCTION ecml_recommend_all(text, int, jsonb) IS
'The n best items for every user of a recommender, in the order of the users'' ids (as texts, by bytes). Options as in ecml_recommend, without fresh, reasons and basket. Errors: undefined_object (model), invalid_parameter_value (options, n), insufficient_privilege.';

CREATE TYPE ecml_similar_item AS (rank int, item_id text, score float8);
COMMENT ON TYPE ecml_similar_item IS 'An item like another: cosine of factors, or similarity of neighbours.';
CREATE TYPE ecml_similar_user AS (rank int, user_id text, score float8);
COMMENT ON TYPE ecml_similar_user IS 'A user like another: cosine of factors, or of what they took.';

CREATE FUNCTION ecml_similar_items(item_id text, n int DEFAULT 10, model text DEFAULT NULL) RETURNS SETOF ecml_similar_item
AS 'MODULE_PATHNAME', 'ecml_similar_items_text' LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION ecml_similar_items(text, int, text) IS
'The n items most like one, by what users did with both; of an item that nobody took, by content. model NULL: the newest recommender. Errors: undefined_object (model, item), invalid_parameter_value (n), insufficient_privilege.';
CREATE FUNCTION ecml_similar_items(item_id bigint, n int DEFAULT 10, model text DEFAULT NULL) RETURNS SETOF ecml_similar_item
AS 'MODULE_PATHNAME', 'ecml_similar_items_bigint' LANGUAGE C STABLE PARALLEL SAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION ecml_similar_items(bigint, int, text) IS
'The n items most like one whose id is a number, as in ecml_similar_items(text, ...). Errors: undefined_object (model, item), invalid_parameter_value (n), insufficient_privilege.';

CREATE FUNCTION ecml_similar_users(user_id text, n int DEFAULT 10, model text DEFAULT NULL) RETURNS SETOF ecml_similar_user
AS 'MODULE_PATHNAME', 'ecml_similar_users_text' LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;
COMMENT ON FUNCTION ecml_similar_users(text, int, text) IS
'The n users most like one: neighbours of user_knn; else by a pass over all users, cosine of their factors or of what they took. Errors: undefined_object (model, user), invalid_parameter_value (n), insufficient_privilege.';
CREATE FUNCTION ecml_similar_users(user_id bigint, n int DEFAULT 10, model text DEFAULT NULL) RETURNS SETOF ecml_similar_user
AS 'MODULE_PATHNAME', 'ecml_similar_users_bigint' LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10;
COMMENT ON FUNCTION ecml_similar_users(bigint, int, text) IS
'The n users most like one whose id is a number, as in ecml_similar_users(text, ...). Errors: undefined_object (model, user), invalid_parameter_value (n), insufficient_privilege.';

CREATE FUNCTION ecml_item_factors(model text DEFAULT NULL, OUT item_id text, OUT users bigint, OUT popularity float8,
	OUT factors float4[]) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE COST 10000 ROWS 10000;
COMMENT ON FUNCTION ecml_item_factors(text) IS
'All items of a recommender: how many users took each, its popularity (rows, with time decay), and its factors (NULL where the model has none). Errors: undefined_object, insufficient_privilege.';

CREATE FUNCTION ecml_bought_together(source text, options jsonb DEFAULT '{}', OUT items text[], OUT consequent text,
	OUT support float8, OUT confidence float8, OUT lift float8, OUT leverage float8, OUT conviction float8, OUT count bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION ecml_bought_together(text, jsonb) IS
'Rules of what is bought together, from rows of basket and item: with items in the basket, consequent is there too; the greatest lift first. support is a part of all baskets, count their number; conviction is NULL for a rule without exceptions. Option sequential: from rows of customer, item and time, what is bought after items in their order. Options: basket, item, customer, time, min_support (a part, or from 1 on a number), min_confidence, min_lift, max_length, limit, top, sequential. Errors: undefined_object (table, column), invalid_parameter_value (options), program_limit_exceeded (too many frequent sets, memory).';
