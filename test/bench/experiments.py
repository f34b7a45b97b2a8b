"""The report of an experiment, beside a plain GROUP BY over the same columns, and read_sql and SciPy."""
import pandas
import scipy.stats

from harness import REPEAT, SCALE, connect, in_turn
from speed import SETTINGS, add, engine, size

METRICS = [f"m{i}" for i in range(1, 6)]
REPORT = "SELECT metric, effect, p_value FROM ecml_ab_report('trial', '{\"control\": \"control\"}')"
GROUPS = ("SELECT variant, " + ", ".join(f"avg({m}), stddev({m})" for m in METRICS) + " FROM trial GROUP BY variant")


def export_report(_):
    frame = pandas.read_sql("SELECT * FROM trial", engine())
    control = frame["variant"] == "control"
    return [scipy.stats.ttest_ind(frame[m][~control], frame[m][control], equal_var=False).pvalue for m in METRICS]


def report(table):
    connections = {name: connect(**settings) for name, settings in SETTINGS.items()}
    connection = connections["default"]
    for statement in ("DROP TABLE IF EXISTS trial",
                      "SELECT setseed(0.5)",
                      "CREATE TABLE trial AS SELECT (ARRAY['control', 'treatment'])[1 + (random() < 0.5)::int] AS variant, "
                      "random() AS m1, 100 * random() ^ 3 AS m2, (random() < 0.1)::int::float8 AS m3, "
                      "-ln(1 - random()) AS m4, (10 * random())::int::float8 AS m5 "
                      f"FROM generate_series(1, {int(10_000_000 * SCALE)})",
                      "VACUUM (FREEZE, ANALYZE) trial"):
        connection.execute(statement)
    functions = {}
    for name, session in connections.items():
        functions["ecml", name] = lambda _, c=session: c.execute(REPORT).fetchall()
        functions["groups", name] = lambda _, c=session: c.execute(GROUPS).fetchall()
    times, results = in_turn(functions, min(REPEAT, 3))
    exported, peer = in_turn({"export": export_report}, 1, warm=False)
    ours = [row[2] for row in results["ecml", "default"][0]]
    quality = "p " + ", ".join(f"{p:.6g}" for p in ours)
    shape = size(connection, "trial", 5)
    for name in SETTINGS:
        add(table, "ecml_ab_report", name, shape, times["ecml", name], "SELECT avg, stddev GROUP BY", times["groups", name],
            1 / 3, quality)
    add(table, "ecml_ab_report", "default", shape, times["ecml", "default"], "read_sql and SciPy", exported["export"], 10,
        quality, "p " + ", ".join(f"{p:.6g}" for p in peer["export"][0]))
    connection.execute("DROP TABLE trial")
