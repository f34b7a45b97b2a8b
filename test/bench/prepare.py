"""ecml_describe beside pandas and a plain query; ecml_prepare beside pandas and scikit-learn, cell by cell."""
import gzip
import io
import json
import os
import pathlib

import numpy
import pandas
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, OrdinalEncoder, RobustScaler, StandardScaler

from harness import Table, connect, in_turn
from speed import SETTINGS, add, engine, size

# ---- ecml_describe

DESCRIBE = "SELECT * FROM ecml_describe('wide')"


def plain(connection):
    """count, avg, min and max of all columns, as far as their types have them."""
    terms = []
    for name, kind in connection.execute("SELECT attname, atttypid::regtype::text FROM pg_attribute "
                                         "WHERE attrelid = 'wide'::regclass AND attnum > 0 ORDER BY attnum"):
        if kind == "boolean":
            terms.append(f"count({name}), avg({name}::int), bool_and({name}), bool_or({name})")
        elif kind == "text" or kind.startswith(("date", "time")):
            terms.append(f"count({name}), min({name}), max({name})")
        else:
            terms.append(f"count({name}), avg({name}), min({name}), max({name})")
    return f"SELECT {', '.join(terms)} FROM wide"


def export_describe(_):
    return pandas.read_sql("SELECT * FROM wide", engine()).describe(include="all")


def describe(table):
    connections = {name: connect(**settings) for name, settings in SETTINGS.items()}
    connection = connections["default"]
    scan = plain(connection)
    functions = {}
    for name, session in connections.items():
        functions["ecml", name] = lambda _, c=session: c.execute(DESCRIBE).fetchall()
        functions["plain", name] = lambda _, c=session: c.execute(scan).fetchall()
    times, _ = in_turn(functions)
    peer, frames = in_turn({"peer": export_describe}, 1, warm=False)
    theirs = frames["peer"][0]
    wrong, ranks = 0.0, 0.0
    for row in connection.execute("SELECT column_name, count, mean, sd, q25, median, q75 FROM ecml_describe('wide') "
                                  "WHERE column_name ~ '^[fin][0-9]'").fetchall():
        column = theirs[row[0]]
        wrong = max(wrong, *(abs(float(ours) / float(column[what]) - 1) for what, ours in zip(("count", "mean", "std"), row[1:4])))
        for level, ours in zip((0.25, 0.5, 0.75), row[4:]):
            below, upto, total = connection.execute(f"SELECT count(*) FILTER (WHERE {row[0]} < %s), count(*) FILTER (WHERE {row[0]} <= %s), "
                                                    f"count({row[0]}) FROM wide", (ours, ours)).fetchone()
            ranks = max(ranks, below / total - level, level - upto / total)
    quality = f"mean, sd {wrong:.0e} from pandas'; ranks of quartiles within {100 * ranks:.3f} %"
    shape = size(connection, "wide", 20)
    for name in SETTINGS:
        add(table, "ecml_describe", name, shape, times["ecml", name], "count, avg, min, max", times["plain", name], 0.25,
            quality)
    add(table, "ecml_describe", "default", shape, times["ecml", "default"], "read_sql, pandas.describe", peer["peer"], 3.0,
        quality)


# ---- ecml_prepare

TYPES = {"int64": "bigint", "float64": "float8", "bool": "boolean"}


def load(connection, name, path):
    frame = pandas.read_csv(path, na_values=["?"], skipinitialspace=True, keep_default_na=True)
    columns = ", ".join(f'"{column}" {TYPES.get(str(kind), "text")}' for column, kind in frame.dtypes.items())
    connection.execute(f"CREATE TABLE {name} (ecml_row bigint, {columns})")
    text = io.StringIO()
    frame.to_csv(text, header=False)
    with connection.cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN (FORMAT csv)") as copy:
        copy.write(text.getvalue())
    return frame


def prepared(connection, name, options):
    """The rows of a preparation in their order, as a frame; without the number of the row."""
    connection.execute("SELECT ecml_prepare(%s, 'prepared', %s)",
                       (name, json.dumps({"keep": ["ecml_row"], "replace": True} | options)))
    cursor = connection.execute("SELECT * FROM prepared ORDER BY ecml_row", prepare=False)
    frame = pandas.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])
    return frame.drop(columns="ecml_row")


