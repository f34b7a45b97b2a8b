"""Makes arima.tsv: made-up series, and what statsmodels gives for ARIMA models with given coefficients.

    python make_arima.py > arima.tsv        (statsmodels; numpy)

Likelihoods are of the differenced series (simple_differencing), whose start is exact.  With missing values or without
differences the series is as it is.
Lines: case <name> p d q P D Q s constant nx n; params <phi theta Phi Theta> <constant> <beta ...> <sigma2>; y ...; x ...;
likelihood <v>; forecast <6 values>; sd <6 values>
"""
import warnings

import numpy as np
from statsmodels.tsa.statespace.sarimax import SARIMAX

warnings.filterwarnings("ignore")


def line(key, values):
    print(key + "\t" + "\t".join("%.15g" % v for v in values))


def case(name, y, order, seasonal, params, constant=None, x=None, future=None):
    p, d, q = order
    P, D, Q, s = seasonal
    coefficients, sigma2 = params
    beta = []
    model = SARIMAX(y, exog=x, order=order, seasonal_order=seasonal if s > 1 else (0, 0, 0, 0), simple_differencing=d + D > 0)
    # statsmodels' order: exog, ar, ma, seasonal ar, seasonal ma, sigma2
    given = ([] if x is None else list(constant)) + list(coefficients) + [sigma2]
    r = model.smooth(given)
    n = len(y)
    print("case\t" + "\t".join(str(v) for v in [name, p, d, q, P, D, Q, s, 0, 0 if x is None else x.shape[1], n]))
    line("params", given[(0 if x is None else x.shape[1]):-1] + [0] + ([] if x is None else list(constant)) + [sigma2])
    line("y", y)
    if x is not None:
        for j in range(x.shape[1]):
            line("x", list(x[:, j]) + list(future[:, j]))
    line("likelihood", [r.llf])
    if d + D == 0:
        f = r.get_forecast(6, exog=future)
        line("forecast", f.predicted_mean)
        line("sd", np.sqrt(f.var_pred_mean))


def main():
    print("# made by make_arima.py: see there")
    rng = np.random.default_rng(3)
    e = rng.normal(0, 1, 300)
    y = np.zeros(120)
    for t in range(2, 120):
        y[t] = 0.6 * y[t - 1] - 0.3 * y[t - 2] + e[t] + 0.4 * e[t - 1]
    y = np.round(y, 4)
    case("arma21", y, (2, 0, 1), (0, 0, 0, 1), ([0.5, -0.2, 0.3], 1.1))
    z = y.copy()
    z[[0 + 5, 20, 21, 22, 60, 90]] = np.nan
    case("missing", z, (2, 0, 1), (0, 0, 0, 1), ([0.5, -0.2, 0.3], 1.1))
    s = np.zeros(144)
    for t in range(13, 144):
        s[t] = s[t - 12] + s[t - 1] - s[t - 13] + e[t] - 0.5 * e[t - 1] - 0.6 * e[t - 12] + 0.3 * e[t - 13]
    s = np.round(100 + s, 4)
    case("airline", s, (0, 1, 1), (0, 1, 1, 12), ([-0.4, -0.5], 1.2))
    case("seasonal", y, (1, 0, 1), (1, 0, 1, 4), ([0.5, 0.2, 0.4, -0.3], 0.9))
    case("mixed", s, (2, 1, 1), (1, 1, 1, 12), ([0.3, 0.1, -0.4, 0.2, -0.5], 1.0))
    x = np.round(rng.normal(0, 1, (126, 2)), 4)
    w = np.round(y + x[:120] @ [2, -1], 4)
    case("regressors", w, (1, 0, 0), (0, 0, 0, 1), ([0.6], 1.3), constant=[1.9, -1.1], x=x[:120], future=x[120:])
    w = w.copy()
    w[[30, 31, 70]] = np.nan
    case("regressors_missing", w, (1, 0, 0), (0, 0, 0, 1), ([0.6], 1.3), constant=[1.9, -1.1], x=x[:120], future=x[120:])


if __name__ == "__main__":
    main()
