"""Forecasts of intermittent demand and of simple methods, made with statsforecast.

    python make_intermittent.py > intermittent.tsv

Columns: series, values (comma-separated), method, options as JSON, forecast one step ahead.
"""
import json

import numpy as np
import statsforecast
from statsforecast.models import (ADIDA, IMAPA, TSB, CrostonClassic, CrostonOptimized, CrostonSBA, HistoricAverage, Naive,
                                  RandomWalkWithDrift, SeasonalNaive)

rng = np.random.default_rng(5)
series = {
    "rare": rng.poisson(0.25, 80),
    "lumpy": np.where(rng.uniform(size=60) < 0.3, rng.integers(1, 40, 60), 0),
    "leading zeros": np.r_[np.zeros(12), rng.poisson(0.6, 40)],
    "busy": rng.poisson(3, 52),
}
print(f"# statsforecast {statsforecast.__version__}; see make_intermittent.py")
for name, y in series.items():
    y = y.astype(float)
    models = [("croston", {}, CrostonClassic()), ("croston", {"optimise": True}, CrostonOptimized()), ("sba", {}, CrostonSBA()),
              ("tsb", {"alpha": 0.2, "alpha_probability": 0.3}, TSB(alpha_d=0.2, alpha_p=0.3)), ("adida", {}, ADIDA()),
              ("imapa", {}, IMAPA()), ("naive", {}, Naive()), ("drift", {}, RandomWalkWithDrift()),
              ("mean", {}, HistoricAverage()), ("seasonal_naive", {"season": 4}, SeasonalNaive(4))]
    for method, options, model in models:
        value = float(model.forecast(y, h=1)["mean"][0])
        print("\t".join([name, ",".join(str(int(v)) for v in y), method, json.dumps(options), repr(value)]))
