"""Anomalies: the SQL statements beside scikit-learn's MinCovDet and statsmodels' STL on arrays in memory; labelled series."""
import gzip
import os
import pathlib

import numpy
import pandas
from sklearn.covariance import MinCovDet
from statsmodels.tsa.seasonal import STL

from harness import REPEAT, SCALE, Table, array, connect, in_turn, value

CLOUD = """CREATE TABLE cloud AS SELECT {} FROM (SELECT g, random() < 0.05 AS odd, {} FROM generate_series(1, {}) g OFFSET 0) z"""
DAILY = """CREATE TABLE daily AS SELECT s AS series, date '2025-01-01' + d AS ds, 100 + s + 20 * (d % 7) + 0.1 * d + 3 * normal()
    + CASE WHEN d = 100 + s % 200 THEN 60 ELSE 0 END AS y FROM generate_series(1, {}) s, generate_series(0, 364) d"""
SEASONS = {"nyc_taxi": 48, "exchange-2_cpc_results": 24, "exchange-2_cpm_results": 24}  # others: 288


def anomaly_table():
    return Table("Anomalies", "Ratio: time of the peer, on arrays in memory, by that of ecml, the table's scan included.",
                 ["what", "rows x columns", "ecml ms", "peer", "peer ms", "ratio", "target", "ok", "quality"])


def add(table, what, shape, ours, peer, theirs, target, quality):
    table.add(what, shape, ours, peer, theirs, theirs / ours, target, theirs / ours >= target, quality)


def mahalanobis(table):
    connection = connect()
    rows = int(10_000 * SCALE)
    columns = 8
    connection.execute("SELECT setseed(0.5)")
    connection.execute("DROP TABLE IF EXISTS cloud")
    draws = ", ".join(f"normal() AS z{i}" for i in range(columns))
    values = ", ".join(f"z{i} + 0.5 * z{(i + 1) % columns} + 9 * odd::int AS x{i}" for i in range(columns))
    connection.execute(CLOUD.format(values, draws, rows))
    connection.execute("ANALYZE cloud")
    data = array(connection, "SELECT * FROM cloud")
    names = ", ".join(f"x{i}" for i in range(columns))

    def ours(_):
        connection.execute("SELECT ecml_train('bench mahalanobis', 'mahalanobis', 'cloud')")
        return value(connection, f"SELECT sum(ecml_predict('bench mahalanobis', {names})) FROM cloud")

    def peer(_):
        return MinCovDet(random_state=0).fit(data).mahalanobis(data).sum()

    times, results = in_turn({"ecml": ours, "peer": peer}, min(REPEAT, 2), warm=False)
    add(table, "ecml_train mahalanobis, sum(ecml_predict())", f"{rows:,} x {columns}", times["ecml"], "scikit-learn MinCovDet",
        times["peer"], 10.0, f"sum of distances {results['ecml'][0] / results['peer'][0] - 1:.0e} from the peer's")


def anomalies(table):
    connection = connect()
    series = max(int(200 * SCALE), 20)
    connection.execute("SELECT setseed(0.5)")
    connection.execute("DROP TABLE IF EXISTS daily")
    connection.execute(DAILY.format(series))
    connection.execute("ANALYZE daily")
    values = numpy.array(connection.execute("SELECT y FROM daily ORDER BY series, ds").fetchall()).reshape(series, 365)
    query = "SELECT count(*) FILTER (WHERE is_anomaly) FROM ecml_anomalies('daily', 'ds', 'y', 'series')"

    def peer(_):
        found = 0
        for y in values:
            rest = STL(y, period=7, robust=True).fit().resid
            found += int((numpy.abs(rest) > 5 * 1.4826 * numpy.median(numpy.abs(rest))).sum())
        return found

    times, results = in_turn({"ecml": lambda _: value(connection, query), "peer": peer}, min(REPEAT, 2), warm=False)
    add(table, "ecml_anomalies, weekly season", f"{series:,} series x 365", times["ecml"], "statsmodels STL, robust", times["peer"],
        10.0, f"{results['ecml'][0]} found, {results['peer'][0]} by the peer, of {series} planted")
    labelled(table, connection)


