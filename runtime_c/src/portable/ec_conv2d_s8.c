#include "ec_conv2d_s8.h"

#include "ec_blocks.h"
#include "ec_dot.h"
#include "ec_requantize.h"

/* Up to EC_DOT_FILTERS neighbouring output channels of one group, computed together. */
typedef struct {
    const int8_t *input; /* first channel of the group */
    const int8_t *weights;
    uint32_t channels;    /* a tap */
    uint32_t row_size;    /* weights of a kernel row */
    uint32_t filter_size; /* weights from one filter to the next */
    uint32_t filters;
    int32_t sums[EC_DOT_FILTERS];
} block;

static void add_padding(const ec_conv2d_s8_params *p, const int8_t *weights, uint32_t count, block *b) {
    ec_dot_padding(p->input_zero_point, weights, b->filter_size, count, b->filters, b->sums);
}

static void add_taps(const int8_t *input, const int8_t *weights, uint32_t count, block *b) {
    ec_dot_filters(input, weights, b->filter_size, count, b->filters, b->sums);
}

/* A kernel row whose taps lie side by side: padding, a run of pixels, padding. */
static void add_run(const ec_conv2d_s8_params *p, const int8_t *row, int32_t x, const int8_t *weights, block *b) {
    const int32_t first = ec_clamp(-x, 0, p->kernel_w);
    const int32_t end = ec_clamp(p->input_w - x, first, p->kernel_w);
    const uint32_t before = (uint32_t)first * b->channels;
    const uint32_t inside = (uint32_t)(end - first) * b->channels;
    const uint32_t after = b->row_size - before - inside;
    add_padding(p, weights, before, b);
    if (inside > 0) {
        add_taps(row + (uint32_t)(x + first) * b->channels, weights + before, inside, b);
    }
    add_padding(p, weights + before + inside, after, b);
}

/* A kernel row tap by tap. */
static void add_each(const ec_conv2d_s8_params *p, const int8_t *row, int32_t x, const int8_t *weights, block *b) {
    for (uint32_t kx = 0; kx < p->kernel_w; kx++) {
        if (x >= 0 && x < p->input_w) {
            add_taps(row + (uint32_t)x * p->input_c, weights, b->channels, b);
        } else {
            add_padding(p, weights, b->channels, b);
        }
        weights += b->channels;
        x += p->dilation_w;
    }
}

/* The window whose first tap lies at (y, x), which may be in the padding. */
static void add_window(const ec_conv2d_s8_params *p, int32_t y, int32_t x, block *b) {
    const int8_t *weights = b->weights;
    for (uint32_t ky = 0; ky < p->kernel_h; ky++) {
        if (y < 0 || y >= p->input_h) {
            add_padding(p, weights, b->row_size, b);
        } else {
            const int8_t *row = b->input + (uint32_t)y * p->input_w * p->input_c;
            if (p->dilation_w == 1 && p->groups == 1) {
                add_run(p, row, x, weights, b);
            } else {
                add_each(p, row, x, weights, b);
            }
        }
        weights += b->row_size;
        y += p->dilation_h;
    }
}

static void pixel_outputs(const ec_conv2d_s8_params *p, const int8_t *input, int32_t y, int32_t x, int8_t *output) {
    const uint32_t group_outputs = (uint32_t)p->output_c / p->groups;
    block b;
    b.channels = (uint32_t)p->input_c / p->groups;
    b.row_size = p->kernel_w * b.channels;
    b.filter_size = p->kernel_h * b.row_size;
    for (uint32_t oc = 0; oc < p->output_c; oc += b.filters) {
        b.filters = ec_block(group_outputs, oc % group_outputs, EC_DOT_FILTERS);
        b.input = input + oc / group_outputs * b.channels;
        b.weights = p->weights + oc * b.filter_size;
        for (uint32_t f = 0; f < b.filters; f++) {
            b.sums[f] = p->bias[oc + f];
        }
        add_window(p, y, x, &b);
        for (uint32_t f = 0; f < b.filters; f++) {
            output[oc + f] = ec_requantize(b.sums[f], p->multiplier[oc + f], p->shift, p->output_zero_point, p->clamp_min, p->clamp_max);
        }
    }
}

void ec_conv2d_s8(const ec_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    (void)scratch;
    for (int32_t oy = 0; oy < params->output_h; oy++) {
        for (int32_t ox = 0; ox < params->output_w; ox++) {
            const int32_t y = oy * params->stride_h - params->pad_top;
            const int32_t x = ox * params->stride_w - params->pad_left;
            pixel_outputs(params, input, y, x, output);
            output += params->output_c;
        }
    }
}
