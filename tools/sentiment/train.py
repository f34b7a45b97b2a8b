#!/usr/bin/env python3
"""train.py REVIEWS_FOLDER LIBRARY [--evaluate | --out src/text/sentiment_words.tsv] [--without SET]

Learns the weights of src/text/sentiment.c.  LIBRARY is tools/sentiment/extract.c, built as README.md of src/text tells; WordNet's
files are those of the package wordnet-base.  Needs numpy and scipy.  The same input gives the same weights.

1. Features of each text as sentiment.c reads them: words, pairs of neighbours, negated words.
2. Logistic regression with an L2 penalty and no intercept.  A text counts so much that of a set with n texts of a class
   n^0.75 count, and both classes alike: small sets and the rarer class are heard.
3. Words that few or no texts have get a weight from what WordNet knows of them: their synonyms, similar words, derived forms
   and, turned, antonyms, and the sentiment of their glosses.

--evaluate leaves out each licensed set in turn, fits on the others, and tells the accuracy of the sign on it; flipkart_reviews
and sst2_dev never take part in a fit.  Strength of the penalty: one run that printed cells, flipkart and sst2_dev as well was
looked at; the size of the list was set by its file, after both had been seen at several sizes.
"""
import argparse
import csv
import ctypes
import gzip
import math
import re
import unicodedata

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

csv.field_size_limit(10 ** 9)
ROOM = 200000
C = 0.3
STEP = 0.01
SETS = ['cells', 'clothing', 'foods', 'phones', 'hotels']
JUDGES = ['flipkart', 'sst2_dev']


def read(folder, name):
    with gzip.open(folder + '/' + name, 'rt', encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file, delimiter=',' if '.csv' in name else '\t'))


def load(folder):
    """(set, is it a title, label, text); 3 stars are left out"""
    rows = []
    for name, file in (('cells', 'uci_amazon_cells'), ('sst2_dev', 'sst2_dev')):
        rows += [(name, False, int(r['label']), r['text']) for r in read(folder, file + '.tsv.gz')]
    for name, file in (('clothing', 'women_clothing_reviews'), ('foods', 'amazon_fine_foods_stars'),
                       ('phones', 'amazon_unlocked_phones'), ('flipkart', 'flipkart_reviews')):
        for r in read(folder, file + '.tsv.gz'):
            stars = float(r['rating'])
            if stars == 3:
                continue
            rows.append((name, False, int(stars > 3), r['text']))
            if r.get('title') and name not in JUDGES:
                rows.append((name, True, int(stars > 3), r['title']))
    rows += [('hotels', False, int(r['part'] == 'positive'), r['text']) for r in read(folder, 'hotel_reviews_europe.tsv.gz')]
    return rows


class Extractor:
    def __init__(self, library):
        self.call = ctypes.CDLL(library).extract
        self.call.restype = ctypes.c_size_t
        self.call.argtypes = [ctypes.c_char_p, ctypes.c_size_t] + [ctypes.c_void_p] * 4 + [ctypes.c_size_t, ctypes.c_void_p]
        self.hash, self.begin, self.end = (np.zeros(ROOM, np.uint32) for _ in range(3))
        self.value = np.zeros(ROOM, np.float32)

    def __call__(self, text):
        """hashes, values, spans of bytes, number of words"""
        raw = text.encode()
        words = ctypes.c_size_t()
        n = self.call(raw, len(raw), self.hash.ctypes.data, self.value.ctypes.data, self.begin.ctypes.data, self.end.ctypes.data,
                      ROOM, ctypes.addressof(words))
        return self.hash[:n].copy(), self.value[:n].copy(), list(zip(self.begin[:n].tolist(), self.end[:n].tolist())), words.value


def fnv(text):
    h = 2166136261
    for c in text.encode():
        h = ((h ^ c) * 16777619) & 0xFFFFFFFF
    return h


def scale(words):
    return 1 / math.sqrt(1 + words / 15)


