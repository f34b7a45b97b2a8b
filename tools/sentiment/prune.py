#!/usr/bin/env python3
"""prune.py IN REVIEWS_FOLDER > src/text/sentiment_words.tsv - leaves out small weights of train.py's list, so that it is about 1 MB

Least weights in hundredths: pairs 14, negated words 14, words of the reviews 3, other words of WordNet 3, their other forms 5.
"""
import re
import sys

from train import JUDGES, load

words = set()
for name, _, _, text in load(sys.argv[2]):
    if name not in JUDGES:
        words.update(re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower()))
lemmas = {line.split()[0] for part in ('adj', 'adv', 'verb', 'noun') for line in open('/usr/share/wordnet/index.' + part) if line[0] != ' '}
sys.stdout.reconfigure(encoding='utf-8')
for line in open(sys.argv[1], encoding='utf-8'):
    word, _, weight = line.rstrip('\n').partition('\t')
    if line.startswith('# '):
        print(line.rstrip('\n') + '; small ones left out by prune.py')
        continue
    least = 14 if ' ' in word or (word[0] == '!' and len(word) > 1) else 3 if word in words or not word.isascii() else 3 if word in lemmas else 5
    if abs(int(weight)) >= least:
        print(line.rstrip('\n'))
