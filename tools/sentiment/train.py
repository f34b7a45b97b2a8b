#!/usr/bin/env python3
"""train.py REVIEWS_FOLDER LIBRARY [--evaluate | --out src/text/sentiment_words.tsv] [--without SET]

Learns the weights of src/text/sentiment.c.  LIBRARY is tools/sentiment/extract.c, built as README.md of src/text tells; WordNet's
files are those of the package wordnet-base.  Needs numpy and scipy.  The same input gives the same weights.

1. Features of each text as sentiment.c reads them: words, pairs of neighbours, negated words.
2. Logistic regression with an L2 penalty.  A text counts so much that of a set with n texts n^0.75 count: small sets are heard.
   Each set has an intercept and a
   slope by the log of its texts' length, which take up how many of its texts are good, and are then left out.
3. Words that few or no texts have get a weight from what WordNet knows of them: their synonyms, similar words, derived forms
   and, turned, antonyms, and the sentiment of their glosses.

What is left out is put back as one prior for all texts: reviews of more than a few words are mostly good ones (sentiment.c).
PRIOR and SHORT were chosen by the mean accuracy on cells, clothing, foods and phones, each left out of the fit, which is flat around
them.

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
PRIOR, SHORT = 1.0, 20        # as in sentiment.c
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


def matrix(extract, texts, names=None):
    """scaled values by text and feature, the features' hashes, words by text; names: {hash: spelling}, filled"""
    hashes, values, spans, lengths, seen = [], [], [0], [], set()
    for text in texts:
        h, v, places, words = extract(text)
        raw = text.encode()
        for place in places if names is not None else []:
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
        lengths.append(words)
    for name in (':)', ':(') if names is not None else ():
        names[fnv(name)] = name
    vocabulary, index = np.unique(np.concatenate(hashes), return_inverse=True)
    x = csr_matrix((np.concatenate(values).astype(float), index, spans), shape=(len(texts), len(vocabulary)))
    x.sum_duplicates()
    return x, vocabulary, np.array(lengths, float)


def fit(x, y, sets, words):
    """weights of columns; those that fewer than 3 texts have stay 0"""
    seen = np.bincount(x.indices, minlength=x.shape[1])
    keep = np.where(seen >= 3)[0]
    part = x[:, keep].tocsr()
    counts = np.zeros(len(y))
    for name in set(sets):
        counts[sets == name] = (sets == name).sum() ** -0.25
    counts *= len(y) / counts.sum()
    turned = part.T.tocsr()
    # of each set its share of good texts, and how that changes with length: no matter of the words
    free = np.stack([column for name in sorted(set(sets)) for column in ((sets == name) * 1.0, (sets == name) * (np.log1p(words) - 3))], 1)
    k = free.shape[1]
    sign = 2 * y - 1

    def loss(w):
        margin = sign * (part @ w[k:] + free @ w[:k])
        pull = -counts * sign / (1 + np.exp(np.minimum(margin, 500)))
        return ((counts * np.logaddexp(0, -margin)).sum() + w[k:] @ w[k:] / (2 * C) + 5e-4 * w[:k] @ w[:k],
                np.concatenate([free.T @ pull + 1e-3 * w[:k], turned @ pull + w[k:] / C]))
    found = minimize(loss, np.zeros(k + len(keep)), jac=True, method='L-BFGS-B', options={'maxiter': 60})
    w = np.zeros(x.shape[1])
    w[keep] = found.x[k:]
    return w, seen


# ---------------------------------------------------------------------------------------------------------------- WordNet

# a relation and how much a word takes over along it
RELATIONS = {'&': 0.5, '!': -0.8, '+': 0.7, '\\': 0.8, '^': 0.5, '=': 0.4}


def wordnet(folder='/usr/share/wordnet'):
    """edges {word: {word: strength}}, glosses {word: [gloss]}, parts {word: parts of speech} of single words; first two senses of a part"""
    edges, glosses, speech = {}, {}, {}

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
                speech.setdefault(f[0], set()).add(letter)
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
    return edges, glosses, speech


