/* ec_mve_held.h - pixels of at most 64 inputs, held in one to four vectors while the filters pass by: two pixels of up to 32 inputs at a
 * time, or one.
 */
#ifndef EC_MVE_HELD_H
#define EC_MVE_HELD_H

#include "ec_mve_filters.h"
#include "ec_mve_pairs.h"

#define EC_MVE_HELD_INPUTS 64U

/* One filter times the vectors x0, x1, ... of a pixel and y0, y1 of another; on to the next filter. */
#define EC_MVE_NEXT_FILTER EC_MVE_LINE("add %[weights], %[weights], %[inputs]")
#define EC_MVE_FILTER_OF_1(sum0, sum1) \
    EC_MVE_LOAD(v, weights, 0)         \
    EC_MVE_NEXT_FILTER                 \
    EC_MVE_MUL(sum0, v, x0)            \
    EC_MVE_MUL(sum1, v, y0)
#define EC_MVE_FILTER_OF_2(sum0, sum1) \
    EC_MVE_LOAD(v, weights, 0)         \
    EC_MVE_LOAD(x, weights, 16)        \
    EC_MVE_MUL(sum0, v, x0)            \
    EC_MVE_NEXT_FILTER                 \
    EC_MVE_MUL(sum1, v, y0)            \
    EC_MVE_MAC(sum0, x, x1)            \
    EC_MVE_MAC(sum1, x, y1)
#define EC_MVE_FILTER_OF_3(sum) \
    EC_MVE_LOAD(v, weights, 0)  \
    EC_MVE_LOAD(x, weights, 16) \
    EC_MVE_MUL(sum, v, x0)      \
    EC_MVE_LOAD(v, weights, 32) \
    EC_MVE_MAC(sum, x, x1)      \
    EC_MVE_NEXT_FILTER          \
    EC_MVE_MAC(sum, v, x2)
#define EC_MVE_FILTER_OF_4(sum) \
    EC_MVE_LOAD(v, weights, 0)  \
    EC_MVE_LOAD(x, weights, 16) \
    EC_MVE_MUL(sum, v, x0)      \
    EC_MVE_LOAD(v, weights, 32) \
    EC_MVE_MAC(sum, x, x1)      \
    EC_MVE_LOAD(x, weights, 48) \
    EC_MVE_MAC(sum, v, x2)      \
    EC_MVE_NEXT_FILTER          \
    EC_MVE_MAC(sum, x, x3)
#define EC_MVE_FILTER_OF_64_INPUTS(sum) \
    EC_MVE_TAKE(v, weights)             \
    EC_MVE_TAKE(x, weights)             \
    EC_MVE_MUL(sum, v, x0)              \
    EC_MVE_TAKE(v, weights)             \
    EC_MVE_MAC(sum, x, x1)              \
    EC_MVE_TAKE(x, weights)             \
    EC_MVE_MAC(sum, v, x2)              \
    EC_MVE_MAC(sum, x, x3)

/* The next pixels, with zeros beyond their last input. */
#define EC_MVE_SECOND_PIXEL                \
    EC_MVE_LINE("ldr %[s00], [%[c], #64]") \
    EC_MVE_LINE("add %[s01], %[input], %[s00]")
#define EC_MVE_PIXELS_OF_1                     \
    EC_MVE_SECOND_PIXEL                        \
    EC_MVE_LINE("vpstt")                       \
    EC_MVE_LINE("vldrbt.8 %q[x0], [%[input]]") \
    EC_MVE_LINE("vldrbt.8 %q[y0], [%[s01]]")
#define EC_MVE_PIXELS_OF_2                          \
    EC_MVE_SECOND_PIXEL                             \
    EC_MVE_LOAD(x0, input, 0)                       \
    EC_MVE_LOAD(y0, s01, 0)                         \
    EC_MVE_LINE("vpstt")                            \
    EC_MVE_LINE("vldrbt.8 %q[x1], [%[input], #16]") \
    EC_MVE_LINE("vldrbt.8 %q[y1], [%[s01], #16]")
