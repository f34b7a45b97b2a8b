#!/usr/bin/env python3
"""Reference values for test/pgtap/35_report.sql, by SciPy and NumPy: name, value.

python3 test/data/make_report.py > test/data/report.tsv
"""
import numpy as np
from scipy import stats

i = np.arange(1, 121)
g = i % 4
v = (i * 37 % 101) + 3 * g + (i * i % 17) / 4
out = {}

for name, equal in (("tukey", True), ("games_howell", False)):
    r = stats.tukey_hsd(*[v[g == k] for k in range(4)], equal_var=equal)
    ci = r.confidence_interval(0.95)
    for a in range(4):
        for b in range(a + 1, 4):
            out[f"{name}.{a}.{b}.p"] = r.pvalue[a, b]
            out[f"{name}.{a}.{b}.low"] = ci.low[a, b]
            out[f"{name}.{a}.{b}.high"] = ci.high[a, b]

for n in (3, 4, 5, 6, 10, 11, 12, 40, 120):
    r = stats.shapiro(v[:n])
    out[f"shapiro.{n}.w"] = r.statistic
    out[f"shapiro.{n}.p"] = r.pvalue


def maritz_jarrett(x, p):
    x = np.sort(x)
    n = len(x)
    cdf = stats.beta.cdf(np.arange(n + 1) / n, (n + 1) * p, (n + 1) * (1 - p))
    w = np.diff(cdf)
    q = np.quantile(x, p)
    return q, np.sqrt(w @ (x - q) ** 2 - (w @ (x - q)) ** 2)


for p in (0.1, 0.5, 0.9):
    qa, sa = maritz_jarrett(v[i % 2 == 0], p)
    qb, sb = maritz_jarrett(v[i % 2 == 1], p)
    z = (qa - qb) / np.hypot(sa, sb)
    out[f"quantile.{p}.difference"] = qa - qb
    out[f"quantile.{p}.error"] = np.hypot(sa, sb)
    out[f"quantile.{p}.p"] = 2 * stats.norm.sf(abs(z))

# the report: variant i % 2 (control 0), stratum i % 3, covariate i * 53 % 89 (missing where i % 10 = 0), unit i / 5
treated = i % 2 == 1
x = (i * 53 % 89).astype(float)
missing = i % 10 == 0
y = v + 0.5 * x
stratum = i % 3


def welch(parts):
    """parts: (weight, estimate a, variance a, n a, estimate b, ...) -> difference, p"""
    d = sum(w * (ea - eb) for w, ea, va, na, eb, vb, nb in parts)
    terms = [(w * w * s, n) for w, ea, va, na, eb, vb, nb in parts for s, n in ((va, na), (vb, nb))]
    var = sum(t for t, n in terms)
    df = var ** 2 / sum(t * t / (n - 1) for t, n in terms)
    return d, 2 * stats.t.sf(abs(d) / np.sqrt(var), df), np.sqrt(var), df


def simple(w, a, b):
    return (w, a.mean(), a.var(ddof=1) / len(a), len(a), b.mean(), b.var(ddof=1) / len(b), len(b))


d, p, _, _ = welch([simple(1, y[treated], y[~treated])])
out["plain.effect"], out["plain.p"] = d, p
r = stats.ttest_ind(y[treated], y[~treated], equal_var=False)
assert abs(r.pvalue / p - 1) < 1e-12
parts = []
for s in range(3):
    m = stratum == s
    parts.append(simple(m.mean(), y[m & treated], y[m & ~treated]))
out["strata.effect"], out["strata.p"], _, _ = welch(parts)

# CUPED with a covariate that is missing in places: there it is the mean of those that are known
c = np.where(missing, x[~missing].mean(), x)
within = lambda a, b: sum(((a[m] - a[m].mean()) * (b[m] - b[m].mean())).sum() for m in (treated, ~treated))
theta = within(c, y) / within(c, c)
adjusted = y - theta * (c - c.mean())
raw = y[treated].var(ddof=1) / treated.sum() + y[~treated].var(ddof=1) / (~treated).sum()
shift = y - theta * (c - x[~missing].mean())
d, p, se, df = welch([simple(1, shift[treated], shift[~treated])])
out["cuped.effect"], out["cuped.p"], out["cuped.reduction"] = d, p, 1 - se ** 2 / raw

