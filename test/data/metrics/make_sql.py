"""Reference values for test/pgtap/60_metrics.sql, made with scikit-learn from rows that the same formulas make in SQL.

    python make_sql.py > sql.tsv

Columns: case, quantity, value.
"""
import numpy as np
import sklearn
from sklearn import metrics as m

i = np.arange(1, 2001)
score = (i * 7919 % 101) / 100.0
y = ((i * 104729 % 103) / 103.0 < score * 0.7 + 0.1).astype(int)
pred = (score >= 0.5).astype(int)
print("# scikit-learn %s; columns: see make_sql.py" % sklearn.__version__)


def put(case, quantity, value):
    print(case, quantity, repr(float(value)), sep="\t")


fpr, tpr, _ = m.roc_curve(y, score)
put("scores", "roc_auc", m.roc_auc_score(y, score))
put("scores", "pr_auc", m.average_precision_score(y, score))
put("scores", "ks", max(abs(tpr - fpr)))
put("scores", "log_loss", m.log_loss(y, score))
put("scores", "brier", m.brier_score_loss(y, score))
put("scores", "accuracy", m.accuracy_score(y, pred))
put("scores", "balanced_accuracy", m.balanced_accuracy_score(y, pred))
put("scores", "precision", m.precision_score(y, pred))
put("scores", "recall", m.recall_score(y, pred))
put("scores", "f1", m.f1_score(y, pred))
put("scores", "mcc", m.matthews_corrcoef(y, pred))
put("scores", "roc points", len(fpr))
put("scores", "pr points", len(m.precision_recall_curve(y, score, drop_intermediate=True)[0]))

a, b = i * i % 7 % 4, np.where(i % 3 > 0, i * i % 7 % 4, i * 31 % 4)
for average in ("macro", "weighted"):
    put("labels", "precision_" + average, m.precision_score(a, b, average=average, zero_division=0))
    put("labels", "recall_" + average, m.recall_score(a, b, average=average, zero_division=0))
    put("labels", "f1_" + average, m.f1_score(a, b, average=average, zero_division=0))
put("labels", "accuracy", m.accuracy_score(a, b))
put("labels", "mcc", m.matthews_corrcoef(a, b))

t = i % 50 - 10.0
p = t + (i * 7919 % 101) / 25.0 - 1.7
some = t != 0
put("numbers", "rmse", m.root_mean_squared_error(t, p))
put("numbers", "mae", m.mean_absolute_error(t, p))
put("numbers", "mape", m.mean_absolute_percentage_error(t[some], p[some]))
put("numbers", "smape", np.mean(2 * abs(t - p) / (abs(t) + abs(p))))
put("numbers", "r2", m.r2_score(t, p))
put("numbers", "explained_variance", m.explained_variance_score(t, p))
put("numbers", "max_error", m.max_error(t, p))
put("numbers", "bias", np.mean(p - t))
