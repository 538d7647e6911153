"""2-D convolution at some positions of its output; the others take the value of a computed one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.qgraph import U16, IntArray, U16Array
from edgecomp.qops.conv2d import Conv2D
from edgecomp.qops.proofs import prove, prove_length, prove_positive
from edgecomp.qops.requantize import requantize
from edgecomp.qops.windows import exact_matmul, in_chunks, pad_hw, windows

PATCH_BYTES = 4096
"""Of inputs brought together at a time, unless one block of the convolution needs more."""
MOST_POSITIONS = 1 << 16
MOST_PATCH_BYTES = (1 << 16) - 1


@dataclass(frozen=True, eq=False)
class Conv2DPerforated(Conv2D):
    """out[p] = conv2d(input)[source[p]] for every position p = y * output_w + x.

    A position that names itself is computed; the others name a computed one. `block_positions` positions are computed together.

    Figurnov et al., "PerforatedCNNs: Acceleration through Elimination of Redundant Convolutions", 2016.
    """

    kernel: ClassVar[str] = "conv2d_perforated_s8"

    source: U16Array
    block_positions: U16

    @classmethod
    def following(cls, conv: Conv2D, source: IntArray) -> Conv2DPerforated:
        """`conv` where the output at each position [output_h, output_w] is that at the flat index `source`."""
        indices = np.asarray(source).astype(np.uint16).reshape(-1)
        return cls(**conv.convolution_members, source=indices, block_positions=block_positions(conv, 1))

    @property
    def patch_bytes(self) -> int:
        """Inputs of one position."""
        return self.kernel_h * self.kernel_w * self.input_c

    @property
    def computed(self) -> IntArray:
        """Flat indices of the positions that are computed, ascending."""
        source = np.asarray(self.source, np.int64)
        return np.flatnonzero(source == np.arange(source.size))

    def pointwise(self, positions: int) -> Conv2D:
        """The convolution on inputs that were brought together [positions, groups, kernel_h, kernel_w, input_c / groups]: 1x1."""
        members = self.convolution_members
        members |= {"input_h": 1, "input_w": positions, "input_c": self.patch_bytes, "output_h": 1, "output_w": positions}
        members |= {"kernel_h": 1, "kernel_w": 1, "stride_h": 1, "stride_w": 1, "dilation_h": 1, "dilation_w": 1}
        return Conv2D(**members | {"pad_top": 0, "pad_left": 0})

    def evaluate(self, *inputs: IntArray) -> IntArray:
        x = inputs[0].reshape(-1, self.input_h, self.input_w, self.input_c)
        computed = self.computed
        bytes_each = len(computed) * (4 * self.patch_bytes + 16 * self.output_c)
        outputs = in_chunks(x, len(computed) * self.output_c, bytes_each, lambda chunk: self._computed_outputs(chunk, computed))
        place = np.searchsorted(computed, np.asarray(self.source, np.int64))
        return outputs.reshape(len(x), len(computed), self.output_c)[:, place].reshape(len(x), -1)

    def _computed_outputs(self, x: IntArray, computed: IntArray) -> IntArray:
        view = windows(pad_hw(x, self, self.input_zero_point), self)
        picked = view[:, computed // self.output_w, computed % self.output_w]  # [S, P, KH, KW, C]
        channels, filters = self.input_c // self.groups, self.output_c // self.groups
        weights = np.asarray(self.weights).reshape(self.groups, filters, -1)
        pieces = []
        for group in range(self.groups):
            rows = picked[..., group * channels : (group + 1) * channels].reshape(len(x) * len(computed), -1)
            pieces.append(exact_matmul(rows, weights[group].T))
        accumulator = np.concatenate(pieces, axis=1) + np.asarray(self.bias, np.int64)
        return requantize(accumulator, self.multiplier, self.shift, self.output_zero_point, self.clamp_min, self.clamp_max)

    def executed_macs(self, *inputs: IntArray) -> int:
        return len(inputs[0]) * len(self.computed) * self.output_c * self.patch_bytes // self.groups

    @property
    def describe(self) -> str:
        return f"{super().describe}, {len(self.computed)} of {self.output_h * self.output_w}"

    def verify(self) -> None:
        super().verify()
        positions = self.output_h * self.output_w
        prove(self, "source", positions <= MOST_POSITIONS, f"{positions} positions, at most {MOST_POSITIONS}")
        prove(self, "input_c", self.patch_bytes <= MOST_PATCH_BYTES, f"{self.patch_bytes} inputs a window, at most {MOST_PATCH_BYTES}")
        prove_length(self, "source", positions)
        source = np.asarray(self.source, np.int64)
        named = bool(np.all(source < positions)) and bool(np.all(source[source] == source))
        prove(self, "source", named, "must name positions that name themselves")
        prove_positive(self, "block_positions")


def block_positions(conv: Conv2D, tile: int) -> int:
    """How many positions are computed together by a kernel that takes `tile` at once: whole tiles in PATCH_BYTES, at least one."""
    patch_bytes = conv.kernel_h * conv.kernel_w * conv.input_c
    fitting = min(PATCH_BYTES // patch_bytes, conv.output_h * conv.output_w)
    return max(fitting // tile, 1) * tile
