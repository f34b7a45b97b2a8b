"""Speed: the SQL statement beside a peer on arrays in memory, beside a plain query, and beside the way by export.

The way by export is what is done without ecml: read_sql over the socket, fit, write the result back; what is written
back is no more than what the SQL statement keeps (centroids, coefficients, a result).
"""
import functools
import json

import numpy
import pandas
import scipy.stats
import sqlalchemy
import statsmodels.api
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV

from harness import REPEAT, Table, array, connect, in_turn, value

EXPORT_REPEAT = 3
SETTINGS = {"default": {}, "no parallel query": {"max_parallel_workers_per_gather": 0}}
X10 = ", ".join(f"x{i}" for i in range(1, 11))
SUMS = "SELECT sum(y), " + ", ".join(f"sum(x{i})" for i in range(1, 11)) + " FROM {table}"
AGGREGATE = f"SELECT ecml_linreg('{{{{}}}}', y, {X10}) FROM {{table}}"


def speed_table():
    return Table("Speed", "Ratio: time of the peer by that of ecml, the table's scan included. Against a plain query a "
                 "ratio of 0.67 is 1.5 times its time, 0.5 twice. Export: read_sql, fit, write back.",
                 ["what", "settings", "rows x columns", "ecml ms", "peer", "peer ms", "ratio", "target", "ok",
                  "quality of ecml", "quality of the peer", "export ms", "export ratio (target 5)", "export ok"])


@functools.cache
def engine():
    return sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: connect())


def size(connection, name, columns):
    return f"{value(connection, f'SELECT count(*) FROM {name}'):,} x {columns}"


def add(table, what, settings, shape, ours, peer, theirs, target, quality, peer_quality="", export=None):
    ratio = theirs / ours
    table.add(what, settings, shape, ours, peer, theirs, ratio, target, None if target is None else ratio >= target,
              quality, peer_quality, export, export / ours if export else None,
              export / ours >= 5 if export else None)


def apart(ours, theirs):
    """The largest relative difference."""
    return f"{numpy.max(numpy.abs(ours / theirs - 1)):.0e}"


# ---- k-means

def train_kmeans(connection, name, seed):
    return value(connection, "SELECT metrics FROM ecml_train('bench k-means', 'kmeans', %s, options => %s)", name,
                 json.dumps({"k": 8, "n_init": 1, "standardize": False, "seed": seed}))


def export_kmeans(seed):
    frame = pandas.read_sql("SELECT * FROM points", engine())
    fitted = KMeans(8, n_init=1, random_state=seed).fit(frame.to_numpy())
    pandas.DataFrame(fitted.cluster_centers_, columns=frame.columns).to_sql("exported", engine(), if_exists="replace")


def kmeans(table):
    connection = connect()
    wide = array(connection, "SELECT * FROM points")
    narrow = wide.astype(numpy.float32)
    times, results = in_turn({
        "ecml": lambda seed: train_kmeans(connection, "points", seed),
        "float64": lambda seed: KMeans(8, n_init=1, random_state=seed).fit(wide),
        "float32": lambda seed: KMeans(8, n_init=1, random_state=seed).fit(narrow),
    })
    export = in_turn({"export": export_kmeans}, min(REPEAT, EXPORT_REPEAT), warm=False)[0]["export"]
    quality = (f"inertia {numpy.mean([r['inertia'] for r in results['ecml']]):.6g}, "
               f"{numpy.mean([r['iterations'] for r in results['ecml']]):.0f} iterations")
    for peer in ("float64", "float32"):
        add(table, "ecml_train kmeans, k = 8", "default", size(connection, "points", 8), times["ecml"],
            f"scikit-learn KMeans, {peer}", times[peer], 3.0, quality,
            f"inertia {numpy.mean([r.inertia_ for r in results[peer]]):.6g}, "
            f"{numpy.mean([r.n_iter_ for r in results[peer]]):.0f} iterations", export if peer == "float64" else None)


# ---- linear regression

def train_linreg(connection, name):
    return value(connection, "SELECT metrics FROM ecml_train('bench line', 'linreg', %s, 'y')", name)


def export_linreg(_):
    frame = pandas.read_sql("SELECT * FROM sales", engine())
    x = frame.drop(columns="y")
    fitted = LinearRegression().fit(x.to_numpy(), frame["y"].to_numpy())
    pandas.DataFrame({"term": x.columns, "estimate": fitted.coef_}).to_sql("exported", engine(), if_exists="replace")