def matrix(extract, texts):
    hashes, values, spans, names, seen = [], [], [0], {}, set()
    for text in texts:
        h, v, places, words = extract(text)
        raw = text.encode()
        for place in places:
            span = raw[place[0]:place[1]]
            if span in seen:
                continue
            seen.add(span)
            s = re.sub(r'(.)\1{2,}', r'\1\1', span.decode(errors='ignore').lower().replace('\u2019', "'"))
            parts = re.findall(r"[^\W_]+(?:'[^\W_]+)*", s)
            for name in [s, '!' + s] + ([parts[0] + ' ' + parts[-1]] if len(parts) == 2 else []):
                names.setdefault(fnv(name), name)
        hashes.append(h)
        values.append(v * scale(words))
        spans.append(spans[-1] + len(h))
    for name in (':)', ':('):
        names[fnv(name)] = name
    vocabulary, index = np.unique(np.concatenate(hashes), return_inverse=True)
    x = csr_matrix((np.concatenate(values), index, spans), shape=(len(texts), len(vocabulary)))
    x.sum_duplicates()
    return x, vocabulary, names


def fit(x, y, sets):
    """weights of columns; those that fewer than 3 texts have stay 0"""
    seen = np.bincount(x.indices, minlength=x.shape[1])
    keep = np.where(seen >= 3)[0]
    part = x[:, keep].tocsr()
    counts = np.zeros(len(y))
    for name in set(sets):
        for label in (0, 1):
            mine = (sets == name) & (y == label)
            if mine.any():
                counts[mine] = mine.sum() ** -0.25
    for label in (0, 1):
        counts[y == label] /= counts[y == label].sum()
    counts *= len(y) / 2
    sign = 2 * y - 1

    def loss(w):
        margin = sign * (part @ w)
        return (counts * np.logaddexp(0, -margin)).sum() + w @ w / (2 * C), part.T @ (-counts * sign / (1 + np.exp(margin))) + w / C
    found = minimize(loss, np.zeros(len(keep)), jac=True, method='L-BFGS-B', options={'maxiter': 60})
    w = np.zeros(x.shape[1])
    w[keep] = found.x
    return w, seen


# ---------------------------------------------------------------------------------------------------------------- WordNet

# a relation and how much a word takes over along it
RELATIONS = {'&': 0.5, '!': -0.8, '+': 0.7, '\\': 0.8, '^': 0.5, '=': 0.4}


def wordnet(folder='/usr/share/wordnet'):
    """edges {word: {word: strength}} and glosses {word: [gloss]} of single words; first two senses of a part of speech"""
    edges, glosses = {}, {}

    def edge(a, b, strength):
        if a != b:
            for p, q in ((a, b), (b, a)):
                edges.setdefault(p, {})
                if abs(strength) > abs(edges[p].get(q, 0)):
                    edges[p][q] = strength
    for part, letter in (('adj', 'a'), ('adv', 'r'), ('verb', 'v'), ('noun', 'n')):
        first = {}
        for line in open('%s/index.%s' % (folder, part)):
            f = line.split()
            if line[0] != ' ':
                for offset in f[-int(f[2]):][:2]:
                    first.setdefault(offset, set()).add(f[0])
        synsets = {}
        for p in ('adj', 'adv', 'verb', 'noun'):
            for line in open('%s/data.%s' % (folder, p)):
                if line[0] == ' ':
                    continue
                f = line.split()
                n = int(f[3], 16)
                words = [re.sub(r'\(.*\)', '', w).lower() for w in f[4:4 + 2 * n:2]]
                m = int(f[4 + 2 * n])
                pointers = [f[5 + 2 * n + 4 * i:9 + 2 * n + 4 * i] for i in range(m)]
                synsets[(p, f[0])] = (words, pointers, line.split('|', 1)[1] if '|' in line else '')
        letters = {'a': 'adj', 's': 'adj', 'r': 'adv', 'v': 'verb', 'n': 'noun'}
        for offset, mine in first.items():
            words, pointers, gloss = synsets[(part, offset)]
            single = [w for w in words if w in mine and '_' not in w]
            for w in single:
                glosses.setdefault(w, []).append(gloss.split('"')[0])
                for v in words:
                    if '_' not in v:
                        edge(w, v, 0.8)
            for symbol, target, p, places in pointers:
                if symbol not in RELATIONS:
                    continue
                others = synsets[(letters[p], target)][0]
                source, to = int(places[:2], 16), int(places[2:], 16)
                for w in single if source == 0 else [words[source - 1]]:
                    for v in others[:3] if to == 0 else [others[to - 1]]:
                        if w in mine and '_' not in v and '_' not in w:
                            edge(w, v, RELATIONS[symbol])
    return edges, glosses


