/* ec_zero_input_quads.h - a convolution of inputs that are not zero, for cores that multiply 32 bits but have no vectors.
 *
 * A word holds weights a, b, c, d of four output channels, plus 128 each, from the lowest byte on. Three words of it times an input, added
 * up, less what the 128s add, are
 *     as it stands:       U = A + 2^8 B + 2^16 C + 2^24 D
 *     bytes swapped:      S = B + 2^8 A + 2^16 D + 2^24 C
 *     its upper half:     W = C + 2^8 D                        (mod 2^32).
 * U - 2^16 W = A + 2^8 B. Of that the lowest byte is A's, with which S gives 16 bits of B, and these the whole of A, then of B; what is
 * left of S and W are C and D in the same way. So three multiplications make four products, as long as no sum is negative or leaves 24
 * bits: sums start from an offset, and their range is proved when weights are laid out (edgecomp/plan/instruction_sets/four_sums.py).
 *
 * Here: the layer but for its inner loops.
 *
 * weights: two words, the offset and another; for each group [kernel_h][kernel_w][input_c / groups][channels in whole words].
 * bias: [output_c], plus input_zero_point * sum of the channel's weights, minus the offset.
 * scratch: ec_zero_input_runs.h.
 */
#ifndef EC_ZERO_INPUT_QUADS_H
#define EC_ZERO_INPUT_QUADS_H

#include <stdint.h>
#include <string.h>

#include "ec_zero_input_runs.h"

#define EC_QUAD 4U /* channels of a word */
#define EC_QUAD_SUMS 3U
#define EC_MOST_QUADS 2U /* that an inner loop computes */

/* Adds to U, S, W of each quad the products of the runs, none of them empty; `weights`: of the quads, for the window's first input. */
typedef void ec_zero_input_loop(const ec_input_run *runs, const int8_t *weights, uint32_t *sums);

/* ec_multiply of a shifted sum. */
typedef int32_t ec_zero_input_multiply(int32_t sum, int32_t multiplier);

/* Scales and stores `count` channels from `channel` on, of as many quads as they need. */
typedef void ec_zero_input_store(const ec_conv2d_zero_input_s8_params *p, const uint32_t *sums, uint32_t channel, uint32_t count,
                                 int8_t *output);

typedef struct {
    ec_zero_input_loop *one; /* quad */
    ec_zero_input_loop *two;
    ec_zero_input_store *store;
} ec_zero_input_loops;

/* The four sums of U, S, W. */
static inline void ec_split_words(const uint32_t *words, int32_t *sums) {
    const uint32_t mask = 0xffffffU;
    const uint32_t s = words[1];
    const uint32_t w = words[2];
    const uint32_t v = words[0] - (w << 16);
    const uint32_t a = (v - ((s - (v << 8)) << 16 >> 8)) & mask;
    const uint32_t b = (v - a) >> 8;
    const uint32_t rest = s - b - (a << 8);
    const uint32_t c = (w - ((rest - (w << 24)) >> 16 << 8)) & mask;
    sums[0] = (int32_t)a;
    sums[1] = (int32_t)b;
    sums[2] = (int32_t)c;
    sums[3] = (int32_t)((w - c) >> 8);
}

/* How sums become outputs. */
typedef struct {
    ec_zero_input_multiply *multiply;
    uint32_t shift;
    int32_t zero_point;
    int32_t low;
    int32_t high;
    int32_t dead; /* sums that are not above it are clamped to the lowest output */
} ec_zero_input_output;

static inline __attribute__((always_inline)) int8_t ec_zero_input_rescale(int32_t sum, int32_t multiplier, ec_zero_input_output to) {
    int32_t value = to.low;
    if (sum > to.dead) {
        value = to.multiply((int32_t)((uint32_t)sum << to.shift), multiplier) + to.zero_point;
        if (value < to.low) {
            value = to.low;
        }
        if (value > to.high) {
            value = to.high;
        }
    }
    return (int8_t)value;
}

