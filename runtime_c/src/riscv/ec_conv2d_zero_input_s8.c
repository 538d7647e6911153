/* The inputs of a row that are not zero are listed once, then multiplied by blocks of up to 24 output channels, three multiplications for
 * four products (ec_four_sums.h).
 *
 * weights: two words, the offset of sums and the quads of a block; then for each group, for each block of that many quads of output
 * channels (the last may be smaller) [kernel_h][kernel_w][input_c / groups][channels of the block].
 * bias: [output_c], plus input_zero_point * sum of the channel's weights, minus the offset. multiplier: [output_c], doubled.
 * scratch: the taps of a window and a NULL, the rows of a window, the number of the row in each place of the ring, the ring's rows, an
 * empty list, the merged weights of a block; edgecomp/plan/instruction_sets/riscv_zero_input.py counts the bytes.
 */
#if !defined(__riscv_mul) || __riscv_xlen != 32 || defined(__riscv_32e)
#error "this kernel needs a 32-bit RISC-V with M and 32 registers: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_conv2d_zero_input_s8.h"

#include <string.h>

#include "ec_blocks.h"
#include "ec_four_sums.h"
#include "ec_riscv_four_sums.h"
#include "ec_zero_input_lists.h"
#include "ec_zero_input_sums.h"

#define NO_ROW INT32_MAX
#define ENLARGED_BITS 0U

/* A row of the input that windows read, and the weights of its taps. */
typedef struct {
    const ec_entry *lists;
    const uint8_t *words;
} listed_row;

typedef struct {
    const ec_conv2d_zero_input_s8_params *params;
    ec_list_format format;
    ec_riscv_relu_output to;
    uint32_t start[EC_QUAD_WORDS]; /* of a quad */
    uint32_t reach;                /* input rows from the first to the last of a window: places in the ring */
    uint32_t row_entries;          /* of a listed row */
    ec_listed_tap *taps;           /* [kernel_h * kernel_w + 1] */
    listed_row *rows;              /* [kernel_h] */
    int32_t *listed;               /* [reach], the input row in each place of the ring, or NO_ROW */
    ec_entry *ring;                /* [reach][row_entries] */
    ec_entry *nothing;             /* an empty list */
    uint32_t *words;               /* [kernel_h][kernel_w][channels][words of a block] */
    uint32_t tap_bytes;            /* of a tap's words */
} layer;

/* Output channels that are computed together. */
typedef struct {
    const int8_t *input; /* first channel of the group */
    const int8_t *weights;
    uint32_t channel;
    uint32_t channels;
    ec_add_taps *add;
} block;

/* The block's weights, merged; returns their end. */
static __attribute__((noinline)) const int8_t *merge_weights(const layer *l, const block *b) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    const int8_t *weights = b->weights;
    uint32_t *to = l->words;
    const uint32_t whole = b->channels / EC_QUAD;
    const uint32_t rest = b->channels % EC_QUAD;
    for (uint32_t left = p->kernel_h * p->kernel_w * l->format.channels; left > 0; left--) {
        for (uint32_t quads = whole; quads > 0; quads--) {
            ec_merge_quad(weights, EC_QUAD, ENLARGED_BITS, to);
            weights += EC_QUAD;
            to += EC_QUAD_WORDS;
        }
        if (rest > 0) {
            ec_merge_quad(weights, rest, ENLARGED_BITS, to);
            weights += rest;
            to += EC_QUAD_WORDS;
        }
    }
    return weights;
}

/* Lists an input row unless the ring holds it. */
static const ec_entry *list_row(const layer *l, const block *b, int32_t y) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    const uint32_t place = (uint32_t)y % l->reach;
    ec_entry *row = l->ring + place * l->row_entries;
    if (l->listed[place] != y) {
        l->listed[place] = y;
        ec_list_columns(&l->format, b->input + (uint32_t)y * p->input_w * p->input_c, p->input_w, row);
    }
    return row;
}

/* The rows within the input that the windows of an output row read, the first of them at `y`; returns their end. */
static const listed_row *list_rows(const layer *l, const block *b, int32_t y) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    const uint8_t *words = (const void *)l->words;
    listed_row *row = l->rows;
    for (uint32_t i = 0; i < p->kernel_h; i++) {
        if (y >= 0 && y < p->input_h) {
            row->lists = list_row(l, b, y);
            row->words = words;
            row++;
        }
        words += p->kernel_w * l->tap_bytes;
        y += p->dilation_h;
    }
    return row;
}

