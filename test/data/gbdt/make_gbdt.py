#!/usr/bin/env python3
"""Reference predictions of LightGBM: python3 make_gbdt.py > lightgbm.txt

A column has no more different values than bins, so that both libraries see the same histograms.  Where hessians differ, LightGBM
guesses how many rows a leaf has: there (heavy) a least sum of hessians stands for the least number of rows; and gradients are rounded
before splits are chosen, so that after some 10 trees a near tie may fall otherwise: there are 8.  Lines: "data rows columns", a row a
line (x ..., y); "case name", its parameters as key=value, and a prediction a line (softmax: one a class).
"""
import sys

import lightgbm
import numpy

rng = numpy.random.default_rng(7)
rows, columns = 600, 6
x = numpy.empty((rows, columns))
x[:, 0] = rng.integers(0, 60, rows)
x[:, 1] = rng.integers(-30, 30, rows) / 4
x[:, 2] = rng.integers(0, 90, rows)
x[:, 3] = rng.integers(0, 3, rows)
x[:, 4] = rng.integers(0, 100, rows)
x[:, 5] = rng.integers(0, 12, rows)          # a category
x[rng.random(rows) < 0.2, 2] = numpy.nan
effect = rng.normal(size=12)
signal = (0.05 * x[:, 0] + numpy.sin(x[:, 1]) + numpy.where(numpy.isnan(x[:, 2]), 1.5, 0.01 * x[:, 2]) +
          (x[:, 3] == 1) * 0.02 * x[:, 4] + effect[x[:, 5].astype(int)])
number = numpy.round(signal + rng.normal(size=rows), 3)
two = (signal + rng.normal(size=rows) > 2.5).astype(float)
three = numpy.digitize(signal + rng.normal(size=rows), [1.5, 3.5]).astype(float)
count = rng.poisson(numpy.exp(0.4 * signal - 0.5)).astype(float)
positive = numpy.round(0.01 + rng.gamma(2, numpy.exp(0.3 * signal)), 3)
weight = numpy.round(rng.uniform(0.5, 2, rows), 2)

common = dict(num_leaves=9, learning_rate=0.2, min_data_in_leaf=8, min_data_in_bin=1, min_data_per_group=20, feature_pre_filter=False,
              deterministic=True, force_row_wise=True, num_threads=1, verbose=-1)
cases = [
    ("squared_error", number, "regression", {}, None, []),
    ("squared_error_l1_l2", number, "regression", dict(lambda_l1=2.0, lambda_l2=5.0, min_gain_to_split=0.5), None, []),
    ("squared_error_depth", number, "regression", dict(max_depth=3), None, []),
    ("squared_error_weights", number, "regression", {}, weight, []),
    ("squared_error_category", number, "regression", {}, None, [5]),
    ("squared_error_one_hot", number, "regression", dict(max_cat_to_onehot=20), None, [5]),
    ("logistic", two, "binary", {}, None, []),
    ("logistic_positive", two, "binary", {}, numpy.where(two > 0, 3.0, 1.0), []),
    ("softmax", three, "multiclass", dict(num_class=3), None, []),
    ("poisson", count, "poisson", {}, None, []),
    ("tweedie", count, "tweedie", dict(tweedie_variance_power=1.3), None, []),
    ("gamma", positive, "gamma", {}, None, []),
]


def text(v):
    return "nan" if numpy.isnan(v) else repr(float(v))


print("# LightGBM", lightgbm.__version__, "by make_gbdt.py")
print("data", rows, columns)
for i in range(rows):
    print(*[text(v) for v in x[i]], text(number[i]), text(two[i]), text(three[i]), text(count[i]), text(positive[i]), text(weight[i]))
for name, y, objective, extra, w, categories in cases:
    params = dict(common, objective=objective, **extra)
    heavy = name in ("squared_error_weights", "logistic_positive", "tweedie", "gamma")
    if heavy:
        params.update(min_data_in_leaf=1, min_sum_hessian_in_leaf=8.0)
    data = lightgbm.Dataset(x, y, weight=w, categorical_feature=categories, params=params)
    model = lightgbm.train(params, data, 20 if objective == "regression" and not heavy else 8)
    p = model.predict(x).reshape(rows, -1)
    print("case", name, p.shape[1])
    for row in p[::5]:
        print(*["%.9g" % v for v in row])
