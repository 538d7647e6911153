/* ec_mve_filters.h - the layer that ec_mve_pixels.h computes, and how its filters are gone through. */
#ifndef EC_MVE_FILTERS_H
#define EC_MVE_FILTERS_H

#include "ec_mve.h"

#define EC_MVE_BLOCK 4U /* filters requantized together */

typedef struct {
    const int8_t
        *weights; /* [channels][inputs], at least four filters; up to 15 bytes behind them are read if inputs is no multiple of 16 */
    const int32_t *bias;
    const int32_t *multiplier;
    uint32_t channels;
    uint32_t inputs;
    int32_t zero_point;
    int32_t low;
    int32_t high;
} ec_mve_filters;

/* `count` pixels that start input_step bytes apart, and their outputs, output_step bytes apart. */
typedef struct {
    const int8_t *input;
    uint32_t input_step;
    int8_t *output;
    uint32_t output_step;
    uint32_t count;
} ec_mve_pixels;

/* Filters from `channel` on, in blocks of four. */
typedef struct {
    uint32_t channel;
    uint32_t blocks;
} ec_mve_run;

/* Filters beyond the last whole block are one block more, which reaches back over filters that are done already. */
static inline ec_mve_run ec_mve_first_run(const ec_mve_filters *f) {
    const ec_mve_run run = {0, f->channels / EC_MVE_BLOCK};
    return run;
}

static inline int ec_mve_next_run(const ec_mve_filters *f, ec_mve_run *run) {
    const uint32_t end = run->channel + EC_MVE_BLOCK * run->blocks;
    run->channel = f->channels - EC_MVE_BLOCK;
    run->blocks = 1;
    return end < f->channels;
}

#endif
