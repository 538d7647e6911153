#include "ec_conv_transpose2d_s8.h"

#include "ec_blocks.h"
#include "ec_dot.h"
#include "ec_requantize.h"

/* The taps of one axis that reach an output: `tap`, which reads the input at `from`, then every `tap_step`-th, each
 * `from_step` further back. */
typedef struct {
    int32_t tap;
    int32_t tap_step;
    int32_t from;
    int32_t from_step;
} taps;

/* Up to EC_DOT_FILTERS neighbouring output channels of one group, computed together. */
typedef struct {
    const int8_t *input; /* first channel of the group */
    const int8_t *weights;
    uint32_t channels;    /* a tap */
    uint32_t filter_size; /* weights from one filter to the next */
    uint32_t filters;
    int32_t sums[EC_DOT_FILTERS];
} block;

/* `at` is the output's position plus the padding: tap k reads input (at - k * dilation) / stride where that divides. */
static taps taps_reaching(int32_t at, int32_t stride, int32_t dilation) {
    taps t = {0, 1, 0, 0};
    while (t.tap < stride && (at - t.tap * dilation) % stride != 0) {
        t.tap++;
    }
    if (t.tap == stride) {
        t.tap = INT32_MAX; /* none ever divides */
        return t;
    }
    while (t.tap_step * dilation % stride != 0) {
        t.tap_step++;
    }
    t.from = (at - t.tap * dilation) / stride;
    t.from_step = t.tap_step * dilation / stride;
    return t;
}

static void add_tap(const ec_conv_transpose2d_s8_params *p, int32_t y, int32_t x, const int8_t *weights, block *b) {
    if (y >= 0 && y < p->input_h && x >= 0 && x < p->input_w) {
        const int8_t *pixel = b->input + ((uint32_t)y * p->input_w + (uint32_t)x) * p->input_c;
        ec_dot_filters(pixel, weights, b->filter_size, b->channels, b->filters, b->sums);
    } else {
        ec_dot_padding(p->input_zero_point, weights, b->filter_size, b->channels, b->filters, b->sums);
    }
}

static void add_taps(const ec_conv_transpose2d_s8_params *p, const taps *rows, const taps *columns, block *b) {
    int32_t y = rows->from;
    for (int32_t ky = rows->tap; ky < p->kernel_h; ky += rows->tap_step) {
        int32_t x = columns->from;
        for (int32_t kx = columns->tap; kx < p->kernel_w; kx += columns->tap_step) {
            add_tap(p, y, x, b->weights + (uint32_t)(ky * p->kernel_w + kx) * b->channels, b);
            x -= columns->from_step;
        }
        y -= rows->from_step;
    }
}

static void pixel_outputs(const ec_conv_transpose2d_s8_params *p, const int8_t *input, const int32_t *bias, const taps *rows,
                          const taps *columns, int8_t *output) {
    const uint32_t group_outputs = (uint32_t)p->output_c / p->groups;
    block b;
    b.channels = (uint32_t)p->input_c / p->groups;
    b.filter_size = (uint32_t)p->kernel_h * p->kernel_w * b.channels;
    for (uint32_t oc = 0; oc < p->output_c; oc += b.filters) {
        b.filters = ec_block(group_outputs, oc % group_outputs, EC_DOT_FILTERS);
        b.input = input + oc / group_outputs * b.channels;
        b.weights = p->weights + oc * b.filter_size;
        for (uint32_t f = 0; f < b.filters; f++) {
            b.sums[f] = bias[oc + f];
        }
        add_taps(p, rows, columns, &b);
        for (uint32_t f = 0; f < b.filters; f++) {
            output[oc + f] = ec_requantize(b.sums[f], p->multiplier[oc + f], p->shift, p->output_zero_point, p->clamp_min, p->clamp_max);
        }
    }
}

void ec_conv_transpose2d_s8(const ec_conv_transpose2d_s8_params *params, const int8_t *input, int8_t *output) {
    for (int32_t oy = 0; oy < params->output_h; oy++) {
        const int32_t at_y = oy + params->pad_top;
        const taps rows = taps_reaching(at_y, params->stride_h, params->dilation_h);
        for (int32_t ox = 0; ox < params->output_w; ox++) {
            const int32_t at_x = ox + params->pad_left;
            const taps columns = taps_reaching(at_x, params->stride_w, params->dilation_w);
            const int32_t phase = at_y % params->stride_h * params->stride_w + at_x % params->stride_w;
            pixel_outputs(params, input, params->bias + (uint32_t)phase * params->output_c, &rows, &columns, output);
            output += params->output_c;
        }
    }
}
