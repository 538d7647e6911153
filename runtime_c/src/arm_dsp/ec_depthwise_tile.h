/* ec_depthwise_tile.h - how a depthwise convolution is cut into tiles whose padded int16 planes fit a few kilobytes.
 *
 * Windows slide along one axis of the image, the other axis runs across it. Outputs first, first + phases, first + 2 * phases ... of an
 * axis with dilation d and stride s read only every d-th position, at stride s / gcd(s, d): each such phase is a convolution without
 * dilation. The same arithmetic stands in edgecomp/plan/instruction_sets/arm_dsp_depthwise.py.
 */
#ifndef EC_DEPTHWISE_TILE_H
#define EC_DEPTHWISE_TILE_H

#include <stdint.h>

#include "ec_depthwise_conv2d_s8.h"
#include "ec_depthwise_rows.h"
#include "ec_dsp.h"

#define EC_PLANES 4         /* input channels unpacked at a time */
#define EC_TILE_BYTES 6144  /* of planes, unless one row of outputs needs more */
#define EC_TILE_OUTPUTS 64  /* along */
#define EC_BLOCK_OUTPUTS 4  /* along, computed together */
#define EC_LONGEST_STRIDE 2 /* along, within a phase */

typedef struct {
    int32_t inputs; /* positions */
    int32_t outputs;
    int32_t taps;
    int32_t output_stride; /* positions from one output to the next */
    int32_t tap_stride;    /* positions from one tap to the next, and between the elements that a phase reads */
    int32_t padding;
    int32_t phases;
    int32_t stride;       /* elements of a phase from one of its outputs to the next */
    int32_t input_step;   /* bytes between neighbours */
    int32_t element_step; /* bytes between elements of a phase */
    int32_t output_step;  /* bytes between outputs of a phase */
    int32_t weight_step;
} ec_axis;

/* Taps along are cut into segments, each of which starts `advance` after the one before: 3, 5 or 7 taps that overlap by one at stride 1,
 * where outputs at odd positions need weight pairs of their own, and 4, 6 or 8 taps at stride 2. */
typedef struct {
    int32_t taps;
    int32_t advance;
    int32_t count;
    int32_t words; /* of weight pairs, a row */
} ec_segments;

typedef struct {
    ec_axis along;
    ec_axis across;
    ec_segments segments;
    int32_t planes;
    int32_t tile_outputs; /* along */
    int32_t tile_rows;    /* of outputs, across */
    int32_t pitch;        /* elements of a plane's rows, even */
    int32_t plane_rows;
    int32_t plane_elements;
    int32_t table_words; /* of one channel */
    uint32_t padding;    /* the byte that pads, four times */
    int32_t has_three_rows;
    int32_t direct; /* read inputs where they lie: the rest does not count */
} ec_tiling;

