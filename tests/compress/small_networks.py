"""A small image network with strides, uneven padding and dilation, data for it, and jobs on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper, shape_inference

from edgecomp.compress.budget import Budget, size_of
from edgecomp.compress.job import Job, Samples
from edgecomp.compress.judge import outputs
from edgecomp.compress.registry import method
from edgecomp.frontend.onnx_import import from_model
from edgecomp.graph import Array, Graph
from edgecomp.passes import simplify

IMAGE = (3, 10, 12)
CLASSES = 4
ROWS = 240

LAYERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Conv", {"outputs": 8, "pads": [1, 1, 1, 1]}),
    ("Relu", {}),
    ("Conv", {"outputs": 10, "pads": [0, 1, 1, 0], "strides": [2, 1]}),
    ("Relu", {}),
    ("MaxPool", {"kernel_shape": [1, 2], "strides": [1, 2]}),
    ("Conv", {"outputs": 12, "pads": [2, 2, 2, 2], "dilations": [2, 2]}),
    ("Relu", {}),
    ("Flatten", {"axis": 1}),
    ("Gemm", {"outputs": 24, "transB": 1}),
    ("Relu", {}),
    ("Gemm", {"outputs": CLASSES, "transB": 1}),
)


def small_network(seed: int = 0) -> Graph:
    """[1, 3, 10, 12] -> [1, 4], simplified; weights that are not full of noise: a decomposition can be good at less than full rank."""
    random = np.random.default_rng(seed)
    nodes, constants, x, shape = [], [], "x", (1, *IMAGE)
    for number, (kind, attributes) in enumerate(LAYERS):
        own = dict(attributes)
        inputs = [x]
        if "outputs" in own:
            count = own.pop("outputs")
            size = (count, shape[1], 3, 3) if kind == "Conv" else (count, shape[1])
            flat = random.normal(0, 1, (count, count)) * 0.6 ** np.arange(count) @ random.normal(0, 1, (count, int(np.prod(size[1:]))))
            arrays = {"w": flat.reshape(size) / np.sqrt(np.prod(size[1:])), "b": random.normal(0, 0.1, count)}
            inputs += [f"{name}{number}" for name in arrays]
            constants += [numpy_helper.from_array(array.astype(np.float32), f"{name}{number}") for name, array in arrays.items()]
        nodes.append(helper.make_node(kind, inputs, [f"t{number}"], name=f"{kind.lower()}{number}", **own))
        x = f"t{number}"
        made = helper.make_graph(
            nodes,
            "small",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, *IMAGE))],
            [helper.make_tensor_value_info(x, TensorProto.FLOAT, None)],
            constants,
        )
        whole = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        model = shape_inference.infer_shapes(whole, strict_mode=True)
        shape = tuple(dim.dim_value for dim in model.graph.output[0].type.tensor_type.shape.dim)
    return simplify(from_model(model, "small"))


def images(rows: int = ROWS, seed: int = 1) -> Array:
    """Smooth random images [rows, 3, 10, 12]."""
    noise = np.random.default_rng(seed).normal(0, 1, (rows, *IMAGE))
    return (noise + np.roll(noise, 1, 2) + np.roll(noise, 1, 3)).astype(np.float32)


def job(name: str, graph: Graph, epochs: int = 0, seed: int = 0, budget: dict[str, float] | None = None, **options: Any) -> Job:
    """For a method on the small network, its other options at their defaults; the classes are those that the network answers."""

    x = images()
    samples = Samples(x, outputs(graph, x).argmax(1).astype(np.int64))
    judge = Samples(samples.x[::10], samples.y[::10])
    own = method(name).read_options(name, options)
    return Job(samples, judge, Budget(size_of(graph), **(budget or {})), epochs, seed=seed, teacher=graph, options=own)