def linreg(table):
    connections = {name: connect(**settings) for name, settings in SETTINGS.items()}
    connection = connections["default"]
    data = array(connection, f"SELECT {X10}, y FROM sales")
    x = numpy.ascontiguousarray(data[:, :10])
    y = numpy.ascontiguousarray(data[:, 10])
    functions = {
        "peer": lambda _: LinearRegression().fit(x, y),
        "statsmodels": lambda _: statsmodels.api.OLS(y, statsmodels.api.add_constant(x)).fit().bse,
    }
    for name, session in connections.items():
        functions["train", name] = lambda _, c=session: train_linreg(c, "sales")
        functions["aggregate", name] = lambda _, c=session: value(c, AGGREGATE.format(table="sales"))
        functions["sums", name] = lambda _, c=session: value(c, SUMS.format(table="sales"))
    times, results = in_turn(functions)
    export = in_turn({"export": export_linreg}, min(REPEAT, EXPORT_REPEAT), warm=False)[0]["export"]

    fitted = results["peer"][0]
    ours = numpy.array(connection.execute("SELECT estimate, std_error FROM ecml_coefficients('bench line') "
                                          "WHERE term <> '(intercept)'").fetchall())
    quality = (f"R2 {results['train', 'default'][0]['r2']:.12f}, coefficients {apart(ours[:, 0], fitted.coef_)} from "
               f"scikit-learn's, standard errors {apart(ours[:, 1], results['statsmodels'][0][1:])} from statsmodels'")
    shape = size(connection, "sales", 10)
    calls = {"train": "ecml_train linreg", "aggregate": "SELECT ecml_linreg(...)"}
    for call, what in calls.items():
        add(table, what, "default", shape, times[call, "default"], "scikit-learn LinearRegression", times["peer"], 2.0,
            quality, f"R2 {fitted.score(x, y):.12f}", export)
    add(table, calls["train"], "default", shape, times["train", "default"], "statsmodels OLS", times["statsmodels"],
        None, "")
    for call, what in calls.items():
        for name in SETTINGS:
            add(table, what, name, shape, times[call, name], "SELECT of 11 sum()", times["sums", name], 1 / 1.5, "")


# ---- search for options: 10 penalties, 5 folds

ALPHAS = [0.01, 0.1, 0.5, 1, 5, 10, 50, 100, 500, 1000]
SEARCH = """SELECT min(metric) FROM ecml_tune('linreg', 'searched', 'y', NULL, %s)"""


def export_tune(_):
    frame = pandas.read_sql("SELECT * FROM searched", engine())
    found = ridge_search(frame.drop(columns="y").to_numpy(), frame["y"].to_numpy())
    pandas.DataFrame({"alpha": ALPHAS, "score": found.cv_results_["mean_test_score"]}).to_sql(
        "exported", engine(), if_exists="replace")


def ridge_search(x, y):
    return GridSearchCV(Ridge(), {"alpha": ALPHAS}, cv=5, scoring="neg_root_mean_squared_error", refit=False).fit(x, y)


def tune(table):
    connection = connect()
    connection.execute(f"DROP TABLE IF EXISTS searched; CREATE TABLE searched AS SELECT {X10}, y FROM sales "
                       f"LIMIT (SELECT greatest(count(*) / 10, 100) FROM sales)")
    connection.execute("VACUUM ANALYZE searched")
    data = array(connection, f"SELECT {X10}, y FROM searched")
    x = numpy.ascontiguousarray(data[:, :10])
    y = numpy.ascontiguousarray(data[:, 10])
    times, results = in_turn({
        "ecml": lambda _: value(connection, SEARCH, json.dumps({"alpha": ALPHAS})),
        "peer": lambda _: ridge_search(x, y),
    })
    export = in_turn({"export": export_tune}, min(REPEAT, EXPORT_REPEAT), warm=False)[0]["export"]
    add(table, "ecml_tune linreg, 5 folds x 10 penalties", "default", size(connection, "searched", 10), times["ecml"],
        "scikit-learn GridSearchCV, Ridge", times["peer"], 2.0, f"rmse {results['ecml'][0]:.6f}",
        f"rmse {-results['peer'][0].cv_results_['mean_test_score'].max():.6f}", export)


