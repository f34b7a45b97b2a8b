"""Ten times the rows: time, and memory within a small budget."""
import json

from harness import Peak, Table, column, connect, in_turn, time_of, value
from speed import AGGREGATE, SUMS, train_kmeans, train_linreg

REPEAT_BIG = 5


def growth_table():
    return Table("Ten times the rows", "Times of one and of ten million rows in turn; k-means with the same seeds.",
                 ["what", "ms", "ms, ten times the rows", "factor", "target", "ok"])


def big(table):
    connection = connect()
    queries = {
        "ecml_train kmeans": (lambda name, n: train_kmeans(connection, name, n), "points"),
        "ecml_train linreg": (lambda name, n: train_linreg(connection, name), "sales"),
        "SELECT ecml_linreg(...)": (lambda name, n: value(connection, AGGREGATE.format(table=name)), "sales"),
        "SELECT of 11 sum()": (lambda name, n: value(connection, SUMS.format(table=name)), "sales"),
    }
    for what, (function, name) in queries.items():
        times, _ = in_turn({suffix: lambda n, f=function, t=name + suffix: f(t, n) for suffix in ("", "_big")},
                           REPEAT_BIG)
        factor = times["_big"] / times[""]
        ours = what.startswith("ecml") or "ecml_" in what
        table.add(what, times[""], times["_big"], factor, "<= 11" if ours else "", factor <= 11 if ours else None)


def memory_table():
    return Table("Memory",
                 "Training in a new session: the backend's own memory (RssAnon), at its peak less that before, in MB.",
                 ["what", "ecml.work_mem", "seconds", "before", "peak", "more", "target", "ok", "result", "the same"])


TRAININGS = {
    "kmeans": ("SELECT metrics FROM ecml_train('bench memory', 'kmeans', 'points_big', options => %s)",
               {"k": 8, "n_init": 1, "standardize": False, "seed": 1}),
    "kmeans, standardized": ("SELECT metrics FROM ecml_train('bench memory', 'kmeans', 'points_big', options => %s)",
                             {"k": 8, "n_init": 1, "seed": 1}),
}


def memory(table):
    for what, (query, options) in TRAININGS.items():
        first = None
        for limit in (1024, 64):
            with connect(ecml__work_mem=f"{limit}MB") as connection:
                # the table's pages are mapped, the catalogs are read: what follows is the training's
                connection.execute("SELECT count(*) FROM points_big")
                connection.execute("SELECT * FROM ecml.models")
                with Peak(connection) as peak:
                    took, metrics = time_of(value, connection, query, json.dumps(options))
                centroids = column(connection, "SELECT centroid FROM ecml_centroids('bench memory')")
            more = peak.peak - peak.before
            if first is None:
                first = (metrics, centroids)
            table.add(what, f"{limit} MB", took / 1e3, peak.before, peak.peak, more, f"<= {limit * 1.2:.0f}",
                      bool(more <= limit * 1.2),
                      f"inertia {metrics['inertia']:.12g}, {metrics['iterations']} iterations",
                      None if limit == 1024 else first == (metrics, centroids))
