# Bandits under load: 200 sessions choose and reward at once, some roll back, one keeps a transaction open; no deadlock, exact
# counts.  Dump and restore, a standby, a drop under load.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Ecml;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "max_connections = 230\nshared_buffers = 64MB\nfsync = off\nlog_lock_waits = on\ndeadlock_timeout = 1s");
$node->start;
my $files = PostgreSQL::Test::Utils::tempdir;

$node->safe_psql('postgres', q(
	CREATE EXTENSION ecml;
	SELECT ecml_bandit_create('load', ARRAY['a', 'b', 'c', 'd']);
	SELECT ecml_bandit_create('rows', ARRAY['x', 'y'], '{"policy": "linucb", "dimension": 3, "decay": 0.999}');
	CREATE TABLE done (n int);));

# clients count what they did and committed; every seventh transaction is rolled back
my $script = "$files/load.sql";
append_to_file($script, q(\set way random(1, 7)
BEGIN;
SELECT quote_literal(ecml_bandit_choose('load')) AS arm \gset
SELECT ecml_bandit_reward('load', :arm, (random() < 0.2)::int);
SELECT quote_literal(ecml_bandit_choose('rows', ARRAY[random(), 1, 0])) AS row \gset
SELECT ecml_bandit_reward('rows', :row, random(), ARRAY[random(), 1, 0]);
\if :way = 1
ROLLBACK;
\else
INSERT INTO done VALUES (1);
COMMIT;
\endif
));
my ($out, $err) = ('', '');
my $load = IPC::Run::start([ 'pgbench', '-n', '-c', '200', '-j', '2', '-T', '8', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ],
	'>', \$out, '2>', \$err);

# one session folds, and keeps its transaction open for a while; another looks with one snapshot
my $slow = Ecml->new($node);
my $frozen = Ecml->new($node);
sleep 1;
# arms may join while all are at it
$node->safe_psql('postgres', q(SELECT ecml_bandit_add_arm('load', 'e')));
sleep 1;
$slow->query('BEGIN');
$slow->query(q(SELECT count(*) FROM ecml_bandit_report('load')));
$frozen->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $first = $frozen->query(q(SELECT sum(choices), sum(rewards) FROM ecml_bandit_report('load')));
sleep 2;
is($frozen->query(q(SELECT sum(choices), sum(rewards) FROM ecml_bandit_report('load'))), $first, 'one snapshot sees one state, while others fold');
like($frozen->query(q(SELECT ecml_bandit_choose('load'))), qr/^[abcde]$/, 'and chooses');
$frozen->query('ROLLBACK');
is($frozen->sqlstate, '', 'without an error');
$slow->query('COMMIT');
is($slow->sqlstate, '', 'nor has the session that kept its fold');
$load->finish;
is($load->result(0), 0, '200 sessions choose and reward') or diag($err);
unlike($err . $out, qr/aborted|deadlock|could not serialize/, 'none is aborted');
my $done = $node->safe_psql('postgres', 'SELECT sum(n) FROM done');
cmp_ok($done, '>', 100, "they did $done");
is($node->safe_psql('postgres', q(SELECT sum(choices), sum(rewards) FROM ecml_bandit_report('load'))), "$done|$done", 'every committed event counts once');
is($node->safe_psql('postgres', q(SELECT sum(choices), sum(rewards) FROM ecml_bandit_report('rows'))), "$done|$done", 'with contexts and decay, too');
is($node->safe_psql('postgres', q(SELECT bool_and(ecml_bandit_choose('load') IS NOT NULL) FROM generate_series(1, 130))), 't', 'it goes on');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM ecml.bandit_event'), '<', 400, 'events were folded');
my $log = slurp_file($node->logfile);
unlike($log, qr/deadlock detected|still waiting for/, 'nobody waited for a second');

# ---- dump and restore

my $report = q(SELECT string_agg(concat_ws(' ', arm, choices, rewards, total, mean), ',') FROM unnest('{load,rows}'::text[]) b, ecml_bandit_report(b));
my $before = $node->safe_psql('postgres', $report);
$node->safe_psql('postgres', 'CREATE DATABASE copy');
command_ok([ 'pg_dump', '-Fc', '-h', $node->host, '-p', $node->port, '-f', "$files/dump", 'postgres' ], 'dumped');
command_ok([ 'pg_restore', '--exit-on-error', '-h', $node->host, '-p', $node->port, '-d', 'copy', "$files/dump" ], 'restored');
is($node->safe_psql('copy', $report), $before, 'bandits know what they knew');
is($node->safe_psql('copy', q(SELECT ecml_bandit_create('new', '{z}'); SELECT ecml_bandit_reward('new', 'z', 1); SELECT sum(rewards) FROM ecml_bandit_report('new'))),
	"\n\n1", 'and new ones are made');

# ---- a standby, a transaction that only reads

$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', $report), $before, 'a standby reports');
like($standby->safe_psql('postgres', q(SELECT ecml_bandit_choose('load'))), qr/^[abcde]$/, 'and chooses');
my ($ret, $stdout, $stderr) = $standby->psql('postgres', q(SELECT ecml_bandit_reward('load', 'a', 1)));
like($stderr, qr/read-only transaction/, 'but is not rewarded');
$standby->stop;
is($node->safe_psql('postgres', q(BEGIN READ ONLY; SELECT count(ecml_bandit_choose('load')) FROM generate_series(1, 10); COMMIT;)), '10', 'so does a transaction that only reads');
is($node->safe_psql('postgres', $report), $before, 'and notes nothing');

# ---- dropped under load: those who use it then get the error that it is not there

my $hammer = "$files/hammer.sql";
append_to_file($hammer, q(SELECT ecml_bandit_reward('load', 'a', 1) FROM generate_series(1, 20);
));
my $run = IPC::Run::start([ 'pgbench', '-n', '-c', '8', '-T', '3', '-f', $hammer, '-h', $node->host, '-p', $node->port, 'postgres' ], '>', \$out, '2>', \$err);
sleep 1;
$node->safe_psql('postgres', q(SELECT ecml_bandit_drop('load')));
eval { $run->finish };
like($err, qr/bandit "load" does not exist/, 'a dropped bandit is gone');
unlike($err, qr/concurrently/, 'and nobody stumbles over rows that vanish');
is($node->safe_psql('postgres', q(SELECT count(*) FROM ecml.bandit_state s WHERE NOT EXISTS (SELECT FROM ecml.bandit b WHERE b.bandit_id = s.bandit_id))), '0', 'no state is left');

$node->stop;
done_testing();
