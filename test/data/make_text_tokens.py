#!/usr/bin/env python3
"""make_text_tokens.py > text/tokens.txt - tokens of nltk.word_tokenize (NLTK 3.10.4, Punkt's English model)

A text on a line (\\n in it: a line's end), its tokens on the next, parted by tabs. The texts are made up here: sentences as
shops meet them, and random sequences of what the rules look at.
"""
import random

from nltk.tokenize.destructive import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer
from collections import defaultdict
from punkt.data import english

parameters = PunktParameters()
parameters.abbrev_types = set(english.ABBREV_TYPES)
parameters.sent_starters = set(english.SENT_STARTERS)
parameters.collocations = set(english.COLLOCATIONS)
parameters.ortho_context = defaultdict(int, english.ORTHO_CONTEXT)
sentences = PunktSentenceTokenizer()
sentences._params = parameters
words = NLTKWordTokenizer()

TEXTS = [
    "Good muffins cost $3.88\\nin New York.  Please buy me\\ntwo of them.\\n\\nThanks.",
    "They're the shop's best shoes; I can't say I'd've paid more!",
    '"Great!" she said. "I cannot wait (really)." \'Tis so.',
    "Mr. Smith of the U.S. office wrote on Jan. 5. He didn't like it... The end.",
    "Size 10, width 2.5:3, at 50% off -- wow!!! It's J. R. Brown's.",
    "Don’t buy “this” – it’s bad. »Nein« he said.",
    "I'm gonna wanna gimme more'n that, d'ye? 'Twas 'em 90's rock 'n' roll.",
    "It broke after 3 days.I want my money back.)And more.",
    "e.g. this, i.e. that, etc. And so on. Approx. 5 in. long vs. 6 in. wide.",
    "Works ok :) but ;-( not <b>great</b> & not @home #5 *really* [see 1] {x}",
    "No. 5 is the best. Ph.D. students agree. The dogs' toys. James' book.",
    "", " ", ".", "a", "...", "?!", "'", "''", "``x''", "Hello , world . \" ",
]
PARTS = ["'", '"', '`', '``', "''", '.', '..', '...', ',', ':', '!', '?', ' ', ' ', ' ', '\\n', '-', '--', "n't", "'s", "'re", "'tis", 'a', 'The', 'it',
         'cannot', 'wanna', 'gonna', "d'ye", '5', '$5', '(', ')', '[', ']', '<', '“', '”', '’', '‘', '«', '»', '—', '–', 'Mr.', 'J.', 'e.g.', 'U.S.',
         '*', '&', '%', ';', 'word', 'Word.', 'ok', '3.5', "'d", '\u00a0', 'é', 'vs.', "'ll", '٣', '😀', '_']
random.seed(1)
for _ in range(700):
    TEXTS.append(''.join(random.choice(PARTS) for _ in range(random.randint(1, 14))))
for text in TEXTS:
    real = text.replace('\\n', '\n')
    print(text)
    print('\t'.join(token for sentence in sentences.tokenize(real) for token in words.tokenize(sentence)))
