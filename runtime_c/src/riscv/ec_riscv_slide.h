/* ec_riscv_slide.h - a depthwise 3x3 filter that stays in registers while it slides down the columns of a plane. */
#ifndef EC_RISCV_SLIDE_H
#define EC_RISCV_SLIDE_H

#include <stdint.h>

#include "ec_riscv_plane.h"
#include "ec_riscv_requantize.h"

/* A layer and the tile of its output at hand. */
typedef struct {
    ec_riscv_axis outer; /* windows slide along it */
    ec_riscv_axis inner;
    ec_riscv_plane plane; /* of one channel, for a tile of the output */
    int32_t outer_tile;   /* outputs */
    int32_t inner_tile;
    int32_t taps;
    int32_t *offsets; /* of each tap in the plane; null where the filter is 3x3 and slides */
    int paired;       /* whether most taps have a neighbour in the plane that follows them in the weights */
    ec_riscv_output to;
} ec_riscv_layer;

/* One output channel of a tile. */
typedef struct {
    const int8_t *weights;
    const int8_t *plane; /* first row and column of the input channel */
    int32_t bias;
    int32_t multiplier;
    int8_t *output;
} ec_riscv_filter;

/* A 3x3 filter down one column, stride 1: with every row one output ends, one goes on and one starts. */
static inline __attribute__((always_inline)) void ec_riscv_slide_by_one(const int32_t *w, const ec_riscv_filter *f, ec_riscv_output to,
                                                                        const int8_t *taps, int32_t row_step, int32_t count, int8_t *output,
                                                                        int32_t output_step) {
    const int32_t multiplier = ec_riscv_doubled(f->multiplier);
    const int32_t bias = f->bias;
    const int8_t *second = taps + row_step;
    int32_t ending = bias + w[0] * taps[0] + w[1] * taps[EC_RISCV_PIXEL] + w[2] * taps[2 * EC_RISCV_PIXEL];
    ending += w[3] * second[0] + w[4] * second[EC_RISCV_PIXEL] + w[5] * second[2 * EC_RISCV_PIXEL];
    int32_t starting = bias + w[0] * second[0] + w[1] * second[EC_RISCV_PIXEL] + w[2] * second[2 * EC_RISCV_PIXEL];
    const int8_t *last = second + count * row_step;
    taps = second;
    while (taps != last) {
        taps += row_step;
        const int32_t x0 = taps[0];
        const int32_t x1 = taps[EC_RISCV_PIXEL];
        const int32_t x2 = taps[2 * EC_RISCV_PIXEL];
        const int32_t sum = ending + w[6] * x0 + w[7] * x1 + w[8] * x2;
        ending = starting + w[3] * x0 + w[4] * x1 + w[5] * x2;
        starting = bias + w[0] * x0 + w[1] * x1 + w[2] * x2;
        *output = ec_riscv_scale(sum, multiplier, to);
        output += output_step;
    }
}

/* The same, stride 2: every other row ends one output and starts the next. */
static inline __attribute__((always_inline)) void ec_riscv_slide_by_two(const int32_t *w, const ec_riscv_filter *f, ec_riscv_output to,
                                                                        const int8_t *taps, int32_t row_step, int32_t count, int8_t *output,
                                                                        int32_t output_step) {
    const int32_t multiplier = ec_riscv_doubled(f->multiplier);
    const int32_t bias = f->bias;
    int32_t sum = bias + w[0] * taps[0] + w[1] * taps[EC_RISCV_PIXEL] + w[2] * taps[2 * EC_RISCV_PIXEL];
    const int8_t *last = taps + 2 * count * row_step;
    while (taps != last) {
        taps += row_step;
        sum += w[3] * taps[0] + w[4] * taps[EC_RISCV_PIXEL] + w[5] * taps[2 * EC_RISCV_PIXEL];
        taps += row_step;
        const int32_t x0 = taps[0];
        const int32_t x1 = taps[EC_RISCV_PIXEL];
        const int32_t x2 = taps[2 * EC_RISCV_PIXEL];
        sum += w[6] * x0 + w[7] * x1 + w[8] * x2;
        *output = ec_riscv_scale(sum, multiplier, to);
        output += output_step;
        sum = bias + w[0] * x0 + w[1] * x1 + w[2] * x2;
    }
}

static __attribute__((noinline)) void ec_riscv_slide_3x3(const ec_riscv_layer *l, const ec_riscv_filter *f) {
    const int32_t o = l->outer.weight_step;
    const int32_t i = l->inner.weight_step;
    const int8_t *from = f->weights;
    const int32_t w[9] = {from[0],     from[i],         from[2 * i],        from[o], from[o + i], from[o + 2 * i],
                          from[2 * o], from[2 * o + i], from[2 * o + 2 * i]};
    const int32_t dilation = l->outer.dilation;
    for (int32_t x = 0; x < l->inner_tile; x++) {
        const int8_t *taps = f->plane + ec_riscv_column(&l->plane, x * l->inner.stride);
        int8_t *output = f->output + x * l->inner.output_step;
        if (l->outer.stride == 1 && dilation == 1) {
            ec_riscv_slide_by_one(w, f, l->to, taps, l->plane.pitch, l->outer_tile, output, l->outer.output_step);
            continue;
        }
        if (l->outer.stride == 2) {
            ec_riscv_slide_by_two(w, f, l->to, taps, l->plane.pitch, l->outer_tile, output, l->outer.output_step);
            continue;
        }
        for (int32_t y = 0; y < dilation && y < l->outer_tile; y++) {
            const int32_t count = (l->outer_tile - y + dilation - 1) / dilation;
            ec_riscv_slide_by_one(w, f, l->to, taps, l->plane.pitch * dilation, count, output, l->outer.output_step * dilation);
            taps += l->plane.pitch;
            output += l->outer.output_step;
        }
    }
}

#endif
