"""Reading an ONNX file, with an error that says what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from edgecomp.errors import ModelError


def read_model(path: str | Path) -> onnx.ModelProto:
    """The model in an ONNX file, with its external data.

    Raises:
        ModelError: the file is missing, not ONNX, cut short, or its external data is missing.
    """
    path = Path(path)
    content = _read_bytes(path)
    if content[4:8] == b"TFL3":
        raise ModelError(
            f"{path}: found a TensorFlow Lite file; allowed: ONNX; convert it with tf2onnx (python -m tf2onnx.convert --tflite)"
        )
    try:
        model = onnx.load_model_from_string(content)
    except (DecodeError, ValueError) as error:
        raise ModelError(f"{path}: not an ONNX file, or cut short ({len(content)} bytes); export or copy it again") from error
    if not model.graph.node:
        raise ModelError(f"{path}: found no nodes ({len(content)} bytes); allowed: an ONNX model with at least one node; export it again")
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise ModelError(f"{path}: its external data cannot be read ({error}); keep the data file beside the model") from error
    return model


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ModelError(f"{path}: found a folder; give an ONNX file") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
