"""Networks for pictures: the SQL statement beside Keras (TensorFlow on the processor), the same network on the same pictures."""
import gzip
import json
import os
import pathlib
import statistics

import numpy

from harness import SCALE, Table, connect, in_turn, time_of, value

FASHION = [{"conv2d": {"filters": 32, "kernel": 3, "activation": "relu"}}, {"max_pooling2d": 2},
           {"conv2d": {"filters": 64, "kernel": 3, "activation": "relu"}}, {"max_pooling2d": 2}, "flatten",
           {"dense": {"units": 64, "activation": "relu"}}, {"dense": {"units": 10, "activation": "softmax"}}]
DECK = [{"conv2d": {"filters": 32, "kernel": 3, "activation": "relu"}}, {"max_pooling2d": 2}, "flatten",
        {"dense": {"units": 128, "activation": "relu"}}, {"dense": {"units": 10, "activation": "softmax"}}]


def cnn_table():
    return Table("Networks for pictures", "Pictures a second, of one picture milliseconds; ratio: ecml by Keras on arrays in memory. "
                 "Accuracy on pictures that were not learnt from.",
                 ["what", "pictures", "ecml", "Keras", "ratio", "target", "ok", "quality"])


def idx(path):
    data = gzip.open(path).read()
    shape = numpy.frombuffer(data, ">u4", count=data[3], offset=4)
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * data[3]).reshape(shape)


def load(connection, name, pixels, labels):
    connection.execute(f"DROP TABLE IF EXISTS {name}")
    connection.execute(f"CREATE TABLE {name}(id int PRIMARY KEY, px bytea, y int)")
    with connection.cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN") as copy:
        for i, (picture, label) in enumerate(zip(pixels, labels)):
            copy.write_row((i, picture.tobytes(), int(label)))
    connection.execute(f"ANALYZE {name}")


