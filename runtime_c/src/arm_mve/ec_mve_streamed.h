/* ec_mve_streamed.h - pixels of any number of inputs, read again for every block of filters. */
#ifndef EC_MVE_STREAMED_H
#define EC_MVE_STREAMED_H

#include <stddef.h>

#include "ec_mve_filters.h"

#define EC_MVE_TRIO 3U /* pixels computed together */

/* A block of four filters, and how far the layer has got. The blocks of assembly need nearly all core registers, so this is in memory. */
typedef struct {
    const int8_t *x[EC_MVE_TRIO]; /* pixels */
    uint32_t pairs;               /* of sixteen inputs */
    uint32_t rest;                /* inputs beyond them */
    int32_t zero_point;
    const int8_t *weights; /* of the next block, as are the others */
    uint32_t inputs;       /* behind the weights, as both are loaded at once; so are the next two pairs */
    const int32_t *bias;
    const int32_t *multiplier;
    int8_t *output;
    uint32_t output_step;
    int32_t low[4];
    int32_t high[4];
} ec_mve_stream;

/* Sixteen inputs of two filters (w0, w1) and three pixels (x0, x1, x2). */
#define EC_MVE_2_BY_3     \
    EC_MVE_TAKE(v, w0)    \
    EC_MVE_TAKE(a, x0)    \
    EC_MVE_TAKE(w, w1)    \
    EC_MVE_MAC(s00, v, a) \
    EC_MVE_TAKE(b, x1)    \
    EC_MVE_MAC(s10, w, a) \
    EC_MVE_TAKE(a, x2)    \
    EC_MVE_MAC(s01, v, b) \
    EC_MVE_MAC(s11, w, b) \
    EC_MVE_MAC(s02, v, a) \
    EC_MVE_MAC(s12, w, a)

/* Sixteen inputs of four filters and one pixel. */
#define EC_MVE_4_BY_1    \
    EC_MVE_TAKE(v, w0)   \
    EC_MVE_TAKE(a, x0)   \
    EC_MVE_TAKE(w, w1)   \
    EC_MVE_MAC(s0, v, a) \
    EC_MVE_TAKE(v, w2)   \
    EC_MVE_MAC(s1, w, a) \
    EC_MVE_TAKE(w, w3)   \
    EC_MVE_MAC(s2, v, a) \
    EC_MVE_MAC(s3, w, a)

/* Pairs of sixteen inputs, then the rest, its last vector under tail predication. */
#define EC_MVE_ALL_INPUTS(sixteen)       \
    "ldr lr, [%[s], %[pairs]]\n"         \
    "wls lr, lr, 2f\n"                   \
    "1:\n" sixteen sixteen "le lr, 1b\n" \
    "2:\n"                               \
    "ldr lr, [%[s], %[rest]]\n"          \
    "wlstp.8 lr, lr, 4f\n"               \
    "3:\n" sixteen "letp lr, 3b\n"       \
    "4:\n"

/* Two filters with three pixels; the sums go to the low or the high lanes of each pixel. */
#define EC_MVE_TWO_FILTERS(lanes, bias_skip, weights_skip)                             \
    "ldr %[x0], [%[s], %[bias]]\n"                                                     \
    "ldrd %[s00], %[s10], [%[x0], #" #bias_skip "]\n"                                  \
    "ldrd %[w0], %[w1], [%[s], %[weights]]\n" weights_skip "add %[w1], %[w1], %[w0]\n" \
    "ldrd %[x0], %[x1], [%[s], %[x]]\n"                                                \
    "ldr %[x2], [%[s], %[x_last]]\n"                                                   \
    "mov %[s01], %[s00]\n"                                                             \
    "mov %[s02], %[s00]\n"                                                             \
    "mov %[s11], %[s10]\n"                                                             \
    "mov %[s12], %[s10]\n" EC_MVE_ALL_INPUTS(EC_MVE_2_BY_3) lanes(p0, s00, s10) lanes(p1, s01, s11) lanes(p2, s02, s12)

/* On to the filters behind the first two; the block behind them is the next. */
#define EC_MVE_SKIP_TWO                 \
    "add %[w0], %[w0], %[w1], lsl #1\n" \
    "add %[x0], %[w0], %[w1], lsl #1\n" \
    "str %[x0], [%[s], %[weights]]\n"

