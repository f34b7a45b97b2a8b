"""Reference values for survival and customer value, made with lifelines, statsmodels and lifetimes.

    python make_survival.py     writes rows.tsv, customers.tsv, reference.tsv beside it

rows.tsv: time, event, weight, x1, x2, x3, stratum (made up; whole months, so with ties).
customers.tsv: frequency, recency, age, value (a made-up BG/NBD and gamma-gamma world).
reference.tsv: what, value.  The fits of lifetimes are polished by SciPy on lifetimes' own likelihoods.
"""
import warnings
from pathlib import Path

import lifelines
import lifetimes
import mpmath as mp
import numpy as np
import pandas as pd
import scipy
import statsmodels
from lifelines.statistics import multivariate_logrank_test
from lifetimes import BetaGeoFitter, GammaGammaFitter, ParetoNBDFitter
from scipy.optimize import minimize
from statsmodels.duration.hazard_regression import PHReg

warnings.simplefilter("ignore")
HERE = Path(__file__).parent
rng = np.random.default_rng(45)
out = []


def put(what, value):
    out.append(f"{what}\t{float(value)!r}")


n = 240
d = pd.DataFrame({"x1": np.round(rng.normal(0, 1, n), 2), "x2": np.round(rng.uniform(0, 50, n), 1),
                  "x3": rng.integers(0, 2, n)})
d["stratum"] = rng.integers(0, 3, n)
rate = np.exp(0.6 * d.x1 - 0.02 * d.x2 + 0.4 * d.x3 - 3 + 0.5 * d.stratum)
life = rng.exponential(1 / rate)
end = rng.uniform(5, 60, n)
d["time"] = np.ceil(np.minimum(life, end))
d["event"] = (life <= end).astype(int)
d["weight"] = np.round(rng.uniform(0.5, 2, n), 2)
d = d[["time", "event", "weight", "x1", "x2", "x3", "stratum"]]
d.to_csv(HERE / "rows.tsv", sep="\t", index=False, header=False)

km = lifelines.KaplanMeierFitter(alpha=0.05).fit(d.time, d.event)
for t in sorted(d.time.unique()):
    put(f"km survival {t:g}", km.survival_function_.loc[t].iloc[0])
    put(f"km low {t:g}", km.confidence_interval_.loc[t].iloc[0])
    put(f"km high {t:g}", km.confidence_interval_.loc[t].iloc[1])
put("km median", km.median_survival_time_)
for name, groups in [("two", d.x3), ("three", d.stratum)]:
    r = multivariate_logrank_test(d.time, groups, d.event)
    put(f"logrank {name} chi", r.test_statistic)
    put(f"logrank {name} p", r.p_value)

X = d[["x1", "x2", "x3"]].to_numpy(float)
for ties in ("efron", "breslow"):
    for name, strata in [("", None), (" strata", d.stratum.to_numpy())]:
        model = PHReg(d.time, X, status=d.event, ties=ties, strata=strata)
        fit = model.fit(method="newton", maxiter=100, tol=1e-14)
        best = minimize(lambda b: -model.loglike(b), fit.params, jac=lambda b: -model.score(b), method="BFGS",
                        options={"gtol": 1e-12}).x
        for _ in range(20):
            best = best - np.linalg.solve(model.hessian(best), model.score(best))
        se = np.sqrt(np.diag(np.linalg.inv(-model.hessian(best))))
        for j in range(3):
            put(f"{ties}{name} b{j}", best[j])
            put(f"{ties}{name} se{j}", se[j])
        put(f"{ties}{name} ll", model.loglike(best))
        put(f"{ties}{name} ll0", model.loglike(np.zeros(3)))
        if name == "":
            put(f"{ties} score", model.score(np.zeros(3)) @ np.linalg.solve(-model.hessian(np.zeros(3)),
                                                                              model.score(np.zeros(3))))
            put(f"{ties} c", lifelines.utils.concordance_index(d.time, -(X @ best), d.event))
cox = lifelines.CoxPHFitter().fit(d.drop(columns="stratum"), "time", "event", weights_col="weight", fit_options={
    "precision": 1e-12})
for j in range(3):
    put(f"weighted b{j}", cox.params_.iloc[j])
put("weighted ll", cox.log_likelihood_)

