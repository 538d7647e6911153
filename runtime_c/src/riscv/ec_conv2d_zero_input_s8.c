/* Inputs that are not zero times blocks of up to 24 output channels, three multiplications for four products (ec_zero_input_quads.h);
 * where windows are three columns wide and lie side by side, four products take the place of six (ec_zero_input_lists.h).
 *
 * weights: a byte with the quads of a block; then for each group, for each block of that many quads of output channels (the last may be
 * smaller) [kernel_h][input_c / groups][kernel_w][channels of the block].
 * bias: [output_c], plus input_zero_point * sum of the channel's weights, minus 2^22.
 * scratch: the rows of a window and what is done with each of its columns, the number of the row in each place of the ring, the ring's rows, merged weights of a block,
 * a column of padding; edgecomp/plan/instruction_sets/riscv_zero_input.py counts the bytes.
 */
#if !defined(__riscv_mul) || __riscv_xlen != 32 || defined(__riscv_32e)
#error "this kernel needs a 32-bit RISC-V with M and 32 registers: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_conv2d_zero_input_s8.h"

#include "ec_blocks.h"
#include "ec_requantize.h"
#include "ec_riscv_requantize.h"
#include "ec_zero_input_lists.h"
#include "ec_zero_input_quads.h"
#include "ec_zero_input_sums.h"

#define NO_ROW INT32_MAX

typedef struct {
    const ec_conv2d_zero_input_s8_params *params;
    ec_list_source source;
    ec_riscv_output to;
    int32_t dead; /* sums that are not above it are clamped to the lowest output */
    int tiled;
    uint32_t reach;        /* input rows from the first to the last of a window: places in the ring */
    uint32_t unit_bytes;
    uint32_t row_entries;  /* of a listed row */
    ec_listed_row *rows;   /* [kernel_h] */
    ec_phase *phases;      /* [positions or kernel_w] */
    int32_t *listed;       /* [reach], the input row in each place of the ring, or NO_ROW */
    ec_entry *ring;        /* [reach][row_entries] */
    uint32_t *words;       /* [kernel_h][positions or kernel_w][channels][words] */
    uint32_t block_words;  /* for each input */
    ec_add_windows *add;
    const int8_t *weights; /* of the block */
    uint32_t channel;      /* the first of the block */
    uint32_t channels;     /* of the block */
} layer;

static void double_words(const uint32_t *words, uint32_t *to) {
    for (uint32_t i = 0; i < EC_QUAD_WORDS; i++) {
        to[i] = 2U * words[i];
    }
}

/* Merges the weights of a block for one row of a filter and one input channel, `unit_size` words apart. */
static void merge_columns(const layer *l, const int8_t *weights, uint32_t unit_size, uint32_t *to) {
    for (uint32_t first = 0; first < l->channels; first += EC_QUAD) {
        const int8_t *from = weights + first;
        uint32_t *unit = to;
        for (uint32_t x = 0; x < l->params->kernel_w; x++) {
            uint32_t words[EC_QUAD_WORDS];
            ec_merge_quad(from, ec_block(l->channels, first, EC_QUAD), words);
            double_words(words, unit);
            from += l->channels;
            unit += unit_size;
        }
        to += EC_QUAD_WORDS;
    }
}

/* The same for the positions of a tile: 2 g0, g0 + g1 + g2, g0 - g1 + g2, 2 g2. */
static void merge_positions(const layer *l, const int8_t *weights, uint32_t unit_size, uint32_t *to) {
    for (uint32_t first = 0; first < l->channels; first += EC_QUAD) {
        const uint32_t count = ec_block(l->channels, first, EC_QUAD);
        uint32_t g0[EC_QUAD_WORDS];
        uint32_t g1[EC_QUAD_WORDS];
        uint32_t g2[EC_QUAD_WORDS];
        ec_merge_quad(weights + first, count, g0);
        ec_merge_quad(weights + l->channels + first, count, g1);
        ec_merge_quad(weights + 2U * l->channels + first, count, g2);
        for (uint32_t i = 0; i < EC_QUAD_WORDS; i++) {
            const uint32_t ends = g0[i] + g2[i];
            to[i] = 2U * g0[i];
            to[unit_size + i] = ends + g1[i];
            to[2U * unit_size + i] = ends - g1[i];
            to[3U * unit_size + i] = 2U * g2[i];
        }
        to += EC_QUAD_WORDS;
    }
}

static uint32_t units_of_row(const layer *l) { return l->tiled ? EC_TILE_POSITIONS : l->params->kernel_w; }

