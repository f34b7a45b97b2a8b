"""Gradient boosting beside LightGBM and scikit-learn: training, scoring, memory; quality on real data over the same folds."""
import csv
import gzip
import json
import os
import pathlib

import lightgbm
import numpy
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from harness import REPEAT, SCALE, Table, array, connect, in_turn, value
from speed import add, size

FEWER = min(REPEAT, 3)
X20 = ", ".join(f"x{i}" for i in range(1, 21))
NORMALS = ", ".join(f"normal() AS x{i}" for i in range(1, 16))
TABLE = f"""CREATE TABLE boosted AS
SELECT {X20}, (random() < 1 / (1 + exp(1 - x1 - x2 * x3 / 2 + abs(x4) - sin(2 * x5) - x16 * x18 / 50 - (x17 > 18)::int)))::int AS y
FROM (SELECT {NORMALS}, round(20 * exp(normal())::numeric, 2)::float8 AS x16, floor(24 * random()) AS x17,
    round(random()) AS x18, floor(-3 * ln(1 - random())) AS x19, exp(2 * normal()) AS x20
    FROM generate_series(1, %s) OFFSET 0) r"""
LIGHT = {"objective": "binary", "num_leaves": 31, "num_threads": 2, "verbose": -1}


def light(x, y, **params):
    return lightgbm.train(LIGHT | params, lightgbm.Dataset(x, y), 100)


def gbdt(table):
    connection = connect()
    connection.execute("SET max_parallel_workers_per_gather = 0")
    connection.execute(TABLE % int(1_000_000 * SCALE))
    connection.execute("RESET max_parallel_workers_per_gather")
    connection.execute("VACUUM ANALYZE boosted")
    data = array(connection, f"SELECT {X20}, y::float8 FROM boosted")
    x = numpy.ascontiguousarray(data[:, :20])
    y = data[:, 20].astype(int)
    times, results = in_turn({
        "ecml": lambda _: value(connection, "SELECT metrics FROM ecml_train('bench boosting', 'gbdt', 'boosted', 'y')"),
        "lightgbm": lambda _: light(x, y),
        "scikit-learn": lambda _: HistGradientBoostingClassifier(max_iter=100, early_stopping=False).fit(x, y),
    }, FEWER)
    shape = size(connection, "boosted", 20)
    quality = f"log loss {results['ecml'][0]['train']:.5f}"
    peer = results["lightgbm"][0]
    add(table, "ecml_train gbdt, 100 trees, 31 leaves", "default", shape, times["ecml"], "LightGBM, 2 threads, Dataset and train",
        times["lightgbm"], 1.0, quality, f"log loss {log_loss(y, peer.predict(x)):.5f}")
    add(table, "ecml_train gbdt, 100 trees, 31 leaves", "default", shape, times["ecml"], "scikit-learn HistGradientBoosting",
        times["scikit-learn"], 2.0, quality, f"log loss {log_loss(y, results['scikit-learn'][0].predict_proba(x)[:, 1]):.5f}")
    score = f"SELECT sum(ecml_predict('bench boosting', {X20})) FROM boosted"
    times, results = in_turn({
        "ecml": lambda _: value(connection, score),
        "lightgbm": lambda _: peer.predict(x, num_threads=2).sum(),
    }, FEWER)
    add(table, "sum(ecml_predict(...)), gbdt", "default", shape, times["ecml"], "LightGBM predict, 2 threads", times["lightgbm"], 1.0,
        f"sum {results['ecml'][0]:.6g}", f"sum {results['lightgbm'][0]:.6g}")


# ---- quality

def quality_table():
    return Table("Quality of gradient boosting", "Means of five folds, the same for both, 100 trees of 31 leaves, other options default; "
                 "targets: ROC AUC at most 0.002 below LightGBM's, average precision 0.01, RMSE 1 % above.",
                 ["data", "rows x columns", "metric", "ecml", "LightGBM", "difference", "ok"])


SETS = [
    ("adult_train", "classification/adult_train.csv.gz", "income", (), "roc"),
    ("bank_marketing, without duration", "classification/bank_marketing.csv.gz", "y", ("duration",), "roc"),
    ("online_shoppers", "classification/online_shoppers.csv.gz", "Revenue", (), "roc"),
    ("telco_churn", "classification/telco_churn.csv.gz", "Churn", ("customerID",), "roc"),
    ("creditcard_fraud_sample", "anomaly/creditcard_fraud_sample.csv.gz", "Class", (), "pr"),
    ("delivery_times", "regression/delivery_times.csv.gz", "time_to_delivery", (), "rmse"),
]


