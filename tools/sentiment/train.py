#!/usr/bin/env python3
"""train.py REVIEWS_FOLDER LIBRARY [--evaluate [--without SET] | --out src/text/sentiment_words.tsv]

Learns the weights of src/text/sentiment.c.  LIBRARY is tools/sentiment/extract.c, built as README.md of src/text tells; WordNet's
files are those of the package wordnet-base.  Needs numpy and scipy.  The same input gives the same weights.

1. Features of each text as sentiment.c reads them: words, pairs of neighbours, with or without a word between, runs of three,
   negated words.
2. Logistic regression with an L2 penalty, weaker for what few texts have (by the logarithm of the texts over those that have it),
   on texts, and beside them on each sentence of the reviews, which takes over their stars: what a sentence says for itself is not left
   to what it stands beside.  A text counts so much that of a set with n texts n^0.7 count: small sets are heard.  Targets: 4 and 5 stars
   against 1 and 2; beside it, with a weight of LOWER each, more than 2 stars, more than 1 star.  Each target of a set has an intercept
   and a slope by the log of its texts' length, which take up how many of its texts are good, and are then left out.
   The loss is that of texts of which any feature may be missing (DROPOUT): in texts of another kind many are.
3. For each word WordNet has: what is known of its neighbours, that is its synonyms, similar words, derived and inflected forms
   and, turned, antonyms, and the sentiment of its glosses.
4. The regression twice more, with the features of some weight alone (KEEP), where the penalty draws a word towards what its neighbours
   say.  Words that fewer than 3 texts have get just that.
5. Small weights are left out (LEAST), so that the table stays in a processor's cache.

What is left out of the regression is put back as one prior for all texts: reviews of more than a few words are mostly good ones
(sentiment.c).  All constants here and in sentiment.c were chosen by the accuracy on the licensed sets, each left out of the fit.

--evaluate leaves out each licensed set in turn, fits on the others, and tells the accuracy of the sign on it; then, with all of them
in the fit, that on flipkart_reviews and sst2_dev, which never take part in one.  What is measured is the list as it would be written.
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
ROOM = 400000
C = 0.2
LOWER = 0.15
SENTENCE = 0.4                # how much the sentences of a set count beside its texts
TOTAL = 1.2                   # how much all texts count, by their number, against the penalty
DROPOUT = 0.5                 # q / (1 - q), where q is the chance of a feature to be missing
PRIOR, SHORT = 1.0, 20        # as in sentiment.c
STEP = 0.01
LARGEST = 1.27                # of phrases: their weights are of one byte
SETS = ['cells', 'clothing', 'foods', 'phones', 'hotels']
JUDGES = ['flipkart', 'sst2_dev']
REVIEWS = ['clothing', 'foods', 'phones']     # sets of texts of more than a sentence
# least weights of what takes part in the second regression: of words, of phrases and negated words
KEEP = {'word': 0.03, 'phrase': 0.04}
# least weights of the list: of pairs, with or without a word between, of runs of three, of negated words, of words of the reviews, of
# WordNet's, of their other forms
LEAST = {'pair': 0.08, 'run': 0.08, 'negated': 0.08, 'review': 0.03, 'wordnet': 0.06, 'form': 0.08}


def read(folder, name):
    with gzip.open(folder + '/' + name, 'rt', encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file, delimiter=',' if '.csv' in name else '\t'))


def load(folder):
    """(set, part of it, stars, text).  Parts have intercepts of their own: texts, titles, and texts of which it is known only whether they
    have five stars.  Of two-sided sets good is 5 and bad 1."""
    rows = []
    for name, file in (('cells', 'uci_amazon_cells'), ('sst2_dev', 'sst2_dev')):
        rows += [(name, 'text', 5 if int(r['label']) else 1, r['text']) for r in read(folder, file + '.tsv.gz')]
    for name, file in (('clothing', 'women_clothing_reviews'), ('foods', 'amazon_fine_foods_stars'),
                       ('phones', 'amazon_unlocked_phones'), ('flipkart', 'flipkart_reviews')):
        for r in read(folder, file + '.tsv.gz'):
            rows.append((name, 'text', float(r['rating']), r['text']))
            if r.get('title') and name not in JUDGES:
                rows.append((name, 'title', float(r['rating']), r['title']))
    rows += [('foods', 'five', 5 if r['score'] == 'great' else 2.5, r['review']) for r in read(folder, 'amazon_fine_foods_train.csv.gz')]
    rows += [('hotels', 'text', 5 if r['part'] == 'positive' else 1, r['text']) for r in read(folder, 'hotel_reviews_europe.tsv.gz')]
    return rows


def sentences(rows):
    """sentences of reviews, with the stars of the review"""
    found = []
    for name, part, stars, text in rows:
        if name in REVIEWS and part == 'text':
            parts = [s for s in re.split(r'(?<=[.!?])\s+|\n+', text) if s.strip()]
            found += [(name, 'sentence', stars, s) for s in parts] if len(parts) > 1 else []
    return found


class Extractor:
    def __init__(self, library):
        self.call = ctypes.CDLL(library).extract
        self.call.restype = ctypes.c_size_t
        self.call.argtypes = [ctypes.c_char_p, ctypes.c_size_t] + [ctypes.c_void_p] * 4 + [ctypes.c_size_t, ctypes.c_void_p]
        self.hash, self.begin, self.end = (np.zeros(ROOM, np.uint32) for _ in range(3))
        self.value = np.zeros(ROOM, np.float32)

    def __call__(self, text):
        """hashes, values with their scales, spans of bytes, number of words"""
        raw = text.encode()
        words = ctypes.c_size_t()
        n = self.call(raw, len(raw), self.hash.ctypes.data, self.value.ctypes.data, self.begin.ctypes.data, self.end.ctypes.data,
                      ROOM, ctypes.addressof(words))
        return self.hash[:n].copy(), self.value[:n].copy(), list(zip(self.begin[:n].tolist(), self.end[:n].tolist())), words.value


def word_hash(word):
    """of a word, eight bytes at a time (sentiment.c's hash_step and hash_end)"""
    raw, h = word.encode(), 0x8F14E45FCEEA167A
    for i in range(0, len(raw), 8):
        h = ((h ^ int.from_bytes(raw[i:i + 8], 'little')) * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        h ^= h >> 29
    return ((h * 0xD6E8FEB86659FD93) & 0xFFFFFFFFFFFFFFFF) >> 32


def hash_of(name):
    """as sentiment.c joins the words of a phrase"""
    first, *rest = ['!', name[1:]] if name[0] == '!' and len(name) > 1 else name.split(' ')
    h = word_hash(first)
    for word in rest:
        h = (h * 0x85EBCA6B + word_hash(word)) & 0xFFFFFFFF
    return h


def matrix(extract, texts):
    """values by text and feature, the features' hashes, words by text"""
    hashes, values, spans, lengths = [], [], [0], []
    for text in texts:
        h, v, _, words = extract(text)
        hashes.append(h)
        values.append(v)
        spans.append(spans[-1] + len(h))
        lengths.append(words)
    vocabulary, index = np.unique(np.concatenate(hashes), return_inverse=True)
    x = csr_matrix((np.concatenate(values).astype(np.float32), index, spans), shape=(len(texts), len(vocabulary)))
    x.sum_duplicates()
    return x, vocabulary, np.array(lengths, float)


def spellings(extract, texts, wanted):
    """{hash: how it is spelt} of features of texts; wanted: hashes, ascending"""
    names = {hash_of(name): name for name in (':)', ':(', '!', '?')}
    for text in texts:
        h, _, places, _ = extract(text)
        raw = text.encode()
        for i in np.where(wanted[np.minimum(np.searchsorted(wanted, h), len(wanted) - 1)] == h)[0]:
            value = int(h[i])
            if value in names:
                continue
            s = re.sub(r'([^\d])\1{2,}', r'\1\1', raw[places[i][0]:places[i][1]].decode(errors='ignore').lower().replace('\u2019', "'"))
            parts = re.findall(r"[^\W_]+(?:'[^\W_]+)*", s)
            for name in (s, '!' + s, ' '.join(parts), parts[0] + ' * ' + parts[-1] if parts else s):
                if name and hash_of(name) == value:
                    names[value] = name
    return names


def targets(rows, part, sets, stars):
    """(row, is it good, group, how much it counts) of each target of each part of a set"""
    found, groups = [], 0
    for name in sorted(set(zip(sets[rows], part[rows]))):
        mine = rows[(sets[rows] == name[0]) & (part[rows] == name[1])]
        many = len(mine) ** -0.3 * (SENTENCE if name[1] == 'sentence' else 1)
        if name[1] == 'five':
            bounds = [(mine, 4.5, 1)]
        elif set(stars[mine]) <= {1, 5}:
            bounds = [(mine, 3, 1)]
        else:
            bounds = [(mine[stars[mine] != 3], 3, 1), (mine, 2.5, LOWER), (mine, 1.5, LOWER)]
        for some, bound, weight in bounds:
            found.append((some, (stars[some] > bound) * 1.0, np.full(len(some), groups), np.full(len(some), many * weight)))
            groups += 1
    row, good, group, counts = (np.concatenate(column) for column in zip(*found))
    return row, good, group, counts * TOTAL * (part[rows] != 'sentence').sum() / counts.sum(), groups


def fit(x, rows, part, sets, stars, words, seen, keep, drawn, begin, steps):
    """weights of the columns keep; seen: how many texts, sentences not counted, have each; drawn: to where the penalty draws each; begin:
    where the steps start"""
    row, good, group, counts, groups = targets(rows, part, sets, stars)
    n = seen[keep]
    rare = np.log((len(rows) + 1) / n)
    rare /= math.sqrt((rare ** 2 * n).sum() / n.sum())
    p = x[rows][:, keep].tocsr()
    p.data *= rare[p.indices].astype(np.float32)
    turned = p.T.tocsr()
    square, turned_square = p.multiply(p).tocsr(), turned.multiply(turned).tocsr()
    place = np.zeros(x.shape[0], int)
    place[rows] = np.arange(len(rows))
    at = place[row]
    long = np.log1p(words[row]) - 3
    k = 2 * groups
    drawn, begin = drawn[keep] / rare, begin[keep] / rare

    def by_group(pull):
        return np.concatenate([np.bincount(group, pull, groups), np.bincount(group, pull * long, groups)])

    def by_text(values):
        return np.bincount(at, values, len(rows)).astype(np.float32)

    def loss(u):
        """with the mean of what texts lose whose features are missing by chance, to the second order (Wager, Wang, Liang 2013)"""
        w = u * scale
        v = w[k:].astype(np.float32)
        margin = (p @ v).astype(float)[at] + w[:groups][group] + w[groups:k][group] * long
        chance = 1 / (1 + np.exp(-np.clip(margin, -500, 500)))
        spread = (square @ (v * v)).astype(float)[at]
        both = DROPOUT * chance * (1 - chance)
        pull = counts * (chance - good + 0.5 * both * (1 - 2 * chance) * spread)
        away = w[k:] - drawn
        slope = np.concatenate([by_group(pull) + 1e-3 * w[:k],
                                turned @ by_text(pull) + v * (turned_square @ by_text(counts * both)) + away / C])
        return ((counts * (np.logaddexp(0, margin) - good * margin + 0.5 * both * spread)).sum() + away @ away / (2 * C) +
                5e-4 * w[:k] @ w[:k], slope * scale)

    # steps of about one size for all: by the second derivatives at a chance of 0.1 or 0.9
    scale = 1 / np.sqrt(np.concatenate([0.1 * np.bincount(group, counts, groups), 0.1 * np.bincount(group, counts * long ** 2, groups),
                                        0.1 * (turned_square @ by_text(counts)) + 1 / C]))
    fixed = (p @ begin.astype(np.float32)).astype(float)[at]

    def loss_of_sets(u):
        w = u * scale[:k]
        margin = fixed + w[:groups][group] + w[groups:][group] * long
        pull = counts * (1 / (1 + np.exp(-np.clip(margin, -500, 500))) - good)
        return (counts * (np.logaddexp(0, margin) - good * margin)).sum(), by_group(pull) * scale[:k]
    sets_begin = minimize(loss_of_sets, np.zeros(k), jac=True, method='L-BFGS-B', options={'maxiter': 20}).x
    found = minimize(loss, np.concatenate([sets_begin, begin / scale[k:]]), jac=True, method='L-BFGS-B', options={'maxiter': steps})
    w = np.zeros(x.shape[1])
    w[keep] = (found.x * scale)[k:] * rare
    return w


# ---------------------------------------------------------------------------------------------------------------- WordNet

# a relation and how much a word takes over along it
RELATIONS = {'&': 0.5, '!': -0.8, '+': 0.7, '\\': 0.8, '^': 0.5, '=': 0.4}
FORM = 0.7                    # between a word and its inflected forms


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


class Neighbours:
    """of WordNet's words and their forms"""

    def __init__(self, extract, place):
        edges, glosses, speech = wordnet()
        irregular = exceptions()
        self.words = list(edges)
        index = {word: i for i, word in enumerate(self.words)}
        self.lemmas = set(self.words)
        near = {(index[word], index[other]): strength for word, others in edges.items() for other, strength in others.items()}
        for word in list(self.words):
            for form in forms(word, speech.get(word, ()), irregular):
                if form not in index:
                    index[form] = len(self.words)
                    self.words.append(form)
                for pair in ((index[word], index[form]), (index[form], index[word])):
                    near[pair] = near.get(pair, 0) + FORM
        n = len(self.words)
        self.near = csr_matrix((list(near.values()), tuple(zip(*near))), shape=(n, n))
        self.column = np.array([place.get(word_hash(word), -1) for word in self.words])
        told = []
        for word in edges:
            texts = glosses.get(word, [])[:2]
            for gloss in texts:
                h, v, _, words = extract(gloss)
                told += [(b * math.sqrt((1 + words / 15) / (4 + words)) / len(texts), index[word], place[int(a)])
                         for a, b in zip(h, v) if int(a) in place]
        value, i, j = zip(*told)
        self.glosses = csr_matrix((value, (i, j)), shape=(n, len(place)))

    def say(self, w, seen):
        """of each word what its neighbours' weights say, those of few texts in turn by theirs"""
        known = self.column >= 0
        n, own = np.zeros(len(self.words)), np.zeros(len(self.words))
        n[known], own[known] = seen[self.column[known]], w[self.column[known]]
        sure = n / (n + 20)
        told = 0.7 * (self.glosses @ w)
        bottom = np.asarray(abs(self.near).sum(1)).ravel() + 1
        now = own
        for _ in range(8):
            say = 0.9 * (self.near @ now + told) / bottom
            now = sure * own + (1 - sure) * say
        return say


def accuracy(score, words, good):
    """of the sign"""
    return (((score + PRIOR * np.maximum(0, 1 - SHORT / np.maximum(words, 1))) > 0) == good).mean()


def kind(name):
    words = name.split(' ')
    if len(words) > 1:
        return 'run' if len(words) == 3 and words[1] != '*' else 'pair'
    return 'negated' if name[0] == '!' and len(name) > 1 else 'word'


class Data:
    def __init__(self, folder, library):
        self.extract = Extractor(library)
        rows = load(folder)
        rows += sentences(rows)
        self.texts = [r[3] for r in rows]
        self.sets, self.part = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
        self.stars = np.array([r[2] for r in rows], float)
        self.x, self.vocabulary, self.words = matrix(self.extract, self.texts)
        self.place = {int(h): i for i, h in enumerate(self.vocabulary)}
        self.neighbours = Neighbours(self.extract, self.place)

    def fit(self, rows, seen, keep, drawn, begin, steps):
        return fit(self.x, rows, self.part, self.sets, self.stars, self.words, seen, keep, drawn, begin, steps)

    def learnt(self, without):
        """(rows of the fit, how many of its texts have each column, weights of columns of the reviews alone), of all sets but this"""
        rows = np.where(~np.isin(self.sets, JUDGES + [without]))[0]
        seen = np.bincount(self.x[rows[self.part[rows] != 'sentence']].indices, minlength=self.x.shape[1])
        none = np.zeros(self.x.shape[1])
        return rows, seen, self.fit(rows, seen, np.where(seen >= 3)[0], none, none, 40)

    def model(self, without):
        """the list: {spelling: weight}"""
        rows, seen, w = self.learnt(without)
        near = self.neighbours
        keep = None
        for _ in range(2):
            say = near.say(w, seen)
            drawn = np.zeros(len(w))
            inside = (near.column >= 0) & (np.abs(say) >= 0.01)
            drawn[near.column[inside]] = say[inside]
            if keep is None:
                wanted = np.where((seen >= 3) & ((np.abs(w) >= min(KEEP.values()) - STEP / 2) | (drawn != 0)))[0]
                names = spellings(self.extract, [self.texts[i] for i in rows if self.part[i] != 'sentence'], self.vocabulary[wanted])
                names = {i: names[h] for i, h in ((i, int(self.vocabulary[i])) for i in wanted) if h in names}
                keep = np.array([i for i, name in names.items() if drawn[i] != 0 or
                                 abs(w[i]) >= KEEP['word' if kind(name) == 'word' else 'phrase'] - STEP / 2])
            w = self.fit(rows, seen, keep, drawn, w, 20)
        found = {names[i]: w[i] for i in keep}
        known = {names[i] for i in keep} | {word for word, column in zip(near.words, near.column) if column >= 0 and seen[column] >= 3}
        found.update((word, value) for word, value in zip(near.words, say) if word not in known)
        found = {name: max(-LARGEST, min(LARGEST, value)) if ' ' in name else value for name, value in found.items()}
        found = {name: round(value / STEP) * STEP for name, value in found.items() if len(name) < 60 and not re.search(r'[\t\n#]', name)}
        return {name: value for name, value in found.items() if abs(value) >= self.least(name, name in known) - 1e-9}

    def least(self, name, known):
        """the least weight of an entry of the list"""
        what = kind(name)
        if what == 'word':
            what = 'review' if known or not name.isascii() else 'wordnet' if name in self.neighbours.lemmas else 'form'
        return LEAST[what]

    def score(self, weights):
        columns = np.zeros(len(self.vocabulary))
        for name, value in weights.items():
            i = self.place.get(hash_of(name))
            if i is not None:
                columns[i] = value
        return self.x @ columns

    def tell(self, name, score):
        mine = (self.sets == name) & (self.part == 'text') & (self.stars != 3)
        return accuracy(score[mine], self.words[mine], self.stars[mine] > 3)


def emoji(extract, weights):
    """by what their names say"""
    by_hash = {hash_of(name): value for name, value in weights.items()}
    found = {}
    for code in list(range(0x2600, 0x27C0)) + list(range(0x1F300, 0x1FAFF)):
        name = unicodedata.name(chr(code), '').lower().replace('-', ' ')
        if name and chr(code) not in weights:
            h, v, _, _ = extract(name)
            value = sum(by_hash.get(int(a), 0) * b for a, b in zip(h, v))
            if abs(value) >= 0.3:
                found[chr(code)] = max(-2, min(2, value))
    return found


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument('folder')
    arguments.add_argument('library')
    arguments.add_argument('--evaluate', action='store_true')
    arguments.add_argument('--without')
    arguments.add_argument('--out')
    given = arguments.parse_args()
    data = Data(given.folder, given.library)
    if given.evaluate:
        print('set             accuracy   entries of the list')
        for without in [given.without] if given.without else SETS + [None]:
            weights = data.model(without)
            score = data.score(weights)
            for name in [without] if without else JUDGES:
                print('%-15s %.4f     %d' % (name, data.tell(name, score), len(weights)), flush=True)
        return
    weights = data.model(given.without)
    weights.update(emoji(data.extract, weights))
    with open(given.out, 'w', encoding='utf-8') as out:
        out.write('# made by tools/sentiment/train.py: a word, words of a phrase (*: any word) or a negated word (!), and its weight in hundredths\n')
        for name, value in sorted((name, round(value / STEP)) for name, value in weights.items()):
            out.write('%s\t%d\n' % (name, value))


if __name__ == '__main__':
    main()
