"""Reference values of metrics and calibration, made with scikit-learn (Platt scaling: with mpmath, see below).

    python make_metrics.py      writes scores.tsv, labels.tsv, numbers.tsv, calibration.tsv, clusters.tsv beside itself

Each case is some lines of key, tab, comma-separated numbers, and ends with the line "end".
"""
import os
import warnings

import mpmath as mp
import numpy as np
import sklearn
from sklearn import metrics as m
from sklearn.calibration import _sigmoid_calibration, calibration_curve
from sklearn.isotonic import IsotonicRegression

warnings.simplefilter("ignore")
rng = np.random.default_rng(11)
here = os.path.dirname(os.path.abspath(__file__))
out = None


def put(key, values):
    values = np.atleast_1d(np.asarray(values, dtype=float)).ravel()
    print(key, ",".join(repr(float(v)) for v in values) if len(values) else "-", sep="\t", file=out)


def start(name):
    global out
    out = open(os.path.join(here, name), "w")
    print("# scikit-learn %s, numpy %s, mpmath %s; made by make_metrics.py"
          % (sklearn.__version__, np.__version__, mp.__version__), file=out)


# ---- two classes, a score a row

def scores_case(name, y, s, w=None, threshold=0.5):
    y, s = np.asarray(y, dtype=int), np.asarray(s, dtype=float)
    print("case", name, sep="\t", file=out)
    put("label", y)
    put("score", s)
    if w is not None:
        put("weight", w)
    put("threshold", threshold)
    both = len(set(y)) == 2
    pred = (s >= threshold).astype(int)
    a = dict(sample_weight=w)
    tn, fp, fn, tp = m.confusion_matrix(y, pred, labels=[0, 1], sample_weight=w).ravel()
    put("confusion", [tp, fp, tn, fn])
    nan = float("nan")
    put("roc_auc", m.roc_auc_score(y, s, **a) if both else nan)
    put("pr_auc", m.average_precision_score(y, s, **a) if y.any() else nan)
    put("accuracy", m.accuracy_score(y, pred, **a))
    put("balanced_accuracy", m.balanced_accuracy_score(y, pred, **a))
    put("precision", m.precision_score(y, pred, zero_division=np.nan, **a))
    put("recall", m.recall_score(y, pred, zero_division=np.nan, **a))
    put("specificity", m.recall_score(1 - y, 1 - pred, zero_division=np.nan, **a))
    put("f1", m.f1_score(y, pred, zero_division=np.nan, **a))
    put("mcc", m.matthews_corrcoef(y, pred, **a))
    if s.min() >= 0 and s.max() <= 1:
        put("log_loss", m.log_loss(y, s, labels=[0, 1], **a))
        put("brier", m.brier_score_loss(y, s, labels=[0, 1], **a))
        if w is None and both:
            for strategy in ("uniform", "quantile"):
                for bins in (5, 10):
                    true, pred_ = calibration_curve(y, s, n_bins=bins, strategy=strategy)
                    put("%s%d.rate" % (strategy, bins), true)
                    put("%s%d.mean" % (strategy, bins), pred_)
    else:
        put("log_loss", nan)
        put("brier", nan)
    fpr, tpr, thr = m.roc_curve(y, s, drop_intermediate=False, **a)
    put("ks", np.max(np.abs(tpr - fpr)) if both else nan)
    for drop in (0, 1):
        fpr, tpr, thr = m.roc_curve(y, s, drop_intermediate=bool(drop), **a)
        put("roc%d.threshold" % drop, thr)
        put("roc%d.x" % drop, fpr)
        put("roc%d.y" % drop, tpr)
        p, r, thr = m.precision_recall_curve(y, s, drop_intermediate=bool(drop), **a)
        put("pr%d.threshold" % drop, np.append(thr, np.inf)[::-1])
        put("pr%d.x" % drop, r[::-1] if y.any() else np.full(len(r), nan))
        put("pr%d.y" % drop, p[::-1])
    f1 = [m.f1_score(y, s >= t, **a) for t in np.unique(s)[::-1]]
    put("best_f1", max(f1) if y.any() else nan)
    print("end", file=out)


