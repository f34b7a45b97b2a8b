# The catalog of models under maintenance, the cache of models under pressure, and files under a limit.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Ecml;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "autovacuum = off\nmax_wal_size = 2GB\n");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION ecml;
	CREATE TABLE line AS SELECT i::float8 AS x, 2.0 * i AS two, 3.0 * i AS three FROM generate_series(1, 1000) AS i;
	SELECT ecml_train('two', 'linreg', 'SELECT x, two FROM line', 'two');
	SELECT ecml_train('three', 'linreg', 'SELECT x, three FROM line', 'three');
	-- one that is large: its body is toasted
	CREATE TABLE wide AS
	SELECT i AS y, ARRAY(SELECT sin(i * k) FROM generate_series(1, 300) AS k) AS x FROM generate_series(1, 400) AS i;
	SELECT ecml_train('wide', 'linreg', 'wide', 'y');));

# ---- VACUUM FULL, CLUSTER, REINDEX, with a session that has the models at hand

my $session = Ecml->new($node);
my $look = q(SELECT round(ecml_predict('two', 10::float8)::numeric, 6), round(ecml_predict('three', 10::float8)::numeric, 6),
	(SELECT count(*) FROM wide WHERE abs(ecml_predict('wide', x) - y) < 1000), (SELECT count(*) FROM ecml_coefficients('wide')));
is($session->query($look), '20.000000|30.000000|400|301', 'before');
for my $command ('VACUUM FULL ecml.model', 'CLUSTER ecml.model USING model_pkey', 'REINDEX TABLE ecml.model',
	'REINDEX TABLE CONCURRENTLY ecml.model', 'VACUUM (FREEZE) ecml.model', 'VACUUM FULL', 'ANALYZE ecml.model')
{
	$node->safe_psql('postgres', $command);
	is($session->query($look), '20.000000|30.000000|400|301', "after $command");
}
is($node->safe_psql('postgres', q(SELECT version FROM ecml_retrain('two'))), '2', 'then a training');
is($session->query($look), '20.000000|30.000000|400|301', 'then a new version');

# the large body is toasted, and its checks hold page by page
isnt($node->safe_psql('postgres', q(SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'ecml.model'::regclass)), '0',
	'a large model is toasted');
