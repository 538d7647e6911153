/* ec_riscv_dot.h - sums of products of int8 weights and of up to four input vectors held side by side.
 *
 * Vectors stand in quads: quads[i][v][4] holds elements 4 * i to 4 * i + 3 of vector v, so that one pointer reaches all four.
 * Weights of four channels are interleaved: weights[element][4].
 */
#ifndef EC_RISCV_DOT_H
#define EC_RISCV_DOT_H

#include <stddef.h>
#include <stdint.h>

#include "ec_riscv_requantize.h"

#define EC_RISCV_LANES 4U /* channels, and vectors, of a block */
#define EC_RISCV_QUAD_BYTES 16

/* Four channels at four pixels. The order of the members is that of the assembly below. */
typedef struct {
    const int8_t *weights;
    const int8_t *input;
    const int8_t *end; /* see ec_riscv_block_4x4 */
    const int32_t *bias;
    const int32_t *multiplier;
    ec_riscv_output to;
    int8_t *output; /* first pixel, first channel */
    uint32_t pitch; /* from pixel to pixel */
} ec_riscv_block;

_Static_assert(offsetof(ec_riscv_block, to) == 20 && sizeof(ec_riscv_output) == 16, "the assembly counts on it");

/* clang-format off */

/* Four channels times the input in %[x]; `next` loads the following input where its latency is hidden. */
#define EC_RISCV_COLUMN(v, next) \
    "mul %[t], %[w0], %[x]\n" \
    "mul %[u], %[w1], %[x]\n" \
    "add %[s0" #v "], %[s0" #v "], %[t]\n" \
    "add %[s1" #v "], %[s1" #v "], %[u]\n" \
    "mul %[t], %[w2], %[x]\n" \
    "mul %[u], %[w3], %[x]\n" \
    next \
    "add %[s2" #v "], %[s2" #v "], %[t]\n" \
    "add %[s3" #v "], %[s3" #v "], %[u]\n"

#define EC_RISCV_INPUT(e, v) "lb %[x], 4*" #v "+" #e "(%[input])\n"

/* Element e of a quad: 8 loads, 16 products. */
#define EC_RISCV_ELEMENT(e) \
    EC_RISCV_INPUT(e, 0) \
    "lb %[w0], 4*" #e "+0(%[weights])\n" \
    "lb %[w1], 4*" #e "+1(%[weights])\n" \
    "lb %[w2], 4*" #e "+2(%[weights])\n" \
    "lb %[w3], 4*" #e "+3(%[weights])\n" \
    EC_RISCV_COLUMN(0, EC_RISCV_INPUT(e, 1)) \
    EC_RISCV_COLUMN(1, EC_RISCV_INPUT(e, 2)) \
    EC_RISCV_COLUMN(2, EC_RISCV_INPUT(e, 3)) \
    EC_RISCV_COLUMN(3, "")

#define EC_RISCV_BIAS(c) \
    "lw %[s" #c "0], 4*" #c "(%[u])\n" \
    "mv %[s" #c "1], %[s" #c "0]\n" \
    "mv %[s" #c "2], %[s" #c "0]\n" \
    "mv %[s" #c "3], %[s" #c "0]\n"

#define EC_RISCV_SHIFT(c) \
    "sll %[s" #c "0], %[s" #c "0], %[t]\n" \
    "sll %[s" #c "1], %[s" #c "1], %[t]\n" \
    "sll %[s" #c "2], %[s" #c "2], %[t]\n" \
    "sll %[s" #c "3], %[s" #c "3], %[t]\n"

/* ec_riscv_scale with the doubled multiplier in %[x], zero point in %[w0], bounds in %[w1] and %[w2]; `at` is the pixel. */
#define EC_RISCV_STORE(c, v, at) \
    "mulh %[t], %[s" #c #v "], %[x]\n" \
    "mul %[s" #c #v "], %[s" #c #v "], %[x]\n" \
    "add %[t], %[t], %[w0]\n" \
    "srli %[s" #c #v "], %[s" #c #v "], 31\n" \
    "add %[t], %[t], %[s" #c #v "]\n" \
    "bge %[t], %[w1], 1f\n" \
    "mv %[t], %[w1]\n" \
    "1: bge %[w2], %[t], 1f\n" \
    "mv %[t], %[w2]\n" \
    "1: sb %[t], " #c "(%[" at "])\n"

#define EC_RISCV_STORES(c) \
    "lw %[x], 4*" #c "(%[w3])\n" \
    "slli %[x], %[x], 1\n" \
    EC_RISCV_STORE(c, 0, "weights") \
    EC_RISCV_STORE(c, 1, "input") \
    EC_RISCV_STORE(c, 2, "end") \
    EC_RISCV_STORE(c, 3, "u")

/* Outputs of four channels at four pixels: `count` elements each.
 *
 * 26 registers, all that there are beside a frame pointer; the compiler would spill half of the sums. The block comes in memory, as no
 * register is left. `end` lies above the first byte of the last whole quad by the number of elements left over, so that one register
 * ends both loops.
 */
