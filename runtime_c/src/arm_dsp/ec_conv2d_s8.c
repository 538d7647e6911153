/* Group by group, the output is computed in blocks of four pixels in a row, over the ends of rows. What they read is widened into a
 * patch once; then two channels at a time are multiplied with it.
 *
 * Weights: a word with the number of channels of each group that stand in pairs; then group by group, for each pair and each four
 * inputs ("quad") two words, of inputs 0 and 2 and of inputs 1 and 3, each halfword 256 * second channel + first; then the other
 * channels one by one as they are. Inputs stand in the order of the patch (ec_conv2d_patch.h), and rests end in zeros.
 *
 * Scratch: the patch; where taps are not whole quads, the table of rests, and the band if any pixel reads padding.
 */
#include "ec_conv2d_s8.h"

#include "ec_conv2d_padding.h"
#include "ec_conv2d_pairs.h"
#include "ec_conv2d_singles.h"

static uint32_t quads_of(uint32_t bytes) { return (bytes + EC_QUAD - 1u) / EC_QUAD; }

/* How many first taps of 0, 1, ... have a window within an axis of `size`. */
static uint32_t inside(uint32_t size, uint32_t reach) { return size >= reach ? size - reach + 1u : 0; }

/* Taps from the first of the first window to the last of the last. */
static uint32_t span(uint32_t outputs, uint32_t stride, uint32_t reach) { return (outputs - 1u) * stride + reach; }

static void list_rests(const ec_gather *g, uint32_t run_size, uint32_t *to) {
    const uint32_t *const end = to + EC_QUAD * g->rest_quads;
    for (uint32_t ky = 0; ky < g->kernel_h; ky++) {
        for (uint32_t run = 0; run < g->runs; run++) {
            for (uint32_t at = EC_QUAD * g->run_quads; at < run_size; at++) {
                *to++ = ky * g->row_step + run * g->run_step + at;
            }
        }
    }
    while (to < end) {
        *to++ = 0;
    }
}

/* A band, if the layer needs one. */
static void add_band(ec_gather *g, const ec_conv2d_s8_params *p, uint32_t reach_h, uint32_t reach_w, int8_t *band) {
    const uint32_t width = span(p->output_w, p->stride_w, reach_w);
    const uint32_t height = span(p->output_h, p->stride_h, reach_h);
    const int reads_padding = p->pad_left > 0 || p->pad_top > 0 || width > p->input_w || height > p->input_h;
    g->band = NULL;
    if (reads_padding && g->channels % EC_QUAD != 0) {
        const uint32_t left = width < p->pad_left ? width : p->pad_left;
        const uint32_t inside_w = width - left < p->input_w ? width - left : p->input_w;
        g->band = band;
        g->band_row = width * p->input_c;
        g->band_left = left * p->input_c;
        g->band_inside = inside_w * p->input_c;
        g->row_step = g->band_row;
    }
}

static ec_gather make_gather(const ec_conv2d_s8_params *p, void *scratch) {
    const uint32_t reach_h = (p->kernel_h - 1u) * p->dilation_h + 1u;
    const uint32_t reach_w = (p->kernel_w - 1u) * p->dilation_w + 1u;
    const int rows_are_runs = p->dilation_w == 1 && p->groups == 1;
    ec_gather g;
    g.input_h = p->input_h;
    g.input_w = p->input_w;
    g.input_row = (uint32_t)p->input_w * p->input_c;
    g.inside_h = inside(p->input_h, reach_h);
    g.inside_w = inside(p->input_w, reach_w);
    g.padding = ec_splat_byte(p->input_zero_point);
    g.kernel_h = p->kernel_h;
    g.dilation_h = p->dilation_h;
    g.dilation_w = p->dilation_w;
    g.runs = rows_are_runs ? 1u : p->kernel_w;
    g.run_taps = rows_are_runs ? p->kernel_w : 1u;
    g.channels = (uint32_t)p->input_c / p->groups;
    const uint32_t run_size = g.run_taps * g.channels;
    g.run_quads = run_size / EC_QUAD;
    g.rest_quads = quads_of(g.kernel_h * g.runs * (run_size % EC_QUAD));
    g.quads = quads_of(g.kernel_h * g.runs * run_size);
    g.run_step = (uint32_t)p->dilation_w * p->input_c;
    g.row_step = p->dilation_h * g.input_row;
    g.patch = scratch;
    uint32_t *const rests = g.patch + EC_QUAD_WORDS * g.quads;
    g.rests = rests;
    add_band(&g, p, reach_h, reach_w, (int8_t *)(rests + EC_QUAD * g.rest_quads));
    list_rests(&g, run_size, rests);
    return g;
}

