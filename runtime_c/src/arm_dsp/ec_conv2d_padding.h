/* ec_conv2d_padding.h - the patches of pixels that read padding.
 *
 * Where taps are whole quads, such a window is put together quad by quad. Where they are not, the kernel's rows are copied to a band
 * with padding around them first, once for each row of the output.
 */
#ifndef EC_CONV2D_PADDING_H
#define EC_CONV2D_PADDING_H

#include "ec_conv2d_patch.h"
#include "ec_requantize.h"

static inline uint32_t *ec_pad_quads(uint32_t *to, uint32_t even, uint32_t odd, uint32_t quads) {
    for (; quads > 0; quads--, to += EC_QUAD_WORDS) {
        to[0] = even;
        to[EC_PIXELS] = odd;
    }
    return to;
}

/* A kernel row whose taps are one run: padding, input, padding. */
static inline uint32_t *ec_put_clipped_row(const ec_gather *g, uint32_t *to, const int8_t *from, int32_t x, uint32_t even, uint32_t odd) {
    const uint32_t tap_quads = g->channels / EC_QUAD;
    const int32_t taps = (int32_t)g->run_taps;
    const int32_t first = ec_clamp(-x, 0, taps);
    const int32_t end = ec_clamp(g->input_w - x, first, taps);
    to = ec_pad_quads(to, even, odd, (uint32_t)first * tap_quads);
    to = ec_put_quads(to, from + (uint32_t)first * g->channels, (uint32_t)(end - first) * tap_quads);
    return ec_pad_quads(to, even, odd, (uint32_t)(taps - end) * tap_quads);
}

/* A kernel row tap by tap. */
static inline uint32_t *ec_put_clipped_taps(const ec_gather *g, uint32_t *to, const int8_t *from, int32_t x, uint32_t even, uint32_t odd) {
    for (uint32_t tap = g->runs; tap > 0; tap--, x += g->dilation_w, from += g->run_step) {
        const int within = x >= 0 && x < g->input_w;
        to = within ? ec_put_quads(to, from, g->run_quads) : ec_pad_quads(to, even, odd, g->run_quads);
    }
    return to;
}

/* One pixel that reads padding; its taps are whole quads. */
EC_NOT_INLINED static void ec_put_clipped_window(const ec_gather *g, const ec_pixel *at, uint32_t *to) {
    const uint32_t even = ec_sxtb16(g->padding);
    const uint32_t odd = ec_sxtb16_odd(g->padding);
    const int8_t *from = at->from;
    int32_t y = at->y;
    for (uint32_t ky = g->kernel_h; ky > 0; ky--, y += g->dilation_h, from += g->row_step) {
        if (y < 0 || y >= g->input_h) {
            to = ec_pad_quads(to, even, odd, g->runs * g->run_quads);
        } else if (g->runs > 1u) {
            to = ec_put_clipped_taps(g, to, from, at->x, even, odd);
        } else {
            to = ec_put_clipped_row(g, to, from, at->x, even, odd);
        }
    }
}

/* The patch of `count` pixels; those that read no padding go together where that is faster than one by one. */
EC_NOT_INLINED static void ec_fill_patch(ec_gather *g, const ec_pixel *at, uint32_t count) {
    const int8_t *any = NULL;
    uint32_t inside = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (ec_is_inside(g, at[i].y, at[i].x)) {
            any = at[i].from;
            inside++;
        }
    }
    const int together = inside > 1u;
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        g->windows.source[i] = i < count && ec_is_inside(g, at[i].y, at[i].x) ? at[i].from : any;
    }
    if (together) {
        ec_put_four_windows(g);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!ec_is_inside(g, at[i].y, at[i].x)) {
            ec_put_clipped_window(g, &at[i], g->patch + i);
        } else if (!together) {
            ec_put_window(g, at[i].from, g->patch + i);
        }
    }
}

/* Bytes, and up to three more behind them. */
static inline void ec_pad_bytes(int8_t *to, uint32_t padding, uint32_t count) {
    for (uint32_t i = 0; i < count; i += sizeof padding) {
        ec_store_word(to + i, padding);
    }
}

static inline void ec_copy_bytes(int8_t *to, const int8_t *from, uint32_t count) {
    for (; count >= EC_QUAD; count -= EC_QUAD, to += EC_QUAD, from += EC_QUAD) {
        ec_store_word(to, ec_load_word(from));
    }
    for (; count > 0; count--) {
        *to++ = *from++;
    }
}

/* The rows that an output row reads, from input row y on, each padded on both sides. */
EC_NOT_INLINED static void ec_fill_band(const ec_gather *g, const int8_t *input, int32_t y) {
    int8_t *to = g->band;
    for (uint32_t ky = g->kernel_h; ky > 0; ky--, y += g->dilation_h, to += g->band_row) {
        if (y < 0 || y >= g->input_h) {
            ec_pad_bytes(to, g->padding, g->band_row);
            continue;
        }
        const uint32_t end = g->band_left + g->band_inside;
        ec_pad_bytes(to, g->padding, g->band_left);
        ec_copy_bytes(to + g->band_left, input + (uint32_t)y * g->input_row, g->band_inside);
        ec_pad_bytes(to + end, g->padding, g->band_row - end);
    }
}

#endif
