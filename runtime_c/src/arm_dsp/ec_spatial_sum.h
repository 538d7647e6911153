/* ec_spatial_sum.h - residuals for a convolution that predicts zeros from the sum.
 *
 * The output may be the residual. So positions of a mask are stored at once, when the residuals of the same channels have been read; the
 * others go to buffers full of zeros, and from there to the output when all residuals there have been read.
 */
#ifndef EC_SPATIAL_SUM_H
#define EC_SPATIAL_SUM_H

#include "ec_conv2d_add_spatial_s8.h"
#include "ec_conv2d_patch.h"
#include "ec_spatial_block.h"

typedef struct {
    const ec_conv2d_add_spatial_s8_params *p;
    const int8_t *residual;
    const int8_t *output; /* of the whole layer, as the residual */
    int8_t *buffers;      /* four positions */
} ec_spatial_sum;

static void ec_spatial_sum_begin(const ec_spatial_sum *s, ec_spatial_block *b) {
    const ec_conv2d_add_spatial_s8_params *const p = s->p;
    b->rare |= EC_SPATIAL_SUM;
    b->sum_weights = (uint16_t)p->weight_conv | (uint32_t)(uint16_t)p->weight_residual << 16;
    b->sum_bias = p->sum_bias;
    b->sum_shift = p->sum_right_shift;
    b->sum_rare = p->sum_clamp_min != INT8_MIN || p->sum_clamp_max != INT8_MAX;
    b->sum_above = (uint32_t)(INT8_MAX - p->sum_clamp_max);
    b->sum_span = (uint32_t)(UINT8_MAX - (p->sum_clamp_max - p->sum_clamp_min));
    b->sum_low = p->sum_clamp_min;
}

/* Residuals of the positions whose outputs lie there. */
static inline void ec_spatial_set_residuals(const ec_spatial_sum *s, ec_spatial_block *b, int8_t *const *output) {
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        b->residual[i] = s->residual + (output[i] - s->output);
    }
}

/* Positions of a mask: outputs of a patch that has no more of them go to a buffer, unread. */
static inline void ec_spatial_store_at_once(const ec_spatial_sum *s, ec_spatial_block *b, int first, int second, int8_t *const *output) {
    ec_spatial_set_residuals(s, b, output);
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        b->output[i] = (i < 2u ? first : second) ? output[i] : s->buffers;
    }
}

/* Other positions: zeros in the buffers, for the channels that are not computed. */
static void ec_spatial_store_later(const ec_spatial_sum *s, ec_spatial_block *b, int8_t *const *output) {
    const uint32_t zeros = ec_splat_byte(s->p->sum_zero_point);
    ec_spatial_set_residuals(s, b, output);
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        b->output[i] = s->buffers + i * b->channels;
    }
    for (uint32_t i = 0; i < EC_PIXELS * b->channels; i += sizeof zeros) { /* channels are even: whole words */
        ec_store_word(s->buffers + i, zeros);
    }
}

static void ec_copy_words(int8_t *to, const int8_t *from, uint32_t count) {
    for (; count >= EC_QUAD; count -= EC_QUAD, to += EC_QUAD, from += EC_QUAD) {
        ec_store_word(to, ec_load_word(from));
    }
    for (; count > 0; count--) {
        *to++ = *from++;
    }
}

/* From the buffers to the positions of the first patch, the second, or both. */
static void ec_spatial_store_now(const ec_spatial_block *b, int first, int second, int8_t *const *output) {
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        if (i < 2u ? first : second) {
            ec_copy_words(output[i], b->output[i], b->channels);
        }
    }
}

#endif
