"""Reference values of ecml_prepare for test/pgtap/61_prepare_data.sql: prepare.tsv beside this file.

    python make_prepare.py [folder of real data] > prepare.tsv

pandas and scikit-learn on adult_train and online_shoppers.  Columns: data, what, place of the column in the result, its name,
values that are not missing, their sum, their sum with weights (row * 7919 modulo 10007, rows from 1).  Texts count by their length.
"""
import sys
import warnings

import numpy as np
import pandas as pd
import sklearn
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

warnings.simplefilter("ignore")
folder = sys.argv[1] if len(sys.argv) > 1 else "../../../shared/data"


def show(data, what, frame):
    weights = (frame.index.to_numpy() + 1) * 7919 % 10007
    for place, column in enumerate(frame.columns):
        x = frame[column]
        if x.dtype.kind not in "fiub":
            x = x.str.len()
        x = x.astype(float).to_numpy()
        here = ~np.isnan(x)
        print("\t".join([data, what, str(place + 1), column, str(here.sum()), repr(float(np.sum(x[here]))),
                         repr(float(np.sum(x[here] * weights[here])))]))


print(f"# pandas {pd.__version__}, scikit-learn {sklearn.__version__}; columns: see make_prepare.py")
for data in ("adult_train", "online_shoppers"):
    frame = pd.read_csv(f"{folder}/classification/{data}.csv.gz", na_values=["?"], skipinitialspace=True)
    frame.columns = [c.lower() for c in frame.columns]
    texts = [c for c in frame.columns if frame[c].dtype.kind not in "fiub"]
    numbers = [c for c in frame.columns if frame[c].dtype.kind in "fi"]
    show(data, "dropna", frame.dropna())
    show(data, "get_dummies", pd.get_dummies(frame, columns=texts, dtype=int))
    show(data, "drop_first", pd.get_dummies(frame, columns=texts, dtype=int, drop_first=True))
    show(data, "fillna", frame.fillna({c: frame[c].mode()[0] for c in frame}))
    x = frame[numbers].astype(float)
    show(data, "standard", pd.DataFrame(StandardScaler().fit_transform(x), columns=numbers))
    bins = KBinsDiscretizer(5, encode="ordinal", strategy="quantile", subsample=None, quantile_method="linear")
    show(data, "bin", pd.DataFrame(bins.fit_transform(x), columns=numbers))
