# Networks of pictures and their indexes moved and interrupted: a dump keeps embeddings to the bit, a standby answers, a training or an
# indexing that is cancelled leaves nothing behind, and two that index the same network do it one after the other.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Ecml;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
my $files = PostgreSQL::Test::Utils::tempdir;

$node->safe_psql('postgres', q(
	CREATE EXTENSION ecml;
	CREATE TABLE pictures AS SELECT i AS id, (ARRAY['flat', 'tall', 'diagonal'])[i % 3 + 1] AS kind,
		(SELECT array_agg((hashint4(i * 1009 + p) & 63) + CASE WHEN CASE i % 3 WHEN 0 THEN abs(p / 12 - 2 - i % 8) < 2 WHEN 1 THEN abs(p % 12 - 2 - i % 8) < 2
			ELSE abs(p % 12 - p / 12) < 2 END THEN 150 ELSE 0 END ORDER BY p) FROM generate_series(0, 143) p)::float4[] AS v FROM generate_series(1, 150) i;
	SELECT ecml_train('looks', 'cnn', 'SELECT v, kind FROM pictures', 'kind', options => '{"epochs": 3, "preset": "resnet8"}');
	SELECT ecml_image_index('looks', 'SELECT id, v FROM pictures');));

my %look = (
	'the nearest' => q(SELECT string_agg(id || ' ' || encode(float8send(similarity), 'hex'), ',' ORDER BY rank)
		FROM ecml_similar_images('looks', (SELECT v FROM pictures WHERE id = 7), 20)),
	embeddings => q(SELECT md5(string_agg(e::text, '|' ORDER BY block)) FROM ecml.embedding e),
	probabilities => q(SELECT md5(string_agg(ecml_probabilities('looks', v)::text, ',' ORDER BY id)) FROM pictures));
my %source = map { $_ => $node->safe_psql('postgres', $look{$_}) } keys %look;

# ---- a dump, a standby

for my $way ([ '-Fp', "$files/plain.sql" ], [ '-Fc', "$files/custom.dump" ])
{
	my ($format, $file) = @$way;

	$node->safe_psql('postgres', q(DROP DATABASE IF EXISTS copy));
	$node->safe_psql('postgres', q(CREATE DATABASE copy));
	command_ok([ 'pg_dump', $format, '-h', $node->host, '-p', $node->port, '-f', $file, 'postgres' ], "pg_dump $format");
	command_ok($format eq '-Fp' ? [ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-d', 'copy', '-f', $file ] :
			[ 'pg_restore', '--exit-on-error', '-h', $node->host, '-p', $node->port, '-d', 'copy', $file ], "restored from $format");
	is($node->safe_psql('copy', $look{$_}), $source{$_}, "$format: $_") for sort keys %look;
}
is($node->safe_psql('copy', q(SELECT version FROM ecml_retrain('looks'); SELECT count(*) FROM ecml.image_index)), "2\n2", 'trained and indexed again where it was restored');

$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', $look{$_}), $source{$_}, "a standby: $_") for sort keys %look;
my ($ret, $out, $err) = $standby->psql('postgres', q(SELECT ecml_image_index('looks', 'SELECT id, v FROM pictures')));
like($err, qr/cannot execute ecml_image_index\(\) in a read-only transaction/, 'it does not index');
$standby->stop;

# ---- cancelled, nothing is left behind

($ret, $out, $err) = $node->psql('postgres', q(SET statement_timeout = '300ms';
	SELECT ecml_image_index('looks', 'SELECT n * 1000 + id, v FROM pictures, generate_series(1, 10000) n')));
like($err, qr/statement timeout/, 'an indexing is cancelled');
is($node->safe_psql('postgres', $look{embeddings}), $source{embeddings}, 'and what was there stays');
($ret, $out, $err) = $node->psql('postgres', q(SET statement_timeout = '300ms';
	SELECT ecml_train('looks', 'cnn', 'SELECT v, kind FROM pictures', 'kind', options => '{"epochs": 10000}')));
like($err, qr/statement timeout/, 'a training is cancelled');
is($node->safe_psql('postgres', q(SELECT string_agg(version || ' ' || active, ',') FROM ecml.models)), '1 true', 'and leaves no version');

# ---- two at once

my @sessions = map { Ecml->new($node) } 1 .. 2;
$sessions[0]->query('BEGIN');
is($sessions[0]->query(q(SELECT rows FROM ecml_image_index('looks', 'SELECT id, v FROM pictures WHERE id <= 20'))), '20', 'one indexes');
$sessions[1]->begin(q(SELECT rows FROM ecml_image_index('looks', 'SELECT id, v FROM pictures WHERE id <= 30')));
ok(Ecml::wait_until(sub { $node->safe_psql('postgres', q(SELECT count(*) > 0 FROM pg_locks WHERE NOT granted)) eq 't' }), 'the second waits');
is($node->safe_psql('postgres', $look{'the nearest'}), $source{'the nearest'}, 'others find what is committed');
$sessions[0]->query('COMMIT');
is($sessions[1]->end, '30', 'and has the last word');
$_->quit for @sessions;
is($node->safe_psql('postgres', q(SELECT sum(array_length(ids, 1)) FROM ecml.embedding)), '30', 'nothing is left of the first');
is($node->safe_psql('postgres', q(SELECT ecml_drop_model('looks'); SELECT count(*) FROM ecml.embedding)), "\n0", 'a dropped model takes its embeddings along');

$node->stop;
done_testing();
