/* ec_clamp_run.h - clamp what was saturated to int8 already: only layers whose clamps are narrower than int8 need it. */
#ifndef EC_CLAMP_RUN_H
#define EC_CLAMP_RUN_H

#include "ec_lanes.h"
#include "ec_requantize.h"

/* `count` neighbours from `values` on. */
static inline void ec_clamp_run(int8_t *values, uint32_t count, int8_t low, int8_t high) {
    if (low == INT8_MIN && high == INT8_MAX) {
        return;
    }
    const uint32_t lows = ec_splat_byte(low);
    const uint32_t highs = ec_splat_byte(high);
    for (; count >= 4; count -= 4) {
        ec_store_word(values, ec_min_bytes(ec_max_bytes(ec_load_word(values), lows), highs));
        values += 4;
    }
    for (; count > 0; count--) {
        *values = (int8_t)ec_clamp(*values, low, high);
        values++;
    }
}

#endif
