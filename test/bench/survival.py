"""Survival and customer value: the SQL statement beside statsmodels and lifetimes on arrays in memory."""
import gzip
import os
import pathlib

import numpy
from statsmodels.duration.hazard_regression import PHReg

from harness import REPEAT, SCALE, Table, array, connect, in_turn, value

HAZARDS = """CREATE TABLE hazards AS SELECT ceil(-60 * ln(1 - random()) / exp(0.3 * x1 - 0.2 * x2 + 0.1 * x3))::float8 AS time,
    (random() < 0.7)::int::float8 AS event, v.* FROM (SELECT {} FROM generate_series(1, {})) v"""
PURCHASES = """SELECT customer_id, invoice_date, quantity * unit_price AS amount FROM purchases
    WHERE customer_id <> '' AND quantity > 0 AND unit_price > 0"""


def survival_table():
    return Table("Survival and customer value", "Ratio: time of the peer, on arrays in memory, by that of ecml, the table's "
                 "scan included.", ["what", "rows x columns", "ecml ms", "peer", "peer ms", "ratio", "target", "ok", "quality"])


def add(table, what, shape, ours, peer, theirs, target, quality):
    table.add(what, shape, ours, peer, theirs, theirs / ours, target, theirs / ours >= target, quality)


def cox(table):
    connection = connect()
    rows = int(100_000 * SCALE)
    connection.execute("SELECT setseed(0.5)")
    connection.execute("DROP TABLE IF EXISTS hazards")
    connection.execute(HAZARDS.format(", ".join(f"random() * 4 - 2 AS x{i}" for i in range(1, 11)), rows))
    connection.execute("ANALYZE hazards")
    data = array(connection, "SELECT * FROM hazards")
    train = "SELECT metrics FROM ecml_train('bench cox', 'cox', 'hazards', 'time', options => '{\"event\": \"event\"}')"
    times, results = in_turn({
        "ecml": lambda _: value(connection, train),
        "peer": lambda _: PHReg(data[:, 0], data[:, 2:], status=data[:, 1], ties="efron").fit(),
    }, min(REPEAT, 3), warm=False)
    ours = numpy.array(connection.execute("SELECT estimate, std_error FROM ecml_coefficients('bench cox')").fetchall())
    fitted = results["peer"][0]
    add(table, "ecml_train cox, Efron", f"{rows:,} x 10", times["ecml"], "statsmodels PHReg", times["peer"], 3.0,
        f"coefficients {numpy.max(numpy.abs(ours[:, 0] - fitted.params)):.0e}, standard errors "
        f"{numpy.max(numpy.abs(ours[:, 1] / fitted.bse - 1)):.0e} from the peer's; concordance {results['ecml'][0]['concordance']:.4f}")


def clv(table):
    retail = pathlib.Path(os.environ["ECML_DATA"]) / "transactions" / "online_retail_2010_2011.csv.gz"
    if not retail.exists():
        print(f"left out: customer value ({retail} is not there)")
        return
    try:
        from lifetimes import BetaGeoFitter, GammaGammaFitter
        from lifetimes.utils import summary_data_from_transaction_data
    except ImportError:
        print("left out: customer value (lifetimes is not installed)")
        return
    import pandas

    connection = connect()
    connection.execute("DROP TABLE IF EXISTS purchases")
    connection.execute("""CREATE TABLE purchases (invoice_no text, stock_code text, description text, quantity int,
        invoice_date timestamp, unit_price numeric, customer_id text, country text)""")
    with connection.cursor() as cursor, gzip.open(retail) as lines, \
            cursor.copy("COPY purchases FROM STDIN (FORMAT csv, HEADER)") as copy:
        while chunk := lines.read(1 << 20):
            copy.write(chunk)
    frame = pandas.DataFrame(connection.execute(PURCHASES).fetchall(), columns=["customer", "date", "amount"])
    frame["amount"] = frame["amount"].astype(float)

    def peer(_):
        s = summary_data_from_transaction_data(frame, "customer", "date", "amount", freq="D", freq_multiplier=7)
        model = BetaGeoFitter().fit(s["frequency"], s["recency"], s["T"])
        back = s[(s["frequency"] > 0) & (s["monetary_value"] > 0)]
        money = GammaGammaFitter().fit(back["frequency"], back["monetary_value"])
        alive = model.conditional_probability_alive(s["frequency"], s["recency"], s["T"])
        expected = model.conditional_expected_number_of_purchases_up_to_time(52, s["frequency"], s["recency"], s["T"])
        return model, alive, expected * money.conditional_expected_average_profit(s["frequency"], s["monetary_value"])

    query = "SELECT sum(expected_value) FROM ecml_clv(%s, '{\"horizon\": 52}')"
    times, results = in_turn({"ecml": lambda _: value(connection, query, PURCHASES), "peer": peer}, min(REPEAT, 3))
    model, _, theirs = results["peer"][0]
    parameters = value(connection, "SELECT ecml_clv_model(%s)", PURCHASES)
    add(table, "ecml_clv", f"{len(frame):,} purchases", times["ecml"], "lifetimes", times["peer"], 3.0,
        f"r {parameters['r']:.4f}, alpha {parameters['alpha']:.4f} (peer {model.params_['r']:.4f}, "
        f"{model.params_['alpha']:.4f}); sum of values {results['ecml'][0]:.6g} (peer {theirs.sum():.6g})")
