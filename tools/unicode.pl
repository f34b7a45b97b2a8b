#!/usr/bin/env perl
# unicode.pl > src/text/utf8_tables.h - classes and cases of the characters beyond ASCII, from Perl's tables of Unicode
#
# The output is committed: the tables must not depend on the Perl of the machine that builds.
use strict;
use warnings;
use feature 'unicode_strings';
use Unicode::UCD;

my ($SPACE, $DIGIT, $NUMBER, $LETTER, $EMOJI, $MARK) = (1, 2, 4, 8, 64, 128);

sub class
{
	my ($c) = @_;
	my $s = chr $c;
	return $SPACE if $s =~ /\p{White_Space}/;
	return $DIGIT if $s =~ /\p{Nd}/;
	return $NUMBER if $s =~ /\p{N}/;
	return $LETTER if $s =~ /\p{L}/;
	return $MARK if $s =~ /\p{M}/ || $c == 0x200D || $c == 0x200C || ($c >= 0x1F3FB && $c <= 0x1F3FF) || ($c >= 0xE0020 && $c <= 0xE007F);
	return $EMOJI if $s =~ /\p{Extended_Pictographic}/ || ($c >= 0x1F1E6 && $c <= 0x1F1FF);
	return 0;
}

# simple lower case; 0: none
sub lower
{
	my ($c) = @_;
	return 0x69 if $c == 0x130;
	my $l = lc chr $c;
	return length $l == 1 && ord $l != $c ? ord $l : 0;
}

my @classes;
my (@upper, @lower);
for my $c (0x80 .. 0x10FFFF)
{
	next if $c >= 0xD800 && $c < 0xE000;
	my $class = class($c);
	if ($class)
	{
		if (@classes && $classes[-1][1] == $c - 1 && $classes[-1][2] == $class) { $classes[-1][1] = $c }
		else { push @classes, [$c, $c, $class] }
	}
	push @upper, [$c, lower($c) - $c] if lower($c) && chr($c) =~ /\p{L}/;
	push @lower, [$c, 0] if chr($c) =~ /\p{Lowercase}/ && chr($c) =~ /\p{L}/ && !lower($c);
}

# [first, last, step, shift] from single ones in order
sub ranges
{
	my @out;
	for my $one (@_)
	{
		my ($c, $shift) = @$one;
		my $r = $out[-1];
		if ($r && $r->[3] == $shift && (($r->[0] == $r->[1] && $c - $r->[1] <= 2) || ($r->[0] != $r->[1] && $c - $r->[1] == $r->[2])))
		{
			$r->[2] = $c - $r->[1];
			$r->[1] = $c;
		}
		else
		{
			push @out, [$c, $c, 1, $shift];
		}
	}
	return @out;
}

sub table
{
	my ($type, $name, $format, @rows) = @_;
	print "\nstatic const $type $name\[] = {\n";
	my $line = "\t";
	for my $row (@rows)
	{
		my $item = sprintf $format, @$row;
		if (length($line) + length($item) > 124)
		{
			$line =~ s/ $//;
			print "$line\n";
			$line = "\t";
		}
		$line .= "$item, ";
	}
	$line =~ s/, $//;
	print "$line\n};\n";
}

print "/*\n * utf8_tables.h - made by tools/unicode.pl from Unicode ", Unicode::UCD::UnicodeVersion(), "; included by utf8.c alone\n */\n";
table('ClassRange', 'class_ranges', '{0x%X, 0x%X, %d}', @classes);
print "\n/* letters with a lower case, and where that is */";
table('CaseRange', 'upper_ranges', '{0x%X, 0x%X, %d, %d}', ranges(@upper));
print "\n/* lower-case letters */";
table('CaseRange', 'lower_ranges', '{0x%X, 0x%X, %d, %d}', ranges(@lower));
