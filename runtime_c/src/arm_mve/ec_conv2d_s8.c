/* Pixels are computed a tile at a time, some pixels of one row. What a tile reads is first brought together column by column: a column is
 * the kernel_h inputs of a group that lie above each other, so a window is kernel_w columns in a run, neighbouring windows share what they
 * have in common, and an input is copied kernel_h times rather than kernel_h * kernel_w times. Where the kernel is dilated by d, windows
 * share columns with every d-th window: a tile holds those. Windows of one pixel are read where they are.
 *
 * Weights: [output_c][kernel_w][kernel_h][input_c / groups], column by column as well; fewer than four filters are filled up to four. The
 * plan computes the size of scratch as make_tiles does.
 */
#include "ec_conv2d_s8.h"

#include "ec_mve_columns.h"
#include "ec_mve_pixels.h"

#define STRIP_BYTES 2048U /* that the columns of a tile may take, unless three pixels need more */

typedef struct {
    const ec_conv2d_s8_params *p;
    ec_mve_columns columns;
    int8_t *strip;
    int shared;          /* whether windows share columns, or touch; else each has columns of its own */
    uint32_t phases;     /* a tile takes every phases-th pixel of a row */
    uint32_t pixels;     /* of a tile */
    uint32_t pixel_step; /* columns in the strip from one pixel's first to the next one's */
} tiles;

static uint32_t fitting_pixels(const tiles *t) {
    const uint32_t kernel_w = t->p->kernel_w;
    const uint32_t all = (t->p->output_w + t->phases - 1U) / t->phases;
    const uint32_t columns = STRIP_BYTES / t->columns.size;
    const uint32_t fit = columns < kernel_w ? 0 : (columns - kernel_w) / t->pixel_step + 1U;
    const uint32_t trios = fit < EC_MVE_TRIO ? EC_MVE_TRIO : fit - fit % EC_MVE_TRIO;
    return fit >= all || trios >= all ? all : trios;
}

static tiles make_tiles(const ec_conv2d_s8_params *p, void *scratch) {
    tiles t = {.p = p, .columns = ec_mve_make_columns(p), .strip = scratch};
    t.shared = p->dilation_w == 1 ? p->stride_w <= p->kernel_w : p->stride_w == 1;
    t.phases = t.shared ? p->dilation_w : 1;
    t.pixel_step = t.shared ? p->stride_w : p->kernel_w;
    t.pixels = fitting_pixels(&t);
    return t;
}

/* What `count` pixels of a tile read, the first at (oy, ox). */
static void fill_strip(const tiles *t, const int8_t *input, uint32_t oy, uint32_t ox, uint32_t count) {
    const ec_conv2d_s8_params *p = t->p;
    const int32_t y = (int32_t)(oy * p->stride_h) - p->pad_top;
    int32_t x = (int32_t)(ox * p->stride_w) - p->pad_left;
    int8_t *to = t->strip;
    if (t->shared) {
        ec_mve_fill_columns(&t->columns, input, y, x, (count - 1U) * t->pixel_step + p->kernel_w, to);
        return;
    }
    for (; count > 0; count--) {
        ec_mve_fill_columns(&t->columns, input, y, x, p->kernel_w, to);
        x += p->stride_w;
        to += p->kernel_w * t->columns.size;
    }
}

static void compute_row(const tiles *t, const ec_mve_filters *filters, const int8_t *input, uint32_t oy, int8_t *output) {
    const ec_conv2d_s8_params *p = t->p;
    for (uint32_t phase = 0; phase < t->phases; phase++) {
        for (uint32_t ox = phase; ox < p->output_w; ox += t->pixels * t->phases) {
            const uint32_t left = (p->output_w - ox + t->phases - 1U) / t->phases;
            const uint32_t count = left < t->pixels ? left : t->pixels;
            const ec_mve_pixels pixels = {t->strip, t->pixel_step * t->columns.size, output + ox * p->output_c, t->phases * p->output_c,
                                          count};
            fill_strip(t, input, oy, ox, count);
            ec_mve_compute_pixels(filters, &pixels);
        }
    }
}

/* Windows of one pixel, none in the padding. */
static int reads_in_place(const ec_conv2d_s8_params *p) {
    return p->kernel_h == 1 && p->kernel_w == 1 && p->pad_top == 0 && p->pad_left == 0 && (p->output_h - 1) * p->stride_h < p->input_h &&
           (p->output_w - 1) * p->stride_w < p->input_w;
}

static void compute_in_place(const ec_conv2d_s8_params *p, const ec_mve_filters *filters, const int8_t *input, int8_t *output) {
    const int dense = p->stride_w == 1 && p->stride_h == 1 && p->output_w == p->input_w; /* rows run on in one another */
    ec_mve_pixels pixels = {input, (uint32_t)p->stride_w * p->input_c, output, p->output_c, p->output_w};
    pixels.count *= dense ? p->output_h : 1U;
    for (uint32_t rows = dense ? 1 : p->output_h; rows > 0; rows--) {
        ec_mve_compute_pixels(filters, &pixels);
        pixels.input += (uint32_t)p->stride_h * p->input_w * p->input_c;
        pixels.output += (uint32_t)p->output_w * p->output_c;
    }
}

void ec_conv2d_s8_arm_mve(const ec_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const uint32_t channels = (uint32_t)params->input_c / params->groups;
    const uint32_t row_size = (uint32_t)params->output_w * params->output_c;
    const tiles t = make_tiles(params, scratch);
    ec_mve_filters filters = {params->weights,
                              params->bias,
                              params->multiplier,
                              (uint32_t)params->output_c / params->groups,
                              params->kernel_w * t.columns.size,
                              params->output_zero_point,
                              params->clamp_min,
                              params->clamp_max};
    for (uint32_t group = 0; group < params->groups; group++) {
        if (reads_in_place(params)) {
            compute_in_place(params, &filters, input, output);
        } else {
            for (uint32_t oy = 0; oy < params->output_h; oy++) {
                compute_row(&t, &filters, input, oy, output + oy * row_size);
            }
        }
        input += channels;
        output += filters.channels;
        filters.weights += filters.channels * filters.inputs;
        filters.bias += filters.channels;
        filters.multiplier += filters.channels;
    }
}
