/* ec_depthwise_planes.h - unpack NHWC int8 into one int16 plane a channel. */
#ifndef EC_DEPTHWISE_PLANES_H
#define EC_DEPTHWISE_PLANES_H

#include "ec_depthwise_tile.h"

/* Elements of a phase, from `first` on, as they lie in the input. */
typedef struct {
    int32_t from; /* element whose position is the first in the input */
    int32_t to;   /* one behind the last */
    int32_t position;
} ec_span;

/* Of `count` elements whose first has position `at`, those that lie in the input. */
static inline ec_span ec_span_inside(const ec_axis *axis, int32_t at, int32_t count) {
    ec_span span;
    span.from = at < 0 ? ec_round_up(-at, axis->tap_stride) : 0;
    span.position = at + span.from * axis->tap_stride;
    span.to = at < axis->inputs ? ec_smaller(ec_round_up(axis->inputs - at, axis->tap_stride), count) : 0;
    return span;
}

/* Every word of every plane: the value of padding twice. */
static inline void ec_fill_planes(uint32_t *planes, int32_t words, int8_t value) {
    const uint32_t pair = ((uint32_t)(uint16_t)value << 16) | (uint16_t)value;
    for (int32_t i = 0; i < words; i++) {
        planes[i] = pair;
    }
}

/* Sixteen elements a round: four positions of four channels. Returns the input behind the last. */
static inline const int8_t *ec_unpack_quads(const int8_t *input, int32_t step, int32_t quads, int16_t *plane, int32_t plane_elements) {
    uint32_t a, b, c, d, e, f;
    int16_t *plane1 = plane + plane_elements;
    int16_t *plane2 = plane1 + plane_elements;
    int16_t *plane3 = plane2 + plane_elements;
    __asm__ volatile("1:\n\t"
                     "ldr %[a], [%[input]]\n\t"
                     "ldr %[b], [%[input], %[step]]\n\t"
                     "add %[input], %[input], %[step], lsl #1\n\t"
                     "ldr %[c], [%[input]]\n\t"
                     "ldr %[d], [%[input], %[step]]\n\t"
                     "add %[input], %[input], %[step], lsl #1\n\t"
                     "pkhbt %[e], %[a], %[b], lsl #16\n\t"
                     "pkhtb %[b], %[b], %[a], asr #16\n\t"
                     "pkhbt %[a], %[c], %[d], lsl #16\n\t"
                     "pkhtb %[d], %[d], %[c], asr #16\n\t"
                     "sxtb16 %[c], %[e]\n\t"
                     "sxtb16 %[f], %[a]\n\t"
                     "strd %[c], %[f], [%[plane0]], #8\n\t"
                     "sxtb16 %[e], %[e], ror #8\n\t"
                     "sxtb16 %[a], %[a], ror #8\n\t"
                     "strd %[e], %[a], [%[plane1]], #8\n\t"
                     "sxtb16 %[c], %[b]\n\t"
                     "sxtb16 %[f], %[d]\n\t"
                     "strd %[c], %[f], [%[plane2]], #8\n\t"
                     "sxtb16 %[b], %[b], ror #8\n\t"
                     "sxtb16 %[d], %[d], ror #8\n\t"
                     "strd %[b], %[d], [%[plane3]], #8\n\t"
                     "subs %[quads], %[quads], #1\n\t"
                     "bne 1b"
                     : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [e] "=&r"(e), [f] "=&r"(f), [input] "+r"(input),
                       [quads] "+r"(quads), [plane0] "+r"(plane), [plane1] "+r"(plane1), [plane2] "+r"(plane2), [plane3] "+r"(plane3)
                     : [step] "r"(step)
                     : "cc", "memory");
    return input;
}

/* Elements from .. to of one row of every plane, from `input` on. */
static inline void ec_unpack_row(const ec_tiling *t, const int8_t *input, int32_t from, int32_t to, int16_t *row) {
    const int32_t plane_elements = t->plane_rows * (t->pitch_bytes / 2);
    const int32_t step = t->along.tap_stride * t->along.input_step;
    while (from < to) {
        const int32_t quads = (to - from) / 4;
        if (t->planes == EC_PLANES && from % 2 == 0 && quads > 0) {
            input = ec_unpack_quads(input, step, quads, row + from, plane_elements);
            from += 4 * quads;
        } else {
            for (int32_t plane = 0; plane < t->planes; plane++) {
                row[plane * plane_elements + from] = input[plane];
            }
            input += step;
            from++;
        }
    }
}

#endif