def compare(table, data, what, ours, theirs, tolerance=0.0):
    same = list(ours.columns) == list(theirs.columns) and ours.shape == theirs.shape
    different, furthest = 0, 0.0
    for column in theirs.columns if same else ():
        a, b = ours[column].to_numpy(), theirs[column].to_numpy()
        if b.dtype.kind in "fiub":
            a, b = a.astype(float), b.astype(float)
            apart = numpy.where(a == b, 0, numpy.abs(a - b) / numpy.maximum(1, numpy.abs(b)))
            apart[numpy.isnan(a) & numpy.isnan(b)] = 0
            apart[numpy.isnan(apart)] = numpy.inf
            furthest = max(furthest, float(apart.max()))
            different += int((apart > tolerance).sum())
        else:
            missing = pandas.isna(a) & pandas.isna(b)
            different += int(((a != b) & ~missing).sum())
    table.add(data, what, f"{theirs.shape[0]:,} x {theirs.shape[1]}", same, f"{different:,}", f"{furthest:.0e}", same and different == 0)


def prepare_table():
    return Table("Quality of ecml_prepare", "Cell by cell against pandas and scikit-learn on the same rows; numbers agree to the "
                 "tolerance of the last column's target: exactly, or to 1e-12 of the larger of 1 and the value where means and "
                 "deviations are learnt.",
                 ["data", "what", "rows x columns", "columns the same", "cells that differ", "furthest", "ok"])


def prepare(table):
    connection = connect()
    folder = pathlib.Path(os.environ["ECML_DATA"]) / "classification"
    for name in ("adult_train", "online_shoppers"):
        path = folder / f"{name}.csv.gz"
        if not path.exists():
            print(f"left out: {name} ({path} is not there)")
            continue
        frame = load(connection, name, path)
        text = [column for column in frame.columns if frame[column].dtype.kind not in "fiub"]
        numbers = [column for column in frame.columns if frame[column].dtype.kind in "fi"]
        view = lambda options: prepared(connection, name, options)

        compare(table, name, "dropna", view({"dropna": True}), frame.dropna())
        compare(table, name, "get_dummies", view({"one_hot": True}), pandas.get_dummies(frame, columns=text, dtype=int))
        compare(table, name, "get_dummies, drop_first, booleans and integers too",
                view({"one_hot": text + [numbers[-1]], "drop_first": True}),
                pandas.get_dummies(frame, columns=text + [numbers[-1]], drop_first=True, dtype=int))
        filled = frame.fillna({column: frame[column].mode()[0] for column in frame.columns})
        compare(table, name, "fillna(mode)", view({"impute": "most_frequent"}), filled)
        # numbers that are missing: one in five of each
        holes = frame[numbers].astype(float)
        for i, column in enumerate(numbers):
            holes.loc[holes.index % 5 == i % 5, column] = numpy.nan
        source = "SELECT ecml_row, " + ", ".join(
            f'CASE WHEN ecml_row % 5 <> {i % 5} THEN "{column}" END AS "{column}"' for i, column in enumerate(numbers)) + f" FROM {name}"
        for how in ("mean", "median"):
            compare(table, name, f"fillna({how})", prepared(connection, source, {"impute": how}),
                    holes.fillna(getattr(holes, how)()), 1e-12)
        bounds = holes.quantile([0.01, 0.95])
        compare(table, name, "clip to quantiles", prepared(connection, source, {"clip": {"lower": 0.01, "upper": 0.95}}),
                holes.clip(bounds.loc[0.01], bounds.loc[0.95], axis=1), 1e-12)
        for how, scaler in (("standard", StandardScaler()), ("minmax", MinMaxScaler()), ("robust", RobustScaler())):
            compare(table, name, f"{type(scaler).__name__}", view({"scale": how, "drop": [c for c in frame if c not in numbers]}),
                    pandas.DataFrame(scaler.fit_transform(frame[numbers].astype(float)), columns=numbers), 1e-12)
        for strategy in ("quantile", "uniform"):
            options = {"quantile_method": "linear"} if strategy == "quantile" else {}
            for bins in (3, 5, 10):
                peer = KBinsDiscretizer(bins, encode="ordinal", strategy=strategy, subsample=None, **options)
                compare(table, name, f"KBinsDiscretizer, {bins} bins, {strategy}",
                        view({"bin": {c: {"bins": bins, "strategy": strategy} for c in numbers},
                              "drop": [c for c in frame if c not in numbers]}),
                        pandas.DataFrame(peer.fit_transform(frame[numbers].astype(float)), columns=numbers))
        whole = filled[text].astype(str)
        compare(table, name, "OrdinalEncoder", view({"impute": "most_frequent", "ordinal": text,
                                                    "drop": [c for c in frame if c not in text]}),
                pandas.DataFrame(OrdinalEncoder().fit_transform(whole), columns=text))
