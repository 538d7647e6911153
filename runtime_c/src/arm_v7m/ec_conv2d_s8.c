/* The output is computed in blocks of six pixels in a row, over the ends of rows; three where no more are left, or where the patch of six
 * would be too large. What a block reads is merged into a patch once (ec_triples.h); then channel by channel is multiplied with it.
 *
 * Weights: a word with the number of elements in a segment, or 0 where sums of all elements and the bias need no more than 21 bits; then
 * as in the portable kernel.
 * Scratch: the patch and, if any window reads padding, the channels of a tap.
 */
#include "ec_conv2d_s8.h"

#include "ec_clamp_run.h"
#include "ec_conv2d_block.h"
#include "ec_triples.h"

#define LARGEST_PATCH 16384U /* bytes */

static uint32_t most_pixels(const ec_conv2d_s8_params *p) {
    const uint32_t elements = (uint32_t)p->kernel_h * p->kernel_w * (p->input_c / p->groups);
    const uint32_t patch_bytes = elements * 2U * EC_TRIPLE_WORDS * (uint32_t)sizeof(uint32_t);
    return p->output_h * p->output_w <= (int32_t)EC_TRIPLE || patch_bytes > LARGEST_PATCH ? EC_TRIPLE : EC_MOST_PIXELS;
}

/* All channels at three or six pixels. */
static void compute_pixels(ec_windows *w, const int8_t *input, const ec_corner *at, uint32_t pixels, uint32_t *patch,
                           ec_conv2d_block *block) {
    const ec_conv2d_s8_params *p = w->params;
    const uint32_t words = pixels / EC_TRIPLE * EC_TRIPLE_WORDS;
    uint32_t segment;
    memcpy(&segment, p->weights, sizeof segment);
    block->segment_bytes = segment * words * (uint32_t)sizeof(uint32_t);
    block->patch = patch;
    block->patch_end = patch + w->elements * words;
    block->weights = p->weights + sizeof segment;
    block->bias = p->bias;
    block->multiplier = p->multiplier;
    for (uint32_t group = 0; group < p->groups; group++) {
        w->input = input + group * w->channels;
        block->bias_end = block->bias + p->output_c / p->groups;
        if (pixels == EC_TRIPLE) {
            ec_merge_windows(w, at, pixels, ec_merge_three, patch);
            ec_conv2d_three(block);
        } else {
            ec_merge_windows(w, at, pixels, ec_merge_six, patch);
            ec_conv2d_six(block);
        }
    }
}

/* Corners and outputs of the next `count` pixels; the last of them fills the block up. */
static void next_pixels(const ec_conv2d_s8_params *p, ec_corner *next, int8_t **output, uint32_t count, ec_corner *at, int8_t **outputs) {
    const int32_t end = p->output_w * p->stride_w - p->pad_left;
    for (uint32_t i = 0; i < EC_MOST_PIXELS; i++) {
        if (i >= count) {
            at[i] = at[count - 1U];
            outputs[i] = outputs[count - 1U];
            continue;
        }
        at[i] = *next;
        outputs[i] = *output;
        *output += p->output_c;
        next->x += p->stride_w;
        if (next->x == end) {
            next->x = -p->pad_left;
            next->y += p->stride_h;
        }
    }
}

void ec_conv2d_s8_arm_v7m(const ec_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const uint32_t most = most_pixels(params);
    const uint32_t elements = (uint32_t)params->kernel_h * params->kernel_w * (params->input_c / params->groups);
    uint32_t *const patch = scratch;
    ec_windows windows = ec_make_windows(params, (int8_t *)(patch + elements * (most / EC_TRIPLE * EC_TRIPLE_WORDS)));
    ec_conv2d_block block = {.shift = params->shift, .zero_point = params->output_zero_point};
    ec_corner next = {-params->pad_top, -params->pad_left};
    ec_corner at[EC_MOST_PIXELS];
    uint32_t left = (uint32_t)params->output_h * params->output_w;
    while (left > 0) {
        const uint32_t count = left < most ? left : most;
        int8_t *const first = output;
        next_pixels(params, &next, &output, count, at, block.output);
        compute_pixels(&windows, input, at, count <= EC_TRIPLE ? EC_TRIPLE : EC_MOST_PIXELS, patch, &block);
        ec_clamp_run(first, count * params->output_c, params->clamp_min, params->clamp_max);
        left -= count;
    }
}
