# A physical standby predicts, evaluates and describes models, follows the primary's trainings, and says clearly that it does not
# train; so does a transaction that only reads.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Ecml;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$primary->append_conf('postgresql.conf', 'autovacuum = off');
$primary->start;
$primary->safe_psql('postgres', q(
	CREATE EXTENSION ecml;
	CREATE TABLE sales AS SELECT i AS id, i % 17 AS price, (ARRAY['a', 'b', 'c'])[i % 3 + 1] AS kind, 2 * (i % 17) + i % 3 AS sold
	FROM generate_series(1, 1000) AS i;
	SELECT ecml_train('line', 'linreg', 'sales', 'sold', ARRAY['price', 'kind']);
	SELECT ecml_train('groups', 'kmeans', 'sales', NULL, ARRAY['price', 'sold'], '{"k": 3}');));
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

my @reads = (
	q(SELECT md5(string_agg(encode(float8send(ecml_predict('line', price, kind)), 'hex'), ',' ORDER BY id)) FROM sales),
	q(SELECT md5(string_agg(ecml_classify('groups', price, sold), ',' ORDER BY id)) FROM sales),
	q(SELECT md5(string_agg(ecml_predict_interval('line', 0.9, price, kind)::text, ',' ORDER BY id)) FROM sales),
	q(SELECT md5(string_agg(c::text, ',' ORDER BY term)) FROM ecml_coefficients('line') AS c),
	q(SELECT md5(string_agg(c::text, ',' ORDER BY cluster)) FROM ecml_centroids('groups') AS c),
	q(SELECT ecml_model_info('line'), ecml_model_info('groups')),
	q(SELECT md5(ecml_load('line')::text), encode(float8send(ecml_predict(ecml_load('line'), 3, 'b')), 'hex')),
	q(SELECT ecml_evaluate('line', 'sales'), ecml_evaluate('groups', 'sales')),
	q(SELECT ecml_cross_validate('linreg', 'SELECT price, sold FROM sales', 'sold')),
	q(SELECT md5(string_agg(p::text, ',')) FROM ecml_cross_predict('linreg', 'SELECT id, price, sold FROM sales', 'sold', NULL, 'id') AS p),
	q(SELECT trial, options, metric, rank, error FROM ecml_tune('kmeans', 'SELECT price, sold FROM sales', NULL, NULL, '{"k": [2, 3, 700]}')),
	q(SELECT md5(string_agg(s::text, ',')) FROM ecml_kmeans_scan('sales', ARRAY['price', 'sold'], 2, 4) AS s),
	q(SELECT encode(float8send(ecml_predict(ecml_linreg('{}', sold, price), 5)), 'hex') FROM sales),
	q(SELECT (ecml_ttest(sold, kind)).p_value FROM sales WHERE kind < 'c'),
	q(SELECT * FROM ecml_describe('sales')),
	q(SELECT name, version, active FROM ecml.models ORDER BY 1, 2));
for my $read (@reads)
{
	is($standby->safe_psql('postgres', $read), $primary->safe_psql('postgres', $read), $read =~ s/^SELECT //r);
}

# What would write says so before it reads a row.
my %writes = (
	ecml_train => q(SELECT ecml_train('line', 'linreg', 'SELECT sold, price, pg_sleep(1)::text FROM sales', 'sold')),
	ecml_tune => q(SELECT ecml_tune('linreg', 'SELECT sold, price, pg_sleep(1)::text FROM sales', 'sold', NULL, '{"alpha": [1]}', '{"save": "line"}')),
	ecml_prepare => q(SELECT ecml_prepare('SELECT sold, price, pg_sleep(1)::text FROM sales', 'prepared', '{"scale": "standard"}')),
	ecml_retrain => q(SELECT ecml_retrain('line')),
	ecml_save => q(SELECT ecml_save('copy', ecml_load('line'))),
	ecml_activate => q(SELECT ecml_activate('line', 1)),
	ecml_drop_model => q(SELECT ecml_drop_model('line')),
	ecml_rename_model => q(SELECT ecml_rename_model('line', 'other')),
	ecml_grant => q(SELECT ecml_grant('line', 'public')),
	ecml_revoke => q(SELECT ecml_revoke('line', 'public')));
for my $server ([ 'on a standby', Ecml->new($standby) ], [ 'in a transaction that only reads', Ecml->new($primary) ])
{
	my ($where, $session) = @$server;

	for my $function (sort keys %writes)
	{
		$session->query('BEGIN READ ONLY');
		$session->query($writes{$function});
		is($session->sqlstate, '25006', "$function $where");
		like($session->messages, qr/cannot execute $function\(\) in a read-only transaction/, "$function $where: it says so");
		$session->query('ROLLBACK');
	}
	$session->quit;
}

# A session of the standby follows what the primary does, with a warm cache.
my $reader = Ecml->new($standby);
my $value = $reader->query(q(SELECT ecml_predict('line', 3, 'b')));
$primary->safe_psql('postgres', q(SELECT ecml_train('line', 'linreg', 'SELECT price, kind, 100 * sold AS sold FROM sales', 'sold')));
$primary->wait_for_catchup($standby);
cmp_ok(abs($reader->query(q(SELECT ecml_predict('line', 3, 'b'))) - 100 * $value), '<', 1e-6, 'a new version serves');
$primary->safe_psql('postgres', q(SELECT ecml_activate('line', 1)));
$primary->wait_for_catchup($standby);
is($reader->query(q(SELECT ecml_predict('line', 3, 'b'))), $value, 'the old version serves again');
$reader->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($reader->query(q(SELECT ecml_predict('line', 3, 'b'))), $value, 'a snapshot is taken');
$primary->safe_psql('postgres', q(SELECT ecml_drop_model('line')));
$primary->wait_for_catchup($standby);
is($reader->query(q(SELECT ecml_predict('line', 3, 'b'))), $value, 'and keeps the model that is dropped');
$reader->query('COMMIT');
$reader->query(q(SELECT ecml_predict('line', 3, 'b')));
is($reader->sqlstate, '42704', 'then it is gone');
$reader->quit;

# Promoted, it trains.
$standby->promote;
is($standby->safe_psql('postgres', q(SELECT version FROM ecml_train('line', 'linreg', 'sales', 'sold', ARRAY['price', 'kind']))), '1',
	'promoted, it trains');

$standby->stop;
$primary->stop;
done_testing();