def spread(edges, glosses, extract, place, w, seen):
    """weights of WordNet's words that are rare in the texts, from those that are not"""
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


def exceptions(folder='/usr/share/wordnet'):
    """irregular forms {part of speech: {word: [form]}}"""
    found = {}
    for part, letter in (('noun', 'n'), ('verb', 'v'), ('adj', 'a')):
        irregular = found.setdefault(letter, {})
        for line in open('%s/%s.exc' % (folder, part)):
            form, *words = line.split()
            for word in words:
                irregular.setdefault(word, []).append(form)
    return found


def forms(word, parts, irregular):
    """inflected forms of a word of these parts of speech: irregular ones as WordNet has them, others by rule where it has none"""
    if not word.isalpha() or not word.isascii() or len(word) < 3:
        return []
    y = word[:-1] + 'i' if word.endswith('y') and word[-2] not in 'aeiou' else None
    plural = y + 'es' if y else word + ('es' if word.endswith(('s', 'x', 'z', 'ch', 'sh')) else 's')
    out = []
    if 'n' in parts:
        out += irregular['n'].get(word) or [plural]
    if 'v' in parts:
        known = irregular['v'].get(word, [])
        out += known + [plural]
        if not any(form.endswith('ing') for form in known):
            out.append((word[:-1] if word.endswith('e') and not word.endswith(('ee', 'ye', 'oe')) else word) + 'ing')
        if not any(not form.endswith('ing') for form in known):
            out.append(word + 'd' if word.endswith('e') else (y or word) + 'ed')
    if 'a' in parts:
        out += irregular['a'].get(word, [])
    return [form for form in out if form.isalpha() and form != word]


def accuracy(score, words, label):
    """of the sign"""
    return (((score + PRIOR * np.maximum(0, 1 - SHORT / np.maximum(words, 1))) > 0) == (label == 1)).mean()


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
    names = {} if given.out else None
    x, vocabulary, words = matrix(extract, [r[3] for r in rows], names)
    y = np.array([r[2] for r in rows])
    base = np.array([r[0] for r in rows])
    title = np.array([r[1] for r in rows])
    sets = np.array([r[0] + ('.title' if r[1] else '') for r in rows])
    edges, glosses, parts = wordnet()
    irregular = exceptions()
    place = {int(h): i for i, h in enumerate(vocabulary)}

    def model(without):
        """weights by hash, and how they are spelt; those of the reviews alone"""
        use = ~np.isin(base, JUDGES + [without])
        w, seen = fit(x[use], y[use], sets[use], words[use])
        rest = spread(edges, glosses, extract, place, w, seen)
        weights = {int(vocabulary[i]): w[i] for i in np.where(np.abs(w) >= 0.025)[0]}
        known = {int(vocabulary[i]) for i in np.where(seen >= 3)[0]}
        spelt = {}
        for word, value in rest.items():
            weights[fnv(word)] = value
            spelt[fnv(word)] = word
            for form in forms(word, parts.get(word, ()), irregular):
                if fnv(form) not in known and form not in edges:
                    weights.setdefault(fnv(form), value)
                    spelt.setdefault(fnv(form), form)
        return weights, spelt, w

    if given.evaluate:
        print('set             accuracy  without WordNet')
        for without in [given.without] if given.without else SETS:
            weights, _, plain = model(without)
            all_of = np.zeros(len(vocabulary))
            for h, value in weights.items():
                if h in place:
                    all_of[place[h]] = value
            for name in [without] + (JUDGES if without == 'cells' else []):
                mine = (base == name) & ~title
                print('%-15s %.4f    %.4f%s' % (name, accuracy(x[mine] @ all_of, words[mine], y[mine]),
                                               accuracy(x[mine] @ plain, words[mine], y[mine]),
                                               '  (cells left out)' if name in JUDGES else ''), flush=True)
        return
    weights, spelt, _ = model(given.without)
    names.update(spelt)
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
