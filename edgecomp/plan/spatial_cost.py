"""How many instructions a convolution that predicts zeros takes, by how often it does, and from which rate on it beats the dense one.

`spatial_cost.json` beside this file is written by `benchmarks/spatial.py --fit`: for each core and instruction set the prices of FEATURES
that fit a grid of shapes and zero rates best. Channels there are predicted independently of one another and of their neighbours, which
is the worst case: in trained networks zeros come in clusters, and kernels take a little less.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from edgecomp.plan.cost import estimate_instructions
from edgecomp.qops.conv2d_add_spatial import Conv2DAddSpatial
from edgecomp.qops.conv2d_max_pool_spatial import Conv2DMaxPoolSpatial
from edgecomp.qops.patches import Patches
from edgecomp.qops.windows import row_and_column_taps
from edgecomp.target import PORTABLE_ISA

if TYPE_CHECKING:
    from edgecomp.qops.conv2d_spatial import Conv2DSpatial

    Predicting = Conv2DSpatial | Conv2DAddSpatial | Conv2DMaxPoolSpatial

TABLE_FILE = "spatial_cost.json"
FEATURES = ("call", "patches", "gathered", "clipped", "always_macs", "always_outputs", "other_macs", "other_outputs", "sums", "other_sums")
"""What is counted: the call, patches, inputs brought together for all positions, those of windows that read padding, products and outputs
at the positions of masks, those at the others that are not predicted zero, residuals at either."""


def features(op: Predicting, zero_rate: float) -> tuple[float, ...]:
    """The counts of FEATURES where a share `zero_rate` of all (patch, channel) pairs is predicted zero."""
    patches = Patches.of(op)
    window = op.kernel_h * op.kernel_w * (op.input_c // op.groups)
    outputs = op.output_h * op.output_w * op.output_c
    always = outputs * float(np.mean(patches.bits))
    other = (outputs - always) * (1.0 - zero_rate)
    sums = (always, other) if isinstance(op, Conv2DAddSpatial) else (0.0, 0.0)
    gathered = op.output_h * op.output_w * window * op.groups
    rows, columns = row_and_column_taps(op)
    inside = int((rows == op.kernel_h).sum()) * int((columns == op.kernel_w).sum())
    clipped = (op.output_h * op.output_w - inside) * window * op.groups
    return 1.0, patches.rows * patches.columns, gathered, clipped, always * window, always, other * window, other, *sums


def spatial_instructions(op: Predicting, zero_rate: float, core: str, isa: str) -> int | None:
    """Instructions of one call on a core by the kernel of an instruction set; None where nothing was measured.

    A max pool joined to the convolution comes on top.
    """
    price = cost_table().get(core, {}).get(isa)
    if price is None or len(price) != len(FEATURES):
        return None
    total = sum(count * each for count, each in zip(features(op, zero_rate), price, strict=True))
    if not isinstance(op, Conv2DMaxPoolSpatial):
        return round(total)
    pool = estimate_instructions(op.pool, core, isa) or estimate_instructions(op.pool, core, PORTABLE_ISA)
    return None if pool is None else round(total) + pool


def break_even_rate(op: Predicting, dense_instructions: float, core: str, isa: str) -> float | None:
    """The zero rate from which on fewer instructions than `dense_instructions` are taken: 0 if always, more than 1 if never.

    None where nothing was measured.
    """
    none, every = (spatial_instructions(op, rate, core, isa) for rate in (0.0, 1.0))
    if none is None or every is None:
        return None
    return max((none - dense_instructions) / (none - every), 0.0) if none > every else 2.0


@cache
def cost_table() -> Mapping[str, Mapping[str, Sequence[float]]]:
    """Core -> instruction set -> instructions a unit of each of FEATURES."""
    source = files("edgecomp.plan") / TABLE_FILE
    return json.loads(source.read_text()) if source.is_file() else {}
