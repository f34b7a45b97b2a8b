"""Reference values of probability distributions, made with mpmath.

    python make_dist.py            writes dist/<name>.tsv beside this file (some minutes)

Densities and tails are sums of power series with positive terms in arithmetic of 60 digits, or of 400 where the smaller
tail is one less the sum; nothing is shared with the C code, which works in floating point with other expansions.  Points
are spread from a tail of 1e-300 to the other (SciPy says where that is, which need not be exact).  Inverses are those
of the probability as rounded to a double: x plus its correction of first order, the second being below 1e-18.

Columns: parameters, x, pdf, cdf, sf, p, quantile(p), q, isf(q); inputs are exact doubles, values have 25 digits, "-" means
that no value is given (outside the normal doubles, or not determined by the rounded probability).
"""
import os
import sys

import mpmath as mp
from scipy import stats

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dist")
TAILS = [1e-300, 1e-200, 1e-100, 1e-40, 1e-20, 1e-10, 1e-5, 1e-2, 0.1, 0.3, 0.48]
LIMIT = 1000000
ORIGIN = "# mpmath %s, 60 to 400 digits; columns: see make_dist.py\n" % mp.__version__


def series(first, ratio):
    """sum of positive terms; None when it takes too long"""
    term = total = first
    eps = mp.mpf(10) ** (-mp.mp.dps - 3)
    for k in range(LIMIT):
        r = ratio(k)
        term *= r
        total += term
        if r < 1 and term < eps * total * (1 - r):
            return total
    return None


def both(small):
    """(tail, 1 - tail) from a function that sums the tail at the current precision"""
    with mp.workdps(60):
        t = small()
        if t is None:
            return None
        if t < 1 - mp.mpf("1e-8"):
            return t, 1 - t
    with mp.workdps(400):
        t = small()
        return None if t is None else (t, 1 - t)


cache = {}


def log_gamma(a):
    key = (str(a), mp.mp.dps)
    if key not in cache:
        cache[key] = mp.loggamma(a)
    return cache[key]


def gamma_tails(a, x):
    def lower():
        d = mp.exp(a * mp.log(x) - x - log_gamma(a))
        s = series(1 / a, lambda k: x / (a + 1 + k))
        return None if s is None else d * s
    return both(lower)


def beta_density(a, b, x, y):
    """x^a y^b / B(a, b)"""
    return mp.exp(a * mp.log(x) + b * mp.log(y) + log_gamma(a + b) - log_gamma(a) - log_gamma(b))


def beta_tails(a, b, x, y, xy):
    """xy() gives x and y at the current precision"""
    def lower(a, b, swap):
        x, y = xy()
        if swap:
            x, y = y, x
        s = series(1 / a, lambda k: (a + b + k) / (a + 1 + k) * x)
        return None if s is None else beta_density(a, b, x, y) * s
    # the side with the smaller parameter has the quicker series
    if a > 100 * b or (a * y < b * x and b <= 100 * a):
        t = both(lambda: lower(b, a, True))
        if t is not None:
            return t[1], t[0]
    t = both(lambda: lower(a, b, False))
    if t is None:
        t = both(lambda: lower(b, a, True))
        t = t and (t[1], t[0])
    return t


def normal(x):
    with mp.workdps(60):
        return mp.npdf(x), (mp.ncdf(x), mp.erfc(x / mp.sqrt(2)) / 2)


def t_dist(x, n):
    with mp.workdps(60):
        pdf = mp.exp(log_gamma((n + 1) / 2) - log_gamma(n / 2) - (n + 1) / 2 * mp.log1p(x * x / n)) / mp.sqrt(n * mp.pi)
        half = mp.mpf(1) / 2
        inside = beta_tails(half, n / 2, x * x / (n + x * x), n / (n + x * x), lambda: (x * x / (n + x * x), n / (n + x * x)))
    if inside is None:
        return None
    with mp.workdps(400):
        upper = inside[1] / 2
        return pdf, (1 - upper, upper) if x > 0 else (upper, 1 - upper)