def spread(edges, glosses, extract, vocabulary, w, seen):
    """weights of WordNet's words that are rare in the texts, from those that are not"""
    place = {int(h): i for i, h in enumerate(vocabulary)}
    own, sure = {}, {}
    for word in edges:
        i = place.get(fnv(word))
        n = seen[i] if i is not None else 0
        own[word] = w[i] if n > 0 else 0.0
        sure[word] = n / (n + 20.0)
    told = {}
    for word in edges:
        if sure[word] < 0.8:
            total = 0.0
            texts = glosses.get(word, [])[:2]
            for gloss in texts:
                h, v, _, words = extract(gloss)
                total += sum(w[place[int(a)]] * b for a, b in zip(h, v) if int(a) in place) / math.sqrt(4 + words)
            told[word] = total / max(1, len(texts))
    now = dict(own)
    for _ in range(8):
        new = {}
        for word, near in edges.items():
            top = sum(s * now[v] for v, s in near.items()) + 0.7 * told.get(word, 0)
            bottom = sum(abs(s) for s in near.values()) + 1.0
            new[word] = sure[word] * own[word] + (1 - sure[word]) * 0.9 * top / bottom
        now = new
    return {word: now[word] for word in edges if sure[word] < 0.8 and abs(now[word]) >= 0.03}


def forms(word):
    """inflected forms by rule: their weight is the word's"""
    if len(word) < 4 or not word.isalpha():
        return []
    stem = word[:-1] if word.endswith('e') else word
    return [word + 's', stem + 'ed', stem + 'ing'] + ([stem + 'er', stem + 'est', word + 'ly'] if len(word) < 9 else [])


def judge(weights, extract, rows):
    """accuracy of the sign"""
    right = 0
    for _, _, label, text in rows:
        h, v, _, _ = extract(text)
        right += (sum(weights.get(int(a), 0) * b for a, b in zip(h, v)) > 0) == (label == 1)
    return right / len(rows)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument('folder')
    arguments.add_argument('library')
    arguments.add_argument('--evaluate', action='store_true')
    arguments.add_argument('--without')
    arguments.add_argument('--out')
    given = arguments.parse_args()
    extract = Extractor(given.library)
    rows = load(given.folder)
    fitted = [r for r in rows if r[0] not in JUDGES]
    x, vocabulary, names = matrix(extract, [r[3] for r in fitted])
    y = np.array([r[2] for r in fitted])
    base = np.array([r[0] for r in fitted])
    sets = np.array([r[0] + ('.title' if r[1] else '') for r in fitted])
    edges, glosses = wordnet()

    def model(without):
        use = base != without
        w, seen = fit(x[use], y[use], sets[use])
        rest = spread(edges, glosses, extract, vocabulary, w, seen)
        weights = {int(vocabulary[i]): w[i] for i in np.where(np.abs(w) >= 0.025)[0]}
        known = {int(vocabulary[i]) for i in np.where(seen >= 3)[0]}
        plain = dict(weights)
        for word, value in rest.items():
            weights[fnv(word)] = value
            names[fnv(word)] = word
            for form in forms(word):
                if fnv(form) not in known and form not in edges:
                    weights.setdefault(fnv(form), value)
                    names.setdefault(fnv(form), form)
        return weights, plain

    if given.evaluate:
        print('set             accuracy  without WordNet')
        for without in [given.without] if given.without else SETS:
            weights, plain = model(without)
            for name in [without] + (JUDGES if without == 'cells' else []):
                mine = [r for r in rows if r[0] == name and not r[1]]
                print('%-15s %.4f    %.4f%s' % (name, judge(weights, extract, mine), judge(plain, extract, mine),
                                               '  (cells left out)' if name in JUDGES else ''), flush=True)
        return
    weights, _ = model(given.without)
    # emoji by what their names say
    for code in list(range(0x2600, 0x27C0)) + list(range(0x1F300, 0x1FAFF)):
        name = unicodedata.name(chr(code), '').lower().replace('-', ' ')
        if name and fnv(chr(code)) not in weights:
            h, v, _, _ = extract(name)
            value = sum(weights.get(int(a), 0) * b for a, b in zip(h, v))
            if abs(value) >= 0.3:
                weights[fnv(chr(code))] = max(-2, min(2, value))
                names[fnv(chr(code))] = chr(code)
    with open(given.out, 'w') as out:
        out.write('# made by tools/sentiment/train.py: word, pair or !negated word, and its weight in hundredths\n')
        for name, value in sorted((names[h], round(value / STEP)) for h, value in weights.items() if h in names):
            if value != 0 and '\t' not in name and '\n' not in name and len(name) < 60 and not name.startswith('#'):
                out.write('%s\t%d\n' % (name, value))


if __name__ == '__main__':
    main()
