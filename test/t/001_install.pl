# The extension in a server of its own: it installs, leaves when told to, comes back, and starts no thread.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;

$node->safe_psql('postgres', 'CREATE EXTENSION ecml');
is($node->safe_psql('postgres', q(SELECT count(*) FROM pg_extension WHERE extname = 'ecml')), '1', 'it installs');

SKIP:
{
	skip 'there is no /proc to count threads in', 2 unless -d '/proc/self/task';
	my $files = $node->safe_psql('postgres', q(
		LOAD 'ecml';
		SELECT pg_read_file('/proc/self/maps');));
	like($files, qr/ecml\.so/, 'the library is loaded');
	my $status = $node->safe_psql('postgres', q(
		LOAD 'ecml';
		SELECT pg_read_file('/proc/self/status');));
	like($status, qr/^Threads:\s+1$/m, 'a backend that loaded it has one thread');
}

my ($ret, $out, $err) = $node->psql('postgres', 'DROP EXTENSION ecml');
is($ret, 0, 'it leaves') or diag $err;
is($node->safe_psql('postgres', q(SELECT count(*) FROM pg_proc WHERE proname LIKE 'ecml%')), '0', 'it leaves no function');
$node->safe_psql('postgres', 'CREATE EXTENSION ecml');
is($node->safe_psql('postgres', q(SELECT count(*) FROM pg_extension WHERE extname = 'ecml')), '1', 'it comes back');

# A role without special rights uses it, and may not load other libraries through it.
$node->safe_psql('postgres', 'CREATE ROLE analyst LOGIN');
($ret, $out, $err) = $node->psql('postgres', 'SELECT count(*) FROM ecml.models', extra_params => [ '-U', 'analyst' ]);
is($ret, 0, 'any role may look at the models it may use') or diag $err;

$node->stop;
done_testing();
