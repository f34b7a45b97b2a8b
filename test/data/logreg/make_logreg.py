"""Makes binary.tsv, multi.tsv and cases.tsv: rows, and what statsmodels and scikit-learn say of them.

Run where both are installed; the files hold every digit, so the test does not need this.
cases.tsv: name, set of rows, penalty (0 none, 1 l2, 2 l1, 3 elasticnet), C, l1_ratio, intercept, balanced, robust (0, 1 HC0),
weighted, offset (column, or -1), log likelihood, the null model's, digits wanted, number of coefficients, coefficients
(class by class, the constant first), standard errors (nan: none).
"""
import warnings

import numpy as np
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression

warnings.filterwarnings("ignore")
g = np.random.default_rng(20240611)
NEWTON = dict(disp=0, method="newton", tol=1e-15, maxiter=100)
GLM = dict(tol=1e-15, tol_criterion="params", maxiter=100)

x2 = g.normal(size=(200, 4)) * [1, 5, 0.2, 2] + [0, 100, 1, -3]
y2 = (g.random(200) < 1 / (1 + np.exp(-(x2 - x2.mean(0)) @ [0.8, -0.1, 3, 0.05]))).astype(int)
w2 = g.integers(1, 4, 200).astype(float)
x3 = g.normal(size=(240, 3)) * [1, 3, 0.5] + [2, 0, 10]
y3 = ((x3 - x3.mean(0)) @ g.normal(size=(3, 3)) / 2 + g.gumbel(size=(240, 3))).argmax(1)
w3 = np.ones(240)
rows = {"binary": (x2, y2, w2), "multi": (x3, y3, w3)}
cases = []


def write(name, x, y, w):
    with open(name + ".tsv", "w", encoding="ascii") as file:
        for i, row in enumerate(x):
            print(int(y[i]), repr(float(w[i])), *(repr(float(v)) for v in row), sep="\t", file=file)


def case(name, rows_of, values, errors=None, penalty=0, c=1.0, ratio=0.0, intercept=1, balanced=0, robust=0, weighted=0,
         offset=-1, llf=np.nan, llnull=np.nan, digits=9):
    values = np.ravel(values)
    errors = np.full(len(values), np.nan) if errors is None else np.ravel(errors)
    numbers = [repr(float(v)) for v in (llf, llnull, digits)]
    cases.append([name, rows_of, penalty, c, ratio, intercept, balanced, robust, weighted, offset, *numbers, len(values),
                  *(repr(float(v)) for v in np.concatenate([values, errors]))])


one2 = sm.add_constant(x2)
f = sm.Logit(y2, one2).fit(**NEWTON)
null2 = sm.GLM(y2, np.ones(200), family=sm.families.Binomial()).fit(**GLM).llf
case("Logit", "binary", f.params, f.bse, llf=f.llf, llnull=null2)
f = sm.Logit(y2, one2).fit(cov_type="HC0", **NEWTON)
case("Logit, HC0", "binary", f.params, f.bse, robust=1, llf=f.llf)
f = sm.Logit(y2, x2).fit(**NEWTON)
case("Logit without constant", "binary", np.r_[0, f.params], np.r_[np.nan, f.bse], intercept=0, llf=f.llf)
f = sm.GLM(y2, one2, family=sm.families.Binomial(), freq_weights=w2).fit(**GLM)
null2 = sm.GLM(y2, np.ones(200), family=sm.families.Binomial(), freq_weights=w2).fit(**GLM).llf
case("GLM, weights", "binary", f.params, f.bse, weighted=1, llf=f.llf, llnull=null2)
f = sm.GLM(y2, one2, family=sm.families.Binomial(), freq_weights=w2).fit(cov_type="HC0", **GLM)
case("GLM, weights, HC0", "binary", f.params, f.bse, weighted=1, robust=1, llf=f.llf)
f = sm.GLM(y2, np.delete(one2, 1, 1), family=sm.families.Binomial(), offset=x2[:, 0]).fit(**GLM)
null2 = sm.GLM(y2, np.ones(200), family=sm.families.Binomial(), offset=x2[:, 0]).fit(**GLM).llf
case("GLM, offset", "binary", np.insert(f.params, 1, 0), np.insert(f.bse, 1, np.nan), offset=0, llf=f.llf, llnull=null2)
f = sm.MNLogit(y3, sm.add_constant(x3)).fit(**NEWTON)
null3 = sum(np.sum(y3 == k) * np.log(np.mean(y3 == k)) for k in range(3))
case("MNLogit", "multi", f.params.T, f.bse.T, llf=f.llf, llnull=null3)
f = sm.MNLogit(y3, sm.add_constant(x3)).fit(cov_type="HC0", **NEWTON)
case("MNLogit, HC0", "multi", f.params.T, f.bse.T, robust=1, llf=f.llf)


def sklearn(name, rows_of, penalty=1, c=1.0, ratio=0.0, balanced=0, intercept=1, weighted=0, digits=6, **more):
    x, y, w = rows[rows_of]
    mean = x.mean(0) if intercept else 0  # saga wants centred columns; the constant is moved back
    f = LogisticRegression(C=c, l1_ratio=ratio, class_weight="balanced" if balanced else None, fit_intercept=bool(intercept),
                           tol=1e-13, max_iter=1000000, **more).fit(x - mean, y, w if weighted else None)
    start = f.intercept_ - f.coef_ @ (mean if intercept else np.zeros(x.shape[1])) if intercept else np.zeros(len(f.coef_))
    if len(start) > 1:
        start = start - start.mean()
    case(name, rows_of, np.c_[start, f.coef_], penalty=penalty, c=c, ratio=ratio, balanced=balanced, intercept=intercept,
         weighted=weighted, digits=digits)


sklearn("LogisticRegression, l2", "binary", solver="newton-cholesky")
sklearn("l2, balanced, weighted", "binary", c=0.1, balanced=1, weighted=1, solver="newton-cholesky")
sklearn("l2, three classes", "multi", solver="newton-cholesky", digits=5)
sklearn("l1, liblinear", "binary", penalty=2, c=0.5, ratio=1.0, intercept=0, solver="liblinear", digits=5)
sklearn("l1, saga", "binary", penalty=2, c=0.2, ratio=1.0, solver="saga", digits=5)
sklearn("elasticnet, saga", "binary", penalty=3, c=0.1, ratio=0.5, solver="saga", digits=5)
sklearn("l1, three classes, saga", "multi", penalty=2, c=0.2, ratio=1.0, solver="saga", digits=4)
sklearn("elasticnet, three classes, saga", "multi", penalty=3, c=0.1, ratio=0.5, solver="saga", digits=5)

for key, (x, y, w) in rows.items():
    write(key, x, y, w)
with open("cases.tsv", "w", encoding="ascii") as file:
    for row in cases:
        print(*row, sep="\t", file=file)
