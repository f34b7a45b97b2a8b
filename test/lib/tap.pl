#!/usr/bin/env perl
# tap.pl NAME RESULT COMMAND ... - run one program that speaks TAP, count what it says, show what failed
#
# Writes "passed failed skipped" to the file RESULT and its whole output to RESULT.log.  A program that dies, or whose plan
# does not hold, counts as one failure more.
use strict;
use warnings;
use TAP::Parser;
use Time::HiRes 'time';

my ($name, $result, @command) = @ARGV;
my $started = time;
my $parser = TAP::Parser->new({ exec => \@command, merge => 1 });

my (@failures, @reasons, @lines, $failing);
open my $log, '>', "$result.log" or die "$result.log: $!";
while (my $line = $parser->next)
{
	my $text = $line->as_string;

	print $log "$text\n";
	push @lines, $text;
	shift @lines if @lines > 40;
	if ($line->is_test)
	{
		$failing = !$line->is_ok;
		push @failures, $text if $failing;
		push @reasons, $line->explanation if $line->has_skip;
	}
	elsif ($failing && @failures < 300)
	{
		push @failures, $text;
	}
}
my $skipped = () = $parser->skipped;
my $failed = () = $parser->failed;
my $passed = $parser->passed - $skipped;
if (defined $parser->skip_all)
{
	push @reasons, $parser->skip_all;
	$skipped = 1;
}
my $wait = $parser->wait;
my @broken = grep { !/^Failed/ } $parser->parse_errors;
push @broken, 'killed by signal ' . ($wait & 127) if $wait & 127;
push @broken, 'out of time' if $wait >> 8 == 124;
push @broken, 'exit status ' . ($wait >> 8) if $wait >> 8 && $wait >> 8 != 124 && !$failed;
if (@broken)
{
	push @failures, @lines unless $failed;
	push @failures, join('; ', @broken);
	$failed ||= 1;
}
close $log;
open my $out, '>', $result or die "$result: $!";
print $out "$passed $failed $skipped\n";
close $out;

my %seen;
my $text = sprintf "%-8s %-40s %5d passed", $failed ? 'FAILED' : 'ok', $name, $passed;
$text .= ", $failed failed" if $failed;
$text .= ", $skipped skipped" if $skipped;
$text .= sprintf "  (%.1f s)\n", time - $started;
$text .= "         skipped: $_\n" for grep { !$seen{$_}++ } @reasons;
$text .= "         $_\n" for @failures;
syswrite STDOUT, $text;
exit($failed ? 1 : 0);