#define EC_MVE_STORE_THREE                                                                                               \
    "ldrd %[w0], %[w1], [%[s], %[bias]]\n"                                                                               \
    "ldr %[x2], [%[s], %[zero_point]]\n"                                                                                 \
    "ldrd %[x0], %[x1], [%[s], %[output]]\n" EC_MVE_TAKE_WORDS(                                                          \
        v, w1) "add %[w0], %[w0], #16\n"                                                                                 \
               "strd %[w0], %[w1], [%[s], %[bias]]\n"                                                                    \
               "add %[w0], %[x0], %[x1]\n"                                                                               \
               "add %[w1], %[w0], %[x1]\n"                                                                               \
               "vldrw.32 %q[a], [%[s], %[low]]\n"                                                                        \
               "vldrw.32 %q[b], [%[s], %[high]]\n" EC_MVE_REQUANTIZE(p0, v, x2, a, b) EC_MVE_REQUANTIZE(p1, v, x2, a, b) \
                   EC_MVE_REQUANTIZE(p2, v, x2, a, b) "vstrb.32 %q[p0], [%[x0]], #4\n"                                   \
                                                      "vstrb.32 %q[p1], [%[w0]]\n"                                       \
                                                      "vstrb.32 %q[p2], [%[w1]]\n"                                       \
                                                      "str %[x0], [%[s], %[output]]\n"

#define EC_MVE_MEMBERS                                                                                                                     \
    [s] "r"(s), [x] "i"(offsetof(ec_mve_stream, x)), [x_last] "i"(offsetof(ec_mve_stream, x[2])),                                          \
        [pairs] "i"(offsetof(ec_mve_stream, pairs)), [rest] "i"(offsetof(ec_mve_stream, rest)),                                            \
        [zero_point] "i"(offsetof(ec_mve_stream, zero_point)), [weights] "i"(offsetof(ec_mve_stream, weights)),                            \
        [bias] "i"(offsetof(ec_mve_stream, bias)), [output] "i"(offsetof(ec_mve_stream, output)), [low] "i"(offsetof(ec_mve_stream, low)), \
        [high] "i"(offsetof(ec_mve_stream, high))

/* A block of four filters with three pixels. */
static inline void ec_mve_block_of_three(ec_mve_stream *s) {
    const int8_t *w0, *w1, *x0, *x1, *x2;
    int32_t s00, s01, s02, s10, s11, s12;
    int8x16_t v, w, a, b;
    int32x4_t p0, p1, p2;
    __asm__ volatile(EC_MVE_TWO_FILTERS(EC_MVE_LOW_LANES, 0, "") EC_MVE_TWO_FILTERS(EC_MVE_HIGH_LANES, 8, EC_MVE_SKIP_TWO)
                         EC_MVE_STORE_THREE
                     : [w0] "=&l"(w0), [w1] "=&l"(w1), [x0] "=&l"(x0), [x1] "=&r"(x1), [x2] "=&r"(x2), [s00] "=&Te"(s00), [s01] "=&Te"(s01),
                       [s02] "=&Te"(s02), [s10] "=&Te"(s10), [s11] "=&Te"(s11), [s12] "=&Te"(s12), [v] "=&w"(v), [w] "=&w"(w), [a] "=&w"(a),
                       [b] "=&w"(b), [p0] "=&w"(p0), [p1] "=&w"(p1), [p2] "=&w"(p2)
                     : EC_MVE_MEMBERS
                     : "lr", "memory");
}

#define EC_MVE_FOUR_FILTERS                   \
    "ldr %[x0], [%[s], %[bias]]\n"            \
    "ldrd %[w0], %[w1], [%[s], %[weights]]\n" \
    "ldrd %[s0], %[s1], [%[x0]]\n"            \
    "ldrd %[s2], %[s3], [%[x0], #8]\n"        \
    "add %[w2], %[w0], %[w1], lsl #1\n"       \
    "add %[x0], %[w2], %[w1], lsl #1\n"       \
    "str %[x0], [%[s], %[weights]]\n"         \
    "add %[w3], %[w2], %[w1]\n"               \
    "add %[w1], %[w1], %[w0]\n"               \
    "ldr %[x0], [%[s], %[x]]\n" EC_MVE_ALL_INPUTS(EC_MVE_4_BY_1)