static __attribute__((noinline)) void merge_weights(const layer *l) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    const uint32_t unit_size = l->source.channels * l->block_words;
    const int8_t *weights = l->weights;
    uint32_t *row = l->words;
    for (uint32_t y = 0; y < p->kernel_h; y++) {
        for (uint32_t c = 0; c < l->source.channels; c++) {
            if (l->tiled) {
                merge_positions(l, weights, unit_size, row + c * l->block_words);
            } else {
                merge_columns(l, weights, unit_size, row + c * l->block_words);
            }
            weights += p->kernel_w * l->channels;
        }
        row += units_of_row(l) * unit_size;
    }
}

/* Lists an input row unless the ring holds it. */
static const ec_entry *list_row(const layer *l, int32_t y) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    const uint32_t place = (uint32_t)y % l->reach;
    ec_entry *row = l->ring + place * l->row_entries;
    if (l->listed[place] != y) {
        l->listed[place] = y;
        if (l->tiled) {
            ec_list_tiles(&l->source, y, -p->pad_left, (p->output_w + 1U) / EC_TILE_OUTPUTS, row);
        } else {
            ec_list_columns(&l->source, y, row);
        }
    }
    return row;
}

/* The rows within the input that the windows of an output row read, the first of them at `y`; returns the end of the rows. */
static const ec_listed_row *list_rows(const layer *l, int32_t y) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    const uint32_t row_size = units_of_row(l) * l->source.channels * l->block_words;
    ec_listed_row *row = l->rows;
    for (uint32_t i = 0; i < p->kernel_h; i++) {
        if (y >= 0 && y < p->input_h) {
            row->units = list_row(l, y);
            row->words = l->words + i * row_size;
            row++;
        }
        y += p->dilation_h;
    }
    return row;
}

/* Scales and stores the sum of a channel; most that a ReLU makes zero are told from the sign. */
static inline __attribute__((always_inline)) void store_channel(const layer *l, int32_t sum, int32_t multiplier, int8_t *output) {
    if (sum <= l->dead) {
        *output = (int8_t)l->to.low;
    } else {
        *output = ec_riscv_requantize(sum, multiplier, l->to);
    }
}

/* Scales and stores the sums of a block. */
static __attribute__((noinline)) void store(const layer *l, const uint32_t *words, int8_t *output) {
    const int32_t *bias = l->params->bias + l->channel;
    const int32_t *multiplier = l->params->multiplier + l->channel;
    int32_t sums[EC_QUAD];
    uint32_t left = l->channels;
    for (; left >= EC_QUAD; left -= EC_QUAD) {
        ec_split_quad(words, sums);
        store_channel(l, sums[0] + bias[0], multiplier[0], output);
        store_channel(l, sums[1] + bias[1], multiplier[1], output + 1);
        store_channel(l, sums[2] + bias[2], multiplier[2], output + 2);
        store_channel(l, sums[3] + bias[3], multiplier[3], output + 3);
        words += EC_QUAD_WORDS;
        bias += EC_QUAD;
        multiplier += EC_QUAD;
        output += EC_QUAD;
    }
    if (left > 0) {
        ec_split_quad(words, sums);
        for (uint32_t i = 0; i < left; i++) {
            store_channel(l, sums[i] + bias[i], multiplier[i], output + i);
        }
    }
}

/* The phases of a tile: M1 is kept; out0 = M1 + M2 + M0, out1 = 2 M1 - (M1 + M2) + M3. */
static void plan_tile(const layer *l) {
    static const ec_then then[EC_TILE_POSITIONS] = {EC_KEEP, EC_BRANCH, EC_MIRROR, EC_DONE};
    static const uint8_t position[EC_TILE_POSITIONS] = {1, 2, 0, 3};
    for (uint32_t i = 0; i < EC_TILE_POSITIONS; i++) {
        l->phases[i] = (ec_phase){position[i] * l->unit_bytes, position[i] * l->source.channels * l->source.entry_bytes, then[i]};
    }
}

/* A row of outputs of a block, two at a time. */
static void compute_tiles(const layer *l, ec_windows *windows, int8_t *output) {
    for (uint32_t left = l->params->output_w; left > 0; left -= EC_TILE_OUTPUTS) {
        l->add(windows);
        windows->first += EC_TILE_POSITIONS * l->unit_bytes;
        store(l, windows->sums[0], output);
        output += l->params->output_c;
        if (left == 1U) {
            break;
        }
        store(l, windows->sums[1], output);
        output += l->params->output_c;
    }
}