# ---- customer value
m = 400
age = np.round(rng.uniform(60, 300, m)) / 7
lam = rng.gamma(0.8, 1 / 6.0, m)
p = rng.beta(0.9, 2.5, m)
rows = []
for i in range(m):
    t = last = 0.0
    x = 0
    while True:
        t += rng.exponential(1 / lam[i])
        if t > age[i]:
            break
        x, last = x + 1, t
        if rng.uniform() < p[i]:
            break
    last = np.floor(last * 7) / 7
    nu = rng.gamma(4.0, 1 / 20.0)
    value = np.round(rng.gamma(6.0 * x, 1 / nu) / x + 0.01, 2) if x else 0.0
    rows.append((x, last, age[i], value))
c = pd.DataFrame(rows, columns=["x", "tx", "t", "value"])
c.to_csv(HERE / "customers.tsv", sep="\t", index=False, header=False, float_format="%.17g")


def polish(f, start):
    best = np.log(np.asarray(start, float))
    for _ in range(4):
        best = minimize(f, best, method="Nelder-Mead", options={"xatol": 1e-11, "fatol": 1e-15, "maxiter": 20000,
                                                                  "maxfev": 20000}).x
    return best


weights = np.ones(m)
bg = BetaGeoFitter().fit(c.x, c.tx, c.t)
nll = lambda q: BetaGeoFitter._negative_log_likelihood(q, c.x.to_numpy(), c.tx.to_numpy(), c.t.to_numpy(), weights, 0)
best = polish(nll, bg.params_[["r", "alpha", "a", "b"]])
for name, v in zip(("r", "alpha", "a", "b"), np.exp(best)):
    put(f"bg {name}", v)
put("bg ll", -nll(best) * m)
bg.params_ = pd.Series(np.exp(best), index=["r", "alpha", "a", "b"])
some = list(range(0, m, 40)) + [int(c.x.idxmax())]
alive = np.asarray(bg.conditional_probability_alive(c.x, c.tx, c.t))
for i in some:
    put(f"bg alive {i}", 1.0 if c.x[i] == 0 else alive[i])
    for h in (4, 52):
        put(f"bg expected {h} {i}", bg.conditional_expected_number_of_purchases_up_to_time(h, c.x[i], c.tx[i], c.t[i]))

pn = ParetoNBDFitter()
best = np.log([0.8, 6, 0.5, 10])  # at some parameters: lifetimes' likelihood is not finite there, for want of digits
for name, v in zip(("r", "alpha", "s", "beta"), np.exp(best)):
    put(f"pareto {name}", v)


def pareto(x, tx, t, r, alpha, s, beta):
    """The model's own words: the customer stays, or leaves at some moment."""
    f = lambda u: mp.mpf(s) * (alpha + u) ** (-(r + x)) * (beta + u) ** (-(s + 1))
    stay = (alpha + mp.mpf(t)) ** (-(r + x)) * (beta + mp.mpf(t)) ** (-s)
    cuts = [mp.mpf(tx) + (mp.mpf(t) - tx) * k / 8 for k in range(9)]
    return mp.log(mp.gamma(r + x) / mp.gamma(r) * mp.mpf(alpha) ** r * mp.mpf(beta) ** s * (stay + mp.quad(f, cuts)))


put("pareto ll", sum(pareto(c.x[i], c.tx[i], c.t[i], 0.8, 6, 0.5, 10) for i in range(m)))
pn.params_ = pd.Series(np.exp(best), index=["r", "alpha", "s", "beta"])
for i in some:
    put(f"pareto alive {i}", np.asarray(pn.conditional_probability_alive(
        c.x[i:i + 1], c.tx[i:i + 1], c.t[i:i + 1])).ravel()[0])
    put(f"pareto expected 52 {i}", np.asarray(pn.conditional_expected_number_of_purchases_up_to_time(
        52, c.x[i:i + 1], c.tx[i:i + 1], c.t[i:i + 1])).ravel()[0])

r = c[c.x > 0]
gg = GammaGammaFitter().fit(r.x, r.value)
nll = lambda q: GammaGammaFitter._negative_log_likelihood(q, r.x.to_numpy(), r.value.to_numpy(), np.ones(len(r)), 0)
best = polish(nll, gg.params_[["p", "q", "v"]])
for name, v in zip("pqv", np.exp(best)):
    put(f"value {name}", v)
put("value ll", -nll(best) * len(r))
gg.params_ = pd.Series(np.exp(best), index=["p", "q", "v"])
means = np.asarray(gg.conditional_expected_average_profit(c.x, c.value))
for i in some:
    put(f"value expected {i}", means[i])

(HERE / "reference.tsv").write_text(
    f"# lifelines {lifelines.__version__}, statsmodels {statsmodels.__version__}, lifetimes {lifetimes.__version__}, "
    f"SciPy {scipy.__version__}; see make_survival.py\n" + "\n".join(out) + "\n", encoding="utf-8")
