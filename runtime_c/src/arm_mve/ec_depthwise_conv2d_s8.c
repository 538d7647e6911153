/* The inputs of a tile, some pixels of a row in all channels, are brought together as words of four; then a channel's window is gathered
 * in one to four vectors and its sum is one VMLADAVA each.
 *
 * Weights: [output_c][kernel_w][kernel_h]. The plan computes the size of scratch as ec_mve_make_depthwise does.
 */
#include "ec_depthwise_conv2d_s8.h"

#include <stddef.h>

#include "ec_mve_depthwise_layout.h"
#include "ec_mve_interleave.h"
#include "ec_mve_windows.h"
#include "ec_requantize.h"

/* Words of sixteen channels or fewer, of which several read one input channel. */
static void fill_multiplied(const ec_mve_depthwise *d, ec_mve_rows rows, uint32_t first, uint32_t columns, uint32_t step, int8_t *to) {
    const uint32_t m = d->p->channel_multiplier;
    const uint32_t left = d->p->output_c - first;
    uint8_t offsets[EC_MVE_BYTES];
    for (uint32_t i = 0; i < EC_MVE_BYTES; i++) {
        offsets[i] = (uint8_t)((first % m + i) / m);
    }
    ec_mve_advance(&rows, first / m);
    ec_mve_interleave_some(&rows, vldrbq_u8(offsets), left < EC_MVE_BYTES ? left : EC_MVE_BYTES, step, columns, to + EC_MVE_WORD * first,
                           d->column_size);
}

/* Words of all channels in `columns` columns, whose rows go on `step` bytes from one to the next. Where there are fewer than sixteen, words
 * behind them are overwritten: those must be filled afterwards. */
static void fill_words(const ec_mve_depthwise *d, ec_mve_rows rows, uint32_t columns, uint32_t step, int8_t *to) {
    const uint32_t channels = d->p->output_c;
    if (d->p->channel_multiplier > 1) {
        for (uint32_t first = 0; first + EC_MVE_BYTES <= channels; first += EC_MVE_BYTES) {
            fill_multiplied(d, rows, first, columns, step, to);
        }
        if (channels % EC_MVE_BYTES != 0) {
            fill_multiplied(d, rows, channels < EC_MVE_BYTES ? 0 : channels - EC_MVE_BYTES, columns, step, to);
        }
    } else if (step == channels) {
        ec_mve_interleave(&rows, columns * step, to);
    } else {
        for (; columns > 0; columns--) {
            ec_mve_interleave(&rows, channels, to);
            ec_mve_advance(&rows, step);
            to += d->column_size;
        }
    }
}

/* Words of inputs above each other. */
static void fill_across(const ec_mve_depthwise *d, const int8_t *input, int32_t y, int32_t x, uint32_t pixels) {
    const ec_depthwise_conv2d_s8_params *p = d->p;
    const int32_t columns = (int32_t)ec_mve_columns(d, pixels);
    const int32_t before = ec_clamp(-x, 0, columns);
    const int32_t end = ec_clamp(p->input_w - x, before, columns);
    const int32_t last_tap = (int32_t)(d->taps + (d->rows - 1U) * p->stride_h) - 1;
    for (uint32_t plane = 0; plane < d->planes; plane++) {
        int8_t *const to = d->tile + plane * d->plane_size;
        ec_mve_rows rows;
        for (uint32_t i = 0; i < EC_MVE_ROWS; i++) {
            const int32_t row = y + ec_clamp((int32_t)(EC_MVE_WORD * plane + i), 0, last_tap) * p->dilation_h;
            const int outside = row < 0 || row >= p->input_h;
            rows.row[i] = outside ? d->padding : input + (uint32_t)(row * p->input_w + x + before) * p->input_c;
        }
        if (end > before) {
            fill_words(d, rows, (uint32_t)(end - before), p->input_c, to + (uint32_t)before * d->column_size);
        }
        ec_mve_fill(to, p->input_zero_point, (uint32_t)before * d->column_size);
        ec_mve_fill(to + (uint32_t)end * d->column_size, p->input_zero_point, (uint32_t)(columns - end) * d->column_size);
    }
}

/* Words of inputs beside each other, the taps of a plane. */
static void fill_along(const ec_mve_depthwise *d, const int8_t *line, int32_t x, uint32_t pixels, uint32_t plane) {
    const ec_depthwise_conv2d_s8_params *p = d->p;
    const int32_t reach = (int32_t)(d->taps - 1U) * p->dilation_w;
    int8_t *to = d->tile + plane * d->plane_size;
    uint32_t alike; /* pixels: those whose windows are inside, or one */
    for (; pixels > 0; pixels -= alike) {
        const uint32_t inside = x < 0 || x + reach >= p->input_w ? 0 : (uint32_t)(p->input_w - 1 - reach - x) / p->stride_w + 1U;
        alike = inside == 0 ? 1 : inside < pixels ? inside : pixels;
        ec_mve_rows rows;
        for (uint32_t i = 0; i < EC_MVE_ROWS; i++) {
            const int32_t tap = ec_clamp((int32_t)(EC_MVE_WORD * plane + i), 0, (int32_t)d->taps - 1);
            const int32_t column = x + tap * p->dilation_w;
            rows.row[i] = column < 0 || column >= p->input_w ? d->padding : line + (uint32_t)column * p->input_c;
        }
        fill_words(d, rows, alike, (uint32_t)p->stride_w * p->input_c, to);
        to += alike * d->column_size;
        x += (int32_t)(alike * p->stride_w);
    }
}

