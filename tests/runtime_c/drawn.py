"""Hypothesis strategies: operators with drawn parameters, and inputs that favour the extremes of int8."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from edgecomp.qgraph import QOp
from edgecomp.qops import (
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    Conv2DAdd,
    Conv2DAddSpatial,
    Conv2DEarly,
    Conv2DMaxPool,
    Conv2DMaxPoolSpatial,
    Conv2DPerforated,
    Conv2DSpatial,
    Conv2DZeroInput,
    ConvTranspose2D,
    Copy,
    DepthwiseConv2D,
    FullyConnected,
    LogSoftmax,
    Lut,
    MatMul,
    MaxPool2D,
    Mul,
    PRelu,
    ResizeBilinear,
    ResizeNearest,
    Softmax,
)
from edgecomp.qops.boxes import broadcast_box
from edgecomp.qops.conv2d_early import sign_changes
from edgecomp.qops.prelu import prelu_weights
from edgecomp.qops.rescale import add_weights, concat_weights
from edgecomp.qops.resize_bilinear import neighbours
from edgecomp.qops.softmax import exponential_table
from edgecomp.skip.rules import Spatial

S8 = st.integers(-128, 127)
Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Case:
    """An operator and one sample of each of its inputs, flat."""

    op: QOp
    inputs: tuple[np.ndarray, ...]


def int8_values(draw: Draw, size: int) -> np.ndarray:
    """Uniform, or from the extremes only, or constant."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["uniform", "extremes", "constant"]))
    if kind == "uniform":
        return generator.integers(-128, 128, size).astype(np.int8)
    if kind == "extremes":
        return generator.choice(np.array([-128, -127, -1, 0, 1, 127], np.int8), size)
    return np.full(size, draw(S8), np.int8)


def clamps(draw: Draw) -> dict[str, int]:
    low, high = sorted((draw(S8), draw(S8)))
    return draw(st.sampled_from([{"clamp_min": -128, "clamp_max": 127}, {"clamp_min": low, "clamp_max": high}]))