def keras_layers(keras, layers, shape):
    made = [keras.Input(shape)]
    for layer in layers:
        kind, given = (layer, {}) if isinstance(layer, str) else next(iter(layer.items()))
        if kind == "conv2d":
            made.append(keras.layers.Conv2D(given["filters"], given["kernel"], activation=given["activation"]))
        elif kind == "max_pooling2d":
            made.append(keras.layers.MaxPooling2D(given))
        elif kind == "flatten":
            made.append(keras.layers.Flatten())
        else:
            made.append(keras.layers.Dense(given["units"], activation=given["activation"]))
    model = keras.Sequential(made)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def keras_of():
    """Keras, which takes some seconds to come; None: it is not installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        from tensorflow import keras
    except ImportError:
        print("left out: networks for pictures (tensorflow-cpu is not installed)")
        return None
    return keras


def fashion_mnist():
    """Pictures and labels for training, and others to judge by; None: they are not there."""
    folder = pathlib.Path(os.environ["ECML_DATA"]) / "fashion-mnist"
    if not folder.exists():
        print(f"left out: Fashion-MNIST ({folder} is not there)")
        return None
    parts = {p: [idx(folder / f"{p}-{what}-ubyte.gz") for what in ("images-idx3", "labels-idx1")] for p in ("train-12k", "valid-2k")}
    n = int(len(parts["train-12k"][0]) * min(SCALE, 1))
    return [(x[:n], y[:n].astype("int32")) for x, y in parts.values()]


def train(connection, model, table, options):
    return value(connection, "SELECT metrics FROM ecml_train(%s, 'cnn', 'SELECT px, y FROM ' || %s, 'y', options => %s)", model, table,
                 json.dumps(options))


def speed(table, connection, keras, name, layers, shape, x, y):
    """Training and serving of one network."""
    load(connection, name, x, y)
    floats = x.reshape((-1,) + shape).astype("float32") / 255
    model = keras_layers(keras, layers, shape)
    model.fit(floats[:640], y[:640], batch_size=32, epochs=1, verbose=0)
    took, _ = time_of(lambda: model.fit(floats, y, batch_size=32, epochs=1, verbose=0))
    theirs = len(x) / took * 1e3
    ours = train(connection, f"bench {name}", name, {"shape": list(shape), "layers": layers, "schedule": "constant", "epochs": 2})["images_per_second"]
    table.add(f"{name}: train, batches of 32", f"{len(x):,}", ours, theirs, ours / theirs, 1.0, ours >= theirs, "")

    times, _ = in_turn({
        "keras": lambda _: model.predict(floats, batch_size=256, verbose=0),
        "all": lambda _: value(connection, f"SELECT count(*) FROM ecml_image_classify_all('bench {name}', '{name}', 'id')"),
        "evaluate": lambda _: value(connection, f"SELECT ecml_evaluate('bench {name}', 'SELECT px, y FROM {name}')"),
        "scan": lambda _: value(connection, f"SELECT count(ecml_classify('bench {name}', px)) FROM {name}"),
    }, 3)
    theirs = len(x) / times["keras"] * 1e3
    for key, what in (("all", "ecml_image_classify_all"), ("evaluate", "ecml_evaluate"), ("scan", "ecml_classify in a scan, one process")):
        ours = len(x) / times[key] * 1e3
        wanted = key != "scan"
        table.add(f"{name}: {key}", f"{len(x):,}", ours, theirs, ours / theirs, 1.0 if wanted else None, ours >= theirs if wanted else None, what)

    one = f"SELECT ecml_classify('bench {name}', px) FROM {name} WHERE id = %s"
    ours = statistics.median(time_of(lambda: value(connection, one, i))[0] for i in range(15))
    theirs = statistics.median(time_of(lambda: model.predict(floats[i:i + 1], verbose=0))[0] for i in range(10))
    table.add(f"{name}: one picture, ms", "1", ours, theirs, theirs / ours, 20.0, theirs / ours >= 20, "")


def cnn(table):
    keras = keras_of()
    if keras is None:
        return
    connection = connect(ecml__threads=os.cpu_count())
    random = numpy.random.default_rng(1)
    n = max(320, int(2_000 * SCALE))
    speed(table, connection, keras, "deck", DECK, (64, 64, 3), random.integers(0, 256, (n, 64 * 64 * 3)).astype(numpy.uint8),
          random.integers(0, 10, n))
    data = fashion_mnist()
    if data:
        speed(table, connection, keras, "fashion", FASHION, (28, 28, 1), *data[0])


def cnn_quality(table):
    """The same network, epochs and batches, three seeds; and the network that comes without being asked for."""
    keras = keras_of()
    data = fashion_mnist()
    if keras is None or data is None:
        return
    connection = connect(ecml__threads=os.cpu_count())
    (x, y), test = data
    shape = (28, 28, 1)
    load(connection, "fashion", x, y)
    load(connection, "fashion_test", *test)
    floats, floats_test = (p.reshape((-1,) + shape).astype("float32") / 255 for p in (x, test[0]))
    judge = "SELECT ecml_evaluate('bench quality', 'SELECT px, y FROM fashion_test') -> 'accuracy'"
    ours, theirs = [], []
    for seed in range(3):
        train(connection, "bench quality", "fashion", {"shape": list(shape), "layers": FASHION, "schedule": "constant", "epochs": 8, "seed": seed})
        ours.append(float(value(connection, judge)))
        keras.utils.set_random_seed(seed)
        model = keras_layers(keras, FASHION, shape)
        model.fit(floats, y, batch_size=32, epochs=8, verbose=0)
        theirs.append(model.evaluate(floats_test, test[1], verbose=0)[1])
    ours, theirs = statistics.mean(ours), statistics.mean(theirs)
    table.add("fashion: accuracy, 8 epochs, 3 seeds", f"{len(x):,}", ours, theirs, ours / theirs, 1.0, ours >= theirs - 0.005, "")
    rate = train(connection, "bench quality", "fashion", {"shape": list(shape)})["images_per_second"]
    ours = float(value(connection, judge))
    table.add("fashion: accuracy of the default network", f"{len(x):,}", ours, 0.9, ours / 0.9, 1.0, ours >= 0.9, f"target 0.9; {rate:,.0f} pictures/s")
