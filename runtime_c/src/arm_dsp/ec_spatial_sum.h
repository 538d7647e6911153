/* ec_spatial_sum.h - residuals for a convolution that predicts zeros from the sum.
 *
 * The convolution's outputs at the four positions of a block lie in buffers one behind the other; each sum takes their place, and goes
 * from there to the output, which may be the residual.
 */
#ifndef EC_SPATIAL_SUM_H
#define EC_SPATIAL_SUM_H

#include "ec_conv2d_add_spatial_s8.h"
#include "ec_conv2d_patch.h"
#include "ec_requantize.h"
#include "ec_spatial_block.h"

typedef struct {
    const ec_conv2d_add_spatial_s8_params *p;
    const int8_t *residual;
    const int8_t *output; /* of the whole layer, as the residual */
} ec_spatial_sum;

static inline int32_t ec_sum_of(const ec_conv2d_add_spatial_s8_params *p, int32_t conv, int32_t residual) {
    return conv * p->weight_conv + residual * p->weight_residual + p->sum_bias;
}

static inline int8_t ec_sum_output(const ec_conv2d_add_spatial_s8_params *p, int32_t sum) {
    return (int8_t)ec_clamp(sum >> p->sum_right_shift, p->sum_clamp_min, p->sum_clamp_max);
}

static inline void ec_copy_words(int8_t *to, const int8_t *from, uint32_t count) {
    for (; count >= EC_QUAD; count -= EC_QUAD, to += EC_QUAD, from += EC_QUAD) {
        ec_store_word(to, ec_load_word(from));
    }
    for (; count > 0; count--) {
        *to++ = *from++;
    }
}

/* The sums to where they belong, when all that is needed of the residuals there has been read. */
static void ec_copy_sums(const ec_spatial_block *b, int first, int second, int8_t *const *output) {
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        if (i < 2u ? first : second) {
            ec_copy_words(output[i], b->output[i], b->channels);
        }
    }
}

/* One position's sum in place; whether it is above the threshold. */
static inline uint32_t ec_add_and_judge(const ec_conv2d_add_spatial_s8_params *p, int8_t *value, int8_t residual, int32_t threshold) {
    const int32_t sum = ec_sum_of(p, *value, residual);
    *value = ec_sum_output(p, sum);
    return sum > threshold;
}

/* All channels at the positions of the first patch, the second, or both; they go to the lists. */
EC_NOT_INLINED static void ec_spatial_add_all(const ec_spatial_sum *s, ec_spatial_block *b, int first, int second, int8_t *const *output) {
    const uint32_t channels = b->channels;
    const int8_t *residual[EC_PIXELS];
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        residual[i] = s->residual + (output[i] - s->output);
    }
    for (uint32_t c = 0; c < channels; c++) {
        const int32_t of_first = first ? s->p->thresholds[c] : INT32_MAX;
        const int32_t of_second = second ? s->p->thresholds[c] : INT32_MAX;
        uint32_t above = ec_add_and_judge(s->p, b->output[0] + c, residual[0][c], of_first);
        above |= ec_add_and_judge(s->p, b->output[1] + c, residual[1][c], of_first);
        above |= ec_add_and_judge(s->p, b->output[2] + c, residual[2][c], of_second) * 2u;
        above |= ec_add_and_judge(s->p, b->output[3] + c, residual[3][c], of_second) * 2u;
        if (b->above_before != NULL) {
            above |= b->above_before[c];
            b->above_before[c] = (uint8_t)above;
        }
        *b->list[above]++ = (uint16_t)c;
    }
    ec_copy_sums(b, first, second, output);
}

/* Zeros, for the channels that are not computed. */
static void ec_spatial_fill_buffers(const ec_spatial_sum *s, const ec_spatial_block *b) {
    const uint32_t zeros = ec_splat_byte(s->p->sum_zero_point);
    for (uint32_t i = 0; i < EC_PIXELS * b->channels; i += sizeof zeros) { /* the channels of all four are whole words */
        ec_store_word(b->output[0] + i, zeros);
    }
}

/* Channels of a list at position i. */
static inline void ec_spatial_add_list(const ec_spatial_sum *s, const ec_spatial_block *b, const uint16_t *list, const uint16_t *end,
                                       uint32_t i, const int8_t *residual) {
    for (; list != end; list++) {
        int8_t *const value = b->output[i] + *list;
        *value = ec_sum_output(s->p, ec_sum_of(s->p, *value, residual[*list]));
    }
}

/* The listed channels at the positions of the first patch, the second, or both. */
EC_NOT_INLINED static void ec_spatial_add_listed(const ec_spatial_sum *s, const ec_spatial_block *b, const uint16_t *lists, int first,
                                                 int second, int8_t *const *output) {
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        const uint32_t alone = 1u + i / 2u;
        if (alone == 1u ? first : second) {
            const int8_t *const residual = s->residual + (output[i] - s->output);
            ec_spatial_add_list(s, b, lists + alone * b->channels, b->list[alone], i, residual);
            ec_spatial_add_list(s, b, lists + 3u * b->channels, b->list[3], i, residual);
        }
    }
    ec_copy_sums(b, first, second, output);
}

#endif
