#!/usr/bin/env perl
# tables.pl sentiment KINDS WORDS > src/text/sentiment_tables.h
# tables.pl lemmas WORDNET_FOLDER > src/text/lemma_tables.h
#
# Hash tables for the kernels, made at build time.
use strict;
use warnings;
no warnings "portable";

my $mode = shift // die "sentiment or lemmas\n";

sub fnv
{
	my $h = 2166136261;
	$h = (($h ^ $_) * 16777619) & 0xFFFFFFFF for unpack 'C*', $_[0];
	return $h;
}

# the hash of a word of a text: eight bytes at a time (sentiment.c's hash_step and hash_end)
sub word_hash
{
	use integer;
	my $h = 0x8F14E45FCEEA167A;
	for my $eight ($_[0] =~ /(.{1,8})/gs)
	{
		$h = ($h ^ unpack 'Q<', $eight . "\0" x (8 - length $eight)) * 0x9E3779B97F4A7C15;
		$h ^= ($h >> 29) & 0x7FFFFFFFF;
	}
	return (($h * 0xD6E8FEB86659FD93) >> 32) & 0xFFFFFFFF;
}

# a phrase: the hashes of its words joined one by one; "!good" is of two parts (sentiment.c's join)
sub hash_of
{
	my ($first, @rest) = $_[0] =~ /^!(.+)$/ ? ('!', $1) : split / /, $_[0];
	my $h = word_hash($first);
	$h = (product($h, 0x85EBCA6B) + word_hash($_)) & 0xFFFFFFFF for @rest;
	return $h;
}