def windows(label):
    """First and last places of the labelled windows."""
    edges = numpy.flatnonzero(numpy.diff(numpy.concatenate([[0], label.astype(int), [0]])))
    return list(zip(edges[::2], edges[1::2]))


def score(flags, labels):
    """F1 of values and of windows over several series; flags outside that are within 24 values are one false alarm."""
    hit = false = labelled_values = found = false_runs = wanted = 0
    for name, flag in flags.items():
        label = labels[name]
        hit += int((flag & label).sum())
        false += int((flag & ~label).sum())
        labelled_values += int(label.sum())
        for first, last in windows(label):
            wanted += 1
            found += bool(flag[first:last].any())
        outside = numpy.flatnonzero(flag & ~label)
        false_runs += int((numpy.diff(outside) > 24).sum() + (len(outside) > 0))
    values = 2 * hit / max(hit + false + labelled_values, 1)
    return f"values {values:.2f}, windows {2 * found / max(found + false_runs + wanted, 1):.2f} ({found} of {wanted}, " \
        f"{false_runs} false alarms)"


def labelled(table, connection):
    path = pathlib.Path(os.environ["ECML_DATA"]) / "anomaly" / "nab_timeseries.csv.gz"
    if not path.exists():
        print(f"left out: labelled series ({path} is not there)")
        return
    with gzip.open(path) as file:
        frame = pandas.read_csv(file, parse_dates=["timestamp"])
    connection.execute("DROP TABLE IF EXISTS nab")
    connection.execute("CREATE TABLE nab (series text, at timestamp, value float8)")
    with connection.cursor() as cursor, cursor.copy("COPY nab FROM STDIN") as copy:
        for row in frame[["series", "timestamp", "value"]].itertuples(index=False):
            copy.write_row((row[0], row[1].to_pydatetime(), row[2]))
    connection.execute("ANALYZE nab")
    groups = {name: group for name, group in frame.groupby("series")}
    labels = {name: group.in_anomaly_window.to_numpy() == 1 for name, group in groups.items()}

    found = """FROM ecml_anomalies('nab', 'at', 'value', 'series', '{"aggregate": "mean"}')"""

    def ours(_):
        return value(connection, f"SELECT count(*) FILTER (WHERE is_anomaly) {found}")

    def flags_of(rows):
        flags = {}
        result = pandas.DataFrame(rows, columns=["series", "ds", "flag"]).sort_values("ds")
        result["ds"] = result["ds"].astype("datetime64[ns]")
        for name, group in groups.items():
            left = pandas.DataFrame({"ds": group.timestamp.astype("datetime64[ns]").to_numpy()})
            left["place"] = numpy.arange(len(left))
            near = pandas.merge_asof(left.sort_values("ds"), result[result.series == name], on="ds", direction="nearest")
            flags[name] = near.sort_values("place")["flag"].to_numpy() == True  # noqa: E712
        return flags

    def peer(_):
        flags = {}
        for name, group in groups.items():
            rest = STL(group.value.to_numpy(), period=SEASONS.get(name, 288), robust=True, trend_jump=50,
                       low_pass_jump=30).fit(outer_iter=5).resid
            flags[name] = numpy.abs(rest) > 3 * 1.4826 * numpy.median(numpy.abs(rest))
        return flags

    def deviations(_):
        return {name: (numpy.abs(group.value - group.value.mean()) > 3 * group.value.std()).to_numpy()
                for name, group in groups.items()}

    times, results = in_turn({"ecml": ours, "peer": peer, "deviations": deviations}, min(REPEAT, 3))
    flagged = connection.execute(f"SELECT series, ds, is_anomaly {found}").fetchall()
    add(table, "ecml_anomalies, NAB", f"{len(frame):,}", times["ecml"], "statsmodels STL, MAD", times["peer"], 5.0,
        f"F1 of ecml: {score(flags_of(flagged), labels)}; of STL: {score(results['peer'][0], labels)}; of three standard "
        f"deviations: {score(results['deviations'][0], labels)}")
