"""PRelu and LeakyRelu: negative values times a slope, one a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from edgecomp.graph import Array
from edgecomp.qgraph import S8, S16, S32, U8, U32, IntArray, QOp, S16Array, Work
from edgecomp.qops.proofs import prove, prove_accumulator, prove_length, prove_positive, prove_rescaling
from edgecomp.qops.requantize import multiplier_and_shift, requantize
from edgecomp.qops.windows import in_chunks

_INT16_MAX = (1 << 15) - 1


def prelu_weights(slopes: Array, scale_in: float, scale_out: float) -> tuple[int, IntArray, int, int]:
    """`one`, `slope` (int16), `multiplier` and `shift` of PRelu; `one` is the largest power of two with which all slopes fit int16.

    Raises:
        ValueError: a slope is not finite or beyond int16, or the scale is out of range (see multiplier_and_shift).
    """
    slopes = np.asarray(slopes, np.float64).reshape(-1)
    if not np.all(np.isfinite(slopes)) or np.any(np.abs(slopes) > _INT16_MAX):
        raise ValueError(f"slopes must be finite and within -{_INT16_MAX}..{_INT16_MAX}, found {slopes.min()}..{slopes.max()}")
    bits = next(b for b in range(14, -1, -1) if np.max(np.abs(np.floor(slopes * (1 << b) + 0.5))) <= _INT16_MAX)
    multiplier, shift = multiplier_and_shift(scale_in / scale_out / (1 << bits))
    return 1 << bits, np.floor(slopes * (1 << bits) + 0.5).astype(np.int16), int(multiplier[0]), shift


@dataclass(frozen=True, eq=False)
class PRelu(QOp):
    """out = requantize(d * (one if d >= 0 else slope[i % channels])), d = in[i] - input_zero_point, for `count` elements."""

    kernel: ClassVar[str] = "prelu_s8"
    in_place: ClassVar[bool] = True

    count: U32
    channels: U32
    input_zero_point: S8
    output_zero_point: S8
    clamp_min: S8
    clamp_max: S8
    one: S16
    slope: S16Array
    multiplier: S32
    shift: U8

    def evaluate(self, *inputs: IntArray) -> IntArray:
        return in_chunks(inputs[0].reshape(-1, self.count), self.count, 24 * self.count, self._evaluate_chunk)

    def _evaluate_chunk(self, x: IntArray) -> IntArray:
        d = x.reshape(len(x), -1, self.channels).astype(np.int32) - self.input_zero_point
        d *= np.where(d >= 0, np.int32(self.one), np.asarray(self.slope, np.int32))
        return requantize(d, self.multiplier, self.shift, self.output_zero_point, self.clamp_min, self.clamp_max)

    @property
    def work(self) -> Work:
        return Work(macs=self.count, comparisons=self.count)

    @property
    def describe(self) -> str:
        return f"{self.count} elements, {self.channels} slopes"

    def verify(self) -> None:
        super().verify()
        prove_positive(self, "count", "channels")
        prove(self, "channels", self.count % self.channels == 0, f"{self.channels} must divide count {self.count}")
        prove_length(self, "slope", self.channels)
        prove_rescaling(self)
        factor = max(abs(self.one), int(np.abs(np.asarray(self.slope, np.int32)).max()))
        largest = max(127 - self.input_zero_point, self.input_zero_point + 128)
        prove_accumulator(self, "shift", largest * factor, self.shift)
