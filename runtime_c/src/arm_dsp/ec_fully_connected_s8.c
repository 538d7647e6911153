/* Four outputs at a time in assembly, what is left of them here.
 *
 * Weights hold the biases and multipliers too. Four outputs are what their sums begin with: for each pair bias of the first + 256 * bias
 * of the second, and bias of the second; then for each four inputs ("quad") four words: inputs 0 and 2 of outputs (0, 1) and (2, 3),
 * inputs 1 and 3 of the same, each halfword 256 * second output + first + 128; and twice the multipliers. A pair that is left stands
 * likewise, in two words a quad; an output that is left alone is its bias, its weights as they are, and twice its multiplier. Inputs
 * are padded with zeros to whole quads.
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

static int8_t rescaled(const ec_fully_connected_s8_params *p, int32_t sum, const int8_t *twice_multiplier) {
    const int32_t shifted = (int32_t)((uint32_t)sum << p->shift);
    const int32_t value = ec_rescale(shifted, (int32_t)ec_load_word(twice_multiplier), p->output_zero_point);
    return (int8_t)ec_clamp(value, p->clamp_min, p->clamp_max);
}

/* Two outputs; returns the end of their weights. */
static const int8_t *pair_outputs(const ec_fully_connected_s8_params *p, const row *r, const int8_t *weights, int8_t *output) {
    pair_sums sums = {(int32_t)(ec_load_word(weights) - 128u * r->sum), (int32_t)ec_load_word(weights + sizeof(int32_t))};
    weights += 2u * sizeof(int32_t);
    for (uint32_t i = 0; i < r->quads; i++, weights += 2u * QUAD) {
        add_quad_of_pair(ec_load_word(r->input + QUAD * i), weights, &sums);
    }
    if (r->rest_quads > 0) {
        add_quad_of_pair(r->rest, weights, &sums);
        weights += 2u * QUAD;
    }
    output[0] = rescaled(p, (int32_t)((uint32_t)sums.both - 256u * (uint32_t)sums.second), weights);
    output[1] = rescaled(p, sums.second, weights + sizeof(int32_t));
    return weights + 2u * sizeof(int32_t);
}

static inline int32_t add_quad(uint32_t x, uint32_t weights, int32_t sum) {
    return ec_smlad(ec_sxtb16_odd(weights), ec_sxtb16_odd(x), ec_smlad(ec_sxtb16(weights), ec_sxtb16(x), sum));
}

static int8_t single_output(const ec_fully_connected_s8_params *p, const row *r, const int8_t *weights) {
    int32_t sum = (int32_t)ec_load_word(weights);
    weights += sizeof(int32_t);
    for (uint32_t i = 0; i < r->quads; i++, weights += QUAD) {
        sum = add_quad(ec_load_word(r->input + QUAD * i), ec_load_word(weights), sum);
    }
    if (r->rest_quads > 0) {
        sum = add_quad(r->rest, ec_load_word(weights), sum);
        weights += QUAD;
    }
    return rescaled(p, sum, weights);
}

static ec_fully_connected_block make_block(const ec_fully_connected_s8_params *p) {
    ec_fully_connected_block b;
    b.entry = ec_fully_connected_entry(p->input_n / QUAD);
    b.zero_point = p->output_zero_point;
    b.rare = ec_rare(p->shift, p->clamp_min, p->clamp_max);
    b.above = (uint32_t)(INT8_MAX - p->clamp_max);
    b.span = (uint32_t)(UINT8_MAX - (p->clamp_max - p->clamp_min));
    b.low = p->clamp_min;
    return b; /* cppcheck-suppress uninitvar ; the others are set for each block */
}

static void row_outputs(const ec_fully_connected_s8_params *p, ec_fully_connected_block *b, const int8_t *input, int8_t *output) {
    const row r = make_row(p, input);
    const uint32_t fours = p->output_n / 4u;
    b->weights = p->weights;
    b->output = output;
    if (fours > 0) {
        b->weights_end = b->weights + fours * 4u * (2u * sizeof(int32_t) + QUAD * (r.quads + r.rest_quads));
        b->input = input;
        b->input_end = input + QUAD * r.quads;
        b->rest = r.rest_quads > 0 ? &r.rest : NULL;
        b->correction = 128u * r.sum;
        ec_fully_connected_fours(b);
    }
    if ((p->output_n & 2u) != 0) {
        b->weights = pair_outputs(p, &r, b->weights, b->output);
        b->output += 2;
    }
    if ((p->output_n & 1u) != 0) {
        *b->output = single_output(p, &r, b->weights);
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