def multipliers(draw: Draw, channels: int, accumulator_bound: int) -> dict[str, Any]:
    """Multipliers of magnitudes that matter, and a left shift the accumulator can bear."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    exponent = draw(st.integers(0, 30))
    multiplier = generator.integers(max(1, 1 << max(exponent - 1, 0)), max(2, (1 << exponent)), channels)
    room = 31 - int(accumulator_bound).bit_length()
    shift = draw(st.integers(0, max(min(room, 8), 0)))
    return {"multiplier": np.clip(multiplier, 1, (1 << 30) - 1).astype(np.int32), "shift": shift}


def scalar_multiplier(draw: Draw, accumulator_bound: int) -> dict[str, Any]:
    """The same for an operator of one multiplier."""
    drawn = multipliers(draw, 1, accumulator_bound)
    return {"multiplier": int(drawn["multiplier"][0]), "shift": drawn["shift"]}


def window(draw: Draw, largest: int = 9) -> dict[str, int]:
    """Geometry of a sliding operator; output sizes as ONNX computes them, or one more as ceil_mode does."""
    geometry: dict[str, int] = {}
    for axis, before in (("h", "pad_top"), ("w", "pad_left")):
        size, kernel = draw(st.integers(1, largest)), draw(st.integers(1, 4))
        stride, dilation = draw(st.integers(1, 3)), draw(st.sampled_from([1, 1, 2, 3]))
        reach = (kernel - 1) * dilation + 1
        pad_before, pad_after = draw(st.integers(0, reach)), draw(st.integers(0, reach))
        outputs = max((size + pad_before + pad_after - reach) // stride + 1 + draw(st.integers(0, 1)), 1)
        geometry |= {f"input_{axis}": size, f"kernel_{axis}": kernel, f"stride_{axis}": stride, f"dilation_{axis}": dilation}
        geometry |= {before: pad_before, f"output_{axis}": outputs}
        geometry[{"h": "pad_bottom", "w": "pad_right"}[axis]] = pad_after
    return geometry


def without_far_padding(geometry: dict[str, int]) -> dict[str, int]:
    return {name: value for name, value in geometry.items() if name not in ("pad_bottom", "pad_right")}


def zero_points(draw: Draw) -> dict[str, int]:
    return {"input_zero_point": draw(S8), "output_zero_point": draw(S8)}


def biases(draw: Draw, channels: int) -> np.ndarray:
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    limit = 1 << draw(st.integers(0, 28))
    return generator.integers(-limit, limit, channels).astype(np.int32)


@st.composite
def conv2d(draw: Draw) -> Case:
    geometry = without_far_padding(window(draw))
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    input_c, output_c = groups * draw(st.integers(1, 9)), groups * draw(st.integers(1, 9))
    weights = int8_values(draw, output_c * geometry["kernel_h"] * geometry["kernel_w"] * input_c // groups)
    bias = biases(draw, output_c)
    bound = int(np.abs(bias.astype(np.int64)).max()) + 128 * 128 * weights.size // output_c
    scaling = multipliers(draw, output_c, bound)
    op = Conv2D(
        **geometry, input_c=input_c, output_c=output_c, groups=groups, **zero_points(draw), **clamps(draw),
        weights=weights, bias=bias, **scaling,
    )  # fmt: skip
    return Case(op, (int8_values(draw, op.input_h * op.input_w * input_c),))


@st.composite
def conv2d_add(draw: Draw) -> Case:
    case = draw(conv2d())
    assert isinstance(case.op, Conv2D)
    size = case.op.output_h * case.op.output_w * case.op.output_c
    scale_out, ratio = draw(scales), st.floats(1e-2, 4.0)
    weights = add_weights(scale_out * draw(ratio), scale_out * draw(ratio), draw(S8), draw(S8), scale_out, draw(S8), draw(st.booleans()))
    add = Add(*broadcast_box((size,), (size,)), *weights, **clamps(draw))
    op = replace(Conv2DAdd.joined(case.op, add, draw(st.booleans())), strip_rows=draw(st.integers(1, 4)))
    return Case(op, (*case.inputs, int8_values(draw, size)))


@st.composite
def conv2d_max_pool(draw: Draw) -> Case:
    case = draw(conv2d())
    assert isinstance(case.op, Conv2D)
    geometry = without_far_padding(window(draw)) | {"dilation_h": 1, "dilation_w": 1}
    geometry |= {"input_h": case.op.output_h, "input_w": case.op.output_w, "input_c": case.op.output_c}
    return Case(Conv2DMaxPool.joined(case.op, MaxPool2D(**geometry, **clamps(draw))), case.inputs)


@st.composite
def conv2d_zero_input(draw: Draw) -> Case:
    case = draw(conv2d())
    assert isinstance(case.op, Conv2D)
    generator, zeros = np.random.default_rng(draw(st.integers(0, 2**32 - 1))), draw(st.sampled_from([0.0, 0.3, 0.7, 0.95, 1.0]))
    (x,) = case.inputs
    x = np.where(generator.random(x.size) < zeros, case.op.input_zero_point, x).astype(np.int8)
    return Case(Conv2DZeroInput(**case.op.convolution_members, zero_span=draw(st.sampled_from([0, 0, 1, 20, 255]))), (x,))


@st.composite
def conv2d_early(draw: Draw) -> Case:
    """Any order; exact from where the signs allow it or later; predictions where the clamp is at zero."""
    case = draw(conv2d())
    conv = case.op
    assert isinstance(conv, Conv2D)
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = np.asarray(conv.weights, np.int64).reshape(conv.output_c, -1)
    kind = draw(st.sampled_from(["falling", "rising", "any"]))
    key = {"falling": -np.sign(weights), "rising": np.sign(weights), "any": np.zeros_like(weights)}[kind]
    order = np.argsort(key + generator.uniform(0, 0.5, weights.shape), axis=1)
    changes = sign_changes(weights, order)
    exact_from = changes[draw(st.integers(0, 1))] + draw(st.integers(0, 1))
    exact_from = np.minimum(exact_from, weights.shape[1])
    if draw(st.booleans()):
        conv = replace(conv, bias=np.asarray(conv.bias) // (1 << 16), multiplier=np.full(conv.output_c, 1 << 22, np.int32), shift=0)
    prefix = np.zeros(conv.output_c, np.int64)
    thresholds = generator.integers(-(1 << draw(st.integers(0, 20))), 1 << draw(st.integers(0, 20)), conv.output_c)
    if draw(st.booleans()):
        conv = replace(conv, clamp_min=conv.output_zero_point, clamp_max=127)
        prefix = generator.integers(0, weights.shape[1] + 1, conv.output_c)
    return Case(Conv2DEarly.ordered(conv, order, exact_from, prefix, thresholds), case.inputs)


@st.composite
def conv2d_perforated(draw: Draw) -> Case:
    case = draw(conv2d())
    assert isinstance(case.op, Conv2D)
    positions = np.arange(case.op.output_h * case.op.output_w)
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    computed = generator.permutation(positions)[: draw(st.integers(1, len(positions)))]
    source = generator.choice(computed, len(positions))
    source[computed] = computed
    op = replace(Conv2DPerforated.following(case.op, source), block_positions=draw(st.integers(1, 5)))
    return Case(op, case.inputs)


def spatial_rule(draw: Draw, op: Conv2D, sums: np.ndarray, patches: tuple[int, ...] = (1, 2, 2, 2, 3, 4)) -> Spatial:
    """Any masks, none or all positions among them, over any axes; thresholds around the sums that are judged, or beyond them."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    patch = draw(st.sampled_from(patches))
    sizes = (-(-op.output_h // patch), -(-op.output_w // patch), op.output_c)
    shape = draw(st.sampled_from([(1, 1, 1), tuple(size if draw(st.booleans()) else 1 for size in sizes)]))
    masks = generator.integers(0, 1 << (patch * patch), shape).astype(np.uint16)
    thresholds = np.quantile(sums.reshape(-1, op.output_c), draw(st.sampled_from([0.0, 0.3, 0.7, 0.9, 1.0])), axis=0).astype(np.int32)
    if draw(st.booleans()):
        thresholds[generator.integers(0, op.output_c)] = draw(st.sampled_from([-(1 << 31), (1 << 31) - 1]))
    return Spatial(patch, masks, thresholds)


@st.composite
def conv2d_spatial(draw: Draw) -> Case:
    case = draw(conv2d())
    assert isinstance(case.op, Conv2D)
    sums = case.op._accumulators(case.inputs[0].reshape(1, case.op.input_h, case.op.input_w, case.op.input_c))
    return Case(Conv2DSpatial.of(case.op, spatial_rule(draw, case.op, sums)), case.inputs)


@st.composite
def conv2d_add_spatial(draw: Draw) -> Case:
    case = draw(conv2d_add())
    assert isinstance(case.op, Conv2DAdd)
    sums = case.op.add.weight_a * case.op.convolution.evaluate(case.inputs[0][None]).astype(np.int64)
    rule = spatial_rule(draw, case.op, sums + case.op.sum_bias)
    return Case(Conv2DAddSpatial.of(case.op, rule, draw(st.sampled_from([None, -128, 5]))), case.inputs)


@st.composite
def conv2d_max_pool_spatial(draw: Draw) -> Case:
    case = draw(conv2d_max_pool())
    assert isinstance(case.op, Conv2DMaxPool)
    rows = case.op.pool_kernel_h
    pooled_h = draw(st.integers(1, -(-case.op.output_h // rows)))
    changed = {"pool_stride_h": rows, "pool_pad_top": 0, "pooled_h": pooled_h, "strip_rows": min(rows, case.op.output_h)}
    pooled = replace(case.op, **changed)
    sums = pooled._accumulators(case.inputs[0].reshape(1, pooled.input_h, pooled.input_w, pooled.input_c))
    rule = spatial_rule(draw, pooled, sums, tuple(patch for patch in (1, 2, 3, 4) if rows % patch == 0))
    return Case(Conv2DMaxPoolSpatial.of(pooled, rule), case.inputs)


@st.composite
def depthwise_conv2d(draw: Draw) -> Case:
    geometry = without_far_padding(window(draw, 7))
    input_c, channel_multiplier = draw(st.sampled_from([1, 2, 3, 8, 31, 33])), draw(st.sampled_from([1, 1, 2, 3]))
    output_c = input_c * channel_multiplier
    weights = int8_values(draw, geometry["kernel_h"] * geometry["kernel_w"] * output_c)
    bias = biases(draw, output_c)
    bound = int(np.abs(bias.astype(np.int64)).max()) + 128 * 128 * geometry["kernel_h"] * geometry["kernel_w"]
    op = DepthwiseConv2D(
        **geometry, input_c=input_c, output_c=output_c, channel_multiplier=channel_multiplier, **zero_points(draw), **clamps(draw),
        weights=weights, bias=bias, **multipliers(draw, output_c, bound),
    )  # fmt: skip
    return Case(op, (int8_values(draw, op.input_h * op.input_w * input_c),))


@st.composite
def conv_transpose2d(draw: Draw) -> Case:
    geometry = without_far_padding(window(draw, 5))
    for axis, pad in (("h", "pad_top"), ("w", "pad_left")):
        reach = (geometry[f"input_{axis}"] - 1) * geometry[f"stride_{axis}"]
        reach += (geometry[f"kernel_{axis}"] - 1) * geometry[f"dilation_{axis}"] + 1
        geometry[f"output_{axis}"] = max(reach - geometry[pad] + draw(st.integers(-3, 3)), 1)
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    input_c, output_c = groups * draw(st.integers(1, 6)), groups * draw(st.integers(1, 9))
    weights = int8_values(draw, output_c * geometry["kernel_h"] * geometry["kernel_w"] * input_c // groups)
    bias = biases(draw, geometry["stride_h"] * geometry["stride_w"] * output_c)
    bound = int(np.abs(bias.astype(np.int64)).max()) + 128 * 128 * weights.size // output_c
    op = ConvTranspose2D(
        **geometry, input_c=input_c, output_c=output_c, groups=groups, **zero_points(draw), **clamps(draw), weights=weights, bias=bias,
        **multipliers(draw, output_c, bound),
    )  # fmt: skip
    return Case(op, (int8_values(draw, op.input_h * op.input_w * input_c),))


@st.composite
def fully_connected(draw: Draw) -> Case:
    rows, input_n, output_n = draw(st.integers(1, 4)), draw(st.integers(1, 70)), draw(st.integers(1, 20))
    bias = biases(draw, output_n)
    bound = int(np.abs(bias.astype(np.int64)).max()) + 128 * 128 * input_n
    op = FullyConnected(
        rows, input_n, output_n, draw(S8), **clamps(draw), weights=int8_values(draw, output_n * input_n), bias=bias,
        **multipliers(draw, output_n, bound),
    )  # fmt: skip
    return Case(op, (int8_values(draw, rows * input_n),))


@st.composite
def broadcast_shapes(draw: Draw) -> tuple[tuple[int, ...], tuple[int, ...]]:
    dims = draw(st.lists(st.integers(1, 5), min_size=1, max_size=6))
    keep = [[draw(st.booleans()) or kind for _ in dims] for kind in (draw(st.booleans()), draw(st.booleans()))]
    a, b = (tuple(size if kept else 1 for size, kept in zip(dims, each, strict=True)) for each in keep)
    return a[draw(st.integers(0, len(a))) if all(n == 1 for n in a) else 0 :], b


scales = st.floats(1e-4, 4.0)


@st.composite
def add(draw: Draw) -> Case:
    shape_a, shape_b = draw(broadcast_shapes())
    dims, a_steps, b_steps = broadcast_box(shape_a, shape_b)
    scale_out = draw(scales)
    ratio = st.floats(1e-4, 50.0)
    weights = add_weights(
        scale_out * draw(ratio), scale_out * draw(ratio), draw(S8), draw(S8), scale_out, draw(S8), draw(st.booleans())
    )  # fmt: skip
    op = Add(dims, a_steps, b_steps, *weights, **clamps(draw))
    return Case(op, (int8_values(draw, int(np.prod(shape_a))), int8_values(draw, int(np.prod(shape_b)))))


@st.composite
def mul(draw: Draw) -> Case:
    shape_a, shape_b = draw(broadcast_shapes())
    op = Mul(*broadcast_box(shape_a, shape_b), draw(S8), draw(S8), draw(S8), **clamps(draw), **scalar_multiplier(draw, 255 * 255))
    return Case(op, (int8_values(draw, int(np.prod(shape_a))), int8_values(draw, int(np.prod(shape_b)))))


@st.composite
def matmul(draw: Draw) -> Case:
    batch, rows, inner = draw(st.integers(1, 3)), draw(st.integers(1, 5)), draw(st.sampled_from([1, 2, 7, 33, 300]))
    columns = draw(st.sampled_from([1, 2, 5, 31, 32, 33, 65]))
    a_stride, b_stride = draw(st.sampled_from([0, rows * inner])), draw(st.sampled_from([0, inner * columns]))
    op = MatMul(
        batch, rows, inner, columns, a_stride, b_stride, draw(st.integers(0, 1)), draw(S8), draw(S8), draw(S8), **clamps(draw),
        **scalar_multiplier(draw, inner * 255 * 255),
    )  # fmt: skip
    a_size, b_size = (size * (batch if stride else 1) for size, stride in ((rows * inner, a_stride), (inner * columns, b_stride)))
    return Case(op, (int8_values(draw, a_size), int8_values(draw, b_size)))


@st.composite
def prelu(draw: Draw) -> Case:
    channels = draw(st.integers(1, 20))
    count = channels * draw(st.integers(1, 20))
    slopes = np.array(draw(st.lists(st.floats(-3, 3), min_size=channels, max_size=channels)))
    one, slope, multiplier, shift = prelu_weights(slopes, draw(scales), draw(scales))
    op = PRelu(count, channels, **zero_points(draw), **clamps(draw), one=one, slope=slope, multiplier=multiplier, shift=min(shift, 7))
    return Case(op, (int8_values(draw, count),))


@st.composite
def log_softmax(draw: Draw) -> Case:
    rows, depth = draw(st.integers(1, 4)), draw(st.sampled_from([1, 2, 3, 10, 100, 1000, 32768]))
    op = LogSoftmax.scaled(rows, depth, draw(scales), draw(st.floats(1e-4, 4.0)), draw(S8))
    return Case(op, (int8_values(draw, rows * depth),))


@st.composite
def resize_nearest(draw: Draw) -> Case:
    height, width, channels, rows, columns = (draw(st.integers(1, 6)) for _ in range(5))
    picked = [draw(st.lists(st.integers(0, size - 1), min_size=n, max_size=n)) for size, n in ((height, rows), (width, columns))]
    op = ResizeNearest(height, width, channels, rows, columns, np.array(picked[0], np.uint16), np.array(picked[1], np.uint16))
    return Case(op, (int8_values(draw, height * width * channels),))


@st.composite
def resize_bilinear(draw: Draw) -> Case:
    height, width, channels, rows, columns = (draw(st.integers(1, 6)) for _ in range(5))
    at = [draw(st.lists(st.floats(-2, size + 1), min_size=n, max_size=n)) for size, n in ((height, rows), (width, columns))]
    tables = (*neighbours(np.array(at[0]), height), *neighbours(np.array(at[1]), width))
    return Case(ResizeBilinear(height, width, channels, rows, columns, *tables), (int8_values(draw, height * width * channels),))


@st.composite
def lut(draw: Draw) -> Case:
    count = draw(st.integers(1, 300))
    return Case(Lut(count, int8_values(draw, 256)), (int8_values(draw, count),))


@st.composite
def softmax(draw: Draw) -> Case:
    rows, depth = draw(st.integers(1, 4)), draw(st.sampled_from([1, 2, 3, 10, 100, 1000, 32768]))
    return Case(Softmax(rows, depth, exponential_table(draw(scales))), (int8_values(draw, rows * depth),))


@st.composite
def max_pool2d(draw: Draw) -> Case:
    op = MaxPool2D(**without_far_padding(window(draw)), input_c=draw(st.integers(1, 40)), **clamps(draw))
    return Case(op, (int8_values(draw, op.input_h * op.input_w * op.input_c),))


@st.composite
def avg_pool2d(draw: Draw) -> Case:
    empty = {"smallest_count": 0, "multiplier": np.zeros(1, np.int32), "shift": 0}
    op = AveragePool2D(
        **window(draw), input_c=draw(st.integers(1, 40)), count_include_pad=draw(st.integers(0, 1)), **zero_points(draw),
        **clamps(draw), **empty,
    ).with_scale(draw(st.floats(1e-3, 100.0)))  # fmt: skip
    return Case(op, (int8_values(draw, op.input_h * op.input_w * op.input_c),))


@st.composite
def copy(draw: Draw) -> Case:
    shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    rank = len(shape)
    kind = draw(st.sampled_from(["transpose", "slice", "expand", "pad"]))
    if kind == "transpose":
        op = Copy.transposed(shape, draw(st.permutations(range(rank))))
    elif kind == "slice":
        starts, steps, sizes = [], [], []
        for size in shape:
            starts.append(draw(st.integers(0, size - 1)))
            steps.append(draw(st.sampled_from([1, 1, 2, -1, -2])))
            room = starts[-1] if steps[-1] < 0 else size - 1 - starts[-1]
            sizes.append(draw(st.integers(1, room // abs(steps[-1]) + 1)))
        op = Copy.sliced(shape, starts, steps, sizes)
    elif kind == "expand":
        output = [draw(st.integers(1, 4)) if size == 1 else size for size in shape]
        op = Copy.expanded(shape, [draw(st.integers(1, 3)), *output])
    else:
        before, after = ([draw(st.integers(0, 2)) for _ in shape] for _ in range(2))
        op = Copy.padded(shape, before, after, draw(S8))
    return Case(op, (int8_values(draw, int(np.prod(shape))),))


@st.composite
def concat(draw: Draw) -> Case:
    count, outer = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    scale_out, zero_out = draw(scales), draw(S8)
    entries = [
        (1, 0, 0) if draw(st.booleans()) else concat_weights(scale_out * draw(st.floats(1e-4, 50.0)), draw(S8), scale_out, zero_out)
        for _ in range(count)
    ]
    inner = [draw(st.integers(1, 20)) for _ in range(count)]
    weight, bias, right_shift = (np.array(column) for column in zip(*entries, strict=True))
    op = Concat(count, outer, np.array(inner, np.uint32), weight.astype(np.int16), bias.astype(np.int32), right_shift.astype(np.uint8))
    return Case(op, tuple(int8_values(draw, outer * n) for n in inner))


CASES: dict[str, st.SearchStrategy[Case]] = {
    "conv2d_s8": conv2d(),
    "depthwise_conv2d_s8": depthwise_conv2d(),
    "fully_connected_s8": fully_connected(),
    "add_s8": add(),
    "lut_s8": lut(),
    "softmax_s8": softmax(),
    "max_pool2d_s8": max_pool2d(),
    "avg_pool2d_s8": avg_pool2d(),
    "copy_s8": copy(),
    "concat_s8": concat(),
    "conv_transpose2d_s8": conv_transpose2d(),
    "matmul_s8": matmul(),
    "mul_s8": mul(),
    "prelu_s8": prelu(),
    "log_softmax_s8": log_softmax(),
    "resize_nearest_s8": resize_nearest(),
    "resize_bilinear_s8": resize_bilinear(),
    "conv2d_add_s8": conv2d_add(),
    "conv2d_max_pool_s8": conv2d_max_pool(),
    "conv2d_spatial_s8": conv2d_spatial(),
    "conv2d_add_spatial_s8": conv2d_add_spatial(),
    "conv2d_max_pool_spatial_s8": conv2d_max_pool_spatial(),
    "conv2d_zero_input_s8": conv2d_zero_input(),
    "conv2d_early_s8": conv2d_early(),
    "conv2d_perforated_s8": conv2d_perforated(),
}
