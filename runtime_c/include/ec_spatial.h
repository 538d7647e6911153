/* ec_spatial.h - the prediction of zeros from one position of a patch to the others; edgecomp/skip/rules.py has the rule.
 *
 * The masks of patches lie bit by bit, patch * patch bits each in the order of rows, from the lowest bit of the first byte on; mask
 * row * row_step + column * column_step + channel * channel_step belongs to a patch and channel.
 */
#ifndef EC_SPATIAL_H
#define EC_SPATIAL_H

#include <stdint.h>

typedef struct {
    uint32_t output_h;
    uint32_t output_w;
    uint32_t output_c;
    uint32_t patch;
    uint32_t row_step; /* in masks; 0 where an axis shares its masks */
    uint32_t column_step;
    uint32_t channel_step;
    const uint8_t *masks;
    const int32_t *thresholds; /* [output_c] */
    int8_t zero_point;         /* what a predicted output is */
} ec_spatial;

/* From the parameters of any operator that predicts. */
#define EC_SPATIAL(p, zero)                                                                                           \
    ((ec_spatial){(p)->output_h, (p)->output_w, (p)->output_c, (p)->patch, (p)->mask_row_step, (p)->mask_column_step, \
                  (p)->mask_channel_step, (p)->masks, (p)->thresholds, (zero)})

static inline uint32_t ec_spatial_end(uint32_t first, uint32_t patch, uint32_t size) { return size - first < patch ? size : first + patch; }

/* The mask of a patch and channel as a number; bit y * patch + x is set where a position is always computed. */
static inline uint32_t ec_spatial_mask(const ec_spatial *s, uint32_t row, uint32_t column, uint32_t channel) {
    const uint32_t positions = s->patch * s->patch;
    uint32_t at = (row * s->row_step + column * s->column_step + channel * s->channel_step) * positions;
    uint32_t mask = 0;
    for (uint32_t position = 0; position < positions; position++, at++) {
        mask |= (s->masks[at / 8U] >> (at % 8U) & 1U) << position;
    }
    return mask;
}

/* The accumulator of one output that is judged, and the output. */
typedef int32_t ec_spatial_compute(const void *layer, uint32_t y, uint32_t x, uint32_t channel, int8_t *output);

/* One patch of one channel, from (top, left) on; `output` holds the rows from `top` on. */
static inline void ec_spatial_patch(const ec_spatial *s, uint32_t top, uint32_t left, uint32_t channel, const void *layer,
                                    ec_spatial_compute *compute, int8_t *output) {
    const uint32_t bottom = ec_spatial_end(top, s->patch, s->output_h);
    const uint32_t right = ec_spatial_end(left, s->patch, s->output_w);
    const uint32_t mask = ec_spatial_mask(s, top / s->patch, left / s->patch, channel);
    int alive = 0;
    for (uint32_t others = 0; others < 2U; others++) {
        for (uint32_t y = top; y < bottom; y++) {
            for (uint32_t x = left; x < right; x++) {
                const uint32_t always = mask >> ((y - top) * s->patch + x - left) & 1U;
                int8_t *to = output + ((y - top) * s->output_w + x) * s->output_c + channel;
                if (always == others) {
                    continue;
                }
                if (!others) {
                    alive |= compute(layer, y, x, channel, to) > s->thresholds[channel];
                } else if (alive) {
                    (void)compute(layer, y, x, channel, to);
                } else {
                    *to = s->zero_point;
                }
            }
        }
    }
}

/* The row of patches that begins at output row `top`, which `output` begins with too. */
static inline void ec_spatial_row(const ec_spatial *s, uint32_t top, const void *layer, ec_spatial_compute *compute, int8_t *output) {
    for (uint32_t left = 0; left < s->output_w; left += s->patch) {
        for (uint32_t channel = 0; channel < s->output_c; channel++) {
            ec_spatial_patch(s, top, left, channel, layer, compute, output);
        }
    }
}

#endif