/* The phases of a window, a tap each, whose first column is `x`: those within the input, and one beside it where there are none. */
static void plan_window(const layer *l, int32_t x, ec_windows *windows) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    ec_phase *phase = l->phases;
    windows->first = 0;
    for (uint32_t i = 0; i < p->kernel_w; i++) {
        if (x >= 0 && x < p->input_w) {
            *phase++ = (ec_phase){(uint32_t)x * l->unit_bytes, i * l->source.channels * l->source.entry_bytes, EC_GO_ON};
        }
        x += p->dilation_w;
    }
    if (phase == l->phases) {
        windows->rows_end = windows->rows;
        phase++;
    }
    phase[-1].then = EC_DONE;
}

/* A row of outputs of a block, one by one. */
static void compute_windows(const layer *l, ec_windows *windows, int8_t *output) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    const ec_listed_row *rows_end = windows->rows_end;
    int32_t x = -p->pad_left;
    for (uint32_t left = p->output_w; left > 0; left--) {
        windows->rows_end = rows_end;
        plan_window(l, x, windows);
        l->add(windows);
        store(l, windows->sums[0], output);
        output += p->output_c;
        x += p->stride_w;
    }
}

static void compute_block(layer *l, int8_t *output) {
    const ec_conv2d_zero_input_s8_params *p = l->params;
    ec_windows windows = {.rows = l->rows, .phase = l->phases};
    merge_weights(l);
    for (uint32_t i = 0; i < l->reach; i++) {
        l->listed[i] = NO_ROW;
    }
    for (int32_t y = 0; y < p->output_h; y++) {
        windows.rows_end = list_rows(l, y * p->stride_h - p->pad_top);
        windows.first = 0;
        if (l->tiled) {
            compute_tiles(l, &windows, output);
        } else {
            compute_windows(l, &windows, output);
        }
        output += (uint32_t)p->output_w * p->output_c;
    }
}

static layer make_layer(const ec_conv2d_zero_input_s8_params *p, uint32_t quads, const int8_t *input, void *scratch) {
    static ec_add_windows *const adds[EC_QUADS] = {ec_add_windows_1, ec_add_windows_2, ec_add_windows_3,
                                                   ec_add_windows_4, ec_add_windows_5, ec_add_windows_6};
    layer l = {.params = p, .to = {p->output_zero_point, p->clamp_min, p->clamp_max, p->shift}};
    const uint32_t channels = (uint32_t)p->input_c / p->groups;
    l.dead = p->clamp_min >= p->output_zero_point ? 0 : INT32_MIN;
    l.tiled = p->kernel_w == 3 && p->stride_w == 1 && p->dilation_w == 1;
    l.block_words = quads * EC_QUAD_WORDS;
    l.add = adds[quads - 1U];
    l.reach = (p->kernel_h - 1U) * p->dilation_h + 1U;
    l.source = (ec_list_source){.input = input,
                                .height = p->input_h,
                                .width = p->input_w,
                                .pixel = p->input_c,
                                .channels = channels,
                                .entry_bytes = l.block_words * (uint32_t)sizeof(uint32_t),
                                .zero_point = p->input_zero_point,
                                .unit = channels + 1U};
    const uint32_t units = l.tiled ? (p->output_w + 1U) / EC_TILE_OUTPUTS * EC_TILE_POSITIONS : p->input_w;
    l.row_entries = units * l.source.unit;
    l.rows = scratch;
    l.unit_bytes = l.source.unit * (uint32_t)sizeof(ec_entry);
    l.phases = (ec_phase *)(void *)(l.rows + p->kernel_h);
    l.listed = (int32_t *)(void *)(l.phases + units_of_row(&l));
    l.ring = (ec_entry *)(void *)(l.listed + l.reach);
    l.words = (uint32_t *)(void *)(l.ring + l.reach * l.row_entries);
    l.source.padding = (int8_t *)(l.words + p->kernel_h * units_of_row(&l) * channels * l.block_words);
    return l;
}

void ec_conv2d_zero_input_s8_riscv(const ec_conv2d_zero_input_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const uint32_t group_outputs = (uint32_t)params->output_c / params->groups;
    const uint32_t quads = (uint32_t)*params->weights;
    layer l = make_layer(params, quads, input, scratch);
    const uint32_t filter_size = params->kernel_h * params->kernel_w * l.source.channels;
    memset((int8_t *)(uintptr_t)l.source.padding, params->input_zero_point, l.source.channels);
    l.weights = params->weights + 1;
    if (l.tiled) {
        plan_tile(&l);
    }
    for (uint32_t group = 0; group < params->groups; group++) {
        for (uint32_t first = 0; first < group_outputs; first += quads * EC_QUAD) {
            l.channel = group * group_outputs + first;
            l.channels = ec_block(group_outputs, first, quads * EC_QUAD);
            compute_block(&l, output + l.channel);
            l.weights += l.channels * filter_size;
        }
        l.source.input += l.source.channels;
    }
}
