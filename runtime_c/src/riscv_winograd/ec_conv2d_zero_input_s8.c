/* 3x3 convolution, stride 1, by Winograd's minimal filtering: 16 products take the place of 36, three multiplications make four products
 * (ec_four_sums.h), and transformed inputs that are zero, as most are where inputs are, are left out.
 *
 * weights: two words, the offset of sums and the quads of a block; then for each block of that many quads of output channels (the last may
 * be smaller) [input_c][3][3][channels of the block].
 * bias: [output_c], plus input_zero_point * sum of the channel's weights, minus the offset. multiplier: [output_c], doubled.
 * scratch: the sums of a tile, the transformed inputs of four tiles, a window, merged and transformed filters of `blocks` blocks;
 * edgecomp/plan/instruction_sets/riscv_winograd_zero_input.py counts the bytes and uses the same rule for `blocks`.
 */
#if !defined(__riscv_mul) || __riscv_xlen != 32 || defined(__riscv_32e)
#error "this kernel needs a 32-bit RISC-V with M and 32 registers: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_conv2d_zero_input_s8.h"

#include <string.h>

#include "ec_blocks.h"
#include "ec_conv2d_s8.h"
#include "ec_four_sums.h"
#include "ec_riscv_four_sums.h"
#include "ec_winograd_skip.h"
#include "ec_winograd_tiles.h"
#include "ec_winograd_transform.h"

#define LANES ((uint32_t)EC_WINOGRAD_LANES)
#define POSITIONS ((uint32_t)EC_WINOGRAD_POSITIONS)
#define TAPS 9U
#define ENLARGED_BITS 2U    /* sums come out four times as large */
#define FILTER_BYTES 51200U /* of transformed filters at most, unless one block needs more */

typedef struct {
    ec_conv2d_s8_params params;
    ec_winograd_skip block;
    ec_winograd_skip_block *multiply;
    uint32_t words;                /* of a block, for each input */
    uint32_t start[EC_QUAD_WORDS]; /* of a quad */
    int16_t *inputs;               /* [channels][positions][lanes] */
    int8_t *window;
    uint32_t *filters; /* of each block [positions][channels][words] */
    ec_riscv_relu_output to;
} layer;

/* The output channels of a block and the tile whose first output lies at (y, x). */
typedef struct {
    uint32_t channel;
    uint32_t channels;
    uint32_t y;
    uint32_t x;
} place;

/* (2a, a + b + c, a - b + c, 2c), `step` apart, as ec_winograd_filter_line. */
static inline __attribute__((always_inline)) void transform_line(uint32_t a, uint32_t b, uint32_t c, uint32_t *to, uint32_t step) {
    const uint32_t ends = a + c;
    to[0] = 2U * a;
    to[step] = ends + b;
    to[2U * step] = ends - b;
    to[3U * step] = 2U * c;
}

/* A column of a quad's filters of one input channel, its taps `step` bytes apart, to [4][EC_QUAD_WORDS]. */
static inline __attribute__((always_inline)) void transform_column(const int8_t *weights, uint32_t step, uint32_t channels, uint32_t *to) {
    uint32_t first[EC_QUAD_WORDS];
    uint32_t second[EC_QUAD_WORDS];
    uint32_t third[EC_QUAD_WORDS];
    ec_merge_quad(weights, channels, ENLARGED_BITS, first);
    ec_merge_quad(weights + step, channels, ENLARGED_BITS, second);
    ec_merge_quad(weights + 2U * step, channels, ENLARGED_BITS, third);
    transform_line(first[0], second[0], third[0], to, EC_QUAD_WORDS);
    transform_line(first[1], second[1], third[1], to + 1, EC_QUAD_WORDS);
    transform_line(first[2], second[2], third[2], to + 2, EC_QUAD_WORDS);
}

