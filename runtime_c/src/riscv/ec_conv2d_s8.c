/* Four output channels times six output pixels at a time, four multiplications for six products (ec_triples.h).
 *
 * weights: a word, see ec_triples.h; then for each group, for each block of four output channels
 * [kernel_h][kernel_w][input_c / groups][4], then each channel that is left over [kernel_h][kernel_w][input_c / groups].
 * scratch: see ec_triples.h.
 */
#if !defined(__riscv_mul) || __riscv_xlen != 32 || defined(__riscv_32e)
#error "this kernel needs a 32-bit RISC-V with M and 32 registers: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_conv2d_s8.h"

#include "ec_riscv_few.h"
#include "ec_riscv_merge.h"
#include "ec_riscv_requantize.h"
#include "ec_riscv_triples.h"
#include "ec_triples.h"

#define MOST_SUMS (EC_RISCV_CHANNELS * EC_MOST_PIXELS)

/* Channels that are computed together, at one triple or two. */
typedef struct {
    const ec_triples_block *at;
    const int8_t *weights;
    uint32_t first; /* of the channels, in the group */
    uint32_t count;
    uint32_t triples;
} channels;

/* The three sums that two accumulators hold. */
static inline __attribute__((always_inline)) void split(const uint32_t *words, int32_t sums[3]) {
    const uint32_t u = words[0];
    const uint32_t v = words[1];
    const int32_t a = (int32_t)(u << 11) >> 11;
    const int32_t without_a = (int32_t)(u - (uint32_t)a);
    const int32_t b = (int32_t)((v - (uint32_t)(without_a >> 10)) << 10) >> 10;
    sums[0] = a;
    sums[1] = b;
    sums[2] = (int32_t)(v - (uint32_t)b) >> 11;
}

/* Adds the sums of a segment that is not the last. carry: [triples][channels][3]. */
static void add_segment(const channels *c, const uint32_t *words, int32_t *carry) {
    for (uint32_t triple = 0; triple < c->triples; triple++) {
        for (uint32_t channel = 0; channel < c->count; channel++) {
            int32_t sums[EC_TRIPLE];
            split(words + EC_TRIPLE_WORDS * (c->triples * channel + triple), sums);
            for (uint32_t i = 0; i < EC_TRIPLE; i++) {
                *carry++ += sums[i];
            }
        }
    }
}

/* Scales and stores the sums of the last segment and what the ones before it carry over, if there are any. */
static __attribute__((noinline)) void finish(const channels *c, const uint32_t *words, const int32_t *carry) {
    const ec_triples_block *at = c->at;
    const ec_riscv_output to = {at->zero_point, at->low, at->high, at->shift};
    const uint32_t step = EC_TRIPLE_WORDS * c->triples;
    for (uint32_t triple = 0; triple < c->triples; triple++) {
        int8_t *const *outputs = at->output + EC_TRIPLE * triple;
        int8_t *first = outputs[0] + c->first;
        int8_t *second = outputs[1] + c->first;
        int8_t *third = outputs[2] + c->first;
        const int32_t *biases = at->bias + c->first;
        const int32_t *multipliers = at->multiplier + c->first;
        const uint32_t *from = words + EC_TRIPLE_WORDS * triple;
        for (const int32_t *end = biases + c->count; biases != end;) {
            const int32_t bias = *biases++;
            const int32_t multiplier = *multipliers++;
            int32_t sums[EC_TRIPLE];
            split(from, sums);
            if (carry != NULL) {
                sums[0] += *carry++;
                sums[1] += *carry++;
                sums[2] += *carry++;
            }
            *first++ = ec_riscv_requantize(sums[0] + bias, multiplier, to);
            *second++ = ec_riscv_requantize(sums[1] + bias, multiplier, to);
            *third++ = ec_riscv_requantize(sums[2] + bias, multiplier, to);
            from += step;
        }
    }
}

/* The block at hand; its loops are there only once. */
static __attribute__((noinline)) void compute_block(const ec_riscv_block *block) { ec_riscv_compute_block(block); }

static void sum_products(const channels *c, const uint32_t *patch, const uint32_t *end, const int8_t *weights, uint32_t *words) {
    if (c->count == 1U) {
        if (c->triples == 1U) {
            ec_riscv_three_of_one(patch, end, weights, words);
        } else {
            ec_riscv_six_of_one(patch, end, weights, words);
        }
    } else if (c->triples == 1U) {
        ec_riscv_three_of_four(patch, end, weights, words);
    } else {
        const ec_riscv_block block = {.patch = patch, .end = end, .weights = weights, .sums = words};
        compute_block(&block);
    }
}