def draw(n, ties=None):
    y = rng.integers(0, 2, n)
    s = 1 / (1 + np.exp(-rng.normal(1.3 * y - 0.8, 1.2, n)))
    return y, s if ties is None else np.round(s, ties)


start("scores.tsv")
scores_case("continuous", *draw(500))
scores_case("ties", *draw(300, 1))
scores_case("two decimals", *draw(400, 2), threshold=0.3)
y, s = draw(300, 1)
w = np.round(rng.gamma(2, 1, 300), 3)
w[::17] = 0
scores_case("weights and ties", y, s, w)
y, s = draw(250)
scores_case("weights", y, s, rng.gamma(0.3, 1, 250), threshold=0.4)
y, s = draw(200)
scores_case("any numbers", y, np.log(s / (1 - s)) * 1e3, threshold=0)
scores_case("perfect", [0, 0, 1, 1, 0, 1], [0.1, 0.2, 0.8, 0.9, 0.3, 0.7])
scores_case("all wrong", [1, 1, 0, 0, 1, 0], [0.1, 0.2, 0.8, 0.9, 0.3, 0.7])
scores_case("zeros and ones", [0, 1, 0, 1, 1, 0, 1], [0, 1, 1, 0, 1, 0, 0.5])
scores_case("nearly zeros and ones", [0, 1, 0, 1, 1, 0, 1], [1e-300, 1, 1 - 1e-16, 1e-17, 5e-324, 1e-16, 0.5])
scores_case("positives only", np.ones(5), [0.1, 0.6, 0.6, 0.9, 0.2])
scores_case("negatives only", np.zeros(5), [0.1, 0.6, 0.6, 0.9, 0.2])
scores_case("constant", rng.integers(0, 2, 40), np.full(40, 0.25))
scores_case("none predicted", rng.integers(0, 2, 40), rng.random(40) / 4)
scores_case("two rows", [0, 1], [0.5, 0.5])
scores_case("edges of bins", np.tile([0, 1, 1, 0, 1], 11), np.tile(np.arange(11) / 10, 5))
scores_case("rare", np.arange(1000) % 97 == 5, np.round(rng.beta(1, 30, 1000), 3), threshold=0.1)
out.close()

# ---- labels


def labels_case(name, y, p, w=None):
    """y codes 0 .. k - 1, p probabilities [n][k]"""
    k = p.shape[1]
    pred = p.argmax(axis=1)
    a = dict(sample_weight=w)
    print("case", name, sep="\t", file=out)
    put("classes", k)
    put("label", y)
    if w is not None:
        put("weight", w)
    put("probability", p)
    put("confusion", m.confusion_matrix(y, pred, labels=range(k), **a))
    put("accuracy", m.accuracy_score(y, pred, **a))
    put("balanced_accuracy", m.balanced_accuracy_score(y, pred, **a))
    for average in ("macro", "weighted"):
        put("%s_precision" % average, m.precision_score(y, pred, average=average, **a))
        put("%s_recall" % average, m.recall_score(y, pred, average=average, **a))
        put("%s_f1" % average, m.f1_score(y, pred, average=average, **a))
    put("mcc", m.matthews_corrcoef(y, pred, **a))
    put("log_loss", m.log_loss(y, p, labels=range(k), **a))
    put("top2_accuracy", m.top_k_accuracy_score(y, p, k=2, labels=range(k), **a) if k > 2 else float("nan"))
    put("roc_auc_ovr", m.roc_auc_score(y, p, multi_class="ovr", average="macro", **a)
        if k > 2 and len(set(y)) == k and w is None else float("nan"))
    print("end", file=out)


def draw_labels(n, k, sharp, digits=None):
    y = rng.integers(0, k, n)
    z = rng.normal(0, 1, (n, k))
    z[np.arange(n), y] += sharp
    p = np.exp(z)
    p /= p.sum(axis=1, keepdims=True)
    if digits is not None:
        p = np.round(p, digits)
        p[:, -1] = 1 - p[:, :-1].sum(axis=1)
        p = np.abs(p) / np.abs(p).sum(axis=1, keepdims=True)
    return y, p


