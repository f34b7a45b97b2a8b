#!/usr/bin/env python3
"""P-values far out for test/pgtap/36_test_forms.sql, by mpmath with 60 digits from the data on: name, value.

python3 test/data/make_tails.py > test/data/tails.tsv

Rows i = 1 .. 400 with v = (i * 37 mod 101) / 8 + shift * (i mod 2), w = i * 53 mod 89, c = v / 2 + (i * 29 mod 31); of three groups
v = (i * 37 mod 101) / 8 + shift * (i mod 3).  Shifts 1, 4, 12, 40: from about 0.01 to below 1e-200.
"""
from fractions import Fraction as F

import mpmath as mp

mp.mp.dps = 60
N = 400
I = range(1, N + 1)
out = {}


def m(x):
    return mp.mpf(x.numerator) / x.denominator if isinstance(x, F) else mp.mpf(x)


def mean(x):
    return sum(x) / F(len(x))


def cov(x, y):
    mx, my = mean(x), mean(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y)) / F(len(x) - 1)


def t_p(t, df):
    return mp.betainc(df / 2, mp.mpf(1) / 2, 0, df / (df + t * t), regularized=True)


def f_p(f, a, b):
    return mp.betainc(m(b) / 2, m(a) / 2, 0, b / (b + a * f), regularized=True)


def normal_p(z):
    return mp.erfc(abs(z) / mp.sqrt(2))


def welch(d, va, na, vb, nb):
    v = va + vb
    return t_p(d / mp.sqrt(v), v * v / (va * va / (na - 1) + vb * vb / (nb - 1)))


for shift in (1, 4, 12, 40):
    v = {i: F(i * 37 % 101, 8) + shift * (i % 2) for i in I}
    w = {i: F(i * 53 % 89 + 20) for i in I}
    c = {i: v[i] / 2 + i * 29 % 31 for i in I}
    a = [i for i in I if i % 2 == 0]
    b = [i for i in I if i % 2 == 1]
    va, vb = [v[i] for i in a], [v[i] for i in b]
    d = m(mean(va) - mean(vb))
    sa, sb = m(cov(va, va)), m(cov(vb, vb))
    out[f"welch.{shift}"] = welch(d, sa / len(a), len(a), sb / len(b), len(b))
    pooled = ((len(a) - 1) * sa + (len(b) - 1) * sb) / (N - 2)
    out[f"student.{shift}"] = t_p(d / mp.sqrt(pooled * (mp.mpf(1) / len(a) + mp.mpf(1) / len(b))), mp.mpf(N - 2))
    # paired v against w, one sample against 30
    diff = [v[i] - w[i] + 50 for i in I]
    out[f"paired.{shift}"] = t_p(m(mean(diff)) / mp.sqrt(m(cov(diff, diff)) / N), mp.mpf(N - 1))
    # CUPED: v less what c explains (c moves with the group, too, so that the effect is what is left)
    ca, cb = [c[i] for i in a], [c[i] for i in b]
    theta = ((len(a) - 1) * cov(ca, va) + (len(b) - 1) * cov(cb, vb)) / ((len(a) - 1) * cov(ca, ca) + (len(b) - 1) * cov(cb, cb))
    ra, rb = [v[i] - theta * c[i] for i in a], [v[i] - theta * c[i] for i in b]
    out[f"cuped.{shift}"] = welch(m(mean(ra) - mean(rb)), m(cov(ra, ra)) / len(a), len(a), m(cov(rb, rb)) / len(b), len(b))
    # a ratio of sums, v by w
    parts = []
    for g in (a, b):
        y, x = [v[i] for i in g], [w[i] for i in g]
        r = mean(y) / mean(x)
        z = [p - r * q for p, q in zip(y, x)]
        parts.append((m(r), m(cov(z, z) / mean(x) ** 2) / len(g), len(g)))
    out[f"ratio.{shift}"] = welch(parts[0][0] - parts[1][0], *parts[0][1:], *parts[1][1:])
    # three groups
    u = {i: F(i * 37 % 101, 8) + shift * (i % 3) for i in I}
    groups = [[u[i] for i in I if i % 3 == g] for g in range(3)]
    all_mean = mean(list(u.values()))
    between = sum(len(g) * (mean(g) - all_mean) ** 2 for g in groups)
    within = sum((len(g) - 1) * cov(g, g) for g in groups)
    out[f"anova.{shift}"] = f_p(m(between / 2 / (within / (N - 3))), 2, N - 3)
    weights = [len(g) / cov(g, g) for g in groups]
    centre = sum(k * mean(g) for k, g in zip(weights, groups)) / sum(weights)
    lack = sum((1 - k / sum(weights)) ** 2 / (len(g) - 1) for k, g in zip(weights, groups))
    f = sum(k * (mean(g) - centre) ** 2 for k, g in zip(weights, groups)) / 2 / (1 + F(2, 8) * lack)
    out[f"welch_anova.{shift}"] = f_p(m(f), 2, m(8 / (3 * lack)))
    # correlation of v with the group's number and a bit of w
    x = [F(i % 2) * shift + w[i] / 50 for i in I]
    y = [v[i] for i in I]
    r = m(cov(x, y)) / mp.sqrt(m(cov(x, x)) * m(cov(y, y)))
    out[f"pearson.{shift}"] = t_p(r * mp.sqrt((N - 2) / (1 - r * r)), mp.mpf(N - 2))
    # Mann-Whitney, normal approximation with ties and correction for continuity
    order = sorted(y)
    first, last = {}, {}
    for k, value in enumerate(order):
        first.setdefault(value, k + 1)
        last[value] = k + 1
    rank = {value: F(first[value] + last[value], 2) for value in first}
    ties = sum((last[value] - first[value] + 1) ** 3 - (last[value] - first[value] + 1) for value in first)
    big = sum(rank[v[i]] for i in a) - F(len(a) * (len(a) + 1), 2)
    variance = F(len(a) * len(b), 12) * (N + 1 - F(ties, N * (N - 1)))
    out[f"mannwhitney.{shift}"] = normal_p((abs(m(big) - len(a) * len(b) / 2) - 0.5) / mp.sqrt(m(variance)))

