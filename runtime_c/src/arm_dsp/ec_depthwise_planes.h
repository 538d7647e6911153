/* ec_depthwise_planes.h - unpack NHWC int8 into one int16 plane a channel. */
#ifndef EC_DEPTHWISE_PLANES_H
#define EC_DEPTHWISE_PLANES_H

#include "ec_depthwise_tile.h"
#include "ec_lanes.h"

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

/* Every word of the planes: the value of padding twice. `words` is a multiple of 4, or the planes are followed by as much. */
static inline void ec_fill_planes(uint32_t *planes, int32_t words, int8_t value) {
    const uint32_t pair = ec_splat_byte(value);
    const uint32_t lanes = ec_sxtb16(pair);
    for (int32_t i = 0; i < words; i += 4) {
        planes[i] = lanes;
        planes[i + 1] = lanes;
        planes[i + 2] = lanes;
        planes[i + 3] = lanes;
    }
}

/* Two positions of four channels: one word to each plane. */
static inline void ec_unpack_pair(uint32_t first, uint32_t second, uint32_t *plane0, uint32_t *plane1, uint32_t *plane2, uint32_t *plane3) {
    const uint32_t low = ec_pack_low(first, second);
    const uint32_t high = ec_pack_high(first, second);
    *plane0 = ec_sxtb16(low);
    *plane1 = ec_sxtb16_odd(low);
    *plane2 = ec_sxtb16(high);
    *plane3 = ec_sxtb16_odd(high);
}

/* Elements from .. to of one row of four planes, from `input` on, four positions at a time; what shares a word with the first and the
 * last is set to `padding`, four bytes. */
__attribute__((noinline)) static void ec_unpack_row(const ec_tiling *t, const int8_t *input, int32_t from, int32_t to, uint32_t padding,
                                                    int16_t *row) {
    const int32_t step = t->along.element_step;
    const int32_t plane_words = t->plane_elements / 2;
    uint32_t *plane0 = (uint32_t *)(void *)row + from / 2;
    uint32_t *plane1 = plane0 + plane_words;
    uint32_t *plane2 = plane1 + plane_words;
    uint32_t *plane3 = plane2 + plane_words;
    int32_t count = to - from;
    if (from % 2 != 0 && count > 0) {
        ec_unpack_pair(padding, ec_load_word(input), plane0++, plane1++, plane2++, plane3++);
        input += step;
        count--;
    }
    int32_t quads = count / 4;
    if (quads > 0) {
        uint32_t a, b, c, d, e, f;
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
                         "sxtb16 %[e], %[e], ror #8\n\t"
                         "sxtb16 %[a], %[a], ror #8\n\t"
                         "strd %[c], %[f], [%[plane0]], #8\n\t"
                         "strd %[e], %[a], [%[plane1]], #8\n\t"
                         "sxtb16 %[c], %[b]\n\t"
                         "sxtb16 %[f], %[d]\n\t"
                         "sxtb16 %[b], %[b], ror #8\n\t"
                         "sxtb16 %[d], %[d], ror #8\n\t"
                         "strd %[c], %[f], [%[plane2]], #8\n\t"
                         "strd %[b], %[d], [%[plane3]], #8\n\t"
                         "subs %[quads], %[quads], #1\n\t"
                         "bne 1b"
                         : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [e] "=&r"(e), [f] "=&r"(f), [input] "+r"(input),
                           [quads] "+r"(quads), [plane0] "+r"(plane0), [plane1] "+r"(plane1), [plane2] "+r"(plane2), [plane3] "+r"(plane3)
                         : [step] "r"(step)
                         : "cc", "memory");
    }
    for (count %= 4; count > 0; count -= 2) {
        const uint32_t second = count > 1 ? ec_load_word(input + step) : padding;
        ec_unpack_pair(ec_load_word(input), second, plane0++, plane1++, plane2++, plane3++);
        input += 2 * step;
    }
}

/* The same for an input of fewer channels. */
static inline void ec_unpack_row_of_few(const ec_tiling *t, const int8_t *input, int32_t from, int32_t to, int16_t *row) {
    for (int32_t plane = 0; plane < t->planes; plane++) {
        const int8_t *element = input + plane;
        for (int32_t i = from; i < to; i++) {
            row[i] = *element;
            element += t->along.element_step;
        }
        row += t->plane_elements;
    }
}

#endif