static inline __attribute__((always_inline)) void ec_riscv_block_4x4(ec_riscv_block *block, uint32_t count) {
    int32_t s00, s01, s02, s03, s10, s11, s12, s13, s20, s21, s22, s23, s30, s31, s32, s33, w0, w1, w2, w3, x, t, u, weights, input, end;
    block->end = block->input + count / 4U * EC_RISCV_QUAD_BYTES + count % 4U - (EC_RISCV_QUAD_BYTES - 1);
    __asm__ volatile(
        "lw %[u], %[block]\n"
        "lw %[weights], 0(%[u])\n"
        "lw %[input], 4(%[u])\n"
        "lw %[end], 8(%[u])\n"
        "lw %[u], 12(%[u])\n"
        EC_RISCV_BIAS(0) EC_RISCV_BIAS(1) EC_RISCV_BIAS(2) EC_RISCV_BIAS(3)
        "bgeu %[input], %[end], 2f\n"
        "1:\n"
        EC_RISCV_ELEMENT(0) EC_RISCV_ELEMENT(1) EC_RISCV_ELEMENT(2) EC_RISCV_ELEMENT(3)
        "addi %[input], %[input], 16\n"
        "addi %[weights], %[weights], 16\n"
        "bltu %[input], %[end], 1b\n"
        "2:\n"
        "addi %[end], %[end], 15\n"
        "beq %[input], %[end], 4f\n"
        "3:\n"
        EC_RISCV_ELEMENT(0)
        "addi %[input], %[input], 1\n"
        "addi %[weights], %[weights], 4\n"
        "bne %[input], %[end], 3b\n"
        "4:\n"
        "lw %[u], %[block]\n"
        "lw %[t], 32(%[u])\n"
        "beqz %[t], 5f\n"
        EC_RISCV_SHIFT(0) EC_RISCV_SHIFT(1) EC_RISCV_SHIFT(2) EC_RISCV_SHIFT(3)
        "5:\n"
        "lw %[w0], 20(%[u])\n"
        "lw %[w1], 24(%[u])\n"
        "lw %[w2], 28(%[u])\n"
        "lw %[w3], 16(%[u])\n"
        "lw %[weights], 36(%[u])\n"
        "lw %[t], 40(%[u])\n"
        "add %[input], %[weights], %[t]\n"
        "add %[end], %[input], %[t]\n"
        "add %[u], %[end], %[t]\n"
        EC_RISCV_STORES(0) EC_RISCV_STORES(1) EC_RISCV_STORES(2) EC_RISCV_STORES(3)
        : [s00] "=&r"(s00), [s01] "=&r"(s01), [s02] "=&r"(s02), [s03] "=&r"(s03), [s10] "=&r"(s10), [s11] "=&r"(s11), [s12] "=&r"(s12),
          [s13] "=&r"(s13), [s20] "=&r"(s20), [s21] "=&r"(s21), [s22] "=&r"(s22), [s23] "=&r"(s23), [s30] "=&r"(s30), [s31] "=&r"(s31),
          [s32] "=&r"(s32), [s33] "=&r"(s33), [w0] "=&r"(w0), [w1] "=&r"(w1), [w2] "=&r"(w2), [w3] "=&r"(w3), [x] "=&r"(x),
          [t] "=&r"(t), [u] "=&r"(u), [weights] "=&r"(weights), [input] "=&r"(input), [end] "=&r"(end)
        : [block] "m"(block)
        : "memory");
}

/* clang-format on */

/* sums[c] += products of four channels and one vector. */
static inline void ec_riscv_dot_4x1(const int8_t *weights, const int8_t *input, uint32_t count, int32_t sums[4]) {
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    const int8_t *quads_end = input + (count / 4U) * EC_RISCV_QUAD_BYTES;
    for (; input != quads_end; input += EC_RISCV_QUAD_BYTES) {
        for (uint32_t e = 0; e < 4U; e++) {
            const int32_t x = input[e];
            s0 += x * weights[0];
            s1 += x * weights[1];
            s2 += x * weights[2];
            s3 += x * weights[3];
            weights += 4;
        }
    }
    for (uint32_t e = 0; e < count % 4U; e++) {
        const int32_t x = input[e];
        s0 += x * weights[0];
        s1 += x * weights[1];
        s2 += x * weights[2];
        s3 += x * weights[3];
        weights += 4;
    }
    sums[0] += s0;
    sums[1] += s1;
    sums[2] += s2;
    sums[3] += s3;
}

/* sums[v] += products of one channel, weights[element], and four vectors. */
static inline void ec_riscv_dot_1x4(const int8_t *weights, const int8_t *input, uint32_t count, int32_t sums[4]) {
    int32_t s0 = 0;
    int32_t s1 = 0;
    int32_t s2 = 0;
    int32_t s3 = 0;
    const int8_t *quads_end = input + (count / 4U) * EC_RISCV_QUAD_BYTES;
    for (; input != quads_end; input += EC_RISCV_QUAD_BYTES) {
        for (uint32_t e = 0; e < 4U; e++) {
            const int32_t w = *weights++;
            s0 += w * input[e];
            s1 += w * input[4U + e];
            s2 += w * input[8U + e];
            s3 += w * input[12U + e];
        }
    }
    for (uint32_t e = 0; e < count % 4U; e++) {
        const int32_t w = *weights++;
        s0 += w * input[e];
        s1 += w * input[4U + e];
        s2 += w * input[8U + e];
        s3 += w * input[12U + e];
    }
    sums[0] += s0;
    sums[1] += s1;
    sums[2] += s2;
    sums[3] += s3;
}

#endif
