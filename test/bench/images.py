"""Pictures beside Pillow, networks from ONNX files beside onnxruntime.

Pillow decodes from bytes in memory and resizes, the table scan is in ecml's time; one process each.  Photographs are made up:
smooth fields, edges and noise, as JPEG of quality 85.  Networks are those of the ONNX model zoo that the package onnx ships without
weights (real exports, of Caffe2, MXNet and PyTorch), with weights drawn at random; both sides run on one thread.
"""
import io
import pathlib

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper
from PIL import Image

from harness import connect, in_turn, value
from speed import add

NETWORKS = ("squeezenet", "resnet50", "densenet121")


def photograph(rng, width, height):
    y, x = numpy.mgrid[0:height, 0:width]
    base = sum(rng.uniform(20, 60) * numpy.sin(x / rng.uniform(20, 200) + rng.uniform(0, 6)) * numpy.cos(y / rng.uniform(20, 200))
               for _ in range(4))
    image = numpy.stack([128 + base * rng.uniform(0.3, 1) for _ in range(3)], axis=-1)
    for _ in range(12):
        left, top = rng.integers(0, width - 40), rng.integers(0, height - 40)
        image[top:top + rng.integers(20, height // 2), left:left + rng.integers(20, width // 2)] += rng.uniform(-60, 60, 3)
    image += rng.normal(0, 6, image.shape)
    return Image.fromarray(image.clip(0, 255).astype(numpy.uint8), "RGB")


def encoded(image, **options):
    out = io.BytesIO()
    image.save(out, **options)
    return out.getvalue()


def pictures(table):
    rng = numpy.random.default_rng(1)
    connection = connect(max_parallel_workers_per_gather=0, ecml__threads=1)
    connection.execute("CREATE TEMP TABLE photos (photo bytea)")
    connection.execute("ALTER TABLE photos ALTER photo SET STORAGE external")
    for name, width, height, count, options in (
            ("JPEG of 1600 x 1200", 1600, 1200, 24, {"format": "JPEG", "quality": 85}),
            ("JPEG of 400 x 300", 400, 300, 200, {"format": "JPEG", "quality": 85}),
            ("PNG of 400 x 300", 400, 300, 60, {"format": "PNG"})):
        files = [encoded(photograph(rng, width, height), **options) for _ in range(count)]
        connection.execute("TRUNCATE photos")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO photos VALUES (%s)", [(f,) for f in files])

        def resized(_):
            return [numpy.asarray(Image.open(io.BytesIO(f)).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR)) for f in files]

        def thumbnails(_):
            made = []
            for f in files:
                image = Image.open(io.BytesIO(f))
                image.thumbnail((160, 160))
                made.append(encoded(image.convert("RGB"), format="JPEG", quality=85))
            return made

        times, results = in_turn({
            "ecml": lambda _: value(connection, "SELECT count(ecml_image_pixels(photo, 224, 224, '{\"filter\": \"bilinear\"}')) FROM photos"),
            "pillow": resized,
            "ecml thumbnail": lambda _: value(connection,
                                              "SELECT count(ecml_image_thumbnail(photo, 160, 160, '{\"format\": \"jpeg\"}')) FROM photos"),
            "pillow thumbnail": thumbnails,
        })
        ours = numpy.frombuffer(value(connection, "SELECT ecml_image_pixels(photo, 224, 224, '{\"filter\": \"bilinear\"}') FROM photos LIMIT 1"),
                                numpy.uint8).reshape(224, 224, 3)
        apart = numpy.abs(ours.astype(int) - results["pillow"][0][0]).mean()
        add(table, "decode and resize to 224 x 224", "bilinear", f"{count} {name}", times["ecml"], "Pillow", times["pillow"], 1,
            f"{apart:.2f} of 255 apart, on average")
        add(table, "thumbnails of 160 as JPEG", "default", f"{count} {name}", times["ecml thumbnail"], "Pillow, thumbnail()",
            times["pillow thumbnail"], 1, "")
    connection.close()


def with_weights(rng, name):
    """A network that was published without weights, with some: the last layer is scaled so that classes are near each other."""
    model = onnx.load(pathlib.Path(onnx.__file__).parent / f"backend/test/data/light/light_{name}.onnx")
    shapes = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    nodes = []
    drawn = {}
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape":
            nodes.append(node)
            continue
        dims = [int(d) for d in shapes[node.input[0]]]
        # of one dimension: factors, shifts, means, variances, biases
        drawn[node.output[0]] = (rng.normal(size=dims) * numpy.sqrt(2 / numpy.prod(dims[1:])) if len(dims) > 1
                                 else rng.uniform(0.5, 1.5, dims)).astype(numpy.float32)
    last = [n.input[1] for n in nodes if n.op_type in ("Conv", "Gemm")][-1]

    def made(factor):
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        del copy.graph.node[:]
        copy.graph.node.extend(nodes)
        for key, array in drawn.items():
            copy.graph.initializer.append(numpy_helper.from_array(array * numpy.float32(factor if key == last else 1), key))
        return copy.SerializeToString()

    return made


def session_of(data):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def probabilities(session, picture):
    port = session.get_inputs()[0]
    y = session.run(None, {port.name: (picture.astype(numpy.float32) / 255).transpose(2, 0, 1)[None]})[0].ravel()
    if abs(y.sum() - 1) > 1e-3:
        y = numpy.exp(y - y.max())
        y /= y.sum()
    return y


def networks(table):
    rng = numpy.random.default_rng(1)
    connection = connect(max_parallel_workers_per_gather=0, ecml__threads=1, ecml__cache_size="2GB", ecml__work_mem="2GB")
    for name in NETWORKS:
        made = with_weights(rng, name)
        picture = rng.integers(0, 256, (224, 224, 3), dtype=numpy.uint8)
        png = encoded(Image.fromarray(picture), format="PNG")
        # until no class has more than a third of the probability
        factor = 1.0
        while probabilities(session_of(made(factor)), picture).max() > 0.33:
            factor /= 2
        data = made(factor)
        session = session_of(data)
        connection.execute("SELECT ecml_import_onnx(%s, %s)", (f"bench {name}", data))
        times, results = in_turn({
            "ecml": lambda _: value(connection, "SELECT ecml_probabilities(%s, %s)", f"bench {name}", png),
            "onnxruntime": lambda _: probabilities(session, picture),
        }, 3)
        ours = results["ecml"][0]
        theirs = results["onnxruntime"][0]
        apart = max(abs(ours[str(i)] - p) for i, p in enumerate(theirs))
        add(table, f"a picture, by {name}", "one thread", "224 x 224", times["ecml"], "onnxruntime", times["onnxruntime"], None,
            f"{apart:.0e} apart" if apart < 1e-4 else f"{apart:.0e} APART", f"largest {max(theirs):.2f}")
        connection.execute("SELECT ecml_drop_model(%s)", (f"bench {name}",))
    connection.close()


def images(table):
    pictures(table)
    networks(table)
