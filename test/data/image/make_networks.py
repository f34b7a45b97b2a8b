#!/usr/bin/env python3
"""Small ONNX networks of all operators that are imported, with what onnxruntime makes of them.

    make_networks.py FOLDER     writes networks.tsv      (onnx 1.23, onnxruntime 1.32, numpy)

networks.tsv: name, height, width, channels, file in hex, numbers that come out for one input, probabilities for one picture.  The
input is number i (in the order [height][width][channels]) = ((7919 i) mod 1000) / 500 - 1 in float32; the picture's byte i is
(7919 i) mod 256, and goes in over 255.  "error" in place of the numbers: files that cannot be imported.
"""
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(5)


class Net:
    def __init__(self, opset, shape, planes=True, name="x", element=TensorProto.FLOAT):
        self.opset, self.planes = opset, planes
        self.nodes, self.weights, self.count = [], [], 0
        self.h, self.w, self.c = shape
        dims = ["N", self.c, self.h, self.w] if planes else ["N", self.h, self.w, self.c]
        self.inputs = [helper.make_tensor_value_info(name, element, dims)]

    def const(self, value, dtype=np.float32, kind=None):
        self.count += 1
        name = f"w{self.count}"
        array = np.asarray(value, dtype)
        if kind == "typed":         # as repeated numbers, not raw bytes
            self.weights.append(helper.make_tensor(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape, array.ravel()))
        else:
            self.weights.append(numpy_helper.from_array(array, name))
        return name

    def rand(self, *shape, scale=None, **more):
        fan = np.prod(shape[1:]) if len(shape) > 1 else 1
        return self.const(rng.normal(size=shape) * (scale or 1 / np.sqrt(fan)), **more)

    def op(self, op, *inputs, out=None, **attributes):
        self.count += 1
        out = out or f"t{self.count}"
        self.nodes.append(helper.make_node(op, list(inputs), [out], name=f"/{op}_{self.count}", **attributes))
        return out

    def norm(self, x, c):
        return self.op("BatchNormalization", x, self.const(rng.uniform(0.5, 1.5, c)), self.rand(c, scale=0.2), self.rand(c, scale=0.2),
                       self.const(rng.uniform(0.5, 2, c)), epsilon=1e-5)

    def model(self, output, old=False):
        inputs = list(self.inputs)
        if old:
            inputs += [helper.make_tensor_value_info(w.name, w.data_type, w.dims) for w in self.weights]
        graph = helper.make_graph(self.nodes, "g", inputs, [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=3 if old else 8)


def plain():
    n = Net(13, (12, 10, 3))
    x = n.op("Conv", "x", n.rand(6, 3, 3, 3), n.rand(6, scale=0.1), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    x = n.op("Relu", x)
    x = n.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = n.op("Conv", x, n.rand(4, 6, 3, 2), kernel_shape=[3, 2], strides=[1, 2], pads=[0, 1, 2, 0])
    x = n.op("Relu", x)
    x = n.op("Flatten", x)
    x = n.op("Gemm", x, n.rand(7, 4 * 6 * 3), n.rand(7, scale=0.1), transB=1)
    x = n.op("Relu", x)
    return n, n.op("Gemm", x, n.rand(7, 5), n.rand(5, scale=0.1), alpha=0.5, beta=2.0)


def residual():
    n = Net(17, (16, 16, 3))
    x = n.norm(n.op("Conv", "x", n.rand(8, 3, 7, 7), strides=[2, 2], pads=[3, 3, 3, 3]), 8)
    x = n.op("MaxPool", n.op("Relu", x), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stride in (1, 2):
        c = 8 * stride
        y = n.op("Relu", n.norm(n.op("Conv", x, n.rand(c, 8, 3, 3), strides=[stride] * 2, pads=[1] * 4), c))
        y = n.norm(n.op("Conv", y, n.rand(c, c, 3, 3), pads=[1] * 4), c)
        short = x if stride == 1 else n.norm(n.op("Conv", x, n.rand(c, 8, 1, 1), strides=[2, 2]), c)
        x = n.op("Relu", n.op("Add", y, short))
    x = n.op("Flatten", n.op("GlobalAveragePool", x))
    return n, n.op("Softmax", n.op("Gemm", x, n.rand(16, 9), n.rand(9)), axis=-1)


def mobile():
    n = Net(18, (15, 17, 3))
    x = n.op("HardSwish", n.op("Conv", "x", n.rand(8, 3, 3, 3), n.rand(8), strides=[2, 2], pads=[0, 0, 1, 1]))
    x = n.op("Conv", x, n.rand(8, 1, 5, 5), n.rand(8), group=8, pads=[2] * 4)
    x = n.op("Clip", x, n.const(0), n.const(6))
    s = n.op("GlobalAveragePool", x)
    s = n.op("Relu", n.op("Conv", s, n.rand(2, 8, 1, 1), n.rand(2)))
    s = n.op("HardSigmoid", n.op("Conv", s, n.rand(8, 2, 1, 1), n.rand(8)), alpha=1 / 6, beta=0.5)
    x = n.op("Mul", x, s)
    x = n.op("Conv", x, n.rand(6, 8, 1, 1))
    x = n.op("Mul", x, n.op("HardSigmoid", x, alpha=1 / 6, beta=0.5))
    x = n.op("ReduceMean", x, n.const([2, 3], np.int64), keepdims=0)
    x = n.op("Add", n.op("MatMul", x, n.rand(6, 10)), n.rand(10))
    x = n.op("Mul", x, n.op("Sigmoid", x))
    return n, n.op("Add", n.rand(4), n.op("MatMul", x, n.rand(10, 4)))


def tensorflow():
    n = Net(13, (13, 11, 3), planes=False)
    x = n.op("Mul", "x", n.const(0.7))
    x = n.op("Sub", x, n.const([[[[0.1, -0.2, 0.3]]]]))
    x = n.op("Div", x, n.const([1.1, 0.9, 1.3]))
    x = n.op("Transpose", x, perm=[0, 3, 1, 2])
    x = n.op("Conv", x, n.rand(6, 3, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2])
    x = n.op("Add", x, n.const(rng.normal(size=(1, 6, 1, 1))))
    x = n.op("Relu", x)
    x = n.op("Pad", x, n.const([0, 0, 1, 0, 0, 0, 0, 1], np.int64), n.const(0))
    x = n.op("MaxPool", x, kernel_shape=[2, 2], strides=[1, 1])
    x = n.op("Pad", x, n.const([0, 0, 0, 1, 0, 0, 2, 0], np.int64))
    x = n.op("Conv", x, n.rand(5, 6, 2, 3), n.rand(5), auto_pad="VALID")
    x = n.op("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
    x = n.op("Conv", x, n.rand(5, 5, 2, 2), auto_pad="SAME_LOWER")
    x = n.op("Transpose", x, perm=[0, 2, 3, 1])
    x = n.op("Mul", x, n.op("Sigmoid", x))
    x = n.op("ReduceMean", x, axes=[1, 2], keepdims=0)
    x = n.op("Add", n.op("MatMul", x, n.rand(5, 6)), n.rand(6))
    return n, n.op("Softmax", x)


def shapes():
    n = Net(13, (9, 12, 1))
    a = n.op("LeakyRelu", n.op("Conv", "x", n.rand(4, 1, 3, 3), n.rand(4), dilations=[2, 1], pads=[2, 1, 2, 1]), alpha=0.2)
    b = n.op("Tanh", n.op("Conv", "x", n.rand(6, 1, 1, 1), n.rand(6)))
    x = n.op("Concat", a, b, axis=1)
    x = n.op("Elu", n.op("Conv", x, n.rand(8, 5, 3, 3), group=2), alpha=0.7)
    x = n.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    x = n.op("AveragePool", x, kernel_shape=[2, 2], pads=[1, 1, 0, 0], count_include_pad=1)
    root = n.op("Constant", value=numpy_helper.from_array(np.float32(np.sqrt(2))))
    one = n.op("Constant", value_float=1.0)
    g = n.op("Add", n.op("Erf", n.op("Div", x, root)), one)
    x = n.op("Mul", n.op("Mul", x, g), n.const(0.5))
    x = n.op("PRelu", x, n.const(np.full((8, 1, 1), 0.3)))
    size = n.op("Gather", n.op("Shape", x), n.const(0, np.int64), axis=0)
    size = n.op("Unsqueeze", size, n.const([0], np.int64))
    to = n.op("Concat", size, n.const([-1], np.int64), axis=0)
    x = n.op("Reshape", x, to)
    x = n.op("Dropout", x)
    x = n.op("Gemm", x, n.rand(8 * 3 * 5, 4), n.rand(4))
    x = n.op("Unsqueeze", x, n.const([2, 3], np.int64))
    x = n.op("Conv", x, n.rand(3, 4, 1, 1), n.rand(3))
    x = n.op("Squeeze", x, n.const([2, 3], np.int64))
    return n, n.op("Identity", x)


def old():
    n = Net(9, (8, 8, 3))
    x = n.op("Conv", "x", n.rand(4, 3, 3, 3, kind="typed"), n.rand(4, kind="typed"), pads=[1] * 4)
    x = n.op("Clip", x, min=0.0, max=6.0)
    y = n.op("Conv", x, n.rand(4, 4, 1, 1, dtype=np.float32))
    x = n.op("Sum", x, y, x)
    x = n.op("GlobalMaxPool", x)
    x = n.op("Reshape", x, n.const([0, -1], np.int64, kind="typed"))
    x = n.op("Dropout", x, ratio=0.4)
    w = n.op("Transpose", n.rand(5, 4), perm=[1, 0])
    return n, n.op("Softmax", n.op("MatMul", x, w), axis=1)


def half():
    n = Net(13, (6, 7, 3))
    k = n.op("Cast", n.rand(4, 3, 3, 3, dtype=np.float16), to=TensorProto.FLOAT)
    b = n.op("Cast", n.rand(4, dtype=np.float64), to=TensorProto.FLOAT)
    x = n.op("Sigmoid", n.op("Conv", "x", k, b))
    x = n.op("BatchNormalization", n.op("Flatten", x), *[n.const(rng.uniform(0.5, 1.5, 80)) for _ in range(4)])
    return n, n.op("Gemm", x, n.op("Reshape", n.rand(160), n.const([80, 2], np.int64)), n.rand(1))


def quarter():
    n = Net(20, (6, 6, 3))
    x = n.op("Gelu", n.op("Conv", "x", n.rand(4, 3, 3, 3), n.rand(4)), approximate="tanh")
    x = n.op("Gelu", n.op("Conv", x, n.rand(4, 4, 3, 3), n.rand(4)))
    x = n.op("ReduceMax", x, n.const([-1, -2], np.int64))
    x = n.op("Flatten", x)
    return n, n.op("Softmax", n.op("Sub", n.const(0.3), n.op("Gemm", x, n.rand(4, 3), n.const([0.1, 0.2, 0.3]))))


def unknown():
    n = Net(13, (6, 6, 3))
    return n, n.op("Flatten", n.op("LRN", "x", size=3))


def dynamic():
    n = Net(13, (6, 6, 3))
    return n, n.op("Flatten", n.op("Mul", n.op("Conv", "x", n.op("Conv", "x", n.rand(3, 3, 1, 1))), n.const(2.0)))


def main():
    with open(f"{sys.argv[1]}/networks.tsv", "w") as out:
        out.write("name\theight\twidth\tchannels\tfile\tnumbers\tprobabilities\n")
        for make in (plain, residual, mobile, tensorflow, shapes, old, half, quarter, unknown, dynamic):
            n, output = make()
            model = n.model(output, old=make is old)
            data = model.SerializeToString()
            if make in (unknown, dynamic):
                numbers = probabilities = "error"
            else:
                session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
                i = np.arange(n.h * n.w * n.c)
                texts = []
                for x in ((7919 * i % 1000).astype(np.float32) / np.float32(500) - np.float32(1),
                          (7919 * i % 256).astype(np.float32) / np.float32(255)):
                    x = x.reshape(1, n.h, n.w, n.c)
                    if n.planes:
                        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
                    y = session.run(None, {"x": x})[0].ravel()
                    if texts and n.nodes[-1].op_type != "Softmax":
                        y = np.exp(y - y.max()) / np.exp(y - y.max()).sum()
                    texts.append(" ".join(f"{v:.9g}" for v in y))
                numbers, probabilities = texts
            out.write("\t".join(map(str, [make.__name__, n.h, n.w, n.c, data.hex(), numbers, probabilities])) + "\n")


main()