# A table with one place for each hash, in which no two fall on one: hashes with the same low bits are a group, and of each the
# shift is searched with which its hashes fall on free places (hash, displace, and compress: Belazzougui et al. 2009), large groups
# first.  Prints places and shifts.  entry: how one is printed, by its hash and the rest.
sub one_place
{
	my ($prefix, $type, $entry, %entries) = @_;
	my $n = keys %entries;
	my $bits = 8;
	$bits++ while (1 << $bits) < 1.3 * $n;
	my ($groups, @shift, @table);
	SIZE: for (;; $bits++)
	{
		my @group;
		$groups = 1 << $bits - 2;
		@shift = (0) x $groups;
		@table = ();
		push @{$group[$_ & $groups - 1]}, $_ for sort { $a <=> $b } keys %entries;
		for my $g (sort { @{$group[$b]} <=> @{$group[$a]} || $a <=> $b } grep { defined $group[$_] } 0 .. $groups - 1)
		{
			for (;; $shift[$g]++)
			{
				next SIZE if $shift[$g] > 255;
				my $turn = product($shift[$g], 0xC2B2AE35);
				my %slots = map { slot($_ ^ $turn, $bits) => $_ } @{$group[$g]};
				next if keys %slots < @{$group[$g]} || grep { defined $table[$_] } keys %slots;
				$table[$_] = $slots{$_} for keys %slots;
				last;
			}
		}
		last;
	}
	my $macro = uc $prefix;
	print "#define ${macro}_BITS $bits\n#define ${macro}_GROUPS $groups\nstatic const uint8_t ${prefix}_shifts[${macro}_GROUPS] = {\n";
	lines('%d', @shift);
	print "};\nstatic const $type ${prefix}_entries[1 << ${macro}_BITS] = {\n";
	lines('[%d]=%s', map { [$_, $entry->($table[$_], @{$entries{$table[$_]}})] } grep { defined $table[$_] } 0 .. $#table);
	print "};\n";
}

# the low 32 bits of a product, in halves: it must not become a float
sub product
{
	my ($a, $b) = @_;
	return (($a & 0xFFFF) * $b + (((($a >> 16) * $b) & 0xFFFF) << 16)) & 0xFFFFFFFF;
}

sub slot
{
	my ($h, $bits) = @_;
	return product($h, 0x9E3779B1) >> (32 - $bits);
}

sub lines
{
	my ($format, @items) = @_;
	my $line = "\t";
	for my $item (@items)
	{
		my $text = sprintf "$format,", ref $item ? @$item : $item;
		if (length($line) + length($text) > 128)
		{
			print "$line\n";
			$line = "\t";
		}
		$line .= $text;
	}
	print "$line\n";
}

if ($mode eq 'sentiment')
{
	my ($kinds, $words) = @ARGV;
	my %kind = (negator => 1, stronger => 2, weaker => 3, contrast => 4, marker => 5);
	my (%weight, %flags);
	open my $in, '<:raw', $kinds or die "$kinds: $!\n";
	while (<$in>)
	{
		chomp;
		next if /^#/ || $_ eq '';
		my ($word, $name) = split /\t/;
		$flags{$word} = $kind{$name} // die "$kinds: no kind $name\n";
		$weight{$word} //= 0;
	}
	close $in;
	my $learns = 0;
	if (open $in, '<:raw', $words)
	{
		while (<$in>)
		{
			chomp;
			next if /^#/ || $_ eq '';
			my ($word, $w) = split /\t/;
			die "$words: $word: the weight of a phrase is of one byte\n" if $word =~ / / && abs $w > 127;
			$weight{$word} = $w;
			my ($begins, $flag) = $word =~ /^!(.+)$/ ? ($1, 16) : $word =~ /^(\S+) \* \S+$/ ? ($1, 32) :
				$word =~ /^(\S+) \S+ \S+$/ ? ($1, 64) : $word =~ /^(\S+) \S+$/ ? ($1, 8) : next;
			$flags{$begins} = ($flags{$begins} // 0) | $flag;
			$weight{$begins} //= 0;
		}
		close $in;
	}
	else
	{
		$learns = 1;
	}
	my (%single, %phrase);
	for my $name (sort keys %weight)
	{
		# of two with one hash the first stays
		($name =~ / / ? \%phrase : \%single)->{hash_of($name)} //= [$weight{$name}, $flags{$name} // 0];
	}
	print "/* sentiment_tables.h - made by tools/text/tables.pl */\n#define SENTIMENT_STEP 0.01\n",
		"#ifndef SENTIMENT_LEARNS\n#define SENTIMENT_LEARNS $learns\n#endif\n";
	one_place('sentiment', 'SentimentEntry', sub { sprintf '{%u,%d,%d}', @_ }, %single);
	# a phrase in four bytes: the upper 24 bits of its hash, its weight
	one_place('sentiment_phrase', 'uint32_t', sub { sprintf '%u', $_[0] & ~0xFF | $_[1] & 0xFF }, %phrase);
	# is there such a phrase? one bit for the low bits of its hash
	my $filter = 2048;
	$filter *= 2 while 64 * $filter < 4 * keys %phrase;
	my @seen = (0) x $filter;
	$seen[$_ >> 6 & $filter - 1] |= 1 << ($_ & 63) for keys %phrase;
	print "#define SENTIMENT_WORDS $filter\nstatic const uint64_t sentiment_bits[SENTIMENT_WORDS] = {\n";
	lines('UINT64_C(%u)', @seen);
	print "};\n";
}
elsif ($mode eq 'lemmas')
{
	my ($folder) = @ARGV;
	my @pos = (noun => 1, verb => 2, adj => 4, adv => 8);
	my (%lemma, %exception, %count);
	while (my ($name, $bit) = splice @pos, 0, 2)
	{
		open my $in, '<', "$folder/index.$name" or die "$folder/index.$name: $!\nDebian has it in the package wordnet-base.\n";
		while (<$in>)
		{
			next if /^ /;
			my ($word) = /^(\S+)/;
			# phrases are no words
			next if $word =~ /_/;
			$lemma{$word} = ($lemma{$word} // 0) | $bit;
		}
		close $in;
		open $in, '<', "$folder/$name.exc" or die "$folder/$name.exc: $!\n";
		while (<$in>)
		{
			my ($form, @to) = split;
			next if !defined $form || $form =~ /_/;
			$exception{$form}{$bit} = [@to];
		}
		close $in;
	}
	# how often each part of speech was met in the tagged corpus
	if (open my $in, '<', "$folder/cntlist.rev")
	{
		my %bit = (1 => 0, 2 => 1, 3 => 2, 4 => 3, 5 => 2);
		while (<$in>)
		{
			my ($word, $type, $n) = /^(\S+?)%(\d):\S* \d+ (\d+)/ or next;
			$count{$word}[$bit{$type}] += $n if exists $lemma{$word};
		}
		close $in;
	}
	# a word in the blob: length, bits of its parts of speech, 4 counts (logarithms), number of exceptions, bytes;
	# then for each exception: bits, length, bytes
	my $blob = '';
	my %at;
	for my $word (sort keys %{{%lemma, %exception}})
	{
		my @counts = map { my $n = $count{$word}[$_] // 0; my $l = 0; while ($n > 0 && $l < 15) { $l++; $n >>= 1 } $l } 0 .. 3;
		my @to;
		for my $bit (1, 2, 4, 8)
		{
			push @to, map { [$bit, $_] } @{$exception{$word}{$bit} // []};
		}
		my $has = 0;
		$has |= $_ for keys %{$exception{$word} // {}};
		next if length($word) > 255;
		$at{$word} = length $blob;
		$blob .= pack 'CCCCC', length $word, ($lemma{$word} // 0) | $has << 4, $counts[0] | $counts[1] << 4, $counts[2] | $counts[3] << 4, scalar @to;
		$blob .= $word;
		$blob .= pack 'CC/a', @$_ for @to;
	}
	my $n = keys %at;
	my $bits = 8;
	$bits++ while (1 << $bits) < 1.5 * $n;
	my @table = (0) x (1 << $bits);
	for my $word (sort keys %at)
	{
		my $slot = slot(fnv($word), $bits);
		$slot = ($slot + 1) & ((1 << $bits) - 1) while $table[$slot];
		$table[$slot] = $at{$word} + 1;
	}
	print "/* lemma_tables.h - made by tools/text/tables.pl from WordNet 3.0 (LICENSE tells its licence) */\n#define LEMMA_BITS $bits\n",
		"static const unsigned char lemma_blob[] = {\n";
	lines('%d', unpack 'C*', $blob);
	print "};\nstatic const uint32_t lemma_slots[1 << LEMMA_BITS] = {\n";
	lines('%d', @table);
	print "};\n";
}
