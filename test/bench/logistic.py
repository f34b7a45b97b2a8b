"""Logistic regression beside scikit-learn (its default, and as exact as ecml) and statsmodels; scores beside a sum of columns."""
import numpy
import pandas
import statsmodels.api
from sklearn.linear_model import LogisticRegression

from harness import REPEAT, array, connect, in_turn, value
from speed import EXPORT_REPEAT, SETTINGS, X10, add, apart, engine, size

X200 = ", ".join(f"x{i}" for i in range(1, 201))
SUM4 = "SELECT sum(x1 + x2 + x3 + x4) FROM buyers"
SCORE = "SELECT sum(ecml_predict('bench score', x1, x2, x3, x4)) FROM buyers"


def train(connection, name):
    return value(connection, "SELECT metrics FROM ecml_train('bench class', 'logreg', %s, 'y')", name)


def export(name):
    frame = pandas.read_sql(f"SELECT * FROM {name}", engine())
    x = frame.drop(columns="y")
    fitted = LogisticRegression().fit(x.to_numpy(), frame["y"].to_numpy())
    pandas.DataFrame({"term": x.columns, "estimate": fitted.coef_[0]}).to_sql("exported", engine(), if_exists="replace")


def fits(table, name, columns, target):
    connection = connect()
    data = array(connection, f"SELECT {X10 if columns == 10 else X200}, y::float8 FROM {name}")
    x = numpy.ascontiguousarray(data[:, :columns])
    y = data[:, columns].astype(int)
    times, results = in_turn({
        "ecml": lambda _: train(connection, name),
        "default": lambda _: LogisticRegression().fit(x, y),
        "exact": lambda _: LogisticRegression(C=numpy.inf, solver="newton-cholesky", tol=1e-10).fit(x, y),
    })
    one = statsmodels.api.add_constant(x)
    exported = in_turn({"export": lambda _: export(name)}, min(REPEAT, EXPORT_REPEAT), warm=False)[0]["export"]
    errors, model = in_turn({"statsmodels": lambda _: statsmodels.api.Logit(y, one).fit(disp=0, method="newton", tol=1e-12)},
                            1, warm=False)
    model = model["statsmodels"][0]
    ours = numpy.array(connection.execute("SELECT estimate, std_error FROM ecml_coefficients('bench class')").fetchall())
    quality = (f"log loss {results['ecml'][0]['log_loss']:.12f}, coefficients {apart(ours[:, 0], model.params)} from statsmodels', "
               f"standard errors {apart(ours[:, 1], model.bse)}")
    shape = size(connection, name, columns)
    for peer, goal in (("default", target), ("exact", None)):
        fitted = results[peer][0]
        loss = -numpy.log(fitted.predict_proba(x)[numpy.arange(len(y)), y]).mean()
        add(table, "ecml_train logreg", "default", shape, times["ecml"],
            "scikit-learn LogisticRegression" + ("" if peer == "default" else ", newton-cholesky, no penalty"), times[peer],
            goal, quality, f"log loss {loss:.12f}", exported if peer == "default" else None)
    add(table, "ecml_train logreg", "default", shape, times["ecml"], "statsmodels Logit", errors["statsmodels"], None, "")


def scores(table):
    connections = {name: connect(**settings) for name, settings in SETTINGS.items()}
    connections["default"].execute("SELECT ecml_train('bench score', 'logreg', 'buyers', 'y', '{x1,x2,x3,x4}')")
    functions = {}
    for name, session in connections.items():
        functions["sum", name] = lambda _, c=session: value(c, SUM4)
        functions["score", name] = lambda _, c=session: value(c, SCORE)
    times, results = in_turn(functions)
    for name in SETTINGS:
        add(table, "sum(ecml_predict(...)), logreg", name, size(connections["default"], "buyers", 4), times["score", name],
            "sum(x1 + x2 + x3 + x4)", times["sum", name], 0.4, f"sum {results['score', name][0]:.12g}")


def logreg(table):
    fits(table, "buyers", 10, 3.0)
    fits(table, "signals", 200, 1.5)
    scores(table)
