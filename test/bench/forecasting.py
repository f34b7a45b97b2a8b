"""Forecasts and stock: the SQL statement beside statsforecast and Prophet on the same series; accuracy and coverage on
the M3 and M4 samples, and the share of demand that a stock plan serves.

EVERY (default 10): accuracy is measured on every so many series of a set, for automatic ARIMA and ETS take hours over all. So few say
little about who is better: targets are judged up to EVERY=3.
"""
import csv
import datetime
import gzip
import logging
import os
import pathlib
import warnings

import numpy

from harness import REPEAT, SCALE, Table, connect, in_turn, time_of, value

EVERY = int(os.environ.get("EVERY") or 10)
COPIES = 64
SETS = {"m3_yearly": 1, "m3_quarterly": 4, "m3_monthly": 12, "m3_other": 1, "m4_weekly": 52, "m4_hourly": 24}
SKUS = """CREATE TABLE skus AS
    SELECT k AS sku, date '2024-01-01' + 7 * t AS week, CASE
        WHEN k % 3 = 0 THEN CASE WHEN random() < 0.3 THEN 1 + floor(8 * random()) ELSE 0 END
        ELSE greatest(0, round((20 + k % 50) * (1 + 0.004 * t) * (1 + 0.3 * sin(6.2832 * t / 52 + k)) + 6 * (random() + random() - 1)))
        END::float8 AS qty
    FROM generate_series(1, {}) AS k, generate_series(0, 103) AS t"""


def folder():
    return pathlib.Path(os.environ["ECML_DATA"]) / "forecast"


