/* ec_mve_held.h - pixels of at most 64 inputs, held in one to four vectors while the filters pass by. */
#ifndef EC_MVE_HELD_H
#define EC_MVE_HELD_H

#include "ec_mve_filters.h"

#define EC_MVE_HELD_INPUTS 64U

/* One filter times the vectors x0, x1, ..., and on to the next filter. */
#define EC_MVE_NEXT_FILTER "add %[w], %[w], %[inputs]\n"
#define EC_MVE_HELD_1(sum) \
    EC_MVE_LOAD(t, w, 0)   \
    EC_MVE_NEXT_FILTER     \
    EC_MVE_MUL(sum, t, x0)
#define EC_MVE_HELD_2(sum) \
    EC_MVE_LOAD(t, w, 0)   \
    EC_MVE_LOAD(u, w, 16)  \
    EC_MVE_MUL(sum, t, x0) \
    EC_MVE_NEXT_FILTER     \
    EC_MVE_MAC(sum, u, x1)
#define EC_MVE_HELD_3(sum) \
    EC_MVE_LOAD(t, w, 0)   \
    EC_MVE_LOAD(u, w, 16)  \
    EC_MVE_MUL(sum, t, x0) \
    EC_MVE_LOAD(t, w, 32)  \
    EC_MVE_MAC(sum, u, x1) \
    EC_MVE_NEXT_FILTER     \
    EC_MVE_MAC(sum, t, x2)
#define EC_MVE_HELD_4(sum) \
    EC_MVE_LOAD(t, w, 0)   \
    EC_MVE_LOAD(u, w, 16)  \
    EC_MVE_MUL(sum, t, x0) \
    EC_MVE_LOAD(t, w, 32)  \
    EC_MVE_MAC(sum, u, x1) \
    EC_MVE_LOAD(u, w, 48)  \
    EC_MVE_MAC(sum, t, x2) \
    EC_MVE_NEXT_FILTER     \
    EC_MVE_MAC(sum, u, x3)

typedef struct {
    int8x16_t x0;
    int8x16_t x1;
    int8x16_t x2;
    int8x16_t x3;
} ec_mve_held;

/* A pixel, with zeros beyond its last input. */
static inline __attribute__((always_inline)) ec_mve_held ec_mve_hold(const int8_t *pixel, uint32_t inputs, uint32_t vectors) {
    const mve_pred16_t last = vctp8q(inputs - 16U * (vectors - 1U));
    ec_mve_held x;
    x.x0 = vectors == 1 ? vldrbq_z_s8(pixel, last) : vldrbq_s8(pixel);
    x.x1 = vectors == 2 ? vldrbq_z_s8(pixel + 16, last) : vectors > 2 ? vldrbq_s8(pixel + 16) : x.x0;
    x.x2 = vectors == 3 ? vldrbq_z_s8(pixel + 32, last) : vectors > 3 ? vldrbq_s8(pixel + 32) : x.x0;
    x.x3 = vectors == 4 ? vldrbq_z_s8(pixel + 48, last) : x.x0;
    return x;
}

/* Blocks of four filters with one pixel. */
#define EC_MVE_HELD_BLOCKS(filter)                                                                                                  \
    __asm__ volatile("dls lr, %[s0]\n"                                                                                              \
                     "1:\n" filter(s0) filter(s1) filter(s2) filter(s3) EC_MVE_LOW_LANES(t, s0, s1) EC_MVE_TAKE_WORDS(u, bias)      \
                         EC_MVE_HIGH_LANES(t, s2, s3) "vadd.i32 %q[t], %q[t], %q[u]\n" EC_MVE_TAKE_WORDS(u, multiplier)             \
                             EC_MVE_REQUANTIZE(t, u, zero_point, low, high) "vstrb.32 %q[t], [%[output]], #4\n"                     \
                                                                            "le lr, 1b\n"                                           \
                     : [w] "+r"(weights), [bias] "+r"(bias), [multiplier] "+r"(multiplier), [output] "+l"(output), [s0] "+Te"(s0),  \
                       [s1] "=&Te"(s1), [s2] "=&Te"(s2), [s3] "=&Te"(s3), [t] "=&w"(t), [u] "=&w"(u)                                \
                     : [inputs] "r"(f->inputs), [zero_point] "r"(f->zero_point), [low] "w"(low), [high] "w"(high), [x0] "w"(x->x0), \
                       [x1] "w"(x->x1), [x2] "w"(x->x2), [x3] "w"(x->x3)                                                            \
                     : "lr", "memory")

static inline __attribute__((always_inline)) void ec_mve_held_run(const ec_mve_filters *f, const ec_mve_run *run, const ec_mve_held *x,
                                                                  int8_t *output, uint32_t vectors) {
    const int8_t *weights = f->weights + run->channel * f->inputs;
    const int32_t *bias = f->bias + run->channel;
    const int32_t *multiplier = f->multiplier + run->channel;
    const int32x4_t low = vdupq_n_s32(f->low);
    const int32x4_t high = vdupq_n_s32(f->high);
    uint32_t s0 = run->blocks;
    int32_t s1, s2, s3;
    int8x16_t t, u;
    output += run->channel;
    switch (vectors) {
    case 1:
        EC_MVE_HELD_BLOCKS(EC_MVE_HELD_1);
        break;
    case 2:
        EC_MVE_HELD_BLOCKS(EC_MVE_HELD_2);
        break;
    case 3:
        EC_MVE_HELD_BLOCKS(EC_MVE_HELD_3);
        break;
    default:
        EC_MVE_HELD_BLOCKS(EC_MVE_HELD_4);
        break;
    }
}

/* All pixels; `vectors` is a constant wherever this is used. */
static inline __attribute__((always_inline)) void ec_mve_held_pixels(const ec_mve_filters *f, const ec_mve_pixels *p, uint32_t vectors) {
    const int8_t *input = p->input;
    int8_t *output = p->output;
    for (uint32_t left = p->count; left > 0; left--) {
        const ec_mve_held x = ec_mve_hold(input, f->inputs, vectors);
        ec_mve_run run = ec_mve_first_run(f);
        do {
            ec_mve_held_run(f, &run, &x, output, vectors);
        } while (ec_mve_next_run(f, &run));
        input += p->input_step;
        output += p->output_step;
    }
}

#endif