static inline int32_t ec_smaller(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t ec_round_up(int32_t value, int32_t divisor) { return (value + divisor - 1) / divisor; }

__attribute__((noinline)) static int32_t ec_greatest_common_divisor(int32_t a, int32_t b) {
    while (b != 0) {
        const int32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Divide the axis into phases. */
static inline void ec_set_phases(ec_axis *axis) {
    if (axis->taps == 1) {
        axis->tap_stride = axis->output_stride; /* skip what no window reads */
    }
    const int32_t divisor = ec_greatest_common_divisor(axis->output_stride, axis->tap_stride);
    axis->phases = axis->tap_stride / divisor;
    axis->stride = axis->output_stride / divisor;
    axis->element_step = axis->tap_stride * axis->input_step;
    axis->output_step *= axis->phases;
}

static inline void ec_rows_of(const ec_depthwise_conv2d_s8_params *p, ec_axis *rows) {
    rows->inputs = p->input_h;
    rows->outputs = p->output_h;
    rows->taps = p->kernel_h;
    rows->output_stride = p->stride_h;
    rows->tap_stride = p->dilation_h;
    rows->padding = p->pad_top;
    rows->input_step = p->input_w * p->input_c;
    rows->output_step = p->output_w * p->output_c;
    rows->weight_step = p->kernel_w * p->output_c;
    ec_set_phases(rows);
}

static inline void ec_columns_of(const ec_depthwise_conv2d_s8_params *p, ec_axis *columns) {
    columns->inputs = p->input_w;
    columns->outputs = p->output_w;
    columns->taps = p->kernel_w;
    columns->output_stride = p->stride_w;
    columns->tap_stride = p->dilation_w;
    columns->padding = p->pad_left;
    columns->input_step = p->input_c;
    columns->output_step = p->output_c;
    columns->weight_step = p->output_c;
    ec_set_phases(columns);
}

/* The cheapest segments, by the instructions of a row of a block. */
__attribute__((noinline)) static ec_segments ec_segments_for(const ec_axis *along, int32_t *cost) {
    static const uint8_t row_instructions[3] = {14, 20, 26};
    ec_segments best = {0, 0, 0, 0};
    *cost = INT32_MAX;
    for (int32_t size = 0; size < 3; size++) {
        const int32_t overlap = along->stride == 1 ? 1 : 0;
        const int32_t advance = 2 * size + (overlap ? 2 : 4);
        const int32_t count = along->taps > overlap ? ec_round_up(along->taps - overlap, advance) : 1;
        if (count * row_instructions[size] < *cost) {
            *cost = count * row_instructions[size];
            best = (ec_segments){advance + overlap, advance, count, overlap ? advance : advance / 2};
        }
    }
    return best;
}

/* Whether every output reads one input, its own. */
static inline int ec_is_one_tap(const ec_depthwise_conv2d_s8_params *p) {
    return p->kernel_h * p->kernel_w == 1 && p->stride_h == 1 && p->stride_w == 1 && p->output_h == p->input_h &&
           p->output_w == p->input_w && p->pad_top == 0 && p->pad_left == 0;
}

/* Whether the inner loop of three rows serves, see ec_depthwise_rows.h. */
static inline int32_t ec_has_three_rows(const ec_axis *across, const ec_segments *segments) {
    return across->taps == 3 && segments->count == 1 && segments->words == 2;
}

/* Estimated instructions of four channels whose windows slide along `along`, proved to fit 32 bits; INT32_MAX where the stride is too
 * long. */
static inline int32_t ec_cost_along(const ec_axis *along, const ec_axis *across) {
    if (along->stride > EC_LONGEST_STRIDE) {
        return INT32_MAX;
    }
    int32_t row_cost;
    const ec_segments segments = ec_segments_for(along, &row_cost);
    const int32_t outputs = ec_round_up(along->outputs, along->phases);
    const int32_t rows = across->outputs * along->phases;
    const int32_t block = across->taps * row_cost + (ec_has_three_rows(across, &segments) ? 10 : 65);
    const int32_t windows = 25 + ec_round_up(outputs, 2) * block / 2;
    const int32_t unpacking = across->stride * (outputs * along->stride * 6 + 60);
    const int32_t tables = 500 + across->taps * segments.count * segments.words * 45;
    return rows * (4 * windows + unpacking) + along->phases * across->phases * tables;
}

/* The same of reading inputs where they lie, which takes one filter a channel. */
static inline int32_t ec_cost_direct(const ec_depthwise_conv2d_s8_params *p) {
    if (p->channel_multiplier > 1) {
        return INT32_MAX;
    }
    if (ec_is_one_tap(p)) {
        return p->output_h * p->output_w * 32;
    }
    const int32_t taps = p->kernel_h * p->kernel_w;
    return p->output_h * p->output_w * (taps * 15 + 60 + (taps * 112 + 240) / p->input_c);
}

/* Sizes of tiles, for the axes and planes that `t` holds. */
static inline void ec_size_tiles(ec_tiling *t) {
    const ec_axis *along = &t->along;
    const ec_axis *across = &t->across;
    int32_t row_cost;
    t->segments = ec_segments_for(along, &row_cost);
    t->has_three_rows = ec_has_three_rows(across, &t->segments);
    t->tile_outputs = ec_smaller(ec_round_up(along->outputs, along->phases), EC_TILE_OUTPUTS);
    const int32_t last = ec_round_up(t->tile_outputs, EC_BLOCK_OUTPUTS) * EC_BLOCK_OUTPUTS - 1;
    const int32_t elements = along->stride * last + t->segments.count * t->segments.advance + 1;
    t->pitch = ec_round_up(elements, 2) * 2;
    const int32_t most_rows = EC_TILE_BYTES / (t->planes * t->pitch * 2);
    const int32_t rows = most_rows > across->taps ? (most_rows - across->taps) / across->stride + 1 : 1;
    t->tile_rows = ec_smaller(rows, ec_round_up(across->outputs, across->phases));
    t->plane_rows = (t->tile_rows - 1) * across->stride + across->taps;
    t->plane_elements = t->plane_rows * t->pitch;
    t->table_words = EC_TABLE_HEAD_WORDS + t->segments.count * t->segments.words * across->taps;
}

static inline void ec_tile(const ec_depthwise_conv2d_s8_params *p, ec_tiling *t) {
    t->planes = ec_smaller(p->input_c, EC_PLANES);
    t->padding = ec_splat_byte(p->input_zero_point);
    ec_rows_of(p, &t->across);
    ec_columns_of(p, &t->along);
    const int32_t right = ec_cost_along(&t->along, &t->across);
    const int32_t down = ec_cost_along(&t->across, &t->along);
    if (down < right) {
        const ec_axis columns = t->along;
        t->along = t->across;
        t->across = columns;
    }
    t->direct = ec_cost_direct(p) < (down < right ? down : right);
    if (!t->direct) {
        ec_size_tiles(t);
    }
}

#endif