/* `ec_zero_input_store`, to be inlined with the set's multiplication. */
static inline __attribute__((always_inline)) void ec_store_quads(const ec_conv2d_zero_input_s8_params *p, const uint32_t *words,
                                                                 uint32_t channel, uint32_t count, ec_zero_input_multiply *multiply,
                                                                 int8_t *output) {
    ec_zero_input_output to;
    to.multiply = multiply;
    to.shift = p->shift;
    to.zero_point = p->output_zero_point;
    to.low = p->clamp_min;
    to.high = p->clamp_max;
    to.dead = to.low >= to.zero_point ? 0 : INT32_MIN;
    const int32_t *bias = p->bias + channel;
    const int32_t *scale = p->multiplier + channel;
    for (;; count -= EC_QUAD) {
        int32_t sums[EC_QUAD];
        ec_split_words(words, sums);
        output[0] = ec_zero_input_rescale(sums[0] + bias[0], scale[0], to);
        if (count > 1U) {
            output[1] = ec_zero_input_rescale(sums[1] + bias[1], scale[1], to);
        }
        if (count > 2U) {
            output[2] = ec_zero_input_rescale(sums[2] + bias[2], scale[2], to);
        }
        if (count > 3U) {
            output[3] = ec_zero_input_rescale(sums[3] + bias[3], scale[3], to);
        }
        if (count <= EC_QUAD) {
            break;
        }
        words += EC_QUAD_SUMS;
        bias += EC_QUAD;
        scale += EC_QUAD;
        output += EC_QUAD;
    }
}

/* All channels of a group, from the runs, the sum of whose values is `total`. */
static inline void ec_zero_input_pixel(const ec_zero_input_lists *l, int32_t total, uint32_t offset, const int8_t *weights,
                                       uint32_t channel, const ec_zero_input_loops *loops, int8_t *output) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    const uint32_t start = offset - ((uint32_t)total << 7);
    const uint32_t channel_end = channel + (uint32_t)p->output_c / p->groups;
    while (channel < channel_end) {
        const uint32_t left = channel_end - channel;
        const uint32_t count = left < EC_MOST_QUADS * EC_QUAD ? left : EC_MOST_QUADS * EC_QUAD;
        uint32_t words[EC_MOST_QUADS * EC_QUAD_SUMS];
        words[0] = words[1] = words[3] = words[4] = start * 0x01010101U;
        words[2] = words[5] = start * 0x00000101U;
        if (l->runs->from != NULL) {
            (count > EC_QUAD ? loops->two : loops->one)(l->runs, weights, words);
        }
        loops->store(p, words, channel, count, output);
        channel += count;
        output += count;
        weights += EC_MOST_QUADS * EC_QUAD;
    }
}

/* The layer. */
static inline void ec_convolve_zero_input_quads(const ec_conv2d_zero_input_s8_params *p, const int8_t *input, int8_t *output, void *scratch,
                                                const ec_zero_input_loops *loops) {
    const uint32_t group_outputs = (uint32_t)p->output_c / p->groups;
    const uint32_t input_bytes = (group_outputs + EC_QUAD - 1U) / EC_QUAD * EC_QUAD;
    ec_zero_input_lists lists = ec_make_zero_input_lists(p, input_bytes, scratch);
    const int8_t *weights = p->weights + 2U * sizeof(uint32_t);
    uint32_t offset;
    memcpy(&offset, p->weights, sizeof offset);
    for (uint32_t channel = 0; channel < p->output_c; channel += group_outputs) {
        int8_t *to = output + channel;
        ec_begin_zero_input_group(&lists, input);
        for (int32_t y = 0; y < p->output_h; y++) {
            ec_find_rows(&lists, y * p->stride_h - p->pad_top);
            for (int32_t x = 0; x < p->output_w; x++) {
                const int32_t total = ec_find_runs(&lists, x * p->stride_w - p->pad_left);
                ec_zero_input_pixel(&lists, total, offset, weights, channel, loops, to);
                to += p->output_c;
            }
        }
        input += lists.channels;
        weights += p->kernel_h * p->kernel_w * lists.tap_bytes;
    }
}

#endif