/* Segment by segment. */
static __attribute__((noinline)) void compute_channels(const channels *c) {
    const ec_triples_block *at = c->at;
    const uint32_t *patch = at->patch;
    const int8_t *weights = c->weights;
    const uint32_t segment = at->segment_bytes / sizeof(uint32_t);
    uint32_t words[EC_RISCV_CHANNELS * EC_RISCV_WORDS];
    if (segment == 0) {
        sum_products(c, patch, at->patch_end, weights, words);
        finish(c, words, NULL);
        return;
    }
    int32_t carry[MOST_SUMS] = {0};
    while ((uint32_t)(at->patch_end - patch) > segment) {
        sum_products(c, patch, patch + segment, weights, words);
        add_segment(c, words, carry);
        patch += segment;
        weights += segment / (EC_TRIPLE_WORDS * c->triples) * c->count;
    }
    sum_products(c, patch, at->patch_end, weights, words);
    finish(c, words, carry);
}

/* As many blocks of four channels as there are, at six pixels, where sums need neither segments nor a shift. */
static uint32_t compute_blocks(const ec_triples_block *at, uint32_t blocks, uint32_t elements) {
    ec_riscv_block block = {.patch = at->patch,
                            .end = at->patch_end,
                            .weights = at->weights,
                            .bias = at->bias,
                            .multiplier = at->multiplier,
                            .to = {at->zero_point, at->low, at->high, 0}};
    memcpy(block.output, at->output, sizeof block.output);
    for (; blocks > 0; blocks--) {
        compute_block(&block);
        block.weights += EC_RISCV_CHANNELS * elements;
        block.bias += EC_RISCV_CHANNELS;
        block.multiplier += EC_RISCV_CHANNELS;
        block.first += EC_RISCV_CHANNELS;
    }
    return block.first;
}

/* The same where the triple is one pixel three times: its elements are the lowest bytes of the patch. */
static __attribute__((noinline)) void compute_pixel(const channels *c) {
    const ec_triples_block *at = c->at;
    const ec_riscv_output to = {at->zero_point, at->low, at->high, at->shift};
    int32_t sums[EC_RISCV_CHANNELS];
    ec_riscv_one_of_some(at->patch, at->patch_end, c->weights, c->count, sums);
    for (uint32_t i = 0; i < c->count; i++) {
        const uint32_t channel = c->first + i;
        at->output[0][channel] = ec_riscv_requantize(sums[i] + at->bias[channel], at->multiplier[channel], to);
    }
}

/* All channels of a group; leaves bias, multiplier, weights and outputs of the next. */
static void compute_group(ec_triples_block *block, uint32_t triples) {
    const uint32_t all = (uint32_t)(block->bias_end - block->bias);
    const uint32_t elements = (uint32_t)(block->patch_end - block->patch) / (EC_TRIPLE_WORDS * triples);
    const int one_pixel = triples == 1U && block->output[0] == block->output[2];
    channels c = {block, block->weights, 0, 0, triples};
    if (triples == 2U && block->segment_bytes == 0 && block->shift == 0) {
        c.first = compute_blocks(block, all / EC_RISCV_CHANNELS, elements);
        c.weights += elements * c.first;
    }
    while (c.first < all) {
        c.count = all - c.first >= EC_RISCV_CHANNELS ? EC_RISCV_CHANNELS : 1U;
        if (one_pixel) {
            compute_pixel(&c);
        } else {
            compute_channels(&c);
        }
        c.weights += elements * c.count;
        c.first += c.count;
    }
    block->weights = c.weights;
    block->bias += all;
    block->multiplier += all;
    for (uint32_t i = 0; i < EC_MOST_PIXELS; i++) {
        block->output[i] += all;
    }
}

static void three(ec_triples_block *block) { compute_group(block, 1); }

static void six(ec_triples_block *block) { compute_group(block, 2); }

void ec_conv2d_s8_riscv(const ec_conv2d_s8_params *params, const int8_t *input, int8_t *output, void *scratch) {
    static const ec_triples_loops loops = {
        .merge_three = ec_riscv_merge_three, .merge_six = ec_riscv_merge_six, .three = three, .six = six};
    ec_convolve_triples(params, input, output, scratch, 0, &loops);
}