/* A quad's filters of one input channel; `step` bytes from tap to tap, `position_step` words from position to position. */
static inline __attribute__((always_inline)) void transform_quad(const int8_t *weights, uint32_t step, uint32_t channels, uint32_t *to,
                                                                 uint32_t position_step) {
    uint32_t left[4U * EC_QUAD_WORDS];
    uint32_t middle[4U * EC_QUAD_WORDS];
    uint32_t right[4U * EC_QUAD_WORDS];
    transform_column(weights, 3U * step, channels, left);
    transform_column(weights + step, 3U * step, channels, middle);
    transform_column(weights + 2U * step, 3U * step, channels, right);
    for (uint32_t i = 0; i < 4U * EC_QUAD_WORDS; i += EC_QUAD_WORDS) {
        transform_line(left[i], middle[i], right[i], to, position_step);
        transform_line(left[i + 1U], middle[i + 1U], right[i + 1U], to + 1, position_step);
        transform_line(left[i + 2U], middle[i + 2U], right[i + 2U], to + 2, position_step);
        to += 4U * position_step;
    }
}

/* A block's filters; returns its end. */
static const int8_t *transform_filters(const layer *l, const int8_t *weights, uint32_t channels, uint32_t *to) {
    const uint32_t position_step = l->block.channels * l->words;
    for (uint32_t c = 0; c < l->params.input_c; c++) {
        uint32_t *quad = to;
        uint32_t left = channels;
        for (; left >= EC_QUAD; left -= EC_QUAD) {
            transform_quad(weights, channels, EC_QUAD, quad, position_step);
            weights += EC_QUAD;
            quad += EC_QUAD_WORDS;
        }
        if (left > 0) {
            transform_quad(weights, channels, left, quad, position_step);
            weights += left;
        }
        weights += (TAPS - 1U) * channels;
        to += l->words;
    }
    return weights;
}

/* The words of the 2x2 outputs of a tile take the place of those of its first four positions; `start` is what the sums of a word start
 * from. */
static __attribute__((noinline)) void transform_output(uint32_t *sums, const uint32_t *end, const uint32_t start[EC_QUAD_WORDS]) {
    const uint32_t *next = start;
    for (; sums != end; sums += POSITIONS) {
        uint32_t above[4];
        uint32_t below[4];
#pragma GCC unroll 4
        for (uint32_t i = 0; i < 4U; i++) {
            const uint32_t b = sums[4U + i] + (i == 1U ? *next : 0U); /* reaches each output once */
            const uint32_t c = sums[8U + i];
            above[i] = sums[i] + b + c;
            below[i] = b - c - sums[12U + i];
        }
        sums[0] = above[0] + above[1] + above[2];
        sums[1] = above[1] - above[2] - above[3];
        sums[2] = below[0] + below[1] + below[2];
        sums[3] = below[1] - below[2] - below[3];
        next = next == start + EC_QUAD_WORDS - 1 ? start : next + 1;
    }
}

/* Scales and stores a quad of channels of an output; `sums`: of its first word. */
static inline __attribute__((always_inline)) void store_quad(const uint32_t *sums, const int32_t *bias, const int32_t *multiplier,
                                                             uint32_t channels, ec_riscv_relu_output to, int8_t *output) {
    const uint32_t words[EC_QUAD_WORDS] = {sums[0], sums[POSITIONS], sums[2U * POSITIONS]};
    ec_riscv_store_quad(words, ENLARGED_BITS, bias, multiplier, channels, to, output);
}

/* Scales the sums of a tile and stores what lies inside the output. */
static __attribute__((noinline)) void store(const layer *l, const place *at, int8_t *output) {
    const ec_riscv_relu_output to = l->to;
    const uint32_t pixel = l->params.output_c;
    const uint32_t row = l->params.output_w * pixel;
    const uint32_t two_columns = at->x + 1U < l->params.output_w;
    const uint32_t last_row = at->y + 1U < l->params.output_h ? 2U : 0U; /* its place among the outputs of a tile */
    const int32_t *bias = l->params.bias + at->channel;
    const int32_t *multiplier = l->params.multiplier + at->channel;
    const uint32_t *sums = l->block.sums;
    output += at->y * row + at->x * pixel + at->channel;
    for (uint32_t left = at->channels;; left -= EC_QUAD) {
        const uint32_t *from = sums;
        const uint32_t *last = sums + last_row;
        for (int8_t *pixels = output;; pixels += row) {
            store_quad(from, bias, multiplier, left, to, pixels);
            if (two_columns) {
                store_quad(from + 1, bias, multiplier, left, to, pixels + pixel);
            }
            if (from == last) {
                break;
            }
            from += 2;
        }
        if (left <= EC_QUAD) {
            break;
        }
        bias += EC_QUAD;
        multiplier += EC_QUAD;
        output += EC_QUAD;
        sums += EC_QUAD_WORDS * POSITIONS;
    }
}

