"""Metrics of a column of scores beside scikit-learn's on arrays in memory."""
import numpy
import pandas
import sklearn.metrics

from harness import REPEAT, array, connect, in_turn, value
from speed import EXPORT_REPEAT, SETTINGS, add, engine, size

METRICS = "SELECT ecml_metrics(y, score) FROM scored"
NAMES = {"roc_auc": sklearn.metrics.roc_auc_score, "pr_auc": sklearn.metrics.average_precision_score,
         "log_loss": sklearn.metrics.log_loss}


def peer(y, score):
    return {name: function(y, score) for name, function in NAMES.items()}


def export_metrics(_):
    frame = pandas.read_sql("SELECT y, score FROM scored", engine())
    pandas.DataFrame([peer(frame["y"].to_numpy(), frame["score"].to_numpy())]).to_sql("exported", engine(), if_exists="replace")


def metrics(table):
    connections = {name: connect(**settings) for name, settings in SETTINGS.items()}
    connection = connections["default"]
    data = array(connection, "SELECT y::int::float8, score FROM scored")
    y, score = data[:, 0].astype(int), numpy.ascontiguousarray(data[:, 1])
    functions = {"peer": lambda _: peer(y, score)}
    for name, session in connections.items():
        functions["ecml", name] = lambda _, c=session: value(c, METRICS)
        functions["plain", name] = lambda _, c=session: value(c, "SELECT sum(score) FILTER (WHERE y) FROM scored")
    times, results = in_turn(functions)
    export = in_turn({"export": export_metrics}, min(REPEAT, EXPORT_REPEAT), warm=False)[0]["export"]
    ours, theirs = results["ecml", "default"][0], results["peer"][0]
    quality = ", ".join(f"{name} {ours[name]:.12g}" for name in NAMES)
    peer_quality = f"at most {max(abs(ours[name] - theirs[name]) for name in NAMES):.0e} apart"
    shape = size(connection, "scored", 1)
    for name in SETTINGS:
        add(table, "SELECT ecml_metrics(...)", name, shape, times["ecml", name],
            "scikit-learn roc_auc, average_precision, log_loss, arrays", times["peer"], 2.0, quality, peer_quality,
            export if name == "default" else None)
    add(table, "SELECT ecml_metrics(...)", "default", shape, times["ecml", "default"], "SELECT sum(score) FILTER (WHERE y)",
        times["plain", "default"], None, quality)
