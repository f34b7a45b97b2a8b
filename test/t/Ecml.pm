# Ecml.pm - what the TAP tests share: a psql session that runs beside the test, and what a backend leaves behind.
package Ecml;

use strict;
use warnings;
use IPC::Run;
use Time::HiRes qw(time usleep);

# A session of node in database.  Errors come with their SQLSTATE.
sub new
{
	my ($class, $node, $database) = @_;
	my $self = bless { in => '', out => '', err => '', marks => 0 }, $class;

	# however slow the machine: each statement has a minute
	$self->{limit} = IPC::Run::timeout(60, exception => "no answer within 60 s\n");

	$self->{run} = IPC::Run::start(
		[
			$node->installed_command('psql'), '-XqAt', '-v', 'VERBOSITY=verbose', '-d',
			$node->connstr($database // 'postgres')
		],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err}, $self->{limit});
	$self->{pid} = $self->query('SELECT pg_backend_pid()');
	return $self;
}

sub pid { return $_[0]{pid} }

# Send a statement, and come back at once.
sub begin
{
	my ($self, $sql) = @_;

	$self->{out} = $self->{err} = '';
	$self->{mark} = 'mark ' . ++$self->{marks};
	$self->{in} .= "$sql;\n\\echo $self->{mark}\n";
	$self->{limit}->start(60);
	$self->{run}->pump_nb;
	return $self;
}

# Wait for it to end; what it printed.
sub end
{
	my ($self) = @_;

	while ($self->{out} !~ /^\Q$self->{mark}\E$/m)
	{
		last unless $self->{run}->pumpable;
		# select() wakes as soon as psql prints
		$self->{run}->pump;
	}
	$self->{out} =~ s/^\Q$self->{mark}\E\n//m;
	chomp(my $out = $self->{out});
	return $out;
}

sub query
{
	my ($self, $sql) = @_;

	return $self->begin($sql)->end;
}

# SQLSTATE of the last error, '' when there was none; and what all of it said.
sub sqlstate { return $_[0]{err} =~ /(?:ERROR|FATAL|PANIC):  (\w{5}):/ ? $1 : '' }
sub messages { return $_[0]{err} }

# Has the statement under way ended already?
sub ended
{
	my ($self) = @_;

	$self->{run}->pump_nb;
	return $self->{out} =~ /^\Q$self->{mark}\E$/m ? 1 : 0;
}

sub quit
{
	my ($self) = @_;

	$self->{in} .= "\\q\n";
	eval { $self->{run}->finish };
	return;
}

# An aggregate over memory contexts of the session: of the models in its cache, or of what else ecml has ('none' without).
# 18 tells a context's parent by a path of numbers, which hold within one reading of the view.
sub contexts
{
	my ($self, $what, $where) = @_;

	$self->{version} //= $self->query('SHOW server_version_num');
	my $view = $self->{version} < 180000 ? 'pg_backend_memory_contexts'
	  : '(WITH v AS MATERIALIZED (SELECT * FROM pg_backend_memory_contexts) SELECT v.name, v.total_bytes, p.name AS parent
		FROM v LEFT JOIN v p ON p.path = v.path[1:v.level - 1])';
	return $self->query("SELECT $what FROM $view c WHERE $where");
}

sub cached_models
{
	my ($self, $what) = @_;

	return $self->contexts($what, q(parent = 'ecml model cache'));
}

sub memory_left
{
	my ($self) = @_;

	return $self->contexts(q(coalesce(string_agg(name, ', '), 'none')),
		q(name LIKE 'ecml%' AND name <> 'ecml model cache' AND coalesce(parent, '') <> 'ecml model cache'));
}

# Threads of a process; undef without /proc.
sub threads
{
	my ($pid) = @_;

	opendir(my $dir, "/proc/$pid/task") or return undef;
	return scalar grep { /^\d+$/ } readdir $dir;
}

# Temporary files that lie in the cluster.
sub temporary_files
{
	my ($node) = @_;

	return map { s{.*/}{}r } glob($node->data_dir . '/base/pgsql_tmp/*');
}

# Wait until the server of node, of which backend pid was killed, takes connections again.  It takes some until it has noticed:
# that is before the pid is gone from /proc.  poll_query_until would write to a psql that may be gone already.
sub restarted
{
	my ($node, $pid) = @_;

	return wait_until(sub { !-d "/proc/$pid" }) && wait_until(sub {
		return IPC::Run::run([ $node->installed_command('psql'), '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT 1' ],
			'<', '/dev/null', '>', '/dev/null', '2>', '/dev/null');
	});
}

# Wait until the condition holds; false after some seconds.
sub wait_until
{
	my ($condition, $seconds) = @_;
	my $until = time + ($seconds // 60);

	while (!$condition->())
	{
		return 0 if time > $until;
		usleep(2000);
	}
	return 1;
}

1;
