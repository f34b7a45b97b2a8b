# A backend is killed, and the server stopped at once, in the middle of trainings: nothing half-written is found afterwards, the
# catalog is consistent, files of the training are gone, and a later training works.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Ecml;

plan skip_all => 'there is no /proc to count threads in' unless -d '/proc/self/task';

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "restart_after_crash = on\nautovacuum = off\nmax_wal_size = 2GB\n");
$node->start;
$node->safe_psql('postgres', q(
	CREATE EXTENSION ecml;
	SELECT setseed(0.5);
	CREATE TABLE points AS
	SELECT random() AS a, random() AS b, random() AS c, random() AS d FROM generate_series(1, 300000);
	SELECT ecml_train('line', 'linreg', 'SELECT * FROM points LIMIT 1000', 'a');
	SELECT ecml_train('line', 'linreg', 'SELECT * FROM points LIMIT 2000', 'a');
	SELECT ecml_train('groups', 'kmeans', 'SELECT * FROM points LIMIT 2000', options => '{"k": 5}');
	CHECKPOINT;));
my $predictions = q(SELECT md5(string_agg(encode(float8send(ecml_predict('line', b, c, d)), 'hex') ||
	ecml_predict('groups', a, b, c, d), ',')) FROM (SELECT * FROM points LIMIT 500) AS p);
my $before = $node->safe_psql('postgres', $predictions);
my $long = q(SELECT ecml_train('line', 'kmeans', 'SELECT p.* FROM points p, generate_series(1, 4)', options => '{"k": 60, "n_init": 10000}'));

sub check_catalog
{
	my ($what) = @_;

	is(join(' ', Ecml::temporary_files($node)), '', "$what: no temporary file");
	is($node->safe_psql('postgres', q(SELECT string_agg(format('%s %s %s', name, version, active), ', ' ORDER BY name, version)
		FROM ecml.model)), 'groups 1 t, line 1 f, line 2 t', "$what: the catalog is as it was");
	is($node->safe_psql('postgres', $predictions), $before, "$what: predictions are the same bits");
	# every index of the catalog finds every row
	is($node->safe_psql('postgres', q(SET enable_seqscan = off;
		SELECT count(*) FROM ecml.model WHERE name IN ('line', 'groups') AND active;
		SELECT count(*) FROM ecml.model WHERE model_id > 0;
		SELECT count(*) FROM ecml.model WHERE name IN ('line', 'groups') AND version > 0;)), "2\n3\n3", "$what: so are its indexes");
	is($node->safe_psql('postgres', q(SELECT count(*) FROM ecml.model WHERE ecml_model_info(body) IS NOT NULL)), '3',
		"$what: each model can be read");
	return;
}

sub running
{
	my ($session) = @_;

	return Ecml::wait_until(sub { (Ecml::threads($session->pid) // 0) > 1 });
}

# kill -9 of the backend while it iterates over spilled rows
my $session = Ecml->new($node);
$session->query(q(SET ecml.threads = 2; SET ecml.work_mem = '16MB'));
$session->begin($long);
ok(running($session), 'killed: under way');
isnt(join(' ', Ecml::temporary_files($node)), '', 'killed: there are temporary files');
kill 'KILL', $session->pid;
ok(Ecml::restarted($node, $session->pid), 'killed: the server restarts by itself');
$session->quit;
check_catalog('killed');

# kill -9 when the model is stored but not committed
$session = Ecml->new($node);
is($session->query(q(BEGIN; SELECT version FROM ecml_train('line', 'linreg', 'points', 'a'))), '3', 'not committed: stored');
$session->query(q(SELECT ecml_train('new', 'linreg', 'points', 'a'); SELECT ecml_drop_model('groups'); CHECKPOINT));
kill 'KILL', $session->pid;
ok(Ecml::restarted($node, $session->pid), 'not committed: the server restarts by itself');
$session->quit;
check_catalog('not committed');

# the server stops at once
$session = Ecml->new($node);
$session->query(q(SET ecml.threads = 2; SET ecml.work_mem = '16MB'));
$session->begin($long);
ok(running($session), 'stopped at once: under way');
my $pid = $session->pid;
$node->stop('immediate');
ok(Ecml::wait_until(sub { !-d "/proc/$pid" }), 'stopped at once: the backend is gone');
$session->quit;
$node->start;
check_catalog('stopped at once');

# a fast shutdown does not wait for the training
$session = Ecml->new($node);
$session->query(q(SET ecml.threads = 2));
$session->begin($long);
ok(running($session), 'stopped: under way');
$node->stop('fast');
$session->quit;
$node->start;
check_catalog('stopped');

# a training that was committed is there after a crash, with the number that follows
is($node->safe_psql('postgres', q(SELECT version FROM ecml_train('line', 'linreg', 'points', 'a'))), '3', 'a later training works');
my $after = $node->safe_psql('postgres', $predictions);
isnt($after, $before, 'and serves');
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', $predictions), $after, 'it is kept over a crash');
is($node->safe_psql('postgres', q(SELECT count(DISTINCT model_id) = count(*) FROM ecml.model)), 't', 'numbers are not given twice');

$node->stop;
done_testing();
