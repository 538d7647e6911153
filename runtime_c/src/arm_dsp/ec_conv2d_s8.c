/* Group by group, the output is computed in blocks of four pixels in a row, over the ends of rows. What they read is widened into a
 * patch once; then two channels at a time are multiplied with it.
 *
 * Weights hold the biases and multipliers too: a word with the number of channels of each group that stand in pairs; then group by
 * group the pairs and the other channels. A pair is the bias of the first; for each four inputs ("quad") two words, of inputs 0 and 2
 * and of inputs 1 and 3, each halfword 256 * second channel + first; the bias of the second, and twice both multipliers. A channel
 * alone is its bias, its weights as they are, and twice its multiplier. Inputs stand in the order of the patch (ec_conv2d_patch.h), and
 * rests end in zeros.
 */
#include "ec_conv2d_s8.h"

#include "ec_conv2d_gather.h"
#include "ec_conv2d_pairs.h"
#include "ec_conv2d_singles.h"

static void set_block(ec_conv2d_block *b, const ec_conv2d_s8_params *p, const ec_gather *g) {
    b->patch = g->patch;
    b->patch_end = g->patch + EC_QUAD_WORDS * g->quads;
    b->zero_point = p->output_zero_point;
    b->rare = ec_rare(p->shift, p->clamp_min, p->clamp_max);
    b->above = (uint32_t)(INT8_MAX - p->clamp_max);
    b->span = (uint32_t)(UINT8_MAX - (p->clamp_max - p->clamp_min));
    b->low = p->clamp_min;
}

/* One group: where its inputs, outputs and weights begin. */
typedef struct {
    const int8_t *input;    /* of all groups */
    uint32_t first_channel; /* of the input */
    int8_t *output;
    const int8_t *weights;
    uint32_t pairs_size; /* bytes of the weights */
    uint32_t singles_size;
} group;

static group first_group(const ec_conv2d_s8_params *p, const ec_gather *g, const int8_t *input, int8_t *output) {
    const uint32_t outputs = (uint32_t)p->output_c / p->groups;
    const uint32_t paired = ec_load_word(p->weights);
    group first = {input, 0, output, p->weights + sizeof paired, 0, 0};
    first.pairs_size = paired / 2u * (4u * sizeof(int32_t) + 2u * EC_QUAD * g->quads);
    first.singles_size = (outputs - paired) * (2u * sizeof(int32_t) + EC_QUAD * g->quads);
    return first;
}

/* All channels of a group for the pixels in the patch. */
static void compute_channels(const group *channels, ec_conv2d_block *b) {
    b->weights = channels->weights;
    if (channels->pairs_size > 0) {
        b->weights_end = b->weights + channels->pairs_size;
        ec_conv2d_pairs(b);
    }
    if (channels->singles_size > 0) {
        b->weights_end = b->weights + channels->singles_size;
        ec_conv2d_singles(b);
    }
}

/* Where the next pixel of the output lies, and what it reads. */
typedef struct {
    ec_pixel pixel;
    int8_t *output;
    uint32_t row_left; /* pixels of the output row */
} cursor;

static void start_row(const ec_conv2d_s8_params *p, const ec_gather *g, const group *channels, cursor *c) {
    const int32_t y = c->pixel.y + p->stride_h;
    const int32_t x = -p->pad_left;
    const int8_t *from = g->band;
    if (from != NULL) {
        ec_fill_band(g, channels->input, y);
    } else {
        from = channels->input + (y * p->input_w + x) * p->input_c;
    }
    c->pixel = (ec_pixel){y, x, from + channels->first_channel};
    c->row_left = g->row_pixels;
}

static inline void advance(const ec_conv2d_s8_params *p, cursor *c) {
    c->pixel.x += p->stride_w;
    c->pixel.from += p->stride_w * p->input_c;
    c->output += p->output_c;
    c->row_left--;
}

/* Four pixels of one row, none of which reads padding, into the patch. */
static inline void fill_from_row(const ec_conv2d_s8_params *p, ec_gather *g, cursor *c, ec_conv2d_block *b) {
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        g->windows.source[i] = c->pixel.from;
        b->output[i] = c->output;
        advance(p, c);
    }
    ec_put_four_windows(g);
}

/* The next pixels into the patch, four or the `count` that are left; they may read padding and lie in several rows. */
EC_NOT_INLINED static void fill_one_by_one(const ec_conv2d_s8_params *p, ec_gather *g, const group *channels, uint32_t count, cursor *c,
                                           ec_conv2d_block *b) {
    ec_pixel at[EC_PIXELS];
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        if (i >= count) {
            b->output[i] = b->output[i - 1u];
            continue;
        }
        if (c->row_left == 0) {
            start_row(p, g, channels, c);
        }
        at[i] = c->pixel;
        b->output[i] = c->output;
        if (g->band != NULL) { /* it holds the windows of one row only */
            ec_put_window(g, c->pixel.from, g->patch + i);
        }
        advance(p, c);
    }
    if (g->band == NULL) {
        ec_fill_patch(g, at, count);
    }
}

static void compute_group(const ec_conv2d_s8_params *p, ec_gather *g, const group *channels, ec_conv2d_block *b) {
    const int32_t reach = (int32_t)(EC_PIXELS - 1u) * p->stride_w;
    cursor c = {{-p->pad_top - p->stride_h, 0, NULL}, channels->output, 0};
    uint32_t left = (uint32_t)p->output_h * p->output_w;
    while (left > 0) {
        const uint32_t count = left < EC_PIXELS ? left : EC_PIXELS;
        if (c.row_left == 0) {
            start_row(p, g, channels, &c);
        }
        const int32_t y = c.pixel.y;
        const int32_t x = c.pixel.x;
        if (c.row_left >= EC_PIXELS && ec_is_inside(g, y, x) && ec_is_inside(g, y, x + reach)) {
            fill_from_row(p, g, &c, b);
        } else {
            fill_one_by_one(p, g, channels, count, &c, b);
        }
        b->entry = ec_conv2d_entry(count, g->quads);
        compute_channels(channels, b);
        left -= count;
    }
}

void ec_conv2d_s8_arm_dsp(const ec_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    ec_gather gather;
    ec_conv2d_block block;
    ec_set_gather(&gather, params, scratch);
    set_block(&block, params, &gather);
    group channels = first_group(params, &gather, input, output);
    for (uint32_t i = 0; i < params->groups; i++) {
        compute_group(params, &gather, &channels, &block);
        channels.first_channel += gather.channels;
        channels.output += params->output_c / params->groups;
        channels.weights += channels.pairs_size + channels.singles_size;
    }
}
