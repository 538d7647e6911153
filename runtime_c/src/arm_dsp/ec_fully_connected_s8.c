/* Four outputs at a time in assembly, what is left of them here.
 *
 * Weights: for each four outputs and each four inputs ("quad") four words: inputs 0 and 2 of outputs (0, 1) and (2, 3), inputs 1 and 3
 * of the same; each halfword 256 * second output + first + 128. Two outputs that are left stand likewise, in two words a quad, a single
 * one as it is. Inputs are padded with zeros to whole quads.
 */
#include "ec_fully_connected_s8.h"

#include "ec_fully_connected_block.h"
#include "ec_lanes.h"
#include "ec_requantize.h"

#define QUAD 4u

/* One row, and what all its outputs share. */
typedef struct {
    const int8_t *input;
    uint32_t quads; /* whole ones in memory */
    uint32_t rest;  /* the last inputs, filled up with zeros */
    uint32_t rest_quads;
    uint32_t sum;
} row;

#define EACH_128_HIGHER 0x80808080u /* as an exclusive or: bytes with a sign to bytes without one */

static inline uint32_t add_bytes(const int8_t *from, uint32_t sum) { return ec_usada8(ec_load_word(from) ^ EACH_128_HIGHER, sum); }

static uint32_t sum_of_inputs(const row *r) {
    uint32_t sum = ec_usada8(r->rest ^ EACH_128_HIGHER, 0) - 128u * QUAD * (r->quads + 1u);
    const int8_t *from = r->input;
    uint32_t left = r->quads;
    for (; left >= 4u; left -= 4u, from += 4u * QUAD) {
        sum = add_bytes(from, sum);
        sum = add_bytes(from + QUAD, sum);
        sum = add_bytes(from + 2u * QUAD, sum);
        sum = add_bytes(from + 3u * QUAD, sum);
    }
    for (; left > 0; left--, from += QUAD) {
        sum = add_bytes(from, sum);
    }
    return sum;
}

static row make_row(const ec_fully_connected_s8_params *p, const int8_t *input) {
    row r = {.input = input, .quads = p->input_n / QUAD, .rest_quads = p->input_n % QUAD != 0};
    for (uint32_t i = p->input_n; i > QUAD * r.quads; i--) {
        r.rest = r.rest << 8 | (uint8_t)input[i - 1u];
    }
    if (p->output_n > 1u) {
        r.sum = sum_of_inputs(&r);
    }
    return r;
}

/* Sums of the halfwords of a pair, and of its second output. */
typedef struct {
    int32_t both;
    int32_t second;
} pair_sums;

static inline void add_quad_of_pair(uint32_t x, const int8_t *weights, pair_sums *sums) {
    const uint32_t even = ec_load_word(weights);
    const uint32_t odd = ec_load_word(weights + QUAD);
    sums->both = ec_smlad(even, ec_sxtb16(x), sums->both);
    sums->second = ec_smlad(ec_sxtb16_odd(even), ec_sxtb16(x), sums->second);
    sums->both = ec_smlad(odd, ec_sxtb16_odd(x), sums->both);
    sums->second = ec_smlad(ec_sxtb16_odd(odd), ec_sxtb16_odd(x), sums->second);
}

/* Adds to the sums of two outputs. */
static void add_pair(const row *r, const int8_t *weights, int32_t *outputs) {
    pair_sums sums = {0, 0};
    for (uint32_t i = 0; i < r->quads; i++) {
        add_quad_of_pair(ec_load_word(r->input + QUAD * i), weights, &sums);
        weights += 2u * QUAD;
    }
    if (r->rest_quads > 0) {
        add_quad_of_pair(r->rest, weights, &sums);
    }
    outputs[0] += (int32_t)((uint32_t)sums.both - 256u * (uint32_t)sums.second - 128u * r->sum);
    outputs[1] += sums.second;
}

static inline int32_t add_quad(uint32_t x, uint32_t weights, int32_t sum) {
    return ec_smlad(ec_sxtb16_odd(weights), ec_sxtb16_odd(x), ec_smlad(ec_sxtb16(weights), ec_sxtb16(x), sum));
}

static int32_t single_sum(const row *r, const int8_t *weights, int32_t sum) {
    for (uint32_t i = 0; i < r->quads; i++) {
        sum = add_quad(ec_load_word(r->input + QUAD * i), ec_load_word(weights), sum);
        weights += QUAD;
    }
    return r->rest_quads > 0 ? add_quad(r->rest, ec_load_word(weights), sum) : sum;
}

/* The outputs behind the last four. */
static void last_outputs(const ec_fully_connected_s8_params *p, const row *r, const int8_t *weights, uint32_t o, int8_t *output) {
    const uint32_t count = p->output_n - o;
    int32_t sums[3];
    for (uint32_t i = 0; i < count; i++) {
        sums[i] = p->bias[o + i];
    }
    if (count >= 2u) {
        add_pair(r, weights, sums);
        weights += 2u * QUAD * (r->quads + r->rest_quads);
    }
    if (count % 2u != 0) {
        sums[count - 1u] = single_sum(r, weights, sums[count - 1u]);
    }
    for (uint32_t i = 0; i < count; i++) {
        output[o + i] = ec_requantize(sums[i], p->multiplier[o + i], p->shift, p->output_zero_point, p->clamp_min, p->clamp_max);
    }
}

static ec_fully_connected_block make_block(const ec_fully_connected_s8_params *p) {
    ec_fully_connected_block b;
    b.entry = ec_fully_connected_entry(p->input_n / QUAD);
    b.zero_point = p->output_zero_point;
    b.rare = ec_rare(p->shift, p->clamp_min, p->clamp_max);
    b.bias_end = p->bias + (p->output_n & ~3u);
    b.above = (uint32_t)(INT8_MAX - p->clamp_max);
    b.span = (uint32_t)(UINT8_MAX - (p->clamp_max - p->clamp_min));
    b.low = p->clamp_min;
    return b;
}

static void row_outputs(const ec_fully_connected_s8_params *p, ec_fully_connected_block *b, const int8_t *input, int8_t *output) {
    const row r = make_row(p, input);
    const uint32_t in_fours = p->output_n & ~3u;
    b->weights = p->weights;
    if (in_fours > 0) {
        b->input = input;
        b->input_end = input + QUAD * r.quads;
        b->bias = p->bias;
        b->multiplier = p->multiplier;
        b->output = output;
        b->rest = r.rest_quads > 0 ? &r.rest : NULL;
        b->correction = 128u * r.sum;
        ec_fully_connected_fours(b);
    }
    if (in_fours < p->output_n) {
        last_outputs(p, &r, b->weights, in_fours, output);
    }
}

void ec_fully_connected_s8_arm_dsp(const ec_fully_connected_s8_params *params, const int8_t *input, int8_t *output) {
    ec_fully_connected_block block = make_block(params);
    for (uint32_t i = 0; i < params->rows; i++) {
        row_outputs(params, &block, input, output);
        input += params->input_n;
        output += params->output_n;
    }
}
