"""Random forests beside scikit-learn: training, scoring; quality on real data over the same folds."""
import json
import os
import pathlib

import numpy
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import roc_auc_score

from boosting import SETS, TABLE, X20, load, measure
from harness import SCALE, Table, array, connect, in_turn, value
from speed import add, size


def forest(table):
    connection = connect()
    connection.execute("SET max_parallel_workers_per_gather = 0")
    connection.execute("DROP TABLE IF EXISTS boosted")
    connection.execute(TABLE % int(100_000 * SCALE))
    connection.execute("RESET max_parallel_workers_per_gather")
    connection.execute("VACUUM ANALYZE boosted")
    data = array(connection, f"SELECT {X20}, y::float8 FROM boosted")
    x = numpy.ascontiguousarray(data[:, :20])
    y = data[:, 20].astype(int)
    train = "SELECT metrics FROM ecml_train('bench forest', 'random_forest', 'boosted', 'y', options => '{\"min_samples_leaf\": 1}')"
    # scikit-learn takes minutes: once
    times, results = in_turn({
        "ecml": lambda _: value(connection, train),
        "scikit-learn": lambda _: RandomForestClassifier(100, n_jobs=2, oob_score=True, random_state=0).fit(x, y),
    }, 1)
    peer = results["scikit-learn"][0]
    add(table, "ecml_train random_forest, 100 trees", "default", size(connection, "boosted", 20), times["ecml"],
        "scikit-learn RandomForestClassifier, n_jobs=2", times["scikit-learn"], 1.0,
        f"out-of-bag ROC AUC {results['ecml'][0]['oob']['roc_auc']:.4f}",
        f"out-of-bag ROC AUC {roc_auc_score(y, peer.oob_decision_function_[:, 1]):.4f}")
    connection.execute("DROP TABLE boosted")


def quality_table():
    return Table("Quality of random forests", "Means of five folds, the same for both, 100 trees, other options default; categories of "
                 "scikit-learn one-hot; targets: ROC AUC at most 0.003 below scikit-learn's, RMSE 1 % above.",
                 ["data", "rows x columns", "metric", "ecml", "scikit-learn", "difference", "ok"])


def one_hot(matrix, kinds, features):
    columns = []
    for j in features:
        column = numpy.nan_to_num(matrix[:, j], nan=-999)
        columns.extend([column] if kinds[j] else [column == code for code in numpy.unique(column)])
    return numpy.column_stack(columns).astype(numpy.float32)


def quality(table):
    connection = connect(client_min_messages="error")
    for title, path, target, dropped, metric in SETS:
        path = pathlib.Path(os.environ["ECML_DATA"]) / path
        if metric == "pr":
            continue
        if not path.exists():
            print(f"left out: {title} ({path} is not there)")
            continue
        names, kinds, matrix, folds = load(connection, path, target, dropped)
        features = [j for j, name in enumerate(names) if name != target]
        y = matrix[:, names.index(target)]
        x = one_hot(matrix, kinds, features)
        columns = ", ".join(f'"{names[j]}"' for j in features)
        ours = []
        theirs = []
        for fold in range(5):
            train = folds != fold
            connection.execute("SELECT ecml_train('bench fold', 'random_forest', %s, %s, %s, %s)",
                               (f"SELECT * FROM folds WHERE fold <> {fold}", target, [names[j] for j in features],
                                json.dumps({"criterion": "squared_error" if metric == "rmse" else "gini"})))
            rows = connection.execute(f"SELECT ecml_predict('bench fold', {columns}) FROM folds WHERE fold = {fold} "
                                      "ORDER BY place").fetchall()
            ours.append(measure(metric, y[~train], numpy.array(rows, float)[:, 0]))
            if metric == "rmse":
                p = RandomForestRegressor(100, n_jobs=2, random_state=0).fit(x[train], y[train]).predict(x[~train])
            else:
                p = RandomForestClassifier(100, n_jobs=2, random_state=0).fit(x[train], y[train]).predict_proba(x[~train])[:, 1]
            theirs.append(measure(metric, y[~train], p))
        a, b = numpy.mean(ours), numpy.mean(theirs)
        table.add(title, f"{len(y):,} x {len(features)}", "RMSE" if metric == "rmse" else "ROC AUC", f"{a:.4f}", f"{b:.4f}", f"{a - b:+.4f}",
                  bool(a <= 1.01 * b if metric == "rmse" else a >= b - 0.003))