def series_of(name, every=1):
    """{series: (history, what came)} of a set."""
    parts = {}
    with gzip.open(folder() / f"{name}.csv.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            parts.setdefault(row["series"], ([], []))[row["part"] == "test"].append(float(row["value"]))
    return {k: (numpy.array(a), numpy.array(b)) for i, (k, (a, b)) in enumerate(parts.items()) if i % every == 0}


def load(connection, table, series):
    connection.execute(f"DROP TABLE IF EXISTS {table}")
    connection.execute(f"CREATE TABLE {table} (series text, t int, v float8)")
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for name, values in series.items():
            for i, v in enumerate(values):
                copy.write_row((name, i + 1, float(v)))


def statsforecast():
    """The package, or None."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    try:
        import statsforecast as package
        import statsforecast.models
    except ImportError:
        print("left out: statsforecast (it is not installed)")
        return None
    return package


def frame(series):
    import pandas
    return pandas.DataFrame({
        "unique_id": numpy.repeat(list(series), [len(v) for v in series.values()]),
        "ds": numpy.concatenate([numpy.arange(1, len(v) + 1) for v in series.values()]),
        "y": numpy.concatenate(list(series.values()))})


def speed_table():
    return Table("Forecasts", "Ratio: time of the peer, on a data frame in memory, by that of ecml, the table's scan included; two "
                 "threads or processes both.", ["what", "series x values", "ecml ms", "peer", "peer ms", "ratio", "target", "ok", "quality"])


def add(table, what, shape, ours, peer, theirs, target, quality=""):
    table.add(what, shape, ours, peer, theirs, theirs / ours, target, theirs / ours >= target, quality)


def speed(table):
    package = statsforecast()
    if package is None or not folder().exists():
        return
    models = package.models
    connection = connect()

    # exponential smoothing, its form chosen, of 1,000 monthly series
    monthly = list(series_of("m3_monthly").values())
    count = max(int(1000 * SCALE), 20)
    series = {f"s{i:04d}": monthly[i % len(monthly)][0] * (1 + 1e-4 * (i // len(monthly))) for i in range(count)}
    load(connection, "monthly", series)
    data = frame(series)
    some = data[data["unique_id"] < "s0004"]
    query = "SELECT sum(yhat) FROM ecml_forecast('monthly', 18, 't', 'v', 'series', '{\"method\": \"ets\", \"season\": 12}')"

    def peer(chosen, frequency, n, horizon, jobs=2):
        return package.StatsForecast(models=chosen, freq=frequency, n_jobs=jobs).forecast(df=n, h=horizon)

    peer([models.AutoETS(season_length=12)], 1, some, 18, 1)
    times, _ = in_turn({
        "ecml": lambda _: value(connection, query),
        "peer": lambda _: peer([models.AutoETS(season_length=12)], 1, data, 18),
    }, 1, warm=False)
    add(table, "ets, form chosen", f"{count:,} x 50 to 126", times["ecml"], "statsforecast AutoETS", times["peer"], 1.0)

    # the default on a shop's products; the peer on a tenth of them
    count = max(int(10_000 * SCALE), 100)
    connection.execute("SELECT setseed(0.5)")
    connection.execute("DROP TABLE IF EXISTS skus")
    connection.execute(SKUS.format(count))
    ours, rows = time_of(lambda: value(connection, "SELECT count(*) FROM ecml_forecast('skus', 13, series => 'sku') WHERE yhat IS NOT NULL"))
    import pandas
    part = max(count // 10, 10)
    data = pandas.DataFrame(connection.execute(f"SELECT sku, week, qty FROM skus WHERE sku <= {part} ORDER BY 1, 2").fetchall(),
                            columns=["unique_id", "ds", "y"])
    data["ds"] = pandas.to_datetime(data["ds"])
    together = [models.AutoETS(season_length=52), models.AutoTheta(season_length=52), models.CrostonClassic()]
    peer(together, "W-MON", data[data["unique_id"] <= 4], 13, 1)
    theirs, _ = time_of(lambda: peer(together, "W-MON", data, 13))
    add(table, "auto", f"{count:,} x 104", ours, "AutoETS, AutoTheta, Croston", theirs * count / part, 3.0,
        f"{rows:,} forecasts; the peer on {part:,} series, times {count // part}")


def smape(forecast, actual):
    return 200 * numpy.mean(numpy.abs(forecast - actual) / (numpy.abs(forecast) + numpy.abs(actual) + 1e-300))


def mase(forecast, actual, history, m):
    m = m if len(history) > m else 1
    return numpy.mean(numpy.abs(forecast - actual)) / numpy.mean(numpy.abs(history[m:] - history[:-m]))


def naive2(y, m, h):
    """As M4 has it: the last value, seasonal where a test of autocorrelation finds a season."""
    index = numpy.ones(m)
    if m > 1 and len(y) >= 3 * m and (y > 0).all():
        x = y - y.mean()
        r = numpy.array([(x[k:] * x[:-k]).sum() for k in range(1, m + 1)]) / (x * x).sum()
        if abs(r[-1]) > 1.645 * numpy.sqrt((1 + 2 * (r[:-1] ** 2).sum()) / len(y)):
            weights = (numpy.r_[.5, numpy.ones(m - 1), .5] if m % 2 == 0 else numpy.ones(m)) / m
            trend = numpy.convolve(y, weights, "valid")
            first = (len(weights) - 1) // 2
            ratio = numpy.full(len(y), numpy.nan)
            ratio[first:first + len(trend)] = y[first:first + len(trend)] / trend
            index = numpy.array([numpy.nanmean(ratio[i::m]) for i in range(m)])
            index *= m / index.sum()
    last = (y / index[numpy.arange(len(y)) % m])[-1]
    return last * index[(len(y) + numpy.arange(h)) % m]


def accuracy_table():
    return Table("Forecasts: accuracy", f"Every {EVERY}th series of the M3 and M4 samples. OWA: mean of sMAPE and MASE, each by that of Naive2. "
                 "Coverage: of intervals of 95 %.", ["set", "series", "auto", "AutoETS", "AutoTheta", "AutoARIMA", "not above best", "coverage", "ok"])


def judged(reached):
    return bool(reached) if EVERY <= 3 else None


def accuracy(table):
    package = statsforecast()
    if package is None or not folder().exists():
        return
    models = package.models
    connection = connect()
    weighted = 0
    total = 0
    for name, m in SETS.items():
        series = series_of(name, EVERY)
        horizon = max(len(b) for _, b in series.values())
        load(connection, "given", {k: a for k, (a, _) in series.items()})
        ours = {}
        for k, *numbers in connection.execute(
                "SELECT series, yhat, yhat_lower, yhat_upper FROM ecml_forecast('given', %s, 't', 'v', 'series', "
                "jsonb_build_object('season', %s::int)) ORDER BY series, step", (horizon, m)):
            ours.setdefault(k, []).append(numbers)
        # a seasonal ARIMA of hours takes minutes a series
        chosen = [models.AutoETS(season_length=m), models.AutoTheta(season_length=m)]
        if m != 24:
            chosen.append(models.AutoARIMA(season_length=m if m < 24 else 1))
        theirs = package.StatsForecast(models=chosen, freq=1, n_jobs=2).forecast(df=frame({k: a for k, (a, _) in series.items()}), h=horizon)
        peers = {who: dict(theirs.groupby("unique_id")[who].apply(numpy.array)) for who in ("AutoETS", "AutoTheta", "AutoARIMA") if who in theirs}
        errors = {who: [] for who in ("naive2", "auto", *peers)}
        covered = []
        for k, (history, came) in series.items():
            mine = numpy.array(ours[k][:len(came)])
            forecasts = {"naive2": naive2(history, m, len(came)), "auto": mine[:, 0], **{who: p[k][:len(came)] for who, p in peers.items()}}
            for who, forecast in forecasts.items():
                errors[who].append((smape(forecast, came), mase(forecast, came, history, m)))
            covered.append(numpy.mean((mine[:, 1] <= came) & (came <= mine[:, 2])))
        base = numpy.mean(errors["naive2"], axis=0)
        owa = {who: (numpy.mean(e, axis=0) / base).mean() for who, e in errors.items()}
        best = min(owa[who] for who in peers)
        coverage = float(numpy.mean(covered))
        weighted += owa["auto"] * len(series)
        total += len(series)
        table.add(name, len(series), owa["auto"], owa["AutoETS"], owa["AutoTheta"], owa.get("AutoARIMA"), judged(owa["auto"] <= best), coverage,
                  judged(0.90 <= coverage <= 0.98))
    table.add("all", total, weighted / total, None, None, None, judged(weighted / total < 0.90), None, None)


def prophet_table():
    return Table("Prophet", "The last 20 % of each series are forecast from the rest. Ratio: Prophet's time of one series by ecml's, of one "
                 f"among {COPIES} in a statement.",
                 ["series", "values", "ecml ms", f"ecml ms, {COPIES} series", "Prophet ms", "ratio", "target", "ok", "sMAPE", "Prophet's", "within 2 %"])


def prophet(table):
    if not folder().exists():
        return
    try:
        warnings.filterwarnings("ignore")
        logging.disable(logging.WARNING)
        from prophet import Prophet
    except ImportError:
        print("left out: Prophet (it is not installed)")
        return
    import pandas

    connection = connect()
    for name in ("air_passengers", "retail_sales", "wp_log_peyton_manning", "wp_log_R", "wp_log_R_outliers1", "wp_log_R_outliers2"):
        data = pandas.read_csv(folder() / f"prophet_{name}.csv.gz", parse_dates=["ds"]).dropna().sort_values("ds")
        split = int(len(data) * 0.8)
        history, came = data[:split], data[split:]
        connection.execute("DROP TABLE IF EXISTS given")
        connection.execute("CREATE TABLE given (ds timestamp, y float8)")
        with connection.cursor() as cursor, cursor.copy("COPY given FROM STDIN") as copy:
            for row in history.itertuples():
                copy.write_row((row.ds, float(row.y)))
        days = (came["ds"].iloc[-1] - history["ds"].iloc[-1]).days
        horizon = len(came) if name in ("air_passengers", "retail_sales") else days
        options = '{"method": "prophet"}'
        query = f"SELECT ds, yhat FROM ecml_forecast('given', {horizon}, options => '{options}')"
        connection.execute("DROP TABLE IF EXISTS copies")
        connection.execute("CREATE TABLE copies AS SELECT k, ds, y * (1 + 0.001 * k) AS y FROM given, generate_series(1, %s) AS k", (COPIES,))
        many = f"SELECT count(*) FROM ecml_forecast('copies', {horizon}, 'ds', 'y', 'k', '{options}')"

        def peer(_):
            model = Prophet().fit(history)
            return model.predict(came[["ds"]])["yhat"].to_numpy()

        times, results = in_turn({"ecml": lambda _: connection.execute(query).fetchall(), "many": lambda _: value(connection, many),
                                  "peer": peer}, min(REPEAT, 3))
        ours = dict(results["ecml"][0])
        mine = numpy.array([ours.get(ds.to_pydatetime(), numpy.nan) for ds in came["ds"]])
        error = smape(mine, came["y"].to_numpy())
        theirs = smape(results["peer"][0], came["y"].to_numpy())
        ratio = times["peer"] * COPIES / times["many"]
        table.add(name, split, times["ecml"], times["many"], times["peer"], ratio, 300.0, bool(ratio >= 300), error, theirs, bool(error <= 1.02 * theirs))


def inventory_table():
    return Table("Stock plans", "Share of demand served from stock, lead time 2 weeks. Past: the plan's policy over the demand that it was made from. "
                 "Ahead: plans made anew every 4 weeks from the demand so far, over the demand that came, the last 16 weeks.",
                 ["demand", "asked", "products", "ecml ms", "past", "within a point", "ahead"])


def served_ahead(connection, asked, lead=2, weeks=16, every=4):
    """Share served when each item follows its latest plan through demand that the plans have not seen."""
    names = [row[0] for row in connection.execute("SELECT DISTINCT item FROM weekly ORDER BY 1")]
    first, last = connection.execute("SELECT min(week), max(week) FROM weekly").fetchone()
    count = (last - first).days // 7 + 1
    demand = {name: numpy.zeros(count) for name in names}
    for name, week, units in connection.execute("SELECT item, week, units FROM weekly"):
        demand[name][(week - first).days // 7] = units
    state = {}
    wanted = served = 0.0
    for week in range(count - weeks, count):
        if (week - count + weeks) % every == 0:
            rows = connection.execute(
                """SELECT series, reorder_point, order_quantity FROM ecml_inventory_plan(
                    format('SELECT item, week, units FROM weekly WHERE week < %%L::date UNION ALL '
                        'SELECT DISTINCT item, %%L::date, 0 FROM weekly WHERE week < %%L::date', %s::date, %s::date - 7, %s::date),
                    jsonb_build_object('series', 'item', 'ds', 'week', 'y', 'units', 'fill', 'zero', 'lead_time', %s::int,
                        'service_level', %s::float8)) WHERE reorder_point IS NOT NULL""",
                (first + datetime.timedelta(weeks=week),) * 3 + (lead, asked)).fetchall()
            for name, point, quantity in rows:
                state.setdefault(name, [point + quantity / 2, [0.0] * lead, 0, 0])[2:] = point, quantity
        for name, item in state.items():
            stock, coming, point, quantity = item
            stock += coming.pop(0)
            position = stock + sum(coming)
            order = quantity * (numpy.floor((point - position) / quantity) + 1) if quantity > 0 and position <= point else 0.0
            coming.append(order)
            units = demand[name][week]
            wanted += units
            served += min(units, max(stock, 0))
            item[0] = stock - units
    return served / wanted


def inventory(table):
    retail = pathlib.Path(os.environ["ECML_DATA"]) / "transactions" / "online_retail_2010_2011.csv.gz"
    products = folder() / "uci_weekly_product_sales.csv.gz"
    connection = connect()

    def judge(what):
        plan = """SELECT series, fill_rate FROM ecml_inventory_plan('weekly', jsonb_build_object('series', 'item', 'ds', 'week', 'y', 'units',
            'fill', 'zero', 'lead_time', 2, 'service_level', %s::float8)) WHERE reorder_point IS NOT NULL"""
        demand = dict(connection.execute("SELECT item, sum(units) FROM weekly GROUP BY 1").fetchall())
        for asked in (0.9, 0.95, 0.98):
            took, rows = time_of(lambda: connection.execute(plan, (asked,)).fetchall())
            weights = numpy.array([demand[series] for series, _ in rows])
            past = float(numpy.average([rate for _, rate in rows], weights=weights))
            ahead = served_ahead(connection, asked)
            table.add(what, f"{asked:.0%}", len(rows), took, f"{past:.4f}", bool(abs(past - asked) <= 0.01), f"{ahead:.4f}")

    if products.exists():
        connection.execute("DROP TABLE IF EXISTS weekly")
        connection.execute("CREATE TABLE weekly (item text, week date, units float8)")
        with gzip.open(products, "rt", encoding="utf-8") as lines, connection.cursor() as cursor, cursor.copy("COPY weekly FROM STDIN") as copy:
            for row in csv.DictReader(lines):
                for week in range(52):
                    copy.write_row((row["Product_Code"], datetime.date(2024, 1, 1) + datetime.timedelta(weeks=week), float(row[f"W{week}"])))
        judge("UCI weekly sales")
    else:
        print(f"left out: inventory ({products} is not there)")
    if retail.exists():
        connection.execute("DROP TABLE IF EXISTS lines, weekly")
        connection.execute("""CREATE TABLE lines (invoice_no text, stock_code text, description text, quantity int,
            invoice_date timestamp, unit_price numeric, customer_id text, country text)""")
        with connection.cursor() as cursor, gzip.open(retail) as lines, \
                cursor.copy("COPY lines FROM STDIN (FORMAT csv, HEADER)") as copy:
            while chunk := lines.read(1 << 20):
                copy.write(chunk)
        connection.execute("""CREATE TABLE weekly AS SELECT stock_code AS item, date_trunc('week', invoice_date)::date AS week,
                sum(quantity)::float8 AS units
            FROM lines WHERE quantity > 0 AND unit_price > 0 AND stock_code IN (SELECT stock_code FROM lines WHERE quantity > 0
                GROUP BY 1 ORDER BY sum(quantity * unit_price) DESC LIMIT 500) GROUP BY 1, 2""")
        judge("Online Retail, the 500 dearest")
    else:
        print(f"left out: inventory ({retail} is not there)")
