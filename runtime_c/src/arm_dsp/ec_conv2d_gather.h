/* ec_conv2d_gather.h - a layer's geometry for ec_conv2d_patch.h and ec_conv2d_padding.h.
 *
 * Scratch: the patch; where taps are not whole quads, the table of rests, and the band if any pixel reads padding.
 */
#ifndef EC_CONV2D_GATHER_H
#define EC_CONV2D_GATHER_H

#include "ec_conv2d_padding.h"
#include "ec_conv2d_s8.h"

static inline uint32_t ec_quads_of(uint32_t bytes) { return (bytes + EC_QUAD - 1u) / EC_QUAD; }

/* How many first taps of 0, 1, ... have a window within an axis of `size`. */
static inline uint32_t ec_inside_count(uint32_t size, uint32_t reach) { return size >= reach ? size - reach + 1u : 0; }

/* Taps from the first of the first window to the last of the last. */
static inline uint32_t ec_reached(uint32_t outputs, uint32_t stride, uint32_t reach) { return (outputs - 1u) * stride + reach; }

static void ec_list_rests(const ec_gather *g, uint32_t run_size, uint32_t *to) {
    const uint32_t *const end = to + EC_QUAD * g->rest_quads;
    for (uint32_t ky = 0; ky < g->kernel_h; ky++) {
        for (uint32_t run = 0; run < g->runs; run++) {
            for (uint32_t at = EC_QUAD * g->run_quads; at < run_size; at++) {
                *to++ = ky * g->row_step + run * g->run_step + at;
            }
        }
    }
    while (to < end) {
        *to++ = 0;
    }
}

/* A band, if the layer needs one. */
static void ec_add_band(ec_gather *g, const ec_conv2d_s8_params *p, uint32_t reach_h, uint32_t reach_w, int8_t *band) {
    const uint32_t width = ec_reached(p->output_w, p->stride_w, reach_w);
    const uint32_t height = ec_reached(p->output_h, p->stride_h, reach_h);
    const int reads_padding = p->pad_left > 0 || p->pad_top > 0 || width > p->input_w || height > p->input_h;
    g->band = NULL;
    if (reads_padding && g->channels % EC_QUAD != 0) {
        const uint32_t left = width < p->pad_left ? width : p->pad_left;
        const uint32_t inside_w = width - left < p->input_w ? width - left : p->input_w;
        g->band = band;
        g->band_row = width * p->input_c;
        g->band_left = left * p->input_c;
        g->band_inside = inside_w * p->input_c;
        g->row_step = g->band_row;
    }
}

/* Whether each output pixel reads the input pixel in its place and nothing else. */
static int ec_same_pixels(const ec_conv2d_s8_params *p) {
    const int one_tap = p->kernel_h == 1 && p->kernel_w == 1 && p->stride_h == 1 && p->stride_w == 1;
    return one_tap && p->pad_top == 0 && p->pad_left == 0 && p->output_h == p->input_h && p->output_w == p->input_w;
}

static void ec_set_gather(ec_gather *g, const ec_conv2d_s8_params *p, void *scratch) {
    const uint32_t reach_h = (p->kernel_h - 1u) * p->dilation_h + 1u;
    const uint32_t reach_w = (p->kernel_w - 1u) * p->dilation_w + 1u;
    const int rows_are_runs = p->dilation_w == 1 && p->groups == 1;
    g->input_h = p->input_h;
    g->input_w = p->input_w;
    g->input_row = (uint32_t)p->input_w * p->input_c;
    g->inside_h = ec_inside_count(p->input_h, reach_h);
    g->inside_w = ec_inside_count(p->input_w, reach_w);
    g->padding = ec_splat_byte(p->input_zero_point);
    g->kernel_h = p->kernel_h;
    g->dilation_h = p->dilation_h;
    g->dilation_w = p->dilation_w;
    g->runs = rows_are_runs ? 1u : p->kernel_w;
    g->run_taps = rows_are_runs ? p->kernel_w : 1u;
    g->channels = (uint32_t)p->input_c / p->groups;
    const uint32_t run_size = g->run_taps * g->channels;
    g->run_quads = run_size / EC_QUAD;
    g->rest_quads = ec_quads_of(g->kernel_h * g->runs * (run_size % EC_QUAD));
    g->quads = ec_quads_of(g->kernel_h * g->runs * run_size);
    g->run_step = (uint32_t)p->dilation_w * p->input_c;
    g->row_step = p->dilation_h * g->input_row;
    g->patch = scratch;
    uint32_t *const rests = g->patch + EC_QUAD_WORDS * g->quads;
    g->rests = rests;
    ec_add_band(g, p, reach_h, reach_w, (int8_t *)(rests + EC_QUAD * g->rest_quads));
    ec_list_rests(g, run_size, rests);
    ec_set_window_rows(g, &g->windows);
    g->row_pixels = p->output_w;
    if (ec_same_pixels(p)) { /* one long row */
        g->row_pixels = (uint32_t)p->output_h * p->output_w;
        g->inside_w = g->row_pixels;
    }
}

#endif