# tables: rows x columns of counts
for k in (1, 3, 10, 40):
    table = [[100 + 5 * k, 100 - k], [100 - 2 * k, 100 + k * 3]]
    total = F(sum(map(sum, table)))
    rows = [sum(r) for r in table]
    columns = [sum(col) for col in zip(*table)]
    chi = sum((table[i][j] - rows[i] * columns[j] / total) ** 2 / (rows[i] * columns[j] / total) for i in range(2) for j in range(2))
    out[f"chi2.{k}"] = mp.erfc(mp.sqrt(m(chi) / 2))
    fisher = lambda x: mp.binomial(rows[0], x) * mp.binomial(rows[1], columns[0] - x) / mp.binomial(int(total), columns[0])
    low, high = max(0, columns[0] - rows[1]), min(rows[0], columns[0])
    at = fisher(table[0][0])
    out[f"fisher.{k}"] = sum(p for p in (fisher(x) for x in range(low, high + 1)) if p <= at * (1 + mp.mpf("1e-7")))
    n = 1000
    xa, xb = 300 + 3 * k, 300 - 7 * k
    pa, pb, pool = mp.mpf(xa) / n, mp.mpf(xb) / n, mp.mpf(xa + xb) / (2 * n)
    out[f"prop.{k}"] = normal_p((pa - pb) / mp.sqrt(pool * (1 - pool) * 2 / n))
    counts = [1000 + 20 * k, 1000 - 15 * k, 1000]
    e = mp.mpf(sum(counts)) / 3
    out[f"srm.{k}"] = mp.gammainc(1, sum((x - e) ** 2 / e for x in counts) / 2, mp.inf, regularized=True)

# complete separation: exact p-values in closed form
for n in (3, 8, 30, 300):
    out[f"ks.{n}"] = 2 / mp.binomial(2 * n, n)
for n in (3, 8, 20):
    out[f"mannwhitney_exact.{n}"] = 2 / mp.binomial(2 * n, n)
for n in (5, 10, 20):
    out[f"kendall_exact.{n}"] = 2 / mp.factorial(n)
    out[f"wilcoxon_exact.{n}"] = 2 / mp.mpf(2) ** n

for name, value in out.items():
    if value < mp.mpf("1e-300"):
        continue  # no double
    print(f"{name}\t{mp.nstr(value, 17)}")
