/* Four filters share the inputs of a pixel: one load and two widenings serve sixteen products. */
#include "ec_conv_transpose2d_s8.h"

#include <stddef.h>

#include "ec_clamp_run.h"
#include "ec_conv_transpose2d_block.h"
#include "ec_lanes.h"

#define FILTERS 4
#define MOST_TAPS 9 /* listed at a time */

/* The taps of one axis that reach an output: `tap`, which reads the input at `from`, then every `tap_step`-th, each `from_step` further
 * back. */
typedef struct {
    int32_t tap;
    int32_t tap_step;
    int32_t count;
    int32_t from;
    int32_t from_step;
} taps;

/* `at` is the output's position plus the padding: tap k reads input (at - k * dilation) / stride where that divides. */
static taps taps_reaching(int32_t at, int32_t kernel, int32_t stride, int32_t dilation) {
    taps t = {0, 1, 0, 0, 0};
    while (t.tap < stride && (at - t.tap * dilation) % stride != 0) {
        t.tap++;
    }
    if (t.tap == stride || t.tap >= kernel) {
        return t;
    }
    while (t.tap_step * dilation % stride != 0) {
        t.tap_step++;
    }
    t.count = (kernel - t.tap + t.tap_step - 1) / t.tap_step;
    t.from = (at - t.tap * dilation) / stride;
    t.from_step = t.tap_step * dilation / stride;
    return t;
}

/* What all blocks of outputs of one pixel and group share. */
typedef struct {
    const ec_conv_transpose2d_s8_params *p;
    const int8_t *input; /* first channel of the group */
    taps rows;
    taps columns;
    int32_t channels; /* of a tap */
    int32_t filter_size;
    uint32_t padding; /* four channels of it */
    int32_t listed;
    ec_tap list[MOST_TAPS];
} window;

/* List taps from number `first` on. */
static void list_taps(window *w, int32_t first) {
    const ec_conv_transpose2d_s8_params *p = w->p;
    const int32_t total = w->rows.count * w->columns.count;
    w->listed = total - first < MOST_TAPS ? total - first : MOST_TAPS;
    int32_t row = first == 0 ? 0 : first / w->columns.count;
    int32_t column = first - row * w->columns.count;
    for (ec_tap *t = w->list; t != w->list + w->listed; t++) {
        const int32_t y = w->rows.from - row * w->rows.from_step;
        const int32_t x = w->columns.from - column * w->columns.from_step;
        const int32_t inside = y >= 0 && y < p->input_h && x >= 0 && x < p->input_w;
        const int32_t ky = w->rows.tap + row * w->rows.tap_step;
        const int32_t kx = w->columns.tap + column * w->columns.tap_step;
        t->input = inside ? w->input + (y * p->input_w + x) * p->input_c : (const int8_t *)&w->padding;
        t->step = inside ? 4 : 0;
        t->weights = (ky * p->kernel_w + kx) * w->channels;
        if (++column == w->columns.count) {
            column = 0;
            row++;
        }
    }
}

/* The listed taps of one filter, from channel `first` on. */
static int32_t sum_of_filter(const window *w, const int8_t *filter, int32_t first) {
    int32_t sum = 0;
    for (const ec_tap *tap = w->list; tap != w->list + w->listed; tap++) {
        const int32_t last = tap->step > 0 ? -1 : 3; /* of four bytes of padding, read again and again */
        for (int32_t c = first; c < w->channels; c++) {
            sum += tap->input[c & last] * filter[tap->weights + c];
        }
    }
    return sum;
}

/* sums[f] += the listed taps of `count` filters. */
static void add_filters(const window *w, const int8_t *filters, int32_t count, ec_four_filters *block) {
    int32_t done = 0;
    if (count == FILTERS && block->quads > 0) {
        block->end = w->list + w->listed;
        ec_add_four_filters(block, w->list, filters);
        done = 4 * block->quads;
    }
    if (done < w->channels) {
        for (int32_t f = 0; f < count; f++) {
            block->sums[f] += sum_of_filter(w, filters + f * w->filter_size, done);
        }
    }
}

/* Output channels oc .. oc + count - 1, four or one. */
static void run_block(window *w, const int32_t *bias, int32_t oc, int32_t count, int8_t *output) {
    const ec_conv_transpose2d_s8_params *p = w->p;
    const int32_t total = w->rows.count * w->columns.count;
    ec_four_filters block = {{0, 0, 0, 0}, w->filter_size, w->channels / 4, NULL};
    for (int32_t first = 0; first < total; first += MOST_TAPS) {
        if (total > MOST_TAPS) {
            list_taps(w, first);
        }
        add_filters(w, p->weights + oc * w->filter_size, count, &block);
    }
    for (int32_t f = 0; f < count; f++) {
        const int32_t sum = (int32_t)((uint32_t)(block.sums[f] + bias[oc + f]) << p->shift);
        output[oc + f] = ec_saturate(ec_rescale(sum, 2 * p->multiplier[oc + f], p->output_zero_point));
    }
}

/* One output pixel, group by group; the last four channels of a group may overlap those before. */
static void run_pixel(window *w, const int8_t *input, const int32_t *bias, int8_t *output) {
    const int32_t outputs = w->p->output_c / w->p->groups;
    const int32_t count = outputs < FILTERS ? 1 : FILTERS;
    for (int32_t group = 0; group < w->p->groups; group++) {
        w->input = input + group * w->channels;
        list_taps(w, 0);
        for (int32_t first = 0; first < outputs; first += count) {
            run_block(w, bias, group * outputs + (first < outputs - count ? first : outputs - count), count, output);
        }
    }
}

void ec_conv_transpose2d_s8_arm_dsp(const ec_conv_transpose2d_s8_params *params, const int8_t *input, int8_t *output) {
    const ec_conv_transpose2d_s8_params *p = params;
    int8_t *const start = output;
    window w = {.p = p, .channels = p->input_c / p->groups, .padding = ec_splat_byte(p->input_zero_point)};
    w.filter_size = p->kernel_h * p->kernel_w * w.channels;
    for (int32_t oy = 0; oy < p->output_h; oy++) {
        const int32_t at_y = oy + p->pad_top;
        w.rows = taps_reaching(at_y, p->kernel_h, p->stride_h, p->dilation_h);
        for (int32_t ox = 0; ox < p->output_w; ox++) {
            const int32_t at_x = ox + p->pad_left;
            w.columns = taps_reaching(at_x, p->kernel_w, p->stride_w, p->dilation_w);
            const int32_t phase = at_y % p->stride_h * p->stride_w + at_x % p->stride_w;
            run_pixel(&w, input, p->bias + phase * p->output_c, output);
            output += p->output_c;
        }
    }
    ec_clamp_run(start, (uint32_t)(output - start), p->clamp_min, p->clamp_max);
}