def gamma(x, a, scale=1):
    with mp.workdps(60):
        u = x / scale
        pdf = mp.exp(a * mp.log(u) - u - log_gamma(a)) / x
    return pdf, gamma_tails(a, x / scale)


def chi2(x, n):
    return gamma(x, n / 2, mp.mpf(2))


def beta(x, a, b):
    with mp.workdps(400):
        y = 1 - x
    with mp.workdps(60):
        pdf = beta_density(a, b, x, y) / x / y
    return pdf, beta_tails(a, b, x, y, lambda: (x, 1 - x))


def f_dist(x, m, n):
    def xy():
        s = m * x + n
        return m * x / s, n / s
    with mp.workdps(60):
        u, v = xy()
        pdf = beta_density(m / 2, n / 2, u, v) / x
        return pdf, beta_tails(m / 2, n / 2, u, v, xy)


SHAPES = [0.1, 0.5, 1, 2.5, 10, 60, 119, 121, 250, 1e3, 12345.5, 1e5, 1e6]
BETAS = [(0.1, 0.1), (0.1, 3), (5, 0.2), (0.5, 0.5), (1, 1), (2, 3), (0.5, 1e3), (1e6, 0.1), (0.25, 1e6), (10, 2000), (100, 100),
         (119, 1e6), (125, 130), (1e6, 125), (1e4, 300), (1e5, 1e6), (1e6, 1e6), (3, 1e6), (1e6, 50)]
FS = [(1, 1), (0.5, 0.5), (1, 10), (3, 30), (2, 7), (1, 1e8), (0.5, 1e8), (10, 1e6), (100, 0.5), (1e8, 3), (300, 300), (300, 1e8),
      (1e4, 1e5), (1e8, 1e8)]
DFS = [0.5, 1, 1.5, 2, 3, 5.5, 10, 29, 100, 239, 241, 1000, 1e4, 1e6, 1e8]

TABLES = {
    "normal": (normal, stats.norm, [()]),
    "t": (t_dist, stats.t, [(n,) for n in DFS]),
    "chi2": (chi2, stats.chi2, [(n,) for n in DFS]),
    "gamma": (gamma, stats.gamma, [(a,) for a in SHAPES]),
    "beta": (beta, stats.beta, BETAS),
    "f": (f_dist, stats.f, FS),
}


def text(v):
    if v == 0 or not mp.mpf("2.3e-308") < abs(v) < mp.mpf("1.7e308"):
        return "-"
    return mp.nstr(v, 25)


def inverse(x, tail, pdf, sign):
    """the rounded tail, and where the tail is just that; "-" where rounding loses too much"""
    rounded = float(tail)
    with mp.workdps(400):
        lost = rounded - tail
        if not 1e-307 < rounded < 1 or pdf == 0:
            return "-", "-"
        if abs(lost) > mp.mpf("1e-9") * min(tail, 1 - tail):
            return "-", "-"
        where = x + sign * lost / pdf
    return repr(rounded), text(where)


def main(names):
    for name in names:
        reference, peer, sets = TABLES[name]
        with open(os.path.join(HERE, name + ".tsv"), "w") as out:
            out.write(ORIGIN)
            for params in sets:
                points = set()
                for tail in TAILS:
                    points |= {float(peer.ppf(tail, *params)), float(peer.isf(tail, *params))}
                if name in ("normal", "t"):
                    points |= {1e-5, -1e-5, 0.3}
                for x in sorted(points):
                    if not 1e-300 < abs(x) < 1e300 or (name == "beta" and x >= 1):
                        continue
                    value = reference(mp.mpf(x), *[mp.mpf(v) for v in params])
                    if value is None or value[1] is None:
                        print("no reference:", name, params, x, file=sys.stderr)
                        continue
                    pdf, (cdf, sf) = value
                    row = [repr(float(v)) for v in params] + [repr(x), text(pdf), text(cdf), text(sf)]
                    row += inverse(mp.mpf(x), cdf, pdf, 1)
                    row += inverse(mp.mpf(x), sf, pdf, -1)
                    out.write("\t".join(row) + "\n")
                print(name, params, file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:] or list(TABLES))
