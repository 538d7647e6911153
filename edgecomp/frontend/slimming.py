"""Constant expressions outside edgecomp's operators (Shape, Gather, Range ...) are folded by onnxslim.

It is asked only where such operators stand in the graph: importing it takes longer than importing most models, and its fusions would
change names and the places of Quantize and Dequantize nodes.
"""

from __future__ import annotations

import onnx
from onnx import ModelProto

FOLD_ONLY = ["graph_fusion", "subexpression_elimination", "weight_tying"]


def fold_unknown_constants(model: ModelProto) -> ModelProto:
    """The model with constant sub-graphs computed; the model itself where onnxslim cannot take it."""
    import onnxslim

    copy = ModelProto()
    copy.CopyFrom(model)
    try:
        slimmed: ModelProto = onnxslim.slim(copy, skip_optimizations=FOLD_ONLY)
        onnx.checker.check_model(slimmed)
    except Exception:  # whatever a third-party rewriter raises: the model as it stands is still right
        return model
    same_inputs = [value.name for value in slimmed.graph.input] == [value.name for value in model.graph.input]
    same_outputs = [value.name for value in slimmed.graph.output] == [value.name for value in model.graph.output]
    return slimmed if same_inputs and same_outputs else model
