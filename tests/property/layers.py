"""Hypothesis draws of single layers: operators with random attributes, put behind a tensor of a network under construction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.property.onnx_builder import NetworkBuilder, Shape

Draw = Callable[[st.SearchStrategy[Any]], Any]
MAX_ELEMENTS = 3000


def pick(draw: Draw, *choices: Any) -> Any:
    """One of the choices."""
    return draw(st.sampled_from(choices))


def whole(draw: Draw, low: int, high: int) -> int:
    """An integer in low..high."""
    return draw(st.integers(low, high))


def divisor(draw: Draw, *numbers: int) -> int:
    """A common divisor."""
    return pick(draw, *(n for n in range(1, min(numbers) + 1) if all(number % n == 0 for number in numbers)))


# Which tensors a layer takes


def any_tensor(shape: Shape) -> bool:
    return len(shape) >= 1 and prod(shape) <= MAX_ELEMENTS


def image(shape: Shape) -> bool:
    """[1, C, H, W]."""
    return len(shape) == 4 and shape[0] == 1 and prod(shape) <= MAX_ELEMENTS


def image_or_sequence(shape: Shape) -> bool:
    """[1, C, H, W] or [1, C, L]."""
    return len(shape) in (3, 4) and shape[0] == 1 and prod(shape) <= MAX_ELEMENTS


def with_channels(shape: Shape) -> bool:
    return len(shape) in (2, 3, 4) and shape[0] == 1 and prod(shape) <= MAX_ELEMENTS


def matrices(shape: Shape) -> bool:
    return 2 <= len(shape) <= 4 and prod(shape) <= MAX_ELEMENTS


def small(shape: Shape) -> bool:
    return 2 <= len(shape) <= 5 and prod(shape) <= MAX_ELEMENTS // 4


# Windows


def spatial_padding(draw: Draw, kernel: Shape, dilations: Shape, sizes: Shape) -> dict[str, Any]:
    """`pads` or `auto_pad`, such that the kernel fits."""
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    mode = pick(draw, "explicit", "explicit", "SAME_UPPER", "SAME_LOWER", "VALID")
    if mode.startswith("SAME") and set(dilations) == {1}:
        return {"auto_pad": mode}
    if mode == "VALID" and all(r <= size for r, size in zip(reach, sizes, strict=True)):
        return {"auto_pad": mode}
    begins = [whole(draw, 0, k - 1) for k in kernel]
    ends = [max(whole(draw, 0, k - 1), r - size - begin) for k, r, size, begin in zip(kernel, reach, sizes, begins, strict=True)]
    return {"pads": [*begins, *ends]}


def window(draw: Draw, sizes: Shape, largest: int = 4) -> tuple[Shape, Shape, Shape]:
    """(kernel, strides, dilations)."""
    kernel = tuple(whole(draw, 1, min(largest, size + 1)) for size in sizes)
    strides = tuple(pick(draw, 1, 1, 2, 3) for _ in sizes)
    dilations = tuple(pick(draw, 1, 1, 1, 2) if k > 1 and (k - 1) * 2 + 1 <= size else 1 for k, size in zip(kernel, sizes, strict=True))
    return kernel, strides, dilations


def conv(draw: Draw, net: NetworkBuilder, x: str) -> str:
    _, channels, *sizes = net.shape(x)
    kernel, strides, dilations = window(draw, tuple(sizes))
    group = pick(draw, 1, channels, divisor(draw, channels))
    outputs = group * whole(draw, 1, max(1, min(5, 12 // group)))
    fan_in = channels // group * prod(kernel)
    inputs = [x, net.weights(outputs, channels // group, *kernel, fan_in=fan_in)]
    if draw(st.booleans()):
        inputs.append(net.normal(outputs))
    padding = spatial_padding(draw, kernel, dilations, tuple(sizes))
    return net.node("Conv", *inputs, kernel_shape=kernel, strides=strides, dilations=dilations, group=group, **padding)


def usual_conv(draw: Draw, net: NetworkBuilder, x: str) -> str:
    """A convolution as real networks have it, and as fast kernels want it: 3x3, 1x1 or depthwise, channels in fours."""
    _, channels, *sizes = net.shape(x)
    rank = len(sizes)
    depthwise = draw(st.booleans())
    size = 3 if depthwise else pick(draw, 1, 3)
    outputs = channels if depthwise else pick(draw, 4, 8, 16)
    group = channels if depthwise else 1
    fan_in = channels // group * size**rank
    pads = pick(draw, (size // 2,) * (2 * rank), (0,) * rank + (size // 2,) * rank if min(sizes) > 1 else (size // 2,) * (2 * rank))
    strides = (pick(draw, 1, 1, 2),) * rank
    weights = net.weights(outputs, channels // group, *(size,) * rank, fan_in=fan_in)
    y = net.node("Conv", x, weights, net.normal(outputs), kernel_shape=(size,) * rank, group=group, pads=pads, strides=strides)
    return net.node("Relu", y) if draw(st.booleans()) else y


def conv_transpose(draw: Draw, net: NetworkBuilder, x: str) -> str:
    _, channels, *sizes = net.shape(x)
    kernel, strides, dilations = window(draw, tuple(sizes), largest=3)
    group = divisor(draw, channels)
    outputs = whole(draw, 1, 3)
    inputs = [x, net.weights(channels, outputs, *kernel, fan_in=channels // group * max(1, prod(kernel) // prod(strides)))]
    if draw(st.booleans()):
        inputs.append(net.normal(outputs * group))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    if pick(draw, True, True, False):
        begins = [whole(draw, 0, (r - 1) // 2) for r in reach]
        ends = [whole(draw, 0, (r - 1) // 2) for r in reach]
        extra = [whole(draw, 0, s - 1) for s in strides]
        where: dict[str, Any] = {"pads": [*begins, *ends], "output_padding": extra}
    else:
        wanted = [(size - 1) * s + whole(draw, max(1, r - 2), r) for size, s, r in zip(sizes, strides, reach, strict=True)]
        where = {"output_shape": wanted, "auto_pad": pick(draw, "SAME_UPPER", "SAME_LOWER")}
    return net.node("ConvTranspose", *inputs, kernel_shape=kernel, strides=strides, dilations=dilations, group=group, **where)


def draw_ceil_mode(draw: Draw, sizes: Shape, kernel: Shape, strides: Shape, dilations: Shape, padding: dict[str, Any]) -> int:
    """0 or 1; 0 where ceil_mode would count a window that starts in the padding, whose shape ONNX of opset 17 infers wrongly."""
    pads = padding.get("pads")
    if pads is None:
        return 0
    for axis, size in enumerate(sizes):
        room = size + pads[axis] + pads[axis + len(sizes)] - (kernel[axis] - 1) * dilations[axis] - 1
        if -(-room // strides[axis]) * strides[axis] >= size + pads[axis]:
            return 0
    return whole(draw, 0, 1)


def max_pool(draw: Draw, net: NetworkBuilder, x: str) -> str:
    sizes = net.shape(x)[2:]
    kernel, strides, dilations = window(draw, sizes)
    kernel = tuple(min(k, size) for k, size in zip(kernel, sizes, strict=True))
    strides = tuple(min(s, k) for s, k in zip(strides, kernel, strict=True))  # ONNX Runtime computes SAME for others as negative padding
    padding = spatial_padding(draw, kernel, dilations, sizes)
    ceil_mode = draw_ceil_mode(draw, sizes, kernel, strides, dilations, padding)
    return net.node("MaxPool", x, kernel_shape=kernel, strides=strides, dilations=dilations, ceil_mode=ceil_mode, **padding)


def average_pool(draw: Draw, net: NetworkBuilder, x: str) -> str:
    sizes = net.shape(x)[2:]
    kernel, strides, _ = window(draw, sizes)
    kernel = tuple(min(k, size) for k, size in zip(kernel, sizes, strict=True))
    strides = tuple(min(s, k) for s, k in zip(strides, kernel, strict=True))
    padding = spatial_padding(draw, kernel, (1,) * len(sizes), sizes)
    ceil_mode = draw_ceil_mode(draw, sizes, kernel, strides, (1,) * len(sizes), padding)
    return net.node(
        "AveragePool", x, kernel_shape=kernel, strides=strides, ceil_mode=ceil_mode, count_include_pad=whole(draw, 0, 1), **padding
    )


def global_pool(draw: Draw, net: NetworkBuilder, x: str) -> str:
    return net.node(pick(draw, "GlobalAveragePool", "GlobalMaxPool"), x)


def resize(draw: Draw, net: NetworkBuilder, x: str) -> str:
    shape = net.shape(x)
    mode = pick(draw, "nearest", "linear")
    attributes: dict[str, Any] = {
        "mode": mode,
        "coordinate_transformation_mode": pick(draw, "asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners"),
    }
    if mode == "nearest":
        attributes["nearest_mode"] = pick(draw, "floor", "ceil", "round_prefer_floor", "round_prefer_ceil")
    roi = net.constant([])
    if draw(st.booleans()):
        factors = [pick(draw, 1.0, 2.0, 3.0, 0.5, 1.5) if size > 1 else pick(draw, 1.0, 2.0) for size in shape[2:]]
        return net.node("Resize", x, roi, net.constant([1.0, 1.0, *factors]), **attributes)
    sizes = [*shape[:2], *(whole(draw, 1, 2 * size + 1) for size in shape[2:])]
    return net.node("Resize", x, roi, net.constant([]), net.constant(sizes, "int64"), **attributes)


# Dense


def dense(draw: Draw, net: NetworkBuilder, x: str) -> str:
    """Gemm, behind a Flatten where the input is no matrix."""
    shape = net.shape(x)
    if len(shape) != 2:
        x = net.node("Flatten", x, axis=pick(draw, 1, 1, len(shape) - 1))
    inputs, outputs = net.shape(x)[1], whole(draw, 1, 9)
    transposed = whole(draw, 0, 1)
    values = net.random.normal(0, 1, (outputs, inputs)) / np.sqrt(inputs)
    weights = net.constant(values if transposed else values.T)
    attributes = {"transB": transposed} | ({"alpha": 0.5, "beta": 2.0} if draw(st.booleans()) else {})
    bias = pick(draw, (), (outputs,), (outputs,), (1,), (1, outputs), None)
    operands = [x, weights] if bias is None else [x, weights, net.normal(*bias)]
    return net.node("Gemm", *operands, **attributes)


def matmul_constant(draw: Draw, net: NetworkBuilder, x: str) -> str:
    inputs, outputs = net.shape(x)[-1], whole(draw, 1, 7)
    if inputs > 1 and pick(draw, True, True, False):
        return net.node("MatMul", x, net.constant(net.random.normal(0, 1, (inputs, outputs)) / np.sqrt(inputs)))
    rows = net.shape(x)[-2]
    return net.node("MatMul", net.constant(net.random.normal(0, 1, (outputs, rows)) / np.sqrt(rows)), x)


def matmul_activations(draw: Draw, net: NetworkBuilder, x: str) -> str:
    """x times its own transpose, as in attention."""
    shape = net.shape(x)
    turned = net.node("Transpose", x, perm=(*range(len(shape) - 2), len(shape) - 1, len(shape) - 2))
    squashed = net.node("Tanh", turned)
    return net.node("MatMul", x, squashed) if draw(st.booleans()) else net.node("MatMul", squashed, x)


# Elementwise


def broadcast_shape(draw: Draw, shape: Shape) -> Shape:
    """Any shape that broadcasts to `shape`: some axes kept, leading ones sometimes left out."""
    kept = [size if draw(st.booleans()) else 1 for size in shape]
    common: list[Shape] = [(), (1,), shape, tuple(kept), tuple(kept)]
    if len(shape) > 1:
        common.append((shape[1], *(1,) * (len(shape) - 2)))
    chosen = pick(draw, *common)
    while len(chosen) > 1 and chosen[0] == 1 and draw(st.booleans()):
        chosen = chosen[1:]
    return chosen


def constant_arithmetic(draw: Draw, net: NetworkBuilder, x: str) -> str:
    kind = pick(draw, "Add", "Sub", "Mul", "Div")
    shape = broadcast_shape(draw, net.shape(x))
    signs = net.random.choice([-1.0, 1.0], shape)
    constant = net.constant(net.random.uniform(0.3, 1.5, shape) * (signs if draw(st.booleans()) else 1.0))
    swapped = kind != "Div" and draw(st.booleans())
    return net.node(kind, constant, x) if swapped else net.node(kind, x, constant)


def widening_constant(draw: Draw, net: NetworkBuilder, x: str) -> str:
    """A constant that is larger than the tensor along axes of length 1."""
    shape = net.shape(x)
    wide = [size if size > 1 or axis == 0 else whole(draw, 1, 3) for axis, size in enumerate(shape)]
    constant = net.constant(net.random.uniform(0.3, 1.5, wide))
    kind = pick(draw, "Add", "Mul", "Sub")
    return net.node(kind, constant, x) if draw(st.booleans()) else net.node(kind, x, constant)


def partner(draw: Draw, net: NetworkBuilder, x: str, alike: bool) -> str:
    """Another activation that broadcasts with x: an earlier one (if it may be `alike`), a function of x, or a reduction of x."""
    shape = net.shape(x)
    earlier = [name for name in net.tensors if net.shape(name) == shape and name != x]
    choice = pick(draw, "earlier", "function", "reduced")
    if choice == "earlier" and earlier and alike:
        return pick(draw, *earlier)
    if choice == "reduced":
        axes = sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
        mean = net.node("ReduceMean", x, axes=axes, keepdims=1)
        return net.node("Sigmoid", mean)
    return net.node(pick(draw, "Sigmoid", "HardSwish"), x)


def tensor_arithmetic(draw: Draw, net: NetworkBuilder, x: str) -> str:
    kind = pick(draw, "Add", "Sub", "Mul")
    other = partner(draw, net, x, alike=kind != "Sub")  # nothing is left of a difference of two that are alike
    return net.node(kind, x, other) if draw(st.booleans()) else net.node(kind, other, x)


def residual(draw: Draw, net: NetworkBuilder, x: str) -> str:
    """x plus a convolution of x, clamped."""
    channels, rank = net.shape(x)[1], len(net.shape(x)) - 2
    weights = net.weights(channels, channels, *(3,) * rank, fan_in=channels * 3**rank)
    branch = net.node("Conv", x, weights, kernel_shape=(3,) * rank, pads=(1,) * (2 * rank))
    return net.node("Relu", net.node("Add", x, branch))


def batch_norm(draw: Draw, net: NetworkBuilder, x: str) -> str:
    channels = net.shape(x)[1]
    scale = net.constant(net.random.uniform(0.5, 1.5, channels) * net.random.choice([-1, 1], channels))
    bias, mean = net.normal(channels), net.normal(channels)
    return net.node("BatchNormalization", x, scale, bias, mean, net.constant(net.random.uniform(0.5, 2, channels)))


def p_relu(draw: Draw, net: NetworkBuilder, x: str) -> str:
    shape = net.shape(x)
    axis = whole(draw, 0, len(shape) - 1)
    slope = pick(draw, (1,), (shape[1], *(1,) * (len(shape) - 2)), tuple(size if a == axis else 1 for a, size in enumerate(shape)))
    return net.node("PRelu", x, net.constant(net.random.uniform(-0.3, 0.9, slope)))


POINTWISE: dict[str, dict[str, Any]] = {
    "Abs": {},
    "Elu": {"alpha": 0.7},
    "Erf": {},
    "HardSigmoid": {"alpha": 0.3},
    "HardSwish": {},
    "LeakyRelu": {"alpha": 0.1},
    "Neg": {},
    "Relu": {},
    "Selu": {},
    "Celu": {"alpha": 0.8},
    "Sigmoid": {},
    "Softplus": {},
    "Softsign": {},
    "Tanh": {},
}
POSITIVE = ("Log", "Sqrt", "Reciprocal", "Exp", "Pow")


def pointwise(draw: Draw, net: NetworkBuilder, x: str) -> str:
    kind = pick(draw, *POINTWISE)
    return net.node(kind, x, **POINTWISE[kind])


def positive_pointwise(draw: Draw, net: NetworkBuilder, x: str) -> str:
    """Functions that want their input in a modest positive range."""
    kind = pick(draw, *POSITIVE)
    safe = net.node("Add", net.node("Sigmoid", x), net.constant(0.5))
    return net.node(kind, safe, net.constant(pick(draw, 2.0, 0.5, 3.0))) if kind == "Pow" else net.node(kind, safe)


def clip(draw: Draw, net: NetworkBuilder, x: str) -> str:
    low, high = pick(draw, ("", 0.7), (0.0, 6.0), (-0.4, ""), (-0.5, 0.9), (0.2, 0.8))
    return net.node("Clip", x, *("" if bound == "" else net.constant(bound) for bound in (low, high)))


def soft_max(draw: Draw, net: NetworkBuilder, x: str) -> str:
    axis = pick(draw, *(axis for axis, size in enumerate(net.shape(x)) if 1 < size <= 24)) if max(net.shape(x)) > 1 else 0
    return net.node(pick(draw, "Softmax", "LogSoftmax"), x, axis=axis - pick(draw, 0, len(net.shape(x))))


# Movement


def concat(draw: Draw, net: NetworkBuilder, x: str) -> str:
    shape = net.shape(x)
    axis = whole(draw, 1 if len(shape) > 1 else 0, len(shape) - 1)

    def fits(other: Shape) -> bool:
        return len(other) == len(shape) and all(a == axis or n == m for a, (n, m) in enumerate(zip(shape, other, strict=True)))

    others = [name for name in net.tensors if fits(net.shape(name))]
    names = [x, pick(draw, *others, net.node("Tanh", x))]
    if draw(st.booleans()):
        names.append(net.constant(net.random.uniform(-1, 1, shape)))
    return net.node("Concat", *draw(st.permutations(names)), axis=axis)


def split(draw: Draw, net: NetworkBuilder, x: str) -> str:
    """Two or three pieces, of which one goes on or all are put together in another order."""
    shape = net.shape(x)
    axis = max(range(len(shape)), key=lambda a: shape[a]) if draw(st.booleans()) else pick(draw, *(a for a, n in enumerate(shape) if n > 1))
    cuts = sorted(draw(st.sets(st.integers(1, shape[axis] - 1), min_size=1, max_size=2)))
    sizes = np.diff([0, *cuts, shape[axis]])
    pieces = net.nodes("Split", x, net.constant(sizes, "int64"), outputs=len(sizes), axis=axis)
    return net.node("Concat", *pieces[::-1], axis=axis) if draw(st.booleans()) else pick(draw, *pieces)


def slice_(draw: Draw, net: NetworkBuilder, x: str) -> str:
    shape = net.shape(x)
    starts, ends, steps = [], [], []
    for size in shape:
        step = pick(draw, 1, 1, 1, 2, -1, -2)
        first = whole(draw, 0, size - 1) if draw(st.booleans()) else (0 if step > 0 else size - 1)
        starts.append(first - pick(draw, 0, size))
        ends.append(pick(draw, size, 2**31 - 1) if step > 0 else -(2**31))
        steps.append(step)
    axes = range(len(shape))
    return net.node("Slice", x, *(net.constant(v, "int64") for v in (starts, ends, axes, steps)))


def pad(draw: Draw, net: NetworkBuilder, x: str) -> str:
    rank = len(net.shape(x))
    amounts = np.array([[0 if axis == 0 else pick(draw, 0, 0, 1, 2) for axis in range(rank)] for _ in range(2)])
    value = net.constant(pick(draw, 0.0, 0.0, 0.25, 4.0, -3.0))
    return net.node("Pad", x, net.constant(amounts.reshape(-1), "int64"), value, mode="constant")


def transpose(draw: Draw, net: NetworkBuilder, x: str) -> str:
    rank = len(net.shape(x))
    tail = draw(st.permutations(range(1, rank)))
    return net.node("Transpose", x, perm=pick(draw, (0, *tail), (0, *tail), tuple(draw(st.permutations(range(rank))))))


def reshape(draw: Draw, net: NetworkBuilder, x: str) -> str:
    """Axes joined, split, or the whole cut anew."""
    shape = net.shape(x)
    choices: list[Shape] = [(1, -1), (-1,), (1, 1, -1), (0, -1)]
    for axis, size in enumerate(shape):
        for n in (2, 3, 4):
            if size % n == 0 and size > n and len(shape) < 6:
                choices += [(*shape[:axis], n, size // n, *shape[axis + 1 :]), (*shape[:axis], size // n, n, *shape[axis + 1 :])]
    for axis in range(1, len(shape) - 1):
        choices.append((*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :]))
    total = prod(shape)
    choices += [(1, n, total // n) for n in (2, 3, 5) if total % n == 0]
    return net.node("Reshape", x, net.constant(pick(draw, *choices), "int64"))


def squeeze(draw: Draw, net: NetworkBuilder, x: str) -> str:
    ones = [axis for axis, size in enumerate(net.shape(x)) if size == 1]
    rank = len(net.shape(x))
    if ones and rank > 1 and draw(st.booleans()):
        return net.node("Squeeze", x, net.constant([pick(draw, *ones)], "int64"))
    return net.node("Unsqueeze", x, net.constant([whole(draw, 0, rank)], "int64")) if rank < 5 else net.node("Identity", x)


def expand(draw: Draw, net: NetworkBuilder, x: str) -> str:
    shape = net.shape(x)
    if all(size > 1 for size in shape[1:]):
        x = net.node("ReduceMean", x, axes=[whole(draw, 1, max(1, len(shape) - 1))], keepdims=1)
    wanted = [size if size > 1 or axis == 0 else whole(draw, 1, 4) for axis, size in enumerate(net.shape(x))]
    return net.node("Expand", x, net.constant(wanted, "int64"))


def depth_to_space(draw: Draw, net: NetworkBuilder, x: str) -> str:
    channels = net.shape(x)[1]
    if channels % 4:
        weights = net.weights(8, channels, 1, 1, fan_in=channels)
        x = net.node("Conv", x, weights, kernel_shape=(1, 1))
    return net.node("DepthToSpace", x, blocksize=2, mode=pick(draw, "DCR", "CRD"))


def space_to_depth(draw: Draw, net: NetworkBuilder, x: str) -> str:
    height, width = net.shape(x)[2:]
    if height % 2 or width % 2:
        x = net.node("Pad", x, net.constant([0, 0, 0, 0, 0, 0, height % 2, width % 2], "int64"))
    return net.node("SpaceToDepth", x, blocksize=2)


def reduce_(draw: Draw, net: NetworkBuilder, x: str) -> str:
    rank = len(net.shape(x))
    axes = sorted(draw(st.sets(st.integers(0, rank - 1), min_size=1, max_size=rank)))
    keep = 1 if len(axes) == rank else whole(draw, 0, 1)
    kind = pick(draw, "ReduceMean", "ReduceSum", "ReduceMax")
    if kind == "ReduceSum":
        return net.node(kind, x, net.constant(axes, "int64"), keepdims=keep)
    return net.node(kind, x, axes=axes, keepdims=keep)


def pass_through(draw: Draw, net: NetworkBuilder, x: str) -> str:
    return net.node(pick(draw, "Identity", "Dropout"), x)


@dataclass(frozen=True)
class Layer:
    """A way to draw one layer, and the tensors it can stand behind."""

    add: Callable[[Draw, NetworkBuilder, str], str]
    takes: Callable[[Shape], bool]


LAYERS: dict[str, Layer] = {
    "conv": Layer(conv, image_or_sequence),
    "usual_conv": Layer(usual_conv, image_or_sequence),
    "conv_transpose": Layer(conv_transpose, image_or_sequence),
    "max_pool": Layer(max_pool, image_or_sequence),
    "average_pool": Layer(average_pool, image_or_sequence),
    "global_pool": Layer(global_pool, image_or_sequence),
    "resize": Layer(resize, image),
    "dense": Layer(dense, lambda shape: len(shape) >= 2 and prod(shape) <= MAX_ELEMENTS),
    "matmul_constant": Layer(matmul_constant, matrices),
    "matmul_activations": Layer(matmul_activations, small),
    "constant_arithmetic": Layer(constant_arithmetic, any_tensor),
    "widening_constant": Layer(widening_constant, small),
    "tensor_arithmetic": Layer(tensor_arithmetic, any_tensor),
    "residual": Layer(residual, image_or_sequence),
    "batch_norm": Layer(batch_norm, with_channels),
    "p_relu": Layer(p_relu, lambda shape: any_tensor(shape) and len(shape) > 1),
    "pointwise": Layer(pointwise, any_tensor),
    "positive_pointwise": Layer(positive_pointwise, any_tensor),
    "clip": Layer(clip, any_tensor),
    "soft_max": Layer(soft_max, lambda shape: any_tensor(shape) and any(1 < size <= 24 for size in shape)),
    "concat": Layer(concat, any_tensor),
    "split": Layer(split, lambda shape: any_tensor(shape) and max(shape) > 1),
    "slice": Layer(slice_, any_tensor),
    "pad": Layer(pad, any_tensor),
    "transpose": Layer(transpose, any_tensor),
    "reshape": Layer(reshape, any_tensor),
    "squeeze": Layer(squeeze, any_tensor),
    "expand": Layer(expand, lambda shape: small(shape)),
    "depth_to_space": Layer(depth_to_space, image),
    "space_to_depth": Layer(space_to_depth, image),
    "reduce": Layer(reduce_, any_tensor),
    "pass_through": Layer(pass_through, any_tensor),
}