/* Output channels first .. end - 1, whose filters are there, at four tiles side by side. */
static void compute_tiles(layer *l, place at, uint32_t first, uint32_t end, int8_t *output) {
    const uint32_t quads = l->words / EC_QUAD_WORDS;
    const uint32_t tiles = (ec_block(l->params.output_w, at.x, 2U * LANES) + 1U) / 2U;
    for (uint32_t tile = 0; tile < tiles; tile++) {
        l->block.inputs = l->inputs + tile;
        l->block.filters = l->filters;
        for (at.channel = first; at.channel < end; at.channel += at.channels) {
            at.channels = ec_block(end, at.channel, quads * EC_QUAD);
            l->multiply(&l->block);
            transform_output(l->block.sums, l->block.sums + POSITIONS * l->words, l->start);
            store(l, &at, output);
            l->block.filters += POSITIONS * l->block.channels * l->words;
        }
        at.x += 2U;
    }
}

static void make_layer(const ec_conv2d_zero_input_s8_params *p, void *scratch, layer *l) {
    static ec_winograd_skip_block *const loops[EC_SKIP_QUADS] = {ec_winograd_skip_1, ec_winograd_skip_2, ec_winograd_skip_3,
                                                                 ec_winograd_skip_4};
    uint32_t head[2];
    memcpy(head, p->weights, sizeof head);
    memcpy(&l->params, p, sizeof l->params);
    ec_start_quad(head[0], ENLARGED_BITS, l->start);
    l->multiply = loops[head[1] - 1U];
    l->words = head[1] * EC_QUAD_WORDS;
    l->to = ec_riscv_relu((ec_riscv_output){p->output_zero_point, p->clamp_min, p->clamp_max, p->shift});
    l->block.channels = (p->input_c + EC_SKIP_CHANNELS - 1U) / EC_SKIP_CHANNELS * EC_SKIP_CHANNELS;
    l->block.sums = scratch;
    l->inputs = (int16_t *)(void *)(l->block.sums + POSITIONS * l->words);
    const uint32_t channel = POSITIONS * LANES;
    memset(l->inputs + p->input_c * channel, 0, (l->block.channels - p->input_c) * channel * sizeof *l->inputs);
    l->window = (int8_t *)(l->inputs + l->block.channels * channel);
    l->filters = (uint32_t *)(void *)(l->window + EC_WINOGRAD_WINDOW_H * EC_WINOGRAD_WINDOW_ROW);
}

void ec_conv2d_zero_input_s8_riscv_winograd(const ec_conv2d_zero_input_s8_params *params, const int8_t *input, int8_t *output,
                                            void *scratch) {
    layer l;
    make_layer(params, scratch, &l);
    const uint32_t block_words = POSITIONS * l.block.channels * l.words;
    const uint32_t block_channels = l.words / EC_QUAD_WORDS * EC_QUAD;
    const uint32_t blocks = FILTER_BYTES / (block_words * (uint32_t)sizeof(uint32_t));
    const uint32_t at_once = block_channels * (blocks > 0 ? blocks : 1U);
    const int8_t *weights = params->weights + 2U * sizeof(uint32_t);
    for (uint32_t first = 0; first < params->output_c; first += at_once) {
        const uint32_t end = first + ec_block(params->output_c, first, at_once);
        uint32_t *filters = l.filters;
        for (uint32_t channel = first; channel < end; channel += block_channels) {
            weights = transform_filters(&l, weights, ec_block(end, channel, block_channels), filters);
            filters += block_words;
        }
        place at = {0, 0, 0, 0};
        for (at.y = 0; at.y < params->output_h; at.y += 2U) {
            for (at.x = 0; at.x < params->output_w; at.x += 2U * LANES) {
                ec_winograd_transform_tiles(&l.params, input, (int32_t)at.y, (int32_t)at.x, l.window, params->zero_span,
                                            params->input_zero_point, l.inputs);
                compute_tiles(&l, at, first, end, output);
            }
        }
    }
}