/* The taps within the input of the window whose first column is `x`; an empty list where there are none. */
static void find_taps(const layer *l, const listed_row *rows_end, int32_t x) {
    const int32_t dilation = l->params->dilation_w;
    const int32_t width = l->params->input_w;
    int32_t before = 0;
    int32_t end = l->params->kernel_w;
    while (before < end && x + before * dilation < 0) {
        before++;
    }
    while (end > before && x + (end - 1) * dilation >= width) {
        end--;
    }
    ec_listed_tap *tap = l->taps;
    const int32_t step = dilation * (int32_t)l->format.list;
    const int32_t first = (x + before * dilation) * (int32_t)l->format.list;
    for (const listed_row *row = l->rows; row != rows_end; row++) {
        const ec_entry *list = before < end ? row->lists + first : NULL;
        const uint8_t *words = row->words + (uint32_t)before * l->tap_bytes;
        for (int32_t left = end - before; left > 0; left--) {
            tap->list = list;
            tap->words = words;
            tap++;
            list += step;
            words += l->tap_bytes;
        }
    }
    if (tap == l->taps) {
        tap->list = l->nothing;
        tap++;
    }
    tap->list = NULL;
}

/* Scales and stores the sums of a block. */
static __attribute__((noinline)) void store(const layer *l, const block *b, const uint32_t *sums, int8_t *output) {
    const ec_riscv_relu_output to = l->to;
    const int32_t *bias = l->params->bias + b->channel;
    const int32_t *multiplier = l->params->multiplier + b->channel;
    for (uint32_t left = b->channels;; left -= EC_QUAD) {
        ec_riscv_store_quad(sums, ENLARGED_BITS, bias, multiplier, left, to, output);
        if (left <= EC_QUAD) {
            break;
        }
        sums += EC_QUAD_WORDS;
        bias += EC_QUAD;
        multiplier += EC_QUAD;
        output += EC_QUAD;
    }
}

/* All outputs of a block. */
static void compute_block(const layer *l, const block *b, int8_t *output) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    uint32_t sums[EC_LIST_WORDS];
    for (uint32_t i = 0; i < l->reach; i++) {
        l->listed[i] = NO_ROW;
    }
    for (int32_t y = 0; y < p->output_h; y++) {
        const listed_row *rows_end = list_rows(l, b, y * p->stride_h - p->pad_top);
        for (int32_t x = 0; x < p->output_w; x++) {
            find_taps(l, rows_end, x * p->stride_w - p->pad_left);
            b->add(l->taps, l->start, sums);
            store(l, b, sums, output);
            output += p->output_c;
        }
    }
}

static layer make_layer(const ec_conv2d_zero_input_s8_params *p, void *scratch) {
    layer l = {.params = p};
    const uint32_t channels = (uint32_t)p->input_c / p->groups;
    l.format.pixel = p->input_c;
    l.format.channels = channels;
    l.format.zero_point = p->input_zero_point;
    l.format.zero_span = p->zero_span;
    l.format.list = channels + 1U;
    const ec_riscv_output to = {p->output_zero_point, p->clamp_min, p->clamp_max, p->shift};
    l.to = ec_riscv_relu(to);
    l.reach = (p->kernel_h - 1U) * p->dilation_h + 1U;
    l.row_entries = p->input_w * l.format.list;
    l.taps = scratch;
    l.rows = (listed_row *)(void *)(l.taps + p->kernel_h * p->kernel_w + 1U);
    l.listed = (int32_t *)(void *)(l.rows + p->kernel_h);
    l.ring = (ec_entry *)(void *)(l.listed + l.reach);
    l.nothing = l.ring + l.reach * l.row_entries;
    l.nothing->offset = 0;
    l.words = (uint32_t *)(void *)(l.nothing + 1);
    return l;
}

void ec_conv2d_zero_input_s8_riscv(const ec_conv2d_zero_input_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    static ec_add_taps *const adds[EC_LIST_QUADS] = {ec_add_taps_1, ec_add_taps_2, ec_add_taps_3,
                                                     ec_add_taps_4, ec_add_taps_5, ec_add_taps_6};
    const uint32_t group_outputs = (uint32_t)params->output_c / params->groups;
    uint32_t head[2];
    memcpy(head, params->weights, sizeof head);
    layer l = make_layer(params, scratch);
    ec_start_quad(head[0], ENLARGED_BITS, l.start);
    block b = {.input = input, .weights = params->weights + sizeof head};
    for (uint32_t group = 0; group < params->groups; group++) {
        for (uint32_t first = 0; first < group_outputs; first += b.channels) {
            b.channel = group * group_outputs + first;
            b.channels = ec_block(group_outputs, first, head[1] * EC_QUAD);
            const uint32_t quads = (b.channels + EC_QUAD - 1U) / EC_QUAD;
            b.add = adds[quads - 1U];
            l.format.channel_bytes = quads * EC_QUAD_WORDS * (uint32_t)sizeof(uint32_t);
            l.tap_bytes = l.format.channels * l.format.channel_bytes;
            b.weights = merge_weights(&l, &b);
            compute_block(&l, &b, output + b.channel);
        }
        b.input += l.format.channels;
    }
}