static void fill_tile(const ec_mve_depthwise *d, const int8_t *input, uint32_t oy, uint32_t ox, uint32_t pixels) {
    const ec_depthwise_conv2d_s8_params *p = d->p;
    const int32_t y = (int32_t)(oy * p->stride_h) - p->pad_top;
    const int32_t x = (int32_t)(ox * p->stride_w) - p->pad_left;
    if (!d->along) {
        fill_across(d, input, y, x, pixels);
    } else if (y >= 0 && y < p->input_h) {
        for (uint32_t plane = 0; plane < d->planes; plane++) {
            fill_along(d, input + (uint32_t)y * p->input_w * p->input_c, x, pixels, plane);
        }
    } else {
        ec_mve_fill(d->tile, p->input_zero_point, d->planes * d->plane_size);
    }
}

/* Where a tile's outputs go: `below` is the next row where two are computed together, and `output` again where there is none. */
typedef struct {
    uint32_t pixels;
    int8_t *output;
    int8_t *below;
} outputs;

/* Pairs of pixels side by side; both are the same pixel where `apart` is 0. */
static void compute_in_a_row(const ec_mve_depthwise *d, ec_mve_pairs *c, const int8_t *at, int8_t *output, uint32_t apart) {
    const int8_t *const at1 = at + apart * d->column_step * d->column_size;
    int8_t *const output1 = output + apart * d->p->output_c;
    if (d->vectors == 1) {
        const uint32x4_t words = vldrwq_u32(d->offsets);
        ec_mve_pairs_in_a_row(c, vaddq_n_u32(words, (uint32_t)(uintptr_t)at - EC_MVE_WORD),
                              vaddq_n_u32(words, (uint32_t)(uintptr_t)at1 - EC_MVE_WORD), output, output1);
    } else {
        ec_mve_wide_pairs(c, d->vectors, d->offsets, at, at1, output, output1);
    }
}

/* Blocks of channels from `channel` on. */
static void compute_channels(const ec_mve_depthwise *d, ec_mve_pairs *c, uint32_t channel, uint32_t blocks, const outputs *o) {
    const ec_depthwise_conv2d_s8_params *p = d->p;
    const uint32_t pixels_of_a_pair = d->rows == 2 ? 1U : 2U;
    const uint32_t pixel_size = d->column_step * d->column_size;
    const int8_t *const at = d->tile + EC_MVE_WORD * channel;
    c->weights = d->weights + channel * d->rows * d->vectors * EC_MVE_BYTES;
    c->blocks = blocks;
    c->bias = p->bias + channel;
    c->multiplier = p->multiplier + channel;
    c->input_skip = pixels_of_a_pair * pixel_size - EC_MVE_WORD * EC_MVE_CHANNELS * blocks;
    c->output_skip = pixels_of_a_pair * p->output_c - EC_MVE_CHANNELS * blocks;
    c->pairs = o->pixels / pixels_of_a_pair;
    if (d->rows == 2) {
        const uint32x4_t words = vaddq_n_u32(vldrwq_u32(d->offsets), (uint32_t)(uintptr_t)at - EC_MVE_WORD);
        ec_mve_pairs_above(c, words, o->output + channel, o->below + channel);
        return;
    }
    if (c->pairs > 0) {
        compute_in_a_row(d, c, at, o->output + channel, 1);
    }
    if (o->pixels % 2U != 0) {
        const uint32_t last = o->pixels - 1U;
        c->pairs = 1;
        compute_in_a_row(d, c, at + last * pixel_size, o->output + last * p->output_c + channel, 0);
    }
}

/* Channels beyond the last whole block are one block more, which reaches back over channels that are done already. */
static void compute_tile(const ec_mve_depthwise *d, ec_mve_pairs *c, const outputs *o) {
    const uint32_t channels = d->p->output_c;
    compute_channels(d, c, 0, channels / EC_MVE_CHANNELS, o);
    if (channels % EC_MVE_CHANNELS != 0) {
        compute_channels(d, c, channels - EC_MVE_CHANNELS, 1, o);
    }
}

void ec_depthwise_conv2d_s8_arm_mve(const ec_depthwise_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const ec_mve_depthwise d = ec_mve_make_depthwise(params, scratch);
    ec_mve_pairs pairs;
    ec_mve_set_rescaling(&pairs, params->output_zero_point, params->clamp_min, params->clamp_max);
    ec_mve_spread_weights(&d);
    ec_mve_fill(d.padding, params->input_zero_point, d.columns * params->input_c);
    for (uint32_t oy = 0; oy < params->output_h; oy += d.rows) {
        const uint32_t below = oy + 1U < params->output_h ? (d.rows - 1U) * params->output_w * params->output_c : 0;
        for (uint32_t ox = 0; ox < params->output_w; ox += d.pixels) {
            const uint32_t left = params->output_w - ox;
            int8_t *const first = output + (oy * params->output_w + ox) * params->output_c;
            const outputs o = {left < d.pixels ? left : d.pixels, first, first + below};
            fill_tile(&d, input, oy, ox, o.pixels);
            compute_tile(&d, &pairs, &o);
        }
    }
}