start("labels.tsv")
labels_case("three", *draw_labels(200, 3, 1.2))
labels_case("five with ties", *draw_labels(150, 5, 0.6, 1))
y, p = draw_labels(120, 4, 0.9)
labels_case("weights", y, p, np.round(rng.gamma(2, 1, 120), 3))
y, p = draw_labels(80, 4, 0.9)
y[y == 3] = 0
labels_case("a class without rows", y, p)
y, p = draw_labels(60, 4, 2)
p[:, 3] = 0
p /= p.sum(axis=1, keepdims=True)
y[y == 3] = 1
labels_case("a class never met", y, p)
labels_case("one predicted", np.array([0, 1, 2, 1]), np.tile([0.5, 0.3, 0.2], (4, 1)))
labels_case("all right", np.array([0, 1, 2, 1]), np.eye(3)[[0, 1, 2, 1]])
labels_case("two", *draw_labels(90, 2, 0.8))
out.close()

# ---- numbers


def numbers_case(name, y, p, w=None):
    y, p = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    a = dict(sample_weight=w)
    weight = np.ones(len(y)) if w is None else w
    print("case", name, sep="\t", file=out)
    put("actual", y)
    put("predicted", p)
    if w is not None:
        put("weight", w)
    put("rmse", m.root_mean_squared_error(y, p, **a))
    put("mae", m.mean_absolute_error(y, p, **a))
    put("bias", np.average(p - y, weights=weight))
    some = y != 0
    put("mape", m.mean_absolute_percentage_error(y[some], p[some], sample_weight=weight[some]) if some.any() else np.nan)
    size = np.abs(y) + np.abs(p)
    put("smape", np.average(np.where(size > 0, 2 * np.abs(y - p) / np.where(size > 0, size, 1), 0), weights=weight))
    spread = len(set(y)) > 1
    put("r2", m.r2_score(y, p, **a) if spread else np.nan)
    put("explained_variance", m.explained_variance_score(y, p, **a) if spread else np.nan)
    put("max_error", m.max_error(y, p))
    print("end", file=out)


start("numbers.tsv")
y = rng.normal(10, 3, 300)
numbers_case("plain", y, y + rng.normal(0.5, 1, 300))
numbers_case("weights", y, y * 0.9 + rng.normal(0.5, 1, 300), rng.gamma(2, 1, 300))
numbers_case("zeros", np.round(y - 10).clip(0), np.round(y - 10 + rng.normal(0, 1, 300)).clip(0))
numbers_case("exact", y, y)
numbers_case("constant", np.full(20, 5.0), rng.normal(5, 1, 20))
numbers_case("all zero", np.zeros(9), rng.normal(0, 1, 9))
numbers_case("far from zero", np.round(y, 6) + 1e6, np.round(y, 6) + 1e6 + np.round(rng.normal(0, 1, 300), 6))
numbers_case("one row", [3.0], [4.0])
numbers_case("worse than the mean", y, -y)
out.close()

# ---- calibration


def platt(s, y, w):
    """The optimum of Platt's problem, by Newton's method with 40 digits."""
    mp.mp.dps = 40
    prior0, prior1 = mp.fsum(w[y == 0]), mp.fsum(w[y == 1])
    t = [(prior1 + 1) / (prior1 + 2) if v else 1 / (prior0 + 2) for v in y]
    a, b = mp.mpf(0), mp.log((prior0 + 1) / (prior1 + 1))
    s, w = [mp.mpf(float(v)) for v in s], [mp.mpf(float(v)) for v in w]

    def loss(a, b):
        return mp.fsum(wi * (ti * (a * si + b) + mp.log(1 + mp.exp(-(a * si + b)))) for si, ti, wi in zip(s, t, w))

    for _ in range(100):
        p = [1 / (1 + mp.exp(a * si + b)) for si in s]
        ga = mp.fsum(wi * (ti - pi) * si for si, ti, pi, wi in zip(s, t, p, w))
        gb = mp.fsum(wi * (ti - pi) for ti, pi, wi in zip(t, p, w))
        haa = mp.fsum(wi * pi * (1 - pi) * si * si for si, pi, wi in zip(s, p, w))
        hab = mp.fsum(wi * pi * (1 - pi) * si for si, pi, wi in zip(s, p, w))
        hbb = mp.fsum(wi * pi * (1 - pi) for pi, wi in zip(p, w))
        det = haa * hbb - hab * hab
        if det <= mp.mpf(10) ** -30 * haa * hbb:
            return float(a), float(b)
        da, db, step = -(hbb * ga - hab * gb) / det, -(haa * gb - hab * ga) / det, mp.mpf(1)
        while step > mp.mpf(10) ** -12 and loss(a + step * da, b + step * db) > loss(a, b):
            step /= 2
        a, b = a + step * da, b + step * db
        if abs(da) + abs(db) < mp.mpf(10) ** -25 * (abs(a) + abs(b)):
            break
    return float(a), float(b)


