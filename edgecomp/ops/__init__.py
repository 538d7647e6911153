"""The operators that edgecomp knows: one file an operator or family, one line each below."""

from __future__ import annotations

from edgecomp.ops.arithmetic import Add, Div, Max, Min, Mul, Sub
from edgecomp.ops.base import Operator
from edgecomp.ops.batch_normalization import BatchNormalization
from edgecomp.ops.cast import Cast
from edgecomp.ops.concat import Concat
from edgecomp.ops.constant import Constant
from edgecomp.ops.conv import Conv
from edgecomp.ops.conv_transpose import ConvTranspose
from edgecomp.ops.depth_to_space import DepthToSpace, SpaceToDepth
from edgecomp.ops.expand import Expand
from edgecomp.ops.gemm import Gemm, MatMul
from edgecomp.ops.global_pool import GlobalAveragePool, GlobalMaxPool
from edgecomp.ops.identity import Dropout, Identity
from edgecomp.ops.pad import Pad
from edgecomp.ops.pointwise import (
    Abs,
    Celu,
    Clip,
    Elu,
    Erf,
    Exp,
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    Log,
    Mish,
    Neg,
    Pow,
    Reciprocal,
    Relu,
    Selu,
    Sigmoid,
    Softplus,
    Softsign,
    Sqrt,
    Tanh,
    ThresholdedRelu,
)
from edgecomp.ops.pool import AveragePool, MaxPool
from edgecomp.ops.prelu import PRelu
from edgecomp.ops.quantize_linear import DequantizeLinear, QuantizeLinear
from edgecomp.ops.reduce import ReduceMax, ReduceMean, ReduceSum
from edgecomp.ops.reshape import Flatten, Reshape, Squeeze, Unsqueeze
from edgecomp.ops.resize import Resize
from edgecomp.ops.slice import Slice
from edgecomp.ops.softmax import LogSoftmax, Softmax
from edgecomp.ops.split import Split
from edgecomp.ops.transpose import Transpose

OPERATORS: dict[str, type[Operator]] = {
    "Abs": Abs,
    "Add": Add,
    "AveragePool": AveragePool,
    "BatchNormalization": BatchNormalization,
    "Cast": Cast,
    "Celu": Celu,
    "Clip": Clip,
    "Concat": Concat,
    "Constant": Constant,
    "Conv": Conv,
    "ConvTranspose": ConvTranspose,
    "DepthToSpace": DepthToSpace,
    "DequantizeLinear": DequantizeLinear,
    "Div": Div,
    "Dropout": Dropout,
    "Elu": Elu,
    "Erf": Erf,
    "Exp": Exp,
    "Expand": Expand,
    "Flatten": Flatten,
    "Gelu": Gelu,
    "Gemm": Gemm,
    "GlobalAveragePool": GlobalAveragePool,
    "GlobalMaxPool": GlobalMaxPool,
    "HardSigmoid": HardSigmoid,
    "HardSwish": HardSwish,
    "Identity": Identity,
    "LeakyRelu": LeakyRelu,
    "Log": Log,
    "LogSoftmax": LogSoftmax,
    "MatMul": MatMul,
    "Max": Max,
    "MaxPool": MaxPool,
    "Min": Min,
    "Mish": Mish,
    "Mul": Mul,
    "Neg": Neg,
    "PRelu": PRelu,
    "Pad": Pad,
    "Pow": Pow,
    "QuantizeLinear": QuantizeLinear,
    "Reciprocal": Reciprocal,
    "ReduceMax": ReduceMax,
    "ReduceMean": ReduceMean,
    "ReduceSum": ReduceSum,
    "Relu": Relu,
    "Reshape": Reshape,
    "Resize": Resize,
    "Selu": Selu,
    "Sigmoid": Sigmoid,
    "Slice": Slice,
    "Softmax": Softmax,
    "Softplus": Softplus,
    "Softsign": Softsign,
    "SpaceToDepth": SpaceToDepth,
    "Split": Split,
    "Sqrt": Sqrt,
    "Squeeze": Squeeze,
    "Sub": Sub,
    "Sum": Add,
    "Tanh": Tanh,
    "ThresholdedRelu": ThresholdedRelu,
    "Transpose": Transpose,
    "Unsqueeze": Unsqueeze,
    "Upsample": Resize,
}
"""ONNX operator -> the class that reads, evaluates, writes and lowers it."""

__all__ = ["OPERATORS", "Operator"]
