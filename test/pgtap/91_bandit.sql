-- Bandits: what they learn, exact counts, contexts, decay, determinism, privileges, errors.
BEGIN;
\i ../lib/pgtap.sql
SELECT plan(51);

-- a shop of arms that buy with given probabilities: rounds of choose and reward
CREATE FUNCTION pg_temp.play(bandit text, arms text[], p float8[], rounds int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	arm text;
BEGIN
	FOR i IN 1..rounds LOOP
		arm := ecml_bandit_choose(bandit);
		PERFORM ecml_bandit_reward(bandit, arm, (random() < p[array_position(arms, arm)])::int);
	END LOOP;
END $$;
SELECT setseed(0.5);
SELECT lives_ok(format($$ SELECT ecml_bandit_create('%s', '{a,b,c}', '{"policy": "%s", "seed": 3, "epsilon": 0.2}') $$, policy, policy), policy)
FROM (VALUES ('thompson'), ('thompson_gaussian'), ('ucb1'), ('epsilon_greedy')) v (policy);
SELECT pg_temp.play(policy, '{a,b,c}', '{0.1,0.2,0.7}', 300) FROM (VALUES ('thompson'), ('thompson_gaussian'), ('ucb1'), ('epsilon_greedy')) v (policy);
SELECT ok((SELECT sum(choices) = 300 AND sum(rewards) = 300 FROM ecml_bandit_report(policy)), policy || ': every choice and reward is counted')
FROM (VALUES ('thompson'), ('thompson_gaussian'), ('ucb1'), ('epsilon_greedy')) v (policy);
SELECT ok((SELECT share > 0.5 AND probability_best > 0.95 FROM ecml_bandit_report(policy) WHERE arm = 'c'), policy || ': the best arm is found')
FROM (VALUES ('thompson'), ('thompson_gaussian'), ('ucb1'), ('epsilon_greedy')) v (policy);
SELECT ok((SELECT bool_and(abs(mean - total / rewards) < 1e-12 AND conf_low < conf_high AND conf_high > mean) AND abs(sum(probability_best) - 1) < 1e-9 FROM ecml_bandit_report('thompson')), 'means and intervals');
SELECT cmp_ok((SELECT count(*) FROM ecml.bandit_event), '<', 4 * 130::bigint, 'events are folded');
SELECT ok((SELECT sum(choices + rewards) FROM ecml.bandit_state) + (SELECT count(*) FROM ecml.bandit_event) = 2400, 'folded or waiting, none is lost');

-- the same seed and history: the same choice
SELECT is(ecml_bandit_create('twin1', '{a,b,c}', '{"seed": 9}')::text || ecml_bandit_create('twin2', '{a,b,c}', '{"seed": 9}')::text, '', 'twins');
CREATE FUNCTION pg_temp.history(bandit text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	all_arms text := ''; arm text;
BEGIN
	FOR i IN 1..150 LOOP
		arm := ecml_bandit_choose(bandit);
		PERFORM ecml_bandit_reward(bandit, arm, (i * 7919 % 10 < ascii(arm) - 94)::int);
		all_arms := all_arms || arm;
	END LOOP;
	RETURN all_arms;
END $$;
SELECT is(pg_temp.history('twin1'), pg_temp.history('twin2'), 'choose alike');
SELECT is(ecml_bandit_create('free', '{a,b}', '{}')::text, '', 'without a seed');
SELECT ok((SELECT count(DISTINCT ecml_bandit_choose('free')) = 2 FROM generate_series(1, 60)), 'both arms are tried');
SELECT is((SELECT sum(choices) FROM ecml_bandit_report('free')), 60::numeric, 'within one statement, too');

-- changing tastes
SELECT ecml_bandit_create('steady', '{a,b}', '{"policy": "epsilon_greedy"}'), ecml_bandit_create('moody', '{a,b}', '{"policy": "epsilon_greedy", "decay": 0.9}'),
	ecml_bandit_create('clock', '{a,b}', '{"policy": "epsilon_greedy", "half_life": "1 day"}');
SELECT ecml_bandit_reward(b, 'a', 1) FROM unnest('{steady,moody,clock}'::text[]) b, generate_series(1, 100);
SELECT ecml_bandit_reward(b, 'a', 0) FROM unnest('{steady,moody,clock}'::text[]) b, generate_series(1, 40);
SELECT ok((SELECT abs(mean - 100.0 / 140) < 1e-9 FROM ecml_bandit_report('steady') WHERE arm = 'a'), 'without decay all counts alike');
SELECT ok((SELECT abs(mean - (0.9 ^ 40 - 0.9 ^ 140) / (1 - 0.9 ^ 140)) < 1e-9 AND rewards = 140 AND total = 100 FROM ecml_bandit_report('moody') WHERE arm = 'a'),
	'with decay by its age in rewards; counts stay exact');
SELECT ok((SELECT abs(mean - 100.0 / 140) < 1e-3 FROM ecml_bandit_report('clock') WHERE arm = 'a'), 'with a half-life by its age in time');
SELECT ecml_bandit_create('silent', '{a,b}', '{"unrewarded": "zero", "seed": 1}');
SELECT ecml_bandit_choose('silent') FROM generate_series(1, 50);
SELECT ecml_bandit_reward('silent', arm, 1) FROM ecml_bandit_report('silent'), generate_series(1, 5) WHERE choices > 10;
SELECT ok((SELECT bool_and(abs(mean - total / choices) < 1e-9) FROM ecml_bandit_report('silent')), 'a choice without reward counts as 0 when asked');

-- one more arm
SELECT is(ecml_bandit_add_arm('thompson', 'd')::text, '', 'one more arm');
SELECT pg_temp.play('thompson', '{a,b,c,d}', '{0.1,0.2,0.5,0.9}', 150);
SELECT ok((SELECT sum(choices) = 450 AND sum(rewards) = 450 AND max(choices) FILTER (WHERE arm = 'd') > 40 FROM ecml_bandit_report('thompson')), 'is tried, and what was known stays');
SELECT throws_ok($$ SELECT ecml_bandit_add_arm('thompson', 'd') $$, '42710', NULL, 'twice');

-- contexts
SELECT ecml_bandit_create(p, '{x,y}', format('{"policy": "%s", "features": ["age", "channel=mail"], "seed": 5}', p)::jsonb) FROM unnest('{linucb,linear_thompson}'::text[]) p;
CREATE FUNCTION pg_temp.serve(bandit text, rounds int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	arm text; x float8[];
BEGIN
	FOR i IN 1..rounds LOOP
		x := ARRAY[random(), (random() < 0.5)::int];
		arm := ecml_bandit_choose(bandit, x);
		PERFORM ecml_bandit_reward(bandit, arm, CASE arm WHEN 'x' THEN x[1] ELSE 1 - x[1] END + 0.2 * random(), x);
	END LOOP;
END $$;
SELECT pg_temp.serve(p, 200) FROM unnest('{linucb,linear_thompson}'::text[]) p;
SELECT ok(ecml_bandit_choose(p, ARRAY[1, 0]) = 'x' AND ecml_bandit_choose(p, ARRAY[0, 1]) = 'y', p || ': what is best depends on the context') FROM unnest('{linucb,linear_thompson}'::text[]) p;
SELECT is(ecml_bandit_choose('linucb', c), 'x', 'a context as ' || pg_typeof(c)) FROM (SELECT '{"age": 1, "channel": "post"}'::jsonb AS c) x;
SELECT is(ecml_bandit_choose('linucb', '{"age": 1, "channel": "post"}'), 'x', 'as a literal in JSON');
SELECT is(ecml_bandit_choose('linucb', '{1,0}'), 'x', 'as a literal of an array');
SELECT is(ecml_bandit_choose('linucb', '[1, 0]'::jsonb), 'x', 'as an array in JSON');
SELECT is((SELECT max(cardinality(moment)) FROM ecml.bandit_state), 3, 'two features and the constant');

-- privileges
CREATE ROLE ecml_test_keeper;
CREATE ROLE ecml_test_clerk;
CREATE FUNCTION pg_temp.as_role(role text, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	BEGIN
		EXECUTE command INTO result;
	EXCEPTION WHEN OTHERS THEN
		RESET ROLE;
		RETURN sqlstate;
	END;
	RESET ROLE;
	RETURN result;
END $$;
SELECT is(pg_temp.as_role('ecml_test_keeper', $$ SELECT ecml_bandit_create('mine', '{a}') $$), '', 'anybody may make one');
SELECT is(pg_temp.as_role('ecml_test_clerk', $$ SELECT ecml_bandit_choose('mine') $$), '42501', 'a stranger may not use it');
SELECT is(pg_temp.as_role('ecml_test_clerk', $$ SELECT ecml_bandit_grant('mine', 'ecml_test_clerk') $$), '42501', 'nor grant it');
SELECT is(pg_temp.as_role('ecml_test_keeper', $$ SELECT ecml_bandit_grant('mine', 'ecml_test_clerk') $$), '', 'the owner grants it');
SELECT is(pg_temp.as_role('ecml_test_clerk', $$ SELECT ecml_bandit_choose('mine') || ecml_bandit_reward('mine', 'a', 1) || (SELECT count(*) FROM ecml.bandits) $$), 'a1', 'then it is used, and seen');
SELECT is(pg_temp.as_role('ecml_test_clerk', $$ SELECT ecml_bandit_drop('mine') $$), '42501', 'but not dropped');
SELECT is(pg_temp.as_role('ecml_test_clerk', $$ SELECT count(*) FROM ecml.bandit_event $$), '42501', 'nor are its tables read');
SELECT is(pg_temp.as_role('ecml_test_keeper', $$ SELECT ecml_bandit_revoke('mine', 'ecml_test_clerk') $$), '', 'taken back');
SELECT is(pg_temp.as_role('ecml_test_clerk', $$ SELECT ecml_bandit_choose('mine') $$), '42501', 'it is gone');

-- errors
SELECT throws_ok(command, state, NULL, command) FROM (VALUES
	($$ SELECT ecml_bandit_create('thompson', '{a}') $$, '42710'), ($$ SELECT ecml_bandit_create('new', '{}') $$, '22023'),
	($$ SELECT ecml_bandit_create('new', '{a,a}') $$, '22023'), ($$ SELECT ecml_bandit_create('new', '{a}', '{"policy": "best"}') $$, '22023'),
	($$ SELECT ecml_bandit_reward('thompson', 'a', 2) $$, '22023'), ($$ SELECT ecml_bandit_reward('thompson', 'e', 1) $$, '42704'),
	($$ SELECT ecml_bandit_choose('linucb') $$, '22023'), ($$ SELECT ecml_bandit_choose('nobody') $$, '42704')) v (command, state);

SELECT * FROM finish();
ROLLBACK;
