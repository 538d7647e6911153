"""The registry is complete, and every operator says what it takes."""

from __future__ import annotations

import dataclasses

import pytest
from click.testing import CliRunner

from edgecomp.cli.ops import command
from edgecomp.ops import OPERATORS, Operator

PROMISED = """Conv ConvTranspose Gemm MatMul BatchNormalization Relu Clip LeakyRelu PRelu Sigmoid Tanh HardSigmoid HardSwish Elu Gelu
Softmax LogSoftmax Add Sub Mul Concat Split Slice Pad MaxPool AveragePool GlobalAveragePool GlobalMaxPool ReduceMean Flatten Reshape
Squeeze Unsqueeze Transpose Resize DepthToSpace Identity Dropout Constant QuantizeLinear DequantizeLinear""".split()


def test_promised_operators_are_there() -> None:
    assert set(PROMISED) <= set(OPERATORS)


def test_registry_is_sorted() -> None:
    assert list(OPERATORS) == sorted(OPERATORS)


@pytest.mark.parametrize("name", OPERATORS)
def test_operator_is_described(name: str) -> None:
    kind = OPERATORS[name]
    assert issubclass(kind, Operator)
    assert kind.limits
    assert kind.__doc__
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen


@pytest.mark.parametrize("name", OPERATORS)
def test_operator_can_be_evaluated(name: str) -> None:
    assert OPERATORS[name].evaluate is not Operator.evaluate


def test_command_lists_every_operator() -> None:
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    for name, kind in OPERATORS.items():
        assert any(line.split()[:1] == [name] and kind.limits.split(";")[0] in line for line in lines), name
