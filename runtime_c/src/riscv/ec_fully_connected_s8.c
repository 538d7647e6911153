/* Sixteen outputs at a time, three multiplications for four products (ec_quads.h).
 *
 * weights: see ec_quads.h.
 */
#if !defined(__riscv_mul) || __riscv_xlen != 32 || defined(__riscv_32e)
#error "this kernel needs a 32-bit RISC-V with M and 32 registers: compile with -march=rv32im or more, or take the one of src/portable"
#endif

#include "ec_fully_connected_s8.h"

#include "ec_quads.h"
#include "ec_riscv_quads.h"
#include "ec_riscv_requantize.h"

#define SIXTEEN (4U * EC_QUAD)
/* The next outputs of a row. */
typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    int8_t *output;
    ec_riscv_output to;
} outputs;

/* Scales and stores the sums of some quads, and what earlier segments carry over, if there were any. */
static inline __attribute__((always_inline)) void finish(outputs *at, const uint32_t *sums, uint32_t quads, const int32_t *carry) {
    const ec_riscv_output to = at->to;
    const int32_t *bias = at->bias;
    const int32_t *multiplier = at->multiplier;
    int8_t *output = at->output;
    for (uint32_t quad = 0; quad < quads; quad++) {
        int32_t parts[EC_QUAD] = {bias[0], bias[1], bias[2], bias[3]};
        const int32_t scales[EC_QUAD] = {multiplier[0], multiplier[1], multiplier[2], multiplier[3]};
        ec_split_quad(sums[0], sums[1], sums[2], parts);
#pragma GCC unroll 4
        for (uint32_t i = 0; i < EC_QUAD; i++) {
            output[i] = ec_riscv_requantize(carry == NULL ? parts[i] : parts[i] + carry[i], scales[i], to);
        }
        carry = carry == NULL ? NULL : carry + EC_QUAD;
        sums += EC_QUAD_SUMS;
        bias += EC_QUAD;
        multiplier += EC_QUAD;
        output += EC_QUAD;
    }
    at->bias = bias;
    at->multiplier = multiplier;
    at->output = output;
}

/* Four quads or one, whose words lie `step` words apart: all segments but the last add to `carry`. */
static inline __attribute__((always_inline)) void quad_outputs(const ec_quads_row *row, outputs *at, uint32_t quads, const uint32_t *words,
                                                               uint32_t step) {
    const int8_t *from = row->from;
    const uint32_t *total = row->totals;
    uint32_t left = row->count;
    uint32_t sums[4U * EC_QUAD_SUMS];
    int32_t carry[SIXTEEN];
    int segmented = 0;
    for (;;) {
        const uint32_t count = left < row->segment ? left : row->segment;
        const uint32_t start[EC_QUAD_SUMS] = {0U - *total * 0x01010101U, 0U - *total * 0x00010001U, 0U - *total * 0x00000101U};
        if (quads == 1U) {
            ec_riscv_one_quad(from, from + count, words, step, start, sums);
        } else {
            ec_riscv_four_quads(from, from + count, words, 2U * row->count, start, sums);
        }
        left -= count;
        if (left == 0) {
            break;
        }
        if (!segmented) {
            memset(carry, 0, sizeof carry);
            segmented = 1;
        }
        for (uint32_t quad = 0; quad < quads; quad++) {
            const uint32_t *s = sums + EC_QUAD_SUMS * quad;
            ec_split_quad(s[0], s[1], s[2], carry + EC_QUAD * quad);
        }
        words += step * count;
        from += count;
        total++;
    }
    finish(at, sums, quads, segmented ? carry : NULL);
}

static __attribute__((noinline)) void sixteen_outputs(const ec_quads_row *row, outputs *at) {
    quad_outputs(row, at, 4, __builtin_assume_aligned(at->weights, 4), 2);
    at->weights += SIXTEEN * row->count;
}

static __attribute__((noinline)) void four_outputs(const ec_quads_row *row, outputs *at, const uint32_t *words, uint32_t step) {
    quad_outputs(row, at, 1, words, step);
    at->weights += EC_QUAD * row->count;
}

static void one_output(const ec_quads_row *row, outputs *at) {
    const int32_t sum = *at->bias++ + ec_single_row(row->from, at->weights, row->count);
    at->weights += row->count;
    *at->output++ = ec_riscv_requantize(sum, *at->multiplier++, at->to);
}

/* 128 times the sum of each segment, which the weights' 128 add to a sum of products. */
static void find_totals(ec_quads_row *row) {
    const int8_t *from = row->from;
    uint32_t *total = row->totals;
    for (uint32_t done = 0; done < row->count; done += row->segment) {
        const uint32_t left = row->count - done;
        int32_t sum = 0;
#pragma GCC unroll 4
        for (const int8_t *end = from + (left < row->segment ? left : row->segment); from != end; from++) {
            sum += *from;
        }
        *total++ = (uint32_t)sum << 7;
    }
}

static void row_outputs(const ec_fully_connected_s8_params *p, const ec_quads_row *row, int8_t *output) {
    outputs at = {
        p->weights + sizeof(uint32_t), p->bias, p->multiplier, output, {p->output_zero_point, p->clamp_min, p->clamp_max, p->shift}};
    uint32_t left = p->output_n;
    for (; left >= SIXTEEN; left -= SIXTEEN) {
        sixteen_outputs(row, &at);
    }
    const uint32_t *words = __builtin_assume_aligned(at.weights, 4);
    if (left >= 2U * EC_QUAD) {
        four_outputs(row, &at, words, 2);
        four_outputs(row, &at, words + 1, 2);
        left -= 2U * EC_QUAD;
    }
    if (left >= EC_QUAD) {
        four_outputs(row, &at, __builtin_assume_aligned(at.weights, 4), 1);
        left -= EC_QUAD;
    }
    for (; left > 0; left--) {
        one_output(row, &at);
    }
}

void ec_fully_connected_s8_riscv(const ec_fully_connected_s8_params *params, const int8_t *input, int8_t *output) {
    ec_quads_row row = {.from = input, .count = params->input_n};
    memcpy(&row.segment, params->weights, sizeof row.segment);
    for (uint32_t left = params->rows; left > 0; left--) {
        if (params->output_n >= EC_QUAD) {
            find_totals(&row);
        }
        row_outputs(params, &row, output);
        row.from += params->input_n;
        output += params->output_n;
    }
}
