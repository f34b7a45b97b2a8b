#!/usr/bin/env python3
"""Writes src/text/letters.inc: which characters words are made of, and their small forms, from Python's Unicode tables.

A character of a word is what Python's re calls \\w (a letter, a digit of any kind, the underscore), because scikit-learn's
tokens are made of these.  Small forms of one character only.

    python3 tools/make_letters.py > src/text/letters.inc
"""
import sys
import unicodedata

LIMIT = 0x110000


def word_ranges():
    ranges, start = [], None
    for c in range(LIMIT + 1):
        inside = c < LIMIT and (chr(c).isalnum() or c == ord('_'))
        if inside and start is None:
            start = c
        if not inside and start is not None:
            ranges.append((start, c - 1))
            start = None
    return ranges


def small_runs():
    pairs = [(c, ord(chr(c).lower()[0])) for c in range(LIMIT) if chr(c).lower() != chr(c)]
    runs, i = [], 0
    while i < len(pairs):
        first, small = pairs[i]
        best = (i, 1)
        for step in (1, 2):
            j = i
            while j + 1 < len(pairs) and pairs[j + 1][0] == pairs[j][0] + step and pairs[j + 1][1] - pairs[j + 1][0] == small - first:
                j += 1
            best = max(best, (j, step), key=lambda b: b[0])
        runs.append((first, pairs[best[0]][0], best[1], small - first))
        i = best[0] + 1
    return runs


def table(rows, form, per_line):
    cells = [form % row for row in rows]
    return "\n".join("\t" + " ".join(cells[i:i + per_line]) for i in range(0, len(cells), per_line))


print("/* made by tools/make_letters.py from Unicode %s: do not edit */" % unicodedata.unidata_version)
print("static const uint32_t word_ranges[][2] = {\n%s\n};\n" % table(word_ranges(), "{0x%X, 0x%X},", 6))
print("/* first, last, step, from capital to small */")
print("static const int32_t small_runs[][4] = {\n%s\n};" % table(small_runs(), "{0x%X, 0x%X, %d, %d},", 4))