#define EC_MVE_PIXEL_OF_3      \
    EC_MVE_LOAD(x0, input, 0)  \
    EC_MVE_LOAD(x1, input, 16) \
    EC_MVE_LINE("vpst")        \
    EC_MVE_LINE("vldrbt.8 %q[x2], [%[input], #32]")
#define EC_MVE_PIXEL_OF_4      \
    EC_MVE_LOAD(x0, input, 0)  \
    EC_MVE_LOAD(x1, input, 16) \
    EC_MVE_LOAD(x2, input, 32) \
    EC_MVE_LINE("vpst")        \
    EC_MVE_LINE("vldrbt.8 %q[x3], [%[input], #48]")

/* What is left for the last of some vectors, as a predicate. */
#define EC_MVE_PREDICATE(full_inputs)                    \
    EC_MVE_LINE("vmrs %[s00], p0")                       \
    EC_MVE_LINE("str %[s00], [%[c], #68]")               \
    EC_MVE_LINE("sub %[s00], %[inputs], #" #full_inputs) \
    EC_MVE_LINE("vctp.8 %[s00]")
#define EC_MVE_RESTORE_PREDICATE           \
    EC_MVE_LINE("ldr %[s00], [%[c], #68]") \
    EC_MVE_LINE("vmsr p0, %[s00]")

#define EC_MVE_NEXT_PIXELS EC_MVE_LINE("add %[input], %[input], %[s00]")

#define EC_MVE_HELD_PAIRS(full_inputs, PIXELS, FILTER)                                                                          \
    __asm__ volatile(EC_MVE_PREDICATE(full_inputs) EC_MVE_ALL_PAIRS(PIXELS, FILTER, EC_MVE_LOADED_LIMITS, EC_MVE_NEXT_PIXELS)   \
                         EC_MVE_RESTORE_PREDICATE                                                                               \
                     : EC_MVE_PAIR_OUTPUTS, [input] "+r"(input), [x0] "=&w"(x0), [x1] "=&w"(x1), [y0] "=&w"(y0), [y1] "=&w"(y1) \
                     : [c] "r"(c), [inputs] "r"(inputs)                                                                         \
                     : "lr", "cc", "memory")

/* Pairs of pixels of at most 32 inputs. */
static inline void ec_mve_held_pairs(ec_mve_pairs *c, const int8_t *input, uint32_t inputs, int8_t *output0, int8_t *output1) {
    EC_MVE_PAIR_TEMPORARIES;
    int8x16_t x0, x1, y0, y1;
    if (inputs <= 16) {
        EC_MVE_HELD_PAIRS(0, EC_MVE_PIXELS_OF_1, EC_MVE_FILTER_OF_1);
    } else {
        EC_MVE_HELD_PAIRS(16, EC_MVE_PIXELS_OF_2, EC_MVE_FILTER_OF_2);
    }
}

#define EC_MVE_ALL_SINGLES(PIXEL, FILTER)                  \
    EC_MVE_LINE("1:")                                      \
    PIXEL                                                  \
    EC_MVE_LINE("ldrd %[weights], lr, [%[c]]")             \
    EC_MVE_LINE("ldrd %[bias], %[multiplier], [%[c], #8]") \
    EC_MVE_LINE("2:")                                      \
    FILTER(s00)                                            \
    FILTER(s01)                                            \
    FILTER(s10)                                            \
    FILTER(s11)                                            \
    EC_MVE_LOW_LANES(v, s00, s01)                          \
    EC_MVE_TAKE_WORDS(x, bias)                             \
    EC_MVE_HIGH_LANES(v, s10, s11)                         \
    EC_MVE_LINE("vadd.i32 %q[v], %q[v], %q[x]")            \
    EC_MVE_TAKE_WORDS(x, multiplier)                       \
    EC_MVE_REQUANTIZE(v, x, zero_point, low, high)         \
    EC_MVE_LINE("vstrb.32 %q[v], [%[output]], #4")         \
    EC_MVE_LINE("le lr, 2b")                               \
    EC_MVE_LINE("ldrd %[s00], %[s01], [%[c], #16]")        \
    EC_MVE_LINE("ldr %[s10], [%[c], #24]")                 \
    EC_MVE_NEXT_PIXELS                                     \
    EC_MVE_LINE("add %[output], %[output], %[s01]")        \
    EC_MVE_LINE("subs %[s10], %[s10], #1")                 \
    EC_MVE_LINE("str %[s10], [%[c], #24]")                 \
    EC_MVE_LINE("bne 1b")

#define EC_MVE_HELD_SINGLES(full_inputs, PIXEL, FILTER)                                                                        \
    __asm__ volatile(EC_MVE_PREDICATE(full_inputs) EC_MVE_ALL_SINGLES(PIXEL, FILTER) EC_MVE_RESTORE_PREDICATE                  \
                     : [weights] "=&r"(weights), [bias] "=&r"(bias), [multiplier] "=&r"(multiplier), [output] "+l"(output),    \
                       [s00] "=&Te"(s00), [s01] "=&Te"(s01), [s10] "=&Te"(s10), [s11] "=&Te"(s11), [v] "=&w"(v), [x] "=&w"(x), \
                       [input] "+r"(input), [x0] "=&w"(x0), [x1] "=&w"(x1), [x2] "=&w"(x2), [x3] "=&w"(x3)                     \
                     : [c] "r"(c), [inputs] "r"(inputs), [zero_point] "r"(c->zero_point), [low] "w"(vldrwq_s32(c->low)),       \
                       [high] "w"(vldrwq_s32(c->high))                                                                         \
                     : "lr", "cc", "memory")

/* Pixels of 33 to 64 inputs. */
static inline void ec_mve_held_singles(ec_mve_pairs *c, const int8_t *input, uint32_t inputs, int8_t *output) {
    const int8_t *weights;
    const int32_t *bias, *multiplier;
    int32_t s00, s01, s10, s11;
    int8x16_t v, x, x0, x1, x2, x3;
    if (inputs <= 48) {
        EC_MVE_HELD_SINGLES(32, EC_MVE_PIXEL_OF_3, EC_MVE_FILTER_OF_3);
    } else if (inputs < 64) {
        EC_MVE_HELD_SINGLES(48, EC_MVE_PIXEL_OF_4, EC_MVE_FILTER_OF_4);
    } else {
        EC_MVE_HELD_SINGLES(48, EC_MVE_PIXEL_OF_4, EC_MVE_FILTER_OF_64_INPUTS);
    }
}

/* All pixels; the filters of a run pass by all of them before the next run starts. */
static inline void ec_mve_held_pixels(const ec_mve_filters *f, const ec_mve_pixels *p) {
    ec_mve_pairs c;
    ec_mve_set_rescaling(&c, f->zero_point, f->low, f->high);
    const uint32_t together = f->inputs <= 32 ? 2U : 1U;
    const uint32_t groups = p->count / together;
    ec_mve_run run = ec_mve_first_run(f);
    do {
        int8_t *const output = p->output + run.channel;
        c.weights = f->weights + run.channel * f->inputs;
        c.blocks = run.blocks;
        c.bias = f->bias + run.channel;
        c.multiplier = f->multiplier + run.channel;
        c.input_skip = together * p->input_step;
        c.output_skip = together * p->output_step - EC_MVE_BLOCK * run.blocks;
        c.pairs = groups;
        c.apart = p->input_step;
        if (together == 1) {
            ec_mve_held_singles(&c, p->input, f->inputs, output);
            continue;
        }
        if (groups > 0) {
            ec_mve_held_pairs(&c, p->input, f->inputs, output, output + p->output_step);
        }
        if (p->count % 2U != 0) {
            int8_t *const last = output + (p->count - 1U) * p->output_step;
            c.pairs = 1;
            c.apart = 0;
            ec_mve_held_pairs(&c, p->input + (p->count - 1U) * p->input_step, f->inputs, last, last);
        }
    } while (ec_mve_next_run(f, &run));
}

#endif
