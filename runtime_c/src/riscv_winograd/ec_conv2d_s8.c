/* 3x3 convolution, stride 1, by Winograd's minimal filtering: 16 products take the place of 36, all exact.
 *
 * weights: for each block of up to four output channels [input_c][channels of the block][3][3].
 * scratch: the transformed filters of `group` blocks, the transformed inputs of four tiles, their sums and a window;
 * edgecomp/plan/instruction_sets/riscv_winograd.py counts the bytes and uses the same rule for `group`.
 */
#if !defined(__riscv_mul) || __riscv_xlen != 32 || defined(__riscv_32e)
#error "this kernel needs a 32-bit RISC-V with M and 32 registers: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_conv2d_s8.h"

#include "ec_blocks.h"
#include "ec_requantize.h"
#include "ec_riscv_requantize.h"
#include "ec_winograd_multiply.h"
#include "ec_winograd_tiles.h"
#include "ec_winograd_transform.h"

#define LANES ((uint32_t)EC_WINOGRAD_LANES)
#define FILTER_BYTES 16384U /* of transformed filters at most, unless one block needs more */
#define BLOCK_SUMS (EC_WINOGRAD_POSITIONS * EC_WINOGRAD_LANES * EC_WINOGRAD_LANES)

typedef struct {
    const ec_conv2d_s8_params *params;
    int32_t *sums;    /* [positions][filters][tiles] */
    int16_t *inputs;  /* [input_c][positions][tiles] */
    int16_t *filters; /* of each block [input_c][positions][filters] */
    int8_t *window;   /* four channels of what four tiles read */
    ec_riscv_output to;
} layer;

/* The output channels of a block and the four tiles whose first output lies at (y, x). */
typedef struct {
    uint32_t channel;
    uint32_t channels;
    int32_t y;
    int32_t x;
} place;

static void transform_filters(const layer *l, uint32_t channel, uint32_t channels, int16_t *to) {
    const uint32_t input_c = l->params->input_c;
    const int8_t *weights = l->params->weights + channel * input_c * 9U;
    for (uint32_t c = 0; c < input_c; c++) {
        for (uint32_t f = 0; f < channels; f++) {
            ec_winograd_transform_filter(weights, to + f);
            weights += 9;
        }
        to += EC_WINOGRAD_POSITIONS * LANES;
    }
}

/* Scales the sums of a block and stores what lies inside the output. */
static __attribute__((noinline)) void store(const layer *l, const place *at, int8_t *output) {
    const ec_conv2d_s8_params *p = l->params;
    const ec_riscv_output to = l->to;
    const uint32_t pixel = p->output_c;
    const uint32_t row = p->output_w * pixel;
    const int two_rows = at->y + 1 < p->output_h;
    const uint32_t columns = ec_block(p->output_w, (uint32_t)at->x, 2U * LANES);
    output += (uint32_t)at->y * row + (uint32_t)at->x * pixel + at->channel;
    for (uint32_t f = 0; f < at->channels; f++) {
        const int32_t bias = p->bias[at->channel + f];
        const int32_t multiplier = p->multiplier[at->channel + f];
        const int32_t *sums = l->sums + f * LANES;
        int8_t *above = output++;
        for (uint32_t left = columns; left > 0; left -= 2) {
            int8_t *below = above + row;
            int32_t tile[4];
            ec_winograd_transform_output(sums++, LANES * LANES, tile);
            *above = ec_riscv_requantize(tile[0] + bias, multiplier, to);
            if (two_rows) {
                *below = ec_riscv_requantize(tile[2] + bias, multiplier, to);
            }
            if (left == 1) {
                break;
            }
            above += pixel;
            *above = ec_riscv_requantize(tile[1] + bias, multiplier, to);
            if (two_rows) {
                below += pixel;
                *below = ec_riscv_requantize(tile[3] + bias, multiplier, to);
            }
            above += pixel;
        }
    }
}

static __attribute__((noinline)) void multiply(const layer *l, const int16_t *filters) {
    ec_winograd_multiply(filters, l->inputs, l->params->input_c, l->sums);
}

void ec_conv2d_s8_riscv_winograd(const ec_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const uint32_t block = params->input_c * EC_WINOGRAD_POSITIONS * LANES; /* transformed elements */
    const uint32_t fitting = FILTER_BYTES / (2U * block);
    const uint32_t group = LANES * (fitting > 0 ? fitting : 1U);
    layer l = {.params = params, .sums = scratch, .to = {params->output_zero_point, params->clamp_min, params->clamp_max, params->shift}};
    l.inputs = (int16_t *)(l.sums + BLOCK_SUMS);
    l.window = (int8_t *)(l.inputs + block);
    l.filters = (int16_t *)(void *)(l.window + EC_WINOGRAD_WINDOW_H * EC_WINOGRAD_WINDOW_ROW);
    for (uint32_t first = 0; first < params->output_c; first += group) {
        const uint32_t end = first + ec_block(params->output_c, first, group);
        for (uint32_t channel = first; channel < end; channel += LANES) {
            transform_filters(&l, channel, ec_block(end, channel, LANES), l.filters + (channel - first) / LANES * block);
        }
        place at;
        for (at.y = 0; at.y < params->output_h; at.y += 2) {
            for (at.x = 0; at.x < params->output_w; at.x += 2 * EC_WINOGRAD_LANES) {
                ec_winograd_transform_tiles(params, input, at.y, at.x, l.window, 0, 0, l.inputs);
                for (at.channel = first; at.channel < end; at.channel += LANES) {
                    at.channels = ec_block(end, at.channel, LANES);
                    multiply(&l, l.filters + (at.channel - first) / LANES * block);
                    store(&l, &at, output);
                }
            }
        }
    }
}
