/* ec_riscv_runs.h - any depthwise filter, up to eight neighbouring outputs of a row in a plane at a time. */
#ifndef EC_RISCV_RUNS_H
#define EC_RISCV_RUNS_H

#include <stdint.h>

#include "ec_riscv_plane.h"
#include "ec_riscv_requantize.h"
#include "ec_riscv_slide.h"

#define EC_RISCV_RUN 8  /* outputs of a row computed together */
#define EC_RISCV_PAIR 1 /* in the offset of a tap, a multiple of EC_RISCV_PIXEL: the next tap is its neighbour */

/* sums[x] += all taps of output x, of `size` neighbours in a row. */
static inline __attribute__((always_inline)) void ec_riscv_add_taps(const ec_riscv_layer *l, const ec_riscv_filter *f, const int8_t *plane,
                                                                    int32_t size, int32_t *sums) {
    const int32_t *offset = l->offsets;
    const int8_t *weights = f->weights;
    for (const int8_t *end = weights + l->taps; weights != end; weights++) {
        const int32_t w = *weights;
        const int8_t *from = plane + *offset++;
#pragma GCC unroll 8
        for (int32_t x = 0; x < size; x++) {
            sums[x] += w * from[x * EC_RISCV_PIXEL];
        }
    }
}

/* The same where most taps have a neighbour, with which they share all but one of their inputs. */
static inline __attribute__((always_inline)) void ec_riscv_add_pairs(const ec_riscv_layer *l, const ec_riscv_filter *f, const int8_t *plane,
                                                                     int32_t size, int32_t *sums) {
    const int32_t *offset = l->offsets;
    const int8_t *weights = f->weights;
    for (const int8_t *end = weights + l->taps; weights != end;) {
        const int32_t at = *offset++;
        const int32_t w = *weights++;
        if (at & EC_RISCV_PAIR) {
            const int8_t *from = plane + at - EC_RISCV_PAIR;
            const int32_t next = *weights++;
            offset++;
#pragma GCC unroll 8
            for (int32_t x = 0; x < size; x++) {
                sums[x] += w * from[x * EC_RISCV_PIXEL] + next * from[(x + 1) * EC_RISCV_PIXEL];
            }
        } else {
            const int8_t *from = plane + at;
#pragma GCC unroll 8
            for (int32_t x = 0; x < size; x++) {
                sums[x] += w * from[x * EC_RISCV_PIXEL];
            }
        }
    }
}

/* `size` neighbouring outputs of a row, of which the first `count` are stored. */
static inline __attribute__((always_inline)) void ec_riscv_run_of(const ec_riscv_layer *l, const ec_riscv_filter *f, const int8_t *plane,
                                                                  int32_t size, int32_t count, int8_t *output) {
    int32_t sums[EC_RISCV_RUN];
#pragma GCC unroll 8
    for (int32_t x = 0; x < size; x++) {
        sums[x] = f->bias;
    }
    if (l->paired) {
        ec_riscv_add_pairs(l, f, plane, size, sums);
    } else {
        ec_riscv_add_taps(l, f, plane, size, sums);
    }
    const ec_riscv_output to = l->to;
    const int32_t multiplier = f->multiplier;
    const int32_t step = l->inner.output_step;
    for (int32_t x = 0; x < count; x++) {
        *output = ec_riscv_requantize(sums[x], multiplier, to);
        output += step;
    }
}

static __attribute__((noinline)) void ec_riscv_run_by_run(const ec_riscv_layer *l, const ec_riscv_filter *f) {
    for (int32_t y = 0; y < l->outer_tile; y++) {
        const int8_t *row = f->plane + y * l->outer.stride * l->plane.pitch;
        int8_t *output = f->output + y * l->outer.output_step;
        int32_t left = l->inner_tile;
        for (; left > EC_RISCV_RUN / 2; left -= EC_RISCV_RUN) {
            ec_riscv_run_of(l, f, row, EC_RISCV_RUN, left < EC_RISCV_RUN ? left : EC_RISCV_RUN, output);
            row += EC_RISCV_RUN * EC_RISCV_PIXEL;
            output += EC_RISCV_RUN * l->inner.output_step;
        }
        if (left > 1) {
            ec_riscv_run_of(l, f, row, EC_RISCV_RUN / 2, left, output);
        } else if (left == 1) {
            ec_riscv_run_of(l, f, row, 1, 1, output);
        }
    }
}

#endif
