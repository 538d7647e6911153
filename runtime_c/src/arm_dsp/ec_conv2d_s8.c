/* The output is computed in blocks of four pixels in a row, over the ends of rows. What they read is widened into a patch once; then
 * two channels at a time are multiplied with it.
 *
 * Weights: a word with the number of channels of each group that stand in pairs; then group by group, for each pair and each four
 * inputs ("quad") two words, of inputs 0 and 2 and of inputs 1 and 3, each halfword 256 * second channel + first; then the other
 * channels one by one as they are. Inputs are padded with zeros to whole quads.
 */
#include "ec_conv2d_s8.h"

#include "ec_conv2d_block.h"
#include "ec_conv2d_patch.h"

static uint32_t quads_of(uint32_t inputs) { return (inputs + 3u) / 4u; }

static ec_gather make_gather(const ec_conv2d_s8_params *p, const int8_t *input, void *scratch) {
    ec_gather g;
    g.p = p;
    g.input_end = input + (uint32_t)p->input_h * p->input_w * p->input_c;
    g.channels = (uint32_t)p->input_c / p->groups;
    g.quads = quads_of((uint32_t)p->kernel_h * p->kernel_w * g.channels);
    g.patch = scratch;
    g.columns = g.channels % 4u == 0 ? NULL : (int8_t *)(g.patch + 2u * EC_PIXELS * g.quads);
    g.column_size = 4u * g.quads + 4u;
    const int rows_are_runs = p->dilation_w == 1 && p->groups == 1;
    g.run_taps = rows_are_runs ? p->kernel_w : 1u;
    g.runs = rows_are_runs ? 1u : p->kernel_w;
    g.last_y = p->input_h - 1 - (p->kernel_h - 1) * p->dilation_h;
    g.last_x = p->input_w - 1 - (p->kernel_w - 1) * p->dilation_w;
    return g;
}

static ec_conv2d_block make_block(const ec_conv2d_s8_params *p, const ec_gather *g) {
    ec_conv2d_block b;
    b.patch = g->patch;
    b.patch_end = g->patch + 2u * EC_PIXELS * g->quads;
    b.zero_point = p->output_zero_point;
    b.rare = ec_rare(p->shift, p->clamp_min, p->clamp_max);
    b.above = (uint32_t)(INT8_MAX - p->clamp_max);
    b.span = (uint32_t)(UINT8_MAX - (p->clamp_max - p->clamp_min));
    b.low = p->clamp_min;
    return b;
}

/* All channels of four pixels or fewer. */
static void compute_pixels(const ec_gather *g, const int8_t *input, const ec_corner *at, uint32_t count, int8_t *output,
                           ec_conv2d_block *b) {
    const ec_conv2d_s8_params *p = g->p;
    const uint32_t group_outputs = (uint32_t)p->output_c / p->groups;
    uint32_t paired;
    memcpy(&paired, p->weights, sizeof paired);
    b->weights = p->weights + sizeof paired;
    b->bias = p->bias;
    b->multiplier = p->multiplier;
    b->entry = ec_conv2d_entry(count, g->quads);
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        b->output[i] = output + (i < count ? i : count - 1u) * p->output_c;
    }
    for (uint32_t group = 0; group < p->groups; group++, input += g->channels) {
        const int32_t *const group_end = b->bias + group_outputs;
        ec_fill_patch(g, input, at, count);
        if (paired > 0) {
            b->bias_end = b->bias + paired;
            ec_conv2d_channel_pairs(b);
        }
        if (b->bias < group_end) {
            b->bias_end = group_end;
            ec_conv2d_single_channels(b);
        }
    }
}

void ec_conv2d_s8_arm_dsp(const ec_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const ec_gather gather = make_gather(params, input, scratch);
    ec_conv2d_block block = make_block(params, &gather);
    const uint32_t pixels = (uint32_t)params->output_h * params->output_w;
    const int32_t row_end = (int32_t)(params->output_w * params->stride_w) - params->pad_left;
    ec_corner next = {-params->pad_top, -params->pad_left};
    for (uint32_t pixel = 0; pixel < pixels; pixel += EC_PIXELS) {
        const uint32_t count = pixels - pixel < EC_PIXELS ? pixels - pixel : EC_PIXELS;
        ec_corner at[EC_PIXELS];
        for (uint32_t i = 0; i < EC_PIXELS; i++) {
            at[i] = i < count ? next : at[count - 1u];
            if (i < count) {
                next.x += params->stride_w;
                if (next.x == row_end) {
                    next.x = -params->pad_left;
                    next.y += params->stride_h;
                }
            }
        }
        compute_pixels(&gather, input, at, count, output, &block);
        output += EC_PIXELS * params->output_c;
    }
}
