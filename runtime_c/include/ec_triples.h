/* ec_triples.h - three sums of products in two accumulators, for cores that multiply 32 bits but have no vectors.
 *
 * Elements of three vectors a, b, c are merged into two words,
 *     u = a + 2^21 c,    v = b + 2^11 c    (mod 2^32).
 * Words times weights, added up, are U = A + 2^21 C and V = B + 2^11 C, from which the three sums come back exactly as long as A and C
 * need no more than 21 bits, and B 22 bits:
 *     A = lowest 21 bits of U, with sign;    T = U - A;    B = lowest 22 bits of V - T / 2^10, with sign;    C = (V - B) / 2^11.
 * So two multiplications make three products. Weights whose sums could leave 21 bits are taken in several segments.
 *
 * Here: a convolution but for its inner loops. Vectors are what neighbouring output pixels read, three ("a triple") or two triples at a
 * time, merged into a patch. The output is computed in blocks of six pixels in a row, over the ends of rows; three where no more are left,
 * or where the patch of six would be too large.
 *
 * Weights: a word with the number of elements in a segment, 0 where sums of all elements and the bias need no more than 21 bits, or
 * EC_EASY where they are easy to rescale besides, plus EC_PAIRED where pairs of channels of a group are interleaved; then as in the
 * portable kernel, but for what the inner loops' own comment says.
 * Scratch: the patch, then 16 bytes for each segment where inner loops ask for it, then the channels of a tap if windows read padding.
 */
#ifndef EC_TRIPLES_H
#define EC_TRIPLES_H

#include <stdint.h>
#include <string.h>

#include "ec_conv2d_s8.h"

#define EC_TRIPLE 3U
#define EC_TRIPLE_WORDS 2U /* u, v of each element */
#define EC_MOST_PIXELS 6U
#define EC_EASY 0x80000000U /* no shift, and no result is 7 * 2^8 or more before it is clamped */
#define EC_PAIRED 0x40000000U
#define EC_MOST_ELEMENTS 1024U /* of a patch of six pixels, 16 bytes each */

/* Merges `count` elements, one or more, of three or six vectors; for each element u and v of the first triple, then of the second.
 * Returns where to go on. */
typedef uint32_t *ec_merge(const int8_t *const *from, uint32_t count, uint32_t *to);

/* The first tap of an output pixel's window; it may lie in the padding. */
typedef struct {
    int32_t y;
    int32_t x;
} ec_corner;

typedef struct {
    const ec_conv2d_s8_params *params;
    const int8_t *input;   /* first channel of the group */
    const int8_t *padding; /* input_zero_point, for each channel of a tap */
    uint32_t channels;     /* a tap */
    uint32_t elements;     /* of a window */
    uint32_t runs;         /* of a kernel row: taps whose channels lie side by side count as one run */
    uint32_t run_size;
    int32_t last_y; /* the last first tap whose window lies within the input; negative where there is none */
    int32_t last_x;
} ec_windows;

/* `padding` is given room for the channels of a tap if any window reads it. */
static inline ec_windows ec_make_windows(const ec_conv2d_s8_params *p, int8_t *padding) {
    const int side_by_side = p->dilation_w == 1 && p->groups == 1;
    ec_windows w;
    w.params = p;
    w.input = NULL;
    w.padding = padding;
    w.channels = (uint32_t)p->input_c / p->groups;
    w.elements = (uint32_t)p->kernel_h * p->kernel_w * w.channels;
    w.runs = side_by_side ? 1U : p->kernel_w;
    w.run_size = side_by_side ? p->kernel_w * w.channels : w.channels;
    w.last_y = p->input_h - 1 - (p->kernel_h - 1) * p->dilation_h;
    w.last_x = p->input_w - 1 - (p->kernel_w - 1) * p->dilation_w;
    if (p->pad_top > 0 || p->pad_left > 0 || (p->output_h - 1) * p->stride_h > w.last_y || (p->output_w - 1) * p->stride_w > w.last_x) {
        memset(padding, p->input_zero_point, w.channels);
    }
    return w;
}

