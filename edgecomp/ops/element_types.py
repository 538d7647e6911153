"""Element types of tensors: whatever floats is float32 inside edgecomp."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Whether a type is a floating one of 16 bits or more; numpy does not count bfloat16 among its own."""
    return dtype.kind == "f" or dtype.name == "bfloat16"