SKIP:
{
	skip 'there is no amcheck', 2
	  if $node->safe_psql('postgres', q(SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck')) eq '0';
	$node->safe_psql('postgres', 'CREATE EXTENSION amcheck');
	is($node->safe_psql('postgres', q(SELECT count(*) FROM verify_heapam('ecml.model', check_toast => true))), '0', 'the heap is sound');
	is($node->safe_psql('postgres', q(SELECT count(bt_index_check(indexrelid, true)) FROM pg_index WHERE indrelid = 'ecml.model'::regclass)),
		'4', 'so are its indexes');
}

# ---- the cache

# two models in one query, and room for none: each row changes the model
is($session->query(q(SET ecml.cache_size = 0;
	SELECT bool_and(abs(ecml_predict(m, x) - CASE m WHEN 'two' THEN two ELSE three END) < 1e-6)
	FROM line, (VALUES ('two'), ('three')) AS v (m))), 't', 'two models in turn, and no cache');
is($session->query(q(SELECT bool_and(abs(ecml_predict('two', x) - two) < 1e-6 AND abs(ecml_predict('three', x) - three) < 1e-6),
	count(ecml_predict('wide', ARRAY(SELECT x FROM generate_series(1, 300)))) FROM line)), 't|1000',
	'three models in a query, and no cache');
is($session->cached_models('count(*)'), '0', 'nothing is kept');
$session->query(q(RESET ecml.cache_size));
$session->query($look);
is($session->cached_models('count(*)'), '3', 'with a cache all are kept');
$session->query(q(SET ecml.cache_size = '64kB'; SELECT ecml_predict('two', 1::float8)));
is($session->cached_models('count(*)'), '2',
	'with a small one the large model goes');
# many models, one of them at hand all the time
$session->query(q(SELECT count(*) FROM generate_series(1, 300) AS i,
	LATERAL (SELECT ecml_train('many ' || i, 'linreg', 'SELECT x, ' || i || ' * x AS y FROM line LIMIT 10', 'y')) AS t));
is($session->query(q(SELECT bool_and(abs(ecml_predict('many ' || i, 7::float8) - 7 * i) < 1e-6 AND
	abs(ecml_predict('two', 7::float8) - 14) < 1e-6) FROM generate_series(1, 300) AS i)), 't', 'models come and go');
cmp_ok($session->cached_models('sum(total_bytes)'), '<=', 65536,
	'within the limit');
# a query ends with an error while it has a model at hand
$session->query(q(SELECT 1 / (ecml_predict('two', x) - 100)::int FROM line));
is($session->sqlstate, '22012', 'an error of the executor');
$session->query(q(SELECT ecml_predict('many ' || i, 7::float8) FROM generate_series(1, 301) AS i));
is($session->sqlstate, '42704', 'an error of ecml');
is($session->query(q(SET ecml.cache_size = 0; SELECT round(ecml_predict('two', 10::float8)::numeric, 6))), '20.000000', 'it serves');
is($session->cached_models('count(*)'), '0', 'no model is kept by mistake');
$session->query(q(RESET ecml.cache_size));

# the cursor keeps its model while the name gets another
$session->query(q(BEGIN; DECLARE c CURSOR FOR SELECT round(ecml_predict('two', x)::numeric, 6) FROM line ORDER BY x));
is($session->query(q(FETCH 1 FROM c)), '2.000000', 'a cursor before a training');
$session->query(q(SELECT ecml_train('two', 'linreg', 'SELECT x, three AS two FROM line', 'two')));
is($session->query(q(FETCH 1 FROM c)), '4.000000', 'and after it');
$session->query(q(ROLLBACK));

# ---- the extension goes and comes back under a session that has its models at hand

is($session->query(q(SELECT round(ecml_predict('two', 10::float8)::numeric, 6))), '20.000000', 'a warm cache');
$session->query(q(BEGIN; DROP EXTENSION ecml CASCADE));
$session->query(q(SELECT ecml_predict('two', 10::float8)));
is($session->sqlstate, '42883', 'without the extension there is no function');
is($session->query(q(ROLLBACK; SELECT round(ecml_predict('two', 10::float8)::numeric, 6))), '20.000000', 'rolled back, it is there');
$session->query(q(PREPARE p AS SELECT round(ecml_predict('two', 10::float8)::numeric, 6)));
is($session->query(q(EXECUTE p)), '20.000000', 'a prepared statement');
$node->safe_psql('postgres', q(DROP EXTENSION ecml; CREATE EXTENSION ecml));
$session->query(q(SELECT ecml_predict('two', 10::float8)));
is($session->sqlstate, '42704', 'in a new extension there is no model');
$node->safe_psql('postgres', q(SELECT ecml_train('two', 'linreg', 'SELECT x, three AS two FROM line', 'two')));
is($session->query(q(SELECT round(ecml_predict('two', 10::float8)::numeric, 6))), '30.000000', 'a new model of the old number and name');
is($session->query(q(EXECUTE p)), '30.000000', 'the prepared statement finds it');
# in one transaction: same number, same place, same transaction, another model
is($session->query(q(BEGIN;
	DROP EXTENSION ecml; CREATE EXTENSION ecml;
	SELECT version FROM ecml_train('two', 'linreg', 'SELECT x, two FROM line', 'two');
	SELECT round(ecml_predict('two', 10::float8)::numeric, 6);
	DROP EXTENSION ecml; CREATE EXTENSION ecml;
	SELECT version FROM ecml_train('two', 'linreg', 'SELECT x, three AS two FROM line', 'two');
	SELECT round(ecml_predict('two', 10::float8)::numeric, 6);
	COMMIT)), "1\n20.000000\n1\n30.000000", 'twice in a transaction');

# ---- temporary files

$session->query(q(SET ecml.work_mem = '4MB'; SET temp_file_limit = '1MB'));
for my $statement (q(SELECT ecml_train('m', 'kmeans', 'SELECT random() AS a, random() AS b, random() AS c FROM generate_series(1, 500000)')),
	q(SELECT ecml_kmeans('{}', random(), random(), random()) FROM generate_series(1, 500000)),
	q(SELECT ecml_cross_validate('linreg', 'SELECT random() AS a, random() AS b FROM generate_series(1, 500000)', 'a')))
{
	my ($function) = $statement =~ /(ecml_\w+)/;

	$session->query($statement);
	is($session->sqlstate, '53400', "$function: temp_file_limit holds") or diag $session->messages;
	like($session->messages, qr/temp_file_limit/, "$function: it is named");
	is(join(' ', Ecml::temporary_files($node)), '', "$function: no temporary file is left");
}
$session->query(q(RESET temp_file_limit; SET ecml.work_mem = '8MB'));
$session->query(q(CREATE TABLE points AS SELECT i % 3 AS g, sin(i) AS a, cos(1.0 * i * i) AS b, sin(7 * i) AS c FROM generate_series(1, 300000) AS i));
# files are closed at the end of the statement, within the transaction, and nothing complains of them
$session->query(q(BEGIN));
for my $statement (q(SELECT (ecml_train('m', 'kmeans', 'SELECT p.* FROM points p, generate_series(1, 3)', options => '{"max_iter": 3}')).rows),
	q(SELECT count(*) FROM ecml_kmeans_scan('SELECT p.* FROM points p, generate_series(1, 3)', NULL, 2, 3, '{"max_iter": 3}')),
	q(SELECT count(m) FROM (SELECT ecml_kmeans('{"max_iter": 3}', a, b, c) AS m FROM points, generate_series(1, 9) GROUP BY g) AS q),
	# groups that are never asked for
	q(SELECT count(m) FROM (SELECT ecml_kmeans('{"max_iter": 3}', a, b, c) AS m FROM points, generate_series(1, 9) GROUP BY g LIMIT 1) AS q),
	q(SELECT ecml_evaluate('m', 'SELECT p.* FROM points p, generate_series(1, 3)')),
	q(SELECT ecml_cross_validate('linreg', 'SELECT a, b, c FROM points', 'a')))
{
	my ($function) = $statement =~ /(ecml_\w+)/;

	$session->query($statement);
	is($session->messages, '', "$function, spilled: no error, no warning");
	is(join(' ', Ecml::temporary_files($node)), '', "$function, spilled: no file is left");
}
$session->query(q(COMMIT));
# the same model with and without files
is($session->query(q(
	SET ecml.work_mem = '8MB';
	SELECT ecml_train('m', 'kmeans', 'SELECT p.* FROM points p, generate_series(1, 3)', options => '{"k": 5, "max_iter": 5}') IS NOT NULL;
	RESET ecml.work_mem;
	SELECT ecml_train('m', 'kmeans', 'SELECT p.* FROM points p, generate_series(1, 3)', options => '{"k": 5, "max_iter": 5}') IS NOT NULL;
	SELECT count(DISTINCT body::text) FROM ecml.model WHERE name = 'm' AND options ? 'k')), "t\nt\n1", 'the same bits with and without files');
unlike(slurp_file($node->logfile), qr/temporary file leak|still referenced|PANIC/, 'the server\'s log tells of no leak');

$session->quit;
$node->stop;
done_testing();
