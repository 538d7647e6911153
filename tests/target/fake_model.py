"""A handmade model of three layers that stands in for generated code, with its numpy reference."""

import numpy as np
import numpy.typing as npt

from edgecomp.build import Sources
from edgecomp.paths import runtime_dir

Bytes = npt.NDArray[np.uint8]

INPUT_BYTES = 64
OUTPUT_BYTES = 8
LAYERS = 3
ARENA_BYTES = 256
ARENA_USED_BYTES = 200  # input 0..63, first map 64..127, second map 128..191, output 192..199

MODEL = """
#include <string.h>
#include "ec_model.h"
#include "fake_layers.h"

extern const ec_model fake_model;

static void notify(const ec_context *context, uint32_t layer, const void *output, size_t bytes) {
    if (context->observer != NULL) {
        context->observer(context->observer_user, layer, output, bytes);
    }
}

static ec_status fake_init(ec_context *context, void *arena, size_t arena_bytes) {
    if (arena_bytes < 256u) {
        return EC_ARENA_TOO_SMALL;
    }
    context->arena = arena;
    return EC_OK;
}

static void fake_run(ec_context *context) {
    uint8_t *arena = context->arena;
    @BEFORE@
    fake_square(arena, arena + 64, 64);
    notify(context, 0, arena + 64, 64);
    fake_prefix_sum(arena + 64, arena + 128, 64);
    notify(context, 1, arena + 128, 64);
    fake_fold(arena + 128, arena + 192, 64, 8);
    notify(context, 2, arena + 192, 8);
}

static const ec_tensor inputs[] = {{"x", 0, 64, 1, 0, 1, -4}};
static const ec_tensor outputs[] = {{"y", 192, 8, 1, 0, 3, -5}};
static const ec_layer layers[] = {{"square", "fake_square", 64}, {"sum", "fake_prefix_sum", 0}, {"fold", "fake_fold", 64}};

const ec_model fake_model = {
    "fake", "0", 256, 16, 1, 1, 3, inputs, outputs, layers, fake_init, fake_run,
};
"""

LAYERS_HEADER = """
#ifndef FAKE_LAYERS_H
#define FAKE_LAYERS_H
#include <stddef.h>
#include <stdint.h>
void fake_square(const uint8_t *in, uint8_t *out, size_t count);
void fake_prefix_sum(const uint8_t *in, uint8_t *out, size_t count);
void fake_fold(const uint8_t *in, uint8_t *out, size_t count, size_t width);
void fake_unused(uint8_t *out);
#endif
"""

LAYERS_SOURCE = """
#include "fake_layers.h"

void fake_square(const uint8_t *in, uint8_t *out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        out[i] = (uint8_t)((unsigned)in[i] * in[i] + 3u);
    }
}

void fake_prefix_sum(const uint8_t *in, uint8_t *out, size_t count) {
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += in[i];
        out[i] = (uint8_t)sum;
    }
}

void fake_fold(const uint8_t *in, uint8_t *out, size_t count, size_t width) {
    volatile uint8_t row[64];
    for (size_t i = 0; i < count; i++) {
        row[i] = in[i];
    }
    for (size_t k = 0; k < width; k++) {
        unsigned sum = 0;
        for (size_t i = k; i < count; i += width) {
            sum += row[i];
        }
        out[k] = (uint8_t)sum;
    }
}

void fake_unused(uint8_t *out) {
    for (size_t i = 0; i < 1000; i++) {
        out[i] = (uint8_t)(out[i] ^ i);
    }
}
"""


def fake_sources(before_run: str = "") -> Sources:
    """The model; `before_run` is C put in front of its first layer, `arena` being in scope."""
    header = (runtime_dir() / "include" / "ec_model.h").read_text(encoding="utf-8")
    return Sources(
        prefix="fake",
        files={
            "fake.c": MODEL.replace("@BEFORE@", before_run),
            "include/ec_model.h": header,
            "include/fake_layers.h": LAYERS_HEADER,
            "runtime_c/src/portable/fake_layers.c": LAYERS_SOURCE,
        },
    )


def fake_inputs(samples: int) -> Bytes:
    return np.random.default_rng(7).integers(0, 256, (samples, INPUT_BYTES), dtype=np.uint8)


def reference_layers(x: Bytes) -> list[Bytes]:
    """Output of each layer, [N, bytes] uint8."""
    square = (x.astype(np.uint32) ** 2 + 3).astype(np.uint8)
    prefix = np.cumsum(square.astype(np.uint32), axis=1).astype(np.uint8)
    fold = prefix.reshape(len(x), 8, 8).astype(np.uint32).sum(axis=1).astype(np.uint8)
    return [square, prefix, fold]