# a mean over rows whose errors are clustered by unit: ratio of the units' sums to their counts, by the delta method
unit = i // 5
parts = []
for m in (treated, ~treated):
    s = np.array([y[m & (unit == u)].sum() for u in np.unique(unit[m])])
    n = np.array([(m & (unit == u)).sum() for u in np.unique(unit[m])], float)
    ratio = s.sum() / n.sum()
    z = s - ratio * n
    parts.append((ratio, z.var(ddof=1) / n.mean() ** 2 / len(n), len(n)))
(ea, va, na), (eb, vb, nb) = parts
out["clustered.effect"], out["clustered.p"], _, _ = welch([(1, ea, va, na, eb, vb, nb)])
# of a unit the sum
parts = []
for m in (treated, ~treated):
    parts.append(np.array([y[m & (unit == u)].sum() for u in np.unique(unit[m])]))
out["sum.effect"], out["sum.p"], _, _ = welch([simple(1, *parts)])
# the same mean with a covariate of the unit (its mean x of the rows that have one): CUPED on linearised units
def linear(m):
    units = np.unique(unit[m])
    s = np.array([y[m & (unit == u)].sum() for u in units])
    n = np.array([(m & (unit == u)).sum() for u in units], float)
    known = np.array([(m & ~missing & (unit == u)).any() for u in units])
    c = np.array([x[m & ~missing & (unit == u)].mean() if k else np.nan for u, k in zip(units, known)])
    ratio = s.sum() / n.sum()
    return ratio, (s - ratio * n) / n.mean(), c


def ratio_cuped(groups):
    known = np.concatenate([c[~np.isnan(c)] for _, _, c in groups])
    middle = known.mean()
    shifted = [np.where(np.isnan(c), 0, c - middle) for _, _, c in groups]
    dev = [c - c.mean() for c in shifted]
    theta = sum((d * z).sum() for d, (_, z, _) in zip(dev, groups)) / sum((d * d).sum() for d in dev)
    parts = []
    raw = 0
    for (r, z, _), c in zip(groups, shifted):
        a = z - theta * c
        raw += z.var(ddof=1) / len(z)
        parts += [r + a.mean(), a.var(ddof=1) / len(a), len(a)]
    d, p, se, df = welch([(1, *parts)])
    return d, p, 1 - se ** 2 / raw


out["ratiocuped.effect"], out["ratiocuped.p"], out["ratiocuped.reduction"] = ratio_cuped([linear(m) for m in (treated, ~treated)])


# of rows: sum(y) / sum(i) with the covariate x
def rows_linear(m):
    ratio = y[m].sum() / i[m].sum()
    return ratio, (y[m] - ratio * i[m]) / i[m].mean(), np.where(missing[m], np.nan, x[m])


out["rowcuped.effect"], out["rowcuped.p"], out["rowcuped.reduction"] = ratio_cuped([rows_linear(m) for m in (treated, ~treated)])

# strata with units whose rows stand in several: each unit counts once, in the first of its strata
parts = []
first = np.array([stratum[(unit == unit[r]) & (treated == treated[r])].min() for r in range(len(i))])
keys = sorted(set(zip(treated, unit)))
where = {k: first[(treated == k[0]) & (unit == k[1])][0] for k in keys}
for st in sorted(set(where.values())):
    part = [sum(1 for k in keys if where[k] == st) / len(keys)]
    for t in (True, False):
        us = [k for k in keys if k[0] == t and where[k] == st]
        v_ = np.array([y[(treated == k[0]) & (unit == k[1])].sum() for k in us])
        part += [v_.mean(), v_.var(ddof=1) / len(v_), len(v_)]
    parts.append(tuple(part))
out["unitstrata.effect"], out["unitstrata.p"], _, _ = welch(parts)
out["unitstrata.n"] = sum(1 for k in keys if k[0])
out["srm.p"] = stats.chisquare([60, 60], [120 * 0.4, 120 * 0.6]).pvalue

for q, k, df in ((3.5, 3, 10), (2, 2, 5), (4, 50, 100), (0.5, 3, 30), (3.314, 3, np.inf)):
    out[f"range.{q}.{k}.{df}"] = stats.studentized_range.sf(q, k, df)

for name, value in out.items():
    print(f"{name}\t{value!r}".replace("np.float64(", "").replace(")", ""))
