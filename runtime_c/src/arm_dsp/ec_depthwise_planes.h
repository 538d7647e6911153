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
static inline void ec_fill_planes(uint32_t *planes, int32_t words, uint32_t padding) {
    const uint32_t lanes = ec_sxtb16(padding);
    for (int32_t i = 0; i < words; i += 4) {
        planes[i] = lanes;
        planes[i + 1] = lanes;
        planes[i + 2] = lanes;
        planes[i + 3] = lanes;
    }
}

/* What the function below unpacks, known to it by the offsets in front of each member; used up. */
typedef struct {
    /*  0 */ const int8_t *input; /* first channel of the first element */
    /*  4 */ int32_t step;        /* bytes between elements */
    /*  8 */ int16_t *row;        /* where the word with the first element goes, in the first plane */
    /* 12 */ int32_t plane_bytes;
    /* 16 */ int32_t rows; /* at least one */
    /* 20 */ int32_t input_row_step;
    /* 24 */ int32_t pitch_bytes;
    /* 28 */ uint32_t padding;
    /* 32 */ int32_t odd;   /* 1: the first element is the second of its word */
    /* 36 */ int32_t quads; /* four elements at a time */
    /* 40 */ int32_t rest;  /* 0 .. 3 elements */
} ec_unpacking;

/* clang-format off */

/* Two positions of four channels, in r7 and r8, to one word of each plane. */
#define UNPACK_PAIR                           \
    "pkhbt  r9, r7, r8, lsl #16           \n" \
    "pkhtb  r8, r8, r7, asr #16           \n" \
    "sxtb16 r7, r9                        \n" \
    "sxtb16 r9, r9, ror #8                \n" \
    "str    r7, [r3], #4                  \n" \
    "str    r9, [r4], #4                  \n" \
    "sxtb16 r7, r8                        \n" \
    "sxtb16 r8, r8, ror #8                \n" \
    "str    r7, [r5], #4                  \n" \
    "str    r8, [r6], #4                  \n"

/* Rows of four planes; what shares a word with the first and the last element of a row is set to padding. */
EC_ASM_FUNCTION static void ec_unpack_rows(ec_unpacking *what EC_ASM_PARAMETER) {
    __asm__ volatile(
        "push   {r4-r11, lr}                  \n"
        "1: ldrd r1, r2, [r0]                 \n" /* the next row: input, step */
        "ldrd   r3, r7, [r0, #8]              \n"
        "ldrd   r8, lr, [r0, #32]             \n" /* odd, quads */
        "add    r4, r3, r7                    \n" /* r3 .. r6: planes */
        "add    r5, r4, r7                    \n"
        "add    r6, r5, r7                    \n"
        "cmp    r8, #0                        \n"
        "beq    2f                            \n"
        "ldr    r7, [r0, #28]                 \n"
        "ldr    r8, [r1]                      \n"
        "add    r1, r1, r2                    \n"
        UNPACK_PAIR
        "2: cmp lr, #0                        \n"
        "beq    4f                            \n"
        "3: ldr r7, [r1]                      \n" /* the next four positions */
        "ldr    r8, [r1, r2]                  \n"
        "add    r1, r1, r2, lsl #1            \n"
        "ldr    r9, [r1]                      \n"
        "ldr    r10, [r1, r2]                 \n"
        "add    r1, r1, r2, lsl #1            \n"
        "pkhbt  r11, r7, r8, lsl #16          \n"
        "pkhtb  r8, r8, r7, asr #16           \n"
        "pkhbt  r7, r9, r10, lsl #16          \n"
        "pkhtb  r10, r10, r9, asr #16         \n"
        "sxtb16 r9, r11                       \n"
        "sxtb16 r12, r7                       \n"
        "sxtb16 r11, r11, ror #8              \n"
        "sxtb16 r7, r7, ror #8                \n"
        "strd   r9, r12, [r3], #8             \n"
        "strd   r11, r7, [r4], #8             \n"
        "sxtb16 r9, r8                        \n"
        "sxtb16 r12, r10                      \n"
        "sxtb16 r8, r8, ror #8                \n"
        "sxtb16 r10, r10, ror #8              \n"
        "strd   r9, r12, [r5], #8             \n"
        "strd   r8, r10, [r6], #8             \n"
        "subs   lr, lr, #1                    \n"
        "bne    3b                            \n"
        "4: ldr lr, [r0, #40]                 \n"
        "cmp    lr, #0                        \n"
        "beq    6f                            \n"
        "5: ldr r7, [r1]                      \n" /* two positions, or one and padding */
        "cmp    lr, #1                        \n"
        "ite    hi                            \n"
        "ldrhi  r8, [r1, r2]                  \n"
        "ldrls  r8, [r0, #28]                 \n"
        UNPACK_PAIR
        "add    r1, r1, r2, lsl #1            \n"
        "subs   lr, lr, #2                    \n"
        "bhi    5b                            \n"
        "6: ldrd r1, r2, [r0, #16]            \n" /* rows, input_row_step */
        "ldr    r3, [r0]                      \n"
        "ldr    r4, [r0, #8]                  \n"
        "ldr    r5, [r0, #24]                 \n"
        "add    r3, r3, r2                    \n"
        "add    r4, r4, r5                    \n"
        "str    r3, [r0]                      \n"
        "str    r4, [r0, #8]                  \n"
        "subs   r1, r1, #1                    \n"
        "str    r1, [r0, #16]                 \n"
        "bne    1b                            \n"
        "pop    {r4-r11, pc}                  \n");
}

#undef UNPACK_PAIR

/* clang-format on */

/* Four channels of the spans of a tile that lie in the input, from the first channel of the first element on. */
static inline void ec_unpack_four(const ec_tiling *t, const ec_span *across, const ec_span *along, const int8_t *input, int16_t *planes) {
    const int32_t odd = along->from % 2;
    const int32_t count = along->to - along->from - odd;
    ec_unpacking what = {.input = input,
                         .step = t->along.element_step,
                         .row = planes + across->from * t->pitch + along->from - odd,
                         .plane_bytes = t->plane_elements * 2,
                         .rows = across->to - across->from,
                         .input_row_step = t->across.element_step,
                         .pitch_bytes = t->pitch * 2,
                         .padding = t->padding,
                         .odd = odd,
                         .quads = count / 4,
                         .rest = count % 4};
    if (what.rows > 0 && along->to > along->from) {
        ec_unpack_rows(&what);
    }
}

/* The same for an input of fewer channels, as many as there are planes. */
static inline void ec_unpack_few(const ec_tiling *t, const ec_span *across, const ec_span *along, const int8_t *input, int16_t *planes) {
    for (int32_t plane = 0; plane < t->planes; plane++) {
        const int8_t *row = input + plane;
        for (int32_t y = across->from; y < across->to; y++) {
            const int8_t *element = row;
            for (int32_t x = along->from; x < along->to; x++) {
                planes[y * t->pitch + x] = *element;
                element += t->along.element_step;
            }
            row += t->across.element_step;
        }
        planes += t->plane_elements;
    }
}

#endif
