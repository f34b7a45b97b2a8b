"""Makes prophet.tsv: made-up series, and what Prophet's own MAP estimate gives for them.

    python make_prophet.py > prophet.tsv        (prophet 1.5.0 with its cmdstan; numpy, pandas)

Cases: daily (weekly and yearly seasons, a gap, a holiday with windows, a regressor, a bent trend), monthly (multiplicative),
logistic (cap and floor, weekly), flat.  Stan stops L-BFGS before the mode (which has kinks it cannot get past): what is compared
is near, not equal, and its objective an upper bound.
Lines: case <name> <n> <horizon>;  row <t days since 1970> <y or nan> <x> <yhat> <trend>;  objective <value>
objective is minus the log posterior of the scaled values as in src/forecast/prophet_fit.c, evaluated at Prophet's parameters.
"""
import logging
import numpy as np
import pandas as pd

logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
logging.getLogger("prophet").setLevel(logging.ERROR)
from prophet import Prophet  # noqa: E402


def emit(name, df, future, m, fit_options, columns):
    m.fit(df.copy(), **fit_options)
    f = m.predict(future)
    n, h = len(df), len(future) - len(df)
    p = {k: np.asarray(v).ravel() for k, v in m.params.items()}
    used = df.y.notna().values
    floor = df["floor"].values if "floor" in df else 0
    scaled = ((df.y - floor) / m.y_scale).values[used]
    yhat = ((f.yhat.values[:n] - floor) / m.y_scale)[used]
    sigma = p["sigma_obs"][0]
    prior = np.array([m.seasonalities[c.split("_delim_")[0]]["prior_scale"] if c.split("_delim_")[0] in m.seasonalities else 10.0
                      for c in columns(m)])
    objective = (used.sum() * np.log(sigma) + ((scaled - yhat) ** 2).sum() / 2 / sigma ** 2 + 2 * sigma ** 2
                 + (p["k"][0] ** 2 + p["m"][0] ** 2) / 50 + (p["beta"] ** 2 / 2 / prior ** 2).sum()
                 + (np.abs(p["delta"]).sum() / 0.05 if m.growth != "flat" else 0))
    print(f"case\t{name}\t{n}\t{h}")
    for i in range(n + h):
        days = (future.ds.iloc[i] - pd.Timestamp("1970-01-01")).total_seconds() / 86400
        y = df.y.iloc[i] if i < n else np.nan
        x = future.x.iloc[i] if "x" in future else 0
        print(f"row\t{days:.9g}\t{y:.10g}\t{x:.6g}\t{f.yhat.iloc[i]:.10g}\t{f.trend.iloc[i]:.10g}")
    print(f"objective\t{objective:.8f}")


def columns(m):
    return list(m.make_all_seasonality_features(m.history)[0].columns)


def main():
    print("# made by make_prophet.py: see there")
    rng = np.random.default_rng(5)
    exact = {}
    n, h = 800, 60
    ds = pd.date_range("2019-01-01", periods=n + h, freq="D")
    t = np.arange(n + h)
    x = np.round(rng.normal(3, 2, n + h), 2)
    black = pd.to_datetime(["2019-11-29", "2020-11-27", "2021-11-26"])
    holiday = np.isin(ds, black) * 6.0 + np.isin(ds, black + pd.Timedelta(days=1)) * 3.0
    y = (20 + 0.02 * t - 0.03 * np.maximum(0, t - 400) + 3 * np.sin(2 * np.pi * t / 365.25) + 1.5 * np.cos(2 * np.pi * t / 7)
         + 0.5 * x + holiday + rng.normal(0, 0.7, n + h))
    y[100:130] = np.nan
    df = pd.DataFrame({"ds": ds, "y": np.round(y, 3), "x": x})
    m = Prophet(holidays=pd.DataFrame({"ds": black, "holiday": "bf", "lower_window": 0, "upper_window": 1}))
    m.add_regressor("x")
    emit("daily", df[:n], df[["ds", "x"]], m, exact, columns)

    n, h = 120, 24
    ds = pd.date_range("2005-01-01", periods=n + h, freq="MS")
    t = np.arange(n + h)
    y = (50 + 1.2 * t) * (1 + 0.2 * np.sin(2 * np.pi * t / 12) + 0.1 * np.cos(4 * np.pi * t / 12)) * (1 + rng.normal(0, 0.03, n + h))
    df = pd.DataFrame({"ds": ds, "y": np.round(y, 3)})
    emit("monthly", df[:n], df[["ds"]], Prophet(seasonality_mode="multiplicative"), exact, columns)

    n, h = 500, 100
    ds = pd.date_range("2021-03-01", periods=n + h, freq="D")
    t = np.arange(n + h)
    y = 10 + 90 / (1 + np.exp(-0.015 * (t - 250))) + 2 * np.sin(2 * np.pi * t / 7) + rng.normal(0, 1.5, n + h)
    df = pd.DataFrame({"ds": ds, "y": np.round(y, 3), "cap": 110.0, "floor": 10.0})
    emit("logistic", df[:n], df[["ds", "cap", "floor"]], Prophet(growth="logistic"), exact, columns)

    n, h = 300, 30
    ds = pd.date_range("2022-01-01", periods=n + h, freq="D")
    t = np.arange(n + h)
    y = 5 + np.sin(2 * np.pi * t / 7) + rng.normal(0, 0.3, n + h)
    df = pd.DataFrame({"ds": ds, "y": np.round(y, 3)})
    emit("flat", df[:n], df[["ds"]], Prophet(growth="flat"), exact, columns)


if __name__ == "__main__":
    main()
