"""Reference distances, made with scikit-learn's MinCovDet and EmpiricalCovariance.

    python make_mahalanobis.py > reference.tsv

A line that begins with "case" gives: name, rows, columns, robust (1) or classical (0), support_fraction (0: the default), location
(comma-separated), covariance (row by row), sum over all rows of 1 / (1 + squared distance), rows above the 0.975 quantile of
chi-square.  Rows follow: the values, then the squared distance.  MinCovDet is run from 20 seeds, and the run with the least raw
determinant is shown.
"""
import warnings

import numpy as np
import sklearn
from scipy.stats import chi2
from sklearn.covariance import EmpiricalCovariance, MinCovDet

warnings.simplefilter("ignore")
rng = np.random.default_rng(1999)


def rows(n, p, outliers, far):
    mix = rng.normal(size=(p, p))
    x = rng.normal(size=(n, p)) @ mix + rng.normal(size=p) * 10
    x[: int(outliers * n)] += far * rng.normal(size=p) + 0.1 * rng.normal(size=(int(outliers * n), p))
    return np.round(x, 4)


def show(name, x, robust, support_fraction=0.0):
    if robust:
        fits = [MinCovDet(random_state=s, support_fraction=support_fraction or None).fit(x) for s in range(20)]
        fit = min(fits, key=lambda f: np.linalg.slogdet(f.raw_covariance_)[1])
    else:
        fit = EmpiricalCovariance().fit(x)
    d = fit.mahalanobis(x)
    n, p = x.shape
    print("case", name, n, p, int(robust), support_fraction, ",".join(map(repr, map(float, fit.location_))),
          ",".join(map(repr, map(float, fit.covariance_.ravel()))), repr(float((1 / (1 + d)).sum())),
          int((d > chi2.ppf(0.975, p)).sum()), sep="\t")
    for i in range(n):
        print(*(repr(float(v)) for v in x[i]), repr(float(d[i])), sep="\t")


print("#", "scikit-learn", sklearn.__version__, "numpy", np.__version__, sep="\t")
x = rows(150, 3, 0.2, 20)
show("classical", x, False)
show("robust", x, True)
show("robust, 0.75", x, True, 0.75)
show("robust, five columns", rows(300, 5, 0.3, 15), True)
show("robust, groups", rows(900, 4, 0.25, 12), True)
show("robust, units far apart", x * np.array([1e2, 1, 1e-2]), True)