#define EC_MVE_STORE_ONE                                                                                                                \
    "ldrd %[w0], %[w1], [%[s], %[bias]]\n" EC_MVE_LOW_LANES(a, s0, s1) "ldr %[w2], [%[s], %[zero_point]]\n" EC_MVE_HIGH_LANES(          \
        a, s2, s3) "ldr %[x0], [%[s], %[output]]\n" EC_MVE_TAKE_WORDS(v, w1) "add %[w0], %[w0], #16\n"                                  \
                                                                             "strd %[w0], %[w1], [%[s], %[bias]]\n" EC_MVE_REQUANTIZE(  \
                                                                                 a, v, w2, least, most) "vstrb.32 %q[a], [%[x0]], #4\n" \
                                                                                                        "str %[x0], [%[s], %[output]]\n"

/* A block of four filters with one pixel. */
static inline void ec_mve_block_of_one(ec_mve_stream *s, int32x4_t least, int32x4_t most) {
    const int8_t *w0, *w1, *w2, *w3, *x0;
    int32_t s0, s1, s2, s3;
    int8x16_t v, w, a;
    __asm__ volatile(EC_MVE_FOUR_FILTERS EC_MVE_STORE_ONE
                     : [w0] "=&r"(w0), [w1] "=&r"(w1), [w2] "=&r"(w2), [w3] "=&r"(w3), [x0] "=&l"(x0), [s0] "=&Te"(s0), [s1] "=&Te"(s1),
                       [s2] "=&Te"(s2), [s3] "=&Te"(s3), [v] "=&w"(v), [w] "=&w"(w), [a] "=&w"(a)
                     : EC_MVE_MEMBERS, [least] "w"(least), [most] "w"(most)
                     : "lr", "memory");
}

/* A run of filters with three pixels or with one. */
static inline void ec_mve_stream_run(ec_mve_stream *s, const ec_mve_filters *f, const ec_mve_run *run, int8_t *output, uint32_t pixels) {
    s->weights = f->weights + run->channel * f->inputs;
    s->bias = f->bias + run->channel;
    s->multiplier = f->multiplier + run->channel;
    s->output = output + run->channel;
    if (pixels == EC_MVE_TRIO) {
        for (uint32_t left = run->blocks; left > 0; left--) {
            ec_mve_block_of_three(s);
        }
    } else {
        const int32x4_t least = vdupq_n_s32(f->low);
        const int32x4_t most = vdupq_n_s32(f->high);
        for (uint32_t left = run->blocks; left > 0; left--) {
            ec_mve_block_of_one(s, least, most);
        }
    }
}

static inline ec_mve_stream ec_mve_make_stream(const ec_mve_filters *f, uint32_t output_step) {
    ec_mve_stream s;
    s.inputs = f->inputs;
    s.pairs = f->inputs / 32U;
    s.rest = f->inputs % 32U;
    s.zero_point = f->zero_point;
    s.output_step = output_step;
    vstrwq_s32(s.low, vdupq_n_s32(f->low));
    vstrwq_s32(s.high, vdupq_n_s32(f->high));
    return s;
}

static inline void ec_mve_streamed_pixels(const ec_mve_filters *f, const ec_mve_pixels *p) {
    ec_mve_stream s = ec_mve_make_stream(f, p->output_step);
    const int8_t *input = p->input;
    int8_t *output = p->output;
    uint32_t together;
    for (uint32_t left = p->count; left > 0; left -= together) {
        together = left >= EC_MVE_TRIO ? EC_MVE_TRIO : 1U;
        s.x[0] = input;
        s.x[1] = input + p->input_step;
        s.x[2] = input + 2U * p->input_step;
        ec_mve_run run = ec_mve_first_run(f);
        do {
            ec_mve_stream_run(&s, f, &run, output, together);
        } while (ec_mve_next_run(f, &run));
        input += together * p->input_step;
        output += together * p->output_step;
    }
}

#endif
