/* Four output channels times four output pixels at a time, from patches gathered into scratch.
 *
 * weights: for each group, for each block of four output channels [kernel_h][kernel_w][input_c / groups][4], then each channel that is
 * left over [kernel_h][kernel_w][input_c / groups].
 * scratch: four patches of whole words, and one more where input_c / groups is not a multiple of 4.
 */
#if !defined(__riscv_mul) || __riscv_xlen != 32
#error "this kernel needs a 32-bit RISC-V with M: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_conv2d_s8.h"

#include "ec_blocks.h"
#include "ec_riscv_dot.h"
#include "ec_riscv_patch.h"
#include "ec_riscv_requantize.h"

/* The output channels of one group at up to four pixels. */
typedef struct {
    const int8_t *quads;
    uint32_t count; /* elements of a patch */
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    uint32_t channels;
    int8_t *output; /* first pixel, first channel */
    uint32_t pitch; /* from pixel to pixel */
    uint32_t pixels;
    ec_riscv_output to;
} tile;

/* Blocks of four channels at four pixels. */
static __attribute__((noinline)) void four_pixels(const tile *t, uint32_t blocks) {
    ec_riscv_block block = {t->weights, t->quads, NULL, t->bias, t->multiplier, t->to, t->output, t->pitch};
    for (; blocks > 0; blocks--) {
        ec_riscv_block_4x4(&block, t->count);
        block.weights += EC_RISCV_LANES * t->count;
        block.bias += EC_RISCV_LANES;
        block.multiplier += EC_RISCV_LANES;
        block.output += EC_RISCV_LANES;
    }
}

/* Blocks of four channels at one pixel. */
static __attribute__((noinline)) void one_pixel(const tile *t, uint32_t blocks, uint32_t pixel) {
    int8_t *output = t->output + pixel * t->pitch;
    for (uint32_t channel = 0; channel < EC_RISCV_LANES * blocks; channel += EC_RISCV_LANES) {
        int32_t sums[4];
        memcpy(sums, t->bias + channel, sizeof sums);
        ec_riscv_dot_4x1(t->weights + channel * t->count, t->quads + 4U * pixel, t->count, sums);
        for (uint32_t c = 0; c < EC_RISCV_LANES; c++) {
            output[channel + c] = ec_riscv_requantize(sums[c], t->multiplier[channel + c], t->to);
        }
    }
}

/* One channel; the lanes of pixels that do not exist are computed and not stored. */
static __attribute__((noinline)) void one_channel(const tile *t, uint32_t channel) {
    int8_t *output = t->output + channel;
    int32_t sums[4] = {t->bias[channel], t->bias[channel], t->bias[channel], t->bias[channel]};
    ec_riscv_dot_1x4(t->weights + channel * t->count, t->quads, t->count, sums);
    if (t->pixels == EC_RISCV_LANES) {
        ec_riscv_requantize_4(sums, t->multiplier[channel], t->to, output, t->pitch);
    } else {
        for (uint32_t v = 0; v < t->pixels; v++) {
            output[v * t->pitch] = ec_riscv_requantize(sums[v], t->multiplier[channel], t->to);
        }
    }
}

static void tile_outputs(const tile *t) {
    const uint32_t blocks = t->channels / EC_RISCV_LANES;
    if (t->pixels == EC_RISCV_LANES) {
        four_pixels(t, blocks);
    } else {
        for (uint32_t v = 0; v < t->pixels; v++) {
            one_pixel(t, blocks, v);
        }
    }
    for (uint32_t channel = blocks * EC_RISCV_LANES; channel < t->channels; channel++) {
        one_channel(t, channel);
    }
}

/* Output channels of one group at `pixels` pixels from number `first` on. */
static __attribute__((noinline)) void gather(const ec_riscv_patches *from, uint32_t first, uint32_t pixels, int8_t *quads) {
    const ec_conv2d_s8_params *p = from->params;
    uint32_t oy = first / p->output_w;
    uint32_t ox = first % p->output_w;
    for (uint32_t v = 0; v < pixels; v++) {
        ec_riscv_gather(from, (int32_t)(oy * p->stride_h) - p->pad_top, (int32_t)(ox * p->stride_w) - p->pad_left, quads + 4U * v);
        ox++;
        if (ox == p->output_w) {
            ox = 0;
            oy++;
        }
    }
}

void ec_conv2d_s8_riscv(const ec_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const uint32_t total = (uint32_t)params->output_h * params->output_w;
    ec_riscv_patches from = {params, input, (uint32_t)params->input_c / params->groups, 0, NULL};
    from.count = (uint32_t)params->kernel_h * params->kernel_w * from.channels;
    if (from.channels % 4U != 0 || params->input_c % 4U != 0) {
        from.line = (int8_t *)scratch + (from.count + 3U) / 4U * EC_RISCV_QUAD_BYTES;
    }
    tile t = {.quads = scratch,
              .count = from.count,
              .channels = (uint32_t)params->output_c / params->groups,
              .pitch = params->output_c,
              .to = {params->output_zero_point, params->clamp_min, params->clamp_max, params->shift}};
    for (uint32_t first = 0; first < total; first += EC_RISCV_LANES) {
        t.pixels = ec_block(total, first, EC_RISCV_LANES);
        for (uint32_t group = 0; group < params->groups; group++) {
            const uint32_t channel = group * t.channels;
            from.input = input + group * from.channels;
            gather(&from, first, t.pixels, scratch);
            t.weights = params->weights + channel * t.count;
            t.bias = params->bias + channel;
            t.multiplier = params->multiplier + channel;
            t.output = output + first * t.pitch + channel;
            tile_outputs(&t);
        }
    }
}