static ec_conv2d_block make_block(const ec_conv2d_s8_params *p, const ec_gather *g) {
    ec_conv2d_block b;
    b.patch = g->patch;
    b.patch_end = g->patch + EC_QUAD_WORDS * g->quads;
    b.zero_point = p->output_zero_point;
    b.rare = ec_rare(p->shift, p->clamp_min, p->clamp_max);
    b.above = (uint32_t)(INT8_MAX - p->clamp_max);
    b.span = (uint32_t)(UINT8_MAX - (p->clamp_max - p->clamp_min));
    b.low = p->clamp_min;
    return b;
}

/* One group: where its inputs, outputs and weights begin. */
typedef struct {
    const int8_t *input;    /* of all groups */
    uint32_t first_channel; /* of the input */
    int8_t *output;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    uint32_t paired; /* channels */
    uint32_t outputs;
} group;

/* All channels of a group for the pixels in the patch. */
static void compute_channels(const group *channels, ec_conv2d_block *b) {
    b->weights = channels->weights;
    b->bias = channels->bias;
    b->multiplier = channels->multiplier;
    if (channels->paired > 0) {
        b->bias_end = channels->bias + channels->paired;
        ec_conv2d_pairs(b);
    }
    if (channels->paired < channels->outputs) {
        b->bias_end = channels->bias + channels->outputs;
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
    c->row_left = p->output_w;
}

/* Four pixels of one row into the patch. */
static void fill_from_row(const ec_conv2d_s8_params *p, const ec_gather *g, cursor *c, ec_conv2d_block *b) {
    ec_pixel at[EC_PIXELS];
    for (uint32_t i = 0; i < EC_PIXELS; i++) {
        at[i] = c->pixel;
        b->output[i] = c->output;
        c->pixel.x += p->stride_w;
        c->pixel.from += p->stride_w * p->input_c;
        c->output += p->output_c;
    }
    c->row_left -= EC_PIXELS;
    ec_fill_patch(g, at, EC_PIXELS, ec_is_inside(g, &at[0]) && ec_is_inside(g, &at[EC_PIXELS - 1u]));
}

/* The next pixels into the patch, over the end of a row, four or the `count` that are left. */
static void fill_over_rows(const ec_conv2d_s8_params *p, const ec_gather *g, const group *channels, uint32_t count, cursor *c,
                           ec_conv2d_block *b) {
    ec_pixel at[EC_PIXELS];
    int inside = g->band == NULL; /* the band holds the windows of one row: pixel by pixel then */
    for (uint32_t i = 0; i < count; i++) {
        if (c->row_left == 0) {
            start_row(p, g, channels, c);
        }
        at[i] = c->pixel;
        b->output[i] = c->output;
        if (g->band != NULL) {
            ec_put_window(g, c->pixel.from, g->patch + i);
        }
        inside = inside && ec_is_inside(g, &at[i]);
        c->pixel.x += p->stride_w;
        c->pixel.from += p->stride_w * p->input_c;
        c->output += p->output_c;
        c->row_left--;
    }
    for (uint32_t i = count; i < EC_PIXELS; i++) {
        at[i] = at[i - 1u];
        b->output[i] = b->output[i - 1u];
    }
    if (g->band == NULL) {
        ec_fill_patch(g, at, count, inside);
    }
}

static void compute_group(const ec_conv2d_s8_params *p, const ec_gather *g, const group *channels, ec_conv2d_block *b) {
    cursor c = {{-p->pad_top - p->stride_h, 0, NULL}, channels->output, 0};
    uint32_t left = (uint32_t)p->output_h * p->output_w;
    while (left > 0) {
        const uint32_t count = left < EC_PIXELS ? left : EC_PIXELS;
        if (c.row_left == 0) {
            start_row(p, g, channels, &c);
        }
        if (c.row_left >= EC_PIXELS) {
            fill_from_row(p, g, &c, b);
        } else {
            fill_over_rows(p, g, channels, count, &c, b);
        }
        b->entry = ec_conv2d_entry(count, g->quads);
        compute_channels(channels, b);
        left -= count;
    }
}

void ec_conv2d_s8_arm_dsp(const ec_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    const ec_gather gather = make_gather(params, scratch);
    ec_conv2d_block block = make_block(params, &gather);
    group channels = {input, 0, output, params->weights, params->bias, params->multiplier, 0, (uint32_t)params->output_c / params->groups};
    memcpy(&channels.paired, params->weights, sizeof channels.paired);
    channels.weights += sizeof channels.paired;
    for (uint32_t i = 0; i < params->groups; i++) {
        compute_group(params, &gather, &channels, &block);
        channels.first_channel += gather.channels;
        channels.output += channels.outputs;
        channels.weights += EC_QUAD * gather.quads * channels.outputs;
        channels.bias += channels.outputs;
        channels.multiplier += channels.outputs;
    }
}
