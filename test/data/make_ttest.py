"""Reference values of t-tests, made with SciPy.

    python make_ttest.py > ttest.tsv

Columns: test (welch, student, 1samp, rel), alternative, level, mu, a, b (comma-separated values, "-" for none), statistic,
df, p_value, ci_low, ci_high.  p_value is mpmath's, from SciPy's statistic and df, where it is below 1e-12.
"""
import warnings

import mpmath as mp
import numpy as np
import scipy
from scipy import stats

warnings.simplefilter("ignore")
mp.mp.dps = 40
rng = np.random.default_rng(7)


def tail(t, df):
    t, df = mp.mpf(float(t)), mp.mpf(float(df))
    return mp.betainc(df / 2, mp.mpf(1) / 2, 0, df / (df + t * t), regularized=True) / 2


def row(test, a, b, alternative, level=0.95, mu=0.0):
    if test in ("welch", "student"):
        r = stats.ttest_ind(a, b, equal_var=test == "student", alternative=alternative)
    elif test == "rel":
        r = stats.ttest_rel(a, b, alternative=alternative)
    else:
        r = stats.ttest_1samp(a, mu, alternative=alternative)
    ci = r.confidence_interval(level)
    p = float(r.pvalue)
    if 0 <= p < 1e-12 and np.isfinite(r.statistic):
        p = float(tail(r.statistic, r.df) * (2 if alternative == "two-sided" else 1))
    values = [",".join(repr(float(v)) for v in x) if len(x) else "-" for x in (a, b)]
    numbers = [repr(float(v)) for v in (r.statistic, r.df, p, ci.low, ci.high)]
    print("\t".join([test, alternative, repr(level), repr(mu), *values, *numbers]))


print("# SciPy %s, mpmath %s; columns: see make_ttest.py" % (scipy.__version__, mp.__version__))
ALTERNATIVES = ("two-sided", "less", "greater")
for na, nb, shift, scale in [(5, 7, 0.3, 1), (20, 12, 1, 3), (40, 40, 0, 1), (3, 60, -2, 0.1), (2, 2, 1, 1), (30, 50, 400, 1)]:
    a = np.round(rng.normal(10, 2, na), 3)
    b = np.round(rng.normal(10 + shift, 2 * scale, nb), 3)
    for test in ("welch", "student"):
        for alternative in ALTERNATIVES:
            row(test, a, b, alternative)
            row(test, a, b, alternative, level=0.99)
    for alternative in ALTERNATIVES:
        row("1samp", a, [], alternative, mu=9.5)
        row("1samp", b, [], alternative, level=0.8)
        n = min(na, nb)
        row("rel", a[:n], b[:n], alternative)
# p far below 1e-200
a = np.round(rng.normal(0, 1, 200), 2)
for test in ("welch", "student"):
    for alternative in ALTERNATIVES:
        row(test, a, a[::-1][:150] + 11.0, alternative)
row("1samp", a + 15.0, [], "two-sided")
for test in ("welch", "student"):
    for alternative in ALTERNATIVES:
        for a, b in [([1, 1, 1], [2, 2]), ([1, 1, 1], [1, 1]), ([1], [2, 3, 4]), ([1], [2]), ([], [1, 2]),
                     ([1, 1, 1], [2, 3])]:
            row(test, a, b, alternative)
for alternative in ALTERNATIVES:
    for a in ([1, 1, 1], [0, 0], [3], []):
        row("1samp", a, [], alternative)
    row("rel", [1, 2], [1, 2], alternative)
