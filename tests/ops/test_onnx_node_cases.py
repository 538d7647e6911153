"""ONNX's own node tests: every case over operators of the registry is computed, or listed here with the reason why not.

A case goes through import and float evaluation, and again through export. Inputs that edgecomp wants constant (shapes, axes,
scales) are turned into constants of the given value, so that the cases that feed them at run time are computed too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgecomp.errors import EdgecompError
from edgecomp.frontend.onnx_export import to_model
from edgecomp.frontend.onnx_import import from_model
from edgecomp.graph import Array
from edgecomp.interpret import evaluate
from edgecomp.ops import OPERATORS

CONSTANT_INPUTS = {
    "BatchNormalization": (1, 2, 3, 4),
    "Clip": (1, 2),
    "DequantizeLinear": (1, 2),
    "Dropout": (1, 2),
    "Expand": (1,),
    "PRelu": (1,),
    "Pad": (1, 2, 3),
    "Pow": (1,),
    "QuantizeLinear": (1, 2),
    "ReduceMax": (1,),
    "ReduceMean": (1,),
    "ReduceSum": (1,),
    "Reshape": (1,),
    "Resize": (1, 2, 3),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Squeeze": (1,),
    "Unsqueeze": (1,),
    "Upsample": (1,),
}

SMALL_TYPES = "FLOAT8E4M3FN|FLOAT8E4M3FNUZ|FLOAT8E5M2|FLOAT8E5M2FNUZ|FLOAT8E8M0|FLOAT4E2M1|U?INT[24]"

SKIPPED = {
    rf"test_cast(like)?_.*(FLOAT|FLOAT16)_to_({SMALL_TYPES})(_expanded)?": "a cast to a type below 8 bits or to an 8-bit float",
    r"test_(averagepool|convtranspose|maxpool)_3d.*": "three spatial axes",
    r"test_batchnorm_.*_training_mode": "training",
    r"test_training_dropout.*": "training",
    r"test_dropout_default_mask(_ratio)?": "the mask is an output",
    r"test_maxpool_with_argmax_.*": "the indices are an output",
    r"test_(de)?quantizelinear_.*blocked.*": "one scale a block",
    r"test_(de)?quantizelinear_(e4m3fn|e5m2|float4e2m1).*": "a floating type of 8 or 4 bits",
    r"test_(de)?quantizelinear_u?int[24]": "integers of 4 or 2 bits",
    r"test_(max|min|sum)_example": "three operands",
    r"test_(max|min|sum)_one_input": "one operand",
    r"test_(edge|reflect|wrap)_pad": "a padding mode other than constant",
    r"test_pow|test_pow_example|test_pow_bcast_array|test_pow_types_.*": "an exponent an element",
    r"test_resize_.*cubic.*": "cubic interpolation",
    r"test_resize_.*antialias": "antialiasing",
    r"test_resize_tf_crop_and_resize.*": "a region of interest",
    r"test_resize_downsample_scales_linear_align_corners": "ONNX keeps a fractional output size, ONNX Runtime does not",
    r"test_spacetodepth_crd_mode_example": "mode CRD, since opset 28",
    r"test_reshape_allowzero_reordered|test_slice_start_out_of_bounds": "a tensor without elements",
    r"test_.*_empty_set.*|test_split_zero_size_splits.*": "a tensor without elements",
    r"test_identity_(sequence|opt)": "a sequence or optional",
}
"""Pattern of a case's whole name -> why it is not computed."""


@pytest.fixture(scope="module")
def cases() -> list[Any]:
    """All node cases whose operators are in the registry. Making them takes ONNX many seconds, so one test uses them all."""
    from onnx.backend.test.case.node import collect_testcases

    return [case for case in collect_testcases(None) if all(node.op_type in OPERATORS for node in case.model.graph.node)]


@pytest.mark.filterwarnings("ignore")  # ONNX's own code overflows on purpose
def test_every_case_is_computed_or_listed(cases: list[Any]) -> None:
    wrong = [f"{case.name}: {problem}" for case in cases if (problem := _problem(case))]
    names = [case.name for case in cases]
    wrong += [f"no case matches the skipped {pattern!r}" for pattern in SKIPPED if not any(re.fullmatch(pattern, name) for name in names)]
    assert not wrong, "\n".join(wrong)
    assert len(names) > 550


def _problem(case: Any) -> str | None:
    """What is wrong about a case: computed in error, refused though not listed, or listed though computed."""
    reason = next((reason for pattern, reason in SKIPPED.items() if re.fullmatch(pattern, case.name)), None)
    try:
        for inputs, outputs in case.data_sets:
            _compare(case, [_array(value) for value in inputs], [_array(value) for value in outputs])
    except (EdgecompError, AssertionError, TypeError) as error:
        return None if reason else f"{type(error).__name__}: {error}"
    return f"is computed; remove it from the skipped ({reason})" if reason else None


def _array(value: Any) -> Array:
    """A test value as numpy array."""
    array = numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)
    return array.astype(np.float32) if array.dtype.kind == "f" or array.dtype.name == "bfloat16" else array


def _compare(case: Any, inputs: list[Array], outputs: list[Array]) -> None:
    """Hold the case's expected outputs against the graph and against the graph after export and import."""
    model, feeds = _with_constants(case.model, inputs)
    graph = from_model(model, case.name, keep_batch=True)
    for network in _and_exported(graph, case.name):
        got = evaluate(network, feeds)
        for value, expected, wanted in zip(case.model.graph.output, outputs, network.outputs, strict=True):
            assert got[wanted].shape == expected.shape
            half = value.type.tensor_type.elem_type in (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
            rtol = max(case.rtol, 1e-2 if value.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16 else 1e-3 if half else 1e-4)
            np.testing.assert_allclose(got[wanted], expected, rtol=rtol, atol=max(case.atol, 1e-3 if half else 1e-5))


def _and_exported(graph: Any, name: str) -> Iterator[Any]:
    yield graph
    if graph.nodes and all(tensor.dtype in ("float32", "int8", "uint8") for tensor in graph.tensors.values()):
        yield from_model(to_model(graph), name, keep_batch=True)


def _with_constants(model: onnx.ModelProto, inputs: list[Array]) -> tuple[onnx.ModelProto, dict[str, Array]]:
    """The model with the inputs that must be constant as initializers, and the feeds that remain."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    constants = {
        node.input[index] for node in changed.graph.node for index in CONSTANT_INPUTS.get(node.op_type, ()) if index < len(node.input)
    }
    feeds = {}
    for value, array in zip(list(changed.graph.input), inputs, strict=True):
        if value.name in constants:
            changed.graph.initializer.append(numpy_helper.from_array(array, value.name))
            changed.graph.input.remove(value)
        else:
            feeds[value.name] = array
    return changed, feeds
