"""Reference values of k-means for test/pgtap/20_kmeans.sql: sql.tsv beside this file.

    python make_sql.py [folder of real data] > sql.tsv

Columns: case, k (or the number of a column), quantity, value.  The best inertia of scikit-learn's KMeans over 200 starts (greedy k-means++), and the mean over
ten seeds of the best of 10; silhouettes of its labels over all rows.  Cases: ring, made by the same formula in SQL; wholesale, the
six spendings of wholesale_customers.csv; wholesale_standardized, the same less their means over their (population) deviations.
"""
import sys
import warnings

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

warnings.simplefilter("ignore")
data = sys.argv[1] if len(sys.argv) > 1 else "../../../../shared/data"
i = np.arange(1, 3001)
c = i % 7
ring = np.column_stack([(c * c) % 5 * 3 + (i * 7919 % 101) / 50.0, c * 2 + (i * 104729 % 103) / 30.0, (i * 1299709 % 107) / 40.0])
wholesale = np.loadtxt(f"{data}/segmentation/wholesale_customers.csv", delimiter=",", skiprows=1)[:, 2:]
standardized = (wholesale - wholesale.mean(axis=0)) / wholesale.std(axis=0)

print("# scikit-learn %s; columns: see make_sql.py" % sklearn.__version__)
for name, x in [("ring", ring), ("wholesale", wholesale), ("wholesale_standardized", standardized)]:
    for k in (2, 3, 5, 8):
        best = KMeans(n_clusters=k, n_init=200, random_state=0, tol=0).fit(x)
        mean = np.mean([KMeans(n_clusters=k, n_init=10, random_state=s, tol=1e-4).fit(x).inertia_ for s in range(10)])
        print(f"{name}\t{k}\tbest\t{float(best.inertia_)!r}")
        print(f"{name}\t{k}\tmean\t{float(mean)!r}")
        print(f"{name}\t{k}\tsilhouette\t{float(silhouette_score(x, best.labels_))!r}")
    for j, m in enumerate(x.mean(axis=0)):
        print(f"{name}\t{j}\tcolumn mean\t{float(m)!r}")
