"""A model of any size whose every output byte depends on every input byte, and which spoils its input: nothing that is lost, or stays
from the sample before, goes unnoticed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecomp.build import Sources
from edgecomp.paths import runtime_dir

Bytes = npt.NDArray[np.uint8]
LAYERS = 2

_TEXT = """
#include "ec_model.h"

extern const ec_model @NAME@_model;

static ec_status start(ec_context *context, void *arena, size_t arena_bytes) {
    if (arena_bytes < @ARENA@u) {
        return EC_ARENA_TOO_SMALL;
    }
    context->arena = arena;
    return EC_OK;
}

static void run(ec_context *context) {
    uint8_t *in = context->arena;
    uint8_t *out = in + @INPUT@;
    uint32_t sum = @SEED@;
    @BEFORE@
    for (uint32_t i = 0; i < @INPUT@u; i++) {
        sum = (sum ^ in[i]) * 16777619u;
        in[i] = (uint8_t)sum;
    }
    if (context->observer != NULL) {
        context->observer(context->observer_user, 0, in, @INPUT@);
    }
    for (uint32_t i = 0; i < @OUTPUT@u; i++) {
        sum = (sum ^ i) * 16777619u;
        out[i] = (uint8_t)(sum >> 13);
    }
    if (context->observer != NULL) {
        context->observer(context->observer_user, 1, out, @OUTPUT@);
    }
}

static const ec_tensor inputs[] = {{"x", 0, @INPUT@, 1, 0, 1, 0}};
static const ec_tensor outputs[] = {{"y", @INPUT@, @OUTPUT@, 1, @ZERO_POINT@, @MANTISSA@, @EXPONENT@}};
static const ec_layer layers[] = {{"mix", "mix", 1}, {"spread", "spread", 1}};

const ec_model @NAME@_model = {"@NAME@", "@NAME@", @ARENA@, 8, 1, 1, 2, inputs, outputs, layers, start, run};
"""


@dataclass(frozen=True)
class SummingModel:
    """The model and its reference; real output = (element - zero_point) * mantissa * 2^exponent."""

    input_bytes: int = 700
    output_bytes: int = 10
    seed: int = 2166136261
    name: str = "summing"
    zero_point: int = -128
    mantissa: int = 1
    exponent: int = -8
    before_run: str = ""
    """C put in front of the first layer, `in` being in scope."""

    @property
    def arena_bytes(self) -> int:
        return self.input_bytes + self.output_bytes

    def sources(self) -> Sources:
        values = {
            "NAME": self.name,
            "ARENA": self.arena_bytes,
            "INPUT": self.input_bytes,
            "OUTPUT": self.output_bytes,
            "SEED": f"{self.seed}u",
            "ZERO_POINT": self.zero_point,
            "MANTISSA": self.mantissa,
            "EXPONENT": self.exponent,
            "BEFORE": self.before_run,
        }
        text = _TEXT
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        header = (runtime_dir() / "include" / "ec_model.h").read_text(encoding="utf-8")
        return Sources(self.name, {f"{self.name}.c": text, "include/ec_model.h": header})

    def layers(self, sample: bytes) -> tuple[bytes, bytes]:
        """Output of each layer; the last is the model's."""
        value = self.seed
        mixed, spread = bytearray(), bytearray()
        for byte in sample:
            value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
            mixed.append(value & 0xFF)
        for i in range(self.output_bytes):
            value = ((value ^ i) * 16777619) & 0xFFFFFFFF
            spread.append(value >> 13 & 0xFF)
        return bytes(mixed), bytes(spread)

    def output(self, sample: bytes) -> bytes:
        return self.layers(sample)[-1]

    def samples(self, count: int, seed: int = 1) -> Bytes:
        return np.random.default_rng(seed).integers(0, 256, (count, self.input_bytes), dtype=np.uint8)

    def real_outputs(self, sample: bytes) -> list[float]:
        integers = np.frombuffer(self.output(sample), np.int8).astype(int)
        return [float((value - self.zero_point) * self.mantissa * 2.0**self.exponent) for value in integers]
