"""Looking into models: permutation importance, drift and explanations, beside scikit-learn, SciPy and numpy on arrays in memory.

The peers of drift do what ecml_drift does to each column: a two-sample test of Kolmogorov and Smirnov against a sample of the
training's rows (SciPy's exact statistic, p of the limit), and a histogram over its deciles.
"""
import numpy
import scipy.stats
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression

from harness import array, connect, in_turn, value
from speed import X10, add, size

EXPLAIN = ("SELECT count(*), sum(e.contribution) FROM (SELECT * FROM sales LIMIT 100000) s, "
           f"LATERAL ecml_explain('bench inspect', {X10}) e")
IMPORTANCE = "SELECT sum(importance) FROM ecml_importance('bench inspect', 'sales', '{\"rows\": 10000}')"
DRIFT = "SELECT max(psi) FROM ecml_drift('bench inspect', 'sales')"


def peer_drift(x, reference, edges):
    worst = 0
    for j in range(x.shape[1]):
        scipy.stats.ks_2samp(reference[:, j], x[:, j], method="asymp")
        a, b = (numpy.bincount(numpy.searchsorted(edges[j], column), minlength=10) / len(column)
                for column in (reference[:, j], x[:, j]))
        both = (a > 0) & (b > 0)
        worst = max(worst, ((a - b)[both] * numpy.log(a[both] / b[both])).sum())
    return worst


def inspect(table):
    connection = connect()
    connection.execute("SELECT ecml_train('bench inspect', 'linreg', 'sales', 'y')")
    data = array(connection, f"SELECT {X10}, y FROM sales")
    x, y = numpy.ascontiguousarray(data[:, :10]), numpy.ascontiguousarray(data[:, 10])
    step = max(1, len(x) // 10000)
    some, some_y = x[::step][:10000], y[::step][:10000]
    reference = x[::max(1, len(x) // 4096)][:4096]
    edges = [numpy.quantile(reference[:, j], numpy.arange(1, 10) / 10) for j in range(10)]
    fitted = LinearRegression().fit(x, y)
    mean = x.mean(axis=0)
    times, results = in_turn({
        "importance": lambda _: value(connection, IMPORTANCE),
        "peer importance": lambda seed: permutation_importance(
            fitted, some, some_y, scoring="neg_root_mean_squared_error", n_repeats=5, random_state=seed),
        "drift": lambda _: value(connection, DRIFT),
        "peer drift": lambda _: peer_drift(x, reference, edges),
        "explain": lambda _: connection.execute(EXPLAIN).fetchone(),
        "peer explain": lambda _: ((x[:100000] - mean) * fitted.coef_).sum(),
    })
    shape = size(connection, "sales", 10)
    add(table, "ecml_importance, 5 repeats", "default", f"{len(some):,} of {shape}", times["importance"],
        "scikit-learn permutation_importance", times["peer importance"], 0.2,
        f"sum {results['importance'][0]:.6g}", f"sum {results['peer importance'][0].importances_mean.sum():.6g}")
    add(table, "ecml_drift", "default", shape, times["drift"], "SciPy ks_2samp, numpy bins", times["peer drift"], 1.0,
        f"greatest PSI {results['drift'][0]:.4f}", f"{results['peer drift'][0]:.4f}")
    add(table, "ecml_explain, a row each", "default", "100,000 x 10", times["explain"], "numpy (x - mean) * b",
        times["peer explain"], None, f"{results['explain'][0][0]:,} rows")