static inline const int8_t *ec_pixel_at(const ec_windows *w, int32_t y, int32_t x) {
    return w->input + (y * w->params->input_w + x) * w->params->input_c;
}

/* Windows that lie within the input. */
static void ec_merge_inside(const ec_windows *w, const ec_corner *at, uint32_t pixels, ec_merge *merge, uint32_t *to) {
    const int32_t run_step = w->params->dilation_w * w->params->input_c;
    const int32_t row_step = w->params->dilation_h * w->params->input_w * w->params->input_c - ((int32_t)w->runs - 1) * run_step;
    const int8_t *from[EC_MOST_PIXELS];
    for (uint32_t i = 0; i < pixels; i++) {
        from[i] = ec_pixel_at(w, at[i].y, at[i].x);
    }
    uint32_t run = w->runs;
    for (uint32_t left = w->params->kernel_h * w->runs; left > 0; left--) {
        to = merge(from, w->run_size, to);
        int32_t step = run_step;
        if (--run == 0) {
            run = w->runs;
            step = row_step;
        }
        for (uint32_t i = 0; i < pixels; i++) {
            from[i] += step;
        }
    }
}

/* Windows of which some taps lie in the padding. */
static void ec_merge_outside(const ec_windows *w, const ec_corner *at, uint32_t pixels, ec_merge *merge, uint32_t *to) {
    const ec_conv2d_s8_params *p = w->params;
    for (int32_t dy = 0; dy < p->kernel_h * p->dilation_h; dy += p->dilation_h) {
        for (int32_t dx = 0; dx < p->kernel_w * p->dilation_w; dx += p->dilation_w) {
            const int8_t *from[EC_MOST_PIXELS];
            for (uint32_t i = 0; i < pixels; i++) {
                const uint32_t y = (uint32_t)(at[i].y + dy);
                const uint32_t x = (uint32_t)(at[i].x + dx);
                from[i] = y < p->input_h && x < p->input_w ? ec_pixel_at(w, (int32_t)y, (int32_t)x) : w->padding;
            }
            to = merge(from, w->channels, to);
        }
    }
}

/* The patch of three or six pixels. */
static inline void ec_merge_windows(const ec_windows *w, const ec_corner *at, uint32_t pixels, ec_merge *merge, uint32_t *to) {
    uint32_t inside = 0;
    for (uint32_t i = 0; i < pixels; i++) {
        inside += at[i].y >= 0 && at[i].y <= w->last_y && at[i].x >= 0 && at[i].x <= w->last_x;
    }
    if (inside == pixels) {
        ec_merge_inside(w, at, pixels, merge, to);
    } else {
        ec_merge_outside(w, at, pixels, merge, to);
    }
}

/* What the inner loops read and advance; in assembly, by the offsets in front of each member. */
typedef struct {
    /*  0 */ const uint32_t *patch;
    /*  4 */ const uint32_t *patch_end;
    /*  8 */ uint32_t segment_bytes; /* of the patch, if its sums are to be taken in several segments; else 0 */
    /* 12 */ const int8_t *weights;
    /* 16 */ const int32_t *bias;
    /* 20 */ const int32_t *multiplier;
    /* 24 */ const int32_t *bias_end;
    /* 28 */ uint32_t shift;
    /* 32 */ int32_t zero_point;
    /* 36 */ int32_t low;
    /* 40 */ int32_t high;
    /* 44 */ int8_t *output[EC_MOST_PIXELS]; /* one may stand there several times */
    /* 68 */ uint32_t own;                   /* for the instruction set's own use */
} ec_triples_block;

/* How an instruction set merges and computes three pixels, and six: channels from block->bias to block->bias_end. */
typedef struct {
    ec_merge *merge_three;
    ec_merge *merge_six;
    void (*three)(ec_triples_block *block);
    void (*six)(ec_triples_block *block);
    void (*easy_six)(ec_triples_block *block);
    void (*paired_three)(ec_triples_block *block); /* an even number of channels, with interleaved weights */
    void (*paired_six)(ec_triples_block *block);
} ec_triples_loops;

