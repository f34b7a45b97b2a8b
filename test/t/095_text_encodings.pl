# Texts in databases of other encodings than UTF8: the functions of words convert and give back, models and search say that they
# need UTF8; SQL_ASCII is read as UTF-8 where it is, and broken bytes end nothing.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "shared_buffers = 16MB\nfsync = off");
$node->start;

sub in
{
	my ($database, $sql) = @_;
	my ($status, $out, $err) = $node->psql($database, $sql);
	return $status == 0 ? $out : ($err =~ /ERROR:  (.*)/ ? "ERROR $1" : "ERROR $err");
}

for my $encoding (qw(LATIN1 EUC_JP SQL_ASCII UTF8))
{
	my $database = lc $encoding;
	$node->safe_psql('postgres', "CREATE DATABASE $database ENCODING '$encoding' LOCALE 'C' TEMPLATE template0") unless $encoding eq 'UTF8';
	$database = 'postgres' if $encoding eq 'UTF8';
	$node->safe_psql($database, 'CREATE EXTENSION ecml');
	my $client = "SET client_encoding = 'UTF8'; ";
	# the same words, whatever they are kept as
	is(in($database, $client . q(SELECT ecml_tokenize('Don''t buy, "really"!'))), q({Do,n't,buy,",",``,really,'',!}), "$encoding: tokens");
	is(in($database, $client . q(SELECT ecml_lemmatize('The dogs ran'), ecml_sentiment('great phone') > 0)), '{the,dog,run}|t', "$encoding: lemmas, sentiment");
	is(in($database, q(SELECT ecml_stem('running shoes'), cardinality(ecml_minhash('shoe')), ecml_text_similarity('shoe', 'SHOE'))), 'run shoe|128|1', "$encoding: stems, likeness");
	if ($encoding eq 'LATIN1')
	{
		is(in($database, $client . q(SELECT ecml_tokenize('GRÖSSE: schön', '{"lowercase": true}'), length((ecml_tokenize('schön'))[1]))),
			"{gr\x{c3}\x{b6}sse,:,sch\x{c3}\x{b6}n}|5", 'LATIN1: letters come back as they are there');
		is(in($database, $client . q(SELECT phrase FROM ecml_aspects('The battery is très great'))), "The battery is tr\x{c3}\x{a8}s great", 'LATIN1: phrases');
	}
	is(in($database, $client . q(SELECT ecml_tokenize('良い。 good'))), "{\x{e8}\x{89}\x{af}\x{e3}\x{81}\x{84}\x{e3}\x{80}\x{82},good}", 'EUC_JP: of several bytes')
	  if $encoding eq 'EUC_JP';
	if ($encoding eq 'SQL_ASCII')
	{
		# overlong, cut off, surrogates, beyond Unicode, lone bytes
		my $broken = q(E'good \\xC0\\xAF \\xE2\\x82 \\xED\\xA0\\x80 \\xF5\\x80\\x80\\x80 \\x80\\xBF \\xF0\\x9F bad');
		like(in($database, "SELECT cardinality(ecml_tokenize($broken)), ecml_sentiment($broken) IS NOT NULL, cardinality(ecml_lemmatize($broken)), "
				. "cardinality(ecml_minhash($broken)), cardinality(ecml_sentences($broken))"), qr/^\d+\|t\|\d+\|128\|1$/, 'SQL_ASCII: bytes that are no UTF-8');
		is(in($database, "SELECT string_agg(encode(convert_to(x, 'SQL_ASCII'), 'hex'), '') FROM unnest(ecml_tokenize($broken)) x"),
			'676f6f64c0afe282eda080f580808080bff09f626164', 'SQL_ASCII: no byte is lost');
	}
	my $models = q(SELECT rows FROM ecml_train('m', 'text_logreg', $$VALUES ('good shoe', 'a'), ('bad lamp', 'b')$$, 'column2'));
	my $search = q(SELECT rows FROM ecml_search_index('s', $$VALUES (1, 'good shoe')$$));
	if ($encoding eq 'LATIN1' || $encoding eq 'EUC_JP')
	{
		is(in($database, $models), 'ERROR text_logreg needs a database in the encoding UTF8', "$encoding: models say what they need");
		is(in($database, $search), 'ERROR search needs a database in the encoding UTF8', "$encoding: search too");
		is(in($database, q(SELECT ecml_summarize('One. Two.', 1))), 'ERROR ecml_summarize needs a database in the encoding UTF8', "$encoding: summaries too");
	}
	else
	{
		is(in($database, $models), '2', "$encoding: models");
		is(in($database, $search), '1', "$encoding: search");
	}
}
$node->stop;
done_testing();
