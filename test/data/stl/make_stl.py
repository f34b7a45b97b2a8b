"""Reference decompositions, made with statsmodels' STL and MSTL.

    python make_stl.py > reference.tsv

A line that begins with "case" gives: name, number of values, periods (comma-separated), seasonal window (0: MSTL's own),
trend window (0: its own), degrees of season, trend and low-pass, jumps of the three, inner and outer iterations.  A line for
each value follows: y, trend, weight, then each season.
"""
import numpy as np
import statsmodels
from statsmodels.tsa.seasonal import MSTL, STL

rng = np.random.default_rng(1990)


def series(n, *periods):
    t = np.arange(n)
    y = 50 + np.cumsum(rng.normal(size=n)) * 0.4 + rng.standard_t(2, size=n)
    for p in periods:
        y += 4 * np.sin(2 * np.pi * t / p) + 2 * (t % p == p // 2)
    return np.round(y, 3)


def show(name, y, result, periods, seasonal, trend, degrees, jumps, inner, outer):
    print("case", name, len(y), ",".join(map(str, periods)), seasonal, trend, *degrees, *jumps, inner, outer, sep="\t")
    seasons = np.asarray(result.seasonal).reshape(len(y), -1)
    for i in range(len(y)):
        print(*(repr(float(v)) for v in (y[i], result.trend[i], result.weights[i], *seasons[i])), sep="\t")


def stl(name, n, period, seasonal=7, trend=0, degrees=(1, 1, 1), jumps=(1, 1, 1), robust=False):
    y = series(n, period)
    inner, outer = (2, 15) if robust else (5, 0)
    result = STL(y, period=period, seasonal=seasonal, trend=trend or None, seasonal_deg=degrees[0], trend_deg=degrees[1],
                 low_pass_deg=degrees[2], seasonal_jump=jumps[0], trend_jump=jumps[1], low_pass_jump=jumps[2],
                 robust=robust).fit(inner_iter=inner, outer_iter=outer)
    show(name, y, result, [period], seasonal, trend, degrees, jumps, inner, outer)


def mstl(name, n, periods, robust):
    y = series(n, *periods)
    inner, outer = (2, 15) if robust else (5, 0)
    result = MSTL(y, periods=periods, stl_kwargs={"robust": robust}).fit()
    show(name, y, result, periods, 0, 0, (1, 1, 1), (1, 1, 1), inner, outer)


print("#", "statsmodels", statsmodels.__version__, "numpy", np.__version__, sep="\t")
stl("monthly", 144, 12)
stl("monthly, robust", 145, 12, robust=True)
stl("weekdays, robust", 200, 7, seasonal=13, robust=True)
stl("period 2, robust", 41, 2, robust=True)
stl("wide trend, robust", 100, 5, seasonal=9, trend=151, robust=True)
stl("constants, robust", 120, 12, degrees=(0, 0, 0), robust=True)
stl("jumps, robust", 220, 24, seasonal=35, jumps=(2, 5, 4), robust=True)
stl("jumps beyond the series", 60, 12, jumps=(50, 100, 100))
stl("five seasons", 62, 12, robust=True)
mstl("day and week", 120, (4, 28), False)
mstl("day and week, robust", 120, (4, 28), True)