/* The first word of the weights. */
static inline uint32_t ec_weights_word(const ec_conv2d_s8_params *p) {
    uint32_t word;
    memcpy(&word, p->weights, sizeof word);
    return word;
}

static inline uint32_t ec_segment(const ec_conv2d_s8_params *p) { return ec_weights_word(p) & ~(EC_EASY | EC_PAIRED); }

/* The channels of a group, from the patch. */
static inline void ec_compute_group(uint32_t word, uint32_t channels, uint32_t pixels, const ec_triples_loops *loops,
                                    ec_triples_block *block) {
    const int triple = pixels == EC_TRIPLE;
    if ((word & EC_PAIRED) != 0) {
        const uint32_t paired = channels & ~1U;
        if (paired > 0) {
            block->bias_end = block->bias + paired;
            (triple ? loops->paired_three : loops->paired_six)(block);
        }
        channels -= paired;
    }
    if (channels > 0) {
        block->bias_end = block->bias + channels;
        (triple ? loops->three : (word & EC_EASY) != 0 ? loops->easy_six : loops->six)(block);
    }
}

/* All channels at three or six pixels. */
static void ec_compute_pixels(ec_windows *w, const int8_t *input, const ec_corner *at, uint32_t pixels, const ec_triples_loops *loops,
                              uint32_t *patch, ec_triples_block *block) {
    const ec_conv2d_s8_params *p = w->params;
    const uint32_t words = pixels / EC_TRIPLE * EC_TRIPLE_WORDS;
    const uint32_t word = ec_weights_word(p);
    block->segment_bytes = ec_segment(p) * words * (uint32_t)sizeof(uint32_t);
    block->patch = patch;
    block->patch_end = patch + w->elements * words;
    block->weights = p->weights + sizeof word;
    block->bias = p->bias;
    block->multiplier = p->multiplier;
    for (uint32_t group = 0; group < p->groups; group++) {
        w->input = input + group * w->channels;
        ec_merge_windows(w, at, pixels, pixels == EC_TRIPLE ? loops->merge_three : loops->merge_six, patch);
        ec_compute_group(word, (uint32_t)p->output_c / p->groups, pixels, loops, block);
    }
}

/* Corners and outputs of the next `count` pixels; the last of them fills the block up. */
static inline void ec_next_pixels(const ec_conv2d_s8_params *p, ec_corner *next, int8_t **output, uint32_t count, ec_corner *at,
                                  int8_t **outputs) {
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

/* The convolution; `segment_words` of scratch for each segment of a patch. */
static inline void ec_convolve_triples(const ec_conv2d_s8_params *p, const int8_t *input, int8_t *output, void *scratch,
                                       uint32_t segment_words, const ec_triples_loops *loops) {
    const uint32_t elements = (uint32_t)p->kernel_h * p->kernel_w * (p->input_c / p->groups);
    const int single = p->output_h * p->output_w <= (int32_t)EC_TRIPLE || elements > EC_MOST_ELEMENTS;
    const uint32_t most = single ? EC_TRIPLE : EC_MOST_PIXELS;
    uint32_t *const patch = (uint32_t *)scratch;
    const uint32_t segment = ec_segment(p);
    const uint32_t segments = segment == 0 ? 1U : (elements + segment - 1U) / segment;
    uint32_t *const patch_end = patch + elements * (most / EC_TRIPLE * EC_TRIPLE_WORDS);
    ec_windows windows = ec_make_windows(p, (int8_t *)(patch_end + segments * segment_words));
    ec_triples_block block;
    block.shift = p->shift;
    block.zero_point = p->output_zero_point;
    block.low = p->clamp_min;
    block.high = p->clamp_max;
    ec_corner next = {-p->pad_top, -p->pad_left};
    ec_corner at[EC_MOST_PIXELS];
    uint32_t left = (uint32_t)p->output_h * p->output_w;
    while (left > 0) {
        const uint32_t count = left < most ? left : most;
        ec_next_pixels(p, &next, &output, count, at, block.output);
        ec_compute_pixels(&windows, input, at, count <= EC_TRIPLE ? EC_TRIPLE : EC_MOST_PIXELS, loops, patch, &block);
        left -= count;
    }
}

#endif
