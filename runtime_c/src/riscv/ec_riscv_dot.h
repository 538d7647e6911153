/* ec_riscv_dot.h - sums of products of int8 weights and of up to four input vectors held side by side.
 *
 * Vectors stand in quads: quads[i][v][4] holds elements 4 * i to 4 * i + 3 of vector v, so that one pointer reaches all four.
 * Weights of four channels are interleaved: weights[element][4].
 */
#ifndef EC_RISCV_DOT_H
#define EC_RISCV_DOT_H

#include <stdint.h>

#define EC_RISCV_LANES 4U /* channels, and vectors, of a block */
#define EC_RISCV_QUAD_BYTES 16

/* Four channels times the input in %[x]; `next` loads the following input where its latency is hidden. */
#define EC_RISCV_COLUMN(v, next)                                          \
    "mul %[t], %[w0], %[x]\n"                                             \
    "mul %[u], %[w1], %[x]\n"                                             \
    "add %[s0" #v "], %[s0" #v "], %[t]\n"                                \
    "add %[s1" #v "], %[s1" #v "], %[u]\n"                                \
    "mul %[t], %[w2], %[x]\n"                                             \
    "mul %[u], %[w3], %[x]\n" next "add %[s2" #v "], %[s2" #v "], %[t]\n" \
    "add %[s3" #v "], %[s3" #v "], %[u]\n"

#define EC_RISCV_INPUT(e, v) "lb %[x], 4*" #v "+" #e "(%[input])\n"

#define EC_RISCV_BIAS(c)               \
    "lw %[s" #c "0], 4*" #c "(%[u])\n" \
    "mv %[s" #c "1], %[s" #c "0]\n"    \
    "mv %[s" #c "2], %[s" #c "0]\n"    \
    "mv %[s" #c "3], %[s" #c "0]\n"

/* Element e of a quad: 8 loads, 16 products. */
#define EC_RISCV_ELEMENT(e)                                                                                                \
    EC_RISCV_INPUT(e, 0)                                                                                                   \
    "lb %[w0], 4*" #e "+0(%[weights])\n"                                                                                   \
    "lb %[w1], 4*" #e "+1(%[weights])\n"                                                                                   \
    "lb %[w2], 4*" #e "+2(%[weights])\n"                                                                                   \
    "lb %[w3], 4*" #e "+3(%[weights])\n" EC_RISCV_COLUMN(0, EC_RISCV_INPUT(e, 1)) EC_RISCV_COLUMN(1, EC_RISCV_INPUT(e, 2)) \
        EC_RISCV_COLUMN(2, EC_RISCV_INPUT(e, 3)) EC_RISCV_COLUMN(3, "")

/* sums[4 * c + v] = bias[c] + products of channel c and vector v, all four of each.
 *
 * One block of assembly with 26 registers, all that there are beside a frame pointer: the compiler would spill half of the sums. The
 * bias comes in %[u], as operands are scarce too. %[end] lies where the last quad starts (above its first byte), plus the elements
 * left over, so that one register ends both loops.
 */
static inline __attribute__((always_inline)) void ec_riscv_dot_4x4(const int8_t *weights, const int8_t *input, uint32_t count,
                                                                   const int32_t *bias, int32_t sums[16]) {
    int32_t w0, w1, w2, w3, x, t;
    const int32_t *u = bias;
    const int8_t *end = input + (count / 4U) * EC_RISCV_QUAD_BYTES + count % 4U - (EC_RISCV_QUAD_BYTES - 1);
    __asm__(EC_RISCV_BIAS(0) EC_RISCV_BIAS(1) EC_RISCV_BIAS(2)
                EC_RISCV_BIAS(3) "bgeu %[input], %[end], 2f\n"
                                 "1:\n" EC_RISCV_ELEMENT(0) EC_RISCV_ELEMENT(1) EC_RISCV_ELEMENT(2)
                                     EC_RISCV_ELEMENT(3) "addi %[input], %[input], 16\n"
                                                         "addi %[weights], %[weights], 16\n"
                                                         "bltu %[input], %[end], 1b\n"
                                                         "2:\n"
                                                         "addi %[end], %[end], 15\n"
                                                         "beq %[input], %[end], 4f\n"
                                                         "3:\n" EC_RISCV_ELEMENT(0) "addi %[input], %[input], 1\n"
                                                                                    "addi %[weights], %[weights], 4\n"
                                                                                    "bne %[input], %[end], 3b\n"
                                                                                    "4:\n"
            : [s00] "=&r"(sums[0]), [s01] "=&r"(sums[1]), [s02] "=&r"(sums[2]), [s03] "=&r"(sums[3]), [s10] "=&r"(sums[4]),
              [s11] "=&r"(sums[5]), [s12] "=&r"(sums[6]), [s13] "=&r"(sums[7]), [s20] "=&r"(sums[8]), [s21] "=&r"(sums[9]),
              [s22] "=&r"(sums[10]), [s23] "=&r"(sums[11]), [s30] "=&r"(sums[12]), [s31] "=&r"(sums[13]), [s32] "=&r"(sums[14]),
              [s33] "=&r"(sums[15]), [weights] "+r"(weights), [input] "+r"(input), [w0] "=&r"(w0), [w1] "=&r"(w1), [w2] "=&r"(w2),
              [w3] "=&r"(w3), [x] "=&r"(x), [t] "=&r"(t), [u] "+r"(u), [end] "+r"(end)
            :
            : "memory");
}

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
