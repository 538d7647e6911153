/* ec_depthwise_tables.h - what the inner loops read of a channel: the head of ec_depthwise_rows.h, then pairs of weights,
 * [segment][row across][pair]. */
#ifndef EC_DEPTHWISE_TABLES_H
#define EC_DEPTHWISE_TABLES_H

#include "ec_depthwise_tile.h"
#include "ec_lanes.h"

#define EC_TABLES 4 /* channels whose tables are filled together */

/* Up to four neighbouring weights. */
static inline uint32_t ec_load_weights(const int8_t *weights, int32_t channels) {
    if (channels >= EC_TABLES) {
        return ec_load_word(weights);
    }
    uint32_t word = 0;
    for (int32_t c = 0; c < channels; c++) {
        word |= (uint32_t)(uint8_t)weights[c] << (8 * c);
    }
    return word;
}

/* Both lanes shifted left; nothing may cross from the low to the high. */
static inline uint32_t ec_shift_lanes(uint32_t lanes, uint32_t shift) {
    const uint32_t crossed = ((1U << shift) - 1) << 16;
    return (lanes << shift) & ~crossed;
}

/* Weights of one row across, segment from tap `first` on, as pairs to the same place in four tables. */
static inline void ec_widen_row(const ec_tiling *t, const int8_t *weights, int32_t channels, int32_t first, uint32_t *pairs0) {
    const int32_t last_segment = first + t->segments.taps >= t->along.taps;
    const int32_t taps = last_segment ? t->along.taps - first : t->segments.advance;
    const int32_t tap_step = t->along.weight_step;
    const int32_t stride = t->along.stride;
    uint32_t *pairs1 = pairs0 + t->table_words;
    uint32_t *pairs2 = pairs1 + t->table_words;
    uint32_t *pairs3 = pairs2 + t->table_words;
    const uint32_t *end = pairs0 + t->segments.words;
    weights += first * tap_step;
    uint32_t word = ec_load_weights(weights, channels);
    for (int32_t tap = 1;; tap++) {
        weights += tap_step;
        const uint32_t next = tap < taps ? ec_load_weights(weights, channels) : 0;
        if (stride == 1 || tap % 2 != 0) {
            const uint32_t low = ec_pack_low(word, next);
            const uint32_t high = ec_pack_high(word, next);
            *pairs0++ = ec_sxtb16(low);
            *pairs1++ = ec_sxtb16_odd(low);
            *pairs2++ = ec_sxtb16(high);
            *pairs3++ = ec_sxtb16_odd(high);
            if (pairs0 == end) {
                return;
            }
        }
        word = next;
    }
}

/* Apply the left shift of the accumulator to the weights of every table. */
static inline void ec_shift_tables(const ec_tiling *t, uint32_t shift, uint32_t *tables) {
    for (int32_t table = 0; table < EC_TABLES; table++) {
        for (int32_t word = EC_TABLE_HEAD_WORDS; word < t->table_words; word++) {
            tables[word] = ec_shift_lanes(tables[word], shift);
        }
        tables += t->table_words;
    }
}

/* Tables of up to four output channels from c on. */
__attribute__((noinline)) static void ec_fill_tables(const ec_depthwise_conv2d_s8_params *p, const ec_tiling *t, int32_t c,
                                                     int32_t channels, uint32_t *tables) {
    const uint32_t shift = p->shift;
    const uint32_t zero_point = (uint32_t)p->output_zero_point;
    const uint32_t step = (uint32_t)t->along.output_step;
    const int32_t table_words = t->table_words;
    uint32_t *head = tables;
    for (int32_t i = c; i < c + channels; i++) {
        head[EC_TABLE_BIAS_WORD] = (uint32_t)p->bias[i] << shift;
        head[EC_TABLE_MULTIPLIER_WORD] = (uint32_t)p->multiplier[i] * 2;
        head[EC_TABLE_ZERO_POINT_WORD] = zero_point;
        head[EC_TABLE_STEP_WORD] = step;
        head += table_words;
    }
    uint32_t *pairs = tables + EC_TABLE_HEAD_WORDS;
    for (int32_t segment = 0; segment < t->segments.count; segment++) {
        const int8_t *weights = p->weights + c;
        for (int32_t row = 0; row < t->across.taps; row++) {
            ec_widen_row(t, weights, channels, segment * t->segments.advance, pairs);
            pairs += t->segments.words;
            weights += t->across.weight_step;
        }
    }
    if (shift != 0) {
        ec_shift_tables(t, shift, tables);
    }
}

#endif
