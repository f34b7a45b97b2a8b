"""Quality of k-means: mean inertia over ten seeds, beside scikit-learn's on the same matrix with the same starts."""
import csv
import gzip
import json
import os
import pathlib

import numpy
from sklearn.cluster import KMeans

from harness import Table, array, connect, value

SEEDS = range(1, 11)
TARGET = 0.001
TRAIN = "SELECT metrics->'inertia' FROM ecml_train('bench quality', 'kmeans', %s, options => %s)"

RETAIL = """CREATE TABLE retail (invoice_no text, stock_code text, description text, quantity int,
    invoice_date timestamp, unit_price numeric, customer_id int, country text)"""
RFM = """CREATE TABLE rfm AS
SELECT ln(1 + extract(epoch FROM timestamp '2011-12-10' - max(invoice_date)) / 86400)::float8 AS recency,
    ln(count(DISTINCT invoice_no))::float8 AS frequency, ln(1 + sum(quantity * unit_price))::float8 AS monetary
FROM retail
WHERE customer_id IS NOT NULL AND invoice_no NOT LIKE 'C%' AND quantity > 0 AND unit_price > 0
GROUP BY customer_id ORDER BY customer_id"""


def quality_table():
    return Table("Quality of k-means", "Mean inertia over ten seeds, standardize false, the same matrix; "
                 "target: at most 0.1 % above scikit-learn's.",
                 ["data", "rows x columns", "k", "n_init", "ecml", "scikit-learn", "ecml above, %", "ok",
                  "best of ecml", "best of scikit-learn"])


def load(connection):
    """The tables to cluster and k for each, as far as their data are there."""
    folder = pathlib.Path(os.environ["ECML_DATA"])
    found = []
    wholesale = folder / "segmentation" / "wholesale_customers.csv"
    if wholesale.exists():
        with open(wholesale, encoding="utf-8") as lines:
            rows = list(csv.reader(lines))
        names = rows[0][2:]
        connection.execute(f"CREATE TABLE wholesale ({', '.join(name.lower() + ' float8' for name in names)})")
        with connection.cursor() as cursor, cursor.copy("COPY wholesale FROM STDIN") as copy:
            for row in rows[1:]:
                copy.write_row([float(cell) for cell in row[2:]])
        found.append(("wholesale customers", "wholesale", 5))
    retail = folder / "transactions" / "online_retail_2010_2011.csv.gz"
    if retail.exists():
        connection.execute(RETAIL)
        with connection.cursor() as cursor, gzip.open(retail) as lines, \
                cursor.copy("COPY retail FROM STDIN (FORMAT csv, HEADER)") as copy:
            while chunk := lines.read(1 << 20):
                copy.write(chunk)
        connection.execute(RFM)
        found.append(("Online Retail, log RFM", "rfm", 8))
    for name, path in (("wholesale customers", wholesale), ("Online Retail", retail)):
        if not path.exists():
            print(f"left out: {name} ({path} is not there)")
    found.append(("mixture of 50 clusters", "mixture", 50))
    found.append(("one normal cloud", "cloud", 30))
    return found


def quality(table):
    connection = connect()
    for title, name, k in load(connection):
        x = array(connection, f"SELECT * FROM {name}")
        for n_init in (1, 3):
            options = {"k": k, "n_init": n_init, "standardize": False}
            ours = [value(connection, TRAIN, name, json.dumps(options | {"seed": seed}))
                    for seed in SEEDS]
            theirs = [KMeans(k, n_init=n_init, random_state=seed).fit(x).inertia_ for seed in SEEDS]
            above = numpy.mean(ours) / numpy.mean(theirs) - 1
            table.add(title, f"{x.shape[0]:,} x {x.shape[1]}", k, n_init, f"{numpy.mean(ours):.7g}",
                      f"{numpy.mean(theirs):.7g}", f"{above * 100:+.3f}", bool(above <= TARGET), f"{min(ours):.7g}",
                      f"{min(theirs):.7g}")
