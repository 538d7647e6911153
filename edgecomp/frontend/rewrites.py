"""What to do about operators that edgecomp does not have."""

from __future__ import annotations

CONTROL_FLOW = "export a traced model, in which every branch and loop count is fixed"
RECURRENT = "replace it by Conv or Gemm layers over a window of samples"
POSTPROCESSING = "end the model before it and compute it in the application"
SHAPES = "export with static shapes, so that it becomes a constant"
INTEGER_OPERATOR = "quantize with quant_format=QuantFormat.QDQ"
NORMALIZATION = "train with BatchNormalization, which is folded away"

REWRITES = {
    "If": CONTROL_FLOW,
    "Loop": CONTROL_FLOW,
    "Scan": CONTROL_FLOW,
    "SequenceConstruct": CONTROL_FLOW,
    "LSTM": RECURRENT,
    "GRU": RECURRENT,
    "RNN": RECURRENT,
    "ArgMax": POSTPROCESSING,
    "ArgMin": POSTPROCESSING,
    "TopK": POSTPROCESSING,
    "NonMaxSuppression": POSTPROCESSING,
    "Shape": SHAPES,
    "Size": SHAPES,
    "Gather": SHAPES,
    "ConstantOfShape": SHAPES,
    "Range": SHAPES,
    "Where": SHAPES,
    "NonZero": SHAPES,
    "LayerNormalization": NORMALIZATION,
    "InstanceNormalization": NORMALIZATION,
    "GroupNormalization": NORMALIZATION,
    "LRN": NORMALIZATION,
    "Einsum": "write it as MatMul, Transpose and Reshape",
    "Mean": "chain Add nodes and multiply by a constant",
    "LpPool": "use AveragePool",
    "MaxUnpool": "use Resize or ConvTranspose",
    "MaxRoiPool": POSTPROCESSING,
    "RoiAlign": POSTPROCESSING,
    "ConvInteger": "quantize statically with quant_format=QuantFormat.QDQ",
    "MatMulInteger": "quantize statically with quant_format=QuantFormat.QDQ",
    "DynamicQuantizeLinear": "quantize statically, with calibration data",
    "Quant": "export with QuantizeLinear and DequantizeLinear nodes",
}
"""Operator -> how a model can do without it."""

DEFAULT_REWRITE = "build it from the operators that `edgecomp ops` lists"


def rewrite_for(op_type: str) -> str:
    """How a model can do without an operator."""
    if op_type.startswith("QLinear") or op_type == "QGemm":
        return INTEGER_OPERATOR
    return REWRITES.get(op_type, DEFAULT_REWRITE)
