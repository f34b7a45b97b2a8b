# Recommenders under load and moved: many clients ask while the model is trained again, none waits, none sees a mixture of
# versions; a dump keeps the users; a standby answers; a cancel leaves nothing behind.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', 'max_connections = 90');
$node->start;
my $files = PostgreSQL::Test::Utils::tempdir;

# In odd versions customers have taken odd items alone, in even ones even items: an answer of both is a mixture.
$node->safe_psql('postgres', q(
	CREATE EXTENSION ecml;
	CREATE TABLE parity (odd int);
	INSERT INTO parity VALUES (1);
	CREATE VIEW taken AS SELECT u AS customer_id, 2 * i + odd AS product_id, 1 + (u * i) % 3 AS quantity
		FROM parity, generate_series(1, 400) u, generate_series(1, 60) i WHERE (u * 7 + i * 11) % 5 < 2;
	SELECT ecml_train('recs', 'als', 'taken', options => '{"factors": 16}');
	SELECT ecml_train('people', 'user_knn', 'taken');));

# ---- 64 clients while it is trained again

my $ask = "$files/ask.sql";
append_to_file($ask, q(\set u random(1, 400)
SELECT 1 / (count(DISTINCT item_id::int % 2) = 1)::int FROM ecml_recommend(:u, 10, 'recs');
));
my $seconds = 8;
my ($out, $err) = ('', '');
my $load = IPC::Run::start([ 'pgbench', '-n', '-c', '64', '-j', '2', '-T', $seconds, '-f', $ask, '-h', $node->host, '-p', $node->port,
		'postgres' ], '>', \$out, '2>', \$err);
my $until = time() + $seconds - 1;
my $trained = 0;
while (time() < $until)
{
	$node->safe_psql('postgres', q(UPDATE parity SET odd = 1 - odd; SELECT ecml_retrain('recs');));
	$trained++;
}
$load->finish;
is($load->result(0), 0, "64 clients ask without an error while it is trained again $trained times") or diag($err);
unlike($err . $out, qr/division by zero|aborted/, 'every answer is of one version');
cmp_ok($trained, '>', 1, 'and it was trained again');
like($out, qr/number of transactions actually processed: [1-9]/, 'they were answered');

# ---- a dump, a standby

my $list = q(SELECT string_agg(item_id || ' ' || score, ',' ORDER BY rank) FROM ecml_recommend(7, 5, 'recs'));
my $people = q(SELECT string_agg(item_id || ' ' || score, ',' ORDER BY rank) FROM ecml_recommend(7, 5, 'people'));
$node->safe_psql('postgres', q(CREATE DATABASE copy));
for my $way ([ '-Fp', "$files/plain.sql" ], [ '-Fc', "$files/custom.dump" ])
{
	my ($format, $file) = @$way;

	$node->safe_psql('postgres', q(DROP DATABASE copy));
	$node->safe_psql('postgres', q(CREATE DATABASE copy));
	command_ok([ 'pg_dump', $format, '-h', $node->host, '-p', $node->port, '-f', $file, 'postgres' ], "pg_dump $format");
	command_ok($format eq '-Fp' ? [ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-d', 'copy', '-f', $file ] :
			[ 'pg_restore', '--exit-on-error', '-h', $node->host, '-p', $node->port, '-d', 'copy', $file ], "restored from $format");
	is($node->safe_psql('copy', $list), $node->safe_psql('postgres', $list), "$format: the same list");
	is($node->safe_psql('copy', $people), $node->safe_psql('postgres', $people), "$format: the same list by neighbours");
}
is($node->safe_psql('copy', q(SELECT version > 2 FROM ecml_retrain('recs'))), 't', 'trained again where it was restored');

$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', $list), $node->safe_psql('postgres', $list), 'a standby answers');
is($standby->safe_psql('postgres', q(SELECT count(*) FROM ecml_recommend(7, 5, 'recs', '{"items": "taken", "item_key": "product_id", "filter": "product_id > 50"}'))), '5',
	'with a filter, too');
$standby->stop;

# ---- cancelled, nothing is left behind

my $before = $node->safe_psql('postgres', q(SELECT count(*) FROM ecml.factor));
my ($ret, $stdout, $stderr) = $node->psql('postgres', q(SET statement_timeout = '300ms';
	SELECT ecml_train('recs', 'als', 'SELECT u AS customer_id, (u * i) % 5000 AS product_id FROM generate_series(1, 20000) u, generate_series(1, 50) i', options => '{"factors": 200, "iterations": 1000, "solver": "cholesky"}')));
like($stderr, qr/statement timeout/, 'a training is cancelled');
is($node->safe_psql('postgres', q(SELECT count(*) FROM ecml.factor)), $before, 'and leaves no users behind');
is($node->safe_psql('postgres', q(SELECT ecml_drop_model('recs'), ecml_drop_model('people'); SELECT count(*) FROM ecml.factor)), "|\n0", 'a dropped model takes its users along');

$node->stop;
done_testing();
