"""Isolation forest: the SQL statements beside scikit-learn and isotree on arrays in memory; how well it finds known anomalies."""
import csv
import gzip
import os
import pathlib

import numpy
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from harness import REPEAT, SCALE, Table, array, connect, in_turn, value

SEEDS = 10


def isolation_table():
    return Table("Isolation forest", "Ratio: time of the peer, on arrays in memory, by that of ecml, the table's scan included: "
                 "fit and score of all rows. Quality: mean area under the ROC curve over sets of known anomalies, "
                 f"{SEEDS} seeds each.", ["what", "rows x columns", "ecml", "peer", "peer's", "ratio", "target", "ok", "note"])


def speed(table):
    connection = connect()
    rows = int(1_000_000 * SCALE)
    connection.execute("SELECT setseed(0.5)")
    connection.execute("DROP TABLE IF EXISTS isolation")
    connection.execute("CREATE TABLE isolation AS SELECT random() AS a, random() + random() AS b, random() ^ 2 AS c, "
                       f"10 * random() AS d FROM generate_series(1, {rows})")
    connection.execute("VACUUM ANALYZE isolation")
    data = array(connection, "SELECT * FROM isolation")

    def ours(_):
        value(connection, "SELECT seconds FROM ecml_train('bench iforest', 'iforest', 'isolation')")
        return value(connection, "SELECT sum(ecml_iforest_score('bench iforest', a, b, c, d)) FROM isolation")

    def peer(jobs):
        return lambda _: IsolationForest(random_state=1, n_jobs=jobs).fit(data).score_samples(data).sum()

    runs = {"ecml": ours, "scikit-learn": peer(None), "scikit-learn 2 jobs": peer(2)}
    targets = {"scikit-learn": 20.0, "scikit-learn 2 jobs": 20.0}
    try:
        import isotree
        runs["isotree 2 threads"] = lambda _: isotree.IsolationForest(ntrees=100, sample_size=256, ndim=1, nthreads=2) \
            .fit(data).predict(data).sum()
        targets["isotree 2 threads"] = 1.0
    except ImportError:
        print("left out: isotree (not installed)")
    times, _ = in_turn(runs, min(REPEAT, 3))
    for name, target in targets.items():
        table.add("fit and score", f"{rows:,} x 4", f"{times['ecml']:.0f} ms", name, f"{times[name]:.0f} ms", times[name] / times["ecml"],
                  target, times[name] / times["ecml"] >= target, "")


def sets():
    """name, features [rows][columns], label"""
    folder = pathlib.Path(os.environ["ECML_DATA"]) / "anomaly"
    for path in sorted(folder.glob("adbench_*.csv.gz")) + sorted(folder.glob("creditcard_fraud_sample.csv.gz")):
        with gzip.open(path, "rt") as file:
            lines = list(csv.reader(file))
        cells = numpy.array(lines[1:], dtype=float)
        first = 1 if "creditcard" in path.name else 0      # not the time
        yield path.name.split(".")[0].replace("adbench_", ""), cells[:, first:-1], cells[:, -1]


def quality(table):
    connection = connect()
    means = {"ecml": [], "extended": [], "sklearn": []}
    notes = []
    for name, x, y in sets():
        connection.execute("DROP TABLE IF EXISTS isolation_set")
        columns = [f"f{j}" for j in range(x.shape[1])]
        connection.execute(f"CREATE TABLE isolation_set ({', '.join(c + ' float8' for c in columns)}, label int)")
        with connection.cursor().copy("COPY isolation_set FROM STDIN") as copy:
            for row, label in zip(x, y):
                copy.write_row(list(row) + [int(label)])
        connection.execute("ANALYZE isolation_set")
        auc = {key: [] for key in means}
        features = "{" + ",".join(columns) + "}"
        for seed in range(SEEDS):
            for key, level in (("ecml", 0), ("extended", min(x.shape[1] - 1, int(os.environ.get("LEVEL", 1000))))):
                connection.execute("SELECT ecml_train('bench iforest', 'iforest', 'isolation_set', NULL, %s, %s)",
                                   (features, f'{{"seed": {seed}, "extension_level": {level}}}'))
                result = value(connection, "SELECT ecml_evaluate('bench iforest', 'isolation_set', '{\"label\": \"label\"}')")
                auc[key].append(result["roc_auc"])
            peer = IsolationForest(random_state=seed).fit(x)
            auc["sklearn"].append(roc_auc_score(y, -peer.score_samples(x)))
        for key in means:
            means[key].append(numpy.mean(auc[key]))
        notes.append(f"{name} {means['ecml'][-1]:.3f} / {means['extended'][-1]:.3f} / {means['sklearn'][-1]:.3f}")
    if not notes:
        print("left out: sets of known anomalies (not there)")
        return
    mean = {key: numpy.mean(means[key]) for key in means}
    table.add("ROC AUC, one column a split", f"{len(notes)} sets", f"{mean['ecml']:.4f}", "scikit-learn", f"{mean['sklearn']:.4f}",
              mean["ecml"] - mean["sklearn"], -0.005, bool(mean["ecml"] >= mean["sklearn"] - 0.005), "; ".join(notes))
    table.add("ROC AUC, planes (extended)", f"{len(notes)} sets", f"{mean['extended']:.4f}", "scikit-learn", f"{mean['sklearn']:.4f}",
              mean["extended"] - mean["sklearn"], None, True, "")


def iforest(table):
    speed(table)
    quality(table)
