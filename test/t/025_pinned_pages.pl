# A table is read by threads while the next pages are pinned: an error in the middle, of a page that cannot be read, of a row, or
# for want of time, leaves no page pinned, no thread, and no memory.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Ecml;

plan skip_all => 'there is no /proc to count threads in' unless -d '/proc/self/task';

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "fsync = off\nshared_buffers = 128MB\nautovacuum = off\n");
$node->start;
plan skip_all => 'there is no pg_buffercache' unless $node->safe_psql('postgres',
	q(SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_buffercache'));
# the batches are 4, 256 and 256 pages, and some more
$node->safe_psql('postgres', q(
	CREATE EXTENSION ecml;
	CREATE EXTENSION pg_buffercache;
	CREATE TABLE points AS SELECT sin(i) AS a, cos(i) AS b, 1 + i % 3 + 0.5::float8 AS weight FROM generate_series(1, 150000) AS i;
	CREATE TABLE weights AS SELECT a, b, CASE WHEN row_number() OVER () = 27000 THEN -1 ELSE weight END AS weight FROM points;
	CREATE TABLE damaged AS SELECT * FROM points;
	VACUUM ANALYZE;));
my ($block) = $node->safe_psql('postgres', 'SELECT ctid FROM weights WHERE weight < 0') =~ /^\((\d+),/;
ok($block > 4 && $block < 260, 'the odd row is in the second batch') or diag $block;

# a page of the third batch, which is pinned while threads are at work on the second
my $file = $node->data_dir . '/' . $node->safe_psql('postgres', q(SELECT pg_relation_filepath('damaged')));
$node->stop;
open(my $handle, '+<', $file) or die "$file: $!";
binmode $handle;
seek($handle, 300 * 8192, 0);
print $handle "\xff" x 8192;
close $handle or die "$file: $!";
$node->start;

my $session = Ecml->new($node);
my $pid = $session->pid;
$session->query(q(SET client_min_messages = debug1; SET ecml.threads = 3; SET max_parallel_workers_per_gather = 0));

sub check_clean
{
	my ($what) = @_;

	is($session->query(q(SELECT coalesce(sum(pinning_backends), 0) FROM pg_buffercache WHERE relfilenode IN
		(pg_relation_filenode('points'), pg_relation_filenode('weights'), pg_relation_filenode('damaged')))), '0',
		"$what: no page is pinned");
	is(Ecml::threads($pid), 1, "$what: one thread");
	is($session->memory_left, 'none', "$what: no memory");
	return;
}

my @ways = (
	[ 'rows of a dataset', 'kmeans', '{"k": 3, "sample_weight": "weight"}' ],
	[ 'a sample', 'iforest', '{"n_trees": 5}' ]);
for my $way (@ways)
{
	my ($what, $algorithm, $options) = @$way;
	my $train = "ecml_train('m', '$algorithm', 'damaged', options => '$options')";

	$session->query("SELECT $train");
	is($session->sqlstate, 'XX001', "$what, a damaged page: an error") or diag $session->messages;
	like($session->messages, qr/invalid page in block 300/, "$what: which tells of the page");
	like($session->messages, qr/reading "damaged" with 3 threads/, "$what: read by threads");
	check_clean("$what, a damaged page");

	# the transaction goes on
	$session->query("BEGIN; DO \$\$ BEGIN PERFORM $train; EXCEPTION WHEN data_corrupted THEN NULL; END \$\$");
	is($session->sqlstate, '', "$what: caught") or diag $session->messages;
	check_clean("$what, caught");
	is($session->query('TRUNCATE damaged; SELECT count(*) FROM damaged; ROLLBACK'), '0', "$what: the table is free");
	is($session->sqlstate, '', "$what: in the same transaction") or diag $session->messages;
}

# a row that is judged by the leader, with two batches pinned
$session->query(q(SELECT ecml_train('m', 'kmeans', 'weights', options => '{"k": 3, "sample_weight": "weight"}')));
is($session->sqlstate, '22000', 'a row: an error') or diag $session->messages;
check_clean('a row');

# for want of time, wherever that is
my $ended = 0;
for my $ms (1 .. 12)
{
	# the error ends the setting too, or what comes next would be out of time
	$session->query("BEGIN; SET LOCAL statement_timeout = '${ms}ms';
		SELECT ecml_train('m', 'kmeans', 'points', options => '{\"k\": 60, \"n_init\": 10000}'); ROLLBACK");
	$ended++ if $session->sqlstate eq '57014';
	check_clean("after $ms ms");
}
is($ended, 12, 'each time it was cancelled');

is($session->query(q(SET zero_damaged_pages = on; SELECT version FROM ecml_train('m', 'kmeans', 'damaged', options => '{"k": 3}'))),
	'1', 'a training after all of it works');
check_clean('in the end');
unlike(slurp_file($node->logfile), qr/TRAP|leak|still referenced|not closed|PANIC/, 'the server\'s log tells of no leak');

$session->quit;
$node->stop;
done_testing();
