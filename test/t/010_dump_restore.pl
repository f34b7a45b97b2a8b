# A database with models is dumped and restored: models, versions, active flags, grants, owners and predictions are what they
# were, models kept in tables of users too, and new trainings get new numbers.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
my $files = PostgreSQL::Test::Utils::tempdir;

$node->safe_psql('postgres', q(
	CREATE ROLE analyst;
	CREATE ROLE guest;
	CREATE ROLE "Odd ""role""";
	CREATE DATABASE source;));
$node->safe_psql('source', q(
	CREATE EXTENSION ecml;
	GRANT ALL ON SCHEMA public TO PUBLIC;
	CREATE TABLE sales AS
	SELECT i AS id, i % 7 + i / 100.0 AS price, (ARRAY['red', 'green', 'Größe "M"', 'it''s'])[i % 4 + 1] AS colour,
		CASE WHEN i % 11 > 0 THEN i % 13 END AS stock, 3 * i + 20 * (i % 4) AS sold
	FROM generate_series(1, 500) AS i;
	GRANT SELECT ON sales TO PUBLIC;
	SELECT ecml_train('line', 'linreg', 'sales', 'sold', ARRAY['price', 'colour', 'stock'], '{"missing": "impute"}');
	SELECT ecml_train('line', 'linreg', 'sales', 'sold', ARRAY['price', 'colour', 'stock'], '{"missing": "impute", "alpha": 1}');
	SELECT ecml_train('line', 'linreg', 'sales', 'sold', ARRAY['price', 'colour', 'stock'], '{"missing": "impute", "alpha": 2}');
	SELECT ecml_activate('line', 2);
	SELECT ecml_grant('line', 'guest');
	SELECT ecml_grant('line', 'public');
	SET ROLE analyst;
	SELECT ecml_train('Gruppen', 'kmeans', 'SELECT price, sold FROM sales', options => '{"k": 4, "seed": 7}');
	SELECT ecml_grant('Gruppen', 'Odd "role"');
	RESET ROLE;
	-- a number is lost to a model that was dropped: it must not come back
	SELECT ecml_train('gone', 'linreg', 'SELECT price, sold FROM sales', 'sold');
	SELECT ecml_drop_model('gone');
	-- models as values, in a table, and read by a view that is filled while the dump is restored
	CREATE TABLE lines AS
	SELECT colour, ecml_linreg('{}', sold, price) AS line FROM sales GROUP BY colour;
	CREATE MATERIALIZED VIEW predicted AS
	SELECT id, ecml_predict('line', price, colour, stock) AS line, ecml_predict('Gruppen', price, sold) AS cluster FROM sales;
	-- states as values
	CREATE TABLE states AS
	SELECT colour, ecml_linreg_partial('{}', sold, ARRAY[price, stock]::float8[]) AS state FROM sales GROUP BY colour;));

# what must be the same; bits, not digits
my %look = (
	models => q(SELECT md5(string_agg(m::text, '|' ORDER BY model_id)), count(*) FROM ecml.model m),
	active => q(SELECT string_agg(format('%s %s %s %s', name, version, active, owner), ', ' ORDER BY name, version)
		FROM ecml.model),
	grants => q(SELECT string_agg(format('%s %s', name, role), ', ' ORDER BY name, role::text) FROM ecml.model_grant),
	predictions => q(SELECT md5(string_agg(encode(float8send(ecml_predict('line', price, colour, stock)), 'hex') ||
		ecml_predict('Gruppen', price, sold), ',' ORDER BY id)) FROM sales),
	'materialized view' => q(SELECT md5(string_agg(line || ' ' || cluster, ',' ORDER BY id)) FROM predicted),
	'models in a table' => q(SELECT md5(string_agg(encode(float8send(ecml_predict(line, 3.5)), 'hex'), ',' ORDER BY colour))
		FROM lines),
	'states in a table' => q(SELECT md5(string_agg(encode(float8send(estimate), 'hex'), ',' ORDER BY term))
		FROM states, LATERAL (SELECT ecml_linreg_merge(state) AS m FROM states) s, ecml_coefficients(s.m)),
	coefficients => q(SELECT md5(string_agg(c::text, ',' ORDER BY term)) FROM ecml_coefficients('line') c),
	information => q(SELECT md5(ecml_model_info('line')::text || ecml_model_info('Gruppen')::text)));