def number(cell):
    try:
        float(cell)
        return True
    except ValueError:
        return False


def load(connection, path, target, dropped):
    """The file as table folds (columns as they are named, fold, place): whether each is a number; and as a matrix with category codes."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = list(csv.reader(lines))
    names = [name for name in rows[0] if name not in dropped]
    places = [rows[0].index(name) for name in names]
    cells = [[row[p].strip() if row[p].strip() not in ("", "?") else None for p in places] for row in rows[1:]]
    kinds = [all(row[j] is None or number(row[j]) for row in cells) for j in range(len(names))]
    folds = numpy.empty(len(cells), int)
    folds[numpy.random.default_rng(0).permutation(len(cells))] = numpy.arange(len(cells)) % 5
    types = ", ".join(f'"{name}" {"float8" if kind else "text"}' for name, kind in zip(names, kinds))
    connection.execute("DROP TABLE IF EXISTS folds")
    connection.execute(f"CREATE TABLE folds ({types}, fold int, place int)")
    with connection.cursor() as cursor, cursor.copy("COPY folds FROM STDIN") as copy:
        for place, (row, fold) in enumerate(zip(cells, folds)):
            copy.write_row(row + [int(fold), place])
    connection.execute("ANALYZE folds")
    matrix = numpy.full((len(cells), len(names)), numpy.nan)
    for j, kind in enumerate(kinds):
        codes = {} if kind else {c: i for i, c in enumerate(sorted({row[j] for row in cells if row[j] is not None}))}
        for i, row in enumerate(cells):
            if row[j] is not None:
                matrix[i, j] = float(row[j]) if kind else codes[row[j]]
    return names, kinds, matrix, folds


def measure(metric, y, p):
    return {"roc": roc_auc_score, "pr": average_precision_score,
            "rmse": lambda y, p: numpy.sqrt(numpy.mean((y - p) ** 2))}[metric](y, p)


def quality(table):
    connection = connect(client_min_messages="error")
    for title, path, target, dropped, metric in SETS:
        path = pathlib.Path(os.environ["ECML_DATA"]) / path
        if not path.exists():
            print(f"left out: {title} ({path} is not there)")
            continue
        names, kinds, matrix, folds = load(connection, path, target, dropped)
        features = [j for j, name in enumerate(names) if name != target]
        y = matrix[:, names.index(target)]
        columns = ", ".join(f'"{names[j]}"' for j in features)
        ours = []
        theirs = []
        for fold in range(5):
            train = folds != fold
            connection.execute("SELECT ecml_train('bench fold', 'gbdt', %s, %s, %s, %s)",
                               (f"SELECT * FROM folds WHERE fold <> {fold}", target, [names[j] for j in features],
                                json.dumps({"objective": "squared_error" if metric == "rmse" else "logistic"})))
            rows = connection.execute(f"SELECT ecml_predict('bench fold', {columns}) FROM folds WHERE fold = {fold} "
                                      "ORDER BY place").fetchall()
            ours.append(measure(metric, y[~train], numpy.array(rows, float)[:, 0]))
            dataset = lightgbm.Dataset(matrix[train][:, features], y[train],
                                       categorical_feature=[k for k, j in enumerate(features) if not kinds[j]])
            peer = lightgbm.train({"objective": "regression" if metric == "rmse" else "binary", "num_leaves": 31, "num_threads": 1,
                                   "verbose": -1}, dataset, 100)
            theirs.append(measure(metric, y[~train], peer.predict(matrix[~train][:, features])))
        a, b = numpy.mean(ours), numpy.mean(theirs)
        ok = a >= b - (0.002 if metric == "roc" else 0.01) if metric != "rmse" else a <= 1.01 * b
        table.add(title, f"{len(y):,} x {len(features)}", {"roc": "ROC AUC", "pr": "average precision", "rmse": "RMSE"}[metric],
                  f"{a:.4f}", f"{b:.4f}", f"{a - b:+.4f}", bool(ok))
