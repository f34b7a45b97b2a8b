#!/usr/bin/env python3
"""Writes test/data/text/classes.tsv: texts with classes, and what scikit-learn makes of them.

Lines: "text", class, text; "p", case, number of the text, a probability for each class in sorted order.
Cases: naive Bayes with CountVectorizer; logistic regression with TfidfVectorizer, whose intercept is the coefficient of a column
of ones, as ecml's is.

    python3 test/data/text/make_text.py > test/data/text/classes.tsv      (scikit-learn 1.x)
"""
import random
import re

import numpy
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB, MultinomialNB

random.seed(4)
COMMON = "the a with for of and new great very 100 x2 Größe été".split()
TOPICS = {
    "shoes": "shoe running sole laces leather boot Trail size_42 ÉLAN".split(),
    "phones": "phone screen battery camera iPhone 64GB 5G charger Ёлка".split(),
    "books": "novel author pages cover story chapter Don't e-book 日本語".split(),
}
texts, classes = [], []
for i in range(90):
    c = random.choice(["shoes", "phones", "phones", "books"])
    words = [random.choice(TOPICS[c]) if random.random() < 0.6 else
             random.choice(COMMON if random.random() < 0.7 else TOPICS[random.choice(list(TOPICS))])
             for _ in range(random.randint(1, 14))]
    texts.append(random.choice([" ", ", ", "-"]).join(words))
    classes.append(c)
texts.append("!!! ??")
classes.append("books")
for text, c in zip(texts, classes):
    print("text", c, text, sep="\t")


def tell(case, p):
    for i, row in enumerate(p):
        print("p", case, i, *("%.12g" % v for v in row), sep="\t")


def bayes(case, model, **options):
    x = CountVectorizer(**options).fit_transform(texts)
    tell(case, model.fit(x, classes).predict_proba(x))


bayes("multinomial", MultinomialNB())
bayes("smooth", MultinomialNB(alpha=0.1, fit_prior=False))
bayes("bigrams", MultinomialNB(), ngram_range=(1, 2), min_df=2)
bayes("binary", MultinomialNB(), binary=True)
bayes("complement", ComplementNB())
bayes("norm", ComplementNB(norm=True))


def logistic(case, c, keep=None, **options):
    rows = [i for i in range(len(texts)) if keep is None or classes[i] in keep]
    x = TfidfVectorizer(**options).fit_transform([texts[i] for i in rows])
    x = hstack([x, csr_matrix(numpy.ones((len(rows), 1)))]).tocsr()
    model = LogisticRegression(C=c, fit_intercept=False, tol=1e-10, max_iter=100000)
    tell(case, model.fit(x, [classes[i] for i in rows]).predict_proba(x))


logistic("logistic", 1.0)
logistic("logistic bigrams", 10.0, ngram_range=(1, 2), sublinear_tf=True)
# characters of words alone, as ecml takes them
logistic("logistic characters", 3.0, analyzer="char_wb", ngram_range=(2, 4),
         preprocessor=lambda text: " ".join(re.findall(r"(?u)\b\w\w+\b", text.lower())))
logistic("logistic two", 5.0, keep=["phones", "shoes"])