my %source = map { $_ => $node->safe_psql('source', $look{$_}) } keys %look;
is($source{active}, 'Gruppen 1 t analyst, line 1 f ' . $node->safe_psql('source', 'SELECT current_user')
	  . ', line 2 t ' . $node->safe_psql('source', 'SELECT current_user')
	  . ', line 3 f ' . $node->safe_psql('source', 'SELECT current_user'), 'what is dumped');
my $last = $node->safe_psql('source', 'SELECT last_value FROM ecml.model_model_id_seq');
my $host = $node->host;
my $port = $node->port;

sub check
{
	my ($database, $how) = @_;

	for my $what (sort keys %look)
	{
		is($node->safe_psql($database, $look{$what}), $source{$what}, "$how: $what");
	}
	# the identity sequence goes on
	is($node->safe_psql($database, q(
		SELECT (ecml_train('next', 'linreg', 'SELECT price, sold FROM sales', 'sold')).version;
		SELECT min(model_id) > ) . $last . q( FROM ecml.model WHERE name = 'next';)), "1\nt", "$how: a new training has a new number");
	is($node->safe_psql($database, q(SELECT version FROM ecml_retrain('line'))), '4', "$how: training again makes the next version");
	is($node->safe_psql($database, q(SET ROLE guest; SELECT count(*) FROM ecml.models WHERE name IN ('line', 'Gruppen'))), '4',
		"$how: a granted role sees its models");
	my ($ret, $out, $err) = $node->psql($database, q(SET ROLE guest; SELECT ecml_predict('Gruppen', 1, 1)));
	like($err, qr/permission denied for model/, "$how: and no others");
	return;
}

my %ways = (
	'pg_dump | psql' => sub {
		my ($database) = @_;
		command_ok([ 'pg_dump', '-h', $host, '-p', $port, '-f', "$files/plain.sql", 'source' ], 'pg_dump');
		command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-h', $host, '-p', $port, '-d', $database, '-f', "$files/plain.sql" ],
			'psql');
	},
	'pg_dump --inserts | psql' => sub {
		my ($database) = @_;
		command_ok([ 'pg_dump', '--inserts', '-h', $host, '-p', $port, '-f', "$files/inserts.sql", 'source' ], 'pg_dump --inserts');
		command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-h', $host, '-p', $port, '-d', $database, '-f', "$files/inserts.sql" ],
			'psql');
	},
	'pg_dump -Fc, pg_restore' => sub {
		my ($database) = @_;
		command_ok([ 'pg_dump', '-Fc', '-h', $host, '-p', $port, '-f', "$files/custom.dump", 'source' ], 'pg_dump -Fc');
		command_ok([ 'pg_restore', '--exit-on-error', '-h', $host, '-p', $port, '-d', $database, "$files/custom.dump" ], 'pg_restore');
	},
	'pg_dump -Fd, pg_restore -j' => sub {
		my ($database) = @_;
		command_ok([ 'pg_dump', '-Fd', '-j', '2', '-h', $host, '-p', $port, '-f', "$files/folder", 'source' ], 'pg_dump -Fd');
		command_ok([ 'pg_restore', '--exit-on-error', '-j', '2', '-h', $host, '-p', $port, '-d', $database, "$files/folder" ],
			'pg_restore -j');
	});
my $number = 0;
for my $how (sort keys %ways)
{
	my $database = 'copy' . ++$number;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$ways{$how}->($database);
	check($database, $how);
}

# A restored database is dumped in turn: nothing is lost or added on the second way.
command_ok([ 'pg_dump', '-h', $host, '-p', $port, '-t', 'ecml.*', '-t', 'public.*', '-f', "$files/second.sql", 'source' ],
	'pg_dump of chosen tables');
unlike(slurp_file("$files/second.sql"), qr/CREATE TABLE ecml\.model/, 'the catalog\'s tables come with the extension');

# In binary form: COPY through ecml_model_send and ecml_model_recv.
$node->safe_psql('source', "COPY lines TO '$files/lines.bin' WITH (FORMAT binary)");
is($node->safe_psql('source', "BEGIN; CREATE TABLE lines2 (LIKE lines); COPY lines2 FROM '$files/lines.bin' WITH (FORMAT binary);
	SELECT count(*) FROM lines JOIN lines2 USING (colour) WHERE lines.line::text = lines2.line::text"), '4', 'binary form');

$node->stop;
done_testing();
