"""ecml_load_csv on the complete online retail file, beside COPY into a ready table and beside pandas."""
import gzip
import os
import pathlib
import shutil
import tempfile

import pandas

from harness import connect, in_turn, value
from quality import RETAIL
from speed import add, engine

FILE = "transactions/online_retail_2010_2011.csv.gz"
LOAD = "SELECT rows_loaded FROM ecml_load_csv(%s, 'loaded')"


def export(path, _):
    pandas.read_csv(path, dtype={"invoice_no": str, "stock_code": str}, parse_dates=["invoice_date"]).to_sql(
        "exported", engine(), if_exists="replace", index=False)


def load(table):
    source = pathlib.Path(os.environ["ECML_DATA"]) / FILE
    if not source.exists():
        print(f"left out: load ({source} is not there)")
        return
    connection = connect()
    connection.execute(RETAIL.replace("retail", "copied", 1))
    with tempfile.TemporaryDirectory(prefix="ecml_load.") as folder:
        # where the server's user may read
        os.chmod(folder, 0o755)
        path = os.path.join(folder, "retail.csv")
        with gzip.open(source) as packed, open(path, "wb") as plain:
            shutil.copyfileobj(packed, plain)
        shutil.copy(source, path + ".gz")
        for name in (path, path + ".gz"):
            os.chmod(name, 0o644)

        def ecml(name):
            connection.execute("DROP TABLE IF EXISTS loaded")
            return value(connection, LOAD, name)

        def copy(what):
            connection.execute("TRUNCATE copied")
            return connection.execute(f"COPY copied FROM {what} (FORMAT csv, HEADER)").rowcount

        times, results = in_turn({
            "ecml": lambda _: ecml(path),
            "copy": lambda _: copy(f"'{path}'"),
            "ecml gzip": lambda _: ecml(path + ".gz"),
            "copy gzip": lambda _: copy(f"PROGRAM 'gzip -dc {path}.gz'"),
        })
        same = value(connection, "SELECT count(*) FROM (TABLE loaded EXCEPT ALL TABLE copied) d") == 0
        pandas_ms = in_turn({"export": lambda _: export(path, _)}, 1, warm=False)[0]["export"]
    quality = "the same rows" if same else "OTHER ROWS"
    shape = f"{results['ecml'][0]:,} x 8"
    add(table, "ecml_load_csv, types found", "default", shape, times["ecml"], "COPY, types given", times["copy"], 1 / 1.5, quality,
        "", pandas_ms)
    add(table, "ecml_load_csv, gzip", "default", shape, times["ecml gzip"], "COPY FROM PROGRAM 'gzip -dc'", times["copy gzip"], 1 / 1.5,
        quality)
    connection.execute("DROP TABLE loaded, copied")
