# Recommenders under load and moved: many clients ask while the model is trained again, none waits, none sees a mixture of
# versions; a dump keeps the users; a standby answers; a cancel leaves nothing behind.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Ecml;

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

# The copies that sessions share: files of the temporary directory.
sub copies
{
	my ($server) = @_;

	my @files = glob($server->data_dir . '/base/pgsql_tmp/pgsql_tmp.ecml/*');

	return @files;
}

# ---- one copy for all sessions

my $all = q(SELECT md5(string_agg(u || item_id || score, ',' ORDER BY u, rank)) FROM generate_series(1, 40) u, ecml_recommend(u, 20, 'many'));
my $alone = "SET ecml.share_models = off; $all";
my ($copy, @other);

# large enough to be shared: 6,000 items
sub take { return qq(SELECT u AS customer_id, (u * i * $_[0]) % 6000 AS product_id FROM generate_series(1, 3000) u, generate_series(1, 8) i) }
sub train { return "SELECT ecml_train('many', 'als', '" . take($_[0]) . q{', options => '{"factors": 16, "iterations": 1}')} }

$node->safe_psql('postgres', train(7));
($copy, @other) = copies($node);
ok(defined $copy && !@other, 'the training has made a copy');
my $first = $node->safe_psql('postgres', $alone);
is($node->safe_psql('postgres', $all), $first, 'a session that shares gives the same lists as one that reads the model itself');
is((stat $copy)[2] & 0777, 0600, 'the server alone can read it');

# a session sees what is committed with its next statement, and nothing before; the old copy goes
my $holder = Ecml->new($node);
my $reader = Ecml->new($node);
is($reader->query($all), $first, 'a session that stays');
$holder->query('BEGIN');
$holder->query(train(11));
is(scalar(copies($node)), 2, 'the copy of a training is ready before it commits');
is($reader->query($all), $first, 'until then the old version answers');
is($node->safe_psql('postgres', $all), $first, 'to new sessions, too');
$holder->query('COMMIT');
my $second = $reader->query($all);
isnt($second, $first, 'the new version answers the next statement');
is($second, $node->safe_psql('postgres', $alone), 'as one that is read');
is(scalar(copies($node)), 1, 'and the copy of the old one is gone');

# rolled back: never served, and no copy is left
$holder->query('BEGIN');
$holder->query(train(13));
isnt($holder->query($all), $second, 'a training serves its own transaction');
$holder->query('ROLLBACK');
is($holder->query($all), $second, 'what was rolled back serves nobody');
is($node->safe_psql('postgres', $all), $second, 'nor new sessions');
is(scalar(copies($node)), 1, 'nor is its copy left');

# a damaged, shorter or foreign file is as if there were none
my $whole = slurp_file(copies($node));
for my $damage (
	[ 'a damaged beginning', sub { substr($_[0], 40, 1) ^= "\x01" } ],
	[ 'a damaged end of the beginning', sub { substr($_[0], 300, 200) = 'x' x 200 } ],
	[ 'one cut short', sub { $_[0] = substr($_[0], 0, length($_[0]) - 4096) } ],
	[ 'an empty one', sub { $_[0] = '' } ],
	[ 'a longer one', sub { $_[0] .= 'x' x 4096 } ])
{
	my ($what, $how) = @$damage;
	my $bytes = $whole;

	$how->($bytes);
	($copy) = copies($node);
	unlink $copy;
	append_to_file($copy, $bytes);
	is($node->safe_psql('postgres', $all), $second, "$what is not used");
	is(-s (copies($node))[0], length($whole), '... and made anew') if $what =~ /^one|damaged b/;
}

# no permission: each session reads for itself
my $folder = $node->data_dir . '/base/pgsql_tmp/pgsql_tmp.ecml';
unlink copies($node);
SKIP: {
	skip 'the superuser of the system may write anywhere', 2 if $> == 0;
	chmod 0500, $folder;
	is($node->safe_psql('postgres', $all), $second, 'where no file can be written it serves all the same');
	is(scalar(copies($node)), 0, 'without a copy');
	chmod 0700, $folder;
}

# who has no right is told so, copy or not
$node->safe_psql('postgres', $all);
$node->safe_psql('postgres', 'CREATE ROLE stranger LOGIN');
my ($rc, $o, $e) = $node->psql('postgres', "SET ROLE stranger; $all");
like($e, qr/permission denied for model "many"/, 'a copy gives no rights');

# sessions that cannot read the value, whose index is being made anew, can be cancelled, and leave nothing
unlink copies($node);
my $index = $node->safe_psql('postgres', q(SELECT i.indexrelid::regclass FROM pg_class c JOIN pg_index i ON i.indrelid = c.reltoastrelid WHERE c.oid = 'ecml.model'::regclass));
my $maker = Ecml->new($node);
my $waiter = Ecml->new($node);
$holder->query("BEGIN");
$holder->query("REINDEX INDEX $index");
$_->begin($all) for $maker, $waiter;
$node->poll_query_until('postgres', 'SELECT count(*) = 2 FROM pg_stat_activity WHERE wait_event_type = \'Lock\' AND pid IN (' . $maker->pid . ', ' . $waiter->pid . ')');
$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $_->pid . ')') for $maker, $waiter;
$_->end for $maker, $waiter;
like($maker->{err} . $waiter->{err}, qr/57014.*57014/s, 'who waits is cancelled');
is(scalar(copies($node)), 0, 'and leave no file');
$holder->query('ROLLBACK');
is($waiter->query($all), $second, 'afterwards it is made');
is(scalar(copies($node)), 1, 'once');

# a session waits for the copy that another one makes: that one cannot look whether a file's database is gone, and meanwhile the test
# takes its copy away (neither of the two has the model yet)
($copy) = copies($node);
unlink $copy;
$waiter->quit;
$waiter = Ecml->new($node);
append_to_file("$folder/4000000001.1.1.1.1.1.1.1", 'x');
$holder->query('BEGIN');
$holder->query('LOCK pg_database');

sub waits
{
	my ($session, $event) = @_;
	my $waits = 'SELECT wait_event_type FROM pg_stat_clear_snapshot(), pg_stat_get_activity(' . $session->pid . ')';

	return Ecml::wait_until(sub { $holder->query($waits) eq $event });
}

$maker->begin($all);
ok(waits($maker, 'Lock'), 'the maker is not done');
unlink $copy;
$waiter->begin($all);
ok(waits($waiter, 'Extension'), 'another session waits for it');
$holder->query('SELECT pg_cancel_backend(' . $waiter->pid . ')');
$waiter->end;
is($waiter->sqlstate, '57014', 'it can be cancelled');
is($waiter->query('SELECT 1'), '1', 'and go on');
$waiter->begin($all);
ok(waits($waiter, 'Extension') && !$maker->ended, 'it waits again, for the maker was not disturbed');
$holder->query('ROLLBACK');
is($_->end, $second, 'in the end both have the model') for $maker, $waiter;
is(join(' ', copies($node)), $copy, 'with one copy, and nothing else');

# a restart, and another version
$_->quit for grep { $_->can('quit') } $holder, $reader, $maker, $waiter;
$node->restart;
is(scalar(copies($node)), 0, 'the server removes copies when it starts');
is($node->safe_psql('postgres', $all), $second, 'and makes them anew');
$node->safe_psql('postgres', q(SELECT ecml_activate('many', 1)));
is($node->safe_psql('postgres', $all), $first, 'an earlier version serves again');
is(scalar(copies($node)), 1, 'with its copy alone');

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
is($standby->safe_psql('postgres', $all), $first, 'with a model that is shared');
is(scalar(copies($standby)), 1, 'of which it makes a copy of its own');
$standby->stop;
$node->safe_psql('postgres', q(SELECT ecml_drop_model('many')));
is(scalar(copies($node)), 0, 'a dropped model takes its copy along');

# ---- cancelled, nothing is left behind

my $before = $node->safe_psql('postgres', q(SELECT count(*) FROM ecml.factor));
my ($ret, $stdout, $stderr) = $node->psql('postgres', q(SET statement_timeout = '300ms';
	SELECT ecml_train('recs', 'als', 'SELECT u AS customer_id, (u * i) % 5000 AS product_id FROM generate_series(1, 20000) u, generate_series(1, 50) i', options => '{"factors": 200, "iterations": 1000, "solver": "cholesky"}')));
like($stderr, qr/statement timeout/, 'a training is cancelled');
is($node->safe_psql('postgres', q(SELECT count(*) FROM ecml.factor)), $before, 'and leaves no users behind');
is($node->safe_psql('postgres', q(SELECT ecml_drop_model('recs'), ecml_drop_model('people'); SELECT count(*) FROM ecml.factor)), "|\n0", 'a dropped model takes its users along');

$node->stop;
done_testing();