def calibration_case(name, y, s, w=None, sigmoid=True):
    y, s = np.asarray(y, dtype=int), np.asarray(s, dtype=float)
    print("case", name, sep="\t", file=out)
    put("label", y)
    put("score", s)
    if w is not None:
        put("weight", w)
    weight = np.ones(len(y)) if w is None else w
    if sigmoid:
        put("platt", platt(s, y, weight))
        put("sklearn", _sigmoid_calibration(s, y.astype(float), w))
    iso = IsotonicRegression(out_of_bounds="clip").fit(s, y, sample_weight=w)
    put("isotonic.x", iso.X_thresholds_)
    put("isotonic.y", iso.y_thresholds_)
    at = np.concatenate([s, np.linspace(s.min() - 0.5, s.max() + 0.5, 41)])
    put("at", at)
    put("isotonic.at", iso.predict(at))
    print("end", file=out)


start("calibration.tsv")
y, s = draw(300)
calibration_case("probabilities", y, s)
calibration_case("log odds", y, np.log(s / (1 - s)))
calibration_case("large numbers", y, 1000 * np.log(s / (1 - s)))
y, s = draw(200, 1)
calibration_case("ties", y, s)
w = np.round(rng.gamma(2, 1, 200), 3)
calibration_case("weights and ties", y, s, w)
w[::7] = 0
calibration_case("weights of zero", y, s, w)
calibration_case("separated", np.arange(20) >= 10, np.arange(20) / 20)
calibration_case("upside down", np.arange(30) < 15, np.arange(30) / 30 + rng.normal(0, 0.2, 30))
calibration_case("positives only", np.ones(6), [0.1, 0.5, 0.5, 0.8, 0.2, 0.3], sigmoid=False)
calibration_case("constant score", [0, 1, 1, 0, 1], np.full(5, 0.25), sigmoid=False)
calibration_case("one row", [1], [0.7], sigmoid=False)
out.close()

# ---- clusters: rows of multiples of 1/64, which a float holds; labels by the nearest centroid


def clusters_case(name, x, centroids):
    label = ((x[:, None, :] - centroids[None]) ** 2).sum(axis=2).argmin(axis=1)
    print("case", name, sep="\t", file=out)
    put("columns", x.shape[1])
    put("x", x)
    put("centroids", centroids)
    several = 1 < len(set(label)) < len(x)
    put("davies_bouldin", m.davies_bouldin_score(x, label) if several else float("nan"))
    put("calinski_harabasz", m.calinski_harabasz_score(x, label) if several else float("nan"))
    print("end", file=out)


def draw_clusters(n, k, columns, spread):
    centroids = rng.normal(0, 3, (k, columns))
    return np.round((centroids[rng.integers(0, k, n)] + rng.normal(0, spread, (n, columns))) * 64) / 64, centroids


start("clusters.tsv")
clusters_case("four", *draw_clusters(300, 4, 3, 0.7))
clusters_case("many columns", *draw_clusters(60, 3, 70, 2))
x, centroids = draw_clusters(200, 5, 2, 1.5)
centroids[2] = 1e6
clusters_case("an empty cluster", x, centroids)
clusters_case("one cluster", x, centroids[2:4] * [[1], [0]] + [[1e6, 0], [0, 0]])
clusters_case("no spread", np.repeat([[0.0, 1], [2, 2], [5, 1]], 4, axis=0), np.array([[0.0, 1], [2, 2], [5, 1]]))
out.close()
