"""Reference values of ecml_drift's statistics, made with SciPy and mpmath.

    python make_drift.py           writes drift/kolmogorov.tsv and drift/samples.tsv beside this file

kolmogorov.tsv: x, cdf, sf of the limit distribution: the alternating series at 60 digits.
samples.tsv: pairs of samples, four lines each: name and Smirnov's D (scipy.stats.ks_2samp) and the statistic of the chi-square test of
the table of both samples' values (scipy.stats.chi2_contingency); the first sample; the second; an empty line.
"""
import os

import mpmath as mp
import numpy as np
from scipy import stats, __version__

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "drift")
mp.mp.dps = 60


def upper(x):
    """2 sum (-1)^(k-1) exp(-2 k^2 x^2), until terms are below 1e-55"""
    total, k = mp.mpf(0), 1
    while True:
        term = mp.exp(-2 * mp.mpf(k) ** 2 * mp.mpf(x) ** 2)
        total += term if k % 2 else -term
        if term < mp.mpf(10) ** -55 * (total if total else 1):
            return 2 * total
        k += 1


with open(os.path.join(HERE, "kolmogorov.tsv"), "w") as f:
    f.write("# mpmath %s\n" % mp.__version__)
    for x in [0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 0.99, 0.999999, 1, 1.000001, 1.01, 1.1, 1.25, 1.36, 1.5, 1.63, 2, 2.5, 3, 4, 6, 10, 18]:
        sf = upper(x)
        f.write("%r\t%s\t%s\n" % (float(x), mp.nstr(1 - sf, 20), mp.nstr(sf, 20)))

rng = np.random.default_rng(5)
pairs = {
    "normal": (rng.normal(size=300), rng.normal(size=200) * 1.1 + 0.2),
    "same": (np.arange(50.0), np.arange(50.0)),
    "apart": (np.arange(20.0), np.arange(20.0) + 100),
    "few values": (rng.integers(0, 4, 400), rng.integers(0, 5, 150)),
    "zeros": (np.where(rng.random(500) < 0.6, 0, rng.exponential(size=500)), np.where(rng.random(300) < 0.4, 0, rng.exponential(size=300))),
    "negative": (-rng.exponential(size=64), rng.normal(size=90)),
    "one value": (np.ones(30), np.array([0.0, 1.0, 1.0, 2.0])),
    "many": (np.round(rng.gamma(2, size=2000), 3), np.round(rng.gamma(2.2, size=1500), 3)),
}
with open(os.path.join(HERE, "samples.tsv"), "w") as f:
    f.write("# SciPy %s\n" % __version__)
    for name, (a, b) in pairs.items():
        values = np.union1d(a, b)
        table = np.array([[np.sum(s == v) for v in values] for s in (a, b)])
        chi2 = stats.chi2_contingency(table, correction=False).statistic if len(values) > 1 else 0
        f.write("%s\t%r\t%r\n" % (name, float(stats.ks_2samp(a, b).statistic), float(chi2)))
        for s in (a, b):
            f.write("\t".join(repr(float(v)) for v in s) + "\n")
        f.write("\n")
