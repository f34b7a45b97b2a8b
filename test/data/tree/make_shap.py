"""Writes shap.txt: small forests of LightGBM and scikit-learn, with the contributions that LightGBM (pred_contrib) and the
package shap (tree_path_dependent) give.  Versions stand in the file's first line.  Run: python make_shap.py > shap.txt

forest NAME features outputs leaf_outputs trees scale base...
categories of each feature (0: a number)
tree nodes
node: feature threshold left missing_left cover categories-that-go-left (a,b,c or -) value...
rows n
row: x... then for each output: prediction base phi...
"""
import warnings
warnings.filterwarnings("ignore")
import numpy as np
import lightgbm, shap, sklearn
from sklearn.ensemble import RandomForestClassifier

rng = np.random.default_rng(11)
print(f"# lightgbm {lightgbm.__version__}, shap {shap.__version__}, scikit-learn {sklearn.__version__}")


def number(v):
    return "nan" if np.isnan(v) else repr(float(v))


def emit(name, categories, outputs, leaf_outputs, scale, base, trees, rows, results):
    print("forest", name, len(categories), outputs, leaf_outputs, len(trees), repr(float(scale)), *map(number, base))
    print(*categories)
    for nodes in trees:
        print("tree", len(nodes))
        for n in nodes:
            print(*n)
    print("rows", len(rows))
    for x, r in zip(rows, results):
        print(*map(number, x), *map(number, r))


def lightgbm_nodes(tree):
    nodes = [None]

    def walk(t, at):
        if "leaf_value" in t:
            nodes[at] = (-1, 0, 0, 0, t.get("leaf_count", 1), "-", repr(t["leaf_value"]))
            return
        left = len(nodes)
        nodes.extend([None, None])
        if t["decision_type"] == "==":
            nodes[at] = (t["split_feature"], 0, left, 0, t["internal_count"], t["threshold"].replace("||", ","))
        else:
            nodes[at] = (t["split_feature"], repr(t["threshold"]), left, int(t["default_left"]), t["internal_count"], "-")
        walk(t["left_child"], left)
        walk(t["right_child"], left + 1)

    walk(tree["tree_structure"], 0)
    return nodes


n = 600
x = np.round(rng.normal(size=(n, 5)) * 8) / 8
x[:, 3] = rng.integers(0, 9, n)
x[:, 4] = rng.integers(0, 3, n)
x[:, :3][rng.random((n, 3)) < 0.1] = np.nan
z = np.nan_to_num(x)
y = z[:, 0] * (z[:, 3] % 3 - 1) + np.where(z[:, 1] > 0.3, 1, -0.5) + z[:, 2] ** 2 + 0.3 * rng.normal(size=n)
params = dict(num_leaves=9, min_data_in_leaf=5, verbose=-1, seed=1, num_threads=1, deterministic=True, min_data_per_group=5,
              cat_smooth=2, max_cat_to_onehot=1)
probe = x[:12].copy()
for name, target, objective, outputs in (("lightgbm_number", y, "regression", 1),
                                         ("lightgbm_classes", np.digitize(y, [-0.5, 1.0]), "multiclass", 3)):
    p = dict(params, objective=objective)
    if outputs > 1:
        p["num_class"] = outputs
    b = lightgbm.train(p, lightgbm.Dataset(x, label=target, categorical_feature=[3, 4]), 6)
    trees = [lightgbm_nodes(t) for t in b.dump_model()["tree_info"]]
    raw = np.reshape(b.predict(probe, raw_score=True), (len(probe), outputs))
    phi = np.reshape(b.predict(probe, pred_contrib=True), (len(probe), outputs, 6))
    emit(name, [0, 0, 0, 9, 3], outputs, 1, 1, [0] * outputs, trees, probe,
         [[v for k in range(outputs) for v in (raw[i, k], phi[i, k, 5], *phi[i, k, :5])] for i in range(len(probe))])

x = z[:, :4]
probe = x[:12]
model = RandomForestClassifier(5, max_depth=5, random_state=3).fit(x, np.digitize(y, [-0.5, 1.0]))
trees = []
for t in (e.tree_ for e in model.estimators_):
    order = [0]
    nodes = []
    for i in order:
        if t.children_left[i] < 0:
            nodes.append((-1, 0, 0, 0, repr(float(t.weighted_n_node_samples[i])), "-", *map(number, t.value[i, 0])))
        else:
            left = len(order)
            order.extend([t.children_left[i], t.children_right[i]])
            nodes.append((t.feature[i], repr(float(t.threshold[i])), left, 0, repr(float(t.weighted_n_node_samples[i])), "-"))
    trees.append(nodes)
explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
phi = explainer.shap_values(probe, check_additivity=False)
p = model.predict_proba(probe)
emit("sklearn_classes", [0] * 4, 3, 3, 1 / len(trees), [0] * 3, trees, probe,
     [[v for k in range(3) for v in (p[i, k], explainer.expected_value[k], *phi[i, :, k])] for i in range(len(probe))])
