"""Reference values for linear regression: data.tsv, wide.tsv and reference.tsv beside this file.

statsmodels OLS and WLS (coefficients, errors, statistics, get_prediction), scikit-learn Ridge, Lasso and ElasticNet
(tolerance 1e-14), and the sandwich covariance of ridge from numpy.  AIC and BIC count the variance as a parameter, as R does:
2 and log(n) more than statsmodels.  Written by statsmodels 0.15.0, scikit-learn 1.9.1, numpy 2.4.6.

reference.tsv: case, quantity, index, value.
"""
import os
import numpy as np
import statsmodels.api as sm
from sklearn.linear_model import Ridge, Lasso, ElasticNet

here = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(20240607)
n, p = 60, 6
x = rng.normal(size=(n, p))
x[:, 1] = 0.7 * x[:, 0] + 0.5 * x[:, 1]
x[:, 2] = 1000 + 40 * x[:, 2]
x[:, 3] = rng.integers(0, 2, n)
x[:, 4] = np.exp(x[:, 4])
x = np.round(x, 4)
y = np.round(3 + 2 * x[:, 0] - x[:, 1] + 0.01 * x[:, 2] + 1.5 * x[:, 3] + rng.normal(size=n), 4)
w = np.round(rng.uniform(0.2, 5, n), 3)
np.savetxt(os.path.join(here, "data.tsv"), np.column_stack([w, y, x]), fmt="%.17g", delimiter="\t")

wide_n, wide_p = 60, 80
wx = np.round(rng.normal(size=(wide_n, wide_p)) + rng.normal(size=(wide_n, 1)), 3)
wy = np.round(wx[:, :5] @ np.array([3, -2, 1.5, 1, -1]) + 10 + rng.normal(size=wide_n), 3)
np.savetxt(os.path.join(here, "wide.tsv"), np.column_stack([wy, wx]), fmt="%.17g", delimiter="\t")

out = open(os.path.join(here, "reference.tsv"), "w")


def put(case, quantity, values):
    for i, v in enumerate(np.atleast_1d(values)):
        out.write(f"{case}\t{quantity}\t{i}\t{v:.17g}\n")


def least_squares(case, exog, weights):
    fit = sm.WLS(y, exog, weights=weights).fit() if weights is not None else sm.OLS(y, exog).fit()
    put(case, "coef", fit.params)
    put(case, "se", fit.bse)
    for name, value in [("sigma", np.sqrt(fit.scale)), ("r2", fit.rsquared), ("adj_r2", fit.rsquared_adj),
                        ("f", fit.fvalue), ("f_p", fit.f_pvalue), ("loglik", fit.llf), ("aic", fit.aic + 2),
                        ("bic", fit.bic + np.log(n)), ("df", fit.df_resid), ("rss", fit.ssr)]:
        put(case, name, value)
    frame = fit.get_prediction(exog[:5]).summary_frame(alpha=0.1)
    put(case, "predict", frame["mean"].to_numpy())
    put(case, "half_mean", ((frame["mean_ci_upper"] - frame["mean_ci_lower"]) / 2).to_numpy())
    put(case, "half_obs", ((frame["obs_ci_upper"] - frame["obs_ci_lower"]) / 2).to_numpy())


def ridge(case, x, y, alpha, weights, intercept):
    fit = Ridge(alpha=alpha, fit_intercept=intercept, solver="cholesky").fit(x, y, sample_weight=weights)
    put(case, "coef", np.r_[fit.intercept_, fit.coef_] if intercept else fit.coef_)
    design = np.column_stack([np.ones(len(y)), x]) if intercept else x
    ww = np.ones(len(y)) if weights is None else weights
    penalty = np.diag([0.0] * intercept + [alpha] * x.shape[1])
    s = design.T @ (ww[:, None] * design)
    inverse = np.linalg.inv(s + penalty)
    residual = y - design @ (inverse @ (design.T @ (ww * y)))
    df = len(y) - np.trace(inverse @ s)
    sigma2 = np.sum(ww * residual ** 2) / df
    put(case, "df", df)
    put(case, "sigma", np.sqrt(sigma2))
    put(case, "se", np.sqrt(sigma2 * np.diag(inverse @ s @ inverse)))


def l1(case, x, y, alpha, ratio, weights, intercept):
    fit = ElasticNet(alpha=alpha, l1_ratio=ratio, fit_intercept=intercept, tol=1e-14, max_iter=10000000)
    fit = Lasso(alpha=alpha, fit_intercept=intercept, tol=1e-14, max_iter=10000000) if ratio == 1 else fit
    fit.fit(x, y, sample_weight=weights)
    put(case, "coef", np.r_[fit.intercept_, fit.coef_] if intercept else fit.coef_)


one = sm.add_constant(x)
least_squares("ols", one, None)
least_squares("ols_no_intercept", x, None)
least_squares("wls", one, w)
ridge("ridge", x, y, 3.0, None, True)
ridge("ridge_weighted", x, y, 0.7, w, True)
ridge("ridge_no_intercept", x, y, 10.0, None, False)
ridge("ridge_wide", wx, wy, 2.5, None, True)
l1("lasso", x, y, 0.05, 1, None, True)
l1("lasso_weighted", x, y, 0.05, 1, w, True)
l1("lasso_no_intercept", x, y, 0.02, 1, None, False)
l1("enet", x, y, 0.1, 0.4, None, True)
l1("enet_weighted", x, y, 0.1, 0.9, w, True)
l1("lasso_wide", wx, wy, 0.1, 1, None, True)
l1("enet_wide", wx, wy, 0.3, 0.5, None, True)
out.close()
