# A table read by several processes, next to others that read it: a synchronised scan that is under way, and workers that go away.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Ecml;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
# scans of tables beyond a quarter of shared_buffers are synchronised
$node->append_conf('postgresql.conf',
	"fsync = off\nshared_buffers = 4MB\nautovacuum = off\nmax_wal_size = 2GB\nlog_min_messages = debug1\n");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION ecml;
	CREATE TABLE points AS
	SELECT i AS id, sin(i) + i / 1e5 AS a, cos(i % 1000) AS b, 'category ' || i / 1000 % 37 AS category,
		i % 7 / 3.0::float8 AS weight FROM generate_series(1, 200000) AS i;
	VACUUM ANALYZE;));

my $session = Ecml->new($node);
my $other = Ecml->new($node);
my $pid = $session->pid;
$session->query(q(SET ecml.threads = 3; SET min_parallel_table_scan_size = 0));

sub model
{
	my ($workers) = @_;

	$session->query("SET max_parallel_workers_per_gather = $workers");
	$session->query(q(SELECT ecml_train('m', 'kmeans', 'points', NULL, '{a,b,category}',
		'{"k": 3, "sample_weight": "weight"}')));
	is($session->sqlstate, '', "a training with $workers workers") or diag $session->messages;
	return $session->query(q(SELECT md5(ecml_load('m')::text)));
}

my $mark = -s $node->logfile;
my $expected = model(0);
unlike(slurp_file($node->logfile, $mark), qr/reading "points" with/, 'one process');
is(model(2), $expected, 'the same bits from three');
like(slurp_file($node->logfile, $mark), qr/reading "points" with 2 parallel workers/, 'there were three');

# a scan stops in the middle: the next begins there
$other->query(q(BEGIN; DECLARE c CURSOR FOR SELECT * FROM points; MOVE 100000 FROM c));
cmp_ok($session->query(q(SET max_parallel_workers_per_gather = 0; SELECT min(id) FROM (SELECT id FROM points LIMIT 10) s)), '>',
	1000, 'a synchronised scan');
is(model(0), $expected, 'one process reads from the beginning');
is(model(2), $expected, 'so do three');

# a worker is terminated
$other->query(q(ROLLBACK; CREATE TABLE many AS SELECT p.* FROM points p, generate_series(1, 15)));
$session->begin(q(SELECT ecml_train('lost', 'kmeans', 'many', NULL, '{a,b,category}', '{"k": 3}')));
ok(Ecml::wait_until(sub {
	return $other->query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE leader_pid = $pid AND pid <> $pid LIMIT 1")
		eq 't';
}), 'a worker is terminated');
$session->end;
is($session->sqlstate, '57P01', 'the training fails') or diag $session->messages;
is($session->query(q(SELECT count(*) FROM ecml.models WHERE name = 'lost')), '0', 'nothing is stored');
is($session->memory_left, 'none', 'no memory is left');
is(model(2), $expected, 'the next training is as before');

$node->stop;
done_testing();
