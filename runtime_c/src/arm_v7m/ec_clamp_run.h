/* ec_clamp_run.h - clamp what was saturated to int8 already: only layers whose clamps are narrower than int8 need it. */
#ifndef EC_CLAMP_RUN_H
#define EC_CLAMP_RUN_H

#include <stdint.h>

#include "ec_requantize.h"

/* `count` neighbours from `values` on. */
static inline void ec_clamp_run(int8_t *values, uint32_t count, int8_t low, int8_t high) {
    if (low == INT8_MIN && high == INT8_MAX) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        values[i] = (int8_t)ec_clamp(values[i], low, high);
    }
}

#endif