# ---- t-test

TEST = "SELECT ecml_ttest(revenue, variant) FROM visits"
FIELDS = "SELECT (t).statistic, (t).p_value FROM (SELECT ecml_ttest(revenue, variant) AS t FROM visits OFFSET 0) r"
GROUPS = "SELECT variant, avg(revenue), stddev(revenue) FROM visits GROUP BY variant"


def export_ttest(_):
    frame = pandas.read_sql("SELECT revenue, variant FROM visits", engine())
    control = frame["variant"] == "control"
    result = scipy.stats.ttest_ind(frame["revenue"][control], frame["revenue"][~control], equal_var=False)
    pandas.DataFrame({"statistic": [result.statistic], "p": [result.pvalue]}).to_sql("exported", engine(),
                                                                                     if_exists="replace")


def ttest(table):
    connections = {name: connect(**settings) for name, settings in SETTINGS.items()}
    connection = connections["default"]
    control, treatment = (array(connection, f"SELECT revenue FROM visits WHERE variant = '{variant}'")[:, 0]
                          for variant in ("control", "treatment"))
    functions = {"peer": lambda _: scipy.stats.ttest_ind(control, treatment, equal_var=False)}
    for name, session in connections.items():
        functions["ecml", name] = lambda _, c=session: c.execute(TEST).fetchone()
        functions["groups", name] = lambda _, c=session: c.execute(GROUPS).fetchall()
    times, results = in_turn(functions)
    export = in_turn({"export": export_ttest}, min(REPEAT, EXPORT_REPEAT), warm=False)[0]["export"]
    statistic, p_value = connection.execute(FIELDS).fetchone()
    peer = results["peer"][0]
    quality = (f"t {statistic:.12g}, p {p_value:.12g}; {apart(statistic, peer.statistic)} and "
               f"{apart(p_value, peer.pvalue)} from the peer's")
    shape = size(connection, "visits", 1)
    for name in SETTINGS:
        add(table, "SELECT ecml_ttest(...)", name, shape, times["ecml", name], "SELECT avg, stddev GROUP BY",
            times["groups", name], 1 / 1.5, quality, "", export if name == "default" else None)
    add(table, "SELECT ecml_ttest(...)", "default", shape, times["ecml", "default"], "scipy.stats.ttest_ind, arrays",
        times["peer"], None, quality, f"t {peer.statistic:.12g}, p {peer.pvalue:.12g}")


# ---- prediction

PREDICTIONS = {
    "by name": "SELECT sum(ecml_predict('bench four', a, b, c, d)) FROM four",
    "by value": "SELECT sum(ecml_predict((SELECT ecml_load('bench four')), a, b, c, d)) FROM four",
}


def export_predict(fitted, _):
    frame = pandas.read_sql("SELECT a, b, c, d FROM four", engine())
    total = fitted.predict(frame.to_numpy()).sum()
    pandas.DataFrame({"total": [total]}).to_sql("exported", engine(), if_exists="replace")
    return total


def predict(table):
    connections = {name: connect(**settings) for name, settings in SETTINGS.items()}
    connection = connections["default"]
    connection.execute("SELECT ecml_train('bench four', 'linreg', 'four', 'y')")
    data = array(connection, "SELECT a, b, c, d, y FROM four")
    fitted = LinearRegression().fit(data[:, :4], data[:, 4])
    functions = {}
    for name, session in connections.items():
        functions["sum", name] = lambda _, c=session: value(c, "SELECT sum(a + b + c + d) FROM four")
        for how, query in PREDICTIONS.items():
            functions[how, name] = lambda _, c=session, q=query: value(c, q)
    times, results = in_turn(functions)
    exported, totals = in_turn({"export": functools.partial(export_predict, fitted)}, min(REPEAT, EXPORT_REPEAT),
                               warm=False)
    shape = size(connection, "four", 4)
    for how in PREDICTIONS:
        for name in SETTINGS:
            add(table, f"sum(ecml_predict(...)), {how}", name, shape, times[how, name], "sum(a + b + c + d)",
                times["sum", name], 0.5, f"sum {results[how, name][0]:.12g}",
                f"scikit-learn {totals['export'][0]:.12g}", exported["export"] if name == "default" else None)
